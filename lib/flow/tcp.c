/* SPDX-License-Identifier: Apache-2.0 */

/*
 * TCP. A passive observer does not know what the receiver got: a packet seen here may be lost behind the tap, one that
 * arrived may have been lost before it. So new bytes are taken when they come, and every later contradiction marks the
 * flow. Loss, reordering, duplication and offloads contradict nothing, and must not mark.
 */

#include "flow/tcp.h"

#include "flow/deliver.h"

/* A tap may be behind with window updates by as much as is in flight: a window, or this for small windows. */
#define WINDOW_SLACK (1u << 20)
/* Where the receiver's window is not known: the largest one without scaling. */
#define WINDOW_GUESS 65535u
/* A SYN that comes after its data was overtaken by at most an initial window; ten segments of a jumbo frame. */
#define LATE_SYN_MAX 90000u

static bool packet_has(const struct net_packet *packet, uint32_t flag)
{
    return (packet->tcp_flags & flag) != 0;
}

/* The SYN takes a sequence number before the payload. */
static uint32_t payload_sequence(const struct net_packet *packet)
{
    return packet->sequence + (packet_has(packet, NET_TCP_SYN) ? 1 : 0);
}

static struct flow_piece piece_of(const struct net_packet *packet, uint64_t now_ns)
{
    return (struct flow_piece){.sequence = payload_sequence(packet),
                               .size = packet->payload.size,
                               .lost = packet->payload_missing,
                               .acknowledgement = packet->acknowledgement,
                               .data = packet->payload.data,
                               .time_ns = packet->time_ns,
                               .arrival_ns = now_ns,
                               .packets = packet->packets,
                               .bytes = packet->bytes,
                               .acknowledges = packet_has(packet, NET_TCP_ACK)};
}

/* --- contradictions --------------------------------------------------------------------------------------------- */

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

void flow_tcp_ignore(struct flow_table *table, struct flow *flow, uint32_t index, const struct net_packet *packet,
                     enum ledger_reason reason)
{
    struct flow_side *side = &flow->sides[index];
    struct flow_piece piece = piece_of(packet, flow->last_ns);
    if (piece.size && (side->flags & FLOW_SIDE_STARTED)) {
        if (sequence_before(piece.sequence, side->next))
            compare_old(table, flow, index, &piece, packet);
        if (flow_hold_differs(&table->held, side, &piece))
            mark_conflict(table, flow, packet);
    }
    flow_settle(table, packet, reason);
}

/* What makes some receivers drop new data that others take. */
static void mark_oddities(struct flow_table *table, struct flow *flow, uint32_t index, const struct net_packet *packet,
                          bool in_order)
{
    struct flow_side *side = &flow->sides[index];
    if (packet_has(packet, NET_TCP_URG))
        flow_mark(table, flow, FLOW_AMBIGUOUS_URGENT);
    if (!packet_has(packet, NET_TCP_ACK) && !packet_has(packet, NET_TCP_SYN))
        flow_mark(table, flow, FLOW_AMBIGUOUS_ACK);
    if (!(packet->options & NET_OPTION_SIGNATURE) != !(side->flags & FLOW_SIDE_SIGNED))
        flow_mark(table, flow, FLOW_AMBIGUOUS_MD5);
    if (packet->flags & NET_AMBIGUOUS)
        flow_mark(table, flow, FLOW_AMBIGUOUS_FRAGMENT);
    if (packet->checksum == NET_CHECKSUM_BAD)
        flow->flags |= FLOW_CHECKSUM_BAD;
    if (!(packet->options & NET_OPTION_TIMESTAMPS))
        return;
    if ((side->flags & FLOW_SIDE_TIMESTAMP) && sequence_before(packet->timestamp_value, side->timestamp)) {
        flow_mark(table, flow, FLOW_AMBIGUOUS_TIMESTAMP);
    } else if (in_order) {
        side->timestamp = packet->timestamp_value;
        side->flags |= FLOW_SIDE_TIMESTAMP;
    }
}

/* --- windows ---------------------------------------------------------------------------------------------------- */

