/* SPDX-License-Identifier: Apache-2.0 */

/* Flow: names, and the change of roles. */

#include "flow/flow.h"

#include <string.h>

const char *flow_end_name(enum flow_end reason)
{
    static const char *const names[FLOW_END_COUNT] = {
        [FLOW_END_FIN] = "fin",         [FLOW_END_RST] = "rst",     [FLOW_END_TIMEOUT] = "timeout",
        [FLOW_END_EVICTED] = "evicted", [FLOW_END_REUSE] = "reuse", [FLOW_END_FLUSH] = "flush",
    };
    return reason < FLOW_END_COUNT ? names[reason] : "unknown";
}

const char *flow_ambiguity_name(enum flow_ambiguity ambiguity)
{
    static const char *const names[FLOW_AMBIGUITY_COUNT] = {
        [FLOW_AMBIGUOUS_OVERLAP] = "overlap",
        [FLOW_AMBIGUOUS_RST] = "rst",
        [FLOW_AMBIGUOUS_FIN] = "fin",
        [FLOW_AMBIGUOUS_SYN] = "syn",
        [FLOW_AMBIGUOUS_ACK] = "ack",
        [FLOW_AMBIGUOUS_AFTER_CLOSE] = "after_close",
        [FLOW_AMBIGUOUS_TIMESTAMP] = "timestamp",
        [FLOW_AMBIGUOUS_CHECKSUM] = "checksum",
        [FLOW_AMBIGUOUS_URGENT] = "urgent",
        [FLOW_AMBIGUOUS_MD5] = "md5",
        [FLOW_AMBIGUOUS_FRAGMENT] = "fragment",
        [FLOW_AMBIGUOUS_WINDOW] = "window",
    };
    return ambiguity < FLOW_AMBIGUITY_COUNT ? names[ambiguity] : "unknown";
}

struct endpoints flow_endpoints(const struct flow *flow)
{
    struct endpoints endpoints = {.source = flow->ends.source,
                                  .destination = flow->ends.destination,
                                  .source_port = flow->ends.source_port,
                                  .destination_port = flow->ends.destination_port,
                                  .ip_version = flow->ip_version,
                                  .tunnel_count = flow->tunnel_count};
    if (flow->tunnel_count)
        memcpy(endpoints.tunnels, flow->tunnels, flow->tunnel_count * sizeof(*flow->tunnels));
    return endpoints;
}

void flow_copy(const struct flow *flow, struct flow *copy_out, struct tunnel tunnels[TUNNELS_MAX])
{
    *copy_out = *flow;
    copy_out->tunnels = tunnels;
    if (flow->tunnel_count)
        memcpy(tunnels, flow->tunnels, flow->tunnel_count * sizeof(*flow->tunnels));
}

void flow_swap_direction(struct flow *flow)
{
    struct flow_ends *ends = &flow->ends;
    *ends = (struct flow_ends){.source = ends->destination,
                               .destination = ends->source,
                               .source_port = ends->destination_port,
                               .destination_port = ends->source_port};
    flow->flags ^= FLOW_SWAPPED;
}

void flow_settle_undecided(struct flow *flow, struct ledger *ledger, enum ledger_reason reason)
{
    if (flow->undecided_packets || flow->undecided_bytes)
        ledger_settle(ledger, reason, flow->undecided_packets, flow->undecided_bytes);
    flow->undecided_packets = 0;
    flow->undecided_bytes = 0;
}
