/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Checks of the wire: cleartext, ports, framing, endpoints that should not answer, what a response should carry.
 */

#include "policy/facts.h"
#include "policy/percent.h"

#define PATH_DECODED_MAX 256u /* patterns of debug paths are short; what lies behind does not matter to them */
#define HEADER_PLAIN_MAX 32u  /* the longest name of a header that overrides a method has 22 letters */

enum verdict policy_check_cleartext(const struct policy_rule *rule, const struct policy_facts *facts,
                                    struct policy_answer *answer)
{
    (void)rule;
    if (facts->input->encrypted)
        return VERDICT_PASS;
    if (facts->loopback || facts->input->destination_zone->plaintext_allowed)
        return VERDICT_NOT_APPLICABLE;
    policy_answer_add_text(answer, "protocol", call_protocol_name(facts->transaction->call.protocol));
    policy_answer_add_number(answer, "port", facts->transaction->call.endpoints.destination_port);
    policy_answer_add_zones(answer, facts);
    return VERDICT_FAIL;
}

static bool port_allowed(const struct policy_rule *rule, const struct policy_facts *facts)
{
    enum call_protocol protocol = facts->transaction->call.protocol;
    bool broker = protocol == CALL_AMQP091 || protocol == CALL_AMQP10;
    const uint32_t *ports = broker ? rule->broker_ports : rule->allowed_ports;
    uint32_t count = broker ? rule->broker_ports_count : rule->allowed_ports_count;
    for (uint32_t i = 0; i < count; i++)
        if (ports[i] == facts->transaction->call.endpoints.destination_port)
            return true;
    return false;
}

enum verdict policy_check_port(const struct policy_rule *rule, const struct policy_facts *facts,
                               struct policy_answer *answer)
{
    if (facts->loopback)
        return VERDICT_NOT_APPLICABLE;
    if (port_allowed(rule, facts))
        return VERDICT_PASS;
    /* The protocol was parsed, not guessed, so the port is all that is odd. */
    policy_answer_add_text(answer, "protocol", call_protocol_name(facts->transaction->call.protocol));
    policy_answer_add_number(answer, "port", facts->transaction->call.endpoints.destination_port);
    return VERDICT_FAIL;
}

static void anomalies_add(struct policy_answer *answer, uint64_t anomalies, const char *side)
{
    policy_answer_add_text(answer, "side", side);
    for (uint32_t i = 0; i < ANOMALY_COUNT; i++)
        if (anomalies & ANOMALY_BIT(i))
            policy_answer_add_text(answer, "anomaly", anomaly_name((enum anomaly)i));
}

enum verdict policy_check_framing(const struct policy_rule *rule, const struct policy_facts *facts,
                                  struct policy_answer *answer)
{
    bool sides_all = rule->sides == 0;
    uint64_t request = sides_all || (rule->sides & RULE_SIDE_REQUEST) ? facts->transaction->request.anomalies : 0;
    uint64_t response = sides_all || (rule->sides & RULE_SIDE_RESPONSE) ? facts->transaction->response.anomalies : 0;
    request &= rule->anomalies;
    /* Nobody refuses a response, so only what receivers are known to disagree about counts there. */
    const uint64_t told =
        ANOMALIES_AMBIGUOUS | ANOMALY_BIT(ANOMALY_EXTRA_RESPONSE) | ANOMALY_BIT(ANOMALY_BARE_LF) |
        ANOMALY_BIT(ANOMALY_OBS_FOLD) | ANOMALY_BIT(ANOMALY_HEADER_LINE) | ANOMALY_BIT(ANOMALY_HEADER_NAME) |
        ANOMALY_BIT(ANOMALY_HEADER_MISPLACED) | ANOMALY_BIT(ANOMALY_LENGTH_REPEATED) |
        ANOMALY_BIT(ANOMALY_ENCODING_IN_1_0) | ANOMALY_BIT(ANOMALY_VERSION) | ANOMALY_BIT(ANOMALY_BODY_ON_BODILESS) |
        ANOMALY_BIT(ANOMALY_CONTENT_BOMB) | ANOMALY_BIT(ANOMALY_CONTENT_MALFORMED) | ANOMALY_BIT(ANOMALY_TEXT_ENCODING);
    response &= rule->anomalies & told;
    if (response) {
        anomalies_add(answer, response, "response");
        return VERDICT_FAIL;
    }
    if (!request)
        return facts->request_head ? VERDICT_PASS : policy_answer_unknown(answer, "request head");
    if (!rule->statuses_any) {
        anomalies_add(answer, request, "request"); /* harm is done before there is an answer */
        return VERDICT_FAIL;
    }
    if (!facts->response_seen)
        return policy_answer_unknown(answer, "response: was the request accepted?");
    if (!policy_status_listed(rule, facts->status))
        return VERDICT_PASS; /* refused, as it should be */
    anomalies_add(answer, request, "request");
    policy_answer_add_number(answer, "status", (uint64_t)facts->status);
    return VERDICT_FAIL;
}

