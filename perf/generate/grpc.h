/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The gRPC API of the generated traffic: the shop's orders as a service with unary methods.
 */

#include "base/base.h"

#define GRPC_PACKAGE "shop.v1"
#define GRPC_SERVICE "Orders"

extern const char *const grpc_methods[];
extern const uint32_t grpc_methods_count;

/* Its FileDescriptorSet (descriptor.proto), as protoc would write it. Returns 0 or -errno. */
MUST_USE int grpc_descriptors_write(const char *path);
