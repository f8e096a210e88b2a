/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Content decoder
 *
 * Undoes the content codings of one body, under the contract of base/parse.h: an item is a view of decoded bytes, every
 * byte offered is consumed by the time of PARSE_MORE, PARSE_STOP says that `outcome` is final.
 *
 * Views:    CONTENT_VIEW_SIZE bytes each, the last one less; so a small body is one view, however it came. What was
 *           decoded before a stop is always shown before PARSE_STOP.
 * Cuts:     the same views, outcome, flags and sizes for every cut of the input.
 * Calls:    2 * size + 2 for an input, and one for each view.
 * Loss:     ends decoding with CONTENT_LOST, once the bytes in front of the hole are decoded.
 * End:      `last`. Not the end of the coded stream, which others may follow (RFC 1952 2.2, RFC 8878 3.1).
 * Memory:   all from the arena given to content_decoders_init(), the libraries' own included. A gzip or deflate layer
 *           takes CONTENT_INFLATE_SIZE, a br or zstd layer CONTENT_WINDOW_SIZE, of which as much is touched as the
 *           stream's window needs; each beside a view.
 * Threads:  one owner.
 * Limits:   below; reaching one is an outcome.
 */

#include "base/parse.h"
#include "base/pool.h"
#include "proto/content_coding.h"

#define CONTENT_VIEW_SIZE  16384u      /* as much as a body window holds */
#define CONTENT_OUTPUT_MAX (64u << 20) /* a layer; API gateways refuse bodies over 10 MB or so */
#define CONTENT_RATIO_MAX  200u        /* output a byte on the wire; rows of JSON that differ in a number reach 50 */
#define CONTENT_RATIO_FREE (64u << 10) /* output before the ratio counts: short texts of blanks are no attack */
/* Empty members, frames and blocks, tables for a byte or two: no encoder makes coded bytes longer than their content by
 * more than headers. They cost ten times as long to decode as others, so time is bounded by what they give for it. */
#define CONTENT_WASTE_MAX 4u
#define CONTENT_WASTE_FREE                                                                                             \
    (256u << 10) /* coded bytes of a layer before that counts: twice what a block of zstd holds back */
#define CONTENT_WINDOW_MAX (8u << 20) /* zstd: senders must keep to it (RFC 9659) */

/* zlib 1.2.13 takes 40 KB with its window of 32 KB; room for builds that align more. */
#define CONTENT_INFLATE_SIZE (48u << 10)

/* zstd: its window, two blocks and its tables. brotli: a ring of 4 MB (the usual encoder's window), the half as large
 * one it grows from, and tables. At least; more where the installed zstd needs it. */
#define CONTENT_WINDOW_SIZE (9u << 20)

struct content_layer;

struct content_decoders {
    struct pool decoders;
    struct pool inflate_layers;               /* gzip, deflate */
    struct pool window_layers;                /* br, zstd */
    uint64_t outcomes[CONTENT_OUTCOME_COUNT]; /* bodies by outcome; CONTENT_OPEN: given back before their end */
};

struct content_view {
    const uint8_t *data; /* valid until the next call */
    uint32_t size;
    uint64_t offset; /* of data[0] in the decoded body */
    bool last;       /* PARSE_STOP follows; a full view may be the last one without it */
};

#define CONTENT_SLICE_SIZE 512u /* coded bytes decoded in one go, see content_decoder.c */

/* Private but outcome, flags, input_size and output_size, which are final at PARSE_STOP. */
struct content_decoder {
    uint8_t outcome; /* enum content_outcome */
    uint8_t flags;   /* set of enum content_flag, of all layers */
    uint8_t closing; /* the outcome that input ends with: CONTENT_COMPLETE or CONTENT_LOST */
    uint8_t layer_count;
    bool view_given;
    uint64_t input_size;  /* coded bytes decoded */
    uint64_t output_size; /* decoded bytes shown */
    struct content_decoders *owner;
    struct content_layer *layers[CONTENT_LAYERS_MAX]; /* the one applied last comes first */
    uint32_t slice_used, slice_at;
    uint8_t slice[CONTENT_SLICE_SIZE];
};

/* Bytes of arena for that many layers of each kind. */
size_t content_decoders_size(uint32_t inflate_count, uint32_t window_count);

/* Returns 0, or -ENOMEM when the arena has not room for them. */
MUST_USE int content_decoders_init(struct content_decoders *decoders, struct arena *arena, uint32_t inflate_count,
                                   uint32_t window_count);

/* `codings` have a count and the outcome CONTENT_OPEN. NULL: none is free, counted as CONTENT_NO_DECODER. */
struct content_decoder *content_decoder_take(struct content_decoders *decoders, const struct content_codings *codings);

/* At any time; views end with it. */
void content_decoder_give(struct content_decoder *decoder);

struct parse_step content_decoder_next(struct content_decoder *decoder, const struct parse_input *input,
                                       struct content_view *view_out);
