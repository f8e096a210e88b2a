/* SPDX-License-Identifier: Apache-2.0 */

/* net: link layers, IP, TCP, cuts, checksums and the hash. Tunnels and fragments have files of their own. */

#include "unit/net_frames.h"

static struct frame frame; /* too large for a comfortable stack */

static void plain_packets_are_read(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, NULL);
    frame_request4(&frame);
    frame_ethernet(&frame, 0x0800);
    struct net_packet *packet = bench_decode(&bench, &frame);
    assert_request(packet, 4);
    assert_int_equal(packet->checksum, NET_CHECKSUM_GOOD);
    assert_int_equal(packet->flags, 0);
    assert_int_equal(packet->packets, 1);
    assert_int_equal(packet->bytes, 14 + 20 + 20 + REQUEST_SIZE);
    assert_int_equal(packet->time_ns, bench.now_ns);
    assert_int_equal(packet->domain, 0);
    assert_int_equal(packet->endpoints.tunnel_count, 0);
    assert_int_equal(packet->tcp_header_size, 20);
    frame_request6(&frame);
    frame_ethernet(&frame, 0x86dd);
    packet = bench_decode(&bench, &frame);
    assert_request(packet, 6);
    assert_int_equal(packet->checksum, NET_CHECKSUM_GOOD);
    bench_deinit(&bench);
}

static void tcp_options_are_read(void **state)
{
    (void)state;
    static const uint8_t syn[20] = {2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 0x12, 0x34, 0, 0, 0, 0, 1, 3, 3, 7};
    static const uint8_t data[12] = {1, 1, 8, 10, 0xaa, 0xbb, 0xcc, 0xdd, 0x11, 0x22, 0x33, 0x44};
    static const uint8_t signature[20] = {19, 18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0, 0};
    static const uint8_t broken[8] = {1, 3, 3, 2, 2, 40, 1, 1};
    static const uint8_t zero[4] = {1, 99, 0, 0};
    struct {
        const uint8_t *bytes;
        uint32_t size;
        uint8_t options;
    } cases[] = {
        {syn, sizeof(syn),
         NET_OPTION_MSS | NET_OPTION_SACK_PERMITTED | NET_OPTION_TIMESTAMPS | NET_OPTION_WINDOW_SCALE},
        {data, sizeof(data), NET_OPTION_TIMESTAMPS},
        {signature, sizeof(signature), NET_OPTION_SIGNATURE},
        {broken, sizeof(broken), NET_OPTION_WINDOW_SCALE | NET_OPTION_MALFORMED},
        {zero, sizeof(zero), NET_OPTION_MALFORMED},
    };
    struct bench bench;
    bench_init(&bench, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct tcp_fields tcp = request_tcp;
        tcp.options = cases[i].bytes;
        tcp.options_size = cases[i].size;
        tcp.urgent = 9;
        struct ip4_fields ip = {.protocol = 6};
        frame_payload(&frame, "abc", 3);
        frame_tcp(&frame, &tcp);
        frame_ip4(&frame, &ip);
        frame_ethernet(&frame, 0x0800);
        struct net_packet *packet = bench_decode(&bench, &frame);
        assert_non_null(packet);
        assert_int_equal(packet->options, cases[i].options);
        assert_int_equal(packet->tcp_header_size, 20 + cases[i].size);
        assert_int_equal(packet->payload.size, 3);
        assert_int_equal(packet->urgent_pointer, 9);
        assert_int_equal(packet->checksum, NET_CHECKSUM_GOOD);
        if (i == 0) {
            assert_int_equal(packet->mss, 1460);
            assert_int_equal(packet->window_scale, 7);
            assert_int_equal(packet->timestamp_value, 0x1234);
        }
        if (i == 1) {
            assert_int_equal(packet->timestamp_value, 0xaabbccdd);
            assert_int_equal(packet->timestamp_echo, 0x11223344);
        }
    }
    bench_deinit(&bench);
}

