/* SPDX-License-Identifier: Apache-2.0 */

/* Connection table: see the header. Age is told by packets, not by time, since the clock is one of the suspects. */

#include "tap/table.h"

#include <errno.h>

static uint32_t set_count(uint32_t connections)
{
    uint32_t sets = 1;
    while (sets * TAP_WAYS < connections)
        sets *= 2;
    return sets;
}

size_t tap_table_size(uint32_t connections)
{
    size_t sets = set_count(connections);
    return sets * (sizeof(struct tap_set) + TAP_WAYS * sizeof(struct tap_connection)) + 2 * CACHE_LINE;
}

int tap_table_init(struct tap_table *table, struct arena *arena, uint32_t connections)
{
    uint32_t sets = set_count(connections);
    *table = (struct tap_table){.set_mask = sets - 1};
    table->sets = arena_take_array(arena, struct tap_set, sets);
    table->connections = arena_take_array(arena, struct tap_connection, (size_t)sets * TAP_WAYS);
    return table->sets && table->connections ? 0 : -ENOMEM;
}

static uint32_t mark_of(uint64_t hash)
{
    return (uint32_t)(hash >> 32) | 1;
}

static struct tap_connection *connection_at(const struct tap_table *table, const struct tap_set *set, uint32_t way)
{
    return &table->connections[(size_t)(set - table->sets) * TAP_WAYS + way];
}

struct tap_connection *tap_table_find(struct tap_table *table, uint64_t hash)
{
    struct tap_set *set = &table->sets[hash & table->set_mask];
    uint32_t mark = mark_of(hash);
    table->clock++;
    for (uint32_t way = 0; way < TAP_WAYS; way++) {
        if (set->marks[way] != mark || connection_at(table, set, way)->hash != hash)
            continue;
        set->heard[way] = table->clock;
        return connection_at(table, set, way);
    }
    return NULL;
}

static bool single(const struct tap_connection *connection)
{
    return (uint32_t)connection->sides[0].packets + connection->sides[1].packets <= 1;
}

/* The place to give: a free one, else the longest silent of single packets, else the longest silent. */
static uint32_t choose(const struct tap_table *table, const struct tap_set *set)
{
    uint32_t best = 0, best_age = 0;
    bool best_single = false;
    for (uint32_t way = 0; way < TAP_WAYS; way++) {
        if (set->marks[way] == 0)
            return way;
        uint32_t age = table->clock - set->heard[way];
        bool is_single = single(connection_at(table, set, way));
        if (is_single < best_single || (is_single == best_single && age < best_age))
            continue;
        best = way;
        best_age = age;
        best_single = is_single;
    }
    return best;
}

struct tap_connection *tap_table_make(struct tap_table *table, uint64_t hash, bool *taken_out)
{
    struct tap_set *set = &table->sets[hash & table->set_mask];
    uint32_t way = choose(table, set);
    *taken_out = set->marks[way] != 0;
    set->marks[way] = mark_of(hash);
    set->heard[way] = table->clock;
    return connection_at(table, set, way);
}

uint32_t tap_table_count(const struct tap_table *table)
{
    return (table->set_mask + 1) * TAP_WAYS;
}

const struct tap_connection *tap_table_at(const struct tap_table *table, uint32_t index)
{
    return table->sets[index / TAP_WAYS].marks[index % TAP_WAYS] ? &table->connections[index] : NULL;
}

void tap_table_clear(struct tap_table *table)
{
    memset(table->sets, 0, ((size_t)table->set_mask + 1) * sizeof(*table->sets));
}
