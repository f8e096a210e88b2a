/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Bodies on their way to being searched: content codings are undone, bytes counted, the limit kept. Readers of text
 * (scan_charset.c, scan_view.c) and of gRPC (scan_grpc.c) follow.
 */

#include "pipeline/scan.h"
#include "pipeline/scan_grpc.h"

/* All Content-Encoding lines are one list (RFC 9110 5.3). */
static struct content_codings side_codings(const struct exchange *exchange, bool response)
{
    const struct transaction *transaction = &exchange->transaction;
    const struct transaction_side *side = response ? &transaction->response : &transaction->request;
    struct content_codings codings = {0};
    const struct transaction_header *header = NULL;
    while ((header = transaction_find_header(side, HEADER_CONTENT_ENCODING, header)) != NULL)
        content_coding_parse(transaction_header_value(transaction, header), &codings);
    return codings;
}

void scan_body_begin(struct pipeline *worker, struct exchange *exchange, bool response)
{
    struct body_scan *scan = &exchange->scans[response];
    struct content_codings codings = side_codings(exchange, response);
    scan->encoded = codings.outcome != CONTENT_OPEN;
    if (codings.outcome == CONTENT_OPEN && codings.count) {
        scan->decoder = content_decoder_take(&worker->decoders, &codings);
        scan->encoded = scan->decoder == NULL;
    }
    scan->on = !scan->encoded;
    if (scan->on)
        scan->grpc = scan_grpc_take(worker, exchange, response);
    if (scan->on && !scan->grpc)
        scan_multipart_take(worker, exchange, response);
}

struct span scan_media_type(const struct exchange *exchange, bool response)
{
    const struct scan_multipart *multipart = exchange->scans[response].multipart;
    return multipart ? scan_multipart_type(multipart) : exchange_header(exchange, response, HEADER_CONTENT_TYPE);
}

void scan_restart(struct pipeline *worker, struct body_scan *scan, uint64_t base)
{
    body_window_release(&scan->window);
    body_window_init(&scan->window, &worker->windows);
    scan->on = true;
    scan->started = scan->locator_ready = scan->charset_known = scan->first_held = false;
    scan->charset = (struct charset_decoder){0};
    scan->base64.open = false;
    scan->base = base;
}

static uint8_t body_class(enum body_kind kind)
{
    switch (kind) {
    case BODY_JSON:
    case BODY_LINES:
        return TRANSACTION_BODY_JSON;
    case BODY_FORM:
        return TRANSACTION_BODY_FORM;
    case BODY_BINARY:
        return TRANSACTION_BODY_BINARY;
    default:
        return TRANSACTION_BODY_TEXT;
    }
}

void scan_body_start(struct pipeline *worker, struct exchange *exchange, bool response, struct span start)
{
    struct body_scan *scan = &exchange->scans[response];
    struct span type = scan_media_type(exchange, response);
    /* A part without a type is text (RFC 2046 5.1). */
    bool text = scan->text || (scan->multipart && !type.size);
    enum body_kind kind = text ? body_kind_of_text(start) : body_kind_detect(type, start);
    scan->kind = (uint8_t)kind;
    scan->started = true;
    if (scan->multipart && !response)
        graphql_part_start(worker, exchange);
    if (scan->multipart)
        return;
    if (response && kind == BODY_EVENTS)
        graphql_stream_start(exchange);
    if (!response && !scan->encoded)
        graphql_body_start(worker, exchange, type, kind == BODY_JSON);
    exchange_side(exchange, response)->body = body_class(kind);
}

/* Decoded bytes of the body: counted, and searched up to the limit. */
static void body_bytes(struct pipeline *worker, struct exchange *exchange, bool response, struct span data, bool last)
{
    struct body_scan *scan = &exchange->scans[response];
    struct transaction_side *side = exchange_side(exchange, response);
    struct call *call = &exchange->transaction.call;
    *(response ? &call->response_bytes : &call->request_bytes) += data.size;
    side->body_size += data.size;
    if (scan->encoded && data.size)
        call->flags |= CALL_UNDECODED;
    if (!scan->on && !scan->multipart) {
        if (!scan->started && data.size)
            scan_body_start(worker, exchange, response, data);
        return;
    }
    if (scan->grpc) {
        scan_grpc_data(worker, exchange, response, data);
        return;
    }
    uint64_t room = worker->body_scan_max - side->scanned_size;
    if (data.size > room) {
        data.size = (uint32_t)room;
        last = true;
        call->flags |= CALL_UNSCANNED | CALL_TRUNCATED;
    }
    side->scanned_size += data.size;
    if (scan->multipart) {
        side->body = TRANSACTION_BODY_TEXT;
        scan_multipart_data(worker, exchange, response, data, last);
    } else {
        scan_charset(worker, exchange, response, data, last);
    }
}

