/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Token: byte 0 says whether the rest is a compact token, or a header and claims (behind a NUL) that are encoded first,
 * so that mutations reach the claims. Reading twice gives the same; every text lies inside; what is kept is bounded;
 * and no beginning of a token of three parts is one of five.
 */

#include <stdlib.h>

#include "token/token.h"

#define ENCODED_MAX (TOKEN_SIZE_MAX * 2)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct token_claim claims[] = {
    {{(const uint8_t *)"/scope", 6}, {NULL, 0}},
    {{(const uint8_t *)"/roles", 6}, {NULL, 0}},
    {{(const uint8_t *)"/realm_access/roles", 19}, {(const uint8_t *)"admin", 5}},
};

static uint32_t encode(const uint8_t *data, size_t size, uint8_t *out, uint32_t used)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0, count = 0;
    for (size_t i = 0; i < size && used + 3 < ENCODED_MAX; i++) {
        bits = (bits << 8 | data[i]) & 0xffff;
        for (count += 8; count >= 6; count -= 6)
            out[used++] = (uint8_t)alphabet[bits >> (count - 6) & 63];
    }
    if (count)
        out[used++] = (uint8_t)alphabet[bits << (6 - count) & 63];
    return used;
}

static void check_text(const struct token *token, struct token_text text)
{
    require(text.offset + text.size <= token->text_used && token->text_used <= TOKEN_TEXT_SIZE);
}

static void check(const struct token *token)
{
    require(token->form <= TOKEN_SIGNED && token->algorithm < TOKEN_ALGORITHM_COUNT);
    require(token->audience_count <= TOKEN_AUDIENCES_MAX && token->scopes_used <= TOKEN_SCOPES_SIZE);
    require(token->role == TOKEN_ROLE_NONE || token->role == 2);
    require(token->signature == TOKEN_SIGNATURE_NOT_ASKED);
    check_text(token, token->algorithm_text);
    check_text(token, token->key_id);
    check_text(token, token->type);
    check_text(token, token->issuer);
    for (uint32_t i = 0; i < token->audience_count; i++)
        check_text(token, token->audiences[i]);
    (void)token_has_scope(token, SPAN_LITERAL("admin"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t compact[ENCODED_MAX];
    static struct token_reader reader;
    struct digest_key key;
    digest_key_init(&key, (const uint8_t[DIGEST_KEY_SIZE]){1});
    if (size == 0)
        return 0;
    bool encoded = data[0] & 1;
    uint32_t used = 0;
    data++;
    size--;
    if (encoded) {
        const uint8_t *end = memchr(data, 0, size);
        size_t first = end ? (size_t)(end - data) : size;
        used = encode(data, first, compact, 0);
        compact[used++] = '.';
        used = encode(data + first + (end != NULL), size - first - (end != NULL), compact, used);
        compact[used++] = '.';
    } else {
        used = min_u32((uint32_t)size, ENCODED_MAX);
        memcpy(compact, data, used);
    }
    /* An exact copy, so that reading behind its end is seen. */
    uint8_t *copy = malloc(used ? used : 1);
    if (!copy)
        abort();
    memcpy(copy, compact, used);
    struct token token, again;
    const struct token_claims asked = {claims, ARRAY_COUNT(claims)};
    token_read(&reader, &asked, &key, span_of(copy, used), &token);
    check(&token);
    token_read(&reader, &asked, &key, span_of(copy, used), &again);
    require(memcmp(&token, &again, offsetof(struct token, text)) == 0);
    require(memcmp(token.text, again.text, token.text_used) == 0);
    token_read(&reader, &asked, &key, span_of(copy, used / 2), &again);
    check(&again);
    require(token.form != TOKEN_SIGNED || again.form != TOKEN_ENCRYPTED);
    free(copy);
    return 0;
}
