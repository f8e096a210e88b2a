/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Flow
 *
 * One TCP connection as the tap shows it, and the two byte streams it carries (RFC 9293). Whoever wants the bytes gives
 * a struct flow_sink; it is called with every stretch of both streams in order, each byte once, holes told as such.
 *
 * Memory:  flows are the table's; a chunk's bytes are valid during the call only. `session` belongs to the sink.
 * Threads: one owner, the worker.
 * Limits:  stream offsets have 64 bits; a connection may live and send for ever.
 */

#include "base/ledger.h"
#include "transaction/endpoints.h"

enum flow_direction { FLOW_TO_SERVER, FLOW_TO_CLIENT };

enum flow_end {
    FLOW_END_FIN,     /* both streams were closed */
    FLOW_END_RST,     /* reset, and nothing more came */
    FLOW_END_TIMEOUT, /* silent too long */
    FLOW_END_EVICTED, /* the table was full of more valuable flows */
    FLOW_END_REUSE,   /* the same ports began a new connection */
    FLOW_END_FLUSH,   /* the capture ended */
    FLOW_END_COUNT
};

/* Why two receivers may have read different streams from the same packets. */
enum flow_ambiguity {
    FLOW_AMBIGUOUS_OVERLAP,     /* the same sequence numbers came with different bytes */
    FLOW_AMBIGUOUS_RST,         /* new data behind a reset of the same sender */
    FLOW_AMBIGUOUS_FIN,         /* two ends of one stream, or an end before bytes already sent */
    FLOW_AMBIGUOUS_SYN,         /* a SYN that contradicts a living connection */
    FLOW_AMBIGUOUS_ACK,         /* acknowledges what was never sent */
    FLOW_AMBIGUOUS_AFTER_CLOSE, /* data behind the FIN of the same sender */
    FLOW_AMBIGUOUS_TIMESTAMP,   /* new data under an old timestamp: PAWS drops it, others do not (RFC 7323 5) */
    FLOW_AMBIGUOUS_CHECKSUM,    /* a segment with a bad checksum that differs from the good one */
    FLOW_AMBIGUOUS_URGENT,      /* urgent data: in the stream or beside it (RFC 6093) */
    FLOW_AMBIGUOUS_MD5,         /* data signed and unsigned in one connection (RFC 2385, RFC 5925) */
    FLOW_AMBIGUOUS_FRAGMENT,    /* IP fragments that contradict each other */
    FLOW_AMBIGUOUS_WINDOW,      /* the stream jumped out of every window and went on there */
    FLOW_AMBIGUITY_COUNT
};

#define FLOW_AMBIGUITY_BIT(ambiguity) (1u << (ambiguity))

enum flow_flag {
    FLOW_MIDSTREAM = 1u << 0,    /* began before its first packet here; who is the client is a guess */
    FLOW_SWAPPED = 1u << 1,      /* internal: sides[1] is the client */
    FLOW_HAD_DATA = 1u << 2,     /* the sink was called for it */
    FLOW_TOLD_END = 1u << 3,     /* ... and told its end */
    FLOW_CHECKSUM_BAD = 1u << 4, /* carried payload under a bad checksum, which was taken */
};

/* One half of a connection: what this side sent. Sequence numbers are those on the wire. Sinks read the counters. */
struct flow_side {
    uint64_t offset;     /* bytes of the stream delivered and lost so far: stream offset of `next` */
    uint64_t lost_bytes; /* of them lost */
    uint32_t lost_count; /* holes told to the sink */
    uint32_t packets;    /* stays at its maximum */
    /* The rest is the reassembly's, see tcp.c. */
    uint32_t next;                  /* first sequence number not yet delivered */
    uint32_t end;                   /* highest one seen, plus one */
    uint32_t initial;               /* of its SYN */
    uint32_t fin;                   /* of its FIN */
    uint32_t ack;                   /* highest acknowledgement it sent */
    uint32_t edge;                  /* right edge of the window it offered */
    uint32_t timestamp;             /* of the last segment that came in order */
    uint32_t acked_to;              /* the peer had acknowledged this much ... */
    uint64_t acked_ns;              /* ... at that time, and we had not seen it; 0: nothing */
    uint32_t gap_start, gap_end;    /* the last hole */
    uint32_t held_first, held_last; /* segments that wait, by sequence number */
    uint32_t kept_first, kept_last; /* delivered, not yet acknowledged: retransmissions are compared with them */
    uint16_t held_count, kept_count;
    uint16_t flags; /* enum flow_side_flag, see table.h */
    uint8_t scale;  /* window scale of its SYN (RFC 7323 2) */
    uint8_t strays; /* segments outside the window since the last one inside */
};

/* The addresses of a flow; its source is the client. */
struct flow_ends {
    struct address source, destination;
    uint16_t source_port, destination_port;
};

