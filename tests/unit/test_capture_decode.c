/* SPDX-License-Identifier: Apache-2.0 */

/*
 * capture and net together, on captures of other projects from the folder that ASSAY_TESTDATA names: what Arkime
 * expects of its own captures (addresses, ports and packets of every TCP session), and what tshark sees in the others.
 */

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "capture/file.h"
#include "net/decode.h"

#define SEEN_MAX 4096u
#define TEXT_MAX (1u << 20)

struct seen {
    uint32_t count;
    struct endpoints endpoints[SEEN_MAX];
    struct ledger ledger;
};

static struct seen seen;
static char text[TEXT_MAX];

static void settle_all(const struct net_packet *packets, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_true(seen.count < SEEN_MAX);
        seen.endpoints[seen.count++] = packets[i].endpoints;
        ledger_settle(&seen.ledger, LEDGER_AUDITED, packets[i].packets, packets[i].bytes);
    }
}

static void decode_file(const char *path)
{
    struct diagnostics diagnostics;
    struct capture_file *file;
    struct net_decoder *decoder;
    struct net_settings settings;
    struct packet packets[PACKET_BURST_MAX];
    static struct net_packet out[PACKET_BURST_MAX];
    memset(&seen, 0, sizeof(seen));
    diagnostics_init(&diagnostics);
    net_settings_default(&settings);
    struct arena *arena = arena_new(net_decoder_size(&settings));
    assert_int_equal(net_decoder_new(&decoder, arena, &settings), 0);
    assert_int_equal(capture_file_open(&file, path, CAPTURE_FILE_STREAM, &diagnostics), 0);
    int count = capture_file_next_burst(file, packets);
    for (; count > 0; count = capture_file_next_burst(file, packets)) {
        settle_all(out, net_decode_burst(decoder, &seen.ledger, packets, (uint32_t)count, out));
        assert_true(ledger_balanced(&seen.ledger));
    }
    assert_int_equal(count, 0);
    net_decoder_flush(decoder, &seen.ledger);
    assert_true(ledger_balanced(&seen.ledger));
    assert_int_equal(seen.ledger.pending.packets, 0);
    assert_int_equal(seen.ledger.received.packets, capture_file_packet_count(file));
    capture_file_close(file);
    arena_free(arena);
    diagnostics_deinit(&diagnostics);
}

/* The text behind `"key" :` after `from` and before `end`, or NULL. */
static const char *find_value(const char *from, const char *end, const char *key)
{
    char quoted[64];
    snprintf(quoted, sizeof(quoted), "\"%s\"", key);
    const char *at = strstr(from, quoted);
    if (!at || at >= end)
        return NULL;
    at += strlen(quoted);
    at += strspn(at, " ");
    at += *at == ':';
    at += strspn(at, " ");
    return at + (*at == '"');
}

/* An object's "ip" and "port"; both come before any object in it that has such names. */
static void read_end(const char *from, const char *end, const char *side, struct address *address_out,
                     uint16_t *port_out)
{
    const char *object = find_value(from, end, side);
    assert_non_null(object);
    const char *ip = find_value(object, end, "ip");
    assert_non_null(ip);
    char copy[64] = "";
    size_t size = strcspn(ip, "\"");
    assert_true(size < sizeof(copy));
    memcpy(copy, ip, size);
    uint8_t version;
    assert_int_equal(address_parse(copy, address_out, &version), 0);
    *port_out = (uint16_t)strtoul(find_value(object, end, "port"), NULL, 10);
}

static bool is_same(const struct endpoints *packet, const struct endpoints *session)
{
    return memcmp(&packet->source, &session->source, 16) == 0 &&
           memcmp(&packet->destination, &session->destination, 16) == 0 &&
           packet->source_port == session->source_port && packet->destination_port == session->destination_port;
}

static uint32_t count_both_ways(const struct endpoints *session)
{
    struct endpoints back = *session;
    back.source = session->destination;
    back.destination = session->source;
    back.source_port = session->destination_port;
    back.destination_port = session->source_port;
    uint32_t count = 0;
    for (uint32_t i = 0; i < seen.count; i++)
        count += is_same(&seen.endpoints[i], session) || is_same(&seen.endpoints[i], &back);
    return count;
}

