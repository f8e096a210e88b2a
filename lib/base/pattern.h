/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Pattern
 *
 * A text in which '*' stands for any bytes, also none: "/health*", "*.css", "utm_*". Split when compiled, so that a
 * match is a comparison at both ends and at most a search for each piece between. Lists are sorted by first byte and
 * keep the ends of each pattern as numbers, so that nearly all patterns are refused without being looked at.
 *
 * Memory:  texts stay the author's; a list takes the rest from the arena given.
 * Threads: immutable once made.
 * Limits:  PATTERN_STARS_MAX.
 * Errors:  pattern_init() false: more stars. pattern_list_init() -ENOMEM.
 */

#include "base/arena.h"
#include "base/span.h"

#define PATTERN_STARS_MAX 3u   /* each more is one more search through a hostile path of 16 KB */
#define PATTERN_LOWER_MAX 256u /* a DNS name has 253 bytes; longer texts are compared as they are */

struct pattern {
    struct span pieces[PATTERN_STARS_MAX + 1];
    uint32_t piece_count;
};

/* First and last four bytes as numbers; bytes the pattern does not fix are masked out. */
struct pattern_key {
    uint32_t head, head_mask, tail, tail_mask;
};

struct pattern_list {
    const struct pattern *patterns;
    const struct pattern_key *keys;
    /* Patterns with byte b behind what all have in common: starts[b] to starts[b + 1]; with a star: from starts[256].
     */
    const uint16_t *starts;
    uint32_t count;
    uint32_t skip; /* bytes that all have in common, but for those that begin with a star */
};

MUST_USE bool pattern_init(struct pattern *pattern, struct span text);

bool pattern_matches(const struct pattern *pattern, struct span text);

/* Sorts `patterns`, which the list keeps. At most UINT16_MAX of them. */
MUST_USE int pattern_list_init(struct pattern_list *list, struct arena *arena, struct pattern *patterns,
                               uint32_t count);

/* False for an empty list. */
bool pattern_list_matches(const struct pattern_list *list, struct span text);

/* Lower case in `buffer`, for texts whose letters' case does not count: hosts, header names. */
struct span pattern_text_lower(struct span text, uint8_t buffer[PATTERN_LOWER_MAX]);
