/* SPDX-License-Identifier: Apache-2.0 */

/*
 * sighting: what calls say together. Every kind with what must be found and what must not; the order in which workers
 * come does not show; what there is no room for is counted.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sighting/join.h"
#include "sighting/judge.h"

#define SECOND  UINT64_C(1000000000)
#define START   (UINT64_C(1795186800) * SECOND) /* 2026-11-20T15:00:00Z */
#define WORKERS 4u

struct bench {
    struct sighting_join *join;
    uint32_t worker_count, turn;
    uint32_t found;
    char text[8192];
};

static void keep(void *context, const struct finding *finding)
{
    struct bench *bench = context;
    size_t used = strlen(bench->text);
    bench->found++;
    assert_int_equal(finding->verdict, VERDICT_FAIL);
    used += (size_t)snprintf(bench->text + used, sizeof(bench->text) - used, "at=%llu;",
                             (unsigned long long)((finding->call->end_ns - START) / SECOND));
    for (uint32_t i = 0; i < finding->evidence_count; i++)
        used += (size_t)snprintf(bench->text + used, sizeof(bench->text) - used, "%.*s=%.*s;",
                                 (int)finding->evidence[i].name.size, (const char *)finding->evidence[i].name.data,
                                 (int)finding->evidence[i].value.size, (const char *)finding->evidence[i].value.data);
    strcat(bench->text, "\n");
}

static void bench_init(struct bench *bench, uint32_t worker_count)
{
    *bench = (struct bench){.worker_count = worker_count};
    struct sighting_join_options options = {.worker_count = worker_count, .context = bench, .finding = keep};
    assert_int_equal(sighting_join_new(&options, &bench->join), 0);
}

static struct address address_of(const char *text)
{
    struct address address;
    uint8_t version;
    assert_int_equal(address_parse(text, &address, &version), 0);
    return address;
}

/* One more sighting, by the next worker in turn. */
static void see(struct bench *bench, uint32_t second, struct sighting sighting)
{
    sighting.time_ns = START + second * SECOND;
    struct call call = {.time_ns = sighting.time_ns, .end_ns = sighting.time_ns, .status = 200};
    struct finding finding = {
        .call = &call, .time_ns = call.end_ns, .rule = SPAN_LITERAL("AUT-009"), .verdict = VERDICT_FAIL};
    struct ring_producer *producer = sighting_join_producer(bench->join, bench->turn++ % bench->worker_count);
    assert_true(ring_put_sighting(producer, &sighting, &finding));
    ring_publish(producer);
}

static void expect(struct bench *bench, uint32_t found, const char *part)
{
    sighting_join_run(bench->join);
    if (bench->found != found || (part && !strstr(bench->text, part)))
        fail_msg("%u found instead of %u, or not '%s':\n%s", bench->found, found, part ? part : "", bench->text);
    bench->found = 0;
    bench->text[0] = 0;
}

static void bench_deinit(struct bench *bench)
{
    expect(bench, 0, NULL);
    sighting_join_free(bench->join);
}

/* -------------------------------------------------------------------- tokens */

static struct sighting token(uint64_t id, const char *client, uint64_t certificate)
{
    return (struct sighting){.kind = SIGHTING_TOKEN,
                             .key = {id, 1},
                             .window_ns = 3600 * SECOND,
                             .limit = 2,
                             .detail = certificate,
                             .client = address_of(client),
                             .server = address_of("203.0.113.9")};
}

static void token_of_one_client_is_right(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, WORKERS);
    for (uint32_t i = 0; i < 50; i++)
        see(&bench, i, token(1, "198.51.100.7", 0)); /* on new connections, at any worker */
    see(&bench, 60, token(2, "198.51.100.8", 0));
    see(&bench, 61, token(1, "198.51.100.7", 0));
    see(&bench, 62, token(3, "2001:db8:1:2::5", 0)); /* privacy addresses of one network */
    see(&bench, 63, token(3, "2001:db8:1:2::6", 0));
    see(&bench, 64, token(3, "2001:db8:1:2::5", 0));
    bench_deinit(&bench);
}

static void token_of_two_in_turns_is_found(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, WORKERS);
    see(&bench, 0, token(1, "198.51.100.7", 0));
    see(&bench, 10, token(1, "192.0.2.66", 0)); /* moved on? */
    expect(&bench, 0, NULL);
    see(&bench, 20, token(1, "198.51.100.7", 0)); /* no: it is still there */
    expect(&bench, 1,
           "at=20;used=from two clients in turns;clients=2;client=198.51.100.7;"
           "client_first=2026-11-20T15:00:00.000000000Z;client_last=2026-11-20T15:00:20.000000000Z;"
           "other_client=192.0.2.66;other_first=2026-11-20T15:00:10.000000000Z;");
    see(&bench, 30, token(1, "192.0.2.66", 0)); /* told once an hour */
    expect(&bench, 0, NULL);
    see(&bench, 3700, token(1, "192.0.2.66", 0));
    see(&bench, 3701, token(1, "198.51.100.7", 0)); /* after an hour without any it begins anew */
    expect(&bench, 0, NULL);
    see(&bench, 3702, token(1, "192.0.2.66", 0));
    expect(&bench, 1, "at=3702;");
    /* Both ways of one host: IPv4 and IPv6. */
    see(&bench, 0, token(2, "198.51.100.7", 0));
    see(&bench, 1, token(2, "2001:db8::1", 0));
    see(&bench, 2, token(2, "198.51.100.7", 0));
    /* An hour later is another matter. */
    see(&bench, 0, token(3, "198.51.100.7", 0));
    see(&bench, 4000, token(3, "192.0.2.66", 0));
    see(&bench, 8000, token(3, "198.51.100.7", 0));
    bench_deinit(&bench);
}

