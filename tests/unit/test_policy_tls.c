/* SPDX-License-Identifier: Apache-2.0 */

/* Rules about TLS handshakes: one good handshake, and every way in which one fact of it makes another verdict. */

#include "unit/policy_case.h"

#include "tls/facts.h"
#include "tls/suite.h"

#define ZONES                                                                                                          \
    "zones:\n"                                                                                                         \
    "- {name: mesh, kind: internal, cidrs: [10.1.0.0/16]}\n"                                                           \
    "- {name: finance, kind: internal, tls_minimum: TLSv1.3, cidrs: [10.2.0.0/16]}\n"                                  \
    "- {name: cards, kind: cde, cidrs: [10.3.0.0/16]}\n"                                                               \
    "- {name: scanners, kind: internal, scanner: true, cidrs: [10.9.0.0/16]}\n"                                        \
    "- {name: outside, kind: public, cidrs: [0.0.0.0/0]}\n"

#define FIPS "pack: own\nversion: '1'\nrules:\n- {id: TLS-002, enabled: true}\n"

static const char *const rules[] = {"TLS-001", "TLS-002", "TLS-003", "TLS-004", "TLS-005",
                                    "TLS-006", "TLS-007", "TLS-008", "MTL-001"};

/* TLS 1.2 as it should be, with a client certificate. */
static struct tls_facts good_facts(void)
{
    struct tls_facts facts = {
        .seen = TLS_SEEN_CLIENT_HELLO | TLS_SEEN_SERVER_HELLO,
        .version = 0x0303,
        .suite = 0xc02f,
        .group = 0x0017,
        .resumption = TLS_RESUMED_NO,
        .completed = TLS_YES,
        .extended_master_secret = TLS_YES,
        .secure_renegotiation = TLS_YES,
        .client_certificate_requested = TLS_YES,
        .client_certificate = TLS_YES,
        .fallback_scsv = TLS_NO,
        .version_offered_max = 0x0303,
        .suite_count = 1,
        .suites = {0xc02f},
        .offered_flags = TLS_SUITE_FORWARD_SECRET | TLS_SUITE_AEAD | TLS_SUITE_FIPS,
        .sni_present = TLS_YES,
        .alpn_present = TLS_YES,
        .sni_size = 11,
        .sni = "api.example",
        .ja4 = "t12d0102h2_aaaaaaaaaaaa_bbbbbbbbbbbb",
    };
    return facts;
}

struct tls_case {
    struct policy_case *policy;
    struct tls_facts facts;
    struct call call;
};

static struct tls_case case_begin(const char *pack)
{
    struct tls_case c = {.policy = case_new(ZONES, NULL, pack), .facts = good_facts()};
    case_addresses(c.policy, "10.1.0.1", "10.1.0.2", 443);
    return c;
}

static void judge(struct tls_case *c)
{
    struct policy_case *p = c->policy;
    c->call =
        (struct call){.endpoints = p->transaction.call.endpoints, .protocol = CALL_TLS, .status = CALL_STATUS_NONE};
    c->call.host = tls_facts_sni(&c->facts);
    struct policy_input input = {
        .connection = &c->call,
        .tls = &c->facts,
        .source_zone = zones_find(p->zones, &c->call.endpoints, &c->call.endpoints.source),
        .destination_zone = zones_find(p->zones, &c->call.endpoints, &c->call.endpoints.destination),
        .time_ns = CASE_TIME_NS,
    };
    memset(p->verdicts, 0, sizeof(p->verdicts));
    p->finding_count = 0;
    uint64_t subjects[POLICY_SUBJECTS] = {0};
    struct policy_sink sink = {.context = p, .finding = case_finding_keep, .verdicts = p->verdicts, .judged = subjects};
    policy_judge_connection(p->policy, &input, &sink);
    policy_count_rest(p->policy, &sink);
}

/* Every rule but `rule` passes; NULL: all do. */
static void expect_only(struct tls_case *c, const char *rule, enum verdict verdict)
{
    judge(c);
    uint32_t judged = 0;
    for (uint32_t i = 0; i < policy_rule_count(c->policy->policy); i++)
        for (uint32_t v = 0; v < VERDICT_COUNT; v++)
            judged += (uint32_t)c->policy->verdicts[i][v];
    assert_int_equal(judged, ARRAY_COUNT(rules)); /* no rule about calls among them */
    for (uint32_t i = 0; i < ARRAY_COUNT(rules); i++) {
        bool it = rule && strcmp(rule, rules[i]) == 0;
        enum verdict wanted = it ? verdict : VERDICT_PASS, got = case_verdict(c->policy, rules[i]);
        if (got != wanted)
            print_message("%s: %s\n", rules[i], verdict_name(got));
        assert_int_equal(got, wanted);
    }
    assert_int_equal(c->policy->finding_count, rule && verdict == VERDICT_FAIL);
}

