/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rule packs: each file is read and checked by itself, then its rules are laid over those already there. Only the keys
 * an override writes are taken from it; the rest stays.
 */

#include "policy/rule_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/settings.h"
#include "policy/rule_schema.h"

#define PATH_SIZE        4096 /* PATH_MAX */
#define FOLDER_PACKS_MAX 256  /* files of one folder looked at */

/* A key an override can replace, and the bytes of struct rule that it fills. */
struct rule_key {
    const char *key;
    size_t offset, size;
};

#define KEY(key, member)                                                                                               \
    {                                                                                                                  \
        key, offsetof(struct rule, member), sizeof(((struct rule *)NULL)->member)                                      \
    }
#define LIST(key, member)                                                                                              \
    {key, offsetof(struct rule, member), sizeof(((struct rule *)NULL)->member)},                                       \
    {                                                                                                                  \
        key, offsetof(struct rule, member##_count), sizeof(((struct rule *)NULL)->member##_count)                      \
    }

static const struct rule_key rule_keys[] = {
    KEY("title", title),
    KEY("description", description),
    KEY("guard", guard),
    KEY("check", check),
    KEY("severity", severity),
    KEY("enabled", enabled),
    KEY("report_unknown", report_unknown),
    KEY("raise_in_zones", raise_in_zones),
    LIST("requirements", requirements),
    LIST("parameters/headers", parameters.headers),
    LIST("parameters/leak_headers", parameters.leak_headers),
    LIST("parameters/formats", parameters.formats),
    LIST("parameters/anomalies", parameters.anomalies),
    LIST("parameters/statuses", parameters.statuses),
    LIST("parameters/methods", parameters.methods),
    LIST("parameters/paths", parameters.paths),
    LIST("parameters/origins", parameters.origins),
    LIST("parameters/schemes", parameters.schemes),
    LIST("parameters/names", parameters.names),
    LIST("parameters/allowed_ports", parameters.allowed_ports),
    LIST("parameters/broker_ports", parameters.broker_ports),
    LIST("parameters/classes", parameters.classes),
    LIST("parameters/detectors", parameters.detectors),
    KEY("parameters/request_places", parameters.request_places),
    KEY("parameters/response_places", parameters.response_places),
    LIST("parameters/allowed_in_request", parameters.allowed_in_request),
    LIST("parameters/allowed_in_response", parameters.allowed_in_response),
    KEY("parameters/allowed_zones", parameters.allowed_zones),
    LIST("parameters/test_numbers", parameters.test_numbers),
    KEY("parameters/unless_declared", parameters.unless_declared),
    KEY("parameters/cleartext", parameters.cleartext),
    KEY("parameters/threshold", parameters.threshold),
    KEY("parameters/confidence", parameters.confidence),
    KEY("parameters/sides", parameters.sides),
    KEY("parameters/remaining_days_min", parameters.remaining_days_min),
    KEY("parameters/lifetime_hours_max", parameters.lifetime_hours_max),
    KEY("parameters/names_max", parameters.names_max),
    KEY("parameters/lost_packets_max", parameters.limits.lost_packets_max),
    KEY("parameters/gap_percent_max", parameters.limits.gap_percent_max),
    KEY("parameters/cut_percent_max", parameters.limits.cut_percent_max),
    KEY("parameters/one_sided_percent_max", parameters.limits.one_sided_percent_max),
    KEY("parameters/unread_percent_max", parameters.limits.unread_percent_max),
    KEY("parameters/step_ms_max", parameters.limits.step_ms_max),
    KEY("parameters/packets_min", parameters.limits.packets_min),
    KEY("parameters/transactions_min", parameters.limits.transactions_min),
    KEY("parameters/service_closed_percent_max", parameters.limits.service_closed_percent_max),
    KEY("parameters/service_connections_min", parameters.limits.service_connections_min),
    KEY("applies/protocols", applies.protocols),
    KEY("applies/zones", applies.zones),
    KEY("applies/environments", applies.environments),
    LIST("applies/methods", applies.methods),
    LIST("applies/hosts", applies.hosts),
    LIST("applies/paths", applies.paths),
    LIST("applies/exempt_paths", applies.exempt_paths),
};

static bool rule_has(const struct rule *rule, const char *key)
{
    return yaml_document_has(rule->last->document, "/rules/%u/%s", rule->last_index, key);
}

struct diagnostic_place rule_place(const struct rule *rule, const char *key_format, ...)
{
    char key[YAML_POINTER_SIZE / 2];
    va_list arguments;
    va_start(arguments, key_format);
    vsnprintf(key, sizeof(key), key_format, arguments);
    va_end(arguments);
    if (rule_has(rule, key))
        return yaml_document_place(rule->last->document, "/rules/%u/%s", rule->last_index, key);
    return yaml_document_place(rule->pack->document, "/rules/%u/%s", rule->index, key);
}

static void rule_error(const struct rule *rule, struct diagnostics *diagnostics, const char *key, const char *format,
                       ...) PRINTF_LIKE(4, 5);

static void rule_error(const struct rule *rule, struct diagnostics *diagnostics, const char *key, const char *format,
                       ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    struct diagnostic_place place = rule_place(rule, "%s", key);
    diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &place, "%s", message);
}

