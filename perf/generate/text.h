/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Text
 *
 * A message being written, piece by piece, into a buffer that the caller sized for it.
 *
 * Limits:  what does not fit is a mistake of the caller: require() ends the program.
 */

#include <stdio.h>

#include "base/span.h"

struct text {
    char *data;
    uint32_t size;
    uint32_t capacity;
};

void text_add(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);

/* Bytes of any value. */
void text_add_bytes(struct text *text, struct span bytes);

/* An unsigned number of `size` bytes in network order. */
void text_add_number(struct text *text, uint64_t value, uint32_t size);

static inline struct span text_span(const struct text *text)
{
    return span_of(text->data, text->size);
}
