/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Staples. The authorities, certificates and answers are made here by OpenSSL, because an answer is signed for a time
 * and a key that files could not keep.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "certificate/cache.h"

#define NOW INT64_C(1795186800) /* 2026-11-20 */
#define DAY INT64_C(86400)

struct party {
    EVP_PKEY *key;
    X509 *certificate;
};

struct bench {
    struct party root, stranger, leaf, other, responder, usurper;
    struct certificate_trust_store *store;
    struct certificate certificate;
    struct x509_st *issuer;
    uint8_t *der;
    struct certificate_chain chain;
};

static void extend(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static struct party party_make(const char *name, long serial, const struct party *authority, const char *usage)
{
    struct party party = {.key = EVP_EC_gen("P-256"), .certificate = X509_new()};
    X509 *certificate = party.certificate;
    assert_true(party.key && certificate && X509_set_version(certificate, 2) == 1);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(certificate), NOW - 30 * DAY));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(certificate), NOW + 30 * DAY));
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0);
    const struct party *issuer = authority ? authority : &party;
    assert_int_equal(X509_set_issuer_name(certificate, X509_get_subject_name(issuer->certificate)), 1);
    assert_int_equal(X509_set_pubkey(certificate, party.key), 1);
    extend(certificate, NID_basic_constraints, authority ? "critical,CA:FALSE" : "critical,CA:TRUE");
    if (usage)
        extend(certificate, NID_ext_key_usage, usage);
    assert_true(X509_sign(certificate, issuer->key, EVP_sha256()) > 0);
    return party;
}

static void party_free(struct party *party)
{
    EVP_PKEY_free(party->key);
    X509_free(party->certificate);
}

static void trust(struct bench *bench)
{
    char path[] = "/tmp/assay-staple-XXXXXX";
    int file = mkstemp(path);
    FILE *stream = file >= 0 ? fdopen(file, "w") : NULL;
    assert_non_null(stream);
    assert_int_equal(PEM_write_X509(stream, bench->root.certificate), 1);
    fclose(stream);
    char *anchors[] = {path};
    struct certificate_trust_files files = {.anchors = anchors, .anchors_count = 1};
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    assert_int_equal(certificate_trust_new(&bench->store), 0);
    assert_int_equal(certificate_trust_add(bench->store, &files, &diagnostics), 0);
    diagnostics_deinit(&diagnostics);
    unlink(path);
}

static void begin(struct bench *bench)
{
    memset(bench, 0, sizeof(*bench));
    bench->root = party_make("root", 1, NULL, NULL);
    bench->stranger = party_make("stranger", 1, NULL, NULL);
    bench->leaf = party_make("leaf", 0x1234, &bench->root, NULL);
    bench->other = party_make("other", 0x1235, &bench->root, NULL);
    bench->responder = party_make("responder", 3, &bench->root, "OCSPSigning");
    bench->usurper = party_make("usurper", 4, &bench->root, "serverAuth");
    trust(bench);
    int size = i2d_X509(bench->leaf.certificate, &bench->der);
    bench->chain = (struct certificate_chain){.count = 1, .certificates = {span_of(bench->der, (size_t)size)}};
    assert_true(certificate_read(bench->store, 0, &bench->chain, &bench->certificate, &bench->issuer));
    assert_int_equal(bench->certificate.trust, CERTIFICATE_TRUST_ANCHORED);
    assert_non_null(bench->issuer);
}

static void end(struct bench *bench)
{
    struct party *parties[] = {&bench->root,  &bench->stranger,  &bench->leaf,
                               &bench->other, &bench->responder, &bench->usurper};
    for (size_t i = 0; i < ARRAY_COUNT(parties); i++)
        party_free(parties[i]);
    certificate_issuer_free(bench->issuer);
    certificate_trust_free(bench->store);
    OPENSSL_free(bench->der);
}

/* An answer of `signer`; `until_s` 0: it does not say. */
struct answer {
    const struct party *about, *signer;
    const EVP_MD *digest; /* of the names; NULL: SHA-1, as RFC 5019 wants */
    int status, reason;
    int64_t from_s, until_s;
};

static struct answer good_answer(const struct bench *bench, const struct party *signer, int64_t from_s, int64_t until_s)
{
    return (struct answer){.about = &bench->leaf,
                           .signer = signer,
                           .status = V_OCSP_CERTSTATUS_GOOD,
                           .reason = -1,
                           .from_s = from_s,
                           .until_s = until_s};
}

