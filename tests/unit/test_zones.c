/* SPDX-License-Identifier: Apache-2.0 */

/* Zones: longest prefix, both families, tunnels, mistakes; and the same answers as a plain scan of all networks. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/zones.h"

static struct zones *zones_of(const char *text, struct settings *settings, struct diagnostics *diagnostics)
{
    struct zones *zones = NULL;
    diagnostics_init(diagnostics);
    assert_int_equal(settings_load_text("z.yaml", text, strlen(text), diagnostics, settings), 0);
    int result = zones_compile(settings, diagnostics, &zones);
    assert_int_equal(result, diagnostics->errors ? -EINVAL : 0);
    return zones;
}

static void expect_zone(const struct zones *zones, const char *address, uint8_t kind, uint32_t id, const char *name)
{
    struct endpoints endpoints = {0};
    struct address parsed;
    assert_int_equal(address_parse(address, &parsed, &endpoints.ip_version), 0);
    if (kind) {
        endpoints.tunnel_count = 2;
        endpoints.tunnels[0] = (struct tunnel){.kind = TUNNEL_GRE, .id = id};
        endpoints.tunnels[1] = (struct tunnel){.kind = kind, .id = id};
    }
    const struct zone *zone = zones_find(zones, &endpoints, &parsed);
    if (strcmp(zone->name, name) != 0)
        fail_msg("%s is in '%s', expected '%s'", address, zone->name, name);
}

static void test_find(void **state)
{
    (void)state;
    struct settings settings;
    struct diagnostics diagnostics;
    struct zones *zones = zones_of("zones:\n"
                                   "- {name: all4, kind: public, cidrs: [0.0.0.0/0]}\n"
                                   "- {name: ten, kind: internal, cidrs: [10.0.0.0/8, 192.0.2.1]}\n"
                                   "- {name: cards, kind: cde, cidrs: [10.20.0.0/16, '2001:db8:20::/48']}\n"
                                   "- {name: six, kind: internal, cidrs: ['2001:db8::/32']}\n"
                                   "- {name: tenant, kind: partner, cidrs: [10.0.0.0/8], vnis: [77]}\n"
                                   "- {name: guests, kind: partner, vlans: [9]}\n"
                                   "- {name: mirror, kind: cde, sessions: [9, 4000000000]}\n",
                                   &settings, &diagnostics);
    assert_int_equal(diagnostics.count, 0);
    expect_zone(zones, "10.1.2.3", 0, 0, "ten");
    expect_zone(zones, "10.20.255.255", 0, 0, "cards");
    expect_zone(zones, "10.21.0.0", 0, 0, "ten");
    expect_zone(zones, "192.0.2.1", 0, 0, "ten");
    expect_zone(zones, "192.0.2.2", 0, 0, "all4");
    expect_zone(zones, "2001:db8:20::1", 0, 0, "cards");
    expect_zone(zones, "2001:db8:21::1", 0, 0, "six");
    expect_zone(zones, "2001:db9::1", 0, 0, ""); /* 0.0.0.0/0 is IPv4 only */
    expect_zone(zones, "10.1.2.3", TUNNEL_VXLAN, 77, "tenant");
    expect_zone(zones, "10.1.2.3", TUNNEL_GENEVE, 77, "tenant");
    expect_zone(zones, "10.1.2.3", TUNNEL_VLAN, 77, "ten"); /* a VLAN is no VNI */
    expect_zone(zones, "10.20.0.1", TUNNEL_VXLAN, 77, "cards");
    expect_zone(zones, "2001:db9::1", TUNNEL_VLAN, 9, "guests");
    expect_zone(zones, "2001:db9::1", TUNNEL_ERSPAN, 9, "mirror");
    expect_zone(zones, "2001:db9::1", TUNNEL_GTPU, 4000000000, "mirror");
    expect_zone(zones, "2001:db9::1", TUNNEL_VXLAN, 9, "mirror"); /* by the key of the GRE around it */
    expect_zone(zones, "2001:db9::1", TUNNEL_GRE, 8, "");
    assert_true(zones_know_kind(zones, SETTINGS_ZONE_CDE));
    assert_false(zones_know_kind(zones, SETTINGS_ZONE_MANAGEMENT));
    assert_false(zones_know_proxies(zones));
    zones_free(zones);
    settings_deinit(&settings);
    diagnostics_deinit(&diagnostics);
}

