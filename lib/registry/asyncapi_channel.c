/* SPDX-License-Identifier: Apache-2.0 */

/*
 * AsyncAPI: channels, and the keys by which messages of a channel are found.
 */

#include <errno.h>
#include <stdlib.h>

#include "registry/asyncapi.h"

enum exchange_type { EXCHANGE_TOPIC, EXCHANGE_DIRECT, EXCHANGE_WHOLE };

/* The AMQP binding of a channel, as far as it names things. */
struct amqp {
    bool is_queue;
    bool has_exchange; /* its name is known */
    enum exchange_type type;
    struct span exchange, queue;
    bool has_virtual_host;
    struct span virtual_host;
};

struct document_node asyncapi_find_binding(struct loader *loader, struct document_node node, struct span protocol)
{
    struct document_node bindings = loader_resolve(loader, document_get(node, "bindings"));
    return loader_resolve(loader, document_find(bindings, protocol));
}

static struct span read_name(struct loader *loader, struct document_node mapping, struct span key, bool *found_out)
{
    struct document_node node = document_find(mapping, key);
    struct span name = document_text(node);
    *found_out = document_exists(node);
    if (document_exists(node) && document_kind(node) != DOCUMENT_TEXT)
        loader_complain(loader, node, "%.*s must be a text", (int)key.size, key.data);
    if (name.size > ASYNCAPI_NAME_MAX)
        loader_complain(loader, node, "longer than %u bytes, which AMQP does not carry", ASYNCAPI_NAME_MAX);
    return name;
}

static void read_exchange(struct loader *loader, struct document_node exchange, struct amqp *amqp)
{
    struct span type = document_text(document_get(exchange, "type"));
    amqp->exchange = read_name(loader, exchange, SPAN_LITERAL("name"), &amqp->has_exchange);
    if (span_equal_nocase(type, SPAN_LITERAL("direct")))
        amqp->type = EXCHANGE_DIRECT;
    else if (span_equal_nocase(type, SPAN_LITERAL("fanout")) || span_equal_nocase(type, SPAN_LITERAL("headers")))
        amqp->type = EXCHANGE_WHOLE;
    else if (span_equal_nocase(type, SPAN_LITERAL("default"))) {
        amqp->type = EXCHANGE_DIRECT;
        amqp->exchange = (struct span){0};
        amqp->has_exchange = true;
    }
}

static void read_amqp(struct loader *loader, struct document_node binding, struct amqp *amqp)
{
    *amqp = (struct amqp){0};
    struct document_node is = document_get(binding, "is");
    struct document_node exchange = document_get(binding, "exchange");
    struct document_node queue = document_get(binding, "queue");
    amqp->is_queue = span_equal(document_text(is), SPAN_LITERAL("queue"));
    if (document_exists(is) && !amqp->is_queue && !span_equal(document_text(is), SPAN_LITERAL("routingKey")))
        loader_complain(loader, is, "`is` must be queue or routingKey");
    if (document_exists(exchange) && document_kind(exchange) != DOCUMENT_MAPPING)
        loader_complain(loader, exchange, "`exchange` must be an object with a `name`");
    if (document_exists(queue) && document_kind(queue) != DOCUMENT_MAPPING)
        loader_complain(loader, queue, "`queue` must be an object with a `name`");
    bool named;
    if (document_exists(exchange) && !amqp->is_queue)
        read_exchange(loader, exchange, amqp);
    amqp->queue = read_name(loader, queue, SPAN_LITERAL("name"), &named);
    amqp->virtual_host =
        read_name(loader, amqp->is_queue ? queue : exchange, SPAN_LITERAL("vhost"), &amqp->has_virtual_host);
}

/* ------------------------------------------------------------------ addresses */

static bool is_described(struct document_node parameters, struct span name)
{
    return document_exists(document_find(parameters, name));
}

/*
 * Literals with marks for {parameters}. False after an error. Words of a topic ("*", "#") become marks where `topic`.
 */
static bool read_shape(struct loader *loader, const struct asyncapi_channel *channel, struct span address,
                       struct span *shape_out)
{
    uint8_t *shape = loader_take(loader, loader->arena, address.size + 1);
    struct document_node parameters = loader_resolve(loader, document_get(channel->node, "parameters"));
    uint32_t size = 0;
    for (uint32_t i = 0; shape && i < address.size; i++) {
        if (address.data[i] < CHANNEL_LITERAL_MIN || address.data[i] == '}') {
            loader_complain(loader, channel->place, "this address has a control character, or a '}' without '{'");
            return false;
        }
        if (address.data[i] != '{') {
            shape[size++] = address.data[i];
            continue;
        }
        const uint8_t *close = memchr(address.data + i, '}', address.size - i);
        if (!close || close == address.data + i + 1) {
            loader_complain(loader, channel->place, "'{' without name and '}' in this address; close it");
            return false;
        }
        struct span name = span_of(address.data + i + 1, (size_t)(close - address.data) - i - 1);
        if (!is_described(parameters, name))
            document_complain(loader->diagnostics, DIAGNOSTIC_WARNING, channel->place,
                              "{%.*s} of the address is not described; add it to `parameters`", (int)name.size,
                              name.data);
        if (size == 0 || shape[size - 1] != CHANNEL_MARK_PARAMETER)
            shape[size++] = CHANNEL_MARK_PARAMETER;
        i += name.size + 1;
    }
    *shape_out = span_of(shape, size);
    return shape != NULL;
}

