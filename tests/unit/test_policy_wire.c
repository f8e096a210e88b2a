/* SPDX-License-Identifier: Apache-2.0 */

/* Rules about the wire and about headers. */

#include "unit/policy_case.h"

#define ZONES                                                                                                          \
    "zones:\n"                                                                                                         \
    "- {name: mesh, kind: internal, plaintext_allowed: true, cidrs: [10.1.0.0/16]}\n"                                  \
    "- {name: proxies, kind: internal, trusted_proxy: true, cidrs: [10.2.0.0/16]}\n"                                   \
    "- {name: cards, kind: cde, environment: production, cidrs: [10.3.0.0/16]}\n"                                      \
    "- {name: outside, kind: public, cidrs: [0.0.0.0/0]}\n"

static void test_cleartext(void **state)
{
    (void)state;
    struct policy_case *c = case_new(ZONES, NULL, NULL);
    case_call(c, "GET", "/a", 200);
    case_expect(c, "PRO-001", VERDICT_FAIL);
    case_expect_evidence(c, "PRO-001", "protocol=http1;port=443;");
    assert_int_equal(case_finding_of(c, "PRO-001")->severity, SEVERITY_CRITICAL); /* high, raised in a public zone */
    assert_int_equal(case_finding_of(c, "PRO-001")->requirement_count, 7);
    case_addresses(c, "10.2.0.1", "10.2.0.2", 80);
    case_expect(c, "PRO-001", VERDICT_FAIL);
    assert_int_equal(case_finding_of(c, "PRO-001")->severity, SEVERITY_HIGH);
    case_addresses(c, "10.2.0.1", "10.1.0.2", 80);
    case_expect(c, "PRO-001", VERDICT_NOT_APPLICABLE);
    case_addresses(c, "127.0.0.1", "127.0.0.2", 80);
    case_expect(c, "PRO-001", VERDICT_NOT_APPLICABLE);
    case_addresses(c, "::1", "::1", 80);
    case_expect(c, "PRO-001", VERDICT_NOT_APPLICABLE);
    case_call(c, "GET", "/a", 200);
    c->input.encrypted = true;
    case_expect(c, "PRO-001", VERDICT_PASS);
    case_free(c);
}

static void test_port(void **state)
{
    (void)state;
    struct policy_case *c =
        case_new("", NULL, "pack: own\nversion: '1'\nrules:\n- id: PRO-002\n  parameters: {allowed_ports: [8080]}\n");
    case_call(c, "GET", "/a", 200);
    case_expect(c, "PRO-002", VERDICT_FAIL); /* 443 was taken off the list */
    case_addresses(c, "198.51.100.7", "203.0.113.9", 8080);
    case_expect(c, "PRO-002", VERDICT_PASS);
    case_free(c);
}

static void test_framing(void **state)
{
    (void)state;
    struct policy_case *c = case_new("", NULL, NULL);
    case_call(c, "POST", "/a", 200);
    case_expect(c, "PRO-004", VERDICT_PASS);
    c->transaction.request.anomalies = ANOMALY_BIT(ANOMALY_LENGTH_AND_CHUNKED);
    case_expect(c, "PRO-004", VERDICT_FAIL);
    case_expect_evidence(c, "PRO-004", "anomaly=content_length_and_chunked;status=200;");
    c->transaction.call.status = 400;
    case_expect(c, "PRO-004", VERDICT_PASS); /* refused */
    c->transaction.call.status = CALL_STATUS_NONE;
    case_expect(c, "PRO-004", VERDICT_UNKNOWN);
    case_call(c, "POST", "/a", 200);
    c->transaction.request.anomalies = ANOMALY_BIT(ANOMALY_CHUNK_EXTENSION); /* odd, but not of this rule */
    case_expect(c, "PRO-004", VERDICT_PASS);
    c->transaction.response.anomalies = ANOMALY_BIT(ANOMALY_HEADER_VALUE); /* nobody frames by it */
    case_expect(c, "PRO-004", VERDICT_PASS);
    c->transaction.response.anomalies = ANOMALY_BIT(ANOMALY_BARE_LF);
    case_expect(c, "PRO-004", VERDICT_FAIL);
    case_expect_evidence(c, "PRO-004", "side=response;anomaly=bare_lf;");
    c->transaction.response.anomalies = ANOMALY_BIT(ANOMALY_EXTRA_RESPONSE);
    case_expect(c, "PRO-004", VERDICT_FAIL);
    case_call(c, NULL, NULL, 200);
    case_expect(c, "PRO-004", VERDICT_UNKNOWN);
    case_free(c);
}

