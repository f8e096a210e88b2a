/* SPDX-License-Identifier: Apache-2.0 */

/*
 * gRPC bodies: base64, frames, decompression; each stage hands on what it has, and nothing is kept.
 */

#include "pipeline/scan_grpc.h"

#include "pipeline/scan.h"
#include "registry/grpc.h"

static struct transaction_side *side_of(const struct scan_grpc_feed *feed)
{
    return exchange_side(feed->exchange, feed->response);
}

static void flag(const struct scan_grpc_feed *feed, uint32_t flags)
{
    feed->exchange->transaction.call.flags |= flags;
}

static void anomaly(const struct scan_grpc_feed *feed, enum anomaly anomaly)
{
    side_of(feed)->anomalies |= ANOMALY_BIT(anomaly);
}

/* -------------------------------------------------------------------- content */

/* Trailers of gRPC-Web: the lines are headers of the response (PROTOCOL-WEB.md). */
static void trailers_end(const struct scan_grpc_feed *feed)
{
    struct span rest = span_of(feed->grpc->carry, feed->grpc->carry_size), name, value;
    while (feed->response && grpc_trailer_next(&rest, &name, &value))
        side_trailer(feed->worker, feed->exchange, true, name, value);
}

static void trailers_add(const struct scan_grpc_feed *feed, struct span data)
{
    struct scan_grpc *grpc = feed->grpc;
    uint32_t take = min_u32(data.size, SCAN_GRPC_TRAILERS_MAX - grpc->carry_size);
    if (take)
        memcpy(grpc->carry + grpc->carry_size, data.data, take);
    grpc->carry_size += take;
    if (take < data.size)
        flag(feed, CALL_TRUNCATED);
}

/* Decompressed bytes of the message. */
static void content(const struct scan_grpc_feed *feed, struct span data)
{
    struct scan_grpc *grpc = feed->grpc;
    bool searched = grpc->mode != SCAN_GRPC_SKIP && grpc->mode != SCAN_GRPC_TRAILERS;
    grpc->message_size += data.size;
    if (searched && grpc->content_size + grpc->message_size > feed->worker->body_scan_max) {
        scan_grpc_value_close(feed);
        grpc->mode = SCAN_GRPC_SKIP;
        grpc->cut = true;
        flag(feed, CALL_TRUNCATED | CALL_UNSCANNED);
    }
    if (grpc->mode == SCAN_GRPC_WALK)
        scan_grpc_walk(feed, data, false);
    else if (grpc->mode == SCAN_GRPC_PLAIN)
        scan_grpc_value(feed, (struct span){0}, (struct parse_input){.data = data.data, .size = data.size});
    else if (grpc->mode == SCAN_GRPC_JSON)
        scan_utf8(feed->worker, feed->exchange, feed->response, data, false);
    else if (grpc->mode == SCAN_GRPC_TRAILERS)
        trailers_add(feed, data);
}

static void decoder_end(const struct scan_grpc_feed *feed)
{
    struct scan_grpc *grpc = feed->grpc;
    grpc->cut = grpc->cut || grpc->decoder->outcome != CONTENT_COMPLETE;
    scan_note_outcome(feed->exchange, feed->response, (enum content_outcome)grpc->decoder->outcome);
    content_decoder_give(grpc->decoder);
    grpc->decoder = NULL;
}

static void decompress(const struct scan_grpc_feed *feed, struct parse_input input)
{
    struct scan_grpc *grpc = feed->grpc;
    for (;;) {
        struct content_view view;
        enum stage stage = stage_enter(&feed->worker->stages, STAGE_CONTENT);
        struct parse_step step = content_decoder_next(grpc->decoder, &input, &view);
        stage_leave(&feed->worker->stages, stage);
        parse_input_advance(&input, step.consumed);
        if (step.status == PARSE_MORE)
            return;
        if (step.status == PARSE_STOP)
            break;
        if (view.size)
            content(feed, span_of(view.data, view.size));
    }
    decoder_end(feed);
}

