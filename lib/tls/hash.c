/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Hashes
 *
 * OpenSSL's low-level hash calls, although deprecated: their states are plain structures that live on the stack, while
 * HMAC and the KDFs of EVP allocate and look algorithms up for each use, and this runs while packets wait.
 */

#define OPENSSL_SUPPRESS_DEPRECATED

#include "tls/hash.h"

#include <openssl/crypto.h>

#define BLOCK_SIZE_MAX SHA512_CBLOCK

void tls_hash_init(struct tls_hash_state *state, enum tls_hash hash)
{
    state->hash = hash;
    switch (hash) {
    case TLS_HASH_MD5:
        MD5_Init(&state->md5);
        break;
    case TLS_HASH_SHA1:
        SHA1_Init(&state->sha1);
        break;
    case TLS_HASH_SHA384:
        SHA384_Init(&state->sha512);
        break;
    default:
        require(hash == TLS_HASH_SHA256);
        SHA256_Init(&state->sha256);
    }
}

void tls_hash_update(struct tls_hash_state *state, struct span part)
{
    if (part.size == 0)
        return;
    switch (state->hash) {
    case TLS_HASH_MD5:
        MD5_Update(&state->md5, part.data, part.size);
        break;
    case TLS_HASH_SHA1:
        SHA1_Update(&state->sha1, part.data, part.size);
        break;
    case TLS_HASH_SHA384:
        SHA384_Update(&state->sha512, part.data, part.size);
        break;
    default:
        SHA256_Update(&state->sha256, part.data, part.size);
    }
}

void tls_hash_final(struct tls_hash_state *state, uint8_t digest_out[TLS_HASH_SIZE_MAX])
{
    switch (state->hash) {
    case TLS_HASH_MD5:
        MD5_Final(digest_out, &state->md5);
        break;
    case TLS_HASH_SHA1:
        SHA1_Final(digest_out, &state->sha1);
        break;
    case TLS_HASH_SHA384:
        SHA384_Final(digest_out, &state->sha512);
        break;
    default:
        SHA256_Final(digest_out, &state->sha256);
    }
}

uint32_t tls_hash_size(enum tls_hash hash)
{
    static const uint8_t sizes[(TLS_HASH_SHA384 + 1)] = {
        [TLS_HASH_MD5] = MD5_DIGEST_LENGTH,
        [TLS_HASH_SHA1] = SHA_DIGEST_LENGTH,
        [TLS_HASH_SHA256] = SHA256_DIGEST_LENGTH,
        [TLS_HASH_SHA384] = SHA384_DIGEST_LENGTH,
    };
    return hash <= TLS_HASH_SHA384 ? sizes[hash] : 0;
}

static uint32_t block_size(enum tls_hash hash)
{
    return hash == TLS_HASH_SHA384 ? SHA512_CBLOCK : SHA256_CBLOCK; /* MD5 and SHA-1 have blocks of 64 bytes too */
}

void tls_hash_parts(enum tls_hash hash, const struct span *parts, uint32_t count, uint8_t digest_out[TLS_HASH_SIZE_MAX])
{
    struct tls_hash_state state;
    tls_hash_init(&state, hash);
    for (uint32_t i = 0; i < count; i++)
        tls_hash_update(&state, parts[i]);
    tls_hash_final(&state, digest_out);
    OPENSSL_cleanse(&state, sizeof(state));
}

/* A state behind the key xor `pad`. */
static void state_init_keyed(struct tls_hash_state *state, enum tls_hash hash, struct span key, uint8_t pad)
{
    uint8_t block[BLOCK_SIZE_MAX] = {0}, digest[TLS_HASH_SIZE_MAX];
    uint32_t size = block_size(hash);
    if (key.size > size) {
        tls_hash_parts(hash, &key, 1, digest);
        memcpy(block, digest, tls_hash_size(hash));
    } else if (key.size) {
        memcpy(block, key.data, key.size);
    }
    for (uint32_t i = 0; i < size; i++)
        block[i] ^= pad;
    tls_hash_init(state, hash);
    tls_hash_update(state, span_of(block, size));
    OPENSSL_cleanse(block, sizeof(block));
    OPENSSL_cleanse(digest, sizeof(digest));
}

void tls_hmac_parts(enum tls_hash hash, struct span key, const struct span *parts, uint32_t count,
                    uint8_t digest_out[TLS_HASH_SIZE_MAX])
{
    struct tls_hash_state state;
    uint8_t inner[TLS_HASH_SIZE_MAX];
    state_init_keyed(&state, hash, key, 0x36);
    for (uint32_t i = 0; i < count; i++)
        tls_hash_update(&state, parts[i]);
    tls_hash_final(&state, inner);
    state_init_keyed(&state, hash, key, 0x5c);
    tls_hash_update(&state, span_of(inner, tls_hash_size(hash)));
    tls_hash_final(&state, digest_out);
    OPENSSL_cleanse(&state, sizeof(state));
    OPENSSL_cleanse(inner, sizeof(inner));
}
