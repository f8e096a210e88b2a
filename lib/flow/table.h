/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Flow table, inside: what the files of this module share. Nothing outside includes it. */

#include "flow/flow_table.h"
#include "flow/index.h"
#include "flow/segment.h"
#include "flow/timer.h"

enum flow_state {
    FLOW_STATE_FREE,
    FLOW_STATE_HALF_OPEN,   /* a SYN, or SYN and SYN-ACK, nothing behind: cheap to make, so first to go */
    FLOW_STATE_ESTABLISHED, /* data or an acknowledged handshake; also half closed */
    FLOW_STATE_CLOSING,     /* reset, or both ends told: stays for late copies */
    FLOW_STATE_COUNT
};

/* Of struct flow_side. */
enum flow_side_flag {
    FLOW_SIDE_STARTED = 1u << 0,   /* `next` is known */
    FLOW_SIDE_SYN = 1u << 1,       /* its SYN was seen: `initial` and `scale` are known */
    FLOW_SIDE_SCALE = 1u << 2,     /* ... with a window scale option */
    FLOW_SIDE_ACK = 1u << 3,       /* `ack` and `edge` are known */
    FLOW_SIDE_FIN = 1u << 4,       /* `fin` is known */
    FLOW_SIDE_CLOSED = 1u << 5,    /* ... and its end was told to the sink */
    FLOW_SIDE_RST = 1u << 6,       /* it sent a reset that a receiver may have taken */
    FLOW_SIDE_TIMESTAMP = 1u << 7, /* `timestamp` is known */
    FLOW_SIDE_SIGNED = 1u << 8,    /* its first segment carried a signature option */
    FLOW_SIDE_SUM_GOOD = 1u << 9,  /* it has sent payload under a good checksum: it does not leave that to its card */
    FLOW_SIDE_ACK_GAP = 1u << 10,  /* the last hole rests on the peer's acknowledgement alone */
    FLOW_SIDE_GATHERS = 1u << 11,  /* began before us and nothing is told yet: an earlier segment may still come */
};

/* RFC 7323 2.3: no window is larger. */
#define FLOW_WINDOW_MAX (1u << 30)

/* Flows of one state in order of entering it. References, 0: none. */
struct flow_list {
    uint32_t first, last, count;
};

struct flow_tunnels {
    struct tunnel tunnels[TUNNELS_MAX];
};

struct flow_table {
    struct flow_settings settings;
    struct flow_sink sink;
    struct ledger *ledger;
    struct hash_key key;
    struct flow *flows;
    struct flow_tunnels *tunnels; /* of each flow; untouched where nothing is tunnelled */
    uint32_t hold_flow_max;       /* segments a side may hold */
    uint32_t keep_flow_max;
    uint32_t hand; /* where the search for an idle flow goes on */
    struct flow_index index;
    struct flow_timers timers;
    struct pool pool;
    struct flow_segments held;
    struct flow_segments kept;
    struct flow_list lists[FLOW_STATE_COUNT]; /* of the half-open and the closing ones */
    struct flow_statistics statistics;
};

static inline void flow_mark(struct flow_table *table, struct flow *flow, enum flow_ambiguity reason)
{
    uint32_t bit = FLOW_AMBIGUITY_BIT(reason);
    if (flow->ambiguity & bit)
        return;
    flow->ambiguity |= (uint16_t)bit;
    table->statistics.ambiguous[reason]++;
}

static inline enum flow_direction flow_direction_of(const struct flow *flow, uint32_t side)
{
    return (side != 0) ^ ((flow->flags & FLOW_SWAPPED) != 0) ? FLOW_TO_CLIENT : FLOW_TO_SERVER;
}

static inline bool flow_side_seen(const struct flow_side *side)
{
    return side->packets != 0;
}

/* flow_table.c: the state changes, and with it the list and the timeout. */
void flow_set_state(struct flow_table *table, struct flow *flow, enum flow_state state);
