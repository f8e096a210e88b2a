/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside of a document: shared by the file that builds trees and the one that walks them, by nobody else.
 */

#include "base/arena.h"
#include "base/hash.h"
#include "registry/document.h"

#define DOCUMENT_ALIAS                                                                                                 \
    ((uint8_t)(DOCUMENT_SEQUENCE + 1)) /* `first` is the item with the anchor; never seen outside                      \
                                        */

struct document_item {
    const char *text;
    const char *key; /* NULL: not in a mapping */
    uint32_t text_size, key_size;
    uint32_t line, column;         /* from 1 */
    uint32_t key_line, key_column; /* from 1 */
    uint32_t parent, next, first;  /* items; 0: none */
    uint8_t kind;                  /* enum document_kind or DOCUMENT_ALIAS */
    bool plain;                    /* a scalar without quotes */
};

struct document {
    const char *name;
    struct span source;
    struct arena *texts; /* those that are not literally in the source */
    struct document_item *items;
    uint32_t count; /* item 0 included */
    uint32_t capacity;
    uint32_t *slots; /* (parent, key) to item */
    uint32_t slot_mask;
    struct hash_key hash_key;
};

uint32_t document_tree_find(const struct document *document, uint32_t parent, struct span key);
