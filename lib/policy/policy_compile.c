/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Policy: the slow path. Names of the packs become bits, sets and spans; every name that means nothing is told with its
 * place.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "config/yaml.h"
#include "policy/compiled.h"

#define TEST_NUMBER_MIN 12u /* digits of the shortest and longest card numbers (ISO/IEC 7812) */
#define TEST_NUMBER_MAX 19u
#define SECOND_NS       UINT64_C(1000000000)
#define OBJECTS_MAX     300u /* that lib/sighting/judge.c keeps, but one */

struct compiler {
    struct policy *policy;
    struct diagnostics *diagnostics;
    const struct rule *rule;
    bool out_of_memory;
};

#define mistake(compiler, place, ...) diagnostics_add((compiler)->diagnostics, DIAGNOSTIC_ERROR, &(place), __VA_ARGS__)
/* For detectors that are not there: which are loaded is not the pack's to know, and the rule stays honest without them.
 */
#define warning(compiler, place, ...)                                                                                  \
    diagnostics_add((compiler)->diagnostics, DIAGNOSTIC_WARNING, &(place), __VA_ARGS__)

static void *take(struct compiler *compiler, size_t size)
{
    void *memory = arena_take(compiler->policy->arena, size ? size : 1, _Alignof(max_align_t));
    compiler->out_of_memory |= !memory;
    return memory;
}

static struct span text_keep(struct compiler *compiler, const char *text)
{
    const char *copy = arena_copy_text(compiler->policy->arena, text, strlen(text));
    compiler->out_of_memory |= !copy;
    return span_from_text(copy);
}

static struct policy_names names_compile(struct compiler *compiler, char *const *texts, uint32_t count)
{
    struct span *names = take(compiler, count * sizeof(*names));
    for (uint32_t i = 0; names && i < count; i++)
        names[i] = text_keep(compiler, texts[i]);
    return (struct policy_names){names, names ? count : 0};
}

static struct pattern_list patterns_compile(struct compiler *compiler, const char *key, char *const *texts,
                                            uint32_t count)
{
    struct pattern *patterns = take(compiler, count * sizeof(*patterns));
    for (uint32_t i = 0; patterns && i < count; i++) {
        struct span text = text_keep(compiler, texts[i]);
        if (!text.data)
            return (struct pattern_list){0};
        if (pattern_init(&patterns[i], text))
            continue;
        struct diagnostic_place place = rule_place(compiler->rule, "%s/%u", key, i);
        mistake(compiler, place, "'%.60s' has more than %u stars; split it into several patterns", texts[i],
                PATTERN_STARS_MAX);
    }
    struct pattern_list list = {0};
    if (patterns && pattern_list_init(&list, compiler->policy->arena, patterns, count) < 0)
        compiler->out_of_memory = true;
    return list;
}

static uint64_t headers_compile(struct compiler *compiler, const char *key, char *const *texts, uint32_t count,
                                struct policy_names *others_out)
{
    uint64_t bits = 0;
    struct span *others = take(compiler, count * sizeof(*others));
    uint32_t others_count = 0;
    for (uint32_t i = 0; others && i < count; i++) {
        enum header_id id = header_id_find(span_from_text(texts[i]));
        if (id != HEADER_OTHER)
            bits |= HEADER_BIT(id);
        else if (others_out)
            others[others_count++] = text_keep(compiler, texts[i]);
        if (id == HEADER_OTHER && !others_out) {
            struct diagnostic_place place = rule_place(compiler->rule, "parameters/%s/%u", key, i);
            mistake(compiler, place,
                    "the header '%.60s' cannot be asked for by this check; only headers with a number can "
                    "(transaction/header.h lists them)",
                    texts[i]);
        }
    }
    if (others_out)
        *others_out = (struct policy_names){others, others_count};
    return bits;
}

static uint64_t anomalies_compile(struct compiler *compiler)
{
    const struct rule_parameters *parameters = &compiler->rule->parameters;
    const char *names[ANOMALY_COUNT + 1] = {NULL};
    for (uint32_t i = 0; i < ANOMALY_COUNT; i++)
        names[i] = anomaly_name((enum anomaly)i);
    uint64_t bits = 0;
    for (uint32_t i = 0; i < parameters->anomalies_count; i++) {
        uint32_t anomaly = 0;
        while (anomaly < ANOMALY_COUNT && strcmp(names[anomaly], parameters->anomalies[i]) != 0)
            anomaly++;
        if (anomaly < ANOMALY_COUNT) {
            bits |= ANOMALY_BIT(anomaly);
            continue;
        }
        const char *nearest = yaml_nearest(parameters->anomalies[i], names);
        struct diagnostic_place place = rule_place(compiler->rule, "parameters/anomalies/%u", i);
        mistake(compiler, place, "unknown anomaly '%.60s'; did you mean '%s'?", parameters->anomalies[i],
                nearest ? nearest : names[0]);
    }
    return bits;
}

