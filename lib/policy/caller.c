/* SPDX-License-Identifier: Apache-2.0 */

/* Caller: the connection's certificate is proof, the header only what a proxy says; so only a trusted one is read. */

#include "policy/caller.h"

#include <errno.h>
#include <stdlib.h>

#include "base/arena.h"
#include "certificate/spiffe.h"
#include "config/yaml.h"

/* --------------------------------------------------------------------- forwarded */

/* Up to the sign that is outside quotes, which is taken away too. */
static struct span part_take(struct span *text, uint8_t sign)
{
    bool quoted = false;
    for (uint32_t i = 0; i < text->size; i++) {
        uint8_t c = text->data[i];
        if (c == '\\' && quoted)
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (c == sign && !quoted) {
            struct span part = span_first(*text, i);
            *text = span_from(*text, i + 1);
            return span_trim(part);
        }
    }
    struct span part = *text;
    *text = (struct span){0};
    return span_trim(part);
}

static struct span unquoted(struct span value)
{
    bool quotes = value.size >= 2 && value.data[0] == '"' && value.data[value.size - 1] == '"';
    return quotes ? span_of(value.data + 1, value.size - 2) : value;
}

static int hex_digit(uint8_t c)
{
    c = ascii_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool digest_read(struct span text, uint8_t digest[CERTIFICATE_DIGEST_SIZE])
{
    if (text.size != 2 * CERTIFICATE_DIGEST_SIZE)
        return false;
    for (uint32_t i = 0; i < CERTIFICATE_DIGEST_SIZE; i++) {
        int high = hex_digit(text.data[2 * i]), low = hex_digit(text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        digest[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static void element_read(struct span element, struct caller_certificate *caller)
{
    while (element.size) {
        struct span pair = part_take(&element, ';');
        const uint8_t *equals = pair.size ? memchr(pair.data, '=', pair.size) : NULL;
        if (!equals)
            continue;
        uint32_t name_size = (uint32_t)(equals - pair.data);
        struct span name = span_trim(span_first(pair, name_size));
        struct span value = unquoted(span_trim(span_from(pair, name_size + 1)));
        if (span_equal_nocase(name, SPAN_LITERAL("hash")))
            caller->digest_known = digest_read(value, caller->digest);
        else if (span_equal_nocase(name, SPAN_LITERAL("uri")) && spiffe_id_is(value))
            caller->id = value;
        else
            continue;
        caller->shown = CALLER_SHOWN;
    }
}

/* The last element of the last line is what the hop before the service saw itself. */
static void forwarded_read(const struct transaction *transaction, struct caller_certificate *caller)
{
    const struct transaction_header *header = NULL, *next = NULL;
    while ((next = transaction_find_header(&transaction->request, HEADER_X_FORWARDED_CLIENT_CERT, next)))
        header = next;
    if (!header)
        return;
    struct span line = transaction_header_value(transaction, header), last = {0};
    while (line.size)
        last = part_take(&line, ',');
    element_read(last, caller);
    caller->forwarded = true;
}

/* Of a resumed session the name is known that its full handshake showed, and no more of the certificate. */
static void inherited_read(const struct connection_tls *tls, struct caller_certificate *caller)
{
    if (!tls->client_id.size)
        return;
    caller->shown = CALLER_SHOWN;
    if (span_starts_with(tls->client_id, SPAN_LITERAL("spiffe://")))
        caller->id = tls->client_id;
}

void caller_certificate_find(const struct transaction *transaction, const struct zone *source,
                             struct caller_certificate *caller_out)
{
    *caller_out = (struct caller_certificate){0};
    if (source->trusted_proxy && transaction_side_has(&transaction->request, HEADER_X_FORWARDED_CLIENT_CERT)) {
        forwarded_read(transaction, caller_out);
        return;
    }
    const struct certificate *certificate = transaction->call.tls.client_certificate;
    /* Who stands behind a proxy is not known by what the proxy itself did not show. */
    if (transaction->call.tls.without_client && !source->trusted_proxy)
        caller_out->shown = CALLER_NONE;
    if (!certificate) {
        inherited_read(&transaction->call.tls, caller_out);
        return;
    }
    caller_out->shown = CALLER_SHOWN;
    caller_out->digest_known = true;
    memcpy(caller_out->digest, certificate->digest, CERTIFICATE_DIGEST_SIZE);
    if (certificate->flags & CERTIFICATE_SVID)
        caller_out->id = certificate_name_text(certificate, certificate->identity);
}

/* ------------------------------------------------------------------------- roles */

struct caller_roles {
    struct arena *arena;
    uint32_t count;
    struct {
        struct pattern ids;
        struct span role;
    } entries[SETTINGS_CALLERS_MAX];
};

bool caller_pattern_compile(struct arena *arena, const char *text, const struct diagnostic_place *place,
                            struct diagnostics *diagnostics, struct pattern *pattern_out)
{
    static const char scheme[] = "spiffe://";
    const char *copy = arena_copy_text(arena, text, strlen(text));
    if (copy && strncmp(copy, scheme, sizeof(scheme) - 1) == 0 && pattern_init(pattern_out, span_from_text(copy)))
        return true;
    diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, place,
                    "'%.60s' is no pattern of SPIFFE ids; write it like spiffe://example.org/payments/*, with up to %u "
                    "stars",
                    text, PATTERN_STARS_MAX);
    return false;
}

int caller_roles_compile(const struct settings *settings, struct diagnostics *diagnostics,
                         struct caller_roles **roles_out)
{
    *roles_out = NULL;
    struct caller_roles *roles = calloc(1, sizeof(*roles));
    if (!roles)
        return -ENOMEM;
    roles->arena = arena_new_growing();
    int result = roles->arena ? 0 : -ENOMEM;
    for (uint32_t i = 0; i < settings->callers_count && result != -ENOMEM; i++) {
        const struct settings_caller *caller = &settings->callers[i];
        if (!caller->spiffe)
            continue;
        struct diagnostic_place place = yaml_document_place(settings->document, "/callers/%u/spiffe", i);
        if (!caller_pattern_compile(roles->arena, caller->spiffe, &place, diagnostics,
                                    &roles->entries[roles->count].ids))
            result = -EINVAL;
        const char *role = arena_copy_text(roles->arena, caller->role, strlen(caller->role));
        if (!role)
            result = -ENOMEM;
        else
            roles->entries[roles->count++].role = span_from_text(role);
    }
    if (result < 0)
        caller_roles_free(roles);
    else
        *roles_out = roles;
    return result;
}

void caller_roles_free(struct caller_roles *roles)
{
    if (!roles)
        return;
    arena_free(roles->arena);
    free(roles);
}

struct span caller_role_find(const struct caller_roles *roles, struct span id)
{
    for (uint32_t i = 0; i < roles->count; i++)
        if (pattern_matches(&roles->entries[i].ids, id))
            return roles->entries[i].role;
    return (struct span){0};
}