static void expect_evidence(struct tls_case *c, const char *rule, const char *text)
{
    const char *evidence = case_finding_of(c->policy, rule)->evidence;
    if (!strstr(evidence, text))
        print_message("%s\n", evidence);
    assert_non_null(strstr(evidence, text));
}

static void test_a_good_handshake_passes_every_rule(void **state)
{
    (void)state;
    struct tls_case c = case_begin(FIPS);
    expect_only(&c, NULL, VERDICT_PASS);
    c.facts.version = 0x0304;
    c.facts.suite = 0x1302;
    c.facts.version_offered_max = 0x0304;
    c.facts.version_offered_min = 0x0303;
    c.facts.group = 0x11ec; /* a hybrid */
    c.facts.extended_master_secret = c.facts.secure_renegotiation = TLS_UNKNOWN;
    expect_only(&c, NULL, VERDICT_PASS);
    case_free(c.policy);
}

static void test_version(void **state)
{
    (void)state;
    struct tls_case c = case_begin(FIPS);
    c.facts.version = 0x0302;
    expect_only(&c, "TLS-001", VERDICT_FAIL);
    expect_evidence(&c, "TLS-001", "version=TLSv1.1;sni=api.example;");
    expect_evidence(&c, "TLS-001", "minimum_version=TLSv1.2;");
    assert_int_equal(case_finding_of(c.policy, "TLS-001")->severity, SEVERITY_HIGH);
    case_addresses(c.policy, "10.1.0.1", "10.3.0.2", 443);
    expect_only(&c, "TLS-001", VERDICT_FAIL);
    assert_int_equal(case_finding_of(c.policy, "TLS-001")->severity, SEVERITY_CRITICAL);
    /* A zone that asks for more */
    case_addresses(c.policy, "10.1.0.1", "10.2.0.2", 443);
    c.facts.version = 0x0303;
    expect_only(&c, "TLS-001", VERDICT_FAIL);
    expect_evidence(&c, "TLS-001", "minimum_version=TLSv1.3;");
    case_free(c.policy);
}

static void test_suites(void **state)
{
    (void)state;
    struct tls_case c = case_begin(FIPS);
    c.facts.suite = 0xcca9; /* ChaCha20: strong, not approved */
    expect_only(&c, "TLS-002", VERDICT_FAIL);
    expect_evidence(&c, "TLS-002", "suite=TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256;");
    /* Groups of SP 800-56A r3 appendix D and FIPS 203; X25519 alone and Kyber are on no list. */
    static const struct {
        uint16_t group;
        bool approved;
    } groups[] = {{0x0018, true},  {0x0019, true},  {0x0100, true},  {0x11ec, true}, {0x0201, true},
                  {0x001d, false}, {0x001e, false}, {0x6399, false}, {0, true} /* not seen */};
    c.facts = good_facts();
    for (uint32_t i = 0; i < ARRAY_COUNT(groups); i++) {
        c.facts.group = groups[i].group;
        judge(&c);
        assert_int_equal(case_verdict(c.policy, "TLS-002"), groups[i].approved ? VERDICT_PASS : VERDICT_FAIL);
    }
    c.facts.group = 0x001d;
    expect_only(&c, "TLS-002", VERDICT_FAIL);
    expect_evidence(&c, "TLS-002", "group=x25519;");
    c.facts = good_facts();
    c.facts.suite = 0xcca9;
    static const struct {
        uint16_t suite;
        const char *weakness;
    } weak[] = {{0xc010, "no encryption"}, {0xc018, "no authentication"}, {0xc011, "RC4"}, {0xc012, "3DES"},
                {0x0014, "export"},        {0x0015, "DES or RC2"}};
    for (uint32_t i = 0; i < ARRAY_COUNT(weak); i++) {
        c.facts.suite = weak[i].suite;
        c.facts.dh_bits = 2048;
        judge(&c);
        assert_int_equal(case_verdict(c.policy, "TLS-003"), VERDICT_FAIL);
        expect_evidence(&c, "TLS-003", weak[i].weakness);
        assert_int_equal(case_finding_of(c.policy, "TLS-003")->severity, SEVERITY_CRITICAL);
    }
    c.facts.suite = 0xfefe; /* nobody registered it */
    judge(&c);
    assert_int_equal(case_verdict(c.policy, "TLS-003"), VERDICT_UNKNOWN);
    case_free(c.policy);
    /* The FIPS profile is only for who asks for it. */
    c = case_begin(NULL);
    c.facts.suite = 0xcca8;
    judge(&c);
    for (uint32_t i = 0; i < policy_rule_count(c.policy->policy); i++)
        assert_false(span_equal(policy_rule_id(c.policy->policy, i), SPAN_LITERAL("TLS-002")));
    struct diagnostics diagnostics;
    struct policy *policy;
    uint32_t before = policy_rule_count(c.policy->policy);
    diagnostics_init(&diagnostics);
    rule_packs_enable(&c.policy->packs, RULE_CHECK_TLS_SUITE_APPROVAL);
    assert_int_equal(
        policy_compile(&c.policy->packs, c.policy->zones, case_detectors, DETECTOR_COUNT, &diagnostics, &policy), 0);
    assert_int_equal(policy_rule_count(policy), before + 1);
    policy_free(policy);
    diagnostics_deinit(&diagnostics);
    case_free(c.policy);
}

