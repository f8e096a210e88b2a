/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Stages
 *
 * Where a worker's cycles go, for measuring: the time from one change of stage to the next belongs to the stage that
 * was entered last, so stages that lie in each other share nothing and their sum is the whole time. Compiled in by the
 * option stage_cycles only: a change costs some 20 cycles, and there are about a hundred in a call.
 *
 * Memory:  one struct stage_cycles for each worker, zero to begin with; NULL counts nothing.
 * Threads: one owner; others read single values that may be some changes old.
 */

#include "base/base.h"

enum stage {
    STAGE_IDLE,       /* none of the others: polling, status, waiting */
    STAGE_RECEIVE,    /* frames out of the port or the file */
    STAGE_DECODE,     /* frame to TCP segment */
    STAGE_FLOW,       /* finding the flow, timers */
    STAGE_REASSEMBLY, /* which bytes of a segment are new and in order */
    STAGE_CLASSIFY,   /* which protocol */
    STAGE_PARSE,      /* bytes to calls */
    STAGE_CONTENT,    /* decoding bodies */
    STAGE_SCAN,       /* searching for sensitive data */
    STAGE_REGISTRY,   /* finding the operation */
    STAGE_RULES,      /* judging */
    STAGE_QUEUE,      /* events to the ring */
    STAGE_COUNT
};

struct stage_cycles {
    uint64_t cycles[STAGE_COUNT];  /* spent in each */
    uint64_t entered[STAGE_COUNT]; /* times it was entered */
    uint64_t since;                /* time stamp counter at the last change */
    enum stage stage;              /* entered last */
};

#ifdef ASSAY_STAGE_CYCLES
#define STAGE_CYCLES_ON 1
#else
#define STAGE_CYCLES_ON 0
#endif

const char *stage_name(enum stage stage);

/* The time since the last change is the stage's that ran. */
static inline void stage_change(struct stage_cycles *stages, enum stage stage)
{
    uint64_t now = __builtin_ia32_rdtsc();
    stages->cycles[stages->stage] += stages->since ? now - stages->since : 0;
    stages->since = now;
    stages->stage = stage;
}

/* Returns the stage that is interrupted, for stage_leave(). */
static inline enum stage stage_enter(struct stage_cycles *stages, enum stage stage)
{
    if (!STAGE_CYCLES_ON || !stages)
        return stage;
    enum stage interrupted = stages->stage;
    stages->entered[stage]++;
    stage_change(stages, stage);
    return interrupted;
}

static inline void stage_leave(struct stage_cycles *stages, enum stage interrupted)
{
    if (STAGE_CYCLES_ON && stages)
        stage_change(stages, interrupted);
}
