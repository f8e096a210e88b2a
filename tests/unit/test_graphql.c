/* SPDX-License-Identifier: Apache-2.0 */

/* graphql: documents, requests in all their wrappings, answers; each cut at every place. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/graphql_request.h"

/* "type name flags"; valid until the next call. */
static const char *describe(const struct graphql_result *result)
{
    static const char *const types[] = {"none", "unknown", "query", "mutation", "subscription"};
    static char text[256];
    snprintf(text, sizeof(text), "%s %.*s%s%s", types[result->type], result->name_size, result->name,
             result->introspection ? " introspection" : "", result->operations > 1 ? " batch" : "");
    return text;
}

static void read_cut(enum graphql_body body, const char *text, size_t first, size_t second, char out[256])
{
    struct graphql_request request;
    memset(&request, 0xa5, sizeof(request));
    graphql_request_init(&request, body);
    size_t size = strlen(text), ends[] = {first, second, size}, at = 0;
    for (size_t i = 0; i < 3; i++) {
        char *copy = malloc(ends[i] - at + 1); /* so that a byte too far is seen */
        memcpy(copy, text + at, ends[i] - at);
        graphql_request_add(&request, span_of(copy, ends[i] - at));
        free(copy);
        at = ends[i];
    }
    snprintf(out, 256, "%s", describe(graphql_request_end(&request)));
}

static void expect(enum graphql_body body, const char *text, const char *wanted)
{
    size_t size = strlen(text);
    for (size_t first = 0; first <= size; first++) {
        char got[256];
        read_cut(body, text, first, first + (size - first) / 2, got);
        if (strcmp(got, wanted) != 0)
            fail_msg("%s\ncut at %zu: \"%s\" instead of \"%s\"", text, first, got, wanted);
    }
}

#define DOCUMENT(text, wanted) expect(GRAPHQL_BODY_DOCUMENT, text, wanted)
#define JSON(text, wanted)     expect(GRAPHQL_BODY_JSON, text, wanted)

static void operations_have_type_and_name(void **state)
{
    (void)state;
    DOCUMENT("{ hero { name } }", "query ");
    DOCUMENT("query Hero($id: ID! = \"{\", $o: In = {a: {b: 1}}) @live { hero(id: $id) { name } }", "query Hero");
    DOCUMENT("\xef\xbb\xbf# query No {\nmutation Save{save(in:{query:\"}\"}){id}}", "mutation Save");
    DOCUMENT("subscription OnReview { r }", "subscription OnReview");
    DOCUMENT("fragment F on T { a } query Q { ...F }", "query Q");
    DOCUMENT("mutation { save }", "mutation ");
    DOCUMENT("query query { fragment mutation }", "query query");
    DOCUMENT("query A { a } query B { b }", "query A");
    DOCUMENT("query Cut { a { b", "query Cut");
    DOCUMENT("", "none ");
    DOCUMENT("query foo", "none ");
    DOCUMENT("shoes and socks", "none ");
    DOCUMENT("type Query { a: Int }", "none ");
    DOCUMENT("schema { query: Q }", "none ");
    DOCUMENT("}{", "none ");
    DOCUMENT("fragment F on T { __schema { a } }", "none ");
}

static void introspection_is_a_field(void **state)
{
    (void)state;
    DOCUMENT("{__schema{types{name}}}", "query  introspection");
    DOCUMENT("{ a { b { __type(name: \"T\") { name } } } }", "query  introspection");
    DOCUMENT("{ x: __schema { a } }", "query  introspection");
    DOCUMENT("query Q { ...F } fragment F on Query { __schema { a } }", "query Q introspection");
    DOCUMENT("{ ... on Query { __schema { a } } }", "query  introspection");
    DOCUMENT("{ ... @include(if: true) { __schema { a } } }", "query  introspection");
    DOCUMENT("{ a @skip(if: false) __schema { a } }", "query  introspection");
    DOCUMENT("{ __type", "query  introspection");
    /* What only looks like it. */
    DOCUMENT("{ __typename a { __typename } }", "query ");
    DOCUMENT("{ __schema: a }", "query ");
    DOCUMENT("{ a(__schema: 1, b: \"__schema\") }", "query ");
    DOCUMENT("{ a # __schema\n }", "query ");
    DOCUMENT("{ a(t: \"\"\" __schema \\\"\"\" { __type \"\"\") b }", "query ");
    DOCUMENT("{ a(t: \"\") b(t: \"\\\"{ __schema\") }", "query ");
    DOCUMENT("{ ...__schema }", "query ");
    DOCUMENT("{ ... on __schema { a } }", "query ");
    DOCUMENT("{ a @__type }", "query ");
    DOCUMENT("{ __schemas __types }", "query ");
}

