/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * gRPC bodies
 *
 * A body whose content type says gRPC or gRPC-Web, over any version of HTTP: its messages are decompressed, walked by
 * their descriptor where the registry has one, and their values searched. Trailers of gRPC-Web become headers of the
 * response. Detections are named by the path of their field, and their offset counts bytes of messages: without
 * prefixes, decompressed.
 *
 * Memory:  an object of the worker's pool for each side that carries such a body; a window while a value is cut.
 * Threads: one owner, the worker.
 * Limits:  SCAN_GRPC_TRAILERS_MAX; workers.body_scan_kib counts decompressed bytes of all messages of a side. What is
 *          beyond a limit makes the call truncated and unscanned.
 */

#include "pipeline/worker.h"
#include "proto/grpc.h"
#include "proto/grpc_text.h"
#include "proto/protobuf.h"

#define SCAN_GRPC_TRAILERS_MAX PROTOBUF_GUESS_MAX /* common servers refuse heads over 8 KB, and trailers are short */
#define SCAN_GRPC_TEXT_SIZE    1536u              /* bytes of base64 decoded at a time: a segment of a wire */

enum scan_grpc_mode {
    SCAN_GRPC_SKIP,     /* not searched: a limit, or it cannot be decompressed */
    SCAN_GRPC_WALK,     /* by the walker */
    SCAN_GRPC_PLAIN,    /* as one text: another codec, or no protobuf after all */
    SCAN_GRPC_JSON,     /* as a body of JSON */
    SCAN_GRPC_TRAILERS, /* collected in carry */
};

struct scan_grpc {
    struct grpc_content content;
    struct grpc_text text;
    struct grpc_frames frames;
    struct content_codings codings;         /* of grpc-encoding */
    struct content_decoder *decoder;        /* of the message that is being read; NULL: none */
    const struct protobuf_message *message; /* of this side, by the registry; NULL: not known */
    uint8_t mode;                           /* enum scan_grpc_mode, of the message that is being read */
    uint8_t flags_seen;                     /* of the walker's */
    bool ended;                             /* nothing more of the body can be read */
    bool holed;                             /* bytes of the message are missing */
    bool cut;                               /* not all of the message could be decompressed */
    bool open;                              /* a message is being read */
    bool value_open;
    uint64_t content_size; /* of all messages before this one */
    uint64_t message_size; /* of this one, as far as it was read */
    uint64_t value_offset;
    uint32_t carry_size;
    uint32_t value_name_size;
    uint32_t flaw_size;
    char value_name[BODY_NAME_MAX];    /* of the value that is being read */
    char flaw[BODY_NAME_MAX];          /* path of the first field of the message that is odd */
    uint8_t carry[PROTOBUF_GUESS_MAX]; /* what a guess waits for, or trailers */
    uint8_t decoded[SCAN_GRPC_TEXT_SIZE];
    struct protobuf_walker walker;
};

/* The head is complete. NULL: no gRPC body, or no memory for one (the call says so then). */
struct scan_grpc *scan_grpc_take(struct pipeline *worker, struct exchange *exchange, bool response);
void scan_grpc_give(struct pipeline *worker, struct exchange *exchange, bool response);

void scan_grpc_data(struct pipeline *worker, struct exchange *exchange, bool response, struct span data);
void scan_grpc_lost(struct pipeline *worker, struct exchange *exchange, bool response, uint32_t lost);
void scan_grpc_end(struct pipeline *worker, struct exchange *exchange, bool response);

/* The call's status becomes the grpc-status, once all of the response was seen that will be. */
void scan_grpc_settle(struct transaction *transaction);

/* scan_grpc_walk.c, for scan_grpc.c alone. */
struct scan_grpc_feed {
    struct pipeline *worker;
    struct exchange *exchange;
    struct scan_grpc *grpc;
    bool response;
};

/* A piece of the value that is being read; it ends with `last`, or with scan_grpc_value_close() where it does not go
 * on. */
void scan_grpc_value(const struct scan_grpc_feed *feed, struct span name, struct parse_input input);
void scan_grpc_value_close(const struct scan_grpc_feed *feed);

/* Decompressed bytes of a message in SCAN_GRPC_WALK; what is no protobuf goes on in SCAN_GRPC_PLAIN. */
void scan_grpc_walk(const struct scan_grpc_feed *feed, struct span data, bool last);
void scan_grpc_walk_lost(const struct scan_grpc_feed *feed, uint32_t lost);

/* The message does not go on: what a guess waits for is searched as it is. */
void scan_grpc_walk_hurry(const struct scan_grpc_feed *feed);
