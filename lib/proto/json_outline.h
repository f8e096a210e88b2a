/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON outline
 *
 * The members of the outermost object of a JSON text (or of each object in an outermost array), and of the objects
 * right below it, byte by byte: for readers that look for a few members and want to stop early. Far less than
 * proto/json.h, and nothing has to be held back between pieces.
 *
 * Memory:  struct json_outline, fixed.
 * Threads: one owner.
 * Limits:  JSON_OUTLINE_KEY_MAX; longer keys are cut.
 * Errors:  none; what is no JSON gives events or not, and never more than one a byte.
 */

#include "base/span.h"

#define JSON_OUTLINE_KEY_MAX   24u /* the longest asked for is "persistedQuery" */
#define JSON_OUTLINE_DEPTH_MAX UINT16_MAX
#define JSON_OUTLINE_BEYOND    0xffu /* any character beyond ASCII: no text has this byte */

enum json_outline_event {
    JSON_OUTLINE_NOTHING,
    JSON_OUTLINE_KEY,   /* key, key_size; level 0 or 1 */
    JSON_OUTLINE_VALUE, /* byte: the first one of a value; level of its key */
    JSON_OUTLINE_TEXT,  /* byte: the next one of a text, decoded; JSON_OUTLINE_BEYOND where it was escaped */
    JSON_OUTLINE_TEXT_END,
    JSON_OUTLINE_OBJECT_END, /* of level 0 */
};

struct json_outline {
    uint16_t depth; /* open objects and arrays */
    uint16_t code;  /* of an escape \uXXXX */
    uint8_t base;   /* depth at which members are of level 0: 1, in an array 2; 0: not known yet */
    uint8_t escape;
    uint8_t level; /* of the member being read */
    uint8_t key_size;
    uint8_t byte;
    bool in_text, in_key, key_next, value_next;
    bool other; /* the outermost value is neither object nor array: no events */
    char key[JSON_OUTLINE_KEY_MAX];
};

void json_outline_init(struct json_outline *outline);
enum json_outline_event json_outline_add(struct json_outline *outline, uint8_t c);

static inline bool json_outline_key_is(const struct json_outline *outline, const char *name)
{
    return span_equal(span_of(outline->key, outline->key_size), span_from_text(name));
}
