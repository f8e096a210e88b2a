/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Byte searches of the HTTP/1 parser
 *
 * Each exists twice: with SSE for x86, and as plain C, which is used elsewhere and is what the other is tested against.
 * The fast ones are inline: they run for every header, most of which take two or three blocks.
 *
 * Memory:  none; never reads outside [data, data + size).
 * Threads: pure functions.
 */

#include "base/cpu.h"

#ifdef CPU_SSSE3
#include <tmmintrin.h>
#endif

#define HTTP1_SCAN_BLOCK 16u /* bytes of an SSE register */

/* Sets of ASCII characters: bit h of byte l stands for the character h * 16 + l. */
extern const uint8_t http1_token_set[HTTP1_SCAN_BLOCK];  /* RFC 9110 5.6.2 */
extern const uint8_t http1_target_set[HTTP1_SCAN_BLOCK]; /* RFC 3986 2: unreserved, reserved but '#', and '%' */
extern const uint8_t http1_host_set[HTTP1_SCAN_BLOCK];   /* RFC 3986 3.2.2: unreserved, sub-delims */

/*
 * Offset of the first byte at or behind `from` that is a control character other than HTAB: among them are CR, LF and
 * NUL. `size` when there is none.
 */
uint32_t http1_scan_control_plain(const uint8_t *data, uint32_t size, uint32_t from);

/* Offset of the first byte at or behind `from` that is not in the set, or `size`. */
uint32_t http1_scan_set_plain(const uint8_t *data, uint32_t size, uint32_t from, const uint8_t *set);

#ifdef CPU_SSSE3

/* One bit for each control character but HTAB. */
static inline uint32_t http1_control_mask(__m128i bytes)
{
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    __m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
    __m128i delete = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), delete));
}

static inline uint32_t http1_scan_control(const uint8_t *data, uint32_t size, uint32_t from)
{
    uint32_t i = from;
    for (; i + HTTP1_SCAN_BLOCK <= size; i += HTTP1_SCAN_BLOCK) {
        uint32_t mask = http1_control_mask(_mm_loadu_si128((const __m128i *)(const void *)(data + i)));
        if (mask)
            return i + (uint32_t)__builtin_ctz(mask);
    }
    if (i >= size || size < HTTP1_SCAN_BLOCK)
        return http1_scan_control_plain(data, size, i);
    /* The last block overlaps what is known already; the bits of that part are dropped. */
    uint32_t start = size - HTTP1_SCAN_BLOCK;
    uint32_t mask = http1_control_mask(_mm_loadu_si128((const __m128i *)(const void *)(data + start))) >> (i - start);
    return mask ? i + (uint32_t)__builtin_ctz(mask) : size;
}

/* One bit for each byte that is not in the set. Bytes from 0x80 select no bit of `high_bits`, so they are in no set. */
static inline uint32_t http1_outside_mask(__m128i bytes, __m128i set)
{
    const __m128i high_bits = _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, (char)128, 0, 0, 0, 0, 0, 0, 0, 0);
    __m128i nibble = _mm_set1_epi8(15);
    __m128i low = _mm_shuffle_epi8(set, _mm_and_si128(bytes, nibble));
    __m128i high = _mm_shuffle_epi8(high_bits, _mm_and_si128(_mm_srli_epi16(bytes, 4), nibble));
    __m128i inside = _mm_and_si128(low, high);
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(inside, _mm_setzero_si128()));
}

static inline uint32_t http1_scan_set(const uint8_t *data, uint32_t size, const uint8_t *set)
{
    __m128i table = _mm_loadu_si128((const __m128i *)(const void *)set);
    uint32_t i = 0;
    for (; i + HTTP1_SCAN_BLOCK <= size; i += HTTP1_SCAN_BLOCK) {
        uint32_t mask = http1_outside_mask(_mm_loadu_si128((const __m128i *)(const void *)(data + i)), table);
        if (mask)
            return i + (uint32_t)__builtin_ctz(mask);
    }
    if (i >= size || size < HTTP1_SCAN_BLOCK)
        return http1_scan_set_plain(data, size, i, set);
    uint32_t start = size - HTTP1_SCAN_BLOCK;
    __m128i tail = _mm_loadu_si128((const __m128i *)(const void *)(data + start));
    uint32_t mask = http1_outside_mask(tail, table) >> (i - start);
    return mask ? i + (uint32_t)__builtin_ctz(mask) : size;
}

#else

static inline uint32_t http1_scan_control(const uint8_t *data, uint32_t size, uint32_t from)
{
    return http1_scan_control_plain(data, size, from);
}

static inline uint32_t http1_scan_set(const uint8_t *data, uint32_t size, const uint8_t *set)
{
    return http1_scan_set_plain(data, size, 0, set);
}

#endif

/* How many bytes at the beginning are token characters, may stand in a request target, in a host name. */
static inline uint32_t http1_scan_token(const uint8_t *data, uint32_t size)
{
    return http1_scan_set(data, size, http1_token_set);
}

static inline uint32_t http1_scan_target(const uint8_t *data, uint32_t size)
{
    return http1_scan_set(data, size, http1_target_set);
}

static inline uint32_t http1_scan_host(const uint8_t *data, uint32_t size)
{
    return http1_scan_set(data, size, http1_host_set);
}
