/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HTTP/2 heads. Servers that hand a request on as HTTP/1 and do not check these turn one request into two: a line end
 * in a value, a Transfer-Encoding, a pseudo-header that comes twice.
 */

#include "proto/http2_head.h"

#define SEEN(pseudo) ((uint8_t)(1u << (pseudo)))
#define REQUEST_PSEUDOS                                                                                                \
    (SEEN(HTTP2_PSEUDO_METHOD) | SEEN(HTTP2_PSEUDO_SCHEME) | SEEN(HTTP2_PSEUDO_AUTHORITY) | SEEN(HTTP2_PSEUDO_PATH) |  \
     SEEN(HTTP2_PSEUDO_PROTOCOL))

enum http2_pseudo http2_pseudo_find(struct span name)
{
    static const struct {
        const char *name;
        enum http2_pseudo pseudo;
    } known[] = {
        {":method", HTTP2_PSEUDO_METHOD}, {":scheme", HTTP2_PSEUDO_SCHEME}, {":authority", HTTP2_PSEUDO_AUTHORITY},
        {":path", HTTP2_PSEUDO_PATH},     {":status", HTTP2_PSEUDO_STATUS}, {":protocol", HTTP2_PSEUDO_PROTOCOL},
    };
    if (name.size == 0 || name.data[0] != ':')
        return HTTP2_PSEUDO_NONE;
    for (size_t i = 0; i < ARRAY_COUNT(known); i++)
        if (span_equal(name, span_from_text(known[i].name)))
            return known[i].pseudo;
    return HTTP2_PSEUDO_OTHER;
}

void http2_head_check_begin(struct http2_head_check *check, enum http2_head_kind kind)
{
    *check = (struct http2_head_check){.kind = (uint8_t)kind};
}

static uint64_t check_pseudo(struct http2_head_check *check, enum http2_pseudo pseudo, struct span value)
{
    const uint8_t allowed[] = {
        [HTTP2_HEAD_REQUEST] = REQUEST_PSEUDOS,
        [HTTP2_HEAD_RESPONSE] = SEEN(HTTP2_PSEUDO_STATUS),
        [HTTP2_HEAD_TRAILERS] = 0,
    };
    bool good = !check->regular && (allowed[check->kind] & SEEN(pseudo)) && !(check->seen & SEEN(pseudo));
    check->seen |= SEEN(pseudo);
    if (pseudo == HTTP2_PSEUDO_METHOD)
        check->connect = span_equal(value, SPAN_LITERAL("CONNECT"));
    return good ? 0 : ANOMALY_BIT(ANOMALY_HTTP2_PSEUDO_HEADER);
}

/* RFC 9113 8.2.2: they are about the connection, which HTTP/2 handles itself. */
static bool connection_specific(const struct hpack_field *field)
{
    static const char *const names[] = {"connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"};
    if (span_equal_nocase(field->name, SPAN_LITERAL("te")))
        return field->value_known && !span_equal_nocase(span_trim(field->value), SPAN_LITERAL("trailers"));
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (span_equal_nocase(field->name, span_from_text(names[i])))
            return true;
    return false;
}

/* The characters of a name: RFC 9113 8.2.1 is wider than a token, but refuses these. */
static uint64_t check_name(struct span name)
{
    uint64_t anomalies = name.size == 0 ? ANOMALY_BIT(ANOMALY_HEADER_NAME) : 0;
    for (uint32_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        if (c >= 'A' && c <= 'Z')
            anomalies |= ANOMALY_BIT(ANOMALY_HTTP2_NAME_CASE);
        else if (c <= 0x20 || c >= 0x7f || (c == ':' && i > 0))
            anomalies |= ANOMALY_BIT(ANOMALY_HEADER_NAME);
        if (c == '\r' || c == '\n' || c == 0)
            anomalies |= ANOMALY_BIT(ANOMALY_HTTP2_LINE_BREAK);
    }
    return anomalies;
}

static uint64_t check_value(struct span value)
{
    uint64_t anomalies = 0;
    if (value.size == 0)
        return 0;
    if (memchr(value.data, '\r', value.size) || memchr(value.data, '\n', value.size) ||
        memchr(value.data, 0, value.size))
        anomalies |= ANOMALY_BIT(ANOMALY_HTTP2_LINE_BREAK);
    uint8_t first = value.data[0], last = value.data[value.size - 1];
    if (first == ' ' || first == '\t' || last == ' ' || last == '\t')
        anomalies |= ANOMALY_BIT(ANOMALY_HEADER_VALUE);
    return anomalies;
}

uint64_t http2_head_check_field(struct http2_head_check *check, const struct hpack_field *field)
{
    uint64_t anomalies = field->value_known ? check_value(field->value) : 0;
    if (!field->name_known || !field->value_known)
        check->uncertain = true;
    if (!field->name_known)
        return anomalies;
    anomalies |= check_name(field->name);
    enum http2_pseudo pseudo = http2_pseudo_find(field->name);
    if (pseudo != HTTP2_PSEUDO_NONE)
        return anomalies | check_pseudo(check, pseudo, field->value);
    check->regular = true;
    if (connection_specific(field))
        anomalies |= ANOMALY_BIT(ANOMALY_HTTP2_CONNECTION);
    return anomalies;
}

uint64_t http2_head_check_end(struct http2_head_check *check, bool whole)
{
    const uint8_t plain = SEEN(HTTP2_PSEUDO_METHOD) | SEEN(HTTP2_PSEUDO_SCHEME) | SEEN(HTTP2_PSEUDO_PATH);
    const uint8_t tunnel = SEEN(HTTP2_PSEUDO_METHOD) | SEEN(HTTP2_PSEUDO_AUTHORITY);
    bool extended = (check->seen & SEEN(HTTP2_PSEUDO_PROTOCOL)) != 0, good = true;
    if (!whole || check->uncertain)
        return 0;
    if (check->kind == HTTP2_HEAD_RESPONSE)
        good = (check->seen & SEEN(HTTP2_PSEUDO_STATUS)) != 0;
    else if (check->kind == HTTP2_HEAD_REQUEST && check->connect && !extended)
        good = check->seen == tunnel;
    else if (check->kind == HTTP2_HEAD_REQUEST)
        good = (check->seen & plain) == plain && (!extended || check->connect);
    return good ? 0 : ANOMALY_BIT(ANOMALY_HTTP2_PSEUDO_HEADER);
}
