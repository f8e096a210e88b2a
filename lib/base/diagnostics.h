/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Diagnostics
 *
 * What the slow path has to say about somebody's files: every mistake, with the place and what to do about it, gathered
 * so that all of them can be shown at once. lib/ fills the list, app/ prints it.
 *
 * Memory:  grows on the heap, slow path only; diagnostics_deinit() frees all of it.
 * Threads: one owner.
 * Limits:  DIAGNOSTICS_MAX entries are kept, further ones are only counted.
 */

#include <stdio.h>

#include "base/base.h"

#define DIAGNOSTICS_MAX 1000 /* more mistakes than anybody reads in one go */

enum diagnostic_level { DIAGNOSTIC_ERROR, DIAGNOSTIC_WARNING, DIAGNOSTIC_NOTE };

struct diagnostic {
    enum diagnostic_level level;
    char *file;     /* NULL: about no file */
    uint32_t line;  /* from 1; 0: unknown */
    uint32_t column;
    char *pointer;  /* JSON pointer into the document, or NULL */
    char *message;  /* what is wrong and what to do, one sentence or two */
};

struct diagnostics {
    struct diagnostic *entries;
    uint32_t count;
    uint32_t capacity;
    uint32_t errors;   /* counted also beyond the limit */
    uint32_t warnings;
};

struct diagnostic_place {
    const char *file;
    uint32_t line;
    uint32_t column;
    const char *pointer;
};

void diagnostics_init(struct diagnostics *list);
void diagnostics_deinit(struct diagnostics *list);

void diagnostics_add(struct diagnostics *list, enum diagnostic_level level, const struct diagnostic_place *place,
                     const char *format, ...) PRINTF_LIKE(4, 5);

/* "error: FILE:LINE:COLUMN: MESSAGE (at POINTER)", a line each, as compilers do. */
void diagnostics_print(const struct diagnostics *list, FILE *stream);
