/* SPDX-License-Identifier: Apache-2.0 */

/* Rules on gRPC calls: statuses count as those of HTTP, and what was not seen is unknown, never clean. */

#include "unit/policy_case.h"

#define PRODUCTION "zones: [{name: p, kind: internal, environment: production, cidrs: [203.0.113.0/24]}]\n"
#define TESTING    "zones: [{name: t, kind: internal, environment: non-production, cidrs: [203.0.113.0/24]}]\n"
#define REFLECTION "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"

enum { OK, CANCELLED, NOT_FOUND = 5, PERMISSION_DENIED = 7, UNIMPLEMENTED = 12, INTERNAL = 13 };

static void grpc_call(struct policy_case *c, const char *path, int32_t status, enum registry_outcome outcome)
{
    case_call(c, "POST", path, status);
    c->transaction.call.protocol = CALL_GRPC;
    c->match = (struct registry_match){.outcome = outcome};
}

static void test_undocumented(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int32_t status;
        enum registry_outcome outcome;
        enum verdict verdict;
    } cases[] = {
        {"/a.B/C", OK, REGISTRY_MATCH, VERDICT_PASS},
        {"/a.B/C", OK, REGISTRY_NO_METHOD, VERDICT_FAIL},
        {"/a.B/C", OK, REGISTRY_NO_PATH, VERDICT_FAIL},
        {"/a.B/C", PERMISSION_DENIED, REGISTRY_NO_PATH, VERDICT_FAIL},
        {"/a.B/C", UNIMPLEMENTED, REGISTRY_NO_PATH, VERDICT_PASS},
        {"/a.B/C", CALL_STATUS_NONE, REGISTRY_NO_PATH, VERDICT_UNKNOWN},
        {"/grpc.health.v1.Health/Watch", OK, REGISTRY_NO_PATH, VERDICT_NOT_APPLICABLE},
        {REFLECTION, OK, REGISTRY_NO_PATH, VERDICT_NOT_APPLICABLE},
    };
    struct policy_case *c = case_new("", NULL, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        c->has_registry = true;
        grpc_call(c, cases[i].path, cases[i].status, cases[i].outcome);
        case_expect(c, "REG-008", cases[i].verdict);
        /* Rules on HTTP operations have nothing to say. */
        case_expect(c, "REG-001", VERDICT_NOT_APPLICABLE);
        case_expect(c, "REG-007", VERDICT_NOT_APPLICABLE);
    }
    /* A stream that goes on has been answered all the same. */
    grpc_call(c, "/a.B/C", CALL_STATUS_NONE, REGISTRY_NO_METHOD);
    c->transaction.response.seen = true;
    c->transaction.response.message_count = 3;
    case_expect(c, "REG-008", VERDICT_FAIL);
    case_expect_evidence(c, "REG-008", "undocumented=method;");
    case_expect_evidence(c, "REG-008", "messages=3;");
    /* Without descriptors nobody has said anything. */
    c->has_registry = false;
    grpc_call(c, "/a.B/C", OK, REGISTRY_NO_PATH);
    case_expect(c, "REG-008", VERDICT_UNKNOWN);
    case_call(c, "GET", "/a.B/C", 200);
    case_expect(c, "REG-008", VERDICT_NOT_APPLICABLE);
    case_free(c);
}

static void expect_reflection(const char *settings, const char *path, int32_t status, enum verdict verdict)
{
    struct policy_case *c = case_new(settings, NULL, NULL);
    grpc_call(c, path, status, REGISTRY_NO_PATH);
    case_expect(c, "PRO-006", verdict);
    case_free(c);
}

static void test_reflection(void **state)
{
    (void)state;
    expect_reflection(PRODUCTION, REFLECTION, OK, VERDICT_FAIL);
    expect_reflection(PRODUCTION, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", OK, VERDICT_FAIL);
    expect_reflection(PRODUCTION, REFLECTION, UNIMPLEMENTED, VERDICT_PASS);
    expect_reflection(PRODUCTION, REFLECTION, CALL_STATUS_NONE, VERDICT_UNKNOWN);
    expect_reflection(PRODUCTION, "/a.B/C", OK, VERDICT_NOT_APPLICABLE);
    expect_reflection(TESTING, REFLECTION, OK, VERDICT_NOT_APPLICABLE);
}

static void test_malformed(void **state)
{
    (void)state;
    const uint64_t unknown = ANOMALY_BIT(ANOMALY_PROTOBUF_UNKNOWN_FIELD);
    static const struct {
        bool request, response;
        int32_t status;
        enum verdict verdict;
    } cases[] = {
        {false, false, OK, VERDICT_PASS},      {true, false, OK, VERDICT_FAIL},
        {true, false, INTERNAL, VERDICT_PASS}, {true, false, CALL_STATUS_NONE, VERDICT_UNKNOWN},
        {false, true, INTERNAL, VERDICT_FAIL},
    };
    struct policy_case *c = case_new("", NULL, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        grpc_call(c, "/a.B/C", cases[i].status, REGISTRY_MATCH);
        c->transaction.request.anomalies = cases[i].request ? unknown : 0;
        c->transaction.response.anomalies = cases[i].response ? unknown : 0;
        c->transaction.request.flaw = c->transaction.response.flaw = SPAN_LITERAL("/user/99");
        case_expect(c, "SCH-005", cases[i].verdict);
        if (cases[i].verdict == VERDICT_FAIL)
            case_expect_evidence(c, "SCH-005", "anomaly=protobuf_unknown_field;field=/user/99;");
    }
    /* Not searched to its end: it may be what it says, or not. */
    grpc_call(c, "/a.B/C", OK, REGISTRY_MATCH);
    c->transaction.response.body_size = 10;
    c->transaction.call.flags = CALL_UNSCANNED;
    case_expect(c, "SCH-005", VERDICT_UNKNOWN);
    case_free(c);
}

/* A card number in a message is DAT-005; 5xx is where PRO-008 looks, and INTERNAL is one. */
static void test_statuses(void **state)
{
    (void)state;
    struct policy_case *c = case_new("", NULL, NULL);
    c->has_registry = true;
    grpc_call(c, "/a.B/C", OK, REGISTRY_NO_PATH);
    case_detect(c, PAN, false, DETECTION_BODY, "/user/card", "411111******1111");
    case_expect(c, "DAT-005", VERDICT_FAIL);
    case_expect_evidence(c, "DAT-005", "name=/user/card;");
    grpc_call(c, "/a.B/C", INTERNAL, REGISTRY_MATCH);
    case_detect(c, SIGNATURE, true, DETECTION_HEADER, "grpc-message", "");
    case_expect(c, "PRO-008", VERDICT_FAIL);
    grpc_call(c, "/a.B/C", NOT_FOUND, REGISTRY_MATCH);
    case_detect(c, SIGNATURE, true, DETECTION_HEADER, "grpc-message", "");
    case_expect(c, "PRO-008", VERDICT_NOT_APPLICABLE);
    case_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_undocumented),
        cmocka_unit_test(test_reflection),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_statuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
