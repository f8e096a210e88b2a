/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tunnels over IP: GRE with NVGRE and ERSPAN, and the ones that a UDP port announces. A port proves nothing, so each
 * UDP tunnel is opened only when its header is sound, and what then proves unreadable counts as some other UDP
 * protocol.
 */

#include "net/walk.h"

#define GRE_CHECKSUM         0x8000
#define GRE_ROUTING          0x4000 /* RFC 1701; RFC 2784 has receivers discard it */
#define GRE_KEY              0x2000
#define GRE_SEQUENCE         0x1000
#define GRE_VERSION_MASK     0x0007
#define GRE_VERSION_PPTP     1
#define GRE_PPP              0x880b
#define GRE_WCCP             0x883e
#define GRE_BRIDGED_ETHERNET 0x6558
#define GRE_ERSPAN           0x88be
#define GRE_ERSPAN3          0x22eb

#define ERSPAN2_SIZE         8u
#define ERSPAN3_SIZE         12u
#define ERSPAN3_EXTRA_SIZE   8u
#define ERSPAN_SESSION_MASK  0x03ff
#define ERSPAN_TYPE_ETHERNET 0
#define ERSPAN_TYPE_IP       2

#define UDP_SIZE            8u
#define VXLAN_SIZE          8u
#define VXLAN_VNI_VALID     0x08000000u
#define VXLAN_GROUP         0x80000000u /* group-based policy: a policy id in the low 16 bits, two flags above it */
#define VXLAN_GROUP_ALL     0x8048ffffu
#define VXLAN_GPE_PORT      4790
#define GPE_NEXT            0x04 /* next-protocol field valid */
#define GPE_OAM             0x01
#define GPE_IP4             1
#define GPE_IP6             2
#define GPE_ETHERNET        3
#define GPE_MPLS            5
#define GENEVE_PORT         6081
#define GENEVE_SIZE         8u
#define GENEVE_CONTROL      0x80
#define GTPU_PORT           2152
#define GTPU_SIZE           8u
#define GTPU_VERSION        0x30 /* version 1, protocol type GTP */
#define GTPU_EXTRA          0x07 /* extension, sequence or N-PDU flag: all bring the same four bytes */
#define GTPU_EXTENSION      0x04
#define GTPU_DATA           0xff /* message type G-PDU */
#define GTPU_EXTENSIONS_MAX 8    /* TS 29.281 defines six kinds */

#define TYPE_IP4  0x0800
#define TYPE_IP6  0x86dd
#define TYPE_MPLS 0x8847

/* draft-foschiano-erspan: I has no header and no GRE sequence, II is version 1, III is version 2. */
static enum net_walk_step net_walk_erspan(struct net_walk *walk, bool has_header)
{
    if (!has_header)
        return net_walk_enter(walk, TUNNEL_ERSPAN, 0) ? WALK_ETHERNET : WALK_SETTLED;
    if (!net_walk_has(walk, ERSPAN2_SIZE))
        return net_walk_short(walk);
    const uint8_t *header = walk->at;
    uint8_t version = header[0] >> 4;
    if (version != 1 && version != 2)
        return net_walk_settle(walk, LEDGER_MALFORMED);
    if (!net_walk_enter(walk, TUNNEL_ERSPAN, read_u16(header + 2) & ERSPAN_SESSION_MASK))
        return WALK_SETTLED;
    if (version == 1) {
        walk->at += ERSPAN2_SIZE;
        return WALK_ETHERNET;
    }
    if (!net_walk_has(walk, ERSPAN3_SIZE))
        return net_walk_short(walk);
    uint32_t size = ERSPAN3_SIZE + (header[11] & 1 ? ERSPAN3_EXTRA_SIZE : 0);
    if (!net_walk_has(walk, size))
        return net_walk_short(walk);
    uint8_t type = (header[10] >> 2) & 0x1f;
    walk->at += size;
    if (type == ERSPAN_TYPE_ETHERNET)
        return WALK_ETHERNET;
    return type == ERSPAN_TYPE_IP ? WALK_IP : net_walk_settle(walk, LEDGER_NOT_IP);
}

/* RFC 7637: a key, and neither checksum nor sequence; the low byte of the key is a flow's hash, not an identity. */
static bool is_nvgre(uint16_t flags, uint16_t type)
{
    return type == GRE_BRIDGED_ETHERNET && (flags & (GRE_CHECKSUM | GRE_KEY | GRE_SEQUENCE)) == GRE_KEY;
}

