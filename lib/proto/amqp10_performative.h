/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * AMQP 1.0 performatives
 *
 * The table of all performatives with the types of their fields, and what an auditor asks of them.
 *
 * Memory:  none; spans lie in the fields given.
 * Threads: pure functions.
 * Source:  OASIS AMQP 1.0, 2.7 (transport), 3.4 (delivery states), 3.5 (sources and targets), 5.3.3 (SASL).
 */

#include "proto/amqp10_value.h"

enum amqp10_descriptor {
    AMQP10_OPEN = 0x10,
    AMQP10_BEGIN = 0x11,
    AMQP10_ATTACH = 0x12,
    AMQP10_FLOW = 0x13,
    AMQP10_TRANSFER = 0x14,
    AMQP10_DISPOSITION = 0x15,
    AMQP10_DETACH = 0x16,
    AMQP10_END = 0x17,
    AMQP10_CLOSE = 0x18,
    AMQP10_ERROR = 0x1d,
    AMQP10_RECEIVED = 0x23,
    AMQP10_ACCEPTED = 0x24,
    AMQP10_REJECTED = 0x25,
    AMQP10_RELEASED = 0x26,
    AMQP10_MODIFIED = 0x27,
    AMQP10_SOURCE = 0x28,
    AMQP10_TARGET = 0x29,
    AMQP10_SASL_MECHANISMS = 0x40,
    AMQP10_SASL_INIT = 0x41,
    AMQP10_SASL_CHALLENGE = 0x42,
    AMQP10_SASL_RESPONSE = 0x43,
    AMQP10_SASL_OUTCOME = 0x44,
};

struct amqp10_performative {
    uint8_t code;
    struct span hostname;       /* open, sasl-init */
    struct span link_name;      /* attach */
    struct span source, target; /* attach: their addresses; data NULL: none */
    struct span mechanism;      /* sasl-init */
    struct span response;       /* sasl-init; may hold a password */
    struct span error;          /* detach, end, close, a rejecting disposition: the symbol of the condition */
    uint32_t frame_max;         /* open; 0: not sent */
    uint32_t handle;            /* attach, transfer, detach */
    uint32_t delivery_first, delivery_last; /* transfer (has_delivery), disposition */
    uint16_t remote_channel;                /* begin, when has_remote_channel */
    uint8_t outcome;                        /* disposition, transfer: enum amqp10_descriptor, 0: none */
    uint8_t sasl_code;                      /* sasl-outcome */
    bool has_delivery, has_remote_channel;
    bool receiver; /* attach, disposition: the role of who sends it */
    bool settled, more, aborted;
    bool settled_given; /* transfer: a later frame of a delivery may leave it out */
    bool closed;        /* detach */
    bool dynamic;       /* attach: the source or target is made by the other side */
};

/* "open" ... "sasl-outcome"; NULL: no such performative. */
const char *amqp10_performative_name(uint8_t code);

/* False when a field has not its type, one that must be there is not, or the fields do not fill their span exactly. */
bool amqp10_performative_read(uint8_t code, struct span fields, uint32_t count,
                              struct amqp10_performative *performative_out);
