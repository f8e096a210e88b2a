/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Searching heads for sensitive data
 *
 * A whole head lies in the transaction's store as one text of lines, of which those that are new are searched
 * (head_lines.c); what is found is then mapped back to its place by its offset. Percent-escaped values are decoded and
 * searched as well; a raw match in such a value is dropped, so each is told once.
 */

#include "pipeline/scan.h"
#include "proto/http_text.h"

static bool has_escape(struct span text, bool plus)
{
    if (text.size == 0)
        return false;
    return memchr(text.data, '%', text.size) || (plus && memchr(text.data, '+', text.size));
}

/* Overwrites a text of the store. It is not told in any output from here on; its length stays. */
static void redact(struct transaction *transaction, const uint8_t *data, uint32_t size)
{
    require(data >= transaction->store && data + size <= transaction->store + transaction->store_used);
    memset(transaction->store + (data - transaction->store), '*', size);
}

static void scan_decoded(struct pipeline *worker, struct exchange *exchange, bool response, struct span text, bool plus,
                         const struct scan_place *place)
{
    struct http_decoded decoded = http_percent_decode(text, plus, worker->decoded, sizeof(worker->decoded));
    struct detect_text whole = detect_text_whole(decoded.text.data, decoded.text.size, place->name);
    uint32_t count = scan_text(worker, exchange, &whole);
    for (uint32_t i = 0; i < count; i++)
        scan_add(exchange, response, &worker->hits[i], place, worker->hits[i].offset);
    if (count)
        redact(&exchange->transaction, text.data, text.size);
}

/* True when [data, data + size) lies inside `text`. */
static bool inside(struct span text, const uint8_t *data, uint32_t size)
{
    return text.data && data >= text.data && data + size <= text.data + text.size;
}

/* The pair that contains the hit; false when it lies in none, or in one that is decoded and searched by itself. */
static bool pair_place(struct span rest, bool (*next)(struct span *, struct http_pair *), bool plus,
                       const uint8_t *data, uint32_t size, struct scan_place *place_out)
{
    struct http_pair pair;
    while (next(&rest, &pair)) {
        if (inside(pair.value, data, size)) {
            place_out->name = pair.name;
            return !has_escape(pair.value, plus);
        }
        if (inside(pair.name, data, size)) {
            place_out->name = (struct span){0};
            return true;
        }
    }
    return false;
}

static bool header_place(const struct transaction *transaction, const struct transaction_side *side,
                         const uint8_t *data, uint32_t size, struct scan_place *place_out)
{
    for (uint32_t i = 0; i < side->header_count; i++) {
        const struct transaction_header *header = &side->headers[i];
        struct span value = transaction_header_value(transaction, header);
        if (!inside(value, data, size))
            continue;
        if (header->id == HEADER_COOKIE || header->id == HEADER_SET_COOKIE) {
            place_out->kind = DETECTION_COOKIE;
            return pair_place(value, http_cookie_next, false, data, size, place_out);
        }
        *place_out = (struct scan_place){DETECTION_HEADER, transaction_header_name(transaction, header)};
        return true;
    }
    return false;
}

/* The segments of the path that [data, data + size) lies in. */
static struct span segment_of(struct span path, const uint8_t *data, uint32_t size)
{
    const uint8_t *begin = data, *end = data + size, *limit = path.data + path.size;
    while (begin > path.data && begin[-1] != '/')
        begin--;
    while (end < limit && *end != '/')
        end++;
    return span_of(begin, (size_t)(end - begin));
}

static bool head_place(const struct transaction *transaction, bool response, const uint8_t *data, uint32_t size,
                       struct scan_place *place_out)
{
    if (response)
        return header_place(transaction, &transaction->response, data, size, place_out);
    if (inside(transaction->query, data, size)) {
        place_out->kind = DETECTION_QUERY;
        return pair_place(transaction->query, http_query_next, true, data, size, place_out);
    }
    if (inside(transaction->path, data, size)) {
        *place_out = (struct scan_place){DETECTION_PATH, {0}};
        return !has_escape(segment_of(transaction->path, data, size), false);
    }
    return header_place(transaction, &transaction->request, data, size, place_out);
}

