/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Lifetime. Only half-open and closing flows stand in lists, in order of entering the state: they are few-packet
 * states, so the lists cost nothing on the way of data. Who has been idle longest among the others is found by looking
 * at a few flows from where the last search ended: an exact list would write two more cache lines for every packet.
 */

#include "flow/lifetime.h"

#include "flow/deliver.h"

/* Flows looked at for an idle one: as good as exact when every thirtieth flow is idle, and some 100 ns a flow. */
#define EVICT_SEARCH 32u

static uint32_t reference_of(const struct flow_table *table, const struct flow *flow)
{
    return (uint32_t)(flow - table->flows) + 1;
}

/* --- states ----------------------------------------------------------------------------------------------------- */

static bool state_listed(uint32_t state)
{
    return state == FLOW_STATE_HALF_OPEN || state == FLOW_STATE_CLOSING;
}

static void list_append(struct flow_table *table, struct flow_list *list, struct flow *flow)
{
    uint32_t reference = reference_of(table, flow);
    flow->class_previous = list->last;
    flow->class_next = 0;
    if (list->last)
        table->flows[list->last - 1].class_next = reference;
    else
        list->first = reference;
    list->last = reference;
    list->count++;
}

static void list_remove(struct flow_table *table, struct flow_list *list, struct flow *flow)
{
    if (flow->class_previous)
        table->flows[flow->class_previous - 1].class_next = flow->class_next;
    else
        list->first = flow->class_next;
    if (flow->class_next)
        table->flows[flow->class_next - 1].class_previous = flow->class_previous;
    else
        list->last = flow->class_previous;
    list->count--;
}

void flow_set_state(struct flow_table *table, struct flow *flow, enum flow_state state)
{
    if (flow->state == state)
        return;
    if (state_listed(flow->state))
        list_remove(table, &table->lists[flow->state], flow);
    flow->state = state & 15u;
    if (state_listed(state))
        list_append(table, &table->lists[state], flow);
}

uint64_t flow_idle_deadline(const struct flow_table *table, const struct flow *flow)
{
    const struct flow_settings *settings = &table->settings;
    if (flow->state == FLOW_STATE_HALF_OPEN)
        return flow->last_ns + settings->half_open_timeout_ns;
    if (flow->state == FLOW_STATE_CLOSING)
        return flow->last_ns + settings->closing_timeout_ns;
    return flow->last_ns + settings->established_timeout_ns;
}

void flow_schedule(struct flow_table *table, struct flow *flow)
{
    uint64_t time_ns = min_u64(flow_idle_deadline(table, flow), flow_deliver_deadline(table, flow));
    if (likely(flow->timer_ns <= time_ns))
        return;
    if (flow->timer_ns != FLOW_TIMER_NEVER)
        flow_timers_remove(&table->timers, flow);
    flow_timers_add(&table->timers, flow, time_ns);
}

/* --- leaving ---------------------------------------------------------------------------------------------------- */

void flow_remove(struct flow_table *table, struct flow *flow, enum flow_end reason)
{
    /* Time alone might have told the rest and closed the flow: what ends it must not depend on when it is looked at. */
    flow_deliver_expire(table, flow, FLOW_TIMER_NEVER - 1);
    flow_deliver_closed(table, flow);
    if (flow->state == FLOW_STATE_CLOSING)
        reason = (enum flow_end)flow->end_reason;
    flow_deliver_end(table, flow, reason);
    table->statistics.ended[reason]++;
    flow_set_state(table, flow, FLOW_STATE_FREE);
    if (flow->timer_ns != FLOW_TIMER_NEVER)
        flow_timers_remove(&table->timers, flow);
    flow_index_remove(&table->index, flow->hash, reference_of(table, flow));
    pool_give(&table->pool, flow);
}

/* May give way to a newcomer; never an established flow with a session to one that has not shown any data. */
static bool evictable(const struct flow_table *table, const struct flow *flow, bool with_data, uint64_t now_ns)
{
    if (flow->state == FLOW_STATE_FREE || (flow->session && !with_data))
        return false;
    bool idle = now_ns > flow->last_ns && now_ns - flow->last_ns >= table->settings.evict_idle_ns;
    return idle || (flow_one_way(flow) && !flow->session);
}

