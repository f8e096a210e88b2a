/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * TLS on a channel
 *
 * Reads the records of both directions until the handshake is complete, or as complete as it will get, and has it
 * judged once. Where there is a key, records are opened (tls_open.c) and what they hold is read as a connection of its
 * own; where there is none the channel closes as encrypted and costs nothing more.
 *
 * Memory:  a state of the worker's pool as long as the handshake lasts or records are opened; buffers of other pools
 *          for messages and records that are cut.
 * Threads: one owner, the worker.
 * Limits:  without room for its state a connection is not judged and its bytes are excused for the budget; without
 *          buffers a message that is cut stays unknown, and a record that is cut stays closed.
 */

#include "pipeline/session.h"
#include "pipeline/worker.h"
#include "tls/decrypt.h"
#include "tls/handshake.h"
#include "tls/transcript.h"

/* Records of one connection that wait for a key: what a server sends before an answer is waited for. */
#define TLS_WAITING_MAX 32u

/* A record that is cut, or waits for its key. */
struct tls_kept {
    struct tls_kept *next;
    uint64_t time_ns;
    uint32_t size;
    uint16_t version;
    uint8_t content;
    uint8_t direction;
    uint8_t body[TLS_RECORD_BODY_MAX];
};

struct tls_session {
    struct tls_record_reader records[2];
    struct tls_handshake handshake;
    struct certificate_pair certificates;
    struct connection_tls view; /* what the outputs show */
    struct call call;           /* identifies the connection in findings */
    bool judged;
    bool read;     /* of the input being parsed: something that was not encrypted, or was opened */
    bool closed;   /* no record will be opened any more */
    uint8_t cause; /* enum tls_decrypt_cause of the record that stayed closed last */

    struct tls_decrypter *decrypter; /* NULL: nothing is opened */
    struct tls_transcript transcript;
    struct flow *flow;
    struct tls_kept *cut[2];                 /* a record as far as it has come */
    struct tls_kept *waiting, *waiting_last; /* of both directions, in the order in which they came */
    uint32_t waiting_count;
    bool ended[2];
    uint32_t lost[2];      /* bytes missing before the next record */
    bool damaged[2];       /* of the record being read bytes are missing */
    struct session inside; /* the connection that the records hold */
};

extern const struct channel_protocol channel_tls;

/* What the facts do not keep of a message, read in the clear or opened: keys and certificates. */
void tls_session_message(struct pipeline *worker, struct tls_session *session, uint32_t direction,
                         const struct tls_message *message);

/* tls_open.c */
void tls_open_begin(struct pipeline *worker, struct tls_session *session);
/* A hello was read: the key may be found by it. */
void tls_open_learn(struct pipeline *worker, struct tls_session *session, const struct tls_message *message);
void tls_open_part(struct pipeline *worker, struct tls_session *session, const struct channel_feed *feed,
                   const struct tls_record_part *part);
void tls_open_lost(struct tls_session *session, uint32_t direction, uint32_t lost);
/* The stream of one direction ends; both have ended and everything that is open ends. */
void tls_open_last(struct pipeline *worker, struct tls_session *session, const struct channel_feed *feed);
void tls_open_end(struct pipeline *worker, struct tls_session *session);
void tls_view_update(struct tls_session *session);

/* Whether bytes that were recognised as TLS come from the server; `guess` where they do not say. */
bool tls_sent_by_server(struct span bytes, bool guess);
