/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Report of a live run, as JSON for perf/run.
 */

#include <stdio.h>

#include "bench/clock.h"
#include "live/feeder.h"
#include "live/watch.h"

/* What the worker had done at a moment. */
struct live_moment {
    uint64_t time_ns;
    uint64_t packets, calls, findings;
    uint64_t cycles_busy, cycles_idle; /* of the time stamp counter */
};

struct live_report {
    const char *protocol;
    uint32_t rate; /* asked for; 0: as fast as possible */
    bool no_huge;  /* with ordinary pages */
    struct clock_rate clock;
    double rules_ms, port_ms, memory_ms, startup_ms;
    uint32_t reloads;
    double reload_ms, adopt_ms;    /* the longest */
    struct live_moment begin, end; /* of what was measured */
    struct feeder_figures feeder;  /* of the whole run */
    uint64_t seen;                 /* calls, at the very end */
    uint64_t events_lost;
    bool balanced;
    struct watch_figures published, durable;
};

void live_report_json(const struct live_report *report, FILE *stream);
