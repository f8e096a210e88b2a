/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Join
 *
 * Where the sightings of all workers meet (event/sighting.h): every worker has a ring of its own into it, and whoever
 * runs the join takes all that lies there, puts it in the order of time, and tells the findings that come of it. What
 * is remembered between two runs is bounded (sighting/judge.h).
 *
 * In a replay all workers wait at the same packet while one of them runs the join, so the findings do not hang on their
 * number. Live the join runs every few milliseconds, and two calls closer together than that may be taken in any order.
 *
 * Memory:  one private queue and one arena, taken in sighting_join_new().
 * Threads: each producer belongs to its worker, everything else to one thread at a time.
 * Limits:  SIGHTING_RING_BYTES a worker between two runs; what finds no room is counted by the worker.
 * Errors:  -ENOMEM.
 */

#include "event/finding.h"
#include "event/ring.h"

#define SIGHTING_RING_BYTES (1u << 23) /* about 10,000: at three a call and 50,000 calls a second 70 ms */

struct sighting_join;

struct sighting_join_options {
    uint32_t worker_count;
    void *context;
    /* The finding and all its spans are valid during the call only. */
    void (*finding)(void *context, const struct finding *finding);
};

MUST_USE int sighting_join_new(const struct sighting_join_options *options, struct sighting_join **join_out);
void sighting_join_free(struct sighting_join *join);

struct ring_producer *sighting_join_producer(struct sighting_join *join, uint32_t worker);

/* Judges all that the workers have published. */
void sighting_join_run(struct sighting_join *join);

/* Things that are remembered, and would be forgotten if the process ended here ... */
uint64_t sighting_join_held(const struct sighting_join *join);
/* ... and those that were forgotten for want of room. */
uint64_t sighting_join_forgotten(const struct sighting_join *join);
