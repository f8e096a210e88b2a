/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tap doctor: what must not be named for want of evidence, what one case proves, and that it makes no difference how
 * the traffic is cut into bursts. Frames are made by hand and go through the decoder, as they do in the worker.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "net/decode.h"
#include "tap/doctor.h"
#include "wire.h"

#define FRAMES_MAX 20000u
#define FRAME_ROOM 160u /* IPv4 and TCP with timestamps, and some payload */
#define HEADERS    52u
#define MS         UINT64_C(1000000)
#define SECOND     UINT64_C(1000000000)

enum { CLIENT, SERVER };

struct tape {
    struct packet frames[FRAMES_MAX];
    uint8_t bytes[FRAMES_MAX][FRAME_ROOM];
    uint32_t count;
    uint64_t time_ns;
    uint16_t identification;
};

struct bench {
    struct arena *arena;
    struct net_decoder *decoder;
    struct tap_doctor *doctor;
    struct ledger ledger;
    struct tap_diagnosis found[TAP_FAULT_COUNT];
    uint32_t found_count;
};

/* One segment, as the tests think of it; sequence numbers as on the wire. */
struct say {
    uint32_t connection;
    int from;
    uint8_t flags;
    uint32_t sequence, acknowledgement;
    uint32_t size; /* payload */
    uint16_t queue;
    bool again; /* with the identification of the frame before */
};

static struct tape *tape_new(void)
{
    struct tape *tape = calloc(1, sizeof(*tape));
    assert_non_null(tape);
    tape->time_ns = UINT64_C(1700000000) * SECOND;
    return tape;
}

static void tape_say(struct tape *tape, struct say say)
{
    assert_true(tape->count < FRAMES_MAX && HEADERS + say.size <= FRAME_ROOM);
    uint8_t *ip = tape->bytes[tape->count], *tcp = ip + 20;
    tape->identification = (uint16_t)(tape->identification + !say.again);
    ip[0] = 0x45;
    put16(ip + 2, HEADERS + say.size);
    put16(ip + 4, tape->identification);
    ip[8] = 60;
    ip[9] = 6;
    put32(ip + (say.from == CLIENT ? 12 : 16), 0xc0000201);
    put32(ip + (say.from == CLIENT ? 16 : 12), 0xc6336401);
    put16(tcp + (say.from == CLIENT ? 0 : 2), 20000 + say.connection);
    put16(tcp + (say.from == CLIENT ? 2 : 0), 443);
    put32(tcp + 4, say.sequence);
    put32(tcp + 8, say.acknowledgement);
    tcp[12] = 8 << 4;
    tcp[13] = say.flags;
    put16(tcp + 14, 60000);
    tcp[20] = tcp[21] = 1;
    tcp[22] = 8;
    tcp[23] = 10;
    put32(tcp + 24, (uint32_t)(tape->time_ns / MS));
    tape->frames[tape->count++] = (struct packet){.data = ip,
                                                  .size = HEADERS + say.size,
                                                  .wire_size = HEADERS + say.size,
                                                  .time_ns = tape->time_ns,
                                                  .queue = say.queue,
                                                  .link = PACKET_LINK_RAW_IP};
    tape->time_ns += MS / 10;
}

/* A whole connection: request of 100, response of 90, a second request. `only`: CLIENT, SERVER, or -1 for both. */
static void tape_connection(struct tape *tape, uint32_t connection, int only, uint32_t server_queue)
{
    const struct say story[] = {
        {.from = CLIENT, .flags = NET_TCP_SYN, .sequence = 1000},
        {.from = SERVER, .flags = NET_TCP_SYN | NET_TCP_ACK, .sequence = 5000, .acknowledgement = 1001},
        {.from = CLIENT, .flags = NET_TCP_ACK, .sequence = 1001, .acknowledgement = 5001},
        {.from = CLIENT, .flags = NET_TCP_ACK, .sequence = 1001, .acknowledgement = 5001, .size = 100},
        {.from = SERVER, .flags = NET_TCP_ACK, .sequence = 5001, .acknowledgement = 1101, .size = 90},
        {.from = CLIENT, .flags = NET_TCP_ACK, .sequence = 1101, .acknowledgement = 5091, .size = 10},
        {.from = SERVER, .flags = NET_TCP_ACK, .sequence = 5091, .acknowledgement = 1111},
    };
    for (size_t i = 0; i < ARRAY_COUNT(story); i++) {
        struct say say = story[i];
        say.connection = connection;
        say.queue = (uint16_t)(say.from == SERVER ? server_queue : 0);
        if (only < 0 || say.from == only)
            tape_say(tape, say);
    }
}

