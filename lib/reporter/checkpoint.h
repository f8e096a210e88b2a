/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Checkpoint
 *
 * The line that ends each batch: how far the queue is on disk, and a digest by which a torn batch is known. What
 * follows the last good checkpoint of a file was never acknowledged to the queue.
 *
 * The digest finds accidents (a batch of which only some blocks reached the disk), not forgery.
 */

#include "event/segment.h"
#include "reporter/batch.h"

#define CHECKPOINT_LINE_MAX 8192u /* 65 rings of 20 digits each, a sensor's name, and the rest */

struct checkpoint {
    uint64_t queue; /* instance; 0: none yet */
    uint32_t ring_count;
    uint64_t sequences[QUEUE_RINGS_MAX]; /* last one of each ring that is in the files */
};

/* Ends the batch, whose first byte will be at `start` in its file. */
void checkpoint_write(const struct checkpoint *checkpoint, const char *sensor, uint64_t time_ns, uint64_t start,
                      struct batch *batch);

/*
 * The last good checkpoint among the bytes of a file. True when there is one; `end_out` is the offset behind its line.
 */
bool checkpoint_find(struct span file, struct checkpoint *checkpoint_out, uint64_t *end_out);
