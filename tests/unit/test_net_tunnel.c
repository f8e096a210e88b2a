/* SPDX-License-Identifier: Apache-2.0 */

/* net: whatever a packet is wrapped in, once, twice or to the limit, what is inside reads the same. */

#include "unit/net_frames.h"

static struct frame frame;

/* What a wrapper is given to wrap, and what it leaves. */
enum inside { INSIDE_IP4, INSIDE_IP6, INSIDE_ETHERNET };

struct wrapper {
    const char *name;
    void (*wrap)(enum inside inside); /* leaves an IPv4 packet, or an Ethernet frame */
    bool takes_ethernet, takes_ip;
    bool leaves_ethernet;
    uint8_t count; /* tunnels it adds ... */
    struct tunnel tunnels[3];
};

static uint16_t type_of(enum inside inside)
{
    return inside == INSIDE_IP4 ? 0x0800 : inside == INSIDE_IP6 ? 0x86dd : 0x6558;
}

static void wrap_vlan(enum inside inside)
{
    (void)inside;
    frame_tag(&frame, 0x8100, 0x2000 | 123);
}

static void wrap_qinq(enum inside inside)
{
    (void)inside;
    frame_tag(&frame, 0x8100, 200);
    frame_tag(&frame, 0x88a8, 4000);
}

static void mpls_labels(void)
{
    frame_front_u32(&frame, 17u << 12 | 0x140); /* bottom of stack, TTL 64 */
    frame_front_u32(&frame, 1000000u << 12 | 64);
}

static void wrap_mpls(enum inside inside)
{
    (void)inside;
    mpls_labels();
    frame_ethernet(&frame, 0x8847);
}

static void wrap_pseudo_wire(enum inside inside)
{
    (void)inside;
    frame_front_u32(&frame, 0); /* control word */
    mpls_labels();
    frame_ethernet(&frame, 0x8847);
}

static void wrap_pseudo_wire_bare(enum inside inside)
{
    (void)inside;
    mpls_labels();
    frame_ethernet(&frame, 0x8847);
}

static void wrap_mpls_in_ip(enum inside inside)
{
    (void)inside;
    mpls_labels();
    frame_outer4(&frame, 137);
}

static void wrap_pppoe(enum inside inside)
{
    frame_front_u16(&frame, inside == INSIDE_IP4 ? 0x0021 : 0x0057);
    uint32_t size = frame_size(&frame);
    frame_front_u16(&frame, size);
    frame_front_u16(&frame, 0x4321);
    frame_front_u16(&frame, 0x1100);
    frame_ethernet(&frame, 0x8864);
    frame_append(&frame, "\0\0\0\0\0", 5); /* padding of the Ethernet outside */
}

static void wrap_ip(enum inside inside)
{
    frame_outer4(&frame, inside == INSIDE_IP4 ? 4 : 41);
}

static void wrap_ip_in_6(enum inside inside)
{
    frame_ip6(&frame, server6, client6, inside == INSIDE_IP4 ? 4 : 41);
    frame_ethernet(&frame, 0x86dd);
}

static void wrap_gre(enum inside inside)
{
    frame_front_u16(&frame, type_of(inside));
    frame_front_u16(&frame, 0);
    frame_outer4(&frame, 47);
}

static void wrap_gre_all_fields(enum inside inside)
{
    frame_front_u32(&frame, 77);         /* sequence */
    frame_front_u32(&frame, 0xdeadbeef); /* key */
    frame_front_u32(&frame, 0x12340000); /* checksum, not verified; reserved */
    frame_front_u16(&frame, type_of(inside));
    frame_front_u16(&frame, 0xb000);
    frame_outer4(&frame, 47);
}

static void wrap_nvgre(enum inside inside)
{
    (void)inside;
    frame_front_u32(&frame, 0xabcdefu << 8 | 0x5a);
    frame_front_u16(&frame, 0x6558);
    frame_front_u16(&frame, 0x2000);
    frame_outer4(&frame, 47);
}

