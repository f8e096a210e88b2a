/* SPDX-License-Identifier: Apache-2.0 */

/* Epoch: read and compiled step by step; the first step that fails leaves nothing behind but the diagnostics. */

#include "pipeline/epoch.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "config/detector_file.h"
#include "config/yaml.h"
#include "pipeline/digest.h"
#include "policy/caller.h"
#include "tls/fips.h"

/* Counters of one worker for all operations: 100,000 operations and 60 rules are 240 MB of address space. */
#define ROLLUP_BYTES_MAX ((size_t)1 << 30)

static uint64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ------------------------------------------------------------------ detectors */

static_assert(POLICY_DETECTORS_MAX == DETECTORS_MAX, "rules know every detector");

/* The detectors of all files as one list; the settings stay the files'. */
struct detector_list {
    struct detector_file **files;
    uint32_t file_count;
    struct detector_setting *settings;
    uint32_t count;
};

static void detector_list_deinit(struct detector_list *list)
{
    for (uint32_t i = 0; i < list->file_count; i++)
        detector_file_free(list->files[i]);
    free(list->files);
    free(list->settings);
}

static int detector_list_load(const struct settings *settings, struct diagnostics *diagnostics,
                              struct detector_list *list)
{
    *list = (struct detector_list){0};
    list->files = calloc(settings->detectors_count + 1, sizeof(struct detector_file *));
    list->settings = calloc((size_t)DETECTORS_MAX * (settings->detectors_count + 1), sizeof(*list->settings));
    if (!list->files || !list->settings)
        return -ENOMEM;
    int result = 0;
    for (uint32_t i = 0; i < settings->detectors_count; i++) {
        struct detector_file *file;
        int loaded = detector_file_load(settings->detectors[i], diagnostics, &file);
        if (loaded < 0) {
            result = loaded;
            continue;
        }
        list->files[list->file_count++] = file;
        memcpy(list->settings + list->count, file->settings, file->count * sizeof(*file->settings));
        list->count += file->count;
    }
    if (list->count > DETECTORS_MAX) {
        const struct diagnostic_place place = {.file = settings->detectors[settings->detectors_count - 1]};
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &place,
                        "all files of detectors together hold %u, at most %u can be; take some out", list->count,
                        DETECTORS_MAX);
        result = -E2BIG;
    }
    return result;
}

static int detectors_build(struct epoch *epoch, const struct epoch_sources *sources, struct diagnostics *diagnostics)
{
    const struct settings *settings = sources->settings;
    const struct detect_set *previous = sources->previous ? sources->previous->detectors : NULL;
    struct detector_list list;
    int result = detector_list_load(settings, diagnostics, &list);
    if (result == 0) {
        const char *file = settings->detectors_count ? settings->detectors[0] : NULL;
        epoch->detectors = detect_set_new(&(struct detect_set_source){.settings = list.settings,
                                                                      .count = list.count,
                                                                      .file = file,
                                                                      .previous = previous,
                                                                      .ungraded = sources->ungraded},
                                          diagnostics);
        result = epoch->detectors ? 0 : -EINVAL;
    }
    detector_list_deinit(&list);
    return result;
}

/* ---------------------------------------------------------------------- rules */

static int policy_build(struct epoch *epoch, const struct settings *settings, struct diagnostics *diagnostics)
{
    struct rule_packs *packs = calloc(1, sizeof(*packs));
    struct policy_detector *names = calloc(POLICY_DETECTORS_MAX, sizeof(*names));
    int result = packs && names ? 0 : -ENOMEM;
    if (result == 0)
        result = rule_packs_load(settings->rules, settings->rules_count, diagnostics, packs);
    if (result == 0 && settings->fips)
        rule_packs_enable(packs, RULE_CHECK_TLS_SUITE_APPROVAL);
    if (result == 0) {
        uint32_t count = detect_set_count(epoch->detectors);
        for (uint32_t i = 0; i < count; i++) {
            const struct detect_detector *detector = detect_set_detector(epoch->detectors, i);
            names[i] = (struct policy_detector){detector->id, detector->name, detector->class, detector->disabled};
        }
        result = policy_compile(packs, epoch->zones, names, count, diagnostics, &epoch->policy);
    }
    if (packs)
        rule_packs_deinit(packs);
    free(packs);
    free(names);
    return result;
}

