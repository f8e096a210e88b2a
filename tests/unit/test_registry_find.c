/* SPDX-License-Identifier: Apache-2.0 */

/* registry: how hosts, ports, base paths, templates and methods are matched (registry/registry.h states each rule). */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/registry_fixture.h"

#define HEAD "openapi: 3.1.0\ninfo: {title: t, version: '1'}\n"

static void hosts_ignore_case_a_trailing_dot_and_the_default_port(void **state)
{
    (void)state;
    struct registry *r = load_good(HEAD "servers: [{url: 'https://API.example.com/v1'}]\n"
                                        "paths: {/a: {get: {operationId: a}}}\n");
    assert_string_equal(ask(r, "api.example.com", "GET", "/v1/a"), "a");
    assert_string_equal(ask(r, "aPi.Example.COM", "GET", "/v1/a"), "a");
    assert_string_equal(ask(r, "api.example.com.", "GET", "/v1/a"), "a");
    assert_string_equal(ask(r, "api.example.com.:443", "GET", "/v1/a"), "a");
    assert_string_equal(ask(r, "api.example.com:80", "GET", "/v1/a"), "a");
    assert_string_equal(ask(r, "api.example.com:", "GET", "/v1/a"), "a");
    assert_string_equal(ask(r, "api.example.com:8443", "GET", "/v1/a"), "(no host)");
    assert_string_equal(ask(r, "api.example.com:99999", "GET", "/v1/a"), "(no host)");
    assert_string_equal(ask(r, "api.example.com:4x3", "GET", "/v1/a"), "(no host)");
    assert_string_equal(ask(r, "example.com", "GET", "/v1/a"), "(no host)");
    assert_string_equal(ask(r, "www.api.example.com", "GET", "/v1/a"), "(no host)");
    assert_string_equal(ask(r, "api..example.com", "GET", "/v1/a"), "(no host)");
    assert_string_equal(ask(r, "", "GET", "/v1/a"), "(no host)");
    assert_string_equal(ask(r, ".", "GET", "/v1/a"), "(no host)");
    registry_free(r);
}

static void ports_count_where_both_sides_name_one(void **state)
{
    (void)state;
    struct registry *r =
        load_good(HEAD "paths:\n"
                       "  /a: {servers: [{url: 'http://h.example:8080'}], get: {operationId: eighty}}\n"
                       "  /b: {servers: [{url: 'https://h.example'}], get: {operationId: plain}}\n"
                       "  /c: {servers: [{url: 'https://h.example:{p}', variables: {p: {default: '1'}}}],\n"
                       "       get: {operationId: any}}\n"
                       "  /d: {servers: [{url: 'http://[2001:DB8::1]:8080/x'}], get: {operationId: six}}\n");
    assert_string_equal(ask(r, "h.example:8080", "GET", "/a"), "eighty");
    assert_string_equal(ask(r, "h.example", "GET", "/a"), "eighty");
    assert_string_equal(ask(r, "h.example:443", "GET", "/a"), "(no path)");
    assert_string_equal(ask(r, "h.example", "GET", "/b"), "plain");
    assert_string_equal(ask(r, "h.example:8080", "GET", "/b"), "(no path)");
    assert_string_equal(ask(r, "h.example:12345", "GET", "/c"), "any");
    assert_string_equal(ask(r, "[2001:db8::1]:8080", "GET", "/x/d"), "six");
    assert_string_equal(ask(r, "[2001:db8::1]", "GET", "/x/d"), "six");
    assert_string_equal(ask(r, "[2001:db8::2]", "GET", "/x/d"), "(no host)");
    struct registry_request request = {
        .host = SPAN_LITERAL("h.example"), .port = 443, .method = SPAN_LITERAL("GET"), .path = SPAN_LITERAL("/a")};
    struct registry_match match;
    assert_int_equal(registry_find(r, &request, &match), REGISTRY_NO_PATH);
    request.port = 8080;
    assert_int_equal(registry_find(r, &request, &match), REGISTRY_MATCH);
    registry_free(r);
}

