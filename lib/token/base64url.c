/* SPDX-License-Identifier: Apache-2.0 */

/* Base64url: a character at a time; bits left over behind the last byte are not looked at, as in most decoders. */

#include "token/base64url.h"

static int sextet(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '-')
        return 62;
    return c == '_' ? 63 : -1;
}

bool base64url_decode(struct span text, uint8_t *bytes_out, uint32_t capacity, uint32_t *size_out)
{
    *size_out = 0;
    if (text.size % 4 == 1 || text.size / 4 * 3 + text.size % 4 * 3 / 4 > capacity)
        return false;
    uint32_t size = 0, bits = 0, count = 0;
    for (uint32_t i = 0; i < text.size; i++) {
        int value = sextet(text.data[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count < 8)
            continue;
        count -= 8;
        bytes_out[size++] = (uint8_t)(bits >> count);
    }
    *size_out = size;
    return true;
}
