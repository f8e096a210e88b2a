/* SPDX-License-Identifier: Apache-2.0 */

/*
 * JSON walker
 *
 * A loop over byte classes with the grammar beside it: `expect` says what RFC 8259 allows next, and whatever comes is
 * taken for the most likely thing, noted as malformed where the grammar says otherwise. So one missing comma costs an
 * anomaly, not the place of every value behind it.
 *
 * Nearly every string is short, plain and expected: those are read right here, 16 bytes at a time, all others by
 * json_token.c. What nobody asks for is read over by json_skip.c.
 */

#include "proto/json.h"

#include "proto/json_text.h"
#include "proto/json_token.h"

#define KEY_SHORT_MAX 16 /* bytes one move copies; most keys are shorter */

const uint8_t json_byte_classes[256] = {
    [' '] = BYTE_BLANK, ['\t'] = BYTE_BLANK, ['\r'] = BYTE_BLANK, ['\n'] = BYTE_LINE_FEED,
    ['"'] = BYTE_QUOTE, [','] = BYTE_COMMA,  [':'] = BYTE_COLON,  ['['] = BYTE_OPEN,
    ['{'] = BYTE_OPEN,  [']'] = BYTE_CLOSE,  ['}'] = BYTE_CLOSE,
};

/* A value begins: the place moves on, and a text may. */
static inline bool value_begin(struct json_walker *walker, uint32_t at)
{
    if (walker->loose)
        return true;
    bool good = walker->expect <= JSON_EXPECT_VALUE_OR_END;
    if (!good)
        json_note(walker, at);
    if (!walker->depth) {
        walker->documents++;
        walker->document_open = true;
        if (walker->documents > 1 && walker->mode == JSON_TEXT)
            walker->anomalies |= JSON_SEVERAL;
    } else if (walker->inside == JSON_INSIDE_ARRAY) {
        json_next_element(walker);
    }
    return good;
}

/* Keeps the common key for the pointer: whole, short, and read where 16 bytes may be read and kept. */
static inline void keep_short_key(struct json_walker *walker, const uint8_t *text, uint32_t size)
{
    struct json_level *level = json_top(walker);
    memcpy(walker->keys + level->key_offset, text, KEY_SHORT_MAX);
    walker->keys_used = (uint16_t)(level->key_offset + size);
    level->key_size = (uint8_t)size;
    level->key_cut = false;
    level->member = true;
}

static inline void read_comma(struct json_walker *walker, struct json_cursor *cursor)
{
    uint32_t at = cursor->at++;
    if (unlikely(walker->loose))
        return;
    if (unlikely(walker->expect != JSON_EXPECT_COMMA_OR_END))
        json_note(walker, at);
    if (likely(walker->inside))
        walker->expect = walker->inside == JSON_INSIDE_OBJECT ? JSON_EXPECT_KEY : JSON_EXPECT_VALUE;
}

static inline void read_colon(struct json_walker *walker, struct json_cursor *cursor)
{
    uint32_t at = cursor->at++;
    if (unlikely(walker->loose))
        return;
    if (unlikely(walker->expect != JSON_EXPECT_COLON))
        json_note(walker, at);
    if (likely(walker->inside == JSON_INSIDE_OBJECT))
        walker->expect = JSON_EXPECT_VALUE;
}

/* A string that is not short, plain, whole and expected; `looked` bytes of it are known to be plain. */
static enum json_reading begin_odd_string(struct json_walker *walker, struct json_cursor *cursor, uint32_t looked,
                                          struct json_item *item_out)
{
    bool key = !walker->loose && walker->inside == JSON_INSIDE_OBJECT && walker->expect >= JSON_EXPECT_KEY &&
               walker->expect != JSON_EXPECT_COLON;
    bool good = true;
    if (!key)
        good = value_begin(walker, cursor->at);
    else if (walker->expect == JSON_EXPECT_COMMA_OR_END) {
        json_note(walker, cursor->at);
        good = false;
    }
    walker->state = key ? JSON_STATE_KEY : JSON_STATE_STRING;
    walker->part_malformed = !good;
    walker->looked = looked;
    cursor->at++;
    return json_token_string(walker, cursor, item_out);
}

