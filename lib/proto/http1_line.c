/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Lines of HTTP/1. The shapes of RFC 9112 are tried first and cost one pass; only what does not fit is taken apart a
 * second time to find the most plausible reading.
 */

#include "proto/http1_line.h"

#include "proto/http1_scan.h"

#define METHOD_MAX    32u /* the longest registered method has 17 letters */
#define VERSION_SIZE  8u  /* "HTTP/1.1" */
#define STATUS_DIGITS 3u
#define STATUS_MIN    12u /* "HTTP/1.1 200" */

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
    return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

/* "HTTP/1.0" or "HTTP/1.1" */
static bool is_version(const uint8_t *text)
{
    return memcmp(text, "HTTP/1.", 7) == 0 && (text[7] == '0' || text[7] == '1');
}

/* "RTSP/1.0", "SIP/2.0", "ICE/1.0": letters, '/', digit, '.', digit */
static bool is_foreign_version(struct span word)
{
    uint32_t i = 0;
    while (i < word.size && is_letter(word.data[i]))
        i++;
    return i > 0 && i + 4 == word.size && word.data[i] == '/' && is_digit(word.data[i + 1]) &&
           word.data[i + 2] == '.' && is_digit(word.data[i + 3]);
}

static enum http1_method classify_method(struct span method)
{
    if (span_equal(method, SPAN_LITERAL("HEAD")))
        return HTTP1_METHOD_HEAD;
    return span_equal(method, SPAN_LITERAL("CONNECT")) ? HTTP1_METHOD_CONNECT : HTTP1_METHOD_OTHER;
}

/* The minor number of a word that begins with "HTTP/"; anything but 1.0 and 1.1 counts as 1.1. */
static uint8_t read_version(struct span word, uint64_t *anomalies)
{
    if (word.size == VERSION_SIZE && is_version(word.data))
        return (uint8_t)(word.data[7] - '0');
    *anomalies |= ANOMALY_BIT(ANOMALY_VERSION);
    return 1;
}

static bool is_http_word(struct span word)
{
    return word.size >= 5 && span_equal_nocase(span_first(word, 5), SPAN_LITERAL("http/"));
}

static void set_request(struct http1_item *item, struct span method, struct span target, uint8_t version_minor)
{
    item->kind = HTTP1_REQUEST_LINE;
    item->request.method = method;
    item->request.target = target;
    item->request.method_class = classify_method(method);
    item->request.version_minor = version_minor;
    item->request.simple = false;
}

/* Size of the method when the line has exactly the shape token SP target SP HTTP/1.[01], otherwise 0. */
static uint32_t match_request(struct span line)
{
    if (line.size < sizeof("A / HTTP/1.1") - 1)
        return 0;
    uint32_t method_size = http1_scan_token(line.data, min_u32(line.size, METHOD_MAX + 1));
    if (method_size == 0 || method_size > METHOD_MAX || method_size + 3 + VERSION_SIZE > line.size)
        return 0;
    uint32_t target_end = line.size - VERSION_SIZE - 1, target_at = method_size + 1;
    if (line.data[method_size] != ' ' || line.data[target_end] != ' ' || !is_version(line.data + target_end + 1))
        return 0;
    uint32_t target_size = target_end - target_at;
    return http1_scan_target(line.data + target_at, target_size) == target_size ? method_size : 0;
}

/* Size of the known method at the end of `text`, 0 when there is none. */
static uint32_t known_method_before(struct span text)
{
    static const char *const methods[] = {"GET",     "POST", "PUT",     "DELETE", "PATCH",
                                          "OPTIONS", "HEAD", "CONNECT", "TRACE",  "QUERY"};
    for (uint32_t i = 0; i < ARRAY_COUNT(methods); i++) {
        struct span method = span_from_text(methods[i]);
        if (text.size >= method.size && span_equal(span_from(text, text.size - method.size), method))
            return method.size;
    }
    return 0;
}

