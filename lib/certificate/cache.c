/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Certificate cache: buckets by the first bytes of the digest, which nobody can choose without choosing the rest; the
 * least lately used entry that no handshake holds makes room for a new one.
 */

#include "certificate/cache.h"

#include <errno.h>
#include <stddef.h>

#include "certificate/leaf.h"

#define NONE           UINT32_MAX
#define NS_PER_SECOND  UINT64_C(1000000000)
#define BUCKETS_MAX    (1u << 16)
#define EVICTIONS_MAX  8u /* entries in use that are passed over while looking for one to replace */
#define REFILL_SECONDS 8u /* a clock that jumps gives no more than this */

struct certificate_cache {
    struct certificate_entry *entries;
    uint32_t *buckets;
    uint32_t bucket_mask;
    uint32_t capacity, used;
    uint32_t newest, oldest;
    uint64_t reads_left, bytes_left; /* of the budget */
    uint64_t refilled_ns;
    struct certificate_cache_counts counts;
};

int certificate_cache_new(struct certificate_cache **cache_out, struct arena *arena, uint32_t entries)
{
    uint32_t buckets = 16;
    while (buckets < entries && buckets < BUCKETS_MAX)
        buckets *= 2;
    struct certificate_cache *cache = arena_take_array(arena, struct certificate_cache, 1);
    if (!cache)
        return -ENOMEM;
    cache->entries = arena_take_array(arena, struct certificate_entry, entries);
    cache->buckets = arena_take_array(arena, uint32_t, buckets);
    if (!cache->entries || !cache->buckets)
        return -ENOMEM;
    for (uint32_t i = 0; i < buckets; i++)
        cache->buckets[i] = NONE;
    cache->bucket_mask = buckets - 1;
    cache->capacity = entries;
    cache->newest = cache->oldest = NONE;
    cache->reads_left = CERTIFICATE_READS_BURST;
    cache->bytes_left = CERTIFICATE_BYTES_BURST;
    *cache_out = cache;
    return 0;
}

void certificate_cache_deinit(struct certificate_cache *cache)
{
    for (uint32_t i = 0; cache && i < cache->used; i++)
        certificate_issuer_free(cache->entries[i].issuer);
}

/* --------------------------------------------------------------------------- order */

static void order_remove(struct certificate_cache *cache, uint32_t index)
{
    struct certificate_entry *entry = &cache->entries[index];
    if (entry->newer == NONE)
        cache->newest = entry->older;
    else
        cache->entries[entry->newer].older = entry->older;
    if (entry->older == NONE)
        cache->oldest = entry->newer;
    else
        cache->entries[entry->older].newer = entry->newer;
}

static void order_add(struct certificate_cache *cache, uint32_t index)
{
    struct certificate_entry *entry = &cache->entries[index];
    entry->newer = NONE;
    entry->older = cache->newest;
    if (cache->newest == NONE)
        cache->oldest = index;
    else
        cache->entries[cache->newest].newer = index;
    cache->newest = index;
}

static uint32_t *bucket_of(struct certificate_cache *cache, const uint8_t digest[CERTIFICATE_DIGEST_SIZE])
{
    uint32_t hash;
    memcpy(&hash, digest, sizeof(hash));
    return &cache->buckets[hash & cache->bucket_mask];
}

static void bucket_remove(struct certificate_cache *cache, uint32_t index)
{
    uint32_t *at = bucket_of(cache, cache->entries[index].chain_digest);
    while (*at != index)
        at = &cache->entries[*at].next;
    *at = cache->entries[index].next;
}

/* A free entry, or the oldest that is not in use; NONE. */
static uint32_t entry_take(struct certificate_cache *cache)
{
    if (cache->used < cache->capacity)
        return cache->used++;
    uint32_t index = cache->oldest;
    for (uint32_t i = 0; i < EVICTIONS_MAX && index != NONE; i++) {
        if (cache->entries[index].users == 0) {
            bucket_remove(cache, index);
            order_remove(cache, index);
            certificate_issuer_free(cache->entries[index].issuer);
            return index;
        }
        index = cache->entries[index].newer;
    }
    return NONE;
}

/* -------------------------------------------------------------------------- budget */

static void budget_refill(struct certificate_cache *cache, uint64_t time_ns)
{
    if (cache->refilled_ns == 0 || time_ns < cache->refilled_ns)
        cache->refilled_ns = time_ns;
    uint64_t seconds = (time_ns - cache->refilled_ns) / NS_PER_SECOND;
    if (seconds == 0)
        return;
    cache->refilled_ns += seconds * NS_PER_SECOND;
    seconds = min_u64(seconds, REFILL_SECONDS);
    cache->reads_left = min_u64(cache->reads_left + seconds * CERTIFICATE_READS_PER_SECOND, CERTIFICATE_READS_BURST);
    cache->bytes_left = min_u64(cache->bytes_left + seconds * CERTIFICATE_BYTES_PER_SECOND, CERTIFICATE_BYTES_BURST);
}

