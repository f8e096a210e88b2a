/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Ring
 *
 * One single-producer, single-consumer ring of records in the event queue.
 *
 * The producer never waits: begin, write, commit; publish once a burst makes all committed records visible at once.
 * What was not published when the producer died never shows. When space gets short, records are refused by rank, the
 * least valuable first, and each refusal is counted by kind (findings also by severity).
 *
 * The consumer walks without copying and without moving the tail; ring_release() gives the space back once the records
 * are durable. It trusts nothing it reads: see ring_next().
 *
 * Threads: one producer, one consumer.
 */

#include "event/record.h"
#include "event/segment.h"

/* Who is refused first when the ring fills. */
enum ring_rank {
    RING_RANK_TRANSACTION,
    RING_RANK_ROLLUP,                                       /* heartbeats, services, certificates */
    RING_RANK_FINDING,                                      /* + enum severity */
    RING_RANK_CONTROL = RING_RANK_FINDING + SEVERITY_COUNT, /* ledger, reload, lifecycle: what explains the losses */
    RING_RANK_COUNT
};

/* The producer's view; open so that it can be placed, not to be touched. */
struct ring_producer {
    struct ring_shared *shared;
    uint8_t *data;
    uint64_t position; /* behind the last committed record */
    uint64_t published;
    uint64_t tail;     /* as last seen */
    uint64_t sequence; /* of the last committed record */
    uint32_t size_bytes;
    uint32_t begun_bytes; /* space promised by ring_begin() */
    uint16_t ring;
    uint8_t slot; /* the publication slot to write next */
} CACHE_ALIGNED;

/*
 * Space for a record of at most `size_max` (<= RECORD_SIZE_MAX) bytes, or NULL: refused and counted. A second begin
 * without a commit takes the first back. `severity` matters for RECORD_FINDING only.
 */
void *ring_begin(struct ring_producer *producer, enum record_kind kind, enum severity severity, uint32_t size_max);
/* The record is written; it has `size` bytes, at most what was asked for. */
void ring_commit(struct ring_producer *producer, uint32_t size);
/* Makes everything committed visible. Once a burst: each call costs the consumer's cache a miss. */
void ring_publish(struct ring_producer *producer);

/* begin, encode and commit. False: refused and counted. */
bool ring_put_finding(struct ring_producer *producer, const struct finding *finding);
bool ring_put_call(struct ring_producer *producer, const struct call *call);
bool ring_put_rollup(struct ring_producer *producer, const struct rollup *rollup);
bool ring_put_ledger(struct ring_producer *producer, const struct ledger_report *report);
bool ring_put_reload(struct ring_producer *producer, const struct reload_report *reload);
bool ring_put_lifecycle(struct ring_producer *producer, const struct lifecycle *lifecycle);
bool ring_put_heartbeat(struct ring_producer *producer, const struct heartbeat *heartbeat);
bool ring_put_service(struct ring_producer *producer, const struct service_report *service);
bool ring_put_certificate(struct ring_producer *producer, const struct certificate_report *certificate);

/* Records refused since the segment was made, all kinds. The worker tells it in its ledger (LEDGER_MISSING_EVENTS). */
uint64_t ring_dropped(const struct ring_shared *shared);

struct ring_consumer {
    struct ring_shared *shared;
    const uint8_t *data;
    uint64_t position; /* of the next record */
    uint64_t head;     /* as last seen */
    uint32_t size_bytes;
};

enum ring_step {
    RING_RECORD,
    RING_EMPTY,
    RING_CORRUPT, /* no record can be where one should be: all up to the head was skipped, `size` bytes of it */
};

/* The next published record, in place. Its size is within the ring; nothing else about it is checked. */
enum ring_step ring_next(struct ring_consumer *consumer, struct span *record_out);

/* All before `position` (consumer->position at some time) is durable elsewhere: its space may be written again. */
void ring_release(struct ring_consumer *consumer, uint64_t position);

/*
 * The producing view of a ring that may have been written before. Returns 0, or -EPROTO when head and slots do not
 * agree, which no death of a producer can cause.
 */
MUST_USE int ring_producer_init(struct ring_producer *producer, struct ring_shared *shared, uint8_t *data,
                                uint32_t size_bytes, uint16_t ring);
void ring_consumer_init(struct ring_consumer *consumer, struct ring_shared *shared, const uint8_t *data,
                        uint32_t size_bytes);
