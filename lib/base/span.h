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

static inline uint8_t ascii_lower(uint8_t c)
{
    return (uint8_t)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* ASCII letters only, as header names and host names compare (RFC 9110 5.1, RFC 4343). */
static inline bool span_equal_nocase(struct span a, struct span b)
{
    if (a.size != b.size)
        return false;
    for (uint32_t i = 0; i < a.size; i++)
        if (ascii_lower(a.data[i]) != ascii_lower(b.data[i]))
            return false;
    return true;
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
