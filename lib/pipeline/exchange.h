/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Exchange
 *
 * A transaction while its bytes arrive: the transaction itself, its place in the row of those waiting for their
 * response, and the state of scanning its two bodies.
 *
 * Memory:  from the worker's pools, given back when it is judged.
 * Threads: one owner, the worker.
 */

#include "pipeline/epoch.h"
#include "proto/body_text.h"
#include "proto/charset.h"
#include "proto/content_decoder.h"
#include "proto/http1.h"
#include "proto/utf8.h"
#include "transaction/transaction.h"

struct exchange_graphql; /* graphql.c's own */

struct scan_multipart; /* scan_multipart.c's own */

/* A value in base64 that does not end in the view, or piece, that it began in. */
struct scan_base64 {
    bool open, piece_open;
    bool whole; /* the digits are all there was of the value so far */
    uint16_t name_size;
    uint64_t next;       /* where in the body it is read on from */
    uint64_t piece_next; /* which digit of the value is searched next */
    char name[BODY_NAME_MAX];
};

struct body_scan {
    bool on;      /* bytes are searched; false: no body, an encoded one, or beyond a limit */
    bool encoded; /* in a content coding that is not opened */
    bool coded;   /* bytes of it went to the decoder */
    bool started; /* the first bytes have been seen, `kind` is decided */
    bool locator_ready;
    bool charset_known;
    bool first_held; /* first_byte waits: the charset shows in the first two */
    uint8_t first_byte;
    struct charset_decoder charset;
    bool length_known;
    bool text;                        /* the protocol says that it is text; it has no media type */
    uint8_t kind;                     /* enum body_kind */
    uint64_t length;                  /* of the body on the wire, when length_known */
    uint64_t size;                    /* bytes of it so far, lost ones included */
    struct content_decoder *decoder;  /* of a content coding; NULL: none, or done */
    struct scan_grpc *grpc;           /* of a gRPC body; NULL: it is none */
    struct scan_multipart *multipart; /* of a body in parts; the members below are of its part then */
    uint64_t base;                    /* where in the body `window` begins */
    bool utf8_due;                    /* it has to be UTF-8 */
    struct utf8_check utf8;
    struct scan_base64 base64;
    struct body_window window;
    struct body_locator locator;
    struct body_values values;
};

struct exchange {
    struct exchange *next; /* later request of the same connection */
    struct epoch *epoch;
    uint8_t request_method;   /* enum http1_method: frames the response */
    bool simple;              /* a request of HTTP/0.9: its answer has no head */
    bool acknowledges;        /* `acknowledgement` was sent with the request's first line */
    uint32_t acknowledgement; /* up to there the client had the other direction by then: no answer to this request */
    bool request_done;
    bool response_done;
    uint32_t answer;                  /* AMQP 0-9-1: number of the method that answers it */
    struct exchange_graphql *graphql; /* while a request that may be GraphQL, or its answer, is read */
    struct body_scan scans[2];        /* request, response */
    struct transaction transaction;
    struct token token;              /* of the request */
    char caller_id[2 * DIGEST_SIZE]; /* hex */
};
