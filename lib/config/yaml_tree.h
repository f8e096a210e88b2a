/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * YAML tree
 *
 * A document as libyaml reads it, with the place of every key and value: what the comparison with a schema and the
 * look-up of places need. Private to the module.
 *
 * Memory:  heap; yaml_tree_deinit().
 * Limits:  as config/yaml.h.
 * Errors:  -EINVAL with a diagnostic: broken YAML, aliases, a second document, a limit.
 */

#include "base/arena.h"
#include "base/diagnostics.h"

#define YAML_NODE_NONE UINT32_MAX

enum yaml_node_kind { YAML_NODE_TEXT, YAML_NODE_SEQUENCE, YAML_NODE_MAPPING };

/* Nodes lie in document order, so a parent is always before its children. */
struct yaml_node {
    enum yaml_node_kind kind;
    bool plain;    /* text without quotes */
    uint32_t line; /* from 1 */
    uint32_t column;
    uint32_t parent;   /* YAML_NODE_NONE: the root */
    uint32_t key;      /* the node that holds the key of this value; YAML_NODE_NONE: not in a mapping */
    uint32_t position; /* among its siblings */
    uint32_t first;    /* child; YAML_NODE_NONE: none. Of a mapping: the first value. */
    uint32_t last;
    uint32_t next; /* sibling */
    uint32_t children;
    const char *text;
};

struct yaml_tree {
    struct arena *arena; /* texts */
    struct yaml_node *nodes;
    uint32_t count;
    uint32_t capacity;
};

/* An empty document gives no node at all. `file` stands for it in messages. */
MUST_USE int yaml_tree_init(struct yaml_tree *tree, const char *file, const void *text, size_t size,
                            struct diagnostics *diagnostics);
void yaml_tree_deinit(struct yaml_tree *tree);

/* The node at a JSON pointer, or the nearest one above it with *found_out false. YAML_NODE_NONE when the tree is empty.
 */
uint32_t yaml_tree_find(const struct yaml_tree *tree, const char *pointer, bool *found_out);
