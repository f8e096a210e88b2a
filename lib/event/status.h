/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Status
 *
 * How worker and reporter are, read from the queue's segment without disturbing either: what `assay status` and
 * `assay top` show. Rates come from two snapshots.
 *
 * Memory:  a snapshot is about 50 KiB; the caller's.
 * Threads: any process that may open the segment (queue_attach() with QUEUE_OBSERVE).
 */

#include <stdio.h>

#include "base/json_writer.h"
#include "event/queue.h"

#define STATUS_JSON_MAX (1u << 19) /* bytes of JSON that hold any snapshot */

struct status_ring {
    uint64_t used_bytes;
    uint64_t published; /* sequence of the last published record */
    uint64_t durable;   /* of the last one that is on disk */
    uint64_t written[RECORD_KIND_COUNT];
    uint64_t dropped[RECORD_KIND_COUNT];
    uint64_t dropped_findings[SEVERITY_COUNT];
};

struct status {
    char queue[QUEUE_NAME_MAX];
    uint64_t time_ns;
    uint64_t instance;
    uint64_t created_ns;
    uint32_t worker_count, ring_count, ring_bytes;
    bool producer_alive;
    struct control_status control;
    struct reporter_status reporter;
    struct worker_status workers[QUEUE_WORKERS_MAX];
    struct status_ring rings[QUEUE_RINGS_MAX];
    struct ledger ledger; /* of all workers */
};

void status_read(struct queue *queue, const char *name, struct status *status_out);

/* `before` NULL: totals only, rates are left out. */
void status_render_text(const struct status *now, const struct status *before, FILE *stream);
void status_render_json(const struct status *now, const struct status *before, struct json_writer *writer);
/* One full screen for a terminal of that size, ANSI codes included. */
void status_render_top(const struct status *now, const struct status *before, uint32_t columns, uint32_t rows,
                       FILE *stream);

/* Something an operator should act on: worker or reporter dead or stalled, events dropped, ledger out of balance. */
bool status_is_healthy(const struct status *now);
