/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Settings: libcyaml fills the structure (settings_schema.c), one table fills in defaults and checks ranges, and paths
 * are resolved.
 */

#include "config/settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config/settings_schema.h"
#include "config/shipped.h"
#include "config/yaml.h"

#define VLAN_MAX 4094u /* IEEE 802.1Q: 0 and 4095 are no VLANs */
#define VNI_MAX  ((1u << 24) - 1)
#define SKEW_MAX 3600u /* clocks an hour apart are not kept at all */

struct number_rule {
    const char *pointer;
    size_t offset; /* of the uint32_t in struct settings */
    uint32_t unset, min, max;
};

static const struct number_rule number_rules[] = {
    {"/workers/count", offsetof(struct settings, workers.count), 1, 1, SETTINGS_WORKERS_MAX},
    {"/workers/memory_mib", offsetof(struct settings, workers.memory_mib), 1024, 64, 1u << 20},
    {"/workers/flows", offsetof(struct settings, workers.flows), 65536, 64, 1u << 24},
    {"/workers/flow_idle_seconds", offsetof(struct settings, workers.flow_idle_seconds), 300, 1, 86400},
    {"/workers/skew_ms", offsetof(struct settings, workers.skew_ms), 20, 0, 10000},
    {"/workers/reassembly_mib", offsetof(struct settings, workers.reassembly_mib), 64, 1, 1u << 16},
    {"/workers/flow_reassembly_kib", offsetof(struct settings, workers.flow_reassembly_kib), 256, 16, 1u << 16},
    {"/workers/body_scan_kib", offsetof(struct settings, workers.body_scan_kib), 1024, 0, 1u << 20},
    {"/workers/body_decode_kib", offsetof(struct settings, workers.body_decode_kib), 1024, 0, 1u << 20},
    {"/workers/hand_over_kib", offsetof(struct settings, workers.hand_over_kib), 1024, 256, 1u << 20},
    {"/tokens/verifications_per_second", offsetof(struct settings, tokens.verifications_per_second), 1000, 0, 1u << 20},
    {"/queue/size_kib", offsetof(struct settings, queue.size_kib), 16384, 64, 1u << 20},
    {"/log/rotate_mib", offsetof(struct settings, log.rotate_mib), 256, 1, 1u << 20},
    {"/log/rotate_minutes", offsetof(struct settings, log.rotate_minutes), 60, 1, 7 * 24 * 60},
    {"/log/keep_files", offsetof(struct settings, log.keep_files), 0, 0, 1u << 20},
    {"/reporter/flush_ms", offsetof(struct settings, reporter.flush_ms), 5, 1, 60000},
    {"/ledger/interval_seconds", offsetof(struct settings, ledger.interval_seconds), 60, 1, 3600},
    {"/keys/connections", offsetof(struct settings, keys.connections), 65536, 16, 1u << 22},
    {"/keys/expire_seconds", offsetof(struct settings, keys.expire_seconds), 3600, 1, 86400},
    {"/keys/resumption_seconds", offsetof(struct settings, keys.resumption_seconds), 0, 0, 86400},
    {"/keys/wait_ms", offsetof(struct settings, keys.wait_ms), 5000, 0, 60000},
    {"/keys/wait_mib", offsetof(struct settings, keys.wait_mib), 64, 1, 1u << 16},
    {"/keys/vault/interval_seconds", offsetof(struct settings, keys.vault.interval_seconds), 5, 1, 3600},
};

static void numbers_complete(struct settings *settings, struct diagnostics *diagnostics)
{
    for (uint32_t i = 0; i < ARRAY_COUNT(number_rules); i++) {
        const struct number_rule *rule = &number_rules[i];
        uint32_t *value = (uint32_t *)(void *)((uint8_t *)settings + rule->offset);
        if (!yaml_document_has(settings->document, "%s", rule->pointer))
            *value = rule->unset;
        (void)yaml_document_check_range(settings->document, diagnostics, rule->pointer, *value, rule->min, rule->max);
    }
}

static void error_at(struct settings *settings, struct diagnostics *diagnostics, const char *pointer,
                     const char *message)
{
    struct diagnostic_place place = yaml_document_place(settings->document, "%s", pointer);
    diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &place, "%s", message);
}

static void zone_numbers_check(struct settings *settings, struct diagnostics *diagnostics, uint32_t zone,
                               const char *list, const uint32_t *numbers, uint32_t count, uint32_t max)
{
    for (uint32_t i = 0; i < count; i++) {
        char entry[YAML_POINTER_SIZE];
        snprintf(entry, sizeof(entry), "/zones/%u/%s/%u", zone, list, i);
        (void)yaml_document_check_range(settings->document, diagnostics, entry, numbers[i], 1, max);
    }
}

