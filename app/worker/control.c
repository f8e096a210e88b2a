/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Control thread: everything the worker process does that is not a packet. It builds new epochs off the worker cores,
 * publishes them, frees old ones, and tells reloads, coverage (with the findings about it) and signs of life through a
 * ring of its own.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "version.h"
#include "worker.h"

#define SECOND_NS    UINT64_C(1000000000)
#define HEARTBEAT_NS (10 * SECOND_NS) /* a silence longer than this in the log means that somebody cut it */
#define TICK_NS      20000000l        /* how long a request for a reload waits at most */
#define ADOPT_NS     (5 * SECOND_NS)  /* workers adopt between bursts: far longer than any burst takes */

static volatile sig_atomic_t stop_asked, reload_asked;

static void on_signal(int number)
{
    if (number == SIGHUP)
        reload_asked = 1;
    else
        stop_asked = 1;
}

static uint64_t clock_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static struct ring_producer *control_ring(struct control *control)
{
    return queue_producer(control->queue, control->worker_count);
}

/* ------------------------------------------------------------------- telling */

static void tell_finding(void *context, const struct finding *finding)
{
    (void)ring_put_finding(control_ring(context), finding);
}

bool control_make_join(struct control *control)
{
    struct sighting_join_options options = {
        .worker_count = control->worker_count, .context = control, .finding = tell_finding};
    if (sighting_join_new(&options, &control->sightings) == 0)
        return true;
    fputs("assay-worker: no memory to compare calls\n", stderr);
    return false;
}

void control_join_sightings(struct control *control)
{
    struct control_status *status = queue_control_status(control->queue);
    sighting_join_run(control->sightings);
    ring_publish(control_ring(control));
    __atomic_store_n(&status->sightings_held, sighting_join_held(control->sightings), __ATOMIC_RELAXED);
}

static struct coverage_judge judge_of(struct control *control)
{
    const struct epoch *epoch = control->publication.current;
    return (struct coverage_judge){
        .policy = epoch->policy,
        .epoch = epoch->number,
        .rules_digest = span_from_text(epoch->rules_digest),
        .registry_digest = span_from_text(epoch->registry_digest),
        .context = control,
        .finding = tell_finding,
    };
}

void control_tell_lifecycle(struct control *control, enum lifecycle_event event)
{
    const struct epoch *epoch = control->publication.current;
    struct lifecycle lifecycle = {
        .time_ns = clock_ns(CLOCK_REALTIME),
        .event = event,
        .worker = RECORD_WORKER_ALL,
        .pid = (uint32_t)getpid(),
        .epoch = epoch->number,
        .version = SPAN_LITERAL(ASSAY_VERSION),
        .configuration_digest = span_from_text(epoch->configuration_digest),
    };
    (void)ring_put_lifecycle(control_ring(control), &lifecycle);
    struct coverage_judge judge = judge_of(control);
    coverage_tell_lifecycle(&judge, &lifecycle);
    ring_publish(control_ring(control));
}

static void ledger_of(const struct poll *poll, struct ledger *ledger_out)
{
    ledger_read(pipeline_ledger(poll->pipeline), ledger_out);
    for (uint32_t i = 0; i < LEDGER_MISSING_COUNT; i++)
        ledger_out->missing[i] += __atomic_load_n(&poll->nic_missing[i], __ATOMIC_RELAXED);
}

/* Each worker ends its minutes by itself, all within a moment of each other. */
void control_judge_services(struct control *control)
{
    struct service_table *services = control->services;
    for (uint32_t i = 0; i < control->worker_count; i++)
        if (!pipeline_services_wait(control->polls[i].pipeline))
            return;
    service_table_init(services, &control->service_key);
    for (uint32_t i = 0; i < control->worker_count; i++)
        pipeline_services_take(control->polls[i].pipeline, services);
    struct coverage_judge judge = judge_of(control);
    struct service_report report;
    for (uint32_t i = 0; i < SERVICE_ENTRIES_MAX; i++)
        if (service_table_entry(services, i, &report))
            coverage_judge_service(&control->coverage, &judge, &report, clock_ns(CLOCK_REALTIME));
    ring_publish(control_ring(control));
}

