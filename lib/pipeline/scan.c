/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Searching for sensitive data
 *
 * A whole head lies in the transaction's store as one text of lines, of which those that are new are searched
 * (head_lines.c); what is found is then mapped back to its place by its offset. Bodies come as views
 * (proto/body_window.h). Percent- and JSON-escaped values are decoded and searched as well; a raw match in such a value
 * is dropped, so each is told once.
 */

#include "pipeline/scan_grpc.h"
#include "proto/http_text.h"

struct place {
    enum detection_place kind;
    struct span name;
};

#define NAME_DIGITS_MAX 8u /* longer runs of digits in a name are data, not an index or a version */

/* A name comes from the traffic and may itself hold what must not be told: {"4111111111111111": true}. */
static struct span name_mask(struct span name, uint8_t *buffer, uint32_t capacity)
{
    uint32_t size = min_u32(name.size, capacity), digits = 0;
    for (uint32_t i = 0; i < size; i++) {
        uint8_t c = name.data[i];
        buffer[i] = c;
        digits = c >= '0' && c <= '9' ? digits + 1 : 0;
        if (digits > NAME_DIGITS_MAX)
            memset(buffer + i + 1 - digits, '*', digits);
        /* The part of a mail address in front of the at sign. */
        for (uint32_t j = i; c == '@' && j > 0 && buffer[j - 1] != '/'; j--)
            buffer[j - 1] = '*';
    }
    return span_of(buffer, size);
}

static void detection_add(struct exchange *exchange, bool response, const struct detect_hit *hit,
                          const struct place *place, uint64_t offset)
{
    uint8_t name[BODY_NAME_MAX];
    struct detection detection = {
        .detector = hit->detector,
        .place = (uint8_t)place->kind,
        .confidence = hit->confidence,
        .flags = (hit->flags & DETECT_TEST_NUMBER) ? DETECTION_TEST_NUMBER : 0,
        .in_response = response,
        .mask_size = hit->mask_size,
        .value_size = (uint16_t)min_u32(hit->size, UINT16_MAX),
        .count = 1,
        .offset = offset,
        .name = name_mask(place->name, name, sizeof(name)),
    };
    memcpy(detection.mask, hit->mask, sizeof(detection.mask));
    memcpy(detection.digest, hit->digest, sizeof(detection.digest));
    transaction_add_detection(&exchange->transaction, &detection);
}

static uint32_t scan_text(struct pipeline *worker, const struct exchange *exchange, const struct detect_text *text)
{
    struct epoch_worker *own = &exchange->epoch->workers[worker->options.worker];
    return detect_scan(exchange->epoch->detectors, own->scratch, text, worker->hits, WORKER_HITS_MAX);
}

static bool has_escape(struct span text, bool plus)
{
    if (text.size == 0)
        return false;
    return memchr(text.data, '%', text.size) || (plus && memchr(text.data, '+', text.size));
}

/* Overwrites a text of the store. It is not told in any output from here on; its length stays. */
static void redact(struct transaction *transaction, const uint8_t *data, uint32_t size)
{
    require(data >= transaction->store && data + size <= transaction->store + transaction->store_used);
    memset(transaction->store + (data - transaction->store), '*', size);
}

static void scan_decoded(struct pipeline *worker, struct exchange *exchange, bool response, struct span text, bool plus,
                         const struct place *place)
{
    struct http_decoded decoded = http_percent_decode(text, plus, worker->decoded, sizeof(worker->decoded));
    struct detect_text whole = detect_text_whole(decoded.text.data, decoded.text.size, place->name);
    uint32_t count = scan_text(worker, exchange, &whole);
    for (uint32_t i = 0; i < count; i++)
        detection_add(exchange, response, &worker->hits[i], place, worker->hits[i].offset);
    if (count)
        redact(&exchange->transaction, text.data, text.size);
}

/* True when [data, data + size) lies inside `text`. */
static bool inside(struct span text, const uint8_t *data, uint32_t size)
{
    return text.data && data >= text.data && data + size <= text.data + text.size;
}

/* ---------------------------------------------------------------------- heads */