static void tape_connections(struct tape *tape, uint32_t first, uint32_t count, int only)
{
    for (uint32_t i = first; i < first + count; i++)
        tape_connection(tape, i, only, 0);
}

static void bench_init(struct bench *bench, uint32_t connections)
{
    memset(bench, 0, sizeof(*bench));
    struct net_settings net;
    struct tap_settings tap;
    net_settings_default(&net);
    net.checksum = NET_CHECKSUM_OFF; /* the frames of these tests have none */
    tap_settings_default(&tap);
    tap.connections = connections;
    tap.key = (struct hash_key){1, 2};
    bench->arena = arena_new(net_decoder_size(&net) + tap_doctor_size(&tap) + CACHE_LINE);
    assert_non_null(bench->arena);
    assert_int_equal(net_decoder_new(&bench->decoder, bench->arena, &net), 0);
    assert_int_equal(tap_doctor_new(&bench->doctor, bench->arena, &tap), 0);
}

static void bench_play(struct bench *bench, const struct tape *tape, uint32_t burst)
{
    struct net_packet packets[PACKET_BURST_MAX];
    for (uint32_t at = 0; at < tape->count; at += burst) {
        uint32_t count = min_u32(burst, tape->count - at);
        uint32_t ready = net_decode_burst(bench->decoder, &bench->ledger, tape->frames + at, count, packets);
        tap_doctor_burst(bench->doctor, tape->frames + at, count, packets, ready);
    }
    bench->found_count = tap_doctor_diagnose(bench->doctor, bench->found);
}

static void bench_deinit(struct bench *bench)
{
    arena_free(bench->arena);
}

/* Plays the tape and expects exactly this fault (TAP_FAULT_COUNT: none). Frees the tape. */
static struct tap_diagnosis expect(struct tape *tape, enum tap_fault fault)
{
    struct bench bench;
    struct tap_diagnosis first = {0};
    bench_init(&bench, 1024);
    bench_play(&bench, tape, PACKET_BURST_MAX);
    if (bench.found_count > 0)
        first = bench.found[0];
    assert_int_equal(bench.found_count, fault == TAP_FAULT_COUNT ? 0 : 1);
    if (bench.found_count)
        assert_string_equal(tap_fault_name(first.fault), tap_fault_name(fault));
    bench_deinit(&bench);
    free(tape);
    return first;
}

/* --- evidence ---------------------------------------------------------------------------------------------------- */

static void test_few_connections_name_nothing(void **state)
{
    (void)state;
    struct tape *tape = tape_new();
    tape_connections(tape, 0, 7, CLIENT);
    expect(tape, TAP_FAULT_COUNT);
    tape = tape_new();
    tape_connections(tape, 0, 8, CLIENT);
    struct tap_diagnosis found = expect(tape, TAP_ONE_DIRECTION);
    assert_int_equal(found.count, 8);
    assert_int_equal(found.of, 8);
    /* Wilson's bound for 8 of 8 is n / (n + z^2), z being 3.0902: 8 / 17.549. */
    assert_true(found.share_min > 0.4557 && found.share_min < 0.4560);
}

static void test_small_share_names_nothing(void **state)
{
    (void)state;
    /* 16 of 116: 13.8 %, but by Wilson's bound perhaps only 6.6 %, and a tenth is asked for. */
    struct tape *tape = tape_new();
    tape_connections(tape, 0, 100, -1);
    tape_connections(tape, 100, 16, SERVER);
    expect(tape, TAP_FAULT_COUNT);
    /* 30 of 130: 23.1 %, at least 13.8 %. */
    tape = tape_new();
    tape_connections(tape, 0, 100, -1);
    tape_connections(tape, 100, 30, SERVER);
    struct tap_diagnosis found = expect(tape, TAP_ONE_DIRECTION);
    assert_true(found.share_min > 0.13 && found.share_min < 0.14);
}

/* SYNs nobody answers are a scan, not a missing direction; nor are lone segments whose peer says nothing new. */
static void test_silence_is_no_missing_direction(void **state)
{
    (void)state;
    struct tape *tape = tape_new();
    for (uint32_t i = 0; i < 500; i++)
        tape_say(tape, (struct say){.connection = i, .flags = NET_TCP_SYN, .sequence = 77});
    for (uint32_t i = 500; i < 600; i++)
        for (uint32_t part = 0; part < 3; part++)
            tape_say(tape, (struct say){.connection = i,
                                        .flags = NET_TCP_ACK,
                                        .sequence = 100 + part * 50,
                                        .acknowledgement = 9,
                                        .size = 50});
    expect(tape, TAP_FAULT_COUNT);
}

