/* SPDX-License-Identifier: Apache-2.0 */

/* Content decoder against streams of other encoders: content, outcome and flags, for every cut and every loss. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "content_vectors.h"
#include "unit/guarded.h"

#define EVERY_CUT_MAX 700u /* bodies up to this size are cut at every place: longer than a slice */

static struct arena *arena;
static struct content_decoders decoders;
static struct guarded pages;
static struct content_vector *vector;
static uint8_t *output;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(content_decoders_size(2, 2));
    pages = guarded_new();
    vector = malloc(sizeof(*vector));
    output = malloc(CONTENT_RUN_MAX);
    if (!arena || !vector || !output)
        return -1;
    return content_decoders_init(&decoders, arena, 2, 2);
}

static int tear_down(void **state)
{
    (void)state;
    free(output);
    free(vector);
    guarded_free(&pages);
    arena_free(arena);
    return 0;
}

static struct content_run run_cut(uint32_t cut, uint32_t lost_at)
{
    struct content_codings codings = content_run_codings(span_from_text(vector->header));
    struct span body = span_of(guarded_put(&pages, vector->coded, vector->coded_size), vector->coded_size);
    struct content_run run = {.output = output};
    content_run(&decoders, &codings, body, &cut, 1, lost_at, &run);
    return run;
}

static bool starts_alike(const struct content_run *run)
{
    uint64_t size = min_u64(run->output_size, vector->content_size);
    return memcmp(output, vector->content, size) == 0;
}

static void check_vector(void)
{
    struct content_run run = run_cut(vector->coded_size, vector->coded_size);
    uint64_t before[CONTENT_OUTCOME_COUNT];
    memcpy(before, decoders.outcomes, sizeof(before));
    print_message("%s: %s, flags %x, %u bytes\n", vector->name, content_outcome_name(run.outcome), run.flags,
                  (unsigned)run.output_size);
    assert_int_equal(run.outcome, vector->outcome);
    assert_int_equal(run.flags, vector->flags);
    assert_true(starts_alike(&run));
    if (vector->bomb)
        assert_in_range(run.output_size, vector->content_size, vector->content_size + CONTENT_VIEW_SIZE);
    else
        assert_int_equal(run.output_size, vector->content_size);
    assert_int_equal(run.views, (run.output_size + CONTENT_VIEW_SIZE - 1) / CONTENT_VIEW_SIZE);

    uint32_t step = vector->coded_size <= EVERY_CUT_MAX ? 1 : vector->coded_size / 50;
    for (uint32_t cut = 0; cut < vector->coded_size; cut += step) {
        struct content_run again = run_cut(cut, vector->coded_size);
        assert_true(content_run_equal(&run, &again));
        before[run.outcome]++;
    }
    assert_memory_equal(before, decoders.outcomes, sizeof(before));
}

static void test_vectors(void **state)
{
    (void)state;
    FILE *file = content_vector_open();
    if (!file) {
        print_message("no ASSAY_SOURCE: vectors are not read\n");
        skip();
    }
    uint32_t count = 0;
    for (; content_vector_next(file, vector); count++)
        check_vector();
    print_message("%u vectors\n", count);
    assert_true(count > 150);
    fclose(file);
}

/* A hole at every place: what is shown is the beginning of the content, the same for another cut before the hole, and
 * as much as of a body that ends there. */
static void check_losses(void)
{
    struct content_run whole = run_cut(vector->coded_size, vector->coded_size);
    uint32_t coded_size = vector->coded_size;
    for (uint32_t at = 0; at < coded_size; at++) {
        struct content_run lost = run_cut(coded_size, at);
        assert_true(lost.outcome == CONTENT_LOST);
        assert_true(starts_alike(&lost) && lost.output_size <= whole.output_size);
        struct content_run again = run_cut(at / 2, at);
        assert_true(content_run_equal(&lost, &again));
        vector->coded_size = at;
        struct content_run cut_off = run_cut(at, at);
        vector->coded_size = coded_size;
        assert_true(cut_off.output_size == lost.output_size);
        assert_true(at == 0 || cut_off.outcome == CONTENT_TRUNCATED || cut_off.outcome == CONTENT_COMPLETE);
        if (cut_off.outcome == CONTENT_COMPLETE && !(cut_off.flags & CONTENT_FLAG_MEMBERS) && at && !whole.flags)
            assert_int_equal(cut_off.output_size, whole.output_size);
    }
}

