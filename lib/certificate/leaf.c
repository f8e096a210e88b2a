/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reading one certificate: OpenSSL takes the DER apart, and what the rules ask about is copied out into a fixed size.
 * Texts that somebody else wrote go through OpenSSL's escapes, or are kept as bytes.
 */

#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_Init: a state of fixed size, which EVP would take from the heap */

#include "certificate/leaf.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "base/hex.h"
#include "certificate/spiffe.h"

#define RSA_BITS_MIN    2048u /* NIST SP 800-131A, CA/Browser Forum 6.1.5 */
#define EC_BITS_MIN     256u
#define STATUS_REQUEST  5 /* RFC 7633: the TLS extension that must be answered */
#define SECONDS_PER_DAY 86400

void certificate_digest(struct span der, uint8_t digest_out[CERTIFICATE_DIGEST_SIZE])
{
    SHA256_CTX state;
    SHA256_Init(&state);
    SHA256_Update(&state, der.data, der.size);
    SHA256_Final(digest_out, &state);
}

void certificate_chain_digest(const struct certificate_chain *chain, uint8_t digest_out[CERTIFICATE_DIGEST_SIZE])
{
    SHA256_CTX state;
    SHA256_Init(&state);
    for (uint32_t i = 0; i < chain->count; i++) {
        SHA256_Update(&state, &chain->certificates[i].size, sizeof(chain->certificates[i].size));
        SHA256_Update(&state, chain->certificates[i].data, chain->certificates[i].size);
    }
    SHA256_Final(digest_out, &state);
}

X509 *certificate_decode(struct span der)
{
    const unsigned char *at = der.data;
    X509 *certificate = d2i_X509(NULL, &at, (long)der.size);
    if (certificate && at != der.data + der.size) {
        X509_free(certificate);
        certificate = NULL;
    }
    return certificate;
}

int64_t certificate_seconds(const ASN1_TIME *time, int64_t fallback)
{
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days = 0, seconds = 0;
    bool known = epoch && time && ASN1_TIME_diff(&days, &seconds, epoch, time) == 1;
    ASN1_TIME_free(epoch);
    return known ? (int64_t)days * SECONDS_PER_DAY + seconds : fallback;
}

/* ----------------------------------------------------------------- subject and names */

static uint16_t distinguished_name_read(const X509_NAME *name, char *text, uint32_t size, uint32_t *flags)
{
    BIO *memory = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    long length = 0;
    if (memory && X509_NAME_print_ex(memory, name, 0, XN_FLAG_RFC2253) >= 0)
        length = BIO_get_mem_data(memory, &bytes);
    if (length > (long)size) {
        length = (long)size;
        *flags |= CERTIFICATE_CUT;
    }
    if (length > 0)
        memcpy(text, bytes, (size_t)length);
    BIO_free(memory);
    return length > 0 ? (uint16_t)length : 0;
}

static void serial_read(X509 *leaf, struct certificate *certificate)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(leaf);
    uint32_t size = min_u32((uint32_t)ASN1_STRING_length(serial), CERTIFICATE_SERIAL_SIZE / 2);
    const unsigned char *bytes = ASN1_STRING_get0_data(serial);
    hex_write(bytes, size, certificate->serial);
    certificate->serial_size = (uint16_t)(2 * size);
}

static bool name_keep(struct certificate *certificate, enum certificate_name_kind kind, struct span text)
{
    if (certificate->name_count == CERTIFICATE_NAMES_MAX ||
        text.size > CERTIFICATE_NAMES_SIZE - (uint32_t)certificate->text_used) {
        certificate->flags |= CERTIFICATE_CUT;
        return false;
    }
    certificate->names[certificate->name_count++] =
        (struct certificate_name){certificate->text_used, (uint16_t)text.size, (uint8_t)kind};
    if (text.size)
        memcpy(certificate->names_text + certificate->text_used, text.data, text.size);
    certificate->text_used = (uint16_t)(certificate->text_used + text.size);
    return true;
}

