/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Channel table
 *
 * Operations by broker, exchange and routing key, queue or address; WebSocket channels by host and path in a route
 * table of their own. Literal names are found by one hash each, patterns in a row per exchange.
 *
 * Memory:  built on the heap, compiled into the registry's arena.
 * Threads: one builder; any number of readers of the result.
 * Limits:  REGISTRY_BROKERS_MAX, REGISTRY_PATTERNS_MAX, REGISTRY_ADDRESS_MAX.
 */

#include "registry/channel_pattern.h"
#include "registry/registry.h"
#include "registry/route.h"

enum channel_kind {
    CHANNEL_ROUTING_KEY, /* of an exchange */
    CHANNEL_EXCHANGE,    /* all of an exchange: fanout, headers */
    CHANNEL_QUEUE,
    CHANNEL_ADDRESS, /* AMQP 1.0 */
    CHANNEL_KIND_COUNT
};

struct channel_broker {
    struct span host; /* lower case, no port; size 0: any */
    uint32_t port;    /* 0: any */
    struct span virtual_host;
    bool any_virtual_host;
};

/* Where an operation's messages travel. Texts must outlive the builder and what is compiled of it. */
struct channel_key {
    enum channel_kind kind;
    bool any_exchange; /* exchange is not looked at */
    struct span exchange;
    struct channel_pattern pattern; /* of the key, queue or address */
    struct channel_broker broker;
};

struct channel_builder;

MUST_USE struct channel_builder *channel_builder_new(void);
void channel_builder_free(struct channel_builder *builder);

enum channel_error {
    CHANNEL_E_BROKERS = 1, /* more than REGISTRY_BROKERS_MAX */
    CHANNEL_E_PATTERNS,    /* more than REGISTRY_PATTERNS_MAX of one exchange */
    CHANNEL_E_STEPS,       /* WebSocket paths: ROUTE_E_STEPS */
};

/* The first operation of an action at a key is kept. Returns 0, CHANNEL_E_BROKERS or -ENOMEM. */
MUST_USE int channel_builder_add(struct channel_builder *builder, const struct channel_key *key,
                                 enum registry_action action, uint32_t operation);

/* The same for a WebSocket path. Returns 0 or -ENOMEM. */
MUST_USE int channel_builder_add_path(struct channel_builder *builder, const struct route_key *key,
                                      enum registry_action action, uint32_t operation);

struct channel_table;

/* Returns 0, CHANNEL_E_PATTERNS, CHANNEL_E_STEPS or -ENOMEM. */
MUST_USE int channel_table_compile(const struct channel_builder *builder, struct arena *arena,
                                   const struct channel_table **table_out);

/* True when messages of the protocol are known to the table at all. */
bool channel_table_covers(const struct channel_table *table, enum call_protocol protocol);

/* *operation_out is ROUTE_OPERATION_NONE unless the outcome is REGISTRY_MATCH. */
enum registry_outcome channel_table_find(const struct channel_table *table, const struct registry_message *message,
                                         uint32_t *operation_out);
