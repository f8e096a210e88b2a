/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Leaping over JSON
 *
 * Which bytes lie inside strings follows from the quotes by a prefix XOR (Langdale and Lemire 2019, section 3.1.1). The
 * grammar is then a matter of neighbours: of each token the one before it (`behind_...`), of colons and commas the
 * bracket, colon or comma before them. Both are found by carries of an addition that run through all that lies between.
 *
 * What was read counts only up to the last comma behind a plain value: there the state is simple, and all that lies
 * behind is read again by others. Brackets behind it wait. Levels that open and close on the way leave nothing.
 */

#include "proto/json_leap.h"

#include "base/cpu.h"
#include "proto/json_block.h"
#include "proto/json_token.h"

#define BATCH       4u /* blocks classified at once; more would be for nothing where escapes are frequent */
#define WAITING_MAX 8u /* blocks without a comma behind a plain value, but with brackets, in a row */

static_assert(JSON_DEPTH_MAX <= 64, "the kinds of all levels fit one word");

/* So that all of a block's work is compiled once for any processor and once for one with its bit instructions. */
#define INLINE static inline __attribute__((always_inline))

/* A level opened on the way. */
struct opened {
    uint32_t at;       /* of its bracket */
    uint32_t elements; /* of the level around it since that was entered, this one included */
};

struct waiting {
    uint32_t base; /* of the block */
    uint64_t open, close;
};

/* What a block leaves to the next: bit 0 of each. */
struct carry {
    uint64_t string; /* all ones: inside a string */
    uint64_t word;
    uint64_t start, close, colon, quote; /* the last token */
    uint64_t last_colon;                 /* of brackets, colons and commas the last one is a colon */
};

struct leap {
    struct json_walker *walker;
    const uint8_t *data;
    uint32_t size;
    uint64_t arrays; /* the kinds of open levels, the innermost in bit 0 */
    uint32_t depth;
    struct carry carry;
    /* As of the last comma behind a plain value. */
    bool comma, comma_array;
    uint32_t comma_at;
    uint32_t closed;   /* levels of the walker */
    uint32_t elements; /* plain ones and brackets, of the innermost level since it was entered */
    uint32_t opened_count;
    uint32_t waiting_count;
    struct waiting waiting[WAITING_MAX];
    struct opened opened[JSON_DEPTH_MAX];
};

/* What lies where in a block. */
struct view {
    struct json_block is; /* outside of strings only, but for `special` */
    uint64_t begin_quote, end_quote, inside, word;
    uint64_t object;       /* bytes, brackets at the end included, whose level is an object */
    uint64_t behind_start; /* an open bracket, a comma or a colon */
    uint64_t behind_close, behind_colon, behind_quote;
    uint64_t last_colon;
};

/* Bits behind those of `from`, and behind whatever of `gap` follows them. */
INLINE uint64_t follow(uint64_t from, uint64_t gap, uint64_t *carry)
{
    uint64_t next = from << 1 | *carry, sum;
    bool beyond = __builtin_add_overflow(next & gap, gap, &sum);
    *carry = beyond | from >> 63;
    return (sum | next) & ~gap;
}

INLINE uint64_t prefix_xor(uint64_t bits)
{
    for (uint32_t shift = 1; shift < 64; shift *= 2)
        bits ^= bits << shift;
    return bits;
}

INLINE uint64_t up_to(uint32_t bit)
{
    return UINT64_MAX >> (63 - bit);
}

INLINE void split(const struct json_block *block, struct carry *carry, struct view *view)
{
    uint64_t string = prefix_xor(block->quote) ^ carry->string;
    uint64_t outside = ~string & ~block->quote;
    carry->string = -(string >> 63);
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
    view->behind_start = follow(is->open | is->comma | is->colon, gap, &carry->start);
    view->behind_close = follow(is->close, gap, &carry->close);
    view->behind_colon = follow(is->colon, gap, &carry->colon);
    view->behind_quote = follow(view->end_quote, gap, &carry->quote);
    uint64_t structure = is->comma | is->colon | is->open | is->close;
    view->last_colon = follow(is->colon, ~structure, &carry->last_colon);
}

/* Follows the brackets of the block at `base`. False: not as they should be, or too deep. */
INLINE bool nest(struct leap *leap, struct view *view, uint32_t base)
{
    uint64_t brackets = view->is.open | view->is.close, arrays = leap->arrays;
    uint64_t object = arrays & 1 ? 0 : UINT64_MAX;
    uint32_t depth = leap->depth;
    for (; brackets; brackets &= brackets - 1) {
        uint32_t bit = (uint32_t)__builtin_ctzll(brackets);
        uint64_t array = ~(uint64_t)leap->data[base + bit] >> 5 & 1; /* what tells '[' from '{' */
        uint64_t behind = ~(brackets ^ (brackets - 1));
        if (view->is.open >> bit & 1) {
            arrays = arrays << 1 | array;
            if (depth++ == JSON_DEPTH_MAX)
                return false;
        } else {
            if (depth-- < 2 || array != (arrays & 1))
                return false;
            arrays >>= 1;
        }
        object = arrays & 1 ? object & ~behind : object | behind;
    }
    leap->arrays = arrays;
    leap->depth = depth;
    view->object = object;
    return true;
}

