/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Searching for sensitive data: what heads and bodies have in common. A text is searched, what is found is kept with
 * its place, and a value of which the pieces come one after the other is searched in a window.
 */

#include "pipeline/scan.h"

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

void scan_add(struct exchange *exchange, bool response, const struct detect_hit *hit, const struct scan_place *place,
              uint64_t offset)
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

uint32_t scan_text(struct pipeline *worker, const struct exchange *exchange, const struct detect_text *text)
{
    struct epoch_worker *own = &exchange->epoch->workers[worker->options.worker];
    return detect_scan(exchange->epoch->detectors, own->scratch, text, worker->hits, WORKER_HITS_MAX);
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
    struct scan_place place = {DETECTION_BODY, value->name};
    uint32_t count = scan_text(worker, exchange, &text);
    for (uint32_t i = 0; i < count; i++)
        scan_add(exchange, response, &worker->hits[i], &place, value->offset + view->offset + worker->hits[i].offset);
}

void scan_value(struct pipeline *worker, struct exchange *exchange, bool response, const struct scan_value *value,
                struct parse_input input)
{
    struct body_window *window = &exchange->scans[response].window;
    for (;;) {
        struct body_view view;
        struct parse_step step = body_window_add(window, &input, &view);
        parse_input_advance(&input, step.consumed);
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