static void test_key_exchange(void **state)
{
    (void)state;
    struct tls_case c = case_begin(NULL);
    static const struct {
        uint16_t version, suite, group, dh_bits;
        uint8_t resumption;
        enum verdict verdict;
        const char *fault;
    } cases[] = {
        {0x0303, 0x009c, 0, 0, TLS_RESUMED_NO, VERDICT_FAIL, "no forward secrecy"},
        {0x0303, 0x009e, 0, 1024, TLS_RESUMED_NO, VERDICT_FAIL, "modulus too short"},
        {0x0303, 0x009e, 0, 2048, TLS_RESUMED_NO, VERDICT_PASS, NULL},
        {0x0303, 0x009e, 0, 0, TLS_RESUMED_TICKET, VERDICT_UNKNOWN, NULL},
        {0x0303, 0xc02f, 0x0015, 0, TLS_RESUMED_NO, VERDICT_FAIL, "curve too small"},
        {0x0303, 0xc02f, 0xff01, 0, TLS_RESUMED_NO, VERDICT_FAIL, "curve of its own making"},
        {0x0303, 0xc02f, 0, 0, TLS_RESUMED_TICKET, VERDICT_UNKNOWN, NULL},
        {0x0304, 0x1301, 0x001d, 0, TLS_RESUMED_PSK, VERDICT_PASS, NULL},
        {0x0304, 0x1301, 0, 0, TLS_RESUMED_PSK, VERDICT_FAIL, "no forward secrecy"},
        {0x0304, 0x1301, 0x0100, 0, TLS_RESUMED_NO, VERDICT_PASS, NULL},
        {0x0304, 0x1301, 0x7777, 0, TLS_RESUMED_NO, VERDICT_UNKNOWN, NULL},
    };
    for (uint32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        c.facts.version = cases[i].version;
        c.facts.suite = cases[i].suite;
        c.facts.group = cases[i].group;
        c.facts.dh_bits = cases[i].dh_bits;
        c.facts.resumption = cases[i].resumption;
        judge(&c);
        assert_int_equal(case_verdict(c.policy, "TLS-004"), cases[i].verdict);
        if (cases[i].fault)
            expect_evidence(&c, "TLS-004", cases[i].fault);
    }
    case_free(c.policy);
}

static void test_offers_and_downgrades(void **state)
{
    (void)state;
    struct tls_case c = case_begin(FIPS);
    c.facts.suites[c.facts.suite_count++] = 0x000a;
    c.facts.offered_flags |= TLS_SUITE_3DES;
    expect_only(&c, "TLS-005", VERDICT_FAIL);
    expect_evidence(&c, "TLS-005", "offered_suite=TLS_RSA_WITH_3DES_EDE_CBC_SHA;");
    c.facts = good_facts();
    c.facts.version_offered_max = 0x0303;
    c.facts.version_offered_min = 0x0301;
    expect_only(&c, "TLS-005", VERDICT_FAIL);
    expect_evidence(&c, "TLS-005", "offered_version=TLSv1.0;");
    c.facts = good_facts();
    c.facts.downgrade_to = 0x0303; /* the server speaks TLS 1.3 and the client does not: no attack */
    expect_only(&c, NULL, VERDICT_PASS);
    c.facts.version_offered_max = 0x0304;
    expect_only(&c, "TLS-006", VERDICT_FAIL);
    expect_evidence(&c, "TLS-006", "sign=downgrade sentinel");
    c.facts = good_facts();
    c.facts.fallback_scsv = TLS_YES;
    expect_only(&c, "TLS-006", VERDICT_FAIL);
    case_free(c.policy);
}

static void test_repairs(void **state)
{
    (void)state;
    struct tls_case c = case_begin(FIPS);
    c.facts.extended_master_secret = TLS_NO;
    expect_only(&c, "TLS-007", VERDICT_FAIL);
    expect_evidence(&c, "TLS-007", "missing=extended_master_secret;");
    c.facts = good_facts();
    c.facts.secure_renegotiation = TLS_NO;
    expect_only(&c, "TLS-007", VERDICT_FAIL);
    c.facts = good_facts();
    c.facts.compression = 1;
    expect_only(&c, "TLS-007", VERDICT_FAIL);
    case_free(c.policy);
}

