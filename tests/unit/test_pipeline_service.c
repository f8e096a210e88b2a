/* SPDX-License-Identifier: Apache-2.0 */

/*
 * services: the table against a plain list of names. However names are spread over tables and in whatever order they
 * come, the same ones keep a row, their counts are whole, and nothing is lost on the way.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pipeline/service.h"

static const struct hash_key key = {11, 22};

static struct service_table *table_new(void)
{
    struct service_table *table = calloc(1, sizeof(*table));
    service_table_init(table, &key);
    return table;
}

/* False: no entry with that host. `host` NULL asks for the calls without one. */
static bool find(const struct service_table *table, const char *host, struct service_report *report_out)
{
    for (uint32_t i = 0; i < SERVICE_ENTRIES_MAX; i++) {
        if (!service_table_entry(table, i, report_out))
            continue;
        if (!host ? !report_out->host.data : span_equal(report_out->host, span_from_text(host)))
            return true;
    }
    return false;
}

static void settle(struct service_table *table, const char *host, enum ledger_transaction_reason reason)
{
    service_table_settle(table, span_from_text(host), reason);
}

static void names_are_one_whatever_their_case(void **state)
{
    (void)state;
    struct service_table *table = table_new();
    struct service_report report;
    assert_false(find(table, NULL, &report));
    settle(table, "Api.Example", LEDGER_TRANSACTION_AUDITED);
    settle(table, "api.example", LEDGER_TRANSACTION_GAP);
    settle(table, "api.example:8080", LEDGER_TRANSACTION_GAP);
    uint64_t mark = service_table_mark(table, SPAN_LITERAL("API.EXAMPLE"));
    service_table_gap(table, mark, 2, 1000);
    assert_true(find(table, "api.example", &report));
    assert_int_equal(report.transactions[LEDGER_TRANSACTION_AUDITED], 1);
    assert_int_equal(report.transactions[LEDGER_TRANSACTION_GAP], 1);
    assert_int_equal(report.gaps, 2);
    assert_int_equal(report.gap_bytes, 1000);
    assert_true(find(table, "api.example:8080", &report));
    assert_int_equal(report.gaps, 0);
    assert_false(find(table, RECORD_SERVICE_OTHERS, &report));
    free(table);
}

static void a_row_that_counted_nothing_is_not_told(void **state)
{
    (void)state;
    struct service_table *table = table_new();
    struct service_report report;
    assert_int_not_equal(service_table_mark(table, SPAN_LITERAL("api.example")), 0);
    assert_false(find(table, "api.example", &report));
    free(table);
}

static void what_is_no_name_has_no_row(void **state)
{
    (void)state;
    struct service_table *table = table_new();
    struct service_report report;
    char large[SERVICE_HOST_MAX + 2];
    memset(large, 'a', sizeof(large));
    large[SERVICE_HOST_MAX + 1] = '\0';
    assert_int_equal(service_table_mark(table, (struct span){NULL, 0}), 0);
    service_table_settle(table, (struct span){NULL, 0}, LEDGER_TRANSACTION_NO_REQUEST);
    service_table_gap(table, 0, 1, 5);
    settle(table, large, LEDGER_TRANSACTION_AUDITED);
    settle(table, "(others)", LEDGER_TRANSACTION_AUDITED);
    service_table_gap(table, service_table_mark(table, SPAN_LITERAL("(others)")), 1, 7);
    assert_int_equal(table->count, 0);
    assert_true(find(table, NULL, &report));
    assert_int_equal(report.transactions[LEDGER_TRANSACTION_NO_REQUEST], 1);
    assert_int_equal(report.gap_bytes, 5);
    assert_true(find(table, RECORD_SERVICE_OTHERS, &report));
    assert_int_equal(report.transactions[LEDGER_TRANSACTION_AUDITED], 2);
    assert_int_equal(report.gap_bytes, 7);

    large[SERVICE_HOST_MAX] = '\0';
    settle(table, large, LEDGER_TRANSACTION_AUDITED);
    assert_int_equal(table->count, 1);
    free(table);
}

#define NAMES 5000u

