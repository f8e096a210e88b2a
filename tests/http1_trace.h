/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Drives the HTTP/1 parser over a stream with cuts and holes and writes down what it said, in a form that does not
 * depend on the cuts: pieces of one body are joined. Breaks of the parser contract end the process, for tests and
 * fuzzers alike.
 */

#include <sys/mman.h>
#include <unistd.h>

#include "proto/http1.h"
#include "trace_lines.h"

#define HTTP1_TRACE_SEGMENTS_MAX 64u

struct http1_trace {
    struct trace_lines lines; /* one an item */
    bool in_body;
    uint64_t calls;
    uint64_t body_bytes, lost_bytes;
    uint64_t anomalies; /* of all items */
    uint64_t unwritten; /* anomalies that do not show in the text */
    uint32_t messages, complete;
    uint32_t rests;
    bool forgets; /* a fresh parser goes on wherever one is at rest */
    struct http1 parser;
};

static inline void http1_trace_add_span(struct http1_trace *trace, struct span span)
{
    trace_add(&trace->lines, "[", 1);
    trace_add(&trace->lines, span.data, span.size);
    trace_add(&trace->lines, "] ", 2);
}

static inline void http1_trace_add_number(struct http1_trace *trace, const char *name, uint64_t number)
{
    char text[64];
    int size = snprintf(text, sizeof(text), "%s=%llx ", name, (unsigned long long)number);
    trace_add(&trace->lines, text, (size_t)size);
}

static inline void http1_trace_body(struct http1_trace *trace, const struct http1_item *item)
{
    if (!trace->in_body)
        trace_add(&trace->lines, "BODY ", 5);
    trace->in_body = true;
    if (item->anomalies & ~trace->unwritten)
        http1_trace_add_number(trace, " anomalies", item->anomalies & ~trace->unwritten);
    trace_check(item->body.data.data ? item->body.data.size > 0 : item->body.lost > 0, "empty body item");
    trace_add(&trace->lines, item->body.data.data, item->body.data.size);
    trace->body_bytes += item->body.data.size;
    trace->lost_bytes += item->body.lost;
    if (item->body.lost)
        http1_trace_add_number(trace, " lost", item->body.lost);
}

static inline void http1_trace_first(struct http1_trace *trace, const struct http1_item *item)
{
    trace->messages++;
    if (item->kind == HTTP1_REQUEST_LINE) {
        trace_add(&trace->lines, "REQUEST ", 8);
        http1_trace_add_span(trace, item->request.method);
        http1_trace_add_span(trace, item->request.target);
        http1_trace_add_number(trace, "minor", item->request.version_minor);
        return;
    }
    trace_add(&trace->lines, "STATUS ", 7);
    http1_trace_add_number(trace, "code", item->status.status);
    http1_trace_add_span(trace, item->status.reason);
    http1_trace_add_number(trace, "minor", item->status.version_minor);
    http1_trace_add_number(trace, "interim", item->status.interim);
}

static inline void http1_trace_item(struct http1_trace *trace, const struct http1_item *item)
{
    trace->anomalies |= item->anomalies;
    if (item->kind == HTTP1_BODY) {
        http1_trace_body(trace, item);
        return;
    }
    if (trace->in_body)
        trace_add(&trace->lines, "\n", 1);
    trace->in_body = false;
    switch (item->kind) {
    case HTTP1_REQUEST_LINE:
    case HTTP1_STATUS_LINE:
        http1_trace_first(trace, item);
        break;
    case HTTP1_HEADER:
    case HTTP1_TRAILER:
        trace_add(&trace->lines, item->kind == HTTP1_HEADER ? "HEADER " : "TRAILER ",
                  item->kind == HTTP1_HEADER ? 7 : 8);
        http1_trace_add_span(trace, item->header.name);
        http1_trace_add_span(trace, item->header.value);
        break;
    case HTTP1_HEAD_END:
        trace_add(&trace->lines, "HEAD_END ", 9);
        http1_trace_add_number(trace, "framing", item->head_end.framing);
        http1_trace_add_number(trace, "length", item->head_end.length);
        http1_trace_add_number(trace, "persistent", item->head_end.persistent);
        break;
    case HTTP1_MESSAGE_END:
        trace->complete += item->end.complete;
        trace_add(&trace->lines, "END ", 4);
        http1_trace_add_number(trace, "complete", item->end.complete);
        if (item->end.assumed)
            trace_add(&trace->lines, "assumed ", 8);
        break;
    default:
        trace_check(false, "unknown item");
    }
    http1_trace_add_number(trace, "anomalies", item->anomalies & ~trace->unwritten);
    trace_add(&trace->lines, "\n", 1);
}

