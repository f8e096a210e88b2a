/* SPDX-License-Identifier: Apache-2.0 */

/*
 * AsyncAPI: from the root of a document to its operations.
 *
 * The versions turn words around: `publish` of version 2 is what others may publish, so what the application receives.
 */

#include "registry/asyncapi.h"

/* A member of an operation, or of the first of its traits that has it. */
static struct document_node find_member(struct loader *loader, struct document_node node, struct span key)
{
    struct document_node own = document_find(node, key);
    struct document_node trait = document_first(document_get(node, "traits"));
    for (; !document_exists(own) && document_exists(trait); trait = document_next(trait))
        own = document_find(loader_resolve(loader, trait), key);
    return own;
}

static bool has_deprecated_tag(const struct registry_names *tags)
{
    for (uint32_t i = 0; i < tags->count; i++)
        if (span_equal_nocase(tags->names[i], SPAN_LITERAL("deprecated")))
            return true;
    return false;
}

/* `node` is nothing for a channel that has no operations: the channel's own members then say what there is. */
static void add_operation(struct asyncapi *api, struct asyncapi_channel *channel, struct document_node place,
                          enum registry_action action, struct span id)
{
    struct loader *loader = api->loader;
    struct document_node node = loader_resolve(loader, place);
    struct registry_channel *registered = channel->registered;
    struct registry_operation operation = {
        .operation_id = loader_intern(loader, id),
        .path = registered->address.size ? registered->address : registered->name,
        .document = api->registered,
        .channel = registered,
        .file = loader_file_of(loader, place),
        .line = document_line(place),
        .action = action,
    };
    operation.deprecated = loader_read_boolean(loader, node, SPAN_LITERAL("deprecated"), false);
    operation.tags = asyncapi_read_tags(api, find_member(loader, node, SPAN_LITERAL("tags")));
    operation.deprecated |= has_deprecated_tag(&operation.tags);
    struct document_node own = document_find(node, api->version_2 ? SPAN_LITERAL("message") : SPAN_LITERAL("messages"));
    operation.request_media_types =
        asyncapi_read_media_types(api, document_exists(own) ? own : document_get(channel->node, "messages"));
    struct openapi_levels levels = {{node, channel->node, api->root, api->info}};
    openapi_read_extensions(loader, &levels, &operation);
    uint32_t number = loader_add_operation(loader, place);
    if (number == ROUTE_OPERATION_NONE)
        return;
    loader->operations[number] = operation;
    registered->operation_count += action != REGISTRY_ACTION_NONE;
    asyncapi_channel_add(api, channel, node, number);
}

static void read_channel_operations(struct asyncapi *api, struct asyncapi_channel *channel)
{
    static const struct {
        const char *key;
        enum registry_action action;
    } members[] = {
        {"publish", REGISTRY_ACTION_RECEIVE},
        {"subscribe", REGISTRY_ACTION_SEND},
    };
    struct loader *loader = api->loader;
    for (size_t i = 0; i < ARRAY_COUNT(members); i++) {
        struct document_node place = document_find(channel->node, span_from_text(members[i].key));
        if (!document_exists(place))
            continue;
        if (document_kind(place) != DOCUMENT_MAPPING)
            loader_complain(loader, place, "an operation must be an object");
        else
            add_operation(api, channel, place, members[i].action,
                          document_text(find_member(loader, place, SPAN_LITERAL("operationId"))));
    }
}

static struct asyncapi_channel *find_channel(struct asyncapi *api, struct document_node operation)
{
    struct loader *loader = api->loader;
    struct document_node place = document_get(operation, "channel");
    if (!document_exists(document_get(place, "$ref"))) {
        loader_complain(loader, document_exists(place) ? place : operation,
                        "an operation needs a `channel`, as a $ref to one of this document's channels");
        return NULL;
    }
    struct document_node node = loader_resolve(loader, place);
    if (!document_exists(node))
        return NULL;
    for (uint32_t i = 0; i < api->channel_count; i++)
        if (document_same(api->channels[i].node, node))
            return &api->channels[i];
    loader_complain(loader, place, "leads to no channel of this document; list it under `channels`");
    return NULL;
}

static void read_operation(struct asyncapi *api, struct document_node place)
{
    struct loader *loader = api->loader;
    struct document_node node = loader_resolve(loader, place);
    if (document_kind(node) != DOCUMENT_MAPPING) {
        if (document_exists(node))
            loader_complain(loader, place, "an operation must be an object");
        return;
    }
    struct span action = loader_read_text(loader, node, SPAN_LITERAL("action"));
    bool sends = span_equal(action, SPAN_LITERAL("send"));
    if (action.size && !sends && !span_equal(action, SPAN_LITERAL("receive")))
        loader_complain(loader, document_get(node, "action"), "`action` must be send or receive");
    struct asyncapi_channel *channel = find_channel(api, node);
    if (channel)
        add_operation(api, channel, place, sends ? REGISTRY_ACTION_SEND : REGISTRY_ACTION_RECEIVE, document_key(place));
}

static void read_operations(struct asyncapi *api)
{
    struct loader *loader = api->loader;
    struct document_node operations = document_get(api->root, "operations");
    if (document_exists(operations) && document_kind(operations) != DOCUMENT_MAPPING)
        loader_complain(loader, operations, "`operations` must be an object with names as keys");
    struct document_node node = document_first(operations);
    for (; document_exists(node) && !loader->status; node = document_next(node))
        read_operation(api, node);
}

void asyncapi_read(struct loader *loader, const struct loader_file *file)
{
    struct asyncapi api = {.loader = loader, .root = document_root(file->document)};
    struct document_node asyncapi = document_get(api.root, "asyncapi");
    struct span version = document_text(asyncapi);
    api.version_2 = span_starts_with(version, SPAN_LITERAL("2."));
    if (!api.version_2 && !span_starts_with(version, SPAN_LITERAL("3."))) {
        loader_complain(loader, asyncapi, "AsyncAPI 2 and 3 are read, not \"%.*s\"; convert the document",
                        (int)version.size, version.data);
        return;
    }
    api.info = document_get(api.root, "info");
    struct registry_document *registered = loader_add_document(loader, file);
    registered->asyncapi = loader_intern(loader, version);
    api.registered = registered;
    api.default_content_type = document_text(document_get(api.root, "defaultContentType"));
    asyncapi_read_servers(&api);
    if (!loader->status)
        asyncapi_read_channels(&api);
    for (uint32_t i = 0; api.version_2 && i < api.channel_count && !loader->status; i++)
        read_channel_operations(&api, &api.channels[i]);
    if (!api.version_2 && !loader->status)
        read_operations(&api);
    for (uint32_t i = 0; i < api.channel_count && !loader->status; i++)
        if (api.channels[i].registered->operation_count == 0)
            add_operation(&api, &api.channels[i], api.channels[i].place, REGISTRY_ACTION_NONE, (struct span){0});
    asyncapi_servers_free(&api);
}
