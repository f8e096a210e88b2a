/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Decryption of TLS records: the engine, the choice of the way, and SSL 3.0 to TLS 1.2, where keys change behind each
 * ChangeCipherSpec of a direction.
 */

#include "tls/decrypt.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/mman.h>

#include "tls/decrypt_state.h"

#define PAGE             4096u
#define TYPE_CCS         20u
#define TYPE_HANDSHAKE   22u
#define ALERT_SIZE       2u  /* and anything encrypted is longer */
#define MESSAGE_TYPE_MAX 25u /* the last handshake message there is (RFC 8879) */
#define TYPE_DATA        23u
#define RECORD_MIN       22u /* header and tag of an empty record: no more records than this fit into a hole */
#define EARNED_PART      8u /* attempts in vain may cost an eighth of what was opened, beyond what every connection has */
#define PLAIN_SLACK      64u /* OpenSSL may write a block more than it is told */

static size_t round_up(size_t size)
{
    return (size + PAGE - 1) / PAGE * PAGE;
}

static size_t plain_size(void)
{
    return round_up(TLS_PLAINTEXT_MAX + PLAIN_SLACK);
}

static size_t pages_size(uint32_t connections)
{
    return plain_size() + round_up((size_t)connections * sizeof(struct tls_decrypter));
}

size_t tls_decrypt_engine_size(uint32_t connections)
{
    return pages_size(connections) + PAGE + sizeof(struct tls_decrypt_engine) + CACHE_LINE;
}

/* Keys and plaintext shall not be written to disk, neither by paging nor in a core. */
static void pages_protect(const struct tls_decrypt_engine *engine, struct diagnostics *diagnostics)
{
    (void)madvise(engine->pages, engine->pages_size, MADV_DONTDUMP);
    if (mlock2(engine->pages, engine->pages_size, MLOCK_ONFAULT) != 0)
        diagnostics_add(diagnostics, DIAGNOSTIC_WARNING, NULL,
                        "memory for the keys of TLS connections cannot be locked (%s) and may be paged out; raise the "
                        "limit on locked memory (ulimit -l, LimitMEMLOCK=) to %zu KiB",
                        strerror(errno), engine->pages_size / 1024);
}

int tls_decrypt_engine_new(struct tls_decrypt_engine **engine_out, struct arena *arena,
                           const struct tls_decrypt_options *options, struct diagnostics *diagnostics)
{
    struct tls_decrypt_engine *engine = arena_take_array(arena, struct tls_decrypt_engine, 1);
    if (!engine)
        return -ENOMEM;
    engine->options = *options;
    engine->pages_size = pages_size(options->connections);
    engine->pages = arena_take(arena, engine->pages_size, PAGE);
    if (!engine->pages)
        return -ENOMEM;
    engine->fresh = (struct tls_decrypter *)(void *)(engine->pages + plain_size());
    engine->fresh_count = options->connections;
    pages_protect(engine, diagnostics);
    int result = tls_cipher_contexts_new(&engine->contexts, options->contexts);
    if (result == 0)
        *engine_out = engine;
    return result;
}

void tls_decrypt_engine_free(struct tls_decrypt_engine *engine)
{
    if (!engine)
        return;
    tls_cipher_contexts_free(engine->contexts);
    size_t used = (size_t)((uint8_t *)engine->fresh - engine->pages); /* what was never used was never touched */
    OPENSSL_cleanse(engine->pages, used);
    (void)munlock(engine->pages, engine->pages_size);
}

struct tls_decrypter *tls_decrypt_begin(struct tls_decrypt_engine *engine)
{
    struct tls_decrypter *decrypter = engine->given;
    if (decrypter) {
        engine->given = decrypter->next_given;
    } else if (engine->fresh_count) {
        decrypter = engine->fresh++;
        engine->fresh_count--;
    } else {
        return NULL;
    }
    memset(decrypter, 0, sizeof(*decrypter));
    return decrypter;
}

