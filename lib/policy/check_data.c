/* SPDX-License-Identifier: Apache-2.0 */

/* Checks of data: what was detected where it may not be, card numbers of the wrong environment. */

#include "policy/facts.h"

/* Tags and data classes of the operation, and "full-pan" for x-allow-full-pan. */
static bool operation_has(const struct registry_operation *operation, const struct policy_names *words)
{
    for (uint32_t i = 0; i < words->count; i++) {
        if (operation->allow_full_pan && span_equal(words->names[i], SPAN_LITERAL("full-pan")))
            return true;
        for (uint32_t j = 0; j < operation->tags.count; j++)
            if (span_equal_nocase(operation->tags.names[j], words->names[i]))
                return true;
        for (uint32_t j = 0; j < operation->data_classes.count; j++)
            if (span_equal_nocase(operation->data_classes.names[j], words->names[i]))
                return true;
    }
    return false;
}

static bool class_declared(const struct policy_facts *facts, const struct detection *detection)
{
    const struct registry_operation *operation = facts->operation;
    for (uint32_t i = 0; operation && i < operation->data_classes.count; i++)
        if (span_equal_nocase(operation->data_classes.names[i],
                              facts->policy->detectors[detection->detector].class_name))
            return true;
    return false;
}

static uint32_t places_of(const struct policy_rule *rule, bool response)
{
    if (rule->request_places == 0 && rule->response_places == 0)
        return UINT32_MAX;
    return response ? rule->response_places : rule->request_places;
}

static bool detection_counts(const struct policy_rule *rule, const struct policy_facts *facts,
                             const struct detection *detection)
{
    if (!policy_detector_listed(rule, detection->detector) || detection->detector >= facts->policy->detectors_count ||
        detection->confidence < rule->confidence)
        return false;
    if (!(places_of(rule, detection->in_response) >> detection->place & 1))
        return false;
    if (facts->operation && operation_has(facts->operation, detection->in_response ? &rule->allowed_in_response
                                                                                   : &rule->allowed_in_request))
        return false;
    return !(rule->unless_declared && class_declared(facts, detection));
}

/* Whether everything the rule looks at was looked at. */
static bool places_searched(const struct policy_rule *rule, const struct policy_facts *facts, bool response)
{
    uint32_t places = places_of(rule, response) & ((1u << DETECTION_PLACE_COUNT) - 1);
    if (places == 0)
        return true;
    if (facts->transaction->detections_lost)
        return false;
    if (response ? !facts->response_seen : !facts->request_seen)
        return false;
    if ((places & (1u << DETECTION_HEADER | 1u << DETECTION_COOKIE)) &&
        (response ? !facts->response_head : !facts->request_head))
        return false;
    return !(places & 1u << DETECTION_BODY) || (response ? facts->response_searched : facts->request_searched);
}

/* The registry is what declares; without one nothing can be undeclared. */
static bool declarations_known(const struct policy_rule *rule, const struct policy_facts *facts)
{
    if (!rule->unless_declared)
        return true;
    return facts->input->match && facts->input->match->outcome != REGISTRY_UNDECIDED && facts->request_seen;
}

static enum verdict detections_judge(const struct policy_rule *rule, const struct policy_facts *facts,
                                     struct policy_answer *answer)
{
    const struct transaction *transaction = facts->transaction;
    const struct detection *first = NULL;
    uint64_t count = 0;
    for (uint32_t i = 0; i < transaction->detection_count && i < TRANSACTION_DETECTIONS_MAX; i++) {
        if (!detection_counts(rule, facts, &transaction->detections[i]))
            continue;
        if (!first)
            first = &transaction->detections[i];
        count += transaction->detections[i].count;
    }
    if (!first || count < rule->threshold)
        return VERDICT_PASS;
    if (!declarations_known(rule, facts))
        return policy_answer_unknown(answer, "registry: is this data declared?");
    policy_answer_add_detection(answer, facts, first);
    if (count > first->count)
        policy_answer_add_number(answer, "count_all", count);
    if (rule->allowed_zones)
        policy_answer_add_zones(answer, facts);
    return VERDICT_FAIL;
}

