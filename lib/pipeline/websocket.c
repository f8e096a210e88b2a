/* SPDX-License-Identifier: Apache-2.0 */

/*
 * WebSocket in the pipeline: items of the parser become exchanges of one side. A message's bytes go the way of every
 * body: through the inflater where they are compressed, into the window, to the scanners.
 */

#include "pipeline/websocket.h"

#include "pipeline/channel.h"
#include "proto/http_text.h"

/* ----------------------------------------------------------------------- link */

void websocket_handshake_note(struct transaction *handshake)
{
    struct websocket_agreement agreement;
    websocket_handshake_check(handshake, &agreement);
    handshake->response.anomalies |= agreement.anomalies;
}

/* Host and path have to outlast the handshake's exchange. A path without its end would be another path. */
static void keep_texts(struct websocket_link *link, const struct transaction *handshake)
{
    struct span host = handshake->call.host, path = handshake->call.path;
    if (host.size <= LINK_TEXTS_SIZE && host.size)
        memcpy(link->texts, host.data, link->host_size = host.size);
    link->path_known = path.data && path.size <= LINK_TEXTS_SIZE - link->host_size;
    if (link->path_known && path.size)
        memcpy(link->texts + link->host_size, path.data, link->path_size = path.size);
    if (link->host_size < host.size || (path.data && !link->path_known))
        link->call_flags |= CALL_TRUNCATED;
}

struct websocket_link *websocket_link_open(struct pipeline *worker, const struct transaction *handshake, bool midstream)
{
    struct websocket_link *link = pool_take(&worker->websockets);
    if (!link)
        return NULL;
    memset(link, 0, offsetof(struct websocket_link, texts));
    if (handshake) {
        websocket_handshake_check(handshake, &link->agreement);
        keep_texts(link, handshake);
    } else {
        websocket_agreement_unknown(&link->agreement);
    }
    link->call_flags |= midstream ? CALL_MIDSTREAM : 0;
    for (uint32_t i = 0; i < 2; i++) {
        struct websocket_half *half = &link->halves[i];
        websocket_init(&half->parser, (enum websocket_sender)i, (enum websocket_deflate)link->agreement.deflate,
                       worker->websocket_window);
        half->history_broken = midstream;
        if (midstream)
            websocket_init_midstream(&half->parser);
    }
    return link;
}

static void inflater_drop(struct websocket_half *half)
{
    if (half->inflater)
        websocket_inflater_give(half->inflater);
    half->inflater = NULL;
    half->inflating = false;
}

/* ------------------------------------------------------------------- messages */

static void note_time(const struct websocket_feed *feed, struct exchange *exchange)
{
    exchange_side(exchange, feed->direction)->last_ns = feed->time_ns;
    exchange->transaction.call.end_ns = feed->time_ns;
    if (feed->flow->ambiguity)
        exchange->transaction.call.flags |= CALL_AMBIGUOUS;
}

static void fill_call(const struct websocket_link *link, struct transaction *transaction, const char *method)
{
    struct call *call = &transaction->call;
    call->protocol = CALL_WEBSOCKET;
    call->flags |= link->call_flags | (link->agreement.foreign ? CALL_UNDECODED : 0);
    call->method = span_from_text(method);
    if (link->host_size)
        call->host = transaction_keep_line(transaction, span_of(link->texts, link->host_size));
    if (!link->path_known)
        return;
    call->path = transaction_keep_line(transaction, span_of(link->texts + link->host_size, link->path_size));
    struct http_target target = http_target_parse(call->path, false);
    transaction->path = target.path;
    transaction->query = target.query;
}

/* A new exchange with the one side that the message has; the other one is there, and empty. NULL: no memory, counted.
 */
