/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One judged call for the tests of policy: made by hand, judged by the shipped rules, its verdicts and findings kept.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/policy.h"
#include "registry/registry.h"

enum { PAN, CVV, IBAN, SSN, NHS, EMAIL, ICD, JWT, SIGNATURE, DETECTOR_COUNT };

static const struct policy_detector case_detectors[DETECTOR_COUNT] = {
    [PAN] = {"D01", "PAN", "PCI-CHD", false},
    [CVV] = {"D02", "CVV", "PCI-SAD", false},
    [IBAN] = {"D07", "IBAN", "fin-PII", false},
    [SSN] = {"D11", "US SSN", "PII-high", false},
    [NHS] = {"D16", "UK NHS", "health", false},
    [EMAIL] = {"D39", "E-mail", "PII", false},
    [ICD] = {"D47", "ICD-10", "GDPR-9", false},
    [JWT] = {"D49", "JWT", "secret", false},
    [SIGNATURE] = {"E01", "Java stack trace", "error-signature", false},
};

#define CASE_TIME_NS UINT64_C(1795186800000000000) /* 2026-11-20 */

struct case_finding {
    char rule[RULE_ID_SIZE_MAX + 1];
    char evidence[2048]; /* "name=value;" of each entry */
    enum verdict verdict;
    enum severity severity;
    uint32_t requirement_count;
    char source[256];
};

/* A call to be compared with others, where the test gave a key for that. */
struct case_sighting {
    char rule[RULE_ID_SIZE_MAX + 1];
    struct sighting sighting;
};

struct policy_case {
    struct transaction transaction;
    struct policy_input input;
    struct registry_match match;
    struct settings settings;
    struct zones *zones;
    struct registry *registry;
    struct rule_packs packs;
    struct policy *policy;
    uint64_t verdicts[RULES_MAX][VERDICT_COUNT];
    struct case_finding findings[64];
    uint32_t finding_count;
    struct case_sighting sightings[8];
    uint32_t sighting_count;
    bool has_registry;
};

static inline void case_finding_keep(void *context, const struct finding *finding)
{
    struct policy_case *c = context;
    assert_true(c->finding_count < ARRAY_COUNT(c->findings));
    assert_true(finding->rule.size <= RULE_ID_SIZE_MAX);
    assert_true(finding->evidence_count <= FINDING_EVIDENCE_MAX);
    struct case_finding *kept = &c->findings[c->finding_count++];
    memset(kept, 0, sizeof(*kept));
    memcpy(kept->rule, finding->rule.data, finding->rule.size);
    kept->verdict = finding->verdict;
    kept->severity = finding->severity;
    kept->requirement_count = finding->requirement_count;
    if (finding->source_file.size)
        snprintf(kept->source, sizeof(kept->source), "%.*s:%u", (int)finding->source_file.size,
                 (const char *)finding->source_file.data, finding->source_line);
    size_t used = 0;
    for (uint32_t i = 0; i < finding->evidence_count && used < sizeof(kept->evidence); i++) {
        const struct finding_evidence *e = &finding->evidence[i];
        used += (size_t)snprintf(kept->evidence + used, sizeof(kept->evidence) - used, "%.*s=%.*s;", (int)e->name.size,
                                 (const char *)e->name.data, (int)e->value.size, (const char *)e->value.data);
    }
}

static inline void case_sighting_keep(void *context, const struct sighting *sighting, const struct finding *finding)
{
    struct policy_case *c = context;
    assert_true(c->sighting_count < ARRAY_COUNT(c->sightings));
    struct case_sighting *kept = &c->sightings[c->sighting_count++];
    *kept = (struct case_sighting){.sighting = *sighting};
    assert_true(finding->rule.size <= RULE_ID_SIZE_MAX);
    memcpy(kept->rule, finding->rule.data, finding->rule.size);
}

