/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fragment table: a bit for each eight bytes says which have come. That is exact for overlaps of any shape, costs the
 * same for two fragments as for eight thousand, and needs no list that an attacker could make long.
 */

#include "net/fragment.h"

#include <errno.h>

#include "net/decode.h"

#define NONE UINT32_MAX

/*
 * Datagrams delivered in a burst stay until the next one. A frame completes one datagram, rarely two (a fragmented
 * tunnel carrying a fragment); with all spare slots taken the fragment is refused and counted.
 */
#define SPARE_SLOTS PACKET_BURST_MAX

struct net_fragment_slot {
    struct net_fragment_key key;
    uint32_t chain; /* next in the bucket, or in the free or delivered list */
    uint32_t older, newer;
    uint32_t bucket;
    uint32_t total;          /* payload bytes, known from the last fragment; 0: not yet */
    uint32_t high;           /* end of the farthest byte seen */
    uint32_t unit_count;     /* units present */
    uint32_t packets, bytes; /* weight */
    uint8_t protocol;
    uint8_t flags;
    bool conflict;
    uint64_t first_ns;
    uint64_t present[FRAGMENT_WORDS];
    uint8_t data[FRAGMENT_DATAGRAM_MAX + 1];
};

static uint32_t bucket_count(uint32_t datagrams)
{
    uint32_t count = 16;
    while (count < datagrams * 2 && count < 1u << 30)
        count *= 2;
    return count;
}

static void push_free(struct net_fragment_table *table, uint32_t index)
{
    table->slots[index].chain = table->free_first;
    table->free_first = index;
}

/* Warm slots first; one never used before costs pages of memory. */
static uint32_t take_free(struct net_fragment_table *table)
{
    uint32_t index = table->free_first;
    if (index != NONE)
        table->free_first = table->slots[index].chain;
    else if (table->fresh_next < table->slot_count)
        index = table->fresh_next++;
    return index;
}

static void unlink_chain(struct net_fragment_table *table, uint32_t index)
{
    uint32_t *link = &table->buckets[table->slots[index].bucket];
    for (uint32_t i = 0; i < table->slot_count && *link != index; i++)
        link = &table->slots[*link].chain;
    *link = table->slots[index].chain;
}

/* Takes a held slot out of the bucket and the age list; its weight is the caller's now. */
static void let_go(struct net_fragment_table *table, uint32_t index)
{
    struct net_fragment_slot *slot = &table->slots[index];
    unlink_chain(table, index);
    if (slot->older != NONE)
        table->slots[slot->older].newer = slot->newer;
    else
        table->oldest = slot->newer;
    if (slot->newer != NONE)
        table->slots[slot->newer].older = slot->older;
    else
        table->newest = slot->older;
    table->held_count--;
    table->bytes_held -= slot->bytes;
}

static void give_up(struct net_fragment_table *table, struct ledger *ledger, uint32_t index, enum net_counter counter)
{
    struct net_fragment_slot *slot = &table->slots[index];
    let_go(table, index);
    ledger_settle(ledger, LEDGER_FRAGMENT, slot->packets, slot->bytes);
    ledger_raise(&table->counters[counter], 1);
    push_free(table, index);
}

static bool is_expired(const struct net_fragment_table *table, const struct net_fragment_slot *slot, uint64_t now_ns)
{
    return now_ns > slot->first_ns && now_ns - slot->first_ns > table->timeout_ns;
}

static uint32_t find(const struct net_fragment_table *table, const struct net_fragment_key *key, uint32_t bucket)
{
    uint32_t index = table->buckets[bucket];
    for (uint32_t i = 0; i < table->slot_count && index != NONE; i++) {
        if (memcmp(&table->slots[index].key, key, sizeof(*key)) == 0)
            return index;
        index = table->slots[index].chain;
    }
    return NONE;
}

