/* SPDX-License-Identifier: Apache-2.0 */

/* Checks against the registry: what is called and not documented, or documented and not to be called any more. */

#include "policy/facts.h"
#include "policy/percent.h"

#define STATUS_SWITCHING 101u /* Switching Protocols: a WebSocket is open (RFC 6455 4.1) */
#define NAME_DECODED_MAX 128u /* of longer parameter names the front is compared */
#define NAMES_SHOWN_MAX  6u   /* undocumented ones named in one finding; the count tells of the others */

/* What a check needs before it can say anything. VERDICT_PASS: go on. */
static enum verdict match_known(const struct policy_facts *facts, struct policy_answer *answer)
{
    if (facts->message)
        return VERDICT_NOT_APPLICABLE;
    if (!facts->input->match)
        return policy_answer_unknown(answer, "registry");
    if (!facts->request_seen)
        return policy_answer_unknown(answer, "request");
    if (facts->input->match->outcome == REGISTRY_UNDECIDED)
        return policy_answer_unknown(answer, "path too long to look up");
    return VERDICT_PASS;
}

/* The same for a message. */
static enum verdict message_known(const struct policy_facts *facts, struct policy_answer *answer)
{
    if (facts->transaction->message.kind == MESSAGE_NONE)
        return VERDICT_NOT_APPLICABLE;
    if (!facts->input->match)
        return policy_answer_unknown(answer, "registry");
    if (facts->input->match->outcome == REGISTRY_UNDECIDED)
        return policy_answer_unknown(answer, "where the message goes");
    return VERDICT_PASS;
}

/* The call is not what it should be: a breach unless the server refused it by one of the rule's statuses. */
static enum verdict unless_refused(const struct policy_rule *rule, const struct policy_facts *facts,
                                   struct policy_answer *answer)
{
    if (!facts->response_seen)
        return policy_answer_unknown(answer, "response: was it answered?");
    if (policy_status_listed(rule, facts->status))
        return VERDICT_PASS;
    policy_answer_add_number(answer, "status", (uint64_t)facts->status);
    return VERDICT_FAIL;
}

/* The other way round: a breach when the answer is one of the rule's statuses. */
static enum verdict when_answered(const struct policy_rule *rule, const struct policy_facts *facts,
                                  struct policy_answer *answer)
{
    if (!facts->message && !facts->response_seen)
        return policy_answer_unknown(answer, "response: was it answered?");
    if (!facts->message && !policy_status_listed(rule, facts->status))
        return VERDICT_PASS;
    policy_answer_add(answer, "operation", facts->operation->id);
    /* A message has no answer: that it was carried is what counts. */
    if (!facts->message)
        policy_answer_add_number(answer, "status", (uint64_t)facts->status);
    return VERDICT_FAIL;
}

enum verdict policy_check_shadow_endpoint(const struct policy_rule *rule, const struct policy_facts *facts,
                                          struct policy_answer *answer)
{
    enum verdict known = match_known(facts, answer);
    if (known != VERDICT_PASS)
        return known;
    switch (facts->input->match->outcome) {
    case REGISTRY_MATCH:
        return VERDICT_PASS;
    case REGISTRY_NO_PATH:
        policy_answer_add(answer, "method", facts->transaction->call.method);
        return unless_refused(rule, facts, answer);
    default:
        return VERDICT_NOT_APPLICABLE; /* undocumented host and undocumented method are rules of their own */
    }
}

enum verdict policy_check_undocumented_host(const struct policy_rule *rule, const struct policy_facts *facts,
                                            struct policy_answer *answer)
{
    enum verdict known = match_known(facts, answer);
    if (known != VERDICT_PASS)
        return known;
    enum registry_outcome outcome = facts->input->match->outcome;
    if (outcome != REGISTRY_NO_HOST && outcome != REGISTRY_NO_BASE_PATH)
        return VERDICT_PASS;
    policy_answer_add_text(answer, "undocumented", outcome == REGISTRY_NO_HOST ? "host" : "base path");
    return unless_refused(rule, facts, answer);
}

enum verdict policy_check_undocumented_method(const struct policy_rule *rule, const struct policy_facts *facts,
                                              struct policy_answer *answer)
{
    enum verdict known = match_known(facts, answer);
    if (known != VERDICT_PASS)
        return known;
    if (facts->input->match->outcome == REGISTRY_MATCH)
        return VERDICT_PASS;
    if (facts->input->match->outcome != REGISTRY_NO_METHOD)
        return VERDICT_NOT_APPLICABLE;
    if (policy_names_have(&rule->methods, facts->transaction->call.method))
        return VERDICT_PASS;
    policy_answer_add_name(answer, "method", facts->transaction->call.method);
    if (facts->input->match->operation)
        policy_answer_add(answer, "documented_operation", facts->input->match->operation->id);
    return unless_refused(rule, facts, answer);
}

