/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside of the pipeline: what its files share.
 *
 *   pipeline.c   packets in: decode, flows, timers, flush
 *   session.c    one connection: classify, then feed its channel
 *   channel.c    feeds the protocol of a channel, carries what it leaves, changes from one to the next
 *   tls.c        TLS: facts of the handshake, judged once a connection
 *   certificate.c  certificates of a handshake, judged for it; findings about one are told once a service
 *   http1.c      HTTP/1 items become exchanges; requests and responses are paired
 *   side.c       what is common to both halves of an exchange: head, body, end
 *   scan.c       heads and bodies are searched for sensitive data
 *   judge.c      a complete exchange is matched, judged, told and given back
 *   events.c     what is told goes to the ring
 *   rollup.c     the counts of verdicts and the coverage by service, told every minute
 *   ambiguity.c  connections that can be read in two ways
 *   service.c    coverage by service
 */

#include "certificate/cache.h"
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
    struct pool tls_sessions, tls_messages;
    struct certificate_cache *certificates;
    const struct connection_tls *tls; /* connection whose plaintext is being read; NULL: it came in the clear */
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
void tell_certificate(struct pipeline *worker, const struct certificate_report *certificate);

/* judge.c: matches, judges, tells, and gives the exchange back. */
void judge_exchange(struct pipeline *worker, struct exchange *exchange);

/* The handshake of a connection, which is all that it will be: verdicts are counted, breaches told. */
struct tls_facts;
void judge_connection(struct pipeline *worker, const struct call *connection, const struct tls_facts *tls);

/* certificate.c: what a connection presented. `entries` of client and server, NULL: not seen, or not read. */
struct certificate_pair {
    struct certificate_entry *entries[2]; /* by direction of the message: 0 the client's */
};
/* Takes the first one of each side of a connection. `extensions`: it is of TLS 1.3. */
void certificate_message(struct pipeline *worker, struct certificate_pair *pair, const struct call *connection,
                         uint32_t direction, bool extensions, struct span body);
void judge_certificates(struct pipeline *worker, const struct certificate_pair *pair, const struct call *connection,
                        const struct tls_facts *tls);
/* Tells the inventory of what it was not told yet. */
void certificates_flush(struct pipeline *worker);
void certificate_pair_give(struct certificate_pair *pair);
/* Who the client is by its certificate: SPIFFE id, else subject; empty: not known. Lies in the entry. */
struct span certificate_pair_caller(const struct certificate_pair *pair);

/* rollup.c: `calls` is how many calls the row is asked for; 0 for a connection. */
uint64_t (*rollup_row(struct pipeline *worker, struct epoch *epoch, uint32_t operation, uint32_t calls))[VERDICT_COUNT];
void rollup_advance(struct pipeline *worker);
void rollup_flush(struct pipeline *worker);
