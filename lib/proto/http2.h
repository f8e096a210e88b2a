/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HTTP/2
 *
 * Turns one direction of a connection into heads, data and events of its streams, under the contract of base/parse.h.
 * Source: RFC 9113.
 *
 * Items:   HEAD FIELD* HEAD_END of one block are never interrupted by another stream's (RFC 9113 4.3). DATA comes as
 *          it arrives. STREAM_END follows the frame that has END_STREAM. Settings come one by one, then SETTINGS_END.
 *          Extension frames, PRIORITY and the debug data of GOAWAY are passed over.
 * Reading: frames that a receiver would refuse are told as BAD_FRAME and passed over by their length; only too long
 *          ones are read. A CONTINUATION over HTTP2_CONTINUATIONS_MAX is told so too, at once, with the error
 *          ENHANCE_YOUR_CALM, for its block may never end.
 * Loss:    an input with data NULL; `consumed` then counts lost bytes. Call until the answer is not PARSE_ITEM. What
 *          was not consumed before the hole is given up. A hole inside one frame costs what it covers of that frame;
 *          any other is told as GAP, and the next chain of plausible frame headers is looked for. Where a header block
 *          is touched, everything the dynamic table held is unknown from there (proto/hpack.h).
 * End:     `last` with the rest of the bytes; answers PARSE_STOP when all is said.
 * Memory:  struct http2 with its small table; a large table, and a buffer for a field that is cut by the end of a
 * frame, come from pools of the worker. Threads: one owner. Limits:  below. At most HTTP2_HOLD_MAX bytes stay
 * unconsumed.
 */

#include "proto/hpack.h"
#include "proto/http2_frame.h"

#define HTTP2_PREFACE_SIZE 24u
#define HTTP2_HOLD_MAX     HPACK_FIELD_MAX /* a field is decoded from one piece */
#define HTTP2_CHAIN_LINKS  3u              /* frame headers in a row that end a search */
/*
 * Of one head: what is beyond is decoded, for the table, but not delivered. Servers refuse 100 fields (Apache) to 1000,
 * and 8 to 64 KB.
 */
#define HTTP2_FIELDS_MAX        1000u
#define HTTP2_HEAD_BYTES_MAX    65536u
#define HTTP2_CONTINUATIONS_MAX 32u /* 512 KB of the smallest frames that a sender must be able to fill */

enum http2_side { HTTP2_CLIENT, HTTP2_SERVER };

enum http2_item_kind {
    HTTP2_HEAD,     /* a HEADERS or PUSH_PROMISE frame begins a header block */
    HTTP2_FIELD,    /* one field of it */
    HTTP2_HEAD_END, /* the block is over */
    HTTP2_DATA,
    HTTP2_STREAM_END, /* the sender has said all on this stream */
    HTTP2_RESET,
    HTTP2_SETTING,
    HTTP2_SETTINGS_END,
    HTTP2_PING,
    HTTP2_GOAWAY,
    HTTP2_WINDOW_UPDATE,
    HTTP2_BAD_FRAME,
    HTTP2_GAP, /* frames were lost: any stream may have had one of them */
};

enum http2_setting {
    HTTP2_SETTINGS_HEADER_TABLE_SIZE = 1,
    HTTP2_SETTINGS_ENABLE_PUSH = 2,
    HTTP2_SETTINGS_MAX_CONCURRENT_STREAMS = 3,
    HTTP2_SETTINGS_INITIAL_WINDOW_SIZE = 4,
    HTTP2_SETTINGS_MAX_FRAME_SIZE = 5,
    HTTP2_SETTINGS_MAX_HEADER_LIST_SIZE = 6,
    HTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL = 8, /* RFC 8441 */
};

