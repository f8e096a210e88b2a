/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Messages of gRPC bodies: what the walker says becomes values that are searched. Of the input nothing is kept but what
 * a guess of the walker waits for.
 */

#include "pipeline/scan_batch.h"
#include "pipeline/scan_grpc.h"

#define NUMBER_MIN       10000000u          /* no detector looks for less than eight digits in a number */
#define DIGITS_MAX       20u                /* of 64 bits */
#define DOUBLE_EXACT_MAX 9007199254740992.0 /* 2^53: beyond it not every whole number is a double */

/* --------------------------------------------------------------------- values */

void scan_grpc_value(const struct scan_grpc_feed *feed, struct span name, struct parse_input input)
{
    struct scan_grpc *grpc = feed->grpc;
    struct scan_value value = {name, grpc->value_offset};
    grpc->value_open = !input.last;
    grpc->value_name_size = min_u32(name.size, sizeof(grpc->value_name));
    if (grpc->value_open && name.size)
        memcpy(grpc->value_name, name.data, grpc->value_name_size);
    scan_value(feed->worker, feed->exchange, feed->response, &value, input);
}

void scan_grpc_value_close(const struct scan_grpc_feed *feed)
{
    const struct scan_grpc *grpc = feed->grpc;
    char name[BODY_NAME_MAX];
    if (!grpc->value_open)
        return;
    memcpy(name, grpc->value_name, grpc->value_name_size);
    scan_grpc_value(feed, span_of(name, grpc->value_name_size),
                    (struct parse_input){.data = grpc->carry, .last = true});
}

static void values_flush(const struct scan_grpc_feed *feed)
{
    scan_batch_flush(feed->worker, feed->exchange, feed->response);
}

/* A value that is there as a whole, and none before it is open. */
static void value_whole(const struct scan_grpc_feed *feed, struct span name, struct span value)
{
    if (feed->grpc->value_open ||
        !scan_batch_add(feed->worker, feed->exchange, feed->response, name, value, feed->grpc->value_offset))
        scan_grpc_value(feed, name, (struct parse_input){.data = value.data, .size = value.size, .last = true});
}

/* The number as people write it; false for those that are no whole number of enough digits. */
static bool number_of(const struct protobuf_item *item, uint64_t *number_out)
{
    double real = 0;
    switch (item->type) {
    case PROTOBUF_INT64:
    case PROTOBUF_UINT64:
    case PROTOBUF_INT32:
    case PROTOBUF_UINT32:
    case PROTOBUF_FIXED64:
    case PROTOBUF_FIXED32:
    case PROTOBUF_SFIXED64:
    case PROTOBUF_SFIXED32:
        *number_out = item->number;
        break;
    case PROTOBUF_SINT64:
    case PROTOBUF_SINT32:
        *number_out = item->number & 1 ? 0 : item->number >> 1;
        break;
    case PROTOBUF_DOUBLE:
        memcpy(&real, &item->number, sizeof(real));
        if (!(real >= NUMBER_MIN && real <= DOUBLE_EXACT_MAX))
            return false;
        *number_out = (uint64_t)real;
        return (double)*number_out == real;
    default:
        return false; /* without a descriptor a number may be anything, a time as well as a card */
    }
    return *number_out >= NUMBER_MIN && *number_out <= INT64_MAX;
}

static void number_item(const struct scan_grpc_feed *feed, const struct protobuf_item *item)
{
    uint8_t digits[DIGITS_MAX];
    uint32_t size = 0;
    uint64_t number = 0;
    if (!number_of(item, &number))
        return;
    for (; number; number /= 10)
        digits[DIGITS_MAX - ++size] = (uint8_t)('0' + number % 10);
    char path[BODY_NAME_MAX];
    struct span name = span_of(path, protobuf_path(&feed->grpc->walker, path, sizeof(path)));
    feed->grpc->value_offset = feed->grpc->content_size + feed->grpc->walker.offset;
    value_whole(feed, name, span_of(digits + DIGITS_MAX - size, size));
}

static void text_item(const struct scan_grpc_feed *feed, const struct protobuf_item *item)
{
    struct scan_grpc *grpc = feed->grpc;
    char path[BODY_NAME_MAX];
    struct span name = span_of(path, protobuf_path(&grpc->walker, path, sizeof(path)));
    if (item->first) {
        scan_grpc_value_close(feed);
        grpc->value_offset = grpc->content_size + grpc->walker.offset - item->text.size - item->lost;
    }
    if (item->first && item->last && item->text.data) {
        value_whole(feed, name, item->text);
        return;
    }
    values_flush(feed);
    if (!item->text.data) {
        scan_grpc_value(feed, name, (struct parse_input){.lost = item->lost});
        if (item->last)
            scan_grpc_value_close(feed);
        return;
    }
    scan_grpc_value(feed, name,
                    (struct parse_input){.data = item->text.data, .size = item->text.size, .last = item->last});
}

