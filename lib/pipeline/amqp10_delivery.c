/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Messages of AMQP 1.0. A delivery is one or more transfers on one link, the payloads of which are one message; its
 * sections become headers and body. Unless the sender settled it, the receiver says later what became of it.
 */

#include "pipeline/amqp10.h"

#define RENDER_SIZE 1024u /* of a structured body, the text that is searched at a time */

/* ---- heads ---- */

static const char *const header_names[] = {"durable", "priority", "ttl", "first-acquirer", "delivery-count"};
static const char *const property_names[] = {
    "message-id",        "user-id",          "to",
    "subject",           "reply-to",         "correlation-id",
    "content-type",      "content-encoding", "absolute-expiry-time",
    "creation-time",     "group-id",         "group-sequence",
    "reply-to-group-id",
};

static bool head_open(const struct amqp10_link *link)
{
    return !link->head_done;
}

static void head_end(struct pipeline *worker, struct amqp10_link *link)
{
    if (link->head_done)
        return;
    link->head_done = true;
    side_head_end(worker, link->exchange, link->direction, link->store_begin, NULL);
}

static void header_put(struct pipeline *worker, struct amqp10_link *link, struct span name, struct span value)
{
    if (!name.data || !value.size)
        return;
    if (head_open(link))
        side_header(link->exchange, link->direction, name, value);
    else
        side_trailer(worker, link->exchange, link->direction, name, value);
}

/* Fields of a list, by their place in it. */
static void fields_put(struct pipeline *worker, struct amqp10_link *link, const struct amqp10_value *list,
                       const char *const *names, uint32_t count)
{
    struct span rest = list->bytes;
    struct amqp10_value value;
    char number[AMQP10_NUMBER_SIZE];
    for (uint32_t i = 0; i < count && amqp10_value_read(&rest, &value); i++)
        header_put(worker, link, span_from_text(names[i]), amqp10_value_text(&value, number));
}

static void entries_put(struct pipeline *worker, struct amqp10_link *link, const struct amqp10_value *map)
{
    struct amqp10_walk walk;
    struct amqp10_text text;
    amqp10_walk_init(&walk, map);
    while (amqp10_walk_next(&walk, &text))
        header_put(worker, link, text.name, text.value);
    if (walk.malformed)
        exchange_side(link->exchange, link->direction)->anomalies |= ANOMALY_BIT(ANOMALY_FRAME_FIELDS);
}

/* What the properties say of where the message goes and what it is. */
static void properties_note(struct pipeline *worker, struct amqp10_link *link, const struct amqp10_value *list)
{
    struct message *message = &link->exchange->transaction.message;
    struct span rest = list->bytes;
    struct amqp10_value value;
    for (uint32_t i = 0; i < ARRAY_COUNT(property_names) && amqp10_value_read(&rest, &value); i++) {
        bool text = value.kind == AMQP10_STRING || value.kind == AMQP10_SYMBOL;
        if (text && i == 2 && link->anonymous) {
            message->address = amqp_keep(link->exchange, value.bytes);
            amqp_path_set(worker, link->exchange, value.bytes, (struct span){0});
        } else if (text && i == 4) {
            message->reply_to = amqp_keep(link->exchange, value.bytes);
        } else if (text && i == 6) {
            message->content_type = amqp_keep(link->exchange, value.bytes);
        }
    }
}

/* ---- bodies ---- */

struct render {
    struct pipeline *worker;
    struct amqp10_link *link;
    uint32_t size;
    uint8_t text[RENDER_SIZE];
};

static void render_flush(struct render *render)
{
    if (render->size)
        side_body(render->worker, render->link->exchange, render->link->direction, span_of(render->text, render->size),
                  0);
    render->size = 0;
}

static void render_add(struct render *render, struct span text)
{
    while (text.size) {
        uint32_t size = min_u32(text.size, RENDER_SIZE - render->size);
        memcpy(render->text + render->size, text.data, size);
        render->size += size;
        text = span_from(text, size);
        if (render->size == RENDER_SIZE)
            render_flush(render);
    }
}

