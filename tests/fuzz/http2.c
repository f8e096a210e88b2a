/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HTTP/2: any bytes give the same items however they are cut, and a hole anywhere ends well. First byte: which side,
 * and whether it begins in the middle; second: size of the pieces; third and fourth: where the hole is and its size.
 */

#include "../http2_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed(struct http2_run *run, const uint8_t *data, uint32_t size, uint32_t piece, bool last)
{
    for (uint32_t at = 0; at < size; at += piece)
        http2_run_bytes(run, data + at, min_u32(piece, size - at), last && size - at <= piece);
    if (last && !run->stopped)
        http2_run_bytes(run, NULL, 0, true);
    if (last && !run->stopped)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http2_run whole, pieces;
    if (size < 4 || size > UINT32_MAX)
        return 0;
    enum http2_side side = data[0] & 1 ? HTTP2_SERVER : HTTP2_CLIENT;
    bool midstream = (data[0] & 2) != 0, hole = (data[0] & 4) != 0;
    uint32_t piece = data[1] + 1u, count = (uint32_t)size - 4;
    uint32_t hole_at = min_u32(data[2], count), hole_size = hole ? min_u32(data[3], count - hole_at) : 0;
    http2_run_init(&whole, side, midstream);
    http2_run_init(&pieces, side, midstream);
    data += 4;
    feed(&whole, data, hole_at, hole_at + 1, false);
    feed(&pieces, data, hole_at, piece, false);
    if (hole_size) {
        http2_run_lose(&whole, hole_size);
        http2_run_lose(&pieces, hole_size);
    }
    feed(&whole, data + hole_at + hole_size, count - hole_at - hole_size, count + 1, true);
    feed(&pieces, data + hole_at + hole_size, count - hole_at - hole_size, piece, true);
    if (!whole.truncated && strcmp(whole.text, pieces.text) != 0)
        abort();
    http2_run_free(&whole);
    http2_run_free(&pieces);
    return 0;
}
