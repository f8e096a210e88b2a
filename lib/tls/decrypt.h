/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Decryption of TLS records
 *
 * Opens the records of a connection seen from outside: SSL 3.0 to TLS 1.3, with secrets from the key store. The caller
 * reads records (tls/record.h) and hellos and tells what it learned; every record, protected or not, goes through
 * tls_decrypt_record() in the order of its direction.
 *
 *     begin -> learn(client hello) -> learn(both hellos) -> record ... -> end
 *
 * A record that has to wait for its key answers WAIT and is offered again, first of its direction, when
 * tls_decrypt_key_may_have_come() says so; when the caller does not want to wait longer it calls
 * tls_decrypt_give_up() and offers it once more. Nothing is answered PLAIN that a MAC or an AEAD has not proven, except
 * records that are not protected at all (told by `protection`).
 *
 * Up to TLS 1.2 a resumed connection has the master secret of the one it resumes, and programs often log it there only.
 * Where the engine is given a store to remember sessions in, it keeps master secrets by session id and ticket.
 *
 * Memory:  the engine's, taken at start: decrypters, and cipher contexts (OpenSSL's heap) that are shared by all
 *          connections and re-keyed in turns, so nothing is allocated later. Keys lie in locked pages left out of core
 *          dumps and are wiped at the end of the connection.
 * Threads: one engine a worker; the store is shared.
 * Limits:  TLS_PLAINTEXT_MAX a record; TLS_DECRYPT_TRIALS_MAX attempts to find the sequence number behind a loss and
 *          TLS_DECRYPT_TRIAL_BYTES_MAX bytes of them a connection.
 * Source:  RFC 8446, 5246, 4346, 2246, 6101; 5288, 6655, 7905, 6367, 6209 (suites); 7366, 7627 (extensions).
 */

#include "base/arena.h"
#include "base/diagnostics.h"
#include "base/span.h"
#include "tls/hash.h"
#include "tls/key_store.h"

#define TLS_CIPHERTEXT_MAX          (16384u + 2048u)   /* RFC 5246 6.2.3, the largest of all versions */
#define TLS_PLAINTEXT_MAX           TLS_CIPHERTEXT_MAX /* a record cannot open to more than it holds */
#define TLS_DECRYPT_TRIALS_MAX      256u /* records a hole may have hidden: 256 small ones, or 4 MiB of full ones */
#define TLS_DECRYPT_TRIAL_BYTES_MAX (8u << 20) /* a connection's work in vain: some milliseconds */

enum tls_direction { TLS_FROM_CLIENT, TLS_FROM_SERVER, TLS_DIRECTION_COUNT };

enum tls_decrypt_status {
    TLS_DECRYPT_PLAIN, /* *plain_out is filled */
    TLS_DECRYPT_WAIT,  /* its key is not there yet */
    TLS_DECRYPT_FAIL,  /* this record stays closed; plain_out->cause says why, the next one may open */
};

/* Why a record stays closed. Names and help for the ledger: tls_decrypt_cause_name(). */
enum tls_decrypt_cause {
    TLS_DECRYPT_CAUSE_NONE,
    TLS_DECRYPT_CAUSE_NO_KEY,      /* no secret for this connection, or none yet */
    TLS_DECRYPT_CAUSE_ECH,         /* Encrypted Client Hello: the random that names the key is not visible */
    TLS_DECRYPT_CAUSE_UNSUPPORTED, /* version, suite or compression that is not opened */
    TLS_DECRYPT_CAUSE_LOSS,        /* missing bytes: hello not seen, or the sequence number was not found again */
    TLS_DECRYPT_CAUSE_BUDGET,      /* no decrypter, no room to wait, or trials used up */
    TLS_DECRYPT_CAUSE_REFUSED,     /* the key does not open it: wrong secret, or altered bytes */
    TLS_DECRYPT_CAUSE_COUNT
};

/* What the hellos said. Call tls_decrypt_learn() again whenever more is known; zero means not (yet) known. */
struct tls_decrypt_facts {
    uint16_t version; /* negotiated: 0x0304, 0x0303 ... ; 0: server hello not seen */
    uint16_t suite;   /* 0: not known */
    uint8_t compression;
    bool client_random_known;
    bool server_random_known;
    bool extended_master_secret; /* both sides (RFC 7627) */
    bool encrypt_then_mac;       /* both sides (RFC 7366) */
    bool truncated_hmac;         /* both sides (RFC 6066 7): not opened */
    bool early_data;             /* offered by the client */
    bool encrypted_client_hello; /* offered by the client */
    bool resumed;                /* the server echoed the session id of the client (TLS 1.2 and before) */
    uint8_t session_id_size;     /* of the server hello (TLS 1.2 and before) */
    uint8_t client_random[TLS_RANDOM_SIZE];
    uint8_t server_random[TLS_RANDOM_SIZE];
    uint8_t session_id[TLS_SESSION_ID_MAX];
};

