/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One direction of HTTP/2 read to the end, as text: a line for each item, data of one stream in a row joined. Input is
 * cut where the caller says; the bytes a parser leaves are offered again in front of the next ones.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/http2.h"

#define HTTP2_RUN_TEXT (1u << 21)

struct http2_run {
    struct arena *arena;
    struct pool large, joins;
    struct http2_memory memory;
    struct http2 parser;
    char *text;
    uint32_t text_size;
    uint32_t data_stream; /* of the data line that is open; 0: none */
    uint8_t *held;
    uint32_t held_size;
    uint64_t hash; /* of the data in that line */
    uint64_t data_size, data_lost;
    bool stopped;
    bool truncated;
};

static inline void http2_run_init(struct http2_run *run, enum http2_side side, bool midstream)
{
    memset(run, 0, sizeof(*run));
    run->arena = arena_new(1u << 20);
    if (!run->arena || pool_init(&run->large, run->arena, sizeof(struct hpack_large), 2) ||
        pool_init(&run->joins, run->arena, HTTP2_HOLD_MAX, 1))
        abort();
    run->memory = (struct http2_memory){{malloc(HPACK_SCRATCH_SIZE), &run->large}, &run->joins};
    run->text = malloc(HTTP2_RUN_TEXT);
    run->held = malloc(1);
    if (!run->memory.hpack.scratch || !run->text || !run->held)
        abort();
    run->text[0] = '\0';
    if (midstream)
        http2_init_midstream(&run->parser, &run->memory);
    else
        http2_init(&run->parser, side, &run->memory);
}

static inline void http2_run_free(struct http2_run *run)
{
    http2_release(&run->parser);
    if (run->large.used_count || run->joins.used_count)
        abort();
    free(run->memory.hpack.scratch);
    free(run->text);
    free(run->held);
    arena_free(run->arena);
}

static inline void PRINTF_LIKE(2, 3) http2_run_print(struct http2_run *run, const char *format, ...)
{
    va_list arguments;
    uint32_t room = HTTP2_RUN_TEXT - run->text_size;
    va_start(arguments, format);
    int size = vsnprintf(run->text + run->text_size, room, format, arguments);
    va_end(arguments);
    if (size < 0 || (uint32_t)size >= room) {
        run->truncated = true;
        run->text[run->text_size] = '\0';
        return;
    }
    run->text_size += (uint32_t)size;
}

static inline void http2_run_span(struct http2_run *run, struct span text, bool known)
{
    if (!known) {
        http2_run_print(run, "?");
        return;
    }
    for (uint32_t i = 0; i < text.size; i++)
        http2_run_print(run, text.data[i] > ' ' && text.data[i] < 0x7f && text.data[i] != '%' ? "%c" : "%%%02x",
                        text.data[i]);
}

static inline void http2_run_data_end(struct http2_run *run)
{
    if (run->data_stream)
        http2_run_print(run, "data %u size %llu lost %llu hash %llx\n", run->data_stream,
                        (unsigned long long)run->data_size, (unsigned long long)run->data_lost,
                        (unsigned long long)run->hash);
    run->data_stream = 0;
}

static inline void http2_run_data(struct http2_run *run, const struct http2_item *item)
{
    if (run->data_stream != item->stream) {
        http2_run_data_end(run);
        run->data_stream = item->stream;
        run->data_size = run->data_lost = 0;
        run->hash = UINT64_C(1469598103934665603);
    }
    run->data_size += item->data.data.size;
    run->data_lost += item->data.data.data ? 0 : item->data.lost;
    for (uint32_t i = 0; item->data.data.data && i < item->data.data.size; i++)
        run->hash = (run->hash ^ item->data.data.data[i]) * UINT64_C(1099511628211);
}

