/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Payload. A passive observer does not know what the receiver got: a packet seen here may be lost behind the tap, one
 * that arrived may have been lost before it. So new bytes are taken when they come, and every later contradiction marks
 * the flow. Loss, reordering, duplication and offloads contradict nothing, and must not mark.
 */

#include "flow/payload.h"

#include "flow/deliver.h"

/* Late copies of an older connection come one or two at a time; a stream that goes on elsewhere is soon followed. */
#define STRAYS_MAX 8

/* How far before the first segment seen of a side the next ones may lie: what a window without scaling has in flight.
 */
#define GATHER_MAX 65535u

/* How far behind its SYN a side can be that was not answered: no first window is larger, but a tap may lose some. */
#define UNANSWERED_MAX (1u << 20)

struct flow_piece flow_piece_of(const struct net_packet *packet, uint64_t now_ns)
{
    return (struct flow_piece){.sequence = flow_payload_sequence(packet),
                               .size = packet->payload.size,
                               .lost = packet->payload_missing,
                               .acknowledgement = packet->acknowledgement,
                               .data = packet->payload.data,
                               .time_ns = packet->time_ns,
                               .arrival_ns = now_ns,
                               .packets = packet->packets,
                               .bytes = packet->bytes,
                               .acknowledges = flow_packet_has(packet, NET_TCP_ACK)};
}

static void mark_conflict(struct flow_table *table, struct flow *flow, const struct net_packet *packet)
{
    if (packet->checksum == NET_CHECKSUM_BAD || (flow->flags & FLOW_CHECKSUM_BAD))
        flow_mark(table, flow, FLOW_AMBIGUOUS_CHECKSUM);
    if (packet->checksum != NET_CHECKSUM_BAD)
        flow_mark(table, flow, FLOW_AMBIGUOUS_OVERLAP);
}

/*
 * Compares bytes seen again with those delivered. Acknowledged ones do not matter: no receiver takes them twice, and
 * keep-alive probes carry any byte there (RFC 9293 3.8.4).
 */
static void compare_old(struct flow_table *table, struct flow *flow, uint32_t index, const struct flow_piece *whole,
                        const struct net_packet *packet)
{
    const struct flow_side *side = &flow->sides[index];
    const struct flow_side *peer = &flow->sides[!index];
    struct flow_piece piece = *whole;
    uint32_t end = flow_piece_end(&piece);
    if (sequence_before(side->next, end))
        end = side->next;
    flow_piece_cut_from(&piece, end);
    table->statistics.retransmitted_bytes += piece.size;
    if ((peer->flags & FLOW_SIDE_ACK) && sequence_before(piece.sequence, peer->ack))
        flow_piece_cut_before(&piece, sequence_before(peer->ack, end) ? peer->ack : end);
    uint32_t compared;
    if (flow_keep_differs(&table->kept, side, &piece, &compared))
        mark_conflict(table, flow, packet);
    table->statistics.uncompared_bytes += piece.size - compared;
}

/* What makes some receivers drop new data that others take. */
static void mark_oddities(struct flow_table *table, struct flow *flow, uint32_t index, const struct net_packet *packet,
                          bool in_order)
{
    struct flow_side *side = &flow->sides[index];
    if (flow_packet_has(packet, NET_TCP_URG))
        flow_mark(table, flow, FLOW_AMBIGUOUS_URGENT);
    if (!flow_packet_has(packet, NET_TCP_ACK) && !flow_packet_has(packet, NET_TCP_SYN))
        flow_mark(table, flow, FLOW_AMBIGUOUS_ACK);
    if (!(packet->options & NET_OPTION_SIGNATURE) != !(side->flags & FLOW_SIDE_SIGNED))
        flow_mark(table, flow, FLOW_AMBIGUOUS_MD5);
    if (packet->flags & NET_AMBIGUOUS)
        flow_mark(table, flow, FLOW_AMBIGUOUS_FRAGMENT);
    if (packet->checksum == NET_CHECKSUM_BAD)
        flow->flags |= FLOW_CHECKSUM_BAD;
    /* Among the first segments of a side that gathers none is known to be in order. */
    if (!(packet->options & NET_OPTION_TIMESTAMPS) || (side->flags & FLOW_SIDE_GATHERS))
        return;
    if ((side->flags & FLOW_SIDE_TIMESTAMP) && sequence_before(packet->timestamp_value, side->timestamp)) {
        flow_mark(table, flow, FLOW_AMBIGUOUS_TIMESTAMP);
    } else if (in_order) {
        side->timestamp = packet->timestamp_value;
        side->flags |= FLOW_SIDE_TIMESTAMP;
    }
}

/* Why bytes before `next` are not new: delivered, never ours, or too late for the hole they were given up as. */
static enum ledger_reason reason_for_old(const struct flow_side *side, const struct flow_piece *piece)
{
    if (side->lost_count && !sequence_before(piece->sequence, side->gap_start) &&
        sequence_before(piece->sequence, side->gap_end))
        return LEDGER_OUT_OF_WINDOW;
    bool probe = piece->size + piece->lost == 1;
    return side->next - piece->sequence > side->offset + 1 && !probe ? LEDGER_OUT_OF_WINDOW : LEDGER_DUPLICATE;
}

