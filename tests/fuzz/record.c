/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fuzz target: the reporter's side of a ring whose writer is hostile.
 *
 * The first byte chooses: even, the rest is one record; odd, the rest is a ring's beginning, the second byte its head.
 * Whatever decodes must give JSON that fits, and must be the same record when encoded again.
 */

#include <stdlib.h>

#include "event/json.h"
#include "event/ring.h"

#define RING_BYTES 65536u
#define STEPS_MAX  (RING_BYTES / RECORD_ALIGNMENT + 2)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t encode(const struct record *record, void *record_out)
{
    switch ((enum record_kind)record->header.kind) {
    case RECORD_FINDING:
        return record_encode_finding(&record->finding, record_out);
    case RECORD_ROLLUP:
        return record_encode_rollup(&record->rollup, record_out);
    case RECORD_LEDGER:
        return record_encode_ledger(&record->ledger, record_out);
    case RECORD_RELOAD:
        return record_encode_reload(&record->reload, record_out);
    case RECORD_LIFECYCLE:
        return record_encode_lifecycle(&record->lifecycle, record_out);
    case RECORD_HEARTBEAT:
        return record_encode_heartbeat(&record->heartbeat, record_out);
    case RECORD_SERVICE:
        return record_encode_service(&record->service, record_out);
    case RECORD_CERTIFICATE:
        return record_encode_certificate(&record->certificate, record_out);
    default:
        return record_encode_call(&record->call, record_out);
    }
}

static void try_record(const uint8_t *data, size_t size)
{
    static char text[EVENT_JSON_MAX];
    static uint64_t again[RECORD_SIZE_MAX / 8];
    struct record record;
    struct json_writer writer;
    struct event_origin origin = {.sensor = "s", .ring = 1, .sequence = 2};
    json_writer_init(&writer, text, sizeof(text));
    if (size > RECORD_SIZE_MAX)
        return;
    if (record_decode(data, size, &record)) {
        event_json_unreadable(&writer, span_of(data, size), &origin);
    } else {
        event_json_record(&writer, &record, &origin);
        size_t header = sizeof(struct record_header);
        uint32_t size_again = encode(&record, again);
        require(size_again == size);
        require(memcmp((const uint8_t *)again + header, data + header, size - header) == 0);
    }
    require(!writer.overflow && writer.depth == 0);
}

static void try_ring(const uint8_t *data, size_t size, uint8_t head)
{
    static uint8_t ring[RING_BYTES];
    static struct ring_shared shared;
    memset(ring, 0, sizeof(ring));
    memcpy(ring, data, size < sizeof(ring) ? size : sizeof(ring));
    memset(&shared, 0, sizeof(shared));
    shared.producer.head = head < 250 ? (size + 7) / 8 * 8 : UINT64_MAX - head;
    struct ring_consumer consumer;
    struct span record;
    uint32_t steps = 0;
    ring_consumer_init(&consumer, &shared, ring, RING_BYTES);
    for (enum ring_step step = ring_next(&consumer, &record); step != RING_EMPTY;
         step = ring_next(&consumer, &record)) {
        require(++steps < STEPS_MAX);
        if (step == RING_RECORD) {
            require(record.data >= ring && record.data + record.size <= ring + sizeof(ring));
            try_record(record.data, record.size);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    if (data[0] % 2)
        try_ring(data + 2, size - 2, data[1]);
    else
        try_record(data + 2, size - 2);
    return 0;
}
