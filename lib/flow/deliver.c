/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Delivery. Four things can be done for a flow, tried in this order until none is left:
 *   1. tell the first held segment of a side, when it is next and waits for nothing; the older one first;
 *   2. give up a hole the peer acknowledged a skew window ago (or, one-way, that is older than the hole timeout);
 *   3. tell a segment whose wait for the other side has lasted a skew window;
 *   4. tell the end of a side.
 * The hole goes before the wait, so that a lost request is told before its response.
 *
 * A side that began before its first packet here has no beginning to count from: it gathers for a skew window, then
 * what is first by then begins it. So a capture that begins among segments out of order tells all of them.
 */

#include "flow/deliver.h"

/* Waiting segments looked at for the one that acknowledged more: those before it can be told by then, so few are left.
 */
#define REARM_SEARCH 8u

static struct flow_segment *held_first(const struct flow_table *table, const struct flow_side *side)
{
    return flow_segment_at(&table->held, side->held_first);
}

static uint64_t time_after(uint64_t time_ns, uint64_t wait_ns)
{
    return time_ns > FLOW_TIMER_NEVER - 1 - wait_ns ? FLOW_TIMER_NEVER - 1 : time_ns + wait_ns;
}

/* --- when ------------------------------------------------------------------------------------------------------- */

static bool gathers(const struct flow_side *side)
{
    return (side->flags & FLOW_SIDE_GATHERS) != 0;
}

/* When a side that gathers begins. */
static uint64_t gather_deadline(const struct flow_table *table, const struct flow_side *side)
{
    const struct flow_segment *first = held_first(table, side);
    return gathers(side) && first ? time_after(first->arrival_ns, table->settings.skew_window_ns) : 0;
}

/* When a chunk stops waiting for the other side: a side never seen in the flow's first skew window is not there. */
static uint64_t wait_deadline(const struct flow_table *table, const struct flow *flow, uint32_t side,
                              uint64_t arrival_ns)
{
    const struct flow_side *peer = &flow->sides[!side];
    uint64_t from = flow_side_seen(peer) ? arrival_ns : flow->start_ns;
    return max_u64(time_after(from, table->settings.skew_window_ns), gather_deadline(table, peer));
}

static bool behind_peer(const struct flow *flow, uint32_t side, uint32_t acknowledgement)
{
    const struct flow_side *peer = &flow->sides[!side];
    return (peer->flags & FLOW_SIDE_STARTED) && sequence_before(peer->next, acknowledgement);
}

bool flow_deliver_must_wait(const struct flow_table *table, const struct flow *flow, uint32_t side,
                            uint32_t acknowledgement, uint64_t arrival_ns, uint64_t now_ns)
{
    return behind_peer(flow, side, acknowledgement) && now_ns < wait_deadline(table, flow, side, arrival_ns);
}

static bool segment_is_next(const struct flow_side *side, const struct flow_segment *segment)
{
    return segment && !sequence_before(side->next, segment->sequence);
}

/*
 * The end of the hole at `next` as far as the peer's acknowledgement proves it, or `next`: none. A single byte with
 * nothing behind it is no hole yet: a FIN that was not seen is acknowledged like one. A side never seen has no holes.
 */
static uint32_t acked_hole_end(const struct flow_side *side, const struct flow_segment *first)
{
    bool proven = side->acked_ns && flow_side_seen(side) && sequence_before(side->next, side->acked_to);
    if (!proven || (side->flags & FLOW_SIDE_CLOSED) || segment_is_next(side, first))
        return side->next;
    if (first && sequence_before(first->sequence, side->acked_to))
        return first->sequence;
    bool fin = (side->flags & FLOW_SIDE_FIN) != 0;
    if (fin && sequence_before(side->fin, side->acked_to))
        return side->fin;
    return fin || side->acked_to - side->next > 1 ? side->acked_to : side->next;
}

static uint64_t hole_deadline(const struct flow_table *table, const struct flow *flow, uint32_t index)
{
    const struct flow_side *side = &flow->sides[index];
    const struct flow_segment *first = held_first(table, side);
    if (acked_hole_end(side, first) != side->next)
        return time_after(side->acked_ns, table->settings.skew_window_ns);
    if (first && !segment_is_next(side, first) && !flow_side_seen(&flow->sides[!index]))
        return time_after(first->arrival_ns, table->settings.hole_timeout_ns);
    return FLOW_TIMER_NEVER;
}

/* When the first waiting segment, which is next, is told at the latest. */
static uint64_t tell_deadline(const struct flow_table *table, const struct flow *flow, uint32_t index,
                              const struct flow_segment *first)
{
    bool waits = first->acknowledges && behind_peer(flow, index, first->acknowledgement);
    uint64_t wait_ns = waits ? wait_deadline(table, flow, index, first->arrival_ns) : 0;
    return max_u64(wait_ns, gather_deadline(table, &flow->sides[index]));
}

