/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Packet decoder: runs each frame of a burst through its steps, and keeps the books. The next frame's first bytes are
 * fetched while this one is read, because a mirrored frame is in no cache of this core.
 */

#include "net/decode.h"

#include <errno.h>

#include "net/walk.h"

#define FRAGMENT_DATAGRAMS_MAX 65536u /* 4 GiB of reservation: more than a worker is ever given */
#define FRAGMENT_BYTES_MIN     65536u /* less could not hold one datagram */
#define FETCH_AHEAD            2u     /* frames: the latency of memory is about two frames' work */

struct counter_text {
    const char *name;
    const char *help;
};

static const struct counter_text counter_texts[NET_COUNTER_COUNT] = {
    [NET_COUNTER_TCP_CHECKSUM_BAD] = {"tcp_checksum_bad", "TCP segments with a wrong checksum"},
    [NET_COUNTER_IP_CHECKSUM_BAD] = {"ip_checksum_bad", "IPv4 headers with a wrong checksum"},
    [NET_COUNTER_FRAGMENTS] = {"ip_fragments", "IP fragments taken in for reassembly"},
    [NET_COUNTER_REASSEMBLED] = {"ip_reassembled", "IP datagrams made whole from fragments"},
    [NET_COUNTER_FRAGMENT_CONFLICTS] = {"ip_fragment_conflicts", "IP datagrams whose fragments contradict each other"},
    [NET_COUNTER_FRAGMENT_EXPIRED] = {"ip_fragment_expired", "IP datagrams given up because fragments did not come"},
    [NET_COUNTER_FRAGMENT_EVICTED] = {"ip_fragment_evicted", "IP datagrams given up because the budget was reached"},
    [NET_COUNTER_PAYLOAD_CUT] = {"tcp_payload_cut", "TCP segments whose payload the capture or mirror cut"},
};

void net_settings_default(struct net_settings *settings_out)
{
    *settings_out = (struct net_settings){
        .vxlan_ports = {4789, 8472}, /* RFC 7348, and what Linux took before there was a number */
        .vxlan_port_count = 2,
        .fragment_datagrams = 128,
        .fragment_bytes = 4u << 20,
        .fragment_timeout_ns = UINT64_C(30) * 1000000000, /* Linux waits 30 s, RFC 8200 says 60 s */
        .checksum = NET_CHECKSUM_COUNT,
    };
}

size_t net_decoder_size(const struct net_settings *settings)
{
    return sizeof(struct net_decoder) + CACHE_LINE + net_fragment_table_size(settings->fragment_datagrams);
}

int net_decoder_new(struct net_decoder **decoder_out, struct arena *arena, const struct net_settings *settings)
{
    if (settings->vxlan_port_count > NET_VXLAN_PORTS_MAX || settings->fragment_datagrams == 0 ||
        settings->fragment_datagrams > FRAGMENT_DATAGRAMS_MAX || settings->fragment_bytes < FRAGMENT_BYTES_MIN ||
        settings->checksum > NET_CHECKSUM_DROP)
        return -EINVAL;
    struct net_decoder *decoder = arena_take(arena, sizeof(*decoder), CACHE_LINE);
    if (!decoder)
        return -ENOMEM;
    decoder->settings = *settings;
    decoder->fragments.counters = decoder->counters;
    decoder->fragments.hash_key = settings->key;
    *decoder_out = decoder;
    return net_fragment_table_init(&decoder->fragments, arena, settings->fragment_datagrams, settings->fragment_bytes,
                                   settings->fragment_timeout_ns);
}

bool net_walk_enter(struct net_walk *walk, enum tunnel_kind kind, uint32_t id)
{
    struct net_packet *packet = walk->packet;
    if (packet->endpoints.tunnel_count == NET_LAYERS_MAX) {
        net_walk_settle(walk, LEDGER_TUNNEL_DEPTH);
        return false;
    }
    packet->endpoints.tunnels[packet->endpoints.tunnel_count++] = (struct tunnel){.id = id, .kind = (uint8_t)kind};
    const struct net_settings *settings = &walk->decoder->settings;
    if (settings->domain_kinds & (1u << kind)) {
        uint32_t parts[3] = {packet->domain, (uint32_t)kind, id};
        packet->domain = (uint32_t)hash_bytes(&settings->key, parts, sizeof(parts));
    }
    return true;
}

