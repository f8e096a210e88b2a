/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Key store
 *
 * The TLS secrets of one process, found by client random, session id or prefix of the encrypted premaster secret. One
 * thread writes (the key inputs), every worker reads without a lock: each entry is a sequence lock, and a table of sets
 * with a fixed number of ways needs neither chains nor tombstones, so a reader never follows a pointer.
 *
 * Memory:  one mapping, locked (mlock) and left out of core dumps (MADV_DONTDUMP). A system that refuses to lock is
 * told as a warning, not as an error. Secrets are wiped when they expire, are finished with, or make room. Threads: one
 * writer for put, expire and free; any number of readers for the rest. Limits:  the entries given to
 * tls_key_store_new(); a full set gives up its oldest entry (evicted).
 */

#include "base/diagnostics.h"
#include "tls/keylog.h"

struct tls_key_store;

struct tls_secret {
    uint8_t bytes[TLS_SECRET_MAX];
    uint32_t size;       /* 0: not known */
    uint32_t generation; /* of a traffic secret */
};

/* All secrets of one connection that open records. */
struct tls_key_set {
    struct tls_secret secrets[TLS_SECRET_SERVER_TRAFFIC + 1]; /* by enum tls_secret_kind */
    uint32_t entry;                                           /* for tls_key_store_finish() */
    uint32_t use;
};

struct tls_key_store_options {
    uint32_t entries;   /* rounded up to a power of two */
    uint64_t expire_ns; /* age at which an entry is wiped; 0: never */
};

struct tls_key_store_counts {
    uint64_t put;      /* secrets taken in */
    uint64_t replaced; /* of those, over an earlier one of the same name */
    uint64_t expired;  /* entries wiped by age ... */
    uint64_t finished; /* ... because their connection ended ... */
    uint64_t evicted;  /* ... to make room */
    uint64_t live;     /* entries now */
};

/* -ENOMEM; a refusal to lock is a warning in `diagnostics`. */
MUST_USE int tls_key_store_new(struct tls_key_store **store_out, const struct tls_key_store_options *options,
                               struct diagnostics *diagnostics);
/* Wipes everything. */
void tls_key_store_free(struct tls_key_store *store);

/* Writer. Items that open no record (EXPORTER, ECH) are ignored. */
void tls_key_store_put(struct tls_key_store *store, const struct tls_keylog_item *item, uint64_t now_ns);

/* Writer: wipes what is too old or finished with. To be called a few times a second. */
void tls_key_store_expire(struct tls_key_store *store, uint64_t now_ns);

/* Any thread: false when nothing is known by that name. */
bool tls_key_store_find(const struct tls_key_store *store, enum tls_key_by by, struct span id,
                        struct tls_key_set *set_out);

/* Any thread: whether anything is known by that name. */
bool tls_key_store_has(const struct tls_key_store *store, enum tls_key_by by, struct span id);

/* Any thread: the connection that found `set` has ended; the writer wipes the entry at its next tls_key_store_expire().
 */
void tls_key_store_finish(struct tls_key_store *store, const struct tls_key_set *set);

/* Any thread: changes whenever a secret is put, so that who waits for one need not look each time. */
uint64_t tls_key_store_version(const struct tls_key_store *store);

void tls_key_store_count(const struct tls_key_store *store, struct tls_key_store_counts *counts_out);
