/* SPDX-License-Identifier: Apache-2.0 */

/*
 * AMQP 1.0 on a channel: protocol headers, login, open, sessions; links and messages have files of their own. Where
 * both peers send the header of TLS the connection becomes that, and is classified afresh behind it (part 5, 5.2).
 */

#include "pipeline/amqp10.h"

/* ---- sessions ---- */

static struct amqp10_session *session_find(struct amqp10_connection *connection, uint32_t direction, uint16_t channel)
{
    for (uint32_t i = 0; i < AMQP10_SESSIONS_MAX; i++)
        if (connection->sessions[i].used && connection->sessions[i].channels[direction] == channel)
            return &connection->sessions[i];
    return NULL;
}

bool amqp10_peer_channel(const struct amqp10_connection *connection, uint32_t direction, uint16_t channel,
                         uint16_t *peer_out)
{
    for (uint32_t i = 0; i < AMQP10_SESSIONS_MAX; i++) {
        const struct amqp10_session *session = &connection->sessions[i];
        if (!session->used || session->channels[direction] != channel)
            continue;
        *peer_out = session->channels[direction ^ 1];
        return true;
    }
    return false;
}

/* The begin that answers names the other side's channel; that is all it takes to know both. */
static void session_open(const struct amqp10_event *event)
{
    uint32_t direction = event->feed->direction;
    if (!event->performative->has_remote_channel)
        return;
    struct amqp10_session *session = session_find(event->connection, direction, event->channel);
    for (uint32_t i = 0; !session && i < AMQP10_SESSIONS_MAX; i++)
        if (!event->connection->sessions[i].used)
            session = &event->connection->sessions[i];
    /* Without room the outcomes of its messages will not be known. */
    if (!session)
        return;
    session->used = true;
    session->channels[direction] = event->channel;
    session->channels[direction ^ 1] = event->performative->remote_channel;
}

static void session_close(const struct amqp10_event *event)
{
    uint32_t direction = event->feed->direction;
    struct amqp10_session *session = session_find(event->connection, direction, event->channel);
    amqp10_error(event, NULL);
    for (uint32_t i = 0; i < AMQP10_LINKS_MAX; i++) {
        struct amqp10_link *link = &event->connection->links[i];
        if (link->used && link->direction == direction && link->channel == event->channel)
            amqp10_link_end(event->worker, link, 0);
    }
    /* The other side may still say what became of messages: the second end forgets the session. */
    if (session && direction == 1)
        session->used = false;
}

/* ---- login and open ---- */

static void login(const struct amqp10_event *event)
{
    struct exchange *exchange = event->connection->login ? NULL : amqp10_call_take(event, "sasl-init");
    if (!exchange)
        return;
    amqp_login_set(exchange, event->performative->mechanism, event->performative->response);
    if (event->performative->hostname.size)
        exchange->transaction.call.host = amqp_keep(exchange, event->performative->hostname);
    amqp_side_end(event->worker, exchange, false);
    event->connection->login = exchange;
}

/* Codes are those of the protocol: 0 is ok, 1 a refusal, the rest failures (part 5, 5.3.3.6). */
static void login_answer(const struct amqp10_event *event)
{
    struct exchange *exchange = event->connection->login;
    uint8_t code = event->performative->sasl_code;
    event->connection->login = NULL;
    if (!exchange)
        return;
    exchange->transaction.login.answer = code == 0 ? LOGIN_ACCEPTED : LOGIN_REFUSED;
    amqp_answered(event->worker, exchange, event->feed, code);
}

static void open_request(const struct amqp10_event *event)
{
    struct amqp10_connection *connection = event->connection;
    struct span host = span_first(event->performative->hostname, AMQP10_HOST_MAX);
    connection->host_known = host.size > 0;
    connection->host_size = (uint8_t)host.size;
    if (host.size)
        memcpy(connection->host, host.data, host.size);
    channel_name_service(event->worker, event->feed->channel, host);
    struct exchange *exchange = connection->open ? NULL : amqp10_call_take(event, "open");
    if (!exchange)
        return;
    /* A client that comes without SASL is anybody. */
    if (connection->plain && !connection->sasl && !connection->lost[0]) {
        exchange->transaction.login =
            (struct login){.mechanism = SPAN_LITERAL("none"), .anonymous = true, .readable = true};
    }
    amqp_side_end(event->worker, exchange, false);
    connection->open = exchange;
}

static void open_item(const struct amqp10_event *event)
{
    struct amqp10_connection *connection = event->connection;
    uint32_t direction = event->feed->direction;
    if (event->performative->frame_max)
        amqp10_set_frame_max(&connection->parsers[direction ^ 1], event->performative->frame_max);
    if (direction == 0) {
        open_request(event);
        return;
    }
    struct exchange *exchange = connection->open;
    connection->open = NULL;
    if (!exchange)
        return;
    if (exchange->transaction.login.mechanism.data)
        exchange->transaction.login.answer = LOGIN_ACCEPTED;
    amqp_answered(event->worker, exchange, event->feed, CALL_STATUS_NONE);
}

/* ---- items ---- */