/* Does one word of the shape consist of this byte? Then it becomes the mark. */
static bool mark_words(uint8_t *shape, uint32_t size, uint8_t byte, char mark)
{
    bool any = false;
    for (uint32_t i = 0; i < size; i++) {
        bool begins = i == 0 || shape[i - 1] == '.';
        bool ends = i + 1 == size || shape[i + 1] == '.';
        if (shape[i] != byte || !begins || !ends)
            continue;
        shape[i] = (uint8_t)mark;
        any = true;
    }
    return any;
}

static bool read_pattern(struct loader *loader, const struct asyncapi_channel *channel, struct span address, bool topic,
                         struct channel_pattern *pattern_out)
{
    struct span shape;
    if (!read_shape(loader, channel, address, &shape))
        return false;
    if (address.size > REGISTRY_ADDRESS_MAX) {
        loader_complain(loader, channel->place, "this address is longer than %u bytes", REGISTRY_ADDRESS_MAX);
        return false;
    }
    bool words = false;
    if (topic) {
        /* The arena's memory is this function's until the registry is whole. */
        uint8_t *bytes = (uint8_t *)(uintptr_t)shape.data;
        words = mark_words(bytes, shape.size, '*', CHANNEL_MARK_WORD);
        words |= mark_words(bytes, shape.size, '#', CHANNEL_MARK_WORDS);
    }
    bool slash = shape.size && memchr(shape.data, '/', shape.size);
    bool dot = shape.size && memchr(shape.data, '.', shape.size);
    *pattern_out = (struct channel_pattern){shape, words ? '.' : slash ? '/' : dot ? '.' : 0};
    return true;
}

/* ----------------------------------------------------------------------- keys */

static void add_key(struct loader *loader, const struct asyncapi_channel *channel, const struct channel_key *key,
                    uint32_t number)
{
    int status = channel_builder_add(loader->channels, key, loader->operations[number].action, number);
    if (status == CHANNEL_E_BROKERS)
        loader_complain(loader, channel->place, "more than %u different brokers in the registry", REGISTRY_BROKERS_MAX);
    else if (status)
        loader->status = status;
}

static void add_broker_keys(struct loader *loader, const struct asyncapi_channel *channel, const struct amqp *amqp,
                            struct channel_key *key, struct span address, uint32_t number)
{
    if (amqp->has_virtual_host) {
        key->broker.any_virtual_host = false;
        key->broker.virtual_host = loader_intern(loader, amqp->virtual_host);
    }
    struct span name = amqp->is_queue && amqp->queue.size ? amqp->queue : address;
    bool topic = !amqp->is_queue && amqp->type == EXCHANGE_TOPIC;
    key->kind = amqp->is_queue ? CHANNEL_QUEUE : amqp->type == EXCHANGE_WHOLE ? CHANNEL_EXCHANGE : CHANNEL_ROUTING_KEY;
    key->any_exchange = amqp->is_queue || !amqp->has_exchange;
    key->exchange = loader_intern(loader, amqp->exchange);
    if (!read_pattern(loader, channel, name, topic, &key->pattern))
        return;
    if (key->kind == CHANNEL_EXCHANGE && key->any_exchange)
        key->kind = CHANNEL_ROUTING_KEY; /* of an exchange nobody names the key is all there is */
    if (key->kind == CHANNEL_EXCHANGE)
        key->pattern = (struct channel_pattern){0};
    add_key(loader, channel, key, number);
    /* The same by address for AMQP 1.0, and by queue where the document says no more than a name. */
    bool loose = key->any_exchange && !amqp->is_queue;
    key->any_exchange = true;
    if (!read_pattern(loader, channel, address, topic, &key->pattern))
        return;
    key->kind = CHANNEL_ADDRESS;
    add_key(loader, channel, key, number);
    if (!loose && !amqp->queue.size)
        return;
    key->kind = CHANNEL_QUEUE;
    if (!amqp->queue.size || read_pattern(loader, channel, amqp->queue, false, &key->pattern))
        add_key(loader, channel, key, number);
}

