/* SPDX-License-Identifier: Apache-2.0 */

/* Texts inside HTTP heads and forms: small readers that go once over their text. */

#include "proto/http_text.h"

#include "proto/http1_scan.h"

#define PORT_MAX       65535u
#define PORT_HTTP      80
#define PORT_HTTPS     443
#define SCHEME_ANY_MAX 32u /* registered schemes are shorter; bounds the look for "://" */

/* ---- lists and parameters ---- */

/* Offset of the first `separator` outside quoted strings (RFC 9110 5.6.4), or text.size. */
static uint32_t find_unquoted(struct span text, uint8_t separator)
{
    bool quoted = false;
    for (uint32_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c == '"')
            quoted = !quoted;
        else if (quoted && c == '\\')
            i++;
        else if (!quoted && c == separator)
            return i;
    }
    return text.size;
}

static uint32_t find_byte(struct span text, uint8_t byte)
{
    const uint8_t *found = text.size && text.data ? memchr(text.data, byte, text.size) : NULL;
    return found ? (uint32_t)(found - text.data) : text.size;
}

/* Takes what is before offset `at` off `rest`, and the separator there. */
static struct span take_part(struct span *rest, uint32_t at)
{
    struct span part = span_first(*rest, at);
    *rest = span_from(*rest, min_u32(at + 1, rest->size));
    return part;
}

bool http_list_next(struct span *rest, struct span *element_out)
{
    while (rest->size > 0) {
        *element_out = span_trim(take_part(rest, find_unquoted(*rest, ',')));
        if (element_out->size > 0)
            return true;
    }
    return false;
}

static struct span unquote(struct span value)
{
    if (value.size >= 2 && value.data[0] == '"' && value.data[value.size - 1] == '"')
        return span_of(value.data + 1, value.size - 2);
    return value;
}

static struct http_pair split_pair(struct span text)
{
    uint32_t equals = find_byte(text, '=');
    if (equals == text.size)
        return (struct http_pair){.name = text};
    return (struct http_pair){.name = span_first(text, equals), .value = span_from(text, equals + 1)};
}

/* The next pair that is not empty; `find_end` tells where the first part of a text ends. */
static inline bool next_pair(struct span *rest, uint32_t (*find_end)(struct span, uint8_t), struct http_pair *pair_out)
{
    while (rest->size > 0) {
        struct span part = span_trim(take_part(rest, find_end(*rest, ';')));
        if (part.size == 0)
            continue;
        *pair_out = split_pair(part);
        pair_out->name = span_trim(pair_out->name);
        if (pair_out->value.data)
            pair_out->value = unquote(span_trim(pair_out->value));
        return true;
    }
    return false;
}

bool http_parameter_next(struct span *rest, struct http_pair *pair_out)
{
    return next_pair(rest, find_unquoted, pair_out);
}

bool http_cookie_next(struct span *rest, struct http_pair *pair_out)
{
    return next_pair(rest, find_byte, pair_out);
}

static bool is_token(struct span text)
{
    return text.size > 0 && http1_scan_token(text.data, text.size) == text.size;
}

static struct span find_suffix(struct span subtype)
{
    for (uint32_t i = subtype.size; i > 0; i--)
        if (subtype.data[i - 1] == '+')
            return span_from(subtype, i);
    return (struct span){NULL, 0};
}

bool http_media_type_parse(struct span value, struct http_media_type *media_type_out)
{
    struct span rest = value;
    struct span essence = span_trim(take_part(&rest, find_byte(rest, ';')));
    uint32_t slash = find_byte(essence, '/');
    *media_type_out = (struct http_media_type){.type = {NULL, 0}};
    if (slash == essence.size)
        return false;
    struct span type = span_first(essence, slash), subtype = span_from(essence, slash + 1);
    if (!is_token(type) || !is_token(subtype))
        return false;
    media_type_out->type = type;
    media_type_out->subtype = subtype;
    media_type_out->suffix = find_suffix(subtype);
    struct http_pair parameter;
    while (http_parameter_next(&rest, &parameter)) {
        if (!media_type_out->charset.size && span_equal_nocase(parameter.name, SPAN_LITERAL("charset")))
            media_type_out->charset = parameter.value;
        else if (!media_type_out->boundary.size && span_equal_nocase(parameter.name, SPAN_LITERAL("boundary")))
            media_type_out->boundary = parameter.value;
    }
    return true;
}

/* ---- queries and forms ---- */

bool http_query_next(struct span *rest, struct http_pair *pair_out)
{
    while (rest->size > 0) {
        struct span part = take_part(rest, find_byte(*rest, '&'));
        if (part.size == 0)
            continue;
        *pair_out = split_pair(part);
        return true;
    }
    return false;
}

static int32_t hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    uint8_t lower = ascii_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

struct http_decoded http_percent_decode(struct span text, bool plus, uint8_t *buffer, uint32_t capacity)
{
    struct http_decoded decoded = {.text = span_of(buffer, 0)};
    for (uint32_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (decoded.text.size == capacity) {
            decoded.truncated = true;
            break;
        }
        if (c == '+' && plus)
            c = ' ';
        if (c == '%') {
            int32_t high = i + 2 < text.size ? hex_value(text.data[i + 1]) : -1;
            int32_t low = i + 2 < text.size ? hex_value(text.data[i + 2]) : -1;
            bool valid = high >= 0 && low >= 0;
            c = (uint8_t)(valid ? high << 4 | low : c);
            i += valid ? 2 : 0;
            decoded.invalid = decoded.invalid || !valid;
        }
        buffer[decoded.text.size++] = c;
    }
    return decoded;
}

