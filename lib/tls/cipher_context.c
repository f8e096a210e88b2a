/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Cipher contexts
 *
 * Ciphers are fetched once: EVP_aes_128_gcm() and its like would be looked up by name whenever they are used. Giving a
 * context a new key, without naming the cipher again, writes into the state it has and allocates nothing.
 *
 * Camellia-GCM is not among OpenSSL's ciphers; its GCM for any block cipher and the block cipher itself are.
 */

#define OPENSSL_SUPPRESS_DEPRECATED

#include "tls/cipher_context.h"

#include <errno.h>
#include <openssl/camellia.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/modes.h>
#include <stdlib.h>

enum mode { MODE_NONE, MODE_CBC, MODE_GCM, MODE_CCM, MODE_CHACHA, MODE_CAMELLIA_GCM };

struct implementation {
    const char *name; /* of the cipher in libcrypto */
    enum mode mode;
    bool frequent;
};

static const struct implementation implementations[TLS_OPEN_KIND_COUNT] = {
    [TLS_OPEN_3DES_CBC] = {"DES-EDE3-CBC", MODE_CBC, false},
    [TLS_OPEN_AES128_CBC] = {"AES-128-CBC", MODE_CBC, false},
    [TLS_OPEN_AES256_CBC] = {"AES-256-CBC", MODE_CBC, false},
    [TLS_OPEN_CAMELLIA128_CBC] = {"CAMELLIA-128-CBC", MODE_CBC, false},
    [TLS_OPEN_CAMELLIA256_CBC] = {"CAMELLIA-256-CBC", MODE_CBC, false},
    [TLS_OPEN_ARIA128_CBC] = {"ARIA-128-CBC", MODE_CBC, false},
    [TLS_OPEN_ARIA256_CBC] = {"ARIA-256-CBC", MODE_CBC, false},
    [TLS_OPEN_AES128_GCM] = {"AES-128-GCM", MODE_GCM, true},
    [TLS_OPEN_AES256_GCM] = {"AES-256-GCM", MODE_GCM, true},
    [TLS_OPEN_CAMELLIA128_GCM] = {NULL, MODE_CAMELLIA_GCM, false},
    [TLS_OPEN_CAMELLIA256_GCM] = {NULL, MODE_CAMELLIA_GCM, false},
    [TLS_OPEN_ARIA128_GCM] = {"ARIA-128-GCM", MODE_GCM, false},
    [TLS_OPEN_ARIA256_GCM] = {"ARIA-256-GCM", MODE_GCM, false},
    [TLS_OPEN_AES128_CCM] = {"AES-128-CCM", MODE_CCM, false},
    [TLS_OPEN_AES256_CCM] = {"AES-256-CCM", MODE_CCM, false},
    [TLS_OPEN_AES128_CCM8] = {"AES-128-CCM", MODE_CCM, false},
    [TLS_OPEN_AES256_CCM8] = {"AES-256-CCM", MODE_CCM, false},
    [TLS_OPEN_CHACHA20_POLY1305] = {"ChaCha20-Poly1305", MODE_CHACHA, true},
};

struct slot {
    uint64_t serial; /* of the key it holds; 0: none */
    EVP_CIPHER_CTX *context;
    GCM128_CONTEXT *gcm; /* Camellia */
    CAMELLIA_KEY camellia;
};

struct shelf {
    struct slot *slots;
    uint32_t count;
    uint32_t next; /* to be keyed anew */
};

struct tls_cipher_contexts {
    struct shelf shelves[TLS_OPEN_KIND_COUNT];
    uint64_t serial;
};

static uint8_t tag_size(enum tls_open_kind kind)
{
    return tls_cipher_find(kind)->tag_size;
}

/* Everything that makes a context ready for keys: OpenSSL would otherwise make it at the first use. */
static bool context_prepare(EVP_CIPHER_CTX *context, const EVP_CIPHER *cipher, enum tls_open_kind kind)
{
    static const uint8_t zeros[TLS_KEY_SIZE_MAX];
    enum mode mode = implementations[kind].mode;
    bool fine = EVP_DecryptInit_ex(context, cipher, NULL, NULL, NULL) == 1;
    if (mode == MODE_GCM || mode == MODE_CCM || mode == MODE_CHACHA)
        fine = fine && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, TLS_NONCE_SIZE, NULL) == 1;
    if (mode == MODE_CCM)
        fine = fine && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, tag_size(kind), NULL) == 1;
    if (mode == MODE_CBC)
        EVP_CIPHER_CTX_set_padding(context, 0);
    return fine && EVP_DecryptInit_ex(context, NULL, NULL, zeros, NULL) == 1;
}

