/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Tally (private to tap)
 *
 * What the traffic showed, as counts. Each fault is judged from a few of them, see diagnose.c.
 */

#include "base/base.h"

/* The side of a connection that opened it, and the other. */
enum tap_role { TAP_CLIENT, TAP_SERVER };

struct tap_tally {
    uint64_t frames, packets;
    uint64_t connections, crowded_out;

    uint64_t cut_frames;     /* captured shorter than they were: snap length */
    uint32_t cut_size_max;   /* of them the most that was kept */
    uint64_t short_packets;  /* whole frames whose headers announce more: cut before they were captured */
    uint32_t short_size_max; /* of them the largest frame */
    uint64_t complete;       /* packets that could have been found short: not cut by the capture itself */

    uint64_t compared, repeated;                          /* packets, and those seen shortly before */
    uint64_t repeated_tags, repeated_port, repeated_hops; /* ... with other tags, by another port, hops apart */

    uint64_t one_way, two_way; /* connections */
    uint64_t segments;         /* packets with something new in the stream */
    uint64_t late[2];          /* of them acknowledged before they came, by enum tap_role of the sender */
    uint64_t late_measured;    /* of them those of which it is known when they were acknowledged */
    uint64_t late_max_ns;
    uint64_t late_sum_ns;
    uint64_t holes; /* acknowledged and never seen */
    uint64_t hole_bytes;

    uint64_t tags_known, tags_differ;     /* connections, two-way */
    uint32_t tags_example[2];             /* of one that differs, by role */
    uint64_t queues_known, queues_differ; /* connections, two-way */
    uint16_t queues_example[2];

    uint64_t sums_sides,
        sums_bad_sides; /* halves of connections with enough checksums, and those with nearly all bad */

    uint64_t steps_back, steps_forward;
    uint64_t step_max_ns;
};
