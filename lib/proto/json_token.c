/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tokens of the JSON walker
 *
 * Parts end at fixed sizes, never where the input happens to end, and never inside a character. Numbers run through a
 * table, so that a number cut anywhere needs no memory but the state.
 */

#include "proto/json_token.h"

#include "proto/json_text.h"

/* RFC 8259 section 6 as a table. NUMBER_WORD is everything that does not begin like a number. */
enum number_state {
    NUMBER_START = JSON_NUMBER_START,
    NUMBER_MINUS,
    NUMBER_ZERO,
    NUMBER_DIGITS,
    NUMBER_POINT,
    NUMBER_FRACTION,
    NUMBER_E,
    NUMBER_E_SIGN,
    NUMBER_EXPONENT,
    NUMBER_BAD,
    NUMBER_WORD,
    NUMBER_STATE_COUNT
};

enum number_class {
    DIGIT_OTHER,
    DIGIT_ZERO,
    DIGIT_NINE,
    DIGIT_MINUS,
    DIGIT_PLUS,
    DIGIT_POINT,
    DIGIT_E,
    DIGIT_COUNT,
    DIGIT_END = DIGIT_COUNT, /* the bytes that end a word: all those with a class of their own above */
};

static const uint8_t number_classes[256] = {
    ['0'] = DIGIT_ZERO,  ['1'] = DIGIT_NINE, ['2'] = DIGIT_NINE,  ['3'] = DIGIT_NINE, ['4'] = DIGIT_NINE,
    ['5'] = DIGIT_NINE,  ['6'] = DIGIT_NINE, ['7'] = DIGIT_NINE,  ['8'] = DIGIT_NINE, ['9'] = DIGIT_NINE,
    ['-'] = DIGIT_MINUS, ['+'] = DIGIT_PLUS, ['.'] = DIGIT_POINT, ['e'] = DIGIT_E,    ['E'] = DIGIT_E,
    [' '] = DIGIT_END,   ['\t'] = DIGIT_END, ['\r'] = DIGIT_END,  ['\n'] = DIGIT_END, ['"'] = DIGIT_END,
    [','] = DIGIT_END,   [':'] = DIGIT_END,  ['['] = DIGIT_END,   ['{'] = DIGIT_END,  [']'] = DIGIT_END,
    ['}'] = DIGIT_END,
};

#define BAD NUMBER_BAD /* keeps the table readable */

static const uint8_t number_next[NUMBER_STATE_COUNT][DIGIT_COUNT] = {
    /*                    other        zero             nine             minus          plus           point e */
    [NUMBER_START] = {NUMBER_WORD, NUMBER_ZERO, NUMBER_DIGITS, NUMBER_MINUS, NUMBER_WORD, NUMBER_WORD, NUMBER_WORD},
    [NUMBER_MINUS] = {BAD, NUMBER_ZERO, NUMBER_DIGITS, BAD, BAD, BAD, BAD},
    [NUMBER_ZERO] = {BAD, BAD, BAD, BAD, BAD, NUMBER_POINT, NUMBER_E},
    [NUMBER_DIGITS] = {BAD, NUMBER_DIGITS, NUMBER_DIGITS, BAD, BAD, NUMBER_POINT, NUMBER_E},
    [NUMBER_POINT] = {BAD, NUMBER_FRACTION, NUMBER_FRACTION, BAD, BAD, BAD, BAD},
    [NUMBER_FRACTION] = {BAD, NUMBER_FRACTION, NUMBER_FRACTION, BAD, BAD, BAD, NUMBER_E},
    [NUMBER_E] = {BAD, NUMBER_EXPONENT, NUMBER_EXPONENT, NUMBER_E_SIGN, NUMBER_E_SIGN, BAD, BAD},
    [NUMBER_E_SIGN] = {BAD, NUMBER_EXPONENT, NUMBER_EXPONENT, BAD, BAD, BAD, BAD},
    [NUMBER_EXPONENT] = {BAD, NUMBER_EXPONENT, NUMBER_EXPONENT, BAD, BAD, BAD, BAD},
    [NUMBER_BAD] = {BAD, BAD, BAD, BAD, BAD, BAD, BAD},
    [NUMBER_WORD] = {NUMBER_WORD, NUMBER_WORD, NUMBER_WORD, NUMBER_WORD, NUMBER_WORD, NUMBER_WORD, NUMBER_WORD},
};

static const bool number_whole[NUMBER_STATE_COUNT] = {
    [NUMBER_ZERO] = true, [NUMBER_DIGITS] = true, [NUMBER_FRACTION] = true, [NUMBER_EXPONENT] = true};

/* Keeps a part of a key for the pointer. */
static void keep_key(struct json_walker *walker, const struct json_item *item)
{
    struct json_level *level = json_top(walker);
    if (item->first) {
        walker->keys_used = level->key_offset;
        level->key_size = 0;
        level->key_cut = false;
        level->member = true;
    }
    uint32_t room = min_u32(JSON_KEY_KEPT_MAX - level->key_size, JSON_KEYS_SIZE - walker->keys_used);
    uint32_t size = level->key_cut ? 0 : min_u32(item->text.size, room);
    memcpy(walker->keys + walker->keys_used, item->text.data, size);
    walker->keys_used = (uint16_t)(walker->keys_used + size);
    level->key_size = (uint8_t)(level->key_size + size);
    if (size < item->text.size) {
        level->key_cut = true;
        walker->anomalies |= JSON_KEY_CUT;
    }
}