/* Returns the number of packets in the TCP sessions that the expectation lists. */
static uint32_t check_sessions(void)
{
    uint32_t total = 0;
    const char *body = strstr(text, "\"body\"");
    while (body) {
        const char *next = strstr(body + 6, "\"body\"");
        const char *end = next ? next : body + strlen(body);
        const char *network = find_value(body, end, "network");
        assert_non_null(network);
        if (strtoul(find_value(body, end, "ipProtocol"), NULL, 10) == 6) {
            struct endpoints session = {0};
            read_end(body, end, "source", &session.source, &session.source_port);
            read_end(body, end, "destination", &session.destination, &session.destination_port);
            uint32_t packets = (uint32_t)strtoul(find_value(network, end, "packets"), NULL, 10);
            assert_int_equal(count_both_ways(&session), packets);
            total += packets;
        }
        body = next;
    }
    return total;
}

static bool read_text(const char *path)
{
    FILE *stream = fopen(path, "rb");
    if (!stream)
        return false;
    size_t size = fread(text, 1, sizeof(text) - 1, stream);
    text[size] = '\0';
    fclose(stream);
    return true;
}

static const char *test_data(void)
{
    const char *root = getenv("ASSAY_TESTDATA");
    if (!root) {
        print_message("ASSAY_TESTDATA is not set: captures are not read\n");
        skip();
    }
    return root;
}

static void sessions_are_what_arkime_expects(void **state)
{
    (void)state;
    char path[4096];
    snprintf(path, sizeof(path), "%s/arkime", test_data());
    DIR *directory = opendir(path);
    assert_non_null(directory);
    uint32_t files = 0, packets = 0;
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        char *suffix = strstr(entry->d_name, ".pcap");
        if (!suffix)
            continue;
        snprintf(path, sizeof(path), "%s/arkime/%.*s.test", test_data(), (int)(suffix - entry->d_name), entry->d_name);
        if (!read_text(path))
            continue;
        snprintf(path, sizeof(path), "%s/arkime/%s", test_data(), entry->d_name);
        decode_file(path);
        uint32_t listed = check_sessions();
        if (listed != seen.count)
            print_message("%s: %u of %u\n", path, listed, seen.count);
        assert_int_equal(listed, seen.count);
        packets += listed;
        files++;
    }
    closedir(directory);
    assert_true(files >= 25 && packets >= 500);
}

/* Counted with tshark 4.0: frames, frames whose innermost protocol is TCP, frames with no IP at all inside. */
static const struct expectation {
    const char *path;
    uint32_t frames, tcp, not_ip;
    uint32_t tunnelled; /* TCP frames with the tunnel below, outermost */
    struct tunnel tunnel;
} expectations[] = {
    {"arkime/dot1ad.pcap", 2, 0, 0, 0, {0, 0}},
    {"arkime/gre-erspan.pcap", 6, 0, 2, 0, {0, 0}}, /* CDP in ERSPAN */
    {"arkime/gre-sample.pcap", 40, 22, 0, 22, {0, TUNNEL_GRE}},
    {"arkime/gtp-u.pcap", 102, 0, 0, 0, {0, 0}},
    {"arkime/ipv6-in-ipv4.pcap", 10, 0, 0, 0, {0, 0}},
    {"arkime/mpls-basic.pcap", 58, 19, 6, 11, {29, TUNNEL_MPLS}},
    {"suricata-verify/geneve-decoder/input.pcap", 10, 0, 2, 0, {0, 0}}, /* ARP in GENEVE */
    {"suricata-verify/http-body-inspect/http-aptget-ids-02-s2.pcap", 359, 359, 0, 0, {0, 0}},
    {"suricata-verify/http-event-chunk/input.pcap", 12, 12, 0, 0, {0, 0}},
    {"suricata-verify/http-gap-simple/input.pcap", 31, 31, 0, 0, {0, 0}},
    {"suricata-verify/http2-keywords/input.pcap", 56, 56, 0, 0, {0, 0}},
    {"suricata-verify/http2-range/http2-range.pcap", 116, 116, 0, 0, {0, 0}},
    {"suricata-verify/vxlan-decoder-01/input.pcap", 3, 0, 0, 0, {0, 0}},
    {"suricata-verify/vxlan-decoder-02/vxlan.pcap", 10, 0, 2, 0, {0, 0}}, /* ARP in VXLAN */
    {"suricata-verify/vxlan-decoder-03/vxlan.pcap", 100, 82, 0, 82, {5569041, TUNNEL_VXLAN}},
    {"suricata-verify/websocket-ping/input.pcap", 19, 19, 0, 0, {0, 0}},
    {"suricata-verify/websocket/basic_websockets.pcap", 21, 21, 0, 0, {0, 0}},
};