/* "404", "2xx", "500-504". */
static bool status_range_parse(const char *text, uint32_t *first_out, uint32_t *last_out)
{
    size_t size = strlen(text);
    size_t digits = strspn(text, "0123456789");
    if (size == 3 && digits == 1 && strcmp(text + 1, "xx") == 0) {
        *first_out = (uint32_t)(text[0] - '0') * 100;
        *last_out = *first_out + 99;
    } else if (size == 3 && digits == 3) {
        *first_out = *last_out = (uint32_t)strtoul(text, NULL, 10);
    } else if (size == 7 && digits == 3 && text[3] == '-' && strspn(text + 4, "0123456789") == 3) {
        *first_out = (uint32_t)strtoul(text, NULL, 10);
        *last_out = (uint32_t)strtoul(text + 4, NULL, 10);
    } else {
        return false;
    }
    return *first_out >= POLICY_STATUS_FIRST && *first_out <= *last_out;
}

static void statuses_compile(struct compiler *compiler, struct policy_rule *out)
{
    const struct rule_parameters *parameters = &compiler->rule->parameters;
    for (uint32_t i = 0; i < parameters->statuses_count; i++) {
        uint32_t first, last;
        if (!status_range_parse(parameters->statuses[i], &first, &last)) {
            struct diagnostic_place place = rule_place(compiler->rule, "parameters/statuses/%u", i);
            mistake(compiler, place, "'%.60s' is no status; write it like \"404\", \"2xx\" or \"500-504\"",
                    parameters->statuses[i]);
            continue;
        }
        for (uint32_t status = first - POLICY_STATUS_FIRST; status <= last - POLICY_STATUS_FIRST; status++)
            out->statuses[status / 64] |= UINT64_C(1) << (status % 64);
        out->statuses_any = true;
    }
}

static void class_add(struct policy_rule *out, const struct policy *policy, uint32_t class_number)
{
    out->classes |= 1u << class_number;
    for (uint32_t i = 0; i < policy->detectors_count; i++)
        if (policy->detectors[i].class_number == class_number && !policy->detectors[i].disabled)
            out->detectors[i / 64] |= UINT64_C(1) << (i % 64);
}

static void classes_compile(struct compiler *compiler, struct policy_rule *out)
{
    const struct policy *policy = compiler->policy;
    const struct rule_parameters *parameters = &compiler->rule->parameters;
    for (uint32_t i = 0; i < parameters->classes_count; i++) {
        uint32_t number = 0;
        while (number < policy->class_count &&
               !span_equal_nocase(policy->class_names[number], span_from_text(parameters->classes[i])))
            number++;
        if (number < policy->class_count) {
            class_add(out, policy, number);
            continue;
        }
        const char *names[POLICY_CLASSES_MAX + 1] = {NULL};
        for (uint32_t j = 0; j < policy->class_count; j++)
            names[j] = (const char *)policy->class_names[j].data;
        const char *nearest = yaml_nearest(parameters->classes[i], names);
        struct diagnostic_place place = rule_place(compiler->rule, "parameters/classes/%u", i);
        warning(compiler, place, "no detector has the class '%.60s'%s%s%s", parameters->classes[i],
                nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "; is its file loaded?");
    }
}

static void detectors_compile(struct compiler *compiler, struct policy_rule *out)
{
    const struct policy *policy = compiler->policy;
    const struct rule_parameters *parameters = &compiler->rule->parameters;
    for (uint32_t i = 0; i < parameters->detectors_count; i++) {
        uint32_t number = 0;
        while (number < policy->detectors_count &&
               !span_equal(policy->detectors[number].id, span_from_text(parameters->detectors[i])))
            number++;
        if (number < policy->detectors_count) {
            out->detectors[number / 64] |= (uint64_t)!policy->detectors[number].disabled << (number % 64);
            out->classes |= 1u << policy->detectors[number].class_number;
            continue;
        }
        struct diagnostic_place place = rule_place(compiler->rule, "parameters/detectors/%u", i);
        warning(compiler, place, "no detector has the id '%.60s'; is its file loaded?", parameters->detectors[i]);
    }
}

