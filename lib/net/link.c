/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Link layers: what a frame begins with, and what an EtherType leads to. VLAN tags, MPLS labels and PPPoE sessions are
 * kept as tunnels because networks reuse addresses behind them.
 */

#include "net/walk.h"

#define ETHERNET_SIZE          14u
#define ETHERNET_TYPE_OFFSET   12u
#define ETHERNET_LENGTH_MAX    1500u /* up to here the field is a length (IEEE 802.3 3.2.6) */
#define ETHERNET_TYPE_MIN      0x0600u
#define TYPE_IP4               0x0800
#define TYPE_ARP               0x0806
#define TYPE_VLAN              0x8100
#define TYPE_IP6               0x86dd
#define TYPE_MPLS              0x8847
#define TYPE_MPLS_UPSTREAM     0x8848
#define TYPE_PPPOE_SESSION     0x8864
#define TYPE_SERVICE_VLAN      0x88a8
#define TYPE_QINQ_OLD          0x9100 /* before 802.1ad had a number; still a default of some switches */
#define TYPE_BRIDGED_ETHERNET  0x6558 /* Ethernet within GRE and the like */
#define VLAN_TAG_SIZE          4u
#define VLAN_ID_MASK           0x0fff
#define MPLS_LABEL_SIZE        4u
#define MPLS_BOTTOM            0x100u
#define MPLS_CONTROL_WORD_SIZE 4u
#define PPPOE_SIZE             6u
#define PPPOE_VERSION_TYPE     0x11
#define PPP_IP4                0x0021
#define PPP_IP6                0x0057
#define PPP_MPLS               0x0281
#define COOKED_SIZE            16u
#define COOKED2_SIZE           20u
#define COOKED_PROTOCOL_LLC    0x0004 /* Linux ETH_P_802_2 */
#define ARPHRD_NETLINK         824    /* no network packet at all */
#define NULL_SIZE              4u
#define NULL_FAMILY_IP4        2u

/* The address family of IPv6 differs by system: Linux 10, Windows 23, NetBSD and OpenBSD 24, FreeBSD 28, Darwin 30. */
static bool is_family_ip6(uint32_t family)
{
    return family == 10 || family == 23 || family == 24 || family == 28 || family == 30;
}

/* IEEE 802.2 with SNAP, or IP straight on LLC. Everything else there is spanning tree, IS-IS, vendor discovery. */
static enum net_walk_step net_walk_llc(struct net_walk *walk)
{
    if (!net_walk_has(walk, 3))
        return net_walk_settle(walk, LEDGER_NOT_IP);
    const uint8_t *at = walk->at;
    if (at[0] == 0x06 && at[1] == 0x06 && at[2] == 0x03) {
        walk->at += 3;
        return net_walk_to_ip(walk, 4);
    }
    if (at[0] != 0xaa || at[1] != 0xaa || at[2] != 0x03)
        return net_walk_settle(walk, LEDGER_NOT_IP);
    if (!net_walk_has(walk, 8))
        return net_walk_short(walk);
    if (read_u24(at + 3) != 0)
        return net_walk_settle(walk, LEDGER_NOT_IP);
    return net_walk_to_type(walk, 8, read_u16(at + 6));
}

static enum net_walk_step net_walk_cooked(struct net_walk *walk, uint32_t size, uint16_t device, uint16_t protocol)
{
    walk->at += size;
    if (device == ARPHRD_NETLINK)
        return net_walk_settle(walk, LEDGER_NOT_IP);
    if (protocol == COOKED_PROTOCOL_LLC)
        return net_walk_llc(walk);
    return net_walk_to_type(walk, 0, protocol);
}

static enum net_walk_step net_walk_null(struct net_walk *walk, bool network_order)
{
    if (!net_walk_has(walk, NULL_SIZE))
        return net_walk_short(walk);
    uint32_t family = read_u32(walk->at);
    if (!network_order && family > UINT16_MAX)
        family = __builtin_bswap32(family); /* families are small numbers, so the capturing machine's order shows */
    walk->at += NULL_SIZE;
    if (family == NULL_FAMILY_IP4)
        return net_walk_to_ip(walk, 4);
    return is_family_ip6(family) ? net_walk_to_ip(walk, 6) : net_walk_settle(walk, LEDGER_NOT_IP);
}

