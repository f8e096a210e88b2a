/* SPDX-License-Identifier: Apache-2.0 */

/* Judging: a complete exchange is matched with the registry, judged by the rules of its epoch, told, and given back. */

#include "base/hex.h"
#include "certificate/spiffe.h"
#include "pipeline/scan_grpc.h"
#include "policy/caller.h"
#include "registry/grpc.h"

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

/* gRPC is looked up in descriptors alone; where there is none nobody has said anything about it. */
static const struct registry_match *match_rpc(const struct epoch *epoch, struct transaction *transaction,
                                              struct registry_match *match)
{
    if (!registry_has_grpc(epoch->registry))
        return NULL;
    *match = (struct registry_match){0};
    const struct registry_rpc *rpc = registry_find_rpc(epoch->registry, transaction->path, &match->outcome);
    if (rpc) {
        match->operation = rpc->operation;
        transaction->call.operation = rpc->operation->id;
    }
    return match;
}

/* A channel of the registry; for a WebSocket message by the target of the handshake. */
static bool match_message(const struct registry *registry, const struct transaction *transaction,
                          enum call_protocol protocol, struct registry_match *match)
{
    if (!registry_covers(registry, protocol))
        return false;
    struct registry_message message = {
        .protocol = protocol,
        .host = transaction->call.host,
        .path = transaction->path.size ? transaction->path : transaction->call.path,
        .message = &transaction->message,
    };
    registry_find_message(registry, &message, match);
    return true;
}

/*
 * A handshake is documented where its channel is (RFC 6455 4.1). Over HTTP/2 a CONNECT is what a GET is over HTTP/1
 * (RFC 8441 5), and documents know the GET.
 */
static bool match_call(const struct registry *registry, const struct transaction *transaction,
                       struct registry_match *match)
{
    bool handshake = transaction_asks_websocket(transaction);
    bool extended = handshake && transaction->call.protocol == CALL_HTTP2;
    struct registry_request request = {
        .host = transaction->call.host,
        .method = extended ? SPAN_LITERAL("GET") : transaction->call.method,
        .path = transaction->path.size ? transaction->path : SPAN_LITERAL("/"),
    };
    bool covered = registry_covers(registry, transaction->call.protocol);
    if (covered)
        registry_find(registry, &request, match);
    if ((covered && match->outcome == REGISTRY_MATCH) || !handshake)
        return covered;
    struct registry_match channel;
    if (!match_message(registry, transaction, CALL_WEBSOCKET, &channel) || channel.outcome != REGISTRY_MATCH)
        return covered;
    *match = channel;
    return true;
}

