/* SPDX-License-Identifier: Apache-2.0 */

/* Ring of packets: an entry never wraps, the rest of the ring in front of its start is skipped instead. */

#include "spread/spread_ring.h"

struct entry {
    uint32_t size;    /* with this header, a multiple of ENTRY_ALIGN */
    uint32_t skipped; /* 1: nothing but the rest of the ring */
    struct net_packet packet;
};

#define ENTRY_ALIGN 64u /* cache lines are not shared between packets */

static uint32_t entry_size(const struct net_packet *packet)
{
    uint32_t size = (uint32_t)sizeof(struct entry) + packet->payload.size;
    return (size + ENTRY_ALIGN - 1) / ENTRY_ALIGN * ENTRY_ALIGN;
}

static struct entry *entry_at(const struct spread_ring *ring, uint64_t position)
{
    return (struct entry *)(ring->data + (position & (ring->size_bytes - 1)));
}

static bool has_room(struct spread_ring *ring, uint64_t end)
{
    if (end - ring->producer.tail <= ring->size_bytes)
        return true;
    ring->producer.tail = __atomic_load_n(&ring->consumer.tail, __ATOMIC_ACQUIRE);
    return end - ring->producer.tail <= ring->size_bytes;
}

bool spread_ring_put(struct spread_ring *ring, const struct net_packet *packet)
{
    uint64_t position = ring->producer.position;
    uint32_t size = entry_size(packet);
    uint32_t to_end = ring->size_bytes - (uint32_t)(position & (ring->size_bytes - 1));
    uint32_t skip = size > to_end ? to_end : 0;
    if (!has_room(ring, position + skip + size))
        return false;
    if (skip) {
        struct entry *filler = entry_at(ring, position);
        filler->size = skip;
        filler->skipped = 1;
        position += skip;
    }
    struct entry *entry = entry_at(ring, position);
    entry->size = size;
    entry->skipped = 0;
    entry->packet = *packet;
    if (packet->payload.size)
        memcpy(entry + 1, packet->payload.data, packet->payload.size);
    ring->producer.position = position + size;
    return true;
}

void spread_ring_publish(struct spread_ring *ring)
{
    if (ring->producer.head != ring->producer.position)
        __atomic_store_n(&ring->producer.head, ring->producer.position, __ATOMIC_RELEASE);
}

bool spread_ring_next(struct spread_ring *ring, struct net_packet *packet_out)
{
    /* Twice at most: a filler is never followed by another. */
    for (;;) {
        if (ring->consumer.position == ring->consumer.head) {
            ring->consumer.head = __atomic_load_n(&ring->producer.head, __ATOMIC_ACQUIRE);
            if (ring->consumer.position == ring->consumer.head)
                return false;
        }
        const struct entry *entry = entry_at(ring, ring->consumer.position);
        ring->consumer.position += entry->size;
        if (entry->skipped)
            continue;
        *packet_out = entry->packet;
        packet_out->packet = NULL;
        packet_out->payload.data = packet_out->payload.size ? (const uint8_t *)(entry + 1) : NULL;
        return true;
    }
}

void spread_ring_rewind(struct spread_ring *ring)
{
    ring->consumer.position = ring->consumer.tail;
}

void spread_ring_release(struct spread_ring *ring)
{
    if (ring->consumer.tail != ring->consumer.position)
        __atomic_store_n(&ring->consumer.tail, ring->consumer.position, __ATOMIC_RELEASE);
}
