/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Byte searches. A set of ASCII characters is 16 bytes: bit h of byte l stands for the character h * 16 + l, so that
 * one table serves the plain test and, as a byte shuffle, the test of 16 characters at once.
 */

#include "proto/http1_scan.h"

#ifdef __SSSE3__
#include <tmmintrin.h>
#endif

#define BLOCK 16u /* bytes of an SSE register */

/* clang-format off */
static const uint8_t token_set[BLOCK] = {
    0xe8, 0xfc, 0xf8, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xf8, 0xf8, 0xf4, 0x54, 0xd0, 0x54, 0xf4, 0x70,
};
static const uint8_t target_set[BLOCK] = {
    0xb8, 0xfc, 0xf8, 0xf8, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0x7c, 0x54, 0x7c, 0xd4, 0x7c,
};
static const uint8_t host_set[BLOCK] = {
    0xa8, 0xfc, 0xf8, 0xf8, 0xfc, 0xf8, 0xfc, 0xfc, 0xfc, 0xfc, 0xf4, 0x5c, 0x54, 0x5c, 0xd4, 0x70,
};
/* clang-format on */

static bool set_has(const uint8_t *set, uint8_t c)
{
    return c < 0x80 && (set[c & 15] >> (c >> 4) & 1) != 0;
}

static bool is_control(uint8_t c)
{
    return (c < 0x20 && c != '\t') || c == 0x7f;
}

uint32_t http1_scan_control_plain(const uint8_t *data, uint32_t size, uint32_t from)
{
    uint32_t i = from;
    while (i < size && !is_control(data[i]))
        i++;
    return i;
}

static uint32_t scan_set_plain(const uint8_t *data, uint32_t size, uint32_t from, const uint8_t *set)
{
    uint32_t i = from;
    while (i < size && set_has(set, data[i]))
        i++;
    return i;
}

uint32_t http1_scan_token_plain(const uint8_t *data, uint32_t size)
{
    return scan_set_plain(data, size, 0, token_set);
}

uint32_t http1_scan_target_plain(const uint8_t *data, uint32_t size)
{
    return scan_set_plain(data, size, 0, target_set);
}

uint32_t http1_scan_host_plain(const uint8_t *data, uint32_t size)
{
    return scan_set_plain(data, size, 0, host_set);
}

#ifdef __SSSE3__

/* One bit for each control character but HTAB. */
static inline uint32_t control_mask(__m128i bytes)
{
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    __m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
    __m128i delete = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), delete));
}

uint32_t http1_scan_control(const uint8_t *data, uint32_t size, uint32_t from)
{
    uint32_t i = from;
    for (; i + BLOCK <= size; i += BLOCK) {
        uint32_t mask = control_mask(_mm_loadu_si128((const __m128i *)(const void *)(data + i)));
        if (mask)
            return i + (uint32_t)__builtin_ctz(mask);
    }
    if (i >= size || size < BLOCK)
        return http1_scan_control_plain(data, size, i);
    /* The last block overlaps what is known already; the bits of that part are dropped. */
    uint32_t start = size - BLOCK;
    uint32_t mask = control_mask(_mm_loadu_si128((const __m128i *)(const void *)(data + start))) >> (i - start);
    return mask ? i + (uint32_t)__builtin_ctz(mask) : size;
}

/* One bit for each byte that is not in the set. Bytes from 0x80 select no bit of `high_bits`, so they are in no set. */
static inline uint32_t outside_mask(__m128i bytes, __m128i set)
{
    const __m128i high_bits = _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, (char)128, 0, 0, 0, 0, 0, 0, 0, 0);
    __m128i nibble = _mm_set1_epi8(15);
    __m128i low = _mm_shuffle_epi8(set, _mm_and_si128(bytes, nibble));
    __m128i high = _mm_shuffle_epi8(high_bits, _mm_and_si128(_mm_srli_epi16(bytes, 4), nibble));
    __m128i inside = _mm_and_si128(low, high);
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(inside, _mm_setzero_si128()));
}

static inline uint32_t scan_set(const uint8_t *data, uint32_t size, const uint8_t *set)
{
    __m128i table = _mm_loadu_si128((const __m128i *)(const void *)set);
    uint32_t i = 0;
    for (; i + BLOCK <= size; i += BLOCK) {
        uint32_t mask = outside_mask(_mm_loadu_si128((const __m128i *)(const void *)(data + i)), table);
        if (mask)
            return i + (uint32_t)__builtin_ctz(mask);
    }
    return scan_set_plain(data, size, i, set);
}

uint32_t http1_scan_token(const uint8_t *data, uint32_t size)
{
    return scan_set(data, size, token_set);
}

uint32_t http1_scan_target(const uint8_t *data, uint32_t size)
{
    return scan_set(data, size, target_set);
}

uint32_t http1_scan_host(const uint8_t *data, uint32_t size)
{
    return scan_set(data, size, host_set);
}

#else

uint32_t http1_scan_control(const uint8_t *data, uint32_t size, uint32_t from)
{
    return http1_scan_control_plain(data, size, from);
}

uint32_t http1_scan_token(const uint8_t *data, uint32_t size)
{
    return http1_scan_token_plain(data, size);
}

uint32_t http1_scan_target(const uint8_t *data, uint32_t size)
{
    return http1_scan_target_plain(data, size);
}

uint32_t http1_scan_host(const uint8_t *data, uint32_t size)
{
    return http1_scan_host_plain(data, size);
}

#endif
