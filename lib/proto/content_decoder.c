/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Content decoder
 *
 * The libraries promise the right bytes for good input only; how much they show of a broken stream, and how far they
 * read ahead, depends on the pieces they are given. So they are never given the pieces of the wire: input is gathered
 * into slices cut by offset alone, and output room depends on output alone. What follows is then the same for every
 * cut, whatever the library.
 */

#include <errno.h>

#include "proto/content_layer.h"

static const struct content_methods *const methods[CONTENT_CODING_COUNT] = {
    [CONTENT_GZIP] = &content_gzip_methods,
    [CONTENT_DEFLATE] = &content_deflate_methods,
    [CONTENT_BROTLI] = &content_brotli_methods,
    [CONTENT_ZSTD] = &content_zstd_methods,
};

static uint32_t layer_size(size_t memory_size)
{
    size_t size = sizeof(struct content_layer) + memory_size;
    return (uint32_t)((size + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1));
}

static uint32_t inflate_layer_size(void)
{
    return layer_size(CONTENT_INFLATE_SIZE);
}

static uint32_t window_layer_size(void)
{
    size_t zstd_size = content_zstd_size();
    return layer_size(zstd_size > CONTENT_WINDOW_SIZE ? zstd_size : CONTENT_WINDOW_SIZE);
}

