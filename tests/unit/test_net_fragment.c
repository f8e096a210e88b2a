/* SPDX-License-Identifier: Apache-2.0 */

/* net: IP fragments in any order, with overlaps, gaps, lies and limits. */

#include "unit/net_frames.h"

#define PAYLOAD_SIZE 100u

static struct frame frame;
static uint8_t segment[FRAME_MAX]; /* TCP header and payload, checksum right */
static uint32_t segment_size;

struct piece {
    uint32_t offset, size;
    bool more;
};

static void make_segment(int version, uint32_t payload_size)
{
    static uint8_t payload[FRAME_MAX];
    for (uint32_t i = 0; i < payload_size; i++)
        payload[i] = (uint8_t)(i * 7 + i / 251);
    frame_payload(&frame, payload, payload_size);
    frame_tcp(&frame, &request_tcp);
    if (version == 4)
        frame_tcp_sum(&frame, client4, server4, 4);
    else
        frame_tcp_sum(&frame, client6, server6, 16);
    segment_size = frame_size(&frame);
    memcpy(segment, frame_at(&frame), segment_size);
}

static void make_piece(int version, const struct piece *piece, const uint8_t *bytes, uint32_t id)
{
    frame_payload(&frame, bytes, piece->size);
    if (version == 4) {
        struct ip4_fields ip = {.protocol = 6, .id = (uint16_t)id, .no_tcp_sum = true};
        ip.fragment = (uint16_t)((piece->more ? 0x2000 : 0) | piece->offset / 8);
        memcpy(ip.source, client4, 4);
        memcpy(ip.destination, server4, 4);
        frame_ip4(&frame, &ip);
        frame_ethernet(&frame, 0x0800);
        return;
    }
    frame_front_u32(&frame, id);
    frame_front_u16(&frame, piece->offset | (piece->more ? 1 : 0));
    frame_front_u16(&frame, 6u << 8);
    frame_ip6(&frame, client6, server6, 44);
    frame_ethernet(&frame, 0x86dd);
}

static struct net_packet *offer(struct bench *bench, int version, struct piece piece, uint32_t id)
{
    make_piece(version, &piece, segment + piece.offset, id);
    return bench_decode(bench, &frame);
}

static void assert_whole(const struct net_packet *packet, uint32_t packets, uint32_t bytes)
{
    assert_non_null(packet);
    assert_int_equal(packet->packets, packets);
    assert_int_equal(packet->bytes, bytes);
    assert_int_equal(packet->flags & NET_REASSEMBLED, NET_REASSEMBLED);
    assert_int_equal(packet->endpoints.source_port, 40000);
    assert_int_equal(packet->payload.size, segment_size - 20);
    assert_memory_equal(packet->payload.data, segment + 20, segment_size - 20);
    assert_int_equal(packet->checksum, NET_CHECKSUM_GOOD);
}

static void fragments_in_every_order_make_the_segment(void **state)
{
    (void)state;
    static const uint8_t orders[24][4] = {
        {0, 1, 2, 3}, {0, 1, 3, 2}, {0, 2, 1, 3}, {0, 2, 3, 1}, {0, 3, 1, 2}, {0, 3, 2, 1}, {1, 0, 2, 3}, {1, 0, 3, 2},
        {1, 2, 0, 3}, {1, 2, 3, 0}, {1, 3, 0, 2}, {1, 3, 2, 0}, {2, 0, 1, 3}, {2, 0, 3, 1}, {2, 1, 0, 3}, {2, 1, 3, 0},
        {2, 3, 0, 1}, {2, 3, 1, 0}, {3, 0, 1, 2}, {3, 0, 2, 1}, {3, 1, 0, 2}, {3, 1, 2, 0}, {3, 2, 0, 1}, {3, 2, 1, 0}};
    static const struct piece pieces[4] = {{0, 8, true}, {8, 40, true}, {48, 56, true}, {104, 16, false}};
    struct bench bench;
    bench_init(&bench, NULL);
    for (int version = 4; version <= 6; version += 2) {
        make_segment(version, PAYLOAD_SIZE);
        uint32_t headers = 4 * (14 + (version == 4 ? 20 : 48));
        for (uint32_t order = 0; order < 24; order++) {
            for (uint32_t i = 0; i < 3; i++) {
                assert_null(offer(&bench, version, pieces[orders[order][i]], order));
                assert_int_equal(bench.ledger.pending.packets, i + 1);
            }
            struct net_packet *packet = offer(&bench, version, pieces[orders[order][3]], order);
            assert_whole(packet, 4, headers + segment_size);
            assert_int_equal(packet->flags, NET_REASSEMBLED);
            assert_int_equal(bench.ledger.pending.packets, 0);
        }
    }
    assert_int_equal(net_decoder_counter(bench.decoder, NET_COUNTER_REASSEMBLED), 48);
    bench_deinit(&bench);
}

