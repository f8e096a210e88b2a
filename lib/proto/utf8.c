/* SPDX-License-Identifier: Apache-2.0 */

/* UTF-8: runs of ASCII 16 bytes at a time, everything else by the table of RFC 3629 4. */

#include "proto/utf8.h"

#include "base/cpu.h"

#ifdef CPU_SSSE3
#include <emmintrin.h>
#endif

/* The end of the ASCII run that begins at `from`. */
static uint32_t ascii_end(const uint8_t *data, uint32_t from, uint32_t size)
{
#ifdef CPU_SSSE3
    for (; size - from >= 16; from += 16) {
        int mask = _mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(const void *)(data + from)));
        if (mask)
            return from + (uint32_t)__builtin_ctz((unsigned)mask);
    }
#endif
    while (from < size && data[from] < 0x80)
        from++;
    return from;
}

/* A byte over 0x7f where a character begins. */
static void begin_character(struct utf8_check *check, uint8_t c)
{
    *check = (struct utf8_check){.low = 0x80, .high = 0xbf};
    if (c >= 0xc2 && c <= 0xdf) {
        check->more = 1;
    } else if ((c & 0xf0) == 0xe0) {
        check->more = 2;
        check->low = c == 0xe0 ? 0xa0 : 0x80;
        check->high = c == 0xed ? 0x9f : 0xbf;
    } else if (c >= 0xf0 && c <= 0xf4) {
        check->more = 3;
        check->low = c == 0xf0 ? 0x90 : 0x80;
        check->high = c == 0xf4 ? 0x8f : 0xbf;
    } else {
        check->invalid = true;
    }
}

void utf8_check_add(struct utf8_check *check, const uint8_t *data, uint32_t size)
{
    uint32_t at = 0;
    while (at < size && !check->invalid) {
        if (check->more == 0) {
            at = ascii_end(data, at, size);
            if (at < size)
                begin_character(check, data[at++]);
            continue;
        }
        uint8_t c = data[at++];
        check->invalid = c < check->low || c > check->high;
        check->more--;
        check->low = 0x80;
        check->high = 0xbf;
    }
}
