/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HTTP/2 messages: the items of a stream become the two halves of its exchange. Whose a header block is, is decided at
 * its first field: behind a hole trailers must not be taken for a head, nor a server for a client.
 */

#include "pipeline/http2.h"

#include "proto/http_text.h"

#define STATUS_DIGITS 3u
#define LENGTH_DIGITS 18u /* of a number that surely fits 64 bits */

static bool read_number(struct span text, uint32_t digits_max, uint64_t *number_out)
{
    uint64_t number = 0;
    if (text.size == 0 || text.size > digits_max)
        return false;
    for (uint32_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(text.data[i] - '0');
    }
    *number_out = number;
    return true;
}

static void note_time(const struct http2_feed *feed, struct http2_stream *stream, bool response)
{
    uint64_t time_ns = feed->channel->time_ns;
    stream->last_ns = time_ns;
    if (!stream->exchange)
        return;
    exchange_side(stream->exchange, response)->last_ns = time_ns;
    stream->exchange->transaction.call.end_ns = time_ns;
    if (feed->channel->flow->ambiguity)
        stream->exchange->transaction.call.flags |= CALL_AMBIGUOUS;
}

/* ------------------------------------------------------------- whose block it is */

/* In the middle of a connection the flow's client is a guess. The first pseudo-header that is known decides. */
static void learn_roles(const struct http2_feed *feed, const struct http2_reading *reading, enum http2_pseudo pseudo)
{
    struct http2_channel *http2 = feed->http2;
    if (http2->roles_known || pseudo == HTTP2_PSEUDO_NONE || pseudo == HTTP2_PSEUDO_OTHER)
        return;
    bool from_server = pseudo == HTTP2_PSEUDO_STATUS || reading->promised;
    http2->roles_known = true;
    if (from_server != feed->response)
        http2->swapped = !http2->swapped;
}

static void resolve_request(const struct http2_feed *feed, struct http2_reading *reading, enum http2_pseudo first)
{
    struct http2_channel *http2 = feed->http2;
    struct http2_stream *stream = http2_stream_find(http2, reading->id);
    bool lossy = http2->gap[0] || http2->midstream;
    if (!stream &&
        (http2_stream_closed(http2, reading->id) || (!reading->promised && reading->id <= http2->highest_request)))
        return; /* trailers of a call that is over */
    reading->trailers = stream ? stream->head_seen[0] : lossy && first == HTTP2_PSEUDO_NONE;
    if (!stream)
        stream = http2_stream_open(feed, reading->id);
    reading->stream = stream;
    if (!reading->promised && reading->id > http2->highest_request)
        http2->highest_request = reading->id;
}

/* A response head whose status is not known was an interim one after all: forget it. */
static void restart_response(struct http2_stream *stream)
{
    struct transaction_side *side = &stream->exchange->transaction.response;
    side->headers_seen = 0;
    side->header_count = side->header_count_wire = 0;
    stream->head_seen[1] = false;
    stream->status_unknown = false;
}

static void resolve_response(const struct http2_feed *feed, struct http2_reading *reading, enum http2_pseudo first)
{
    struct http2_channel *http2 = feed->http2;
    struct http2_stream *stream = http2_stream_find(http2, reading->id);
    bool lossy = http2->gap[0] || http2->gap[1] || http2->midstream;
    if (!stream) {
        bool over = reading->id % 2 && reading->id <= http2->highest_request && !lossy;
        if (over || http2_stream_closed(http2, reading->id))
            return;
        stream = http2_stream_open(feed, reading->id);
        reading->trailers = stream && lossy && first == HTTP2_PSEUDO_NONE;
    } else {
        if (stream->exchange && stream->status_unknown && first == HTTP2_PSEUDO_STATUS)
            restart_response(stream);
        reading->trailers = stream->head_seen[1] || (lossy && first == HTTP2_PSEUDO_NONE);
    }
    reading->stream = stream;
}

