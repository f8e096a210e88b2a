/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Framing of HTTP/1 messages
 *
 * What the head says about where the message ends, and how chunks are measured.
 *
 * Memory:  the parser's.
 * Threads: one owner.
 * Errors:  none; anomalies say what was odd.
 * Source:  RFC 9112 6 and 7.1, RFC 9110 8.6.
 */

#include "proto/http1.h"

enum http1_head {
    HTTP1_HEAD_LENGTH = 1u << 0,       /* a readable Content-Length; parser->length */
    HTTP1_HEAD_LENGTH_ANY = 1u << 1,   /* any Content-Length header */
    HTTP1_HEAD_ENCODING = 1u << 2,     /* any Transfer-Encoding header */
    HTTP1_HEAD_CHUNKED = 1u << 3,      /* chunked is among its codings */
    HTTP1_HEAD_CHUNKED_LAST = 1u << 4, /* and the last of them so far */
    HTTP1_HEAD_CLOSE = 1u << 5,        /* Connection: close */
    HTTP1_HEAD_KEEP_ALIVE = 1u << 6,   /* Connection: keep-alive */
    HTTP1_HEAD_UPGRADE = 1u << 7,      /* any Upgrade header */
};

/* The headers that say something about framing. */
#define HTTP1_FRAMING_HEADERS                                                                                          \
    (HEADER_BIT(HEADER_TRANSFER_ENCODING) | HEADER_BIT(HEADER_CONTENT_LENGTH) | HEADER_BIT(HEADER_CONNECTION) |        \
     HEADER_BIT(HEADER_HOST) | HEADER_BIT(HEADER_UPGRADE) | HEADER_BIT(HEADER_EXPECT))

#define HTTP1_SUSPECT_MAX 24u /* bytes of a plain name that may be read as "Transfer-Encoding" */

/* Takes note of one of those, in its line; adds to its anomalies. */
void http1_framing_add_header(struct http1 *parser, struct span line, struct http1_item *item);

/*
 * A header that has none of these names, but nearly: "Transfer_Encoding", or a line without name that holds one. Worth
 * a look when http1_framing_is_suspect() says so.
 */
void http1_framing_judge_name(struct http1_item *item);

/* A header behind the body that must not be there (RFC 9110 6.5.1), and that some merge into the head all the same. */
void http1_framing_judge_trailer(struct http1_item *item);

static inline bool http1_framing_is_suspect(const struct http1_item *item)
{
    uint32_t size = item->header.name.size;
    bool plain = size < sizeof("contentlength") - 1 || size > HTTP1_SUSPECT_MAX;
    return item->header.id == HEADER_OTHER && (!plain || item->anomalies);
}

/* Fills the item HEAD_END from all that was noted. */
void http1_framing_decide(const struct http1 *parser, struct http1_item *item_out);

/* Reads a chunk-size line without its line end. False when there is no size; *anomalies is added to. */
bool http1_framing_read_chunk_size(struct span line, uint64_t *size_out, uint64_t *anomalies);