static uint32_t window_of(const struct flow *flow, uint32_t index, const struct net_packet *packet)
{
    const struct flow_side *side = &flow->sides[index];
    /* RFC 7323 2.2: scaled only when both SYNs offered it, and never in a SYN itself. */
    bool scaled = (side->flags & flow->sides[!index].flags & FLOW_SIDE_SCALE) && !packet_has(packet, NET_TCP_SYN);
    return (uint32_t)packet->window << (scaled ? side->scale : 0);
}

/* True when no receiver can take bytes at `sequence`: beyond every window, or so far back that the numbers wrapped. */
static bool out_of_window(const struct flow *flow, uint32_t index, uint32_t sequence)
{
    const struct flow_side *side = &flow->sides[index];
    const struct flow_side *peer = &flow->sides[!index];
    uint32_t ahead = sequence - side->next;
    if (ahead < FLOW_WINDOW_MAX && !sequence_before(side->end, sequence))
        return false; /* joins what was seen, so it is in a window we did not see */
    if (ahead > FLOW_WINDOW_MAX && side->next - sequence > FLOW_WINDOW_MAX)
        return true;
    if (!sequence_before(side->end, sequence))
        return false;
    if (!(peer->flags & FLOW_SIDE_ACK) || !(side->flags & peer->flags & FLOW_SIDE_SYN))
        return false; /* the scale of its window is not known */
    uint32_t window = peer->edge - peer->ack;
    return sequence_before(peer->edge + (window > WINDOW_SLACK ? window : WINDOW_SLACK), sequence);
}

/* In the window a receiver has at this moment, as far as we know it. */
static bool in_window(const struct flow *flow, uint32_t index, uint32_t sequence)
{
    const struct flow_side *side = &flow->sides[index];
    const struct flow_side *peer = &flow->sides[!index];
    uint32_t from = (peer->flags & FLOW_SIDE_ACK) ? peer->ack : side->next;
    uint32_t to = (peer->flags & FLOW_SIDE_ACK) ? peer->edge : side->next + WINDOW_GUESS;
    if (sequence_before(to, side->end))
        to = side->end;
    return !sequence_before(sequence, from) && !sequence_before(to, sequence);
}

/* --- SYN -------------------------------------------------------------------------------------------------------- */

/* Offset 0 of a side that began without its SYN. */
static uint32_t first_sequence(const struct flow_side *side)
{
    return side->next - (uint32_t)side->offset - ((side->flags & FLOW_SIDE_CLOSED) ? 1 : 0);
}

enum flow_syn flow_tcp_syn(const struct flow_table *table, const struct flow *flow, uint32_t index,
                           const struct net_packet *packet)
{
    const struct flow_side *side = &flow->sides[index];
    if (!packet_has(packet, NET_TCP_SYN) || packet_has(packet, NET_TCP_RST) || !(side->flags & FLOW_SIDE_STARTED))
        return FLOW_SYN_BELONGS;
    bool known = (side->flags & FLOW_SIDE_SYN) != 0;
    /* A refused client may try again with the same number. */
    if (flow->end_reason == FLOW_END_RST && flow->state == FLOW_STATE_CLOSING && !(flow->flags & FLOW_HAD_DATA) &&
        !packet_has(packet, NET_TCP_ACK))
        return FLOW_SYN_REUSE;
    if (known ? packet->sequence == side->initial : packet->sequence + 1 == first_sequence(side))
        return FLOW_SYN_BELONGS;
    if (flow->state == FLOW_STATE_CLOSING)
        return FLOW_SYN_REUSE;
    if (flow->state == FLOW_STATE_HALF_OPEN)
        return packet_has(packet, NET_TCP_ACK) ? FLOW_SYN_CONTRADICTS : FLOW_SYN_REUSE;
    bool young = packet->time_ns < flow->start_ns + table->settings.skew_window_ns;
    if (!known && young && first_sequence(side) - packet->sequence - 1 < LATE_SYN_MAX)
        return FLOW_SYN_BELONGS;
    return in_window(flow, index, packet->sequence) ? FLOW_SYN_CONTRADICTS : FLOW_SYN_REUSE;
}

