/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a parser said of a stream, line by line, and how breaks of the parser contract end a process: shared by the
 * traces of the protocols.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"

struct trace_segment {
    uint32_t end; /* offset in the stream where it ends */
    bool lost;
};

struct trace_lines {
    char *text; /* with an end; the owner frees it */
    size_t size, capacity;
};

static inline void trace_check(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "parser contract: %s\n", what);
    abort();
}

static inline void trace_add(struct trace_lines *lines, const void *data, size_t size)
{
    if (lines->size + size + 1 > lines->capacity) {
        lines->capacity = (lines->size + size + 1) * 2;
        lines->text = realloc(lines->text, lines->capacity);
        trace_check(lines->text != NULL, "out of memory");
    }
    if (size)
        memcpy(lines->text + lines->size, data, size);
    lines->size += size;
    lines->text[lines->size] = '\0';
}