static enum net_walk_step net_walk_vlan(struct net_walk *walk)
{
    if (!net_walk_has(walk, VLAN_TAG_SIZE))
        return net_walk_short(walk);
    if (!net_walk_enter(walk, TUNNEL_VLAN, read_u16(walk->at) & VLAN_ID_MASK))
        return WALK_SETTLED;
    uint16_t type = read_u16(walk->at + 2);
    walk->at += VLAN_TAG_SIZE;
    if (type > ETHERNET_LENGTH_MAX)
        return net_walk_to_type(walk, 0, type);
    net_walk_limit(walk, type);
    return net_walk_llc(walk);
}

static enum net_walk_step net_walk_pppoe(struct net_walk *walk)
{
    if (!net_walk_has(walk, PPPOE_SIZE + 1))
        return net_walk_short(walk);
    const uint8_t *at = walk->at;
    if (at[0] != PPPOE_VERSION_TYPE || at[1] != 0)
        return net_walk_settle(walk, LEDGER_MALFORMED);
    if (!net_walk_enter(walk, TUNNEL_PPPOE, read_u16(at + 2)))
        return WALK_SETTLED;
    walk->at += PPPOE_SIZE;
    net_walk_limit(walk, read_u16(at + 4));
    if (!net_walk_has(walk, 2))
        return net_walk_short(walk);
    /* An odd first byte is a protocol number compressed to one byte (RFC 1661 6.5). */
    uint32_t size = walk->at[0] & 1 ? 1 : 2;
    uint16_t protocol = size == 1 ? walk->at[0] : read_u16(walk->at);
    walk->at += size;
    if (protocol == PPP_IP4 || protocol == PPP_IP6)
        return net_walk_to_ip(walk, protocol == PPP_IP4 ? 4 : 6);
    return protocol == PPP_MPLS ? net_walk_mpls(walk) : net_walk_settle(walk, LEDGER_NOT_IP);
}

/*
 * MPLS does not say what it carries. IP is recognised by its version; an Ethernet pseudo-wire (RFC 4448), with or
 * without control word, only when there is a sound IP or ARP header within it. (So not one straight within another.)
 */
static enum net_walk_step guess_below_mpls(struct net_walk *walk)
{
    if (!net_walk_has(walk, 1))
        return net_walk_short(walk);
    uint8_t nibble = walk->at[0] >> 4;
    if (net_walk_resembles_ip(walk, 0))
        return WALK_IP;
    /* Without control word first: behind a tag such a frame would pass for one with it, hardly the other way round. */
    if (net_walk_resembles_ethernet(walk, 0))
        return WALK_ETHERNET;
    if (nibble == 0 && net_walk_resembles_ethernet(walk, MPLS_CONTROL_WORD_SIZE)) {
        walk->at += MPLS_CONTROL_WORD_SIZE;
        return WALK_ETHERNET;
    }
    return nibble == 4 || nibble == 6 ? WALK_IP : net_walk_settle(walk, LEDGER_NOT_IP);
}

enum net_walk_step net_walk_mpls(struct net_walk *walk)
{
    for (uint32_t i = 0; i <= NET_LAYERS_MAX; i++) {
        if (!net_walk_has(walk, MPLS_LABEL_SIZE))
            return net_walk_short(walk);
        uint32_t entry = read_u32(walk->at);
        if (!net_walk_enter(walk, TUNNEL_MPLS, entry >> 12))
            return WALK_SETTLED;
        walk->at += MPLS_LABEL_SIZE;
        if (entry & MPLS_BOTTOM)
            return guess_below_mpls(walk);
    }
    return net_walk_settle(walk, LEDGER_TUNNEL_DEPTH);
}

/* The offset behind a label stack, 0 when it has no bottom here. */
static uint32_t pass_labels(const struct net_walk *walk, uint32_t offset)
{
    for (uint32_t i = 0; i < NET_LAYERS_MAX && net_walk_has(walk, offset + MPLS_LABEL_SIZE); i++) {
        offset += MPLS_LABEL_SIZE;
        if (read_u32(walk->at + offset - MPLS_LABEL_SIZE) & MPLS_BOTTOM)
            return offset;
    }
    return 0;
}

