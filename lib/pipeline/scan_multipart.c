/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Bodies in parts: the reader finds the parts, and each goes through charset, window and locator as a body of its own,
 * by its own media type. What the reader leaves of a piece of the wire is carried to the next.
 */

#include "pipeline/channel.h"
#include "pipeline/scan.h"
#include "proto/grpc_text.h"
#include "proto/multipart.h"

#define DECODED_MAX MULTIPART_PART_MAX /* base64 makes fewer bytes than it has digits */

struct scan_multipart {
    struct multipart reader;
    struct grpc_text base64;
    bool open; /* a part is being searched */
    uint32_t carry_size;
    uint8_t carry[MULTIPART_HELD_MAX];
    uint8_t decoded[DECODED_MAX];
};

static_assert(sizeof(struct scan_multipart) <= CHANNEL_CARRY_SIZE, "one comes from the pool of carried bytes");

struct feed {
    struct pipeline *worker;
    struct exchange *exchange;
    struct body_scan *scan;
    bool response;
};

struct span scan_multipart_type(const struct scan_multipart *multipart)
{
    return multipart_type(&multipart->reader);
}

struct span scan_multipart_name(const struct scan_multipart *multipart)
{
    if (multipart->reader.lost)
        return (struct span){0};
    return multipart_name(&multipart->reader);
}

void scan_multipart_take(struct pipeline *worker, struct exchange *exchange, bool response)
{
    struct body_scan *scan = &exchange->scans[response];
    struct span type = exchange_header(exchange, response, HEADER_CONTENT_TYPE);
    struct span boundary = body_boundary_find(type);
    if (body_kind_detect(type, (struct span){0}) != BODY_MULTIPART || !boundary.size)
        return;
    struct scan_multipart *multipart = pool_take(&worker->carries);
    /* Without memory it is searched as one text: only the names of places are missing. */
    if (!multipart)
        return;
    memset(multipart, 0, offsetof(struct scan_multipart, carry));
    multipart_init(&multipart->reader, boundary);
    scan->multipart = multipart;
}

/* ---- parts ---- */

static void part_bytes(const struct feed *feed, struct span data, bool last)
{
    if (feed->scan->on)
        scan_charset(feed->worker, feed->exchange, feed->response, data, last);
}

static void part_end(const struct feed *feed)
{
    struct scan_multipart *multipart = feed->scan->multipart;
    if (multipart->open && (feed->scan->started || feed->scan->first_held))
        part_bytes(feed, span_of(multipart->carry, 0), true);
    scan_charset_end(feed->exchange, feed->response, false);
    body_window_release(&feed->scan->window);
    multipart->open = false;
}

static void part_begin(const struct feed *feed, uint64_t offset)
{
    struct body_scan *scan = feed->scan;
    part_end(feed);
    scan_restart(feed->worker, scan, offset);
    scan->multipart->base64 = (struct grpc_text){0};
    scan->multipart->open = true;
}

/* Lines of base64 (RFC 2045 6.8): their ends are no digits. What is none at all is searched no further. */
static void part_base64(const struct feed *feed, struct span text, bool last)
{
    struct scan_multipart *multipart = feed->scan->multipart;
    while (text.size) {
        if (text.data[0] == '\r' || text.data[0] == '\n') {
            text = span_from(text, 1);
            continue;
        }
        const uint8_t *line_end = memchr(text.data, '\r', text.size);
        struct span line = span_first(text, line_end ? (uint32_t)(line_end - text.data) : text.size);
        line_end = memchr(line.data, '\n', line.size);
        line = span_first(line, line_end ? (uint32_t)(line_end - line.data) : line.size);
        text = span_from(text, line.size);
        uint32_t size = grpc_text_decode(&multipart->base64, &line, multipart->decoded, DECODED_MAX);
        if (size)
            part_bytes(feed, span_of(multipart->decoded, size), false);
    }
    if (multipart->base64.broken)
        feed->exchange->transaction.call.flags |= CALL_UNDECODED;
    if (last)
        part_end(feed);
}

static void part_item(const struct feed *feed, const struct multipart_item *item)
{
    if (item->first)
        part_begin(feed, item->offset);
    if (feed->scan->multipart->reader.base64)
        part_base64(feed, item->text, item->last);
    else
        part_bytes(feed, item->text, item->last);
}

/* Returns the bytes consumed. */
static uint32_t read_parts(const struct feed *feed, struct parse_input input)
{
    uint32_t consumed = 0;
    /* The reader's own promise bounds this loop: at most 2 * size + 2 answers for one input. */
    for (;;) {
        struct multipart_item item;
        struct parse_step step = multipart_parse(&feed->scan->multipart->reader, &input, &item);
        consumed += step.consumed;
        parse_input_advance(&input, step.consumed);
        if (step.status != PARSE_ITEM)
            return consumed;
        part_item(feed, &item);
    }
}

/* ---- bytes ---- */

/* What was carried and more behind it. Returns how much of `data` is done with. */
static uint32_t read_carried(const struct feed *feed, struct span data, bool last)
{
    struct scan_multipart *multipart = feed->scan->multipart;
    uint32_t before = multipart->carry_size, size = min_u32(data.size, MULTIPART_HELD_MAX - before);
    memcpy(multipart->carry + before, data.data, size);
    struct parse_input input = {.data = multipart->carry, .size = before + size, .last = last && size == data.size};
    uint32_t consumed = read_parts(feed, input);
    if (consumed >= before) {
        multipart->carry_size = 0;
        return consumed - before;
    }
    multipart->carry_size = before + size - consumed;
    memmove(multipart->carry, multipart->carry + consumed, multipart->carry_size);
    return size;
}

void scan_multipart_data(struct pipeline *worker, struct exchange *exchange, bool response, struct span data, bool last)
{
    const struct feed feed = {worker, exchange, &exchange->scans[response], response};
    struct scan_multipart *multipart = feed.scan->multipart;
    while (multipart->carry_size && data.size)
        data = span_from(data, read_carried(&feed, data, last));
    if (data.size) {
        uint32_t consumed = read_parts(&feed, (struct parse_input){.data = data.data, .size = data.size, .last = last});
        data = span_from(data, consumed);
        require(data.size <= MULTIPART_HELD_MAX);
        if (data.size)
            memcpy(multipart->carry, data.data, data.size);
        multipart->carry_size = data.size;
    } else if (last) {
        struct parse_input input = {.data = multipart->carry, .size = multipart->carry_size, .last = true};
        (void)read_parts(&feed, input);
        multipart->carry_size = 0;
    }
    if (last)
        part_end(&feed);
}

void scan_multipart_lost(struct pipeline *worker, struct exchange *exchange, bool response, uint32_t lost)
{
    const struct feed feed = {worker, exchange, &exchange->scans[response], response};
    feed.scan->multipart->carry_size = 0;
    part_end(&feed);
    (void)read_parts(&feed, (struct parse_input){.lost = lost});
}
