/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Values in base64
 *
 * Long runs of digits are rare, and those whose first bytes decode to text are rarer: only for them the place is asked
 * for, and only as the whole of a value they are one. A run over the end of a view is decoded in pieces that overlap,
 * from the digits of the next view.
 */

#include "base/base64.h"
#include "pipeline/scan.h"
#include "proto/base64_run.h"
#include "proto/utf8.h"

#define PROBE_DIGITS   16u  /* twelve bytes: others than text pass once in 10^5 */
#define OVERLAP_DIGITS 512u /* a value across two pieces is not longer than 384 bytes */
#define BEHIND_DIGITS  168u /* and has 126 in front of it for its context */
#define PIECE_OVERLAP  (OVERLAP_DIGITS + BEHIND_DIGITS)

static_assert(PIECE_OVERLAP + 3 < BODY_WINDOW_OVERLAP, "the next view still has what is read again");
static_assert(OVERLAP_DIGITS % 4 == 0 && BEHIND_DIGITS % 4 == 0, "pieces begin with a group of four");

/* Whether its first bytes are text. */
static bool says_text(const uint8_t *digits)
{
    uint8_t probe[PROBE_DIGITS / 4 * 3];
    uint32_t size = base64_decode(span_of(digits, PROBE_DIGITS), probe, sizeof(probe));
    struct utf8_check check = {0};
    utf8_check_add(&check, probe, size);
    if (check.invalid)
        return false;
    for (uint32_t i = 0; i < size; i++)
        if ((probe[i] < ' ' && probe[i] != '\t' && probe[i] != '\n' && probe[i] != '\r') || probe[i] == 0x7f)
            return false;
    return true;
}

/* Searches what the digits say; `more`: others follow, and what begins in the overlap is theirs. */
static void search(struct pipeline *worker, struct exchange *exchange, bool response, const struct scan_place *place,
                   uint64_t offset, struct span digits, bool goes_on, bool more)
{
    uint32_t size = base64_decode(digits, worker->decoded, sizeof(worker->decoded));
    struct detect_text text = detect_text_whole(worker->decoded, size, place->name);
    if (goes_on)
        text.start_from = min_u32(BEHIND_DIGITS / 4 * 3, size);
    if (more)
        text.start_limit = size - min_u32(OVERLAP_DIGITS / 4 * 3, size);
    uint32_t count = scan_text(worker, exchange, &text);
    for (uint32_t i = 0; i < count; i++)
        scan_add(exchange, response, &worker->hits[i], place, offset);
}

void scan_base64_value(struct pipeline *worker, struct exchange *exchange, bool response,
                       const struct scan_place *place, uint64_t offset, struct span value)
{
    uint32_t digits = 0, padding = 0;
    if (value.size < BASE64_RUN_MIN || base64_run_find(value.data, 0, value.size, &digits) != 0)
        return;
    while (digits + padding < value.size && value.data[digits + padding] == '=' && padding < 2)
        padding++;
    if (digits + padding == value.size && says_text(value.data))
        search(worker, exchange, response, place, offset, span_first(value, digits), false, false);
}

/* ---- in views ---- */

/* First run in [from, size) that may be a value; the size of the view when there is none. */
static uint32_t find_value(const struct body_scan *scan, const struct body_view *view, uint32_t from,
                           uint32_t *digits_out)
{
    uint32_t limit = view->final ? view->size : view->size - BODY_WINDOW_OVERLAP;
    while (from < limit) {
        uint32_t at = base64_run_find(view->data, from, view->size, digits_out);
        if (at >= limit)
            break;
        const uint8_t *data = view->data;
        uint32_t end = at + *digits_out;
        while (end < view->size && data[end] == '=')
            end++;
        from = at + *digits_out;
        bool json = scan->kind == BODY_JSON || scan->kind == BODY_LINES || scan->kind == BODY_EVENTS;
        bool begins = json ? at > 0 && (data[at - 1] == '"' || data[at - 1] == ',') : at == 0 || data[at - 1] != '.';
        bool ends = end == view->size || (json ? data[end] == '"' : data[end] != '.');
        if (begins && ends && says_text(data + at))
            return at;
    }
    return view->size;
}

bool scan_base64_any(const struct body_scan *scan, const struct body_view *view)
{
    uint32_t digits;
    if (scan->kind == BODY_BINARY || view->size < BASE64_RUN_MIN)
        return scan->base64.open;
    return scan->base64.open || find_value(scan, view, view->behind, &digits) < view->size;
}

/* Decodes what the view has of the run that begins, or goes on, at `at`. Returns the end of it. */
static uint32_t read_run(struct pipeline *worker, struct exchange *exchange, bool response,
                         const struct body_view *view, uint32_t at, bool goes_on)
{
    struct body_scan *scan = &exchange->scans[response];
    uint32_t digits = 0, size = view->size - at;
    while (digits < size && base64_digit(view->data[at + digits]))
        digits++;
    bool more = digits == size && !view->final;
    struct span text = {view->data + at, more ? digits & ~3u : digits};
    struct scan_place place = {DETECTION_BODY, span_of(scan->base64.name, scan->base64.name_size)};
    search(worker, exchange, response, &place, scan->base + view->offset + at, text, goes_on, more);
    scan->base64.open = more;
    scan->base64.next = view->offset + at + text.size - min_u32(PIECE_OVERLAP, text.size);
    return at + digits;
}

void scan_base64_view(struct pipeline *worker, struct exchange *exchange, bool response, const struct body_view *view,
                      struct body_locator *locator)
{
    struct body_scan *scan = &exchange->scans[response];
    uint32_t from = view->behind, digits;
    bool goes_on = scan->base64.open && scan->base64.next >= view->offset && !view->after_loss;
    scan->base64.open = false;
    if (goes_on)
        from = read_run(worker, exchange, response, view, (uint32_t)(scan->base64.next - view->offset), true);
    for (uint32_t at; (at = find_value(scan, view, from, &digits)) < view->size; from = at + digits) {
        struct body_place where;
        body_locate(locator, view, at, min_u32(digits, BASE64_RUN_MIN), &where);
        if ((where.kind != BODY_PLACE_VALUE && where.kind != BODY_PLACE_UNKNOWN) || where.escaped)
            continue;
        uint8_t name[BODY_NAME_MAX];
        struct scan_place place = scan_place_named(scan, span_of(where.name, where.name_size), name);
        scan->base64.name_size = (uint16_t)place.name.size;
        if (place.name.size)
            memcpy(scan->base64.name, place.name.data, place.name.size);
        (void)read_run(worker, exchange, response, view, at, false);
    }
}
