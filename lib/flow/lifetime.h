/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Lifetime
 *
 * How flows come, age and go: creation, states and their timeouts, and which flow gives way when the table is full.
 */

#include "flow/table.h"
#include "net/net_packet.h"

/* A new flow in the table, or NULL: full of more valuable ones. */
struct flow *flow_create(struct flow_table *table, const struct net_packet *packet, uint64_t hash);

/* Ends the flow (with its own reason when it was closed already) and frees it. */
void flow_remove(struct flow_table *table, struct flow *flow, enum flow_end reason);

/* When the flow, without another packet, is silent too long for its state. */
uint64_t flow_idle_deadline(const struct flow_table *table, const struct flow *flow);

/* Puts the flow's timer forward when it has got something earlier to wait for. */
void flow_schedule(struct flow_table *table, struct flow *flow);
