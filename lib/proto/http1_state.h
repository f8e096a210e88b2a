/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * State of the HTTP/1 parser
 *
 * What the source files of the parser share: its states, the input of one call, and what the private members of struct
 * http1 mean. One function a state; each takes what it can from the input and says whether that made an item, needs
 * more bytes, or leads to another state at once.
 *
 * Memory:  the parser's.
 * Threads: one owner.
 */

#include "proto/http1.h"
#include "proto/http1_framing.h"

enum http1_state {
    HTTP1_STATE_START, /* the zero of struct http1 */
    HTTP1_STATE_HEADER,
    HTTP1_STATE_SIMPLE, /* the end of a head that HTTP/0.9 does not have */
    HTTP1_STATE_DOUBT,  /* a body or the next head: the request was not seen */
    HTTP1_STATE_BODY,
    HTTP1_STATE_UNTIL_CLOSE,
    HTTP1_STATE_CHUNK_SIZE,
    HTTP1_STATE_CHUNK_DATA,
    HTTP1_STATE_CHUNK_END, /* the line end behind chunk data */
    HTTP1_STATE_TRAILER,
    HTTP1_STATE_COMPLETE, /* MESSAGE_END is due */
    HTTP1_STATE_CUT,      /* the same, for a message that did not end */
    HTTP1_STATE_RESYNC,
    HTTP1_STATE_STOP,
    HTTP1_STATE_COUNT
};

enum http1_result { HTTP1_RESULT_ITEM, HTTP1_RESULT_MORE, HTTP1_RESULT_STOP, HTTP1_RESULT_AGAIN };

/* What is left of the input of one call. */
struct http1_cursor {
    const uint8_t *data;
    uint32_t size;
    bool last;
    struct http1_item *item;
    uint32_t consumed; /* not beside `size`: as one vector they would be read back before both were written */
};

/* Members of http1.line: what the current line contains. */
#define HTTP1_LINE_NUL     0x01u
#define HTTP1_LINE_CONTROL 0x02u
#define HTTP1_LINE_CR      0x04u /* a CR not yet judged */
#define HTTP1_LINE_BARE_CR 0x08u
#define HTTP1_LINE_BARE_LF 0x10u
#define HTTP1_LINE_FOLDED  0x20u
#define HTTP1_LINE_SKIP    0x40u /* the rest of an oversized line is thrown away */
#define HTTP1_LINE_MIDDLE  0x80u /* in HTTP1_STATE_RESYNC: the first byte is not the first of its line */

/* Members of http1.head that outlive the message they were set by; the others are those of http1_framing.h. */
#define HTTP1_HEAD_ASSUMED    0x0400u /* the next head told that there is no body; ends with the message */
#define HTTP1_HEAD_AMBIGUOUS  0x0800u /* the message so far has one of ANOMALIES_AMBIGUOUS; ends with it */
#define HTTP1_HEAD_TUNNEL     0x1000u /* http1_set_tunnel() was called */
#define HTTP1_HEAD_MAY_SWITCH 0x2000u /* the last message was a CONNECT or Upgrade request */
#define HTTP1_HEAD_CLOSED     0x4000u /* the last message said that it was the last */
#define HTTP1_HEAD_LASTING    (HTTP1_HEAD_TUNNEL | HTTP1_HEAD_MAY_SWITCH | HTTP1_HEAD_CLOSED)

static inline void http1_take(struct http1 *parser, struct http1_cursor *cursor, uint32_t size)
{
    cursor->data += size;
    cursor->size -= size;
    cursor->consumed += size;
    parser->scanned = 0;
    parser->line_size = 0;
    parser->line = 0;
}

static inline void http1_take_skipped(struct http1 *parser, struct http1_cursor *cursor, uint32_t size)
{
    parser->bytes_skipped += size;
    http1_take(parser, cursor, size);
}

/* Completes an item with what was found since the last one. */
static inline enum http1_result http1_deliver(struct http1 *parser, struct http1_cursor *cursor)
{
    cursor->item->anomalies |= parser->anomalies;
    parser->anomalies = 0;
    if (unlikely(cursor->item->anomalies & ANOMALIES_AMBIGUOUS))
        parser->head |= HTTP1_HEAD_AMBIGUOUS;
    return HTTP1_RESULT_ITEM;
}

/* ---- lines (http1_head.c) ---- */

/* The size of the line at the cursor with its end, 0 when no end is there within HTTP1_LINE_MAX bytes. */
uint32_t http1_find_line(struct http1 *parser, const struct http1_cursor *cursor);

/* Without CR LF or LF. */
struct span http1_strip_line(const uint8_t *data, uint32_t size);

/* Of the line that was found last. */
uint64_t http1_line_anomalies(const struct http1 *parser);

bool http1_is_empty_line(const struct http1_cursor *cursor, uint32_t size);

/* No end was found: is the line too long, or only not there yet? */
bool http1_is_oversized(const struct http1_cursor *cursor);

/* Takes an oversized line as far as it is kept; the rest of it is thrown away as it comes. */
void http1_take_oversized(struct http1 *parser, struct http1_cursor *cursor);

/* Throws away the rest of an oversized line. True when its end was reached. */
bool http1_skip_line(struct http1 *parser, struct http1_cursor *cursor);

/* ---- states ---- */

enum http1_result http1_parse_header(struct http1 *parser, struct http1_cursor *cursor);
enum http1_result http1_parse_simple(struct http1 *parser, struct http1_cursor *cursor);
enum http1_result http1_parse_trailer(struct http1 *parser, struct http1_cursor *cursor);
enum http1_result http1_parse_resync(struct http1 *parser, struct http1_cursor *cursor);

/* From here on the next first line is searched; the message found carries `reason`. */
enum http1_result http1_begin_resync(struct http1 *parser, enum anomaly reason);
