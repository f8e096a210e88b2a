/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Chains: built and their signatures checked by OpenSSL, without its clock (packets have their own), without its
 * opinion on strength and uses (rules judge those), and without the system's certificates.
 */

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "certificate/leaf.h"
#include "certificate/trust_store.h"

static void fault_set(struct certificate *certificate, enum certificate_trust trust, const char *text)
{
    certificate->trust = (uint8_t)trust;
    snprintf(certificate->trust_fault, CERTIFICATE_FAULT_SIZE, "%s", text);
}

static void trust_set(struct certificate *certificate, int error)
{
    const char *text = X509_verify_cert_error_string(error);
    uint32_t unread = certificate->flags & (CERTIFICATE_CHAIN_CUT | CERTIFICATE_LAST_UNREAD);
    switch (error) {
    case X509_V_OK:
        certificate->trust = CERTIFICATE_TRUST_ANCHORED;
        break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        fault_set(certificate, CERTIFICATE_TRUST_SELF_SIGNED, text);
        break;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        fault_set(certificate, CERTIFICATE_TRUST_FOREIGN, text);
        break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        fault_set(certificate, unread ? CERTIFICATE_TRUST_UNKNOWN : CERTIFICATE_TRUST_INCOMPLETE, text);
        break;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_INVALID_NON_CA:
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
    case X509_V_ERR_PERMITTED_VIOLATION:
    case X509_V_ERR_EXCLUDED_VIOLATION:
        fault_set(certificate, CERTIFICATE_TRUST_BROKEN, text);
        break;
    default:
        fault_set(certificate, CERTIFICATE_TRUST_UNKNOWN, text);
        break;
    }
}

/* A revocation is for good, however old the list (RFC 5280 5.3.1), unless it is a hold. */
static int64_t revocation_end(const X509_CRL *list, const X509_REVOKED *entry)
{
    ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);
    bool hold = reason && ASN1_ENUMERATED_get(reason) == CRL_REASON_CERTIFICATE_HOLD;
    ASN1_ENUMERATED_free(reason);
    return hold ? certificate_seconds(X509_CRL_get0_nextUpdate(list), INT64_MIN) : INT64_MAX;
}

/* What one list says of one certificate of the path; true: it is revoked, which ends the search. */
static bool list_ask(X509_CRL *list, X509 *subject, bool leaf, struct certificate *certificate)
{
    X509_REVOKED *entry = NULL;
    if (X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_issuer_name(subject)) != 0)
        return false;
    if (X509_CRL_get0_by_cert(list, &entry, subject) == 1) {
        certificate->revocation = CERTIFICATE_REVOCATION_REVOKED;
        certificate->revocation_after_s = revocation_end(list, entry);
        return true;
    }
    int64_t after = certificate_seconds(X509_CRL_get0_nextUpdate(list), INT64_MIN);
    if (after < certificate->revocation_after_s)
        certificate->revocation_after_s = after;
    if (leaf)
        certificate->revocation = CERTIFICATE_REVOCATION_GOOD;
    return false;
}

static void revocation_read(const struct trust_zone *zone, STACK_OF(X509) * path, struct certificate *certificate)
{
    int links = sk_X509_num(path) - 1; /* an anchor is trusted as it is */
    certificate->revocation_after_s = INT64_MAX;
    for (int link = 0; link < links; link++)
        for (int i = 0; i < sk_X509_CRL_num(zone->lists); i++)
            if (list_ask(sk_X509_CRL_value(zone->lists, i), sk_X509_value(path, link), link == 0, certificate))
                return;
}

static void path_read(const struct certificate_trust_store *store, const struct trust_zone *zone, STACK_OF(X509) * path,
                      struct certificate *certificate, X509 **issuer_out)
{
    X509 *issuer = sk_X509_num(path) > 1 ? sk_X509_value(path, 1) : NULL;
    if (issuer && X509_up_ref(issuer) == 1)
        *issuer_out = issuer;
    X509 *anchor = sk_X509_value(path, sk_X509_num(path) - 1);
    for (int i = 0; i < sk_X509_num(path); i++) {
        uint8_t digest[EVP_MAX_MD_SIZE];
        if (X509_digest(sk_X509_value(path, i), EVP_sha256(), digest, NULL) == 1 &&
            certificate_trust_lists(store, digest))
            certificate->flags |= CERTIFICATE_LISTED;
    }
    for (int i = 0; i < sk_X509_num(zone->public_anchors); i++)
        if (X509_cmp(sk_X509_value(zone->public_anchors, i), anchor) == 0)
            certificate->flags |= CERTIFICATE_ANCHOR_PUBLIC;
    revocation_read(zone, path, certificate);
}

