/* SPDX-License-Identifier: Apache-2.0 */

/*
 * OpenAPI: parameters.
 */

#include "registry/openapi.h"

static bool same_parameter(const struct registry_parameter *a, const struct registry_parameter *b)
{
    if (a->place != b->place)
        return false;
    return a->place == REGISTRY_IN_HEADER ? span_equal_nocase(a->name, b->name) : span_equal(a->name, b->name);
}

static bool in_list(const struct openapi_parameters *list, const struct registry_parameter *parameter)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (same_parameter(&list->list[i], parameter))
            return true;
    return false;
}

/* OpenAPI 3.1.1 4.8.12.2.1: such definitions are ignored; security says what Authorization means. */
static bool is_ignored_header(const struct registry_parameter *parameter)
{
    enum header_id id = header_id_find(parameter->name);
    return parameter->place == REGISTRY_IN_HEADER &&
           (id == HEADER_ACCEPT || id == HEADER_CONTENT_TYPE || id == HEADER_AUTHORIZATION);
}

static bool read_place(struct loader *loader, struct document_node node, enum registry_place *place_out)
{
    static const char *const names[REGISTRY_PLACE_COUNT] = {
        [REGISTRY_IN_PATH] = "path",
        [REGISTRY_IN_QUERY] = "query",
        [REGISTRY_IN_HEADER] = "header",
        [REGISTRY_IN_COOKIE] = "cookie",
    };
    struct document_node in = document_get(node, "in");
    for (uint32_t i = 0; i < REGISTRY_PLACE_COUNT; i++) {
        if (span_equal(document_text(in), span_from_text(names[i]))) {
            *place_out = (enum registry_place)i;
            return true;
        }
    }
    loader_complain(loader, document_exists(in) ? in : node, "`in` must be path, query, header or cookie");
    return false;
}

static void read_parameter(struct loader *loader, struct document_node item, struct openapi_parameters *list)
{
    struct document_node node = loader_resolve(loader, item);
    if (!document_exists(node))
        return;
    if (document_kind(node) != DOCUMENT_MAPPING) {
        loader_complain(loader, node, "a parameter must be an object with `name` and `in`");
        return;
    }
    struct registry_parameter parameter = {
        .name = loader_intern(loader, loader_read_text(loader, node, SPAN_LITERAL("name"))),
        .required = loader_read_boolean(loader, node, SPAN_LITERAL("required"), false),
        .deprecated = loader_read_boolean(loader, node, SPAN_LITERAL("deprecated"), false),
    };
    if (!read_place(loader, node, &parameter.place) || !parameter.name.size)
        return;
    if (in_list(list, &parameter)) {
        loader_complain(loader, item, "parameter \"%.*s\" is in this list twice; remove one", (int)parameter.name.size,
                        parameter.name.data);
        return;
    }
    if (parameter.place == REGISTRY_IN_PATH && !parameter.required) {
        document_complain(loader->diagnostics, DIAGNOSTIC_WARNING, node,
                          "a path parameter is always required; write `required: true`");
        parameter.required = true;
    }
    if (!is_ignored_header(&parameter))
        list->list[list->count++] = parameter;
}

void openapi_read_parameters(struct loader *loader, struct document_node list, struct openapi_parameters *list_out)
{
    *list_out = (struct openapi_parameters){0};
    if (!document_exists(list))
        return;
    uint32_t count = document_count(list);
    if (document_kind(list) != DOCUMENT_SEQUENCE || count > OPENAPI_PARAMETERS_MAX) {
        loader_complain(loader, list, "`parameters` must be a list of at most %u", OPENAPI_PARAMETERS_MAX);
        return;
    }
    list_out->list = loader_take_array(loader, loader->scratch, struct registry_parameter, count);
    if (!list_out->list)
        return;
    for (struct document_node item = document_first(list); document_exists(item); item = document_next(item))
        read_parameter(loader, item, list_out);
}

void openapi_merge_parameters(struct loader *loader, const struct openapi_parameters *own,
                              const struct openapi_parameters *shared, struct registry_operation *operation)
{
    uint32_t count = own->count;
    for (uint32_t i = 0; i < shared->count; i++)
        count += !in_list(own, &shared->list[i]);
    struct registry_parameter *list = loader_take_array(loader, loader->arena, struct registry_parameter, count);
    if (!list)
        return;
    if (own->count)
        memcpy(list, own->list, sizeof(*list) * own->count);
    count = own->count;
    for (uint32_t i = 0; i < shared->count; i++)
        if (!in_list(own, &shared->list[i]))
            list[count++] = shared->list[i];
    operation->parameters = list;
    operation->parameter_count = count;
}
