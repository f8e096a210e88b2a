/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Verifier
 *
 * Finds the token of a request, reads it and verifies its signature: once, then it is known (token/known_tokens.h).
 *
 * Memory:  heap, taken in token_verifier_new(), one for each worker and epoch; what is known is the worker's. OpenSSL
 * allocates while it verifies; the budget bounds how often. Threads: one owner. Limits:  VERIFIER_TRIES_MAX keys tried
 * for a token without a key id, and the issuers' verifications_per_second of packet time; beyond it a signature is
 * unknown and counted.
 */

#include "token/issuers.h"
#include "transaction/transaction.h"

#define VERIFIER_TRIES_MAX 4u /* an issuer that changes keys has two or three of a kind */

struct known_tokens;
struct token_verifier;

struct token_verifier_counts {
    uint64_t tokens;   /* of calls, signed ones */
    uint64_t verified; /* signatures computed */
    uint64_t cached;   /* answered from memory */
    uint64_t refused;  /* beyond the budget */
};

/*
 * `number` is that of the epoch: what is known of a token holds for it alone. `unbounded`: packets wait, so there is no
 * budget, and what is found does not hang on the number of workers.
 */
MUST_USE struct token_verifier *token_verifier_new(const struct token_issuers *issuers, const struct digest_key *key,
                                                   uint32_t number, bool unbounded);
void token_verifier_free(struct token_verifier *verifier);

/* Reads the token of a request whose head has just come, before anything of it is made unreadable. `tokens` of the same
 * worker each time. */
void token_verifier_take(struct token_verifier *verifier, struct known_tokens *tokens,
                         const struct transaction *transaction, uint64_t now_ns, struct token *token_out);

/* The same for a token that was found already. */
void token_verifier_judge(struct token_verifier *verifier, struct known_tokens *tokens, struct span compact,
                          uint64_t now_ns, struct token *token_out);

const struct token_verifier_counts *token_verifier_counts(const struct token_verifier *verifier);