static void ethernet_padding_is_no_payload(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, NULL);
    struct ip4_fields ip = {.protocol = 6};
    frame_payload(&frame, "", 0);
    frame_tcp(&frame, &request_tcp);
    frame_ip4(&frame, &ip);
    frame_ethernet(&frame, 0x0800);
    frame_append(&frame, "\x55\x55\x55\x55\x55\x55", 6);
    struct net_packet *packet = bench_decode(&bench, &frame);
    assert_non_null(packet);
    assert_int_equal(packet->payload.size, 0);
    assert_int_equal(packet->checksum, NET_CHECKSUM_GOOD);
    /* A cut that only took padding is no cut of the packet. */
    packet =
        bench_decode_cut(&bench, frame_at(&frame), frame_size(&frame) - 6, frame_size(&frame), PACKET_LINK_ETHERNET);
    assert_non_null(packet);
    assert_int_equal(packet->payload_missing, 0);
    assert_int_equal(packet->checksum, NET_CHECKSUM_GOOD);
    assert_int_equal(bench.ledger.missing[LEDGER_MISSING_SNAPPED_BYTES], 6);
    bench_deinit(&bench);
}

static void cut_packets_say_how_much_is_missing(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, NULL);
    frame_request4(&frame);
    frame_ethernet(&frame, 0x0800);
    uint32_t wire = frame_size(&frame);
    for (uint32_t size = 0; size < wire; size++) {
        uint64_t truncated = bench.ledger.settled[LEDGER_TRUNCATED].packets;
        struct net_packet *packet = bench_decode_cut(&bench, frame_at(&frame), size, wire, PACKET_LINK_ETHERNET);
        if (size < 54) {
            assert_null(packet);
            assert_int_equal(bench.ledger.settled[LEDGER_TRUNCATED].packets, truncated + 1);
            continue;
        }
        assert_non_null(packet);
        assert_int_equal(packet->payload.size, size - 54);
        assert_int_equal(packet->payload_missing, wire - size);
        assert_int_equal(packet->checksum, NET_CHECKSUM_UNCHECKED);
    }
    assert_int_equal(net_decoder_counter(bench.decoder, NET_COUNTER_PAYLOAD_CUT), REQUEST_SIZE);
    bench_deinit(&bench);
}

static void tagged_and_labelled_frames_keep_their_ids(void **state)
{
    (void)state;
    static const uint16_t types[] = {0x8100, 0x88a8, 0x9100};
    struct bench bench;
    bench_init(&bench, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        frame_request4(&frame);
        frame_ethernet(&frame, 0x0800);
        frame_tag(&frame, 0x8100, 0xe000 | 30); /* priority 7 */
        frame_tag(&frame, types[i], 1525);
        struct net_packet *packet = bench_decode(&bench, &frame);
        assert_request(packet, 4);
        assert_int_equal(packet->endpoints.tunnel_count, 2);
        assert_int_equal(packet->endpoints.tunnels[0].kind, TUNNEL_VLAN);
        assert_int_equal(packet->endpoints.tunnels[0].id, 1525);
        assert_int_equal(packet->endpoints.tunnels[1].id, 30);
    }
    /* 802.3 with SNAP (RFC 1042), bare and behind a tag; the length ends before the padding. */
    for (int tagged = 0; tagged < 2; tagged++) {
        frame_request4(&frame);
        frame_front(&frame, "\xaa\xaa\x03\x00\x00\x00\x08\x00", 8);
        frame_ethernet(&frame, (uint16_t)frame_size(&frame));
        if (tagged)
            frame_tag(&frame, 0x8100, 5);
        frame_append(&frame, "\0\0\0\0", 4);
        assert_request(bench_decode(&bench, &frame), 4);
    }
    frame_request4(&frame);
    frame_front(&frame, "\x06\x06\x03", 3); /* IP straight on LLC */
    frame_ethernet(&frame, (uint16_t)frame_size(&frame));
    assert_request(bench_decode(&bench, &frame), 4);
    bench_deinit(&bench);
}