void tls_decrypt_end(struct tls_decrypt_engine *engine, struct tls_decrypter *decrypter)
{
    if (decrypter->found) {
        struct tls_key_set set = {.entry = decrypter->entry, .use = decrypter->use};
        tls_key_store_finish(engine->options.store, &set);
    }
    for (uint32_t direction = 0; direction < TLS_DIRECTION_COUNT; direction++)
        tls_cipher_forget(engine->contexts, &decrypter->halves[direction].keys.key);
    OPENSSL_cleanse(decrypter, sizeof(*decrypter));
    OPENSSL_cleanse(engine->pages, plain_size()); /* the last record opened, whosesoever it was */
    decrypter->next_given = engine->given;
    engine->given = decrypter;
}

void tls_decrypt_learn(struct tls_decrypter *decrypter, const struct tls_decrypt_facts *facts)
{
    decrypter->facts = *facts;
    decrypter->learned = true;
    for (uint32_t direction = 0; direction < TLS_DIRECTION_COUNT; direction++)
        decrypter->halves[direction].stale = decrypter->halves[direction].epoch == TLS_EPOCH_CLEAR;
}

void tls_decrypt_key_exchange(struct tls_decrypt_engine *engine, struct tls_decrypter *decrypter,
                              struct span encrypted_premaster, struct span session_hash)
{
    if (encrypted_premaster.size < TLS_PREMASTER_PREFIX_SIZE)
        return;
    memcpy(decrypter->premaster_prefix, encrypted_premaster.data, TLS_PREMASTER_PREFIX_SIZE);
    decrypter->premaster_known = true;
    decrypter->session_hash_size = min_u32(session_hash.size, TLS_SESSION_HASH_MAX);
    if (session_hash.size)
        memcpy(decrypter->session_hash, session_hash.data, decrypter->session_hash_size);
    decrypter->learned = true;
    if (engine->options.premaster_wanted)
        decrypter->premaster_refused = !engine->options.premaster_wanted(engine->options.context, encrypted_premaster);
}

/* -------------------------------------------------------------------- what a record that stays closed is told */

enum tls_decrypt_status tls_decrypt_fail(struct tls_plain *plain_out, enum tls_decrypt_cause cause)
{
    plain_out->data = (struct span){0};
    plain_out->cause = cause;
    return TLS_DECRYPT_FAIL;
}

void tls_half_skip(struct tls_half *half, uint32_t records)
{
    half->hidden = min_u32(half->hidden + min_u32(records, TLS_DECRYPT_TRIALS_MAX), TLS_DECRYPT_TRIALS_MAX);
}

enum tls_decrypt_status tls_decrypt_without_key(struct tls_decrypt_engine *engine, struct tls_decrypter *decrypter,
                                                struct tls_half *half, struct tls_plain *plain_out)
{
    const struct tls_decrypt_facts *facts = &decrypter->facts;
    enum tls_decrypt_cause cause = decrypter->gave_up ? decrypter->give_up_cause : TLS_DECRYPT_CAUSE_NO_KEY;
    bool final = decrypter->gave_up || !engine->options.store || !facts->client_random_known;
    if (!facts->client_random_known || (decrypter->found && !facts->version))
        cause = TLS_DECRYPT_CAUSE_LOSS; /* a hello was not seen */
    else if (facts->encrypted_client_hello && !decrypter->found && cause != TLS_DECRYPT_CAUSE_BUDGET)
        cause = TLS_DECRYPT_CAUSE_ECH;
    else if (decrypter->premaster_refused && !decrypter->found)
        cause = TLS_DECRYPT_CAUSE_BUDGET;
    plain_out->data = (struct span){0};
    plain_out->cause = cause;
    if (!final)
        return TLS_DECRYPT_WAIT;
    tls_half_skip(half, 1);
    return TLS_DECRYPT_FAIL;
}

bool tls_decrypt_spend(struct tls_decrypter *decrypter, uint32_t bytes)
{
    decrypter->trial_bytes += bytes;
    return decrypter->trial_bytes <= TLS_DECRYPT_TRIAL_BYTES_MAX;
}

void tls_decrypt_earn(struct tls_decrypter *decrypter, uint32_t bytes)
{
    decrypter->trial_bytes -= min_u64(decrypter->trial_bytes, bytes / EARNED_PART);
}

/* -------------------------------------------------------------------- SSL 3.0 to TLS 1.2 */

