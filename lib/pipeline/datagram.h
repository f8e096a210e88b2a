/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Encrypted datagrams
 *
 * DTLS and QUIC are named and not opened: their datagrams are excused as encrypted_datagram, and each association is
 * told once, with its version, suite and server name as far as they came in the clear, when it went on to its keys.
 * Datagrams overtake each other: where a hello is still missing then, it is waited for DATAGRAM_WAIT_NS.
 *
 * An association is kept between the same two addresses only, in one set of the table with all others of them, so what
 * is given up in a set depends on that set alone: the number of a replay's workers does not show.
 *
 * Memory:  a table of fixed size from the worker's arena; a message buffer of its pool while a hello comes in pieces.
 * Threads: one owner, the worker.
 * Limits:  RESUMPTION_SETS sets of DATAGRAM_WAYS associations; a full set gives up the one that was used longest ago.
 */

#include "pipeline/worker.h"

#define DATAGRAM_WAYS 4u /* of a pair of addresses; further ones are named anew whenever they come back */

#define DATAGRAM_WAIT_NS UINT64_C(1000000000) /* datagrams of one path overtake each other by milliseconds */

struct datagram_table;

size_t datagram_table_size(void);
MUST_USE int datagram_table_new(struct datagram_table **table_out, struct arena *arena);

/* Tells of those that have waited for their hellos long enough, and of all that wait at the end. */
void datagrams_turn(struct pipeline *worker);
void datagrams_flush(struct pipeline *worker);

/* Takes the datagrams out of `packets` and settles them. Returns how many other packets are left, in their order. */
uint32_t datagrams_take(struct pipeline *worker, struct net_packet *packets, uint32_t count);
