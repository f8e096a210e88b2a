/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What trust.c reads from files, and trust_chain.c and staple.c judge by. Private to the module.
 *
 * Memory:  OpenSSL's heap and the process's; certificate_trust_free().
 * Threads: immutable once built.
 */

#include <openssl/x509_vfy.h>

#include "certificate/trust.h"

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

/* Whether the inventory has this digest. */
bool certificate_trust_lists(const struct certificate_trust_store *store,
                             const uint8_t digest[CERTIFICATE_DIGEST_SIZE]);

/* The zone's anchors and lists; NULL: it has none. */
static inline const struct trust_zone *trust_zone_at(const struct certificate_trust_store *store, uint32_t zone)
{
    return store && zone < store->zone_count && store->zones[zone].store ? &store->zones[zone] : NULL;
}
