/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Session
 *
 * What the pipeline keeps of one connection: its channel, and how often it tried to find out what that speaks.
 *
 * Memory:  one object of the worker's pool for each flow that carried data.
 * Threads: one owner, the worker.
 */

#include "pipeline/channel.h"

/* A midstream connection is looked at this often before it counts as unknown: a long body hides the next first line. */
#define SESSION_ATTEMPTS_MAX 64u

struct session {
    struct channel channel;
    bool inner; /* the channel lies inside another one, so the flow's client is none of its business */
    uint8_t attempts;
};

/* ambiguity.c: the connection ends, and its packets contradicted each other. */
void session_tell_ambiguity(struct pipeline *worker, const struct session *session, const struct flow *flow);

/* Feeds a chunk: finds out what the channel speaks, or has it read. Returns what becomes of its packets. */
enum ledger_reason session_chunk(struct pipeline *worker, struct session *session, struct flow *flow,
                                 const struct flow_chunk *chunk);
