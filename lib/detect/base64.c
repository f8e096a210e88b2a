/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Base64
 *
 * A character at a time: tokens are short and rare.
 */

#include "detect/base64.h"

static int sextet(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

uint32_t base64_decode(struct span text, uint8_t *bytes_out, uint32_t max)
{
    uint32_t size = 0, bits = 0, count = 0;
    for (uint32_t i = 0; i < text.size && size < max; i++) {
        int value = sextet(text.data[i]);
        if (value < 0)
            break;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count < 8)
            continue;
        count -= 8;
        bytes_out[size++] = (uint8_t)(bits >> count);
    }
    return size;
}