static void packets_and_tunnels_are_what_tshark_sees(void **state)
{
    (void)state;
    char path[4096];
    for (size_t i = 0; i < ARRAY_COUNT(expectations); i++) {
        const struct expectation *expected = &expectations[i];
        snprintf(path, sizeof(path), "%s/%s", test_data(), expected->path);
        decode_file(path);
        uint32_t tunnelled = 0;
        for (uint32_t j = 0; j < seen.count; j++)
            tunnelled += seen.endpoints[j].tunnel_count == 1 &&
                         seen.endpoints[j].tunnels[0].kind == expected->tunnel.kind &&
                         seen.endpoints[j].tunnels[0].id == expected->tunnel.id;
        if (seen.count != expected->tcp || tunnelled != expected->tunnelled)
            print_message("%s: %u TCP, %u tunnelled\n", path, seen.count, tunnelled);
        assert_int_equal(seen.ledger.received.packets, expected->frames);
        assert_int_equal(seen.count, expected->tcp);
        assert_int_equal(tunnelled, expected->tunnelled);
        assert_int_equal(seen.ledger.settled[LEDGER_NOT_IP].packets, expected->not_ip);
        assert_int_equal(seen.ledger.settled[LEDGER_NOT_TCP].packets,
                         expected->frames - expected->tcp - expected->not_ip);
    }
}

static bool rewrite(const char *from, const char *to, const char *operation)
{
    char command[8192];
    snprintf(command, sizeof(command), "python3 '%s/tests/tools/pcap_rewrite.py' '%s' '%s' %s", getenv("ASSAY_SOURCE"),
             from, to, operation);
    return system(command) == 0;
}

/* Tunnels put around a real capture by a tool that shares nothing with the decoder change no session in it. */
static void tunnels_around_captures_change_no_session(void **state)
{
    (void)state;
    static const struct {
        const char *operation;
        struct tunnel tunnel;
    } wraps[] = {
        {"wrap=vlan,77", {77, TUNNEL_VLAN}},      {"wrap=qinq,77", {100, TUNNEL_VLAN}},
        {"wrap=vxlan,77", {77, TUNNEL_VXLAN}},    {"wrap=gre,77", {77, TUNNEL_GRE}},
        {"wrap=erspan2,77", {77, TUNNEL_ERSPAN}}, {"wrap=erspan3,77", {77, TUNNEL_ERSPAN}},
        {"wrap=geneve,77", {77, TUNNEL_GENEVE}},  {"wrap=ipip", {0, TUNNEL_IP}},
        {"wrap=gtpu,77", {77, TUNNEL_GTPU}},      {"wrap=vxlan,5 wrap=vlan,9 wrap=geneve,77", {77, TUNNEL_GENEVE}},
    };
    static const char *captures[] = {"http-simple-get", "gre-sample"};
    const char *root = test_data();
    if (!getenv("ASSAY_SOURCE") || system("python3 -c ''") != 0) {
        print_message("no ASSAY_SOURCE or no python3: captures are not rewritten\n");
        skip();
    }
    char path[4096], written[] = "/tmp/assay_rewrite_XXXXXX";
    int descriptor = mkstemp(written);
    assert_true(descriptor >= 0);
    close(descriptor);
    for (size_t i = 0; i < ARRAY_COUNT(captures); i++) {
        snprintf(path, sizeof(path), "%s/arkime/%s.test", root, captures[i]);
        assert_true(read_text(path));
        snprintf(path, sizeof(path), "%s/arkime/%s.pcap", root, captures[i]);
        for (size_t j = 0; j < ARRAY_COUNT(wraps); j++) {
            assert_true(rewrite(path, written, wraps[j].operation));
            decode_file(written);
            assert_int_equal(check_sessions(), seen.count);
            for (uint32_t k = 0; k < seen.count; k++) {
                assert_true(seen.endpoints[k].tunnel_count > 0);
                assert_int_equal(seen.endpoints[k].tunnels[0].kind, wraps[j].tunnel.kind);
                assert_int_equal(seen.endpoints[k].tunnels[0].id, wraps[j].tunnel.id);
            }
        }
    }
    unlink(written);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_are_what_arkime_expects),
        cmocka_unit_test(packets_and_tunnels_are_what_tshark_sees),
        cmocka_unit_test(tunnels_around_captures_change_no_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
