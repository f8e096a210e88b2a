/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Evidence of findings that are made off the worker cores (about the auditing, over several calls): numbers and times
 * as texts, in the order in which they are added.
 *
 * Memory:  the texts lie in the structure; the finding points into it.
 * Threads: one owner. Slow path.
 * Limits:  FINDING_EVIDENCE_MAX entries, asserted.
 */

#include "event/finding.h"

#define EVIDENCE_TEXT_SIZE 64u /* 20 digits and a sign; a time has 30 characters, an address 45 */

struct evidence {
    struct finding finding;
    char texts[FINDING_EVIDENCE_MAX][EVIDENCE_TEXT_SIZE];
};

/* `text` outlives the finding, or is copied. An empty one is not added. */
void evidence_add_text(struct evidence *evidence, const char *name, struct span text);
void evidence_add_copy(struct evidence *evidence, const char *name, const char *text);
void evidence_add_unsigned(struct evidence *evidence, const char *name, uint64_t value);
void evidence_add_time(struct evidence *evidence, const char *name, uint64_t time_ns);
void evidence_add_address(struct evidence *evidence, const char *name, const struct address *address);
void evidence_add_signed(struct evidence *evidence, const char *name, int64_t value);

/* `part` of `whole` in percent with three digits behind the point; 0 of nothing is 0. */
void evidence_add_percent(struct evidence *evidence, const char *name, uint64_t part, uint64_t whole);
