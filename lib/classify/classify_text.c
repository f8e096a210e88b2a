/* SPDX-License-Identifier: Apache-2.0 */

/* Signatures of protocols made of lines. Greetings of several are alike: only a word of their own tells them apart. */

#include "classify/signature.h"

#define GREETING_MAX 512u /* RFC 5321 4.5.3.1.5: a reply line */

enum match classify_match_ssh(struct span data)
{
    static const char *const banners[] = {"SSH-2.0-", "SSH-1.99-", "SSH-1.5-"};
    return classify_match_any_prefix(data, banners, ARRAY_COUNT(banners));
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
    enum match match = classify_match_any_prefix(data, codes, ARRAY_COUNT(codes));
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

enum match classify_match_smtp_greeting(struct span data)
{
    return match_220(data, SPAN_LITERAL("SMTP"));
}

enum match classify_match_ftp_greeting(struct span data)
{
    return match_220(data, SPAN_LITERAL("FTP"));
}

enum match classify_match_any_greeting(struct span data)
{
    return match_220(data, SPAN_LITERAL(""));
}

enum match classify_match_smtp_client(struct span data)
{
    static const char *const commands[] = {"EHLO ", "HELO ", "LHLO ", "ehlo ", "helo ", "lhlo "};
    return classify_match_any_prefix(data, commands, ARRAY_COUNT(commands));
}

/* A greeting has a text; "+OK" alone is an answer of Redis. */
enum match classify_match_pop3(struct span data)
{
    return classify_match_prefix(data, SPAN_LITERAL("+OK "));
}

enum match classify_match_imap(struct span data)
{
    static const char *const greetings[] = {"* OK ", "* OK\r\n", "* PREAUTH ", "* BYE "};
    return classify_match_any_prefix(data, greetings, ARRAY_COUNT(greetings));
}

/* One marker, digits, CR LF; the size of it is left in *size_out. */
static enum match match_resp_count(struct span data, uint8_t marker, uint32_t *size_out)
{
    if (data.size > 0 && data.data[0] != marker)
        return MATCH_NO;
    uint32_t i = 1;
    while (i < data.size && i < 10 && classify_is_digit(data.data[i]))
        i++;
    if (i >= data.size)
        return MATCH_MAYBE;
    *size_out = i + 2;
    return i > 1 ? classify_match_prefix(span_from(data, i), SPAN_LITERAL("\r\n")) : MATCH_NO;
}

/* An array of bulk strings: every client library sends its commands so. */
enum match classify_match_redis_client(struct span data)
{
    uint32_t size;
    enum match match = match_resp_count(data, '*', &size);
    return match == MATCH_YES ? match_resp_count(span_from(data, size), '$', &size) : match;
}

enum match classify_match_redis_server(struct span data)
{
    static const char *const answers[] = {"+OK\r\n", "+PONG\r\n", "-NOAUTH ", "-WRONGPASS "};
    return classify_match_any_prefix(data, answers, ARRAY_COUNT(answers));
}
