/* SPDX-License-Identifier: Apache-2.0 */

/* proto: HTTP texts, with the examples of RFC 3986, 6265, 9110, 9112 and the WHATWG URL standard. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "proto/http_text.h"

static void expect_span(struct span span, const char *text)
{
    if (!span_equal(span, span_from_text(text)))
        fail_msg("\"%.*s\" is not \"%s\"", (int)span.size, (const char *)span.data, text);
}

struct media_case {
    const char *value, *type, *subtype, *suffix, *charset, *boundary; /* type NULL: none */
};

static const struct media_case media_cases[] = {
    {"text/html;charset=utf-8", "text", "html", "", "utf-8", ""},
    {"Text/HTML;Charset=\"utf-8\"", "Text", "HTML", "", "utf-8", ""},
    {"text/html; charset=\"utf-8\"; charset=x", "text", "html", "", "utf-8", ""},
    {" application/problem+json ", "application", "problem+json", "json", "", ""},
    {"application/a+b+xml", "application", "a+b+xml", "xml", "", ""},
    {"multipart/form-data; boundary=\"a;b\"; x", "multipart", "form-data", "", "", "a;b"},
    {"multipart/mixed;;; BOUNDARY=--1", "multipart", "mixed", "", "", "--1"},
    {"*/*", "*", "*", "", "", ""},
    {"json", NULL, NULL, NULL, NULL, NULL},
    {"/json", NULL, NULL, NULL, NULL, NULL},
    {"text/", NULL, NULL, NULL, NULL, NULL},
    {"te xt/html", NULL, NULL, NULL, NULL, NULL},
    {"", NULL, NULL, NULL, NULL, NULL},
};

static void media_types_are_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(media_cases); i++) {
        const struct media_case *expected = &media_cases[i];
        struct http_media_type media;
        bool found = http_media_type_parse(span_from_text(expected->value), &media);
        assert_int_equal(found, expected->type != NULL);
        if (!found) {
            assert_int_equal(media.type.size, 0);
            continue;
        }
        expect_span(media.type, expected->type);
        expect_span(media.subtype, expected->subtype);
        expect_span(media.suffix, expected->suffix);
        expect_span(media.charset, expected->charset);
        expect_span(media.boundary, expected->boundary);
    }
}

/* Joins what an iterator hands out: "name=value|name|". */
static void join_pairs(bool (*next)(struct span *, struct http_pair *), const char *text, char *out, size_t room)
{
    struct span rest = span_from_text(text);
    struct http_pair pair;
    size_t size = 0;
    out[0] = '\0';
    while (next(&rest, &pair))
        size += (size_t)snprintf(out + size, room - size, "%.*s%s%.*s|", (int)pair.name.size,
                                 (const char *)pair.name.data, pair.value.data ? "=" : "", (int)pair.value.size,
                                 pair.value.data ? (const char *)pair.value.data : "");
}

static void lists_leave_out_empty_elements(void **state)
{
    (void)state;
    /* RFC 9110 5.6.1.2: "foo , ,bar,charlie" has three elements. */
    struct span rest = SPAN_LITERAL("foo , ,bar,\t\"a,\\\",b\" ,charlie,"), element;
    static const char *const expected[] = {"foo", "bar", "\"a,\\\",b\"", "charlie"};
    for (size_t i = 0; i < ARRAY_COUNT(expected); i++) {
        assert_true(http_list_next(&rest, &element));
        expect_span(element, expected[i]);
    }
    assert_false(http_list_next(&rest, &element));
    rest = SPAN_LITERAL(" , ,");
    assert_false(http_list_next(&rest, &element));
}

