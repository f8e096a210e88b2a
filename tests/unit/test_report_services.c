/* SPDX-License-Identifier: Apache-2.0 */

/* report: coverage by service added up over the log, in an order of its own, and safe on a terminal. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "report/log.h"
#include "report/services.h"

static void add(struct services *services, const char *host, uint64_t audited, uint64_t gap, uint64_t gap_bytes)
{
    struct service_report report = {.host = span_from_text(host), .gaps = gap_bytes != 0, .gap_bytes = gap_bytes};
    report.tls[LEDGER_TLS_LATE] = gap; /* as many, to tell them apart from nothing */
    report.transactions[LEDGER_TRANSACTION_AUDITED] = audited;
    report.transactions[LEDGER_TRANSACTION_GAP] = gap;
    assert_int_equal(services_add(services, &report), 0);
}

static char *printed(const struct services *services, uint32_t rows)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    services_print(services, rows, stream);
    fclose(stream);
    return text;
}

static void reports_add_up_in_order_of_transactions(void **state)
{
    (void)state;
    struct services *services = services_new();
    add(services, "b.example", 1, 1, 700);
    add(services, "a.example", 2, 0, 0);
    add(services, "c.example", 5, 0, 0);
    add(services, NULL, 0, 1, 0);
    add(services, "b.example", 0, 1, 300);
    char buffer[4096];
    struct json_writer writer;
    json_writer_init(&writer, buffer, sizeof(buffer) - 1);
    services_json(services, &writer);
    assert_false(writer.overflow);
    buffer[writer.size] = '\0';
#define EXCUSED(gap)                                                                                                   \
    "\"excused\":{\"gap\":" gap ",\"truncated\":0,\"no_request\":0,\"no_response\":0,\"ambiguous\":0,"                 \
    "\"undecoded\":0,\"budget\":0,\"not_evaluated\":0}},\"tls\":{\"opened\":0,\"no_key\":0,\"late\":" gap              \
    ",\"ech\":0,\"unsupported\":0,\"loss\":0,\"budget\":0,\"refused\":0,\"datagram\":0}"
    assert_string_equal(buffer, "[{\"host\":\"c.example\",\"transactions\":{\"audited\":5," EXCUSED(
                                    "0") ",\"gaps\":0,\"gap_bytes\":0},"
                                         "{\"host\":\"b.example\",\"transactions\":{\"audited\":1," EXCUSED(
                                             "2") ",\"gaps\":2,\"gap_bytes\":1000},"
                                                  "{\"host\":\"a.example\",\"transactions\":{\"audited\":2," EXCUSED(
                                                      "0") ",\"gaps\":0,\"gap_bytes\":0},"
                                                           "{\"host\":null,\"transactions\":{\"audited\":0," EXCUSED(
                                                               "1") ",\"gaps\":0,\"gap_bytes\":0}]");
    services_free(services);
}

static void a_terminal_is_shown_no_control_characters(void **state)
{
    (void)state;
    struct services *services = services_new();
    add(services, "a\x1b[2J", 2, 3, 0);
    add(services, NULL, 1, 0, 0);
    char *text = printed(services, 10);
    assert_null(strchr(text, '\x1b'));
    assert_non_null(strstr(text, "a?[2J"));
    assert_non_null(strstr(text, "(no host named)"));
    assert_non_null(strstr(text, "gap 3, tls late 3\n"));
    free(text);
    text = printed(services, 1);
    assert_non_null(strstr(text, "... and 1 more"));
    free(text);
    services_free(services);
}

static void hosts_beyond_the_limit_are_counted_together(void **state)
{
    (void)state;
    struct services *services = services_new();
    for (uint32_t i = 0; i < SERVICES_ROWS_MAX + 30; i++) {
        char host[32];
        snprintf(host, sizeof(host), "h%u", i);
        add(services, host, 1, 0, 0);
    }
    add(services, RECORD_SERVICE_OTHERS, 12, 0, 0);
    char *text = printed(services, 1);
    assert_non_null(strstr(text, "(others)  "));
    assert_non_null(strstr(text, "  42  "));
    free(text);
    services_free(services);
}

static void services_and_findings_about_the_auditing_are_read_from_the_log(void **state)
{
    (void)state;
    char folder[] = "/tmp/test_report_services_XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/1.jsonl", folder);
    FILE *stream = fopen(path, "w");
    fputs("{\"type\":\"service\",\"host\":\"a.example\",\"seconds\":60,\"transactions\":{\"audited\":4,"
          "\"excused\":{\"no_response\":2}},\"gaps\":1,\"gap_bytes\":99}\n"
          "{\"type\":\"service\",\"host\":null,\"transactions\":{\"audited\":1,\"excused\":{}}}\n"
          "{\"type\":\"finding\",\"rule\":\"AUD-008\",\"verdict\":\"pass\",\"severity\":\"info\",\"title\":\"t\","
          "\"protocol\":null,\"method\":null,\"path\":null,\"operation\":null,\"evidence\":{\"event\":\"start\"}}\n",
          stream);
    fclose(stream);
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct report_log *log;
    struct report_entry entry;
    assert_int_equal(report_log_open(folder, false, &diagnostics, &log), 0);
    assert_int_equal(report_log_next(log, &entry), 0);
    assert_int_equal(entry.kind, REPORT_LINE_SERVICE);
    assert_true(span_equal(entry.service.host, SPAN_LITERAL("a.example")));
    assert_int_equal(entry.service.transactions[LEDGER_TRANSACTION_AUDITED], 4);
    assert_int_equal(entry.service.transactions[LEDGER_TRANSACTION_NO_RESPONSE], 2);
    assert_int_equal(entry.service.gap_bytes, 99);
    assert_int_equal(report_log_next(log, &entry), 0);
    assert_int_equal(entry.kind, REPORT_LINE_SERVICE);
    assert_null(entry.service.host.data);
    assert_int_equal(report_log_next(log, &entry), 0);
    assert_int_equal(entry.kind, REPORT_LINE_FINDING);
    assert_int_equal(entry.finding.verdict, VERDICT_PASS);
    assert_true(span_equal(entry.finding.operation, SPAN_LITERAL(TALLY_ITSELF)));

    /* A pass is told, not counted. */
    struct tally *tally = tally_new();
    assert_int_equal(tally_add(tally, &entry.finding), 0);
    assert_int_equal(tally_failed(tally), 0);
    tally_free(tally);
    assert_int_equal(report_log_unreadable(log), 0);
    report_log_close(log);
    diagnostics_deinit(&diagnostics);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_add_up_in_order_of_transactions),
        cmocka_unit_test(a_terminal_is_shown_no_control_characters),
        cmocka_unit_test(hosts_beyond_the_limit_are_counted_together),
        cmocka_unit_test(services_and_findings_about_the_auditing_are_read_from_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
