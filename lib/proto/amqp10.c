/* SPDX-License-Identifier: Apache-2.0 */

/*
 * AMQP 1.0 frames. A frame says its length and a performative says its own, so between holes there is nothing to search
 * for; behind one the search asks for a performative whose fields have their types, and for a frame where that one
 * ends.
 */

#include "proto/amqp10.h"

#include "proto/amqp10_descriptor.h"
#include "proto/amqp10_performative.h"
#include "proto/amqp_bytes.h"

#define FRAME_HEADER 8u /* size, data offset, type, channel; as long as a protocol header */
#define TYPE_SASL    1u
#define PLAIN_OFFSET 2u  /* data offset of a frame without extended header: all that is sent */
#define FRONT_NEXT   11u /* a frame header and the short descriptor of a performative */

enum state { STATE_FRAME, STATE_PAYLOAD, STATE_PASS, STATE_SEARCH, STATE_CHECK, STATE_STOPPED };

enum candidate { CANDIDATE_NO, CANDIDATE_YES, CANDIDATE_LONG, CANDIDATE_MORE };

static struct parse_step item_step(struct amqp10 *parser, struct amqp10_item *item, uint32_t consumed)
{
    item->anomalies = parser->anomalies;
    parser->anomalies = 0;
    return parse_step_of(PARSE_ITEM, consumed, 0);
}

static struct parse_step more_step(const struct parse_input *input, uint32_t consumed, uint32_t needed)
{
    return parse_step_of(input->last ? PARSE_STOP : PARSE_MORE, consumed, needed);
}

/* From here on a frame has to be found. */
static struct parse_step lose(struct amqp10 *parser, struct amqp10_item *item, uint64_t anomaly, uint32_t consumed)
{
    parser->state = STATE_SEARCH;
    parser->after_loss = true;
    parser->anomalies |= anomaly;
    *item = (struct amqp10_item){.kind = AMQP10_LOST};
    return item_step(parser, item, consumed);
}

/* ---- performatives ---- */

struct front {
    struct span fields;
    uint64_t size; /* of the performative */
    uint32_t count;
    uint8_t code;
};

/* Its length, as soon as its first bytes tell. */
static enum amqp10_size performative_size(struct span body, uint64_t *size_out)
{
    return body.size && body.data[0] != 0 ? AMQP10_SIZE_MALFORMED : amqp10_value_size(body, size_out);
}

static bool performative_front(struct span performative, struct front *front)
{
    struct amqp10_value value;
    front->size = performative.size;
    if (!amqp10_value_read(&performative, &value) || performative.size || !value.described || !value.descriptor_known ||
        value.descriptor > UINT8_MAX || value.kind != AMQP10_LIST)
        return false;
    front->fields = value.bytes;
    front->count = value.count;
    front->code = (uint8_t)value.descriptor;
    return amqp10_performative_name(front->code) != NULL;
}

/* ---- search ---- */

/* A frame header that real peers send, and the descriptor of a performative behind it. */
static bool header_plausible(const struct amqp10 *parser, struct span data)
{
    uint32_t size = amqp_u32(data.data);
    uint8_t type = data.data[5];
    if (size < FRAME_HEADER || size > (parser->frame_max ? parser->frame_max : AMQP10_FRAME_LIMIT) ||
        data.data[4] != PLAIN_OFFSET || type > TYPE_SASL)
        return false;
    if (size == FRAME_HEADER || data.size < FRONT_NEXT)
        return true;
    bool small = data.data[8] == 0 && data.data[9] == 0x53 && amqp10_performative_name(data.data[10]) &&
                 (data.data[10] >= AMQP10_SASL_MECHANISMS) == (type == TYPE_SASL);
    bool symbol = data.data[8] == 0 && data.data[9] == 0xa3 && data.data[10] <= AMQP10_DESCRIPTOR_NAME_MAX;
    return small || symbol || (data.data[8] == 0 && data.data[9] == 0x80 && data.data[10] == 0);
}