/* "XGET": a method nobody has, with one that everybody has behind bytes of the message before (CL.TE and the like). */
static uint64_t judge_method(struct span method)
{
    uint32_t known = known_method_before(method);
    return known && known < method.size ? ANOMALY_BIT(ANOMALY_LEADING_BYTES) : 0;
}

static uint32_t find_first_request(struct span line, bool whole)
{
    if (whole && match_request(line) > 0)
        return 0;
    if (line.size < sizeof("GET / HTTP/1.1") - 1)
        return line.size;
    uint32_t target_end = line.size - VERSION_SIZE - 1, target_at = target_end;
    if (line.data[target_end] != ' ' || !is_version(line.data + target_end + 1))
        return line.size;
    while (target_at > 0 && line.data[target_at - 1] != ' ')
        target_at--;
    if (target_at == 0 || target_at == target_end)
        return line.size;
    uint32_t method_size = known_method_before(span_first(line, target_at - 1));
    uint32_t start = target_at - 1 - method_size;
    return method_size && match_request(span_from(line, start)) ? start : line.size;
}

/*
 * "GET" SP path: the whole of a request of HTTP/0.9 (RFC 1945 5.1). Nothing shorter than a path is believed, and no
 * other words, because nothing else in the line says that it is one.
 */
static bool read_simple_request(struct span line, struct http1_item *item)
{
    const struct span begin = SPAN_LITERAL("GET /");
    if (!span_starts_with(line, begin))
        return false;
    struct span target = span_from(line, begin.size - 1);
    if (http1_scan_target(target.data, target.size) != target.size)
        return false;
    set_request(item, span_first(line, begin.size - 2), target, 0);
    item->request.simple = true;
    item->anomalies |= ANOMALY_BIT(ANOMALY_VERSION);
    return true;
}

/* First word, last word, and between them the target, which may hold blanks. */
static enum http1_line read_odd_request(struct span line, struct http1_item *item)
{
    uint64_t anomalies = 0;
    struct span text = span_trim(line);
    uint32_t method_size = 0, version_at = text.size;
    while (method_size < text.size && !is_blank(text.data[method_size]))
        method_size++;
    while (version_at > method_size && !is_blank(text.data[version_at - 1]))
        version_at--;
    struct span method = span_first(text, method_size), version = span_from(text, version_at);
    struct span target = span_of(text.data + method_size, version_at - method_size);
    if (version_at == method_size || method_size == 0)
        return HTTP1_LINE_OTHER;
    if (!is_http_word(version) && is_foreign_version(version))
        return HTTP1_LINE_FOREIGN;
    if (!is_http_word(version))
        return read_simple_request(line, item) ? HTTP1_LINE_GOOD : HTTP1_LINE_OTHER;
    /* Bytes of no message right before a request: "{}GET / HTTP/1.1" behind a body longer than was said. */
    bool token = http1_scan_token(method.data, method.size) == method.size;
    if (!token && find_first_request(line, false) < line.size)
        return HTTP1_LINE_OTHER;
    struct span trimmed = span_trim(target);
    if (span_equal(method, SPAN_LITERAL("PRI")) && span_equal(trimmed, SPAN_LITERAL("*")) &&
        span_equal(version, SPAN_LITERAL("HTTP/2.0")))
        return HTTP1_LINE_FOREIGN;
    /* One space on each side, none inside, nothing outside: the shape of RFC 9112 3. */
    if (text.size != line.size || target.size != trimmed.size + 2 || target.data[0] != ' ' ||
        target.data[target.size - 1] != ' ' || memchr(trimmed.data, ' ', trimmed.size) ||
        memchr(trimmed.data, '\t', trimmed.size) || method_size > METHOD_MAX || !token)
        anomalies |= ANOMALY_BIT(ANOMALY_REQUEST_LINE);
    if (http1_scan_target(trimmed.data, trimmed.size) != trimmed.size)
        anomalies |= ANOMALY_BIT(ANOMALY_TARGET);
    set_request(item, method, trimmed, read_version(version, &anomalies));
    item->anomalies |= anomalies;
    return HTTP1_LINE_GOOD;
}