struct flow {
    uint32_t domain; /* address space: the same addresses in another domain are another flow */
    uint32_t hash;
    struct flow_ends ends;
    uint8_t ip_version : 4;
    uint8_t tunnel_count : 4;
    uint8_t state : 4;      /* enum flow_state, see table.h */
    uint8_t end_reason : 4; /* of a closing flow */
    uint16_t timer_slot;
    uint16_t flags;             /* enum flow_flag */
    uint16_t ambiguity;         /* set of FLOW_AMBIGUITY_BIT() */
    uint32_t undecided_packets; /* ledger weight the sink has not decided on */
    uint64_t undecided_bytes;
    const struct tunnel *tunnels;        /* of the first packet; memory that is read only where there are any */
    void *session;                       /* the sink's; NULL at first */
    uint64_t start_ns;                   /* time of the first packet, by net_packet_clock() as the next two */
    uint64_t last_ns;                    /* latest time of any packet */
    uint64_t clock_offset_ns;            /* of the last packet: see flow_time() */
    uint64_t timer_ns;                   /* when the table looks at it next */
    uint32_t timer_previous, timer_next; /* links: number of the flow plus one */
    uint32_t class_previous, class_next;
    struct flow_side sides[2];
} CACHE_ALIGNED;

static_assert(sizeof(struct flow) == 320, "five cache lines: a million flows fit 320 MB");
static_assert(FLOW_AMBIGUITY_COUNT <= 16 && FLOW_END_COUNT <= 16 && TUNNELS_MAX < 16, "fit their members");

/* Addresses and tunnels of the first packet; source is the client. */
struct endpoints flow_endpoints(const struct flow *flow);

/* Where a sink goes on with a flow that the table gives up: a copy, with its tunnels in `tunnels`. */
void flow_copy(const struct flow *flow, struct flow *copy_out, struct tunnel tunnels[TUNNELS_MAX]);

/* A stretch of one stream. Either bytes (data, size) or a hole (data NULL, lost > 0) or neither (only `last`). */
struct flow_chunk {
    enum flow_direction direction;
    bool last; /* the stream ends behind it */
    const uint8_t *data;
    uint32_t size;
    uint32_t lost;            /* bytes of the stream not seen */
    uint64_t offset;          /* of its first byte in the stream */
    uint32_t sequence;        /* TCP sequence number of that byte */
    uint32_t acknowledgement; /* what its sender had of the other direction by then, with `acknowledges` */
    bool acknowledges;
    uint64_t time_ns; /* of the packet that carried it; of a hole: when it was given up */
    uint32_t packets; /* ledger weight: packets and frame bytes whose fate the answer decides; may be 0 */
    uint32_t bytes;
};

/* The sink cannot say yet what becomes of the bytes; its next decided answer for this flow settles them too. */
#define FLOW_UNDECIDED ((enum ledger_reason)LEDGER_REASON_COUNT)

struct flow_sink {
    void *context;
    /* Returns what becomes of the chunk's packets: AUDITED, UNCLASSIFIED, ENCRYPTED, UNPARSED, PARSER, or
     * FLOW_UNDECIDED. */
    enum ledger_reason (*data)(void *context, struct flow *flow, const struct flow_chunk *chunk);
    /*
     * Once for each flow that had data or has a session. The sink releases `session`. No data follows. Undecided
     * weights that the sink does not take over, by setting them to 0, are settled as unclassified then.
     */
    void (*end)(void *context, struct flow *flow, enum flow_end reason);
};

/* The half that sends in `direction`. */
static inline const struct flow_side *flow_side(const struct flow *flow, enum flow_direction direction)
{
    return &flow->sides[(direction == FLOW_TO_CLIENT) ^ ((flow->flags & FLOW_SWAPPED) != 0)];
}

/* Settles what the sink has not decided on, where it decides without being asked. */
void flow_settle_undecided(struct flow *flow, struct ledger *ledger, enum ledger_reason reason);

/* A time of the flow's clock as packets are stamped, to be told. */
static inline uint64_t flow_time(const struct flow *flow, uint64_t clock_ns)
{
    return clock_ns + flow->clock_offset_ns;
}

/* Only one direction was ever seen. */
static inline bool flow_one_way(const struct flow *flow)
{
    return flow->sides[0].packets == 0 || flow->sides[1].packets == 0;
}

/*
 * The guess of a midstream flow was wrong: client and server change roles. Allowed inside the sink's data(); the chunk
 * in hand keeps its direction as told, later ones have the new one, and endpoints and flow_side() follow at once.
 */
void flow_swap_direction(struct flow *flow);

/* Stable lower-case names, never NULL. */
const char *flow_end_name(enum flow_end reason);
const char *flow_ambiguity_name(enum flow_ambiguity ambiguity);
