/* SPDX-License-Identifier: Apache-2.0 */

/*
 * OpenAPI: security schemes and requirements.
 *
 * Names of schemes mean the components of the document the operation belongs to, also when its path item came from
 * another file (OpenAPI 3.1.1 4.3.1 leaves that open and recommends the entry document).
 */

#include "registry/openapi.h"

struct reader {
    struct loader *loader;
    struct document_node components; /* components/securitySchemes */
    struct registry_scheme *schemes;
    uint32_t scheme_count;
};

static bool read_http_kind(struct loader *loader, struct document_node node, struct registry_scheme *scheme)
{
    scheme->http_scheme = loader_intern(loader, loader_read_text(loader, node, SPAN_LITERAL("scheme")));
    if (span_equal_nocase(scheme->http_scheme, SPAN_LITERAL("basic")))
        scheme->kind = REGISTRY_SCHEME_BASIC;
    else if (span_equal_nocase(scheme->http_scheme, SPAN_LITERAL("bearer")))
        scheme->kind = REGISTRY_SCHEME_BEARER;
    else if (span_equal_nocase(scheme->http_scheme, SPAN_LITERAL("digest")))
        scheme->kind = REGISTRY_SCHEME_DIGEST;
    else
        scheme->kind = REGISTRY_SCHEME_HTTP_OTHER;
    return scheme->http_scheme.size > 0;
}

static bool read_key_kind(struct loader *loader, struct document_node node, struct registry_scheme *scheme)
{
    struct document_node in = document_get(node, "in");
    scheme->name = loader_intern(loader, loader_read_text(loader, node, SPAN_LITERAL("name")));
    if (span_equal(document_text(in), SPAN_LITERAL("header")))
        scheme->kind = REGISTRY_SCHEME_KEY_HEADER;
    else if (span_equal(document_text(in), SPAN_LITERAL("query")))
        scheme->kind = REGISTRY_SCHEME_KEY_QUERY;
    else if (span_equal(document_text(in), SPAN_LITERAL("cookie")))
        scheme->kind = REGISTRY_SCHEME_KEY_COOKIE;
    else {
        loader_complain(loader, document_exists(in) ? in : node, "`in` of an apiKey must be header, query or cookie");
        return false;
    }
    return scheme->name.size > 0;
}

static bool read_kind(struct loader *loader, struct document_node node, struct registry_scheme *scheme)
{
    struct document_node type = document_get(node, "type");
    struct span text = document_text(type);
    if (span_equal(text, SPAN_LITERAL("http")))
        return read_http_kind(loader, node, scheme);
    if (span_equal(text, SPAN_LITERAL("apiKey")))
        return read_key_kind(loader, node, scheme);
    if (span_equal(text, SPAN_LITERAL("oauth2")))
        scheme->kind = REGISTRY_SCHEME_OAUTH2;
    else if (span_equal(text, SPAN_LITERAL("openIdConnect")))
        scheme->kind = REGISTRY_SCHEME_OPENID;
    else if (span_equal(text, SPAN_LITERAL("mutualTLS")))
        scheme->kind = REGISTRY_SCHEME_MUTUAL_TLS;
    else {
        loader_complain(loader, document_exists(type) ? type : node,
                        "`type` of a security scheme must be http, apiKey, oauth2, openIdConnect or mutualTLS");
        return false;
    }
    return true;
}

/* The scheme's number in this list, made when it is new. REGISTRY_SCHEMES_MAX after an error. */
static uint32_t find_scheme(struct reader *reader, struct document_node requirement)
{
    struct span id = document_key(requirement);
    for (uint32_t i = 0; i < reader->scheme_count; i++)
        if (span_equal(reader->schemes[i].id, id))
            return i;
    struct document_node node = document_find(reader->components, id);
    if (!document_exists(node)) {
        loader_complain(reader->loader, requirement,
                        "no security scheme \"%.*s\" is defined; add it under components/securitySchemes", (int)id.size,
                        id.data);
        return REGISTRY_SCHEMES_MAX;
    }
    if (reader->scheme_count == REGISTRY_SCHEMES_MAX) {
        loader_complain(reader->loader, requirement, "more than %d schemes in one `security`", REGISTRY_SCHEMES_MAX);
        return REGISTRY_SCHEMES_MAX;
    }
    struct registry_scheme *scheme = &reader->schemes[reader->scheme_count];
    *scheme = (struct registry_scheme){.id = loader_intern(reader->loader, id)};
    node = loader_resolve(reader->loader, node);
    if (!document_exists(node) || !read_kind(reader->loader, node, scheme))
        return REGISTRY_SCHEMES_MAX;
    return reader->scheme_count++;
}

static void read_alternative(struct reader *reader, struct document_node node, struct registry_alternative *alternative)
{
    *alternative = (struct registry_alternative){0};
    if (document_kind(node) != DOCUMENT_MAPPING) {
        loader_complain(reader->loader, node, "a security requirement must be an object: {schemeName: [scopes]}");
        return;
    }
    struct registry_requirement *list =
        loader_take_array(reader->loader, reader->loader->arena, struct registry_requirement, document_count(node));
    for (struct document_node item = document_first(node); list && document_exists(item); item = document_next(item)) {
        uint32_t scheme = find_scheme(reader, item);
        if (document_kind(item) != DOCUMENT_SEQUENCE)
            loader_complain(reader->loader, item, "expected a list of scopes; [] for none");
        if (scheme == REGISTRY_SCHEMES_MAX || document_kind(item) != DOCUMENT_SEQUENCE)
            continue;
        struct registry_names scopes = loader_read_names(reader->loader, item, "a list of scopes; [] for none");
        list[alternative->count++] = (struct registry_requirement){scheme, scopes};
        alternative->scheme_set |= 1u << scheme;
    }
    alternative->requirements = list;
}

void openapi_read_security(struct loader *loader, struct document_node list, const struct document *document,
                           struct openapi_security *security_out)
{
    *security_out = (struct openapi_security){.declared = document_exists(list)};
    if (!security_out->declared)
        return;
    if (document_kind(list) != DOCUMENT_SEQUENCE) {
        loader_complain(loader, list, "`security` must be a list of alternatives; [] for none needed");
        return;
    }
    uint32_t count = document_count(list);
    struct document_node components = document_get(document_root(document), "components");
    struct reader reader = {.loader = loader, .components = document_get(components, "securitySchemes")};
    uint32_t scheme_room = 0;
    for (struct document_node node = document_first(list); document_exists(node); node = document_next(node))
        scheme_room += document_count(node);
    reader.schemes =
        loader_take_array(loader, loader->arena, struct registry_scheme, min_u32(scheme_room, REGISTRY_SCHEMES_MAX));
    struct registry_alternative *alternatives =
        loader_take_array(loader, loader->arena, struct registry_alternative, count);
    if (!reader.schemes || !alternatives)
        return;
    uint32_t i = 0;
    for (struct document_node node = document_first(list); document_exists(node); node = document_next(node))
        read_alternative(&reader, node, &alternatives[i++]);
    security_out->schemes = reader.schemes;
    security_out->scheme_count = reader.scheme_count;
    security_out->alternatives = alternatives;
    security_out->alternative_count = count;
}
