/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Known tokens
 *
 * A token comes with hundreds of calls. What it says of itself and what its signature is worth are kept under its id
 * (base/text_id.h), so that it is read once; of the token itself nothing is kept.
 *
 * Memory:  528 bytes for each of `count` tokens from the arena, of which only what is used becomes memory; none later.
 * Threads: one owner.
 * Limits:  the tokens it was made for, TOKEN_SIZE_MAX bytes of one; of one whose texts and scopes are longer than
 *          KNOWN_TOKEN_TEXT_SIZE only the signature's worth. New tokens push out others of the same four places.
 */

#include "base/arena.h"
#include "base/text_id.h"
#include "token/token.h"

#define KNOWN_TOKEN_TEXT_SIZE 312u /* common are 100 to 200; with the rest eight cache lines */

#define KNOWN_TOKEN_WAYS 4u /* places of a token: their ids share a cache line */

struct known_tokens;

enum known_token {
    KNOWN_TOKEN_NONE,
    KNOWN_TOKEN_SIGNATURE, /* token.signature was set */
    KNOWN_TOKEN_WHOLE,     /* everything of the token was set */
};

/* Bytes that known_tokens_new() takes. */
size_t known_tokens_size(uint32_t count);

/* `count` is a power of two, KNOWN_TOKEN_WAYS or more. Returns 0 or -ENOMEM. */
MUST_USE int known_tokens_new(struct known_tokens **tokens_out, struct arena *arena, const struct hash_key *key,
                              uint32_t count);

/*
 * 0 < compact.size <= TOKEN_SIZE_MAX. `set_number` tells sets of issuers apart: what is known by one is nothing to
 * another.
 */
struct text_id known_token_id(const struct known_tokens *tokens, uint32_t set_number, struct span compact);

enum known_token known_token_find(const struct known_tokens *tokens, struct text_id id, struct token *token_out);

void known_token_keep(struct known_tokens *tokens, struct text_id id, const struct token *token);