static enum candidate next_plausible(const struct amqp10 *parser, struct span rest, bool last)
{
    enum candidate wait = last ? CANDIDATE_NO : CANDIDATE_MORE;
    if (rest.size == 0)
        return last ? CANDIDATE_YES : CANDIDATE_MORE;
    if (rest.data[0] > AMQP10_FRAME_LIMIT >> 24)
        return CANDIDATE_NO;
    if (rest.size < FRAME_HEADER)
        return wait;
    if (!header_plausible(parser, rest))
        return CANDIDATE_NO;
    return rest.size >= FRONT_NEXT || amqp_u32(rest.data) == FRAME_HEADER ? CANDIDATE_YES : wait;
}

static enum candidate candidate_judge(const struct amqp10 *parser, struct span data, bool last)
{
    enum candidate wait = last ? CANDIDATE_NO : CANDIDATE_MORE;
    if (data.data[0] > AMQP10_FRAME_LIMIT >> 24)
        return CANDIDATE_NO;
    if (data.size < FRONT_NEXT)
        return data.size < 5 || data.data[4] == PLAIN_OFFSET ? wait : CANDIDATE_NO;
    uint32_t size = amqp_u32(data.data);
    if (size == FRAME_HEADER || !header_plausible(parser, data))
        return CANDIDATE_NO;
    struct span body = span_from(data, FRAME_HEADER);
    uint64_t held;
    enum amqp10_size known = performative_size(body, &held);
    if (known == AMQP10_SIZE_MORE)
        return wait;
    if (known == AMQP10_SIZE_MALFORMED || held > AMQP10_RESYNC_MAX || held > size - FRAME_HEADER)
        return CANDIDATE_NO;
    if (body.size < held)
        return wait;
    struct front front;
    struct amqp10_performative read;
    if (!performative_front(span_first(body, (uint32_t)held), &front) ||
        !amqp10_performative_read(front.code, front.fields, front.count, &read))
        return CANDIDATE_NO;
    if (front.code != AMQP10_TRANSFER && held != size - FRAME_HEADER)
        return CANDIDATE_NO;
    if (size > AMQP10_RESYNC_MAX)
        return CANDIDATE_LONG;
    return data.size < size ? wait : next_plausible(parser, span_from(data, size), last);
}

/* True: *at is at a frame. What lies before it, and what a long frame holds, is passed. */
static bool search(struct amqp10 *parser, struct span data, bool last, uint32_t *at)
{
    while (*at < data.size) {
        struct span rest = span_from(data, *at);
        if (parser->state == STATE_CHECK && parser->rest) {
            uint32_t size = min_u32(rest.size, parser->rest);
            parser->rest -= size;
            parser->bytes_skipped += size;
            *at += size;
            continue;
        }
        bool checking = parser->state == STATE_CHECK;
        enum candidate answer = checking ? next_plausible(parser, rest, last) : candidate_judge(parser, rest, last);
        if (answer == CANDIDATE_YES || answer == CANDIDATE_MORE)
            return answer == CANDIDATE_YES;
        parser->state = answer == CANDIDATE_LONG ? STATE_CHECK : STATE_SEARCH;
        if (answer == CANDIDATE_LONG) {
            parser->rest = amqp_u32(rest.data);
        } else if (!checking) {
            (*at)++;
            parser->bytes_skipped++;
        }
    }
    return false;
}

/* ---- frames ---- */

static struct parse_step protocol_header(struct amqp10 *parser, const uint8_t *data, uint32_t at,
                                         struct amqp10_item *item)
{
    *item = (struct amqp10_item){.kind = AMQP10_PROTOCOL_HEADER, .header = {data[4], data[5], data[6], data[7]}};
    static const uint8_t version[] = {1, 0, 0};
    bool read_here = memcmp(data + 5, version, 3) == 0 && (data[4] == AMQP10_AMQP || data[4] == AMQP10_SASL);
    parser->state = read_here ? STATE_FRAME : STATE_STOPPED;
    return item_step(parser, item, at + FRAME_HEADER);
}