INLINE uint32_t back_over_blanks(const uint8_t *data, uint32_t end)
{
    while (end > 0 && json_byte_classes[data[end - 1]] >= BYTE_BLANK &&
           json_byte_classes[data[end - 1]] <= BYTE_LINE_FEED)
        end--;
    return end;
}

/* Closing brackets behind a comma, a colon or an open bracket: only the last is right, and seldom. */
static bool are_empty(const struct leap *leap, uint64_t closes, uint32_t base)
{
    for (; closes; closes &= closes - 1) {
        uint32_t at = back_over_blanks(leap->data, base + (uint32_t)__builtin_ctzll(closes));
        uint8_t c = at > 0 ? leap->data[at - 1] : 0;
        bool start = at == 0 && (leap->walker->expect == JSON_EXPECT_VALUE_OR_END ||
                                 leap->walker->expect == JSON_EXPECT_KEY_OR_END);
        if (!start && c != '[' && c != '{')
            return false;
    }
    return true;
}

/* RFC 8259 sections 2 to 5, by neighbours. */
INLINE bool is_grammar(const struct leap *leap, const struct view *view, uint32_t base, uint64_t word_begins)
{
    const struct json_block *is = &view->is;
    uint64_t in_object = view->object;
    uint64_t wrong = (view->begin_quote | is->open | word_begins) & ~view->behind_start;
    wrong |= (is->open | word_begins) & in_object & ~view->behind_colon;
    wrong |= is->comma & (view->behind_start | (in_object & ~(view->last_colon | view->behind_close)));
    wrong |= is->colon & (view->last_colon | ~(view->behind_quote & in_object));
    wrong |= is->close & in_object & ~(view->last_colon | view->behind_close | view->behind_start);
    wrong |= view->is.special & view->inside;
    uint64_t empty = is->close & view->behind_start;
    return wrong == 0 && (empty == 0 || are_empty(leap, empty, base));
}

/* The word from `bit` to in front of the lowest bit of `behind` is a number of digits with at most one point. */
INLINE bool is_plain_number(const struct view *view, const uint8_t *word, uint32_t bit, uint64_t behind)
{
    uint64_t all = ((behind & -behind) - 1) & ~(up_to(bit) >> 1);
    uint64_t other = view->word & ~view->is.digit & all;
    if (other == 0)
        return word[0] != '0';
    uint32_t point = (uint32_t)__builtin_ctzll(other);
    bool inner = point > bit && (behind >> point & 2) == 0;
    return (other & (other - 1)) == 0 && inner && word[point - bit] == '.' && (word[0] != '0' || point == bit + 1);
}

INLINE bool are_words(const struct leap *leap, const struct view *view, uint32_t base, uint64_t word_begins)
{
    for (; word_begins; word_begins &= word_begins - 1) {
        uint32_t bit = (uint32_t)__builtin_ctzll(word_begins);
        uint64_t behind = ~view->word & ~up_to(bit);
        bool number = behind && is_plain_number(view, leap->data + base + bit, bit, behind);
        if (!number && json_word_end(leap->data, base + bit, leap->size) == 0)
            return false;
    }
    return true;
}

/* The quote that begins the string that ends at `end`; a word likewise. */
INLINE uint32_t begin_of_string(const uint8_t *data, uint32_t end)
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

/* Goes in and out of levels; `commas` are those behind plain values. */
INLINE void apply(struct leap *leap, uint32_t base, uint64_t open, uint64_t close, uint64_t commas)
{
    uint64_t brackets = open | close;
    for (; brackets; brackets &= brackets - 1) {
        uint64_t before = brackets ^ (brackets - 1);
        leap->elements += (uint32_t)__builtin_popcountll(commas & before);
        commas &= ~before;
        if (open & brackets & -brackets) {
            uint32_t at = base + (uint32_t)__builtin_ctzll(brackets);
            leap->opened[leap->opened_count++] = (struct opened){.at = at, .elements = leap->elements + 1};
            leap->elements = 0;
        } else if (leap->opened_count) {
            leap->elements = leap->opened[--leap->opened_count].elements;
        } else {
            leap->closed++;
            leap->elements = 0;
        }
    }
    leap->elements += (uint32_t)__builtin_popcountll(commas);
}

