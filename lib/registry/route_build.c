/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Route table, gathering: the tree while it grows, as nodes linked by numbers, children found through one hash table.
 *
 * Nodes are numbered in the order they are made, so a child's number is always above its parent's; the compiler relies
 * on that to work without recursion.
 */

#include "registry/route_build.h"

#include <errno.h>
#include <stdlib.h>

static int grow(void **array, uint32_t *capacity, uint32_t count, size_t size)
{
    if (count < *capacity)
        return 0;
    uint32_t larger = *capacity ? *capacity * 2 : 64;
    void *memory = realloc(*array, larger * size);
    if (!memory)
        return -ENOMEM;
    *array = memory;
    *capacity = larger;
    return 0;
}

static uint32_t slot_of(const struct route_builder *builder, uint32_t parent, struct span label)
{
    struct hash_key key = {builder->hash_key.k0 ^ parent, builder->hash_key.k1};
    return (uint32_t)hash_bytes(&key, label.data, label.size) & (builder->slot_count - 1);
}

static uint32_t find_slot(const struct route_builder *builder, uint32_t parent, struct span label)
{
    uint32_t slot = slot_of(builder, parent, label);
    while (builder->slots[slot]) {
        const struct build_node *node = &builder->nodes[builder->slots[slot]];
        if (node->parent == parent && span_equal(node->label, label))
            break;
        slot = (slot + 1) & (builder->slot_count - 1);
    }
    return slot;
}

static int grow_slots(struct route_builder *builder)
{
    if (builder->node_count * 2 < builder->slot_count)
        return 0;
    uint32_t *slots = calloc((size_t)builder->slot_count * 2, sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    free(builder->slots);
    builder->slots = slots;
    builder->slot_count *= 2;
    for (uint32_t i = 1; i < builder->node_count; i++)
        if (builder->nodes[i].parent)
            slots[find_slot(builder, builder->nodes[i].parent, builder->nodes[i].label)] = i;
    return 0;
}

static int add_node(struct route_builder *builder, uint32_t parent, struct span label, uint32_t *node_out)
{
    int status = grow((void **)&builder->nodes, &builder->node_capacity, builder->node_count, sizeof(*builder->nodes));
    if (status)
        return status;
    uint32_t number = builder->node_count++;
    builder->nodes[number] = (struct build_node){.parent = parent, .label = label};
    *node_out = number;
    if (!parent)
        return 0;
    struct build_node *above = &builder->nodes[parent];
    if (above->last_child)
        builder->nodes[above->last_child].next = number;
    else
        above->first_child = number;
    above->last_child = number;
    builder->slots[find_slot(builder, parent, label)] = number;
    return grow_slots(builder);
}

static int walk(struct route_builder *builder, uint32_t *node, const struct span *labels, uint32_t count)
{
    int status = 0;
    for (uint32_t i = 0; i < count && !status; i++) {
        uint32_t child = builder->slots[find_slot(builder, *node, labels[i])];
        if (!child)
            status = add_node(builder, *node, labels[i], &child);
        *node = child;
    }
    return status;
}

static int path_root(struct route_builder *builder, uint32_t host, uint32_t port, uint32_t *root_out)
{
    uint32_t number = builder->nodes[host].first_port;
    uint32_t last = 0;
    for (; number; last = number, number = builder->ports[number].next) {
        if (builder->ports[number].port == port) {
            *root_out = builder->ports[number].root;
            return 0;
        }
    }
    int status = grow((void **)&builder->ports, &builder->port_capacity, builder->port_count, sizeof(*builder->ports));
    if (!status)
        status = add_node(builder, 0, (struct span){0}, root_out);
    if (status)
        return status;
    number = builder->port_count++;
    builder->ports[number] = (struct build_port){.port = port, .root = *root_out};
    if (last)
        builder->ports[last].next = number;
    else
        builder->nodes[host].first_port = number;
    return 0;
}

static int leaf_of(struct route_builder *builder, uint32_t node, bool trailing_slash, uint32_t **operations_out)
{
    uint32_t leaf = builder->nodes[node].leaf[trailing_slash];
    if (!leaf) {
        int status =
            grow((void **)&builder->leaves, &builder->leaf_capacity, builder->leaf_count, sizeof(*builder->leaves));
        if (status)
            return status;
        leaf = builder->leaf_count++;
        for (uint32_t i = 0; i < REGISTRY_METHOD_COUNT; i++)
            builder->leaves[leaf].operations[i] = ROUTE_OPERATION_NONE;
        builder->nodes[node].leaf[trailing_slash] = leaf;
    }
    *operations_out = builder->leaves[leaf].operations;
    return 0;
}

struct route_builder *route_builder_new(void)
{
    struct route_builder *builder = calloc(1, sizeof(*builder));
    if (!builder)
        return NULL;
    *builder = (struct route_builder){.node_count = 1, .leaf_count = 1, .port_count = 1, .slot_count = 1024};
    builder->slots = calloc(builder->slot_count, sizeof(*builder->slots));
    uint32_t host_root, any_root;
    /* Number 0 means none everywhere, so the first of each array stays unused. */
    if (!builder->slots || hash_key_init(&builder->hash_key) ||
        grow((void **)&builder->leaves, &builder->leaf_capacity, 0, sizeof(*builder->leaves)) ||
        grow((void **)&builder->ports, &builder->port_capacity, 0, sizeof(*builder->ports)) ||
        add_node(builder, 0, (struct span){0}, &host_root) || add_node(builder, 0, (struct span){0}, &any_root)) {
        route_builder_free(builder);
        return NULL;
    }
    require(host_root == BUILD_HOST_ROOT && any_root == BUILD_ANY_ROOT);
    builder->nodes[0] = (struct build_node){0};
    return builder;
}

void route_builder_free(struct route_builder *builder)
{
    if (!builder)
        return;
    free(builder->nodes);
    free(builder->leaves);
    free(builder->ports);
    free(builder->slots);
    free(builder);
}

int route_builder_place(struct route_builder *builder, const struct route_key *key, uint32_t **operations_out)
{
    uint32_t node = BUILD_HOST_ROOT;
    uint32_t root = BUILD_ANY_ROOT;
    int status = 0;
    if (!key->any_host) {
        status = walk(builder, &node, key->labels, key->label_count);
        if (!status)
            status = path_root(builder, node, key->port, &root);
    }
    node = root;
    if (!status)
        status = walk(builder, &node, key->segments, key->base_count);
    if (status)
        return status;
    builder->nodes[node].base = true;
    status = walk(builder, &node, key->segments + key->base_count, key->segment_count - key->base_count);
    return status ? status : leaf_of(builder, node, key->trailing_slash, operations_out);
}