static uint64_t side_deadline(const struct flow_table *table, const struct flow *flow, uint32_t index)
{
    const struct flow_segment *first = held_first(table, &flow->sides[index]);
    if (segment_is_next(&flow->sides[index], first))
        return tell_deadline(table, flow, index, first);
    return hole_deadline(table, flow, index);
}

uint64_t flow_deliver_deadline(const struct flow_table *table, const struct flow *flow)
{
    if (likely(!flow_waits(flow)))
        return FLOW_TIMER_NEVER;
    return min_u64(side_deadline(table, flow, 0), side_deadline(table, flow, 1));
}

/* --- what ------------------------------------------------------------------------------------------------------- */

static void tell(struct flow_table *table, struct flow *flow, uint32_t index, struct flow_chunk *chunk)
{
    chunk->direction = flow_direction_of(flow, index);
    flow->flags |= FLOW_HAD_DATA;
    flow->undecided_packets += chunk->packets;
    flow->undecided_bytes += chunk->bytes;
    enum ledger_reason reason = table->sink.data(table->sink.context, flow, chunk);
    if (reason != FLOW_UNDECIDED) {
        require(reason < LEDGER_REASON_COUNT);
        flow_settle_undecided(flow, table->ledger, reason);
    }
}

/*
 * `next` has moved to or beyond what was acknowledged. What more has been acknowledged since counts from the packet
 * that did it, where that one still waits here, else from now.
 */
static void side_moved(const struct flow_table *table, struct flow *flow, uint32_t index, uint64_t now_ns)
{
    struct flow_side *side = &flow->sides[index];
    const struct flow_side *peer = &flow->sides[!index];
    if (!side->acked_ns || sequence_before(side->next, side->acked_to))
        return;
    side->acked_ns = 0;
    if (!(peer->flags & FLOW_SIDE_ACK) || !sequence_before(side->next, peer->ack))
        return;
    side->acked_ns = now_ns;
    side->acked_to = peer->ack;
    const struct flow_segment *waiting = held_first(table, peer);
    for (uint32_t i = 0; waiting && i < REARM_SEARCH; i++) {
        if (waiting->acknowledges && sequence_before(side->next, waiting->acknowledgement)) {
            side->acked_ns = waiting->arrival_ns;
            side->acked_to = waiting->acknowledgement;
            return;
        }
        waiting = flow_segment_at(&table->held, waiting->next);
    }
}

static bool ends_here(const struct flow_side *side)
{
    return (side->flags & (FLOW_SIDE_FIN | FLOW_SIDE_CLOSED)) == FLOW_SIDE_FIN && side->next == side->fin;
}

/* The FIN takes a sequence number (RFC 9293 3.4), not an offset. */
static void side_close(struct flow_side *side)
{
    side->flags |= FLOW_SIDE_CLOSED;
    side->next++;
    if (sequence_before(side->end, side->next))
        side->end = side->next;
}

static void tell_hole(struct flow_table *table, struct flow *flow, uint32_t index, struct flow_chunk *chunk)
{
    struct flow_side *side = &flow->sides[index];
    chunk->offset = side->offset;
    side->next += chunk->lost;
    side->offset += chunk->lost;
    side->lost_bytes += chunk->lost;
    side->lost_count++;
    ledger_miss(table->ledger, LEDGER_MISSING_TCP_GAPS, 1);
    ledger_miss(table->ledger, LEDGER_MISSING_TCP_GAP_BYTES, chunk->lost);
    chunk->last = ends_here(side);
    if (chunk->last)
        side_close(side);
    tell(table, flow, index, chunk);
}

/* Only what the peer may still replace is worth keeping. */
static void keep(struct flow_table *table, struct flow *flow, uint32_t index, const struct flow_piece *piece)
{
    struct flow_side *side = &flow->sides[index];
    const struct flow_side *peer = &flow->sides[!index];
    if ((peer->flags & FLOW_SIDE_ACK) && !sequence_before(peer->ack, piece->sequence + piece->size))
        flow_keep_clear(&table->kept, side);
    else
        flow_keep_add(&table->kept, side, piece, table->keep_flow_max);
}

