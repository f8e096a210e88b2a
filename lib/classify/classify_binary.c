/* SPDX-License-Identifier: Apache-2.0 */

/* Signatures of MQTT, PostgreSQL, MySQL and Kafka: lengths that agree with what they count. */

#include "classify/signature.h"

#define POSTGRESQL_STARTUP 10000u /* MAX_STARTUP_PACKET_LENGTH of the server */
#define MYSQL_GREETING_MIN 45u    /* fixed part of HandshakeV10 */
#define MYSQL_GREETING_MAX 1024u
#define KAFKA_HEADER       10u /* key, version, correlation id, length of the client id */
#define KAFKA_REQUEST_MAX  (1u << 24)
#define KAFKA_VERSION_MAX  20
#define KAFKA_CLIENT_MAX   255

/* CONNECT, remaining length, protocol name, level 3 to 5 */
enum match classify_match_mqtt_client(struct span data)
{
    static const char name_311[] = "\0\4MQTT", name_31[] = "\0\6MQIsdp";
    if (data.size > 0 && data.data[0] != 0x10)
        return MATCH_NO;
    uint32_t i = 1;
    while (i < data.size && i < 4 && data.data[i] & 0x80)
        i++;
    if (i >= data.size)
        return MATCH_MAYBE;
    if (data.data[i] & 0x80)
        return MATCH_NO;
    struct span rest = span_from(data, i + 1);
    enum match match = classify_match_prefix(rest, span_of(name_311, sizeof(name_311) - 1));
    uint32_t level_at = sizeof(name_311) - 1;
    if (match == MATCH_NO) {
        match = classify_match_prefix(rest, span_of(name_31, sizeof(name_31) - 1));
        level_at = sizeof(name_31) - 1;
    }
    if (match != MATCH_YES || rest.size <= level_at)
        return match == MATCH_NO ? MATCH_NO : MATCH_MAYBE;
    return rest.data[level_at] >= 3 && rest.data[level_at] <= 5 ? MATCH_YES : MATCH_NO;
}

/* Startup message 3.x, or one of the requests that precede it. */
enum match classify_match_postgresql_client(struct span data)
{
    if ((data.size > 0 && data.data[0] != 0) || (data.size > 1 && data.data[1] != 0))
        return MATCH_NO;
    if (data.size < 8)
        return MATCH_MAYBE;
    uint32_t size = classify_read_32(data.data), code = classify_read_32(data.data + 4);
    if (code == 80877103 || code == 80877104 || code == 80877102) /* SSL, GSSAPI encryption, cancel */
        return (code == 80877102 ? size >= 16 : size == 8) && size <= 256 + 12 ? MATCH_YES : MATCH_NO;
    if (code >> 16 != 3 || (code & 0xffff) > 2 || size < 9 || size > POSTGRESQL_STARTUP)
        return MATCH_NO;
    /* Names of parameters, or the end of the list. */
    if (data.size < 9)
        return MATCH_MAYBE;
    uint8_t first = ascii_lower(data.data[8]);
    return first == 0 || first == '_' || (first >= 'a' && first <= 'z') ? MATCH_YES : MATCH_NO;
}

/* Authentication request: 'R', length, kind */
enum match classify_match_postgresql_server(struct span data)
{
    static const uint8_t prefix[] = {'R', 0, 0};
    enum match match = classify_match_prefix(data, span_of(prefix, sizeof(prefix)));
    if (match != MATCH_YES || data.size < 9)
        return match == MATCH_NO ? MATCH_NO : MATCH_MAYBE;
    uint32_t size = classify_read_32(data.data + 1), kind = classify_read_32(data.data + 5);
    return size >= 8 && size <= 512 && kind <= 12 ? MATCH_YES : MATCH_NO;
}

/* Length (little endian), sequence 0, protocol 10, version "d.d" or "dd." */
enum match classify_match_mysql_server(struct span data)
{
    if ((data.size > 2 && data.data[2] != 0) || (data.size > 3 && data.data[3] != 0) ||
        (data.size > 4 && data.data[4] != 10))
        return MATCH_NO;
    if (data.size < 7)
        return MATCH_MAYBE;
    uint32_t size = (uint32_t)data.data[1] << 8 | data.data[0];
    bool version = classify_is_digit(data.data[5]) && (classify_is_digit(data.data[6]) || data.data[6] == '.');
    return version && size >= MYSQL_GREETING_MIN && size <= MYSQL_GREETING_MAX ? MATCH_YES : MATCH_NO;
}

/* What clients begin with: Produce, Fetch, Metadata, FindCoordinator, SaslHandshake, ApiVersions. */
static bool is_kafka_beginning(uint32_t key, uint32_t version)
{
    return (key == 0 || key == 1 || key == 3 || key == 10 || key == 17 || key == 18) && version <= KAFKA_VERSION_MAX;
}

enum match classify_match_kafka_client(struct span data)
{
    if (data.size > 0 && data.data[0] != 0)
        return MATCH_NO;
    if (data.size < 8)
        return MATCH_MAYBE;
    uint32_t size = classify_read_32(data.data);
    if (size > KAFKA_REQUEST_MAX ||
        !is_kafka_beginning(classify_read_16(data.data + 4), classify_read_16(data.data + 6)))
        return MATCH_NO;
    if (data.size < 4 + KAFKA_HEADER)
        return MATCH_MAYBE;
    uint32_t client = classify_read_16(data.data + 12);
    if (data.data[8] & 0x80 || client == 0 || client > KAFKA_CLIENT_MAX || size < KAFKA_HEADER + client)
        return MATCH_NO;
    struct span name = span_first(span_from(data, 4 + KAFKA_HEADER), client);
    for (uint32_t i = 0; i < name.size; i++)
        if (name.data[i] <= ' ' || name.data[i] >= 0x7f)
            return MATCH_NO;
    return name.size == client ? MATCH_YES : MATCH_MAYBE;
}
