/* SPDX-License-Identifier: Apache-2.0 */

/* Trust: anchors, revocation lists and the inventory are read from their files; trust_chain.c judges by them. */

#include "certificate/trust.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "certificate/trust_store.h"

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
    if (!zone->store || !zone->anchors || !zone->public_anchors || !zone->lists)
        return -ENOMEM;
    /* Intermediates may be anchors, and packets have a clock of their own. */
    X509_STORE_set_flags(zone->store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
    return 0;
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

bool certificate_trust_lists(const struct certificate_trust_store *store, const uint8_t digest[CERTIFICATE_DIGEST_SIZE])
{
    return store->digest_count &&
           bsearch(digest, store->digests, store->digest_count, sizeof(*store->digests), digest_order) != NULL;
}
