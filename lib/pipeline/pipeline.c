/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Pipeline: the order of one poll turn, and how the worker's memory is shared out at start.
 *
 * Of the budget, flows, reassembly and fragments take what the settings say; what is left goes to the calls in flight,
 * nearly all of it to exchanges, because without one a call cannot be judged at all.
 */

#include "pipeline/pipeline.h"

#include <errno.h>
#include <stdlib.h>

#include "pipeline/amqp091.h"
#include "pipeline/amqp10.h"
#include "pipeline/datagram.h"
#include "pipeline/http2.h"
#include "pipeline/scan_grpc.h"
#include "pipeline/session.h"
#include "pipeline/tls.h"
#include "pipeline/websocket.h"

#define MEBIBYTE ((size_t)1 << 20)

/* Shares of what is left behind flows and reassembly, in percent. Windows hold bodies that come in pieces, carries
 * lines. */
#define SHARE_EXCHANGES   29u
#define SHARE_WINDOWS     17u
#define SHARE_CARRIES     9u
#define SHARE_INFLATE     9u /* bodies in gzip or deflate that are being decoded */
#define SHARE_UNWINDOW    6u /* in br or zstd: large windows, of which only what a body needs is touched */
#define SHARE_GRPC        3u /* bodies of gRPC that are being walked */
#define SHARE_WEBSOCKETS  2u /* connections, each of a few KB: 8,000 of a gigabyte */
#define SHARE_MESSAGES    3u /* compressed messages; half of it for those with small windows */
#define SHARE_TLS         1u /* handshakes that go on at this moment: 4,000 of a gigabyte; messages that are cut as much */
#define SHARE_CERTS       1u  /* chains that were read: 1,500 of a gigabyte */
#define SHARE_CONNECTIONS 12u /* of HTTP/2 and AMQP, which clients keep for long: 6,000 of a gigabyte */
#define SHARE_STREAMS     1u  /* open ones of HTTP/2: 70,000 of a gigabyte */
#define SHARE_TABLES      2u  /* HPACK tables of peers that allow more than the usual 4 KB, and take it */
#define SHARE_GRAPHQL     1u  /* requests in flight that may be GraphQL */
/* With keys a connection keeps its state, and records that are cut: 2,900 connections of a gigabyte. Of the exchanges.
 */
#define SHARE_OPEN 12u

/* Cipher contexts of each frequent suite; so many busy directions stay keyed. */
#define CIPHER_CONTEXTS 64u

#define SHARE_RESUMPTIONS   1u   /* sessions that may be resumed: 32,000 of a gigabyte */
#define RESUMPTION_WAYS_MIN 8u   /* of one pair of addresses; the memory is a few hundred kilobytes */
#define RESUMPTION_WAYS_MAX 512u /* more take longer to look through than a handshake is worth */

#define SHARE_KNOWN_LINES 2u /* header lines that need not be searched again */

/* Lines with a token that are known at a time: below, few clients would share their places; above, looking one up costs
 * a cache miss and more memory gains nothing. */
#define KNOWN_LINES_MIN 1024u
#define KNOWN_LINES_MAX 65536u

/*
 * Connections of HTTP/1 with a call under way, as a part of all: far more than there are exchanges for them to be in,
 * with room for those that lost bytes and keep their state.
 */
#define FLOWS_PER_HTTP1 4u
#define SMALL_FLOWS     8192u

/* A worker below this could not hold a few hundred calls in flight. */
#define LEFT_MIN (16 * MEBIBYTE)

static struct flow_settings flow_settings_of(const struct settings *settings)
{
    const struct settings_workers *workers = &settings->workers;
    struct flow_settings flows = flow_settings_default(workers->flows);
    flows.hold_bytes = (uint64_t)workers->reassembly_mib * MEBIBYTE;
    flows.hold_flow_bytes = workers->flow_reassembly_kib * 1024u;
    flows.skew_window_ns = (uint64_t)workers->skew_ms * 1000000u;
    flows.established_timeout_ns = (uint64_t)workers->flow_idle_seconds * 1000000000u;
    flows.checksum_policy = workers->checksum == SETTINGS_CHECKSUM_EXCUSE ? FLOW_CHECKSUM_REFUSE : FLOW_CHECKSUM_ACCEPT;
    return flows;
}

