/* SPDX-License-Identifier: Apache-2.0 */

/*
 * gzip (RFC 1952) and deflate (RFC 1950, RFC 1951)
 *
 * The library only inflates; wrappers are read here, so that a checksum that does not fit, a missing one, and bytes
 * behind the last member are told apart from broken content. A gzip header's own CRC is stepped over: no content hangs
 * on it.
 */

#define ZLIB_CONST
#include <zlib.h>

#include "proto/content_layer.h"

#define GZIP_FIXED_SIZE   10u
#define GZIP_TRAILER_SIZE 8u
#define ZLIB_HEADER_SIZE  2u
#define ZLIB_TRAILER_SIZE 4u

/* RFC 1952 2.3.1; FTEXT means nothing to us. */
enum gzip_flag {
    GZIP_FLAG_HEADER_CHECK = 1u << 1,
    GZIP_FLAG_EXTRA = 1u << 2,
    GZIP_FLAG_NAME = 1u << 3,
    GZIP_FLAG_COMMENT = 1u << 4,
    GZIP_FLAGS_RESERVED = 0xe0,
};

enum inflate_step {
    INFLATE_GZIP_FIXED,
    INFLATE_GZIP_EXTRA_SIZE,
    INFLATE_GZIP_EXTRA,
    INFLATE_GZIP_NAME,
    INFLATE_GZIP_COMMENT,
    INFLATE_GZIP_HEADER_CHECK,
    INFLATE_ZLIB_HEADER,
    INFLATE_DATA,
    INFLATE_TRAILER,
    INFLATE_BEYOND,
};

enum inflate_wrapper { INFLATE_GZIP, INFLATE_ZLIB, INFLATE_RAW };

struct inflate_layer {
    z_stream stream;
    uint32_t check; /* of the member's content so far: CRC-32 or Adler-32 */
    uint32_t size;  /* of the member's content, modulo 2^32 as in the trailer */
    uint32_t at;    /* bytes of this step that were read */
    uint32_t extra_size;
    uint8_t step;         /* enum inflate_step */
    uint8_t wrapper;      /* enum inflate_wrapper */
    uint8_t header_flags; /* set of enum gzip_flag */
    bool member_seen;     /* a whole one lies behind */
    uint8_t bytes[GZIP_TRAILER_SIZE];
};

static void *take_memory(void *slab, unsigned count, unsigned size)
{
    return content_slab_take(slab, (size_t)count * size);
}

static void give_memory(void *slab, void *block)
{
    content_slab_give(slab, block);
}

static bool begin(struct content_layer *layer, enum inflate_wrapper wrapper, enum inflate_step step)
{
    struct inflate_layer *state = content_slab_take(&layer->slab, sizeof(*state));
    if (!state)
        return false;
    memset(state, 0, sizeof(*state));
    layer->state = state;
    state->stream.zalloc = take_memory;
    state->stream.zfree = give_memory;
    state->stream.opaque = &layer->slab;
    state->wrapper = (uint8_t)wrapper;
    state->step = (uint8_t)step;
    return inflateInit2(&state->stream, -MAX_WBITS) == Z_OK;
}

static bool begin_gzip(struct content_layer *layer)
{
    return begin(layer, INFLATE_GZIP, INFLATE_GZIP_FIXED);
}

static bool begin_deflate(struct content_layer *layer)
{
    return begin(layer, INFLATE_ZLIB, INFLATE_ZLIB_HEADER);
}

static void go_to(struct inflate_layer *state, enum inflate_step step)
{
    state->step = (uint8_t)step;
    state->at = 0;
}

static void go_to_data(struct inflate_layer *state)
{
    go_to(state, INFLATE_DATA);
    state->size = 0;
    state->check = state->wrapper == INFLATE_ZLIB ? 1 : 0; /* of no bytes: RFC 1950 8.2, RFC 1952 8 */
}

