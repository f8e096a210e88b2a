/* SPDX-License-Identifier: Apache-2.0 */

/*
 * WebSocket frames: the first bytes choose sender, extension, a hole and cuts; the rest is the stream. The same hole
 * with and without the cuts has to give the same items.
 */

#include "../websocket_trace.h"

#define CONTROL_SIZE 6u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Small values are offsets from the start, large ones fractions: both borders and middles are reached. */
static uint32_t place(uint8_t byte, uint32_t size)
{
    return byte < 128 ? min_u32(byte, size) : (uint32_t)((uint64_t)(byte - 128) * size / 127);
}

static uint32_t segments_make(const uint8_t *control, uint32_t size, bool cuts, struct trace_segment *segments)
{
    uint32_t hole = size, hole_end = size, count = 0, at = 0;
    if (control[0] & 1) {
        hole = place(control[1], size);
        hole_end = min_u32(size, hole + 1 + control[2]);
    }
    uint32_t stride = 1 + (size >> 4) + control[3];
    uint32_t cut = cuts ? place(control[4], size) : size;
    while (at < size && count + 4 < WEBSOCKET_TRACE_SEGMENTS_MAX) {
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_size)
{
    if (data_size < CONTROL_SIZE)
        return 0;
    uint32_t size = (uint32_t)data_size - CONTROL_SIZE;
    const uint8_t *stream = data + CONTROL_SIZE;
    struct websocket_trace whole, cut;
    struct trace_segment segments[WEBSOCKET_TRACE_SEGMENTS_MAX];
    struct websocket_trace *traces[2] = {&whole, &cut};
    for (uint32_t i = 0; i < 2; i++) {
        websocket_trace_init(traces[i], (enum websocket_sender)(data[5] & 1),
                             (enum websocket_deflate)(data[5] / 2 % 3));
        if (data[0] & 2)
            websocket_init_midstream(&traces[i]->parser);
        uint32_t count = segments_make(data, size, i == 1, segments);
        websocket_trace_run(traces[i], stream, size, segments, count);
    }
    bool equal = whole.lines.size == cut.lines.size && memcmp(whole.lines.text, cut.lines.text, whole.lines.size) == 0;
    if (!equal)
        fprintf(stderr, "--- whole\n%s--- cut\n%s", whole.lines.text, cut.lines.text);
    trace_check(equal, "items depend on the cuts");
    trace_check(whole.parser.bytes_skipped == cut.parser.bytes_skipped, "skipping depends on the cuts");
    websocket_trace_free(&whole);
    websocket_trace_free(&cut);
    return 0;
}