/* "/%61ctuator" is answered like "/actuator", so it has to be seen like it. */
static bool path_listed(const struct policy_rule *rule, struct span path)
{
    uint8_t decoded[PATH_DECODED_MAX];
    return pattern_list_matches(&rule->paths, percent_decode(path, decoded, sizeof(decoded)));
}

/*
 * A CONNECT that opens a WebSocket (RFC 8441) is a call of the API, no tunnel through it. With a part of the head
 * unknown nobody can tell.
 */
static enum verdict method_judge(const struct policy_rule *rule, const struct policy_facts *facts,
                                 struct policy_answer *answer)
{
    struct span method = facts->transaction->call.method;
    if (!policy_names_have(&rule->methods, method))
        return VERDICT_PASS;
    if (port_allowed(rule, facts))
        return VERDICT_NOT_APPLICABLE; /* a mesh's own tunnels */
    if (span_equal(method, SPAN_LITERAL("CONNECT"))) {
        if (transaction_asks_websocket(facts->transaction))
            return VERDICT_PASS;
        if (!facts->request_head)
            return policy_answer_unknown(answer, "request head");
    }
    policy_answer_add(answer, "method", method);
    return VERDICT_PASS;
}

/*
 * "X_HTTP_Method-Override": servers that hand headers on as variables make '_' of '-', so that both are one name. The
 * name as the rule has it; data NULL when it does not.
 */
static struct span header_listed(const struct policy_rule *rule, struct span name)
{
    uint8_t plain[HEADER_PLAIN_MAX];
    if (name.size > HEADER_PLAIN_MAX || !name.size || !memchr(name.data, '_', name.size))
        return (struct span){0};
    for (uint32_t i = 0; i < name.size; i++)
        plain[i] = name.data[i] == '_' ? '-' : name.data[i];
    struct span dashed = span_of(plain, name.size);
    enum header_id id = header_id_find(dashed);
    if (id != HEADER_OTHER && (rule->headers & HEADER_BIT(id)))
        return span_from_text(header_id_name(id));
    for (uint32_t i = 0; i < rule->other_headers.count; i++)
        if (span_equal_nocase(rule->other_headers.names[i], dashed))
            return rule->other_headers.names[i];
    return (struct span){0};
}

/* A header without a number, or a parameter of the query, that the rule names. */
static void names_add(const struct policy_rule *rule, const struct transaction *transaction,
                      struct policy_answer *answer)
{
    for (uint32_t i = 0; i < rule->other_headers.count; i++) {
        struct span name = rule->other_headers.names[i];
        if (transaction_find_header_named(transaction, &transaction->request, name, NULL))
            policy_answer_add(answer, "header", name);
    }
    for (uint32_t i = 0; i < transaction->request.header_count; i++) {
        const struct transaction_header *header = &transaction->request.headers[i];
        struct span listed = header->id == HEADER_OTHER
                                 ? header_listed(rule, transaction_header_name(transaction, header))
                                 : (struct span){0};
        if (listed.size)
            policy_answer_add(answer, "header", listed);
    }
    struct span rest = transaction->query;
    while (rest.size && rule->name_patterns.keys) {
        const uint8_t *end = memchr(rest.data, '&', rest.size);
        struct span pair = span_first(rest, end ? (uint32_t)(end - rest.data) : rest.size);
        const uint8_t *equals = pair.size ? memchr(pair.data, '=', pair.size) : NULL;
        struct span name = span_first(pair, equals ? (uint32_t)(equals - pair.data) : pair.size);
        rest = span_from(rest, pair.size + (end ? 1 : 0));
        uint8_t decoded[PATH_DECODED_MAX], lower[PATTERN_LOWER_MAX];
        struct span plain = pattern_text_lower(percent_decode(name, decoded, sizeof(decoded)), lower);
        if (plain.size && pattern_list_matches(&rule->name_patterns, plain))
            policy_answer_add_name(answer, "parameter", name);
    }
}

