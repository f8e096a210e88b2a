/* SPDX-License-Identifier: Apache-2.0 */

/*
 * AMQP 0-9-1 frames. Every frame says its length, so between holes there is nothing to search for; behind one, a byte
 * that could be a frame type is no evidence, so the search asks for a whole frame that nothing else can look like.
 */

#include "proto/amqp091.h"

#include "proto/amqp091_method.h"
#include "proto/amqp091_table.h"
#include "proto/amqp_bytes.h"

#define FRAME_HEADER      7u /* type, channel, size */
#define FRAME_END         0xCEu
#define HEADER_SIZE       8u         /* of the protocol header */
#define CONTENT_MIN       14u        /* class, weight, body size, flags */
#define FRAME_MAX_UNKNOWN (1u << 20) /* behind a hole, when nobody saw what was agreed; brokers offer 128 KiB */

enum frame_type { FRAME_METHOD = 1, FRAME_CONTENT = 2, FRAME_BODY = 3, FRAME_HEARTBEAT = 8 };

enum state { STATE_START, STATE_FRAME, STATE_BODY, STATE_PASS, STATE_END, STATE_SEARCH, STATE_STOPPED };

enum candidate { CANDIDATE_NO, CANDIDATE_YES, CANDIDATE_MORE };

static struct parse_step item_step(struct amqp091 *parser, struct amqp091_item *item, uint32_t consumed)
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
static struct parse_step lose(struct amqp091 *parser, struct amqp091_item *item, uint64_t anomaly, uint32_t consumed)
{
    parser->state = STATE_SEARCH;
    parser->after_loss = true;
    parser->anomalies |= anomaly;
    *item = (struct amqp091_item){.kind = AMQP091_LOST};
    return item_step(parser, item, consumed);
}

/* ---- search ---- */

static bool type_known(uint8_t type)
{
    return type == FRAME_METHOD || type == FRAME_CONTENT || type == FRAME_BODY || type == FRAME_HEARTBEAT;
}

/* What follows a frame that was found. */
static enum candidate next_plausible(const struct amqp091 *parser, struct span rest, bool last)
{
    if (rest.size == 0)
        return last ? CANDIDATE_YES : CANDIDATE_MORE;
    if (!type_known(rest.data[0]))
        return CANDIDATE_NO;
    if (rest.size < FRAME_HEADER)
        return last ? CANDIDATE_NO : CANDIDATE_MORE;
    uint16_t channel = amqp_u16(rest.data + 1);
    uint32_t size = amqp_u32(rest.data + 3);
    if (rest.data[0] == FRAME_HEARTBEAT)
        return channel == 0 && size == 0 ? CANDIDATE_YES : CANDIDATE_NO;
    if (rest.data[0] != FRAME_METHOD && channel == 0)
        return CANDIDATE_NO;
    return size <= (parser->frame_max ? parser->frame_max : FRAME_MAX_UNKNOWN) ? CANDIDATE_YES : CANDIDATE_NO;
}

/* The numbers at the front of the payload, before the whole of it is waited for. */
static bool payload_possible(const struct amqp091 *parser, uint8_t type, uint16_t channel, struct span payload)
{
    if (payload.size < 4)
        return true;
    uint16_t class_number = amqp_u16(payload.data), second = amqp_u16(payload.data + 2);
    if (type == FRAME_CONTENT)
        return class_number == AMQP091_BASIC && second == 0;
    const struct amqp091_method_info *method = amqp091_method_find(class_number, second);
    uint8_t sender = parser->from_client ? AMQP091_CLIENT : AMQP091_SERVER;
    return method && (method->sender & sender) && (class_number == AMQP091_CONNECTION) == (channel == 0);
}

