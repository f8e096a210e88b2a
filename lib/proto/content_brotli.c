/* SPDX-License-Identifier: Apache-2.0 */

/*
 * br (RFC 7932)
 *
 * The library sizes its ring by the content up to the window the stream names, so most streams need far less memory
 * than that; one that needs more than the slab has is stopped there. Windows beyond RFC 7932 stay off, as the library
 * has them by default. When it finds an error it keeps back what it decoded in that call, and it asks for input while
 * it still has output: only room that is left says that there is none.
 */

#include <brotli/decode.h>

#include "proto/content_layer.h"

struct brotli_layer {
    BrotliDecoderState *decoder;
    bool begun;
    bool ended;
};

static void *take_memory(void *slab, size_t size)
{
    return content_slab_take(slab, size);
}

static void give_memory(void *slab, void *block)
{
    content_slab_give(slab, block);
}

static bool begin(struct content_layer *layer)
{
    struct brotli_layer *state = content_slab_take(&layer->slab, sizeof(*state));
    if (!state)
        return false;
    *state = (struct brotli_layer){0};
    layer->state = state;
    state->decoder = BrotliDecoderCreateInstance(take_memory, give_memory, &layer->slab);
    return state->decoder != NULL;
}

static enum content_outcome outcome_of_error(BrotliDecoderErrorCode code)
{
    bool memory =
        code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES && code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES;
    return memory || code == BROTLI_DECODER_ERROR_FORMAT_WINDOW_BITS ? CONTENT_WINDOW : CONTENT_MALFORMED;
}

static enum content_answer decode(struct content_layer *layer, struct content_io *io)
{
    struct brotli_layer *state = layer->state;
    state->begun |= io->input_size > 0;
    if (!state->ended) {
        size_t input_size = io->input_size, output_size = io->output_size;
        BrotliDecoderResult result =
            BrotliDecoderDecompressStream(state->decoder, &input_size, &io->input, &output_size, &io->output, NULL);
        io->input_size = (uint32_t)input_size;
        io->output_size = (uint32_t)output_size;
        if (result == BROTLI_DECODER_RESULT_ERROR)
            return content_stop(layer, outcome_of_error(BrotliDecoderGetErrorCode(state->decoder)));
        if (result != BROTLI_DECODER_RESULT_SUCCESS)
            return io->output_size == 0 ? CONTENT_ANSWER_FULL : CONTENT_ANSWER_MORE;
        state->ended = true;
    }
    content_skip_trailing(layer, io);
    return CONTENT_ANSWER_MORE;
}

static void finish(struct content_layer *layer)
{
    const struct brotli_layer *state = layer->state;
    layer->outcome = state->ended || !state->begun ? CONTENT_COMPLETE : CONTENT_TRUNCATED;
}

const struct content_methods content_brotli_methods = {begin, decode, finish};
