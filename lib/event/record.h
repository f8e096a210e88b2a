/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Records
 *
 * The binary form in which events travel from a worker to the reporter: a header, a fixed part, then texts, each behind
 * its length. No pointers, host byte order (both ends run on one machine), versioned by RECORD_LAYOUT.
 *
 * Memory:  the encoders write into the caller's space, the decoder gives spans into the record. Nothing is allocated.
 * Limits:  RECORD_*_MAX below. A text beyond its limit is cut and RECORD_CUT set; a cut text of a call also sets
 *          CALL_TRUNCATED. The encoders read the finding or call, never change it.
 * Errors:  record_decode() takes any bytes: all that it does not prove whole is refused. Bytes that another process may
 *          still change must be copied first.
 */

#include "base/ledger.h"
#include "event/finding.h"

#define RECORD_LAYOUT    4u     /* raised whenever the bytes of any kind change their meaning */
#define RECORD_ALIGNMENT 8u     /* of records in a ring */
#define RECORD_PATH_MAX  16384u /* request target: all that a transaction's store can hold */
#define RECORD_TEXT_MAX  1024u  /* host, operation, title, file, value of evidence, error: a long line or two */
#define RECORD_NAME_MAX  256u   /* ids, digests, methods, names of evidence */
#define RECORD_SIZE_MAX  65536u /* asserted in record.c: no encoder can exceed it */

enum record_kind {
    RECORD_NONE, /* zeroed memory is no record */
    RECORD_FINDING,
    RECORD_TRANSACTION,
    RECORD_ROLLUP,
    RECORD_LEDGER,
    RECORD_RELOAD,
    RECORD_LIFECYCLE,
    RECORD_HEARTBEAT,
    RECORD_SERVICE,
    RECORD_CERTIFICATE,
    RECORD_KIND_COUNT
};

enum record_flag {
    RECORD_CUT = 1u << 0, /* a text was longer than its limit */
};

struct record_header {
    uint32_t size;     /* bytes, this header included */
    uint16_t kind;     /* enum record_kind */
    uint16_t layout;   /* RECORD_LAYOUT of the writer */
    uint16_t ring;     /* who wrote it; set by queue_commit() */
    uint16_t flags;    /* enum record_flag */
    uint32_t reserved; /* zero */
    uint64_t sequence; /* from 1, without gaps in its ring, also across restarts; set by queue_commit() */
    uint64_t time_ns;
};

static_assert(sizeof(struct record_header) == 32, "the header is part of the layout");

/* How often each verdict was given for one operation and one rule in one interval. */
struct rollup {
    uint64_t start_ns;
    uint32_t seconds;
    uint32_t epoch;
    uint64_t calls; /* of the operation in the interval */
    uint64_t verdicts[VERDICT_COUNT];
    struct span operation; /* data NULL: calls that no operation matched */
    struct span rule;      /* data NULL: only `calls` is told */
};

#define RECORD_WORKER_ALL UINT32_MAX /* about the whole process, not one worker */

/* The coverage ledger of one worker, or of all, at a moment. */
struct ledger_report {
    uint64_t time_ns;
    uint32_t worker; /* or RECORD_WORKER_ALL */
    uint32_t epoch;
    struct ledger ledger;
};

struct reload_report {
    uint64_t time_ns;
    bool accepted;
    uint32_t epoch; /* the new one, or the one that stays */
    uint32_t pid;   /* of who asked */
    uint32_t uid;
    struct span rules_digest, registry_digest, configuration_digest; /* hex; of what was offered */
    struct span error;                                               /* the first mistake; data NULL when accepted */
};

enum lifecycle_event {
    LIFECYCLE_START,
    LIFECYCLE_STOP,
    LIFECYCLE_DIED, /* told by the next one: it ended without a STOP */
    LIFECYCLE_EVENT_COUNT
};

