/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Flow table. A burst is worked in three passes, so that the memory of all its flows is on its way before the first one
 * is needed: hash and fetch the buckets, read the tags and fetch the flows, work the packets in their order.
 */

#include "flow/flow_table.h"

#include <errno.h>

#include "flow/deliver.h"
#include "flow/lifetime.h"
#include "flow/payload.h"
#include "flow/tcp.h"

/* Work of one flow_table_advance(): a burst of 64 packets makes at most as many flows due; four times that catches up.
 */
#define ADVANCE_FLOWS 256u
#define ADVANCE_STEPS 4096u /* empty timer slots: four seconds of them cost some microseconds */

/* --- finding ---------------------------------------------------------------------------------------------------- */

struct flow_key {
    struct address low, high;
    uint16_t low_port, high_port;
    uint32_t domain;
};

static_assert(sizeof(struct flow_key) == 40, "hashed as bytes: no padding");

/* Any order will do that both directions agree on. */
static bool end_before(const struct address *a, uint16_t a_port, const struct address *b, uint16_t b_port)
{
    uint64_t left[2], right[2];
    memcpy(left, a, sizeof(left));
    memcpy(right, b, sizeof(right));
    if (left[1] != right[1])
        return left[1] < right[1];
    return left[0] != right[0] ? left[0] < right[0] : a_port < b_port;
}

/* The same for both directions: the smaller end first. */
static uint64_t key_hash(const struct flow_table *table, const struct net_packet *packet)
{
    const struct endpoints *ends = &packet->endpoints;
    bool forward = end_before(&ends->source, ends->source_port, &ends->destination, ends->destination_port);
    struct flow_key key = {.low = forward ? ends->source : ends->destination,
                           .high = forward ? ends->destination : ends->source,
                           .low_port = forward ? ends->source_port : ends->destination_port,
                           .high_port = forward ? ends->destination_port : ends->source_port,
                           .domain = packet->domain};
    return hash_bytes(&table->key, &key, sizeof(key));
}

