/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Workers of a replay: each reads the captures itself and keeps the flows that fall to it, so there are no queues
 * between them.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/file.h"
#include "event/json.h"
#include "replay_state.h"

#define PROGRESS_PACKETS (1u << 20) /* between two signs of progress */

/* -------------------------------------------------------------------- events */

static void write_line(struct replay_worker *worker, FILE *stream, struct json_writer *writer)
{
    require(!writer->overflow);
    writer->buffer[writer->size] = '\n';
    if (fwrite(writer->buffer, 1, writer->size + 1, stream) != writer->size + 1)
        worker->write_failed = true;
}

void replay_count_finding(struct replay *replay, const struct finding *finding)
{
    struct tally_finding counted = {
        .rule = finding->rule, .title = finding->title, .verdict = finding->verdict, .severity = finding->severity};
    if (!finding->call)
        counted.operation = SPAN_LITERAL(TALLY_ITSELF);
    if (finding->call) {
        counted.operation = finding->call->operation;
        counted.host = finding->call->host;
        counted.method = finding->call->method;
        counted.path = finding->call->path;
    }
    pthread_mutex_lock(&replay->tally_lock);
    require(tally_add(replay->tally, &counted) == 0);
    pthread_mutex_unlock(&replay->tally_lock);
}

static void take_record(struct replay_worker *worker, struct span bytes)
{
    struct record record;
    struct json_writer writer;
    require(record_decode(bytes.data, bytes.size, &record) == 0);
    bool cut = (record.header.flags & RECORD_CUT) != 0;
    json_writer_init(&writer, worker->line, EVENT_JSON_MAX);
    if (record.header.kind == RECORD_FINDING) {
        replay_count_finding(worker->replay, &record.finding);
        if (worker->findings) {
            event_json_finding(&writer, &record.finding, NULL, cut);
            write_line(worker, worker->findings, &writer);
        }
    } else if (record.header.kind == RECORD_TRANSACTION && worker->transactions) {
        event_json_call(&writer, &record.call, NULL, cut);
        write_line(worker, worker->transactions, &writer);
    } else if (record.header.kind == RECORD_CERTIFICATE) {
        pthread_mutex_lock(&worker->replay->tally_lock);
        require(certificates_add(worker->replay->certificates, &record.certificate) == 0);
        pthread_mutex_unlock(&worker->replay->tally_lock);
    }
}

static void drain(void *context)
{
    struct replay_worker *worker = context;
    struct span bytes;
    while (ring_next(&worker->consumer, &bytes) == RING_RECORD)
        take_record(worker, bytes);
    ring_release(&worker->consumer, worker->consumer.position);
}

/* ------------------------------------------------------------------- workers */

static void show_progress(const struct replay_worker *worker, const char *capture, uint64_t *next)
{
    uint64_t packets = pipeline_counts(worker->pipeline)->packets;
    if (!worker->replay->progress || worker->index != 0 || packets < *next)
        return;
    *next += PROGRESS_PACKETS;
    fprintf(stderr, "\r%s: %llu packets, %llu transactions, %llu findings", capture, (unsigned long long)packets,
            (unsigned long long)pipeline_counts(worker->pipeline)->transactions,
            (unsigned long long)pipeline_counts(worker->pipeline)->findings);
}

static int next_burst(struct replay_worker *worker, struct capture_file *file, struct packet *packets_out)
{
    struct stage_cycles *stages = pipeline_stages(worker->pipeline);
    enum stage stage = stage_enter(stages, STAGE_RECEIVE);
    int result = capture_file_next_burst(file, packets_out);
    stage_leave(stages, stage);
    return result;
}

static int replay_capture(struct replay_worker *worker, const char *path, uint64_t *progress)
{
    struct capture_file *file;
    int result = capture_file_open(&file, path, CAPTURE_FILE_STREAM, &worker->diagnostics);
    if (result < 0)
        return result;
    struct packet packets[PACKET_BURST_MAX];
    while ((result = next_burst(worker, file, packets)) > 0) {
        pipeline_burst(worker->pipeline, packets, (uint32_t)result);
        drain(worker);
        replay_sightings_burst(worker);
        show_progress(worker, path, progress);
    }
    capture_file_close(file);
    return result;
}