static void wrap_erspan1(enum inside inside)
{
    (void)inside;
    frame_front_u16(&frame, 0x88be);
    frame_front_u16(&frame, 0);
    frame_outer4(&frame, 47);
}

static void wrap_erspan2(enum inside inside)
{
    (void)inside;
    frame_front_u32(&frame, 0x00012345); /* index */
    frame_front_u32(&frame, 0x10170000 | 3u << 11 | 1001);
    frame_front_u32(&frame, 5);
    frame_front_u16(&frame, 0x88be);
    frame_front_u16(&frame, 0x1000);
    frame_outer4(&frame, 47);
}

static void erspan3(uint32_t frame_type, bool extra)
{
    if (extra) {
        frame_front_u32(&frame, 0x01020304);
        frame_front_u32(&frame, 0x05060708);
    }
    frame_front_u16(&frame, frame_type << 10 | 5u << 4 | 2u << 1 | (extra ? 1 : 0));
    frame_front_u16(&frame, 0x0bad);     /* security group */
    frame_front_u32(&frame, 0x99999999); /* timestamp */
    frame_front_u32(&frame, 0x20170000 | 77);
    frame_front_u32(&frame, 5);
    frame_front_u16(&frame, 0x22eb);
    frame_front_u16(&frame, 0x1000);
    frame_outer4(&frame, 47);
}

static void wrap_erspan3(enum inside inside)
{
    erspan3(inside == INSIDE_ETHERNET ? 0 : 2, false);
}

static void wrap_erspan3_extra(enum inside inside)
{
    erspan3(inside == INSIDE_ETHERNET ? 0 : 2, true);
}

static void vxlan(uint32_t first_word, uint16_t port)
{
    frame_front_u32(&frame, 0x123456u << 8);
    frame_front_u32(&frame, first_word);
    frame_udp(&frame, 50000, port);
    frame_outer4(&frame, 17);
}

static void wrap_vxlan(enum inside inside)
{
    (void)inside;
    vxlan(0x08000000, 4789);
}

static void wrap_vxlan_linux_port(enum inside inside)
{
    (void)inside;
    vxlan(0x08000000, 8472);
}

static void wrap_vxlan_group_policy(enum inside inside)
{
    (void)inside;
    vxlan(0x88001234, 4789);
}

static void wrap_vxlan_reserved_bits(enum inside inside)
{
    (void)inside;
    vxlan(0x0a000001, 4789);
}

static void wrap_vxlan_gpe(enum inside inside)
{
    vxlan(0x0c000000 | (inside == INSIDE_IP4 ? 1 : inside == INSIDE_IP6 ? 2 : 3), 4790);
}

static void geneve(enum inside inside, const char *options, uint32_t size)
{
    frame_front(&frame, options, size);
    frame_front_u32(&frame, 0xfedcbau << 8);
    frame_front_u16(&frame, type_of(inside));
    frame_front_u16(&frame, size / 4 << 8 | 0x40); /* critical options present */
    frame_udp(&frame, 50001, 6081);
    frame_outer4(&frame, 17);
}

static void wrap_geneve(enum inside inside)
{
    geneve(inside, "", 0);
}

static void wrap_geneve_options(enum inside inside)
{
    geneve(inside, "\x01\x08\x01\x02xxxxxxxx\x01\x08\x03\x00", 16);
}

static void gtpu(uint8_t flags, const char *more, uint32_t size)
{
    frame_front(&frame, more, size);
    uint32_t length = frame_size(&frame);
    frame_front_u32(&frame, 0xc0ffee11);
    frame_front_u16(&frame, length);
    frame_front_u16(&frame, (uint32_t)flags << 8 | 0xff);
    frame_udp(&frame, 2152, 2152);
    frame_outer4(&frame, 17);
}

static void wrap_gtpu(enum inside inside)
{
    (void)inside;
    gtpu(0x30, "", 0);
}

static void wrap_gtpu_sequence(enum inside inside)
{
    (void)inside;
    gtpu(0x32, "\x00\x07\x00\x00", 4);
}