static void test_websocket(void **state)
{
    (void)state;
    struct policy_case *c = case_new("", NULL,
                                     "pack: own\nversion: \"1\"\nrules:\n  - id: PRO-005\n    parameters:\n"
                                     "      origins: [\"https://*.friend.example\"]\n");
    case_call(c, "GET", "/feed", 101);
    case_expect(c, "PRO-005", VERDICT_NOT_APPLICABLE);
    case_header(c, false, "Upgrade", "websocket");
    case_expect(c, "PRO-005", VERDICT_PASS); /* no browser */
    c->transaction.response.anomalies = ANOMALY_BIT(ANOMALY_WEBSOCKET_ACCEPT);
    case_expect(c, "PRO-005", VERDICT_FAIL);
    case_expect_evidence(c, "PRO-005", "sender=server;anomaly=websocket_accept;");
    static const struct {
        const char *origin;
        int32_t status;
        enum verdict verdict;
    } rows[] = {
        {"https://evil.example", 101, VERDICT_FAIL},
        {"https://evil.example", 403, VERDICT_PASS}, /* refused */
        {"https://evil.example", CALL_STATUS_NONE, VERDICT_UNKNOWN},
        {"null", 101, VERDICT_FAIL},
        {"https://pages.friend.example", 101, VERDICT_PASS},
        {"http://pages.friend.example", 101, VERDICT_FAIL},
        {"http://API.example.com", 101, VERDICT_PASS}, /* the server's own, RFC 6454 6.2 */
        {"https://api.example.com:443", 101, VERDICT_PASS},
        {"https://api.example.com:8443", 101, VERDICT_FAIL},
        {"https://api.example.com.evil.example", 101, VERDICT_FAIL},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        case_call(c, "GET", "/feed", rows[i].status);
        c->transaction.call.host = span_from_text("api.example.com");
        case_header(c, false, "Upgrade", "WebSocket");
        case_header(c, false, "Origin", rows[i].origin);
        case_expect(c, "PRO-005", rows[i].verdict);
    }
    /* What is asked of requests is not asked of messages. */
    case_call(c, "text", "/feed", CALL_STATUS_NONE);
    c->transaction.call.protocol = CALL_WEBSOCKET;
    c->transaction.response.seen = c->transaction.response.complete = true;
    case_expect(c, "PRO-005", VERDICT_PASS);
    case_expect(c, "HDR-001", VERDICT_NOT_APPLICABLE);
    case_expect(c, "AUT-001", VERDICT_NOT_APPLICABLE);
    case_expect(c, "PRO-007", VERDICT_NOT_APPLICABLE);
    case_expect(c, "DAT-006", VERDICT_PASS);
    c->transaction.request.anomalies = ANOMALY_BIT(ANOMALY_WEBSOCKET_MASKING);
    case_expect(c, "PRO-005", VERDICT_FAIL);
    case_expect_evidence(c, "PRO-005", "sender=client;anomaly=websocket_masking;");
    case_free(c);
}