static uint32_t answer_make(const struct bench *bench, const struct answer *answer, uint8_t out[CERTIFICATE_STAPLE_MAX])
{
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    const X509 *issuer = answer->signer == &bench->stranger ? bench->stranger.certificate : bench->root.certificate;
    OCSP_CERTID *id = OCSP_cert_to_id(answer->digest ? answer->digest : EVP_sha1(), answer->about->certificate, issuer);
    ASN1_TIME *revoked = ASN1_TIME_set(NULL, NOW - 10 * DAY), *from = ASN1_TIME_set(NULL, answer->from_s);
    ASN1_TIME *until = answer->until_s ? ASN1_TIME_set(NULL, answer->until_s) : NULL;
    ASN1_TIME_to_generalizedtime(revoked, &revoked);
    ASN1_TIME_to_generalizedtime(from, &from);
    if (until)
        ASN1_TIME_to_generalizedtime(until, &until);
    assert_non_null(OCSP_basic_add1_status(basic, id, answer->status, answer->reason,
                                           answer->status == V_OCSP_CERTSTATUS_REVOKED ? revoked : NULL, from, until));
    assert_int_equal(OCSP_basic_sign(basic, answer->signer->certificate, answer->signer->key, EVP_sha256(), NULL, 0),
                     1);
    OCSP_RESPONSE *response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    assert_true(i2d_OCSP_RESPONSE(response, NULL) <= (int)CERTIFICATE_STAPLE_MAX);
    uint8_t *at = out;
    int size = i2d_OCSP_RESPONSE(response, &at);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(revoked);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    return (uint32_t)size;
}

static struct certificate_staple read_answer(const struct bench *bench, const struct answer *answer)
{
    uint8_t der[CERTIFICATE_STAPLE_MAX];
    struct certificate_staple staple;
    uint32_t size = answer_make(bench, answer, der);
    certificate_staple_read(bench->store, 0, &bench->certificate, bench->issuer, span_of(der, size), &staple);
    return staple;
}

static void test_states(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench);
    struct answer answer = good_answer(&bench, &bench.root, NOW - DAY, NOW + DAY);
    struct certificate_staple staple = read_answer(&bench, &answer);
    assert_int_equal(staple.state, CERTIFICATE_STAPLE_GOOD);
    assert_true(staple.from_s == NOW - DAY && staple.until_s == NOW + DAY && !staple.open_end && !staple.fault);
    answer.digest = EVP_sha256();
    answer.until_s = 0;
    staple = read_answer(&bench, &answer);
    assert_true(staple.state == CERTIFICATE_STAPLE_GOOD && staple.open_end);
    answer.until_s = NOW + DAY;
    answer.status = V_OCSP_CERTSTATUS_REVOKED;
    answer.reason = OCSP_REVOKED_STATUS_KEYCOMPROMISE;
    staple = read_answer(&bench, &answer); /* for good (RFC 5280 5.3.1) */
    assert_true(staple.state == CERTIFICATE_STAPLE_REVOKED && staple.until_s == INT64_MAX && !staple.open_end);
    answer.reason = OCSP_REVOKED_STATUS_CERTIFICATEHOLD;
    staple = read_answer(&bench, &answer);
    assert_true(staple.state == CERTIFICATE_STAPLE_REVOKED && staple.until_s == NOW + DAY);
    answer.status = V_OCSP_CERTSTATUS_UNKNOWN;
    assert_int_equal(read_answer(&bench, &answer).state, CERTIFICATE_STAPLE_UNKNOWN);
    end(&bench);
}

static void test_who_may_answer(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench);
    struct answer answer = good_answer(&bench, &bench.responder, NOW - DAY, NOW + 90 * DAY);
    struct certificate_staple staple = read_answer(&bench, &answer);
    assert_int_equal(staple.state, CERTIFICATE_STAPLE_GOOD);
    assert_true(staple.until_s == NOW + 30 * DAY); /* its certificate ends before */
    answer.signer = &bench.usurper;                /* of the same issuer, and no responder (RFC 6960 4.2.2.2) */
    staple = read_answer(&bench, &answer);
    assert_int_equal(staple.state, CERTIFICATE_STAPLE_INVALID);
    assert_non_null(staple.fault);
    answer.signer = &bench.stranger;
    assert_int_equal(read_answer(&bench, &answer).state, CERTIFICATE_STAPLE_INVALID);
    answer.signer = &bench.root;
    answer.about = &bench.other;
    assert_int_equal(read_answer(&bench, &answer).state, CERTIFICATE_STAPLE_INVALID);
    end(&bench);
}

