/* SPDX-License-Identifier: Apache-2.0 */

/* Run. Each worker has traffic, pipeline and ring of its own, as if the network card had shared the flows out. */

#include "bench/run.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "generate/protocol.h"

struct worker {
    const struct run_options *options;
    enum subject_kind kind;
    uint32_t index;
    pthread_t thread;
    pthread_barrier_t *ready; /* all begin to measure together */
    struct diagnostics diagnostics;
    struct measurement measurement;
    struct ledger ledger;
    uint64_t missed;
    uint64_t excused;
    uint64_t open;
    uint64_t resident_bytes;
    bool balanced, settled;
    int result;
};

/* Bytes of memory that the process has; 0 when the system does not tell. */
static uint64_t resident_bytes(void)
{
    FILE *stream = fopen("/proc/self/statm", "re");
    unsigned long long size = 0, resident = 0;
    if (!stream)
        return 0;
    int read = fscanf(stream, "%llu %llu", &size, &resident);
    fclose(stream);
    return read == 2 ? resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

/* Packets that are settled, and not as audited. Before the end: that cuts calls in the middle. */
static uint64_t excused_packets(const struct subject *subject)
{
    struct ledger ledger = {0};
    if (subject_ledger(subject))
        ledger_read(subject_ledger(subject), &ledger);
    uint64_t excused = 0;
    for (uint32_t reason = 0; reason < LEDGER_REASON_COUNT; reason++)
        excused += reason == LEDGER_AUDITED ? 0 : ledger.settled[reason].packets;
    return excused;
}

static void finish(struct worker *worker, struct subject *subject, const struct feed *feed)
{
    worker->excused = excused_packets(subject);
    subject_flush(subject);
    const struct ledger *ledger = subject_ledger(subject);
    if (ledger) {
        ledger_read(ledger, &worker->ledger);
        worker->balanced = ledger_balanced(&worker->ledger);
        worker->settled = worker->ledger.pending.packets == 0 && worker->ledger.transactions_pending == 0;
    }
    uint64_t made = traffic_counts(feed->traffic)->transactions, seen = subject_counts(subject).transactions;
    worker->missed = made > seen ? made - seen : 0;
}

static void worker_measure(struct worker *worker)
{
    const struct run_options *options = worker->options;
    struct traffic_settings traffic = options->traffic;
    traffic.seed += worker->index;
    struct feed feed;
    struct subject *subject = NULL;
    worker->result = feed_new(&feed, &traffic, options->portion_bytes);
    if (worker->result == 0) {
        struct subject_options of = options->subject;
        of.keylog = traffic_keylog(feed.traffic);
        worker->result = subject_new(worker->kind, &of, &worker->diagnostics, &subject);
    }
    pthread_barrier_wait(worker->ready);
    if (worker->result == 0) {
        /* The first portion touches the feed's memory, which is not the subject's. */
        bool more = feed_fill(&feed);
        uint64_t before = resident_bytes();
        for (uint32_t i = 0; more && i < feed.count; i += PACKET_BURST_MAX) {
            subject_burst(subject, feed.packets + i, min_u32(PACKET_BURST_MAX, feed.count - i));
            subject_drain(subject);
        }
        struct measure_options measure = {options->warm_up_packets, options->packets};
        measure_run(subject, &feed, &measure, &worker->measurement);
        worker->open = traffic_open(feed.traffic);
        uint64_t after = resident_bytes();
        worker->resident_bytes = after > before ? after - before : 0;
        finish(worker, subject, &feed);
    }
    subject_free(subject);
    feed_free(&feed);
}

static void *worker_run(void *argument)
{
    struct worker *worker = argument;
    int result = clock_pin(worker->options->core + worker->index);
    worker_measure(worker);
    if (worker->result == 0)
        worker->result = result;
    return NULL;
}

static MUST_USE int workers_run(const struct run_options *options, enum subject_kind kind, uint32_t count,
                                struct diagnostics *diagnostics, struct worker *workers)
{
    pthread_barrier_t ready;
    pthread_barrier_init(&ready, NULL, count);
    for (uint32_t i = 0; i < count; i++) {
        workers[i] = (struct worker){.options = options, .kind = kind, .index = i, .ready = &ready};
        diagnostics_init(&workers[i].diagnostics);
        require(pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]) == 0);
    }
    int result = 0;
    for (uint32_t i = 0; i < count; i++) {
        pthread_join(workers[i].thread, NULL);
        if (workers[i].result < 0 && result == 0) {
            result = workers[i].result;
            for (uint32_t j = 0; j < workers[i].diagnostics.count; j++)
                diagnostics_add(diagnostics, workers[i].diagnostics.entries[j].level, NULL, "%s",
                                workers[i].diagnostics.entries[j].message);
        }
        diagnostics_deinit(&workers[i].diagnostics);
    }
    pthread_barrier_destroy(&ready);
    return result;
}

/* The stages in front of the pipeline read no protocol but HTTP/1. */
static bool subject_fits(enum subject_kind kind, const struct traffic_protocol *protocol)
{
    return kind != SUBJECT_PARSE || protocol == &traffic_http1;
}

static MUST_USE int stages_run(const struct run_options *options, struct diagnostics *diagnostics,
                               struct report *report)
{
    for (uint32_t kind = 0; kind < SUBJECT_WHOLE; kind++) {
        if (!(options->stages & 1u << kind) || !subject_fits(kind, options->traffic.protocol))
            continue;
        struct worker worker;
        int result = workers_run(options, kind, 1, diagnostics, &worker);
        if (result < 0)
            return result;
        report->stages[kind] = worker.measurement;
        report->measured[kind] = true;
    }
    return 0;
}

static MUST_USE int whole_run(const struct run_options *options, struct diagnostics *diagnostics, struct report *report)
{
    struct worker workers[REPORT_WORKERS_MAX];
    int result = workers_run(options, SUBJECT_WHOLE, options->workers, diagnostics, workers);
    if (result < 0)
        return result;
    report->workers = options->workers;
    report->balanced = report->settled = true;
    for (uint32_t i = 0; i < options->workers; i++) {
        report->whole[i] = workers[i].measurement;
        report->balanced = report->balanced && workers[i].balanced;
        report->settled = report->settled && workers[i].settled;
        report->missed_transactions += workers[i].missed;
        report->excused_packets += workers[i].excused;
        report->flows_open += workers[i].open;
    }
    /* Of the process: with several workers, the last to look saw what all of them had taken. */
    report->resident_bytes = workers[options->workers - 1].resident_bytes;
    report->stages[SUBJECT_WHOLE] = workers[0].measurement;
    report->measured[SUBJECT_WHOLE] = true;
    return 0;
}

int run_all(const struct run_options *options, struct diagnostics *diagnostics, struct report *report_out)
{
    *report_out = (struct report){.profile = options->profile, .traffic = options->traffic};
    int result = clock_pin(options->core);
    if (result < 0) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, NULL, "this machine has no core %u to run on", options->core);
        return result;
    }
    clock_measure(&report_out->clock);
    result = stages_run(options, diagnostics, report_out);
    if (result == 0)
        result = whole_run(options, diagnostics, report_out);
    if (result == 0 && options->primitives) {
        uint64_t flow_bytes = (uint64_t)options->traffic.concurrency * 384; /* what a flow may have at most */
        result = primitive_measure(&options->traffic, flow_bytes, report_out->primitives);
        report_out->primitives_measured = result == 0;
    }
    return result;
}