static void test_exposed_endpoint(void **state)
{
    (void)state;
    struct policy_case *c = case_new("", NULL, NULL);
    case_call(c, "GET", "/v1/users", 200);
    case_expect(c, "PRO-007", VERDICT_PASS);
    case_call(c, "TRACE", "/", 200);
    case_expect(c, "PRO-007", VERDICT_FAIL);
    case_call(c, "TRACE", "/", 405);
    case_expect(c, "PRO-007", VERDICT_PASS);
    case_call(c, "GET", "/app/actuator/env", 200);
    case_expect(c, "PRO-007", VERDICT_FAIL);
    case_call(c, "GET", "/%61ctuator", 200); /* the same to a server */
    case_expect(c, "PRO-007", VERDICT_FAIL);
    case_call(c, "GET", "/actuators", 200);
    case_expect(c, "PRO-007", VERDICT_PASS);
    case_call(c, "GET", "/actuator", CALL_STATUS_NONE);
    case_expect(c, "PRO-007", VERDICT_UNKNOWN);
    case_call(c, "POST", "/v1/users", 200);
    case_header(c, false, "X-HTTP-Method-Override", "DELETE");
    case_expect(c, "PRO-007", VERDICT_FAIL);
    static const char *const headers[] = {"X-HTTP-Method", "x-method-override"};
    for (uint32_t i = 0; i < ARRAY_COUNT(headers); i++) {
        case_call(c, "POST", "/v1/users", 200);
        case_header(c, false, headers[i], "DELETE");
        case_expect(c, "PRO-007", VERDICT_FAIL);
    }
    case_call(c, "POST", "/v1/users?page=2&%5FMethod=DELETE", 200);
    case_expect(c, "PRO-007", VERDICT_FAIL);
    case_call(c, "POST", "/v1/users?page=2&_method=DELETE", 200);
    case_expect(c, "PRO-007", VERDICT_FAIL);
    case_expect_evidence(c, "PRO-007", "parameter=_method;");
    case_call(c, "POST", "/v1/users?page=2&_methods=DELETE", 200);
    case_expect(c, "PRO-007", VERDICT_PASS);
    static const char *const spellings[] = {"X_HTTP_Method_Override", "x-http_method-override", "X_Method-Override"};
    for (uint32_t i = 0; i < ARRAY_COUNT(spellings); i++) {
        case_call(c, "POST", "/v1/users", 200);
        case_header(c, false, spellings[i], "DELETE");
        case_expect(c, "PRO-007", VERDICT_FAIL);
    }
    case_call(c, "POST", "/v1/users", 200);
    case_header(c, false, "X_HTTP_Method_Overrides", "DELETE");
    case_expect(c, "PRO-007", VERDICT_PASS);
    c->transaction.method_field = true;
    case_expect(c, "PRO-007", VERDICT_FAIL);
    case_expect_evidence(c, "PRO-007", "form_field=_method;status=200;");
    case_call(c, "CONNECT", "/", 200);
    case_addresses(c, "198.51.100.7", "203.0.113.9", 15008);
    case_expect(c, "PRO-007", VERDICT_NOT_APPLICABLE);
    case_call(c, NULL, NULL, 200);
    case_expect(c, "PRO-007", VERDICT_UNKNOWN);
    case_free(c);
}

/* A WebSocket over HTTP/2 is no tunnel, UDP through a proxy is one (RFC 8441, RFC 9298). */
static void test_extended_connect(void **state)
{
    (void)state;
    struct policy_case *c = case_new("", NULL, NULL);
    case_call(c, "CONNECT", "/feed", 200);
    case_expect(c, "PRO-007", VERDICT_FAIL);
    case_header(c, false, ":protocol", "websocket");
    case_expect(c, "PRO-007", VERDICT_PASS);
    case_call(c, "CONNECT", "/udp", 200);
    case_header(c, false, ":protocol", "connect-udp");
    case_expect(c, "PRO-007", VERDICT_FAIL);
    case_call(c, "CONNECT", "/feed", 200);
    c->transaction.request.anomalies = ANOMALY_BIT(ANOMALY_HEADERS_UNKNOWN);
    case_expect(c, "PRO-007", VERDICT_UNKNOWN);
    case_free(c);
}

