/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Framing of HTTP/1 messages. Everything odd is kept as an anomaly, because two receivers that read the same oddity
 * differently are what request smuggling needs; then the reading that http1.h promises is chosen.
 */

#include "proto/http1_framing.h"

#include "proto/http_text.h"

#define LENGTH_MAX          ((uint64_t)INT64_MAX) /* signed 64-bit counters of receivers end here */
#define LENGTH_PLAIN_DIGITS 18u                   /* always below LENGTH_MAX */
#define CHUNK_DIGITS_MAX    16u                   /* digits of 64 bits; more are leading zeros beyond any reason */
#define HOST_COUNT_MAX      2u                    /* one is right, more than one is all that has to be known */

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool contains_chunk(struct span text)
{
    for (uint32_t i = 0; i + 5 <= text.size; i++)
        if (span_equal_nocase(span_of(text.data + i, 5), SPAN_LITERAL("chunk")))
            return true;
    return false;
}

/* Codings of RFC 9112 7; what is none of them some refuse and others ignore, together with the chunked beside it. */
static bool is_registered_coding(struct span name)
{
    static const char *const names[] = {"chunked", "gzip", "x-gzip", "deflate", "compress", "x-compress", "trailers"};
    return span_is_one_of(name, names, ARRAY_COUNT(names));
}

/* One transfer coding: chunked, something that some take for chunked, or another one. */
static void add_coding(struct http1 *parser, struct span coding, uint64_t *anomalies)
{
    bool again = (parser->head & HTTP1_HEAD_CHUNKED) != 0;
    uint32_t name_size = 0, next = 0;
    while (name_size < coding.size && coding.data[name_size] != ';' && !is_blank(coding.data[name_size]))
        name_size++;
    for (next = name_size; next < coding.size && is_blank(coding.data[next]);)
        next++;
    parser->head &= (uint16_t)~HTTP1_HEAD_CHUNKED_LAST;
    bool alone = next == coding.size || coding.data[next] == ';';
    if (alone && span_equal_nocase(span_first(coding, name_size), SPAN_LITERAL("chunked"))) {
        parser->head |= HTTP1_HEAD_CHUNKED | HTTP1_HEAD_CHUNKED_LAST;
        if (again || name_size != coding.size)
            *anomalies |= ANOMALY_BIT(ANOMALY_ENCODING_OBFUSCATED);
    } else if (contains_chunk(coding) || !is_registered_coding(span_first(coding, name_size))) {
        *anomalies |= ANOMALY_BIT(ANOMALY_ENCODING_OBFUSCATED);
    }
}

/* An empty element in front or behind: some read the list without it, some refuse it, some see an empty value. */
static bool has_empty_end(struct span value)
{
    return value.size && (value.data[0] == ',' || value.data[value.size - 1] == ',');
}

/* Right by the letter, but no client writes so, and receivers are known that do not know the coding then. */
static bool is_unusual(struct span line, struct span value)
{
    bool upper = false;
    for (uint32_t i = 0; i < value.size; i++)
        upper = upper || (value.data[i] >= 'A' && value.data[i] <= 'Z');
    return upper || (line.size && memchr(line.data, '\t', line.size));
}

static void add_encoding(struct http1 *parser, struct span line, struct http1_item *item)
{
    const uint64_t doubtful = ANOMALY_BIT(ANOMALY_SPACE_BEFORE_COLON) | ANOMALY_BIT(ANOMALY_OBS_FOLD) |
                              ANOMALY_BIT(ANOMALY_HEADER_VALUE) | ANOMALY_BIT(ANOMALY_NUL) |
                              ANOMALY_BIT(ANOMALY_BARE_CR);
    struct span rest = item->header.value, coding;
    uint32_t count = 0;
    for (; http_list_next(&rest, &coding); count++)
        add_coding(parser, coding, &item->anomalies);
    bool unusual = parser->kind == HTTP1_REQUESTS && is_unusual(line, item->header.value);
    /* Some take the first of several headers, some the last, some join them. */
    bool again = (parser->head & HTTP1_HEAD_ENCODING) != 0;
    if (count == 0 || has_empty_end(item->header.value) || unusual || again || (item->anomalies & doubtful))
        item->anomalies |= ANOMALY_BIT(ANOMALY_ENCODING_OBFUSCATED);
    parser->head |= HTTP1_HEAD_ENCODING;
}

