/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HTTP/2 frames: one table says of each type what its header must be, for refusing what is malformed and for
 * recognising frames in the middle of a stream.
 */

#include "proto/http2_frame.h"

/* A connection may lose this many new streams before those that follow look implausible. */
#define STREAMS_LOST_MAX 16384u

enum scope { SCOPE_STREAM, SCOPE_CONNECTION, SCOPE_BOTH };

static const struct {
    uint8_t scope; /* enum scope */
    uint8_t flags; /* that have a meaning */
    uint8_t size_min;
    uint8_t size_step; /* 0: any size from size_min; 255: that size only */
} types[HTTP2_TYPE_COUNT] = {
    [HTTP2_TYPE_DATA] = {SCOPE_STREAM, HTTP2_FLAG_END_STREAM | HTTP2_FLAG_PADDED, 0, 0},
    [HTTP2_TYPE_HEADERS] = {SCOPE_STREAM,
                            HTTP2_FLAG_END_STREAM | HTTP2_FLAG_END_HEADERS | HTTP2_FLAG_PADDED | HTTP2_FLAG_PRIORITY, 0,
                            0},
    [HTTP2_TYPE_PRIORITY] = {SCOPE_STREAM, 0, 5, 255},
    [HTTP2_TYPE_RST_STREAM] = {SCOPE_STREAM, 0, 4, 255},
    [HTTP2_TYPE_SETTINGS] = {SCOPE_CONNECTION, HTTP2_FLAG_ACK, 0, 6},
    [HTTP2_TYPE_PUSH_PROMISE] = {SCOPE_STREAM, HTTP2_FLAG_END_HEADERS | HTTP2_FLAG_PADDED, 4, 0},
    [HTTP2_TYPE_PING] = {SCOPE_CONNECTION, HTTP2_FLAG_ACK, 8, 255},
    [HTTP2_TYPE_GOAWAY] = {SCOPE_CONNECTION, 0, 8, 0},
    [HTTP2_TYPE_WINDOW_UPDATE] = {SCOPE_BOTH, 0, 4, 255},
    [HTTP2_TYPE_CONTINUATION] = {SCOPE_STREAM, HTTP2_FLAG_END_HEADERS, 0, 0},
};

static uint32_t read_32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

struct http2_frame http2_frame_read(const uint8_t *bytes)
{
    return (struct http2_frame){
        .length = read_32(bytes) >> 8,
        .type = bytes[3],
        .flags = bytes[4],
        .stream = read_32(bytes + 5) & HTTP2_STREAM_MAX,
    };
}

struct http2_layout http2_frame_layout(const struct http2_frame *frame)
{
    struct http2_layout layout = {0};
    bool head = frame->type == HTTP2_TYPE_HEADERS, promise = frame->type == HTTP2_TYPE_PUSH_PROMISE;
    if (!head && !promise && frame->type != HTTP2_TYPE_DATA)
        return layout;
    layout.padded = (frame->flags & HTTP2_FLAG_PADDED) != 0;
    layout.prefix = layout.padded;
    if (head && (frame->flags & HTTP2_FLAG_PRIORITY))
        layout.prefix += 5;
    if (promise)
        layout.prefix += 4;
    return layout;
}

static bool size_fits(const struct http2_frame *frame)
{
    uint32_t size_min = types[frame->type].size_min, step = types[frame->type].size_step;
    if (step == 255)
        return frame->length == size_min;
    if (step && frame->length % step)
        return false;
    if (frame->type == HTTP2_TYPE_SETTINGS && (frame->flags & HTTP2_FLAG_ACK) && frame->length)
        return false;
    return frame->length >= size_min && frame->length >= http2_frame_layout(frame).prefix;
}

static bool scope_fits(const struct http2_frame *frame)
{
    uint8_t scope = types[frame->type].scope;
    return scope == SCOPE_BOTH || (scope == SCOPE_CONNECTION) == (frame->stream == 0);
}

enum http2_error http2_frame_check(const struct http2_frame *frame)
{
    if (frame->type >= HTTP2_TYPE_COUNT)
        return HTTP2_NO_ERROR;
    if (!scope_fits(frame))
        return HTTP2_PROTOCOL_ERROR;
    return size_fits(frame) ? HTTP2_NO_ERROR : HTTP2_FRAME_SIZE_ERROR;
}

bool http2_frame_plausible(const uint8_t *bytes, const struct http2_plausible *plausible)
{
    struct http2_frame frame = http2_frame_read(bytes);
    if (frame.type >= HTTP2_TYPE_COUNT || (frame.flags & ~types[frame.type].flags) || (bytes[5] & 0x80))
        return false;
    if (frame.length > plausible->frame_size_max || !scope_fits(&frame) || !size_fits(&frame))
        return false;
    return plausible->stream_max == 0 || frame.stream <= (uint64_t)plausible->stream_max + 2 * STREAMS_LOST_MAX;
}

bool http2_frame_follows(const struct http2_frame *before, const struct http2_frame *frame)
{
    bool block = before->type == HTTP2_TYPE_HEADERS || before->type == HTTP2_TYPE_PUSH_PROMISE ||
                 before->type == HTTP2_TYPE_CONTINUATION;
    bool open = block && !(before->flags & HTTP2_FLAG_END_HEADERS);
    if (frame->type != HTTP2_TYPE_CONTINUATION)
        return !open;
    return open && frame->stream == before->stream;
}

struct http2_chain http2_chain_check(struct span data, uint32_t links, const struct http2_plausible *plausible)
{
    struct http2_chain chain = {0};
    while (chain.links < links) {
        if (chain.reach + HTTP2_FRAME_HEADER > data.size) {
            chain.undecided = true;
            return chain;
        }
        const uint8_t *bytes = data.data + chain.reach;
        struct http2_frame frame = http2_frame_read(bytes);
        if (!http2_frame_plausible(bytes, plausible) || (chain.links && !http2_frame_follows(&chain.end, &frame)))
            return chain;
        chain.end = frame;
        chain.links++;
        chain.reach += HTTP2_FRAME_HEADER + frame.length;
    }
    chain.found = true;
    return chain;
}
