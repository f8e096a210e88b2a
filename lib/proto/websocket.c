/* SPDX-License-Identifier: Apache-2.0 */

/*
 * WebSocket frames
 *
 * One state for each part of a frame. A control frame is held back until it is whole, its 125 bytes at most, so that
 * its payload is one span; the payload of a message is shown as it comes.
 */

#include "proto/websocket.h"

#include "proto/websocket_chain.h"
#include "proto/websocket_header.h"

enum state {
    STATE_HEADER,
    STATE_PAYLOAD, /* of a message */
    STATE_CONTROL, /* payload of a control frame, held back */
    STATE_SKIP,    /* what is left of a control frame that is too long, or was cut */
    STATE_RESYNC,
    STATE_END,
};

/* What a step of the machine came to. */
enum answer { ANSWER_AGAIN, ANSWER_ITEM, ANSWER_MORE, ANSWER_STOP };

struct cursor {
    const uint8_t *data;
    uint32_t size; /* left */
    uint32_t consumed;
    uint32_t lost; /* left; data is NULL then */
    uint32_t needed;
    bool last;
};

static void cursor_take(struct cursor *cursor, uint32_t size)
{
    if (size == 0)
        return;
    cursor->data += size;
    cursor->size -= size;
    cursor->consumed += size;
}

const char *websocket_opcode_name(uint8_t opcode)
{
    static const char *const names[16] = {
        [WEBSOCKET_CONTINUATION] = "continuation",
        [WEBSOCKET_TEXT] = "text",
        [WEBSOCKET_BINARY] = "binary",
        [WEBSOCKET_CLOSE] = "close",
        [WEBSOCKET_PING] = "ping",
        [WEBSOCKET_PONG] = "pong",
    };
    const char *name = names[opcode & 15];
    return name ? name : "reserved";
}

void websocket_unmask(const uint8_t *data, uint32_t size, const uint8_t mask[4], uint8_t *out)
{
    uint32_t i = 0;
    uint64_t wide;
    memcpy(&wide, mask, 4);
    memcpy((uint8_t *)&wide + 4, mask, 4);
    for (; size - i >= 8; i += 8) {
        uint64_t bytes;
        memcpy(&bytes, data + i, 8);
        bytes ^= wide;
        memcpy(out + i, &bytes, 8);
    }
    for (; i < size; i++)
        out[i] = data[i] ^ mask[i & 3];
}

void websocket_init(struct websocket *parser, enum websocket_sender sender, enum websocket_deflate deflate,
                    uint8_t *window)
{
    *parser = (struct websocket){.sender = (uint8_t)sender, .deflate = (uint8_t)deflate, .window = window};
}

static enum answer begin_resync(struct websocket *parser)
{
    parser->state = STATE_RESYNC;
    parser->after_loss = true;
    parser->pending = 0;
    return ANSWER_AGAIN;
}

void websocket_init_midstream(struct websocket *parser)
{
    (void)begin_resync(parser);
}

/* The mask as it falls on the byte behind the next `count` ones. */
static void turn_mask(struct websocket *parser, uint64_t count)
{
    uint8_t turned[4];
    for (uint32_t i = 0; i < 4; i++)
        turned[i] = parser->mask[(i + count) & 3];
    memcpy(parser->mask, turned, sizeof(turned));
}

static enum answer give(struct websocket *parser, struct websocket_item *item)
{
    item->anomalies = parser->anomalies;
    parser->anomalies = 0;
    return ANSWER_ITEM;
}

static enum answer give_end(struct websocket *parser, bool complete, struct websocket_item *item_out)
{
    parser->open = false;
    *item_out = (struct websocket_item){.kind = WEBSOCKET_MESSAGE_END, .complete = complete};
    return give(parser, item_out);
}

/* -------------------------------------------------------------------- headers */

