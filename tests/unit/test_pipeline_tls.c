/* SPDX-License-Identifier: Apache-2.0 */

/*
 * TLS in the pipeline: the golden capture of curl and nginx, with its keys there from the start, coming late, and
 * never. What is opened must be what tshark saw with the same keys (expected.jsonl of the case), and the ledger must
 * balance.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pipeline/worker.h"
#include "unit/pipeline_fixture.h"

#define PACKETS_MAX  1024u
#define FILE_MAX_    (1u << 20)
#define EXPECTED     5u /* calls whose keys are in keys.log */
#define CONNECTIONS  3u /* that did not fail in the handshake */
#define WITHOUT_KEYS 1u /* of them those that keys.log says nothing about */
#define SERVER_PORT  8443
#define NEVER        UINT32_MAX

struct bench {
    struct pipeline_fixture fixture;
    uint32_t calls, decrypted, http1, handshakes; /* told */
    uint64_t response_bytes;
    uint32_t round;     /* how often the capture was sent before */
    const char *golden; /* the case that is sent */
};

static void *read_file(const struct bench *bench, const char *name, size_t *size_out)
{
    char path[4096];
    const char *source = getenv("ASSAY_SOURCE");
    snprintf(path, sizeof(path), "%s/tests/golden/%s/%s", source ? source : ".", bench->golden, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    void *bytes = malloc(FILE_MAX_);
    assert_non_null(bytes);
    *size_out = fread(bytes, 1, FILE_MAX_, file);
    assert_true(*size_out < FILE_MAX_);
    fclose(file);
    return bytes;
}

static void drain(void *context)
{
    struct bench *bench = context;
    struct span bytes;
    while (ring_next(&bench->fixture.consumer, &bytes) == RING_RECORD) {
        struct record record;
        assert_int_equal(record_decode(bytes.data, bytes.size, &record), 0);
        if (record.header.kind == RECORD_TRANSACTION) {
            bench->calls++;
            bench->decrypted += (record.call.tls.flags & CONNECTION_DECRYPTED) != 0;
            bench->http1 += record.call.protocol == CALL_HTTP1 && record.call.status == 200;
            bench->response_bytes += record.call.response_bytes;
        }
        bench->handshakes += record.header.kind == RECORD_FINDING && record.call.protocol == CALL_TLS;
    }
    ring_release(&bench->fixture.consumer, bench->fixture.consumer.position);
}

static struct bench *bench_of(const char *golden, uint32_t wait_mib, uint32_t resumption_seconds)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    assert_non_null(bench);
    fixture_init(&bench->fixture, 256, 1024);
    bench->golden = golden;
    bench->fixture.settings.keys.wait_mib = wait_mib;
    bench->fixture.settings.keys.resumption_seconds = resumption_seconds;
    struct tls_key_store_options options = {.entries = 64};
    assert_int_equal(tls_key_store_new(&bench->fixture.keys, &options, &diagnostics), 0);
    diagnostics_deinit(&diagnostics);
    fixture_start(&bench->fixture, false, drain, bench);
    return bench;
}

static struct bench *bench_with(uint32_t wait_mib)
{
    return bench_of("tls_opened", wait_mib, 0);
}

static struct bench *bench_new(void)
{
    return bench_with(64);
}

static void bench_free(struct bench *bench)
{
    fixture_stop(&bench->fixture);
    free(bench);
}

static void keys_put(struct bench *bench)
{
    size_t size;
    uint8_t *text = read_file(bench, "keys.log", &size);
    struct tls_keylog parser = {0};
    struct parse_input input = {.data = text, .size = (uint32_t)size, .last = true};
    struct tls_keylog_item item;
    uint32_t count = 0;
    for (struct parse_step step; (step = tls_keylog_parse(&parser, &input, &item)).status == PARSE_ITEM; count++) {
        input.data += step.consumed;
        input.size -= step.consumed;
        tls_key_store_put(bench->fixture.keys, &item, 1);
    }
    assert_true(count >= 4);
    free(text);
}

