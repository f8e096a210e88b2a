/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Opening one record with given keys and a given sequence number. Whether the number is right is what the MAC or the
 * AEAD proves; that is used to find a stream again behind a loss.
 */

#include "tls/decrypt_state.h"

#include <openssl/crypto.h>

static void write_be(uint8_t *out, uint64_t value, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        out[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

/* sequence | type | version | length: what is authenticated with each record (RFC 5246 6.2.3.3). */
static struct span record_aad(uint64_t sequence, const struct tls_decrypt_input *input, uint32_t size,
                              uint8_t aad[TLS_AAD_SIZE_MAX])
{
    write_be(aad, sequence, 8);
    aad[8] = input->type;
    write_be(aad + 9, input->version, 2);
    write_be(aad + 11, size, 2);
    return span_of(aad, TLS_AAD_SIZE_MAX);
}

/* The fixed IV, exclusive or the sequence number in its last eight bytes (RFC 8446 5.3, RFC 7905 2). */
static void nonce_with_sequence(const uint8_t iv[TLS_NONCE_SIZE], uint64_t sequence, uint8_t nonce[TLS_NONCE_SIZE])
{
    uint8_t number[8];
    write_be(number, sequence, 8);
    memcpy(nonce, iv, TLS_NONCE_SIZE);
    for (uint32_t i = 0; i < 8; i++)
        nonce[4 + i] ^= number[i];
}

static bool aead_open(struct tls_cipher_contexts *contexts, struct tls_record_keys *keys, uint64_t sequence,
                      const struct tls_decrypt_input *input, uint8_t *out, struct span *plain_out)
{
    const struct tls_record_cipher *cipher = tls_cipher_find(keys->suite.cipher);
    struct span body = input->fragment;
    struct tls_aead_input aead;
    uint8_t aad[TLS_AAD_SIZE_MAX];
    if (body.size < (uint32_t)cipher->explicit_size + cipher->tag_size)
        return false;
    if (cipher->explicit_size) {
        memcpy(aead.nonce, keys->iv, cipher->fixed_iv_size);
        memcpy(aead.nonce + cipher->fixed_iv_size, body.data, cipher->explicit_size);
        body = span_from(body, cipher->explicit_size);
    } else {
        nonce_with_sequence(keys->iv, sequence, aead.nonce);
    }
    aead.ciphertext = span_first(body, body.size - cipher->tag_size);
    aead.tag = body.data + aead.ciphertext.size;
    aead.aad = record_aad(sequence, input, aead.ciphertext.size, aad);
    *plain_out = span_of(out, aead.ciphertext.size);
    return tls_aead_open(contexts, &keys->key, &aead, out);
}

/* RFC 6101 5.2.3.1: a hash of a hash, with pads of 48 bytes for MD5 and 40 for SHA-1, and no version. */
static void ssl3_mac(const struct tls_record_keys *keys, struct span head, struct span content,
                     uint8_t mac_out[TLS_HASH_SIZE_MAX])
{
    uint8_t pad[48], inner[TLS_HASH_SIZE_MAX];
    uint32_t hash_size = tls_hash_size(keys->suite.mac);
    uint32_t pad_size = keys->suite.mac == TLS_HASH_MD5 ? 48 : 40;
    struct span secret = span_of(keys->mac, hash_size);
    memset(pad, 0x36, sizeof(pad));
    struct span first[] = {secret, span_of(pad, pad_size), span_first(head, 9), span_from(head, 11), content};
    tls_hash_parts(keys->suite.mac, first, ARRAY_COUNT(first), inner);
    memset(pad, 0x5c, sizeof(pad));
    struct span second[] = {secret, span_of(pad, pad_size), span_of(inner, hash_size)};
    tls_hash_parts(keys->suite.mac, second, ARRAY_COUNT(second), mac_out);
}

static bool mac_holds(const struct tls_record_keys *keys, uint64_t sequence, const struct tls_decrypt_input *input,
                      struct span content, const uint8_t *mac)
{
    uint8_t aad[TLS_AAD_SIZE_MAX], computed[TLS_HASH_SIZE_MAX];
    struct span parts[] = {record_aad(sequence, input, content.size, aad), content};
    if (keys->version == TLS_VERSION_SSL3)
        ssl3_mac(keys, parts[0], content, computed);
    else
        tls_hmac_parts(keys->suite.mac, span_of(keys->mac, tls_hash_size(keys->suite.mac)), parts, ARRAY_COUNT(parts),
                       computed);
    return memcmp(computed, mac, tls_hash_size(keys->suite.mac)) == 0;
}

/* Without suite: MAC only. RC4: the state moves on only when the MAC held. */
static bool stream_open(struct tls_record_keys *keys, uint64_t sequence, const struct tls_decrypt_input *input,
                        uint8_t *out, struct span *plain_out)
{
    uint32_t mac_size = tls_hash_size(keys->suite.mac);
    if (input->fragment.size < mac_size)
        return false;
    struct tls_rc4 rc4 = keys->rc4;
    if (keys->suite.cipher == TLS_OPEN_RC4)
        tls_rc4_decrypt(&rc4, input->fragment, out);
    else
        memcpy(out, input->fragment.data, input->fragment.size);
    *plain_out = span_of(out, input->fragment.size - mac_size);
    bool holds = mac_holds(keys, sequence, input, *plain_out, out + plain_out->size);
    if (holds)
        keys->rc4 = rc4;
    OPENSSL_cleanse(&rc4, sizeof(rc4));
    return holds;
}

/* Bytes of padding with its length byte, 0: it is not well made (RFC 5246 6.2.3.2; RFC 6101 5.2.3.2). */
static uint32_t padding_size(uint16_t version, uint32_t block_size, struct span plain)
{
    if (plain.size == 0)
        return 0;
    uint32_t size = (uint32_t)plain.data[plain.size - 1] + 1;
    if (size > plain.size)
        return 0;
    if (version == TLS_VERSION_SSL3)
        return size <= block_size ? size : 0; /* its bytes are arbitrary */
    for (uint32_t i = 2; i <= size; i++)
        if (plain.data[plain.size - i] != size - 1)
            return 0;
    return size;
}

/* The IV in front of the ciphertext, or carried on from the record before; *body is without it. */
static bool cbc_iv(const struct tls_record_keys *keys, uint32_t block_size, struct span *body, uint8_t iv_out[16])
{
    if (keys->version <= TLS_VERSION_1_0) {
        memcpy(iv_out, keys->iv, block_size);
        return keys->chain_known;
    }
    if (body->size < block_size)
        return false;
    memcpy(iv_out, body->data, block_size);
    *body = span_from(*body, block_size);
    return true;
}

/* RFC 7366 3: the MAC is over everything sent, and comes last. */
static bool encrypt_then_mac_holds(struct tls_record_keys *keys, uint64_t sequence,
                                   const struct tls_decrypt_input *input, struct span *body)
{
    uint32_t mac_size = tls_hash_size(keys->suite.mac);
    if (body->size < mac_size)
        return false;
    *body = span_first(*body, body->size - mac_size);
    bool holds = mac_holds(keys, sequence, input, *body, body->data + body->size);
    keys->mac_held = keys->mac_held || holds; /* of the numbers tried, the right one */
    return holds;
}

static bool cbc_open(struct tls_cipher_contexts *contexts, struct tls_record_keys *keys, uint64_t sequence,
                     const struct tls_decrypt_input *input, uint8_t *out, struct span *plain_out)
{
    uint32_t block_size = tls_cipher_find(keys->suite.cipher)->block_size;
    uint32_t mac_size = keys->encrypt_then_mac ? 0 : tls_hash_size(keys->suite.mac);
    uint8_t iv[16];
    struct span body = input->fragment;
    if (keys->encrypt_then_mac && !encrypt_then_mac_holds(keys, sequence, input, &body))
        return false;
    if (!cbc_iv(keys, block_size, &body, iv) || body.size < mac_size + 1 || body.size % block_size ||
        !tls_cbc_decrypt(contexts, &keys->key, iv, body, out))
        return false;
    uint32_t padding = padding_size(keys->version, block_size, span_of(out, body.size));
    if (padding == 0 || padding + mac_size > body.size)
        return false;
    *plain_out = span_of(out, body.size - padding - mac_size);
    return keys->encrypt_then_mac || mac_holds(keys, sequence, input, *plain_out, out + plain_out->size);
}

/* The last block of this record is the IV of the next one. */
static void chain_on(struct tls_record_keys *keys, struct span fragment)
{
    uint32_t block_size = tls_cipher_find(keys->suite.cipher)->block_size;
    uint32_t mac_size = keys->encrypt_then_mac ? tls_hash_size(keys->suite.mac) : 0;
    keys->chain_known = fragment.size >= mac_size + block_size;
    if (keys->chain_known)
        memcpy(keys->iv, fragment.data + fragment.size - mac_size - block_size, block_size);
}

bool tls_record_open(struct tls_cipher_contexts *contexts, struct tls_record_keys *keys, uint64_t sequence,
                     const struct tls_decrypt_input *input, uint8_t *out, struct span *plain_out)
{
    switch (tls_cipher_find(keys->suite.cipher)->form) {
    case TLS_FORM_AEAD:
        return aead_open(contexts, keys, sequence, input, out, plain_out);
    case TLS_FORM_CBC:
        return cbc_open(contexts, keys, sequence, input, out, plain_out);
    default:
        return stream_open(keys, sequence, input, out, plain_out);
    }
}

/*
 * A MAC of the plaintext would notice a wrong IV, so any record may continue the chain. One of the ciphertext does not
 * cover the IV where that is not sent: only a record it proved may.
 */
void tls_record_chain(struct tls_record_keys *keys, struct span fragment, bool opened)
{
    bool proven = opened || !keys->encrypt_then_mac || keys->mac_held;
    keys->mac_held = keys->iv_is_first = false;
    if (tls_cipher_find(keys->suite.cipher)->form != TLS_FORM_CBC || keys->version > TLS_VERSION_1_0)
        return;
    if (proven)
        chain_on(keys, fragment);
    else
        keys->chain_known = false;
}

bool tls_record13_open(struct tls_cipher_contexts *contexts, struct tls_record_keys *keys, uint64_t sequence,
                       const struct tls_decrypt_input *input, uint8_t *out, struct tls_plain *plain_out)
{
    const struct tls_record_cipher *cipher = tls_cipher_find(keys->suite.cipher);
    struct tls_aead_input aead;
    uint8_t aad[5] = {input->type};
    if (input->fragment.size <= cipher->tag_size)
        return false;
    write_be(aad + 1, input->version, 2);
    write_be(aad + 3, input->fragment.size, 2);
    nonce_with_sequence(keys->iv, sequence, aead.nonce);
    aead.aad = span_of(aad, sizeof(aad));
    aead.ciphertext = span_first(input->fragment, input->fragment.size - cipher->tag_size);
    aead.tag = input->fragment.data + aead.ciphertext.size;
    if (!tls_aead_open(contexts, &keys->key, &aead, out))
        return false;
    uint32_t size = aead.ciphertext.size;
    while (size && out[size - 1] == 0) /* padding (RFC 8446 5.4) */
        size--;
    plain_out->type = size ? out[size - 1] : 0; /* 0: nothing but padding, which no sender may make */
    plain_out->data = span_of(out, size ? size - 1 : 0);
    return true;
}
