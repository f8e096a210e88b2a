/* SPDX-License-Identifier: Apache-2.0 */

/* AMQP calls: how an exchange is begun, addressed, answered and given up, whatever the version. */

#include "pipeline/amqp.h"

#include "pipeline/service.h"
#include "proto/sasl.h"

#define NAME_MAX_BYTES 255u /* a short string of 0-9-1; longer addresses stand alone */

void amqp_over_budget(struct pipeline *worker)
{
    ledger_transaction_open(&worker->ledger);
    ledger_transaction_settle(&worker->ledger, LEDGER_TRANSACTION_BUDGET);
    service_table_settle(worker->services, (struct span){NULL, 0}, LEDGER_TRANSACTION_BUDGET);
}

struct exchange *amqp_exchange_take(struct pipeline *worker, const struct channel_feed *feed,
                                    enum call_protocol protocol, const char *method)
{
    struct endpoints endpoints = flow_endpoints(feed->flow);
    struct exchange *exchange = exchange_take(worker, &endpoints, feed->time_ns);
    if (!exchange) {
        amqp_over_budget(worker);
        return NULL;
    }
    struct call *call = &exchange->transaction.call;
    call->protocol = protocol;
    call->method = span_from_text(method);
    if (feed->channel->midstream)
        call->flags |= CALL_MIDSTREAM;
    return exchange;
}

void amqp_side_touch(struct exchange *exchange, bool response, const struct channel_feed *feed, uint64_t anomalies)
{
    struct transaction_side *side = exchange_side(exchange, response);
    side->anomalies |= anomalies;
    side->last_ns = feed->time_ns;
    exchange->transaction.call.end_ns = feed->time_ns;
    if (feed->flow->ambiguity)
        exchange->transaction.call.flags |= CALL_AMBIGUOUS;
}

void amqp_side_begin(struct exchange *exchange, bool response, const struct channel_feed *feed)
{
    struct transaction_side *side = exchange_side(exchange, response);
    side->seen = true;
    side->first_ns = feed->time_ns;
    amqp_side_touch(exchange, response, feed, 0);
}

struct span amqp_keep(struct exchange *exchange, struct span text)
{
    return text.data ? transaction_keep_line(&exchange->transaction, text) : text;
}

void amqp_path_set(struct pipeline *worker, struct exchange *exchange, struct span first, struct span second)
{
    struct transaction *transaction = &exchange->transaction;
    uint8_t joined[2 * NAME_MAX_BYTES + 1];
    uint32_t store_begin = transaction->store_used;
    if (!first.data)
        return;
    if (second.data && first.size <= NAME_MAX_BYTES && second.size <= NAME_MAX_BYTES) {
        if (first.size)
            memcpy(joined, first.data, first.size);
        joined[first.size] = '/';
        if (second.size)
            memcpy(joined + first.size + 1, second.data, second.size);
        first = span_of(joined, first.size + 1 + second.size);
    }
    transaction->call.path = transaction_keep_line(transaction, first);
    transaction->path = transaction->call.path;
    scan_head(worker, exchange, false, store_begin);
}

void amqp_login_set(struct exchange *exchange, struct span mechanism, struct span response)
{
    struct sasl_login read;
    struct login *login = &exchange->transaction.login;
    sasl_login_read(mechanism, response, &read);
    login->mechanism = amqp_keep(exchange, mechanism);
    login->user = amqp_keep(exchange, read.user);
    login->secret = read.secret;
    login->anonymous = read.anonymous;
    login->readable = read.readable;
}

void amqp_side_end(struct pipeline *worker, struct exchange *exchange, bool response)
{
    side_message_end(worker, exchange, response, true);
}

void amqp_answered(struct pipeline *worker, struct exchange *exchange, const struct channel_feed *feed, int32_t status)
{
    amqp_side_begin(exchange, true, feed);
    exchange->transaction.call.status = status;
    amqp_side_end(worker, exchange, true);
    judge_exchange(worker, exchange);
}

void amqp_abandoned(struct pipeline *worker, struct exchange *exchange, uint32_t flags)
{
    exchange->transaction.call.flags |= flags;
    judge_exchange(worker, exchange);
}
