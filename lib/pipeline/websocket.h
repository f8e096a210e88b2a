/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * WebSocket in the pipeline
 *
 * Each data message and each close is a transaction of its own; pings and pongs are counted. A link is what is kept of
 * one WebSocket: on a channel behind a 101 (channel_websocket), or on a stream of HTTP/2 (RFC 8441), whose adapter
 * opens a link and feeds it the data of both directions.
 *
 *   client's message   request side carries the body, message.kind is MESSAGE_PUBLISH
 *   server's message   response side carries the body, message.kind is MESSAGE_DELIVER
 *   both               method is the opcode's name, host and path are the handshake's, there is no status; the side
 * that carries nothing is complete and empty close              the same; message.kind is MESSAGE_NONE, the body is the
 * reason
 *
 * Memory:  a link from the worker's pool; an exchange only while a message is open; an inflater only while a message is
 *          compressed, or for as long as the link lives where messages refer to earlier ones.
 * Threads: one owner, the worker.
 * Limits:  LINK_TEXTS_SIZE of host and path; what does not fit is left out and the calls say that they are truncated.
 */

#include "pipeline/graphql.h"
#include "pipeline/worker.h"
#include "proto/utf8.h"
#include "proto/websocket.h"
#include "proto/websocket_handshake.h"
#include "proto/websocket_inflate.h"

#define LINK_TEXTS_SIZE 2048u /* paths with a token in the query stay below; held by links idle for days */

struct channel_protocol;

/* One sender's half. */
struct websocket_half {
    struct websocket parser;
    struct websocket_inflater *inflater; /* NULL: none is held */
    struct exchange *exchange;           /* the message being received; NULL: none, or there is no memory for it */
    uint8_t *carry;                      /* websocket_link_feed(): what waits for more bytes */
    uint32_t carry_size;
    struct utf8_check utf8;
    bool text;           /* the open message has to be UTF-8 */
    bool inflating;      /* the open message is compressed, and its outcome open */
    bool coded;          /* the open message is compressed */
    bool history_broken; /* with takeover: not every earlier message was inflated */
};

struct websocket_link {
    struct websocket_half halves[2]; /* by enum websocket_sender, and by direction */
    struct websocket_agreement agreement;
    struct graphql_asked asked;
    uint32_t call_flags; /* of every call */
    uint32_t host_size, path_size;
    bool path_known;
    uint8_t texts[LINK_TEXTS_SIZE]; /* host, then path */
};

struct websocket_feed {
    struct websocket_link *link;
    const struct flow *flow;
    uint32_t direction; /* 0: to the server */
    uint64_t time_ns;
};

/* `handshake` has both heads, searched and redacted; NULL: it was not seen. Returns NULL when no link is free. */
struct websocket_link *websocket_link_open(struct pipeline *worker, const struct transaction *handshake,
                                           bool midstream);

/*
 * Works through the input of feed->direction under the contract of base/parse.h. Returns the bytes (of a hole: lost
 * bytes) consumed; at most WEBSOCKET_HELD_MAX are left. *stopped_out: nothing more is read of this direction.
 */
uint32_t websocket_link_parse(struct pipeline *worker, const struct websocket_feed *feed, struct parse_input input,
                              bool *stopped_out);

/*
 * The same for a caller that keeps no rest: takes all of the input and carries what is not consumed. False: nothing
 * more is read of this direction, or there is no memory for the rest.
 */
bool websocket_link_feed(struct pipeline *worker, const struct websocket_feed *feed, struct parse_input input);

/* Whatever is still open ends as it is. */
void websocket_link_close(struct pipeline *worker, struct websocket_link *link);

/* What is wrong with the handshake goes into its response; call before it is judged. */
void websocket_handshake_note(struct transaction *handshake);

extern const struct channel_protocol channel_websocket;
