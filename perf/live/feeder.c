/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Feeder: the rings behind a net_ring port are found by their names, and written directly; the port itself is set up by
 * the product, which never sets up a queue to send with.
 */

#include "live/feeder.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_ring.h>

#include "bench/clock.h"
#include "generate/random.h"
#include "live/watch.h"

#define CHUNK_PACKETS 64u /* as many as a card hands over at a time */
#define CHUNK_BYTES   ((size_t)CHUNK_PACKETS * TRAFFIC_FRAME_MAX)
#define QUEUES_MAX    16u    /* of net_ring */
#define POOL_PACKETS  32767u /* all rings full, and what lies in caches */
#define POOL_CACHE    256u
#define BUFFER_SIZE   2176u
#define ADDRESS_AT    26u /* of the two IPv4 addresses in an Ethernet frame */

struct feeder {
    struct feeder_options options;
    struct rte_ring *rings[QUEUES_MAX];
    struct rte_mempool *pool;
    int timestamp_offset;
    uint64_t timestamp_flag;
    struct feeder_figures figures;
    pthread_t thread;
    bool running;
    uint32_t stop;
    uint8_t memory[CHUNK_BYTES];
    struct packet packets[CHUNK_PACKETS];
};

static uint64_t wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static int rings_find(struct feeder *feeder, struct diagnostics *diagnostics)
{
    for (uint32_t i = 0; i < feeder->options.queue_count; i++) {
        char name[RTE_RING_NAMESIZE];
        snprintf(name, sizeof(name), "ETH_RXTX%u_%s", i, feeder->options.device);
        feeder->rings[i] = rte_ring_lookup(name);
        if (!feeder->rings[i]) {
            diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, NULL, "DPDK has no ring %s: is the port a net_ring one?",
                            name);
            return -ENODEV;
        }
    }
    return 0;
}

int feeder_new(const struct feeder_options *options, struct diagnostics *diagnostics, struct feeder **feeder_out)
{
    require(options->queue_count > 0 && options->queue_count <= QUEUES_MAX &&
            (options->queue_count & (options->queue_count - 1)) == 0);
    struct feeder *feeder = calloc(1, sizeof(*feeder));
    if (!feeder)
        return -ENOMEM;
    feeder->options = *options;
    *feeder_out = feeder;
    int result = rings_find(feeder, diagnostics);
    if (result < 0)
        return result;
    feeder->pool = rte_pktmbuf_pool_create("feeder", POOL_PACKETS, POOL_CACHE, 0, BUFFER_SIZE, SOCKET_ID_ANY);
    if (!feeder->pool || rte_mbuf_dyn_rx_timestamp_register(&feeder->timestamp_offset, &feeder->timestamp_flag) < 0) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, NULL, "no memory for the feeder's packet buffers (no_huge_mib)");
        return -ENOMEM;
    }
    return 0;
}

/* Both directions of a connection have the same sum of addresses. */
static uint32_t queue_of(const struct feeder *feeder, const uint8_t *frame)
{
    uint32_t addresses[2];
    memcpy(addresses, frame + ADDRESS_AT, sizeof(addresses));
    return (uint32_t)(random_mix(addresses[0] ^ addresses[1]) >> 32) & (feeder->options.queue_count - 1);
}

static void frame_fill(const struct feeder *feeder, const struct packet *packet, uint64_t now_ns,
                       struct rte_mbuf *buffer)
{
    memcpy(rte_pktmbuf_mtod(buffer, uint8_t *), packet->data, packet->size);
    buffer->data_len = (uint16_t)packet->size;
    buffer->pkt_len = packet->size;
    buffer->ol_flags |= feeder->timestamp_flag;
    *RTE_MBUF_DYNFIELD(buffer, feeder->timestamp_offset, uint64_t *) = now_ns;
}

static bool stopping(const struct feeder *feeder)
{
    return __atomic_load_n(&feeder->stop, __ATOMIC_RELAXED) != 0;
}

/* Hands a frame over; without a rate it waits for room, otherwise what finds none is lost. */
static void frame_send(struct feeder *feeder, struct rte_ring *ring, struct rte_mbuf *buffer)
{
    while (rte_ring_sp_enqueue(ring, buffer) != 0) {
        if (feeder->options.calls_per_second > 0) {
            feeder->figures.dropped_packets++;
            rte_pktmbuf_free(buffer);
            return;
        }
        watch_look(feeder->options.watch);
    }
}

static void chunk_send(struct feeder *feeder, uint32_t count)
{
    struct rte_mbuf *buffers[CHUNK_PACKETS];
    while (rte_pktmbuf_alloc_bulk(feeder->pool, buffers, count) != 0) {
        if (feeder->options.calls_per_second > 0) {
            feeder->figures.dropped_packets += count;
            return;
        }
        watch_look(feeder->options.watch);
    }
    uint64_t now_ns = wall_ns();
    for (uint32_t i = 0; i < count; i++) {
        frame_fill(feeder, &feeder->packets[i], now_ns, buffers[i]);
        frame_send(feeder, feeder->rings[queue_of(feeder, feeder->packets[i].data)], buffers[i]);
    }
}

/* Waits for the time at which so many calls are to have been sent. */
static void keep_pace(struct feeder *feeder)
{
    struct feeder_figures *figures = &feeder->figures;
    const struct traffic_counts *counts = traffic_counts(feeder->options.traffic);
    if (feeder->options.calls_per_second <= 0)
        return;
    uint64_t due_ns =
        figures->begin_ns + (uint64_t)((double)counts->transactions * 1e9 / feeder->options.calls_per_second);
    uint64_t now_ns = clock_now_ns();
    if (now_ns > due_ns && now_ns - due_ns > figures->late_ns)
        figures->late_ns = now_ns - due_ns;
    while (now_ns < due_ns && !stopping(feeder)) {
        watch_look(feeder->options.watch);
        now_ns = clock_now_ns();
    }
}

static void *feeder_run(void *argument)
{
    struct feeder *feeder = argument;
    feeder->figures.pinned = clock_pin(feeder->options.core) == 0;
    /* A number of its own, so that its packet buffers go through a cache. */
    (void)rte_thread_register();
    feeder->figures.begin_ns = clock_now_ns();
    while (!stopping(feeder)) {
        uint32_t count =
            traffic_fill(feeder->options.traffic, feeder->memory, CHUNK_BYTES, feeder->packets, CHUNK_PACKETS);
        if (count == 0)
            break;
        keep_pace(feeder);
        chunk_send(feeder, count);
        watch_look(feeder->options.watch);
    }
    feeder->figures.end_ns = clock_now_ns();
    for (uint32_t i = 0; i < feeder->options.queue_count; i++)
        while (!rte_ring_empty(feeder->rings[i]))
            watch_look(feeder->options.watch);
    feeder->figures.traffic = *traffic_counts(feeder->options.traffic);
    rte_thread_unregister();
    return NULL;
}

int feeder_start(struct feeder *feeder)
{
    int result = pthread_create(&feeder->thread, NULL, feeder_run, feeder);
    feeder->running = result == 0;
    return -result;
}

void feeder_stop(struct feeder *feeder, struct feeder_figures *figures_out)
{
    __atomic_store_n(&feeder->stop, 1, __ATOMIC_RELAXED);
    if (feeder->running)
        pthread_join(feeder->thread, NULL);
    feeder->running = false;
    *figures_out = feeder->figures;
}

void feeder_free(struct feeder *feeder)
{
    if (!feeder)
        return;
    rte_mempool_free(feeder->pool);
    free(feeder);
}
