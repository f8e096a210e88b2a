/* SPDX-License-Identifier: Apache-2.0 */

/* A soak: memory stays flat over many connections of every kind. A program of its own, so that no other test's heap
 * shows. */

#include <sys/prctl.h>

#include "unit/pipeline_bench.h"

#define REQUEST_1                                                                                                      \
    "POST /v1/pay?token=abcdef0123456789 HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json\r\n"            \
    "Content-Length: 44\r\n\r\n{\"card\":{\"number\":\"4111111111111111\",\"x\":1}}"
#define RESPONSE_1                                                                                                     \
    "HTTP/1.1 201 Created\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n "   \
    "world\r\n0\r\n\r\n"

static long resident_pages(void)
{
    long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld %ld", &size, &resident), 2);
    fclose(file);
    return resident;
}

#define SOAK_ROUNDS  30000u
#define SOAK_WARM    10000u /* rounds in which every pool is touched as far as this traffic ever does */
#define SOAK_GROWTH  64     /* pages: what the test's own heap may move */
#define IDLE_SECONDS 10u

/* One connection of many kinds: whole, cut off, with a hole, half open, begun before us, in a protocol nobody reads. */
static void soak_round(struct bench *bench, struct wire *wire, uint32_t round)
{
    static const uint32_t steps[] = {1400, 40, 7};
    wire->count = 0;
    wire->sequence[0] = round * 2654435761u;
    wire->sequence[1] = round * 40503u;
    if (round % 5)
        wire_segment(wire, 0, 0x02, "", 0);
    if (round % 5 && round % 7)
        wire_segment(wire, 1, 0x12, "", 0);
    if (round % 7) {
        wire_text(wire, 0, round % 11 ? REQUEST_1 : "SSH-2.0-x\r\n", steps[round % 3]);
        wire_text(wire, 1, RESPONSE_1, steps[round % 3]);
    }
    if (round % 13)
        wire_close(wire);
    for (uint32_t i = 0; i < wire->count; i++) {
        bool client = wire->frames[i][29] == 1;
        put16(wire->frames[i] + (client ? 34 : 36), 1024 + round % 60000);
        if ((round + i) % 17)
            pipeline_burst(bench->fixture.pipeline, &wire->packets[i], 1);
    }
}

/* A silence as a worker sees it, which asks the time all the while. */
static void pass_idle(struct bench *bench, struct wire *wire)
{
    for (uint32_t second = 0; second < IDLE_SECONDS; second++) {
        wire->now_ns += SECOND_NS;
        pipeline_idle(bench->fixture.pipeline, wire->now_ns);
    }
}

static void memory_stays_flat_in_a_soak(void **state)
{
    (void)state;
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); /* one huge page first touched late would count as 512 */
    struct bench *bench = bench_new(128, 4096);
    struct wire *wire = wire_new();
    long warm = 0;
    for (uint32_t round = 0; round < SOAK_ROUNDS; round++) {
        soak_round(bench, wire, round);
        if (round % 100 == 0) {
            bench_drain(bench);
            free(bench->calls);
            free(bench->findings);
            bench->calls = bench->findings = NULL;
            pass_idle(bench, wire); /* so that idle connections end well before the memory is first looked at */
        }
        if (round == SOAK_WARM)
            warm = resident_pages();
    }
    long grown = resident_pages() - warm;
    bench_finish(bench);
    assert_in_range(pipeline_ledger(bench->fixture.pipeline)->transactions_seen, SOAK_ROUNDS / 2, SOAK_ROUNDS * 2);
    /* A sanitizer keeps what is freed for a while; that it finds no leak is its part. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    if (grown > SOAK_GROWTH)
        fail_msg("%ld pages more than at round %u", grown, SOAK_WARM);
#else
    (void)grown;
#endif
    bench_free(bench);
    free(wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_stays_flat_in_a_soak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
