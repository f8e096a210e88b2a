/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HTTP/1.x messages: the way from state to state, bodies, ends and holes. Heads are read in http1_head.c, lost places
 * are found again in http1_resync.c.
 */

#include "proto/http1.h"

#include "proto/http1_hidden.h"
#include "proto/http1_line.h"
#include "proto/http1_state.h"

/* ---- between messages ---- */

static void begin_message(struct http1 *parser)
{
    parser->head &= HTTP1_HEAD_TUNNEL;
    parser->length = 0;
    parser->rest = 0;
    parser->header_count = 0;
    parser->host_count = 0;
    parser->method = HTTP1_METHOD_OTHER;
}

static enum http1_result stop(struct http1 *parser)
{
    parser->state = HTTP1_STATE_STOP;
    return HTTP1_RESULT_STOP;
}

/* What is read as a first line, `size` bytes with its end (0: oversized, without). */
static enum http1_line read_first_line(const struct http1 *parser, const struct http1_cursor *cursor, uint32_t size)
{
    struct span line = size ? http1_strip_line(cursor->data, size) : span_of(cursor->data, HTTP1_LINE_MAX);
    if (parser->kind == HTTP1_RESPONSES)
        return http1_line_read_status(line, cursor->item);
    return size ? http1_line_read_request(line, cursor->item) : http1_line_read_request_cut(line, cursor->item);
}

static enum http1_result take_first_line(struct http1 *parser, struct http1_cursor *cursor, uint32_t size)
{
    struct http1_item *item = cursor->item;
    uint64_t anomalies = http1_line_anomalies(parser);
    bool status = item->kind == HTTP1_STATUS_LINE;
    if (parser->line & HTTP1_LINE_CONTROL)
        anomalies |= status ? ANOMALY_BIT(ANOMALY_STATUS_LINE) : ANOMALY_BIT(ANOMALY_REQUEST_LINE);
    if (parser->head & HTTP1_HEAD_CLOSED && status)
        anomalies |= ANOMALY_BIT(ANOMALY_EXTRA_RESPONSE);
    begin_message(parser);
    if (item->kind == HTTP1_STATUS_LINE) {
        parser->status = item->status.status;
        parser->version_minor = item->status.version_minor;
    } else {
        parser->method = (uint8_t)item->request.method_class;
        parser->version_minor = item->request.version_minor;
    }
    if (size > 0) {
        http1_take(parser, cursor, size);
    } else {
        anomalies |= ANOMALY_BIT(ANOMALY_LINE_OVERSIZED);
        http1_take_oversized(parser, cursor);
    }
    item->anomalies |= anomalies;
    bool simple = !status && item->request.simple;
    parser->state = simple ? HTTP1_STATE_SIMPLE : HTTP1_STATE_HEADER;
    return http1_deliver(parser, cursor);
}

static enum http1_result parse_start(struct http1 *parser, struct http1_cursor *cursor)
{
    if (parser->head & HTTP1_HEAD_TUNNEL)
        return stop(parser);
    if (parser->head & HTTP1_HEAD_MAY_SWITCH && cursor->size > 0 && cursor->data[0] != '\r' &&
        cursor->data[0] != '\n') {
        enum http1_fit fit = http1_line_fits_request(cursor->data, cursor->size);
        if (fit != HTTP1_FIT_YES)
            return fit == HTTP1_FIT_MORE ? HTTP1_RESULT_MORE : stop(parser);
    }
    uint32_t size = http1_find_line(parser, cursor);
    if (size == 0 && !http1_is_oversized(cursor))
        return HTTP1_RESULT_MORE;
    /* Empty lines before a request are to be ignored (RFC 9112 2.2); before a response they are bytes of no message. */
    if (size > 0 && http1_is_empty_line(cursor, size)) {
        if (parser->kind == HTTP1_RESPONSES)
            parser->anomalies |= ANOMALY_BIT(ANOMALY_LEADING_BYTES);
        http1_take_skipped(parser, cursor, size);
        return HTTP1_RESULT_AGAIN;
    }
    switch (read_first_line(parser, cursor, size)) {
    case HTTP1_LINE_GOOD:
        return take_first_line(parser, cursor, size);
    case HTTP1_LINE_FOREIGN:
        return stop(parser);
    case HTTP1_LINE_OTHER:
        break;
    }
    cursor->item->anomalies = 0;
    return parser->head & HTTP1_HEAD_MAY_SWITCH ? stop(parser) : http1_begin_resync(parser, ANOMALY_LEADING_BYTES);
}