static void repeated_fragments_are_no_conflict(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, NULL);
    for (int version = 4; version <= 6; version += 2) {
        make_segment(version, PAYLOAD_SIZE);
        assert_null(offer(&bench, version, (struct piece){64, 56, false}, 1));
        assert_null(offer(&bench, version, (struct piece){64, 56, false}, 1));
        struct net_packet *packet = offer(&bench, version, (struct piece){0, 64, true}, 1);
        assert_whole(packet, 3, 3 * (14 + (version == 4 ? 20 : 48)) + 64 + 56 + 56);
        assert_int_equal(packet->flags, NET_REASSEMBLED);
    }
    bench_deinit(&bench);
}

static void contradictions_are_marked_whichever_comes_first(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, NULL);
    uint8_t lie[64];
    for (int version = 4; version <= 6; version += 2) {
        for (int lie_first = 0; lie_first < 2; lie_first++) {
            make_segment(version, PAYLOAD_SIZE);
            memcpy(lie, segment + 40, 24);
            lie[5] ^= 1;
            struct piece lying = {40, 24, true}, honest = {0, 64, true};
            make_piece(version, lie_first ? &lying : &honest, lie_first ? lie : segment, 9);
            assert_null(bench_decode(&bench, &frame));
            make_piece(version, lie_first ? &honest : &lying, lie_first ? segment : lie, 9);
            assert_null(bench_decode(&bench, &frame));
            struct net_packet *packet = offer(&bench, version, (struct piece){64, 56, false}, 9);
            assert_non_null(packet);
            assert_int_equal(packet->flags & NET_AMBIGUOUS, NET_AMBIGUOUS);
            assert_int_equal(packet->packets, 3);
            /* What came first is what is read. */
            assert_int_equal(packet->payload.data[25] == segment[45], !lie_first);
        }
    }
    assert_int_equal(net_decoder_counter(bench.decoder, NET_COUNTER_FRAGMENT_CONFLICTS), 4);
    bench_deinit(&bench);
}

/* RFC 5722: partly overlapping IPv6 fragments are dropped by some receivers even when they agree. */
static void agreeing_overlaps_are_ambiguous_in_ip6_only(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, NULL);
    for (int version = 4; version <= 6; version += 2) {
        make_segment(version, PAYLOAD_SIZE);
        assert_null(offer(&bench, version, (struct piece){0, 64, true}, 3));
        struct net_packet *packet = offer(&bench, version, (struct piece){56, 64, false}, 3);
        assert_whole(packet, 2, 2 * (14 + (version == 4 ? 20 : 48)) + 128);
        assert_int_equal(packet->flags & NET_AMBIGUOUS, version == 6 ? NET_AMBIGUOUS : 0);
    }
    bench_deinit(&bench);
}

