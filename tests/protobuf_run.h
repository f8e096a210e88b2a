/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Runs the protobuf walker over a message in pieces and writes what it says as a text: "PATH=NUMBER " and "PATH:HEX ",
 * a text that came in pieces put together again, a hole in one as "?" for each byte, one
 * whose end a hole has swallowed with "!".
 */

#include <stdio.h>
#include <stdlib.h>

#include "proto/protobuf.h"

#define PROTOBUF_LOG_MAX 262144u

struct protobuf_run {
    struct protobuf_walker walker;
    uint32_t used;
    bool open; /* inside a text */
    char log[PROTOBUF_LOG_MAX];
};

static inline void protobuf_run_put(struct protobuf_run *run, const char *text, uint32_t size)
{
    require(run->used + size < PROTOBUF_LOG_MAX);
    memcpy(run->log + run->used, text, size);
    run->used += size;
    run->log[run->used] = '\0';
}

static inline void protobuf_run_item(struct protobuf_run *run, const struct protobuf_item *item)
{
    char text[1280];
    uint32_t size = protobuf_path(&run->walker, text, 1024);
    if (item->kind == PROTOBUF_ITEM_NUMBER) {
        require(!run->open);
        size += (uint32_t)snprintf(text + size, sizeof(text) - size, "=%llu ", (unsigned long long)item->number);
        protobuf_run_put(run, text, size);
        return;
    }
    require((item->first || run->open) && (item->lost > 0) == (item->text.data == NULL));
    if (item->first && run->open)
        protobuf_run_put(run, "! ", 2);
    require(item->lost || item->text.size);
    if (item->first) {
        text[size++] = ':';
        protobuf_run_put(run, text, size);
    }
    for (uint32_t i = 0; i < item->text.size; i++) {
        snprintf(text, sizeof(text), "%02x", item->text.data[i]);
        protobuf_run_put(run, text, 2);
    }
    for (uint32_t i = 0; i < item->lost; i++)
        protobuf_run_put(run, "?", 1);
    if (item->last)
        protobuf_run_put(run, " ", 1);
    run->open = !item->last;
}

/* Offers one piece; returns the bytes consumed. */
static inline uint32_t protobuf_run_offer(struct protobuf_run *run, const struct parse_input *piece)
{
    struct parse_input input = *piece;
    uint32_t total = input.data ? input.size : input.lost, consumed = 0;
    for (uint64_t calls = 0;; calls++) {
        require(calls <= 2 * (uint64_t)total + 2);
        struct protobuf_item item;
        struct parse_step step = protobuf_parse(&run->walker, &input, &item);
        require(step.consumed <= total - consumed);
        consumed += step.consumed;
        parse_input_advance(&input, step.consumed);
        if (step.status == PARSE_ITEM) {
            protobuf_run_item(run, &item);
            continue;
        }
        require((step.status == PARSE_STOP) == (run->walker.outcome != PROTOBUF_OPEN));
        require(step.status == PARSE_STOP || consumed == total || step.needed > total - consumed);
        return consumed;
    }
}

/* The message cut at the offsets, which ascend; what a guess needs is offered again with the next piece behind it. */
static inline void protobuf_run_cut(struct protobuf_run *run, const struct protobuf_message *message,
                                    const uint8_t *data, uint32_t size, const uint32_t *cuts, uint32_t count)
{
    protobuf_init(&run->walker, message);
    run->used = 0;
    run->open = false;
    run->log[0] = '\0';
    uint32_t at = 0;
    for (uint32_t i = 0; i <= count; i++) {
        uint32_t to = i < count ? cuts[i] : size;
        if (to < at)
            continue;
        /* A copy of exactly these bytes, so that a sanitizer sees one read too many. */
        uint8_t *copy = malloc(to - at + 1);
        require(copy);
        if (to > at)
            memcpy(copy + 1, data + at, to - at);
        struct parse_input input = {.data = copy + 1, .size = to - at, .last = i == count};
        at += protobuf_run_offer(run, &input);
        free(copy);
        if (run->walker.outcome != PROTOBUF_OPEN)
            return;
    }
}
