/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Call
 *
 * What identifies one API call in every output: the fields that `assay replay --transactions` and every finding carry,
 * whatever the protocol. docs/formats.md says what each protocol puts in them.
 */

#include "base/span.h"
#include "transaction/connection.h"
#include "transaction/endpoints.h"

enum call_protocol {
    CALL_HTTP1,
    CALL_HTTP2,
    CALL_GRPC,
    CALL_WEBSOCKET,
    CALL_AMQP091,
    CALL_AMQP10,
    CALL_TLS, /* no call: the connection itself, in findings about its handshake */
    CALL_PROTOCOL_COUNT
};

/* Why a call may not be the whole truth. Each is a name in the `flags` list of the outputs. */
enum call_flag {
    CALL_GAP = 1u << 0,         /* bytes missing inside it */
    CALL_TRUNCATED = 1u << 1,   /* beyond a limit; the rest was not kept or scanned */
    CALL_AMBIGUOUS = 1u << 2,   /* two readings are possible */
    CALL_MIDSTREAM = 1u << 3,   /* the connection began before we did */
    CALL_NO_REQUEST = 1u << 4,  /* response only */
    CALL_NO_RESPONSE = 1u << 5, /* request only */
    CALL_INCOMPLETE = 1u << 6,  /* the connection ended inside the message */
    CALL_UNDECODED = 1u << 7,   /* body in an encoding that is not opened */
    CALL_UPGRADE = 1u << 8,     /* the connection changes protocol after this call */
    CALL_ANOMALY = 1u << 9,     /* odd framing; the findings say which */
    CALL_UNSCANNED = 1u << 10,  /* body bytes that were not searched for sensitive data */
    CALL_FLAG_COUNT_ = 11
};

#define CALL_STATUS_NONE (-1)

/* Who called, as far as the call shows, without naming a person. */
struct call_caller {
    struct span kind; /* CALL_CALLER_*; data NULL: it does not show */
    struct span id;   /* of a token: keyed digest in hex, data NULL without subject; of a certificate: whom it names */
    struct span role; /* of the settings; data NULL: none fits */
};

#define CALL_CALLER_TOKEN       SPAN_LITERAL("token")       /* its signature was verified */
#define CALL_CALLER_UNVERIFIED  SPAN_LITERAL("unverified")  /* what a token says of itself */
#define CALL_CALLER_CERTIFICATE SPAN_LITERAL("certificate") /* no token, but a client certificate */

/* What a GraphQL request asks for; the names are told in the outputs. */
enum call_graphql {
    CALL_GRAPHQL_NONE,    /* no GraphQL */
    CALL_GRAPHQL_UNKNOWN, /* a persisted query: the server alone knows its document */
    CALL_GRAPHQL_QUERY,
    CALL_GRAPHQL_MUTATION,
    CALL_GRAPHQL_SUBSCRIPTION,
    CALL_GRAPHQL_COUNT
};

/* What became of a message, as far as its receiver said. */
enum call_outcome {
    CALL_OUTCOME_NONE,     /* no message, or nothing was said */
    CALL_OUTCOME_ACCEPTED, /* or confirmed */
    CALL_OUTCOME_REJECTED, /* refused for good: AMQP 0-9-1 reject and nack without requeue, nack of a broker */
    CALL_OUTCOME_RELEASED, /* given back, for anybody to have; 0-9-1: requeued */
    CALL_OUTCOME_MODIFIED, /* given back, changed */
    CALL_OUTCOME_RETURNED, /* a broker had nowhere to put it */
    CALL_OUTCOME_COUNT
};

struct call {
    struct endpoints endpoints; /* source is the client */
    uint64_t time_ns;           /* first byte of the request (of the response where no request was seen) */
    uint64_t end_ns;            /* last byte seen */
    enum call_protocol protocol;
    uint32_t flags;         /* enum call_flag */
    int32_t status;         /* CALL_STATUS_NONE when no response was seen */
    struct span host;       /* authority as sent, without a default; data NULL: none */
    struct span method;     /* data NULL: no request was seen */
    struct span path;       /* request target as sent; data NULL: no request was seen */
    uint64_t request_bytes; /* decoded body bytes */
    uint64_t response_bytes;
    struct connection_tls tls; /* the connection it came in */
    enum call_graphql graphql;
    struct span graphql_name; /* of its operation; data NULL: none */
    enum call_outcome outcome;
    uint32_t request_messages, response_messages; /* of a call that streams them: gRPC */
    struct span operation;                        /* registry id of the operation, data NULL: none matched */
    struct call_caller caller;
};

/* "http1", "http2" ... never NULL. */
const char *call_protocol_name(enum call_protocol protocol);

/* "query", "mutation", "subscription"; NULL for what is not known. */
const char *call_graphql_name(enum call_graphql graphql);

/* "accepted" ...; NULL for CALL_OUTCOME_NONE. */
const char *call_outcome_name(enum call_outcome outcome);

/* The name of the flag with bit `index`, 0 <= index < CALL_FLAG_COUNT_. */
const char *call_flag_name(uint32_t index);
