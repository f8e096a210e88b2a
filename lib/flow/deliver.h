/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Delivery
 *
 * When which bytes of a flow go to the sink: in order within a side, and across the sides not before what their packet
 * acknowledged. Everything is decided by the flow's own packets and by deadlines made of their times; a deadline is
 * acted on as of its own time, however late somebody looks.
 */

#include "flow/table.h"

/* Something waits for bytes, acknowledged ones included. False for nearly every packet, and then cheap to know. */
static inline bool flow_waits(const struct flow *flow)
{
    const struct flow_side *a = &flow->sides[0], *b = &flow->sides[1];
    return (a->held_first | b->held_first) != 0 || (a->acked_ns | b->acked_ns) != 0;
}

/* The next time at which something that waits is to be given up, FLOW_TIMER_NEVER when nothing waits for time. */
uint64_t flow_deliver_deadline(const struct flow_table *table, const struct flow *flow);

/* Acts on every deadline up to now_ns, each at its time, in their order. */
void flow_deliver_expire(struct flow_table *table, struct flow *flow, uint64_t now_ns);

/* True when a chunk of `side` that acknowledges `acknowledgement` has to wait for the other side. */
bool flow_deliver_must_wait(const struct flow_table *table, const struct flow *flow, uint32_t side,
                            uint32_t acknowledgement, uint64_t arrival_ns, uint64_t now_ns);

/* Tells the sink a piece that begins at `next`. */
void flow_deliver_piece(struct flow_table *table, struct flow *flow, uint32_t side, const struct flow_piece *piece,
                        uint64_t now_ns);

/* Tells all that need not wait any more. */
void flow_deliver_ready(struct flow_table *table, struct flow *flow, uint64_t now_ns);

/* Makes room: gives up the first hole or wait of `side` (or of the other one). False when nothing waits. */
bool flow_deliver_force(struct flow_table *table, struct flow *flow, uint32_t side, uint64_t now_ns);

/* Gives up everything between `next` and `sequence`, however far: the side goes on there. */
void flow_deliver_jump(struct flow_table *table, struct flow *flow, uint32_t side, uint32_t sequence, uint64_t now_ns);

/* Everything goes, the flow ends: holes are given up, the sink is told, the segments go back. */
void flow_deliver_end(struct flow_table *table, struct flow *flow, enum flow_end reason);

/* The peer of `side` has acknowledged more, at now_ns. */
void flow_deliver_acknowledged(struct flow_table *table, struct flow *flow, uint32_t side, uint64_t now_ns);

/* Ends a flow both of whose sides were told to be closed. */
void flow_deliver_closed(struct flow_table *table, struct flow *flow);
