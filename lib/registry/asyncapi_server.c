/* SPDX-License-Identifier: Apache-2.0 */

/*
 * AsyncAPI: servers. Version 2 gives a URL, version 3 its parts; both become one text, which is read as a server of
 * OpenAPI for WebSocket, and as host, port and virtual host for AMQP.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "registry/asyncapi.h"

#define AMQP_PORT       5672u
#define AMQP_PORT_TLS   5671u
#define PORT_DIGITS_MAX 5u

static uint32_t protocols_of(struct span name)
{
    static const struct {
        const char *name;
        uint32_t protocols;
    } known[] = {
        {"amqp", ASYNCAPI_AMQP},       {"amqps", ASYNCAPI_AMQP},   {"amqp1", 1u << CALL_AMQP10},
        {"amqp1s", 1u << CALL_AMQP10}, {"ws", ASYNCAPI_WEBSOCKET}, {"wss", ASYNCAPI_WEBSOCKET},
    };
    for (size_t i = 0; i < ARRAY_COUNT(known); i++)
        if (span_equal_nocase(name, span_from_text(known[i].name)))
            return known[i].protocols;
    return 0;
}

/* "//host:port/path" of either version; size 0 after an error. */
static struct span read_url(struct asyncapi *api, struct document_node node, struct document_node *place_out)
{
    struct loader *loader = api->loader;
    struct span host, path = {0};
    host = loader_read_text(loader, node, api->version_2 ? SPAN_LITERAL("url") : SPAN_LITERAL("host"));
    *place_out = document_find(node, api->version_2 ? SPAN_LITERAL("url") : SPAN_LITERAL("host"));
    if (!api->version_2)
        path = document_text(document_get(node, "pathname"));
    const uint8_t *slashes = host.size ? memmem(host.data, host.size, "//", 2) : NULL;
    if (!host.size || (!api->version_2 && slashes)) {
        if (host.size)
            loader_complain(loader, *place_out,
                            "a host has no scheme and no path; these are `protocol` and `pathname`");
        return (struct span){0};
    }
    if (slashes)
        host = span_from(host, (uint32_t)(slashes - host.data) + 2);
    char *text = NULL;
    bool gap = path.size && path.data[0] != '/';
    int size = asprintf(&text, "//%.*s%s%.*s", (int)host.size, host.data, gap ? "/" : "", (int)path.size, path.data);
    if (size < 0) {
        loader->status = -ENOMEM;
        return (struct span){0};
    }
    struct span url = loader_intern(loader, span_of(text, (size_t)size));
    free(text);
    return url;
}

static bool has_variable(struct span text)
{
    return text.size && memchr(text.data, '{', text.size);
}

/* AMQP URI: the path without its first slash, decoded; an empty one says nothing. */
static void read_virtual_host(struct loader *loader, struct span path, struct channel_broker *broker)
{
    broker->any_virtual_host = path.size == 0 || has_variable(path);
    uint8_t *text = broker->any_virtual_host ? NULL : loader_take(loader, loader->scratch, path.size);
    if (text)
        broker->virtual_host = loader_intern(loader, span_of(text, channel_name_decode(path, text)));
}

/* False when what stands behind the colon is no port. */
static bool read_port(struct span digits, struct channel_broker *broker)
{
    uint32_t port = 0;
    if (digits.size > PORT_DIGITS_MAX && !has_variable(digits))
        return false;
    for (uint32_t i = 0; i < digits.size && !has_variable(digits); i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9')
            return false;
        port = port * 10 + digits.data[i] - '0';
    }
    /* The client's authority leaves these out, and says with neither whether it means TLS. */
    broker->port = port == AMQP_PORT || port == AMQP_PORT_TLS ? 0 : port;
    return port <= UINT16_MAX;
}

static void read_broker(struct loader *loader, struct document_node place, struct span url,
                        struct channel_broker *broker)
{
    struct span host = span_from(url, 2);
    require(host.data != NULL);
    const uint8_t *slash = host.size ? memchr(host.data, '/', host.size) : NULL;
    struct span path = slash ? span_from(host, (uint32_t)(slash - host.data) + 1) : (struct span){0};
    host = span_first(host, slash ? (uint32_t)(slash - host.data) : host.size);
    read_virtual_host(loader, path, broker);
    if (host.size && memchr(host.data, '@', host.size)) {
        loader_complain(loader, place, "a server must not hold a user name; remove it and the '@'");
        return;
    }
    const uint8_t *colon = host.size ? memrchr(host.data, ':', host.size) : NULL;
    if (colon && !memchr(colon, ']', host.size - (uint32_t)(colon - host.data))) {
        struct span digits = span_from(host, (uint32_t)(colon - host.data) + 1);
        if (!read_port(digits, broker))
            loader_complain(loader, place, "\"%.*s\" is no port; write a number up to 65535", (int)digits.size,
                            digits.data);
        host.size = (uint32_t)(colon - host.data);
    }
    if (!has_variable(host))
        broker->host = loader_intern(loader, host);
}

static void read_server(struct asyncapi *api, struct document_node place, struct asyncapi_server *server)
{
    struct loader *loader = api->loader;
    *server = (struct asyncapi_server){.name = document_key(place), .node = loader_resolve(loader, place)};
    if (!document_exists(server->node))
        return;
    struct span protocol = loader_read_text(loader, server->node, SPAN_LITERAL("protocol"));
    server->protocols = protocols_of(protocol);
    struct openapi_server_text text = {
        .variables = document_get(server->node, "variables"),
        .defaults_optional = true,
    };
    text.url = read_url(api, server->node, &text.place);
    if (!text.url.size)
        return;
    if (server->protocols & ASYNCAPI_AMQP)
        read_broker(loader, text.place, text.url, &server->broker);
    if (server->protocols & ASYNCAPI_WEBSOCKET)
        openapi_add_server(loader, &text, &server->urls);
}

void asyncapi_read_servers(struct asyncapi *api)
{
    struct loader *loader = api->loader;
    struct document_node servers = document_get(api->root, "servers");
    if (document_exists(servers) && document_kind(servers) != DOCUMENT_MAPPING) {
        loader_complain(loader, servers, "`servers` must be an object with names as keys");
        return;
    }
    uint32_t count = document_count(servers);
    api->servers = count ? loader_take_array(loader, loader->scratch, struct asyncapi_server, count) : NULL;
    struct document_node node = document_first(servers);
    for (; api->servers && document_exists(node); node = document_next(node))
        read_server(api, node, &api->servers[api->server_count++]);
}

void asyncapi_servers_free(struct asyncapi *api)
{
    for (uint32_t i = 0; i < api->server_count; i++)
        openapi_servers_free(&api->servers[i].urls);
}
