/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reporter
 *
 * Drains an event queue into JSON lines on disk: every record exactly once, whoever is killed when. A batch of lines
 * ends with a checkpoint line; once both are on disk the rings' space is released. After a restart the file is cut
 * behind its last checkpoint and records up to it are skipped: what was cut is still in the ring.
 *
 * Memory:  taken in reporter_new(): the batch buffer, and a record's copy.
 * Threads: one owner. reporter_stop() may be called from a signal handler.
 * Errors:  setup returns -errno with diagnostics. While running, a disk that is full or broken stalls the reporter: it
 *          releases nothing, retries, and tells `notice` once when that begins and once when it ends.
 */

#include "base/diagnostics.h"

#define REPORTER_BATCH_MS     50u /* default: how long a record waits for company before it is written */
#define REPORTER_BATCH_MS_MAX 10000u
#define REPORTER_ROTATE_BYTES (1ull << 30) /* default: a gigabyte is what an editor or jq still handles */
#define REPORTER_HEARTBEAT_S  60u

struct reporter;

struct reporter_options {
    const char *queue;   /* name of the segment */
    const char *folder;  /* where the files go; must exist */
    const char *sensor;  /* name of this sensor in every line */
    const char *version; /* of the program */
    uint32_t batch_ms;
    uint64_t rotate_bytes;
    uint32_t heartbeat_s;                            /* 0: no heartbeat lines */
    bool once;                                       /* drain what is there, then return */
    void (*notice)(void *context, const char *text); /* one line for the operator; may be NULL */
    void *context;
};

/* Opens the folder, recovers the last file. The queue need not exist yet. Returns 0 or -errno. */
MUST_USE int reporter_new(const struct reporter_options *options, struct diagnostics *diagnostics,
                          struct reporter **reporter_out);
void reporter_free(struct reporter *reporter);

/*
 * Works until reporter_stop(), then drains what is published and returns. 0: all that was published is on disk; -errno:
 * it is not (it stays in the queue).
 */
MUST_USE int reporter_run(struct reporter *reporter, struct diagnostics *diagnostics);

/* Async-signal-safe. */
void reporter_stop(struct reporter *reporter);
