/* SPDX-License-Identifier: Apache-2.0 */

/* Rules about sensitive data: places, declarations, zones, environments, and what was not searched. */

#include "unit/policy_case.h"

#define API                                                                                                            \
    "openapi: 3.1.0\n"                                                                                                 \
    "info: {title: Pay, version: '1'}\n"                                                                               \
    "servers: [{url: 'https://api.example.com'}]\n"                                                                    \
    "paths:\n"                                                                                                         \
    "  /plain: {get: {operationId: plain, responses: {default: {description: any}}}}\n"                                \
    "  /cards: {get: {operationId: cards, x-data-class: [pci-chd], responses: {default: {description: any}}}}\n"       \
    "  /full: {get: {operationId: full, x-allow-full-pan: true, responses: {default: {description: any}}}}\n"          \
    "  /pay: {post: {operationId: pay, tags: [authorization], responses: {default: {description: any}}}}\n"            \
    "  /export: {get: {operationId: export, tags: [export], responses: {default: {description: any}}}}\n"

#define ZONES                                                                                                          \
    "zones:\n"                                                                                                         \
    "- {name: cards, kind: cde, environment: production, cidrs: [10.3.0.0/16]}\n"                                      \
    "- {name: lab, kind: internal, environment: non-production, cidrs: [10.4.0.0/16]}\n"

struct place_case {
    const char *rule;
    const char *target;
    uint16_t detector;
    bool response;
    enum detection_place place;
    enum verdict verdict;
};

static void test_places_and_declarations(void **state)
{
    (void)state;
    static const struct place_case cases[] = {
        {"DAT-001", "/plain", PAN, false, DETECTION_QUERY, VERDICT_FAIL},
        {"DAT-001", "/plain", PAN, false, DETECTION_PATH, VERDICT_FAIL},
        {"DAT-001", "/plain", PAN, false, DETECTION_BODY, VERDICT_PASS},
        {"DAT-001", "/plain", SSN, false, DETECTION_QUERY, VERDICT_PASS},
        {"DAT-002", "/plain", PAN, false, DETECTION_HEADER, VERDICT_FAIL},
        {"DAT-002", "/plain", PAN, true, DETECTION_COOKIE, VERDICT_FAIL},
        {"DAT-002", "/plain", PAN, true, DETECTION_BODY, VERDICT_PASS},
        {"DAT-003", "/plain", PAN, true, DETECTION_BODY, VERDICT_FAIL},
        {"DAT-003", "/full", PAN, true, DETECTION_BODY, VERDICT_PASS},
        {"DAT-003", "/plain", PAN, false, DETECTION_BODY, VERDICT_PASS},
        {"DAT-004", "/plain", PAN, false, DETECTION_BODY, VERDICT_FAIL},
        {"DAT-004", "/cards", PAN, false, DETECTION_BODY, VERDICT_PASS},
        {"DAT-004", "/undocumented", PAN, false, DETECTION_BODY, VERDICT_FAIL},
        {"DAT-005", "/plain", PAN, false, DETECTION_BODY, VERDICT_NOT_APPLICABLE},
        {"DAT-006", "/cards", PAN, false, DETECTION_BODY, VERDICT_FAIL},
        {"DAT-007", "/plain", CVV, false, DETECTION_BODY, VERDICT_FAIL},
        {"DAT-007", "/plain", CVV, true, DETECTION_BODY, VERDICT_FAIL},
        {"DAT-009", "/plain", SSN, true, DETECTION_BODY, VERDICT_FAIL},
        {"DAT-009", "/plain", IBAN, false, DETECTION_BODY, VERDICT_FAIL},
        {"DAT-009", "/plain", EMAIL, false, DETECTION_BODY, VERDICT_PASS},
        {"DAT-010", "/plain", NHS, true, DETECTION_BODY, VERDICT_FAIL},
        {"DAT-010", "/plain", ICD, true, DETECTION_BODY, VERDICT_FAIL},
        {"DAT-011", "/plain", JWT, true, DETECTION_BODY, VERDICT_FAIL},
        {"DAT-011", "/plain", JWT, false, DETECTION_QUERY, VERDICT_FAIL},
        {"DAT-011", "/plain", JWT, false, DETECTION_BODY, VERDICT_PASS}, /* a login */
        {"DAT-011", "/plain", JWT, true, DETECTION_COOKIE, VERDICT_PASS},
    };
    struct policy_case *c = case_new("", API, NULL);
    for (uint32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        case_call(c, "GET", cases[i].target, 200);
        case_detect(c, cases[i].detector, cases[i].response, cases[i].place, "x", "411111......1111");
        case_judge(c);
        if (case_verdict(c, cases[i].rule) != cases[i].verdict)
            fail_msg("case %u, %s: %s", i, cases[i].rule, verdict_name(case_verdict(c, cases[i].rule)));
    }
    case_call(c, "POST", "/pay", 200);
    case_detect(c, CVV, false, DETECTION_BODY, "/cvv", "");
    case_expect(c, "DAT-007", VERDICT_PASS);
    case_detect(c, CVV, true, DETECTION_BODY, "/cvv", "");
    case_expect(c, "DAT-007", VERDICT_FAIL); /* never in a response */
    case_free(c);
}

