/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Heads and trailers of HTTP/1. A line is looked at when its end is there, and where the search for the end stopped is
 * remembered, so cutting the input changes nothing and costs nothing.
 */

#include "proto/http1_hidden.h"
#include "proto/http1_line.h"
#include "proto/http1_scan.h"
#include "proto/http1_state.h"

#define HEADER_COUNT_MAX UINT16_MAX /* counting stops here; far beyond HTTP1_HEADERS_MAX */

static void note_line_byte(struct http1 *parser, uint8_t c)
{
    if (c == '\r')
        parser->line |= parser->line & HTTP1_LINE_CR ? HTTP1_LINE_BARE_CR : HTTP1_LINE_CR;
    else
        parser->line |= c == 0 ? HTTP1_LINE_NUL : HTTP1_LINE_CONTROL;
}

static void note_line_end(struct http1 *parser, const uint8_t *data, uint32_t at)
{
    bool crlf = at > 0 && data[at - 1] == '\r';
    if (!crlf)
        parser->line |= parser->line & HTTP1_LINE_CR ? HTTP1_LINE_BARE_CR | HTTP1_LINE_BARE_LF : HTTP1_LINE_BARE_LF;
    parser->line &= (uint8_t)~HTTP1_LINE_CR;
}

uint32_t http1_find_line(struct http1 *parser, const struct http1_cursor *cursor)
{
    uint32_t limit = min_u32(cursor->size, HTTP1_LINE_MAX), at = parser->scanned, size = 0;
    uint32_t start = at;
    while (at < limit && size == 0) {
        at = http1_scan_control(cursor->data, limit, at);
        if (at == limit)
            break;
        if (likely(cursor->data[at] == '\n')) {
            note_line_end(parser, cursor->data, at);
            size = at + 1;
        } else if (likely(at + 1 < limit && cursor->data[at] == '\r' && cursor->data[at + 1] == '\n' &&
                          !(parser->line & HTTP1_LINE_CR))) {
            at++;
            size = at + 1;
        } else {
            note_line_byte(parser, cursor->data[at]);
        }
        at++;
    }
    parser->bytes_searched += at - start;
    parser->scanned = at;
    return size;
}

struct span http1_strip_line(const uint8_t *data, uint32_t size)
{
    if (size > 0 && data[size - 1] == '\n')
        size--;
    if (size > 0 && data[size - 1] == '\r')
        size--;
    return span_of(data, size);
}

uint64_t http1_line_anomalies(const struct http1 *parser)
{
    uint64_t anomalies = 0;
    if (likely(parser->line == 0))
        return 0;
    if (parser->line & HTTP1_LINE_NUL)
        anomalies |= ANOMALY_BIT(ANOMALY_NUL);
    if (parser->line & HTTP1_LINE_BARE_CR)
        anomalies |= ANOMALY_BIT(ANOMALY_BARE_CR);
    if (parser->line & HTTP1_LINE_BARE_LF)
        anomalies |= ANOMALY_BIT(ANOMALY_BARE_LF);
    if (parser->line & HTTP1_LINE_FOLDED)
        anomalies |= ANOMALY_BIT(ANOMALY_OBS_FOLD);
    return anomalies;
}

bool http1_is_oversized(const struct http1_cursor *cursor)
{
    return cursor->size >= HTTP1_LINE_MAX;
}

void http1_take_oversized(struct http1 *parser, struct http1_cursor *cursor)
{
    http1_take(parser, cursor, HTTP1_LINE_MAX);
    parser->line = HTTP1_LINE_SKIP;
}

bool http1_skip_line(struct http1 *parser, struct http1_cursor *cursor)
{
    const uint8_t *end = cursor->size ? memchr(cursor->data, '\n', cursor->size) : NULL;
    uint32_t size = end ? (uint32_t)(end - cursor->data) + 1 : cursor->size;
    parser->bytes_searched += size;
    http1_take(parser, cursor, size);
    parser->line = end ? 0 : HTTP1_LINE_SKIP;
    return end != NULL;
}

bool http1_is_empty_line(const struct http1_cursor *cursor, uint32_t size)
{
    return size == 1 || (size == 2 && cursor->data[0] == '\r');
}

/*
 * The size of the header at the cursor with its continuations; 0 when more is needed or, see http1_is_oversized(), it
 * is too long. Whether a line goes on is known only with the first byte of the next one.
 */
static uint32_t find_header(struct http1 *parser, const struct http1_cursor *cursor)
{
    uint32_t size = parser->line_size ? parser->line_size : http1_find_line(parser, cursor);
    while (size > 0) {
        if (http1_is_empty_line(cursor, size) || (size == cursor->size && cursor->last))
            return size;
        if (size == cursor->size) {
            parser->line_size = size;
            return 0;
        }
        if (likely(cursor->data[size] != ' ' && cursor->data[size] != '\t'))
            return size;
        parser->line |= HTTP1_LINE_FOLDED;
        parser->line_size = 0;
        size = http1_find_line(parser, cursor);
    }
    return 0;
}