struct lifecycle {
    uint64_t time_ns;
    enum lifecycle_event event;
    uint32_t worker; /* or RECORD_WORKER_ALL */
    uint32_t pid;
    uint32_t epoch;
    struct span version;
    struct span configuration_digest;
};

/* A sign of life with the counts since start. */
struct heartbeat {
    uint64_t time_ns;
    uint32_t pid;
    uint32_t epoch;
    uint64_t packets, transactions, findings;
};

/* Coverage of one host in one interval, by one worker. All intervals and workers together are the ledger's sums. */
struct service_report {
    uint64_t start_ns;
    uint32_t seconds;
    uint32_t worker;  /* or RECORD_WORKER_ALL */
    struct span host; /* lower case; data NULL: calls without one; RECORD_SERVICE_OTHERS: hosts beyond the limit */
    uint64_t transactions[LEDGER_TRANSACTION_REASON_COUNT]; /* settled, by reason */
    uint64_t tls[LEDGER_TLS_COUNT]; /* TLS connections to it that ended, by what became of them */
    uint64_t gaps, gap_bytes;       /* missing in connections that spoke to it */
};

#define RECORD_SERVICE_OTHERS "(others)" /* no host: a name that begins with '(' never gets a row */

/* A certificate that was presented: when it is first seen, and once more for what was seen of it since. */
struct certificate_report {
    uint64_t first_ns, last_ns; /* of the handshakes told with it */
    uint64_t count;             /* of them */
    int64_t not_before_s, not_after_s;
    struct address server; /* of the first of them */
    uint16_t server_port;
    bool client;        /* the client presented it */
    struct span sha256; /* hex, of the certificate */
    struct span subject, issuer, serial;
    struct span names; /* alternative names, a blank between them */
};

/* A decoded record: a view, valid as long as the bytes it was decoded from. */
struct record {
    struct record_header header;
    struct call call; /* of a transaction, or of a finding that has one */
    union {
        struct finding finding;
        struct rollup rollup;
        struct ledger_report ledger;
        struct reload_report reload;
        struct lifecycle lifecycle;
        struct heartbeat heartbeat;
        struct service_report service;
        struct certificate_report certificate;
    };
};

/* Space that the encoder below needs, at most RECORD_SIZE_MAX; exact but for the cutting of texts. */
uint32_t record_finding_size(const struct finding *finding);
uint32_t record_call_size(const struct call *call);
uint32_t record_rollup_size(const struct rollup *rollup);
uint32_t record_ledger_size(void);
uint32_t record_reload_size(const struct reload_report *reload);
uint32_t record_lifecycle_size(const struct lifecycle *lifecycle);
uint32_t record_heartbeat_size(void);
uint32_t record_service_size(const struct service_report *service);
uint32_t record_certificate_size(const struct certificate_report *certificate);

/* Each writes a record with ring and sequence zero to `record_out` (aligned to RECORD_ALIGNMENT), returns its size. */
uint32_t record_encode_finding(const struct finding *finding, void *record_out);
uint32_t record_encode_call(const struct call *call, void *record_out);
uint32_t record_encode_rollup(const struct rollup *rollup, void *record_out);
uint32_t record_encode_ledger(const struct ledger_report *report, void *record_out);
uint32_t record_encode_reload(const struct reload_report *reload, void *record_out);
uint32_t record_encode_lifecycle(const struct lifecycle *lifecycle, void *record_out);
uint32_t record_encode_heartbeat(const struct heartbeat *heartbeat, void *record_out);
uint32_t record_encode_service(const struct service_report *service, void *record_out);
uint32_t record_encode_certificate(const struct certificate_report *certificate, void *record_out);

/* Returns 0; -EBADMSG for bytes that are no whole record; -EPROTONOSUPPORT for another layout or an unknown kind. */
MUST_USE int record_decode(const void *data, size_t size, struct record *record_out);

/* "finding", "transaction" ...; "start", "stop", "died". Never NULL. */
const char *record_kind_name(enum record_kind kind);
const char *lifecycle_event_name(enum lifecycle_event event);
