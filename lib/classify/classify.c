/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Classification. Each signature answers no, yes or maybe for a prefix of the stream, and never takes a yes or no back
 * when the prefix grows. The answer is the first signature in the table that is not a no: so a maybe of an earlier one
 * waits, and the whole cannot change its mind either. The loose ones stand last.
 */

#include "classify/signature.h"

enum match classify_match_prefix(struct span data, struct span prefix)
{
    uint32_t size = min_u32(data.size, prefix.size);
    if (size > 0 && memcmp(data.data, prefix.data, size) != 0)
        return MATCH_NO;
    return data.size >= prefix.size ? MATCH_YES : MATCH_MAYBE;
}

enum match classify_match_any_prefix(struct span data, const char *const *prefixes, uint32_t count)
{
    enum match best = MATCH_NO;
    for (uint32_t i = 0; i < count && best != MATCH_YES; i++) {
        enum match match = classify_match_prefix(data, span_from_text(prefixes[i]));
        if (match != MATCH_NO)
            best = match;
    }
    return best;
}

#define CLIENT  (1u << CLASSIFY_FROM_CLIENT)
#define SERVER  (1u << CLASSIFY_FROM_SERVER)
#define MIDDLE  (1u << CLASSIFY_FROM_UNKNOWN)
#define ANYBODY (CLIENT | SERVER | MIDDLE)

struct signature {
    enum classify_protocol protocol;
    uint32_t directions;
    enum match (*match)(struct span data);
};

static const struct signature signatures[] = {
    {CLASSIFY_TLS, ANYBODY, classify_match_tls},
    {CLASSIFY_HTTP1_RESPONSE, SERVER | MIDDLE, classify_match_http1_response},
    {CLASSIFY_HTTP2_PREFACE, CLIENT | MIDDLE, classify_match_http2_preface},
    {CLASSIFY_HTTP2_SETTINGS, SERVER | MIDDLE, classify_match_http2_settings},
    {CLASSIFY_AMQP091, ANYBODY, classify_match_amqp091},
    {CLASSIFY_AMQP10, ANYBODY, classify_match_amqp10},
    {CLASSIFY_AMQP10_SASL, ANYBODY, classify_match_amqp10_sasl},
    {CLASSIFY_AMQP10_TLS, ANYBODY, classify_match_amqp10_tls},
    {CLASSIFY_AMQP091, SERVER, classify_match_amqp091_start},
    {CLASSIFY_AMQP091_SERVER, MIDDLE, classify_match_amqp091_start},
    {CLASSIFY_AMQP091, MIDDLE, classify_match_amqp091_client},
    {CLASSIFY_AMQP091_SERVER, MIDDLE, classify_match_amqp091_server},
    {CLASSIFY_AMQP10, MIDDLE, classify_match_amqp10_frame},
    {CLASSIFY_TLS, MIDDLE, classify_match_tls_data},
    {CLASSIFY_SSH, ANYBODY, classify_match_ssh},
    {CLASSIFY_SMTP, CLIENT | MIDDLE, classify_match_smtp_client},
    {CLASSIFY_SMTP, SERVER | MIDDLE, classify_match_smtp_greeting},
    {CLASSIFY_FTP, SERVER | MIDDLE, classify_match_ftp_greeting},
    {CLASSIFY_TEXT_GREETING, SERVER | MIDDLE, classify_match_any_greeting},
    {CLASSIFY_POP3, SERVER | MIDDLE, classify_match_pop3},
    {CLASSIFY_IMAP, SERVER | MIDDLE, classify_match_imap},
    {CLASSIFY_REDIS, CLIENT | MIDDLE, classify_match_redis_client},
    {CLASSIFY_REDIS, SERVER | MIDDLE, classify_match_redis_server},
    {CLASSIFY_MQTT, CLIENT | MIDDLE, classify_match_mqtt_client},
    {CLASSIFY_POSTGRESQL, CLIENT | MIDDLE, classify_match_postgresql_client},
    {CLASSIFY_POSTGRESQL, SERVER | MIDDLE, classify_match_postgresql_server},
    {CLASSIFY_MYSQL, SERVER | MIDDLE, classify_match_mysql_server},
    {CLASSIFY_KAFKA, CLIENT | MIDDLE, classify_match_kafka_client},
    {CLASSIFY_HTTP1_REQUEST, CLIENT | MIDDLE, classify_match_http1_request},
};

enum classify_protocol classify_stream(enum classify_direction direction, const uint8_t *data, uint32_t size)
{
    static const uint8_t nothing[1];
    struct span seen = span_of(data ? data : nothing, min_u32(size, CLASSIFY_BYTES_MAX));
    for (uint32_t i = 0; i < ARRAY_COUNT(signatures); i++) {
        if (!(signatures[i].directions & 1u << direction))
            continue;
        enum match match = signatures[i].match(seen);
        if (match == MATCH_YES)
            return signatures[i].protocol;
        if (match == MATCH_MAYBE && seen.size < CLASSIFY_BYTES_MAX)
            return CLASSIFY_MORE;
    }
    return CLASSIFY_UNKNOWN;
}

const char *classify_protocol_name(enum classify_protocol protocol)
{
    static const char *const names[CLASSIFY_PROTOCOL_COUNT] = {
        [CLASSIFY_MORE] = "more",
        [CLASSIFY_UNKNOWN] = "unknown",
        [CLASSIFY_HTTP1_REQUEST] = "http1_request",
        [CLASSIFY_HTTP1_RESPONSE] = "http1_response",
        [CLASSIFY_HTTP2_PREFACE] = "http2_preface",
        [CLASSIFY_HTTP2_SETTINGS] = "http2_settings",
        [CLASSIFY_TLS] = "tls",
        [CLASSIFY_AMQP091] = "amqp091",
        [CLASSIFY_AMQP091_SERVER] = "amqp091_server",
        [CLASSIFY_AMQP10] = "amqp10",
        [CLASSIFY_AMQP10_SASL] = "amqp10_sasl",
        [CLASSIFY_AMQP10_TLS] = "amqp10_tls",
        [CLASSIFY_SSH] = "ssh",
        [CLASSIFY_SMTP] = "smtp",
        [CLASSIFY_FTP] = "ftp",
        [CLASSIFY_POP3] = "pop3",
        [CLASSIFY_IMAP] = "imap",
        [CLASSIFY_MQTT] = "mqtt",
        [CLASSIFY_POSTGRESQL] = "postgresql",
        [CLASSIFY_MYSQL] = "mysql",
        [CLASSIFY_REDIS] = "redis",
        [CLASSIFY_KAFKA] = "kafka",
        [CLASSIFY_TEXT_GREETING] = "text_greeting",
    };
    require(protocol < CLASSIFY_PROTOCOL_COUNT);
    return names[protocol];
}
