/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rules about certificates: one good certificate, and beside it one that differs in one thing only, each made by the
 * openssl command (tests/data/certificates/make).
 */

#include "unit/policy_case.h"

#include <errno.h>

#include "certificate/staple.h"
#include "tls/facts.h"
#include "unit/certificate_files.h"

#define ZONES                                                                                                          \
    "zones:\n"                                                                                                         \
    "- {name: mesh, kind: internal, cidrs: [10.1.0.0/16], svids: ['spiffe://example.test/payments/*'],\n"              \
    "   callers: ['spiffe://example.test/payments/*']}\n"                                                              \
    "- {name: gates, kind: internal, trusted_proxy: true, cidrs: [10.2.0.0/16]}\n"                                     \
    "- {name: shop, kind: internal, cidrs: [10.3.0.0/16], names: ['*.Example.test']}\n"                                \
    "- {name: pay, kind: internal, cidrs: [10.4.0.0/16], names: ['pay.example.test', '*.pay.test']}\n"                 \
    "- {name: scanners, kind: internal, scanner: true, cidrs: [10.9.0.0/16]}\n"

static const char *const rules[] = {"CRT-001", "CRT-002", "CRT-003", "CRT-004", "CRT-005", "CRT-006",
                                    "CRT-007", "CRT-008", "CRT-009", "CRT-010", "CRT-011", "MTL-002"};

struct fixture {
    struct policy_case *policy;
    struct tls_facts tls;
    struct certificate certificate;
    struct certificate_trust_store *trust;
    struct certificate_staple staple;
    bool seen, client;
    uint64_t time_ns;
    struct call call;
};

/* `revocation` NULL: none; the zone trusts `anchor`, as a public root when `public` is set. */
static void trust_make(struct fixture *f, const char *anchor, const char *revocation, bool public)
{
    char anchor_path[512], list_path[512];
    char *anchors[] = {certificate_path(anchor ? anchor : "", anchor_path)};
    char *lists[] = {certificate_path(revocation ? revocation : "", list_path)};
    char intermediate_path[512];
    char *with_issuer[] = {anchors[0], certificate_path("intermediate.pem", intermediate_path)};
    struct certificate_trust_files files = {
        .anchors = with_issuer,
        .anchors_count = public   ? 0
                         : anchor ? revocation ? 2 : 1
                                  : 0,
        .public_anchors = anchors,
        .public_anchors_count = public,
        .revocation = lists,
        .revocation_count = revocation != NULL,
    };
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    certificate_trust_free(f->trust);
    assert_int_equal(certificate_trust_new(&f->trust), 0);
    int result = certificate_trust_add(f->trust, &files, &diagnostics);
    diagnostics_print(&diagnostics, stderr);
    assert_int_equal(result, 0);
    diagnostics_deinit(&diagnostics);
}

static struct fixture begin(const char *pack)
{
    struct fixture f = {.policy = case_new(ZONES, NULL, pack), .seen = true, .time_ns = CASE_TIME_NS};
    case_addresses(f.policy, "10.1.0.1", "10.1.0.2", 443);
    f.tls = (struct tls_facts){
        .seen = TLS_SEEN_CLIENT_HELLO | TLS_SEEN_SERVER_HELLO | TLS_SEEN_CERTIFICATE | TLS_SEEN_SERVER_HELLO_DONE,
        .version = 0x0303,
        .completed = TLS_YES,
        .resumption = TLS_RESUMED_NO,
        .client_certificate = TLS_YES,
        .staple_asked = TLS_YES,
        .staple = TLS_NO,
        .sni_size = 16,
        .sni = "api.example.test",
    };
    trust_make(&f, "root.pem", "current.crl", false);
    return f;
}

static void end(struct fixture *f)
{
    case_free(f->policy);
    certificate_trust_free(f->trust);
}

static void present(struct fixture *f, const char *name, bool with_issuer)
{
    struct certificate_files files = {0};
    certificate_files_add(&files, name);
    if (with_issuer)
        certificate_files_add(&files, "intermediate");
    struct x509_st *issuer;
    assert_true(certificate_read(f->trust, 0, &files.chain, &f->certificate, &issuer));
    certificate_issuer_free(issuer);
    certificate_files_deinit(&files);
}

