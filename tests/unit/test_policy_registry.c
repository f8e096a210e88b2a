/* SPDX-License-Identifier: Apache-2.0 */

/* Rules that compare with the registry, and those of credentials. */

#include "unit/policy_case.h"

#define API                                                                                                            \
    "openapi: 3.1.0\n"                                                                                                 \
    "info: {title: Shop, version: '1'}\n"                                                                              \
    "servers: [{url: 'https://api.example.com/v1'}]\n"                                                                 \
    "components:\n"                                                                                                    \
    "  securitySchemes:\n"                                                                                             \
    "    bearer: {type: http, scheme: bearer}\n"                                                                       \
    "    basic: {type: http, scheme: basic}\n"                                                                         \
    "    key: {type: apiKey, in: query, name: api-code}\n"                                                             \
    "    mutual: {type: mutualTLS}\n"                                                                                  \
    "paths:\n"                                                                                                         \
    "  /users/{id}:\n"                                                                                                 \
    "    get:\n"                                                                                                       \
    "      operationId: getUser\n"                                                                                     \
    "      security: [{bearer: []}]\n"                                                                                 \
    "      parameters:\n"                                                                                              \
    "      - {name: id, in: path, required: true, schema: {type: string}}\n"                                           \
    "      - {name: page, in: query, schema: {type: integer}}\n"                                                       \
    "      - {name: old, in: query, deprecated: true, schema: {type: string}}\n"                                       \
    "      - {name: filter, in: query, style: deepObject, schema: {type: object}}\n"                                   \
    "      - {name: theme, in: cookie, schema: {type: string}}\n"                                                      \
    "      - {name: X-Tenant, in: header, schema: {type: string}}\n"                                                   \
    "      responses:\n"                                                                                               \
    "        '200': {description: ok, content: {application/json: {}}}\n"                                              \
    "        4XX: {description: refused}\n"                                                                            \
    "    put:\n"                                                                                                       \
    "      operationId: putUser\n"                                                                                     \
    "      parameters:\n"                                                                                              \
    "      - {name: id, in: path, required: true, schema: {type: string}}\n"                                           \
    "      security: [{}, {bearer: []}]\n"                                                                             \
    "      responses: {'204': {description: ok}}\n"                                                                    \
    "  /old:\n"                                                                                                        \
    "    get:\n"                                                                                                       \
    "      operationId: getOld\n"                                                                                      \
    "      deprecated: true\n"                                                                                         \
    "      x-sunset: 2026-01-01\n"                                                                                     \
    "      responses: {'200': {description: ok}}\n"                                                                    \
    "    post:\n"                                                                                                      \
    "      operationId: postOld\n"                                                                                     \
    "      x-sunset: 2027-01-01\n"                                                                                     \
    "      responses: {'200': {description: ok}}\n"                                                                    \
    "    delete:\n"                                                                                                    \
    "      operationId: deleteOld\n"                                                                                   \
    "      x-retired: since v2\n"                                                                                      \
    "      responses: {'200': {description: ok}}\n"                                                                    \
    "  /legacy:\n"                                                                                                     \
    "    get:\n"                                                                                                       \
    "      operationId: getLegacy\n"                                                                                   \
    "      security: [{basic: []}, {key: []}]\n"                                                                       \
    "      responses: {default: {description: any}}\n"                                                                 \
    "  /mutual:\n"                                                                                                     \
    "    get:\n"                                                                                                       \
    "      operationId: getMutual\n"                                                                                   \
    "      security: [{mutual: []}]\n"                                                                                 \
    "      responses: {default: {description: any}}\n"

static void expect_call(const char *rule, const char *method, const char *target, int32_t status, enum verdict verdict)
{
    struct policy_case *c = case_new("", API, NULL);
    case_call(c, method, target, status);
    case_expect(c, rule, verdict);
    case_free(c);
}

static void test_without_registry(void **state)
{
    (void)state;
    static const char *const rules[] = {"REG-001", "REG-002", "REG-003", "REG-004", "REG-005",
                                        "REG-006", "REG-007", "REG-011", "AUT-001"};
    struct policy_case *c = case_new("", NULL, NULL);
    case_call(c, "GET", "/v1/users/1", 200);
    for (uint32_t i = 0; i < ARRAY_COUNT(rules); i++)
        case_expect(c, rules[i], VERDICT_UNKNOWN);
    case_free(c);
}

