/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Ring
 *
 * Positions count bytes for ever and are masked on use, so full and empty never look alike. A record is never split:
 * what is left at the end of the area is filled with a record of kind RECORD_NONE.
 *
 * The last sequence must be known after a death at any instruction, also when the ring is empty. So publishing first
 * writes {sequence, head} to the slot not in use, then the head: after any death exactly one slot belongs to the head.
 * Stores are releases, so that their order is that of the program on every processor.
 */

#include "event/ring.h"

#include <errno.h>

/* A filler needs only the first eight bytes of a header: there may be no room for more. */
struct filler {
    uint32_t size;
    uint16_t kind;
    uint16_t layout;
};

static_assert(sizeof(struct filler) == RECORD_ALIGNMENT, "fits the smallest rest");
static_assert(RECORD_NONE == 0, "a filler is a record of no kind");

/*
 * What must stay free, in 32nds of the ring, for a record of that rank to be taken. Transactions may fill five eighths;
 * the last 32nd belongs to the records that explain why others are missing.
 */
#define RESERVE_PARTS 32u
static const uint8_t reserves[RING_RANK_COUNT] = {
    [RING_RANK_TRANSACTION] = 12,
    [RING_RANK_ROLLUP] = 10,
    [RING_RANK_FINDING + SEVERITY_INFO] = 8,
    [RING_RANK_FINDING + SEVERITY_LOW] = 6,
    [RING_RANK_FINDING + SEVERITY_MEDIUM] = 4,
    [RING_RANK_FINDING + SEVERITY_HIGH] = 2,
    [RING_RANK_FINDING + SEVERITY_CRITICAL] = 1,
    [RING_RANK_CONTROL] = 0,
};

static enum ring_rank rank_of(enum record_kind kind, enum severity severity)
{
    switch (kind) {
    case RECORD_FINDING:
        return (enum ring_rank)(RING_RANK_FINDING + (uint32_t)severity);
    case RECORD_TRANSACTION:
        return RING_RANK_TRANSACTION;
    case RECORD_ROLLUP:
    case RECORD_HEARTBEAT:
    case RECORD_SERVICE:
    case RECORD_CERTIFICATE:
        return RING_RANK_ROLLUP;
    default:
        return RING_RANK_CONTROL;
    }
}

static inline uint32_t align_up(uint32_t size)
{
    return (size + RECORD_ALIGNMENT - 1) & ~(RECORD_ALIGNMENT - 1);
}

/* Single writer, so no read-modify-write is needed. */
static inline void raise_counter(uint64_t *counter)
{
    __atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
}

static void count_drop(struct ring_shared *shared, enum record_kind kind, enum severity severity)
{
    raise_counter(&shared->counters.dropped[kind]);
    if (kind == RECORD_FINDING)
        raise_counter(&shared->counters.dropped_findings[severity]);
}

void *ring_begin(struct ring_producer *producer, enum record_kind kind, enum severity severity, uint32_t size_max)
{
    require(kind > RECORD_NONE && kind < RECORD_KIND_COUNT && severity < SEVERITY_COUNT);
    require(size_max >= sizeof(struct record_header) && size_max <= RECORD_SIZE_MAX);
    uint32_t size = align_up(size_max);
    uint32_t offset = (uint32_t)(producer->position & (producer->size_bytes - 1));
    uint32_t rest = producer->size_bytes - offset;
    uint32_t fill = rest < size ? rest : 0;
    uint64_t reserve = (uint64_t)(producer->size_bytes / RESERVE_PARTS) * reserves[rank_of(kind, severity)];
    uint64_t end = producer->position + fill + size + reserve;

    if (unlikely(end - producer->tail > producer->size_bytes)) {
        /* Acquire pairs with the release in ring_release(): the reader is done with what we overwrite. */
        producer->tail = __atomic_load_n(&producer->shared->consumer.tail, __ATOMIC_ACQUIRE);
        if (end - producer->tail > producer->size_bytes) {
            count_drop(producer->shared, kind, severity);
            return NULL;
        }
    }
    if (unlikely(fill)) {
        struct filler filler = {.size = fill, .kind = RECORD_NONE};
        memcpy(producer->data + offset, &filler, sizeof(filler));
        producer->position += fill;
        offset = 0;
    }
    producer->begun_bytes = size_max;
    return producer->data + offset;
}

