/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Registry: from sources to the finished, immutable whole.
 */

#include "registry/registry.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/hex.h"
#include "registry/asyncapi.h"
#include "registry/folder.h"
#include "registry/git.h"
#include "registry/grpc_table.h"
#include "registry/loader.h"

#define DIGEST_SIZE 32u /* SHA-256 */

struct registry {
    struct arena *arena;
    const struct route_table *routes;
    struct grpc_table *rpcs; /* NULL: no descriptors */
    const struct channel_table *channels;
    struct registry_channel *const *channel_list;
    const struct registry_operation *operations;
    const struct registry_document *documents;
    struct registry_file *files;
    uint32_t operation_count;
    uint32_t request_operation_count; /* of them, those of HTTP */
    uint32_t channel_count;
    uint32_t document_count;
    uint32_t file_count;
    char digest[2 * DIGEST_SIZE + 1];
};

static int compare_names(const void *left, const void *right)
{
    const struct loader_file *a = left, *b = right;
    return strcmp(a->source.name, b->source.name);
}

/* One line of sha256sum's output into the digest of all of them. */
static bool digest_file(EVP_MD_CTX *all, const struct registry_source *source)
{
    uint8_t bytes[DIGEST_SIZE];
    char hex[2 * DIGEST_SIZE + 1];
    if (!EVP_Q_digest(NULL, "SHA256", NULL, source->text, source->size, bytes, NULL))
        return false;
    *hex_write(bytes, DIGEST_SIZE, hex) = '\0';
    return EVP_DigestUpdate(all, hex, 2 * DIGEST_SIZE) && EVP_DigestUpdate(all, "  ", 2) &&
           EVP_DigestUpdate(all, source->name, strlen(source->name)) && EVP_DigestUpdate(all, "\n", 1);
}

static int digest_files(const struct loader *loader, char *digest_out)
{
    uint8_t bytes[DIGEST_SIZE];
    EVP_MD_CTX *all = EVP_MD_CTX_new();
    bool good = all && EVP_DigestInit_ex(all, EVP_sha256(), NULL);
    for (uint32_t i = 0; good && i < loader->file_count; i++)
        good = digest_file(all, &loader->files[i].source);
    good = good && EVP_DigestFinal_ex(all, bytes, NULL);
    EVP_MD_CTX_free(all);
    if (good)
        *hex_write(bytes, DIGEST_SIZE, digest_out) = '\0';
    return good ? 0 : -ENOMEM;
}

static int add_files(struct registry *registry, struct loader *loader, const struct registry_source *sources,
                     uint32_t count)
{
    loader->files = calloc(count + 1, sizeof(*loader->files));
    loader->documents = loader_take_array(loader, loader->arena, struct registry_document, count);
    registry->files = loader_take_array(loader, loader->arena, struct registry_file, count);
    if (!loader->files || loader->status)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++)
        loader->files[i].source = sources[i];
    loader->file_count = registry->file_count = count;
    if (count)
        qsort(loader->files, count, sizeof(*loader->files), compare_names);
    for (uint32_t i = 0; i < count; i++) {
        struct loader_file *file = &loader->files[i];
        file->file = &registry->files[i];
        file->file->name = loader_intern(loader, span_from_text(file->source.name));
        if (i && strcmp(file->source.name, file[-1].source.name) == 0)
            diagnostics_add(loader->diagnostics, DIAGNOSTIC_ERROR,
                            &(struct diagnostic_place){.file = file->source.name},
                            "two files have this name; rename one");
    }
    return loader->status;
}

static int parse_files(struct loader *loader)
{
    int status = 0;
    for (uint32_t i = 0; i < loader->file_count && status >= 0; i++) {
        struct loader_file *file = &loader->files[i];
        if (grpc_file_name(file->source.name))
            continue;
        struct span text = span_of(file->source.text, file->source.size);
        status = document_parse(file->source.name, text, loader->diagnostics, &file->document);
    }
    return status < 0 ? status : 0;
}

static void read_documents(struct registry *registry, struct loader *loader)
{
    grpc_read_descriptors(loader, &registry->rpcs);
    for (uint32_t i = 0; i < loader->file_count && !loader->status; i++) {
        const struct loader_file *file = &loader->files[i];
        if (!file->document)
            continue;
        struct document_node root = document_root(file->document);
        if (document_exists(document_get(root, "openapi")))
            openapi_read(loader, file);
        else if (document_exists(document_get(root, "grpc")))
            grpc_read_notes(loader, registry->rpcs, file);
        else if (document_exists(document_get(root, "asyncapi")))
            asyncapi_read(loader, file);
        else if (document_exists(document_get(root, "swagger")))
            document_complain(loader->diagnostics, DIAGNOSTIC_WARNING, root,
                              "Swagger 2.0 is not read, its operations are unknown; convert it to OpenAPI 3");
        else
            document_complain(
                loader->diagnostics, DIAGNOSTIC_NOTE, root,
                "no OpenAPI document and no AsyncAPI document (neither `openapi` nor `asyncapi` at the top): only "
                "read where a $ref leads here");
    }
}