/* A map, list or number as text, so that it is searched like any other: "name: value", a line each. */
static void render_value(struct pipeline *worker, struct amqp10_link *link, const struct amqp10_value *value)
{
    struct render render = {.worker = worker, .link = link};
    struct amqp10_walk walk;
    struct amqp10_text text;
    amqp10_walk_init(&walk, value);
    while (amqp10_walk_next(&walk, &text)) {
        if (text.name.size) {
            render_add(&render, text.name);
            render_add(&render, SPAN_LITERAL(": "));
        }
        render_add(&render, text.value);
        render_add(&render, SPAN_LITERAL("\n"));
    }
    render_flush(&render);
    if (walk.malformed)
        exchange_side(link->exchange, link->direction)->anomalies |= ANOMALY_BIT(ANOMALY_FRAME_FIELDS);
}

static void section_item(struct pipeline *worker, struct amqp10_link *link, const struct amqp10_message_item *item)
{
    struct call *call = &link->exchange->transaction.call;
    bool body = item->section == AMQP10_SEQUENCE || item->section == AMQP10_VALUE;
    if (body)
        head_end(worker, link);
    if (item->cut) {
        call->flags |= body ? CALL_TRUNCATED | CALL_UNSCANNED : CALL_TRUNCATED;
        return;
    }
    switch (item->section) {
    case AMQP10_HEADER:
        fields_put(worker, link, &item->value, header_names, ARRAY_COUNT(header_names));
        break;
    case AMQP10_PROPERTIES:
        fields_put(worker, link, &item->value, property_names, ARRAY_COUNT(property_names));
        properties_note(worker, link, &item->value);
        break;
    case AMQP10_SEQUENCE:
    case AMQP10_VALUE:
        render_value(worker, link, &item->value);
        break;
    default:
        entries_put(worker, link, &item->value);
        break;
    }
}

/* Offers bytes (or a hole) to the message. Returns what was consumed. */
static uint32_t message_feed(struct pipeline *worker, struct amqp10_link *link, struct parse_input input)
{
    uint32_t consumed = 0;
    /* The parser's own promise bounds this loop: at most 2 * size + 2 answers for one input. */
    for (;;) {
        struct amqp10_message_item item;
        struct parse_step step = amqp10_message_parse(&link->message, &input, &item);
        consumed += step.consumed;
        parse_input_advance(&input, step.consumed);
        if (step.status != PARSE_ITEM)
            return consumed;
        if (item.kind == AMQP10_MESSAGE_SECTION) {
            section_item(worker, link, &item);
        } else {
            head_end(worker, link);
            side_body(worker, link->exchange, link->direction, item.data, item.lost);
        }
    }
}

static void carry_drop(struct pipeline *worker, struct amqp10_link *link)
{
    if (link->carry)
        pool_give(&worker->carries, link->carry);
    link->carry = NULL;
    link->carry_size = 0;
}

/* Keeps the beginning of a section until the rest of it comes. Without memory for it the message is cut there. */
static void carry_keep(struct pipeline *worker, struct amqp10_link *link, struct span rest)
{
    if (rest.size == 0)
        return;
    require(rest.size <= CHANNEL_CARRY_SIZE);
    if (!link->carry)
        link->carry = pool_take(&worker->carries);
    if (!link->carry) {
        (void)message_feed(worker, link, (struct parse_input){.lost = rest.size});
        return;
    }
    memmove(link->carry, rest.data, rest.size);
    link->carry_size = rest.size;
}

static void message_bytes(struct pipeline *worker, struct amqp10_link *link, struct span data)
{
    while (link->carry_size && data.size) {
        uint32_t old = link->carry_size, take = min_u32(data.size, CHANNEL_CARRY_SIZE - old);
        memcpy(link->carry + old, data.data, take);
        uint32_t consumed = message_feed(worker, link, (struct parse_input){.data = link->carry, .size = old + take});
        if (consumed >= old) {
            data = span_from(data, consumed - old);
            carry_drop(worker, link);
            break;
        }
        /* Held sections are shorter than a carry, so with a full one something is consumed. */
        require(consumed || take == data.size);
        memmove(link->carry, link->carry + consumed, old + take - consumed);
        link->carry_size = old + take - consumed;
        data = span_from(data, take);
    }
    if (data.size == 0)
        return;
    uint32_t consumed = message_feed(worker, link, (struct parse_input){.data = data.data, .size = data.size});
    carry_keep(worker, link, span_from(data, consumed));
}

