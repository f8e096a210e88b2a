/* SPDX-License-Identifier: Apache-2.0 */

/* Pattern: first piece at the start, last at the end, those between at their leftmost place, which is always right. */

#include "base/pattern.h"

#include <errno.h>
#include <stdlib.h>

#define STAR_FIRST 256u /* in place of a byte: there is a star */
#define KEY_BYTES  4u

bool pattern_init(struct pattern *pattern, struct span text)
{
    *pattern = (struct pattern){0};
    while (pattern->piece_count <= PATTERN_STARS_MAX) {
        const uint8_t *star = text.size ? memchr(text.data, '*', text.size) : NULL;
        uint32_t size = star ? (uint32_t)(star - text.data) : text.size;
        pattern->pieces[pattern->piece_count++] = span_first(text, size);
        if (!star)
            return true;
        text = span_from(text, size + 1);
    }
    return false;
}

bool pattern_matches(const struct pattern *pattern, struct span text)
{
    struct span first = pattern->pieces[0];
    if (!span_starts_with(text, first))
        return false;
    if (pattern->piece_count == 1)
        return text.size == first.size;
    text = span_from(text, first.size);
    struct span last = pattern->pieces[pattern->piece_count - 1];
    if (text.size < last.size || !span_starts_with(span_from(text, text.size - last.size), last))
        return false;
    text.size -= last.size;
    for (uint32_t i = 1; i + 1 < pattern->piece_count; i++) {
        struct span piece = pattern->pieces[i];
        if (piece.size == 0)
            continue;
        const uint8_t *at = text.size ? memmem(text.data, text.size, piece.data, piece.size) : NULL;
        if (!at)
            return false;
        text = span_from(text, (uint32_t)(at - text.data) + piece.size);
    }
    return true;
}

/* The first four bytes, the first one lowest; missing ones are zero. */
static uint32_t head_of(struct span text)
{
    uint32_t head = 0;
    if (text.size >= KEY_BYTES)
        memcpy(&head, text.data, KEY_BYTES);
    else if (text.size)
        memcpy(&head, text.data, text.size);
    return head;
}

/* The last four bytes, the last one highest; missing ones are zero. */
static uint32_t tail_of(struct span text)
{
    if (text.size >= KEY_BYTES)
        return head_of(span_from(text, text.size - KEY_BYTES));
    return text.size ? head_of(text) << 8 * (KEY_BYTES - text.size) : 0;
}

static uint32_t low_bytes(uint32_t count)
{
    return count >= KEY_BYTES ? UINT32_MAX : (1u << 8 * count) - 1;
}

static uint32_t high_bytes(uint32_t count)
{
    return count == 0 ? 0 : ~low_bytes(KEY_BYTES - min_u32(count, KEY_BYTES));
}

static struct pattern_key key_of(const struct pattern *pattern)
{
    struct span first = pattern->pieces[0], last = pattern->pieces[pattern->piece_count - 1];
    return (struct pattern_key){head_of(first), low_bytes(first.size), tail_of(last), high_bytes(last.size)};
}

/* How far all patterns that do not begin with a star are the same: the "/" of paths, often more. */
static uint32_t common_prefix(const struct pattern *patterns, uint32_t count)
{
    const struct span *shortest = NULL;
    for (uint32_t i = 0; i < count; i++)
        if (patterns[i].pieces[0].size && (!shortest || patterns[i].pieces[0].size < shortest->size))
            shortest = &patterns[i].pieces[0];
    uint32_t size = shortest ? shortest->size : 0;
    for (uint32_t i = 0; i < count; i++) {
        struct span first = patterns[i].pieces[0];
        for (uint32_t at = 0; first.size && at < size; at++)
            size = first.data[at] == shortest->data[at] ? size : at;
    }
    return size;
}

/* The byte that tells patterns apart, behind `skip` common ones; 0 where the text ends there. */
static uint32_t telling_byte(const struct pattern *pattern, uint32_t skip)
{
    if (pattern->pieces[0].size > skip)
        return pattern->pieces[0].data[skip];
    return pattern->piece_count == 1 ? 0 : STAR_FIRST;
}

static int telling_byte_order(const void *a, const void *b, void *skip)
{
    return (int)telling_byte(a, *(const uint32_t *)skip) - (int)telling_byte(b, *(const uint32_t *)skip);
}

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "heads and tails are loaded as they lie");

int pattern_list_init(struct pattern_list *list, struct arena *arena, struct pattern *patterns, uint32_t count)
{
    *list = (struct pattern_list){.patterns = patterns};
    uint16_t *starts = arena_take_array(arena, uint16_t, STAR_FIRST + 1);
    struct pattern_key *keys = arena_take_array(arena, struct pattern_key, count + 1);
    if (!starts || !keys)
        return -ENOMEM;
    require(count <= UINT16_MAX);
    uint32_t skip = common_prefix(patterns, count);
    if (count)
        qsort_r(patterns, count, sizeof(*patterns), telling_byte_order, &skip);
    uint32_t at = 0;
    for (uint32_t byte = 0; byte <= STAR_FIRST; byte++) {
        while (at < count && telling_byte(&patterns[at], skip) < byte)
            at++;
        starts[byte] = (uint16_t)at;
    }
    for (uint32_t i = 0; i < count; i++)
        keys[i] = key_of(&patterns[i]);
    list->starts = starts;
    list->keys = keys;
    list->count = count;
    list->skip = skip;
    return 0;
}

static bool range_matches(const struct pattern_list *list, uint32_t from, uint32_t to, struct span text)
{
    uint32_t head = head_of(text), tail = tail_of(text);
    for (uint32_t i = from; i < to; i++) {
        const struct pattern_key *key = &list->keys[i];
        bool differs = ((head ^ key->head) & key->head_mask) | ((tail ^ key->tail) & key->tail_mask);
        if (!differs && pattern_matches(&list->patterns[i], text))
            return true;
    }
    return false;
}

bool pattern_list_matches(const struct pattern_list *list, struct span text)
{
    if (list->count == 0)
        return false;
    uint32_t byte = text.size > list->skip ? text.data[list->skip] : 0;
    return range_matches(list, list->starts[byte], list->starts[byte + 1], text) ||
           range_matches(list, list->starts[STAR_FIRST], list->count, text);
}

struct span pattern_text_lower(struct span text, uint8_t buffer[PATTERN_LOWER_MAX])
{
    if (text.size > PATTERN_LOWER_MAX)
        return text;
    uint32_t i = 0;
    for (; i + sizeof(uint64_t) <= text.size; i += (uint32_t)sizeof(uint64_t)) {
        uint64_t word = ascii_lower_word(span_word(text.data + i));
        memcpy(buffer + i, &word, sizeof(word));
    }
    for (; i < text.size; i++)
        buffer[i] = ascii_lower(text.data[i]);
    return span_of(buffer, text.size);
}