enum http1_line http1_line_read_request(struct span line, struct http1_item *item_out)
{
    uint32_t method_size = match_request(line);
    if (unlikely(method_size == 0))
        return read_odd_request(line, item_out);
    uint32_t target_at = method_size + 1;
    set_request(item_out, span_first(line, method_size),
                span_of(line.data + target_at, line.size - VERSION_SIZE - 1 - target_at),
                (uint8_t)(line.data[line.size - 1] - '0'));
    item_out->anomalies |= judge_method(span_first(line, method_size));
    return HTTP1_LINE_GOOD;
}

enum http1_line http1_line_read_request_cut(struct span line, struct http1_item *item_out)
{
    if (http1_line_fits_request(line.data, line.size) != HTTP1_FIT_YES)
        return HTTP1_LINE_OTHER;
    uint32_t method_size = http1_scan_token(line.data, line.size);
    struct span target = span_from(line, method_size + 1);
    if (http1_scan_target(target.data, target.size) != target.size)
        item_out->anomalies |= ANOMALY_BIT(ANOMALY_TARGET);
    set_request(item_out, span_first(line, method_size), target, 1);
    return HTTP1_LINE_GOOD;
}

/* What is behind the version of a status line: SP 3 digits SP reason, or nearly so. */
static enum http1_line read_status_rest(struct span rest, struct http1_item *item)
{
    uint32_t at = 0, digits = 0, status = 0;
    while (at < rest.size && is_blank(rest.data[at]))
        at++;
    bool odd = at != 1 || rest.data[0] != ' ';
    for (; at < rest.size && is_digit(rest.data[at]) && digits < STATUS_DIGITS; digits++)
        status = status * 10 + (uint32_t)(rest.data[at++] - '0');
    if (digits == 0)
        return HTTP1_LINE_OTHER;
    odd = odd || digits != STATUS_DIGITS || status < 100 || at == rest.size || rest.data[at] != ' ';
    if (at < rest.size && is_blank(rest.data[at]))
        at++;
    if (odd)
        item->anomalies |= ANOMALY_BIT(ANOMALY_STATUS_LINE);
    item->status.status = (uint16_t)status;
    item->status.reason = span_from(rest, at);
    item->status.interim = status >= 100 && status < 200 && status != 101;
    return HTTP1_LINE_GOOD;
}

enum http1_line http1_line_read_status(struct span line, struct http1_item *item_out)
{
    uint32_t version_size = 0;
    while (version_size < line.size && !is_blank(line.data[version_size]))
        version_size++;
    struct span version = span_first(line, version_size);
    if (!is_http_word(version)) {
        bool foreign = is_foreign_version(version) || span_starts_with(line, SPAN_LITERAL("ICY "));
        return foreign ? HTTP1_LINE_FOREIGN : HTTP1_LINE_OTHER;
    }
    item_out->kind = HTTP1_STATUS_LINE;
    item_out->status.version_minor = read_version(version, &item_out->anomalies);
    return read_status_rest(span_from(line, version_size), item_out);
}

/* A header name that is no token, or is not directly followed by a colon. */
static uint32_t split_odd_header(struct span line, struct http1_item *item)
{
    const uint8_t *colon = line.size ? memchr(line.data, ':', line.size) : NULL;
    if (!colon || is_blank(line.data[0])) {
        item->anomalies |= ANOMALY_BIT(ANOMALY_HEADER_LINE);
        item->header.name = (struct span){line.data, 0};
        return 0;
    }
    uint32_t colon_at = (uint32_t)(colon - line.data);
    struct span name = span_trim(span_first(line, colon_at));
    if (name.size != colon_at)
        item->anomalies |= ANOMALY_BIT(ANOMALY_SPACE_BEFORE_COLON);
    if (name.size == 0 || http1_scan_token(name.data, name.size) != name.size)
        item->anomalies |= ANOMALY_BIT(ANOMALY_HEADER_NAME);
    item->header.name = name;
    return colon_at + 1;
}

static bool is_line_blank(uint8_t c)
{
    return is_blank(c) || c == '\r' || c == '\n';
}

