/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * TLS on a channel
 *
 * Reads the records of both directions until the handshake is complete, or as complete as it will get, and has it
 * judged once. What the records hold stays closed: the channel then closes as encrypted and costs nothing more.
 *
 * Memory:  a state of the worker's pool as long as the handshake lasts; buffers of another pool for messages that are
 * cut. Threads: one owner, the worker. Limits:  without room for its state a connection is not judged and its bytes are
 * excused for the budget; without buffers a message that is cut stays unknown.
 */

#include "pipeline/channel.h"
#include "pipeline/worker.h"
#include "tls/handshake.h"

struct tls_session {
    struct tls_record_reader records[2];
    struct tls_handshake handshake;
    struct certificate_pair certificates;
    struct connection_tls view; /* what the outputs show */
    struct call call;           /* identifies the connection in findings */
    bool judged;
    bool read; /* of the input being parsed: something that is not encrypted */
};

extern const struct channel_protocol channel_tls;

/* Whether bytes that were recognised as TLS come from the server; `guess` where they do not say. */
bool tls_sent_by_server(struct span bytes, bool guess);