/* ---- body ---- */

/* Whatever its head says, an answer to HEAD has no body: where a head begins, there is none. */
static enum http1_result parse_doubt(struct http1 *parser, struct http1_cursor *cursor)
{
    enum http1_fit fit = http1_line_fits_status(cursor->data, cursor->size);
    if (fit == HTTP1_FIT_MORE && !cursor->last)
        return HTTP1_RESULT_MORE;
    parser->state = fit == HTTP1_FIT_YES ? (uint8_t)HTTP1_STATE_COMPLETE : parser->after_doubt;
    if (fit == HTTP1_FIT_YES) {
        parser->head |= HTTP1_HEAD_ASSUMED;
        parser->head &= (uint16_t)~HTTP1_HEAD_CLOSED;
    }
    return HTTP1_RESULT_AGAIN;
}

static enum http1_result take_body(struct http1 *parser, struct http1_cursor *cursor, uint32_t size)
{
    cursor->item->kind = HTTP1_BODY;
    cursor->item->body.data = span_of(cursor->data, size);
    cursor->item->body.lost = 0;
    /* Of the chunk that begins here, before its bytes are looked at. */
    if (unlikely(parser->anomalies & ANOMALIES_AMBIGUOUS))
        http1_hidden_note(parser);
    if (parser->hidden)
        http1_hidden_scan(parser, cursor->item->body.data);
    http1_take(parser, cursor, size);
    return http1_deliver(parser, cursor);
}

static enum http1_result parse_counted(struct http1 *parser, struct http1_cursor *cursor, enum http1_state next)
{
    if (cursor->size == 0)
        return HTTP1_RESULT_MORE;
    uint32_t size = (uint32_t)min_u64(cursor->size, parser->rest);
    parser->rest -= size;
    if (parser->rest == 0)
        parser->state = (uint8_t)next;
    return take_body(parser, cursor, size);
}

static enum http1_result parse_body(struct http1 *parser, struct http1_cursor *cursor)
{
    return parse_counted(parser, cursor, HTTP1_STATE_COMPLETE);
}

static enum http1_result parse_chunk_data(struct http1 *parser, struct http1_cursor *cursor)
{
    return parse_counted(parser, cursor, HTTP1_STATE_CHUNK_END);
}

static enum http1_result parse_until_close(struct http1 *parser, struct http1_cursor *cursor)
{
    return cursor->size ? take_body(parser, cursor, cursor->size) : HTTP1_RESULT_MORE;
}

static enum http1_result cut(struct http1 *parser)
{
    parser->state = HTTP1_STATE_CUT;
    return HTTP1_RESULT_AGAIN;
}

static enum http1_result parse_chunk_size(struct http1 *parser, struct http1_cursor *cursor)
{
    uint32_t size = http1_find_line(parser, cursor);
    if (size == 0 && !http1_is_oversized(cursor))
        return HTTP1_RESULT_MORE;
    struct span line = size ? http1_strip_line(cursor->data, size) : span_of(cursor->data, HTTP1_LINE_MAX);
    uint64_t chunk;
    bool readable = http1_framing_read_chunk_size(line, &chunk, &parser->anomalies);
    parser->anomalies |= http1_line_anomalies(parser);
    if (unlikely(!readable))
        parser->anomalies |= ANOMALY_BIT(ANOMALY_CHUNK_SIZE);
    /* An empty line too many behind the data of the chunk before is no reason to give the message up. */
    if (!readable && (size == 0 || !http1_is_empty_line(cursor, size)))
        return cut(parser);
    if (readable) {
        parser->rest = chunk;
        parser->state = chunk ? HTTP1_STATE_CHUNK_DATA : HTTP1_STATE_TRAILER;
    }
    if (size > 0) {
        http1_take(parser, cursor, size);
    } else {
        parser->anomalies |= ANOMALY_BIT(ANOMALY_LINE_OVERSIZED);
        http1_take_oversized(parser, cursor);
    }
    return HTTP1_RESULT_AGAIN;
}

