/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Resumed sessions
 *
 * A resumed handshake shows neither certificates nor the group its secrets came from: what it has of them it inherits
 * from the full handshake that its session began with (RFC 5246 7.3, RFC 8446 2.2). So the facts of handshakes are kept
 * by whatever names their session later: session id, ticket, PSK identity. Where the full handshake was not seen, and
 * in TLS 1.3 without keys, they stay unknown.
 *
 * A session is looked for between the same two addresses only. All sessions of a pair of addresses lie in one set, and
 * what is given up there depends on the set's own sessions alone; in a replay a set, with all its connections, belongs
 * to one worker. That is why the number of workers does not show. Live, a resumed connection that the NIC gives to
 * another worker stays unknown.
 *
 * Memory:  sets of equal size from the worker's arena. No secret: tickets and identities are kept as keyed hashes.
 * Threads: one owner, the worker.
 * Limits:  RESUMPTION_SETS sets; a full one gives up the session that was used longest ago.
 */

#include "base/arena.h"
#include "base/hash.h"
#include "tls/facts.h"
#include "tls/handshake.h"
#include "transaction/endpoints.h"

#define RESUMPTION_SETS       256u /* several times the workers of a replay, each with memory for a busy pair */
#define RESUMPTION_CALLER_MAX 112u /* SPIFFE ids of services are shorter; a longer name stays unknown */
#define RESUMPTION_NAMES_MAX  4u   /* PSK identities of a hello that are looked at: clients offer one or two */

struct resumption_table;

/* What names a session of one connection: keyed hashes, 0: none. */
struct resumption_names {
    uint64_t offered[RESUMPTION_NAMES_MAX]; /* by the client: ticket or PSK identities in their order */
    uint64_t resumed;                       /* of them the one the server took */
    uint64_t issued;                        /* a ticket that came before the handshake was complete */
};

/* What is inherited. */
struct resumption_facts {
    uint16_t group, dh_bits;
    uint8_t extended_master_secret, client_certificate, client_certificate_requested; /* enum tls_answer */
    uint8_t caller_size;
    uint8_t caller[RESUMPTION_CALLER_MAX];
};

/* Bytes for `ways` sessions a set. */
size_t resumption_table_size(uint32_t ways);
MUST_USE int resumption_table_new(struct resumption_table **table_out, struct arena *arena, const struct hash_key *key,
                                  uint32_t ways);

/* The set of a pair of addresses, the same for both directions: whoever follows one connection of it follows all. */
uint32_t resumption_set_of(const struct hash_key *key, const struct endpoints *endpoints);

/* A message of the connection: takes the names that are in it. True: a ticket for sessions to come (`issued`). */
bool resumption_message(const struct hash_key *key, struct resumption_names *names, const struct tls_facts *facts,
                        const struct tls_message *message);

/* Keeps what a complete handshake is known to be, by its session id (at most TLS 1.2) and by the ticket issued. */
void resumption_keep(struct resumption_table *table, const struct endpoints *endpoints,
                     const struct resumption_names *names, const struct tls_facts *facts, struct span caller,
                     uint64_t time_ns);

/* What the resumed connection inherits. False: its full handshake is not known. */
bool resumption_find(struct resumption_table *table, const struct endpoints *endpoints,
                     const struct resumption_names *names, const struct tls_facts *facts, uint64_t time_ns,
                     struct resumption_facts *found_out);

/* Into the facts of the resumed connection, where they do not say it themselves. */
void resumption_inherit(const struct resumption_facts *found, struct tls_facts *facts);
