/* SPDX-License-Identifier: Apache-2.0 */

/* Charset of a body: found in its first two bytes and its media type, undone in front of the window. */

#include "pipeline/worker.h"
#include "proto/http_text.h"

/* What is no text has no charset, whatever it begins with. */
static enum charset body_charset(const struct exchange *exchange, bool response, struct span start)
{
    struct span type = exchange_header(exchange, response, HEADER_CONTENT_TYPE);
    struct http_media_type media_type;
    if (body_kind_detect(type, (struct span){0}) == BODY_BINARY || !http_media_type_parse(type, &media_type))
        return CHARSET_UTF_8;
    return charset_find(media_type.charset, start);
}

static void charset_bytes(struct pipeline *worker, struct exchange *exchange, bool response, struct span data,
                          bool last)
{
    struct body_scan *scan = &exchange->scans[response];
    if (scan->charset.charset == CHARSET_UTF_8) {
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
        scan->charset.charset = (uint8_t)body_charset(exchange, response, span_of(start, held + size));
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
    scan->charset.has_byte = scan->charset.has_byte != (lost & 1);
    scan->charset.byte = 0;
    scan->charset.high = 0;
    scan_hole(worker, exchange, response, lost);
}
