/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Policy: the hot path. Facts are gathered once; of the rules only those are looked at that can apply, and only a
 * breach costs more than a few tests. Most say "not applicable": that is what is left when the others are counted.
 */

#include "policy/policy.h"

#include "base/ledger.h"
#include "policy/facts.h"

bool policy_names_have(const struct policy_names *names, struct span name)
{
    for (uint32_t i = 0; i < names->count; i++)
        if (span_equal(names->names[i], name))
            return true;
    return false;
}

bool policy_names_have_nocase(const struct policy_names *names, struct span name)
{
    for (uint32_t i = 0; i < names->count; i++)
        if (span_equal_nocase(names->names[i], name))
            return true;
    return false;
}

/* Kinds that judge no call have none: policy_compile() keeps their rules apart. */
static policy_check *const checks[RULE_CHECK_COUNT] = {
    [RULE_CHECK_CLEARTEXT] = policy_check_cleartext,
    [RULE_CHECK_PORT] = policy_check_port,
    [RULE_CHECK_FRAMING] = policy_check_framing,
    [RULE_CHECK_EXPOSED_ENDPOINT] = policy_check_exposed_endpoint,
    [RULE_CHECK_LINE_BREAK] = policy_check_line_break,
    [RULE_CHECK_INTROSPECTION] = policy_check_introspection,
    [RULE_CHECK_RESPONSE_PROTECTION] = policy_check_response_protection,
    [RULE_CHECK_WEBSOCKET] = policy_check_websocket,
    [RULE_CHECK_HEADER_MISSING] = policy_check_header_missing,
    [RULE_CHECK_HEADER_FORMAT] = policy_check_header_format,
    [RULE_CHECK_FORWARDED_HEADER] = policy_check_forwarded_header,
    [RULE_CHECK_CREDENTIAL_MISSING] = policy_check_credential_missing,
    [RULE_CHECK_AUTHORIZATION_SCHEME] = policy_check_authorization_scheme,
    [RULE_CHECK_CREDENTIAL_CLEARTEXT] = policy_check_credential_cleartext,
    [RULE_CHECK_CREDENTIAL_IN_URL] = policy_check_credential_in_url,
    [RULE_CHECK_TOKEN_SIGNATURE] = policy_check_token_signature,
    [RULE_CHECK_TOKEN_CLAIMS] = policy_check_token_claims,
    [RULE_CHECK_TOKEN_SCOPE] = policy_check_token_scope,
    [RULE_CHECK_TOKEN_BINDING] = policy_check_token_binding,
    [RULE_CHECK_OPERATION_CALLER] = policy_check_operation_caller,
    [RULE_CHECK_OAUTH_FLOW] = policy_check_oauth_flow,
    [RULE_CHECK_BROKER_LOGIN] = policy_check_broker_login,
    [RULE_CHECK_TOKEN_SOURCES] = policy_check_token_sources,
    [RULE_CHECK_FAILED_ATTEMPTS] = policy_check_failed_attempts,
    [RULE_CHECK_OBJECT_ENUMERATION] = policy_check_object_enumeration,
    [RULE_CHECK_REQUEST_ID_REUSE] = policy_check_request_id_reuse,
    [RULE_CHECK_SHADOW_ENDPOINT] = policy_check_shadow_endpoint,
    [RULE_CHECK_DEPRECATED_OPERATION] = policy_check_deprecated_operation,
    [RULE_CHECK_SUNSET_OPERATION] = policy_check_sunset_operation,
    [RULE_CHECK_RETIRED_VERSION] = policy_check_retired_version,
    [RULE_CHECK_UNDOCUMENTED_METHOD] = policy_check_undocumented_method,
    [RULE_CHECK_UNDOCUMENTED_RESPONSE] = policy_check_undocumented_response,
    [RULE_CHECK_UNDOCUMENTED_PARAMETER] = policy_check_undocumented_parameter,
    [RULE_CHECK_UNDOCUMENTED_HOST] = policy_check_undocumented_host,
    [RULE_CHECK_UNDOCUMENTED_RPC] = policy_check_undocumented_rpc,
    [RULE_CHECK_MALFORMED_BODY] = policy_check_malformed_body,
    [RULE_CHECK_UNDOCUMENTED_CHANNEL] = policy_check_undocumented_channel,
    [RULE_CHECK_DETECTION] = policy_check_detection,
    [RULE_CHECK_TEST_CARD] = policy_check_test_card,
    [RULE_CHECK_TLS_VERSION] = policy_check_tls_version,
    [RULE_CHECK_TLS_SUITE_APPROVAL] = policy_check_tls_suite_approval,
    [RULE_CHECK_TLS_SUITE_WEAK] = policy_check_tls_suite_weak,
    [RULE_CHECK_TLS_KEY_EXCHANGE] = policy_check_tls_key_exchange,
    [RULE_CHECK_TLS_OFFER] = policy_check_tls_offer,
    [RULE_CHECK_TLS_DOWNGRADE] = policy_check_tls_downgrade,
    [RULE_CHECK_TLS_EXTENSIONS] = policy_check_tls_extensions,
    [RULE_CHECK_TLS_NAMES] = policy_check_tls_names,
    [RULE_CHECK_CLIENT_CERTIFICATE] = policy_check_client_certificate,
    [RULE_CHECK_CERTIFICATE_VALIDITY] = policy_check_certificate_validity,
    [RULE_CHECK_CERTIFICATE_REMAINING] = policy_check_certificate_remaining,
    [RULE_CHECK_CERTIFICATE_LIFETIME] = policy_check_certificate_lifetime,
    [RULE_CHECK_CERTIFICATE_NAME] = policy_check_certificate_name,
    [RULE_CHECK_CERTIFICATE_SCOPE] = policy_check_certificate_scope,
    [RULE_CHECK_CERTIFICATE_CHAIN] = policy_check_certificate_chain,
    [RULE_CHECK_CERTIFICATE_STRENGTH] = policy_check_certificate_strength,
    [RULE_CHECK_CERTIFICATE_USAGE] = policy_check_certificate_usage,
    [RULE_CHECK_CERTIFICATE_SVID] = policy_check_certificate_svid,
    [RULE_CHECK_CERTIFICATE_REVOCATION] = policy_check_certificate_revocation,
    [RULE_CHECK_CERTIFICATE_INVENTORY] = policy_check_certificate_inventory,
    [RULE_CHECK_CERTIFICATE_CALLER] = policy_check_certificate_caller,
};