static void note_header(struct websocket *parser, const struct websocket_header *header)
{
    bool control = websocket_is_control(header->opcode), first = header->opcode != WEBSOCKET_CONTINUATION;
    bool deflate_ok = parser->deflate != WEBSOCKET_DEFLATE_NONE && !control && first;
    uint64_t anomalies = 0;
    if (header->masked != (parser->sender == WEBSOCKET_CLIENT))
        anomalies |= ANOMALY_BIT(ANOMALY_WEBSOCKET_MASKING);
    if (header->reserved || (header->compressed && !deflate_ok) || websocket_is_reserved(header->opcode))
        anomalies |= ANOMALY_BIT(ANOMALY_WEBSOCKET_RESERVED);
    if (!header->shortest)
        anomalies |= ANOMALY_BIT(ANOMALY_WEBSOCKET_LENGTH);
    if (control && (!header->final || header->length > WEBSOCKET_CONTROL_MAX))
        anomalies |= ANOMALY_BIT(ANOMALY_WEBSOCKET_CONTROL);
    if (parser->closed || (!control && first == parser->open && !(parser->after_loss && !parser->open)))
        anomalies |= ANOMALY_BIT(ANOMALY_WEBSOCKET_ORDER);
    parser->anomalies |= anomalies;
}

static enum answer begin_message(struct websocket *parser, const struct websocket_header *header,
                                 struct websocket_item *item_out)
{
    if (parser->after_loss)
        parser->anomalies |= ANOMALY_BIT(ANOMALY_AFTER_LOSS);
    parser->after_loss = false;
    parser->open = true;
    *item_out = (struct websocket_item){
        .kind = WEBSOCKET_MESSAGE_BEGIN,
        .opcode = header->opcode,
        .compressed = header->compressed && parser->deflate != WEBSOCKET_DEFLATE_NONE,
        .length = header->final && header->length <= INT64_MAX ? header->length : WEBSOCKET_LENGTH_UNKNOWN,
    };
    return give(parser, item_out);
}

static void begin_frame(struct websocket *parser, const struct websocket_header *header, struct cursor *cursor)
{
    note_header(parser, header);
    cursor_take(cursor, header->size);
    parser->frames++;
    parser->rest = header->length;
    parser->opcode = header->opcode;
    parser->final = header->final;
    parser->masked = header->masked;
    memcpy(parser->mask, header->mask, sizeof(parser->mask));
}

static enum answer step_header(struct websocket *parser, struct cursor *cursor, struct websocket_item *item_out)
{
    struct websocket_header header;
    uint32_t needed = websocket_header_read(cursor->data, cursor->size, &header);
    if (needed > cursor->size) {
        cursor->needed = needed;
        return ANSWER_MORE;
    }
    if (header.length > INT64_MAX) {
        /* Nothing behind it can be found: told with the end of a message, where one has to be made for it. */
        parser->anomalies |= ANOMALY_BIT(ANOMALY_WEBSOCKET_LENGTH);
        if (!parser->open)
            return begin_message(parser, &header, item_out);
        parser->state = STATE_END;
        return give_end(parser, false, item_out);
    }
    bool control = websocket_is_control(header.opcode), first = header.opcode != WEBSOCKET_CONTINUATION;
    if (!control && first && parser->open) {
        parser->anomalies |= ANOMALY_BIT(ANOMALY_WEBSOCKET_ORDER);
        return give_end(parser, false, item_out);
    }
    begin_frame(parser, &header, cursor);
    parser->state = control ? STATE_CONTROL : STATE_PAYLOAD;
    if (control || parser->open)
        return ANSWER_AGAIN;
    return begin_message(parser, &header, item_out);
}

/* ------------------------------------------------------------------- payloads */

/* Unmasks as much as the window holds. */
static struct span show(const struct websocket *parser, const uint8_t *data, uint32_t size)
{
    if (!parser->masked)
        return span_of(data, size);
    websocket_unmask(data, size, parser->mask, parser->window);
    return span_of(parser->window, size);
}

static enum answer step_payload(struct websocket *parser, struct cursor *cursor, struct websocket_item *item_out)
{
    if (parser->rest == 0) {
        parser->state = STATE_HEADER;
        return parser->final ? give_end(parser, true, item_out) : ANSWER_AGAIN;
    }
    uint32_t size = (uint32_t)min_u64(cursor->size, parser->rest);
    if (size == 0)
        return ANSWER_MORE;
    if (parser->masked)
        size = min_u32(size, WEBSOCKET_WINDOW_SIZE);
    *item_out = (struct websocket_item){.kind = WEBSOCKET_DATA, .data = show(parser, cursor->data, size)};
    turn_mask(parser, size);
    parser->rest -= size;
    cursor_take(cursor, size);
    return give(parser, item_out);
}

