/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rule lists: which rules can say anything of a subject hangs on its protocol and on the zone of the server, of which
 * there are few. So that is found out once, and two thirds of the rules are never looked at for a call.
 */

#include <errno.h>

#include "policy/compiled.h"

/* What is asked of a request and its answer, and so of no message: its handshake or connection is judged by itself. */
static const bool calls_only[RULE_CHECK_COUNT] = {
    [RULE_CHECK_EXPOSED_ENDPOINT] = true,     [RULE_CHECK_RESPONSE_PROTECTION] = true,
    [RULE_CHECK_HEADER_MISSING] = true,       [RULE_CHECK_HEADER_FORMAT] = true,
    [RULE_CHECK_FORWARDED_HEADER] = true,     [RULE_CHECK_CREDENTIAL_MISSING] = true,
    [RULE_CHECK_AUTHORIZATION_SCHEME] = true, [RULE_CHECK_CREDENTIAL_IN_URL] = true,
    [RULE_CHECK_LINE_BREAK] = true,           [RULE_CHECK_TOKEN_SOURCES] = true,
    [RULE_CHECK_FAILED_ATTEMPTS] = true,      [RULE_CHECK_OBJECT_ENUMERATION] = true,
    [RULE_CHECK_REQUEST_ID_REUSE] = true,
};

/* Names are those of the handshake and those of its calls. */
bool policy_rule_judges(const struct policy_rule *rule, enum policy_subject subject)
{
    enum rule_check check = (enum rule_check)rule->check;
    bool names = check == RULE_CHECK_TLS_NAMES || check == RULE_CHECK_CERTIFICATE_NAME;
    enum policy_subject own = rule_check_certificates(check)  ? POLICY_CERTIFICATE
                              : rule_check_connections(check) ? POLICY_CONNECTION
                                                              : POLICY_CALL;
    return subject == own || (names && subject == POLICY_CALL);
}

static bool applies(const struct policy_rule *rule, enum policy_subject subject, uint32_t protocol, uint32_t kind,
                    uint32_t environment)
{
    bool call = subject == POLICY_CALL && !policy_carries_messages((enum call_protocol)protocol);
    return policy_rule_judges(rule, subject) && (rule->protocols >> protocol & 1) && (rule->zones >> kind & 1) &&
           (rule->environments >> environment & 1) && (call || subject != POLICY_CALL || !calls_only[rule->check]);
}

static int list_compile(struct policy *policy, struct policy_rule_list *list, enum policy_subject subject,
                        uint32_t protocol, uint32_t kind, uint32_t environment)
{
    uint8_t *rules = arena_take_array(policy->arena, uint8_t, policy->rules_count + 1);
    if (!rules)
        return -ENOMEM;
    list->rules = rules;
    for (uint32_t i = 0; i < policy->rules_count; i++)
        if (applies(&policy->rules[i], subject, protocol, kind, environment))
            rules[list->count++] = (uint8_t)i;
    return 0;
}

int policy_lists_compile(struct policy *policy)
{
    static_assert(RULES_MAX <= UINT8_MAX + 1u, "a rule's number is a byte");
    int result = 0;
    for (uint32_t subject = 0; subject < POLICY_SUBJECT_COUNT; subject++)
        for (uint32_t protocol = 0; protocol < CALL_PROTOCOL_COUNT; protocol++)
            for (uint32_t zone = 0; result == 0 && zone < POLICY_ZONES; zone++)
                result = list_compile(policy, &policy->lists[subject][protocol][zone], (enum policy_subject)subject,
                                      protocol, zone / SETTINGS_ENVIRONMENT_COUNT, zone % SETTINGS_ENVIRONMENT_COUNT);
    return result;
}