static void formats_compile(struct compiler *compiler, struct policy_rule *out)
{
    const struct rule_parameters *parameters = &compiler->rule->parameters;
    struct policy_format *formats = take(compiler, parameters->formats_count * sizeof(*formats));
    for (uint32_t i = 0; formats && i < parameters->formats_count; i++) {
        const struct rule_header_format *from = &parameters->formats[i];
        formats[i] = (struct policy_format){
            .header = text_keep(compiler, from->header),
            .id = header_id_find(span_from_text(from->header)),
            .pattern = from->pattern,
            .size_min = from->size_min,
            .size_max = from->size_max,
            .echoed = from->echoed,
        };
        if (from->size_max == 0 || from->size_min <= from->size_max)
            continue;
        struct diagnostic_place place = rule_place(compiler->rule, "parameters/formats/%u/size_min", i);
        mistake(compiler, place, "'size_min' is larger than 'size_max'; no value fits");
    }
    out->formats = formats;
    out->formats_count = formats ? parameters->formats_count : 0;
}

static void test_numbers_compile(struct compiler *compiler, struct policy_rule *out)
{
    const struct rule_parameters *parameters = &compiler->rule->parameters;
    struct policy_test_number *numbers = take(compiler, parameters->test_numbers_count * sizeof(*numbers));
    for (uint32_t i = 0; numbers && i < parameters->test_numbers_count; i++) {
        const char *text = parameters->test_numbers[i];
        size_t size = strlen(text);
        if (strspn(text, "0123456789") != size || size < TEST_NUMBER_MIN || size > TEST_NUMBER_MAX) {
            struct diagnostic_place place = rule_place(compiler->rule, "parameters/test_numbers/%u", i);
            mistake(compiler, place, "a card number has %u to %u digits and nothing else", TEST_NUMBER_MIN,
                    TEST_NUMBER_MAX);
            continue;
        }
        memcpy(numbers[i].first, text, sizeof(numbers[i].first));
        memcpy(numbers[i].last, text + size - sizeof(numbers[i].last), sizeof(numbers[i].last));
        numbers[i].size = (uint32_t)size;
    }
    out->test_numbers = numbers;
    out->test_numbers_count = numbers ? parameters->test_numbers_count : 0;
}

static const uint32_t *port_list_compile(struct compiler *compiler, const char *key, const uint32_t *list,
                                         uint32_t count)
{
    uint32_t *ports = take(compiler, count * sizeof(*ports));
    for (uint32_t i = 0; ports && i < count; i++) {
        ports[i] = list[i];
        if (ports[i] >= 1 && ports[i] <= UINT16_MAX)
            continue;
        struct diagnostic_place place = rule_place(compiler->rule, "parameters/%s/%u", key, i);
        mistake(compiler, place, "a port is from 1 to 65535, not %u", ports[i]);
    }
    return ports;
}

static void ports_compile(struct compiler *compiler, struct policy_rule *out)
{
    const struct rule_parameters *parameters = &compiler->rule->parameters;
    out->allowed_ports =
        port_list_compile(compiler, "allowed_ports", parameters->allowed_ports, parameters->allowed_ports_count);
    out->allowed_ports_count = out->allowed_ports ? parameters->allowed_ports_count : 0;
    out->broker_ports = out->allowed_ports;
    out->broker_ports_count = out->allowed_ports_count;
    if (parameters->broker_ports_count == 0)
        return;
    out->broker_ports =
        port_list_compile(compiler, "broker_ports", parameters->broker_ports, parameters->broker_ports_count);
    out->broker_ports_count = out->broker_ports ? parameters->broker_ports_count : 0;
}

static void names_start_compile(struct policy_rule *out)
{
    for (uint32_t i = 0; i < out->names.count; i++) {
        uint8_t first = ascii_lower(out->names.names[i].data[0]);
        out->name_starts[first / 64] |= UINT64_C(1) << (first % 64);
    }
}

static uint32_t all_if_none(uint32_t set)
{
    return set ? set : UINT32_MAX;
}

static bool lists_equal(const struct pattern_list *a, const struct pattern_list *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct pattern *one = &a->patterns[i], *other = &b->patterns[i];
        if (one->piece_count != other->piece_count)
            return false;
        for (uint32_t piece = 0; piece < one->piece_count; piece++)
            if (!span_equal(one->pieces[piece], other->pieces[piece]))
                return false;
    }
    return true;
}

/* One list for rules that exempt the same paths, so that a call is compared with it once. `out` is the last rule. */
static void exempt_share(const struct policy *policy, struct policy_rule *out)
{
    for (const struct policy_rule *rule = policy->rules; rule < out; rule++)
        if (lists_equal(&rule->exempt_paths, &out->exempt_paths))
            out->exempt_paths = rule->exempt_paths;
}

