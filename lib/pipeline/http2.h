/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HTTP/2 on a channel
 *
 * The parser of each direction, and the streams that are not complete, each with its exchange.
 *
 * Memory:  one object of the worker's pool for each connection, one for each open stream, tables and joined fields from
 *          pools of their own; all given back when the connection ends.
 * Threads: one owner, the worker.
 * Limits:  below. A call for which there is no stream or no exchange is settled as LEDGER_TRANSACTION_BUDGET.
 */

#include "pipeline/channel.h"
#include "pipeline/exchange.h"
#include "proto/http2.h"
#include "proto/http2_head.h"

#define HTTP2_STREAMS_MAX 1024u /* of one connection; servers allow 100 to 250 at a time, proxies up to 1000 */
#define HTTP2_BUCKETS     64u   /* with 100 streams in flight two look-ups in three find their stream at once */
#define HTTP2_CLOSED_MAX  64u   /* streams ended last: frames of theirs may still be in flight */

/* A stream of which frames were lost may have ended unseen; it waits this long for more. */
#define HTTP2_LOST_STREAM_NS UINT64_C(10000000000)

/* Of one second. Browsers cancel a page of a hundred streams; pings and settings that fill a connection serve nobody.
 */
#define HTTP2_RATE_WINDOW_NS UINT64_C(1000000000)
#define HTTP2_RESETS_MAX     100u
#define HTTP2_SETTINGS_MAX   100u
#define HTTP2_PINGS_MAX      200u /* and more than four for each frame that carries a head or data */

#define HTTP2_PINGS_FOR_FRAME 4u

struct http2_stream {
    struct http2_stream *next;          /* in the same bucket */
    struct http2_stream *older, *newer; /* by the time they were made */
    struct exchange *exchange;          /* NULL: judged, a tunnel goes on */
    struct session *tunnel;             /* NULL: none */
    uint64_t length[2];                 /* Content-Length */
    uint64_t last_ns;
    uint32_t id;
    int32_t grpc_status; /* CALL_STATUS_NONE: not seen */
    bool head_seen[2];   /* request, response */
    bool ended[2];
    bool gap[2]; /* frames of that direction were lost */
    bool length_known[2];
    bool connect;  /* the method is CONNECT */
    bool extended; /* ... with a :protocol (RFC 8441) */
    bool head_method;
    bool status_unknown; /* of a response head: it may have been an interim one */
};

/* The header block being received in one direction. */
struct http2_reading {
    struct http2_stream *stream; /* NULL: not known yet, or of nobody */
    struct http2_head_check check;
    uint32_t id;       /* of the stream that the block is about: of a push, the promised one */
    uint32_t promised; /* 0: HEADERS */
    uint32_t store_begin;
    bool resolved; /* `stream` and what follows are decided */
    bool response;
    bool trailers;
    bool interim;
    bool first_status; /* the status was seen and is known */
};

struct http2_channel {
    struct flow *flow;
    struct http2_stream *buckets[HTTP2_BUCKETS];
    struct http2_stream *oldest, *newest;
    uint32_t stream_count;
    uint32_t orphan_count;    /* streams whose request was not seen (yet) */
    uint32_t highest_request; /* requests come in the order of their streams (RFC 9113 5.1.1) */
    uint32_t closed[HTTP2_CLOSED_MAX];
    uint32_t closed_next;
    struct http2_reading reading[2];
    uint64_t window_ns; /* begin of the second in which these were counted: */
    uint32_t resets, settings[2], pings[2], frames;
    uint64_t told;    /* connection-wide anomalies that were told */
    bool gap[2];      /* frames were lost since the beginning */
    bool roles_known; /* which direction is the client's: in the middle of a connection a guess at first */
    bool swapped;     /* the guess was wrong */
    bool midstream;
    struct http2 parsers[2]; /* of the channel's directions */
};

struct http2_feed {
    struct pipeline *worker;
    const struct channel_feed *channel;
    struct http2_channel *http2;
    bool response; /* the bytes are the server's */
};

extern const struct channel_protocol channel_http2;

/*
 * Behind channel_change() to channel_http2: the request that asked for it is stream 1, and its exchange belongs to that
 * from here on. False: no memory; the exchange stays the caller's.
 */
bool http2_adopt_upgrade(struct pipeline *worker, const struct channel_feed *feed, struct exchange *exchange);

/* http2_stream.c */
struct http2_stream *http2_stream_find(const struct http2_channel *http2, uint32_t id);

/* A new one with its exchange; NULL when there is no memory for it, which is counted. */
struct http2_stream *http2_stream_open(const struct http2_feed *feed, uint32_t id);

/* Stream 1, whose request came as HTTP/1 and is whole. NULL when there is no memory. */
struct http2_stream *http2_stream_adopt(struct pipeline *worker, struct http2_channel *http2, struct exchange *exchange,
                                        uint64_t time_ns);

/* Whether it was open and has ended not long ago. */
bool http2_stream_closed(const struct http2_channel *http2, uint32_t id);

/* Ends what is open of it, judges it and gives it back. */
void http2_stream_close(struct pipeline *worker, struct http2_channel *http2, struct http2_stream *stream);

/* Closes it when nothing more is to come. */
void http2_stream_close_if_done(struct pipeline *worker, struct http2_channel *http2, struct http2_stream *stream);

/* A request was seen: earlier ones that were not will not come any more. */
void http2_stream_pass_orphans(struct pipeline *worker, struct http2_channel *http2);

/* One half of it is over. */
void http2_stream_end_side(struct pipeline *worker, struct http2_stream *stream, bool response, bool complete);

/*
 * http2_tunnel.c: a CONNECT was accepted, and its exchange is still there. Without memory for a channel, or for a
 * protocol that nothing reads, stream->tunnel stays NULL and what the tunnel carries is passed over.
 */
void http2_tunnel_open(const struct http2_feed *feed, struct http2_stream *stream);
void http2_tunnel_data(const struct http2_feed *feed, struct http2_stream *stream, struct span data, uint32_t lost,
                       bool last);
void http2_tunnel_close(struct pipeline *worker, struct http2_channel *http2, struct http2_stream *stream);

/* http2_message.c: what the items of a stream mean for its exchange. */
void http2_message_item(const struct http2_feed *feed, const struct http2_item *item);
