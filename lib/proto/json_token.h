/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Tokens of the JSON walker
 *
 * Private to the walker: what json.c, which follows the structure, json_token.c, which reads strings and words that may
 * be cut anywhere, and json_skip.c and json_leap.c, which read over what nobody asks for, know of each other.
 *
 * Memory:  none but struct json_walker.
 * Threads: one owner.
 */

#include "proto/json.h"

#define JSON_NUMBER_START 0 /* of the table in json_token.c: nothing of the word read yet */

enum json_expect {
    JSON_EXPECT_DOCUMENT, /* zero: a valid start */
    JSON_EXPECT_VALUE,
    JSON_EXPECT_VALUE_OR_END,
    JSON_EXPECT_KEY,
    JSON_EXPECT_KEY_OR_END,
    JSON_EXPECT_COLON,
    JSON_EXPECT_COMMA_OR_END,
};

/* What the next byte goes to. */
enum json_state {
    JSON_STATE_START, /* zero: a valid start */
    JSON_STATE_PLAIN, /* between tokens */
    JSON_STATE_KEY,
    JSON_STATE_STRING,
    JSON_STATE_WORD,
    JSON_STATE_DOCUMENT_END, /* the text is whole and that is to be told */
    JSON_STATE_RESYNC,       /* skipping to a line feed */
    JSON_STATE_ENDED,
};

enum json_inside { JSON_INSIDE_NOTHING, JSON_INSIDE_ARRAY, JSON_INSIDE_OBJECT };

/* What the bytes outside strings mean. */
enum json_byte_class {
    BYTE_WORD, /* begins or goes on with a number, a literal or something unknown */
    BYTE_BLANK,
    BYTE_LINE_FEED,
    BYTE_QUOTE,
    BYTE_COMMA,
    BYTE_COLON,
    BYTE_OPEN,
    BYTE_CLOSE,
};

extern const uint8_t json_byte_classes[256];

/* Where in the input the walker stands during one call. */
struct json_cursor {
    const uint8_t *data;
    uint32_t size;
    uint32_t at;
    bool last;
};

enum json_reading { JSON_READ_ITEM, JSON_READ_ON, JSON_READ_MORE };

static inline void json_note(struct json_walker *walker, uint32_t at)
{
    if (!(walker->anomalies & JSON_MALFORMED))
        walker->malformed_offset = walker->offset + at;
    walker->anomalies |= JSON_MALFORMED;
}

static inline struct json_level *json_top(struct json_walker *walker)
{
    return &walker->levels[walker->depth - 1];
}

static inline void json_next_element(struct json_walker *walker)
{
    struct json_level *level = json_top(walker);
    level->index = level->member ? level->index + 1 : 0;
    level->member = true;
}

/* One level down; fewer than JSON_DEPTH_MAX are open. */
static inline void json_level_open(struct json_walker *walker, bool array)
{
    walker->depth++;
    struct json_level *level = json_top(walker);
    level->key_offset = walker->keys_used;
    level->array = array;
    level->member = false;
    walker->inside = array ? JSON_INSIDE_ARRAY : JSON_INSIDE_OBJECT;
}

static inline void json_fill(const struct json_walker *walker, const struct json_cursor *cursor, uint32_t from,
                             uint32_t size, enum json_kind kind, struct json_item *item_out)
{
    *item_out = (struct json_item){
        .text = {cursor->data + from, size},
        .offset = walker->offset + from,
        .kind = (uint8_t)kind,
        .first = true,
        .last = true,
        .place_unknown = walker->loose,
    };
}

static inline void json_value_end(struct json_walker *walker)
{
    walker->state = JSON_STATE_PLAIN;
    if (walker->loose)
        return;
    walker->expect = JSON_EXPECT_COMMA_OR_END;
    if (!walker->depth) {
        walker->expect = JSON_EXPECT_DOCUMENT;
        walker->state = JSON_STATE_DOCUMENT_END;
    }
}

/* Each goes on with the open token; the cursor stands at the first byte of its part. */
enum json_reading json_token_string(struct json_walker *walker, struct json_cursor *cursor, struct json_item *item_out);
enum json_reading json_token_word(struct json_walker *walker, struct json_cursor *cursor, struct json_item *item_out);

/* The end of the whole, plain word at data[at]: a literal, or a number without exponent. 0: there is none. */
uint32_t json_word_end(const uint8_t *data, uint32_t at, uint32_t size);
