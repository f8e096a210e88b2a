/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Fragment table (private to net)
 *
 * Puts IP fragments together. Bytes that arrived first are kept; a later fragment that says otherwise marks the
 * datagram as ambiguous, since receivers differ in which of the two they believe.
 *
 * Memory:  one slot a datagram, each with room for the largest one, so that a whole datagram lies in one piece and
 *          nothing is copied twice. Pages of a slot that no fragment reached are never touched.
 * Limits:  net_settings.fragment_datagrams and fragment_bytes; beyond them the oldest datagram is given up.
 */

#include "base/arena.h"
#include "base/hash.h"
#include "base/ledger.h"
#include "transaction/endpoints.h"

#define FRAGMENT_DATAGRAM_MAX 65535u /* RFC 791, RFC 8200: 16 bits of length */
#define FRAGMENT_UNIT         8u     /* offsets count these */
#define FRAGMENT_WORDS        (65536u / FRAGMENT_UNIT / 64u)

struct net_fragment_key {
    struct address source, destination;
    uint32_t domain;
    uint32_t id;
    uint32_t version;
    uint32_t protocol; /* IPv4 only: in IPv6 it is no part of the identity (RFC 8200 4.5) */
};

static_assert(sizeof(struct net_fragment_key) == 48, "hashed and compared as bytes: no padding");

struct net_fragment {
    struct net_fragment_key key;
    const uint8_t *data;
    uint32_t size;
    uint32_t offset;   /* bytes */
    uint32_t size_max; /* of the datagram's payload, given the header it will get */
    uint32_t packets;  /* weight in the ledger */
    uint32_t bytes;
    uint64_t time_ns;
    uint8_t protocol;
    uint8_t flags; /* enum net_packet_flag, of the packet so far */
    bool more;
};

/* What became of a fragment. */
enum net_fragment_fate {
    FRAGMENT_HELD,
    FRAGMENT_WHOLE,     /* *whole_out is filled; the table has let go of the weight */
    FRAGMENT_MALFORMED, /* no receiver takes it; not held */
    FRAGMENT_REFUSED,   /* no room; not held */
};

struct net_fragment_whole {
    const uint8_t *data; /* valid until net_fragment_table_release() */
    uint32_t size;
    uint32_t packets, bytes;
    uint8_t protocol;
    uint8_t flags;
};

struct net_fragment_slot;

struct net_fragment_table {
    struct net_fragment_slot *slots;
    uint32_t *buckets; /* first slot of the chain, by hash */
    uint32_t bucket_mask;
    uint32_t slot_count;
    uint32_t held_max; /* datagrams; the other slots serve those delivered within a burst */
    uint32_t held_count;
    uint32_t bytes_max;
    uint32_t bytes_held;
    uint64_t timeout_ns;
    uint32_t free_first;     /* given back */
    uint32_t fresh_next;     /* never used from here on */
    uint32_t oldest, newest; /* held ones in the order of their first fragment */
    uint32_t delivered;      /* slots whose bytes the current burst's packets point to */
    struct hash_key hash_key;
    uint64_t *counters; /* of the decoder */
};

size_t net_fragment_table_size(uint32_t datagrams);
MUST_USE int net_fragment_table_init(struct net_fragment_table *table, struct arena *arena, uint32_t datagrams,
                                     uint32_t bytes_max, uint64_t timeout_ns);

enum net_fragment_fate net_fragment_table_add(struct net_fragment_table *table, struct ledger *ledger,
                                              const struct net_fragment *fragment,
                                              struct net_fragment_whole *whole_out);

/* The bytes of delivered datagrams are no longer needed. */
void net_fragment_table_release(struct net_fragment_table *table);

/* Gives up datagrams begun more than the timeout before now_ns; UINT64_MAX: all. */
void net_fragment_table_expire(struct net_fragment_table *table, struct ledger *ledger, uint64_t now_ns);
