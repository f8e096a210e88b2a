/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Leaping over JSON
 *
 * Which bytes lie inside strings follows from the quotes by a prefix XOR (Langdale and Lemire 2019, section 3.1.1). The
 * grammar is then a matter of neighbours: of each token the one before it (`behind_...`), of colons and commas the
 * bracket, colon or comma before them. Both are found by carries of an addition that run through all that lies between.
 * What was read counts only up to the last comma behind a plain value: there the state is simple, and all that lies
 * behind is read again by others. Until then brackets wait in a list.
 */

#include "proto/json_leap.h"

#include "proto/json_block.h"
#include "proto/json_token.h"

#define BATCH     4u   /* blocks classified at once; more would be for nothing where escapes are frequent */
#define EVENT_MAX 256u /* brackets that wait; a block adds at most JSON_BLOCK */

static_assert(JSON_DEPTH_MAX <= 64, "the kinds of all levels fit one word");
static_assert(EVENT_MAX >= 2 * JSON_BLOCK, "a block always finds room when those before it were let go");

struct event {
    uint32_t at;       /* of the bracket */
    uint32_t elements; /* plain elements of arrays that ended before it */
};

/* What a block leaves to the next: bit 0 of each. */
struct carry {
    uint64_t string; /* all ones: inside a string */
    uint64_t word;
    uint64_t open, close, comma, colon, quote; /* the last token */
    uint64_t last_colon;                       /* of brackets, colons and commas the last one is a colon */
};

struct leap {
    struct json_walker *walker;
    const uint8_t *data;
    uint32_t size;
    uint64_t arrays; /* the kinds of open levels, the innermost in bit 0 */
    uint32_t depth;
    struct carry carry;
    uint32_t elements;
    uint32_t event_count;
    /* The last comma behind a plain value. */
    uint32_t comma_at, comma_events, comma_elements;
    bool comma, comma_array;
    uint32_t told; /* elements that the walker knows of */
    struct event events[EVENT_MAX];
};

/* What lies where in a block. */
struct view {
    struct json_block is; /* outside of strings only, but for `special` */
    uint64_t begin_quote, end_quote, inside, word;
    uint64_t object; /* bytes, brackets at the end included, whose level is an object */
    uint64_t behind_open, behind_close, behind_comma, behind_colon, behind_quote;
    uint64_t last_colon;
};

/* Bits behind those of `from`, and behind whatever of `gap` follows them. */
static inline uint64_t follow(uint64_t from, uint64_t gap, uint64_t *carry)
{
    uint64_t next = from << 1 | *carry, sum;
    bool beyond = __builtin_add_overflow(next & gap, gap, &sum);
    *carry = beyond || from >> 63;
    return (sum | next) & ~gap;
}

static inline uint64_t prefix_xor(uint64_t bits)
{
    for (uint32_t shift = 1; shift < 64; shift *= 2)
        bits ^= bits << shift;
    return bits;
}

static inline uint64_t up_to(uint32_t bit)
{
    return UINT64_MAX >> (63 - bit);
}

static inline void split(const struct json_block *block, struct carry *carry, struct view *view)
{
    uint64_t string = prefix_xor(block->quote) ^ carry->string;
    uint64_t outside = ~string & ~block->quote;
    carry->string = (uint64_t)((int64_t)string >> 63);
    view->begin_quote = block->quote & string;
    view->end_quote = block->quote & ~string;
    view->inside = string & ~block->quote;
    view->is = (struct json_block){
        .comma = block->comma & outside,
        .colon = block->colon & outside,
        .open = block->open & outside,
        .close = block->close & outside,
        .blank = block->blank & outside,
        .digit = block->digit & outside,
        .special = block->special,
    };
    const struct json_block *is = &view->is;
    view->word = outside & ~(is->comma | is->colon | is->open | is->close | is->blank);
    uint64_t gap = view->inside | is->blank;
    view->behind_open = follow(is->open, gap, &carry->open);
    view->behind_close = follow(is->close, gap, &carry->close);
    view->behind_comma = follow(is->comma, gap, &carry->comma);
    view->behind_colon = follow(is->colon, gap, &carry->colon);
    view->behind_quote = follow(view->end_quote, gap, &carry->quote);
    uint64_t structure = is->comma | is->colon | is->open | is->close;
    view->last_colon = follow(is->colon, ~structure, &carry->last_colon);
}

/* Follows the brackets of the block at `base`. False: not as it should be, or too deep. */
static inline bool nest(struct leap *leap, struct view *view, uint32_t base, uint64_t elements)
{
    uint64_t brackets = view->is.open | view->is.close;
    view->object = leap->arrays & 1 ? 0 : UINT64_MAX;
    for (; brackets; brackets &= brackets - 1) {
        uint32_t bit = (uint32_t)__builtin_ctzll(brackets);
        bool array = leap->data[base + bit] == '[' || leap->data[base + bit] == ']';
        if (view->is.open >> bit & 1) {
            if (leap->depth == JSON_DEPTH_MAX)
                return false;
            leap->arrays = leap->arrays << 1 | array;
            leap->depth++;
        } else {
            if (leap->depth < 2 || array != (leap->arrays & 1))
                return false;
            leap->arrays >>= 1;
            leap->depth--;
        }
        view->object = (view->object & up_to(bit)) | (leap->arrays & 1 ? 0 : ~up_to(bit));
        leap->events[leap->event_count++] = (struct event){
            .at = base + bit,
            .elements = leap->elements + (uint32_t)__builtin_popcountll(elements & up_to(bit)),
        };
    }
    return true;
}

