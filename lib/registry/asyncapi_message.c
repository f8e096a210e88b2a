/* SPDX-License-Identifier: Apache-2.0 */

/*
 * AsyncAPI: of messages the media types, and tags.
 */

#include "registry/asyncapi.h"

static void add_name(struct loader *loader, struct registry_names *list, struct span *names, struct span name)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (span_equal_nocase(names[i], name))
            return;
    names[list->count++] = loader_intern(loader, name);
}

static void add_message(struct asyncapi *api, struct registry_names *list, struct span *names,
                        struct document_node place)
{
    struct document_node message = loader_resolve(api->loader, place);
    struct document_node type = document_get(message, "contentType");
    if (document_exists(type) && document_text(type).size == 0)
        loader_complain(api->loader, type, "contentType must be a media type, as a text");
    struct span text = document_text(type).size ? document_text(type) : api->default_content_type;
    if (document_exists(message) && text.size)
        add_name(api->loader, list, names, text);
}

struct registry_names asyncapi_read_media_types(struct asyncapi *api, struct document_node list)
{
    struct registry_names types = {0};
    struct document_node single = list;
    if (document_exists(document_get(list, "$ref")) || (api->version_2 && document_kind(list) == DOCUMENT_MAPPING)) {
        single = loader_resolve(api->loader, list);
        struct document_node choices = document_get(single, "oneOf");
        list = document_exists(choices) ? choices : (struct document_node){list.document, 0};
    }
    uint32_t room = document_count(list) + 1;
    struct span *names =
        document_exists(single) ? loader_take_array(api->loader, api->loader->arena, struct span, room) : NULL;
    if (!names)
        return types;
    if (!document_exists(list))
        add_message(api, &types, names, single);
    for (struct document_node node = document_first(list); document_exists(node); node = document_next(node))
        add_message(api, &types, names, node);
    types.names = names;
    return types;
}

struct registry_names asyncapi_read_tags(struct asyncapi *api, struct document_node list)
{
    struct registry_names tags = {0};
    struct loader *loader = api->loader;
    if (!document_exists(list))
        return tags;
    if (document_kind(list) != DOCUMENT_SEQUENCE) {
        loader_complain(loader, list, "`tags` must be a list of objects with a `name`");
        return tags;
    }
    struct span *names = loader_take_array(loader, loader->arena, struct span, document_count(list));
    struct document_node node = document_first(list);
    for (; names && document_exists(node); node = document_next(node)) {
        struct document_node tag = loader_resolve(loader, node);
        struct span name =
            document_exists(tag) ? loader_read_text(loader, tag, SPAN_LITERAL("name")) : document_text(tag);
        if (name.size)
            add_name(loader, &tags, names, name);
    }
    tags.names = names;
    return tags;
}
