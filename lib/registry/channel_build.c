/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Channel table, building: entries are gathered in the order of the documents, then hung on their names. Patterns of
 * one exchange are hung most literal first, so that the first that fits is the best.
 */

#include <errno.h>
#include <stdlib.h>

#include "registry/channel_inside.h"

struct channel_builder {
    struct hash_key hash_key;
    struct route_builder *paths;
    struct channel_path *path_list;
    struct channel_entry *entries;
    struct channel_broker *brokers;
    uint32_t path_count, path_capacity;
    uint32_t entry_count, entry_capacity;
    uint32_t broker_count;
};

struct channel_builder *channel_builder_new(void)
{
    struct channel_builder *builder = calloc(1, sizeof(*builder));
    if (!builder)
        return NULL;
    builder->paths = route_builder_new();
    builder->brokers = calloc(REGISTRY_BROKERS_MAX, sizeof(*builder->brokers));
    builder->entry_count = 1;
    builder->entries = calloc(64, sizeof(*builder->entries));
    builder->entry_capacity = 64;
    if (!builder->paths || !builder->brokers || !builder->entries || hash_key_init(&builder->hash_key)) {
        channel_builder_free(builder);
        return NULL;
    }
    return builder;
}

void channel_builder_free(struct channel_builder *builder)
{
    if (!builder)
        return;
    route_builder_free(builder->paths);
    free(builder->path_list);
    free(builder->entries);
    free(builder->brokers);
    free(builder);
}

static bool same_broker(const struct channel_broker *a, const struct channel_broker *b)
{
    return span_equal(a->host, b->host) && a->port == b->port && a->any_virtual_host == b->any_virtual_host &&
           span_equal(a->virtual_host, b->virtual_host);
}

static int find_broker(struct channel_builder *builder, const struct channel_broker *broker, uint32_t *index_out)
{
    uint32_t index = 0;
    while (index < builder->broker_count && !same_broker(&builder->brokers[index], broker))
        index++;
    if (index == REGISTRY_BROKERS_MAX)
        return CHANNEL_E_BROKERS;
    if (index == builder->broker_count)
        builder->brokers[builder->broker_count++] = *broker;
    *index_out = index;
    return 0;
}

static uint32_t literal_size(struct span shape)
{
    uint32_t size = 0;
    for (uint32_t i = 0; i < shape.size; i++)
        size += shape.data[i] >= CHANNEL_LITERAL_MIN;
    return size;
}

int channel_builder_add(struct channel_builder *builder, const struct channel_key *key, enum registry_action action,
                        uint32_t operation)
{
    uint32_t broker = 0;
    int status = find_broker(builder, &key->broker, &broker);
    if (status)
        return status;
    if (builder->entry_count == builder->entry_capacity) {
        uint32_t capacity = builder->entry_capacity * 2;
        struct channel_entry *entries = realloc(builder->entries, capacity * sizeof(*entries));
        if (!entries)
            return -ENOMEM;
        builder->entries = entries;
        builder->entry_capacity = capacity;
    }
    uint32_t literal = literal_size(key->pattern.shape);
    struct channel_entry *entry = &builder->entries[builder->entry_count++];
    *entry = (struct channel_entry){
        .exchange = {key->any_exchange ? NULL : key->exchange.data, key->any_exchange ? 0 : key->exchange.size},
        .pattern = key->pattern,
        .broker = broker,
        .literal_size = literal,
        .kind = (uint8_t)key->kind,
        .any_exchange = key->any_exchange,
        .literal = literal == key->pattern.shape.size,
    };
    for (uint32_t i = 0; i < REGISTRY_ACTION_COUNT; i++)
        entry->operations[i] = i == action ? operation : ROUTE_OPERATION_NONE;
    return 0;
}

static uint32_t add_path(struct channel_builder *builder)
{
    if (builder->path_count == builder->path_capacity) {
        uint32_t capacity = builder->path_capacity ? builder->path_capacity * 2 : 64;
        struct channel_path *list = realloc(builder->path_list, capacity * sizeof(*list));
        if (!list)
            return ROUTE_OPERATION_NONE;
        builder->path_list = list;
        builder->path_capacity = capacity;
    }
    for (uint32_t i = 0; i < REGISTRY_ACTION_COUNT; i++)
        builder->path_list[builder->path_count].operations[i] = ROUTE_OPERATION_NONE;
    return builder->path_count++;
}

