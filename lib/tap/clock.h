/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Clock (private to tap)
 *
 * Watches the time stamps. A step backward shows by itself. A step forward may be a silence, so it counts only when
 * connections that went on across it say that hardly any time has passed.
 */

#include "tap/tally.h"

#define CLOCK_HOT_NS                                                                                                   \
    UINT64_C(10000000000) /* a connection is a witness when it was heard so shortly before and after                   \
                           */

struct tap_clock {
    uint64_t last_ns;        /* of the last frame */
    uint64_t from_ns, to_ns; /* the last long step forward */
    uint32_t witnesses_for, witnesses_against;
    bool started, stepped;
};

/* What a connection says about the last step forward. */
enum tap_witness { TAP_WITNESS_SILENT, TAP_WITNESS_FOR, TAP_WITNESS_AGAINST };

void tap_clock_frame(struct tap_clock *clock, struct tap_tally *tally, uint64_t time_ns);

/* True when a connection last heard at `last_ns` and now at `time_ns` lived through the last step forward. */
static inline bool tap_clock_asks(const struct tap_clock *clock, uint64_t last_ns, uint64_t time_ns)
{
    return unlikely(clock->stepped) && last_ns <= clock->from_ns && clock->from_ns - last_ns <= CLOCK_HOT_NS &&
           time_ns >= clock->to_ns && time_ns - clock->to_ns <= CLOCK_HOT_NS;
}

void tap_clock_witness(struct tap_clock *clock, enum tap_witness witness);

/* The last step forward is judged, and the next frame begins anew. */
void tap_clock_close(struct tap_clock *clock, struct tap_tally *tally);
