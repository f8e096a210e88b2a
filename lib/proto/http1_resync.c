/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Finding the next message when the place in the stream is not known. Lines are the unit: only one that ends with a
 * version (a request) or holds a version and a status (a response) is looked at closer, and only when a header or the
 * end of the head follows is it believed.
 */

#include "proto/http1_line.h"
#include "proto/http1_state.h"

enum http1_result http1_begin_resync(struct http1 *parser, enum anomaly reason)
{
    parser->anomalies |= ANOMALY_BIT(reason);
    parser->head &= HTTP1_HEAD_TUNNEL;
    parser->scanned = 0;
    parser->line_size = 0;
    /* Behind a hole the first byte may be in the middle of a method: "T /a HTTP/1.1" is not to become a request. */
    parser->line = reason == ANOMALY_AFTER_LOSS ? HTTP1_LINE_MIDDLE : 0;
    parser->state = HTTP1_STATE_RESYNC;
    return HTTP1_RESULT_AGAIN;
}

/* The end of the line at the cursor, with LF, however long; 0 when it is not there. */
static uint32_t find_resync_line(struct http1 *parser, const struct http1_cursor *cursor)
{
    if (parser->line_size)
        return parser->line_size;
    uint32_t at = parser->scanned;
    const uint8_t *end = at < cursor->size ? memchr(cursor->data + at, '\n', cursor->size - at) : NULL;
    parser->scanned = cursor->size;
    return end ? (uint32_t)(end - cursor->data) + 1 : 0;
}

/* Keeps as much of a line without end as a first line may have. */
static enum http1_result wait_for_resync_line(struct http1 *parser, struct http1_cursor *cursor)
{
    if (cursor->size > HTTP1_RESYNC_MAX) {
        http1_take_skipped(parser, cursor, cursor->size - HTTP1_RESYNC_MAX);
        parser->scanned = cursor->size;
        parser->line = HTTP1_LINE_MIDDLE;
    }
    return HTTP1_RESULT_MORE;
}

enum http1_result http1_parse_resync(struct http1 *parser, struct http1_cursor *cursor)
{
    uint32_t size = find_resync_line(parser, cursor);
    if (size == 0)
        return wait_for_resync_line(parser, cursor);
    uint32_t start = size > HTTP1_RESYNC_MAX ? size - HTTP1_RESYNC_MAX : 0;
    bool whole = start == 0 && !(parser->line & HTTP1_LINE_MIDDLE);
    struct span line = http1_strip_line(cursor->data + start, size - start);
    uint32_t at = http1_line_find_first((enum http1_kind)parser->kind, line, whole);
    if (at == line.size) {
        http1_take_skipped(parser, cursor, size);
        return HTTP1_RESULT_AGAIN;
    }
    enum http1_fit fit = http1_line_fits_head(cursor->data + size, cursor->size - size);
    if (fit == HTTP1_FIT_MORE && !cursor->last) {
        parser->line_size = size;
        return HTTP1_RESULT_MORE;
    }
    if (fit != HTTP1_FIT_YES) {
        http1_take_skipped(parser, cursor, size);
        return HTTP1_RESULT_AGAIN;
    }
    http1_take_skipped(parser, cursor, start + at);
    parser->state = HTTP1_STATE_START;
    return HTTP1_RESULT_AGAIN;
}
