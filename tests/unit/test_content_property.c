/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Content decoder, random: whatever zlib and zstd encode comes back, cut at random; and broken bytes at every place do
 * no harm, come to the same for every cut, and never pass for whole where a checksum guards them.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

#include "content_vectors.h"
#include "unit/guarded.h"

#define PLAIN_MAX   60000u
#define CODED_MAX   120000u
#define CUTS_MAX    8u
#define ROUNDS      400u
#define CORRUPT_MAX 700u

static struct arena *arena;
static struct content_decoders decoders;
static struct guarded pages;
static uint8_t *plain, *coded, *middle, *output;
static uint64_t seed;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(content_decoders_size(2, 2));
    pages = guarded_new();
    plain = malloc(PLAIN_MAX);
    middle = malloc(CODED_MAX);
    coded = malloc(CODED_MAX);
    output = malloc(CONTENT_RUN_MAX);
    if (!arena || !plain || !middle || !coded || !output)
        return -1;
    return content_decoders_init(&decoders, arena, 2, 2);
}

static int tear_down(void **state)
{
    (void)state;
    free(output);
    free(coded);
    free(middle);
    free(plain);
    guarded_free(&pages);
    arena_free(arena);
    return 0;
}

static uint32_t draw(uint32_t below)
{
    return content_vector_draw(&seed) % below;
}

/* Stretches of text, noise and repetition. */
static uint32_t draw_plain(void)
{
    uint32_t size = draw(3) ? draw(2000) : draw(PLAIN_MAX), at = 0;
    while (at < size) {
        uint32_t stretch = min_u32(1 + draw(size), size - at), kind = draw(3);
        if (kind == 0)
            content_vector_rows(stretch, seed, plain + at);
        else if (kind == 1)
            memset(plain + at, (int)draw(256), min_u32(stretch, 3000));
        for (uint32_t i = kind == 1 ? min_u32(stretch, 3000) : 0; kind && i < stretch; i++)
            plain[at + i] = (uint8_t)draw(256);
        at += stretch;
    }
    return size;
}

static uint32_t encode_zlib(const uint8_t *data, uint32_t size, int window_bits, uint8_t *out)
{
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, (int)draw(10), Z_DEFLATED, window_bits, 1 + (int)draw(9), (int)draw(5)),
                     Z_OK);
    stream.next_out = out;
    stream.avail_out = CODED_MAX;
    static const int flushes[] = {Z_NO_FLUSH, Z_PARTIAL_FLUSH, Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_BLOCK};
    for (uint32_t at = 0, end; at < size; at = end) {
        end = at + 1 + draw(size - at);
        stream.next_in = (Bytef *)(uintptr_t)(data + at);
        stream.avail_in = end - at;
        assert_true(deflate(&stream, flushes[draw(5)]) >= 0 || stream.avail_in == 0);
    }
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    uint32_t coded_size = (uint32_t)stream.total_out;
    deflateEnd(&stream);
    return coded_size;
}

static uint32_t encode_zstd(const uint8_t *data, uint32_t size, uint8_t *out)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, (int)draw(23) - 3);
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, (int)draw(2));
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 10 + (int)draw(14));
    ZSTD_outBuffer target = {out, CODED_MAX, 0};
    static const ZSTD_EndDirective directives[] = {ZSTD_e_continue, ZSTD_e_flush, ZSTD_e_end};
    for (uint32_t at = 0, end; at < size; at = end) {
        end = at + 1 + draw(size - at);
        ZSTD_inBuffer source = {data + at, end - at, 0};
        assert_int_equal(ZSTD_isError(ZSTD_compressStream2(context, &target, &source, directives[draw(3)])), 0);
        assert_int_equal(source.pos, source.size);
    }
    ZSTD_inBuffer nothing = {data, 0, 0};
    assert_int_equal(ZSTD_compressStream2(context, &target, &nothing, ZSTD_e_end), 0);
    ZSTD_freeCCtx(context);
    return (uint32_t)target.pos;
}

static uint32_t encode(uint32_t coding, const uint8_t *data, uint32_t size, uint8_t *out)
{
    if (coding == CONTENT_ZSTD)
        return encode_zstd(data, size, out);
    return encode_zlib(data, size, coding == CONTENT_GZIP ? 31 : draw(2) ? 15 : -15, out);
}