static uint32_t make(struct net_fragment_table *table, const struct net_fragment *fragment, uint32_t bucket)
{
    uint32_t index = take_free(table);
    if (index == NONE)
        return NONE;
    struct net_fragment_slot *slot = &table->slots[index];
    memset(slot, 0, offsetof(struct net_fragment_slot, data));
    slot->key = fragment->key;
    slot->protocol = fragment->protocol;
    slot->first_ns = fragment->time_ns;
    slot->bucket = bucket;
    slot->chain = table->buckets[bucket];
    table->buckets[bucket] = index;
    slot->older = table->newest;
    slot->newer = NONE;
    if (table->newest != NONE)
        table->slots[table->newest].newer = index;
    else
        table->oldest = index;
    table->newest = index;
    table->held_count++;
    return index;
}

/* Returns whether the fragment contradicts the bytes that came before. */
static bool copy_units(struct net_fragment_slot *slot, const struct net_fragment *fragment)
{
    bool conflict = false;
    for (uint32_t done = 0; done < fragment->size; done += FRAGMENT_UNIT) {
        uint32_t unit = (fragment->offset + done) / FRAGMENT_UNIT;
        uint32_t size = min_u32(FRAGMENT_UNIT, fragment->size - done);
        uint8_t *to = slot->data + fragment->offset + done;
        uint64_t bit = UINT64_C(1) << (unit % 64);
        if (slot->present[unit / 64] & bit) {
            conflict |= memcmp(to, fragment->data + done, size) != 0;
            continue;
        }
        memcpy(to, fragment->data + done, size);
        slot->present[unit / 64] |= bit;
        slot->unit_count++;
    }
    return conflict;
}

/* The last fragment says where the datagram ends; the first one to say so is believed. */
static bool note_end(struct net_fragment_slot *slot, const struct net_fragment *fragment)
{
    uint32_t end = fragment->offset + fragment->size;
    bool conflict = slot->total && end > slot->total;
    if (end > slot->high)
        slot->high = end;
    if (!fragment->more && !slot->total) {
        slot->total = end;
        conflict |= slot->high > end;
    } else if (!fragment->more) {
        conflict |= slot->total != end;
    }
    return conflict;
}

/* RFC 5722: a receiver drops an IPv6 datagram with overlaps other than repetitions; not all of them do. */
static bool overlaps_partly(const struct net_fragment_slot *slot, const struct net_fragment *fragment,
                            uint32_t units_new)
{
    uint32_t units = (fragment->size + FRAGMENT_UNIT - 1) / FRAGMENT_UNIT;
    return slot->key.version == 6 && units_new != 0 && units_new != units;
}

static void merge(struct net_fragment_table *table, struct net_fragment_slot *slot, const struct net_fragment *fragment)
{
    uint32_t before = slot->unit_count;
    bool conflict = note_end(slot, fragment);
    conflict |= copy_units(slot, fragment);
    conflict |= overlaps_partly(slot, fragment, slot->unit_count - before);
    if (conflict && !slot->conflict) {
        slot->conflict = true;
        ledger_raise(&table->counters[NET_COUNTER_FRAGMENT_CONFLICTS], 1);
    }
    if (fragment->offset == 0)
        slot->protocol = fragment->protocol;
    slot->flags |= fragment->flags;
    slot->packets += fragment->packets;
    slot->bytes += fragment->bytes;
    table->bytes_held += fragment->bytes;
    ledger_raise(&table->counters[NET_COUNTER_FRAGMENTS], 1);
}

static bool is_whole(const struct net_fragment_slot *slot)
{
    uint32_t units = (slot->total + FRAGMENT_UNIT - 1) / FRAGMENT_UNIT;
    if (slot->total == 0 || slot->unit_count < units)
        return false;
    uint32_t present = 0; /* the count may hold units behind the end when fragments contradict each other */
    for (uint32_t word = 0; word < units / 64; word++)
        present += (uint32_t)__builtin_popcountll(slot->present[word]);
    if (units % 64)
        present += (uint32_t)__builtin_popcountll(slot->present[units / 64] & ((UINT64_C(1) << (units % 64)) - 1));
    return present == units;
}

static void deliver(struct net_fragment_table *table, uint32_t index, struct net_fragment_whole *whole_out)
{
    struct net_fragment_slot *slot = &table->slots[index];
    let_go(table, index);
    slot->chain = table->delivered;
    table->delivered = index;
    ledger_raise(&table->counters[NET_COUNTER_REASSEMBLED], 1);
    *whole_out = (struct net_fragment_whole){
        .data = slot->data,
        .size = slot->total,
        .packets = slot->packets,
        .bytes = slot->bytes,
        .protocol = slot->protocol,
        .flags = (uint8_t)(slot->flags | NET_REASSEMBLED | (slot->conflict ? NET_AMBIGUOUS : 0)),
    };
}

