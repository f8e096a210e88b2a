/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Keyed digest of a value
 *
 * OpenSSL's low-level SHA-256 calls, although deprecated: HMAC through EVP in OpenSSL 3.0 allocates and looks its
 * algorithm up for each value, several times the cost of the two compressions a short value needs when the states
 * behind both pads are kept.
 */

#define OPENSSL_SUPPRESS_DEPRECATED

#include "detect/digest.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <sys/random.h>

static_assert(sizeof(((SHA256_CTX *)0)->h) == sizeof(((struct digest_key *)0)->inner), "a state is eight words");

static void state_behind_pad(const uint8_t secret[DIGEST_KEY_SIZE], uint8_t pad, uint32_t state_out[8])
{
    uint8_t block[SHA256_CBLOCK];
    for (uint32_t i = 0; i < SHA256_CBLOCK; i++)
        block[i] = (uint8_t)((i < DIGEST_KEY_SIZE ? secret[i] : 0) ^ pad);
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, block, sizeof(block));
    memcpy(state_out, context.h, sizeof(context.h));
    OPENSSL_cleanse(block, sizeof(block));
    OPENSSL_cleanse(&context, sizeof(context));
}

/* Goes on behind one block. */
static void resume(SHA256_CTX *context, const uint32_t state[8])
{
    SHA256_Init(context);
    memcpy(context->h, state, sizeof(context->h));
    context->Nl = SHA256_CBLOCK * 8;
}

int digest_key_init_random(struct digest_key *key)
{
    uint8_t secret[DIGEST_KEY_SIZE];
    ssize_t size = getrandom(secret, sizeof(secret), 0);
    if (size != (ssize_t)sizeof(secret))
        return size < 0 ? -errno : -EIO;
    digest_key_init(key, secret);
    OPENSSL_cleanse(secret, sizeof(secret));
    return 0;
}

void digest_key_init(struct digest_key *key, const uint8_t secret[DIGEST_KEY_SIZE])
{
    state_behind_pad(secret, 0x36, key->inner);
    state_behind_pad(secret, 0x5c, key->outer);
}

void digest_key_deinit(struct digest_key *key)
{
    OPENSSL_cleanse(key, sizeof(*key));
}

void digest_value(const struct digest_key *key, struct span value, uint8_t digest_out[DIGEST_SIZE])
{
    uint8_t hash[SHA256_DIGEST_LENGTH];
    SHA256_CTX context;
    resume(&context, key->inner);
    SHA256_Update(&context, value.data, value.size);
    SHA256_Final(hash, &context);
    resume(&context, key->outer);
    SHA256_Update(&context, hash, sizeof(hash));
    SHA256_Final(hash, &context);
    memcpy(digest_out, hash, DIGEST_SIZE);
    OPENSSL_cleanse(hash, sizeof(hash));
    OPENSSL_cleanse(&context, sizeof(context));
}
