/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Classification. Each signature answers no, yes or maybe for a prefix of the stream, and never takes a yes or no back
 * when the prefix grows. The answer is the first signature in the table that is not a no: so a maybe of an earlier one
 * waits, and the whole cannot change its mind either. The loose ones stand last.
 */

#include "classify/classify.h"

#define GREETING_MAX          512u   /* RFC 5321 4.5.3.1.5: a reply line */
#define LEADING_LINE_ENDS_MAX 4u     /* two empty lines before a request; more are not met */
#define BLANKS_MAX            4u     /* servers that split at blanks take any number; nobody needs more to try them */
#define TLS_RECORD_MAX        18432u /* 2^14 + 2048, RFC 5246 6.2.3 */
#define TLS_HANDSHAKE_MAX     131072u
#define AMQP_FRAME_MAX        131072u /* what common brokers negotiate; Connection.Start is a few hundred bytes */
#define AMQP_METHOD_MAX       1024u   /* of class basic: three names of 255 bytes and some numbers */
#define POSTGRESQL_STARTUP    10000u  /* MAX_STARTUP_PACKET_LENGTH of the server */
#define MYSQL_GREETING_MIN    45u     /* fixed part of HandshakeV10 */
#define MYSQL_GREETING_MAX    1024u
#define KAFKA_HEADER          10u /* key, version, correlation id, length of the client id */
#define KAFKA_REQUEST_MAX     (1u << 24)
#define KAFKA_VERSION_MAX     20
#define KAFKA_CLIENT_MAX      255
#define SETTINGS_MAX          192u /* 32 settings of 6 bytes; fewer than 10 are registered */

enum match { MATCH_NO, MATCH_YES, MATCH_MAYBE };

static enum match match_prefix(struct span data, struct span prefix)
{
    uint32_t size = min_u32(data.size, prefix.size);
    if (size > 0 && memcmp(data.data, prefix.data, size) != 0)
        return MATCH_NO;
    return data.size >= prefix.size ? MATCH_YES : MATCH_MAYBE;
}

static enum match match_any_prefix(struct span data, const char *const *prefixes, uint32_t count)
{
    enum match best = MATCH_NO;
    for (uint32_t i = 0; i < count && best != MATCH_YES; i++) {
        enum match match = match_prefix(data, span_from_text(prefixes[i]));
        if (match != MATCH_NO)
            best = match;
    }
    return best;
}

static uint32_t read_16(const uint8_t *data)
{
    return (uint32_t)data[0] << 8 | data[1];
}

