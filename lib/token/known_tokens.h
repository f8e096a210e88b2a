/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Known tokens
 *
 * A token comes with hundreds of calls. What it says of itself and what its signature is worth are kept under its id
 * (base/text_id.h), so that it is read once; of the token itself nothing is kept.
 *
 * Memory:  an arena of its own, taken in known_tokens_new(): 16.5 MB, of which only what is used becomes memory.
 * Threads: one owner.
 * Limits:  KNOWN_TOKENS_MAX tokens, TOKEN_SIZE_MAX bytes of one; of one whose texts and scopes are longer than
 *          KNOWN_TOKEN_TEXT_SIZE only the signature's worth. New tokens push out others of the same four places.
 */

#include "base/text_id.h"
#include "token/token.h"

#define KNOWN_TOKENS_MAX      32768u /* a power of two; as many clients as a busy worker has at a time */
#define KNOWN_TOKEN_TEXT_SIZE 328u   /* common are 100 to 200; with the rest eight cache lines */

struct known_tokens;

enum known_token {
    KNOWN_TOKEN_NONE,
    KNOWN_TOKEN_SIGNATURE, /* token.signature was set */
    KNOWN_TOKEN_WHOLE,     /* everything of the token was set */
};

/* NULL: no memory, or no random numbers for the key. */
MUST_USE struct known_tokens *known_tokens_new(void);
void known_tokens_free(struct known_tokens *tokens);

/* 0 < compact.size <= TOKEN_SIZE_MAX. */
struct text_id known_token_id(const struct known_tokens *tokens, struct span compact);

enum known_token known_token_find(const struct known_tokens *tokens, struct text_id id, struct token *token_out);

void known_token_keep(struct known_tokens *tokens, struct text_id id, const struct token *token);
