/* SPDX-License-Identifier: Apache-2.0 */

/*
 * AMQP 0-9-1 on a channel: frames go to the AMQP channel they name. What a hole took from a direction is cut there at
 * once: contents end as they are, and requests whose answers may be in the hole are told without.
 */

#include "pipeline/amqp091.h"

/* The channel of that number, made when it is new. NULL: there are too many. */
static struct amqp091_channel *channel_find(struct amqp091_connection *connection, uint16_t number)
{
    struct amqp091_channel *unused = NULL;
    for (uint32_t i = 0; i < AMQP091_CHANNELS_MAX; i++) {
        struct amqp091_channel *channel = &connection->channels[(number + i) % AMQP091_CHANNELS_MAX];
        if (channel->used && channel->number == number)
            return channel;
        if (!channel->used && !unused)
            unused = channel;
    }
    if (!unused)
        return NULL;
    *unused = (struct amqp091_channel){.used = true, .number = number};
    return unused;
}

static void close_channel(struct pipeline *worker, struct amqp091_channel *channel, uint32_t flags)
{
    if (!channel->used)
        return;
    for (uint32_t direction = 0; direction < 2; direction++)
        amqp091_content_cut(worker, &channel->contents[direction], direction, flags);
    amqp091_requests_end(worker, channel, flags);
    amqp091_confirms_end(worker, channel);
    *channel = (struct amqp091_channel){0};
}

/* ---- holes ---- */

static void lost(struct pipeline *worker, struct amqp091_connection *connection, uint32_t direction)
{
    connection->lost[direction] = true;
    for (uint32_t i = 0; i < AMQP091_CHANNELS_MAX; i++) {
        struct amqp091_channel *channel = &connection->channels[i];
        if (!channel->used)
            continue;
        amqp091_content_cut(worker, &channel->contents[direction], direction, CALL_GAP);
        /* How many messages are missing nobody knows, so neither which confirm is whose. */
        if (direction == 0)
            channel->confirms = false;
        else
            amqp091_requests_end(worker, channel, CALL_GAP);
    }
}

/* ---- methods ---- */

static void select_confirms(struct amqp091_channel *channel)
{
    channel->confirms = true;
    channel->published = 0;
}

/* Methods that change what is known of the connection, whoever sends them. */
static void state_method(const struct amqp091_event *event)
{
    struct amqp091_connection *connection = event->connection;
    switch (event->method->id) {
    case AMQP091_CONNECTION_TUNE_OK:
        for (uint32_t direction = 0; direction < 2 && event->arguments->complete; direction++)
            amqp091_set_frame_max(&connection->parsers[direction], event->arguments->frame_max);
        break;
    case AMQP091_CHANNEL_OPEN:
    case AMQP091_CHANNEL_CLOSE_OK: {
        uint16_t number = event->channel->number;
        close_channel(event->worker, event->channel, 0);
        event->channel->used = event->method->id == AMQP091_CHANNEL_OPEN;
        event->channel->number = number;
        break;
    }
    case AMQP091_CONFIRM_SELECT:
        select_confirms(event->channel);
        break;
    default:
        break;
    }
}

static void method_item(const struct amqp091_event *event)
{
    uint32_t id = event->method->id, direction = event->feed->direction;
    bool sent_by_client = direction == 0;
    if (!(event->method->sender & (sent_by_client ? AMQP091_CLIENT : AMQP091_SERVER)))
        return;
    state_method(event);
    if (event->method->content)
        amqp091_content_method(event);
    else if (id == AMQP091_CONNECTION_CLOSE || id == AMQP091_CHANNEL_CLOSE)
        amqp091_close(event);
    else if (sent_by_client && (id == AMQP091_BASIC_REJECT || id == AMQP091_BASIC_NACK))
        amqp091_refusal(event);
    else if (sent_by_client && event->method->told)
        amqp091_request(event);
    else if (!sent_by_client && (id == AMQP091_BASIC_ACK || id == AMQP091_BASIC_NACK))
        amqp091_confirm(event);
    else if (!sent_by_client)
        amqp091_answer(event);
}

