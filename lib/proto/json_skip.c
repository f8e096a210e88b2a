/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reading over JSON
 *
 * Long bodies are walked only to know the path of a value that may come later, so nearly all of their items are asked
 * for by nobody. Here they cost a few instructions each: no item is filled, and of the state only what the next token
 * needs is kept at hand. Every step is one that json.c would take; where it would do anything else this stops.
 */

#include "proto/json_leap.h"
#include "proto/json_text.h"
#include "proto/json_token.h"

#define KEY_FAST 16u /* bytes one move copies; most keys are shorter */

struct skipper {
    struct json_walker *walker;
    const uint8_t *data;
    uint32_t size;
    uint32_t at;
    uint32_t begin, end; /* of the last key or value */
    uint8_t expect;
    bool any, key, of_key, word;
    bool open; /* the last token was a key, or its colon */
};

static inline void value_done(struct skipper *skipper, uint32_t end, bool word)
{
    if (skipper->walker->inside == JSON_INSIDE_ARRAY)
        json_next_element(skipper->walker);
    skipper->begin = skipper->at;
    skipper->end = skipper->at = end;
    skipper->any = true;
    skipper->of_key = skipper->open;
    skipper->key = skipper->open = false;
    skipper->word = word;
    skipper->expect = JSON_EXPECT_COMMA_OR_END;
}

/* Keeps the key for the pointer. False: it would not be kept whole. */
static inline bool keep_key(struct skipper *skipper, const uint8_t *text, uint32_t size)
{
    struct json_walker *walker = skipper->walker;
    struct json_level *level = json_top(walker);
    uint32_t offset = level->key_offset;
    if (likely(size <= KEY_FAST && skipper->size - skipper->at > KEY_FAST && offset <= JSON_KEYS_SIZE - KEY_FAST))
        memcpy(walker->keys + offset, text, KEY_FAST);
    else if (size <= JSON_KEY_KEPT_MAX && size <= JSON_KEYS_SIZE - offset)
        memcpy(walker->keys + offset, text, size);
    else
        return false;
    walker->keys_used = (uint16_t)(offset + size);
    level->key_size = (uint8_t)size;
    level->key_cut = false;
    level->member = true;
    return true;
}

static inline bool skip_string(struct skipper *skipper)
{
    const uint8_t *text = skipper->data + skipper->at + 1;
    uint32_t left = skipper->size - skipper->at - 1;
    uint32_t size = json_plain_end(text, 0, min_u32(left, JSON_STRING_PART_MAX));
    if (unlikely(size >= left || text[size] != '"'))
        return false;
    uint32_t end = skipper->at + size + 2;
    if (skipper->expect == JSON_EXPECT_VALUE || skipper->expect == JSON_EXPECT_VALUE_OR_END) {
        value_done(skipper, end, false);
        return true;
    }
    bool key = skipper->expect == JSON_EXPECT_KEY || skipper->expect == JSON_EXPECT_KEY_OR_END;
    if (!key || !keep_key(skipper, text, size))
        return false;
    skipper->begin = skipper->at;
    skipper->end = skipper->at = end;
    skipper->any = skipper->key = skipper->open = true;
    skipper->of_key = skipper->word = false;
    skipper->expect = JSON_EXPECT_COLON;
    return true;
}

static inline bool is_digit(uint8_t c)
{
    return (uint8_t)(c - '0') < 10;
}

/* The end of the number at `at`, RFC 8259 section 6 without exponents; 0: none. */
static inline uint32_t number_end(const uint8_t *data, uint32_t at, uint32_t size)
{
    at += data[at] == '-';
    if (at >= size || !is_digit(data[at]))
        return 0;
    if (data[at] == '0')
        at++;
    else
        while (at < size && is_digit(data[at]))
            at++;
    if (at < size && data[at] == '.') {
        uint32_t first = ++at;
        while (at < size && is_digit(data[at]))
            at++;
        if (at == first)
            return 0;
    }
    return at;
}

static inline uint32_t literal_end(const uint8_t *data, uint32_t at, uint32_t size)
{
    const uint8_t *text = data + at;
    uint32_t left = size - at;
    if (left >= 4 && (memcmp(text, "true", 4) == 0 || memcmp(text, "null", 4) == 0))
        return at + 4;
    return left >= 5 && memcmp(text, "false", 5) == 0 ? at + 5 : 0;
}

uint32_t json_word_end(const uint8_t *data, uint32_t at, uint32_t size)
{
    bool number = is_digit(data[at]) || data[at] == '-';
    uint32_t end = number ? number_end(data, at, size) : literal_end(data, at, size);
    bool whole = end > 0 && end < size && end - at <= JSON_STRING_PART_MAX;
    return whole && json_byte_classes[data[end]] != BYTE_WORD ? end : 0;
}