static int trust_build(struct epoch *epoch, const struct settings *settings, struct diagnostics *diagnostics)
{
    int result = certificate_trust_new(&epoch->trust);
    for (uint32_t i = 0; i < settings->zones_count && result != -ENOMEM; i++) {
        const struct settings_zone *zone = &settings->zones[i];
        const struct certificate_trust_files files = {
            .anchors = zone->trust,
            .anchors_count = zone->trust_count,
            .public_anchors = zone->public_trust,
            .public_anchors_count = zone->public_trust_count,
            .revocation = zone->revocation,
            .revocation_count = zone->revocation_count,
            .place = yaml_document_place(settings->document, "/zones/%u/trust", i),
        };
        int added = certificate_trust_add(epoch->trust, &files, diagnostics);
        result = result < 0 ? result : added;
    }
    if (settings->certificates.inventory && result != -ENOMEM) {
        int loaded = certificate_trust_inventory(epoch->trust, settings->certificates.inventory, diagnostics);
        result = result < 0 ? result : loaded;
    }
    return result;
}

static int registry_build(struct epoch *epoch, const struct settings *settings, struct diagnostics *diagnostics)
{
    if (!settings->registry.folder)
        return 0;
    int result = registry_load(settings->registry.folder, diagnostics, &epoch->registry);
    if (result == REGISTRY_E_INVALID)
        return -EINVAL;
    if (result < 0) {
        struct diagnostic_place place = yaml_document_place(settings->document, "/registry/folder");
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &place,
                        "the registry %s cannot be read: %s; correct registry.folder", settings->registry.folder,
                        strerror(-result));
    }
    if (result == 0)
        snprintf(epoch->registry_digest, sizeof(epoch->registry_digest), "%s", registry_digest(epoch->registry));
    return result;
}

/* Auditing by no rules at all finds nothing, which looks like a clean bill of health. */
static int rules_check(const struct settings *settings, struct diagnostics *diagnostics)
{
    if (settings->rules_count || yaml_document_has(settings->document, "/rules"))
        return 0;
    diagnostics_add(
        diagnostics, DIAGNOSTIC_ERROR, NULL,
        "the shipped rules were not found beside the program or where it installs them; name them under `rules`");
    return -ENOENT;
}

static int digests_build(struct epoch *epoch, const struct settings *settings, const char *settings_path)
{
    struct file_digest *rules = file_digest_new(), *configuration = file_digest_new();
    int result = rules && configuration ? 0 : -ENOMEM;
    for (uint32_t i = 0; i < settings->rules_count && result == 0; i++)
        result = file_digest_add(rules, settings->rules[i]);
    for (uint32_t i = 0; i < settings->detectors_count && result == 0; i++)
        result = file_digest_add(rules, settings->detectors[i]);
    if (result == 0 && settings_path)
        result = file_digest_add(configuration, settings_path);
    for (uint32_t i = 0; i < settings->tokens.issuers_count && result == 0; i++)
        if (settings->tokens.issuers[i].jwks)
            result = file_digest_add(configuration, settings->tokens.issuers[i].jwks);
    if (result == 0) {
        file_digest_finish(rules, epoch->rules_digest);
        file_digest_finish(configuration, epoch->configuration_digest);
    }
    file_digest_free(rules);
    file_digest_free(configuration);
    return result;
}

/* -------------------------------------------------------------------- workers */

/*
 * Untouched pages cost nothing, and most operations are called rarely: so the rows are mapped, not allocated, and never
 * as huge pages.
 */
static void *rows_map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    (void)madvise(memory, size, MADV_NOHUGEPAGE);
    return memory;
}

static size_t operation_rows(const struct epoch *epoch)
{
    return 1 + (epoch->registry ? registry_operation_count(epoch->registry) : 0);
}

static size_t verdict_bytes(const struct epoch *epoch)
{
    return operation_rows(epoch) * policy_rule_count(epoch->policy) * sizeof(uint64_t[VERDICT_COUNT]);
}

