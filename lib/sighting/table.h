/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Table of what was sighted
 *
 * Remembers a bounded number of things by keyed hash, each as long as it is wanted. When all places that a thing may
 * have are taken, the one that is wanted least long gives way, and is counted if it was still wanted.
 *
 * Memory:  the caller's arena, taken in sighting_table_init().
 * Threads: one owner.
 * Limits:  as many entries as it was made for; eight places a thing.
 */

#include "base/arena.h"

/* The beginning of whatever a table keeps. */
struct sighting_entry {
    uint64_t key[2];     /* both 0: a free place */
    uint64_t expires_ns; /* wanted up to here */
};

struct sighting_table {
    uint8_t *entries;
    size_t entry_size;
    uint32_t buckets;   /* a power of two */
    uint64_t held;      /* entries, whether still wanted or not */
    uint64_t forgotten; /* entries that gave way while they were wanted */
};

/* `entries` is a power of two, `entry_size` a multiple of eight. False: no room in the arena. */
MUST_USE bool sighting_table_init(struct sighting_table *table, struct arena *arena, uint32_t entries,
                                  size_t entry_size);
size_t sighting_table_size(uint32_t entries, size_t entry_size);

/* NULL: it is not remembered. */
void *sighting_table_find(struct sighting_table *table, const uint64_t key[2], uint64_t now_ns);

/* The same; what is not remembered gets a zeroed entry. In both cases it is wanted until `expires_ns` now. */
void *sighting_table_take(struct sighting_table *table, const uint64_t key[2], uint64_t now_ns, uint64_t expires_ns);