/* The second fragment ends within the first (the "teardrop"), and claims to be the last. */
static void ends_inside_what_is_there_are_ambiguous(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, NULL);
    make_segment(4, PAYLOAD_SIZE);
    assert_null(offer(&bench, 4, (struct piece){0, 64, true}, 3));
    struct net_packet *packet = offer(&bench, 4, (struct piece){40, 12, false}, 3);
    assert_non_null(packet);
    assert_int_equal(packet->flags & NET_AMBIGUOUS, NET_AMBIGUOUS);
    assert_int_equal(packet->payload.size, 32);
    /* Two last fragments that disagree about the end. */
    assert_null(offer(&bench, 4, (struct piece){64, 56, false}, 4));
    assert_null(offer(&bench, 4, (struct piece){64, 48, false}, 4));
    packet = offer(&bench, 4, (struct piece){0, 64, true}, 4);
    assert_non_null(packet);
    assert_int_equal(packet->flags & NET_AMBIGUOUS, NET_AMBIGUOUS);
    /* Bytes behind the end do not make the datagram whole. */
    assert_null(offer(&bench, 4, (struct piece){24, 8, false}, 5));
    assert_null(offer(&bench, 4, (struct piece){64, 48, true}, 5));
    packet = offer(&bench, 4, (struct piece){0, 24, true}, 5);
    assert_non_null(packet);
    assert_int_equal(packet->payload.size, 12);
    assert_int_equal(packet->flags & NET_AMBIGUOUS, NET_AMBIGUOUS);
    bench_deinit(&bench);
}

static void impossible_fragments_are_malformed(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, NULL);
    for (int version = 4; version <= 6; version += 2) {
        uint64_t before = bench.ledger.settled[LEDGER_MALFORMED].packets;
        make_segment(version, PAYLOAD_SIZE);
        struct piece past_the_end = {65528, 16, false}; /* the "ping of death" */
        make_piece(version, &past_the_end, segment, 1);
        assert_null(bench_decode(&bench, &frame));
        assert_null(offer(&bench, version, (struct piece){0, 60, true}, 2)); /* not a multiple of eight */
        assert_null(offer(&bench, version, (struct piece){8, 0, true}, 3));
        assert_null(offer(&bench, version, (struct piece){8, 0, false}, 3));
        assert_int_equal(bench.ledger.settled[LEDGER_MALFORMED].packets, before + 4);
    }
    assert_int_equal(bench.ledger.pending.packets, 0);
    bench_deinit(&bench);
}

static void the_largest_datagram_fits(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, NULL);
    for (int version = 4; version <= 6; version += 2) {
        uint32_t total = version == 4 ? 65515 : 65535;
        make_segment(version, total - 20);
        struct net_packet *packet = NULL;
        uint32_t count = 0, bytes = 0;
        for (uint32_t at = 0; at < total; at += 1480, count++) {
            uint32_t size = total - at < 1480 ? total - at : 1480;
            assert_null(packet);
            packet = offer(&bench, version, (struct piece){at, size, at + size < total}, 1);
            bytes += frame_size(&frame);
        }
        assert_whole(packet, count, bytes);
    }
    bench_deinit(&bench);
}

/* RFC 6946: a whole packet with a fragment header has nothing to do with fragments of the same identification. */
static void atomic_fragments_pass_at_once(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, NULL);
    make_segment(6, PAYLOAD_SIZE);
    assert_null(offer(&bench, 6, (struct piece){64, 56, false}, 1));
    struct net_packet *packet = offer(&bench, 6, (struct piece){0, segment_size, false}, 1);
    assert_non_null(packet);
    assert_int_equal(packet->packets, 1);
    assert_int_equal(packet->flags, 0);
    assert_int_equal(packet->payload.size, PAYLOAD_SIZE);
    assert_int_equal(bench.ledger.pending.packets, 1);
    assert_whole(offer(&bench, 6, (struct piece){0, 64, true}, 1), 2, 2 * (14 + 48) + segment_size);
    bench_deinit(&bench);
}

static void fragments_are_told_apart_by_all_of_their_identity(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, NULL);
    make_segment(4, PAYLOAD_SIZE);
    assert_null(offer(&bench, 4, (struct piece){0, 64, true}, 1));
    assert_null(offer(&bench, 4, (struct piece){64, 56, false}, 2)); /* other identification */
    struct piece rest = {64, 56, false};
    for (uint32_t byte = 23; byte <= 33; byte += 1) { /* protocol, then both addresses */
        if (byte == 24 || byte == 25)
            continue; /* header checksum */
        make_piece(4, &rest, segment + 64, 1);
        frame_at(&frame)[byte] ^= 0x40;
        assert_null(bench_decode(&bench, &frame));
    }
    assert_int_equal(bench.ledger.pending.packets, 11);
    assert_whole(offer(&bench, 4, rest, 1), 2, 2 * 34 + segment_size);
    bench_deinit(&bench);
    assert_int_equal(bench.ledger.settled[LEDGER_FRAGMENT].packets, 10);
}

