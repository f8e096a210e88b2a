/* SPDX-License-Identifier: Apache-2.0 */

/*
 * assay replay: the pipeline over capture files, with the captures' own clock. With several workers each reads the
 * files itself and keeps the flows that fall to it: no queues between them, and the findings are the same.
 */

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/file.h"
#include "commands.h"
#include "coverage/coverage.h"
#include "event/json.h"
#include "event/queue.h"
#include "event/stages.h"
#include "options.h"
#include "pipeline/pipeline.h"
#include "replay_keys.h"
#include "report/certificates.h"
#include "report/services.h"
#include "report/tally.h"
#include "version.h"

/* Small enough to stay in the cache; it is emptied after every burst and whenever it is full. */
#define REPLAY_RING_BYTES (1u << 21)
#define TABLE_ROWS        40u
#define PROGRESS_PACKETS  (1u << 20) /* between two signs of progress */

struct replay_options {
    const char *config;
    const char *findings, *transactions, *summary;
    const char *keylog;
    uint32_t workers;
    bool json;
    char **captures;
    uint32_t capture_count;
};

struct replay {
    const struct replay_options *options;
    struct settings settings;
    struct replay_keys keys;
    struct digest_key digest_key;
    struct publication publication;
    struct queue *queue;
    struct hash_key key;
    struct tally *tally;
    struct services *services;
    struct certificates *certificates;
    struct service_table *service_table; /* of all workers */
    uint64_t stage_cycles[STAGE_COUNT];
    pthread_mutex_t tally_lock;
    bool progress;
};

struct replay_worker {
    struct replay *replay;
    uint32_t index;
    struct pipeline *pipeline;
    struct ring_consumer consumer;
    FILE *findings, *transactions; /* NULL: not wanted */
    struct diagnostics diagnostics;
    pthread_t thread;
    int result;
    bool write_failed;
    char *line;
};

static const char help[] =
    "usage: assay replay [OPTION]... CAPTURE...\n"
    "Audits pcap and pcapng files with the capture's own clock. Several files are read as parts of one capture; '-' "
    "is\n"
    "standard input. Without -c: the shipped rules and an empty registry.\n\n"
    "  -c, --config FILE        assay.yaml to take rules, registry and limits from\n"
    "      --findings FILE      findings as JSON lines ('-': standard output)\n"
    "      --transactions FILE  transactions as JSON lines, in order of completion\n"
    "      --summary FILE       coverage ledger and counts as one JSON object\n"
    "      --format text|json   what is shown when none of the three is asked for (default text)\n"
    "      --workers N          share the work out to N threads (default 1); the findings are the same\n"
    "      --keylog FILE        secrets of TLS connections, as SSLKEYLOGFILE makes them (RFC 9850)\n"
    "      --help\n\n"
    "Exit status: 0 no findings, 1 findings, 2 wrong usage or configuration, or a capture that cannot be read.\n";

static bool parse_format(const char *text, struct replay_options *options)
{
    options->json = strcmp(text, "json") == 0;
    if (options->json || strcmp(text, "text") == 0)
        return true;
    fprintf(stderr, "assay replay: --format is 'text' or 'json', not '%s'\n", text);
    return false;
}