static bool payload_exact(uint8_t type, struct span payload)
{
    if (type == FRAME_HEARTBEAT)
        return true;
    if (type == FRAME_CONTENT)
        return amqp091_properties_plausible(span_from(payload, CONTENT_MIN - 2));
    const struct amqp091_method_info *method = amqp091_method_find(amqp_u16(payload.data), amqp_u16(payload.data + 2));
    struct amqp091_arguments arguments;
    amqp091_arguments_read(method, span_from(payload, 4), &arguments);
    return arguments.complete;
}

static enum candidate candidate_judge(const struct amqp091 *parser, struct span data, bool last)
{
    uint8_t type = data.data[0];
    if (type != FRAME_METHOD && type != FRAME_CONTENT && type != FRAME_HEARTBEAT)
        return CANDIDATE_NO;
    enum candidate wait = last ? CANDIDATE_NO : CANDIDATE_MORE;
    if (data.size < FRAME_HEADER)
        return wait;
    uint16_t channel = amqp_u16(data.data + 1);
    uint32_t size = amqp_u32(data.data + 3);
    bool sized = type == FRAME_HEARTBEAT ? size == 0 && channel == 0
                 : type == FRAME_CONTENT ? size >= CONTENT_MIN && channel != 0
                                         : size >= 4;
    if (!sized || size > AMQP091_RESYNC_MAX)
        return CANDIDATE_NO;
    struct span payload = span_first(span_from(data, FRAME_HEADER), size);
    if (!payload_possible(parser, type, channel, payload))
        return CANDIDATE_NO;
    uint32_t whole = FRAME_HEADER + size + 1;
    if (data.size < whole)
        return wait;
    if (data.data[whole - 1] != FRAME_END || !payload_exact(type, payload))
        return CANDIDATE_NO;
    return next_plausible(parser, span_from(data, whole), last);
}

/* Moves *at to the next frame that is certain. */
static enum candidate search(struct amqp091 *parser, struct span data, bool last, uint32_t *at)
{
    uint32_t begin = *at;
    for (; *at < data.size; (*at)++) {
        enum candidate answer = candidate_judge(parser, span_from(data, *at), last);
        if (answer == CANDIDATE_NO)
            continue;
        parser->bytes_skipped += *at - begin;
        return answer;
    }
    parser->bytes_skipped += *at - begin;
    return CANDIDATE_MORE;
}

/* ---- frames ---- */

static struct parse_step protocol_header(struct amqp091 *parser, const struct parse_input *input, uint32_t at,
                                         struct amqp091_item *item)
{
    struct span data = span_of(input->data + at, input->size - at);
    uint32_t known = min_u32(data.size, 4);
    if (memcmp(data.data, "AMQP", known) != 0)
        return lose(parser, item, ANOMALY_BIT(ANOMALY_FRAME_END), at);
    if (data.size < HEADER_SIZE)
        return more_step(input, at, HEADER_SIZE);
    const uint8_t *version = data.data + 4;
    *item = (struct amqp091_item){.kind = AMQP091_PROTOCOL_HEADER,
                                  .header = {version[0], version[1], version[2], version[3]}};
    static const uint8_t read_here[4] = {0, 0, 9, 1};
    parser->state = memcmp(version, read_here, 4) == 0 ? STATE_FRAME : STATE_STOPPED;
    return item_step(parser, item, at + HEADER_SIZE);
}

static void payload_item(struct amqp091 *parser, uint8_t type, uint16_t channel, struct span payload, bool cut,
                         struct amqp091_item *item)
{
    *item = (struct amqp091_item){.channel = channel};
    if (parser->after_loss)
        parser->anomalies |= ANOMALY_BIT(ANOMALY_AFTER_LOSS);
    parser->after_loss = false;
    if (type == FRAME_METHOD) {
        item->kind = AMQP091_METHOD;
        item->method.class_number = amqp_u16(payload.data);
        item->method.method_number = amqp_u16(payload.data + 2);
        item->method.arguments = span_from(payload, 4);
        item->method.cut = cut;
    } else {
        item->kind = AMQP091_CONTENT_HEADER;
        item->content.class_number = amqp_u16(payload.data);
        item->content.body_size = amqp_u64(payload.data + 4);
        item->content.properties = span_from(payload, CONTENT_MIN - 2);
        item->content.cut = cut;
    }
}