static void performative_item(const struct amqp10_event *event)
{
    bool server = event->feed->direction == 1;
    switch (event->performative->code) {
    case AMQP10_OPEN:
        open_item(event);
        break;
    case AMQP10_BEGIN:
        session_open(event);
        break;
    case AMQP10_ATTACH:
        amqp10_attach(event);
        break;
    case AMQP10_TRANSFER:
        amqp10_transfer(event);
        break;
    case AMQP10_DISPOSITION:
        amqp10_disposition(event);
        break;
    case AMQP10_DETACH:
        amqp10_detach(event);
        break;
    case AMQP10_END:
        session_close(event);
        break;
    case AMQP10_CLOSE:
        amqp10_error(event, NULL);
        break;
    case AMQP10_SASL_INIT:
        if (!server)
            login(event);
        break;
    case AMQP10_SASL_OUTCOME:
        if (server)
            login_answer(event);
        break;
    default:
        break;
    }
}

static void lost(struct pipeline *worker, struct amqp10_connection *connection, uint32_t direction)
{
    connection->lost[direction] = true;
    connection->current[direction] = NULL;
    for (uint32_t i = 0; i < AMQP10_LINKS_MAX; i++) {
        struct amqp10_link *link = &connection->links[i];
        if (!link->used)
            continue;
        if (link->direction == direction) {
            amqp10_delivery_cut(worker, link, CALL_GAP);
            link->uncertain = true;
        } else if (link->attach) {
            amqp_abandoned(worker, link->attach, CALL_GAP);
            link->attach = NULL;
        }
    }
}

/* True: the connection is about to become TLS, or is not. */
static bool header_item(struct pipeline *worker, const struct channel_feed *feed, struct amqp10_connection *connection,
                        const struct amqp10_item *item)
{
    struct channel *channel = feed->channel;
    uint32_t direction = feed->direction, other = direction ^ 1;
    bool tls = item->header.id == AMQP10_TLS;
    connection->tls[direction] = tls;
    if (direction == 0 && item->header.id == AMQP10_SASL)
        connection->sasl = true;
    if (direction == 0 && item->header.id == AMQP10_AMQP)
        connection->plain = true;
    if (!tls) {
        /* The other side waits for TLS and will not get it. */
        if (connection->tls[other] && channel->paused[other]) {
            channel->paused[other] = false;
            channel->stopped[other] = true;
        }
        return false;
    }
    if (!connection->tls[other]) {
        channel->paused[direction] = true;
        return true;
    }
    if (channel_change(worker, feed, NULL, NULL)) {
        channel_cross(channel, other);
        channel_cross(channel, direction);
    }
    return true;
}

static void item_read(struct pipeline *worker, const struct channel_feed *feed, struct amqp10_connection *connection,
                      const struct amqp10_item *item)
{
    struct amqp10_performative read;
    struct amqp10_event event = {
        .worker = worker, .feed = feed, .connection = connection, .anomalies = item->anomalies};
    event.channel = item->channel;
    switch (item->kind) {
    case AMQP10_PERFORMATIVE:
        event.performative = &read;
        if (amqp10_performative_read(item->performative.code, item->performative.fields, item->performative.count,
                                     &read))
            performative_item(&event);
        else if (item->performative.code == AMQP10_TRANSFER)
            /* Whose payload follows is not known, so neither what any message of the direction is made of. */
            lost(worker, connection, feed->direction);
        break;
    case AMQP10_PAYLOAD:
        amqp10_payload(&event, item->payload.data, item->payload.lost);
        break;
    case AMQP10_FRAME_END:
        amqp10_frame_end(&event);
        break;
    default:
        lost(worker, connection, feed->direction);
        break;
    }
}

/* ---- channel_protocol ---- */

static bool begin(struct pipeline *worker, const struct channel_feed *feed, const struct exchange *upgrade)
{
    (void)upgrade;
    struct amqp10_connection *connection = pool_take(&worker->connections);
    feed->channel->state = connection;
    if (!connection)
        return false;
    memset(connection, 0, sizeof(*connection));
    for (uint32_t direction = 0; direction < 2; direction++) {
        if (feed->channel->midstream)
            amqp10_init_midstream(&connection->parsers[direction]);
        else
            amqp10_init(&connection->parsers[direction]);
        connection->lost[direction] = feed->channel->midstream;
    }
    return true;
}

static uint32_t parse(struct pipeline *worker, const struct channel_feed *feed, struct parse_input input)
{
    struct amqp10_connection *connection = feed->channel->state;
    struct amqp10 *parser = &connection->parsers[feed->direction];
    uint32_t consumed = 0;
    /* The parser's own promise bounds this loop: at most 2 * size + 2 answers for one input. */
    for (;;) {
        struct amqp10_item item;
        struct parse_step step = amqp10_parse(parser, &input, &item);
        consumed += step.consumed;
        parse_input_advance(&input, step.consumed);
        if (step.status == PARSE_STOP)
            feed->channel->stopped[feed->direction] = true;
        if (step.status != PARSE_ITEM)
            return consumed;
        if (item.kind != AMQP10_PROTOCOL_HEADER)
            item_read(worker, feed, connection, &item);
        else if (header_item(worker, feed, connection, &item))
            return consumed;
    }
}

static void end(struct pipeline *worker, struct channel *channel)
{
    struct amqp10_connection *connection = channel->state;
    if (!connection)
        return;
    for (uint32_t i = 0; i < AMQP10_LINKS_MAX; i++)
        if (connection->links[i].used)
            amqp10_link_end(worker, &connection->links[i], 0);
    amqp10_unsettled_end(worker, connection);
    if (connection->login)
        amqp_abandoned(worker, connection->login, 0);
    if (connection->open)
        amqp_abandoned(worker, connection->open, 0);
    pool_give(&worker->connections, connection);
    channel->state = NULL;
}

const struct channel_protocol channel_amqp10 = {begin, parse, end, NULL};
