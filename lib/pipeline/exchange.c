/* SPDX-License-Identifier: Apache-2.0 */

/* Exchange: taken when its first bytes come, given back with the one reason under which the ledger settles it. */

#include "pipeline/worker.h"

struct exchange *exchange_take(struct pipeline *worker, const struct endpoints *endpoints, uint64_t time_ns)
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
    ledger_transaction_open(&worker->ledger);
    ledger_raise(&worker->counts.transactions, 1);

    struct transaction *transaction = &exchange->transaction;
    transaction_init(transaction);
    transaction->epoch = exchange->epoch;
    token_init(&exchange->token);
    transaction->call.endpoints = *endpoints;
    transaction->call.time_ns = time_ns;
    transaction->call.end_ns = time_ns;
    return exchange;
}

void exchange_give(struct pipeline *worker, struct exchange *exchange, enum ledger_transaction_reason reason)
{
    ledger_transaction_settle(&worker->ledger, reason);
    service_table_settle(worker->services, exchange->transaction.call.host, reason);
    epoch_leave(exchange->epoch, worker->options.worker);
    for (uint32_t i = 0; i < 2; i++) {
        body_window_release(&exchange->scans[i].window);
        if (exchange->scans[i].decoder)
            content_decoder_give(exchange->scans[i].decoder);
    }
    pool_give(&worker->exchanges, exchange);
}