static void pairs_are_split(void **state)
{
    (void)state;
    char out[256];
    join_pairs(http_cookie_next, "SID=31d4d96e407aad42; lang=en-US; a=b=c;; x ; q=\"v\"; =e", out, sizeof(out));
    assert_string_equal(out, "SID=31d4d96e407aad42|lang=en-US|a=b=c|x|q=v|=e|");
    join_pairs(http_cookie_next, "SID=1; Path=/; Secure; HttpOnly; SameSite=Lax", out, sizeof(out));
    assert_string_equal(out, "SID=1|Path=/|Secure|HttpOnly|SameSite=Lax|");
    join_pairs(http_query_next, "a=1&b=&c&&=d&e=f=g;h&", out, sizeof(out));
    assert_string_equal(out, "a=1|b=|c|=d|e=f=g;h|");
    join_pairs(http_parameter_next, ";for=\"[2001:db8::1]:80;x\" ; proto = https;by", out, sizeof(out));
    assert_string_equal(out, "for=[2001:db8::1]:80;x|proto=https|by|");
}

struct decode_case {
    const char *text, *plain;
    bool plus, invalid;
};

static const struct decode_case decode_cases[] = {
    {"", "", false, false},          {"a%20b", "a b", false, false},  {"%41%7a%C3%a9", "Az\xc3\xa9", false, false},
    {"a+b", "a+b", false, false},    {"a+b%2B", "a b+", true, false}, {"%", "%", false, true},
    {"%4", "%4", false, true},       {"%zz%41", "%zzA", false, true}, {"%%41", "%A", false, true},
    {"100%25", "100%", false, false}};

static void escapes_are_decoded_once(void **state)
{
    (void)state;
    uint8_t buffer[32];
    for (size_t i = 0; i < ARRAY_COUNT(decode_cases); i++) {
        struct span text = span_from_text(decode_cases[i].text);
        struct http_decoded decoded = http_percent_decode(text, decode_cases[i].plus, buffer, text.size);
        expect_span(decoded.text, decode_cases[i].plain);
        assert_int_equal(decoded.invalid, decode_cases[i].invalid);
        assert_false(decoded.truncated);
    }
    struct http_decoded cut = http_percent_decode(SPAN_LITERAL("%41bc"), false, buffer, 2);
    assert_true(cut.truncated);
    expect_span(cut.text, "Ab");
}

struct authority_case {
    const char *text, *host;
    int32_t port;
    bool literal, valid;
};

static const struct authority_case authority_cases[] = {
    {"example.com", "example.com", HTTP_PORT_NONE, false, true},
    {"example.com:8080", "example.com", 8080, false, true},
    {"example.com:", "example.com", HTTP_PORT_NONE, false, true},
    {"192.0.2.16:80", "192.0.2.16", 80, false, true},
    {"[2001:db8::7]", "2001:db8::7", HTTP_PORT_NONE, true, true},
    {"[2001:db8::7]:443", "2001:db8::7", 443, true, true},
    {"[::ffff:192.0.2.1]", "::ffff:192.0.2.1", HTTP_PORT_NONE, true, true},
    {"[v1.fe80::a+en1]", "v1.fe80::a+en1", HTTP_PORT_NONE, true, true},
    {"a%41b", "a%41b", HTTP_PORT_NONE, false, true},
    {"", "", HTTP_PORT_NONE, false, false},
    {":80", "", 80, false, false},
    {"example.com:65536", "example.com", HTTP_PORT_NONE, false, false},
    {"example.com:8o", "example.com", HTTP_PORT_NONE, false, false},
    {"a b", "a b", HTTP_PORT_NONE, false, false},
    {"a/b", "a/b", HTTP_PORT_NONE, false, false},
    {"a%4", "a%4", HTTP_PORT_NONE, false, false},
    {"user@example.com", "example.com", HTTP_PORT_NONE, false, false},
    {"user:pw@example.com:1", "example.com", 1, false, false},
    {"2001:db8::7", "2001:db8:", 7, false, false},
    {"[2001:db8::7", "[2001:db8:", 7, false, false},
    {"[::1]x", "::1", HTTP_PORT_NONE, true, false},
    {"[g::1]", "g::1", HTTP_PORT_NONE, true, false},
};