/* To the next part of the header that the flags announce. */
static void go_to_next_field(struct inflate_layer *state)
{
    static const struct {
        uint8_t flag;
        uint8_t step;
    } fields[] = {
        {GZIP_FLAG_EXTRA, INFLATE_GZIP_EXTRA_SIZE},
        {GZIP_FLAG_NAME, INFLATE_GZIP_NAME},
        {GZIP_FLAG_COMMENT, INFLATE_GZIP_COMMENT},
        {GZIP_FLAG_HEADER_CHECK, INFLATE_GZIP_HEADER_CHECK},
    };
    for (uint32_t i = 0; i < ARRAY_COUNT(fields); i++) {
        if (state->header_flags & fields[i].flag) {
            state->header_flags &= (uint8_t)~fields[i].flag;
            go_to(state, fields[i].step);
            return;
        }
    }
    go_to_data(state);
}

/* The ten bytes every member begins with. What begins otherwise behind a member is no member. */
static void read_gzip_fixed(struct content_layer *layer, struct inflate_layer *state, uint8_t c)
{
    static const uint8_t magic[] = {0x1f, 0x8b, Z_DEFLATED};
    if (state->at < 2 && c != magic[state->at] && state->member_seen) {
        layer->flags |= CONTENT_FLAG_TRAILING_BYTES;
        go_to(state, INFLATE_BEYOND);
        return;
    }
    if ((state->at < sizeof(magic) && c != magic[state->at]) || (state->at == 3 && (c & GZIP_FLAGS_RESERVED))) {
        layer->outcome = CONTENT_MALFORMED;
        return;
    }
    if (state->at == 1 && state->member_seen)
        layer->flags |= CONTENT_FLAG_MEMBERS;
    if (state->at == 3)
        state->header_flags = c;
    if (++state->at == GZIP_FIXED_SIZE)
        go_to_next_field(state);
}

static void read_gzip_field(struct inflate_layer *state, uint8_t c)
{
    switch (state->step) {
    case INFLATE_GZIP_EXTRA_SIZE:
        state->extra_size = state->at++ ? state->extra_size | (uint32_t)c << 8 : c;
        if (state->at < 2)
            return;
        if (state->extra_size)
            go_to(state, INFLATE_GZIP_EXTRA);
        else
            go_to_next_field(state);
        return;
    case INFLATE_GZIP_EXTRA:
        if (++state->at == state->extra_size)
            go_to_next_field(state);
        return;
    case INFLATE_GZIP_HEADER_CHECK:
        if (++state->at == 2)
            go_to_next_field(state);
        return;
    default: /* a name or comment, up to its NUL */
        if (c == 0)
            go_to_next_field(state);
        return;
    }
}

/* Two bytes tell a zlib header: method, window, and a sum that 31 divides. As raw deflate they would be a stored block
 * with a set bit in its padding, which nobody writes. */
static void read_zlib_header(struct content_layer *layer, struct inflate_layer *state, uint8_t c)
{
    state->bytes[state->at++] = c;
    if (state->at < ZLIB_HEADER_SIZE)
        return;
    uint32_t header = (uint32_t)state->bytes[0] << 8 | state->bytes[1];
    if ((header >> 8 & 15) == Z_DEFLATED && header >> 12 <= 7 && header % 31 == 0) {
        if (header & 0x20)
            layer->outcome = CONTENT_DICTIONARY;
    } else {
        state->wrapper = INFLATE_RAW;
        layer->flags |= CONTENT_FLAG_RAW_DEFLATE;
        if (inflatePrime(&state->stream, 16, state->bytes[1] << 8 | state->bytes[0]) != Z_OK)
            layer->outcome = CONTENT_MALFORMED;
    }
    go_to_data(state);
}