static void message_data(const struct scan_grpc_feed *feed, const struct grpc_item *item)
{
    struct scan_grpc *grpc = feed->grpc;
    grpc->holed = grpc->holed || !item->data.data;
    if (grpc->mode == SCAN_GRPC_SKIP && !grpc->decoder)
        return;
    if (grpc->decoder)
        decompress(feed, (struct parse_input){.data = item->data.data, .size = item->data.size, .lost = item->lost});
    else if (item->flags & GRPC_FRAME_COMPRESSED)
        return; /* behind the end of what could be decompressed */
    else if (item->data.data)
        content(feed, item->data);
    else if (grpc->mode == SCAN_GRPC_WALK)
        scan_grpc_walk_lost(feed, item->lost);
    else if (grpc->mode == SCAN_GRPC_PLAIN)
        scan_grpc_value(feed, (struct span){0}, (struct parse_input){.lost = item->lost});
    else if (grpc->mode == SCAN_GRPC_JSON)
        scan_hole(feed->worker, feed->exchange, feed->response, item->lost);
}

/* ------------------------------------------------------------------- messages */

static void compressed_begin(const struct scan_grpc_feed *feed)
{
    struct scan_grpc *grpc = feed->grpc;
    if (grpc->codings.outcome == CONTENT_OPEN && grpc->codings.count)
        grpc->decoder = content_decoder_take(&feed->worker->decoders, &grpc->codings);
    if (grpc->decoder)
        return;
    grpc->mode = SCAN_GRPC_SKIP;
    flag(feed, CALL_UNDECODED);
    /* "Compressed" in no coding: receivers refuse that (PROTOCOL-HTTP2.md, compression.md). */
    if (grpc->codings.outcome == CONTENT_OPEN && grpc->codings.count == 0)
        anomaly(feed, ANOMALY_GRPC_FRAMING);
}

static void json_begin(const struct scan_grpc_feed *feed)
{
    struct body_scan *scan = &feed->exchange->scans[feed->response];
    scan_restart(feed->worker, scan, feed->grpc->content_size);
    scan->kind = BODY_JSON;
    scan->started = true;
    feed->grpc->mode = SCAN_GRPC_JSON;
}

static void json_end(const struct scan_grpc_feed *feed)
{
    scan_utf8(feed->worker, feed->exchange, feed->response, span_of(feed->grpc->carry, 0), true);
    feed->exchange->scans[feed->response].on = true; /* the text is over, the body is not */
}

static void message_begin(const struct scan_grpc_feed *feed, const struct grpc_item *item)
{
    struct scan_grpc *grpc = feed->grpc;
    grpc->carry_size = 0;
    grpc->flags_seen = 0;
    grpc->flaw_size = 0;
    grpc->holed = grpc->cut = false;
    grpc->open = true;
    grpc->message_size = 0;
    grpc->value_offset = grpc->content_size;
    if (item->flags & GRPC_FRAME_TRAILERS) {
        grpc->mode = SCAN_GRPC_TRAILERS;
    } else {
        side_of(feed)->message_count++;
        grpc->mode = grpc->content.codec == GRPC_PROTOBUF ? SCAN_GRPC_WALK : SCAN_GRPC_PLAIN;
        if (grpc->content.codec == GRPC_JSON)
            json_begin(feed);
        protobuf_init(&grpc->walker, grpc->message);
        if (!(item->flags & GRPC_FRAME_COMPRESSED))
            protobuf_bound(&grpc->walker, item->length);
    }
    if (item->flags & GRPC_FRAME_COMPRESSED)
        compressed_begin(feed);
}

/* Only a message that was there to its last byte can be said not to be what its descriptor says. */
static void judge_message(const struct scan_grpc_feed *feed)
{
    struct scan_grpc *grpc = feed->grpc;
    if (grpc->walker.flags & PROTOBUF_FLAG_TOO_DEEP)
        flag(feed, CALL_TRUNCATED);
    if (grpc->holed || grpc->cut || grpc->content.codec != GRPC_PROTOBUF)
        return;
    uint64_t anomalies = 0;
    bool malformed = grpc->walker.outcome == PROTOBUF_MALFORMED;
    /* What is no protobuf has no fields, known or not. */
    if (!malformed && (grpc->walker.flags & PROTOBUF_FLAG_UNKNOWN))
        anomalies |= ANOMALY_BIT(ANOMALY_PROTOBUF_UNKNOWN_FIELD);
    if ((malformed && (grpc->message || grpc->content.codec_named)) || (grpc->walker.flags & PROTOBUF_FLAG_NO_UTF8))
        anomalies |= ANOMALY_BIT(ANOMALY_PROTOBUF_MALFORMED);
    struct transaction_side *side = side_of(feed);
    side->anomalies |= anomalies;
    if (anomalies && !side->flaw.data)
        side->flaw = transaction_keep(&feed->exchange->transaction, span_of(grpc->flaw, grpc->flaw_size));
}