static const struct registry_match *match_registry(const struct epoch *epoch, struct transaction *transaction,
                                                   struct registry_match *match)
{
    enum call_protocol protocol = transaction->call.protocol;
    bool carries = protocol == CALL_WEBSOCKET || protocol == CALL_AMQP091 || protocol == CALL_AMQP10;
    bool named = carries ? transaction->message.kind != MESSAGE_NONE
                         : transaction->call.method.data && transaction->call.path.data;
    if (!epoch->registry || !named)
        return NULL;
    if (protocol == CALL_GRPC)
        return match_rpc(epoch, transaction, match);
    bool looked_up = carries ? match_message(epoch->registry, transaction, protocol, match)
                             : match_call(epoch->registry, transaction, match);
    if (!looked_up)
        return NULL;
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

/* By certificate where no token tells of anybody; its role where the token has none. */
static void certificate_note(const struct epoch *epoch, const struct caller_certificate *certificate, struct call *call)
{
    struct call_caller *caller = &call->caller;
    if (!caller->kind.data && certificate->shown == CALLER_SHOWN) {
        caller->kind = CALL_CALLER_CERTIFICATE;
        caller->id = certificate->id.size ? certificate->id : call->tls.client_id;
    }
    if (!caller->role.data && certificate->id.size && spiffe_id_check(certificate->id) == SPIFFE_GOOD)
        caller->role = caller_role_find(epoch->roles, certificate->id);
}

static void token_note(const struct epoch *epoch, struct exchange *exchange)
{
    const struct token *token = &exchange->token;
    struct call_caller *caller = &exchange->transaction.call.caller;
    if (token->form != TOKEN_SIGNED || token_is_forged(token))
        return;
    caller->kind = token->signature == TOKEN_SIGNATURE_GOOD ? CALL_CALLER_TOKEN : CALL_CALLER_UNVERIFIED;
    if (token->role != TOKEN_ROLE_NONE)
        caller->role = epoch->issuers->roles[token->role];
    if (!(token->flags & TOKEN_HAS_SUBJECT))
        return;
    hex_write(token->subject, DIGEST_SIZE, exchange->caller_id);
    caller->id = span_of(exchange->caller_id, sizeof(exchange->caller_id));
}

static void judge(struct pipeline *worker, struct exchange *exchange, const struct caller_certificate *caller,
                  bool connection)
{
    struct epoch *epoch = exchange->epoch;
    struct transaction *transaction = &exchange->transaction;
    struct call *call = &transaction->call;
    struct registry_match match = {0};
    enum stage stage = stage_enter(&worker->stages, STAGE_REGISTRY);
    const struct registry_match *found = match_registry(epoch, transaction, &match);
    stage_enter(&worker->stages, STAGE_RULES);
    struct policy_input input = {
        .transaction = transaction,
        .encrypted = (call->tls.flags & CONNECTION_TLS) != 0,
        .match = found,
        .token = &exchange->token,
        .issuers = epoch->issuers,
        .caller = caller,
        .sighting_key = worker->options.sightings ? &worker->sighting_key : NULL,
        .zones = epoch->zones,
        .source_zone = zones_find(epoch->zones, &call->endpoints, &call->endpoints.source),
        .destination_zone = zones_find(epoch->zones, &call->endpoints, &call->endpoints.destination),
        .time_ns = call->end_ns,
        .whole_connection = connection,
        .epoch = epoch->number,
        .rules_digest = span_of(epoch->rules_digest, EPOCH_DIGEST_SIZE - 1),
        .registry_digest = span_from_text(epoch->registry_digest),
    };
    struct policy_sink sink = {
        .context = worker, .finding = tell_finding, .sighting = worker->options.sightings ? tell_sighting : NULL};
    rollup_open(worker, epoch, operation_row(epoch, found), connection ? 0 : 1, &sink);
    policy_judge(epoch->policy, &input, &sink);
    stage_leave(&worker->stages, stage);
}

void judge_exchange(struct pipeline *worker, struct exchange *exchange)
{
    struct call *call = &exchange->transaction.call;
    struct epoch *epoch = exchange->epoch;
    struct caller_certificate caller;
    if (!exchange->transaction.response.seen && !exchange->transaction.one_way)
        call->flags |= CALL_NO_RESPONSE;
    token_note(epoch, exchange);
    caller_certificate_find(&exchange->transaction, zones_find(epoch->zones, &call->endpoints, &call->endpoints.source),
                            &caller);
    certificate_note(epoch, &caller, call);
    scan_grpc_settle(&exchange->transaction);
    judge(worker, exchange, &caller, false);
    if (worker->options.transactions)
        tell_call(worker, call);
    exchange_give(worker, exchange, settle_reason(call));
}

void judge_connection(struct pipeline *worker, const struct call *connection, const struct tls_facts *tls)
{
    struct epoch *epoch = worker->epoch;
    struct policy_input input = {
        .connection = connection,
        .tls = tls,
        .source_zone = zones_find(epoch->zones, &connection->endpoints, &connection->endpoints.source),
        .destination_zone = zones_find(epoch->zones, &connection->endpoints, &connection->endpoints.destination),
        .time_ns = connection->end_ns,
        .epoch = epoch->number,
        .rules_digest = span_of(epoch->rules_digest, EPOCH_DIGEST_SIZE - 1),
        .registry_digest = span_from_text(epoch->registry_digest),
    };
    struct policy_sink sink = {.context = worker, .finding = tell_finding};
    rollup_open(worker, epoch, operation_row(epoch, NULL), 0, &sink);
    enum stage stage = stage_enter(&worker->stages, STAGE_RULES);
    policy_judge_connection(epoch->policy, &input, &sink);
    stage_leave(&worker->stages, stage);
}

void judge_anomaly(struct pipeline *worker, const struct connection_anomaly *anomaly)
{
    struct exchange *exchange = exchange_make(worker, anomaly->endpoints, anomaly->time_ns);
    if (!exchange)
        return;
    struct call *call = &exchange->transaction.call;
    if (anomaly->swapped)
        endpoints_swap(&call->endpoints);
    call->protocol = anomaly->protocol;
    call->flags |= CALL_NO_REQUEST | CALL_NO_RESPONSE | CALL_ANOMALY;
    exchange->transaction.request.anomalies = anomaly->anomalies;
    judge(worker, exchange, NULL, true);
    exchange_drop(worker, exchange);
}
