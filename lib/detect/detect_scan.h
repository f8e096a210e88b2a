/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Scan for sensitive data
 *
 * One contiguous text in, what was detected out. The text of a long body comes in windows that overlap; each value is
 * reported in the one window that owns its start.
 *
 * Memory:  none but the scratch, one per worker, fixed when made.
 * Threads: the set and the digest key are shared, a scratch has one owner.
 * Limits:  DETECT_CANDIDATES_MAX candidates a text; further ones are counted in detect_scratch_lost(). A value longer
 *          than DETECT_WINDOW_OVERLAP is reported with the part of it that lies in its window.
 *
 * Order of preference where several detectors claim the same bytes: higher confidence, then a keyword near, then the
 * longer value, then the earlier detector in the file. So a card number with "card" near it (high) wins over a bank
 * routing number with "routing" near it (medium), and track data wins over the card number inside it.
 */

#include "base/span.h"
#include "detect/detect_set.h"
#include "detect/digest.h"

#define DETECT_WINDOW_OVERLAP 1024u /* longer than any value but long tokens, whose beginning identifies them */
#define DETECT_LOOKBEHIND     128u  /* enough for the word in front of a value and the 64 bytes of its context */
#define DETECT_CONTEXT_SIZE   64u   /* a keyword counts within so many bytes of the value */
#define DETECT_CANDIDATES_MAX 2048u /* two a line of a dense export in a 64 KB window */

struct detect_text {
    const uint8_t *data;
    uint32_t size;
    uint32_t start_from;  /* look-behind: bytes in front of this are read, but no value may start there */
    uint32_t start_limit; /* values start in front of this; behind it they belong to the next window */
    struct span context;  /* name of the header, parameter or field; may be empty */
    bool lines;           /* a head, lines of "name: value": no value goes on in the next, its words are no context */
};

enum detect_flag {
    DETECT_TEST_NUMBER = DETECTION_TEST_NUMBER, /* a card number that the schemes publish for tests */
    DETECT_KEYWORD = 1 << 7,                    /* a keyword in the name or near the value; not for struct detection */
};

struct detect_hit {
    uint32_t offset; /* of the value, keys and quotes not included */
    uint32_t size;
    uint16_t detector;
    uint8_t confidence;                    /* enum detection_confidence */
    uint8_t flags;                         /* set of enum detect_flag */
    uint8_t mask_size;                     /* 0: nothing may be shown */
    char mask[DETECTION_MASK_SIZE];        /* not terminated */
    uint8_t digest[DETECTION_DIGEST_SIZE]; /* zero where none may be made */
};

struct detect_scratch;

/* NULL without memory. Set and key must outlast it. */
MUST_USE struct detect_scratch *detect_scratch_new(const struct detect_set *set, const struct digest_key *key);
void detect_scratch_free(struct detect_scratch *scratch);

/* Candidates and hits that found no room, since the scratch was made. */
uint64_t detect_scratch_lost(const struct detect_scratch *scratch);

/*
 * Of the last text, when it was one of lines: true when each of its lines would have given the same hits by itself, in
 * whatever company. It is not where a value depends on others (a verification code on its card) or something was lost.
 */
bool detect_scan_apart(const struct detect_scratch *scratch);

/* Fills at most `max` hits in order of their offsets; returns how many. `set` is the one the scratch was made for. */
uint32_t detect_scan(const struct detect_set *set, struct detect_scratch *scratch, const struct detect_text *text,
                     struct detect_hit *hits_out, uint32_t max);

/* Texts that lie one behind the other, each with a line end behind it. */
struct detect_lines {
    const uint8_t *data;
    const uint32_t *ends; /* behind the line ends */
    uint32_t count;
};

/*
 * Tells for each line whether a search of it alone could find anything, by one look at all of them. "Maybe" is always
 * right to say. What the name of a text adds is for detect_name_counts() to say.
 */
void detect_probe(const struct detect_set *set, struct detect_scratch *scratch, const struct detect_lines *lines,
                  bool *maybe_out);

/* Whether a text of that name is searched for more than another. */
bool detect_name_counts(const struct detect_set *set, struct span name);

/* The same answer from every pattern run over the whole text: what detect_scan() is proved against. Slow. */
uint32_t detect_scan_full(const struct detect_set *set, struct detect_scratch *scratch, const struct detect_text *text,
                          struct detect_hit *hits_out, uint32_t max);

/* A text that is all there. */
static inline struct detect_text detect_text_whole(const void *data, uint32_t size, struct span context)
{
    return (struct detect_text){(const uint8_t *)data, size, 0, size, context, false};
}

/*
 * A window of a longer text. The first `lookbehind` bytes are the end of the previous window's own part (0 at the
 * beginning of the text); the last DETECT_WINDOW_OVERLAP bytes come again in the next one, unless this is the final
 * one.
 */
static inline struct detect_text detect_text_window(const void *data, uint32_t size, uint32_t lookbehind, bool final,
                                                    struct span context)
{
    uint32_t limit = final ? size : size > DETECT_WINDOW_OVERLAP ? size - DETECT_WINDOW_OVERLAP : 0;
    return (struct detect_text){(const uint8_t *)data, size, min_u32(lookbehind, size), limit, context, false};
}
