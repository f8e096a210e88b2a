/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What opening the records of a cipher suite takes: cipher, MAC, hash of the key schedule.
 *
 * Limits:  suites with single DES, export keys, RC2, IDEA, SEED, GOST and SM4 are not opened; they are forbidden
 *          everywhere and no library still offers them.
 * Source:  the IANA registry "TLS Cipher Suites" and the RFCs it names.
 */

#include "tls/key_schedule.h"

enum tls_open_kind {
    TLS_OPEN_NONE,  /* of a suite that is not opened */
    TLS_OPEN_CLEAR, /* a MAC only */
    TLS_OPEN_RC4,
    TLS_OPEN_3DES_CBC,
    TLS_OPEN_AES128_CBC,
    TLS_OPEN_AES256_CBC,
    TLS_OPEN_CAMELLIA128_CBC,
    TLS_OPEN_CAMELLIA256_CBC,
    TLS_OPEN_ARIA128_CBC,
    TLS_OPEN_ARIA256_CBC,
    TLS_OPEN_AES128_GCM,
    TLS_OPEN_AES256_GCM,
    TLS_OPEN_CAMELLIA128_GCM,
    TLS_OPEN_CAMELLIA256_GCM,
    TLS_OPEN_ARIA128_GCM,
    TLS_OPEN_ARIA256_GCM,
    TLS_OPEN_AES128_CCM,
    TLS_OPEN_AES256_CCM,
    TLS_OPEN_AES128_CCM8,
    TLS_OPEN_AES256_CCM8,
    TLS_OPEN_CHACHA20_POLY1305,
    TLS_OPEN_KIND_COUNT
};

enum tls_cipher_form { TLS_FORM_STREAM, TLS_FORM_CBC, TLS_FORM_AEAD };

struct tls_record_cipher {
    uint8_t form; /* enum tls_cipher_form */
    uint8_t key_size;
    uint8_t block_size;    /* CBC */
    uint8_t fixed_iv_size; /* AEAD of TLS 1.2: bytes from the key block */
    uint8_t explicit_size; /* AEAD of TLS 1.2: nonce bytes in the record */
    uint8_t tag_size;      /* AEAD */
};

struct tls_suite_keys {
    enum tls_open_kind cipher;
    enum tls_hash mac; /* NONE: an AEAD */
    enum tls_hash prf; /* of TLS 1.2 and 1.3 */
    bool tls13;        /* usable there, and only there */
};

/* `cipher` is TLS_OPEN_NONE for suites that are not opened. */
struct tls_suite_keys tls_suite_keys_find(uint16_t id);

const struct tls_record_cipher *tls_cipher_find(enum tls_open_kind kind);