/* Leaves in the piece what is new and may be delivered; false when nothing is, *reason_out says why. */
static bool piece_admit(struct flow_table *table, struct flow *flow, uint32_t index, const struct net_packet *packet,
                        struct flow_piece *piece, enum ledger_reason *reason_out)
{
    struct flow_side *side = &flow->sides[index];
    *reason_out = LEDGER_OUT_OF_WINDOW;
    if (flow_window_excludes(flow, index, piece->sequence))
        return false;
    uint32_t end = flow_piece_end(piece);
    bool finished = (side->flags & FLOW_SIDE_FIN) && sequence_before(side->fin, end);
    if (finished && sequence_before(side->next, end))
        flow_mark(table, flow, FLOW_AMBIGUOUS_AFTER_CLOSE);
    if (finished && !sequence_before(piece->sequence, side->fin))
        return false;
    if (finished)
        flow_piece_cut_from(piece, side->fin);
    if (!sequence_before(piece->sequence, side->next))
        return true;
    compare_old(table, flow, index, piece, packet);
    *reason_out = reason_for_old(side, piece);
    if (!sequence_before(side->next, flow_piece_end(piece)))
        return false;
    flow_piece_cut_before(piece, side->next);
    return true;
}

static void give_up_piece(struct flow_table *table, const struct flow_piece *piece, enum ledger_reason reason)
{
    ledger_settle(table->ledger, reason, piece->packets, piece->bytes);
}

/* Holds the piece, at the price of giving up what the flow waits for; without room even so, it is counted. */
static void hold_piece(struct flow_table *table, struct flow *flow, uint32_t index, struct flow_piece *piece,
                       const struct net_packet *packet, uint64_t now_ns)
{
    struct flow_side *side = &flow->sides[index];
    bool replace = table->settings.overlap_policy == FLOW_OVERLAP_LAST, conflict = false;
    enum flow_hold hold = flow_hold_add(&table->held, side, piece, table->hold_flow_max, replace, &conflict);
    /* Each turn drops a held segment: bounded by the flow's budget. */
    while (hold == FLOW_HOLD_NO_ROOM && flow_deliver_force(table, flow, index, now_ns)) {
        if (sequence_before(piece->sequence, side->next)) {
            bool nothing_left = !sequence_before(side->next, flow_piece_end(piece));
            flow_piece_cut_before(piece, nothing_left ? flow_piece_end(piece) : side->next);
            if (nothing_left)
                break;
        }
        hold = flow_hold_add(&table->held, side, piece, table->hold_flow_max, replace, &conflict);
    }
    if (conflict)
        mark_conflict(table, flow, packet);
    table->statistics.held_segments += hold == FLOW_HOLD_TAKEN;
    if (hold == FLOW_HOLD_DUPLICATE)
        give_up_piece(table, piece, LEDGER_DUPLICATE);
    if (hold != FLOW_HOLD_NO_ROOM)
        return;
    if (piece->sequence == side->next && piece->size + piece->lost)
        flow_deliver_piece(table, flow, index, piece, now_ns);
    else
        give_up_piece(table, piece, LEDGER_BUFFER_BUDGET);
}

/* In order and waiting for nothing: by reference. Only where held bytes begin inside it is the rest held as well. */
static void deliver_now(struct flow_table *table, struct flow *flow, uint32_t index, struct flow_piece *piece,
                        const struct net_packet *packet, uint64_t now_ns)
{
    struct flow_side *side = &flow->sides[index];
    const struct flow_segment *first = flow_segment_at(&table->held, side->held_first);
    if (likely(!first || !sequence_before(first->sequence, flow_piece_end(piece)))) {
        flow_deliver_piece(table, flow, index, piece, now_ns);
        return;
    }
    struct flow_piece rest = *piece;
    flow_piece_cut_before(&rest, first->sequence);
    rest.packets = rest.bytes = 0;
    flow_piece_cut_from(piece, first->sequence);
    bool conflict = false;
    (void)flow_hold_add(&table->held, side, &rest, table->hold_flow_max,
                        table->settings.overlap_policy == FLOW_OVERLAP_LAST, &conflict);
    if (conflict)
        mark_conflict(table, flow, packet);
    flow_deliver_piece(table, flow, index, piece, now_ns);
}

/* Begins before the first byte that a SYN seen here allows. A keep-alive probe does, by one byte. */
static bool before_syn(const struct flow_side *side, const struct flow_piece *piece)
{
    return (side->flags & FLOW_SIDE_SYN) && side->offset < FLOW_WINDOW_MAX && piece->size + piece->lost > 1 &&
           sequence_before(piece->sequence, side->initial + 1);
}

/*
 * A SYN nobody has answered, and data that does not fit it: the SYN was forged, or belongs to a connection that began
 * and ended unseen. The data wins. Where it was answered, and the data only begins before it, receivers cut or drop it.
 */
