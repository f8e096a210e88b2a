/* SPDX-License-Identifier: Apache-2.0 */

/*
 * permessage-deflate
 *
 * As content_decoder.c does, coded bytes are gathered into slices cut by their offset in the message, so that what the
 * library shows of a broken message does not depend on how it came. At the end of a message the four bytes that the
 * sender took off (RFC 7692 7.2.1) are put back; only then does the library give the last of it.
 */

#define ZLIB_CONST
#include <zlib.h>

#include "proto/websocket_inflate.h"

#include <errno.h>

#include "proto/content_decoder.h"
#include "proto/content_slab.h"

#define TAIL_SIZE 4u

/* RFC 7692 7.2.2. */
static const uint8_t tail[TAIL_SIZE] = {0x00, 0x00, 0xff, 0xff};

struct websocket_inflater {
    struct websocket_inflaters *owner;
    struct pool *pool;
    uint64_t input_size; /* of the message */
    uint64_t output_size;
    uint32_t slice_used, slice_at;
    uint8_t outcome; /* enum content_outcome */
    uint8_t window_bits;
    bool history_known;    /* every byte that the sender may refer to */
    bool ready;            /* only whole messages since the library was reset */
    bool closing;          /* nothing more of the message goes into the slice */
    bool lost;             /* as the rest of it was not seen */
    bool stuck;            /* the last call had no room for all of its output */
    bool ended;            /* the last call read a block with BFINAL to its end */
    uint64_t history_size; /* decoded since the library was reset */
    z_stream stream;
    struct content_slab slab;
    uint8_t slice[WEBSOCKET_SLICE_SIZE + TAIL_SIZE];
    uint8_t memory[] CACHE_ALIGNED;
};

static uint32_t inflater_size(uint32_t memory_size)
{
    return (uint32_t)((sizeof(struct websocket_inflater) + memory_size + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1));
}

size_t websocket_inflaters_size(uint32_t narrow_count, uint32_t wide_count)
{
    return (size_t)narrow_count * inflater_size(WEBSOCKET_NARROW_SIZE) +
           (size_t)wide_count * inflater_size(WEBSOCKET_WIDE_SIZE) + WEBSOCKET_VIEW_SIZE + 3 * (size_t)CACHE_LINE;
}

int websocket_inflaters_init(struct websocket_inflaters *inflaters, struct arena *arena, uint32_t narrow_count,
                             uint32_t wide_count)
{
    *inflaters = (struct websocket_inflaters){.view = arena_take(arena, WEBSOCKET_VIEW_SIZE, CACHE_LINE)};
    if (!inflaters->view || pool_init(&inflaters->narrow, arena, inflater_size(WEBSOCKET_NARROW_SIZE), narrow_count) ||
        pool_init(&inflaters->wide, arena, inflater_size(WEBSOCKET_WIDE_SIZE), wide_count))
        return -ENOMEM;
    return 0;
}

static void *take_memory(void *slab, unsigned count, unsigned size)
{
    return content_slab_take(slab, (size_t)count * size);
}

static void give_memory(void *slab, void *block)
{
    content_slab_give(slab, block);
}

struct websocket_inflater *websocket_inflater_take(struct websocket_inflaters *inflaters, uint32_t window_bits,
                                                   bool history_known)
{
    /* zlib's own deflate never has a window of 256 bytes: it uses 512 where 256 were agreed on. */
    window_bits = window_bits < 9 ? 9 : window_bits;
    struct pool *pool = window_bits <= WEBSOCKET_NARROW_BITS ? &inflaters->narrow : &inflaters->wide;
    struct websocket_inflater *inflater = pool_take(pool);
    if (!inflater && pool == &inflaters->narrow) {
        pool = &inflaters->wide;
        inflater = pool_take(pool);
    }
    if (!inflater) {
        inflaters->outcomes[CONTENT_NO_DECODER]++;
        return NULL;
    }
    memset(inflater, 0, sizeof(*inflater));
    inflater->owner = inflaters;
    inflater->pool = pool;
    inflater->window_bits = (uint8_t)window_bits;
    inflater->history_known = history_known;
    inflater->ready = true;
    content_slab_init(&inflater->slab, inflater->memory,
                      pool->object_size - offsetof(struct websocket_inflater, memory));
    inflater->stream.zalloc = take_memory;
    inflater->stream.zfree = give_memory;
    inflater->stream.opaque = &inflater->slab;
    require(inflateInit2(&inflater->stream, -(int)window_bits) == Z_OK);
    return inflater;
}

void websocket_inflater_give(struct websocket_inflater *inflater)
{
    pool_give(inflater->pool, inflater);
}

void websocket_inflater_forget(struct websocket_inflater *inflater)
{
    inflater->history_known = false;
    inflater->ready = false;
}

void websocket_inflater_begin(struct websocket_inflater *inflater)
{
    if (!inflater->ready) {
        (void)inflateReset(&inflater->stream);
        inflater->history_size = 0;
    }
    inflater->ready = false;
    inflater->input_size = inflater->output_size = 0;
    inflater->slice_used = inflater->slice_at = 0;
    inflater->closing = inflater->lost = inflater->stuck = inflater->ended = false;
    inflater->outcome = CONTENT_OPEN;
}

enum content_outcome websocket_inflater_outcome(const struct websocket_inflater *inflater)
{
    return (enum content_outcome)inflater->outcome;
}

