/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Recent packets: a table by fingerprint in which the newer entry takes the place of the older. The fingerprint covers
 * connection, direction, the whole TCP header (its checksum stands for the payload) and the IPv4 identification; what
 * routers and mirrors change (addresses of the link, tags, hop count) is left out.
 */

#include "tap/recent.h"

#include <errno.h>

#define IP4_SIZE 20u
#define IP6_SIZE 40u
#define TCP_IP   6u /* protocol number */

/*
 * Two copies of one packet are as far apart as the paths through two switches are: well under a retransmission timer,
 * whose least is 200 ms on common systems.
 */
#define COPY_NS UINT64_C(50000000)

/*
 * Without an identification that counts (IPv6, or senders that leave it zero as RFC 6864 allows) a quick repetition may
 * look the same: it needs a round trip, so only closer ones are taken.
 */
#define COPY_UNNUMBERED_NS UINT64_C(2000000)

/* What the IP header says, where it can be found. */
struct network {
    uint16_t identification; /* 0: none */
    uint8_t hops;
};

int tap_recents_init(struct tap_recents *recents, struct arena *arena)
{
    recents->packets = arena_take(arena, RECENT_PACKETS * sizeof(*recents->packets), CACHE_LINE);
    return recents->packets ? 0 : -ENOMEM;
}

void tap_recents_clear(struct tap_recents *recents)
{
    memset(recents->packets, 0, RECENT_PACKETS * sizeof(*recents->packets));
}

static uint32_t read_size(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

/* The IP header in front of the TCP header, when it is a plain one in the frame and its length fits the packet. */
static struct network network_of(const struct net_packet *packet, const uint8_t *tcp)
{
    struct network network = {0};
    const struct packet *frame = packet->packet;
    uint64_t address = (uint64_t)(uintptr_t)tcp, first = (uint64_t)(uintptr_t)frame->data;
    if ((packet->flags & NET_REASSEMBLED) || address < first || address > first + frame->size)
        return network;
    uint64_t front = address - first;
    uint32_t size = packet->tcp_header_size + packet->payload.size + packet->payload_missing;
    if (packet->endpoints.ip_version == 4 && front >= IP4_SIZE) {
        const uint8_t *ip = tcp - IP4_SIZE;
        if (ip[0] != 0x45 || ip[9] != TCP_IP || read_size(ip + 2) != IP4_SIZE + size)
            return network;
        network = (struct network){.identification = (uint16_t)read_size(ip + 4), .hops = ip[8]};
    } else if (packet->endpoints.ip_version == 6 && front >= IP6_SIZE) {
        const uint8_t *ip = tcp - IP6_SIZE;
        if (ip[0] >> 4 == 6 && ip[6] == TCP_IP && read_size(ip + 4) == size)
            network.hops = ip[7];
    }
    return network;
}

/* A multiply and a fold a word: `hash` is keyed already, and a forged equality only adds to a count of copies. */
static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}

static uint64_t fingerprint(const struct net_packet *packet, const uint8_t *tcp, uint64_t hash, uint16_t identification)
{
    uint64_t print = mix(hash, (uint64_t)identification << 32 | (packet->payload.size + packet->payload_missing));
    uint32_t size = packet->tcp_header_size; /* at most 60 bytes, in words of four */
    for (uint32_t at = 4; at + 4 <= size; at += 4) {
        uint32_t word;
        memcpy(&word, tcp + at, sizeof(word));
        print = mix(print, word);
    }
    return print;
}

/*
 * Acknowledgements repeat themselves to the bit when a segment is missing, timestamps of the same millisecond included:
 * without numbers nothing tells them from copies.
 */
static bool comparable(const struct net_packet *packet, uint16_t identification)
{
    bool bare = packet->payload.size + packet->payload_missing == 0;
    return identification || !bare || (packet->tcp_flags & (NET_TCP_SYN | NET_TCP_FIN));
}

static void count_copy(struct tap_tally *tally, const struct tap_recent *first, const struct tap_recent *copy)
{
    tally->repeated++;
    tally->repeated_tags += first->tags != copy->tags;
    tally->repeated_port += first->port != copy->port;
    tally->repeated_hops += first->hops != copy->hops;
}

bool tap_recents_seen(struct tap_recents *recents, struct tap_tally *tally, const struct net_packet *packet,
                      uint64_t hash, uint32_t tags, bool *other_tags_out)
{
    if (!packet->payload.data)
        return false;
    const uint8_t *tcp = packet->payload.data - packet->tcp_header_size;
    struct network network = network_of(packet, tcp);
    if (!comparable(packet, network.identification))
        return false;
    uint64_t print = fingerprint(packet, tcp, hash, network.identification);
    struct tap_recent now = {.time_ns = packet->time_ns,
                             .mark = (uint32_t)(print >> 32) | 1,
                             .tags = (uint16_t)(tags ^ tags >> 16),
                             .port = (uint8_t)packet->packet->port,
                             .hops = network.hops};
    struct tap_recent *place = &recents->packets[print % RECENT_PACKETS];
    struct tap_recent before = *place;
    uint64_t apart = now.time_ns > before.time_ns ? now.time_ns - before.time_ns : before.time_ns - now.time_ns;
    *place = now;
    tally->compared++;
    if (before.mark != now.mark || apart > (network.identification ? COPY_NS : COPY_UNNUMBERED_NS))
        return false;
    *other_tags_out = before.tags != now.tags;
    count_copy(tally, &before, &now);
    return true;
}
