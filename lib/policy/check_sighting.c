/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Checks that compare calls: one token from many clients, guessing, asking for one object after the other, request ids
 * used again. A call by itself is neither right nor wrong here: what it adds is made a sighting, and lib/sighting finds
 * the breach among the sightings of all workers. What cannot be compared is unknown.
 */

#include <string.h>

#include "base/text_id.h"
#include "policy/caller.h"
#include "policy/client.h"
#include "token/token.h"

#define KEY_TEXT_SIZE 2048u /* client, host, method and path; paths beyond a kilobyte are rare */

/* Texts one behind the other, each behind its size, so that no two lists of them look alike. */
struct key_text {
    uint32_t used;
    bool cut;
    uint8_t bytes[KEY_TEXT_SIZE];
};

static void key_text_init(struct key_text *text)
{
    text->used = 0;
    text->cut = false;
}

static void key_text_add(struct key_text *text, const void *data, uint32_t size)
{
    text->cut |= size > KEY_TEXT_SIZE - text->used || KEY_TEXT_SIZE - text->used - size < sizeof(size);
    if (text->cut)
        return;
    memcpy(text->bytes + text->used, &size, sizeof(size));
    if (size)
        memcpy(text->bytes + text->used + sizeof(size), data, size);
    text->used += (uint32_t)sizeof(size) + size;
}

static void key_text_add_span(struct key_text *text, struct span span)
{
    key_text_add(text, span.data, span.size);
}

static struct text_id key_text_id(const struct policy_rule *rule, const struct policy_facts *facts,
                                  const struct key_text *text)
{
    return text_id_make(facts->input->sighting_key, rule->id_sum, span_of(text->bytes, text->used));
}

/* Which of several, in 64 bits that are all spread: those of an id are not (base/text_id.h). Never 0. */
static uint64_t key_text_detail(const struct policy_rule *rule, const struct policy_facts *facts,
                                const struct key_text *text)
{
    struct text_id id = key_text_id(rule, facts, text);
    uint64_t mixed = (id.words[0] ^ (id.words[0] >> 32)) * UINT64_C(0x9e3779b97f4a7c15) + id.words[1];
    mixed = (mixed ^ (mixed >> 29)) * UINT64_C(0xbf58476d1ce4e5b9); /* the finaliser of SplitMix64 */
    return (mixed ^ (mixed >> 32)) | 1;
}

/* What every check asks first. VERDICT_PASS: the call can be compared, `client_out` made it. */
static enum verdict comparable(const struct policy_facts *facts, struct policy_answer *answer,
                               struct address *client_out)
{
    if (!facts->input->sighting_key)
        return policy_answer_unknown(answer, "other calls");
    if (!facts->request_seen)
        return policy_answer_unknown(answer, "request head");
    if (!facts->response_seen || facts->status == CALL_STATUS_NONE)
        return policy_answer_unknown(answer, "response: was the call accepted?");
    if (!policy_client_find(facts, client_out))
        return policy_answer_unknown(answer, "client behind a proxy that does not say");
    return VERDICT_PASS;
}

/* The verdict of the call itself: none, until it is compared. */
static enum verdict sight(const struct policy_rule *rule, const struct policy_facts *facts,
                          struct policy_answer *answer, const struct key_text *key, struct sighting *sighting)
{
    if (key->cut)
        return policy_answer_unknown(answer, "path: too long to be compared");
    struct text_id id = key_text_id(rule, facts, key);
    memcpy(sighting->key, id.words, sizeof(sighting->key));
    sighting->time_ns = facts->call->end_ns;
    sighting->window_ns = rule->window_ns;
    sighting->retry_ns = rule->retry_ns;
    sighting->limit = rule->threshold;
    sighting->client_port = facts->call->endpoints.source_port;
    sighting->server = facts->call->endpoints.destination;
    answer->sighting = *sighting;
    answer->sighted = true;
    return VERDICT_NOT_APPLICABLE;
}

static bool succeeded(const struct policy_facts *facts)
{
    return facts->status >= 200 && facts->status < 300;
}

/* Whoever asks which operation, where none is registered by its path. */
static void operation_add(struct key_text *key, const struct policy_facts *facts, const struct address *client)
{
    const struct call *call = facts->call;
    key_text_init(key);
    key_text_add(key, client, sizeof(*client));
    key_text_add_span(key, policy_host(call));
    if (facts->operation) {
        key_text_add_span(key, facts->operation->id);
        return;
    }
    key_text_add_span(key, call->method);
    key_text_add_span(key, facts->transaction->path);
}

/* ---------------------------------------------------------------------- token */

/* Which certificate came with it; 0: none that is known. */
static uint64_t certificate_detail(const struct policy_rule *rule, const struct policy_facts *facts)
{
    const struct caller_certificate *caller = facts->input->caller;
    struct key_text text;
    if (!caller || caller->shown != CALLER_SHOWN || !caller->digest_known)
        return 0;
    key_text_init(&text);
    key_text_add(&text, caller->digest, sizeof(caller->digest));
    return key_text_detail(rule, facts, &text);
}

