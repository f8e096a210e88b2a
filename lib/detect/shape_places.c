/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Places worth a look
 *
 * Works on the bit masks of four blocks at once, each in a lane of a vector: a run of nine is four shifted ANDs, a
 * border between a letter and a digit one. What a shift loses at the end of a block comes from the lane beside it.
 */

#include "detect/shape_places.h"

#include <string.h>

#include "base/cpu.h"

/* Called once for each 256 bytes of all traffic; a call would cost as much as what is done in it. */
#define INLINE static inline __attribute__((always_inline))

typedef uint64_t lanes __attribute__((vector_size(SHAPE_LANES * sizeof(uint64_t))));

static_assert(sizeof(struct shape_masks) == sizeof(lanes), "one block of masks is read as one vector");

struct lane_masks {
    lanes digit, letter, separator;
};

struct features {
    lanes group;   /* digits, and separators behind a digit */
    lanes borders; /* a letter behind a digit or the other way round, at most one separator between them */
    lanes starts;  /* of words */
    lanes body;    /* letters, digits, separators */
};

/* Of four blocks. */
INLINE void load(const struct shape_masks *masks, struct lane_masks *out)
{
    lanes a, b, c, d;
    memcpy(&a, &masks[0], sizeof(a));
    memcpy(&b, &masks[1], sizeof(b));
    memcpy(&c, &masks[2], sizeof(c));
    memcpy(&d, &masks[3], sizeof(d));
    lanes even_ab = __builtin_shufflevector(a, b, 0, 4, 2, 6), even_cd = __builtin_shufflevector(c, d, 0, 4, 2, 6);
    lanes odd_ab = __builtin_shufflevector(a, b, 1, 5, 3, 7), odd_cd = __builtin_shufflevector(c, d, 1, 5, 3, 7);
    out->digit = __builtin_shufflevector(even_ab, even_cd, 0, 1, 4, 5);
    out->separator = __builtin_shufflevector(even_ab, even_cd, 2, 3, 6, 7);
    out->letter = __builtin_shufflevector(odd_ab, odd_cd, 0, 1, 4, 5);
}

/* Each block's bits moved up by `count`, what comes in at the bottom being the top of the block in front. */
#define SHIFT_IN(mask, before, count) ((mask) << (count) | (before) >> (64 - (count)))

/* `before` are the four blocks in front of those of `now`. */
INLINE void find_features(const struct lane_masks *before, const struct lane_masks *now, struct features *out)
{
    lanes digit = __builtin_shufflevector(before->digit, now->digit, 3, 4, 5, 6);
    lanes letter = __builtin_shufflevector(before->letter, now->letter, 3, 4, 5, 6);
    lanes separator = __builtin_shufflevector(before->separator, now->separator, 3, 4, 5, 6);
    lanes digits_1 = SHIFT_IN(now->digit, digit, 1), letters_1 = SHIFT_IN(now->letter, letter, 1);
    lanes digits_2 = SHIFT_IN(now->digit, digit, 2), letters_2 = SHIFT_IN(now->letter, letter, 2);
    lanes apart = SHIFT_IN(now->separator, separator, 1), words = now->digit | now->letter;
    out->group = now->digit | (now->separator & digits_1);
    out->borders = (now->letter & (digits_1 | (apart & digits_2))) | (now->digit & (letters_1 | (apart & letters_2)));
    out->starts = words & ~(digits_1 | letters_1);
    out->body = words | now->separator;
}

/* To `mask`: bits at which at least nine set ones begin; `next` are the blocks behind. */
INLINE void runs_of_nine(lanes *mask, const lanes *next)
{
    static_assert(SHAPE_DIGITS_MIN == 9 && SHAPE_BODY_MIN == 9, "eight and one more");
    lanes one = *mask, next_one = *next;
    lanes two = one & (one >> 1 | next_one << 63), next_two = next_one & next_one >> 1;
    lanes four = two & (two >> 2 | next_two << 62), next_four = next_two & next_two >> 2;
    lanes eight = four & (four >> 4 | next_four << 60);
    *mask = eight & (one >> 8 | next_one << 56);
}