static void settle(struct websocket_inflater *inflater, enum content_outcome outcome)
{
    inflater->outcome = (uint8_t)outcome;
    inflater->owner->outcomes[outcome]++;
    inflater->ready = outcome == CONTENT_COMPLETE;
    inflater->history_size += inflater->output_size;
    if (outcome != CONTENT_COMPLETE)
        inflater->history_known = false;
    else if (inflater->history_size >= 1u << inflater->window_bits)
        inflater->history_known = true;
}

/* Takes as much into the slice as it has room for; behind the last of it the tail, or the hole. */
static uint32_t fill_slice(struct websocket_inflater *inflater, const struct parse_input *input, uint32_t at)
{
    if (inflater->closing || inflater->slice_used == WEBSOCKET_SLICE_SIZE)
        return 0;
    uint32_t size = input->data ? input->size - at : 0;
    uint32_t count = min_u32(WEBSOCKET_SLICE_SIZE - inflater->slice_used, size);
    if (count)
        memcpy(inflater->slice + inflater->slice_used, input->data + at, count);
    inflater->slice_used += count;
    inflater->input_size += count;
    inflater->lost = !input->data && input->lost;
    /* Behind a full slice the tail has one to itself: where slices end depends on the message alone. */
    inflater->closing = inflater->lost || (input->last && count == size && inflater->slice_used < WEBSOCKET_SLICE_SIZE);
    if (inflater->closing && !inflater->lost) {
        memcpy(inflater->slice + inflater->slice_used, tail, TAIL_SIZE);
        inflater->slice_used += TAIL_SIZE;
    }
    return count;
}

/* Bytes that the library cannot read: broken, or about bytes that were not seen. */
static enum content_outcome broken(const struct websocket_inflater *inflater)
{
    return inflater->history_known ? CONTENT_MALFORMED : CONTENT_LOST;
}

static bool is_bomb(const struct websocket_inflater *inflater)
{
    return inflater->output_size > CONTENT_RATIO_FREE &&
           inflater->output_size / CONTENT_RATIO_MAX > inflater->input_size;
}

/* As check_bounds() of content_decoder.c: empty blocks and tables for a byte or two cost work and give nothing. */
static bool is_waste(const struct websocket_inflater *inflater)
{
    return inflater->input_size > CONTENT_WASTE_FREE &&
           inflater->input_size / CONTENT_WASTE_MAX > inflater->output_size;
}

/* The library has worked through the slice: is the message over? */
static void slice_done(struct websocket_inflater *inflater)
{
    bool between = inflater->ended || (inflater->stream.data_type & 128); /* two blocks: zlib.h, inflate() */
    inflater->slice_used = inflater->slice_at = 0;
    if (inflater->lost)
        settle(inflater, CONTENT_LOST);
    else if (inflater->closing)
        settle(inflater, between ? CONTENT_COMPLETE : broken(inflater));
}

/* One call of the library. Returns the size of the view. */
static uint32_t inflate_slice(struct websocket_inflater *inflater)
{
    z_stream *stream = &inflater->stream;
    stream->next_in = inflater->slice + inflater->slice_at;
    stream->avail_in = inflater->slice_used - inflater->slice_at;
    stream->next_out = inflater->owner->view;
    stream->avail_out = WEBSOCKET_VIEW_SIZE;
    int status = inflate(stream, Z_SYNC_FLUSH);
    uint32_t size = WEBSOCKET_VIEW_SIZE - stream->avail_out;
    inflater->output_size += size;
    inflater->slice_at = inflater->slice_used - stream->avail_in;
    inflater->stuck = stream->avail_out == 0;
    /* A block with BFINAL does not end the message; the next one may refer to what is in front of it (RFC
     * 7692 7.2.3.4). */
    inflater->ended = status == Z_STREAM_END;
    if (inflater->ended)
        status = inflateResetKeep(stream);
    if (status != Z_OK && status != Z_BUF_ERROR)
        settle(inflater, broken(inflater));
    else if (inflater->output_size > CONTENT_OUTPUT_MAX)
        settle(inflater, CONTENT_BOMB_SIZE);
    else if (is_bomb(inflater))
        settle(inflater, CONTENT_BOMB_RATIO);
    else if (is_waste(inflater))
        settle(inflater, CONTENT_BOMB_TIME);
    else if (!inflater->stuck && stream->avail_in == 0)
        slice_done(inflater);
    return size;
}

struct parse_step websocket_inflater_next(struct websocket_inflater *inflater, const struct parse_input *input,
                                          struct websocket_view *view_out)
{
    uint32_t consumed = 0;
    /* Each turn fills the slice, empties it, or gives a view; so the bounds on input and output bound the turns. */
    while (inflater->outcome == CONTENT_OPEN) {
        consumed += fill_slice(inflater, input, consumed);
        if (inflater->slice_used < WEBSOCKET_SLICE_SIZE && !inflater->closing)
            return parse_step_of(PARSE_MORE, consumed, 0);
        if (inflater->slice_used == 0) {
            slice_done(inflater);
            continue;
        }
        uint32_t size = inflate_slice(inflater);
        if (size == 0)
            continue;
        *view_out = (struct websocket_view){
            .data = inflater->owner->view,
            .size = size,
            .last = inflater->outcome != CONTENT_OPEN,
        };
        return parse_step_of(PARSE_ITEM, consumed, 0);
    }
    return parse_step_of(PARSE_STOP, consumed, 0);
}