/* Memory whose last byte is followed by a page that cannot be read. */
struct http1_trace_guard {
    uint8_t *end;
    uint8_t *base;
    size_t size;
};

static inline struct http1_trace_guard http1_trace_guard_new(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (size + page - 1) / page * page;
    uint8_t *base = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    trace_check(base != MAP_FAILED && mprotect(base + room, page, PROT_NONE) == 0, "out of memory");
    return (struct http1_trace_guard){base + room, base, room + page};
}

static inline void http1_trace_guard_free(struct http1_trace_guard *guard)
{
    munmap(guard->base, guard->size);
}

static inline void http1_trace_forget(struct http1_trace *trace)
{
    if (!trace->forgets || !http1_at_rest(&trace->parser))
        return;
    uint64_t searched = trace->parser.bytes_searched, skipped = trace->parser.bytes_skipped;
    http1_init(&trace->parser, (enum http1_kind)trace->parser.kind);
    trace->parser.bytes_searched = searched;
    trace->parser.bytes_skipped = skipped;
    trace->rests++;
}

/* One input until the parser asks for more. Returns what it left of it; UINT32_MAX when it stopped. */
static inline uint32_t http1_trace_input(struct http1_trace *trace, struct parse_input input, enum http1_method method)
{
    uint32_t size = input.data ? input.size : input.lost;
    uint64_t calls_max = 2 * (uint64_t)size + 2, calls = 0;
    for (;;) {
        struct http1_item item;
        struct parse_step step = http1_parse(&trace->parser, &input, &item);
        trace_check(++calls <= calls_max, "too many calls");
        trace_check(step.consumed <= (input.data ? input.size : input.lost), "consumed too much");
        parse_input_advance(&input, step.consumed);
        if (step.status == PARSE_ITEM) {
            http1_trace_item(trace, &item);
            if (item.kind == HTTP1_STATUS_LINE)
                http1_expect(&trace->parser, method);
            continue;
        }
        trace->calls += calls;
        http1_trace_forget(trace);
        trace_check(step.status == PARSE_STOP || input.data || input.lost == 0, "hole not taken");
        trace_check(step.status == PARSE_STOP || input.size <= HTTP1_LINE_MAX, "too much held back");
        return step.status == PARSE_STOP ? UINT32_MAX : (input.data ? input.size : 0);
    }
}

/* Feeds the stream; `segments` end with one whose end is `size`. `guard` may be NULL: then each input is a heap copy.
 */
static inline void http1_trace_run(struct http1_trace *trace, const uint8_t *stream, uint32_t size,
                                   const struct trace_segment *segments, uint32_t count, enum http1_method method,
                                   const struct http1_trace_guard *guard)
{
    uint32_t start = 0, end = 0; /* of what is not consumed */
    for (uint32_t i = 0; i < count; i++) {
        bool last = i + 1 == count;
        if (segments[i].lost) {
            struct parse_input hole = {.lost = segments[i].end - end, .last = last};
            end = start = segments[i].end;
            if ((hole.lost > 0 || last) && http1_trace_input(trace, hole, method) == UINT32_MAX)
                break;
            continue;
        }
        end = segments[i].end;
        uint32_t offered = end - start;
        uint8_t *copy = guard ? guard->end - offered : malloc(offered ? offered : 1);
        trace_check(copy != NULL, "out of memory");
        if (offered)
            memcpy(copy, stream + start, offered);
        uint32_t left = http1_trace_input(trace, (struct parse_input){copy, offered, 0, last}, method);
        if (!guard)
            free(copy);
        if (left == UINT32_MAX)
            break;
        start = end - left;
    }
    trace_check(end <= size, "segments beyond the stream");
    if (trace->in_body)
        trace_add(&trace->lines, "\n", 1);
    trace->in_body = false;
    trace_add(&trace->lines, "", 0);
}

static inline void http1_trace_init(struct http1_trace *trace, enum http1_kind kind)
{
    *trace = (struct http1_trace){.lines.size = 0};
    http1_init(&trace->parser, kind);
}

static inline void http1_trace_free(struct http1_trace *trace)
{
    free(trace->lines.text);
}

/* A hole voids what was not consumed before it, so two cuttings with holes agree in items, not in what was skipped. */
static inline bool http1_trace_equal(const struct http1_trace *a, const struct http1_trace *b)
{
    return a->lines.size == b->lines.size &&
           (a->lines.size == 0 || memcmp(a->lines.text, b->lines.text, a->lines.size) == 0);
}
