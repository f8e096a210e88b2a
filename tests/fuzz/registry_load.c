/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fuzz target: documents. The first byte says JSON or YAML and how many files the rest is cut into, at NUL bytes. A
 * registry that loads must be whole: every operation has an id, and the first of a path is found again where nothing is
 * in the way; so is a message to the address of a channel.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "registry/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILES_MAX 3u

/* A message to where a channel says it is finds something, unless parameters are in the way. */
static void look_for_messages(const struct registry *registry, const struct registry_channel *channel)
{
    static const enum call_protocol protocols[] = {CALL_AMQP091, CALL_AMQP10, CALL_WEBSOCKET};
    struct message message = {
        .kind = MESSAGE_PUBLISH,
        .exchange = channel->exchange.data ? channel->exchange : SPAN_LITERAL("x"),
        .routing_key = channel->address,
        .queue = channel->queue,
        .address = channel->address,
    };
    for (size_t i = 0; i < ARRAY_COUNT(protocols); i++) {
        struct registry_message question = {.protocol = protocols[i], .path = channel->address, .message = &message};
        struct registry_match match;
        enum registry_outcome outcome = registry_find_message(registry, &question, &match);
        require((outcome == REGISTRY_MATCH) == (match.operation != NULL));
        bool plain = channel->address.size && channel->address.size <= 255 &&
                     !memchr(channel->address.data, '{', channel->address.size);
        bool listed = (channel->protocols >> protocols[i] & 1) != 0;
        if (protocols[i] == CALL_AMQP10 && plain && listed)
            require(outcome == REGISTRY_MATCH);
    }
}

static void look_at(const struct registry *registry)
{
    for (uint32_t i = 0; i < registry_channel_count(registry); i++)
        look_for_messages(registry, registry_channel_at(registry, i));
    require(strlen(registry_digest(registry)) == 64);
    for (uint32_t i = 0; i < registry_operation_count(registry); i++) {
        const struct registry_operation *operation = registry_operation_at(registry, i);
        require(operation->id.size && operation->path.size && operation->document && operation->file);
        require(operation->scheme_count <= REGISTRY_SCHEMES_MAX);
        struct registry_request request = {.host = SPAN_LITERAL("a.example"), .path = operation->path};
        request.method = span_from_text(registry_method_name(operation->method));
        struct registry_match match;
        enum registry_outcome outcome = registry_find(registry, &request, &match);
        require((outcome == REGISTRY_MATCH || outcome == REGISTRY_NO_METHOD) == (match.operation != NULL));
        for (uint32_t status = 99; status < 601; status += 50)
            (void)registry_operation_response(operation, status);
        (void)registry_security_satisfied(operation, 1, 2);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[2][FILES_MAX] = {{"a.yaml", "b.yaml", "c/d.yaml"}, {"a.json", "b.json", "c/d.json"}};
    struct registry_source sources[FILES_MAX];
    uint32_t count = 0;
    bool json = size && (data[0] & 1);
    const char *text = (const char *)data + (size > 0);
    size_t left = size - (size > 0);
    while (count < FILES_MAX) {
        const char *end = left && count < FILES_MAX - 1 ? memchr(text, 0, left) : NULL;
        size_t part = end ? (size_t)(end - text) : left;
        sources[count] = (struct registry_source){names[json][count], text, part};
        count++;
        if (!end)
            break;
        text += part + 1;
        left -= part + 1;
    }
    struct diagnostics diagnostics;
    struct registry *registry = NULL;
    diagnostics_init(&diagnostics);
    int status = registry_load_sources(sources, count, &diagnostics, &registry);
    require((status == 0) == (registry != NULL) && (status == 0) == (diagnostics.errors == 0));
    if (registry)
        look_at(registry);
    registry_free(registry);
    diagnostics_deinit(&diagnostics);
    return 0;
}
