/* SPDX-License-Identifier: Apache-2.0 */

/* Both halves of an exchange: heads are kept and scanned, bodies counted and scanned, ends noted. */

#include "pipeline/worker.h"

void side_head_end(struct pipeline *worker, struct exchange *exchange, bool response, uint32_t store_begin,
                   const uint64_t *length)
{
    struct body_scan *scan = &exchange->scans[response];
    scan->length_known = length != NULL;
    scan->length = length ? *length : 0;
    /* Scanning makes credentials unreadable. */
    if (!response)
        token_verifier_take(exchange->epoch->workers[worker->options.worker].tokens, worker->known_tokens,
                            &exchange->transaction, exchange->transaction.call.time_ns, &exchange->token);
    if (!response)
        graphql_head(worker, exchange);
    enum stage stage = stage_enter(&worker->stages, STAGE_SCAN);
    scan_head(worker, exchange, response, store_begin);
    scan_body_begin(worker, exchange, response);
    stage_leave(&worker->stages, stage);
}

void side_header(struct exchange *exchange, bool response, struct span name, struct span value)
{
    transaction_add_header(&exchange->transaction, exchange_side(exchange, response), name, value);
}

void side_trailer(struct pipeline *worker, struct exchange *exchange, bool response, struct span name,
                  struct span value)
{
    uint32_t store_begin = exchange->transaction.store_used;
    side_header(exchange, response, name, value);
    enum stage stage = stage_enter(&worker->stages, STAGE_SCAN);
    scan_head(worker, exchange, response, store_begin);
    stage_leave(&worker->stages, stage);
}

void side_body(struct pipeline *worker, struct exchange *exchange, bool response, struct span data, uint32_t lost)
{
    struct body_scan *scan = &exchange->scans[response];
    enum stage stage = stage_enter(&worker->stages, STAGE_SCAN);
    if (data.data) {
        scan->size += data.size;
        scan_body_data(worker, exchange, response, data, scan->length_known && scan->size == scan->length);
    } else {
        exchange->transaction.call.flags |= CALL_GAP;
        exchange_side(exchange, response)->gap = true;
        scan->size += lost;
        scan_body_lost(worker, exchange, response, lost);
    }
    stage_leave(&worker->stages, stage);
}

void side_message_end(struct pipeline *worker, struct exchange *exchange, bool response, bool complete)
{
    struct transaction_side *side = exchange_side(exchange, response);
    side->complete = complete;
    enum stage stage = stage_enter(&worker->stages, STAGE_SCAN);
    scan_body_end(worker, exchange, response);
    stage_leave(&worker->stages, stage);
    graphql_message_end(worker, exchange, response, complete);
    if (!complete)
        exchange->transaction.call.flags |= CALL_INCOMPLETE;
    if (side->anomalies & ~ANOMALY_BIT(ANOMALY_AFTER_LOSS))
        exchange->transaction.call.flags |= CALL_ANOMALY;
    if (side->anomalies & ANOMALIES_AMBIGUOUS)
        exchange->transaction.call.flags |= CALL_AMBIGUOUS;
}