static void scope_compile(struct compiler *compiler, struct policy_rule *out)
{
    const struct rule_scope *scope = &compiler->rule->applies;
    out->protocols = all_if_none(scope->protocols);
    out->zones = all_if_none(scope->zones);
    out->environments = all_if_none(scope->environments);
    out->scope_methods = names_compile(compiler, scope->methods, scope->methods_count);
    out->scope_hosts = patterns_compile(compiler, "applies/hosts", scope->hosts, scope->hosts_count);
    out->scope_paths = patterns_compile(compiler, "applies/paths", scope->paths, scope->paths_count);
    out->exempt_paths =
        patterns_compile(compiler, "applies/exempt_paths", scope->exempt_paths, scope->exempt_paths_count);
    exempt_share(compiler->policy, out);
    out->scoped = scope->methods_count || scope->hosts_count || scope->paths_count || scope->exempt_paths_count;
}

/* FNV-1a (RFC 9923): few ids, and nobody hostile among them. */
static uint32_t id_sum(const char *id)
{
    uint32_t sum = UINT32_C(2166136261);
    for (; *id; id++)
        sum = (sum ^ (uint8_t)*id) * UINT32_C(16777619);
    return sum;
}

static void plain_compile(const struct rule *rule, struct policy_rule *out)
{
    const struct rule_parameters *parameters = &rule->parameters;
    out->check = (uint8_t)rule->check;
    out->severity = (uint8_t)rule->severity;
    out->report_unknown = rule->report_unknown;
    out->raise_in_zones = rule->raise_in_zones;
    out->unless_declared = parameters->unless_declared;
    out->cleartext = parameters->cleartext;
    out->confidence = (uint8_t)parameters->confidence;
    out->sides = (uint8_t)parameters->sides;
    out->request_places = (uint8_t)parameters->request_places;
    out->response_places = (uint8_t)parameters->response_places;
    out->allowed_zones = parameters->allowed_zones;
    out->threshold = parameters->threshold;
    out->tls_minimum = (uint16_t)parameters->minimum_version;
    out->remaining_days_min = parameters->remaining_days_min;
    out->lifetime_hours_max = parameters->lifetime_hours_max;
    out->names_max = parameters->names_max;
    out->grace_hours = parameters->grace_hours;
    out->window_ns = parameters->window_seconds * SECOND_NS;
    out->retry_ns = parameters->retry_seconds * SECOND_NS;
    out->id_sum = id_sum(rule->id);
}

/* Headers outside the numbered ones can be looked for where a check reads single lines. */
static bool takes_any_header(enum rule_check check)
{
    return check == RULE_CHECK_HEADER_MISSING || check == RULE_CHECK_EXPOSED_ENDPOINT;
}

static void objects_check(struct compiler *compiler)
{
    const struct rule *rule = compiler->rule;
    if (rule->check != RULE_CHECK_OBJECT_ENUMERATION || rule->parameters.threshold <= OBJECTS_MAX)
        return;
    struct diagnostic_place place = rule_place(rule, "parameters/threshold");
    mistake(compiler, place, "objects are counted to %u at most, not to %u", OBJECTS_MAX, rule->parameters.threshold);
}

static void rule_compile(struct compiler *compiler, struct policy_rule *out)
{
    const struct rule *rule = compiler->rule;
    const struct rule_parameters *parameters = &rule->parameters;
    plain_compile(rule, out);
    out->id = text_keep(compiler, rule->id);
    out->title = text_keep(compiler, rule->title);
    struct policy_names requirements = names_compile(compiler, rule->requirements, rule->requirements_count);
    out->requirements = requirements.names;
    out->requirement_count = requirements.count;
    out->headers = headers_compile(compiler, "headers", parameters->headers, parameters->headers_count,
                                   takes_any_header(rule->check) ? &out->other_headers : NULL);
    out->leak_headers =
        headers_compile(compiler, "leak_headers", parameters->leak_headers, parameters->leak_headers_count, NULL);
    out->anomalies = anomalies_compile(compiler);
    statuses_compile(compiler, out);
    classes_compile(compiler, out);
    detectors_compile(compiler, out);
    formats_compile(compiler, out);
    test_numbers_compile(compiler, out);
    ports_compile(compiler, out);
    out->methods = names_compile(compiler, parameters->methods, parameters->methods_count);
    out->schemes = names_compile(compiler, parameters->schemes, parameters->schemes_count);
    out->names = names_compile(compiler, parameters->names, parameters->names_count);
    out->name_patterns = patterns_compile(compiler, "parameters/names", parameters->names, parameters->names_count);
    names_start_compile(out);
    out->paths = patterns_compile(compiler, "parameters/paths", parameters->paths, parameters->paths_count);
    out->origins = patterns_compile(compiler, "parameters/origins", parameters->origins, parameters->origins_count);
    out->allowed_in_request =
        names_compile(compiler, parameters->allowed_in_request, parameters->allowed_in_request_count);
    out->allowed_in_response =
        names_compile(compiler, parameters->allowed_in_response, parameters->allowed_in_response_count);
    scope_compile(compiler, out);
    objects_check(compiler);
    if (rule->check != RULE_CHECK_DETECTION && rule->check != RULE_CHECK_TEST_CARD)
        return;
    uint64_t searched = 0;
    for (uint32_t i = 0; i < ARRAY_COUNT(out->detectors); i++)
        searched |= out->detectors[i];
    out->blind = searched == 0;
    if (parameters->classes_count || parameters->detectors_count)
        return;
    struct diagnostic_place place = rule_place(rule, "parameters");
    mistake(compiler, place, "the check '%s' needs `classes` or `detectors`; without any it finds nothing",
            rule_check_name(rule->check));
}

