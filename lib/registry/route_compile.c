/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Route table, compiling: the gathered tree laid out in the order a look-up walks it.
 *
 * Two passes without recursion: the first counts and proves the bound on look-ups from the last node to the first (a
 * child's number is above its parent's), the second lays nodes out in depth-first order with an explicit stack.
 */

#include <errno.h>
#include <stdlib.h>

#include "registry/route_build.h"
#include "registry/route_table.h"

enum label_kind { LABEL_LITERAL, LABEL_MIXED, LABEL_PARAMETER };

struct counts {
    uint32_t edges; /* slots */
    uint32_t mixed;
    uint32_t operations;
    uint32_t ports;
    uint32_t texts;
};

/* Filled while laying out; `number` maps a builder's node to the table's. */
struct layout {
    const struct route_builder *builder;
    struct route_node *nodes;
    struct route_edge *edges;
    uint32_t *mixed;
    uint32_t *operations;
    struct route_port *ports;
    uint8_t *texts;
    struct counts used;
    uint32_t *number;
    uint32_t *stack;
    uint64_t seed;
};

static enum label_kind kind_of(struct span label)
{
    if (label.size == 1 && label.data[0] == ROUTE_PARAMETER)
        return LABEL_PARAMETER;
    return label.size && memchr(label.data, ROUTE_PARAMETER, label.size) ? LABEL_MIXED : LABEL_LITERAL;
}

static uint32_t table_slots(uint32_t literals)
{
    uint32_t slots = literals > 1 ? 4 : 0;
    while (slots && slots < literals * 2)
        slots *= 2;
    return slots;
}

static uint32_t count_children(const struct route_builder *builder, uint32_t node, enum label_kind kind)
{
    uint32_t count = 0;
    for (uint32_t child = builder->nodes[node].first_child; child; child = builder->nodes[child].next)
        count += kind_of(builder->nodes[child].label) == kind;
    return count;
}

static uint32_t leaf_size(const struct route_builder *builder, uint32_t leaf)
{
    uint32_t count = 0;
    for (uint32_t i = 0; leaf && i < REGISTRY_METHOD_COUNT; i++)
        count += builder->leaves[leaf].operations[i] != ROUTE_OPERATION_NONE;
    return count;
}

static struct counts count_all(const struct route_builder *builder)
{
    struct counts counts = {.edges = 1, .mixed = 1, .operations = 1, .ports = builder->port_count, .texts = 1};
    for (uint32_t i = 1; i < builder->node_count; i++) {
        const struct build_node *node = &builder->nodes[i];
        counts.edges += table_slots(count_children(builder, i, LABEL_LITERAL));
        counts.mixed += kind_of(node->label) == LABEL_MIXED;
        counts.operations += leaf_size(builder, node->leaf[0]) + leaf_size(builder, node->leaf[1]);
        if (node->label.size > ROUTE_LABEL_INLINE)
            counts.texts += node->label.size;
    }
    return counts;
}

/*
 * The most nodes a look-up can visit: at each node one literal child (whichever is dearest), all mixed ones and the
 * parameter. Saturating, as sums over a wild registry might overflow.
 */
static int check_steps(const struct route_builder *builder)
{
    const uint64_t too_many = REGISTRY_STEPS_MAX + 1;
    uint64_t *steps = calloc(builder->node_count, sizeof(*steps));
    if (!steps)
        return -ENOMEM;
    for (uint32_t i = builder->node_count - 1; i > 0; i--) {
        const struct build_node *node = &builder->nodes[i];
        uint64_t literal = 0, others = 1;
        for (uint32_t child = node->first_child; child; child = builder->nodes[child].next) {
            if (kind_of(builder->nodes[child].label) == LABEL_LITERAL)
                literal = literal > steps[child] ? literal : steps[child];
            else
                others += steps[child];
        }
        for (uint32_t port = node->first_port; port; port = builder->ports[port].next)
            others += steps[builder->ports[port].root];
        steps[i] = min_u64(literal + others, too_many);
    }
    bool fits = steps[BUILD_HOST_ROOT] + steps[BUILD_ANY_ROOT] <= REGISTRY_STEPS_MAX;
    free(steps);
    return fits ? 0 : ROUTE_E_STEPS;
}

static void place_label(struct layout *layout, struct route_node *node, struct span label)
{
    node->label_size = (uint16_t)label.size;
    if (label.size <= ROUTE_LABEL_INLINE) {
        if (label.size)
            memcpy(node->label, label.data, label.size);
        return;
    }
    node->label_offset = layout->used.texts;
    memcpy(layout->texts + layout->used.texts, label.data, label.size);
    layout->used.texts += label.size;
}

