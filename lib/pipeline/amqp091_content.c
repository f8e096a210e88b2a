/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Messages of AMQP 0-9-1: publish, deliver, get-ok and return with their contents.
 *
 * Nothing answers a message, unless the client selected confirms (a RabbitMQ extension that all common brokers have):
 * then it waits a while for the confirm. Which confirm belongs to which message is counted, so where a publish may be
 * missing nothing is paired.
 */

#include "pipeline/amqp091.h"

#include "proto/amqp091_table.h"

#define STATUS_SUCCESS 200 /* the constant reply-success of the specification (1.1) */

static uint32_t direction_of(const struct amqp091_event *event)
{
    return event->feed->direction;
}

void amqp091_message_set(const struct amqp091_event *event, struct exchange *exchange)
{
    const struct amqp091_connection *connection = event->connection;
    const struct amqp091_arguments *arguments = event->arguments;
    struct message *message = &exchange->transaction.message;
    message->from_server = direction_of(event) == 1;
    if (connection->host_known)
        message->virtual_host = amqp_keep(exchange, span_of(connection->host, connection->host_size));
    if (!arguments)
        return;
    message->exchange = amqp_keep(exchange, arguments->exchange);
    message->routing_key = amqp_keep(exchange, arguments->routing_key);
    /* An empty name stands for the queue declared last, whatever that was. */
    if (arguments->queue.size)
        message->queue = amqp_keep(exchange, arguments->queue);
}

/* ---- confirms ---- */

static void confirm_give_oldest(struct amqp091_channel *channel)
{
    channel->unconfirmed--;
    memmove(channel->confirm, channel->confirm + 1, channel->unconfirmed * sizeof(channel->confirm[0]));
}

static void confirm_wait(struct pipeline *worker, struct amqp091_channel *channel, struct exchange *exchange,
                         uint64_t tag)
{
    exchange->transaction.one_way = false;
    if (channel->unconfirmed == AMQP091_CONFIRMS_MAX) {
        struct exchange *oldest = channel->confirm[0].exchange;
        confirm_give_oldest(channel);
        oldest->transaction.one_way = true;
        judge_exchange(worker, oldest);
    }
    channel->confirm[channel->unconfirmed++] = (struct amqp091_confirm){exchange, tag};
}

void amqp091_confirm(const struct amqp091_event *event)
{
    struct amqp091_channel *channel = event->channel;
    uint64_t tag = event->arguments->delivery_tag;
    bool multiple = event->arguments->bits & 1, positive = event->method->id == AMQP091_BASIC_ACK;
    if (!event->arguments->complete)
        return;
    for (uint32_t i = 0; i < channel->unconfirmed;) {
        struct amqp091_confirm *confirm = &channel->confirm[i];
        bool meant = confirm->tag == tag || (multiple && (tag == 0 || confirm->tag < tag));
        if (!meant) {
            i++;
            continue;
        }
        struct exchange *exchange = confirm->exchange;
        channel->unconfirmed--;
        memmove(confirm, confirm + 1, (channel->unconfirmed - i) * sizeof(*confirm));
        struct call *call = &exchange->transaction.call;
        /* What was returned is confirmed as well: the broker has done with it. */
        if (call->outcome == CALL_OUTCOME_NONE)
            call->outcome = positive ? CALL_OUTCOME_ACCEPTED : CALL_OUTCOME_REJECTED;
        /* A refusal has no code. */
        amqp_answered(event->worker, exchange, event->feed, positive ? STATUS_SUCCESS : CALL_STATUS_NONE);
    }
}

/* The oldest message to that address that waits for its confirm is the one that comes back: brokers keep the order. */
static void returned(const struct amqp091_event *event)
{
    const struct amqp091_arguments *arguments = event->arguments;
    for (uint32_t i = 0; i < event->channel->unconfirmed; i++) {
        struct transaction *transaction = &event->channel->confirm[i].exchange->transaction;
        if (transaction->call.outcome != CALL_OUTCOME_NONE ||
            !span_equal(transaction->message.exchange, arguments->exchange) ||
            !span_equal(transaction->message.routing_key, arguments->routing_key))
            continue;
        transaction->call.outcome = CALL_OUTCOME_RETURNED;
        return;
    }
}

