/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Ring of packets between two workers
 *
 * Packets with their payload, one behind the other, each in one piece. The producer's and the consumer's positions lie
 * in cache lines of their own; each side keeps a copy of the other's and looks again only when it needs to.
 *
 * Threads: one producer, one consumer. A position is stored with release behind the bytes it is about and loaded with
 *          acquire before they are touched: producer's head / consumer's read, consumer's tail / producer's reuse.
 */

#include "net/net_packet.h"

struct spread_ring {
    uint8_t *data;
    uint32_t size_bytes; /* a power of two */
    struct {
        uint64_t head;     /* published */
        uint64_t position; /* behind the last packet put */
        uint64_t tail;     /* as last seen */
    } producer CACHE_ALIGNED;
    struct {
        uint64_t tail;     /* released */
        uint64_t position; /* of the next packet */
        uint64_t head;     /* as last seen */
    } consumer CACHE_ALIGNED;
};

bool spread_ring_put(struct spread_ring *ring, const struct net_packet *packet);
void spread_ring_publish(struct spread_ring *ring);

/* The next packet, its payload in the ring. False: none. */
bool spread_ring_next(struct spread_ring *ring, struct net_packet *packet_out);
/* What was taken since the last release is taken again, or its space given back. */
void spread_ring_rewind(struct spread_ring *ring);
void spread_ring_release(struct spread_ring *ring);
