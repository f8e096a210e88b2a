/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Check of WebSockets: from which origin a handshake was accepted (RFC 6455 10.2), and whether handshake and messages
 * keep to the protocol. Browsers send the cookies of the server along from any page, so the origin is all that keeps a
 * foreign one out; other clients send none.
 */

#include "policy/facts.h"

/* 101, or 2xx to the CONNECT of RFC 8441. */
static bool is_accepted(const struct policy_facts *facts)
{
    bool connect = span_equal(facts->transaction->call.method, SPAN_LITERAL("CONNECT"));
    return connect ? facts->status >= 200 && facts->status < 300 : facts->status == 101;
}

/* Without the port that its scheme has anyway. */
static struct span without_port(struct span authority, const char *port)
{
    struct span end = span_from_text(port);
    bool has = authority.size > end.size && span_equal(span_from(authority, authority.size - end.size), end);
    return has ? span_first(authority, authority.size - end.size) : authority;
}

/* The page came from the server itself, by the name that the client calls it by. */
static bool same_origin(struct span origin, struct span host)
{
    bool secure = span_starts_with(origin, SPAN_LITERAL("https://"));
    if (!secure && !span_starts_with(origin, SPAN_LITERAL("http://")))
        return false;
    const char *port = secure ? ":443" : ":80";
    struct span authority = span_from(origin, secure ? 8 : 7);
    return host.size && span_equal_nocase(without_port(authority, port), without_port(host, port));
}

static void anomalies_add(struct policy_answer *answer, uint64_t anomalies)
{
    for (uint32_t i = 0; i < ANOMALY_COUNT; i++)
        if (anomalies & ANOMALY_BIT(i))
            policy_answer_add_text(answer, "anomaly", anomaly_name((enum anomaly)i));
}

static enum verdict anomalies_judge(const struct policy_rule *rule, const struct policy_facts *facts,
                                    struct policy_answer *answer)
{
    const struct transaction *transaction = facts->transaction;
    uint64_t request = transaction->request.anomalies & rule->anomalies;
    uint64_t response = transaction->response.anomalies & rule->anomalies;
    if (!request && !response)
        return VERDICT_PASS;
    policy_answer_add_text(answer, "sender", request ? "client" : "server");
    anomalies_add(answer, request | response);
    return VERDICT_FAIL;
}

enum verdict policy_check_websocket(const struct policy_rule *rule, const struct policy_facts *facts,
                                    struct policy_answer *answer)
{
    const struct transaction *transaction = facts->transaction;
    if (transaction->call.protocol == CALL_WEBSOCKET)
        return anomalies_judge(rule, facts, answer);
    if (facts->message || (facts->request_head && !transaction_asks_websocket(facts->transaction)))
        return VERDICT_NOT_APPLICABLE;
    if (!facts->request_head || !facts->response_seen)
        return (transaction->call.flags & CALL_UPGRADE) ||
                       (facts->request_seen && transaction_asks_websocket(facts->transaction))
                   ? policy_answer_unknown(answer, "handshake")
                   : VERDICT_NOT_APPLICABLE;
    if (!is_accepted(facts))
        return VERDICT_PASS;
    const struct transaction_header *header = transaction_find_header(&transaction->request, HEADER_ORIGIN, NULL);
    struct span origin = header ? transaction_header_value(transaction, header) : (struct span){0};
    uint8_t lower[PATTERN_LOWER_MAX];
    if (origin.size == 0 || same_origin(origin, transaction->call.host) ||
        pattern_list_matches(&rule->origins, pattern_text_lower(origin, lower)))
        return anomalies_judge(rule, facts, answer);
    policy_answer_add_name(answer, "origin", origin);
    policy_answer_add_name(answer, "host", transaction->call.host);
    return VERDICT_FAIL;
}