static void wrap_gtpu_extensions(enum inside inside)
{
    (void)inside;
    /* PDU session container (0x85), then a long PDCP number (0x82) */
    gtpu(0x36, "\x00\x07\x00\x85\x01\x10\x09\x82\x02\x01\x02\x03\x04\x05\x06\x00", 16);
}

/* What a gateway load balancer of a cloud sends on: GENEVE with options around VXLAN. */
static void wrap_geneve_around_vxlan(enum inside inside)
{
    (void)inside;
    vxlan(0x08000000, 4789);
    geneve(INSIDE_IP4, "\x01\x08\x01\x02xxxxxxxx", 12);
}

static const struct wrapper wrappers[] = {
    {"vlan", wrap_vlan, true, false, true, 1, {{123, TUNNEL_VLAN}}},
    {"qinq", wrap_qinq, true, false, true, 2, {{4000, TUNNEL_VLAN}, {200, TUNNEL_VLAN}}},
    {"mpls", wrap_mpls, false, true, true, 2, {{1000000, TUNNEL_MPLS}, {17, TUNNEL_MPLS}}},
    {"pseudo-wire", wrap_pseudo_wire, true, false, true, 2, {{1000000, TUNNEL_MPLS}, {17, TUNNEL_MPLS}}},
    {"bare pseudo-wire", wrap_pseudo_wire_bare, true, false, true, 2, {{1000000, TUNNEL_MPLS}, {17, TUNNEL_MPLS}}},
    {"mpls in ip", wrap_mpls_in_ip, false, true, false, 2, {{1000000, TUNNEL_MPLS}, {17, TUNNEL_MPLS}}},
    {"pppoe", wrap_pppoe, false, true, true, 1, {{0x4321, TUNNEL_PPPOE}}},
    {"ip", wrap_ip, false, true, false, 1, {{0, TUNNEL_IP}}},
    {"ip in 6", wrap_ip_in_6, false, true, true, 1, {{0, TUNNEL_IP}}},
    {"gre", wrap_gre, true, true, false, 1, {{0, TUNNEL_GRE}}},
    {"gre all fields", wrap_gre_all_fields, true, true, false, 1, {{0xdeadbeef, TUNNEL_GRE}}},
    {"nvgre", wrap_nvgre, true, false, false, 1, {{0xabcdef, TUNNEL_NVGRE}}},
    {"erspan 1", wrap_erspan1, true, false, false, 1, {{0, TUNNEL_ERSPAN}}},
    {"erspan 2", wrap_erspan2, true, false, false, 1, {{1001, TUNNEL_ERSPAN}}},
    {"erspan 3", wrap_erspan3, true, true, false, 1, {{77, TUNNEL_ERSPAN}}},
    {"erspan 3 extra", wrap_erspan3_extra, true, true, false, 1, {{77, TUNNEL_ERSPAN}}},
    {"vxlan", wrap_vxlan, true, false, false, 1, {{0x123456, TUNNEL_VXLAN}}},
    {"vxlan linux port", wrap_vxlan_linux_port, true, false, false, 1, {{0x123456, TUNNEL_VXLAN}}},
    {"vxlan group policy", wrap_vxlan_group_policy, true, false, false, 1, {{0x123456, TUNNEL_VXLAN}}},
    {"vxlan gpe", wrap_vxlan_gpe, true, true, false, 1, {{0x123456, TUNNEL_VXLAN}}},
    {"geneve", wrap_geneve, true, true, false, 1, {{0xfedcba, TUNNEL_GENEVE}}},
    {"geneve options", wrap_geneve_options, true, true, false, 1, {{0xfedcba, TUNNEL_GENEVE}}},
    {"gtpu", wrap_gtpu, false, true, false, 1, {{0xc0ffee11, TUNNEL_GTPU}}},
    {"gtpu sequence", wrap_gtpu_sequence, false, true, false, 1, {{0xc0ffee11, TUNNEL_GTPU}}},
    {"gtpu extensions", wrap_gtpu_extensions, false, true, false, 1, {{0xc0ffee11, TUNNEL_GTPU}}},
    {"geneve around vxlan",
     wrap_geneve_around_vxlan,
     true,
     false,
     false,
     2,
     {{0xfedcba, TUNNEL_GENEVE}, {0x123456, TUNNEL_VXLAN}}},
};

