/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Loader
 *
 * What all readers of documents share while a registry is being built: the files, the operations so far, the routes,
 * the mistakes. openapi_*.c read one kind of document each part; further kinds get files of their own beside them.
 *
 * Memory:  what the workers will read goes to `arena`; `scratch` and the trees die when loading ends.
 * Threads: one owner; slow path.
 * Errors:  loader_complain() for the user's mistakes; `status` keeps the first -errno, after which nothing more is
 * read.
 */

#include "base/hash.h"
#include "registry/channel_table.h"
#include "registry/document.h"
#include "registry/route.h"

#define LOADER_REFERENCE_HOPS_MAX 32u /* $ref to a $ref to ...; a longer chain is a cycle */

struct loader_file {
    struct registry_source source;
    struct document *document; /* NULL: broken */
    struct registry_file *file;
};

struct loader {
    struct diagnostics *diagnostics;
    struct arena *arena;
    struct arena *scratch;
    struct loader_file *files; /* ascending by name */
    uint32_t file_count;
    struct registry_operation *operations;
    struct document_node *places; /* of the operations */
    uint32_t operation_count, operation_capacity;
    struct registry_channel **channel_list;
    uint32_t channel_count, channel_capacity;
    struct registry_document *documents; /* room for one a file */
    uint32_t document_count;
    struct span *interned;
    uint32_t interned_count, interned_slots;
    struct hash_key hash_key;
    struct route_builder *routes;
    struct channel_builder *channels;
    int status;
};

/* Zero is not a valid loader. Returns 0 or -ENOMEM. */
MUST_USE int loader_init(struct loader *loader, struct diagnostics *diagnostics, struct arena *arena);
void loader_deinit(struct loader *loader);

/* An error at a node. One that was already said is not said again: shared parts are reached by many ways. */
void loader_complain(struct loader *loader, struct document_node node, const char *format, ...) PRINTF_LIKE(3, 4);

/* Memory from an arena; NULL sets loader->status. */
void *loader_take(struct loader *loader, struct arena *arena, size_t size);

/* The registry's one copy of a text. */
struct span loader_intern(struct loader *loader, struct span text);

/* A list of texts, or a single text, as names; what is neither is an error saying what is expected. */
struct registry_names loader_read_names(struct loader *loader, struct document_node node, const char *expected);

/* A boolean member; absent is `fallback`, anything but true and false an error. */
bool loader_read_boolean(struct loader *loader, struct document_node mapping, struct span key, bool fallback);

/* A text member that must be there; size 0 and an error when it is not. */
struct span loader_read_text(struct loader *loader, struct document_node mapping, struct span key);

/* Follows $ref as often as needed; the node itself when there is none; nothing, after an error, when it leads nowhere.
 */
struct document_node loader_resolve(struct loader *loader, struct document_node node);

/* The file with that name, or NULL. */
const struct loader_file *loader_find_file(const struct loader *loader, struct span name);

/* The file a node lies in. */
const struct registry_file *loader_file_of(const struct loader *loader, struct document_node node);

/* The registry's entry for a document, with what `info` says of it, which every kind must have. */
struct registry_document *loader_add_document(struct loader *loader, const struct loader_file *file);

/* A new, empty channel in the arena; NULL sets loader->status. */
struct registry_channel *loader_add_channel(struct loader *loader);

/* Number of a new, empty operation; ROUTE_OPERATION_NONE sets loader->status. */
uint32_t loader_add_operation(struct loader *loader, struct document_node place);

#define loader_take_array(loader, arena, type, count) ((type *)loader_take((loader), (arena), sizeof(type) * (count)))
