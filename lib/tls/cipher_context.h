/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Cipher contexts
 *
 * OpenSSL's contexts, all made at start. A context stays keyed for the direction that used it last, so a busy
 * connection pays for its key once; when all of a kind are taken the next in turn is keyed anew, which allocates
 * nothing.
 *
 * Memory:  OpenSSL's heap, in cipher_contexts_new() only.
 * Threads: one owner.
 * Errors:  a cipher libcrypto does not have leaves its kind without contexts; see tls_cipher_contexts_have().
 * Source:  NIST SP 800-38A (CBC), 800-38C (CCM), 800-38D (GCM), RFC 8439.
 */

#include "base/span.h"
#include "tls/cipher_suite.h"

#define TLS_KEY_SIZE_MAX  32u
#define TLS_NONCE_SIZE    12u
#define TLS_AAD_SIZE_MAX  13u
#define TLS_RARE_CONTEXTS 4u /* of suites hardly anybody uses: keyed anew more often */

struct tls_cipher_contexts;

struct tls_cipher_key {
    uint64_t serial; /* unique to this key; 0: none. Finds the context that is keyed with it. */
    uint32_t slot;   /* where it was seen last */
    enum tls_open_kind kind;
    uint8_t bytes[TLS_KEY_SIZE_MAX];
};

struct tls_aead_input {
    uint8_t nonce[TLS_NONCE_SIZE];
    struct span aad;
    struct span ciphertext; /* without tag */
    const uint8_t *tag;
};

/* `frequent`: contexts of each of AES-GCM and ChaCha20-Poly1305. Returns 0, -ENOMEM or -ENOTSUP (no AES-GCM at all). */
MUST_USE int tls_cipher_contexts_new(struct tls_cipher_contexts **contexts_out, uint32_t frequent);
/* Freed contexts are wiped by OpenSSL. */
void tls_cipher_contexts_free(struct tls_cipher_contexts *contexts);

bool tls_cipher_contexts_have(const struct tls_cipher_contexts *contexts, enum tls_open_kind kind);

/* A serial for a new key. */
uint64_t tls_cipher_serial(struct tls_cipher_contexts *contexts);

/* The key is not needed any more: wiped where it was loaded, and here. */
void tls_cipher_forget(struct tls_cipher_contexts *contexts, struct tls_cipher_key *key);

/* True: `out` holds as many bytes as the ciphertext, and the tag proved them. Otherwise `out` is worthless. */
bool tls_aead_open(struct tls_cipher_contexts *contexts, struct tls_cipher_key *key, const struct tls_aead_input *input,
                   uint8_t *out);

/* Whole blocks; padding is left in place. */
bool tls_cbc_decrypt(struct tls_cipher_contexts *contexts, struct tls_cipher_key *key, const uint8_t *iv,
                     struct span ciphertext, uint8_t *out);

/* RC4 is a stream: its state belongs to the direction, not to a shared context. */
struct tls_rc4 {
    uint8_t table[256];
    uint8_t i, j;
};

void tls_rc4_init(struct tls_rc4 *rc4, struct span key);
void tls_rc4_decrypt(struct tls_rc4 *rc4, struct span ciphertext, uint8_t *out);
