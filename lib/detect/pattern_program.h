/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Pattern program
 *
 * An expression as a small program in the manner of Thompson (1968): sets of bytes to consume, splits, jumps. Jumps are
 * relative, so a fragment can be moved and copied, which is all that quantifiers need. It is never run; pattern.c asks
 * it what can be reached.
 *
 * Memory:  the caller's, 200 KB: take it from the heap.
 * Limits:  PATTERN_PROGRAM_MAX instructions, PATTERN_GROUPS_MAX levels of groups; beyond them `failed` is set, as for
 *          everything of the syntax that is not known here.
 */

#include "detect/pattern.h"

#define PATTERN_GROUPS_MAX 16u /* a person does not nest deeper */

enum pattern_operation {
    OPERATION_SET,
    OPERATION_SPLIT,
    OPERATION_JUMP,
    OPERATION_BOUNDARY,
    OPERATION_NOTHING,
    OPERATION_END
};

struct pattern_instruction {
    enum pattern_operation operation;
    int32_t first, second; /* relative; a JUMP of 0 waits for the end of its group */
    struct byte_set set;
};

struct pattern_group {
    uint32_t start;       /* of the whole group ... */
    uint32_t alternative; /* ... and of its last alternative */
};

struct pattern_program {
    const char *text;
    uint32_t position;
    bool caseless;
    bool failed;
    bool has_alternatives; /* outside any group */
    uint32_t count;
    uint32_t depth;
    uint32_t atom;          /* where the last atom starts */
    uint32_t atom_position; /* in the text */
    bool atom_is_set;
    /* The last quantifier: the atom it belongs to, and what it allows. */
    uint32_t repeat_position, repeat_end;
    uint32_t repeat_min, repeat_max;
    struct byte_set repeat_set;
    struct pattern_group groups[PATTERN_GROUPS_MAX];
    struct pattern_instruction code[PATTERN_PROGRAM_MAX];
};

/* `program` is zeroed. The text has to outlast it. */
void pattern_program_compile(struct pattern_program *program, const char *text, bool caseless);
