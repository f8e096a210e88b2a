/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Classes of the bytes of JSON
 *
 * Brackets and braces differ in one bit only, so both are found by one comparison; blanks are found by a look-up with
 * the lower half of the byte, since no two of them share it.
 */

#include "proto/json_block.h"

#include "base/cpu.h"

#define BRACE_BIT 0x20 /* sets '[' and ']' to '{' and '}' */

void json_block_scalar(const uint8_t *data, uint32_t block_count, struct json_block *blocks_out)
{
    for (uint32_t block = 0; block < block_count; block++, data += JSON_BLOCK) {
        struct json_block masks = {0};
        for (uint32_t i = 0; i < JSON_BLOCK; i++) {
            uint8_t c = data[i];
            masks.quote |= (uint64_t)(c == '"') << i;
            masks.comma |= (uint64_t)(c == ',') << i;
            masks.colon |= (uint64_t)(c == ':') << i;
            masks.open |= (uint64_t)((c | BRACE_BIT) == '{') << i;
            masks.close |= (uint64_t)((c | BRACE_BIT) == '}') << i;
            masks.blank |= (uint64_t)(c == ' ' || c == '\t' || c == '\r' || c == '\n') << i;
            masks.digit |= (uint64_t)((uint8_t)(c - '0') < 10) << i;
            masks.special |= (uint64_t)(c < 0x20 || c >= 0x80 || c == '\\') << i;
        }
        blocks_out[block] = masks;
    }
}

#ifdef CPU_SSSE3

#include <immintrin.h>

/* At the place of its lower half each blank; elsewhere what no byte with that lower half is. */
#define BLANKS ' ', -1, -1, -1, -1, -1, -1, -1, -1, '\t', '\n', -1, -1, '\r', -1, -1

static inline uint64_t bits_128(__m128i found, uint32_t shift)
{
    return (uint64_t)(uint16_t)_mm_movemask_epi8(found) << shift;
}

/* SSSE3 is below the x86-64-v2 that everything is compiled for. */
static inline void add_128(const uint8_t *data, uint32_t shift, struct json_block *masks)
{
    const __m128i blanks = _mm_setr_epi8(BLANKS);
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(data + shift));
    __m128i braces = _mm_or_si128(bytes, _mm_set1_epi8(BRACE_BIT));
    __m128i digits = _mm_add_epi8(bytes, _mm_set1_epi8(127 - '9')); /* the digits are the highest signed numbers */
    masks->quote |= bits_128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), shift);
    masks->comma |= bits_128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(',')), shift);
    masks->colon |= bits_128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(':')), shift);
    masks->open |= bits_128(_mm_cmpeq_epi8(braces, _mm_set1_epi8('{')), shift);
    masks->close |= bits_128(_mm_cmpeq_epi8(braces, _mm_set1_epi8('}')), shift);
    masks->blank |= bits_128(_mm_cmpeq_epi8(bytes, _mm_shuffle_epi8(blanks, bytes)), shift);
    masks->digit |= bits_128(_mm_cmpgt_epi8(digits, _mm_set1_epi8(127 - 10)), shift);
    /* As signed numbers the control characters and everything over 0x7f are below the blank. */
    __m128i special =
        _mm_or_si128(_mm_cmpgt_epi8(_mm_set1_epi8(' '), bytes), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
    masks->special |= bits_128(special, shift);
}

static void kernel_128(const uint8_t *data, uint32_t block_count, struct json_block *blocks_out)
{
    for (uint32_t block = 0; block < block_count; block++, data += JSON_BLOCK) {
        struct json_block masks = {0};
        for (uint32_t shift = 0; shift < JSON_BLOCK; shift += 16)
            add_128(data, shift, &masks);
        blocks_out[block] = masks;
    }
}

__attribute__((target("avx2"))) static inline uint64_t bits_256(__m256i low, __m256i high)
{
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

__attribute__((target("avx2"))) static inline uint64_t equal_256(__m256i low, __m256i high, char wanted)
{
    __m256i value = _mm256_set1_epi8(wanted);
    return bits_256(_mm256_cmpeq_epi8(low, value), _mm256_cmpeq_epi8(high, value));
}

__attribute__((target("avx2"))) static inline __m256i special_256(__m256i bytes)
{
    return _mm256_or_si256(_mm256_cmpgt_epi8(_mm256_set1_epi8(' '), bytes),
                           _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\')));
}

__attribute__((target("avx2"))) static inline __m256i digit_256(__m256i bytes)
{
    return _mm256_cmpgt_epi8(_mm256_add_epi8(bytes, _mm256_set1_epi8(127 - '9')), _mm256_set1_epi8(127 - 10));
}

__attribute__((target("avx2"))) static void kernel_256(const uint8_t *data, uint32_t block_count,
                                                       struct json_block *blocks_out)
{
    const __m256i blanks = _mm256_setr_epi8(BLANKS, BLANKS), brace = _mm256_set1_epi8(BRACE_BIT);
    for (uint32_t block = 0; block < block_count; block++, data += JSON_BLOCK) {
        __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)data);
        __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(data + 32));
        __m256i low_brace = _mm256_or_si256(low, brace), high_brace = _mm256_or_si256(high, brace);
        blocks_out[block] = (struct json_block){
            .quote = equal_256(low, high, '"'),
            .comma = equal_256(low, high, ','),
            .colon = equal_256(low, high, ':'),
            .open = equal_256(low_brace, high_brace, '{'),
            .close = equal_256(low_brace, high_brace, '}'),
            .blank = bits_256(_mm256_cmpeq_epi8(low, _mm256_shuffle_epi8(blanks, low)),
                              _mm256_cmpeq_epi8(high, _mm256_shuffle_epi8(blanks, high))),
            .digit = bits_256(digit_256(low), digit_256(high)),
            .special = bits_256(special_256(low), special_256(high)),
        };
    }
}

struct json_block_variant json_block_variant(uint32_t n)
{
    enum cpu_vectors most = cpu_vectors();
    const struct json_block_variant variants[] = {
        {"scalar", json_block_scalar},
        {"ssse3", most >= CPU_V2 ? kernel_128 : NULL},
        {"avx2", most >= CPU_AVX2 ? kernel_256 : NULL},
    };
    return n < ARRAY_COUNT(variants) ? variants[n] : (struct json_block_variant){NULL, NULL};
}

json_block_kernel *json_block_best(void)
{
    enum cpu_vectors most = cpu_vectors();
    return most >= CPU_AVX2 ? kernel_256 : most >= CPU_V2 ? kernel_128 : json_block_scalar;
}

#else

struct json_block_variant json_block_variant(uint32_t n)
{
    return n == 0 ? (struct json_block_variant){"scalar", json_block_scalar} : (struct json_block_variant){NULL, NULL};
}

json_block_kernel *json_block_best(void)
{
    return json_block_scalar;
}

#endif
