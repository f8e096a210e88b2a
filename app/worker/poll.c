/* SPDX-License-Identifier: Apache-2.0 */

/* Poll loop: bursts from each queue of this worker, run to completion. */

#include <sched.h>
#include <string.h>
#include <time.h>

#include "certificate/cache.h"
#include "worker.h"

/* An empty turn costs little; only after so many in a row is it worth giving the core away. */
#define IDLE_TURNS_MAX 256u
#define STATUS_NS      UINT64_C(500000000)

static inline uint64_t cycles(void)
{
    return __builtin_ia32_rdtsc();
}

static void tell_status(struct poll *poll, uint64_t now_ns)
{
    const struct pipeline_counts *counts = pipeline_counts(poll->pipeline);
    const struct certificate_cache_counts *certificates = pipeline_certificates(poll->pipeline);
    struct worker_status now = {
        .heartbeat_ns = now_ns,
        .epoch = pipeline_epoch(poll->pipeline),
        .packets = counts->packets,
        .transactions = counts->transactions,
        .findings = counts->findings,
        .given = counts->given,
        .taken = counts->taken,
        .split = counts->split,
        .cycles_busy = poll->cycles_busy,
        .cycles_idle = poll->cycles_idle,
        .certificates = {.presented = certificates->lookups,
                         .read = certificates->reads,
                         .unreadable = certificates->malformed,
                         .staples = certificates->staples,
                         .refused = certificates->refused,
                         .no_room = certificates->full},
        .ledger = *pipeline_ledger(poll->pipeline),
    };
    memcpy(now.stage_cycles, pipeline_stages(poll->pipeline)->cycles, sizeof(now.stage_cycles));
    for (uint32_t i = 0; i < LEDGER_MISSING_COUNT; i++)
        now.ledger.missing[i] += __atomic_load_n(&poll->nic_missing[i], __ATOMIC_RELAXED);
    worker_status_store(poll->status, &now);
}

/* One burst from each queue, and what other workers handed over. Returns the number of packets. */
static uint32_t turn(struct poll *poll)
{
    struct packet packets[PACKET_BURST_MAX];
    uint32_t total = 0;
    for (uint32_t i = 0; i < poll->queue_count; i++) {
        enum stage stage = stage_enter(pipeline_stages(poll->pipeline), STAGE_RECEIVE);
        uint32_t count = capture_queue_burst(poll->queues[i], packets);
        stage_leave(pipeline_stages(poll->pipeline), stage);
        if (count == 0)
            continue;
        pipeline_burst(poll->pipeline, packets, count);
        capture_queue_release(poll->queues[i]);
        total += count;
    }
    return total + pipeline_take(poll->pipeline);
}

static uint64_t now(struct poll *poll)
{
    return poll->queue_count ? capture_queue_now(poll->queues[0]) : capture_ports_now(poll->ports);
}

/* All stop at the same time, but what one has given before, the other still takes. */
static void finish(struct poll *poll)
{
    /* Release: pairs with the acquire below, so that what was given before is taken. */
    __atomic_fetch_sub(poll->giving, 1, __ATOMIC_RELEASE);
    for (;;) {
        bool last = __atomic_load_n(poll->giving, __ATOMIC_ACQUIRE) == 0;
        uint32_t taken = pipeline_take(poll->pipeline);
        if (last && taken == 0)
            break;
        if (taken == 0)
            sched_yield();
    }
    pipeline_flush(poll->pipeline);
    tell_status(poll, now(poll));
}

int poll_run(void *argument)
{
    struct poll *poll = argument;
    const struct timespec nap = {.tv_nsec = (long)poll->idle_sleep_us * 1000};
    uint64_t next_status_ns = 0, before = cycles();
    uint32_t idle = 0;
    /* Acquire: pairs with the release of whoever stops us, so that everything it wrote before is seen. */
    while (!__atomic_load_n(poll->stop, __ATOMIC_ACQUIRE)) {
        uint32_t count = turn(poll);
        uint64_t now_ns = now(poll);
        if (count == 0)
            pipeline_idle(poll->pipeline, now_ns);
        uint64_t after = cycles();
        *(count ? &poll->cycles_busy : &poll->cycles_idle) += after - before;
        before = after;
        if (now_ns >= next_status_ns) {
            tell_status(poll, now_ns);
            next_status_ns = now_ns + STATUS_NS;
        }
        idle = count ? 0 : idle + 1;
        if (idle > IDLE_TURNS_MAX && poll->idle_sleep_us)
            nanosleep(&nap, NULL);
    }
    finish(poll);
    return 0;
}
