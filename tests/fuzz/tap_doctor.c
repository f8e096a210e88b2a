/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fuzz target: tap doctor. The input is a script: two bytes of settings, then eight bytes a frame, which becomes a TCP
 * segment in IPv4 with what the bytes say of numbers, tags, queue, cuts and time. Checked: no share is beyond the
 * whole, asking changes nothing, and the same frames in other bursts give the same answer.
 */

#include <stdlib.h>
#include <string.h>

#include "net/decode.h"
#include "tap/doctor.h"
#include "../wire.h"

#define SETTINGS_SIZE 2u
#define STEP_SIZE     8u
#define STEPS_MAX     600u
#define FRAME_ROOM    128u
#define HEADERS       70u /* Ethernet, a tag, IPv4, TCP with timestamps */

struct script {
    struct packet frames[STEPS_MAX];
    uint8_t bytes[STEPS_MAX][FRAME_ROOM];
    uint32_t count;
};

struct run {
    struct arena *arena;
    struct net_decoder *decoder;
    struct tap_doctor *doctor;
    struct ledger ledger;
    struct tap_diagnosis found[TAP_FAULT_COUNT];
    uint32_t found_count;
};

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* step: 0 who, 1 flags and tag, 2 sequence, 3 acknowledgement, 4 size, 5 time, 6 cut and queue, 7 identification. */
static void step_frame(const uint8_t *step, uint8_t *bytes, uint64_t time_ns, struct packet *frame_out)
{
    uint32_t client = step[0] & 15, from = step[0] >> 4 & 1, size = step[4] % 58;
    uint8_t *ip = bytes + 18, *tcp = ip + 20;
    put16(bytes + 12, 0x8100);
    put16(bytes + 14, from ? step[1] >> 6 : step[1] >> 6 & 1);
    put16(bytes + 16, 0x0800);
    ip[0] = 0x45;
    put16(ip + 2, 52 + size);
    put16(ip + 4, step[7] >> 2);
    ip[8] = (uint8_t)(64 - (step[7] & 1));
    ip[9] = 6;
    put32(ip + (from ? 16 : 12), 0x0a000001 + (client & 3));
    put32(ip + (from ? 12 : 16), 0x0a000101);
    put16(tcp + (from ? 2 : 0), 40000 + client);
    put16(tcp + (from ? 0 : 2), 80);
    /* Small numbers meet often; a few are far away. */
    put32(tcp + 4, step[2] < 250 ? step[2] * 10u : step[2] * 0x1000000u);
    put32(tcp + 8, step[3] < 250 ? step[3] * 10u : step[3] * 0x1000000u);
    tcp[12] = 8 << 4;
    tcp[13] = step[1] & 0x17;
    tcp[20] = tcp[21] = 1;
    tcp[22] = 8;
    tcp[23] = 10;
    put32(tcp + 24, (uint32_t)(time_ns / 1000000 >> (step[7] >> 1 & 1) * 14));
    uint32_t whole = HEADERS + size, kept = (step[6] & 7) == 7 ? whole - step[6] % whole : whole;
    *frame_out = (struct packet){.data = bytes,
                                 .size = kept,
                                 .wire_size = step[6] & 8 ? kept : whole,
                                 .time_ns = time_ns,
                                 .port = step[6] >> 4 & 1,
                                 .queue = step[6] >> 5,
                                 .link = PACKET_LINK_ETHERNET};
}

static void script_read(struct script *script, const uint8_t *data, size_t size)
{
    uint64_t time_ns = UINT64_C(2000000000000000000);
    memset(script, 0, sizeof(*script));
    for (; script->count < STEPS_MAX && size >= STEP_SIZE; data += STEP_SIZE, size -= STEP_SIZE) {
        uint8_t code = data[5];
        if (code < 200)
            time_ns += code * UINT64_C(50000);
        else if (code < 235)
            time_ns += UINT64_C(1000000) << (code - 200);
        else
            time_ns -= UINT64_C(1000000) << (code - 235);
        step_frame(data, script->bytes[script->count], time_ns, &script->frames[script->count]);
        script->count++;
    }
}

static void run_script(struct run *run, const struct script *script, uint32_t connections, uint32_t burst)
{
    struct net_settings net;
    struct tap_settings tap = {.connections = connections, .key = {3, 4}};
    struct net_packet packets[PACKET_BURST_MAX];
    memset(run, 0, sizeof(*run));
    net_settings_default(&net);
    net.fragment_datagrams = 1;
    run->arena = arena_new(net_decoder_size(&net) + tap_doctor_size(&tap) + CACHE_LINE);
    check(run->arena && net_decoder_new(&run->decoder, run->arena, &net) == 0 &&
          tap_doctor_new(&run->doctor, run->arena, &tap) == 0);
    for (uint32_t at = 0; at < script->count; at += burst) {
        uint32_t count = min_u32(burst, script->count - at);
        uint32_t ready = net_decode_burst(run->decoder, &run->ledger, script->frames + at, count, packets);
        tap_doctor_burst(run->doctor, script->frames + at, count, packets, ready);
    }
    run->found_count = tap_doctor_diagnose(run->doctor, run->found);
}

static void check_answer(const struct run *run)
{
    struct tap_counts counts;
    tap_doctor_counts(run->doctor, &counts);
    check(counts.packets <= counts.frames && counts.connections <= counts.packets);
    for (uint32_t i = 0; i < run->found_count; i++) {
        const struct tap_diagnosis *found = &run->found[i];
        check(found->fault < TAP_FAULT_COUNT && found->count > 0 && found->count <= found->of);
        check(found->share_min >= 0 && found->share_min <= found->share && found->share <= 1);
        check(memchr(found->sentence, 0, TAP_SENTENCE_SIZE) && found->sentence[0] && found->change);
    }
}

static void check_same(const struct run *a, const struct run *b)
{
    check(a->found_count == b->found_count);
    for (uint32_t i = 0; i < a->found_count; i++)
        check(a->found[i].fault == b->found[i].fault && strcmp(a->found[i].sentence, b->found[i].sentence) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct script script;
    static struct run first, second;
    if (size < SETTINGS_SIZE)
        return 0;
    uint32_t connections = 8u << data[0] % 3;
    script_read(&script, data + SETTINGS_SIZE, size - SETTINGS_SIZE);
    run_script(&first, &script, connections, 1);
    check_answer(&first);
    run_script(&second, &script, connections, 2 + data[1] % (PACKET_BURST_MAX - 1));
    check_same(&first, &second);
    second.found_count = tap_doctor_diagnose(second.doctor, second.found);
    check_same(&first, &second);
    tap_doctor_cut(second.doctor);
    check(tap_doctor_diagnose(second.doctor, second.found) <= TAP_FAULT_COUNT);
    arena_free(first.arena);
    arena_free(second.arena);
    return 0;
}