static struct tunnel expected[64];
static uint32_t expected_count;

static enum inside begin(int version)
{
    expected_count = 0;
    if (version == 4) {
        frame_request4(&frame);
        return INSIDE_IP4;
    }
    frame_request6(&frame);
    return INSIDE_IP6;
}

/* Puts the wrapper around, with an Ethernet header between where it needs one. */
static enum inside put_around(const struct wrapper *wrapper, enum inside inside)
{
    if (inside == INSIDE_ETHERNET && !wrapper->takes_ethernet) {
        frame.start += 14; /* tagged frames keep their tag and are skipped by the callers */
        inside = INSIDE_IP4;
    }
    if (inside != INSIDE_ETHERNET && !wrapper->takes_ip) {
        frame_ethernet(&frame, type_of(inside));
        inside = INSIDE_ETHERNET;
    }
    wrapper->wrap(inside);
    memmove(expected + wrapper->count, expected, expected_count * sizeof(expected[0]));
    memcpy(expected, wrapper->tunnels, wrapper->count * sizeof(expected[0]));
    expected_count += wrapper->count;
    return wrapper->leaves_ethernet ? INSIDE_ETHERNET : INSIDE_IP4;
}

static void assert_tunnels(const struct net_packet *packet)
{
    assert_int_equal(packet->endpoints.tunnel_count, expected_count);
    for (uint32_t i = 0; i < expected_count; i++) {
        assert_int_equal(packet->endpoints.tunnels[i].kind, expected[i].kind);
        assert_int_equal(packet->endpoints.tunnels[i].id, expected[i].id);
    }
}

static void check_finished(struct bench *bench, enum inside inside, int version, const char *first, const char *second)
{
    if (inside != INSIDE_ETHERNET)
        frame_ethernet(&frame, type_of(inside));
    struct net_packet *packet = bench_decode(bench, &frame);
    if (!packet || packet->endpoints.tunnel_count != expected_count)
        print_message("%s around %s\n", second, first);
    assert_request(packet, version);
    assert_tunnels(packet);
    assert_int_equal(packet->checksum, NET_CHECKSUM_GOOD);
    assert_int_equal(packet->flags, 0);
    assert_int_equal(packet->bytes, frame_size(&frame));
}

static void each_tunnel_leaves_the_inside_unchanged(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(wrappers); i++)
        for (int version = 4; version <= 6; version += 2)
            check_finished(&bench, put_around(&wrappers[i], begin(version)), version, "request", wrappers[i].name);
    bench_deinit(&bench);
}

static void each_pair_of_tunnels_leaves_the_inside_unchanged(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, NULL);
    uint32_t pairs = 0;
    for (size_t i = 0; i < ARRAY_COUNT(wrappers); i++) {
        for (size_t j = 0; j < ARRAY_COUNT(wrappers); j++) {
            enum inside inside = put_around(&wrappers[i], begin(4));
            if (inside == INSIDE_ETHERNET && !wrappers[j].takes_ethernet)
                continue; /* such a frame has no room in something that carries IP only */
            if (strstr(wrappers[i].name, "pseudo-wire") && strstr(wrappers[j].name, "pseudo-wire"))
                continue; /* a wire is told by the IP header in it, and a wire in it is none */
            check_finished(&bench, put_around(&wrappers[j], inside), 4, wrappers[i].name, wrappers[j].name);
            pairs++;
        }
    }
    assert_true(pairs > 500);
    bench_deinit(&bench);
}

