/* SPDX-License-Identifier: Apache-2.0 */

/*
 * proto: HTTP/1 parser. Expectations are read off RFC 9112; the streams are hand-written. Cuts at every pair of places
 * and holes at every place check the parser contract.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http1_trace.h"

#include "proto/http1_scan.h"

#define HOLE_MAX 48u

struct stream {
    enum http1_kind kind;
    enum http1_method method;
    const char *text;
    uint32_t size;
};

#define STREAM(kind, method, text)                                                                                     \
    {                                                                                                                  \
        kind, method, text, sizeof(text) - 1                                                                           \
    }
#define Q   HTTP1_REQUESTS
#define R   HTTP1_RESPONSES
#define ANY HTTP1_METHOD_OTHER

static const struct stream streams[] = {
    STREAM(Q, ANY,
           "\r\n\r\nGET /a?b=c HTTP/1.1\r\nHost: a\r\nX-Empty:\r\n\r\nPOST /p HTTP/1.1\r\nHost: a\r\n"
           "Content-Length: 9\r\n\r\n{\"a\":\"b\"}\r\nDELETE /d HTTP/1.0\r\n\r\n"),
    STREAM(
        Q, ANY,
        "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5;n=\"v\"\r\nhello\r\n0A\r\n0123456789"
        "\r\n000\r\nDigest: x\r\n y\r\n\r\nGET /n HTTP/1.1\r\nHost: a\r\n\r\n"),
    STREAM(Q, ANY,
           "GET /lf HTTP/1.1\nHost: a\nFold: a\n b\r\n\tc\nName : v\n: v\nno colon\nBare: a\rb\r\r\nNul: \0x\n\nPUT /x"
           " HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\nContent-Length: +3\r\n\r\nabc"),
    STREAM(Q, ANY,
           "POST /s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n 3\r\nabc2\r\nxy\n0x2\r\nzz\r\n\r\n-1\r\n"
           "junk\r\n\r\nGET /after HTTP/1.1\r\nHost: a\r\n\r\n"),
    STREAM(Q, ANY,
           "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +40\r\nTransfer_Encoding: x\r\n\r\n"
           "a\nGE /\nGET /b HTTP\nPUT http://a HTTP/1.1\n"
           "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 15\r\n\r\nPUT /x HTTP/1.1"),
    STREAM(
        Q, ANY,
        "GET /simple\r\nGET /two\nHost: a\r\nPUT /x HTTP/1.1\r\nHost: a\r\nExpect: x\r\nTransfer-Encoding: chunked\r\n"
        "\r\n2;a=\"\\\"b\"\r\nhi\r\n2;a=\"b\r\nho\r\n0\r\nCookie: a\r\n\r\n"),
    STREAM(Q, ANY, "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n\x16\x03\x01\x02\x00GET / HTTP/1.1\r\n\r\n"),
    STREAM(Q, ANY, "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    STREAM(R, ANY,
           "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 304 Not Modified\r\n"
           "Content-Length: 7\r\n\r\nHTTP/1.1 204\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end\r\n"),
    STREAM(R, ANY,
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: 1\r\n\r\nHTTP/1.0 500 Oops\r\n"
           "Transfer-Encoding: chunked, gzip\r\n\r\nrest"),
    STREAM(R, HTTP1_METHOD_HEAD,
           "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    STREAM(R, HTTP1_METHOD_UNKNOWN,
           "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
           "HTTP/1.0 404 Not Found\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1.HTTP/1.1 204 No\r\n\r\n"
           "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1"),
    STREAM(R, HTTP1_METHOD_CONNECT, "HTTP/1.1 200 Connected\r\nContent-Length: 5\r\n\r\n\x16\x03\x03 tunnel"),
    STREAM(R, ANY, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x05hello"),
};

static struct http1_trace_guard guard;

static int make_guard(void **state)
{
    (void)state;
    guard = http1_trace_guard_new(1u << 17);
    return 0;
}

static int drop_guard(void **state)
{
    (void)state;
    http1_trace_guard_free(&guard);
    return 0;
}

static struct http1_trace run_segments(const struct stream *stream, const struct trace_segment *segments,
                                       uint32_t count, uint64_t unwritten)
{
    struct http1_trace trace;
    http1_trace_init(&trace, stream->kind);
    trace.unwritten = unwritten;
    trace.forgets = count > 1;
    http1_trace_run(&trace, (const uint8_t *)stream->text, stream->size, segments, count, stream->method, &guard);
    return trace;
}

static struct http1_trace run_whole(const struct stream *stream)
{
    return run_segments(stream, &(struct trace_segment){stream->size, false}, 1, 0);
}

static struct stream stream_of(enum http1_kind kind, const char *text)
{
    return (struct stream){kind, ANY, text, (uint32_t)strlen(text)};
}

static void every_pair_of_cuts_gives_the_same_items(void **state)
{
    (void)state;
    uint32_t rests = 0;
    for (size_t i = 0; i < ARRAY_COUNT(streams); i++) {
        struct http1_trace whole = run_whole(&streams[i]);
        for (uint32_t first = 0; first <= streams[i].size; first++)
            for (uint32_t second = first; second <= streams[i].size; second++) {
                struct trace_segment segments[] = {{first, false}, {second, false}, {streams[i].size, false}};
                struct http1_trace cut = run_segments(&streams[i], segments, 3, 0);
                if (!http1_trace_equal(&whole, &cut))
                    fail_msg("stream %zu cut at %u and %u:\n%s--- whole:\n%s", i, first, second, cut.lines.text,
                             whole.lines.text);
                assert_int_equal(whole.parser.bytes_searched, cut.parser.bytes_searched);
                assert_int_equal(whole.parser.bytes_skipped, cut.parser.bytes_skipped);
                rests += cut.rests;
                http1_trace_free(&cut);
            }
        http1_trace_free(&whole);
    }
    assert_true(rests > 1000); /* a fresh parser went on so often */
}