static void judge(struct fixture *f)
{
    struct policy_case *p = f->policy;
    f->call =
        (struct call){.endpoints = p->transaction.call.endpoints, .protocol = CALL_TLS, .status = CALL_STATUS_NONE};
    struct policy_input input = {
        .connection = &f->call,
        .tls = &f->tls,
        .certificate = f->seen ? &f->certificate : NULL,
        .client_certificate = f->client,
        .staple = &f->staple,
        .source_zone = zones_find(p->zones, &f->call.endpoints, &f->call.endpoints.source),
        .destination_zone = zones_find(p->zones, &f->call.endpoints, &f->call.endpoints.destination),
        .time_ns = f->time_ns,
    };
    memset(p->verdicts, 0, sizeof(p->verdicts));
    p->finding_count = 0;
    uint64_t subjects[POLICY_SUBJECTS] = {0};
    struct policy_sink sink = {.context = p, .finding = case_finding_keep, .verdicts = p->verdicts, .judged = subjects};
    policy_judge_certificate(p->policy, &input, &sink);
    policy_count_rest(p->policy, &sink);
    uint64_t judged = 0;
    for (uint32_t i = 0; i < policy_rule_count(p->policy); i++)
        for (uint32_t v = 0; v < VERDICT_COUNT; v++)
            judged += p->verdicts[i][v];
    assert_int_equal(judged, ARRAY_COUNT(rules)); /* one verdict of each, and none of other rules */
}

static void expect(struct fixture *f, const char *rule, enum verdict wanted)
{
    enum verdict got = case_verdict(f->policy, rule);
    if (got != wanted)
        print_message("%s: %s, not %s\n", rule, verdict_name(got), verdict_name(wanted));
    assert_int_equal(got, wanted);
}

/* `rule` is the only one that finds fault (NULL: none does), and says `text`. */
static void expect_fault(struct fixture *f, const char *rule, const char *text)
{
    judge(f);
    for (uint32_t i = 0; i < ARRAY_COUNT(rules); i++)
        if (!rule || strcmp(rule, rules[i]) != 0)
            if (case_verdict(f->policy, rules[i]) == VERDICT_FAIL) {
                print_message("%s fails too\n", rules[i]);
                fail();
            }
    assert_int_equal(f->policy->finding_count, rule != NULL);
    if (!rule)
        return;
    expect(f, rule, VERDICT_FAIL);
    const char *evidence = case_finding_of(f->policy, rule)->evidence;
    if (!strstr(evidence, text))
        print_message("%s\n", evidence);
    assert_non_null(strstr(evidence, text));
}

static void expect_one(const char *name, const char *rule, const char *text)
{
    struct fixture f = begin(NULL);
    present(&f, name, true);
    expect_fault(&f, rule, text);
    end(&f);
}

static void test_a_good_certificate_passes_every_rule_that_applies(void **state)
{
    (void)state;
    struct fixture f = begin(NULL);
    present(&f, "good", true);
    expect_fault(&f, NULL, NULL);
    static const char *const passed[] = {"CRT-001", "CRT-002", "CRT-004", "CRT-005",
                                         "CRT-006", "CRT-007", "CRT-008", "CRT-010"};
    for (uint32_t i = 0; i < ARRAY_COUNT(passed); i++)
        expect(&f, passed[i], VERDICT_PASS);
    static const char *const left_out[] = {"CRT-003", "CRT-009", "CRT-011", "MTL-002"};
    for (uint32_t i = 0; i < ARRAY_COUNT(left_out); i++)
        expect(&f, left_out[i], VERDICT_NOT_APPLICABLE);
    present(&f, "svid", true);
    expect_fault(&f, NULL, NULL);
    expect(&f, "CRT-009", VERDICT_PASS);
    present(&f, "ed25519", true);
    expect_fault(&f, NULL, NULL);
    expect(&f, "CRT-007", VERDICT_PASS);
    end(&f);
}

static void test_each_fault_is_found_by_its_rule_alone(void **state)
{
    (void)state;
    expect_one("expired", "CRT-001", "fault=expired;not_before=2026-08-01T00:00:00Z;not_after=2026-11-01T00:00:00Z;");
    expect_one("early", "CRT-001", "fault=not yet valid;not_before=2027-01-01T00:00:00Z;");
    expect_one("soon", "CRT-002", "not_after=2026-11-28T00:00:00Z;");
    expect_one("other_name", "CRT-004", "sni=api.example.test;dns_name=other.example.test;");
    expect_one("common_name", "CRT-004", "only a common name");
    expect_one("wildcard", "CRT-005", "fault=wildcard;names=1;dns_name=*.example.test;");
    expect_one("many", "CRT-005", "fault=too many names;names=21;");
    expect_one("self_signed", "CRT-006", "self-signed certificate");
    expect_one("foreign_leaf", "CRT-006", "unable to get local issuer certificate");
    expect_one("rsa1024", "CRT-007", "RSA key of 1024 bits");
    expect_one("p224", "CRT-007", "EC key of 224 bits");
    expect_one("sha1", "CRT-007", "signature with sha1");
    expect_one("client_only", "CRT-008", "without serverAuth");
    expect_one("authority_leaf", "CRT-008", "authority");
    expect_one("sign_only", "CRT-008", "fits no handshake");
    expect_one("svid_other", "CRT-009", "not allowed here");
    expect_one("revoked", "CRT-010", "fault=revoked;");
    expect_one("must_staple", "CRT-010", "must be stapled");
}