void control_tell_ledger(struct control *control)
{
    struct ledger_report all = {.time_ns = clock_ns(CLOCK_REALTIME),
                                .worker = RECORD_WORKER_ALL,
                                .epoch = control->publication.current->number};
    for (uint32_t i = 0; i < control->worker_count; i++) {
        struct ledger_report one = all;
        one.worker = i;
        ledger_of(&control->polls[i], &one.ledger);
        ledger_add(&all.ledger, &one.ledger);
        if (control->worker_count > 1)
            (void)ring_put_ledger(control_ring(control), &one);
    }
    (void)ring_put_ledger(control_ring(control), &all);
    struct coverage_clock clock;
    coverage_clock_read(&clock);
    struct coverage_judge judge = judge_of(control);
    coverage_judge_interval(&control->coverage, &judge, &all.ledger, &clock);
    ring_publish(control_ring(control));
}

/* No sign of life: nobody polls, and nobody died. */
void control_clear_status(struct control *control)
{
    for (uint32_t i = 0; i < control->worker_count; i++) {
        struct worker_status *status = queue_worker_status(control->queue, i);
        __atomic_store_n(&status->heartbeat_ns, 0, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&queue_control_status(control->queue)->sightings_held, 0, __ATOMIC_RELAXED);
}

/*
 * A worker that was killed could not tell its last ledger; what its status said half a second before its end at most is
 * told by the next one.
 */
void control_tell_predecessor(struct control *control)
{
    if (!queue_was_taken_over(control->queue))
        return;
    struct ledger_report all = {.worker = RECORD_WORKER_ALL};
    for (uint32_t i = 0; i < control->worker_count; i++) {
        const struct worker_status *status = queue_worker_status(control->queue, i);
        struct ledger ledger;
        ledger_read(&status->ledger, &ledger);
        ledger_add(&all.ledger, &ledger);
        if (status->heartbeat_ns > all.time_ns) {
            all.time_ns = status->heartbeat_ns;
            all.epoch = (uint32_t)status->epoch;
        }
    }
    /* What the dead one remembered of calls can be held against none that comes. */
    all.ledger.missing[LEDGER_MISSING_SIGHTINGS] +=
        __atomic_load_n(&queue_control_status(control->queue)->sightings_held, __ATOMIC_RELAXED);
    control_clear_status(control);
    if (all.time_ns == 0)
        return;
    struct lifecycle died = {.time_ns = all.time_ns,
                             .event = LIFECYCLE_DIED,
                             .worker = RECORD_WORKER_ALL,
                             .epoch = all.epoch,
                             .version = SPAN_LITERAL(ASSAY_VERSION)};
    (void)ring_put_ledger(control_ring(control), &all);
    (void)ring_put_lifecycle(control_ring(control), &died);
    ring_publish(control_ring(control));
}

static void tell_heartbeat(struct control *control)
{
    struct heartbeat heartbeat = {
        .time_ns = clock_ns(CLOCK_REALTIME), .pid = (uint32_t)getpid(), .epoch = control->publication.current->number};
    for (uint32_t i = 0; i < control->worker_count; i++) {
        const struct pipeline_counts *counts = pipeline_counts(control->polls[i].pipeline);
        heartbeat.packets += __atomic_load_n(&counts->packets, __ATOMIC_RELAXED);
        heartbeat.transactions += __atomic_load_n(&counts->transactions, __ATOMIC_RELAXED);
        heartbeat.findings += __atomic_load_n(&counts->findings, __ATOMIC_RELAXED);
    }
    (void)ring_put_heartbeat(control_ring(control), &heartbeat);
    ring_publish(control_ring(control));
}

static void tell_reload(struct control *control, const struct epoch *offered, const char *error)
{
    struct control_status *status = queue_control_status(control->queue);
    struct reload_report report = {
        .time_ns = clock_ns(CLOCK_REALTIME),
        .accepted = error == NULL,
        .epoch = control->publication.current->number,
        .pid = (uint32_t)__atomic_load_n(&status->reload_pid, __ATOMIC_RELAXED),
        .uid = (uint32_t)__atomic_load_n(&status->reload_uid, __ATOMIC_RELAXED),
    };
    if (offered) {
        report.rules_digest = span_from_text(offered->rules_digest);
        report.registry_digest = span_from_text(offered->registry_digest);
        report.configuration_digest = span_from_text(offered->configuration_digest);
    }
    if (error)
        report.error = span_from_text(error);
    (void)ring_put_reload(control_ring(control), &report);
    struct coverage_judge judge = judge_of(control);
    coverage_tell_reload(&judge, &report);
    ring_publish(control_ring(control));
}

static void tell_epoch(struct control *control)
{
    const struct epoch *epoch = control->publication.current;
    struct epoch_status status = {.number = epoch->number, .since_ns = clock_ns(CLOCK_REALTIME)};
    segment_text_store(status.rules_digest, sizeof(status.rules_digest), epoch->rules_digest);
    segment_text_store(status.registry_digest, sizeof(status.registry_digest), epoch->registry_digest);
    segment_text_store(status.configuration_digest, sizeof(status.configuration_digest), epoch->configuration_digest);
    control_epoch_store(queue_control_status(control->queue), &status);
}

/* -------------------------------------------------------------------- epochs */

static int build_epoch(struct control *control, const struct settings *settings, struct diagnostics *diagnostics,
                       struct epoch **epoch_out)
{
    struct epoch_sources sources = {
        .settings = settings,
        .settings_path = control->config_path,
        .number = control->epoch_number + 1,
        .worker_count = control->worker_count,
        .previous = control->publication.current,
        .key = &control->digest_key,
    };
    return epoch_build(&sources, diagnostics, epoch_out);
}

/* In force from now on; its number is used up. */
static int offer_epoch(struct control *control, struct epoch *epoch)
{
    int result = publication_offer(&control->publication, epoch);
    if (result == 0)
        control->epoch_number = epoch->number;
    return result;
}

bool control_first_epoch(struct control *control)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct epoch *epoch;
    int result = build_epoch(control, &control->settings, &diagnostics, &epoch);
    if (result == 0)
        result = offer_epoch(control, epoch);
    diagnostics_print(&diagnostics, stderr);
    diagnostics_deinit(&diagnostics);
    return result == 0;
}

