/* SPDX-License-Identifier: Apache-2.0 */

/*
 * GraphQL in exchanges: a request that may be one is read along while it is searched; of the answer to an introspection
 * it is read whether it holds data.
 */

#include "pipeline/graphql.h"

#include "base/hash.h"
#include "pipeline/scan.h"
#include "proto/graphql_request.h"
#include "proto/http_text.h"

#define NAME_DIGITS_MAX 8u /* longer runs of digits in a name are data, not a version */

/* While the request is read the one, then the other. */
struct exchange_graphql {
    bool answering;
    struct graphql_id id; /* of the request, where it asks for the schema */
    union {
        struct graphql_request request;
        struct graphql_response response;
    };
};

int graphql_pool_init(struct pipeline *worker, size_t bytes)
{
    return pool_init(&worker->graphqls, worker->arena, sizeof(struct exchange_graphql),
                     (uint32_t)(bytes / (sizeof(struct exchange_graphql) + CACHE_LINE)));
}

void graphql_release(struct pipeline *worker, struct exchange *exchange)
{
    if (exchange->graphql)
        pool_give(&worker->graphqls, exchange->graphql);
    exchange->graphql = NULL;
}

static void begin(struct pipeline *worker, struct exchange *exchange, enum graphql_body body)
{
    exchange->graphql = pool_take(&worker->graphqls);
    if (!exchange->graphql) {
        exchange->transaction.call.flags |= CALL_TRUNCATED;
        return;
    }
    exchange->graphql->answering = false;
    graphql_request_init(&exchange->graphql->request, body);
}

void graphql_head(struct pipeline *worker, struct exchange *exchange)
{
    struct span rest = exchange->transaction.query;
    struct http_pair pair;
    if (!span_equal(exchange->transaction.call.method, SPAN_LITERAL("GET")))
        return;
    while (http_query_next(&rest, &pair)) {
        bool known = span_equal(pair.name, SPAN_LITERAL("query")) ||
                     span_equal(pair.name, SPAN_LITERAL("extensions")) ||
                     span_equal(pair.name, SPAN_LITERAL("operationName"));
        if (!known)
            continue;
        if (!exchange->graphql)
            begin(worker, exchange, GRAPHQL_BODY_JSON);
        if (!exchange->graphql)
            return;
        struct http_decoded value = http_percent_decode(pair.value, true, worker->decoded, sizeof(worker->decoded));
        graphql_request_add_parameter(&exchange->graphql->request, pair.name, value.text);
    }
}

void graphql_part_start(struct pipeline *worker, struct exchange *exchange)
{
    const struct scan_multipart *multipart = exchange->scans[0].multipart;
    if (!exchange->graphql && span_equal(scan_multipart_name(multipart), SPAN_LITERAL("operations")))
        begin(worker, exchange, GRAPHQL_BODY_JSON);
}

void graphql_stream_start(struct exchange *exchange)
{
    if (exchange->graphql && exchange->graphql->answering)
        exchange->graphql->response.events = true;
}

void graphql_body_start(struct pipeline *worker, struct exchange *exchange, struct span content_type, bool json)
{
    const struct call *call = &exchange->transaction.call;
    bool post = call->protocol == CALL_WEBSOCKET || span_equal(call->method, SPAN_LITERAL("POST"));
    struct span document = SPAN_LITERAL("application/graphql");
    bool plain = span_equal_nocase(span_first(content_type, document.size), document) &&
                 (content_type.size == document.size || content_type.data[document.size] == ';' ||
                  content_type.data[document.size] == ' ');
    if (post && (json || plain) && !exchange->graphql)
        begin(worker, exchange, plain ? GRAPHQL_BODY_DOCUMENT : GRAPHQL_BODY_JSON);
}

void graphql_body(struct exchange *exchange, bool response, struct span data)
{
    struct exchange_graphql *graphql = exchange->graphql;
    if (!graphql || graphql->answering != response)
        return;
    /* Of a form with files only the part that asks (GraphQL multipart request specification). */
    const struct scan_multipart *multipart = exchange->scans[response].multipart;
    if (multipart && !span_equal(scan_multipart_name(multipart), SPAN_LITERAL("operations")))
        return;
    if (response)
        graphql_response_add(&graphql->response, data);
    else
        graphql_request_add(&graphql->request, data);
}

