/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Links of AMQP 1.0. A transfer says a number only; where it goes is known from the attach that gave the number. An end
 * whose attach was not seen has no address, and is not given one by anything else.
 */

#include "pipeline/amqp10.h"

struct amqp10_link *amqp10_link_find(struct amqp10_connection *connection, uint32_t direction, uint16_t channel,
                                     uint32_t handle)
{
    for (uint32_t i = 0; i < AMQP10_LINKS_MAX; i++) {
        struct amqp10_link *link = &connection->links[i];
        if (link->used && link->handle == handle && link->channel == channel && link->direction == direction)
            return link;
    }
    return NULL;
}

struct amqp10_link *amqp10_link_take(struct amqp10_connection *connection, uint32_t direction, uint16_t channel,
                                     uint32_t handle)
{
    for (uint32_t i = 0; i < AMQP10_LINKS_MAX; i++) {
        struct amqp10_link *link = &connection->links[i];
        if (link->used)
            continue;
        memset(link, 0, offsetof(struct amqp10_link, address));
        link->used = true;
        link->direction = (uint8_t)direction;
        link->channel = channel;
        link->handle = handle;
        return link;
    }
    return NULL;
}

void amqp10_link_end(struct pipeline *worker, struct amqp10_link *link, uint32_t flags)
{
    amqp10_delivery_cut(worker, link, flags);
    if (link->attach)
        amqp_abandoned(worker, link->attach, flags);
    link->attach = NULL;
    link->used = false;
}

struct exchange *amqp10_call_take(const struct amqp10_event *event, const char *method)
{
    const struct amqp10_connection *connection = event->connection;
    uint32_t direction = event->feed->direction;
    struct exchange *exchange = amqp_exchange_take(event->worker, event->feed, CALL_AMQP10, method);
    if (!exchange)
        return NULL;
    struct transaction *transaction = &exchange->transaction;
    amqp_side_begin(exchange, direction, event->feed);
    amqp_side_touch(exchange, direction, event->feed, event->anomalies);
    transaction->message.from_server = direction == 1;
    if (connection->host_known) {
        transaction->message.virtual_host = amqp_keep(exchange, span_of(connection->host, connection->host_size));
        transaction->call.host = transaction->message.virtual_host;
    }
    return exchange;
}

void amqp10_error(const struct amqp10_event *event, const struct amqp10_link *link)
{
    const struct amqp10_performative *performative = event->performative;
    if (!performative->error.data)
        return;
    struct exchange *exchange = amqp10_call_take(event, amqp10_performative_name(performative->code));
    if (!exchange)
        return;
    uint32_t direction = event->feed->direction, store_begin;
    exchange->transaction.one_way = true;
    if (link && link->known)
        amqp_path_set(event->worker, exchange, span_of(link->address, link->address_size), (struct span){0});
    store_begin = exchange->transaction.store_used;
    side_header(exchange, direction, SPAN_LITERAL("error"), performative->error);
    side_head_end(event->worker, exchange, direction, store_begin, NULL);
    amqp_side_end(event->worker, exchange, direction);
    judge_exchange(event->worker, exchange);
}

/* Where messages of the link go to or come from: the broker's end of it (part 3, 3.5.3 and 3.5.4). */
static struct span address_of(const struct amqp10_performative *attach, uint32_t direction)
{
    bool client_sends = (direction == 0) != attach->receiver;
    return client_sends ? attach->target : attach->source;
}

static void address_remember(struct amqp10_link *link, const struct amqp10_performative *attach, uint32_t direction)
{
    struct span address = address_of(attach, direction);
    link->receiver = attach->receiver;
    link->known = address.data && address.size <= AMQP10_ADDRESS_MAX;
    /* A sender whose target is there and has no address: each message says where it goes. */
    link->anonymous = !address.data && !attach->dynamic && !attach->receiver;
    link->address_size = link->known ? (uint8_t)address.size : 0;
    if (link->known)
        memcpy(link->address, address.data, address.size);
}

static void attach_request(const struct amqp10_event *event, struct amqp10_link *link)
{
    struct exchange *exchange = amqp10_call_take(event, "attach");
    if (!exchange)
        return;
    struct message *message = &exchange->transaction.message;
    struct span address = address_of(event->performative, 0);
    amqp_path_set(event->worker, exchange, address, (struct span){0});
    message->address = amqp_keep(exchange, address);
    if (event->performative->receiver)
        message->kind = MESSAGE_CONSUME;
    if (event->connection->lost[0])
        exchange->transaction.call.flags |= CALL_AMBIGUOUS;
    amqp_side_end(event->worker, exchange, false);
    link->attach = exchange;
}

/* The other end of the link has answered the client's attach of the same name. */
static void attach_answer(const struct amqp10_event *event, uint64_t name)
{
    for (uint32_t i = 0; i < AMQP10_LINKS_MAX; i++) {
        struct amqp10_link *link = &event->connection->links[i];
        if (!link->used || !link->attach || link->name != name || link->receiver == event->performative->receiver)
            continue;
        amqp_answered(event->worker, link->attach, event->feed, CALL_STATUS_NONE);
        link->attach = NULL;
        return;
    }
}

void amqp10_attach(const struct amqp10_event *event)
{
    const struct amqp10_performative *attach = event->performative;
    uint32_t direction = event->feed->direction;
    uint64_t name = hash_bytes(&event->worker->options.key, attach->link_name.data, attach->link_name.size);
    struct amqp10_link *link = amqp10_link_find(event->connection, direction, event->channel, attach->handle);
    if (link)
        amqp10_link_end(event->worker, link, 0);
    link = amqp10_link_take(event->connection, direction, event->channel, attach->handle);
    if (direction == 1)
        attach_answer(event, name);
    if (!link)
        return;
    link->name = name;
    address_remember(link, attach, direction);
    if (direction == 0)
        attach_request(event, link);
}

void amqp10_detach(const struct amqp10_event *event)
{
    struct amqp10_link *link =
        amqp10_link_find(event->connection, event->feed->direction, event->channel, event->performative->handle);
    amqp10_error(event, link);
    if (link)
        amqp10_link_end(event->worker, link, 0);
}