static void test_evidence_is_masked(void **state)
{
    (void)state;
    struct policy_case *c = case_new("", API, NULL);
    case_call(c, "GET", "/plain?card=4111111111111111", 200);
    case_detect(c, PAN, false, DETECTION_QUERY, "card", "411111......1111");
    c->transaction.detections[0].digest[0] = 7;
    case_expect(c, "DAT-001", VERDICT_FAIL);
    assert_string_equal(case_finding_of(c, "DAT-001")->evidence,
                        "detector=D01;type=PAN;class=PCI-CHD;side=request;place=query;name=card;count=1;length=16;"
                        "mask=411111......1111;");
    for (uint32_t i = 0; i < c->finding_count; i++)
        assert_null(strstr(c->findings[i].evidence, "4111111111111111"));
    case_call(c, "GET", "/plain", 200); /* the name itself is a value */
    case_detect(c, SSN, true, DETECTION_BODY, "/people/536904399", "");
    c->transaction.detections[0].digest[15] = 0xab;
    case_expect(c, "DAT-009", VERDICT_FAIL);
    case_expect_evidence(c, "DAT-009", "name=(not shown: may hold a value);");
    case_expect_evidence(c, "DAT-009", "digest=000000000000000000000000000000ab;");
    case_free(c);
}

static void test_unsearched_is_unknown(void **state)
{
    (void)state;
    struct policy_case *c = case_new("", API, NULL);
    case_call(c, "GET", "/plain", 200);
    case_expect(c, "DAT-003", VERDICT_PASS);
    c->transaction.response.body_size = 1000;
    c->transaction.response.scanned_size = 999;
    case_expect(c, "DAT-003", VERDICT_UNKNOWN);
    assert_int_equal(case_finding_of(c, "DAT-003")->verdict, VERDICT_UNKNOWN); /* it should have been searched */
    case_expect(c, "DAT-001", VERDICT_PASS);                                   /* the URL was */
    c->transaction.response.scanned_size = 1000;
    case_expect(c, "DAT-003", VERDICT_PASS);
    c->transaction.call.flags = CALL_GAP; /* somewhere; it is a side's own hole that counts against it */
    case_expect(c, "DAT-003", VERDICT_PASS);
    c->transaction.response.gap = true;
    case_expect(c, "DAT-003", VERDICT_UNKNOWN);
    c->transaction.response.gap = false;
    static const uint32_t flags[] = {CALL_TRUNCATED, CALL_UNDECODED, CALL_UNSCANNED};
    for (uint32_t i = 0; i < ARRAY_COUNT(flags); i++) {
        c->transaction.call.flags = flags[i];
        case_expect(c, "DAT-003", VERDICT_UNKNOWN);
    }
    c->transaction.call.flags = 0;
    c->transaction.response.complete = false;
    case_expect(c, "DAT-003", VERDICT_UNKNOWN);
    case_call(c, "GET", "/plain", 200);
    c->transaction.detections_lost = 1;
    case_expect(c, "DAT-001", VERDICT_UNKNOWN);
    case_call(c, "GET", "/plain", CALL_STATUS_NONE);
    case_expect(c, "DAT-003", VERDICT_UNKNOWN);
    for (uint32_t i = 0; i < c->finding_count; i++) /* a response that never came is the ledger's business */
        assert_string_not_equal(c->findings[i].rule, "DAT-003");
    case_call(c, NULL, NULL, 200);
    case_expect(c, "DAT-001", VERDICT_UNKNOWN);
    case_free(c);
}

static void test_without_registry(void **state)
{
    (void)state;
    struct policy_case *c = case_new(ZONES, NULL, NULL);
    case_call(c, "GET", "/plain", 200);
    case_detect(c, PAN, false, DETECTION_BODY, "/pan", "411111......1111");
    case_expect(c, "DAT-004", VERDICT_UNKNOWN); /* nobody could have declared it */
    case_expect(c, "DAT-003", VERDICT_PASS);
    case_addresses(c, "10.3.0.1", "10.3.0.2", 443);
    case_expect(c, "DAT-004", VERDICT_PASS); /* the zone is in scope */
    case_free(c);
}