enum verdict policy_check_exposed_endpoint(const struct policy_rule *rule, const struct policy_facts *facts,
                                           struct policy_answer *answer)
{
    if (!facts->request_seen)
        return policy_answer_unknown(answer, "request");
    const struct transaction *transaction = facts->transaction;
    enum verdict method = method_judge(rule, facts, answer);
    if (method != VERDICT_PASS)
        return method;
    uint64_t headers = transaction->request.headers_seen & rule->headers;
    if (headers)
        policy_answer_add_text(answer, "header", header_id_name((enum header_id)__builtin_ctzll(headers)));
    names_add(rule, transaction, answer);
    if (transaction->method_field && rule->name_patterns.keys)
        policy_answer_add_text(answer, "form_field", "_method");
    if (path_listed(rule, transaction->path))
        policy_answer_add_name(answer, "path", transaction->path);
    if (answer->evidence_count == 0)
        return facts->request_head ? VERDICT_PASS : policy_answer_unknown(answer, "request head");
    if (!facts->response_seen)
        return policy_answer_unknown(answer, "response: was it answered?");
    policy_answer_add_number(answer, "status", (uint64_t)facts->status);
    return policy_status_listed(rule, facts->status) ? VERDICT_FAIL : VERDICT_PASS;
}

/* Server reflection of gRPC, which answers by a status of its own: 0 is success. */
static enum verdict check_reflection(const struct policy_rule *rule, const struct policy_facts *facts,
                                     struct policy_answer *answer)
{
    if (facts->transaction->call.protocol != CALL_GRPC || !path_listed(rule, facts->transaction->path))
        return VERDICT_NOT_APPLICABLE;
    if (facts->status == CALL_STATUS_NONE)
        return policy_answer_unknown(answer, "response: was it answered?");
    policy_answer_add_name(answer, "path", facts->transaction->path);
    if (facts->call->status != CALL_STATUS_NONE)
        policy_answer_add_number(answer, "grpc_status", (uint64_t)facts->call->status);
    return policy_status_listed(rule, facts->status) ? VERDICT_FAIL : VERDICT_PASS;
}

enum verdict policy_check_introspection(const struct policy_rule *rule, const struct policy_facts *facts,
                                        struct policy_answer *answer)
{
    const struct transaction *transaction = facts->transaction;
    if (transaction->call.graphql == CALL_GRAPHQL_NONE && !transaction->graphql.answering)
        return check_reflection(rule, facts, answer);
    if (transaction->call.graphql == CALL_GRAPHQL_UNKNOWN)
        return policy_answer_unknown(answer, "document of a persisted query");
    if (!transaction->graphql.introspection)
        return VERDICT_PASS;
    if (!facts->response_seen || (facts->message && !transaction->graphql.answering))
        return policy_answer_unknown(answer, "response: was it answered?");
    bool refused = !facts->message && !policy_status_listed(rule, facts->status);
    if (refused || transaction->graphql.answer == TRANSACTION_ANSWER_WITHOUT_DATA)
        return VERDICT_PASS;
    if (transaction->graphql.answer == TRANSACTION_ANSWER_UNREAD)
        return policy_answer_unknown(answer, "response: does it hold data?");
    /* Only a query can have asked for it. */
    enum call_graphql type = transaction->graphql.answering ? CALL_GRAPHQL_QUERY : transaction->call.graphql;
    policy_answer_add_text(answer, "operation_type", call_graphql_name(type));
    if (transaction->call.graphql_name.size)
        policy_answer_add_name(answer, "operation_name", transaction->call.graphql_name);
    policy_answer_add_number(answer, "operations", transaction->graphql.operations);
    policy_answer_add_number(answer, "aliases", transaction->graphql.aliases);
    if (!facts->message)
        policy_answer_add_number(answer, "status", (uint64_t)facts->status);
    return VERDICT_FAIL;
}

