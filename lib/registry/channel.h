/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Registered channel
 *
 * What AsyncAPI documents say about one channel: where messages of it travel. registry_find_message() finds the
 * operation of a message; this is the inventory, which also holds channels of protocols that are not looked at.
 *
 * Memory:  in the registry's arena; valid and unchanging until registry_free().
 * Threads: any number of readers.
 * Source:  AsyncAPI 2.6.0 and 3.0.0, AMQP binding 0.3.0, WebSockets binding 0.1.0.
 */

#include "base/span.h"

struct registry_document;
struct registry_file;

/* As the application that the document describes sees it; a `publish` of AsyncAPI 2 is what it receives. */
enum registry_action {
    REGISTRY_ACTION_NONE, /* an HTTP operation, or a channel without operations */
    REGISTRY_ACTION_SEND,
    REGISTRY_ACTION_RECEIVE,
    REGISTRY_ACTION_COUNT
};

struct registry_channel {
    struct span name;    /* its key in the document */
    struct span address; /* with {parameters}; size 0: known at run time only */
    const struct registry_document *document;
    const struct registry_file *file; /* where its text lies */
    uint32_t line;
    uint32_t protocols;   /* set of 1 << enum call_protocol it is looked up for; 0: inventory only */
    bool is_queue;        /* AMQP: a queue; otherwise a routing key */
    struct span exchange; /* AMQP; data NULL: any, size 0: the default exchange */
    struct span queue;    /* AMQP; data NULL: none named */
    uint32_t operation_count;
};

/* "send", "receive", and "channel" for no action; never NULL. */
const char *registry_action_name(enum registry_action action);