/* As strtoull() reads: an optional '+', then digits. False without digits or when too large. */
static bool read_length(struct span text, uint64_t *length_out, uint64_t *anomalies)
{
    uint64_t length = 0;
    uint32_t start = text.size && text.data[0] == '+' ? 1 : 0, i = start;
    bool fits = true;
    for (; fits && i < text.size && text.data[i] >= '0' && text.data[i] <= '9'; i++) {
        uint64_t digit = (uint64_t)(text.data[i] - '0');
        fits = length <= (LENGTH_MAX - digit) / 10;
        length = length * 10 + digit;
    }
    /* "010" is ten, or eight where a leading zero means octal. */
    bool octal = text.size > start + 1 && text.data[start] == '0';
    if (start > 0 || i != text.size || i == start || !fits || octal)
        *anomalies |= ANOMALY_BIT(ANOMALY_LENGTH_MALFORMED);
    *length_out = length;
    return i > start && fits;
}

/* One number and nothing else, as nearly all send it. */
static bool is_plain_length(struct span value)
{
    if (value.size == 0 || value.size > LENGTH_PLAIN_DIGITS || value.data[0] == '0')
        return false;
    for (uint32_t i = 0; i < value.size; i++)
        if (value.data[i] < '0' || value.data[i] > '9')
            return false;
    return true;
}

static void add_length(struct http1 *parser, struct http1_item *item)
{
    struct span rest = item->header.value, element;
    uint32_t count = 0;
    if (likely(!(parser->head & HTTP1_HEAD_LENGTH) && is_plain_length(rest))) {
        (void)read_length(rest, &parser->length, &item->anomalies);
        parser->head |= HTTP1_HEAD_LENGTH | HTTP1_HEAD_LENGTH_ANY;
        return;
    }
    for (; http_list_next(&rest, &element); count++) {
        uint64_t length;
        if (!read_length(element, &length, &item->anomalies))
            continue;
        if (!(parser->head & HTTP1_HEAD_LENGTH))
            parser->length = length;
        else if (parser->length == length)
            item->anomalies |= ANOMALY_BIT(ANOMALY_LENGTH_REPEATED);
        else
            item->anomalies |= ANOMALY_BIT(ANOMALY_LENGTH_CONFLICT);
        parser->head |= HTTP1_HEAD_LENGTH;
    }
    if (count == 0 || has_empty_end(item->header.value))
        item->anomalies |= ANOMALY_BIT(ANOMALY_LENGTH_MALFORMED);
    parser->head |= HTTP1_HEAD_LENGTH_ANY;
}

/* What an option of a request names a proxy takes away: it and the server behind it then frame by different heads. */
static uint64_t judge_option(struct span option)
{
    switch (header_id_find(option)) {
    case HEADER_CONTENT_LENGTH:
        return ANOMALY_BIT(ANOMALY_LENGTH_MALFORMED);
    case HEADER_TRANSFER_ENCODING:
        return ANOMALY_BIT(ANOMALY_ENCODING_OBFUSCATED);
    case HEADER_HOST:
        return ANOMALY_BIT(ANOMALY_HOST_INVALID);
    default:
        return 0;
    }
}

static void add_connection(struct http1 *parser, struct http1_item *item)
{
    struct span value = item->header.value, option;
    while (http_list_next(&value, &option)) {
        if (span_equal_nocase(option, SPAN_LITERAL("close")))
            parser->head |= HTTP1_HEAD_CLOSE;
        else if (span_equal_nocase(option, SPAN_LITERAL("keep-alive")))
            parser->head |= HTTP1_HEAD_KEEP_ALIVE;
        else if (parser->kind == HTTP1_REQUESTS)
            item->anomalies |= judge_option(option);
    }
}