static void test_without_request(void **state)
{
    (void)state;
    static const char *const rules[] = {"REG-001", "REG-002", "REG-004", "REG-007", "AUT-001", "AUT-002", "AUT-004"};
    struct policy_case *c = case_new("", API, NULL);
    case_call(c, NULL, NULL, 200);
    for (uint32_t i = 0; i < ARRAY_COUNT(rules); i++)
        case_expect(c, rules[i], VERDICT_UNKNOWN);
    case_free(c);
}

static void test_shadow(void **state)
{
    (void)state;
    expect_call("REG-001", "GET", "/v1/users/1", 200, VERDICT_PASS);
    expect_call("REG-001", "GET", "/v1/secret", 200, VERDICT_FAIL);
    expect_call("REG-001", "GET", "/v1/secret", 500, VERDICT_FAIL);
    expect_call("REG-001", "GET", "/v1/secret", 404, VERDICT_PASS);
    expect_call("REG-001", "GET", "/v1/secret", CALL_STATUS_NONE, VERDICT_UNKNOWN);
    expect_call("REG-001", "GET", "/v2/secret", 200, VERDICT_NOT_APPLICABLE);
    expect_call("REG-007", "GET", "/v2/secret", 200, VERDICT_FAIL);
    expect_call("REG-007", "GET", "/v2/secret", 404, VERDICT_PASS);
    expect_call("REG-007", "GET", "/v1/secret", 200, VERDICT_PASS);
    expect_call("REG-004", "DELETE", "/v1/users/1", 200, VERDICT_FAIL);
    expect_call("REG-004", "DELETE", "/v1/users/1", 405, VERDICT_PASS);
    expect_call("REG-004", "OPTIONS", "/v1/users/1", 204, VERDICT_PASS);
    expect_call("REG-004", "GET", "/v1/users/1", 200, VERDICT_PASS);
    expect_call("REG-004", "GET", "/v1/secret", 200, VERDICT_NOT_APPLICABLE);
}

static void test_lifecycle(void **state)
{
    (void)state;
    expect_call("REG-002", "GET", "/v1/old", 200, VERDICT_FAIL);
    expect_call("REG-002", "GET", "/v1/old", 410, VERDICT_PASS);
    expect_call("REG-002", "GET", "/v1/users/1", 200, VERDICT_PASS);
    expect_call("REG-002", "GET", "/v1/users/1?page=2&old=", 200, VERDICT_FAIL);
    expect_call("REG-002", "GET", "/v1/secret", 200, VERDICT_NOT_APPLICABLE);
    expect_call("REG-003", "GET", "/v1/old", 200, VERDICT_FAIL);
    expect_call("REG-003", "GET", "/v1/old", 301, VERDICT_PASS);
    expect_call("REG-003", "GET", "/v1/old", CALL_STATUS_NONE, VERDICT_UNKNOWN);
    expect_call("REG-003", "POST", "/v1/old", 200, VERDICT_PASS); /* not yet */
    expect_call("REG-003", "GET", "/v1/users/1", 200, VERDICT_NOT_APPLICABLE);
    expect_call("REG-011", "DELETE", "/v1/old", 200, VERDICT_FAIL);
    expect_call("REG-011", "DELETE", "/v1/old", 410, VERDICT_PASS);
    expect_call("REG-011", "GET", "/v1/old", 200, VERDICT_NOT_APPLICABLE);
    struct policy_case *c = case_new("", API, NULL);
    case_call(c, "GET", "/v1/old", 200);
    case_judge(c);
    case_expect_evidence(c, "REG-002", "announced=no;");
    case_expect_evidence(c, "REG-003", "days_since_sunset=323;operation=getOld;status=200;");
    assert_string_equal(case_finding_of(c, "REG-003")->source, "api.yaml:32");
    case_free(c);
}

