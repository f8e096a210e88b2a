/* SPDX-License-Identifier: Apache-2.0 */

/* Pool: see the header; only the setup lives here. */

#include "base/pool.h"

#include <errno.h>

int pool_init(struct pool *pool, struct arena *arena, uint32_t object_size, uint32_t count)
{
    require(object_size >= sizeof(void *));
    uint32_t rounded = (object_size + CACHE_LINE - 1) & ~(uint32_t)(CACHE_LINE - 1);
    uint8_t *memory = arena_take(arena, (size_t)rounded * count, CACHE_LINE);
    if (!memory)
        return -ENOMEM;
    *pool = (struct pool){.fresh = memory, .fresh_count = count, .object_size = rounded, .count = count};
    return 0;
}
