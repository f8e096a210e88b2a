/* SPDX-License-Identifier: Apache-2.0 */

/* Charset: expectations are those of RFC 2781, RFC 4627 3 and the WHATWG index of windows-1252; every cut. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/charset.h"

static uint32_t decode(enum charset charset, const void *data, uint32_t size, uint32_t cut, char *out)
{
    struct charset_decoder decoder = {.charset = (uint8_t)charset};
    uint32_t used = 0;
    struct span pieces[2] = {span_of(data, cut), span_of((const uint8_t *)data + cut, size - cut)};
    for (uint32_t i = 0; i < 2; i++)
        while (pieces[i].size)
            used +=
                charset_decode(&decoder, &pieces[i], (uint8_t *)out + used, CHARSET_PENDING_MAX + CHARSET_GROWTH_MAX);
    used += charset_finish(&decoder, (uint8_t *)out + used);
    out[used] = '\0';
    return used;
}

static void expect(enum charset charset, const void *data, uint32_t size, const char *text)
{
    char out[512];
    for (uint32_t cut = 0; cut <= size; cut++) {
        assert_int_equal(decode(charset, data, size, cut, out), strlen(text));
        assert_string_equal(out, text);
    }
}

#define EXPECT(charset, bytes, text) expect(charset, bytes, (uint32_t)sizeof(bytes) - 1, text)

static void test_texts(void **state)
{
    (void)state;
    EXPECT(CHARSET_UTF_16_LITTLE, "4\0001\0\xe9\0\xac\x20", "41\xc3\xa9\xe2\x82\xac");
    EXPECT(CHARSET_UTF_16_BIG, "\0004\0001\0\xe9\x20\xac", "41\xc3\xa9\xe2\x82\xac");
    /* RFC 2781 5: the sign U+12345 as a pair */
    EXPECT(CHARSET_UTF_16_BIG, "\xd8\x08\xdf\x45\0=\0R", "\xf0\x92\x8d\x85=R");
    EXPECT(CHARSET_UTF_16_LITTLE, "\x08\xd8\x45\xdf=\0R\0", "\xf0\x92\x8d\x85=R");
    EXPECT(CHARSET_UTF_16_BIG, "\xd8\x08\0A\xdf\x45",
           "\xef\xbf\xbd"
           "A\xef\xbf\xbd");
    EXPECT(CHARSET_UTF_16_BIG, "\xd8\x08\xd8\x08\xdf\x45", "\xef\xbf\xbd\xf0\x92\x8d\x85");
    EXPECT(CHARSET_UTF_16_LITTLE, "A\0B", "A\xef\xbf\xbd");
    EXPECT(CHARSET_UTF_16_BIG, "\0A\xd8\x08", "A\xef\xbf\xbd");
    EXPECT(CHARSET_WINDOWS_1252, "a\xe9\x80\x9f\x81", "a\xc3\xa9\xe2\x82\xac\xc5\xb8\xc2\x81");
    EXPECT(CHARSET_UTF_16_LITTLE, "", "");
}

static void test_find(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        uint32_t size;
        const char *start;
        enum charset charset;
    } rows[] = {
        {"", 2, "{\"", CHARSET_UTF_8},
        {"", 2, "{\0", CHARSET_UTF_16_LITTLE},
        {"", 2, "\0{", CHARSET_UTF_16_BIG},
        {"", 2, "\0\0", CHARSET_UTF_8},
        {"", 2, "\xff\xfe", CHARSET_UTF_16_LITTLE},
        {"", 2, "\xfe\xff", CHARSET_UTF_16_BIG},
        {"utf-8", 2, "\xfe\xff", CHARSET_UTF_16_BIG},
        {"utf-8", 2, "{\0", CHARSET_UTF_8},
        {"UTF-16", 2, "{\0", CHARSET_UTF_16_LITTLE},
        {"utf-16BE", 2, "\0{", CHARSET_UTF_16_BIG},
        {"ISO-8859-1", 2, "ab", CHARSET_WINDOWS_1252},
        {"koi8-r", 2, "ab", CHARSET_UTF_8},
        {"", 1, "{", CHARSET_UTF_8},
        {"", 0, "", CHARSET_UTF_8},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        assert_int_equal(charset_find(span_from_text(rows[i].label), span_of(rows[i].start, rows[i].size)),
                         rows[i].charset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