static uint64_t explicit_nonce(struct span fragment)
{
    uint64_t nonce = 0;
    for (uint32_t i = 0; i < 8; i++)
        nonce = nonce << 8 | fragment.data[i];
    return nonce;
}

static bool has_explicit_nonce(const struct tls_record_keys *keys, struct span fragment)
{
    uint32_t size = tls_cipher_find(keys->suite.cipher)->explicit_size;
    return size == 8 && fragment.size > size;
}

struct opening {
    struct tls_decrypt_engine *engine;
    struct tls_decrypter *decrypter;
    struct tls_half *half;
    const struct tls_decrypt_input *input;
    struct span plain;
    bool spent;
    bool placed; /* proven, but its IV is not known */
};

static bool open_at(struct opening *opening, uint64_t sequence)
{
    struct tls_half *half = opening->half;
    struct span fragment = opening->input->fragment;
    if (sequence > 0 && half->keys.iv_is_first)
        half->keys.chain_known = false; /* records in between have made another one */
    if (!tls_record_open(opening->engine->contexts, &half->keys, sequence, opening->input, opening->engine->pages,
                         &opening->plain)) {
        opening->spent = !tls_decrypt_spend(opening->decrypter, fragment.size);
        opening->placed = half->keys.mac_held;
        half->sequence = opening->placed ? sequence + 1 : half->sequence;
        half->hidden = opening->placed ? 0 : half->hidden;
        return false;
    }
    half->sequence = sequence + 1;
    half->hidden = 0;
    if (has_explicit_nonce(&half->keys, fragment)) {
        half->nonce_offset = explicit_nonce(fragment) - sequence;
        half->nonce_known = true;
    }
    tls_decrypt_earn(opening->decrypter, fragment.size);
    return true;
}

/* The number expected, the one its nonce suggests, and those a hole may have hidden. */
static bool open_some(struct opening *opening)
{
    struct tls_half *half = opening->half;
    uint64_t first = half->sequence;
    bool opened = open_at(opening, first);
    if (!opened && !opening->spent && !opening->placed && half->hidden && half->nonce_known &&
        has_explicit_nonce(&half->keys, opening->input->fragment)) {
        uint64_t hinted = explicit_nonce(opening->input->fragment) - half->nonce_offset;
        opened = hinted > first && open_at(opening, hinted);
    }
    for (uint32_t skipped = 1; !opened && !opening->spent && !opening->placed && skipped <= half->hidden; skipped++)
        opened = open_at(opening, first + skipped);
    tls_record_chain(&half->keys, opening->input->fragment, opened);
    return opened;
}

/* The keys of this direction, as soon as their secret is known. */
static enum tls_keys_status half_key(struct tls_decrypt_engine *engine, struct tls_decrypter *decrypter,
                                     enum tls_direction direction)
{
    struct tls_half *half = &decrypter->halves[direction];
    if (half->keyed && half->stale)
        tls_cipher_forget(engine->contexts, &half->keys.key);
    half->keyed = half->keyed && !half->stale;
    half->stale = false;
    if (half->keyed)
        return TLS_KEYS_READY;
    enum tls_keys_status status = tls_keys_derive(engine, decrypter, direction, &half->keys);
    half->keyed = status == TLS_KEYS_READY;
    return status;
}

/* Behind ChangeCipherSpec: new keys, first number. */
static void half_change(struct tls_decrypt_engine *engine, struct tls_half *half)
{
    tls_cipher_forget(engine->contexts, &half->keys.key);
    half->keyed = false;
    half->epoch = TLS_EPOCH_TRAFFIC;
    half->changed = false;
    half->sequence = 0;
    half->hidden = 0;
    half->nonce_known = false;
}