static void what_is_not_tcp_over_ip_is_named(void **state)
{
    (void)state;
    static const uint16_t other_types[] = {0x0806, 0x88cc, 0x8863, 0x88e5, 0x05f0};
    static const uint8_t other_protocols[] = {1, 2, 50, 58, 59, 89, 132, 255};
    struct bench bench;
    bench_init(&bench, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(other_types); i++) {
        frame_request4(&frame);
        frame_ethernet(&frame, other_types[i]);
        bench_refuse(&bench, &frame, LEDGER_NOT_IP);
    }
    frame_payload(&frame, "\x42\x42\x03\0\0\0\0\0", 8); /* spanning tree */
    frame_ethernet(&frame, 8);
    bench_refuse(&bench, &frame, LEDGER_NOT_IP);
    for (size_t i = 0; i < ARRAY_COUNT(other_protocols); i++) {
        frame_payload(&frame, REQUEST, REQUEST_SIZE);
        frame_outer4(&frame, other_protocols[i]);
        frame_ethernet(&frame, 0x0800);
        bench_refuse(&bench, &frame, LEDGER_NOT_TCP);
        frame_payload(&frame, REQUEST, REQUEST_SIZE);
        frame_ip6(&frame, client6, server6, other_protocols[i]);
        frame_ethernet(&frame, 0x86dd);
        bench_refuse(&bench, &frame, LEDGER_NOT_TCP);
    }
    bench_deinit(&bench);
}

/* Offsets are into an Ethernet frame with IPv4 and TCP without options. */
static void broken_headers_are_malformed(void **state)
{
    (void)state;
    static const struct {
        uint32_t offset;
        uint8_t value;
    } changes[] = {
        {14, 0x44}, /* header of 16 bytes */
        {14, 0x55}, /* version 5 */
        {14, 0x65}, /* version 6 under the type of IPv4 */
        {17, 19},   /* total length below the header's, the high byte being 0 */
        {17, 39},   /* total length ends inside the TCP header */
        {46, 0x40}, /* TCP header of 16 bytes */
    };
    struct bench bench;
    bench_init(&bench, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(changes); i++) {
        frame_request4(&frame);
        frame_ethernet(&frame, 0x0800);
        frame_at(&frame)[changes[i].offset] = changes[i].value;
        bench_refuse(&bench, &frame, LEDGER_MALFORMED);
    }
    frame_payload(&frame, "", 0);
    frame_tcp(&frame, &request_tcp);
    frame_at(&frame)[12] = 0x60; /* one word of options that is not there */
    frame_outer4(&frame, 6);
    frame_ethernet(&frame, 0x0800);
    bench_refuse(&bench, &frame, LEDGER_MALFORMED);
    frame_payload(&frame, "0123456789", 10);
    bench_refuse(&bench, &frame, LEDGER_MALFORMED); /* no Ethernet header */
    bench_deinit(&bench);
}

static void ip6_extension_headers_are_passed(void **state)
{
    (void)state;
    static const uint8_t padding[6] = {1, 4, 0, 0, 0, 0};
    static const uint8_t kinds[] = {0, 60, 43, 135, 139, 140};
    struct bench bench;
    bench_init(&bench, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        frame_request6(&frame);
        frame.start += 40;
        frame_front(&frame, padding, 6);
        frame_front_u16(&frame, 6u << 8); /* destination options of 8 bytes, then TCP */
        uint8_t longer[24] = {60, 2};     /* the header in question, of 24 bytes */
        frame_front(&frame, longer, sizeof(longer));
        frame_ip6(&frame, client6, server6, kinds[i]);
        frame_ethernet(&frame, 0x86dd);
        struct net_packet *packet = bench_decode(&bench, &frame);
        assert_request(packet, 6);
        assert_int_equal(packet->checksum, NET_CHECKSUM_GOOD);
    }
    bench_deinit(&bench);
}

static void authentication_headers_are_passed(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, NULL);
    for (int version = 4; version <= 6; version += 2) {
        if (version == 4)
            frame_request4(&frame);
        else
            frame_request6(&frame);
        frame.start += version == 4 ? 20 : 40;
        /* RFC 4302: next, length in words minus 2, reserved, SPI, sequence, 12 bytes of digest */
        frame_front(&frame, "\x06\x04\0\0\0\0\0\x01\0\0\0\x01\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c", 24);
        struct ip4_fields ip = {.protocol = 51};
        memcpy(ip.source, client4, 4);
        memcpy(ip.destination, server4, 4);
        if (version == 4)
            frame_ip4(&frame, &ip);
        else
            frame_ip6(&frame, client6, server6, 51);
        frame_ethernet(&frame, version == 4 ? 0x0800 : 0x86dd);
        struct net_packet *packet = bench_decode(&bench, &frame);
        assert_request(packet, version);
        assert_int_equal(packet->checksum, NET_CHECKSUM_GOOD);
    }
    bench_deinit(&bench);
}

