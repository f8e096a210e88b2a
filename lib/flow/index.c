/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Flow index: buckets in a power of two, half full when the table is, so that few chain. Overflow buckets come from a
 * pool and go back when empty.
 */

#include "flow/index.h"

#include <errno.h>

#define FLOWS_PER_BUCKET 4   /* half of the slots: one bucket in fifty overflows */
#define OVERFLOW_SHARE   8   /* an overflow bucket for so many buckets: six times what chance needs */
#define OVERFLOW_MIN     64u /* small tables vary more */

static uint32_t bucket_count(uint32_t flow_max)
{
    uint32_t count = 1;
    while (count < flow_max / FLOWS_PER_BUCKET)
        count *= 2;
    return count;
}

static uint32_t overflow_count(uint32_t flow_max)
{
    return bucket_count(flow_max) / OVERFLOW_SHARE + OVERFLOW_MIN;
}

size_t flow_index_size(uint32_t flow_max)
{
    return ((size_t)bucket_count(flow_max) + overflow_count(flow_max) + 2) * sizeof(struct flow_bucket);
}

int flow_index_init(struct flow_index *index, struct arena *arena, uint32_t flow_max)
{
    uint32_t count = bucket_count(flow_max);
    index->mask = count - 1;
    index->buckets = arena_take_array(arena, struct flow_bucket, count);
    if (!index->buckets)
        return -ENOMEM;
    return pool_init(&index->overflow, arena, sizeof(struct flow_bucket), overflow_count(flow_max));
}

static bool bucket_add(struct flow_bucket *bucket, uint16_t tag, uint32_t flow)
{
    for (uint32_t slot = 0; slot < FLOW_BUCKET_SLOTS; slot++) {
        if (bucket->tags[slot])
            continue;
        bucket->tags[slot] = tag;
        bucket->flows[slot] = flow;
        return true;
    }
    return false;
}

bool flow_index_add(struct flow_index *index, uint64_t hash, uint32_t flow)
{
    struct flow_bucket *bucket = flow_index_bucket(index, hash);
    for (uint32_t length = 1; !bucket_add(bucket, flow_index_tag(hash), flow); length++) {
        if (length == FLOW_CHAIN_MAX)
            return false;
        if (!bucket->next) {
            bucket->next = pool_take(&index->overflow);
            if (!bucket->next)
                return false;
            *bucket->next = (struct flow_bucket){0};
        }
        bucket = bucket->next;
    }
    return true;
}

static bool bucket_remove(struct flow_bucket *bucket, uint32_t flow)
{
    for (uint32_t slot = 0; slot < FLOW_BUCKET_SLOTS; slot++) {
        if (bucket->tags[slot] && bucket->flows[slot] == flow) {
            bucket->tags[slot] = 0;
            return true;
        }
    }
    return false;
}

static bool bucket_empty(const struct flow_bucket *bucket)
{
    for (uint32_t slot = 0; slot < FLOW_BUCKET_SLOTS; slot++)
        if (bucket->tags[slot])
            return false;
    return true;
}

void flow_index_remove(struct flow_index *index, uint32_t hash, uint32_t flow)
{
    struct flow_bucket *previous = NULL;
    struct flow_bucket *bucket = flow_index_bucket(index, hash);
    while (bucket && !bucket_remove(bucket, flow)) {
        previous = bucket;
        bucket = bucket->next;
    }
    require(bucket != NULL);
    if (previous && bucket_empty(bucket)) {
        previous->next = bucket->next;
        pool_give(&index->overflow, bucket);
    }
}
