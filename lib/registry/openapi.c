/* SPDX-License-Identifier: Apache-2.0 */

/*
 * OpenAPI: from the root of a document down to its operations, and each operation onto its routes.
 */

#include "registry/openapi.h"

struct api {
    struct loader *loader;
    const struct document *document;
    const struct registry_document *registered;
    struct document_node root;
    struct document_node info;
    struct openapi_servers servers;
    struct openapi_security security;
};

/* A path item while its operations are read. */
struct item {
    struct document_node path; /* its place under `paths` */
    struct document_node node; /* itself, behind $ref */
    struct span text;          /* the template */
    struct openapi_template template;
    struct openapi_parameters parameters;
    struct openapi_servers servers; /* own ones */
};

static const char *const method_keys[REGISTRY_METHOD_COUNT] = {
    [REGISTRY_GET] = "get",         [REGISTRY_PUT] = "put",   [REGISTRY_POST] = "post",   [REGISTRY_DELETE] = "delete",
    [REGISTRY_OPTIONS] = "options", [REGISTRY_HEAD] = "head", [REGISTRY_PATCH] = "patch", [REGISTRY_TRACE] = "trace",
};

static uint32_t find_method(struct span key)
{
    uint32_t method = 0;
    while (method < REGISTRY_METHOD_COUNT && !span_equal(key, span_from_text(method_keys[method])))
        method++;
    return method;
}