/* EXIT_FINE: go on; -1: help was shown. */
static int parse_options(int argc, char **argv, struct replay_options *options)
{
    enum { FINDINGS = 256, TRANSACTIONS, SUMMARY, WORKERS, KEYLOG, FORMAT, HELP };
    static const struct option long_options[] = {{"config", required_argument, NULL, 'c'},
                                                 {"findings", required_argument, NULL, FINDINGS},
                                                 {"transactions", required_argument, NULL, TRANSACTIONS},
                                                 {"summary", required_argument, NULL, SUMMARY},
                                                 {"workers", required_argument, NULL, WORKERS},
                                                 {"keylog", required_argument, NULL, KEYLOG},
                                                 {"format", required_argument, NULL, FORMAT},
                                                 {"help", no_argument, NULL, HELP},
                                                 {0}};
    *options = (struct replay_options){.workers = 1};
    bool fine = true;
    for (int option; fine && (option = getopt_long(argc, argv, "c:", long_options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            options->config = optarg;
            break;
        case FINDINGS:
            options->findings = optarg;
            break;
        case TRANSACTIONS:
            options->transactions = optarg;
            break;
        case SUMMARY:
            options->summary = optarg;
            break;
        case WORKERS:
            fine = options_number("replay", "--workers", optarg, 1, QUEUE_WORKERS_MAX, &options->workers);
            break;
        case KEYLOG:
            options->keylog = optarg;
            break;
        case FORMAT:
            fine = parse_format(optarg, options);
            break;
        case HELP:
            fputs(help, stdout);
            return -1;
        default:
            fine = false;
        }
    }
    options->captures = argv + optind;
    options->capture_count = (uint32_t)(argc - optind);
    if (fine && options->capture_count == 0) {
        fputs("assay replay: name at least one capture file\n", stderr);
        fine = false;
    }
    if (!fine)
        fputs("`assay replay --help` explains.\n", stderr);
    return fine ? EXIT_FINE : EXIT_WRONG;
}

/* -------------------------------------------------------------------- events */

static void write_line(struct replay_worker *worker, FILE *stream, struct json_writer *writer)
{
    require(!writer->overflow);
    writer->buffer[writer->size] = '\n';
    if (fwrite(writer->buffer, 1, writer->size + 1, stream) != writer->size + 1)
        worker->write_failed = true;
}

static void count_finding(struct replay *replay, const struct finding *finding)
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
        count_finding(worker->replay, &record.finding);
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
    return NULL;
}