/* RFC 8259 sections 2 to 5, by neighbours. */
static inline bool is_grammar(const struct view *view, uint64_t word_begins)
{
    const struct json_block *is = &view->is;
    uint64_t behind_separator = view->behind_comma | view->behind_colon;
    uint64_t may_begin = behind_separator | view->behind_open;
    uint64_t wrong = (view->begin_quote | is->open | word_begins) & ~may_begin;
    wrong |= (is->open | word_begins) & view->object & ~view->behind_colon;
    wrong |= is->comma & may_begin;
    wrong |= is->comma & view->object & ~(view->last_colon | view->behind_close);
    wrong |= is->colon & ~(view->behind_quote & view->object);
    wrong |= is->colon & view->last_colon;
    wrong |= is->close & behind_separator;
    wrong |= is->close & view->object & ~(view->last_colon | view->behind_close | view->behind_open);
    wrong |= view->is.special & view->inside;
    return wrong == 0;
}

static inline bool are_words(const struct leap *leap, const struct view *view, uint32_t base, uint64_t word_begins)
{
    for (; word_begins; word_begins &= word_begins - 1) {
        uint32_t bit = (uint32_t)__builtin_ctzll(word_begins), at = base + bit;
        uint64_t behind = ~view->word & ~up_to(bit);
        /* Most words are short numbers without a fraction. */
        bool digits = behind && !(view->word & ~view->is.digit & ~up_to(bit) & ((behind & -behind) - 1));
        if (digits && leap->data[at] > '0' && leap->data[at] <= '9')
            continue;
        uint32_t end = json_word_end(leap->data, at, leap->size);
        if (end == 0)
            return false;
    }
    return true;
}

static inline uint32_t back_over_blanks(const uint8_t *data, uint32_t end)
{
    while (end > 0 && json_byte_classes[data[end - 1]] >= BYTE_BLANK &&
           json_byte_classes[data[end - 1]] <= BYTE_LINE_FEED)
        end--;
    return end;
}

/* The quote that begins the string that ends at `end`; a word likewise. */
static inline uint32_t begin_of_string(const uint8_t *data, uint32_t end)
{
    const uint8_t *quote = memrchr(data, '"', end - 1);
    require(quote);
    return (uint32_t)(quote - data);
}

/* Keeps the key whose colon ends in front of `end`; one that was read before is known already. */
static void keep_key_before(struct leap *leap, uint32_t end)
{
    struct json_walker *walker = leap->walker;
    struct json_level *level = json_top(walker);
    const uint8_t *data = leap->data;
    end = back_over_blanks(data, end);
    if (end == 0 || data[end - 1] != ':')
        return;
    end = back_over_blanks(data, end - 1);
    if (end == 0)
        return;
    uint32_t begin = begin_of_string(data, end) + 1, size = end - 1 - begin;
    uint32_t room = min_u32(JSON_KEY_KEPT_MAX, JSON_KEYS_SIZE - level->key_offset), kept = min_u32(size, room);
    memcpy(walker->keys + level->key_offset, data + begin, kept);
    walker->keys_used = (uint16_t)(level->key_offset + kept);
    walker->anomalies |= kept < size ? JSON_KEY_CUT : 0;
    level->key_size = (uint8_t)kept;
    level->key_cut = kept < size;
    level->member = true;
}

static void add_elements(struct json_level *level, uint32_t count)
{
    if (count == 0)
        return;
    level->index = level->member ? level->index + count : count - 1;
    level->member = true;
}

static void tell_event(struct leap *leap, const struct event *event)
{
    struct json_walker *walker = leap->walker;
    struct json_level *level = json_top(walker);
    uint8_t c = leap->data[event->at];
    bool open = c == '[' || c == '{';
    if (!open) {
        walker->keys_used = level->key_offset;
        walker->depth--;
    } else {
        if (level->array)
            add_elements(level, event->elements - leap->told + 1);
        else
            keep_key_before(leap, event->at);
        walker->depth++;
        level = json_top(walker);
        level->key_offset = walker->keys_used;
        level->array = c == '[';
        level->member = false;
    }
    walker->inside = json_top(walker)->array ? JSON_INSIDE_ARRAY : JSON_INSIDE_OBJECT;
    leap->told = event->elements;
}