static void test_queues(void **state)
{
    (void)state;
    struct tape *tape = tape_new();
    for (uint32_t i = 0; i < 20; i++)
        tape_connection(tape, i, -1, i % 2);
    struct tap_diagnosis found = expect(tape, TAP_QUEUE_SPLIT);
    assert_int_equal(found.count, 10);
    assert_int_equal(found.of, 20);
    /* One queue's view: of one server here the clients, there the server. */
    tape = tape_new();
    for (uint32_t i = 0; i < 30; i++)
        tape_connection(tape, i, (int)(i % 2), 0);
    found = expect(tape, TAP_QUEUE_SPLIT);
    assert_int_equal(found.count, 30);
}

/* The other direction comes after all: it was late, not missing. */
static void test_late_direction_is_not_missing(void **state)
{
    (void)state;
    struct tape *tape = tape_new();
    for (uint32_t i = 0; i < 50; i++) {
        tape_connection(tape, i, CLIENT, 0);
        tape->time_ns += 3 * SECOND;
        tape_connection(tape, i, SERVER, 0);
    }
    expect(tape, TAP_FAULT_COUNT);
}

/* --- copies and losses ------------------------------------------------------------------------------------------- */

static void repeat_data(struct tape *tape, bool again, uint64_t apart_ns)
{
    for (uint32_t i = 0; i < 40; i++) {
        struct say say = {.connection = i, .flags = NET_TCP_ACK, .sequence = 500, .acknowledgement = 9, .size = 30};
        uint64_t first_ns = tape->time_ns;
        tape_say(tape, say);
        say.again = again;
        /* The same timestamp option, as within one tick of the sender's clock. */
        tape->time_ns = first_ns;
        tape_say(tape, say);
        tape->frames[tape->count - 1].time_ns = first_ns + apart_ns;
        tape->time_ns = first_ns + apart_ns + MS;
    }
}

static void test_copy_or_retransmission(void **state)
{
    (void)state;
    struct tape *tape = tape_new();
    repeat_data(tape, true, MS); /* to the bit, identification included */
    struct tap_diagnosis found = expect(tape, TAP_DUPLICATES);
    assert_int_equal(found.count, 40);
    assert_int_equal(found.of, 80);
    tape = tape_new();
    repeat_data(tape, false, MS); /* sent again: another identification */
    expect(tape, TAP_FAULT_COUNT);
    tape = tape_new();
    repeat_data(tape, true, 200 * MS); /* a retransmission timer later */
    expect(tape, TAP_FAULT_COUNT);
}

/* Ten connections that lose the segment at 1101..1200 before the tap, or at it. */
static void lose(struct tape *tape, bool at_tap)
{
    for (uint32_t i = 0; i < 10; i++) {
        tape_connection(tape, i, -1, 0);
        tape_say(tape, (struct say){.connection = i,
                                    .flags = NET_TCP_ACK,
                                    .sequence = 1211, /* 1111..1210 is missing */
                                    .acknowledgement = 5091,
                                    .size = 50});
        if (!at_tap)
            tape_say(
                tape,
                (struct say){
                    .connection = i, .flags = NET_TCP_ACK, .sequence = 1111, .acknowledgement = 5091, .size = 100});
        tape_say(tape,
                 (struct say){
                     .connection = i, .from = SERVER, .flags = NET_TCP_ACK, .sequence = 5091, .acknowledgement = 1261});
        tape->time_ns += 2 * SECOND;
    }
    tape_connections(tape, 100, 1, -1); /* time went on */
}

static void test_loss_is_what_the_receiver_had(void **state)
{
    (void)state;
    struct tape *tape = tape_new();
    lose(tape, false);
    expect(tape, TAP_FAULT_COUNT);
    tape = tape_new();
    lose(tape, true);
    struct tap_diagnosis found = expect(tape, TAP_LOSS);
    assert_int_equal(found.count, 10);
    assert_int_equal(found.extent, 1000); /* bytes */
}

/* --- time -------------------------------------------------------------------------------------------------------- */

/* Five requests, the capturing clock is set, five answers. */
static void interrupted(struct tape *tape, uint64_t step_ns)
{
    tape_connections(tape, 0, 5, -1);
    for (uint32_t i = 0; i < 5; i++)
        tape_say(
            tape,
            (struct say){.connection = i, .flags = NET_TCP_ACK, .sequence = 1111, .acknowledgement = 5091, .size = 10});
    for (uint32_t i = 0; i < 5; i++) {
        tape_say(tape, (struct say){.connection = i,
                                    .from = SERVER,
                                    .flags = NET_TCP_ACK,
                                    .sequence = 5091,
                                    .acknowledgement = 1121,
                                    .size = 10});
        tape->frames[tape->count - 1].time_ns += step_ns;
    }
}

