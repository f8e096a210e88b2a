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
#define VALUE_OVERLAP_DIGITS                                                                                           \
    332u /* the same across pieces of a decoded value, which overlap by BODY_CARRY_MAX: 249 bytes, and their context   \
          */

static_assert(PIECE_OVERLAP + 3 < BODY_WINDOW_OVERLAP, "the next view still has what is read again");
static_assert(VALUE_OVERLAP_DIGITS + BEHIND_DIGITS + 6 < BODY_CARRY_MAX, "the next piece still has what is read again");
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

/* What begins in decoded bytes [from, limit) of these digits is searched. */
static void search(struct pipeline *worker, struct exchange *exchange, bool response, const struct scan_place *place,
                   uint64_t offset, struct span digits, uint32_t from, uint32_t limit)
{
    uint32_t size = base64_decode(digits, worker->decoded, sizeof(worker->decoded));
    struct detect_text text = detect_text_whole(worker->decoded, size, place->name);
    text.start_from = min_u32(from, size);
    text.start_limit = min_u32(limit, size);
    uint32_t count = scan_text(worker, exchange, &text);
    for (uint32_t i = 0; i < count; i++)
        scan_add(exchange, response, &worker->hits[i], place, offset);
}

/*
 * Digits of a value in front of its first escape are searched as they are written, those behind it decoded. Here the
 * one ends and the other begins, in digits of the value.
 */
static uint64_t plain_limit(uint64_t plain)
{
    uint64_t groups = plain & ~UINT64_C(3);
    return groups > VALUE_OVERLAP_DIGITS ? groups - VALUE_OVERLAP_DIGITS : 0;
}

/* ---- in decoded values ---- */

/* The digits of a piece, from the first whole group of four of its value; size 0 when it is none of base64. */
static struct span piece_digits(const struct body_piece *piece)
{
    uint32_t digits = 0, padding = 0, skip = (uint32_t)(-piece->at & 3);
    if (!piece->known || piece->size < BASE64_RUN_MIN + skip ||
        base64_run_find(piece->data, 0, piece->size, &digits) != 0)
        return (struct span){0};
    while (piece->last && digits + padding < piece->size && piece->data[digits + padding] == '=' && padding < 2)
        padding++;
    if (digits + padding != piece->size || digits < skip + PROBE_DIGITS)
        return (struct span){0};
    return span_of(piece->data + skip, piece->last ? digits - skip : (digits - skip) & ~3u);
}

/*
 * Pieces overlap in what is decoded of a value. Where a piece leaves off is counted in digits of the value, so the next
 * one goes on exactly there, whatever it begins with.
 */
void scan_base64_piece(struct pipeline *worker, struct exchange *exchange, bool response,
                       const struct scan_place *place, const struct body_piece *piece)
{
    struct body_scan *scan = &exchange->scans[response];
    struct span digits = piece_digits(piece);
    bool goes_on = scan->base64.piece_open && !piece->first;
    scan->base64.piece_open = false;
    if (!digits.size || !(goes_on || says_text(digits.data)))
        return;
    uint64_t begin = (piece->at + 3) & ~UINT64_C(3), end = begin + digits.size;
    uint64_t next = piece->resumes ? plain_limit(piece->plain) : goes_on ? scan->base64.piece_next : 0;
    uint64_t from = next > begin ? next : begin;
    uint64_t limit = piece->last ? end : end > from + VALUE_OVERLAP_DIGITS ? end - VALUE_OVERLAP_DIGITS : from;
    uint32_t from_bytes = (uint32_t)(from - begin) / 4 * 3;
    uint32_t limit_bytes = piece->last ? UINT32_MAX : (uint32_t)(limit - begin) / 4 * 3;
    search(worker, exchange, response, place, scan->base + piece->offset, digits, from_bytes, limit_bytes);
    scan->base64.piece_open = !piece->last;
    scan->base64.piece_next = limit;
}

/* ---- in views ---- */

static bool is_json(const struct body_scan *scan)
{
    return scan->kind == BODY_JSON || scan->kind == BODY_LINES || scan->kind == BODY_EVENTS;
}

/* An escape that may stand for a digit, or for padding: "\/" and "\u003d", "%2B", "&#61;". */
static bool escape_follows(const struct body_scan *scan, const struct body_view *view, uint32_t end)
{
    if (view->size - end < 2)
        return false;
    const uint8_t *text = view->data + end;
    if (is_json(scan))
        return text[0] == '\\' && (text[1] == '/' || text[1] == 'u');
    return text[0] == (scan->kind == BODY_FORM ? '%' : '&') && (scan->kind == BODY_FORM || scan->kind == BODY_XML);
}

/* Whether the value has nothing in front of the run. */
static bool begins_value(const struct body_scan *scan, const struct body_view *view, uint32_t at)
{
    uint8_t before = at ? view->data[at - 1] : 0;
    if (is_json(scan))
        return before == '"';
    return scan->kind == BODY_FORM ? before == '=' : scan->kind == BODY_XML && before == '>';
}

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
        bool json = is_json(scan);
        bool begins = json ? at > 0 && (data[at - 1] == '"' || data[at - 1] == ',') : at == 0 || data[at - 1] != '.';
        bool ends =
            end == view->size || (json ? data[end] == '"' || escape_follows(scan, view, end) : data[end] != '.');
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
    scan->base64.whole = goes_on ? scan->base64.whole : begins_value(scan, view, at);
    bool escaped = scan->base64.whole && digits < size && escape_follows(scan, view, at + digits);
    struct span text = {view->data + at, more ? digits & ~3u : digits};
    struct scan_place place = {DETECTION_BODY, span_of(scan->base64.name, scan->base64.name_size)};
    uint32_t from = goes_on ? BEHIND_DIGITS : 0, limit = UINT32_MAX;
    if (more)
        limit = (text.size - min_u32(OVERLAP_DIGITS, text.size)) / 4 * 3;
    else if (escaped)
        limit = (uint32_t)plain_limit(digits) / 4 * 3;
    search(worker, exchange, response, &place, scan->base + view->offset + at, text, from / 4 * 3, limit);
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