static void side_start(struct flow_side *side, uint32_t sequence)
{
    if (side->flags & FLOW_SIDE_STARTED)
        return;
    side->next = side->end = sequence;
    side->flags |= FLOW_SIDE_STARTED;
}

static void take_syn(struct flow *flow, uint32_t index, const struct net_packet *packet)
{
    struct flow_side *side = &flow->sides[index];
    if (side->flags & FLOW_SIDE_SYN)
        return;
    bool answers = packet_has(packet, NET_TCP_ACK);
    side->initial = packet->sequence;
    side->flags |= FLOW_SIDE_SYN;
    if (packet->options & NET_OPTION_WINDOW_SCALE) {
        side->scale = packet->window_scale < 14 ? packet->window_scale : 14; /* RFC 7323 2.3 */
        side->flags |= FLOW_SIDE_SCALE;
    }
    side_start(side, packet->sequence + 1);
    if (side->offset == 0 && !(side->flags & FLOW_SIDE_CLOSED) && sequence_before(packet->sequence + 1, side->next))
        side->next = packet->sequence + 1; /* what had been taken for the beginning was not */
    if (answers)
        side_start(&flow->sides[!index], packet->acknowledgement);
    bool as_server = flow_direction_of(flow, index) == FLOW_TO_CLIENT;
    if ((flow->flags & FLOW_MIDSTREAM) && !(flow->flags & FLOW_HAD_DATA) && as_server != answers)
        flow_swap_direction(flow);
    if (first_sequence(side) == packet->sequence + 1)
        flow->flags &= ~(uint32_t)FLOW_MIDSTREAM;
}

/* --- ACK -------------------------------------------------------------------------------------------------------- */

/* Acknowledges what cannot have been sent, or what was before the connection. */
static bool ack_impossible(const struct flow_side *peer, uint32_t ack)
{
    if (!(peer->flags & FLOW_SIDE_STARTED))
        return false;
    if (ack - peer->next > FLOW_WINDOW_MAX && peer->next - ack > FLOW_WINDOW_MAX)
        return true;
    return (peer->flags & FLOW_SIDE_SYN) && peer->offset < FLOW_WINDOW_MAX && sequence_before(ack, peer->initial + 1);
}

/*
 * A hole was told because the peer acknowledged it, with nothing behind it. When its sender still stands before the
 * hole, it never sent those bytes: the acknowledgement was false.
 */
static void check_ack_gap(struct flow_table *table, struct flow *flow, const struct flow_side *side,
                          const struct net_packet *packet)
{
    if (!(side->flags & FLOW_SIDE_ACK_GAP) || flow_payload_size(packet) ||
        packet_has(packet, NET_TCP_SYN | NET_TCP_FIN | NET_TCP_RST))
        return;
    if (side->next - packet->sequence < FLOW_WINDOW_MAX && !sequence_before(side->gap_start, packet->sequence))
        flow_mark(table, flow, FLOW_AMBIGUOUS_ACK);
}

static void take_ack(struct flow_table *table, struct flow *flow, uint32_t index, const struct net_packet *packet,
                     uint64_t now_ns)
{
    struct flow_side *side = &flow->sides[index];
    uint32_t ack = packet->acknowledgement;
    if (ack_impossible(&flow->sides[!index], ack)) {
        if (flow_payload_size(packet))
            flow_mark(table, flow, FLOW_AMBIGUOUS_ACK);
        return;
    }
    /* The end of a handshake whose middle we have not seen (yet) tells where the other side begins. */
    if ((side->flags & FLOW_SIDE_SYN) && packet->sequence == side->initial + 1)
        side_start(&flow->sides[!index], ack);
    bool first = !(side->flags & FLOW_SIDE_ACK);
    uint32_t edge = ack + window_of(flow, index, packet);
    if (first || sequence_before(side->edge, edge))
        side->edge = edge;
    if (!first && !sequence_before(side->ack, ack))
        return;
    side->flags |= FLOW_SIDE_ACK;
    side->ack = ack;
    flow_deliver_acknowledged(table, flow, !index, now_ns);
}

/* --- RST and FIN ------------------------------------------------------------------------------------------------ */

