/* SPDX-License-Identifier: Apache-2.0 */

/*
 * zstd (RFC 8878, RFC 9659)
 *
 * Frames and blocks are walked here and the library is fed one header, block or checksum a call: it does not tell what
 * it wrote in a call that fails, so a failure must not share its call with earlier content. Its shortcut for frames
 * that are there as a whole, with the same loss, never applies because a header comes alone and without room for
 * output.
 */

#define ZSTD_STATIC_LINKING_ONLY /* ZSTD_initStaticDStream(): no allocation whatever comes */
#include <zstd.h>
#include <zstd_errors.h>

#include "proto/content_layer.h"

#define ZSTD_MAGIC_SIZE        4u
#define ZSTD_SKIPPABLE_SIZE    8u /* header of a skippable frame */
#define ZSTD_BLOCK_HEADER_SIZE 3u
#define ZSTD_CHECKSUM_SIZE     4u
#define ZSTD_WINDOW_LOG_MAX    23 /* of CONTENT_WINDOW_MAX */

static_assert(1u << ZSTD_WINDOW_LOG_MAX == CONTENT_WINDOW_MAX, "one bound, told twice");

enum zstd_step {
    ZSTD_STEP_FRAME_HEADER,
    ZSTD_STEP_SKIP, /* a skippable frame's content */
    ZSTD_STEP_BLOCK_HEADER,
    ZSTD_STEP_BLOCK,
    ZSTD_STEP_FLUSH, /* the block is read, its output may still have to be shown */
    ZSTD_STEP_CHECKSUM,
    ZSTD_STEP_BEYOND,
};

struct zstd_layer {
    ZSTD_DStream *stream;
    uint32_t rest; /* of the block or skippable frame */
    uint8_t step;  /* enum zstd_step */
    bool frame_seen;
    bool checksum;
    bool last_block;
    uint8_t collected;
    uint8_t bytes[ZSTD_FRAMEHEADERSIZE_MAX];
};

size_t content_zstd_size(void)
{
    return sizeof(struct zstd_layer) + CACHE_LINE + ZSTD_estimateDStreamSize(CONTENT_WINDOW_MAX);
}

static bool begin(struct content_layer *layer)
{
    struct zstd_layer *state = content_slab_take(&layer->slab, sizeof(*state));
    size_t size = ZSTD_estimateDStreamSize(CONTENT_WINDOW_MAX);
    void *memory = content_slab_take(&layer->slab, size);
    if (!state || !memory)
        return false;
    *state = (struct zstd_layer){.stream = ZSTD_initStaticDStream(memory, size)};
    layer->state = state;
    return state->stream &&
           !ZSTD_isError(ZSTD_DCtx_setParameter(state->stream, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX));
}

/* Feeds `size` bytes, or what the library takes of them before the output is full. An error code, or 0. */
static ZSTD_ErrorCode feed(struct zstd_layer *state, struct content_io *io, const uint8_t *data, uint32_t size,
                           uint32_t *taken_out)
{
    ZSTD_inBuffer input = {data, size, 0};
    ZSTD_outBuffer output = {io->output, io->output_size, 0};
    size_t result = ZSTD_decompressStream(state->stream, &output, &input);
    io->output += output.pos;
    io->output_size -= (uint32_t)output.pos;
    *taken_out = (uint32_t)input.pos;
    return ZSTD_getErrorCode(result);
}

/* Feeds what was collected; headers and checksums make no output. */
static ZSTD_ErrorCode feed_collected(struct zstd_layer *state)
{
    uint8_t no_room;
    struct content_io io = {.output = &no_room};
    uint32_t taken, size = state->collected;
    state->collected = 0;
    ZSTD_ErrorCode code = feed(state, &io, state->bytes, size, &taken);
    return code == ZSTD_error_no_error && taken != size ? ZSTD_error_GENERIC : code;
}

/* True once `size` bytes are collected. */
static bool collect(struct zstd_layer *state, struct content_io *io, uint32_t size)
{
    uint32_t count = min_u32(size - state->collected, io->input_size);
    memcpy(state->bytes + state->collected, io->input, count);
    state->collected += (uint8_t)count;
    io->input += count;
    io->input_size -= count;
    return state->collected == size;
}