/* Ends the open string's part of `size` bytes at the cursor, with its quote when `whole`. */
static enum json_reading string_part(struct json_walker *walker, struct json_cursor *cursor, uint32_t size, bool whole,
                                     struct json_item *item_out)
{
    json_fill(walker, cursor, cursor->at, size, walker->state == JSON_STATE_KEY ? JSON_KEY : JSON_STRING, item_out);
    item_out->first = !walker->part_next;
    item_out->last = whole;
    item_out->escaped = walker->part_escaped;
    item_out->malformed = walker->part_malformed;
    cursor->at += size;
    walker->looked = 0;
    walker->part_escaped = walker->part_malformed = false;
    walker->part_next = !whole;
    if (walker->state == JSON_STATE_KEY)
        keep_key(walker, item_out);
    if (whole && walker->state == JSON_STATE_KEY) {
        walker->expect = JSON_EXPECT_COLON;
        walker->state = JSON_STATE_PLAIN;
    } else if (whole) {
        json_value_end(walker);
    }
    return JSON_READ_ITEM;
}

/* The input, or in lines mode the line, ended inside a string. */
static enum json_reading string_broken(struct json_walker *walker, struct json_cursor *cursor, uint32_t size,
                                       struct json_item *item_out)
{
    json_note(walker, cursor->at + size);
    walker->part_malformed = true;
    return string_part(walker, cursor, size, true, item_out);
}

/* Goes on with the open string; the cursor stands at the first byte of its part. */
enum json_reading json_token_string(struct json_walker *walker, struct json_cursor *cursor, struct json_item *item_out)
{
    const uint8_t *text = cursor->data + cursor->at;
    uint32_t size = cursor->size - cursor->at, at = walker->looked;
    while (true) {
        at = json_plain_end(text, at, min_u32(size, JSON_STRING_PART_MAX));
        if (at == size)
            break;
        if (text[at] == '"') {
            enum json_reading reading = string_part(walker, cursor, at, true, item_out);
            cursor->at++;
            return reading;
        }
        if (text[at] == '\n' && walker->mode == JSON_LINES)
            return string_broken(walker, cursor, at, item_out);
        struct json_unit unit = json_unit_read((struct span){text + at, size - at}, cursor->last);
        if (!unit.size)
            break;
        if (at + unit.size > JSON_STRING_PART_MAX)
            return string_part(walker, cursor, at, false, item_out);
        walker->part_escaped |= text[at] == '\\';
        if (unit.malformed) {
            json_note(walker, cursor->at + at);
            walker->part_malformed = true;
        }
        at += unit.size;
    }
    walker->looked = at;
    if (!cursor->last)
        return JSON_READ_MORE;
    walker->anomalies |= JSON_UNFINISHED;
    return string_broken(walker, cursor, at, item_out);
}

static inline enum json_kind word_kind(const struct json_walker *walker, struct span text)
{
    if (walker->number != NUMBER_WORD)
        return JSON_NUMBER;
    if (walker->part_next)
        return JSON_OTHER;
    if (span_equal(text, SPAN_LITERAL("true")))
        return JSON_TRUE;
    if (span_equal(text, SPAN_LITERAL("false")))
        return JSON_FALSE;
    return span_equal(text, SPAN_LITERAL("null")) ? JSON_NULL : JSON_OTHER;
}

static inline enum json_reading word_part(struct json_walker *walker, struct json_cursor *cursor, uint32_t size,
                                          bool whole, struct json_item *item_out)
{
    struct span text = {cursor->data + cursor->at, size};
    enum json_kind kind = word_kind(walker, text);
    bool bad = kind == JSON_OTHER || walker->number == NUMBER_BAD ||
               (whole && kind == JSON_NUMBER && !number_whole[walker->number]);
    if (bad)
        json_note(walker, cursor->at);
    json_fill(walker, cursor, cursor->at, size, kind, item_out);
    item_out->first = !walker->part_next;
    item_out->last = whole;
    item_out->malformed = bad || walker->part_malformed;
    cursor->at += size;
    walker->looked = 0;
    walker->part_malformed = false;
    walker->part_next = !whole;
    if (whole)
        json_value_end(walker);
    return JSON_READ_ITEM;
}

/* Goes on with the open word: a number, a literal, or whatever else is no structure. */
enum json_reading json_token_word(struct json_walker *walker, struct json_cursor *cursor, struct json_item *item_out)
{
    const uint8_t *text = cursor->data + cursor->at;
    uint32_t size = cursor->size - cursor->at, at = walker->looked;
    uint8_t state = walker->number;
    uint32_t end = min_u32(size, JSON_STRING_PART_MAX);
    for (; at < end && number_classes[text[at]] != DIGIT_END; at++)
        state = number_next[state][number_classes[text[at]]];
    walker->number = state;
    walker->looked = at;
    if (at == size && !cursor->last)
        return JSON_READ_MORE;
    bool whole = at == size || number_classes[text[at]] == DIGIT_END;
    return word_part(walker, cursor, at, whole, item_out);
}