static bool listed(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count && names[i]; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* "needs a, b" and "takes c" in one text. */
static void shape_print(const struct rule_check_shape *shape, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < ARRAY_COUNT(shape->needs) && shape->needs[i] && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "", shape->needs[i]);
    for (size_t i = 0; i < ARRAY_COUNT(shape->takes) && shape->takes[i] && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "", shape->takes[i]);
    if (used == 0)
        snprintf(out, size, "none");
}

static void parameters_check(const struct rule *rule, struct diagnostics *diagnostics)
{
    const struct rule_check_shape *shape = &rule_check_shapes[rule->check];
    char names[256];
    shape_print(shape, names, sizeof(names));
    const char *last_key = "";
    for (size_t i = 0; i < ARRAY_COUNT(rule_keys); i++) {
        const char *key = rule_keys[i].key;
        if (strncmp(key, "parameters/", 11) != 0 || strcmp(key, last_key) == 0 || !rule_has(rule, key))
            continue;
        last_key = key;
        if (!listed(shape->needs, ARRAY_COUNT(shape->needs), key + 11) &&
            !listed(shape->takes, ARRAY_COUNT(shape->takes), key + 11))
            rule_error(rule, diagnostics, key, "the check '%s' takes no '%s'; it takes: %s",
                       rule_check_name(rule->check), key + 11, names);
    }
}

/* Whether the first pack or an override wrote the key. */
static bool rule_says(const struct rule *rule, const char *key)
{
    return rule_has(rule, key) || yaml_document_has(rule->pack->document, "/rules/%u/%s", rule->index, key);
}

static void rule_check_complete(const struct rule *rule, struct diagnostics *diagnostics)
{
    static const char *const wanted[] = {"title", "check", "severity", "requirements"};
    for (size_t i = 0; i < ARRAY_COUNT(wanted); i++)
        if (!rule_says(rule, wanted[i]))
            rule_error(rule, diagnostics, "",
                       "the rule '%s' is new and needs the key '%s'; no earlier pack has that id", rule->id, wanted[i]);
    if (!rule_says(rule, "check"))
        return;
    const struct rule_check_shape *shape = &rule_check_shapes[rule->check];
    for (size_t i = 0; i < ARRAY_COUNT(shape->needs) && shape->needs[i]; i++) {
        char key[64];
        snprintf(key, sizeof(key), "parameters/%s", shape->needs[i]);
        if (!rule_says(rule, key))
            rule_error(rule, diagnostics, "parameters", "the check '%s' needs the parameter '%s'; add it",
                       rule_check_name(rule->check), shape->needs[i]);
    }
    parameters_check(rule, diagnostics);
}

static bool id_is_sound(const char *id)
{
    return strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(id);
}

static struct rule *rule_find(struct rule_packs *packs, const char *id)
{
    for (uint32_t i = 0; i < packs->rules_count; i++)
        if (strcmp(packs->rules[i].id, id) == 0)
            return &packs->rules[i];
    return NULL;
}

static void rule_override(struct rule *rule, const struct rule *from)
{
    rule->last = from->pack;
    rule->last_index = from->index;
    for (size_t i = 0; i < ARRAY_COUNT(rule_keys); i++)
        if (rule_has(rule, rule_keys[i].key))
            memcpy((uint8_t *)rule + rule_keys[i].offset, (const uint8_t *)from + rule_keys[i].offset,
                   rule_keys[i].size);
}

