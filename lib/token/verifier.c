/* SPDX-License-Identifier: Apache-2.0 */

/* Verifier: found, looked up in what is known, and only then read and verified. */

#include "token/verifier.h"

#include <stdlib.h>

#include "base/base64.h"
#include "proto/http_text.h"
#include "token/known_tokens.h"
#include "token/signature.h"

#define COST_LARGE_CURVE 20u /* P-384 and P-521 take 1 ms, all others below 0.1 ms */
#define SECOND_NS        UINT64_C(1000000000)

struct token_verifier {
    const struct token_issuers *issuers;
    const struct digest_key *key;
    bool unbounded;
    uint64_t second; /* of packet time, in which `spent` verifications were made */
    uint32_t spent;
    struct token_verifier_counts counts;
    struct signature_checker **checkers; /* of each issuer; NULL: it has no keys */
    uint32_t number;                     /* of the epoch, for what is known by it */
    struct token_reader reader;
    uint8_t signature[TOKEN_SIGNATURE_MAX];
};

struct token_verifier *token_verifier_new(const struct token_issuers *issuers, const struct digest_key *key,
                                          uint32_t number, bool unbounded)
{
    struct token_verifier *verifier = calloc(1, sizeof(*verifier));
    if (!verifier)
        return NULL;
    verifier->issuers = issuers;
    verifier->key = key;
    verifier->number = number;
    verifier->unbounded = unbounded;
    verifier->checkers = calloc(issuers->count + 1, sizeof(struct signature_checker *));
    bool fine = verifier->checkers != NULL;
    for (uint32_t i = 0; fine && i < issuers->count; i++) {
        const struct key_set *keys = issuers->issuers[i].keys;
        verifier->checkers[i] = keys ? signature_checker_new(keys) : NULL;
        fine = !keys || verifier->checkers[i];
    }
    if (fine)
        return verifier;
    token_verifier_free(verifier);
    return NULL;
}

void token_verifier_free(struct token_verifier *verifier)
{
    if (!verifier)
        return;
    for (uint32_t i = 0; verifier->checkers && i < verifier->issuers->count; i++)
        signature_checker_free(verifier->checkers[i]);
    free(verifier->checkers);
    free(verifier);
}

/* ------------------------------------------------------------------ signature */

static bool budget_take(struct token_verifier *verifier, uint64_t now_ns, enum key_kind kind)
{
    uint64_t second = now_ns / SECOND_NS;
    if (verifier->unbounded)
        return true;
    if (second != verifier->second) {
        verifier->second = second;
        verifier->spent = 0;
    }
    if (verifier->spent >= verifier->issuers->verifications_per_second) {
        verifier->counts.refused++;
        return false;
    }
    verifier->spent += kind == KEY_P384 || kind == KEY_P521 ? COST_LARGE_CURVE : 1;
    return true;
}

/* The keys that may have made a signature. */
struct candidates {
    uint32_t keys[VERIFIER_TRIES_MAX];
    uint32_t count; /* may be more than are listed */
    bool named;     /* keys of that id exist, whether they fit or not */
    bool nameless;  /* those listed have no id, while the token names one */
};

static void candidates_add(struct candidates *candidates, const struct key_set *set, uint32_t index,
                           enum token_algorithm algorithm)
{
    if (!key_fits(&set->keys[index], algorithm))
        return;
    if (candidates->count < VERIFIER_TRIES_MAX)
        candidates->keys[candidates->count] = index;
    candidates->count++;
}

static struct candidates candidates_find(const struct key_set *set, struct span id, enum token_algorithm algorithm)
{
    struct candidates candidates = {0};
    for (uint32_t i = 0; i < set->count; i++)
        if (id.size == 0 || span_equal(id, span_of(set->keys[i].id, set->keys[i].id_size))) {
            candidates.named = true;
            candidates_add(&candidates, set, i, algorithm);
        }
    if (candidates.named)
        return candidates;
    candidates.nameless = true;
    for (uint32_t i = 0; i < set->count; i++)
        if (set->keys[i].id_size == 0)
            candidates_add(&candidates, set, i, algorithm);
    return candidates;
}

