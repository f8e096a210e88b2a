/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HTTP/1.x messages. One function a state; each takes what it can from the input and says whether that made an item,
 * needs more bytes, or leads to another state at once. Lines are the unit of the head: a line is looked at when its end
 * is there, and where the search for the end stopped is remembered, so cutting the input changes nothing and costs
 * nothing.
 */

#include "proto/http1.h"

#include "proto/http1_framing.h"
#include "proto/http1_line.h"
#include "proto/http1_scan.h"

enum state {
    STATE_START, /* the zero of struct http1 */
    STATE_HEADER,
    STATE_BODY,
    STATE_UNTIL_CLOSE,
    STATE_CHUNK_SIZE,
    STATE_CHUNK_DATA,
    STATE_CHUNK_END, /* the line end behind chunk data */
    STATE_TRAILER,
    STATE_COMPLETE, /* MESSAGE_END is due */
    STATE_CUT,      /* the same, for a message that did not end */
    STATE_RESYNC,
    STATE_STOP,
    STATE_COUNT
};

enum result { RESULT_ITEM, RESULT_MORE, RESULT_STOP, RESULT_AGAIN };

/* What is left of the input of one call. */
struct cursor {
    const uint8_t *data;
    uint32_t size;
    uint32_t consumed;
    bool last;
    struct http1_item *item;
};

/* Members of http1.line: what the current line contains. */
#define LINE_NUL     0x01u
#define LINE_CONTROL 0x02u
#define LINE_CR      0x04u /* a CR not yet judged */
#define LINE_BARE_CR 0x08u
#define LINE_BARE_LF 0x10u
#define LINE_FOLDED  0x20u
#define LINE_SKIP    0x40u /* the rest of an oversized line is thrown away */
#define LINE_MIDDLE  0x80u /* in STATE_RESYNC: the first byte is not the first of its line */

/* Members of http1.head that outlive the message they were set by; the others are those of http1_framing.h. */
#define HEAD_TUNNEL     0x1000u /* http1_set_tunnel() was called */
#define HEAD_MAY_SWITCH 0x2000u /* the last message was a CONNECT or Upgrade request */
#define HEAD_CLOSED     0x4000u /* the last message said that it was the last */
#define HEAD_LASTING    (HEAD_TUNNEL | HEAD_MAY_SWITCH | HEAD_CLOSED)

#define HEADER_COUNT_MAX UINT16_MAX /* counting stops here; far beyond HTTP1_HEADERS_MAX */

static void take(struct http1 *parser, struct cursor *cursor, uint32_t size)
{
    cursor->data += size;
    cursor->size -= size;
    cursor->consumed += size;
    parser->scanned = 0;
    parser->line_size = 0;
    parser->line = 0;
}

static void take_skipped(struct http1 *parser, struct cursor *cursor, uint32_t size)
{
    parser->bytes_skipped += size;
    take(parser, cursor, size);
}

/* Completes an item with what was found since the last one. */
static enum result deliver(struct http1 *parser, struct cursor *cursor)
{
    cursor->item->anomalies |= parser->anomalies;
    parser->anomalies = 0;
    return RESULT_ITEM;
}

static void note_line_byte(struct http1 *parser, uint8_t c)
{
    if (c == '\r')
        parser->line |= parser->line & LINE_CR ? LINE_BARE_CR : LINE_CR;
    else
        parser->line |= c == 0 ? LINE_NUL : LINE_CONTROL;
}

static void note_line_end(struct http1 *parser, const uint8_t *data, uint32_t at)
{
    bool crlf = at > 0 && data[at - 1] == '\r';
    if (!crlf)
        parser->line |= parser->line & LINE_CR ? LINE_BARE_CR | LINE_BARE_LF : LINE_BARE_LF;
    parser->line &= (uint8_t)~LINE_CR;
}

/* The size of the line at the cursor with its end, 0 when no end is there within HTTP1_LINE_MAX bytes. */
static uint32_t find_line(struct http1 *parser, const struct cursor *cursor)
{
    uint32_t limit = min_u32(cursor->size, HTTP1_LINE_MAX), at = parser->scanned, size = 0;
    uint32_t start = at;
    while (at < limit && size == 0) {
        at = http1_scan_control(cursor->data, limit, at);
        if (at == limit)
            break;
        if (likely(cursor->data[at] == '\n')) {
            note_line_end(parser, cursor->data, at);
            size = at + 1;
        } else if (likely(at + 1 < limit && cursor->data[at] == '\r' && cursor->data[at + 1] == '\n' &&
                          !(parser->line & LINE_CR))) {
            at++;
            size = at + 1;
        } else {
            note_line_byte(parser, cursor->data[at]);
        }
        at++;
    }
    parser->bytes_searched += at - start;
    parser->scanned = at;
    return size;
}

