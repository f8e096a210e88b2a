/* SPDX-License-Identifier: Apache-2.0 */

/* Notes on gRPC services: what descriptors cannot say, read from a document beside them; registry/grpc_table.h. */

#include "registry/grpc_table.h"
#include "registry/openapi.h"

#define NOTE_PATH_MAX 1024u /* two names of DESCRIPTOR_NAME_MAX */

struct notes {
    struct loader *loader;
    const struct grpc_table *table;
    struct document_node root;
    uint32_t found; /* methods of the service that is being read */
};

static void note_method(struct notes *notes, const struct registry_rpc *rpc, struct document_node service,
                        struct document_node method)
{
    struct loader *loader = notes->loader;
    uint32_t number = notes->table->first_operation + (uint32_t)(rpc - notes->table->rpcs);
    struct registry_operation *operation = &loader->operations[number];
    struct openapi_levels levels = {{method, service, notes->root, {0}}};
    openapi_read_extensions(loader, &levels, operation);
    struct document_node tags = document_get(method, "tags");
    if (!document_exists(tags))
        tags = document_get(service, "tags");
    operation->tags = loader_read_names(loader, tags, "a list of texts");
    operation->deprecated = loader_read_boolean(loader, service, SPAN_LITERAL("deprecated"), operation->deprecated);
    operation->deprecated = loader_read_boolean(loader, method, SPAN_LITERAL("deprecated"), operation->deprecated);
}

/* A method that is named and that no descriptor knows is a mistake: the note would have no effect. */
static void check_methods(struct notes *notes, struct document_node service, struct document_node methods)
{
    struct span name = document_key(service);
    struct document_node method = document_first(methods);
    for (; document_exists(method); method = document_next(method)) {
        struct span key = document_key(method);
        char path[NOTE_PATH_MAX];
        int size = snprintf(path, sizeof(path), "/%.*s/%.*s", (int)name.size, name.data, (int)key.size, key.data);
        enum registry_outcome outcome = REGISTRY_NO_PATH;
        if (size > 0 && (uint32_t)size < sizeof(path))
            grpc_table_find(notes->table, span_of(path, (size_t)size), &outcome);
        if (outcome != REGISTRY_MATCH)
            loader_complain(notes->loader, method, "the descriptors have no method of this name; check the spelling");
        else if (document_kind(method) != DOCUMENT_MAPPING)
            loader_complain(notes->loader, method, "expected an object");
    }
}

static void note_service(struct notes *notes, struct document_node service)
{
    struct span name = document_key(service);
    struct document_node methods = document_get(service, "methods");
    bool any = false;
    for (uint32_t i = 0; i < notes->table->rpc_count && !notes->loader->status; i++) {
        const struct registry_rpc *rpc = &notes->table->rpcs[i];
        struct span rest = span_from(rpc->path, 1);
        if (!span_starts_with(rest, name) || rest.size <= name.size || rest.data[name.size] != '/')
            continue;
        any = true;
        note_method(notes, rpc, service, document_find(methods, span_from(rest, name.size + 1)));
    }
    if (!any)
        loader_complain(notes->loader, service,
                        "the descriptors have no service of this name; write it with its package, or add its "
                        "*.protoset");
    else
        check_methods(notes, service, methods);
}

void grpc_read_notes(struct loader *loader, const struct grpc_table *table, const struct loader_file *file)
{
    struct notes notes = {.loader = loader, .table = table, .root = document_root(file->document)};
    struct document_node version = document_get(notes.root, "grpc");
    if (!span_equal(document_text(version), SPAN_LITERAL("1"))) {
        loader_complain(loader, version, "`grpc` is the version of these notes; the only one is 1");
        return;
    }
    /* Where descriptors are damaged, that is all there is to say. */
    if (!table && loader->diagnostics->errors)
        return;
    if (!table) {
        loader_complain(loader, version,
                        "notes on gRPC services, but no descriptors; add the *.protoset they are about");
        return;
    }
    struct document_node services = document_get(notes.root, "services");
    if (document_kind(services) != DOCUMENT_MAPPING) {
        loader_complain(loader, notes.root, "`services` is needed here, an object with names of services as keys");
        return;
    }
    struct document_node service = document_first(services);
    for (; document_exists(service) && !loader->status; service = document_next(service))
        note_service(&notes, service);
}
