/* SPDX-License-Identifier: Apache-2.0 */

/* Signatures: contexts are made for what a key can do, and used again for each token. */

#include "token/signature.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#define ALGORITHMS     (TOKEN_ALGORITHM_COUNT - TOKEN_RS256)
#define COORDINATE_MAX 66u                            /* of P-521 */
#define DER_MAX        (3 + 2 * (3 + COORDINATE_MAX)) /* of an ECDSA signature */

enum hash { HASH_256, HASH_384, HASH_512, HASH_COUNT };

struct signature_checker {
    const struct key_set *set;
    EVP_MD *hashes[HASH_COUNT];
    EVP_MD_CTX *hashing;
    EVP_MD_CTX *edwards;
    EVP_PKEY_CTX *contexts[KEY_SET_KEYS_MAX][ALGORITHMS];
};

/* RS256 to ES512 stand in threes. */
static enum hash hash_of(enum token_algorithm algorithm)
{
    return (enum hash)((algorithm - TOKEN_RS256) % HASH_COUNT);
}

static bool is_pss(enum token_algorithm algorithm)
{
    return algorithm >= TOKEN_PS256 && algorithm <= TOKEN_PS512;
}

static EVP_PKEY_CTX *context_make(const struct signature_checker *checker, const struct key *key,
                                  enum token_algorithm algorithm)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key->public_key, NULL);
    bool fine = context && EVP_PKEY_verify_init(context) == 1;
    if (fine && key->kind == KEY_RSA)
        fine = EVP_PKEY_CTX_set_rsa_padding(context, is_pss(algorithm) ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) > 0;
    if (fine)
        fine = EVP_PKEY_CTX_set_signature_md(context, checker->hashes[hash_of(algorithm)]) > 0;
    if (fine && is_pss(algorithm))
        fine = EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) > 0;
    if (fine)
        return context;
    EVP_PKEY_CTX_free(context);
    return NULL;
}

static bool contexts_make(struct signature_checker *checker)
{
    for (uint32_t i = 0; i < checker->set->count; i++)
        for (uint32_t algorithm = TOKEN_RS256; algorithm < TOKEN_EDDSA; algorithm++) {
            const struct key *key = &checker->set->keys[i];
            if (!key_fits(key, (enum token_algorithm)algorithm))
                continue;
            EVP_PKEY_CTX *context = context_make(checker, key, (enum token_algorithm)algorithm);
            checker->contexts[i][algorithm - TOKEN_RS256] = context;
            if (!context)
                return false;
        }
    return true;
}

struct signature_checker *signature_checker_new(const struct key_set *set)
{
    static const char *const names[HASH_COUNT] = {"SHA256", "SHA384", "SHA512"};
    struct signature_checker *checker = calloc(1, sizeof(*checker));
    if (!checker)
        return NULL;
    checker->set = set;
    bool fine = true;
    for (uint32_t i = 0; i < HASH_COUNT; i++)
        fine &= (checker->hashes[i] = EVP_MD_fetch(NULL, names[i], NULL)) != NULL;
    checker->hashing = EVP_MD_CTX_new();
    checker->edwards = EVP_MD_CTX_new();
    if (fine && checker->hashing && checker->edwards && contexts_make(checker))
        return checker;
    signature_checker_free(checker);
    return NULL;
}

void signature_checker_free(struct signature_checker *checker)
{
    if (!checker)
        return;
    for (uint32_t i = 0; i < checker->set->count; i++)
        for (uint32_t j = 0; j < ALGORITHMS; j++)
            EVP_PKEY_CTX_free(checker->contexts[i][j]);
    for (uint32_t i = 0; i < HASH_COUNT; i++)
        EVP_MD_free(checker->hashes[i]);
    EVP_MD_CTX_free(checker->hashing);
    EVP_MD_CTX_free(checker->edwards);
    free(checker);
}

/* A number as DER INTEGER: no leading zeros, but one where the first bit is set (X.690 8.3). Returns its size. */
static uint32_t integer_write(struct span number, uint8_t *out)
{
    while (number.size > 1 && number.data[0] == 0)
        number = span_from(number, 1);
    uint32_t zero = number.data[0] >> 7;
    out[0] = 0x02;
    out[1] = (uint8_t)(number.size + zero);
    out[2] = 0;
    memcpy(out + 2 + zero, number.data, number.size);
    return 2 + zero + number.size;
}

/* Two numbers side by side (RFC 7518 3.4) as OpenSSL wants them. Returns the size, 0 for a wrong one. */
static uint32_t signature_to_der(struct span signature, enum key_kind kind, uint8_t out[DER_MAX])
{
    uint32_t size = kind == KEY_P256 ? 32 : kind == KEY_P384 ? 48 : COORDINATE_MAX;
    if (signature.size != 2 * size)
        return 0;
    uint8_t numbers[DER_MAX];
    uint32_t used = integer_write(span_first(signature, size), numbers);
    used += integer_write(span_from(signature, size), numbers + used);
    uint32_t at = 0;
    out[at++] = 0x30;
    if (used > 127)
        out[at++] = 0x81;
    out[at++] = (uint8_t)used;
    memcpy(out + at, numbers, used);
    return at + used;
}

static bool edwards_good(struct signature_checker *checker, const struct key *key, struct span text,
                         struct span signature)
{
    bool good = EVP_DigestVerifyInit(checker->edwards, NULL, NULL, NULL, key->public_key) == 1 &&
                EVP_DigestVerify(checker->edwards, signature.data, signature.size, text.data, text.size) == 1;
    EVP_MD_CTX_reset(checker->edwards);
    return good;
}

bool signature_good(struct signature_checker *checker, uint32_t key, enum token_algorithm algorithm,
                    struct span signed_text, struct span signature)
{
    require(key < checker->set->count && algorithm >= TOKEN_RS256 && algorithm < TOKEN_ALGORITHM_COUNT);
    enum key_kind kind = checker->set->keys[key].kind;
    uint8_t der[DER_MAX], hash[EVP_MAX_MD_SIZE];
    unsigned int hash_size = 0;
    bool good;
    if (kind == KEY_ED25519) {
        good = edwards_good(checker, &checker->set->keys[key], signed_text, signature);
    } else {
        if (kind != KEY_RSA)
            signature = span_of(der, signature_to_der(signature, kind, der));
        good = signature.size && EVP_DigestInit_ex(checker->hashing, checker->hashes[hash_of(algorithm)], NULL) == 1 &&
               EVP_DigestUpdate(checker->hashing, signed_text.data, signed_text.size) == 1 &&
               EVP_DigestFinal_ex(checker->hashing, hash, &hash_size) == 1 &&
               EVP_PKEY_verify(checker->contexts[key][algorithm - TOKEN_RS256], signature.data, signature.size, hash,
                               hash_size) == 1;
    }
    /* What does not fit leaves an entry in OpenSSL's queue of errors, which nobody would read. */
    if (!good)
        ERR_clear_error();
    return good;
}