static uint32_t little(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Makes other connections of the same ones: the client's port, as it lies behind Ethernet and 20 bytes of IPv4. */
static void other_port(uint8_t *frame, uint32_t round)
{
    uint8_t *ports = frame + 14 + 20;
    ports[(ports[0] << 8 | ports[1]) == SERVER_PORT ? 2 : 0] ^= (uint8_t)round;
}

/* Sends the capture; the keys come before packet `keys_at`, packet `drop` never does. Returns the time of the last one.
 */
static uint64_t send_all(struct bench *bench, uint32_t keys_at, uint32_t drop)
{
    size_t size;
    uint8_t *file = read_file(bench, "traffic.pcap", &size);
    assert_int_equal(little(file), 0xa1b2c3d4);
    uint64_t now_ns = 0;
    uint32_t count = 0;
    for (size_t at = 24; at + 16 <= size; count++) {
        uint32_t captured = little(file + at + 8);
        struct packet packet = {.data = file + at + 16, .size = captured, .wire_size = captured};
        packet.time_ns = little(file + at) * UINT64_C(1000000000) + little(file + at + 4) * UINT64_C(1000);
        packet.link = PACKET_LINK_ETHERNET;
        other_port(file + at + 16, bench->round);
        if (count == keys_at)
            keys_put(bench);
        if (count != drop)
            pipeline_burst(bench->fixture.pipeline, &packet, 1);
        now_ns = packet.time_ns;
        at += 16 + captured;
    }
    free(file);
    return now_ns;
}

static void finish(struct bench *bench)
{
    fixture_flush(&bench->fixture);
    drain(bench);
}

static void play(struct bench *bench, uint32_t keys_at, uint32_t drop)
{
    send_all(bench, keys_at, drop);
    finish(bench);
}

/* Turns without packets up to `until_ns`, as a poll loop makes them. */
static void idle(struct bench *bench, uint64_t *now_ns, uint64_t until_ns)
{
    for (; *now_ns < until_ns; *now_ns += 10000000)
        pipeline_idle(bench->fixture.pipeline, *now_ns);
}

static void test_keys_from_the_start(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    play(bench, 0, NEVER);
    assert_int_equal(bench->calls, EXPECTED);
    assert_int_equal(bench->decrypted, EXPECTED);
    assert_int_equal(bench->http1, EXPECTED);
    assert_int_equal(bench->response_bytes, 40 + 33 + 63780 + 40 + 33);
    const struct ledger *ledger = pipeline_ledger(bench->fixture.pipeline);
    assert_int_equal(ledger->settled[LEDGER_UNCLASSIFIED].packets, 0);
    assert_true(ledger->settled[LEDGER_ENCRYPTED].packets > 0); /* the connection without keys */
    bench_free(bench);
}

/* Keys that come anywhere in the first handshake, and some way behind it, still open everything. */
static void test_keys_that_come_late(void **state)
{
    (void)state;
    for (uint32_t late = 1; late < 16; late++) {
        struct bench *bench = bench_new();
        play(bench, late, NEVER);
        assert_int_equal(bench->calls, EXPECTED);
        assert_int_equal(bench->decrypted, EXPECTED);
        assert_int_equal(bench->response_bytes, 40 + 33 + 63780 + 40 + 33);
        bench_free(bench);
    }
}

/* All connections have ended long ago, and their flows are forgotten. */
static void test_keys_that_come_after_the_end(void **state)
{
    (void)state;
    static const uint32_t late_ms[] = {0, 100, 1000, 4000};
    for (uint32_t i = 0; i < ARRAY_COUNT(late_ms); i++) {
        struct bench *bench = bench_new();
        uint64_t now_ns = send_all(bench, NEVER, NEVER);
        idle(bench, &now_ns, now_ns + late_ms[i] * UINT64_C(1000000));
        drain(bench);
        assert_int_equal(bench->calls, 0);
        assert_true(pipeline_ledger(bench->fixture.pipeline)->pending.packets > 0);
        keys_put(bench);
        idle(bench, &now_ns, now_ns + 100000000);
        drain(bench);
        assert_int_equal(bench->calls, EXPECTED); /* before the end of everything */
        assert_int_equal(bench->decrypted, EXPECTED);
        assert_int_equal(bench->response_bytes, 40 + 33 + 63780 + 40 + 33);
        finish(bench);
        assert_int_equal(bench->calls, EXPECTED);
        bench_free(bench);
    }
}

/* Of each service it is told what became of its connections. */
static void outcomes(const struct bench *bench, uint64_t tls_out[LEDGER_TLS_COUNT])
{
    struct service_report report;
    memset(tls_out, 0, LEDGER_TLS_COUNT * sizeof(*tls_out));
    for (uint32_t i = 0; i < SERVICE_ENTRIES_MAX; i++)
        if (service_table_entry(pipeline_services(bench->fixture.pipeline), i, &report))
            for (uint32_t j = 0; j < LEDGER_TLS_COUNT; j++)
                tls_out[j] += report.tls[j];
}

static void test_keys_that_come_too_late(void **state)
{
    (void)state;
    static const uint32_t late_ms[] = {5100, 12000, 30000}; /* behind the wait of 5 s, within half a minute more */
    for (uint32_t i = 0; i < ARRAY_COUNT(late_ms); i++) {
        uint64_t tls[LEDGER_TLS_COUNT];
        struct bench *bench = bench_new();
        const struct ledger *ledger = pipeline_ledger(bench->fixture.pipeline);
        uint64_t now_ns = send_all(bench, NEVER, NEVER);
        idle(bench, &now_ns, now_ns + late_ms[i] * UINT64_C(1000000));
        assert_true(ledger->pending.packets > 0); /* whether it comes at all is not known */
        assert_int_equal(ledger->settled[LEDGER_ENCRYPTED_LATE].packets + ledger->settled[LEDGER_ENCRYPTED].packets, 0);
        outcomes(bench, tls);
        assert_int_equal(tls[LEDGER_TLS_LATE] + tls[LEDGER_TLS_NO_KEY], 0);
        keys_put(bench);
        idle(bench, &now_ns, now_ns + 100000000);
        assert_true(ledger->settled[LEDGER_ENCRYPTED_LATE].bytes > 50000);
        assert_int_equal(ledger->settled[LEDGER_ENCRYPTED].packets, 0);
        finish(bench);
        outcomes(bench, tls);
        assert_int_equal(tls[LEDGER_TLS_LATE], CONNECTIONS - WITHOUT_KEYS);
        assert_int_equal(tls[LEDGER_TLS_NO_KEY], WITHOUT_KEYS);
        assert_true(ledger->settled[LEDGER_ENCRYPTED].packets > 0);
        assert_int_equal(bench->calls, 0);
        assert_true(bench->handshakes > 0);
        bench_free(bench);
    }
}

/* Nobody gives them, or so late that the connections are forgotten: that is no lateness. */
static void test_keys_that_come_for_nobody(void **state)
{
    (void)state;
    uint64_t tls[LEDGER_TLS_COUNT];
    struct bench *bench = bench_new();
    const struct ledger *ledger = pipeline_ledger(bench->fixture.pipeline);
    uint64_t now_ns = send_all(bench, NEVER, NEVER);
    idle(bench, &now_ns, now_ns + UINT64_C(36000000000));
    assert_int_equal(ledger->pending.packets, 0);
    keys_put(bench);
    idle(bench, &now_ns, now_ns + 100000000);
    finish(bench);
    assert_true(ledger->settled[LEDGER_ENCRYPTED].bytes > 50000);
    assert_int_equal(ledger->settled[LEDGER_ENCRYPTED_LATE].packets, 0);
    outcomes(bench, tls);
    assert_int_equal(tls[LEDGER_TLS_NO_KEY], CONNECTIONS);
    bench_free(bench);
}

/* What has no room to wait stays closed, and the ledger says so. */
static void test_no_room_to_wait(void **state)
{
    (void)state;
    struct bench *bench = bench_with(1);
    uint64_t tls[LEDGER_TLS_COUNT];
    for (; bench->round < 40; bench->round++)
        send_all(bench, NEVER, NEVER);
    assert_true(pipeline_ledger(bench->fixture.pipeline)->settled[LEDGER_BUFFER_BUDGET].bytes > 0);
    outcomes(bench, tls);
    assert_true(tls[LEDGER_TLS_BUDGET] > 0);
    finish(bench);
    bench_free(bench);
}

static void test_keys_that_never_come(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    play(bench, NEVER, NEVER);
    assert_int_equal(bench->calls, 0);
    assert_true(bench->handshakes > 0); /* judged all the same */
    const struct ledger *ledger = pipeline_ledger(bench->fixture.pipeline);
    assert_int_equal(ledger->settled[LEDGER_UNCLASSIFIED].packets, 0);
    assert_true(ledger->settled[LEDGER_ENCRYPTED].bytes > 50000);
    bench_free(bench);
}

/* Any one packet lost: what is told is among what was sent, and nothing is left over. */
static void test_one_packet_lost(void **state)
{
    (void)state;
    for (uint32_t drop = 0; drop < 100; drop += 3) {
        struct bench *bench = bench_new();
        play(bench, 0, drop);
        assert_true(bench->calls <= EXPECTED + 2);
        assert_int_equal(bench->decrypted, bench->calls);
        assert_true(bench->response_bytes <= 40 + 33 + 63780 + 40 + 33);
        bench_free(bench);
    }
}

/*
 * Four sessions, each resumed twice, with the secrets of the first connections: those that resume them open only where
 * sessions are remembered, and then with late keys as well. Secrets are forgotten in time.
 */
static void test_remembered_sessions(void **state)
{
    (void)state;
    struct bench *bench = bench_of("tls_remembered", 64, 0);
    play(bench, 0, NEVER);
    assert_int_equal(bench->decrypted, 4);
    bench_free(bench);
    for (uint32_t late = 0; late < 24; late += 6) {
        bench = bench_of("tls_remembered", 64, 60);
        play(bench, late, NEVER);
        assert_int_equal(bench->decrypted, 12);
        assert_int_equal(bench->http1, 12);
        bench_free(bench);
    }
    bench = bench_of("tls_remembered", 64, 60);
    uint64_t now_ns = send_all(bench, 0, NEVER);
    struct tls_key_store_counts counts;
    tls_key_store_count(bench->fixture.pipeline->tls_remembered, &counts);
    assert_true(counts.live >= 4);
    idle(bench, &now_ns, now_ns + 63 * UINT64_C(1000000000));
    tls_key_store_count(bench->fixture.pipeline->tls_remembered, &counts);
    assert_int_equal(counts.live, 0);
    finish(bench);
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_from_the_start),          cmocka_unit_test(test_keys_that_come_late),
        cmocka_unit_test(test_keys_that_come_after_the_end), cmocka_unit_test(test_keys_that_come_too_late),
        cmocka_unit_test(test_keys_that_come_for_nobody),    cmocka_unit_test(test_no_room_to_wait),
        cmocka_unit_test(test_keys_that_never_come),         cmocka_unit_test(test_one_packet_lost),
        cmocka_unit_test(test_remembered_sessions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