/* Tells the walker of the brackets in front of the comma; those behind it go on waiting. */
static void tell_events(struct leap *leap)
{
    for (uint32_t i = 0; i < leap->comma_events; i++)
        tell_event(leap, &leap->events[i]);
    leap->event_count -= leap->comma_events;
    memmove(leap->events, leap->events + leap->comma_events, leap->event_count * sizeof(leap->events[0]));
    leap->comma_events = 0;
}

static void note_comma(struct leap *leap, const struct view *view, uint32_t base, uint64_t commas, uint64_t elements,
                       uint32_t events_before)
{
    if (!commas)
        return;
    uint32_t bit = 63 - (uint32_t)__builtin_clzll(commas);
    uint64_t brackets = (view->is.open | view->is.close) & up_to(bit);
    leap->comma = true;
    leap->comma_at = base + bit;
    leap->comma_events = events_before + (uint32_t)__builtin_popcountll(brackets);
    leap->comma_elements = leap->elements + (uint32_t)__builtin_popcountll(elements & up_to(bit));
    leap->comma_array = !(view->object >> bit & 1);
}

/* False: the block is not all plain and correct, and none of it counts. */
static bool read_block(struct leap *leap, const struct json_block *block, uint32_t base)
{
    struct view view;
    bool key = !(leap->arrays & 1) && !leap->carry.last_colon;
    uint64_t word_before = leap->carry.word;
    split(block, &leap->carry, &view);
    leap->carry.word = view.word >> 63;
    if (view.inside == UINT64_MAX)
        return !key && !view.is.special;
    uint64_t word_begins = view.word & ~(view.word << 1 | word_before);
    uint64_t commas = view.is.comma & ~view.behind_close; /* behind plain values */
    uint32_t events_before = leap->event_count;
    if (!nest(leap, &view, base, commas) || !is_grammar(&view, word_begins) ||
        !are_words(leap, &view, base, word_begins))
        return false;
    note_comma(leap, &view, base, commas, commas, events_before);
    leap->elements += (uint32_t)__builtin_popcountll(commas);
    return true;
}

static void begin(struct leap *leap)
{
    const struct json_walker *walker = leap->walker;
    struct carry *carry = &leap->carry;
    leap->depth = walker->depth;
    for (uint32_t i = 0; i < walker->depth; i++)
        leap->arrays = leap->arrays << 1 | walker->levels[i].array;
    bool object = walker->inside == JSON_INSIDE_OBJECT;
    switch (walker->expect) {
    case JSON_EXPECT_VALUE:
        carry->colon = carry->last_colon = object;
        carry->comma = !object;
        break;
    case JSON_EXPECT_VALUE_OR_END:
    case JSON_EXPECT_KEY_OR_END:
        carry->open = 1;
        break;
    case JSON_EXPECT_KEY:
        carry->comma = 1;
        break;
    case JSON_EXPECT_COLON:
        carry->quote = 1;
        break;
    default: /* behind a value, which has been counted: as behind a bracket */
        carry->close = 1;
        break;
    }
}

/* The value in front of the comma. */
static void tell_value(struct leap *leap, struct json_skipped *skipped)
{
    const uint8_t *data = leap->data;
    uint32_t end = back_over_blanks(data, leap->comma_at), start = end;
    bool word = data[end - 1] != '"';
    if (!word)
        start = begin_of_string(data, end);
    while (word && start > 0 && json_byte_classes[data[start - 1]] == BYTE_WORD)
        start--;
    if (leap->comma_array)
        add_elements(json_top(leap->walker), leap->comma_elements - leap->told);
    else
        keep_key_before(leap, start);
    *skipped = (struct json_skipped){
        .begin = leap->walker->offset + start,
        .end = leap->walker->offset + end,
        .any = true,
        .of_key = !leap->comma_array,
        .word = word,
    };
}

uint32_t json_leap(struct json_walker *walker, const uint8_t *data, uint32_t size, struct json_skipped *skipped)
{
    json_block_kernel *kernel = json_block_best();
    struct json_block blocks[BATCH];
    struct leap leap;
    memset(&leap, 0, offsetof(struct leap, events));
    leap.walker = walker;
    leap.data = data;
    leap.size = size;
    begin(&leap);
    bool on = true;
    for (uint32_t base = 0; on && size - base >= BATCH * JSON_BLOCK; base += BATCH * JSON_BLOCK) {
        kernel(data + base, BATCH, blocks);
        for (uint32_t i = 0; on && i < BATCH; i++) {
            if (leap.event_count > EVENT_MAX - JSON_BLOCK)
                tell_events(&leap);
            on = leap.event_count <= EVENT_MAX - JSON_BLOCK && read_block(&leap, &blocks[i], base + i * JSON_BLOCK);
        }
    }
    if (!leap.comma)
        return 0;
    tell_events(&leap);
    tell_value(&leap, skipped);
    walker->expect = leap.comma_array ? JSON_EXPECT_VALUE : JSON_EXPECT_KEY;
    walker->held = 0;
    walker->offset += leap.comma_at + 1;
    return leap.comma_at + 1;
}