static void test_response(void **state)
{
    (void)state;
    expect_call("REG-005", "GET", "/v1/users/1", 200, VERDICT_PASS);
    expect_call("REG-005", "GET", "/v1/users/1", 418, VERDICT_PASS); /* 4XX */
    expect_call("REG-005", "GET", "/v1/users/1", 302, VERDICT_FAIL);
    expect_call("REG-005", "GET", "/v1/users/1", 502, VERDICT_PASS); /* of a proxy */
    expect_call("REG-005", "GET", "/v1/legacy", 500, VERDICT_PASS);  /* default */
    expect_call("REG-005", "GET", "/v1/users/1", CALL_STATUS_NONE, VERDICT_UNKNOWN);
    expect_call("REG-005", "GET", "/v1/secret", 200, VERDICT_NOT_APPLICABLE);
    struct policy_case *c = case_new("", API, NULL);
    case_call(c, "GET", "/v1/users/1", 200);
    case_header(c, true, "Content-Type", "Application/JSON; charset=utf-8");
    c->transaction.response.body_size = 2;
    case_expect(c, "REG-005", VERDICT_PASS);
    case_call(c, "GET", "/v1/users/1", 200);
    case_header(c, true, "Content-Type", "text/html; a=4111111111111111");
    c->transaction.response.body_size = 2;
    case_expect(c, "REG-005", VERDICT_FAIL);
    case_expect_evidence(c, "REG-005", "media_type=text/html;");
    assert_null(strstr(case_finding_of(c, "REG-005")->evidence, "4111"));
    case_free(c);
}

static void test_parameters(void **state)
{
    (void)state;
    expect_call("REG-006", "GET", "/v1/users/1?page=1&filter%5Bname%5D=x&utm_source=y", 200, VERDICT_PASS);
    expect_call("REG-006", "GET", "/v1/users/1?debug=1", 200, VERDICT_FAIL);
    expect_call("REG-006", "GET", "/v1/legacy?api-code=1", 200, VERDICT_PASS); /* of the security scheme */
    expect_call("REG-006", "GET", "/v1/secret?debug=1", 200, VERDICT_NOT_APPLICABLE);
    struct policy_case *c = case_new("", API, NULL);
    case_call(c, "GET", "/v1/users/1", 200);
    case_header(c, false, "Cookie", "theme=dark; track=1");
    case_header(c, false, "X-Tenant", "1");
    case_header(c, false, "Sec-Fetch-Mode", "cors");
    case_header(c, false, "X-Admin", "1");
    case_expect(c, "REG-006", VERDICT_FAIL);
    case_expect_evidence(c, "REG-006", "cookie=track;header=X-Admin;operation=getUser;count=2;");
    case_call(c, "GET", "/v1/users/1?4111111111111111=1", 200); /* a value where a name should be */
    case_expect(c, "REG-006", VERDICT_FAIL);
    case_expect_evidence(c, "REG-006", "query=(not shown: may hold a value);");
    case_call(c, "GET", "/v1/users/1", 200);
    c->transaction.request.header_count_wire = 200;
    case_expect(c, "REG-006", VERDICT_UNKNOWN);
    case_free(c);
}

static void test_credential_missing(void **state)
{
    (void)state;
    expect_call("AUT-001", "GET", "/v1/users/1", 200, VERDICT_FAIL);
    expect_call("AUT-001", "GET", "/v1/users/1", CALL_STATUS_NONE, VERDICT_UNKNOWN);
    expect_call("AUT-001", "PUT", "/v1/users/1", 204, VERDICT_NOT_APPLICABLE); /* {} is an alternative */
    expect_call("AUT-001", "GET", "/v1/old", 200, VERDICT_NOT_APPLICABLE);     /* none declared */
    expect_call("AUT-001", "OPTIONS", "/v1/users/1", 204, VERDICT_NOT_APPLICABLE);
    expect_call("AUT-001", "GET", "/v1/mutual", 200, VERDICT_UNKNOWN); /* no handshake to look at */
    expect_call("AUT-001", "GET", "/v1/secret", 200, VERDICT_NOT_APPLICABLE);
    struct policy_case *c = case_new("", API, NULL);
    case_call(c, "GET", "/v1/users/1", 200);
    case_judge(c);
    assert_int_equal(case_finding_of(c, "AUT-001")->severity, SEVERITY_CRITICAL);
    case_expect_evidence(c, "AUT-001", "operation=getUser;wanted_scheme=bearer;status=200;");
    c->transaction.call.status = 401;
    case_judge(c);
    assert_int_equal(case_finding_of(c, "AUT-001")->severity, SEVERITY_INFO);
    c->transaction.call.flags = CALL_GAP; /* the head may have had it */
    c->transaction.request.complete = false;
    case_expect(c, "AUT-001", VERDICT_UNKNOWN);
    case_call(c, "GET", "/v1/users/1", 200);
    case_header(c, false, "Authorization", "Bearer abc");
    case_expect(c, "AUT-001", VERDICT_PASS);
    case_free(c);
}