static struct exchange *message_open(struct pipeline *worker, const struct websocket_feed *feed, uint8_t opcode)
{
    struct endpoints endpoints = flow_endpoints(feed->flow);
    struct exchange *exchange = exchange_take(worker, &endpoints, feed->time_ns);
    if (!exchange) {
        ledger_transaction_open(&worker->ledger);
        ledger_transaction_settle(&worker->ledger, LEDGER_TRANSACTION_BUDGET);
        return NULL;
    }
    struct transaction *transaction = &exchange->transaction;
    fill_call(feed->link, transaction, websocket_opcode_name(opcode));
    transaction->message.from_server = feed->direction != 0;
    if (opcode != WEBSOCKET_CLOSE)
        transaction->message.kind = feed->direction ? MESSAGE_DELIVER : MESSAGE_PUBLISH;
    transaction->request.seen = transaction->response.seen = true;
    transaction->request.complete = transaction->response.complete = true;
    exchange_side(exchange, feed->direction)->first_ns = feed->time_ns;
    exchange_side(exchange, feed->direction)->complete = false;
    exchange->scans[feed->direction].text = opcode == WEBSOCKET_TEXT || opcode == WEBSOCKET_CLOSE;
    scan_body_begin(worker, exchange, feed->direction);
    note_time(feed, exchange);
    return exchange;
}

/* Bytes of the message that are not in any coding. */
static void plain_data(struct pipeline *worker, struct websocket_half *half, uint32_t direction, struct span data,
                       bool last)
{
    if (half->text)
        utf8_check_add(&half->utf8, data.data, data.size);
    scan_body_data(worker, half->exchange, direction, data, last);
}

static void inflater_begin(struct pipeline *worker, const struct websocket_feed *feed, struct websocket_half *half)
{
    const struct websocket_compression *compression = &feed->link->agreement.compression[feed->direction];
    if (!half->inflater)
        half->inflater = websocket_inflater_take(&worker->inflaters, compression->window_bits, !half->history_broken);
    half->inflating = half->inflater != NULL;
    if (half->inflater)
        websocket_inflater_begin(half->inflater);
    else
        half->history_broken = compression->takeover;
}

static void message_begin(struct pipeline *worker, const struct websocket_feed *feed, const struct websocket_item *item)
{
    struct websocket_half *half = &feed->link->halves[feed->direction];
    bool known = item->opcode != WEBSOCKET_CONTINUATION;
    half->exchange = message_open(worker, feed, item->opcode);
    half->text = item->opcode == WEBSOCKET_TEXT;
    half->utf8 = (struct utf8_check){0};
    /* The middle of a message says nothing about its compression. */
    half->coded = item->compressed || (!known && half->parser.deflate != WEBSOCKET_DEFLATE_NONE);
    half->inflating = false;
    if (item->anomalies & ANOMALY_BIT(ANOMALY_AFTER_LOSS) || (half->coded && !known)) {
        half->history_broken = feed->link->agreement.compression[feed->direction].takeover;
        if (half->inflater)
            websocket_inflater_forget(half->inflater);
    }
    if (half->coded && known)
        inflater_begin(worker, feed, half);
    if (!half->exchange)
        return;
    if (feed->direction && known)
        graphql_answer_begin(worker, &feed->link->asked, half->exchange);
    if (!known) /* its begin is missing */
        half->exchange->transaction.call.flags |= CALL_GAP;
    struct body_scan *scan = &half->exchange->scans[feed->direction];
    scan->length_known = !half->coded && item->length != WEBSOCKET_LENGTH_UNKNOWN;
    scan->length = scan->length_known ? item->length : 0;
    if (half->coded && !half->inflating)
        half->exchange->transaction.call.flags |= CALL_UNDECODED;
}

static void inflate_data(struct pipeline *worker, const struct websocket_feed *feed, struct parse_input input)
{
    struct websocket_half *half = &feed->link->halves[feed->direction];
    /* The inflater bounds this loop by the bytes it is given, and by what they may grow to. */
    while (half->inflating) {
        struct websocket_view view;
        struct parse_step step = websocket_inflater_next(half->inflater, &input, &view);
        input.data = input.data ? input.data + step.consumed : NULL;
        input.size -= step.consumed;
        if (step.status == PARSE_MORE)
            return;
        if (step.status == PARSE_ITEM) {
            if (half->exchange)
                plain_data(worker, half, feed->direction, span_of(view.data, view.size), view.last);
            continue;
        }
        half->inflating = false;
        enum content_outcome outcome = websocket_inflater_outcome(half->inflater);
        half->history_broken =
            outcome != CONTENT_COMPLETE && feed->link->agreement.compression[feed->direction].takeover;
        if (half->exchange)
            scan_note_outcome(half->exchange, feed->direction, outcome);
    }
}

