/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Lines of HTTP/1
 *
 * Reads one complete line: a request line, a status line, a header. Lines come without their line end.
 *
 * Memory:  none; spans point into the line.
 * Threads: pure functions.
 * Errors:  none; anomalies say what was odd.
 * Source:  RFC 9112 3, 4, 5.
 */

#include "proto/http1.h"

enum http1_line {
    HTTP1_LINE_GOOD,
    HTTP1_LINE_OTHER,   /* no first line of a message */
    HTTP1_LINE_FOREIGN, /* the first line of another protocol: RTSP, SIP, ICY, HTTP/2 */
};

/* Fills an item of kind REQUEST_LINE or STATUS_LINE; `anomalies` is added to, not set. */
enum http1_line http1_line_read_request(struct span line, struct http1_item *item_out);
enum http1_line http1_line_read_status(struct span line, struct http1_item *item_out);

/* A request line whose end is not there, because it is too long. */
enum http1_line http1_line_read_request_cut(struct span line, struct http1_item *item_out);

/* Fills name, value and id of an item of kind HEADER or TRAILER. `folded`: the value may hold line ends. */
void http1_line_read_header(struct span line, bool folded, struct http1_item *item_out);

/*
 * Where in `line` a first line begins that leaves no doubt: at its beginning (if `whole`, it is the beginning of a
 * line), or behind other bytes, as when a body without line end precedes. line.size when nowhere.
 */
uint32_t http1_line_find_first(enum http1_kind kind, struct span line, bool whole);

enum http1_fit { HTTP1_FIT_NO, HTTP1_FIT_YES, HTTP1_FIT_MORE };

/* Could `data` be what follows a first line: a header or an empty line? Decides within HTTP1_FIT_MAX bytes. */
enum http1_fit http1_line_fits_head(const uint8_t *data, uint32_t size);

/* Could a request line begin here: a method and a space? Decides within HTTP1_FIT_MAX bytes. */
enum http1_fit http1_line_fits_request(const uint8_t *data, uint32_t size);

/* Does a status line begin here? Decides within HTTP1_FIT_MAX bytes. */
enum http1_fit http1_line_fits_status(const uint8_t *data, uint32_t size);

#define HTTP1_FIT_MAX 64u /* longer header names and methods are not met in practice */
