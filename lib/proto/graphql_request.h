/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * GraphQL over HTTP
 *
 * What a body asks a GraphQL server for, and whether the answer holds data. A JSON request is one object, or an array
 * of them (a batch), with `query`, `operationName` and `extensions`; over WebSocket it is the `payload` of a message,
 * and the answer that of another message with the same `id`. A persisted query names its document by a hash and has no
 * `query`.
 *
 * Memory:  struct graphql_request, fixed; from a pool of the worker.
 * Threads: one owner.
 * Limits:  GRAPHQL_KEYS_MAX members that GraphQL does not know: then the body is another API's. GRAPHQL_ID_MAX; longer
 * ids count as none. Errors:  none; `type` stays CALL_GRAPHQL_NONE. Source:  GraphQL over HTTP (working draft of
 * 2024-04), graphql-transport-ws and subscriptions-transport-ws, Apollo persisted queries and batching.
 */

#include "proto/graphql.h"
#include "proto/json_outline.h"

#define GRAPHQL_KEYS_MAX 4u /* the specification lets servers add members; clients add one or two */

#define GRAPHQL_ID_MAX 40u /* of a message: clients count, or take a UUID */

/* Of the last message read; size 0: it has none. */
struct graphql_id {
    uint8_t size;
    bool reading;
    char text[GRAPHQL_ID_MAX];
};

enum graphql_body { GRAPHQL_BODY_JSON, GRAPHQL_BODY_DOCUMENT };

/* What is known at the end. */
struct graphql_result {
    uint8_t type; /* enum call_graphql, of the first operation; CALL_GRAPHQL_NONE: no GraphQL, _UNKNOWN: persisted */
    uint8_t name_size;
    bool introspection;  /* by any operation that is executed */
    uint32_t operations; /* of a batch */
    uint32_t aliases;
    char name[GRAPHQL_NAME_MAX];
};

struct graphql_request {
    uint8_t body;   /* enum graphql_body */
    uint8_t member; /* being read */
    uint8_t unknown_keys;
    uint8_t name_size;
    bool reading; /* a text of that member */
    bool has_query, persisted, in_payload;
    bool stopped;                /* no GraphQL; nothing more is looked at */
    char name[GRAPHQL_NAME_MAX]; /* operationName */
    struct graphql_id id;
    struct json_outline outline;
    struct graphql_result result;
    struct graphql document;
};

/* Leaves the large arrays alone. */
void graphql_request_init(struct graphql_request *request, enum graphql_body body);
void graphql_request_add(struct graphql_request *request, struct span data);

/* Parameters of a GET, decoded: `query`, `operationName`, `extensions`. Instead of graphql_request_add(). */
void graphql_request_add_parameter(struct graphql_request *request, struct span name, struct span value);

/* The end; the answer stays the same when asked again. */
const struct graphql_result *graphql_request_end(struct graphql_request *request);

/*
 * Whether a response holds data: a `data` that is not null (GraphQL, October 2021, 7.1.1). In server-sent events each
 * line of data is one (GraphQL over SSE), or has it in a `payload` where several operations share the stream.
 */
struct graphql_response {
    bool events;
    bool was_object; /* it, or one of its events, could be read */
    uint8_t line;    /* bytes of "data:" that the line of a stream began with */
    uint8_t level;   /* of the member `data` */
    bool in_payload, data_next;
    bool has_data;
    struct graphql_id id;
    struct json_outline outline;
};

/* `message`: over WebSocket. */
void graphql_response_init(struct graphql_response *response, bool message);
void graphql_response_add(struct graphql_response *response, struct span data);