static void token_of_many_is_found(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, WORKERS);
    see(&bench, 0, token(1, "198.51.100.7", 0));
    see(&bench, 1, token(1, "198.51.100.8", 0));
    expect(&bench, 0, NULL);
    see(&bench, 2, token(1, "198.51.100.9", 0));
    expect(&bench, 1, "used=from more clients than the limit;clients=3;client=198.51.100.9;");
    bench_deinit(&bench);
}

static void token_with_two_certificates_is_found(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, WORKERS);
    see(&bench, 0, token(1, "198.51.100.7", 11));
    see(&bench, 1, token(1, "198.51.100.7", 0)); /* it did not show */
    expect(&bench, 0, NULL);
    see(&bench, 2, token(1, "198.51.100.7", 13));
    expect(&bench, 1, "used=with two client certificates;clients=1;");
    bench_deinit(&bench);
}

/* The call to the gateway ends after the one it makes. */
static void gateway_is_no_client(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, WORKERS);
    for (uint32_t i = 0; i < 6; i++) {
        struct sighting inner = token(1, "10.0.0.1", 11), outer = token(1, "198.51.100.7", 13);
        inner.server = address_of("10.0.0.2");
        outer.server = address_of("10.0.0.1");
        see(&bench, 2 * i, inner);
        see(&bench, 2 * i + 1, outer);
    }
    bench_deinit(&bench);
}

/* ------------------------------------------------------------------ attempts */

static void attempts(struct bench *bench, uint32_t second, uint64_t who, uint32_t failures, bool success)
{
    struct sighting attempt = {.kind = SIGHTING_ATTEMPT,
                               .key = {who, 2},
                               .window_ns = 900 * SECOND,
                               .limit = 10,
                               .client = address_of("198.51.100.7"),
                               .refused = true};
    for (uint32_t i = 0; i < failures; i++)
        see(bench, second + i, attempt);
    attempt.refused = false;
    if (success)
        see(bench, second + failures, attempt);
}

static void success_after_many_failures_is_found(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, WORKERS);
    attempts(&bench, 0, 1, 10, true); /* ten are still right */
    expect(&bench, 0, NULL);
    attempts(&bench, 20, 1, 11, true);
    expect(&bench, 1,
           "at=31;client=198.51.100.7;failures=11;first_failure=2026-11-20T15:00:20.000000000Z;"
           "last_failure=2026-11-20T15:00:30.000000000Z;success=2026-11-20T15:00:31.000000000Z;");
    attempts(&bench, 40, 1, 0, true);   /* told */
    attempts(&bench, 50, 2, 30, false); /* never succeeded */
    attempts(&bench, 100, 3, 6, true);  /* many behind one address */
    attempts(&bench, 110, 3, 6, true);
    attempts(&bench, 120, 4, 11, false);
    attempts(&bench, 1100, 4, 0, true); /* too late to have to do with them */
    attempts(&bench, 1100, 5, 0, true);
    bench_deinit(&bench);
}

/* ------------------------------------------------------------------- objects */

static void objects_one_after_the_other_are_found(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, WORKERS);
    struct sighting object = {.kind = SIGHTING_OBJECT,
                              .key = {1, 3},
                              .window_ns = 900 * SECOND,
                              .limit = 20,
                              .client = address_of("198.51.100.7"),
                              .refused = true};
    for (uint32_t i = 0; i < 100; i++) { /* a client that asks for the same ones again and again */
        object.detail = (uint64_t)(i % 20) << 32;
        see(&bench, i, object);
    }
    expect(&bench, 0, NULL);
    object.detail = UINT64_C(20) << 32;
    see(&bench, 100, object);
    expect(&bench, 1, "at=100;client=198.51.100.7;objects=21;first=2026-11-20T15:00:00.000000000Z;");
    object.detail = UINT64_C(21) << 32;
    see(&bench, 101, object);
    expect(&bench, 0, NULL);            /* told */
    for (uint32_t i = 0; i < 60; i++) { /* over many hours */
        object.key[0] = 2;
        object.detail = (uint64_t)i << 32;
        see(&bench, i * 100, object);
    }
    bench_deinit(&bench);
}

/* --------------------------------------------------------------- request ids */

