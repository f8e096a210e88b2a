/* SPDX-License-Identifier: Apache-2.0 */

/* Issuers: the settings, checked and copied; every mistake is told with its place. */

#include "token/issuers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/yaml.h"

/* Where providers write scopes and roles: RFC 8693 4.2, Azure, RFC 9068 2.2.3.1, Auth0, Keycloak. */
static const char *const scope_claims_usual[] = {"scope", "scp", "roles", "permissions", "realm_access.roles"};

struct builder {
    const struct settings *settings;
    struct diagnostics *diagnostics;
    struct token_issuers *issuers;
    bool out_of_memory;
};

static void *take(struct builder *builder, size_t size)
{
    void *memory = arena_take(builder->issuers->arena, size ? size : 1, _Alignof(max_align_t));
    builder->out_of_memory |= !memory;
    return memory;
}

static struct span text_keep(struct builder *builder, const char *text)
{
    const char *copy = arena_copy_text(builder->issuers->arena, text, strlen(text));
    builder->out_of_memory |= !copy;
    return span_from_text(copy);
}

static struct token_names names_keep(struct builder *builder, char *const *texts, uint32_t count)
{
    struct span *names = take(builder, count * sizeof(*names));
    for (uint32_t i = 0; names && i < count; i++)
        names[i] = text_keep(builder, texts[i]);
    return (struct token_names){names, names ? count : 0};
}

/* "realm_access.roles" becomes "/realm_access/roles"; what begins with a slash is a pointer already. */
static struct span pointer_make(struct builder *builder, const char *claim)
{
    if (claim[0] == '/')
        return text_keep(builder, claim);
    size_t size = strlen(claim);
    char *pointer = take(builder, size + 2);
    if (!pointer)
        return (struct span){0};
    pointer[0] = '/';
    for (size_t i = 0; i < size; i++)
        pointer[i + 1] = claim[i] == '.' ? '/' : claim[i];
    return span_of(pointer, size + 1);
}

static void algorithms_build(struct builder *builder, uint32_t index, struct token_issuer *out)
{
    const struct settings_token_issuer *from = &builder->settings->tokens.issuers[index];
    for (uint32_t i = 0; i < from->algorithms_count; i++) {
        enum token_algorithm algorithm = token_algorithm_find(span_from_text(from->algorithms[i]));
        if (algorithm >= TOKEN_RS256) {
            out->algorithms |= 1u << algorithm;
            continue;
        }
        struct diagnostic_place place =
            yaml_document_place(builder->settings->document, "/tokens/issuers/%u/algorithms/%u", index, i);
        diagnostics_add(builder->diagnostics, DIAGNOSTIC_ERROR, &place,
                        "'%.40s' is no signature that a public key can verify; RS256, RS384, RS512, PS256, PS384, "
                        "PS512, ES256, ES384, ES512 and EdDSA are",
                        from->algorithms[i]);
    }
}

static int issuer_build(struct builder *builder, uint32_t index)
{
    const struct settings_token_issuer *from = &builder->settings->tokens.issuers[index];
    struct token_issuer *out = &builder->issuers->issuers[index];
    out->issuer = text_keep(builder, from->issuer);
    out->audiences = names_keep(builder, from->audiences, from->audiences_count);
    out->types = names_keep(builder, from->types, from->types_count);
    out->lifetime_max_seconds = from->lifetime_max_seconds;
    out->skew_seconds = from->skew_seconds;
    algorithms_build(builder, index, out);
    if (!from->jwks)
        return 0;
    const char *slash = strrchr(from->jwks, '/');
    out->keys_file = text_keep(builder, slash ? slash + 1 : from->jwks);
    return key_set_load(from->jwks, builder->diagnostics, &out->keys);
}

static int issuers_build(struct builder *builder)
{
    uint32_t count = builder->settings->tokens.issuers_count;
    builder->issuers->issuers = take(builder, count * sizeof(*builder->issuers->issuers));
    if (!builder->issuers->issuers)
        return -ENOMEM;
    builder->issuers->count = count;
    int result = 0;
    /* All are read, so that every mistake is told at once. */
    for (uint32_t i = 0; i < count; i++) {
        int built = issuer_build(builder, i);
        result = built < 0 ? built : result;
    }
    return result;
}

