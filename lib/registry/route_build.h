/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside of the route builder: shared by the file that gathers routes and the one that compiles them, by nobody else.
 */

#include "base/hash.h"
#include "registry/route.h"

/* The two trees that always exist; further roots belong to ports. */
#define BUILD_HOST_ROOT 1u
#define BUILD_ANY_ROOT  2u

struct build_node {
    struct span label;
    uint32_t parent; /* 0: a root */
    uint32_t first_child, last_child, next;
    uint32_t leaf[2]; /* without, with trailing slash; 0: none */
    uint32_t first_port;
    bool base;
};

struct build_leaf {
    uint32_t operations[REGISTRY_METHOD_COUNT];
};

struct build_port {
    uint32_t root;
    uint32_t next;
    uint32_t port;
};

struct route_builder {
    struct build_node *nodes;
    struct build_leaf *leaves;
    struct build_port *ports;
    uint32_t *slots; /* (parent, label) to node */
    uint32_t node_count, node_capacity;
    uint32_t leaf_count, leaf_capacity;
    uint32_t port_count, port_capacity;
    uint32_t slot_count;
    struct hash_key hash_key;
};