static void print_to(const struct diagnostics *diagnostics, char *text, size_t size)
{
    memset(text, 0, size);
    FILE *stream = fmemopen(text, size - 1, "w");
    if (!stream)
        return;
    diagnostics_print(diagnostics, stream);
    fclose(stream);
}

/* What only a restart can change is named, so that nobody waits for it to happen. */
static void warn_of_fixed_settings(const struct control *control, const struct settings *offered,
                                   struct diagnostics *diagnostics)
{
    const struct settings_workers *now = &control->settings.workers, *then = &offered->workers;
    bool same_driver = control->settings.capture.driver && offered->capture.driver &&
                       strcmp(control->settings.capture.driver, offered->capture.driver) == 0;
    if (memcmp(now, then, sizeof(*now)) != 0 || !same_driver ||
        strcmp(control->settings.queue.name, offered->queue.name) ||
        control->settings.queue.size_kib != offered->queue.size_kib || control->settings.fips != offered->fips)
        diagnostics_add(
            diagnostics, DIAGNOSTIC_WARNING, &(struct diagnostic_place){.file = control->config_path},
            "changes of `workers`, `capture`, `queue` and `fips` take effect when the worker is started again");
}

static int offer_new_epoch(struct control *control, struct diagnostics *diagnostics, struct epoch **epoch_out)
{
    struct settings settings = {0};
    int result = settings_load(control->config_path, diagnostics, &settings);
    if (result == 0)
        warn_of_fixed_settings(control, &settings, diagnostics);
    if (result == 0)
        result = build_epoch(control, &settings, diagnostics, epoch_out);
    settings_deinit(&settings);
    if (result < 0)
        return result;
    result = offer_epoch(control, *epoch_out);
    if (result < 0) {
        diagnostics_add(
            diagnostics, DIAGNOSTIC_ERROR, NULL,
            "%u older rule sets are still in use by calls that have not ended; repeat the reload when they have",
            PUBLICATION_EPOCHS_MAX - 1);
        epoch_free(*epoch_out);
        *epoch_out = NULL;
    }
    return result;
}

static bool wait_for_adoption(const struct control *control, uint32_t number)
{
    const struct timespec nap = {.tv_nsec = 100000};
    uint64_t end = clock_ns(CLOCK_MONOTONIC) + ADOPT_NS;
    while (!publication_adopted_by_all(&control->publication, number)) {
        if (clock_ns(CLOCK_MONOTONIC) > end)
            return false;
        nanosleep(&nap, NULL);
    }
    return true;
}

static void reload(struct control *control, uint64_t ticket)
{
    uint64_t start = clock_ns(CLOCK_MONOTONIC);
    char text[CONTROL_TEXT_SIZE];
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct epoch *epoch = NULL;
    int result = offer_new_epoch(control, &diagnostics, &epoch);
    print_to(&diagnostics, text, sizeof(text));
    if (result == 0) {
        bool adopted = wait_for_adoption(control, epoch->number);
        size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, "epoch %u is in force (%.0f ms)%s\n", epoch->number,
                 (double)(clock_ns(CLOCK_MONOTONIC) - start) / 1e6,
                 adopted ? "" : "; a worker has not adopted it yet: is it alive?");
        tell_epoch(control);
        tell_reload(control, epoch, NULL);
    } else {
        char first[RECORD_TEXT_MAX];
        snprintf(first, sizeof(first), "%.*s", (int)strcspn(text, "\n"), text);
        tell_reload(control, NULL, first);
        fprintf(stderr, "assay-worker: reload refused, epoch %u stays in force:\n%s",
                control->publication.current->number, text);
    }
    if (ticket)
        control_reload_finish(queue_control_status(control->queue), ticket, result, text);
    if (result == 0 && !control->quiet)
        fprintf(stderr, "assay-worker: %s", text);
    diagnostics_deinit(&diagnostics);
}

