/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Drives the AMQP parsers over a stream with cuts and holes and writes down what they said, in a form that does not
 * depend on the cuts: pieces of one body are joined. Breaks of the parser contract end the process, for tests and
 * fuzzers alike.
 */

#include "proto/amqp091.h"
#include "proto/amqp091_method.h"
#include "proto/amqp091_table.h"
#include "proto/amqp10.h"
#include "proto/amqp10_message.h"
#include "proto/amqp10_performative.h"
#include "trace_lines.h"

#define AMQP_TRACE_SEGMENTS_MAX 64u

enum amqp_trace_kind { AMQP_TRACE_091, AMQP_TRACE_10, AMQP_TRACE_MESSAGE };

struct amqp_trace {
    enum amqp_trace_kind kind;
    bool from_client;
    bool bare;                /* without what performatives and bodies hold */
    struct trace_lines lines; /* one an item */
    int body_channel;         /* whose bytes the line so far holds; -1: none */
    uint64_t calls, body_bytes, lost_bytes, anomalies;
    uint32_t items, lost_items;
    struct amqp091 parser091;
    struct amqp10 parser10;
    struct amqp10_message message;
};

static inline void amqp_trace_text(struct amqp_trace *trace, const char *text)
{
    trace_add(&trace->lines, text, strlen(text));
}

static inline void amqp_trace_number(struct amqp_trace *trace, uint64_t number)
{
    char text[32];
    snprintf(text, sizeof(text), " %llu", (unsigned long long)number);
    amqp_trace_text(trace, text);
}

/* Begins a line, or goes on with the bytes of one body. */
static inline void amqp_trace_line(struct amqp_trace *trace, const char *word, int body_channel)
{
    if (body_channel >= 0 && trace->body_channel == body_channel)
        return;
    if (trace->lines.size)
        amqp_trace_text(trace, "\n");
    amqp_trace_text(trace, word);
    trace->body_channel = body_channel;
}

static inline void amqp_trace_body(struct amqp_trace *trace, const char *word, uint32_t channel, struct span data,
                                   uint32_t lost)
{
    trace_check(data.data ? data.size > 0 : lost > 0, "empty body item");
    amqp_trace_line(trace, word, (int)channel);
    trace->body_bytes += data.size;
    trace->lost_bytes += lost;
    if (data.data && !trace->bare)
        trace_add(&trace->lines, data.data, data.size);
}

static inline void amqp_trace_properties(struct amqp_trace *trace, struct span properties)
{
    struct amqp091_walk walk;
    struct amqp091_field field;
    uint32_t fields = 0;
    amqp091_properties_init(&walk, properties);
    while (amqp091_walk_next(&walk, &field)) {
        trace_check(++fields <= properties.size + 16, "more properties than bytes");
        amqp_trace_text(trace, field.header ? " +" : " ");
        trace_add(&trace->lines, field.name.data, field.name.size);
        amqp_trace_text(trace, "=");
        trace_add(&trace->lines, field.value.data, field.value.size);
    }
    if (walk.malformed)
        amqp_trace_text(trace, " malformed");
}

static inline void amqp_trace_item_091(struct amqp_trace *trace, const struct amqp091_item *item)
{
    struct amqp091_arguments arguments;
    const struct amqp091_method_info *method;
    trace->anomalies |= item->anomalies;
    switch (item->kind) {
    case AMQP091_PROTOCOL_HEADER:
        amqp_trace_line(trace, "PROTOCOL", -1);
        amqp_trace_number(trace, item->header.id);
        amqp_trace_number(trace, item->header.minor);
        break;
    case AMQP091_METHOD:
        method = amqp091_method_find(item->method.class_number, item->method.method_number);
        amqp_trace_line(trace, method ? method->name : "METHOD", -1);
        amqp_trace_number(trace, item->channel);
        if (method)
            amqp091_arguments_read(method, item->method.arguments, &arguments);
        amqp_trace_text(trace, method && arguments.complete ? " " : " ? ");
        trace_add(&trace->lines, item->method.arguments.data, item->method.arguments.size);
        break;
    case AMQP091_CONTENT_HEADER:
        amqp_trace_line(trace, "CONTENT", -1);
        amqp_trace_number(trace, item->channel);
        amqp_trace_number(trace, item->content.body_size);
        amqp_trace_properties(trace, item->content.properties);
        break;
    case AMQP091_BODY:
        amqp_trace_body(trace, "BODY ", item->channel, item->body.data, item->body.lost);
        break;
    case AMQP091_HEARTBEAT:
        amqp_trace_line(trace, "HEARTBEAT", -1);
        break;
    case AMQP091_LOST:
        amqp_trace_line(trace, "LOST", -1);
        trace->lost_items++;
        break;
    }
}

