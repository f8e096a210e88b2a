/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Route table
 *
 * Operations by host, port, path and method, as flat arrays a look-up walks without searching: a tree over the labels
 * of hosts, from the right, whose leaves are the roots of trees over the segments of paths.
 *
 * Memory:  built on the heap, compiled into the registry's arena.
 * Threads: one builder; any number of readers of the result.
 * Limits:  REGISTRY_SEGMENTS_MAX labels and segments, REGISTRY_STEPS_MAX nodes visited by any look-up (checked when
 * built).
 */

#include "base/arena.h"
#include "registry/request_path.h"

#define ROUTE_PARAMETER      '{' /* the byte that stands for a parameter in a shape; literals keep it escaped */
#define ROUTE_OPERATION_NONE UINT32_MAX
#define ROUTE_PORT_ANY       65536u
#define ROUTE_PORT_HTTP      80u
#define ROUTE_PORT_HTTPS     443u

/* Where an operation is reached. Segments are shapes: normalised literals in which ROUTE_PARAMETER marks a parameter.
 */
struct route_key {
    bool any_host;
    bool trailing_slash;
    uint32_t port; /* 0: the default ports; ROUTE_PORT_ANY */
    uint32_t label_count;
    uint32_t base_count; /* how many of the segments are the server's */
    uint32_t segment_count;
    struct span labels[REGISTRY_SEGMENTS_MAX]; /* of the host, rightmost first, lower case */
    struct span segments[REGISTRY_SEGMENTS_MAX];
};

struct route_builder;

MUST_USE struct route_builder *route_builder_new(void);
void route_builder_free(struct route_builder *builder);

/*
 * What lies at a key already: operations_out points to REGISTRY_METHOD_COUNT numbers (ROUTE_OPERATION_NONE: free), the
 * caller fills his in. Valid until the next call. Texts of the key must outlive the builder. Returns 0 or -ENOMEM.
 */
MUST_USE int route_builder_place(struct route_builder *builder, const struct route_key *key, uint32_t **operations_out);

enum route_error {
    ROUTE_E_STEPS = 1, /* templates overlap so much that a look-up might visit more than REGISTRY_STEPS_MAX nodes */
};

struct route_table;

/* Returns 0, ROUTE_E_STEPS or -ENOMEM. */
MUST_USE int route_table_compile(const struct route_builder *builder, struct arena *arena,
                                 const struct route_table **table_out);

/* What registry_find() answers, with the operation's number instead of itself. */
struct route_match {
    enum registry_outcome outcome;
    uint32_t operation;
    uint32_t methods;
    bool trailing_slash_differs;
    bool less_literal;
};

void route_table_find(const struct route_table *table, const struct registry_request *request,
                      struct route_match *match_out);
