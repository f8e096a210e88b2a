/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Event queue
 *
 * The one thing that workers and reporter share: a named shared-memory segment with one single-producer,
 * single-consumer ring of records for each worker and one for the control thread, and blocks that tell how everybody is
 * (event/segment.h). ring.h writes and reads records.
 *
 * A segment outlives its processes. A worker that starts finds the one of its dead predecessor and goes on where it
 * stopped: sequences continue, what was not drained stays. One of another size or layout is moved aside
 * (NAME.aside-<hex>), where the reporter finds and drains it. Locks on the segment say who lives, so a reused process
 * id never counts as a live producer.
 *
 * Memory:  one mapping; sizes are fixed when it is made.
 * Threads: queue_create() and its like are for setup. Each ring has one producing and one consuming thread.
 * Limits:  QUEUE_* below.
 * Errors:  0 or -errno, with a sentence in `diagnostics`.
 */

#include "base/diagnostics.h"
#include "event/ring.h"

#define QUEUE_NAME_MAX 128u /* a file name in /dev/shm, with room for the suffix of one set aside */
#define QUEUE_RING_BYTES_MIN                                                                                           \
    (1u << 19) /* eight of the largest records, so that the reserves of the ranks mean something */
#define QUEUE_RING_BYTES_MAX (1u << 30)
#define QUEUE_RING_BYTES     (1u << 24) /* default: 16 MiB hold about 50,000 findings, two seconds of heavy findings */

struct queue;

struct queue_options {
    const char *name;      /* without slash: "assay" */
    uint32_t worker_count; /* 1 .. QUEUE_WORKERS_MAX; worker i writes ring i, the control thread ring worker_count */
    uint32_t ring_bytes;   /* a power of two */
    const char *version;   /* of the program, for status */
};

/*
 * The producer's side: makes the segment or takes over that of a dead predecessor. -EBUSY when another process produces
 * into it; the diagnostic names it.
 */
MUST_USE int queue_create(const struct queue_options *options, struct diagnostics *diagnostics,
                          struct queue **queue_out);

/* The same in private memory, for replay and tests. -ENOMEM or -EINVAL. */
MUST_USE int queue_create_private(const struct queue_options *options, struct queue **queue_out);

enum queue_access {
    QUEUE_CONSUME, /* the reporter: one at a time, -EBUSY otherwise */
    QUEUE_CONTROL, /* asks for reloads */
    QUEUE_OBSERVE, /* read only */
};

/*
 * -ENOENT: no such segment yet; -EAGAIN: being made at this moment; -EPROTO: it is no queue, or of a layout that this
 * program cannot read. `diagnostics` may be NULL.
 */
MUST_USE int queue_attach(const char *name, enum queue_access access, struct diagnostics *diagnostics,
                          struct queue **queue_out);

/* Unmaps and unlocks; the segment stays. */
void queue_free(struct queue *queue);

/* Makes the name disappear. Returns 0 or -errno. */
MUST_USE int queue_unlink(const char *name);

/* Identifies one segment for ever: random, drawn when it was made. */
uint64_t queue_instance(const struct queue *queue);
uint64_t queue_created_ns(const struct queue *queue);
uint32_t queue_ring_count(const struct queue *queue);
uint32_t queue_worker_count(const struct queue *queue);
/* Workers of the predecessor were taken over. */
bool queue_was_taken_over(const struct queue *queue);
/* True when `name` still leads to this segment. */
bool queue_is_current(const struct queue *queue, const char *name);
/* True while a process holds the producer's side. */
bool queue_has_producer(const struct queue *queue);

/* The producing view of a ring (ring.h). One thread each. */
struct ring_producer *queue_producer(struct queue *queue, uint32_t ring);
/* Starts a consuming view at the oldest record that was not released. */
void queue_consumer(struct queue *queue, uint32_t ring, struct ring_consumer *consumer_out);

/* The blocks of segment.h. */
struct worker_status *queue_worker_status(struct queue *queue, uint32_t worker);
struct control_status *queue_control_status(struct queue *queue);
struct reporter_status *queue_reporter_status(struct queue *queue);
const struct ring_shared *queue_ring_shared(const struct queue *queue, uint32_t ring);
uint32_t queue_ring_bytes(const struct queue *queue);

/* The oldest segment set aside for `name`, by time. 0, or -ENOENT when there is none. */
MUST_USE int queue_find_aside(const char *name, char name_out[QUEUE_NAME_MAX]);
/* Puts a segment that nobody can read where queue_find_aside() does not find it: NAME.unreadable-<hex>. */
MUST_USE int queue_set_unreadable(const char *name, char name_out[QUEUE_NAME_MAX]);