/*
 * Nearly every string is plain, whole and expected: it needs none of the state that cuts need. The byte behind it is
 * most often the one the grammar asks for, and then is taken along.
 */
static inline enum json_reading begin_string(struct json_walker *walker, struct json_cursor *cursor,
                                             struct json_item *item_out)
{
    const uint8_t *text = cursor->data + cursor->at + 1;
    uint32_t left = cursor->size - cursor->at - 1;
    uint32_t size = json_plain_end(text, 0, min_u32(left, JSON_STRING_PART_MAX));
    uint8_t expect = walker->expect;
    bool plain = size + 1 < left && text[size] == '"' && !walker->loose && walker->inside;
    if (plain && (expect == JSON_EXPECT_VALUE || expect == JSON_EXPECT_VALUE_OR_END)) {
        if (walker->inside == JSON_INSIDE_ARRAY)
            json_next_element(walker);
        json_fill(walker, cursor, cursor->at + 1, size, JSON_STRING, item_out);
        cursor->at += size + 2;
        walker->expect = JSON_EXPECT_COMMA_OR_END;
        if (text[size + 1] == ',')
            read_comma(walker, cursor);
        return JSON_READ_ITEM;
    }
    if (plain && (expect == JSON_EXPECT_KEY || expect == JSON_EXPECT_KEY_OR_END) && size <= KEY_SHORT_MAX &&
        left >= KEY_SHORT_MAX && json_top(walker)->key_offset <= JSON_KEYS_SIZE - KEY_SHORT_MAX) {
        keep_short_key(walker, text, size);
        json_fill(walker, cursor, cursor->at + 1, size, JSON_KEY, item_out);
        bool colon = text[size + 1] == ':';
        walker->expect = colon ? JSON_EXPECT_VALUE : JSON_EXPECT_COLON;
        cursor->at += size + 2 + colon;
        return JSON_READ_ITEM;
    }
    return begin_odd_string(walker, cursor, size, item_out);
}

static enum json_reading begin_word(struct json_walker *walker, struct json_cursor *cursor, struct json_item *item_out)
{
    if (cursor->data[cursor->at] == 0x1e && walker->mode == JSON_LINES) {
        cursor->at++; /* the record separator of RFC 7464 */
        return JSON_READ_ON;
    }
    walker->part_malformed = !value_begin(walker, cursor->at);
    walker->state = JSON_STATE_WORD;
    walker->number = JSON_NUMBER_START;
    return json_token_word(walker, cursor, item_out);
}

static inline enum json_reading open_level(struct json_walker *walker, struct json_cursor *cursor,
                                           struct json_item *item_out)
{
    uint32_t at = cursor->at++;
    bool array = cursor->data[at] == '[';
    if (walker->lost)
        return JSON_READ_ON;
    if (walker->excess) {
        walker->excess++;
        return JSON_READ_ON;
    }
    bool good = value_begin(walker, at);
    if (walker->depth == JSON_DEPTH_MAX) {
        walker->excess = 1;
        walker->loose = true;
        walker->anomalies |= JSON_DEEP;
        return JSON_READ_ON;
    }
    json_level_open(walker, array);
    walker->expect = array ? JSON_EXPECT_VALUE_OR_END : JSON_EXPECT_KEY_OR_END;
    json_fill(walker, cursor, at, 1, array ? JSON_ARRAY_BEGIN : JSON_OBJECT_BEGIN, item_out);
    item_out->malformed = !good;
    return JSON_READ_ITEM;
}

