/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside of the route table: shared by the file that builds it and the one that searches it, by nobody else.
 *
 * A node is a cache line with its own label in it, so that a level costs two lines at most (table slot and node), one
 * where a node has a single child; nodes lie in the order of a walk, so the levels below are often neighbours.
 */

#include "registry/route.h"

#define ROUTE_LABEL_INLINE 32u /* bytes left in the line; longer labels lie in `texts` */

struct route_edge {
    uint32_t hash;
    uint32_t child; /* 0: free slot */
};

struct route_node {
    uint32_t edges;     /* first slot of the table of literal children; edge_mask 0: the only such child, or 0 */
    uint32_t edge_mask; /* slots - 1 */
    uint32_t mixed;     /* into mixed[], most literal first */
    uint32_t parameter; /* child, or 0 */
    uint32_t leaf[2];   /* into leaf_operations[]: without, with trailing slash. Host nodes: ports, their count */
    uint16_t mixed_count;
    uint16_t label_size;
    uint8_t methods[2]; /* sets that leaf[] has, in the order of the methods */
    bool base;          /* a server's base path ends here */
    uint8_t spare;
    union {
        uint8_t label[ROUTE_LABEL_INLINE];
        uint32_t label_offset;
    };
};

static_assert(sizeof(struct route_node) == CACHE_LINE, "a node is a cache line");
static_assert(REGISTRY_METHOD_COUNT <= 8, "methods are a set in 8 bits");

struct route_port {
    uint32_t port; /* 0: the default ones */
    uint32_t root; /* of the paths */
};

struct route_table {
    const struct route_node *nodes; /* node 0 is none */
    const struct route_edge *edges;
    const uint32_t *mixed;
    const uint32_t *leaf_operations;
    const struct route_port *ports;
    const uint8_t *texts;
    uint32_t host_root;
    uint32_t any_root;
    uint64_t seed;
};

static inline struct span route_node_label(const struct route_table *table, const struct route_node *node)
{
    const uint8_t *label = node->label_size <= ROUTE_LABEL_INLINE ? node->label : table->texts + node->label_offset;
    return span_of(label, node->label_size);
}

__extension__ typedef unsigned __int128 route_product;

static inline uint64_t route_mix(uint64_t a, uint64_t b)
{
    route_product product = (route_product)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/*
 * Not SipHash: what lies in the tables comes from the organisation's documents, traffic only asks; the seed keeps
 * anybody from choosing keys, and the tables are at most half full, so a chain is short whatever is asked.
 */
static inline uint32_t route_hash(uint64_t seed, struct span text)
{
    uint64_t hash = seed ^ text.size;
    uint64_t word = 0;
    uint32_t i = 0;
    for (; i + 8 <= text.size; i += 8) {
        memcpy(&word, text.data + i, 8);
        hash = route_mix(hash ^ word, UINT64_C(0x9E3779B97F4A7C15));
    }
    word = 0;
    for (uint32_t shift = 0; i < text.size; i++, shift += 8)
        word |= (uint64_t)text.data[i] << shift;
    return (uint32_t)route_mix(hash ^ word, UINT64_C(0xD6E8FEB86659FD93));
}
