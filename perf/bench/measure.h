/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Measurement
 *
 * Runs a subject over a feed for a while: portions are filled (not timed), worked through (timed, slice by slice) and
 * drained (timed apart). Time is processor time, and what is told is the median over the slices: so it is the same on a
 * machine that has other things to do, as far as that is possible. Counter and wall clock are kept beside it.
 *
 * Threads: one owner.
 */

#include "bench/clock.h"
#include "bench/feed.h"
#include "bench/subject.h"

#define MEASURE_SLICE_PACKETS 4096u  /* a slice tells some thousand records at most, which any ring holds */
#define MEASURE_SLICES_MAX    65536u /* 268 million packets */

struct measure_options {
    uint64_t warm_up_packets;
    uint64_t packets; /* at least so many are measured */
};

struct measurement {
    struct traffic_counts traffic; /* measured part only */
    struct subject_counts counts;  /* measured part only */
    uint64_t busy_ns;              /* processor time */
    uint64_t wall_ns;
    uint64_t ticks;
    uint32_t slices;
    double median_packet_ns; /* processor time a packet: the median over the slices, and the quickest hundredth */
    double best_packet_ns;
};

void measure_run(struct subject *subject, struct feed *feed, const struct measure_options *options,
                 struct measurement *measurement_out);
