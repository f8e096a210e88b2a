/* SPDX-License-Identifier: Apache-2.0 */

/* UTF-8: every sequence of up to two bytes and the borders of longer ones against RFC 3629 4, in one piece and in two.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/utf8.h"

struct sample {
    bool valid;
    uint8_t size;
    const char *bytes;
};

static const struct sample samples[] = {
    {true, 0, ""},
    {true, 3, "abc"},
    {true, 2, "\xc2\x80"},
    {true, 2, "\xdf\xbf"},
    {false, 2, "\xc1\xbf"},
    {false, 2, "\xc0\x80"},
    {true, 3, "\xe0\xa0\x80"},
    {false, 3, "\xe0\x9f\xbf"},
    {true, 3, "\xed\x9f\xbf"},
    {false, 3, "\xed\xa0\x80"},
    {true, 3, "\xee\x80\x80"},
    {true, 3, "\xef\xbf\xbf"},
    {true, 4, "\xf0\x90\x80\x80"},
    {false, 4, "\xf0\x8f\xbf\xbf"},
    {true, 4, "\xf4\x8f\xbf\xbf"},
    {false, 4, "\xf4\x90\x80\x80"},
    {false, 4, "\xf5\x80\x80\x80"},
    {false, 1, "\x80"},
    {false, 1, "\xff"},
    {false, 2, "\xe2\x82"},
    {false, 3, "\xe2\x82z"},
    {false, 3, "\xc3\xa9\xa9"},
    {true, 20, "0123456789abcdef\xf0\x9f\x98\x80"},
    {false, 18, "0123456789abcdef\xe2\x82"},
};

static void test_samples(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(samples); i++) {
        for (uint32_t cut = 0; cut <= samples[i].size; cut++) {
            struct utf8_check check = {0};
            utf8_check_add(&check, (const uint8_t *)samples[i].bytes, cut);
            utf8_check_add(&check, (const uint8_t *)samples[i].bytes + cut, samples[i].size - cut);
            assert_int_equal(utf8_check_valid(&check), samples[i].valid);
        }
    }
}

static void test_all_pairs(void **state)
{
    (void)state;
    for (uint32_t pair = 0; pair < 65536; pair++) {
        uint8_t bytes[2] = {(uint8_t)(pair >> 8), (uint8_t)pair};
        bool ascii = bytes[0] < 0x80 && bytes[1] < 0x80;
        bool two = bytes[0] >= 0xc2 && bytes[0] <= 0xdf && bytes[1] >= 0x80 && bytes[1] <= 0xbf;
        struct utf8_check check = {0};
        utf8_check_add(&check, bytes, 2);
        assert_int_equal(utf8_check_valid(&check), ascii || two);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_all_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
