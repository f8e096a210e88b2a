/* SPDX-License-Identifier: Apache-2.0 */

/* Percent-decoding: see the header. */

#include "policy/percent.h"

static uint32_t hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - (uint32_t)'0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - (uint32_t)'a' + 10 : UINT32_MAX;
}

struct span percent_decode(struct span text, uint8_t *buffer, uint32_t capacity)
{
    if (text.size == 0 || !memchr(text.data, '%', text.size))
        return text;
    uint32_t size = 0;
    for (uint32_t i = 0; i < text.size && size < capacity; i++) {
        uint8_t c = text.data[i];
        if (c == '%' && text.size - i > 2) {
            uint32_t high = hex_value(text.data[i + 1]), low = hex_value(text.data[i + 2]);
            if (high < 16 && low < 16) {
                c = (uint8_t)(high * 16 + low);
                i += 2;
            }
        }
        buffer[size++] = c;
    }
    return span_of(buffer, size);
}