static void message_data(struct pipeline *worker, const struct websocket_feed *feed, const struct websocket_item *item)
{
    struct websocket_half *half = &feed->link->halves[feed->direction];
    struct exchange *exchange = half->exchange;
    /* Behind a hole a character may be cut: nothing more can be said. */
    if (item->lost)
        half->text = half->text && half->utf8.invalid;
    if (half->coded) {
        inflate_data(worker, feed,
                     (struct parse_input){.data = item->data.data, .size = item->data.size, .lost = item->lost});
        if (exchange && item->lost) {
            exchange->transaction.call.flags |= CALL_GAP;
            exchange_side(exchange, feed->direction)->gap = true;
        }
    } else if (exchange) {
        if (half->text && !item->lost)
            utf8_check_add(&half->utf8, item->data.data, item->data.size);
        side_body(worker, exchange, feed->direction, item->data, item->lost);
    }
}

static void message_judge(struct pipeline *worker, const struct websocket_feed *feed, struct exchange *exchange,
                          bool complete)
{
    note_time(feed, exchange);
    if (feed->direction)
        graphql_answer_end(worker, &feed->link->asked, exchange);
    side_message_end(worker, exchange, feed->direction, complete);
    if (!feed->direction)
        graphql_asked_note(worker, &feed->link->asked, exchange);
    judge_exchange(worker, exchange);
}

static void message_end(struct pipeline *worker, const struct websocket_feed *feed, bool complete)
{
    struct websocket_half *half = &feed->link->halves[feed->direction];
    struct exchange *exchange = half->exchange;
    struct transaction_side *side = exchange ? exchange_side(exchange, feed->direction) : NULL;
    if (half->inflating)
        inflate_data(worker, feed, (struct parse_input){.lost = complete ? 0 : 1, .last = complete});
    /* Without the end, or with a hole, only what is wrong in itself is wrong. */
    bool whole = complete && side && !side->gap && !(exchange->transaction.call.flags & CALL_UNDECODED);
    if (side && half->text && (whole ? !utf8_check_valid(&half->utf8) : half->utf8.invalid))
        side->anomalies |= ANOMALY_BIT(ANOMALY_TEXT_ENCODING);
    if (!feed->link->agreement.compression[feed->direction].takeover)
        inflater_drop(half);
    half->exchange = NULL;
    if (exchange)
        message_judge(worker, feed, exchange, complete);
}

/* A close is a call, as it says why; what keeps the connection alive is none. */
static void control(struct pipeline *worker, const struct websocket_feed *feed, const struct websocket_item *item)
{
    struct websocket_half *half = &feed->link->halves[feed->direction];
    bool odd = (item->anomalies & ~ANOMALY_BIT(ANOMALY_AFTER_LOSS)) != 0;
    if (item->opcode != WEBSOCKET_CLOSE && !odd)
        return;
    struct exchange *exchange = message_open(worker, feed, item->opcode);
    if (!exchange)
        return;
    struct transaction_side *side = exchange_side(exchange, feed->direction);
    struct utf8_check check = {0};
    side->anomalies |= item->anomalies;
    if (item->data.size)
        scan_body_data(worker, exchange, feed->direction, item->data, true);
    utf8_check_add(&check, item->data.data, item->data.size);
    if (item->opcode == WEBSOCKET_CLOSE && item->complete && !utf8_check_valid(&check))
        side->anomalies |= ANOMALY_BIT(ANOMALY_TEXT_ENCODING);
    if (item->opcode == WEBSOCKET_CLOSE && !half->exchange)
        inflater_drop(half);
    message_judge(worker, feed, exchange, item->complete);
}

static void handle_item(struct pipeline *worker, const struct websocket_feed *feed, const struct websocket_item *item)
{
    struct websocket_half *half = &feed->link->halves[feed->direction];
    if (item->kind == WEBSOCKET_CONTROL) {
        control(worker, feed, item);
        return;
    }
    if (item->kind == WEBSOCKET_MESSAGE_BEGIN)
        message_begin(worker, feed, item);
    if (half->exchange) {
        exchange_side(half->exchange, feed->direction)->anomalies |= item->anomalies;
        note_time(feed, half->exchange);
    }
    if (item->kind == WEBSOCKET_DATA)
        message_data(worker, feed, item);
    else if (item->kind == WEBSOCKET_MESSAGE_END)
        message_end(worker, feed, item->complete);
}

/* ---------------------------------------------------------------------- feeding */

