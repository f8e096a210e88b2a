/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Header blocks. Fields are decoded where they lie. One that goes on in the next CONTINUATION is joined in a buffer,
 * which is kept to the end of the block, for the spans of the item point into it.
 */

#include "proto/http2_state.h"

void http2_block_begin(struct http2 *parser)
{
    parser->block_stream = parser->frame.stream;
    parser->block_bytes = 0;
    parser->block_decoded = 0;
    parser->block_fields = 0;
    parser->block_continuations = 0;
    parser->block_flags = 0;
    parser->block_lost = false;
    parser->block_end_stream =
        parser->frame.type == HTTP2_TYPE_HEADERS && (parser->frame.flags & HTTP2_FLAG_END_STREAM) != 0;
    parser->join_size = 0;
    hpack_block(&parser->hpack);
}

void http2_block_lose(struct http2 *parser, uint16_t flag)
{
    parser->block_flags |= flag;
    parser->block_lost = true;
    parser->join_size = 0;
    hpack_lose(&parser->hpack);
}

enum http2_step http2_block_end(struct http2 *parser, struct http2_item *item)
{
    const struct hpack *hpack = &parser->hpack;
    if (parser->trusted && hpack->size_known && hpack->size_max > parser->table_size_max)
        parser->block_flags |= HTTP2_HEAD_TABLE_SIZE;
    *item = (struct http2_item){
        .kind = HTTP2_HEAD_END,
        .stream = parser->block_stream,
        .head_end = {parser->block_flags, parser->block_bytes, parser->block_decoded, parser->block_fields},
    };
    parser->block_stream = 0;
    if (parser->join)
        pool_give(parser->memory->joins, parser->join);
    parser->join = NULL;
    parser->join_size = 0;
    return HTTP2_STEP_ITEM;
}

/* Counts a field. True when it is delivered. */
static bool field_counts(struct http2 *parser, const struct hpack_field *field)
{
    parser->block_fields++;
    parser->block_decoded += (uint64_t)field->name.size + field->value.size + HPACK_ENTRY_EXTRA;
    if (!field->name_known || !field->value_known)
        parser->block_flags |= parser->hpack.skip ? HTTP2_HEAD_FIELD_SIZE : HTTP2_HEAD_UNKNOWN;
    if (parser->block_fields > HTTP2_FIELDS_MAX)
        parser->block_flags |= HTTP2_HEAD_FIELDS;
    if (parser->block_decoded > HTTP2_HEAD_BYTES_MAX)
        parser->block_flags |= HTTP2_HEAD_BYTES;
    return !(parser->block_flags & (HTTP2_HEAD_FIELDS | HTTP2_HEAD_BYTES));
}

/* Takes `size` bytes of the fragment off the input. */
static void fragment_take(struct http2 *parser, struct http2_reader *reader, uint32_t size)
{
    parser->rest -= size;
    parser->block_bytes += size;
    http2_reader_take(reader, size);
}

/* Puts the beginning of a field aside. False when there is no memory for it. */
static bool join_begin(struct http2 *parser, const struct http2_reader *reader, uint32_t size)
{
    if (!parser->join)
        parser->join = pool_take(parser->memory->joins);
    if (!parser->join)
        return false;
    require(size <= HTTP2_HOLD_MAX);
    memcpy(parser->join, reader->data, size);
    parser->join_size = size;
    return true;
}

/* The answer of one call of the decoder over the fragment; what it consumed is taken. */
static enum parse_status decode_direct(struct http2 *parser, struct http2_reader *reader, uint32_t there, bool last,
                                       struct hpack_field *field)
{
    struct parse_input input = {.data = reader->data, .size = there, .last = last};
    struct parse_step step = hpack_parse(&parser->hpack, &input, field);
    fragment_take(parser, reader, step.consumed);
    reader->needed = step.needed;
    return step.status;
}

/* The same over the joined field: bytes are added to it until it is whole. */
static enum parse_status decode_joined(struct http2 *parser, struct http2_reader *reader, uint32_t there, bool last,
                                       struct hpack_field *field)
{
    uint32_t old = parser->join_size, add = min_u32(there, HTTP2_HOLD_MAX - old);
    memcpy(parser->join + old, reader->data, add);
    struct parse_input input = {.data = parser->join, .size = old + add, .last = last && add == there};
    struct parse_step step = hpack_parse(&parser->hpack, &input, field);
    if (step.status == PARSE_STOP)
        return PARSE_STOP;
    if (step.consumed >= old) {
        fragment_take(parser, reader, step.consumed - old);
        parser->join_size = 0;
    } else {
        memmove(parser->join, parser->join + step.consumed, old + add - step.consumed);
        parser->join_size = old + add - step.consumed;
        fragment_take(parser, reader, add);
    }
    return step.status;
}

/* The fragment holds no whole field any more. */
static enum http2_step fragment_rest(struct http2 *parser, struct http2_reader *reader, uint32_t there,
                                     bool frame_there)
{
    uint32_t left = min_u32(there, parser->rest - parser->padding);
    if (!frame_there)
        return http2_step_more(reader, min_u32(reader->needed, parser->rest - parser->padding));
    if (left && !join_begin(parser, reader, left))
        http2_block_lose(parser, HTTP2_HEAD_CUT);
    fragment_take(parser, reader, left);
    return HTTP2_STEP_AGAIN;
}

static enum http2_step fragment_end(struct http2 *parser, struct http2_item *item)
{
    parser->state = HTTP2_STATE_SKIP;
    if (!(parser->frame.flags & HTTP2_FLAG_END_HEADERS))
        return HTTP2_STEP_AGAIN;
    if (parser->block_end_stream)
        parser->ending = parser->block_stream;
    return http2_block_end(parser, item);
}

enum http2_step http2_block_step(struct http2 *parser, struct http2_reader *reader, struct http2_item *item)
{
    uint32_t content = parser->rest - parser->padding, there = min_u32(reader->size, content);
    bool frame_there = there == content, last = frame_there && (parser->frame.flags & HTTP2_FLAG_END_HEADERS);
    if (parser->block_lost) {
        fragment_take(parser, reader, there);
        return frame_there ? fragment_end(parser, item) : http2_step_more(reader, 0);
    }
    if (there == 0 && !last)
        return frame_there ? fragment_end(parser, item) : http2_step_more(reader, 0);
    uint32_t before = reader->consumed;
    memset(&item->field, 0, sizeof(item->field));
    enum parse_status status = parser->join_size ? decode_joined(parser, reader, there, last, &item->field)
                                                 : decode_direct(parser, reader, there, last, &item->field);
    there -= reader->consumed - before;
    switch (status) {
    case PARSE_ITEM:
        if (!field_counts(parser, &item->field))
            return HTTP2_STEP_AGAIN;
        item->kind = HTTP2_FIELD;
        item->stream = parser->block_stream;
        return HTTP2_STEP_ITEM;
    case PARSE_STOP:
        http2_block_lose(parser, HTTP2_HEAD_MALFORMED);
        return HTTP2_STEP_AGAIN;
    default:
        if (parser->join_size && there)
            return HTTP2_STEP_AGAIN;
        return last ? fragment_end(parser, item) : fragment_rest(parser, reader, there, frame_there);
    }
}
