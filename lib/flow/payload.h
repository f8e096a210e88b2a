/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Payload
 *
 * Which bytes of a packet are new, where they go, and whether they contradict those seen before.
 */

#include "flow/window.h"

struct flow_piece flow_piece_of(const struct net_packet *packet, uint64_t now_ns);

/* Delivers, holds or drops the payload, and settles the packet (or leaves it pending with what is held). */
void flow_payload_take(struct flow_table *table, struct flow *flow, uint32_t side, const struct net_packet *packet,
                       uint64_t now_ns);

/* Settles a packet that has no effect on its flow but to be compared: refused, or contradicting. */
void flow_payload_ignore(struct flow_table *table, struct flow *flow, uint32_t side, const struct net_packet *packet,
                         enum ledger_reason reason);
