/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Source
 *
 * The worker is where hostile bytes are parsed, so what it leaves in the rings is not trusted: a record is copied
 * before it is looked at, what cannot be decoded is kept as hex, and a sequence out of order is told, not repaired.
 */

#include "reporter/source.h"

#include <errno.h>
#include <stdio.h>

#define RECORDS_IN_TURN 256u /* of one ring before the next has its turn: no ring starves */

int source_attach(struct source *source, const char *name, const struct checkpoint *checkpoint)
{
    int status = queue_attach(name, QUEUE_CONSUME, NULL, &source->queue);
    if (status)
        return status;
    snprintf(source->name, sizeof(source->name), "%s", name);
    source->told = false;
    source->corrupt_bytes = 0;
    bool known = checkpoint->queue == queue_instance(source->queue);
    for (uint32_t i = 0; i < queue_ring_count(source->queue); i++) {
        struct source_ring *ring = &source->rings[i];
        *ring = (struct source_ring){.skip_until = known && i < checkpoint->ring_count ? checkpoint->sequences[i] : 0};
        ring->sequence = ring->skip_until;
        queue_consumer(source->queue, i, &ring->consumer);
    }
    return 0;
}

void source_detach(struct source *source)
{
    queue_free(source->queue);
    source->queue = NULL;
}

static void add_record(struct source *source, uint32_t index, uint32_t size, const struct line_context *context,
                       struct batch *batch)
{
    struct source_ring *ring = &source->rings[index];
    struct record_header header;
    struct record record;
    memcpy(&header, source->copy, sizeof(header));
    if (header.sequence <= ring->skip_until)
        return;
    if (header.sequence > ring->sequence + 1)
        line_gap(batch, context, index, ring->sequence + 1, header.sequence - 1);
    ring->skip_until = 0;
    ring->sequence = header.sequence;
    struct event_origin origin = {
        .sensor = context->sensor, .queue = context->queue, .ring = index, .sequence = header.sequence};
    struct json_writer writer = batch_begin_line(batch);
    if (record_decode(source->copy, size, &record) == 0)
        event_json_record(&writer, &record, &origin);
    else
        event_json_unreadable(&writer, span_of(source->copy, size), &origin);
    batch_end_line(batch, &writer);
    batch->records++;
}

/* True when the ring was read to its end. */
static bool drain_ring(struct source *source, uint32_t index, const struct line_context *context, struct batch *batch)
{
    struct ring_consumer *consumer = &source->rings[index].consumer;
    for (uint32_t i = 0; i < RECORDS_IN_TURN; i++) {
        if (!batch_has_room(batch))
            return false;
        struct span bytes;
        enum ring_step step = ring_next(consumer, &bytes);
        if (step == RING_EMPTY)
            return true;
        if (step == RING_CORRUPT) {
            source->corrupt_bytes += bytes.size;
            line_corrupt(batch, context, index, bytes.size);
            continue;
        }
        memcpy(source->copy, bytes.data, bytes.size);
        add_record(source, index, bytes.size, context, batch);
    }
    return false;
}

bool source_drain(struct source *source, const char *sensor, uint64_t time_ns, struct batch *batch)
{
    struct line_context context = {.sensor = sensor, .time_ns = time_ns, .queue = queue_instance(source->queue)};
    if (!source->told)
        line_queue(batch, &context, source->queue);
    source->told = true;
    uint32_t count = queue_ring_count(source->queue);
    bool empty = false;
    while (!empty && batch_has_room(batch)) {
        empty = true;
        for (uint32_t i = 0; i < count; i++)
            empty &= drain_ring(source, i, &context, batch);
    }
    return empty;
}

void source_tell_drops(struct source *source, const char *sensor, uint64_t time_ns, struct batch *batch)
{
    struct line_context context = {.sensor = sensor, .time_ns = time_ns, .queue = queue_instance(source->queue)};
    for (uint32_t i = 0; i < queue_ring_count(source->queue); i++) {
        const struct ring_shared *shared = queue_ring_shared(source->queue, i);
        uint64_t dropped = ring_dropped(shared);
        if (dropped == source->rings[i].dropped)
            continue;
        line_dropped(batch, &context, i, shared);
        source->rings[i].dropped = dropped;
    }
}

void source_checkpoint(const struct source *source, struct checkpoint *checkpoint_out)
{
    *checkpoint_out =
        (struct checkpoint){.queue = queue_instance(source->queue), .ring_count = queue_ring_count(source->queue)};
    for (uint32_t i = 0; i < checkpoint_out->ring_count; i++)
        checkpoint_out->sequences[i] = source->rings[i].sequence;
}

void source_release(struct source *source)
{
    struct reporter_status *status = queue_reporter_status(source->queue);
    for (uint32_t i = 0; i < queue_ring_count(source->queue); i++) {
        struct source_ring *ring = &source->rings[i];
        __atomic_store_n(&status->durable[i], ring->sequence, __ATOMIC_RELAXED);
        ring_release(&ring->consumer, ring->consumer.position);
    }
}

bool source_is_finished(struct source *source, const char *main_name)
{
    if (queue_is_current(source->queue, main_name) || queue_has_producer(source->queue))
        return false;
    /* Looked at after the producer was seen dead: nothing can have come since. */
    for (uint32_t i = 0; i < queue_ring_count(source->queue); i++) {
        struct ring_consumer probe = source->rings[i].consumer;
        struct span bytes;
        if (ring_next(&probe, &bytes) != RING_EMPTY)
            return false;
    }
    return true;
}
