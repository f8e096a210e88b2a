/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Check of OAuth flows: the request to the authorization endpoint is told by response_type and client_id in its query
 * (RFC 6749 4.1.1), that to the token endpoint by grant_type in its form.
 */

#include "policy/facts.h"
#include "policy/percent.h"
#include "proto/http_text.h"

#define URI_SIZE 64u /* scheme and host are decided on: no loopback host is longer */

/* What an authorization request says; data NULL: not said. */
struct authorization {
    struct span response_type, client_id, redirect_uri, code_challenge;
    bool elsewhere; /* the parameters are in an object of their own (RFC 9101, RFC 9126) */
};

static struct authorization authorization_read(struct span query)
{
    struct authorization authorization = {0};
    struct http_pair pair;
    while (http_query_next(&query, &pair)) {
        if (!pair.value.size)
            continue;
        if (span_equal(pair.name, SPAN_LITERAL("response_type")))
            authorization.response_type = pair.value;
        else if (span_equal(pair.name, SPAN_LITERAL("client_id")))
            authorization.client_id = pair.value;
        else if (span_equal(pair.name, SPAN_LITERAL("redirect_uri")))
            authorization.redirect_uri = pair.value;
        else if (span_equal(pair.name, SPAN_LITERAL("code_challenge")))
            authorization.code_challenge = pair.value;
        else if (span_equal(pair.name, SPAN_LITERAL("request")) || span_equal(pair.name, SPAN_LITERAL("request_uri")))
            authorization.elsewhere = true;
    }
    return authorization;
}

/* "code+id_token", "code%20token": one of the words. */
static bool words_have(struct span words, struct span word)
{
    uint8_t buffer[URI_SIZE];
    words = percent_decode(words, buffer, sizeof(buffer));
    while (words.size) {
        uint32_t size = 0;
        while (size < words.size && words.data[size] != ' ' && words.data[size] != '+')
            size++;
        if (span_equal(span_first(words, size), word))
            return true;
        words = span_from(words, min_u32(size + 1, words.size));
    }
    return false;
}

/* http:// to a host that is not this one (RFC 8252 7.3). */
static bool redirect_is_plain(struct span uri)
{
    static const struct span loopback[] = {
        {(const uint8_t *)"127.0.0.1", 9}, {(const uint8_t *)"[::1]", 5}, {(const uint8_t *)"localhost", 9}};
    const struct span scheme = SPAN_LITERAL("http://");
    uint8_t buffer[URI_SIZE];
    uri = span_first(percent_decode(uri, buffer, sizeof(buffer)), sizeof(buffer));
    if (uri.size <= scheme.size || !span_equal_nocase(span_first(uri, scheme.size), scheme))
        return false;
    struct span host = span_from(uri, scheme.size);
    for (size_t i = 0; i < ARRAY_COUNT(loopback); i++)
        if (span_equal_nocase(span_first(host, loopback[i].size), loopback[i]) &&
            (host.size == loopback[i].size || memchr(":/?", host.data[loopback[i].size], 3)))
            return false;
    return true;
}

/* An authorization server refuses by sending the browser back with an error (RFC 6749 4.1.2.1). */
static bool refused(const struct policy_facts *facts)
{
    if (facts->status < 200 || facts->status >= 400)
        return true;
    const struct transaction_header *header =
        transaction_find_header(&facts->transaction->response, HEADER_LOCATION, NULL);
    struct span location = header ? transaction_header_value(facts->transaction, header) : (struct span){0};
    return location.size && memmem(location.data, location.size, "error=", 6);
}

static bool authorization_judge(const struct authorization *authorization, struct policy_answer *answer)
{
    bool implicit = words_have(authorization->response_type, SPAN_LITERAL("token"));
    bool code = words_have(authorization->response_type, SPAN_LITERAL("code"));
    bool unprotected = code && !authorization->code_challenge.data;
    bool plain = redirect_is_plain(authorization->redirect_uri);
    if (implicit)
        policy_answer_add_text(answer, "reason", "implicit grant: the token comes in a URL");
    if (unprotected)
        policy_answer_add_text(answer, "reason", "code_challenge is missing (PKCE)");
    if (plain)
        policy_answer_add_text(answer, "reason", "redirect_uri is http");
    return implicit || unprotected || plain;
}

static enum verdict grant_judge(const struct policy_facts *facts, struct policy_answer *answer)
{
    const struct transaction *transaction = facts->transaction;
    bool unread = transaction->request.body == TRANSACTION_BODY_FORM && !facts->request_searched;
    if (transaction->grant == TRANSACTION_GRANT_NONE)
        return unread ? policy_answer_unknown(answer, "form of the request") : VERDICT_NOT_APPLICABLE;
    if (transaction->grant != TRANSACTION_GRANT_PASSWORD)
        return VERDICT_PASS;
    if (!facts->response_seen)
        return policy_answer_unknown(answer, "response: was the call accepted?");
    if (refused(facts))
        return VERDICT_PASS;
    policy_answer_add_text(answer, "reason", "password grant");
    policy_answer_add_number(answer, "status", (uint64_t)facts->status);
    return VERDICT_FAIL;
}

enum verdict policy_check_oauth_flow(const struct policy_rule *rule, const struct policy_facts *facts,
                                     struct policy_answer *answer)
{
    (void)rule;
    if (!facts->request_seen)
        return policy_answer_unknown(answer, "request");
    struct authorization authorization = authorization_read(facts->transaction->query);
    if (!authorization.client_id.data || !(authorization.response_type.data || authorization.elsewhere))
        return grant_judge(facts, answer);
    if (!facts->response_seen)
        return policy_answer_unknown(answer, "response: was the call accepted?");
    if (refused(facts))
        return VERDICT_PASS;
    if (authorization.elsewhere)
        return policy_answer_unknown(answer, "parameters, which are in a request object");
    if (!authorization_judge(&authorization, answer))
        return VERDICT_PASS;
    policy_answer_add_number(answer, "status", (uint64_t)facts->status);
    return VERDICT_FAIL;
}