static enum net_walk_step net_walk_gre_payload(struct net_walk *walk, uint16_t flags, uint16_t type, uint32_t key)
{
    if (type == GRE_ERSPAN || type == GRE_ERSPAN3)
        return net_walk_erspan(walk, type == GRE_ERSPAN3 || (flags & GRE_SEQUENCE) != 0);
    bool entered =
        is_nvgre(flags, type) ? net_walk_enter(walk, TUNNEL_NVGRE, key >> 8) : net_walk_enter(walk, TUNNEL_GRE, key);
    if (!entered)
        return WALK_SETTLED;
    if (type == GRE_PPP)
        return net_walk_settle(walk, LEDGER_NOT_TCP);
    if (type != GRE_WCCP)
        return net_walk_to_type(walk, 0, type);
    /* Web-cache redirection: version 2 puts four bytes before the IP header, version 1 none. */
    if (net_walk_has(walk, 5) && walk->at[0] >> 4 != 4)
        walk->at += 4;
    return WALK_IP;
}

enum net_walk_step net_walk_gre(struct net_walk *walk)
{
    if (!net_walk_has(walk, 4))
        return net_walk_short(walk);
    uint16_t flags = read_u16(walk->at);
    uint16_t type = read_u16(walk->at + 2);
    if ((flags & GRE_VERSION_MASK) == GRE_VERSION_PPTP)
        return net_walk_settle(walk, LEDGER_NOT_TCP); /* PPP, most often compressed and encrypted */
    if (flags & (GRE_VERSION_MASK | GRE_ROUTING))
        return net_walk_settle(walk, LEDGER_MALFORMED);
    uint32_t key_offset = flags & GRE_CHECKSUM ? 8 : 4;
    uint32_t size = key_offset + (flags & GRE_KEY ? 4 : 0) + (flags & GRE_SEQUENCE ? 4 : 0);
    if (!net_walk_has(walk, size))
        return net_walk_short(walk);
    uint32_t key = flags & GRE_KEY ? read_u32(walk->at + key_offset) : 0;
    walk->at += size;
    return net_walk_gre_payload(walk, flags, type, key);
}

/* RFC 7348. A reserved bit that is set is ignored as it demands only where the inside is beyond doubt. */
static enum net_walk_step net_walk_vxlan(struct net_walk *walk)
{
    if (!net_walk_has(walk, VXLAN_SIZE))
        return walk->missing ? net_walk_short(walk) : net_walk_settle(walk, LEDGER_NOT_TCP);
    uint32_t flags = read_u32(walk->at);
    uint32_t allowed = VXLAN_VNI_VALID | (flags & VXLAN_GROUP ? VXLAN_GROUP_ALL : 0);
    bool sound = (flags & ~allowed) == 0 && walk->at[7] == 0;
    if (!(flags & VXLAN_VNI_VALID) || (!sound && !net_walk_resembles_ethernet(walk, VXLAN_SIZE)))
        return net_walk_settle(walk, LEDGER_NOT_TCP);
    if (!net_walk_enter(walk, TUNNEL_VXLAN, read_u24(walk->at + 4)))
        return WALK_SETTLED;
    walk->at += VXLAN_SIZE;
    return WALK_ETHERNET;
}

/* draft-ietf-nvo3-vxlan-gpe: VXLAN with a next-protocol field. */
static enum net_walk_step net_walk_vxlan_gpe(struct net_walk *walk)
{
    if (!net_walk_has(walk, VXLAN_SIZE))
        return walk->missing ? net_walk_short(walk) : net_walk_settle(walk, LEDGER_NOT_TCP);
    uint8_t flags = walk->at[0];
    uint8_t next = flags & GPE_NEXT ? walk->at[3] : GPE_ETHERNET;
    if (!(flags & (VXLAN_VNI_VALID >> 24)) || flags & GPE_OAM)
        return net_walk_settle(walk, LEDGER_NOT_TCP);
    if (next != GPE_IP4 && next != GPE_IP6 && next != GPE_ETHERNET && next != GPE_MPLS)
        return net_walk_settle(walk, LEDGER_NOT_TCP);
    if (!net_walk_enter(walk, TUNNEL_VXLAN, read_u24(walk->at + 4)))
        return WALK_SETTLED;
    walk->at += VXLAN_SIZE;
    if (next == GPE_ETHERNET)
        return WALK_ETHERNET;
    return next == GPE_MPLS ? net_walk_mpls(walk) : net_walk_to_ip(walk, next == GPE_IP4 ? 4 : 6);
}

/* RFC 8926. Options are skipped; control messages carry none of the tenant's packets. */
static enum net_walk_step net_walk_geneve(struct net_walk *walk)
{
    if (!net_walk_has(walk, GENEVE_SIZE))
        return walk->missing ? net_walk_short(walk) : net_walk_settle(walk, LEDGER_NOT_TCP);
    const uint8_t *header = walk->at;
    uint32_t size = GENEVE_SIZE + (header[0] & 0x3fu) * 4u;
    uint16_t type = read_u16(header + 2);
    if (header[0] >> 6 != 0 || header[1] & GENEVE_CONTROL)
        return net_walk_settle(walk, LEDGER_NOT_TCP);
    if (type != GRE_BRIDGED_ETHERNET && type != TYPE_IP4 && type != TYPE_IP6 && type != TYPE_MPLS)
        return net_walk_settle(walk, LEDGER_NOT_TCP);
    if (!net_walk_has(walk, size))
        return net_walk_short(walk);
    if (!net_walk_enter(walk, TUNNEL_GENEVE, read_u24(header + 4)))
        return WALK_SETTLED;
    return net_walk_to_type(walk, size, type);
}

