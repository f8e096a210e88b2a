/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Memory of a worker, shared out at start.
 *
 * Of the budget, flows, reassembly and fragments take what the settings say; what is left goes to the calls in flight,
 * nearly all of it to exchanges, because without one a call cannot be judged at all.
 */

#include <errno.h>
#include <string.h>

#include "pipeline/amqp091.h"
#include "pipeline/amqp10.h"
#include "pipeline/datagram.h"
#include "pipeline/http2.h"
#include "pipeline/scan_batch.h"
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
#define SHARE_TLS         1u /* handshakes that go on at this moment: 1,700 of a gigabyte; messages that are cut as much */
#define SHARE_CERTS       1u  /* chains that were read: 1,500 of a gigabyte */
#define SHARE_CONNECTIONS 12u /* of HTTP/2 and AMQP, which clients keep for long: 6,000 of a gigabyte */
#define SHARE_STREAMS     1u  /* open ones of HTTP/2: 70,000 of a gigabyte */
#define SHARE_TABLES      2u  /* HPACK tables of peers that allow more than the usual 4 KB, and take it */
#define SHARE_GRAPHQL     1u  /* requests in flight that may be GraphQL */
/* With keys a connection keeps its state: 15,000 of a gigabyte, and 1,800 records that are cut. Of the exchanges. */
#define SHARE_OPEN 12u

/* So many that the rounding to pages does not show in what one takes. */
#define DECRYPTERS 4096u

/* Cipher contexts of each frequent suite; so many busy directions stay keyed. */
#define CIPHER_CONTEXTS 64u

#define SESSIONS_REMEMBERED 4096u /* master secrets, where they are kept for resumption: 2 MB of locked memory */
#define SECOND_NS           UINT64_C(1000000000)

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

#define SHARE_KNOWN_TOKENS 2u /* bearer tokens that need not be read and verified again */

/* As many clients as a busy worker has at a time. */
#define KNOWN_TOKENS_MIN 1024u
#define KNOWN_TOKENS_MAX 32768u

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

static uint32_t known_tokens_count(uint32_t flows, size_t left)
{
    uint32_t count = KNOWN_TOKENS_MIN;
    while (count < flows && count < KNOWN_TOKENS_MAX && known_tokens_size(2 * count) < left / 100 * SHARE_KNOWN_TOKENS)
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

/* Each with a decrypter, which lie together in pages of their own. */
static size_t tls_sessions_count(size_t bytes)
{
    size_t fixed = tls_decrypt_engine_size(0), one = tls_decrypt_engine_size(DECRYPTERS) - fixed;
    return bytes < fixed ? 0 : (bytes - fixed) / (sizeof(struct tls_session) + CACHE_LINE + one / DECRYPTERS);
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
    worker->batch = scan_batch_new(worker->arena);
    uint32_t lines = known_lines_count(flows, left);
    if (!worker->head_lines || !worker->batch ||
        known_lines_new(&worker->known_lines, worker->arena, &worker->options.key, lines) < 0)
        return -ENOMEM;
    left -= head_lines_size() + scan_batch_size() + known_lines_size(lines);
    uint32_t tokens = known_tokens_count(flows, left);
    if (known_tokens_new(&worker->known_tokens, worker->arena, &worker->options.key, tokens) < 0)
        return -ENOMEM;
    left -= known_tokens_size(tokens);
    size_t exchanges = left / 100 * (SHARE_EXCHANGES - open) / (sizeof(struct exchange) + CACHE_LINE);
    size_t windows = left / 100 * SHARE_WINDOWS / (BODY_WINDOW_SIZE + CACHE_LINE);
    size_t handshakes = tls_sessions_count(left / 100 * (SHARE_TLS + open / 3 * 2));
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
    uint64_t remembered_s = worker->options.settings->keys.resumption_seconds;
    struct tls_key_store_options sessions = {.entries = SESSIONS_REMEMBERED, .expire_ns = remembered_s * SECOND_NS};
    int result = remembered_s ? tls_key_store_new(&worker->tls_remembered, &sessions, diagnostics) : 0;
    if (result < 0)
        return result;
    struct tls_decrypt_options options = {.store = worker->options.keys,
                                          .sessions = worker->tls_remembered,
                                          .connections = worker->tls_sessions.count,
                                          .contexts = CIPHER_CONTEXTS,
                                          .context = worker,
                                          .key_used = key_use_tell,
                                          .premaster_wanted =
                                              worker->options.premaster_wanted ? premaster_wanted : NULL};
    return tls_decrypt_engine_new(&worker->tls_engine, worker->arena, &options, diagnostics);
}

int memory_init(struct pipeline *worker, struct diagnostics *diagnostics)
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
