/* SPDX-License-Identifier: Apache-2.0 */

/*
 * gRPC methods: services of all descriptor sets into operations and one hash table. Methods and services lie in the
 * same table, so that an unknown method of a known service costs two look-ups, and all else one.
 */

#include "registry/grpc_table.h"

#include "proto/protobuf_wire.h"
#include "registry/descriptor.h"

/* Field numbers of descriptor.proto. */
enum { FILE_SERVICE = 6, SERVICE_NAME = 1, SERVICE_METHOD = 2, SERVICE_OPTIONS = 3, SERVICE_OPTION_DEPRECATED = 33 };

#define METHODS_MAX (1u << 20) /* as many as messages */

struct builder {
    struct loader *loader;
    struct descriptor_pool pool;
    struct grpc_table *table;
    const struct registry_document *document; /* of the set that is being read */
    uint32_t service_count;
};

bool grpc_file_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (!strcmp(dot, ".protoset") || !strcmp(dot, ".pb") || !strcmp(dot, ".desc"));
}

/* ---------------------------------------------------------------------- table */

static struct grpc_slot *slot_of(const struct grpc_table *table, struct span key)
{
    uint32_t slot = (uint32_t)hash_bytes(&table->hash_key, key.data, key.size) & table->slot_mask;
    while (table->slots[slot].key.data && !span_equal(table->slots[slot].key, key))
        slot = (slot + 1) & table->slot_mask;
    return &table->slots[slot];
}

const struct registry_rpc *grpc_table_find(const struct grpc_table *table, struct span path,
                                           enum registry_outcome *outcome_out)
{
    const struct grpc_slot *slot = slot_of(table, path);
    *outcome_out = REGISTRY_MATCH;
    if (slot->key.data && slot->rpc)
        return slot->rpc;
    uint32_t size = path.size;
    while (size && path.data[size - 1] != '/')
        size--;
    slot = slot_of(table, span_first(path, size));
    *outcome_out = size > 1 && slot->key.data ? REGISTRY_NO_METHOD : REGISTRY_NO_PATH;
    return NULL;
}

void grpc_table_bind(struct grpc_table *table, const struct registry_operation *operations)
{
    for (uint32_t i = 0; i < table->rpc_count; i++)
        table->rpcs[i].operation = &operations[table->first_operation + i];
}

/* ------------------------------------------------------------------- services */

/* Calls `each` for every service of every proto file. */
static void each_service(struct builder *builder, void (*each)(struct builder *, uint32_t file, struct span body))
{
    for (uint32_t i = 0; i < builder->pool.file_count && !builder->loader->status; i++) {
        struct protobuf_reader reader = protobuf_reader_of(builder->pool.files[i].body);
        struct protobuf_value value;
        while (protobuf_reader_next(&reader, &value) && !builder->loader->status)
            if (value.number == FILE_SERVICE && value.wire == PROTOBUF_WIRE_SIZED)
                each(builder, i, value.text);
    }
}

static void count_service(struct builder *builder, uint32_t file, struct span body)
{
    struct protobuf_reader reader = protobuf_reader_of(body);
    struct protobuf_value value;
    uint32_t count = 0;
    while (protobuf_reader_next(&reader, &value))
        count += value.number == SERVICE_METHOD && value.wire == PROTOBUF_WIRE_SIZED;
    if (reader.broken || count > METHODS_MAX - builder->table->rpc_count) {
        descriptor_complain(&builder->pool, file, "a service in it is damaged, or there are too many methods");
        return;
    }
    builder->table->rpc_count += count;
    builder->service_count++;
}

static struct span path_of(struct builder *builder, struct span service, struct span method)
{
    char text[2 * DESCRIPTOR_NAME_MAX + 2];
    text[0] = '/';
    memcpy(text + 1, service.data, service.size);
    text[1 + service.size] = '/';
    if (method.size)
        memcpy(text + 2 + service.size, method.data, method.size);
    return loader_intern(builder->loader, span_of(text, 2 + service.size + method.size));
}

static const struct protobuf_message *message_of(struct builder *builder, uint32_t file, struct span type,
                                                 struct span path)
{
    const struct protobuf_message *message = descriptor_pool_find(&builder->pool, type);
    if (!message)
        descriptor_miss(&builder->pool, file, path, type);
    return message;
}