static void cut_fragments_are_truncated(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, NULL);
    make_segment(4, PAYLOAD_SIZE);
    struct piece piece = {0, 64, true};
    make_piece(4, &piece, segment, 1);
    assert_null(bench_decode_cut(&bench, frame_at(&frame), 60, frame_size(&frame), PACKET_LINK_ETHERNET));
    assert_int_equal(bench.ledger.settled[LEDGER_TRUNCATED].packets, 1);
    bench_deinit(&bench);
}

static void datagrams_expire_in_packet_time(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, NULL);
    make_segment(4, PAYLOAD_SIZE);
    assert_null(offer(&bench, 4, (struct piece){0, 64, true}, 1));
    bench.now_ns += UINT64_C(30000000000); /* just in time */
    assert_whole(offer(&bench, 4, (struct piece){64, 56, false}, 1), 2, 2 * 34 + segment_size);
    assert_null(offer(&bench, 4, (struct piece){0, 64, true}, 2));
    bench.now_ns += UINT64_C(30000000001);
    assert_null(offer(&bench, 4, (struct piece){64, 56, false}, 2));
    assert_int_equal(bench.ledger.settled[LEDGER_FRAGMENT].packets, 1);
    assert_int_equal(bench.ledger.pending.packets, 1);
    net_decoder_expire(bench.decoder, &bench.ledger, bench.now_ns + UINT64_C(30000000000));
    assert_int_equal(bench.ledger.pending.packets, 1);
    net_decoder_expire(bench.decoder, &bench.ledger, bench.now_ns + UINT64_C(30000000001));
    assert_int_equal(bench.ledger.pending.packets, 0);
    assert_int_equal(net_decoder_counter(bench.decoder, NET_COUNTER_FRAGMENT_EXPIRED), 2);
    bench_deinit(&bench);
}

static void the_oldest_datagram_makes_room(void **state)
{
    (void)state;
    struct net_settings settings;
    net_settings_default(&settings);
    settings.fragment_datagrams = 4;
    struct bench bench;
    bench_init(&bench, &settings);
    make_segment(4, PAYLOAD_SIZE);
    for (uint32_t id = 1; id <= 5; id++)
        assert_null(offer(&bench, 4, (struct piece){0, 64, true}, id));
    assert_int_equal(bench.ledger.settled[LEDGER_FRAGMENT].packets, 1);
    assert_int_equal(bench.ledger.pending.packets, 4);
    for (uint32_t id = 2; id <= 5; id++)
        assert_whole(offer(&bench, 4, (struct piece){64, 56, false}, id), 2, 2 * 34 + segment_size);
    assert_null(offer(&bench, 4, (struct piece){64, 56, false}, 1));
    bench_deinit(&bench);
    /* The same by bytes: 64 KiB hold 7 of these and a bit. */
    settings.fragment_datagrams = 100;
    settings.fragment_bytes = 65536;
    bench_init(&bench, &settings);
    make_segment(4, 9000);
    for (uint32_t id = 1; id <= 8; id++)
        assert_null(offer(&bench, 4, (struct piece){0, 8000, true}, id));
    for (uint32_t id = 9; id <= 10; id++)
        assert_null(offer(&bench, 4, (struct piece){0, 8000, true}, id));
    assert_int_equal(bench.ledger.pending.packets, 8);
    assert_int_equal(bench.ledger.settled[LEDGER_FRAGMENT].packets, 2);
    assert_int_equal(net_decoder_counter(bench.decoder, NET_COUNTER_FRAGMENT_EVICTED), 2);
    bench_deinit(&bench);
}

