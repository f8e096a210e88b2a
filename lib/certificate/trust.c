/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Trust: chains are built and their signatures checked by OpenSSL, without its clock (packets have their own), without
 * its opinion on strength and uses (rules judge those), and without the system's certificates.
 */

#include "certificate/trust.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "certificate/leaf.h"

struct trust_zone {
    X509_STORE *store; /* NULL: no anchors */
    STACK_OF(X509) * anchors, *public_anchors;
    STACK_OF(X509_CRL) * lists;
};

struct certificate_trust_store {
    uint32_t zone_count;
    uint32_t digest_count, digest_capacity;
    uint8_t (*digests)[CERTIFICATE_DIGEST_SIZE]; /* the inventory, sorted */
    bool inventory;
    struct trust_zone zones[TRUST_ZONES_MAX];
};

/* ------------------------------------------------------------------------- files */

int certificate_trust_new(struct certificate_trust_store **store_out)
{
    *store_out = calloc(1, sizeof(**store_out));
    return *store_out ? 0 : -ENOMEM;
}

void certificate_trust_free(struct certificate_trust_store *store)
{
    if (!store)
        return;
    for (uint32_t i = 0; i < store->zone_count; i++) {
        struct trust_zone *zone = &store->zones[i];
        X509_STORE_free(zone->store);
        sk_X509_pop_free(zone->anchors, X509_free);
        sk_X509_pop_free(zone->public_anchors, X509_free);
        sk_X509_CRL_pop_free(zone->lists, X509_CRL_free);
    }
    free(store->digests);
    free(store);
}

static BIO *file_open(const char *path, const struct diagnostic_place *place, struct diagnostics *diagnostics)
{
    struct stat file;
    BIO *bio = NULL;
    if (stat(path, &file) == 0 && S_ISREG(file.st_mode) && file.st_size <= (off_t)TRUST_FILE_MAX)
        bio = BIO_new_file(path, "rb");
    if (!bio)
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, place,
                        "%s cannot be read as a file of up to %u MiB; correct its path", path, TRUST_FILE_MAX >> 20);
    return bio;
}

static int anchors_load(struct trust_zone *zone, const char *path, STACK_OF(X509) * list,
                        const struct diagnostic_place *place, struct diagnostics *diagnostics)
{
    BIO *bio = file_open(path, place, diagnostics);
    if (!bio)
        return -EINVAL;
    int count = 0, result = 0;
    for (X509 *anchor; result == 0 && (anchor = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL; count++) {
        if (X509_STORE_add_cert(zone->store, anchor) != 1 || sk_X509_push(list, anchor) <= 0) {
            X509_free(anchor);
            result = -ENOMEM;
        }
    }
    BIO_free(bio);
    ERR_clear_error();
    if (result == 0 && count == 0) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, place, "%s holds no certificate; it must be in PEM", path);
        result = -EINVAL;
    }
    return result;
}

static bool list_is_signed(const struct trust_zone *zone, X509_CRL *list)
{
    STACK_OF(X509) *const all[] = {zone->anchors, zone->public_anchors};
    for (size_t a = 0; a < ARRAY_COUNT(all); a++)
        for (int i = 0; i < sk_X509_num(all[a]); i++) {
            X509 *anchor = sk_X509_value(all[a], i);
            if (X509_NAME_cmp(X509_get_subject_name(anchor), X509_CRL_get_issuer(list)) == 0 &&
                X509_CRL_verify(list, X509_get0_pubkey(anchor)) == 1)
                return true;
        }
    return false;
}

