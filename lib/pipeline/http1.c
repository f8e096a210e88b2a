/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HTTP/1 exchanges
 *
 * Requests wait in a row; each response goes to the oldest one that has none yet (RFC 9112 9.3.2). Behind a hole that
 * is no longer known. Where the client waits for each answer, as nearly all do, a response belongs to the newest
 * request. Where it does not, requests and responses of the connection are told apart from then on, marked ambiguous:
 * no call is ever put together from two.
 */

#include "pipeline/session.h"

#include "proto/http_text.h"

static struct exchange *feed_exchange(struct pipeline *worker, const struct http1_feed *feed)
{
    struct exchange *exchange = exchange_take(worker, &feed->flow->endpoints, feed->time_ns);
    if (!exchange)
        return NULL;
    exchange->transaction.call.protocol = CALL_HTTP1;
    if (feed->session->midstream)
        exchange->transaction.call.flags |= CALL_MIDSTREAM;
    return exchange;
}

/* No memory to follow the connection any further: say so once, and stop rather than mispair what comes. */
static void session_give_up(struct pipeline *worker, struct session *session)
{
    ledger_transaction_open(&worker->ledger);
    ledger_transaction_settle(&worker->ledger, LEDGER_TRANSACTION_BUDGET);
    session->state = SESSION_OTHER;
    session->reason = LEDGER_BUFFER_BUDGET;
}

static void row_append(struct session *session, const struct flow *flow, struct exchange *exchange)
{
    /* Where bytes of the server are missing the client may well have its answer: that is loss, not pipelining. */
    if (!session->oldest)
        session->response_hole = false;
    bool answered = session->response_hole || flow_side(flow, FLOW_TO_CLIENT)->acked_ns != 0;
    session->pipelined = session->pipelined || (session->oldest && !answered);
    if (session->newest)
        session->newest->next = exchange;
    else
        session->oldest = exchange;
    session->newest = exchange;
    session->waiting++;
}

static struct exchange *row_take_oldest(struct session *session)
{
    struct exchange *exchange = session->oldest;
    session->oldest = exchange->next;
    if (!session->oldest)
        session->newest = NULL;
    exchange->next = NULL;
    session->waiting--;
    return exchange;
}

static void finish_if_done(struct pipeline *worker, struct exchange *exchange)
{
    if (exchange->request_done && exchange->response_done)
        judge_exchange(worker, exchange);
}

/* NULL where only the end of the message will tell. */
static const uint64_t *body_length(const struct http1_item *item)
{
    return item->head_end.framing == HTTP1_FRAMING_LENGTH ? &item->head_end.length : NULL;
}

/* ------------------------------------------------------------------ requests */

static void request_line(struct pipeline *worker, const struct http1_feed *feed, const struct http1_item *item)
{
    struct session *session = feed->session;
    struct exchange *exchange = session->waiting < SESSION_WAITING_MAX ? feed_exchange(worker, feed) : NULL;
    if (!exchange) {
        session_give_up(worker, session);
        return;
    }
    struct transaction *transaction = &exchange->transaction;
    struct call *call = &transaction->call;
    call->method = transaction_keep_line(transaction, item->request.method);
    session->head_begin = transaction->store_used;
    call->path = transaction_keep_line(transaction, item->request.target);
    transaction->request.seen = true;
    transaction->request.first_ns = feed->time_ns;
    transaction->request.version_minor = item->request.version_minor;
    exchange->request_method = (uint8_t)item->request.method_class;
    session->request = exchange;
    /* How many requests are missing in front of this one nobody knows, so neither which response is whose. */
    bool after_loss = (item->anomalies & ANOMALY_BIT(ANOMALY_AFTER_LOSS)) != 0;
    if (after_loss && session->pipelined)
        session->unpaired = true;
    if (session->unpaired) {
        call->flags |= CALL_AMBIGUOUS;
        exchange->response_done = true;
    } else {
        row_append(session, feed->flow, exchange);
    }
}

