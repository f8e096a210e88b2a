/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fuzz target: descriptor sets. The input is a set, or two with a length of two bytes in front of the first. What loads
 * is whole: every method is found again, and what its messages say about themselves holds together.
 */

#include <stdlib.h>
#include <string.h>

#include "registry/grpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at_message(const struct protobuf_message *message)
{
    for (uint32_t i = 0; i < message->field_count; i++) {
        const struct protobuf_field *field = &message->fields[i];
        require(field->number >= 1 && field->number <= PROTOBUF_NUMBER_MAX && field->name.size);
        require(field->type > PROTOBUF_UNTYPED && field->type < PROTOBUF_TYPE_COUNT);
        require(i == 0 || field->number > message->fields[i - 1].number);
        require(protobuf_message_field(message, field->number) == field);
        require(!field->message || field->message->name.size);
    }
    require(protobuf_message_field(message, 0) == NULL);
    (void)protobuf_message_extensible(message, 100);
}

static void look_at(const struct registry *registry)
{
    for (uint32_t i = 0; i < registry_operation_count(registry); i++) {
        const struct registry_operation *operation = registry_operation_at(registry, i);
        enum registry_outcome outcome;
        const struct registry_rpc *rpc = registry_find_rpc(registry, operation->path, &outcome);
        require(rpc && outcome == REGISTRY_MATCH && rpc->operation == operation && operation->id.size);
        require(operation->document && operation->file);
        if (rpc->request)
            look_at_message(rpc->request);
        if (rpc->response)
            look_at_message(rpc->response);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct registry_source sources[2] = {{"a.protoset", (const char *)data, size}, {"b.pb", NULL, 0}};
    uint32_t count = 1;
    if (size > 3 && data[0] == 0xff) {
        size_t first = ((size_t)data[1] << 8 | data[2]) % (size - 2);
        sources[0] = (struct registry_source){"a.protoset", (const char *)data + 3, first};
        sources[1] = (struct registry_source){"b.pb", (const char *)data + 3 + first, size - 3 - first};
        count = 2;
    }
    struct diagnostics diagnostics;
    struct registry *registry = NULL;
    diagnostics_init(&diagnostics);
    int status = registry_load_sources(sources, count, &diagnostics, &registry);
    require((status == 0) == (registry != NULL) && (status == 0) == (diagnostics.errors == 0));
    if (registry)
        look_at(registry);
    registry_free(registry);
    diagnostics_deinit(&diagnostics);
    return 0;
}