/* The client says what became of a delivery, which was told when it was there: by a call of its own. */
void amqp091_refusal(const struct amqp091_event *event)
{
    bool reject = event->method->id == AMQP091_BASIC_REJECT;
    bool requeue = event->arguments->bits & (reject ? 1u : 2u);
    if (!event->arguments->complete)
        return;
    struct exchange *exchange = amqp_exchange_take(event->worker, event->feed, CALL_AMQP091, event->method->name);
    if (!exchange)
        return;
    exchange->transaction.one_way = true;
    exchange->transaction.call.outcome = requeue ? CALL_OUTCOME_RELEASED : CALL_OUTCOME_REJECTED;
    amqp_side_begin(exchange, false, event->feed);
    amqp_side_touch(exchange, false, event->feed, event->anomalies);
    amqp091_message_set(event, exchange);
    amqp_side_end(event->worker, exchange, false);
    judge_exchange(event->worker, exchange);
}

void amqp091_confirms_end(struct pipeline *worker, struct amqp091_channel *channel)
{
    while (channel->unconfirmed) {
        struct exchange *exchange = channel->confirm[0].exchange;
        confirm_give_oldest(channel);
        amqp_abandoned(worker, exchange, 0);
    }
}

/* ---- contents ---- */

static void content_end(struct pipeline *worker, struct amqp091_channel *channel, uint32_t direction, bool complete)
{
    struct amqp091_content *content = &channel->contents[direction];
    struct exchange *exchange = content->exchange;
    uint64_t tag = content->tag;
    *content = (struct amqp091_content){0};
    if (!exchange)
        return;
    side_message_end(worker, exchange, direction, complete);
    if (tag)
        confirm_wait(worker, channel, exchange, tag);
    else
        judge_exchange(worker, exchange);
}

void amqp091_content_cut(struct pipeline *worker, struct amqp091_content *content, bool response, uint32_t flags)
{
    struct exchange *exchange = content->exchange;
    *content = (struct amqp091_content){0};
    if (!exchange)
        return;
    exchange->transaction.call.flags |= flags;
    if (flags & CALL_GAP)
        exchange_side(exchange, response)->gap = true;
    side_message_end(worker, exchange, response, false);
    judge_exchange(worker, exchange);
}

/* A content that begins: its exchange, with the side of who sends it. */
static struct exchange *content_begin(const struct amqp091_event *event, const char *method)
{
    uint32_t direction = direction_of(event);
    struct exchange *exchange = NULL;
    /* What basic.get-ok answers is one call with it. */
    if (event->method && event->method->id == AMQP091_BASIC_GET_OK)
        exchange = amqp091_request_take(event->channel, AMQP091_BASIC_GET_EMPTY);
    if (exchange) {
        exchange->transaction.call.method = span_from_text(method);
        exchange->transaction.call.status = STATUS_SUCCESS;
    } else {
        exchange = amqp_exchange_take(event->worker, event->feed, CALL_AMQP091, method);
        if (!exchange)
            return NULL;
        exchange->transaction.one_way = true;
    }
    amqp_side_begin(exchange, direction, event->feed);
    amqp_side_touch(exchange, direction, event->feed, event->anomalies);
    return exchange;
}

static enum message_kind kind_of(const struct amqp091_event *event)
{
    /* Direct replies (RabbitMQ) come and go by names that nobody registers. */
    if (span_starts_with(event->arguments->routing_key, SPAN_LITERAL("amq.rabbitmq.reply-to")))
        return MESSAGE_REPLY;
    switch (event->method->id) {
    case AMQP091_BASIC_PUBLISH:
        return MESSAGE_PUBLISH;
    case AMQP091_BASIC_RETURN:
        return MESSAGE_NONE; /* the publish was told already */
    default:
        return MESSAGE_DELIVER;
    }
}

static void address(const struct amqp091_event *event, struct exchange *exchange)
{
    struct transaction *transaction = &exchange->transaction;
    const struct amqp091_arguments *arguments = event->arguments;
    struct span queue = transaction->message.queue;
    amqp091_message_set(event, exchange);
    amqp_path_set(event->worker, exchange, arguments->exchange, arguments->routing_key);
    transaction->message.kind = (uint8_t)kind_of(event);
    if (event->method->id == AMQP091_BASIC_GET_OK)
        transaction->message.queue = queue;
    else if (arguments->consumer_tag.data)
        transaction->message.queue = amqp_keep(exchange, amqp091_consumer_queue(event, arguments->consumer_tag));
    if (event->method->id != AMQP091_BASIC_RETURN)
        return;
    transaction->call.outcome = CALL_OUTCOME_RETURNED;
    if (arguments->reply_code)
        transaction->call.status = arguments->reply_code;
    returned(event);
}