/* NULL registry: none. `pack`: rules laid over the shipped ones, or NULL. */
static inline struct policy_case *case_new(const char *settings, const char *registry, const char *pack)
{
    struct policy_case *c = calloc(1, sizeof(*c));
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    assert_int_equal(settings_load_text("assay.yaml", settings, strlen(settings), &diagnostics, &c->settings), 0);
    assert_int_equal(zones_compile(&c->settings, &diagnostics, &c->zones), 0);
    int result = rule_packs_load(c->settings.rules, c->settings.rules_count, &diagnostics, &c->packs);
    if (result == 0 && pack)
        result = rule_packs_add_text(&c->packs, "own.yaml", pack, strlen(pack), &diagnostics);
    if (result == 0)
        result = policy_compile(&c->packs, c->zones, case_detectors, DETECTOR_COUNT, &diagnostics, &c->policy);
    if (result == 0 && registry)
        result = registry_load_text("api.yaml", registry, strlen(registry), &diagnostics, &c->registry);
    diagnostics_print(&diagnostics, stderr);
    assert_int_equal(result, 0);
    diagnostics_deinit(&diagnostics);
    c->has_registry = registry != NULL;
    return c;
}

static inline void case_free(struct policy_case *c)
{
    policy_free(c->policy);
    rule_packs_deinit(&c->packs);
    zones_free(c->zones);
    registry_free(c->registry);
    settings_deinit(&c->settings);
    free(c);
}

static inline void case_addresses(struct policy_case *c, const char *client, const char *server, uint16_t port)
{
    struct endpoints *endpoints = &c->transaction.call.endpoints;
    assert_int_equal(address_parse(client, &endpoints->source, &endpoints->ip_version), 0);
    assert_int_equal(address_parse(server, &endpoints->destination, &endpoints->ip_version), 0);
    endpoints->source_port = 40000;
    endpoints->destination_port = port;
}

/* A call both sides of which were seen whole. `status` CALL_STATUS_NONE: no response; `method` NULL: no request. */
static inline void case_call(struct policy_case *c, const char *method, const char *target, int32_t status)
{
    struct transaction *transaction = &c->transaction;
    transaction_init(transaction);
    case_addresses(c, "198.51.100.7", "203.0.113.9", 443);
    transaction->call.protocol = CALL_HTTP1;
    transaction->call.time_ns = CASE_TIME_NS;
    transaction->call.status = status;
    transaction->request.seen = transaction->request.complete = method != NULL;
    transaction->response.seen = transaction->response.complete = status != CALL_STATUS_NONE;
    if (method) {
        transaction->call.method = transaction_keep(transaction, span_from_text(method));
        transaction->call.path = transaction_keep(transaction, span_from_text(target));
        transaction->call.host = transaction_keep(transaction, span_from_text("api.example.com"));
        const uint8_t *mark = memchr(transaction->call.path.data, '?', transaction->call.path.size);
        uint32_t size = mark ? (uint32_t)(mark - transaction->call.path.data) : transaction->call.path.size;
        transaction->path = span_first(transaction->call.path, size);
        if (mark)
            transaction->query = span_from(transaction->call.path, size + 1);
    }
}

static inline void case_header(struct policy_case *c, bool response, const char *name, const char *value)
{
    struct transaction_side *side = response ? &c->transaction.response : &c->transaction.request;
    transaction_add_header(&c->transaction, side, span_from_text(name), span_from_text(value));
}

static inline void case_detect(struct policy_case *c, uint16_t detector, bool response, enum detection_place place,
                               const char *name, const char *mask)
{
    struct detection detection = {.detector = detector, .place = (uint8_t)place, .in_response = response, .count = 1};
    detection.confidence = DETECTION_HIGH;
    detection.value_size = 16;
    detection.name = span_from_text(name);
    detection.mask_size = (uint8_t)strlen(mask);
    memcpy(detection.mask, mask, strlen(mask));
    transaction_add_detection(&c->transaction, &detection);
}