/* A connection speaks one of these, so which of them is frequent here need not be known. */
static int connections_init(struct pipeline *worker, size_t left)
{
    union {
        struct http2_channel http2;
        struct amqp091_connection amqp091;
        struct amqp10_connection amqp10;
    } const *any;
    size_t count = left / 100 * SHARE_CONNECTIONS / (sizeof(*any) + CACHE_LINE);
    return pool_init(&worker->connections, worker->arena, sizeof(*any), (uint32_t)count);
}

static int http2_pools_init(struct pipeline *worker, size_t left)
{
    size_t streams = left / 100 * SHARE_STREAMS / (sizeof(struct http2_stream) + CACHE_LINE);
    size_t tables = left / 100 * SHARE_TABLES / (sizeof(struct hpack_large) + CACHE_LINE);
    static_assert(CHANNEL_CARRY_SIZE >= HTTP2_HOLD_MAX, "what the parser leaves, and a field, fit a carry buffer");
    worker->http2_memory.joins = &worker->carries;
    worker->http2_memory.hpack.large = &worker->http2_tables;
    worker->http2_memory.hpack.scratch = arena_take(worker->arena, HPACK_SCRATCH_SIZE, CACHE_LINE);
    if (!worker->http2_memory.hpack.scratch ||
        pool_init(&worker->http2_streams, worker->arena, sizeof(struct http2_stream), (uint32_t)streams) ||
        pool_init(&worker->http2_tables, worker->arena, sizeof(struct hpack_large), (uint32_t)tables))
        return -ENOMEM;
    return 0;
}

/* One for each flow, as far as the share goes. */
static uint32_t known_lines_count(uint32_t flows, size_t left)
{
    uint32_t count = KNOWN_LINES_MIN;
    while (count < flows && count < KNOWN_LINES_MAX && known_lines_size(2 * count) < left / 100 * SHARE_KNOWN_LINES)
        count *= 2;
    return count;
}

static uint32_t resumption_ways(size_t left)
{
    uint32_t ways = RESUMPTION_WAYS_MIN;
    while (ways < RESUMPTION_WAYS_MAX && resumption_table_size(2 * ways) < left / 100 * SHARE_RESUMPTIONS)
        ways *= 2;
    return ways;
}

/* What the settings say, but no more than an eighth: what waits shall not keep the rest from being audited. */
static size_t waiting_bytes(const struct pipeline *worker, size_t left)
{
    const struct settings_keys *keys = &worker->options.settings->keys;
    size_t wanted = worker->options.keys && keys->wait_ms ? keys->wait_mib * MEBIBYTE : 0;
    return wanted < left / 8 ? wanted : left / 8;
}

/* In small tables every one: they cost nothing. */
static uint32_t http1_channels_count(const struct pipeline *worker)
{
    uint32_t flows = worker->options.settings->workers.flows;
    return flows <= SMALL_FLOWS ? flows : SMALL_FLOWS + (flows - SMALL_FLOWS) / FLOWS_PER_HTTP1;
}