static void server_variables_stand_for_their_values(void **state)
{
    (void)state;
    struct registry *r = load_good(HEAD "servers:\n"
                                        "  - url: '{scheme}://{tenant}.{region}.example.com/{base}'\n"
                                        "    variables:\n"
                                        "      scheme: {default: https}\n"
                                        "      tenant: {default: demo}\n"
                                        "      region: {default: eu, enum: [eu, us]}\n"
                                        "      base: {default: v1.0, enum: [v1.0, v2/beta]}\n"
                                        "  - url: 'https://api-{stage}.example.org/{version}'\n"
                                        "    variables: {stage: {default: dev}, version: {default: v1}}\n"
                                        "  - url: 'https://{host}.example.net'\n"
                                        "    variables: {host: {default: a.b}}\n"
                                        "paths: {/a: {get: {operationId: a}}}\n");
    assert_string_equal(ask(r, "demo.eu.example.com", "GET", "/v1.0/a"), "a");
    assert_string_equal(ask(r, "other.us.example.com", "GET", "/v2/beta/a"), "a");
    assert_string_equal(ask(r, "other.asia.example.com", "GET", "/v1.0/a"), "(no host)");
    assert_string_equal(ask(r, "x.y.eu.example.com", "GET", "/v1.0/a"), "(no host)");
    assert_string_equal(ask(r, "demo.eu.example.com", "GET", "/v2/a"), "(no base path)");
    assert_string_equal(ask(r, "api-prod.example.org", "GET", "/anything/a"), "a");
    assert_string_equal(ask(r, "api-.example.org", "GET", "/anything/a"), "(no host)");
    assert_string_equal(ask(r, "a.b.example.net", "GET", "/a"), "a");
    assert_string_equal(ask(r, "c.example.net", "GET", "/a"), "(no host)");
    registry_free(r);
}

static void servers_without_a_host_match_any(void **state)
{
    (void)state;
    const struct registry_source sources[] = {
        {"any.yaml", HEAD "servers: [{url: /shop}]\npaths: {/a: {get: {operationId: any}}}\n", 0},
        {"open.yaml",
         HEAD "servers: [{url: 'https://{h}/open', variables: {h: {default: x.example}}}]\n"
              "paths: {/a: {get: {operationId: open}}}\n",
         0},
        {"host.yaml", HEAD "servers: [{url: 'https://h.example/shop'}]\npaths: {/a: {get: {operationId: host}}}\n", 0},
        {"wild.yaml",
         HEAD "servers: [{url: 'https://{l}.example/shop', variables: {l: {default: x}}}]\n"
              "paths: {/a: {get: {operationId: wild}}, /b: {get: {operationId: wild_b}}}\n",
         0},
    };
    struct registry_source sized[ARRAY_COUNT(sources)];
    for (size_t i = 0; i < ARRAY_COUNT(sources); i++)
        sized[i] = (struct registry_source){sources[i].name, sources[i].text, strlen(sources[i].text)};
    struct registry *r = load_good_sources(sized, ARRAY_COUNT(sized));
    assert_string_equal(ask(r, "h.example", "GET", "/shop/a"), "host");
    assert_string_equal(ask(r, "k.example", "GET", "/shop/a"), "wild");
    assert_string_equal(ask(r, "h.example", "GET", "/shop/b"), "wild_b");
    assert_string_equal(ask(r, "other.test", "GET", "/shop/a"), "any");
    assert_string_equal(ask(r, "", "GET", "/shop/a"), "any");
    assert_string_equal(ask(r, "h.example:9999", "GET", "/shop/a"), "any");
    assert_string_equal(ask(r, "203.0.113.7:80", "GET", "/open/a"), "open");
    assert_string_equal(ask(r, "other.test", "GET", "/else"), "(no base path)");
    registry_free(r);
}

static void no_servers_means_any_host_and_no_base_path(void **state)
{
    (void)state;
    struct registry *r = load_good(HEAD "paths: {/a: {get: {operationId: a}}, /: {get: {operationId: root}}}\n");
    assert_string_equal(ask(r, "whatever", "GET", "/a"), "a");
    assert_string_equal(ask(r, "whatever", "GET", "/"), "root");
    assert_string_equal(ask(r, "whatever", "GET", ""), "root");
    assert_string_equal(ask(r, "whatever", "GET", "*"), "(no path)");
    assert_string_equal(ask(r, "whatever", "GET", "/b"), "(no path)");
    registry_free(r);
    r = load_good_sources(NULL, 0);
    assert_string_equal(ask(r, "whatever", "GET", "/"), "(no host)");
    assert_int_equal(registry_operation_count(r), 0);
    registry_free(r);
}

