/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Endpoints
 *
 * Between whom a packet, flow or call went, and what it was wrapped in. Addresses are always 16 bytes: IPv4 is stored
 * as an IPv4-mapped IPv6 address (RFC 4291 2.5.5.2), so that one comparison and one hash serve both.
 */

#include "base/base.h"

#define TUNNELS_MAX 8 /* layers kept: a cloud mirror (VXLAN in GENEVE) of an overlay (VLAN, VXLAN, VLAN) is 5 */

enum tunnel_kind {
    TUNNEL_NONE,
    TUNNEL_VLAN,   /* id: VLAN id, 12 bits */
    TUNNEL_MPLS,   /* id: label, 20 bits */
    TUNNEL_PPPOE,  /* id: session id */
    TUNNEL_VXLAN,  /* id: VNI */
    TUNNEL_GENEVE, /* id: VNI */
    TUNNEL_GRE,    /* id: key, 0 when absent */
    TUNNEL_NVGRE,  /* id: VSID */
    TUNNEL_ERSPAN, /* id: session id */
    TUNNEL_IP,     /* IP-in-IP, 6in4 and the like; id 0 */
    TUNNEL_GTPU,   /* id: TEID */
    TUNNEL_KIND_COUNT
};

struct tunnel {
    uint32_t id;
    uint8_t kind; /* enum tunnel_kind */
};

/* "vlan", "vxlan" ... never NULL. */
const char *tunnel_kind_name(enum tunnel_kind kind);

struct address {
    uint8_t bytes[16];
};

struct endpoints {
    struct address source, destination;
    uint16_t source_port, destination_port; /* host byte order */
    uint8_t ip_version;                     /* 4 or 6 */
    uint8_t tunnel_count;
    struct tunnel tunnels[TUNNELS_MAX];     /* outermost first */
};

/* Client and server change places. */
static inline void endpoints_swap(struct endpoints *endpoints)
{
    struct address source = endpoints->source;
    uint16_t port = endpoints->source_port;
    endpoints->source = endpoints->destination;
    endpoints->source_port = endpoints->destination_port;
    endpoints->destination = source;
    endpoints->destination_port = port;
}

#define ADDRESS_TEXT_SIZE 46 /* INET6_ADDRSTRLEN */

/* Writes a terminated text, "192.0.2.1" or "2001:db8::1". Slow path. */
void address_print(const struct address *address, char text_out[ADDRESS_TEXT_SIZE]);

/* Reads either form. Returns 0 or -EINVAL. */
MUST_USE int address_parse(const char *text, struct address *address_out, uint8_t *ip_version_out);
