/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One fuzz input: a byte of flags, a byte with the number of cuts, three bytes for each (where, and whether the segment
 * is lost), then the stream. Without holes the cut run has to say what the whole one says.
 */

#include "amqp_trace.h"

#define AMQP_FUZZ_CUTS_MAX 8u

static inline int amqp_fuzz_compare(const void *a, const void *b)
{
    const struct trace_segment *left = a, *right = b;
    return left->end < right->end ? -1 : left->end > right->end;
}

static inline int amqp_fuzz(bool version10, const uint8_t *data, size_t size)
{
    struct trace_segment segments[AMQP_FUZZ_CUTS_MAX + 1];
    if (size < 2 || size > 1u << 18)
        return 0;
    uint32_t count = data[1] % (AMQP_FUZZ_CUTS_MAX + 1);
    if (size < 2 + 3 * (size_t)count)
        return 0;
    bool from_client = data[0] & 1, midstream = data[0] & 2, message = version10 && (data[0] & 4), holes = false;
    const uint8_t *stream = data + 2 + 3 * (size_t)count;
    uint32_t stream_size = (uint32_t)(size - 2 - 3 * (size_t)count);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *cut = data + 2 + 3 * (size_t)i;
        segments[i].end = (uint32_t)(cut[0] << 8 | cut[1]) % (stream_size + 1);
        segments[i].lost = cut[2] & 1;
        holes |= segments[i].lost;
    }
    qsort(segments, count, sizeof(segments[0]), amqp_fuzz_compare);
    segments[count] = (struct trace_segment){stream_size, false};

    enum amqp_trace_kind kind = !version10 ? AMQP_TRACE_091 : message ? AMQP_TRACE_MESSAGE : AMQP_TRACE_10;
    struct amqp_trace cut, whole;
    amqp_trace_init(&cut, kind, from_client, midstream);
    amqp_trace_run(&cut, stream, segments, count + 1);
    trace_check(cut.body_bytes <= stream_size, "more bytes than there are");
    if (!holes) {
        amqp_trace_init(&whole, kind, from_client, midstream);
        amqp_trace_run(&whole, stream, &segments[count], 1);
        trace_check(strcmp(cut.lines.text, whole.lines.text) == 0 && cut.lines.size == whole.lines.size,
                    "a cut changes the items");
        trace_check(cut.anomalies == whole.anomalies, "a cut changes the anomalies");
        amqp_trace_free(&whole);
    }
    amqp_trace_free(&cut);
    return 0;
}