struct named {
    struct span name;
    uint32_t operation;
};

static int compare_named(const void *left, const void *right)
{
    const struct named *a = left, *b = right;
    int order = memcmp(a->name.data, b->name.data, min_u32(a->name.size, b->name.size));
    if (order == 0 && a->name.size != b->name.size)
        order = a->name.size > b->name.size ? 1 : -1;
    return order ? order : (a->operation > b->operation) - (a->operation < b->operation);
}

static struct span long_id(struct loader *loader, const struct registry_operation *operation)
{
    const struct span *file = &operation->document->file->name;
    const struct registry_channel *channel = operation->channel;
    struct span path = channel ? channel->name : operation->path;
    const char *verb = channel ? registry_action_name(operation->action) : registry_method_name(operation->method);
    char *text = NULL;
    int size = asprintf(&text, "%.*s#%s %.*s", (int)file->size, file->data, verb, (int)path.size, path.data);
    if (size < 0) {
        loader->status = -ENOMEM;
        return (struct span){0};
    }
    struct span id = loader_intern(loader, span_of(text, (size_t)size));
    free(text);
    return id;
}

/* Equal names lie side by side: within a document that is a mistake, over documents the long form tells them apart. */
static void give_ids(struct loader *loader)
{
    struct named *list = loader_take_array(loader, loader->scratch, struct named, loader->operation_count);
    uint32_t count = 0;
    for (uint32_t i = 0; list && i < loader->operation_count; i++) {
        if (loader->operations[i].operation_id.size)
            list[count++] = (struct named){loader->operations[i].operation_id, i};
        else
            loader->operations[i].id = long_id(loader, &loader->operations[i]);
    }
    if (count)
        qsort(list, count, sizeof(*list), compare_named);
    for (uint32_t i = 0; i < count; i++) {
        struct registry_operation *operation = &loader->operations[list[i].operation];
        bool as_last = i > 0 && span_equal(list[i].name, list[i - 1].name);
        bool as_next = i + 1 < count && span_equal(list[i].name, list[i + 1].name);
        operation->id = as_last || as_next ? long_id(loader, operation) : operation->operation_id;
        if (as_last && loader->operations[list[i - 1].operation].document == operation->document)
            loader_complain(loader, loader->places[list[i].operation],
                            "operationId \"%.*s\" is used already in line %u; rename one", (int)list[i].name.size,
                            list[i].name.data, loader->operations[list[i - 1].operation].line);
    }
}

static int compile_channels(struct registry *registry, struct loader *loader)
{
    struct registry_channel **list =
        loader_take_array(loader, loader->arena, struct registry_channel *, loader->channel_count + 1);
    if (!list)
        return loader->status;
    if (loader->channel_count)
        memcpy(list, loader->channel_list, sizeof(*list) * loader->channel_count);
    registry->channel_list = list;
    registry->channel_count = loader->channel_count;
    int status = channel_table_compile(loader->channels, loader->arena, &registry->channels);
    if (status <= 0)
        return status;
    diagnostics_add(loader->diagnostics, DIAGNOSTIC_ERROR, NULL,
                    "one message could fit more than %u channels; make the parameters of their addresses more distinct",
                    status == CHANNEL_E_STEPS ? REGISTRY_STEPS_MAX : REGISTRY_PATTERNS_MAX);
    return REGISTRY_E_INVALID;
}

static int finish(struct registry *registry, struct loader *loader)
{
    give_ids(loader);
    struct registry_operation *operations =
        loader_take_array(loader, loader->arena, struct registry_operation, loader->operation_count);
    if (loader->status)
        return loader->status;
    if (loader->operation_count)
        memcpy(operations, loader->operations, sizeof(*operations) * loader->operation_count);
    registry->operations = operations;
    registry->operation_count = loader->operation_count;
    if (registry->rpcs)
        grpc_table_bind(registry->rpcs, operations);
    registry->documents = loader->documents;
    registry->document_count = loader->document_count;
    for (uint32_t i = 0; i < loader->operation_count; i++)
        registry->request_operation_count += !operations[i].channel;
    int status = compile_channels(registry, loader);
    if (status)
        return status;
    status = route_table_compile(loader->routes, loader->arena, &registry->routes);
    if (status == ROUTE_E_STEPS) {
        diagnostics_add(loader->diagnostics, DIAGNOSTIC_ERROR, NULL,
                        "the templates overlap so much that one request could fit %u of them; make parameters more "
                        "distinct or split the registry over hosts",
                        REGISTRY_STEPS_MAX);
        return REGISTRY_E_INVALID;
    }
    return status ? status : digest_files(loader, registry->digest);
}

static int build(struct registry *registry, const struct registry_source *sources, uint32_t count,
                 struct diagnostics *diagnostics)
{
    struct loader loader;
    uint32_t errors = diagnostics->errors;
    int status = loader_init(&loader, diagnostics, registry->arena);
    if (status)
        return status;
    status = add_files(registry, &loader, sources, count);
    if (!status)
        status = parse_files(&loader);
    if (!status) {
        read_documents(registry, &loader);
        status = loader.status;
    }
    if (!status)
        status = finish(registry, &loader);
    loader_deinit(&loader);
    return status ? status : diagnostics->errors > errors ? REGISTRY_E_INVALID : 0;
}

