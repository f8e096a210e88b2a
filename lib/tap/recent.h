/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Recent packets (private to tap)
 *
 * Tells a packet that comes twice from one that was sent twice. A mirror's copy has the same TCP header to the bit, and
 * the same IPv4 identification: a sender's own repetition has a new one, or comes a retransmission timer later.
 *
 * Memory:  arena, 128 KiB.
 * Limits:  the last few thousand packets; a copy behind more of them is not recognised, which hides a fault and makes
 *          none up.
 */

#include "base/arena.h"
#include "net/net_packet.h"
#include "tap/tally.h"

#define RECENT_PACKETS 8192u /* 128 KiB: stays in the second-level cache */

struct tap_recent {
    uint64_t time_ns;
    uint32_t mark; /* what the place in the table leaves of the fingerprint; 0: empty */
    uint16_t tags;
    uint8_t port;
    uint8_t hops; /* TTL or hop limit; 0: unknown */
};

static_assert(sizeof(struct tap_recent) == 16, "four in a cache line");

struct tap_recents {
    struct tap_recent *packets;
};

MUST_USE int tap_recents_init(struct tap_recents *recents, struct arena *arena);

void tap_recents_clear(struct tap_recents *recents);

/*
 * `hash` is of connection and direction, `tags` of the VLANs it came in. True when the packet is a copy;
 * *other_tags_out then says that it came in other VLANs than the first one.
 */
bool tap_recents_seen(struct tap_recents *recents, struct tap_tally *tally, const struct net_packet *packet,
                      uint64_t hash, uint32_t tags, bool *other_tags_out);