/*
 * RFC 9293 resets when the number is in the window, RFC 5961 only when it is the next one: as long as nothing follows
 * both say the same, so every reset in the window is taken, and new data behind it marks the flow.
 */
static void take_rst(struct flow_table *table, struct flow *flow, uint32_t index, const struct net_packet *packet)
{
    struct flow_side *side = &flow->sides[index];
    if ((side->flags & FLOW_SIDE_STARTED) && packet->sequence != side->next &&
        !in_window(flow, index, packet->sequence))
        return;
    side->flags |= FLOW_SIDE_RST;
    if (!(side->flags & FLOW_SIDE_FIN))
        side->fin = (side->flags & FLOW_SIDE_STARTED) && sequence_before(packet->sequence, side->end)
                        ? side->end
                        : packet->sequence;
    flow->end_reason = FLOW_END_RST;
    flow_set_state(table, flow, FLOW_STATE_CLOSING);
}

static void take_fin(struct flow_table *table, struct flow *flow, uint32_t index, const struct net_packet *packet)
{
    struct flow_side *side = &flow->sides[index];
    uint32_t fin = payload_sequence(packet) + flow_payload_size(packet);
    side_start(side, payload_sequence(packet));
    if (out_of_window(flow, index, fin))
        return;
    if (side->flags & FLOW_SIDE_FIN) {
        if (fin != side->fin)
            flow_mark(table, flow, FLOW_AMBIGUOUS_FIN);
        return;
    }
    if (sequence_before(fin, side->end)) {
        /* Before the first byte we saw, it is a late copy out of an earlier connection. */
        if (side->next - fin <= side->offset || !sequence_before(fin, side->next))
            flow_mark(table, flow, FLOW_AMBIGUOUS_FIN);
        return;
    }
    side->fin = fin;
    side->flags |= FLOW_SIDE_FIN;
}

/* A FIN without data takes its turn between the directions like data does. */
static void hold_fin(struct flow_table *table, struct flow *flow, uint32_t index, const struct net_packet *packet,
                     uint64_t now_ns)
{
    struct flow_side *side = &flow->sides[index];
    bool open = (side->flags & (FLOW_SIDE_FIN | FLOW_SIDE_CLOSED)) == FLOW_SIDE_FIN;
    if (!open || payload_sequence(packet) != side->fin || !packet_has(packet, NET_TCP_ACK) ||
        !flow_deliver_must_wait(table, flow, index, packet->acknowledgement, now_ns, now_ns))
        return;
    struct flow_piece piece = piece_of(packet, now_ns);
    piece.packets = piece.bytes = 0;
    bool conflict = false;
    /* Without room the end is told early, which loses nothing. */
    (void)flow_hold_add(&table->held, side, &piece, table->hold_flow_max, false, &conflict);
}

/* --- payload ---------------------------------------------------------------------------------------------------- */

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
    if (out_of_window(flow, index, piece->sequence))
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