/* Without CR LF or LF. */
static struct span strip_line(const uint8_t *data, uint32_t size)
{
    if (size > 0 && data[size - 1] == '\n')
        size--;
    if (size > 0 && data[size - 1] == '\r')
        size--;
    return span_of(data, size);
}

static uint64_t line_anomalies(const struct http1 *parser)
{
    uint64_t anomalies = 0;
    if (likely(parser->line == 0))
        return 0;
    if (parser->line & LINE_NUL)
        anomalies |= ANOMALY_BIT(ANOMALY_NUL);
    if (parser->line & LINE_BARE_CR)
        anomalies |= ANOMALY_BIT(ANOMALY_BARE_CR);
    if (parser->line & LINE_BARE_LF)
        anomalies |= ANOMALY_BIT(ANOMALY_BARE_LF);
    if (parser->line & LINE_FOLDED)
        anomalies |= ANOMALY_BIT(ANOMALY_OBS_FOLD);
    return anomalies;
}

static bool is_oversized(const struct cursor *cursor)
{
    return cursor->size >= HTTP1_LINE_MAX;
}

/* Takes an oversized line as far as it is kept; the rest of it is thrown away as it comes. */
static void take_oversized(struct http1 *parser, struct cursor *cursor)
{
    take(parser, cursor, HTTP1_LINE_MAX);
    parser->line = LINE_SKIP;
}

/* Throws away the rest of an oversized line. True when its end was reached. */
static bool skip_line(struct http1 *parser, struct cursor *cursor)
{
    const uint8_t *end = cursor->size ? memchr(cursor->data, '\n', cursor->size) : NULL;
    uint32_t size = end ? (uint32_t)(end - cursor->data) + 1 : cursor->size;
    parser->bytes_searched += size;
    take(parser, cursor, size);
    parser->line = end ? 0 : LINE_SKIP;
    return end != NULL;
}

/* ---- between messages ---- */

static void begin_message(struct http1 *parser)
{
    parser->head &= HEAD_TUNNEL;
    parser->length = 0;
    parser->rest = 0;
    parser->header_count = 0;
    parser->host_count = 0;
    parser->method = HTTP1_METHOD_OTHER;
}

static enum result begin_resync(struct http1 *parser, enum anomaly reason)
{
    parser->anomalies |= ANOMALY_BIT(reason);
    parser->head &= HEAD_TUNNEL;
    parser->scanned = 0;
    parser->line_size = 0;
    parser->line = 0;
    parser->state = STATE_RESYNC;
    return RESULT_AGAIN;
}

static enum result stop(struct http1 *parser)
{
    parser->state = STATE_STOP;
    return RESULT_STOP;
}

/* What is read as a first line, `size` bytes with its end (0: oversized, without). */
static enum http1_line read_first_line(const struct http1 *parser, const struct cursor *cursor, uint32_t size)
{
    struct span line = size ? strip_line(cursor->data, size) : span_of(cursor->data, HTTP1_LINE_MAX);
    if (parser->kind == HTTP1_RESPONSES)
        return http1_line_read_status(line, cursor->item);
    return size ? http1_line_read_request(line, cursor->item) : http1_line_read_request_cut(line, cursor->item);
}

static enum result take_first_line(struct http1 *parser, struct cursor *cursor, uint32_t size)
{
    struct http1_item *item = cursor->item;
    uint64_t anomalies = line_anomalies(parser);
    if (parser->line & LINE_CONTROL && item->kind == HTTP1_STATUS_LINE)
        anomalies |= ANOMALY_BIT(ANOMALY_STATUS_LINE);
    if (parser->head & HEAD_CLOSED && item->kind == HTTP1_STATUS_LINE)
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
        take(parser, cursor, size);
    } else {
        anomalies |= ANOMALY_BIT(ANOMALY_LINE_OVERSIZED);
        take_oversized(parser, cursor);
    }
    item->anomalies |= anomalies;
    parser->state = STATE_HEADER;
    return deliver(parser, cursor);
}

