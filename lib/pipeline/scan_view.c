/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Searching the text of bodies for sensitive data
 *
 * Bodies come as views (proto/body_window.h), in UTF-8. What is found is named by its place; JSON- and percent-escaped
 * values are decoded and searched as well, and a raw match in such a value is dropped, so each is told once.
 */

#include "pipeline/scan.h"
#include "proto/http_text.h"

#define FORM_NAME_NOTED_MAX 16u /* longer names of form fields are none that is looked for */

static void locator_make(struct exchange *exchange, bool response)
{
    struct body_scan *scan = &exchange->scans[response];
    if (scan->locator_ready)
        return;
    body_locator_init(&scan->locator, (enum body_kind)scan->kind);
    body_values_init(&scan->values);
    scan->locator_ready = true;
}

struct scan_place scan_place_named(const struct body_scan *scan, struct span name, uint8_t *buffer)
{
    struct span part = scan->multipart ? scan_multipart_name(scan->multipart) : (struct span){0};
    if (!part.size)
        return (struct scan_place){DETECTION_BODY, name};
    bool slash = name.size && name.data[0] != '/';
    uint32_t size = min_u32(part.size, BODY_NAME_MAX - 1);
    memcpy(buffer, part.data, size);
    if (slash)
        buffer[size++] = '/';
    uint32_t rest = min_u32(name.size, BODY_NAME_MAX - size);
    if (rest)
        memcpy(buffer + size, name.data, rest);
    return (struct scan_place){DETECTION_BODY, span_of(buffer, size + rest)};
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
        uint8_t name[BODY_NAME_MAX];
        struct scan_place named = scan_place_named(scan, span_of(place.name, place.name_size), name);
        scan_add(exchange, response, hit, &named, scan->base + view->offset + hit->offset);
    }
}

static void view_values(struct pipeline *worker, struct exchange *exchange, bool response, const struct body_view *view)
{
    struct body_scan *scan = &exchange->scans[response];
    struct body_piece piece;
    while (body_values_next(&scan->values, view, &piece)) {
        uint8_t name[BODY_NAME_MAX];
        struct scan_place named = scan_place_named(scan, span_of(piece.place.name, piece.place.name_size), name);
        struct detect_text text = detect_text_whole(piece.data, piece.size, named.name);
        uint32_t count = scan_text(worker, exchange, &text);
        for (uint32_t i = 0; i < count; i++)
            if (body_piece_owns(&piece, worker->hits[i].offset, worker->hits[i].size))
                scan_add(exchange, response, &worker->hits[i], &named,
                         scan->base + piece.offset + worker->hits[i].offset);
        scan_base64_piece(worker, exchange, response, &named, &piece);
    }
}

/* Only how a token was asked for, and whether another method is, is kept of the form, nothing of what it says. */
static void form_note(struct transaction *transaction, const struct body_view *view)
{
    const struct span method = SPAN_LITERAL("_method"), grant = SPAN_LITERAL("grant_type");
    struct span rest = span_of(view->data, view->size);
    struct http_pair pair;
    while (http_query_next(&rest, &pair)) {
        uint8_t buffer[FORM_NAME_NOTED_MAX];
        struct http_decoded name = http_percent_decode(pair.name, true, buffer, sizeof(buffer));
        if (!pair.value.size || name.truncated)
            continue;
        transaction->method_field |= span_equal_nocase(name.text, method);
        if (transaction->grant == TRANSACTION_GRANT_NONE && span_equal(name.text, grant)) {
            bool password = span_equal(pair.value, SPAN_LITERAL("password"));
            transaction->grant = password ? TRANSACTION_GRANT_PASSWORD : TRANSACTION_GRANT_OTHER;
        }
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
        form_note(&exchange->transaction, view);
    uint32_t count = scan_text(worker, exchange, &text);
    bool escaped = body_needs_decoding((enum body_kind)scan->kind, view) ||
                   (scan->locator_ready && body_locator_in_escaped(&scan->locator));
    bool base64 = scan_base64_any(scan, view);
    if (count == 0 && !escaped && !base64 && put_off(scan, view))
        return;
    locator_make(exchange, response);
    catch_up(scan);
    /* Values in base64 are asked for behind all others, from where this view begins. */
    struct body_locator begin;
    if (base64)
        begin = scan->locator;
    /* The decoder runs ahead on a copy of the locator, from where this view begins. */
    bool values = escaped && body_values_enter(&scan->values, &scan->locator, view);
    view_hits(worker, exchange, response, view, count);
    if (values)
        view_values(worker, exchange, response, view);
    if (base64)
        scan_base64_view(worker, exchange, response, view, &begin);
    body_locator_leave(&scan->locator, view);
}

static void feed_window(struct pipeline *worker, struct exchange *exchange, bool response, struct parse_input input)
{
    struct body_scan *scan = &exchange->scans[response];
    for (;;) {
        struct body_view view;
        struct parse_step step = body_window_add(&scan->window, &input, &view);
        parse_input_advance(&input, step.consumed);
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

void scan_utf8(struct pipeline *worker, struct exchange *exchange, bool response, struct span text, bool last)
{
    if (!exchange->scans[response].started && text.size)
        scan_body_start(worker, exchange, response, text);
    if (text.size)
        graphql_body(exchange, response, text);
    feed_window(worker, exchange, response, (struct parse_input){.data = text.data, .size = text.size, .last = last});
}

void scan_hole(struct pipeline *worker, struct exchange *exchange, bool response, uint32_t lost)
{
    feed_window(worker, exchange, response, (struct parse_input){.lost = lost});
}