void ring_commit(struct ring_producer *producer, uint32_t size)
{
    require(size >= sizeof(struct record_header) && size <= producer->begun_bytes);
    uint32_t offset = (uint32_t)(producer->position & (producer->size_bytes - 1));
    struct record_header *header = (struct record_header *)(void *)(producer->data + offset);
    require(header->kind > RECORD_NONE && header->kind < RECORD_KIND_COUNT);
    header->size = size;
    header->ring = producer->ring;
    header->sequence = ++producer->sequence;
    producer->position += align_up(size);
    producer->begun_bytes = 0;
    raise_counter(&producer->shared->counters.written[header->kind]);
}

void ring_publish(struct ring_producer *producer)
{
    if (producer->position == producer->published)
        return;
    struct ring_slot *slot = &producer->shared->producer.slots[producer->slot];
    __atomic_store_n(&slot->sequence, producer->sequence, __ATOMIC_RELEASE);
    __atomic_store_n(&slot->head, producer->position, __ATOMIC_RELEASE);
    /* Release pairs with the acquire in ring_next(): the records are written before they are seen. */
    __atomic_store_n(&producer->shared->producer.head, producer->position, __ATOMIC_RELEASE);
    producer->slot ^= 1;
    producer->published = producer->position;
}

bool ring_put_finding(struct ring_producer *producer, const struct finding *finding)
{
    void *space = ring_begin(producer, RECORD_FINDING, finding->severity, record_finding_size(finding));
    if (unlikely(!space))
        return false;
    ring_commit(producer, record_encode_finding(finding, space));
    return true;
}

bool ring_put_call(struct ring_producer *producer, const struct call *call)
{
    void *space = ring_begin(producer, RECORD_TRANSACTION, SEVERITY_INFO, record_call_size(call));
    if (unlikely(!space))
        return false;
    ring_commit(producer, record_encode_call(call, space));
    return true;
}

bool ring_put_rollup(struct ring_producer *producer, const struct rollup *rollup)
{
    void *space = ring_begin(producer, RECORD_ROLLUP, SEVERITY_INFO, record_rollup_size(rollup));
    if (!space)
        return false;
    ring_commit(producer, record_encode_rollup(rollup, space));
    return true;
}

bool ring_put_ledger(struct ring_producer *producer, const struct ledger_report *report)
{
    void *space = ring_begin(producer, RECORD_LEDGER, SEVERITY_INFO, record_ledger_size());
    if (!space)
        return false;
    ring_commit(producer, record_encode_ledger(report, space));
    return true;
}

bool ring_put_reload(struct ring_producer *producer, const struct reload_report *reload)
{
    void *space = ring_begin(producer, RECORD_RELOAD, SEVERITY_INFO, record_reload_size(reload));
    if (!space)
        return false;
    ring_commit(producer, record_encode_reload(reload, space));
    return true;
}

bool ring_put_lifecycle(struct ring_producer *producer, const struct lifecycle *lifecycle)
{
    void *space = ring_begin(producer, RECORD_LIFECYCLE, SEVERITY_INFO, record_lifecycle_size(lifecycle));
    if (!space)
        return false;
    ring_commit(producer, record_encode_lifecycle(lifecycle, space));
    return true;
}

bool ring_put_heartbeat(struct ring_producer *producer, const struct heartbeat *heartbeat)
{
    void *space = ring_begin(producer, RECORD_HEARTBEAT, SEVERITY_INFO, record_heartbeat_size());
    if (!space)
        return false;
    ring_commit(producer, record_encode_heartbeat(heartbeat, space));
    return true;
}

bool ring_put_service(struct ring_producer *producer, const struct service_report *service)
{
    void *space = ring_begin(producer, RECORD_SERVICE, SEVERITY_INFO, record_service_size(service));
    if (!space)
        return false;
    ring_commit(producer, record_encode_service(service, space));
    return true;
}