/* What came of a coded body. Whatever was not decoded was not searched. */
void scan_note_outcome(struct exchange *exchange, bool response, enum content_outcome outcome)
{
    struct transaction_side *side = exchange_side(exchange, response);
    switch (outcome) {
    case CONTENT_COMPLETE:
        return;
    case CONTENT_BOMB_SIZE:
    case CONTENT_BOMB_RATIO:
    case CONTENT_BOMB_TIME:
        side->anomalies |= ANOMALY_BIT(ANOMALY_CONTENT_BOMB);
        exchange->transaction.call.flags |= CALL_TRUNCATED | CALL_UNSCANNED;
        break;
    case CONTENT_MALFORMED:
        side->anomalies |= ANOMALY_BIT(ANOMALY_CONTENT_MALFORMED);
        break;
    default:
        break;
    }
    exchange->transaction.call.flags |= CALL_UNDECODED;
}

static void decoder_give(struct body_scan *scan)
{
    if (scan->decoder)
        content_decoder_give(scan->decoder);
    scan->decoder = NULL;
}

static void decode(struct pipeline *worker, struct exchange *exchange, bool response, struct parse_input input)
{
    struct body_scan *scan = &exchange->scans[response];
    for (;;) {
        struct content_view view;
        enum stage stage = stage_enter(&worker->stages, STAGE_CONTENT);
        struct parse_step step = content_decoder_next(scan->decoder, &input, &view);
        stage_leave(&worker->stages, stage);
        parse_input_advance(&input, step.consumed);
        if (step.status == PARSE_ITEM) {
            body_bytes(worker, exchange, response, span_of(view.data, view.size), view.last);
        } else if (step.status == PARSE_MORE) {
            return;
        } else {
            scan_note_outcome(exchange, response, (enum content_outcome)scan->decoder->outcome);
            decoder_give(scan);
            return;
        }
    }
}

void scan_body_data(struct pipeline *worker, struct exchange *exchange, bool response, struct span data, bool last)
{
    struct body_scan *scan = &exchange->scans[response];
    scan->coded = scan->coded || scan->decoder;
    if (scan->decoder)
        decode(worker, exchange, response, (struct parse_input){.data = data.data, .size = data.size, .last = last});
    else if (!scan->coded)
        body_bytes(worker, exchange, response, data, last);
}

void scan_body_lost(struct pipeline *worker, struct exchange *exchange, bool response, uint32_t lost)
{
    struct body_scan *scan = &exchange->scans[response];
    if (scan->decoder)
        decode(worker, exchange, response, (struct parse_input){.lost = lost});
    else if (scan->grpc)
        scan_grpc_lost(worker, exchange, response, lost);
    else if (scan->multipart)
        scan_multipart_lost(worker, exchange, response, lost);
    else if (scan->on)
        scan_charset_lost(worker, exchange, response, lost);
}

void scan_body_end(struct pipeline *worker, struct exchange *exchange, bool response)
{
    struct body_scan *scan = &exchange->scans[response];
    /* An empty input: its data is only told from a hole's. */
    const struct parse_input end = {.data = worker->decoded, .size = 0, .last = true};
    if (scan->decoder && scan->coded)
        decode(worker, exchange, response, end);
    decoder_give(scan);
    if (scan->grpc)
        scan_grpc_end(worker, exchange, response);
    else if (scan->multipart)
        scan_multipart_data(worker, exchange, response, span_of(end.data, 0), true);
    else if (scan->on && (scan->started || scan->first_held))
        scan_charset(worker, exchange, response, span_of(end.data, 0), true);
    const struct transaction_side *side = exchange_side(exchange, response);
    scan_charset_end(exchange, response, side->complete && side->scanned_size == side->body_size);
    scan->on = false;
    body_window_release(&scan->window);
}
