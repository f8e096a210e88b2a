/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Source
 *
 * One segment while it is drained into batches: where each ring is read, which records the files already have, which
 * losses were told.
 *
 * Threads: one owner.
 */

#include "reporter/checkpoint.h"
#include "reporter/lines.h"

struct source_ring {
    struct ring_consumer consumer;
    uint64_t skip_until; /* records up to this sequence are in the files already */
    uint64_t sequence;   /* of the last record in a batch or file */
    uint64_t dropped;    /* as last told */
};

struct source {
    struct queue *queue; /* NULL: none attached */
    char name[QUEUE_NAME_MAX];
    bool told; /* a line says that it is drained */
    uint64_t corrupt_bytes;
    uint8_t *copy; /* RECORD_SIZE_MAX bytes: records are decoded where their writer cannot change them */
    struct source_ring rings[QUEUE_RINGS_MAX];
};

/* Goes on behind `checkpoint` when that is of the same segment. Returns as queue_attach() does. */
MUST_USE int source_attach(struct source *source, const char *name, const struct checkpoint *checkpoint);
void source_detach(struct source *source);

/* Adds the lines of published records until all rings are empty (true) or the batch is full (false). */
bool source_drain(struct source *source, const char *sensor, uint64_t time_ns, struct batch *batch);

/* Adds the losses that were counted since they were last told. */
void source_tell_drops(struct source *source, const char *sensor, uint64_t time_ns, struct batch *batch);

/* How far the batch got. */
void source_checkpoint(const struct source *source, struct checkpoint *checkpoint_out);

/* The batch is on disk: the rings may be written again. */
void source_release(struct source *source);

/* Nothing more can come: no producer lives, the name leads elsewhere, all rings are empty. */
bool source_is_finished(struct source *source, const char *main_name);