static inline enum json_reading close_level(struct json_walker *walker, struct json_cursor *cursor,
                                            struct json_item *item_out)
{
    uint32_t at = cursor->at++;
    if (walker->lost)
        return JSON_READ_ON;
    if (walker->excess) {
        walker->excess--;
        walker->loose = walker->excess > 0;
        if (!walker->loose)
            walker->expect = JSON_EXPECT_COMMA_OR_END;
        return JSON_READ_ON;
    }
    if (!walker->depth) {
        json_note(walker, at);
        return JSON_READ_ON;
    }
    struct json_level *level = json_top(walker);
    bool array = level->array;
    bool may_end = walker->expect == JSON_EXPECT_COMMA_OR_END ||
                   walker->expect == (array ? JSON_EXPECT_VALUE_OR_END : JSON_EXPECT_KEY_OR_END);
    bool good = may_end && array == (cursor->data[at] == ']');
    if (!good)
        json_note(walker, at);
    walker->keys_used = level->key_offset;
    walker->depth--;
    walker->inside = JSON_INSIDE_NOTHING;
    if (walker->depth)
        walker->inside = json_top(walker)->array ? JSON_INSIDE_ARRAY : JSON_INSIDE_OBJECT;
    json_fill(walker, cursor, at, 1, array ? JSON_ARRAY_END : JSON_OBJECT_END, item_out);
    item_out->malformed = !good;
    json_value_end(walker);
    return JSON_READ_ITEM;
}

/* The open text is over, whatever its state. */
static void end_document(struct json_walker *walker, const struct json_cursor *cursor, bool whole,
                         struct json_item *item_out)
{
    walker->depth = 0;
    walker->inside = JSON_INSIDE_NOTHING;
    walker->excess = 0;
    walker->loose = walker->lost;
    walker->keys_used = 0;
    walker->expect = JSON_EXPECT_DOCUMENT;
    walker->state = JSON_STATE_PLAIN;
    walker->document_open = false;
    json_fill(walker, cursor, cursor->at, 0, JSON_DOCUMENT_END, item_out);
    item_out->malformed = !whole;
}

/* In lines mode a line feed ends the text, so that a broken line costs nothing but itself. */
static enum json_reading read_line_feed(struct json_walker *walker, struct json_cursor *cursor,
                                        struct json_item *item_out)
{
    cursor->at++;
    if (walker->mode != JSON_LINES || !walker->document_open)
        return JSON_READ_ON;
    json_note(walker, cursor->at - 1);
    end_document(walker, cursor, false, item_out);
    return JSON_READ_ITEM;
}

static inline enum json_reading read_plain(struct json_walker *walker, struct json_cursor *cursor,
                                           struct json_item *item_out)
{
    switch (json_byte_classes[cursor->data[cursor->at]]) {
    case BYTE_BLANK:
        cursor->at++;
        return JSON_READ_ON;
    case BYTE_LINE_FEED:
        return read_line_feed(walker, cursor, item_out);
    case BYTE_QUOTE:
        return begin_string(walker, cursor, item_out);
    case BYTE_COMMA:
        read_comma(walker, cursor);
        return JSON_READ_ON;
    case BYTE_COLON:
        read_colon(walker, cursor);
        return JSON_READ_ON;
    case BYTE_OPEN:
        return open_level(walker, cursor, item_out);
    case BYTE_CLOSE:
        return close_level(walker, cursor, item_out);
    default:
        return begin_word(walker, cursor, item_out);
    }
}

/* Behind a loss: nothing is certain before a line feed. */
static enum json_reading read_resync(struct json_walker *walker, struct json_cursor *cursor)
{
    const uint8_t *from = cursor->data + cursor->at;
    const uint8_t *feed = memchr(from, '\n', cursor->size - cursor->at);
    cursor->at = feed ? (uint32_t)(feed + 1 - cursor->data) : cursor->size;
    if (feed) {
        walker->state = JSON_STATE_PLAIN;
        walker->lost = walker->loose = walker->mode != JSON_LINES;
    }
    return JSON_READ_ON;
}

/* A byte order mark at the very beginning. */
static enum json_reading read_start(struct json_walker *walker, struct json_cursor *cursor)
{
    static const uint8_t mark[3] = {0xef, 0xbb, 0xbf};
    uint32_t size = min_u32(cursor->size, sizeof(mark));
    bool begins = memcmp(cursor->data, mark, size) == 0;
    if (begins && size < sizeof(mark) && !cursor->last)
        return JSON_READ_MORE;
    walker->state = JSON_STATE_PLAIN;
    if (begins && size == sizeof(mark)) {
        walker->anomalies |= JSON_BYTE_ORDER_MARK;
        cursor->at = sizeof(mark);
    }
    return JSON_READ_ON;
}

