/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Known tokens: the ids of four places share a cache line, and the texts of a token follow each other without the room
 * they have in struct token, so that one that is found costs six cache lines as a rule.
 */

#include "token/known_tokens.h"

#include <errno.h>

#define WAYS          KNOWN_TOKEN_WAYS
#define TOKEN_FIXED   offsetof(struct token, text)
#define TOKEN_PURPOSE UINT32_C(0x746f6b65) /* "toke" */

struct bucket {
    struct text_id ids[WAYS];
};

struct entry {
    uint8_t fixed[TOKEN_FIXED];
    bool whole; /* its texts are here */
    uint8_t texts[KNOWN_TOKEN_TEXT_SIZE];
} CACHE_ALIGNED;

static_assert(sizeof(struct bucket) == CACHE_LINE, "one cache line a look-up");
static_assert(sizeof(struct entry) == 8 * CACHE_LINE, "as the limits say");
static_assert(TOKEN_SIZE_MAX <= TEXT_ID_MAX, "every token has an id");

struct known_tokens {
    struct text_id_key key;
    uint32_t count; /* of the buckets */
    struct bucket *buckets;
    struct entry (*entries)[WAYS];
};

size_t known_tokens_size(uint32_t count)
{
    return sizeof(struct known_tokens) + count * (sizeof(struct text_id) + sizeof(struct entry)) + 3 * CACHE_LINE;
}

int known_tokens_new(struct known_tokens **tokens_out, struct arena *arena, const struct hash_key *key, uint32_t count)
{
    require(count >= WAYS && (count & (count - 1)) == 0);
    struct known_tokens *tokens = arena_take(arena, sizeof(*tokens), CACHE_LINE);
    if (!tokens)
        return -ENOMEM;
    tokens->count = count / WAYS;
    tokens->buckets = arena_take(arena, tokens->count * sizeof(*tokens->buckets), CACHE_LINE);
    tokens->entries = arena_take(arena, tokens->count * sizeof(*tokens->entries), CACHE_LINE);
    if (!tokens->buckets || !tokens->entries)
        return -ENOMEM;
    text_id_key_init(&tokens->key, key, TOKEN_PURPOSE);
    *tokens_out = tokens;
    return 0;
}

struct text_id known_token_id(const struct known_tokens *tokens, uint32_t set_number, struct span compact)
{
    return text_id_make(&tokens->key, set_number, compact);
}

enum known_token known_token_find(const struct known_tokens *tokens, struct text_id id, struct token *token_out)
{
    uint32_t place = text_id_bucket(id, tokens->count), way = 0;
    while (way < WAYS && !text_id_equal(tokens->buckets[place].ids[way], id))
        way++;
    if (way == WAYS)
        return KNOWN_TOKEN_NONE;
    const struct entry *entry = &tokens->entries[place][way];
    if (!entry->whole) {
        token_out->signature = entry->fixed[offsetof(struct token, signature)];
        return KNOWN_TOKEN_SIGNATURE;
    }
    memcpy(token_out, entry->fixed, TOKEN_FIXED);
    memcpy(token_out->text, entry->texts, token_out->text_used);
    memcpy(token_out->scopes, entry->texts + token_out->text_used, token_out->scopes_used);
    return KNOWN_TOKEN_WHOLE;
}

/* An empty one, else any: tokens that come in turns must not push out each other all the time. */
static uint32_t way_take(const struct bucket *bucket, struct text_id id)
{
    static const struct text_id empty;
    for (uint32_t way = 0; way < WAYS; way++)
        if (text_id_equal(bucket->ids[way], empty) || text_id_equal(bucket->ids[way], id))
            return way;
    return (uint32_t)(id.words[1] >> 32) % WAYS;
}

void known_token_keep(struct known_tokens *tokens, struct text_id id, const struct token *token)
{
    uint32_t place = text_id_bucket(id, tokens->count);
    uint32_t way = way_take(&tokens->buckets[place], id);
    struct entry *entry = &tokens->entries[place][way];
    tokens->buckets[place].ids[way] = id;
    memcpy(entry->fixed, token, TOKEN_FIXED);
    entry->whole = (uint32_t)token->text_used + token->scopes_used <= KNOWN_TOKEN_TEXT_SIZE;
    if (!entry->whole)
        return;
    memcpy(entry->texts, token->text, token->text_used);
    memcpy(entry->texts + token->text_used, token->scopes, token->scopes_used);
}