static void json_wraps_documents(void **state)
{
    (void)state;
    JSON("{\"query\": \"query Hero { hero }\", \"variables\": {\"query\": \"{ __schema }\"}}", "query Hero");
    JSON(" {\"operationName\":\"B\",\"query\":\"query A{__schema{a}} query B{b}\"}", "query B");
    JSON("{\"query\":\"query A{__schema{a}} query B{b}\",\"operationName\":\"A\"}", "query A introspection");
    JSON("{\"query\":\"{\\n  \\u005f_schema { a(b: \\\"x\\\") }\\n}\"}", "query  introspection");
    JSON("{\"query\":\"{a(t:\\\"\\\\\\\"__schema\\\")}\"}", "query ");
    JSON("[{\"query\":\"{a}\"},{\"query\":\"mutation M{__type{a}}\"}]", "query  introspection batch");
    JSON("{\"operationName\":\"Saved\",\"extensions\":{\"persistedQuery\":{\"version\":1,\"sha256Hash\":\"ab\"}}}",
         "unknown Saved");
    JSON("{\"id\":\"1\",\"type\":\"subscribe\",\"payload\":{\"operationName\":null,\"query\":\"subscription S{a}\"}}",
         "subscription S");
    JSON("{\"query\":\"{a}\",\"client\":\"web\"}", "query ");
    /* Other APIs. */
    JSON("{\"query\": {\"match\": \"{ __schema }\"}}", "none ");
    JSON("{\"query\": \"red shoes\", \"size\": 42}", "none ");
    JSON("{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"query\":\"{a}\"}", "none ");
    JSON("{\"data\": [\"query\", \"{ a }\"], \"x\": [{\"query\": \"{ a }\"}]}", "none ");
    JSON("[1, {\"query\": \"{ a }\"}]", "none ");
    JSON("\"query\"", "none ");
    JSON("{\"query\": null, \"operationName\": \"X\"}", "none ");
}

static void parameters_of_a_get_are_read(void **state)
{
    (void)state;
    struct graphql_request request;
    graphql_request_init(&request, GRAPHQL_BODY_JSON);
    graphql_request_add_parameter(&request, SPAN_LITERAL("operationName"), SPAN_LITERAL("B"));
    graphql_request_add_parameter(&request, SPAN_LITERAL("query"), SPAN_LITERAL("query A{a} query B{__schema{a}}"));
    assert_string_equal(describe(graphql_request_end(&request)), "query B introspection");
    graphql_request_init(&request, GRAPHQL_BODY_JSON);
    graphql_request_add_parameter(&request, SPAN_LITERAL("query"), SPAN_LITERAL("red shoes"));
    assert_string_equal(describe(graphql_request_end(&request)), "none ");
    graphql_request_init(&request, GRAPHQL_BODY_JSON);
    graphql_request_add_parameter(&request, SPAN_LITERAL("extensions"), SPAN_LITERAL("{\"persistedQuery\":{}}"));
    assert_string_equal(describe(graphql_request_end(&request)), "unknown ");
}

/* "id" and whether there is data; `message`: over WebSocket. */
static void assert_answer(bool message, const char *text, const char *id, bool wanted)
{
    for (size_t cut = 0; cut <= strlen(text); cut++) {
        struct graphql_response response;
        graphql_response_init(&response, message);
        graphql_response_add(&response, span_of(text, cut));
        graphql_response_add(&response, span_from_text(text + cut));
        assert_int_equal(response.has_data, wanted);
        assert_int_equal(response.id.size, strlen(id));
        assert_memory_equal(response.id.text, id, strlen(id));
    }
}