static void test_line_break(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        enum verdict verdict;
    } rows[] = {
        {"/a?text=one%0d%0atwo", VERDICT_PASS},
        {"/a?text=one%0d%0a%0d%0atwo", VERDICT_PASS},
        {"/a?text=Note%0d%0aLocation:%20here", VERDICT_PASS}, /* a text may well begin a line so */
        {"/a?text=Note%0d%0aSet-Cookie", VERDICT_PASS},
        {"/a%0d", VERDICT_PASS},
        {"/a%0d%0a%", VERDICT_PASS},
        {"/a?b=%0d%0aSet-Cookie:%20c=d", VERDICT_FAIL},
        {"/a?b=%0aset-cookie%3A%20c=d", VERDICT_FAIL},
        {"/a?b=%0d%0a%0D%0AHTTP/1.1%20200", VERDICT_FAIL},
        {"/a?b=%0d%0a%0d%0a%3chtml%3e", VERDICT_FAIL},
        {"/a%0d%0ax:y", VERDICT_PASS}, /* no name is that short */
        {"/a%0d%0aabc:y", VERDICT_FAIL},
        {"/a%0d%0a%0d%0ab", VERDICT_FAIL},
        {"/a%250D%250ALocation:b", VERDICT_FAIL},
        {"/a%u000d%u000aLocation:b", VERDICT_FAIL},
        {"/a%E5%98%8D%e5%98%8aLocation:b", VERDICT_FAIL},
        {"/a%E5%98%8B%e5%98%8cLocation:b", VERDICT_PASS},
    };
    struct policy_case *c = case_new("", NULL, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        case_call(c, "GET", rows[i].target, 200);
        case_expect(c, "PRO-012", rows[i].verdict);
    }
    case_call(c, "GET", "/a%0d%0aLocation:b", 404);
    case_expect(c, "PRO-012", VERDICT_PASS);
    case_call(c, "GET", "/a%0d%0aLocation:b", CALL_STATUS_NONE);
    case_expect(c, "PRO-012", VERDICT_UNKNOWN);
    case_call(c, "GET", "/a", 200);
    case_header(c, false, "Referer", "/?b=%0d%0aSet-Cookie:%20c=d");
    case_expect(c, "PRO-012", VERDICT_PASS);
    case_header(c, false, "X-Forwarded-Host", "a%0d%0aSet-Cookie: c=d");
    case_expect(c, "PRO-012", VERDICT_FAIL);
    case_expect_evidence(c, "PRO-012", "place=header;status=200;");
    /* What came back counts whatever its name and the status. */
    case_call(c, "GET", "/a?b=%0d%0aLocation:%20there", 404);
    case_expect(c, "PRO-012", VERDICT_PASS);
    case_header(c, true, "Location", "there");
    case_expect(c, "PRO-012", VERDICT_FAIL);
    case_expect_evidence(c, "PRO-012", "answered_header=Location;place=query;status=404;");
    case_free(c);
}

static void test_introspection(void **state)
{
    (void)state;
    struct policy_case *c = case_new("zones:\n- {name: shop, kind: public, environment: production, "
                                     "cidrs: [203.0.113.0/24]}\n",
                                     NULL, NULL);
    case_call(c, "POST", "/graphql", 200);
    case_expect(c, "PRO-006", VERDICT_NOT_APPLICABLE);
    c->transaction.call.graphql = CALL_GRAPHQL_QUERY;
    case_expect(c, "PRO-006", VERDICT_PASS);
    c->transaction.graphql.introspection = true;
    case_expect(c, "PRO-006", VERDICT_UNKNOWN); /* nobody read the answer */
    c->transaction.graphql.answer = TRANSACTION_ANSWER_WITHOUT_DATA;
    case_expect(c, "PRO-006", VERDICT_PASS);
    c->transaction.graphql.answer = TRANSACTION_ANSWER_WITH_DATA;
    c->transaction.call.graphql_name = SPAN_LITERAL("Schema");
    case_expect(c, "PRO-006", VERDICT_FAIL);
    case_expect_evidence(c, "PRO-006", "operation_type=query;operation_name=Schema;");
    c->transaction.call.status = 403;
    case_expect(c, "PRO-006", VERDICT_PASS);
    c->transaction.call.graphql = CALL_GRAPHQL_UNKNOWN;
    case_expect(c, "PRO-006", VERDICT_UNKNOWN);
    case_call(c, "text", "/graphql", CALL_STATUS_NONE); /* over WebSocket the answer is a message of its own */
    c->transaction.call.protocol = CALL_WEBSOCKET;
    c->transaction.message.kind = MESSAGE_PUBLISH;
    c->transaction.response.seen = c->transaction.response.complete = true;
    c->transaction.call.graphql = CALL_GRAPHQL_QUERY;
    case_expect(c, "PRO-006", VERDICT_PASS);
    c->transaction.graphql.introspection = true;
    case_expect(c, "PRO-006", VERDICT_UNKNOWN);
    c->transaction.call.graphql = CALL_GRAPHQL_NONE;
    c->transaction.message.kind = MESSAGE_DELIVER;
    c->transaction.graphql.answering = true;
    c->transaction.graphql.answer = TRANSACTION_ANSWER_WITHOUT_DATA;
    case_expect(c, "PRO-006", VERDICT_PASS);
    c->transaction.graphql.answer = TRANSACTION_ANSWER_WITH_DATA;
    case_expect(c, "PRO-006", VERDICT_FAIL);
    case_call(c, "POST", "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", 0);
    c->transaction.call.protocol = CALL_GRPC;
    case_expect(c, "PRO-006", VERDICT_FAIL);
    c->transaction.call.status = 12; /* unimplemented */
    case_expect(c, "PRO-006", VERDICT_PASS);
    case_call(c, "POST", "/shop.Orders/List", 0);
    c->transaction.call.protocol = CALL_GRPC;
    case_expect(c, "PRO-006", VERDICT_NOT_APPLICABLE);
    case_free(c);
    c = case_new("", NULL, NULL); /* not known to be production */
    case_call(c, "POST", "/graphql", 200);
    c->transaction.call.graphql = CALL_GRAPHQL_QUERY;
    c->transaction.graphql.introspection = true;
    c->transaction.graphql.answer = TRANSACTION_ANSWER_WITH_DATA;
    case_expect(c, "PRO-006", VERDICT_NOT_APPLICABLE);
    case_free(c);
}

