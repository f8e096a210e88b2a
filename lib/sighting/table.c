/* SPDX-License-Identifier: Apache-2.0 */

/* Table of what was sighted: keys are keyed hashes already, so their bits say where to look. */

#include "sighting/table.h"

#include <string.h>

#define WAYS 8u /* with half of the places in use, one bucket in a thousand is full */

bool sighting_table_init(struct sighting_table *table, struct arena *arena, uint32_t entries, size_t entry_size)
{
    require(entries >= WAYS && (entries & (entries - 1)) == 0 && entry_size % sizeof(uint64_t) == 0);
    *table = (struct sighting_table){.entry_size = entry_size, .buckets = entries / WAYS};
    table->entries = arena_take(arena, entries * entry_size, CACHE_LINE);
    return table->entries != NULL;
}

size_t sighting_table_size(uint32_t entries, size_t entry_size)
{
    return entries * entry_size + CACHE_LINE;
}

static struct sighting_entry *place(const struct sighting_table *table, const uint64_t key[2], uint32_t way)
{
    /* Not every key is a hash (an address is none): the high bits of a product are spread (Knuth). */
    uint64_t mixed = (key[0] ^ key[1]) * UINT64_C(0x9e3779b97f4a7c15);
    size_t index = (size_t)((mixed >> 32) & (table->buckets - 1)) * WAYS + way;
    return (struct sighting_entry *)(void *)(table->entries + index * table->entry_size);
}

void *sighting_table_find(struct sighting_table *table, const uint64_t key[2], uint64_t now_ns)
{
    for (uint32_t way = 0; way < WAYS; way++) {
        struct sighting_entry *entry = place(table, key, way);
        if (memcmp(entry->key, key, sizeof(entry->key)) == 0)
            return entry->expires_ns >= now_ns ? entry : NULL;
    }
    return NULL;
}

/* The entry of that key, else a free one, else the one that is wanted least long. */
static struct sighting_entry *choose(struct sighting_table *table, const uint64_t key[2])
{
    struct sighting_entry *best = place(table, key, 0);
    for (uint32_t way = 0; way < WAYS; way++) {
        struct sighting_entry *entry = place(table, key, way);
        if (memcmp(entry->key, key, sizeof(entry->key)) == 0)
            return entry;
        if (entry->expires_ns < best->expires_ns)
            best = entry;
    }
    return best;
}

void *sighting_table_take(struct sighting_table *table, const uint64_t key[2], uint64_t now_ns, uint64_t expires_ns)
{
    struct sighting_entry *entry = choose(table, key);
    bool known = memcmp(entry->key, key, sizeof(entry->key)) == 0;
    if (!known || entry->expires_ns < now_ns) {
        table->held += entry->expires_ns == 0;
        table->forgotten += !known && entry->expires_ns >= now_ns;
        memset(entry, 0, table->entry_size);
        memcpy(entry->key, key, sizeof(entry->key));
    }
    if (entry->expires_ns < expires_ns)
        entry->expires_ns = expires_ns;
    return entry;
}
