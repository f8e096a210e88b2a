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

#include "event/queue.h"
#include "pipeline/pipeline.h"
#include "tls/key_store.h"

#define PACKETS_MAX 1024u
#define FILE_MAX_   (1u << 20)
#define EXPECTED    5u /* calls whose keys are in keys.log */
#define NEVER       UINT32_MAX

struct bench {
    struct settings settings;
    struct digest_key key;
    struct publication publication;
    struct queue *queue;
    struct ring_consumer consumer;
    struct tls_key_store *keys;
    struct pipeline *pipeline;
    uint32_t calls, decrypted, http1, handshakes; /* told */
    uint64_t response_bytes;
};

static void *read_file(const char *name, size_t *size_out)
{
    char path[4096];
    const char *source = getenv("ASSAY_SOURCE");
    snprintf(path, sizeof(path), "%s/tests/golden/tls_opened/%s", source ? source : ".", name);
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
    while (ring_next(&bench->consumer, &bytes) == RING_RECORD) {
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
    ring_release(&bench->consumer, bench->consumer.position);
}

static struct bench *bench_new(void)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    assert_non_null(bench);
    assert_int_equal(settings_default(&diagnostics, &bench->settings), 0);
    bench->settings.workers.memory_mib = 256;
    bench->settings.workers.flows = 1024;
    bench->settings.workers.reassembly_mib = 4;
    assert_int_equal(digest_key_init_random(&bench->key), 0);
    publication_init(&bench->publication, 1);
    struct epoch *epoch;
    struct epoch_sources sources = {.settings = &bench->settings, .number = 1, .worker_count = 1, .key = &bench->key};
    assert_int_equal(epoch_build(&sources, &diagnostics, &epoch), 0);
    assert_int_equal(publication_offer(&bench->publication, epoch), 0);
    struct queue_options queue = {.worker_count = 1, .ring_bytes = 1u << 20};
    assert_int_equal(queue_create_private(&queue, &bench->queue), 0);
    queue_consumer(bench->queue, 0, &bench->consumer);
    assert_int_equal(tls_key_store_new(&bench->keys, &(struct tls_key_store_options){.entries = 64}, &diagnostics), 0);
    struct pipeline_options options = {.settings = &bench->settings,
                                       .publication = &bench->publication,
                                       .ring = queue_producer(bench->queue, 0),
                                       .keys = bench->keys,
                                       .key = {1, 2},
                                       .worker_count = 1,
                                       .transactions = true,
                                       .make_room = drain,
                                       .make_room_context = bench};
    assert_int_equal(pipeline_new(&options, &diagnostics, &bench->pipeline), 0);
    diagnostics_deinit(&diagnostics);
    return bench;
}

static void bench_free(struct bench *bench)
{
    pipeline_free(bench->pipeline);
    tls_key_store_free(bench->keys);
    publication_deinit(&bench->publication);
    queue_free(bench->queue);
    digest_key_deinit(&bench->key);
    settings_deinit(&bench->settings);
    free(bench);
}

static void keys_put(struct bench *bench)
{
    size_t size;
    uint8_t *text = read_file("keys.log", &size);
    struct tls_keylog parser = {0};
    struct parse_input input = {.data = text, .size = (uint32_t)size, .last = true};
    struct tls_keylog_item item;
    uint32_t count = 0;
    for (struct parse_step step; (step = tls_keylog_parse(&parser, &input, &item)).status == PARSE_ITEM; count++) {
        input.data += step.consumed;
        input.size -= step.consumed;
        tls_key_store_put(bench->keys, &item, 1);
    }
    assert_true(count >= 5);
    free(text);
}

static uint32_t little(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Plays the capture; the keys come before packet `keys_at`, packet `drop` never does. */
static void play(struct bench *bench, uint32_t keys_at, uint32_t drop)
{
    size_t size;
    uint8_t *file = read_file("traffic.pcap", &size);
    assert_int_equal(little(file), 0xa1b2c3d4);
    uint32_t count = 0;
    for (size_t at = 24; at + 16 <= size; count++) {
        uint32_t captured = little(file + at + 8);
        struct packet packet = {.data = file + at + 16, .size = captured, .wire_size = captured};
        packet.time_ns = little(file + at) * UINT64_C(1000000000) + little(file + at + 4) * UINT64_C(1000);
        packet.link = PACKET_LINK_ETHERNET;
        if (count == keys_at)
            keys_put(bench);
        if (count != drop)
            pipeline_burst(bench->pipeline, &packet, 1);
        at += 16 + captured;
    }
    free(file);
    pipeline_flush(bench->pipeline);
    drain(bench);
    const struct ledger *ledger = pipeline_ledger(bench->pipeline);
    assert_true(ledger_balanced(ledger));
    assert_int_equal(ledger->pending.packets, 0);
    assert_int_equal(ledger->transactions_pending, 0);
    assert_int_equal(bench->publication.current->workers[0].open, 0);
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
    const struct ledger *ledger = pipeline_ledger(bench->pipeline);
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

static void test_keys_that_never_come(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    play(bench, NEVER, NEVER);
    assert_int_equal(bench->calls, 0);
    assert_true(bench->handshakes > 0); /* judged all the same */
    const struct ledger *ledger = pipeline_ledger(bench->pipeline);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_from_the_start),
        cmocka_unit_test(test_keys_that_come_late),
        cmocka_unit_test(test_keys_that_never_come),
        cmocka_unit_test(test_one_packet_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
