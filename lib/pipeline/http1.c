/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HTTP/1 exchanges
 *
 * Requests wait in a row; each response goes to the oldest one that has none yet (RFC 9112 9.3.2). Behind a hole that
 * is no longer known. Where the client waits for each answer, as nearly all do, a response belongs to the newest
 * request. Where it does not, requests and responses of the connection are told apart from then on, marked ambiguous:
 * no call is ever put together from two.
 */

#include "pipeline/http1_row.h"
#include "pipeline/http2.h"
#include "pipeline/websocket.h"
#include "proto/http_text.h"

static struct exchange *feed_exchange(struct pipeline *worker, const struct channel_feed *feed)
{
    struct endpoints endpoints = flow_endpoints(feed->flow);
    struct exchange *exchange = exchange_take(worker, &endpoints, feed->time_ns);
    if (!exchange)
        return NULL;
    exchange->transaction.call.protocol = CALL_HTTP1;
    if (feed->channel->midstream)
        exchange->transaction.call.flags |= CALL_MIDSTREAM;
    if (feed->channel->lasting.doubtful)
        exchange->transaction.call.flags |= CALL_AMBIGUOUS;
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

static void message_item(struct pipeline *worker, struct exchange *exchange, bool response,
                         const struct http1_item *item)
{
    switch (item->kind) {
    case HTTP1_HEADER:
        transaction_add_known_header(&exchange->transaction, exchange_side(exchange, response), item->header.id,
                                     item->header.name, item->header.value);
        break;
    case HTTP1_TRAILER:
        side_trailer(worker, exchange, response, item->header.name, item->header.value);
        break;
    case HTTP1_BODY:
        side_body(worker, exchange, response, item->body.data, item->body.lost);
        break;
    default:
        break;
    }
}

/* ------------------------------------------------------------------ requests */

static void request_line(struct pipeline *worker, const struct channel_feed *feed, const struct http1_item *item)
{
    struct http1_channel *http1 = feed->channel->http1;
    struct http1_lasting *lasting = &feed->channel->lasting;
    struct exchange *exchange = http1->waiting < HTTP1_WAITING_MAX ? feed_exchange(worker, feed) : NULL;
    if (!exchange) {
        channel_give_up(worker, feed->channel);
        return;
    }
    struct transaction *transaction = &exchange->transaction;
    struct call *call = &transaction->call;
    call->method = transaction_keep_line(transaction, item->request.method);
    http1->head_begin = transaction->store_used;
    call->path = transaction_keep_line(transaction, item->request.target);
    transaction->request.seen = true;
    transaction->request.first_ns = feed->time_ns;
    transaction->request.version_minor = item->request.version_minor;
    exchange->request_method = (uint8_t)item->request.method_class;
    exchange->simple = item->request.simple;
    exchange->acknowledges = feed->chunk && feed->chunk->acknowledges;
    exchange->acknowledgement = exchange->acknowledges ? feed->chunk->acknowledgement : 0;
    http1->request = exchange;
    /* How many requests are missing in front of this one nobody knows, so neither which response is whose. */
    bool after_loss = (item->anomalies & ANOMALY_BIT(ANOMALY_AFTER_LOSS)) != 0;
    http1_row_note_pipelining(feed, after_loss);
    if (after_loss && lasting->pipelined)
        lasting->unpaired = true;
    if (lasting->unpaired) {
        call->flags |= CALL_AMBIGUOUS;
        exchange->response_done = true;
    } else {
        http1_row_append(http1, exchange);
    }
}

/* Host header, or the authority of an absolute target, which counts when both are there (RFC 9112 3.2.2). */
static void resolve_target(struct transaction *transaction, bool connect)
{
    struct http_target target = http_target_parse(transaction->call.path, connect);
    bool asterisk =
        target.form == HTTP_TARGET_ASTERISK && !span_equal(transaction->call.method, SPAN_LITERAL("OPTIONS"));
    /* "@inside/" or "inside:80/" behind a proxy that puts its server's name in front: another server. */
    if (transaction->call.path.size && (asterisk || target.form == HTTP_TARGET_OTHER))
        transaction->request.anomalies |= ANOMALY_BIT(ANOMALY_REQUEST_LINE);
    transaction->path = target.path;
    transaction->query = target.query;
    const struct transaction_header *host = transaction_find_header(&transaction->request, HEADER_HOST, NULL);
    struct span host_value = host ? transaction_header_value(transaction, host) : (struct span){0};
    transaction->call.host = host_value.size ? host_value : (struct span){0};
    if (target.authority.size == 0)
        return;
    transaction->call.host = target.authority;
    if (!http_authority_parse(target.authority).valid)
        transaction->request.anomalies |= ANOMALY_BIT(ANOMALY_HOST_INVALID);
    if (host && !http_authority_equal(host_value, target.authority, target.scheme))
        transaction->request.anomalies |= ANOMALY_BIT(ANOMALY_HOST_MISMATCH);
}

static void note_time(struct exchange *exchange, struct transaction_side *side, const struct channel_feed *feed)
{
    side->last_ns = feed->time_ns;
    exchange->transaction.call.end_ns = feed->time_ns;
    if (feed->flow->ambiguity)
        exchange->transaction.call.flags |= CALL_AMBIGUOUS;
}

static void request_item(struct pipeline *worker, const struct channel_feed *feed, const struct http1_item *item)
{
    struct http1_channel *http1 = feed->channel->http1;
    struct http1_lasting *lasting = &feed->channel->lasting;
    if (item->kind == HTTP1_REQUEST_LINE)
        request_line(worker, feed, item);
    struct exchange *exchange = http1->request;
    if (!exchange)
        return;
    struct transaction *transaction = &exchange->transaction;
    struct transaction_side *side = &transaction->request;
    side->anomalies |= item->anomalies;
    note_time(exchange, side, feed);
    switch (item->kind) {
    case HTTP1_HEAD_END:
        resolve_target(transaction, exchange->request_method == HTTP1_METHOD_CONNECT);
        channel_name_service(worker, feed->channel, transaction->call.host);
        http1->upgrade_asked = item->head_end.upgrade || exchange->request_method == HTTP1_METHOD_CONNECT;
        side_head_end(worker, exchange, false, http1->head_begin, body_length(item));
        break;
    case HTTP1_MESSAGE_END:
        side_message_end(worker, exchange, false, item->end.complete);
        lasting->doubtful |= (side->anomalies & ANOMALIES_AMBIGUOUS) != 0;
        http1->request = NULL;
        exchange->request_done = true;
        finish_if_done(worker, exchange);
        break;
    default:
        message_item(worker, exchange, false, item);
        break;
    }
}

/* ----------------------------------------------------------------- responses */

/* Their responses are among what was lost, all but those of the last `keep`. */
static void abandon_waiting(struct pipeline *worker, struct http1_channel *http1, uint32_t keep)
{
    while (http1->waiting > keep) {
        struct exchange *exchange = http1_row_take_oldest(http1);
        exchange->transaction.call.flags |= CALL_GAP;
        exchange->response_done = true;
        if (exchange == http1->request)
            continue; /* its request is still coming in; it ends with that */
        judge_exchange(worker, exchange);
    }
}

/* The exchange that the response which begins now belongs to; a new one without request where nobody asked. */
static struct exchange *response_exchange(struct pipeline *worker, const struct channel_feed *feed,
                                          const struct http1_item *item)
{
    struct http1_channel *http1 = feed->channel->http1;
    struct http1_lasting *lasting = &feed->channel->lasting;
    bool after_loss = (item->anomalies & ANOMALY_BIT(ANOMALY_AFTER_LOSS)) != 0;
    /* Behind holes on both sides the answer may as well be to a request that was lost. */
    if (after_loss && (lasting->pipelined || lasting->request_hole)) {
        for (struct exchange *waiting = http1->oldest; waiting; waiting = waiting->next)
            waiting->transaction.call.flags |= CALL_AMBIGUOUS;
        abandon_waiting(worker, http1, 0);
        lasting->unpaired = lasting->pipelined;
    } else if (after_loss && http1->waiting > 1) {
        abandon_waiting(worker, http1, 1);
    }
    if (http1->waiting && !http1_row_came_before(feed, http1->oldest))
        return http1_row_take_oldest(http1);
    struct exchange *exchange = feed_exchange(worker, feed);
    if (!exchange) {
        channel_give_up(worker, feed->channel);
        return NULL;
    }
    exchange->request_done = true;
    exchange->transaction.call.flags |= CALL_NO_REQUEST;
    if (lasting->unpaired)
        exchange->transaction.call.flags |= CALL_AMBIGUOUS;
    else if (!feed->channel->midstream && !lasting->request_lost && !flow_one_way(feed->flow))
        exchange->transaction.response.anomalies |= ANOMALY_BIT(ANOMALY_EXTRA_RESPONSE);
    return exchange;
}

static void status_line(struct pipeline *worker, const struct channel_feed *feed, const struct http1_item *item)
{
    struct http1_channel *http1 = feed->channel->http1;
    struct http1_lasting *lasting = &feed->channel->lasting;
    http1->interim = item->status.interim;
    if (http1->interim)
        return;
    struct exchange *exchange = response_exchange(worker, feed, item);
    http1->response = exchange;
    if (!exchange)
        return;
    struct transaction *transaction = &exchange->transaction;
    transaction->call.status = item->status.status;
    transaction->response.seen = true;
    transaction->response.first_ns = feed->time_ns;
    transaction->response.version_minor = item->status.version_minor;
    http1->response_head_begin = transaction->store_used;
    lasting->request_hole = false;
    /* One that nobody asked for has the body that it says; the request of any other was not seen. */
    bool unseen = transaction->call.flags & CALL_NO_REQUEST &&
                  !(transaction->response.anomalies & ANOMALY_BIT(ANOMALY_EXTRA_RESPONSE));
    http1_expect(&http1->parsers[1], unseen ? HTTP1_METHOD_UNKNOWN : (enum http1_method)exchange->request_method);
}

/* The protocol that a 101 agrees on; NULL: what comes is classified by its own first bytes. */
static const struct channel_protocol *upgrade_protocol(struct exchange *exchange)
{
    struct transaction *transaction = &exchange->transaction;
    const struct transaction_header *header = transaction_find_header(&transaction->response, HEADER_UPGRADE, NULL);
    struct span protocol = header ? transaction_header_value(transaction, header) : (struct span){0};
    if (transaction->call.status != 101)
        return NULL;
    if (span_equal_nocase(protocol, SPAN_LITERAL("h2c")))
        return &channel_http2;
    if (!websocket_upgrade_asked(protocol))
        return NULL;
    websocket_handshake_note(transaction);
    return &channel_websocket;
}

static void upgrade(struct pipeline *worker, const struct channel_feed *feed, struct exchange *exchange)
{
    struct http1_channel *http1 = feed->channel->http1;
    const struct channel_protocol *next = upgrade_protocol(exchange);
    if (!channel_change(worker, feed, next, exchange))
        return;
    /* One call, not two: what answers it comes on stream 1. */
    if (next == &channel_http2 && exchange->request_done && http2_adopt_upgrade(worker, feed, exchange))
        http1->response = NULL;
    http1_set_tunnel(&http1->parsers[0]);
    /* Between messages nothing more of HTTP can come; inside one its rest does. */
    if (!http1->request)
        channel_cross(feed->channel, 0);
}

static void response_head_end(struct pipeline *worker, const struct channel_feed *feed, const struct http1_item *item)
{
    struct http1_channel *http1 = feed->channel->http1;
    struct exchange *exchange = http1->response;
    side_head_end(worker, exchange, true, http1->response_head_begin, body_length(item));
    if (item->head_end.framing == HTTP1_FRAMING_TUNNEL) {
        exchange->transaction.call.flags |= CALL_UPGRADE;
        upgrade(worker, feed, exchange);
    } else if (feed->channel->paused[0] && http1->waiting == 0) {
        /* Refused: what the client sent ahead is for nobody. */
        feed->channel->paused[0] = false;
        feed->channel->stopped[0] = true;
        channel_carry_drop(worker, feed->channel, 0);
    }
}

/*
 * A head where the body would begin: the answer was to HEAD, or its body is a message itself. The client knew: where it
 * had all of that head and nothing behind it when it asked again, there was no body.
 */
static void response_assumed(const struct channel_feed *feed, struct exchange *exchange)
{
    struct http1_channel *http1 = feed->channel->http1;
    struct http1_lasting *lasting = &feed->channel->lasting;
    const struct exchange *next = http1->oldest;
    bool sure = next && next->acknowledges && feed->chunk && next->acknowledgement == feed->chunk->sequence;
    exchange->transaction.call.flags |= CALL_AMBIGUOUS;
    lasting->doubtful |= !sure;
}

static void response_item(struct pipeline *worker, const struct channel_feed *feed, const struct http1_item *item)
{
    struct http1_channel *http1 = feed->channel->http1;
    struct http1_lasting *lasting = &feed->channel->lasting;
    if (item->kind == HTTP1_STATUS_LINE)
        status_line(worker, feed, item);
    struct exchange *exchange = http1->response;
    if (http1->interim || !exchange)
        return;
    struct transaction_side *side = &exchange->transaction.response;
    side->anomalies |= item->anomalies;
    note_time(exchange, side, feed);
    switch (item->kind) {
    case HTTP1_HEAD_END:
        response_head_end(worker, feed, item);
        break;
    case HTTP1_MESSAGE_END:
        if (item->end.assumed)
            response_assumed(feed, exchange);
        side_message_end(worker, exchange, true, item->end.complete);
        lasting->doubtful |= (side->anomalies & ANOMALIES_AMBIGUOUS) != 0;
        lasting->answered = true;
        http1->response = NULL;
        exchange->response_done = true;
        finish_if_done(worker, exchange);
        break;
    default:
        message_item(worker, exchange, true, item);
        break;
    }
}

/* -------------------------------------------------------------------- driver */

/* The parsers begin; false: no memory. */
static bool wake(struct pipeline *worker, struct channel *channel, bool midstream)
{
    struct http1_channel *http1 = pool_take(&worker->http1_channels);
    channel->http1 = http1;
    if (!http1)
        return false;
    memset(http1, 0, sizeof(*http1));
    for (uint32_t direction = 0; direction < 2; direction++) {
        enum http1_kind kind = direction ? HTTP1_RESPONSES : HTTP1_REQUESTS;
        if (midstream)
            http1_init_midstream(&http1->parsers[direction], kind);
        else
            http1_init(&http1->parsers[direction], kind);
    }
    return true;
}

static void sleep_now(struct pipeline *worker, struct channel *channel)
{
    if (channel->http1)
        pool_give(&worker->http1_channels, channel->http1);
    channel->http1 = NULL;
}

/* Nothing is under way, and what is kept is what wake() would make. */
static bool may_sleep(const struct channel *channel)
{
    const struct http1_channel *http1 = channel->http1;
    /* What the server's parser skipped tells of a response too many, unless bytes are missing that tell otherwise. */
    bool skipped = http1->parsers[1].bytes_skipped && !channel->lasting.response_lost && !channel->midstream;
    return !http1->waiting && !http1->request && !http1->response && !skipped && http1_at_rest(&http1->parsers[0]) &&
           http1_at_rest(&http1->parsers[1]);
}

static bool begin(struct pipeline *worker, const struct channel_feed *feed, const struct exchange *upgrade_exchange)
{
    (void)upgrade_exchange;
    feed->channel->lasting = (struct http1_lasting){0};
    return wake(worker, feed->channel, feed->channel->midstream);
}

/* The parser has nothing more to say: another protocol follows, or may follow when the server agrees, or nothing does.
 */
static void stop(const struct channel_feed *feed)
{
    struct channel *channel = feed->channel;
    if (channel->changing)
        channel_cross(channel, feed->direction);
    else if (feed->direction == 0 && channel->http1->upgrade_asked && channel->http1->waiting)
        channel->paused[0] = true;
    else
        channel->stopped[feed->direction] = true;
}

/*
 * Bytes without a status line where the answer to a request of HTTP/0.9 is due are that answer (RFC 1945 6): the end of
 * the connection is its end, and its size all that is told of it.
 */
static bool take_simple_answer(const struct channel_feed *feed)
{
    const struct http1_channel *http1 = feed->channel->http1;
    struct http1_lasting *lasting = &feed->channel->lasting;
    struct exchange *exchange = http1->oldest;
    uint64_t size = http1->parsers[1].bytes_skipped;
    if (lasting->answered || lasting->response_lost || !exchange || !exchange->simple || size <= HTTP1_SPARE_BYTES)
        return false;
    struct transaction_side *response = &exchange->transaction.response;
    response->seen = true;
    response->anomalies |= ANOMALY_BIT(ANOMALY_VERSION);
    response->body_size = size;
    return true;
}

/* What stands behind the last response is for a client that sees another end of it: a response that was split. */
static void judge_trailing_bytes(struct pipeline *worker, const struct channel_feed *feed)
{
    const struct channel *channel = feed->channel;
    const struct http1_channel *http1 = channel->http1;
    struct http1_lasting *lasting = &feed->channel->lasting;
    bool known = lasting->answered && !lasting->response_lost && !lasting->request_lost && !channel->midstream &&
                 !channel->changing && !flow_one_way(feed->flow);
    if (!known || http1->response || http1->parsers[1].bytes_skipped <= HTTP1_SPARE_BYTES)
        return;
    struct exchange *exchange = feed_exchange(worker, feed);
    if (!exchange)
        return;
    exchange->transaction.response.seen = true;
    exchange->transaction.response.anomalies = ANOMALY_BIT(ANOMALY_EXTRA_RESPONSE);
    exchange->transaction.call.flags |= CALL_NO_REQUEST | CALL_ANOMALY;
    judge_exchange(worker, exchange);
}

static uint32_t parse_awake(struct pipeline *worker, const struct channel_feed *feed, struct parse_input input)
{
    struct http1_channel *http1 = feed->channel->http1;
    struct http1_lasting *lasting = &feed->channel->lasting;
    struct http1 *parser = &http1->parsers[feed->direction];
    uint32_t consumed = 0;
    if (input.data && feed->direction == 0)
        http1_row_note_tail(feed);
    else if (!input.data && input.lost && feed->direction == 0)
        http1_row_note_hole(feed->channel);
    else if (!input.data && input.lost)
        lasting->response_hole = lasting->response_lost = true;
    /* The parser's own promise bounds this loop: at most 2 * size + 2 answers for one input. */
    for (;;) {
        struct http1_item item;
        struct parse_step step = http1_parse(parser, &input, &item);
        consumed += step.consumed;
        parse_input_advance(&input, step.consumed);
        if (step.status == PARSE_STOP) {
            if (feed->direction == 1 && input.last && !take_simple_answer(feed))
                judge_trailing_bytes(worker, feed);
            stop(feed);
            return consumed;
        }
        if (step.status == PARSE_MORE)
            return consumed;
        if (feed->direction)
            response_item(worker, feed, &item);
        else
            request_item(worker, feed, &item);
        if (feed->channel->stage != CHANNEL_PARSED)
            return consumed;
    }
}

static uint32_t parse(struct pipeline *worker, const struct channel_feed *feed, struct parse_input input)
{
    struct channel *channel = feed->channel;
    if (!channel->http1 && !wake(worker, channel, false)) {
        /* An end needs no memory, and nothing is lost with it. */
        if (input.size || input.lost)
            channel_give_up(worker, channel);
        else
            channel->stopped[feed->direction] = true;
        return 0;
    }
    uint32_t consumed = parse_awake(worker, feed, input);
    if (may_sleep(channel))
        sleep_now(worker, channel);
    return consumed;
}

static void end(struct pipeline *worker, struct channel *channel)
{
    struct http1_channel *http1 = channel->http1;
    if (!http1)
        return;
    if (http1->response) {
        http1->response->response_done = true;
        if (http1->response != http1->request)
            judge_exchange(worker, http1->response);
        http1->response = NULL;
    }
    while (http1->waiting) {
        struct exchange *exchange = http1_row_take_oldest(http1);
        if (exchange != http1->request)
            judge_exchange(worker, exchange);
    }
    if (http1->request) {
        side_message_end(worker, http1->request, false, false);
        judge_exchange(worker, http1->request);
        http1->request = NULL;
    }
    sleep_now(worker, channel);
}

const struct channel_protocol channel_http1 = {begin, parse, end, NULL};
