/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Keywords in context
 *
 * Whether a word that names a kind of value stands in a field's name or near the value. Between the words of a keyword
 * ("sort code", "sort_code", "sortCode" all have two) the text may have a '_', '-', space or nothing; case does not
 * matter. A keyword is a part of a name: "ip" is found in "clientIp" and "ip_address", not in "shipping"; one of
 * CONTEXT_LONG letters or more also as the beginning of a longer word.
 *
 * Memory:  the keywords belong to the caller, as context_keyword_fold() makes them: lower case, a space between words.
 */
#pragma once

/*
 * Keywords in context
 *
 * Whether a word that names a kind of value stands in a field's name or near the value. Case, '_', '-' and spaces
 * inside the keyword do not matter: "sortcode" is found in "sort_code", "Sort Code" and "sortCode". A keyword is a part
 * of a name: "ip" is found in "clientIp" and "ip_address", not in "shipping"; one of CONTEXT_LONG letters or more also
 * as the beginning of a longer word.
 *
 * Memory:  the keywords belong to the caller, lower case, letters and digits only (context_keyword_fold()).
 */

#include "base/span.h"

#define CONTEXT_LONG        5u  /* "patient" in "patientenakte": longer words are rarely the beginning of others */
#define CONTEXT_KEYWORD_MAX 32u /* bytes */

struct context_keywords {
    const char (*words)[CONTEXT_KEYWORD_MAX];
    uint32_t count;
    uint64_t first_bytes[4]; /* set of what they begin with, either case */
};

/* Returns false when nothing is left of the keyword or it is too long. */
bool context_keyword_fold(const char *word, char folded_out[CONTEXT_KEYWORD_MAX]);

void context_keywords_init(struct context_keywords *keywords, const char (*words)[CONTEXT_KEYWORD_MAX], uint32_t count);

/* True when a keyword lies wholly within [start, end) of the text. */
bool context_has_keyword(const struct context_keywords *keywords, struct span text, uint32_t start, uint32_t end);