bool ring_put_certificate(struct ring_producer *producer, const struct certificate_report *certificate)
{
    void *space = ring_begin(producer, RECORD_CERTIFICATE, SEVERITY_INFO, record_certificate_size(certificate));
    if (!space)
        return false;
    ring_commit(producer, record_encode_certificate(certificate, space));
    return true;
}

uint64_t ring_dropped(const struct ring_shared *shared)
{
    uint64_t sum = 0;
    for (int kind = 0; kind < RECORD_KIND_COUNT; kind++)
        sum += __atomic_load_n(&shared->counters.dropped[kind], __ATOMIC_RELAXED);
    return sum;
}

/* Nothing between here and the head can be believed. */
static enum ring_step skip_to_head(struct ring_consumer *consumer, struct span *skipped_out)
{
    *skipped_out = (struct span){NULL, (uint32_t)min_u64(consumer->head - consumer->position, UINT32_MAX)};
    consumer->position = consumer->head;
    return RING_CORRUPT;
}

enum ring_step ring_next(struct ring_consumer *consumer, struct span *record_out)
{
    *record_out = (struct span){NULL, 0};
    /* Two turns: a record, or a filler and the record behind it. */
    for (int turn = 0; turn < 2; turn++) {
        if (consumer->position == consumer->head)
            consumer->head = __atomic_load_n(&consumer->shared->producer.head, __ATOMIC_ACQUIRE);
        uint64_t available = consumer->head - consumer->position;
        if (available == 0)
            return RING_EMPTY;
        uint32_t offset = (uint32_t)(consumer->position & (consumer->size_bytes - 1));
        uint32_t rest = consumer->size_bytes - offset;
        if (available > consumer->size_bytes || available % RECORD_ALIGNMENT || offset % RECORD_ALIGNMENT)
            return skip_to_head(consumer, record_out);
        struct filler first; /* one copy: the other process may change it between two looks */
        memcpy(&first, consumer->data + offset, sizeof(first));
        if (first.kind != RECORD_NONE) {
            if (first.size < sizeof(struct record_header) || first.size > RECORD_SIZE_MAX ||
                align_up(first.size) > min_u64(rest, available))
                return skip_to_head(consumer, record_out);
            *record_out = span_of(consumer->data + offset, first.size);
            consumer->position += align_up(first.size);
            return RING_RECORD;
        }
        if (first.size != rest || first.size > available)
            return skip_to_head(consumer, record_out);
        consumer->position += first.size;
    }
    return skip_to_head(consumer, record_out);
}

void ring_release(struct ring_consumer *consumer, uint64_t position)
{
    __atomic_store_n(&consumer->shared->consumer.tail, position, __ATOMIC_RELEASE);
}

int ring_producer_init(struct ring_producer *producer, struct ring_shared *shared, uint8_t *data, uint32_t size_bytes,
                       uint16_t ring)
{
    require(size_bytes && (size_bytes & (size_bytes - 1)) == 0);
    uint64_t head = __atomic_load_n(&shared->producer.head, __ATOMIC_ACQUIRE);
    uint64_t tail = __atomic_load_n(&shared->consumer.tail, __ATOMIC_ACQUIRE);
    const struct ring_slot *slots = shared->producer.slots;
    uint8_t current = slots[0].head == head ? 0 : 1;
    if (slots[current].head != head || head - tail > size_bytes || head % RECORD_ALIGNMENT)
        return -EPROTO;
    *producer = (struct ring_producer){.shared = shared,
                                       .data = data,
                                       .position = head,
                                       .published = head,
                                       .tail = tail,
                                       .sequence = slots[current].sequence,
                                       .size_bytes = size_bytes,
                                       .ring = ring,
                                       .slot = current ^ 1};
    return 0;
}

void ring_consumer_init(struct ring_consumer *consumer, struct ring_shared *shared, const uint8_t *data,
                        uint32_t size_bytes)
{
    uint64_t tail = __atomic_load_n(&shared->consumer.tail, __ATOMIC_ACQUIRE);
    *consumer = (struct ring_consumer){
        .shared = shared, .data = data, .position = tail, .head = tail, .size_bytes = size_bytes};
}