/* One record of the wire. */
struct tls_decrypt_input {
    uint8_t type;         /* of the record header */
    uint16_t version;     /* of the record header */
    struct span fragment; /* behind the five bytes of the header */
    uint64_t time_ns;     /* when it came; for the age of what is remembered */
};

struct tls_plain {
    struct span data;             /* in the engine's buffer, or the fragment itself; valid until the next call */
    uint8_t type;                 /* content type: inner one for TLS 1.3 */
    bool protection;              /* it was encrypted or authenticated, and that held */
    bool early;                   /* 0-RTT: may be a replay (RFC 8446 8) */
    enum tls_decrypt_cause cause; /* of FAIL; of WAIT the one it would fail for now */
};

/* A secret is used for a connection for the first time: evidence of key access. Called on the worker. */
typedef void tls_key_used_function(void *context, const uint8_t client_random[TLS_RANDOM_SIZE],
                                   enum tls_secret_kind kind);

/*
 * An RSA key exchange whose premaster secret is wanted from who has the private key. It comes to the store later, or
 * has come on return. False: no room to ask.
 */
typedef bool tls_premaster_wanted_function(void *context, struct span encrypted_premaster);

struct tls_decrypt_options {
    struct tls_key_store *store;    /* NULL: nothing is ever opened (every protected record fails with NO_KEY) */
    struct tls_key_store *sessions; /* remembered; only this engine writes it. NULL: none, a secret goes with its end */
    uint32_t connections;           /* decrypters at one time */
    uint32_t contexts;              /* cipher contexts of each frequent suite; 64 keep as many busy directions keyed */
    void *context;
    tls_key_used_function *key_used;                 /* or NULL */
    tls_premaster_wanted_function *premaster_wanted; /* or NULL */
};

struct tls_decrypt_engine;
struct tls_decrypter;

/* Bytes of the arena that `connections` take. */
size_t tls_decrypt_engine_size(uint32_t connections);
/* Returns 0, -ENOMEM, or -ENOTSUP when libcrypto lacks a cipher every TLS needs. Refused locks are warnings. */
MUST_USE int tls_decrypt_engine_new(struct tls_decrypt_engine **engine_out, struct arena *arena,
                                    const struct tls_decrypt_options *options, struct diagnostics *diagnostics);
/* Wipes and frees the contexts. */
void tls_decrypt_engine_free(struct tls_decrypt_engine *engine);

/* NULL when all decrypters are out: cause BUDGET. */
struct tls_decrypter *tls_decrypt_begin(struct tls_decrypt_engine *engine);
void tls_decrypt_end(struct tls_decrypt_engine *engine, struct tls_decrypter *decrypter);

/* Hellos that arrive inside a protected connection (renegotiation) hold from the next ChangeCipherSpec. */
void tls_decrypt_learn(struct tls_decrypter *decrypter, const struct tls_decrypt_facts *facts);

/*
 * A ClientKeyExchange of an RSA suite: `encrypted_premaster` without its length, `session_hash` of all handshake
 * messages up to and with it (needed for extended_master_secret only; empty: not known).
 */
void tls_decrypt_key_exchange(struct tls_decrypt_engine *engine, struct tls_decrypter *decrypter,
                              struct span encrypted_premaster, struct span session_hash);

/* A session ticket that the client offers or the server issues, in clear (RFC 5077). */
void tls_decrypt_ticket(const struct tls_decrypt_engine *engine, struct tls_decrypter *decrypter,
                        enum tls_direction from, struct span ticket);

enum tls_decrypt_status tls_decrypt_record(struct tls_decrypt_engine *engine, struct tls_decrypter *decrypter,
                                           enum tls_direction direction, const struct tls_decrypt_input *input,
                                           struct tls_plain *plain_out);

/* Bytes of this direction are missing before the next record offered. A record that then fails with LOSS may be none.
 */
void tls_decrypt_lost(struct tls_decrypter *decrypter, enum tls_direction direction, uint32_t bytes);

/* After WAIT: whether offering the record again may give another answer. Cheap. */
bool tls_decrypt_key_may_have_come(const struct tls_decrypt_engine *engine, const struct tls_decrypter *decrypter);
/* No more waiting, for the reason given: from now on records without a key fail with it. */
void tls_decrypt_give_up(struct tls_decrypter *decrypter, enum tls_decrypt_cause cause);

/* Stable lower-case names, and one sentence each. Never NULL. */
const char *tls_decrypt_cause_name(enum tls_decrypt_cause cause);
const char *tls_decrypt_cause_help(enum tls_decrypt_cause cause);
