/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Windows. The tap may have missed or not yet seen a window update, so what joins the bytes seen so far is always in.
 */

#include "flow/window.h"

/* A tap may be behind with window updates by as much as is in flight: a window, or this for small windows. */
#define WINDOW_SLACK (1u << 20)
/* Where the receiver's window is not known: the largest one without scaling. */
#define WINDOW_GUESS 65535u

void flow_window_start(struct flow_side *side, uint32_t sequence)
{
    if (side->flags & FLOW_SIDE_STARTED)
        return;
    side->next = side->end = sequence;
    side->flags |= FLOW_SIDE_STARTED;
}

uint32_t flow_window_of(const struct flow *flow, uint32_t index, const struct net_packet *packet)
{
    const struct flow_side *side = &flow->sides[index];
    /* RFC 7323 2.2: scaled only when both SYNs offered it, and never in a SYN itself. */
    bool scaled = (side->flags & flow->sides[!index].flags & FLOW_SIDE_SCALE) && !flow_packet_has(packet, NET_TCP_SYN);
    return (uint32_t)packet->window << (scaled ? side->scale : 0);
}

bool flow_window_excludes(const struct flow *flow, uint32_t index, uint32_t sequence)
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

bool flow_window_includes(const struct flow *flow, uint32_t index, uint32_t sequence)
{
    const struct flow_side *side = &flow->sides[index];
    const struct flow_side *peer = &flow->sides[!index];
    uint32_t from = (peer->flags & FLOW_SIDE_ACK) ? peer->ack : side->next;
    uint32_t to = (peer->flags & FLOW_SIDE_ACK) ? peer->edge : side->next + WINDOW_GUESS;
    if (sequence_before(to, side->end))
        to = side->end;
    return !sequence_before(sequence, from) && !sequence_before(to, sequence);
}