/* Everything offered is read and nothing follows. */
static enum json_reading read_end(struct json_walker *walker, struct json_cursor *cursor, struct json_item *item_out)
{
    if (walker->document_open) {
        walker->anomalies |= JSON_UNFINISHED;
        end_document(walker, cursor, false, item_out);
        return JSON_READ_ITEM;
    }
    if (!walker->documents && !(walker->anomalies & JSON_LOSS))
        walker->anomalies |= JSON_EMPTY;
    walker->state = JSON_STATE_ENDED;
    return JSON_READ_MORE;
}

/* Whatever is not between tokens. */
static enum json_reading read_state(struct json_walker *walker, struct json_cursor *cursor, struct json_item *item_out)
{
    switch (walker->state) {
    case JSON_STATE_START:
        return read_start(walker, cursor);
    case JSON_STATE_KEY:
    case JSON_STATE_STRING:
        return json_token_string(walker, cursor, item_out);
    case JSON_STATE_WORD:
        return json_token_word(walker, cursor, item_out);
    case JSON_STATE_DOCUMENT_END:
        end_document(walker, cursor, true, item_out);
        return JSON_READ_ITEM;
    case JSON_STATE_RESYNC:
        return cursor->at < cursor->size ? read_resync(walker, cursor) : JSON_READ_MORE;
    default:
        cursor->at = cursor->size;
        return JSON_READ_MORE;
    }
}

static struct parse_step lose(struct json_walker *walker, const struct parse_input *input)
{
    walker->offset += (uint64_t)walker->held + input->lost;
    walker->anomalies |= JSON_LOSS;
    walker->expect = JSON_EXPECT_DOCUMENT;
    walker->looked = walker->held = walker->keys_used = 0;
    walker->excess = 0;
    walker->depth = 0;
    walker->inside = JSON_INSIDE_NOTHING;
    walker->document_open = false;
    walker->part_next = walker->part_escaped = walker->part_malformed = false;
    walker->lost = walker->loose = true;
    walker->state = input->last ? JSON_STATE_ENDED : JSON_STATE_RESYNC;
    return parse_step_of(input->last ? PARSE_STOP : PARSE_MORE, 0, 0);
}

void json_init(struct json_walker *walker, enum json_mode mode)
{
    memset(walker, 0, offsetof(struct json_walker, levels));
    walker->mode = (uint8_t)mode;
}

struct parse_step json_parse(struct json_walker *walker, const struct parse_input *input, struct json_item *item_out)
{
    if (unlikely(!input->data && input->lost))
        return lose(walker, input);
    struct json_cursor cursor = {.data = input->data, .size = input->size, .last = input->last};
    if (unlikely(!cursor.data))
        cursor.data = (const uint8_t *)"";
    enum json_reading reading = JSON_READ_ON;
    if (unlikely(walker->state != JSON_STATE_PLAIN))
        reading = read_state(walker, &cursor, item_out);
    while (reading == JSON_READ_ON && cursor.at < cursor.size) {
        if (likely(walker->state == JSON_STATE_PLAIN))
            reading = read_plain(walker, &cursor, item_out);
        else
            reading = read_state(walker, &cursor, item_out);
    }
    if (unlikely(reading == JSON_READ_ON))
        reading = cursor.last ? read_end(walker, &cursor, item_out) : JSON_READ_MORE;
    walker->offset += cursor.at;
    bool item = reading == JSON_READ_ITEM;
    walker->held = item ? 0 : cursor.size - cursor.at;
    enum parse_status status = item ? PARSE_ITEM : walker->state == JSON_STATE_ENDED ? PARSE_STOP : PARSE_MORE;
    return parse_step_of(status, cursor.at, 0);
}