/* ---- authority and target ---- */

/* reg-name or IPv4: unreserved, sub-delims and whole escapes (RFC 3986 3.2.2). */
static bool is_host_name(struct span host)
{
    for (;;) {
        uint32_t size = http1_scan_host(host.data, host.size);
        if (size == host.size)
            return true;
        host = span_from(host, size);
        if (host.data[0] != '%' || host.size < 3 || hex_value(host.data[1]) < 0 || hex_value(host.data[2]) < 0)
            return false;
        host = span_from(host, 3);
    }
}

/* The inside of the brackets: an IPv6 address or IPvFuture, by its characters (RFC 3986 3.2.2; RFC 6874 zones are not
 * for HTTP). */
static bool is_ip_literal(struct span host)
{
    uint32_t colons = 0;
    bool future = host.size > 1 && ascii_lower(host.data[0]) == 'v';
    for (uint32_t i = 0; i < host.size; i++) {
        uint8_t c = host.data[i];
        bool address = hex_value(c) >= 0 || c == ':' || c == '.';
        bool name = http1_scan_target(&c, 1) == 1 && !memchr("/?[]@%", c, 6);
        if (future ? !name : !address)
            return false;
        colons += c == ':';
    }
    return future || colons >= 2;
}

static bool parse_port(struct span text, int32_t *port_out)
{
    uint32_t port = 0;
    *port_out = HTTP_PORT_NONE;
    for (uint32_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        port = port * 10 + (uint32_t)(text.data[i] - '0');
        if (port > PORT_MAX)
            return false;
    }
    if (text.size > 0)
        *port_out = (int32_t)port;
    return true;
}

static uint32_t find_last_byte(struct span text, uint8_t byte)
{
    const uint8_t *found = text.size && text.data ? memrchr(text.data, byte, text.size) : NULL;
    return found ? (uint32_t)(found - text.data) : text.size;
}

struct http_authority http_authority_parse(struct span text)
{
    struct http_authority authority = {.port = HTTP_PORT_NONE};
    struct span rest = text;
    uint32_t at = find_last_byte(rest, '@');
    if (at < rest.size)
        authority.userinfo = take_part(&rest, at);
    bool valid = at == text.size, literal = rest.size > 0 && rest.data[0] == '[';
    uint32_t bracket = literal ? find_byte(rest, ']') : 0;
    if (literal && bracket < rest.size) {
        authority.host = span_of(rest.data + 1, bracket - 1);
        authority.ip_literal = true;
        rest = span_from(rest, bracket + 1);
        valid = valid && is_ip_literal(authority.host) && (rest.size == 0 || rest.data[0] == ':');
        rest = rest.size ? span_from(rest, 1) : rest;
    } else {
        uint32_t colon = find_last_byte(rest, ':');
        authority.host = take_part(&rest, colon);
        valid = valid && authority.host.size > 0 && is_host_name(authority.host);
    }
    authority.valid = parse_port(rest, &authority.port) && valid;
    return authority;
}

static int32_t effective_port(int32_t port, struct span scheme)
{
    if (port != HTTP_PORT_NONE)
        return port;
    if (span_equal_nocase(scheme, SPAN_LITERAL("https")))
        return PORT_HTTPS;
    return span_equal_nocase(scheme, SPAN_LITERAL("http")) ? PORT_HTTP : HTTP_PORT_NONE;
}

bool http_authority_equal(struct span a, struct span b, struct span scheme)
{
    struct http_authority left = http_authority_parse(a), right = http_authority_parse(b);
    return span_equal_nocase(left.host, right.host) && left.ip_literal == right.ip_literal &&
           effective_port(left.port, scheme) == effective_port(right.port, scheme);
}

/* scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ); its size when "://" follows, otherwise 0. */
static uint32_t scheme_size(struct span target)
{
    uint32_t i = 0, limit = min_u32(target.size, SCHEME_ANY_MAX);
    while (i < limit && ((ascii_lower(target.data[i]) >= 'a' && ascii_lower(target.data[i]) <= 'z') ||
                         (i > 0 && memchr("0123456789+-.", target.data[i], 13))))
        i++;
    return i > 0 && i + 3 <= target.size && memcmp(target.data + i, "://", 3) == 0 ? i : 0;
}

/* Without the fragment, which does not belong in a target but is sent by some. */
static void split_query(struct span text, struct http_target *target)
{
    struct span whole = span_first(text, find_byte(text, '#'));
    uint32_t question = find_byte(whole, '?');
    target->path = span_first(whole, question);
    if (question < whole.size)
        target->query = span_from(whole, question + 1);
}

struct http_target http_target_parse(struct span target, bool connect)
{
    struct http_target parts = {.form = HTTP_TARGET_OTHER};
    uint32_t scheme = scheme_size(target);
    if (connect && scheme == 0) {
        parts.form = HTTP_TARGET_AUTHORITY;
        parts.authority = target;
    } else if (span_equal(target, SPAN_LITERAL("*"))) {
        parts.form = HTTP_TARGET_ASTERISK;
        parts.path = target;
    } else if (scheme > 0) {
        struct span rest = span_from(target, scheme + 3);
        uint32_t end = 0;
        while (end < rest.size && !memchr("/?#", rest.data[end], 3))
            end++;
        parts.form = HTTP_TARGET_ABSOLUTE;
        parts.scheme = span_first(target, scheme);
        parts.authority = span_first(rest, end);
        split_query(span_from(rest, end), &parts);
    } else {
        if (target.size > 0 && target.data[0] == '/')
            parts.form = HTTP_TARGET_ORIGIN;
        split_query(target, &parts);
    }
    return parts;
}
