/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * gRPC methods of the registry
 *
 * Services, methods and messages of FileDescriptorSet files (*.protoset, *.pb, *.desc: protoc --include_imports
 * --descriptor_set_out). Every method is an operation of the registry with the id "package.Service/Method", and has the
 * messages that its two directions carry.
 *
 * Memory:  the registry's arena.
 * Threads: built by the loader, read by any number of workers.
 * Source:  google/protobuf/descriptor.proto.
 */

#include "proto/protobuf_schema.h"
#include "registry/registry.h"

struct registry_rpc {
    struct span path; /* "/package.Service/Method" */
    const struct registry_operation *operation;
    const struct protobuf_message *request, *response;
    bool request_stream, response_stream;
};

/* Whether any descriptor file was loaded: without one, nothing can be said about a method. */
bool registry_has_grpc(const struct registry *registry);

/*
 * Hot path: the method of a request path, or NULL. *outcome_out is REGISTRY_MATCH, REGISTRY_NO_METHOD (the service is
 * known) or REGISTRY_NO_PATH (it is not).
 */
const struct registry_rpc *registry_find_rpc(const struct registry *registry, struct span path,
                                             enum registry_outcome *outcome_out);