/* The same as span_trim(), for the usual single blank in front. */
static inline struct span trim_value(struct span line, uint32_t at)
{
    const uint8_t *begin = line.data + at, *end = line.data + line.size;
    while (begin < end && is_blank(*begin))
        begin++;
    while (end > begin && is_blank(end[-1]))
        end--;
    return (struct span){begin, (uint32_t)(end - begin)};
}

/*
 * The name is handed on in registers, not read back from the item: reading a span in one piece that was just written in
 * two costs as much as the rest of this.
 */
void http1_line_read_header(struct span line, uint32_t readable, bool folded, struct http1_item *item_out)
{
    uint32_t name_size = http1_scan_token(line.data, readable), value_at = name_size + 1;
    struct span name = {line.data, name_size};
    if (unlikely(name_size == 0 || name_size == line.size || line.data[name_size] != ':')) {
        value_at = split_odd_header(line, item_out);
        name = item_out->header.name;
    }
    item_out->header.name = name;
    item_out->header.id = header_id_find(name);
    struct span value = trim_value(line, value_at);
    if (unlikely(folded)) {
        while (value.size && is_line_blank(value.data[0]))
            value = span_from(value, 1);
        while (value.size && is_line_blank(value.data[value.size - 1]))
            value.size--;
    }
    item_out->header.value = value;
}

/* STATUS_MIN bytes: a version and a status. */
static bool is_status(const uint8_t *text)
{
    return text[0] == 'H' && is_version(text) && text[8] == ' ' && text[9] >= '1' && text[9] <= '9' &&
           is_digit(text[10]) && is_digit(text[11]);
}

static uint32_t find_first_status(struct span line)
{
    for (uint32_t at = line.size < STATUS_MIN ? 0 : line.size - STATUS_MIN + 1; at > 0; at--) {
        const uint8_t *text = line.data + at - 1;
        bool ends = at - 1 + STATUS_MIN == line.size || text[STATUS_MIN] == ' ';
        if (ends && is_status(text))
            return at - 1;
    }
    return line.size;
}

uint32_t http1_line_find_first(enum http1_kind kind, struct span line, bool whole)
{
    return kind == HTTP1_REQUESTS ? find_first_request(line, whole) : find_first_status(line);
}

enum http1_fit http1_line_fits_head(const uint8_t *data, uint32_t size)
{
    uint32_t limit = min_u32(size, HTTP1_FIT_MAX), token = http1_scan_token(data, limit);
    if (token < limit && data[token] == ':')
        return token > 0 ? HTTP1_FIT_YES : HTTP1_FIT_NO;
    if (token > 0 || limit == 0)
        return token == limit && limit < HTTP1_FIT_MAX ? HTTP1_FIT_MORE : HTTP1_FIT_NO;
    if (data[0] != '\r')
        return data[0] == '\n' ? HTTP1_FIT_YES : HTTP1_FIT_NO;
    if (limit < 2)
        return HTTP1_FIT_MORE;
    return data[1] == '\n' ? HTTP1_FIT_YES : HTTP1_FIT_NO;
}

enum http1_fit http1_line_fits_status(const uint8_t *data, uint32_t size)
{
    static const char version[] = "HTTP/1.";
    if (size && memcmp(data, version, min_u32(size, sizeof(version) - 1)) != 0)
        return HTTP1_FIT_NO;
    if (size <= STATUS_MIN)
        return HTTP1_FIT_MORE;
    uint8_t end = data[STATUS_MIN];
    return is_status(data) && (end == ' ' || end == '\r' || end == '\n') ? HTTP1_FIT_YES : HTTP1_FIT_NO;
}

enum http1_fit http1_line_fits_request(const uint8_t *data, uint32_t size)
{
    uint32_t limit = min_u32(size, METHOD_MAX + 1), token = http1_scan_token(data, limit);
    if (token == limit)
        return limit <= METHOD_MAX ? HTTP1_FIT_MORE : HTTP1_FIT_NO;
    return token > 0 && data[token] == ' ' ? HTTP1_FIT_YES : HTTP1_FIT_NO;
}
