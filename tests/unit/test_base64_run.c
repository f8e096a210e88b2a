/* SPDX-License-Identifier: Apache-2.0 */

/* Runs of base64: where they begin and end; SIMD and scalar agree at every offset and length. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "proto/base64_run.h"
#include "unit/guarded.h"

#define TEXT_MAX 400u

static struct guarded pages;

static void runs_are_found(void **state)
{
    (void)state;
    static const char text[] =
        "{\"id\":\"a1b2\",\"note\":\"NDExMTExMTExMTExMTExMQ==\",\"url\":\"abcdefghij-klmnopqrst_+/\"}";
    const uint8_t *data = guarded_put(&pages, text, sizeof(text) - 1);
    uint32_t size = 0, at = base64_run_find(data, 0, sizeof(text) - 1, &size);
    assert_int_equal(at, strstr(text, "NDEx") - text);
    assert_int_equal(size, 22);
    at = base64_run_find(data, at + size, sizeof(text) - 1, &size);
    assert_int_equal(at, strstr(text, "abcd") - text);
    assert_int_equal(size, 24);
    assert_int_equal(base64_run_find(data, at + size, sizeof(text) - 1, &size), sizeof(text) - 1);
    /* One that began before is not looked at. */
    assert_int_equal(base64_run_find(data, at + 2, sizeof(text) - 1, &size), sizeof(text) - 1);
}

static void simd_and_scalar_agree(void **state)
{
    (void)state;
    static const char alphabet[] = "AZaz09+/-_ \"=.@[`{:,\x7f\x80\xff";
    uint8_t text[TEXT_MAX];
    srand(7);
    for (uint32_t round = 0; round < 20000; round++) {
        uint32_t size = (uint32_t)rand() % TEXT_MAX, from = (uint32_t)rand() % (size + 1);
        /* Mostly digits in one round, mostly others in the next. */
        uint32_t odds = (uint32_t)rand() % 30 + 1;
        for (uint32_t i = 0; i < size; i++)
            text[i] = (uint8_t)alphabet[(uint32_t)rand() % odds ? rand() % 10 : rand() % (int)(sizeof(alphabet) - 1)];
        const uint8_t *data = guarded_put(&pages, text, size);
        uint32_t fast_size = 0, plain_size = 0;
        uint32_t fast = base64_run_find(data, from, size, &fast_size);
        uint32_t plain = base64_run_find_scalar(data, from, size, &plain_size);
        assert_int_equal(fast, plain);
        assert_true(plain == size || fast_size == plain_size);
    }
}

static void every_byte_is_classed_alike(void **state)
{
    (void)state;
    uint8_t text[BASE64_RUN_MIN * 4];
    for (uint32_t c = 0; c < 256; c++) {
        memset(text, (int)c, sizeof(text));
        const uint8_t *data = guarded_put(&pages, text, sizeof(text));
        uint32_t run = 0;
        bool found = base64_run_find(data, 0, sizeof(text), &run) == 0;
        bool digit = c && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_", (int)c);
        assert_int_equal(found, digit);
    }
}

int main(void)
{
    pages = guarded_new();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_are_found),
        cmocka_unit_test(simd_and_scalar_agree),
        cmocka_unit_test(every_byte_is_classed_alike),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    guarded_free(&pages);
    return failed;
}
