/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * WebSocket handshake
 *
 * What the two heads of an opening handshake agree on (RFC 6455 4, RFC 7692 7.1; over HTTP/2 RFC 8441 5), and what is
 * wrong with them. Works on the transaction of the handshake, once both of its heads are there.
 *
 * Reading:  the response decides, as both ends go by it: an extension that was not offered is an anomaly and holds all
 *           the same. A subprotocol is compared with its case (RFC 6455 4.1), an extension's name as well.
 * Threads:  pure functions.
 * Limits:   WEBSOCKET_EXTENSIONS_MAX, WEBSOCKET_PARAMETERS_MAX; beyond them nothing is claimed about offers.
 */

#include "proto/websocket.h"
#include "transaction/transaction.h"

#define WEBSOCKET_ACCEPT_SIZE    28u /* a SHA-1 digest in base64 */
#define WEBSOCKET_EXTENSIONS_MAX 16u /* of one head; browsers offer one or two */
#define WEBSOCKET_PARAMETERS_MAX 16u /* of one extension; permessage-deflate has four */
#define WEBSOCKET_WINDOW_BITS    15u /* RFC 7692 7.1.2: without a parameter */
#define WEBSOCKET_VERSION        "13"

/* What holds for one sender's messages. */
struct websocket_compression {
    uint8_t window_bits; /* 8 to 15 */
    bool takeover;       /* a message may refer to those before it */
};

struct websocket_agreement {
    uint64_t anomalies; /* of the response */
    uint8_t deflate;    /* enum websocket_deflate */
    bool foreign;       /* an extension that is not known here holds: payloads may be anything */
    struct websocket_compression compression[2]; /* by enum websocket_sender */
};

/* The Upgrade header asks for, or agrees to, WebSocket (RFC 6455 4.2.1). */
bool websocket_upgrade_asked(struct span upgrade);

void websocket_handshake_check(const struct transaction *handshake, struct websocket_agreement *agreement_out);

/* The handshake was not seen: nothing is agreed on and nothing is excluded. */
void websocket_agreement_unknown(struct websocket_agreement *agreement_out);

/* Sec-WebSocket-Accept of a Sec-WebSocket-Key (RFC 6455 4.2.2), not terminated. False: an empty key, or a far too long
 * one. */
bool websocket_accept_write(struct span key, char accept_out[WEBSOCKET_ACCEPT_SIZE]);
