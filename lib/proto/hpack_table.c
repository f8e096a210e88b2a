/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Dynamic table: a ring of entries, and their bytes in one row. New bytes go to the end of the row; when its memory
 * ends, those that still count are moved to the front. The slack makes that rare: at most four bytes are moved for each
 * one inserted.
 */

#include "proto/hpack_table.h"

static_assert((HPACK_SMALL_SIZE / HPACK_ENTRY_EXTRA & (HPACK_SMALL_SIZE / HPACK_ENTRY_EXTRA - 1)) == 0, "a ring");
static_assert((HPACK_LARGE_SIZE / HPACK_ENTRY_EXTRA & (HPACK_LARGE_SIZE / HPACK_ENTRY_EXTRA - 1)) == 0, "a ring");
static_assert(HPACK_DECODED_MAX <= UINT16_MAX, "sizes of names and values fit 16 bits");

static uint32_t entry_bytes(const struct hpack_entry *entry)
{
    return (uint32_t)entry->name_size + entry->value_size;
}

static struct hpack_entry *entry_at(const struct hpack *decoder, uint32_t number)
{
    return &decoder->entries[number & (decoder->entries_max - 1)];
}

/* What this memory holds, counted as the encoder counts. */
static uint32_t capacity(const struct hpack *decoder)
{
    return decoder->entries_max * HPACK_ENTRY_EXTRA;
}

void hpack_table_clear(struct hpack *decoder)
{
    decoder->count = 0;
    decoder->size = 0;
    decoder->begin = decoder->end;
    decoder->base = decoder->end;
}

static void evict_oldest(struct hpack *decoder)
{
    const struct hpack_entry *oldest = entry_at(decoder, decoder->newest - decoder->count);
    decoder->size -= entry_bytes(oldest) + HPACK_ENTRY_EXTRA;
    decoder->begin += entry_bytes(oldest);
    decoder->count--;
    if (decoder->count == 0)
        hpack_table_clear(decoder);
}

/* Makes the entries that are here count no more than `size_max`. */
static void evict_to(struct hpack *decoder, uint32_t size_max)
{
    while (decoder->size > size_max)
        evict_oldest(decoder);
}

const struct hpack_entry *hpack_table_find(const struct hpack *decoder, uint32_t index)
{
    return index < decoder->count ? entry_at(decoder, decoder->newest - 1 - index) : NULL;
}

struct span hpack_table_name(const struct hpack *decoder, const struct hpack_entry *entry)
{
    return span_of(decoder->bytes + (entry->position - decoder->base), entry->name_size);
}

struct span hpack_table_value(const struct hpack *decoder, const struct hpack_entry *entry)
{
    return span_of(decoder->bytes + (entry->position - decoder->base) + entry->name_size, entry->value_size);
}

static void bytes_append(struct hpack *decoder, struct span text)
{
    if (text.size == 0)
        return;
    memcpy(decoder->bytes + (decoder->end - decoder->base), text.data, text.size);
    decoder->end += text.size;
}

void hpack_table_insert(struct hpack *decoder, struct span name, struct span value, uint8_t known)
{
    struct span kept_name = known & HPACK_KNOWN_NAME ? name : (struct span){0};
    struct span kept_value = known & HPACK_KNOWN_VALUE ? value : (struct span){0};
    uint32_t bytes = kept_name.size + kept_value.size, size = bytes + HPACK_ENTRY_EXTRA;
    uint32_t size_max = decoder->size_known ? decoder->size_max : capacity(decoder);
    if (size_max > capacity(decoder)) {
        size_max = capacity(decoder);
        /* The encoder may keep what is evicted here. */
        if (decoder->size + size > size_max)
            decoder->exact = false;
    }
    if (size > size_max) {
        hpack_table_clear(decoder);
        return;
    }
    evict_to(decoder, size_max - size);
    if (decoder->end - decoder->base + bytes > decoder->bytes_max) {
        memmove(decoder->bytes, decoder->bytes + (decoder->begin - decoder->base), decoder->end - decoder->begin);
        decoder->base = decoder->begin;
    }
    require(decoder->end - decoder->base + bytes <= decoder->bytes_max && decoder->count < decoder->entries_max);
    *entry_at(decoder, decoder->newest) = (struct hpack_entry){
        .position = decoder->end,
        .name_size = (uint16_t)kept_name.size,
        .value_size = (uint16_t)kept_value.size,
        .known = known,
    };
    bytes_append(decoder, kept_name);
    bytes_append(decoder, kept_value);
    decoder->newest++;
    decoder->count++;
    decoder->size += size;
}

/* Moves to a large table, when there is one. */
static void grow(struct hpack *decoder)
{
    if (decoder->large || !decoder->memory->large)
        return;
    struct hpack_large *large = pool_take(decoder->memory->large);
    if (!large)
        return;
    uint32_t mask = (uint32_t)ARRAY_COUNT(large->entries) - 1;
    for (uint32_t i = 0; i < decoder->count; i++) {
        uint32_t number = decoder->newest - decoder->count + i;
        large->entries[number & mask] = *entry_at(decoder, number);
    }
    memcpy(large->bytes, decoder->bytes + (decoder->begin - decoder->base), decoder->end - decoder->begin);
    decoder->base = decoder->begin;
    decoder->large = large;
    decoder->entries = large->entries;
    decoder->entries_max = (uint32_t)ARRAY_COUNT(large->entries);
    decoder->bytes = large->bytes;
    decoder->bytes_max = sizeof(large->bytes);
}

void hpack_table_resize(struct hpack *decoder, uint32_t size_max)
{
    decoder->size_max = size_max;
    decoder->size_known = true;
    if (size_max > capacity(decoder))
        grow(decoder);
    evict_to(decoder, min_u32(size_max, capacity(decoder)));
    /* An empty table holds nothing unknown either. */
    if (size_max < HPACK_ENTRY_EXTRA)
        decoder->exact = true;
}
