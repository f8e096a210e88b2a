/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * YAML documents
 *
 * Reads a YAML file into the plain C structure that a libcyaml schema describes. libcyaml stops at the first mistake,
 * so the document is compared with the schema beforehand and every mistake becomes a diagnostic with file, line, column
 * and what to do: unknown key (with the nearest known one), wrong type, value that is none of the allowed ones, missing
 * or repeated key, too long, broken YAML. Checks that come later (a rule names an unknown header) find the place of an
 * entry by its JSON pointer.
 *
 * Memory:  heap, slow path only; yaml_document_free() frees the value too.
 * Threads: a document has one owner.
 * Limits:  YAML_FILE_SIZE_MAX, YAML_NODES_MAX, YAML_DEPTH_MAX. One document a file; no anchors, aliases and tags: a few
 * lines of aliases unfold to any amount of memory. Errors:  -EINVAL: mistakes, all told in `diagnostics`. Others
 * (-ENOENT, -ENOMEM ...) are told there too. Source:  YAML 1.1 as libyaml reads it; JSON pointers are those of RFC
 * 6901.
 */

#include <cyaml/cyaml.h>

#include "base/diagnostics.h"

#define YAML_FILE_SIZE_MAX (4u << 20) /* the shipped packs have 30 KB; room for a thousand times as many rules */
#define YAML_NODES_MAX     200000u    /* keys and values: what 4 MB of ordinary settings hold */
#define YAML_DEPTH_MAX     16u        /* our own files nest six deep */
#define YAML_POINTER_SIZE  256u       /* longest JSON pointer that is looked up */

struct yaml_document;

MUST_USE int yaml_load_file(const char *path, const struct cyaml_schema_value *schema, struct diagnostics *diagnostics,
                            struct yaml_document **document_out);

/* `name` stands for the file in messages. `text` is read only during the call. */
MUST_USE int yaml_load_text(const char *name, const void *text, size_t size, const struct cyaml_schema_value *schema,
                            struct diagnostics *diagnostics, struct yaml_document **document_out);

void yaml_document_free(struct yaml_document *document);

/* What the schema describes; never NULL. Belongs to the document. */
void *yaml_document_value(const struct yaml_document *document);
const char *yaml_document_file(const struct yaml_document *document);

/* Was the entry written in the file? The way to tell "absent" from zero, so that defaults can be filled in. */
bool yaml_document_has(const struct yaml_document *document, const char *pointer_format, ...) PRINTF_LIKE(2, 3);

/* The place of an entry, or of the nearest one above it. Its `pointer` is NULL. */
struct diagnostic_place yaml_document_place(const struct yaml_document *document, const char *pointer_format, ...)
    PRINTF_LIKE(2, 3);

/* Tells of an error when `value` is outside [min, max]. Returns whether it is inside. */
bool yaml_document_check_range(const struct yaml_document *document, struct diagnostics *diagnostics,
                               const char *pointer, uint64_t value, uint64_t min, uint64_t max);

/* The candidate closest to `text`, for "did you mean"; NULL when none is near. `candidates` ends with NULL. */
const char *yaml_nearest(const char *text, const char *const *candidates);

/* Has the file at `path` this key at its root? False for what is no readable YAML. */
bool yaml_file_has_root_key(const char *path, const char *key);
