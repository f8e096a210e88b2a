/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Compiled rules
 *
 * What policy_compile() makes of the packs and policy_judge() reads: names turned into bits wherever there is a bit for
 * them. Private to the module.
 */

#include "base/pattern.h"
#include "policy/policy.h"

#define POLICY_STATUS_FIRST 100u
#define POLICY_STATUS_LAST  999u
#define POLICY_STATUS_WORDS ((POLICY_STATUS_LAST - POLICY_STATUS_FIRST) / 64 + 1)

struct policy_names {
    const struct span *names;
    uint32_t count;
};

struct policy_format {
    struct span header;
    enum header_id id;
    enum rule_pattern pattern;
    uint32_t size_min, size_max;
    bool echoed;
};

/* What the schemes publish of a test number, and all that a mask of one shows. */
struct policy_test_number {
    uint8_t first[6], last[4];
    uint32_t size;
};

struct policy_rule {
    uint32_t protocols, zones, environments; /* where it applies; all bits set: everywhere */
    uint8_t check;                           /* enum rule_check */
    uint8_t severity;
    bool report_unknown;
    bool scoped; /* methods, hosts, paths or exempt paths have to be looked at */
    bool unless_declared, cleartext;
    bool blind;        /* needs detectors and none of them is loaded: it can never say "pass" */
    bool statuses_any; /* some status is listed */
    uint8_t confidence;
    uint8_t sides;
    uint8_t request_places, response_places;
    uint32_t allowed_zones, raise_in_zones;
    uint32_t classes; /* set of class numbers */
    uint32_t threshold;
    uint16_t tls_minimum; /* lowest version that is right; 0: any */
    uint32_t remaining_days_min, lifetime_hours_max, names_max, grace_hours;
    uint64_t window_ns, retry_ns;
    uint32_t id_sum; /* tells what one rule compares from what another does; made of the id, so it outlives the epoch */
    uint64_t headers; /* set of HEADER_BIT() */
    uint64_t leak_headers;
    uint64_t anomalies;
    uint64_t detectors[POLICY_DETECTORS_MAX / 64]; /* those of the classes included */
    uint64_t statuses[POLICY_STATUS_WORDS];
    uint64_t name_starts[4];           /* first bytes, lower case, of `names`: most names are refused by one bit */
    struct policy_names other_headers; /* headers without a number */
    struct policy_names methods, schemes, names, allowed_in_request, allowed_in_response;
    struct pattern_list paths, name_patterns, origins;
    struct policy_names scope_methods;
    struct pattern_list scope_hosts, scope_paths, exempt_paths;
    const uint32_t *allowed_ports;
    uint32_t allowed_ports_count;
    const uint32_t *broker_ports; /* allowed_ports where none are written */
    uint32_t broker_ports_count;
    uint32_t formats_count;
    const struct policy_format *formats;
    const struct policy_test_number *test_numbers;
    uint32_t test_numbers_count;
    uint32_t requirement_count;
    const struct span *requirements;
    struct span id, title;
};

struct policy_detector_text {
    struct span id, name, class_name;
    uint32_t class_number;
    bool disabled;
};

enum policy_subject { POLICY_CALL, POLICY_CONNECTION, POLICY_CERTIFICATE, POLICY_SUBJECT_COUNT };

static_assert(POLICY_SUBJECT_COUNT == POLICY_SUBJECTS, "a number of each is counted");

/* Kinds of zones and environments together. */
#define POLICY_ZONES ((uint32_t)SETTINGS_ZONE_KIND_COUNT * SETTINGS_ENVIRONMENT_COUNT)

/* Numbers of the rules that can say anything, in their order. */
struct policy_rule_list {
    const uint8_t *rules;
    uint32_t count;
};

struct policy {
    struct arena *arena;
    struct policy_rule_list lists[POLICY_SUBJECT_COUNT][CALL_PROTOCOL_COUNT][POLICY_ZONES];
    struct policy_rule *rules;
    uint32_t rules_count;
    uint32_t detectors_count;
    struct policy_detector_text *detectors;
    struct span class_names[POLICY_CLASSES_MAX];
    uint32_t class_count;
    bool knows_proxies;
    uint32_t watches_count;
    struct policy_watch watches[POLICY_WATCHES_MAX];
};

/* watch.c: a rule that judges no call. Returns 0, -ENOMEM, or -EINVAL; mistakes are told in the diagnostics only. */
MUST_USE int policy_watch_compile(struct policy *policy, const struct rule *rule, struct diagnostics *diagnostics);

/* rule_lists.c: which rules judge what. Returns 0 or -ENOMEM. */
MUST_USE int policy_lists_compile(struct policy *policy);
bool policy_rule_judges(const struct policy_rule *rule, enum policy_subject subject);

static inline bool policy_carries_messages(enum call_protocol protocol)
{
    return protocol == CALL_WEBSOCKET || protocol == CALL_AMQP091 || protocol == CALL_AMQP10;
}

static inline const struct policy_rule_list *policy_list(const struct policy *policy, enum policy_subject subject,
                                                         enum call_protocol protocol, const struct zone *server)
{
    uint32_t zone = (uint32_t)server->kind * SETTINGS_ENVIRONMENT_COUNT + (uint32_t)server->environment;
    return &policy->lists[subject][protocol][zone];
}

static inline bool policy_status_listed(const struct policy_rule *rule, int32_t status)
{
    uint32_t index = (uint32_t)status - POLICY_STATUS_FIRST;
    return index <= POLICY_STATUS_LAST - POLICY_STATUS_FIRST && (rule->statuses[index / 64] >> (index % 64) & 1) != 0;
}

static inline bool policy_detector_listed(const struct policy_rule *rule, uint32_t detector)
{
    return detector < POLICY_DETECTORS_MAX && (rule->detectors[detector / 64] >> (detector % 64) & 1) != 0;
}

bool policy_names_have(const struct policy_names *names, struct span name);
bool policy_names_have_nocase(const struct policy_names *names, struct span name);
