/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Pipeline clock (private to pipeline)
 *
 * A clock for deadlines that goes with the packets' times and is not thrown off when those are set. No frame moves it
 * by more than PIPELINE_CLOCK_STEP_NS, either way: more is a clock that was set, a packet with a wild stamp, or a
 * silence of the whole tap, and none of them says anything about the connections. Where no packets come the worker asks
 * the machine's clock all the time, so there a silence passes in small steps and counts in full.
 *
 * It looks at every frame in order, so it goes the same way in every worker that is handed all frames, and in bursts of
 * any size.
 */

#include "base/base.h"

/*
 * Longer than any skew between ports, so that what waits for that is told; shorter than the timeouts of holes,
 * handshakes and closed connections (3 to 10 s), which would cost transactions.
 */
#define PIPELINE_CLOCK_STEP_NS UINT64_C(2000000000)

struct pipeline_clock {
    uint64_t last_ns;   /* time stamp of the last frame */
    uint64_t offset_ns; /* time stamps less this are this clock's time, modulo 2^64 */
    uint64_t now_ns;    /* latest time of this clock */
    bool started;
};

/* A frame was stamped, or would be stamped now, with this time. */
static inline void pipeline_clock_stamp(struct pipeline_clock *clock, uint64_t time_ns)
{
    uint64_t forward_ns = time_ns - clock->last_ns, backward_ns = clock->last_ns - time_ns;
    if (likely(clock->started)) {
        if (unlikely(time_ns > clock->last_ns && forward_ns > PIPELINE_CLOCK_STEP_NS))
            clock->offset_ns += forward_ns - PIPELINE_CLOCK_STEP_NS;
        else if (unlikely(time_ns < clock->last_ns && backward_ns > PIPELINE_CLOCK_STEP_NS))
            clock->offset_ns -= backward_ns - PIPELINE_CLOCK_STEP_NS;
    }
    clock->started = true;
    clock->last_ns = time_ns;
    if (time_ns - clock->offset_ns > clock->now_ns)
        clock->now_ns = time_ns - clock->offset_ns;
}
