/* SPDX-License-Identifier: Apache-2.0 */

/* Body text: kinds, places of matches, decoded values. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/body_text.h"
#include "unit/guarded.h"

static struct arena *arena;
static struct pool pool;
static struct guarded pages;

static void kinds_come_from_the_type_or_the_first_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *type, *start;
        enum body_kind kind;
    } cases[] = {
        {"application/json", "x", BODY_JSON},
        {"Application/JSON ; charset=utf-8", "", BODY_JSON},
        {"application/problem+json", "", BODY_JSON},
        {"application/vnd.api+JSON;v=1", "", BODY_JSON},
        {"application/x-ndjson", "", BODY_LINES},
        {"application/json-seq", "", BODY_LINES},
        {"text/event-stream;charset=utf-8", "", BODY_EVENTS},
        {"application/x-www-form-urlencoded", "{", BODY_FORM},
        {"multipart/form-data; boundary=x", "", BODY_MULTIPART},
        {"multipart/mixed", "", BODY_MULTIPART},
        {"application/xml", "", BODY_XML},
        {"application/soap+xml", "", BODY_XML},
        {"text/xml", "", BODY_XML},
        {"text/plain", "{", BODY_TEXT},
        {"text/html", "", BODY_TEXT},
        {"image/png", "{", BODY_BINARY},
        {"application/jsonx", "", BODY_BINARY},
        {"application/pdf", "[", BODY_BINARY},
        {"", " \r\n\t{\"a\":1}", BODY_JSON},
        {"", "[", BODY_JSON},
        {"", "a=b", BODY_BINARY},
        {"", "", BODY_BINARY},
        {"application/octet-stream", "{", BODY_JSON},
        {"application/octet-stream", "\x89PNG", BODY_BINARY},
        {"json", "{", BODY_JSON},
        {";", "", BODY_BINARY},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        enum body_kind kind = body_kind_detect(span_from_text(cases[i].type), span_from_text(cases[i].start));
        if (kind != cases[i].kind)
            fail_msg("%s: %s", cases[i].type, body_kind_name(kind));
    }
}

static void boundaries_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *type, *boundary;
    } cases[] = {
        {"multipart/form-data; boundary=----WebKitFormBoundary7MA4", "----WebKitFormBoundary7MA4"},
        {"multipart/mixed;charset=utf-8; Boundary=\"a b;c\" ; x=y", "a b;c"},
        {"multipart/mixed", ""},
        {"multipart/mixed; boundary=", ""},
        {"multipart/mixed; x=\"boundary=no\"", ""},
        {"multipart/mixed; boundary=12345678901234567890123456789012345678901234567890123456789012345678901", ""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        assert_true(span_equal(body_boundary_find(span_from_text(cases[i].type)), span_from_text(cases[i].boundary)));
}

static struct body_view one_view(const char *body)
{
    uint32_t size = (uint32_t)strlen(body);
    return (struct body_view){.data = guarded_put(&pages, body, size), .size = size, .final = true};
}

struct place_case {
    const char *match; /* the first occurrence in the body */
    enum body_place_kind kind;
    const char *name;
};

/* The matches must be in the order of the body. */
static void check_places(enum body_kind kind, const char *body, const struct place_case *cases, size_t count)
{
    static struct body_locator locator;
    struct body_view view = one_view(body);
    body_locator_init(&locator, kind);
    for (size_t i = 0; i < count; i++) {
        const char *at = strstr(body, cases[i].match);
        assert_non_null(at);
        struct body_place place;
        body_locate(&locator, &view, (uint32_t)(at - body), (uint32_t)strlen(cases[i].match), &place);
        if (place.kind != cases[i].kind || place.name_size != strlen(cases[i].name) ||
            memcmp(place.name, cases[i].name, place.name_size) != 0)
            fail_msg("%s in %s: %u %.*s", cases[i].match, body, place.kind, place.name_size, place.name);
    }
}

static void places_in_json(void **state)
{
    (void)state;
    static const struct place_case cases[] = {
        {"user", BODY_PLACE_KEY, "/user"},
        {"user\":{\"ssn", BODY_PLACE_SPANS, ""},
        {"ssn", BODY_PLACE_KEY, "/user/ssn"},
        {"\"ssn\":\"536-90-4399\"", BODY_PLACE_KEY_VALUE, "/user/ssn"},
        {"ssn\":\"536", BODY_PLACE_KEY_VALUE, "/user/ssn"},
        {"536-90-4399", BODY_PLACE_VALUE, "/user/ssn"},
        {"4399\",\"cvv", BODY_PLACE_SPANS, ""},
        {"cvv\": 123", BODY_PLACE_KEY_VALUE, "/user/cvv"},
        {"123", BODY_PLACE_VALUE, "/user/cvv"},
        {"4111", BODY_PLACE_VALUE, "/cards/0"},
        {"4111,4222", BODY_PLACE_SPANS, ""},
        {"4222", BODY_PLACE_VALUE, "/cards/1"},
        {"],\"", BODY_PLACE_OUTSIDE, ""},
        {"end", BODY_PLACE_VALUE, "/a~1b"},
    };
    check_places(BODY_JSON,
                 "{\"user\":{\"ssn\":\"536-90-4399\",\"cvv\": 123},\"cards\":[4111,4222],\"a/b\":\"the end\"}", cases,
                 ARRAY_COUNT(cases));
}