static bool camellia_key(struct slot *slot, const uint8_t *key, uint32_t key_size)
{
    if (Camellia_set_key(key, (int)key_size * 8, &slot->camellia) != 0)
        return false;
    CRYPTO_gcm128_init(slot->gcm, &slot->camellia, (block128_f)Camellia_encrypt);
    return true;
}

static bool slot_init(struct slot *slot, const EVP_CIPHER *cipher, enum tls_open_kind kind)
{
    static const uint8_t zeros[TLS_KEY_SIZE_MAX];
    if (implementations[kind].mode == MODE_CAMELLIA_GCM) {
        (void)Camellia_set_key(zeros, (int)tls_cipher_find(kind)->key_size * 8, &slot->camellia);
        slot->gcm = CRYPTO_gcm128_new(&slot->camellia, (block128_f)Camellia_encrypt);
        return slot->gcm != NULL;
    }
    slot->context = EVP_CIPHER_CTX_new();
    return slot->context && context_prepare(slot->context, cipher, kind);
}

/* A shelf of a cipher that libcrypto does not have stays empty. */
static int shelf_init(struct shelf *shelf, enum tls_open_kind kind, uint32_t frequent)
{
    const struct implementation *implementation = &implementations[kind];
    EVP_CIPHER *cipher = implementation->name ? EVP_CIPHER_fetch(NULL, implementation->name, NULL) : NULL;
    if (implementation->mode == MODE_NONE || (implementation->name && !cipher)) {
        ERR_clear_error();
        return 0;
    }
    uint32_t count = implementation->frequent ? frequent : min_u32(frequent, TLS_RARE_CONTEXTS);
    shelf->slots = calloc(count, sizeof(*shelf->slots));
    bool fine = shelf->slots != NULL;
    for (uint32_t i = 0; fine && i < count; i++, shelf->count++)
        fine = slot_init(&shelf->slots[i], cipher, kind);
    EVP_CIPHER_free(cipher); /* each context holds its own reference */
    return fine ? 0 : -ENOMEM;
}

int tls_cipher_contexts_new(struct tls_cipher_contexts **contexts_out, uint32_t frequent)
{
    require(frequent > 0);
    struct tls_cipher_contexts *contexts = calloc(1, sizeof(*contexts));
    int result = contexts ? 0 : -ENOMEM;
    for (uint32_t kind = 0; result == 0 && kind < TLS_OPEN_KIND_COUNT; kind++)
        result = shelf_init(&contexts->shelves[kind], kind, frequent);
    if (result == 0 && !contexts->shelves[TLS_OPEN_AES128_GCM].count)
        result = -ENOTSUP;
    if (result < 0) {
        tls_cipher_contexts_free(contexts);
        return result;
    }
    *contexts_out = contexts;
    return 0;
}

static void shelf_deinit(struct shelf *shelf)
{
    for (uint32_t i = 0; i < shelf->count; i++) {
        EVP_CIPHER_CTX_free(shelf->slots[i].context);
        CRYPTO_gcm128_release(shelf->slots[i].gcm);
        OPENSSL_cleanse(&shelf->slots[i], sizeof(shelf->slots[i]));
    }
    free(shelf->slots);
}

void tls_cipher_contexts_free(struct tls_cipher_contexts *contexts)
{
    for (uint32_t kind = 0; contexts && kind < TLS_OPEN_KIND_COUNT; kind++)
        shelf_deinit(&contexts->shelves[kind]);
    free(contexts);
}

bool tls_cipher_contexts_have(const struct tls_cipher_contexts *contexts, enum tls_open_kind kind)
{
    return kind == TLS_OPEN_CLEAR || kind == TLS_OPEN_RC4 || contexts->shelves[kind].count > 0;
}

uint64_t tls_cipher_serial(struct tls_cipher_contexts *contexts)
{
    return ++contexts->serial;
}

static bool slot_key(struct slot *slot, enum tls_open_kind kind, const uint8_t *key)
{
    if (slot->gcm)
        return camellia_key(slot, key, tls_cipher_find(kind)->key_size);
    return EVP_DecryptInit_ex(slot->context, NULL, NULL, key, NULL) == 1;
}

/* The context that holds the key, keyed if need be. NULL: no such cipher. */
static struct slot *slot_find(struct tls_cipher_contexts *contexts, struct tls_cipher_key *key)
{
    struct shelf *shelf = &contexts->shelves[key->kind];
    if (key->slot < shelf->count && shelf->slots[key->slot].serial == key->serial)
        return &shelf->slots[key->slot];
    if (shelf->count == 0)
        return NULL;
    key->slot = shelf->next;
    shelf->next = (shelf->next + 1) % shelf->count;
    struct slot *slot = &shelf->slots[key->slot];
    slot->serial = slot_key(slot, key->kind, key->bytes) ? key->serial : 0;
    return slot->serial ? slot : NULL;
}