static void name_read(const GENERAL_NAME *name, struct certificate *certificate)
{
    static const struct {
        int type;
        enum certificate_name_kind kind;
    } kinds[] = {{GEN_DNS, CERTIFICATE_NAME_DNS},
                 {GEN_IPADD, CERTIFICATE_NAME_ADDRESS},
                 {GEN_URI, CERTIFICATE_NAME_URI},
                 {GEN_EMAIL, CERTIFICATE_NAME_MAIL}};
    int type;
    const ASN1_STRING *string = GENERAL_NAME_get0_value(name, &type);
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        if (kinds[i].type != type)
            continue;
        struct span text = span_of(ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
        bool uri = type == GEN_URI, spiffe = uri && spiffe_id_is(text);
        certificate->uri_count = (uint16_t)(certificate->uri_count + uri);
        if (type == GEN_DNS && text.size > 1 && text.data[0] == '*')
            certificate->flags |= CERTIFICATE_WILDCARD;
        bool first = spiffe && !(certificate->flags & CERTIFICATE_SVID);
        if (name_keep(certificate, kinds[i].kind, text) && first) {
            certificate->flags |= CERTIFICATE_SVID;
            certificate->identity = (uint16_t)(certificate->name_count - 1);
        }
    }
}

static void names_read(X509 *leaf, struct certificate *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    if (!names)
        return;
    certificate->flags |= CERTIFICATE_ALTERNATIVE_NAMES;
    int count = sk_GENERAL_NAME_num(names);
    certificate->names_sent = (uint16_t)min_u32((uint32_t)count, UINT16_MAX);
    for (int i = 0; i < count; i++)
        name_read(sk_GENERAL_NAME_value(names, i), certificate);
    GENERAL_NAMES_free(names);
}

/* -------------------------------------------------------------------------- uses */

static bool staple_is_promised(X509 *leaf)
{
    STACK_OF(ASN1_INTEGER) *features = X509_get_ext_d2i(leaf, NID_tlsfeature, NULL, NULL);
    bool promised = false;
    for (int i = 0; features && i < sk_ASN1_INTEGER_num(features); i++)
        promised |= ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == STATUS_REQUEST;
    sk_ASN1_INTEGER_pop_free(features, ASN1_INTEGER_free);
    return promised;
}

static void uses_read(X509 *leaf, struct certificate *certificate)
{
    uint32_t *flags = &certificate->flags;
    uint32_t known = X509_get_extension_flags(leaf);
    if (known & EXFLAG_CA)
        *flags |= CERTIFICATE_AUTHORITY;
    if (known & EXFLAG_KUSAGE) {
        int at = X509_get_ext_by_NID(leaf, NID_key_usage, -1);
        *flags |= CERTIFICATE_KEY_USAGE;
        certificate->key_usage = (uint16_t)X509_get_key_usage(leaf);
        if (at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(leaf, at)))
            *flags |= CERTIFICATE_KEY_USAGE_CRITICAL;
    }
    if (known & EXFLAG_XKUSAGE) {
        uint32_t uses = X509_get_extended_key_usage(leaf);
        *flags |= CERTIFICATE_EXTENDED_USAGE;
        *flags |= uses & XKU_ANYEKU ? CERTIFICATE_ANY_USAGE | CERTIFICATE_SERVER_USAGE | CERTIFICATE_CLIENT_USAGE : 0u;
        *flags |= uses & XKU_SSL_SERVER ? CERTIFICATE_SERVER_USAGE : 0u;
        *flags |= uses & XKU_SSL_CLIENT ? CERTIFICATE_CLIENT_USAGE : 0u;
    }
    if (staple_is_promised(leaf))
        *flags |= CERTIFICATE_MUST_STAPLE;
    if (X509_NAME_cmp(X509_get_subject_name(leaf), X509_get_issuer_name(leaf)) == 0)
        *flags |= CERTIFICATE_SELF_ISSUED;
}