static void zone_check(struct settings *settings, struct diagnostics *diagnostics, uint32_t index)
{
    const struct settings_zone *zone = &settings->zones[index];
    char pointer[YAML_POINTER_SIZE];
    snprintf(pointer, sizeof(pointer), "/zones/%u", index);
    if (zone->cidrs_count == 0 && zone->vlans_count == 0 && zone->vnis_count == 0 && zone->sessions_count == 0)
        error_at(settings, diagnostics, pointer,
                 "a zone needs `cidrs`, `vlans`, `vnis` or `sessions`; without any it is nowhere");
    for (uint32_t other = 0; other < index; other++)
        if (strcmp(settings->zones[other].name, zone->name) == 0)
            error_at(settings, diagnostics, pointer, "an earlier zone has the same name; zones are told apart by it");
    zone_numbers_check(settings, diagnostics, index, "vlans", zone->vlans, zone->vlans_count, VLAN_MAX);
    zone_numbers_check(settings, diagnostics, index, "vnis", zone->vnis, zone->vnis_count, VNI_MAX);
}

static void issuer_complete(struct settings *settings, struct diagnostics *diagnostics, uint32_t index)
{
    struct settings_token_issuer *issuer = &settings->tokens.issuers[index];
    char pointer[YAML_POINTER_SIZE];
    snprintf(pointer, sizeof(pointer), "/tokens/issuers/%u/skew_seconds", index);
    if (!yaml_document_has(settings->document, "%s", pointer))
        issuer->skew_seconds = SETTINGS_SKEW_SECONDS;
    (void)yaml_document_check_range(settings->document, diagnostics, pointer, issuer->skew_seconds, 0, SKEW_MAX);
    snprintf(pointer, sizeof(pointer), "/tokens/issuers/%u", index);
    for (uint32_t other = 0; other < index; other++)
        if (strcmp(settings->tokens.issuers[other].issuer, issuer->issuer) == 0)
            error_at(settings, diagnostics, pointer, "this issuer is in the list already; tokens are told apart by it");
}

static void caller_check(struct settings *settings, struct diagnostics *diagnostics, uint32_t index)
{
    const struct settings_caller *caller = &settings->callers[index];
    char pointer[YAML_POINTER_SIZE];
    snprintf(pointer, sizeof(pointer), "/callers/%u", index);
    if ((caller->claim != NULL) != (caller->value != NULL) || (caller->claim != NULL) == (caller->spiffe != NULL))
        error_at(
            settings, diagnostics, pointer,
            "a caller is told either by `claim` and `value` of a token, or by `spiffe`, the id in its certificate");
}

/* Queue names become part of a name in /dev/shm. */
static void queue_check(struct settings *settings, struct diagnostics *diagnostics)
{
    const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    if (strspn(settings->queue.name, allowed) != strlen(settings->queue.name) || settings->queue.name[0] == '.')
        error_at(settings, diagnostics, "/queue/name",
                 "the queue's name may hold letters, digits, '-', '_' and '.', and not begin with '.'");
    if (settings->queue.size_kib & (settings->queue.size_kib - 1))
        error_at(settings, diagnostics, "/queue/size_kib", "the queue's size must be a power of two, such as 16384");
    if (settings->workers.hand_over_kib & (settings->workers.hand_over_kib - 1))
        error_at(settings, diagnostics, "/workers/hand_over_kib",
                 "the ring between two workers must be a power of two, such as 1024");
}

static void keys_check(struct settings *settings, struct diagnostics *diagnostics)
{
    static const char https[] = "https://";
    const struct settings_vault *vault = &settings->keys.vault;
    if (!vault->address) {
        if (yaml_document_has(settings->document, "/keys/vault"))
            error_at(settings, diagnostics, "/keys/vault",
                     "the vault has no `address`; name it, as in https://vault.example:8200");
        return;
    }
    if (strncmp(vault->address, https, sizeof(https) - 1) != 0)
        error_at(settings, diagnostics, "/keys/vault/address",
                 "secrets travel over https only; the address must begin with https://");
    if (vault->paths_count == 0)
        error_at(settings, diagnostics, "/keys/vault", "list in `paths` the secrets that hold key log lines");
    bool role = vault->role_id_file && vault->secret_id_file;
    if (!role && (vault->role_id_file || vault->secret_id_file))
        error_at(settings, diagnostics, "/keys/vault", "AppRole needs both `role_id_file` and `secret_id_file`");
    else if (role == (vault->token_file != NULL))
        error_at(settings, diagnostics, "/keys/vault",
                 "log in either with `token_file`, or with `role_id_file` and `secret_id_file`");
}