static struct flow *find_idle(struct flow_table *table, bool with_data, uint64_t now_ns)
{
    struct flow *best = NULL;
    for (uint32_t i = 0; i < EVICT_SEARCH && i < table->pool.count; i++) {
        table->hand = table->hand + 1 < table->pool.count ? table->hand + 1 : 0;
        struct flow *flow = &table->flows[table->hand];
        if (evictable(table, flow, with_data, now_ns) && (!best || flow->last_ns < best->last_ns))
            best = flow;
    }
    return best;
}

static bool evict(struct flow_table *table, bool with_data, uint64_t now_ns)
{
    struct flow_statistics *statistics = &table->statistics;
    uint32_t reference = table->lists[FLOW_STATE_HALF_OPEN].first;
    uint64_t *counter = &statistics->evicted_half_open;
    if (!reference) {
        reference = table->lists[FLOW_STATE_CLOSING].first;
        counter = &statistics->evicted_closing;
    }
    struct flow *flow = reference ? &table->flows[reference - 1] : NULL;
    if (!flow) {
        flow = find_idle(table, with_data, now_ns);
        counter = &statistics->evicted_idle;
    }
    if (!flow)
        return false;
    (*counter)++;
    flow_remove(table, flow, FLOW_END_EVICTED);
    return true;
}

/* --- coming ----------------------------------------------------------------------------------------------------- */

/* A SYN comes from the client, a SYN-ACK from the server; else the lower port is the server's, or the first one speaks.
 */
static bool from_server(const struct net_packet *packet)
{
    if (packet->tcp_flags & NET_TCP_SYN)
        return (packet->tcp_flags & NET_TCP_ACK) != 0;
    return packet->endpoints.source_port < packet->endpoints.destination_port;
}

static void flow_tunnels_keep(struct flow_table *table, struct flow *flow, const struct endpoints *endpoints)
{
    if (!flow->tunnel_count)
        return;
    struct flow_tunnels *kept = &table->tunnels[flow - table->flows];
    memcpy(kept->tunnels, endpoints->tunnels, flow->tunnel_count * sizeof(*kept->tunnels));
    flow->tunnels = kept->tunnels;
}

struct flow *flow_create(struct flow_table *table, const struct net_packet *packet, uint64_t hash)
{
    bool syn = (packet->tcp_flags & NET_TCP_SYN) != 0;
    struct flow *flow = pool_take(&table->pool);
    if (!flow && evict(table, !syn, net_packet_clock(packet)))
        flow = pool_take(&table->pool);
    if (!flow)
        return NULL;
    if (!flow_index_add(&table->index, hash, reference_of(table, flow))) {
        flow->state = FLOW_STATE_FREE;
        pool_give(&table->pool, flow);
        return NULL;
    }
    *flow = (struct flow){.domain = packet->domain,
                          .hash = (uint32_t)hash,
                          .ends = {packet->endpoints.source, packet->endpoints.destination,
                                   packet->endpoints.source_port, packet->endpoints.destination_port},
                          .ip_version = packet->endpoints.ip_version & 15u,
                          .tunnel_count = packet->endpoints.tunnel_count & 15u,
                          .flags = syn ? 0 : FLOW_MIDSTREAM,
                          .start_ns = net_packet_clock(packet),
                          .last_ns = net_packet_clock(packet),
                          .clock_offset_ns = packet->clock_offset_ns,
                          .timer_ns = FLOW_TIMER_NEVER};
    flow_tunnels_keep(table, flow, &packet->endpoints);
    if (from_server(packet)) {
        flow_swap_direction(flow);
        flow->flags &= (uint16_t)~FLOW_SWAPPED; /* sides[0] is the client's from the start */
    }
    flow_set_state(table, flow, syn ? FLOW_STATE_HALF_OPEN : FLOW_STATE_ESTABLISHED);
    table->statistics.created++;
    table->statistics.midstream += !syn;
    return flow;
}