static enum token_signature keys_try(struct token_verifier *verifier, const struct token *token, struct span compact,
                                     uint64_t now_ns)
{
    const struct key_set *set = verifier->issuers->issuers[token->issuer_index].keys;
    struct span id = token_text(token, token->key_id);
    struct candidates candidates = candidates_find(set, id, (enum token_algorithm)token->algorithm);
    if (candidates.count == 0)
        return candidates.named ? TOKEN_SIGNATURE_KEY_OTHER : TOKEN_SIGNATURE_KEY_UNKNOWN;
    if (candidates.count > VERIFIER_TRIES_MAX)
        return TOKEN_SIGNATURE_MANY_KEYS;
    const uint8_t *dot = memrchr(compact.data, '.', compact.size);
    struct span signed_text = span_of(compact.data, (size_t)(dot - compact.data));
    uint32_t size;
    if (!base64url_decode(span_from(compact, signed_text.size + 1), verifier->signature, TOKEN_SIGNATURE_MAX, &size))
        return TOKEN_SIGNATURE_BAD;
    for (uint32_t i = 0; i < candidates.count; i++) {
        if (!budget_take(verifier, now_ns, set->keys[candidates.keys[i]].kind))
            return TOKEN_SIGNATURE_BUDGET;
        verifier->counts.verified++;
        if (signature_good(verifier->checkers[token->issuer_index], candidates.keys[i],
                           (enum token_algorithm)token->algorithm, signed_text, span_of(verifier->signature, size)))
            return TOKEN_SIGNATURE_GOOD;
    }
    return candidates.nameless ? TOKEN_SIGNATURE_KEY_UNKNOWN : TOKEN_SIGNATURE_BAD;
}

static enum token_signature signature_judge(struct token_verifier *verifier, const struct token *token,
                                            struct span compact, uint64_t now_ns)
{
    const struct token_issuer *issuer = &verifier->issuers->issuers[token->issuer_index];
    if (!issuer->keys)
        return TOKEN_SIGNATURE_NO_KEYS;
    /* A name that is none of ours may still be the right one, unless the issuer's are listed. */
    if (token->algorithm == TOKEN_ALGORITHM_OTHER && !issuer->algorithms)
        return TOKEN_SIGNATURE_NO_KEYS;
    if (token->algorithm < TOKEN_RS256 || (issuer->algorithms && !(issuer->algorithms >> token->algorithm & 1)))
        return TOKEN_SIGNATURE_ALGORITHM;
    if (token->flags & TOKEN_CRITICAL)
        return TOKEN_SIGNATURE_EXTENSION;
    return keys_try(verifier, token, compact, now_ns);
}

static void issuer_note(const struct token_issuers *issuers, struct token *token)
{
    const struct token_issuer *issuer = token_issuer_find(issuers, token_text(token, token->issuer));
    token->issuer_index = issuer ? (uint32_t)(issuer - issuers->issuers) : UINT32_MAX;
}

static enum token_signature signature_of(struct token_verifier *verifier, const struct token *token,
                                         struct span compact, uint64_t now_ns)
{
    if (token->algorithm == TOKEN_ALGORITHM_NONE)
        return TOKEN_SIGNATURE_NONE;
    if (token->flags & TOKEN_CRITICAL_EMPTY)
        return TOKEN_SIGNATURE_CRITICAL;
    if (token->issuer_index != UINT32_MAX)
        return signature_judge(verifier, token, compact, now_ns);
    return verifier->issuers->count ? TOKEN_SIGNATURE_UNKNOWN_ISSUER : TOKEN_SIGNATURE_NOT_ASKED;
}

/* What has no dot is no token that could be read, and what is too long has no id. */
static bool may_be_known(struct span compact)
{
    return compact.size && compact.size <= TOKEN_SIZE_MAX && memchr(compact.data, '.', compact.size);
}

/* By which it is recognised wherever it comes again, and cited in evidence. */
static void id_note(const struct token_verifier *verifier, struct span compact, struct token *token)
{
    if (compact.size > TOKEN_SIZE_MAX)
        return;
    digest_value(verifier->key, compact, token->id);
    token->flags |= TOKEN_HAS_ID;
}

