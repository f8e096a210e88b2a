/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside of the pipeline: what its files share.
 *
 *   pipeline.c   packets in: decode, flows, timers, flush
 *   memory.c     the worker's memory, shared out at start
 *   session.c    one connection: classify, then feed its channel
 *   channel.c    feeds the protocol of a channel, carries what it leaves, changes from one to the next
 *   tls.c        TLS: facts of the handshake, judged once a connection
 *   tls_open.c   TLS: records are opened, what they hold is read as a connection of its own
 *   tls_wait.c   TLS: records that wait for their key
 *   tls_missed.c TLS: what became of those whose key did not come in time
 *   datagram.c   DTLS and QUIC: named, not opened
 *   certificate.c  certificates of a handshake, judged for it; findings about one are told once a service
 *   http1.c      HTTP/1 items become exchanges; requests and responses are paired
 *   websocket.c  WebSocket messages become exchanges of one side
 *   http2.c      HTTP/2 connections; http2_stream.c its streams, http2_message.c their heads and bodies,
 *                http2_tunnel.c what goes on behind a CONNECT
 *   amqp*.c      AMQP 0-9-1 and 1.0: messages, requests and their answers become exchanges
 *   side.c       what is common to both halves of an exchange: head, body, end
 *   graphql.c    GraphQL requests are recognised while their bodies are searched
 *   head_lines.c the lines of a head that were not searched before are searched
 *   scan.c       texts are searched for sensitive data
 *   scan_head.c  heads are searched
 *   scan_body.c  bodies are decoded, counted and handed to their reader
 *   scan_view.c  bodies in UTF-8 are searched
 *   scan_multipart.c  bodies in parts: each part is searched as a body
 *   scan_base64.c  values in base64 are searched decoded
 *   scan_grpc.c  bodies of gRPC: messages are walked, their values searched
 *   scan_charset.c  bodies in UTF-16 and 8-bit charsets become UTF-8
 *   key_use.c    uses of TLS secrets are told
 *   resumption.c what resumed TLS sessions inherit
 *   judge.c      a complete exchange is matched, judged, told and given back
 *   events.c     what is told goes to the ring
 *   rollup.c     the counts of verdicts and the coverage by service, told every minute
 *   ambiguity.c  connections that can be read in two ways
 *   service.c    coverage by service
 */

#include "base/text_id.h"
#include "certificate/cache.h"
#include "detect/known_lines.h"
#include "event/ring.h"
#include "flow/flow_table.h"
#include "net/decode.h"
#include "pipeline/clock.h"
#include "pipeline/exchange.h"
#include "pipeline/pipeline.h"
#include "pipeline/resumption.h"
#include "pipeline/tls_missed.h"
#include "pipeline/tls_wait.h"
#include "proto/http2.h"
#include "proto/websocket.h"
#include "proto/websocket_inflate.h"
#include "token/known_tokens.h"

#define WORKER_HITS_MAX 64u /* of one text: more than the distinct places that a transaction keeps */

