/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Descriptors
 *
 * Reads FileDescriptorSet files into one pool of messages, linked with each other, and gives the proto files with their
 * services. A proto file that lies in several sets (common imports do) is taken once.
 *
 * Memory:  messages in the registry's arena; the pool and its lists in the loader's scratch.
 * Threads: one owner; slow path.
 * Limits:  below; what exceeds one is an error of the file.
 * Errors:  loader->diagnostics, with the file, the proto file in it and the element.
 * Source:  google/protobuf/descriptor.proto.
 */

#include "proto/protobuf_schema.h"
#include "registry/loader.h"

#define DESCRIPTOR_FILES_MAX    20000u /* as many as the registry takes of files; compared with each other by name */
#define DESCRIPTOR_MESSAGES_MAX (1u << 20) /* fifty times what the largest published API collection has */
#define DESCRIPTOR_DEPTH_MAX    32u        /* messages within messages; protoc itself stops there */
#define DESCRIPTOR_FIELDS_MAX   65535u     /* of one message, as protoc has it */
#define DESCRIPTOR_NAME_MAX     512u       /* of anything, with its package: it is shown in findings */

/* One proto file of a set. */
struct descriptor_file {
    struct span name; /* "payments/v1/cards.proto" */
    struct span package;
    struct span body; /* its FileDescriptorProto */
    const struct loader_file *file;
    bool proto3;
    bool deprecated;
};

struct descriptor_entry {
    struct span name; /* "package.Outer.Inner" */
    struct span body; /* its DescriptorProto */
    struct protobuf_message *message;
    uint32_t file; /* index into files */
    uint32_t depth;
    uint32_t field_count; /* extensions of others included */
    uint32_t filled;
    struct protobuf_field *fields;
};

struct descriptor_extension {
    struct span body;  /* its FieldDescriptorProto */
    struct span scope; /* package or message it is written in */
    uint32_t file;
};

struct descriptor_pool {
    struct loader *loader;
    struct descriptor_file *files;
    struct descriptor_entry *entries; /* ascending by name, once linked */
    struct descriptor_extension *extensions;
    const struct protobuf_types *types; /* in the order of entries, once linked */
    uint32_t file_count, file_capacity;
    uint32_t entry_count, entry_capacity;
    uint32_t extension_count, extension_capacity;
};

/* A member of a ServiceDescriptorProto. */
struct descriptor_method {
    struct span name, input, output; /* types as ".package.Message" */
    bool request_stream, response_stream, deprecated;
};

void descriptor_pool_add(struct descriptor_pool *pool, const struct loader_file *file);
void descriptor_pool_link(struct descriptor_pool *pool);

/* `type` as in descriptors, ".package.Message". NULL: no such message. */
const struct protobuf_message *descriptor_pool_find(const struct descriptor_pool *pool, struct span type);

/* False when it is no MethodDescriptorProto. */
bool descriptor_read_method(struct span body, struct descriptor_method *method_out);

/* deprecated of ServiceOptions and MethodOptions (33), FileOptions (23). */
bool descriptor_option(struct span options, uint32_t number);

/* "package.Name" or "Name", in the registry's copy; an error, and size 0, when it is no name. */
struct span descriptor_join(struct descriptor_pool *pool, uint32_t file, struct span package, struct span name);

/* An error, in the set that holds the proto file. */
void descriptor_complain(struct descriptor_pool *pool, uint32_t file, const char *format, ...) PRINTF_LIKE(3, 4);

/* A warning: a message is in no file, so what it holds is read as if there were no descriptor. */
void descriptor_miss(struct descriptor_pool *pool, uint32_t file, struct span owner, struct span type);
