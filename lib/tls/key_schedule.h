/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Key schedule
 *
 * From the secrets of a connection to the keys of its records: the PRF of TLS 1.0 to 1.2, the derivation of SSL 3.0,
 * and HKDF-Expand-Label of TLS 1.3.
 *
 * Memory:  the caller's and the stack; everything on the stack is wiped.
 * Threads: any.
 * Source:  RFC 5869 (HKDF), 2246 5 and 5246 5 (PRF), 6101 6.2 (SSL 3.0), 7627 (extended master secret),
 *          8446 7.1 to 7.3.
 */

#include "tls/hash.h"

#define TLS_MASTER_SIZE     48u  /* RFC 5246 8.1 */
#define TLS_KEY_BLOCK_MAX   192u /* 2 * (48 of a MAC + 32 of a key + 16 of an IV): no cipher and hash take more */
#define TLS_EXPAND_INFO_MAX 128u /* RFC 8446 7.1: 2 + 1 + 6 + 12 of the longest label used + 1 + 48 of a hash */

/* 0x0300 SSL 3.0 ... 0x0304 TLS 1.3 */
enum tls_protocol_version {
    TLS_VERSION_SSL3 = 0x0300,
    TLS_VERSION_1_0 = 0x0301,
    TLS_VERSION_1_1 = 0x0302,
    TLS_VERSION_1_2 = 0x0303,
    TLS_VERSION_1_3 = 0x0304,
};

/* P_hash (RFC 5246 5) of label and seed; TLS_HASH_NULL: MD5 and SHA-1 together as before TLS 1.2 (RFC 2246 5). */
void tls_prf(enum tls_hash hash, struct span secret, struct span label, struct span seed, uint8_t *out, uint32_t size);

/* SSL 3.0 (RFC 6101 6.1, 6.2.2): up to 16 blocks of MD5. */
void tls_ssl3_expand(struct span secret, struct span seed, uint8_t *out, uint32_t size);

/* HKDF-Expand-Label of RFC 8446 7.1; up to one block of the hash. */
void tls_expand_label(enum tls_hash hash, struct span secret, struct span label, struct span context, uint8_t *out,
                      uint32_t size);

struct tls_master_input {
    uint16_t version;
    enum tls_hash hash; /* of the suite; ignored before TLS 1.2 */
    struct span premaster;
    struct span client_random, server_random;
    struct span session_hash; /* not empty: extended master secret */
};

/* Master secret from a premaster secret. */
void tls_master_secret(const struct tls_master_input *input, uint8_t master_out[TLS_MASTER_SIZE]);

/* The key block: client and server MAC secrets, keys, IVs, in this order (RFC 5246 6.3). */
void tls_key_block(const struct tls_master_input *randoms, struct span master, uint8_t *out, uint32_t size);