static enum tls_decrypt_status protected_record(struct tls_decrypt_engine *engine, struct tls_decrypter *decrypter,
                                                enum tls_direction direction, const struct tls_decrypt_input *input,
                                                struct tls_plain *plain_out)
{
    struct tls_half *half = &decrypter->halves[direction];
    enum tls_keys_status status = half_key(engine, decrypter, direction);
    if (status == TLS_KEYS_UNSUPPORTED)
        return tls_decrypt_fail(plain_out, TLS_DECRYPT_CAUSE_UNSUPPORTED);
    if (status == TLS_KEYS_UNKNOWN || half->broken)
        return tls_decrypt_fail(plain_out, TLS_DECRYPT_CAUSE_LOSS);
    if (status == TLS_KEYS_MISSING)
        return tls_decrypt_without_key(engine, decrypter, half, plain_out);
    struct opening opening = {.engine = engine, .decrypter = decrypter, .half = half, .input = input};
    bool lost = half->hidden > 0;
    if (!open_some(&opening)) {
        half->broken = half->keys.suite.cipher == TLS_OPEN_RC4;
        tls_half_skip(half, opening.placed ? 0 : 1);
        if (opening.spent)
            return tls_decrypt_fail(plain_out, TLS_DECRYPT_CAUSE_BUDGET);
        return tls_decrypt_fail(plain_out, lost ? TLS_DECRYPT_CAUSE_LOSS : TLS_DECRYPT_CAUSE_REFUSED);
    }
    plain_out->data = opening.plain;
    plain_out->protection = true;
    if (input->type == TYPE_CCS)
        half_change(engine, half); /* renegotiation */
    return TLS_DECRYPT_PLAIN;
}

static enum tls_decrypt_status clear_record(const struct tls_decrypt_input *input, struct tls_plain *plain_out)
{
    plain_out->type = input->type;
    plain_out->data = input->fragment;
    plain_out->cause = TLS_DECRYPT_CAUSE_NONE;
    return TLS_DECRYPT_PLAIN;
}

/* A whole hello, which behind a HelloRetryRequest may follow a ChangeCipherSpec. */
static bool is_hello(struct span fragment)
{
    return fragment.size > 4 && (fragment.data[0] == 1 || fragment.data[0] == 2) && fragment.data[1] == 0 &&
           (uint32_t)(fragment.data[2] << 8 | fragment.data[3]) == fragment.size - 4;
}

/* Behind a hole: a message begins here, or an alert is here, as ciphertext does by chance once in thousands. */
static bool seems_clear(const struct tls_decrypt_input *input)
{
    if (input->type != TYPE_HANDSHAKE)
        return input->fragment.size == ALERT_SIZE;
    return input->fragment.size >= 4 && input->fragment.data[0] <= MESSAGE_TYPE_MAX && input->fragment.data[1] == 0;
}

/* Before ChangeCipherSpec, unless a hole took it: then a record that opens proves that it has been. */
static enum tls_decrypt_status unprotected_record(struct tls_decrypt_engine *engine, struct tls_decrypter *decrypter,
                                                  enum tls_direction direction, const struct tls_decrypt_input *input,
                                                  struct tls_plain *plain_out)
{
    struct tls_half *half = &decrypter->halves[direction];
    if (input->type == TYPE_CCS) {
        half_change(engine, half);
        return clear_record(input, plain_out);
    }
    if (input->type != TYPE_DATA && half->hidden == 0)
        return clear_record(input, plain_out);
    if (half->hidden == 0)
        tls_half_skip(half, 2); /* data before any ChangeCipherSpec: that and a Finished were missed at least */
    enum tls_decrypt_status status = protected_record(engine, decrypter, direction, input, plain_out);
    if (status == TLS_DECRYPT_PLAIN)
        half->epoch = TLS_EPOCH_TRAFFIC;
    bool clear = status != TLS_DECRYPT_PLAIN && input->type != TYPE_DATA && seems_clear(input);
    return clear ? clear_record(input, plain_out) : status;
}

/* Of TLS 1.3: not data, so not protected. The version may be an earlier one as long as no server hello was seen. */
static enum tls_decrypt_status maybe_clear_record(const struct tls_decrypter *decrypter, struct tls_half *half,
                                                  const struct tls_decrypt_input *input, struct tls_plain *plain_out)
{
    bool unknown = decrypter->facts.version == 0 && half->epoch == TLS_EPOCH_CLEAR;
    if (unknown && half->changed && input->type != TYPE_CCS && !is_hello(input->fragment)) {
        tls_half_skip(half, 1);
        return tls_decrypt_fail(plain_out, TLS_DECRYPT_CAUSE_LOSS);
    }
    half->changed = half->changed || (unknown && input->type == TYPE_CCS);
    return clear_record(input, plain_out);
}

