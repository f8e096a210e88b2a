/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Classification
 *
 * Which protocol a TCP stream speaks, from the first bytes of one direction. Signatures only: a port number is no
 * evidence. An answer other than MORE never changes when more bytes are offered, so it does not depend on how the
 * stream was cut.
 *
 * Memory:  none.
 * Threads: pure functions.
 * Limits:  looks at CLASSIFY_BYTES_MAX bytes at most; with so many the answer is never MORE.
 * Source:  RFC 9112 2.1, RFC 9113 3.4, RFC 8446 5.1, AMQP 0-9-1 4.2.2, AMQP 1.0 2.2 and 5.3.2, RFC 4253 4.2, RFC
 * 5321 4.2, RFC 959, RFC 1939, RFC 9051, MQTT 3.1.1/5.0 3.1, PostgreSQL 55.2.1, MySQL Protocol::HandshakeV10, RESP,
 * Kafka.
 */

#include "base/span.h"

#define CLASSIFY_BYTES_MAX  2048u /* a whole request line of an unknown method; longer ones are rare on APIs */
#define CLASSIFY_METHOD_MAX 32u   /* the longest registered method has 17 letters */

enum classify_direction {
    CLASSIFY_FROM_CLIENT,
    CLASSIFY_FROM_SERVER,
    CLASSIFY_FROM_UNKNOWN, /* the beginning of the connection was not seen: either */
};

enum classify_protocol {
    CLASSIFY_MORE,    /* not yet decided; offer again with more bytes */
    CLASSIFY_UNKNOWN, /* none of these */
    CLASSIFY_HTTP1_REQUEST,
    CLASSIFY_HTTP1_RESPONSE,
    CLASSIFY_HTTP2_PREFACE, /* of the client; the server's first frame is CLASSIFY_HTTP2_SETTINGS */
    CLASSIFY_HTTP2_SETTINGS,
    CLASSIFY_TLS,
    CLASSIFY_AMQP091,
    CLASSIFY_AMQP091_SERVER, /* where the direction is unknown: what only a server sends */
    CLASSIFY_AMQP10,
    CLASSIFY_AMQP10_SASL,
    CLASSIFY_AMQP10_TLS,
    CLASSIFY_SSH,
    CLASSIFY_SMTP,
    CLASSIFY_FTP,
    CLASSIFY_POP3,
    CLASSIFY_IMAP,
    CLASSIFY_MQTT,
    CLASSIFY_POSTGRESQL,
    CLASSIFY_MYSQL,
    CLASSIFY_REDIS,
    CLASSIFY_KAFKA,
    CLASSIFY_TEXT_GREETING, /* "220 ..." or the like that fits several of the mail and file protocols */
    CLASSIFY_PROTOCOL_COUNT
};

/* `data` begins with the first byte of the direction (UNKNOWN: anywhere). NULL only with size 0. */
enum classify_protocol classify_stream(enum classify_direction direction, const uint8_t *data, uint32_t size);

/* "http1_request", "tls" ... never NULL. */
const char *classify_protocol_name(enum classify_protocol protocol);
