/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Document
 *
 * A YAML or JSON file as a tree that remembers where everything stood. The only place that knows the YAML library; all
 * kinds of documents (OpenAPI now) are read from this tree.
 *
 * Memory:  nodes on the heap, texts point into the source where they can; document_free() frees the tree.
 * Threads: one owner; slow path.
 * Limits:  DOCUMENT_DEPTH_MAX, DOCUMENT_ANCHORS_MAX, DOCUMENT_ITEMS_MAX.
 * Errors:  syntax errors, keys given twice, keys that are no text, and merge keys go to the diagnostics.
 * Source:  YAML 1.2.2 core schema, RFC 8259, RFC 6901.
 */

#include "base/diagnostics.h"
#include "base/span.h"

#define DOCUMENT_DEPTH_MAX   200u        /* JSON Schema nests deepest; people stop at 30 */
#define DOCUMENT_ANCHORS_MAX 1000u       /* found by walking the list */
#define DOCUMENT_ITEMS_MAX   (16u << 20) /* of 56 bytes: below 1 GB while loading */
#define DOCUMENT_POINTER_MAX 512u        /* bytes of a JSON pointer in a message; a longer one loses its beginning */

enum document_kind {
    DOCUMENT_NOTHING, /* there is no such node */
    DOCUMENT_NULL,
    DOCUMENT_TEXT, /* any other scalar */
    DOCUMENT_MAPPING,
    DOCUMENT_SEQUENCE,
};

struct document;

/* A place in a tree, by value. Asking nothing for something gives nothing. */
struct document_node {
    const struct document *document;
    uint32_t item; /* 0: nothing */
};

/* `name` and `text` must outlive the tree. Returns 0, REGISTRY_E_INVALID or -errno. */
MUST_USE int document_parse(const char *name, struct span text, struct diagnostics *diagnostics,
                            struct document **document_out);
void document_free(struct document *document);

const char *document_name(const struct document *document);
struct document_node document_root(const struct document *document);

enum document_kind document_kind(struct document_node node);
struct span document_text(struct document_node node); /* size 0 for all but texts */
struct span document_key(struct document_node node);  /* of a node in a mapping */
uint32_t document_line(struct document_node node);    /* of the key, where there is one */
uint32_t document_count(struct document_node node);   /* children */

struct document_node document_first(struct document_node node);
struct document_node document_next(struct document_node node);
struct document_node document_find(struct document_node mapping, struct span key);
struct document_node document_at(struct document_node sequence, uint32_t index);

/* Plain true or false; anything else leaves *value_out and returns false. */
bool document_boolean(struct document_node node, bool *value_out);

/* "" for the root; characters as RFC 6901 escapes them. */
void document_pointer(struct document_node node, char pointer_out[DOCUMENT_POINTER_MAX]);

/* A diagnostic with the node's place. */
void document_complain(struct diagnostics *diagnostics, enum diagnostic_level level, struct document_node node,
                       const char *format, ...) PRINTF_LIKE(4, 5);

static inline bool document_exists(struct document_node node)
{
    return node.item != 0;
}

static inline bool document_same(struct document_node a, struct document_node b)
{
    return a.document == b.document && a.item == b.item;
}

#define document_get(mapping, literal) document_find((mapping), SPAN_LITERAL(literal))