static void test_losses_and_truncations(void **state)
{
    (void)state;
    FILE *file = content_vector_open();
    if (!file)
        skip();
    uint32_t count = 0;
    while (content_vector_next(file, vector)) {
        if (vector->outcome != CONTENT_COMPLETE || vector->coded_size > EVERY_CUT_MAX)
            continue;
        check_losses();
        count++;
    }
    assert_true(count > 80);
    fclose(file);
}

/* Stored blocks of 65,535 bytes without end: the ratio never shows, so the size has to. */
static void test_size_bound(void **state)
{
    (void)state;
    static uint8_t block[5 + 65535] = {0, 0xff, 0xff, 0, 0};
    struct content_codings codings = content_run_codings(SPAN_LITERAL("gzip"));
    struct content_decoder *decoder = content_decoder_take(&decoders, &codings);
    assert_non_null(decoder);
    struct content_run run = {0};
    static const uint8_t header[10] = {0x1f, 0x8b, 8};
    assert_int_equal(content_run_offer(decoder, &run, &(struct parse_input){.data = header, .size = 10}), PARSE_MORE);
    uint32_t blocks = 0;
    while (content_run_offer(decoder, &run, &(struct parse_input){.data = block, .size = sizeof(block)}) == PARSE_MORE)
        assert_true(++blocks < 2000);
    assert_int_equal(decoder->outcome, CONTENT_BOMB_SIZE);
    assert_in_range(run.output_size, CONTENT_OUTPUT_MAX + 1, CONTENT_OUTPUT_MAX + CONTENT_VIEW_SIZE);
    content_decoder_give(decoder);
}

/* Coded bytes that cost work and give nothing: gzip members (RFC 1952 2.2) and zstd frames (RFC 8878 3.1.1) of no
 * content, one behind the other. */
static void work_without_content_is_stopped(void **state)
{
    (void)state;
    static const uint8_t member[20] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3};
    static const uint8_t frame[9] = {0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x00, 0x01, 0x00, 0x00};
    const struct span units[] = {span_of(member, sizeof(member)), span_of(frame, sizeof(frame))};
    const struct span names[] = {SPAN_LITERAL("gzip"), SPAN_LITERAL("zstd")};
    for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
        struct content_codings codings = content_run_codings(names[i]);
        struct content_decoder *decoder = content_decoder_take(&decoders, &codings);
        assert_non_null(decoder);
        struct content_run run = {0};
        const struct parse_input piece = {.data = units[i].data, .size = units[i].size};
        uint32_t offered = 0;
        while (content_run_offer(decoder, &run, &piece) == PARSE_MORE) {
            offered += piece.size;
            assert_true(offered < 2 * CONTENT_WASTE_FREE);
        }
        assert_true(offered >= CONTENT_WASTE_FREE - CONTENT_SLICE_SIZE);
        assert_int_equal(decoder->outcome, CONTENT_BOMB_TIME);
        content_decoder_give(decoder);
    }
}

/* An uncompressed block of 65,536 bytes (RFC 7932 9.2), behind `window_bits` where it is the first (9.1). */
static uint32_t write_brotli_block(uint8_t *out, uint32_t window_bits)
{
    uint32_t header = 0xffffu << 3 | 1u << 19; /* not the last, four nibbles of size, uncompressed */
    if (window_bits)
        header = header << 4 | (window_bits - 17) << 1 | 1;
    for (uint32_t i = 0; i < 3; i++)
        out[i] = (uint8_t)(header >> 8 * i);
    memset(out + 3, 'x', 65536);
    return 3 + 65536;
}

