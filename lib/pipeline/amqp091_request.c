/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Requests of AMQP 0-9-1: logging in, opening a virtual host, declaring, binding, consuming. Each waits in the row of
 * its channel for the one method that answers it, or for the close that refuses it.
 */

#include "pipeline/amqp091.h"

#define STATUS_SUCCESS 200 /* the constant reply-success of the specification (1.1) */
#define STATUS_REFUSED 300 /* reply codes from here on are errors */

static void row_append(struct amqp091_channel *channel, struct exchange *exchange)
{
    exchange->next = NULL;
    if (channel->newest)
        channel->newest->next = exchange;
    else
        channel->oldest = exchange;
    channel->newest = exchange;
    channel->waiting++;
}

static struct exchange *row_take_oldest(struct amqp091_channel *channel)
{
    struct exchange *exchange = channel->oldest;
    if (!exchange)
        return NULL;
    channel->oldest = exchange->next;
    if (!channel->oldest)
        channel->newest = NULL;
    exchange->next = NULL;
    channel->waiting--;
    return exchange;
}

void amqp091_requests_end(struct pipeline *worker, struct amqp091_channel *channel, uint32_t flags)
{
    struct exchange *exchange;
    while ((exchange = row_take_oldest(channel)) != NULL)
        amqp_abandoned(worker, exchange, flags);
}

/* ---- consumers ---- */

static uint64_t consumer_key(const struct amqp091_event *event, struct span tag)
{
    return hash_bytes(&event->worker->options.key, tag.data, tag.size) ^
           (uint64_t)event->channel->number * UINT64_C(0x9e3779b97f4a7c15);
}

void amqp091_consumer_put(const struct amqp091_event *event, struct span tag, struct span queue)
{
    uint64_t key = consumer_key(event, tag);
    struct amqp091_consumer *free_entry = NULL;
    for (uint32_t i = 0; i < AMQP091_CONSUMERS_MAX; i++) {
        struct amqp091_consumer *consumer = &event->connection->consumers[i];
        if (consumer->queue_size && consumer->key == key)
            consumer->queue_size = 0;
        if (!consumer->queue_size)
            free_entry = consumer;
    }
    /* Where there is no room the queue of its messages will not be known. */
    if (!free_entry || queue.size == 0 || queue.size > AMQP091_QUEUE_MAX)
        return;
    free_entry->key = key;
    free_entry->queue_size = queue.size;
    memcpy(free_entry->queue, queue.data, queue.size);
}

struct span amqp091_consumer_queue(const struct amqp091_event *event, struct span tag)
{
    uint64_t key = consumer_key(event, tag);
    for (uint32_t i = 0; i < AMQP091_CONSUMERS_MAX; i++) {
        const struct amqp091_consumer *consumer = &event->connection->consumers[i];
        if (consumer->queue_size && consumer->key == key)
            return span_of(consumer->queue, consumer->queue_size);
    }
    return (struct span){0};
}

/* ---- requests ---- */

/* What it is about: exchange and routing key, else exchange, else queue, else virtual host. */
static void address(const struct amqp091_event *event, struct exchange *exchange)
{
    const struct amqp091_arguments *arguments = event->arguments;
    struct span first = arguments->exchange.data       ? arguments->exchange
                        : arguments->queue.data        ? arguments->queue
                        : arguments->virtual_host.data ? arguments->virtual_host
                                                       : arguments->consumer_tag;
    amqp_path_set(event->worker, exchange, first, arguments->routing_key);
    amqp091_message_set(event, exchange);
    if (event->method->id == AMQP091_BASIC_CONSUME || event->method->id == AMQP091_BASIC_GET)
        exchange->transaction.message.kind = MESSAGE_CONSUME;
}

static void host_remember(struct amqp091_connection *connection, struct span host)
{
    connection->host_known = host.data != NULL;
    connection->host_size = (uint8_t)host.size;
    if (host.size)
        memcpy(connection->host, host.data, host.size);
}

