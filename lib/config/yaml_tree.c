/* SPDX-License-Identifier: Apache-2.0 */

/*
 * YAML tree: libyaml's events, laid down in the order they come, so that no walk over it needs a stack.
 */

#include "config/yaml_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "config/yaml.h"

struct builder {
    struct yaml_tree *tree;
    const char *file;
    struct diagnostics *diagnostics;
    uint32_t open[YAML_DEPTH_MAX]; /* collections not closed yet */
    uint32_t depth;
    uint32_t key; /* the key whose value comes next */
    uint32_t documents;
};

static int mistake(struct builder *builder, yaml_mark_t mark, const char *message)
{
    struct diagnostic_place place = {
        .file = builder->file, .line = (uint32_t)mark.line + 1, .column = (uint32_t)mark.column + 1};
    diagnostics_add(builder->diagnostics, DIAGNOSTIC_ERROR, &place, "%s", message);
    return -EINVAL;
}

static int tree_make_room(struct yaml_tree *tree)
{
    if (tree->count < tree->capacity)
        return 0;
    uint32_t capacity = tree->capacity ? tree->capacity * 2 : 64;
    struct yaml_node *nodes = realloc(tree->nodes, capacity * sizeof(*nodes));
    if (!nodes)
        return -ENOMEM;
    tree->nodes = nodes;
    tree->capacity = capacity;
    return 0;
}

static void parent_adopt(struct builder *builder, uint32_t child)
{
    struct yaml_node *node = &builder->tree->nodes[child];
    if (builder->depth == 0)
        return;
    node->parent = builder->open[builder->depth - 1];
    struct yaml_node *parent = &builder->tree->nodes[node->parent];
    if (parent->kind == YAML_NODE_MAPPING && builder->key == YAML_NODE_NONE) {
        builder->key = child; /* a key: the value behind it becomes the child */
        return;
    }
    node->key = builder->key;
    builder->key = YAML_NODE_NONE;
    node->position = parent->children++;
    if (parent->first == YAML_NODE_NONE)
        parent->first = child;
    else
        builder->tree->nodes[parent->last].next = child;
    parent->last = child;
}

static bool key_wanted(const struct builder *builder)
{
    return builder->depth > 0 && builder->key == YAML_NODE_NONE &&
           builder->tree->nodes[builder->open[builder->depth - 1]].kind == YAML_NODE_MAPPING;
}

static int node_add(struct builder *builder, const yaml_event_t *event, enum yaml_node_kind kind)
{
    struct yaml_tree *tree = builder->tree;
    if (tree->count >= YAML_NODES_MAX)
        return mistake(builder, event->start_mark, "too many entries in one file; split it");
    if (kind != YAML_NODE_TEXT && key_wanted(builder))
        return mistake(builder, event->start_mark, "a key must be plain text, not a list or a mapping");
    if (kind != YAML_NODE_TEXT && builder->depth == YAML_DEPTH_MAX)
        return mistake(builder, event->start_mark, "nested too deep");
    if (tree_make_room(tree) < 0)
        return -ENOMEM;
    uint32_t index = tree->count++;
    tree->nodes[index] = (struct yaml_node){
        .kind = kind,
        .line = (uint32_t)event->start_mark.line + 1,
        .column = (uint32_t)event->start_mark.column + 1,
        .parent = YAML_NODE_NONE,
        .key = YAML_NODE_NONE,
        .first = YAML_NODE_NONE,
        .last = YAML_NODE_NONE,
        .next = YAML_NODE_NONE,
    };
    parent_adopt(builder, index);
    if (kind != YAML_NODE_TEXT)
        builder->open[builder->depth++] = index;
    return 0;
}

static int scalar_add(struct builder *builder, const yaml_event_t *event)
{
    const char *value = (const char *)event->data.scalar.value;
    size_t size = event->data.scalar.length;
    if (event->data.scalar.anchor || event->data.scalar.tag)
        return mistake(builder, event->start_mark, "anchors (&) and tags (!) are not taken; write the value out");
    if (memchr(value, '\0', size))
        return mistake(builder, event->start_mark, "a NUL character in a value");
    int result = node_add(builder, event, YAML_NODE_TEXT);
    if (result < 0)
        return result;
    struct yaml_node *node = &builder->tree->nodes[builder->tree->count - 1];
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->text = arena_copy_text(builder->tree->arena, value, size);
    return node->text ? 0 : -ENOMEM;
}