static struct content_run run_brotli_blocks(uint32_t window_bits, uint32_t count, bool whole,
                                            enum content_outcome *outcome_out)
{
    static uint8_t block[3 + 65536];
    struct content_codings codings = content_run_codings(SPAN_LITERAL("br"));
    struct content_decoder *decoder = content_decoder_take(&decoders, &codings);
    struct content_run run = {0};
    enum parse_status status = PARSE_MORE;
    for (uint32_t i = 0; i < count && status == PARSE_MORE; i++) {
        struct parse_input input = {.data = block, .size = write_brotli_block(block, i ? 0 : window_bits)};
        status = content_run_offer(decoder, &run, &input);
    }
    static const uint8_t end = 3;
    if (status == PARSE_MORE)
        content_run_offer(decoder, &run, &(struct parse_input){.data = &end, .size = whole, .last = true});
    *outcome_out = decoder->outcome;
    content_decoder_give(decoder);
    return run;
}

/* The window an encoder names costs nothing until the content fills it; 4 MB fit, the 16 MB of the format do not. */
static void test_brotli_window_bound(void **state)
{
    (void)state;
    enum content_outcome outcome;
    assert_int_equal(run_brotli_blocks(22, 320, true, &outcome).output_size, 320 * 65536);
    assert_int_equal(outcome, CONTENT_COMPLETE);
    assert_int_equal(run_brotli_blocks(24, 60, true, &outcome).output_size, 60 * 65536);
    assert_int_equal(outcome, CONTENT_COMPLETE);
    assert_int_equal(run_brotli_blocks(24, 60, false, &outcome).output_size, 60 * 65536);
    assert_int_equal(outcome, CONTENT_TRUNCATED);
    struct content_run run = run_brotli_blocks(24, 320, true, &outcome);
    print_message("stopped behind %u bytes\n", (unsigned)run.output_size);
    assert_int_equal(outcome, CONTENT_WINDOW);
    assert_true(run.output_size >= (4u << 20) - CONTENT_SLICE_SIZE && run.output_size < 16u << 20);
}

static void test_pools_run_out(void **state)
{
    (void)state;
    struct content_codings gzip = content_run_codings(SPAN_LITERAL("gzip"));
    struct content_codings brotli = content_run_codings(SPAN_LITERAL("br"));
    struct content_codings both = content_run_codings(SPAN_LITERAL("gzip, br"));
    uint64_t refused = decoders.outcomes[CONTENT_NO_DECODER], open = decoders.outcomes[CONTENT_OPEN];
    struct content_decoder *taken[4] = {content_decoder_take(&decoders, &both), content_decoder_take(&decoders, &gzip),
                                        content_decoder_take(&decoders, &gzip),
                                        content_decoder_take(&decoders, &brotli)};
    assert_non_null(taken[0]);
    assert_non_null(taken[1]);
    assert_null(taken[2]);
    assert_non_null(taken[3]);
    assert_null(content_decoder_take(&decoders, &brotli));
    assert_null(content_decoder_take(&decoders, &both));
    assert_int_equal(decoders.outcomes[CONTENT_NO_DECODER], refused + 3);
    content_decoder_give(taken[1]);
    content_decoder_give(taken[3]);
    assert_int_equal(decoders.outcomes[CONTENT_OPEN], open + 2);
    taken[1] = content_decoder_take(&decoders, &both);
    assert_non_null(taken[1]);
    content_decoder_give(taken[1]);
    content_decoder_give(taken[0]);
    assert_int_equal(
        decoders.decoders.used_count + decoders.inflate_layers.used_count + decoders.window_layers.used_count, 0);
}

static void test_arena_too_small(void **state)
{
    (void)state;
    struct content_decoders other;
    size_t size = content_decoders_size(3, 1);
    struct arena *small = arena_new(size - CONTENT_WINDOW_SIZE);
    struct arena *enough = arena_new(size);
    assert_true(content_decoders_init(&other, small, 3, 1) < 0);
    assert_int_equal(content_decoders_init(&other, enough, 3, 1), 0);
    assert_true(arena_used(enough) <= size);
    arena_free(enough);
    arena_free(small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_without_content_is_stopped),
        cmocka_unit_test(test_vectors),       cmocka_unit_test(test_losses_and_truncations),
        cmocka_unit_test(test_size_bound),    cmocka_unit_test(test_brotli_window_bound),
        cmocka_unit_test(test_pools_run_out), cmocka_unit_test(test_arena_too_small),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
