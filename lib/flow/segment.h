/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Segments
 *
 * Two lists of copied bytes for each side of a flow. "Held": those that wait for earlier bytes or for the other
 * direction; sorted, never overlapping. "Kept": delivered ones the peer has not acknowledged, the only ones a receiver
 * might still replace by a retransmission with other bytes; contiguous up to `next`.
 *
 * Memory:  two pools from the arena, of the sizes the settings say.
 * Threads: one owner.
 * Limits:  the pools, and a number of segments for each flow; running into one is told to the caller.
 */

#include "base/pool.h"
#include "base/span.h"
#include "flow/flow.h"

#define FLOW_SEGMENT_SIZE   1536u /* a segment of an Ethernet frame fits one; larger ones are cut */
#define FLOW_SEGMENT_HEADER 48u
#define FLOW_SEGMENT_DATA   (FLOW_SEGMENT_SIZE - FLOW_SEGMENT_HEADER)

struct flow_segment {
    uint32_t next; /* reference, 0: none */
    uint32_t sequence;
    uint32_t size; /* bytes in data */
    uint32_t lost; /* bytes of the stream the capture cut off; then size is 0 */
    uint32_t acknowledgement;
    uint32_t packets; /* ledger weight */
    uint32_t bytes;
    bool acknowledges;
    uint64_t time_ns;    /* of its packet */
    uint64_t arrival_ns; /* by the flow's clock */
    uint8_t data[FLOW_SEGMENT_DATA];
};

static_assert(sizeof(struct flow_segment) == FLOW_SEGMENT_SIZE, "a whole number of cache lines");

/* Payload on its way: bytes, then bytes the capture cut off. */
struct flow_piece {
    uint32_t sequence;
    uint32_t size;
    uint32_t lost;
    uint32_t acknowledgement;
    const uint8_t *data;
    uint64_t time_ns;
    uint64_t arrival_ns;
    uint32_t packets;
    uint32_t bytes;
    bool acknowledges;
};

struct flow_segments {
    struct pool pool;
    uint8_t *base;
};

/* RFC 9293 3.4: sequence numbers compare modulo 2^32. */
static inline bool sequence_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static inline uint32_t flow_piece_end(const struct flow_piece *piece)
{
    return piece->sequence + piece->size + piece->lost;
}

static inline struct flow_segment *flow_segment_at(const struct flow_segments *segments, uint32_t reference)
{
    return reference ? (struct flow_segment *)(segments->base + (size_t)(reference - 1) * FLOW_SEGMENT_SIZE) : NULL;
}

static inline uint32_t flow_segment_end(const struct flow_segment *segment)
{
    return segment->sequence + segment->size + segment->lost;
}

MUST_USE int flow_segments_init(struct flow_segments *segments, struct arena *arena, uint32_t count);

/* Cut off what lies before or at and behind `sequence`, which is inside the piece or at its ends. */
void flow_piece_cut_before(struct flow_piece *piece, uint32_t sequence);
void flow_piece_cut_from(struct flow_piece *piece, uint32_t sequence);

enum flow_hold {
    FLOW_HOLD_TAKEN,     /* at least one byte is new; the weight went with the first of them */
    FLOW_HOLD_DUPLICATE, /* all bytes are held already */
    FLOW_HOLD_NO_ROOM,   /* more than `count_max` or the pool allows; nothing was taken */
};

/*
 * Holds the bytes of the piece that are not held yet. Where both exist and differ, *conflict_out is set, and `replace`
 * says whether the new bytes win. A piece without bytes is held as a mark in time: what comes behind waits for it.
 */
enum flow_hold flow_hold_add(struct flow_segments *segments, struct flow_side *side, const struct flow_piece *piece,
                             uint32_t count_max, bool replace, bool *conflict_out);

/* The first held one leaves the list and goes back to the pool. */
void flow_hold_drop_first(struct flow_segments *segments, struct flow_side *side);

/* Keeps a copy of delivered bytes; the oldest go when there are more than `count_max` segments. */
void flow_keep_add(struct flow_segments *segments, struct flow_side *side, const struct flow_piece *piece,
                   uint32_t count_max);

/* Forgets the kept bytes before `sequence` (in whole segments) or all of them. */
void flow_keep_release(struct flow_segments *segments, struct flow_side *side, uint32_t sequence);
void flow_keep_clear(struct flow_segments *segments, struct flow_side *side);

/* True when the piece has other bytes than the kept ones. Counts the bytes it could compare. */
bool flow_keep_differs(const struct flow_segments *segments, const struct flow_side *side,
                       const struct flow_piece *piece, uint32_t *compared_out);

/* The same for the held ones. */
bool flow_hold_differs(const struct flow_segments *segments, const struct flow_side *side,
                       const struct flow_piece *piece);