static void test_every_rule_of_an_svid(void **state)
{
    (void)state;
    expect_one("svid_no_extended", NULL, NULL);
    expect_one("svid_upper", "CRT-009", "trust domain has other characters");
    expect_one("svid_two", "CRT-009", "not exactly one URI name");
    expect_one("svid_root", "CRT-009", "no path");
    expect_one("svid_no_usage", "CRT-009", "no key usage");
    expect_one("svid_not_critical", "CRT-009", "not critical");
    expect_one("svid_cert_sign", "CRT-009", "keyCertSign");
    expect_one("svid_crl_sign", "CRT-009", "cRLSign");
    expect_one("svid_no_signature", "CRT-009", "digitalSignature");
    expect_one("svid_server_only", "CRT-009", "serverAuth and clientAuth");
    struct fixture f = begin(NULL);
    present(&f, "svid_authority", true);
    judge(&f);
    expect(&f, "CRT-008", VERDICT_FAIL); /* of any leaf ... */
    expect(&f, "CRT-009", VERDICT_FAIL); /* ... and of an SVID too */
    end(&f);
}

static void test_trust_is_unknown_without_a_bundle(void **state)
{
    (void)state;
    struct fixture f = begin(NULL);
    trust_make(&f, NULL, NULL, false);
    static const char *const names[] = {"good", "self_signed", "foreign_leaf"};
    for (uint32_t i = 0; i < ARRAY_COUNT(names); i++) {
        present(&f, names[i], false);
        expect_fault(&f, NULL, NULL);
        expect(&f, "CRT-006", VERDICT_UNKNOWN);
        expect(&f, "CRT-010", VERDICT_UNKNOWN);
    }
    end(&f);
}

static void test_an_incomplete_chain(void **state)
{
    (void)state;
    struct fixture f = begin(NULL);
    trust_make(&f, "root.pem", NULL, false);
    present(&f, "good", true);
    expect_fault(&f, NULL, NULL);
    present(&f, "good", false);
    expect_fault(&f, "CRT-006", "certificates_sent=1;");
    trust_make(&f, "intermediate.pem", NULL, false); /* an intermediate may be an anchor */
    present(&f, "good", false);
    expect_fault(&f, NULL, NULL);
    expect(&f, "CRT-006", VERDICT_PASS);
    end(&f);
}

static void test_lists_that_are_stale_say_nothing_but_revocations(void **state)
{
    (void)state;
    struct fixture f = begin(NULL);
    trust_make(&f, "root.pem", "stale.crl", false);
    present(&f, "good", true);
    expect_fault(&f, NULL, NULL);
    expect(&f, "CRT-010", VERDICT_UNKNOWN);
    f.time_ns = UINT64_C(1793923200000000000); /* 2026-11-06, when it was current */
    judge(&f);
    expect(&f, "CRT-010", VERDICT_PASS);
    end(&f);
}

static void test_staples_are_missed_only_when_asked_for(void **state)
{
    (void)state;
    struct fixture f = begin(NULL);
    present(&f, "must_staple", true);
    f.tls.staple = TLS_YES;
    expect_fault(&f, NULL, NULL);
    f.tls.staple = TLS_UNKNOWN;
    expect_fault(&f, NULL, NULL);
    f.tls.staple = TLS_NO;
    f.tls.staple_asked = TLS_NO;
    expect_fault(&f, NULL, NULL);
    end(&f);
}

/* The good certificate with this staple; the list says nothing of it any more. */
static void staple_case(const char *name, struct certificate_staple staple, enum verdict verdict, const char *text)
{
    struct fixture f = begin(NULL);
    present(&f, name, true);
    f.certificate.revocation = CERTIFICATE_REVOCATION_UNKNOWN;
    f.tls.staple = TLS_YES;
    f.staple = staple;
    expect_fault(&f, verdict == VERDICT_FAIL ? "CRT-010" : NULL, text);
    expect(&f, "CRT-010", verdict);
    end(&f);
}