/* A method or content header, whole, or its front where it is too long to be held. */
static struct parse_step held_frame(struct amqp091 *parser, const struct parse_input *input, uint32_t at,
                                    struct amqp091_item *item)
{
    const uint8_t *frame = input->data + at;
    uint32_t available = input->size - at, size = amqp_u32(frame + 3);
    if (size < (frame[0] == FRAME_METHOD ? 4 : CONTENT_MIN))
        return lose(parser, item, ANOMALY_BIT(ANOMALY_FRAME_FIELDS), at);
    bool cut = size > AMQP091_HELD_MAX - FRAME_HEADER - 1;
    uint32_t held = cut ? AMQP091_HELD_MAX : FRAME_HEADER + size + 1;
    if (available < held)
        return more_step(input, at, held);
    if (!cut && frame[held - 1] != FRAME_END)
        return lose(parser, item, ANOMALY_BIT(ANOMALY_FRAME_END), at);
    struct span payload = span_of(frame + FRAME_HEADER, cut ? held - FRAME_HEADER : size);
    payload_item(parser, frame[0], amqp_u16(frame + 1), payload, cut, item);
    if (cut) {
        parser->state = STATE_PASS;
        parser->rest = size - payload.size;
    }
    return item_step(parser, item, at + held);
}

static struct parse_step heartbeat(struct amqp091 *parser, const struct parse_input *input, uint32_t at,
                                   struct amqp091_item *item)
{
    const uint8_t *frame = input->data + at;
    if (amqp_u32(frame + 3) != 0)
        return lose(parser, item, ANOMALY_BIT(ANOMALY_FRAME_SIZE), at);
    if (input->size - at < FRAME_HEADER + 1)
        return more_step(input, at, FRAME_HEADER + 1);
    if (frame[FRAME_HEADER] != FRAME_END)
        return lose(parser, item, ANOMALY_BIT(ANOMALY_FRAME_END), at);
    *item = (struct amqp091_item){.kind = AMQP091_HEARTBEAT, .channel = amqp_u16(frame + 1)};
    parser->after_loss = false;
    return item_step(parser, item, at + FRAME_HEADER + 1);
}

/* At the front of a frame of at least FRAME_HEADER bytes. True: *step_out is the answer. */
static bool frame(struct amqp091 *parser, const struct parse_input *input, uint32_t *at, struct amqp091_item *item,
                  struct parse_step *step_out)
{
    const uint8_t *data = input->data + *at;
    uint32_t size = amqp_u32(data + 3);
    if (!type_known(data[0]) || size > AMQP091_FRAME_LIMIT) {
        enum anomaly anomaly = type_known(data[0]) ? ANOMALY_FRAME_SIZE : ANOMALY_FRAME_END;
        *step_out = lose(parser, item, ANOMALY_BIT(anomaly), *at);
        return true;
    }
    if (parser->frame_max && size > parser->frame_max - min_u32(parser->frame_max, FRAME_HEADER + 1))
        parser->anomalies |= ANOMALY_BIT(ANOMALY_FRAME_SIZE);
    if (data[0] == FRAME_BODY) {
        parser->channel = amqp_u16(data + 1);
        parser->rest = size;
        parser->state = size ? STATE_BODY : STATE_END;
        *at += FRAME_HEADER;
        return false;
    }
    *step_out = data[0] == FRAME_HEARTBEAT ? heartbeat(parser, input, *at, item) : held_frame(parser, input, *at, item);
    return true;
}

static struct parse_step body(struct amqp091 *parser, const struct parse_input *input, uint32_t at,
                              struct amqp091_item *item)
{
    uint32_t size = min_u32(input->size - at, parser->rest);
    *item = (struct amqp091_item){
        .kind = AMQP091_BODY, .channel = parser->channel, .body = {.data = span_of(input->data + at, size)}};
    parser->rest -= size;
    if (parser->rest == 0)
        parser->state = STATE_END;
    return item_step(parser, item, at + size);
}