/* Host header, or the authority of an absolute target, which counts when both are there (RFC 9112 3.2.2). */
static void resolve_target(struct transaction *transaction, bool connect)
{
    struct http_target target = http_target_parse(transaction->call.path, connect);
    transaction->path = target.path;
    transaction->query = target.query;
    const struct transaction_header *host = transaction_find_header(&transaction->request, HEADER_HOST, NULL);
    struct span host_value = host ? transaction_header_value(transaction, host) : (struct span){0};
    transaction->call.host = host_value.size ? host_value : (struct span){0};
    if (target.authority.size == 0)
        return;
    transaction->call.host = target.authority;
    if (host && !http_authority_equal(host_value, target.authority, target.scheme))
        transaction->request.anomalies |= ANOMALY_BIT(ANOMALY_HOST_MISMATCH);
}

static void note_time(struct exchange *exchange, struct transaction_side *side, const struct http1_feed *feed)
{
    side->last_ns = feed->time_ns;
    exchange->transaction.call.end_ns = feed->time_ns;
    if (feed->flow->ambiguity)
        exchange->transaction.call.flags |= CALL_AMBIGUOUS;
}

static void request_item(struct pipeline *worker, const struct http1_feed *feed, const struct http1_item *item)
{
    struct session *session = feed->session;
    if (item->kind == HTTP1_REQUEST_LINE)
        request_line(worker, feed, item);
    struct exchange *exchange = session->request;
    if (!exchange)
        return;
    struct transaction *transaction = &exchange->transaction;
    struct transaction_side *side = &transaction->request;
    side->anomalies |= item->anomalies;
    note_time(exchange, side, feed);
    switch (item->kind) {
    case HTTP1_HEAD_END:
        resolve_target(transaction, exchange->request_method == HTTP1_METHOD_CONNECT);
        side_head_end(worker, exchange, false, session->head_begin, body_length(item));
        break;
    case HTTP1_MESSAGE_END:
        side_message_end(worker, exchange, false, item->end.complete);
        session->request = NULL;
        exchange->request_done = true;
        finish_if_done(worker, exchange);
        break;
    default:
        side_item(worker, exchange, false, item);
        break;
    }
}

/* ----------------------------------------------------------------- responses */

/* Their responses are among what was lost, all but those of the last `keep`. */
static void abandon_waiting(struct pipeline *worker, struct session *session, uint32_t keep)
{
    while (session->waiting > keep) {
        struct exchange *exchange = row_take_oldest(session);
        exchange->transaction.call.flags |= CALL_GAP;
        exchange->response_done = true;
        if (exchange == session->request)
            continue; /* its request is still coming in; it ends with that */
        judge_exchange(worker, exchange);
    }
}

/* The exchange that the response which begins now belongs to; a new one without request where nobody asked. */
static struct exchange *response_exchange(struct pipeline *worker, const struct http1_feed *feed,
                                          const struct http1_item *item)
{
    struct session *session = feed->session;
    bool after_loss = (item->anomalies & ANOMALY_BIT(ANOMALY_AFTER_LOSS)) != 0;
    if (after_loss && session->pipelined) {
        for (struct exchange *waiting = session->oldest; waiting; waiting = waiting->next)
            waiting->transaction.call.flags |= CALL_AMBIGUOUS;
        abandon_waiting(worker, session, 0);
        session->unpaired = true;
    } else if (after_loss && session->waiting > 1) {
        abandon_waiting(worker, session, 1);
    }
    if (session->waiting)
        return row_take_oldest(session);
    struct exchange *exchange = feed_exchange(worker, feed);
    if (!exchange) {
        session_give_up(worker, session);
        return NULL;
    }
    exchange->request_done = true;
    exchange->transaction.call.flags |= CALL_NO_REQUEST;
    if (session->unpaired)
        exchange->transaction.call.flags |= CALL_AMBIGUOUS;
    else if (!session->midstream && !session->request_lost && !flow_one_way(feed->flow))
        exchange->transaction.response.anomalies |= ANOMALY_BIT(ANOMALY_EXTRA_RESPONSE);
    return exchange;
}

