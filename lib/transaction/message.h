/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Message
 *
 * Where a message travelled, for protocols that carry messages rather than calls: the broker's names, which the
 * registry looks operations up by. All empty (data NULL) for plain HTTP calls.
 *
 *   AMQP 0-9-1  exchange ("" is the default exchange: data not NULL, size 0), routing_key, queue, virtual_host
 *   AMQP 1.0    address (of the link's target where the client sends, of its source where it receives), virtual_host
 *               (the hostname of the open frame)
 *   WebSocket   nothing: call.path is the handshake's target, call.host its authority; from_server says the direction
 *
 * Memory:  texts in the transaction's store.
 * Limits:  what finds no room there is {NULL, 0} and the call CALL_TRUNCATED; then nothing is looked up.
 */

#include "base/span.h"

/* What a transaction of a message protocol is, as far as the registry is concerned. */
enum message_kind {
    MESSAGE_NONE,    /* no message: a plain call, or a method that opens, declares or closes something */
    MESSAGE_PUBLISH, /* content that the client gives to the broker; WebSocket: data to the server */
    MESSAGE_DELIVER, /* content that the client gets from the broker; WebSocket: data to the client */
    MESSAGE_REPLY,   /* content to or from a reply-to or direct-reply queue: belongs to the request, never a shadow */
    MESSAGE_CONSUME, /* no content yet: the client asks for what a queue or address holds */
    MESSAGE_KIND_COUNT
};

struct message {
    struct span exchange;
    struct span routing_key;
    struct span queue; /* consumed from, or bound; data NULL: not known */
    struct span address;
    struct span virtual_host; /* data NULL: the connection's opening was not seen */
    struct span content_type; /* of the content, without being believed; data NULL: none sent */
    struct span reply_to;     /* where the sender expects an answer; data NULL: none */
    uint8_t kind;             /* enum message_kind */
    bool from_server;
};