static void test_names(void **state)
{
    (void)state;
    struct tls_case c = case_begin(FIPS);
    c.facts.sni_present = TLS_NO;
    c.facts.sni_size = 0;
    expect_only(&c, "TLS-008", VERDICT_FAIL);
    c.facts = good_facts();
    c.facts.alpn_present = TLS_NO;
    expect_only(&c, "TLS-008", VERDICT_FAIL);
    /* Calls that were opened */
    struct policy_case *p = c.policy;
    case_call(p, "GET", "/", 200);
    case_expect(p, "TLS-008", VERDICT_NOT_APPLICABLE);
    p->transaction.call.tls = (struct connection_tls){.flags = CONNECTION_TLS | CONNECTION_DECRYPTED,
                                                      .sni = SPAN_LITERAL("API.example.com"),
                                                      .alpn = SPAN_LITERAL("http/1.1")};
    case_expect(p, "TLS-008", VERDICT_PASS);
    p->transaction.call.host = SPAN_LITERAL("api.example.com:443");
    case_expect(p, "TLS-008", VERDICT_PASS);
    p->transaction.call.host = SPAN_LITERAL("other.example.com");
    case_expect(p, "TLS-008", VERDICT_UNKNOWN); /* the certificate may cover it */
    p->transaction.call.protocol = CALL_HTTP2;
    p->transaction.call.tls.alpn = SPAN_LITERAL("h2");
    case_expect(p, "TLS-008", VERDICT_UNKNOWN);
    p->transaction.call.protocol = CALL_HTTP1;
    case_expect(p, "TLS-008", VERDICT_FAIL); /* agreed on h2, spoke HTTP/1 */
    case_free(p);
}

static void test_client_certificate(void **state)
{
    (void)state;
    struct tls_case c = case_begin(FIPS);
    c.facts.client_certificate = TLS_NO;
    expect_only(&c, "MTL-001", VERDICT_FAIL);
    expect_evidence(&c, "MTL-001", "fault=client sent no certificate;");
    c.facts.client_certificate_requested = TLS_NO;
    expect_only(&c, "MTL-001", VERDICT_FAIL);
    expect_evidence(&c, "MTL-001", "fault=not asked for;");
    c.facts.client_certificate = c.facts.client_certificate_requested = TLS_UNKNOWN;
    expect_only(&c, "MTL-001", VERDICT_UNKNOWN);
    c.facts.client_certificate = TLS_NO;
    case_addresses(c.policy, "198.51.100.7", "10.1.0.2", 443); /* a public client of a public endpoint */
    expect_only(&c, "MTL-001", VERDICT_NOT_APPLICABLE);
    case_addresses(c.policy, "10.1.0.1", "198.51.100.7", 443);
    expect_only(&c, "MTL-001", VERDICT_NOT_APPLICABLE);
    case_free(c.policy);
}

/* What was not completed, or not seen, is never a breach. */
static void test_only_completed_handshakes_count(void **state)
{
    (void)state;
    static const struct {
        uint8_t completed;
        uint32_t seen;
        const char *client;
        enum verdict verdict;
    } cases[] = {
        {TLS_NO, TLS_SEEN_CLIENT_HELLO | TLS_SEEN_SERVER_HELLO, "10.1.0.1", VERDICT_NOT_APPLICABLE},
        {TLS_UNKNOWN, TLS_SEEN_CLIENT_HELLO | TLS_SEEN_SERVER_HELLO, "10.1.0.1", VERDICT_UNKNOWN},
        {TLS_YES, 0, "10.1.0.1", VERDICT_UNKNOWN},
        {TLS_YES, TLS_SEEN_CLIENT_HELLO | TLS_SEEN_SERVER_HELLO, "10.9.0.1", VERDICT_NOT_APPLICABLE},
    };
    for (uint32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct tls_case c = case_begin(FIPS);
        case_addresses(c.policy, cases[i].client, "10.3.0.2", 443);
        c.facts.completed = cases[i].completed;
        c.facts.seen = cases[i].seen;
        c.facts.version = 0x0300;
        c.facts.suite = 0x0000;
        c.facts.client_certificate = c.facts.client_certificate_requested = TLS_NO;
        judge(&c);
        assert_int_equal(c.policy->finding_count, 0);
        for (uint32_t r = 0; r < ARRAY_COUNT(rules); r++)
            assert_int_equal(case_verdict(c.policy, rules[r]), cases[i].verdict);
        case_free(c.policy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_handshake_passes_every_rule),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_suites),
        cmocka_unit_test(test_key_exchange),
        cmocka_unit_test(test_offers_and_downgrades),
        cmocka_unit_test(test_repairs),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_client_certificate),
        cmocka_unit_test(test_only_completed_handshakes_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
