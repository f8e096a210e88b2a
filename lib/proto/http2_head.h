/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HTTP/2 heads
 *
 * What RFC 9113 8.2 and 8.3 demand of the fields of one head, as anomalies. Fields of unknown name or value are taken
 * for good.
 *
 * Memory:  the check itself.
 * Threads: one owner.
 */

#include "proto/hpack.h"
#include "transaction/anomaly.h"

enum http2_pseudo {
    HTTP2_PSEUDO_NONE, /* no pseudo-header */
    HTTP2_PSEUDO_METHOD,
    HTTP2_PSEUDO_SCHEME,
    HTTP2_PSEUDO_AUTHORITY,
    HTTP2_PSEUDO_PATH,
    HTTP2_PSEUDO_PROTOCOL, /* RFC 8441 */
    HTTP2_PSEUDO_STATUS,
    HTTP2_PSEUDO_OTHER, /* begins with a colon and is none of these */
};

enum http2_head_kind { HTTP2_HEAD_REQUEST, HTTP2_HEAD_RESPONSE, HTTP2_HEAD_TRAILERS };

struct http2_head_check {
    uint8_t kind;   /* enum http2_head_kind */
    uint8_t seen;   /* set of 1 << enum http2_pseudo */
    bool regular;   /* a field that is no pseudo-header came */
    bool connect;   /* :method is CONNECT */
    bool uncertain; /* fields are missing or unknown: nothing can be said about what is not there */
};

enum http2_pseudo http2_pseudo_find(struct span name);

void http2_head_check_begin(struct http2_head_check *check, enum http2_head_kind kind);

/* Each returns a set of ANOMALY_BIT(). */
uint64_t http2_head_check_field(struct http2_head_check *check, const struct hpack_field *field);
uint64_t http2_head_check_end(struct http2_head_check *check, bool whole);
