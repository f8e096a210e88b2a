/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Arena
 *
 * Hands out memory by moving a pointer; all of it is given back at once by arena_free(). Two uses: a worker's whole
 * memory, taken at start from the configured budget; and the parts of something built on the slow path and freed
 * together (a registry, a rule set).
 *
 * Memory:  arena_new() maps `size` bytes (touched on first use). arena_new_growing() maps blocks as needed, slow path only.
 * Threads: one owner.
 * Errors:  arena_take() returns NULL when the arena is full; never for a growing arena short of the system's memory.
 */

#include "base/base.h"

struct arena;

/* Returns NULL when the system has not that much memory. */
MUST_USE struct arena *arena_new(size_t size);
MUST_USE struct arena *arena_new_growing(void);
void arena_free(struct arena *arena);

/* Zeroed memory, aligned to `alignment` (a power of two). NULL when full. */
MUST_USE void *arena_take(struct arena *arena, size_t size, size_t alignment);

/* A terminated copy. NULL when full. */
MUST_USE char *arena_copy_text(struct arena *arena, const char *text, size_t size);

/* Bytes handed out so far, padding included. */
size_t arena_used(const struct arena *arena);
size_t arena_left(const struct arena *arena);

#define arena_take_array(arena, type, count) ((type *)arena_take((arena), sizeof(type) * (count), _Alignof(type)))
