/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Shape finder
 *
 * Where in a text a pattern that begins with a class of bytes could match: the cheap look before Hyperscan's dear one.
 * Each spot says which kinds of patterns (enum detector_candidate) are worth running around it:
 *
 *   DIGITS   a word inside a group of nine digits or more, at most one of " .-+/" between two of them, that begins as
 * some pattern does; the spot is its first byte LETTERS  a word that begins as some pattern does; its first nine bytes
 * are letters, digits and separators, and in its first SHAPE_BORDER_MAX a letter stands beside a digit or one separator
 * from it; the spot is its first byte AT, PLUS (in front of a digit), CARET, ANGLE: the spot is that byte
 *
 * Memory:  the caller's.
 * Limits:  SHAPE_CHUNK bytes a call; SHAPE_SPOTS_MAX spots of it, the last then stretches to the end of the chunk and
 * is of every kind, so nothing is missed.
 */

#include "detect/pattern.h"
#include "detect/shape_places.h"

#define SHAPE_CHUNK_BLOCKS 64u
#define SHAPE_CHUNK        (SHAPE_CHUNK_BLOCKS * SHAPE_BLOCK) /* 4 KB: most bodies are one chunk, its masks fit L1 */
#define SHAPE_SPOTS_MAX    512u                               /* one for each 8 bytes: no ordinary text comes near */

struct shape_plan {
    shape_kernel *kernel;
    shape_place_finder *finder;
    uint32_t wanted; /* set of enum detector_candidate */
    /*
     * How patterns begin: a bit is set where some pattern may have this byte that far from its start. The lower half is
     * for DIGITS patterns, the upper one for LETTERS patterns; pattern p has bit p mod 16 of its half.
     */
    uint32_t heads[PATTERN_HEAD_SIZE][256];
    uint8_t order[PATTERN_HEAD_SIZE]; /* the places in `heads`, the one that tells most apart first */
};

#define SHAPE_HEAD_BITS    16u
#define SHAPE_HEAD_DIGITS  0x0000ffffu
#define SHAPE_HEAD_LETTERS 0xffff0000u

struct shape_spot {
    uint32_t start, end; /* a word's: one byte, unless it is the last one stretched */
    uint32_t kinds;      /* set of enum detector_candidate */
};

/* What goes on from chunk to chunk of one text; zero at its start. */
struct shape_state {
    uint32_t position;         /* of the next chunk */
    uint32_t digits_done;      /* digit groups in front of this were looked at */
    struct shape_masks before; /* of the last block */
};

/* Once the heads are filled. */
void shape_plan_finish(struct shape_plan *plan);

/* Looks at the next chunk of the text, state->position < size; returns the number of spots, in no strict order. */
uint32_t shape_find(const struct shape_plan *plan, struct shape_state *state, const uint8_t *data, uint32_t size,
                    struct shape_spot spots_out[SHAPE_SPOTS_MAX]);