/* VERDICT_PASS: it applies. Raw paths are compared, so no escape makes a path look exempt that is not. */
static enum verdict scope_judge(const struct policy_rule *rule, struct policy_facts *facts)
{
    if (!facts->request_seen)
        return rule->scope_methods.count || rule->scope_hosts.count || rule->scope_paths.count ? VERDICT_UNKNOWN
                                                                                               : VERDICT_PASS;
    const struct transaction *transaction = facts->transaction;
    if (rule->scope_methods.count && !policy_names_have(&rule->scope_methods, transaction->call.method))
        return VERDICT_NOT_APPLICABLE;
    uint8_t lower[PATTERN_LOWER_MAX];
    if (rule->scope_hosts.count &&
        !pattern_list_matches(&rule->scope_hosts, pattern_text_lower(policy_host(facts->call), lower)))
        return VERDICT_NOT_APPLICABLE;
    if (rule->scope_paths.count && !pattern_list_matches(&rule->scope_paths, transaction->path))
        return VERDICT_NOT_APPLICABLE;
    if (facts->exempt_list != rule->exempt_paths.keys) {
        facts->exempt_list = rule->exempt_paths.keys;
        facts->exempt = pattern_list_matches(&rule->exempt_paths, transaction->path);
    }
    return facts->exempt ? VERDICT_NOT_APPLICABLE : VERDICT_PASS;
}

/* Of a connection only the name that the client asked for is known. */
static enum verdict host_judge(const struct policy_rule *rule, const struct policy_facts *facts)
{
    uint8_t lower[PATTERN_LOWER_MAX];
    if (rule->scope_hosts.count == 0)
        return VERDICT_PASS;
    if (!facts->call->host.data)
        return VERDICT_UNKNOWN;
    return pattern_list_matches(&rule->scope_hosts, pattern_text_lower(facts->call->host, lower))
               ? VERDICT_PASS
               : VERDICT_NOT_APPLICABLE;
}

static enum verdict rule_judge(const struct policy_rule *rule, struct policy_facts *facts, struct policy_answer *answer)
{
    if (facts->input->whole_connection && rule->check != RULE_CHECK_FRAMING)
        return VERDICT_NOT_APPLICABLE;
    if (rule->scoped) {
        enum verdict scope = facts->transaction ? scope_judge(rule, facts) : host_judge(rule, facts);
        if (scope == VERDICT_UNKNOWN)
            return policy_answer_unknown(answer, "request");
        if (scope != VERDICT_PASS)
            return scope;
    }
    if (rule->blind)
        return policy_answer_unknown(answer, "no detector of these classes is loaded");
    policy_check *gate = facts->transaction                                      ? NULL
                         : rule_check_certificates((enum rule_check)rule->check) ? policy_certificate_gate
                                                                                 : policy_tls_gate;
    enum verdict verdict = gate ? gate(rule, facts, answer) : VERDICT_PASS;
    return verdict == VERDICT_PASS ? checks[rule->check](rule, facts, answer) : verdict;
}

