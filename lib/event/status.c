/* SPDX-License-Identifier: Apache-2.0 */

/* Status: snapshots, and their rendering as text and JSON. The full screen is status_top.c. */

#include "event/status.h"

#include <string.h>
#include <time.h>

#include "event/json.h"
#include "event/stages.h"
#include "event/status_figures.h"

#define ALIVE_NS UINT64_C(5000000000) /* a sign of life is given each second; five without one are no hiccup */

static uint64_t load(const uint64_t *value)
{
    return __atomic_load_n(value, __ATOMIC_RELAXED);
}

/* Counters word by word; texts may be half new for one refresh of the screen, and are always terminated. */
static void copy_words(void *to, const void *from, size_t size)
{
    const uint64_t *source = from;
    uint64_t *target = to;
    for (size_t i = 0; i < size / sizeof(uint64_t); i++)
        target[i] = load(&source[i]);
}

static void read_ring(const struct ring_shared *shared, uint64_t durable, uint32_t ring_bytes,
                      struct status_ring *ring_out)
{
    uint64_t tail = __atomic_load_n(&shared->consumer.tail, __ATOMIC_ACQUIRE);
    uint64_t head = __atomic_load_n(&shared->producer.head, __ATOMIC_ACQUIRE);
    const struct ring_slot *slots = shared->producer.slots;
    uint64_t first = load(&slots[0].sequence), second = load(&slots[1].sequence);
    ring_out->used_bytes = min_u64(head - tail, ring_bytes);
    ring_out->published = first > second ? first : second;
    ring_out->durable = durable;
    copy_words(ring_out->written, shared->counters.written, sizeof(ring_out->written));
    copy_words(ring_out->dropped, shared->counters.dropped, sizeof(ring_out->dropped));
    copy_words(ring_out->dropped_findings, shared->counters.dropped_findings, sizeof(ring_out->dropped_findings));
}

static void terminate_texts(struct status *status)
{
    struct control_status *control = &status->control;
    control->program_version[sizeof(control->program_version) - 1] = '\0';
    control->epoch.rules_digest[SEGMENT_DIGEST_SIZE - 1] = '\0';
    control->epoch.registry_digest[SEGMENT_DIGEST_SIZE - 1] = '\0';
    control->epoch.configuration_digest[SEGMENT_DIGEST_SIZE - 1] = '\0';
    control->reload_text[CONTROL_TEXT_SIZE - 1] = '\0';
    control->port_count = min_u64(control->port_count, SEGMENT_PORTS_MAX);
    for (uint32_t i = 0; i < SEGMENT_PORTS_MAX; i++) {
        control->ports[i].name[SEGMENT_NAME_SIZE - 1] = '\0';
        control->ports[i].queue_count = min_u64(control->ports[i].queue_count, SEGMENT_QUEUES_MAX);
    }
    status->reporter.file[SEGMENT_FILE_SIZE - 1] = '\0';
    if (status->reporter.state >= REPORTER_STATE_COUNT)
        status->reporter.state = REPORTER_NONE;
}

void status_read(struct queue *queue, const char *name, struct status *status_out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    memset(status_out, 0, sizeof(*status_out));
    segment_text_store(status_out->queue, sizeof(status_out->queue), name);
    status_out->time_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    status_out->instance = queue_instance(queue);
    status_out->created_ns = queue_created_ns(queue);
    status_out->worker_count = queue_worker_count(queue);
    status_out->ring_count = queue_ring_count(queue);
    status_out->ring_bytes = queue_ring_bytes(queue);
    status_out->producer_alive = queue_has_producer(queue);
    copy_words(&status_out->control, queue_control_status(queue), sizeof(status_out->control));
    copy_words(&status_out->reporter, queue_reporter_status(queue), sizeof(status_out->reporter));
    terminate_texts(status_out);
    for (uint32_t i = 0; i < status_out->worker_count; i++) {
        copy_words(&status_out->workers[i], queue_worker_status(queue, i), sizeof(status_out->workers[i]));
        ledger_add(&status_out->ledger, &status_out->workers[i].ledger);
    }
    for (uint32_t i = 0; i < status_out->ring_count; i++)
        read_ring(queue_ring_shared(queue, i), status_out->reporter.durable[i], status_out->ring_bytes,
                  &status_out->rings[i]);
}