static int claims_build(struct builder *builder)
{
    const struct settings *settings = builder->settings;
    struct token_issuers *issuers = builder->issuers;
    bool usual = !yaml_document_has(settings->document, "/tokens/scope_claims");
    uint32_t scope_count = usual ? (uint32_t)ARRAY_COUNT(scope_claims_usual) : settings->tokens.scope_claims_count;
    static_assert(SETTINGS_TOKEN_NAMES_MAX + SETTINGS_CALLERS_MAX <= TOKEN_CLAIMS_MAX, "claims are checked one by one");
    struct token_claim *claims = take(builder, TOKEN_CLAIMS_MAX * sizeof(*claims));
    struct span *roles = take(builder, TOKEN_CLAIMS_MAX * sizeof(*roles));
    if (!claims || !roles)
        return -ENOMEM;
    uint32_t count = 0;
    for (uint32_t i = 0; i < scope_count; i++)
        claims[count++].pointer =
            pointer_make(builder, usual ? scope_claims_usual[i] : settings->tokens.scope_claims[i]);
    for (uint32_t i = 0; i < settings->callers_count; i++) {
        const struct settings_caller *caller = &settings->callers[i];
        if (!caller->claim)
            continue;
        claims[count].pointer = pointer_make(builder, caller->claim);
        claims[count].value = text_keep(builder, caller->value);
        roles[count++] = text_keep(builder, caller->role);
    }
    issuers->claims = (struct token_claims){claims, count};
    issuers->roles = roles;
    return 0;
}

/* Unless the settings say otherwise, the one of RFC 6750 2.3. */
static struct token_names parameters_keep(struct builder *builder)
{
    const struct settings_tokens *tokens = &builder->settings->tokens;
    static const struct span usual[] = {{(const uint8_t *)"access_token", 12}};
    if (!yaml_document_has(builder->settings->document, "/tokens/parameters"))
        return (struct token_names){usual, ARRAY_COUNT(usual)};
    return names_keep(builder, tokens->parameters, tokens->parameters_count);
}

int token_issuers_build(const struct settings *settings, struct diagnostics *diagnostics,
                        struct token_issuers **issuers_out)
{
    *issuers_out = NULL;
    struct token_issuers *issuers = calloc(1, sizeof(*issuers));
    if (!issuers)
        return -ENOMEM;
    issuers->arena = arena_new_growing();
    struct builder builder = {.settings = settings, .diagnostics = diagnostics, .issuers = issuers};
    uint32_t errors = diagnostics->errors;
    int result = issuers->arena ? issuers_build(&builder) : -ENOMEM;
    if (result == 0)
        result = claims_build(&builder);
    if (result == 0) {
        const struct settings_tokens *tokens = &settings->tokens;
        issuers->headers = names_keep(&builder, tokens->headers, tokens->headers_count);
        issuers->cookies = names_keep(&builder, tokens->cookies, tokens->cookies_count);
        issuers->parameters = parameters_keep(&builder);
        issuers->verifications_per_second = tokens->verifications_per_second;
    }
    if (result == 0 && builder.out_of_memory)
        result = -ENOMEM;
    if (result == 0 && diagnostics->errors > errors)
        result = -EINVAL;
    if (result == 0)
        *issuers_out = issuers;
    else
        token_issuers_free(issuers);
    return result;
}

void token_issuers_free(struct token_issuers *issuers)
{
    if (!issuers)
        return;
    for (uint32_t i = 0; i < issuers->count; i++)
        key_set_free(issuers->issuers[i].keys);
    arena_free(issuers->arena);
    free(issuers);
}

const struct token_issuer *token_issuer_find(const struct token_issuers *issuers, struct span name)
{
    for (uint32_t i = 0; i < issuers->count; i++)
        if (span_equal(issuers->issuers[i].issuer, name))
            return &issuers->issuers[i];
    return NULL;
}
