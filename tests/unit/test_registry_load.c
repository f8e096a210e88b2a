/* SPDX-License-Identifier: Apache-2.0 */

/* registry: what operations hold after loading, $ref over files, folders with links, git, digests, published documents.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/registry_fixture.h"

#define HEAD "openapi: 3.1.0\ninfo: {title: t, version: '1'}\n"

static const struct registry_operation *find_id(const struct registry *registry, const char *id)
{
    for (uint32_t i = 0; i < registry_operation_count(registry); i++) {
        const struct registry_operation *operation = registry_operation_at(registry, i);
        if (span_equal(operation->id, span_from_text(id))) {
            assert_int_equal(registry_operation_index(registry, operation), i);
            return operation;
        }
    }
    fail_msg("no operation %s", id);
    return NULL;
}

static struct registry *load_folder(const char *folder)
{
    struct diagnostics diagnostics;
    struct registry *registry = NULL;
    diagnostics_init(&diagnostics);
    int status = registry_load(folder, &diagnostics, &registry);
    if (status)
        diagnostics_print(&diagnostics, stderr);
    assert_int_equal(status, 0);
    diagnostics_deinit(&diagnostics);
    return registry;
}

static const char *example_folder(char room[4096])
{
    const char *source = getenv("ASSAY_SOURCE");
    assert_non_null(source);
    snprintf(room, 4096, "%s/tests/data/registry/orders", source);
    return room;
}

static void assert_names(const struct registry_names *names, const char *expected)
{
    char joined[256] = "";
    for (uint32_t i = 0; i < names->count; i++)
        snprintf(joined + strlen(joined), sizeof(joined) - strlen(joined), "%s%.*s", i ? "," : "",
                 (int)names->names[i].size, names->names[i].data);
    assert_string_equal(joined, expected);
}

static void an_operation_holds_what_its_document_says(void **state)
{
    (void)state;
    char room[4096];
    struct registry *r = load_folder(example_folder(room));
    const struct registry_operation *list = find_id(r, "listOrders");
    assert_span_equal(list->document->file->name, "orders.yaml");
    assert_span_equal(list->document->title, "Orders");
    assert_span_equal(list->document->version, "2.3.0");
    assert_span_equal(list->document->openapi, "3.1.0");
    assert_span_equal(list->document->contact_email, "orders@example.com");
    assert_span_equal(list->owner, "Orders team");
    assert_span_equal(list->path, "/orders");
    assert_int_equal(list->method, REGISTRY_GET);
    assert_int_equal(list->line, 18);
    assert_names(&list->tags, "orders,read");
    assert_names(&list->data_classes, "card,person");
    assert_names(&list->zones, "partner");
    assert_false(list->has_body);
    assert_false(list->deprecated);
    assert_int_equal(list->parameter_count, 3);
    const struct registry_parameter *old = registry_operation_parameter(list, REGISTRY_IN_QUERY, SPAN_LITERAL("since"));
    assert_non_null(old);
    assert_true(old->deprecated);
    assert_true(registry_operation_parameter(list, REGISTRY_IN_HEADER, SPAN_LITERAL("x-TENANT"))->required);
    assert_null(registry_operation_parameter(list, REGISTRY_IN_QUERY, SPAN_LITERAL("Since")));
    assert_null(registry_operation_parameter(list, REGISTRY_IN_HEADER, SPAN_LITERAL("Authorization")));

    const struct registry_operation *add = find_id(r, "addOrder");
    assert_true(add->has_body && add->body_required && add->allow_full_pan);
    assert_names(&add->request_media_types, "application/json,application/xml");
    assert_false(registry_operation_parameter(add, REGISTRY_IN_HEADER, SPAN_LITERAL("X-Tenant"))->required);

    const struct registry_operation *get = find_id(r, "orders.yaml#GET /orders/{id}");
    assert_true(get->deprecated);
    assert_span_equal(get->file->name, "parts/order item.json");
    assert_span_equal(get->document->file->name, "orders.yaml");
    assert_int_equal(get->line, 7);
    /* date -u -d 2027-01-31T22:00:00.5Z +%s.%N */
    assert_int_equal(get->sunset_ns, UINT64_C(1801432800500000000));
    assert_names(&get->zones, "internal");
    const struct registry_operation *cancel = find_id(r, "cancelOrder");
    assert_true(cancel->retired);
    assert_span_equal(cancel->retired_text, "2.0");
    /* date -u -d 2026-06-30 +%s */
    assert_int_equal(cancel->sunset_ns, UINT64_C(1782777600000000000));
    assert_int_equal(registry_document_count(r), 1);
    assert_ptr_equal(registry_document_at(r, 0), get->document);
    registry_free(r);
}