/* ---------------------------------------------------------------------- loop */

static void tell_port(struct control *control, uint32_t port, const struct capture_port_statistics *statistics)
{
    struct port_status status = {
        .queue_count = statistics->queue_count,
        .received_packets = statistics->received_packets,
        .received_bytes = statistics->received_bytes,
        .missed_packets = statistics->missed_packets,
        .error_packets = statistics->error_packets,
        .no_buffer_packets = statistics->no_buffer_packets,
    };
    static_assert(sizeof(status.name) == sizeof(statistics->name), "copied whole");
    static_assert(SEGMENT_PORTS_MAX == DRIVER_PORTS_MAX && SEGMENT_QUEUES_MAX == DRIVER_QUEUES_MAX,
                  "every one is told");
    memcpy(status.name, statistics->name, sizeof(status.name));
    memcpy(status.queue_packets, statistics->queue_packets, sizeof(status.queue_packets));
    memcpy(status.queue_errors, statistics->queue_errors, sizeof(status.queue_errors));
    control_port_store(queue_control_status(control->queue), port, &status);
}

/* NICs count for a whole port; the first worker's ledger tells it. Port i's losses go to worker i, where there is one.
 */
static void read_nics(struct control *control)
{
    uint64_t sums[DRIVER_WORKERS_MAX][LEDGER_MISSING_COUNT] = {{0}};
    for (uint32_t port = 0; port < capture_ports_count(control->ports); port++) {
        struct capture_port_statistics statistics;
        capture_ports_statistics(control->ports, port, &statistics);
        tell_port(control, port, &statistics);
        uint64_t *sum = sums[port % control->worker_count];
        sum[LEDGER_MISSING_NIC_PACKETS] += statistics.missed_packets;
        sum[LEDGER_MISSING_NIC_ERRORS] += statistics.error_packets;
        sum[LEDGER_MISSING_NO_BUFFER] += statistics.no_buffer_packets;
    }
    sums[0][LEDGER_MISSING_SIGHTINGS] = sighting_join_forgotten(control->sightings);
    for (uint32_t worker = 0; worker < control->worker_count; worker++)
        for (uint32_t i = 0; i < LEDGER_MISSING_COUNT; i++)
            __atomic_store_n(&control->polls[worker].nic_missing[i], sums[worker][i], __ATOMIC_RELAXED);
}

static void tick(struct control *control)
{
    uint64_t now = clock_ns(CLOCK_MONOTONIC);
    if (now >= control->next_second_ns) {
        control->next_second_ns = now + SECOND_NS;
        capture_ports_tick(control->ports);
        read_nics(control);
        publication_collect(&control->publication);
        control_judge_services(control);
    }
    if (now >= control->next_heartbeat_ns) {
        control->next_heartbeat_ns = now + HEARTBEAT_NS;
        tell_heartbeat(control);
    }
    if (now >= control->next_ledger_ns) {
        if (control->next_ledger_ns)
            control_tell_ledger(control);
        control->next_ledger_ns = now + control->settings.ledger.interval_seconds * SECOND_NS;
    }
}

void control_catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGHUP, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

void control_run(struct control *control)
{
    tell_epoch(control);
    struct coverage_clock clock;
    coverage_clock_read(&clock);
    coverage_init(&control->coverage, &(struct ledger){0}, &clock);
    const struct timespec nap = {.tv_nsec = TICK_NS};
    while (!stop_asked) {
        uint64_t ticket = control_reload_pending(queue_control_status(control->queue));
        if (ticket || reload_asked) {
            reload_asked = 0;
            reload(control, ticket);
        }
        tick(control);
        control_join_sightings(control);
        nanosleep(&nap, NULL);
    }
    read_nics(control);
    nanosleep(&nap, NULL);
    read_nics(control);
    /* Release: pairs with the acquire in poll_run(). */
    __atomic_store_n(&control->stop, 1, __ATOMIC_RELEASE);
}