static void literal_goes_before_mixed_before_parameter(void **state)
{
    (void)state;
    struct registry *r = load_good(HEAD "paths:\n"
                                        "  /users/{id}: {get: {operationId: byId}, delete: {operationId: remove}}\n"
                                        "  /users/me: {get: {operationId: me}}\n"
                                        "  /users/{name}.json: {get: {operationId: json}}\n"
                                        "  /users/{name}.min.json: {get: {operationId: minJson}}\n"
                                        "  /range/{a}-{b}: {get: {operationId: range}}\n"
                                        "  /{entity}/me/x: {get: {operationId: entity}}\n"
                                        "  /books/{id}/x: {get: {operationId: book}}\n"
                                        "  /books/me/y: {get: {operationId: y}}\n"
                                        "  /pets/{a}{b}: {get: {operationId: two}}\n");
    struct registry_match match;
    assert_string_equal(ask(r, "h", "GET", "/users/me"), "me");
    assert_string_equal(ask(r, "h", "GET", "/users/you"), "byId");
    assert_string_equal(ask(r, "h", "GET", "/users/you.json"), "json");
    assert_string_equal(ask(r, "h", "GET", "/users/you.min.json"), "minJson");
    assert_string_equal(ask(r, "h", "GET", "/users/.json"), "byId");
    assert_string_equal(ask(r, "h", "GET", "/users/"), "(no path)");
    assert_string_equal(ask(r, "h", "GET", "/range/1-2"), "range");
    assert_string_equal(ask(r, "h", "GET", "/range/1-2-3"), "range");
    assert_string_equal(ask(r, "h", "GET", "/range/--1"), "range");
    assert_string_equal(ask(r, "h", "GET", "/range/-1"), "(no path)");
    assert_string_equal(ask(r, "h", "GET", "/range/1-"), "(no path)");
    assert_string_equal(ask(r, "h", "GET", "/books/me/x"), "book");
    assert_string_equal(ask(r, "h", "GET", "/cars/me/x"), "entity");
    assert_string_equal(ask(r, "h", "GET", "/books/me/y"), "y");
    assert_string_equal(ask(r, "h", "GET", "/pets/ab"), "two");
    assert_string_equal(ask(r, "h", "GET", "/pets/a"), "(no path)");
    assert_int_equal(ask_match(r, "h", "DELETE", "/users/me", &match), REGISTRY_MATCH);
    assert_true(match.less_literal);
    assert_span_equal(match.operation->id, "remove");
    assert_int_equal(ask_match(r, "h", "DELETE", "/users/you", &match), REGISTRY_MATCH);
    assert_false(match.less_literal);
    assert_int_equal(match.methods, 1u << REGISTRY_GET | 1u << REGISTRY_DELETE);
    assert_int_equal(ask_match(r, "h", "PATCH", "/users/me", &match), REGISTRY_NO_METHOD);
    assert_span_equal(match.operation->id, "me");
    assert_int_equal(match.methods, 1u << REGISTRY_GET);
    registry_free(r);
}

static void every_method_is_told_apart(void **state)
{
    (void)state;
    struct registry *r = load_good(HEAD "paths:\n  /a:\n    get: {}\n    put: {}\n    post: {}\n    delete: {}\n"
                                        "    options: {}\n    head: {}\n    patch: {}\n    trace: {}\n");
    for (int method = 0; method < REGISTRY_METHOD_COUNT; method++) {
        struct registry_match match;
        const char *name = registry_method_name((enum registry_method)method);
        assert_int_equal(ask_match(r, "h", name, "/a", &match), REGISTRY_MATCH);
        assert_int_equal(match.operation->method, method);
        char id[64];
        snprintf(id, sizeof(id), "api.yaml#%s /a", name);
        assert_span_equal(match.operation->id, id);
    }
    static const char *const others[] = {"", "G", "get", "GETX", "QUERY", "CONNECT", "PROPFIND", "PUU"};
    for (size_t i = 0; i < ARRAY_COUNT(others); i++)
        assert_string_equal(ask(r, "h", others[i], "/a"), "(no method)");
    registry_free(r);
}

