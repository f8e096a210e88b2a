/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Span
 *
 * A view of bytes somebody else owns. Not terminated. {NULL, 0} is the empty span; whether "empty" also
 * means "absent" is said where a span is a member.
 */

#include <string.h>

#include "base/base.h"

struct span {
    const uint8_t *data;
    uint32_t size; /* bytes */
};

#define SPAN_LITERAL(text) ((struct span){(const uint8_t *)(text), (uint32_t)(sizeof(text) - 1)})

static inline struct span span_of(const void *data, size_t size)
{
    return (struct span){(const uint8_t *)data, (uint32_t)size};
}

static inline struct span span_from_text(const char *text)
{
    return (struct span){(const uint8_t *)text, text ? (uint32_t)strlen(text) : 0};
}

static inline bool span_equal(struct span a, struct span b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* As memcmp(): below 0, 0, above 0; of two where one begins with the other the shorter one comes first. */
static inline int span_compare(struct span a, struct span b)
{
    uint32_t size = a.size < b.size ? a.size : b.size;
    int order = size ? memcmp(a.data, b.data, size) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static inline uint8_t ascii_lower(uint8_t c)
{
    return (uint8_t)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* The same for eight bytes: carries tell which are from 'A' on and which behind 'Z', and none leaves its byte. */
static inline uint64_t ascii_lower_word(uint64_t word)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t low = word & each * 0x7f;
    uint64_t upper = (low + each * (0x80 - 'A')) & ~(low + each * (0x7f - 'Z')) & ~word & each * 0x80;
    return word | upper >> 2;
}

static inline uint64_t span_word(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* ASCII letters only, as header names and host names compare (RFC 9110 5.1, RFC 4343). The last word overlaps. */
static inline bool span_equal_nocase(struct span a, struct span b)
{
    if (a.size != b.size)
        return false;
    if (a.size < sizeof(uint64_t)) {
        for (uint32_t i = 0; i < a.size; i++)
            if (ascii_lower(a.data[i]) != ascii_lower(b.data[i]))
                return false;
        return true;
    }
    uint32_t last = a.size - (uint32_t)sizeof(uint64_t);
    for (uint32_t i = 0; i < last; i += (uint32_t)sizeof(uint64_t))
        if (ascii_lower_word(span_word(a.data + i)) != ascii_lower_word(span_word(b.data + i)))
            return false;
    return ascii_lower_word(span_word(a.data + last)) == ascii_lower_word(span_word(b.data + last));
}

/* One of `texts`, none of which is empty. The first byte tells most of them off. */
static inline bool span_is_one_of(struct span s, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count && s.size; i++)
        if (ascii_lower((uint8_t)texts[i][0]) == ascii_lower(s.data[0]) &&
            span_equal_nocase(s, span_from_text(texts[i])))
            return true;
    return false;
}

static inline bool span_starts_with(struct span s, struct span prefix)
{
    return s.size >= prefix.size && (prefix.size == 0 || memcmp(s.data, prefix.data, prefix.size) == 0);
}

static inline struct span span_from(struct span s, uint32_t offset)
{
    require(offset <= s.size);
    return (struct span){s.data ? s.data + offset : NULL, s.size - offset};
}

static inline struct span span_first(struct span s, uint32_t size)
{
    return (struct span){s.data, min_u32(size, s.size)};
}

/* Without the optional white space of RFC 9110 5.6.3 on both sides. */
static inline struct span span_trim(struct span s)
{
    while (s.size && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s.data++;
        s.size--;
    }
    while (s.size && (s.data[s.size - 1] == ' ' || s.data[s.size - 1] == '\t'))
        s.size--;
    return s;
}