void amqp091_request(const struct amqp091_event *event)
{
    const struct amqp091_method_info *method = event->method;
    if (method->id == AMQP091_CONNECTION_OPEN)
        host_remember(event->connection, event->arguments->virtual_host);
    if (method->id == AMQP091_BASIC_CONSUME && event->arguments->consumer_tag.size)
        amqp091_consumer_put(event, event->arguments->consumer_tag, event->arguments->queue);
    struct exchange *exchange = amqp_exchange_take(event->worker, event->feed, CALL_AMQP091, method->name);
    if (!exchange)
        return;
    amqp_side_begin(exchange, false, event->feed);
    amqp_side_touch(exchange, false, event->feed, event->anomalies);
    address(event, exchange);
    if (method->id == AMQP091_CONNECTION_START_OK)
        amqp_login_set(exchange, event->arguments->mechanism, event->arguments->response);
    if (event->cut)
        exchange->transaction.call.flags |= CALL_TRUNCATED;
    /* Requests before it may be missing, and answers that come are perhaps theirs. */
    if (event->connection->lost[0])
        exchange->transaction.call.flags |= CALL_AMBIGUOUS;
    amqp_side_end(event->worker, exchange, false);
    if (amqp091_no_wait(method, event->arguments)) {
        exchange->transaction.one_way = true;
        judge_exchange(event->worker, exchange);
        return;
    }
    if (event->channel->waiting == AMQP091_WAITING_MAX)
        amqp_abandoned(event->worker, row_take_oldest(event->channel), 0);
    exchange->answer = method->answer;
    row_append(event->channel, exchange);
}

/* ---- answers ---- */

struct exchange *amqp091_request_take(struct amqp091_channel *channel, uint32_t answer)
{
    struct exchange **link = &channel->oldest, *before = NULL;
    while (*link && (*link)->answer != answer) {
        before = *link;
        link = &before->next;
    }
    struct exchange *exchange = *link;
    if (!exchange)
        return NULL;
    *link = exchange->next;
    if (channel->newest == exchange)
        channel->newest = before;
    exchange->next = NULL;
    channel->waiting--;
    return exchange;
}

void amqp091_answer(const struct amqp091_event *event)
{
    struct exchange *exchange = amqp091_request_take(event->channel, event->method->id);
    if (!exchange)
        return;
    struct transaction *transaction = &exchange->transaction;
    if (event->method->id == AMQP091_CONNECTION_TUNE)
        transaction->login.answer = LOGIN_ACCEPTED;
    if (event->method->id == AMQP091_BASIC_CONSUME_OK)
        amqp091_consumer_put(event, event->arguments->consumer_tag, transaction->message.queue);
    /* The name that the server made. */
    if (event->arguments->queue.size && !transaction->message.queue.data)
        transaction->message.queue = amqp_keep(exchange, event->arguments->queue);
    amqp_side_touch(exchange, true, event->feed, event->anomalies);
    amqp_answered(event->worker, exchange, event->feed, STATUS_SUCCESS);
}

/* The request that the close names: on its channel, or on any where the whole connection is closed. */
static struct exchange *refused_take(const struct amqp091_event *event)
{
    const struct amqp091_method_info *failed =
        amqp091_method_find(event->arguments->failed_class, event->arguments->failed_method);
    if (event->method->id == AMQP091_CHANNEL_CLOSE)
        return failed && failed->answer ? amqp091_request_take(event->channel, failed->answer) : NULL;
    struct amqp091_connection *connection = event->connection;
    struct exchange *exchange = NULL;
    for (uint32_t i = 0; failed && failed->answer && !exchange && i < AMQP091_CHANNELS_MAX; i++)
        exchange = amqp091_request_take(&connection->channels[i], failed->answer);
    /* A login that is refused is named by nothing: brokers send zeros. Nothing else can be meant then. */
    return exchange ? exchange : amqp091_request_take(event->channel, AMQP091_CONNECTION_TUNE);
}

void amqp091_close(const struct amqp091_event *event)
{
    uint32_t direction = event->feed->direction;
    const struct amqp091_arguments *arguments = event->arguments;
    if (!arguments->complete || arguments->reply_code < STATUS_REFUSED)
        return;
    struct exchange *exchange = direction == 1 ? refused_take(event) : NULL;
    if (exchange) {
        if (exchange->transaction.login.mechanism.data)
            exchange->transaction.login.answer = LOGIN_REFUSED;
        amqp_side_touch(exchange, true, event->feed, event->anomalies);
        amqp_answered(event->worker, exchange, event->feed, arguments->reply_code);
        return;
    }
    exchange = amqp_exchange_take(event->worker, event->feed, CALL_AMQP091, event->method->name);
    if (!exchange)
        return;
    exchange->transaction.one_way = true;
    exchange->transaction.call.status = arguments->reply_code;
    amqp_side_begin(exchange, direction, event->feed);
    amqp_side_touch(exchange, direction, event->feed, event->anomalies);
    amqp091_message_set(event, exchange);
    amqp_side_end(event->worker, exchange, direction);
    judge_exchange(event->worker, exchange);
}