static void place_leaves(struct layout *layout, struct route_node *node, const struct build_node *from)
{
    for (uint32_t slash = 0; slash < 2; slash++) {
        if (!from->leaf[slash])
            continue;
        node->leaf[slash] = layout->used.operations;
        for (uint32_t i = 0; i < REGISTRY_METHOD_COUNT; i++) {
            uint32_t operation = layout->builder->leaves[from->leaf[slash]].operations[i];
            if (operation == ROUTE_OPERATION_NONE)
                continue;
            node->methods[slash] |= (uint8_t)(1u << i);
            layout->operations[layout->used.operations++] = operation;
        }
    }
}

static int compare_ports(const void *left, const void *right)
{
    const struct route_port *a = left, *b = right;
    return (a->port > b->port) - (a->port < b->port);
}

/*
 * The default ports first, "any" last: the order in which a request that names none tries them. Roots are still the
 * builder's numbers, until all nodes have one in the table.
 */
static void place_ports(struct layout *layout, struct route_node *node, const struct build_node *from)
{
    node->leaf[0] = layout->used.ports;
    for (uint32_t port = from->first_port; port; port = layout->builder->ports[port].next) {
        const struct build_port *p = &layout->builder->ports[port];
        layout->ports[layout->used.ports++] = (struct route_port){p->port, p->root};
    }
    node->leaf[1] = layout->used.ports - node->leaf[0];
    qsort(layout->ports + node->leaf[0], node->leaf[1], sizeof(*layout->ports), compare_ports);
}

/* Depth first, so that a subtree is one piece of memory. The last child pushed is laid out first. */
static void place_tree(struct layout *layout, uint32_t root, uint32_t *next_number)
{
    const struct route_builder *builder = layout->builder;
    uint32_t depth = 0;
    layout->stack[depth++] = root;
    while (depth) {
        uint32_t from = layout->stack[--depth];
        uint32_t number = (*next_number)++;
        layout->number[from] = number;
        struct route_node *node = &layout->nodes[number];
        node->base = builder->nodes[from].base;
        place_label(layout, node, builder->nodes[from].label);
        if (builder->nodes[from].first_port)
            place_ports(layout, node, &builder->nodes[from]);
        else
            place_leaves(layout, node, &builder->nodes[from]);
        for (uint32_t child = builder->nodes[from].first_child; child; child = builder->nodes[child].next)
            layout->stack[depth++] = child;
    }
}

struct preference {
    struct span label;
    uint32_t literal_bytes;
    uint32_t prefix_size;
    uint32_t child;
};

/* More literal bytes, then the longer literal beginning, then the bytes themselves: an order that needs no luck. */
static int compare_preference(const void *left, const void *right)
{
    const struct preference *a = left, *b = right;
    if (a->literal_bytes != b->literal_bytes)
        return a->literal_bytes > b->literal_bytes ? -1 : 1;
    if (a->prefix_size != b->prefix_size)
        return a->prefix_size > b->prefix_size ? -1 : 1;
    int order = memcmp(a->label.data, b->label.data, min_u32(a->label.size, b->label.size));
    return order ? order : (a->label.size > b->label.size) - (a->label.size < b->label.size);
}

static struct preference preference_of(struct span label, uint32_t child)
{
    const uint8_t *first = memchr(label.data, ROUTE_PARAMETER, label.size);
    struct preference preference = {.label = label, .child = child};
    preference.prefix_size = (uint32_t)(first - label.data);
    for (uint32_t i = 0; i < label.size; i++)
        preference.literal_bytes += label.data[i] != ROUTE_PARAMETER;
    return preference;
}

static int place_mixed(struct layout *layout, struct route_node *node, uint32_t from, uint32_t count)
{
    const struct route_builder *builder = layout->builder;
    if (!count)
        return 0;
    if (count > UINT16_MAX)
        return ROUTE_E_STEPS;
    struct preference *preferences = calloc(count, sizeof(*preferences));
    if (!preferences)
        return -ENOMEM;
    uint32_t i = 0;
    for (uint32_t child = builder->nodes[from].first_child; child; child = builder->nodes[child].next)
        if (kind_of(builder->nodes[child].label) == LABEL_MIXED)
            preferences[i++] = preference_of(builder->nodes[child].label, child);
    qsort(preferences, count, sizeof(*preferences), compare_preference);
    node->mixed = layout->used.mixed;
    node->mixed_count = (uint16_t)count;
    for (i = 0; i < count; i++)
        layout->mixed[layout->used.mixed++] = layout->number[preferences[i].child];
    free(preferences);
    return 0;
}