void token_verifier_judge(struct token_verifier *verifier, struct known_tokens *tokens, struct span compact,
                          uint64_t now_ns, struct token *token_out)
{
    bool lasting = may_be_known(compact);
    struct text_id id = {0};
    enum known_token known = KNOWN_TOKEN_NONE;
    enum token_signature signature = TOKEN_SIGNATURE_NOT_ASKED;
    if (lasting) {
        id = known_token_id(tokens, verifier->number, compact);
        known = known_token_find(tokens, id, token_out);
        verifier->counts.cached += known != KNOWN_TOKEN_NONE;
    }
    if (known == KNOWN_TOKEN_SIGNATURE)
        signature = (enum token_signature)token_out->signature;
    if (known != KNOWN_TOKEN_WHOLE) {
        token_read(&verifier->reader, &verifier->issuers->claims, verifier->key, compact, token_out);
        id_note(verifier, compact, token_out);
    }
    verifier->counts.tokens += token_out->form == TOKEN_SIGNED;
    if (known == KNOWN_TOKEN_WHOLE || token_out->form != TOKEN_SIGNED)
        return;
    issuer_note(verifier->issuers, token_out);
    if (known == KNOWN_TOKEN_NONE)
        signature = signature_of(verifier, token_out, compact, now_ns);
    token_out->signature = (uint8_t)signature;
    /* In the next second it may be verified. */
    if (lasting && known == KNOWN_TOKEN_NONE && signature != TOKEN_SIGNATURE_BUDGET)
        known_token_keep(tokens, id, token_out);
}

/* -------------------------------------------------------------------- finding */

/* "Bearer eyJ..." (RFC 6750 2.1, RFC 9449 7.1); data NULL: another scheme. */
static struct span scheme_strip(struct span value)
{
    static const struct span schemes[] = {{(const uint8_t *)"bearer", 6}, {(const uint8_t *)"dpop", 4}};
    for (size_t i = 0; i < ARRAY_COUNT(schemes); i++)
        if (value.size > schemes[i].size && value.data[schemes[i].size] == ' ' &&
            span_equal_nocase(span_first(value, schemes[i].size), schemes[i]))
            return span_trim(span_from(value, schemes[i].size + 1));
    return (struct span){0};
}

static struct span header_find(const struct token_names *names, const struct transaction *transaction)
{
    const struct transaction_side *request = &transaction->request;
    const struct transaction_header *header = NULL;
    while ((header = transaction_find_header(request, HEADER_AUTHORIZATION, header)) != NULL) {
        struct span token = scheme_strip(transaction_header_value(transaction, header));
        if (token.size)
            return token;
    }
    for (uint32_t i = 0; i < names->count; i++) {
        header = transaction_find_header_named(transaction, request, names->names[i], NULL);
        struct span value = header ? transaction_header_value(transaction, header) : (struct span){0};
        struct span stripped = scheme_strip(value);
        if (value.size)
            return stripped.size ? stripped : value;
    }
    return (struct span){0};
}

static struct span pair_find(const struct token_names *names, struct span rest,
                             bool (*next)(struct span *, struct http_pair *))
{
    struct http_pair pair;
    while (names->count && next(&rest, &pair))
        for (uint32_t i = 0; i < names->count; i++)
            if (pair.value.size && span_equal(pair.name, names->names[i]))
                return pair.value;
    return (struct span){0};
}

void token_verifier_take(struct token_verifier *verifier, struct known_tokens *tokens,
                         const struct transaction *transaction, uint64_t now_ns, struct token *token_out)
{
    const struct token_issuers *issuers = verifier->issuers;
    struct span compact = header_find(&issuers->headers, transaction);
    const struct transaction_header *cookie = NULL;
    while (!compact.size && issuers->cookies.count &&
           (cookie = transaction_find_header(&transaction->request, HEADER_COOKIE, cookie)) != NULL)
        compact = pair_find(&issuers->cookies, transaction_header_value(transaction, cookie), http_cookie_next);
    if (!compact.size)
        compact = pair_find(&issuers->parameters, transaction->query, http_query_next);
    if (compact.size)
        token_verifier_judge(verifier, tokens, compact, now_ns, token_out);
    else
        token_init(token_out);
}

const struct token_verifier_counts *token_verifier_counts(const struct token_verifier *verifier)
{
    return &verifier->counts;
}
