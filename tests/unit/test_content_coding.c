/* SPDX-License-Identifier: Apache-2.0 */

/* Content-Encoding lists: RFC 9110 8.4 and 5.6.1. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/content_coding.h"

struct list_case {
    const char *header;
    uint8_t count;
    uint8_t list[CONTENT_LAYERS_MAX];
    uint8_t outcome;
};

static void test_lists(void **state)
{
    (void)state;
    static const struct list_case cases[] = {
        {"", 0, {0}, CONTENT_OPEN},
        {"identity", 0, {0}, CONTENT_OPEN},
        {" , ,\t,", 0, {0}, CONTENT_OPEN},
        {"gzip", 1, {CONTENT_GZIP}, CONTENT_OPEN},
        {"x-gzip", 1, {CONTENT_GZIP}, CONTENT_OPEN},
        {"X-GZip", 1, {CONTENT_GZIP}, CONTENT_OPEN},
        {"deflate", 1, {CONTENT_DEFLATE}, CONTENT_OPEN},
        {"BR", 1, {CONTENT_BROTLI}, CONTENT_OPEN},
        {"\tzstd ", 1, {CONTENT_ZSTD}, CONTENT_OPEN},
        {"gzip, br", 2, {CONTENT_GZIP, CONTENT_BROTLI}, CONTENT_OPEN},
        {"br,gzip", 2, {CONTENT_BROTLI, CONTENT_GZIP}, CONTENT_OPEN},
        {",deflate ,, Identity,\tgzip,", 2, {CONTENT_DEFLATE, CONTENT_GZIP}, CONTENT_OPEN},
        {"gzip, gzip, gzip", 2, {CONTENT_GZIP, CONTENT_GZIP}, CONTENT_LAYERS},
        {"compress", 0, {0}, CONTENT_UNSUPPORTED},
        {"gzip, aws-chunked", 1, {CONTENT_GZIP}, CONTENT_UNSUPPORTED},
        {"gzip;q=1", 0, {0}, CONTENT_UNSUPPORTED},
        {"gzip br", 0, {0}, CONTENT_UNSUPPORTED},
        {"gzi", 0, {0}, CONTENT_UNSUPPORTED},
        {"gzipp", 0, {0}, CONTENT_UNSUPPORTED},
        {"br, br, br, exi", 2, {CONTENT_BROTLI, CONTENT_BROTLI}, CONTENT_UNSUPPORTED},
        {"exi, br, br, br", 2, {CONTENT_BROTLI, CONTENT_BROTLI}, CONTENT_UNSUPPORTED},
    };
    for (uint32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct content_codings codings = {0};
        content_coding_parse(span_from_text(cases[i].header), &codings);
        print_message("\"%s\"\n", cases[i].header);
        assert_int_equal(codings.count, cases[i].count);
        assert_memory_equal(codings.list, cases[i].list, codings.count);
        assert_int_equal(codings.outcome, cases[i].outcome);
    }
}

static void test_several_headers_are_one_list(void **state)
{
    (void)state;
    struct content_codings codings = {0};
    content_coding_parse(SPAN_LITERAL("gzip"), &codings);
    content_coding_parse(SPAN_LITERAL("identity"), &codings);
    content_coding_parse(SPAN_LITERAL("br"), &codings);
    assert_int_equal(codings.count, 2);
    assert_int_equal(codings.list[0], CONTENT_GZIP);
    assert_int_equal(codings.list[1], CONTENT_BROTLI);
    assert_int_equal(codings.outcome, CONTENT_OPEN);
    content_coding_parse(SPAN_LITERAL("zstd"), &codings);
    assert_int_equal(codings.outcome, CONTENT_LAYERS);
}

static void test_names_are_told_apart(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < CONTENT_OUTCOME_COUNT; i++)
        for (uint32_t j = 0; j < i; j++)
            assert_string_not_equal(content_outcome_name(i), content_outcome_name(j));
    for (uint32_t i = 0; i < CONTENT_CODING_COUNT; i++) {
        struct content_codings codings = {0};
        content_coding_parse(span_from_text(content_coding_name(i)), &codings);
        assert_int_equal(codings.list[0], i);
        assert_int_equal(codings.count, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_several_headers_are_one_list),
        cmocka_unit_test(test_names_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
