/* SPDX-License-Identifier: Apache-2.0 */

/* Base64: a character at a time, since texts are short and rare; bits left over behind the last byte are not looked at,
 * as in most decoders. */

#include "base/base64.h"

enum alphabet { ALPHABET_EITHER, ALPHABET_URL };

static inline int sextet(uint8_t c, enum alphabet alphabet)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '-' || (c == '+' && alphabet == ALPHABET_EITHER))
        return 62;
    return c == '_' || (c == '/' && alphabet == ALPHABET_EITHER) ? 63 : -1;
}

/* Up to the first foreign byte or `max` bytes. Returns how many characters were read. */
static inline uint32_t decode(struct span text, enum alphabet alphabet, uint8_t *bytes_out, uint32_t max,
                              uint32_t *size_out)
{
    uint32_t at = 0, size = 0, bits = 0, count = 0;
    for (; at < text.size && size < max; at++) {
        int value = sextet(text.data[at], alphabet);
        if (value < 0)
            break;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count < 8)
            continue;
        count -= 8;
        bytes_out[size++] = (uint8_t)(bits >> count);
    }
    *size_out = size;
    return at;
}

uint32_t base64_decode(struct span text, uint8_t *bytes_out, uint32_t max)
{
    uint32_t size;
    decode(text, ALPHABET_EITHER, bytes_out, max, &size);
    return size;
}

bool base64url_decode(struct span text, uint8_t *bytes_out, uint32_t capacity, uint32_t *size_out)
{
    *size_out = 0;
    uint32_t size = text.size / 4 * 3 + text.size % 4 * 3 / 4;
    if (text.size % 4 == 1 || size > capacity)
        return false;
    /* With room for the byte after the last, so that the characters that end the last one are read too. */
    uint32_t decoded, read = decode(text, ALPHABET_URL, bytes_out, size + 1, &decoded);
    if (read != text.size)
        return false;
    *size_out = decoded;
    return true;
}