bool status_reporter_is_alive(const struct status *now)
{
    return now->reporter.state != REPORTER_NONE && now->reporter.state != REPORTER_STOPPED &&
           now->time_ns - min_u64(now->time_ns, now->reporter.heartbeat_ns) < ALIVE_NS;
}

uint64_t status_dropped(const struct status *now)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < now->ring_count; i++)
        for (int kind = 0; kind < RECORD_KIND_COUNT; kind++)
            sum += now->rings[i].dropped[kind];
    return sum;
}

/* Every worker polls: it tells so twice a second. */
static bool workers_alive(const struct status *now)
{
    for (uint32_t i = 0; i < now->worker_count; i++) {
        uint64_t heartbeat = now->workers[i].heartbeat_ns;
        if (heartbeat == 0 || now->time_ns - min_u64(now->time_ns, heartbeat) >= ALIVE_NS)
            return false;
    }
    return true;
}

bool status_is_healthy(const struct status *now)
{
    /* The balance of a running worker is copied while it changes: only one at rest must be exact. */
    bool splits = false;
    for (uint32_t i = 0; i < now->worker_count; i++)
        splits = splits || now->workers[i].split;
    bool balanced = now->producer_alive || ledger_balanced(&now->ledger);
    return now->producer_alive && workers_alive(now) && status_reporter_is_alive(now) &&
           now->reporter.state == REPORTER_RUNNING && status_dropped(now) == 0 && now->reporter.corrupt_bytes == 0 &&
           balanced && !splits;
}

double status_rate(const struct status *now, const struct status *before, uint64_t value_now, uint64_t value_before)
{
    if (!before || now->time_ns <= before->time_ns || value_now < value_before)
        return 0; /* a restarted worker counts from zero */
    return (double)(value_now - value_before) * 1e9 / (double)(now->time_ns - before->time_ns);
}

double status_busy(const struct status *now, const struct status *before, uint32_t worker)
{
    const struct worker_status *a = before ? &before->workers[worker] : NULL, *b = &now->workers[worker];
    bool whole = !a || b->cycles_busy < a->cycles_busy || b->cycles_idle < a->cycles_idle;
    uint64_t busy = b->cycles_busy - (whole ? 0 : a->cycles_busy);
    uint64_t idle = b->cycles_idle - (whole ? 0 : a->cycles_idle);
    return busy + idle ? (double)busy / ((double)busy + (double)idle) : 0;
}

const char *status_reporter_state_name(const struct status *now)
{
    static const char *const names[REPORTER_STATE_COUNT] = {[REPORTER_NONE] = "none",
                                                            [REPORTER_RUNNING] = "running",
                                                            [REPORTER_STALLED] = "stalled",
                                                            [REPORTER_STOPPED] = "stopped"};
    bool silent = now->reporter.state != REPORTER_NONE && now->reporter.state != REPORTER_STOPPED &&
                  !status_reporter_is_alive(now);
    return silent ? "dead" : names[now->reporter.state];
}

static void text_reporter(const struct status *now, const struct status *before, FILE *stream)
{
    const struct reporter_status *reporter = &now->reporter;
    fprintf(stream, "reporter   %s", status_reporter_state_name(now));
    if (reporter->state != REPORTER_NONE)
        fprintf(stream, ", process %llu, file %s, %llu records in %llu batches, last sync %.1f ms",
                (unsigned long long)reporter->pid, reporter->file, (unsigned long long)reporter->records,
                (unsigned long long)reporter->batches, (double)reporter->sync_ns / 1e6);
    if (before)
        fprintf(stream, ", %.0f records/s", status_rate(now, before, reporter->records, before->reporter.records));
    if (reporter->state == REPORTER_STALLED)
        fprintf(stream, "\n           cannot write: %s; nothing is lost until the queue is full",
                strerror((int)reporter->stall_errno));
    if (reporter->corrupt_bytes)
        fprintf(stream, "\n           %llu bytes of the queue made no sense",
                (unsigned long long)reporter->corrupt_bytes);
    fputc('\n', stream);
}