/* A message on a channel beyond the limit: told once, as what it is. */
static void over_budget(struct pipeline *worker, const struct amqp091_item *item)
{
    const struct amqp091_method_info *method =
        item->kind == AMQP091_METHOD ? amqp091_method_find(item->method.class_number, item->method.method_number)
                                     : NULL;
    if (!method || !(method->content || method->told))
        return;
    amqp_over_budget(worker);
}

static void frame_item(struct pipeline *worker, const struct channel_feed *feed, struct amqp091_connection *connection,
                       const struct amqp091_item *item)
{
    struct amqp091_arguments arguments;
    struct amqp091_event event = {.worker = worker,
                                  .feed = feed,
                                  .connection = connection,
                                  .channel = channel_find(connection, item->channel),
                                  .anomalies = item->anomalies};
    if (!event.channel) {
        over_budget(worker, item);
        return;
    }
    if (item->kind == AMQP091_CONTENT_HEADER) {
        amqp091_content_header(&event, item);
        return;
    }
    if (item->kind == AMQP091_BODY) {
        amqp091_content_body(&event, item);
        return;
    }
    event.method = amqp091_method_find(item->method.class_number, item->method.method_number);
    if (!event.method)
        return;
    amqp091_arguments_read(event.method, item->method.arguments, &arguments);
    event.arguments = &arguments;
    event.cut = item->method.cut;
    if (!arguments.complete && !event.cut)
        event.anomalies |= ANOMALY_BIT(ANOMALY_FRAME_FIELDS);
    method_item(&event);
}

/* ---- channel_protocol ---- */

static bool begin(struct pipeline *worker, const struct channel_feed *feed, const struct exchange *upgrade)
{
    (void)upgrade;
    struct amqp091_connection *connection = pool_take(&worker->connections);
    feed->channel->state = connection;
    if (!connection)
        return false;
    memset(connection, 0, sizeof(*connection));
    for (uint32_t direction = 0; direction < 2; direction++) {
        if (feed->channel->midstream)
            amqp091_init_midstream(&connection->parsers[direction], direction == 0);
        else
            amqp091_init(&connection->parsers[direction], direction == 0);
        connection->lost[direction] = feed->channel->midstream;
    }
    return true;
}

static uint32_t parse(struct pipeline *worker, const struct channel_feed *feed, struct parse_input input)
{
    struct amqp091_connection *connection = feed->channel->state;
    struct amqp091 *parser = &connection->parsers[feed->direction];
    uint32_t consumed = 0;
    /* The parser's own promise bounds this loop: at most 2 * size + 2 answers for one input. */
    for (;;) {
        struct amqp091_item item;
        struct parse_step step = amqp091_parse(parser, &input, &item);
        consumed += step.consumed;
        parse_input_advance(&input, step.consumed);
        if (step.status == PARSE_STOP)
            feed->channel->stopped[feed->direction] = true;
        if (step.status != PARSE_ITEM)
            return consumed;
        if (item.kind == AMQP091_LOST)
            lost(worker, connection, feed->direction);
        else if (item.kind == AMQP091_METHOD || item.kind == AMQP091_CONTENT_HEADER || item.kind == AMQP091_BODY)
            frame_item(worker, feed, connection, &item);
    }
}

static void end(struct pipeline *worker, struct channel *channel)
{
    struct amqp091_connection *connection = channel->state;
    if (!connection)
        return;
    for (uint32_t i = 0; i < AMQP091_CHANNELS_MAX; i++)
        close_channel(worker, &connection->channels[i], 0);
    pool_give(&worker->connections, connection);
    channel->state = NULL;
}

const struct channel_protocol channel_amqp091 = {begin, parse, end, NULL};