static int collection_add(struct builder *builder, const yaml_event_t *event)
{
    bool sequence = event->type == YAML_SEQUENCE_START_EVENT;
    const void *anchor = sequence ? event->data.sequence_start.anchor : event->data.mapping_start.anchor;
    const void *tag = sequence ? event->data.sequence_start.tag : event->data.mapping_start.tag;
    if (anchor || tag)
        return mistake(builder, event->start_mark, "anchors (&) and tags (!) are not taken; write the value out");
    return node_add(builder, event, sequence ? YAML_NODE_SEQUENCE : YAML_NODE_MAPPING);
}

static int event_apply(struct builder *builder, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return scalar_add(builder, event);
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        return collection_add(builder, event);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        builder->depth--;
        return 0;
    case YAML_ALIAS_EVENT:
        return mistake(builder, event->start_mark, "aliases (*) are not taken; write the value out");
    case YAML_DOCUMENT_START_EVENT:
        if (builder->documents++)
            return mistake(builder, event->start_mark, "a second document; one file holds one document");
        return 0;
    default:
        return 0;
    }
}

static int syntax_mistake(struct builder *builder, const yaml_parser_t *parser)
{
    if (parser->error == YAML_MEMORY_ERROR)
        return -ENOMEM;
    struct diagnostic_place place = {.file = builder->file,
                                     .line = (uint32_t)parser->problem_mark.line + 1,
                                     .column = (uint32_t)parser->problem_mark.column + 1};
    diagnostics_add(builder->diagnostics, DIAGNOSTIC_ERROR, &place,
                    "this is no YAML: %s%s%s; check indentation, quotes and the colon behind each key",
                    parser->problem ? parser->problem : "unreadable", parser->context ? ", " : "",
                    parser->context ? parser->context : "");
    return -EINVAL;
}

static int tree_build(struct builder *builder, yaml_parser_t *parser)
{
    bool done = false;
    while (!done) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return syntax_mistake(builder, parser);
        int result = event_apply(builder, &event);
        done = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        if (result < 0)
            return result;
    }
    return 0;
}

int yaml_tree_init(struct yaml_tree *tree, const char *file, const void *text, size_t size,
                   struct diagnostics *diagnostics)
{
    *tree = (struct yaml_tree){.arena = arena_new_growing()};
    yaml_parser_t parser;
    if (!tree->arena || !yaml_parser_initialize(&parser)) {
        yaml_tree_deinit(tree);
        return -ENOMEM;
    }
    yaml_parser_set_input_string(&parser, text, size);
    struct builder builder = {.tree = tree, .file = file, .diagnostics = diagnostics, .key = YAML_NODE_NONE};
    int result = tree_build(&builder, &parser);
    yaml_parser_delete(&parser);
    if (result < 0)
        yaml_tree_deinit(tree);
    return result;
}

void yaml_tree_deinit(struct yaml_tree *tree)
{
    arena_free(tree->arena);
    free(tree->nodes);
    *tree = (struct yaml_tree){0};
}

static bool child_is(const struct yaml_tree *tree, uint32_t child, const char *name, size_t size)
{
    const struct yaml_node *node = &tree->nodes[child];
    if (node->key != YAML_NODE_NONE) {
        const char *key = tree->nodes[node->key].text;
        return strlen(key) == size && memcmp(key, name, size) == 0;
    }
    char *end;
    unsigned long position = strtoul(name, &end, 10);
    return end == name + size && position == node->position;
}

uint32_t yaml_tree_find(const struct yaml_tree *tree, const char *pointer, bool *found_out)
{
    *found_out = false;
    if (tree->count == 0)
        return YAML_NODE_NONE;
    uint32_t at = 0;
    while (*pointer == '/') {
        pointer++;
        size_t size = strcspn(pointer, "/");
        uint32_t child = tree->nodes[at].first;
        while (child != YAML_NODE_NONE && !child_is(tree, child, pointer, size))
            child = tree->nodes[child].next;
        if (child == YAML_NODE_NONE)
            return at;
        at = child;
        pointer += size;
    }
    *found_out = true;
    return at;
}