uint32_t websocket_link_parse(struct pipeline *worker, const struct websocket_feed *feed, struct parse_input input,
                              bool *stopped_out)
{
    struct websocket *parser = &feed->link->halves[feed->direction].parser;
    uint32_t consumed = 0;
    *stopped_out = false;
    /* The parser's own promise bounds this loop: at most 2 * size + 2 answers for one input. */
    for (;;) {
        struct websocket_item item;
        struct parse_step step = websocket_parse(parser, &input, &item);
        consumed += step.consumed;
        parse_input_advance(&input, step.consumed);
        if (step.status == PARSE_ITEM) {
            handle_item(worker, feed, &item);
            continue;
        }
        *stopped_out = step.status == PARSE_STOP;
        return consumed;
    }
}

static void carry_drop(struct pipeline *worker, struct websocket_half *half)
{
    if (half->carry)
        pool_give(&worker->carries, half->carry);
    half->carry = NULL;
    half->carry_size = 0;
}

/* Behind bytes that were carried: as much as the carry holds is parsed with them. Returns how much of the input was. */
static uint32_t feed_carried(struct pipeline *worker, const struct websocket_feed *feed, struct parse_input input,
                             bool *stopped_out)
{
    struct websocket_half *half = &feed->link->halves[feed->direction];
    uint32_t take = min_u32(input.size, CHANNEL_CARRY_SIZE - half->carry_size);
    if (take)
        memcpy(half->carry + half->carry_size, input.data, take);
    half->carry_size += take;
    struct parse_input joined = {
        .data = half->carry, .size = half->carry_size, .last = input.last && take == input.size};
    uint32_t consumed = websocket_link_parse(worker, feed, joined, stopped_out);
    half->carry_size -= consumed;
    memmove(half->carry, half->carry + consumed, half->carry_size);
    return take;
}

bool websocket_link_feed(struct pipeline *worker, const struct websocket_feed *feed, struct parse_input input)
{
    struct websocket_half *half = &feed->link->halves[feed->direction];
    bool stopped = false;
    if (!input.data && input.lost)
        carry_drop(worker, half);
    while (half->carry_size && input.size && !stopped) {
        uint32_t taken = feed_carried(worker, feed, input, &stopped);
        input.data += taken;
        input.size -= taken;
        if (input.size == 0 && !stopped && !input.last)
            return true;
    }
    if (half->carry_size == 0)
        carry_drop(worker, half);
    if (!stopped && (input.size || input.last || !input.data)) {
        uint32_t consumed = websocket_link_parse(worker, feed, input, &stopped);
        uint32_t left = input.data ? input.size - consumed : 0;
        if (left && !stopped)
            half->carry = pool_take(&worker->carries);
        if (left && !stopped && half->carry)
            memcpy(half->carry, input.data + consumed, half->carry_size = left);
        stopped = stopped || (left && !half->carry);
    }
    if (stopped)
        carry_drop(worker, half);
    return !stopped;
}

void websocket_link_close(struct pipeline *worker, struct websocket_link *link)
{
    for (uint32_t i = 0; i < 2; i++) {
        struct websocket_half *half = &link->halves[i];
        struct exchange *exchange = half->exchange;
        inflater_drop(half);
        carry_drop(worker, half);
        if (!exchange)
            continue;
        side_message_end(worker, exchange, i, false);
        judge_exchange(worker, exchange);
    }
    pool_give(&worker->websockets, link);
}

/* --------------------------------------------------------------------- channel */

static bool begin(struct pipeline *worker, const struct channel_feed *feed, const struct exchange *upgrade)
{
    const struct transaction *handshake = upgrade ? &upgrade->transaction : NULL;
    feed->channel->state = websocket_link_open(worker, handshake, !upgrade);
    return feed->channel->state != NULL;
}

static uint32_t parse(struct pipeline *worker, const struct channel_feed *feed, struct parse_input input)
{
    struct websocket_feed own = {feed->channel->state, feed->flow, feed->direction, feed->time_ns};
    bool stopped;
    uint32_t consumed = websocket_link_parse(worker, &own, input, &stopped);
    feed->channel->stopped[feed->direction] = stopped;
    return consumed;
}

static void end(struct pipeline *worker, struct channel *channel)
{
    if (channel->state)
        websocket_link_close(worker, channel->state);
    channel->state = NULL;
}

const struct channel_protocol channel_websocket = {begin, parse, end, NULL};