static void test_staples_answer_where_lists_do_not(void **state)
{
    (void)state;
    const int64_t now = (int64_t)(CASE_TIME_NS / 1000000000u), hour = 3600;
    struct certificate_staple good = {.state = CERTIFICATE_STAPLE_GOOD, .from_s = now - hour, .until_s = now + hour};
    struct certificate_staple staple = good;
    staple_case("good", good, VERDICT_PASS, NULL);
    staple_case("must_staple", good, VERDICT_PASS, NULL);
    staple.state = CERTIFICATE_STAPLE_REVOKED;
    staple_case("good", staple, VERDICT_FAIL, "fault=revoked;told_by=staple;");
    staple.until_s = INT64_MAX; /* for good */
    staple_case("must_staple", staple, VERDICT_FAIL, "fault=revoked;told_by=staple;");
    staple.state = CERTIFICATE_STAPLE_UNKNOWN;
    staple_case("good", staple, VERDICT_UNKNOWN, NULL);
    staple = good;
    staple.until_s = now - hour;
    staple_case("good", staple, VERDICT_UNKNOWN, NULL);
    staple_case("must_staple", staple, VERDICT_FAIL, "fault=must be stapled, and the staple is stale;");
    staple.until_s = now - 299; /* clocks differ */
    staple_case("good", staple, VERDICT_PASS, NULL);
    staple = good;
    staple.from_s = now + hour;
    staple_case("good", staple, VERDICT_UNKNOWN, NULL);
    staple = good;
    staple.open_end = true;
    staple.until_s = INT64_MAX / 2;
    staple_case("good", staple, VERDICT_UNKNOWN, NULL);
    staple = (struct certificate_staple){.state = CERTIFICATE_STAPLE_INVALID, .fault = "made up"};
    staple_case("good", staple, VERDICT_UNKNOWN, NULL);
    staple_case("must_staple", staple, VERDICT_FAIL, "fault=must be stapled, and the staple is not valid;");
    staple.state = CERTIFICATE_STAPLE_UNVERIFIED;
    staple_case("must_staple", staple, VERDICT_UNKNOWN, NULL);
}

static void test_names_of_other_services(void **state)
{
    (void)state;
    struct fixture f = begin(NULL);
    present(&f, "good", true);
    case_addresses(f.policy, "10.1.0.1", "10.3.0.2", 443);
    expect_fault(&f, NULL, NULL);
    expect(&f, "CRT-005", VERDICT_PASS);
    case_addresses(f.policy, "10.1.0.1", "10.4.0.2", 443);
    expect_fault(&f, "CRT-005", "fault=name of another service;foreign_name=api.example.test;");
    end(&f);
}

static void expect_host(struct fixture *f, const char *host, int32_t status, enum verdict verdict)
{
    struct policy_case *p = f->policy;
    case_call(p, "GET", "/", status);
    p->transaction.call.host = span_from_text(host);
    p->transaction.call.tls = (struct connection_tls){.flags = CONNECTION_TLS | CONNECTION_DECRYPTED,
                                                      .sni = SPAN_LITERAL("api.example.test"),
                                                      .server_certificate = f->seen ? &f->certificate : NULL};
    case_expect(p, "CRT-004", verdict);
}

