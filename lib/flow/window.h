/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Windows
 *
 * Which sequence numbers a side may use at this moment, as far as somebody beside the connection can know.
 */

#include "flow/table.h"
#include "net/net_packet.h"

static inline bool flow_packet_has(const struct net_packet *packet, uint32_t flag)
{
    return (packet->tcp_flags & flag) != 0;
}

static inline uint32_t flow_payload_size(const struct net_packet *packet)
{
    return packet->payload.size + packet->payload_missing;
}

/* The SYN takes a sequence number before the payload. */
static inline uint32_t flow_payload_sequence(const struct net_packet *packet)
{
    return packet->sequence + (flow_packet_has(packet, NET_TCP_SYN) ? 1 : 0);
}

static inline void flow_settle(struct flow_table *table, const struct net_packet *packet, enum ledger_reason reason)
{
    ledger_settle(table->ledger, reason, packet->packets, packet->bytes);
}

/* The side's stream begins here, unless it has begun already. */
void flow_window_start(struct flow_side *side, uint32_t sequence);

/* The window the packet offers, in bytes. */
uint32_t flow_window_of(const struct flow *flow, uint32_t side, const struct net_packet *packet);

/* True when no receiver can take bytes at `sequence`: beyond every window, or so far back that the numbers wrapped. */
bool flow_window_excludes(const struct flow *flow, uint32_t side, uint32_t sequence);

/* In the window the receiver of this side's bytes has at this moment, as far as we know it. */
bool flow_window_includes(const struct flow *flow, uint32_t side, uint32_t sequence);