static void extension_headers_have_a_bound(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, NULL);
    for (uint32_t count = 15; count <= 18; count++) {
        frame_request6(&frame);
        frame.start += 40;
        for (uint32_t i = 0; i < count; i++) {
            frame_front(&frame, "\0\0\0\0\0\0", 6);
            frame_front_u16(&frame, i == 0 ? 6u << 8 : 60u << 8);
        }
        frame_ip6(&frame, client6, server6, 60);
        frame_ethernet(&frame, 0x86dd);
        if (count <= 16)
            assert_request(bench_decode(&bench, &frame), 6);
        else
            bench_refuse(&bench, &frame, LEDGER_MALFORMED);
    }
    bench_deinit(&bench);
}

static void a_source_route_leaves_the_checksum_open(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, NULL);
    frame_request6(&frame);
    frame.start += 40;
    frame_front(&frame, client6, 16);
    frame_front(&frame, "\x06\x02\x02\x01\0\0\0\0", 8); /* one segment left */
    frame_ip6(&frame, client6, server6, 43);
    frame_at(&frame)[39] ^= 1; /* not the address that the sum is over */
    frame_ethernet(&frame, 0x86dd);
    struct net_packet *packet = bench_decode(&bench, &frame);
    assert_non_null(packet);
    assert_int_equal(packet->checksum, NET_CHECKSUM_UNCHECKED);
    bench_deinit(&bench);
}

static void ip4_options_are_passed(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, NULL);
    struct ip4_fields ip = {.protocol = 6, .options = (const uint8_t *)"\x94\x04\0\0\x01\x01\x01\0", .options_size = 8};
    memcpy(ip.source, client4, 4);
    memcpy(ip.destination, server4, 4);
    frame_payload(&frame, REQUEST, REQUEST_SIZE);
    frame_tcp(&frame, &request_tcp);
    frame_ip4(&frame, &ip);
    frame_ethernet(&frame, 0x0800);
    struct net_packet *packet = bench_decode(&bench, &frame);
    assert_request(packet, 4);
    assert_int_equal(packet->flags, 0);
    bench_deinit(&bench);
}

static void offloaded_segments_take_the_size_of_the_frame(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, NULL);
    frame_request4(&frame);
    frame_at(&frame)[2] = frame_at(&frame)[3] = 0;
    frame_ethernet(&frame, 0x0800);
    struct net_packet *packet = bench_decode(&bench, &frame);
    assert_request(packet, 4);
    assert_int_equal(packet->flags & NET_SIZE_ASSUMED, NET_SIZE_ASSUMED);
    assert_int_equal(packet->checksum, NET_CHECKSUM_UNCHECKED);
    packet = bench_decode_cut(&bench, frame_at(&frame), 60, frame_size(&frame), PACKET_LINK_ETHERNET);
    assert_non_null(packet);
    assert_int_equal(packet->payload.size, 6);
    assert_int_equal(packet->payload_missing, REQUEST_SIZE - 6);
    frame_request6(&frame);
    frame_at(&frame)[4] = frame_at(&frame)[5] = 0;
    frame_ethernet(&frame, 0x86dd);
    packet = bench_decode(&bench, &frame);
    assert_request(packet, 6);
    assert_int_equal(packet->flags & NET_SIZE_ASSUMED, NET_SIZE_ASSUMED);
    bench_deinit(&bench);
}