static bool is_other_member(struct span key)
{
    static const char *const names[] = {"$ref", "summary", "description", "servers", "parameters"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (span_equal(key, span_from_text(names[i])))
            return true;
    return span_starts_with(key, SPAN_LITERAL("x-"));
}

static bool has_name(const struct openapi_template *template, struct span name)
{
    for (uint32_t i = 0; i < template->name_count; i++)
        if (span_equal(template->names[i], name))
            return true;
    return false;
}

/* Does not hinder matching, so it is no error; yet it is what a renamed parameter leaves behind. */
static void check_path_parameters(struct loader *loader, struct document_node place, const struct item *item,
                                  const struct registry_operation *operation)
{
    for (uint32_t i = 0; i < operation->parameter_count; i++) {
        const struct registry_parameter *parameter = &operation->parameters[i];
        if (parameter->place == REGISTRY_IN_PATH && !has_name(&item->template, parameter->name))
            document_complain(loader->diagnostics, DIAGNOSTIC_WARNING, place,
                              "path parameter \"%.*s\" is not in the path %.*s; rename or remove it",
                              (int)parameter->name.size, parameter->name.data, (int)item->text.size, item->text.data);
    }
    for (uint32_t i = 0; i < item->template.name_count; i++) {
        struct span name = item->template.names[i];
        if (!registry_operation_parameter(operation, REGISTRY_IN_PATH, name))
            document_complain(loader->diagnostics, DIAGNOSTIC_WARNING, place,
                              "{%.*s} of the path is not described; add a parameter with `in: path`", (int)name.size,
                              name.data);
    }
}

static void read_members(struct api *api, struct document_node node, const struct item *item,
                         struct registry_operation *operation)
{
    struct loader *loader = api->loader;
    struct openapi_parameters own;
    openapi_read_parameters(loader, document_get(node, "parameters"), &own);
    openapi_merge_parameters(loader, &own, &item->parameters, operation);
    operation->operation_id = loader_intern(loader, document_text(document_get(node, "operationId")));
    operation->deprecated = loader_read_boolean(loader, node, SPAN_LITERAL("deprecated"), false);
    operation->tags = loader_read_names(loader, document_get(node, "tags"), "a list of texts");
    openapi_read_body(loader, document_get(node, "requestBody"), operation);
    openapi_read_responses(loader, document_get(node, "responses"), operation);
    struct openapi_security security = api->security;
    struct document_node own_security = document_get(node, "security");
    if (document_exists(own_security))
        openapi_read_security(loader, own_security, api->document, &security);
    operation->schemes = security.schemes;
    operation->scheme_count = security.scheme_count;
    operation->alternatives = security.alternatives;
    operation->alternative_count = security.alternative_count;
    operation->security_declared = security.declared;
    struct openapi_levels levels = {{node, item->node, api->root, api->info}};
    openapi_read_extensions(loader, &levels, operation);
}

/* Two operations at one place: tells where the other one is. */
static void complain_taken(struct api *api, uint32_t number, uint32_t other)
{
    struct loader *loader = api->loader;
    const struct registry_operation *first = &loader->operations[other];
    const struct registry_operation *second = &loader->operations[number];
    bool same_file = first->document == second->document;
    const char *advice = same_file ? "they can match the same requests, merge or remove one"
                                   : "remove one, or give the documents different servers";
    loader_complain(loader, loader->places[number], "%s %.*s on this server is defined already by %.*s in %s:%u; %s",
                    registry_method_name(second->method), (int)second->path.size, second->path.data,
                    (int)first->path.size, first->path.data, document_name(loader->places[other].document),
                    document_line(loader->places[other]), advice);
}

/* OpenAPI 3.1.1 4.8.8.1: the same hierarchy with other names must not exist, whatever the methods. */
static void check_shape(struct api *api, uint32_t number, uint32_t other)
{
    struct loader *loader = api->loader;
    const struct registry_operation *first = &loader->operations[other];
    const struct registry_operation *second = &loader->operations[number];
    if (first->document == second->document && !span_equal(first->path, second->path))
        loader_complain(loader, loader->places[number],
                        "%.*s has the same shape as %.*s in line %u; put both under one path", (int)second->path.size,
                        second->path.data, (int)first->path.size, first->path.data,
                        document_line(loader->places[other]));
}

static void add_route(struct api *api, struct route_key *key, const struct item *item, uint32_t number)
{
    struct loader *loader = api->loader;
    const struct openapi_template *template = &item->template;
    if (key->base_count + template->segment_count > REGISTRY_SEGMENTS_MAX) {
        loader_complain(loader, item->path, "more than %u segments, those of the server counted",
                        REGISTRY_SEGMENTS_MAX);
        return;
    }
    memcpy(key->segments + key->base_count, template->segments, sizeof(*key->segments) * template->segment_count);
    key->segment_count = key->base_count + template->segment_count;
    key->trailing_slash = template->trailing_slash;
    uint32_t *there;
    int status = route_builder_place(loader->routes, key, &there);
    if (status) {
        loader->status = status;
        return;
    }
    uint32_t method = loader->operations[number].method;
    for (uint32_t i = 0; i < REGISTRY_METHOD_COUNT; i++)
        if (i != method && there[i] != ROUTE_OPERATION_NONE)
            check_shape(api, number, there[i]);
    if (there[method] == ROUTE_OPERATION_NONE)
        there[method] = number;
    else if (there[method] != number)
        complain_taken(api, number, there[method]);
}

static void read_operation(struct api *api, struct document_node place, struct item *item, uint32_t method)
{
    struct loader *loader = api->loader;
    if (document_kind(place) != DOCUMENT_MAPPING) {
        loader_complain(loader, place, "an operation must be an object");
        return;
    }
    struct registry_operation operation = {
        .path = loader_intern(loader, item->text),
        .document = api->registered,
        .file = loader_file_of(loader, place),
        .line = document_line(place),
        .method = (enum registry_method)method,
    };
    read_members(api, place, item, &operation);
    check_path_parameters(loader, place, item, &operation);
    uint32_t number = loader_add_operation(loader, place);
    if (number == ROUTE_OPERATION_NONE)
        return;
    loader->operations[number] = operation;
    struct openapi_servers own = {0};
    struct openapi_servers *servers = item->servers.count ? &item->servers : &api->servers;
    if (document_exists(document_first(document_get(place, "servers")))) {
        openapi_read_servers(loader, document_get(place, "servers"), &own);
        servers = &own;
    }
    for (uint32_t i = 0; i < servers->count && !loader->status; i++)
        add_route(api, &servers->keys[i], item, number);
    openapi_servers_free(&own);
}

/* OpenAPI 3.1.1 4.8.9.1 leaves open what members beside $ref mean; ours is what it says about most: nothing. */
static void check_siblings(struct loader *loader, struct document_node path)
{
    if (!document_exists(document_get(path, "$ref")))
        return;
    for (struct document_node member = document_first(path); document_exists(member); member = document_next(member))
        if (find_method(document_key(member)) < REGISTRY_METHOD_COUNT)
            document_complain(loader->diagnostics, DIAGNOSTIC_WARNING, member,
                              "not read, as it stands beside a $ref; move it to where that leads");
}

static void read_path_item(struct api *api, struct document_node path, struct item *item)
{
    struct loader *loader = api->loader;
    *item = (struct item){.path = path, .text = document_key(path), .node = loader_resolve(loader, path)};
    if (!openapi_read_template(loader, path, &item->template) || !document_exists(item->node))
        return;
    if (document_kind(item->node) != DOCUMENT_MAPPING) {
        loader_complain(loader, path, "a path must hold an object with methods as keys");
        return;
    }
    check_siblings(loader, path);
    openapi_read_parameters(loader, document_get(item->node, "parameters"), &item->parameters);
    struct document_node servers = document_get(item->node, "servers");
    if (document_exists(document_first(servers)))
        openapi_read_servers(loader, servers, &item->servers);
    struct document_node member = document_first(item->node);
    for (; document_exists(member) && !loader->status; member = document_next(member)) {
        struct span key = document_key(member);
        uint32_t method = find_method(key);
        if (method < REGISTRY_METHOD_COUNT)
            read_operation(api, member, item, method);
        else if (!is_other_member(key))
            document_complain(loader->diagnostics, DIAGNOSTIC_WARNING, member,
                              "\"%.*s\" is no method and not read; methods are written in lower case", (int)key.size,
                              key.data);
    }
    openapi_servers_free(&item->servers);
}

static void read_paths(struct api *api, struct document_node paths)
{
    if (document_kind(paths) != DOCUMENT_MAPPING) {
        loader_complain(api->loader, paths, "`paths` must be an object with paths as keys");
        return;
    }
    struct item *item = loader_take(api->loader, api->loader->scratch, sizeof(*item));
    struct document_node path = document_first(paths);
    for (; item && document_exists(path) && !api->loader->status; path = document_next(path))
        if (!span_starts_with(document_key(path), SPAN_LITERAL("x-")))
            read_path_item(api, path, item);
}

void openapi_read(struct loader *loader, const struct loader_file *file)
{
    struct api api = {.loader = loader, .document = file->document, .root = document_root(file->document)};
    struct document_node openapi = document_get(api.root, "openapi");
    struct span version = document_text(openapi);
    if (!span_starts_with(version, SPAN_LITERAL("3.0")) && !span_starts_with(version, SPAN_LITERAL("3.1"))) {
        loader_complain(loader, openapi, "OpenAPI 3.0 and 3.1 are read, not \"%.*s\"; convert the document",
                        (int)version.size, version.data);
        return;
    }
    api.info = document_get(api.root, "info");
    struct registry_document *registered = loader_add_document(loader, file);
    registered->openapi = loader_intern(loader, version);
    api.registered = registered;
    openapi_read_servers(loader, document_get(api.root, "servers"), &api.servers);
    openapi_read_security(loader, document_get(api.root, "security"), api.document, &api.security);
    struct document_node paths = document_get(api.root, "paths");
    if (document_exists(paths))
        read_paths(&api, paths);
    else if (span_starts_with(version, SPAN_LITERAL("3.0")))
        loader_complain(loader, api.root, "`paths` is needed here; {} when there are none");
    openapi_servers_free(&api.servers);
}
