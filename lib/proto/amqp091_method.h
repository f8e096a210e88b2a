/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * AMQP 0-9-1 methods
 *
 * The table of all methods, and what an auditor asks of their arguments. Everything else in the arguments is stepped
 * over, so that arguments which do not fill their frame exactly are known.
 *
 * Memory:  none; spans lie in the arguments given.
 * Threads: pure functions.
 * Source:  AMQP 0-9-1 specification 1.2 to 1.6 and its XML; RabbitMQ: basic.nack, confirm, exchange.bind and unbind,
 *          connection.blocked, unblocked and update-secret.
 */

#include "base/span.h"

enum amqp091_class {
    AMQP091_CONNECTION = 10,
    AMQP091_CHANNEL = 20,
    AMQP091_ACCESS = 30,
    AMQP091_EXCHANGE = 40,
    AMQP091_QUEUE = 50,
    AMQP091_BASIC = 60,
    AMQP091_CONFIRM = 85,
    AMQP091_TX = 90,
};

/* Methods that somebody asks for by name: class and method number in one. */
#define AMQP091_METHOD_ID(class_number, method_number) ((uint32_t)(class_number) << 16 | (method_number))
enum amqp091_method_id {
    AMQP091_CONNECTION_START_OK = 10 << 16 | 11,
    AMQP091_CONNECTION_SECURE = 10 << 16 | 20,
    AMQP091_CONNECTION_SECURE_OK = 10 << 16 | 21,
    AMQP091_CONNECTION_TUNE = 10 << 16 | 30,
    AMQP091_CONNECTION_TUNE_OK = 10 << 16 | 31,
    AMQP091_CONNECTION_OPEN = 10 << 16 | 40,
    AMQP091_CONNECTION_CLOSE = 10 << 16 | 50,
    AMQP091_CONNECTION_CLOSE_OK = 10 << 16 | 51,
    AMQP091_CHANNEL_OPEN = 20 << 16 | 10,
    AMQP091_CHANNEL_CLOSE = 20 << 16 | 40,
    AMQP091_CHANNEL_CLOSE_OK = 20 << 16 | 41,
    AMQP091_BASIC_CONSUME = 60 << 16 | 20,
    AMQP091_BASIC_CONSUME_OK = 60 << 16 | 21,
    AMQP091_BASIC_CANCEL = 60 << 16 | 30,
    AMQP091_BASIC_PUBLISH = 60 << 16 | 40,
    AMQP091_BASIC_RETURN = 60 << 16 | 50,
    AMQP091_BASIC_DELIVER = 60 << 16 | 60,
    AMQP091_BASIC_GET = 60 << 16 | 70,
    AMQP091_BASIC_GET_OK = 60 << 16 | 71,
    AMQP091_BASIC_GET_EMPTY = 60 << 16 | 72,
    AMQP091_BASIC_ACK = 60 << 16 | 80,
    AMQP091_BASIC_REJECT = 60 << 16 | 90,
    AMQP091_BASIC_NACK = 60 << 16 | 120,
    AMQP091_CONFIRM_SELECT = 85 << 16 | 10,
    AMQP091_CONFIRM_SELECT_OK = 85 << 16 | 11,
};

/* Who may send it. */
enum amqp091_sender { AMQP091_CLIENT = 1, AMQP091_SERVER = 2, AMQP091_BOTH = 3 };

struct amqp091_method_info {
    uint32_t id;           /* AMQP091_METHOD_ID() */
    uint32_t answer;       /* id of the method that answers it; 0: none */
    const char *name;      /* "basic.publish" */
    const char *arguments; /* one letter each, amqp091_method.c */
    uint8_t no_wait;       /* the bit of the last octet of flags that says: do not answer */
    uint8_t sender;        /* enum amqp091_sender */
    bool content;          /* a content header follows */
    bool told;             /* becomes a transaction of its own, see docs/formats.md */
};

struct amqp091_arguments {
    struct span exchange, routing_key, queue, consumer_tag, virtual_host; /* data NULL: the method has none */
    struct span mechanism, response; /* of connection.start-ok and secure-ok; the response may hold a password */
    struct span reply_text;
    uint64_t delivery_tag;
    uint32_t frame_max;
    uint16_t reply_code; /* 0: the method has none */
    uint16_t failed_class, failed_method;
    uint8_t bits;  /* the last octet of flags */
    bool complete; /* the arguments were read to their end and nothing lies behind it */
};

/* NULL when there is no such method. */
const struct amqp091_method_info *amqp091_method_find(uint16_t class_number, uint16_t method_number);

void amqp091_arguments_read(const struct amqp091_method_info *method, struct span arguments,
                            struct amqp091_arguments *arguments_out);

/* Whether the client said that it waits for no answer (the no-wait bit). */
bool amqp091_no_wait(const struct amqp091_method_info *method, const struct amqp091_arguments *arguments);
