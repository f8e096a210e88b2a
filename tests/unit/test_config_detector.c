/* SPDX-License-Identifier: Apache-2.0 */

/* config: detector files, what is read of them and how mistakes are told. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/detector_file.h"

#define ENTRY                                                                                                          \
    "  - id: X1\n"                                                                                                     \
    "    name: Badge\n"                                                                                                \
    "    class: PII\n"                                                                                                 \
    "    pattern: '\\bAB-\\d{7}'\n"                                                                                    \
    "    candidate: [literal, plus]\n"                                                                                 \
    "    mask: {show: ends, first: 2, last: 1}\n"

static int load(const char *text, struct diagnostics *diagnostics, struct detector_file **file_out)
{
    char path[] = "/tmp/detectors-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, strlen(text)), (ssize_t)strlen(text));
    close(descriptor);
    diagnostics_init(diagnostics);
    int status = detector_file_load(path, diagnostics, file_out);
    unlink(path);
    return status;
}

static void expect_mistake(const char *text, uint32_t line, uint32_t column, const char *words)
{
    struct diagnostics diagnostics;
    struct detector_file *file = NULL;
    assert_int_equal(load(text, &diagnostics, &file), -EINVAL);
    assert_null(file);
    assert_true(diagnostics.errors >= 1);
    uint32_t entry = 0;
    while (entry < diagnostics.count && !strstr(diagnostics.entries[entry].message, words))
        entry++;
    if (entry == diagnostics.count)
        fail_msg("'%s' does not say '%s'", diagnostics.entries[0].message, words);
    assert_int_equal(diagnostics.entries[entry].line, line);
    assert_int_equal(diagnostics.entries[entry].column, column);
    diagnostics_deinit(&diagnostics);
}

static void settings_are_read(void **state)
{
    (void)state;
    struct diagnostics diagnostics;
    struct detector_file *file = NULL;
    assert_int_equal(
        load("# words\ndetectors:\n" ENTRY
             "    keywords: [one, two words]\n    keyword_required: true\n    found: ['a', \"b\\n\"]\n"
             "    digest: lower\n\n  - {id: X2, name: Other, class: PII, pattern: abc, candidate: [always],"
             " mask: {show: nothing}, validator: luhn, disabled: true}\n",
             &diagnostics, &file),
        0);
    assert_int_equal(file->count, 2);
    const struct detector_setting *first = &file->settings[0], *second = &file->settings[1];
    assert_string_equal(first->id, "X1");
    assert_string_equal(first->pattern, "\\bAB-\\d{7}");
    assert_int_equal(first->candidate, DETECTOR_LITERAL | DETECTOR_PLUS);
    assert_int_equal(first->mask.show, DETECTOR_SHOW_ENDS);
    assert_int_equal(first->mask.first, 2);
    assert_int_equal(first->keyword_count, 2);
    assert_string_equal(first->keywords[1], "two words");
    assert_true(first->keyword_required);
    assert_string_equal(first->found[1], "b\n");
    assert_int_equal(first->digest, DETECTOR_DIGEST_LOWER);
    assert_null(first->validator);
    assert_int_equal(first->line, 3);
    assert_int_equal(first->column, 5);
    assert_string_equal(second->validator, "luhn");
    assert_true(second->disabled);
    assert_int_equal(second->line, 14);
    detector_file_free(file);
    diagnostics_deinit(&diagnostics);
}

static void unknown_keys_are_all_told(void **state)
{
    (void)state;
    expect_mistake("detectors:\n" ENTRY "    keyword: [a]\n", 8, 5, "unknown key 'keyword'");
    expect_mistake("detector:\n" ENTRY, 1, 1, "unknown key 'detector'");
    expect_mistake("detectors:\n  - id: X\n    mask: {show: ends, frist: 1}\n", 3, 24, "unknown key 'frist'");
    struct diagnostics diagnostics;
    struct detector_file *file = NULL;
    assert_int_equal(load("detectors:\n" ENTRY "    a: 1\n    b: {c: d}\n    e: [f, {g: h}]\n", &diagnostics, &file),
                     -EINVAL);
    assert_int_equal(diagnostics.errors, 3);
    diagnostics_deinit(&diagnostics);
}

static void wrong_values_are_told(void **state)
{
    (void)state;
    expect_mistake("detectors:\n" ENTRY "    caseless: perhaps\n", 8, 15, "perhaps");
    expect_mistake("detectors:\n" ENTRY "    digest: md5\n", 8, 13, "md5");
    expect_mistake("detectors:\n" ENTRY ENTRY, 8, 9, "already defined in line 2");
    struct diagnostics diagnostics;
    struct detector_file *file = NULL;
    static const char *const broken[] = {"detectors:\n  - id: [",
                                         "detectors: 7\n",
                                         "",
                                         "[]",
                                         "detectors:\n  - name: x\n",
                                         "detectors:\n  - [a, b]\n",
                                         "- - - - - - - - - - - a\n",
                                         "a: &x [*x]\n",
                                         "detectors:\n" ENTRY "    name: again\n",
                                         "\xff\xfe\x00",
                                         "detectors:\n  - *a\n"};
    for (size_t i = 0; i < ARRAY_COUNT(broken); i++) {
        assert_int_equal(load(broken[i], &diagnostics, &file), -EINVAL);
        assert_true(diagnostics.errors >= 1);
        assert_null(file);
        diagnostics_deinit(&diagnostics);
    }
}

static void files_that_cannot_be_read_are_told(void **state)
{
    (void)state;
    struct diagnostics diagnostics;
    struct detector_file *file = NULL;
    diagnostics_init(&diagnostics);
    assert_int_equal(detector_file_load("/nonexistent/detectors.yaml", &diagnostics, &file), -ENOENT);
    assert_int_equal(diagnostics.errors, 1);
    assert_int_equal(detector_file_load("/tmp", &diagnostics, &file), -EISDIR);
    diagnostics_deinit(&diagnostics);
}

static void shipped_file_is_read(void **state)
{
    (void)state;
    char path[4096];
    struct diagnostics diagnostics;
    struct detector_file *file = NULL;
    snprintf(path, sizeof(path), "%s/rules/detectors.yaml", getenv("ASSAY_SOURCE"));
    diagnostics_init(&diagnostics);
    assert_int_equal(detector_file_load(path, &diagnostics, &file), 0);
    assert_int_equal(diagnostics.count, 0);
    assert_int_equal(file->count, 60);
    for (uint32_t i = 0; i < file->count; i++) {
        assert_true(file->settings[i].line > 0);
        assert_non_null(file->settings[i].false_positives);
    }
    detector_file_free(file);
    diagnostics_deinit(&diagnostics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_read),     cmocka_unit_test(unknown_keys_are_all_told),
        cmocka_unit_test(wrong_values_are_told), cmocka_unit_test(files_that_cannot_be_read_are_told),
        cmocka_unit_test(shipped_file_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