enum verdict policy_check_token_sources(const struct policy_rule *rule, const struct policy_facts *facts,
                                        struct policy_answer *answer)
{
    const struct token *token = facts->input->token;
    struct sighting sighting = {.kind = SIGHTING_TOKEN};
    struct key_text key;
    if (token && token->form == TOKEN_ABSENT && facts->request_head)
        return VERDICT_NOT_APPLICABLE;
    if (!token || token->form == TOKEN_ABSENT)
        return policy_answer_unknown(answer, "request head");
    enum verdict verdict = comparable(facts, answer, &sighting.client);
    if (verdict != VERDICT_PASS)
        return verdict;
    if (!succeeded(facts))
        return VERDICT_NOT_APPLICABLE;
    if (!(token->flags & TOKEN_HAS_ID))
        return policy_answer_unknown(answer, "token: too long to be compared");
    key_text_init(&key);
    key_text_add(&key, token->id, sizeof(token->id));
    sighting.detail = certificate_detail(rule, facts);
    policy_answer_add_hex(answer, "digest", span_of(token->id, sizeof(token->id)));
    return sight(rule, facts, answer, &key, &sighting);
}

/* ------------------------------------------------------------------- attempts */

/* A call without any is answered with 401 to ask for one: nothing was tried. */
static bool credential_sent(const struct policy_facts *facts)
{
    const uint64_t headers = HEADER_BIT(HEADER_AUTHORIZATION) | HEADER_BIT(HEADER_PROXY_AUTHORIZATION) |
                             HEADER_BIT(HEADER_COOKIE) | HEADER_BIT(HEADER_X_API_KEY) | HEADER_BIT(HEADER_API_KEY);
    const struct token *token = facts->input->token;
    return (facts->transaction->request.headers_seen & headers) || facts->transaction->request.body_size ||
           (token && token->form != TOKEN_ABSENT);
}

enum verdict policy_check_failed_attempts(const struct policy_rule *rule, const struct policy_facts *facts,
                                          struct policy_answer *answer)
{
    struct sighting sighting = {.kind = SIGHTING_ATTEMPT};
    struct key_text key;
    enum verdict verdict = comparable(facts, answer, &sighting.client);
    if (verdict != VERDICT_PASS)
        return verdict;
    sighting.refused = policy_status_listed(rule, facts->status);
    if ((!sighting.refused && !succeeded(facts)) || !credential_sent(facts))
        return VERDICT_NOT_APPLICABLE;
    operation_add(&key, facts, &sighting.client);
    policy_answer_add_number(answer, "status", (uint64_t)facts->status);
    return sight(rule, facts, answer, &key, &sighting);
}

/* -------------------------------------------------------------------- objects */

enum verdict policy_check_object_enumeration(const struct policy_rule *rule, const struct policy_facts *facts,
                                             struct policy_answer *answer)
{
    struct sighting sighting = {.kind = SIGHTING_OBJECT, .refused = true};
    struct key_text key, object;
    enum verdict verdict = comparable(facts, answer, &sighting.client);
    if (verdict != VERDICT_PASS)
        return verdict;
    if (!policy_status_listed(rule, facts->status))
        return VERDICT_NOT_APPLICABLE;
    if (!facts->operation)
        return facts->input->match ? VERDICT_NOT_APPLICABLE
                                   : policy_answer_unknown(answer, "operation: which part of the path is an object?");
    if (!facts->operation->path.size || !memchr(facts->operation->path.data, '{', facts->operation->path.size))
        return VERDICT_NOT_APPLICABLE;
    operation_add(&key, facts, &sighting.client);
    key_text_init(&object);
    key_text_add_span(&object, facts->transaction->path);
    if (object.cut)
        return policy_answer_unknown(answer, "path: too long to be compared");
    sighting.detail = key_text_detail(rule, facts, &object);
    policy_answer_add_number(answer, "status", (uint64_t)facts->status);
    return sight(rule, facts, answer, &key, &sighting);
}

/* ---------------------------------------------------------------- request ids */

static const struct transaction_header *id_header(const struct policy_rule *rule, const struct policy_facts *facts)
{
    uint64_t headers = facts->transaction->request.headers_seen & rule->headers;
    return headers
               ? transaction_find_header(&facts->transaction->request, (enum header_id)__builtin_ctzll(headers), NULL)
               : NULL;
}

enum verdict policy_check_request_id_reuse(const struct policy_rule *rule, const struct policy_facts *facts,
                                           struct policy_answer *answer)
{
    struct sighting sighting = {.kind = SIGHTING_REQUEST_ID};
    struct key_text key, request;
    const struct transaction_header *header = facts->request_seen ? id_header(rule, facts) : NULL;
    if (!header && facts->request_head)
        return VERDICT_NOT_APPLICABLE;
    enum verdict verdict = comparable(facts, answer, &sighting.client);
    if (verdict != VERDICT_PASS)
        return verdict;
    if (!header)
        return policy_answer_unknown(answer, "request head");
    uint64_t body_size = facts->transaction->request.body_size;
    key_text_init(&key);
    key_text_add_span(&key, transaction_header_value(facts->transaction, header));
    key_text_add_span(&key, policy_host(facts->call));
    key_text_add(&key, &sighting.client, sizeof(sighting.client));
    key_text_init(&request);
    key_text_add_span(&request, facts->call->method);
    key_text_add_span(&request, facts->call->path);
    key_text_add(&request, &body_size, sizeof(body_size));
    if (request.cut)
        return policy_answer_unknown(answer, "path: too long to be compared");
    sighting.detail = key_text_detail(rule, facts, &request);
    policy_answer_add_text(answer, "header", header_id_name((enum header_id)header->id));
    return sight(rule, facts, answer, &key, &sighting);
}