static int pools_init(struct pipeline *worker, size_t left)
{
    uint32_t flows = worker->options.settings->workers.flows;
    uint32_t open = worker->options.keys ? SHARE_OPEN : 0;
    size_t waiting = waiting_bytes(worker, left);
    if (waiting && tls_wait_init(worker, waiting) < 0)
        return -ENOMEM;
    left -= waiting;
    if (open && tls_missed_table_new(&worker->tls_missed, worker->arena) < 0)
        return -ENOMEM;
    left -= open ? tls_missed_table_size() : 0;
    uint32_t ways = resumption_ways(left);
    if (resumption_table_new(&worker->resumptions, worker->arena, &worker->options.key, ways) < 0)
        return -ENOMEM;
    left -= resumption_table_size(ways);
    if (datagram_table_new(&worker->datagrams, worker->arena) < 0)
        return -ENOMEM;
    left -= datagram_table_size();
    worker->head_lines = head_lines_new(worker->arena);
    uint32_t lines = known_lines_count(flows, left);
    if (!worker->head_lines || known_lines_new(&worker->known_lines, worker->arena, &worker->options.key, lines) < 0)
        return -ENOMEM;
    left -= head_lines_size() + known_lines_size(lines);
    size_t exchanges = left / 100 * (SHARE_EXCHANGES - open) / (sizeof(struct exchange) + CACHE_LINE);
    size_t windows = left / 100 * SHARE_WINDOWS / (BODY_WINDOW_SIZE + CACHE_LINE);
    size_t connection = sizeof(struct tls_session) + CACHE_LINE + tls_decrypt_engine_size(1);
    size_t handshakes = left / 100 * (SHARE_TLS + open / 3 * 2) / connection;
    size_t records = left / 100 * (open / 3) / (sizeof(struct tls_kept) + CACHE_LINE);
    /* Only a message that is cut needs a buffer, and most handshakes have at most one at a time. */
    size_t messages = left / 100 * SHARE_TLS / (TLS_MESSAGE_SIZE_MAX + CACHE_LINE);
    size_t certificates = left / 100 * SHARE_CERTS / (sizeof(struct certificate_entry) + sizeof(uint64_t));
    size_t carries = left / 100 * SHARE_CARRIES / (CHANNEL_CARRY_SIZE + CACHE_LINE);
    if (pool_init(&worker->sessions, worker->arena, sizeof(struct session), flows) ||
        pool_init(&worker->http1_channels, worker->arena, sizeof(struct http1_channel), http1_channels_count(worker)) ||
        pool_init(&worker->exchanges, worker->arena, sizeof(struct exchange), (uint32_t)exchanges) ||
        pool_init(&worker->windows, worker->arena, BODY_WINDOW_SIZE, (uint32_t)windows) ||
        pool_init(&worker->tls_sessions, worker->arena, sizeof(struct tls_session), (uint32_t)handshakes) ||
        (records && pool_init(&worker->tls_records, worker->arena, sizeof(struct tls_kept), (uint32_t)records)) ||
        pool_init(&worker->tls_messages, worker->arena, TLS_MESSAGE_SIZE_MAX, (uint32_t)messages) ||
        certificate_cache_new(&worker->certificates, worker->arena, (uint32_t)certificates) ||
        pool_init(&worker->carries, worker->arena, CHANNEL_CARRY_SIZE, (uint32_t)carries) ||
        connections_init(worker, left))
        return -ENOMEM;
    size_t grpc = left / 100 * SHARE_GRPC / (sizeof(struct scan_grpc) + CACHE_LINE);
    if (pool_init(&worker->grpc_scans, worker->arena, sizeof(struct scan_grpc), (uint32_t)grpc))
        return -ENOMEM;
    if (http2_pools_init(worker, left) || graphql_pool_init(worker, left / 100 * SHARE_GRAPHQL))
        return -ENOMEM;
    size_t inflate = left / 100 * SHARE_INFLATE / content_decoders_size(1, 0);
    size_t windowed = left / 100 * SHARE_UNWINDOW / content_decoders_size(0, 1);
    if (content_decoders_init(&worker->decoders, worker->arena, (uint32_t)inflate, (uint32_t)windowed))
        return -ENOMEM;
    size_t websockets = left / 100 * SHARE_WEBSOCKETS / (sizeof(struct websocket_link) + CACHE_LINE);
    size_t narrow = left / 200 * SHARE_MESSAGES / websocket_inflaters_size(1, 0);
    size_t wide = left / 200 * SHARE_MESSAGES / websocket_inflaters_size(0, 1);
    if (pool_init(&worker->websockets, worker->arena, sizeof(struct websocket_link), (uint32_t)websockets))
        return -ENOMEM;
    return websocket_inflaters_init(&worker->inflaters, worker->arena, (uint32_t)narrow, (uint32_t)wide);
}

/* With roll-ups one is told while the other counts. */
static uint32_t services_count(const struct pipeline *worker)
{
    return worker->options.rollups ? 2 : 1;
}

static int services_init(struct pipeline *worker)
{
    struct service_table **tables[] = {&worker->services, &worker->services_last};
    for (uint32_t i = 0; i < services_count(worker); i++) {
        *tables[i] = arena_take_array(worker->arena, struct service_table, 1);
        if (!*tables[i])
            return -ENOMEM;
        service_table_init(*tables[i], &worker->options.service_key);
    }
    worker->service_next = SERVICE_ENTRIES_MAX;
    return 0;
}