/* Name `i` is seen i % 7 + 1 times and lacks i bytes in one hole; all of it falls to one of `tables` by `spread`. */
static void fill(struct service_table **tables, uint32_t count, uint32_t start, uint32_t spread)
{
    for (uint32_t turn = 0; turn < 7; turn++)
        for (uint32_t i = 0; i < NAMES; i++) {
            uint32_t name = (start + i * 1777u) % NAMES; /* 1777 has no factor of 5000 */
            if (turn > name % 7)
                continue;
            struct service_table *table = tables[(name / spread + turn) % count];
            char host[32];
            snprintf(host, sizeof(host), "host-%u.example", name);
            settle(table, host, turn % 2 ? LEDGER_TRANSACTION_GAP : LEDGER_TRANSACTION_AUDITED);
            if (turn == 0)
                service_table_gap(table, service_table_mark(table, span_from_text(host)), 1, name);
        }
}

static void assert_same(const struct service_table *left, const struct service_table *right)
{
    struct service_report one, other;
    uint32_t compared = 0;
    for (uint32_t i = 0; i < SERVICE_ENTRIES_MAX; i++) {
        if (!service_table_entry(left, i, &one))
            continue;
        char host[SERVICE_HOST_MAX + 1];
        snprintf(host, sizeof(host), "%.*s", (int)one.host.size, (const char *)one.host.data);
        assert_true(find(right, host, &other));
        assert_memory_equal(one.transactions, other.transactions, sizeof(one.transactions));
        assert_int_equal(one.gaps, other.gaps);
        assert_int_equal(one.gap_bytes, other.gap_bytes);
        compared++;
    }
    assert_int_equal(compared, SERVICE_ROWS_MAX + 1); /* and "(others)" */
}

static void spread_and_order_do_not_show(void **state)
{
    (void)state;
    struct service_table *whole = table_new();
    fill(&whole, 1, 0, 1);
    assert_int_equal(whole->count, SERVICE_ROWS_MAX);
    static const uint32_t counts[] = {1, 2, 4, 9};
    for (uint32_t i = 0; i < 4; i++) {
        struct service_table *tables[9], *sum = table_new();
        for (uint32_t j = 0; j < counts[i]; j++)
            tables[j] = table_new();
        fill(tables, counts[i], 311 * i + 7, i + 1);
        for (uint32_t j = 0; j < counts[i]; j++) {
            service_table_add(sum, tables[j]);
            free(tables[j]);
        }
        assert_same(whole, sum);
        assert_same(sum, whole);
        free(sum);
    }
    free(whole);
}

static void a_row_is_whole_and_nothing_is_lost(void **state)
{
    (void)state;
    struct service_table *table = table_new();
    fill(&table, 1, 0, 1);
    struct service_report report;
    uint64_t transactions = 0, gaps = 0, bytes = 0, expected = 0;
    for (uint32_t i = 0; i < SERVICE_ENTRIES_MAX; i++) {
        if (!service_table_entry(table, i, &report))
            continue;
        uint64_t sum = 0;
        for (uint32_t reason = 0; reason < LEDGER_TRANSACTION_REASON_COUNT; reason++)
            sum += report.transactions[reason];
        unsigned name;
        if (report.host.size && sscanf((const char *)report.host.data, "host-%u.", &name) == 1) {
            assert_int_equal(sum, name % 7 + 1);
            assert_int_equal(report.gap_bytes, name);
        }
        transactions += sum;
        gaps += report.gaps;
        bytes += report.gap_bytes;
    }
    for (uint32_t name = 0; name < NAMES; name++)
        expected += name % 7 + 1;
    assert_int_equal(transactions, expected);
    assert_int_equal(gaps, NAMES);
    assert_int_equal(bytes, (uint64_t)NAMES * (NAMES - 1) / 2);
    free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_one_whatever_their_case),  cmocka_unit_test(a_row_that_counted_nothing_is_not_told),
        cmocka_unit_test(what_is_no_name_has_no_row),         cmocka_unit_test(spread_and_order_do_not_show),
        cmocka_unit_test(a_row_is_whole_and_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