static void place_literals(struct layout *layout, struct route_node *node, uint32_t from, uint32_t count)
{
    const struct route_builder *builder = layout->builder;
    uint32_t slots = table_slots(count);
    if (slots) {
        node->edges = layout->used.edges;
        node->edge_mask = slots - 1;
        layout->used.edges += slots;
    }
    for (uint32_t child = builder->nodes[from].first_child; child; child = builder->nodes[child].next) {
        if (kind_of(builder->nodes[child].label) != LABEL_LITERAL)
            continue;
        if (!slots) {
            node->edges = layout->number[child];
            return;
        }
        uint32_t hash = route_hash(layout->seed, builder->nodes[child].label);
        uint32_t slot = hash & node->edge_mask;
        while (layout->edges[node->edges + slot].child)
            slot = (slot + 1) & node->edge_mask;
        layout->edges[node->edges + slot] = (struct route_edge){hash, layout->number[child]};
    }
}

static int place_children(struct layout *layout)
{
    const struct route_builder *builder = layout->builder;
    int status = 0;
    for (uint32_t from = 1; from < builder->node_count && !status; from++) {
        struct route_node *node = &layout->nodes[layout->number[from]];
        place_literals(layout, node, from, count_children(builder, from, LABEL_LITERAL));
        status = place_mixed(layout, node, from, count_children(builder, from, LABEL_MIXED));
        for (uint32_t child = builder->nodes[from].first_child; child; child = builder->nodes[child].next)
            if (kind_of(builder->nodes[child].label) == LABEL_PARAMETER)
                node->parameter = layout->number[child];
    }
    return status;
}

static int lay_out(struct layout *layout)
{
    const struct route_builder *builder = layout->builder;
    uint32_t next_number = 1;
    for (uint32_t i = 1; i < builder->node_count; i++)
        if (!builder->nodes[i].parent)
            place_tree(layout, i, &next_number);
    int status = place_children(layout);
    for (uint32_t i = 0; i < layout->used.ports; i++)
        layout->ports[i].root = layout->number[layout->ports[i].root];
    return status;
}

int route_table_compile(const struct route_builder *builder, struct arena *arena, const struct route_table **table_out)
{
    int status = check_steps(builder);
    if (status)
        return status;
    struct counts counts = count_all(builder);
    struct route_table *table = arena_take_array(arena, struct route_table, 1);
    struct hash_key seed;
    struct layout layout = {.builder = builder};
    layout.used = (struct counts){.edges = 1, .mixed = 1, .texts = 1};
    layout.nodes = arena_take(arena, sizeof(*layout.nodes) * builder->node_count, CACHE_LINE);
    layout.edges = arena_take(arena, sizeof(*layout.edges) * counts.edges, CACHE_LINE);
    layout.mixed = arena_take_array(arena, uint32_t, counts.mixed);
    layout.operations = arena_take_array(arena, uint32_t, counts.operations);
    layout.ports = arena_take_array(arena, struct route_port, counts.ports);
    layout.texts = arena_take_array(arena, uint8_t, counts.texts);
    layout.number = calloc(builder->node_count, sizeof(*layout.number));
    layout.stack = calloc(builder->node_count, sizeof(*layout.stack));
    if (!table || !layout.nodes || !layout.edges || !layout.mixed || !layout.operations || !layout.ports ||
        !layout.texts || !layout.number || !layout.stack || hash_key_init(&seed)) {
        status = -ENOMEM;
    } else {
        layout.seed = seed.k0;
        status = lay_out(&layout);
        const struct build_node *any = &builder->nodes[BUILD_ANY_ROOT];
        bool any_used = any->base || any->first_child;
        *table = (struct route_table){.nodes = layout.nodes,
                                      .edges = layout.edges,
                                      .mixed = layout.mixed,
                                      .leaf_operations = layout.operations,
                                      .ports = layout.ports,
                                      .texts = layout.texts,
                                      .host_root = layout.number[BUILD_HOST_ROOT],
                                      .any_root = any_used ? layout.number[BUILD_ANY_ROOT] : 0,
                                      .seed = layout.seed};
    }
    free(layout.number);
    free(layout.stack);
    *table_out = table;
    return status;
}