/* RFC 6455 7.4: 1004 to 1006 and 1015 are never sent; 1016 to 2999 are of the protocol's future. */
static bool close_code_valid(uint32_t code)
{
    return (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) || (code >= 3000 && code <= 4999);
}

static void read_close(struct websocket *parser, struct websocket_item *item)
{
    parser->closed = true;
    if (item->data.size >= 2) {
        item->close_code = (uint16_t)(item->data.data[0] << 8 | item->data.data[1]);
        item->data = span_from(item->data, 2);
        if (!close_code_valid(item->close_code))
            parser->anomalies |= ANOMALY_BIT(ANOMALY_WEBSOCKET_CONTROL);
    } else if (item->data.size == 1) {
        parser->anomalies |= ANOMALY_BIT(ANOMALY_WEBSOCKET_CONTROL);
        item->data.size = 0;
    }
}

static enum answer step_control(struct websocket *parser, struct cursor *cursor, struct websocket_item *item_out)
{
    uint32_t size = (uint32_t)min_u64(parser->rest, WEBSOCKET_CONTROL_MAX);
    if (cursor->size < size) {
        cursor->needed = size;
        return ANSWER_MORE;
    }
    *item_out = (struct websocket_item){
        .kind = WEBSOCKET_CONTROL,
        .opcode = parser->opcode,
        .complete = size == parser->rest,
        .data = show(parser, cursor->data, size),
    };
    if (parser->opcode == WEBSOCKET_CLOSE)
        read_close(parser, item_out);
    else
        parser->controls++;
    cursor_take(cursor, size);
    parser->rest -= size;
    parser->state = STATE_SKIP;
    if (parser->after_loss)
        parser->anomalies |= ANOMALY_BIT(ANOMALY_AFTER_LOSS);
    return give(parser, item_out);
}

static enum answer step_skip(struct websocket *parser, struct cursor *cursor)
{
    uint32_t size = (uint32_t)min_u64(cursor->size, parser->rest);
    parser->rest -= size;
    parser->bytes_skipped += size;
    cursor_take(cursor, size);
    if (parser->rest)
        return ANSWER_MORE;
    parser->state = STATE_HEADER;
    return ANSWER_AGAIN;
}

/* ----------------------------------------------------------------------- loss */

static enum answer step_resync(struct websocket *parser, struct cursor *cursor)
{
    for (uint32_t at = 0; at < cursor->size; at++) {
        enum websocket_chain chain =
            websocket_chain_check((enum websocket_sender)parser->sender, (enum websocket_deflate)parser->deflate,
                                  cursor->data + at, cursor->size - at, cursor->last);
        if (chain == WEBSOCKET_CHAIN_NO)
            continue;
        parser->bytes_skipped += at;
        cursor_take(cursor, at);
        if (chain == WEBSOCKET_CHAIN_MORE)
            return ANSWER_MORE;
        parser->state = STATE_HEADER;
        return ANSWER_AGAIN;
    }
    parser->bytes_skipped += cursor->size;
    cursor_take(cursor, cursor->size);
    return ANSWER_MORE;
}

/* Missing bytes of a message's payload. */
static enum answer lose_payload(struct websocket *parser, struct cursor *cursor, struct websocket_item *item_out)
{
    uint32_t lost = (uint32_t)min_u64(cursor->lost, parser->rest);
    *item_out = (struct websocket_item){.kind = WEBSOCKET_DATA, .lost = lost};
    turn_mask(parser, lost);
    parser->rest -= lost;
    cursor->lost -= lost;
    cursor->consumed += lost;
    return give(parser, item_out);
}

