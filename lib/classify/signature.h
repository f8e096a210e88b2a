/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Signatures
 *
 * What the source files of classification share: the three answers a signature gives for the bytes seen so far, and the
 * signatures themselves, one for each protocol and side. A yes or no is never taken back when more bytes come.
 *
 * Memory:  none.
 * Threads: pure functions.
 * Limits:  CLASSIFY_BYTES_MAX bytes are offered at most.
 */

#include "classify/classify.h"

enum match { MATCH_NO, MATCH_YES, MATCH_MAYBE };

enum match classify_match_prefix(struct span data, struct span prefix);
enum match classify_match_any_prefix(struct span data, const char *const *prefixes, uint32_t count);

static inline uint32_t classify_read_16(const uint8_t *data)
{
    return (uint32_t)data[0] << 8 | data[1];
}

static inline uint32_t classify_read_32(const uint8_t *data)
{
    return classify_read_16(data) << 16 | classify_read_16(data + 2);
}

static inline bool classify_is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

enum match classify_match_http2_preface(struct span data);
enum match classify_match_http2_settings(struct span data);
enum match classify_match_http1_response(struct span data);
enum match classify_match_http1_request(struct span data);
enum match classify_match_tls(struct span data);
enum match classify_match_tls_data(struct span data);
enum match classify_match_amqp091(struct span data);
enum match classify_match_amqp091_start(struct span data);
enum match classify_match_amqp091_client(struct span data);
enum match classify_match_amqp091_server(struct span data);
enum match classify_match_amqp10(struct span data);
enum match classify_match_amqp10_tls(struct span data);
enum match classify_match_amqp10_sasl(struct span data);
enum match classify_match_amqp10_frame(struct span data);
enum match classify_match_ssh(struct span data);
enum match classify_match_smtp_greeting(struct span data);
enum match classify_match_ftp_greeting(struct span data);
enum match classify_match_any_greeting(struct span data);
enum match classify_match_smtp_client(struct span data);
enum match classify_match_pop3(struct span data);
enum match classify_match_imap(struct span data);
enum match classify_match_redis_client(struct span data);
enum match classify_match_redis_server(struct span data);
enum match classify_match_mqtt_client(struct span data);
enum match classify_match_postgresql_client(struct span data);
enum match classify_match_postgresql_server(struct span data);
enum match classify_match_mysql_server(struct span data);
enum match classify_match_kafka_client(struct span data);