static uint32_t read_u32_little(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void read_trailer(struct content_layer *layer, struct inflate_layer *state, uint8_t c)
{
    bool gzip = state->wrapper == INFLATE_GZIP;
    state->bytes[state->at++] = c;
    if (state->at < (gzip ? GZIP_TRAILER_SIZE : ZLIB_TRAILER_SIZE))
        return;
    uint32_t check = read_u32_little(state->bytes);
    bool equal = gzip ? check == state->check && read_u32_little(state->bytes + 4) == state->size
                      : __builtin_bswap32(check) == state->check;
    if (!equal)
        layer->flags |= CONTENT_FLAG_CHECKSUM;
    state->member_seen = true;
    go_to(state, gzip ? INFLATE_GZIP_FIXED : INFLATE_BEYOND);
    if (inflateReset(&state->stream) != Z_OK)
        layer->outcome = CONTENT_MALFORMED;
}

static void add_check(struct inflate_layer *state, const uint8_t *data, uint32_t size)
{
    state->size += size;
    if (state->wrapper == INFLATE_GZIP)
        state->check = (uint32_t)crc32(state->check, data, size);
    else if (state->wrapper == INFLATE_ZLIB)
        state->check = (uint32_t)adler32(state->check, data, size);
}

/* Called without input too: the library may hold output that had no room. */
static enum content_answer inflate_data(struct content_layer *layer, struct inflate_layer *state, struct content_io *io)
{
    if (io->output_size == 0)
        return CONTENT_ANSWER_FULL;
    z_stream *stream = &state->stream;
    stream->next_in = io->input;
    stream->avail_in = io->input_size;
    stream->next_out = io->output;
    stream->avail_out = io->output_size;
    int status = inflate(stream, Z_NO_FLUSH);
    add_check(state, io->output, io->output_size - stream->avail_out);
    io->input = stream->next_in;
    io->input_size = stream->avail_in;
    io->output = stream->next_out;
    io->output_size = stream->avail_out;
    if (status == Z_STREAM_END)
        go_to(state, state->wrapper == INFLATE_RAW ? INFLATE_BEYOND : INFLATE_TRAILER);
    else if (status == Z_MEM_ERROR)
        return content_stop(layer, CONTENT_WINDOW);
    else if (status != Z_OK && status != Z_BUF_ERROR)
        return content_stop(layer, CONTENT_MALFORMED);
    else if (io->output_size == 0)
        return CONTENT_ANSWER_FULL;
    return CONTENT_ANSWER_MORE;
}

static void read_byte(struct content_layer *layer, struct inflate_layer *state, uint8_t c)
{
    switch (state->step) {
    case INFLATE_GZIP_FIXED:
        read_gzip_fixed(layer, state, c);
        return;
    case INFLATE_ZLIB_HEADER:
        read_zlib_header(layer, state, c);
        return;
    case INFLATE_TRAILER:
        read_trailer(layer, state, c);
        return;
    default:
        read_gzip_field(state, c);
        return;
    }
}

static enum content_answer decode(struct content_layer *layer, struct content_io *io)
{
    struct inflate_layer *state = layer->state;
    while (io->input_size || state->step == INFLATE_DATA) {
        if (state->step == INFLATE_DATA) {
            enum content_answer answer = inflate_data(layer, state, io);
            if (answer != CONTENT_ANSWER_MORE || state->step == INFLATE_DATA)
                return answer;
        } else if (state->step == INFLATE_BEYOND) {
            content_skip_trailing(layer, io);
        } else {
            io->input_size--;
            read_byte(layer, state, *io->input++);
            if (layer->outcome != CONTENT_OPEN)
                return CONTENT_ANSWER_STOP;
        }
    }
    return CONTENT_ANSWER_MORE;
}

static void finish(struct content_layer *layer)
{
    struct inflate_layer *state = layer->state;
    bool between = (state->step == INFLATE_GZIP_FIXED || state->step == INFLATE_ZLIB_HEADER) && state->at == 0;
    bool single_byte = state->step == INFLATE_GZIP_FIXED && state->at == 1 && state->member_seen;
    layer->outcome = CONTENT_COMPLETE;
    if (state->step == INFLATE_TRAILER)
        layer->flags |= CONTENT_FLAG_TRAILER_MISSING;
    else if (single_byte)
        layer->flags |= CONTENT_FLAG_TRAILING_BYTES;
    else if (!between && state->step != INFLATE_BEYOND)
        layer->outcome = CONTENT_TRUNCATED;
}

const struct content_methods content_gzip_methods = {begin_gzip, decode, finish};
const struct content_methods content_deflate_methods = {begin_deflate, decode, finish};