static void test_clock_forward(void **state)
{
    (void)state;
    struct tape *tape = tape_new();
    interrupted(tape, 3600 * SECOND);
    struct tap_diagnosis found = expect(tape, TAP_CLOCK);
    assert_int_equal(found.count, 1);
    assert_true(found.extent >= 3600 * SECOND && found.extent < 3601 * SECOND);
    /* An hour in which nobody had anything to say, by the hosts' own clocks. */
    tape = tape_new();
    tape_connections(tape, 0, 5, -1);
    tape->time_ns += 3600 * SECOND;
    for (uint32_t i = 0; i < 5; i++)
        tape_say(
            tape,
            (struct say){.connection = i, .flags = NET_TCP_ACK, .sequence = 1111, .acknowledgement = 5091, .size = 10});
    expect(tape, TAP_FAULT_COUNT);
}

static void test_clock_backward(void **state)
{
    (void)state;
    for (uint64_t start_s = 1; start_s < UINT64_C(18000000000); start_s = start_s * 7 + 5) {
        struct tape *tape = tape_new();
        tape->time_ns = start_s * SECOND + 4 * SECOND;
        tape_connections(tape, 0, 10, -1);
        uint32_t middle = tape->count;
        tape_connections(tape, 10, 10, -1);
        expect(tape, TAP_FAULT_COUNT);
        tape = tape_new();
        tape->time_ns = start_s * SECOND + 4 * SECOND;
        tape_connections(tape, 0, 20, -1);
        for (uint32_t i = middle; i < tape->count; i++)
            tape->frames[i].time_ns -= 3 * SECOND;
        struct tap_diagnosis found = expect(tape, TAP_CLOCK);
        assert_int_equal(found.count, 1);
        assert_true(found.extent > 2 * SECOND && found.extent < 4 * SECOND);
    }
}

static void test_another_capture_has_its_own_clock(void **state)
{
    (void)state;
    struct bench bench;
    struct tape *tape = tape_new();
    tape_connections(tape, 0, 20, -1);
    bench_init(&bench, 1024);
    bench_play(&bench, tape, 7);
    assert_int_equal(bench.found_count, 0);
    tap_doctor_cut(bench.doctor);
    for (uint32_t i = 0; i < tape->count; i++)
        tape->frames[i].time_ns -= 100 * SECOND;
    bench_play(&bench, tape, 7);
    assert_int_equal(bench.found_count, 0);
    struct tap_counts counts;
    tap_doctor_counts(bench.doctor, &counts);
    assert_int_equal(counts.connections, 40);
    assert_int_equal(counts.frames, 2 * tape->count);
    for (uint32_t i = 0; i < tape->count; i++)
        tape->frames[i].time_ns -= 100 * SECOND;
    bench_play(&bench, tape, 7);
    assert_true(bench.found_count >= 1);
    bench_deinit(&bench);
    free(tape);
}

/* --- properties -------------------------------------------------------------------------------------------------- */

/* Everything wrong at once, by a generator with a fixed seed. */
static struct tape *tape_mixed(uint64_t seed)
{
    struct tape *tape = tape_new();
    for (uint32_t i = 0; tape->count < FRAMES_MAX - 20; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        uint32_t dice = (uint32_t)(seed >> 33);
        uint32_t first = tape->count;
        tape_connection(tape, i % 5000, dice % 5 == 0 ? (int)(dice / 5 % 2) : -1, dice % 3);
        if (dice % 4 == 0) { /* a copy of the last one */
            tape->frames[tape->count] = tape->frames[tape->count - 1];
            tape->count++;
        }
        if (dice % 6 == 0) { /* two exchanged */
            struct packet frame = tape->frames[first];
            tape->frames[first] = tape->frames[first + 1];
            tape->frames[first + 1] = frame;
        }
        if (dice % 7 == 0)
            tape->frames[first].size -= 8;
        if (dice % 11 == 0)
            tape->frames[first + 1].wire_size = tape->frames[first + 1].size = HEADERS + 3;
        if (dice % 500 == 0)
            tape->time_ns -= 2 * SECOND;
        if (dice % 501 == 0)
            tape->time_ns += 90 * SECOND;
    }
    return tape;
}

