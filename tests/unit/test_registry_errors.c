/* SPDX-License-Identifier: Apache-2.0 */

/* registry: every kind of mistake is told with its file, line, column and JSON pointer, and nothing is half applied. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/registry_fixture.h"

/* Two lines, so that line numbers below count from 3. */
#define HEAD "openapi: 3.1.0\ninfo: {title: t, version: '1'}\n"
#define ROOM 400

struct mistake {
    const char *text;
    enum diagnostic_level level;
    const char *place;  /* "LINE:COLUMN:POINTER" of the first entry of that level */
    const char *phrase; /* part of its message */
};

static const struct diagnostic *first_of(const struct diagnostics *list, enum diagnostic_level level)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (list->entries[i].level == level)
            return &list->entries[i];
    return NULL;
}

static void expect(const struct diagnostics *list, const char *file, const struct mistake *mistake)
{
    char place[ROOM];
    const struct diagnostic *entry = first_of(list, mistake->level);
    assert_non_null(entry);
    snprintf(place, sizeof(place), "%u:%u:%s", entry->line, entry->column, entry->pointer ? entry->pointer : "");
    assert_string_equal(entry->file, file);
    assert_string_equal(place, mistake->place);
    if (!strstr(entry->message, mistake->phrase))
        fail_msg("\"%s\" lacks \"%s\"", entry->message, mistake->phrase);
}

static void expect_all(const struct mistake *mistakes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct diagnostics diagnostics;
        struct registry *registry = NULL;
        diagnostics_init(&diagnostics);
        int status =
            registry_load_text("api.yaml", mistakes[i].text, strlen(mistakes[i].text), &diagnostics, &registry);
        bool error = mistakes[i].level == DIAGNOSTIC_ERROR;
        if (status != (error ? REGISTRY_E_INVALID : 0))
            fail_msg("case %zu: status %d", i, status);
        if (error)
            assert_null(registry);
        expect(&diagnostics, "api.yaml", &mistakes[i]);
        registry_free(registry);
        diagnostics_deinit(&diagnostics);
    }
}

static void syntax(void **state)
{
    (void)state;
    static const struct mistake mistakes[] = {
        {"a: [1, 2\n", DIAGNOSTIC_ERROR, "2:1:", "not valid YAML"},
        {HEAD "paths:\n  /a: {get: {}}\n  /a: {put: {}}\n", DIAGNOSTIC_ERROR, "5:3:/paths/~1a",
         "twice, first in line 4"},
        {HEAD "x: &a {b: 1}\ny:\n  <<: *a\n", DIAGNOSTIC_ERROR, "5:3:", "merge keys"},
        {HEAD "x: *nowhere\n", DIAGNOSTIC_ERROR, "3:4:", "names no anchor"},
        {HEAD "? [a, b]\n: 1\n", DIAGNOSTIC_ERROR, "3:3:", "a key must be a text"},
        {HEAD "x: '\xc3\xa9 \xd7'\n", DIAGNOSTIC_ERROR, "3:7:", "not valid UTF-8"},
        {HEAD "x: \xed\xa0\x80\n", DIAGNOSTIC_ERROR, "3:4:", "not valid UTF-8"},
        {HEAD "x: \xc1\x81\n", DIAGNOSTIC_ERROR, "3:4:", "not valid UTF-8"},
        {HEAD "x: a\001b\n", DIAGNOSTIC_ERROR, "3:5:", "a control character"},
        {HEAD "---\nb: 1\n", DIAGNOSTIC_ERROR, "3:1:", "second YAML document"},
    };
    expect_all(mistakes, ARRAY_COUNT(mistakes));
}

static void documents(void **state)
{
    (void)state;
    static const struct mistake mistakes[] = {
        {"openapi: 3.2.0\ninfo: {}\n", DIAGNOSTIC_ERROR, "1:1:/openapi", "3.0 and 3.1 are read"},
        {"openapi: 3.1.0\npaths: {}\n", DIAGNOSTIC_ERROR, "1:1:", "`info`"},
        {"openapi: 3.0.3\ninfo: {title: t, version: '1'}\n", DIAGNOSTIC_ERROR, "1:1:", "`paths` is needed"},
        {HEAD "paths: []\n", DIAGNOSTIC_ERROR, "3:1:/paths", "must be an object"},
        {"swagger: '2.0'\n", DIAGNOSTIC_WARNING, "1:1:", "convert it to OpenAPI 3"},
        {"components: {}\n", DIAGNOSTIC_NOTE, "1:1:", "no OpenAPI document"},
    };
    expect_all(mistakes, ARRAY_COUNT(mistakes));
}

