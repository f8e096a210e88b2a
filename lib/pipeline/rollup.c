/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Roll-ups
 *
 * Passes are counted, not told one by one: for each operation a row of counters for each rule, told once a minute of
 * packet time. Telling is spread over bursts, so that a large registry never holds up the port; an epoch that was
 * replaced is kept until its last counts are told. Coverage by service goes the same way, from a second table while the
 * first one counts on.
 */

#include "pipeline/worker.h"

#define ROLLUP_INTERVAL_NS    UINT64_C(60000000000)
#define ROLLUP_OPERATIONS_MAX 4u  /* told in one burst: about 200 records, some ten microseconds */
#define ROLLUP_SERVICES_MAX   64u /* looked at in one burst: as many records, some microseconds */

void rollup_open(struct pipeline *worker, struct epoch *epoch, uint32_t operation, uint32_t calls,
                 struct policy_sink *sink)
{
    struct epoch_worker *own = &epoch->workers[worker->options.worker];
    uint32_t rules = policy_rule_count(epoch->policy);
    struct epoch_operation *counts = &own->operations[operation];
    counts->calls += calls;
    if (!counts->touched && worker->options.rollups) {
        counts->touched = true;
        if (own->touched_count == 0) {
            own->rollup_start_ns = worker->now_ns;
            epoch_enter(epoch, worker->options.worker);
            require(worker->rollup_count < ARRAY_COUNT(worker->rollups));
            worker->rollups[worker->rollup_count++] = epoch;
        }
        own->touched[own->touched_count++] = operation;
    }
    sink->verdicts = &own->verdicts[(size_t)operation * rules];
    sink->judged = counts->judged;
}

static bool verdicts_any(const uint64_t verdicts[VERDICT_COUNT])
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < VERDICT_COUNT; i++)
        sum += verdicts[i];
    return sum != 0;
}

static void tell_operation(struct pipeline *worker, struct epoch *epoch, uint32_t operation)
{
    struct epoch_worker *own = &epoch->workers[worker->options.worker];
    uint32_t rules = policy_rule_count(epoch->policy);
    /* The clock may have been set back since. */
    uint64_t elapsed_ns = worker->now_ns > own->rollup_start_ns ? worker->now_ns - own->rollup_start_ns : 0;
    bool registered = epoch->registry && operation < registry_operation_count(epoch->registry);
    struct rollup rollup = {
        .start_ns = own->rollup_start_ns,
        .seconds = (uint32_t)min_u64((elapsed_ns + 999999999) / 1000000000, UINT32_MAX),
        .epoch = epoch->number,
        .calls = own->operations[operation].calls,
        .operation = registered ? registry_operation_at(epoch->registry, operation)->id : (struct span){0},
    };
    tell_rollup(worker, &rollup);
    struct policy_sink counted = {.verdicts = &own->verdicts[(size_t)operation * rules],
                                  .judged = own->operations[operation].judged};
    uint64_t(*row)[VERDICT_COUNT] = counted.verdicts;
    policy_count_rest(epoch->policy, &counted);
    for (uint32_t rule = 0; rule < rules; rule++) {
        if (!verdicts_any(row[rule]))
            continue;
        rollup.rule = policy_rule_id(epoch->policy, rule);
        memcpy(rollup.verdicts, row[rule], sizeof(rollup.verdicts));
        tell_rollup(worker, &rollup);
        memset(row[rule], 0, sizeof(row[rule]));
    }
    own->operations[operation] = (struct epoch_operation){0};
}

/* Tells up to `limit` operations. True when all of them are told. */
static bool tell_epoch(struct pipeline *worker, struct epoch *epoch, uint32_t limit)
{
    struct epoch_worker *own = &epoch->workers[worker->options.worker];
    for (; limit && own->touched_count; limit--)
        tell_operation(worker, epoch, own->touched[--own->touched_count]);
    return own->touched_count == 0;
}

static bool due(const struct pipeline *worker, const struct epoch *epoch)
{
    uint64_t start = epoch->workers[worker->options.worker].rollup_start_ns;
    return epoch != worker->epoch || worker->now_ns / ROLLUP_INTERVAL_NS != start / ROLLUP_INTERVAL_NS;
}