enum verdict policy_check_detection(const struct policy_rule *rule, const struct policy_facts *facts,
                                    struct policy_answer *answer)
{
    if (rule->cleartext) {
        if (facts->input->encrypted)
            return VERDICT_PASS;
        if (facts->loopback || facts->input->destination_zone->plaintext_allowed)
            return VERDICT_NOT_APPLICABLE;
    }
    if (rule->allowed_zones >> facts->input->destination_zone->kind & 1)
        return VERDICT_PASS;
    if (rule->statuses_any) {
        if (!facts->response_seen)
            return policy_answer_unknown(answer, "response");
        if (!policy_status_listed(rule, facts->status))
            return VERDICT_NOT_APPLICABLE;
    }
    if ((facts->classes[0] | facts->classes[1]) & rule->classes) {
        enum verdict verdict = detections_judge(rule, facts, answer);
        if (verdict != VERDICT_PASS)
            return verdict;
    }
    if (facts->all_searched)
        return VERDICT_PASS;
    if (!places_searched(rule, facts, false)) {
        answer->observable = facts->request_seen;
        return policy_answer_unknown(answer, "request not searched to its end");
    }
    if (!places_searched(rule, facts, true)) {
        answer->observable = facts->response_seen;
        return policy_answer_unknown(answer, "response not searched to its end");
    }
    return VERDICT_PASS;
}

/*
 * The scanner knows the numbers that the schemes publish; a house's own are known by what a mask shows: digits in front
 * of the first other sign and behind the last one.
 */
static bool is_test_number(const struct policy_rule *rule, const struct detection *detection)
{
    if (detection->flags & DETECTION_TEST_NUMBER)
        return true;
    const char *mask = detection->mask;
    uint32_t size = min_u32(detection->mask_size, DETECTION_MASK_SIZE);
    for (uint32_t i = 0; size >= 10 && i < rule->test_numbers_count; i++) {
        const struct policy_test_number *number = &rule->test_numbers[i];
        if (memcmp(mask, number->first, sizeof(number->first)) == 0 &&
            memcmp(mask + size - 4, number->last, sizeof(number->last)) == 0 && detection->value_size >= number->size)
            return true;
    }
    return false;
}

static bool mask_shows_ends(const struct detection *detection)
{
    uint32_t size = min_u32(detection->mask_size, DETECTION_MASK_SIZE);
    if (size < 10)
        return false;
    for (uint32_t i = 0; i < 6; i++)
        if (detection->mask[i] < '0' || detection->mask[i] > '9')
            return false;
    for (uint32_t i = size - 4; i < size; i++)
        if (detection->mask[i] < '0' || detection->mask[i] > '9')
            return false;
    return true;
}

static const struct detection *card_of_wrong_kind(const struct policy_rule *rule, const struct policy_facts *facts,
                                                  bool production, bool *unsure_out)
{
    for (uint32_t i = 0; i < facts->transaction->detection_count && i < TRANSACTION_DETECTIONS_MAX; i++) {
        const struct detection *detection = &facts->transaction->detections[i];
        if (!policy_detector_listed(rule, detection->detector) || detection->confidence < rule->confidence)
            continue;
        if (!mask_shows_ends(detection))
            *unsure_out = true;
        else if (is_test_number(rule, detection) == production)
            return detection;
    }
    return NULL;
}

/* Test cards belong to test systems, real cards to production. */
enum verdict policy_check_test_card(const struct policy_rule *rule, const struct policy_facts *facts,
                                    struct policy_answer *answer)
{
    enum settings_environment environment = facts->input->destination_zone->environment;
    bool detected = ((facts->classes[0] | facts->classes[1]) & rule->classes) != 0;
    if (environment == SETTINGS_ENVIRONMENT_UNKNOWN)
        return policy_answer_unknown(answer, "the zone of the server declares no environment");
    bool production = environment == SETTINGS_ENVIRONMENT_PRODUCTION;
    bool unsure = false;
    const struct detection *detection = detected ? card_of_wrong_kind(rule, facts, production, &unsure) : NULL;
    if (detection) {
        policy_answer_add_text(answer, "environment", settings_environment_name(environment));
        policy_answer_add_text(answer, "card", production ? "test number" : "not a test number");
        policy_answer_add_detection(answer, facts, detection);
        return VERDICT_FAIL;
    }
    if (unsure)
        return policy_answer_unknown(answer, "the mask does not show enough");
    return facts->all_searched ? VERDICT_PASS : policy_answer_unknown(answer, "whole call");
}