/* Further routing keys a message is published with. */
static void add_copies(struct loader *loader, const struct asyncapi_channel *channel, const struct amqp *amqp,
                       struct document_node operation, struct channel_key *key, uint32_t number)
{
    struct document_node binding = asyncapi_find_binding(loader, operation, SPAN_LITERAL("amqp"));
    struct document_node list = document_get(binding, "cc");
    for (struct document_node node = document_first(list); document_exists(node); node = document_next(node))
        if (document_text(node).size && !amqp->is_queue)
            add_broker_keys(loader, channel, amqp, key, document_text(node), number);
}

static void add_paths(struct loader *loader, const struct asyncapi_channel *channel,
                      const struct openapi_servers *servers, uint32_t number)
{
    struct span address = channel->registered->address;
    const uint8_t *query = address.size ? memchr(address.data, '?', address.size) : NULL;
    address = span_first(address, query ? (uint32_t)(query - address.data) : address.size);
    bool gap = address.size == 0 || address.data[0] != '/';
    uint8_t *text = loader_take(loader, loader->scratch, address.size + 1);
    struct openapi_template *template = loader_take(loader, loader->scratch, sizeof(*template));
    if (!text || !template)
        return;
    text[0] = '/';
    if (address.size)
        memcpy(text + gap, address.data, address.size);
    if (!openapi_read_template_text(loader, channel->place, span_of(text, address.size + gap), template))
        return;
    for (uint32_t i = 0; i < servers->count && !loader->status; i++) {
        struct route_key *key = &servers->keys[i];
        if (key->base_count + template->segment_count > REGISTRY_SEGMENTS_MAX) {
            loader_complain(loader, channel->place, "more than %u segments, those of the server counted",
                            REGISTRY_SEGMENTS_MAX);
            return;
        }
        if (template->segment_count)
            memcpy(key->segments + key->base_count, template->segments,
                   sizeof(*key->segments) * template->segment_count);
        key->segment_count = key->base_count + template->segment_count;
        key->trailing_slash = template->trailing_slash;
        int status = channel_builder_add_path(loader->channels, key, loader->operations[number].action, number);
        if (status)
            loader->status = status;
    }
}

void asyncapi_channel_add(struct asyncapi *api, const struct asyncapi_channel *channel, struct document_node operation,
                          uint32_t number)
{
    struct loader *loader = api->loader;
    struct span address = channel->registered->address;
    uint32_t protocols = channel->registered->protocols;
    if (!address.size)
        return;
    struct amqp amqp;
    read_amqp(loader, asyncapi_find_binding(loader, channel->node, SPAN_LITERAL("amqp")), &amqp);
    uint32_t count = channel->server_count ? channel->server_count : 1;
    for (uint32_t i = 0; i < count && (protocols & ASYNCAPI_AMQP) && !loader->status; i++) {
        const struct asyncapi_server *server = channel->server_count ? channel->servers[i] : NULL;
        if (server && !(server->protocols & ASYNCAPI_AMQP))
            continue;
        const struct channel_broker any = {.any_virtual_host = true};
        struct channel_key key = {.broker = server ? server->broker : any};
        add_broker_keys(loader, channel, &amqp, &key, address, number);
        key.broker = server ? server->broker : any;
        add_copies(loader, channel, &amqp, operation, &key, number);
    }
    struct route_key *any_host = loader_take(loader, loader->scratch, sizeof(*any_host));
    if (!any_host || !(protocols & ASYNCAPI_WEBSOCKET))
        return;
    any_host->any_host = true;
    if (!channel->server_count)
        add_paths(loader, channel, &(struct openapi_servers){.keys = any_host, .count = 1}, number);
    for (uint32_t i = 0; i < channel->server_count; i++)
        add_paths(loader, channel, &channel->servers[i]->urls, number);
}

/* ------------------------------------------------------------------- channels */

static const struct asyncapi_server *find_server(struct asyncapi *api, struct document_node place)
{
    bool by_name = document_kind(place) == DOCUMENT_TEXT;
    struct document_node node = by_name ? place : loader_resolve(api->loader, place);
    if (!document_exists(node))
        return NULL;
    for (uint32_t i = 0; i < api->server_count; i++) {
        const struct asyncapi_server *server = &api->servers[i];
        if (by_name ? span_equal(server->name, document_text(node)) : document_same(server->node, node))
            return server;
    }
    loader_complain(api->loader, place, "not one of this document's `servers`; correct the name or add it there");
    return NULL;
}