static void add_host(struct http1 *parser, struct http1_item *item)
{
    if (parser->host_count < HOST_COUNT_MAX)
        parser->host_count++;
    if (parser->host_count > 1)
        item->anomalies |= ANOMALY_BIT(ANOMALY_HOST_REPEATED);
    /* An empty Host is right where the target has no authority (RFC 9112 3.2). */
    if (item->header.value.size && !http_authority_parse(item->header.value).valid)
        item->anomalies |= ANOMALY_BIT(ANOMALY_HOST_INVALID);
}

/* Some wait for the content of any expectation, some only for that of the one there is, some refuse all others. */
static void add_expect(const struct http1 *parser, struct http1_item *item)
{
    if (parser->kind == HTTP1_REQUESTS && !span_equal_nocase(item->header.value, SPAN_LITERAL("100-continue")))
        item->anomalies |= ANOMALY_BIT(ANOMALY_HEADER_VALUE);
}

void http1_framing_add_header(struct http1 *parser, struct span line, struct http1_item *item)
{
    switch (item->header.id) {
    case HEADER_TRANSFER_ENCODING:
        add_encoding(parser, line, item);
        break;
    case HEADER_CONTENT_LENGTH:
        add_length(parser, item);
        break;
    case HEADER_CONNECTION:
        add_connection(parser, item);
        break;
    case HEADER_HOST:
        if (parser->kind == HTTP1_REQUESTS)
            add_host(parser, item);
        break;
    case HEADER_EXPECT:
        add_expect(parser, item);
        break;
    case HEADER_UPGRADE:
        parser->head |= HTTP1_HEAD_UPGRADE;
        break;
    default:
        break;
    }
}

/* Is it, but for bytes that are no letters, the name? Gateways that turn '-' into '_' and back make it one. */
static bool resembles(struct span name, const char *letters)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < name.size; i++) {
        uint8_t c = ascii_lower(name.data[i]);
        if (c < 'a' || c > 'z')
            continue;
        if (letters[at] != (char)c)
            return false;
        at++;
    }
    return letters[at] == 0;
}

void http1_framing_judge_name(struct http1_item *item)
{
    struct span name = item->header.name;
    if (name.size == 0)
        name = item->header.value;
    if (resembles(name, "transferencoding") || resembles(name, "transferencodingchunked"))
        item->anomalies |= ANOMALY_BIT(ANOMALY_ENCODING_OBFUSCATED);
    else if (resembles(name, "contentlength"))
        item->anomalies |= ANOMALY_BIT(ANOMALY_LENGTH_MALFORMED);
}

/* What decides who is asked, who asks, how the content is read or what caches keep: recipients that merge trailers into
 * the head then decide by other values than those that do not. */
#define FORBIDDEN_TRAILERS                                                                                             \
    (HEADER_BIT(HEADER_ACCESS_CONTROL_ALLOW_CREDENTIALS) | HEADER_BIT(HEADER_ACCESS_CONTROL_ALLOW_ORIGIN) |            \
     HEADER_BIT(HEADER_API_KEY) | HEADER_BIT(HEADER_AUTHORIZATION) | HEADER_BIT(HEADER_CACHE_CONTROL) |                \
     HEADER_BIT(HEADER_CONNECTION) | HEADER_BIT(HEADER_CONTENT_ENCODING) | HEADER_BIT(HEADER_CONTENT_TYPE) |           \
     HEADER_BIT(HEADER_COOKIE) | HEADER_BIT(HEADER_EXPECT) | HEADER_BIT(HEADER_FORWARDED) |                            \
     HEADER_BIT(HEADER_LOCATION) | HEADER_BIT(HEADER_PROXY_AUTHORIZATION) | HEADER_BIT(HEADER_SET_COOKIE) |            \
     HEADER_BIT(HEADER_STRICT_TRANSPORT_SECURITY) | HEADER_BIT(HEADER_UPGRADE) | HEADER_BIT(HEADER_WWW_AUTHENTICATE) | \
     HEADER_BIT(HEADER_X_API_KEY) | HEADER_BIT(HEADER_X_FORWARDED_CLIENT_CERT) | HEADER_BIT(HEADER_X_FORWARDED_FOR) |  \
     HEADER_BIT(HEADER_X_FORWARDED_HOST) | HEADER_BIT(HEADER_X_FORWARDED_PROTO) |                                      \
     HEADER_BIT(HEADER_X_HTTP_METHOD_OVERRIDE) | HEADER_BIT(HEADER_X_REAL_IP))

