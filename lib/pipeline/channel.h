/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Channel
 *
 * Two byte streams, one of each direction, that speak one protocol: a TCP connection, or what TLS carries inside it.
 * Bytes a parser leaves are carried to the next chunk, so a line cut by a segment end is copied and nothing else is.
 *
 * Change of protocol (101, CONNECT, STARTTLS): each direction crosses at its own byte. Where the new protocol is not
 * known from the handshake, both directions are classified afresh once both have crossed; until then the one that
 * crossed first pauses, and so does a client that runs ahead of the answer to its upgrade.
 *
 * Memory:  part of the session; carry buffers from the worker's pool while something is cut; protocols take their
 *          state from a pool of their own in begin() and give it back in end(), HTTP/1 between calls as well.
 * Threads: one owner, the worker.
 * Limits:  CHANNEL_CARRY_SIZE bytes of a direction are carried or paused; paused bytes beyond it become a hole.
 */

#include "pipeline/http1.h"
#include "pipeline/worker.h"

/* A parser leaves at most one line unconsumed. */
#define CHANNEL_CARRY_SIZE (HTTP1_LINE_MAX + 64u)

/*
 * A hole of unknown size in what another channel carries: more than any message that is put together, so what is inside
 * begins anew.
 */
#define CHANNEL_HOLE_UNKNOWN (1u << 30)

struct channel;

struct channel_feed {
    struct channel *channel;
    struct flow *flow;
    uint32_t direction; /* 0: to the server */
    uint64_t time_ns;
    const struct flow_chunk *chunk; /* the bytes come from; NULL: not from TCP itself, or from before */
};

struct channel_protocol {
    /*
     * The channel begins to speak the protocol; `upgrade` is the exchange that asked for it, NULL when there was none.
     * False: no memory for its state. channel->midstream says whether the beginning was missed.
     */
    bool (*begin)(struct pipeline *worker, const struct channel_feed *feed, const struct exchange *upgrade);
    /*
     * Works through the input of feed->direction under the contract of base/parse.h. Returns the bytes (of a hole: lost
     * bytes) it consumed; at most CHANNEL_CARRY_SIZE may be left. May stop, pause, cross or close the channel.
     */
    uint32_t (*parse)(struct pipeline *worker, const struct channel_feed *feed, struct parse_input input);
    /* The connection or the protocol ends and both directions were told: whatever is still open ends as it is. */
    void (*end)(struct pipeline *worker, struct channel *channel);
    /* The flow has another place from now on. NULL: the protocol keeps no pointer to it. */
    void (*move)(struct channel *channel, struct flow *flow);
};

extern const struct channel_protocol channel_http1;

enum channel_stage {
    CHANNEL_CLASSIFYING, /* its protocol is not known yet */
    CHANNEL_PARSED,
    CHANNEL_CLOSED, /* nothing of it is read any more; `reason` says why */
};

struct channel {
    const struct channel_protocol *protocols[2]; /* of each direction; they differ only while it changes */
    const struct channel_protocol *next;         /* what it changes to; NULL with `changing`: to be classified */
    void *state;                                 /* of the protocols[1] that are not HTTP/1 */
    uint8_t *carry[2];                           /* unconsumed bytes, NULL when there are none */
    uint32_t carry_size[2];
    uint32_t carry_lost[2]; /* bytes behind the carried ones that found no room */
    uint8_t stage;          /* enum channel_stage */
    uint8_t fate;           /* enum ledger_reason of what was parsed last; AUDITED unless the protocol says otherwise */
    uint8_t reason;         /* enum ledger_reason of a closed channel, or of a direction that stopped */
    bool midstream;         /* its beginning was missed */
    bool parsed;            /* some protocol was read here */
    bool changing;          /* another protocol takes over */
    bool crossed[2];        /* the direction has reached the byte at which it does */
    bool stopped[2];        /* the parser has nothing more to say */
    bool paused[2];         /* its bytes wait for what the other direction says */
    uint32_t gaps;          /* holes before any host was named ... */
    uint64_t gap_bytes;     /* ... and their bytes */
    uint32_t missed;        /* closed TLS: its number among those whose key did not come in time; 0: none */
    uint64_t service;       /* mark of the host named last; 0: none */
    struct http1_lasting lasting; /* of HTTP/1 */
    struct http1_channel *http1;  /* NULL: HTTP/1 is not spoken, or nothing of it is under way */
};

/* The protocol is known. False: no memory; the channel is closed then. */
bool channel_begin(struct pipeline *worker, const struct channel_feed *feed, const struct channel_protocol *protocol);

/* The same behind a handshake on another channel: `upgrade` is the exchange that asked for it. */
bool channel_begin_upgraded(struct pipeline *worker, const struct channel_feed *feed,
                            const struct channel_protocol *protocol, const struct exchange *upgrade);

/*
 * Feeds a chunk. What was not read because the channel is to be classified afresh is left in *chunk_io. Returns what
 * becomes of its packets.
 */
enum ledger_reason channel_chunk(struct pipeline *worker, struct channel *channel, struct flow *flow,
                                 struct flow_chunk *chunk_io);

/* The channel goes on with a copy of its flow. */
void channel_move(struct channel *channel, struct flow *flow);

/* Feeds the bytes that the direction had to hold back until now. */
void channel_catch_up(struct pipeline *worker, const struct channel_feed *feed);

/* Parsers are told that the streams end; everything open ends. */
void channel_end(struct pipeline *worker, struct channel *channel, struct flow *flow);

/* The host that the channel speaks to, each time one is named: the coverage by service (pipeline/service.h) counts its.
 */
void channel_name_service(struct pipeline *worker, struct channel *channel, struct span host);

/* Bytes of it are missing. */
void channel_count_gap(struct pipeline *worker, struct channel *channel, uint32_t bytes);

/* No memory to follow the channel any further: says so once, and stops rather than mispair what comes. */
void channel_give_up(struct pipeline *worker, struct channel *channel);

/* Nothing more is read, for this reason, and its protocols end: from outside of parse(). */
void channel_abandon(struct pipeline *worker, struct channel *channel, enum ledger_reason reason);

/* Nothing more is read, for this reason. */
void channel_close(struct channel *channel, enum ledger_reason reason);

/*
 * From inside parse(): `next` takes over (NULL: to be classified), and feed->channel->state is its own from then on.
 * False: no memory; the channel is closed then. Then each direction crosses: at the end of the input consumed so far.
 */
bool channel_change(struct pipeline *worker, const struct channel_feed *feed, const struct channel_protocol *next,
                    const struct exchange *upgrade);
void channel_cross(struct channel *channel, uint32_t direction);

/* Bytes that wait to be classified or parsed. False when there is no memory for them. */
MUST_USE bool channel_carry(struct pipeline *worker, struct channel *channel, uint32_t direction, struct span bytes);
void channel_carry_drop(struct pipeline *worker, struct channel *channel, uint32_t direction);