/* Relative paths are meant from the folder of the file. */
static int path_resolve(struct settings *settings, char **path)
{
    if (!*path || **path == '/')
        return 0;
    const char *file = yaml_document_file(settings->document);
    const char *slash = strrchr(file, '/');
    size_t folder_size = slash ? (size_t)(slash - file) + 1 : 0;
    if (folder_size == 0)
        return 0;
    size_t path_size = strlen(*path);
    char *resolved = arena_take(settings->arena, folder_size + path_size + 1, 1);
    if (!resolved)
        return -ENOMEM;
    memcpy(resolved, file, folder_size);
    memcpy(resolved + folder_size, *path, path_size + 1);
    *path = resolved;
    return 0;
}

static int paths_resolve(struct settings *settings, char ***paths, uint32_t count)
{
    char **copy = arena_take_array(settings->arena, char *, count + 1);
    if (!copy)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        copy[i] = (*paths)[i];
        if (path_resolve(settings, &copy[i]) < 0)
            return -ENOMEM;
    }
    *paths = copy;
    return 0;
}

/* An audit with fewer rules than everybody takes it to have would be worse than none. */
static int shipped_list(struct settings *settings, struct diagnostics *diagnostics, const char *const *names,
                        char ***paths_out, uint32_t *count_out)
{
    uint32_t count = 0;
    while (names[count])
        count++;
    *paths_out = arena_take_array(settings->arena, char *, count + 1);
    *count_out = 0;
    for (uint32_t i = 0; *paths_out && i < count; i++) {
        char path[SHIPPED_PATH_SIZE];
        if (shipped_path_find(names[i], path) < 0) {
            diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, NULL,
                            "the shipped '%s' is neither beside the program nor where it was installed; install it, or "
                            "name your own in `%s` of the settings",
                            names[i], strncmp(names[i], "rules/", 6) == 0 ? "detectors" : "rules");
            return -ENOENT;
        }
        (*paths_out)[(*count_out)++] = arena_copy_text(settings->arena, path, strlen(path));
    }
    return *paths_out ? 0 : -ENOMEM;
}

static int texts_complete(struct settings *settings)
{
    static const char queue_name[] = "assay", log_folder[] = "findings", mount[] = "secret";
    if (!settings->sensor.name) {
        char host[256] = "sensor";
        (void)gethostname(host, sizeof(host) - 1);
        settings->sensor.name = arena_copy_text(settings->arena, host, strnlen(host, SETTINGS_NAME_MAX));
    }
    if (!settings->queue.name)
        settings->queue.name = arena_copy_text(settings->arena, queue_name, sizeof(queue_name) - 1);
    if (!settings->log.folder)
        settings->log.folder = arena_copy_text(settings->arena, log_folder, sizeof(log_folder) - 1);
    if (!settings->keys.vault.mount)
        settings->keys.vault.mount = arena_copy_text(settings->arena, mount, sizeof(mount) - 1);
    return settings->sensor.name && settings->queue.name && settings->log.folder && settings->keys.vault.mount
               ? 0
               : -ENOMEM;
}

static int keys_paths_complete(struct settings *settings)
{
    struct settings_keys *keys = &settings->keys;
    char **single[] = {&keys->socket, &keys->vault.token_file, &keys->vault.role_id_file, &keys->vault.secret_id_file,
                       &keys->vault.ca_file};
    int result = paths_resolve(settings, &keys->files, keys->files_count);
    if (result == 0)
        result = paths_resolve(settings, &keys->rsa_keys, keys->rsa_keys_count);
    for (uint32_t i = 0; result == 0 && i < ARRAY_COUNT(single); i++)
        result = path_resolve(settings, single[i]);
    return result;
}

static int zone_paths_resolve(struct settings *settings, struct settings_zone *zone)
{
    int result = paths_resolve(settings, &zone->trust, zone->trust_count);
    if (result == 0)
        result = paths_resolve(settings, &zone->public_trust, zone->public_trust_count);
    if (result == 0)
        result = paths_resolve(settings, &zone->revocation, zone->revocation_count);
    return result;
}

