/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside of the channel table: shared by the file that builds it and the one that searches it, by nobody else.
 */

#include "base/hash.h"
#include "registry/channel_table.h"

#define CHANNEL_ENTRY_NONE 0u /* entry 0 is never used */

struct channel_entry {
    struct span exchange;
    struct channel_pattern pattern;
    uint32_t operations[REGISTRY_ACTION_COUNT];
    uint32_t broker;
    uint32_t literal_size; /* bytes of the pattern that are no marks */
    uint32_t next;         /* entry of the same name (literal) or of the same exchange (pattern) */
    uint8_t kind;          /* enum channel_kind */
    bool any_exchange;
    bool literal;
};

/* Operations of one WebSocket path. */
struct channel_path {
    uint32_t operations[REGISTRY_ACTION_COUNT];
};

/* What a hash stands for: a literal name, or (text empty, literal false) the patterns of an exchange. */
struct channel_name {
    uint8_t kind;
    bool any_exchange;
    bool literal;
    struct span exchange, text;
};

struct channel_table {
    struct hash_key hash_key;
    const struct route_table *paths;
    const struct channel_path *path_list;
    const struct channel_entry *entries;
    const struct channel_broker *brokers;
    const uint32_t *slots; /* entry that begins a chain */
    uint32_t slot_mask;
    uint32_t entry_count, broker_count, path_count;
};

/* The slot that holds the name, or the free one where it belongs. */
uint32_t channel_slot(const struct channel_table *table, const struct channel_name *name);
