/* SPDX-License-Identifier: Apache-2.0 */

/* Judging: a complete exchange is matched with the registry, judged by the rules of its epoch, told, and given back. */

#include "pipeline/worker.h"

/* The one reason under which the ledger settles a transaction: the first that applies, the gravest first. */
static enum ledger_transaction_reason settle_reason(const struct call *call)
{
    static const struct {
        uint32_t flags;
        enum ledger_transaction_reason reason;
    } order[] = {
        {CALL_NO_REQUEST, LEDGER_TRANSACTION_NO_REQUEST},
        {CALL_NO_RESPONSE, LEDGER_TRANSACTION_NO_RESPONSE},
        {CALL_GAP, LEDGER_TRANSACTION_GAP},
        {CALL_INCOMPLETE | CALL_TRUNCATED | CALL_UNSCANNED, LEDGER_TRANSACTION_TRUNCATED},
        {CALL_UNDECODED, LEDGER_TRANSACTION_UNDECODED},
        {CALL_AMBIGUOUS, LEDGER_TRANSACTION_AMBIGUOUS},
    };
    for (size_t i = 0; i < ARRAY_COUNT(order); i++)
        if (call->flags & order[i].flags)
            return order[i].reason;
    return LEDGER_TRANSACTION_AUDITED;
}

static const struct registry_match *match_registry(const struct epoch *epoch, struct transaction *transaction,
                                                   struct registry_match *match)
{
    if (!epoch->registry || registry_operation_count(epoch->registry) == 0 || !transaction->request.seen)
        return NULL;
    struct registry_request request = {
        .host = transaction->call.host,
        .method = transaction->call.method,
        .path = transaction->path.size ? transaction->path : SPAN_LITERAL("/"),
    };
    registry_find(epoch->registry, &request, match);
    if (match->outcome == REGISTRY_MATCH)
        transaction->call.operation = match->operation->id;
    return match;
}

static uint32_t operation_row(const struct epoch *epoch, const struct registry_match *match)
{
    if (!epoch->registry)
        return 0;
    if (match && match->outcome == REGISTRY_MATCH)
        return registry_operation_index(epoch->registry, match->operation);
    return registry_operation_count(epoch->registry);
}

/* A token whose signature is certainly wrong tells nothing of who sent it. */
static bool token_is_forged(const struct token *token)
{
    return token->signature >= TOKEN_SIGNATURE_NONE && token->signature <= TOKEN_SIGNATURE_CRITICAL;
}

static void caller_note(const struct epoch *epoch, struct exchange *exchange)
{
    static const char hex[] = "0123456789abcdef";
    const struct token *token = &exchange->token;
    struct call_caller *caller = &exchange->transaction.call.caller;
    if (token->form != TOKEN_SIGNED || token_is_forged(token))
        return;
    caller->kind = token->signature == TOKEN_SIGNATURE_GOOD ? CALL_CALLER_TOKEN : CALL_CALLER_UNVERIFIED;
    if (token->role != TOKEN_ROLE_NONE)
        caller->role = epoch->issuers->roles[token->role];
    if (!(token->flags & TOKEN_HAS_SUBJECT))
        return;
    for (uint32_t i = 0; i < DIGEST_SIZE; i++) {
        exchange->caller_id[2 * i] = hex[token->subject[i] >> 4];
        exchange->caller_id[2 * i + 1] = hex[token->subject[i] & 15];
    }
    caller->id = span_of(exchange->caller_id, sizeof(exchange->caller_id));
}

void judge_exchange(struct pipeline *worker, struct exchange *exchange)
{
    struct epoch *epoch = exchange->epoch;
    struct transaction *transaction = &exchange->transaction;
    struct call *call = &transaction->call;
    if (!transaction->response.seen)
        call->flags |= CALL_NO_RESPONSE;

    caller_note(epoch, exchange);
    struct registry_match match = {0};
    const struct registry_match *found = match_registry(epoch, transaction, &match);
    struct policy_input input = {
        .transaction = transaction,
        .match = found,
        .token = &exchange->token,
        .issuers = epoch->issuers,
        .source_zone = zones_find(epoch->zones, &call->endpoints, &call->endpoints.source),
        .destination_zone = zones_find(epoch->zones, &call->endpoints, &call->endpoints.destination),
        .time_ns = call->end_ns,
        .epoch = epoch->number,
        .rules_digest = span_of(epoch->rules_digest, EPOCH_DIGEST_SIZE - 1),
        .registry_digest = span_from_text(epoch->registry_digest),
    };
    struct policy_sink sink = {
        .context = worker,
        .finding = tell_finding,
        .verdicts = rollup_row(worker, epoch, operation_row(epoch, found)),
    };
    policy_judge(epoch->policy, &input, &sink);
    if (worker->options.transactions)
        tell_call(worker, call);
    exchange_give(worker, exchange, settle_reason(call));
}
