/* SPDX-License-Identifier: Apache-2.0 */

/* Settings and driver files: every mistake with its place, defaults, paths, and all shipped driver files. */

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/driver_file.h"
#include "config/settings.h"
#include "config/shipped.h"
#include "config/yaml.h"

struct expected {
    uint32_t line, column;
    const char *text; /* part of the message */
};

static void assert_mistakes(const char *text, const struct expected *expected, uint32_t count)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct settings settings;
    assert_true(settings_load_text("folder/assay.yaml", text, strlen(text), &diagnostics, &settings) < 0);
    if (diagnostics.count != count)
        diagnostics_print(&diagnostics, stderr);
    assert_int_equal(diagnostics.count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_string_equal(diagnostics.entries[i].file, "folder/assay.yaml");
        assert_int_equal(diagnostics.entries[i].line, expected[i].line);
        assert_int_equal(diagnostics.entries[i].column, expected[i].column);
        if (!strstr(diagnostics.entries[i].message, expected[i].text))
            fail_msg("'%s' is not in '%s'", expected[i].text, diagnostics.entries[i].message);
    }
    settings_deinit(&settings);
    diagnostics_deinit(&diagnostics);
}

static void test_every_mistake_has_a_place(void **state)
{
    (void)state;
    const char *text = "sensor: {name: tap-1}\n"
                       "wokers:\n"
                       "  count: 2\n"
                       "workers:\n"
                       "  count: two\n"
                       "  memory_mib: 010\n"
                       "  checksum: excused\n"
                       "  colour: 3\n"
                       "zones:\n"
                       "  - kind: cde\n"
                       "    cidrs: 10.0.0.0/8\n"
                       "  - name: dmz\n"
                       "    kind: [public]\n"
                       "    trusted_proxy: off\n"
                       "    name: again\n"
                       "queue:\n";
    const struct expected expected[] = {
        {2, 1, "unknown key 'wokers'; did you mean 'workers'?"},
        {5, 10, "'count' must be a whole number from 0 to 4294967295, not 'two'"},
        {6, 15, "not '010'"},
        {7, 13, "'excused' is no value for 'checksum'; allowed here: accept, excuse; did you mean 'excuse'?"},
        {8, 3, "unknown key 'colour'; allowed here: count, memory_mib"},
        {10, 5, "the key 'name' is missing here"},
        {11, 12, "'cidrs' must be a list here, found a single value"},
        {13, 11, "'kind' must be a single value here, found a list"},
        {14, 20, "'trusted_proxy' must be true or false, not 'off'"},
        {15, 5, "the key 'name' is written twice, first in line 12"},
        {16, 7, "'queue' must be a mapping here, found nothing"},
    };
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct settings settings;
    assert_int_equal(settings_load_text("a.yaml", text, strlen(text), &diagnostics, &settings), -EINVAL);
    assert_int_equal(diagnostics.count, ARRAY_COUNT(expected));
    /* Outer mappings are read before inner ones, so the order is by depth: look each one up by its place. */
    for (uint32_t i = 0; i < ARRAY_COUNT(expected); i++) {
        bool found = false;
        for (uint32_t j = 0; j < diagnostics.count; j++) {
            const struct diagnostic *entry = &diagnostics.entries[j];
            found |= entry->line == expected[i].line && entry->column == expected[i].column &&
                     strstr(entry->message, expected[i].text);
        }
        if (!found) {
            diagnostics_print(&diagnostics, stderr);
            fail_msg("missing: %u:%u %s", expected[i].line, expected[i].column, expected[i].text);
        }
    }
    diagnostics_deinit(&diagnostics);
}

static void test_broken_yaml(void **state)
{
    (void)state;
    assert_mistakes("workers:\n  count: 1\n bad: 2\n", (const struct expected[]){{3, 2, "this is no YAML"}}, 1);
    assert_mistakes("sensor: {name: \"tap}\n", (const struct expected[]){{2, 1, "this is no YAML"}}, 1);
    assert_mistakes("a: &x 1\nb: *x\n", (const struct expected[]){{1, 4, "anchors"}}, 1);
    assert_mistakes("workers: *x\n", (const struct expected[]){{1, 10, "aliases"}}, 1);
    assert_mistakes("{}\n---\n{}\n", (const struct expected[]){{2, 1, "a second document"}}, 1);
    assert_mistakes("? [a]\n: b\n", (const struct expected[]){{1, 3, "a key must be plain text"}}, 1);
    assert_mistakes("- a\n", (const struct expected[]){{1, 1, "'the file' must be a mapping here, found a list"}}, 1);
    assert_mistakes("sensor: {name: \"a\\0b\"}\n", (const struct expected[]){{1, 16, "NUL"}}, 1);
    assert_mistakes("sensor: {name: !!str x}\n", (const struct expected[]){{1, 16, "tags"}}, 1);
    assert_mistakes("a: [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]\n", (const struct expected[]){{1, 19, "nested too deep"}},
                    1);
}

