/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Feeder
 *
 * Generated traffic at a set rate into the rings of a net_ring port, from a core of its own: what a mirror does to a
 * network card, with memory in place of the wire. Each frame is stamped with the time at which it arrives, and goes to
 * the queue of its connection; one that finds its queue full is dropped and counted, as a card does it.
 *
 * Memory:  packet buffers of its own pool.
 * Threads: one of its own; figures may be read after feeder_stop().
 * Errors:  0 or -errno, with sentences in the diagnostics.
 */

#include "base/diagnostics.h"
#include "generate/traffic.h"

struct feeder;
struct watch;

struct feeder_options {
    struct traffic *traffic;
    const char *device;      /* the port */
    uint32_t queue_count;    /* of it: a power of two */
    uint32_t core;           /* to run on */
    double calls_per_second; /* 0: as fast as they are taken, nothing is dropped */
    struct watch *watch;     /* looked at between two bursts */
};

struct feeder_figures {
    struct traffic_counts traffic;
    uint64_t dropped_packets;  /* the ring was full, or no buffer was free */
    uint64_t begin_ns, end_ns; /* CLOCK_MONOTONIC, of the first and the last frame */
    bool pinned;               /* to the core that was asked for */
    uint64_t late_ns;          /* the longest that the feeder itself was behind its schedule */
};

/* DPDK runs already. */
MUST_USE int feeder_new(const struct feeder_options *options, struct diagnostics *diagnostics,
                        struct feeder **feeder_out);
MUST_USE int feeder_start(struct feeder *feeder);

/* No further frames; waits until the port's rings are empty. */
void feeder_stop(struct feeder *feeder, struct feeder_figures *figures_out);
void feeder_free(struct feeder *feeder);
