/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Issuers
 *
 * Whose tokens are accepted, as the settings say: keys, audiences, algorithms, types, lifetime; and which claims make a
 * caller's role. Without any issuer tokens are still read, and judged by what they say of themselves.
 *
 * Memory:  heap, slow path only; token_issuers_free(). Keeps no reference to the settings.
 * Threads: immutable once built.
 * Errors:  -EINVAL with diagnostics that say where and what to do, -ENOMEM.
 */

#include "config/settings.h"
#include "token/key_set.h"

struct token_names {
    const struct span *names;
    uint32_t count;
};

struct token_issuer {
    struct span issuer;
    struct token_names audiences; /* count 0: any */
    struct token_names types;     /* count 0: any */
    struct key_set *keys;         /* NULL: none configured */
    struct span keys_file;
    uint32_t algorithms;           /* 1 << enum token_algorithm; 0: any its keys are for */
    uint32_t lifetime_max_seconds; /* 0: any */
    uint32_t skew_seconds;
};

struct token_issuers {
    struct arena *arena;
    uint32_t count;
    struct token_issuer *issuers;
    struct token_names headers, cookies, parameters; /* beside Authorization: where tokens travel */
    struct token_claims claims;
    const struct span *roles; /* of claims.claims[i]; empty for those that hold scopes */
    uint32_t verifications_per_second;
};

MUST_USE int token_issuers_build(const struct settings *settings, struct diagnostics *diagnostics,
                                 struct token_issuers **issuers_out);
void token_issuers_free(struct token_issuers *issuers);

/* The issuer that a token names, or NULL. */
const struct token_issuer *token_issuer_find(const struct token_issuers *issuers, struct span name);
