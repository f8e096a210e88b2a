/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Streams of an HTTP/2 connection: a small hash table, and a list by age. Most are done when both halves have ended.
 * One whose request was not seen waits for it until a later request comes, for the directions of a connection may be
 * seen out of step; one of which frames were lost waits until new streams come and nothing more of it.
 */

#include "pipeline/http2.h"

/* Streams that waited in vain and are looked at when a new one is opened: bounds the work for each. */
#define STALE_LOOKS_MAX 4u

/* Neighbours differ by two; a connection's own streams are no attack on anybody else's. */
static uint32_t bucket_of(uint32_t id)
{
    return (id >> 1) % HTTP2_BUCKETS;
}

struct http2_stream *http2_stream_find(const struct http2_channel *http2, uint32_t id)
{
    struct http2_stream *stream = http2->buckets[bucket_of(id)];
    while (stream && stream->id != id)
        stream = stream->next;
    return stream;
}

bool http2_stream_closed(const struct http2_channel *http2, uint32_t id)
{
    for (uint32_t i = 0; i < HTTP2_CLOSED_MAX; i++)
        if (http2->closed[i] == id)
            return true;
    return false;
}

static void unlink_stream(struct http2_channel *http2, struct http2_stream *stream)
{
    struct http2_stream **link = &http2->buckets[bucket_of(stream->id)];
    while (*link != stream)
        link = &(*link)->next;
    *link = stream->next;
    *(stream->older ? &stream->older->newer : &http2->oldest) = stream->newer;
    *(stream->newer ? &stream->newer->older : &http2->newest) = stream->older;
    http2->stream_count--;
    http2->orphan_count -= !stream->head_seen[0];
    http2->closed[http2->closed_next++ % HTTP2_CLOSED_MAX] = stream->id;
    for (uint32_t direction = 0; direction < 2; direction++)
        if (http2->reading[direction].stream == stream)
            http2->reading[direction].stream = NULL;
}

static void link_stream(struct http2_channel *http2, struct http2_stream *stream)
{
    struct http2_stream **bucket = &http2->buckets[bucket_of(stream->id)];
    stream->next = *bucket;
    *bucket = stream;
    stream->older = http2->newest;
    *(http2->newest ? &http2->newest->newer : &http2->oldest) = stream;
    http2->newest = stream;
    http2->stream_count++;
    http2->orphan_count++;
}

/* Old streams of which frames were lost: their ends may have been among them. */
static void close_stale(const struct http2_feed *feed)
{
    struct http2_channel *http2 = feed->http2;
    bool full = http2->stream_count >= HTTP2_STREAMS_MAX;
    struct http2_stream *stream = http2->oldest;
    for (uint32_t i = 0; stream && i < STALE_LOOKS_MAX; i++) {
        struct http2_stream *newer = stream->newer;
        bool lost = stream->gap[0] || stream->gap[1] || !stream->head_seen[0];
        if (lost && (full || stream->last_ns + HTTP2_LOST_STREAM_NS < feed->channel->time_ns))
            http2_stream_close(feed->worker, http2, stream);
        stream = newer;
    }
}

static struct exchange *take_exchange(const struct http2_feed *feed)
{
    struct endpoints endpoints = flow_endpoints(feed->channel->flow);
    if (feed->http2->swapped)
        endpoints_swap(&endpoints);
    struct exchange *exchange = exchange_take(feed->worker, &endpoints, feed->channel->time_ns);
    if (!exchange)
        return NULL;
    exchange->transaction.call.protocol = CALL_HTTP2;
    if (feed->http2->midstream)
        exchange->transaction.call.flags |= CALL_MIDSTREAM;
    return exchange;
}

struct http2_stream *http2_stream_open(const struct http2_feed *feed, uint32_t id)
{
    struct pipeline *worker = feed->worker;
    close_stale(feed);
    struct http2_stream *stream =
        feed->http2->stream_count < HTTP2_STREAMS_MAX ? pool_take(&worker->http2_streams) : NULL;
    struct exchange *exchange = stream ? take_exchange(feed) : NULL;
    if (!exchange) {
        if (stream)
            pool_give(&worker->http2_streams, stream);
        ledger_transaction_open(&worker->ledger);
        ledger_transaction_settle(&worker->ledger, LEDGER_TRANSACTION_BUDGET);
        service_table_settle(worker->services, (struct span){0}, LEDGER_TRANSACTION_BUDGET);
        feed->http2->closed[feed->http2->closed_next++ % HTTP2_CLOSED_MAX] = id;
        return NULL;
    }
    *stream = (struct http2_stream){
        .id = id, .exchange = exchange, .grpc_status = CALL_STATUS_NONE, .last_ns = feed->channel->time_ns};
    link_stream(feed->http2, stream);
    return stream;
}