static void responses_are_found_by_precedence(void **state)
{
    (void)state;
    char room[4096];
    struct registry *r = load_folder(example_folder(room));
    const struct registry_operation *list = find_id(r, "listOrders");
    static const struct {
        uint32_t asked;
        int found;
    } cases[] = {{200, 200}, {201, 2}, {299, 2}, {404, 404}, {400, 4}, {500, 0}, {302, 0}, {999, 0}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        assert_int_equal(registry_operation_response(list, cases[i].asked)->status, cases[i].found);
    const struct registry_names *types = &registry_operation_response(list, 200)->media_types;
    assert_true(registry_media_type_listed(types, SPAN_LITERAL("application/JSON; charset=utf-8")));
    assert_true(registry_media_type_listed(types, SPAN_LITERAL(" text/csv ")));
    assert_false(registry_media_type_listed(types, SPAN_LITERAL("application/xml")));
    assert_false(registry_media_type_listed(types, SPAN_LITERAL("text/")));
    assert_false(registry_media_type_listed(types, SPAN_LITERAL("")));
    assert_true(registry_media_type_listed(&registry_operation_response(list, 404)->media_types, SPAN_LITERAL("a/b")));
    const struct registry_operation *cancel = find_id(r, "cancelOrder");
    assert_null(registry_operation_response(cancel, 200));
    assert_int_equal(registry_operation_response(cancel, 204)->media_types.count, 0);
    registry_free(r);
}

static void equal_operation_ids_of_two_documents_are_told_apart(void **state)
{
    (void)state;
    const char *one = HEAD "paths: {/a: {get: {operationId: list}}}\n";
    const char *two = HEAD "paths: {/b: {get: {operationId: list}, put: {operationId: put}}}\n";
    const struct registry_source sources[] = {{"one.yaml", one, strlen(one)}, {"two.yaml", two, strlen(two)}};
    struct registry *r = load_good_sources(sources, 2);
    assert_span_equal(find_id(r, "one.yaml#GET /a")->operation_id, "list");
    assert_span_equal(find_id(r, "two.yaml#GET /b")->operation_id, "list");
    find_id(r, "put");
    registry_free(r);
}

static void pointers_are_unescaped(void **state)
{
    (void)state;
    const char *text =
        HEAD "paths:\n"
             "  /a: {$ref: '#/components/pathItems/a~1b~0c%20d%25/2'}\n"
             "  /b: {$ref: './x/../api.yaml#/components/pathItems/plain'}\n"
             "  /c: {get: {operationId: c}}\n"
             "components:\n"
             "  pathItems: {'a/b~c d%': [1, 2, {put: {operationId: a}}], plain: {get: {operationId: b}}}\n";
    struct registry *r = load_good(text);
    assert_string_equal(ask(r, "h", "PUT", "/a"), "a");
    assert_string_equal(ask(r, "h", "GET", "/b"), "b");
    assert_int_equal(registry_operation_count(r), 3);
    assert_string_equal(ask(r, "h", "GET", "/c"), "c");
    registry_free(r);
}

static void security_is_judged(void **state)
{
    (void)state;
    static const struct {
        const char *id, *header, *value, *query;
        bool certificate;
        enum registry_security expected;
    } cases[] = {
        {"listOrders", "", "", "", false, REGISTRY_SECURITY_MISSING},
        {"listOrders", "Authorization", "bearer abc", "", false, REGISTRY_SECURITY_SATISFIED},
        {"listOrders", "Authorization", "DPoP abc", "", false, REGISTRY_SECURITY_SATISFIED},
        {"listOrders", "Authorization", "Basic abc", "", false, REGISTRY_SECURITY_MISSING},
        {"listOrders", "Authorization", "Bearer", "", false, REGISTRY_SECURITY_MISSING},
        {"listOrders", "X-Key", "1", "", false, REGISTRY_SECURITY_MISSING},
        {"listOrders", "X-Key", "1", "a=b&sig=1", false, REGISTRY_SECURITY_SATISFIED},
        {"listOrders", "X-Key", "1", "xsig=1&sig2=1", false, REGISTRY_SECURITY_MISSING},
        {"addOrder", "", "", "", false, REGISTRY_SECURITY_NOT_REQUIRED},
        {"cancelOrder", "", "", "", false, REGISTRY_SECURITY_NOT_REQUIRED},
        {"orders.yaml#GET /orders/{id}", "", "", "", false, REGISTRY_SECURITY_MISSING},
        {"orders.yaml#GET /orders/{id}", "", "", "", true, REGISTRY_SECURITY_SATISFIED},
        {"orders.yaml#GET /orders/{id}", "Cookie", "a=1; session=2", "", false, REGISTRY_SECURITY_SATISFIED},
        {"orders.yaml#GET /orders/{id}", "Cookie", "a=session; xsession=2", "", false, REGISTRY_SECURITY_MISSING},
        {"orders.yaml#GET /orders/{id}", "Authorization", "Basic a", "", false, REGISTRY_SECURITY_SATISFIED},
        {"orders.yaml#GET /orders/{id}", "Authorization", "digest a=b", "", false, REGISTRY_SECURITY_SATISFIED},
        {"orders.yaml#GET /orders/{id}", "Authorization", "HOBA a", "", false, REGISTRY_SECURITY_SATISFIED},
    };
    char room[4096];
    struct registry *r = load_folder(example_folder(room));
    struct transaction *t = malloc(sizeof(*t));
    assert_non_null(t);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const struct registry_operation *operation = find_id(r, cases[i].id);
        transaction_init(t);
        t->query = span_from_text(cases[i].query);
        if (*cases[i].header)
            transaction_add_header(t, &t->request, span_from_text(cases[i].header), span_from_text(cases[i].value));
        uint32_t tls = registry_schemes_of_tls(operation);
        uint32_t presented = registry_schemes_presented(operation, t);
        assert_int_equal(presented & tls, 0);
        presented |= cases[i].certificate ? tls : 0;
        if (registry_security_satisfied(operation, presented, 0) != cases[i].expected)
            fail_msg("case %zu", i);
    }
    const struct registry_operation *get = find_id(r, "orders.yaml#GET /orders/{id}");
    assert_int_equal(registry_security_satisfied(get, 0, registry_schemes_of_tls(get)), REGISTRY_SECURITY_UNKNOWN);
    const struct registry_operation *list = find_id(r, "listOrders");
    assert_int_equal(list->alternative_count, 2);
    assert_names(&list->alternatives[0].requirements[0].scopes, "orders:read,orders:all");
    assert_true(find_id(r, "cancelOrder")->security_declared);
    free(t);
    registry_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_operation_holds_what_its_document_says),
        cmocka_unit_test(responses_are_found_by_precedence),
        cmocka_unit_test(equal_operation_ids_of_two_documents_are_told_apart),
        cmocka_unit_test(pointers_are_unescaped),
        cmocka_unit_test(security_is_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
