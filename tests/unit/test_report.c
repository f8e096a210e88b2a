/* SPDX-License-Identifier: Apache-2.0 */

/* report: tallies, tables, and reading the log while it is being written. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "report/log.h"

static struct tally_finding finding(const char *rule, const char *path, enum verdict verdict, enum severity severity)
{
    return (struct tally_finding){.rule = span_from_text(rule),
                                  .title = SPAN_LITERAL("a title"),
                                  .method = SPAN_LITERAL("GET"),
                                  .host = SPAN_LITERAL("a.example"),
                                  .path = span_from_text(path),
                                  .verdict = verdict,
                                  .severity = severity};
}

static char *printed(const struct tally *tally, uint32_t rows)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    tally_print(tally, rows, stream);
    fclose(stream);
    return text;
}

static void findings_are_counted_by_rule_and_operation_without_queries(void **state)
{
    (void)state;
    struct tally *tally = tally_new();
    struct tally_finding a = finding("HDR-001", "/a?card=4111111111111111", VERDICT_FAIL, SEVERITY_MEDIUM);
    struct tally_finding b = finding("HDR-001", "/a?x=2", VERDICT_UNKNOWN, SEVERITY_HIGH);
    struct tally_finding c = finding("AUT-001", "/b\x1b[2J", VERDICT_ERROR, SEVERITY_CRITICAL);
    assert_int_equal(tally_add(tally, &a), 0);
    assert_int_equal(tally_add(tally, &b), 0);
    assert_int_equal(tally_add(tally, &c), 0);
    assert_int_equal(tally_failed(tally), 2);
    assert_int_equal(tally_unknown(tally), 1);
    char *text = printed(tally, 10);
    assert_null(strstr(text, "4111"));
    assert_null(strchr(text, '\x1b'));
    assert_non_null(strstr(text, "not registered: GET a.example/a "));
    assert_true(strstr(text, "AUT-001") < strstr(text, "HDR-001"));
    free(text);
    text = printed(tally, 1);
    assert_non_null(strstr(text, "and 1 more"));
    free(text);
    tally_free(tally);
}

static void rows_beyond_the_limit_are_counted_together(void **state)
{
    (void)state;
    struct tally *tally = tally_new();
    for (uint32_t i = 0; i < TALLY_ROWS_MAX + 5; i++) {
        char path[32];
        snprintf(path, sizeof(path), "/%u", i);
        struct tally_finding one = finding("R", path, VERDICT_FAIL, SEVERITY_LOW);
        assert_int_equal(tally_add(tally, &one), 0);
    }
    char *text = printed(tally, UINT32_MAX);
    char row[128];
    snprintf(row, sizeof(row), "%-60s %-9s %9d %9d\n", "(others)", "low", 5, 0);
    bool shown = strstr(text, row) != NULL;
    free(text);
    assert_true(shown);
    tally_free(tally);
}

static void the_log_is_followed_over_cut_lines_and_files(void **state)
{
    (void)state;
    char folder[] = "/tmp/assay-report-XXXXXX", path[128];
    assert_non_null(mkdtemp(folder));
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct report_log *log;
    assert_int_equal(report_log_open(folder, false, &diagnostics, &log), 0);
    struct report_entry entry;
    assert_int_equal(report_log_next(log, &entry), 0);
    assert_int_equal(entry.kind, REPORT_LINE_NONE);

    snprintf(path, sizeof(path), "%s/findings-2026-11-20.jsonl", folder);
    FILE *file = fopen(path, "w");
    fputs("{\"type\":\"finding\",\"rule\":\"HDR-001\",\"verdict\":\"fail\",\"sev", file);
    fflush(file);
    assert_int_equal(report_log_next(log, &entry), 0);
    assert_int_equal(entry.kind, REPORT_LINE_NONE);
    fputs("erity\":\"high\",\"title\":\"x\\u001b[2J\",\"evidence\":{\"header\":\"X-Request-ID\"}}\nnot json\n", file);
    fflush(file);
    assert_int_equal(report_log_next(log, &entry), 0);
    assert_int_equal(entry.kind, REPORT_LINE_FINDING);
    assert_int_equal(entry.finding.severity, SEVERITY_HIGH);
    assert_int_equal(entry.finding.verdict, VERDICT_FAIL);
    assert_non_null(strstr(entry.text, "header=X-Request-ID"));
    assert_null(strchr(entry.text, '\x1b'));
    fclose(file);

    char second[128];
    snprintf(second, sizeof(second), "%s/findings-2026-11-21.jsonl", folder);
    file = fopen(second, "w");
    fputs("{\"type\":\"ledger\",\"worker\":null,\"received\":{\"packets\":2,\"bytes\":9},\"audited\":{\"packets\":2,"
          "\"bytes\":9},\"transactions\":{\"seen\":1,\"excused\":{\"gap\":1}},\"not_received\":{\"tcp_gaps\":3}}\n",
          file);
    fclose(file);
    assert_int_equal(report_log_next(log, &entry), 0);
    assert_int_equal(entry.kind, REPORT_LINE_LEDGER);
    assert_true(entry.ledger_whole);
    assert_true(ledger_balanced(&entry.ledger));
    assert_int_equal(entry.ledger.missing[LEDGER_MISSING_TCP_GAPS], 3);
    assert_int_equal(report_log_unreadable(log), 1);
    report_log_close(log);
    unlink(path);
    unlink(second);
    rmdir(folder);
    diagnostics_deinit(&diagnostics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(findings_are_counted_by_rule_and_operation_without_queries),
        cmocka_unit_test(rows_beyond_the_limit_are_counted_together),
        cmocka_unit_test(the_log_is_followed_over_cut_lines_and_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