static void scan_escaped_pairs(struct pipeline *worker, struct exchange *exchange, bool response, struct span rest,
                               bool (*next)(struct span *, struct http_pair *), enum detection_place kind)
{
    bool plus = kind == DETECTION_QUERY;
    struct http_pair pair;
    if (!has_escape(rest, plus))
        return;
    while (next(&rest, &pair))
        if (has_escape(pair.value, plus))
            scan_decoded(worker, exchange, response, pair.value, plus, &(struct scan_place){kind, pair.name});
}

static void scan_escaped_segments(struct pipeline *worker, struct exchange *exchange, struct span path)
{
    while (path.size) {
        const uint8_t *slash = memchr(path.data, '/', path.size);
        struct span segment = span_first(path, slash ? (uint32_t)(slash - path.data) : path.size);
        if (has_escape(segment, false))
            scan_decoded(worker, exchange, false, segment, false, &(struct scan_place){DETECTION_PATH, {0}});
        path = span_from(path, min_u32(segment.size + 1, path.size));
    }
}

static void scan_escaped_head(struct pipeline *worker, struct exchange *exchange, bool response)
{
    const struct transaction *transaction = &exchange->transaction;
    const struct transaction_side *side = exchange_side(exchange, response);
    if (!response) {
        scan_escaped_segments(worker, exchange, transaction->path);
        scan_escaped_pairs(worker, exchange, false, transaction->query, http_query_next, DETECTION_QUERY);
    }
    if (!(side->headers_seen & (HEADER_BIT(HEADER_COOKIE) | HEADER_BIT(HEADER_SET_COOKIE))))
        return;
    for (uint32_t i = 0; i < side->header_count; i++)
        if (side->headers[i].id == HEADER_COOKIE || side->headers[i].id == HEADER_SET_COOKIE)
            scan_escaped_pairs(worker, exchange, response, transaction_header_value(transaction, &side->headers[i]),
                               http_cookie_next, DETECTION_COOKIE);
}

/* Parameters whose value is a credential by its name alone. */
static bool names_credential(struct span name)
{
    static const char *const names[] = {
        "access_token",  "id_token", "refresh_token", "token",         "auth_token", "api_key",
        "apikey",        "api-key",  "password",      "passwd",        "pwd",        "secret",
        "client_secret", "session",  "session_id",    "sessionid",     "jsessionid", "sid",
        "signature",     "sig",      "code",          "authorization", "x-api-key",  "credential",
    };
    return span_is_one_of(name, names, ARRAY_COUNT(names));
}

/* The scheme in front of a credential ("Basic dXNlcjpwYXNz") is no secret, and rules ask for it. */
static void redact_hit(struct transaction *transaction, const uint8_t *data, uint32_t size)
{
    const uint8_t *blank = memchr(data, ' ', size);
    bool scheme = blank && data >= transaction->store + 2 && memcmp(data - 2, ": ", 2) == 0;
    for (const uint8_t *c = data; scheme && c < blank; c++)
        scheme = ascii_lower(*c) >= 'a' && ascii_lower(*c) <= 'z';
    uint32_t kept = scheme ? (uint32_t)(blank + 1 - data) : 0;
    redact(transaction, data + kept, size - kept);
}

static void redact_credentials(struct transaction *transaction)
{
    struct span rest = transaction->query;
    struct http_pair pair;
    while (http_query_next(&rest, &pair))
        if (pair.value.size && names_credential(pair.name))
            redact(transaction, pair.value.data, pair.value.size);
}

void scan_head(struct pipeline *worker, struct exchange *exchange, bool response, uint32_t store_begin)
{
    struct transaction *transaction = &exchange->transaction;
    const uint8_t *begin = transaction->store + store_begin;
    uint32_t count = head_lines_search(worker, exchange, response, store_begin);
    for (uint32_t i = 0; i < count; i++) {
        const struct detect_hit *hit = &worker->hits[i];
        const uint8_t *data = begin + hit->offset;
        struct scan_place place;
        if (!head_place(transaction, response, data, hit->size, &place))
            continue;
        scan_add(exchange, response, hit, &place, hit->offset);
        redact_hit(transaction, data, hit->size);
    }
    scan_escaped_head(worker, exchange, response);
    if (!response)
        redact_credentials(transaction);
}
