/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One pipeline with the shipped rules and all that it has told, and a wire of hand-built frames to play to it. Ends the
 * test where the ledger does not balance.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "event/json.h"
#include "unit/pipeline_fixture.h"
#include "wire.h"

#define FRAMES_MAX 4096u
#define FRAME_SIZE 1600u
#define SECOND_NS  UINT64_C(1000000000)

/* One pipeline with the shipped rules, and all that it has told. */
struct bench {
    struct pipeline_fixture fixture;
    char *calls;    /* one line each: method path status flags request_bytes response_bytes */
    char *findings; /* one JSON line each */
    char *outcomes; /* one line for each call that has one: method outcome */
};

static inline void text_add(char **text, const char *line, size_t size)
{
    size_t used = *text ? strlen(*text) : 0;
    *text = realloc(*text, used + size + 2);
    memcpy(*text + used, line, size);
    memcpy(*text + used + size, "\n", 2);
}

static inline void take_call(struct bench *bench, const struct call *call)
{
    char line[1024];
    int size = snprintf(line, sizeof(line), "%.*s %.*s %d %x %llu %llu", (int)call->method.size,
                        call->method.data ? (const char *)call->method.data : "", (int)call->path.size,
                        call->path.data ? (const char *)call->path.data : "", call->status, call->flags,
                        (unsigned long long)call->request_bytes, (unsigned long long)call->response_bytes);
    text_add(&bench->calls, line, (size_t)size);
    if (call->outcome == CALL_OUTCOME_NONE)
        return;
    size = snprintf(line, sizeof(line), "%.*s %s", (int)call->method.size, (const char *)call->method.data,
                    call_outcome_name(call->outcome));
    text_add(&bench->outcomes, line, (size_t)size);
}

static inline void bench_drain(void *context)
{
    struct bench *bench = context;
    static char json[EVENT_JSON_MAX];
    struct span bytes;
    while (ring_next(&bench->fixture.consumer, &bytes) == RING_RECORD) {
        struct record record;
        struct json_writer writer;
        assert_int_equal(record_decode(bytes.data, bytes.size, &record), 0);
        if (record.header.kind == RECORD_TRANSACTION)
            take_call(bench, &record.call);
        if (record.header.kind == RECORD_FINDING) {
            json_writer_init(&writer, json, sizeof(json));
            event_json_finding(&writer, &record.finding, NULL, false);
            text_add(&bench->findings, json, writer.size);
        }
    }
    ring_release(&bench->fixture.consumer, bench->fixture.consumer.position);
}

static inline struct bench *bench_new(uint32_t memory_mib, uint32_t flows)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    fixture_init(&bench->fixture, memory_mib, flows);
    fixture_start(&bench->fixture, false, bench_drain, bench);
    return bench;
}

/* Ends the run and reads what is left in the ring. */
static inline void bench_finish(struct bench *bench)
{
    fixture_flush(&bench->fixture);
    bench_drain(bench);
}

static inline void bench_free(struct bench *bench)
{
    fixture_stop(&bench->fixture);
    free(bench->calls);
    free(bench->findings);
    free(bench->outcomes);
    free(bench);
}

/* -------------------------------------------------------------------- frames */

struct wire {
    uint8_t frames[FRAMES_MAX][FRAME_SIZE];
    struct packet packets[FRAMES_MAX];
    uint32_t count;
    uint32_t sequence[2]; /* of the client, of the server */
    uint64_t now_ns;
};

/* Ethernet, IPv4, TCP without options; checksums are left zero: not looked at by default. */
static inline void wire_segment(struct wire *wire, int from_server, uint8_t flags, const void *data, uint32_t size)
{
    assert_true(wire->count < FRAMES_MAX && size <= FRAME_SIZE - 54);
    uint8_t *frame = wire->frames[wire->count];
    memset(frame, 0, 54);
    put16(frame + 12, 0x0800);
    frame[14] = 0x45;
    put16(frame + 16, 40 + size);
    frame[22] = 64;
    frame[23] = 6;
    put32(frame + 26, from_server ? 0x0a000002 : 0x0a000001);
    put32(frame + 30, from_server ? 0x0a000001 : 0x0a000002);
    put16(frame + 34, from_server ? 80 : 40000);
    put16(frame + 36, from_server ? 40000 : 80);
    put32(frame + 38, wire->sequence[from_server]);
    put32(frame + 42, flags == 0x02 ? 0 : wire->sequence[!from_server]);
    frame[46] = 0x50;
    frame[47] = flags;
    put16(frame + 48, 65535);
    memcpy(frame + 54, data, size);
    wire->packets[wire->count++] = (struct packet){.data = frame,
                                                   .size = 54 + size,
                                                   .wire_size = 54 + size,
                                                   .time_ns = wire->now_ns,
                                                   .link = PACKET_LINK_ETHERNET};
    wire->now_ns += 1000000;
    wire->sequence[from_server] += size + ((flags & 0x03) != 0);
}

static inline struct wire *wire_new(void)
{
    struct wire *wire = calloc(1, sizeof(*wire));
    wire->sequence[0] = 1000;
    wire->sequence[1] = 5000;
    wire->now_ns = 1000 * SECOND_NS;
    wire_segment(wire, 0, 0x02, "", 0);
    wire_segment(wire, 1, 0x12, "", 0);
    wire_segment(wire, 0, 0x10, "", 0);
    return wire;
}

/* The text in segments of `step` bytes. */
static inline void wire_text(struct wire *wire, int from_server, const char *text, uint32_t step)
{
    uint32_t size = (uint32_t)strlen(text);
    for (uint32_t at = 0; at < size; at += step)
        wire_segment(wire, from_server, 0x18, text + at, min_u32(step, size - at));
}

static inline void wire_close(struct wire *wire)
{
    wire_segment(wire, 0, 0x11, "", 0);
    wire_segment(wire, 1, 0x11, "", 0);
    wire_segment(wire, 0, 0x10, "", 0);
}

/* All frames but number `lost` (FRAMES_MAX: none). */
static inline void play(struct bench *bench, const struct wire *wire, uint32_t lost)
{
    for (uint32_t i = 0; i < wire->count; i++)
        if (i != lost)
            pipeline_burst(bench->fixture.pipeline, &wire->packets[i], 1);
    bench_finish(bench);
}