static void test_hosts_of_calls_are_compared_too(void **state)
{
    (void)state;
    struct fixture f = begin(NULL);
    present(&f, "wildcard", true);
    expect_host(&f, "api.example.test:8443", 200, VERDICT_NOT_APPLICABLE); /* the handshake's: judged with it */
    expect_host(&f, "shop.example.test", 200, VERDICT_PASS);
    expect_host(&f, "shop.example.com", 200, VERDICT_FAIL);
    case_expect_evidence(f.policy, "CRT-004", "host=shop.example.com;sni=api.example.test;dns_name=*.example.test;");
    expect_host(&f, "shop.example.com", 421, VERDICT_NOT_APPLICABLE);
    expect_host(&f, "shop.example.com", CALL_STATUS_NONE, VERDICT_UNKNOWN);
    /* The same says whether another host may share the connection (RFC 9110 4.3.3, RFC 9113 9.1.1). */
    static const enum call_protocol protocols[] = {CALL_HTTP2, CALL_HTTP1};
    for (uint32_t i = 0; i < ARRAY_COUNT(protocols); i++) {
        f.policy->transaction.call.protocol = protocols[i];
        f.policy->transaction.call.host = SPAN_LITERAL("shop.example.com");
        case_expect(f.policy, "TLS-008", VERDICT_FAIL);
        case_expect_evidence(f.policy, "TLS-008", "sni=api.example.test;host=shop.example.com;");
        f.policy->transaction.call.host = SPAN_LITERAL("shop.example.test");
        case_expect(f.policy, "TLS-008", VERDICT_PASS);
    }
    present(&f, "address", true);
    expect_host(&f, "192.0.2.1:8443", 200, VERDICT_PASS);
    expect_host(&f, "[2001:db8::1]:8443", 200, VERDICT_PASS);
    expect_host(&f, "192.0.2.2", 200, VERDICT_FAIL);
    f.certificate.flags |= CERTIFICATE_CUT;
    expect_host(&f, "192.0.2.2", 200, VERDICT_UNKNOWN);
    f.seen = false;
    expect_host(&f, "192.0.2.2", 200, VERDICT_UNKNOWN);
    end(&f);
}

static void test_lifetimes_by_root_and_by_pack(void **state)
{
    (void)state;
    struct fixture f = begin(NULL);
    trust_make(&f, "root.pem", NULL, true);
    present(&f, "long", true);
    expect_fault(&f, "CRT-003", "lifetime_hours=17544;lifetime_hours_max=4800;");
    present(&f, "good", true);
    expect_fault(&f, NULL, NULL);
    expect(&f, "CRT-003", VERDICT_PASS);
    trust_make(&f, "root.pem", NULL, false);
    present(&f, "long", true);
    expect_fault(&f, NULL, NULL);
    end(&f);
    f = begin("pack: own\nversion: '1'\nrules:\n- {id: CRT-003, parameters: {lifetime_hours_max: 24}}\n");
    present(&f, "good", true);
    expect_fault(&f, "CRT-003", "lifetime_hours=2160;lifetime_hours_max=24;");
    end(&f);
}

static void test_names_by_address_and_unknown_names(void **state)
{
    (void)state;
    struct fixture f = begin(NULL);
    f.tls.sni_size = 0;
    present(&f, "good", true);
    expect_fault(&f, NULL, NULL);
    expect(&f, "CRT-004", VERDICT_UNKNOWN);
    case_addresses(f.policy, "10.1.0.1", "192.0.2.1", 443);
    present(&f, "address", true);
    judge(&f);
    expect(&f, "CRT-004", VERDICT_PASS);
    case_addresses(f.policy, "2001:db8::9", "2001:db8::1", 443);
    judge(&f);
    expect(&f, "CRT-004", VERDICT_PASS);
    end(&f);
}

static void test_gateways_may_stand_for_many(void **state)
{
    (void)state;
    struct fixture f = begin(NULL);
    case_addresses(f.policy, "10.1.0.1", "10.2.0.1", 443);
    present(&f, "wildcard", true);
    expect_fault(&f, NULL, NULL);
    expect(&f, "CRT-005", VERDICT_NOT_APPLICABLE);
    end(&f);
}

static void test_a_certificate_that_was_not_seen_is_unknown(void **state)
{
    (void)state;
    struct fixture f = begin(NULL);
    f.seen = false;
    f.tls.seen &= ~(uint32_t)(TLS_SEEN_CERTIFICATE | TLS_SEEN_SERVER_HELLO_DONE);
    judge(&f);
    assert_int_equal(f.policy->finding_count, 0);
    for (uint32_t i = 0; i + 1 < ARRAY_COUNT(rules); i++)
        expect(&f, rules[i], VERDICT_UNKNOWN);
    f.tls.seen |= TLS_SEEN_SERVER_HELLO_DONE; /* the server has none: a PSK */
    judge(&f);
    expect(&f, "CRT-001", VERDICT_NOT_APPLICABLE);
    f.tls.seen |= TLS_SEEN_DAMAGED; /* or it was lost */
    judge(&f);
    expect(&f, "CRT-001", VERDICT_UNKNOWN);
    end(&f);
}

