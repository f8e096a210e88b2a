/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signatures of HTTP. A request line of a method that nobody knows is waited for whole: its version decides.
 */

#include "classify/signature.h"

#define LEADING_LINE_ENDS_MAX 4u   /* two empty lines before a request; more are not met */
#define BLANKS_MAX            4u   /* servers that split at blanks take any number; nobody needs more to try them */
#define SETTINGS_MAX          192u /* 32 settings of 6 bytes; fewer than 10 are registered */

enum match classify_match_http2_preface(struct span data)
{
    return classify_match_prefix(data, SPAN_LITERAL("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
}

/* length (a multiple of 6), type 4, no flags, stream 0 */
enum match classify_match_http2_settings(struct span data)
{
    static const uint8_t tail[] = {4, 0, 0, 0, 0, 0};
    if (data.size > 0 && data.data[0] != 0)
        return MATCH_NO;
    if (data.size > 1 && data.data[1] != 0)
        return MATCH_NO;
    if (data.size > 2 && (data.data[2] > SETTINGS_MAX || data.data[2] % 6 != 0))
        return MATCH_NO;
    return data.size > 3 ? classify_match_prefix(span_from(data, 3), span_of(tail, sizeof(tail))) : MATCH_MAYBE;
}

enum match classify_match_http1_response(struct span data)
{
    static const char shape[] = "HTTP/1.# ###";
    uint32_t size = min_u32(data.size, sizeof(shape) - 1);
    for (uint32_t i = 0; i < size; i++)
        if (shape[i] == '#' ? !classify_is_digit(data.data[i]) : data.data[i] != (uint8_t)shape[i])
            return MATCH_NO;
    return size == sizeof(shape) - 1 ? MATCH_YES : MATCH_MAYBE;
}

static bool is_token_byte(uint8_t c)
{
    uint8_t lower = ascii_lower(c);
    return classify_is_digit(c) || (lower >= 'a' && lower <= 'z') || (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
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
    return classify_match_any_prefix(target, beginnings, ARRAY_COUNT(beginnings));
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
    enum match version = classify_match_prefix(end, SPAN_LITERAL("HTTP/1."));
    if (version != MATCH_YES || end.size == 7)
        return version == MATCH_NO ? MATCH_NO : MATCH_MAYBE;
    if (!classify_is_digit(end.data[7]))
        return MATCH_NO;
    static const char *const line_ends[] = {"\r\n", "\n"};
    return classify_match_any_prefix(span_from(end, 8), line_ends, ARRAY_COUNT(line_ends));
}

static uint32_t count_blanks(struct span text)
{
    uint32_t count = 0;
    while (count < text.size && count < BLANKS_MAX && (text.data[count] == ' ' || text.data[count] == '\t'))
        count++;
    return count;
}

enum match classify_match_http1_request(struct span data)
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
