/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Classes of bytes, 64 at a time
 *
 * Two table look-ups by half bytes tell eight classes apart at once (Langdale and Lemire 2019, section 3.1.2): a class
 * is a set of upper halves times a set of lower halves, so letters need two bits and each symbol one of its own.
 */

#include "detect/shape_kernel.h"

#include "base/cpu.h"

#define CLASS_DIGIT     0x01 /* 3 x 0-9 */
#define CLASS_LETTER_AO 0x02 /* 4, 6 x 1-f */
#define CLASS_LETTER_PZ 0x04 /* 5, 7 x 0-a */
#define CLASS_SEPARATOR 0x08 /* 2 x 0, b, d, e, f */
#define CLASS_AT        0x10 /* 4 x 0 */
#define CLASS_CARET     0x20 /* 5 x e */
#define CLASS_ANGLE     0x40 /* 3 x c */
#define CLASS_PLUS      0x80 /* 2 x b */
#define CLASS_LETTER    (CLASS_LETTER_AO | CLASS_LETTER_PZ)
#define CLASS_SYMBOL    (CLASS_AT | CLASS_CARET | CLASS_ANGLE | CLASS_PLUS)

static const uint8_t lower_half[16] = {
    CLASS_DIGIT | CLASS_LETTER_PZ | CLASS_SEPARATOR | CLASS_AT,
    CLASS_DIGIT | CLASS_LETTER,
    CLASS_DIGIT | CLASS_LETTER,
    CLASS_DIGIT | CLASS_LETTER,
    CLASS_DIGIT | CLASS_LETTER,
    CLASS_DIGIT | CLASS_LETTER,
    CLASS_DIGIT | CLASS_LETTER,
    CLASS_DIGIT | CLASS_LETTER,
    CLASS_DIGIT | CLASS_LETTER,
    CLASS_DIGIT | CLASS_LETTER,
    CLASS_LETTER,
    CLASS_LETTER_AO | CLASS_SEPARATOR | CLASS_PLUS,
    CLASS_LETTER_AO | CLASS_ANGLE,
    CLASS_LETTER_AO | CLASS_SEPARATOR,
    CLASS_LETTER_AO | CLASS_SEPARATOR | CLASS_CARET,
    CLASS_LETTER_AO | CLASS_SEPARATOR,
};

static const uint8_t upper_half[16] = {
    0,
    0,
    CLASS_SEPARATOR | CLASS_PLUS,
    CLASS_DIGIT | CLASS_ANGLE,
    CLASS_LETTER_AO | CLASS_AT,
    CLASS_LETTER_PZ | CLASS_CARET,
    CLASS_LETTER_AO,
    CLASS_LETTER_PZ,
};

void shape_kernel_scalar(const uint8_t *data, uint32_t block_count, struct shape_masks *masks_out)
{
    for (uint32_t block = 0; block < block_count; block++, data += SHAPE_BLOCK) {
        struct shape_masks masks = {0};
        for (uint32_t i = 0; i < SHAPE_BLOCK; i++) {
            uint8_t classes = lower_half[data[i] & 15] & upper_half[data[i] >> 4];
            masks.digit |= (uint64_t)((classes & CLASS_DIGIT) != 0) << i;
            masks.letter |= (uint64_t)((classes & CLASS_LETTER) != 0) << i;
            masks.separator |= (uint64_t)((classes & CLASS_SEPARATOR) != 0) << i;
            masks.symbol |= (uint64_t)((classes & CLASS_SYMBOL) != 0) << i;
        }
        masks_out[block] = masks;
    }
}

#ifdef CPU_SSSE3

#include <immintrin.h>

/* SSSE3 is below the x86-64-v2 that everything is compiled for. */
static __m128i classes_128(const uint8_t *data)
{
    const __m128i lower = _mm_loadu_si128((const __m128i *)(const void *)lower_half);
    const __m128i upper = _mm_loadu_si128((const __m128i *)(const void *)upper_half);
    const __m128i nibble = _mm_set1_epi8(15);
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)data);
    __m128i high = _mm_and_si128(_mm_srli_epi16(bytes, 4), nibble);
    return _mm_and_si128(_mm_shuffle_epi8(lower, _mm_and_si128(bytes, nibble)), _mm_shuffle_epi8(upper, high));
}

static uint64_t mask_128(__m128i classes, char wanted, uint32_t shift)
{
    __m128i none = _mm_cmpeq_epi8(_mm_and_si128(classes, _mm_set1_epi8(wanted)), _mm_setzero_si128());
    return (uint64_t)(uint16_t)~_mm_movemask_epi8(none) << shift;
}