/* Is the word one of the comma-separated ones in any header of that id? */
static bool header_lists(const struct policy_facts *facts, const struct transaction_side *side, enum header_id id,
                         struct span word)
{
    const struct transaction_header *header = transaction_find_header(side, id, NULL);
    for (; header; header = transaction_find_header(side, id, header)) {
        struct span value = transaction_header_value(facts->transaction, header);
        while (value.size) {
            const uint8_t *comma = memchr(value.data, ',', value.size);
            uint32_t size = comma ? (uint32_t)(comma - value.data) : value.size;
            if (span_equal_nocase(span_trim(span_first(value, size)), word))
                return true;
            value = span_from(value, comma ? size + 1 : size);
        }
    }
    return false;
}

/* Requests that came from a browser: what these headers protect against happens there. */
static bool browser_facing(const struct transaction *transaction)
{
    const uint64_t browser = HEADER_BIT(HEADER_ORIGIN) | HEADER_BIT(HEADER_REFERER) | HEADER_BIT(HEADER_COOKIE);
    return (transaction->request.headers_seen & browser) != 0 ||
           transaction_side_has(&transaction->response, HEADER_SET_COOKIE);
}

static bool class_declared(const struct policy_rule *rule, const struct policy_facts *facts)
{
    if (!facts->operation)
        return false;
    for (uint32_t i = 0; i < facts->policy->class_count; i++) {
        if (!(rule->classes >> i & 1))
            continue;
        for (uint32_t j = 0; j < facts->operation->data_classes.count; j++)
            if (span_equal_nocase(facts->operation->data_classes.names[j], facts->policy->class_names[i]))
                return true;
    }
    return false;
}

/* Whether the response is one that caches must not keep: 1, 0, or -1 when that could not be seen. */
static int response_sensitive(const struct policy_rule *rule, const struct policy_facts *facts)
{
    if ((facts->classes[1] & rule->classes) || class_declared(rule, facts))
        return 1;
    return facts->response_searched ? 0 : -1;
}

enum verdict policy_check_response_protection(const struct policy_rule *rule, const struct policy_facts *facts,
                                              struct policy_answer *answer)
{
    const struct transaction_side *response = &facts->transaction->response;
    if (!facts->response_seen)
        return policy_answer_unknown(answer, "response");
    if (!browser_facing(facts->transaction))
        return facts->request_head ? VERDICT_NOT_APPLICABLE : policy_answer_unknown(answer, "request head");
    bool any_origin = header_lists(facts, response, HEADER_ACCESS_CONTROL_ALLOW_ORIGIN, SPAN_LITERAL("*"));
    if (any_origin && header_lists(facts, response, HEADER_ACCESS_CONTROL_ALLOW_CREDENTIALS, SPAN_LITERAL("true")))
        policy_answer_add_text(answer, "weakness", "Access-Control-Allow-Origin * with credentials");
    bool unknown = !facts->response_head;
    /* RFC 6797 7.2: the header means nothing in cleartext. */
    if (facts->input->encrypted && facts->response_head &&
        !transaction_side_has(response, HEADER_STRICT_TRANSPORT_SECURITY))
        policy_answer_add_text(answer, "weakness", "no Strict-Transport-Security");
    bool stored = facts->status >= 200 && facts->status < 300 && facts->response_head &&
                  !header_lists(facts, response, HEADER_CACHE_CONTROL, SPAN_LITERAL("no-store"));
    int sensitive = stored ? response_sensitive(rule, facts) : 0;
    if (sensitive > 0)
        policy_answer_add_text(answer, "weakness", "sensitive response without Cache-Control: no-store");
    if (answer->evidence_count)
        return VERDICT_FAIL;
    unknown |= sensitive < 0;
    return unknown ? policy_answer_unknown(answer, "whole response") : VERDICT_PASS;
}