static enum http1_result parse_chunk_end(struct http1 *parser, struct http1_cursor *cursor)
{
    if (cursor->size == 0)
        return HTTP1_RESULT_MORE;
    bool cr = cursor->data[0] == '\r';
    if (cr && cursor->size < 2)
        return HTTP1_RESULT_MORE;
    parser->state = HTTP1_STATE_CHUNK_SIZE;
    if (likely(cr && cursor->data[1] == '\n')) {
        http1_take(parser, cursor, 2);
        return HTTP1_RESULT_AGAIN;
    }
    parser->anomalies |= ANOMALY_BIT(ANOMALY_CHUNK_END);
    if (cursor->data[0] == '\n')
        http1_take(parser, cursor, 1);
    return HTTP1_RESULT_AGAIN;
}

/* ---- end, loss and what follows ---- */

static enum http1_result end_message(struct http1 *parser, struct http1_cursor *cursor, bool complete)
{
    cursor->item->kind = HTTP1_MESSAGE_END;
    cursor->item->end.complete = complete;
    cursor->item->end.assumed = (parser->head & HTTP1_HEAD_ASSUMED) != 0;
    cursor->item->anomalies |= http1_hidden_end(parser);
    parser->state = HTTP1_STATE_START;
    enum http1_result result = http1_deliver(parser, cursor);
    parser->head &= HTTP1_HEAD_LASTING;
    return result;
}

static enum http1_result parse_complete(struct http1 *parser, struct http1_cursor *cursor)
{
    return end_message(parser, cursor, true);
}

static enum http1_result parse_cut(struct http1 *parser, struct http1_cursor *cursor)
{
    enum http1_result result = end_message(parser, cursor, false);
    http1_begin_resync(parser, ANOMALY_LEADING_BYTES);
    return result;
}

static enum http1_result parse_stop(struct http1 *parser, struct http1_cursor *cursor)
{
    (void)parser;
    (void)cursor;
    return HTTP1_RESULT_STOP;
}

/* The stream ends and the state wants more. */
static enum http1_result finish(struct http1 *parser, struct http1_cursor *cursor)
{
    enum http1_state state = (enum http1_state)parser->state;
    parser->bytes_skipped += cursor->size;
    http1_take(parser, cursor, cursor->size);
    if (state == HTTP1_STATE_START || state == HTTP1_STATE_RESYNC)
        return stop(parser);
    parser->state = state == HTTP1_STATE_UNTIL_CLOSE ? HTTP1_STATE_COMPLETE : HTTP1_STATE_CUT;
    return HTTP1_RESULT_AGAIN;
}

typedef enum http1_result (*state_function)(struct http1 *parser, struct http1_cursor *cursor);

static const state_function state_functions[HTTP1_STATE_COUNT] = {
    [HTTP1_STATE_START] = parse_start,
    [HTTP1_STATE_HEADER] = http1_parse_header,
    [HTTP1_STATE_SIMPLE] = http1_parse_simple,
    [HTTP1_STATE_DOUBT] = parse_doubt,
    [HTTP1_STATE_BODY] = parse_body,
    [HTTP1_STATE_UNTIL_CLOSE] = parse_until_close,
    [HTTP1_STATE_CHUNK_SIZE] = parse_chunk_size,
    [HTTP1_STATE_CHUNK_DATA] = parse_chunk_data,
    [HTTP1_STATE_CHUNK_END] = parse_chunk_end,
    [HTTP1_STATE_TRAILER] = http1_parse_trailer,
    [HTTP1_STATE_COMPLETE] = parse_complete,
    [HTTP1_STATE_CUT] = parse_cut,
    [HTTP1_STATE_RESYNC] = http1_parse_resync,
    [HTTP1_STATE_STOP] = parse_stop,
};

/* Works through the input until there is an item or nothing more can be done. Each turn takes bytes or leaves a state.
 */
static enum http1_result run(struct http1 *parser, struct http1_cursor *cursor)
{
    enum http1_result result = HTTP1_RESULT_AGAIN;
    while (result == HTTP1_RESULT_AGAIN) {
        if (unlikely(parser->line & HTTP1_LINE_SKIP) && parser->state != HTTP1_STATE_CUT) {
            if (!http1_skip_line(parser, cursor))
                result = HTTP1_RESULT_MORE;
        }
        if (result == HTTP1_RESULT_AGAIN)
            result = state_functions[parser->state](parser, cursor);
        if (result == HTTP1_RESULT_MORE && cursor->last)
            result = finish(parser, cursor);
    }
    return result;
}