static uint32_t read_u32_little(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void end_frame(struct zstd_layer *state)
{
    state->frame_seen = true;
    state->step = ZSTD_STEP_FRAME_HEADER;
}

static void begin_frame(struct content_layer *layer, struct zstd_layer *state, const ZSTD_frameHeader *header)
{
    if (header->windowSize > CONTENT_WINDOW_MAX)
        layer->outcome = CONTENT_WINDOW;
    else if (header->dictID)
        layer->outcome = CONTENT_DICTIONARY;
    else if (feed_collected(state) != ZSTD_error_no_error)
        layer->outcome = CONTENT_MALFORMED;
    state->checksum = header->checksumFlag;
    state->step = ZSTD_STEP_BLOCK_HEADER;
}

/* The header's size shows as it is read: the library says each time how much of it it wants. */
static void read_frame_header(struct content_layer *layer, struct zstd_layer *state, struct content_io *io)
{
    if (state->collected < ZSTD_MAGIC_SIZE && !collect(state, io, ZSTD_MAGIC_SIZE))
        return;
    uint32_t magic = read_u32_little(state->bytes);
    bool skippable = (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
    if (magic != ZSTD_MAGICNUMBER && !skippable) {
        layer->flags |= state->frame_seen ? CONTENT_FLAG_TRAILING_BYTES : 0;
        layer->outcome = state->frame_seen ? CONTENT_OPEN : CONTENT_MALFORMED;
        state->step = ZSTD_STEP_BEYOND;
        return;
    }
    if (state->collected == ZSTD_MAGIC_SIZE && state->frame_seen)
        layer->flags |= CONTENT_FLAG_MEMBERS;
    if (skippable) {
        if (!collect(state, io, ZSTD_SKIPPABLE_SIZE))
            return;
        state->rest = read_u32_little(state->bytes + ZSTD_MAGIC_SIZE);
        state->collected = 0;
        state->step = ZSTD_STEP_SKIP;
        if (!state->rest)
            end_frame(state);
        return;
    }
    ZSTD_frameHeader header;
    size_t wanted = ZSTD_getFrameHeader(&header, state->bytes, state->collected);
    if (ZSTD_isError(wanted))
        layer->outcome =
            ZSTD_getErrorCode(wanted) == ZSTD_error_frameParameter_windowTooLarge ? CONTENT_WINDOW : CONTENT_MALFORMED;
    else if (wanted == 0)
        begin_frame(layer, state, &header);
    else if (wanted <= sizeof(state->bytes))
        (void)collect(state, io, (uint32_t)wanted);
}

static void skip(struct zstd_layer *state, struct content_io *io)
{
    uint32_t count = min_u32(state->rest, io->input_size);
    io->input += count;
    io->input_size -= count;
    state->rest -= count;
    if (state->rest == 0)
        end_frame(state);
}

static void read_block_header(struct content_layer *layer, struct zstd_layer *state, struct content_io *io)
{
    if (!collect(state, io, ZSTD_BLOCK_HEADER_SIZE))
        return;
    uint32_t header = state->bytes[0] | (uint32_t)state->bytes[1] << 8 | (uint32_t)state->bytes[2] << 16;
    bool repeated = (header >> 1 & 3) == 1;
    state->last_block = header & 1;
    state->rest = repeated ? 1 : header >> 3;
    state->step = state->rest ? ZSTD_STEP_BLOCK : ZSTD_STEP_FLUSH;
    if (feed_collected(state) != ZSTD_error_no_error)
        layer->outcome = CONTENT_MALFORMED;
}

/* A block and its output. */
static enum content_answer read_block(struct content_layer *layer, struct zstd_layer *state, struct content_io *io)
{
    if (io->output_size == 0)
        return CONTENT_ANSWER_FULL;
    uint32_t taken, size = min_u32(state->rest, io->input_size);
    if (feed(state, io, io->input, size, &taken) != ZSTD_error_no_error)
        return content_stop(layer, CONTENT_MALFORMED);
    io->input += taken;
    io->input_size -= taken;
    state->rest -= taken;
    if (io->output_size == 0)
        return CONTENT_ANSWER_FULL;
    if (taken < size) /* room for more and not taken: nothing the library should do */
        return content_stop(layer, CONTENT_MALFORMED);
    if (state->rest)
        return CONTENT_ANSWER_MORE;
    state->step = state->last_block ? ZSTD_STEP_CHECKSUM : ZSTD_STEP_BLOCK_HEADER;
    if (state->last_block && !state->checksum)
        end_frame(state);
    return CONTENT_ANSWER_MORE;
}

static void read_checksum(struct content_layer *layer, struct zstd_layer *state, struct content_io *io)
{
    if (!collect(state, io, ZSTD_CHECKSUM_SIZE))
        return;
    ZSTD_ErrorCode code = feed_collected(state);
    if (code == ZSTD_error_checksum_wrong)
        layer->flags |= CONTENT_FLAG_CHECKSUM;
    else if (code != ZSTD_error_no_error)
        layer->outcome = CONTENT_MALFORMED;
    if (code != ZSTD_error_no_error && ZSTD_isError(ZSTD_DCtx_reset(state->stream, ZSTD_reset_session_only)))
        layer->outcome = CONTENT_MALFORMED;
    end_frame(state);
}

static enum content_answer decode(struct content_layer *layer, struct content_io *io)
{
    struct zstd_layer *state = layer->state;
    enum content_answer answer = CONTENT_ANSWER_MORE;
    bool block = state->step == ZSTD_STEP_BLOCK || state->step == ZSTD_STEP_FLUSH;
    while ((io->input_size || block) && answer == CONTENT_ANSWER_MORE && layer->outcome == CONTENT_OPEN) {
        switch (state->step) {
        case ZSTD_STEP_FRAME_HEADER:
            read_frame_header(layer, state, io);
            break;
        case ZSTD_STEP_SKIP:
            skip(state, io);
            break;
        case ZSTD_STEP_BLOCK_HEADER:
            read_block_header(layer, state, io);
            break;
        case ZSTD_STEP_CHECKSUM:
            read_checksum(layer, state, io);
            break;
        case ZSTD_STEP_BEYOND:
            content_skip_trailing(layer, io);
            break;
        default:
            answer = read_block(layer, state, io);
        }
        block = state->step == ZSTD_STEP_FLUSH;
    }
    return layer->outcome != CONTENT_OPEN ? CONTENT_ANSWER_STOP : answer;
}

static void finish(struct content_layer *layer)
{
    struct zstd_layer *state = layer->state;
    bool header = state->step == ZSTD_STEP_FRAME_HEADER;
    layer->outcome = CONTENT_COMPLETE;
    if (state->step == ZSTD_STEP_CHECKSUM)
        layer->flags |= CONTENT_FLAG_TRAILER_MISSING;
    else if (header && state->frame_seen && state->collected && state->collected < ZSTD_MAGIC_SIZE)
        layer->flags |= CONTENT_FLAG_TRAILING_BYTES;
    else if (header ? state->collected > 0 : state->step != ZSTD_STEP_BEYOND)
        layer->outcome = CONTENT_TRUNCATED;
}

const struct content_methods content_zstd_methods = {begin, decode, finish};
