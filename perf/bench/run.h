/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Run
 *
 * One measurement from beginning to end: stages one after the other, then the pipeline on one or two cores, then the
 * primitives.
 *
 * Memory:  heap; all given back.
 * Threads: makes one for each worker.
 * Errors:  0 or -errno, with sentences in the diagnostics.
 */

#include "bench/report.h"

struct run_options {
    const char *profile;
    struct traffic_settings traffic;
    struct subject_options subject;
    size_t portion_bytes;
    uint64_t warm_up_packets;
    uint64_t packets;
    uint32_t stages;  /* set of 1u << enum subject_kind; SUBJECT_WHOLE is always measured */
    uint32_t workers; /* 1 to REPORT_WORKERS_MAX */
    uint32_t core;    /* of the first worker */
    bool primitives;
};

MUST_USE int run_all(const struct run_options *options, struct diagnostics *diagnostics, struct report *report_out);
