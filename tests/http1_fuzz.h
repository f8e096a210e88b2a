/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What both HTTP/1 fuzz targets do: the first bytes choose the method, a hole and cuts; the rest is the stream. The
 * same holes with and without the cuts have to give the same items, and each byte is searched once (twice behind junk).
 */

#include "http1_trace.h"

#define HTTP1_FUZZ_CONTROL 8u

static inline uint32_t http1_fuzz_place(uint8_t byte, uint32_t size)
{
    /* Small values are offsets from the start, large ones fractions: both borders and middles are reached. */
    return byte < 128 ? min_u32(byte, size) : (uint32_t)((uint64_t)(byte - 128) * size / 127);
}

static inline uint32_t http1_fuzz_segments(const uint8_t *control, uint32_t size, bool cuts,
                                           struct trace_segment *segments)
{
    uint32_t hole = size, hole_end = size, count = 0, at = 0;
    if (control[0] & 1) {
        hole = http1_fuzz_place(control[1], size);
        hole_end = min_u32(size, hole + 1 + control[2]);
    }
    uint32_t stride = 1 + (size >> 4) + control[3];
    uint32_t cut = cuts ? http1_fuzz_place(control[4], size) : size;
    while (at < size && count + 4 < HTTP1_TRACE_SEGMENTS_MAX) {
        if (at == hole) {
            segments[count++] = (struct trace_segment){hole_end, true};
            at = hole_end;
            continue;
        }
        uint32_t next = cut > at ? cut : size;
        if (at < hole && next > hole)
            next = hole;
        segments[count++] = (struct trace_segment){next, false};
        at = next;
        cut = cuts ? min_u32(size, at + stride) : size;
    }
    if (at < size || count == 0)
        segments[count++] = (struct trace_segment){size, false};
    return count;
}

static inline int http1_fuzz(enum http1_kind kind, const uint8_t *data, size_t data_size)
{
    if (data_size < HTTP1_FUZZ_CONTROL)
        return 0;
    uint32_t size = (uint32_t)data_size - HTTP1_FUZZ_CONTROL;
    const uint8_t *stream = data + HTTP1_FUZZ_CONTROL;
    enum http1_method method = (enum http1_method)(data[5] % 4);
    struct http1_trace whole, cut;
    struct trace_segment segments[HTTP1_TRACE_SEGMENTS_MAX];
    http1_trace_init(&whole, kind);
    http1_trace_init(&cut, kind);
    cut.forgets = true;
    if (data[0] & 2) {
        http1_init_midstream(&whole.parser, kind);
        http1_init_midstream(&cut.parser, kind);
    }
    uint32_t count = http1_fuzz_segments(data, size, false, segments);
    http1_trace_run(&whole, stream, size, segments, count, method, NULL);
    count = http1_fuzz_segments(data, size, true, segments);
    http1_trace_run(&cut, stream, size, segments, count, method, NULL);
    if (!http1_trace_equal(&whole, &cut))
        fprintf(stderr, "--- whole\n%s--- cut\n%s", whole.lines.text ? whole.lines.text : "",
                cut.lines.text ? cut.lines.text : "");
    trace_check(http1_trace_equal(&whole, &cut), "items depend on the cuts");
    trace_check(whole.parser.bytes_searched == cut.parser.bytes_searched, "search depends on the cuts");
    trace_check(whole.parser.bytes_searched <= 2 * (uint64_t)size, "more bytes searched than there are");
    http1_trace_free(&whole);
    http1_trace_free(&cut);
    return 0;
}
