/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * TLS whose key was waited for in vain
 *
 * When the wait is over nobody knows yet whether the key comes late or never. A connection that stayed closed for that
 * leaves its names here, and the weight of the packets that waited, which stay pending in the ledger: when the key
 * comes they are excused as encrypted_late, when it has not come for TLS_MISSED_NS as encrypted. The same tells what
 * became of the connection in the coverage of its service. Nothing is opened any more.
 *
 * Memory:  a ring of fixed size from the worker's arena; no secret.
 * Threads: one owner, the worker.
 * Limits:  TLS_MISSED_MAX connections; the oldest one makes room, and counts as one whose key never came.
 */

#include "base/arena.h"
#include "base/ledger.h"

struct flow;
struct pipeline;
struct tls_session;

#define TLS_MISSED_MAX 2048u /* 700 KB; a key source that is late at all is so for few connections at a time */
#define TLS_MISSED_NS  UINT64_C(30000000000) /* an input that is half a minute late has forgotten the connection */

struct tls_missed_table;

size_t tls_missed_table_size(void);
MUST_USE int tls_missed_table_new(struct tls_missed_table **table_out, struct arena *arena);

/* The session stays closed for want of a key, and has a number (session->missed) from now on. */
void tls_missed_add(struct pipeline *worker, struct tls_session *session);

/*
 * Why bytes of that connection are closed. As long as that is open the table takes over the packets of its flow that
 * are undecided, and whatever is answered settles none.
 */
enum ledger_reason tls_missed_reason(struct pipeline *worker, uint32_t number, struct flow *flow);

/* Every turn: keys that came, and time that is over. Bounded. */
void tls_missed_turn(struct pipeline *worker);
/* The end: no key comes any more. */
void tls_missed_flush(struct pipeline *worker);
