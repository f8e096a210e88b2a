/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Inside of the subjects: how each kind does its work. */

#include "bench/subject.h"

struct subject_work {
    void (*burst)(void *state, const struct packet *packets, uint32_t count);
    void (*drain)(void *state); /* NULL: nothing is told */
    void (*flush)(void *state);
    const struct ledger *(*ledger)(const void *state);
    struct subject_counts (*counts)(const void *state);
    void (*free)(void *state);
};

/* stage.c: TOUCH to PARSE. */
MUST_USE int stage_new(enum subject_kind kind, const struct subject_options *options, void **state_out,
                       const struct subject_work **work_out);

/* whole.c: CALLS to WHOLE. */
MUST_USE int whole_new(enum subject_kind kind, const struct subject_options *options, struct diagnostics *diagnostics,
                       void **state_out, const struct subject_work **work_out);
