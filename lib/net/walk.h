/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Walk (private to net)
 *
 * The way of one frame through its layers. A step reads one header, moves the walk behind it and names the next step;
 * decode.c runs the steps, so nesting costs no stack and has one bound.
 *
 * Lengths: [at, end) are the bytes there are. `missing` is how many more the innermost length field announces. A header
 *          that does not fit is TRUNCATED when bytes are missing and MALFORMED when the announced bytes were all there.
 */

#include "net/decode.h"
#include "net/fragment.h"

#define WALK_STEPS_MAX                                                                                                 \
    64 /* five steps a layer (Ethernet, type, IP, UDP, tunnel) for NET_LAYERS_MAX and the innermost */
#define WALK_EXTENSIONS_MAX 16 /* IPv6 extension headers in a row: RFC 8200 names seven kinds; more is an attack */

enum net_walk_step {
    WALK_ETHERNET,
    WALK_ETHERTYPE, /* walk.type says which */
    WALK_IP,        /* version nibble decides */
    WALK_PROTOCOL,  /* walk.protocol says which */
    WALK_TCP,
    WALK_READY,   /* end: a TCP packet */
    WALK_SETTLED, /* end: walk.reason */
    WALK_HELD,    /* end: a fragment waiting */
};

struct net_decoder {
    struct net_settings settings;
    uint64_t counters[NET_COUNTER_COUNT];
    struct net_fragment_table fragments;
};

struct net_walk {
    const uint8_t *at, *end;
    uint32_t missing;
    uint16_t type;      /* EtherType */
    uint8_t protocol;   /* IP protocol */
    uint8_t extensions; /* headers skipped behind the current IP header */
    bool guessed;       /* inside a tunnel known by a UDP port only, before anything confirmed it */
    bool sum_unknown;   /* the TCP checksum covers an address that is not in the IP header */
    enum ledger_reason reason;
    struct net_packet *packet; /* out */
    struct net_decoder *decoder;
    struct ledger *ledger;
};

static inline uint16_t read_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t read_u24(const uint8_t *at)
{
    return (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
}

static inline uint32_t read_u32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return __builtin_bswap32(value);
}

static inline uint32_t net_walk_left(const struct net_walk *walk)
{
    return (uint32_t)(walk->end - walk->at);
}

static inline bool net_walk_has(const struct net_walk *walk, uint32_t size)
{
    return net_walk_left(walk) >= size;
}

static inline enum net_walk_step net_walk_settle(struct net_walk *walk, enum ledger_reason reason)
{
    /* Any application may use a tunnel's UDP port: bytes that make no sense as the tunnel are that application's. */
    walk->reason = reason == LEDGER_MALFORMED && walk->guessed ? LEDGER_NOT_TCP : reason;
    return WALK_SETTLED;
}

/* A header does not fit. */
static inline enum net_walk_step net_walk_short(struct net_walk *walk)
{
    return net_walk_settle(walk, walk->missing ? LEDGER_TRUNCATED : LEDGER_MALFORMED);
}

/*
 * A length field says that `size` bytes follow: what is behind them is padding. A size beyond the outer layer's own is
 * taken as a cut, for that is how mirrors truncate: the outer headers are made to fit, the inner ones are not.
 */
static inline void net_walk_limit(struct net_walk *walk, uint32_t size)
{
    uint32_t left = net_walk_left(walk);
    walk->missing = size > left ? size - left : 0;
    walk->end = size > left ? walk->end : walk->at + size;
}

static inline enum net_walk_step net_walk_to_type(struct net_walk *walk, uint32_t skip, uint16_t type)
{
    walk->at += skip;
    walk->type = type;
    return WALK_ETHERTYPE;
}

/* The layer outside said which version: a receiver takes no other. */
static inline enum net_walk_step net_walk_to_ip(struct net_walk *walk, uint8_t version)
{
    if (unlikely(!net_walk_has(walk, 1)))
        return net_walk_short(walk);
    return likely(walk->at[0] >> 4 == version) ? WALK_IP : net_walk_settle(walk, LEDGER_MALFORMED);
}

/* Notes a tunnel. False: nested too deep. */
bool net_walk_enter(struct net_walk *walk, enum tunnel_kind kind, uint32_t id);

/* The steps. */
enum net_walk_step net_walk_link(struct net_walk *walk, uint16_t link);
enum net_walk_step net_walk_ethernet(struct net_walk *walk);
enum net_walk_step net_walk_ethertype(struct net_walk *walk);
enum net_walk_step net_walk_ip(struct net_walk *walk);
enum net_walk_step net_walk_protocol(struct net_walk *walk);
enum net_walk_step net_walk_tcp(struct net_walk *walk);

/* Parts of steps that live in other files. */
enum net_walk_step net_walk_mpls(struct net_walk *walk);
enum net_walk_step net_walk_gre(struct net_walk *walk);
enum net_walk_step net_walk_udp(struct net_walk *walk);

/* Whether the bytes at `at` very probably begin an Ethernet frame with IP or ARP in it, or an IP header. */
bool net_walk_resembles_ethernet(const struct net_walk *walk, uint32_t offset);
bool net_walk_resembles_ip(const struct net_walk *walk, uint32_t offset);

/* Ones' complement sum (RFC 1071), not folded; in host byte order, which does not matter to the result being 0xffff. */
uint64_t net_checksum_add(uint64_t sum, const uint8_t *data, uint32_t size);

static inline uint16_t net_checksum_fold(uint64_t sum)
{
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    return (uint16_t)sum;
}
