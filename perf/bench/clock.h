/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Clock
 *
 * Time stamp counter and wall clock. The counter ticks at a fixed rate; a core runs at another, so figures in cycles
 * are given in core cycles, with the core's rate measured in the same run.
 *
 * Threads: any.
 */

#include "base/base.h"

struct clock_rate {
    double counter_hz; /* of clock_ticks() */
    double core_hz;    /* of the core this thread is pinned to, under load */
};

#if defined(__x86_64__)
static inline uint64_t clock_ticks(void)
{
    return __builtin_ia32_rdtsc();
}
#else
uint64_t clock_ticks(void);
#endif

uint64_t clock_now_ns(void);

/* Processor time of this thread: does not run while another program has the core. */
uint64_t clock_thread_ns(void);

/* Takes about 200 ms. */
void clock_measure(struct clock_rate *rate_out);

/* This thread runs on that core from now on. Returns 0 or -errno. */
MUST_USE int clock_pin(uint32_t core);
