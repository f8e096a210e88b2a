/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Clock: asked of the kernel, not of a daemon, so that chrony, ntpd, timesyncd and PTP all count.
 */

#include <sys/timex.h>
#include <time.h>

#include "coverage/coverage.h"

#define SECOND_NS UINT64_C(1000000000)

static uint64_t clock_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

void coverage_clock_read(struct coverage_clock *clock_out)
{
    struct timex state = {.modes = 0};
    *clock_out = (struct coverage_clock){.known = adjtimex(&state) >= 0};
    if (clock_out->known) {
        clock_out->synchronised = (state.status & (STA_UNSYNC | STA_CLOCKERR)) == 0;
        clock_out->offset_us = state.status & STA_NANO ? state.offset / 1000 : state.offset;
        clock_out->error_us = state.maxerror > 0 ? (uint64_t)state.maxerror : 0;
    }
    clock_out->wall_ns = clock_ns(CLOCK_REALTIME);
    clock_out->monotonic_ns = clock_ns(CLOCK_MONOTONIC);
}