/* The pair that contains the hit; false when it lies in none, or in one that is decoded and searched by itself. */
static bool pair_place(struct span rest, bool (*next)(struct span *, struct http_pair *), bool plus,
                       const uint8_t *data, uint32_t size, struct place *place_out)
{
    struct http_pair pair;
    while (next(&rest, &pair)) {
        if (inside(pair.value, data, size)) {
            place_out->name = pair.name;
            return !has_escape(pair.value, plus);
        }
        if (inside(pair.name, data, size)) {
            place_out->name = (struct span){0};
            return true;
        }
    }
    return false;
}

static bool header_place(const struct transaction *transaction, const struct transaction_side *side,
                         const uint8_t *data, uint32_t size, struct place *place_out)
{
    for (uint32_t i = 0; i < side->header_count; i++) {
        const struct transaction_header *header = &side->headers[i];
        struct span value = transaction_header_value(transaction, header);
        if (!inside(value, data, size))
            continue;
        if (header->id == HEADER_COOKIE || header->id == HEADER_SET_COOKIE) {
            place_out->kind = DETECTION_COOKIE;
            return pair_place(value, http_cookie_next, false, data, size, place_out);
        }
        *place_out = (struct place){DETECTION_HEADER, transaction_header_name(transaction, header)};
        return true;
    }
    return false;
}

/* The segments of the path that [data, data + size) lies in. */
static struct span segment_of(struct span path, const uint8_t *data, uint32_t size)
{
    const uint8_t *begin = data, *end = data + size, *limit = path.data + path.size;
    while (begin > path.data && begin[-1] != '/')
        begin--;
    while (end < limit && *end != '/')
        end++;
    return span_of(begin, (size_t)(end - begin));
}

static bool head_place(const struct transaction *transaction, bool response, const uint8_t *data, uint32_t size,
                       struct place *place_out)
{
    if (response)
        return header_place(transaction, &transaction->response, data, size, place_out);
    if (inside(transaction->query, data, size)) {
        place_out->kind = DETECTION_QUERY;
        return pair_place(transaction->query, http_query_next, true, data, size, place_out);
    }
    if (inside(transaction->path, data, size)) {
        *place_out = (struct place){DETECTION_PATH, {0}};
        return !has_escape(segment_of(transaction->path, data, size), false);
    }
    return header_place(transaction, &transaction->request, data, size, place_out);
}

static void scan_escaped_pairs(struct pipeline *worker, struct exchange *exchange, bool response, struct span rest,
                               bool (*next)(struct span *, struct http_pair *), enum detection_place kind)
{
    bool plus = kind == DETECTION_QUERY;
    struct http_pair pair;
    if (!has_escape(rest, plus))
        return;
    while (next(&rest, &pair))
        if (has_escape(pair.value, plus))
            scan_decoded(worker, exchange, response, pair.value, plus, &(struct place){kind, pair.name});
}

static void scan_escaped_segments(struct pipeline *worker, struct exchange *exchange, struct span path)
{
    while (path.size) {
        const uint8_t *slash = memchr(path.data, '/', path.size);
        struct span segment = span_first(path, slash ? (uint32_t)(slash - path.data) : path.size);
        if (has_escape(segment, false))
            scan_decoded(worker, exchange, false, segment, false, &(struct place){DETECTION_PATH, {0}});
        path = span_from(path, min_u32(segment.size + 1, path.size));
    }
}

static void scan_escaped_head(struct pipeline *worker, struct exchange *exchange, bool response)
{
    const struct transaction *transaction = &exchange->transaction;
    const struct transaction_side *side = exchange_side(exchange, response);
    if (!response) {
        scan_escaped_segments(worker, exchange, transaction->path);
        scan_escaped_pairs(worker, exchange, false, transaction->query, http_query_next, DETECTION_QUERY);
    }
    if (!(side->headers_seen & (HEADER_BIT(HEADER_COOKIE) | HEADER_BIT(HEADER_SET_COOKIE))))
        return;
    for (uint32_t i = 0; i < side->header_count; i++)
        if (side->headers[i].id == HEADER_COOKIE || side->headers[i].id == HEADER_SET_COOKIE)
            scan_escaped_pairs(worker, exchange, response, transaction_header_value(transaction, &side->headers[i]),
                               http_cookie_next, DETECTION_COOKIE);
}