/* Empty lines before a request are to be ignored (RFC 9112 2.2); before a response they are bytes of no message. */
static bool is_empty_line(const struct cursor *cursor, uint32_t size)
{
    return size == 1 || (size == 2 && cursor->data[0] == '\r');
}

static enum result parse_start(struct http1 *parser, struct cursor *cursor)
{
    if (parser->head & HEAD_TUNNEL)
        return stop(parser);
    if (parser->head & HEAD_MAY_SWITCH && cursor->size > 0 && cursor->data[0] != '\r' && cursor->data[0] != '\n') {
        enum http1_fit fit = http1_line_fits_request(cursor->data, cursor->size);
        if (fit != HTTP1_FIT_YES)
            return fit == HTTP1_FIT_MORE ? RESULT_MORE : stop(parser);
    }
    uint32_t size = find_line(parser, cursor);
    if (size == 0 && !is_oversized(cursor))
        return RESULT_MORE;
    if (size > 0 && is_empty_line(cursor, size)) {
        if (parser->kind == HTTP1_RESPONSES)
            parser->anomalies |= ANOMALY_BIT(ANOMALY_LEADING_BYTES);
        take_skipped(parser, cursor, size);
        return RESULT_AGAIN;
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
    return parser->head & HEAD_MAY_SWITCH ? stop(parser) : begin_resync(parser, ANOMALY_LEADING_BYTES);
}

/* ---- head and trailer ---- */

/*
 * The size of the header at the cursor with its continuations; 0 when more is needed or, see is_oversized(), it is too
 * long. Whether a line goes on is known only with the first byte of the next one.
 */
static uint32_t find_header(struct http1 *parser, const struct cursor *cursor)
{
    uint32_t size = parser->line_size ? parser->line_size : find_line(parser, cursor);
    while (size > 0) {
        if (is_empty_line(cursor, size) || (size == cursor->size && cursor->last))
            return size;
        if (size == cursor->size) {
            parser->line_size = size;
            return 0;
        }
        if (likely(cursor->data[size] != ' ' && cursor->data[size] != '\t'))
            return size;
        parser->line |= LINE_FOLDED;
        parser->line_size = 0;
        size = find_line(parser, cursor);
    }
    return 0;
}

static enum result take_header(struct http1 *parser, struct cursor *cursor, uint32_t size, enum http1_item_kind kind)
{
    struct http1_item *item = cursor->item;
    struct span line = size ? strip_line(cursor->data, size) : span_of(cursor->data, HTTP1_LINE_MAX);
    item->kind = kind;
    item->anomalies = line_anomalies(parser);
    http1_line_read_header(line, (parser->line & LINE_FOLDED) != 0, item);
    if (unlikely(parser->line & LINE_CONTROL))
        item->anomalies |= ANOMALY_BIT(ANOMALY_HEADER_VALUE);
    if (parser->header_count < HEADER_COUNT_MAX && ++parser->header_count == HTTP1_HEADERS_MAX + 1)
        item->anomalies |= ANOMALY_BIT(ANOMALY_HEADERS_TOO_MANY);
    if (kind == HTTP1_HEADER)
        http1_framing_add_header(parser, item);
    if (size > 0) {
        take(parser, cursor, size);
    } else {
        item->anomalies |= ANOMALY_BIT(ANOMALY_LINE_OVERSIZED);
        take_oversized(parser, cursor);
    }
    return deliver(parser, cursor);
}

static enum state state_of_framing(const struct http1_item *item)
{
    switch (item->head_end.framing) {
    case HTTP1_FRAMING_LENGTH:
        return item->head_end.length > 0 ? STATE_BODY : STATE_COMPLETE;
    case HTTP1_FRAMING_CHUNKED:
        return STATE_CHUNK_SIZE;
    case HTTP1_FRAMING_UNTIL_CLOSE:
        return STATE_UNTIL_CLOSE;
    case HTTP1_FRAMING_NONE:
    case HTTP1_FRAMING_TUNNEL:
        break;
    }
    return STATE_COMPLETE;
}

static enum result take_head_end(struct http1 *parser, struct cursor *cursor, uint32_t size)
{
    struct http1_item *item = cursor->item;
    item->anomalies |= line_anomalies(parser);
    http1_framing_decide(parser, item);
    parser->rest = item->head_end.length;
    parser->state = (uint8_t)state_of_framing(item);
    bool requests = parser->kind == HTTP1_REQUESTS;
    if (item->head_end.framing == HTTP1_FRAMING_TUNNEL)
        parser->head |= HEAD_TUNNEL;
    if (requests && (item->head_end.upgrade || parser->method == HTTP1_METHOD_CONNECT))
        parser->head |= HEAD_MAY_SWITCH;
    if (!requests && !item->head_end.persistent && parser->status >= 200)
        parser->head |= HEAD_CLOSED;
    take(parser, cursor, size);
    return deliver(parser, cursor);
}

static enum result parse_header(struct http1 *parser, struct cursor *cursor)
{
    uint32_t size = find_header(parser, cursor);
    if (size == 0 && (parser->line_size || !is_oversized(cursor)))
        return RESULT_MORE;
    if (size > 0 && is_empty_line(cursor, size))
        return take_head_end(parser, cursor, size);
    return take_header(parser, cursor, size, HTTP1_HEADER);
}

static enum result parse_trailer(struct http1 *parser, struct cursor *cursor)
{
    uint32_t size = find_header(parser, cursor);
    if (size == 0 && (parser->line_size || !is_oversized(cursor)))
        return RESULT_MORE;
    if (size == 0 || !is_empty_line(cursor, size))
        return take_header(parser, cursor, size, HTTP1_TRAILER);
    parser->anomalies |= line_anomalies(parser);
    take(parser, cursor, size);
    parser->state = STATE_COMPLETE;
    return RESULT_AGAIN;
}

/* ---- body ---- */

static enum result take_body(struct http1 *parser, struct cursor *cursor, uint32_t size)
{
    cursor->item->kind = HTTP1_BODY;
    cursor->item->body.data = span_of(cursor->data, size);
    cursor->item->body.lost = 0;
    take(parser, cursor, size);
    return deliver(parser, cursor);
}

static enum result parse_counted(struct http1 *parser, struct cursor *cursor, enum state next)
{
    if (cursor->size == 0)
        return RESULT_MORE;
    uint32_t size = (uint32_t)min_u64(cursor->size, parser->rest);
    parser->rest -= size;
    if (parser->rest == 0)
        parser->state = (uint8_t)next;
    return take_body(parser, cursor, size);
}

static enum result parse_body(struct http1 *parser, struct cursor *cursor)
{
    return parse_counted(parser, cursor, STATE_COMPLETE);
}

static enum result parse_chunk_data(struct http1 *parser, struct cursor *cursor)
{
    return parse_counted(parser, cursor, STATE_CHUNK_END);
}

static enum result parse_until_close(struct http1 *parser, struct cursor *cursor)
{
    return cursor->size ? take_body(parser, cursor, cursor->size) : RESULT_MORE;
}

static enum result cut(struct http1 *parser)
{
    parser->state = STATE_CUT;
    return RESULT_AGAIN;
}

static enum result parse_chunk_size(struct http1 *parser, struct cursor *cursor)
{
    uint32_t size = find_line(parser, cursor);
    if (size == 0 && !is_oversized(cursor))
        return RESULT_MORE;
    struct span line = size ? strip_line(cursor->data, size) : span_of(cursor->data, HTTP1_LINE_MAX);
    uint64_t chunk;
    bool readable = http1_framing_read_chunk_size(line, &chunk, &parser->anomalies);
    parser->anomalies |= line_anomalies(parser);
    if (unlikely(!readable))
        parser->anomalies |= ANOMALY_BIT(ANOMALY_CHUNK_SIZE);
    /* An empty line too many behind the data of the chunk before is no reason to give the message up. */
    if (!readable && (size == 0 || !is_empty_line(cursor, size)))
        return cut(parser);
    if (readable) {
        parser->rest = chunk;
        parser->state = chunk ? STATE_CHUNK_DATA : STATE_TRAILER;
    }
    if (size > 0) {
        take(parser, cursor, size);
    } else {
        parser->anomalies |= ANOMALY_BIT(ANOMALY_LINE_OVERSIZED);
        take_oversized(parser, cursor);
    }
    return RESULT_AGAIN;
}

static enum result parse_chunk_end(struct http1 *parser, struct cursor *cursor)
{
    if (cursor->size == 0)
        return RESULT_MORE;
    bool cr = cursor->data[0] == '\r';
    if (cr && cursor->size < 2)
        return RESULT_MORE;
    parser->state = STATE_CHUNK_SIZE;
    if (likely(cr && cursor->data[1] == '\n')) {
        take(parser, cursor, 2);
        return RESULT_AGAIN;
    }
    parser->anomalies |= ANOMALY_BIT(ANOMALY_CHUNK_END);
    if (cursor->data[0] == '\n')
        take(parser, cursor, 1);
    return RESULT_AGAIN;
}

/* ---- end, loss and what follows ---- */

static enum result end_message(struct http1 *parser, struct cursor *cursor, bool complete)
{
    cursor->item->kind = HTTP1_MESSAGE_END;
    cursor->item->end.complete = complete;
    parser->head &= HEAD_LASTING;
    parser->state = STATE_START;
    return deliver(parser, cursor);
}

static enum result parse_complete(struct http1 *parser, struct cursor *cursor)
{
    return end_message(parser, cursor, true);
}

static enum result parse_cut(struct http1 *parser, struct cursor *cursor)
{
    enum result result = end_message(parser, cursor, false);
    begin_resync(parser, ANOMALY_LEADING_BYTES);
    return result;
}

/* The end of the line at the cursor, with LF, however long; 0 when it is not there. */
static uint32_t find_resync_line(struct http1 *parser, const struct cursor *cursor)
{
    if (parser->line_size)
        return parser->line_size;
    uint32_t at = parser->scanned;
    const uint8_t *end = at < cursor->size ? memchr(cursor->data + at, '\n', cursor->size - at) : NULL;
    parser->scanned = cursor->size;
    return end ? (uint32_t)(end - cursor->data) + 1 : 0;
}

/* Keeps as much of a line without end as a first line may have. */
static enum result wait_for_resync_line(struct http1 *parser, struct cursor *cursor)
{
    if (cursor->size > HTTP1_RESYNC_MAX) {
        take_skipped(parser, cursor, cursor->size - HTTP1_RESYNC_MAX);
        parser->scanned = cursor->size;
        parser->line = LINE_MIDDLE;
    }
    return RESULT_MORE;
}

static enum result parse_resync(struct http1 *parser, struct cursor *cursor)
{
    uint32_t size = find_resync_line(parser, cursor);
    if (size == 0)
        return wait_for_resync_line(parser, cursor);
    uint32_t start = size > HTTP1_RESYNC_MAX ? size - HTTP1_RESYNC_MAX : 0;
    bool whole = start == 0 && !(parser->line & LINE_MIDDLE);
    struct span line = strip_line(cursor->data + start, size - start);
    uint32_t at = http1_line_find_first((enum http1_kind)parser->kind, line, whole);
    if (at == line.size) {
        take_skipped(parser, cursor, size);
        return RESULT_AGAIN;
    }
    enum http1_fit fit = http1_line_fits_head(cursor->data + size, cursor->size - size);
    if (fit == HTTP1_FIT_MORE && !cursor->last) {
        parser->line_size = size;
        return RESULT_MORE;
    }
    if (fit != HTTP1_FIT_YES) {
        take_skipped(parser, cursor, size);
        return RESULT_AGAIN;
    }
    take_skipped(parser, cursor, start + at);
    parser->state = STATE_START;
    return RESULT_AGAIN;
}

static enum result parse_stop(struct http1 *parser, struct cursor *cursor)
{
    (void)parser;
    (void)cursor;
    return RESULT_STOP;
}

/* The stream ends and the state wants more. */
static enum result finish(struct http1 *parser, struct cursor *cursor)
{
    enum state state = (enum state)parser->state;
    parser->bytes_skipped += cursor->size;
    take(parser, cursor, cursor->size);
    if (state == STATE_START || state == STATE_RESYNC)
        return stop(parser);
    parser->state = state == STATE_UNTIL_CLOSE ? STATE_COMPLETE : STATE_CUT;
    return RESULT_AGAIN;
}

typedef enum result (*state_function)(struct http1 *parser, struct cursor *cursor);

static const state_function state_functions[STATE_COUNT] = {
    [STATE_START] = parse_start,
    [STATE_HEADER] = parse_header,
    [STATE_BODY] = parse_body,
    [STATE_UNTIL_CLOSE] = parse_until_close,
    [STATE_CHUNK_SIZE] = parse_chunk_size,
    [STATE_CHUNK_DATA] = parse_chunk_data,
    [STATE_CHUNK_END] = parse_chunk_end,
    [STATE_TRAILER] = parse_trailer,
    [STATE_COMPLETE] = parse_complete,
    [STATE_CUT] = parse_cut,
    [STATE_RESYNC] = parse_resync,
    [STATE_STOP] = parse_stop,
};

/* Works through the input until there is an item or nothing more can be done. Each turn takes bytes or leaves a state.
 */
static enum result run(struct http1 *parser, struct cursor *cursor)
{
    enum result result = RESULT_AGAIN;
    while (result == RESULT_AGAIN) {
        if (unlikely(parser->line & LINE_SKIP) && parser->state != STATE_CUT) {
            if (!skip_line(parser, cursor))
                result = RESULT_MORE;
        }
        if (result == RESULT_AGAIN)
            result = state_functions[parser->state](parser, cursor);
        if (result == RESULT_MORE && cursor->last)
            result = finish(parser, cursor);
    }
    return result;
}

/* A hole where the place in the message is known: the body goes on behind it. */
static enum result lose_body(struct http1 *parser, struct cursor *cursor, uint32_t lost)
{
    bool counted = parser->state != STATE_UNTIL_CLOSE;
    uint32_t size = counted ? (uint32_t)min_u64(lost, parser->rest) : lost;
    if (counted) {
        parser->rest -= size;
        enum state next = parser->state == STATE_BODY ? STATE_COMPLETE : STATE_CHUNK_END;
        if (size < lost)
            next = STATE_CUT;
        if (parser->rest == 0)
            parser->state = (uint8_t)next;
    }
    cursor->consumed = size;
    cursor->item->kind = HTTP1_BODY;
    cursor->item->body.data = (struct span){NULL, 0};
    cursor->item->body.lost = size;
    return deliver(parser, cursor);
}

static enum result lose(struct http1 *parser, struct cursor *cursor, uint32_t lost)
{
    enum state state = (enum state)parser->state;
    if (state == STATE_STOP || state == STATE_COMPLETE || state == STATE_CUT)
        return run(parser, cursor);
    bool body = state == STATE_BODY || state == STATE_UNTIL_CLOSE || state == STATE_CHUNK_DATA;
    if (body && !(parser->line & LINE_SKIP))
        return lose_body(parser, cursor, lost);
    parser->bytes_skipped += parser->pending;
    parser->pending = 0;
    /* A message that is cut ends first; the hole itself is taken with the search for the next one. */
    if (state != STATE_START && state != STATE_RESYNC) {
        parser->state = STATE_CUT;
        return run(parser, cursor);
    }
    if (parser->head & HEAD_TUNNEL)
        return stop(parser);
    parser->anomalies = 0; /* bytes of no message before the hole may well be of the message that is in it */
    begin_resync(parser, ANOMALY_AFTER_LOSS);
    cursor->consumed = lost;
    return RESULT_MORE;
}

void http1_init(struct http1 *parser, enum http1_kind kind)
{
    *parser = (struct http1){.kind = (uint8_t)kind};
}

void http1_init_midstream(struct http1 *parser, enum http1_kind kind)
{
    http1_init(parser, kind);
    begin_resync(parser, ANOMALY_AFTER_LOSS);
}

void http1_expect(struct http1 *parser, enum http1_method method)
{
    parser->method = (uint8_t)method;
}

void http1_set_tunnel(struct http1 *parser)
{
    parser->head |= HEAD_TUNNEL;
}

struct parse_step http1_parse(struct http1 *parser, const struct parse_input *input, struct http1_item *item_out)
{
    static const uint8_t nothing[1];
    static const enum parse_status statuses[] = {
        [RESULT_ITEM] = PARSE_ITEM, [RESULT_MORE] = PARSE_MORE, [RESULT_STOP] = PARSE_STOP};
    bool hole = !input->data && input->lost > 0;
    struct cursor cursor = {.data = input->data ? input->data : nothing,
                            .size = input->data ? input->size : 0,
                            .last = input->last,
                            .item = item_out};
    item_out->anomalies = 0;
    enum result result = hole ? lose(parser, &cursor, input->lost) : run(parser, &cursor);
    if (unlikely(hole && result == RESULT_MORE && input->last))
        result = finish(parser, &cursor) == RESULT_STOP ? RESULT_STOP : run(parser, &cursor);
    parser->pending = result == RESULT_MORE ? cursor.size : 0;
    return (struct parse_step){
        .status = statuses[result], .consumed = cursor.consumed, .needed = result == RESULT_MORE ? cursor.size + 1 : 0};
}
