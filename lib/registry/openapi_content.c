/* SPDX-License-Identifier: Apache-2.0 */

/*
 * OpenAPI: request bodies, responses, and the media types of both.
 */

#include "registry/openapi.h"

#include <stdlib.h>

#define MEDIA_TYPE_SIZE_MAX 256u /* RFC 6838 4.2: 127 bytes on each side of the slash */

/* Lower case, without parameters: "Text/HTML; charset=utf-8" is "text/html". */
static struct span read_media_type(struct loader *loader, struct document_node node)
{
    struct span text = document_key(node);
    const uint8_t *end = text.size ? memchr(text.data, ';', text.size) : NULL;
    if (end)
        text.size = (uint32_t)(end - text.data);
    text = span_trim(text);
    if (text.size == 0 || text.size > MEDIA_TYPE_SIZE_MAX || !memchr(text.data, '/', text.size)) {
        loader_complain(loader, node, "this is no media type; write it like application/json");
        return (struct span){0};
    }
    uint8_t lower[MEDIA_TYPE_SIZE_MAX];
    for (uint32_t i = 0; i < text.size; i++)
        lower[i] = ascii_lower(text.data[i]);
    return loader_intern(loader, span_of(lower, text.size));
}

static struct registry_names read_content(struct loader *loader, struct document_node content)
{
    struct registry_names list = {0};
    if (!document_exists(content))
        return list;
    if (document_kind(content) != DOCUMENT_MAPPING) {
        loader_complain(loader, content, "`content` must be an object with media types as keys");
        return list;
    }
    struct span *names = loader_take_array(loader, loader->arena, struct span, document_count(content));
    struct document_node node = document_first(content);
    for (; names && document_exists(node); node = document_next(node)) {
        struct span name = read_media_type(loader, node);
        if (name.size)
            names[list.count++] = name;
    }
    list.names = names;
    return list;
}

void openapi_read_body(struct loader *loader, struct document_node node, struct registry_operation *operation)
{
    node = loader_resolve(loader, node);
    if (!document_exists(node))
        return;
    operation->has_body = true;
    operation->body_required = loader_read_boolean(loader, node, SPAN_LITERAL("required"), false);
    operation->request_media_types = read_content(loader, document_get(node, "content"));
}

/* "200", "4XX", "default". */
static bool read_status(struct span key, uint16_t *status_out)
{
    *status_out = REGISTRY_STATUS_DEFAULT;
    if (span_equal(key, SPAN_LITERAL("default")))
        return true;
    if (key.size != 3 || key.data[0] < '1' || key.data[0] > '5')
        return false;
    *status_out = (uint16_t)(key.data[0] - '0');
    if (span_equal_nocase(span_from(key, 1), SPAN_LITERAL("XX")))
        return true;
    for (uint32_t i = 1; i < 3; i++) {
        if (key.data[i] < '0' || key.data[i] > '9')
            return false;
        *status_out = (uint16_t)(*status_out * 10 + key.data[i] - '0');
    }
    return true;
}

static int compare_status(const void *left, const void *right)
{
    const struct registry_response *a = left, *b = right;
    return (a->status > b->status) - (a->status < b->status);
}

void openapi_read_responses(struct loader *loader, struct document_node list, struct registry_operation *operation)
{
    if (document_kind(list) != DOCUMENT_MAPPING) {
        if (document_exists(list))
            loader_complain(loader, list, "`responses` must be an object with status codes as keys");
        return;
    }
    uint32_t count = 0;
    struct registry_response *responses =
        loader_take_array(loader, loader->arena, struct registry_response, document_count(list));
    struct document_node node = document_first(list);
    for (; responses && document_exists(node); node = document_next(node)) {
        struct span key = document_key(node);
        uint16_t status;
        if (span_starts_with(key, SPAN_LITERAL("x-")))
            continue;
        if (!read_status(key, &status)) {
            loader_complain(loader, node, "\"%.*s\" is no status; write 100 to 599, 1XX to 5XX or default",
                            (int)key.size, key.data);
            continue;
        }
        struct document_node response = loader_resolve(loader, node);
        responses[count++] =
            (struct registry_response){status, read_content(loader, document_get(response, "content"))};
    }
    if (count)
        qsort(responses, count, sizeof(*responses), compare_status);
    operation->responses = responses;
    operation->response_count = count;
}
