/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fuzz target: the whole pipeline. The input is a script of TCP segments of two connections: an operation byte
 * (direction, connection, drop, repeat, close), two bytes of size, then payload; or of lines of a key log, which come
 * in between. Whatever it says, the ledger balances
 * in the end, no memory is lost and no epoch stays in use.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/queue.h"
#include "pipeline/pipeline.h"
#include "tls/key_store.h"
#include "../wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum operation { TO_CLIENT = 1, SECOND = 2, DROP = 4, REPEAT = 8, FINISH = 16, RESET = 32, LATER = 64, KEYS = 128 };

#define PAYLOAD_MAX 1460u

struct state {
    struct settings settings;
    struct digest_key key;
    struct publication publication;
    struct queue *queue;
    struct ring_consumer consumer;
    struct pipeline *pipeline;
    struct tls_key_store *keys;
    uint64_t now_ns;
};

struct connection {
    uint32_t sequence[2];
};

static void check(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

static void drain(void *context)
{
    struct state *state = context;
    struct span bytes;
    struct record record;
    while (ring_next(&state->consumer, &bytes) == RING_RECORD)
        check(record_decode(bytes.data, bytes.size, &record) == 0, "every record decodes");
    ring_release(&state->consumer, state->consumer.position);
}

static struct state *state_make(void)
{
    struct state *state = calloc(1, sizeof(*state));
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    check(state && settings_default(&diagnostics, &state->settings) == 0, "default settings");
    state->settings.workers.memory_mib = 96;
    state->settings.workers.flows = 64;
    state->settings.workers.reassembly_mib = 1;
    state->settings.workers.body_scan_kib = 64;
    check(digest_key_init_random(&state->key) == 0, "key");
    publication_init(&state->publication, 1);
    struct epoch *epoch;
    struct epoch_sources sources = {.settings = &state->settings, .number = 1, .worker_count = 1, .key = &state->key};
    int built = epoch_build(&sources, &diagnostics, &epoch);
    diagnostics_print(&diagnostics, stderr);
    check(built == 0, "epoch");
    check(publication_offer(&state->publication, epoch) == 0, "offer");
    struct queue_options queue = {.worker_count = 1, .ring_bytes = 1u << 20};
    check(queue_create_private(&queue, &state->queue) == 0, "queue");
    queue_consumer(state->queue, 0, &state->consumer);
    struct tls_key_store_options keys = {.entries = 16};
    check(tls_key_store_new(&state->keys, &keys, &diagnostics) == 0, "key store");
    struct pipeline_options options = {
        .keys = state->keys,
        .settings = &state->settings,
        .publication = &state->publication,
        .ring = queue_producer(state->queue, 0),
        .worker_count = 1,
        .transactions = true,
        .rollups = true,
        .make_room = drain,
        .make_room_context = state,
    };
    int made = pipeline_new(&options, &diagnostics, &state->pipeline);
    diagnostics_print(&diagnostics, stderr);
    check(made == 0, "pipeline");
    diagnostics_deinit(&diagnostics);
    state->now_ns = UINT64_C(1000000000000);
    return state;
}

static struct state *only_state;

/* What OpenSSL gave hangs on the worker's own memory, where a leak detector does not look. */
static void state_free(void)
{
    pipeline_free(only_state->pipeline);
    tls_key_store_free(only_state->keys);
    publication_deinit(&only_state->publication);
    queue_free(only_state->queue);
    digest_key_deinit(&only_state->key);
    settings_deinit(&only_state->settings);
    free(only_state);
}

/* Whatever is no key log is passed over. */
static void put_keys(struct state *state, const uint8_t *text, uint32_t size)
{
    struct tls_keylog parser = {0};
    struct parse_input input = {.data = text, .size = size, .last = true};
    struct tls_keylog_item item;
    for (struct parse_step step; (step = tls_keylog_parse(&parser, &input, &item)).status == PARSE_ITEM;) {
        input.data += step.consumed;
        input.size -= step.consumed;
        tls_key_store_put(state->keys, &item, state->now_ns);
    }
}

static void send_segment(struct state *state, struct connection *connection, uint8_t operation, uint8_t flags,
                         const uint8_t *payload, uint32_t size)
{
    uint8_t frame[54 + PAYLOAD_MAX] = {0};
    int from_server = (operation & TO_CLIENT) != 0;
    frame[12] = 0x08;
    frame[14] = 0x45;
    frame[16] = (uint8_t)((40 + size) >> 8);
    frame[17] = (uint8_t)(40 + size);
    frame[22] = 64;
    frame[23] = 6;
    put32(frame + 26, from_server ? 0x0a000002 : 0x0a000001);
    put32(frame + 30, from_server ? 0x0a000001 : 0x0a000002);
    uint8_t port = (operation & SECOND) ? 2 : 1;
    frame[from_server ? 36 : 34] = 0x9c;
    frame[from_server ? 37 : 35] = port;
    frame[from_server ? 35 : 37] = 80;
    put32(frame + 38, connection->sequence[from_server]);
    put32(frame + 42, flags == 0x02 ? 0 : connection->sequence[!from_server]);
    frame[46] = 0x50;
    frame[47] = flags;
    frame[48] = frame[49] = 0xff;
    if (size)
        memcpy(frame + 54, payload, size);
    connection->sequence[from_server] += size + ((flags & 0x03) != 0);
    state->now_ns += (operation & LATER) ? UINT64_C(2000000000) : 1000000;
    struct packet packet = {.data = frame, .size = 54 + size, .wire_size = 54 + size, .time_ns = state->now_ns};
    if (!(operation & DROP))
        pipeline_burst(state->pipeline, &packet, 1);
    if (operation & REPEAT)
        pipeline_burst(state->pipeline, &packet, 1);
    drain(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!only_state) {
        only_state = state_make();
        check(atexit(state_free) == 0, "atexit");
    }
    struct state *state = only_state;
    struct connection connections[2] = {{{1000, 5000}}, {{0xffffff00u, 7}}};
    for (uint8_t i = 0; i < 2; i++) {
        send_segment(state, &connections[i], i ? SECOND : 0, 0x02, NULL, 0);
        send_segment(state, &connections[i], (uint8_t)((i ? SECOND : 0) | TO_CLIENT), 0x12, NULL, 0);
    }
    for (size_t at = 0; at + 3 <= size;) {
        uint8_t operation = data[at];
        uint32_t length = (uint32_t)(data[at + 1] << 8 | data[at + 2]) % (PAYLOAD_MAX + 1);
        at += 3;
        if (length > size - at)
            length = (uint32_t)(size - at);
        if (operation & KEYS) {
            put_keys(state, data + at, length);
            at += length;
            continue;
        }
        uint8_t flags = (uint8_t)(0x10 | ((operation & FINISH) ? 0x01 : 0) | ((operation & RESET) ? 0x04 : 0));
        send_segment(state, &connections[(operation & SECOND) != 0], operation, flags, data + at, length);
        at += length;
    }
    pipeline_flush(state->pipeline);
    drain(state);
    const struct ledger *ledger = pipeline_ledger(state->pipeline);
    check(ledger_balanced(ledger), "the ledger balances");
    check(ledger->pending.packets == 0 && ledger->transactions_pending == 0, "nothing stays pending");
    check(state->publication.current->workers[0].open == 0, "no epoch stays in use");
    return 0;
}
