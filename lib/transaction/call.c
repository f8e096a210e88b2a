/* SPDX-License-Identifier: Apache-2.0 */

/* Call: names. */

#include "transaction/call.h"

const char *call_protocol_name(enum call_protocol protocol)
{
    static const char *const names[CALL_PROTOCOL_COUNT] = {
        [CALL_HTTP1] = "http1",     [CALL_HTTP2] = "http2",   [CALL_GRPC] = "grpc", [CALL_WEBSOCKET] = "websocket",
        [CALL_AMQP091] = "amqp091", [CALL_AMQP10] = "amqp10", [CALL_TLS] = "tls",
    };
    require(protocol < CALL_PROTOCOL_COUNT);
    return names[protocol];
}

const char *call_graphql_name(enum call_graphql graphql)
{
    static const char *const names[CALL_GRAPHQL_COUNT] = {
        [CALL_GRAPHQL_QUERY] = "query",
        [CALL_GRAPHQL_MUTATION] = "mutation",
        [CALL_GRAPHQL_SUBSCRIPTION] = "subscription",
    };
    require(graphql < CALL_GRAPHQL_COUNT);
    return names[graphql];
}

const char *call_outcome_name(enum call_outcome outcome)
{
    static const char *const names[CALL_OUTCOME_COUNT] = {
        [CALL_OUTCOME_ACCEPTED] = "accepted", [CALL_OUTCOME_REJECTED] = "rejected",
        [CALL_OUTCOME_RELEASED] = "released", [CALL_OUTCOME_MODIFIED] = "modified",
        [CALL_OUTCOME_RETURNED] = "returned",
    };
    require(outcome < CALL_OUTCOME_COUNT);
    return names[outcome];
}

const char *call_flag_name(uint32_t index)
{
    static const char *const names[] = {"gap",        "truncated",   "ambiguous",  "midstream",
                                        "no_request", "no_response", "incomplete", "undecoded",
                                        "upgrade",    "anomaly",     "unscanned"};
    static_assert(ARRAY_COUNT(names) == CALL_FLAG_COUNT_, "a name for each flag");
    require(index < CALL_FLAG_COUNT_);
    return names[index];
}
