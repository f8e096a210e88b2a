/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * TLS that waits for its key
 *
 * Records whose key is not there yet are kept, with the holes and the ends of the streams between them, and are read in
 * their order when the key comes: while packets of the connection come, and on every turn of the worker. A connection
 * that ends goes on waiting with a copy of its flow; the packets it has not decided on are its own from then on. So a
 * key that comes within the waiting time gives the calls that it would have given from the start.
 *
 * Memory:  blocks of the worker's pool (keys.wait_mib), a few for a record.
 * Threads: one owner, the worker.
 * Limits:  TLS_BLOCK_SIZE bytes at least for each record; keys.wait_ms for the oldest record of a connection,
 * TLS_WAIT_BYTES_MAX for all of them; what does not fit ends the wait for the budget, what takes too long for want of a
 * key.
 */

#include "tls/decrypt.h"

struct pipeline;
struct tls_session;
struct channel_feed;

/* Most records of a handshake and of small calls take one block, the longest sixteen and a half. */
#define TLS_BLOCK_SIZE 1024u

/* Of one connection: a second of a fast download. Of many more the wait is for nothing anyway. */
#define TLS_WAIT_BYTES_MAX (4u << 20)

/* Sessions that wait, the longest waiting one first. */
struct tls_wait_list {
    struct tls_session *first, *last;
    struct tls_session *next; /* to be looked at for a key; NULL: all were, since `version` */
    uint64_t version;         /* of the key store, when the walk over the list began */
};

/* What a session keeps. Zero: nothing. */
struct tls_block;
struct tls_wait {
    struct tls_block *first, *last; /* of both directions, in the order in which they came */
    struct tls_session *previous, *next;
    uint32_t bytes;
    bool unfinished; /* the key is there, and there was more to open than one turn may take */
};

/* A record, which is then kept and not opened by the caller. False: no room. */
bool tls_wait_record(struct pipeline *worker, struct tls_session *session, const struct channel_feed *feed,
                     const struct tls_decrypt_input *input);
/* Missing bytes, or the end of a direction, behind what waits. False: no room. */
bool tls_wait_mark(struct pipeline *worker, struct tls_session *session, const struct channel_feed *feed, uint32_t lost,
                   bool last);

/*
 * Reads what waits, as far as there are keys; `cause` not NONE: the wait is over, and what has no key stays closed for
 * that cause.
 */
void tls_wait_open(struct pipeline *worker, struct tls_session *session, enum tls_decrypt_cause cause);

/* The same when packets have come: nothing is done while no key may have come and there is time left. */
void tls_wait_look(struct pipeline *worker, struct tls_session *session, uint64_t now_ns);

/* The flow ends and its session waits on. False: nothing waits. */
bool tls_wait_detach(struct tls_session *session);

/* Every turn: keys that came, waits that are over. Bounded. */
void tls_wait_turn(struct pipeline *worker);
/* The end: every wait is over. */
void tls_wait_flush(struct pipeline *worker);

/* Memory of `bytes` for all of it. Returns 0 or -ENOMEM. */
MUST_USE int tls_wait_init(struct pipeline *worker, size_t bytes);