static void message_end(const struct scan_grpc_feed *feed)
{
    struct scan_grpc *grpc = feed->grpc;
    grpc->open = false;
    if (grpc->decoder)
        decompress(feed, (struct parse_input){.data = grpc->carry, .last = true});
    if (grpc->decoder)
        decoder_end(feed);
    if (grpc->mode == SCAN_GRPC_TRAILERS) {
        trailers_end(feed);
        return;
    }
    if (grpc->mode == SCAN_GRPC_WALK && grpc->cut)
        scan_grpc_walk_hurry(feed);
    else if (grpc->mode == SCAN_GRPC_WALK)
        scan_grpc_walk(feed, (struct span){0}, true);
    scan_grpc_value_close(feed);
    if (grpc->mode == SCAN_GRPC_JSON)
        json_end(feed);
    if (grpc->mode != SCAN_GRPC_SKIP)
        judge_message(feed);
    grpc->content_size += grpc->message_size;
}

/* Nothing more of the body can be read; what there is of its message is searched. */
static void body_end(const struct scan_grpc_feed *feed)
{
    struct scan_grpc *grpc = feed->grpc;
    grpc->ended = true;
    grpc->cut = true;
    if (grpc->open)
        message_end(feed);
}

static void frames(const struct scan_grpc_feed *feed, struct parse_input input)
{
    struct scan_grpc *grpc = feed->grpc;
    for (;;) {
        struct grpc_item item;
        struct parse_step step = grpc_frames_parse(&grpc->frames, &input, &item);
        parse_input_advance(&input, step.consumed);
        if (step.status == PARSE_MORE)
            return;
        if (step.status == PARSE_STOP)
            break;
        if (item.kind == GRPC_FRAME_BEGIN)
            message_begin(feed, &item);
        else if (item.kind == GRPC_FRAME_DATA)
            message_data(feed, &item);
        else
            message_end(feed);
    }
    body_end(feed);
    enum grpc_outcome outcome = (enum grpc_outcome)grpc->frames.outcome;
    if (outcome == GRPC_MALFORMED || (outcome == GRPC_TRUNCATED && side_of(feed)->complete && !side_of(feed)->gap))
        anomaly(feed, ANOMALY_GRPC_FRAMING);
    if (outcome == GRPC_MALFORMED || outcome == GRPC_LOST)
        flag(feed, CALL_UNSCANNED);
}

/* Not gRPC-Web-text any more, or with a hole: where the next group of four begins is not known. */
static void text_break(const struct scan_grpc_feed *feed, bool certain)
{
    body_end(feed);
    flag(feed, CALL_UNSCANNED);
    if (certain)
        anomaly(feed, ANOMALY_GRPC_FRAMING);
}

/* --------------------------------------------------------------------- public */

static const struct protobuf_message *message_known(const struct exchange *exchange, bool response)
{
    enum registry_outcome outcome;
    const struct transaction *transaction = &exchange->transaction;
    if (!exchange->epoch->registry || !transaction->request.seen)
        return NULL;
    const struct registry_rpc *rpc = registry_find_rpc(exchange->epoch->registry, transaction->path, &outcome);
    return !rpc ? NULL : response ? rpc->response : rpc->request;
}

static struct span value_of(const struct transaction *transaction, const struct transaction_side *side,
                            const struct transaction_header *header)
{
    return side && header ? transaction_header_value(transaction, header) : (struct span){0};
}