static void text_ports(const struct status *now, FILE *stream)
{
    fprintf(stream, "\n%-20s %14s %10s %10s %10s  %s\n", "port", "packets", "missed", "errors", "no buffer",
            "packets by queue");
    for (uint32_t i = 0; i < now->control.port_count; i++) {
        const struct port_status *port = &now->control.ports[i];
        fprintf(stream, "%-20s %14llu %10llu %10llu %10llu ", port->name, (unsigned long long)port->received_packets,
                (unsigned long long)port->missed_packets, (unsigned long long)port->error_packets,
                (unsigned long long)port->no_buffer_packets);
        for (uint32_t queue = 0; queue < port->queue_count; queue++)
            fprintf(stream, " %llu", (unsigned long long)port->queue_packets[queue]);
        fputc('\n', stream);
    }
}

static void text_workers(const struct status *now, const struct status *before, FILE *stream)
{
    fprintf(stream, "\n%-8s %6s %7s %14s %14s %12s %12s %9s\n", "worker", "epoch", "busy", "packets", "transactions",
            "findings", "packets/s", "queue");
    for (uint32_t i = 0; i < now->worker_count; i++) {
        const struct worker_status *worker = &now->workers[i];
        uint64_t earlier = before ? before->workers[i].packets : 0;
        fprintf(stream, "%-8u %6llu %6.1f%% %14llu %14llu %12llu %12.0f %8.1f%%\n", i,
                (unsigned long long)worker->epoch, 100 * status_busy(now, before, i),
                (unsigned long long)worker->packets, (unsigned long long)worker->transactions,
                (unsigned long long)worker->findings, status_rate(now, before, worker->packets, earlier),
                100 * (double)now->rings[i].used_bytes / (double)now->ring_bytes);
    }
}

/* Where connections reach two workers, calls lose their answers: that is a matter of configuration. */
static void text_spread(const struct status *now, FILE *stream)
{
    uint64_t given = 0, split = 0;
    for (uint32_t i = 0; i < now->worker_count; i++) {
        given += now->workers[i].given;
        split += now->workers[i].split;
    }
    if (given)
        fprintf(stream, "\n%llu packets were handed to the worker that follows their connection\n",
                (unsigned long long)given);
    if (split)
        fprintf(stream,
                "\n%llu connections reached more than one worker: their calls are torn apart; set workers.spread to "
                "hand-over\n",
                (unsigned long long)split);
}

/* What was not read stays unknown: certificates without end, or more services than there is room for. */
static void text_certificates(const struct status *now, FILE *stream)
{
    struct certificate_status sum = {0};
    for (uint32_t i = 0; i < now->worker_count; i++) {
        const struct certificate_status *one = &now->workers[i].certificates;
        sum.presented += one->presented;
        sum.read += one->read;
        sum.unreadable += one->unreadable;
        sum.refused += one->refused + one->no_room;
    }
    if (sum.presented)
        fprintf(stream, "\n%llu certificate chains presented: %llu read, of them %llu unreadable; %llu left unread\n",
                (unsigned long long)sum.presented, (unsigned long long)sum.read, (unsigned long long)sum.unreadable,
                (unsigned long long)sum.refused);
}

static void text_drops(const struct status *now, FILE *stream)
{
    fputs("\ndropped at a full queue:", stream);
    if (!status_dropped(now))
        fputs(" nothing", stream);
    for (int kind = RECORD_NONE + 1; kind < RECORD_KIND_COUNT; kind++) {
        uint64_t sum = 0;
        for (uint32_t i = 0; i < now->ring_count; i++)
            sum += now->rings[i].dropped[kind];
        if (sum)
            fprintf(stream, " %s %llu", record_kind_name((enum record_kind)kind), (unsigned long long)sum);
    }
    fputc('\n', stream);
}

