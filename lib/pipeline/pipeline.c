/* SPDX-License-Identifier: Apache-2.0 */

/* Pipeline: the order of one poll turn. */

#include "pipeline/pipeline.h"

#include <errno.h>
#include <stdlib.h>

#include "pipeline/datagram.h"
#include "pipeline/tls.h"
#include "pipeline/worker.h"

#define SECOND_NS UINT64_C(1000000000)
#define SIGHTING_PURPOSE UINT32_C(0x73696768) /* "sigh" */

int pipeline_new(const struct pipeline_options *options, struct diagnostics *diagnostics,
                 struct pipeline **pipeline_out)
{
    struct pipeline *worker = aligned_alloc(CACHE_LINE, (sizeof(*worker) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
    if (!worker)
        return -ENOMEM;
    memset(worker, 0, sizeof(*worker));
    worker->options = *options;
    text_id_key_init(&worker->sighting_key, &options->sighting_key, SIGHTING_PURPOSE);
    worker->body_scan_max = (uint64_t)options->settings->workers.body_scan_kib * 1024u;
    int result = memory_init(worker, diagnostics);
    if (result < 0) {
        pipeline_free(worker);
        return result;
    }
    worker->epoch = publication_adopt(options->publication, options->worker);
    require(worker->epoch);
    *pipeline_out = worker;
    return 0;
}

void pipeline_free(struct pipeline *pipeline)
{
    if (!pipeline)
        return;
    certificate_cache_deinit(pipeline->certificates);
    if (pipeline->tls_engine)
        tls_decrypt_engine_free(pipeline->tls_engine);
    tls_key_store_free(pipeline->tls_remembered);
    arena_free(pipeline->arena);
    free(pipeline);
}

/*
 * Every worker sees every packet: keeps the flows that fall to it. All flows between two addresses do so together, for
 * the sake of resumed sessions. What the decoder settles is accounted for by the first worker.
 */
static uint32_t keep_own(struct pipeline *worker, struct net_packet *packets, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct net_packet *packet = &packets[i];
        ledger_settle(&worker->decode_ledger, LEDGER_NOT_MINE, packet->packets, packet->bytes);
        uint32_t set = resumption_set_of(&worker->options.key, &packet->endpoints);
        if (set % worker->options.worker_count != worker->options.worker)
            continue;
        ledger_receive(&worker->ledger, packet->packets, packet->bytes);
        if (kept != i)
            packets[kept] = *packet;
        kept++;
    }
    return kept;
}

/* Keeps the packets of connections that are this worker's, hands the others over. */
static uint32_t give_others(struct pipeline *worker, struct net_packet *packets, uint32_t count)
{
    struct spread *spread = worker->options.spread;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct net_packet *packet = &packets[i];
        uint32_t home = spread_home(spread, net_hash(&worker->options.key, packet));
        if (home == worker->options.worker) {
            if (kept != i)
                packets[kept] = *packet;
            kept++;
        } else if (spread_give(spread, worker->options.worker, home, packet)) {
            ledger_give(&worker->ledger, packet->packets, packet->bytes);
            ledger_raise(&worker->counts.given, packet->packets);
        } else {
            ledger_settle(&worker->ledger, LEDGER_HAND_OVER, packet->packets, packet->bytes);
        }
    }
    spread_publish(spread, worker->options.worker);
    return kept;
}

static void turn_begin(struct pipeline *worker)
{
    worker->epoch = publication_adopt(worker->options.publication, worker->options.worker);
}

/* The frames' times, in their order, and of the packets how far their stamps are off the clock. */
static void stamp(struct pipeline *worker, const struct packet *frames, uint32_t count, uint32_t packet_count)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < count; i++) {
        pipeline_clock_stamp(&worker->clock, frames[i].time_ns);
        for (; next < packet_count && worker->packets[next].packet == &frames[i]; next++)
            worker->packets[next].clock_offset_ns = worker->clock.offset_ns;
    }
}

/* A secret that is too old to be resumed is wiped within a second. */
static void sessions_forget(struct pipeline *worker)
{
    if (!worker->tls_remembered || worker->now_ns < worker->tls_forget_ns)
        return;
    worker->tls_forget_ns = worker->now_ns + SECOND_NS;
    tls_key_store_expire(worker->tls_remembered, worker->now_ns);
}

static void turn_end(struct pipeline *worker)
{
    worker->now_ns = worker->clock.now_ns + worker->clock.offset_ns;
    tls_wait_turn(worker);
    if (worker->tls_missed)
        tls_missed_turn(worker);
    sessions_forget(worker);
    datagrams_turn(worker);
    flow_table_advance(worker->flows, worker->clock.now_ns);
    rollup_advance(worker);
    enum stage stage = stage_enter(&worker->stages, STAGE_QUEUE);
    events_publish(worker);
    stage_leave(&worker->stages, stage);
}