static void places_where_json_is_broken_or_mixed_with_text(void **state)
{
    (void)state;
    /* What is no JSON is still text: its words may make up one match. */
    static const struct place_case text[] = {{"4111 1111 1111 1111", BODY_PLACE_VALUE, ""}};
    check_places(BODY_JSON, "Error: card 4111 1111 1111 1111 declined", text, 1);
    check_places(BODY_EVENTS, "event: note\ndata: card 4111 1111 1111 1111\n\n", text, 1);
    static const struct place_case braces[] = {{"4111 1111 1111 1111", BODY_PLACE_VALUE, ""}};
    check_places(BODY_JSON, "{card 4111 1111 1111 1111}", braces, 1);
    static const struct place_case quoted[] = {{"4111 1111", BODY_PLACE_VALUE, "/n"}, {"5222", BODY_PLACE_VALUE, "/m"}};
    check_places(BODY_JSON, "{\"n\":'4111 1111',,\"m\":\"5222\"}", quoted, 2);
    static const struct place_case events[] = {{"first", BODY_PLACE_VALUE, "/text"},
                                               {"second", BODY_PLACE_VALUE, "/text"}};
    check_places(BODY_EVENTS, "id: 7\ndata: {\"text\":\"first\"}\n\ndata: {\"text\":\"second\"}\n\n", events, 2);
    static const struct place_case lines[] = {{"one", BODY_PLACE_VALUE, "/a"}, {"two", BODY_PLACE_VALUE, "/b/0"}};
    check_places(BODY_LINES, "{\"a\":\"one\"}\n{\"b\":[\"two\"]}\n", lines, 2);
}

static void places_in_forms(void **state)
{
    (void)state;
    static const struct place_case cases[] = {
        {"user", BODY_PLACE_KEY, "user"},  {"user=jo", BODY_PLACE_KEY_VALUE, "user"}, {"jo", BODY_PLACE_VALUE, "user"},
        {"jo&card", BODY_PLACE_SPANS, ""}, {"4111", BODY_PLACE_VALUE, "card number"}, {"&&", BODY_PLACE_OUTSIDE, ""},
        {"tail", BODY_PLACE_VALUE, "z"},
    };
    check_places(BODY_FORM, "user=jo&card%20number=4111&&flag&z=tail", cases, ARRAY_COUNT(cases));
}

static void places_in_xml(void **state)
{
    (void)state;
    static const struct place_case cases[] = {
        {"utf-8", BODY_PLACE_OUTSIDE, ""},
        {"hidden", BODY_PLACE_OUTSIDE, ""},
        {"m:order", BODY_PLACE_KEY, "/m:order"},
        {"77", BODY_PLACE_VALUE, "/m:order/@id"},
        {"remark", BODY_PLACE_VALUE, "/m:order"},
        {"jo", BODY_PLACE_VALUE, "/m:order/card/@holder"},
        {"number>4111", BODY_PLACE_KEY_VALUE, "/m:order/card/number"},
        {"4111", BODY_PLACE_VALUE, "/m:order/card/number"},
        {"4111</number><cvv", BODY_PLACE_SPANS, ""},
        {"123", BODY_PLACE_VALUE, "/m:order/card/cvv"},
        {"<raw>", BODY_PLACE_VALUE, "/m:order/note"},
        {"tail", BODY_PLACE_VALUE, "/m:order"},
    };
    check_places(BODY_XML,
                 "<?xml version='1.0' encoding='utf-8'?><!DOCTYPE o [<!ENTITY x 'hidden'>]>\n"
                 "<m:order id=\"77\"><!-- remark --><card holder = 'jo'><number>4111</number><cvv>123</cvv></card>\n"
                 "<empty/><note><![CDATA[a <raw> text]]></note> tail</m:order>",
                 cases, ARRAY_COUNT(cases));
}

static void places_in_text_have_no_name(void **state)
{
    (void)state;
    static const struct place_case cases[] = {{"4111\"},", BODY_PLACE_VALUE, ""}};
    check_places(BODY_TEXT, "{\"a\":\"4111\"},", cases, 1);
    check_places(BODY_BINARY, "4111\"},", cases, 1);
}