static void checksums_are_judged_as_the_settings_say(void **state)
{
    (void)state;
    for (enum net_checksum_mode mode = NET_CHECKSUM_OFF; mode <= NET_CHECKSUM_DROP; mode++) {
        struct net_settings settings;
        struct bench bench;
        net_settings_default(&settings);
        settings.checksum = mode;
        bench_init(&bench, &settings);
        frame_request4(&frame);
        frame_ethernet(&frame, 0x0800);
        frame_at(&frame)[54] ^= 0x20; /* first byte of the payload */
        if (mode == NET_CHECKSUM_DROP) {
            bench_refuse(&bench, &frame, LEDGER_CHECKSUM);
        } else {
            struct net_packet *packet = bench_decode(&bench, &frame);
            assert_non_null(packet);
            assert_int_equal(packet->checksum, mode == NET_CHECKSUM_OFF ? NET_CHECKSUM_UNCHECKED : NET_CHECKSUM_BAD);
        }
        assert_int_equal(net_decoder_counter(bench.decoder, NET_COUNTER_TCP_CHECKSUM_BAD), mode != NET_CHECKSUM_OFF);
        frame_request4(&frame);
        frame_at(&frame)[8]--; /* a router that forgot the sum of the header */
        frame_ethernet(&frame, 0x0800);
        struct net_packet *packet = bench_decode(&bench, &frame);
        assert_request(packet, 4);
        assert_int_equal(packet->flags & NET_IP_CHECKSUM_BAD, mode == NET_CHECKSUM_OFF ? 0 : NET_IP_CHECKSUM_BAD);
        bench_deinit(&bench);
    }
}

/* Every payload length takes another way through the sum; every single bit matters to it. */
static void checksum_sees_every_bit(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, NULL);
    uint8_t payload[150];
    for (uint32_t i = 0; i < sizeof(payload); i++)
        payload[i] = (uint8_t)(i * 37 + 255);
    for (uint32_t size = 0; size <= sizeof(payload); size++) {
        frame_payload(&frame, payload, size);
        frame_tcp(&frame, &request_tcp);
        frame_outer4(&frame, 6);
        frame_ethernet(&frame, 0x0800);
        struct net_packet *packet = bench_decode(&bench, &frame);
        assert_int_equal(packet->checksum, NET_CHECKSUM_GOOD);
        for (uint32_t i = 54; i < frame_size(&frame); i++) {
            frame_at(&frame)[i] ^= (uint8_t)(1 << i % 8);
            packet = bench_decode(&bench, &frame);
            assert_int_equal(packet->checksum, NET_CHECKSUM_BAD);
            frame_at(&frame)[i] ^= (uint8_t)(1 << i % 8);
        }
    }
    bench_deinit(&bench);
}

static void every_link_type_leads_to_the_same_packet(void **state)
{
    (void)state;
    struct {
        enum packet_link link;
        const char *header;
        uint32_t size;
        int version;
    } cases[] = {
        {PACKET_LINK_RAW_IP, "", 0, 4},
        {PACKET_LINK_RAW_IP, "", 0, 6},
        {PACKET_LINK_LINUX_COOKED, "\0\0\0\x01\0\x06\x02\0\0\0\0\x01\0\0\x08\0", 16, 4},
        {PACKET_LINK_LINUX_COOKED, "\0\x04\x03\x04\0\0\0\0\0\0\0\0\0\0\x86\xdd", 16, 6},
        {PACKET_LINK_LINUX_COOKED, "\0\0\0\x01\0\x06\x02\0\0\0\0\x01\0\0\x81\0\0\x1e\x08\0", 20, 4},
        {PACKET_LINK_LINUX_COOKED2, "\x08\0\0\0\0\0\0\x02\0\x01\0\x06\x02\0\0\0\0\x01\0\0", 20, 4},
        {PACKET_LINK_LINUX_COOKED2, "\x86\xdd\0\0\0\0\0\x02\0\x01\0\x06\x02\0\0\0\0\x01\0\0", 20, 6},
        {PACKET_LINK_NULL, "\x02\0\0\0", 4, 4},
        {PACKET_LINK_NULL, "\0\0\0\x02", 4, 4},
        {PACKET_LINK_NULL, "\x1e\0\0\0", 4, 6},
        {PACKET_LINK_NULL, "\0\0\0\x1c", 4, 6},
        {PACKET_LINK_LOOP, "\0\0\0\x02", 4, 4},
        {PACKET_LINK_LOOP, "\0\0\0\x18", 4, 6},
    };
    struct bench bench;
    bench_init(&bench, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        if (cases[i].version == 4)
            frame_request4(&frame);
        else
            frame_request6(&frame);
        frame_front(&frame, cases[i].header, cases[i].size);
        struct net_packet *packet =
            bench_decode_cut(&bench, frame_at(&frame), frame_size(&frame), frame_size(&frame), cases[i].link);
        assert_request(packet, cases[i].version);
    }
    uint64_t before = bench.ledger.settled[LEDGER_NOT_IP].packets;
    assert_null(bench_decode_cut(&bench, (const uint8_t *)"\0\0\0\x07xxxx", 8, 8, PACKET_LINK_LOOP));
    assert_null(bench_decode_cut(&bench, (const uint8_t *)"\0\0\0\0xxxx", 8, 8, PACKET_LINK_UNKNOWN));
    assert_int_equal(bench.ledger.settled[LEDGER_NOT_IP].packets, before + 2);
    bench_deinit(&bench);
}

