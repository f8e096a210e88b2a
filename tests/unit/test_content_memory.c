/* SPDX-License-Identifier: Apache-2.0 */

/* No allocation once the decoders are set up, the libraries' included; and the slab that stands in for the heap. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "allocations.h"
#include "content_vectors.h"
#include "proto/content_slab.h"

static void test_nothing_is_allocated(void **state)
{
    (void)state;
    FILE *file = content_vector_open();
    if (!file || !HEAP_IS_OURS) {
        print_message("no ASSAY_SOURCE, or a sanitizer's heap: nothing is counted\n");
        skip();
    }
    struct arena *arena = arena_new(content_decoders_size(2, 2));
    struct content_decoders decoders;
    struct content_vector *vector = malloc(sizeof(*vector));
    assert_true(allocations > 0); /* or else we would count nothing */
    assert_int_equal(content_decoders_init(&decoders, arena, 2, 2), 0);
    uint64_t decoded = 0;
    while (content_vector_next(file, vector)) {
        struct content_codings codings = content_run_codings(span_from_text(vector->header));
        struct span body = span_of(vector->coded, vector->coded_size);
        struct content_run run = {0};
        uint32_t cut = vector->coded_size / 3;
        uint64_t before = allocations;
        content_run(&decoders, &codings, body, &cut, 1, body.size, &run);
        assert_int_equal(allocations, before);
        decoded += run.output_size;
    }
    assert_true(decoded > 500000);
    free(vector);
    arena_free(arena);
    fclose(file);
}

#define SLAB_SIZE 65536u

struct held {
    uint8_t *start;
    size_t size;
    uint8_t mark;
};

static bool holds_mark(const struct held *held)
{
    for (size_t i = 0; i < held->size; i++)
        if (held->start[i] != held->mark)
            return false;
    return true;
}

/* Random blocks keep what was written into them until they are given back. */
static void test_slab_blocks_never_overlap(void **state)
{
    (void)state;
    static uint8_t memory[SLAB_SIZE] CACHE_ALIGNED;
    struct held held[CONTENT_SLAB_BLOCKS_MAX] = {0};
    struct content_slab slab;
    content_slab_init(&slab, memory, SLAB_SIZE);
    uint64_t seed = 17;
    uint32_t refused = 0, taken = 0;
    for (uint32_t turn = 0; turn < 20000; turn++) {
        struct held *one = &held[content_vector_draw(&seed) % CONTENT_SLAB_BLOCKS_MAX];
        if (one->start) {
            assert_true(holds_mark(one));
            content_slab_give(&slab, one->start);
            one->start = NULL;
            continue;
        }
        one->size = 1 + content_vector_draw(&seed) % 20000;
        one->mark = (uint8_t)turn;
        one->start = content_slab_take(&slab, one->size);
        refused += !one->start;
        taken += one->start != NULL;
        if (!one->start)
            continue;
        assert_true(one->start >= memory && one->start + one->size <= memory + SLAB_SIZE);
        assert_int_equal((uintptr_t)one->start % CACHE_LINE, 0);
        memset(one->start, one->mark, one->size);
    }
    assert_true(refused > 100 && taken > 1000);
    for (uint32_t i = 0; i < CONTENT_SLAB_BLOCKS_MAX; i++)
        content_slab_give(&slab, held[i].start);
    assert_ptr_equal(content_slab_take(&slab, SLAB_SIZE), memory);
}

static void test_slab_bounds(void **state)
{
    (void)state;
    static uint8_t memory[SLAB_SIZE] CACHE_ALIGNED;
    struct content_slab slab;
    content_slab_init(&slab, memory, SLAB_SIZE);
    assert_null(content_slab_take(&slab, 0));
    assert_null(content_slab_take(&slab, SLAB_SIZE + 1));
    assert_null(content_slab_take(&slab, SIZE_MAX));
    for (uint32_t i = 0; i < CONTENT_SLAB_BLOCKS_MAX; i++)
        assert_non_null(content_slab_take(&slab, 1));
    assert_null(content_slab_take(&slab, 1));
    content_slab_give(&slab, memory + CACHE_LINE);
    assert_ptr_equal(content_slab_take(&slab, CACHE_LINE), memory + CACHE_LINE);
    content_slab_give(&slab, memory);
    content_slab_give(&slab, memory + CACHE_LINE);
    assert_ptr_equal(content_slab_take(&slab, CACHE_LINE + 1), memory);
    content_slab_give(&slab, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_allocated),
        cmocka_unit_test(test_slab_blocks_never_overlap),
        cmocka_unit_test(test_slab_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