static void servers(void **state)
{
    (void)state;
    static const struct mistake mistakes[] = {
        {HEAD "servers: {}\n", DIAGNOSTIC_ERROR, "3:1:/servers", "must be a list"},
        {HEAD "servers:\n  - description: x\n", DIAGNOSTIC_ERROR, "4:5:/servers/0", "needs a `url`"},
        {HEAD "servers:\n  - url: 'https://{a}.b'\n", DIAGNOSTIC_ERROR, "4:5:/servers/0/url", "no variable \"a\""},
        {HEAD "servers:\n  - url: 'https://{a.b'\n", DIAGNOSTIC_ERROR, "4:5:/servers/0/url", "no variable \"\""},
        {HEAD "servers:\n  - url: 'https://{a}.b'\n    variables:\n      a: {enum: [x]}\n", DIAGNOSTIC_ERROR,
         "6:7:/servers/0/variables/a", "needs a `default`"},
        {HEAD "servers:\n  - url: 'https://{a}.b'\n    variables:\n      a: {default: x, enum: []}\n", DIAGNOSTIC_ERROR,
         "6:23:/servers/0/variables/a/enum", "at least one value"},
        {HEAD "servers: [{url: 'https://h:70000/'}]\n", DIAGNOSTIC_ERROR, "3:12:/servers/0/url", "no port"},
        {HEAD "servers: [{url: 'https://me@h/'}]\n", DIAGNOSTIC_ERROR, "3:12:/servers/0/url", "user name"},
        {HEAD "servers: [{url: 'https://a..b/'}]\n", DIAGNOSTIC_ERROR, "3:12:/servers/0/url", "empty part"},
        {HEAD "servers: [{url: 'https://a/?x=1'}]\n", DIAGNOSTIC_ERROR, "3:12:/servers/0/url", "end with its path"},
        {HEAD "servers:\n  - url: '/{a}{b}{c}'\n    variables:\n"
              "      a: &v {default: '1', enum: ['1', '2', '3', '4', '5', '6', '7']}\n      b: *v\n      c: *v\n",
         DIAGNOSTIC_ERROR, "4:5:/servers/0/url", "more than 256"},
    };
    expect_all(mistakes, ARRAY_COUNT(mistakes));
}

static void templates(void **state)
{
    (void)state;
    static const struct mistake mistakes[] = {
        {HEAD "paths:\n  a: {}\n", DIAGNOSTIC_ERROR, "4:3:/paths/a", "begin with '/'"},
        {HEAD "paths:\n  /a/{b: {}\n", DIAGNOSTIC_ERROR, "4:3:/paths/~1a~1{b", "'{' without '}'"},
        {HEAD "paths:\n  /a/{b/c}: {}\n", DIAGNOSTIC_ERROR, "4:3:/paths/~1a~1{b~1c}", "'{' without '}'"},
        {HEAD "paths:\n  /a/b}: {}\n", DIAGNOSTIC_ERROR, "4:3:/paths/~1a~1b}", "'}' without '{'"},
        {HEAD "paths:\n  /a/{}: {}\n", DIAGNOSTIC_ERROR, "4:3:/paths/~1a~1{}", "no name"},
        {HEAD "paths:\n  /{a}/{a}: {}\n", DIAGNOSTIC_ERROR, "4:3:/paths/~1{a}~1{a}", "stands twice"},
        {HEAD "paths:\n  /a//b: {}\n", DIAGNOSTIC_ERROR, "4:3:/paths/~1a~1~1b", "empty segment"},
        {HEAD "paths:\n  /a?b=c: {}\n", DIAGNOSTIC_ERROR, "4:3:/paths/~1a?b=c", "before '?'"},
        {HEAD "paths:\n  /{a}: {get: {}}\n  /{b}: {put: {}}\n", DIAGNOSTIC_ERROR, "5:10:/paths/~1{b}/put",
         "same shape as /{a} in line 4"},
        {HEAD "paths:\n  /{a}: {get: {}}\n  /{b}: {get: {}}\n", DIAGNOSTIC_ERROR, "5:10:/paths/~1{b}/get",
         "defined already by /{a} in api.yaml:4"},
        {HEAD "paths:\n  /a:\n    GET: {}\n", DIAGNOSTIC_WARNING, "5:5:/paths/~1a/GET", "is no method"},
        {HEAD "paths:\n  /{a}: {get: {}}\n", DIAGNOSTIC_WARNING, "4:10:/paths/~1{a}/get", "{a} of the path is not"},
        {HEAD "paths:\n  /a:\n    get: {parameters: [{in: path, name: b, required: true}]}\n", DIAGNOSTIC_WARNING,
         "5:5:/paths/~1a/get", "\"b\" is not in the path"},
        {HEAD "paths:\n  /a: 1\n", DIAGNOSTIC_ERROR, "4:3:/paths/~1a", "must hold an object"},
        {HEAD "paths:\n  /a: {get: 1}\n", DIAGNOSTIC_ERROR, "4:8:/paths/~1a/get", "must be an object"},
    };
    expect_all(mistakes, ARRAY_COUNT(mistakes));
}