/* A name comes from the traffic and may itself hold what must not be told. */
static struct span keep_name(struct transaction *transaction, const struct graphql_result *result)
{
    char name[GRAPHQL_NAME_MAX];
    uint32_t digits = 0;
    for (uint32_t i = 0; i < result->name_size; i++) {
        name[i] = result->name[i];
        digits = name[i] >= '0' && name[i] <= '9' ? digits + 1 : 0;
        if (digits > NAME_DIGITS_MAX)
            memset(name + i + 1 - digits, '*', digits);
    }
    return result->name_size ? transaction_keep_line(transaction, span_of(name, result->name_size)) : (struct span){0};
}

static void end_request(struct pipeline *worker, struct exchange *exchange)
{
    struct transaction *transaction = &exchange->transaction;
    const struct graphql_result *result = graphql_request_end(&exchange->graphql->request);
    transaction->call.graphql = (enum call_graphql)result->type;
    transaction->graphql.operations = result->operations;
    transaction->graphql.aliases = result->aliases;
    transaction->graphql.introspection = result->introspection;
    if (result->type != CALL_GRAPHQL_NONE)
        transaction->call.graphql_name = keep_name(transaction, result);
    if (!result->introspection) {
        graphql_release(worker, exchange);
        return;
    }
    struct graphql_id id = exchange->graphql->request.id;
    exchange->graphql->id = id;
    exchange->graphql->answering = true;
    graphql_response_init(&exchange->graphql->response, false);
}

void graphql_message_end(struct pipeline *worker, struct exchange *exchange, bool response, bool complete)
{
    struct exchange_graphql *graphql = exchange->graphql;
    if (!graphql || graphql->answering != response)
        return;
    if (!response) {
        end_request(worker, exchange);
        return;
    }
    const struct transaction_side *side = &exchange->transaction.response;
    bool read = complete && !side->gap && side->scanned_size >= side->body_size &&
                !(exchange->transaction.call.flags & CALL_UNDECODED);
    if (graphql->response.has_data)
        exchange->transaction.graphql.answer = TRANSACTION_ANSWER_WITH_DATA;
    else if (read && graphql->response.was_object)
        exchange->transaction.graphql.answer = TRANSACTION_ANSWER_WITHOUT_DATA;
    graphql_release(worker, exchange);
}

/* ----------------------------------------------------------------- over WebSocket */

/* 0 says none, so no id may be that. */
static uint64_t id_hash(const struct pipeline *worker, const struct graphql_id *id)
{
    return id->size ? hash_bytes(&worker->options.key, id->text, id->size) | 1 : 0;
}

static bool nothing_asked(const struct graphql_asked *asked)
{
    uint64_t any = 0;
    for (uint32_t i = 0; i < GRAPHQL_ASKED_MAX; i++)
        any |= asked->ids[i];
    return any == 0;
}

void graphql_asked_note(const struct pipeline *worker, struct graphql_asked *asked, const struct exchange *exchange)
{
    const struct transaction_graphql *graphql = &exchange->transaction.graphql;
    if (!exchange->graphql || !graphql->introspection)
        return;
    uint32_t at = asked->next++ % GRAPHQL_ASKED_MAX;
    asked->ids[at] = id_hash(worker, &exchange->graphql->id);
    asked->aliases[at] = graphql->aliases;
}

void graphql_answer_begin(struct pipeline *worker, const struct graphql_asked *asked, struct exchange *exchange)
{
    if (nothing_asked(asked))
        return;
    exchange->graphql = pool_take(&worker->graphqls);
    if (!exchange->graphql) {
        exchange->transaction.call.flags |= CALL_TRUNCATED;
        return;
    }
    exchange->graphql->answering = true;
    graphql_response_init(&exchange->graphql->response, true);
}

void graphql_answer_end(struct pipeline *worker, struct graphql_asked *asked, struct exchange *exchange)
{
    struct transaction_graphql *graphql = &exchange->transaction.graphql;
    uint64_t id = exchange->graphql ? id_hash(worker, &exchange->graphql->response.id) : 0;
    for (uint32_t i = 0; id && i < GRAPHQL_ASKED_MAX; i++) {
        if (asked->ids[i] != id)
            continue;
        asked->ids[i] = 0;
        *graphql = (struct transaction_graphql){
            .operations = 1, .aliases = asked->aliases[i], .introspection = true, .answering = true};
        return;
    }
    graphql_release(worker, exchange);
}