static int revocation_load(struct trust_zone *zone, const char *path, const struct diagnostic_place *place,
                           struct diagnostics *diagnostics)
{
    BIO *bio = file_open(path, place, diagnostics);
    if (!bio)
        return -EINVAL;
    X509_CRL *list = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
    if (!list && BIO_reset(bio) == 0)
        list = d2i_X509_CRL_bio(bio, NULL);
    BIO_free(bio);
    int result = 0;
    if (!list || !list_is_signed(zone, list)) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, place,
                        list ? "the revocation list %s is signed by none of the zone's trust; add its issuer there"
                             : "%s holds no revocation list, neither in PEM nor in DER",
                        path);
        result = -EINVAL;
    }
    if (result == 0 && sk_X509_CRL_push(zone->lists, list) > 0)
        list = NULL;
    X509_CRL_free(list);
    ERR_clear_error();
    return result;
}

static int zone_init(struct trust_zone *zone)
{
    zone->store = X509_STORE_new();
    zone->anchors = sk_X509_new_null();
    zone->public_anchors = sk_X509_new_null();
    zone->lists = sk_X509_CRL_new_null();
    return zone->store && zone->anchors && zone->public_anchors && zone->lists ? 0 : -ENOMEM;
}

int certificate_trust_add(struct certificate_trust_store *store, const struct certificate_trust_files *files,
                          struct diagnostics *diagnostics)
{
    if (store->zone_count == TRUST_ZONES_MAX)
        return -E2BIG;
    struct trust_zone *zone = &store->zones[store->zone_count++];
    if (files->anchors_count + files->public_anchors_count + files->revocation_count == 0)
        return 0;
    int result = zone_init(zone);
    if (result < 0)
        return result;
    for (uint32_t i = 0; i < files->anchors_count; i++) {
        int loaded = anchors_load(zone, files->anchors[i], zone->anchors, &files->place, diagnostics);
        result = result < 0 ? result : loaded;
    }
    for (uint32_t i = 0; i < files->public_anchors_count; i++) {
        int loaded = anchors_load(zone, files->public_anchors[i], zone->public_anchors, &files->place, diagnostics);
        result = result < 0 ? result : loaded;
    }
    for (uint32_t i = 0; i < files->revocation_count && result == 0; i++)
        result = revocation_load(zone, files->revocation[i], &files->place, diagnostics);
    return result;
}

/* --------------------------------------------------------------------- inventory */

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* 1: a digest, 0: an empty line or a comment, -1: neither. */
static int digest_parse(const char *line, uint8_t digest[CERTIFICATE_DIGEST_SIZE])
{
    uint32_t digits = 0;
    for (; *line && *line != '#'; line++) {
        int value = hex_value(*line);
        if (*line == ':' || *line == ' ' || *line == '\t' || *line == '\r' || *line == '\n')
            continue;
        if (value < 0 || digits == 2 * CERTIFICATE_DIGEST_SIZE)
            return -1;
        uint8_t before = digits % 2 ? digest[digits / 2] : 0;
        digest[digits / 2] = (uint8_t)(before << 4 | value);
        digits++;
    }
    return digits == 0 ? 0 : digits == 2 * CERTIFICATE_DIGEST_SIZE ? 1 : -1;
}

static int digest_order(const void *a, const void *b)
{
    return memcmp(a, b, CERTIFICATE_DIGEST_SIZE);
}

static int digest_add(struct certificate_trust_store *store, const uint8_t digest[CERTIFICATE_DIGEST_SIZE])
{
    if (store->digest_count == store->digest_capacity) {
        uint32_t capacity = store->digest_capacity ? 2 * store->digest_capacity : 64;
        void *grown = realloc(store->digests, capacity * sizeof(*store->digests));
        if (!grown)
            return -ENOMEM;
        store->digests = grown;
        store->digest_capacity = capacity;
    }
    memcpy(store->digests[store->digest_count++], digest, CERTIFICATE_DIGEST_SIZE);
    return 0;
}

