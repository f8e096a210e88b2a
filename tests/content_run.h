/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Decodes a body in pieces and keeps what came out, holding the decoder to its contract on the way: bytes consumed,
 * number of calls, sizes and offsets of views, nothing left in use.
 */

#include <stdlib.h>

#include "proto/content_decoder.h"

#define CONTENT_RUN_MAX (4u << 20)

struct content_run {
    uint64_t output_size;
    uint64_t input_size;
    uint64_t digest; /* of the views, their bytes and borders */
    uint8_t outcome;
    uint8_t flags;
    uint32_t views;
    uint8_t *output; /* the first CONTENT_RUN_MAX bytes; NULL: not kept */
};

static inline struct content_codings content_run_codings(struct span header)
{
    struct content_codings codings = {0};
    content_coding_parse(header, &codings);
    return codings;
}

static inline void content_run_view(struct content_run *run, const struct content_view *view)
{
    require(view->size > 0 && view->size <= CONTENT_VIEW_SIZE);
    require(view->size == CONTENT_VIEW_SIZE || view->last);
    require(view->offset == run->output_size);
    if (run->output && run->output_size + view->size <= CONTENT_RUN_MAX)
        memcpy(run->output + run->output_size, view->data, view->size);
    uint64_t digest = run->digest ^ view->size ^ (uint64_t)view->last << 32;
    for (uint32_t i = 0; i < view->size; i++)
        digest = (digest ^ view->data[i]) * UINT64_C(0x100000001b3);
    run->digest = digest;
    run->output_size += view->size;
    run->views++;
}

/* Offers one piece until the decoder wants more or is done. */
static inline enum parse_status content_run_offer(struct content_decoder *decoder, struct content_run *run,
                                                  const struct parse_input *piece)
{
    uint32_t at = 0, views = run->views;
    struct parse_step step = {0};
    for (uint64_t calls = 1; step.status == PARSE_ITEM; calls++) {
        require(calls <= UINT64_C(2) * piece->size + 2 + (run->views - views));
        struct parse_input input = *piece;
        input.data = piece->data ? piece->data + at : NULL;
        input.size = piece->size - at;
        struct content_view view = {0};
        step = content_decoder_next(decoder, &input, &view);
        require(step.consumed <= input.size);
        at += step.consumed;
        if (step.status == PARSE_ITEM)
            content_run_view(run, &view);
    }
    require(step.status == PARSE_STOP || at == piece->size);
    require((step.status == PARSE_STOP) == (decoder->outcome != CONTENT_OPEN));
    require(!(piece->last || (!piece->data && piece->lost)) || step.status == PARSE_STOP);
    return step.status;
}

/* `cuts` are `cut_count` offsets that ascend; lost_at >= size: nothing is lost. */
static inline void content_run(struct content_decoders *decoders, const struct content_codings *codings,
                               struct span body, const uint32_t *cuts, uint32_t cut_count, uint32_t lost_at,
                               struct content_run *run)
{
    struct content_decoder *decoder = content_decoder_take(decoders, codings);
    require(decoder != NULL);
    uint8_t *output = run->output;
    *run = (struct content_run){.output = output, .digest = UINT64_C(0xcbf29ce484222325)};
    enum parse_status status = PARSE_MORE;
    uint32_t at = 0;
    for (uint32_t i = 0; i <= cut_count && status == PARSE_MORE; i++) {
        uint32_t to = i < cut_count ? cuts[i] : body.size;
        bool lost = lost_at < body.size && lost_at <= to;
        to = lost ? lost_at : to;
        struct parse_input piece = {.data = body.data + at, .size = to - at, .last = i == cut_count && !lost};
        status = content_run_offer(decoder, run, &piece);
        if (lost && status == PARSE_MORE)
            status = content_run_offer(decoder, run, &(struct parse_input){.lost = 1000});
        at = to;
    }
    require(status == PARSE_STOP);
    struct content_view view;
    struct parse_step again = content_decoder_next(decoder, &(struct parse_input){.last = true}, &view);
    require(again.status == PARSE_STOP && again.consumed == 0);
    require(decoder->output_size == run->output_size && decoder->input_size <= body.size);
    run->outcome = decoder->outcome;
    run->flags = decoder->flags;
    run->input_size = decoder->input_size;
    content_decoder_give(decoder);
    require(decoders->decoders.used_count == 0 && decoders->inflate_layers.used_count == 0 &&
            decoders->window_layers.used_count == 0);
}

static inline bool content_run_equal(const struct content_run *a, const struct content_run *b)
{
    return a->output_size == b->output_size && a->input_size == b->input_size && a->digest == b->digest &&
           a->outcome == b->outcome && a->flags == b->flags && a->views == b->views;
}