/* ---- outcomes ---- */

static void unsettled_take(struct amqp10_connection *connection, uint32_t index)
{
    struct amqp10_unsettled *entry = &connection->unsettled[index];
    connection->unsettled_count--;
    memmove(entry, entry + 1, (connection->unsettled_count - index) * sizeof(*entry));
}

static void unsettled_put(const struct amqp10_event *event, const struct amqp10_link *link, struct exchange *exchange)
{
    struct amqp10_connection *connection = event->connection;
    exchange->transaction.one_way = false;
    if (connection->unsettled_count == AMQP10_UNSETTLED_MAX) {
        struct exchange *oldest = connection->unsettled[0].exchange;
        unsettled_take(connection, 0);
        oldest->transaction.one_way = true;
        judge_exchange(event->worker, oldest);
    }
    connection->unsettled[connection->unsettled_count++] =
        (struct amqp10_unsettled){exchange, link->delivery, link->channel, link->direction};
}

static enum call_outcome outcome_of(uint8_t state)
{
    switch (state) {
    case AMQP10_ACCEPTED:
        return CALL_OUTCOME_ACCEPTED;
    case AMQP10_REJECTED:
        return CALL_OUTCOME_REJECTED;
    case AMQP10_RELEASED:
        return CALL_OUTCOME_RELEASED;
    case AMQP10_MODIFIED:
        return CALL_OUTCOME_MODIFIED;
    default:
        return CALL_OUTCOME_NONE;
    }
}

/* The receiver's side of a message says what became of it. */
static void settle(const struct amqp10_event *event, struct exchange *exchange)
{
    struct transaction *transaction = &exchange->transaction;
    bool response = event->feed->direction == 1;
    transaction->call.outcome = outcome_of(event->performative->outcome);
    amqp_side_begin(exchange, response, event->feed);
    amqp_side_end(event->worker, exchange, response);
    judge_exchange(event->worker, exchange);
}

void amqp10_disposition(const struct amqp10_event *event)
{
    struct amqp10_connection *connection = event->connection;
    const struct amqp10_performative *disposition = event->performative;
    uint32_t sender = event->feed->direction ^ 1;
    uint16_t channel;
    if (!disposition->receiver || (!disposition->outcome && !disposition->settled) ||
        !amqp10_peer_channel(connection, event->feed->direction, event->channel, &channel))
        return;
    uint32_t range = disposition->delivery_last - disposition->delivery_first;
    for (uint32_t i = 0; i < connection->unsettled_count;) {
        const struct amqp10_unsettled *entry = &connection->unsettled[i];
        /* Delivery numbers wrap (2.8.10). */
        bool meant = entry->direction == sender && entry->channel == channel &&
                     entry->delivery - disposition->delivery_first <= range;
        if (!meant) {
            i++;
            continue;
        }
        struct exchange *exchange = entry->exchange;
        unsettled_take(connection, i);
        settle(event, exchange);
    }
}

void amqp10_unsettled_end(struct pipeline *worker, struct amqp10_connection *connection)
{
    while (connection->unsettled_count) {
        struct exchange *exchange = connection->unsettled[0].exchange;
        unsettled_take(connection, 0);
        /* A server may go without a word when the client does: no answer is missing there. */
        exchange->transaction.one_way = exchange->transaction.message.from_server;
        judge_exchange(worker, exchange);
    }
}

/* ---- deliveries ---- */

static struct exchange *delivery_close(struct pipeline *worker, struct amqp10_link *link, bool complete)
{
    struct exchange *exchange = link->exchange;
    if (!exchange)
        return NULL;
    bool whole = link->carry_size == 0 && amqp10_message_whole(&link->message);
    if (link->carry_size)
        (void)message_feed(worker, link, (struct parse_input){.lost = link->carry_size});
    carry_drop(worker, link);
    head_end(worker, link);
    struct transaction_side *side = exchange_side(exchange, link->direction);
    if (link->message.malformed || (complete && !whole))
        side->anomalies |= ANOMALY_BIT(ANOMALY_FRAME_FIELDS);
    side_message_end(worker, exchange, link->direction, complete);
    link->exchange = NULL;
    return exchange;
}