/* `field` is the first one of the block; NULL: it has none. */
static void resolve(const struct http2_feed *feed, struct http2_reading *reading, const struct hpack_field *field)
{
    enum http2_pseudo first = HTTP2_PSEUDO_OTHER;
    if (field && field->name_known)
        first = http2_pseudo_find(field->name);
    learn_roles(feed, reading, first);
    struct http2_feed own = *feed;
    own.response = (feed->channel->direction == 1) != feed->http2->swapped;
    reading->resolved = true;
    reading->response = own.response && !reading->promised;
    if (reading->response)
        resolve_response(&own, reading, first);
    else
        resolve_request(&own, reading, first);
    struct http2_stream *stream = reading->stream;
    enum http2_head_kind kind = reading->trailers   ? HTTP2_HEAD_TRAILERS
                                : reading->response ? HTTP2_HEAD_RESPONSE
                                                    : HTTP2_HEAD_REQUEST;
    http2_head_check_begin(&reading->check, kind);
    if (!stream || !stream->exchange)
        return;
    struct transaction_side *side = exchange_side(stream->exchange, reading->response);
    reading->store_begin = stream->exchange->transaction.store_used;
    if (reading->trailers)
        return;
    side->first_ns = feed->channel->time_ns;
    if (!reading->response) {
        feed->http2->orphan_count -= !stream->head_seen[0];
        stream->head_seen[0] = true;
        http2_stream_pass_orphans(feed->worker, feed->http2);
    }
}

/* ---------------------------------------------------------------------- fields */

static void request_pseudo(struct http2_stream *stream, enum http2_pseudo pseudo, struct span value)
{
    struct transaction *transaction = &stream->exchange->transaction;
    struct call *call = &transaction->call;
    switch (pseudo) {
    case HTTP2_PSEUDO_METHOD:
        if (call->method.data)
            return;
        call->method = transaction_keep_line(transaction, value);
        stream->connect = span_equal(value, SPAN_LITERAL("CONNECT"));
        stream->head_method = span_equal(value, SPAN_LITERAL("HEAD"));
        break;
    case HTTP2_PSEUDO_PATH:
        if (!call->path.data)
            call->path = transaction_keep_line(transaction, value);
        break;
    case HTTP2_PSEUDO_AUTHORITY:
        if (!call->host.data)
            call->host = transaction_keep_line(transaction, value);
        break;
    case HTTP2_PSEUDO_PROTOCOL:
        stream->extended = true;
        side_header(stream->exchange, false, SPAN_LITERAL(":protocol"), value);
        break;
    default:
        break;
    }
}

static void response_pseudo(struct http2_reading *reading, enum http2_pseudo pseudo, struct span value)
{
    struct call *call = &reading->stream->exchange->transaction.call;
    uint64_t status;
    if (pseudo != HTTP2_PSEUDO_STATUS || reading->first_status)
        return;
    if (value.size != STATUS_DIGITS || !read_number(value, STATUS_DIGITS, &status))
        return;
    reading->first_status = true;
    reading->interim = status < 200;
    if (!reading->interim)
        call->status = (int32_t)status;
}

static bool is_grpc(struct span content_type)
{
    const struct span grpc = SPAN_LITERAL("application/grpc");
    if (content_type.size < grpc.size || !span_equal_nocase(span_first(content_type, grpc.size), grpc))
        return false;
    return content_type.size == grpc.size || memchr("+; ", content_type.data[grpc.size], 3) != NULL;
}

static void note_header(struct http2_reading *reading, struct span name, struct span value)
{
    struct http2_stream *stream = reading->stream;
    uint64_t number;
    if (span_equal_nocase(name, SPAN_LITERAL("content-length")) && read_number(value, LENGTH_DIGITS, &number)) {
        stream->length_known[reading->response] = true;
        stream->length[reading->response] = number;
    } else if (span_equal_nocase(name, SPAN_LITERAL("content-type")) && is_grpc(value)) {
        stream->exchange->transaction.call.protocol = CALL_GRPC;
    } else if (reading->response && span_equal(name, SPAN_LITERAL("grpc-status")) &&
               read_number(value, STATUS_DIGITS, &number)) {
        stream->grpc_status = (int32_t)number;
        stream->exchange->transaction.call.protocol = CALL_GRPC;
    }
}

/* Crumbs of a cookie are one header again (RFC 9113 8.2.3). */
static void add_header(struct http2_reading *reading, struct span name, struct span value)
{
    struct exchange *exchange = reading->stream->exchange;
    struct transaction_side *side = exchange_side(exchange, reading->response);
    if (!reading->response && span_equal_nocase(name, SPAN_LITERAL("cookie")) &&
        transaction_extend_header(&exchange->transaction, side, HEADER_COOKIE, SPAN_LITERAL("; "), value))
        return;
    side_header(exchange, reading->response, name, value);
}

