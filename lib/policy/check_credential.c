/* SPDX-License-Identifier: Apache-2.0 */

/* Checks of credentials: missing, of the wrong kind, in cleartext, in the URL. Presence is judged, never validity. */

#include "policy/caller.h"
#include "policy/facts.h"

/* The scheme of an Authorization value: "Basic" of "Basic dXNlcg==". */
static struct span scheme_of(struct span value)
{
    uint32_t size = 0;
    while (size < value.size && value.data[size] != ' ')
        size++;
    return span_first(value, size);
}

static void operation_add(struct policy_answer *answer, const struct registry_operation *operation)
{
    policy_answer_add(answer, "operation", operation->id);
    for (uint32_t i = 0; i < operation->scheme_count; i++)
        policy_answer_add(answer, "wanted_scheme", operation->schemes[i].id);
}

static enum verdict missing_judge(const struct policy_facts *facts, struct policy_answer *answer)
{
    if (!facts->response_seen)
        return policy_answer_unknown(answer, "response: was the call accepted?");
    operation_add(answer, facts->operation);
    policy_answer_add_number(answer, "status", (uint64_t)facts->status);
    if (facts->status < 200 || facts->status >= 300) {
        /* Refused, or at least not served: worth knowing, no breach. */
        answer->severity = SEVERITY_INFO;
        answer->severity_fixed = true;
    }
    return VERDICT_FAIL;
}

enum verdict policy_check_credential_missing(const struct policy_rule *rule, const struct policy_facts *facts,
                                             struct policy_answer *answer)
{
    (void)rule;
    if (!facts->input->match || facts->input->match->outcome == REGISTRY_UNDECIDED)
        return policy_answer_unknown(answer, "registry");
    if (!facts->request_seen)
        return policy_answer_unknown(answer, "request");
    const struct registry_operation *operation = facts->operation;
    if (!operation || operation->method == REGISTRY_OPTIONS || !operation->security_declared)
        return VERDICT_NOT_APPLICABLE;
    const struct caller_certificate *caller = facts->input->caller;
    uint32_t by_certificate = registry_schemes_of_tls(operation);
    uint32_t presented = registry_schemes_presented(operation, facts->transaction);
    if (caller && caller->shown == CALLER_SHOWN)
        presented |= by_certificate;
    uint32_t hidden = caller && caller->shown == CALLER_NONE ? 0 : by_certificate;
    uint32_t unobserved = facts->request_head ? hidden : UINT32_MAX & ~presented;
    switch (registry_security_satisfied(operation, presented, unobserved)) {
    case REGISTRY_SECURITY_NOT_REQUIRED:
        return VERDICT_NOT_APPLICABLE;
    case REGISTRY_SECURITY_SATISFIED:
        return VERDICT_PASS;
    case REGISTRY_SECURITY_MISSING:
        return missing_judge(facts, answer);
    default:
        return policy_answer_unknown(answer, "request head or client certificate");
    }
}

static bool scheme_documented(const struct policy_facts *facts, struct span scheme)
{
    if (!facts->operation)
        return false;
    for (uint32_t i = 0; i < facts->operation->scheme_count; i++)
        if (span_equal_nocase(facts->operation->schemes[i].http_scheme, scheme))
            return true;
    return false;
}

enum verdict policy_check_authorization_scheme(const struct policy_rule *rule, const struct policy_facts *facts,
                                               struct policy_answer *answer)
{
    const struct transaction_side *request = &facts->transaction->request;
    if (!transaction_side_has(request, HEADER_AUTHORIZATION))
        return facts->request_head ? VERDICT_NOT_APPLICABLE : policy_answer_unknown(answer, "request head");
    const struct transaction_header *header = transaction_find_header(request, HEADER_AUTHORIZATION, NULL);
    if (!header)
        return policy_answer_unknown(answer, "header beyond the limit");
    struct span scheme = scheme_of(transaction_header_value(facts->transaction, header));
    if (!policy_names_have_nocase(&rule->schemes, scheme) || scheme_documented(facts, scheme))
        return VERDICT_PASS;
    policy_answer_add(answer, "scheme", scheme);
    return VERDICT_FAIL;
}

static bool detection_fits(const struct policy_rule *rule, const struct detection *detection)
{
    return policy_detector_listed(rule, detection->detector) && detection->confidence >= rule->confidence;
}

static const struct detection *credential_find(const struct policy_rule *rule, const struct policy_facts *facts,
                                               uint32_t places, bool request_only)
{
    if (!((facts->classes[0] | facts->classes[1]) & rule->classes))
        return NULL;
    for (uint32_t i = 0; i < facts->transaction->detection_count && i < TRANSACTION_DETECTIONS_MAX; i++) {
        const struct detection *detection = &facts->transaction->detections[i];
        if ((places >> detection->place & 1) && !(request_only && detection->in_response) &&
            detection_fits(rule, detection))
            return detection;
    }
    return NULL;
}

