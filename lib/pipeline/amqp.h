/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What both versions of AMQP share on a channel
 *
 * A call of AMQP is either a message, of which the peer that sends it is the only side (`one_way`), or a request of the
 * client with its answer.
 *
 * Memory:  exchanges from the worker's pool.
 * Threads: one owner, the worker.
 */

#include "pipeline/channel.h"

/* A call that there is no memory, or no room in a table, to follow: told as that. */
void amqp_over_budget(struct pipeline *worker);

/* NULL without memory; then one transaction has been told as out of budget. `method` outlives the exchange. */
struct exchange *amqp_exchange_take(struct pipeline *worker, const struct channel_feed *feed,
                                    enum call_protocol protocol, const char *method);

/* Something of the side was seen now. */
void amqp_side_touch(struct exchange *exchange, bool response, const struct channel_feed *feed, uint64_t anomalies);

/* The side begins; it has no body unless amqp_side_head_end() follows. */
void amqp_side_begin(struct exchange *exchange, bool response, const struct channel_feed *feed);

/* Sets path, and searches it. `first` and `second` are joined by a slash; second.data NULL: `first` alone. */
void amqp_path_set(struct pipeline *worker, struct exchange *exchange, struct span first, struct span second);

/* A copy in the transaction's store; {NULL, 0} stays that. */
struct span amqp_keep(struct exchange *exchange, struct span text);

/* The login of SASL: what may be told of the client's first response. */
void amqp_login_set(struct exchange *exchange, struct span mechanism, struct span response);

/* The side is without a body and complete. */
void amqp_side_end(struct pipeline *worker, struct exchange *exchange, bool response);

/* A call that waits for an answer has it, or will not have one. Judges and gives the exchange back. */
void amqp_answered(struct pipeline *worker, struct exchange *exchange, const struct channel_feed *feed, int32_t status);
void amqp_abandoned(struct pipeline *worker, struct exchange *exchange, uint32_t flags);