static void paths_are_compared_normalised(void **state)
{
    (void)state;
    struct registry *r = load_good(HEAD "servers: [{url: /v%31/b%2fc}]\n"
                                        "paths:\n"
                                        "  /caf\xc3\xa9/{x}: {get: {operationId: cafe}}\n"
                                        "  /a b/~me: {get: {operationId: blank}}\n"
                                        "  /a/b:go: {get: {operationId: colon}}\n");
    static const char *const good[][2] = {
        {"/v1/b%2Fc/caf%C3%A9/1", "cafe"},         {"/v1/b%2fc/caf\xc3\xa9/1", "cafe"},
        {"/%76%31/b%2Fc/caf%c3%a9/%2F", "cafe"},   {"/v1/b%2Fc/a%20b/%7Eme", "blank"},
        {"/v1/b%2Fc/a%20b/~me?x=/y", "blank"},     {"/v1/b%2Fc/a%20b/~me#frag", "blank"},
        {"/v1/./b%2Fc/x/../a%20b/%7eme", "blank"}, {"/v1/%2e/b%2Fc/x/%2E%2e/a%20b/~me", "blank"},
        {"/../v1/b%2Fc/a%20b/~me", "blank"},       {"/v1/b%2Fc/a/b:go", "colon"},
        {"/v1/b%2Fc/a/b%3Ago", "(no path)"},       {"/v1/b/c/a/b:go", "(no base path)"},
        {"/v1/b%2Fc/A/b:go", "(no path)"},         {"/v1//b%2Fc/a/b:go", "(no base path)"},
        {"/v1/b%2Fc/caf%C3%A9/", "(no path)"},     {"/v1/b%2Fc/caf%C3%A9/1/2", "(no path)"},
        {"/v1/b%2Fc/caf%C3%A9/..", "(no path)"},   {"/v1/b%2Fc/caf%C3/1", "(no path)"},
        {"/v1/b%2Fc/caf%C3%A9/%", "cafe"},         {"/v1/b%2Fc/caf%C3%A9/%4", "cafe"},
        {"/v1?/b%2Fc/a/b:go", "(no base path)"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(good); i++)
        assert_string_equal(ask(r, "h", "GET", good[i][0]), good[i][1]);
    registry_free(r);
}

static void a_trailing_slash_is_forgiven_and_told(void **state)
{
    (void)state;
    struct registry *r = load_good(HEAD "servers: [{url: /v1/}]\n"
                                        "paths:\n"
                                        "  /: {get: {operationId: root}}\n"
                                        "  /a: {get: {operationId: a}}\n"
                                        "  /b/: {get: {operationId: b}}\n"
                                        "  /c: {get: {operationId: c}, put: {operationId: putC}}\n"
                                        "  /c/: {get: {operationId: cSlash}}\n");
    static const struct {
        const char *method, *path, *id;
        bool differs;
    } cases[] = {
        {"GET", "/v1/", "root", false}, {"GET", "/v1", "root", true},       {"GET", "/v1/a", "a", false},
        {"GET", "/v1/a/", "a", true},   {"GET", "/v1/b/", "b", false},      {"GET", "/v1/b", "b", true},
        {"GET", "/v1/c", "c", false},   {"GET", "/v1/c/", "cSlash", false}, {"PUT", "/v1/c/", "putC", true},
        {"GET", "/v1/a/.", "a", true},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct registry_match match;
        assert_int_equal(ask_match(r, "h", cases[i].method, cases[i].path, &match), REGISTRY_MATCH);
        assert_span_equal(match.operation->id, cases[i].id);
        assert_int_equal(match.trailing_slash_differs, cases[i].differs);
        assert_false(match.less_literal);
    }
    assert_string_equal(ask(r, "h", "GET", "/v1/a//"), "(no path)");
    registry_free(r);
}

static void long_and_deep_paths_are_bounded(void **state)
{
    (void)state;
    struct registry *r = load_good(HEAD "servers: [{url: /v1}]\npaths:\n  /files/{name}: {get: {operationId: file}}\n"
                                        "  /a-long-literal-segment-of-more-than-thirty-two-bytes/x: "
                                        "{get: {operationId: long}}\n");
    static char path[REGISTRY_PATH_SIZE_MAX + 64];
    assert_string_equal(ask(r, "h", "GET", "/v1/a-long-literal-segment-of-more-than-thirty-two-bytes/x"), "long");
    assert_string_equal(ask(r, "h", "GET", "/v1/a-long-literal-segment-of-more-than-thirty-two-bytez/x"), "(no path)");
    memset(path, 'x', sizeof(path) - 1);
    memcpy(path, "/v1/files/", 10);
    assert_string_equal(ask(r, "h", "GET", path), "file");
    path[20] = '%';
    assert_string_equal(ask(r, "h", "GET", path), "(undecided)");
    path[REGISTRY_PATH_SIZE_MAX] = 0;
    assert_string_equal(ask(r, "h", "GET", path), "file");
    for (size_t i = 0; i < 1000; i++)
        memcpy(path + 3 + 2 * i, "/x", 3);
    assert_string_equal(ask(r, "h", "GET", path), "(no path)");
    memcpy(path + 2003, "/%41", 5);
    assert_string_equal(ask(r, "h", "GET", path), "(no path)");
    for (size_t i = 0; i < 1000; i++)
        memcpy(path + 3 * i, "/..", 4);
    memcpy(path + 3000, "/v1/files/1", 12);
    assert_string_equal(ask(r, "h", "GET", path), "file");
    registry_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_ignore_case_a_trailing_dot_and_the_default_port),
        cmocka_unit_test(ports_count_where_both_sides_name_one),
        cmocka_unit_test(server_variables_stand_for_their_values),
        cmocka_unit_test(servers_without_a_host_match_any),
        cmocka_unit_test(no_servers_means_any_host_and_no_base_path),
        cmocka_unit_test(literal_goes_before_mixed_before_parameter),
        cmocka_unit_test(every_method_is_told_apart),
        cmocka_unit_test(paths_are_compared_normalised),
        cmocka_unit_test(a_trailing_slash_is_forgiven_and_told),
        cmocka_unit_test(long_and_deep_paths_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
