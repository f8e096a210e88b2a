/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reading one certificate with OpenSSL. Private to the module.
 */

#include <openssl/x509.h>

#include "certificate/certificate.h"

/* SHA-256 of a DER. */
void certificate_digest(struct span der, uint8_t digest_out[CERTIFICATE_DIGEST_SIZE]);

/* Of all of a chain, with their sizes, so that no two chains are the same bytes. */
void certificate_chain_digest(const struct certificate_chain *chain, uint8_t digest_out[CERTIFICATE_DIGEST_SIZE]);

/* NULL: it is none, or has bytes behind its end. */
X509 *certificate_decode(struct span der);

/* What a leaf says: everything of struct certificate that is about the leaf alone. */
void certificate_leaf_read(X509 *leaf, struct certificate *certificate);

/* Dates and strength of any certificate of the chain: the chain is as good as its weakest. */
void certificate_link_read(X509 *link, struct certificate *certificate);

/* Bits of the key; 0: OpenSSL cannot read it. */
uint32_t certificate_key_read(X509 *link, enum certificate_key *key_out);

/* Seconds of Unix time; `fallback` where it cannot be read. */
int64_t certificate_seconds(const ASN1_TIME *time, int64_t fallback);