/* The servers a channel is on; all of the document when it says nothing. */
static void read_channel_servers(struct asyncapi *api, struct asyncapi_channel *channel)
{
    struct loader *loader = api->loader;
    struct document_node list = document_get(channel->node, "servers");
    channel->servers =
        loader_take(loader, loader->scratch, sizeof(void *) * (api->server_count + document_count(list) + 1));
    if (!channel->servers)
        return;
    if (document_exists(list) && document_kind(list) != DOCUMENT_SEQUENCE) {
        loader_complain(loader, list, "`servers` of a channel must be a list");
        return;
    }
    for (struct document_node node = document_first(list); document_exists(node); node = document_next(node)) {
        const struct asyncapi_server *server = find_server(api, node);
        if (server)
            channel->servers[channel->server_count++] = server;
    }
    for (uint32_t i = 0; !document_count(list) && i < api->server_count; i++)
        channel->servers[channel->server_count++] = &api->servers[i];
}

static uint32_t read_protocols(struct loader *loader, const struct asyncapi_channel *channel)
{
    struct document_node bindings = loader_resolve(loader, document_get(channel->node, "bindings"));
    uint32_t protocols = 0;
    for (uint32_t i = 0; i < channel->server_count; i++)
        protocols |= channel->servers[i]->protocols;
    if (channel->server_count)
        return protocols;
    if (document_exists(document_get(bindings, "amqp")) || document_exists(document_get(bindings, "amqp1")))
        protocols |= ASYNCAPI_AMQP;
    if (document_exists(document_get(bindings, "ws")))
        protocols |= ASYNCAPI_WEBSOCKET;
    if (protocols || document_count(bindings))
        return protocols;
    struct span address = channel->registered->address;
    bool path = address.size && address.data[0] == '/';
    return ASYNCAPI_AMQP | (path ? ASYNCAPI_WEBSOCKET : 0);
}

/* WebSockets binding 0.1.0: the method, query and headers of the handshake. */
static void check_web_socket(struct loader *loader, const struct asyncapi_channel *channel)
{
    struct document_node binding = asyncapi_find_binding(loader, channel->node, SPAN_LITERAL("ws"));
    struct document_node method = document_get(binding, "method");
    struct span text = document_text(method);
    if (document_exists(method) && !span_equal(text, SPAN_LITERAL("GET")) && !span_equal(text, SPAN_LITERAL("POST")))
        loader_complain(loader, method, "the method of a WebSocket binding must be GET or POST");
}

static void register_channel(struct asyncapi *api, struct asyncapi_channel *channel)
{
    struct loader *loader = api->loader;
    struct document_node address = document_get(channel->node, "address");
    struct registry_channel *registered = loader_add_channel(loader);
    channel->registered = registered;
    if (!registered)
        return;
    if (!api->version_2 && document_exists(address) && document_kind(address) != DOCUMENT_TEXT &&
        document_kind(address) != DOCUMENT_NULL)
        loader_complain(loader, address, "`address` must be a text, or null when it is known at run time only");
    *registered = (struct registry_channel){
        .name = loader_intern(loader, document_key(channel->place)),
        .address = loader_intern(loader, api->version_2 ? document_key(channel->place) : document_text(address)),
        .document = api->registered,
        .file = loader_file_of(loader, channel->place),
        .line = document_line(channel->place),
    };
    registered->protocols = read_protocols(loader, channel);
    struct amqp amqp;
    read_amqp(loader, asyncapi_find_binding(loader, channel->node, SPAN_LITERAL("amqp")), &amqp);
    registered->is_queue = amqp.is_queue;
    registered->queue = loader_intern(loader, amqp.queue);
    if (amqp.has_exchange)
        registered->exchange = amqp.exchange.size ? loader_intern(loader, amqp.exchange) : SPAN_LITERAL("");
    check_web_socket(loader, channel);
}

void asyncapi_read_channels(struct asyncapi *api)
{
    struct loader *loader = api->loader;
    struct document_node channels = document_get(api->root, "channels");
    if (document_kind(channels) != DOCUMENT_MAPPING) {
        if (document_exists(channels) || api->version_2)
            loader_complain(loader, document_exists(channels) ? channels : api->root,
                            "`channels` is needed here, as an object with channels as members");
        return;
    }
    uint32_t count = document_count(channels);
    api->channels = count ? loader_take_array(loader, loader->scratch, struct asyncapi_channel, count) : NULL;
    struct document_node node = document_first(channels);
    for (; api->channels && document_exists(node) && !loader->status; node = document_next(node)) {
        struct asyncapi_channel channel = {.place = node, .node = loader_resolve(loader, node)};
        if (document_key(node).size == 0)
            loader_complain(loader, node, "a channel needs a name that is not empty");
        if (document_kind(channel.node) != DOCUMENT_MAPPING && document_exists(channel.node))
            loader_complain(loader, node, "a channel must be an object");
        if (document_key(node).size == 0 || document_kind(channel.node) != DOCUMENT_MAPPING)
            continue;
        read_channel_servers(api, &channel);
        register_channel(api, &channel);
        if (!loader->status)
            api->channels[api->channel_count++] = channel;
    }
}