/* A performative that is longer than anybody needs: what it opened will not be known. */
static struct parse_step too_long(struct amqp10 *parser, struct span body, uint32_t frame_size, uint32_t at,
                                  struct amqp10_item *item)
{
    static const uint8_t transfer[] = {0, 0x53, AMQP10_TRANSFER};
    static const char symbol[] = "\0\xa3\x12"
                                 "amqp:transfer:list";
    if (body.size < 3 || memcmp(body.data, transfer, 3) == 0 ||
        memcmp(body.data, symbol, min_u32(body.size, sizeof(symbol) - 1)) == 0)
        return lose(parser, item, ANOMALY_BIT(ANOMALY_FRAME_SIZE), at);
    parser->anomalies |= ANOMALY_BIT(ANOMALY_FRAME_SIZE);
    parser->bytes_skipped += frame_size;
    parser->rest = frame_size;
    parser->state = STATE_PASS;
    return parse_step_of(PARSE_MORE, at, 0);
}

/* A frame with a body. The answer MORE with the state PASS: go on. */
static struct parse_step performative(struct amqp10 *parser, const struct parse_input *input, uint32_t at,
                                      struct amqp10_item *item)
{
    const uint8_t *frame = input->data + at;
    uint32_t available = input->size - at, size = amqp_u32(frame), offset = frame[4] * 4u;
    struct span body = span_from(span_of(frame, min_u32(available, size)), min_u32(offset, available));
    uint64_t held = 0;
    enum amqp10_size known = performative_size(body, &held);
    bool whole_frame = available >= size;
    if (known == AMQP10_SIZE_MORE && !whole_frame)
        return more_step(input, at, min_u32(size, offset + AMQP10_FRONT_MAX));
    if (known != AMQP10_SIZE_KNOWN || held > size - offset)
        return lose(parser, item, ANOMALY_BIT(ANOMALY_FRAME_FIELDS), at);
    if (held > AMQP10_HELD_MAX - offset)
        return too_long(parser, body, size, at, item);
    if (body.size < held)
        return more_step(input, at, offset + (uint32_t)held);
    struct front front;
    if (!performative_front(span_first(body, (uint32_t)held), &front))
        return lose(parser, item, ANOMALY_BIT(ANOMALY_FRAME_FIELDS), at);
    parser->channel = amqp_u16(frame + 6);
    parser->rest = size - offset - (uint32_t)held;
    parser->state = front.code == AMQP10_TRANSFER ? STATE_PAYLOAD : parser->rest ? STATE_PASS : STATE_FRAME;
    if (parser->state == STATE_PASS)
        parser->anomalies |= ANOMALY_BIT(ANOMALY_FRAME_FIELDS);
    if (parser->after_loss)
        parser->anomalies |= ANOMALY_BIT(ANOMALY_AFTER_LOSS);
    parser->after_loss = false;
    *item = (struct amqp10_item){.kind = AMQP10_PERFORMATIVE, .channel = parser->channel};
    item->performative.fields = front.fields;
    item->performative.count = front.count;
    item->performative.code = front.code;
    return item_step(parser, item, at + offset + (uint32_t)held);
}

/* At the front of a frame. The answer MORE with bytes consumed or the state PASS: go on. */
static struct parse_step frame(struct amqp10 *parser, const struct parse_input *input, uint32_t at,
                               struct amqp10_item *item)
{
    const uint8_t *data = input->data + at;
    uint32_t available = input->size - at;
    if (available < FRAME_HEADER)
        return more_step(input, at, FRAME_HEADER);
    if (memcmp(data, "AMQP", 4) == 0)
        return protocol_header(parser, data, at, item);
    uint32_t size = amqp_u32(data), offset = data[4] * 4u;
    if (size > AMQP10_FRAME_LIMIT)
        return lose(parser, item, ANOMALY_BIT(ANOMALY_FRAME_SIZE), at);
    if (offset < FRAME_HEADER || offset > size || data[5] > TYPE_SASL)
        return lose(parser, item, ANOMALY_BIT(ANOMALY_FRAME_END), at);
    if (parser->frame_max && size > parser->frame_max)
        parser->anomalies |= ANOMALY_BIT(ANOMALY_FRAME_SIZE);
    if (size > offset)
        return performative(parser, input, at, item);
    /* An empty frame keeps the connection alive. */
    parser->state = STATE_PASS;
    parser->rest = size;
    return parse_step_of(PARSE_MORE, at, 0);
}

