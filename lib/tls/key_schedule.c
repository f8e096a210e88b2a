/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Key schedule
 *
 * Made of the hashes of tls/hash.h, because the KDFs of EVP allocate for each use, and this runs while packets wait.
 */

#include "tls/key_schedule.h"

#include <openssl/crypto.h>

#define SSL3_ROUNDS 16u /* "A" to sixteen times "P": 256 bytes, more than any key block */
#define PARTS_MAX   3u

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
