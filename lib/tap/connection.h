/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Connection (private to tap)
 *
 * What the doctor remembers of one connection: how far each side's stream was seen and how far it was acknowledged. An
 * acknowledgement is the receiver's word for bytes that the tap should have shown before.
 *
 * Limits:  of the holes in a stream only the newest is watched, so losses are counted too low, never too high.
 * Source:  RFC 9293 3.4 (sequence numbers), 7323 (timestamps).
 */

#include "base/arena.h"
#include "net/net_packet.h"
#include "tap/clock.h"
#include "tap/server.h"
#include "tap/tally.h"

struct tap_side {
    uint64_t last_ns;       /* of its last packet */
    uint64_t beyond_ns;     /* since when more is acknowledged than was seen */
    uint64_t hole_acked_ns; /* since when the hole is acknowledged */
    uint32_t initial;       /* sequence number of its SYN */
    uint32_t end;           /* behind the last byte seen */
    uint32_t acked;         /* highest acknowledgement of the peer */
    uint32_t hole_start, hole_end;
    uint32_t timestamp;
    uint32_t tags; /* VLAN ids, outermost first, twelve bits each */
    uint16_t queue;
    uint16_t packets; /* stays at its maximum, as the next two */
    uint16_t sums_good, sums_bad;
    uint16_t flags; /* enum tap_side_flag */
};

enum tap_side_flag {
    TAP_SIDE_STARTED = 1u << 0,         /* `end` is known */
    TAP_SIDE_SYN = 1u << 1,             /* `initial` is known */
    TAP_SIDE_ACKED = 1u << 2,           /* `acked` is known */
    TAP_SIDE_BEYOND = 1u << 3,          /* `acked` is beyond `end` */
    TAP_SIDE_BEYOND_TOLD = 1u << 10,    /* ... and the first of the bytes between came late */
    TAP_SIDE_HOLE = 1u << 4,            /* bytes are missing before `end` */
    TAP_SIDE_HOLE_ACKED = 1u << 5,      /* ... and the peer has them */
    TAP_SIDE_HOLE_BEFORE = 1u << 11,    /* ... since some time before it was seen to be one */
    TAP_SIDE_TIMESTAMP = 1u << 6,       /* `timestamp` is known */
    TAP_SIDE_TIMESTAMP_MOVES = 1u << 7, /* ... and has changed before */
    TAP_SIDE_TAGS_VARY = 1u << 8,
    TAP_SIDE_QUEUE_VARIES = 1u << 9,
};

struct tap_connection {
    uint64_t hash;
    uint64_t server_hash;
    uint64_t last_ns;
    uint8_t client; /* index of the client's side */
    bool one_way;   /* the unseen side was heard of: counted as such */
    struct tap_side sides[2];
} CACHE_ALIGNED;

static_assert(sizeof(struct tap_connection) == 192, "three cache lines");

/* What the connections share. */
struct tap_context {
    struct tap_tally tally;
    struct tap_clock clock;
    struct tap_server *servers;
};

/* The VLAN ids of a packet as one number; 0: none. */
uint32_t tap_connection_tags(const struct net_packet *packet);

/* A connection begins with this packet, sent by `side`. `server_hashes` are those of both its ends, by side. */
void tap_connection_open(struct tap_connection *connection, const struct net_packet *packet, uint32_t side,
                         const uint64_t server_hashes[2], uint64_t hash);

/* The packet opens another connection between the same ports. */
bool tap_connection_reused(const struct tap_connection *connection, const struct net_packet *packet, uint32_t side);

void tap_connection_packet(struct tap_context *context, struct tap_connection *connection,
                           const struct net_packet *packet, uint32_t side, uint32_t tags);

/* A copy of a packet came: where it came another way, tags and queue say nothing about directions. */
void tap_connection_copied(struct tap_connection *connection, const struct net_packet *packet, uint32_t side,
                           bool other_tags);

/* Adds what is known at its end, or so far. */
void tap_connection_judge(const struct tap_connection *connection, uint64_t now_ns, struct tap_tally *tally);
