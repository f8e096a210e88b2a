/* SPDX-License-Identifier: Apache-2.0 */

/*
 * TCP: how connections open, acknowledge and close. Where all receivers read a packet alike it is followed; where they
 * differ the flow is marked, and the reading that loses fewest bytes is taken.
 */

#include "flow/tcp.h"

#include "flow/deliver.h"
#include "flow/payload.h"

/* A SYN that comes after its data was overtaken by at most an initial window; ten segments of a jumbo frame. */
#define LATE_SYN_MAX 90000u

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
    if (!flow_packet_has(packet, NET_TCP_SYN) || flow_packet_has(packet, NET_TCP_RST) ||
        !(side->flags & FLOW_SIDE_STARTED))
        return FLOW_SYN_BELONGS;
    bool known = (side->flags & FLOW_SIDE_SYN) != 0;
    /* A refused client may try again with the same number. Where data waits for this SYN nobody was refused. */
    bool empty = !(flow->flags & FLOW_HAD_DATA) && !flow->sides[0].held_first && !flow->sides[1].held_first;
    if (flow->end_reason == FLOW_END_RST && flow->state == FLOW_STATE_CLOSING && empty &&
        !flow_packet_has(packet, NET_TCP_ACK))
        return FLOW_SYN_REUSE;
    if (known ? packet->sequence == side->initial : packet->sequence + 1 == first_sequence(side))
        return FLOW_SYN_BELONGS;
    if (flow->state == FLOW_STATE_CLOSING)
        return FLOW_SYN_REUSE;
    if (flow->state == FLOW_STATE_HALF_OPEN && !known && !flow_side_seen(side))
        return FLOW_SYN_BELONGS; /* where it begins was the other side's word only */
    if (flow->state == FLOW_STATE_HALF_OPEN)
        return flow_packet_has(packet, NET_TCP_ACK) ? FLOW_SYN_CONTRADICTS : FLOW_SYN_REUSE;
    bool young = net_packet_clock(packet) < flow->start_ns + table->settings.skew_window_ns;
    if (!known && young && first_sequence(side) - packet->sequence - 1 < LATE_SYN_MAX)
        return FLOW_SYN_BELONGS;
    return flow_window_includes(flow, index, packet->sequence) ? FLOW_SYN_CONTRADICTS : FLOW_SYN_REUSE;
}

/* The other side's first acknowledgement was of something else: it is no receiver's. */
static void check_first_ack(struct flow_table *table, struct flow *flow, uint32_t index, uint32_t begin)
{
    struct flow_side *side = &flow->sides[index];
    if (flow->state != FLOW_STATE_HALF_OPEN || side->packets > 1 || side->offset || side->next == begin)
        return;
    flow_mark(table, flow, FLOW_AMBIGUOUS_ACK);
    side->next = side->end = begin;
    side->acked_ns = 0;
    flow->sides[!index].flags &= (uint16_t)~FLOW_SIDE_ACK;
}

/* Which SYN the peer has read is what its own acknowledges; a forged one may have come later. */
static void check_answered_syn(struct flow_table *table, struct flow *flow, uint32_t index, uint32_t ack)
{
    struct flow_side *side = &flow->sides[index];
    if (!(side->flags & FLOW_SIDE_SYN) || side->offset ||
        (!sequence_before(ack, side->initial + 1) && !sequence_before(side->end, ack)))
        return;
    flow_mark(table, flow, FLOW_AMBIGUOUS_SYN);
    if (side->held_first || (side->flags & FLOW_SIDE_CLOSED))
        return;
    side->initial = ack - 1;
    side->next = side->end = ack;
}

