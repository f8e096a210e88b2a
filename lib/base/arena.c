/* SPDX-License-Identifier: Apache-2.0 */

/* Arena: blocks of anonymous memory, newest first. A fixed arena is one block that never gets a successor. */

#include "base/arena.h"

#include <string.h>
#include <sys/mman.h>

/* A growing arena's block: large enough that a big registry maps few of them, small enough not to waste on a test's. */
#define ARENA_BLOCK_SIZE ((size_t)1 << 18)

struct arena_block {
    struct arena_block *next;
    size_t size; /* of the whole mapping */
    size_t used; /* this header included */
};

struct arena {
    struct arena_block *newest;
    bool growing;
    size_t used;
};

static struct arena_block *block_new(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    /* One line in a hundred thousand touches of a flow table is worth a huge page; refusal is harmless. */
    (void)madvise(memory, size, MADV_HUGEPAGE);
    struct arena_block *block = memory;
    block->size = size;
    block->used = sizeof(*block);
    return block;
}

static struct arena *arena_in_block(struct arena_block *block, bool growing)
{
    struct arena *arena = (struct arena *)((char *)block + block->used);
    block->used += sizeof(*arena);
    arena->newest = block;
    arena->growing = growing;
    return arena;
}

struct arena *arena_new(size_t size)
{
    struct arena_block *block = block_new(size + sizeof(struct arena_block) + sizeof(struct arena));
    return block ? arena_in_block(block, false) : NULL;
}

struct arena *arena_new_growing(void)
{
    struct arena_block *block = block_new(ARENA_BLOCK_SIZE);
    return block ? arena_in_block(block, true) : NULL;
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    struct arena_block *block = arena->newest;
    while (block) {
        struct arena_block *next = block->next;
        munmap(block, block->size);
        block = next;
    }
}

static void *block_take(struct arena_block *block, size_t size, size_t alignment)
{
    size_t start = (block->used + alignment - 1) & ~(alignment - 1);
    if (start > block->size || size > block->size - start)
        return NULL;
    block->used = start + size;
    return (char *)block + start;
}

void *arena_take(struct arena *arena, size_t size, size_t alignment)
{
    require(alignment && (alignment & (alignment - 1)) == 0 && alignment <= 4096);
    void *memory = block_take(arena->newest, size, alignment);
    if (!memory && arena->growing) {
        size_t needed = size + alignment + sizeof(struct arena_block);
        struct arena_block *block = block_new(needed > ARENA_BLOCK_SIZE ? needed : ARENA_BLOCK_SIZE);
        if (!block)
            return NULL;
        block->next = arena->newest;
        arena->newest = block;
        memory = block_take(block, size, alignment);
    }
    if (memory)
        arena->used += size;
    return memory;
}

char *arena_copy_text(struct arena *arena, const char *text, size_t size)
{
    char *copy = arena_take(arena, size + 1, 1);
    if (copy && size)
        memcpy(copy, text, size);
    return copy;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}

size_t arena_left(const struct arena *arena)
{
    return arena->newest->size - arena->newest->used;
}