static void expect_pieces(enum body_kind kind, const char *body, const char *expected)
{
    static struct body_locator locator;
    static struct body_values values;
    struct body_view view = one_view(body);
    char got[1024] = "";
    body_locator_init(&locator, kind);
    body_values_init(&values);
    struct body_piece piece;
    bool any = body_values_enter(&values, &locator, &view);
    assert_int_equal(any, body_needs_decoding(kind, &view));
    for (size_t size = 0; any && body_values_next(&values, &view, &piece); size = strlen(got)) {
        assert_true(piece.start_min == 0 && piece.start_max == piece.size && piece.end_min == 0);
        snprintf(got + size, sizeof(got) - size, "%.*s=%.*s@%u|", piece.place.name_size, piece.place.name,
                 (int)piece.size, (const char *)piece.data, (unsigned)piece.offset);
    }
    assert_string_equal(got, expected);
}

static void encoded_values_are_given_decoded(void **state)
{
    (void)state;
    expect_pieces(BODY_JSON, "{\"a\":\"plain\",\"b\":[1,\"4\\u0031\\/11\"],\"\\u0063\":\"\\ud83d\\ude00\"}",
                  "/b/1=41/11@21|/c=c@36|/c=\xf0\x9f\x98\x80@45|");
    expect_pieces(BODY_JSON, "{\"a\":\"plain\"}", "");
    expect_pieces(BODY_FORM, "a=1&b=jo%40example.com&c%20d=x+y%zz&e=f", "b=jo@example.com@6|c d=c d@23|c d=x y%zz@29|");
    expect_pieces(BODY_XML, "<a b='1 &lt; 2'>x &amp; &#65;&#x1F600;&y;</a><c><![CDATA[&lt;]]></c><d>e</d>",
                  "/a/@b=1 < 2@6|/a=x & A\xf0\x9f\x98\x80&y;@16|");
    expect_pieces(BODY_TEXT, "a%20b\\n", "");
    expect_pieces(BODY_EVENTS, "data: {\"t\":\"\\u0041\"}\n", "/t=A@12|");
}

/* The long body: rows with known pointers, some marks plain, some hidden behind an escape, some strings very long. */
#define ROWS      700u
#define FILL_LONG 2500u

struct sink {
    uint32_t seen[ROWS];
    uint64_t digest;
};

static bool row_is_long(uint32_t row)
{
    return row % 97 == 13;
}

static uint32_t make_rows(char *out)
{
    uint32_t size = (uint32_t)sprintf(out, "{\"rows\":[");
    for (uint32_t row = 0; row < ROWS; row++) {
        size += (uint32_t)sprintf(out + size, "%s{\"id\":%u,\"no/te\":\"", row ? "," : "", row);
        for (uint32_t i = 0; row_is_long(row) && i < FILL_LONG + row; i++)
            out[size++] = "fill "[i % 5];
        size += (uint32_t)sprintf(out + size, row % 3 ? "<%05u>" : "\\u003c%05u>", row);
        for (uint32_t i = 0; row_is_long(row) && i < FILL_LONG; i++)
            out[size++] = "tail\\n"[i % 6];
        size += (uint32_t)sprintf(out + size, "\"}");
    }
    return size + (uint32_t)sprintf(out + size, "]}");
}

/* "<ddddd>" */
static bool is_mark(const uint8_t *data, uint32_t left, uint32_t *row_out)
{
    if (left < 7 || data[0] != '<' || data[6] != '>')
        return false;
    *row_out = (uint32_t)strtoul((const char *)data + 1, NULL, 10);
    return *row_out < ROWS;
}

static void sink_mark(struct sink *sink, uint32_t row, const struct body_place *place)
{
    char name[64];
    int size = snprintf(name, sizeof(name), "/rows/%u/no~1te", row);
    assert_int_equal(place->kind, BODY_PLACE_VALUE);
    assert_int_equal(place->name_size, size);
    assert_memory_equal(place->name, name, (size_t)size);
    sink->seen[row]++;
}

static void search_view(struct body_locator *locator, struct body_values *values, const struct body_view *view,
                        struct sink *sink)
{
    bool any = body_values_enter(values, locator, view);
    uint32_t row;
    for (uint32_t i = 0; i < view->size; i++) {
        struct body_place place;
        if (!is_mark(view->data + i, view->size - i, &row) || !body_view_owns(view, i))
            continue;
        body_locate(locator, view, i, 7, &place);
        if (!place.escaped)
            sink_mark(sink, row, &place);
    }
    struct body_piece piece;
    while (any && body_values_next(values, view, &piece))
        for (uint32_t i = 0; i < piece.size; i++)
            if (is_mark(piece.data + i, piece.size - i, &row) && body_piece_owns(&piece, i, 7))
                sink_mark(sink, row, &piece.place);
    body_locator_leave(locator, view);
}

