/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * GraphQL over WebSocket
 *
 * A request and its answer are messages of their own there, put together by the id that the client chose. What was
 * asked for the schema is remembered until the answer comes, and the answer then says whether it was given away.
 *
 * Memory:  struct graphql_asked, fixed, in the link of the WebSocket.
 * Threads: one owner, the worker.
 * Limits:  GRAPHQL_ASKED_MAX requests that wait; the oldest is forgotten, and its verdict stays unknown.
 * Source:  graphql-transport-ws (Subscribe, Next), subscriptions-transport-ws (GQL_START, GQL_DATA).
 */

#include "pipeline/worker.h"

#define GRAPHQL_ASKED_MAX 4u /* tools ask for the schema once, when they connect */

struct graphql_asked {
    uint64_t ids[GRAPHQL_ASKED_MAX]; /* keyed hashes; 0: none */
    uint32_t aliases[GRAPHQL_ASKED_MAX];
    uint32_t next;
};

/* A client's message has ended, and is not judged yet. */
void graphql_asked_note(const struct pipeline *worker, struct graphql_asked *asked, const struct exchange *exchange);

/* A server's message begins: it is read where something waits for an answer. */
void graphql_answer_begin(struct pipeline *worker, const struct graphql_asked *asked, struct exchange *exchange);

/* All of it was read, and its end is not told yet (side_message_end). */
void graphql_answer_end(struct pipeline *worker, struct graphql_asked *asked, struct exchange *exchange);
