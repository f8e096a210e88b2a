/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * TCP
 *
 * What one packet means for its flow (RFC 9293, 7323, 5961): which of its bytes are new, which contradict earlier ones,
 * whether it opens, closes or resets. It follows what a receiver does where all receivers do the same, and marks the
 * flow where they differ.
 */

#include "flow/window.h"

enum flow_syn {
    FLOW_SYN_BELONGS,     /* no SYN, or the one of this connection */
    FLOW_SYN_REUSE,       /* a new connection between the same ports */
    FLOW_SYN_CONTRADICTS, /* in the window of a living connection: old receivers reset, new ones ask back (RFC 5961 4)
                           */
};

enum flow_syn flow_tcp_syn(const struct flow_table *table, const struct flow *flow, uint32_t side,
                           const struct net_packet *packet);

/* True when the checksum policy says that the receiver dropped the packet. `flow` may be NULL. */
bool flow_tcp_refused(const struct flow_table *table, const struct flow *flow, uint32_t side,
                      const struct net_packet *packet);

/* Works the packet and settles it (or leaves it pending with the flow). */
void flow_tcp_packet(struct flow_table *table, struct flow *flow, uint32_t side, const struct net_packet *packet);