static enum http1_result take_header(struct http1 *parser, struct http1_cursor *cursor, uint32_t size,
                                     enum http1_item_kind kind)
{
    struct http1_item *item = cursor->item;
    struct span line = size ? http1_strip_line(cursor->data, size) : span_of(cursor->data, HTTP1_LINE_MAX);
    item->kind = kind;
    item->anomalies = http1_line_anomalies(parser);
    http1_line_read_header(line, line.size, (parser->line & HTTP1_LINE_FOLDED) != 0, item);
    if (unlikely(parser->line & HTTP1_LINE_CONTROL))
        item->anomalies |= ANOMALY_BIT(ANOMALY_HEADER_VALUE);
    if (parser->header_count < HEADER_COUNT_MAX && ++parser->header_count == HTTP1_HEADERS_MAX + 1)
        item->anomalies |= ANOMALY_BIT(ANOMALY_HEADERS_TOO_MANY);
    if (kind == HTTP1_TRAILER)
        http1_framing_judge_trailer(item);
    else if (HEADER_BIT(item->header.id) & HTTP1_FRAMING_HEADERS)
        http1_framing_add_header(parser, line, item);
    if (http1_framing_is_suspect(item))
        http1_framing_judge_name(item);
    if (size > 0) {
        http1_take(parser, cursor, size);
    } else {
        item->anomalies |= ANOMALY_BIT(ANOMALY_LINE_OVERSIZED);
        http1_take_oversized(parser, cursor);
    }
    return http1_deliver(parser, cursor);
}

static enum http1_state state_of_framing(const struct http1_item *item)
{
    switch (item->head_end.framing) {
    case HTTP1_FRAMING_LENGTH:
        return item->head_end.length > 0 ? HTTP1_STATE_BODY : HTTP1_STATE_COMPLETE;
    case HTTP1_FRAMING_CHUNKED:
        return HTTP1_STATE_CHUNK_SIZE;
    case HTTP1_FRAMING_UNTIL_CLOSE:
        return HTTP1_STATE_UNTIL_CLOSE;
    case HTTP1_FRAMING_NONE:
    case HTTP1_FRAMING_TUNNEL:
        break;
    }
    return HTTP1_STATE_COMPLETE;
}

static enum http1_result take_head_end(struct http1 *parser, struct http1_cursor *cursor, uint32_t size)
{
    struct http1_item *item = cursor->item;
    item->anomalies |= http1_line_anomalies(parser);
    http1_framing_decide(parser, item);
    parser->rest = item->head_end.length;
    parser->state = (uint8_t)state_of_framing(item);
    if (unlikely(parser->method == HTTP1_METHOD_UNKNOWN) && parser->state != HTTP1_STATE_COMPLETE) {
        parser->after_doubt = parser->state;
        parser->state = HTTP1_STATE_DOUBT;
    }
    bool requests = parser->kind == HTTP1_REQUESTS;
    if (item->head_end.framing == HTTP1_FRAMING_TUNNEL)
        parser->head |= HTTP1_HEAD_TUNNEL;
    if (requests && (item->head_end.upgrade || parser->method == HTTP1_METHOD_CONNECT))
        parser->head |= HTTP1_HEAD_MAY_SWITCH;
    if (!requests && !item->head_end.persistent && parser->status >= 200)
        parser->head |= HTTP1_HEAD_CLOSED;
    http1_hidden_begin(parser);
    http1_take(parser, cursor, size);
    return http1_deliver(parser, cursor);
}

/*
 * The size without CR LF of a header that is there as a whole, holds no control character and is not continued; 0 for
 * everything else. This is nearly every header, and saves looking for oddities that cannot be.
 */
static uint32_t find_plain_header(const struct http1 *parser, const struct http1_cursor *cursor)
{
    if (parser->scanned > 0)
        return 0;
    uint32_t limit = min_u32(cursor->size, HTTP1_LINE_MAX), at = http1_scan_control(cursor->data, limit, 0);
    const uint8_t *end = cursor->data + at;
    bool plain = at + 2 < limit && end[0] == '\r' && end[1] == '\n' && end[2] != ' ' && end[2] != '\t';
    return plain ? at : 0;
}

static enum http1_result take_plain_header(struct http1 *parser, struct http1_cursor *cursor, uint32_t size)
{
    struct http1_item *item = cursor->item;
    item->kind = HTTP1_HEADER;
    http1_line_read_header(span_of(cursor->data, size), cursor->size, false, item);
    if (parser->header_count < HEADER_COUNT_MAX && ++parser->header_count == HTTP1_HEADERS_MAX + 1)
        item->anomalies |= ANOMALY_BIT(ANOMALY_HEADERS_TOO_MANY);
    if (HEADER_BIT(item->header.id) & HTTP1_FRAMING_HEADERS)
        http1_framing_add_header(parser, span_of(cursor->data, size), item);
    else if (unlikely(http1_framing_is_suspect(item)))
        http1_framing_judge_name(item);
    parser->bytes_searched += size + 2;
    http1_take(parser, cursor, size + 2);
    return http1_deliver(parser, cursor);
}

enum http1_result http1_parse_header(struct http1 *parser, struct http1_cursor *cursor)
{
    uint32_t plain = find_plain_header(parser, cursor);
    if (likely(plain > 0))
        return take_plain_header(parser, cursor, plain);
    uint32_t size = find_header(parser, cursor);
    if (size == 0 && (parser->line_size || !http1_is_oversized(cursor)))
        return HTTP1_RESULT_MORE;
    if (size > 0 && http1_is_empty_line(cursor, size))
        return take_head_end(parser, cursor, size);
    return take_header(parser, cursor, size, HTTP1_HEADER);
}

enum http1_result http1_parse_simple(struct http1 *parser, struct http1_cursor *cursor)
{
    return take_head_end(parser, cursor, 0);
}

enum http1_result http1_parse_trailer(struct http1 *parser, struct http1_cursor *cursor)
{
    uint32_t size = find_header(parser, cursor);
    if (size == 0 && (parser->line_size || !http1_is_oversized(cursor)))
        return HTTP1_RESULT_MORE;
    if (size == 0 || !http1_is_empty_line(cursor, size))
        return take_header(parser, cursor, size, HTTP1_TRAILER);
    parser->anomalies |= http1_line_anomalies(parser);
    http1_take(parser, cursor, size);
    parser->state = HTTP1_STATE_COMPLETE;
    return HTTP1_RESULT_AGAIN;
}