static void status_line(struct pipeline *worker, const struct http1_feed *feed, const struct http1_item *item)
{
    struct session *session = feed->session;
    session->interim = item->status.interim;
    if (session->interim)
        return;
    struct exchange *exchange = response_exchange(worker, feed, item);
    session->response = exchange;
    if (!exchange)
        return;
    struct transaction *transaction = &exchange->transaction;
    transaction->call.status = item->status.status;
    transaction->response.seen = true;
    transaction->response.first_ns = feed->time_ns;
    transaction->response.version_minor = item->status.version_minor;
    session->response_head_begin = transaction->store_used;
    http1_expect(&session->parsers[1], (enum http1_method)exchange->request_method);
}

static void response_head_end(struct pipeline *worker, const struct http1_feed *feed, const struct http1_item *item)
{
    struct session *session = feed->session;
    struct exchange *exchange = session->response;
    side_head_end(worker, exchange, true, session->response_head_begin, body_length(item));
    if (item->head_end.framing == HTTP1_FRAMING_TUNNEL) {
        exchange->transaction.call.flags |= CALL_UPGRADE;
        session->tunnel = true;
        http1_set_tunnel(&session->parsers[0]);
        /* Between messages nothing more of HTTP can come; inside one its rest does. */
        session->stopped[0] = session->request == NULL;
    }
}

static void response_item(struct pipeline *worker, const struct http1_feed *feed, const struct http1_item *item)
{
    struct session *session = feed->session;
    if (item->kind == HTTP1_STATUS_LINE)
        status_line(worker, feed, item);
    struct exchange *exchange = session->response;
    if (session->interim || !exchange)
        return;
    struct transaction_side *side = &exchange->transaction.response;
    side->anomalies |= item->anomalies;
    note_time(exchange, side, feed);
    switch (item->kind) {
    case HTTP1_HEAD_END:
        response_head_end(worker, feed, item);
        break;
    case HTTP1_MESSAGE_END:
        side_message_end(worker, exchange, true, item->end.complete);
        session->response = NULL;
        exchange->response_done = true;
        finish_if_done(worker, exchange);
        break;
    default:
        side_item(worker, exchange, true, item);
        break;
    }
}

/* -------------------------------------------------------------------- driver */

void session_http1_begin(struct session *session, bool midstream)
{
    session->state = SESSION_HTTP1;
    session->midstream = midstream;
    for (uint32_t direction = 0; direction < 2; direction++) {
        enum http1_kind kind = direction ? HTTP1_RESPONSES : HTTP1_REQUESTS;
        if (midstream)
            http1_init_midstream(&session->parsers[direction], kind);
        else
            http1_init(&session->parsers[direction], kind);
    }
}

uint32_t session_http1_parse(struct pipeline *worker, const struct http1_feed *feed, struct parse_input input)
{
    struct session *session = feed->session;
    struct http1 *parser = &session->parsers[feed->direction];
    uint32_t consumed = 0;
    if (!input.data && input.lost && feed->direction == 0)
        session->request_lost = true;
    else if (!input.data && input.lost)
        session->response_hole = true;
    /* The parser's own promise bounds this loop: at most 2 * size + 2 answers for one input. */
    for (;;) {
        struct http1_item item;
        struct parse_step step = http1_parse(parser, &input, &item);
        consumed += step.consumed;
        if (input.data) {
            input.data += step.consumed;
            input.size -= step.consumed;
        } else {
            input.lost -= min_u32(step.consumed, input.lost);
        }
        if (step.status == PARSE_STOP) {
            session->stopped[feed->direction] = true;
            return consumed;
        }
        if (step.status == PARSE_MORE)
            return consumed;
        if (feed->direction)
            response_item(worker, feed, &item);
        else
            request_item(worker, feed, &item);
        if (session->state != SESSION_HTTP1)
            return consumed;
    }
}

void session_http1_end(struct pipeline *worker, struct session *session)
{
    if (session->response) {
        session->response->response_done = true;
        if (session->response != session->request)
            judge_exchange(worker, session->response);
        session->response = NULL;
    }
    while (session->waiting) {
        struct exchange *exchange = row_take_oldest(session);
        if (exchange != session->request)
            judge_exchange(worker, exchange);
    }
    if (session->request) {
        side_message_end(worker, session->request, false, false);
        judge_exchange(worker, session->request);
        session->request = NULL;
    }
}
