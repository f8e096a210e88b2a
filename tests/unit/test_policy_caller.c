/* SPDX-License-Identifier: Apache-2.0 */

/* Rules about who calls by certificate: of the connection, or told of by a trusted proxy; and roles by SPIFFE id. */

#include <errno.h>

#include "unit/policy_case.h"

#include "policy/caller.h"
#include "token/token.h"

#define SETTINGS                                                                                                       \
    "zones:\n"                                                                                                         \
    "- {name: edge, kind: internal, trusted_proxy: true, cidrs: [192.0.2.0/24]}\n"                                     \
    "callers:\n"                                                                                                       \
    "- {spiffe: 'spiffe://mesh.test/ns/pay/*', role: payer}\n"                                                         \
    "- {claim: role, value: clerk, role: staff}\n"                                                                     \
    "- {spiffe: 'spiffe://mesh.test/*', role: workload}\n"

#define REGISTRY                                                                                                       \
    "openapi: 3.1.0\n"                                                                                                 \
    "info: {title: t, version: '1'}\n"                                                                                 \
    "x-callers: 'spiffe://mesh.test/ns/pay/*'\n"                                                                       \
    "components: {securitySchemes: {mesh: {type: mutualTLS}}}\n"                                                       \
    "paths:\n"                                                                                                         \
    "  /a:\n"                                                                                                          \
    "    get: {operationId: readA, security: [{mesh: [payer]}], responses: {'200': {description: d}}}\n"               \
    "    put: {operationId: putA, x-callers: ['spiffe://mesh.test/ns/ops/sa/admin', 'spiffe://other.test/*'], "        \
    "security: [{mesh: []}], responses: {'200': {description: d}}}\n"                                                  \
    "    post: {operationId: postA, x-callers: [], responses: {'200': {description: d}}}\n"

#define PAYER "spiffe://mesh.test/ns/pay/sa/card"
#define ADMIN "spiffe://mesh.test/ns/ops/sa/admin"
#define HASH  "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"

struct bench {
    struct policy_case *c;
    struct caller_roles *roles;
    struct certificate certificate;
    struct caller_certificate caller;
    struct token token;
};

static void bench_init(struct bench *bench)
{
    struct diagnostics diagnostics;
    memset(bench, 0, sizeof(*bench));
    bench->c = case_new(SETTINGS, REGISTRY, NULL);
    diagnostics_init(&diagnostics);
    assert_int_equal(caller_roles_compile(&bench->c->settings, &diagnostics, &bench->roles), 0);
    diagnostics_deinit(&diagnostics);
    token_init(&bench->token);
}

static void bench_deinit(struct bench *bench)
{
    caller_roles_free(bench->roles);
    case_free(bench->c);
}

/* A client certificate with this SPIFFE id; NULL: none was seen, "": it has none. */
static void call_with(struct bench *bench, const char *method, const char *id)
{
    struct policy_case *c = bench->c;
    struct certificate *certificate = &bench->certificate;
    case_call(c, method, "/a", 200);
    c->transaction.call.tls = (struct connection_tls){.flags = CONNECTION_TLS | CONNECTION_DECRYPTED};
    memset(certificate, 0, sizeof(*certificate));
    if (!id)
        return;
    c->transaction.call.tls.client_certificate = certificate;
    for (uint32_t i = 0; i < CERTIFICATE_DIGEST_SIZE; i++)
        certificate->digest[i] = (uint8_t)i;
    if (!id[0])
        return;
    certificate->flags = CERTIFICATE_SVID;
    certificate->name_count = 1;
    certificate->names[0] = (struct certificate_name){.size = (uint16_t)strlen(id), .kind = CERTIFICATE_NAME_URI};
    memcpy(certificate->names_text, id, strlen(id));
}

static void expect(struct bench *bench, const char *rule, enum verdict verdict, const char *evidence)
{
    struct policy_case *c = bench->c;
    const struct endpoints *endpoints = &c->transaction.call.endpoints;
    caller_certificate_find(&c->transaction, zones_find(c->zones, endpoints, &endpoints->source), &bench->caller);
    c->transaction.call.caller.role = caller_role_find(bench->roles, bench->caller.id);
    c->input.caller = &bench->caller;
    c->input.token = &bench->token;
    case_expect(c, rule, verdict);
    if (evidence)
        case_expect_evidence(c, rule, evidence);
}

static void test_operation_lists_callers(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    call_with(&bench, "GET", PAYER);
    expect(&bench, "MTL-002.operation", VERDICT_PASS, NULL);
    call_with(&bench, "PUT", PAYER); /* the operation's own list counts, not the document's */
    expect(&bench, "MTL-002.operation", VERDICT_FAIL, "operation=putA;caller=" PAYER ";status=200;");
    bench.c->transaction.call.status = 403;
    expect(&bench, "MTL-002.operation", VERDICT_PASS, NULL);
    call_with(&bench, "PUT", ADMIN);
    expect(&bench, "MTL-002.operation", VERDICT_PASS, NULL);
    call_with(&bench, "PUT", "spiffe://other.test/a/../b"); /* fits a pattern, and is no SPIFFE id */
    expect(&bench, "MTL-002.operation", VERDICT_FAIL, NULL);
    call_with(&bench, "PUT", "");
    expect(&bench, "MTL-002.operation", VERDICT_FAIL, "fault=the caller has no SPIFFE id;");
    call_with(&bench, "PUT", NULL);
    expect(&bench, "MTL-002.operation", VERDICT_UNKNOWN, NULL);
    bench.c->transaction.call.tls.without_client = true;
    expect(&bench, "MTL-002.operation", VERDICT_FAIL, "fault=the caller showed no certificate;");
    call_with(&bench, "POST", ADMIN); /* an empty list takes the document's away */
    expect(&bench, "MTL-002.operation", VERDICT_NOT_APPLICABLE, NULL);
    bench_deinit(&bench);
}

