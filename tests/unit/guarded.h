/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Bytes that end at a page nobody may touch: reading one too many ends the test. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define GUARDED_SIZE (1u << 18)

struct guarded {
    uint8_t *base;
    uint8_t *end; /* the forbidden page */
};

static inline struct guarded guarded_new(void)
{
    uint8_t *base = mmap(NULL, GUARDED_SIZE + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED || mprotect(base + GUARDED_SIZE, 4096, PROT_NONE))
        abort();
    return (struct guarded){base, base + GUARDED_SIZE};
}

static inline void guarded_free(struct guarded *guarded)
{
    munmap(guarded->base, GUARDED_SIZE + 4096);
}

static inline const uint8_t *guarded_put(const struct guarded *guarded, const void *data, size_t size)
{
    if (size > GUARDED_SIZE)
        abort();
    if (size)
        memcpy(guarded->end - size, data, size);
    return guarded->end - size;
}
