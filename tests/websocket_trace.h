/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Drives the WebSocket parser over a stream with cuts and holes and writes down what it said, in a form that does not
 * depend on the cuts: pieces of one message are joined. Breaks of the parser contract end the process, for tests and
 * fuzzers alike.
 */

#include <stdio.h>
#include <stdlib.h>

#include "proto/websocket.h"

#define WEBSOCKET_TRACE_SEGMENTS_MAX 64u

struct websocket_trace_segment {
    uint32_t end; /* offset in the stream where it ends */
    bool lost;
};

struct websocket_trace {
    char *text; /* one line an item */
    size_t size, capacity;
    uint64_t anomalies; /* of all items */
    uint64_t message_anomalies;
    uint64_t data_bytes, lost_bytes;
    uint32_t messages, complete, controls;
    bool open, stopped;
    struct websocket parser;
    uint8_t window[WEBSOCKET_WINDOW_SIZE];
};

static inline void websocket_trace_check(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "parser contract: %s\n", what);
    abort();
}

static inline void websocket_trace_add(struct websocket_trace *trace, const void *data, size_t size)
{
    if (trace->size + size + 1 > trace->capacity) {
        trace->capacity = (trace->size + size + 1) * 2;
        trace->text = realloc(trace->text, trace->capacity);
        websocket_trace_check(trace->text != NULL, "out of memory");
    }
    if (size)
        memcpy(trace->text + trace->size, data, size);
    trace->size += size;
    trace->text[trace->size] = '\0';
}

static inline void websocket_trace_number(struct websocket_trace *trace, const char *name, uint64_t number)
{
    char text[64];
    int size = snprintf(text, sizeof(text), "%s%llu", name, (unsigned long long)number);
    websocket_trace_add(trace, text, (size_t)size);
}

static inline void websocket_trace_anomalies(struct websocket_trace *trace, uint64_t anomalies)
{
    for (uint32_t i = 0; i < ANOMALY_COUNT; i++) {
        if (!(anomalies & ANOMALY_BIT(i)))
            continue;
        websocket_trace_add(trace, " ", 1);
        websocket_trace_add(trace, anomaly_name((enum anomaly)i), strlen(anomaly_name((enum anomaly)i)));
    }
}

static inline void websocket_trace_control(struct websocket_trace *trace, const struct websocket_item *item)
{
    const char *name = websocket_opcode_name(item->opcode);
    trace->controls++;
    websocket_trace_add(trace, trace->open ? "~" : "", trace->open ? 1 : 0);
    websocket_trace_add(trace, name, strlen(name));
    if (item->close_code)
        websocket_trace_number(trace, " ", item->close_code);
    websocket_trace_add(trace, "(", 1);
    websocket_trace_add(trace, item->data.data, item->data.size);
    websocket_trace_add(trace, item->complete ? ")" : ")-", item->complete ? 1 : 2);
    websocket_trace_anomalies(trace, item->anomalies);
    websocket_trace_add(trace, "\n", 1);
}

static inline void websocket_trace_item(struct websocket_trace *trace, const struct websocket_item *item)
{
    const char *name = websocket_opcode_name(item->opcode);
    trace->anomalies |= item->anomalies;
    trace->message_anomalies |= item->kind == WEBSOCKET_CONTROL ? 0 : item->anomalies;
    switch (item->kind) {
    case WEBSOCKET_MESSAGE_BEGIN:
        websocket_trace_check(!trace->open, "a message inside a message");
        trace->open = true;
        trace->messages++;
        websocket_trace_add(trace, name, strlen(name));
        websocket_trace_add(trace, item->compressed ? "+(" : "(", item->compressed ? 2 : 1);
        break;
    case WEBSOCKET_DATA:
        websocket_trace_check(trace->open, "data outside of a message");
        websocket_trace_check(item->data.data ? item->data.size > 0 : item->lost > 0, "empty data item");
        websocket_trace_add(trace, item->data.data, item->data.size);
        trace->data_bytes += item->data.size;
        trace->lost_bytes += item->lost;
        if (item->lost) {
            websocket_trace_number(trace, "<", item->lost);
            websocket_trace_add(trace, ">", 1);
        }
        break;
    case WEBSOCKET_MESSAGE_END:
        websocket_trace_check(trace->open, "the end of no message");
        trace->open = false;
        trace->complete += item->complete;
        websocket_trace_add(trace, item->complete ? ")" : ")-", item->complete ? 1 : 2);
        websocket_trace_anomalies(trace, trace->message_anomalies);
        trace->message_anomalies = 0;
        websocket_trace_add(trace, "\n", 1);
        break;
    default:
        websocket_trace_control(trace, item);
        break;
    }
}

/* Offers one piece, or a hole, until the parser wants more. Returns the bytes consumed. */
static inline uint32_t websocket_trace_offer(struct websocket_trace *trace, struct parse_input input)
{
    uint32_t size = input.data ? input.size : input.lost, at = 0;
    for (uint64_t calls = 1;; calls++) {
        websocket_trace_check(calls <= UINT64_C(2) * size + 4, "too many calls");
        struct websocket_item item;
        struct parse_step step = websocket_parse(&trace->parser, &input, &item);
        websocket_trace_check(step.consumed <= (input.data ? input.size : input.lost), "consumed too much");
        at += step.consumed;
        if (input.data) {
            input.data += step.consumed;
            input.size -= step.consumed;
        } else {
            input.lost -= step.consumed;
        }
        if (step.status == PARSE_ITEM) {
            websocket_trace_item(trace, &item);
            continue;
        }
        trace->stopped = step.status == PARSE_STOP;
        websocket_trace_check(input.data || trace->stopped || input.lost == 0, "part of a hole was left");
        websocket_trace_check(!input.data || trace->stopped || input.size <= WEBSOCKET_HELD_MAX, "too much was left");
        return at;
    }
}

/* `bytes` is copied for each piece, so that a sanitizer sees what is read beyond it. */
static inline void websocket_trace_run(struct websocket_trace *trace, const uint8_t *bytes, uint32_t size,
                                       const struct websocket_trace_segment *segments, uint32_t count)
{
    uint32_t at = 0; /* consumed */
    for (uint32_t i = 0; i < count && !trace->stopped; i++) {
        bool last = i + 1 == count;
        if (segments[i].lost) {
            uint32_t begin = i ? segments[i - 1].end : 0;
            if (segments[i].end > begin)
                websocket_trace_offer(trace, (struct parse_input){.lost = segments[i].end - begin});
            at = segments[i].end;
            if (last && !trace->stopped)
                websocket_trace_offer(trace, (struct parse_input){.data = bytes, .size = 0, .last = true});
            continue;
        }
        uint32_t piece = segments[i].end - at;
        uint8_t *copy = malloc(piece ? piece : 1);
        websocket_trace_check(copy != NULL, "out of memory");
        memcpy(copy, bytes + at, piece);
        at += websocket_trace_offer(trace, (struct parse_input){.data = copy, .size = piece, .last = last});
        free(copy);
    }
    websocket_trace_check(trace->stopped, "no stop at the end");
    websocket_trace_check(!trace->open, "a message without end");
    (void)size;
}

static inline void websocket_trace_init(struct websocket_trace *trace, enum websocket_sender sender,
                                        enum websocket_deflate deflate)
{
    memset(trace, 0, sizeof(*trace));
    websocket_trace_add(trace, "", 0);
    websocket_init(&trace->parser, sender, deflate, trace->window);
}

static inline void websocket_trace_free(struct websocket_trace *trace)
{
    free(trace->text);
}
