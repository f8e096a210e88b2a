/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Methods of AMQP 0-9-1: one table, one reader. The arguments of a method are written as letters, so that a method is
 * one line and every argument is at least stepped over.
 */

#include "proto/amqp091_method.h"

#include "proto/amqp_bytes.h"

/*
 * Small letters are stepped over: o octet, w short, d long, s short text, S long text, t table. What is kept:
 *   b flags   E exchange   K routing key   Q queue   C consumer tag   T delivery tag   V virtual host
 *   M mechanism   R response   F frame-max   r reply code   x reply text   c failing class   m failing method
 */
#define REQUEST(class_, method_, answer_, name_, arguments_, no_wait_, told_)                                          \
    {                                                                                                                  \
        .id = AMQP091_METHOD_ID(class_, method_), .answer = AMQP091_METHOD_ID(class_, answer_), .name = name_,         \
        .arguments = arguments_, .no_wait = no_wait_, .sender = AMQP091_CLIENT, .told = told_                          \
    }
#define ONE_WAY(class_, method_, sender_, name_, arguments_)                                                           \
    {                                                                                                                  \
        .id = AMQP091_METHOD_ID(class_, method_), .name = name_, .arguments = arguments_, .sender = sender_            \
    }
#define CONTENT(class_, method_, sender_, name_, arguments_)                                                           \
    {                                                                                                                  \
        .id = AMQP091_METHOD_ID(class_, method_), .name = name_, .arguments = arguments_, .sender = sender_,           \
        .content = true                                                                                                \
    }

static const struct amqp091_method_info methods[] = {
    ONE_WAY(10, 10, AMQP091_SERVER, "connection.start", "ootSS"),
    REQUEST(10, 11, 30, "connection.start-ok", "tMRs", 0, true),
    ONE_WAY(10, 20, AMQP091_SERVER, "connection.secure", "S"),
    ONE_WAY(10, 21, AMQP091_CLIENT, "connection.secure-ok", "R"),
    ONE_WAY(10, 30, AMQP091_SERVER, "connection.tune", "wFw"),
    ONE_WAY(10, 31, AMQP091_CLIENT, "connection.tune-ok", "wFw"),
    REQUEST(10, 40, 41, "connection.open", "Vsb", 0, true),
    ONE_WAY(10, 41, AMQP091_SERVER, "connection.open-ok", "s"),
    ONE_WAY(10, 50, AMQP091_BOTH, "connection.close", "rxcm"),
    ONE_WAY(10, 51, AMQP091_BOTH, "connection.close-ok", ""),
    ONE_WAY(10, 60, AMQP091_SERVER, "connection.blocked", "x"),
    ONE_WAY(10, 61, AMQP091_SERVER, "connection.unblocked", ""),
    REQUEST(10, 70, 71, "connection.update-secret", "Ss", 0, true),
    ONE_WAY(10, 71, AMQP091_SERVER, "connection.update-secret-ok", ""),
    REQUEST(20, 10, 11, "channel.open", "s", 0, false),
    ONE_WAY(20, 11, AMQP091_SERVER, "channel.open-ok", "S"),
    ONE_WAY(20, 20, AMQP091_BOTH, "channel.flow", "b"),
    ONE_WAY(20, 21, AMQP091_BOTH, "channel.flow-ok", "b"),
    ONE_WAY(20, 40, AMQP091_BOTH, "channel.close", "rxcm"),
    ONE_WAY(20, 41, AMQP091_BOTH, "channel.close-ok", ""),
    REQUEST(30, 10, 11, "access.request", "sb", 0, false),
    ONE_WAY(30, 11, AMQP091_SERVER, "access.request-ok", "w"),
    REQUEST(40, 10, 11, "exchange.declare", "wEsbt", 1u << 4, true),
    ONE_WAY(40, 11, AMQP091_SERVER, "exchange.declare-ok", ""),
    REQUEST(40, 20, 21, "exchange.delete", "wEb", 1u << 1, true),
    ONE_WAY(40, 21, AMQP091_SERVER, "exchange.delete-ok", ""),
    REQUEST(40, 30, 31, "exchange.bind", "wsEKbt", 1u << 0, true),
    ONE_WAY(40, 31, AMQP091_SERVER, "exchange.bind-ok", ""),
    REQUEST(40, 40, 51, "exchange.unbind", "wsEKbt", 1u << 0, true),
    ONE_WAY(40, 51, AMQP091_SERVER, "exchange.unbind-ok", ""),
    REQUEST(50, 10, 11, "queue.declare", "wQbt", 1u << 4, true),
    ONE_WAY(50, 11, AMQP091_SERVER, "queue.declare-ok", "Qdd"),
    REQUEST(50, 20, 21, "queue.bind", "wQEKbt", 1u << 0, true),
    ONE_WAY(50, 21, AMQP091_SERVER, "queue.bind-ok", ""),
    REQUEST(50, 30, 31, "queue.purge", "wQb", 1u << 0, true),
    ONE_WAY(50, 31, AMQP091_SERVER, "queue.purge-ok", "d"),
    REQUEST(50, 40, 41, "queue.delete", "wQb", 1u << 2, true),
    ONE_WAY(50, 41, AMQP091_SERVER, "queue.delete-ok", "d"),
    REQUEST(50, 50, 51, "queue.unbind", "wQEKt", 0, true),
    ONE_WAY(50, 51, AMQP091_SERVER, "queue.unbind-ok", ""),
    REQUEST(60, 10, 11, "basic.qos", "dwb", 0, false),
    ONE_WAY(60, 11, AMQP091_SERVER, "basic.qos-ok", ""),
    REQUEST(60, 20, 21, "basic.consume", "wQCbt", 1u << 3, true),
    ONE_WAY(60, 21, AMQP091_SERVER, "basic.consume-ok", "C"),
    /* RabbitMQ sends basic.cancel to clients too; that one is not answered. */
    {.id = AMQP091_METHOD_ID(60, 30),
     .answer = AMQP091_METHOD_ID(60, 31),
     .name = "basic.cancel",
     .arguments = "Cb",
     .no_wait = 1u << 0,
     .sender = AMQP091_BOTH,
     .told = true},
    ONE_WAY(60, 31, AMQP091_BOTH, "basic.cancel-ok", "C"),
    CONTENT(60, 40, AMQP091_CLIENT, "basic.publish", "wEKb"),
    CONTENT(60, 50, AMQP091_SERVER, "basic.return", "rxEK"),
    CONTENT(60, 60, AMQP091_SERVER, "basic.deliver", "CTbEK"),
    REQUEST(60, 70, 72, "basic.get", "wQb", 0, true),
    CONTENT(60, 71, AMQP091_SERVER, "basic.get-ok", "TbEKd"),
    ONE_WAY(60, 72, AMQP091_SERVER, "basic.get-empty", "s"),
    ONE_WAY(60, 80, AMQP091_BOTH, "basic.ack", "Tb"),
    ONE_WAY(60, 90, AMQP091_CLIENT, "basic.reject", "Tb"),
    ONE_WAY(60, 100, AMQP091_CLIENT, "basic.recover-async", "b"),
    REQUEST(60, 110, 111, "basic.recover", "b", 0, false),
    ONE_WAY(60, 111, AMQP091_SERVER, "basic.recover-ok", ""),
    ONE_WAY(60, 120, AMQP091_BOTH, "basic.nack", "Tb"),
    REQUEST(85, 10, 11, "confirm.select", "b", 1u << 0, false),
    ONE_WAY(85, 11, AMQP091_SERVER, "confirm.select-ok", ""),
    REQUEST(90, 10, 11, "tx.select", "", 0, false),
    ONE_WAY(90, 11, AMQP091_SERVER, "tx.select-ok", ""),
    REQUEST(90, 20, 21, "tx.commit", "", 0, false),
    ONE_WAY(90, 21, AMQP091_SERVER, "tx.commit-ok", ""),
    REQUEST(90, 30, 31, "tx.rollback", "", 0, false),
    ONE_WAY(90, 31, AMQP091_SERVER, "tx.rollback-ok", ""),
};

