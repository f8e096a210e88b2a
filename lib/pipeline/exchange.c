/* SPDX-License-Identifier: Apache-2.0 */

/* Exchange: taken when its first bytes come, given back with the one reason under which the ledger settles it. */

#include "pipeline/scan_grpc.h"

struct exchange *exchange_make(struct pipeline *worker, const struct endpoints *endpoints, uint64_t time_ns)
{
    struct exchange *exchange = pool_take(&worker->exchanges);
    if (!exchange)
        return NULL;
    memset(exchange, 0, offsetof(struct exchange, scans));
    for (uint32_t i = 0; i < 2; i++) {
        struct body_scan *scan = &exchange->scans[i];
        memset(scan, 0, offsetof(struct body_scan, window));
        body_window_init(&scan->window, &worker->windows);
    }
    exchange->epoch = worker->epoch;
    epoch_enter(exchange->epoch, worker->options.worker);
    struct transaction *transaction = &exchange->transaction;
    transaction_init(transaction);
    transaction->epoch = exchange->epoch;
    token_init(&exchange->token);
    transaction->call.endpoints = *endpoints;
    transaction->call.time_ns = time_ns;
    transaction->call.end_ns = time_ns;
    if (worker->tls)
        transaction->call.tls = *worker->tls;
    return exchange;
}

struct exchange *exchange_take(struct pipeline *worker, const struct endpoints *endpoints, uint64_t time_ns)
{
    struct exchange *exchange = exchange_make(worker, endpoints, time_ns);
    if (!exchange)
        return NULL;
    ledger_transaction_open(&worker->ledger);
    ledger_raise(&worker->counts.transactions, 1);
    return exchange;
}

void exchange_drop(struct pipeline *worker, struct exchange *exchange)
{
    epoch_leave(exchange->epoch, worker->options.worker);
    for (uint32_t i = 0; i < 2; i++) {
        body_window_release(&exchange->scans[i].window);
        if (exchange->scans[i].decoder)
            content_decoder_give(exchange->scans[i].decoder);
        scan_grpc_give(worker, exchange, i);
        if (exchange->scans[i].multipart)
            pool_give(&worker->carries, exchange->scans[i].multipart);
    }
    graphql_release(worker, exchange);
    pool_give(&worker->exchanges, exchange);
}

void exchange_give(struct pipeline *worker, struct exchange *exchange, enum ledger_transaction_reason reason)
{
    ledger_transaction_settle(&worker->ledger, reason);
    service_table_settle(worker->services, exchange->transaction.call.host, reason);
    exchange_drop(worker, exchange);
}

struct span exchange_header(const struct exchange *exchange, bool response, enum header_id id)
{
    const struct transaction *transaction = &exchange->transaction;
    const struct transaction_side *side = response ? &transaction->response : &transaction->request;
    const struct transaction_header *header = transaction_find_header(side, id, NULL);
    return header ? transaction_header_value(transaction, header) : (struct span){0};
}
