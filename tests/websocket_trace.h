/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Drives the WebSocket parser over a stream with cuts and holes and writes down what it said, in a form that does not
 * depend on the cuts: pieces of one message are joined. Breaks of the parser contract end the process, for tests and
 * fuzzers alike.
 */

#include "proto/websocket.h"
#include "trace_lines.h"

#define WEBSOCKET_TRACE_SEGMENTS_MAX 64u

struct websocket_trace {
    struct trace_lines lines; /* one an item */
    uint64_t anomalies;       /* of all items */
    uint64_t message_anomalies;
    uint64_t data_bytes, lost_bytes;
    uint32_t messages, complete, controls;
    bool open, stopped;
    struct websocket parser;
    uint8_t window[WEBSOCKET_WINDOW_SIZE];
};

static inline void websocket_trace_number(struct websocket_trace *trace, const char *name, uint64_t number)
{
    char text[64];
    int size = snprintf(text, sizeof(text), "%s%llu", name, (unsigned long long)number);
    trace_add(&trace->lines, text, (size_t)size);
}

static inline void websocket_trace_anomalies(struct websocket_trace *trace, uint64_t anomalies)
{
    for (uint32_t i = 0; i < ANOMALY_COUNT; i++) {
        if (!(anomalies & ANOMALY_BIT(i)))
            continue;
        trace_add(&trace->lines, " ", 1);
        trace_add(&trace->lines, anomaly_name((enum anomaly)i), strlen(anomaly_name((enum anomaly)i)));
    }
}

static inline void websocket_trace_control(struct websocket_trace *trace, const struct websocket_item *item)
{
    const char *name = websocket_opcode_name(item->opcode);
    trace->controls++;
    trace_add(&trace->lines, trace->open ? "~" : "", trace->open ? 1 : 0);
    trace_add(&trace->lines, name, strlen(name));
    if (item->close_code)
        websocket_trace_number(trace, " ", item->close_code);
    trace_add(&trace->lines, "(", 1);
    trace_add(&trace->lines, item->data.data, item->data.size);
    trace_add(&trace->lines, item->complete ? ")" : ")-", item->complete ? 1 : 2);
    websocket_trace_anomalies(trace, item->anomalies);
    trace_add(&trace->lines, "\n", 1);
}

static inline void websocket_trace_item(struct websocket_trace *trace, const struct websocket_item *item)
{
    const char *name = websocket_opcode_name(item->opcode);
    trace->anomalies |= item->anomalies;
    trace->message_anomalies |= item->kind == WEBSOCKET_CONTROL ? 0 : item->anomalies;
    switch (item->kind) {
    case WEBSOCKET_MESSAGE_BEGIN:
        trace_check(!trace->open, "a message inside a message");
        trace->open = true;
        trace->messages++;
        trace_add(&trace->lines, name, strlen(name));
        trace_add(&trace->lines, item->compressed ? "+(" : "(", item->compressed ? 2 : 1);
        break;
    case WEBSOCKET_DATA:
        trace_check(trace->open, "data outside of a message");
        trace_check(item->data.data ? item->data.size > 0 : item->lost > 0, "empty data item");
        trace_add(&trace->lines, item->data.data, item->data.size);
        trace->data_bytes += item->data.size;
        trace->lost_bytes += item->lost;
        if (item->lost) {
            websocket_trace_number(trace, "<", item->lost);
            trace_add(&trace->lines, ">", 1);
        }
        break;
    case WEBSOCKET_MESSAGE_END:
        trace_check(trace->open, "the end of no message");
        trace->open = false;
        trace->complete += item->complete;
        trace_add(&trace->lines, item->complete ? ")" : ")-", item->complete ? 1 : 2);
        websocket_trace_anomalies(trace, trace->message_anomalies);
        trace->message_anomalies = 0;
        trace_add(&trace->lines, "\n", 1);
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
        trace_check(calls <= UINT64_C(2) * size + 4, "too many calls");
        struct websocket_item item;
        struct parse_step step = websocket_parse(&trace->parser, &input, &item);
        trace_check(step.consumed <= (input.data ? input.size : input.lost), "consumed too much");
        at += step.consumed;
        parse_input_advance(&input, step.consumed);
        if (step.status == PARSE_ITEM) {
            websocket_trace_item(trace, &item);
            continue;
        }
        trace->stopped = step.status == PARSE_STOP;
        trace_check(input.data || trace->stopped || input.lost == 0, "part of a hole was left");
        trace_check(!input.data || trace->stopped || input.size <= WEBSOCKET_HELD_MAX, "too much was left");
        return at;
    }
}

/* `bytes` is copied for each piece, so that a sanitizer sees what is read beyond it. */
static inline void websocket_trace_run(struct websocket_trace *trace, const uint8_t *bytes, uint32_t size,
                                       const struct trace_segment *segments, uint32_t count)
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
        trace_check(copy != NULL, "out of memory");
        memcpy(copy, bytes + at, piece);
        at += websocket_trace_offer(trace, (struct parse_input){.data = copy, .size = piece, .last = last});
        free(copy);
    }
    trace_check(trace->stopped, "no stop at the end");
    trace_check(!trace->open, "a message without end");
    (void)size;
}

static inline void websocket_trace_init(struct websocket_trace *trace, enum websocket_sender sender,
                                        enum websocket_deflate deflate)
{
    memset(trace, 0, sizeof(*trace));
    trace_add(&trace->lines, "", 0);
    websocket_init(&trace->parser, sender, deflate, trace->window);
}

static inline void websocket_trace_free(struct websocket_trace *trace)
{
    free(trace->lines.text);
}
