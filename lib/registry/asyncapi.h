/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * AsyncAPI
 *
 * Reads one AsyncAPI 2.0 to 2.6 or 3.x document into channels, operations and the keys they are found by. Servers,
 * channels and messages have a file each; extensions are those of OpenAPI.
 *
 * Protocols: channels of amqp, amqps, amqp1, ws and wss servers are looked up; those of other protocols are inventory.
 *            A channel without server and without binding may be of any protocol, so it is looked up for all.
 * Source:    AsyncAPI 2.6.0 and 3.0.0; AMQP binding 0.3.0; WebSockets binding 0.1.0; AMQP URI specification.
 */

#include "registry/openapi.h"

#define ASYNCAPI_NAME_MAX 255u /* AMQP 0-9-1 short string: exchanges, queues, routing keys */

#define ASYNCAPI_AMQP      (1u << CALL_AMQP091 | 1u << CALL_AMQP10)
#define ASYNCAPI_WEBSOCKET (1u << CALL_WEBSOCKET)
#define ASYNCAPI_PROTOCOLS (ASYNCAPI_AMQP | ASYNCAPI_WEBSOCKET)

struct asyncapi_server {
    struct span name;
    struct document_node node; /* behind $ref */
    uint32_t protocols;        /* set of 1 << enum call_protocol; 0: inventory only */
    struct channel_broker broker;
    struct openapi_servers urls; /* for WebSocket */
};

struct asyncapi_channel {
    struct document_node place; /* under `channels` */
    struct document_node node;  /* behind $ref */
    struct registry_channel *registered;
    const struct asyncapi_server **servers;
    uint32_t server_count; /* 0: the document has none */
};

struct asyncapi {
    struct loader *loader;
    const struct registry_document *registered;
    struct document_node root, info;
    bool version_2;
    struct span default_content_type;
    struct asyncapi_server *servers;
    struct asyncapi_channel *channels;
    uint32_t server_count, channel_count;
};

/* A file with a top-level `asyncapi`. */
void asyncapi_read(struct loader *loader, const struct loader_file *file);

/* asyncapi_server.c */
void asyncapi_read_servers(struct asyncapi *api);
void asyncapi_servers_free(struct asyncapi *api);

/* asyncapi_channel.c */
void asyncapi_read_channels(struct asyncapi *api);

/* Makes the operation one that is found by the channel's keys; `operation` has bindings of its own, or is nothing. */
void asyncapi_channel_add(struct asyncapi *api, const struct asyncapi_channel *channel, struct document_node operation,
                          uint32_t number);

/* The binding of one protocol, of a channel or an operation: behind all $ref. */
struct document_node asyncapi_find_binding(struct loader *loader, struct document_node node, struct span protocol);

/* asyncapi_message.c: media types of the messages below `list` (a message, `oneOf`, a list or an object of them). */
struct registry_names asyncapi_read_media_types(struct asyncapi *api, struct document_node list);

/* Names of a `tags` list. */
struct registry_names asyncapi_read_tags(struct asyncapi *api, struct document_node list);