static void make_room(struct net_fragment_table *table, struct ledger *ledger, uint32_t bytes, bool slot_needed)
{
    for (uint32_t i = 0; i < table->slot_count && table->oldest != NONE; i++) {
        bool enough_slots = !slot_needed || table->held_count < table->held_max;
        if (enough_slots && table->bytes_held <= table->bytes_max - bytes)
            return;
        give_up(table, ledger, table->oldest, NET_COUNTER_FRAGMENT_EVICTED);
    }
}

size_t net_fragment_table_size(uint32_t datagrams)
{
    size_t slots = (size_t)datagrams + SPARE_SLOTS;
    return slots * sizeof(struct net_fragment_slot) + bucket_count(datagrams) * sizeof(uint32_t) + 2 * CACHE_LINE;
}

int net_fragment_table_init(struct net_fragment_table *table, struct arena *arena, uint32_t datagrams,
                            uint32_t bytes_max, uint64_t timeout_ns)
{
    uint32_t slot_count = datagrams + SPARE_SLOTS;
    uint32_t buckets = bucket_count(datagrams);
    table->slots = arena_take(arena, (size_t)slot_count * sizeof(struct net_fragment_slot), CACHE_LINE);
    table->buckets = arena_take(arena, buckets * sizeof(uint32_t), CACHE_LINE);
    if (!table->slots || !table->buckets)
        return -ENOMEM;
    table->bucket_mask = buckets - 1;
    table->slot_count = slot_count;
    table->held_max = datagrams;
    table->bytes_max = bytes_max;
    table->timeout_ns = timeout_ns;
    table->free_first = table->oldest = table->newest = table->delivered = NONE;
    memset(table->buckets, 0xff, buckets * sizeof(uint32_t));
    return 0;
}

enum net_fragment_fate net_fragment_table_add(struct net_fragment_table *table, struct ledger *ledger,
                                              const struct net_fragment *fragment, struct net_fragment_whole *whole_out)
{
    if (fragment->size == 0 || fragment->offset + fragment->size > fragment->size_max ||
        (fragment->more && fragment->size % FRAGMENT_UNIT))
        return FRAGMENT_MALFORMED;
    if (fragment->bytes > table->bytes_max)
        return FRAGMENT_REFUSED;

    uint32_t bucket =
        (uint32_t)hash_bytes(&table->hash_key, &fragment->key, sizeof(fragment->key)) & table->bucket_mask;
    uint32_t index = find(table, &fragment->key, bucket);
    if (index != NONE && is_expired(table, &table->slots[index], fragment->time_ns)) {
        give_up(table, ledger, index, NET_COUNTER_FRAGMENT_EXPIRED);
        index = NONE;
    }
    make_room(table, ledger, fragment->bytes, index == NONE);
    index = find(table, &fragment->key, bucket); /* making room may have taken it */
    if (index == NONE)
        index = make(table, fragment, bucket);
    if (index == NONE)
        return FRAGMENT_REFUSED;
    merge(table, &table->slots[index], fragment);
    if (!is_whole(&table->slots[index]))
        return FRAGMENT_HELD;
    deliver(table, index, whole_out);
    return FRAGMENT_WHOLE;
}

void net_fragment_table_release(struct net_fragment_table *table)
{
    for (uint32_t i = 0; i < table->slot_count && table->delivered != NONE; i++) {
        uint32_t index = table->delivered;
        table->delivered = table->slots[index].chain;
        push_free(table, index);
    }
}

void net_fragment_table_expire(struct net_fragment_table *table, struct ledger *ledger, uint64_t now_ns)
{
    for (uint32_t i = 0; i < table->slot_count && table->oldest != NONE; i++) {
        if (now_ns != UINT64_MAX && !is_expired(table, &table->slots[table->oldest], now_ns))
            return;
        give_up(table, ledger, table->oldest, NET_COUNTER_FRAGMENT_EXPIRED);
    }
}