static void test_authorization_scheme(void **state)
{
    (void)state;
    struct policy_case *c = case_new("", API, NULL);
    case_call(c, "GET", "/v1/users/1", 200);
    case_expect(c, "AUT-002", VERDICT_NOT_APPLICABLE);
    case_header(c, false, "Authorization", "basic dXNlcjpwdw==");
    case_expect(c, "AUT-002", VERDICT_FAIL);
    case_expect_evidence(c, "AUT-002", "scheme=basic;");
    assert_null(strstr(case_finding_of(c, "AUT-002")->evidence, "dXNl"));
    case_call(c, "GET", "/v1/legacy", 200);
    case_header(c, false, "Authorization", "Basic dXNlcjpwdw==");
    case_expect(c, "AUT-002", VERDICT_PASS); /* documented */
    case_call(c, "GET", "/v1/users/1", 200);
    case_header(c, false, "Authorization", "Bearer abc");
    case_expect(c, "AUT-002", VERDICT_PASS);
    case_free(c);
}

static void test_credential_cleartext(void **state)
{
    (void)state;
    struct policy_case *c =
        case_new("zones:\n- {name: mesh, kind: internal, plaintext_allowed: true, cidrs: [10.1.0.0/16]}\n", NULL, NULL);
    case_call(c, "GET", "/a", 200);
    case_expect(c, "AUT-003", VERDICT_PASS);
    case_header(c, false, "Authorization", "Bearer abcdef");
    case_expect(c, "AUT-003", VERDICT_FAIL);
    case_expect_evidence(c, "AUT-003", "header=authorization;scheme=Bearer;");
    assert_null(strstr(case_finding_of(c, "AUT-003")->evidence, "abcdef"));
    case_addresses(c, "10.2.0.1", "10.1.0.2", 80);
    case_expect(c, "AUT-003", VERDICT_NOT_APPLICABLE);
    case_call(c, "GET", "/a", 200);
    case_header(c, false, "Authorization", "abcdef"); /* no scheme: the word is the credential */
    case_expect(c, "AUT-003", VERDICT_FAIL);
    assert_null(strstr(case_finding_of(c, "AUT-003")->evidence, "abcdef"));
    c->input.encrypted = true;
    case_expect(c, "AUT-003", VERDICT_PASS);
    c->input.encrypted = false;
    case_call(c, "GET", "/a", 200);
    case_detect(c, JWT, true, DETECTION_BODY, "/access_token", "eyJ");
    case_expect(c, "AUT-003", VERDICT_FAIL);
    case_call(c, "GET", "/a", CALL_STATUS_NONE);
    case_expect(c, "AUT-003", VERDICT_UNKNOWN);
    case_free(c);
}

static void test_credential_in_url(void **state)
{
    (void)state;
    expect_call("AUT-004", "GET", "/a?page=1&tokens=2", 200, VERDICT_PASS);
    expect_call("AUT-004", "GET", "/a?page=1&Access_Token=xyz", 200, VERDICT_FAIL);
    expect_call("AUT-004", "GET", "/a?access_token=", 200, VERDICT_PASS); /* no value */
    expect_call("AUT-004", "GET", "/a?access_token", 200, VERDICT_PASS);
    expect_call("AUT-004", "GET", "/a;jsessionid=0815?x=1", 200, VERDICT_FAIL);
    expect_call("AUT-004", "GET", "/token=xyz", 200, VERDICT_PASS);
    struct policy_case *c = case_new("", NULL, NULL);
    case_call(c, "GET", "/a?q=x", 200);
    case_detect(c, JWT, false, DETECTION_QUERY, "q", "eyJ");
    case_expect(c, "AUT-004", VERDICT_FAIL);
    case_expect_evidence(c, "AUT-004", "detector=D49;type=JWT;class=secret;side=request;place=query;name=q;");
    case_free(c);
}

