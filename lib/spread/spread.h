/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Spread
 *
 * Brings both directions of a connection to the same worker where the NIC cannot: its hash sees the outer addresses of
 * a tunnel only, a virtual driver has one queue, two tap ports have a queue each. The worker that received a packet
 * decodes it; the inner addresses and ports say whose it is; what is another worker's is copied into the ring between
 * the two. Nobody waits: what finds no room is refused, and the caller accounts for it.
 *
 * Also finds out where no hand-over takes place (spread_meet()): a connection met by two workers shows that the NIC's
 * hash is not the same for both directions.
 *
 * Memory:  all in spread_new(): a ring for each ordered pair of workers, and the table of meetings.
 * Threads: worker i alone gives from i, takes to i and meets as i. Each ring has one producer and one consumer.
 * Limits:  SPREAD_WORKERS_MAX workers; a ring holds ring_bytes, of which a packet needs its payload and 256 bytes.
 */

#include "base/diagnostics.h"
#include "base/hash.h"
#include "net/net_packet.h"

#define SPREAD_WORKERS_MAX    64u
#define SPREAD_RING_BYTES_MIN (256u << 10) /* the largest datagram is 64 KiB: some of them and a burst */
#define SPREAD_TAKE_MAX       64u          /* packets of one take: a burst */

struct spread;

struct spread_options {
    uint32_t worker_count;
    uint32_t ring_bytes; /* of each ring, a power of two */
    bool hand_over;      /* false: the NIC is trusted, packets stay where they came in; meetings are watched only */
};

/* Returns 0 or -ENOMEM with a diagnostic. */
MUST_USE int spread_new(const struct spread_options *options, struct diagnostics *diagnostics,
                        struct spread **spread_out);
void spread_free(struct spread *spread);

/* Whether packets are handed over at all. */
bool spread_hands_over(const struct spread *spread);

/* The worker whose the connection with this hash is (net_hash(): the same for both directions). */
uint32_t spread_home(const struct spread *spread, uint64_t hash);

/* Copies the packet and its payload to worker `to`. False: no room. Visible with spread_publish(). */
bool spread_give(struct spread *spread, uint32_t from, uint32_t to, const struct net_packet *packet);
void spread_publish(struct spread *spread, uint32_t from);

/*
 * Up to SPREAD_TAKE_MAX packets that others gave, those of one giver in their order. They lie in the rings, and
 * `packet` of them is NULL; valid until spread_release(). Another take without a release gives the same again.
 */
uint32_t spread_take(struct spread *spread, uint32_t to, struct net_packet packets_out[SPREAD_TAKE_MAX]);
void spread_release(struct spread *spread, uint32_t to);

/*
 * The worker begins to follow a connection. False: another worker followed it before, as far as the table remembers (it
 * forgets, it is never wrong but for one pair of connections in 2^32).
 */
bool spread_meet(struct spread *spread, uint32_t worker, uint64_t hash);