static enum severity severity_raised(const struct policy_rule *rule, const struct policy_facts *facts,
                                     const struct policy_answer *answer)
{
    uint32_t kinds = 1u << facts->input->destination_zone->kind | 1u << facts->input->source_zone->kind;
    bool raised = (kinds & rule->raise_in_zones) && !answer->severity_fixed;
    return raised && answer->severity < SEVERITY_CRITICAL ? (enum severity)(answer->severity + 1) : answer->severity;
}

static void finding_report(const struct policy_rule *rule, const struct policy_facts *facts,
                           const struct policy_answer *answer, enum verdict verdict, struct policy_sink *sink)
{
    const struct policy_input *input = facts->input;
    struct finding finding = {
        .call = facts->call,
        .time_ns = input->time_ns,
        .rule = rule->id,
        .title = rule->title,
        .verdict = verdict,
        .severity = severity_raised(rule, facts, answer),
        .epoch = input->epoch,
        .rules_digest = input->rules_digest,
        .registry_digest = input->registry_digest,
        .evidence_count = answer->evidence_count,
        .requirement_count = rule->requirement_count,
    };
    const struct registry_operation *operation = input->match ? input->match->operation : NULL;
    if (operation && operation->file) {
        finding.source_file = operation->file->name;
        finding.source_line = operation->line;
        finding.source_commit = operation->file->commit;
    }
    memcpy(finding.evidence, answer->evidence, answer->evidence_count * sizeof(finding.evidence[0]));
    memcpy(finding.requirements, rule->requirements, rule->requirement_count * sizeof(finding.requirements[0]));
    if (answer->sighted)
        sink->sighting(sink->context, &answer->sighting, &finding);
    else
        sink->finding(sink->context, &finding);
}

static void judge_all(const struct policy *policy, struct policy_facts *facts, enum policy_subject subject,
                      struct policy_sink *sink)
{
    const struct policy_rule_list *list =
        policy_list(policy, subject, facts->call->protocol, facts->input->destination_zone);
    struct policy_answer answer;
    ledger_raise(&sink->judged[subject], 1);
    for (uint32_t i = 0; i < list->count; i++) {
        uint32_t number = list->rules[i];
        const struct policy_rule *rule = &policy->rules[number];
        answer.severity = (enum severity)rule->severity;
        answer.severity_fixed = false;
        answer.observable = false;
        answer.sighted = false;
        answer.evidence_count = 0;
        answer.scratch_used = 0;
        enum verdict verdict = rule_judge(rule, facts, &answer);
        if (answer.sighted && sink->sighting)
            finding_report(rule, facts, &answer, VERDICT_FAIL, sink);
        if (verdict == VERDICT_NOT_APPLICABLE)
            continue;
        ledger_raise(&sink->verdicts[number][verdict], 1);
        if (verdict == VERDICT_FAIL || (verdict == VERDICT_UNKNOWN && answer.observable && rule->report_unknown))
            finding_report(rule, facts, &answer, verdict, sink);
    }
}

void policy_judge(const struct policy *policy, const struct policy_input *input, struct policy_sink *sink)
{
    struct policy_facts facts;
    policy_facts_gather(&facts, policy, input);
    judge_all(policy, &facts, POLICY_CALL, sink);
}

void policy_judge_connection(const struct policy *policy, const struct policy_input *input, struct policy_sink *sink)
{
    struct policy_facts facts = {.policy = policy, .input = input, .call = input->connection};
    judge_all(policy, &facts, POLICY_CONNECTION, sink);
}

void policy_judge_certificate(const struct policy *policy, const struct policy_input *input, struct policy_sink *sink)
{
    struct policy_facts facts = {.policy = policy, .input = input, .call = input->connection};
    judge_all(policy, &facts, POLICY_CERTIFICATE, sink);
}

void policy_count_rest(const struct policy *policy, struct policy_sink *sink)
{
    for (uint32_t i = 0; i < policy->rules_count; i++) {
        uint64_t judged = 0, told = 0;
        for (uint32_t subject = 0; subject < POLICY_SUBJECT_COUNT; subject++)
            if (policy_rule_judges(&policy->rules[i], (enum policy_subject)subject))
                judged += sink->judged[subject];
        for (uint32_t verdict = 0; verdict < VERDICT_COUNT; verdict++)
            told += sink->verdicts[i][verdict];
        sink->verdicts[i][VERDICT_NOT_APPLICABLE] += judged - told;
    }
}

uint32_t policy_rule_count(const struct policy *policy)
{
    return policy->rules_count;
}

struct span policy_rule_id(const struct policy *policy, uint32_t index)
{
    require(index < policy->rules_count);
    return policy->rules[index].id;
}

bool policy_rule_judges_calls(const struct policy *policy, uint32_t index)
{
    require(index < policy->rules_count);
    return policy_rule_judges(&policy->rules[index], POLICY_CALL);
}

void policy_free(struct policy *policy)
{
    if (policy)
        arena_free(policy->arena);
}