static void test_confidence(void **state)
{
    (void)state;
    struct policy_case *c = case_new("", API, NULL);
    case_call(c, "GET", "/plain", 200);
    case_detect(c, PAN, false, DETECTION_QUERY, "x", "");
    c->transaction.detections[0].confidence = DETECTION_LOW;
    case_expect(c, "DAT-001", VERDICT_PASS);
    c->transaction.detections[0].confidence = DETECTION_MEDIUM;
    case_expect(c, "DAT-001", VERDICT_FAIL);
    case_free(c);
}

static void test_cleartext(void **state)
{
    (void)state;
    struct policy_case *c = case_new("", API, NULL);
    case_call(c, "GET", "/cards", 200);
    case_detect(c, PAN, true, DETECTION_BODY, "/pan", "411111......1111");
    case_expect(c, "DAT-006", VERDICT_FAIL);
    case_addresses(c, "127.0.0.1", "127.0.0.1", 80);
    case_expect(c, "DAT-006", VERDICT_NOT_APPLICABLE);
    c->input.encrypted = true;
    case_expect(c, "DAT-006", VERDICT_PASS);
    case_free(c);
}

static void test_messages(void **state)
{
    (void)state;
    struct policy_case *c = case_new("", API, NULL);
    case_call(c, "GET", "/plain", 200);
    c->transaction.call.protocol = CALL_WEBSOCKET;
    case_expect(c, "DAT-005", VERDICT_PASS);
    case_detect(c, PAN, false, DETECTION_BODY, "/pan", "411111......1111");
    case_expect(c, "DAT-005", VERDICT_FAIL);
    case_free(c);
}

static void test_bulk(void **state)
{
    (void)state;
    struct policy_case *c = case_new("", API, NULL);
    case_call(c, "GET", "/plain", 200);
    case_detect(c, EMAIL, true, DETECTION_BODY, "/0/mail", "j***@example.com");
    c->transaction.detections[0].count = 60;
    case_detect(c, SSN, true, DETECTION_BODY, "/0/ssn", "4399");
    c->transaction.detections[1].count = 39;
    case_expect(c, "DAT-012", VERDICT_PASS);
    c->transaction.detections[1].count = 40;
    case_expect(c, "DAT-012", VERDICT_FAIL);
    case_expect_evidence(c, "DAT-012", "count_all=100;");
    case_call(c, "GET", "/export", 200);
    case_detect(c, EMAIL, true, DETECTION_BODY, "/0/mail", "j***@example.com");
    c->transaction.detections[0].count = 1000;
    case_expect(c, "DAT-012", VERDICT_PASS);
    case_free(c);
}

static void expect_card(const char *server, const char *mask, uint16_t size, enum verdict verdict)
{
    struct policy_case *c = case_new(ZONES, API, NULL);
    case_call(c, "GET", "/cards", 200);
    case_addresses(c, "10.4.0.9", server, 443);
    if (mask)
        case_detect(c, PAN, true, DETECTION_BODY, "/pan", mask);
    c->transaction.detections[0].value_size = size;
    case_expect(c, "DAT-008", verdict);
    case_free(c);
}

static void test_cards_and_environments(void **state)
{
    (void)state;
    expect_card("10.3.0.1", "411111......1111", 16, VERDICT_FAIL); /* a test number in production */
    expect_card("10.3.0.1", "411111......1112", 16, VERDICT_PASS);
    expect_card("10.3.0.1", NULL, 16, VERDICT_PASS);
    expect_card("10.4.0.1", "411111......1111", 19, VERDICT_PASS); /* written with blanks */
    expect_card("10.4.0.1", "455673......7375", 16, VERDICT_FAIL); /* a real one in the lab */
    expect_card("10.4.0.1", "****", 16, VERDICT_UNKNOWN);
    expect_card("203.0.113.9", "411111......1111", 16, VERDICT_UNKNOWN); /* environment not declared */
}

static void test_error_signature(void **state)
{
    (void)state;
    struct policy_case *c = case_new("", API, NULL);
    case_call(c, "GET", "/plain", 500);
    case_expect(c, "PRO-008", VERDICT_PASS);
    case_detect(c, SIGNATURE, true, DETECTION_BODY, "", "");
    case_expect(c, "PRO-008", VERDICT_FAIL);
    c->transaction.call.status = 200;
    case_expect(c, "PRO-008", VERDICT_NOT_APPLICABLE);
    c->transaction.call.status = CALL_STATUS_NONE;
    c->transaction.response.seen = false;
    case_expect(c, "PRO-008", VERDICT_UNKNOWN);
    case_free(c);
}

