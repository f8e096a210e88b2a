/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Epoch
 *
 * Everything that judges a transaction, built whole on the slow path and immutable from then on: registry, detectors,
 * rules, zones; beside it, for each worker, the scratch memory and the counters that belong to it. A transaction is
 * judged by the epoch it began with and by no other.
 *
 * Memory:  heap and the modules' own arenas; epoch_free() gives all of it back.
 * Threads: built by one thread; shared by the workers; workers[i] belongs to worker i (its counters may be read by
 *          others, relaxed).
 */

#include "certificate/trust.h"
#include "config/settings.h"
#include "detect/detect_scan.h"
#include "policy/policy.h"
#include "policy/zones.h"
#include "registry/registry.h"
#include "token/verifier.h"

#define EPOCH_WORKERS_MAX SETTINGS_WORKERS_MAX
#define EPOCH_DIGEST_SIZE 65u /* SHA-256 in hex, terminated */

struct epoch_operation {
    uint64_t calls; /* since the last roll-up */
    uint64_t judged[POLICY_SUBJECTS];
    bool touched; /* it is among the touched: there are verdicts to tell */
};

struct epoch_worker {
    uint64_t open; /* uses of this epoch: transactions, and counts not told yet; single writer */
    struct detect_scratch *scratch;
    struct token_verifier *tokens;
    /* Counts since the last roll-up; one row for each operation, and one for calls that match none. */
    struct epoch_operation *operations;
    uint64_t (*verdicts)[VERDICT_COUNT]; /* of operation o and rule r: verdicts[o * rules + r] */
    uint32_t *touched;                   /* operations with calls */
    uint32_t touched_count;
    uint64_t rollup_start_ns; /* packet time of the first of them */
} CACHE_ALIGNED;

struct epoch {
    uint32_t number; /* from 1, never reused by a running worker process */
    uint32_t worker_count;
    struct zones *zones;
    struct registry *registry; /* NULL: none configured */
    struct detect_set *detectors;
    struct policy *policy;
    struct certificate_trust_store *trust; /* what certificates are judged against */
    struct token_issuers *issuers;
    struct caller_roles *roles;                   /* by SPIFFE id */
    char rules_digest[EPOCH_DIGEST_SIZE];         /* of rule packs and detector files */
    char registry_digest[EPOCH_DIGEST_SIZE];      /* "" without a registry */
    char configuration_digest[EPOCH_DIGEST_SIZE]; /* of the settings file and the key sets it names */
    uint64_t build_ns;                            /* how long the building took */
    struct epoch_worker workers[EPOCH_WORKERS_MAX];
};

struct epoch_sources {
    const struct settings *settings;
    const char *settings_path; /* NULL: defaults */
    uint32_t number;
    uint32_t worker_count;
    bool waits;                   /* packets wait for the workers, so nothing has to be left undone (replay) */
    const struct epoch *previous; /* in force until now; what it has too is not graded again; NULL: none */
    bool ungraded;                /* no pattern is graded (detect/detect_set.h) */
    struct digest_key *key;       /* for digests of values; the same for all epochs of a process; outlives them */
};

/* What the settings ask of the process, before keys are read and epochs built: OpenSSL's FIPS provider (tls/fips.h). */
MUST_USE int epoch_prepare(const struct settings *settings, struct diagnostics *diagnostics);

/* Reads and compiles. Returns 0, or -errno with every mistake in the diagnostics; then nothing was built. */
MUST_USE int epoch_build(const struct epoch_sources *sources, struct diagnostics *diagnostics,
                         struct epoch **epoch_out);
void epoch_free(struct epoch *epoch);

/* A transaction of worker `worker` begins / ends to use the epoch. */
static inline void epoch_enter(struct epoch *epoch, uint32_t worker)
{
    uint64_t *open = &epoch->workers[worker].open;
    __atomic_store_n(open, __atomic_load_n(open, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
}

static inline void epoch_leave(struct epoch *epoch, uint32_t worker)
{
    uint64_t *open = &epoch->workers[worker].open;
    /* Release: pairs with the acquire in publication.c; the last use of the epoch lies before it. */
    __atomic_store_n(open, __atomic_load_n(open, __ATOMIC_RELAXED) - 1, __ATOMIC_RELEASE);
}
