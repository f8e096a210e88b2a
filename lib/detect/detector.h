/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Compiled detectors
 *
 * The inside of a detector set, for the parts of the scanner. A tier is one Hyperscan database with the patterns that
 * are looked for in the same places; its number is that of its bit in enum detector_candidate.
 */

#include <hs/hs.h>

#include "detect/byte_set.h"
#include "detect/context.h"
#include "detect/detect_scan.h"
#include "detect/shape.h"
#include "detect/validator.h"

#define TIER_LITERAL  0u
#define TIER_DIGITS   1u
#define TIER_LETTERS  2u
#define TIER_KEYWORD  7u
#define TIER_ALWAYS   8u
#define TIER_COUNT    9u
#define TIER_OF(kind) ((uint32_t)__builtin_ctz(kind))

#define PIECE_SHORT 128u /* twice the widest register: only the last, partial step of a scan reads too far */

/* Tiers whose patterns are tied to the first byte of what Hyperscan is given. */
#define TIERS_ANCHORED (1u << TIER_DIGITS | 1u << TIER_LETTERS)

#define ANCHORED_WIDTH_MAX 256u /* what is scanned from each word: hostile text has many */

/* Patterns of the literal tier with ids from here on are keywords of the keyword tier; they mark where to look. */
#define KEYWORD_ID DETECTORS_MAX

#define SMALL_LITERAL 1u /* a byte that some literal pattern cannot do without, as each needs one */
#define SMALL_SHAPE   2u /* the same for the tiers behind the shape finder: a digit or a symbol */

#define HIT_DRAFTS_MAX      2048u /* validated values of one text before overlaps are settled: as many as candidates */
#define KEYWORD_WINDOWS_MAX 64u   /* more: the keyword tier runs over the whole text */

/* The longest text a keyword pattern matches: each letter may have one filler behind it. */
#define KEYWORD_TEXT_MAX (2u * CONTEXT_KEYWORD_MAX)

static_assert(DETECTOR_LITERAL == 1 << TIER_LITERAL && DETECTOR_DIGITS == 1 << TIER_DIGITS &&
                  DETECTOR_LETTERS == 1 << TIER_LETTERS && DETECTOR_KEYWORD == 1 << TIER_KEYWORD &&
                  DETECTOR_ALWAYS == 1 << TIER_ALWAYS,
              "tiers are numbered by the bits of the candidates");

struct tier {
    hs_database_t *database; /* NULL: no pattern */
    uint32_t width_min;
    uint32_t width_max;       /* UINT32_MAX: no bound */
    struct byte_set alphabet; /* bytes that occur in its matches */
};

struct detector {
    struct detect_detector public;
    const struct validator *validator; /* NULL: none */
    struct detector_mask mask;
    enum detector_digest digest;
    uint32_t candidate;
    bool keyed;
    bool keyword_required;
    struct context_keywords keywords;
    struct byte_set tail; /* what was cut off the pattern's end, up to tail_max bytes */
    uint32_t tail_max;
    const char *pattern; /* as compiled */
    unsigned int flags;  /* Hyperscan's */
    double cost;         /* detect_grade() of it */
};

struct detect_set {
    struct arena *arena; /* all but the databases */
    uint32_t count;
    struct detector *detectors;
    struct tier tiers[TIER_COUNT];
    uint8_t small[256];        /* which tiers a text with this byte may be worth: SMALL_LITERAL, SMALL_SHAPE */
    uint32_t literal_size_min; /* a shorter text has no use for the literal tier */
    struct context_keywords keyword_tier; /* of its detectors, for the field's name */
    struct shape_plan plan;
    bool edges; /* a pattern asks for the beginning or the end of a text */
};

struct candidate {
    uint32_t from, to;
    uint16_t detector;
};

struct hit_draft {
    uint32_t offset, size;
    uint16_t detector;
    uint8_t confidence;
    uint8_t flags; /* enum detect_flag */
};

struct window {
    uint32_t start, end; /* what is scanned */
    uint32_t reach;      /* the alphabet of the tier goes on to here */
};

struct detect_scratch {
    const struct digest_key *key;
    hs_scratch_t *scratch;
    uint64_t lost;
    /* Of the scan that is running: */
    const struct detect_set *set;
    const struct detect_text *text;
    uint32_t base;          /* offset of the bytes Hyperscan was given */
    uint32_t piece_size;    /* and how many, for edges that are none of the text */
    bool anchored;          /* matches begin at its first byte */
    bool apart;             /* no hit depends on another line */
    uint32_t keyword_width; /* how far from a keyword the keyword tier looks */
    uint32_t candidate_count;
    uint32_t draft_count;
    uint32_t keyword_window_count;
    struct window pending[TIER_COUNT]; /* size 0: none */
    struct window keyword_windows[KEYWORD_WINDOWS_MAX];
    uint8_t piece[2 * PIECE_SHORT]; /* a short text, with room behind it */
    struct shape_spot spots[SHAPE_SPOTS_MAX];
    struct candidate candidates[DETECT_CANDIDATES_MAX];
    struct hit_draft drafts[HIT_DRAFTS_MAX];
};

/* From candidates to hits (detect_judge.c). */
uint32_t detect_judge(const struct detect_set *set, struct detect_scratch *scratch, const struct detect_text *text,
                      struct detect_hit *hits_out, uint32_t max);

/* Cycles a byte of the compiled pattern over a built-in text (detect_grade.c); negative: no memory. */
double detect_grade(const hs_database_t *database);
