/* SPDX-License-Identifier: Apache-2.0 */

/*
 * IP: headers of both versions, extension headers, fragments, and what the protocol number leads to. The innermost
 * header's addresses stay in the packet.
 */

#include "net/walk.h"

#define IP4_SIZE               20u
#define IP4_FRAGMENT_MASK      0x3fff /* offset and "more fragments" */
#define IP4_OFFSET_MASK        0x1fff
#define IP4_MORE               0x2000
#define IP6_SIZE               40u
#define IP6_FRAGMENT_SIZE      8u
#define IP6_OFFSET_MASK        0xfff8 /* already in bytes */
#define IP6_MORE               0x0001
#define AUTHENTICATION_SIZE    12u
#define PROTOCOL_HOP_BY_HOP    0
#define PROTOCOL_IP4           4
#define PROTOCOL_TCP           6
#define PROTOCOL_UDP           17
#define PROTOCOL_IP6           41
#define PROTOCOL_ROUTING       43
#define PROTOCOL_FRAGMENT      44
#define PROTOCOL_GRE           47
#define PROTOCOL_AUTHENTICATED 51
#define PROTOCOL_DESTINATION   60
#define PROTOCOL_MOBILITY      135
#define PROTOCOL_MPLS          137
#define PROTOCOL_HIP           139
#define PROTOCOL_SHIM6         140

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static void set_addresses(struct endpoints *endpoints, uint8_t version, const uint8_t *source, uint32_t size)
{
    endpoints->ip_version = version;
    if (version == 4) {
        memcpy(endpoints->source.bytes, mapped_prefix, sizeof(mapped_prefix));
        memcpy(endpoints->destination.bytes, mapped_prefix, sizeof(mapped_prefix));
    }
    memcpy(endpoints->source.bytes + 16 - size, source, size);
    memcpy(endpoints->destination.bytes + 16 - size, source + size, size);
}

/* Hands a fragment in; goes on behind the IP header when that makes a datagram whole. */
static enum net_walk_step net_walk_fragment(struct net_walk *walk, struct net_fragment *fragment)
{
    struct net_packet *packet = walk->packet;
    if (walk->missing)
        return net_walk_settle(walk, LEDGER_TRUNCATED);
    fragment->key.source = packet->endpoints.source;
    fragment->key.destination = packet->endpoints.destination;
    fragment->key.domain = packet->domain;
    fragment->key.version = packet->endpoints.ip_version;
    fragment->data = walk->at;
    fragment->size = net_walk_left(walk);
    fragment->packets = packet->packets;
    fragment->bytes = packet->bytes;
    fragment->time_ns = packet->time_ns;
    fragment->flags = packet->flags;

    struct net_fragment_whole whole;
    switch (net_fragment_table_add(&walk->decoder->fragments, walk->ledger, fragment, &whole)) {
    case FRAGMENT_HELD:
        return WALK_HELD;
    case FRAGMENT_MALFORMED:
        return net_walk_settle(walk, LEDGER_MALFORMED);
    case FRAGMENT_REFUSED:
        return net_walk_settle(walk, LEDGER_FRAGMENT);
    case FRAGMENT_WHOLE:
        break;
    }
    walk->at = whole.data;
    walk->end = whole.data + whole.size;
    walk->protocol = whole.protocol;
    packet->packets = whole.packets;
    packet->bytes = whole.bytes;
    packet->flags = whole.flags;
    return WALK_PROTOCOL;
}

static void check_ip4_sum(struct net_walk *walk, const uint8_t *header, uint32_t size)
{
    if (walk->decoder->settings.checksum == NET_CHECKSUM_OFF ||
        net_checksum_fold(net_checksum_add(0, header, size)) == 0xffff)
        return;
    walk->packet->flags |= NET_IP_CHECKSUM_BAD;
    ledger_raise(&walk->decoder->counters[NET_COUNTER_IP_CHECKSUM_BAD], 1);
}

static enum net_walk_step net_walk_ip4(struct net_walk *walk)
{
    if (unlikely(!net_walk_has(walk, IP4_SIZE)))
        return net_walk_short(walk);
    const uint8_t *header = walk->at;
    uint32_t size = (header[0] & 0x0fu) * 4u;
    uint32_t total = read_u16(header + 2);
    if (unlikely(total == 0)) {
        /* Captured on a sending host before the NIC cut it into segments. */
        total = net_walk_left(walk) + walk->missing;
        walk->packet->flags |= NET_SIZE_ASSUMED;
    }
    if (unlikely(size < IP4_SIZE || total < size))
        return net_walk_settle(walk, LEDGER_MALFORMED);
    net_walk_limit(walk, total);
    if (unlikely(!net_walk_has(walk, size)))
        return net_walk_short(walk);
    check_ip4_sum(walk, header, size);
    set_addresses(&walk->packet->endpoints, 4, header + 12, 4);
    walk->guessed = false;
    walk->sum_unknown = false;
    walk->extensions = 0;
    walk->protocol = header[9];
    walk->at += size;

    uint16_t fragment_field = read_u16(header + 6);
    if (likely((fragment_field & IP4_FRAGMENT_MASK) == 0))
        return walk->protocol == PROTOCOL_TCP ? WALK_TCP : WALK_PROTOCOL;
    struct net_fragment fragment = {
        .key = {.id = read_u16(header + 4), .protocol = walk->protocol},
        .offset = (fragment_field & IP4_OFFSET_MASK) * FRAGMENT_UNIT,
        .size_max = FRAGMENT_DATAGRAM_MAX - size,
        .protocol = walk->protocol,
        .more = (fragment_field & IP4_MORE) != 0,
    };
    return net_walk_fragment(walk, &fragment);
}

