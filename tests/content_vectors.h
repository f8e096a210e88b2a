/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Reads tests/vectors/content.txt; what its fields mean is told in tests/tools/generate_content_vectors.py. */

#include <stdio.h>

#include "content_run.h"

#define CONTENT_VECTOR_LINE_MAX 65536u
#define CONTENT_VECTOR_BODY_MAX 131072u

struct content_vector {
    const char *name;
    const char *header;
    enum content_outcome outcome;
    uint32_t flags;
    bool bomb;
    uint32_t content_size;
    uint32_t coded_size;
    uint8_t content[CONTENT_VECTOR_BODY_MAX];
    uint8_t coded[CONTENT_VECTOR_BODY_MAX];
    char line[CONTENT_VECTOR_LINE_MAX];
};

static inline uint32_t content_vector_hex(const char *text, uint8_t *out)
{
    uint32_t size = 0;
    for (unsigned byte; sscanf(text + 2 * size, "%2x", &byte) == 1; size++) {
        require(size < CONTENT_VECTOR_BODY_MAX);
        out[size] = (uint8_t)byte;
    }
    return size;
}

static inline uint32_t content_vector_draw(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

static inline uint32_t content_vector_rows(uint32_t count, uint64_t seed, uint8_t *out)
{
    static const char *const words[16] = {"{\"id\": ",
                                          ", \"name\": \"",
                                          "\", \"mail\": \"",
                                          "@example.com",
                                          "\"}, ",
                                          "\n",
                                          "true",
                                          "0.25",
                                          "Anna",
                                          "Bob",
                                          "Carol",
                                          "[",
                                          "]",
                                          "null",
                                          "street ",
                                          "\xc3\xa4"};
    for (uint32_t size = 0; size < count;) {
        const char *word = words[content_vector_draw(&seed) % 16];
        uint32_t left = min_u32((uint32_t)strlen(word), count - size);
        memcpy(out + size, word, left);
        size += left;
    }
    return count;
}

static inline uint32_t content_vector_content(char *recipe, uint8_t *out)
{
    char *kind = strsep(&recipe, ":"), *first = strsep(&recipe, ":");
    if (strcmp(kind, "hex") == 0)
        return content_vector_hex(first, out);
    uint32_t count = (uint32_t)strtoul(first, NULL, 10);
    if (strcmp(kind, "repeat") == 0) {
        uint32_t size = content_vector_hex(recipe, out);
        require(count * size <= CONTENT_VECTOR_BODY_MAX);
        for (uint32_t i = 1; i < count; i++)
            memcpy(out + i * size, out, size);
        return count * size;
    }
    uint64_t seed = strtoull(recipe, NULL, 10);
    require(count <= CONTENT_VECTOR_BODY_MAX);
    if (strcmp(kind, "rows") == 0)
        return content_vector_rows(count, seed, out);
    for (uint32_t i = 0; i < count; i++)
        out[i] = (uint8_t)content_vector_draw(&seed);
    return count;
}

static inline uint32_t content_vector_flags(const char *text)
{
    static const char *const names[] = {"checksum", "trailer", "trailing", "members", "raw"};
    uint32_t flags = 0;
    for (const char *at = text; *at; at += *at == ' ') {
        size_t size = strcspn(at, " ");
        for (uint32_t i = 0; i < ARRAY_COUNT(names); i++)
            if (strlen(names[i]) == size && strncmp(names[i], at, size) == 0)
                flags |= 1u << i;
        at += size;
    }
    return flags;
}

static inline bool content_vector_next(FILE *file, struct content_vector *vector)
{
    if (!fgets(vector->line, sizeof(vector->line), file))
        return false;
    char *rest = vector->line;
    vector->name = strsep(&rest, "|");
    vector->header = strsep(&rest, "|");
    const char *outcome = strsep(&rest, "|");
    vector->outcome = CONTENT_OPEN;
    for (uint32_t i = 0; i < CONTENT_OUTCOME_COUNT; i++)
        if (strcmp(outcome, content_outcome_name(i)) == 0)
            vector->outcome = i;
    require(vector->outcome != CONTENT_OPEN);
    vector->bomb = vector->outcome == CONTENT_BOMB_RATIO;
    vector->flags = content_vector_flags(strsep(&rest, "|"));
    vector->content_size = content_vector_content(strsep(&rest, "|"), vector->content);
    vector->coded_size = content_vector_hex(rest, vector->coded);
    return true;
}

/* NULL when there is no ASSAY_SOURCE. */
static inline FILE *content_vector_open(void)
{
    char path[4096];
    const char *source = getenv("ASSAY_SOURCE");
    if (!source)
        return NULL;
    snprintf(path, sizeof(path), "%s/tests/vectors/content.txt", source);
    FILE *file = fopen(path, "r");
    require(file != NULL);
    return file;
}
