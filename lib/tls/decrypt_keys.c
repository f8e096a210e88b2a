/* SPDX-License-Identifier: Apache-2.0 */

/*
 * From the store to the keys of records. Secrets are copied out of the store, used at once and wiped; what stays is
 * what the next record needs.
 */

#include "tls/decrypt_state.h"

#include <openssl/crypto.h>

/* Secrets of TLS 1.3 come by client random only; earlier ones also by the names older key logs give them. */
static bool opens_something(const struct tls_key_set *set)
{
    for (uint32_t kind = 0; kind < ARRAY_COUNT(set->secrets); kind++)
        if (set->secrets[kind].size)
            return true;
    return false;
}

bool tls_secrets_find(struct tls_decrypt_engine *engine, struct tls_decrypter *decrypter, struct tls_key_set *set_out)
{
    const struct tls_decrypt_facts *facts = &decrypter->facts;
    struct tls_key_store *store = engine->options.store;
    memset(set_out, 0, sizeof(*set_out));
    if (!store)
        return false;
    /* Taken before the search: a secret put meanwhile makes the versions differ, so it is not missed. */
    decrypter->version_seen = tls_key_store_version(store);
    decrypter->learned = false;
    bool found =
        facts->client_random_known &&
        tls_key_store_find(store, TLS_KEY_BY_CLIENT_RANDOM, span_of(facts->client_random, TLS_RANDOM_SIZE), set_out) &&
        opens_something(set_out);
    if (!found && facts->session_id_size && facts->version && facts->version < TLS_VERSION_1_3)
        found = tls_key_store_find(store, TLS_KEY_BY_SESSION_ID, span_of(facts->session_id, facts->session_id_size),
                                   set_out);
    if (!found && decrypter->premaster_known)
        found = tls_key_store_find(store, TLS_KEY_BY_PREMASTER_PREFIX,
                                   span_of(decrypter->premaster_prefix, TLS_PREMASTER_PREFIX_SIZE), set_out);
    if (found) {
        decrypter->found = true;
        decrypter->entry = set_out->entry;
        decrypter->use = set_out->use;
    }
    return found;
}

void tls_secret_used(struct tls_decrypt_engine *engine, struct tls_decrypter *decrypter, enum tls_secret_kind kind)
{
    if (decrypter->used_kinds & UINT32_C(1) << kind)
        return;
    decrypter->used_kinds |= UINT32_C(1) << kind;
    if (engine->options.key_used)
        engine->options.key_used(engine->options.context, decrypter->facts.client_random, kind);
}

static struct tls_master_input master_input(const struct tls_decrypter *decrypter, enum tls_hash prf)
{
    return (struct tls_master_input){
        .version = decrypter->facts.version,
        .hash = prf,
        .client_random = span_of(decrypter->facts.client_random, TLS_RANDOM_SIZE),
        .server_random = span_of(decrypter->facts.server_random, TLS_RANDOM_SIZE),
    };
}

static enum tls_keys_status master_find(struct tls_decrypt_engine *engine, struct tls_decrypter *decrypter,
                                        enum tls_hash prf, uint8_t master_out[TLS_MASTER_SIZE])
{
    struct tls_key_set set;
    enum tls_keys_status status = TLS_KEYS_MISSING;
    bool found = tls_secrets_find(engine, decrypter, &set);
    const struct tls_secret *master = &set.secrets[TLS_SECRET_MASTER], *before = &set.secrets[TLS_SECRET_PREMASTER];
    if (found && master->size == TLS_MASTER_SIZE) {
        memcpy(master_out, master->bytes, TLS_MASTER_SIZE);
        tls_secret_used(engine, decrypter, TLS_SECRET_MASTER);
        status = TLS_KEYS_READY;
    } else if (found && before->size && decrypter->facts.extended_master_secret && !decrypter->session_hash_size) {
        status = TLS_KEYS_UNKNOWN; /* a handshake message was lost, and with it the hash */
    } else if (found && before->size) {
        struct tls_master_input input = master_input(decrypter, prf);
        input.premaster = span_of(before->bytes, before->size);
        if (decrypter->facts.extended_master_secret)
            input.session_hash = span_of(decrypter->session_hash, decrypter->session_hash_size);
        tls_master_secret(&input, master_out);
        tls_secret_used(engine, decrypter, TLS_SECRET_PREMASTER);
        status = TLS_KEYS_READY;
    }
    OPENSSL_cleanse(&set, sizeof(set));
    if (status != TLS_KEYS_MISSING || !tls_session_find(engine, decrypter, master_out))
        return status;
    tls_secret_used(engine, decrypter, TLS_SECRET_MASTER);
    return TLS_KEYS_READY;
}