static void test_bursts_make_no_difference(void **state)
{
    (void)state;
    struct tape *tape = tape_mixed(42);
    struct bench first;
    bench_init(&first, 256);
    bench_play(&first, tape, 1);
    assert_true(first.found_count >= 4);
    const uint32_t bursts[] = {2, 3, 17, 63, 64};
    for (size_t i = 0; i < ARRAY_COUNT(bursts); i++) {
        struct bench other;
        bench_init(&other, 256);
        bench_play(&other, tape, bursts[i]);
        assert_int_equal(other.found_count, first.found_count);
        for (uint32_t k = 0; k < first.found_count; k++) {
            const struct tap_diagnosis *a = &first.found[k], *b = &other.found[k];
            assert_int_equal(a->fault, b->fault);
            assert_int_equal(a->count, b->count);
            assert_int_equal(a->of, b->of);
            assert_int_equal(a->extent, b->extent);
            assert_string_equal(a->sentence, b->sentence);
        }
        bench_deinit(&other);
    }
    /* Asking makes none either. */
    struct tap_diagnosis again[TAP_FAULT_COUNT];
    assert_int_equal(tap_doctor_diagnose(first.doctor, again), first.found_count);
    assert_string_equal(again[0].sentence, first.found[0].sentence);
    bench_deinit(&first);
    free(tape);
}

/* A scan of thousands of single packets does not push a living connection out. */
static void test_scan_does_not_crowd_out(void **state)
{
    (void)state;
    struct bench bench;
    struct tape *tape = tape_new();
    bench_init(&bench, 8);
    for (uint32_t i = 0; i < 3; i++)
        tape_connection(tape, i, -1, 0);
    for (uint32_t i = 0; i < 5000; i++)
        tape_say(tape, (struct say){.connection = 100 + i, .flags = NET_TCP_SYN, .sequence = i});
    bench_play(&bench, tape, 64);
    struct tap_counts before, after;
    tap_doctor_counts(bench.doctor, &before);
    assert_int_equal(before.connections, 5003);
    assert_int_equal(before.crowded_out, 5003 - 8);
    /* Another packet of each of the three finds its connection: none is judged for it. */
    tape->count = 0;
    for (uint32_t i = 0; i < 3; i++)
        tape_say(
            tape,
            (struct say){.connection = i, .flags = NET_TCP_ACK, .sequence = 1111, .acknowledgement = 5091, .size = 4});
    bench_play(&bench, tape, 64);
    tap_doctor_counts(bench.doctor, &after);
    assert_int_equal(after.connections, before.connections);
    bench_deinit(&bench);
    free(tape);
}

static void test_errors(void **state)
{
    (void)state;
    struct tap_settings settings;
    struct tap_doctor *doctor = NULL;
    tap_settings_default(&settings);
    struct arena *arena = arena_new(tap_doctor_size(&settings));
    assert_non_null(arena);
    settings.connections = 0;
    assert_int_equal(tap_doctor_new(&doctor, arena, &settings), -EINVAL);
    settings.connections = TAP_CONNECTIONS_MAX + 1;
    assert_int_equal(tap_doctor_new(&doctor, arena, &settings), -EINVAL);
    tap_settings_default(&settings);
    size_t whole = tap_doctor_size(&settings);
    assert_int_equal(tap_doctor_new(&doctor, arena, &settings), 0);
    assert_true(arena_used(arena) <= whole);
    arena_free(arena);
    for (size_t size = 64; size < whole - 1024; size += whole / 13) {
        arena = arena_new(size);
        assert_non_null(arena);
        if (arena_left(arena) < whole - 1024)
            assert_int_equal(tap_doctor_new(&doctor, arena, &settings), -ENOMEM);
        arena_free(arena);
    }
    for (int fault = 0; fault < TAP_FAULT_COUNT; fault++)
        assert_true(strlen(tap_fault_name((enum tap_fault)fault)) > 3);
    assert_string_equal(tap_fault_name(TAP_FAULT_COUNT), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_connections_name_nothing),
        cmocka_unit_test(test_small_share_names_nothing),
        cmocka_unit_test(test_silence_is_no_missing_direction),
        cmocka_unit_test(test_queues),
        cmocka_unit_test(test_late_direction_is_not_missing),
        cmocka_unit_test(test_copy_or_retransmission),
        cmocka_unit_test(test_loss_is_what_the_receiver_had),
        cmocka_unit_test(test_clock_forward),
        cmocka_unit_test(test_clock_backward),
        cmocka_unit_test(test_another_capture_has_its_own_clock),
        cmocka_unit_test(test_bursts_make_no_difference),
        cmocka_unit_test(test_scan_does_not_crowd_out),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
