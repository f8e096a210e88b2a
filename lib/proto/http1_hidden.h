/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Hidden requests
 *
 * A request line in the body of a request: what one receiver reads as content the next one may answer. Looked for at
 * the beginning of every body, where content that is no attack hardly ever has one, and at the beginning of every line
 * of a body whose framing is ambiguous.
 *
 * Memory:  two bytes of the parser.
 * Threads: one owner.
 * Limits:  one pass over the bytes; of a plain body mostly one byte.
 */

#include "proto/http1_state.h"

/* At the end of the head of a request. */
void http1_hidden_begin(struct http1 *parser);

/* The framing turned out to be ambiguous within the body: from here on every line counts. */
void http1_hidden_note(struct http1 *parser);

/* Bytes are missing here. */
void http1_hidden_lose(struct http1 *parser);

/* The message ends: what was found, told only now so that cuts do not show. */
uint64_t http1_hidden_end(struct http1 *parser);

/* Bytes of the body, in order. */
void http1_hidden_scan(struct http1 *parser, struct span data);