void tls_cipher_forget(struct tls_cipher_contexts *contexts, struct tls_cipher_key *key)
{
    static const uint8_t zeros[TLS_KEY_SIZE_MAX];
    struct shelf *shelf = &contexts->shelves[key->kind];
    if (key->serial && key->slot < shelf->count && shelf->slots[key->slot].serial == key->serial) {
        shelf->slots[key->slot].serial = 0;
        (void)slot_key(&shelf->slots[key->slot], key->kind, zeros);
    }
    OPENSSL_cleanse(key, sizeof(*key));
}

static bool camellia_open(struct slot *slot, const struct tls_aead_input *input, uint8_t *out)
{
    CRYPTO_gcm128_setiv(slot->gcm, input->nonce, TLS_NONCE_SIZE);
    return CRYPTO_gcm128_aad(slot->gcm, input->aad.data, input->aad.size) == 0 &&
           CRYPTO_gcm128_decrypt(slot->gcm, input->ciphertext.data, out, input->ciphertext.size) == 0 &&
           CRYPTO_gcm128_finish(slot->gcm, input->tag, 16) == 0;
}

/* CCM wants tag and size beforehand, and tells at the data already whether they hold (SP 800-38C). */
static bool ccm_open(EVP_CIPHER_CTX *context, enum tls_open_kind kind, const struct tls_aead_input *input, uint8_t *out)
{
    int size;
    uint8_t tag[16];
    memcpy(tag, input->tag, tag_size(kind));
    return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, tag_size(kind), tag) == 1 &&
           EVP_DecryptInit_ex(context, NULL, NULL, NULL, input->nonce) == 1 &&
           EVP_DecryptUpdate(context, NULL, &size, NULL, (int)input->ciphertext.size) == 1 &&
           EVP_DecryptUpdate(context, NULL, &size, input->aad.data, (int)input->aad.size) == 1 &&
           EVP_DecryptUpdate(context, out, &size, input->ciphertext.data, (int)input->ciphertext.size) == 1;
}

bool tls_aead_open(struct tls_cipher_contexts *contexts, struct tls_cipher_key *key, const struct tls_aead_input *input,
                   uint8_t *out)
{
    struct slot *slot = slot_find(contexts, key);
    if (!slot)
        return false;
    if (slot->gcm)
        return camellia_open(slot, input, out);
    if (implementations[key->kind].mode == MODE_CCM)
        return ccm_open(slot->context, key->kind, input, out);
    int size;
    uint8_t tag[16];
    memcpy(tag, input->tag, sizeof(tag));
    return EVP_DecryptInit_ex(slot->context, NULL, NULL, NULL, input->nonce) == 1 &&
           EVP_CIPHER_CTX_ctrl(slot->context, EVP_CTRL_AEAD_SET_TAG, sizeof(tag), tag) == 1 &&
           EVP_DecryptUpdate(slot->context, NULL, &size, input->aad.data, (int)input->aad.size) == 1 &&
           EVP_DecryptUpdate(slot->context, out, &size, input->ciphertext.data, (int)input->ciphertext.size) == 1 &&
           EVP_DecryptFinal_ex(slot->context, out + input->ciphertext.size, &size) == 1;
}

bool tls_cbc_decrypt(struct tls_cipher_contexts *contexts, struct tls_cipher_key *key, const uint8_t *iv,
                     struct span ciphertext, uint8_t *out)
{
    struct slot *slot = slot_find(contexts, key);
    int size;
    return slot && EVP_DecryptInit_ex(slot->context, NULL, NULL, NULL, iv) == 1 &&
           EVP_DecryptUpdate(slot->context, out, &size, ciphertext.data, (int)ciphertext.size) == 1 &&
           size == (int)ciphertext.size;
}

void tls_rc4_init(struct tls_rc4 *rc4, struct span key)
{
    for (uint32_t i = 0; i < 256; i++)
        rc4->table[i] = (uint8_t)i;
    rc4->i = rc4->j = 0;
    for (uint32_t i = 0, j = 0; i < 256; i++) {
        uint8_t swapped = rc4->table[i];
        j = (j + swapped + key.data[i % key.size]) & 0xff;
        rc4->table[i] = rc4->table[j];
        rc4->table[j] = swapped;
    }
}

void tls_rc4_decrypt(struct tls_rc4 *rc4, struct span ciphertext, uint8_t *out)
{
    for (uint32_t n = 0; n < ciphertext.size; n++) {
        rc4->i++;
        uint8_t a = rc4->table[rc4->i];
        rc4->j = (uint8_t)(rc4->j + a);
        uint8_t b = rc4->table[rc4->j];
        rc4->table[rc4->i] = b;
        rc4->table[rc4->j] = a;
        out[n] = ciphertext.data[n] ^ rc4->table[(uint8_t)(a + b)];
    }
}
