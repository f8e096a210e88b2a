/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * TLS names
 *
 * What the registered cipher suites, groups, signature schemes, versions and alerts are called and what they are worth.
 *
 * Memory:  constant tables.
 * Source:  IANA "Transport Layer Security (TLS) Parameters"; the approved suites of NIST SP 800-52r2 3.3.1.
 */

#include "base/base.h"

enum tls_key_exchange {
    TLS_KX_NULL,
    TLS_KX_RSA,
    TLS_KX_DH, /* static */
    TLS_KX_DHE,
    TLS_KX_ECDH, /* static */
    TLS_KX_ECDHE,
    TLS_KX_PSK,
    TLS_KX_DHE_PSK,
    TLS_KX_ECDHE_PSK,
    TLS_KX_RSA_PSK,
    TLS_KX_KRB5,
    TLS_KX_SRP,
    TLS_KX_GOST,
    TLS_KX_ECCPWD,
    TLS_KX_ANY, /* TLS 1.3: group and PSK decide, not the suite */
};

enum tls_authentication {
    TLS_AUTH_NULL, /* anonymous */
    TLS_AUTH_RSA,
    TLS_AUTH_DSS,
    TLS_AUTH_ECDSA,
    TLS_AUTH_PSK,
    TLS_AUTH_KRB5,
    TLS_AUTH_SRP, /* by password alone */
    TLS_AUTH_GOST,
    TLS_AUTH_ECCPWD,
    TLS_AUTH_ANY,
};

enum tls_cipher {
    TLS_CIPHER_NULL,
    TLS_CIPHER_RC2_40,
    TLS_CIPHER_RC4_40,
    TLS_CIPHER_RC4_56,
    TLS_CIPHER_RC4_128,
    TLS_CIPHER_DES40,
    TLS_CIPHER_DES,
    TLS_CIPHER_RC2_56,
    TLS_CIPHER_3DES,
    TLS_CIPHER_IDEA,
    TLS_CIPHER_SEED,
    TLS_CIPHER_AES_128,
    TLS_CIPHER_AES_256,
    TLS_CIPHER_CAMELLIA_128,
    TLS_CIPHER_CAMELLIA_256,
    TLS_CIPHER_ARIA_128,
    TLS_CIPHER_ARIA_256,
    TLS_CIPHER_CHACHA20,
    TLS_CIPHER_SM4,
    TLS_CIPHER_AEGIS_128L,
    TLS_CIPHER_AEGIS_256,
    TLS_CIPHER_GOST_28147,
    TLS_CIPHER_KUZNYECHIK,
    TLS_CIPHER_MAGMA,
    TLS_CIPHER_FORTEZZA,
};

enum tls_mode {
    TLS_MODE_NONE, /* NULL cipher */
    TLS_MODE_STREAM,
    TLS_MODE_CBC,
    TLS_MODE_GCM,
    TLS_MODE_CCM,
    TLS_MODE_CCM_8, /* CCM with a tag of 8 bytes */
    TLS_MODE_POLY1305,
    TLS_MODE_AEGIS,
    TLS_MODE_CNT,
    TLS_MODE_MGM,
};

/* Of the record MAC (not AEAD), and of PRF or HKDF. */
enum tls_hash {
    TLS_HASH_NULL,
    TLS_HASH_MD5,
    TLS_HASH_SHA1,
    TLS_HASH_SHA256,
    TLS_HASH_SHA384,
    TLS_HASH_SHA512,
    TLS_HASH_SM3,
    TLS_HASH_GOST
};

enum tls_suite_flag {
    TLS_SUITE_FORWARD_SECRET = 1u << 0,
    TLS_SUITE_AEAD = 1u << 1,
    TLS_SUITE_TLS13 = 1u << 2,
    TLS_SUITE_FIPS = 1u << 3,      /* on the list of NIST SP 800-52r2 */
    TLS_SUITE_NULL = 1u << 4,      /* no encryption */
    TLS_SUITE_ANONYMOUS = 1u << 5, /* nobody is authenticated */
    TLS_SUITE_EXPORT = 1u << 6,
    TLS_SUITE_RC4 = 1u << 7,
    TLS_SUITE_DES = 1u << 8, /* single DES, RC2 and other 56-bit ciphers too */
    TLS_SUITE_3DES = 1u << 9,
    TLS_SUITE_SIGNAL = 1u << 10, /* no suite: EMPTY_RENEGOTIATION_INFO_SCSV, FALLBACK_SCSV */
};

#define TLS_SUITE_WEAK                                                                                                 \
    (TLS_SUITE_NULL | TLS_SUITE_ANONYMOUS | TLS_SUITE_EXPORT | TLS_SUITE_RC4 | TLS_SUITE_DES | TLS_SUITE_3DES)

#define TLS_SUITE_RENEGOTIATION_SCSV 0x00ffu /* RFC 5746 3.3 */
#define TLS_SUITE_FALLBACK_SCSV      0x5600u /* RFC 7507 */

struct tls_suite {
    uint16_t id;
    uint8_t key_exchange;   /* enum tls_key_exchange */
    uint8_t authentication; /* enum tls_authentication */
    uint8_t cipher;         /* enum tls_cipher */
    uint8_t mode;           /* enum tls_mode */
    uint8_t mac;            /* enum tls_hash, of records; NULL with AEAD */
    uint8_t hash;           /* enum tls_hash, of the PRF of TLS 1.2 or the HKDF of TLS 1.3 */
    uint16_t flags;         /* enum tls_suite_flag */
    const char *name;       /* "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" */
};

/* NULL: not registered. */
const struct tls_suite *tls_suite_find(uint16_t id);

enum tls_group_kind { TLS_GROUP_CURVE, TLS_GROUP_FFDHE, TLS_GROUP_HYBRID, TLS_GROUP_ML_KEM, TLS_GROUP_EXPLICIT };

struct tls_group {
    uint16_t id;
    uint8_t kind;     /* enum tls_group_kind */
    uint16_t bits;    /* of field or modulus; of the classical part of a hybrid; of the parameter set of ML-KEM */
    const char *name; /* "secp256r1", "X25519MLKEM768" */
};

/*
 * On the lists of FIPS 140: P-256, P-384 and P-521, FFDHE from 2048 bits, ML-KEM (SP 800-56A r3 appendix D, FIPS 203),
 * and hybrids, which one approved part makes (SP 800-56C r2 2). X25519 and X448 alone are not.
 */
bool tls_group_is_approved(const struct tls_group *group);

const struct tls_group *tls_group_find(uint16_t id);

/* "rsa_pss_rsae_sha256"; NULL: not registered. */
const char *tls_signature_scheme_name(uint16_t id);

/* "SSLv2", "TLSv1.3", "DTLSv1.2" ...; NULL: none. */
const char *tls_version_name(uint16_t version);

/* "handshake_failure"; NULL: not registered. */
const char *tls_alert_name(uint8_t alert);

/* RFC 8701: values that mean nothing and keep receivers tolerant. */
static inline bool tls_is_grease(uint16_t value)
{
    return (value & 0x0f0f) == 0x0a0a && (value >> 8) == (value & 0xff);
}