/* Where the message is not as its descriptor says: evidence, should all of it turn out to be protobuf, or none. */
static void note_flaw(struct scan_grpc *grpc)
{
    grpc->flags_seen = grpc->walker.flags;
    if (grpc->flaw_size == 0 || grpc->walker.outcome == PROTOBUF_MALFORMED)
        grpc->flaw_size = protobuf_path(&grpc->walker, grpc->flaw, sizeof(grpc->flaw));
}

/* --------------------------------------------------------------------- walker */

/* Walks the input and searches what it says. Returns the bytes consumed; all of them when the walk has ended. */
static uint32_t walk_input(const struct scan_grpc_feed *feed, struct parse_input input)
{
    struct scan_grpc *grpc = feed->grpc;
    uint32_t consumed = 0, total = input.data ? input.size : input.lost;
    bool more;
    for (;;) {
        struct protobuf_item item;
        struct parse_step step = protobuf_parse(&grpc->walker, &input, &item);
        consumed += step.consumed;
        parse_input_advance(&input, step.consumed);
        if (grpc->walker.flags != grpc->flags_seen || grpc->walker.outcome == PROTOBUF_MALFORMED)
            note_flaw(grpc);
        more = step.status == PARSE_MORE;
        if (step.status != PARSE_ITEM)
            break;
        if (item.kind == PROTOBUF_ITEM_NUMBER)
            number_item(feed, &item);
        else
            text_item(feed, &item);
    }
    values_flush(feed);
    if (more)
        return consumed;
    if (grpc->walker.outcome == PROTOBUF_COMPLETE)
        return total;
    /* What is no protobuf is still searched, as one text. */
    scan_grpc_value_close(feed);
    grpc->mode = SCAN_GRPC_PLAIN;
    grpc->value_offset = grpc->content_size + grpc->walker.offset;
    input.last = false;
    scan_grpc_value(feed, (struct span){0}, input);
    return total;
}

/* Bytes that a guess waited for and new ones become one input until the walker has passed the old ones. */
static struct span walk_carry(const struct scan_grpc_feed *feed, struct span data, bool last)
{
    struct scan_grpc *grpc = feed->grpc;
    while (grpc->carry_size && grpc->mode == SCAN_GRPC_WALK && (data.size || last)) {
        uint32_t old = grpc->carry_size, take = min_u32(data.size, PROTOBUF_GUESS_MAX - old);
        if (take)
            memcpy(grpc->carry + old, data.data, take);
        bool end = last && take == data.size;
        uint32_t consumed =
            walk_input(feed, (struct parse_input){.data = grpc->carry, .size = old + take, .last = end});
        if (consumed >= old) {
            grpc->carry_size = 0;
            return span_from(data, consumed - old);
        }
        memmove(grpc->carry, grpc->carry + consumed, old + take - consumed);
        grpc->carry_size = old + take - consumed;
        data = span_from(data, take);
        /* The walker waits for no more than fits. */
        require(consumed || take);
    }
    return data;
}

void scan_grpc_walk(const struct scan_grpc_feed *feed, struct span data, bool last)
{
    struct scan_grpc *grpc = feed->grpc;
    if (grpc->carry_size)
        data = walk_carry(feed, data, last);
    if (grpc->mode == SCAN_GRPC_PLAIN && data.size)
        scan_grpc_value(feed, (struct span){0}, (struct parse_input){.data = data.data, .size = data.size});
    if (grpc->mode != SCAN_GRPC_WALK || grpc->carry_size || grpc->walker.outcome != PROTOBUF_OPEN ||
        (data.size == 0 && !last))
        return;
    const uint8_t *begin = data.size ? data.data : grpc->carry;
    uint32_t consumed = walk_input(feed, (struct parse_input){.data = begin, .size = data.size, .last = last});
    grpc->carry_size = data.size - consumed;
    require(grpc->carry_size <= PROTOBUF_GUESS_MAX);
    if (grpc->carry_size)
        memcpy(grpc->carry, begin + consumed, grpc->carry_size);
}

/* What a guess waits for will not come. */
void scan_grpc_walk_hurry(const struct scan_grpc_feed *feed)
{
    struct scan_grpc *grpc = feed->grpc;
    uint32_t size = grpc->carry_size;
    grpc->carry_size = 0;
    protobuf_hurry(&grpc->walker);
    if (size)
        walk_input(feed, (struct parse_input){.data = grpc->carry, .size = size});
}

void scan_grpc_walk_lost(const struct scan_grpc_feed *feed, uint32_t lost)
{
    scan_grpc_walk_hurry(feed);
    if (feed->grpc->mode == SCAN_GRPC_WALK)
        walk_input(feed, (struct parse_input){.lost = lost});
    else
        scan_grpc_value(feed, (struct span){0}, (struct parse_input){.lost = lost});
}