/* The block is good: what lies in front of its last comma counts. False: too much would have to wait. */
INLINE bool take(struct leap *leap, const struct view *view, uint32_t base, uint64_t commas)
{
    uint64_t behind = UINT64_MAX;
    if (commas) {
        uint32_t bit = 63 - (uint32_t)__builtin_clzll(commas);
        behind = ~up_to(bit);
        for (uint32_t i = 0; i < leap->waiting_count; i++)
            apply(leap, leap->waiting[i].base, leap->waiting[i].open, leap->waiting[i].close, 0);
        leap->waiting_count = 0;
        apply(leap, base, view->is.open & ~behind, view->is.close & ~behind, commas);
        leap->comma = true;
        leap->comma_at = base + bit;
        leap->comma_array = !(view->object >> bit & 1);
    }
    uint64_t open = view->is.open & behind, close = view->is.close & behind;
    if (open | close) {
        if (leap->waiting_count == WAITING_MAX)
            return false;
        leap->waiting[leap->waiting_count++] = (struct waiting){.base = base, .open = open, .close = close};
    }
    return true;
}

/* False: the block is not all plain and correct, and none of it counts. */
INLINE bool read_block(struct leap *leap, const struct json_block *block, uint32_t base)
{
    struct view view;
    bool key = !(leap->arrays & 1) && !leap->carry.last_colon;
    uint64_t word_before = leap->carry.word;
    split(block, &leap->carry, &view);
    leap->carry.word = view.word >> 63;
    if (view.inside == UINT64_MAX)
        return !key && !view.is.special;
    uint64_t word_begins = view.word & ~(view.word << 1 | word_before);
    return nest(leap, &view, base) && is_grammar(leap, &view, base, word_begins) &&
           are_words(leap, &view, base, word_begins) && take(leap, &view, base, view.is.comma & ~view.behind_close);
}

typedef bool block_reader(struct leap *leap, const struct json_block *block, uint32_t base);

static bool read_block_any(struct leap *leap, const struct json_block *block, uint32_t base)
{
    return read_block(leap, block, base);
}

#ifdef CPU_SSSE3

__attribute__((target("bmi,bmi2"))) static bool read_block_bits(struct leap *leap, const struct json_block *block,
                                                                uint32_t base)
{
    return read_block(leap, block, base);
}

static block_reader *best_reader(void)
{
    return cpu_vectors() >= CPU_AVX2 ? read_block_bits : read_block_any;
}

#else

static block_reader *best_reader(void)
{
    return read_block_any;
}

#endif

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
        carry->start = 1;
        break;
    case JSON_EXPECT_VALUE_OR_END:
    case JSON_EXPECT_KEY_OR_END:
    case JSON_EXPECT_KEY:
        carry->start = 1;
        break;
    case JSON_EXPECT_COLON:
        carry->quote = 1;
        break;
    default: /* behind a value, which has been counted: as behind a bracket */
        carry->close = 1;
        break;
    }
}

/* Takes the walker to the level of the comma. */
static void tell_levels(struct leap *leap)
{
    struct json_walker *walker = leap->walker;
    for (uint32_t i = 0; i < leap->closed; i++) {
        walker->keys_used = json_top(walker)->key_offset;
        walker->depth--;
    }
    for (uint32_t i = 0; i < leap->opened_count; i++) {
        const struct opened *opened = &leap->opened[i];
        struct json_level *level = json_top(walker);
        if (level->array)
            add_elements(level, opened->elements);
        else
            keep_key_before(leap, opened->at);
        json_level_open(walker, leap->data[opened->at] == '[');
    }
    walker->inside = json_top(walker)->array ? JSON_INSIDE_ARRAY : JSON_INSIDE_OBJECT;
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
        add_elements(json_top(leap->walker), leap->elements);
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
    block_reader *read = best_reader();
    struct json_block blocks[BATCH];
    struct leap leap;
    memset(&leap, 0, offsetof(struct leap, waiting));
    leap.walker = walker;
    leap.data = data;
    leap.size = size;
    begin(&leap);
    bool on = true;
    for (uint32_t base = 0; on && size - base >= BATCH * JSON_BLOCK; base += BATCH * JSON_BLOCK) {
        kernel(data + base, BATCH, blocks);
        for (uint32_t i = 0; on && i < BATCH; i++)
            on = read(&leap, &blocks[i], base + i * JSON_BLOCK);
    }
    if (!leap.comma)
        return 0;
    tell_levels(&leap);
    tell_value(&leap, skipped);
    walker->expect = leap.comma_array ? JSON_EXPECT_VALUE : JSON_EXPECT_KEY;
    walker->held = 0;
    walker->offset += leap.comma_at + 1;
    return leap.comma_at + 1;
}