void http1_framing_judge_trailer(struct http1_item *item)
{
    if (HEADER_BIT(item->header.id) & FORBIDDEN_TRAILERS)
        item->anomalies |= ANOMALY_BIT(ANOMALY_HEADER_MISPLACED);
    if (item->header.id == HEADER_TRANSFER_ENCODING)
        item->anomalies |= ANOMALY_BIT(ANOMALY_ENCODING_OBFUSCATED);
    else if (item->header.id == HEADER_CONTENT_LENGTH)
        item->anomalies |= ANOMALY_BIT(ANOMALY_LENGTH_MALFORMED);
    else if (item->header.id == HEADER_HOST)
        item->anomalies |= ANOMALY_BIT(ANOMALY_HOST_REPEATED);
}

/* No body whatever the head says: RFC 9112 6.3, cases 1 and 2, and CONNECT (RFC 9110 9.3.6). */
static bool is_bodiless(const struct http1 *parser, enum http1_framing *framing_out)
{
    bool connect = parser->method == HTTP1_METHOD_CONNECT;
    *framing_out = HTTP1_FRAMING_NONE;
    if (parser->kind != HTTP1_RESPONSES)
        return connect;
    if (parser->status == 101 || (connect && parser->status >= 200 && parser->status < 300))
        *framing_out = HTTP1_FRAMING_TUNNEL;
    return *framing_out == HTTP1_FRAMING_TUNNEL || parser->method == HTTP1_METHOD_HEAD || parser->status < 200 ||
           parser->status == 204 || parser->status == 304;
}

/* Cases 3 to 8 of RFC 9112 6.3, and the readings of http1.h where that asks to refuse. */
static enum http1_framing frame_body(const struct http1 *parser)
{
    bool response = parser->kind == HTTP1_RESPONSES;
    if (parser->head & HTTP1_HEAD_CHUNKED_LAST)
        return HTTP1_FRAMING_CHUNKED;
    if (parser->head & HTTP1_HEAD_CHUNKED)
        return response ? HTTP1_FRAMING_UNTIL_CLOSE : HTTP1_FRAMING_CHUNKED;
    if (parser->head & HTTP1_HEAD_LENGTH)
        return HTTP1_FRAMING_LENGTH;
    return response ? HTTP1_FRAMING_UNTIL_CLOSE : HTTP1_FRAMING_NONE;
}

static uint64_t judge_head(const struct http1 *parser, bool bodiless)
{
    uint64_t anomalies = 0;
    bool encoding = (parser->head & HTTP1_HEAD_ENCODING) != 0;
    if (encoding && (parser->head & HTTP1_HEAD_LENGTH_ANY))
        anomalies |= ANOMALY_BIT(ANOMALY_LENGTH_AND_CHUNKED);
    if (encoding && !(parser->head & HTTP1_HEAD_CHUNKED_LAST))
        anomalies |= ANOMALY_BIT(ANOMALY_ENCODING_NOT_FINAL);
    if (encoding && parser->version_minor == 0)
        anomalies |= ANOMALY_BIT(ANOMALY_ENCODING_IN_1_0);
    if (parser->kind == HTTP1_REQUESTS && parser->version_minor > 0 && parser->host_count == 0)
        anomalies |= ANOMALY_BIT(ANOMALY_HOST_MISSING);
    /* 304 and answers to HEAD may announce what a GET would have got; others may not (RFC 9110 8.6, RFC 9112 6.1). */
    bool length = (parser->head & HTTP1_HEAD_LENGTH) != 0 && parser->length > 0;
    bool silent = parser->kind == HTTP1_REQUESTS || parser->status < 200 || parser->status == 204;
    if (bodiless && silent && (encoding || length))
        anomalies |= ANOMALY_BIT(ANOMALY_BODY_ON_BODILESS);
    return anomalies;
}

