/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Lines of the reporter's own
 *
 * What the files say about themselves: restarts, losses, bytes that made no sense, signs of life. Each begins with
 * `type`, `sensor`, `time`; they belong to no ring and have no sequence.
 */

#include "event/queue.h"
#include "reporter/batch.h"
#include "reporter/journal.h"

struct line_context {
    const char *sensor;
    uint64_t time_ns;
    uint64_t queue; /* instance, 0: none */
};

/* The reporter started and found files of an earlier run. */
void line_recovery(struct batch *batch, const struct line_context *context, const struct journal_recovery *recovery,
                   const char *version);
/* Another segment is drained from here on. */
void line_queue(struct batch *batch, const struct line_context *context, const struct queue *queue);
/* Records first..last of a ring were never seen. */
void line_gap(struct batch *batch, const struct line_context *context, uint32_t ring, uint64_t first, uint64_t last);
/* Bytes of a ring that no record can be made of. */
void line_corrupt(struct batch *batch, const struct line_context *context, uint32_t ring, uint64_t bytes);
/* How many records the producer had to refuse so far, by kind. */
void line_dropped(struct batch *batch, const struct line_context *context, uint32_t ring,
                  const struct ring_shared *shared);
/* A segment that nobody can read was moved to `name`. */
void line_unreadable_queue(struct batch *batch, const struct line_context *context, const char *name);
/* Nothing to report for a while. */
void line_heartbeat(struct batch *batch, const struct line_context *context, bool producer_alive);
