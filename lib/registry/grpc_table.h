/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * gRPC table
 *
 * Inside of the registry: how descriptor sets become operations, and how they are found.
 *
 * Notes: a YAML or JSON file with a top-level `grpc: 1` adds what descriptors cannot say:
 *
 *      grpc: 1
 *      x-owner: payments team             # any x- member of registry/operation.h, for all services of the file
 *      services:
 *        payments.v1.Cards:
 *          x-data-class: [PCI-CHD]        # for all its methods
 *          methods:
 *            Charge: {tags: [authorization], deprecated: true, x-sunset: 2026-12-31}
 *
 * Memory:  the table in the registry's arena.
 * Threads: one builder; any number of readers.
 */

#include "registry/grpc.h"
#include "registry/loader.h"

struct grpc_slot {
    struct span key;                /* "/package.Service/Method", or "/package.Service/" */
    const struct registry_rpc *rpc; /* NULL: a service */
};

struct grpc_table {
    struct hash_key hash_key;
    struct registry_rpc *rpcs;
    uint32_t rpc_count;
    uint32_t first_operation; /* number of the first one's operation; the others follow */
    struct grpc_slot *slots;
    uint32_t slot_mask;
};

/* "*.protoset", "*.pb", "*.desc". */
bool grpc_file_name(const char *name);

/* Reads all such files. *table_out is NULL when there is none. */
void grpc_read_descriptors(struct loader *loader, struct grpc_table **table_out);

/* A document with a top-level `grpc`. */
void grpc_read_notes(struct loader *loader, const struct grpc_table *table, const struct loader_file *file);

/* The operations have their place and will not move any more. */
void grpc_table_bind(struct grpc_table *table, const struct registry_operation *operations);

const struct registry_rpc *grpc_table_find(const struct grpc_table *table, struct span path,
                                           enum registry_outcome *outcome_out);