static void test_content_coding(void **state)
{
    (void)state;
    struct policy_case *c = case_new("", NULL, NULL);
    case_call(c, "POST", "/v1/users", 200);
    case_expect(c, "PRO-011", VERDICT_PASS);
    c->transaction.request.anomalies = ANOMALY_BIT(ANOMALY_CONTENT_BOMB);
    case_expect(c, "PRO-011", VERDICT_FAIL);
    case_expect_evidence(c, "PRO-011", "side=request;anomaly=content_bomb;");
    c->transaction.call.status = 413;
    case_expect(c, "PRO-011", VERDICT_PASS);
    c->transaction.response.anomalies = ANOMALY_BIT(ANOMALY_CONTENT_MALFORMED);
    case_expect(c, "PRO-011", VERDICT_FAIL);
    case_expect_evidence(c, "PRO-011", "side=response;anomaly=content_malformed;");
    case_expect(c, "PRO-004", VERDICT_PASS);
    case_free(c);
}

static void test_response_protection(void **state)
{
    (void)state;
    struct policy_case *c = case_new("", NULL, NULL);
    case_call(c, "GET", "/a", 200);
    case_expect(c, "PRO-009", VERDICT_NOT_APPLICABLE); /* no browser */
    case_header(c, false, "Origin", "https://shop.example.com");
    case_expect(c, "PRO-009", VERDICT_PASS); /* nothing sensitive */
    case_detect(c, SSN, true, DETECTION_BODY, "/ssn", "4399");
    case_expect(c, "PRO-009", VERDICT_FAIL);
    case_header(c, true, "Cache-Control", "private, No-Store");
    case_expect(c, "PRO-009", VERDICT_PASS);
    case_header(c, true, "Access-Control-Allow-Origin", "*");
    case_expect(c, "PRO-009", VERDICT_PASS);
    case_header(c, true, "Access-Control-Allow-Credentials", "true");
    case_expect(c, "PRO-009", VERDICT_FAIL);
    case_call(c, "GET", "/a", 200);
    case_header(c, false, "Cookie", "a=b");
    c->transaction.response.body_size = 100; /* not searched */
    case_expect(c, "PRO-009", VERDICT_UNKNOWN);
    c->transaction.response.scanned_size = 100;
    case_expect(c, "PRO-009", VERDICT_PASS);
    c->input.encrypted = true;
    case_expect(c, "PRO-009", VERDICT_FAIL); /* no HSTS */
    case_header(c, true, "Strict-Transport-Security", "max-age=1");
    case_expect(c, "PRO-009", VERDICT_PASS);
    case_call(c, "GET", "/a", CALL_STATUS_NONE);
    case_expect(c, "PRO-009", VERDICT_UNKNOWN);
    case_free(c);
}

