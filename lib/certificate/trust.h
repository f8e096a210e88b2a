/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Trust
 *
 * What certificates are judged against: the anchors and revocation lists of each zone, and the inventory. Built on the
 * slow path with an epoch; a chain is then read with certificate_read().
 *
 * Memory:  OpenSSL's heap. certificate_read() allocates there too: the caller keeps what it says (certificate/cache.h)
 *          and bounds how often it asks, so that a connection that goes on costs nothing.
 * Threads: built by one thread, read by any number (OpenSSL counts references atomically).
 * Limits:  CERTIFICATE_CHAIN_MAX certificates of a chain, CERTIFICATE_DER_MAX bytes of one, keys to
 *          CERTIFICATE_KEY_BITS_MAX are verified with; beyond them the chain's trust is unknown. TRUST_FILE_MAX bytes
 *          of one file.
 * Errors:  -EINVAL with diagnostics: a file without certificates, a list that no anchor signed ...
 * Source:  RFC 5280 6.
 */

#include "base/diagnostics.h"
#include "certificate/certificate.h"

#define CERTIFICATE_DER_MAX      16384u      /* one certificate: with hundreds of names 10 KB */
#define CERTIFICATE_KEY_BITS_MAX 8192u       /* a check with a larger RSA key takes milliseconds */
#define TRUST_FILE_MAX           (64u << 20) /* a revocation list of a large public CA has 30 MB */
#define TRUST_ZONES_MAX          256u

struct certificate_trust_files {
    char *const *anchors; /* PEM: roots, and intermediates that count as roots */
    uint32_t anchors_count;
    char *const *public_anchors; /* roots of the public PKI, which has rules of its own */
    uint32_t public_anchors_count;
    char *const *revocation; /* CRLs, PEM or DER */
    uint32_t revocation_count;
    struct diagnostic_place place; /* of the zone, for messages */
};

struct certificate_trust_store;

MUST_USE int certificate_trust_new(struct certificate_trust_store **store_out);
void certificate_trust_free(struct certificate_trust_store *store);

/* The next zone, in their order. Zones without files need a call too. */
MUST_USE int certificate_trust_add(struct certificate_trust_store *store, const struct certificate_trust_files *files,
                                   struct diagnostics *diagnostics);

/*
 * The inventory: lines of a SHA-256 digest in hex (colons allowed) of a certificate or of one that issues them; "#"
 * begins a comment.
 */
MUST_USE int certificate_trust_inventory(struct certificate_trust_store *store, const char *path,
                                         struct diagnostics *diagnostics);

struct x509_st; /* OpenSSL's X509 */

/*
 * Judged against the zone's anchors; a zone that was not added has none. False: the leaf is no certificate. *issuer_out
 * is who signed the leaf where the chain leads to an anchor, for staples (certificate/staple.h), else NULL; it is given
 * back with certificate_issuer_free().
 */
bool certificate_read(const struct certificate_trust_store *store, uint32_t zone, const struct certificate_chain *chain,
                      struct certificate *certificate_out, struct x509_st **issuer_out);
void certificate_issuer_free(struct x509_st *issuer);
