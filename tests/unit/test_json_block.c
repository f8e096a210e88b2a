/* SPDX-License-Identifier: Apache-2.0 */

/* Classes of bytes: every variant gives what the characters of RFC 8259 say. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/json_block.h"
#include "unit/guarded.h"

#define BLOCKS 4u

static bool is_one_of(uint8_t c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static void check_byte(const struct json_block *block, uint32_t bit, uint8_t c)
{
    assert_int_equal(block->quote >> bit & 1, c == '"');
    assert_int_equal(block->comma >> bit & 1, c == ',');
    assert_int_equal(block->colon >> bit & 1, c == ':');
    assert_int_equal(block->open >> bit & 1, is_one_of(c, "{["));
    assert_int_equal(block->close >> bit & 1, is_one_of(c, "}]"));
    assert_int_equal(block->blank >> bit & 1, is_one_of(c, " \t\r\n"));
    assert_int_equal(block->digit >> bit & 1, is_one_of(c, "0123456789"));
    assert_int_equal(block->special >> bit & 1, c < ' ' || c > 0x7f || c == '\\');
}

static void every_byte_has_its_classes_in_every_place(void **state)
{
    (void)state;
    uint8_t text[BLOCKS * JSON_BLOCK];
    struct json_block blocks[BLOCKS];
    struct guarded guard = guarded_new();
    for (uint32_t n = 0; json_block_variant(n).kernel; n++)
        for (uint32_t shift = 0; shift < 256; shift++) {
            for (uint32_t i = 0; i < sizeof(text); i++)
                text[i] = (uint8_t)(i * 7 + shift);
            /* Against a page that may not be read. */
            json_block_variant(n).kernel(guarded_put(&guard, text, sizeof(text)), BLOCKS, blocks);
            for (uint32_t i = 0; i < sizeof(text); i++)
                check_byte(&blocks[i / JSON_BLOCK], i % JSON_BLOCK, text[i]);
        }
    guarded_free(&guard);
}

static void the_best_variant_is_the_last(void **state)
{
    (void)state;
    uint32_t n = 0;
    while (json_block_variant(n).kernel)
        n++;
    assert_true(n > 0);
    assert_ptr_equal(json_block_best(), json_block_variant(n - 1).kernel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_has_its_classes_in_every_place),
        cmocka_unit_test(the_best_variant_is_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
