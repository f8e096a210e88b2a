/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Flow index
 *
 * From a hash to the flows that may have it. Buckets of one cache line hold a 16-bit tag and a number for each flow, so
 * that one line is read to find a flow among millions, and another one only when the tag fits. Full buckets chain.
 *
 * Memory:  arena, see flow_index_size().
 * Threads: one owner.
 * Limits:  FLOW_CHAIN_MAX buckets a chain; flow_index_add() answers false beyond.
 */

#include <string.h>

#include "base/pool.h"

#define FLOW_BUCKET_SLOTS 8
/* At 4 flows a bucket on average, a chain of 4 buckets (33 flows) happens once in 10^18: the hash is keyed. */
#define FLOW_CHAIN_MAX 4

struct flow_bucket {
    uint16_t tags[FLOW_BUCKET_SLOTS]; /* 0: free */
    uint32_t flows[FLOW_BUCKET_SLOTS];
    struct flow_bucket *next;
} CACHE_ALIGNED;

static_assert(sizeof(struct flow_bucket) == CACHE_LINE, "one line a look-up");

struct flow_index {
    struct flow_bucket *buckets;
    uint64_t mask;
    struct pool overflow;
};

size_t flow_index_size(uint32_t flow_max);
MUST_USE int flow_index_init(struct flow_index *index, struct arena *arena, uint32_t flow_max);

/* False: no room, which chance alone does not bring about. */
MUST_USE bool flow_index_add(struct flow_index *index, uint64_t hash, uint32_t flow);

/* Only the low 32 bits of the hash are used. */
void flow_index_remove(struct flow_index *index, uint32_t hash, uint32_t flow);

static inline struct flow_bucket *flow_index_bucket(const struct flow_index *index, uint64_t hash)
{
    return &index->buckets[hash & index->mask];
}

static inline uint16_t flow_index_tag(uint64_t hash)
{
    return (uint16_t)(hash >> 48 | 1); /* never "free" */
}

/* A set bit 15 in each 16-bit lane of `half` (0 or 1) of the tags that may equal `tag`: zero-lane test on words. */
static inline uint64_t flow_bucket_match(const struct flow_bucket *bucket, uint32_t half, uint16_t tag)
{
    uint64_t word;
    memcpy(&word, &bucket->tags[half * 4], sizeof(word));
    word ^= tag * UINT64_C(0x0001000100010001);
    return (word - UINT64_C(0x0001000100010001)) & ~word & UINT64_C(0x8000800080008000);
}