/* The way inside is the same when the outermost bytes are all that is left to say: a cut is named as such. */
static void every_cut_of_every_tunnel_is_truncated_or_readable(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(wrappers); i++) {
        enum inside inside = put_around(&wrappers[i], begin(4));
        if (inside != INSIDE_ETHERNET)
            frame_ethernet(&frame, type_of(inside));
        uint32_t wire = frame_size(&frame);
        for (uint32_t size = 0; size < wire; size++) {
            struct net_packet *packet = bench_decode_cut(&bench, frame_at(&frame), size, wire, PACKET_LINK_ETHERNET);
            if (packet)
                assert_int_equal(packet->payload.size + packet->payload_missing, REQUEST_SIZE);
        }
    }
    const struct ledger *ledger = &bench.ledger;
    assert_int_equal(ledger->settled[LEDGER_MALFORMED].packets, 0);
    assert_int_equal(ledger->settled[LEDGER_NOT_TCP].packets, 0);
    assert_true(ledger->settled[LEDGER_TRUNCATED].packets > 1000);
    /* MPLS does not say what is inside: without the inner header it cannot be known to be IP. */
    assert_true(ledger->settled[LEDGER_NOT_IP].packets < 200);
    bench_deinit(&bench);
}

static void mirrors_that_cut_the_inside_show_what_is_missing(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, NULL);
    begin(4);
    frame_ethernet(&frame, 0x0800);
    frame.end -= 10; /* the mirror sends less of the frame, in an outer packet that is whole */
    wrap_vxlan(INSIDE_ETHERNET);
    frame_ethernet(&frame, 0x0800);
    struct net_packet *packet = bench_decode(&bench, &frame);
    assert_non_null(packet);
    assert_int_equal(packet->payload.size, REQUEST_SIZE - 10);
    assert_int_equal(packet->payload_missing, 10);
    assert_int_equal(packet->checksum, NET_CHECKSUM_UNCHECKED);
    begin(4);
    frame_ethernet(&frame, 0x0800);
    frame.end = frame.start + 14 + 30; /* inside the TCP header */
    wrap_vxlan(INSIDE_ETHERNET);
    frame_ethernet(&frame, 0x0800);
    bench_refuse(&bench, &frame, LEDGER_TRUNCATED);
    bench_deinit(&bench);
}

static void nesting_has_a_bound(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, NULL);
    static const char *names[] = {"ip", "gre", "vxlan", "vlan", "gtpu"};
    for (size_t kind = 0; kind < ARRAY_COUNT(names); kind++) {
        const struct wrapper *wrapper = wrappers;
        while (strcmp(wrapper->name, names[kind]) != 0)
            wrapper++;
        for (uint32_t depth = 7; depth <= 10; depth++) {
            enum inside inside = begin(4);
            for (uint32_t i = 0; i < depth; i++)
                inside = put_around(wrapper, inside);
            if (inside != INSIDE_ETHERNET)
                frame_ethernet(&frame, type_of(inside));
            if (depth <= 8)
                assert_request(bench_decode(&bench, &frame), 4);
            else
                bench_refuse(&bench, &frame, LEDGER_TUNNEL_DEPTH);
        }
    }
    bench_deinit(&bench);
}

static void other_udp_on_a_tunnel_port_is_not_tcp(void **state)
{
    (void)state;
    static const uint16_t ports[] = {4789, 8472, 4790, 6081, 2152, 53};
    static const struct {
        const char *bytes;
        uint32_t size;
    } contents[] = {
        {"", 0},
        {"x", 1},
        {"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x00\x00\x01\x00\x01", 21}, /* DNS */
        {"\x08\x00\x00\x00\x00\x00\x01\x00", 8},                          /* VXLAN with nothing in it */
        {"\x08\x00\x00\x00\x00\x00\x01\x00zzzzzzzzzzzz\x08\x00\x41", 23}, /* and with no IP header */
        {"\x00\x00\x08\x00\x00\x00\x01\x00\x15zzz", 12},                  /* GENEVE with IPv4 that is none */
        {"\x30\xff\x00\x02\x00\x00\x00\x01\x45\x00", 10},                 /* GTP-U with too little */
        {"\x32\x01\x00\x04\x00\x00\x00\x01\x00\x00\x00\x00", 12},         /* GTP-U echo request */
        {"\x40\x00\x65\x58\x00\x00\x00\x00zzzzzzzzzzzzzzzz", 24},         /* GENEVE of a later version */
        {"\x00\x80\x65\x58\x00\x00\x00\x00zzzzzzzzzzzzzzzz", 24},         /* GENEVE control */
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 20},
    };
    struct bench bench;
    bench_init(&bench, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(ports); i++) {
        for (size_t j = 0; j < ARRAY_COUNT(contents); j++) {
            frame_payload(&frame, contents[j].bytes, contents[j].size);
            frame_udp(&frame, 1234, ports[i]);
            frame_outer4(&frame, 17);
            frame_ethernet(&frame, 0x0800);
            bench_refuse(&bench, &frame, LEDGER_NOT_TCP);
        }
    }
    bench_deinit(&bench);
}