static struct registry *registry_new(void)
{
    struct arena *arena = arena_new_growing();
    struct registry *registry = arena ? arena_take_array(arena, struct registry, 1) : NULL;
    if (!registry)
        arena_free(arena);
    else
        registry->arena = arena;
    return registry;
}

/* All or nothing: a registry with mistakes is given back to nobody. */
static int keep_or_free(struct registry *registry, int status, struct registry **registry_out)
{
    if (status)
        registry_free(registry);
    *registry_out = status ? NULL : registry;
    return status;
}

int registry_load(const char *folder, struct diagnostics *diagnostics, struct registry **registry_out)
{
    struct registry *registry = registry_new();
    struct arena *texts = arena_new_growing();
    struct registry_source *sources = NULL;
    uint32_t count = 0;
    int status = registry && texts ? folder_read(folder, texts, diagnostics, &sources, &count) : -ENOMEM;
    /* Mistakes in the folder and in its documents are told in one go. */
    if (status == 0 || (status == REGISTRY_E_INVALID && sources)) {
        int built = build(registry, sources, count, diagnostics);
        status = built ? built : status;
    }
    if (!status)
        git_find_commits(folder, registry->files, registry->file_count, registry->arena, diagnostics);
    arena_free(texts);
    return keep_or_free(registry, status, registry_out);
}

int registry_load_sources(const struct registry_source *sources, uint32_t count, struct diagnostics *diagnostics,
                          struct registry **registry_out)
{
    struct registry *registry = registry_new();
    int status = registry ? build(registry, sources, count, diagnostics) : -ENOMEM;
    return keep_or_free(registry, status, registry_out);
}

int registry_load_text(const char *name, const char *text, size_t size, struct diagnostics *diagnostics,
                       struct registry **registry_out)
{
    struct registry_source source = {name, text, size};
    return registry_load_sources(&source, 1, diagnostics, registry_out);
}

void registry_free(struct registry *registry)
{
    if (registry)
        arena_free(registry->arena);
}

const char *registry_digest(const struct registry *registry)
{
    return registry->digest;
}

uint32_t registry_document_count(const struct registry *registry)
{
    return registry->document_count;
}

const struct registry_document *registry_document_at(const struct registry *registry, uint32_t index)
{
    require(index < registry->document_count);
    return &registry->documents[index];
}

uint32_t registry_operation_count(const struct registry *registry)
{
    return registry->operation_count;
}

const struct registry_operation *registry_operation_at(const struct registry *registry, uint32_t index)
{
    require(index < registry->operation_count);
    return &registry->operations[index];
}

uint32_t registry_operation_index(const struct registry *registry, const struct registry_operation *operation)
{
    uint32_t index = (uint32_t)(operation - registry->operations);
    require(index < registry->operation_count);
    return index;
}

enum registry_outcome registry_find(const struct registry *registry, const struct registry_request *request,
                                    struct registry_match *match_out)
{
    struct route_match match;
    route_table_find(registry->routes, request, &match);
    *match_out = (struct registry_match){
        .outcome = match.outcome,
        .operation = match.operation == ROUTE_OPERATION_NONE ? NULL : &registry->operations[match.operation],
        .methods = match.methods,
        .trailing_slash_differs = match.trailing_slash_differs,
        .less_literal = match.less_literal,
    };
    return match.outcome;
}

bool registry_has_grpc(const struct registry *registry)
{
    return registry->rpcs != NULL;
}

const struct registry_rpc *registry_find_rpc(const struct registry *registry, struct span path,
                                             enum registry_outcome *outcome_out)
{
    *outcome_out = REGISTRY_NO_PATH;
    return registry->rpcs ? grpc_table_find(registry->rpcs, path, outcome_out) : NULL;
}

bool registry_covers(const struct registry *registry, enum call_protocol protocol)
{
    if (protocol == CALL_AMQP091 || protocol == CALL_AMQP10 || protocol == CALL_WEBSOCKET)
        return channel_table_covers(registry->channels, protocol);
    return registry->request_operation_count > 0;
}

uint32_t registry_channel_count(const struct registry *registry)
{
    return registry->channel_count;
}

const struct registry_channel *registry_channel_at(const struct registry *registry, uint32_t index)
{
    require(index < registry->channel_count);
    return registry->channel_list[index];
}

enum registry_outcome registry_find_message(const struct registry *registry, const struct registry_message *message,
                                            struct registry_match *match_out)
{
    uint32_t operation;
    enum registry_outcome outcome = channel_table_find(registry->channels, message, &operation);
    *match_out = (struct registry_match){
        .outcome = outcome,
        .operation = operation == ROUTE_OPERATION_NONE ? NULL : &registry->operations[operation],
        .message = true,
    };
    return outcome;
}
