/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Security of an operation: which documented credentials a request shows.
 */

#include "registry/operation.h"

static bool has_auth_scheme(const struct transaction *transaction, struct span scheme)
{
    const struct transaction_header *header = NULL;
    while ((header = transaction_find_header(&transaction->request, HEADER_AUTHORIZATION, header))) {
        struct span value = span_trim(transaction_header_value(transaction, header));
        bool ends = value.size > scheme.size && value.data[scheme.size] == ' ';
        if (ends && span_equal_nocase(span_first(value, scheme.size), scheme))
            return true;
    }
    return false;
}

/* Access tokens come as Bearer (RFC 6750) or bound to a key as DPoP (RFC 9449). */
static bool has_access_token(const struct transaction *transaction)
{
    return has_auth_scheme(transaction, SPAN_LITERAL("bearer")) || has_auth_scheme(transaction, SPAN_LITERAL("dpop"));
}

/* "a=1&b": names up to '=', parts separated by `separator`, blanks around them ignored. */
static bool has_member(struct span text, uint8_t separator, struct span name)
{
    while (text.size) {
        const uint8_t *end = memchr(text.data, separator, text.size);
        struct span part = span_first(text, end ? (uint32_t)(end - text.data) : text.size);
        text = span_from(text, part.size + (end ? 1 : 0));
        const uint8_t *equals = part.size ? memchr(part.data, '=', part.size) : NULL;
        if (equals)
            part.size = (uint32_t)(equals - part.data);
        if (span_equal(span_trim(part), name))
            return true;
    }
    return false;
}

static bool has_cookie(const struct transaction *transaction, struct span name)
{
    const struct transaction_header *header = NULL;
    while ((header = transaction_find_header(&transaction->request, HEADER_COOKIE, header)))
        if (has_member(transaction_header_value(transaction, header), ';', name))
            return true;
    return false;
}

static bool is_presented(const struct registry_scheme *scheme, const struct transaction *transaction)
{
    switch (scheme->kind) {
    case REGISTRY_SCHEME_BASIC:
    case REGISTRY_SCHEME_BEARER:
    case REGISTRY_SCHEME_DIGEST:
    case REGISTRY_SCHEME_HTTP_OTHER:
        return has_auth_scheme(transaction, scheme->http_scheme);
    case REGISTRY_SCHEME_OAUTH2:
    case REGISTRY_SCHEME_OPENID:
        return has_access_token(transaction);
    case REGISTRY_SCHEME_KEY_HEADER:
        return transaction_find_header_named(transaction, &transaction->request, scheme->name, NULL) != NULL;
    case REGISTRY_SCHEME_KEY_QUERY:
        return has_member(transaction->query, '&', scheme->name);
    case REGISTRY_SCHEME_KEY_COOKIE:
        return has_cookie(transaction, scheme->name);
    case REGISTRY_SCHEME_MUTUAL_TLS:
    case REGISTRY_SCHEME_KIND_COUNT:
        break;
    }
    return false;
}

uint32_t registry_schemes_presented(const struct registry_operation *operation, const struct transaction *transaction)
{
    uint32_t presented = 0;
    for (uint32_t i = 0; i < operation->scheme_count; i++)
        presented |= (uint32_t)is_presented(&operation->schemes[i], transaction) << i;
    return presented;
}

uint32_t registry_schemes_of_tls(const struct registry_operation *operation)
{
    uint32_t set = 0;
    for (uint32_t i = 0; i < operation->scheme_count; i++)
        set |= (uint32_t)(operation->schemes[i].kind == REGISTRY_SCHEME_MUTUAL_TLS) << i;
    return set;
}

enum registry_security registry_security_satisfied(const struct registry_operation *operation, uint32_t presented,
                                                   uint32_t unobserved)
{
    bool satisfied = false, possible = false;
    if (operation->alternative_count == 0)
        return REGISTRY_SECURITY_NOT_REQUIRED;
    for (uint32_t i = 0; i < operation->alternative_count; i++) {
        uint32_t needed = operation->alternatives[i].scheme_set;
        if (needed == 0)
            return REGISTRY_SECURITY_NOT_REQUIRED;
        satisfied |= (needed & ~presented) == 0;
        possible |= (needed & ~(presented | unobserved)) == 0;
    }
    if (satisfied)
        return REGISTRY_SECURITY_SATISFIED;
    return possible ? REGISTRY_SECURITY_UNKNOWN : REGISTRY_SECURITY_MISSING;
}
