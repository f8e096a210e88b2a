/* SPDX-License-Identifier: Apache-2.0 */

/* Checks of gRPC: methods that no descriptor has, messages that are not what their descriptor says. */

#include "policy/facts.h"

enum verdict policy_check_undocumented_rpc(const struct policy_rule *rule, const struct policy_facts *facts,
                                           struct policy_answer *answer)
{
    const struct registry_match *match = facts->input->match;
    if (facts->transaction->call.protocol != CALL_GRPC)
        return VERDICT_NOT_APPLICABLE;
    if (!match)
        return policy_answer_unknown(answer, "descriptors of gRPC services in the registry");
    if (!facts->request_seen)
        return policy_answer_unknown(answer, "request");
    if (match->outcome == REGISTRY_MATCH)
        return VERDICT_PASS;
    policy_answer_add_text(answer, "undocumented", match->outcome == REGISTRY_NO_METHOD ? "method" : "service");
    policy_answer_add_name(answer, "path", facts->transaction->path);
    if (!facts->response_seen)
        return policy_answer_unknown(answer, "response: was it answered?");
    if (policy_status_listed(rule, facts->status))
        return VERDICT_PASS;
    if (facts->transaction->call.status != CALL_STATUS_NONE)
        policy_answer_add_number(answer, "grpc_status", (uint64_t)facts->transaction->call.status);
    else
        policy_answer_add_number(answer, "messages", facts->transaction->response.message_count);
    return VERDICT_FAIL;
}

static uint64_t side_anomalies(const struct policy_rule *rule, const struct policy_facts *facts, bool response)
{
    bool wanted = rule->sides == 0 || (rule->sides & (response ? RULE_SIDE_RESPONSE : RULE_SIDE_REQUEST));
    return wanted ? policy_side(facts, response)->anomalies & rule->anomalies : 0;
}

static enum verdict tell(const struct policy_facts *facts, struct policy_answer *answer, bool response,
                         uint64_t anomalies)
{
    policy_answer_add_text(answer, "side", response ? "response" : "request");
    for (uint32_t i = 0; i < ANOMALY_COUNT; i++)
        if (anomalies & ANOMALY_BIT(i))
            policy_answer_add_text(answer, "anomaly", anomaly_name((enum anomaly)i));
    policy_answer_add_name(answer, "field", policy_side(facts, response)->flaw);
    if (facts->operation)
        policy_answer_add(answer, "operation", facts->operation->id);
    return VERDICT_FAIL;
}

enum verdict policy_check_malformed_body(const struct policy_rule *rule, const struct policy_facts *facts,
                                         struct policy_answer *answer)
{
    uint64_t request = side_anomalies(rule, facts, false), response = side_anomalies(rule, facts, true);
    if (response)
        return tell(facts, answer, true, response);
    if (!request) {
        bool searched = facts->request_searched && facts->response_searched;
        return searched ? VERDICT_PASS : policy_answer_unknown(answer, "whole bodies");
    }
    if (!facts->response_seen)
        return policy_answer_unknown(answer, "response: was the request accepted?");
    if (policy_status_listed(rule, facts->status))
        return tell(facts, answer, false, request);
    return VERDICT_PASS; /* refused, as it should be */
}