/* ---- driver ---- */

/* Where a frame ends is known inside its payload, so a hole that ends with it at the latest leaves no doubt. */
static struct parse_step hole(struct amqp091 *parser, uint32_t lost, struct amqp091_item *item)
{
    bool inside = parser->state == STATE_BODY || parser->state == STATE_PASS || parser->state == STATE_END;
    if (parser->state == STATE_STOPPED)
        return parse_step_of(PARSE_STOP, 0, 0);
    if (parser->state == STATE_SEARCH || lost == 0)
        return parse_step_of(PARSE_MORE, lost, 0);
    uint32_t rest = inside ? parser->rest : 0, here = min_u32(lost, rest);
    bool told = parser->state == STATE_BODY;
    if (!inside || (lost > rest + 1 && !told))
        return lose(parser, item, 0, lost);
    parser->rest -= here;
    if (parser->rest == 0)
        parser->state = lost == rest + 1 ? STATE_FRAME : STATE_END;
    uint32_t consumed = lost == rest + 1 ? lost : here;
    if (!told)
        return parse_step_of(PARSE_MORE, consumed, 0);
    *item = (struct amqp091_item){.kind = AMQP091_BODY, .channel = parser->channel, .body = {.lost = here}};
    return item_step(parser, item, consumed);
}

void amqp091_init(struct amqp091 *parser, bool from_client)
{
    *parser = (struct amqp091){.from_client = from_client};
}

void amqp091_init_midstream(struct amqp091 *parser, bool from_client)
{
    *parser = (struct amqp091){.from_client = from_client, .state = STATE_SEARCH, .after_loss = true};
}

void amqp091_set_frame_max(struct amqp091 *parser, uint32_t frame_max_bytes)
{
    parser->frame_max = frame_max_bytes;
}

/* One step of the states that give no item by themselves. True: *step_out is the answer. */
static bool advance(struct amqp091 *parser, const struct parse_input *input, uint32_t *at, struct amqp091_item *item,
                    struct parse_step *step_out)
{
    uint32_t available = input->size - *at;
    switch (parser->state) {
    case STATE_START:
        parser->state = STATE_FRAME;
        if (input->data[*at] != 'A')
            return false;
        parser->state = STATE_START;
        *step_out = protocol_header(parser, input, *at, item);
        return true;
    case STATE_FRAME:
        if (available >= FRAME_HEADER)
            return frame(parser, input, at, item, step_out);
        *step_out = more_step(input, *at, FRAME_HEADER);
        return true;
    case STATE_PASS:
        available = min_u32(available, parser->rest);
        parser->rest -= available;
        *at += available;
        if (parser->rest == 0)
            parser->state = STATE_END;
        return false;
    case STATE_END:
        if (input->data[*at] != FRAME_END) {
            *step_out = lose(parser, item, ANOMALY_BIT(ANOMALY_FRAME_END), *at);
            return true;
        }
        parser->state = STATE_FRAME;
        (*at)++;
        return false;
    default:
        *step_out = body(parser, input, *at, item);
        return true;
    }
}

struct parse_step amqp091_parse(struct amqp091 *parser, const struct parse_input *input, struct amqp091_item *item_out)
{
    if (!input->data)
        return hole(parser, input->lost, item_out);
    if (parser->state == STATE_STOPPED)
        return parse_step_of(PARSE_STOP, 0, 0);
    uint32_t at = 0;
    if (parser->state == STATE_SEARCH) {
        enum candidate found = search(parser, span_of(input->data, input->size), input->last, &at);
        if (found != CANDIDATE_YES)
            return more_step(input, at, 0);
        parser->state = STATE_FRAME;
    }
    struct parse_step step;
    while (at < input->size)
        if (advance(parser, input, &at, item_out, &step))
            return step;
    return more_step(input, at, 0);
}
