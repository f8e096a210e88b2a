/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Check of who calls: the workloads that the registry allows for an operation. A call that was refused is how it should
 * be; one whose caller did not show is unknown.
 */

#include "certificate/spiffe.h"
#include "policy/caller.h"
#include "policy/facts.h"

static bool caller_listed(const struct registry_operation *operation, struct span id)
{
    for (uint32_t i = 0; i < operation->caller_count; i++)
        if (pattern_matches(&operation->callers[i], id))
            return true;
    return false;
}

enum verdict policy_check_operation_caller(const struct policy_rule *rule, const struct policy_facts *facts,
                                           struct policy_answer *answer)
{
    (void)rule;
    const struct caller_certificate *caller = facts->input->caller;
    if (!facts->input->match || facts->input->match->outcome == REGISTRY_UNDECIDED)
        return policy_answer_unknown(answer, "registry");
    if (!facts->operation || facts->operation->caller_count == 0)
        return VERDICT_NOT_APPLICABLE;
    if (!facts->request_seen || !caller || caller->shown == CALLER_UNKNOWN)
        return policy_answer_unknown(answer, "client certificate");
    if (caller->shown == CALLER_SHOWN && spiffe_id_check(caller->id) == SPIFFE_GOOD &&
        caller_listed(facts->operation, caller->id))
        return VERDICT_PASS;
    if (!facts->response_seen)
        return policy_answer_unknown(answer, "response: was the call accepted?");
    if (!policy_accepted(facts))
        return VERDICT_PASS;
    policy_answer_add(answer, "operation", facts->operation->id);
    if (caller->shown == CALLER_NONE)
        policy_answer_add_text(answer, "fault", "the caller showed no certificate");
    else if (caller->id.size)
        policy_answer_add(answer, "caller", caller->id);
    else
        policy_answer_add_text(answer, "fault", "the caller has no SPIFFE id");
    if (caller->forwarded)
        policy_answer_add_text(answer, "told_by", "a trusted proxy, in x-forwarded-client-cert");
    policy_answer_add_number(answer, "status", (uint64_t)facts->status);
    return VERDICT_FAIL;
}