static void *worker_run(void *argument)
{
    struct replay_worker *worker = argument;
    const struct replay_options *options = worker->replay->options;
    uint64_t progress = PROGRESS_PACKETS;
    for (uint32_t i = 0; i < options->capture_count && worker->result == 0; i++)
        worker->result = replay_capture(worker, options->captures[i], &progress);
    /* What was read before a damaged place has been judged and is told; the exit status says that it is not all. */
    pipeline_flush(worker->pipeline);
    drain(worker);
    replay_sightings_leave(worker);
    return NULL;
}

/* One worker writes to the outputs themselves, each of several to a temporary file of its own. */
static bool worker_outputs(struct replay_worker *worker, FILE *findings, FILE *transactions)
{
    bool several = worker->replay->options->workers > 1;
    worker->findings = findings && several ? tmpfile() : findings;
    worker->transactions = transactions && several ? tmpfile() : transactions;
    worker->line = malloc(EVENT_JSON_MAX + 1);
    return worker->line && (!findings || worker->findings) && (!transactions || worker->transactions);
}

bool replay_worker_init(struct replay *replay, struct replay_worker *worker, uint32_t index, FILE *findings,
                        FILE *transactions)
{
    *worker = (struct replay_worker){.replay = replay, .index = index};
    diagnostics_init(&worker->diagnostics);
    if (!worker_outputs(worker, findings, transactions)) {
        fprintf(stderr, "assay replay: no room for temporary files: %s\n", strerror(errno));
        return false;
    }
    queue_consumer(replay->queue, index, &worker->consumer);
    struct pipeline_options options = {
        .settings = &replay->settings,
        .publication = &replay->publication,
        .ring = queue_producer(replay->queue, index),
        .sightings = sighting_join_producer(replay->sightings, index),
        .sighting_key = replay->meeting.key,
        .key = replay->key,
        .worker = index,
        .worker_count = replay->options->workers,
        .share = replay->options->workers > 1,
        .transactions = transactions != NULL,
        .keys = replay->keys.inputs ? key_inputs_store(replay->keys.inputs) : NULL,
        .premaster_wanted = replay->keys.private_keys ? replay_keys_open : NULL,
        .premaster_context = &replay->keys,
        .certificates = true,
        .make_room = drain,
        .make_room_context = worker,
    };
    return pipeline_new(&options, &worker->diagnostics, &worker->pipeline) == 0;
}

static void append(FILE *from, FILE *to, struct replay_worker *worker)
{
    char buffer[65536];
    rewind(from);
    for (size_t size; (size = fread(buffer, 1, sizeof(buffer), from)) > 0;)
        if (fwrite(buffer, 1, size, to) != size)
            worker->write_failed = true;
    fclose(from);
}

void replay_worker_deinit(struct replay_worker *worker, FILE *findings, FILE *transactions)
{
    bool several = worker->replay->options->workers > 1;
    if (several && worker->findings)
        append(worker->findings, findings, worker);
    if (several && worker->transactions)
        append(worker->transactions, transactions, worker);
    pipeline_free(worker->pipeline);
    diagnostics_print(&worker->diagnostics, stderr);
    diagnostics_deinit(&worker->diagnostics);
    free(worker->line);
}

bool replay_workers_run(struct replay *replay, struct replay_worker *workers, struct ledger *ledger_out,
                        uint64_t *last_ns_out)
{
    uint32_t count = replay->options->workers;
    if (count == 1)
        worker_run(&workers[0]);
    for (uint32_t i = 0; count > 1 && i < count; i++)
        require(pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]) == 0);
    bool fine = true;
    for (uint32_t i = 0; i < count; i++) {
        if (count > 1)
            pthread_join(workers[i].thread, NULL);
        fine = fine && workers[i].result == 0;
        ledger_add(ledger_out, pipeline_ledger(workers[i].pipeline));
        service_table_add(replay->service_table, pipeline_services(workers[i].pipeline));
        for (int stage = 0; stage < STAGE_COUNT; stage++)
            replay->stage_cycles[stage] += pipeline_stages(workers[i].pipeline)->cycles[stage];
        if (pipeline_now(workers[i].pipeline) > *last_ns_out)
            *last_ns_out = pipeline_now(workers[i].pipeline);
        /* Each worker says the same about the files; once is enough. */
        if (i > 0)
            diagnostics_deinit(&workers[i].diagnostics);
    }
    ledger_out->missing[LEDGER_MISSING_SIGHTINGS] += sighting_join_forgotten(replay->sightings);
    if (replay->progress)
        fputs("\r\033[K", stderr);
    return fine;
}
