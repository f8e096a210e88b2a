/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Benchmark: nanoseconds per registry_find() at 100, 10,000 and 100,000 operations.
 *
 * Requests are drawn evenly over all operations (worst for caches) and, for comparison, nine of ten from one hundredth
 * of them (as traffic does). Paths are written out before the clock starts.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "registry/registry.h"

#define REQUESTS       65536u
#define PATH_ROOM      96u
#define ROUNDS         15
#define METHODS_A_PATH 2u
#define PATHS_A_THING  3u

struct bench {
    struct registry *registry;
    struct registry_request *requests;
    char (*paths)[PATH_ROOM];
    uint64_t random;
};

static uint32_t next_random(struct bench *bench, uint32_t below)
{
    bench->random = bench->random * UINT64_C(6364136223846793005) + 1;
    return (uint32_t)(bench->random >> 33) % below;
}

static void write_document(FILE *stream, uint32_t things)
{
    fputs(
        "openapi: 3.1.0\ninfo: {title: t, version: '1'}\nservers: [{url: 'https://api.example.com/shop/v1'}]\npaths:\n",
        stream);
    for (uint32_t i = 0; i < things; i++) {
        static const char *const tails[PATHS_A_THING] = {"", "/{id}", "/{id}/items"};
        for (uint32_t tail = 0; tail < PATHS_A_THING; tail++)
            fprintf(stream, "  /resource-%u%s: {get: {responses: {}}, post: {responses: {}}}\n", i, tails[tail]);
    }
}

static void load(struct bench *bench, uint32_t operations)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        abort();
    write_document(stream, operations / (METHODS_A_PATH * PATHS_A_THING) + 1);
    fclose(stream);
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    if (registry_load_text("bench.yaml", text, size, &diagnostics, &bench->registry)) {
        diagnostics_print(&diagnostics, stderr);
        abort();
    }
    diagnostics_deinit(&diagnostics);
    free(text);
}

static void draw_requests(struct bench *bench, bool skewed)
{
    uint32_t things = registry_operation_count(bench->registry) / (METHODS_A_PATH * PATHS_A_THING);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        bool hot = skewed && next_random(bench, 10) > 0;
        uint32_t thing = next_random(bench, hot ? things / 100 + 1 : things);
        uint32_t tail = next_random(bench, PATHS_A_THING);
        int size = snprintf(bench->paths[i], PATH_ROOM, "/shop/v1/resource-%u", thing);
        if (tail)
            snprintf(bench->paths[i] + size, PATH_ROOM - (size_t)size, "/%u%s", next_random(bench, 1000000),
                     tail == 1 ? "" : "/items");
        bench->requests[i] = (struct registry_request){
            .host = SPAN_LITERAL("api.example.com"),
            .method = next_random(bench, 2) ? SPAN_LITERAL("GET") : SPAN_LITERAL("POST"),
            .path = span_from_text(bench->paths[i]),
        };
    }
}

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now); /* time of others on this core is not ours */
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* The best round: the machine is shared. */
static double measure(struct bench *bench)
{
    double best = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t matched = 0;
        double start = now_ns();
        for (uint32_t i = 0; i < REQUESTS; i++) {
            struct registry_match match;
            matched += registry_find(bench->registry, &bench->requests[i], &match) == REGISTRY_MATCH;
        }
        double each = (now_ns() - start) / REQUESTS;
        if (matched != REQUESTS)
            abort();
        best = each < best ? each : best;
    }
    return best;
}

int main(void)
{
    static const uint32_t sizes[] = {100, 10000, 100000};
    struct bench bench = {.random = 1};
    bench.requests = malloc(REQUESTS * sizeof(*bench.requests));
    bench.paths = malloc(REQUESTS * sizeof(*bench.paths));
    if (!bench.requests || !bench.paths)
        return EXIT_FAILURE;
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        load(&bench, sizes[i]);
        draw_requests(&bench, false);
        double even = measure(&bench);
        draw_requests(&bench, true);
        printf("%6u operations: %6.1f ns evenly, %6.1f ns skewed\n", sizes[i], even, measure(&bench));
        registry_free(bench.registry);
    }
    free(bench.requests);
    free(bench.paths);
    return EXIT_SUCCESS;
}
