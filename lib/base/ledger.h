/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Coverage ledger
 *
 * The balance of everything the port handed over. Every packet is received once and settled once, either as audited or
 * as excused by one reason; until its fate is known (waiting for an earlier segment, a flow not yet classified) it is
 * pending. At every moment
 *
 *     received == audited + sum(excused) + pending          (packets and bytes, each exactly)
 *     transactions seen == transactions audited + sum(transactions excused) + transactions pending
 *
 * Bytes are captured frame bytes, headers included. What never reached us (lost at the NIC, cut by the snap length,
 * missing in a TCP stream) cannot be part of that sum; it is told beside it (`not_received`).
 *
 * Threads: one writer per ledger; a reader takes a copy of relaxed loads, exact once the writer has stopped.
 */

#include "base/base.h"

enum ledger_reason {
    LEDGER_AUDITED, /* reached a parser that read it, or carried no payload to read (a bare ACK of a TCP flow) */
    /* Excused, each with one reason: */
    LEDGER_MALFORMED,             /* a header below TCP or UDP could not be read */
    LEDGER_NOT_IP,                /* ARP, LLDP, STP ...: no API lives there */
    LEDGER_NOT_TCP,               /* UDP but for DTLS and QUIC, ICMP, SCTP ...: no parser for it */
    LEDGER_TRUNCATED,             /* snap length or mirror cut the frame inside the headers or the payload we needed */
    LEDGER_FRAGMENT,              /* IP fragment whose datagram never became whole, or over the fragment budget */
    LEDGER_TUNNEL_DEPTH,          /* nested deeper than NET_LAYERS_MAX */
    LEDGER_CHECKSUM,              /* bad TCP checksum where the configuration says that means "not delivered" */
    LEDGER_DUPLICATE,             /* every payload byte had been delivered before */
    LEDGER_OUT_OF_WINDOW,         /* TCP sequence far outside what the flow can carry */
    LEDGER_FLOW_BUDGET,           /* no flow could be made: table full of more valuable ones */
    LEDGER_BUFFER_BUDGET,         /* out-of-order or held bytes beyond the budget */
    LEDGER_UNCLASSIFIED,          /* payload of a TCP flow whose protocol we do not know */
    LEDGER_UNPARSED,              /* a protocol we can name but not read (see flow summary for which) */
    LEDGER_ENCRYPTED,             /* TLS without keys */
    LEDGER_ENCRYPTED_LATE,        /* ... whose key came after the time to wait for it */
    LEDGER_ENCRYPTED_HELLO,       /* ... with an Encrypted Client Hello, which hides what the key is named by */
    LEDGER_ENCRYPTED_UNSUPPORTED, /* ... of a version, suite or compression that is not opened */
    LEDGER_ENCRYPTED_LOSS,        /* ... where bytes are missing: hello not seen, or the record's number is lost */
    LEDGER_ENCRYPTED_REFUSED,     /* ... whose records the key given does not open */
    LEDGER_ENCRYPTED_DATAGRAM,    /* DTLS or QUIC: named, not opened */
    LEDGER_PARSER,                /* the parser gave the stream up */
    LEDGER_HAND_OVER,             /* no room in the ring to the worker that follows the connection */
    LEDGER_NOT_MINE,              /* belongs to another worker of the same run, which accounts for it */
    LEDGER_REASON_COUNT
};

/* Why a transaction was seen but not fully judged. */
enum ledger_transaction_reason {
    LEDGER_TRANSACTION_AUDITED,
    LEDGER_TRANSACTION_GAP,           /* bytes missing inside it */
    LEDGER_TRANSACTION_TRUNCATED,     /* over a limit: head or body beyond what is kept or scanned */
    LEDGER_TRANSACTION_NO_REQUEST,    /* response only */
    LEDGER_TRANSACTION_NO_RESPONSE,   /* request only */
    LEDGER_TRANSACTION_AMBIGUOUS,     /* two readings are possible */
    LEDGER_TRANSACTION_UNDECODED,     /* body in an encoding we cannot open */
    LEDGER_TRANSACTION_BUDGET,        /* no memory in the budget to follow it */
    LEDGER_TRANSACTION_NOT_EVALUATED, /* a rule should have been evaluated and was not (verdict error) */
    LEDGER_TRANSACTION_REASON_COUNT
};

/* What became of a TLS connection: counted by service, because who lacks keys is a matter of the service. */
enum ledger_tls {
    LEDGER_TLS_OPENED,      /* at least in part */
    LEDGER_TLS_NO_KEY,      /* no secret of it was given */
    LEDGER_TLS_LATE,        /* it came, but after the time to wait for it */
    LEDGER_TLS_HELLO,       /* Encrypted Client Hello hides what the secret is named by */
    LEDGER_TLS_UNSUPPORTED, /* a version, suite or compression that is not opened */
    LEDGER_TLS_LOSS,        /* bytes are missing that it takes */
    LEDGER_TLS_BUDGET,      /* no memory to follow it, or to keep it until its secret comes */
    LEDGER_TLS_REFUSED,     /* the secret given does not open it */
    LEDGER_TLS_DATAGRAM,    /* DTLS or QUIC, which are not opened */
    LEDGER_TLS_COUNT
};