static void kernel_128(const uint8_t *data, uint32_t block_count, struct shape_masks *masks_out)
{
    for (uint32_t block = 0; block < block_count; block++, data += SHAPE_BLOCK) {
        struct shape_masks masks = {0};
        for (uint32_t i = 0; i < SHAPE_BLOCK; i += 16) {
            __m128i classes = classes_128(data + i);
            masks.digit |= mask_128(classes, CLASS_DIGIT, i);
            masks.letter |= mask_128(classes, CLASS_LETTER, i);
            masks.separator |= mask_128(classes, CLASS_SEPARATOR, i);
            masks.symbol |= mask_128(classes, (char)CLASS_SYMBOL, i);
        }
        masks_out[block] = masks;
    }
}

__attribute__((target("avx2"))) static __m256i classes_256(const uint8_t *data)
{
    const __m256i lower = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)lower_half));
    const __m256i upper = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)upper_half));
    const __m256i nibble = _mm256_set1_epi8(15);
    __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)data);
    __m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble);
    return _mm256_and_si256(_mm256_shuffle_epi8(lower, _mm256_and_si256(bytes, nibble)),
                            _mm256_shuffle_epi8(upper, high));
}

__attribute__((target("avx2"))) static uint64_t mask_256(__m256i classes, char wanted, uint32_t shift)
{
    __m256i none = _mm256_cmpeq_epi8(_mm256_and_si256(classes, _mm256_set1_epi8(wanted)), _mm256_setzero_si256());
    return (uint64_t)(uint32_t)~_mm256_movemask_epi8(none) << shift;
}

__attribute__((target("avx2"))) static void kernel_256(const uint8_t *data, uint32_t block_count,
                                                       struct shape_masks *masks_out)
{
    for (uint32_t block = 0; block < block_count; block++, data += SHAPE_BLOCK) {
        __m256i low = classes_256(data), high = classes_256(data + 32);
        masks_out[block] = (struct shape_masks){
            .digit = mask_256(low, CLASS_DIGIT, 0) | mask_256(high, CLASS_DIGIT, 32),
            .letter = mask_256(low, CLASS_LETTER, 0) | mask_256(high, CLASS_LETTER, 32),
            .separator = mask_256(low, CLASS_SEPARATOR, 0) | mask_256(high, CLASS_SEPARATOR, 32),
            .symbol = mask_256(low, (char)CLASS_SYMBOL, 0) | mask_256(high, (char)CLASS_SYMBOL, 32),
        };
    }
}

__attribute__((target("avx512f,avx512bw"))) static void kernel_512(const uint8_t *data, uint32_t block_count,
                                                                   struct shape_masks *masks_out)
{
    const __m512i lower = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)lower_half));
    const __m512i upper = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)upper_half));
    const __m512i nibble = _mm512_set1_epi8(15);
    for (uint32_t block = 0; block < block_count; block++, data += SHAPE_BLOCK) {
        __m512i bytes = _mm512_loadu_si512(data);
        __m512i high = _mm512_and_si512(_mm512_srli_epi16(bytes, 4), nibble);
        __m512i classes = _mm512_and_si512(_mm512_shuffle_epi8(lower, _mm512_and_si512(bytes, nibble)),
                                           _mm512_shuffle_epi8(upper, high));
        masks_out[block] = (struct shape_masks){
            .digit = _mm512_test_epi8_mask(classes, _mm512_set1_epi8(CLASS_DIGIT)),
            .letter = _mm512_test_epi8_mask(classes, _mm512_set1_epi8(CLASS_LETTER)),
            .separator = _mm512_test_epi8_mask(classes, _mm512_set1_epi8(CLASS_SEPARATOR)),
            .symbol = _mm512_test_epi8_mask(classes, _mm512_set1_epi8((char)CLASS_SYMBOL)),
        };
    }
}

struct shape_variant shape_kernel_variant(uint32_t n)
{
    enum cpu_vectors most = cpu_vectors();
    const struct shape_variant variants[] = {{"scalar", shape_kernel_scalar},
                                             {"ssse3", most >= CPU_V2 ? kernel_128 : NULL},
                                             {"avx2", most >= CPU_AVX2 ? kernel_256 : NULL},
                                             {"avx512", most >= CPU_AVX512 ? kernel_512 : NULL}};
    return n < ARRAY_COUNT(variants) ? variants[n] : (struct shape_variant){NULL, NULL};
}

#else

struct shape_variant shape_kernel_variant(uint32_t n)
{
    return n == 0 ? (struct shape_variant){"scalar", shape_kernel_scalar} : (struct shape_variant){NULL, NULL};
}

#endif

shape_kernel *shape_kernel_best(void)
{
    shape_kernel *best = shape_kernel_scalar;
    for (uint32_t n = 0; shape_kernel_variant(n).kernel; n++)
        best = shape_kernel_variant(n).kernel;
    return best;
}
