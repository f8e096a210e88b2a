/* SPDX-License-Identifier: Apache-2.0 */

/*
 * assay replay: the pipeline over capture files, with the captures' own clock. With several workers the findings are
 * the same.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "options.h"
#include "replay_digest.h"
#include "replay_state.h"
#include "version.h"

/* Small enough to stay in the cache; it is emptied after every burst and whenever it is full. */
#define REPLAY_RING_BYTES (1u << 21)

/* A day, longer than any session lives (RFC 5246 F.1.4). Nothing of a replay outlives it, so nothing is wiped early. */
#define REPLAY_RESUMPTION_SECONDS 86400u

static bool keys_init(struct replay *replay)
{
    const struct replay_options *options = replay->options;
    replay->settings.keys.wait_ms = 0; /* what will ever be known is known from the start */
    replay->settings.keys.resumption_seconds = REPLAY_RESUMPTION_SECONDS;
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
    if (!memory || !replay_digest_key_init(options->captures, options->capture_count, &replay->digest_key) ||
        hash_key_init(&replay->key) < 0 || !replay_sightings_init(replay)) {
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
        .ungraded = true,
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
    replay_sightings_deinit(replay);
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
    replay->findings = findings;
    for (; fine && made < options->workers; made++)
        fine = replay_worker_init(replay, &workers[made], made, findings, transactions);
    struct ledger ledger = {0};
    uint64_t last_ns = 0;
    bool ran = fine && replay_workers_run(replay, workers, &ledger, &last_ns);
    for (uint32_t i = 0; i < made; i++) {
        replay_worker_deinit(&workers[i], findings, transactions);
        fine = fine && !workers[i].write_failed;
    }
    free(workers);
    if (fine)
        replay_judge_coverage(replay, &ledger, last_ns);
    fine = fine && !replay->write_failed;
    if (fine && summary)
        replay_summary_write(replay, &ledger, summary);
    if (fine && !silent && !options->json)
        replay_text_show(replay, &ledger);
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
    int status = replay_options_parse(argc, argv, &options);
    if (status != EXIT_FINE)
        return status < 0 ? EXIT_FINE : status;
    struct replay *replay = calloc(1, sizeof(*replay));
    require(replay);
    status = replay_init(replay, &options) ? replay_run(replay) : EXIT_WRONG;
    replay_deinit(replay);
    free(replay);
    return status;
}