static int workers_build(struct epoch *epoch, const struct epoch_sources *sources, struct diagnostics *diagnostics)
{
    size_t rows = operation_rows(epoch);
    if (verdict_bytes(epoch) > ROLLUP_BYTES_MAX) {
        diagnostics_add(
            diagnostics, DIAGNOSTIC_ERROR, NULL,
            "%zu operations with %u rules need more than %zu MiB of counters a worker; split the registry over "
            "several sensors",
            rows, policy_rule_count(epoch->policy), ROLLUP_BYTES_MAX >> 20);
        return -E2BIG;
    }
    for (uint32_t i = 0; i < epoch->worker_count; i++) {
        struct epoch_worker *worker = &epoch->workers[i];
        worker->scratch = detect_scratch_new(epoch->detectors, sources->key);
        worker->tokens = token_verifier_new(epoch->issuers, sources->key, sources->number, sources->waits);
        worker->operations = rows_map(rows * sizeof(*worker->operations));
        worker->touched = rows_map(rows * sizeof(*worker->touched));
        worker->verdicts = rows_map(verdict_bytes(epoch) + 1);
        if (!worker->scratch || !worker->tokens || !worker->operations || !worker->touched || !worker->verdicts)
            return -ENOMEM;
    }
    return 0;
}

int epoch_prepare(const struct settings *settings, struct diagnostics *diagnostics)
{
    struct diagnostic_place place = yaml_document_place(settings->document, "/fips");
    return settings->fips ? fips_enable(&place, diagnostics) : 0;
}

int epoch_build(const struct epoch_sources *sources, struct diagnostics *diagnostics, struct epoch **epoch_out)
{
    uint64_t start_ns = monotonic_ns();
    struct epoch *epoch = aligned_alloc(CACHE_LINE, sizeof(*epoch));
    if (!epoch)
        return -ENOMEM;
    memset(epoch, 0, sizeof(*epoch));
    epoch->number = sources->number;
    epoch->worker_count = sources->worker_count;
    /* Every source is read even when an earlier one is wrong, so that all mistakes are told at once. */
    int zones = zones_compile(sources->settings, diagnostics, &epoch->zones);
    int registry = registry_build(epoch, sources->settings, diagnostics);
    int detectors = detectors_build(epoch, sources, diagnostics);
    int trust = trust_build(epoch, sources->settings, diagnostics);
    int rules = rules_check(sources->settings, diagnostics);
    int tokens = token_issuers_build(sources->settings, diagnostics, &epoch->issuers);
    int result = zones < 0 ? zones : registry < 0 ? registry : detectors < 0 ? detectors : trust < 0 ? trust : rules;
    int roles = caller_roles_compile(sources->settings, diagnostics, &epoch->roles);
    result = result < 0 ? result : tokens < 0 ? tokens : roles;
    if (result == 0)
        result = policy_build(epoch, sources->settings, diagnostics);
    if (result == 0)
        result = digests_build(epoch, sources->settings, sources->settings_path);
    if (result == 0)
        result = workers_build(epoch, sources, diagnostics);
    if (result < 0) {
        if (diagnostics->errors == 0)
            diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, NULL, "rules and registry cannot be loaded: %s",
                            strerror(-result));
        epoch_free(epoch);
        return result;
    }
    epoch->build_ns = monotonic_ns() - start_ns;
    *epoch_out = epoch;
    return 0;
}

void epoch_free(struct epoch *epoch)
{
    if (!epoch)
        return;
    for (uint32_t i = 0; i < epoch->worker_count; i++) {
        struct epoch_worker *worker = &epoch->workers[i];
        detect_scratch_free(worker->scratch);
        token_verifier_free(worker->tokens);
        if (worker->operations)
            munmap(worker->operations, operation_rows(epoch) * sizeof(*worker->operations));
        if (worker->touched)
            munmap(worker->touched, operation_rows(epoch) * sizeof(*worker->touched));
        if (worker->verdicts)
            munmap(worker->verdicts, verdict_bytes(epoch) + 1);
    }
    policy_free(epoch->policy);
    certificate_trust_free(epoch->trust);
    token_issuers_free(epoch->issuers);
    caller_roles_free(epoch->roles);
    detect_set_free(epoch->detectors);
    registry_free(epoch->registry);
    zones_free(epoch->zones);
    free(epoch);
}
