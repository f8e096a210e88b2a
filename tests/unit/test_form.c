/* SPDX-License-Identifier: Apache-2.0 */

/* Form reader: fields, parts, cuts, losses. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/form.h"
#include "unit/guarded.h"

#define LOG_MAX 65536u

static struct guarded pages;

/* Offers one piece; appends "N name@offset" or "V ..." for each item. Returns the bytes consumed. */
static uint32_t offer(struct form *form, const uint8_t *data, uint32_t size, bool last, char *log)
{
    const uint8_t *copy = guarded_put(&pages, data, size);
    uint32_t at = 0;
    for (uint32_t calls = 0;; calls++) {
        assert_true(calls <= 2 * size + 2);
        struct form_item item;
        struct parse_input input = {.data = copy + at, .size = size - at, .last = last};
        struct parse_step step = form_parse(form, &input, &item);
        assert_true(step.consumed <= size - at);
        at += step.consumed;
        if (step.status != PARSE_ITEM) {
            assert_int_equal(step.status, last ? PARSE_STOP : PARSE_MORE);
            return at;
        }
        char name[64];
        bool cut;
        uint32_t name_size = form_name(form, name, sizeof(name), &cut);
        size_t used = strlen(log);
        snprintf(log + used, LOG_MAX - used, "%c%s%s%s%s %.*s@%u(%.*s)|", item.name ? 'N' : 'V', item.first ? "" : "+",
                 item.last ? "" : "-", item.escaped ? "e" : "", item.place_unknown ? "u" : "", (int)name_size, name,
                 (unsigned)item.offset, (int)item.text.size, (const char *)item.text.data);
    }
}

static void walk_cut(const char *text, uint32_t size, uint32_t a, uint32_t b, char *log)
{
    struct form form = {0};
    const uint8_t *data = (const uint8_t *)text;
    log[0] = '\0';
    uint32_t at = offer(&form, data, a, false, log);
    at += offer(&form, data + at, b - at, false, log);
    at += offer(&form, data + at, size - at, true, log);
    assert_int_equal(at, size);
}

static void same_however_cut(const char *text, bool pairs)
{
    static char whole[LOG_MAX], cut[LOG_MAX];
    uint32_t size = (uint32_t)strlen(text);
    walk_cut(text, size, size, size, whole);
    for (uint32_t a = 0; a <= size; a++)
        for (uint32_t b = a; b <= (pairs ? size : a); b++) {
            walk_cut(text, size, a, b, cut);
            assert_string_equal(cut, whole);
        }
}

static void fields_are_read(void **state)
{
    (void)state;
    static char log[LOG_MAX];
    walk_cut("a=1&b%20c=x+y&&flag&=v&d=", 25, 25, 25, log);
    assert_string_equal(log,
                        "N a@0(a)|V a@2(1)|Ne b c@4(b%20c)|Ve b c@10(x+y)|N @14()|N flag@15(flag)|N @20()|V @21(v)|"
                        "N d@23(d)|");
    walk_cut("", 0, 0, 0, log);
    assert_string_equal(log, "");
}

static void any_cut_gives_the_same_fields(void **state)
{
    (void)state;
    same_however_cut("a=1&b%20c=x+y&&flag&=v&d=", true);
    same_however_cut("%4=%&%41%=%zz&==&%%41", true);
    static char text[4000];
    for (uint32_t shift = 0; shift < 4; shift++) {
        memset(text, 'x', shift);
        text[shift] = '=';
        uint32_t size = shift + 1;
        while (size < 2200)
            size += (uint32_t)sprintf(text + size, "%s", size % 5 ? "%41" : "b");
        strcpy(text + size, "&n=2");
        same_however_cut(text, false);
    }
    memset(text, 'y', FORM_PART_MAX);
    strcpy(text + FORM_PART_MAX, "&z=1");
    same_however_cut(text, false);
}

static void escapes_are_decoded(void **state)
{
    (void)state;
    uint8_t out[32];
    assert_int_equal(form_unescape(SPAN_LITERAL("a+b%2Bc%2f%4"), out, sizeof(out)), 8);
    assert_memory_equal(out, "a b+c/%4", 8);
    assert_int_equal(form_unescape(SPAN_LITERAL("%41%42%43"), out, 2), 2);
    assert_memory_equal(out, "AB", 2);
}

static void a_loss_costs_the_name_of_one_field(void **state)
{
    (void)state;
    static char log[LOG_MAX];
    struct form form = {0};
    struct form_item item;
    log[0] = '\0';
    offer(&form, (const uint8_t *)"a=1&na", 6, false, log);
    assert_int_equal(form_parse(&form, &(struct parse_input){.lost = 10}, &item).status, PARSE_MORE);
    offer(&form, (const uint8_t *)"x=7&b=2", 7, true, log);
    assert_string_equal(log, "N a@0(a)|V a@2(1)|Vu @16(x=7)|N b@20(b)|V b@22(2)|");
}

int main(void)
{
    pages = guarded_new();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_read),
        cmocka_unit_test(any_cut_gives_the_same_fields),
        cmocka_unit_test(escapes_are_decoded),
        cmocka_unit_test(a_loss_costs_the_name_of_one_field),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    guarded_free(&pages);
    return failed;
}
