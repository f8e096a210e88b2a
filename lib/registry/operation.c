/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Registered operation: questions rules ask of one. Lists are short (a few responses, a dozen parameters) and bounded
 * by the loader, so they are searched from the front; only responses are sorted, as their order says which one counts.
 */

#include "registry/operation.h"

const char *registry_method_name(enum registry_method method)
{
    static const char *const names[REGISTRY_METHOD_COUNT] = {
        [REGISTRY_GET] = "GET",         [REGISTRY_PUT] = "PUT",     [REGISTRY_POST] = "POST",
        [REGISTRY_DELETE] = "DELETE",   [REGISTRY_HEAD] = "HEAD",   [REGISTRY_PATCH] = "PATCH",
        [REGISTRY_OPTIONS] = "OPTIONS", [REGISTRY_TRACE] = "TRACE",
    };
    return (uint32_t)method < REGISTRY_METHOD_COUNT ? names[method] : "?";
}

const char *registry_action_name(enum registry_action action)
{
    static const char *const names[REGISTRY_ACTION_COUNT] = {
        [REGISTRY_ACTION_NONE] = "channel",
        [REGISTRY_ACTION_SEND] = "send",
        [REGISTRY_ACTION_RECEIVE] = "receive",
    };
    return (uint32_t)action < REGISTRY_ACTION_COUNT ? names[action] : "?";
}

static const struct registry_response *find_response(const struct registry_operation *operation, uint32_t status)
{
    uint32_t low = 0, high = operation->response_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (operation->responses[middle].status == status)
            return &operation->responses[middle];
        if (operation->responses[middle].status < status)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct registry_response *registry_operation_response(const struct registry_operation *operation, uint32_t status)
{
    if (status < 100 || status > 599)
        return find_response(operation, REGISTRY_STATUS_DEFAULT);
    const struct registry_response *response = find_response(operation, status);
    if (!response)
        response = find_response(operation, status / 100);
    return response ? response : find_response(operation, REGISTRY_STATUS_DEFAULT);
}

/* "text/" of "text/" "*"; of all types "". */
static bool falls_into(struct span range, struct span type)
{
    if (range.size == 0 || range.data[range.size - 1] != '*')
        return span_equal_nocase(range, type);
    range.size--;
    if (range.size == 2 && range.data[0] == '*')
        return true;
    return type.size > range.size && span_equal_nocase(range, span_first(type, range.size));
}

bool registry_media_type_listed(const struct registry_names *media_types, struct span content_type)
{
    const uint8_t *end = content_type.size ? memchr(content_type.data, ';', content_type.size) : NULL;
    if (end)
        content_type.size = (uint32_t)(end - content_type.data);
    content_type = span_trim(content_type);
    for (uint32_t i = 0; i < media_types->count; i++)
        if (falls_into(media_types->names[i], content_type))
            return true;
    return false;
}

const struct registry_parameter *registry_operation_parameter(const struct registry_operation *operation,
                                                              enum registry_place place, struct span name)
{
    for (uint32_t i = 0; i < operation->parameter_count; i++) {
        const struct registry_parameter *parameter = &operation->parameters[i];
        bool same =
            place == REGISTRY_IN_HEADER ? span_equal_nocase(parameter->name, name) : span_equal(parameter->name, name);
        if (parameter->place == place && same)
            return parameter;
    }
    return NULL;
}