enum verdict policy_check_credential_cleartext(const struct policy_rule *rule, const struct policy_facts *facts,
                                               struct policy_answer *answer)
{
    if (facts->input->encrypted)
        return VERDICT_PASS;
    if (facts->loopback || facts->input->destination_zone->plaintext_allowed)
        return VERDICT_NOT_APPLICABLE;
    if (facts->transaction->login.secret) {
        policy_answer_add_name(answer, "mechanism", facts->transaction->login.mechanism);
        return VERDICT_FAIL;
    }
    /* A message carries what its sender put there, whoever delivers it. */
    const struct transaction_side *request =
        policy_side(facts, facts->message && !(facts->transaction->request.headers_seen & rule->headers));
    uint64_t headers = request->headers_seen & rule->headers;
    if (headers) {
        enum header_id id = (enum header_id)__builtin_ctzll(headers);
        policy_answer_add_text(answer, "header", header_id_name(id));
        const struct transaction_header *header = transaction_find_header(request, id, NULL);
        struct span scheme =
            header ? scheme_of(transaction_header_value(facts->transaction, header)) : span_of(NULL, 0);
        /* Only a word followed by something is a scheme; anything else is the credential itself. */
        bool authorization = id == HEADER_AUTHORIZATION || id == HEADER_PROXY_AUTHORIZATION;
        if (authorization && header && scheme.size < header->value_size)
            policy_answer_add_name(answer, "scheme", scheme);
        return VERDICT_FAIL;
    }
    const struct detection *detection = credential_find(rule, facts, UINT32_MAX, false);
    if (detection) {
        policy_answer_add_detection(answer, facts, detection);
        return VERDICT_FAIL;
    }
    return facts->all_searched ? VERDICT_PASS : policy_answer_unknown(answer, "whole call");
}

static bool name_could_be(const struct policy_rule *rule, uint8_t first)
{
    first = ascii_lower(first);
    return (rule->name_starts[first / 64] >> (first % 64) & 1) != 0;
}

/* The first parameter of the list that has a value: "a=1&token=x" behind '?', "/x;jsessionid=1" in a path. */
static struct span parameter_find(const struct policy_rule *rule, struct span text, uint8_t separator)
{
    while (text.size) {
        const uint8_t *end = memchr(text.data, separator, text.size);
        uint32_t size = end ? (uint32_t)(end - text.data) : text.size;
        if (size && name_could_be(rule, text.data[0])) {
            const uint8_t *equals = memchr(text.data, '=', size);
            uint32_t name_size = equals ? (uint32_t)(equals - text.data) : size;
            struct span name = span_first(text, name_size);
            if (name_size + 1 < size && policy_names_have_nocase(&rule->names, name))
                return name;
        }
        text = span_from(text, end ? size + 1 : size);
    }
    return span_of(NULL, 0);
}

enum verdict policy_check_credential_in_url(const struct policy_rule *rule, const struct policy_facts *facts,
                                            struct policy_answer *answer)
{
    if (!facts->request_seen)
        return policy_answer_unknown(answer, "request");
    struct span name = parameter_find(rule, facts->transaction->query, '&');
    if (!name.data)
        name = parameter_find(rule, facts->transaction->path, ';');
    if (name.data) {
        policy_answer_add_name(answer, "parameter", name);
        return VERDICT_FAIL;
    }
    const struct detection *detection =
        credential_find(rule, facts, 1u << DETECTION_PATH | 1u << DETECTION_QUERY, true);
    if (!detection)
        return facts->transaction->detections_lost ? policy_answer_unknown(answer, "too many detections")
                                                   : VERDICT_PASS;
    policy_answer_add_detection(answer, facts, detection);
    return VERDICT_FAIL;
}

static enum verdict login_fails(const struct policy_facts *facts, struct policy_answer *answer)
{
    const struct login *login = &facts->transaction->login;
    policy_answer_add_name(answer, "mechanism", login->mechanism);
    policy_answer_add_name(answer, "user", login->user);
    policy_answer_add_text(answer, "answer",
                           login->answer == LOGIN_ACCEPTED  ? "accepted"
                           : login->answer == LOGIN_REFUSED ? "refused"
                                                            : "not seen");
    return VERDICT_FAIL;
}

enum verdict policy_check_broker_login(const struct policy_rule *rule, const struct policy_facts *facts,
                                       struct policy_answer *answer)
{
    const struct login *login = &facts->transaction->login;
    if (!login->mechanism.data)
        return VERDICT_NOT_APPLICABLE;
    bool default_user = login->user.size && policy_names_have_nocase(&rule->names, login->user);
    bool nobody = login->anonymous || default_user;
    /* Without SASL a client may still have shown a certificate to TLS. */
    bool certificate = facts->input->encrypted && span_equal(login->mechanism, SPAN_LITERAL("none"));
    if (nobody && login->answer == LOGIN_ACCEPTED && !certificate)
        return login_fails(facts, answer);
    bool plain = login->secret && policy_names_have_nocase(&rule->schemes, login->mechanism);
    bool exempt = facts->loopback || facts->input->destination_zone->plaintext_allowed;
    if (plain && facts->input->encrypted) {
        /* Only the broker reads it: worth knowing. */
        answer->severity = SEVERITY_LOW;
        answer->severity_fixed = true;
    }
    if (plain && (facts->input->encrypted || !exempt))
        return login_fails(facts, answer);
    if (!login->readable)
        return policy_answer_unknown(answer, "login");
    if (nobody && (login->answer == LOGIN_UNANSWERED || certificate))
        return policy_answer_unknown(answer, certificate ? "client certificate" : "response: was the login accepted?");
    return VERDICT_PASS;
}
