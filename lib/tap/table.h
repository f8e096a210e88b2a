/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Connection table (private to tap)
 *
 * Sets of eight: a connection has its place in one of them, and when all eight are taken the one that was not heard for
 * the longest time is judged and gives way; first those of which a single packet was seen, so that a scan does not
 * push the living ones out.
 *
 * Memory:  arena, 200 bytes a connection.
 * Limits:  a look-up touches one cache line of the set and those of the connection.
 */

#include "tap/connection.h"

#define TAP_WAYS 8u

struct tap_set {
    uint32_t marks[TAP_WAYS]; /* of the hash; 0: free */
    uint32_t heard[TAP_WAYS]; /* number of the last packet, modulo 2^32 */
} CACHE_ALIGNED;

static_assert(sizeof(struct tap_set) == CACHE_LINE, "one line");

struct tap_table {
    struct tap_set *sets;
    struct tap_connection *connections;
    uint32_t set_mask;
    uint32_t clock; /* packets so far, modulo 2^32 */
};

size_t tap_table_size(uint32_t connections);
MUST_USE int tap_table_init(struct tap_table *table, struct arena *arena, uint32_t connections);

static inline const struct tap_set *tap_table_set(const struct tap_table *table, uint64_t hash)
{
    return &table->sets[hash & table->set_mask];
}

/* The connection of that hash, or NULL. It is the last one heard from here on. */
struct tap_connection *tap_table_find(struct tap_table *table, uint64_t hash);

/*
 * A place for that hash, which must not be in the table. When *taken_out is true the place holds another connection,
 * which goes.
 */
struct tap_connection *tap_table_make(struct tap_table *table, uint64_t hash, bool *taken_out);

/* Connection number `index` of tap_table_count(), or NULL where the place is free. */
const struct tap_connection *tap_table_at(const struct tap_table *table, uint32_t index);
uint32_t tap_table_count(const struct tap_table *table);

void tap_table_clear(struct tap_table *table);