static void test_hostile_answers(void **state)
{
    (void)state;
    static const uint8_t try_later[] = {0x30, 0x03, 0x0a, 0x01, 0x03}; /* RFC 6960 4.2.1 */
    struct bench bench;
    begin(&bench);
    struct answer answer = good_answer(&bench, &bench.root, NOW, NOW + DAY);
    uint8_t der[CERTIFICATE_STAPLE_MAX];
    struct certificate_staple staple;
    uint32_t size = answer_make(&bench, &answer, der);
    for (uint32_t i = 0; i < size; i++) {
        certificate_staple_read(bench.store, 0, &bench.certificate, bench.issuer, span_of(der, i), &staple);
        assert_int_equal(staple.state, CERTIFICATE_STAPLE_INVALID);
    }
    der[size] = 0; /* nothing may follow */
    certificate_staple_read(bench.store, 0, &bench.certificate, bench.issuer, span_of(der, size + 1), &staple);
    assert_int_equal(staple.state, CERTIFICATE_STAPLE_INVALID);
    for (uint32_t i = 0; i < size; i++) {
        der[i] ^= 1; /* nothing of it may change, but for what is not signed and says nothing */
        certificate_staple_read(bench.store, 0, &bench.certificate, bench.issuer, span_of(der, size), &staple);
        bool same = staple.from_s == NOW && staple.until_s == NOW + DAY;
        assert_true(staple.state == CERTIFICATE_STAPLE_INVALID || (staple.state == CERTIFICATE_STAPLE_GOOD && same));
        der[i] ^= 1;
    }
    certificate_staple_read(bench.store, 0, &bench.certificate, bench.issuer, span_of(try_later, sizeof(try_later)),
                            &staple);
    assert_int_equal(staple.state, CERTIFICATE_STAPLE_INVALID);
    certificate_staple_read(bench.store, 0, &bench.certificate, NULL, span_of(der, size), &staple);
    assert_int_equal(staple.state, CERTIFICATE_STAPLE_UNVERIFIED);
    certificate_staple_read(NULL, 0, &bench.certificate, bench.issuer, span_of(der, size), &staple);
    assert_int_equal(staple.state, CERTIFICATE_STAPLE_UNVERIFIED);
    end(&bench);
}

static void test_messages(void **state)
{
    (void)state;
    /* CertificateStatus (RFC 6066 8), and the same as an extension of the first of two entries (RFC 8446 4.4.2). */
    static const uint8_t status[] = {1, 0, 0, 2, 0xab, 0xcd};
    uint8_t message[] = {0, 0, 0, 26, 0, 0, 1, 0x30, 0,    14, 0, 18, 0,    0, 0,
                         5, 0, 6, 1,  0, 0, 2, 0xab, 0xcd, 0,  0, 1,  0x31, 0, 0};
    struct certificate_chain chain;
    struct span response;
    assert_true(certificate_status_parse(span_of(status, sizeof(status)), &response));
    assert_true(response.size == 2 && response.data[0] == 0xab);
    for (uint32_t i = 0; i < sizeof(status); i++)
        assert_false(certificate_status_parse(span_of(status, i), &response));
    assert_true(certificate_chain_parse(span_of(message, sizeof(message)), true, &chain));
    assert_int_equal(chain.count, 2);
    assert_true(chain.staple.size == 2 && chain.staple.data[1] == 0xcd);
    message[18] = 2; /* another type of status */
    assert_true(certificate_chain_parse(span_of(message, sizeof(message)), true, &chain));
    assert_int_equal(chain.staple.size, 0);
}

static void test_cache_reads_an_answer_once(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench);
    struct answer answer = good_answer(&bench, &bench.root, NOW, NOW + DAY);
    uint8_t der[CERTIFICATE_STAPLE_MAX];
    uint32_t size = answer_make(&bench, &answer, der);
    struct arena *arena = arena_new(1u << 20);
    struct certificate_cache *cache;
    assert_int_equal(certificate_cache_new(&cache, arena, 2), 0);
    struct certificate_cache_key key = {1, 0};
    uint64_t now_ns = (uint64_t)NOW * UINT64_C(1000000000);
    struct certificate_entry *entry = certificate_cache_take(cache, bench.store, key, &bench.chain, now_ns);
    struct certificate_staple staple;
    for (uint32_t i = 0; i < 3; i++) {
        certificate_cache_staple(cache, bench.store, entry, span_of(der, size), now_ns, &staple);
        assert_int_equal(staple.state, CERTIFICATE_STAPLE_GOOD);
    }
    assert_int_equal(certificate_cache_counts(cache)->staples, 1);
    for (uint32_t i = 0; i < CERTIFICATE_READS_BURST; i++) { /* answers without end cost a counter */
        der[size - 1]++;
        certificate_cache_staple(cache, bench.store, entry, span_of(der, size), now_ns, &staple);
    }
    assert_int_equal(staple.state, CERTIFICATE_STAPLE_UNVERIFIED);
    assert_int_equal(certificate_cache_counts(cache)->refused, 2);
    certificate_cache_give(entry);
    certificate_cache_deinit(cache);
    arena_free(arena);
    end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_who_may_answer),
        cmocka_unit_test(test_hostile_answers),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_cache_reads_an_answer_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