/* To `mask`: bits at which a set one is at most SHAPE_BORDER_MAX places ahead. */
INLINE void set_ahead(lanes *mask, const lanes *next)
{
    lanes two = *mask | *mask >> 1 | *next << 63, next_two = *next | *next >> 1;
    lanes four = two | two >> 2 | next_two << 62, next_four = next_two | next_two >> 2;
    lanes eight = four | four >> 4 | next_four << 60, next_eight = next_four | next_four >> 4;
    static_assert(SHAPE_BORDER_MAX == 9, "eight places and two more");
    *mask = eight | eight >> 2 | next_eight << 62;
}

INLINE void judge(const struct features *now, const struct features *behind, struct shape_places *out)
{
    lanes next_group = __builtin_shufflevector(now->group, behind->group, 1, 2, 3, 4);
    lanes next_body = __builtin_shufflevector(now->body, behind->body, 1, 2, 3, 4);
    lanes next_borders = __builtin_shufflevector(now->borders, behind->borders, 1, 2, 3, 4);
    lanes digits = now->group, words = now->body, borders = now->borders;
    runs_of_nine(&digits, &next_group);
    runs_of_nine(&words, &next_body);
    set_ahead(&borders, &next_borders);
    words &= now->starts & borders;
    for (uint32_t i = 0; i < SHAPE_LANES; i++)
        out[i] = (struct shape_places){.digits = digits[i], .words = words[i]};
}

INLINE void find(const struct shape_masks *masks, uint32_t block_count, struct shape_places *places_out)
{
    const struct shape_masks *first = masks, *blocks = masks + 1;
    struct lane_masks before = {
        .digit = {0, 0, 0, first->digit}, .letter = {0, 0, 0, first->letter}, .separator = {0, 0, 0, first->separator}};
    struct lane_masks masks_now, masks_behind;
    struct features now, behind;
    load(blocks, &masks_now);
    find_features(&before, &masks_now, &now);
    for (uint32_t i = 0; i < block_count; i += SHAPE_LANES) {
        load(blocks + i + SHAPE_LANES, &masks_behind);
        find_features(&masks_now, &masks_behind, &behind);
        judge(&now, &behind, places_out + i);
        masks_now = masks_behind;
        now = behind;
    }
}

static void find_plain(const struct shape_masks *masks, uint32_t block_count, struct shape_places *places_out)
{
    find(masks, block_count, places_out);
}

#ifdef CPU_SSSE3

__attribute__((target("avx2"))) static void find_avx2(const struct shape_masks *masks, uint32_t block_count,
                                                      struct shape_places *places_out)
{
    find(masks, block_count, places_out);
}

/* No wider vectors, but three operands are combined by one instruction. */
__attribute__((target("avx2,avx512f,avx512vl"))) static void
find_avx512(const struct shape_masks *masks, uint32_t block_count, struct shape_places *places_out)
{
    find(masks, block_count, places_out);
}

struct shape_place_variant shape_place_variant(uint32_t n)
{
    enum cpu_vectors most = cpu_vectors();
    const struct shape_place_variant variants[] = {{"plain", find_plain},
                                                   {"avx2", most >= CPU_AVX2 ? find_avx2 : NULL},
                                                   {"avx512", most >= CPU_AVX512 ? find_avx512 : NULL}};
    return n < ARRAY_COUNT(variants) ? variants[n] : (struct shape_place_variant){NULL, NULL};
}

#else

struct shape_place_variant shape_place_variant(uint32_t n)
{
    return n == 0 ? (struct shape_place_variant){"plain", find_plain} : (struct shape_place_variant){NULL, NULL};
}

#endif

shape_place_finder *shape_place_best(void)
{
    shape_place_finder *best = find_plain;
    for (uint32_t n = 0; shape_place_variant(n).finder; n++)
        best = shape_place_variant(n).finder;
    return best;
}