int certificate_trust_inventory(struct certificate_trust_store *store, const char *path,
                                struct diagnostics *diagnostics)
{
    FILE *file = fopen(path, "re");
    struct diagnostic_place place = {.file = path};
    if (!file) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &place, "the inventory cannot be read: %s", strerror(errno));
        return -EINVAL;
    }
    char line[512]; /* a digest with colons has 95 letters; the rest is comment */
    int result = 0;
    while (result == 0 && fgets(line, sizeof(line), file)) {
        uint8_t digest[CERTIFICATE_DIGEST_SIZE] = {0};
        place.line++;
        int kind = digest_parse(line, digest);
        if (kind > 0)
            result = digest_add(store, digest);
        if (kind >= 0)
            continue;
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &place,
                        "a line is the SHA-256 digest of a certificate in hex, as `openssl x509 -fingerprint -sha256` "
                        "writes behind '='");
        result = -EINVAL;
    }
    fclose(file);
    if (store->digest_count)
        qsort(store->digests, store->digest_count, sizeof(*store->digests), digest_order);
    store->inventory = true;
    return result;
}

static bool inventory_has(const struct certificate_trust_store *store, const uint8_t digest[CERTIFICATE_DIGEST_SIZE])
{
    return store->digest_count &&
           bsearch(digest, store->digests, store->digest_count, sizeof(*store->digests), digest_order) != NULL;
}

/* ------------------------------------------------------------------------ chains */

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
                      struct certificate *certificate)
{
    X509 *anchor = sk_X509_value(path, sk_X509_num(path) - 1);
    for (int i = 0; i < sk_X509_num(path); i++) {
        uint8_t digest[EVP_MAX_MD_SIZE];
        if (X509_digest(sk_X509_value(path, i), EVP_sha256(), digest, NULL) == 1 && inventory_has(store, digest))
            certificate->flags |= CERTIFICATE_LISTED;
    }
    for (int i = 0; i < sk_X509_num(zone->public_anchors); i++)
        if (X509_cmp(sk_X509_value(zone->public_anchors, i), anchor) == 0)
            certificate->flags |= CERTIFICATE_ANCHOR_PUBLIC;
    revocation_read(zone, path, certificate);
}

static void chain_verify(const struct certificate_trust_store *store, const struct trust_zone *zone, X509 *leaf,
                         STACK_OF(X509) * others, struct certificate *certificate)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    if (context && X509_STORE_CTX_init(context, zone->store, leaf, others) == 1) {
        X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(context);
        X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
        X509_VERIFY_PARAM_set_depth(parameters, CERTIFICATE_CHAIN_MAX);
        X509_VERIFY_PARAM_set_auth_level(parameters, 0);
        int verified = X509_verify_cert(context);
        int error = X509_STORE_CTX_get_error(context);
        trust_set(certificate, verified == 1 ? X509_V_OK : error == X509_V_OK ? X509_V_ERR_UNSPECIFIED : error);
        if (certificate->trust == CERTIFICATE_TRUST_ANCHORED)
            path_read(store, zone, X509_STORE_CTX_get0_chain(context), certificate);
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
        if (inventory_has(store, digest))
            certificate->flags |= CERTIFICATE_LISTED;
        checkable &= certificate_key_read(other, &key) <= CERTIFICATE_KEY_BITS_MAX;
    }
    return checkable;
}

bool certificate_read(const struct certificate_trust_store *store, uint32_t zone, const struct certificate_chain *chain,
                      struct certificate *certificate_out)
{
    struct certificate *certificate = certificate_out;
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
    if (store && inventory_has(store, certificate->digest))
        certificate->flags |= CERTIFICATE_LISTED;
    static const struct certificate_trust_store empty;
    bool checkable = others_read(store ? store : &empty, chain, others, certificate);
    checkable &= certificate->key_bits <= CERTIFICATE_KEY_BITS_MAX;
    if (store && zone < store->zone_count && store->zones[zone].store) {
        if (checkable)
            chain_verify(store, &store->zones[zone], leaf, others, certificate);
        else
            fault_set(certificate, CERTIFICATE_TRUST_UNKNOWN, "a key of the chain is too large to check with");
    }
    sk_X509_pop_free(others, X509_free);
    X509_free(leaf);
    ERR_clear_error();
    return true;
}