static void draw_cuts(uint32_t size, uint32_t cuts[CUTS_MAX])
{
    for (uint32_t i = 0, at = 0; i < CUTS_MAX; i++)
        cuts[i] = at += draw(size - at + 1);
}

static void check_round(void)
{
    static const uint8_t choices[] = {CONTENT_GZIP, CONTENT_DEFLATE, CONTENT_ZSTD};
    struct content_codings codings = {.count = (uint8_t)(1 + draw(2))};
    codings.list[0] = choices[draw(3)];
    codings.list[1] = choices[draw(3)];
    uint32_t size = draw_plain();
    uint32_t coded_size = encode(codings.list[0], plain, size, codings.count == 2 ? middle : coded);
    if (codings.count == 2)
        coded_size = encode(codings.list[1], middle, coded_size, coded);
    uint32_t cuts[CUTS_MAX];
    draw_cuts(coded_size, cuts);
    struct span body = span_of(guarded_put(&pages, coded, coded_size), coded_size);
    struct content_run run = {.output = output}, whole = {0};
    content_run(&decoders, &codings, body, NULL, 0, body.size, &whole);
    content_run(&decoders, &codings, body, cuts, CUTS_MAX, body.size, &run);
    assert_true(content_run_equal(&run, &whole));
    assert_int_equal(run.outcome, CONTENT_COMPLETE);
    assert_int_equal(run.flags & ~(CONTENT_FLAG_RAW_DEFLATE | CONTENT_FLAG_MEMBERS), 0);
    assert_int_equal(run.output_size, size);
    assert_memory_equal(output, plain, size);
}

static void test_what_was_encoded_comes_back(void **state)
{
    (void)state;
    for (seed = 1; seed < ROUNDS * 1000; seed = (seed / 1000 + 1) * 1000) {
        uint64_t round_seed = seed;
        check_round();
        seed = round_seed;
    }
}

/* A gzip header's time, system and extra fields are guarded by nothing, nor is a zstd block that says how it is packed.
 */
static bool is_guarded(const struct content_vector *vector, uint32_t position)
{
    if (strncmp(vector->name, "gzip rows", 9) == 0)
        return true;
    if (strncmp(vector->name, "deflate rows", 12) == 0)
        return position >= 2; /* or it is read as raw deflate, without a checksum */
    return false;
}

static void corrupt(struct content_vector *vector, uint32_t position, uint8_t mask)
{
    struct content_codings codings = content_run_codings(span_from_text(vector->header));
    struct content_run whole = {.output = output}, cut = {0};
    memcpy(coded, vector->coded, vector->coded_size);
    coded[position] ^= mask;
    struct span body = span_of(guarded_put(&pages, coded, vector->coded_size), vector->coded_size);
    uint32_t cuts[CUTS_MAX];
    draw_cuts(body.size, cuts);
    content_run(&decoders, &codings, body, NULL, 0, body.size, &whole);
    content_run(&decoders, &codings, body, cuts, CUTS_MAX, body.size, &cut);
    assert_true(content_run_equal(&whole, &cut));
    assert_true(whole.output_size <= CONTENT_RATIO_FREE + CONTENT_VIEW_SIZE + (body.size + 1) * CONTENT_RATIO_MAX);
    if (whole.outcome != CONTENT_COMPLETE || (whole.flags & CONTENT_FLAG_CHECKSUM) || !is_guarded(vector, position))
        return;
    assert_int_equal(whole.output_size, vector->content_size);
    assert_memory_equal(output, vector->content, vector->content_size);
}

static void test_broken_bytes(void **state)
{
    (void)state;
    FILE *file = content_vector_open();
    if (!file)
        skip();
    struct content_vector *vector = malloc(sizeof(*vector));
    assert_non_null(vector);
    uint32_t guarded = 0;
    seed = 99;
    while (content_vector_next(file, vector)) {
        if (vector->coded_size > CORRUPT_MAX || vector->bomb)
            continue;
        for (uint32_t i = 0; i < vector->coded_size; i++) {
            corrupt(vector, i, (uint8_t)(1u << draw(8)));
            corrupt(vector, i, (uint8_t)(1 + draw(255)));
            guarded += is_guarded(vector, i);
        }
    }
    assert_true(guarded > 400);
    free(vector);
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_encoded_comes_back),
        cmocka_unit_test(test_broken_bytes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