static void vxlan_ports_are_a_setting(void **state)
{
    (void)state;
    struct net_settings settings;
    net_settings_default(&settings);
    settings.vxlan_ports[0] = 65330;
    settings.vxlan_port_count = 1;
    struct bench bench;
    bench_init(&bench, &settings);
    for (int i = 0; i < 2; i++) {
        begin(4);
        frame_ethernet(&frame, 0x0800);
        vxlan(0x08000000, i ? 4789 : 65330);
        frame_ethernet(&frame, 0x0800);
        if (i)
            bench_refuse(&bench, &frame, LEDGER_NOT_TCP);
        else
            assert_request(bench_decode(&bench, &frame), 4);
    }
    bench_deinit(&bench);
}

static void reserved_vxlan_bits_are_ignored_when_the_inside_is_clear(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, NULL);
    begin(4);
    frame_ethernet(&frame, 0x0800);
    wrap_vxlan_reserved_bits(INSIDE_ETHERNET);
    frame_ethernet(&frame, 0x0800);
    assert_request(bench_decode(&bench, &frame), 4);
    bench_deinit(&bench);
}

static void odd_gre_is_named(void **state)
{
    (void)state;
    static const struct {
        uint16_t flags, type;
        enum ledger_reason reason;
    } cases[] = {
        {0x3081, 0x880b, LEDGER_NOT_TCP},   /* PPTP */
        {0x4000, 0x0800, LEDGER_MALFORMED}, /* source routing of RFC 1701 */
        {0x0002, 0x0800, LEDGER_MALFORMED}, /* no such version */
        {0x0000, 0x00fe, LEDGER_NOT_IP},    /* IS-IS */
        {0x0000, 0x0000, LEDGER_NOT_IP},    /* keepalive */
        {0x1000, 0x88be, LEDGER_MALFORMED}, /* ERSPAN of a version that is not defined */
    };
    struct bench bench;
    bench_init(&bench, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        begin(4);
        frame_front_u32(&frame, 0xf0000000);
        frame_front_u32(&frame, 0);
        frame_front_u16(&frame, cases[i].type);
        frame_front_u16(&frame, cases[i].flags);
        frame_outer4(&frame, 47);
        frame_ethernet(&frame, 0x0800);
        bench_refuse(&bench, &frame, cases[i].reason);
    }
    for (int version = 1; version <= 2; version++) { /* web-cache redirection */
        begin(4);
        if (version == 2)
            frame_front_u32(&frame, 0x00010000);
        frame_front_u16(&frame, 0x883e);
        frame_front_u16(&frame, 0);
        frame_outer4(&frame, 47);
        frame_ethernet(&frame, 0x0800);
        assert_request(bench_decode(&bench, &frame), 4);
    }
    bench_deinit(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_tunnel_leaves_the_inside_unchanged),
        cmocka_unit_test(each_pair_of_tunnels_leaves_the_inside_unchanged),
        cmocka_unit_test(every_cut_of_every_tunnel_is_truncated_or_readable),
        cmocka_unit_test(mirrors_that_cut_the_inside_show_what_is_missing),
        cmocka_unit_test(nesting_has_a_bound),
        cmocka_unit_test(other_udp_on_a_tunnel_port_is_not_tcp),
        cmocka_unit_test(vxlan_ports_are_a_setting),
        cmocka_unit_test(reserved_vxlan_bits_are_ignored_when_the_inside_is_clear),
        cmocka_unit_test(odd_gre_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
