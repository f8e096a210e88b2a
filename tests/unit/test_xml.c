/* SPDX-License-Identifier: Apache-2.0 */

/* XML walker: texts with their paths, the same however the input is cut; holes; limits; references. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/xml.h"
#include "unit/guarded.h"

#define LOG_MAX 65536u

static struct guarded pages;

/* Offers one piece; appends "path[text]" for each item. Returns the bytes consumed. */
static uint32_t offer(struct xml *xml, const uint8_t *data, uint32_t size, bool last, char *log)
{
    const uint64_t begin = xml->offset;
    const uint8_t *copy = guarded_put(&pages, data, size);
    uint32_t at = 0;
    for (uint32_t calls = 0;; calls++) {
        assert_true(calls <= 2 * size + 2);
        struct xml_item item;
        struct parse_input input = {.data = copy + at, .size = size - at, .last = last};
        struct parse_step step = xml_parse(xml, &input, &item);
        assert_true(step.consumed <= size - at);
        at += step.consumed;
        if (step.status != PARSE_ITEM) {
            assert_true(step.status == PARSE_STOP || !last);
            return at;
        }
        assert_true(item.offset >= begin && item.text.data == copy + (item.offset - begin));
        char path[256];
        bool cut;
        uint32_t path_size = xml_path(xml, path, sizeof(path), &cut);
        size_t used = strlen(log);
        snprintf(log + used, LOG_MAX - used, "%s%s%s%s%.*s[%.*s]|", item.name ? "=" : "", item.first ? "" : "+",
                 item.last ? "" : "-", item.place_unknown ? "?" : "", (int)path_size, path, (int)item.text.size,
                 (const char *)item.text.data);
    }
}

static void walk_cut(const char *text, uint32_t a, uint32_t b, char *log)
{
    struct xml xml = {0};
    uint32_t size = (uint32_t)strlen(text), at = 0;
    const uint8_t *data = (const uint8_t *)text;
    log[0] = '\0';
    at += offer(&xml, data, a, false, log);
    if (at < b)
        at += offer(&xml, data + at, b - at, false, log);
    at += offer(&xml, data + at, size - at, true, log);
    assert_int_equal(at, size);
}

static const struct {
    const char *text, *log;
} cases[] = {
    {"<a>one</a>", "=/a[a]|/a[one]|"},
    {"<a x='1' y = \"2\"><b/>two<c>three</c> four </a>",
     "=/a[a]|=/a/@x[x]|/a/@x[1]|=/a/@y[y]|/a/@y[2]|=/a/b[b]|/a[two]|=/a/c[c]|/a/c[three]|/a[four ]|"},
    {"<?xml version='1.0'?><!DOCTYPE a [<!ELEMENT a (b)> <!ENTITY e 'x'>]><a>&e;</a>", "=/a[a]|/a[&e;]|"},
    {"<a><!-- one > two -- three --><![CDATA[<b>]] ]]]></a>", "=/a[a]|/a[ one > two -- three ]|/a[<b>]] ]]|"},
    {"<a:b xmlns:a=''><a:c  >x</a:c  ></a:b >y", "=/a:b[a:b]|=/a:b/@xmlns:a[xmlns:a]|=/a:b/a:c[a:c]|/a:b/a:c[x]|[y]|"},
    {"no markup & none", "[no markup & none]|"},
    {"1 < 2 and <b c=d>e", "[1 ]|[2 and ]|=/b[b]|=/b/@c[c]|=/b/@d[d]|/b[e]|"},
    {"</a></a><b>x</b>", "=/b[b]|/b[x]|"},
    {"<a><b>open <!", "=/a[a]|=/a/b[b]|/a/b[open ]|"},
    {"<a b='unfinished", "=/a[a]|=/a/@b[b]|/a/@b[unfinished]|"},
    {"<a><![CDATA[x]]", "=/a[a]|/a[x]]]|"},
    {" \r\n<a>\n\t</a>\n", "=/a[a]|"},
};

static void texts_have_their_paths_however_they_are_cut(void **state)
{
    (void)state;
    static char log[LOG_MAX];
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint32_t size = (uint32_t)strlen(cases[i].text);
        for (uint32_t a = 0; a <= size; a++)
            for (uint32_t b = a; b <= size; b++) {
                walk_cut(cases[i].text, a, b, log);
                if (strcmp(log, cases[i].log) != 0)
                    fail_msg("cut at %u, %u of %s:\n%s\nnot\n%s", a, b, cases[i].text, log, cases[i].log);
            }
    }
}