size_t content_decoders_size(uint32_t inflate_count, uint32_t window_count)
{
    size_t decoder_size = (sizeof(struct content_decoder) + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
    return ((size_t)inflate_count + window_count) * decoder_size + (size_t)inflate_count * inflate_layer_size() +
           (size_t)window_count * window_layer_size() + 3 * (size_t)CACHE_LINE;
}

int content_decoders_init(struct content_decoders *decoders, struct arena *arena, uint32_t inflate_count,
                          uint32_t window_count)
{
    *decoders = (struct content_decoders){0};
    if (pool_init(&decoders->decoders, arena, sizeof(struct content_decoder), inflate_count + window_count) ||
        pool_init(&decoders->inflate_layers, arena, inflate_layer_size(), inflate_count) ||
        pool_init(&decoders->window_layers, arena, window_layer_size(), window_count))
        return -ENOMEM;
    return 0;
}

static struct pool *pool_of(struct content_decoders *decoders, uint32_t coding)
{
    return coding == CONTENT_GZIP || coding == CONTENT_DEFLATE ? &decoders->inflate_layers : &decoders->window_layers;
}

static struct content_layer *layer_take(struct content_decoders *decoders, uint8_t coding)
{
    struct pool *pool = pool_of(decoders, coding);
    struct content_layer *layer = pool_take(pool);
    if (!layer)
        return NULL;
    memset(layer, 0, offsetof(struct content_layer, output));
    layer->coding = coding;
    content_slab_init(&layer->slab, layer->memory, pool->object_size - sizeof(*layer));
    if (!methods[coding]->begin(layer))
        layer->outcome = CONTENT_WINDOW;
    return layer;
}

static void give_memory(struct content_decoder *decoder)
{
    struct content_decoders *owner = decoder->owner;
    for (uint32_t i = 0; i < decoder->layer_count; i++)
        pool_give(pool_of(owner, decoder->layers[i]->coding), decoder->layers[i]);
    pool_give(&owner->decoders, decoder);
}

struct content_decoder *content_decoder_take(struct content_decoders *decoders, const struct content_codings *codings)
{
    require(codings->count > 0 && codings->count <= CONTENT_LAYERS_MAX && codings->outcome == CONTENT_OPEN);
    struct content_decoder *decoder = pool_take(&decoders->decoders);
    bool whole = decoder != NULL;
    if (decoder) {
        memset(decoder, 0, offsetof(struct content_decoder, slice));
        decoder->owner = decoders;
    }
    for (uint32_t i = 0; whole && i < codings->count; i++) {
        decoder->layers[i] = layer_take(decoders, codings->list[codings->count - 1 - i]);
        whole = decoder->layers[i] != NULL;
        decoder->layer_count += whole;
    }
    if (whole)
        return decoder;
    decoders->outcomes[CONTENT_NO_DECODER]++;
    if (decoder)
        give_memory(decoder);
    return NULL;
}

void content_decoder_give(struct content_decoder *decoder)
{
    if (decoder->outcome == CONTENT_OPEN)
        decoder->owner->outcomes[CONTENT_OPEN]++;
    give_memory(decoder);
}

static void check_bounds(const struct content_decoder *decoder, struct content_layer *layer)
{
    if (layer->output_size > CONTENT_OUTPUT_MAX)
        layer->outcome = CONTENT_BOMB_SIZE;
    else if (layer->output_size > CONTENT_RATIO_FREE && layer->output_size / CONTENT_RATIO_MAX > decoder->input_size)
        layer->outcome = CONTENT_BOMB_RATIO;
    else if (layer->input_size > CONTENT_WASTE_FREE && layer->input_size / CONTENT_WASTE_MAX > layer->output_size)
        layer->outcome = CONTENT_BOMB_TIME;
}

/* One layer reads what the one in front of it made, or the slice. Both bounds hold for what is between layers as well.
 */
static enum content_answer layer_decode(struct content_decoder *decoder, uint32_t index)
{
    struct content_layer *layer = decoder->layers[index];
    struct content_layer *source = index ? decoder->layers[index - 1] : NULL;
    uint32_t *at = source ? &source->output_at : &decoder->slice_at;
    uint32_t used = source ? source->output_used : decoder->slice_used;
    if (layer->outcome != CONTENT_OPEN)
        return CONTENT_ANSWER_STOP;
    if (*at == used && !layer->full)
        return CONTENT_ANSWER_MORE;

    struct content_io io = {
        .input = (source ? source->output : decoder->slice) + *at,
        .input_size = used - *at,
        .output = layer->output + layer->output_used,
        .output_size = CONTENT_VIEW_SIZE - layer->output_used,
    };
    enum content_answer answer = methods[layer->coding]->decode(layer, &io);
    uint32_t output_used = CONTENT_VIEW_SIZE - io.output_size;
    layer->full = answer == CONTENT_ANSWER_FULL;
    layer->output_size += output_used - layer->output_used;
    layer->output_used = output_used;
    layer->input_size += used - io.input_size - *at;
    if (!source)
        decoder->input_size += used - io.input_size - *at;
    *at = used - io.input_size;
    if (answer != CONTENT_ANSWER_STOP)
        check_bounds(decoder, layer);
    return layer->outcome != CONTENT_OPEN ? CONTENT_ANSWER_STOP : answer;
}

static void layer_finish(const struct content_decoder *decoder, struct content_layer *layer)
{
    if (decoder->closing == CONTENT_LOST)
        layer->outcome = CONTENT_LOST;
    else
        methods[layer->coding]->finish(layer);
}

/*
 * Works until the last layer's output is full or the slice is used up; `closing` says that nothing follows it. Each
 * turn moves bytes on to the next layer or asks the one before for more, so the bounds of the layers bound the turns.
 */
static enum content_answer run_layers(struct content_decoder *decoder)
{
    uint32_t last = decoder->layer_count - 1u, i = last;
    for (;;) {
        struct content_layer *layer = decoder->layers[i];
        struct content_layer *source = i ? decoder->layers[i - 1] : NULL;
        enum content_answer answer = layer_decode(decoder, i);
        if (i == last && answer != CONTENT_ANSWER_MORE)
            return answer;
        if (i < last && (answer != CONTENT_ANSWER_MORE || layer->output_used > 0)) {
            i++;
            continue;
        }
        if (source)
            source->output_used = source->output_at = 0;
        if (source && source->outcome == CONTENT_OPEN) {
            i--;
            continue;
        }
        if (!source && decoder->closing == CONTENT_OPEN)
            return CONTENT_ANSWER_MORE;
        layer_finish(decoder, layer);
        if (i == last)
            return CONTENT_ANSWER_STOP;
        i++;
    }
}

/* The first layer that did not come to its end is the cause of what befell the ones behind it. */
static void settle(struct content_decoder *decoder)
{
    decoder->outcome = CONTENT_COMPLETE;
    for (uint32_t i = 0; i < decoder->layer_count; i++) {
        const struct content_layer *layer = decoder->layers[i];
        decoder->flags |= layer->flags;
        if (decoder->outcome == CONTENT_COMPLETE && layer->outcome != CONTENT_OPEN)
            decoder->outcome = layer->outcome;
    }
    decoder->owner->outcomes[decoder->outcome]++;
}

/* Takes as much into the slice as it has room for. */
static uint32_t fill_slice(struct content_decoder *decoder, const uint8_t *data, uint32_t size)
{
    uint32_t count = min_u32(CONTENT_SLICE_SIZE - decoder->slice_used, size);
    if (!data || !count)
        return 0;
    memcpy(decoder->slice + decoder->slice_used, data, count);
    decoder->slice_used += count;
    return count;
}

static struct parse_step show(struct content_decoder *decoder, uint32_t consumed, struct content_view *view_out)
{
    const struct content_layer *layer = decoder->layers[decoder->layer_count - 1];
    if (layer->output_used == 0)
        return parse_step_of(PARSE_STOP, consumed, 0);
    *view_out = (struct content_view){
        .data = layer->output,
        .size = layer->output_used,
        .offset = decoder->output_size,
        .last = decoder->outcome != CONTENT_OPEN,
    };
    decoder->output_size += layer->output_used;
    decoder->view_given = true;
    return parse_step_of(PARSE_ITEM, consumed, 0);
}

struct parse_step content_decoder_next(struct content_decoder *decoder, const struct parse_input *input,
                                       struct content_view *view_out)
{
    uint32_t size = input->data ? input->size : 0, consumed = 0;
    bool lost = !input->data && input->lost;
    if (decoder->view_given) {
        decoder->layers[decoder->layer_count - 1]->output_used = 0;
        decoder->view_given = false;
    }
    while (decoder->outcome == CONTENT_OPEN) {
        consumed += fill_slice(decoder, input->data ? input->data + consumed : NULL, size - consumed);
        if (consumed == size && (input->last || lost))
            decoder->closing = lost ? CONTENT_LOST : CONTENT_COMPLETE;
        if (decoder->slice_used < CONTENT_SLICE_SIZE && decoder->closing == CONTENT_OPEN)
            return parse_step_of(PARSE_MORE, consumed, 0);
        enum content_answer answer = run_layers(decoder);
        if (answer == CONTENT_ANSWER_FULL)
            return show(decoder, consumed, view_out);
        if (answer == CONTENT_ANSWER_STOP)
            settle(decoder);
        decoder->slice_used = decoder->slice_at = 0;
    }
    return show(decoder, consumed, view_out);
}