static void test_header_missing(void **state)
{
    (void)state;
    struct policy_case *c = case_new(ZONES, NULL, NULL);
    case_call(c, "GET", "/v1/users", 200);
    case_expect(c, "HDR-001", VERDICT_FAIL);
    case_expect_evidence(c, "HDR-001", "header=x-request-id;");
    assert_int_equal(case_finding_of(c, "HDR-001")->severity, SEVERITY_HIGH);
    case_header(c, false, "x-request-ID", "1");
    case_expect(c, "HDR-001", VERDICT_PASS);
    case_call(c, "GET", "/healthz", 200);
    case_expect(c, "HDR-001", VERDICT_NOT_APPLICABLE);
    case_call(c, "GET", "/static/site.css", 200);
    case_expect(c, "HDR-001", VERDICT_NOT_APPLICABLE);
    case_call(c, NULL, NULL, 200);
    case_expect(c, "HDR-001", VERDICT_UNKNOWN);
    case_call(c, "GET", "/v1/users", 200); /* the head was cut by a hole */
    c->transaction.request.complete = false;
    c->transaction.call.flags = CALL_GAP;
    case_expect(c, "HDR-001", VERDICT_UNKNOWN);
    c->transaction.request.body_size = 10; /* a body was seen, so the head was whole */
    case_expect(c, "HDR-001", VERDICT_FAIL);
    c->transaction.request.anomalies = ANOMALY_BIT(ANOMALY_LINE_OVERSIZED); /* the line could have been it */
    case_expect(c, "HDR-001", VERDICT_UNKNOWN);
    case_free(c);
}

static void test_header_missing_by_name(void **state)
{
    (void)state;
    const char *pack = "pack: own\nversion: '1'\nrules:\n"
                       "- id: OWN-1\n  title: Tenant is missing\n  check: header-missing\n  severity: low\n"
                       "  requirements: [X1]\n  parameters: {headers: [X-Tenant, X-Tenant-Id], sides: [request]}\n"
                       "- id: OWN-2\n  title: No content type options\n  check: header-missing\n  severity: low\n"
                       "  requirements: [X1]\n"
                       "  parameters: {headers: [X-Content-Type-Options], sides: [response]}\n";
    struct policy_case *c = case_new("", NULL, pack);
    case_call(c, "GET", "/a", 200);
    case_expect(c, "OWN-1", VERDICT_FAIL);
    case_expect(c, "OWN-2", VERDICT_FAIL);
    case_header(c, false, "x-tenant-id", "7");
    case_header(c, true, "x-content-type-options", "nosniff");
    case_expect(c, "OWN-1", VERDICT_PASS);
    case_expect(c, "OWN-2", VERDICT_PASS);
    case_call(c, "GET", "/a", CALL_STATUS_NONE);
    c->transaction.request.header_count_wire = 101;
    case_expect(c, "OWN-1", VERDICT_UNKNOWN);
    case_expect(c, "OWN-2", VERDICT_UNKNOWN);
    case_free(c);
}

static void expect_format(const char *name, const char *value, const char *echo, enum verdict verdict)
{
    struct policy_case *c = case_new("", NULL, NULL);
    case_call(c, "GET", "/a", 200);
    case_header(c, false, name, value);
    if (echo)
        case_header(c, true, name, echo);
    case_expect(c, "HDR-002", verdict);
    case_free(c);
}

