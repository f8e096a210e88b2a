/* SPDX-License-Identifier: Apache-2.0 */

/* report: the inventory of certificates, put together over the log. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "report/certificates.h"
#include "report/log.h"

static const struct certificate_report one = {
    .first_ns = 1000000000,
    .last_ns = 2000000000,
    .count = 2,
    .not_before_s = 0,
    .not_after_s = 1000,
    .server_port = 443,
    .sha256 = {(const uint8_t *)"aa", 2},
    .subject = {(const uint8_t *)"CN=a\x1b[1m", 8},
};

static char *printed(const struct certificates *certificates, uint32_t rows)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    certificates_print(certificates, rows, stream);
    fclose(stream);
    return text;
}

static void reports_of_one_certificate_are_one_row(void **state)
{
    (void)state;
    struct certificates *certificates = certificates_new();
    struct certificate_report later = one, other = one;
    later.first_ns = 2000000000;
    later.last_ns = 9000000000;
    later.count = 5;
    other.sha256 = SPAN_LITERAL("bb");
    other.not_after_s = 500;
    assert_int_equal(certificates_add(certificates, &later), 0);
    assert_int_equal(certificates_add(certificates, &one), 0);
    assert_int_equal(certificates_add(certificates, &other), 0);
    static char buffer[4096];
    struct json_writer writer;
    json_writer_init(&writer, buffer, sizeof(buffer) - 1);
    certificates_json(certificates, &writer);
    buffer[writer.size] = '\0';
    const char *first = strstr(buffer, "\"sha256\":\"bb\""), *second = strstr(buffer, "\"sha256\":\"aa\"");
    assert_true(first && second && first < second); /* that ends first is first */
    assert_non_null(strstr(second, "\"first\":\"1970-01-01T00:00:01.000000000Z\""));
    assert_non_null(strstr(second, "\"last\":\"1970-01-01T00:00:09.000000000Z\""));
    assert_non_null(strstr(second, "\"not_after\":\"1970-01-01T00:16:40.000000000Z\""));
    assert_non_null(strstr(second, "\"count\":7"));
    char *text = printed(certificates, 1);
    assert_non_null(strstr(text, "certificates seen: 2"));
    assert_non_null(strstr(text, "... and 1 more"));
    assert_null(strchr(text, '\x1b'));
    free(text);
    certificates_free(certificates);
}

static void lines_of_the_log_come_back(void **state)
{
    (void)state;
    static const char line[] =
        "{\"type\":\"certificate\",\"time\":\"2026-11-20T10:00:00.000000000Z\",\"sha256\":\"00ff\",\"presented_by\":"
        "\"client\",\"subject\":\"CN=x\",\"issuer\":null,\"serial\":\"01\",\"names\":\"a b\",\"not_before\":"
        "\"2026-11-01T00:00:00.000000000Z\",\"not_after\":\"2027-01-30T00:00:00.000000000Z\",\"dst\":\"192.0.2.1\","
        "\"dst_port\":443,\"first\":\"2026-11-20T09:00:00.000000000Z\",\"last\":\"2026-11-20T10:00:00.000000000Z\","
        "\"count\":4}\n";
    char folder[] = "/tmp/assay_report_XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/findings-20261120T100000Z-000001.jsonl", folder);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(line, file);
    fclose(file);
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct report_log *log;
    struct report_entry entry;
    assert_int_equal(report_log_open(folder, false, &diagnostics, &log), 0);
    assert_int_equal(report_log_next(log, &entry), 0);
    assert_int_equal(entry.kind, REPORT_LINE_CERTIFICATE);
    assert_true(entry.certificate.client);
    assert_int_equal(entry.certificate.count, 4);
    assert_true(entry.certificate.not_after_s == 1801267200);
    assert_true(entry.certificate.first_ns == UINT64_C(1795165200) * 1000000000u);
    assert_true(span_equal(entry.certificate.sha256, SPAN_LITERAL("00ff")));
    assert_true(span_equal(entry.certificate.names, SPAN_LITERAL("a b")));
    assert_int_equal(entry.certificate.issuer.size, 0);
    report_log_close(log);
    diagnostics_deinit(&diagnostics);
    remove(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_of_one_certificate_are_one_row),
        cmocka_unit_test(lines_of_the_log_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