int channel_builder_add_path(struct channel_builder *builder, const struct route_key *key, enum registry_action action,
                             uint32_t operation)
{
    uint32_t *there;
    int status = route_builder_place(builder->paths, key, &there);
    if (status)
        return status;
    if (there[REGISTRY_GET] == ROUTE_OPERATION_NONE)
        there[REGISTRY_GET] = add_path(builder);
    if (there[REGISTRY_GET] == ROUTE_OPERATION_NONE)
        return -ENOMEM;
    uint32_t *first = &builder->path_list[there[REGISTRY_GET]].operations[action];
    if (*first == ROUTE_OPERATION_NONE)
        *first = operation;
    return 0;
}

static bool same_place(const struct channel_entry *a, const struct channel_entry *b)
{
    return a->broker == b->broker && a->pattern.separator == b->pattern.separator &&
           span_equal(a->pattern.shape, b->pattern.shape);
}

/*
 * Hangs an entry into the chain of its name, or what it adds into the entry that stands at the same place. Returns the
 * length of the chain up to there.
 */
static uint32_t hang(struct channel_table *table, struct channel_entry *entries, uint32_t *slots, uint32_t number)
{
    struct channel_entry *entry = &entries[number];
    struct channel_name name = {entry->kind, entry->any_exchange, entry->literal, entry->exchange,
                                entry->literal ? entry->pattern.shape : (struct span){0}};
    uint32_t *link = &slots[channel_slot(table, &name)];
    uint32_t length = 1;
    while (*link && entries[*link].literal_size >= entry->literal_size) {
        struct channel_entry *there = &entries[*link];
        if (same_place(there, entry)) {
            for (uint32_t i = 0; i < REGISTRY_ACTION_COUNT; i++)
                if (there->operations[i] == ROUTE_OPERATION_NONE)
                    there->operations[i] = entry->operations[i];
            return length;
        }
        link = &there->next;
        length++;
    }
    entry->next = *link;
    *link = number;
    for (uint32_t rest = entry->next; rest; rest = entries[rest].next)
        length++;
    return length;
}

static void *copy(struct arena *arena, const void *from, size_t size)
{
    void *memory = arena_take(arena, size + 1, _Alignof(max_align_t));
    if (memory && size)
        memcpy(memory, from, size);
    return memory;
}

int channel_table_compile(const struct channel_builder *builder, struct arena *arena,
                          const struct channel_table **table_out)
{
    uint32_t slot_count = 16;
    while (slot_count < builder->entry_count * 2)
        slot_count *= 2;
    struct channel_table *table = arena_take_array(arena, struct channel_table, 1);
    struct channel_entry *entries = copy(arena, builder->entries, builder->entry_count * sizeof(*entries));
    struct channel_broker *brokers = copy(arena, builder->brokers, builder->broker_count * sizeof(*brokers));
    struct channel_path *paths = copy(arena, builder->path_list, builder->path_count * sizeof(*paths));
    uint32_t *slots = arena_take_array(arena, uint32_t, slot_count);
    if (!table || !entries || !brokers || !paths || !slots)
        return -ENOMEM;
    *table = (struct channel_table){
        .hash_key = builder->hash_key,
        .path_list = paths,
        .entries = entries,
        .brokers = brokers,
        .slots = slots,
        .slot_mask = slot_count - 1,
        .entry_count = builder->entry_count,
        .broker_count = builder->broker_count,
        .path_count = builder->path_count,
    };
    for (uint32_t i = 1; i < builder->entry_count; i++)
        if (hang(table, entries, slots, i) > REGISTRY_PATTERNS_MAX)
            return CHANNEL_E_PATTERNS;
    *table_out = table;
    int status = route_table_compile(builder->paths, arena, &table->paths);
    return status == ROUTE_E_STEPS ? CHANNEL_E_STEPS : status;
}
