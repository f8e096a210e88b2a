/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * AMQP 0-9-1 properties and field tables
 *
 * Walks through the properties of a message as names and values, one at a time. The entries of the headers table are
 * told as properties of their own names; those of a table or array inside it by the name of the outermost entry.
 * Numbers and booleans are given as text, so that they can be searched like everything else.
 *
 * Memory:  the walker itself; texts lie in the input or in the walker, valid until the next call.
 * Threads: one owner.
 * Limits:  AMQP091_TABLE_DEPTH_MAX tables inside each other; what lies deeper is given as one value, as it lies.
 * Source:  AMQP 0-9-1 4.2.5.5 (with RabbitMQ's types of values) and 4.2.6.1.
 */

#include "base/span.h"

#define AMQP091_TABLE_DEPTH_MAX 8u  /* x-death, the deepest that brokers write, is three deep */
#define AMQP091_NUMBER_SIZE     24u /* digits of 2^64 and a sign */

struct amqp091_field {
    struct span name;
    struct span value;
    bool header; /* an entry of the headers table, not a property of the specification */
};

/* Members are private but malformed. */
struct amqp091_walk {
    struct span rest; /* of the list of properties */
    struct span name; /* of the outermost entry */
    struct {
        struct span rest;
        bool array; /* values without names */
    } levels[AMQP091_TABLE_DEPTH_MAX];
    uint32_t depth;
    uint16_t flags; /* properties still to come */
    bool malformed; /* the list does not end where its frame ends, or holds what is no value */
    char number[AMQP091_NUMBER_SIZE];
};

/* `properties` as in a content header frame: the flags and what follows them. */
void amqp091_properties_init(struct amqp091_walk *walk, struct span properties);

/* The entries of a table without its size in front, as AMQPLAIN sends it. */
void amqp091_table_init(struct amqp091_walk *walk, struct span entries);

/* False at the end. */
bool amqp091_walk_next(struct amqp091_walk *walk, struct amqp091_field *field_out);

/* Whether `properties` are well formed and fill their span exactly. */
bool amqp091_properties_plausible(struct span properties);