static void authorities_are_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(authority_cases); i++) {
        const struct authority_case *expected = &authority_cases[i];
        struct http_authority authority = http_authority_parse(span_from_text(expected->text));
        expect_span(authority.host, expected->host);
        assert_int_equal(authority.port, expected->port);
        assert_int_equal(authority.ip_literal, expected->literal);
        if (authority.valid != expected->valid)
            fail_msg("\"%s\" is %svalid", expected->text, authority.valid ? "" : "not ");
    }
    expect_span(http_authority_parse(SPAN_LITERAL("user:pw@h")).userinfo, "user:pw");
}

static bool authorities_equal(const char *a, const char *b, const char *scheme)
{
    return http_authority_equal(span_from_text(a), span_from_text(b), span_from_text(scheme));
}

static void authorities_compare_by_meaning(void **state)
{
    (void)state;
    assert_true(authorities_equal("Example.com", "example.COM:80", "http"));
    assert_true(authorities_equal("h:443", "h", "HTTPS"));
    assert_true(authorities_equal("h:", "h", ""));
    assert_false(authorities_equal("h:443", "h", "http"));
    assert_false(authorities_equal("h", "g", "http"));
    assert_false(authorities_equal("h:80", "h", ""));
}

struct target_case {
    const char *text;
    bool connect;
    enum http_target_form form;
    const char *scheme, *authority, *path, *query; /* query NULL: none */
};

/* RFC 9112 3.2 has one example of each form. */
static const struct target_case target_cases[] = {
    {"/where?q=now", false, HTTP_TARGET_ORIGIN, "", "", "/where", "q=now"},
    {"/", false, HTTP_TARGET_ORIGIN, "", "", "/", NULL},
    {"//a/b?", false, HTTP_TARGET_ORIGIN, "", "", "//a/b", ""},
    {"/a?b?c#d?e", false, HTTP_TARGET_ORIGIN, "", "", "/a", "b?c"},
    {"http://www.example.org/pub/WWW/TheProject.html", false, HTTP_TARGET_ABSOLUTE, "http", "www.example.org",
     "/pub/WWW/TheProject.html", NULL},
    {"https://[::1]:8/a?b", false, HTTP_TARGET_ABSOLUTE, "https", "[::1]:8", "/a", "b"},
    {"http://h", false, HTTP_TARGET_ABSOLUTE, "http", "h", "", NULL},
    {"http://h?q", false, HTTP_TARGET_ABSOLUTE, "http", "h", "", "q"},
    {"www.example.com:80", true, HTTP_TARGET_AUTHORITY, "", "www.example.com:80", "", NULL},
    {"*", false, HTTP_TARGET_ASTERISK, "", "", "*", NULL},
    {"www.example.com:80", false, HTTP_TARGET_OTHER, "", "", "www.example.com:80", NULL},
    {"", false, HTTP_TARGET_OTHER, "", "", "", NULL},
    {"1ttp://h/", false, HTTP_TARGET_OTHER, "", "", "1ttp://h/", NULL},
};

static void targets_are_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(target_cases); i++) {
        const struct target_case *expected = &target_cases[i];
        struct http_target target = http_target_parse(span_from_text(expected->text), expected->connect);
        if (target.form != expected->form)
            fail_msg("\"%s\" has form %d", expected->text, target.form);
        expect_span(target.scheme, expected->scheme);
        expect_span(target.authority, expected->authority);
        expect_span(target.path, expected->path);
        expect_span(target.query, expected->query ? expected->query : "");
        assert_int_equal(target.query.data != NULL, expected->query != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(media_types_are_split), cmocka_unit_test(lists_leave_out_empty_elements),
        cmocka_unit_test(pairs_are_split),       cmocka_unit_test(escapes_are_decoded_once),
        cmocka_unit_test(authorities_are_split), cmocka_unit_test(authorities_compare_by_meaning),
        cmocka_unit_test(targets_are_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
