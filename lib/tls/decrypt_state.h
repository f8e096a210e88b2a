/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Decrypter, seen from inside
 *
 * A connection has two halves, one a direction. A half knows the keys of its current epoch, the sequence number the
 * next record should have, and how many records a hole may have hidden before it.
 */

#include "tls/cipher_context.h"
#include "tls/decrypt.h"

/* Keys of one direction change at these points (RFC 8446 2, RFC 5246 7.1). */
enum tls_epoch {
    TLS_EPOCH_CLEAR,     /* nothing protected yet */
    TLS_EPOCH_EARLY,     /* TLS 1.3, client: 0-RTT */
    TLS_EPOCH_HANDSHAKE, /* TLS 1.3 */
    TLS_EPOCH_TRAFFIC,   /* TLS 1.3, counted by `generation`; before it: behind ChangeCipherSpec */
};

/* The keys of an epoch and what goes on with each record opened by them. */
struct tls_record_keys {
    struct tls_cipher_key key;
    struct tls_suite_keys suite;
    uint16_t version;
    bool encrypt_then_mac;
    bool chain_known; /* SSL 3.0 and TLS 1.0 CBC: `iv` continues from the record before */
    bool mac_held;    /* encrypt-then-MAC: a record was proven, whether it could be opened or not */
    bool iv_is_first; /* ... `iv` is the one of the first record still */
    uint8_t iv[16];   /* fixed part of the nonce, or chained block */
    uint8_t mac[TLS_HASH_SIZE_MAX];
    struct tls_rc4 rc4;
};

struct tls_half {
    struct tls_record_keys keys;
    bool stale;          /* `keys` were made of an earlier hello, and never opened anything */
    bool changed;        /* a ChangeCipherSpec was seen before the version was known */
    bool keyed;          /* `keys` hold; false: they wait for a secret */
    uint8_t epoch;       /* enum tls_epoch */
    uint32_t generation; /* TLS 1.3 key updates */
    uint64_t sequence;
    uint32_t hidden;                /* records that may have been lost before the next one; 0: aligned */
    bool broken;                    /* cannot go on behind a loss (RC4) */
    bool nonce_known;               /* AEAD of TLS 1.2: explicit nonces mostly count with the sequence number ... */
    uint64_t nonce_offset;          /* ... from here */
    uint8_t secret[TLS_SECRET_MAX]; /* TLS 1.3: of the current generation, for the next one */
};

/* A ticket as the store of sessions knows it: its SHA-256. */
struct tls_session_name {
    bool known;
    uint8_t digest[TLS_SESSION_ID_MAX];
};

struct tls_decrypter {
    struct tls_decrypter *next_given;
    struct tls_decrypt_facts facts;
    struct tls_half halves[TLS_DIRECTION_COUNT];
    uint64_t version_seen;                                /* of the store, when a secret was last missing */
    uint64_t sessions_seen;                               /* ... of the remembered sessions */
    struct tls_session_name tickets[TLS_DIRECTION_COUNT]; /* offered, issued */
    uint64_t time_ns;                                     /* of the record offered last */
    uint64_t trial_bytes;
    uint32_t used_kinds; /* bit a secret kind: its use was told */
    bool learned;        /* facts came since a record had to wait */
    bool gave_up;
    bool found;            /* a secret was found, in `entry` */
    uint8_t give_up_cause; /* enum tls_decrypt_cause */
    uint16_t proven_suite; /* found by trial where no hello said it */
    uint32_t entry, use;   /* for tls_key_store_finish() */
    uint8_t premaster_prefix[TLS_PREMASTER_PREFIX_SIZE];
    bool premaster_known;
    bool premaster_refused; /* it was asked for, and there was no room to ask */
    uint8_t session_hash[TLS_SESSION_HASH_MAX];
    uint32_t session_hash_size;
};

struct tls_decrypt_engine {
    struct tls_decrypt_options options;
    struct tls_cipher_contexts *contexts;
    uint8_t *pages; /* locked: the plaintext of one record, then the decrypters */
    size_t pages_size;
    struct tls_decrypter *fresh; /* never used yet */
    uint32_t fresh_count;
    struct tls_decrypter *given; /* back from earlier connections */
};

