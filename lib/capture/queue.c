/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The hot half of tap ports: a burst of mbufs becomes a burst of plain packets. Only odd frames cost more than a few
 * stores: those in several buffers are put together, and a VLAN tag that the driver took off is put back, because outer
 * tags are evidence.
 */

#include "capture/ports_internal.h"

#include <rte_ether.h>
#include <time.h>

static uint64_t wall_now(const struct capture_clock *clock)
{
    /* CLOCK_MONOTONIC is read in user space (vDSO), once a burst. */
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t monotonic = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    return (uint64_t)(monotonic + __atomic_load_n(&clock->offset_ns, __ATOMIC_RELAXED));
}

static uint64_t clock_now(struct capture_queue *queue)
{
    uint64_t wall = wall_now(queue->clock);
    if (wall < queue->last_ns)
        wall = queue->last_ns;
    queue->last_ns = wall;
    return wall;
}

/* Copies what fits of a chained frame into the queue's slot. */
static uint32_t linearize(const struct rte_mbuf *buffer, uint8_t *slot)
{
    uint32_t size = 0;
    for (const struct rte_mbuf *part = buffer; part && size < LINEAR_SIZE; part = part->next) {
        uint32_t take = min_u32(part->data_len, LINEAR_SIZE - size);
        memcpy(slot + size, rte_pktmbuf_mtod(part, const uint8_t *), take);
        size += take;
    }
    return size;
}

/* The kernel hands a frame's outer tag beside the frame (packet(7)); it goes back between the addresses and the type.
 */
static void restore_vlan(struct rte_mbuf *buffer)
{
    uint8_t *start = (uint8_t *)rte_pktmbuf_prepend(buffer, 4);
    if (!start)
        return;
    memmove(start, start + 4, 2 * RTE_ETHER_ADDR_LEN);
    start[12] = 0x81;
    start[13] = 0x00;
    start[14] = (uint8_t)(buffer->vlan_tci >> 8);
    start[15] = (uint8_t)buffer->vlan_tci;
}

static void packet_fill(struct capture_queue *queue, uint32_t index, uint64_t now_ns, struct packet *packet)
{
    struct rte_mbuf *buffer = queue->buffers[index];
    if (unlikely(buffer->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED))
        restore_vlan(buffer);
    packet->data = rte_pktmbuf_mtod(buffer, const uint8_t *);
    packet->size = buffer->data_len;
    packet->wire_size = buffer->pkt_len;
    packet->time_ns = now_ns;
    packet->port = queue->port_id;
    packet->queue = queue->queue_id;
    packet->link = PACKET_LINK_ETHERNET;
    if (unlikely(buffer->nb_segs > 1)) {
        uint8_t *slot = queue->linear + (size_t)index * LINEAR_SIZE;
        packet->size = linearize(buffer, slot);
        packet->data = slot;
    }
    if (queue->timestamp_offset >= 0 && (buffer->ol_flags & queue->timestamp_flag))
        packet->time_ns = *RTE_MBUF_DYNFIELD(buffer, queue->timestamp_offset, uint64_t *);
}

uint32_t capture_queue_burst(struct capture_queue *queue, struct packet packets_out[PACKET_BURST_MAX])
{
    uint16_t count = rte_eth_rx_burst(queue->port_id, queue->queue_id, queue->buffers, PACKET_BURST_MAX);
    queue->buffer_count = count;
    if (count == 0)
        return 0;
    ledger_raise(&queue->packets, count);
    uint64_t now_ns = clock_now(queue);
    for (uint32_t i = 0; i < count; i++)
        packet_fill(queue, i, now_ns, &packets_out[i]);
    return count;
}

void capture_queue_release(struct capture_queue *queue)
{
    rte_pktmbuf_free_bulk(queue->buffers, queue->buffer_count);
    queue->buffer_count = 0;
}

uint64_t capture_ports_now(const struct capture_ports *ports)
{
    return wall_now(&ports->clock);
}

uint64_t capture_queue_now(struct capture_queue *queue)
{
    return clock_now(queue);
}
