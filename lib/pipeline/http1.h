/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HTTP/1 on a channel
 *
 * The parser of each direction, and the exchanges that are not complete. Requests wait in a row for their responses.
 *
 * Memory:  a state of the worker's pool while a call is under way, given back between calls: an idle connection has
 *          none, what lasts is the channel's. Exchanges are of another pool.
 * Threads: one owner, the worker.
 * Limits:  without room for its state the connection is given up, as without room for an exchange.
 */

#include "pipeline/exchange.h"
#include "proto/http1.h"

/* Requests of one connection without a response; browsers and clients pipeline a handful at most. */
#define HTTP1_WAITING_MAX 256u

/* Line ends behind a response, as old servers add them, are no second response. */
#define HTTP1_SPARE_BYTES 2u

/* What is known of a connection for as long as it lives. */
struct http1_lasting {
    bool answered;      /* a response was seen to its end */
    bool pipelined;     /* requests were sent before earlier ones were answered */
    bool unpaired;      /* pipelined, and bytes were lost: whose response is whose is not known any more */
    bool doubtful;      /* a message ended where another receiver may see another end: all that follows is ambiguous */
    bool request_lost;  /* bytes of the client are missing ... */
    bool request_hole;  /* ... since a response began */
    bool response_lost; /* bytes of the server are missing ... */
    bool response_hole; /* ... since a request waits */
};

struct http1_channel {
    struct http1 parsers[2];          /* requests, responses */
    struct exchange *oldest, *newest; /* requests whose response has not begun */
    struct exchange *request;         /* being received */
    struct exchange *response;        /* being answered */
    uint32_t waiting;
    uint32_t head_begin; /* where the head being received begins in its exchange's store */
    uint32_t response_head_begin;
    bool interim;       /* the response being received is a 1xx */
    bool upgrade_asked; /* by the request received last */
    bool tail_seen;     /* bytes behind that hole: what they acknowledge is known */
    uint32_t tail_acknowledgement;
    uint64_t skipped; /* bytes of no request up to the hole */
};