/* How a head came out: a set. */
enum http2_head_flag {
    HTTP2_HEAD_CUT = 1u << 0,           /* bytes of it are missing: fields may be, behind those delivered */
    HTTP2_HEAD_UNKNOWN = 1u << 1,       /* fields with an unknown name or value */
    HTTP2_HEAD_MALFORMED = 1u << 2,     /* not HPACK, or interrupted by another frame: a receiver closes */
    HTTP2_HEAD_FIELDS = 1u << 3,        /* over HTTP2_FIELDS_MAX */
    HTTP2_HEAD_BYTES = 1u << 4,         /* over HTTP2_HEAD_BYTES_MAX when decoded */
    HTTP2_HEAD_CONTINUATIONS = 1u << 5, /* over HTTP2_CONTINUATIONS_MAX */
    HTTP2_HEAD_FIELD_SIZE = 1u << 6,    /* a field over HPACK_FIELD_MAX */
    HTTP2_HEAD_TABLE_SIZE = 1u << 7,    /* the table was made larger than the receiver allows */
};

struct http2_item {
    enum http2_item_kind kind;
    uint32_t stream; /* 0: the connection */
    union {
        struct {
            uint32_t promised; /* PUSH_PROMISE: the stream it opens; 0: HEADERS */
            bool end_stream;   /* the head is all there is */
        } head;
        struct hpack_field field;
        struct {
            uint32_t flags;      /* set of enum http2_head_flag */
            uint32_t wire_bytes; /* of the block */
            uint64_t decoded_bytes;
            uint32_t fields;
        } head_end;
        struct {
            struct span data; /* data NULL: `lost` bytes of content were not seen */
            uint32_t lost;
        } data;
        struct {
            uint32_t error;
        } reset;
        struct {
            uint32_t value;
            uint16_t id;
        } setting;
        struct {
            bool ack;
        } settings_end, ping;
        struct {
            uint32_t last_stream, error;
        } goaway;
        struct {
            uint32_t increment;
        } window_update;
        struct {
            struct http2_frame frame;
            enum http2_error error;
        } bad_frame;
    };
};

struct http2_memory {
    struct hpack_memory hpack;
    struct pool *joins; /* objects of at least HTTP2_HOLD_MAX bytes */
};

/* Members are private but bytes_skipped. */
struct http2 {
    struct hpack hpack;
    const struct http2_memory *memory;
    uint8_t *join; /* a field that goes on in the next CONTINUATION; NULL: none in this block */
    uint32_t join_size;
    struct http2_frame frame;
    uint32_t rest;           /* bytes of its payload still to come, padding included */
    uint32_t padding;        /* at its end */
    uint32_t pending;        /* bytes left unconsumed by the last MORE */
    uint32_t frame_size_max; /* that the other side allows, or has allowed */
    uint32_t table_size_max;
    uint32_t stream_max;   /* highest stream met on the connection; 0: unknown */
    uint32_t block_stream; /* the header block that is open; 0: none */
    uint32_t block_bytes;
    uint32_t block_fields;
    uint32_t block_continuations;
    uint64_t block_decoded;
    uint32_t chain;         /* links of a chain whose first frames were passed over */
    uint32_t ending;        /* the stream that ends with this frame; 0: none */
    uint64_t bytes_skipped; /* seen, and part of no frame */
    uint16_t block_flags;   /* set of enum http2_head_flag */
    uint8_t state;
    bool block_end_stream;
    bool block_lost; /* what comes of it cannot be decoded */
    bool trusted;    /* frames have been followed since the beginning */
    bool aligned;    /* the search stands at its first byte */
    struct hpack_small small;
};

/* At the beginning of the connection. A client's begins with the preface. */
void http2_init(struct http2 *parser, enum http2_side side, const struct http2_memory *memory);

/* In the middle of it: the same search as behind a hole. */
void http2_init_midstream(struct http2 *parser, const struct http2_memory *memory);
void http2_release(struct http2 *parser);

/* What the other side announced: its items HTTP2_SETTING, and streams it has begun. */
void http2_peer_setting(struct http2 *parser, uint16_t id, uint32_t value);
void http2_peer_stream(struct http2 *parser, uint32_t stream);

/*
 * Whether bytes from the middle of an unknown connection look like HTTP/2: a chain of frames somewhere in them, or
 * whole frames from the first byte to the last, as senders write them. Enough to try; http2_init_midstream() asks for
 * more.
 */
bool http2_found(struct span data);

struct parse_step http2_parse(struct http2 *parser, const struct parse_input *input, struct http2_item *item_out);