static void forwarded(struct bench *bench, const char *source, const char *header)
{
    call_with(bench, "GET", "spiffe://mesh.test/ns/edge/sa/proxy");
    case_addresses(bench->c, source, "203.0.113.9", 443);
    case_header(bench->c, false, "X-Forwarded-Client-Cert", header);
}

static void test_proxy_tells_of_callers(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    forwarded(&bench, "192.0.2.1", "By=spiffe://mesh.test/ns/edge/sa/proxy;Hash=" HASH ";URI=" PAYER);
    expect(&bench, "MTL-002.operation", VERDICT_PASS, NULL);
    assert_true(bench.caller.forwarded && bench.caller.digest_known);
    assert_int_equal(bench.caller.digest[31], 31);
    /* The last hop counts; commas and semicolons in quotes part nothing; who may not say it is not believed. */
    forwarded(&bench, "192.0.2.1", "URI=" PAYER ", Subject=\"CN=a,O=\\\"b;c\\\"\";uri=\"" ADMIN "\"");
    expect(&bench, "MTL-002.operation", VERDICT_FAIL, "caller=" ADMIN ";told_by=a trusted proxy");
    assert_false(bench.caller.digest_known);
    forwarded(&bench, "192.0.2.1", "By=x;Cert=\"-----BEGIN\"");
    expect(&bench, "MTL-002.operation", VERDICT_UNKNOWN, NULL);
    forwarded(&bench, "192.0.2.1", "\"");
    expect(&bench, "MTL-002.operation", VERDICT_UNKNOWN, NULL);
    forwarded(&bench, "198.51.100.7", "URI=" PAYER);
    expect(&bench, "MTL-002.operation", VERDICT_FAIL, "caller=spiffe://mesh.test/ns/edge/sa/proxy;");
    call_with(&bench, "GET", NULL);
    case_addresses(bench.c, "192.0.2.1", "203.0.113.9", 443);
    bench.c->transaction.call.tls.without_client = true;
    expect(&bench, "MTL-002.operation", VERDICT_UNKNOWN, NULL);
    bench_deinit(&bench);
}

static void test_roles_of_ids_count(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    call_with(&bench, "GET", PAYER);
    expect(&bench, "AUT-007", VERDICT_PASS, NULL);
    call_with(&bench, "GET", ADMIN); /* a workload, which is not enough */
    expect(&bench, "AUT-007", VERDICT_FAIL, "operation=readA;caller=" ADMIN ";status=200;missing_scope=payer;");
    bench.c->transaction.call.status = 403;
    expect(&bench, "AUT-007", VERDICT_NOT_APPLICABLE, NULL);
    call_with(&bench, "PUT", ADMIN);
    expect(&bench, "AUT-007", VERDICT_NOT_APPLICABLE, NULL);
    call_with(&bench, "GET", NULL);
    expect(&bench, "AUT-007", VERDICT_NOT_APPLICABLE, NULL);
    bench_deinit(&bench);
}

static void test_certificate_is_a_credential(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    call_with(&bench, "PUT", PAYER);
    expect(&bench, "AUT-001", VERDICT_PASS, NULL);
    call_with(&bench, "PUT", NULL);
    expect(&bench, "AUT-001", VERDICT_UNKNOWN, NULL);
    bench.c->transaction.call.tls.without_client = true;
    expect(&bench, "AUT-001", VERDICT_FAIL, "wanted_scheme=mesh;");
    bench_deinit(&bench);
}

static void refuse(const char *settings_text, const char *part)
{
    struct diagnostics diagnostics;
    struct settings settings;
    struct caller_roles *roles = NULL;
    diagnostics_init(&diagnostics);
    int result = settings_load_text("assay.yaml", settings_text, strlen(settings_text), &diagnostics, &settings);
    if (result == 0) {
        result = caller_roles_compile(&settings, &diagnostics, &roles);
        settings_deinit(&settings);
    }
    assert_int_equal(result, -EINVAL);
    assert_null(roles);
    assert_non_null(strstr(diagnostics.entries[0].message, part));
    diagnostics_deinit(&diagnostics);
}

static void test_mistakes_are_told(void **state)
{
    (void)state;
    refuse("callers:\n- {claim: role, role: staff}\n", "either by `claim` and `value`");
    refuse("callers:\n- {claim: role, value: a, spiffe: 'spiffe://a/b', role: staff}\n", "either by `claim`");
    refuse("callers:\n- {role: staff}\n", "either by `claim`");
    refuse("callers:\n- {spiffe: 'https://a/b', role: staff}\n", "no pattern of SPIFFE ids");
    refuse("callers:\n- {spiffe: 'spiffe://a*b*c*d*e', role: staff}\n", "no pattern of SPIFFE ids");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operation_lists_callers), cmocka_unit_test(test_proxy_tells_of_callers),
        cmocka_unit_test(test_roles_of_ids_count),      cmocka_unit_test(test_certificate_is_a_credential),
        cmocka_unit_test(test_mistakes_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
