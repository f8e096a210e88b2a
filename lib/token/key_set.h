/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Key set
 *
 * The public keys of an issuer, from a JWKS file (RFC 7517 section 5). Keys of other kinds, and secret ones (kty
 * "oct"), are no keys for verifying and are left out with a warning.
 *
 * Memory:  heap, slow path only; key_set_free().
 * Threads: immutable once read.
 * Limits:  KEY_SET_FILE_MAX, KEY_SET_KEYS_MAX.
 * Errors:  -EINVAL with file, line and column of every mistake, or -errno of reading the file.
 * Source:  RFC 7517, RFC 7518 section 6 (RSA, EC), RFC 8037 section 2 (Ed25519).
 */

#include <openssl/evp.h>

#include "base/diagnostics.h"
#include "token/token.h"

#define KEY_SET_FILE_MAX   (256u << 10) /* a set of 100 keys with certificates has 150 KB */
#define KEY_SET_KEYS_MAX   128u         /* issuers publish below ten */
#define KEY_SET_ID_MAX     255u         /* a thumbprint has 43 */
#define KEY_SET_RSA_MIN    2048u        /* bits (RFC 7518 section 3.3) */
#define KEY_SET_BINARY_MAX 1024u        /* a modulus of 8192 bits */

enum key_kind { KEY_RSA, KEY_P256, KEY_P384, KEY_P521, KEY_ED25519 };

struct key {
    EVP_PKEY *public_key;
    enum key_kind kind;
    uint8_t algorithm; /* enum token_algorithm the key is kept for; TOKEN_ALGORITHM_OTHER: any of its kind */
    uint8_t id_size;   /* 0: no kid */
    char id[KEY_SET_ID_MAX + 1];
};

struct key_set {
    uint32_t count;
    struct key keys[KEY_SET_KEYS_MAX];
};

MUST_USE int key_set_load(const char *path, struct diagnostics *diagnostics, struct key_set **set_out);

/* `name` stands for the file in messages. */
MUST_USE int key_set_load_text(const char *name, const void *text, size_t size, struct diagnostics *diagnostics,
                               struct key_set **set_out);
void key_set_free(struct key_set *set);

/* The key can check signatures of that algorithm. */
bool key_fits(const struct key *key, enum token_algorithm algorithm);