/* Beside the balance: what did not reach the pipeline. */
enum ledger_missing {
    LEDGER_MISSING_NIC_PACKETS,   /* NIC said "missed": ring full */
    LEDGER_MISSING_NIC_ERRORS,    /* NIC said "error" */
    LEDGER_MISSING_NO_BUFFER,     /* mbuf pool empty */
    LEDGER_MISSING_SNAPPED_BYTES, /* frame bytes the capture did not keep */
    LEDGER_MISSING_TCP_GAPS,      /* holes in TCP streams ... */
    LEDGER_MISSING_TCP_GAP_BYTES, /* ... and their bytes */
    LEDGER_MISSING_EVENTS,        /* events dropped at a full queue */
    LEDGER_MISSING_SIGHTINGS,     /* calls that were not, or no longer, held against others */
    LEDGER_MISSING_COUNT
};

struct ledger_sum {
    uint64_t packets;
    uint64_t bytes;
};

struct ledger {
    struct ledger_sum received;
    struct ledger_sum pending;
    struct ledger_sum settled[LEDGER_REASON_COUNT];
    uint64_t transactions_seen;
    uint64_t transactions_pending;
    uint64_t transactions_settled[LEDGER_TRANSACTION_REASON_COUNT];
    uint64_t missing[LEDGER_MISSING_COUNT];
};

/* Stable lower-case names for JSON, and one sentence of explanation each. Never NULL. */
const char *ledger_reason_name(enum ledger_reason reason);
const char *ledger_reason_help(enum ledger_reason reason);
const char *ledger_transaction_reason_name(enum ledger_transaction_reason reason);
const char *ledger_transaction_reason_help(enum ledger_transaction_reason reason);
const char *ledger_tls_name(enum ledger_tls outcome);
const char *ledger_missing_name(enum ledger_missing missing);
const char *ledger_missing_help(enum ledger_missing missing);

/* A relaxed copy, and its addition to a total. */
void ledger_read(const struct ledger *ledger, struct ledger *copy_out);
void ledger_add(struct ledger *total, const struct ledger *part);

/* True when both balances hold exactly. */
bool ledger_balanced(const struct ledger *ledger);

static inline void ledger_raise(uint64_t *value, uint64_t by)
{
    /* Single writer: a relaxed load and store is a plain add that a reader in another thread may watch. */
    __atomic_store_n(value, __atomic_load_n(value, __ATOMIC_RELAXED) + by, __ATOMIC_RELAXED);
}

static inline void ledger_lower(uint64_t *value, uint64_t by)
{
    __atomic_store_n(value, __atomic_load_n(value, __ATOMIC_RELAXED) - by, __ATOMIC_RELAXED);
}

/* A packet came in: it is pending until settled. */
static inline void ledger_receive(struct ledger *ledger, uint64_t packets, uint64_t bytes)
{
    ledger_raise(&ledger->received.packets, packets);
    ledger_raise(&ledger->received.bytes, bytes);
    ledger_raise(&ledger->pending.packets, packets);
    ledger_raise(&ledger->pending.bytes, bytes);
}

/* The fate of `packets` pending packets is known. */
static inline void ledger_settle(struct ledger *ledger, enum ledger_reason reason, uint64_t packets, uint64_t bytes)
{
    ledger_raise(&ledger->settled[reason].packets, packets);
    ledger_raise(&ledger->settled[reason].bytes, bytes);
    ledger_lower(&ledger->pending.packets, packets);
    ledger_lower(&ledger->pending.bytes, bytes);
}

/* Packets that are another ledger's to account for: as if they had never come here. */
static inline void ledger_give(struct ledger *ledger, uint64_t packets, uint64_t bytes)
{
    ledger_lower(&ledger->received.packets, packets);
    ledger_lower(&ledger->received.bytes, bytes);
    ledger_lower(&ledger->pending.packets, packets);
    ledger_lower(&ledger->pending.bytes, bytes);
}

static inline void ledger_transaction_open(struct ledger *ledger)
{
    ledger_raise(&ledger->transactions_seen, 1);
    ledger_raise(&ledger->transactions_pending, 1);
}

static inline void ledger_transaction_settle(struct ledger *ledger, enum ledger_transaction_reason reason)
{
    ledger_raise(&ledger->transactions_settled[reason], 1);
    ledger_lower(&ledger->transactions_pending, 1);
}

static inline void ledger_miss(struct ledger *ledger, enum ledger_missing missing, uint64_t amount)
{
    ledger_raise(&ledger->missing[missing], amount);
}
