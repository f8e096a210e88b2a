/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Session
 *
 * What the pipeline keeps of one connection: which protocol it speaks, the parser of each direction, the bytes a parser
 * has not consumed yet, and the exchanges that are not complete.
 *
 * Memory:  one object of the worker's pool for each flow that carried data; carry buffers only while a line is cut.
 * Threads: one owner, the worker.
 */

#include "pipeline/worker.h"

/* Requests of one connection without a response; browsers and clients pipeline a handful at most. */
#define SESSION_WAITING_MAX 256u
/* A midstream connection is looked at this often before it counts as unknown: a long body hides the next first line. */
#define SESSION_ATTEMPTS_MAX 64u
/* A parser leaves at most one line unconsumed. */
#define SESSION_CARRY_SIZE (HTTP1_LINE_MAX + 64u)

enum session_state { SESSION_CLASSIFYING, SESSION_HTTP1, SESSION_OTHER };

struct session {
    struct http1 parsers[2]; /* requests, responses */
    uint8_t *carry[2];       /* unconsumed bytes, NULL when there are none */
    uint32_t carry_size[2];
    struct exchange *oldest, *newest; /* requests whose response has not begun */
    struct exchange *request;         /* being received */
    struct exchange *response;        /* being answered */
    uint32_t waiting;
    uint32_t head_begin; /* where the head being received begins in its exchange's store */
    uint32_t response_head_begin;
    uint8_t state;  /* enum session_state */
    uint8_t reason; /* enum ledger_reason of a session in SESSION_OTHER */
    uint8_t attempts;
    bool midstream;
    bool interim;    /* the response being received is a 1xx */
    bool tunnel;     /* another protocol goes on behind an upgrade or CONNECT */
    bool stopped[2]; /* the parser has nothing more to say */
    bool pipelined;  /* requests were sent before earlier ones were answered */
    bool unpaired;   /* pipelined, and bytes were lost: whose response is whose is not known any more */
    bool request_lost;
    bool response_hole; /* bytes of the server are missing since a request waits */
};

/* http1.c */
struct http1_feed {
    struct session *session;
    struct flow *flow;
    uint32_t direction; /* 0: to the server */
    uint64_t time_ns;
};

void session_http1_begin(struct session *session, bool midstream);

/* Lets the parser of the direction work through the input. Returns the bytes (of a hole: lost bytes) it consumed. */
uint32_t session_http1_parse(struct pipeline *worker, const struct http1_feed *feed, struct parse_input input);

/* The connection has ended and both parsers were told: whatever is still open ends as it is. */
void session_http1_end(struct pipeline *worker, struct session *session);
