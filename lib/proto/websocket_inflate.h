/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * permessage-deflate
 *
 * Inflates the messages of one sender (RFC 7692 7.2.2), under the contract of base/parse.h: an item is a view of
 * decoded bytes, `last` is the end of a message, PARSE_STOP says that `outcome` is final for it.
 *
 * Views:    up to WEBSOCKET_VIEW_SIZE bytes, the same for every cut of the input. What was decoded before a stop is
 *           shown before PARSE_STOP.
 * History:  with context takeover a message may refer to bytes of those before it. Where some of them are not known
 *           (loss, a message that could not be decoded, no inflater free at the time) decoding begins with none: a
 *           message that gets by without them is right, one that refers to them is CONTENT_LOST, never garbage.
 * Memory:   all from the arena given to websocket_inflaters_init(), zlib's included. One inflater for each sender, held
 *           over messages with takeover only.
 * Threads:  one owner.
 * Limits:   a message: CONTENT_OUTPUT_MAX, and CONTENT_RATIO_MAX beyond CONTENT_RATIO_FREE, and
 *           CONTENT_WASTE_MAX beyond CONTENT_WASTE_FREE.
 */

#include "base/parse.h"
#include "base/pool.h"
#include "proto/content_coding.h"

#define WEBSOCKET_VIEW_SIZE   16384u /* as much as a body window holds, so that a common message is one view */
#define WEBSOCKET_SLICE_SIZE  512u   /* coded bytes decoded in one go: see content_decoder.c */
#define WEBSOCKET_NARROW_BITS 12u    /* what servers choose that care for memory */

/* zlib 1.2.13 takes 7.2 KB and its window; room for builds that align more. */
#define WEBSOCKET_NARROW_SIZE (15u << 10)
#define WEBSOCKET_WIDE_SIZE   (48u << 10)

struct websocket_inflater;

struct websocket_inflaters {
    struct pool narrow, wide;
    uint8_t *view;
    uint64_t outcomes[CONTENT_OUTCOME_COUNT]; /* messages by outcome */
};

struct websocket_view {
    const uint8_t *data; /* valid until the next call to any inflater of these */
    uint32_t size;
    bool last; /* PARSE_STOP follows; a full view may be the last one without it */
};

/* Bytes of arena for that many of each. */
size_t websocket_inflaters_size(uint32_t narrow_count, uint32_t wide_count);

/* Returns 0, or -ENOMEM when the arena has not room for them. */
MUST_USE int websocket_inflaters_init(struct websocket_inflaters *inflaters, struct arena *arena, uint32_t narrow_count,
                                      uint32_t wide_count);

/* `history_known`: nothing was said before. NULL: none is free, counted as CONTENT_NO_DECODER. */
struct websocket_inflater *websocket_inflater_take(struct websocket_inflaters *inflaters, uint32_t window_bits,
                                                   bool history_known);
void websocket_inflater_give(struct websocket_inflater *inflater);

/* Before the first byte of a message. */
void websocket_inflater_begin(struct websocket_inflater *inflater);

/* Bytes that the sender may refer to will not be seen. */
void websocket_inflater_forget(struct websocket_inflater *inflater);

/* A hole (data NULL) ends the message with CONTENT_LOST. */
struct parse_step websocket_inflater_next(struct websocket_inflater *inflater, const struct parse_input *input,
                                          struct websocket_view *view_out);

/* Of the message; CONTENT_OPEN while it goes on. */
enum content_outcome websocket_inflater_outcome(const struct websocket_inflater *inflater);
