/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Content slab
 *
 * malloc() and free() for one decoder library within one piece of memory: the lowest gap that is large enough. The
 * libraries hold few blocks at a time, so a sorted list of them is all there is to keep.
 *
 * Memory:  given to content_slab_init(), aligned to a cache line; blocks are aligned likewise.
 * Threads: one owner.
 * Limits:  CONTENT_SLAB_BLOCKS_MAX blocks; content_slab_take() returns NULL when there is no block or no room left.
 */

#include "base/base.h"

#define CONTENT_SLAB_BLOCKS_MAX 16u /* brotli holds eleven at most: state, two rings, maps and trees */

struct content_slab_block {
    size_t start;
    size_t end;
};

struct content_slab {
    uint8_t *memory;
    size_t size;
    uint32_t block_count;
    struct content_slab_block blocks[CONTENT_SLAB_BLOCKS_MAX]; /* by place */
};

/* Whatever was in the memory is given up. */
void content_slab_init(struct content_slab *slab, void *memory, size_t size);

void *content_slab_take(struct content_slab *slab, size_t size);

/* NULL is allowed, as with free(). */
void content_slab_give(struct content_slab *slab, const void *block);