/* Once keys are in use they decide, not a hello that comes later: that one holds from the next change of keys. */
static bool speaks_tls13(const struct tls_decrypter *decrypter, enum tls_direction direction)
{
    const struct tls_half *half = &decrypter->halves[direction];
    uint16_t version = decrypter->facts.version;
    if (half->epoch != TLS_EPOCH_CLEAR)
        return half->keyed && half->keys.suite.tls13;
    return version >= TLS_VERSION_1_3 || version == 0;
}

enum tls_decrypt_status tls_decrypt_record(struct tls_decrypt_engine *engine, struct tls_decrypter *decrypter,
                                           enum tls_direction direction, const struct tls_decrypt_input *input,
                                           struct tls_plain *plain_out)
{
    memset(plain_out, 0, sizeof(*plain_out));
    plain_out->type = input->type;
    decrypter->time_ns = input->time_ns;
    if (input->fragment.size > TLS_CIPHERTEXT_MAX)
        return tls_decrypt_fail(plain_out, TLS_DECRYPT_CAUSE_REFUSED);
    struct tls_half *half = &decrypter->halves[direction];
    if (speaks_tls13(decrypter, direction) && input->type == TYPE_DATA)
        return tls13_record(engine, decrypter, direction, input, plain_out);
    if (speaks_tls13(decrypter, direction))
        return maybe_clear_record(decrypter, half, input, plain_out);
    if (half->changed && half->epoch == TLS_EPOCH_CLEAR)
        half_change(engine, half); /* the hello that says what it meant came later */
    if (half->epoch == TLS_EPOCH_CLEAR)
        return unprotected_record(engine, decrypter, direction, input, plain_out);
    return protected_record(engine, decrypter, direction, input, plain_out);
}

void tls_decrypt_lost(struct tls_decrypter *decrypter, enum tls_direction direction, uint32_t bytes)
{
    struct tls_half *half = &decrypter->halves[direction];
    tls_half_skip(half, bytes / RECORD_MIN + 1);
    half->keys.chain_known = false;
    half->broken = half->broken || (half->keyed && half->keys.suite.cipher == TLS_OPEN_RC4);
}

bool tls_decrypt_key_may_have_come(const struct tls_decrypt_engine *engine, const struct tls_decrypter *decrypter)
{
    return decrypter->learned || tls_session_may_have_come(engine, decrypter) ||
           (engine->options.store && tls_key_store_version(engine->options.store) != decrypter->version_seen);
}

void tls_decrypt_give_up(struct tls_decrypter *decrypter, enum tls_decrypt_cause cause)
{
    decrypter->gave_up = true;
    decrypter->give_up_cause = (uint8_t)cause;
}

/* -------------------------------------------------------------------- names */

struct cause_text {
    const char *name, *help;
};

static const struct cause_text causes[] = {
    [TLS_DECRYPT_CAUSE_NONE] = {"none", "Opened, or never closed."},
    [TLS_DECRYPT_CAUSE_NO_KEY] = {"no_key",
                                  "No secret of this connection was given, or not in the time to wait for it."},
    [TLS_DECRYPT_CAUSE_ECH] = {"ech", "Encrypted Client Hello hides the random by which a key is found."},
    [TLS_DECRYPT_CAUSE_UNSUPPORTED] = {"unsupported", "A version, suite or compression that is not opened."},
    [TLS_DECRYPT_CAUSE_LOSS] = {"loss", "Missing bytes: a hello, or the place in the stream of records."},
    [TLS_DECRYPT_CAUSE_BUDGET] = {"budget", "No memory left to follow or hold it, or too many attempts in vain."},
    [TLS_DECRYPT_CAUSE_REFUSED] = {"refused", "The key does not open it: another secret, or altered bytes."},
};
static_assert(ARRAY_COUNT(causes) == TLS_DECRYPT_CAUSE_COUNT, "every cause has a text");

const char *tls_decrypt_cause_name(enum tls_decrypt_cause cause)
{
    return causes[cause].name;
}

const char *tls_decrypt_cause_help(enum tls_decrypt_cause cause)
{
    return causes[cause].help;
}
