/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Known lines
 *
 * Nearly all header lines of a connection come again with its next call: what they are, and the token in them, was
 * judged before. A line that was searched is known here by a keyed hash, with what was found in it, so that it need not
 * be searched again. What comes out is what a search would give; only detect_scan_apart() makes a line fit to be kept.
 *
 * No text is kept, only what a finding may tell: mask and keyed digest. The hash is that of base/text_id.h.
 *
 * Memory:  64 KB and 180 bytes for each of `found_count` lines from the arena; none later.
 * Threads: one owner.
 * Limits:  KNOWN_LINE_MAX bytes, KNOWN_LINE_HITS hits; other lines are searched each time. New lines take the place of
 *          new lines until they come again: those that never do push out no other.
 */

#include "base/arena.h"
#include "base/text_id.h"
#include "detect/detect_scan.h"

#define KNOWN_LINES_CLEAN 4096u /* 64 KB, which stay in L2: the header lines of a few hundred kinds of client */
#define KNOWN_LINE_MAX    2048u /* JSON web tokens are rarely longer */
#define KNOWN_LINE_HITS   2u    /* a token, or the two cookies that are ones */

struct known_line {
    struct text_id id;
    uint32_t hit_count;
    struct detect_hit hits[KNOWN_LINE_HITS]; /* offsets count from the line's first byte */
};

struct known_lines;

/* Bytes that known_lines_new() takes. */
size_t known_lines_size(uint32_t found_count);

/*
 * `found_count` is a power of two, how many lines with hits are known at a time: each client has its own token, so as
 * many as there are clients. Returns 0 or -ENOMEM.
 */
MUST_USE int known_lines_new(struct known_lines **lines_out, struct arena *arena, const struct hash_key *key,
                             uint32_t found_count);

/* 0 < line.size <= KNOWN_LINE_MAX. `set_number` tells sets of detectors apart: what one knows is nothing to another. */
struct text_id known_line_id(const struct known_lines *lines, uint32_t set_number, struct span line);

/* True when the line was searched and nothing was in it. */
bool known_line_clean(struct known_lines *lines, struct text_id id);

/*
 * False: nothing is known to be in the line, and known_line_found() need not be asked. Otherwise what may be known is
 * on its way from memory.
 */
bool known_line_maybe_found(const struct known_lines *lines, struct text_id id);

/* What was found in the line, or NULL. Valid until the next known_line_keep_found(). */
const struct known_line *known_line_found(struct known_lines *lines, struct text_id id);

void known_line_keep_clean(struct known_lines *lines, struct text_id id);

/* 0 < count <= KNOWN_LINE_HITS; `base` is the line's offset in the text that the hits are of. */
void known_line_keep_found(struct known_lines *lines, struct text_id id, const struct detect_hit *hits, uint32_t count,
                           uint32_t base);