static void rule_add(struct rule_packs *packs, const struct rule *from, struct diagnostics *diagnostics)
{
    struct rule *rule = rule_find(packs, from->id);
    if (rule && rule->last == from->pack) {
        rule_error(from, diagnostics, "id", "this pack has the rule '%s' twice; keep one, or change it in a later pack",
                   from->id);
        return;
    }
    if (rule) {
        rule_override(rule, from);
        rule_check_complete(rule, diagnostics);
        return;
    }
    if (packs->rules_count == RULES_MAX) {
        rule_error(from, diagnostics, "id", "more than %u rules; take some out", RULES_MAX);
        return;
    }
    rule = &packs->rules[packs->rules_count++];
    *rule = *from;
    if (!rule_has(rule, "enabled"))
        rule->enabled = true;
    if (!rule_has(rule, "raise_in_zones"))
        rule->raise_in_zones = 1u << SETTINGS_ZONE_CDE | 1u << SETTINGS_ZONE_PUBLIC;
    if (!id_is_sound(rule->id))
        rule_error(rule, diagnostics, "id", "an id is made of letters, digits, '-', '_' and '.'");
    rule_check_complete(rule, diagnostics);
}

static int pack_add(struct rule_packs *packs, struct yaml_document *document, struct diagnostics *diagnostics)
{
    struct diagnostic_place place = yaml_document_place(document, "/pack");
    if (packs->packs_count == RULE_PACKS_MAX) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &place, "more than %u packs; join some", RULE_PACKS_MAX);
        yaml_document_free(document);
        return -EINVAL;
    }
    struct rule_pack *pack = yaml_document_value(document);
    pack->document = document;
    packs->packs[packs->packs_count++] = pack;
    uint32_t errors = diagnostics->errors;
    for (uint32_t i = 0; i < pack->rules_count; i++) {
        struct rule *rule = &pack->rules[i];
        rule->pack = rule->last = pack;
        rule->index = rule->last_index = i;
        rule_add(packs, rule, diagnostics);
    }
    return diagnostics->errors > errors ? -EINVAL : 0;
}

static int file_add(struct rule_packs *packs, const char *path, struct diagnostics *diagnostics)
{
    struct yaml_document *document;
    int result = yaml_load_file(path, &rule_pack_schema, diagnostics, &document);
    return result < 0 ? result : pack_add(packs, document, diagnostics);
}

static int is_yaml(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);
    return entry->d_name[0] != '.' && size > 5 && strcmp(entry->d_name + size - 5, ".yaml") == 0;
}

/* One mistake does not hide those of the next file. */
static int folder_add(struct rule_packs *packs, const char *folder, struct diagnostics *diagnostics)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_yaml, alphasort);
    int result = count < 0 ? -errno : 0;
    for (int i = 0; i < count; i++) {
        char path[PATH_SIZE];
        int size = snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        free(entries[i]);
        /* Detectors lie beside the packs of rules; a pack with a mistyped `pack` key is to be told, not skipped. */
        if (size >= PATH_SIZE || i >= FOLDER_PACKS_MAX || yaml_file_has_root_key(path, "detectors"))
            continue;
        int added = file_add(packs, path, diagnostics);
        result = result < 0 ? result : added;
    }
    if (count >= 0)
        free(entries);
    return result;
}

int rule_packs_load(char *const *paths, uint32_t paths_count, struct diagnostics *diagnostics,
                    struct rule_packs *packs_out)
{
    *packs_out = (struct rule_packs){0};
    int result = 0;
    for (uint32_t i = 0; i < paths_count; i++) {
        struct stat status;
        bool folder = stat(paths[i], &status) == 0 && S_ISDIR(status.st_mode);
        int added = folder ? folder_add(packs_out, paths[i], diagnostics) : file_add(packs_out, paths[i], diagnostics);
        result = result < 0 ? result : added;
    }
    if (result < 0)
        rule_packs_deinit(packs_out);
    return result;
}

int rule_packs_add_text(struct rule_packs *packs, const char *name, const void *text, size_t size,
                        struct diagnostics *diagnostics)
{
    struct yaml_document *document;
    int result = yaml_load_text(name, text, size, &rule_pack_schema, diagnostics, &document);
    return result < 0 ? result : pack_add(packs, document, diagnostics);
}

void rule_packs_enable(struct rule_packs *packs, enum rule_check check)
{
    for (uint32_t i = 0; i < packs->rules_count; i++)
        packs->rules[i].enabled |= packs->rules[i].check == check;
}

void rule_packs_deinit(struct rule_packs *packs)
{
    for (uint32_t i = 0; i < packs->packs_count; i++)
        yaml_document_free(packs->packs[i]->document);
    *packs = (struct rule_packs){0};
}