static enum net_walk_step run_steps(struct net_walk *walk, enum net_walk_step step)
{
    for (uint32_t i = 0; i < WALK_STEPS_MAX; i++) {
        switch (step) {
        case WALK_ETHERNET:
            step = net_walk_ethernet(walk);
            break;
        case WALK_ETHERTYPE:
            step = net_walk_ethertype(walk);
            break;
        case WALK_IP:
            step = net_walk_ip(walk);
            break;
        case WALK_PROTOCOL:
            step = net_walk_protocol(walk);
            break;
        case WALK_TCP:
            return net_walk_tcp(walk);
        case WALK_READY:
        case WALK_SETTLED:
        case WALK_HELD:
            return step;
        }
    }
    return net_walk_settle(walk, LEDGER_TUNNEL_DEPTH);
}

/* Returns whether the frame became a TCP packet. */
static bool decode(struct net_decoder *decoder, struct ledger *ledger, const struct packet *frame,
                   struct net_packet *packet_out)
{
    *packet_out = (struct net_packet){
        .time_ns = frame->time_ns,
        .packets = 1,
        .bytes = frame->size,
        .packet = frame,
    };
    struct net_walk walk = {
        .at = frame->data,
        .end = frame->data + frame->size,
        .missing = frame->wire_size > frame->size ? frame->wire_size - frame->size : 0,
        .packet = packet_out,
        .decoder = decoder,
        .ledger = ledger,
    };
    enum net_walk_step end = run_steps(&walk, net_walk_link(&walk, frame->link));
    if (end == WALK_SETTLED)
        ledger_settle(ledger, walk.reason, packet_out->packets, packet_out->bytes);
    return end == WALK_READY;
}

static void receive(struct ledger *ledger, const struct packet *packets, uint32_t count)
{
    uint64_t bytes = 0, snapped = 0;
    for (uint32_t i = 0; i < count; i++) {
        bytes += packets[i].size;
        snapped += packets[i].wire_size > packets[i].size ? packets[i].wire_size - packets[i].size : 0;
    }
    ledger_receive(ledger, count, bytes);
    ledger_miss(ledger, LEDGER_MISSING_SNAPPED_BYTES, snapped);
}

uint32_t net_decode_burst(struct net_decoder *decoder, struct ledger *ledger, const struct packet *packets,
                          uint32_t count, struct net_packet packets_out[PACKET_BURST_MAX])
{
    require(count <= PACKET_BURST_MAX);
    if (count == 0)
        return 0;
    receive(ledger, packets, count);
    net_fragment_table_release(&decoder->fragments);
    net_fragment_table_expire(&decoder->fragments, ledger, packets[0].time_ns);
    uint32_t ready = 0;
    for (uint32_t i = 0; i < count; i++) {
        __builtin_prefetch(packets[min_u32(i + FETCH_AHEAD, count - 1)].data);
        ready += decode(decoder, ledger, &packets[i], &packets_out[ready]);
    }
    return ready;
}

void net_decoder_expire(struct net_decoder *decoder, struct ledger *ledger, uint64_t now_ns)
{
    net_fragment_table_expire(&decoder->fragments, ledger, now_ns);
}

void net_decoder_flush(struct net_decoder *decoder, struct ledger *ledger)
{
    net_fragment_table_expire(&decoder->fragments, ledger, UINT64_MAX);
}

uint64_t net_decoder_counter(const struct net_decoder *decoder, enum net_counter counter)
{
    return __atomic_load_n(&decoder->counters[counter], __ATOMIC_RELAXED);
}

const char *net_counter_name(enum net_counter counter)
{
    return counter_texts[counter].name;
}

const char *net_counter_help(enum net_counter counter)
{
    return counter_texts[counter].help;
}

uint64_t net_hash(const struct hash_key *key, const struct net_packet *packet)
{
    struct {
        struct address low, high;
        uint16_t low_port, high_port;
        uint32_t domain;
    } tuple;
    static_assert(sizeof(tuple) == 40, "hashed as bytes: no padding");
    const struct endpoints *e = &packet->endpoints;
    int order = memcmp(&e->source, &e->destination, sizeof(e->source));
    if (order < 0 || (order == 0 && e->source_port <= e->destination_port)) {
        tuple.low = e->source;
        tuple.high = e->destination;
        tuple.low_port = e->source_port;
        tuple.high_port = e->destination_port;
    } else {
        tuple.low = e->destination;
        tuple.high = e->source;
        tuple.low_port = e->destination_port;
        tuple.high_port = e->source_port;
    }
    tuple.domain = packet->domain;
    return hash_bytes(key, &tuple, sizeof(tuple));
}