static struct sighting request_id(uint64_t id, uint64_t request)
{
    return (struct sighting){.kind = SIGHTING_REQUEST_ID,
                             .key = {id, 4},
                             .window_ns = 3600 * SECOND,
                             .retry_ns = 60 * SECOND,
                             .detail = request,
                             .client = address_of("198.51.100.7"),
                             .client_port = 40000,
                             .server = address_of("203.0.113.9")};
}

static void request_ids_used_again_are_found(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, WORKERS);
    for (uint32_t i = 0; i < 3; i++)
        see(&bench, 50 * i, request_id(1, 7)); /* retries */
    expect(&bench, 0, NULL);
    see(&bench, 161, request_id(1, 7));
    expect(&bench, 1,
           "at=161;request=the same, too late for a retry;client=198.51.100.7;first=2026-11-20T15:00:00.000000000Z;"
           "first_server=203.0.113.9;first_client_port=40000;before=2026-11-20T15:01:40.000000000Z;");
    see(&bench, 0, request_id(2, 7));
    see(&bench, 1, request_id(2, 8));
    expect(&bench, 1, "at=1;request=another one;");
    for (uint32_t i = 2; i < 50; i++)
        see(&bench, i, request_id(2, i)); /* told once an hour */
    for (uint32_t i = 0; i < 50; i++)
        see(&bench, i, request_id(100 + i, 7));
    bench_deinit(&bench);
}

/* A service gives the id of the call it works on to all that it makes; its own call ends last. */
static void request_ids_given_on_are_right(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, WORKERS);
    struct sighting first = request_id(1, 7), second = request_id(1, 8), outer = request_id(2, 9);
    first.client = second.client = outer.server = address_of("10.0.0.1");
    see(&bench, 1, first);
    see(&bench, 2, second);
    see(&bench, 3, outer);
    expect(&bench, 0, NULL);
    see(&bench, 200, second);
    expect(&bench, 1, "at=200;request=another one;");
    bench_deinit(&bench);
}

/* ---------------------------------------------------------------------- join */

/* Whichever worker has seen what, and in whatever order it is told: time alone counts. */
static void workers_do_not_show(void **state)
{
    (void)state;
    char texts[3][8192];
    for (uint32_t run = 0; run < 3; run++) {
        struct bench bench;
        bench_init(&bench, run == 0 ? 1 : WORKERS);
        for (uint32_t i = 0; i < 300; i++) {
            uint32_t at = run == 2 ? 299 - i : i;
            char client[32];
            snprintf(client, sizeof(client), "198.51.100.%u", at % 7);
            see(&bench, at, token(at % 11, client, 0));
            see(&bench, at, request_id(at % 5, at));
        }
        sighting_join_run(bench.join);
        assert_true(bench.found > 10);
        strcpy(texts[run], bench.text);
        sighting_join_free(bench.join);
    }
    assert_string_equal(texts[0], texts[1]);
    assert_string_equal(texts[0], texts[2]);
}

static void what_is_forgotten_is_counted(void **state)
{
    (void)state;
    struct arena *arena = arena_new(sighting_table_size(64, 32));
    struct sighting_table table;
    assert_true(sighting_table_init(&table, arena, 64, 32));
    for (uint64_t i = 1; i <= 1000; i++)
        assert_non_null(sighting_table_take(&table, (uint64_t[]){i, i * i}, i, 5000));
    assert_int_equal(table.held, 64);
    assert_int_equal(table.forgotten, 1000 - 64);
    uint32_t left = 0;
    for (uint64_t i = 1; i <= 1000; i++)
        left += sighting_table_find(&table, (uint64_t[]){i, i * i}, 5000) != NULL;
    assert_int_equal(left, 64);
    assert_null(sighting_table_find(&table, (uint64_t[]){1000, 1000 * 1000}, 5001));
    for (uint64_t i = 1; i <= 64; i++) /* nobody wants those any more */
        (void)sighting_table_take(&table, (uint64_t[]){2000 + i, i * i}, 6000, 6000);
    assert_in_range(table.forgotten, 1000 - 64, 1000 - 64 + 63);
    arena_free(arena);
}

static void what_is_held_is_told(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, 1);
    for (uint32_t i = 0; i < 10; i++)
        see(&bench, i, token(i, "198.51.100.7", 0));
    attempts(&bench, 20, 1, 2, false);
    expect(&bench, 0, NULL);
    assert_int_equal(sighting_join_held(bench.join), 11);
    assert_int_equal(sighting_join_forgotten(bench.join), 0);
    bench_deinit(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(token_of_one_client_is_right),
        cmocka_unit_test(token_of_two_in_turns_is_found),
        cmocka_unit_test(token_of_many_is_found),
        cmocka_unit_test(token_with_two_certificates_is_found),
        cmocka_unit_test(gateway_is_no_client),
        cmocka_unit_test(success_after_many_failures_is_found),
        cmocka_unit_test(objects_one_after_the_other_are_found),
        cmocka_unit_test(request_ids_used_again_are_found),
        cmocka_unit_test(request_ids_given_on_are_right),
        cmocka_unit_test(workers_do_not_show),
        cmocka_unit_test(what_is_forgotten_is_counted),
        cmocka_unit_test(what_is_held_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