static void test_values_out_of_range(void **state)
{
    (void)state;
    assert_mistakes("workers: {count: 0}\n", (const struct expected[]){{1, 18, "'count' must be from 1 to 64, not 0"}},
                    1);
    assert_mistakes("queue:\n  size_kib: 1000\n  name: a/b\n",
                    (const struct expected[]){{3, 9, "the queue's name"}, {2, 13, "power of two"}}, 2);
    assert_mistakes("zones:\n- {name: a, kind: cde, vlans: [1, 4095]}\n- {name: a, kind: public, vnis: [5]}\n",
                    (const struct expected[]){{2, 35, "must be from 1 to 4094"}, {3, 3, "the same name"}}, 2);
    assert_mistakes("zones: [{name: a, kind: cde}]\n", (const struct expected[]){{1, 9, "it is nowhere"}}, 1);
    assert_mistakes("sensor: {name: ''}\n", (const struct expected[]){{1, 16, "must not be empty"}}, 1);
    assert_mistakes("workers: {count: 4294967296}\n", (const struct expected[]){{1, 18, "whole number"}}, 1);
}

static void test_defaults(void **state)
{
    (void)state;
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct settings settings;
    assert_int_equal(settings_default(&diagnostics, &settings), 0);
    assert_int_equal(diagnostics.count, 0);
    assert_int_equal(settings.workers.count, 1);
    assert_int_equal(settings.workers.checksum, SETTINGS_CHECKSUM_ACCEPT);
    assert_int_equal(settings.queue.size_kib, 16384);
    assert_string_equal(settings.queue.name, "assay");
    assert_true(strlen(settings.sensor.name) > 0);
    assert_null(settings.capture.driver);
    assert_null(settings.registry.folder);
    assert_int_equal(settings.zones_count, 0);
    assert_int_equal(settings.rules_count, 1);
    const char *source = getenv("ASSAY_SOURCE");
    char rules[SHIPPED_PATH_SIZE];
    snprintf(rules, sizeof(rules), "%s/rules", source);
    assert_string_equal(settings.rules[0], rules);
    settings_deinit(&settings);
    settings_deinit(&settings);
}

static void test_values_and_paths(void **state)
{
    (void)state;
    const char *text = "# a comment\n"
                       "sensor: {name: tap-1}\n"
                       "capture: {driver: drivers/pcap.yaml}\n"
                       "workers: {count: 4, checksum: excuse, body_scan_kib: 0}\n"
                       "zones:\n"
                       "  - name: cards\n"
                       "    kind: cde\n"
                       "    environment: production\n"
                       "    plaintext_allowed: true\n"
                       "    cidrs: [10.1.0.0/16, 2001:db8::/32]\n"
                       "    vlans: [7, 8]\n"
                       "    vnis: [5000]\n"
                       "registry: {folder: /srv/registry}\n"
                       "rules: [own.yaml, /opt/rules]\n"
                       "log: {folder: out}\n";
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct settings settings;
    int result = settings_load_text("/etc/assay/assay.yaml", text, strlen(text), &diagnostics, &settings);
    diagnostics_print(&diagnostics, stderr);
    assert_int_equal(result, 0);
    assert_string_equal(settings.sensor.name, "tap-1");
    assert_string_equal(settings.capture.driver, "/etc/assay/drivers/pcap.yaml");
    assert_string_equal(settings.registry.folder, "/srv/registry");
    assert_string_equal(settings.log.folder, "/etc/assay/out");
    assert_int_equal(settings.rules_count, 2);
    assert_string_equal(settings.rules[0], "/etc/assay/own.yaml");
    assert_string_equal(settings.rules[1], "/opt/rules");
    assert_int_equal(settings.workers.count, 4);
    assert_int_equal(settings.workers.body_scan_kib, 0);
    assert_int_equal(settings.workers.checksum, SETTINGS_CHECKSUM_EXCUSE);
    assert_int_equal(settings.zones_count, 1);
    const struct settings_zone *zone = &settings.zones[0];
    assert_int_equal(zone->kind, SETTINGS_ZONE_CDE);
    assert_int_equal(zone->environment, SETTINGS_ENVIRONMENT_PRODUCTION);
    assert_true(zone->plaintext_allowed);
    assert_false(zone->trusted_proxy);
    assert_int_equal(zone->cidrs_count, 2);
    assert_string_equal(zone->cidrs[1], "2001:db8::/32");
    assert_int_equal(zone->vlans[1], 8);
    assert_int_equal(zone->vnis[0], 5000);
    struct diagnostic_place place = yaml_document_place(settings.document, "/zones/0/cidrs/1");
    assert_int_equal(place.line, 10);
    assert_int_equal(place.column, 26);
    place = yaml_document_place(settings.document, "/zones/0/environments/3");
    assert_int_equal(place.line, 6); /* the nearest entry above */
    assert_true(yaml_document_has(settings.document, "/workers/count"));
    assert_false(yaml_document_has(settings.document, "/workers/flows"));
    settings_deinit(&settings);
}

