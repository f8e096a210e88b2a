/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Runs of base64
 *
 * Every body is searched, and nearly none has a run: 64 bytes at a time become a mask of digits, and shifting the mask
 * against itself leaves a bit where enough digits follow each other. A run over the border of two blocks is known by
 * the digits at the end of one and at the beginning of the next.
 */

#include "proto/base64_run.h"

#include "base/cpu.h"

#ifdef CPU_SSSE3
#include <tmmintrin.h>
#endif

#define BLOCK_SIZE 64u

static_assert(BASE64_RUN_MIN > 16 && BASE64_RUN_MIN <= 32, "runs of 16, shifted once more");

bool base64_digit(uint8_t c)
{
    uint8_t lower = ascii_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '-' || c == '_';
}

static uint32_t run_end(const uint8_t *data, uint32_t at, uint32_t size)
{
    while (at < size && base64_digit(data[at]))
        at++;
    return at;
}

uint32_t base64_run_find_scalar(const uint8_t *data, uint32_t from, uint32_t size, uint32_t *run_size_out)
{
    uint32_t at = from;
    if (at > 0 && at < size && base64_digit(data[at - 1]))
        at = run_end(data, at, size);
    while (at < size) {
        uint32_t end = run_end(data, at, size);
        *run_size_out = end - at;
        if (end - at >= BASE64_RUN_MIN)
            return at;
        at = end + 1;
    }
    return size;
}

#ifdef CPU_SSSE3

/* Classes by the two halves of a byte: a digit has the bit of its upper half's class in its lower half's entry. */
static uint64_t digits_of(const uint8_t *block)
{
    const __m128i upper = _mm_setr_epi8(0, 0, 1, 2, 4, 8, 4, 16, 0, 0, 0, 0, 0, 0, 0, 0);
    const __m128i lower = _mm_setr_epi8(26, 30, 30, 30, 30, 30, 30, 30, 30, 30, 28, 5, 4, 5, 4, 13);
    const __m128i half = _mm_set1_epi8(0x0f);
    uint64_t mask = 0;
    for (uint32_t i = 0; i < BLOCK_SIZE; i += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(block + i));
        __m128i class = _mm_shuffle_epi8(upper, _mm_and_si128(_mm_srli_epi16(bytes, 4), half));
        __m128i allowed = _mm_shuffle_epi8(lower, bytes); /* 0 for bytes over 0x7f */
        __m128i none = _mm_cmpeq_epi8(_mm_and_si128(class, allowed), _mm_setzero_si128());
        mask |= (uint64_t)(uint16_t)~_mm_movemask_epi8(none) << i;
    }
    return mask;
}

/* Bits at which BASE64_RUN_MIN digits begin. */
static uint64_t runs_of(uint64_t digits)
{
    for (uint32_t shift = 1; shift <= 8; shift *= 2)
        digits &= digits >> shift;
    return digits & digits >> (BASE64_RUN_MIN - 16);
}

uint32_t base64_run_find(const uint8_t *data, uint32_t from, uint32_t size, uint32_t *run_size_out)
{
    uint32_t at = from;
    if (at > 0 && at < size && base64_digit(data[at - 1]))
        at = run_end(data, at, size);
    uint32_t open = 0; /* digits in front of `at`; fewer than a run, as a longer one was found */
    for (; size - at >= BLOCK_SIZE; at += BLOCK_SIZE) {
        uint64_t digits = digits_of(data + at);
        uint64_t runs = runs_of(digits);
        uint32_t leading = ~digits ? (uint32_t)__builtin_ctzll(~digits) : BLOCK_SIZE;
        if (unlikely(runs || open + leading >= BASE64_RUN_MIN)) {
            uint32_t begin = open + leading >= BASE64_RUN_MIN ? at - open : at + (uint32_t)__builtin_ctzll(runs);
            *run_size_out = run_end(data, begin, size) - begin;
            return begin;
        }
        open = (uint32_t)__builtin_clzll(~digits);
    }
    /* From where it begins: the byte in front of that is no digit. */
    return base64_run_find_scalar(data, at - open, size, run_size_out);
}

#else

uint32_t base64_run_find(const uint8_t *data, uint32_t from, uint32_t size, uint32_t *run_size_out)
{
    return base64_run_find_scalar(data, from, size, run_size_out);
}

#endif
