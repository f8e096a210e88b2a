/* SPDX-License-Identifier: Apache-2.0 */

/* Content slab: nothing is written into the memory itself, so a library that overruns a block cannot break the list. */

#include "proto/content_slab.h"

#include <string.h>

void content_slab_init(struct content_slab *slab, void *memory, size_t size)
{
    require(((uintptr_t)memory & (CACHE_LINE - 1)) == 0);
    slab->memory = memory;
    slab->size = size;
    slab->block_count = 0;
}

void *content_slab_take(struct content_slab *slab, size_t size)
{
    if (size == 0 || size > slab->size || slab->block_count == CONTENT_SLAB_BLOCKS_MAX)
        return NULL;
    size_t start = 0, needed = (size + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
    uint32_t at = 0;
    while (at < slab->block_count && slab->blocks[at].start - start < needed)
        start = slab->blocks[at++].end;
    if (needed > slab->size - start)
        return NULL;
    memmove(&slab->blocks[at + 1], &slab->blocks[at], (slab->block_count - at) * sizeof(slab->blocks[0]));
    slab->blocks[at] = (struct content_slab_block){start, start + needed};
    slab->block_count++;
    return slab->memory + start;
}

void content_slab_give(struct content_slab *slab, const void *block)
{
    if (!block)
        return;
    uint32_t at = 0;
    while (at < slab->block_count && slab->memory + slab->blocks[at].start != block)
        at++;
    require(at < slab->block_count);
    slab->block_count--;
    memmove(&slab->blocks[at], &slab->blocks[at + 1], (slab->block_count - at) * sizeof(slab->blocks[0]));
}
