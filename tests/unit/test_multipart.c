/* SPDX-License-Identifier: Apache-2.0 */

/* Multipart reader: delimiters, names, pieces, cuts, losses. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/multipart.h"
#include "unit/guarded.h"

#define LOG_MAX 65536u

static struct guarded pages;

/* Offers one piece; appends "name(content)" for each item. Returns the bytes consumed. */
static uint32_t offer(struct multipart *multipart, const uint8_t *data, uint32_t size, bool last, char *log)
{
    const uint64_t begin = multipart->offset;
    const uint8_t *copy = guarded_put(&pages, data, size);
    uint32_t at = 0;
    for (uint32_t calls = 0;; calls++) {
        assert_true(calls <= 2 * size + 2);
        struct multipart_item item;
        struct parse_input input = {.data = copy + at, .size = size - at, .last = last};
        struct parse_step step = multipart_parse(multipart, &input, &item);
        assert_true(step.consumed <= size - at);
        at += step.consumed;
        if (step.status != PARSE_ITEM) {
            assert_true(step.status == PARSE_STOP || !last);
            return at;
        }
        assert_true(item.offset >= begin && item.text.data == copy + (item.offset - begin));
        struct span name = multipart_name(multipart);
        size_t used = strlen(log);
        snprintf(log + used, LOG_MAX - used, "%s%s%s%.*s(%.*s)|", item.first ? "" : "+", item.last ? "" : "-",
                 item.place_unknown ? "u" : "", (int)name.size, (const char *)name.data, (int)item.text.size,
                 (const char *)item.text.data);
    }
}

static void walk_cut(const char *text, uint32_t a, uint32_t b, char *log)
{
    struct multipart multipart;
    memset(&multipart, 0xa5, sizeof(multipart));
    multipart_init(&multipart, SPAN_LITERAL("sep"));
    uint32_t size = (uint32_t)strlen(text);
    const uint8_t *data = (const uint8_t *)text;
    log[0] = '\0';
    uint32_t at = offer(&multipart, data, a, false, log);
    if (at < b)
        at += offer(&multipart, data + at, b - at, false, log);
    at += offer(&multipart, data + at, size - at, true, log);
    assert_int_equal(at, size);
}

static void same_however_cut(const char *text, bool pairs)
{
    static char whole[LOG_MAX], cut[LOG_MAX];
    uint32_t size = (uint32_t)strlen(text);
    walk_cut(text, size, size, whole);
    for (uint32_t a = 0; a <= size; a++)
        for (uint32_t b = a; b <= (pairs ? size : a); b++) {
            walk_cut(text, a, b, cut);
            if (strcmp(cut, whole) != 0)
                fail_msg("cut at %u, %u of %s:\n%s\nwhole:\n%s", a, b, text, cut, whole);
        }
}

#define PART(name) "Content-Disposition: form-data; name=\"" name "\"\r\n\r\n"

static const char *const bodies[] = {
    "--sep\r\n" PART("a") "one\r\n--sep\r\n" PART("b") "two\r\n--sep--\r\n",
    "pre\r\namble\r\n--sep \t\r\n" PART("a") "x\r\n--sepX\r\n-\r--sep\n--se\r\n\r\n--sep--epilogue\r\n--sep\r\n",
    "--sep\n" PART("a") "x\n--sep\n\nno name\n--sep--",
    "--sep\r\n" PART("a") "\r\n--sep\r\n" PART("b") "--sep\r\nX: y\r\n--sep\r\n" PART("c") "left open",
    "no delimiter at all",
    "--sep\r\nContent-Disposition: form-data; filename=\"a;name=x\"; name=plain\r\n\r\nv",
    "--sep",
    "--sep\r\n" PART("a"),
};

static void parts_are_read(void **state)
{
    (void)state;
    static const char *const expected[ARRAY_COUNT(bodies)] = {
        "a(one)|b(two)|",
        "a(x\r\n--sepX\r\n-\r--sep\n--se\r\n)|",
        "a(x)|(no name)|",
        "c(left open)|",
        "",
        "plain(v)|",
        "",
        "",
    };
    static char log[LOG_MAX];
    for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
        walk_cut(bodies[i], (uint32_t)strlen(bodies[i]), (uint32_t)strlen(bodies[i]), log);
        assert_string_equal(log, expected[i]);
    }
}

static void any_cut_gives_the_same_parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bodies); i++)
        same_however_cut(bodies[i], true);
    static char text[8000];
    for (uint32_t fill = MULTIPART_PART_MAX - 3; fill <= MULTIPART_PART_MAX + 3; fill++) {
        uint32_t size = (uint32_t)sprintf(text, "--sep\r\n" PART("a"));
        memset(text + size, 'x', fill);
        strcpy(text + size + fill, "\r\n--sep\r\n" PART("b") "y\r\n--sep--");
        same_however_cut(text, false);
    }
    uint32_t size = (uint32_t)sprintf(text, "--sep\r\nX-Long: ");
    memset(text + size, 'h', 2500);
    strcpy(text + size + 2500, "\r\n" PART("a") "v");
    same_however_cut(text, false);
    static char log[LOG_MAX];
    walk_cut(text, 100, 1500, log);
    assert_non_null(strstr(log, "(v)|"));
    assert_int_equal(log[0], 'a');
}

static void a_loss_costs_the_name_until_the_next_delimiter(void **state)
{
    (void)state;
    static char log[LOG_MAX];
    struct multipart multipart;
    struct multipart_item item;
    log[0] = '\0';
    multipart_init(&multipart, SPAN_LITERAL("sep"));
    offer(&multipart, (const uint8_t *)"--sep\r\nConte", 12, false, log);
    assert_int_equal(multipart_parse(&multipart, &(struct parse_input){.lost = 88}, &item).status, PARSE_MORE);
    static const char rest[] = "rest\r\n--sep\r\n" PART("b") "2";
    offer(&multipart, (const uint8_t *)rest, sizeof(rest) - 1, true, log);
    assert_string_equal(log, "u(rest)|b(2)|");
}

int main(void)
{
    pages = guarded_new();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_read),
        cmocka_unit_test(any_cut_gives_the_same_parts),
        cmocka_unit_test(a_loss_costs_the_name_until_the_next_delimiter),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    guarded_free(&pages);
    return failed;
}