#define OPERATION HEAD "paths:\n  /a:\n    get:\n"

static void operations(void **state)
{
    (void)state;
    static const struct mistake mistakes[] = {
        {OPERATION "      deprecated: 'true'\n", DIAGNOSTIC_ERROR, "6:7:/paths/~1a/get/deprecated", "true or false"},
        {OPERATION "      tags: {}\n", DIAGNOSTIC_ERROR, "6:7:/paths/~1a/get/tags", "list of texts"},
        {OPERATION "      parameters: {}\n", DIAGNOSTIC_ERROR, "6:7:/paths/~1a/get/parameters", "must be a list"},
        {OPERATION "      parameters: [{in: query}]\n", DIAGNOSTIC_ERROR, "6:20:/paths/~1a/get/parameters/0", "name"},
        {OPERATION "      parameters: [{name: q, in: body}]\n", DIAGNOSTIC_ERROR, "6:30:/paths/~1a/get/parameters/0/in",
         "path, query, header or cookie"},
        {OPERATION "      parameters: [{name: Q, in: header}, {name: q, in: header}]\n", DIAGNOSTIC_ERROR,
         "6:43:/paths/~1a/get/parameters/1", "twice"},
        {OPERATION "      responses: []\n", DIAGNOSTIC_ERROR, "6:7:/paths/~1a/get/responses", "status codes as keys"},
        {OPERATION "      responses: {'600': {}}\n", DIAGNOSTIC_ERROR, "6:19:/paths/~1a/get/responses/600",
         "no status"},
        {OPERATION "      responses: {'2X': {}}\n", DIAGNOSTIC_ERROR, "6:19:/paths/~1a/get/responses/2X", "no status"},
        {OPERATION "      requestBody: {content: {json: {}}}\n", DIAGNOSTIC_ERROR,
         "6:31:/paths/~1a/get/requestBody/content/json", "no media type"},
        {OPERATION "      x-sunset: soon\n", DIAGNOSTIC_ERROR, "6:7:/paths/~1a/get/x-sunset", "RFC 3339"},
        {OPERATION "      x-sunset: 2023-02-29\n", DIAGNOSTIC_ERROR, "6:7:/paths/~1a/get/x-sunset", "RFC 3339"},
        {OPERATION "      x-lifecycle: gone\n", DIAGNOSTIC_ERROR, "6:7:/paths/~1a/get/x-lifecycle",
         "active, deprecated"},
        {OPERATION "      x-allow-full-pan: yes\n", DIAGNOSTIC_ERROR, "6:7:/paths/~1a/get/x-allow-full-pan", "true or"},
        {OPERATION "      x-data-class: {}\n", DIAGNOSTIC_ERROR, "6:7:/paths/~1a/get/x-data-class", "list of names"},
        {OPERATION "      operationId: o\n    put:\n      operationId: o\n", DIAGNOSTIC_ERROR, "7:5:/paths/~1a/put",
         "used already in line 5"},
    };
    expect_all(mistakes, ARRAY_COUNT(mistakes));
}

