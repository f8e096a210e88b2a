/* SPDX-License-Identifier: Apache-2.0 */

/* Both halves of an exchange: heads are kept and scanned, bodies counted and scanned, ends noted. */

#include "pipeline/worker.h"

void side_head_end(struct pipeline *worker, struct exchange *exchange, bool response, uint32_t store_begin,
                   const uint64_t *length)
{
    struct body_scan *scan = &exchange->scans[response];
    scan->length_known = length != NULL;
    scan->length = length ? *length : 0;
    scan_head(worker, exchange, response, store_begin);
    scan_body_begin(worker, exchange, response);
}

static void side_body(struct pipeline *worker, struct exchange *exchange, bool response, const struct http1_item *item)
{
    struct body_scan *scan = &exchange->scans[response];
    if (!item->body.data.data) {
        exchange->transaction.call.flags |= CALL_GAP;
        exchange_side(exchange, response)->gap = true;
        scan->size += item->body.lost;
        scan_body_lost(worker, exchange, response, item->body.lost);
        return;
    }
    struct span data = item->body.data;
    scan->size += data.size;
    scan_body_data(worker, exchange, response, data, scan->length_known && scan->size == scan->length);
}

void side_item(struct pipeline *worker, struct exchange *exchange, bool response, const struct http1_item *item)
{
    struct transaction *transaction = &exchange->transaction;
    struct transaction_side *side = exchange_side(exchange, response);
    uint32_t store_begin = transaction->store_used;
    switch (item->kind) {
    case HTTP1_HEADER:
        transaction_add_header(transaction, side, item->header.name, item->header.value);
        break;
    case HTTP1_TRAILER:
        transaction_add_header(transaction, side, item->header.name, item->header.value);
        scan_head(worker, exchange, response, store_begin);
        break;
    case HTTP1_BODY:
        side_body(worker, exchange, response, item);
        break;
    default:
        break;
    }
}

void side_message_end(struct pipeline *worker, struct exchange *exchange, bool response, bool complete)
{
    struct transaction_side *side = exchange_side(exchange, response);
    scan_body_end(worker, exchange, response);
    side->complete = complete;
    if (!complete)
        exchange->transaction.call.flags |= CALL_INCOMPLETE;
    if (side->anomalies & ~ANOMALY_BIT(ANOMALY_AFTER_LOSS))
        exchange->transaction.call.flags |= CALL_ANOMALY;
    if (side->anomalies & ANOMALIES_AMBIGUOUS)
        exchange->transaction.call.flags |= CALL_AMBIGUOUS;
}