static bool supported(const struct tls_decrypt_engine *engine, const struct tls_decrypt_facts *facts,
                      const struct tls_suite_keys *suite)
{
    bool aead = suite->mac == TLS_HASH_NULL;
    return suite->cipher != TLS_OPEN_NONE && !suite->tls13 && facts->compression == 0 && !facts->truncated_hmac &&
           facts->version >= TLS_VERSION_SSL3 && facts->version <= TLS_VERSION_1_2 &&
           (!aead || facts->version == TLS_VERSION_1_2) && tls_cipher_contexts_have(engine->contexts, suite->cipher);
}

/* Cuts the key block (RFC 5246 6.3): MAC secrets, keys, IVs, the client's first. */
static void cut_key_block(const uint8_t *block, enum tls_direction direction, struct tls_record_keys *keys)
{
    const struct tls_record_cipher *cipher = tls_cipher_find(keys->suite.cipher);
    uint32_t mac_size = tls_hash_size(keys->suite.mac), key_size = cipher->key_size;
    uint32_t iv_size = cipher->form == TLS_FORM_AEAD ? cipher->fixed_iv_size : cipher->block_size;
    require(2 * (mac_size + key_size + iv_size) <= TLS_KEY_BLOCK_MAX);
    memcpy(keys->mac, block + direction * mac_size, mac_size);
    memcpy(keys->key.bytes, block + 2 * mac_size + direction * key_size, key_size);
    if (iv_size && (cipher->form == TLS_FORM_AEAD || keys->version <= TLS_VERSION_1_0)) {
        memcpy(keys->iv, block + 2 * (mac_size + key_size) + direction * iv_size, iv_size);
        keys->chain_known = keys->iv_is_first = true;
    }
    if (keys->suite.cipher == TLS_OPEN_RC4)
        tls_rc4_init(&keys->rc4, span_of(keys->key.bytes, key_size));
}

enum tls_keys_status tls_keys_derive(struct tls_decrypt_engine *engine, struct tls_decrypter *decrypter,
                                     enum tls_direction direction, struct tls_record_keys *keys_out)
{
    const struct tls_decrypt_facts *facts = &decrypter->facts;
    if (!facts->client_random_known || !facts->server_random_known || !facts->version || !facts->suite)
        return TLS_KEYS_UNKNOWN;
    struct tls_suite_keys suite = tls_suite_keys_find(facts->suite);
    if (!supported(engine, facts, &suite))
        return TLS_KEYS_UNSUPPORTED;
    uint8_t master[TLS_MASTER_SIZE], block[TLS_KEY_BLOCK_MAX];
    enum tls_keys_status status = master_find(engine, decrypter, suite.prf, master);
    if (status != TLS_KEYS_READY)
        return status;
    struct tls_master_input input = master_input(decrypter, suite.prf);
    memset(keys_out, 0, sizeof(*keys_out));
    keys_out->suite = suite;
    keys_out->version = facts->version;
    keys_out->encrypt_then_mac = facts->encrypt_then_mac && tls_cipher_find(suite.cipher)->form == TLS_FORM_CBC;
    keys_out->key = (struct tls_cipher_key){.serial = tls_cipher_serial(engine->contexts), .kind = suite.cipher};
    tls_session_keep(engine, decrypter, master);
    tls_key_block(&input, span_of(master, sizeof(master)), block, sizeof(block));
    cut_key_block(block, direction, keys_out);
    OPENSSL_cleanse(master, sizeof(master));
    OPENSSL_cleanse(block, sizeof(block));
    return TLS_KEYS_READY;
}

void tls_keys13_derive(struct tls_decrypt_engine *engine, uint16_t suite, struct span secret,
                       struct tls_record_keys *keys_out)
{
    memset(keys_out, 0, sizeof(*keys_out));
    keys_out->suite = tls_suite_keys_find(suite);
    keys_out->version = TLS_VERSION_1_3;
    keys_out->key =
        (struct tls_cipher_key){.serial = tls_cipher_serial(engine->contexts), .kind = keys_out->suite.cipher};
    tls_expand_label(keys_out->suite.prf, secret, SPAN_LITERAL("key"), (struct span){0}, keys_out->key.bytes,
                     tls_cipher_find(keys_out->suite.cipher)->key_size);
    tls_expand_label(keys_out->suite.prf, secret, SPAN_LITERAL("iv"), (struct span){0}, keys_out->iv, TLS_NONCE_SIZE);
}

void tls_secret_update(uint16_t suite, uint8_t secret[TLS_SECRET_MAX])
{
    enum tls_hash hash = tls_suite_keys_find(suite).prf;
    uint8_t next[TLS_SECRET_MAX];
    uint32_t size = tls_hash_size(hash);
    tls_expand_label(hash, span_of(secret, size), SPAN_LITERAL("traffic upd"), (struct span){0}, next, size);
    memcpy(secret, next, size);
    OPENSSL_cleanse(next, sizeof(next));
}
