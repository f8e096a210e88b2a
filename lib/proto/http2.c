/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HTTP/2: a state for each place in a frame, a function for each state. What a frame means beyond its own bytes (which
 * stream is whose, what a flood is) is not decided here.
 */

#include "proto/http2_state.h"

#define FIXED_MAX    8u /* bytes read of PING, GOAWAY; of RST_STREAM and WINDOW_UPDATE 4 */
#define SETTING_SIZE 6u

/* Beyond this no receiver can have allowed it, and it is no limit. */
#define LIMIT_UNKNOWN UINT32_MAX

static enum http2_step bad_frame(struct http2 *parser, struct http2_item *item, enum http2_error error)
{
    *item = (struct http2_item){.kind = HTTP2_BAD_FRAME, .stream = parser->frame.stream};
    item->bad_frame.frame = parser->frame;
    item->bad_frame.error = error;
    return HTTP2_STEP_ITEM;
}

static bool is_block(uint8_t type)
{
    return type == HTTP2_TYPE_HEADERS || type == HTTP2_TYPE_PUSH_PROMISE || type == HTTP2_TYPE_CONTINUATION;
}

/* The frame is passed over. A header block in it leaves the dynamic table unknown. */
static void frame_skip(struct http2 *parser)
{
    if (is_block(parser->frame.type))
        hpack_lose(&parser->hpack);
    parser->padding = 0;
    parser->state = HTTP2_STATE_SKIP;
}

static enum http2_step preface_step(struct http2 *parser, struct http2_reader *reader, struct http2_item *item)
{
    static const char preface[HTTP2_PREFACE_SIZE + 1] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    (void)item;
    uint32_t size = min_u32(reader->size, HTTP2_PREFACE_SIZE);
    if (size && memcmp(reader->data, preface, size) != 0) {
        http2_search_begin(parser);
        return HTTP2_STEP_AGAIN;
    }
    if (size < HTTP2_PREFACE_SIZE)
        return http2_step_more(reader, HTTP2_PREFACE_SIZE);
    http2_reader_take(reader, HTTP2_PREFACE_SIZE);
    parser->state = HTTP2_STATE_FRAME;
    return HTTP2_STEP_AGAIN;
}

/* ---------------------------------------------------------------------- frames */

static enum http2_state state_of(const struct http2_frame *frame)
{
    switch (frame->type) {
    case HTTP2_TYPE_DATA:
    case HTTP2_TYPE_HEADERS:
    case HTTP2_TYPE_PUSH_PROMISE:
        return HTTP2_STATE_PREFIX;
    case HTTP2_TYPE_CONTINUATION:
        return HTTP2_STATE_BLOCK;
    case HTTP2_TYPE_SETTINGS:
        return HTTP2_STATE_SETTINGS;
    case HTTP2_TYPE_RST_STREAM:
    case HTTP2_TYPE_PING:
    case HTTP2_TYPE_GOAWAY:
    case HTTP2_TYPE_WINDOW_UPDATE:
        return HTTP2_STATE_FIXED;
    default:
        return HTTP2_STATE_SKIP;
    }
}

static enum http2_step continuation_begin(struct http2 *parser, struct http2_item *item)
{
    if (!parser->block_stream) {
        /* Behind a hole its HEADERS may be what was lost. */
        frame_skip(parser);
        return parser->trusted ? bad_frame(parser, item, HTTP2_PROTOCOL_ERROR) : HTTP2_STEP_AGAIN;
    }
    if (++parser->block_continuations != HTTP2_CONTINUATIONS_MAX + 1)
        return HTTP2_STEP_AGAIN;
    parser->block_flags |= HTTP2_HEAD_CONTINUATIONS;
    return bad_frame(parser, item, HTTP2_ENHANCE_YOUR_CALM);
}

static enum http2_step frame_begin(struct http2 *parser, struct http2_item *item)
{
    const struct http2_frame *frame = &parser->frame;
    enum http2_error error = http2_frame_check(frame);
    parser->rest = frame->length;
    parser->padding = 0;
    parser->state = (uint8_t)state_of(frame);
    if (error != HTTP2_NO_ERROR) {
        frame_skip(parser);
        return bad_frame(parser, item, error);
    }
    if (frame->type == HTTP2_TYPE_CONTINUATION)
        return continuation_begin(parser, item);
    if (parser->trusted && frame->length > parser->frame_size_max)
        return bad_frame(parser, item, HTTP2_FRAME_SIZE_ERROR);
    return HTTP2_STEP_AGAIN;
}