static void assert_data(const char *text, bool wanted)
{
    assert_answer(false, text, "", wanted);
}

#define LONGEST "0123456789012345678901234567890123456789"

static void messages_are_put_together_by_their_ids(void **state)
{
    (void)state;
    assert_answer(true, "{\"id\":\"1\",\"type\":\"next\",\"payload\":{\"data\":{\"id\":\"9\"}}}", "1", true);
    assert_answer(true, "{\"type\":\"data\",\"payload\":{\"data\":{\"a\":{\"id\":\"9\"}}},\"id\":\"a\\u0062c\"}", "abc",
                  true);
    assert_answer(true, "{\"payload\":{\"id\":\"7\",\"data\":null,\"errors\":[{\"id\":\"8\"}]},\"id\":\"2\"}", "2",
                  false);
    assert_answer(true, "{\"id\":\"3\",\"data\":{},\"payload\":[{\"data\":{}}]}", "3", false);
    assert_answer(true, "{\"id\":\"" LONGEST "\",\"payload\":{\"data\":{}}}", LONGEST, true);
    assert_answer(true, "{\"id\":\"" LONGEST "x\",\"payload\":{\"data\":{}}}", "", true);
    assert_answer(true, "{\"id\":4,\"payload\":{\"data\":{}}}", "", true);
    struct graphql_request request;
    graphql_request_init(&request, GRAPHQL_BODY_JSON);
    graphql_request_add(&request, SPAN_LITERAL("{\"type\":\"subscribe\",\"payload\":{\"query\":\"{__schema{x}}\","
                                               "\"variables\":{\"id\":\"9\"}},\"id\":\"5\"}"));
    assert_string_equal(describe(graphql_request_end(&request)), "query  introspection");
    assert_int_equal(request.id.size, 1);
    assert_int_equal(request.id.text[0], '5');
}

static void answers_hold_data_or_not(void **state)
{
    (void)state;
    assert_data("{\"data\":{\"__schema\":{}}}", true);
    assert_data("{\"errors\":[{\"data\":{}}],\"data\": { }}", true);
    assert_data("[{\"errors\":[]},{\"data\":{}}]", true);
    assert_data("{\"data\":null,\"errors\":[{\"message\":\"no introspection\"}]}", false);
    assert_data("{\"errors\":[{\"message\":\"data\"}],\"extensions\":{\"data\":{}}}", false);
    assert_data("<html>", false);
}

static void limits_hold(void **state)
{
    (void)state;
    struct graphql document;
    graphql_init(&document);
    for (uint32_t i = 0; i < 70000; i++)
        graphql_add(&document, SPAN_LITERAL("{a"));
    assert_true(document.stopped);
    graphql_init(&document);
    graphql_add(&document, SPAN_LITERAL("query "));
    for (uint32_t i = 0; i < 300; i++)
        graphql_add(&document, SPAN_LITERAL("n"));
    graphql_add(&document, SPAN_LITERAL(" {a}"));
    graphql_end(&document);
    assert_int_equal(graphql_find(&document, (struct span){0})->name_size, GRAPHQL_NAME_MAX);
    graphql_init(&document);
    for (uint32_t i = 0; i < 100; i++)
        graphql_add(&document, SPAN_LITERAL("query A{a: b, c}"));
    graphql_end(&document);
    assert_int_equal(document.operation_count, GRAPHQL_OPERATIONS_MAX);
    assert_int_equal(document.aliases, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_have_type_and_name),
        cmocka_unit_test(introspection_is_a_field),
        cmocka_unit_test(json_wraps_documents),
        cmocka_unit_test(parameters_of_a_get_are_read),
        cmocka_unit_test(answers_hold_data_or_not),
        cmocka_unit_test(messages_are_put_together_by_their_ids),
        cmocka_unit_test(limits_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
