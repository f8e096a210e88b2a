/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A decoder of HPACK with its memory, and a list of what came out of it, for tests and fuzz targets. */

#include <stdlib.h>

#include "proto/hpack.h"

#define HPACK_RUN_LARGE  2u
#define HPACK_RUN_FIELDS 4096u

struct hpack_run_field {
    char *name, *value;
    uint32_t name_size, value_size;
    bool name_known, value_known, never_indexed;
};

struct hpack_run {
    struct arena *arena;
    struct pool large;
    struct hpack_memory memory;
    struct hpack decoder;
    struct hpack_small small;
    struct hpack_run_field fields[HPACK_RUN_FIELDS];
    uint32_t count;
    bool malformed;
};

static inline void hpack_run_clear(struct hpack_run *run)
{
    for (uint32_t i = 0; i < run->count; i++) {
        free(run->fields[i].name);
        free(run->fields[i].value);
    }
    run->count = 0;
    run->malformed = false;
}

static inline void hpack_run_init(struct hpack_run *run)
{
    memset(run, 0, sizeof(*run));
    run->arena = arena_new(1u << 20);
    if (!run->arena || pool_init(&run->large, run->arena, sizeof(struct hpack_large), HPACK_RUN_LARGE))
        abort();
    /* Exactly as much as promised, so that the sanitizers see one byte more. */
    run->memory = (struct hpack_memory){malloc(HPACK_SCRATCH_SIZE), &run->large};
    if (!run->memory.scratch)
        abort();
    hpack_init(&run->decoder, &run->small, &run->memory);
}

static inline void hpack_run_free(struct hpack_run *run)
{
    hpack_run_clear(run);
    hpack_release(&run->decoder);
    if (run->large.used_count != 0)
        abort();
    free(run->memory.scratch);
    arena_free(run->arena);
}

static inline char *hpack_run_copy(struct span text)
{
    char *copy = malloc(text.size + 1u);
    if (!copy)
        abort();
    if (text.size)
        memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return copy;
}

static inline void hpack_run_add(struct hpack_run *run, const struct hpack_field *field)
{
    if (run->count == HPACK_RUN_FIELDS)
        return;
    run->fields[run->count++] = (struct hpack_run_field){
        .name = hpack_run_copy(field->name),
        .value = hpack_run_copy(field->value),
        .name_size = field->name.size,
        .value_size = field->value.size,
        .name_known = field->name_known,
        .value_known = field->value_known,
        .never_indexed = field->never_indexed,
    };
}

/*
 * One block, offered in pieces of `piece` more bytes each (0: at once). Every piece is a copy of its own, so that
 * nothing can point into the one before.
 */
static inline void hpack_run_block(struct hpack_run *run, const uint8_t *data, uint32_t size, uint32_t piece)
{
    uint32_t begin = 0, end = piece ? min_u32(piece, size) : size;
    hpack_block(&run->decoder);
    for (uint64_t calls = 0;; calls++) {
        if (calls > 3 * (uint64_t)size + 3)
            abort();
        uint8_t *copy = malloc(end - begin + 1u);
        if (!copy)
            abort();
        if (end > begin)
            memcpy(copy, data + begin, end - begin);
        struct parse_input input = {.data = copy, .size = end - begin, .last = end == size};
        struct hpack_field field;
        struct parse_step step = hpack_parse(&run->decoder, &input, &field);
        if (step.consumed > end - begin)
            abort();
        begin += step.consumed;
        if (step.status == PARSE_ITEM)
            hpack_run_add(run, &field);
        free(copy);
        if (step.status == PARSE_STOP) {
            run->malformed = true;
            return;
        }
        if (step.status == PARSE_MORE && end == size)
            return;
        if (step.status == PARSE_MORE)
            end = min_u32(size, end + piece);
    }
}