static bool skip_gtpu_extensions(struct net_walk *walk, uint8_t kind)
{
    for (uint32_t i = 0; i < GTPU_EXTENSIONS_MAX && kind != 0; i++) {
        if (!net_walk_has(walk, 4))
            return false;
        uint32_t size = walk->at[0] * 4u;
        if (size == 0 || !net_walk_has(walk, size))
            return false;
        kind = walk->at[size - 1];
        walk->at += size;
    }
    return kind == 0;
}

/* TS 29.281 5.1. Ethernet sessions of 5G are not told apart from noise, so only IP is opened. */
static enum net_walk_step net_walk_gtpu(struct net_walk *walk)
{
    if (!net_walk_has(walk, GTPU_SIZE))
        return walk->missing ? net_walk_short(walk) : net_walk_settle(walk, LEDGER_NOT_TCP);
    uint8_t flags = walk->at[0];
    uint32_t endpoint = read_u32(walk->at + 4);
    if ((flags & 0xf0) != GTPU_VERSION || walk->at[1] != GTPU_DATA)
        return net_walk_settle(walk, LEDGER_NOT_TCP);
    uint32_t size = read_u16(walk->at + 2);
    walk->at += GTPU_SIZE;
    net_walk_limit(walk, size);
    if (flags & GTPU_EXTRA) {
        if (!net_walk_has(walk, 4))
            return net_walk_short(walk);
        uint8_t kind = flags & GTPU_EXTENSION ? walk->at[3] : 0;
        walk->at += 4;
        if (!skip_gtpu_extensions(walk, kind))
            return net_walk_short(walk);
    }
    if (!net_walk_has(walk, 1))
        return net_walk_short(walk);
    uint8_t version = walk->at[0] >> 4;
    if (version != 4 && version != 6)
        return net_walk_settle(walk, LEDGER_NOT_TCP);
    return net_walk_enter(walk, TUNNEL_GTPU, endpoint) ? WALK_IP : WALK_SETTLED;
}

static bool is_vxlan_port(const struct net_settings *settings, uint16_t port)
{
    for (uint32_t i = 0; i < settings->vxlan_port_count; i++)
        if (settings->vxlan_ports[i] == port)
            return true;
    return false;
}

/*
 * What shares a port with DTLS and QUIC is told apart by the first byte (RFC 9443 2): 20 to 63 DTLS, 64 to 127 and 192
 * up QUIC. Others are no matter of ours and stay out of the way of TCP.
 */
static bool may_be_encrypted(uint8_t first)
{
    return (first >= 20 && first <= 127) || first >= 192;
}

/* A datagram that carries no tunnel. */
static enum net_walk_step net_walk_datagram(struct net_walk *walk, uint32_t size)
{
    struct net_packet *packet = walk->packet;
    if (!walk->decoder->settings.datagrams || !net_walk_has(walk, UDP_SIZE + 1) ||
        !may_be_encrypted(walk->at[UDP_SIZE]) || (size != 0 && size <= UDP_SIZE))
        return net_walk_settle(walk, LEDGER_NOT_TCP);
    if (size != 0)
        net_walk_limit(walk, size);
    packet->endpoints.source_port = read_u16(walk->at);
    packet->endpoints.destination_port = read_u16(walk->at + 2);
    packet->flags |= NET_DATAGRAM;
    packet->payload = span_of(walk->at + UDP_SIZE, net_walk_left(walk) - UDP_SIZE);
    packet->payload_missing = walk->missing;
    return WALK_READY;
}

enum net_walk_step net_walk_udp(struct net_walk *walk)
{
    if (!net_walk_has(walk, UDP_SIZE))
        return net_walk_short(walk);
    uint16_t port = read_u16(walk->at + 2);
    uint32_t size = read_u16(walk->at + 4);
    bool vxlan = is_vxlan_port(&walk->decoder->settings, port);
    if (!vxlan && port != VXLAN_GPE_PORT && port != GENEVE_PORT && port != GTPU_PORT)
        return net_walk_datagram(walk, size);
    if (size != 0) { /* 0: a jumbogram or offload; the IP length rules */
        if (size < UDP_SIZE)
            return net_walk_settle(walk, LEDGER_NOT_TCP);
        net_walk_limit(walk, size);
    }
    walk->at += UDP_SIZE;
    walk->guessed = true;
    if (vxlan)
        return net_walk_vxlan(walk);
    if (port == GENEVE_PORT)
        return net_walk_geneve(walk);
    return port == GTPU_PORT ? net_walk_gtpu(walk) : net_walk_vxlan_gpe(walk);
}
