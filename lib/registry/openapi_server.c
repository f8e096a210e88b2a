/* SPDX-License-Identifier: Apache-2.0 */

/*
 * OpenAPI: servers.
 *
 * A server URL becomes one key for each combination of its variables' enums. A variable without enum becomes the byte
 * ROUTE_PARAMETER, which host labels and path segments carry on as a wildcard; see registry_find() for what that means.
 */

#include <errno.h>
#include <stdlib.h>

#include "registry/openapi.h"

#define URL_SIZE_MAX 2048u /* expanded; browsers and proxies refuse about as much */

struct variable {
    struct span name;
    struct document_node node; /* its object */
    uint32_t choice_count;     /* values of the enum; 0: open */
    uint32_t choice;
};

struct server {
    struct loader *loader;
    struct document_node url; /* its place */
    struct span template;
    bool defaults_optional;
    uint32_t variable_count;
    struct variable variables[OPENAPI_VARIABLES_MAX];
    char expanded[URL_SIZE_MAX];
    uint32_t expanded_size;
};

static bool read_variable(struct server *server, struct document_node node)
{
    struct variable *variable = &server->variables[server->variable_count];
    struct document_node values = document_get(node, "enum");
    *variable = (struct variable){.name = document_key(node), .node = node};
    struct document_node fallback = document_get(node, "default");
    bool left_out = server->defaults_optional && !document_exists(fallback);
    if (!left_out && document_kind(fallback) != DOCUMENT_TEXT) {
        loader_complain(server->loader, node, "a server variable needs a `default`, as a text (quote numbers)");
        return false;
    }
    if (document_exists(values) && (document_kind(values) != DOCUMENT_SEQUENCE || document_count(values) == 0)) {
        loader_complain(server->loader, values, "`enum` must be a list of at least one value; leave it out for any");
        return false;
    }
    variable->choice_count = document_count(values);
    server->variable_count++;
    return true;
}

static bool read_variables(struct server *server, struct document_node list)
{
    bool good = true;
    uint64_t product = 1;
    for (struct document_node node = document_first(list); document_exists(node); node = document_next(node)) {
        if (server->variable_count == OPENAPI_VARIABLES_MAX) {
            loader_complain(server->loader, node, "more than %u variables in one server; split it into several servers",
                            OPENAPI_VARIABLES_MAX);
            return false;
        }
        if (!read_variable(server, node)) {
            good = false;
            continue;
        }
        uint32_t choices = server->variables[server->variable_count - 1].choice_count;
        product = min_u64(product * (choices ? choices : 1), OPENAPI_EXPANSIONS_MAX + 1);
    }
    if (product > OPENAPI_EXPANSIONS_MAX) {
        loader_complain(server->loader, server->url,
                        "its variables make more than %u server URLs; leave out an `enum`, then any value matches",
                        OPENAPI_EXPANSIONS_MAX);
        return false;
    }
    return good;
}

static struct variable *find_variable(struct server *server, struct span name)
{
    for (uint32_t i = 0; i < server->variable_count; i++)
        if (span_equal(server->variables[i].name, name))
            return &server->variables[i];
    return NULL;
}

static bool append(struct server *server, struct span text)
{
    if (text.size > URL_SIZE_MAX - server->expanded_size) {
        loader_complain(server->loader, server->url, "this server URL is longer than %u bytes", URL_SIZE_MAX);
        return false;
    }
    if (text.size)
        memcpy(server->expanded + server->expanded_size, text.data, text.size);
    server->expanded_size += text.size;
    return true;
}

/* Is the variable at `start`..`end` (braces included) all of the host? */
static bool is_whole_host(struct span url, uint32_t start, uint32_t end)
{
    bool begins = start >= 2 && url.data[start - 1] == '/' && url.data[start - 2] == '/';
    return begins && (end == url.size || url.data[end] == '/' || url.data[end] == ':');
}

static bool is_in_host(struct span url, uint32_t start)
{
    const uint8_t *slashes = start ? memmem(url.data, start, "//", 2) : NULL;
    if (!slashes)
        return false;
    uint32_t host = (uint32_t)(slashes - url.data) + 2;
    return !memchr(url.data + host, '/', start - host);
}