static void chain_verify(const struct certificate_trust_store *store, const struct trust_zone *zone, X509 *leaf,
                         STACK_OF(X509) * others, struct certificate *certificate, X509 **issuer_out)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    if (context && X509_STORE_CTX_init(context, zone->store, leaf, others) == 1) {
        X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(context);
        X509_VERIFY_PARAM_set_depth(parameters, CERTIFICATE_CHAIN_MAX);
        X509_VERIFY_PARAM_set_auth_level(parameters, 0);
        int verified = X509_verify_cert(context);
        int error = X509_STORE_CTX_get_error(context);
        trust_set(certificate, verified == 1 ? X509_V_OK : error == X509_V_OK ? X509_V_ERR_UNSPECIFIED : error);
        if (certificate->trust == CERTIFICATE_TRUST_ANCHORED)
            path_read(store, zone, X509_STORE_CTX_get0_chain(context), certificate, issuer_out);
    }
    X509_STORE_CTX_free(context);
}

/* The issuers that were sent. False: one has a key with which checking would take too long. */
static bool others_read(const struct certificate_trust_store *store, const struct certificate_chain *chain,
                        STACK_OF(X509) * others, struct certificate *certificate)
{
    bool checkable = true;
    for (uint32_t i = 1; i < chain->count; i++) {
        enum certificate_key key;
        uint8_t digest[CERTIFICATE_DIGEST_SIZE];
        struct span der = chain->certificates[i];
        X509 *other = der.size <= CERTIFICATE_DER_MAX ? certificate_decode(der) : NULL;
        if (!other || sk_X509_push(others, other) <= 0) {
            certificate->flags |= CERTIFICATE_LAST_UNREAD;
            X509_free(other);
            continue;
        }
        certificate_link_read(other, certificate);
        certificate_digest(der, digest);
        if (certificate_trust_lists(store, digest))
            certificate->flags |= CERTIFICATE_LISTED;
        checkable &= certificate_key_read(other, &key) <= CERTIFICATE_KEY_BITS_MAX;
    }
    return checkable;
}

bool certificate_read(const struct certificate_trust_store *store, uint32_t zone, const struct certificate_chain *chain,
                      struct certificate *certificate_out, struct x509_st **issuer_out)
{
    struct certificate *certificate = certificate_out;
    const struct trust_zone *anchors = trust_zone_at(store, zone);
    *issuer_out = NULL;
    memset(certificate, 0, sizeof(*certificate));
    certificate->chain_before_s = INT64_MIN;
    certificate->chain_after_s = INT64_MAX;
    certificate->count = (uint8_t)chain->count;
    struct span der = chain->count ? chain->certificates[0] : (struct span){0};
    X509 *leaf = der.size && der.size <= CERTIFICATE_DER_MAX ? certificate_decode(der) : NULL;
    STACK_OF(X509) *others = leaf ? sk_X509_new_null() : NULL;
    if (!others) {
        X509_free(leaf);
        ERR_clear_error();
        return false;
    }
    certificate_digest(der, certificate->digest);
    certificate->flags |= chain->cut ? CERTIFICATE_CHAIN_CUT : 0u;
    certificate->flags |= store && store->inventory ? CERTIFICATE_INVENTORY : 0u;
    certificate_leaf_read(leaf, certificate);
    certificate_link_read(leaf, certificate);
    if (store && certificate_trust_lists(store, certificate->digest))
        certificate->flags |= CERTIFICATE_LISTED;
    static const struct certificate_trust_store empty;
    bool checkable = others_read(store ? store : &empty, chain, others, certificate);
    checkable &= certificate->key_bits <= CERTIFICATE_KEY_BITS_MAX;
    if (anchors && checkable)
        chain_verify(store, anchors, leaf, others, certificate, issuer_out);
    else if (anchors)
        fault_set(certificate, CERTIFICATE_TRUST_UNKNOWN, "a key of the chain is too large to check with");
    sk_X509_pop_free(others, X509_free);
    X509_free(leaf);
    ERR_clear_error();
    return true;
}

void certificate_issuer_free(struct x509_st *issuer)
{
    X509_free(issuer);
}