void http1_framing_decide(const struct http1 *parser, struct http1_item *item_out)
{
    enum http1_framing framing;
    bool bodiless = is_bodiless(parser, &framing);
    if (!bodiless)
        framing = frame_body(parser);
    bool close = (parser->head & HTTP1_HEAD_CLOSE) != 0 ||
                 (parser->version_minor == 0 && !(parser->head & HTTP1_HEAD_KEEP_ALIVE));
    item_out->kind = HTTP1_HEAD_END;
    item_out->anomalies |= judge_head(parser, bodiless);
    item_out->head_end.framing = framing;
    item_out->head_end.length = framing == HTTP1_FRAMING_LENGTH ? parser->length : 0;
    item_out->head_end.persistent = !close && framing != HTTP1_FRAMING_UNTIL_CLOSE;
    item_out->head_end.upgrade = (parser->head & HTTP1_HEAD_UPGRADE) != 0;
}

static int32_t hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    uint8_t lower = ascii_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Skips what may stand in front of the digits for some receivers; true when there was anything. */
static bool skip_size_prefix(struct span line, uint32_t *at)
{
    uint32_t start = *at;
    while (*at < line.size && is_blank(line.data[*at]))
        ++*at;
    if (*at < line.size && line.data[*at] == '+')
        ++*at;
    if (*at + 2 < line.size && line.data[*at] == '0' && ascii_lower(line.data[*at + 1]) == 'x' &&
        hex_value(line.data[*at + 2]) >= 0)
        *at += 2;
    return *at != start;
}

/* ";" name ["=" value], again and again (RFC 9112 7.1.1); blanks around are as it allows. */
static bool is_extension(struct span text)
{
    uint32_t at = 1;
    while (at < text.size && is_blank(text.data[at]))
        at++;
    bool named = at < text.size && text.data[at] > ' ' && !memchr(";=,\"", text.data[at], 4);
    bool quoted = false;
    for (; at < text.size && named; at++) {
        uint8_t c = text.data[at];
        /* A quoted string is a value of its own; one that is still open has the line end in it for who reads it. */
        if (c == '"' && !quoted)
            named = text.data[at - 1] == '=';
        quoted = c == '"' ? !quoted : quoted;
        at += quoted && c == '\\' ? 1 : 0;
        named = named && (c == '\t' || (c >= ' ' && c < 0x7f));
    }
    return named && !quoted;
}

bool http1_framing_read_chunk_size(struct span line, uint64_t *size_out, uint64_t *anomalies)
{
    uint64_t size = 0;
    uint32_t at = 0;
    bool odd = skip_size_prefix(line, &at);
    uint32_t start = at;
    for (; at < line.size && hex_value(line.data[at]) >= 0; at++) {
        if (size > LENGTH_MAX >> 4)
            return false;
        size = size << 4 | (uint64_t)hex_value(line.data[at]);
    }
    odd = odd || at - start > CHUNK_DIGITS_MAX;
    bool digits = at > start, semicolon = at < line.size && line.data[at] == ';';
    odd = odd || (at < line.size && !semicolon);
    /* Behind blanks an extension is still one; anything else is neither size nor extension. */
    while (at < line.size && is_blank(line.data[at]))
        at++;
    if (at < line.size && line.data[at] == ';') {
        *anomalies |= ANOMALY_BIT(ANOMALY_CHUNK_EXTENSION);
        odd = odd || !is_extension(span_from(line, at));
    }
    if (odd)
        *anomalies |= ANOMALY_BIT(ANOMALY_CHUNK_SIZE);
    *size_out = size;
    return digits;
}