static bool budget_take(struct certificate_cache *cache, uint64_t bytes, uint64_t time_ns)
{
    budget_refill(cache, time_ns);
    if (cache->reads_left == 0 || cache->bytes_left < bytes)
        return false;
    cache->reads_left--;
    cache->bytes_left -= bytes;
    return true;
}

/* -------------------------------------------------------------------------- public */

static struct certificate_entry *entry_find(struct certificate_cache *cache, struct certificate_cache_key key,
                                            const uint8_t digest[CERTIFICATE_DIGEST_SIZE])
{
    /* Chains share a bucket by chance only, and by being known under several epochs and zones. */
    for (uint32_t at = *bucket_of(cache, digest); at != NONE; at = cache->entries[at].next) {
        struct certificate_entry *entry = &cache->entries[at];
        if (entry->key.epoch == key.epoch && entry->key.zone == key.zone &&
            memcmp(entry->chain_digest, digest, CERTIFICATE_DIGEST_SIZE) == 0)
            return entry;
    }
    return NULL;
}

static struct certificate_entry *entry_new(struct certificate_cache *cache,
                                           const uint8_t digest[CERTIFICATE_DIGEST_SIZE],
                                           struct certificate_cache_key key)
{
    uint32_t index = entry_take(cache);
    if (index == NONE) {
        cache->counts.full++;
        return NULL;
    }
    struct certificate_entry *entry = &cache->entries[index];
    memset(entry->folds, 0, sizeof(entry->folds));
    memcpy(entry->chain_digest, digest, CERTIFICATE_DIGEST_SIZE);
    entry->key = key;
    entry->users = 0;
    entry->issuer = NULL;
    entry->staple = (struct certificate_staple){0};
    entry->count = entry->first_ns = entry->told_ns = entry->told_count = 0;
    uint32_t *bucket = bucket_of(cache, digest);
    entry->next = *bucket;
    *bucket = index;
    order_add(cache, index);
    return entry;
}

struct certificate_entry *certificate_cache_take(struct certificate_cache *cache,
                                                 const struct certificate_trust_store *store,
                                                 struct certificate_cache_key key,
                                                 const struct certificate_chain *chain, uint64_t time_ns)
{
    uint8_t digest[CERTIFICATE_DIGEST_SIZE];
    certificate_chain_digest(chain, digest);
    cache->counts.lookups++;
    struct certificate_entry *entry = entry_find(cache, key, digest);
    if (!entry) {
        uint64_t bytes = 0;
        for (uint32_t i = 0; i < chain->count; i++)
            bytes += chain->certificates[i].size;
        if (!budget_take(cache, bytes, time_ns)) {
            cache->counts.refused++;
            return NULL;
        }
        entry = entry_new(cache, digest, key);
        if (!entry)
            return NULL;
        cache->counts.reads++;
        entry->readable = certificate_read(store, key.zone, chain, &entry->certificate, &entry->issuer);
        cache->counts.malformed += !entry->readable;
        entry->first_ns = time_ns;
    } else {
        uint32_t index = (uint32_t)(entry - cache->entries);
        order_remove(cache, index);
        order_add(cache, index);
    }
    entry->count++;
    entry->last_ns = time_ns;
    entry->users++;
    return entry;
}

void certificate_cache_staple(struct certificate_cache *cache, const struct certificate_trust_store *store,
                              struct certificate_entry *entry, struct span response, uint64_t time_ns,
                              struct certificate_staple *staple_out)
{
    uint8_t digest[CERTIFICATE_DIGEST_SIZE];
    certificate_digest(response, digest);
    bool known = entry->staple.state != CERTIFICATE_STAPLE_ABSENT &&
                 memcmp(entry->staple_digest, digest, CERTIFICATE_DIGEST_SIZE) == 0;
    if (!known && !budget_take(cache, response.size, time_ns)) {
        cache->counts.refused++;
        *staple_out = (struct certificate_staple){.state = CERTIFICATE_STAPLE_UNVERIFIED,
                                                  .fault = "too many to read in this second"};
        return;
    }
    if (!known) {
        cache->counts.staples++;
        certificate_staple_read(store, entry->key.zone, &entry->certificate, entry->issuer, response, &entry->staple);
        memcpy(entry->staple_digest, digest, CERTIFICATE_DIGEST_SIZE);
    }
    *staple_out = entry->staple;
}

void certificate_cache_give(struct certificate_entry *entry)
{
    entry->users--;
}

bool certificate_entry_fold(struct certificate_entry *entry, uint64_t digest)
{
    uint64_t wanted = digest ? digest : 1;
    for (uint32_t i = 0; i < CERTIFICATE_FOLDS; i++) {
        if (entry->folds[i] == wanted)
            return false;
        if (entry->folds[i] == 0) {
            entry->folds[i] = wanted;
            return true;
        }
    }
    return true;
}

struct certificate_entry *certificate_cache_at(struct certificate_cache *cache, uint32_t index)
{
    return index < cache->used ? &cache->entries[index] : NULL;
}

const struct certificate_cache_counts *certificate_cache_counts(const struct certificate_cache *cache)
{
    return &cache->counts;
}
