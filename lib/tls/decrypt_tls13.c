/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Records of TLS 1.3
 *
 * Where keys change is not read from the messages inside (they may be lost, or span records) but found by trial: a
 * record that the current keys do not open is tried with those of the next epoch from their first sequence number on.
 * That costs one attempt in vain a change of keys, and needs no bookkeeping that a hole could upset.
 */

#include "tls/decrypt_state.h"

#include <openssl/crypto.h>

#define SUITES_TRIED_MAX  4u    /* of the five there are, four share a hash */
#define UPDATES_TRIED_MAX 3u    /* that a hole may hide; more than one in a few records is rare already */
#define DERIVE_COST       1024u /* two expansions weigh about as much as the decryption of so many bytes */

/* An epoch a record may belong to. */
struct candidate {
    enum tls_epoch epoch;
    uint32_t generation;
    struct tls_secret secret;
};

struct attempt {
    struct tls_decrypt_engine *engine;
    struct tls_decrypter *decrypter;
    struct tls_half *half;
    enum tls_direction direction;
    const struct tls_decrypt_input *input;
    struct tls_plain *plain_out;
    bool missing; /* a secret that might open it is not known */
    bool spent;
};

/* Tries the numbers from `sequence` on; those a hole may have hidden only while the connection may still try. */
static bool open_from(struct attempt *attempt, struct tls_record_keys *keys, uint64_t sequence)
{
    for (uint32_t skipped = 0; skipped <= attempt->half->hidden && !attempt->spent; skipped++) {
        if (tls_record13_open(attempt->engine->contexts, keys, sequence + skipped, attempt->input,
                              attempt->engine->pages, attempt->plain_out)) {
            attempt->half->sequence = sequence + skipped + 1;
            attempt->half->hidden = 0;
            tls_decrypt_earn(attempt->decrypter, attempt->input->fragment.size);
            return true;
        }
        attempt->spent = !tls_decrypt_spend(attempt->decrypter, attempt->input->fragment.size);
    }
    return false;
}

static void half_enter(struct attempt *attempt, const struct candidate *candidate, const struct tls_record_keys *keys)
{
    struct tls_half *half = attempt->half;
    tls_cipher_forget(attempt->engine->contexts, &half->keys.key);
    half->keys = *keys;
    half->keyed = true;
    half->epoch = (uint8_t)candidate->epoch;
    half->generation = candidate->generation;
    memcpy(half->secret, candidate->secret.bytes, sizeof(half->secret));
}

static bool try_suite(struct attempt *attempt, const struct candidate *candidate, uint16_t suite)
{
    struct tls_record_keys keys;
    struct tls_suite_keys found = tls_suite_keys_find(suite);
    if (!found.tls13 || candidate->secret.size != tls_hash_size(found.prf) ||
        !tls_cipher_contexts_have(attempt->engine->contexts, found.cipher))
        return false;
    attempt->spent = attempt->spent || !tls_decrypt_spend(attempt->decrypter, DERIVE_COST);
    if (attempt->spent)
        return false;
    tls_keys13_derive(attempt->engine, suite, span_of(candidate->secret.bytes, candidate->secret.size), &keys);
    bool opened = open_from(attempt, &keys, 0);
    if (opened) {
        half_enter(attempt, candidate, &keys);
        attempt->decrypter->proven_suite = suite;
    } else {
        tls_cipher_forget(attempt->engine->contexts, &keys.key);
    }
    OPENSSL_cleanse(&keys, sizeof(keys));
    return opened;
}

static uint16_t suite_of(const struct tls_decrypter *decrypter)
{
    return decrypter->facts.suite ? decrypter->facts.suite : decrypter->proven_suite;
}

/* The suite of the hello, or where none was seen those that fit the secret; the AEAD proves which. */
static bool try_candidate(struct attempt *attempt, const struct candidate *candidate)
{
    static const uint16_t suites[][SUITES_TRIED_MAX] = {{0x1301, 0x1303, 0x1304, 0x1305}, {0x1302}};
    uint16_t suite = suite_of(attempt->decrypter);
    if (candidate->secret.size == 0) {
        attempt->missing = true;
        return false;
    }
    if (suite)
        return try_suite(attempt, candidate, suite);
    bool opened = false;
    for (uint32_t i = 0; i < SUITES_TRIED_MAX && !opened; i++)
        opened = try_suite(attempt, candidate, suites[candidate->secret.size != 32][i]);
    return opened;
}

/* Later generations follow from this one (RFC 8446 7.2); where bytes are missing, more than one may have passed. */
static bool try_updates(struct attempt *attempt, struct candidate *candidate, uint32_t count)
{
    /* Which suite a secret belongs to is only known once it opened something, or from a hello. */
    uint16_t suite = suite_of(attempt->decrypter);
    bool opened = false;
    for (uint32_t i = 0; i < count && suite && !opened && !attempt->spent; i++) {
        candidate->generation++;
        tls_secret_update(suite, candidate->secret.bytes);
        opened = try_candidate(attempt, candidate);
    }
    return opened;
}