static FILE *open_output(const char *path)
{
    if (!path)
        return NULL;
    if (strcmp(path, "-") == 0)
        return stdout;
    FILE *stream = fopen(path, "we");
    if (!stream)
        fprintf(stderr, "assay replay: cannot write %s: %s\n", path, strerror(errno));
    return stream;
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

static bool worker_init(struct replay *replay, struct replay_worker *worker, uint32_t index, FILE *findings,
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

static void worker_deinit(struct replay_worker *worker, FILE *findings, FILE *transactions)
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

/* ------------------------------------------------------------------- summary */

static void summary_write(const struct replay *replay, const struct ledger *ledger, FILE *stream)
{
    size_t capacity = (size_t)1 << 25; /* 20,000 operations with long names, 1,000 certificates */
    char *buffer = malloc(capacity);
    require(buffer);
    struct json_writer writer;
    json_writer_init(&writer, buffer, capacity);
    json_write_object_begin(&writer);
    json_write_key(&writer, "type");
    json_write_text(&writer, "summary");
    json_write_key(&writer, "version");
    json_write_text(&writer, ASSAY_VERSION);
    json_write_key(&writer, "captures");
    json_write_array_begin(&writer);
    for (uint32_t i = 0; i < replay->options->capture_count; i++)
        json_write_text(&writer, replay->options->captures[i]);
    json_write_array_end(&writer);
    json_write_key(&writer, "rules_digest");
    json_write_text(&writer, replay->publication.current->rules_digest);
    json_write_key(&writer, "registry_digest");
    json_write_text(&writer, replay->publication.current->registry_digest);
    event_json_ledger(&writer, ledger);
    json_write_key(&writer, "findings");
    json_write_object_begin(&writer);
    tally_json(replay->tally, &writer);
    json_write_object_end(&writer);
    json_write_key(&writer, "services");
    services_json(replay->services, &writer);
    json_write_key(&writer, "certificates");
    certificates_json(replay->certificates, &writer);
    stages_json(replay->stage_cycles, &writer);
    json_write_object_end(&writer);
    require(!writer.overflow);
    fwrite(buffer, 1, writer.size, stream);
    fputc('\n', stream);
    free(buffer);
}

static bool close_output(FILE *stream, const char *path)
{
    if (!stream)
        return true;
    bool failed = fflush(stream) != 0 || ferror(stream);
    if (stream != stdout && fclose(stream) != 0)
        failed = true;
    if (failed)
        fprintf(stderr, "assay replay: %s could not be written whole: %s\n", path, strerror(errno));
    return !failed;
}

/* -------------------------------------------------------------------- the run */

static bool keys_init(struct replay *replay)
{
    const struct replay_options *options = replay->options;
    replay->settings.keys.wait_ms = 0; /* what will ever be known is known from the start */
    return replay_keys_init(&replay->keys, &(struct replay_keys_options){.settings = &replay->settings.keys,
                                                                         .keylog = options->keylog,
                                                                         .captures = options->captures,
                                                                         .capture_count = options->capture_count,
                                                                         .workers = options->workers});
}

static bool process_prepare(const struct settings *settings)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    int result = epoch_prepare(settings, &diagnostics);
    diagnostics_print(&diagnostics, stderr);
    diagnostics_deinit(&diagnostics);
    return result == 0;
}

static bool replay_init(struct replay *replay, const struct replay_options *options)
{
    *replay = (struct replay){.options = options, .progress = isatty(STDERR_FILENO) != 0};
    pthread_mutex_init(&replay->tally_lock, NULL);
    publication_init(&replay->publication, options->workers);
    if (!options_load_settings(options->config, &replay->settings) || !process_prepare(&replay->settings) ||
        !keys_init(replay))
        return false;
    replay->tally = tally_new();
    replay->services = services_new();
    replay->certificates = certificates_new();
    replay->service_table = calloc(1, sizeof(*replay->service_table));
    bool memory = replay->tally && replay->services && replay->certificates && replay->service_table;
    if (!memory || digest_key_init_random(&replay->digest_key) < 0 || hash_key_init(&replay->key) < 0) {
        fputs("assay replay: out of memory\n", stderr);
        return false;
    }
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct epoch_sources sources = {
        .settings = &replay->settings,
        .settings_path = options->config,
        .number = 1,
        .worker_count = options->workers,
        .waits = true,
        .key = &replay->digest_key,
    };
    struct epoch *epoch;
    int result = epoch_build(&sources, &diagnostics, &epoch);
    if (result == 0)
        result = publication_offer(&replay->publication, epoch);
    if (result == 0)
        result = queue_create_private(&(struct queue_options){.worker_count = options->workers,
                                                              .ring_bytes = REPLAY_RING_BYTES,
                                                              .version = ASSAY_VERSION},
                                      &replay->queue);
    if (result < 0 && diagnostics.errors == 0)
        diagnostics_add(&diagnostics, DIAGNOSTIC_ERROR, NULL, "no memory for the event queue");
    diagnostics_print(&diagnostics, stderr);
    diagnostics_deinit(&diagnostics);
    return result == 0;
}

static void replay_deinit(struct replay *replay)
{
    replay_keys_deinit(&replay->keys);
    queue_free(replay->queue);
    publication_deinit(&replay->publication);
    digest_key_deinit(&replay->digest_key);
    tally_free(replay->tally);
    services_free(replay->services);
    certificates_free(replay->certificates);
    free(replay->service_table);
    settings_deinit(&replay->settings);
    pthread_mutex_destroy(&replay->tally_lock);
}

/* ------------------------------------------------------------------- coverage */

struct coverage_output {
    struct replay *replay;
    FILE *findings; /* NULL: not wanted */
    bool failed;
};

static void take_coverage(void *context, const struct finding *finding)
{
    struct coverage_output *output = context;
    count_finding(output->replay, finding);
    if (!output->findings)
        return;
    char *line = malloc(EVENT_JSON_MAX + 1);
    require(line);
    struct json_writer writer;
    json_writer_init(&writer, line, EVENT_JSON_MAX);
    event_json_finding(&writer, finding, NULL, false);
    require(!writer.overflow);
    line[writer.size] = '\n';
    output->failed |= fwrite(line, 1, writer.size + 1, output->findings) != writer.size + 1;
    free(line);
}

/* What the capture lacks and what stayed closed: over all workers, so that their number does not show. */
static bool judge_coverage(struct replay *replay, const struct ledger *ledger, uint64_t last_ns, FILE *findings)
{
    const struct epoch *epoch = replay->publication.current;
    struct coverage_output output = {.replay = replay, .findings = findings};
    struct coverage_judge judge = {
        .policy = epoch->policy,
        .epoch = epoch->number,
        .rules_digest = span_from_text(epoch->rules_digest),
        .registry_digest = span_from_text(epoch->registry_digest),
        .context = &output,
        .finding = take_coverage,
    };
    coverage_judge_capture(&judge, ledger, last_ns);
    struct service_report report;
    for (uint32_t i = 0; i < SERVICE_ENTRIES_MAX; i++)
        if (service_table_entry(replay->service_table, i, &report))
            require(services_add(replay->services, &report) == 0);
    return !output.failed;
}

/* Runs all workers; false when a capture could not be read to its end. */
static bool run_workers(struct replay *replay, struct replay_worker *workers, struct ledger *ledger_out,
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
    if (replay->progress)
        fputs("\r\033[K", stderr);
    return fine;
}

static void show_text(const struct replay *replay, const struct ledger *ledger)
{
    tally_print(replay->tally, TABLE_ROWS, stdout);
    fputc('\n', stdout);
    services_print(replay->services, TABLE_ROWS, stdout);
    fputc('\n', stdout);
    certificates_print(replay->certificates, TABLE_ROWS, stdout);
    fputc('\n', stdout);
    tally_print_ledger(ledger, stdout);
    stages_print(replay->stage_cycles, ledger->transactions_seen, stdout);
}

static int replay_run(struct replay *replay)
{
    const struct replay_options *options = replay->options;
    bool silent = options->findings || options->transactions || options->summary;
    FILE *findings = open_output(!silent && options->json ? "-" : options->findings);
    FILE *transactions = open_output(options->transactions);
    FILE *summary = open_output(options->summary);
    struct replay_worker *workers = calloc(options->workers, sizeof(*workers));
    bool fine = workers && (!options->findings || findings) && (!options->transactions || transactions) &&
                (!options->summary || summary);
    uint32_t made = 0;
    for (; fine && made < options->workers; made++)
        fine = worker_init(replay, &workers[made], made, findings, transactions);
    struct ledger ledger = {0};
    uint64_t last_ns = 0;
    bool ran = fine && run_workers(replay, workers, &ledger, &last_ns);
    for (uint32_t i = 0; i < made; i++) {
        worker_deinit(&workers[i], findings, transactions);
        fine = fine && !workers[i].write_failed;
    }
    free(workers);
    fine = fine && judge_coverage(replay, &ledger, last_ns, findings);
    if (fine && summary)
        summary_write(replay, &ledger, summary);
    if (fine && !silent && !options->json)
        show_text(replay, &ledger);
    fine = close_output(findings, options->findings) && fine;
    fine = close_output(transactions, options->transactions) && fine;
    fine = close_output(summary, options->summary) && fine;
    if (!fine || !ran)
        return EXIT_WRONG;
    return tally_failed(replay->tally) ? EXIT_FOUND : EXIT_FINE;
}

int command_replay(int argc, char **argv)
{
    struct replay_options options;
    int status = parse_options(argc, argv, &options);
    if (status != EXIT_FINE)
        return status < 0 ? EXIT_FINE : status;
    for (uint32_t i = 0; i < options.capture_count; i++) {
        if (strcmp(options.captures[i], "-") == 0 && options.workers > 1) {
            fputs("assay replay: standard input can be read by one worker only; leave --workers out\n", stderr);
            return EXIT_WRONG;
        }
    }
    struct replay *replay = calloc(1, sizeof(*replay));
    require(replay);
    status = replay_init(replay, &options) ? replay_run(replay) : EXIT_WRONG;
    replay_deinit(replay);
    free(replay);
    return status;
}
