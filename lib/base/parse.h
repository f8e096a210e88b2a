/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Parser contract
 *
 * The one shape of every parser of wire bytes in Assay. The caller offers input, the parser answers with one item a call.
 *
 * Resumable:  all state is in the parser, of fixed size, zero is a valid start. Input that was not consumed is offered
 *             again, longer, at the next call; the parser remembers how far it has looked, so no byte is looked at twice.
 * Bounded:    consumed <= size. Each call emits an item, consumes, or answers MORE or STOP: at most 2 * size + 2 calls
 *             for one input.
 * No copies:  items are spans into the input, valid until the next call. No allocation.
 * Loss:       data NULL and lost > 0 says that `lost` bytes of the stream were not seen. The parser resynchronises; the
 *             items touched carry an anomaly bit. Traffic is never an error.
 * Cuts:       the same stream gives the same items however it is cut into inputs.
 */

#include "base/span.h"

struct parse_input {
    const uint8_t *data; /* NULL: `lost` bytes are missing here */
    uint32_t size;
    uint32_t lost;
    bool last; /* the stream ends behind these bytes */
};

enum parse_status {
    PARSE_ITEM, /* *item_out is filled */
    PARSE_MORE, /* offer the unconsumed rest again with more behind it; `needed` says how many at least, 0 unknown */
    PARSE_STOP, /* this parser has nothing more to say about the stream (protocol change, beyond repair) */
};

struct parse_step {
    enum parse_status status;
    uint32_t consumed;
    uint32_t needed;
};

/*
 * The answer as one value. GCC 12 builds a returned struct of this size by two short stores and a long load, which the
 * processor cannot forward: 5 to 10 ns for every item. Put together in a register it costs nothing.
 */
static inline struct parse_step parse_step_of(enum parse_status status, uint32_t consumed, uint32_t needed)
{
    struct parse_step step = {.status = status, .consumed = consumed, .needed = needed};
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    static_assert(offsetof(struct parse_step, consumed) == 4, "status and consumed share eight bytes");
    uint64_t front = (uint32_t)status | (uint64_t)consumed << 32;
    memcpy(&step, &front, sizeof(front));
#endif
    return step;
}

/* The input that is left behind the bytes, or the lost bytes, that a step consumed. */
static inline void parse_input_advance(struct parse_input *input, uint32_t consumed)
{
    if (input->data) {
        input->data += consumed;
        input->size -= consumed;
    } else {
        input->lost -= min_u32(consumed, input->lost);
    }
}