/* A hole where the place in the message is known: the body goes on behind it. */
static enum http1_result lose_body(struct http1 *parser, struct http1_cursor *cursor, uint32_t lost)
{
    bool counted = parser->state != HTTP1_STATE_UNTIL_CLOSE;
    uint32_t size = counted ? (uint32_t)min_u64(lost, parser->rest) : lost;
    if (counted) {
        parser->rest -= size;
        enum http1_state next = parser->state == HTTP1_STATE_BODY ? HTTP1_STATE_COMPLETE : HTTP1_STATE_CHUNK_END;
        if (size < lost)
            next = HTTP1_STATE_CUT;
        if (parser->rest == 0)
            parser->state = (uint8_t)next;
    }
    http1_hidden_lose(parser);
    cursor->consumed = size;
    cursor->item->kind = HTTP1_BODY;
    cursor->item->body.data = (struct span){NULL, 0};
    cursor->item->body.lost = size;
    return http1_deliver(parser, cursor);
}

static enum http1_result lose(struct http1 *parser, struct http1_cursor *cursor, uint32_t lost)
{
    if (parser->state == HTTP1_STATE_DOUBT && parser->pending == 0)
        parser->state = parser->after_doubt;
    enum http1_state state = (enum http1_state)parser->state;
    if (state == HTTP1_STATE_STOP || state == HTTP1_STATE_COMPLETE || state == HTTP1_STATE_CUT)
        return run(parser, cursor);
    bool body = state == HTTP1_STATE_BODY || state == HTTP1_STATE_UNTIL_CLOSE || state == HTTP1_STATE_CHUNK_DATA;
    if (body && !(parser->line & HTTP1_LINE_SKIP))
        return lose_body(parser, cursor, lost);
    parser->bytes_skipped += parser->pending;
    parser->pending = 0;
    /* A message that is cut ends first; the hole itself is taken with the search for the next one. */
    if (state != HTTP1_STATE_START && state != HTTP1_STATE_RESYNC) {
        parser->state = HTTP1_STATE_CUT;
        return run(parser, cursor);
    }
    if (parser->head & HTTP1_HEAD_TUNNEL)
        return stop(parser);
    parser->anomalies = 0; /* bytes of no message before the hole may well be of the message that is in it */
    http1_begin_resync(parser, ANOMALY_AFTER_LOSS);
    cursor->consumed = lost;
    return HTTP1_RESULT_MORE;
}

void http1_init(struct http1 *parser, enum http1_kind kind)
{
    *parser = (struct http1){.kind = (uint8_t)kind};
}

void http1_init_midstream(struct http1 *parser, enum http1_kind kind)
{
    http1_init(parser, kind);
    http1_begin_resync(parser, ANOMALY_AFTER_LOSS);
}

bool http1_at_rest(const struct http1 *parser)
{
    return parser->state == HTTP1_STATE_START && parser->head == 0 && parser->pending == 0 && parser->line == 0 &&
           parser->anomalies == 0 && parser->hidden == 0;
}

void http1_expect(struct http1 *parser, enum http1_method method)
{
    parser->method = (uint8_t)method;
}

void http1_set_tunnel(struct http1 *parser)
{
    parser->head |= HTTP1_HEAD_TUNNEL;
}

struct parse_step http1_parse(struct http1 *parser, const struct parse_input *input, struct http1_item *item_out)
{
    static const uint8_t nothing[1];
    static const enum parse_status statuses[] = {
        [HTTP1_RESULT_ITEM] = PARSE_ITEM, [HTTP1_RESULT_MORE] = PARSE_MORE, [HTTP1_RESULT_STOP] = PARSE_STOP};
    bool hole = !input->data && input->lost > 0;
    struct http1_cursor cursor = {.data = input->data ? input->data : nothing,
                                  .size = input->data ? input->size : 0,
                                  .last = input->last,
                                  .item = item_out};
    item_out->anomalies = 0;
    enum http1_result result = hole ? lose(parser, &cursor, input->lost) : run(parser, &cursor);
    if (unlikely(hole && result == HTTP1_RESULT_MORE && input->last))
        result = finish(parser, &cursor) == HTTP1_RESULT_STOP ? HTTP1_RESULT_STOP : run(parser, &cursor);
    parser->pending = result == HTTP1_RESULT_MORE ? cursor.size : 0;
    return parse_step_of(statuses[result], cursor.consumed, result == HTTP1_RESULT_MORE ? cursor.size + 1 : 0);
}