static void doubt_syn(struct flow_table *table, struct flow *flow, uint32_t index, const struct flow_piece *piece)
{
    struct flow_side *side = &flow->sides[index];
    bool before = before_syn(side, piece);
    if (before && sequence_before(side->initial + 1, flow_piece_end(piece)))
        flow_mark(table, flow, FLOW_AMBIGUOUS_SYN);
    if (flow->state != FLOW_STATE_HALF_OPEN || side->offset || (flow->sides[!index].flags & FLOW_SIDE_SYN))
        return;
    bool ahead = (side->flags & FLOW_SIDE_SYN) && piece->sequence - (side->initial + 1) > UNANSWERED_MAX;
    if (!before && !ahead && !flow_window_excludes(flow, index, piece->sequence))
        return;
    flow_mark(table, flow, FLOW_AMBIGUOUS_SYN);
    side->flags &= (uint16_t) ~(FLOW_SIDE_STARTED | FLOW_SIDE_SYN | FLOW_SIDE_SCALE);
    flow_window_start(side, piece->sequence);
    flow->flags |= FLOW_MIDSTREAM;
}

/*
 * Segment after segment outside the window: either all are forged, or the tap was blind for long. The bytes are
 * followed in the second case, and the flow is marked for the first.
 */
static void doubt_window(struct flow_table *table, struct flow *flow, uint32_t index, uint32_t sequence,
                         uint64_t now_ns)
{
    struct flow_side *side = &flow->sides[index];
    if (!flow_window_excludes(flow, index, sequence)) {
        side->strays = 0;
        return;
    }
    if ((side->flags & (FLOW_SIDE_FIN | FLOW_SIDE_RST)) || ++side->strays < STRAYS_MAX)
        return;
    side->strays = 0;
    flow_mark(table, flow, FLOW_AMBIGUOUS_WINDOW);
    flow_deliver_jump(table, flow, index, sequence, now_ns);
}

/* At the start of a worker every connection is in its middle: half of the room is left to those that lost packets. */
static bool room_to_gather(const struct flow_table *table)
{
    return table->settings.skew_window_ns && table->held.pool.used_count < table->held.pool.count / 2;
}

/* The side begins with the piece, or, when nothing of it was told yet, before what was taken for its beginning. */
static void begin_side(const struct flow_table *table, const struct flow *flow, struct flow_side *side,
                       const struct flow_piece *piece)
{
    if (!(side->flags & FLOW_SIDE_STARTED) && (flow->flags & FLOW_MIDSTREAM) && room_to_gather(table))
        side->flags |= FLOW_SIDE_GATHERS;
    flow_window_start(side, piece->sequence);
    if ((side->flags & FLOW_SIDE_GATHERS) && side->next - piece->sequence <= GATHER_MAX)
        side->next = piece->sequence;
}

void flow_payload_take(struct flow_table *table, struct flow *flow, uint32_t index, const struct net_packet *packet,
                       uint64_t now_ns)
{
    struct flow_side *side = &flow->sides[index];
    struct flow_piece piece = flow_piece_of(packet, now_ns);
    begin_side(table, flow, side, &piece);
    doubt_syn(table, flow, index, &piece);
    doubt_window(table, flow, index, piece.sequence, now_ns);
    enum ledger_reason reason;
    if (!piece_admit(table, flow, index, packet, &piece, &reason)) {
        give_up_piece(table, &piece, reason);
        return;
    }
    uint32_t end = flow_piece_end(&piece);
    bool in_order = piece.sequence == side->next;
    mark_oddities(table, flow, index, packet, in_order);
    if ((side->flags & FLOW_SIDE_RST) && sequence_before(side->fin, end)) {
        flow_mark(table, flow, FLOW_AMBIGUOUS_RST);
        side->flags &= (uint16_t)~FLOW_SIDE_RST;
        flow_set_state(table, flow, FLOW_STATE_ESTABLISHED);
    }
    if (sequence_before(side->end, end))
        side->end = end;
    bool waits = !in_order || (piece.acknowledges &&
                               flow_deliver_must_wait(table, flow, index, piece.acknowledgement, now_ns, now_ns));
    /* What waits for the other side keeps what is behind it waiting: it is not first in line then. */
    const struct flow_segment *first = flow_segment_at(&table->held, side->held_first);
    waits = waits || (side->flags & FLOW_SIDE_GATHERS) || (first && !sequence_before(side->next, first->sequence));
    if (waits)
        hold_piece(table, flow, index, &piece, packet, now_ns);
    else
        deliver_now(table, flow, index, &piece, packet, now_ns);
}

void flow_payload_ignore(struct flow_table *table, struct flow *flow, uint32_t index, const struct net_packet *packet,
                         enum ledger_reason reason)
{
    struct flow_side *side = &flow->sides[index];
    struct flow_piece piece = flow_piece_of(packet, flow->last_ns);
    if (piece.size && (side->flags & FLOW_SIDE_STARTED)) {
        if (sequence_before(piece.sequence, side->next))
            compare_old(table, flow, index, &piece, packet);
        if (flow_hold_differs(&table->held, side, &piece))
            mark_conflict(table, flow, packet);
    }
    flow_settle(table, packet, reason);
}