void amqp091_content_method(const struct amqp091_event *event)
{
    struct amqp091_channel *channel = event->channel;
    uint32_t direction = direction_of(event);
    struct amqp091_content *content = &channel->contents[direction];
    if (content->exchange)
        exchange_side(content->exchange, direction)->anomalies |= ANOMALY_BIT(ANOMALY_FRAME_ORDER);
    amqp091_content_cut(event->worker, content, direction, 0);
    struct exchange *exchange = content_begin(event, event->method->name);
    content->exchange = exchange;
    content->stage = AMQP091_EXPECT_HEADER;
    bool publish = event->method->id == AMQP091_BASIC_PUBLISH;
    content->tag = publish && channel->confirms ? ++channel->published : 0;
    if (exchange)
        address(event, exchange);
}

static void property_note(struct exchange *exchange, const struct amqp091_field *field)
{
    struct message *message = &exchange->transaction.message;
    if (field->header)
        return;
    if (span_equal(field->name, SPAN_LITERAL("content-type")))
        message->content_type = amqp_keep(exchange, field->value);
    else if (span_equal(field->name, SPAN_LITERAL("reply-to")))
        message->reply_to = amqp_keep(exchange, field->value);
}

/* The method is missing: a client can only have published; what a server sent nobody can say. */
static struct exchange *content_without_method(const struct amqp091_event *event)
{
    struct exchange *exchange = content_begin(event, direction_of(event) == 0 ? "basic.publish" : NULL);
    if (!exchange)
        return NULL;
    exchange->transaction.call.flags |= CALL_GAP;
    /* Nobody looks a message up of which it is not known where it goes. */
    amqp091_message_set(event, exchange);
    if (!event->connection->lost[direction_of(event)] && !event->feed->channel->midstream)
        exchange_side(exchange, direction_of(event))->anomalies |= ANOMALY_BIT(ANOMALY_FRAME_ORDER);
    return exchange;
}

void amqp091_content_header(const struct amqp091_event *event, const struct amqp091_item *item)
{
    uint32_t direction = direction_of(event);
    struct amqp091_content *content = &event->channel->contents[direction];
    if (content->stage != AMQP091_EXPECT_HEADER) {
        amqp091_content_cut(event->worker, content, direction, 0);
        content->exchange = content_without_method(event);
    }
    struct exchange *exchange = content->exchange;
    content->stage = AMQP091_EXPECT_BODY;
    content->rest = item->content.body_size;
    if (exchange) {
        uint32_t store_begin = exchange->transaction.store_used;
        struct amqp091_walk walk;
        struct amqp091_field field;
        amqp091_properties_init(&walk, item->content.properties);
        /* Bounded by the bytes of the frame: each property takes some. */
        while (amqp091_walk_next(&walk, &field))
            side_header(exchange, direction, field.name, field.value);
        amqp_side_touch(exchange, direction, event->feed, item->anomalies);
        if (item->content.cut)
            exchange->transaction.call.flags |= CALL_TRUNCATED;
        else if (walk.malformed)
            exchange_side(exchange, direction)->anomalies |= ANOMALY_BIT(ANOMALY_FRAME_FIELDS);
        side_head_end(event->worker, exchange, direction, store_begin, &item->content.body_size);
        amqp091_properties_init(&walk, item->content.properties);
        while (amqp091_walk_next(&walk, &field) && !field.header)
            property_note(exchange, &field);
    }
    if (content->rest == 0)
        content_end(event->worker, event->channel, direction, true);
}

void amqp091_content_body(const struct amqp091_event *event, const struct amqp091_item *item)
{
    uint32_t direction = direction_of(event);
    struct amqp091_content *content = &event->channel->contents[direction];
    struct exchange *exchange = content->exchange;
    struct span data = item->body.data;
    uint64_t size = data.data ? data.size : item->body.lost;
    if (content->stage != AMQP091_EXPECT_BODY)
        return;
    if (exchange)
        amqp_side_touch(exchange, direction, event->feed, item->anomalies);
    if (size > content->rest) {
        size = content->rest;
        if (exchange)
            exchange_side(exchange, direction)->anomalies |= ANOMALY_BIT(ANOMALY_FRAME_ORDER);
    }
    if (exchange && data.data)
        side_body(event->worker, exchange, direction, span_first(data, (uint32_t)size), 0);
    else if (exchange)
        side_body(event->worker, exchange, direction, (struct span){0}, (uint32_t)size);
    content->rest -= size;
    if (content->rest == 0)
        content_end(event->worker, event->channel, direction, true);
}
