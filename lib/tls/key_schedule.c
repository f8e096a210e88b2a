/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Key schedule
 *
 * OpenSSL's low-level hash calls, although deprecated: their states are plain structures that live on the stack, while
 * HMAC and the KDFs of EVP allocate and look algorithms up for each use, and this runs while packets wait.
 */

#define OPENSSL_SUPPRESS_DEPRECATED

#include "tls/key_schedule.h"

#include <openssl/crypto.h>
#include <openssl/md5.h>
#include <openssl/sha.h>

#define BLOCK_SIZE_MAX SHA512_CBLOCK
#define SSL3_ROUNDS    16u /* "A" to sixteen times "P": 256 bytes, more than any key block */
#define PARTS_MAX      3u

struct state {
    enum tls_hash hash;
    union {
        MD5_CTX md5;
        SHA_CTX sha1;
        SHA256_CTX sha256;
        SHA512_CTX sha512;
    };
};

static void state_init(struct state *state, enum tls_hash hash)
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

static void state_update(struct state *state, struct span part)
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

static void state_final(struct state *state, uint8_t digest_out[TLS_HASH_SIZE_MAX])
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
    struct state state;
    state_init(&state, hash);
    for (uint32_t i = 0; i < count; i++)
        state_update(&state, parts[i]);
    state_final(&state, digest_out);
    OPENSSL_cleanse(&state, sizeof(state));
}

/* A state behind the key xor `pad`. */
static void state_init_keyed(struct state *state, enum tls_hash hash, struct span key, uint8_t pad)
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
    state_init(state, hash);
    state_update(state, span_of(block, size));
    OPENSSL_cleanse(block, sizeof(block));
    OPENSSL_cleanse(digest, sizeof(digest));
}

void tls_hmac_parts(enum tls_hash hash, struct span key, const struct span *parts, uint32_t count,
                    uint8_t digest_out[TLS_HASH_SIZE_MAX])
{
    struct state state;
    uint8_t inner[TLS_HASH_SIZE_MAX];
    state_init_keyed(&state, hash, key, 0x36);
    for (uint32_t i = 0; i < count; i++)
        state_update(&state, parts[i]);
    state_final(&state, inner);
    state_init_keyed(&state, hash, key, 0x5c);
    state_update(&state, span_of(inner, tls_hash_size(hash)));
    state_final(&state, digest_out);
    OPENSSL_cleanse(&state, sizeof(state));
    OPENSSL_cleanse(inner, sizeof(inner));
}

/* P_hash of RFC 5246 5, added to `out` by exclusive or. */
static void p_hash(enum tls_hash hash, struct span secret, struct span label, struct span seed, uint8_t *out,
                   uint32_t size)
{
    uint8_t a[TLS_HASH_SIZE_MAX], block[TLS_HASH_SIZE_MAX];
    uint32_t step = tls_hash_size(hash);
    struct span first[] = {label, seed};
    tls_hmac_parts(hash, secret, first, ARRAY_COUNT(first), a);
    for (uint32_t done = 0; done < size; done += step) {
        struct span parts[PARTS_MAX] = {span_of(a, step), label, seed};
        tls_hmac_parts(hash, secret, parts, PARTS_MAX, block);
        for (uint32_t i = 0; i < step && done + i < size; i++)
            out[done + i] ^= block[i];
        struct span previous = span_of(a, step);
        tls_hmac_parts(hash, secret, &previous, 1, block);
        memcpy(a, block, step);
    }
    OPENSSL_cleanse(a, sizeof(a));
    OPENSSL_cleanse(block, sizeof(block));
}

void tls_prf(enum tls_hash hash, struct span secret, struct span label, struct span seed, uint8_t *out, uint32_t size)
{
    memset(out, 0, size);
    if (hash != TLS_HASH_NULL) {
        p_hash(hash, secret, label, seed, out, size);
        return;
    }
    /* Halves of the secret that share the middle byte when its size is odd. */
    uint32_t half = (secret.size + 1) / 2;
    p_hash(TLS_HASH_MD5, span_first(secret, half), label, seed, out, size);
    p_hash(TLS_HASH_SHA1, span_from(secret, secret.size - half), label, seed, out, size);
}