/* Parameters whose value is a credential by its name alone. */
static bool names_credential(struct span name)
{
    static const char *const names[] = {
        "access_token",  "id_token", "refresh_token", "token",         "auth_token", "api_key",
        "apikey",        "api-key",  "password",      "passwd",        "pwd",        "secret",
        "client_secret", "session",  "session_id",    "sessionid",     "jsessionid", "sid",
        "signature",     "sig",      "code",          "authorization", "x-api-key",  "credential",
    };
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (span_equal_nocase(name, span_from_text(names[i])))
            return true;
    return false;
}

/* The scheme in front of a credential ("Basic dXNlcjpwYXNz") is no secret, and rules ask for it. */
static void redact_hit(struct transaction *transaction, const uint8_t *data, uint32_t size)
{
    const uint8_t *blank = memchr(data, ' ', size);
    bool scheme = blank && data >= transaction->store + 2 && memcmp(data - 2, ": ", 2) == 0;
    for (const uint8_t *c = data; scheme && c < blank; c++)
        scheme = ascii_lower(*c) >= 'a' && ascii_lower(*c) <= 'z';
    uint32_t kept = scheme ? (uint32_t)(blank + 1 - data) : 0;
    redact(transaction, data + kept, size - kept);
}

static void redact_credentials(struct transaction *transaction)
{
    struct span rest = transaction->query;
    struct http_pair pair;
    while (http_query_next(&rest, &pair))
        if (pair.value.size && names_credential(pair.name))
            redact(transaction, pair.value.data, pair.value.size);
}

void scan_head(struct pipeline *worker, struct exchange *exchange, bool response, uint32_t store_begin)
{
    struct transaction *transaction = &exchange->transaction;
    const uint8_t *begin = transaction->store + store_begin;
    uint32_t count = head_lines_search(worker, exchange, response, store_begin);
    for (uint32_t i = 0; i < count; i++) {
        const struct detect_hit *hit = &worker->hits[i];
        const uint8_t *data = begin + hit->offset;
        struct place place;
        if (!head_place(transaction, response, data, hit->size, &place))
            continue;
        detection_add(exchange, response, hit, &place, hit->offset);
        redact_hit(transaction, data, hit->size);
    }
    scan_escaped_head(worker, exchange, response);
    if (!response)
        redact_credentials(transaction);
}

/* --------------------------------------------------------------------- bodies */

static struct span header_value(const struct exchange *exchange, bool response, enum header_id id)
{
    const struct transaction *transaction = &exchange->transaction;
    const struct transaction_side *side = response ? &transaction->response : &transaction->request;
    const struct transaction_header *header = transaction_find_header(side, id, NULL);
    return header ? transaction_header_value(transaction, header) : (struct span){0};
}

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

static void body_start(struct pipeline *worker, struct exchange *exchange, bool response, struct span start)
{
    struct body_scan *scan = &exchange->scans[response];
    struct span type = header_value(exchange, response, HEADER_CONTENT_TYPE);
    enum body_kind kind = scan->text ? body_kind_of_text(start) : body_kind_detect(type, start);
    if (!response && !scan->encoded)
        graphql_body_start(worker, exchange, type, kind == BODY_JSON);
    scan->kind = (uint8_t)kind;
    exchange_side(exchange, response)->body = body_class(kind);
    scan->started = true;
}

static void locator_make(struct exchange *exchange, bool response)
{
    struct body_scan *scan = &exchange->scans[response];
    if (scan->locator_ready)
        return;
    struct span boundary = body_boundary_find(header_value(exchange, response, HEADER_CONTENT_TYPE));
    body_locator_init(&scan->locator, (enum body_kind)scan->kind, boundary);
    body_values_init(&scan->values);
    scan->locator_ready = true;
}