static void test_header_format(void **state)
{
    (void)state;
    expect_format("X-Request-ID", "7b1e", "7b1e", VERDICT_PASS);
    expect_format("X-Request-ID", "7b1e", "7b1f", VERDICT_FAIL);
    expect_format("X-Request-ID", "7b1e", NULL, VERDICT_FAIL);
    expect_format("X-Request-ID", "a b", "a b", VERDICT_FAIL);
    expect_format("X-Request-ID", "", "", VERDICT_FAIL);
    expect_format("Other", "x", NULL, VERDICT_NOT_APPLICABLE);
    /* examples and rules of W3C Trace Context, 3.2.2 */
    expect_format("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", NULL, VERDICT_PASS);
    expect_format("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x", NULL, VERDICT_FAIL);
    expect_format("traceparent", "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x", NULL, VERDICT_PASS);
    expect_format("traceparent", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", NULL, VERDICT_FAIL);
    expect_format("traceparent", "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", NULL, VERDICT_FAIL);
    expect_format("traceparent", "00-00000000000000000000000000000000-b7ad6b7169203331-01", NULL, VERDICT_FAIL);
    expect_format("traceparent", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", NULL, VERDICT_FAIL);
    expect_format("traceparent", "00-0af7", NULL, VERDICT_FAIL);

    struct policy_case *c = case_new("", NULL, NULL);
    case_call(c, "GET", "/a", CALL_STATUS_NONE);
    case_header(c, false, "X-Request-ID", "7b1e");
    case_expect(c, "HDR-002", VERDICT_UNKNOWN); /* no response to look for the echo in */
    case_header(c, false, "X-Request-ID", "7b1e");
    case_expect(c, "HDR-002", VERDICT_FAIL); /* twice */
    case_expect_evidence(c, "HDR-002", "fault=sent more than once;length=4;");
    case_free(c);
}

static void test_forwarded_header(void **state)
{
    (void)state;
    struct policy_case *c = case_new(ZONES, NULL, NULL);
    case_call(c, "GET", "/a", 200);
    case_expect(c, "HDR-003", VERDICT_PASS);
    case_header(c, false, "X-Forwarded-For", "192.0.2.1");
    case_expect(c, "HDR-003", VERDICT_FAIL);
    case_addresses(c, "10.2.3.4", "203.0.113.9", 443);
    case_expect(c, "HDR-003", VERDICT_PASS); /* from a trusted proxy */
    case_addresses(c, "198.51.100.7", "203.0.113.9", 443);
    c->transaction.call.status = 403;
    case_expect(c, "HDR-003", VERDICT_PASS);
    case_call(c, "GET", "/a", 302);
    case_header(c, true, "Location", "http://10.9.8.7:8080/login");
    case_expect(c, "HDR-003", VERDICT_FAIL);
    case_expect_evidence(c, "HDR-003", "leaking_header=location;");
    case_addresses(c, "10.2.3.4", "203.0.113.9", 443); /* an internal client may know */
    case_expect(c, "HDR-003", VERDICT_PASS);
    case_call(c, "GET", "/a", 200);
    case_header(c, true, "Server", "nginx/1.10.172.16.5"); /* a version, no address */
    case_expect(c, "HDR-003", VERDICT_PASS);
    case_call(c, NULL, NULL, 200);
    case_expect(c, "HDR-003", VERDICT_UNKNOWN);
    case_free(c);
    c = case_new("", NULL, NULL); /* nobody said who is trusted */
    case_call(c, "GET", "/a", 200);
    case_header(c, false, "X-Forwarded-For", "192.0.2.1");
    case_expect(c, "HDR-003", VERDICT_UNKNOWN);
    case_free(c);
}

static void case_login(struct policy_case *c, const char *mechanism, const char *user, enum login_answer answer)
{
    case_call(c, NULL, NULL, 200);
    c->transaction.call.protocol = CALL_AMQP091;
    c->transaction.call.method = SPAN_LITERAL("connection.start-ok");
    c->transaction.request.seen = c->transaction.request.complete = true;
    c->transaction.login = (struct login){
        .mechanism = span_from_text(mechanism),
        .user = span_from_text(user),
        .secret = strcmp(mechanism, "PLAIN") == 0,
        .anonymous = strcmp(mechanism, "ANONYMOUS") == 0,
        .readable = true,
        .answer = (uint8_t)answer,
    };
}

static void test_broker_login(void **state)
{
    (void)state;
    struct policy_case *c = case_new(ZONES, NULL, NULL);
    case_login(c, "PLAIN", "shop", LOGIN_UNANSWERED);
    case_expect(c, "AUT-011", VERDICT_FAIL); /* the password is out, whatever the answer */
    case_expect_evidence(c, "AUT-011", "mechanism=PLAIN;user=shop;answer=not seen;");
    case_expect(c, "AUT-003", VERDICT_FAIL);
    case_addresses(c, "10.2.0.1", "10.1.0.2", 5672); /* a hop that is declared to be in the clear */
    case_expect(c, "AUT-011", VERDICT_PASS);
    case_expect(c, "AUT-003", VERDICT_NOT_APPLICABLE);
    case_login(c, "PLAIN", "shop", LOGIN_ACCEPTED);
    c->input.encrypted = true;
    case_expect(c, "AUT-011", VERDICT_FAIL); /* only the broker reads it */
    assert_int_equal(case_finding_of(c, "AUT-011")->severity, SEVERITY_LOW);
    case_expect(c, "AUT-003", VERDICT_PASS);
    c->input.encrypted = false;
    case_login(c, "SCRAM-SHA-256", "guest", LOGIN_ACCEPTED);
    case_expect(c, "AUT-011", VERDICT_FAIL); /* the account the broker comes with */
    case_login(c, "SCRAM-SHA-256", "guest", LOGIN_REFUSED);
    case_expect(c, "AUT-011", VERDICT_PASS);
    case_login(c, "SCRAM-SHA-256", "guest", LOGIN_UNANSWERED);
    case_expect(c, "AUT-011", VERDICT_UNKNOWN);
    case_login(c, "ANONYMOUS", NULL, LOGIN_ACCEPTED);
    case_expect(c, "AUT-011", VERDICT_FAIL);
    case_login(c, "none", NULL, LOGIN_ACCEPTED);
    c->transaction.login.anonymous = true;
    case_expect(c, "AUT-011", VERDICT_FAIL);
    c->input.encrypted = true;
    case_expect(c, "AUT-011", VERDICT_UNKNOWN); /* TLS may have seen a certificate */
    c->input.encrypted = false;
    case_login(c, "SCRAM-SHA-256", "shop", LOGIN_ACCEPTED);
    case_expect(c, "AUT-011", VERDICT_PASS);
    c->transaction.login.readable = false;
    case_expect(c, "AUT-011", VERDICT_UNKNOWN);
    c->transaction.login.mechanism = (struct span){0}; /* any other call */
    case_expect(c, "AUT-011", VERDICT_NOT_APPLICABLE);
    /* Rules about requests and answers of HTTP do not ask for them here; ports are those of brokers. */
    case_expect(c, "HDR-001", VERDICT_NOT_APPLICABLE);
    case_expect(c, "PRO-002", VERDICT_FAIL);
    case_addresses(c, "198.51.100.7", "203.0.113.9", 5671);
    case_expect(c, "PRO-002", VERDICT_PASS);
    case_free(c);
}

static void test_one_way_messages(void **state)
{
    (void)state;
    struct policy_case *c = case_new(ZONES, NULL, NULL);
    case_call(c, NULL, NULL, CALL_STATUS_NONE);
    c->transaction.call.protocol = CALL_AMQP091;
    c->transaction.call.method = SPAN_LITERAL("basic.deliver");
    c->transaction.request = (struct transaction_side){0};
    c->transaction.response.seen = c->transaction.response.complete = true;
    c->transaction.one_way = true;
    /* The side that is not there is not missing; what is there was searched. */
    case_expect(c, "DAT-005", VERDICT_PASS);
    case_expect(c, "DAT-006", VERDICT_PASS);
    case_expect(c, "AUT-003", VERDICT_PASS);
    case_header(c, true, "authorization", "Bearer x");
    case_expect(c, "AUT-003", VERDICT_FAIL); /* of a message, whoever delivers it */
    c->transaction.response.complete = false;
    c->transaction.call.flags = CALL_INCOMPLETE;
    case_expect(c, "DAT-005", VERDICT_UNKNOWN);
    /* Without the mark the request is missing. */
    c->transaction.response.complete = true;
    c->transaction.call.flags = 0;
    c->transaction.one_way = false;
    case_expect(c, "DAT-005", VERDICT_UNKNOWN);
    case_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cleartext),        cmocka_unit_test(test_port),
        cmocka_unit_test(test_framing),          cmocka_unit_test(test_websocket),
        cmocka_unit_test(test_exposed_endpoint), cmocka_unit_test(test_extended_connect),
        cmocka_unit_test(test_line_break),       cmocka_unit_test(test_response_protection),
        cmocka_unit_test(test_header_missing),   cmocka_unit_test(test_header_missing_by_name),
        cmocka_unit_test(test_header_format),    cmocka_unit_test(test_forwarded_header),
        cmocka_unit_test(test_broker_login),     cmocka_unit_test(test_one_way_messages),
        cmocka_unit_test(test_introspection),    cmocka_unit_test(test_content_coding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