static void search(const char *body, uint32_t size, uint32_t piece, struct sink *sink)
{
    static struct body_locator locator;
    static struct body_values values;
    struct body_window window;
    body_window_init(&window, &pool);
    body_locator_init(&locator, BODY_JSON);
    body_values_init(&values);
    memset(sink, 0, sizeof(*sink));
    enum parse_status status = PARSE_MORE;
    for (uint32_t at = 0; status != PARSE_STOP;) {
        uint32_t offered = min_u32(piece, size - at);
        struct parse_input input = {.data = (const uint8_t *)body + at, .size = offered, .last = at + offered == size};
        struct body_view view;
        struct parse_step step = body_window_add(&window, &input, &view);
        status = step.status;
        at += step.consumed;
        if (status == PARSE_ITEM)
            search_view(&locator, &values, &view, sink);
    }
}

static void each_mark_of_a_long_body_is_found_once_in_its_place(void **state)
{
    (void)state;
    char *body = malloc(200000);
    uint32_t size = make_rows(body);
    assert_true(size > 3 * BODY_WINDOW_SIZE);
    static const uint32_t pieces[] = {1, 100, 1448, 9000, 65536};
    static struct sink sink;
    for (size_t i = 0; i < ARRAY_COUNT(pieces); i++) {
        search(body, size, pieces[i], &sink);
        for (uint32_t row = 0; row < ROWS; row++)
            if (sink.seen[row] != 1)
                fail_msg("row %u was seen %u times with pieces of %u", row, sink.seen[row], pieces[i]);
    }
    /* The same with everything moved a byte at a time past the ends of views and parts. */
    for (uint32_t pad = 1; pad < 1100; pad += 7) {
        char *moved = malloc(size + pad);
        memset(moved, ' ', pad);
        memcpy(moved + pad, body, size);
        search(moved, size + pad, 1448, &sink);
        for (uint32_t row = 0; row < ROWS; row++)
            if (sink.seen[row] != 1)
                fail_msg("row %u was seen %u times behind %u blanks", row, sink.seen[row], pad);
        free(moved);
    }
    free(body);
}

static void behind_a_hole_places_are_unknown_until_found_again(void **state)
{
    (void)state;
    static struct body_locator locator;
    struct body_place place;
    const char *first = "{\"a\":\"one\",\"b\":\"tw", *second = "o\",\"c\":\"three\"}\n{\"d\":\"four\"}\n";
    struct body_view view = one_view(first);
    view.cut = true;
    body_locator_init(&locator, BODY_LINES);
    body_locate(&locator, &view, 6, 3, &place);
    assert_true(place.kind == BODY_PLACE_VALUE && place.name_size == 2);
    body_locate(&locator, &view, 16, 2, &place);
    assert_true(place.kind == BODY_PLACE_VALUE && memcmp(place.name, "/b", 2) == 0);
    body_locator_leave(&locator, &view);

    view = one_view(second);
    view.offset = 1000;
    view.after_loss = true;
    body_locate(&locator, &view, (uint32_t)(strstr(second, "three") - second), 5, &place);
    assert_int_equal(place.kind, BODY_PLACE_UNKNOWN);
    body_locate(&locator, &view, (uint32_t)(strstr(second, "four") - second), 4, &place);
    assert_true(place.kind == BODY_PLACE_VALUE && memcmp(place.name, "/d", 2) == 0);

    body_locator_init(&locator, BODY_JSON);
    view.offset = 1000;
    body_locate(&locator, &view, (uint32_t)(strstr(second, "three") - second), 5, &place);
    assert_int_equal(place.kind, BODY_PLACE_UNKNOWN);
    body_locate(&locator, &view, (uint32_t)(strstr(second, "four") - second), 4, &place);
    assert_int_equal(place.kind, BODY_PLACE_UNKNOWN);
}

int main(void)
{
    arena = arena_new(1 << 20);
    pages = guarded_new();
    if (!arena || pool_init(&pool, arena, BODY_WINDOW_SIZE, 2))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_come_from_the_type_or_the_first_bytes),
        cmocka_unit_test(boundaries_are_found),
        cmocka_unit_test(places_in_json),
        cmocka_unit_test(places_where_json_is_broken_or_mixed_with_text),
        cmocka_unit_test(places_in_forms),
        cmocka_unit_test(places_in_xml),
        cmocka_unit_test(places_in_text_have_no_name),
        cmocka_unit_test(encoded_values_are_given_decoded),
        cmocka_unit_test(each_mark_of_a_long_body_is_found_once_in_its_place),
        cmocka_unit_test(behind_a_hole_places_are_unknown_until_found_again),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    guarded_free(&pages);
    arena_free(arena);
    return failed;
}