static bool premaster_wanted(void *context, struct span encrypted)
{
    const struct pipeline *worker = context;
    return worker->options.premaster_wanted(worker->options.premaster_context, encrypted);
}

/* As many decrypters as connections have a state. */
static int engine_init(struct pipeline *worker, struct diagnostics *diagnostics)
{
    if (!worker->options.keys)
        return 0;
    struct tls_decrypt_options options = {.store = worker->options.keys,
                                          .connections = worker->tls_sessions.count,
                                          .contexts = CIPHER_CONTEXTS,
                                          .context = worker,
                                          .key_used = key_use_tell,
                                          .premaster_wanted =
                                              worker->options.premaster_wanted ? premaster_wanted : NULL};
    return tls_decrypt_engine_new(&worker->tls_engine, worker->arena, &options, diagnostics);
}

static int memory_init(struct pipeline *worker, struct diagnostics *diagnostics)
{
    const struct settings_workers *setting = &worker->options.settings->workers;
    struct flow_settings flows = flow_settings_of(worker->options.settings);
    flows.stages = &worker->stages;
    struct net_settings net;
    net_settings_default(&net);
    net.key = worker->options.key;
    net.checksum = NET_CHECKSUM_COUNT;
    net.datagrams = true;

    size_t fixed = flow_table_size(&flows) + net_decoder_size(&net) +
                   (size_t)setting->flows * (sizeof(struct session) + CACHE_LINE) +
                   http1_channels_count(worker) * (sizeof(struct http1_channel) + CACHE_LINE);
    fixed += services_count(worker) * (sizeof(struct service_table) + CACHE_LINE);
    size_t budget = setting->memory_mib * MEBIBYTE;
    if (fixed + LEFT_MIN > budget) {
        diagnostics_add(
            diagnostics, DIAGNOSTIC_ERROR, NULL,
            "workers.memory_mib is %u, but %u flows and %u MiB of reassembly alone need %zu; raise it to %zu or "
            "lower workers.flows",
            setting->memory_mib, setting->flows, setting->reassembly_mib, fixed / MEBIBYTE + 1,
            (fixed + LEFT_MIN) / MEBIBYTE + 1);
        return -ENOMEM;
    }
    worker->arena = arena_new(budget);
    if (!worker->arena) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, NULL,
                        "the system has not the %u MiB that workers.memory_mib asks for each worker",
                        setting->memory_mib);
        return -ENOMEM;
    }
    struct flow_sink sink = {worker, session_data, session_end};
    int result = net_decoder_new(&worker->decoder, worker->arena, &net);
    if (result == 0)
        result = flow_table_new(&worker->flows, worker->arena, &flows, &worker->ledger, &worker->options.key, &sink);
    if (result == 0)
        result = services_init(worker);
    if (result == 0)
        result = pools_init(worker, budget - fixed);
    if (result == 0)
        result = engine_init(worker, diagnostics);
    if (result < 0)
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, NULL,
                        "the worker's memory cannot be laid out (%s); raise workers.memory_mib or lower workers.flows",
                        strerror(-result));
    return result;
}

int pipeline_new(const struct pipeline_options *options, struct diagnostics *diagnostics,
                 struct pipeline **pipeline_out)
{
    struct pipeline *worker = aligned_alloc(CACHE_LINE, (sizeof(*worker) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
    if (!worker)
        return -ENOMEM;
    memset(worker, 0, sizeof(*worker));
    worker->options = *options;
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

static void turn_end(struct pipeline *worker)
{
    worker->now_ns = worker->clock.now_ns + worker->clock.offset_ns;
    tls_wait_turn(worker);
    if (worker->tls_missed)
        tls_missed_turn(worker);
    flow_table_advance(worker->flows, worker->clock.now_ns);
    rollup_advance(worker);
    enum stage stage = stage_enter(&worker->stages, STAGE_QUEUE);
    ring_publish(worker->options.ring);
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
    rollup_flush(pipeline);
    decode_ledger_close(pipeline);
    ring_publish(pipeline->options.ring);
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
