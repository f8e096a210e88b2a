/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Watch
 *
 * How long a finding takes: from the time stamp of the packet that decided it until another core sees it published in
 * the queue, and, where a reporting core drains the queue, until that has released it because it is durable.
 *
 * Memory:  heap, at watch_new().
 * Threads: watch_look() by one; the figures when that one has stopped.
 * Limits:  the latest WATCH_SAMPLES of each kind are kept.
 */

#include "event/queue.h"

#define WATCH_SAMPLES (1u << 18)

struct watch;

struct watch_figures {
    uint64_t count;
    double p50_us, p99_us, max_us;
};

/* `drained`: another process drains the queue; otherwise the watch does. Returns 0 or -ENOMEM. */
MUST_USE int watch_new(struct watch **watch_out, struct queue *queue, bool drained);
void watch_free(struct watch *watch);

/* A look at each ring; a few hundred nanoseconds when there is little. */
void watch_look(struct watch *watch);

void watch_figures(struct watch *watch, struct watch_figures *published_out, struct watch_figures *durable_out);