static enum http2_step frame_step(struct http2 *parser, struct http2_reader *reader, struct http2_item *item)
{
    if (parser->ending) {
        *item = (struct http2_item){.kind = HTTP2_STREAM_END, .stream = parser->ending};
        parser->ending = 0;
        return HTTP2_STEP_ITEM;
    }
    if (reader->size < HTTP2_FRAME_HEADER)
        return http2_step_more(reader, HTTP2_FRAME_HEADER);
    struct http2_plausible plausible = http2_plausible_now(parser);
    struct http2_frame frame = http2_frame_read(reader->data);
    bool extension = frame.type >= HTTP2_TYPE_COUNT && frame.length <= parser->frame_size_max;
    if (!parser->trusted && !extension && !http2_frame_plausible(reader->data, &plausible)) {
        /* The chain was none after all. */
        if (parser->block_stream) {
            http2_block_lose(parser, HTTP2_HEAD_CUT);
            return http2_block_end(parser, item);
        }
        http2_search_begin(parser);
        *item = (struct http2_item){.kind = HTTP2_GAP};
        return HTTP2_STEP_ITEM;
    }
    if (parser->block_stream && (frame.type != HTTP2_TYPE_CONTINUATION || frame.stream != parser->block_stream)) {
        http2_block_lose(parser, HTTP2_HEAD_MALFORMED);
        return http2_block_end(parser, item);
    }
    parser->frame = frame;
    http2_reader_take(reader, HTTP2_FRAME_HEADER);
    return frame_begin(parser, item);
}

static enum http2_step prefix_step(struct http2 *parser, struct http2_reader *reader, struct http2_item *item)
{
    struct http2_layout layout = http2_frame_layout(&parser->frame);
    if (reader->size < layout.prefix)
        return http2_step_more(reader, layout.prefix);
    const uint8_t *bytes = reader->data;
    parser->padding = layout.padded ? *bytes++ : 0;
    http2_reader_take(reader, layout.prefix);
    parser->rest -= layout.prefix;
    bool promise = parser->frame.type == HTTP2_TYPE_PUSH_PROMISE;
    uint32_t promised = promise ? http2_read_32(bytes) & HTTP2_STREAM_MAX : 0;
    if (parser->padding > parser->rest || (promise && (promised == 0 || promised % 2))) {
        frame_skip(parser);
        return bad_frame(parser, item, HTTP2_PROTOCOL_ERROR);
    }
    if (parser->frame.type == HTTP2_TYPE_DATA) {
        parser->state = HTTP2_STATE_DATA;
        return HTTP2_STEP_AGAIN;
    }
    parser->state = HTTP2_STATE_BLOCK;
    http2_block_begin(parser);
    http2_peer_stream(parser, parser->frame.stream);
    *item = (struct http2_item){.kind = HTTP2_HEAD, .stream = parser->frame.stream};
    item->head.promised = promised;
    item->head.end_stream = parser->block_end_stream;
    return HTTP2_STEP_ITEM;
}

static enum http2_step data_step(struct http2 *parser, struct http2_reader *reader, struct http2_item *item)
{
    uint32_t content = parser->rest - parser->padding, size = min_u32(reader->size, content);
    if (content == 0) {
        if (parser->frame.flags & HTTP2_FLAG_END_STREAM)
            parser->ending = parser->frame.stream;
        parser->state = HTTP2_STATE_SKIP;
        return HTTP2_STEP_AGAIN;
    }
    if (size == 0)
        return http2_step_more(reader, 0);
    *item = (struct http2_item){.kind = HTTP2_DATA, .stream = parser->frame.stream};
    item->data.data = span_of(reader->data, size);
    parser->rest -= size;
    http2_reader_take(reader, size);
    return HTTP2_STEP_ITEM;
}

static enum http2_step settings_step(struct http2 *parser, struct http2_reader *reader, struct http2_item *item)
{
    if (parser->rest == 0) {
        parser->state = HTTP2_STATE_SKIP;
        *item = (struct http2_item){.kind = HTTP2_SETTINGS_END};
        item->settings_end.ack = (parser->frame.flags & HTTP2_FLAG_ACK) != 0;
        return HTTP2_STEP_ITEM;
    }
    if (reader->size < SETTING_SIZE)
        return http2_step_more(reader, SETTING_SIZE);
    *item = (struct http2_item){.kind = HTTP2_SETTING};
    item->setting.id = (uint16_t)(reader->data[0] << 8 | reader->data[1]);
    item->setting.value = http2_read_32(reader->data + 2);
    parser->rest -= SETTING_SIZE;
    http2_reader_take(reader, SETTING_SIZE);
    return HTTP2_STEP_ITEM;
}