static bool same_address(const struct address *a, const struct address *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static bool flow_match(const struct flow *flow, const struct net_packet *packet, uint64_t hash)
{
    const struct flow_ends *f = &flow->ends;
    const struct endpoints *p = &packet->endpoints;
    if (flow->hash != (uint32_t)hash || flow->domain != packet->domain || flow->state == FLOW_STATE_FREE)
        return false;
    if (f->source_port == p->source_port && f->destination_port == p->destination_port &&
        same_address(&f->source, &p->source) && same_address(&f->destination, &p->destination))
        return true;
    return f->source_port == p->destination_port && f->destination_port == p->source_port &&
           same_address(&f->source, &p->destination) && same_address(&f->destination, &p->source);
}

/* The flow of the first tag that fits in the first bucket: right but for one time in thousands. 0: none. */
static uint32_t guess(const struct flow_table *table, uint64_t hash)
{
    const struct flow_bucket *bucket = flow_index_bucket(&table->index, hash);
    for (uint32_t half = 0; half < 2; half++) {
        uint64_t set = flow_bucket_match(bucket, half, flow_index_tag(hash));
        if (set)
            return bucket->flows[half * 4 + (uint32_t)__builtin_ctzll(set) / 16];
    }
    return 0;
}

static struct flow *bucket_find(const struct flow_table *table, const struct flow_bucket *bucket,
                                const struct net_packet *packet, uint64_t hash)
{
    for (uint32_t half = 0; half < 2; half++) {
        uint64_t set = flow_bucket_match(bucket, half, flow_index_tag(hash));
        for (; set; set &= set - 1) {
            uint32_t reference = bucket->flows[half * 4 + (uint32_t)__builtin_ctzll(set) / 16];
            struct flow *flow = &table->flows[reference - 1];
            if (flow_match(flow, packet, hash))
                return flow;
        }
    }
    return NULL;
}

static struct flow *find(const struct flow_table *table, const struct net_packet *packet, uint64_t hash)
{
    struct flow *flow = NULL;
    const struct flow_bucket *bucket = flow_index_bucket(&table->index, hash);
    for (; bucket && !flow; bucket = bucket->next)
        flow = bucket_find(table, bucket, packet, hash);
    return flow;
}

/* The flow where it was guessed, or where it is; NULL: there is none. */
static struct flow *found_at(const struct flow_table *table, const struct net_packet *packet, uint64_t hash,
                             uint32_t guessed)
{
    struct flow *flow = guessed ? &table->flows[guessed - 1] : NULL;
    return flow && flow_match(flow, packet, hash) ? flow : find(table, packet, hash);
}

static void prefetch_flow(const struct flow_table *table, uint32_t reference)
{
    if (!reference)
        return;
    const char *lines = (const char *)&table->flows[reference - 1];
    for (size_t offset = 0; offset < sizeof(struct flow); offset += CACHE_LINE)
        __builtin_prefetch(lines + offset, 1);
}

/* --- a packet --------------------------------------------------------------------------------------------------- */

/* Only what opens a connection or carries payload is worth a flow: stray ACKs and resets follow closed ones. */
static bool begins_flow(const struct flow_table *table, const struct net_packet *packet)
{
    if (packet->tcp_flags & NET_TCP_RST)
        return false;
    return (packet->tcp_flags & NET_TCP_SYN) || (table->settings.midstream && flow_payload_size(packet));
}

static uint32_t side_of(const struct flow *flow, const struct net_packet *packet)
{
    const struct flow_ends *f = &flow->ends;
    const struct endpoints *p = &packet->endpoints;
    bool swapped = (flow->flags & FLOW_SWAPPED) != 0;
    bool from_client = f->source_port == p->source_port && f->destination_port == p->destination_port &&
                       same_address(&f->source, &p->source);
    return from_client == swapped;
}

/* What lies between the flow's last packet and this one: its deadlines, or its end. Returns NULL when it ended. */
static struct flow *catch_up(struct flow_table *table, struct flow *flow, uint64_t time_ns)
{
    flow_deliver_expire(table, flow, time_ns);
    flow_deliver_closed(table, flow);
    if (time_ns < flow_idle_deadline(table, flow))
        return flow;
    flow_remove(table, flow, FLOW_END_TIMEOUT);
    return NULL;
}

static void work_known(struct flow_table *table, struct flow *flow, uint32_t side, const struct net_packet *packet)
{
    uint64_t clock_ns = net_packet_clock(packet);
    if (clock_ns > flow->last_ns)
        flow->last_ns = clock_ns;
    flow->clock_offset_ns = packet->clock_offset_ns;
    enum stage stage = stage_enter(table->settings.stages, STAGE_REASSEMBLY);
    flow_tcp_packet(table, flow, side, packet);
    stage_leave(table->settings.stages, stage);
    flow_schedule(table, flow);
}

static void work_unknown(struct flow_table *table, const struct net_packet *packet, uint64_t hash)
{
    if (flow_tcp_refused(table, NULL, 0, packet)) {
        flow_settle(table, packet, LEDGER_CHECKSUM);
        return;
    }
    if (!begins_flow(table, packet)) {
        flow_settle(table, packet, flow_payload_size(packet) ? LEDGER_UNCLASSIFIED : LEDGER_AUDITED);
        return;
    }
    struct flow *flow = flow_create(table, packet, hash);
    if (!flow) {
        table->statistics.refused++;
        flow_settle(table, packet, LEDGER_FLOW_BUDGET);
        return;
    }
    work_known(table, flow, side_of(flow, packet), packet);
}

static void work_packet(struct flow_table *table, const struct net_packet *packet, uint64_t hash, uint32_t guessed)
{
    struct flow *flow = found_at(table, packet, hash, guessed);
    if (flow)
        flow = catch_up(table, flow, net_packet_clock(packet));
    if (!flow) {
        work_unknown(table, packet, hash);
        return;
    }
    uint32_t side = side_of(flow, packet);
    if (unlikely(flow_tcp_refused(table, flow, side, packet))) {
        flow_payload_ignore(table, flow, side, packet, LEDGER_CHECKSUM);
        return;
    }
    enum flow_syn syn = flow_tcp_syn(table, flow, side, packet);
    if (syn == FLOW_SYN_CONTRADICTS) {
        flow_mark(table, flow, FLOW_AMBIGUOUS_SYN);
        flow_payload_ignore(table, flow, side, packet,
                            flow_payload_size(packet) ? LEDGER_OUT_OF_WINDOW : LEDGER_AUDITED);
    } else if (syn == FLOW_SYN_REUSE) {
        flow_remove(table, flow, FLOW_END_REUSE);
        work_unknown(table, packet, hash);
    } else {
        work_known(table, flow, side, packet);
    }
}

/* Where the flows of a burst should be, all of it on its way from memory. */
static inline void look_up(const struct flow_table *table, const struct net_packet *packets, uint32_t count,
                           uint64_t hashes[PACKET_BURST_MAX], uint32_t guesses[PACKET_BURST_MAX])
{
    for (uint32_t i = 0; i < count; i++) {
        hashes[i] = key_hash(table, &packets[i]);
        __builtin_prefetch(flow_index_bucket(&table->index, hashes[i]));
    }
    for (uint32_t i = 0; i < count; i++) {
        guesses[i] = guess(table, hashes[i]);
        prefetch_flow(table, guesses[i]);
    }
}

static void work_burst(struct flow_table *table, const struct net_packet *packets, uint32_t count)
{
    uint64_t hashes[PACKET_BURST_MAX];
    uint32_t guesses[PACKET_BURST_MAX];
    look_up(table, packets, count, hashes, guesses);
    for (uint32_t i = 0; i < count; i++)
        work_packet(table, &packets[i], hashes[i], guesses[i]);
}

/* --- the interface ---------------------------------------------------------------------------------------------- */

struct flow_settings flow_settings_default(uint32_t flow_max)
{
    const uint64_t second_ns = UINT64_C(1000000000);
    return (struct flow_settings){
        .flow_max = flow_max,
        .hold_bytes = (uint64_t)64 << 20,
        .hold_flow_bytes = 1u << 20,
        .keep_bytes = (uint64_t)64 << 20,
        .keep_flow_bytes = 256u << 10,
        .skew_window_ns = 20 * second_ns / 1000, /* buffers of a tap aggregator; below any retransmission timer */
        .hole_timeout_ns = 3 * second_ns,        /* covers a retransmission timer of one second, doubled once */
        .half_open_timeout_ns = 10 * second_ns,
        .established_timeout_ns = 3600 * second_ns,
        .closing_timeout_ns = 5 * second_ns,
        .evict_idle_ns = 60 * second_ns,
        .checksum_policy = FLOW_CHECKSUM_LEARN,
        .overlap_policy = FLOW_OVERLAP_FIRST,
        .midstream = true,
    };
}

static uint64_t segment_count(uint64_t bytes)
{
    return bytes / FLOW_SEGMENT_SIZE;
}

size_t flow_table_size(const struct flow_settings *settings)
{
    return sizeof(struct flow_table) + flow_index_size(settings->flow_max) + flow_timers_size() +
           (size_t)settings->flow_max * (sizeof(struct flow) + sizeof(struct flow_tunnels)) + settings->hold_bytes +
           settings->keep_bytes + 8 * CACHE_LINE;
}

static bool settings_valid(const struct flow_settings *settings)
{
    return settings->flow_max > 0 && settings->flow_max <= FLOW_MAX &&
           segment_count(settings->hold_bytes) < UINT32_MAX && segment_count(settings->keep_bytes) < UINT32_MAX &&
           settings->hold_flow_bytes <= FLOW_HOLD_FLOW_MAX && settings->keep_flow_bytes <= FLOW_HOLD_FLOW_MAX;
}

static int table_init(struct flow_table *table, struct arena *arena)
{
    const struct flow_settings *settings = &table->settings;
    int error = pool_init(&table->pool, arena, sizeof(struct flow), settings->flow_max);
    if (error)
        return error;
    table->flows = (struct flow *)(void *)table->pool.fresh;
    table->tunnels = arena_take(arena, settings->flow_max * sizeof(*table->tunnels), CACHE_LINE);
    if (!table->tunnels)
        return -ENOMEM;
    error = flow_index_init(&table->index, arena, settings->flow_max);
    if (error)
        return error;
    error = flow_timers_init(&table->timers, arena, table->flows);
    if (error)
        return error;
    error = flow_segments_init(&table->held, arena, (uint32_t)segment_count(settings->hold_bytes));
    if (error)
        return error;
    return flow_segments_init(&table->kept, arena, (uint32_t)segment_count(settings->keep_bytes));
}

int flow_table_new(struct flow_table **table_out, struct arena *arena, const struct flow_settings *settings,
                   struct ledger *ledger, const struct hash_key *key, const struct flow_sink *sink)
{
    require(sink->data && sink->end);
    if (!settings_valid(settings))
        return -EINVAL;
    struct flow_table *table = arena_take(arena, sizeof(*table), CACHE_LINE);
    if (!table)
        return -ENOMEM;
    table->settings = *settings;
    table->sink = *sink;
    table->ledger = ledger;
    table->key = *key;
    table->hold_flow_max = (uint32_t)segment_count(settings->hold_flow_bytes);
    table->keep_flow_max = settings->keep_bytes ? (uint32_t)segment_count(settings->keep_flow_bytes) : 0;
    int error = table_init(table, arena);
    if (!error)
        *table_out = table;
    return error;
}

uint32_t flow_table_find_all(const struct flow_table *table, const struct net_packet *packets, uint32_t count)
{
    uint64_t hashes[PACKET_BURST_MAX];
    uint32_t guesses[PACKET_BURST_MAX], found = 0;
    require(count <= PACKET_BURST_MAX);
    look_up(table, packets, count, hashes, guesses);
    for (uint32_t i = 0; i < count; i++)
        found += found_at(table, &packets[i], hashes[i], guesses[i]) != NULL;
    return found;
}

void flow_table_packets(struct flow_table *table, const struct net_packet *packets, uint32_t count)
{
    for (uint32_t done = 0; done < count; done += PACKET_BURST_MAX)
        work_burst(table, packets + done, min_u32(count - done, PACKET_BURST_MAX));
}

void flow_table_advance(struct flow_table *table, uint64_t now_ns)
{
    /* The other tap port may still bring packets of a skew window ago; to them nothing newer may have happened. */
    uint64_t skew_ns = table->settings.skew_window_ns;
    uint64_t settled_ns = now_ns > skew_ns ? now_ns - skew_ns : 0;
    uint32_t steps_left = ADVANCE_STEPS;
    for (uint32_t i = 0; i < ADVANCE_FLOWS; i++) {
        struct flow *flow = flow_timers_next(&table->timers, settled_ns, &steps_left);
        if (!flow)
            return;
        if (catch_up(table, flow, settled_ns))
            flow_schedule(table, flow);
    }
}

void flow_table_flush(struct flow_table *table)
{
    uint32_t used = table->pool.count - table->pool.fresh_count;
    for (uint32_t i = 0; i < used; i++)
        if (table->flows[i].state != FLOW_STATE_FREE)
            flow_remove(table, &table->flows[i], FLOW_END_FLUSH);
}

void flow_table_statistics(const struct flow_table *table, struct flow_statistics *statistics_out)
{
    *statistics_out = table->statistics;
    statistics_out->flows = table->pool.used_count;
    statistics_out->flows_half_open = table->lists[FLOW_STATE_HALF_OPEN].count;
    statistics_out->flows_closing = table->lists[FLOW_STATE_CLOSING].count;
    statistics_out->hold_segments = table->held.pool.used_count;
    statistics_out->keep_segments = table->kept.pool.used_count;
}