static void test_what_a_handshake_that_failed_shows(void **state)
{
    (void)state;
    struct fixture f = begin(NULL);
    f.tls.completed = TLS_NO;
    present(&f, "expired", true);
    expect_fault(&f, "CRT-001", "expired");
    present(&f, "other_name", true); /* who asked for the wrong name is not the server's fault */
    expect_fault(&f, NULL, NULL);
    f.client = true;
    present(&f, "expired", true); /* the server refused it */
    expect_fault(&f, NULL, NULL);
    expect(&f, "CRT-001", VERDICT_NOT_APPLICABLE);
    f.client = false;
    case_addresses(f.policy, "10.9.0.1", "10.1.0.2", 443);
    expect_fault(&f, NULL, NULL);
    end(&f);
}

static void test_certificates_of_clients(void **state)
{
    (void)state;
    struct fixture f = begin(NULL);
    f.client = true;
    present(&f, "svid", true);
    expect_fault(&f, NULL, NULL);
    expect(&f, "MTL-002", VERDICT_PASS);
    expect(&f, "CRT-004", VERDICT_NOT_APPLICABLE);
    present(&f, "good", true);
    expect_fault(&f, "MTL-002", "no SPIFFE id");
    present(&f, "svid_other", true);
    judge(&f);
    expect(&f, "MTL-002", VERDICT_FAIL);
    assert_non_null(strstr(case_finding_of(f.policy, "MTL-002")->evidence, "caller=spiffe://example.test/reports;"));
    present(&f, "server_only", true);
    judge(&f);
    expect(&f, "CRT-008", VERDICT_FAIL);
    case_addresses(f.policy, "10.1.0.1", "10.2.0.1", 443); /* names no callers */
    judge(&f);
    expect(&f, "MTL-002", VERDICT_NOT_APPLICABLE);
    end(&f);
}

static void inventory_write(const char *path, const struct certificate *certificate, bool other)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs("# known\n\n", file);
    for (uint32_t i = 0; i < CERTIFICATE_DIGEST_SIZE; i++)
        fprintf(file, "%s%02X", i ? ":" : "", certificate->digest[i] ^ other);
    fputs(" # api\n", file);
    fclose(file);
}

static void test_the_inventory_knows_certificates_and_issuers(void **state)
{
    (void)state;
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    char path[] = "/tmp/assay_inventory_XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    const char *const listed[] = {"good", "intermediate"};
    for (uint32_t i = 0; i < 3; i++) {
        struct fixture f = begin(NULL);
        present(&f, listed[i % 2], false);
        inventory_write(path, &f.certificate, i == 2);
        assert_int_equal(certificate_trust_inventory(f.trust, path, &diagnostics), 0);
        present(&f, "good", true);
        expect_fault(&f, i == 2 ? "CRT-011" : NULL, "subject=CN=good;");
        expect(&f, "CRT-011", i == 2 ? VERDICT_FAIL : VERDICT_PASS);
        /* In its first day a certificate may be newer than the inventory. */
        f.time_ns = (uint64_t)(f.certificate.not_before_s + 86399) * 1000000000u;
        judge(&f);
        expect(&f, "CRT-011", i == 2 ? VERDICT_UNKNOWN : VERDICT_PASS);
        end(&f);
    }
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs("# one\nabcd\n", file);
    fclose(file);
    struct fixture f = begin(NULL);
    assert_int_equal(certificate_trust_inventory(f.trust, path, &diagnostics), -EINVAL);
    assert_int_equal(diagnostics.entries[0].line, 2);
    end(&f);
    remove(path);
    diagnostics_deinit(&diagnostics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_certificate_passes_every_rule_that_applies),
        cmocka_unit_test(test_each_fault_is_found_by_its_rule_alone),
        cmocka_unit_test(test_every_rule_of_an_svid),
        cmocka_unit_test(test_trust_is_unknown_without_a_bundle),
        cmocka_unit_test(test_an_incomplete_chain),
        cmocka_unit_test(test_lists_that_are_stale_say_nothing_but_revocations),
        cmocka_unit_test(test_staples_are_missed_only_when_asked_for),
        cmocka_unit_test(test_staples_answer_where_lists_do_not),
        cmocka_unit_test(test_names_of_other_services),
        cmocka_unit_test(test_hosts_of_calls_are_compared_too),
        cmocka_unit_test(test_lifetimes_by_root_and_by_pack),
        cmocka_unit_test(test_names_by_address_and_unknown_names),
        cmocka_unit_test(test_gateways_may_stand_for_many),
        cmocka_unit_test(test_a_certificate_that_was_not_seen_is_unknown),
        cmocka_unit_test(test_what_a_handshake_that_failed_shows),
        cmocka_unit_test(test_certificates_of_clients),
        cmocka_unit_test(test_the_inventory_knows_certificates_and_issuers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
