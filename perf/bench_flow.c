/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Benchmark of the flow table: bench-flow [FLOWS], or by perf/run.
 *
 * Prints nanoseconds for each packet. "look-up" is the hash and where the flow lies, of bursts as a port gives them;
 * the others are all of it: hash, look-up, TCP, ledger, and a sink that does nothing. "data" adds delivery of the bytes
 * and keeping them until acknowledged.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "flow/flow_table.h"
#include "net/net_packet.h"

#define BURSTS  40000u
#define PAYLOAD 1448u

static uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static enum ledger_reason bench_data(void *context, struct flow *flow, const struct flow_chunk *chunk)
{
    (void)flow;
    *(uint64_t *)context += chunk->size;
    return LEDGER_AUDITED;
}

static void bench_end(void *context, struct flow *flow, enum flow_end reason)
{
    (void)context;
    (void)flow;
    (void)reason;
}

struct bench {
    struct flow_table *table;
    struct ledger ledger;
    uint32_t *sequences; /* by flow: what its client sends next */
    uint32_t flow_count;
    uint64_t random;
    uint64_t time_ns;
    uint8_t payload[PAYLOAD];
};

static uint32_t bench_random(struct bench *bench)
{
    bench->random = bench->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(bench->random >> 33);
}

static void bench_packet(struct bench *bench, struct net_packet *packet, uint32_t flow, bool from_server, uint8_t flags,
                         uint32_t size)
{
    memset(packet, 0, sizeof(*packet));
    struct endpoints *ends = &packet->endpoints;
    struct address *client = from_server ? &ends->destination : &ends->source;
    struct address *server = from_server ? &ends->source : &ends->destination;
    memcpy(client->bytes + 12, &flow, sizeof(flow));
    server->bytes[15] = 1;
    *(from_server ? &ends->destination_port : &ends->source_port) = (uint16_t)(1024 + flow % 50000);
    *(from_server ? &ends->source_port : &ends->destination_port) = 443;
    packet->tcp_flags = flags;
    packet->sequence = from_server ? 1 : bench->sequences[flow];
    packet->acknowledgement = from_server ? bench->sequences[flow] : 1;
    packet->window = 65535;
    packet->packets = 1;
    packet->bytes = 54 + size;
    packet->time_ns = bench->time_ns++;
    packet->payload = (struct span){bench->payload, size};
    if (!from_server)
        bench->sequences[flow] += size;
    ledger_receive(&bench->ledger, 1, packet->bytes);
}

static void bench_tell(const char *name, uint32_t flows, uint64_t spent_ns)
{
    printf("%-28s %8" PRIu32 " flows %7.1f ns a packet\n", name, flows,
           (double)spent_ns / ((double)BURSTS * PACKET_BURST_MAX));
}

static void bench_fill(struct bench *bench)
{
    struct net_packet packet;
    for (uint32_t flow = 0; flow < bench->flow_count; flow++) {
        bench->sequences[flow] = flow * 7919;
        bench_packet(bench, &packet, flow, false, NET_TCP_ACK, 1);
        flow_table_packets(bench->table, &packet, 1);
        bench_packet(bench, &packet, flow, true, NET_TCP_ACK, 0);
        flow_table_packets(bench->table, &packet, 1);
    }
}

/* Only where random flows are: no packet is worked on. */
static void bench_find(struct bench *bench, uint32_t flows)
{
    static struct net_packet burst[PACKET_BURST_MAX];
    uint64_t spent_ns = 0, found = 0;
    for (uint32_t i = 0; i < BURSTS; i++) {
        for (uint32_t k = 0; k < PACKET_BURST_MAX; k++)
            bench_packet(bench, &burst[k], bench_random(bench) % flows, k % 2, NET_TCP_ACK, 0);
        uint64_t begin_ns = clock_ns();
        found += flow_table_find_all(bench->table, burst, PACKET_BURST_MAX);
        spent_ns += clock_ns() - begin_ns;
        ledger_settle(&bench->ledger, LEDGER_AUDITED, PACKET_BURST_MAX, 54 * PACKET_BURST_MAX);
    }
    require(found == (uint64_t)BURSTS * PACKET_BURST_MAX);
    bench_tell("look-up", flows, spent_ns);
}

/* Random flows; with `size`, data and its acknowledgement in turn. */
static void bench_run(struct bench *bench, const char *name, uint32_t size, uint32_t flows)
{
    static struct net_packet burst[PACKET_BURST_MAX];
    uint64_t spent_ns = 0;
    for (uint32_t i = 0; i < BURSTS; i++) {
        for (uint32_t k = 0; k < PACKET_BURST_MAX; k += 2) {
            uint32_t flow = bench_random(bench) % flows;
            bench_packet(bench, &burst[k], flow, false, NET_TCP_ACK, size);
            if (size == 0)
                flow = bench_random(bench) % flows;
            bench_packet(bench, &burst[k + 1], flow, true, NET_TCP_ACK, 0);
        }
        uint64_t begin_ns = clock_ns();
        flow_table_packets(bench->table, burst, PACKET_BURST_MAX);
        flow_table_advance(bench->table, bench->time_ns);
        spent_ns += clock_ns() - begin_ns;
    }
    bench_tell(name, flows, spent_ns);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    bench.flow_count = argc > 1 ? (uint32_t)atoi(argv[1]) : 1000000;
    bench.sequences = calloc(bench.flow_count, sizeof(*bench.sequences));
    bench.time_ns = 1000000000;
    struct flow_settings settings = flow_settings_default(bench.flow_count);
    struct arena *arena = arena_new(flow_table_size(&settings));
    uint64_t told_bytes = 0;
    const struct flow_sink sink = {&told_bytes, bench_data, bench_end};
    struct hash_key key;
    if (!bench.sequences || !arena || hash_key_init(&key) ||
        flow_table_new(&bench.table, arena, &settings, &bench.ledger, &key, &sink)) {
        fprintf(stderr, "no memory for %" PRIu32 " flows\n", bench.flow_count);
        return EXIT_FAILURE;
    }
    bench_fill(&bench);
    const uint32_t few = bench.flow_count < 1000 ? bench.flow_count : 1000;
    bench_find(&bench, few);
    bench_find(&bench, bench.flow_count);
    bench_run(&bench, "ack, random", 0, few);
    bench_run(&bench, "ack, random", 0, bench.flow_count);
    bench_run(&bench, "100 B data and ack", 100, few);
    bench_run(&bench, "100 B data and ack", 100, bench.flow_count);
    bench_run(&bench, "1448 B data and ack", PAYLOAD, few);
    bench_run(&bench, "1448 B data and ack", PAYLOAD, bench.flow_count);
    flow_table_flush(bench.table);
    printf("%" PRIu64 " bytes told, ledger %s\n", told_bytes, ledger_balanced(&bench.ledger) ? "balances" : "is wrong");
    arena_free(arena);
    free(bench.sequences);
    return EXIT_SUCCESS;
}