void flow_deliver_piece(struct flow_table *table, struct flow *flow, uint32_t index, const struct flow_piece *piece,
                        uint64_t now_ns)
{
    struct flow_side *side = &flow->sides[index];
    struct flow_chunk chunk = {.time_ns = piece->time_ns,
                               .sequence = piece->sequence,
                               .acknowledgement = piece->acknowledgement,
                               .acknowledges = piece->acknowledges,
                               .packets = piece->packets,
                               .bytes = piece->bytes};
    side->flags &= (uint16_t)~FLOW_SIDE_GATHERS;
    if (piece->size) {
        keep(table, flow, index, piece);
        chunk.data = piece->data;
        chunk.size = piece->size;
        chunk.offset = side->offset;
        side->next += piece->size;
        side->offset += piece->size;
        chunk.last = !piece->lost && ends_here(side);
        if (chunk.last)
            side_close(side);
        tell(table, flow, index, &chunk);
        chunk.packets = chunk.bytes = 0;
    }
    if (piece->lost) {
        chunk.data = NULL;
        chunk.size = 0;
        chunk.lost = piece->lost;
        tell_hole(table, flow, index, &chunk);
    }
    side_moved(table, flow, index, now_ns);
}

static void deliver_held(struct flow_table *table, struct flow *flow, uint32_t index, uint64_t now_ns)
{
    struct flow_side *side = &flow->sides[index];
    const struct flow_segment *first = held_first(table, side);
    const struct flow_piece piece = {.sequence = first->sequence,
                                     .size = first->size,
                                     .lost = first->lost,
                                     .acknowledgement = first->acknowledgement,
                                     .acknowledges = first->acknowledges,
                                     .data = first->data,
                                     .time_ns = first->time_ns,
                                     .packets = first->packets,
                                     .bytes = first->bytes};
    flow_deliver_piece(table, flow, index, &piece, now_ns);
    flow_hold_drop_first(&table->held, side);
}

static void give_up_hole(struct flow_table *table, struct flow *flow, uint32_t index, uint32_t end, uint64_t now_ns)
{
    struct flow_side *side = &flow->sides[index];
    side->flags &= (uint16_t) ~(FLOW_SIDE_ACK_GAP | FLOW_SIDE_GATHERS);
    if (!side->held_first)
        side->flags |= FLOW_SIDE_ACK_GAP;
    side->gap_start = side->next;
    side->gap_end = end;
    struct flow_chunk chunk = {.lost = end - side->next, .time_ns = flow_time(flow, now_ns)};
    tell_hole(table, flow, index, &chunk);
    side_moved(table, flow, index, now_ns);
}

/* --- one step --------------------------------------------------------------------------------------------------- */

/* The side whose first held segment can be told; `patient` ones are left to wait. 2: neither. */
static uint32_t side_to_tell(const struct flow_table *table, const struct flow *flow, bool patient, uint64_t now_ns)
{
    uint32_t best = 2;
    uint64_t best_ns = 0;
    for (uint32_t index = 0; index < 2; index++) {
        const struct flow_segment *first = held_first(table, &flow->sides[index]);
        if (!segment_is_next(&flow->sides[index], first))
            continue;
        if (patient && first->acknowledges && behind_peer(flow, index, first->acknowledgement))
            continue;
        if (now_ns < tell_deadline(table, flow, index, first))
            continue;
        if (best == 2 || first->arrival_ns < best_ns) {
            best = index;
            best_ns = first->arrival_ns;
        }
    }
    return best;
}

static bool step_tell(struct flow_table *table, struct flow *flow, bool patient, uint64_t now_ns)
{
    uint32_t index = side_to_tell(table, flow, patient, now_ns);
    if (index == 2)
        return false;
    deliver_held(table, flow, index, now_ns);
    return true;
}

static bool step_hole(struct flow_table *table, struct flow *flow, uint64_t now_ns)
{
    for (uint32_t index = 0; index < 2; index++) {
        if (now_ns < hole_deadline(table, flow, index))
            continue;
        struct flow_side *side = &flow->sides[index];
        const struct flow_segment *first = held_first(table, side);
        uint32_t end = acked_hole_end(side, first);
        give_up_hole(table, flow, index, end != side->next ? end : first->sequence, now_ns);
        return true;
    }
    return false;
}

static bool step_close(struct flow_table *table, struct flow *flow)
{
    for (uint32_t index = 0; index < 2; index++) {
        struct flow_side *side = &flow->sides[index];
        if (!ends_here(side) || side->held_first)
            continue;
        struct flow_chunk chunk = {.last = true, .offset = side->offset, .time_ns = flow_time(flow, flow->last_ns)};
        side_close(side);
        tell(table, flow, index, &chunk);
        return true;
    }
    return false;
}

void flow_deliver_ready(struct flow_table *table, struct flow *flow, uint64_t now_ns)
{
    if (likely(!flow_waits(flow) && !((flow->sides[0].flags | flow->sides[1].flags) & FLOW_SIDE_FIN)))
        return;
    /* Every step takes a held segment, a hole before one, or an end: bounded by the budgets. */
    while (step_tell(table, flow, true, now_ns) || step_hole(table, flow, now_ns) ||
           step_tell(table, flow, false, now_ns) || step_close(table, flow))
        ;
}