static struct span variable_value(struct server *server, const struct variable *variable, uint32_t start, uint32_t end)
{
    if (variable->choice_count)
        return document_text(document_at(document_get(variable->node, "enum"), variable->choice));
    struct span fallback = document_text(document_get(variable->node, "default"));
    if (fallback.size && memchr(fallback.data, '/', fallback.size))
        return fallback;
    bool labels = fallback.size && memchr(fallback.data, '.', fallback.size) && is_in_host(server->template, start);
    return labels && !is_whole_host(server->template, start, end) ? fallback : SPAN_LITERAL("{");
}

static bool expand(struct server *server)
{
    struct span url = server->template;
    server->expanded_size = 0;
    for (uint32_t i = 0; i < url.size;) {
        const uint8_t *open = memchr(url.data + i, '{', url.size - i);
        uint32_t start = open ? (uint32_t)(open - url.data) : url.size;
        if (!append(server, span_of(url.data + i, start - i)))
            return false;
        if (!open)
            return true;
        const uint8_t *close = memchr(open, '}', url.size - start);
        uint32_t end = close ? (uint32_t)(close - url.data) + 1 : 0;
        struct span name = close ? span_of(open + 1, end - start - 2) : (struct span){0};
        struct variable *variable = find_variable(server, name);
        if (!variable) {
            loader_complain(server->loader, server->url,
                            "no variable \"%.*s\" is defined for this server; add it under `variables`", (int)name.size,
                            name.data);
            return false;
        }
        if (!append(server, variable_value(server, variable, start, end)))
            return false;
        i = end;
    }
    return true;
}

/* Counts the choices up like the digits of a number. Returns false after the last combination. */
static bool next_combination(struct server *server)
{
    for (uint32_t i = 0; i < server->variable_count; i++) {
        struct variable *variable = &server->variables[i];
        if (++variable->choice < variable->choice_count)
            return true;
        variable->choice = 0;
    }
    return false;
}

static bool read_port(struct server *server, struct span text, struct route_key *key)
{
    uint32_t port = 0;
    for (uint32_t i = 0; i < text.size && port <= UINT16_MAX; i++)
        port = text.data[i] >= '0' && text.data[i] <= '9' ? port * 10 + text.data[i] - '0' : UINT16_MAX + 1;
    if (span_equal(text, SPAN_LITERAL("{")))
        port = ROUTE_PORT_ANY;
    else if (port > UINT16_MAX) {
        loader_complain(server->loader, server->url, "\"%.*s\" is no port; write a number up to 65535", (int)text.size,
                        text.data);
        return false;
    }
    key->port = port == ROUTE_PORT_HTTP || port == ROUTE_PORT_HTTPS ? 0 : port;
    return true;
}

static bool add_label(struct server *server, struct route_key *key, struct span label)
{
    char *copy = label.size ? loader_take(server->loader, server->loader->scratch, label.size) : NULL;
    if (!copy || key->label_count == REGISTRY_SEGMENTS_MAX) {
        loader_complain(server->loader, server->url, "the host has an empty part or too many parts; correct the URL");
        return false;
    }
    for (uint32_t i = 0; i < label.size; i++)
        copy[i] = (char)ascii_lower(label.data[i]);
    key->labels[key->label_count++] = span_of(copy, label.size);
    return true;
}

/* Rightmost label first. An address in brackets is one label. */
static bool read_host(struct server *server, struct span host, struct route_key *key)
{
    if (host.size && host.data[host.size - 1] == '.')
        host.size--;
    key->any_host = span_equal(host, SPAN_LITERAL("{"));
    if (key->any_host || (host.size && host.data[0] == '['))
        return key->any_host || add_label(server, key, host);
    uint32_t end = host.size;
    bool good = true;
    for (uint32_t i = host.size; good && i-- > 0;) {
        if (host.data[i] != '.')
            continue;
        good = add_label(server, key, span_of(host.data + i + 1, end - i - 1));
        end = i;
    }
    return good && add_label(server, key, span_first(host, end));
}

static bool read_authority(struct server *server, struct span authority, struct route_key *key)
{
    if (authority.size && memchr(authority.data, '@', authority.size)) {
        loader_complain(server->loader, server->url, "a server URL must not hold a user name; remove it and the '@'");
        return false;
    }
    uint32_t colon = authority.size;
    while (colon > 0 && authority.data[colon - 1] != ':' && authority.data[colon - 1] != ']')
        colon--;
    bool has_port = colon > 0 && authority.data[colon - 1] == ':';
    if (has_port && colon < authority.size && !read_port(server, span_from(authority, colon), key))
        return false;
    return read_host(server, has_port ? span_first(authority, colon - 1) : authority, key);
}