static void bursts_keep_order_and_weight(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, NULL);
    struct packet burst[PACKET_BURST_MAX];
    frame_request4(&frame);
    frame_ethernet(&frame, 0x0800);
    static const uint8_t arp[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6};
    for (uint32_t i = 0; i < PACKET_BURST_MAX; i++) {
        bool other = i % 3 == 0;
        burst[i] = (struct packet){.data = other ? arp : frame_at(&frame),
                                   .size = other ? 60 : frame_size(&frame),
                                   .wire_size = other ? 64 : frame_size(&frame),
                                   .time_ns = 1000 + i};
    }
    uint32_t count = net_decode_burst(bench.decoder, &bench.ledger, burst, PACKET_BURST_MAX, bench.out);
    assert_int_equal(count, 42);
    for (uint32_t i = 0; i < count; i++) {
        assert_ptr_equal(bench.out[i].packet, &burst[i / 2 * 3 + 1 + i % 2]);
        assert_int_equal(bench.out[i].time_ns, bench.out[i].packet->time_ns);
    }
    assert_int_equal(bench.ledger.received.packets, PACKET_BURST_MAX);
    assert_int_equal(bench.ledger.settled[LEDGER_NOT_IP].packets, 22);
    assert_int_equal(bench.ledger.settled[LEDGER_NOT_IP].bytes, 22 * 60);
    assert_int_equal(bench.ledger.pending.bytes, 42 * frame_size(&frame));
    assert_int_equal(bench.ledger.missing[LEDGER_MISSING_SNAPPED_BYTES], 22 * 4);
    assert_int_equal(net_decode_burst(bench.decoder, &bench.ledger, burst, 0, bench.out), 0);
    ledger_settle(&bench.ledger, LEDGER_AUDITED, 42, 42 * frame_size(&frame));
    bench_deinit(&bench);
}

static void hash_is_the_same_in_both_directions_only(void **state)
{
    (void)state;
    struct hash_key key = {1, 2}, other_key = {1, 3};
    struct net_packet there = {.endpoints = {.source_port = 40000, .destination_port = 80, .ip_version = 4}};
    for (uint32_t round = 0; round < 64; round++) {
        for (uint32_t i = 0; i < 16; i++) {
            there.endpoints.source.bytes[i] = (uint8_t)(round * 31 + i * 7);
            there.endpoints.destination.bytes[i] = (uint8_t)(round * 17 + i * 13 + (round % 2));
        }
        if (round == 0) /* only the ports tell the ends apart */
            there.endpoints.destination = there.endpoints.source;
        struct net_packet back = there;
        back.endpoints.source = there.endpoints.destination;
        back.endpoints.destination = there.endpoints.source;
        back.endpoints.source_port = 80;
        back.endpoints.destination_port = 40000;
        uint64_t hash = net_hash(&key, &there);
        assert_true(hash == net_hash(&key, &back));
        assert_true(hash != net_hash(&other_key, &there));
        struct net_packet other = there;
        other.domain = 1;
        assert_true(hash != net_hash(&key, &other));
        other = there;
        other.endpoints.source_port++;
        assert_true(hash != net_hash(&key, &other));
        other = there;
        other.endpoints.source_port = 80; /* the ports exchanged, the addresses not */
        other.endpoints.destination_port = 40000;
        assert_true(round == 0 || hash != net_hash(&key, &other));
    }
}

