/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Benchmark: nanoseconds of processor time to decode one body, decoder taken and given back included, in segments as
 * they come from the wire; beside it what the libraries alone would take of a body in one piece. And the memory of a
 * decoder: all of it, and the pages that the body touched.
 */

#include <brotli/decode.h>
#include <brotli/encode.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <zlib.h>
#include <zstd.h>

#include "proto/content_decoder.h"

#define BODY_MAX     (1u << 20)
#define CODED_MAX    (BODY_MAX + 65536u)
#define SEGMENT_SIZE 1448u /* a full TCP segment of Ethernet */
#define ROUNDS       15
#define ROUND_NS     UINT64_C(20000000)

struct bench {
    enum content_coding coding;
    uint32_t body_size;
    uint32_t coded_size;
    uint8_t *body;
    uint8_t *coded;
    uint8_t *scratch;
};

static void check(bool ok)
{
    if (!ok)
        abort();
}

static uint64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Orders as an API would list them. */
static void write_body(uint8_t *body)
{
    uint64_t random = 1;
    for (uint32_t at = 0; at < BODY_MAX;) {
        char row[256];
        random = random * UINT64_C(6364136223846793005) + 1;
        uint32_t size = (uint32_t)snprintf(
            row, sizeof(row),
            "{\"id\":\"%016llx\",\"customer\":{\"name\":\"Customer %u\",\"email\":\"c%u@example.com\"},"
            "\"amount\":%u.%02u,\"currency\":\"EUR\",\"status\":\"%s\"},\n",
            (unsigned long long)random, (unsigned)(random >> 50), (unsigned)(random >> 45), (unsigned)(random >> 52),
            (unsigned)(random >> 33) % 100, random >> 62 ? "paid" : "open");
        size = min_u32(size, BODY_MAX - at);
        memcpy(body + at, row, size);
        at += size;
    }
}

static void encode(struct bench *bench)
{
    size_t size = CODED_MAX;
    if (bench->coding == CONTENT_BROTLI) {
        check(BrotliEncoderCompress(5, 22, BROTLI_MODE_GENERIC, bench->body_size, bench->body, &size, bench->coded));
    } else if (bench->coding == CONTENT_ZSTD) {
        size = ZSTD_compress(bench->coded, CODED_MAX, bench->body, bench->body_size, 3);
    } else {
        z_stream stream = {
            .next_in = bench->body, .avail_in = bench->body_size, .next_out = bench->coded, .avail_out = CODED_MAX};
        int window_bits = bench->coding == CONTENT_GZIP ? 31 : 15;
        check(deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
        check(deflate(&stream, Z_FINISH) == Z_STREAM_END);
        size = stream.total_out;
        deflateEnd(&stream);
    }
    bench->coded_size = (uint32_t)size;
}

static void decode(struct content_decoders *decoders, const struct bench *bench)
{
    struct content_codings codings = {.count = 1, .list = {(uint8_t)bench->coding}};
    struct content_decoder *decoder = content_decoder_take(decoders, &codings);
    check(decoder != NULL);
    for (uint32_t at = 0; decoder->outcome == CONTENT_OPEN;) {
        uint32_t end = min_u32(at + SEGMENT_SIZE, bench->coded_size);
        struct parse_input input = {bench->coded + at, end - at, 0, end == bench->coded_size};
        struct content_view view;
        at += content_decoder_next(decoder, &input, &view).consumed;
    }
    check(decoder->outcome == CONTENT_COMPLETE);
    content_decoder_give(decoder);
}

/* The library with its own heap and nothing of ours. */
static void decode_plain(struct content_decoders *decoders, const struct bench *bench)
{
    (void)decoders;
    if (bench->coding == CONTENT_BROTLI) {
        size_t size = BODY_MAX;
        check(BrotliDecoderDecompress(bench->coded_size, bench->coded, &size, bench->scratch) == 1);
    } else if (bench->coding == CONTENT_ZSTD) {
        check(ZSTD_decompress(bench->scratch, BODY_MAX, bench->coded, bench->coded_size) == bench->body_size);
    } else {
        z_stream stream = {
            .next_in = bench->coded, .avail_in = bench->coded_size, .next_out = bench->scratch, .avail_out = BODY_MAX};
        check(inflateInit2(&stream, 47) == Z_OK && inflate(&stream, Z_FINISH) == Z_STREAM_END);
        inflateEnd(&stream);
    }
}

static int compare(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;
    return difference < 0 ? -1 : difference > 0;
}

static double median_ns(void (*run)(struct content_decoders *, const struct bench *), struct content_decoders *decoders,
                        const struct bench *bench)
{
    double rounds[ROUNDS];
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint64_t start = now_ns(), spent = 0, count = 0;
        for (; spent < ROUND_NS; count++) {
            run(decoders, bench);
            spent = now_ns() - start;
        }
        rounds[i] = (double)spent / (double)count;
    }
    qsort(rounds, ROUNDS, sizeof(rounds[0]), compare);
    return rounds[ROUNDS / 2];
}

static size_t touched_size(const struct bench *bench)
{
    size_t size = (content_decoders_size(1, 1) + 4095) & ~(size_t)4095;
    struct content_decoders decoders;
    struct arena *arena = arena_new(size);
    check(arena && content_decoders_init(&decoders, arena, 1, 1) == 0);
    uint8_t *start = (uint8_t *)((uintptr_t)decoders.decoders.fresh & ~(uintptr_t)4095);
    check(madvise(start, size, MADV_NOHUGEPAGE) == 0); /* or one touch would count for 2 MB */
    decode(&decoders, bench);
    unsigned char *resident = malloc(size / 4096);
    check(resident && mincore(start, size, resident) == 0);
    size_t pages = 0;
    for (size_t i = 0; i < size / 4096; i++)
        pages += resident[i] & 1;
    free(resident);
    arena_free(arena);
    return pages * 4096;
}

int main(void)
{
    static const uint32_t sizes[] = {1024, 65536, BODY_MAX};
    struct bench bench = {.body = malloc(BODY_MAX), .coded = malloc(CODED_MAX), .scratch = malloc(BODY_MAX)};
    struct content_decoders decoders;
    struct arena *arena = arena_new(content_decoders_size(1, 1));
    check(bench.body && bench.coded && bench.scratch && arena && content_decoders_init(&decoders, arena, 1, 1) == 0);
    write_body(bench.body);
    printf("memory: %zu bytes a gzip or deflate layer, %zu a br or zstd layer\n",
           content_decoders_size(2, 1) - content_decoders_size(1, 1),
           content_decoders_size(1, 2) - content_decoders_size(1, 1));
    for (uint32_t i = 0; i < ARRAY_COUNT(sizes); i++)
        for (bench.coding = 0; bench.coding < CONTENT_CODING_COUNT; bench.coding++) {
            bench.body_size = sizes[i];
            encode(&bench);
            double ns = median_ns(decode, &decoders, &bench), plain_ns = median_ns(decode_plain, &decoders, &bench);
            printf("%-8s %7u of %7u bytes: %9.0f ns, %5.2f GB/s; library alone %9.0f ns; %5zu KB touched\n",
                   content_coding_name(bench.coding), bench.coded_size, bench.body_size, ns,
                   (double)bench.body_size / ns, plain_ns, touched_size(&bench) >> 10);
        }
    arena_free(arena);
    free(bench.body);
    free(bench.coded);
    free(bench.scratch);
    return 0;
}