/* Behind a whole message nothing is kept, unless it asked for a tunnel or was the last one. */
static void parsers_rest_between_messages(void **state)
{
    (void)state;
    static const struct {
        enum http1_kind kind;
        const char *text;
        bool rests;
    } cases[] = {
        {Q, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", true},
        {R, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", true},
        {R, "HTTP/1.1 100 Continue\r\n\r\n", true},
        {Q, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx", false},
        {Q, "GET / HTTP/1.1\r\nHost: a\r\n\r\nG", false},
        {Q, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", false},
        {R, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", false},
        {R, "HTTP/1.1 200 OK\r\n\r\n", false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct stream stream = stream_of(cases[i].kind, cases[i].text);
        struct http1_trace trace;
        http1_trace_init(&trace, stream.kind);
        http1_trace_input(&trace, (struct parse_input){.data = (const uint8_t *)stream.text, .size = stream.size},
                          HTTP1_METHOD_OTHER);
        if (http1_at_rest(&trace.parser) != cases[i].rests)
            fail_msg("case %zu", i);
        http1_trace_free(&trace);
    }
}

/* Cut behind every byte: still each byte is looked at once. */
static void lines_are_searched_once(void **state)
{
    (void)state;
    static const char head[] = "GET /a HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n";
    struct trace_segment segments[sizeof(head) - 1];
    for (uint32_t i = 0; i < sizeof(head) - 1; i++)
        segments[i] = (struct trace_segment){i + 1, false};
    struct stream stream = stream_of(Q, head);
    struct http1_trace trace = run_segments(&stream, segments, sizeof(head) - 1, 0);
    assert_int_equal(trace.parser.bytes_searched, sizeof(head) - 1);
    assert_int_equal(trace.complete, 1);
    http1_trace_free(&trace);
}

/* ---- holes ---- */

#define MESSAGES 5u

static const char *const request_messages[MESSAGES] = {
    "GET /one HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n",
    "POST /two HTTP/1.1\r\nHost: a\r\nContent-Length: 32\r\n\r\n{\"name\": \"Ada\", \"line\": \"a b c\"}",
    "PUT /three HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{\"k\": 1,\r\n7\r\n\"l\": 2}\r\n0\r\n\r\n",
    "PATCH /four HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\nline\r\nline\r\n",
    "DELETE /five HTTP/1.1\r\nHost: a\r\n\r\n",
};

static const char *const response_messages[MESSAGES] = {
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{\"a\": 1}",
    "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\n5\r\npedia\r\n0\r\nX: y\r\n\r\n",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 500 Oops\r\nContent-Length: 5\r\n\r\nsorry",
};

struct joined {
    struct stream stream;
    char text[2048];
    uint32_t ends[MESSAGES];
    char *traces[MESSAGES]; /* of each message alone */
};

static void join(struct joined *joined, enum http1_kind kind, const char *const *messages)
{
    joined->text[0] = '\0';
    for (uint32_t i = 0; i < MESSAGES; i++) {
        struct stream one = stream_of(kind, messages[i]);
        struct http1_trace trace = run_whole(&one);
        assert_int_equal(trace.complete, 1);
        joined->traces[i] = trace.lines.text;
        strcat(joined->text, messages[i]);
        joined->ends[i] = (uint32_t)strlen(joined->text);
    }
    joined->stream = stream_of(kind, joined->text);
}

/* Takes `part` off the front of what is left, or fails. */
static void expect_front(const char **rest, const char *part, const char *what, uint32_t from, uint32_t to)
{
    if (strncmp(*rest, part, strlen(part)) != 0)
        fail_msg("hole %u-%u: %s differs: expected\n%s--- in\n%s", from, to, what, part, *rest);
    *rest += strlen(part);
}

static void check_hole(const struct joined *joined, uint32_t from, uint32_t to)
{
    struct trace_segment segments[] = {{from, false}, {to, true}, {joined->stream.size, false}};
    struct http1_trace trace =
        run_segments(&joined->stream, segments, to < joined->stream.size ? 3 : 2, ANOMALY_BIT(ANOMALY_AFTER_LOSS));
    const char *rest = trace.lines.text;
    uint32_t after = MESSAGES;
    for (uint32_t i = 0; i < MESSAGES; i++) {
        uint32_t start = i ? joined->ends[i - 1] : 0;
        if (joined->ends[i] <= from)
            expect_front(&rest, joined->traces[i], "a message before it", from, to);
        if (start >= to && after == MESSAGES)
            after = i;
    }
    size_t tail = 0;
    for (uint32_t i = after; i < MESSAGES; i++)
        tail += strlen(joined->traces[i]);
    assert_true(strlen(rest) >= tail);
    rest += strlen(rest) - tail;
    for (uint32_t i = after; i < MESSAGES; i++)
        expect_front(&rest, joined->traces[i], "a message behind it", from, to);
    http1_trace_free(&trace);
}

static void check_holes(enum http1_kind kind, const char *const *messages)
{
    static struct joined joined;
    join(&joined, kind, messages);
    for (uint32_t from = 0; from < joined.stream.size; from++)
        for (uint32_t size = 1; size <= HOLE_MAX && from + size <= joined.stream.size; size++)
            check_hole(&joined, from, from + size);
    for (uint32_t i = 0; i < MESSAGES; i++)
        free(joined.traces[i]);
}

static void holes_leave_other_messages_alone(void **state)
{
    (void)state;
    check_holes(Q, request_messages);
    check_holes(R, response_messages);
}

static void a_hole_in_a_body_is_counted(void **state)
{
    (void)state;
    struct stream stream = stream_of(R, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789");
    struct trace_segment inside[] = {{stream.size - 8, false}, {stream.size - 3, true}, {stream.size, false}};
    struct http1_trace trace = run_segments(&stream, inside, 3, 0);
    assert_int_equal(trace.complete, 1);
    assert_int_equal(trace.body_bytes, 5);
    assert_int_equal(trace.lost_bytes, 5);
    http1_trace_free(&trace);
}

static void a_hole_beyond_the_body_cuts_the_message(void **state)
{
    (void)state;
    struct stream stream = stream_of(R, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n0123HTTP/1.1 404 No\r\n"
                                        "Content-Length: 0\r\n\r\nHTTP/1.1 201 Yes\r\nContent-Length: 0\r\n\r\n");
    uint32_t body = (uint32_t)(strstr(stream.text, "0123") - stream.text);
    struct trace_segment beyond[] = {{body + 2, false}, {body + 9, true}, {stream.size, false}};
    struct http1_trace trace = run_segments(&stream, beyond, 3, 0);
    assert_int_equal(trace.messages, 2);
    assert_int_equal(trace.complete, 1);
    assert_int_equal(trace.lost_bytes, 2);
    assert_non_null(strstr(trace.lines.text, "STATUS code=c9 [Yes]"));
    assert_true(trace.anomalies & ANOMALY_BIT(ANOMALY_AFTER_LOSS));
    http1_trace_free(&trace);
}

static void a_stream_may_begin_in_the_middle(void **state)
{
    (void)state;
    static const char text[] = "T /no HTTP/1.1\r\nHost: a\r\n\r\n{\"x\": 1}POST /yes HTTP/1.1\r\nHost: a\r\n\r\n";
    struct http1_trace trace;
    struct trace_segment whole = {sizeof(text) - 1, false};
    http1_trace_init(&trace, Q);
    http1_init_midstream(&trace.parser, Q);
    http1_trace_run(&trace, (const uint8_t *)text, sizeof(text) - 1, &whole, 1, ANY, &guard);
    assert_int_equal(trace.messages, 1);
    assert_non_null(strstr(trace.lines.text, "REQUEST [POST] [/yes]"));
    assert_true(trace.anomalies & ANOMALY_BIT(ANOMALY_AFTER_LOSS));
    assert_int_equal(trace.parser.bytes_skipped, strstr(text, "POST") - text);
    http1_trace_free(&trace);
}

/* ---- framing ---- */

struct framing_case {
    enum http1_kind kind;
    const char *headers;
    enum http1_framing framing;
    uint64_t length;
    uint64_t anomalies; /* all of them */
};

#define BIT(name) ANOMALY_BIT(ANOMALY_##name)

static const struct framing_case framing_cases[] = {
    {Q, "", HTTP1_FRAMING_NONE, 0, 0},
    {Q, "Content-Length: 5\r\n", HTTP1_FRAMING_LENGTH, 5, 0},
    {Q, "Content-Length: 9223372036854775807\r\n", HTTP1_FRAMING_LENGTH, INT64_MAX, 0},
    {Q, "Content-Length: 9223372036854775808\r\n", HTTP1_FRAMING_NONE, 0, BIT(LENGTH_MALFORMED)},
    {Q, "Content-Length: 5\r\nContent-Length: 5\r\n", HTTP1_FRAMING_LENGTH, 5, BIT(LENGTH_REPEATED)},
    {Q, "Content-Length: 5, 6\r\n", HTTP1_FRAMING_LENGTH, 5, BIT(LENGTH_CONFLICT)},
    {Q, "Content-Length: +5\r\n", HTTP1_FRAMING_LENGTH, 5, BIT(LENGTH_MALFORMED)},
    {Q, "Content-Length: 5x\r\n", HTTP1_FRAMING_LENGTH, 5, BIT(LENGTH_MALFORMED)},
    {Q, "Content-Length: -5\r\n", HTTP1_FRAMING_NONE, 0, BIT(LENGTH_MALFORMED)},
    {Q, "Content-Length:\r\n", HTTP1_FRAMING_NONE, 0, BIT(LENGTH_MALFORMED)},
    {Q, "Content-Length : 5\r\n", HTTP1_FRAMING_LENGTH, 5, BIT(SPACE_BEFORE_COLON)},
    {Q, "Transfer-Encoding: chunked\r\n", HTTP1_FRAMING_CHUNKED, 0, 0},
    {Q, "transfer-encoding: gzip,CHUNKED\r\n", HTTP1_FRAMING_CHUNKED, 0, BIT(ENCODING_OBFUSCATED)},
    {R, "transfer-encoding: gzip,CHUNKED\r\n", HTTP1_FRAMING_CHUNKED, 0, 0},
    {Q, "Transfer-Encoding:\tchunked\r\n", HTTP1_FRAMING_CHUNKED, 0, BIT(ENCODING_OBFUSCATED)},
    {Q, "Content-Length: ,5\r\n", HTTP1_FRAMING_LENGTH, 5, BIT(LENGTH_MALFORMED)},
    {Q, "Content-Length: 5\r\nConnection: close, content-length\r\n", HTTP1_FRAMING_LENGTH, 5, BIT(LENGTH_MALFORMED)},
    {R, "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n", HTTP1_FRAMING_CHUNKED, 0, 0},
    {Q, "transfer-encoding: , gzip,CHUNKED ,\r\n", HTTP1_FRAMING_CHUNKED, 0, BIT(ENCODING_OBFUSCATED)},
    {Q, "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", HTTP1_FRAMING_CHUNKED, 0,
     BIT(ENCODING_OBFUSCATED)},
    {Q, "Transfer-Encoding: cow, chunked\r\n", HTTP1_FRAMING_CHUNKED, 0, BIT(ENCODING_OBFUSCATED)},
    {Q, "Transfer_Encoding: chunked\r\n", HTTP1_FRAMING_NONE, 0, BIT(ENCODING_OBFUSCATED)},
    {Q, ": Transfer-Encoding: chunked\r\n", HTTP1_FRAMING_NONE, 0, BIT(ENCODING_OBFUSCATED) | BIT(HEADER_NAME)},
    {Q, "Transfer-Encoding chunked\r\n", HTTP1_FRAMING_NONE, 0, BIT(ENCODING_OBFUSCATED) | BIT(HEADER_LINE)},
    {Q, "Content_Length: 5\r\n", HTTP1_FRAMING_NONE, 0, BIT(LENGTH_MALFORMED)},
    {Q, "X-Content-Length: 5\r\n", HTTP1_FRAMING_NONE, 0, 0},
    {Q, "Content-Length: 010\r\n", HTTP1_FRAMING_LENGTH, 10, BIT(LENGTH_MALFORMED)},
    {Q, "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", HTTP1_FRAMING_CHUNKED, 0, BIT(LENGTH_AND_CHUNKED)},
    {Q, "Transfer-Encoding: xchunked\r\n", HTTP1_FRAMING_NONE, 0, BIT(ENCODING_OBFUSCATED) | BIT(ENCODING_NOT_FINAL)},
    {Q, "Transfer-Encoding: \"chunked\"\r\nContent-Length: 5\r\n", HTTP1_FRAMING_LENGTH, 5,
     BIT(ENCODING_OBFUSCATED) | BIT(ENCODING_NOT_FINAL) | BIT(LENGTH_AND_CHUNKED)},
    {Q, "Transfer-Encoding: chunked;q=1\r\n", HTTP1_FRAMING_CHUNKED, 0, BIT(ENCODING_OBFUSCATED)},
    {Q, "Transfer-Encoding: chunked, chunked\r\n", HTTP1_FRAMING_CHUNKED, 0, BIT(ENCODING_OBFUSCATED)},
    {Q, "Transfer-Encoding:\r\n chunked\r\n", HTTP1_FRAMING_CHUNKED, 0, BIT(ENCODING_OBFUSCATED) | BIT(OBS_FOLD)},
    {Q, "Transfer-Encoding : chunked\r\n", HTTP1_FRAMING_CHUNKED, 0,
     BIT(ENCODING_OBFUSCATED) | BIT(SPACE_BEFORE_COLON)},
    {Q,
     "Transfer-Encoding: \x0b"
     "chunked\r\n",
     HTTP1_FRAMING_NONE, 0, BIT(ENCODING_OBFUSCATED) | BIT(ENCODING_NOT_FINAL) | BIT(HEADER_VALUE)},
    {Q, "Transfer-Encoding: chunked, identity\r\n", HTTP1_FRAMING_CHUNKED, 0,
     BIT(ENCODING_NOT_FINAL) | BIT(ENCODING_OBFUSCATED)},
    {Q, "Transfer-Encoding: gzip\r\n", HTTP1_FRAMING_NONE, 0, BIT(ENCODING_NOT_FINAL)},
    {R, "", HTTP1_FRAMING_UNTIL_CLOSE, 0, 0},
    {R, "Content-Length: 0\r\n", HTTP1_FRAMING_LENGTH, 0, 0},
    {R, "Content-Length: x\r\n", HTTP1_FRAMING_UNTIL_CLOSE, 0, BIT(LENGTH_MALFORMED)},
    {R, "Transfer-Encoding: chunked, identity\r\n", HTTP1_FRAMING_UNTIL_CLOSE, 0,
     BIT(ENCODING_NOT_FINAL) | BIT(ENCODING_OBFUSCATED)},
    {R, "Transfer-Encoding: chunked\r\n", HTTP1_FRAMING_CHUNKED, 0, 0},
};

static void check_framing(const struct framing_case *expected)
{
    char text[512], wanted[64];
    snprintf(text, sizeof(text), "%s%s\r\n",
             expected->kind == Q ? "POST / HTTP/1.1\r\nHost: a\r\n" : "HTTP/1.1 200 OK\r\n", expected->headers);
    snprintf(wanted, sizeof(wanted), "HEAD_END framing=%x length=%llx ", expected->framing,
             (unsigned long long)expected->length);
    struct stream stream = stream_of(expected->kind, text);
    struct http1_trace trace = run_whole(&stream);
    if (!strstr(trace.lines.text, wanted) || trace.anomalies != expected->anomalies)
        fail_msg("%s: anomalies %llx, wanted %s and %llx\n%s", expected->headers, (unsigned long long)trace.anomalies,
                 wanted, (unsigned long long)expected->anomalies, trace.lines.text);
    http1_trace_free(&trace);
}

static void framing_follows_the_rfc_or_the_promised_reading(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(framing_cases); i++)
        check_framing(&framing_cases[i]);
}

struct text_case {
    enum http1_kind kind;
    enum http1_method method;
    const char *text;
    const char *wanted; /* part of the trace */
    uint64_t anomalies; /* all of them */
};

#define HOST       "Host: a\r\n"
#define CHUNK_HEAD "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

#define HIDDEN "GET /admin HTTP/1.1\r\n\r\n"

static const struct text_case text_cases[] = {
    {Q, ANY, "POST / HTTP/1.1\r\n" HOST "Content-Length: 23\r\n\r\n" HIDDEN, "END complete=1", BIT(HIDDEN_REQUEST)},
    {Q, ANY, "POST / HTTP/1.1\r\n" HOST "Content-Length: 25\r\n\r\n\r\n" HIDDEN, "END complete=1", BIT(HIDDEN_REQUEST)},
    {Q, ANY, CHUNK_HEAD "5\r\nGET /\r\n12\r\nadmin HTTP/1.1\r\n\r\n\r\n0\r\n\r\n", "END complete=1",
     BIT(HIDDEN_REQUEST)},
    /* Further back it is content, unless the framing is ambiguous. */
    {Q, ANY, "POST / HTTP/1.1\r\n" HOST "Content-Length: 26\r\n\r\na\r\n" HIDDEN, "END complete=1", 0},
    {Q, ANY, "POST / HTTP/1.1\r\n" HOST "Content-Length: +26\r\n\r\na\r\n" HIDDEN, "END complete=1",
     BIT(HIDDEN_REQUEST) | BIT(LENGTH_MALFORMED)},
    {Q, ANY, "POST / HTTP/1.1\r\n" HOST "Content-Length: 16\r\n\r\nGET /admin HTML/", "END complete=1", 0},
    {Q, ANY, "POST / HTTP/1.1\r\n" HOST "Content-Length: 6\r\n\r\nHTTP/1", "END complete=1", 0},
    {Q, ANY, CHUNK_HEAD "0\r\nContent-Length: 5\r\n\r\n", "END complete=1", BIT(LENGTH_MALFORMED)},
    {Q, ANY, CHUNK_HEAD "0\r\nCookie: b\r\n\r\n", "END complete=1", BIT(HEADER_MISPLACED)},
    {Q, ANY, CHUNK_HEAD "0\r\nX-Sum: b\r\n\r\n", "END complete=1", 0},
    {Q, ANY, "POST / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\n\r\n", "END complete=1", 0},
    {Q, ANY, "POST / HTTP/1.1\r\n" HOST "Expect: y 100-continue\r\n\r\n", "END complete=1", BIT(HEADER_VALUE)},
    {R, ANY, "HTTP/1.1 200 OK\r\nExpect: x\r\nContent-Length: 0\r\n\r\n", "END complete=1", 0},
    /* HTTP/0.9: one line, whose words have to leave no doubt. */
    {Q, ANY, "GET /a?b\r\n", "REQUEST [GET] [/a?b] minor=0", BIT(VERSION)},
    {Q, ANY, "GET /a\n", "END complete=1", BIT(VERSION) | BIT(BARE_LF)},
    {Q, ANY, "POST /a\r\n", "", 0},
    {Q, ANY, "GET /a b\r\n", "", 0},
    {Q, ANY, "GET a\r\n", "", 0},
    {Q, ANY, "GET  /a\r\n", "", 0},
    {Q, ANY, CHUNK_HEAD "0\r\nHost: b\r\n\r\n", "END complete=1", BIT(HOST_REPEATED)},
    {Q, ANY, "XGET / HTTP/1.1\r\n" HOST "\r\n", "REQUEST [XGET]", BIT(LEADING_BYTES)},
    {Q, ANY, "GET /a\x0b HTTP/1.1\r\n" HOST "\r\n", "END complete=1", BIT(REQUEST_LINE) | BIT(TARGET)},
    {Q, ANY, "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "REQUEST [GET] [/a b] minor=1", BIT(REQUEST_LINE) | BIT(TARGET)},
    {Q, ANY, "GET  /a HTTP/1.1\r\nHost: a\r\n\r\n", "REQUEST [GET] [/a] minor=1", BIT(REQUEST_LINE)},
    {Q, ANY, "GET /a HTTP/1.1 \r\nHost: a\r\n\r\n", "REQUEST [GET] [/a] minor=1", BIT(REQUEST_LINE)},
    {Q, ANY, "G@T /a HTTP/1.1\r\nHost: a\r\n\r\n", "REQUEST [G@T] [/a] minor=1", BIT(REQUEST_LINE)},
    {Q, ANY, "GET /a HTTP/1.2\r\nHost: a\r\n\r\n", "REQUEST [GET] [/a] minor=1", BIT(VERSION)},
    {Q, ANY, "GET /\"a\" HTTP/1.0\r\n\r\n", "REQUEST [GET] [/\"a\"] minor=0", BIT(TARGET)},
    {Q, ANY, "GET / HTTP/1.1\r\n\r\n", "END complete=1", BIT(HOST_MISSING)},
    {Q, ANY, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "END complete=1", BIT(HOST_REPEATED)},
    {Q, ANY, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "END complete=1", BIT(HOST_INVALID)},
    {Q, ANY, "GET / HTTP/1.1\r\n" HOST " x: y\r\n\r\n", "HEADER [Host] [a\r\n x: y]",
     BIT(OBS_FOLD) | BIT(HOST_INVALID)},
    {Q, ANY, "GET / HTTP/1.1\r\n x: y\r\n" HOST "\r\n", "HEADER [] [x: y]", BIT(HEADER_LINE)},
    {Q, ANY, "GET / HTTP/1.1\r\n" HOST "a@b: y\r\n\r\n", "HEADER [a@b] [y]", BIT(HEADER_NAME)},
    {Q, ANY, "GET / HTTP/1.1\r\n" HOST "a: \x01y\r\n\r\n", "HEADER [a] [\x01y]", BIT(HEADER_VALUE)},
    {Q, ANY, "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "END complete=1", BIT(ENCODING_IN_1_0)},
    {Q, ANY, "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\nContent-Length: 2\r\n\r\n", "framing=0", BIT(BODY_ON_BODILESS)},
    {Q, ANY, "junk\r\nGET / HTTP/1.1\r\n" HOST "\r\n", "REQUEST [GET] [/]", BIT(LEADING_BYTES)},
    {Q, ANY, "GET / HTTP/1.1\r\n" HOST "\r\n{\"a\": 1}PUT /b HTTP/1.1\r\n" HOST "\r\n", "REQUEST [PUT] [/b]",
     BIT(LEADING_BYTES)},
    {Q, ANY, CHUNK_HEAD "+3\r\nabc\r\n0\r\n\r\n", "BODY  anomalies=40000 abc\nEND complete=1", BIT(CHUNK_SIZE)},
    {Q, ANY, CHUNK_HEAD "3 \r\nabc\r\n0\r\n\r\n", "abc\nEND complete=1", BIT(CHUNK_SIZE)},
    {Q, ANY, CHUNK_HEAD "0x3\r\nabc\r\n0\r\n\r\n", "abc\nEND complete=1", BIT(CHUNK_SIZE)},
    {Q, ANY, CHUNK_HEAD "3;a=b\r\nabc\r\n0\r\n\r\n", "abc\nEND complete=1", BIT(CHUNK_EXTENSION)},
    {Q, ANY, CHUNK_HEAD "3;\r\nabc\r\n0\r\n\r\n", "abc\nEND complete=1", BIT(CHUNK_EXTENSION) | BIT(CHUNK_SIZE)},
    {Q, ANY, CHUNK_HEAD "3;a=\"b;\\\"\"\r\nabc\r\n0\r\n\r\n", "abc\nEND complete=1", BIT(CHUNK_EXTENSION)},
    {Q, ANY, CHUNK_HEAD "3;a=\"b\r\nabc\r\n0\r\n\r\n", "abc\nEND complete=1", BIT(CHUNK_EXTENSION) | BIT(CHUNK_SIZE)},
    {Q, ANY, CHUNK_HEAD "3;a=b\"c\"\r\nabc\r\n0\r\n\r\n", "abc\nEND complete=1",
     BIT(CHUNK_EXTENSION) | BIT(CHUNK_SIZE)},
    {Q, ANY, CHUNK_HEAD "3;a=\x80\r\nabc\r\n0\r\n\r\n", "abc\nEND complete=1", BIT(CHUNK_EXTENSION) | BIT(CHUNK_SIZE)},
    {Q, ANY, CHUNK_HEAD "3\r\nabc0\r\n\r\n", "BODY abc\nEND complete=1", BIT(CHUNK_END)},
    {Q, ANY, CHUNK_HEAD "3\r\nabc\r\n\r\n0\r\n\r\n", "BODY abc\nEND complete=1", BIT(CHUNK_SIZE)},
    {Q, ANY, CHUNK_HEAD "7fffffffffffffff\r\nabc", "BODY abc\nEND complete=0", 0},
    {Q, ANY, CHUNK_HEAD "8000000000000000\r\nabc", "END complete=0", BIT(CHUNK_SIZE)},
    {Q, ANY, CHUNK_HEAD "0000000000000000003\r\nabc\r\n0\r\n\r\n", "abc\nEND complete=1", BIT(CHUNK_SIZE)},
    {R, ANY, "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "STATUS code=c8 []", BIT(STATUS_LINE)},
    {R, ANY, "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", "STATUS code=14 [OK]", BIT(STATUS_LINE)},
    {R, ANY, "HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n", "STATUS code=c8 [OK]", BIT(VERSION)},
    {R, ANY, "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", "framing=0", BIT(BODY_ON_BODILESS)},
    {R, ANY, "HTTP/1.1 304 Not\r\nContent-Length: 5\r\n\r\n", "framing=0", 0},
    {R, HTTP1_METHOD_HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "framing=0", 0},
    {R, HTTP1_METHOD_UNKNOWN, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
     "END complete=1 assumed", 0},
    {R, HTTP1_METHOD_UNKNOWN, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
     "END complete=1 assumed", 0},
    {R, HTTP1_METHOD_UNKNOWN, "HTTP/1.0 200 OK\r\n\r\nHTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
     "END complete=1 assumed", 0},
    {R, HTTP1_METHOD_UNKNOWN, "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nHTTP/1.1 2x0",
     "BODY HTTP/1.1 2x0\nEND complete=1 anom", 0},
    {R, HTTP1_METHOD_UNKNOWN, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nHTTP/1.1",
     "BODY HTTP/1.1\nEND complete=1 anom", 0},
    {R, HTTP1_METHOD_CONNECT, "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "framing=4", 0},
    {R, HTTP1_METHOD_CONNECT, "HTTP/1.1 407 No\r\nContent-Length: 1\r\n\r\nx", "BODY x", 0},
    {R, ANY, "HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 101 Switch\r\n\r\nHTTP/1.1 200", "framing=4", 0},
    {R, ANY, "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "persistent=0",
     BIT(EXTRA_RESPONSE)},
};

static void oddities_are_read_on_and_flagged(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(text_cases); i++) {
        struct stream stream = stream_of(text_cases[i].kind, text_cases[i].text);
        stream.method = text_cases[i].method;
        struct http1_trace trace = run_whole(&stream);
        if (!strstr(trace.lines.text, text_cases[i].wanted) || trace.anomalies != text_cases[i].anomalies)
            fail_msg("%s: anomalies %llx, wanted %llx and %s in\n%s", text_cases[i].text,
                     (unsigned long long)trace.anomalies, (unsigned long long)text_cases[i].anomalies,
                     text_cases[i].wanted, trace.lines.text);
        http1_trace_free(&trace);
    }
}

static void other_protocols_are_handed_over(void **state)
{
    (void)state;
    static const char *const requests[] = {"OPTIONS rtsp://h/ RTSP/1.0\r\n\r\n", "INVITE sip:a@b SIP/2.0\r\n\r\n",
                                           "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"};
    static const char *const responses[] = {"ICY 200 OK\r\n\r\n", "RTSP/1.0 200 OK\r\n\r\n", "SIP/2.0 200 OK\r\n\r\n"};
    for (size_t i = 0; i < 3; i++)
        for (int kind = 0; kind < 2; kind++) {
            const char *text = kind == Q ? requests[i] : responses[i];
            struct parse_input input = {(const uint8_t *)text, (uint32_t)strlen(text), 0, false};
            struct http1 parser;
            struct http1_item item;
            http1_init(&parser, (enum http1_kind)kind);
            struct parse_step step = http1_parse(&parser, &input, &item);
            assert_int_equal(step.status, PARSE_STOP);
            assert_int_equal(step.consumed, 0);
        }
}

static void a_tunnel_set_from_outside_stops_between_messages(void **state)
{
    (void)state;
    static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /in/tunnel HTTP/1.1\r\n\r\n";
    struct parse_input input = {(const uint8_t *)text, sizeof(text) - 1, 0, false};
    struct http1 parser;
    struct http1_item item;
    http1_init(&parser, Q);
    struct parse_step step = http1_parse(&parser, &input, &item);
    http1_set_tunnel(&parser);
    while (step.status == PARSE_ITEM) {
        input.data += step.consumed;
        input.size -= step.consumed;
        step = http1_parse(&parser, &input, &item);
    }
    assert_int_equal(step.status, PARSE_STOP);
    assert_int_equal(memcmp(input.data, "GET /in", 7), 0);
    assert_int_equal(item.kind, HTTP1_MESSAGE_END);
}

/* ---- limits ---- */

static void oversized_lines_are_cut_the_same_way_for_any_cut(void **state)
{
    (void)state;
    static char text[3 * HTTP1_LINE_MAX];
    int size = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\nLong: ");
    memset(text + size, 'x', 2 * HTTP1_LINE_MAX);
    snprintf(text + size + 2 * HTTP1_LINE_MAX, 100, "\r\nNext: 1\r\n\r\n");
    struct stream stream = stream_of(Q, text);
    struct http1_trace whole = run_whole(&stream);
    assert_int_equal(whole.anomalies, BIT(LINE_OVERSIZED));
    assert_non_null(strstr(whole.lines.text, "HEADER [Next] [1]"));
    assert_int_equal(whole.complete, 1);
    for (uint32_t cut = 1; cut < stream.size; cut += cut % HTTP1_LINE_MAX < 100 ? 1 : 61) {
        struct trace_segment segments[] = {{cut, false}, {stream.size, false}};
        struct http1_trace trace = run_segments(&stream, segments, 2, 0);
        assert_true(http1_trace_equal(&whole, &trace));
        http1_trace_free(&trace);
    }
    http1_trace_free(&whole);
}

static void too_many_headers_are_flagged_and_delivered(void **state)
{
    (void)state;
    static char text[8192];
    strcpy(text, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (uint32_t i = 1; i < HTTP1_HEADERS_MAX; i++)
        strcat(text, "X: y\r\n");
    size_t size = strlen(text);
    strcat(text, "\r\n");
    struct stream stream = stream_of(Q, text);
    struct http1_trace trace = run_whole(&stream);
    assert_int_equal(trace.anomalies, 0);
    http1_trace_free(&trace);
    strcpy(text + size, "X: y\r\nLast: 1\r\n\r\n");
    stream = stream_of(Q, text);
    trace = run_whole(&stream);
    assert_int_equal(trace.anomalies, BIT(HEADERS_TOO_MANY));
    assert_non_null(strstr(trace.lines.text, "HEADER [Last] [1]"));
    http1_trace_free(&trace);
}

/* ---- byte searches: the fast ones against the plain ones ---- */

static void check_scans(const uint8_t *data, uint32_t size)
{
    for (uint32_t from = 0; from <= size; from++)
        assert_int_equal(http1_scan_control(data, size, from), http1_scan_control_plain(data, size, from));
    assert_int_equal(http1_scan_token(data, size), http1_scan_set_plain(data, size, 0, http1_token_set));
    assert_int_equal(http1_scan_target(data, size), http1_scan_set_plain(data, size, 0, http1_target_set));
    assert_int_equal(http1_scan_host(data, size), http1_scan_set_plain(data, size, 0, http1_host_set));
}

static void fast_searches_equal_the_plain_ones(void **state)
{
    (void)state;
    uint64_t random = 0x9e3779b97f4a7c15u;
    for (uint32_t size = 0; size <= 67; size++) {
        uint8_t *data = guard.end - size;
        for (uint32_t byte = 0; byte < 256; byte++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            memset(data, 'a', size);
            if (size)
                data[(random >> 33) % size] = (uint8_t)byte;
            check_scans(data, size);
        }
        for (uint32_t i = 0; i < size; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            data[i] = (uint8_t)(random >> 40);
        }
        check_scans(data, size);
    }
}

static void the_plain_searches_know_the_sets(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        uint8_t byte = (uint8_t)c;
        bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        bool token = alpha || (c && strchr("!#$%&'*+-.^_`|~", c));
        bool target = alpha || (c && strchr("-._~%:/?[]@!$&'()*+,;=", c));
        assert_int_equal(http1_scan_set_plain(&byte, 1, 0, http1_token_set), token);
        assert_int_equal(http1_scan_set_plain(&byte, 1, 0, http1_target_set), target);
        assert_int_equal(http1_scan_set_plain(&byte, 1, 0, http1_host_set), target && !strchr("%:/?[]@", c));
        assert_int_equal(http1_scan_control_plain(&byte, 1, 0), !((c < 32 && c != '\t') || c == 127));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_cuts_gives_the_same_items),
        cmocka_unit_test(parsers_rest_between_messages),
        cmocka_unit_test(lines_are_searched_once),
        cmocka_unit_test(holes_leave_other_messages_alone),
        cmocka_unit_test(a_hole_in_a_body_is_counted),
        cmocka_unit_test(a_hole_beyond_the_body_cuts_the_message),
        cmocka_unit_test(a_stream_may_begin_in_the_middle),
        cmocka_unit_test(framing_follows_the_rfc_or_the_promised_reading),
        cmocka_unit_test(oddities_are_read_on_and_flagged),
        cmocka_unit_test(other_protocols_are_handed_over),
        cmocka_unit_test(a_tunnel_set_from_outside_stops_between_messages),
        cmocka_unit_test(oversized_lines_are_cut_the_same_way_for_any_cut),
        cmocka_unit_test(too_many_headers_are_flagged_and_delivered),
        cmocka_unit_test(fast_searches_equal_the_plain_ones),
        cmocka_unit_test(the_plain_searches_know_the_sets),
    };
    return cmocka_run_group_tests(tests, make_guard, drop_guard);
}
