/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Batch
 *
 * The lines that go to disk together. Only whole lines are ever in it.
 *
 * Memory:  one buffer, taken at start.
 */

#include "base/json_writer.h"
#include "event/json.h"

#define BATCH_BYTES     (4u << 20) /* a write of 4 MiB is as fast as disks get; also the most that a crash can cut off */
#define BATCH_OWN_BYTES (1u << 18) /* kept for the reporter's own lines: losses of each ring, the checkpoint */

static_assert(BATCH_BYTES >= 4 * (EVENT_JSON_MAX + BATCH_OWN_BYTES) / 2, "a batch holds more than one record");

struct batch {
    char *buffer; /* BATCH_BYTES */
    size_t size;
    uint64_t records;
};

static inline bool batch_has_room(const struct batch *batch)
{
    return BATCH_BYTES - batch->size >= EVENT_JSON_MAX + BATCH_OWN_BYTES;
}

static inline struct json_writer batch_begin_line(const struct batch *batch)
{
    struct json_writer writer;
    json_writer_init(&writer, batch->buffer + batch->size, BATCH_BYTES - batch->size - 1);
    return writer;
}

static inline void batch_end_line(struct batch *batch, const struct json_writer *writer)
{
    require(!writer->overflow && writer->depth == 0);
    batch->size += writer->size;
    batch->buffer[batch->size++] = '\n';
}