/* A long text comes in parts, none of which ends inside a reference. */
static void long_texts_come_in_parts(void **state)
{
    (void)state;
    enum { SIZE = 2500 };
    char text[SIZE + 16];
    strcpy(text, "<a>");
    for (uint32_t at = 3; at + 5 <= SIZE; at += 5)
        memcpy(text + at, "&amp;", 5);
    text[3 + (SIZE - 3) / 5 * 5] = '\0';
    struct xml xml = {0};
    struct xml_item item;
    struct parse_input input = {.data = (const uint8_t *)text, .size = (uint32_t)strlen(text), .last = true};
    uint32_t parts = 0, bytes = 0;
    for (;;) {
        struct parse_step step = xml_parse(&xml, &input, &item);
        parse_input_advance(&input, step.consumed);
        if (step.status != PARSE_ITEM)
            break;
        if (item.name)
            continue;
        assert_true(item.text.size <= XML_PART_MAX && item.text.size % 5 == 0 && item.escaped);
        assert_int_equal(item.first, parts == 0);
        parts++;
        bytes += item.text.size;
    }
    assert_int_equal(bytes, strlen(text) - 3);
    assert_int_equal(parts, 3);
    assert_true(item.last);
}

static void depth_and_names_are_bounded(void **state)
{
    (void)state;
    enum { DEPTH = 200 };
    char *text = calloc(1, 2 * DEPTH * 24 + 16);
    for (uint32_t i = 0; i < DEPTH; i++)
        strcat(text, "<abcdefghijklmnopqrst>");
    strcat(text, "deep");
    for (uint32_t i = 0; i < DEPTH; i++)
        strcat(text, "</abcdefghijklmnopqrst>");
    strcat(text, "<z>out</z>");
    struct xml xml = {0};
    struct xml_item item;
    struct parse_input input = {.data = (const uint8_t *)text, .size = (uint32_t)strlen(text), .last = true};
    char path[2048];
    bool cut = false;
    uint32_t texts = 0;
    for (;;) {
        struct parse_step step = xml_parse(&xml, &input, &item);
        parse_input_advance(&input, step.consumed);
        if (step.status != PARSE_ITEM)
            break;
        uint32_t size = xml_path(&xml, path, sizeof(path), &cut);
        assert_true(size <= sizeof(path));
        if (item.name)
            continue;
        texts++;
        assert_int_equal(cut, texts == 1);
        assert_true(texts == 1 || (size == 2 && memcmp(path, "/z", 2) == 0));
    }
    assert_int_equal(texts, 2);
    free(text);
}

static void behind_a_hole_no_place_is_known(void **state)
{
    (void)state;
    char log[LOG_MAX] = "";
    struct xml xml = {0};
    struct xml_item item;
    uint32_t consumed = offer(&xml, (const uint8_t *)"<a><b>fir", 9, false, log);
    assert_int_equal(consumed, 6);
    struct parse_input hole = {.lost = 20};
    assert_int_equal(xml_parse(&xml, &hole, &item).status, PARSE_MORE);
    assert_int_equal(xml.offset, 29);
    (void)offer(&xml, (const uint8_t *)"st</b><c>x</c>", 14, true, log);
    assert_string_equal(log, "=/a[a]|=/a/b[b]|?[st]|=?/c[c]|?/c[x]|");
}

static void references_are_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *text, *decoded;
    } references[] = {
        {"a&amp;b&lt;&gt;&quot;&apos;", "a&b<>\"'"},
        {"&#65;&#x41;&#X41;&#x20ac;", "AAA\xe2\x82\xac"},
        {"&#0;&#xd800;&#x110000;&nbsp;&", "&#0;&#xd800;&#x110000;&nbsp;&"},
        {"&#;&#x;&amp", "&#;&#x;&amp"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(references); i++) {
        uint8_t out[64];
        uint32_t size = xml_unescape(span_from_text(references[i].text), out, sizeof(out));
        assert_int_equal(size, strlen(references[i].decoded));
        assert_memory_equal(out, references[i].decoded, size);
    }
}

int main(void)
{
    pages = guarded_new();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_have_their_paths_however_they_are_cut),
        cmocka_unit_test(long_texts_come_in_parts),
        cmocka_unit_test(depth_and_names_are_bounded),
        cmocka_unit_test(behind_a_hole_no_place_is_known),
        cmocka_unit_test(references_are_decoded),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    guarded_free(&pages);
    return failed;
}