/* Missing bytes of a control frame: the bytes held back are given up with them. */
static enum answer lose_control(struct websocket *parser, struct cursor *cursor, struct websocket_item *item_out)
{
    uint64_t rest = parser->rest - min_u64(parser->rest, parser->pending);
    uint32_t lost = (uint32_t)min_u64(cursor->lost, rest);
    bool told = parser->state == STATE_SKIP;
    parser->bytes_skipped += parser->pending;
    parser->pending = 0;
    parser->rest = rest - lost;
    cursor->lost -= lost;
    cursor->consumed += lost;
    parser->state = parser->rest || cursor->lost == 0 ? STATE_SKIP : STATE_RESYNC;
    if (told)
        return ANSWER_AGAIN;
    parser->closed = parser->closed || parser->opcode == WEBSOCKET_CLOSE;
    *item_out = (struct websocket_item){.kind = WEBSOCKET_CONTROL, .opcode = parser->opcode};
    return give(parser, item_out);
}

static enum answer lose(struct websocket *parser, struct cursor *cursor, struct websocket_item *item_out)
{
    if (cursor->lost == 0)
        return parser->state == STATE_PAYLOAD && parser->rest == 0 ? step_payload(parser, cursor, item_out)
                                                                   : ANSWER_MORE;
    if (parser->state == STATE_PAYLOAD && parser->rest)
        return lose_payload(parser, cursor, item_out);
    if (parser->state == STATE_CONTROL || (parser->state == STATE_SKIP && parser->rest))
        return lose_control(parser, cursor, item_out);
    /* The end of this frame was seen, or its bytes are all accounted for; the next one's begin was not. */
    if (parser->state == STATE_PAYLOAD && parser->final)
        return step_payload(parser, cursor, item_out);
    parser->bytes_skipped += parser->pending;
    (void)begin_resync(parser);
    if (parser->open)
        return give_end(parser, false, item_out);
    cursor->consumed += cursor->lost;
    cursor->lost = 0;
    return ANSWER_MORE;
}

/* --------------------------------------------------------------------- driver */

static enum answer step(struct websocket *parser, struct cursor *cursor, struct websocket_item *item_out)
{
    switch ((enum state)parser->state) {
    case STATE_HEADER:
        return step_header(parser, cursor, item_out);
    case STATE_PAYLOAD:
        return step_payload(parser, cursor, item_out);
    case STATE_CONTROL:
        return step_control(parser, cursor, item_out);
    case STATE_SKIP:
        return step_skip(parser, cursor);
    case STATE_RESYNC:
        return step_resync(parser, cursor);
    default:
        return ANSWER_STOP;
    }
}

/* Nothing follows what is left. */
static enum answer finish(struct websocket *parser, struct cursor *cursor, struct websocket_item *item_out)
{
    parser->bytes_skipped += cursor->size;
    cursor_take(cursor, cursor->size);
    parser->state = STATE_END;
    return parser->open ? give_end(parser, false, item_out) : ANSWER_STOP;
}

struct parse_step websocket_parse(struct websocket *parser, const struct parse_input *input,
                                  struct websocket_item *item_out)
{
    bool hole = !input->data && input->lost;
    struct cursor cursor = {
        .data = input->data,
        .size = input->data ? input->size : 0,
        .lost = hole ? input->lost : 0,
        .last = input->last,
    };
    enum answer answer = ANSWER_AGAIN;
    /* Each turn that asks for another one has taken the whole header or the rest of a frame. */
    while (answer == ANSWER_AGAIN && parser->state != STATE_END)
        answer = hole ? lose(parser, &cursor, item_out) : step(parser, &cursor, item_out);
    if (parser->state == STATE_END && answer != ANSWER_ITEM)
        answer = ANSWER_STOP;
    if (answer == ANSWER_MORE && input->last)
        answer = finish(parser, &cursor, item_out);
    parser->pending = answer == ANSWER_MORE && !hole ? cursor.size : 0;
    if (answer == ANSWER_ITEM)
        return parse_step_of(PARSE_ITEM, cursor.consumed, 0);
    return parse_step_of(answer == ANSWER_MORE ? PARSE_MORE : PARSE_STOP, cursor.consumed,
                         answer == ANSWER_MORE ? cursor.needed : 0);
}