static bool place_counts(const struct body_place *place)
{
    return place->kind == BODY_PLACE_VALUE || place->kind == BODY_PLACE_KEY_VALUE || place->kind == BODY_PLACE_KEY ||
           place->kind == BODY_PLACE_UNKNOWN;
}

static void view_hits(struct pipeline *worker, struct exchange *exchange, bool response, const struct body_view *view,
                      uint32_t count)
{
    struct body_scan *scan = &exchange->scans[response];
    for (uint32_t i = 0; i < count; i++) {
        const struct detect_hit *hit = &worker->hits[i];
        struct body_place place;
        body_locate(&scan->locator, view, hit->offset, hit->size, &place);
        if (!place_counts(&place) || place.escaped)
            continue;
        struct place named = {DETECTION_BODY, span_of(place.name, place.name_size)};
        detection_add(exchange, response, hit, &named, view->offset + hit->offset);
    }
}

static void view_values(struct pipeline *worker, struct exchange *exchange, bool response, const struct body_view *view)
{
    struct body_scan *scan = &exchange->scans[response];
    struct body_piece piece;
    while (body_values_next(&scan->values, view, &piece)) {
        struct place named = {DETECTION_BODY, span_of(piece.place.name, piece.place.name_size)};
        struct detect_text text = detect_text_whole(piece.data, piece.size, named.name);
        uint32_t count = scan_text(worker, exchange, &text);
        for (uint32_t i = 0; i < count; i++)
            if (body_piece_owns(&piece, worker->hits[i].offset, worker->hits[i].size))
                detection_add(exchange, response, &worker->hits[i], &named, piece.offset + worker->hits[i].offset);
    }
}

/* Only how a token was asked for is kept of the form, nothing of what it says. */
static void grant_note(struct transaction *transaction, const struct body_view *view)
{
    struct span rest = span_of(view->data, view->size);
    struct http_pair pair;
    while (http_query_next(&rest, &pair)) {
        if (!pair.value.size || !span_equal(pair.name, SPAN_LITERAL("grant_type")))
            continue;
        bool password = span_equal(pair.value, SPAN_LITERAL("password"));
        transaction->grant = password ? TRANSACTION_GRANT_PASSWORD : TRANSACTION_GRANT_OTHER;
        return;
    }
}

/*
 * Nothing was found in the view and nothing in it has to be decoded, so it is walked only when something turns up
 * behind it, for the path of that; mostly nothing does.
 */
static bool put_off(struct body_scan *scan, const struct body_view *view)
{
    if ((view->final && !view->cut) || !body_has_places((enum body_kind)scan->kind))
        return true;
    return !view->cut && body_window_keep(&scan->window);
}

/* Walks the views that were put off. */
static void catch_up(struct body_scan *scan)
{
    for (uint32_t i = 0; i < scan->window.kept_count; i++) {
        struct body_view view = body_window_kept(&scan->window, i);
        body_locator_leave(&scan->locator, &view);
    }
    body_window_forget(&scan->window);
}

static void scan_view(struct pipeline *worker, struct exchange *exchange, bool response, const struct body_view *view)
{
    struct body_scan *scan = &exchange->scans[response];
    struct detect_text text = {
        .data = view->data,
        .size = view->size,
        .start_from = view->behind,
        .start_limit = view->final ? view->size : view->size - BODY_WINDOW_OVERLAP,
    };
    if (!response && view->offset == 0 && scan->kind == BODY_FORM)
        grant_note(&exchange->transaction, view);
    uint32_t count = scan_text(worker, exchange, &text);
    bool escaped = body_needs_decoding((enum body_kind)scan->kind, view) ||
                   (scan->locator_ready && body_locator_in_escaped(&scan->locator));
    if (count == 0 && !escaped && put_off(scan, view))
        return;
    locator_make(exchange, response);
    catch_up(scan);
    /* The decoder runs ahead on a copy of the locator, from where this view begins. */
    bool values = escaped && body_values_enter(&scan->values, &scan->locator, view);
    view_hits(worker, exchange, response, view, count);
    if (values)
        view_values(worker, exchange, response, view);
    body_locator_leave(&scan->locator, view);
}

