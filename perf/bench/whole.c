/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The pipeline as the worker runs it, with as much to judge by as the kind says. The ring is a private one; draining it
 * decodes every record, which is what the reporting core does before it writes.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/audit.h"
#include "bench/clock.h"
#include "bench/subject_internal.h"
#include "event/record.h"

/* Beside the settings file. */
#define RULES_NONE     "rules_none.yaml"
#define DETECTORS_NONE "detectors_none.yaml"
#define PATH_SIZE      4096

struct whole {
    struct audit audit;
    struct ring_consumer consumer;
    struct pipeline *pipeline;
    struct subject_counts drained;
    struct record record;
    char rules_path[PATH_SIZE], detectors_path[PATH_SIZE], registry_path[PATH_SIZE];
    char *rules[1], *detectors[1];
};

static void whole_burst(void *state, const struct packet *packets, uint32_t count)
{
    struct whole *whole = state;
    pipeline_burst(whole->pipeline, packets, count);
}

static void whole_drain(void *state)
{
    struct whole *whole = state;
    uint64_t start = clock_ticks();
    struct span bytes;
    while (ring_next(&whole->consumer, &bytes) == RING_RECORD) {
        require(record_decode(bytes.data, bytes.size, &whole->record) == 0);
        whole->drained.records++;
        whole->drained.record_bytes += bytes.size;
    }
    ring_release(&whole->consumer, whole->consumer.position);
    whole->drained.drain_ticks += clock_ticks() - start;
}

static void whole_flush(void *state)
{
    struct whole *whole = state;
    pipeline_flush(whole->pipeline);
}

static const struct ledger *whole_ledger(const void *state)
{
    const struct whole *whole = state;
    return pipeline_ledger(whole->pipeline);
}

static struct subject_counts whole_counts(const void *state)
{
    const struct whole *whole = state;
    const struct pipeline_counts *counts = pipeline_counts(whole->pipeline);
    struct subject_counts result = whole->drained;
    result.transactions = counts->transactions;
    result.findings = counts->findings;
    result.events_lost = counts->events_lost;
    return result;
}

static void whole_free(void *state)
{
    struct whole *whole = state;
    pipeline_free(whole->pipeline);
    audit_deinit(&whole->audit);
    free(whole);
}

/* A file in the folder of the settings. */
static void beside(const char *settings_path, const char *name, char path_out[PATH_SIZE])
{
    const char *slash = strrchr(settings_path, '/');
    int folder = slash ? (int)(slash - settings_path) + 1 : 0;
    snprintf(path_out, PATH_SIZE, "%.*s%s", folder, settings_path, name);
}

static void settings_reduce(struct whole *whole, enum subject_kind kind, const struct subject_options *options)
{
    struct settings *settings = &whole->audit.settings;
    settings->workers.flows = options->flows;
    settings->workers.memory_mib = options->memory_mib;
    settings->registry.folder = NULL;
    if (kind >= SUBJECT_REGISTRY && options->registry_folder) {
        snprintf(whole->registry_path, PATH_SIZE, "%s", options->registry_folder);
        settings->registry.folder = whole->registry_path;
    }
    if (kind < SUBJECT_RULES) {
        beside(options->settings_path, RULES_NONE, whole->rules_path);
        whole->rules[0] = whole->rules_path;
        settings->rules = whole->rules;
        settings->rules_count = 1;
    }
    if (kind < SUBJECT_WHOLE) {
        beside(options->settings_path, DETECTORS_NONE, whole->detectors_path);
        whole->detectors[0] = whole->detectors_path;
        settings->detectors = whole->detectors;
        settings->detectors_count = 1;
        settings->workers.body_scan_kib = 0;
    } else if (options->body_scan_kib != UINT32_MAX) {
        settings->workers.body_scan_kib = options->body_scan_kib;
    }
}

static MUST_USE int whole_init(struct whole *whole, enum subject_kind kind, const struct subject_options *options,
                               struct diagnostics *diagnostics)
{
    struct audit *audit = &whole->audit;
    int result = audit_load(audit, options->settings_path, diagnostics);
    if (result < 0)
        return result;
    settings_reduce(whole, kind, options);
    result = audit_take_keys(audit, options->keylog, diagnostics);
    if (result == 0)
        result = audit_start(audit, 1, NULL, diagnostics);
    if (result < 0)
        return result;
    queue_consumer(audit->queue, 0, &whole->consumer);
    return audit_pipeline_new(audit, 0, NULL, diagnostics, &whole->pipeline);
}

int whole_new(enum subject_kind kind, const struct subject_options *options, struct diagnostics *diagnostics,
              void **state_out, const struct subject_work **work_out)
{
    static const struct subject_work work = {whole_burst,  whole_drain,  whole_flush,
                                             whole_ledger, whole_counts, whole_free};
    struct whole *whole = aligned_alloc(CACHE_LINE, (sizeof(*whole) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
    if (!whole)
        return -ENOMEM;
    memset(whole, 0, sizeof(*whole));
    int result = whole_init(whole, kind, options, diagnostics);
    if (result < 0) {
        whole_free(whole);
        return result;
    }
    *state_out = whole;
    *work_out = &work;
    return 0;
}