static inline void amqp_trace_item_10(struct amqp_trace *trace, const struct amqp10_item *item)
{
    struct amqp10_performative read;
    trace->anomalies |= item->anomalies;
    switch (item->kind) {
    case AMQP10_PROTOCOL_HEADER:
        amqp_trace_line(trace, "PROTOCOL", -1);
        amqp_trace_number(trace, item->header.id);
        amqp_trace_number(trace, item->header.major);
        break;
    case AMQP10_PERFORMATIVE:
        amqp_trace_line(trace, amqp10_performative_name(item->performative.code), -1);
        if (trace->bare)
            break;
        amqp_trace_number(trace, item->channel);
        amqp_trace_text(trace, amqp10_performative_read(item->performative.code, item->performative.fields,
                                                        item->performative.count, &read)
                                   ? " "
                                   : " ? ");
        trace_add(&trace->lines, item->performative.fields.data, item->performative.fields.size);
        break;
    case AMQP10_PAYLOAD:
        amqp_trace_body(trace, "PAYLOAD ", item->channel, item->payload.data, item->payload.lost);
        break;
    case AMQP10_FRAME_END:
        amqp_trace_line(trace, "END", -1);
        break;
    case AMQP10_LOST:
        amqp_trace_line(trace, "LOST", -1);
        trace->lost_items++;
        break;
    }
}

static inline void amqp_trace_item_message(struct amqp_trace *trace, const struct amqp10_message_item *item)
{
    if (item->kind == AMQP10_MESSAGE_BODY) {
        amqp_trace_body(trace, item->text ? "TEXT " : "BYTES ", item->section, item->data, item->lost);
        return;
    }
    amqp_trace_line(trace, "SECTION", -1);
    amqp_trace_number(trace, item->section);
    if (item->cut) {
        amqp_trace_text(trace, " cut");
        return;
    }
    struct amqp10_walk walk;
    struct amqp10_text text;
    uint32_t texts = 0;
    amqp10_walk_init(&walk, &item->value);
    while (amqp10_walk_next(&walk, &text)) {
        trace_check(++texts <= AMQP10_SECTION_MAX, "more texts than bytes");
        amqp_trace_text(trace, " ");
        trace_add(&trace->lines, text.name.data, text.name.size);
        amqp_trace_text(trace, "=");
        trace_add(&trace->lines, text.value.data, text.value.size);
    }
    if (walk.malformed)
        amqp_trace_text(trace, " malformed");
}

static inline struct parse_step amqp_trace_step(struct amqp_trace *trace, const struct parse_input *input)
{
    struct amqp091_item item091;
    struct amqp10_item item10;
    struct amqp10_message_item item;
    struct parse_step step;
    switch (trace->kind) {
    case AMQP_TRACE_091:
        step = amqp091_parse(&trace->parser091, input, &item091);
        if (step.status == PARSE_ITEM)
            amqp_trace_item_091(trace, &item091);
        return step;
    case AMQP_TRACE_10:
        step = amqp10_parse(&trace->parser10, input, &item10);
        if (step.status == PARSE_ITEM)
            amqp_trace_item_10(trace, &item10);
        return step;
    default:
        step = amqp10_message_parse(&trace->message, input, &item);
        if (step.status == PARSE_ITEM)
            amqp_trace_item_message(trace, &item);
        return step;
    }
}

/* One input until the parser wants more. The bytes lie in memory of exactly their size. False: it has stopped. */
static inline bool amqp_trace_input(struct amqp_trace *trace, const uint8_t *data, uint32_t size, uint32_t lost,
                                    bool last, uint32_t *consumed_out)
{
    uint64_t bound = trace->calls + 2 * (uint64_t)size + 8;
    uint8_t *copy = data ? malloc(size ? size : 1) : NULL;
    if (size)
        memcpy(copy, data, size);
    uint32_t done = 0, total = data ? size : lost;
    enum parse_status status;
    do {
        struct parse_input input = {.data = copy ? copy + done : NULL, .size = copy ? size - done : 0, .last = last};
        input.lost = copy ? 0 : lost - done;
        struct parse_step step = amqp_trace_step(trace, &input);
        trace_check(step.consumed <= total - done, "consumed more than there is");
        trace_check(++trace->calls <= bound, "too many calls");
        trace->items += step.status == PARSE_ITEM;
        done += step.consumed;
        status = step.status;
    } while (status == PARSE_ITEM);
    free(copy);
    *consumed_out = done;
    return status == PARSE_MORE;
}

static inline void amqp_trace_init(struct amqp_trace *trace, enum amqp_trace_kind kind, bool from_client,
                                   bool midstream)
{
    *trace = (struct amqp_trace){.kind = kind, .from_client = from_client, .body_channel = -1};
    (midstream ? amqp091_init_midstream : amqp091_init)(&trace->parser091, from_client);
    (midstream ? amqp10_init_midstream : amqp10_init)(&trace->parser10);
    amqp_trace_text(trace, "");
}

static inline void amqp_trace_run(struct amqp_trace *trace, const uint8_t *data, const struct trace_segment *segments,
                                  uint32_t count)
{
    uint32_t begin = 0, at = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t consumed, end = segments[i].end;
        bool last = i + 1 == count, on;
        if (segments[i].lost) {
            begin = end;
            if (end == at)
                continue;
            on = amqp_trace_input(trace, NULL, 0, end - at, false, &consumed);
        } else {
            on = amqp_trace_input(trace, data + begin, end - begin, 0, last, &consumed);
            begin += consumed;
        }
        at = end;
        if (!on)
            return;
        trace_check(at - begin <= AMQP091_HELD_MAX, "more left than was promised");
    }
}

static inline void amqp_trace_free(struct amqp_trace *trace)
{
    free(trace->lines.text);
}
