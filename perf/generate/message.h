/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Messages
 *
 * The request and the response of one HTTP call, before a version of HTTP gives them a form: so that every protocol
 * carries the same calls. What is fresh in a value (protocol.h) is marked where it stands.
 *
 * Memory:  the author's arena.
 * Limits:  MESSAGE_* below; more is a mistake of ours and ends the program.
 */

#include "generate/protocol.h"
#include "generate/text.h"

#define MESSAGE_HEADERS_MAX 18u   /* twelve of a request; WebSocket adds five */
#define MESSAGE_FRESH_MAX   2u    /* parts of a request id on both sides of a hyphen */
#define MESSAGE_HEAD_ROOM   1536u /* the longest head has 700 bytes */

/* The part of a value that is drawn when the script is played. */
struct message_fresh {
    uint16_t offset; /* in the value */
    uint8_t size;
    uint8_t fresh;  /* enum traffic_fresh */
    uint8_t stream; /* which of them */
    bool base64;
};

struct message_header {
    const char *name; /* as HTTP/1 writes it */
    struct span value;
    struct message_fresh fresh[MESSAGE_FRESH_MAX];
    uint32_t fresh_count;
    bool hop; /* of HTTP/1 connections only (RFC 9113 8.2.2) */
};

struct message {
    struct span method, path; /* of a request */
    const char *status;       /* of a response: "200 OK" */
    struct message_header headers[MESSAGE_HEADERS_MAX];
    uint32_t header_count;
    struct span body;
    const char *grpc_status; /* sent behind the body; NULL: nothing is */
};

struct message_call {
    struct message request, response;
};

/* One call of the kind (a set of enum traffic_kind), with JSON bodies. Returns 0 or -ENOMEM. */
MUST_USE int message_call_write(struct traffic_author *author, uint32_t kind, struct message_call *call_out);

/* Adds a header; the value is copied. Returns it, or NULL: no memory. */
MUST_USE struct message_header *message_header_add(struct traffic_author *author, struct message *message,
                                                   const char *name, const char *format, ...) PRINTF_LIKE(4, 5);

/* NULL when there is none. */
struct message_header *message_header_find(struct message *message, const char *name);
void message_header_remove(struct message *message, const char *name);

/* An empty text of that capacity from the author's arena. Returns 0 or -ENOMEM. */
MUST_USE int message_text_new(struct text *text, struct traffic_author *author, uint32_t capacity);

/* Bodies vary between three and five quarters of what the settings say. */
uint32_t message_size_vary(struct random *random, uint32_t size);

/* http1.c: the two as HTTP/1.1 writes them; a call is a write of the request, one of the head, one of the body. */
MUST_USE int http1_call_write(struct traffic_author *author, const struct message_call *call,
                              struct traffic_script *script_out);