static enum net_walk_step net_walk_ip6(struct net_walk *walk)
{
    if (unlikely(!net_walk_has(walk, IP6_SIZE)))
        return net_walk_short(walk);
    const uint8_t *header = walk->at;
    uint32_t size = read_u16(header + 4);
    set_addresses(&walk->packet->endpoints, 6, header + 8, 16);
    walk->guessed = false;
    walk->sum_unknown = false;
    walk->extensions = 0;
    walk->protocol = header[6];
    walk->at += IP6_SIZE;
    if (unlikely(size == 0)) {
        /* Segmentation offload again; a true jumbogram is longer than any frame of a mirror. */
        size = net_walk_left(walk) + walk->missing;
        walk->packet->flags |= NET_SIZE_ASSUMED;
    }
    net_walk_limit(walk, size);
    return walk->protocol == PROTOCOL_TCP ? WALK_TCP : WALK_PROTOCOL;
}

/* RFC 6946: "more" and offset both zero is a fragment header on a whole packet, and has nothing to do with others. */
static enum net_walk_step net_walk_ip6_fragment(struct net_walk *walk)
{
    if (!net_walk_has(walk, IP6_FRAGMENT_SIZE))
        return net_walk_short(walk);
    const uint8_t *header = walk->at;
    uint16_t field = read_u16(header + 2);
    walk->protocol = header[0];
    walk->at += IP6_FRAGMENT_SIZE;
    if ((field & (IP6_OFFSET_MASK | IP6_MORE)) == 0)
        return WALK_PROTOCOL;
    struct net_fragment fragment = {
        .key = {.id = read_u32(header + 4)},
        .offset = field & IP6_OFFSET_MASK,
        .size_max = FRAGMENT_DATAGRAM_MAX,
        .protocol = header[0],
        .more = (field & IP6_MORE) != 0,
    };
    return net_walk_fragment(walk, &fragment);
}

static enum net_walk_step skip_extension(struct net_walk *walk, uint32_t size, uint32_t size_min)
{
    if (size < size_min)
        return net_walk_settle(walk, LEDGER_MALFORMED);
    if (!net_walk_has(walk, size))
        return net_walk_short(walk);
    walk->protocol = walk->at[0];
    walk->at += size;
    return WALK_PROTOCOL;
}

static enum net_walk_step net_walk_extension(struct net_walk *walk)
{
    if (++walk->extensions > WALK_EXTENSIONS_MAX)
        return net_walk_settle(walk, LEDGER_MALFORMED);
    if (walk->protocol == PROTOCOL_FRAGMENT)
        return net_walk_ip6_fragment(walk);
    if (!net_walk_has(walk, 4))
        return net_walk_short(walk);
    if (walk->protocol == PROTOCOL_AUTHENTICATED)
        return skip_extension(walk, (walk->at[1] + 2u) * 4u, AUTHENTICATION_SIZE); /* RFC 4302 2.2 */
    if (walk->protocol == PROTOCOL_ROUTING && walk->at[3] != 0)
        walk->sum_unknown = true; /* RFC 8200 8.1: the sum is over the final destination, which is inside */
    return skip_extension(walk, (walk->at[1] + 1u) * 8u, 8);
}

static enum net_walk_step net_walk_inner_ip(struct net_walk *walk, uint8_t version)
{
    return net_walk_enter(walk, TUNNEL_IP, 0) ? net_walk_to_ip(walk, version) : WALK_SETTLED;
}

enum net_walk_step net_walk_protocol(struct net_walk *walk)
{
    switch (walk->protocol) {
    case PROTOCOL_TCP:
        return WALK_TCP;
    case PROTOCOL_UDP:
        return net_walk_udp(walk);
    case PROTOCOL_IP4:
        return net_walk_inner_ip(walk, 4);
    case PROTOCOL_IP6:
        return net_walk_inner_ip(walk, 6);
    case PROTOCOL_GRE:
        return net_walk_gre(walk);
    case PROTOCOL_MPLS:
        return net_walk_mpls(walk);
    case PROTOCOL_AUTHENTICATED:
        return net_walk_extension(walk);
    case PROTOCOL_HOP_BY_HOP:
    case PROTOCOL_ROUTING:
    case PROTOCOL_FRAGMENT:
    case PROTOCOL_DESTINATION:
    case PROTOCOL_MOBILITY:
    case PROTOCOL_HIP:
    case PROTOCOL_SHIM6:
        if (walk->packet->endpoints.ip_version == 6)
            return net_walk_extension(walk);
        return net_walk_settle(walk, LEDGER_NOT_TCP);
    default:
        return net_walk_settle(walk, LEDGER_NOT_TCP);
    }
}

enum net_walk_step net_walk_ip(struct net_walk *walk)
{
    if (unlikely(!net_walk_has(walk, 1)))
        return net_walk_short(walk);
    uint8_t version = walk->at[0] >> 4;
    if (likely(version == 4))
        return net_walk_ip4(walk);
    return version == 6 ? net_walk_ip6(walk) : net_walk_settle(walk, LEDGER_MALFORMED);
}

bool net_walk_resembles_ip(const struct net_walk *walk, uint32_t offset)
{
    if (!net_walk_has(walk, offset + IP4_SIZE))
        return false;
    const uint8_t *header = walk->at + offset;
    if (header[0] >> 4 == 4) {
        uint32_t size = (header[0] & 0x0fu) * 4u;
        return size >= IP4_SIZE && net_walk_has(walk, offset + size) &&
               net_checksum_fold(net_checksum_add(0, header, size)) == 0xffff;
    }
    if (header[0] >> 4 != 6 || !net_walk_has(walk, offset + IP6_SIZE))
        return false;
    uint32_t announced = offset + IP6_SIZE + read_u16(header + 4);
    return announced <= net_walk_left(walk) + walk->missing;
}
