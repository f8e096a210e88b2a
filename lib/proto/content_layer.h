/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Content layer
 *
 * One coding of one body: what the decoder and the files that know a coding share. Not for other modules.
 */

#include "proto/content_decoder.h"
#include "proto/content_slab.h"

enum content_answer {
    CONTENT_ANSWER_MORE, /* all input is consumed */
    CONTENT_ANSWER_FULL, /* there is no room for the next byte of output */
    CONTENT_ANSWER_STOP, /* layer->outcome says why */
};

/* Moved on by what was read and written. */
struct content_io {
    const uint8_t *input;
    uint32_t input_size;
    uint8_t *output;
    uint32_t output_size;
};

struct content_layer {
    void *state; /* the coding's own, in the slab */
    uint64_t input_size;
    uint64_t output_size;
    uint32_t output_used; /* of output[] */
    uint32_t output_at;   /* consumed by the next layer */
    uint8_t coding;       /* enum content_coding */
    uint8_t outcome;      /* enum content_outcome */
    uint8_t flags;        /* set of enum content_flag */
    bool full;            /* the last answer: output may be waiting without input */
    struct content_slab slab;
    uint8_t output[CONTENT_VIEW_SIZE];
    uint8_t memory[] CACHE_ALIGNED;
};

struct content_methods {
    bool (*begin)(struct content_layer *layer); /* false: no memory */
    /* With no input only after CONTENT_ANSWER_FULL, to show what had no room. */
    enum content_answer (*decode)(struct content_layer *layer, struct content_io *io);
    void (*finish)(struct content_layer *layer); /* the input has ended: decides between complete and truncated */
};

/* Bytes behind the end of the coded stream: swallowed and told. */
static inline void content_skip_trailing(struct content_layer *layer, struct content_io *io)
{
    if (io->input_size)
        layer->flags |= CONTENT_FLAG_TRAILING_BYTES;
    io->input += io->input_size;
    io->input_size = 0;
}

static inline enum content_answer content_stop(struct content_layer *layer, enum content_outcome outcome)
{
    layer->outcome = (uint8_t)outcome;
    return CONTENT_ANSWER_STOP;
}

extern const struct content_methods content_gzip_methods;
extern const struct content_methods content_deflate_methods;
extern const struct content_methods content_brotli_methods;
extern const struct content_methods content_zstd_methods;

/* Memory a zstd layer needs. */
size_t content_zstd_size(void);
