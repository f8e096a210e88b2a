/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Places worth a look
 *
 * From the classes of bytes (shape_kernel.h) to the few places at which a number or an identifier may begin, for the
 * shape finder. The variants are one source compiled for several processors; a test holds it to the plain definition.
 *
 * Threads: any; all are pure.
 */

#include "detect/shape_kernel.h"

#define SHAPE_DIGITS_MIN 9u /* digits of the shortest identifiers */
#define SHAPE_BODY_MIN   9u /* characters of the shortest ones with letters */
#define SHAPE_BORDER_MAX 9u /* eight digits, hyphen, letter: no id has it later */

#define SHAPE_LANES 4u /* blocks at a time */

/* One bit a byte. */
struct shape_places {
    uint64_t digits; /* here and behind it SHAPE_DIGITS_MIN digits, or separators behind a digit */
    /*
     * A word begins; from here on SHAPE_BODY_MIN letters, digits or separators, and up to SHAPE_BORDER_MAX places ahead
     * a letter behind a digit or the other way round, at most one separator between them.
     */
    uint64_t words;
};

/*
 * The first of `masks` is of the block in front (zero at the start of a text), the next block_count are looked at, then
 * comes the block behind. There are 2 * SHAPE_LANES more, of any value. places_out has room for SHAPE_LANES - 1 more,
 * which are then of any value.
 */
typedef void shape_place_finder(const struct shape_masks *masks, uint32_t block_count, struct shape_places *places_out);

struct shape_place_variant {
    const char *name;
    shape_place_finder *finder;
};

/* The n-th variant this processor can run, slowest first; NULL finder behind the last. */
struct shape_place_variant shape_place_variant(uint32_t n);

/* The fastest one. */
shape_place_finder *shape_place_best(void);