static void field_item(const struct http2_feed *feed, struct http2_reading *reading, const struct hpack_field *field)
{
    if (!reading->resolved)
        resolve(feed, reading, field);
    struct http2_stream *stream = reading->stream;
    if (!stream || !stream->exchange || reading->interim)
        return;
    uint64_t anomalies = http2_head_check_field(&reading->check, field);
    enum http2_pseudo pseudo = field->name_known ? http2_pseudo_find(field->name) : HTTP2_PSEUDO_NONE;
    bool whole = field->name_known && field->value_known;
    if (whole && pseudo == HTTP2_PSEUDO_STATUS && reading->response && !reading->trailers)
        response_pseudo(reading, pseudo, field->value);
    if (reading->interim)
        return;
    exchange_side(stream->exchange, reading->response)->anomalies |= anomalies;
    if (!whole)
        return; /* the end of the head says so */
    if (pseudo != HTTP2_PSEUDO_NONE) {
        if (!reading->response && !reading->trailers)
            request_pseudo(stream, pseudo, field->value);
        return;
    }
    note_header(reading, field->name, field->value);
    if (reading->trailers)
        side_trailer(feed->worker, stream->exchange, reading->response, field->name, field->value);
    else
        add_header(reading, field->name, field->value);
}

/* ------------------------------------------------------------------ end of a head */

static uint64_t head_anomalies(uint32_t flags)
{
    static const struct {
        uint32_t flag;
        enum anomaly anomaly;
    } table[] = {
        {HTTP2_HEAD_CUT, ANOMALY_HEADERS_UNKNOWN},       {HTTP2_HEAD_UNKNOWN, ANOMALY_HEADERS_UNKNOWN},
        {HTTP2_HEAD_MALFORMED, ANOMALY_HPACK_MALFORMED}, {HTTP2_HEAD_FIELDS, ANOMALY_HPACK_BOMB},
        {HTTP2_HEAD_BYTES, ANOMALY_HPACK_BOMB},          {HTTP2_HEAD_CONTINUATIONS, ANOMALY_CONTINUATION_FLOOD},
        {HTTP2_HEAD_FIELD_SIZE, ANOMALY_LINE_OVERSIZED}, {HTTP2_HEAD_TABLE_SIZE, ANOMALY_HPACK_MALFORMED},
    };
    uint64_t anomalies = 0;
    for (size_t i = 0; i < ARRAY_COUNT(table); i++)
        if (flags & table[i].flag)
            anomalies |= ANOMALY_BIT(table[i].anomaly);
    return anomalies;
}

static void resolve_target(struct http2_stream *stream)
{
    struct transaction *transaction = &stream->exchange->transaction;
    struct call *call = &transaction->call;
    bool tunnel = stream->connect && !stream->extended;
    if (tunnel && !call->path.data)
        call->path = call->host; /* the target of a CONNECT is its authority, as in HTTP/1 */
    if (call->path.data) {
        struct http_target target = http_target_parse(call->path, tunnel);
        transaction->path = target.path;
        transaction->query = target.query;
    }
    const struct transaction_header *host = transaction_find_header(&transaction->request, HEADER_HOST, NULL);
    if (!host)
        return;
    struct span value = transaction_header_value(transaction, host);
    if (!call->host.data)
        call->host = value;
    else if (!http_authority_equal(call->host, value, SPAN_LITERAL("http")))
        transaction->request.anomalies |= ANOMALY_BIT(ANOMALY_HOST_MISMATCH);
}

/* The call is the handshake; what follows is the tunnel's. */
static void tunnel_begin(const struct http2_feed *feed, struct http2_stream *stream)
{
    struct exchange *exchange = stream->exchange;
    exchange->transaction.call.flags |= CALL_UPGRADE;
    if (!stream->head_seen[0])
        exchange->transaction.call.flags |= CALL_NO_REQUEST;
    http2_tunnel_open(feed, stream);
    side_message_end(feed->worker, exchange, false, true);
    side_message_end(feed->worker, exchange, true, true);
    stream->exchange = NULL;
    judge_exchange(feed->worker, exchange);
}

