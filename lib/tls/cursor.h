/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Cursor over the body of a message
 *
 * Reads the numbers and vectors of RFC 8446 3. The first read beyond the end makes the cursor bad, and every later one
 * gives zero or nothing: a message is parsed straight on and asked once at its end. Private to the module.
 */

#include "base/span.h"

struct tls_cursor {
    struct span left;
    bool bad;
};

static inline struct tls_cursor tls_cursor_of(struct span span)
{
    return (struct tls_cursor){.left = span};
}

static inline struct span tls_cursor_bytes(struct tls_cursor *cursor, uint32_t size)
{
    if (size > cursor->left.size) {
        cursor->bad = true;
        cursor->left.size = 0;
        return (struct span){0};
    }
    struct span taken = span_first(cursor->left, size);
    cursor->left = span_from(cursor->left, size);
    return taken;
}

/* A number of one to three bytes. */
static inline uint32_t tls_cursor_number(struct tls_cursor *cursor, uint32_t size)
{
    struct span bytes = tls_cursor_bytes(cursor, size);
    uint32_t number = 0;
    for (uint32_t i = 0; i < bytes.size; i++)
        number = number << 8 | bytes.data[i];
    return number;
}

/* A vector with a length of `length_size` bytes before it. */
static inline struct span tls_cursor_vector(struct tls_cursor *cursor, uint32_t length_size)
{
    return tls_cursor_bytes(cursor, tls_cursor_number(cursor, length_size));
}

static inline uint16_t tls_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}
