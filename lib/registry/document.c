/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Document: walking the finished tree.
 *
 * Items are numbered from 1 in the order of the text and linked by numbers, which halves their size; one hash table for
 * all (mapping, key) pairs makes every look-up constant, also in a mapping of 25,000 paths.
 */

#include "registry/document.h"

#include <stdarg.h>
#include <stdlib.h>

#include "registry/document_tree.h"

static const struct document_item *item_of(struct document_node node)
{
    if (!node.item)
        return NULL;
    const struct document_item *item = &node.document->items[node.item];
    if (item->kind == DOCUMENT_ALIAS)
        item = &node.document->items[item->first];
    return item;
}

static struct document_node node_at(const struct document *document, uint32_t item)
{
    return (struct document_node){document, item};
}

const char *document_name(const struct document *document)
{
    return document->name;
}

struct document_node document_root(const struct document *document)
{
    return node_at(document, document->count > 1 ? 1 : 0);
}

enum document_kind document_kind(struct document_node node)
{
    const struct document_item *item = item_of(node);
    return item ? (enum document_kind)item->kind : DOCUMENT_NOTHING;
}

struct span document_text(struct document_node node)
{
    const struct document_item *item = item_of(node);
    return item && item->kind == DOCUMENT_TEXT ? span_of(item->text, item->text_size) : (struct span){0};
}

struct span document_key(struct document_node node)
{
    if (!node.item)
        return (struct span){0};
    const struct document_item *item = &node.document->items[node.item];
    return span_of(item->key, item->key_size);
}

uint32_t document_line(struct document_node node)
{
    if (!node.item)
        return 0;
    const struct document_item *item = &node.document->items[node.item];
    return item->key ? item->key_line : item->line;
}

struct document_node document_first(struct document_node node)
{
    const struct document_item *item = item_of(node);
    bool has_children = item && (item->kind == DOCUMENT_MAPPING || item->kind == DOCUMENT_SEQUENCE);
    return node_at(node.document, has_children ? item->first : 0);
}

struct document_node document_next(struct document_node node)
{
    return node_at(node.document, node.item ? node.document->items[node.item].next : 0);
}

uint32_t document_count(struct document_node node)
{
    uint32_t count = 0;
    for (node = document_first(node); document_exists(node); node = document_next(node))
        count++;
    return count;
}

struct document_node document_find(struct document_node mapping, struct span key)
{
    const struct document_item *item = item_of(mapping);
    if (!item || item->kind != DOCUMENT_MAPPING)
        return node_at(mapping.document, 0);
    uint32_t parent = (uint32_t)(item - mapping.document->items);
    return node_at(mapping.document, document_tree_find(mapping.document, parent, key));
}

struct document_node document_at(struct document_node sequence, uint32_t index)
{
    struct document_node node = document_first(sequence);
    for (uint32_t i = 0; i < index && document_exists(node); i++)
        node = document_next(node);
    return node;
}

bool document_boolean(struct document_node node, bool *value_out)
{
    static const struct {
        const char *text;
        bool value;
    } words[] = {{"true", true}, {"True", true}, {"TRUE", true}, {"false", false}, {"False", false}, {"FALSE", false}};
    const struct document_item *item = item_of(node);
    for (size_t i = 0; item && item->plain && i < ARRAY_COUNT(words); i++) {
        if (span_equal(document_text(node), span_from_text(words[i].text))) {
            *value_out = words[i].value;
            return true;
        }
    }
    return false;
}

/* Pointers are written from their end, as only the way up is known. Returns the new beginning. */
static char *prepend(char *start, const char *limit, char c)
{
    return start > limit ? (*--start = c, start) : start;
}

static char *prepend_key(char *start, const char *limit, struct span key)
{
    for (uint32_t i = key.size; i-- > 0;) {
        uint8_t c = key.data[i];
        if (c == '~' || c == '/') {
            start = prepend(start, limit, c == '~' ? '0' : '1');
            c = '~';
        }
        start = prepend(start, limit, (char)(c < ' ' ? '?' : c));
    }
    return start;
}

static char *prepend_position(char *start, const char *limit, const struct document *document, uint32_t child)
{
    uint32_t position = 0;
    uint32_t item = document->items[document->items[child].parent].first;
    for (; item && item != child; item = document->items[item].next)
        position++;
    do {
        start = prepend(start, limit, (char)('0' + position % 10));
        position /= 10;
    } while (position);
    return start;
}

void document_pointer(struct document_node node, char pointer_out[DOCUMENT_POINTER_MAX])
{
    char *end = pointer_out + DOCUMENT_POINTER_MAX - 1;
    char *start = end;
    uint32_t item = node.item;
    while (item && node.document->items[item].parent) {
        const struct document_item *i = &node.document->items[item];
        start = i->key ? prepend_key(start, pointer_out, span_of(i->key, i->key_size))
                       : prepend_position(start, pointer_out, node.document, item);
        start = prepend(start, pointer_out, '/');
        item = i->parent;
    }
    *end = 0;
    memmove(pointer_out, start, (size_t)(end - start) + 1);
}

void document_complain(struct diagnostics *diagnostics, enum diagnostic_level level, struct document_node node,
                       const char *format, ...)
{
    char pointer[DOCUMENT_POINTER_MAX];
    document_pointer(node, pointer);
    struct diagnostic_place place = {.file = document_name(node.document), .pointer = pointer};
    if (node.item) {
        const struct document_item *item = &node.document->items[node.item];
        place.line = item->key ? item->key_line : item->line;
        place.column = item->key ? item->key_column : item->column;
    }
    char *message = NULL;
    va_list arguments;
    va_start(arguments, format);
    int size = vasprintf(&message, format, arguments);
    va_end(arguments);
    diagnostics_add(diagnostics, level, &place, "%s", size < 0 ? "out of memory" : message);
    if (size >= 0)
        free(message);
}