static void head_end(const struct http2_feed *feed, struct http2_reading *reading, uint32_t flags)
{
    struct http2_stream *stream = reading->stream;
    struct exchange *exchange = stream->exchange;
    bool response = reading->response, lost = (flags & (HTTP2_HEAD_CUT | HTTP2_HEAD_UNKNOWN)) != 0;
    struct transaction_side *side = exchange_side(exchange, response);
    side->anomalies |= head_anomalies(flags) | http2_head_check_end(&reading->check, flags == 0);
    if (lost)
        exchange->transaction.call.flags |= CALL_GAP;
    if (flags & (HTTP2_HEAD_FIELDS | HTTP2_HEAD_BYTES | HTTP2_HEAD_FIELD_SIZE))
        exchange->transaction.call.flags |= CALL_TRUNCATED;
    if (reading->trailers)
        return;
    side->seen = true;
    if (!response) {
        resolve_target(stream);
        channel_name_service(feed->worker, feed->channel->channel, exchange->transaction.call.host);
    }
    stream->head_seen[response] = true;
    stream->status_unknown = response && !reading->first_status;
    side_head_end(feed->worker, exchange, response, reading->store_begin,
                  stream->length_known[response] ? &stream->length[response] : NULL);
    if (reading->promised)
        http2_stream_end_side(feed->worker, stream, false, true);
    int32_t status = exchange->transaction.call.status;
    if (!response || !stream->connect || status < 200)
        return;
    if (status < 300)
        tunnel_begin(feed, stream);
    else
        http2_stream_end_side(feed->worker, stream, false, true); /* no tunnel: the head was all of the request */
}

static void head_end_item(const struct http2_feed *feed, struct http2_reading *reading, uint32_t flags)
{
    if (!reading->resolved)
        resolve(feed, reading, NULL);
    struct http2_stream *stream = reading->stream;
    if (stream)
        note_time(feed, stream, reading->response);
    if (stream && stream->exchange && !reading->interim)
        head_end(feed, reading, flags);
    memset(reading, 0, sizeof(*reading));
}

/* ------------------------------------------------------------------- everything */

static void data_item(const struct http2_feed *feed, const struct http2_item *item)
{
    struct http2_stream *stream = http2_stream_find(feed->http2, item->stream);
    if (!stream)
        return;
    note_time(feed, stream, feed->response);
    if (stream->tunnel)
        http2_tunnel_data(feed, stream, item->data.data, item->data.lost, false);
    if (!stream->exchange)
        return;
    if (stream->head_seen[feed->response])
        side_body(feed->worker, stream->exchange, feed->response, item->data.data, item->data.lost);
    else
        stream->gap[feed->response] = true;
}

static void stream_end_item(const struct http2_feed *feed, uint32_t id)
{
    struct http2_stream *stream = http2_stream_find(feed->http2, id);
    if (!stream)
        return;
    if (stream->tunnel)
        http2_tunnel_data(feed, stream, (struct span){0}, 0, true);
    http2_stream_end_side(feed->worker, stream, feed->response, true);
    http2_stream_close_if_done(feed->worker, feed->http2, stream);
}

static void bad_frame_item(const struct http2_feed *feed, const struct http2_item *item)
{
    struct http2_stream *stream = http2_stream_find(feed->http2, item->stream);
    bool flood = item->bad_frame.error == HTTP2_ENHANCE_YOUR_CALM;
    if (stream && stream->exchange)
        exchange_side(stream->exchange, feed->response)->anomalies |=
            flood ? ANOMALY_BIT(ANOMALY_CONTINUATION_FLOOD) : ANOMALY_BIT(ANOMALY_HTTP2_FRAME);
}

void http2_message_item(const struct http2_feed *feed, const struct http2_item *item)
{
    struct http2_reading *reading = &feed->http2->reading[feed->channel->direction];
    switch (item->kind) {
    case HTTP2_HEAD:
        memset(reading, 0, sizeof(*reading));
        reading->promised = item->head.promised;
        reading->id = item->head.promised ? item->head.promised : item->stream;
        break;
    case HTTP2_FIELD:
        field_item(feed, reading, &item->field);
        break;
    case HTTP2_HEAD_END:
        head_end_item(feed, reading, item->head_end.flags);
        break;
    case HTTP2_DATA:
        data_item(feed, item);
        break;
    case HTTP2_STREAM_END:
        stream_end_item(feed, item->stream);
        break;
    case HTTP2_BAD_FRAME:
        bad_frame_item(feed, item);
        break;
    default:
        break;
    }
}