static inline bool skip_word(struct skipper *skipper)
{
    if (skipper->expect != JSON_EXPECT_VALUE && skipper->expect != JSON_EXPECT_VALUE_OR_END)
        return false;
    uint32_t end = json_word_end(skipper->data, skipper->at, skipper->size);
    if (end == 0)
        return false;
    value_done(skipper, end, true);
    return true;
}

static inline bool skip_open(struct skipper *skipper)
{
    struct json_walker *walker = skipper->walker;
    if ((skipper->expect != JSON_EXPECT_VALUE && skipper->expect != JSON_EXPECT_VALUE_OR_END) ||
        walker->depth == JSON_DEPTH_MAX)
        return false;
    bool array = skipper->data[skipper->at++] == '[';
    if (walker->inside == JSON_INSIDE_ARRAY)
        json_next_element(walker);
    json_level_open(walker, array);
    skipper->expect = array ? JSON_EXPECT_VALUE_OR_END : JSON_EXPECT_KEY_OR_END;
    skipper->open = false;
    return true;
}

/* Never the last level: the end of a text is told. */
static inline bool skip_close(struct skipper *skipper)
{
    struct json_walker *walker = skipper->walker;
    bool array = walker->inside == JSON_INSIDE_ARRAY;
    bool may_end = skipper->expect == JSON_EXPECT_COMMA_OR_END ||
                   skipper->expect == (array ? JSON_EXPECT_VALUE_OR_END : JSON_EXPECT_KEY_OR_END);
    if (!may_end || array != (skipper->data[skipper->at] == ']') || walker->depth < 2)
        return false;
    skipper->at++;
    walker->keys_used = json_top(walker)->key_offset;
    walker->depth--;
    walker->inside = json_top(walker)->array ? JSON_INSIDE_ARRAY : JSON_INSIDE_OBJECT;
    skipper->expect = JSON_EXPECT_COMMA_OR_END;
    skipper->open = false;
    return true;
}

static inline bool skip_token(struct skipper *skipper)
{
    switch (json_byte_classes[skipper->data[skipper->at]]) {
    case BYTE_BLANK:
        skipper->at++;
        return true;
    case BYTE_LINE_FEED: /* between the lines of lines mode it ends the text */
        skipper->at += skipper->walker->mode == JSON_TEXT;
        return skipper->walker->mode == JSON_TEXT;
    case BYTE_QUOTE:
        return skip_string(skipper);
    case BYTE_COMMA:
        if (skipper->expect != JSON_EXPECT_COMMA_OR_END)
            return false;
        skipper->expect = skipper->walker->inside == JSON_INSIDE_OBJECT ? JSON_EXPECT_KEY : JSON_EXPECT_VALUE;
        skipper->at++;
        return true;
    case BYTE_COLON:
        if (skipper->expect != JSON_EXPECT_COLON)
            return false;
        skipper->expect = JSON_EXPECT_VALUE;
        skipper->at++;
        return true;
    case BYTE_OPEN:
        return skip_open(skipper);
    case BYTE_CLOSE:
        return skip_close(skipper);
    default:
        return skip_word(skipper);
    }
}

/* Token by token. */
static uint32_t step_over(struct json_walker *walker, const uint8_t *data, uint32_t size, struct json_skipped *skipped)
{
    struct skipper skipper = {
        .walker = walker, .data = data, .size = size, .expect = walker->expect, .open = skipped->open};
    while (skipper.at < size && skip_token(&skipper))
        continue;
    if (skipper.at == 0)
        return 0;
    walker->expect = skipper.expect;
    walker->held = 0;
    skipped->open = skipper.open;
    if (skipper.any)
        *skipped = (struct json_skipped){
            .begin = walker->offset + skipper.begin,
            .end = walker->offset + skipper.end,
            .any = true,
            .key = skipper.key,
            .open = skipper.open,
            .of_key = skipper.of_key,
            .word = skipper.word,
        };
    walker->offset += skipper.at;
    return skipper.at;
}

uint32_t json_skip(struct json_walker *walker, const uint8_t *data, uint32_t size, struct json_skipped *skipped)
{
    *skipped = (struct json_skipped){.open = skipped->open};
    if (walker->state != JSON_STATE_PLAIN || walker->loose || walker->depth == 0)
        return 0;
    uint32_t at = 0;
    if (size >= JSON_LEAP_MIN && walker->mode == JSON_TEXT)
        at = json_leap(walker, data, size, skipped);
    return at < size ? at + step_over(walker, data + at, size - at, skipped) : at;
}