static struct ledger *decode_ledger(struct pipeline *worker)
{
    return worker->options.share ? &worker->decode_ledger : &worker->ledger;
}

void pipeline_burst(struct pipeline *pipeline, const struct packet *packets, uint32_t count)
{
    require(count <= PACKET_BURST_MAX);
    turn_begin(pipeline);
    ledger_raise(&pipeline->counts.packets, count);
    enum stage stage = stage_enter(&pipeline->stages, STAGE_DECODE);
    uint32_t segments = net_decode_burst(pipeline->decoder, decode_ledger(pipeline), packets, count, pipeline->packets);
    stamp(pipeline, packets, count, segments);
    if (pipeline->options.share)
        segments = keep_own(pipeline, pipeline->packets, segments);
    else if (pipeline->options.spread && spread_hands_over(pipeline->options.spread))
        segments = give_others(pipeline, pipeline->packets, segments);
    segments = datagrams_take(pipeline, pipeline->packets, segments);
    stage_enter(&pipeline->stages, STAGE_FLOW);
    flow_table_packets(pipeline->flows, pipeline->packets, segments);
    turn_end(pipeline);
    stage_leave(&pipeline->stages, stage);
}

uint32_t pipeline_take(struct pipeline *pipeline)
{
    struct spread *spread = pipeline->options.spread;
    uint32_t count = spread ? spread_take(spread, pipeline->options.worker, pipeline->packets) : 0;
    if (count == 0)
        return 0;
    enum stage stage = stage_enter(&pipeline->stages, STAGE_FLOW);
    turn_begin(pipeline);
    for (uint32_t i = 0; i < count; i++) {
        struct net_packet *packet = &pipeline->packets[i];
        ledger_receive(&pipeline->ledger, packet->packets, packet->bytes);
        ledger_raise(&pipeline->counts.taken, packet->packets);
        /* Each worker has a clock of its own; the giver's means nothing here. */
        pipeline_clock_stamp(&pipeline->clock, packet->time_ns);
        packet->clock_offset_ns = pipeline->clock.offset_ns;
    }
    count = datagrams_take(pipeline, pipeline->packets, count);
    flow_table_packets(pipeline->flows, pipeline->packets, count);
    spread_release(spread, pipeline->options.worker);
    turn_end(pipeline);
    stage_leave(&pipeline->stages, stage);
    return count;
}

void pipeline_idle(struct pipeline *pipeline, uint64_t now_ns)
{
    turn_begin(pipeline);
    net_decoder_expire(pipeline->decoder, decode_ledger(pipeline), now_ns);
    pipeline_clock_stamp(&pipeline->clock, now_ns);
    turn_end(pipeline);
}

/* What only the first of several workers accounts for, so that it counts once. */
static void decode_ledger_close(struct pipeline *worker)
{
    if (!worker->options.share || worker->options.worker != 0)
        return;
    struct ledger *seen = &worker->decode_ledger;
    struct ledger_sum *others = &seen->settled[LEDGER_NOT_MINE];
    seen->received.packets -= others->packets;
    seen->received.bytes -= others->bytes;
    *others = (struct ledger_sum){0};
    ledger_add(&worker->ledger, seen);
    memset(seen, 0, sizeof(*seen));
}

void pipeline_flush(struct pipeline *pipeline)
{
    net_decoder_flush(pipeline->decoder, decode_ledger(pipeline));
    flow_table_flush(pipeline->flows);
    tls_wait_flush(pipeline);
    tls_missed_flush(pipeline);
    datagrams_flush(pipeline);
    rollup_flush(pipeline);
    decode_ledger_close(pipeline);
    events_publish(pipeline);
}

const struct ledger *pipeline_ledger(const struct pipeline *pipeline)
{
    return &pipeline->ledger;
}

const struct certificate_cache_counts *pipeline_certificates(const struct pipeline *pipeline)
{
    return certificate_cache_counts(pipeline->certificates);
}

const struct pipeline_counts *pipeline_counts(const struct pipeline *pipeline)
{
    return &pipeline->counts;
}

const struct service_table *pipeline_services(const struct pipeline *pipeline)
{
    return pipeline->services;
}

struct stage_cycles *pipeline_stages(struct pipeline *pipeline)
{
    return &pipeline->stages;
}

uint64_t pipeline_now(const struct pipeline *pipeline)
{
    return pipeline->now_ns;
}

uint32_t pipeline_epoch(const struct pipeline *pipeline)
{
    return pipeline->epoch->number;
}