struct scan_grpc *scan_grpc_take(struct pipeline *worker, struct exchange *exchange, bool response)
{
    struct transaction *transaction = &exchange->transaction;
    const struct transaction_side *side = exchange_side(exchange, response);
    struct grpc_content content = grpc_content_find(exchange_header(exchange, response, HEADER_CONTENT_TYPE));
    if (content.wrapping == GRPC_NONE)
        return NULL;
    transaction->call.protocol = CALL_GRPC;
    struct scan_grpc *grpc = pool_take(&worker->grpc_scans);
    if (!grpc) {
        transaction->call.flags |= CALL_UNSCANNED;
        return NULL;
    }
    memset(grpc, 0, offsetof(struct scan_grpc, carry));
    protobuf_init(&grpc->walker, NULL);
    grpc->content = content;
    grpc_frames_init(&grpc->frames, content.wrapping != GRPC_PLAIN);
    const struct transaction_header *encoding =
        transaction_find_header_named(transaction, side, SPAN_LITERAL("grpc-encoding"), NULL);
    content_coding_parse(value_of(transaction, side, encoding), &grpc->codings);
    if (content.codec == GRPC_PROTOBUF)
        grpc->message = message_known(exchange, response);
    return grpc;
}

void scan_grpc_give(struct pipeline *worker, struct exchange *exchange, bool response)
{
    struct body_scan *scan = &exchange->scans[response];
    if (!scan->grpc)
        return;
    if (scan->grpc->decoder)
        content_decoder_give(scan->grpc->decoder);
    pool_give(&worker->grpc_scans, scan->grpc);
    scan->grpc = NULL;
}

void scan_grpc_data(struct pipeline *worker, struct exchange *exchange, bool response, struct span data)
{
    struct scan_grpc_feed feed = {worker, exchange, exchange->scans[response].grpc, response};
    struct scan_grpc *grpc = feed.grpc;
    side_of(&feed)->scanned_size += data.size;
    if (grpc->content.wrapping != GRPC_WEB_TEXT && !grpc->ended)
        frames(&feed, (struct parse_input){.data = data.data, .size = data.size});
    while (grpc->content.wrapping == GRPC_WEB_TEXT && data.size && !grpc->ended) {
        uint32_t size = grpc_text_decode(&grpc->text, &data, grpc->decoded, sizeof(grpc->decoded));
        if (size)
            frames(&feed, (struct parse_input){.data = grpc->decoded, .size = size});
        if (grpc->text.broken && !grpc->ended)
            text_break(&feed, true);
    }
}

void scan_grpc_lost(struct pipeline *worker, struct exchange *exchange, bool response, uint32_t lost)
{
    struct scan_grpc_feed feed = {worker, exchange, exchange->scans[response].grpc, response};
    if (feed.grpc->ended)
        return;
    if (feed.grpc->content.wrapping == GRPC_WEB_TEXT)
        text_break(&feed, false);
    else
        frames(&feed, (struct parse_input){.lost = lost});
}

void scan_grpc_end(struct pipeline *worker, struct exchange *exchange, bool response)
{
    struct scan_grpc_feed feed = {worker, exchange, exchange->scans[response].grpc, response};
    if (!feed.grpc->ended)
        frames(&feed, (struct parse_input){.data = feed.grpc->decoded, .last = true});
    scan_grpc_give(worker, exchange, response);
}

void scan_grpc_settle(struct transaction *transaction)
{
    struct call *call = &transaction->call;
    const struct transaction_header *header = NULL, *last = NULL;
    if (call->protocol != CALL_GRPC)
        return;
    call->request_messages = transaction->request.message_count;
    call->response_messages = transaction->response.message_count;
    while ((header = transaction_find_header_named(transaction, &transaction->response, SPAN_LITERAL("grpc-status"),
                                                   header)) != NULL)
        last = header;
    int32_t status = last ? grpc_status_parse(transaction_header_value(transaction, last)) : GRPC_STATUS_NONE;
    if (status == GRPC_STATUS_NONE && call->status >= 100)
        status = grpc_status_from_http(call->status);
    else if (status == GRPC_STATUS_NONE)
        status = call->status;
    call->status = status;
}