void flow_deliver_expire(struct flow_table *table, struct flow *flow, uint64_t now_ns)
{
    uint64_t deadline_ns = flow_deliver_deadline(table, flow);
    while (deadline_ns <= now_ns) {
        flow_deliver_ready(table, flow, deadline_ns);
        deadline_ns = flow_deliver_deadline(table, flow);
    }
}

bool flow_deliver_force(struct flow_table *table, struct flow *flow, uint32_t index, uint64_t now_ns)
{
    if (!flow->sides[index].held_first)
        index = !index;
    struct flow_side *side = &flow->sides[index];
    const struct flow_segment *first = held_first(table, side);
    if (!first)
        return false;
    if (!segment_is_next(side, first))
        give_up_hole(table, flow, index, first->sequence, now_ns);
    deliver_held(table, flow, index, now_ns);
    flow_deliver_ready(table, flow, now_ns);
    return true;
}

void flow_deliver_jump(struct flow_table *table, struct flow *flow, uint32_t index, uint32_t sequence, uint64_t now_ns)
{
    struct flow_side *side = &flow->sides[index];
    while (side->held_first)
        flow_deliver_force(table, flow, index, now_ns);
    flow_keep_clear(&table->kept, side);
    give_up_hole(table, flow, index, sequence, now_ns);
    side->flags &= (uint16_t)~FLOW_SIDE_ACK_GAP;
    side->end = sequence;
    side->acked_ns = 0;
    flow->sides[!index].flags &= (uint16_t)~FLOW_SIDE_ACK; /* what it acknowledged is on the other side of the hole */
}

void flow_deliver_acknowledged(struct flow_table *table, struct flow *flow, uint32_t index, uint64_t now_ns)
{
    struct flow_side *side = &flow->sides[index];
    uint32_t ack = flow->sides[!index].ack;
    flow_keep_release(&table->kept, side, ack);
    if (!side->acked_ns && (side->flags & FLOW_SIDE_STARTED) && sequence_before(side->next, ack)) {
        side->acked_ns = now_ns;
        side->acked_to = ack;
    }
}

/* --- the end ---------------------------------------------------------------------------------------------------- */

/* The side whose oldest waiting segment is the older one. 2: nothing is held. */
static uint32_t side_waiting(const struct flow_table *table, const struct flow *flow)
{
    const struct flow_segment *first[2] = {held_first(table, &flow->sides[0]), held_first(table, &flow->sides[1])};
    if (first[0] && first[1])
        return first[1]->arrival_ns < first[0]->arrival_ns;
    return first[0] ? 0 : first[1] ? 1 : 2;
}

static void end_side(struct flow_table *table, struct flow *flow, uint32_t index)
{
    struct flow_side *side = &flow->sides[index];
    /* Twice at most: up to what was acknowledged first, then up to what is by now. */
    for (uint32_t end = acked_hole_end(side, NULL); end != side->next; end = acked_hole_end(side, NULL))
        give_up_hole(table, flow, index, end, flow->last_ns);
    if ((side->flags & (FLOW_SIDE_FIN | FLOW_SIDE_CLOSED)) == FLOW_SIDE_FIN && sequence_before(side->next, side->fin))
        give_up_hole(table, flow, index, side->fin, flow->last_ns);
}

void flow_deliver_end(struct flow_table *table, struct flow *flow, enum flow_end reason)
{
    bool told = (flow->flags & FLOW_TOLD_END) != 0;
    if (!told) {
        for (uint32_t index = side_waiting(table, flow); index != 2; index = side_waiting(table, flow))
            flow_deliver_force(table, flow, index, flow->last_ns);
        end_side(table, flow, 0);
        end_side(table, flow, 1);
        flow_deliver_ready(table, flow, flow->last_ns);
    }
    flow_keep_clear(&table->kept, &flow->sides[0]);
    flow_keep_clear(&table->kept, &flow->sides[1]);
    flow->flags |= FLOW_TOLD_END;
    if (!told && ((flow->flags & FLOW_HAD_DATA) || flow->session))
        table->sink.end(table->sink.context, flow, reason);
    flow_settle_undecided(flow, table->ledger, LEDGER_UNCLASSIFIED);
}

void flow_deliver_closed(struct flow_table *table, struct flow *flow)
{
    bool closed = (flow->sides[0].flags & flow->sides[1].flags & FLOW_SIDE_CLOSED) != 0;
    if (!closed || (flow->flags & FLOW_TOLD_END))
        return;
    flow->end_reason = FLOW_END_FIN;
    flow_deliver_end(table, flow, FLOW_END_FIN);
    flow_set_state(table, flow, FLOW_STATE_CLOSING);
}
