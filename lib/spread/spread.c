/* SPDX-License-Identifier: Apache-2.0 */

/* Spread: a ring for each ordered pair of workers, and a table that remembers who met which connection last. */

#include "spread/spread.h"

#include <errno.h>
#include <stdlib.h>

#include "spread/spread_ring.h"

/* Meetings remembered: 512 KiB, and as many connections as begin in seconds, which is when both directions show. */
#define MEETINGS 65536u

struct spread {
    uint32_t worker_count;
    bool hand_over;
    uint8_t *memory;
    struct spread_ring *rings; /* [from * worker_count + to]; of a worker to itself: unused */
    uint64_t *meetings;        /* upper half of the hash, and the worker plus one; 0: none */
};

static struct spread_ring *ring_of(const struct spread *spread, uint32_t from, uint32_t to)
{
    require(from < spread->worker_count && to < spread->worker_count);
    return &spread->rings[from * spread->worker_count + to];
}

static bool rings_new(struct spread *spread, uint32_t ring_bytes)
{
    uint32_t count = spread->worker_count * spread->worker_count;
    spread->rings = aligned_alloc(CACHE_LINE, count * sizeof(struct spread_ring));
    if (!spread->rings)
        return false;
    memset(spread->rings, 0, count * sizeof(struct spread_ring));
    if (!spread->hand_over)
        return true;
    spread->memory = aligned_alloc(CACHE_LINE, (size_t)count * ring_bytes);
    if (!spread->memory)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        spread->rings[i].data = spread->memory + (size_t)i * ring_bytes;
        spread->rings[i].size_bytes = ring_bytes;
    }
    return true;
}

int spread_new(const struct spread_options *options, struct diagnostics *diagnostics, struct spread **spread_out)
{
    require(options->worker_count && options->worker_count <= SPREAD_WORKERS_MAX);
    require(options->ring_bytes >= SPREAD_RING_BYTES_MIN && (options->ring_bytes & (options->ring_bytes - 1)) == 0);
    struct spread *spread = calloc(1, sizeof(*spread));
    if (spread) {
        spread->worker_count = options->worker_count;
        spread->hand_over = options->hand_over && options->worker_count > 1;
        spread->meetings = calloc(MEETINGS, sizeof(*spread->meetings));
    }
    if (!spread || !spread->meetings || !rings_new(spread, options->ring_bytes)) {
        spread_free(spread);
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, NULL,
                        "the system has not the %zu KiB for the rings between %u workers; lower workers.hand_over_kib "
                        "or workers.count",
                        (size_t)options->worker_count * options->worker_count * options->ring_bytes / 1024,
                        options->worker_count);
        return -ENOMEM;
    }
    *spread_out = spread;
    return 0;
}

void spread_free(struct spread *spread)
{
    if (!spread)
        return;
    free(spread->meetings);
    free(spread->memory);
    free(spread->rings);
    free(spread);
}

bool spread_hands_over(const struct spread *spread)
{
    return spread->hand_over;
}

uint32_t spread_home(const struct spread *spread, uint64_t hash)
{
    return (uint32_t)(hash % spread->worker_count);
}

bool spread_give(struct spread *spread, uint32_t from, uint32_t to, const struct net_packet *packet)
{
    return spread_ring_put(ring_of(spread, from, to), packet);
}

void spread_publish(struct spread *spread, uint32_t from)
{
    for (uint32_t to = 0; to < spread->worker_count && spread->hand_over; to++)
        spread_ring_publish(ring_of(spread, from, to));
}

uint32_t spread_take(struct spread *spread, uint32_t to, struct net_packet packets_out[SPREAD_TAKE_MAX])
{
    if (!spread->hand_over)
        return 0;
    uint32_t count = 0, share = SPREAD_TAKE_MAX / (spread->worker_count - 1);
    for (uint32_t from = 0; from < spread->worker_count; from++) {
        struct spread_ring *ring = ring_of(spread, from, to);
        spread_ring_rewind(ring);
        /* The same share for each, so that a busy giver does not keep the others waiting. */
        for (uint32_t i = 0; i < share && from != to && spread_ring_next(ring, &packets_out[count]); i++)
            count++;
    }
    return count;
}

void spread_release(struct spread *spread, uint32_t to)
{
    for (uint32_t from = 0; from < spread->worker_count && spread->hand_over; from++)
        spread_ring_release(ring_of(spread, from, to));
}

bool spread_meet(struct spread *spread, uint32_t worker, uint64_t hash)
{
    uint64_t tag = hash & ~(uint64_t)UINT32_MAX;
    uint64_t *meeting = &spread->meetings[hash % MEETINGS];
    uint64_t before = __atomic_exchange_n(meeting, tag | (worker + 1), __ATOMIC_RELAXED);
    return (before & ~(uint64_t)UINT32_MAX) != tag || (uint32_t)before == worker + 1 || before == 0;
}