/* Names of brokers are told only where they cannot be values. */
static void place_add(const struct policy_facts *facts, struct policy_answer *answer)
{
    const struct message *message = &facts->transaction->message;
    if (facts->transaction->call.protocol == CALL_WEBSOCKET)
        policy_answer_add_name(answer, "path", facts->transaction->path);
    policy_answer_add_name(answer, "virtual_host", message->virtual_host);
    if (message->exchange.data && message->exchange.size == 0)
        policy_answer_add_text(answer, "exchange", "(default)");
    policy_answer_add_name(answer, "exchange", message->exchange);
    policy_answer_add_name(answer, "routing_key", message->routing_key);
    policy_answer_add_name(answer, "queue", message->queue);
    policy_answer_add_name(answer, "address", message->address);
}

enum verdict policy_check_undocumented_channel(const struct policy_rule *rule, const struct policy_facts *facts,
                                               struct policy_answer *answer)
{
    if (!facts->message)
        return VERDICT_NOT_APPLICABLE;
    enum verdict known = message_known(facts, answer);
    if (known != VERDICT_PASS)
        return known;
    enum registry_outcome outcome = facts->input->match->outcome;
    if (outcome == REGISTRY_MATCH)
        return VERDICT_PASS;
    const struct message *message = &facts->transaction->message;
    struct span name = message->address.data ? message->address
                       : message->queue.data ? message->queue
                                             : message->routing_key;
    if (outcome == REGISTRY_TEMPORARY || pattern_list_matches(&rule->name_patterns, name))
        return VERDICT_NOT_APPLICABLE;
    policy_answer_add_text(answer, "undocumented", outcome == REGISTRY_NO_HOST ? "broker" : "channel");
    policy_answer_add_text(answer, "direction", message->from_server ? "from server" : "to server");
    place_add(facts, answer);
    return VERDICT_FAIL;
}

/* Calls and messages alike, where an operation was found. */
static enum verdict operation_known(const struct policy_facts *facts, struct policy_answer *answer)
{
    enum verdict known = facts->message ? message_known(facts, answer) : match_known(facts, answer);
    if (known != VERDICT_PASS)
        return known;
    return facts->operation ? VERDICT_PASS : VERDICT_NOT_APPLICABLE;
}

/* Calls only: what the operation documents is the form of requests and responses. */
static enum verdict call_operation_known(const struct policy_facts *facts, struct policy_answer *answer)
{
    enum verdict known = match_known(facts, answer);
    if (known != VERDICT_PASS)
        return known;
    return facts->operation && !facts->operation->channel ? VERDICT_PASS : VERDICT_NOT_APPLICABLE;
}

/* Walks "a=1&b=2" or "a=1; b=2". False at the end. */
static bool name_next(struct span *rest, uint8_t separator, struct span *name_out)
{
    while (rest->size) {
        const uint8_t *end = memchr(rest->data, separator, rest->size);
        uint32_t size = end ? (uint32_t)(end - rest->data) : rest->size;
        struct span pair = span_trim(span_first(*rest, size));
        *rest = span_from(*rest, end ? size + 1 : size);
        if (pair.size == 0)
            continue;
        const uint8_t *equals = memchr(pair.data, '=', pair.size);
        *name_out = span_first(pair, equals ? (uint32_t)(equals - pair.data) : pair.size);
        return true;
    }
    return false;
}

static const struct registry_parameter *parameter_find(const struct registry_operation *operation,
                                                       enum registry_place place, struct span name)
{
    const struct registry_parameter *parameter = registry_operation_parameter(operation, place, name);
    if (parameter || place != REGISTRY_IN_QUERY)
        return parameter;
    /* deepObject writes "filter[name]" and lists are often sent as "ids[]" */
    const uint8_t *bracket = name.size ? memchr(name.data, '[', name.size) : NULL;
    return bracket ? registry_operation_parameter(operation, place, span_first(name, (uint32_t)(bracket - name.data)))
                   : NULL;
}

static bool query_uses_deprecated(const struct policy_facts *facts, struct policy_answer *answer)
{
    struct span rest = facts->transaction->query, name;
    while (name_next(&rest, '&', &name)) {
        uint8_t decoded[NAME_DECODED_MAX];
        const struct registry_parameter *parameter =
            parameter_find(facts->operation, REGISTRY_IN_QUERY, percent_decode(name, decoded, sizeof(decoded)));
        if (parameter && parameter->deprecated) {
            policy_answer_add(answer, "deprecated_parameter", parameter->name);
            return true;
        }
    }
    return false;
}