static void text_ledger(const struct ledger *ledger, FILE *stream)
{
    fprintf(stream, "\npackets received %llu, pending %llu%s\n", (unsigned long long)ledger->received.packets,
            (unsigned long long)ledger->pending.packets, ledger_balanced(ledger) ? "" : ", OUT OF BALANCE");
    for (int i = 0; i < LEDGER_REASON_COUNT; i++)
        if (ledger->settled[i].packets)
            fprintf(stream, "  %-16s %14llu  %s\n", ledger_reason_name((enum ledger_reason)i),
                    (unsigned long long)ledger->settled[i].packets, ledger_reason_help((enum ledger_reason)i));
    fprintf(stream, "transactions seen %llu, pending %llu\n", (unsigned long long)ledger->transactions_seen,
            (unsigned long long)ledger->transactions_pending);
    for (int i = 0; i < LEDGER_TRANSACTION_REASON_COUNT; i++)
        if (ledger->transactions_settled[i])
            fprintf(stream, "  %-16s %14llu  %s\n", ledger_transaction_reason_name((enum ledger_transaction_reason)i),
                    (unsigned long long)ledger->transactions_settled[i],
                    ledger_transaction_reason_help((enum ledger_transaction_reason)i));
    for (int i = 0; i < LEDGER_MISSING_COUNT; i++)
        if (ledger->missing[i])
            fprintf(stream, "not received: %llu %s\n", (unsigned long long)ledger->missing[i],
                    ledger_missing_help((enum ledger_missing)i));
}

/* Which secrets came, and what keeps some from coming. */
static void text_keys(const struct status *now, FILE *stream)
{
    const struct key_status *keys = &now->control.keys;
    uint64_t refused = keys->lines_refused + keys->files_refused + keys->clients_refused;
    if (keys->lines + keys->secrets + keys->vault_requests + refused == 0)
        return;
    fprintf(stream, "\n%llu TLS secrets taken in, %llu kept now; %llu lines, files and clients refused\n",
            (unsigned long long)keys->secrets, (unsigned long long)keys->live, (unsigned long long)refused);
    if (keys->vault_requests)
        fprintf(stream, "%llu requests to Vault, of which %llu failed\n", (unsigned long long)keys->vault_requests,
                (unsigned long long)keys->vault_failures);
}

static void text_stages(const struct status *now, FILE *stream)
{
    uint64_t cycles[STAGE_COUNT] = {0}, calls = 0;
    for (uint32_t i = 0; i < now->worker_count; i++) {
        calls += now->workers[i].transactions;
        for (int stage = 0; stage < STAGE_COUNT; stage++)
            cycles[stage] += now->workers[i].stage_cycles[stage];
    }
    stages_print(cycles, calls, stream);
}

void status_render_text(const struct status *now, const struct status *before, FILE *stream)
{
    const struct control_status *control = &now->control;
    fprintf(stream, "queue      %s, instance %016llx, %u rings of %u KiB\n", now->queue,
            (unsigned long long)now->instance, now->ring_count, now->ring_bytes / 1024);
    fprintf(stream, "worker     %s, process %llu, version %s, started %llu times\n",
            now->producer_alive ? "running" : "not running", (unsigned long long)control->pid, control->program_version,
            (unsigned long long)control->starts);
    fprintf(stream, "epoch      %llu, rules %.12s, registry %.12s\n", (unsigned long long)control->epoch.number,
            control->epoch.rules_digest, control->epoch.registry_digest);
    if (control->reload_completed)
        fprintf(stream, "reload     %s%s%s\n", control->reload_status ? "refused" : "accepted",
                control->reload_text[0] ? ": " : "", control->reload_text);
    if (control->reload_requested > control->reload_completed)
        fputs("reload     asked for, not done yet\n", stream);
    text_reporter(now, before, stream);
    text_ports(now, stream);
    text_workers(now, before, stream);
    text_spread(now, stream);
    text_certificates(now, stream);
    text_keys(now, stream);
    text_drops(now, stream);
    text_ledger(&now->ledger, stream);
    text_stages(now, stream);
}