static void test_scope(void **state)
{
    (void)state;
    const char *pack = "pack: own\nversion: '1'\nrules:\n"
                       "- {id: DAT-001, applies: {methods: [POST], hosts: ['*.example.com'], paths: ['/pl*'],\n"
                       "   zones: [unknown]}}\n"
                       "- {id: DAT-002, applies: {environments: [production]}}\n"
                       "- {id: DAT-003, enabled: false}\n";
    struct policy_case *c = case_new("", API, pack);
    case_call(c, "POST", "/plain", 200);
    case_detect(c, PAN, false, DETECTION_QUERY, "x", "");
    case_expect(c, "DAT-001", VERDICT_FAIL);
    case_expect(c, "DAT-002", VERDICT_NOT_APPLICABLE);
    for (uint32_t i = 0; i < policy_rule_count(c->policy); i++)
        assert_false(span_equal(policy_rule_id(c->policy, i), SPAN_LITERAL("DAT-003")));
    c->transaction.call.host = SPAN_LITERAL("API.Example.com:8443");
    case_expect(c, "DAT-001", VERDICT_FAIL);
    c->transaction.call.host = SPAN_LITERAL("api.example.org");
    case_expect(c, "DAT-001", VERDICT_NOT_APPLICABLE);
    case_call(c, "GET", "/plain", 200);
    case_expect(c, "DAT-001", VERDICT_NOT_APPLICABLE);
    case_call(c, NULL, NULL, 200);
    case_expect(c, "DAT-001", VERDICT_UNKNOWN);
    case_free(c);
}

static void test_blind_rule(void **state)
{
    (void)state;
    struct policy_case *c = case_new("", API, NULL);
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    policy_free(c->policy);
    assert_int_equal(policy_compile(&c->packs, c->zones, NULL, 0, &diagnostics, &c->policy), 0);
    assert_true(diagnostics.warnings > 0);
    case_call(c, "GET", "/plain", 200);
    case_expect(c, "DAT-001", VERDICT_UNKNOWN); /* nothing could have been found */
    struct policy_detector some[DETECTOR_COUNT];
    memcpy(some, case_detectors, sizeof(some));
    some[PAN].disabled = true;
    policy_free(c->policy);
    assert_int_equal(policy_compile(&c->packs, c->zones, some, DETECTOR_COUNT, &diagnostics, &c->policy), 0);
    case_expect(c, "DAT-001", VERDICT_UNKNOWN);
    case_expect(c, "DAT-007", VERDICT_PASS);
    diagnostics_deinit(&diagnostics);
    case_free(c);
}

/* A rule knows the last of as many detectors as there can be from the one before it. */
static void test_every_detector_counts(void **state)
{
    (void)state;
    static struct policy_detector many[POLICY_DETECTORS_MAX];
    static char names[POLICY_DETECTORS_MAX][8];
    for (uint32_t i = 0; i < POLICY_DETECTORS_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "X%u", i);
        many[i] = (struct policy_detector){names[i], names[i], "own", false};
    }
    struct policy_case *c =
        case_new("", NULL,
                 "pack: own\nversion: '1'\nrules:\n"
                 "- {id: OWN-1, title: Last, check: detection, severity: low, requirements: [SCC6.1],\n"
                 "   guard: none, parameters: {detectors: [X1023], response_places: [body]}}\n");
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    policy_free(c->policy);
    assert_int_equal(policy_compile(&c->packs, c->zones, many, POLICY_DETECTORS_MAX, &diagnostics, &c->policy), 0);
    diagnostics_deinit(&diagnostics);
    for (uint16_t i = POLICY_DETECTORS_MAX - 2; i < POLICY_DETECTORS_MAX; i++) {
        case_call(c, "GET", "/plain", 200);
        case_detect(c, i, true, DETECTION_BODY, "x", "****");
        case_judge(c);
        assert_int_equal(case_verdict(c, "OWN-1"), i == 1023 ? VERDICT_FAIL : VERDICT_PASS);
    }
    case_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places_and_declarations),
        cmocka_unit_test(test_evidence_is_masked),
        cmocka_unit_test(test_unsearched_is_unknown),
        cmocka_unit_test(test_without_registry),
        cmocka_unit_test(test_confidence),
        cmocka_unit_test(test_cleartext),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_bulk),
        cmocka_unit_test(test_cards_and_environments),
        cmocka_unit_test(test_error_signature),
        cmocka_unit_test(test_scope),
        cmocka_unit_test(test_blind_rule),
        cmocka_unit_test(test_every_detector_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