static enum http2_step fixed_step(struct http2 *parser, struct http2_reader *reader, struct http2_item *item)
{
    uint32_t size = min_u32(parser->rest, FIXED_MAX);
    if (reader->size < size)
        return http2_step_more(reader, size);
    uint32_t first = http2_read_32(reader->data);
    *item = (struct http2_item){.stream = parser->frame.stream};
    switch (parser->frame.type) {
    case HTTP2_TYPE_RST_STREAM:
        item->kind = HTTP2_RESET;
        item->reset.error = first;
        break;
    case HTTP2_TYPE_PING:
        item->kind = HTTP2_PING;
        item->ping.ack = (parser->frame.flags & HTTP2_FLAG_ACK) != 0;
        break;
    case HTTP2_TYPE_GOAWAY:
        item->kind = HTTP2_GOAWAY;
        item->goaway.last_stream = first & HTTP2_STREAM_MAX;
        item->goaway.error = http2_read_32(reader->data + 4);
        break;
    default:
        item->kind = HTTP2_WINDOW_UPDATE;
        item->window_update.increment = first & HTTP2_STREAM_MAX;
        if (item->window_update.increment == 0)
            bad_frame(parser, item, HTTP2_PROTOCOL_ERROR);
        break;
    }
    parser->rest -= size;
    http2_reader_take(reader, size);
    parser->state = HTTP2_STATE_SKIP;
    return HTTP2_STEP_ITEM;
}

static enum http2_step skip_step(struct http2 *parser, struct http2_reader *reader, struct http2_item *item)
{
    (void)item;
    uint32_t size = min_u32(parser->rest, reader->size);
    parser->rest -= size;
    http2_reader_take(reader, size);
    if (parser->rest)
        return http2_step_more(reader, 0);
    parser->state = HTTP2_STATE_FRAME;
    return HTTP2_STEP_AGAIN;
}

/* ------------------------------------------------------------------------ loss */

/* A hole inside the frame at hand; it counts the bytes given up in front of it. True when there is something to tell.
 */
static bool lose_inside(struct http2 *parser, uint32_t hole, struct http2_item *item)
{
    bool told = parser->state == HTTP2_STATE_PREFIX || parser->state == HTTP2_STATE_SETTINGS ||
                parser->state == HTTP2_STATE_FIXED;
    parser->rest -= hole;
    parser->padding = min_u32(parser->padding, parser->rest);
    if (parser->state == HTTP2_STATE_BLOCK) {
        parser->block_bytes += hole;
        http2_block_lose(parser, HTTP2_HEAD_CUT);
    }
    if (told) {
        frame_skip(parser);
        *item = (struct http2_item){.kind = HTTP2_GAP};
    }
    return told;
}

/* The end of the frame is in the hole, but what its header said of the stream's end holds. */
static void note_end(struct http2 *parser)
{
    bool data = parser->state == HTTP2_STATE_DATA;
    bool head = parser->state == HTTP2_STATE_BLOCK && (parser->frame.flags & HTTP2_FLAG_END_HEADERS);
    if (data && (parser->frame.flags & HTTP2_FLAG_END_STREAM))
        parser->ending = parser->frame.stream;
    if (head && parser->block_end_stream)
        parser->ending = parser->block_stream;
}

/* Frames are lost, the one at hand included. Tells what there is to tell of that, then the gap. */
static struct parse_step lose_frames(struct http2 *parser, uint32_t lost, struct http2_item *item)
{
    bool searching = parser->state == HTTP2_STATE_SEARCH || parser->state == HTTP2_STATE_FOLLOW;
    note_end(parser);
    if (parser->block_stream) {
        parser->state = HTTP2_STATE_SKIP;
        http2_block_lose(parser, HTTP2_HEAD_CUT);
        http2_block_end(parser, item);
        return parse_step_of(PARSE_ITEM, 0, 0);
    }
    if (parser->ending) {
        *item = (struct http2_item){.kind = HTTP2_STREAM_END, .stream = parser->ending};
        parser->ending = 0;
        parser->state = HTTP2_STATE_SKIP;
        return parse_step_of(PARSE_ITEM, 0, 0);
    }
    parser->pending = 0;
    http2_search_begin(parser);
    *item = (struct http2_item){.kind = HTTP2_GAP};
    return parse_step_of(searching ? PARSE_MORE : PARSE_ITEM, lost, 0);
}