static inline void case_judge(struct policy_case *c)
{
    struct transaction *transaction = &c->transaction;
    /* What descriptors say of a gRPC call its test puts into c->match. */
    if (c->has_registry && transaction->message.kind != MESSAGE_NONE) {
        struct registry_message message = {.protocol = transaction->call.protocol,
                                           .host = transaction->call.host,
                                           .path = transaction->path,
                                           .message = &transaction->message};
        (void)registry_find_message(c->registry, &message, &c->match);
    } else if (c->has_registry && transaction->call.protocol != CALL_GRPC) {
        struct registry_request request = {
            .host = transaction->call.host, .method = transaction->call.method, .path = transaction->path};
        (void)registry_find(c->registry, &request, &c->match);
    }
    struct policy_input given = c->input;
    c->input = (struct policy_input){
        .transaction = transaction,
        .match = c->has_registry ? &c->match : NULL,
        .source_zone = zones_find(c->zones, &transaction->call.endpoints, &transaction->call.endpoints.source),
        .destination_zone =
            zones_find(c->zones, &transaction->call.endpoints, &transaction->call.endpoints.destination),
        .encrypted = given.encrypted,
        .token = given.token,
        .issuers = given.issuers,
        .caller = given.caller,
        .sighting_key = given.sighting_key,
        .zones = c->zones,
        .time_ns = CASE_TIME_NS,
    };
    memset(c->verdicts, 0, sizeof(c->verdicts));
    c->finding_count = 0;
    c->sighting_count = 0;
    uint64_t judged[POLICY_SUBJECTS] = {0};
    struct policy_sink sink = {.context = c,
                               .finding = case_finding_keep,
                               .sighting = case_sighting_keep,
                               .verdicts = c->verdicts,
                               .judged = judged};
    policy_judge(c->policy, &c->input, &sink);
    policy_count_rest(c->policy, &sink);
    for (uint32_t i = 0; i < policy_rule_count(c->policy); i++) {
        uint64_t sum = 0;
        for (uint32_t verdict = 0; verdict < VERDICT_COUNT; verdict++)
            sum += c->verdicts[i][verdict];
        assert_int_equal(sum, policy_rule_judges_calls(c->policy, i)); /* exactly one verdict a rule */
        assert_int_equal(c->verdicts[i][VERDICT_ERROR], 0);
    }
}

static inline enum verdict case_verdict(const struct policy_case *c, const char *rule)
{
    for (uint32_t i = 0; i < policy_rule_count(c->policy); i++)
        for (uint32_t verdict = 0; verdict < VERDICT_COUNT; verdict++)
            if (span_equal(policy_rule_id(c->policy, i), span_from_text(rule)) && c->verdicts[i][verdict])
                return (enum verdict)verdict;
    fail_msg("no verdict of %s", rule);
    return VERDICT_ERROR;
}

static inline const struct case_finding *case_finding_of(const struct policy_case *c, const char *rule)
{
    static const struct case_finding none;
    for (uint32_t i = 0; i < c->finding_count; i++)
        if (strcmp(c->findings[i].rule, rule) == 0)
            return &c->findings[i];
    fail_msg("no finding of %s", rule);
    return &none;
}

static inline void case_expect(struct policy_case *c, const char *rule, enum verdict verdict)
{
    case_judge(c);
    enum verdict got = case_verdict(c, rule);
    if (got != verdict)
        fail_msg("%s: %s, expected %s", rule, verdict_name(got), verdict_name(verdict));
    bool found = false;
    for (uint32_t i = 0; i < c->finding_count; i++)
        found |= strcmp(c->findings[i].rule, rule) == 0;
    if (verdict != VERDICT_UNKNOWN)
        assert_int_equal(found, verdict == VERDICT_FAIL);
}

static inline void case_expect_evidence(const struct policy_case *c, const char *rule, const char *part)
{
    const struct case_finding *finding = case_finding_of(c, rule);
    if (!strstr(finding->evidence, part))
        fail_msg("%s: '%s' is not in '%s'", rule, part, finding->evidence);
}