static void domains_follow_the_chosen_kinds_only(void **state)
{
    (void)state;
    struct net_settings settings;
    net_settings_default(&settings);
    settings.domain_kinds = 1u << TUNNEL_VLAN;
    struct bench bench;
    bench_init(&bench, &settings);
    uint32_t domains[4];
    static const uint16_t ids[4][2] = {{10, 20}, {20, 10}, {10, 20}, {10, 21}};
    for (int i = 0; i < 4; i++) {
        frame_request4(&frame);
        frame_ethernet(&frame, 0x0800);
        frame_tag(&frame, 0x8100, ids[i][1]);
        frame_tag(&frame, 0x88a8, ids[i][0]);
        domains[i] = bench_decode(&bench, &frame)->domain;
    }
    assert_int_not_equal(domains[0], 0);
    assert_int_not_equal(domains[0], domains[1]);
    assert_int_equal(domains[0], domains[2]);
    assert_int_not_equal(domains[0], domains[3]);
    frame_request4(&frame);
    frame_outer4(&frame, 4);
    frame_ethernet(&frame, 0x0800);
    assert_int_equal(bench_decode(&bench, &frame)->domain, 0);
    bench_deinit(&bench);
}

static void settings_out_of_range_are_refused(void **state)
{
    (void)state;
    struct net_settings good, bad;
    net_settings_default(&good);
    struct arena *arena = arena_new(net_decoder_size(&good));
    struct net_decoder *decoder;
    bad = good;
    bad.vxlan_port_count = NET_VXLAN_PORTS_MAX + 1;
    assert_int_equal(net_decoder_new(&decoder, arena, &bad), -EINVAL);
    bad = good;
    bad.fragment_datagrams = 0;
    assert_int_equal(net_decoder_new(&decoder, arena, &bad), -EINVAL);
    bad = good;
    bad.fragment_bytes = 1000;
    assert_int_equal(net_decoder_new(&decoder, arena, &bad), -EINVAL);
    bad = good;
    bad.fragment_datagrams = 10 * good.fragment_datagrams;
    assert_int_equal(net_decoder_new(&decoder, arena, &bad), -ENOMEM);
    arena_free(arena);
    for (int i = 0; i < NET_COUNTER_COUNT; i++) {
        assert_true(strlen(net_counter_name((enum net_counter)i)) > 0);
        assert_true(strlen(net_counter_help((enum net_counter)i)) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_packets_are_read),
        cmocka_unit_test(tcp_options_are_read),
        cmocka_unit_test(ethernet_padding_is_no_payload),
        cmocka_unit_test(cut_packets_say_how_much_is_missing),
        cmocka_unit_test(tagged_and_labelled_frames_keep_their_ids),
        cmocka_unit_test(what_is_not_tcp_over_ip_is_named),
        cmocka_unit_test(broken_headers_are_malformed),
        cmocka_unit_test(ip6_extension_headers_are_passed),
        cmocka_unit_test(authentication_headers_are_passed),
        cmocka_unit_test(extension_headers_have_a_bound),
        cmocka_unit_test(a_source_route_leaves_the_checksum_open),
        cmocka_unit_test(ip4_options_are_passed),
        cmocka_unit_test(offloaded_segments_take_the_size_of_the_frame),
        cmocka_unit_test(checksums_are_judged_as_the_settings_say),
        cmocka_unit_test(checksum_sees_every_bit),
        cmocka_unit_test(every_link_type_leads_to_the_same_packet),
        cmocka_unit_test(bursts_keep_order_and_weight),
        cmocka_unit_test(hash_is_the_same_in_both_directions_only),
        cmocka_unit_test(domains_follow_the_chosen_kinds_only),
        cmocka_unit_test(settings_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
