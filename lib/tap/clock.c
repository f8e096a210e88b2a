/* SPDX-License-Identifier: Apache-2.0 */

/* Clock: see the header. */

#include "tap/clock.h"

/*
 * Captures that put several queues or ports together are out of order by milliseconds, buffers of aggregators by a few
 * hundred. A second back is a clock that was set.
 */
#define STEP_BACK_NS UINT64_C(1000000000)

/*
 * Long enough that every living connection with unacknowledged bytes would have repeated them several times, and that
 * the slowest clock of RFC 7323 (one tick a second) would have moved visibly.
 */
#define STEP_FORWARD_NS UINT64_C(60000000000)

/* One witness could be a connection with odd timestamps of its own. */
#define WITNESSES_MIN 2u

static void judge_forward(struct tap_clock *clock, struct tap_tally *tally)
{
    if (clock->stepped && clock->witnesses_for >= WITNESSES_MIN && clock->witnesses_for > clock->witnesses_against) {
        uint64_t step_ns = clock->to_ns - clock->from_ns;
        tally->steps_forward++;
        if (step_ns > tally->step_max_ns)
            tally->step_max_ns = step_ns;
    }
    clock->stepped = false;
}

void tap_clock_frame(struct tap_clock *clock, struct tap_tally *tally, uint64_t time_ns)
{
    if (!clock->started) {
        *clock = (struct tap_clock){.started = true, .last_ns = time_ns};
        return;
    }
    if (unlikely(time_ns < clock->last_ns && clock->last_ns - time_ns > STEP_BACK_NS)) {
        tally->steps_back++;
        if (clock->last_ns - time_ns > tally->step_max_ns)
            tally->step_max_ns = clock->last_ns - time_ns;
    } else if (unlikely(time_ns > clock->last_ns && time_ns - clock->last_ns >= STEP_FORWARD_NS)) {
        judge_forward(clock, tally);
        clock->from_ns = clock->last_ns;
        clock->to_ns = time_ns;
        clock->witnesses_for = clock->witnesses_against = 0;
        clock->stepped = true;
    }
    clock->last_ns = time_ns;
}

void tap_clock_witness(struct tap_clock *clock, enum tap_witness witness)
{
    clock->witnesses_for += witness == TAP_WITNESS_FOR;
    clock->witnesses_against += witness == TAP_WITNESS_AGAINST;
}

void tap_clock_close(struct tap_clock *clock, struct tap_tally *tally)
{
    judge_forward(clock, tally);
    clock->started = false;
}