struct pipeline {
    struct pipeline_options options;
    struct arena *arena;
    struct ledger ledger;
    struct ledger decode_ledger; /* of all frames, when every worker sees all of them */
    struct net_decoder *decoder;
    struct flow_table *flows;
    struct pool sessions, exchanges, carries, windows;
    struct pool http1_channels; /* of connections with a call under way */
    struct pool grpc_scans;
    struct pool tls_sessions, tls_messages, tls_records, tls_blocks;
    struct tls_wait_list tls_waits;
    uint8_t *tls_record;                   /* one that waited, in one piece */
    struct tls_decrypt_engine *tls_engine; /* NULL: nothing is opened */
    struct tls_missed_table *tls_missed;   /* NULL: nothing is opened */
    struct tls_key_store *tls_remembered;  /* master secrets for those that resume them; NULL: none are kept */
    uint64_t tls_forget_ns;                /* when old ones are wiped next */
    struct resumption_table *resumptions;
    struct datagram_table *datagrams;
    struct tls_session *tls_opening;  /* whose record is being opened */
    const struct connection_tls *tls; /* connection whose plaintext is being read; NULL: it came in the clear */
    struct pool connections;          /* what HTTP/2 or AMQP keeps of one, whichever it speaks */
    struct pool http2_streams, http2_tables;
    struct http2_memory http2_memory;
    struct pool graphqls;
    struct certificate_cache *certificates;
    struct content_decoders decoders;
    struct pool websockets;
    struct websocket_inflaters inflaters;
    struct epoch *epoch; /* judges new transactions */
    uint64_t body_scan_max;
    struct pipeline_clock clock;
    uint64_t now_ns; /* packet time, as stamped */
    struct pipeline_counts counts;
    struct stage_cycles stages;
    struct epoch *rollups[PUBLICATION_EPOCHS_MAX]; /* epochs with counts that were not told yet; each is held open */
    uint32_t rollup_count;
    struct service_table *services;          /* being counted */
    struct service_table *services_last;     /* of the minute before, being told; NULL without roll-ups */
    uint32_t service_next;                   /* entry of it to be told next */
    uint32_t services_ended, services_taken; /* minutes: the worker's count, and the last one the other thread took */
    struct detect_hit hits[WORKER_HITS_MAX];
    uint8_t decoded[TRANSACTION_STORE_SIZE];         /* a percent-decoded text */
    uint8_t websocket_window[WEBSOCKET_WINDOW_SIZE]; /* unmasked payload */
    struct text_id_key sighting_key;
    struct known_lines *known_lines;
    struct known_tokens *known_tokens;
    struct head_lines *head_lines;
    struct scan_batch *batch;
    struct net_packet packets[PACKET_BURST_MAX];
};

/* memory.c: all memory that there will be. Returns 0 or -ENOMEM, with a diagnostic that says what to change. */
MUST_USE int memory_init(struct pipeline *worker, struct diagnostics *diagnostics);

/* exchange.c; make and drop leave the ledger alone: for what is judged and is no call. */
struct exchange *exchange_make(struct pipeline *worker, const struct endpoints *endpoints, uint64_t time_ns);
void exchange_drop(struct pipeline *worker, struct exchange *exchange);
struct exchange *exchange_take(struct pipeline *worker, const struct endpoints *endpoints, uint64_t time_ns);
void exchange_give(struct pipeline *worker, struct exchange *exchange, enum ledger_transaction_reason reason);

/* Value of the first header of that name, empty when there is none. */
struct span exchange_header(const struct exchange *exchange, bool response, enum header_id id);

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

/* graphql.c: at the end of a request's head, along its body, and at the end of both messages. */
MUST_USE int graphql_pool_init(struct pipeline *worker, size_t bytes);
void graphql_head(struct pipeline *worker, struct exchange *exchange);
void graphql_body_start(struct pipeline *worker, struct exchange *exchange, struct span content_type, bool json);
void graphql_part_start(struct pipeline *worker, struct exchange *exchange); /* of a form with files */
void graphql_stream_start(struct exchange *exchange);                        /* the answer is server-sent events */
void graphql_body(struct exchange *exchange, bool response, struct span data);
void graphql_message_end(struct pipeline *worker, struct exchange *exchange, bool response, bool complete);
void graphql_release(struct pipeline *worker, struct exchange *exchange);
/*
 * head_lines.c: searches the head that begins at `store_begin` of the transaction's store; the hits are in
 * worker->hits[], with offsets from there. Returns how many.
 */
struct head_lines *head_lines_new(struct arena *arena);
size_t head_lines_size(void);
uint32_t head_lines_search(struct pipeline *worker, const struct exchange *exchange, bool response,
                           uint32_t store_begin);

/* scan_head.c */
void scan_head(struct pipeline *worker, struct exchange *exchange, bool response, uint32_t store_begin);

/* scan_body.c */
void scan_body_begin(struct pipeline *worker, struct exchange *exchange, bool response);
void scan_body_data(struct pipeline *worker, struct exchange *exchange, bool response, struct span data, bool last);
void scan_body_lost(struct pipeline *worker, struct exchange *exchange, bool response, uint32_t lost);
void scan_body_end(struct pipeline *worker, struct exchange *exchange, bool response);

/* What came of decompressing: whatever was not decoded was not searched. */
void scan_note_outcome(struct exchange *exchange, bool response, enum content_outcome outcome);

