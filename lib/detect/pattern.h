/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Facts about a pattern
 *
 * What can be said about all matches of an expression without running it: which bytes they hold, how they begin, what
 * none of them can do without. The scanner uses these to look only where a match is possible, so every fact errs on the
 * side of "possible": an expression that is not understood says nothing, and is then merely slower.
 *
 * Memory:  a program on the heap while pattern_study() runs; the facts are plain data.
 * Threads: any.
 * Limits:  PATTERN_PROGRAM_MAX instructions, counted repeats written out; beyond that the pattern is not understood.
 * Errors:  none; whether the expression is valid is Hyperscan's to say.
 */

#include "detect/byte_set.h"

#define PATTERN_HEAD_SIZE   12u   /* first bytes looked at: tells the ids apart from UUID parts and time stamps */
#define PATTERN_PROGRAM_MAX 4096u /* the longest shipped pattern needs 400 */
#define PATTERN_TEXT_MAX    1024u /* bytes of an expression, with the end and a trimmed tail */

struct pattern_facts {
    bool understood;
    bool starts_word;                        /* every match starts at a \b */
    struct byte_set alphabet;                /* bytes that occur in matches */
    struct byte_set head[PATTERN_HEAD_SIZE]; /* bytes possible that far from the start, all where it may have ended */
    struct byte_set needed;                  /* every match has one of these; full: not known */
    /*
     * An open end is cut off before compiling: X{4,} reports an end at each further X, X{4} only one, and the run of X
     * behind it is quicker found by hand. `trimmed` is what to compile, the rest is `tail` up to tail_max times.
     */
    struct byte_set tail;
    uint32_t tail_max; /* 0: nothing was cut off */
    char trimmed[PATTERN_TEXT_MAX];
};

/* Returns 0, -ENOMEM, or -E2BIG when the text does not fit PATTERN_TEXT_MAX. */
MUST_USE int pattern_study(const char *text, bool caseless, struct pattern_facts *facts_out);