static struct parse_step payload(struct amqp10 *parser, const struct parse_input *input, uint32_t at,
                                 struct amqp10_item *item)
{
    uint32_t size = min_u32(input->size - at, parser->rest);
    *item = (struct amqp10_item){.kind = parser->rest ? AMQP10_PAYLOAD : AMQP10_FRAME_END, .channel = parser->channel};
    if (parser->rest == 0)
        parser->state = STATE_FRAME;
    else
        item->payload.data = span_of(input->data + at, size);
    parser->rest -= size;
    return item_step(parser, item, at + size);
}

/* ---- driver ---- */

static struct parse_step hole(struct amqp10 *parser, uint32_t lost, struct amqp10_item *item)
{
    if (parser->state == STATE_STOPPED)
        return parse_step_of(PARSE_STOP, 0, 0);
    if (lost == 0)
        return parse_step_of(PARSE_MORE, 0, 0);
    uint32_t here = min_u32(lost, parser->rest);
    switch (parser->state) {
    case STATE_PAYLOAD:
        parser->rest -= here;
        *item = (struct amqp10_item){.kind = here ? AMQP10_PAYLOAD : AMQP10_FRAME_END, .channel = parser->channel};
        item->payload.lost = here;
        if (!here)
            parser->state = STATE_FRAME;
        return item_step(parser, item, here);
    case STATE_PASS:
    case STATE_CHECK:
        if (here < lost)
            break;
        parser->rest -= here;
        return parse_step_of(PARSE_MORE, lost, 0);
    default:
        break;
    }
    if (parser->state != STATE_SEARCH && parser->state != STATE_CHECK)
        return lose(parser, item, 0, lost);
    parser->state = STATE_SEARCH;
    return parse_step_of(PARSE_MORE, lost, 0);
}

void amqp10_init(struct amqp10 *parser)
{
    *parser = (struct amqp10){0};
}

void amqp10_init_midstream(struct amqp10 *parser)
{
    *parser = (struct amqp10){.state = STATE_SEARCH, .after_loss = true};
}

void amqp10_set_frame_max(struct amqp10 *parser, uint32_t frame_max_bytes)
{
    parser->frame_max = frame_max_bytes;
}

struct parse_step amqp10_parse(struct amqp10 *parser, const struct parse_input *input, struct amqp10_item *item_out)
{
    if (!input->data)
        return hole(parser, input->lost, item_out);
    if (parser->state == STATE_STOPPED)
        return parse_step_of(PARSE_STOP, 0, 0);
    uint32_t at = 0;
    if (parser->state == STATE_SEARCH || parser->state == STATE_CHECK) {
        if (!search(parser, span_of(input->data, input->size), input->last, &at))
            return more_step(input, at, 0);
        parser->state = STATE_FRAME;
    }
    /* The end of a transfer is told without a byte of its own. */
    while (at < input->size || (parser->state == STATE_PAYLOAD && parser->rest == 0)) {
        if (parser->state == STATE_PAYLOAD)
            return payload(parser, input, at, item_out);
        if (parser->state == STATE_PASS) {
            uint32_t size = min_u32(input->size - at, parser->rest);
            parser->rest -= size;
            at += size;
            parser->state = parser->rest ? STATE_PASS : STATE_FRAME;
            continue;
        }
        struct parse_step step = frame(parser, input, at, item_out);
        if (step.status != PARSE_MORE || parser->state != STATE_PASS)
            return step;
    }
    return more_step(input, at, 0);
}
