/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Verifier
 *
 * Finds the token of a request, reads it and verifies its signature. A token comes with hundreds of calls: it is
 * verified once, and remembered by its keyed digest.
 *
 * Memory:  heap, taken in token_verifier_new(), one for each worker and epoch. OpenSSL allocates while it verifies; the
 *          budget bounds how often.
 * Threads: one owner.
 * Limits:  VERIFIER_CACHE_SIZE tokens remembered, VERIFIER_TRIES_MAX keys tried for a token without a key id, and the
 *          issuers' verifications_per_second of packet time; beyond it a signature is unknown and counted.
 */

#include "token/issuers.h"
#include "transaction/transaction.h"

#define VERIFIER_CACHE_SIZE 4096u /* a power of two; tokens in use at a time of a large API, 128 KB */
#define VERIFIER_TRIES_MAX  4u    /* an issuer that changes keys has two or three of a kind */

struct token_verifier;

struct token_verifier_counts {
    uint64_t tokens;   /* read */
    uint64_t verified; /* signatures computed */
    uint64_t cached;   /* answered from memory */
    uint64_t refused;  /* beyond the budget */
};

/* `unbounded`: packets wait, so there is no budget, and what is found does not hang on the number of workers. */
MUST_USE struct token_verifier *token_verifier_new(const struct token_issuers *issuers, const struct digest_key *key,
                                                   bool unbounded);
void token_verifier_free(struct token_verifier *verifier);

/* Reads the token of a request whose head has just come, before anything of it is made unreadable. */
void token_verifier_take(struct token_verifier *verifier, const struct transaction *transaction, uint64_t now_ns,
                         struct token *token_out);

/* The same for a token that was found already. */
void token_verifier_judge(struct token_verifier *verifier, struct span compact, uint64_t now_ns,
                          struct token *token_out);

const struct token_verifier_counts *token_verifier_counts(const struct token_verifier *verifier);
