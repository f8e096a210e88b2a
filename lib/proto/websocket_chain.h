/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Chains of WebSocket frames
 *
 * Where in a stream of unknown place a frame begins. A header of two bytes is soon found anywhere, so one is believed
 * only with the frames behind it: each thing about them that chance would have got wrong counts in bits, and only a
 * chain of WEBSOCKET_CHAIN_BITS is one. Too little is no answer: nothing is guessed.
 *
 * Threads: pure functions.
 * Limits:  looks at no more than WEBSOCKET_RESYNC_MAX bytes, and at few of them: see websocket_chain.c.
 */

#include "proto/websocket.h"

/* A wrong chain among the WEBSOCKET_RESYNC_MAX places of a hole: once in 2^18 holes. */
#define WEBSOCKET_CHAIN_BITS 32u

enum websocket_chain {
    WEBSOCKET_CHAIN_NO,
    WEBSOCKET_CHAIN_YES,
    WEBSOCKET_CHAIN_MORE, /* needs more bytes */
};

/* Whether frames of `sender` begin at data[0]. `last`: the stream ends behind the bytes. */
enum websocket_chain websocket_chain_check(enum websocket_sender sender, enum websocket_deflate deflate,
                                           const uint8_t *data, uint32_t size, bool last);

/* Who sent a stream picked up at data[0], by its masks; YES only where websocket_chain_check() says so. */
enum websocket_chain websocket_chain_find_sender(const uint8_t *data, uint32_t size, enum websocket_sender *sender_out);