static void detector_compile(struct compiler *compiler, const struct policy_detector *from,
                             struct policy_detector_text *out)
{
    struct policy *policy = compiler->policy;
    *out = (struct policy_detector_text){text_keep(compiler, from->id), text_keep(compiler, from->name),
                                         text_keep(compiler, from->class_name), 0, from->disabled};
    while (out->class_number < policy->class_count &&
           !span_equal_nocase(policy->class_names[out->class_number], out->class_name))
        out->class_number++;
    if (out->class_number < policy->class_count)
        return;
    if (policy->class_count < POLICY_CLASSES_MAX) {
        policy->class_names[policy->class_count++] = out->class_name;
        return;
    }
    out->class_number = 0;
    diagnostics_add(compiler->diagnostics, DIAGNOSTIC_ERROR, NULL,
                    "detectors have more than %u classes, '%s' is one too many; use fewer", POLICY_CLASSES_MAX,
                    from->class_name);
}

static int detectors_take(struct compiler *compiler, const struct policy_detector *detectors, uint32_t count)
{
    struct policy *policy = compiler->policy;
    if (count > POLICY_DETECTORS_MAX) {
        diagnostics_add(compiler->diagnostics, DIAGNOSTIC_ERROR, NULL, "more than %u detectors; disable some",
                        POLICY_DETECTORS_MAX);
        return -EINVAL;
    }
    policy->detectors = take(compiler, count * sizeof(*policy->detectors));
    if (!policy->detectors)
        return -ENOMEM;
    policy->detectors_count = count;
    for (uint32_t i = 0; i < count; i++)
        detector_compile(compiler, &detectors[i], &policy->detectors[i]);
    return 0;
}

int policy_compile(const struct rule_packs *packs, const struct zones *zones, const struct policy_detector *detectors,
                   uint32_t detectors_count, struct diagnostics *diagnostics, struct policy **policy_out)
{
    *policy_out = NULL;
    struct arena *arena = arena_new_growing();
    struct policy *policy = arena ? arena_take_array(arena, struct policy, 1) : NULL;
    if (!policy) {
        arena_free(arena);
        return -ENOMEM;
    }
    policy->arena = arena;
    policy->knows_proxies = zones_know_proxies(zones);
    struct compiler compiler = {.policy = policy, .diagnostics = diagnostics};
    uint32_t errors = diagnostics->errors;
    policy->rules = take(&compiler, packs->rules_count * sizeof(*policy->rules));
    int result = policy->rules ? detectors_take(&compiler, detectors, detectors_count) : -ENOMEM;
    for (uint32_t i = 0; result == 0 && i < packs->rules_count; i++) {
        const struct rule *rule = &packs->rules[i];
        if (!rule->enabled)
            continue;
        if (rule_check_watches(rule->check)) {
            result = policy_watch_compile(policy, rule, diagnostics);
            continue;
        }
        compiler.rule = rule;
        rule_compile(&compiler, &policy->rules[policy->rules_count++]);
    }
    if (result == 0 && compiler.out_of_memory)
        result = -ENOMEM;
    if (result == 0 && diagnostics->errors > errors)
        result = -EINVAL;
    if (result == 0)
        result = policy_lists_compile(policy);
    if (result < 0)
        policy_free(policy);
    else
        *policy_out = policy;
    return result;
}
