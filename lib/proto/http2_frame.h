/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HTTP/2 frames
 *
 * The nine bytes in front of every frame, what must be true of them, and how likely it is that some bytes are them.
 * Source: RFC 9113 4.1 and 6.
 *
 * Memory:  none.
 * Threads: pure functions.
 */

#include "base/span.h"

#define HTTP2_FRAME_HEADER       9u
#define HTTP2_FRAME_SIZE_DEFAULT 16384u      /* SETTINGS_MAX_FRAME_SIZE unless the receiver allows more */
#define HTTP2_FRAME_SIZE_MAX     16777215u   /* 24 bits of length */
#define HTTP2_STREAM_MAX         0x7fffffffu /* 31 bits */

enum http2_type {
    HTTP2_TYPE_DATA,
    HTTP2_TYPE_HEADERS,
    HTTP2_TYPE_PRIORITY,
    HTTP2_TYPE_RST_STREAM,
    HTTP2_TYPE_SETTINGS,
    HTTP2_TYPE_PUSH_PROMISE,
    HTTP2_TYPE_PING,
    HTTP2_TYPE_GOAWAY,
    HTTP2_TYPE_WINDOW_UPDATE,
    HTTP2_TYPE_CONTINUATION,
    HTTP2_TYPE_COUNT /* of the types defined in RFC 9113; others are extensions, to be ignored */
};

enum http2_flag {
    HTTP2_FLAG_END_STREAM = 0x1, /* DATA, HEADERS */
    HTTP2_FLAG_ACK = 0x1,        /* SETTINGS, PING */
    HTTP2_FLAG_END_HEADERS = 0x4,
    HTTP2_FLAG_PADDED = 0x8,
    HTTP2_FLAG_PRIORITY = 0x20,
};

enum http2_error {
    HTTP2_NO_ERROR = 0x0,
    HTTP2_PROTOCOL_ERROR = 0x1,
    HTTP2_FRAME_SIZE_ERROR = 0x6,
    HTTP2_REFUSED_STREAM = 0x7,
    HTTP2_CANCEL = 0x8,
    HTTP2_COMPRESSION_ERROR = 0x9,
    HTTP2_ENHANCE_YOUR_CALM = 0xb,
};

struct http2_frame {
    uint32_t length; /* of the payload */
    uint32_t stream;
    uint8_t type; /* enum http2_type, or an extension */
    uint8_t flags;
};

/* What the connection makes plausible, for judging bytes that may or may not be a frame header. */
struct http2_plausible {
    uint32_t frame_size_max;
    uint32_t stream_max; /* 0: not known */
};

/* `bytes` has HTTP2_FRAME_HEADER of them. The reserved bit is ignored. */
struct http2_frame http2_frame_read(const uint8_t *bytes);

/*
 * HTTP2_NO_ERROR, or how a receiver would answer to the header alone: a length that the type cannot have
 * (HTTP2_FRAME_SIZE_ERROR) or a stream it cannot be on (HTTP2_PROTOCOL_ERROR).
 */
enum http2_error http2_frame_check(const struct http2_frame *frame);

/* What lies in the payload of DATA, HEADERS and PUSH_PROMISE in front of the content, as sizes in bytes. */
struct http2_layout {
    uint32_t prefix; /* pad length, priority, promised stream */
    bool padded;     /* the first byte of the prefix is the size of the padding behind the content */
};

struct http2_layout http2_frame_layout(const struct http2_frame *frame);

/* True when nothing speaks against these HTTP2_FRAME_HEADER bytes being the header of a frame. */
bool http2_frame_plausible(const uint8_t *bytes, const struct http2_plausible *plausible);

struct http2_chain {
    bool found;
    bool undecided;         /* bytes are missing behind `reach` */
    uint32_t links;         /* headers that are plausible */
    uint64_t reach;         /* where the next one is, or would be */
    struct http2_frame end; /* the last of them */
};

/* Whether `frame` may come behind `before`: a header block is one sequence that nothing interrupts (RFC 9113 4.3). */
bool http2_frame_follows(const struct http2_frame *before, const struct http2_frame *frame);

/* Whether `data` begins with the header of a frame, and so on from frame to frame, `links` times. */
struct http2_chain http2_chain_check(struct span data, uint32_t links, const struct http2_plausible *plausible);
