/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside of the pipeline: what its files share.
 *
 *   pipeline.c   packets in: decode, flows, timers, flush
 *   session.c    one connection: classify, then feed its channel
 *   channel.c    feeds the protocol of a channel, carries what it leaves, changes from one to the next
 *   http1.c      HTTP/1 items become exchanges; requests and responses are paired
 *   side.c       what is common to both halves of an exchange: head, body, end
 *   head_lines.c the lines of a head that were not searched before are searched
 *   scan.c       heads and bodies are searched for sensitive data
 *   judge.c      a complete exchange is matched, judged, told and given back
 *   events.c     what is told goes to the ring
 *   rollup.c     the counts of verdicts and the coverage by service, told every minute
 *   ambiguity.c  connections that can be read in two ways
 *   service.c    coverage by service
 */

#include "detect/known_lines.h"
#include "event/ring.h"
#include "flow/flow_table.h"
#include "net/decode.h"
#include "pipeline/clock.h"
#include "pipeline/exchange.h"
#include "pipeline/pipeline.h"

#define WORKER_HITS_MAX 64u /* of one text: more than the distinct places that a transaction keeps */

struct pipeline {
    struct pipeline_options options;
    struct arena *arena;
    struct ledger ledger;
    struct ledger decode_ledger; /* of all frames, when every worker sees all of them */
    struct net_decoder *decoder;
    struct flow_table *flows;
    struct pool sessions, exchanges, carries, windows;
    struct content_decoders decoders;
    struct epoch *epoch; /* judges new transactions */
    uint64_t body_scan_max;
    struct pipeline_clock clock;
    uint64_t now_ns; /* packet time, as stamped */
    struct pipeline_counts counts;
    struct epoch *rollups[PUBLICATION_EPOCHS_MAX]; /* epochs with counts that were not told yet; each is held open */
    uint32_t rollup_count;
    struct service_table *services;      /* being counted */
    struct service_table *services_last; /* of the minute before, being told; NULL without roll-ups */
    uint32_t service_next;               /* entry of it to be told next */
    struct detect_hit hits[WORKER_HITS_MAX];
    struct known_lines *known_lines;
    struct head_lines *head_lines;
    uint8_t decoded[TRANSACTION_STORE_SIZE]; /* a percent-decoded text */
    struct net_packet packets[PACKET_BURST_MAX];
};

/* exchange.c */
struct exchange *exchange_take(struct pipeline *worker, const struct endpoints *endpoints, uint64_t time_ns);
void exchange_give(struct pipeline *worker, struct exchange *exchange, enum ledger_transaction_reason reason);

static inline struct transaction_side *exchange_side(struct exchange *exchange, bool response)
{
    return response ? &exchange->transaction.response : &exchange->transaction.request;
}

/*
 * side.c: what every protocol tells of one half of an exchange, in this order. `store_begin` is where the head begins
 * in the transaction's store; `length` that of the body on the wire, NULL where only its end will tell.
 */
void side_header(struct exchange *exchange, bool response, struct span name, struct span value);
void side_head_end(struct pipeline *worker, struct exchange *exchange, bool response, uint32_t store_begin,
                   const uint64_t *length);
void side_body(struct pipeline *worker, struct exchange *exchange, bool response, struct span data, uint32_t lost);
void side_trailer(struct pipeline *worker, struct exchange *exchange, bool response, struct span name,
                  struct span value);
void side_message_end(struct pipeline *worker, struct exchange *exchange, bool response, bool complete);

/*
 * head_lines.c: searches the head that begins at `store_begin` of the transaction's store; the hits are in
 * worker->hits[], with offsets from there. Returns how many.
 */
struct head_lines *head_lines_new(struct arena *arena);
size_t head_lines_size(void);
uint32_t head_lines_search(struct pipeline *worker, const struct exchange *exchange, bool response,
                           uint32_t store_begin);

/* scan.c */
void scan_head(struct pipeline *worker, struct exchange *exchange, bool response, uint32_t store_begin);
void scan_body_begin(struct pipeline *worker, struct exchange *exchange, bool response);
void scan_body_data(struct pipeline *worker, struct exchange *exchange, bool response, struct span data, bool last);
void scan_body_lost(struct pipeline *worker, struct exchange *exchange, bool response, uint32_t lost);
void scan_body_end(struct pipeline *worker, struct exchange *exchange, bool response);

/* session.c: the flow table's sink. */
enum ledger_reason session_data(void *context, struct flow *flow, const struct flow_chunk *chunk);
void session_end(void *context, struct flow *flow, enum flow_end reason);

/* events.c: one event to the ring; what finds no room is counted. */
void tell_finding(void *worker, const struct finding *finding);
void tell_call(struct pipeline *worker, const struct call *call);
void tell_rollup(struct pipeline *worker, const struct rollup *rollup);
void tell_service(struct pipeline *worker, const struct service_report *service);

/* judge.c: matches, judges, tells, and gives the exchange back. */
void judge_exchange(struct pipeline *worker, struct exchange *exchange);

/* rollup.c */
uint64_t (*rollup_row(struct pipeline *worker, struct epoch *epoch, uint32_t operation))[VERDICT_COUNT];
void rollup_advance(struct pipeline *worker);
void rollup_flush(struct pipeline *worker);