void amqp10_delivery_cut(struct pipeline *worker, struct amqp10_link *link, uint32_t flags)
{
    link->passed_over = false;
    if (!link->exchange)
        return;
    link->exchange->transaction.call.flags |= flags;
    if (flags & CALL_GAP)
        exchange_side(link->exchange, link->direction)->gap = true;
    judge_exchange(worker, delivery_close(worker, link, false));
}

static void delivery_begin(const struct amqp10_event *event, struct amqp10_link *link)
{
    const struct amqp10_performative *transfer = event->performative;
    struct exchange *exchange = amqp10_call_take(event, "transfer");
    link->message = (struct amqp10_message){0};
    link->head_done = false;
    link->exchange = exchange;
    link->passed_over = exchange == NULL;
    link->delivery = transfer->delivery_first;
    link->delivery_known = transfer->has_delivery;
    link->settled = false;
    if (!exchange)
        return;
    struct transaction *transaction = &exchange->transaction;
    transaction->one_way = true;
    transaction->message.kind = event->feed->direction ? MESSAGE_DELIVER : MESSAGE_PUBLISH;
    if (link->known) {
        struct span address = span_of(link->address, link->address_size);
        transaction->message.address = amqp_keep(exchange, address);
        amqp_path_set(event->worker, exchange, address, (struct span){0});
    } else if (!link->anonymous) {
        /* Nobody looks a message up of which it is not known where it goes. */
        transaction->message.kind = MESSAGE_NONE;
    }
    if (link->uncertain)
        transaction->call.flags |= CALL_AMBIGUOUS;
    if (!transfer->has_delivery)
        transaction->call.flags |= CALL_GAP; /* its first transfers were not seen */
    link->store_begin = transaction->store_used;
}

void amqp10_transfer(const struct amqp10_event *event)
{
    struct amqp10_connection *connection = event->connection;
    const struct amqp10_performative *transfer = event->performative;
    uint32_t direction = event->feed->direction;
    struct amqp10_link *link = amqp10_link_find(connection, direction, event->channel, transfer->handle);
    if (!link)
        link = amqp10_link_take(connection, direction, event->channel, transfer->handle);
    connection->current[direction] = link;
    connection->current_more[direction] = transfer->more;
    if (!link) {
        amqp_over_budget(event->worker);
        return;
    }
    bool other = transfer->has_delivery && link->delivery_known && transfer->delivery_first != link->delivery;
    if (link->exchange && other) {
        exchange_side(link->exchange, direction)->anomalies |= ANOMALY_BIT(ANOMALY_FRAME_ORDER);
        amqp10_delivery_cut(event->worker, link, 0);
    }
    if (!link->exchange && (!link->passed_over || other))
        delivery_begin(event, link);
    if (link->exchange)
        amqp_side_touch(link->exchange, direction, event->feed, event->anomalies);
    link->settled = transfer->settled_given ? transfer->settled : link->settled;
    if (transfer->aborted) {
        amqp10_delivery_cut(event->worker, link, 0);
        connection->current[direction] = NULL;
    }
}

void amqp10_payload(const struct amqp10_event *event, struct span data, uint32_t lost)
{
    struct amqp10_link *link = event->connection->current[event->feed->direction];
    if (!link || !link->exchange)
        return;
    amqp_side_touch(link->exchange, link->direction, event->feed, event->anomalies);
    if (data.data) {
        message_bytes(event->worker, link, data);
        return;
    }
    /* What was carried is given up with the hole behind it. */
    lost += link->carry_size;
    carry_drop(event->worker, link);
    (void)message_feed(event->worker, link, (struct parse_input){.lost = lost});
}

void amqp10_frame_end(const struct amqp10_event *event)
{
    uint32_t direction = event->feed->direction;
    struct amqp10_link *link = event->connection->current[direction];
    event->connection->current[direction] = NULL;
    if (!link || event->connection->current_more[direction])
        return;
    link->passed_over = false;
    struct exchange *exchange = delivery_close(event->worker, link, true);
    if (!exchange)
        return;
    if (link->settled || !link->delivery_known)
        judge_exchange(event->worker, exchange);
    else
        unsettled_put(event, link, exchange);
}