static void feed_window(struct pipeline *worker, struct exchange *exchange, bool response, struct parse_input input)
{
    struct body_scan *scan = &exchange->scans[response];
    for (;;) {
        struct body_view view;
        struct parse_step step = body_window_add(&scan->window, &input, &view);
        if (input.data) {
            input.data += step.consumed;
            input.size -= step.consumed;
        } else {
            input.lost -= min_u32(step.consumed, input.lost);
        }
        if (step.status == PARSE_ITEM)
            scan_view(worker, exchange, response, &view);
        else if (step.status == PARSE_MORE)
            return;
        else
            break;
    }
    if (scan->window.no_buffer)
        exchange->transaction.call.flags |= CALL_UNSCANNED;
    scan->on = false;
}

static void value_view(struct pipeline *worker, struct exchange *exchange, bool response,
                       const struct scan_value *value, const struct body_view *view)
{
    struct detect_text text = {
        .data = view->data,
        .size = view->size,
        .start_from = view->behind,
        .start_limit = view->final ? view->size : view->size - BODY_WINDOW_OVERLAP,
        .context = value->name,
    };
    struct place place = {DETECTION_BODY, value->name};
    uint32_t count = scan_text(worker, exchange, &text);
    for (uint32_t i = 0; i < count; i++)
        detection_add(exchange, response, &worker->hits[i], &place,
                      value->offset + view->offset + worker->hits[i].offset);
}

void scan_value(struct pipeline *worker, struct exchange *exchange, bool response, const struct scan_value *value,
                struct parse_input input)
{
    struct body_window *window = &exchange->scans[response].window;
    for (;;) {
        struct body_view view;
        struct parse_step step = body_window_add(window, &input, &view);
        if (input.data) {
            input.data += step.consumed;
            input.size -= step.consumed;
        } else {
            input.lost -= min_u32(step.consumed, input.lost);
        }
        if (step.status == PARSE_MORE)
            return;
        if (step.status == PARSE_STOP)
            break;
        value_view(worker, exchange, response, value, &view);
    }
    if (window->no_buffer)
        exchange->transaction.call.flags |= CALL_UNSCANNED;
    body_window_release(window);
    body_window_init(window, &worker->windows);
}

void scan_utf8(struct pipeline *worker, struct exchange *exchange, bool response, struct span text, bool last)
{
    if (!exchange->scans[response].started && text.size)
        body_start(worker, exchange, response, text);
    if (text.size)
        graphql_body(exchange, response, text);
    feed_window(worker, exchange, response, (struct parse_input){.data = text.data, .size = text.size, .last = last});
}

void scan_hole(struct pipeline *worker, struct exchange *exchange, bool response, uint32_t lost)
{
    feed_window(worker, exchange, response, (struct parse_input){.lost = lost});
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
    if (!scan->on) {
        if (!scan->started && data.size)
            body_start(worker, exchange, response, data);
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
    scan_charset(worker, exchange, response, data, last);
}

/* What came of a coded body. Whatever was not decoded was not searched. */
void scan_note_outcome(struct exchange *exchange, bool response, const struct content_decoder *decoder)
{
    struct transaction_side *side = exchange_side(exchange, response);
    switch (decoder->outcome) {
    case CONTENT_COMPLETE:
        return;
    case CONTENT_BOMB_SIZE:
    case CONTENT_BOMB_RATIO:
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
        if (input.data) {
            input.data += step.consumed;
            input.size -= step.consumed;
        } else {
            input.lost -= min_u32(step.consumed, input.lost);
        }
        if (step.status == PARSE_ITEM) {
            body_bytes(worker, exchange, response, span_of(view.data, view.size), view.last);
        } else if (step.status == PARSE_MORE) {
            return;
        } else {
            scan_note_outcome(exchange, response, scan->decoder);
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
    else if (scan->on && (scan->started || scan->first_held))
        scan_charset(worker, exchange, response, span_of(end.data, 0), true);
    scan->on = false;
    body_window_release(&scan->window);
}
