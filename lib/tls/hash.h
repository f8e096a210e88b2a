/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Hashes
 *
 * The digests of TLS, whole and step by step, and HMAC.
 *
 * Memory:  the caller's and the stack; everything on the stack is wiped.
 * Threads: any.
 * Source:  RFC 1321 (MD5), FIPS 180-4 (SHA), RFC 2104 (HMAC).
 */

#include <openssl/md5.h>
#include <openssl/sha.h>

#include "base/span.h"
#include "tls/suite.h"

#define TLS_HASH_SIZE_MAX    48u /* SHA-384 */
#define TLS_SESSION_HASH_MAX 48u /* of a handshake: SHA-384; before TLS 1.2 MD5 and SHA-1, 36 bytes */

struct tls_hash_state {
    enum tls_hash hash;
    union {
        MD5_CTX md5;
        SHA_CTX sha1;
        SHA256_CTX sha256;
        SHA512_CTX sha512;
    };
};

/* 0: a hash no suite opened here uses. */
uint32_t tls_hash_size(enum tls_hash hash);

/* Step by step. A state may be copied, and wiped when it held a secret. */
void tls_hash_init(struct tls_hash_state *state, enum tls_hash hash);
void tls_hash_update(struct tls_hash_state *state, struct span part);
void tls_hash_final(struct tls_hash_state *state, uint8_t digest_out[TLS_HASH_SIZE_MAX]);

/* The digest of up to a few parts, one behind the other. */
void tls_hash_parts(enum tls_hash hash, const struct span *parts, uint32_t count,
                    uint8_t digest_out[TLS_HASH_SIZE_MAX]);
void tls_hmac_parts(enum tls_hash hash, struct span key, const struct span *parts, uint32_t count,
                    uint8_t digest_out[TLS_HASH_SIZE_MAX]);