static void add_method(struct builder *builder, uint32_t file, struct span service, struct span body, bool deprecated)
{
    struct loader *loader = builder->loader;
    struct descriptor_method method;
    struct span name = {0};
    if (!descriptor_read_method(body, &method))
        descriptor_complain(&builder->pool, file, "a method of service %.*s is damaged; make the file again",
                            (int)service.size, service.data);
    else
        name = descriptor_join(&builder->pool, file, (struct span){0}, method.name);
    struct span path = name.size ? path_of(builder, service, name) : (struct span){0};
    struct grpc_slot *slot = path.size ? slot_of(builder->table, path) : NULL;
    if (!slot)
        return;
    if (slot->key.data) {
        descriptor_complain(&builder->pool, file, "method %.*s is defined twice; remove one", (int)path.size,
                            path.data);
        return;
    }
    uint32_t number = loader_add_operation(loader, (struct document_node){0});
    if (number == ROUTE_OPERATION_NONE)
        return;
    loader->operations[number] = (struct registry_operation){
        .operation_id = span_from(path, 1),
        .path = path,
        .document = builder->document,
        .file = builder->document->file,
        .method = REGISTRY_POST,
        .deprecated = deprecated || method.deprecated,
    };
    struct registry_rpc *rpc = &builder->table->rpcs[builder->table->rpc_count++];
    *rpc = (struct registry_rpc){
        .path = path,
        .request = message_of(builder, file, method.input, path),
        .response = message_of(builder, file, method.output, path),
        .request_stream = method.request_stream,
        .response_stream = method.response_stream,
    };
    *slot = (struct grpc_slot){path, rpc};
}

static void use_document(struct builder *builder, const struct loader_file *file)
{
    struct loader *loader = builder->loader;
    if (builder->document && builder->document->file == file->file)
        return;
    struct registry_document *document = &loader->documents[loader->document_count++];
    *document = (struct registry_document){.file = file->file};
    builder->document = document;
}

static void add_service(struct builder *builder, uint32_t file, struct span body)
{
    const struct descriptor_file *in = &builder->pool.files[file];
    struct protobuf_reader reader = protobuf_reader_of(body);
    struct protobuf_value value;
    struct span name = {0};
    bool deprecated = in->deprecated;
    while (protobuf_reader_next(&reader, &value)) {
        if (value.number == SERVICE_NAME)
            name = value.text;
        else if (value.number == SERVICE_OPTIONS)
            deprecated = deprecated || descriptor_option(value.text, SERVICE_OPTION_DEPRECATED);
    }
    name = descriptor_join(&builder->pool, file, in->package, name);
    if (!name.size)
        return;
    use_document(builder, in->file);
    struct span key = path_of(builder, name, (struct span){0});
    struct grpc_slot *slot = key.size ? slot_of(builder->table, key) : NULL;
    if (slot && slot->key.data)
        descriptor_complain(&builder->pool, file, "service %.*s is defined twice; remove one", (int)name.size,
                            name.data);
    if (!slot || slot->key.data)
        return;
    slot->key = key;
    reader = protobuf_reader_of(body);
    while (protobuf_reader_next(&reader, &value) && !builder->loader->status)
        if (value.number == SERVICE_METHOD && value.wire == PROTOBUF_WIRE_SIZED)
            add_method(builder, file, name, value.text, deprecated);
}

static bool take_table(struct builder *builder)
{
    struct loader *loader = builder->loader;
    struct grpc_table *table = builder->table;
    uint32_t slots = 16;
    while (slots < 2 * (table->rpc_count + builder->service_count))
        slots *= 2;
    table->slots = loader_take_array(loader, loader->arena, struct grpc_slot, slots);
    table->rpcs = loader_take_array(loader, loader->arena, struct registry_rpc, table->rpc_count + 1);
    table->slot_mask = slots - 1;
    table->rpc_count = 0;
    return loader->status == 0;
}

void grpc_read_descriptors(struct loader *loader, struct grpc_table **table_out)
{
    struct builder builder = {.loader = loader, .pool = {.loader = loader}};
    uint32_t count = 0;
    *table_out = NULL;
    for (uint32_t i = 0; i < loader->file_count && !loader->status; i++) {
        if (!grpc_file_name(loader->files[i].source.name))
            continue;
        descriptor_pool_add(&builder.pool, &loader->files[i]);
        count++;
    }
    builder.table = count ? loader_take_array(loader, loader->arena, struct grpc_table, 1) : NULL;
    if (!builder.table)
        return;
    builder.table->hash_key = loader->hash_key;
    builder.table->first_operation = loader->operation_count;
    descriptor_pool_link(&builder.pool);
    /* What is damaged is not counted, so there would be no room for what can be read of it. */
    uint32_t errors = loader->diagnostics->errors;
    each_service(&builder, count_service);
    if (!loader->status && loader->diagnostics->errors == errors && take_table(&builder))
        each_service(&builder, add_service);
    if (!loader->status && builder.table->slots)
        *table_out = builder.table;
}