static void securities(void **state)
{
    (void)state;
    static const struct mistake mistakes[] = {
        {HEAD "security: {}\n", DIAGNOSTIC_ERROR, "3:1:/security", "list of alternatives"},
        {HEAD "security: [a]\n", DIAGNOSTIC_ERROR, "3:12:/security/0", "must be an object"},
        {HEAD "security: [{a: []}]\n", DIAGNOSTIC_ERROR, "3:13:/security/0/a", "no security scheme \"a\""},
        {HEAD "security: [{a: 1}]\ncomponents: {securitySchemes: {a: {type: oauth2}}}\n", DIAGNOSTIC_ERROR,
         "3:13:/security/0/a", "list of scopes"},
        {HEAD "security: [{a: []}]\ncomponents: {securitySchemes: {a: {type: basic}}}\n", DIAGNOSTIC_ERROR,
         "4:36:/components/securitySchemes/a/type", "must be http, apiKey"},
        {HEAD "security: [{a: []}]\ncomponents: {securitySchemes: {a: {type: http}}}\n", DIAGNOSTIC_ERROR,
         "4:32:/components/securitySchemes/a", "scheme is needed"},
        {HEAD "security: [{a: []}]\ncomponents: {securitySchemes: {a: {type: apiKey, name: k, in: body}}}\n",
         DIAGNOSTIC_ERROR, "4:59:/components/securitySchemes/a/in", "header, query or cookie"},
    };
    expect_all(mistakes, ARRAY_COUNT(mistakes));
}

static void references(void **state)
{
    (void)state;
    static const struct mistake mistakes[] = {
        {HEAD "paths:\n  /a: {$ref: '#/components/pathItems/A'}\n", DIAGNOSTIC_ERROR, "4:8:/paths/~1a/$ref",
         "leads nowhere: api.yaml has no \"components\" below \"\""},
        {HEAD "paths:\n  /a: {$ref: 'https://example.com/a.yaml'}\n", DIAGNOSTIC_ERROR, "4:8:/paths/~1a/$ref",
         "only local files"},
        {HEAD "paths:\n  /a: {$ref: '//example.com/a.yaml'}\n", DIAGNOSTIC_ERROR, "4:8:/paths/~1a/$ref", "only local"},
        {HEAD "paths:\n  /a: {$ref: 'b.yaml#/x'}\n", DIAGNOSTIC_ERROR, "4:8:/paths/~1a/$ref", "no file \"b.yaml\""},
        {HEAD "paths:\n  /a: {$ref: '../b.yaml'}\n", DIAGNOSTIC_ERROR, "4:8:/paths/~1a/$ref", "leaves the registry"},
        {HEAD "paths:\n  /a: {$ref: '/etc/b.yaml'}\n", DIAGNOSTIC_ERROR, "4:8:/paths/~1a/$ref", "leaves the registry"},
        {HEAD "paths:\n  /a: {$ref: '#anchor'}\n", DIAGNOSTIC_ERROR, "4:8:/paths/~1a/$ref", "no JSON pointer"},
        {HEAD "paths:\n  /a: {$ref: 1}\n  /b: {$ref: ''}\n", DIAGNOSTIC_ERROR, "4:8:/paths/~1a/$ref", "no file \"1\""},
        {HEAD "paths:\n  /a: {$ref: []}\n", DIAGNOSTIC_ERROR, "4:8:/paths/~1a/$ref", "must be a text"},
        {HEAD "paths:\n  /a: {$ref: '#/paths/~1b'}\n  /b: {$ref: '#/paths/~1a'}\n", DIAGNOSTIC_ERROR,
         "4:8:/paths/~1a/$ref", "back to itself"},
        {OPERATION "      parameters: [{$ref: '#/components/parameters/P'}]\ncomponents: {parameters: {}}\n",
         DIAGNOSTIC_ERROR, "6:21:/paths/~1a/get/parameters/0/$ref", "no \"P\" below \"/components/parameters\""},
    };
    expect_all(mistakes, ARRAY_COUNT(mistakes));
}

static void members_beside_a_reference(void **state)
{
    (void)state;
    static const struct mistake mistakes[] = {
        {HEAD "paths:\n  /a:\n    $ref: '#/components/pathItems/A'\n    put: {}\n"
              "components: {pathItems: {A: {get: {}}}}\n",
         DIAGNOSTIC_WARNING, "6:5:/paths/~1a/put", "beside a $ref"},
    };
    expect_all(mistakes, ARRAY_COUNT(mistakes));
}