/* -------------------------------------------------------------------- decrypt_open.c */

/*
 * Opens one record as number `sequence` into `out` (TLS_PLAINTEXT_MAX bytes). Nothing in *keys changes unless it was
 * proven.
 */
bool tls_record_open(struct tls_cipher_contexts *contexts, struct tls_record_keys *keys, uint64_t sequence,
                     const struct tls_decrypt_input *input, uint8_t *out, struct span *plain_out);

/* Whether opened or not, a record gives the IV of the next one in SSL 3.0 and TLS 1.0. */
void tls_record_chain(struct tls_record_keys *keys, struct span fragment, bool opened);

/* ... of TLS 1.3, where the content type lies inside. */
bool tls_record13_open(struct tls_cipher_contexts *contexts, struct tls_record_keys *keys, uint64_t sequence,
                       const struct tls_decrypt_input *input, uint8_t *out, struct tls_plain *plain_out);

/* -------------------------------------------------------------------- decrypt_keys.c */

/* Looks the connection's secrets up. False: none known. */
bool tls_secrets_find(struct tls_decrypt_engine *engine, struct tls_decrypter *decrypter, struct tls_key_set *set_out);

/* Tells that a secret is used, the first time. */
void tls_secret_used(struct tls_decrypt_engine *engine, struct tls_decrypter *decrypter, enum tls_secret_kind kind);

enum tls_keys_status { TLS_KEYS_READY, TLS_KEYS_MISSING, TLS_KEYS_UNSUPPORTED, TLS_KEYS_UNKNOWN };

/* Keys of TLS 1.2 and before for one direction; UNKNOWN: hellos not seen. */
enum tls_keys_status tls_keys_derive(struct tls_decrypt_engine *engine, struct tls_decrypter *decrypter,
                                     enum tls_direction direction, struct tls_record_keys *keys_out);

/* Keys of TLS 1.3 from a traffic secret. */
void tls_keys13_derive(struct tls_decrypt_engine *engine, uint16_t suite, struct span secret,
                       struct tls_record_keys *keys_out);
/* The secret of the next generation (RFC 8446 7.2), in place. */
void tls_secret_update(uint16_t suite, uint8_t secret[TLS_SECRET_MAX]);

/* -------------------------------------------------------------------- decrypt_session.c */

/* The master secret of the session that the connection resumes. */
bool tls_session_find(struct tls_decrypt_engine *engine, struct tls_decrypter *decrypter,
                      uint8_t master_out[TLS_MASTER_SIZE]);
/* Whether that may give another answer than last time. */
bool tls_session_may_have_come(const struct tls_decrypt_engine *engine, const struct tls_decrypter *decrypter);
/* Remembers the connection's own, for those that resume it. */
void tls_session_keep(struct tls_decrypt_engine *engine, const struct tls_decrypter *decrypter,
                      const uint8_t master[TLS_MASTER_SIZE]);

/* -------------------------------------------------------------------- decrypt_tls13.c */

enum tls_decrypt_status tls13_record(struct tls_decrypt_engine *engine, struct tls_decrypter *decrypter,
                                     enum tls_direction direction, const struct tls_decrypt_input *input,
                                     struct tls_plain *plain_out);

/* -------------------------------------------------------------------- decrypt.c */

/* The record has no key: WAIT while waiting may help, else FAIL with the right cause. */
enum tls_decrypt_status tls_decrypt_without_key(struct tls_decrypt_engine *engine, struct tls_decrypter *decrypter,
                                                struct tls_half *half, struct tls_plain *plain_out);
enum tls_decrypt_status tls_decrypt_fail(struct tls_plain *plain_out, enum tls_decrypt_cause cause);

/* Counts an attempt in vain; false: the connection has had its share. */
bool tls_decrypt_spend(struct tls_decrypter *decrypter, uint32_t bytes);
/* What opens pays for later attempts. */
void tls_decrypt_earn(struct tls_decrypter *decrypter, uint32_t bytes);

/* So many records went by unopened, or may have. */
void tls_half_skip(struct tls_half *half, uint32_t records);