static bool try_stored(struct attempt *attempt, const struct tls_key_set *set, enum tls_epoch epoch)
{
    static const uint8_t kinds[][TLS_DIRECTION_COUNT] = {
        [TLS_EPOCH_EARLY] = {TLS_SECRET_CLIENT_EARLY, TLS_SECRET_CLIENT_EARLY},
        [TLS_EPOCH_HANDSHAKE] = {TLS_SECRET_CLIENT_HANDSHAKE, TLS_SECRET_SERVER_HANDSHAKE},
        [TLS_EPOCH_TRAFFIC] = {TLS_SECRET_CLIENT_TRAFFIC, TLS_SECRET_SERVER_TRAFFIC},
    };
    enum tls_secret_kind kind = kinds[epoch][attempt->direction];
    struct candidate candidate = {
        .epoch = epoch, .generation = set->secrets[kind].generation, .secret = set->secrets[kind]};
    bool opened = try_candidate(attempt, &candidate);
    if (!opened && epoch == TLS_EPOCH_TRAFFIC && candidate.secret.size && attempt->half->hidden)
        opened = try_updates(attempt, &candidate, UPDATES_TRIED_MAX);
    if (opened)
        tls_secret_used(attempt->engine, attempt->decrypter, kind);
    OPENSSL_cleanse(&candidate, sizeof(candidate));
    return opened;
}

static bool try_next_generations(struct attempt *attempt)
{
    const struct tls_half *half = attempt->half;
    struct candidate candidate = {.epoch = TLS_EPOCH_TRAFFIC, .generation = half->generation};
    candidate.secret.size = tls_hash_size(half->keys.suite.prf);
    memcpy(candidate.secret.bytes, half->secret, sizeof(half->secret));
    bool opened = try_updates(attempt, &candidate, half->hidden ? UPDATES_TRIED_MAX : 1);
    OPENSSL_cleanse(&candidate, sizeof(candidate));
    return opened;
}

/* Epochs behind the current one, in their order. A whole epoch is only missed where bytes are. */
static bool try_later(struct attempt *attempt)
{
    struct tls_half *half = attempt->half;
    if (half->epoch == TLS_EPOCH_TRAFFIC)
        return try_next_generations(attempt);
    struct tls_key_set set;
    bool opened = false;
    if (!tls_secrets_find(attempt->engine, attempt->decrypter, &set)) {
        attempt->missing = true;
        return false;
    }
    bool early = attempt->direction == TLS_FROM_CLIENT && attempt->decrypter->facts.early_data;
    if (half->epoch == TLS_EPOCH_CLEAR && early)
        opened = try_stored(attempt, &set, TLS_EPOCH_EARLY);
    if (!opened && half->epoch < TLS_EPOCH_HANDSHAKE)
        opened = try_stored(attempt, &set, TLS_EPOCH_HANDSHAKE);
    if (!opened && (half->epoch == TLS_EPOCH_HANDSHAKE || half->hidden))
        opened = try_stored(attempt, &set, TLS_EPOCH_TRAFFIC);
    OPENSSL_cleanse(&set, sizeof(set));
    return opened;
}

static enum tls_decrypt_status closed(struct attempt *attempt)
{
    struct tls_half *half = attempt->half;
    bool lost = half->hidden > 0;
    if (attempt->missing && !attempt->spent)
        return tls_decrypt_without_key(attempt->engine, attempt->decrypter, half, attempt->plain_out);
    tls_half_skip(half, 1); /* it may have been a record of the stream */
    if (attempt->spent)
        return tls_decrypt_fail(attempt->plain_out, TLS_DECRYPT_CAUSE_BUDGET);
    return tls_decrypt_fail(attempt->plain_out, lost ? TLS_DECRYPT_CAUSE_LOSS : TLS_DECRYPT_CAUSE_REFUSED);
}

enum tls_decrypt_status tls13_record(struct tls_decrypt_engine *engine, struct tls_decrypter *decrypter,
                                     enum tls_direction direction, const struct tls_decrypt_input *input,
                                     struct tls_plain *plain_out)
{
    struct attempt attempt = {
        .engine = engine,
        .decrypter = decrypter,
        .half = &decrypter->halves[direction],
        .direction = direction,
        .input = input,
        .plain_out = plain_out,
    };
    uint16_t suite = decrypter->facts.suite;
    if (suite && (!tls_suite_keys_find(suite).tls13 ||
                  !tls_cipher_contexts_have(engine->contexts, tls_suite_keys_find(suite).cipher)))
        return tls_decrypt_fail(plain_out, TLS_DECRYPT_CAUSE_UNSUPPORTED);
    /* Keys of an earlier version may have been tried on a half that has opened nothing yet. */
    bool usable = attempt.half->keyed && attempt.half->keys.suite.tls13;
    bool opened = usable && open_from(&attempt, &attempt.half->keys, attempt.half->sequence);
    if (!opened && !try_later(&attempt))
        return closed(&attempt);
    if (plain_out->type == 0)
        return tls_decrypt_fail(plain_out, TLS_DECRYPT_CAUSE_REFUSED);
    plain_out->protection = true;
    plain_out->early = attempt.half->epoch == TLS_EPOCH_EARLY;
    return TLS_DECRYPT_PLAIN;
}
