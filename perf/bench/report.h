/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Report of a measurement, as a table for people and as JSON for perf/run.
 */

#include <stdio.h>

#include "bench/audit.h"
#include "bench/measure.h"
#include "bench/primitive.h"

#define REPORT_WORKERS_MAX AUDIT_WORKERS_MAX

struct report {
    const char *profile;
    struct traffic_settings traffic;
    struct clock_rate clock;
    bool measured[SUBJECT_COUNT];
    struct measurement stages[SUBJECT_COUNT]; /* of the first worker */
    uint32_t workers;
    struct measurement whole[REPORT_WORKERS_MAX]; /* of each worker at the same time */
    bool balanced;                                /* every ledger, after the end of the traffic */
    bool settled;                                 /* ... and nothing is pending */
    uint64_t excused_packets;                     /* of traffic without a fault: none may be */
    uint64_t missed_transactions;                 /* generated, complete, and not seen by the pipeline */
    uint64_t flows_open;                          /* at the end of the measurement */
    uint64_t resident_bytes;                      /* by which the process had grown then */
    double primitives[PRIMITIVE_COUNT];
    bool primitives_measured;
};

/* Nanoseconds of a subject for each transaction, from the median. */
double report_call_ns(const struct measurement *measurement);

/* The sum of primitives for one call of this traffic, in nanoseconds; 0 when they were not measured. */
double report_limit_ns(const struct report *report);

void report_text(const struct report *report, FILE *stream);
void report_json(const struct report *report, FILE *stream);
