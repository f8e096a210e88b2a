/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Text inside JSON strings
 *
 * What lies between the quotes: plain runs, UTF-8 sequences (RFC 3629) and escapes (RFC 8259 section 7), one character
 * at a time for the walker, or the whole text decoded for the scanners.
 *
 * Memory:  none; the output is the caller's.
 * Threads: pure functions.
 * Errors:  none: what cannot be decoded becomes U+FFFD.
 */

#include "base/cpu.h"
#include "base/span.h"

#ifdef CPU_SSSE3
#include <emmintrin.h>
#endif

#define JSON_UNIT_MAX 12 /* bytes of the longest character: two \uXXXX that make a surrogate pair */

/* One character as written. */
struct json_unit {
    uint8_t size;   /* bytes in the input; 0: the input ends inside it */
    bool malformed; /* no valid escape or UTF-8; size says how many bytes to step over */
    uint32_t code;  /* code point, U+FFFD for malformed ones and unpaired surrogates */
};

/*
 * The character at s.data[0], s.size > 0, which is no quote. `last`: nothing follows s, so a character that is not
 * whole is malformed instead of waiting for the rest. Control characters are malformed, as RFC 8259 section 7 has it.
 */
struct json_unit json_unit_read(struct span s, bool last);

/*
 * Index of the first byte at or after `from` that is no plain text: a quote, a backslash, a control character or a byte
 * over 0x7f; `size` when there is none.
 */
uint32_t json_plain_end_scalar(const uint8_t *data, uint32_t from, uint32_t size);

#ifdef CPU_SSSE3

/* The same, 16 bytes at a time: inline because most strings end within the first 16. Reads nothing beyond `size`. */
static inline uint32_t json_plain_end(const uint8_t *data, uint32_t from, uint32_t size)
{
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), blank = _mm_set1_epi8(' ');
    for (; size - from >= 16; from += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(data + from));
        /* As signed numbers the control characters and everything over 0x7f are below the blank. */
        __m128i special = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)),
                                       _mm_cmplt_epi8(bytes, blank));
        uint32_t mask = (uint32_t)_mm_movemask_epi8(special);
        if (mask)
            return from + (uint32_t)__builtin_ctz(mask);
    }
    return json_plain_end_scalar(data, from, size);
}

#else

static inline uint32_t json_plain_end(const uint8_t *data, uint32_t from, uint32_t size)
{
    return json_plain_end_scalar(data, from, size);
}

#endif

/*
 * Decodes the text between the quotes to UTF-8. Returns the bytes written, never more than `capacity`; stops before the
 * first character that does not fit. The text never grows by more than a factor of 3 (one bad byte to U+FFFD).
 */
uint32_t json_unescape(struct span in, uint8_t *out, uint32_t capacity);

/* The UTF-8 form of a code point. Returns its size, 1 to 4. */
uint32_t json_utf8_write(uint32_t code, uint8_t out[4]);
