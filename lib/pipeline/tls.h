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
#include "pipeline/tls_missed.h"
#include "pipeline/worker.h"
#include "tls/handshake.h"
#include "tls/transcript.h"

/* A record that is cut. */
struct tls_kept {
    uint8_t body[TLS_RECORD_BODY_MAX];
};

struct tls_session {
    struct tls_record_reader records[2];
    struct tls_handshake handshake;
    struct certificate_pair certificates;
    struct resumption_names names;
    struct resumption_facts inherited; /* of a resumed session whose full handshake is known */
    bool inherits;                     /* that was looked for */
    struct connection_tls view;        /* what the outputs show */
    struct call call;                  /* identifies the connection in findings */
    bool judged;
    bool read;       /* of the input being parsed: something that was not encrypted, or was opened */
    bool closed;     /* no record will be opened any more */
    bool key_told;   /* the use of its secrets was told */
    bool gave_up;    /* nothing is waited for any more */
    bool nested;     /* its bytes are what other TLS holds */
    uint8_t cause;   /* enum tls_decrypt_cause of the record that stayed closed last */
    uint32_t missed; /* its number among those whose key did not come in time; 0: none */

    struct tls_decrypter *decrypter; /* NULL: nothing is opened */
    struct tls_transcript transcript;
    struct tls_decrypt_facts renegotiated; /* of the hellos of a later handshake */
    struct channel *outer; /* the one whose bytes these are; NULL: its flow has ended, and this waits on */
    struct flow *flow;     /* of the table; then own_flow */
    struct flow own_flow;
    struct tunnel own_tunnels[TUNNELS_MAX];
    struct tls_wait wait;
    struct tls_kept *cut[2]; /* a record as far as it has come */
    uint32_t lost[2];        /* bytes missing before the next record */
    bool damaged[2];         /* of the record being read bytes are missing */
    struct session inside;   /* the connection that the records hold */
};

extern const struct channel_protocol channel_tls;

/* What the facts do not keep of a message, read in the clear or opened: keys and certificates. */
void tls_session_message(struct pipeline *worker, struct tls_session *session, uint32_t direction,
                         const struct tls_message *message);

/* Nothing waits any more, and no packet told: the packets are decided, and the connection ends if its flow did. */
void tls_session_decided(struct pipeline *worker, struct tls_session *session);

/* key_use.c: a secret is used for the connection being opened; told once a connection. `worker` is the pipeline. */
void key_use_tell(void *worker, const uint8_t client_random[TLS_RANDOM_SIZE], enum tls_secret_kind kind);

/* tls_open.c */
void tls_open_begin(struct pipeline *worker, struct tls_session *session);
/* A hello was read: the key may be found by it. */
void tls_open_learn(struct pipeline *worker, struct tls_session *session, const struct tls_message *message);
void tls_open_part(struct pipeline *worker, struct tls_session *session, const struct channel_feed *feed,
                   const struct tls_record_part *part);
void tls_open_lost(struct tls_session *session, uint32_t direction, uint32_t lost);
/*
 * Opens a record. False: it has to wait for its key, and nothing has happened; with a `cause` not NONE the wait is
 * over, and without a key it stays closed for that.
 */
bool tls_open_record(struct pipeline *worker, struct tls_session *session, const struct channel_feed *feed,
                     const struct tls_decrypt_input *input, enum tls_decrypt_cause cause);
/* A hole between records, or the end of a direction. */
void tls_open_mark(struct pipeline *worker, struct tls_session *session, const struct channel_feed *feed, uint32_t lost,
                   bool last);
/* The stream of one direction ends; both have ended and everything that is open ends. */
void tls_open_last(struct pipeline *worker, struct tls_session *session, const struct channel_feed *feed);
void tls_open_end(struct pipeline *worker, struct tls_session *session);
void tls_view_update(struct tls_session *session);

/* Whether bytes that were recognised as TLS come from the server; `guess` where they do not say. */
bool tls_sent_by_server(struct span bytes, bool guess);
