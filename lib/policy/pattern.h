/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Pattern
 *
 * A text in which '*' stands for any bytes, also none: "/health*", "*.css", "utm_*". Split when compiled, so that a
 * match is a comparison at both ends and at most a search for each piece between. Private to the module.
 *
 * Memory:  the text stays the author's.
 * Limits:  PATTERN_STARS_MAX.
 * Errors:  pattern_init() false: more stars.
 */

#include "base/span.h"

#define PATTERN_STARS_MAX 3u /* each more is one more search through a hostile path of 16 KB */

struct pattern {
    struct span pieces[PATTERN_STARS_MAX + 1];
    uint32_t piece_count;
};

struct pattern_list {
    const struct pattern *patterns;
    uint32_t count;
};

MUST_USE bool pattern_init(struct pattern *pattern, const char *text);

bool pattern_matches(const struct pattern *pattern, struct span text);

#define PATTERN_LOWER_MAX 256u /* a DNS name has 253 bytes; longer texts are compared as they are */

/* Lower case in `buffer`, for texts whose letters' case does not count: hosts, header names. */
struct span pattern_text_lower(struct span text, uint8_t buffer[PATTERN_LOWER_MAX]);

/* False for an empty list. */
bool pattern_list_matches(const struct pattern_list *list, struct span text);
