/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Pool
 *
 * Objects of one size, taken and given on the hot path in a few cycles. Last given is first taken, so it is warm.
 *
 * Memory:  all from the arena given to pool_init(); none later.
 * Threads: one owner.
 * Limits:  `count` objects; pool_take() returns NULL when all are out, and the caller counts that.
 */

#include "base/arena.h"

struct pool {
    void *free_list;   /* given back, warm */
    uint8_t *fresh;    /* never taken yet: untouched memory costs nothing until used */
    uint32_t fresh_count;
    uint32_t object_size;
    uint32_t used_count;
    uint32_t count;
};

/* Returns 0, or -ENOMEM when the arena has not room for them. Objects are aligned to a cache line. */
MUST_USE int pool_init(struct pool *pool, struct arena *arena, uint32_t object_size, uint32_t count);

/* Contents are whatever the last owner left. */
static inline void *pool_take(struct pool *pool)
{
    void *object = pool->free_list;
    if (likely(object != NULL)) {
        pool->free_list = *(void **)object;
    } else if (pool->fresh_count) {
        object = pool->fresh;
        pool->fresh += pool->object_size;
        pool->fresh_count--;
    } else {
        return NULL;
    }
    pool->used_count++;
    return object;
}

static inline void pool_give(struct pool *pool, void *object)
{
    *(void **)object = pool->free_list;
    pool->free_list = object;
    pool->used_count--;
}