static inline void http2_run_item(struct http2_run *run, const struct http2_item *item)
{
    if (item->kind == HTTP2_DATA) {
        http2_run_data(run, item);
        return;
    }
    http2_run_data_end(run);
    switch (item->kind) {
    case HTTP2_HEAD:
        http2_run_print(run, "head %u promised %u%s\n", item->stream, item->head.promised,
                        item->head.end_stream ? " end" : "");
        break;
    case HTTP2_FIELD:
        http2_run_print(run, "field %u ", item->stream);
        http2_run_span(run, item->field.name, item->field.name_known);
        http2_run_print(run, " ");
        http2_run_span(run, item->field.value, item->field.value_known);
        http2_run_print(run, "\n");
        break;
    case HTTP2_HEAD_END:
        http2_run_print(run, "head_end %u flags %x fields %u wire %u\n", item->stream, item->head_end.flags,
                        item->head_end.fields, item->head_end.wire_bytes);
        break;
    case HTTP2_STREAM_END:
        http2_run_print(run, "end %u\n", item->stream);
        break;
    case HTTP2_RESET:
        http2_run_print(run, "reset %u %x\n", item->stream, item->reset.error);
        break;
    case HTTP2_SETTING:
        http2_run_print(run, "setting %x %x\n", item->setting.id, item->setting.value);
        break;
    case HTTP2_SETTINGS_END:
        http2_run_print(run, "settings%s\n", item->settings_end.ack ? " ack" : "");
        break;
    case HTTP2_PING:
        http2_run_print(run, "ping%s\n", item->ping.ack ? " ack" : "");
        break;
    case HTTP2_GOAWAY:
        http2_run_print(run, "goaway %u %x\n", item->goaway.last_stream, item->goaway.error);
        break;
    case HTTP2_WINDOW_UPDATE:
        http2_run_print(run, "window %u %u\n", item->stream, item->window_update.increment);
        break;
    case HTTP2_BAD_FRAME:
        http2_run_print(run, "bad %u type %u error %x\n", item->stream, item->bad_frame.frame.type,
                        (unsigned)item->bad_frame.error);
        break;
    default:
        http2_run_print(run, "gap\n");
        break;
    }
}

static inline void http2_run_lose(struct http2_run *run, uint32_t lost)
{
    run->held_size = 0;
    for (uint32_t calls = 0; !run->stopped; calls++) {
        struct http2_item item;
        struct parse_input input = {.lost = lost};
        struct parse_step step = http2_parse(&run->parser, &input, &item);
        if (step.consumed > lost || calls > 8)
            abort();
        lost -= step.consumed;
        if (step.status != PARSE_ITEM) {
            if (lost)
                abort();
            return;
        }
        http2_run_item(run, &item);
    }
}

static inline void http2_run_bytes(struct http2_run *run, const uint8_t *data, uint32_t size, bool last)
{
    if (run->stopped)
        return;
    /* A block of its own for each input: one byte read behind it is seen. */
    uint32_t all = run->held_size + size, at = 0;
    uint8_t *input_bytes = malloc(all + !all);
    if (!input_bytes)
        abort();
    if (run->held_size)
        memcpy(input_bytes, run->held, run->held_size);
    if (size)
        memcpy(input_bytes + run->held_size, data, size);
    for (uint64_t calls = 0;; calls++) {
        struct http2_item item;
        struct parse_input input = {.data = input_bytes + at, .size = all - at, .last = last};
        struct parse_step step = http2_parse(&run->parser, &input, &item);
        if (step.consumed > all - at || calls > 2 * (uint64_t)all + 16)
            abort();
        at += step.consumed;
        if (step.status == PARSE_ITEM) {
            http2_run_item(run, &item);
            continue;
        }
        run->stopped = step.status == PARSE_STOP;
        break;
    }
    if (!last && all - at > HTTP2_HOLD_MAX)
        abort();
    if (run->stopped)
        http2_run_data_end(run);
    free(run->held);
    run->held_size = all - at;
    run->held = malloc(run->held_size + 1u);
    if (!run->held)
        abort();
    if (run->held_size)
        memcpy(run->held, input_bytes + at, run->held_size);
    free(input_bytes);
}
