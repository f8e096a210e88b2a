/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Staples: OpenSSL checks the signature and who may sign; the certificate is found by the names that both sides hash,
 * because its own DER is gone when the answer comes.
 */

#include "certificate/staple.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "certificate/leaf.h"
#include "certificate/trust_store.h"

static void staple_set(struct certificate_staple *staple, enum certificate_staple_state state, const char *fault)
{
    staple->state = (uint8_t)state;
    staple->fault = fault;
}

static ASN1_INTEGER *serial_of(const struct certificate *certificate)
{
    char text[CERTIFICATE_SERIAL_SIZE + 1] = {0};
    BIGNUM *number = NULL;
    memcpy(text, certificate->serial, certificate->serial_size);
    ASN1_INTEGER *serial = BN_hex2bn(&number, text) > 0 ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
    BN_free(number);
    return serial;
}

/* Whether the answer is about the certificate with that serial number of that issuer (RFC 6960 4.1.1). */
static bool answer_fits(OCSP_SINGLERESP *answer, X509 *issuer, const ASN1_INTEGER *serial)
{
    ASN1_OBJECT *algorithm = NULL;
    OCSP_CERTID *id = OCSP_CERTID_dup(OCSP_SINGLERESP_get0_id(answer)); /* its parts cannot be asked of a const one */
    const EVP_MD *digest =
        id && OCSP_id_get0_info(NULL, &algorithm, NULL, NULL, id) == 1 ? EVP_get_digestbyobj(algorithm) : NULL;
    OCSP_CERTID *wanted =
        digest ? OCSP_cert_id_new(digest, X509_get_subject_name(issuer), X509_get0_pubkey_bitstr(issuer), serial)
               : NULL;
    bool fits = wanted && OCSP_id_cmp(wanted, id) == 0;
    OCSP_CERTID_free(wanted);
    OCSP_CERTID_free(id);
    return fits;
}

static void answer_read(OCSP_SINGLERESP *answer, struct certificate_staple *staple)
{
    int reason = -1;
    ASN1_GENERALIZEDTIME *from = NULL, *until = NULL;
    int status = OCSP_single_get0_status(answer, &reason, NULL, &from, &until);
    bool for_good = status == V_OCSP_CERTSTATUS_REVOKED && reason != OCSP_REVOKED_STATUS_CERTIFICATEHOLD;
    staple_set(staple,
               status == V_OCSP_CERTSTATUS_GOOD      ? CERTIFICATE_STAPLE_GOOD
               : status == V_OCSP_CERTSTATUS_REVOKED ? CERTIFICATE_STAPLE_REVOKED
                                                     : CERTIFICATE_STAPLE_UNKNOWN,
               NULL);
    staple->open_end = !until && !for_good;
    staple->from_s = certificate_seconds(from, INT64_MAX);
    staple->until_s = for_good ? INT64_MAX : until ? certificate_seconds(until, INT64_MIN) : INT64_MAX;
}

/* The word of a responder counts only as long as its certificate. */
static void signer_read(OCSP_BASICRESP *basic, STACK_OF(X509) * issuers, struct certificate_staple *staple)
{
    X509 *signer = NULL;
    if (OCSP_resp_get0_signer(basic, &signer, issuers) != 1)
        return;
    int64_t after = certificate_seconds(X509_get0_notAfter(signer), INT64_MAX);
    if (staple->until_s != INT64_MAX && after < staple->until_s)
        staple->until_s = after;
}

static void basic_read(const struct trust_zone *zone, const struct certificate *certificate, X509 *issuer,
                       OCSP_BASICRESP *basic, struct certificate_staple *staple)
{
    STACK_OF(X509) *issuers = sk_X509_new_null();
    ASN1_INTEGER *serial = serial_of(certificate);
    bool ready = issuers && serial && sk_X509_push(issuers, issuer) > 0;
    staple_set(staple, CERTIFICATE_STAPLE_INVALID, "it is of another certificate");
    if (!ready)
        staple_set(staple, CERTIFICATE_STAPLE_UNVERIFIED, "no memory");
    else if (OCSP_basic_verify(basic, issuers, zone->store, 0) != 1)
        staple_set(staple, CERTIFICATE_STAPLE_INVALID, "its signature is not the issuer's");
    else
        for (int i = 0; i < OCSP_resp_count(basic) && i < (int)CERTIFICATE_STAPLE_ANSWERS_MAX; i++)
            if (answer_fits(OCSP_resp_get0(basic, i), issuer, serial)) {
                answer_read(OCSP_resp_get0(basic, i), staple);
                signer_read(basic, issuers, staple);
                break;
            }
    ASN1_INTEGER_free(serial);
    sk_X509_free(issuers);
}

void certificate_staple_read(const struct certificate_trust_store *store, uint32_t zone,
                             const struct certificate *certificate, struct x509_st *issuer, struct span response,
                             struct certificate_staple *staple_out)
{
    const struct trust_zone *anchors = trust_zone_at(store, zone);
    const unsigned char *at = response.data;
    *staple_out = (struct certificate_staple){0};
    staple_set(staple_out, CERTIFICATE_STAPLE_UNVERIFIED, "its issuer is not trusted");
    if (!issuer || !anchors)
        return;
    staple_set(staple_out, CERTIFICATE_STAPLE_UNVERIFIED, "it is too long");
    if (response.size > CERTIFICATE_STAPLE_MAX)
        return;
    OCSP_RESPONSE *answer = response.size ? d2i_OCSP_RESPONSE(NULL, &at, (long)response.size) : NULL;
    OCSP_BASICRESP *basic = NULL;
    bool whole = answer && at == response.data + response.size;
    staple_set(staple_out, CERTIFICATE_STAPLE_INVALID, "it is no OCSP answer");
    if (whole && OCSP_response_status(answer) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        staple_set(staple_out, CERTIFICATE_STAPLE_INVALID, "the responder gave no answer");
    else if (whole && (basic = OCSP_response_get1_basic(answer)) != NULL)
        basic_read(anchors, certificate, issuer, basic, staple_out);
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(answer);
    ERR_clear_error();
}