#define CHANNELS                                                                                                       \
    "asyncapi: 3.0.0\n"                                                                                                \
    "info: {title: Shop, version: '1'}\n"                                                                              \
    "servers: {s: {host: mq.example.com, protocol: amqps, pathname: /shop}}\n"                                         \
    "channels:\n"                                                                                                      \
    "  created: {address: orders.created, bindings: {amqp: {exchange: {name: orders}}}}\n"                             \
    "  old: {address: orders.old, bindings: {amqp: {exchange: {name: orders}}}, x-sunset: 2026-01-01}\n"               \
    "operations:\n"                                                                                                    \
    "  create: {action: send, channel: {$ref: '#/channels/created'}, tags: [{name: deprecated}]}\n"                    \
    "  old: {action: send, channel: {$ref: '#/channels/old'}, x-retired: true}\n"

static struct policy_case *publish_new(const char *registry, const char *virtual_host, const char *exchange,
                                       const char *key)
{
    struct policy_case *c = case_new("", registry, NULL);
    case_call(c, "basic.publish", "orders/orders.created", CALL_STATUS_NONE);
    c->transaction.call.protocol = CALL_AMQP091;
    c->transaction.call.host = (struct span){0};
    c->transaction.message = (struct message){
        .kind = MESSAGE_PUBLISH,
        .virtual_host = span_from_text(virtual_host),
        .exchange = span_from_text(exchange),
        .routing_key = span_from_text(key),
    };
    return c;
}

static void expect_publish(const char *rule, const char *exchange, const char *key, enum verdict verdict)
{
    struct policy_case *c = publish_new(CHANNELS, "shop", exchange, key);
    case_expect(c, rule, verdict);
    case_free(c);
}

static void test_channels(void **state)
{
    (void)state;
    expect_publish("REG-009", "orders", "orders.created", VERDICT_PASS);
    expect_publish("REG-009", "orders", "orders.shadow", VERDICT_FAIL);
    expect_publish("REG-009", "", "amq.gen-abc", VERDICT_NOT_APPLICABLE);
    expect_publish("REG-009", NULL, NULL, VERDICT_UNKNOWN);
    expect_publish("REG-001", "orders", "orders.shadow", VERDICT_NOT_APPLICABLE);
    expect_publish("REG-004", "orders", "orders.shadow", VERDICT_NOT_APPLICABLE);
    expect_publish("REG-007", "orders", "orders.shadow", VERDICT_NOT_APPLICABLE);
    /* Messages have no answer: carrying one is using the operation. */
    expect_publish("REG-002", "orders", "orders.created", VERDICT_FAIL);
    expect_publish("REG-003", "orders", "orders.old", VERDICT_FAIL);
    expect_publish("REG-011", "orders", "orders.old", VERDICT_FAIL);
    expect_publish("REG-003", "orders", "orders.created", VERDICT_NOT_APPLICABLE);
    expect_publish("REG-005", "orders", "orders.created", VERDICT_NOT_APPLICABLE);
    expect_publish("REG-006", "orders", "orders.created", VERDICT_NOT_APPLICABLE);

    struct policy_case *c = publish_new(CHANNELS, "shop", "orders", "orders.shadow");
    case_expect(c, "REG-009", VERDICT_FAIL);
    case_expect_evidence(c, "REG-009", "undocumented=channel;");
    case_expect_evidence(c, "REG-009", "virtual_host=shop;exchange=orders;routing_key=orders.shadow;");
    case_free(c);
    c = publish_new(CHANNELS, "elsewhere", "orders", "user.4111111111111111");
    case_expect(c, "REG-009", VERDICT_FAIL);
    case_expect_evidence(c, "REG-009", "undocumented=broker;");
    case_expect_evidence(c, "REG-009", "routing_key=(not shown: may hold a value);");
    case_free(c);
    c = publish_new(NULL, "shop", "orders", "orders.created");
    case_expect(c, "REG-009", VERDICT_UNKNOWN);
    c->transaction.message.kind = MESSAGE_NONE;
    case_expect(c, "REG-009", VERDICT_NOT_APPLICABLE);
    case_free(c);
    expect_call("REG-009", "GET", "/v1/users/1", 200, VERDICT_NOT_APPLICABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_registry),
        cmocka_unit_test(test_without_request),
        cmocka_unit_test(test_shadow),
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_lifecycle),
        cmocka_unit_test(test_response),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_credential_missing),
        cmocka_unit_test(test_authorization_scheme),
        cmocka_unit_test(test_credential_cleartext),
        cmocka_unit_test(test_credential_in_url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