void tls_ssl3_expand(struct span secret, struct span seed, uint8_t *out, uint32_t size)
{
    uint8_t letters[SSL3_ROUNDS], inner[TLS_HASH_SIZE_MAX], block[TLS_HASH_SIZE_MAX];
    require(size <= SSL3_ROUNDS * MD5_DIGEST_LENGTH);
    for (uint32_t round = 0, done = 0; done < size; round++, done += MD5_DIGEST_LENGTH) {
        memset(letters, 'A' + (int)round, round + 1);
        struct span parts[] = {span_of(letters, round + 1), secret, seed};
        tls_hash_parts(TLS_HASH_SHA1, parts, ARRAY_COUNT(parts), inner);
        struct span outer[] = {secret, span_of(inner, SHA_DIGEST_LENGTH)};
        tls_hash_parts(TLS_HASH_MD5, outer, ARRAY_COUNT(outer), block);
        memcpy(out + done, block, min_u32(size - done, MD5_DIGEST_LENGTH));
    }
    OPENSSL_cleanse(inner, sizeof(inner));
    OPENSSL_cleanse(block, sizeof(block));
}

void tls_expand_label(enum tls_hash hash, struct span secret, struct span label, struct span context, uint8_t *out,
                      uint32_t size)
{
    uint8_t info[TLS_EXPAND_INFO_MAX], block[TLS_HASH_SIZE_MAX];
    uint32_t used = 0;
    require(size <= tls_hash_size(hash) && label.size + context.size <= TLS_EXPAND_INFO_MAX - 11);
    info[used++] = (uint8_t)(size >> 8);
    info[used++] = (uint8_t)size;
    info[used++] = (uint8_t)(6 + label.size);
    memcpy(info + used, "tls13 ", 6);
    used += 6;
    memcpy(info + used, label.data, label.size);
    used += label.size;
    info[used++] = (uint8_t)context.size;
    if (context.size)
        memcpy(info + used, context.data, context.size);
    used += context.size;
    info[used++] = 1; /* HKDF-Expand: the number of its first and only block */
    struct span part = span_of(info, used);
    tls_hmac_parts(hash, secret, &part, 1, block);
    memcpy(out, block, size);
    OPENSSL_cleanse(block, sizeof(block));
}

/* Two randoms, one behind the other. */
static struct span join(struct span first, struct span second, uint8_t joined[64])
{
    require(first.size == 32 && second.size == 32);
    memcpy(joined, first.data, 32);
    memcpy(joined + 32, second.data, 32);
    return span_of(joined, 64);
}

static enum tls_hash prf_hash(const struct tls_master_input *input)
{
    return input->version >= TLS_VERSION_1_2 ? input->hash : TLS_HASH_NULL;
}

void tls_master_secret(const struct tls_master_input *input, uint8_t master_out[TLS_MASTER_SIZE])
{
    uint8_t joined[64];
    if (input->session_hash.size) {
        tls_prf(prf_hash(input), input->premaster, SPAN_LITERAL("extended master secret"), input->session_hash,
                master_out, TLS_MASTER_SIZE);
        return;
    }
    struct span seed = join(input->client_random, input->server_random, joined);
    if (input->version == TLS_VERSION_SSL3)
        tls_ssl3_expand(input->premaster, seed, master_out, TLS_MASTER_SIZE);
    else
        tls_prf(prf_hash(input), input->premaster, SPAN_LITERAL("master secret"), seed, master_out, TLS_MASTER_SIZE);
}

void tls_key_block(const struct tls_master_input *randoms, struct span master, uint8_t *out, uint32_t size)
{
    uint8_t joined[64];
    struct span seed = join(randoms->server_random, randoms->client_random, joined);
    if (randoms->version == TLS_VERSION_SSL3)
        tls_ssl3_expand(master, seed, out, size);
    else
        tls_prf(prf_hash(randoms), master, SPAN_LITERAL("key expansion"), seed, out, size);
}