static void advance(struct pipeline *worker, bool all)
{
    for (uint32_t i = 0; i < worker->rollup_count;) {
        struct epoch *epoch = worker->rollups[i];
        bool told = (all || due(worker, epoch)) && tell_epoch(worker, epoch, all ? UINT32_MAX : ROLLUP_OPERATIONS_MAX);
        if (!told) {
            i++;
            continue;
        }
        worker->rollups[i] = worker->rollups[--worker->rollup_count];
        epoch_leave(epoch, worker->options.worker);
    }
}

/* ------------------------------------------------------------------- services */

static void tell_services(struct pipeline *worker, uint32_t limit)
{
    uint64_t end_ns = worker->services->begin_ns, begin_ns = worker->services_last->begin_ns;
    uint64_t seconds = end_ns > begin_ns ? (end_ns - begin_ns + 999999999) / 1000000000 : 0;
    for (; limit && worker->service_next < SERVICE_ENTRIES_MAX; limit--) {
        struct service_report report;
        if (service_table_entry(worker->services_last, worker->service_next, &report)) {
            report.worker = worker->options.worker;
            report.seconds = (uint32_t)min_u64(seconds, UINT32_MAX);
            tell_service(worker, &report);
        }
        worker->service_next++;
        /* Behind the last row come the two entries that every table has. */
        if (worker->service_next >= worker->services_last->count && worker->service_next < SERVICE_ROWS_MAX)
            worker->service_next = SERVICE_ROWS_MAX;
    }
}

static void services_swap(struct pipeline *worker)
{
    struct service_table *table = worker->services_last;
    tell_services(worker,
                  SERVICE_ENTRIES_MAX); /* what the bursts of a minute left over: nothing, unless there were few */
    service_table_init(table, &worker->options.service_key);
    table->begin_ns = worker->now_ns;
    worker->services_last = worker->services;
    worker->services = table;
    worker->service_next = 0;
    /* Release: pairs with the acquire in pipeline_services_wait(). */
    __atomic_store_n(&worker->services_ended, worker->services_ended + 1, __ATOMIC_RELEASE);
}

/* Nobody reads the minute before any more. */
static bool services_free(const struct pipeline *worker)
{
    /* Acquire: pairs with the release in pipeline_services_take(). */
    return !worker->options.services_taken ||
           __atomic_load_n(&worker->services_taken, __ATOMIC_ACQUIRE) == worker->services_ended;
}

static void services_advance(struct pipeline *worker)
{
    uint64_t begin_ns = worker->services->begin_ns;
    if (begin_ns == 0)
        worker->services->begin_ns = worker->now_ns;
    else if (unlikely(worker->now_ns / ROLLUP_INTERVAL_NS != begin_ns / ROLLUP_INTERVAL_NS) && services_free(worker))
        services_swap(worker);
    if (worker->service_next < SERVICE_ENTRIES_MAX)
        tell_services(worker, ROLLUP_SERVICES_MAX);
}

/* --------------------------------------------------------------------- public */

void rollup_advance(struct pipeline *worker)
{
    if (worker->rollup_count)
        advance(worker, false);
    if (worker->options.rollups)
        services_advance(worker);
}

bool pipeline_services_wait(const struct pipeline *pipeline)
{
    /* Acquire: pairs with the release in services_swap(). */
    return __atomic_load_n(&pipeline->services_ended, __ATOMIC_ACQUIRE) != pipeline->services_taken;
}

void pipeline_services_take(struct pipeline *pipeline, struct service_table *total)
{
    service_table_add(total, pipeline->services_last);
    __atomic_store_n(&pipeline->services_taken, pipeline->services_ended, __ATOMIC_RELEASE);
}

void rollup_flush(struct pipeline *worker)
{
    advance(worker, true);
    certificates_flush(worker);
    if (!worker->options.rollups)
        return;
    services_swap(worker);
    tell_services(worker, SERVICE_ENTRIES_MAX);
}
