/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Values searched together
 *
 * A message has a hundred short values, and beginning a search costs more than searching one. So they are gathered, and
 * one look at all of them tells which could hold anything (detect_probe()); only those are searched, each by itself.
 * The detections and their order are those of searching each at once.
 *
 * Memory:  16 KB and 32 bytes a value from the arena.
 * Threads: one owner, the worker.
 * Limits:  SCAN_BATCH_VALUES values, SCAN_BATCH_TEXT bytes of them and of their names; then they are searched. A longer
 *          value is not taken.
 */

#include "pipeline/worker.h"

#define SCAN_BATCH_VALUES 256u
#define SCAN_BATCH_TEXT   8192u /* the texts of an ordinary message; more would not stay in the first cache */

struct scan_batch {
    uint32_t count;
    uint32_t text_size;
    uint32_t names_size;
    uint32_t ends[SCAN_BATCH_VALUES]; /* of the values in the text, each with the line end behind it */
    uint32_t name_ends[SCAN_BATCH_VALUES];
    uint64_t offsets[SCAN_BATCH_VALUES]; /* in the body */
    bool maybe[SCAN_BATCH_VALUES];
    uint8_t text[SCAN_BATCH_TEXT];
    uint8_t names[SCAN_BATCH_TEXT];
};

size_t scan_batch_size(void);
struct scan_batch *scan_batch_new(struct arena *arena);

/* Takes a whole value at `offset` of the body. False: it is too long; then everything taken before was searched. */
bool scan_batch_add(struct pipeline *worker, struct exchange *exchange, bool response, struct span name,
                    struct span value, uint64_t offset);

/* Searches what was taken. Due before anything else of the body is searched, and before the exchange is left. */
void scan_batch_flush(struct pipeline *worker, struct exchange *exchange, bool response);
