/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Ambiguous connections. The calls of one carry a flag; why is told once, when the connection ends and all that
 * contradicts itself is known. Connections whose bytes no parser reads are left out: nobody was misled about them.
 */

#include "pipeline/session.h"

/* The names of flow_ambiguity_name(), the longest has eleven bytes, and commas. */
#define REASONS_SIZE (FLOW_AMBIGUITY_COUNT * 16u)

static struct span reasons_of(uint32_t ambiguity, char text[REASONS_SIZE])
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < FLOW_AMBIGUITY_COUNT; i++) {
        if (!(ambiguity & FLOW_AMBIGUITY_BIT(i)))
            continue;
        struct span name = span_from_text(flow_ambiguity_name((enum flow_ambiguity)i));
        if (used + name.size + 1 > REASONS_SIZE)
            break;
        if (used)
            text[used++] = ',';
        memcpy(text + used, name.data, name.size);
        used += name.size;
    }
    return span_of(text, used);
}

/* Nothing of it was delivered, so what was refused is all that it may have said. */
static bool nothing_delivered(const struct flow *flow)
{
    return flow->sides[0].offset == flow->sides[0].lost_bytes && flow->sides[1].offset == flow->sides[1].lost_bytes;
}

void session_tell_ambiguity(struct pipeline *worker, const struct session *session, const struct flow *flow)
{
    const struct epoch *epoch = worker->epoch;
    const struct policy_watch *watch = policy_watch_find(epoch->policy, RULE_CHECK_AMBIGUOUS_CONNECTION, NULL);
    if (!watch || !(session->channel.parsed || nothing_delivered(flow)))
        return;
    char reasons[REASONS_SIZE];
    struct call call = {
        .endpoints = flow_endpoints(flow),
        .time_ns = flow->start_ns,
        .end_ns = flow->last_ns,
        .protocol = CALL_HTTP1,
        .flags = CALL_AMBIGUOUS | (session->channel.midstream ? CALL_MIDSTREAM : 0u),
        .status = CALL_STATUS_NONE,
    };
    struct finding finding = {
        .call = &call,
        .time_ns = flow->last_ns,
        .verdict = VERDICT_FAIL,
        .epoch = epoch->number,
        .rules_digest = span_of(epoch->rules_digest, EPOCH_DIGEST_SIZE - 1),
        .registry_digest = span_from_text(epoch->registry_digest),
        .evidence_count = 1,
        .evidence = {{SPAN_LITERAL("reasons"), reasons_of(flow->ambiguity, reasons)}},
    };
    for (; watch; watch = policy_watch_find(epoch->policy, RULE_CHECK_AMBIGUOUS_CONNECTION, watch)) {
        policy_watch_cite(watch, &finding);
        tell_finding(worker, &finding);
    }
}