static bool has_deprecated_parameter(const struct registry_operation *operation)
{
    for (uint32_t i = 0; i < operation->parameter_count; i++)
        if (operation->parameters[i].deprecated)
            return true;
    return false;
}

enum verdict policy_check_deprecated_operation(const struct policy_rule *rule, const struct policy_facts *facts,
                                               struct policy_answer *answer)
{
    enum verdict known = operation_known(facts, answer);
    if (known != VERDICT_PASS)
        return known;
    if (facts->operation->retired)
        return VERDICT_NOT_APPLICABLE;
    bool deprecated = facts->operation->deprecated;
    if (!deprecated && has_deprecated_parameter(facts->operation))
        deprecated = query_uses_deprecated(facts, answer);
    if (!deprecated)
        return VERDICT_PASS;
    const uint64_t told = HEADER_BIT(HEADER_DEPRECATION) | HEADER_BIT(HEADER_SUNSET);
    if (facts->response_head)
        policy_answer_add_text(answer, "announced", (facts->transaction->response.headers_seen & told) ? "yes" : "no");
    return when_answered(rule, facts, answer);
}

enum verdict policy_check_sunset_operation(const struct policy_rule *rule, const struct policy_facts *facts,
                                           struct policy_answer *answer)
{
    enum verdict known = operation_known(facts, answer);
    if (known != VERDICT_PASS)
        return known;
    if (facts->operation->sunset_ns == 0)
        return VERDICT_NOT_APPLICABLE;
    if (facts->input->time_ns < facts->operation->sunset_ns)
        return VERDICT_PASS;
    policy_answer_add_number(answer, "days_since_sunset",
                             (facts->input->time_ns - facts->operation->sunset_ns) / UINT64_C(86400000000000));
    return when_answered(rule, facts, answer);
}

enum verdict policy_check_retired_version(const struct policy_rule *rule, const struct policy_facts *facts,
                                          struct policy_answer *answer)
{
    enum verdict known = operation_known(facts, answer);
    if (known != VERDICT_PASS)
        return known;
    if (!facts->operation->retired)
        return VERDICT_NOT_APPLICABLE;
    if (facts->operation->retired_text.size)
        policy_answer_add(answer, "retired", facts->operation->retired_text);
    return when_answered(rule, facts, answer);
}

static bool media_type_documented(const struct policy_facts *facts, const struct registry_response *documented)
{
    const struct transaction_side *response = &facts->transaction->response;
    const struct transaction_header *type = transaction_find_header(response, HEADER_CONTENT_TYPE, NULL);
    if (documented->media_types.count == 0 || response->body_size == 0 || !type)
        return true;
    return registry_media_type_listed(&documented->media_types, transaction_header_value(facts->transaction, type));
}

/* "application/json" of "application/json; charset=utf-8": a type is no secret, its parameters may be anything. */
static void media_type_add(const struct policy_facts *facts, struct policy_answer *answer)
{
    const struct transaction_header *type =
        transaction_find_header(&facts->transaction->response, HEADER_CONTENT_TYPE, NULL);
    struct span value = transaction_header_value(facts->transaction, type);
    const uint8_t *end = memchr(value.data, ';', value.size);
    policy_answer_add_name(answer, "media_type",
                           span_trim(span_first(value, end ? (uint32_t)(end - value.data) : value.size)));
}

/* Over HTTP/2 a WebSocket is accepted by 2xx, over HTTP/1, which documents know, by 101 (RFC 8441 5). */
static const struct registry_response *response_find(const struct policy_facts *facts)
{
    const struct registry_operation *operation = facts->operation;
    const struct registry_response *found = registry_operation_response(operation, (uint32_t)facts->status);
    bool opened = facts->transaction->call.protocol == CALL_HTTP2 && facts->status >= 200 && facts->status < 300 &&
                  transaction_asks_websocket(facts->transaction);
    return found || !opened ? found : registry_operation_response(operation, STATUS_SWITCHING);
}