struct http2_stream *http2_stream_adopt(struct pipeline *worker, struct http2_channel *http2, struct exchange *exchange,
                                        uint64_t time_ns)
{
    struct http2_stream *stream = pool_take(&worker->http2_streams);
    if (!stream)
        return NULL;
    *stream = (struct http2_stream){.id = 1, .exchange = exchange, .grpc_status = CALL_STATUS_NONE, .last_ns = time_ns};
    link_stream(http2, stream);
    stream->head_seen[0] = stream->ended[0] = true;
    stream->head_method = span_equal(exchange->transaction.call.method, SPAN_LITERAL("HEAD"));
    http2->orphan_count--;
    http2->highest_request = 1;
    return stream;
}

/* What was sent on the wire, where nothing is missing and the content has to be as long as it says (RFC 9113 8.1.1). */
static bool length_wrong(const struct http2_stream *stream, bool response)
{
    const struct call *call = &stream->exchange->transaction.call;
    uint64_t size = stream->exchange->scans[response].size;
    bool head = stream->head_method || !stream->exchange->transaction.call.method.data;
    bool bodiless = response && size == 0 && (head || call->status == 304 || call->status == 204);
    return stream->length_known[response] && !stream->gap[response] && !bodiless && size != stream->length[response];
}

void http2_stream_end_side(struct pipeline *worker, struct http2_stream *stream, bool response, bool complete)
{
    if (stream->ended[response])
        return;
    stream->ended[response] = true;
    if (!stream->exchange || !stream->head_seen[response])
        return;
    struct transaction_side *side = exchange_side(stream->exchange, response);
    if (complete && !side->gap && length_wrong(stream, response))
        side->anomalies |= ANOMALY_BIT(ANOMALY_LENGTH_MISMATCH);
    if (stream->gap[response])
        side->gap = true;
    side_message_end(worker, stream->exchange, response, complete);
}

/*
 * Whether it may be gRPC, whose status is not that of HTTP: the content type would tell, and may be among the headers
 * that are unknown.
 */
static bool may_be_grpc(const struct transaction *transaction)
{
    const struct transaction_side *request = &transaction->request, *response = &transaction->response;
    bool unknown = ((request->anomalies | response->anomalies) & ANOMALY_BIT(ANOMALY_HEADERS_UNKNOWN)) != 0;
    bool typed = ((request->headers_seen | response->headers_seen) & HEADER_BIT(HEADER_CONTENT_TYPE)) != 0;
    struct span method = transaction->call.method;
    return unknown && !typed && (!method.data || span_equal(method, SPAN_LITERAL("POST")));
}

void http2_stream_close(struct pipeline *worker, struct http2_channel *http2, struct http2_stream *stream)
{
    struct exchange *exchange = stream->exchange;
    http2_stream_end_side(worker, stream, false, false);
    http2_stream_end_side(worker, stream, true, false);
    unlink_stream(http2, stream);
    http2_tunnel_close(worker, http2, stream);
    if (exchange) {
        struct call *call = &exchange->transaction.call;
        if (!stream->head_seen[0])
            call->flags |= CALL_NO_REQUEST;
        if (stream->gap[0] || stream->gap[1])
            call->flags |= CALL_GAP;
        if (call->protocol == CALL_GRPC)
            call->status = stream->grpc_status;
        else if (may_be_grpc(&exchange->transaction))
            call->status = CALL_STATUS_NONE;
        judge_exchange(worker, exchange);
    }
    pool_give(&worker->http2_streams, stream);
}

void http2_stream_close_if_done(struct pipeline *worker, struct http2_channel *http2, struct http2_stream *stream)
{
    /* A server's own stream, or one whose request can only have been lost. */
    bool request_passed = !stream->head_seen[0] && (stream->id % 2 == 0 || stream->id <= http2->highest_request);
    if (stream->ended[1] && (stream->ended[0] || request_passed))
        http2_stream_close(worker, http2, stream);
}

void http2_stream_pass_orphans(struct pipeline *worker, struct http2_channel *http2)
{
    struct http2_stream *stream = http2->orphan_count ? http2->oldest : NULL;
    while (stream) {
        struct http2_stream *newer = stream->newer;
        if (!stream->head_seen[0])
            http2_stream_close_if_done(worker, http2, stream);
        stream = newer;
    }
}
