/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Measures: whether one rule's condition was there in an interval, and the numbers that show it. Internal.
 */

#include "coverage/coverage.h"
#include "event/evidence.h"

/* What happened between two ledgers, or in a whole capture. */
struct measure_window {
    struct ledger ledger; /* differences; `pending` is zero */
    const struct coverage_clock *clock;
    int64_t step_ns; /* of the wall clock against the steady one */
    bool whole;      /* a capture: no smallest number of packets */
};

enum measure { MEASURE_NOT_JUDGED, MEASURE_QUIET, MEASURE_BREACH };

/* Counters only rise; one that fell was reset, and what it shows now came since. */
void measure_difference(const struct ledger *before, const struct ledger *now, struct ledger *difference_out);

/* `part` of `whole` is more than so many percent. */
bool measure_share_exceeds(uint64_t part, uint64_t whole, uint32_t percent);

/* Adds the numbers to the evidence in any case. The watch is of one of the kinds coverage-*. */
enum measure measure_watch(const struct policy_watch *watch, const struct measure_window *window,
                           struct evidence *evidence);