/* scan.c, for readers of bodies made of many values: each is searched as a text of its own, by its name. */
struct scan_value {
    struct span name; /* of the place in findings, and context of the detectors */
    uint64_t offset;  /* of the value in the body */
};

/* Pieces of one value, the last one with `last`; one value at a time of each side. */
void scan_value(struct pipeline *worker, struct exchange *exchange, bool response, const struct scan_value *value,
                struct parse_input input);

/* scan_view.c: bytes of a body in UTF-8, or such that are no text; and a hole. */
void scan_utf8(struct pipeline *worker, struct exchange *exchange, bool response, struct span text, bool last);
void scan_hole(struct pipeline *worker, struct exchange *exchange, bool response, uint32_t lost);

/* scan_charset.c: the same in whatever charset it is. */
void scan_charset(struct pipeline *worker, struct exchange *exchange, bool response, struct span data, bool last);
void scan_charset_lost(struct pipeline *worker, struct exchange *exchange, bool response, uint32_t lost);
/* The text is over, or will not go on; `whole`: its last byte was there. */
void scan_charset_end(struct exchange *exchange, bool response, bool whole);

/* session.c: the flow table's sink. */
enum ledger_reason session_data(void *context, struct flow *flow, const struct flow_chunk *chunk);
void session_end(void *context, struct flow *flow, enum flow_end reason);

/* events.c: one event to the ring; what finds no room is counted. */
void tell_finding(void *worker, const struct finding *finding);
void tell_sighting(void *worker, const struct sighting *sighting, const struct finding *finding);
void events_publish(struct pipeline *worker);
void tell_call(struct pipeline *worker, const struct call *call);
void tell_rollup(struct pipeline *worker, const struct rollup *rollup);
void tell_service(struct pipeline *worker, const struct service_report *service);
void tell_certificate(struct pipeline *worker, const struct certificate_report *certificate);

/* judge.c: matches, judges, tells, and gives the exchange back. */
void judge_exchange(struct pipeline *worker, struct exchange *exchange);

/* The handshake of a connection, which is all that it will be: verdicts are counted, breaches told. */
struct tls_facts;
void judge_connection(struct pipeline *worker, const struct call *connection, const struct tls_facts *tls);
/* What is odd about a connection rather than about one call of it: judged as a call without request and response. */
struct connection_anomaly {
    const struct endpoints *endpoints;
    enum call_protocol protocol;
    bool swapped; /* source and destination change places */
    uint64_t time_ns;
    uint64_t anomalies; /* set of ANOMALY_BIT(), all of the client */
};

void judge_anomaly(struct pipeline *worker, const struct connection_anomaly *anomaly);

/* certificate.c: what a connection presented. `entries` of client and server, NULL: not seen, or not read. */
struct certificate_pair {
    struct certificate_entry *entries[2]; /* by direction of the message: 0 the client's */
    struct certificate_staple staple;     /* of the server's */
};
/* Takes the first one of each side of a connection. `extensions`: it is of TLS 1.3. */
void certificate_message(struct pipeline *worker, struct certificate_pair *pair, const struct call *connection,
                         uint32_t direction, bool extensions, struct span body);
/* An OCSP answer that came in a message of its own, behind the certificate. */
void certificate_status_message(struct pipeline *worker, struct certificate_pair *pair, uint64_t time_ns,
                                struct span body);
void judge_certificates(struct pipeline *worker, const struct certificate_pair *pair, const struct call *connection,
                        const struct tls_facts *tls);
/* Tells the inventory of what it was not told yet. */
void certificates_flush(struct pipeline *worker);
void certificate_pair_give(struct certificate_pair *pair);
/* What that side presented, as long as the pair lives; NULL: it was not seen, or is no certificate. */
const struct certificate *certificate_pair_at(const struct certificate_pair *pair, uint32_t direction);

/* rollup.c: where verdicts about the operation are counted, for `calls` calls; 0 for a connection. */
void rollup_open(struct pipeline *worker, struct epoch *epoch, uint32_t operation, uint32_t calls,
                 struct policy_sink *sink);
void rollup_advance(struct pipeline *worker);
void rollup_flush(struct pipeline *worker);