enum verdict policy_check_undocumented_response(const struct policy_rule *rule, const struct policy_facts *facts,
                                                struct policy_answer *answer)
{
    enum verdict known = call_operation_known(facts, answer);
    if (known != VERDICT_PASS)
        return known;
    if (!facts->response_seen)
        return policy_answer_unknown(answer, "response");
    if (facts->operation->response_count == 0)
        return VERDICT_NOT_APPLICABLE;
    const struct registry_response *documented = response_find(facts);
    if (!documented && policy_status_listed(rule, facts->status))
        return VERDICT_PASS;
    if (documented && media_type_documented(facts, documented))
        return VERDICT_PASS;
    policy_answer_add(answer, "operation", facts->operation->id);
    policy_answer_add_number(answer, "status", (uint64_t)facts->status);
    if (documented)
        media_type_add(facts, answer);
    return VERDICT_FAIL;
}

/* Keys of security schemes are documented there and not among the parameters. */
static bool is_scheme_key(const struct registry_operation *operation, enum registry_scheme_kind kind, struct span name)
{
    for (uint32_t i = 0; i < operation->scheme_count; i++)
        if (operation->schemes[i].kind == kind && span_equal_nocase(operation->schemes[i].name, name))
            return true;
    return false;
}

struct undocumented {
    const struct policy_rule *rule;
    const struct policy_facts *facts;
    struct policy_answer *answer;
    uint64_t count;
};

static void name_judge(struct undocumented *found, enum registry_place place, enum registry_scheme_kind key,
                       const char *evidence, struct span name)
{
    uint8_t decoded[NAME_DECODED_MAX], lower[PATTERN_LOWER_MAX];
    bool header = place == REGISTRY_IN_HEADER;
    struct span plain = header ? pattern_text_lower(name, lower) : percent_decode(name, decoded, sizeof(decoded));
    const struct registry_operation *operation = found->facts->operation;
    if (plain.size == 0 || pattern_list_matches(&found->rule->name_patterns, plain) ||
        parameter_find(operation, place, plain) || is_scheme_key(operation, key, plain))
        return;
    if (found->count++ < NAMES_SHOWN_MAX)
        policy_answer_add_name(found->answer, evidence, name);
}

static void cookies_judge(struct undocumented *found)
{
    const struct transaction_side *request = &found->facts->transaction->request;
    const struct transaction_header *cookie = transaction_find_header(request, HEADER_COOKIE, NULL);
    for (; cookie; cookie = transaction_find_header(request, HEADER_COOKIE, cookie)) {
        struct span rest = transaction_header_value(found->facts->transaction, cookie), name;
        while (name_next(&rest, ';', &name))
            name_judge(found, REGISTRY_IN_COOKIE, REGISTRY_SCHEME_KEY_COOKIE, "cookie", name);
    }
}

/* Headers with a number are those of HTTP itself, and so is what HTTP/2 has for a first line. */
static void headers_judge(struct undocumented *found)
{
    const struct transaction *transaction = found->facts->transaction;
    for (uint32_t i = 0; i < transaction->request.header_count && i < TRANSACTION_HEADERS_MAX; i++) {
        const struct transaction_header *header = &transaction->request.headers[i];
        struct span name = transaction_header_name(transaction, header);
        if (header->id == HEADER_OTHER && !span_starts_with(name, SPAN_LITERAL(":")))
            name_judge(found, REGISTRY_IN_HEADER, REGISTRY_SCHEME_KEY_HEADER, "header", name);
    }
}

enum verdict policy_check_undocumented_parameter(const struct policy_rule *rule, const struct policy_facts *facts,
                                                 struct policy_answer *answer)
{
    enum verdict known = call_operation_known(facts, answer);
    if (known != VERDICT_PASS)
        return known;
    uint32_t places = rule->request_places ? rule->request_places : 1u << DETECTION_QUERY;
    struct undocumented found = {.rule = rule, .facts = facts, .answer = answer};
    if (places & 1u << DETECTION_QUERY) {
        struct span rest = facts->transaction->query, name;
        while (name_next(&rest, '&', &name))
            name_judge(&found, REGISTRY_IN_QUERY, REGISTRY_SCHEME_KEY_QUERY, "query", name);
    }
    if ((places & 1u << DETECTION_COOKIE) && transaction_side_has(&facts->transaction->request, HEADER_COOKIE))
        cookies_judge(&found);
    if (places & 1u << DETECTION_HEADER)
        headers_judge(&found);
    if (found.count > 0) {
        policy_answer_add(answer, "operation", facts->operation->id);
        policy_answer_add_number(answer, "count", found.count);
        return VERDICT_FAIL;
    }
    const uint32_t head_places = 1u << DETECTION_HEADER | 1u << DETECTION_COOKIE;
    bool all_kept = facts->request_head &&
                    facts->transaction->request.header_count == facts->transaction->request.header_count_wire;
    return (places & head_places) && !all_kept ? policy_answer_unknown(answer, "request head") : VERDICT_PASS;
}