bool net_walk_resembles_ethernet(const struct net_walk *walk, uint32_t offset)
{
    offset += ETHERNET_TYPE_OFFSET;
    for (uint32_t tags = 0; tags <= NET_LAYERS_MAX && net_walk_has(walk, offset + 4); tags++) {
        const uint8_t *at = walk->at + offset;
        switch (read_u16(at)) {
        case TYPE_ARP:
            return read_u16(at + 2) == 1; /* hardware type Ethernet */
        case TYPE_IP4:
            return at[2] >> 4 == 4 && net_walk_resembles_ip(walk, offset + 2);
        case TYPE_IP6:
            return at[2] >> 4 == 6 && net_walk_resembles_ip(walk, offset + 2);
        case TYPE_MPLS:
            offset = pass_labels(walk, offset + 2);
            return offset && net_walk_resembles_ip(walk, offset);
        case TYPE_PPPOE_SESSION:
            return read_u16(at + 2) == PPPOE_VERSION_TYPE << 8 &&
                   net_walk_resembles_ip(walk, offset + 2 + PPPOE_SIZE + 2);
        case TYPE_VLAN:
        case TYPE_SERVICE_VLAN:
        case TYPE_QINQ_OLD:
            offset += VLAN_TAG_SIZE;
            break;
        default:
            return false;
        }
    }
    return false;
}

enum net_walk_step net_walk_ethernet(struct net_walk *walk)
{
    if (unlikely(!net_walk_has(walk, ETHERNET_SIZE)))
        return net_walk_short(walk);
    uint16_t type = read_u16(walk->at + ETHERNET_TYPE_OFFSET);
    walk->at += ETHERNET_SIZE;
    if (likely(type >= ETHERNET_TYPE_MIN))
        return net_walk_to_type(walk, 0, type);
    if (type > ETHERNET_LENGTH_MAX)
        return net_walk_settle(walk, LEDGER_NOT_IP); /* neither length nor type */
    net_walk_limit(walk, type);
    return net_walk_llc(walk);
}

enum net_walk_step net_walk_ethertype(struct net_walk *walk)
{
    switch (walk->type) {
    case TYPE_IP4:
        return net_walk_to_ip(walk, 4);
    case TYPE_IP6:
        return net_walk_to_ip(walk, 6);
    case TYPE_VLAN:
    case TYPE_SERVICE_VLAN:
    case TYPE_QINQ_OLD:
        return net_walk_vlan(walk);
    case TYPE_MPLS:
    case TYPE_MPLS_UPSTREAM:
        return net_walk_mpls(walk);
    case TYPE_PPPOE_SESSION:
        return net_walk_pppoe(walk);
    case TYPE_BRIDGED_ETHERNET:
        return WALK_ETHERNET;
    default:
        return net_walk_settle(walk, LEDGER_NOT_IP);
    }
}

enum net_walk_step net_walk_link(struct net_walk *walk, uint16_t link)
{
    switch (link) {
    case PACKET_LINK_ETHERNET:
        return WALK_ETHERNET;
    case PACKET_LINK_RAW_IP:
        return WALK_IP;
    case PACKET_LINK_LINUX_COOKED:
        if (!net_walk_has(walk, COOKED_SIZE))
            return net_walk_short(walk);
        return net_walk_cooked(walk, COOKED_SIZE, read_u16(walk->at + 2), read_u16(walk->at + 14));
    case PACKET_LINK_LINUX_COOKED2:
        if (!net_walk_has(walk, COOKED2_SIZE))
            return net_walk_short(walk);
        return net_walk_cooked(walk, COOKED2_SIZE, read_u16(walk->at + 8), read_u16(walk->at));
    case PACKET_LINK_NULL:
        return net_walk_null(walk, false);
    case PACKET_LINK_LOOP:
        return net_walk_null(walk, true);
    default:
        return net_walk_settle(walk, LEDGER_NOT_IP);
    }
}
