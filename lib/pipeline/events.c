/* SPDX-License-Identifier: Apache-2.0 */

/* Events: the one place where the pipeline meets the ring, and where a full ring is accounted for. */

#include "pipeline/worker.h"

static bool make_room(struct pipeline *worker)
{
    if (!worker->options.make_room)
        return false;
    ring_publish(worker->options.ring);
    worker->options.make_room(worker->options.make_room_context);
    return true;
}

void events_publish(struct pipeline *worker)
{
    ring_publish(worker->options.ring);
    if (worker->options.sightings)
        ring_publish(worker->options.sightings);
}

static void lost(struct pipeline *worker)
{
    ledger_raise(&worker->counts.events_lost, 1);
    ledger_miss(&worker->ledger, LEDGER_MISSING_EVENTS, 1);
}

void tell_finding(void *context, const struct finding *finding)
{
    struct pipeline *worker = context;
    struct ring_producer *ring = worker->options.ring;
    enum stage stage = stage_enter(&worker->stages, STAGE_QUEUE);
    if (ring_put_finding(ring, finding) || (make_room(worker) && ring_put_finding(ring, finding)))
        ledger_raise(&worker->counts.findings, 1);
    else
        lost(worker);
    stage_leave(&worker->stages, stage);
}

/* To whoever compares the calls of all workers; never waited for. */
void tell_sighting(void *context, const struct sighting *sighting, const struct finding *finding)
{
    struct pipeline *worker = context;
    enum stage stage = stage_enter(&worker->stages, STAGE_QUEUE);
    if (!ring_put_sighting(worker->options.sightings, sighting, finding))
        ledger_miss(&worker->ledger, LEDGER_MISSING_SIGHTINGS, 1);
    stage_leave(&worker->stages, stage);
}

void tell_call(struct pipeline *worker, const struct call *call)
{
    struct ring_producer *ring = worker->options.ring;
    enum stage stage = stage_enter(&worker->stages, STAGE_QUEUE);
    if (!ring_put_call(ring, call) && !(make_room(worker) && ring_put_call(ring, call)))
        lost(worker);
    stage_leave(&worker->stages, stage);
}

void tell_service(struct pipeline *worker, const struct service_report *service)
{
    struct ring_producer *ring = worker->options.ring;
    enum stage stage = stage_enter(&worker->stages, STAGE_QUEUE);
    if (!ring_put_service(ring, service) && !(make_room(worker) && ring_put_service(ring, service)))
        lost(worker);
    stage_leave(&worker->stages, stage);
}

void tell_certificate(struct pipeline *worker, const struct certificate_report *certificate)
{
    struct ring_producer *ring = worker->options.ring;
    enum stage stage = stage_enter(&worker->stages, STAGE_QUEUE);
    if (!ring_put_certificate(ring, certificate) && !(make_room(worker) && ring_put_certificate(ring, certificate)))
        lost(worker);
    stage_leave(&worker->stages, stage);
}

void tell_rollup(struct pipeline *worker, const struct rollup *rollup)
{
    struct ring_producer *ring = worker->options.ring;
    enum stage stage = stage_enter(&worker->stages, STAGE_QUEUE);
    if (!ring_put_rollup(ring, rollup) && !(make_room(worker) && ring_put_rollup(ring, rollup)))
        lost(worker);
    stage_leave(&worker->stages, stage);
}