static uint32_t read_32(const uint8_t *data)
{
    return read_16(data) << 16 | read_16(data + 2);
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* ---- HTTP ---- */

static enum match match_http2_preface(struct span data)
{
    return match_prefix(data, SPAN_LITERAL("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
}

/* length (a multiple of 6), type 4, no flags, stream 0 */
static enum match match_http2_settings(struct span data)
{
    static const uint8_t tail[] = {4, 0, 0, 0, 0, 0};
    if (data.size > 0 && data.data[0] != 0)
        return MATCH_NO;
    if (data.size > 1 && data.data[1] != 0)
        return MATCH_NO;
    if (data.size > 2 && (data.data[2] > SETTINGS_MAX || data.data[2] % 6 != 0))
        return MATCH_NO;
    return data.size > 3 ? match_prefix(span_from(data, 3), span_of(tail, sizeof(tail))) : MATCH_MAYBE;
}

static enum match match_http1_response(struct span data)
{
    static const char shape[] = "HTTP/1.# ###";
    uint32_t size = min_u32(data.size, sizeof(shape) - 1);
    for (uint32_t i = 0; i < size; i++)
        if (shape[i] == '#' ? !is_digit(data.data[i]) : data.data[i] != (uint8_t)shape[i])
            return MATCH_NO;
    return size == sizeof(shape) - 1 ? MATCH_YES : MATCH_MAYBE;
}

static bool is_token_byte(uint8_t c)
{
    uint8_t lower = ascii_lower(c);
    return is_digit(c) || (lower >= 'a' && lower <= 'z') || (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_known_method(struct span method)
{
    static const char *const methods[] = {"GET",  "POST",  "PUT",   "DELETE",   "PATCH",    "HEAD",
                                          "LOCK", "TRACE", "QUERY", "PROPFIND", "PROPPATCH"};
    for (uint32_t i = 0; i < ARRAY_COUNT(methods); i++)
        if (span_equal(method, span_from_text(methods[i])))
            return true;
    return false;
}

/* A path or an HTTP URI. What other text protocols put behind the same words is none. */
static enum match match_known_target(struct span target)
{
    static const char *const beginnings[] = {"/", "http://", "https://"};
    return match_any_prefix(target, beginnings, ARRAY_COUNT(beginnings));
}

/* target SP HTTP/1.d CR? LF */
static enum match match_request_rest(struct span rest)
{
    uint32_t i = 0;
    while (i < rest.size && rest.data[i] > ' ' && rest.data[i] != 0x7f)
        i++;
    if (i == rest.size)
        return MATCH_MAYBE;
    if (i == 0 || rest.data[i] != ' ')
        return MATCH_NO;
    struct span end = span_from(rest, i + 1);
    enum match version = match_prefix(end, SPAN_LITERAL("HTTP/1."));
    if (version != MATCH_YES || end.size == 7)
        return version == MATCH_NO ? MATCH_NO : MATCH_MAYBE;
    if (!is_digit(end.data[7]))
        return MATCH_NO;
    static const char *const line_ends[] = {"\r\n", "\n"};
    return match_any_prefix(span_from(end, 8), line_ends, ARRAY_COUNT(line_ends));
}

static uint32_t count_blanks(struct span text)
{
    uint32_t count = 0;
    while (count < text.size && count < BLANKS_MAX && (text.data[count] == ' ' || text.data[count] == '\t'))
        count++;
    return count;
}

static enum match match_http1_request(struct span data)
{
    uint32_t start = 0, limit = min_u32(data.size, LEADING_LINE_ENDS_MAX);
    while (start < limit && (data.data[start] == '\r' || data.data[start] == '\n'))
        start++;
    struct span line = span_from(data, start);
    line = span_from(line, count_blanks(line));
    uint32_t size = 0;
    while (size < line.size && size <= CLASSIFY_METHOD_MAX && is_token_byte(line.data[size]))
        size++;
    if (size > CLASSIFY_METHOD_MAX)
        return MATCH_NO;
    if (size == line.size)
        return MATCH_MAYBE;
    uint32_t blanks = count_blanks(span_from(line, size));
    if (size == 0 || blanks == 0)
        return MATCH_NO;
    /* More blanks than the one that is right are believed of known methods only. */
    struct span target = span_from(line, size + blanks);
    enum match known = is_known_method(span_first(line, size)) ? match_known_target(target) : MATCH_NO;
    bool plain = line.data == data.data + start && blanks == 1 && line.data[size] == ' ';
    return known == MATCH_NO && plain ? match_request_rest(target) : known;
}

/* ---- TLS ---- */

/* The first message of a handshake: ClientHello or ServerHello with a plausible length and version inside. */
static enum match match_tls_handshake(struct span message, uint32_t record_size)
{
    if (message.size > 0 && message.data[0] != 1 && message.data[0] != 2)
        return MATCH_NO;
    if (message.size < min_u32(record_size, 6))
        return MATCH_MAYBE;
    if (record_size >= 4 && (read_32(message.data) & 0xffffff) > TLS_HANDSHAKE_MAX)
        return MATCH_NO;
    return record_size < 6 || (message.data[4] == 3 && message.data[5] <= 4) ? MATCH_YES : MATCH_NO;
}

/* type 22 (or 21: an alert instead of a ServerHello), version 3.0 to 3.4, length */
static enum match match_tls(struct span data)
{
    if (data.size > 0 && data.data[0] != 22 && data.data[0] != 21)
        return MATCH_NO;
    if ((data.size > 1 && data.data[1] != 3) || (data.size > 2 && data.data[2] > 4))
        return MATCH_NO;
    if (data.size < 5)
        return MATCH_MAYBE;
    uint32_t size = read_16(data.data + 3);
    if (size == 0 || size > TLS_RECORD_MAX)
        return MATCH_NO;
    if (data.data[0] == 22)
        return match_tls_handshake(span_from(data, 5), size);
    if (size != 2)
        return MATCH_NO;
    if (data.size < 6)
        return MATCH_MAYBE;
    return data.data[5] == 1 || data.data[5] == 2 ? MATCH_YES : MATCH_NO;
}

/* Records met in the middle of a connection: application data of TLS 1.2 or 1.3. */
static enum match match_tls_data(struct span data)
{
    static const uint8_t prefix[] = {23, 3, 3};
    enum match match = match_prefix(data, span_of(prefix, sizeof(prefix)));
    if (match != MATCH_YES || data.size < 5)
        return match == MATCH_NO ? MATCH_NO : MATCH_MAYBE;
    uint32_t size = read_16(data.data + 3);
    /* The smallest record holds an authentication tag of 16 bytes and one byte more. */
    return size > 16 && size <= TLS_RECORD_MAX ? MATCH_YES : MATCH_NO;
}

/* ---- AMQP ---- */

static enum match match_amqp_header(struct span data, const uint8_t version[4])
{
    enum match match = match_prefix(data, SPAN_LITERAL("AMQP"));
    return match == MATCH_YES ? match_prefix(span_from(data, 4), span_of(version, 4)) : match;
}

static enum match match_amqp091(struct span data)
{
    static const uint8_t version[] = {0, 0, 9, 1};
    return match_amqp_header(data, version);
}

/* The server's first frame: method, channel 0, Connection.Start. */
static enum match match_amqp091_start(struct span data)
{
    static const uint8_t frame[] = {1, 0, 0}, method[] = {0, 10, 0, 10};
    enum match match = match_prefix(data, span_of(frame, sizeof(frame)));
    if (match != MATCH_YES || data.size < 7)
        return match == MATCH_NO ? MATCH_NO : MATCH_MAYBE;
    if (read_32(data.data + 3) < sizeof(method) || read_32(data.data + 3) > AMQP_FRAME_MAX)
        return MATCH_NO;
    return match_prefix(span_from(data, 7), span_of(method, sizeof(method)));
}

/* Methods of class basic that only the one side sends; content follows those above 30, but not get and get-empty. */
static bool is_amqp091_method(const uint8_t *method, bool server)
{
    static const uint8_t of_client[] = {10, 20, 40, 70, 90}, of_server[] = {21, 50, 60, 71, 72};
    const uint8_t *methods = server ? of_server : of_client;
    bool basic = method[0] == 0 && method[1] == 60 && method[2] == 0;
    return basic && memchr(methods, method[3], server ? sizeof(of_server) : sizeof(of_client)) != NULL;
}

/* The frame behind the first: of a content, its header on the same channel. */
static enum match match_amqp091_next(struct span data, const uint8_t *first)
{
    uint8_t method = first[10];
    bool content = method == 40 || method == 50 || method == 60 || method == 71;
    if (data.size > 0 && (content ? data.data[0] != 2 : !memchr("\1\3\10", data.data[0], 3)))
        return MATCH_NO;
    if (data.size < 7)
        return MATCH_MAYBE;
    if (content && memcmp(data.data + 1, first + 1, 2) != 0)
        return MATCH_NO;
    return read_32(data.data + 3) <= AMQP_FRAME_MAX ? MATCH_YES : MATCH_NO;
}

/* Met in the middle of a connection: a method frame with its end octet, and another frame behind it. */
static enum match match_amqp091_frame(struct span data, bool server)
{
    if (data.size > 0 && data.data[0] != 1)
        return MATCH_NO;
    if (data.size < 11)
        return MATCH_MAYBE;
    uint32_t size = read_32(data.data + 3);
    bool channel = data.data[1] != 0 || data.data[2] != 0;
    if (!channel || size < 4 || size > AMQP_METHOD_MAX || !is_amqp091_method(data.data + 7, server))
        return MATCH_NO;
    if (data.size < size + 8)
        return MATCH_MAYBE;
    return data.data[size + 7] == 0xce ? match_amqp091_next(span_from(data, size + 8), data.data) : MATCH_NO;
}

static enum match match_amqp091_client(struct span data)
{
    return match_amqp091_frame(data, false);
}

static enum match match_amqp091_server(struct span data)
{
    return match_amqp091_frame(data, true);
}

static enum match match_amqp10(struct span data)
{
    static const uint8_t version[] = {0, 1, 0, 0};
    return match_amqp_header(data, version);
}

static enum match match_amqp10_tls(struct span data)
{
    static const uint8_t version[] = {2, 1, 0, 0};
    return match_amqp_header(data, version);
}

static enum match match_amqp10_sasl(struct span data)
{
    static const uint8_t version[] = {3, 1, 0, 0};
    return match_amqp_header(data, version);
}

/* A frame header as all peers send it, and the descriptor of a performative: 0 to 3, 4 header, 8 to 10 descriptor. */
static bool is_amqp10_front(const uint8_t *data)
{
    return data[0] == 0 && data[4] == 2 && data[5] == 0 && data[8] == 0 && data[9] == 0x53 && data[10] >= 0x10 &&
           data[10] <= 0x18;
}

/*
 * Met in the middle of a connection: a transfer with a section of a message behind it, or a flow or disposition that
 * fills its frame, with another frame behind that.
 */
static enum match match_amqp10_frame(struct span data)
{
    static const uint8_t section[] = {0, 0x53};
    if ((data.size > 0 && data.data[0] != 0) || (data.size > 4 && data.data[4] != 2) ||
        (data.size > 5 && data.data[5] != 0))
        return MATCH_NO;
    if (data.size < 13)
        return MATCH_MAYBE;
    uint32_t size = read_32(data.data), end = 13u + data.data[12];
    bool transfer = data.data[10] == 0x14, small = data.data[10] == 0x13 || data.data[10] == 0x15;
    if (!is_amqp10_front(data.data) || data.data[11] != 0xc0 || !(transfer || small) || end > size ||
        (small && end != size))
        return MATCH_NO;
    if (data.size < end + (transfer ? 3 : 11))
        return MATCH_MAYBE;
    if (small)
        return is_amqp10_front(data.data + end) ? MATCH_YES : MATCH_NO;
    bool message = memcmp(data.data + end, section, 2) == 0 && data.data[end + 2] >= 0x70 && data.data[end + 2] <= 0x78;
    return message ? MATCH_YES : MATCH_NO;
}

/* ---- text protocols ---- */

static enum match match_ssh(struct span data)
{
    static const char *const banners[] = {"SSH-2.0-", "SSH-1.99-", "SSH-1.5-"};
    return match_any_prefix(data, banners, ARRAY_COUNT(banners));
}

static bool contains(struct span text, struct span word)
{
    for (uint32_t i = 0; i + word.size <= text.size; i++)
        if (span_equal_nocase(span_of(text.data + i, word.size), word))
            return true;
    return false;
}

/* "220 ..." or "220-..." whose first line names the protocol; `word` of size 0: any. */
static enum match match_220(struct span data, struct span word)
{
    static const char *const codes[] = {"220 ", "220-"};
    enum match match = match_any_prefix(data, codes, ARRAY_COUNT(codes));
    if (match != MATCH_YES)
        return match;
    struct span line = span_first(data, GREETING_MAX);
    const uint8_t *end = memchr(line.data, '\n', line.size);
    if (!end && line.size < GREETING_MAX)
        return MATCH_MAYBE;
    if (end)
        line.size = (uint32_t)(end - line.data);
    return contains(line, word) ? MATCH_YES : MATCH_NO;
}

static enum match match_smtp_greeting(struct span data)
{
    return match_220(data, SPAN_LITERAL("SMTP"));
}

static enum match match_ftp_greeting(struct span data)
{
    return match_220(data, SPAN_LITERAL("FTP"));
}

static enum match match_any_greeting(struct span data)
{
    return match_220(data, SPAN_LITERAL(""));
}

static enum match match_smtp_client(struct span data)
{
    static const char *const commands[] = {"EHLO ", "HELO ", "LHLO ", "ehlo ", "helo ", "lhlo "};
    return match_any_prefix(data, commands, ARRAY_COUNT(commands));
}

/* A greeting has a text; "+OK" alone is an answer of Redis. */
static enum match match_pop3(struct span data)
{
    return match_prefix(data, SPAN_LITERAL("+OK "));
}

static enum match match_imap(struct span data)
{
    static const char *const greetings[] = {"* OK ", "* OK\r\n", "* PREAUTH ", "* BYE "};
    return match_any_prefix(data, greetings, ARRAY_COUNT(greetings));
}

/* One marker, digits, CR LF; the size of it is left in *size_out. */
static enum match match_resp_count(struct span data, uint8_t marker, uint32_t *size_out)
{
    if (data.size > 0 && data.data[0] != marker)
        return MATCH_NO;
    uint32_t i = 1;
    while (i < data.size && i < 10 && is_digit(data.data[i]))
        i++;
    if (i >= data.size)
        return MATCH_MAYBE;
    *size_out = i + 2;
    return i > 1 ? match_prefix(span_from(data, i), SPAN_LITERAL("\r\n")) : MATCH_NO;
}

/* An array of bulk strings: every client library sends its commands so. */
static enum match match_redis_client(struct span data)
{
    uint32_t size;
    enum match match = match_resp_count(data, '*', &size);
    return match == MATCH_YES ? match_resp_count(span_from(data, size), '$', &size) : match;
}

static enum match match_redis_server(struct span data)
{
    static const char *const answers[] = {"+OK\r\n", "+PONG\r\n", "-NOAUTH ", "-WRONGPASS "};
    return match_any_prefix(data, answers, ARRAY_COUNT(answers));
}

/* ---- binary protocols ---- */

/* CONNECT, remaining length, protocol name, level 3 to 5 */
static enum match match_mqtt_client(struct span data)
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
    enum match match = match_prefix(rest, span_of(name_311, sizeof(name_311) - 1));
    uint32_t level_at = sizeof(name_311) - 1;
    if (match == MATCH_NO) {
        match = match_prefix(rest, span_of(name_31, sizeof(name_31) - 1));
        level_at = sizeof(name_31) - 1;
    }
    if (match != MATCH_YES || rest.size <= level_at)
        return match == MATCH_NO ? MATCH_NO : MATCH_MAYBE;
    return rest.data[level_at] >= 3 && rest.data[level_at] <= 5 ? MATCH_YES : MATCH_NO;
}

/* Startup message 3.x, or one of the requests that precede it. */
static enum match match_postgresql_client(struct span data)
{
    if ((data.size > 0 && data.data[0] != 0) || (data.size > 1 && data.data[1] != 0))
        return MATCH_NO;
    if (data.size < 8)
        return MATCH_MAYBE;
    uint32_t size = read_32(data.data), code = read_32(data.data + 4);
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
static enum match match_postgresql_server(struct span data)
{
    static const uint8_t prefix[] = {'R', 0, 0};
    enum match match = match_prefix(data, span_of(prefix, sizeof(prefix)));
    if (match != MATCH_YES || data.size < 9)
        return match == MATCH_NO ? MATCH_NO : MATCH_MAYBE;
    uint32_t size = read_32(data.data + 1), kind = read_32(data.data + 5);
    return size >= 8 && size <= 512 && kind <= 12 ? MATCH_YES : MATCH_NO;
}

/* Length (little endian), sequence 0, protocol 10, version "d.d" or "dd." */
static enum match match_mysql_server(struct span data)
{
    if ((data.size > 2 && data.data[2] != 0) || (data.size > 3 && data.data[3] != 0) ||
        (data.size > 4 && data.data[4] != 10))
        return MATCH_NO;
    if (data.size < 7)
        return MATCH_MAYBE;
    uint32_t size = (uint32_t)data.data[1] << 8 | data.data[0];
    bool version = is_digit(data.data[5]) && (is_digit(data.data[6]) || data.data[6] == '.');
    return version && size >= MYSQL_GREETING_MIN && size <= MYSQL_GREETING_MAX ? MATCH_YES : MATCH_NO;
}

/* What clients begin with: Produce, Fetch, Metadata, FindCoordinator, SaslHandshake, ApiVersions. */
static bool is_kafka_beginning(uint32_t key, uint32_t version)
{
    return (key == 0 || key == 1 || key == 3 || key == 10 || key == 17 || key == 18) && version <= KAFKA_VERSION_MAX;
}

static enum match match_kafka_client(struct span data)
{
    if (data.size > 0 && data.data[0] != 0)
        return MATCH_NO;
    if (data.size < 8)
        return MATCH_MAYBE;
    uint32_t size = read_32(data.data);
    if (size > KAFKA_REQUEST_MAX || !is_kafka_beginning(read_16(data.data + 4), read_16(data.data + 6)))
        return MATCH_NO;
    if (data.size < 4 + KAFKA_HEADER)
        return MATCH_MAYBE;
    uint32_t client = read_16(data.data + 12);
    if (data.data[8] & 0x80 || client == 0 || client > KAFKA_CLIENT_MAX || size < KAFKA_HEADER + client)
        return MATCH_NO;
    struct span name = span_first(span_from(data, 4 + KAFKA_HEADER), client);
    for (uint32_t i = 0; i < name.size; i++)
        if (name.data[i] <= ' ' || name.data[i] >= 0x7f)
            return MATCH_NO;
    return name.size == client ? MATCH_YES : MATCH_MAYBE;
}

/* ---- the table ---- */

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
    {CLASSIFY_TLS, ANYBODY, match_tls},
    {CLASSIFY_HTTP1_RESPONSE, SERVER | MIDDLE, match_http1_response},
    {CLASSIFY_HTTP2_PREFACE, CLIENT | MIDDLE, match_http2_preface},
    {CLASSIFY_HTTP2_SETTINGS, SERVER | MIDDLE, match_http2_settings},
    {CLASSIFY_AMQP091, ANYBODY, match_amqp091},
    {CLASSIFY_AMQP10, ANYBODY, match_amqp10},
    {CLASSIFY_AMQP10_SASL, ANYBODY, match_amqp10_sasl},
    {CLASSIFY_AMQP10_TLS, ANYBODY, match_amqp10_tls},
    {CLASSIFY_AMQP091, SERVER, match_amqp091_start},
    {CLASSIFY_AMQP091_SERVER, MIDDLE, match_amqp091_start},
    {CLASSIFY_AMQP091, MIDDLE, match_amqp091_client},
    {CLASSIFY_AMQP091_SERVER, MIDDLE, match_amqp091_server},
    {CLASSIFY_AMQP10, MIDDLE, match_amqp10_frame},
    {CLASSIFY_TLS, MIDDLE, match_tls_data},
    {CLASSIFY_SSH, ANYBODY, match_ssh},
    {CLASSIFY_SMTP, CLIENT | MIDDLE, match_smtp_client},
    {CLASSIFY_SMTP, SERVER | MIDDLE, match_smtp_greeting},
    {CLASSIFY_FTP, SERVER | MIDDLE, match_ftp_greeting},
    {CLASSIFY_TEXT_GREETING, SERVER | MIDDLE, match_any_greeting},
    {CLASSIFY_POP3, SERVER | MIDDLE, match_pop3},
    {CLASSIFY_IMAP, SERVER | MIDDLE, match_imap},
    {CLASSIFY_REDIS, CLIENT | MIDDLE, match_redis_client},
    {CLASSIFY_REDIS, SERVER | MIDDLE, match_redis_server},
    {CLASSIFY_MQTT, CLIENT | MIDDLE, match_mqtt_client},
    {CLASSIFY_POSTGRESQL, CLIENT | MIDDLE, match_postgresql_client},
    {CLASSIFY_POSTGRESQL, SERVER | MIDDLE, match_postgresql_server},
    {CLASSIFY_MYSQL, SERVER | MIDDLE, match_mysql_server},
    {CLASSIFY_KAFKA, CLIENT | MIDDLE, match_kafka_client},
    {CLASSIFY_HTTP1_REQUEST, CLIENT | MIDDLE, match_http1_request},
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