static void test_missing_file(void **state)
{
    (void)state;
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct settings settings;
    assert_int_equal(settings_load("/nonexistent/assay.yaml", &diagnostics, &settings), -ENOENT);
    assert_int_equal(diagnostics.errors, 1);
    assert_string_equal(diagnostics.entries[0].file, "/nonexistent/assay.yaml");
    assert_int_equal(settings_load("/", &diagnostics, &settings), -EISDIR);
    diagnostics_deinit(&diagnostics);
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const words[] = {"severity", "title", "check", NULL};
    assert_string_equal(yaml_nearest("sevrity", words), "severity");
    assert_string_equal(yaml_nearest("titel", words), "title");
    assert_null(yaml_nearest("colour", words));
    assert_null(yaml_nearest("", words));
}

static void load_driver(const char *folder, const char *name, uint32_t *count)
{
    char path[2 * SHIPPED_PATH_SIZE];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct driver_file file;
    int result = driver_file_load(path, &diagnostics, &file);
    diagnostics_print(&diagnostics, stderr);
    assert_int_equal(result, 0);
    assert_true(file.ports_count > 0);
    for (uint32_t i = 0; i < file.ports_count; i++) /* all descriptors of all queues must fit the pool */
        assert_true(file.ports[i].rx_queues * file.ports[i].rx_descriptors * file.ports_count < file.mbufs.count);
    driver_file_deinit(&file);
    diagnostics_deinit(&diagnostics);
    (*count)++;
}

static void test_shipped_drivers(void **state)
{
    (void)state;
    char folder[SHIPPED_PATH_SIZE];
    assert_int_equal(shipped_path_find("drivers-config", folder), 0);
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    uint32_t count = 0;
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory))
        if (strstr(entry->d_name, ".yaml"))
            load_driver(folder, entry->d_name, &count);
    closedir(directory);
    assert_int_equal(count, 11);
}

static void test_driver_mistakes(void **state)
{
    (void)state;
    char path[] = "/tmp/assay-driver-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    FILE *file = fdopen(descriptor, "w");
    fputs("description: x\nnet_driver: net_ixgbe\nports:\n"
          "- {device: '0000:01:00.0', rx_queues: 4, rx_descriptors: 8, mtu: 1500, promiscuous: true,\n"
          "   rss_key: symmetric-40}\n"
          "memory: {huge_page_kib: 4}\nbinding: {kernel_driver: vfio-pci}\ntested: false\ntested_note: x\n",
          file);
    fclose(file);
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct driver_file driver;
    assert_int_equal(driver_file_load(path, &diagnostics, &driver), -EINVAL);
    remove(path);
    assert_int_equal(diagnostics.errors, 3);
    assert_int_equal(diagnostics.entries[0].line, 6);
    assert_int_equal(diagnostics.entries[0].column, 25);
    assert_int_equal(diagnostics.entries[1].line, 4);
    assert_int_equal(diagnostics.entries[1].column, 58);
    assert_non_null(strstr(diagnostics.entries[2].message, "rss_functions"));
    diagnostics_deinit(&diagnostics);
}

static void test_rss_key(void **state)
{
    (void)state;
    uint8_t key[DRIVER_RSS_KEY_MAX];
    assert_int_equal(driver_rss_key_bytes(DRIVER_RSS_KEY_NONE, key), 0);
    assert_int_equal(driver_rss_key_bytes(DRIVER_RSS_KEY_SYMMETRIC_52, key), 52);
    assert_int_equal(driver_rss_key_bytes(DRIVER_RSS_KEY_SYMMETRIC_40, key), 40);
    assert_memory_equal(key, "\x6d\x5a\x6d\x5a", 4);
    assert_memory_equal(key + 36, "\x6d\x5a\x6d\x5a", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_mistake_has_a_place),
        cmocka_unit_test(test_broken_yaml),
        cmocka_unit_test(test_values_out_of_range),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_values_and_paths),
        cmocka_unit_test(test_missing_file),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_shipped_drivers),
        cmocka_unit_test(test_driver_mistakes),
        cmocka_unit_test(test_rss_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
