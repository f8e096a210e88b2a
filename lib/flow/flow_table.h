/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Flow table
 *
 * Takes TCP packets as they come from a tap, finds the flow of each, makes one where there is none, and gives the sink
 * both byte streams in order: each direction by sequence number, and between the directions so that no chunk is told
 * before the bytes its packet acknowledged. Every packet handed in is settled in the ledger exactly once.
 *
 * What becomes of a flow depends on its own packets and their times only (short of full pools), so that it does not
 * matter how flows are spread over workers nor how often flow_table_advance() is called.
 *
 * Memory:  all from the arena given to flow_table_new(), see flow_table_size(); none later.
 * Threads: one owner.
 * Limits:  the settings; when the table is full the least valuable flow goes, when a pool is full the bytes become a
 * hole; both are counted. Errors:  flow_table_new() returns -EINVAL or -ENOMEM. Traffic is never an error.
 */

#include "base/arena.h"
#include "base/hash.h"
#include "base/stage.h"
#include "flow/flow.h"

#define FLOW_MAX           (1u << 26)  /* flows a table: 64 million are 26 GB, more than a worker is given */
#define FLOW_HOLD_FLOW_MAX (64u << 20) /* a flow: the largest receive buffers of common systems are 6 to 64 MB */

struct net_packet;
struct flow_table;

enum flow_checksum_policy {
    FLOW_CHECKSUM_LEARN,  /* refuse a bad one from a side that has sent good ones: others leave them to their card */
    FLOW_CHECKSUM_ACCEPT, /* never look */
    FLOW_CHECKSUM_REFUSE, /* bad means "not delivered" */
};

enum flow_overlap_policy { FLOW_OVERLAP_FIRST, FLOW_OVERLAP_LAST };

struct flow_settings {
    uint32_t flow_max;        /* flows at the same time */
    uint64_t hold_bytes;      /* all flows: out-of-order and held-back bytes, in whole segments */
    uint32_t hold_flow_bytes; /* of them one flow may have */
    uint64_t keep_bytes;      /* all flows: delivered bytes kept until acknowledged; 0: none, nothing is compared */
    uint32_t keep_flow_bytes; /* of them one direction of one flow may have */
    uint64_t skew_window_ns;  /* how much later one tap port may be than the other */
    uint64_t hole_timeout_ns; /* one-way flows: nobody acknowledges, so a hole is given up after this */
    uint64_t half_open_timeout_ns;
    uint64_t established_timeout_ns;
    uint64_t closing_timeout_ns; /* after both FINs or a RST: late copies still find their flow */
    uint64_t evict_idle_ns;      /* a flow silent for less is not evicted, unless half-open, closing or one-way */
    enum flow_checksum_policy checksum_policy;
    enum flow_overlap_policy
        overlap_policy;          /* which bytes are delivered when two readings wait; always marked as well */
    bool midstream;              /* make flows for connections that began before us */
    struct stage_cycles *stages; /* where the owner counts cycles; NULL: nowhere */
};

struct flow_statistics {
    uint64_t created;
    uint64_t midstream;
    uint64_t ended[FLOW_END_COUNT]; /* flows removed, by the reason told, or that would have been */
    uint64_t evicted_half_open, evicted_closing, evicted_idle; /* closing ones had another reason already */
    uint64_t refused;                               /* packets that should have begun a flow in a full table */
    uint64_t ambiguous[FLOW_AMBIGUITY_COUNT];       /* flows marked, by reason */
    uint64_t held_segments;                         /* segments that had to wait */
    uint64_t retransmitted_bytes;                   /* payload seen again */
    uint64_t uncompared_bytes;                      /* of them neither acknowledged before nor kept, so not compared */
    uint32_t flows, flows_half_open, flows_closing; /* now */
    uint32_t hold_segments, keep_segments;          /* pool objects in use now */
};

/* Sensible settings for `flow_max` flows: every field may be changed afterwards. */
struct flow_settings flow_settings_default(uint32_t flow_max);

/* Arena bytes a table with these settings takes. */
size_t flow_table_size(const struct flow_settings *settings);

/* Everything given must outlive the table; `sink` is copied. */
MUST_USE int flow_table_new(struct flow_table **table_out, struct arena *arena, const struct flow_settings *settings,
                            struct ledger *ledger, const struct hash_key *key, const struct flow_sink *sink);

/*
 * How many of up to PACKET_BURST_MAX packets belong to flows of the table, found in the way of flow_table_packets():
 * for measurements. Nothing changes.
 */
uint32_t flow_table_find_all(const struct flow_table *table, const struct net_packet *packets, uint32_t count);

/* Works through packets of TCP, in this order. Each was received in the ledger before, and is settled or pending after.
 */
void flow_table_packets(struct flow_table *table, const struct net_packet *packets, uint32_t count);

/* Time goes on: `now_ns` is the latest net_packet_clock(), or later. Bounded work a call; call it once a burst or so.
 */
void flow_table_advance(struct flow_table *table, uint64_t now_ns);

/* End of capture: all that waits is delivered, all flows end, nothing stays pending. The table is empty after. */
void flow_table_flush(struct flow_table *table);

/* A copy; any time. */
void flow_table_statistics(const struct flow_table *table, struct flow_statistics *statistics_out);
