/* SPDX-License-Identifier: Apache-2.0 */

/* Charset of a body: found in its first two bytes and its media type, undone in front of the window. */

#include "pipeline/scan.h"
#include "proto/http_text.h"

/* What is no text has no charset, whatever it begins with. JSON is UTF-8 (RFC 8259 8.1), other text where it says so.
 */
static void body_charset(struct exchange *exchange, bool response, struct span start)
{
    struct body_scan *scan = &exchange->scans[response];
    struct span type = scan_media_type(exchange, response);
    enum body_kind kind = body_kind_detect(type, (struct span){0});
    struct http_media_type media_type;
    if (kind == BODY_BINARY || !http_media_type_parse(type, &media_type))
        return;
    struct span label = media_type.charset;
    bool json = kind == BODY_JSON || kind == BODY_LINES || kind == BODY_EVENTS;
    scan->charset.charset = (uint8_t)charset_find(label, start);
    scan->utf8_due = label.size ? span_equal_nocase(label, SPAN_LITERAL("utf-8")) : json;
}

static void charset_bytes(struct pipeline *worker, struct exchange *exchange, bool response, struct span data,
                          bool last)
{
    struct body_scan *scan = &exchange->scans[response];
    if (scan->charset.charset == CHARSET_UTF_8) {
        if (scan->utf8_due)
            utf8_check_add(&scan->utf8, data.data, data.size);
        scan_utf8(worker, exchange, response, data, last);
        return;
    }
    while (data.size && scan->on) {
        uint32_t size = charset_decode(&scan->charset, &data, worker->decoded, sizeof(worker->decoded));
        scan_utf8(worker, exchange, response, span_of(worker->decoded, size), false);
    }
    if (last && scan->on) {
        uint32_t size = charset_finish(&scan->charset, worker->decoded);
        scan_utf8(worker, exchange, response, span_of(worker->decoded, size), true);
    }
}

/* The first two bytes decide the charset; a first one that comes alone waits for the second. */
static void start_bytes(struct pipeline *worker, struct exchange *exchange, bool response, struct span data, bool last)
{
    struct body_scan *scan = &exchange->scans[response];
    uint8_t start[CHARSET_START_SIZE] = {scan->first_byte};
    uint32_t held = scan->first_held, size = min_u32(data.size, CHARSET_START_SIZE - held);
    if (held + size < CHARSET_START_SIZE && !last) {
        scan->first_held = held || size;
        scan->first_byte = size ? data.data[0] : scan->first_byte;
        return;
    }
    if (size)
        memcpy(start + held, data.data, size);
    scan->charset_known = true;
    if (held + size)
        body_charset(exchange, response, span_of(start, held + size));
    if (held)
        charset_bytes(worker, exchange, response, span_of(start, 1), last && data.size == 0);
    if (!held || data.size)
        charset_bytes(worker, exchange, response, data, last);
}

void scan_charset(struct pipeline *worker, struct exchange *exchange, bool response, struct span data, bool last)
{
    if (exchange->scans[response].charset_known)
        charset_bytes(worker, exchange, response, data, last);
    else
        start_bytes(worker, exchange, response, data, last);
}

/* Units of two bytes stay in step over a hole. */
void scan_charset_lost(struct pipeline *worker, struct exchange *exchange, bool response, uint32_t lost)
{
    struct body_scan *scan = &exchange->scans[response];
    if (scan->first_held && !scan->charset_known) {
        scan->charset_known = true;
        scan_utf8(worker, exchange, response, span_of(&scan->first_byte, 1), false);
    }
    scan->utf8_due = false; /* a character may be in the hole */
    scan->charset.has_byte = scan->charset.has_byte != (lost & 1);
    scan->charset.byte = 0;
    scan->charset.high = 0;
    scan_hole(worker, exchange, response, lost);
}

void scan_charset_end(struct exchange *exchange, bool response, bool whole)
{
    struct body_scan *scan = &exchange->scans[response];
    if (scan->utf8.invalid || (whole && scan->utf8_due && !utf8_check_valid(&scan->utf8)))
        exchange_side(exchange, response)->anomalies |= ANOMALY_BIT(ANOMALY_TEXT_ENCODING);
    scan->utf8 = (struct utf8_check){0};
    scan->utf8_due = false;
}