static void test_mistakes(void **state)
{
    (void)state;
    struct settings settings;
    struct diagnostics diagnostics;
    struct zones *zones = zones_of("zones:\n"
                                   "- name: a\n"
                                   "  kind: cde\n"
                                   "  cidrs: [10.0.0.0/33, 300.1.1.1, 10.0.0.0/8, 10.0.0.0/, 10.1.0.0/8]\n"
                                   "- {name: b, kind: cde, cidrs: ['::/0', 10.0.0.0/8]}\n",
                                   &settings, &diagnostics);
    assert_null(zones);
    assert_int_equal(diagnostics.errors, 5);
    assert_int_equal(diagnostics.warnings, 1);
    static const uint32_t places[][2] = {{4, 11}, {4, 24}, {4, 47}, {4, 58}};
    for (uint32_t i = 0; i < ARRAY_COUNT(places); i++) {
        assert_int_equal(diagnostics.entries[i].line, places[i][0]);
        assert_int_equal(diagnostics.entries[i].column, places[i][1]);
    }
    assert_non_null(strstr(diagnostics.entries[3].message, "bits set behind its prefix"));
    assert_non_null(strstr(diagnostics.entries[4].message, "the same network"));
    settings_deinit(&settings);
    diagnostics_deinit(&diagnostics);
}

/* The definition itself: of all networks that hold the address the longest. */
static int scan(const uint32_t (*networks)[2], uint32_t count, uint32_t address)
{
    int best = -1;
    uint32_t best_length = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t length = networks[i][1];
        uint32_t mask = length ? UINT32_MAX << (32 - length) : 0;
        if ((address & mask) == networks[i][0] && (best < 0 || length > best_length)) {
            best = (int)i;
            best_length = length;
        }
    }
    return best;
}

#define NETWORKS 200u

static void test_against_scan(void **state)
{
    (void)state;
    static uint32_t networks[NETWORKS][2];
    static char text[NETWORKS * 80];
    uint64_t random = 1;
    uint32_t count = 0;
    size_t used = (size_t)snprintf(text, sizeof(text), "zones:\n");
    while (count < NETWORKS) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        uint32_t length = (uint32_t)(random >> 40) % 25;
        uint32_t address = (uint32_t)(random >> 33) & 0x0fffff00u & (length ? UINT32_MAX << (32 - length) : 0);
        bool twice = false;
        for (uint32_t i = 0; i < count; i++)
            twice |= networks[i][0] == address && networks[i][1] == length;
        if (twice)
            continue;
        networks[count][0] = address;
        networks[count][1] = length;
        used += (size_t)snprintf(text + used, sizeof(text) - used,
                                 "- {name: n%u, kind: internal, cidrs: [%u.%u.%u.%u/%u]}\n", count, address >> 24,
                                 address >> 16 & 255, address >> 8 & 255, address & 255, length);
        count++;
    }
    struct settings settings;
    struct diagnostics diagnostics;
    struct zones *zones = zones_of(text, &settings, &diagnostics);
    assert_non_null(zones);
    for (uint32_t i = 0; i < 20000; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        uint32_t address = (uint32_t)(random >> 33) & 0x0fffffffu;
        int expected = scan((const uint32_t(*)[2])networks, count, address);
        char shown[32], name[16] = "";
        snprintf(shown, sizeof(shown), "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255,
                 address & 255);
        if (expected >= 0)
            snprintf(name, sizeof(name), "n%d", expected);
        expect_zone(zones, shown, 0, 0, name);
    }
    zones_free(zones);
    settings_deinit(&settings);
    diagnostics_deinit(&diagnostics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_against_scan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