/* All 64 frames of a burst may complete a datagram, and all must stay readable until the next burst. */
static void whole_datagrams_live_as_long_as_their_burst(void **state)
{
    (void)state;
    static struct frame copies[PACKET_BURST_MAX];
    struct packet burst[PACKET_BURST_MAX];
    struct bench bench;
    bench_init(&bench, NULL);
    make_segment(4, PAYLOAD_SIZE);
    for (int last = 0; last < 2; last++) {
        for (uint32_t i = 0; i < PACKET_BURST_MAX; i++) {
            struct piece piece = last ? (struct piece){64, 56, false} : (struct piece){0, 64, true};
            uint8_t bytes[64];
            memcpy(bytes, segment + piece.offset, piece.size);
            if (last)
                bytes[8] = (uint8_t)i;
            make_piece(4, &piece, bytes, i);
            copies[i] = frame;
            burst[i] = (struct packet){.data = frame_at(&copies[i]),
                                       .size = frame_size(&copies[i]),
                                       .wire_size = frame_size(&copies[i]),
                                       .time_ns = bench.now_ns};
        }
        uint32_t count = net_decode_burst(bench.decoder, &bench.ledger, burst, PACKET_BURST_MAX, bench.out);
        assert_int_equal(count, last ? PACKET_BURST_MAX : 0);
    }
    for (uint32_t i = 0; i < PACKET_BURST_MAX; i++) {
        assert_int_equal(bench.out[i].payload.data[64 + 8 - 20], i);
        ledger_settle(&bench.ledger, LEDGER_AUDITED, bench.out[i].packets, bench.out[i].bytes);
    }
    for (uint32_t round = 0; round < 1000; round++) { /* slots come back */
        assert_null(offer(&bench, 4, (struct piece){0, 64, true}, round));
        assert_non_null(offer(&bench, 4, (struct piece){64, 56, false}, round));
    }
    bench_deinit(&bench);
}

/* A tunnel's packet in two fragments, each carrying nothing but half of an inner fragment's frame. */
static void fragments_within_fragments_add_their_weight(void **state)
{
    (void)state;
    static struct frame inner;
    struct bench bench;
    bench_init(&bench, NULL);
    make_segment(4, PAYLOAD_SIZE);
    uint32_t bytes = 0;
    struct net_packet *packet = NULL;
    for (uint32_t i = 0; i < 2; i++) {
        struct piece piece = i ? (struct piece){64, 56, false} : (struct piece){0, 64, true};
        make_piece(4, &piece, segment + piece.offset, 1);
        frame_front_u32(&frame, 42u << 8);
        frame_front_u32(&frame, 0x08000000);
        frame_udp(&frame, 1, 4789);
        inner = frame;
        for (uint32_t half = 0; half < 2; half++) {
            struct ip4_fields ip = {.source = {10, 0, 0, 1}, .destination = {10, 0, 0, 2}, .protocol = 17};
            ip.id = (uint16_t)(100 + i);
            ip.fragment = half ? 6 : 0x2000;
            assert_null(packet);
            frame_payload(&frame, frame_at(&inner) + half * 48, half ? frame_size(&inner) - 48 : 48);
            frame_ip4(&frame, &ip);
            frame_ethernet(&frame, 0x0800);
            packet = bench_decode(&bench, &frame);
            bytes += frame_size(&frame);
        }
    }
    assert_whole(packet, 4, bytes);
    assert_int_equal(packet->endpoints.tunnel_count, 1);
    assert_int_equal(packet->endpoints.tunnels[0].id, 42);
    bench_deinit(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fragments_in_every_order_make_the_segment),
        cmocka_unit_test(repeated_fragments_are_no_conflict),
        cmocka_unit_test(contradictions_are_marked_whichever_comes_first),
        cmocka_unit_test(agreeing_overlaps_are_ambiguous_in_ip6_only),
        cmocka_unit_test(ends_inside_what_is_there_are_ambiguous),
        cmocka_unit_test(impossible_fragments_are_malformed),
        cmocka_unit_test(the_largest_datagram_fits),
        cmocka_unit_test(atomic_fragments_pass_at_once),
        cmocka_unit_test(fragments_are_told_apart_by_all_of_their_identity),
        cmocka_unit_test(cut_fragments_are_truncated),
        cmocka_unit_test(datagrams_expire_in_packet_time),
        cmocka_unit_test(the_oldest_datagram_makes_room),
        cmocka_unit_test(whole_datagrams_live_as_long_as_their_burst),
        cmocka_unit_test(fragments_within_fragments_add_their_weight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