static void all_mistakes_are_told_at_once(void **state)
{
    (void)state;
    const char *text = HEAD "servers: [{url: 'https://h:x'}]\n"
                            "paths:\n  a: {}\n  /{b: {}\n  /c: {get: {deprecated: 1, x-sunset: 1}}\n";
    const struct registry_source sources[] = {{"a.yaml", text, strlen(text)}, {"b.yaml", "x: [", 4}};
    struct diagnostics diagnostics;
    struct registry *registry = NULL;
    diagnostics_init(&diagnostics);
    assert_int_equal(registry_load_sources(sources, 2, &diagnostics, &registry), REGISTRY_E_INVALID);
    assert_null(registry);
    assert_int_equal(diagnostics.errors, 6);
    diagnostics_deinit(&diagnostics);
}

static void a_shared_mistake_is_told_once(void **state)
{
    (void)state;
    const char *text = HEAD "paths:\n  /a:\n    get: {parameters: [{$ref: '#/components/parameters/P'}]}\n"
                            "    put: {parameters: [{$ref: '#/components/parameters/P'}]}\n"
                            "components: {parameters: {P: {name: p, in: nowhere}}}\n";
    struct diagnostics diagnostics;
    struct registry *registry = NULL;
    diagnostics_init(&diagnostics);
    assert_int_equal(registry_load_text("a.yaml", text, strlen(text), &diagnostics, &registry), REGISTRY_E_INVALID);
    assert_int_equal(diagnostics.errors, 1);
    diagnostics_deinit(&diagnostics);
}

static void the_same_operation_in_two_files_names_both(void **state)
{
    (void)state;
    const char *first = HEAD "servers: [{url: 'https://h.example/v1'}]\npaths:\n  /{a}: {get: {}}\n";
    const char *second = HEAD "servers: [{url: 'https://h.example'}]\npaths:\n\n  /v1/{b}: {get: {}, put: {}}\n";
    const struct registry_source sources[] = {{"z/b.yaml", second, strlen(second)}, {"a.yaml", first, strlen(first)}};
    struct diagnostics diagnostics;
    struct registry *registry = NULL;
    diagnostics_init(&diagnostics);
    assert_int_equal(registry_load_sources(sources, 2, &diagnostics, &registry), REGISTRY_E_INVALID);
    const struct mistake mistake = {NULL, DIAGNOSTIC_ERROR, "6:13:/paths/~1v1~1{b}/get", "by /{a} in a.yaml:5"};
    expect(&diagnostics, "z/b.yaml", &mistake);
    assert_int_equal(diagnostics.errors, 1);
    diagnostics_deinit(&diagnostics);
}

/* 2^12 templates of twelve segments, each "a" or a parameter: a request of twelve "a" fits all of them. */
static void overlapping_templates_beyond_the_bound_are_refused(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    fputs(HEAD "paths:\n", stream);
    for (unsigned i = 0; i < 1u << 12; i++) {
        fputs("  ", stream);
        for (unsigned bit = 0; bit < 12; bit++)
            fprintf(stream, i >> bit & 1 ? "/{p%u}" : "/a", bit);
        fputs(": {get: {}}\n", stream);
    }
    fclose(stream);
    struct diagnostics diagnostics;
    struct registry *registry = NULL;
    diagnostics_init(&diagnostics);
    assert_int_equal(registry_load_text("wild.yaml", text, size, &diagnostics, &registry), REGISTRY_E_INVALID);
    assert_int_equal(diagnostics.errors, 1);
    diagnostics_deinit(&diagnostics);
    free(text);
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    char text[2000] = HEAD "x: ";
    size_t size = strlen(text);
    memset(text + size, '[', 300);
    memset(text + size + 300, ']', 300);
    struct diagnostics diagnostics;
    struct registry *registry = NULL;
    diagnostics_init(&diagnostics);
    assert_int_equal(registry_load_text("deep.yaml", text, size + 600, &diagnostics, &registry), REGISTRY_E_INVALID);
    assert_int_equal(diagnostics.errors, 1);
    diagnostics_deinit(&diagnostics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syntax),
        cmocka_unit_test(documents),
        cmocka_unit_test(servers),
        cmocka_unit_test(templates),
        cmocka_unit_test(operations),
        cmocka_unit_test(securities),
        cmocka_unit_test(references),
        cmocka_unit_test(members_beside_a_reference),
        cmocka_unit_test(all_mistakes_are_told_at_once),
        cmocka_unit_test(a_shared_mistake_is_told_once),
        cmocka_unit_test(the_same_operation_in_two_files_names_both),
        cmocka_unit_test(overlapping_templates_beyond_the_bound_are_refused),
        cmocka_unit_test(nesting_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
