/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Watch: reads along in the rings. Where somebody else drains them, what it reads may be written over meanwhile; a
 * record that the other one has released before it was read is passed over, so nothing is taken from one that changed.
 */

#include "live/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define LOOK_RECORDS  64u        /* of a ring at a time */
#define WAITING_COUNT (1u << 16) /* findings between published and durable: a second of 65,536 */

struct samples {
    double *us;
    uint64_t count;
};

struct waiting {
    uint64_t position; /* of the ring, behind the record */
    uint64_t time_ns;
};

struct watched {
    struct ring_consumer consumer;
    struct waiting *waiting; /* a ring of its own; used where another process drains */
    uint64_t first, next;
};

struct watch {
    struct watched rings[QUEUE_RINGS_MAX];
    uint32_t ring_count;
    bool drained;
    struct samples published, durable;
    struct record record;
    uint8_t bytes[RECORD_SIZE_MAX];
};

static uint64_t wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static void sample_add(struct samples *samples, uint64_t begin_ns, uint64_t end_ns)
{
    samples->us[samples->count++ % WATCH_SAMPLES] = end_ns > begin_ns ? (double)(end_ns - begin_ns) / 1e3 : 0;
}

static uint64_t tail_of(const struct watched *ring)
{
    /* Acquire: pairs with the release of who drains. */
    return __atomic_load_n(&ring->consumer.shared->consumer.tail, __ATOMIC_ACQUIRE);
}

/* The record, copied: its owner may give its space back at any time. False when that has happened. */
static bool record_copy(struct watch *watch, const struct watched *ring, struct span bytes, uint64_t begin)
{
    if (bytes.size > sizeof(watch->bytes))
        return false;
    memcpy(watch->bytes, bytes.data, bytes.size);
    return (!watch->drained || tail_of(ring) <= begin) && record_decode(watch->bytes, bytes.size, &watch->record) == 0;
}

static void published(struct watch *watch, struct watched *ring)
{
    uint64_t decided_ns = watch->record.finding.time_ns;
    sample_add(&watch->published, decided_ns, wall_ns());
    if (!watch->drained || ring->next - ring->first == WAITING_COUNT)
        return;
    ring->waiting[ring->next++ % WAITING_COUNT] = (struct waiting){ring->consumer.position, decided_ns};
}

static void ring_look(struct watch *watch, struct watched *ring)
{
    uint64_t tail = tail_of(ring);
    if (watch->drained && tail > ring->consumer.position)
        ring->consumer.position = tail;
    struct span bytes;
    for (uint32_t i = 0; i < LOOK_RECORDS; i++) {
        uint64_t begin = ring->consumer.position;
        if (ring_next(&ring->consumer, &bytes) != RING_RECORD)
            break;
        if (record_copy(watch, ring, bytes, begin) && watch->record.header.kind == RECORD_FINDING)
            published(watch, ring);
    }
    if (!watch->drained)
        ring_release(&ring->consumer, ring->consumer.position);
    uint64_t now_ns = ring->first < ring->next ? wall_ns() : 0;
    for (; ring->first < ring->next && ring->waiting[ring->first % WAITING_COUNT].position <= tail; ring->first++)
        sample_add(&watch->durable, ring->waiting[ring->first % WAITING_COUNT].time_ns, now_ns);
}

int watch_new(struct watch **watch_out, struct queue *queue, bool drained)
{
    struct watch *watch = calloc(1, sizeof(*watch));
    if (!watch)
        return -ENOMEM;
    *watch_out = watch;
    watch->drained = drained;
    watch->ring_count = queue_worker_count(queue);
    watch->published.us = calloc(WATCH_SAMPLES, sizeof(double));
    watch->durable.us = calloc(WATCH_SAMPLES, sizeof(double));
    bool fine = watch->published.us && watch->durable.us;
    for (uint32_t i = 0; i < watch->ring_count && fine; i++) {
        queue_consumer(queue, i, &watch->rings[i].consumer);
        watch->rings[i].waiting = calloc(WAITING_COUNT, sizeof(struct waiting));
        fine = watch->rings[i].waiting != NULL;
    }
    return fine ? 0 : -ENOMEM;
}

void watch_free(struct watch *watch)
{
    if (!watch)
        return;
    for (uint32_t i = 0; i < watch->ring_count; i++)
        free(watch->rings[i].waiting);
    free(watch->published.us);
    free(watch->durable.us);
    free(watch);
}

void watch_look(struct watch *watch)
{
    for (uint32_t i = 0; i < watch->ring_count; i++)
        ring_look(watch, &watch->rings[i]);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct watch_figures figures_of(struct samples *samples)
{
    uint64_t kept = samples->count < WATCH_SAMPLES ? samples->count : WATCH_SAMPLES;
    struct watch_figures figures = {.count = samples->count};
    if (kept == 0)
        return figures;
    qsort(samples->us, kept, sizeof(double), compare);
    figures.p50_us = samples->us[kept / 2];
    figures.p99_us = samples->us[kept * 99 / 100];
    figures.max_us = samples->us[kept - 1];
    return figures;
}

void watch_figures(struct watch *watch, struct watch_figures *published_out, struct watch_figures *durable_out)
{
    *published_out = figures_of(&watch->published);
    *durable_out = figures_of(&watch->durable);
}