void certificate_leaf_read(X509 *leaf, struct certificate *certificate)
{
    enum certificate_key key;
    certificate->subject_size = distinguished_name_read(X509_get_subject_name(leaf), certificate->subject,
                                                        CERTIFICATE_SUBJECT_SIZE, &certificate->flags);
    certificate->issuer_size = distinguished_name_read(X509_get_issuer_name(leaf), certificate->issuer,
                                                       CERTIFICATE_SUBJECT_SIZE, &certificate->flags);
    serial_read(leaf, certificate);
    certificate->not_before_s = certificate_seconds(X509_get0_notBefore(leaf), INT64_MIN);
    certificate->not_after_s = certificate_seconds(X509_get0_notAfter(leaf), INT64_MAX);
    certificate->key_bits = (uint16_t)min_u32(certificate_key_read(leaf, &key), UINT16_MAX);
    certificate->key = (uint8_t)key;
    names_read(leaf, certificate);
    uses_read(leaf, certificate);
}

/* ---------------------------------------------------------------------- strength */

uint32_t certificate_key_read(X509 *link, enum certificate_key *key_out)
{
    EVP_PKEY *key = X509_get0_pubkey(link);
    *key_out = CERTIFICATE_KEY_OTHER;
    if (!key)
        return 0;
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
        *key_out = CERTIFICATE_KEY_RSA;
        break;
    case EVP_PKEY_EC:
        *key_out = CERTIFICATE_KEY_EC;
        break;
    case EVP_PKEY_ED25519:
    case EVP_PKEY_ED448:
        *key_out = CERTIFICATE_KEY_EDWARDS;
        break;
    case EVP_PKEY_DSA:
        *key_out = CERTIFICATE_KEY_DSA;
        break;
    default:
        break;
    }
    int bits = EVP_PKEY_get_bits(key);
    return bits > 0 ? (uint32_t)bits : 0;
}

static void strength_read(X509 *link, struct certificate *certificate)
{
    enum certificate_key key;
    uint32_t bits = certificate_key_read(link, &key);
    char *fault = certificate->strength_fault;
    if (fault[0])
        return;
    if (key == CERTIFICATE_KEY_RSA && bits && bits < RSA_BITS_MIN)
        snprintf(fault, CERTIFICATE_FAULT_SIZE, "RSA key of %u bits", bits);
    if (key == CERTIFICATE_KEY_DSA && bits && bits < RSA_BITS_MIN)
        snprintf(fault, CERTIFICATE_FAULT_SIZE, "DSA key of %u bits", bits);
    if (key == CERTIFICATE_KEY_EC && bits && bits < EC_BITS_MIN)
        snprintf(fault, CERTIFICATE_FAULT_SIZE, "EC key of %u bits", bits);
    /* Nobody relies on the signature of a root: it is trusted for being known (RFC 5280 6.1). */
    if (fault[0] || X509_NAME_cmp(X509_get_subject_name(link), X509_get_issuer_name(link)) == 0)
        return;
    int digest = NID_undef;
    if (X509_get_signature_info(link, &digest, NULL, NULL, NULL) != 1)
        return;
    if (digest == NID_md2 || digest == NID_md4 || digest == NID_md5 || digest == NID_sha1)
        snprintf(fault, CERTIFICATE_FAULT_SIZE, "signature with %s", OBJ_nid2ln(digest));
}

void certificate_link_read(X509 *link, struct certificate *certificate)
{
    int64_t before = certificate_seconds(X509_get0_notBefore(link), INT64_MIN);
    int64_t after = certificate_seconds(X509_get0_notAfter(link), INT64_MAX);
    if (before > certificate->chain_before_s)
        certificate->chain_before_s = before;
    if (after < certificate->chain_after_s)
        certificate->chain_after_s = after;
    strength_read(link, certificate);
}