static bool add_segment(struct server *server, struct route_key *key, struct span segment)
{
    if (span_equal(segment, SPAN_LITERAL(".")) || segment.size == 0)
        return true;
    if (span_equal(segment, SPAN_LITERAL(".."))) {
        key->base_count -= key->base_count > 0;
        return true;
    }
    uint8_t *shape = loader_take(server->loader, server->loader->scratch, segment.size);
    if (!shape || key->base_count == REGISTRY_SEGMENTS_MAX) {
        loader_complain(server->loader, server->url, "more than %u segments in the base path", REGISTRY_SEGMENTS_MAX);
        return false;
    }
    key->segments[key->base_count++] = span_of(shape, request_path_decode(segment, shape));
    return true;
}

static bool read_base_path(struct server *server, struct span path, struct route_key *key)
{
    bool good = true;
    while (path.size && good) {
        const uint8_t *slash = memchr(path.data, '/', path.size);
        uint32_t size = slash ? (uint32_t)(slash - path.data) : path.size;
        good = add_segment(server, key, span_first(path, size));
        path = span_from(path, size + (slash ? 1 : 0));
    }
    return good;
}

static bool read_url(struct server *server, struct route_key *key)
{
    struct span url = span_of(server->expanded, server->expanded_size);
    *key = (struct route_key){.any_host = true};
    if (url.size && (memchr(url.data, '?', url.size) || memchr(url.data, '#', url.size))) {
        loader_complain(server->loader, server->url, "a server URL must end with its path; remove the '?' or '#' part");
        return false;
    }
    const uint8_t *slashes = url.size ? memmem(url.data, url.size, "//", 2) : NULL;
    bool absolute = slashes && (slashes == url.data || slashes[-1] == ':');
    if (!absolute)
        return read_base_path(server, url, key);
    struct span rest = span_from(url, (uint32_t)(slashes - url.data) + 2);
    const uint8_t *slash = rest.size ? memchr(rest.data, '/', rest.size) : NULL;
    uint32_t host_size = slash ? (uint32_t)(slash - rest.data) : rest.size;
    return read_authority(server, span_first(rest, host_size), key) &&
           read_base_path(server, span_from(rest, host_size), key);
}

static struct route_key *add_key(struct loader *loader, struct openapi_servers *servers)
{
    if (servers->count == servers->capacity) {
        uint32_t capacity = servers->capacity ? servers->capacity * 2 : 4;
        struct route_key *keys = realloc(servers->keys, capacity * sizeof(*keys));
        if (!keys) {
            loader->status = -ENOMEM;
            return NULL;
        }
        servers->keys = keys;
        servers->capacity = capacity;
    }
    return &servers->keys[servers->count++];
}

void openapi_add_server(struct loader *loader, const struct openapi_server_text *text, struct openapi_servers *servers)
{
    struct server *server = loader_take(loader, loader->scratch, sizeof(*server));
    if (!server)
        return;
    *server = (struct server){
        .loader = loader,
        .url = text->place,
        .template = text->url,
        .defaults_optional = text->defaults_optional,
    };
    if (!read_variables(server, text->variables))
        return;
    bool good = true;
    do {
        struct route_key *key = add_key(loader, servers);
        good = key && expand(server) && read_url(server, key);
        servers->count -= key && !good;
    } while (good && next_combination(server));
}

static void read_server(struct loader *loader, struct document_node node, struct openapi_servers *servers)
{
    struct document_node url = document_get(node, "url");
    if (document_kind(url) != DOCUMENT_TEXT) {
        loader_complain(loader, node, "a server needs a `url`, as a text");
        return;
    }
    struct openapi_server_text text = {
        .place = url, .url = document_text(url), .variables = document_get(node, "variables")};
    openapi_add_server(loader, &text, servers);
}

void openapi_read_servers(struct loader *loader, struct document_node list, struct openapi_servers *servers_out)
{
    *servers_out = (struct openapi_servers){0};
    if (document_exists(list) && document_kind(list) != DOCUMENT_SEQUENCE) {
        loader_complain(loader, list, "`servers` must be a list");
        return;
    }
    for (struct document_node node = document_first(list); document_exists(node); node = document_next(node))
        read_server(loader, node, servers_out);
    if (!document_exists(document_first(list))) {
        struct route_key *key = add_key(loader, servers_out);
        if (key)
            *key = (struct route_key){.any_host = true};
    }
}

void openapi_servers_free(struct openapi_servers *servers)
{
    free(servers->keys);
    *servers = (struct openapi_servers){0};
}
