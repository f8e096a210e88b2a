/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Row of HTTP/1 requests
 *
 * Requests of a connection that wait for their responses, oldest first, and what tells whether the client waits for
 * each answer or sends ahead: only where it waits is a response behind a hole known to belong to the newest request.
 *
 * Memory:  part of the channel; exchanges are linked, not copied.
 * Threads: one owner, the worker.
 * Limits:  HTTP1_WAITING_MAX, kept by who appends.
 */

#include "pipeline/channel.h"

void http1_row_append(struct http1_channel *http1, struct exchange *exchange);

/* The row is not empty. */
struct exchange *http1_row_take_oldest(struct http1_channel *http1);

/* Bytes of the client are missing. What the parser gives up of those before the hole is no tail. */
void http1_row_note_hole(struct channel *channel);

/* Bytes of the client come, before they are parsed: the first ones behind a hole may be the end of a lost request. */
void http1_row_note_tail(const struct channel_feed *feed);

/* A request begins: did the client send it before an earlier one was answered? Before it is appended. */
void http1_row_note_pipelining(const struct channel_feed *feed, bool after_loss);

/*
 * The client had acknowledged the bytes at hand when it sent the request: they are the answer to an earlier one. That
 * happens where the audit begins inside a connection and the two directions are out of step.
 */
bool http1_row_came_before(const struct channel_feed *feed, const struct exchange *request);