/* Holds the piece, at the price of giving up what the flow waits for. False: it was settled or delivered instead. */
static bool hold_piece(struct flow_table *table, struct flow *flow, uint32_t index, struct flow_piece *piece,
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
        return hold == FLOW_HOLD_TAKEN;
    if (piece->sequence == side->next && piece->size + piece->lost)
        flow_deliver_piece(table, flow, index, piece, now_ns);
    else
        give_up_piece(table, piece, LEDGER_BUFFER_BUDGET);
    return false;
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

/*
 * A SYN nobody has answered, and data that does not fit it: the SYN was forged, or belongs to a connection that began
 * and ended unseen. The data wins.
 */
static void doubt_syn(struct flow_table *table, struct flow *flow, uint32_t index, uint32_t sequence)
{
    struct flow_side *side = &flow->sides[index];
    if (flow->state != FLOW_STATE_HALF_OPEN || side->offset || (flow->sides[!index].flags & FLOW_SIDE_SYN) ||
        !out_of_window(flow, index, sequence))
        return;
    flow_mark(table, flow, FLOW_AMBIGUOUS_SYN);
    side->flags &= (uint16_t) ~(FLOW_SIDE_STARTED | FLOW_SIDE_SYN | FLOW_SIDE_SCALE);
    side_start(side, sequence);
    flow->flags |= FLOW_MIDSTREAM;
}

static void take_payload(struct flow_table *table, struct flow *flow, uint32_t index, const struct net_packet *packet,
                         uint64_t now_ns)
{
    struct flow_side *side = &flow->sides[index];
    struct flow_piece piece = piece_of(packet, now_ns);
    side_start(side, piece.sequence);
    doubt_syn(table, flow, index, piece.sequence);
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
    waits = waits || (first && !sequence_before(side->next, first->sequence));
    if (waits)
        (void)hold_piece(table, flow, index, &piece, packet, now_ns);
    else
        deliver_now(table, flow, index, &piece, packet, now_ns);
}

/* --- a packet --------------------------------------------------------------------------------------------------- */

bool flow_tcp_refused(const struct flow_table *table, const struct flow *flow, uint32_t index,
                      const struct net_packet *packet)
{
    if (likely(packet->checksum != NET_CHECKSUM_BAD))
        return false;
    if (table->settings.checksum_policy == FLOW_CHECKSUM_LEARN)
        return flow && (flow->sides[index].flags & FLOW_SIDE_SUM_GOOD);
    return table->settings.checksum_policy == FLOW_CHECKSUM_REFUSE;
}

/* Both ends were told: whatever comes is late. */
static void take_late(struct flow_table *table, struct flow *flow, uint32_t index, const struct net_packet *packet)
{
    struct flow_side *side = &flow->sides[index];
    uint32_t end = payload_sequence(packet) + flow_payload_size(packet);
    if (flow_payload_size(packet) == 0) {
        flow_settle(table, packet, LEDGER_AUDITED);
    } else if (!sequence_before(side->fin, end)) {
        flow_settle(table, packet, LEDGER_DUPLICATE);
    } else {
        flow_mark(table, flow, FLOW_AMBIGUOUS_AFTER_CLOSE);
        flow_settle(table, packet, LEDGER_OUT_OF_WINDOW);
    }
}

static void note_side(struct flow_side *side, const struct net_packet *packet)
{
    if (side->packets == 0 && (packet->options & NET_OPTION_SIGNATURE))
        side->flags |= FLOW_SIDE_SIGNED;
    if (packet->checksum == NET_CHECKSUM_GOOD)
        side->flags |= FLOW_SIDE_SUM_GOOD;
    side->packets += side->packets != UINT32_MAX;
}

static void note_progress(struct flow_table *table, struct flow *flow, const struct net_packet *packet)
{
    bool syn = packet_has(packet, NET_TCP_SYN);
    if (flow->state == FLOW_STATE_HALF_OPEN && !syn && (!flow_one_way(flow) || flow_payload_size(packet)))
        flow_set_state(table, flow, FLOW_STATE_ESTABLISHED);
    flow_deliver_closed(table, flow);
}

void flow_tcp_packet(struct flow_table *table, struct flow *flow, uint32_t index, const struct net_packet *packet)
{
    uint64_t now_ns = flow->last_ns;
    note_side(&flow->sides[index], packet);
    if (flow->flags & FLOW_TOLD_END) {
        take_late(table, flow, index, packet);
        return;
    }
    if (packet_has(packet, NET_TCP_RST)) {
        take_rst(table, flow, index, packet);
        flow_settle(table, packet, LEDGER_AUDITED); /* payload of a reset is a remark, not part of the stream */
        return;
    }
    check_ack_gap(table, flow, &flow->sides[index], packet);
    if (packet_has(packet, NET_TCP_SYN))
        take_syn(flow, index, packet);
    if (packet_has(packet, NET_TCP_ACK))
        take_ack(table, flow, index, packet, now_ns);
    if (packet_has(packet, NET_TCP_FIN))
        take_fin(table, flow, index, packet);
    if (flow_payload_size(packet))
        take_payload(table, flow, index, packet, now_ns);
    else
        flow_settle(table, packet, LEDGER_AUDITED);
    if (packet_has(packet, NET_TCP_FIN) && flow_payload_size(packet) == 0)
        hold_fin(table, flow, index, packet, now_ns);
    flow_deliver_ready(table, flow, now_ns);
    note_progress(table, flow, packet);
}