static struct parse_step lose(struct http2 *parser, uint32_t lost, struct http2_item *item)
{
    uint64_t hole = (uint64_t)lost + parser->pending;
    bool inside = parser->state != HTTP2_STATE_PREFACE && parser->state != HTTP2_STATE_FRAME &&
                  parser->state != HTTP2_STATE_SEARCH && hole <= parser->rest;
    if (lost == 0)
        return parse_step_of(PARSE_MORE, 0, 0);
    if (parser->state == HTTP2_STATE_DATA && parser->rest > parser->padding) {
        uint32_t part = (uint32_t)min_u64(hole, parser->rest - parser->padding);
        *item = (struct http2_item){.kind = HTTP2_DATA, .stream = parser->frame.stream};
        item->data.lost = part;
        parser->rest -= part;
        return parse_step_of(PARSE_ITEM, part, 0);
    }
    if (!inside)
        return lose_frames(parser, lost, item);
    parser->pending = 0;
    bool gap = lose_inside(parser, (uint32_t)hole, item);
    return parse_step_of(gap ? PARSE_ITEM : PARSE_MORE, lost, 0);
}

/* ------------------------------------------------------------------------- API */

void http2_init(struct http2 *parser, enum http2_side side, const struct http2_memory *memory)
{
    memset(parser, 0, offsetof(struct http2, small));
    parser->memory = memory;
    parser->state = side == HTTP2_CLIENT ? HTTP2_STATE_PREFACE : HTTP2_STATE_FRAME;
    parser->frame_size_max = HTTP2_FRAME_SIZE_DEFAULT;
    parser->table_size_max = HPACK_SMALL_SIZE;
    parser->trusted = true;
    hpack_init(&parser->hpack, &parser->small, &memory->hpack);
}

void http2_init_midstream(struct http2 *parser, const struct http2_memory *memory)
{
    http2_init(parser, HTTP2_SERVER, memory);
    parser->table_size_max = LIMIT_UNKNOWN;
    http2_search_begin(parser);
}

void http2_release(struct http2 *parser)
{
    hpack_release(&parser->hpack);
    if (parser->join)
        pool_give(parser->memory->joins, parser->join);
    parser->join = NULL;
}

void http2_peer_setting(struct http2 *parser, uint16_t id, uint32_t value)
{
    /* When the sender learns of a limit is not known, so the widest one holds. */
    if (id == HTTP2_SETTINGS_HEADER_TABLE_SIZE && value > parser->table_size_max)
        parser->table_size_max = value;
    if (id == HTTP2_SETTINGS_MAX_FRAME_SIZE && value > parser->frame_size_max)
        parser->frame_size_max = min_u32(value, HTTP2_FRAME_SIZE_MAX);
}

void http2_peer_stream(struct http2 *parser, uint32_t stream)
{
    if (stream > parser->stream_max)
        parser->stream_max = stream;
}

struct parse_step http2_parse(struct http2 *parser, const struct parse_input *input, struct http2_item *item_out)
{
    static enum http2_step (*const steps[HTTP2_STATE_COUNT])(struct http2 *, struct http2_reader *,
                                                             struct http2_item *) = {
        [HTTP2_STATE_PREFACE] = preface_step,     [HTTP2_STATE_FRAME] = frame_step,
        [HTTP2_STATE_PREFIX] = prefix_step,       [HTTP2_STATE_DATA] = data_step,
        [HTTP2_STATE_BLOCK] = http2_block_step,   [HTTP2_STATE_SETTINGS] = settings_step,
        [HTTP2_STATE_FIXED] = fixed_step,         [HTTP2_STATE_SKIP] = skip_step,
        [HTTP2_STATE_SEARCH] = http2_search_step, [HTTP2_STATE_FOLLOW] = http2_follow_step,
    };
    if (!input->data)
        return lose(parser, input->lost, item_out);
    struct http2_reader reader = {.data = input->data, .size = input->size, .last = input->last};
    enum http2_step step;
    /* Every turn takes bytes, or moves on within the frame whose bytes were taken. */
    do {
        reader.needed = 0;
        step = steps[parser->state](parser, &reader, item_out);
    } while (step == HTTP2_STEP_AGAIN);
    if (step == HTTP2_STEP_ITEM)
        return parse_step_of(PARSE_ITEM, reader.consumed, 0);
    parser->pending = reader.size;
    if (!input->last)
        return parse_step_of(PARSE_MORE, reader.consumed, reader.needed);
    if (parser->block_stream) {
        http2_block_lose(parser, HTTP2_HEAD_CUT);
        http2_block_end(parser, item_out);
        parser->state = HTTP2_STATE_SKIP;
        return parse_step_of(PARSE_ITEM, reader.consumed, 0);
    }
    return parse_step_of(PARSE_STOP, reader.consumed, 0);
}
