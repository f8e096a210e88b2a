/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Searching for sensitive data: what the files scan*.c share.
 *
 * Memory:  the worker's; hits are in worker->hits[] until the next text is searched.
 * Threads: one owner, the worker.
 */

#include "pipeline/worker.h"

struct scan_place {
    enum detection_place kind;
    struct span name;
};

/* Searches one text. Returns how many hits there are. */
uint32_t scan_text(struct pipeline *worker, const struct exchange *exchange, const struct detect_text *text);

/* Keeps a hit of that side, `offset` bytes into its head or body. */
void scan_add(struct exchange *exchange, bool response, const struct detect_hit *hit, const struct scan_place *place,
              uint64_t offset);

/* scan_body.c: the first bytes of a body, which tell with its media type what it is. */
void scan_body_start(struct pipeline *worker, struct exchange *exchange, bool response, struct span start);
