/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Certificate cache
 *
 * Chains that a worker has read, by what they are (SHA-256 of the DER of the whole chain) and what they were judged
 * against (epoch and zone). A handshake costs one digest and one look-up; OpenSSL, which allocates, runs once for each
 * chain, epoch and zone, and not more often than the budget allows: hostile chains without end cost a counter.
 *
 * Memory:  the entries from the worker's arena; OpenSSL's heap while one is read.
 * Threads: one owner, the worker.
 * Limits:  entries of the size given; one in use is not replaced. CERTIFICATE_READS_PER_SECOND chains and
 *          CERTIFICATE_BYTES_PER_SECOND bytes of packet time, saved up to a burst: a chain takes 0.1 to 1 ms, so that
 * is a few percent of a core. What found no room or no budget is unknown, and counted.
 */

#include "base/arena.h"
#include "certificate/staple.h"

#define CERTIFICATE_READS_PER_SECOND 64u
#define CERTIFICATE_READS_BURST      256u /* when a sensor starts every service is new */
#define CERTIFICATE_BYTES_PER_SECOND (256u << 10)
#define CERTIFICATE_BYTES_BURST      (2u << 20)
#define CERTIFICATE_FOLDS            16u /* findings of one certificate, by rule and service; beyond them each is told */

struct certificate_cache_counts {
    uint64_t lookups;   /* chains that handshakes showed ... */
    uint64_t reads;     /* ... of them not known yet, and read */
    uint64_t refused;   /* not read: no budget */
    uint64_t full;      /* not read: no room */
    uint64_t malformed; /* read, and no certificate */
    uint64_t staples;   /* OCSP answers read */
};

struct certificate_cache_key {
    uint32_t epoch, zone;
};

struct certificate_entry {
    struct certificate certificate;
    uint8_t chain_digest[CERTIFICATE_DIGEST_SIZE];
    struct certificate_cache_key key;
    uint32_t next;  /* of its bucket */
    uint32_t users; /* handshakes that go on */
    uint32_t newer, older;
    bool readable;                     /* otherwise the leaf is no certificate */
    uint64_t first_ns, last_ns, count; /* handshakes */
    uint64_t told_ns, told_count;      /* the caller's: when the inventory was last told of it, and of how many */
    uint8_t server[16];                /* the caller's: where it was first seen */
    uint16_t server_port;
    bool client;
    struct x509_st *issuer;           /* of the leaf, where the chain leads to an anchor; NULL: none */
    struct certificate_staple staple; /* that came last; state ABSENT: none did */
    uint8_t staple_digest[CERTIFICATE_DIGEST_SIZE];
    uint64_t folds[CERTIFICATE_FOLDS]; /* findings told: digests of rule and service; 0: free */
};

struct certificate_cache;

/* Gives back what is OpenSSL's; the entries are the arena's. NULL is fine. */
void certificate_cache_deinit(struct certificate_cache *cache);
MUST_USE int certificate_cache_new(struct certificate_cache **cache_out, struct arena *arena, uint32_t entries);

/* NULL: unknown. An entry is in use until it is given back. */
struct certificate_entry *certificate_cache_take(struct certificate_cache *cache,
                                                 const struct certificate_trust_store *store,
                                                 struct certificate_cache_key key,
                                                 const struct certificate_chain *chain, uint64_t time_ns);
/* What came with it in a handshake; the same answer is read once. */
void certificate_cache_staple(struct certificate_cache *cache, const struct certificate_trust_store *store,
                              struct certificate_entry *entry, struct span response, uint64_t time_ns,
                              struct certificate_staple *staple_out);
void certificate_cache_give(struct certificate_entry *entry);

/* True the first time a finding is told of it; `digest` stands for rule and service. */
bool certificate_entry_fold(struct certificate_entry *entry, uint64_t digest);

/* The entries in use so far, in no order; NULL behind the last. */
struct certificate_entry *certificate_cache_at(struct certificate_cache *cache, uint32_t index);

const struct certificate_cache_counts *certificate_cache_counts(const struct certificate_cache *cache);
