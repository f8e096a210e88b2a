/* SPDX-License-Identifier: Apache-2.0 */

/* Clock. The core's rate comes from a chain of dependent additions, which every core works at one a cycle. */

#include "bench/clock.h"

#include <errno.h>
#include <sched.h>
#include <time.h>

#define CHAIN_STEPS  UINT64_C(4000000) /* a millisecond: shorter than what another program gets at a time */
#define CHAIN_ROUNDS 200u
#define CHAIN_WIDTH  8u /* additions a step: hides the loop's own instructions */

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t clock_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_thread_ns(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

#if !defined(__x86_64__)
uint64_t clock_ticks(void)
{
    return clock_now_ns();
}
#endif

/* Registers only: what the compiler cannot see through it cannot shorten. */
static uint64_t chain(uint64_t steps)
{
    uint64_t value = steps;
    for (uint64_t i = 0; i < steps / CHAIN_WIDTH; i++)
        for (uint32_t j = 0; j < CHAIN_WIDTH; j++) {
            value += 1;
            __asm__ volatile("" : "+r"(value));
        }
    return value;
}

void clock_measure(struct clock_rate *rate_out)
{
    double best = 0;
    uint64_t first_ns = clock_now_ns(), first_ticks = clock_ticks();
    for (uint32_t i = 0; i < CHAIN_ROUNDS; i++) {
        uint64_t start_ns = clock_thread_ns();
        (void)chain(CHAIN_STEPS);
        double rate = (double)CHAIN_STEPS * 1e9 / (double)(clock_thread_ns() - start_ns);
        if (rate > best)
            best = rate;
    }
    double ticks = (double)(clock_ticks() - first_ticks);
    *rate_out = (struct clock_rate){ticks * 1e9 / (double)(clock_now_ns() - first_ns), best};
}

int clock_pin(uint32_t core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    return sched_setaffinity(0, sizeof(set), &set) < 0 ? -errno : 0;
}