static int certificate_paths_resolve(struct settings *settings)
{
    int result = path_resolve(settings, &settings->certificates.inventory);
    /* Zones belong to the document, which frees their lists: those with resolved paths lie in copies. */
    struct settings_zone *zones = arena_take_array(settings->arena, struct settings_zone, settings->zones_count + 1);
    if (!zones)
        return -ENOMEM;
    for (uint32_t i = 0; i < settings->zones_count && result == 0; i++) {
        zones[i] = settings->zones[i];
        result = zone_paths_resolve(settings, &zones[i]);
    }
    settings->zones = zones;
    return result;
}

/* In a list of its own: the one that was read belongs to the document, and with it all its texts. */
static int issuers_resolve(struct settings *settings)
{
    uint32_t count = settings->tokens.issuers_count;
    struct settings_token_issuer *copy = arena_take_array(settings->arena, struct settings_token_issuer, count + 1);
    if (!copy)
        return -ENOMEM;
    int result = 0;
    for (uint32_t i = 0; i < count && result == 0; i++) {
        copy[i] = settings->tokens.issuers[i];
        result = path_resolve(settings, &copy[i].jwks);
    }
    settings->tokens.issuers = copy;
    return result;
}

static int paths_complete(struct settings *settings, struct diagnostics *diagnostics)
{
    static const char *const shipped_rules[] = {"rules", NULL};
    static const char *const shipped_detectors[] = {"rules/detectors.yaml", "rules/error_signatures.yaml", NULL};
    int result = yaml_document_has(settings->document, "/rules")
                     ? paths_resolve(settings, &settings->rules, settings->rules_count)
                     : shipped_list(settings, diagnostics, shipped_rules, &settings->rules, &settings->rules_count);
    if (result == 0)
        result = yaml_document_has(settings->document, "/detectors")
                     ? paths_resolve(settings, &settings->detectors, settings->detectors_count)
                     : shipped_list(settings, diagnostics, shipped_detectors, &settings->detectors,
                                    &settings->detectors_count);
    if (result == 0)
        result = path_resolve(settings, &settings->capture.driver);
    if (result == 0)
        result = path_resolve(settings, &settings->registry.folder);
    if (result == 0)
        result = certificate_paths_resolve(settings);
    if (result == 0)
        result = issuers_resolve(settings);
    if (result == 0)
        result = path_resolve(settings, &settings->log.folder);
    if (result == 0)
        result = keys_paths_complete(settings);
    return result;
}

static int settings_complete(struct yaml_document *document, struct diagnostics *diagnostics,
                             struct settings *settings_out)
{
    *settings_out = *(const struct settings *)yaml_document_value(document);
    settings_out->document = document;
    settings_out->arena = arena_new_growing();
    uint32_t errors = diagnostics->errors;
    int result = settings_out->arena ? texts_complete(settings_out) : -ENOMEM;
    if (result == 0)
        result = paths_complete(settings_out, diagnostics);
    if (result == 0) {
        numbers_complete(settings_out, diagnostics);
        queue_check(settings_out, diagnostics);
        keys_check(settings_out, diagnostics);
        for (uint32_t i = 0; i < settings_out->zones_count; i++)
            zone_check(settings_out, diagnostics, i);
        for (uint32_t i = 0; i < settings_out->tokens.issuers_count; i++)
            issuer_complete(settings_out, diagnostics, i);
        for (uint32_t i = 0; i < settings_out->callers_count; i++)
            caller_check(settings_out, diagnostics, i);
    }
    if (result == 0 && diagnostics->errors > errors)
        result = -EINVAL;
    if (result < 0)
        settings_deinit(settings_out);
    return result;
}

int settings_load(const char *path, struct diagnostics *diagnostics, struct settings *settings_out)
{
    *settings_out = (struct settings){0};
    struct yaml_document *document;
    int result = yaml_load_file(path, &settings_schema, diagnostics, &document);
    return result < 0 ? result : settings_complete(document, diagnostics, settings_out);
}

int settings_default(struct diagnostics *diagnostics, struct settings *settings_out)
{
    return settings_load_text("assay.yaml", "", 0, diagnostics, settings_out);
}

int settings_load_text(const char *name, const void *text, size_t size, struct diagnostics *diagnostics,
                       struct settings *settings_out)
{
    *settings_out = (struct settings){0};
    struct yaml_document *document;
    int result = yaml_load_text(name, text, size, &settings_schema, diagnostics, &document);
    return result < 0 ? result : settings_complete(document, diagnostics, settings_out);
}

void settings_deinit(struct settings *settings)
{
    yaml_document_free(settings->document);
    arena_free(settings->arena);
    *settings = (struct settings){0};
}