const struct amqp091_method_info *amqp091_method_find(uint16_t class_number, uint16_t method_number)
{
    /* The table is sorted by number. */
    uint32_t id = AMQP091_METHOD_ID(class_number, method_number);
    uint32_t low = 0, high = ARRAY_COUNT(methods);
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (methods[middle].id == id)
            return &methods[middle];
        if (methods[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static bool text_read(char letter, struct span *rest, struct amqp091_arguments *out)
{
    struct span text;
    bool is_long = letter == 'S' || letter == 't' || letter == 'R';
    if (!amqp_take_text(rest, is_long ? 4 : 1, &text))
        return false;
    switch (letter) {
    case 'E':
        out->exchange = text;
        break;
    case 'K':
        out->routing_key = text;
        break;
    case 'Q':
        out->queue = text;
        break;
    case 'C':
        out->consumer_tag = text;
        break;
    case 'V':
        out->virtual_host = text;
        break;
    case 'M':
        out->mechanism = text;
        break;
    case 'R':
        out->response = text;
        break;
    case 'x':
        out->reply_text = text;
        break;
    default:
        break;
    }
    return true;
}

/* 0: the letter stands for a text. */
static uint32_t number_size(char letter)
{
    switch (letter) {
    case 'o':
    case 'b':
        return 1;
    case 'w':
    case 'r':
    case 'c':
    case 'm':
        return 2;
    case 'd':
    case 'F':
        return 4;
    case 'T':
        return 8;
    default:
        return 0;
    }
}

static bool number_read(char letter, struct span *rest, struct amqp091_arguments *out)
{
    uint64_t number;
    if (!amqp_take_number(rest, number_size(letter), &number))
        return false;
    switch (letter) {
    case 'b':
        out->bits = (uint8_t)number;
        break;
    case 'r':
        out->reply_code = (uint16_t)number;
        break;
    case 'c':
        out->failed_class = (uint16_t)number;
        break;
    case 'm':
        out->failed_method = (uint16_t)number;
        break;
    case 'F':
        out->frame_max = (uint32_t)number;
        break;
    case 'T':
        out->delivery_tag = number;
        break;
    default:
        break;
    }
    return true;
}

void amqp091_arguments_read(const struct amqp091_method_info *method, struct span arguments,
                            struct amqp091_arguments *arguments_out)
{
    *arguments_out = (struct amqp091_arguments){0};
    const char *letter = method->arguments;
    while (*letter && (number_size(*letter) ? number_read(*letter, &arguments, arguments_out)
                                            : text_read(*letter, &arguments, arguments_out)))
        letter++;
    arguments_out->complete = !*letter && arguments.size == 0;
}

bool amqp091_no_wait(const struct amqp091_method_info *method, const struct amqp091_arguments *arguments)
{
    return (method->no_wait & arguments->bits) != 0;
}