static void take_syn(struct flow_table *table, struct flow *flow, uint32_t index, const struct net_packet *packet)
{
    struct flow_side *side = &flow->sides[index];
    if (side->flags & FLOW_SIDE_SYN)
        return;
    bool answers = flow_packet_has(packet, NET_TCP_ACK);
    side->initial = packet->sequence;
    side->flags |= FLOW_SIDE_SYN;
    side->flags &= (uint16_t)~FLOW_SIDE_GATHERS;
    if (packet->options & NET_OPTION_WINDOW_SCALE) {
        side->scale = packet->window_scale < 14 ? packet->window_scale : 14; /* RFC 7323 2.3 */
        side->flags |= FLOW_SIDE_SCALE;
    }
    flow_window_start(side, packet->sequence + 1);
    check_first_ack(table, flow, index, packet->sequence + 1);
    if (side->offset == 0 && !(side->flags & FLOW_SIDE_CLOSED) && sequence_before(packet->sequence + 1, side->next))
        side->next = packet->sequence + 1; /* what had been taken for the beginning was not */
    if (answers) {
        flow_window_start(&flow->sides[!index], packet->acknowledgement);
        check_answered_syn(table, flow, !index, packet->acknowledgement);
    }
    bool as_server = flow_direction_of(flow, index) == FLOW_TO_CLIENT;
    if ((flow->flags & FLOW_MIDSTREAM) && !(flow->flags & FLOW_HAD_DATA) && as_server != answers)
        flow_swap_direction(flow);
    if (first_sequence(side) == packet->sequence + 1)
        flow->flags &= (uint16_t)~FLOW_MIDSTREAM;
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
        flow_packet_has(packet, NET_TCP_SYN | NET_TCP_FIN | NET_TCP_RST))
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
        flow_window_start(&flow->sides[!index], ack);
    bool first = !(side->flags & FLOW_SIDE_ACK);
    uint32_t edge = ack + flow_window_of(flow, index, packet);
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
        !flow_window_includes(flow, index, packet->sequence))
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
    uint32_t fin = flow_payload_sequence(packet) + flow_payload_size(packet);
    flow_window_start(side, flow_payload_sequence(packet));
    if (flow_window_excludes(flow, index, fin))
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
    if (!open || flow_payload_sequence(packet) != side->fin || !flow_packet_has(packet, NET_TCP_ACK) ||
        !flow_deliver_must_wait(table, flow, index, packet->acknowledgement, now_ns, now_ns))
        return;
    struct flow_piece piece = flow_piece_of(packet, now_ns);
    piece.packets = piece.bytes = 0;
    bool conflict = false;
    /* Without room the end is told early, which loses nothing. */
    (void)flow_hold_add(&table->held, side, &piece, table->hold_flow_max, false, &conflict);
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
    uint32_t end = flow_payload_sequence(packet) + flow_payload_size(packet);
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
    /* Some systems fill in the sum of bare segments and leave only those with payload to the card. */
    if (packet->checksum == NET_CHECKSUM_GOOD && packet->payload.size)
        side->flags |= FLOW_SIDE_SUM_GOOD;
    side->packets += side->packets != UINT32_MAX;
}

static void note_progress(struct flow_table *table, struct flow *flow, const struct net_packet *packet)
{
    bool syn = flow_packet_has(packet, NET_TCP_SYN);
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
    if (flow_packet_has(packet, NET_TCP_RST)) {
        take_rst(table, flow, index, packet);
        flow_settle(table, packet, LEDGER_AUDITED); /* payload of a reset is a remark, not part of the stream */
        return;
    }
    check_ack_gap(table, flow, &flow->sides[index], packet);
    if (flow_packet_has(packet, NET_TCP_SYN))
        take_syn(table, flow, index, packet);
    if (flow_packet_has(packet, NET_TCP_ACK))
        take_ack(table, flow, index, packet, now_ns);
    if (flow_packet_has(packet, NET_TCP_FIN))
        take_fin(table, flow, index, packet);
    if (flow_payload_size(packet))
        flow_payload_take(table, flow, index, packet, now_ns);
    else
        flow_settle(table, packet, LEDGER_AUDITED);
    if (flow_packet_has(packet, NET_TCP_FIN) && flow_payload_size(packet) == 0)
        hold_fin(table, flow, index, packet, now_ns);
    flow_deliver_ready(table, flow, now_ns);
    note_progress(table, flow, packet);
}
