/* SPDX-License-Identifier: Apache-2.0 */

/*
 * pipeline: WebSocket. Hand-built handshakes and frames (RFC 6455 1.3, 5.7; RFC 7692 7.2.3), cut in every way, give the
 * same calls; the same bytes fed to a link without a connection of its own give them too.
 */

#include "unit/pipeline_bench.h"

#include "pipeline/websocket.h"

#define ASK                                                                                                            \
    "GET /feed HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Request-ID: 1\r\n"        \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define AGREE                                                                                                          \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                                \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define DEFLATE "Sec-WebSocket-Extensions: permessage-deflate\r\n"

struct stream {
    uint32_t size;
    char bytes[4096];
};

static void put(struct stream *stream, const void *bytes, uint32_t size)
{
    assert_true(stream->size + size <= sizeof(stream->bytes));
    memcpy(stream->bytes + stream->size, bytes, size);
    stream->size += size;
}

static void put_frame(struct stream *stream, uint8_t first, bool masked, const void *payload, uint32_t size)
{
    const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    uint8_t header[2] = {first, (uint8_t)((masked ? 0x80 : 0) | size)};
    assert_true(size < 126);
    put(stream, header, sizeof(header));
    if (masked)
        put(stream, mask, sizeof(mask));
    websocket_unmask(payload, size, masked ? mask : (const uint8_t[4]){0}, (uint8_t *)stream->bytes + stream->size);
    stream->size += size;
}

static void put_text(struct stream *stream, uint8_t first, bool masked, const char *text)
{
    put_frame(stream, first, masked, text, (uint32_t)strlen(text));
}

static void make_client(struct stream *stream)
{
    put_text(stream, 0x81, true, "{\"card\":\"4111111111111111\"}");
    put_text(stream, 0x01, true, "{\"card\":\"41111");
    put_text(stream, 0x89, true, "alive");
    put_text(stream, 0x80, true, "11111111111\"}");
    put_text(stream, 0x82, true, "{\"card\":\"4111111111111111\"}");
    put_frame(stream, 0x81, true, "caf\xc3\xa9", 5);
    put_frame(stream, 0x88, true,
              "\x03\xe8"
              "bye",
              5);
}

static void make_server(struct stream *stream)
{
    put_text(stream, 0x81, false, "<card>4111111111111111</card>");
    put_frame(stream, 0x81, false, "caf\xe9", 4); /* ISO 8859-1: no UTF-8 */
    put_text(stream, 0x82, false, "");
    put_frame(stream, 0x88, false, "\x03\xe8", 2);
}

static const char calls_client[] =
    "text /feed -1 0 27 0\ntext /feed -1 0 27 0\nbinary /feed -1 0 27 0\ntext /feed -1 0 5 "
    "0\nclose /feed -1 0 3 0\n";
static const char calls_server[] =
    "text /feed -1 0 0 29\ntext /feed -1 200 0 4\nbinary /feed -1 0 0 0\nclose /feed -1 0 0 0\n"; /* 0x200: anomaly */

static void wire_stream(struct wire *wire, int from_server, const struct stream *stream, uint32_t step)
{
    for (uint32_t at = 0; at < stream->size; at += step)
        wire_segment(wire, from_server, 0x18, stream->bytes + at, min_u32(step, stream->size - at));
}

static struct wire *wire_open(const char *ask_more, const char *agree_more, uint32_t step)
{
    struct wire *wire = wire_new();
    char text[1024];
    snprintf(text, sizeof(text), "%s%s\r\n", ASK, ask_more);
    wire_text(wire, 0, text, step);
    snprintf(text, sizeof(text), "%s%s\r\n", AGREE, agree_more);
    wire_text(wire, 1, text, step);
    return wire;
}

/* Lines of `json` that hold both. */
static uint32_t count_lines(const char *json, const char *one, const char *other)
{
    uint32_t count = 0;
    while (json && *json) {
        char line[8192];
        size_t size = strcspn(json, "\n");
        assert_true(size < sizeof(line));
        memcpy(line, json, size);
        line[size] = '\0';
        count += strstr(line, one) && strstr(line, other);
        json += size + (json[size] != '\0');
    }
    return count;
}

static void every_cut_gives_the_same_messages(void **state)
{
    (void)state;
    static const uint32_t steps[] = {1400, 1, 3, 13};
    for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
        struct bench *bench = bench_new(256, 1024);
        struct stream client = {0}, server = {0};
        make_client(&client);
        make_server(&server);
        struct wire *wire = wire_open("", "", steps[i]);
        wire_stream(wire, 0, &client, steps[i]);
        wire_stream(wire, 1, &server, steps[i]);
        wire_close(wire);
        play(bench, wire, FRAMES_MAX);
        char wanted[1024];
        snprintf(wanted, sizeof(wanted), "GET /feed 101 100 0 0\n%s%s", calls_client, calls_server);
        assert_string_equal(bench->calls, wanted);
        /* Three in JSON of the client, one in XML of the server. */
        assert_int_equal(count_lines(bench->findings, "\"DAT-006\"", "\"name\":\"/card\""), 4);
        assert_int_equal(count_lines(bench->findings, "\"DAT-006\"", "\"side\":\"response\""), 1);
        assert_int_equal(count_lines(bench->findings, "\"PRO-005\"", "\"anomaly\":\"text_encoding\""), 1);
        assert_int_equal(count_lines(bench->findings, "\"PRO-005\"", ""), 1);
        assert_int_equal(count_lines(bench->findings, "\"HDR-", "\"websocket\""), 0);
        assert_null(strstr(bench->findings, "4111111111111111"));
        bench_free(bench);
        free(wire);
    }
}

static void leaving_the_protocol_is_told(void **state)
{
    (void)state;
    struct bench *bench = bench_new(256, 1024);
    struct stream client = {0}, server = {0};
    put_text(&client, 0x81, false, "not masked");
    put_text(&server, 0x81, true, "masked");
    put_text(&server, 0x89, true, "so is this ping");
    struct wire *wire = wire_open("Origin: https://evil.example\r\n", DEFLATE, 1400);
    wire_stream(wire, 0, &client, 1400);
    wire_stream(wire, 1, &server, 1400);
    wire_close(wire);
    play(bench, wire, FRAMES_MAX);
    assert_string_equal(bench->calls, "GET /feed 101 300 0 0\ntext /feed -1 200 10 0\ntext /feed -1 200 0 6\n"
                                      "ping /feed -1 200 0 15\n");
    assert_int_equal(count_lines(bench->findings, "\"PRO-005\"", "https://evil.example"), 1);
    assert_int_equal(count_lines(bench->findings, "\"PRO-005\"", "\"sender\":\"client\""), 1);
    assert_int_equal(count_lines(bench->findings, "\"PRO-005\"", "\"sender\":\"server\""), 2);
    bench_free(bench);
    free(wire);
}

/* A message that refers to a lost one is no clean message; the next that does not is read again. */
static void compressed_messages_behind_a_hole(void **state)
{
    (void)state;
    static const char hello[] = "\xf2\x48\xcd\xc9\xc9\x07\x00", hello_again[] = "\xf2\x00\x11\x00\x00";
    for (uint32_t lost = 0; lost < 2; lost++) {
        struct bench *bench = bench_new(256, 1024);
        struct wire *wire = wire_open(DEFLATE, DEFLATE, 1400);
        uint32_t first = wire->count;
        const char *payloads[4] = {hello, hello_again, hello, hello_again};
        for (uint32_t i = 0; i < 4; i++) {
            struct stream server = {0};
            put_frame(&server, 0xc1, false, payloads[i], payloads[i] == hello ? 7 : 5);
            /* Header and payload apart: only the payload gets lost, so the chain of frames stays in sight. */
            wire_segment(wire, 1, 0x18, server.bytes, 2);
            wire_segment(wire, 1, 0x18, server.bytes + 2, server.size - 2);
        }
        wire_close(wire);
        play(bench, wire, lost ? first + 1 : FRAMES_MAX);
        /* 0x81: a gap, undecoded; 0x80: undecoded, but for its first letter, which is written out. */
        assert_string_equal(bench->calls, lost ? "GET /feed 101 100 0 0\ntext /feed -1 81 0 0\ntext /feed -1 80 0 1\n"
                                                 "text /feed -1 0 0 5\ntext /feed -1 0 0 5\n"
                                               : "GET /feed 101 100 0 0\ntext /feed -1 0 0 5\ntext /feed -1 0 0 5\n"
                                                 "text /feed -1 0 0 5\ntext /feed -1 0 0 5\n");
        bench_free(bench);
        free(wire);
    }
}

static void a_link_needs_no_connection(void **state)
{
    (void)state;
    static struct flow flow;
    static struct transaction handshake;
    for (uint32_t step = 1; step < 200; step *= 7) {
        struct bench *bench = bench_new(256, 1024);
        struct stream streams[2] = {{0}, {0}};
        make_client(&streams[0]);
        make_server(&streams[1]);
        transaction_init(&handshake);
        handshake.call.protocol = CALL_HTTP2;
        handshake.call.path = span_from_text("/feed");
        handshake.request.seen = handshake.response.seen = true;
        struct websocket_link *link = websocket_link_open(bench->fixture.pipeline, &handshake, false);
        assert_non_null(link);
        for (uint32_t direction = 0; direction < 2; direction++) {
            const struct stream *stream = &streams[direction];
            struct websocket_feed feed = {link, &flow, direction, SECOND_NS};
            for (uint32_t at = 0; at < stream->size; at += step) {
                struct parse_input input = {.data = (const uint8_t *)stream->bytes + at,
                                            .size = min_u32(step, stream->size - at)};
                assert_true(websocket_link_feed(bench->fixture.pipeline, &feed, input));
            }
            assert_false(websocket_link_feed(
                bench->fixture.pipeline, &feed,
                (struct parse_input){.data = (const uint8_t *)stream->bytes, .size = 0, .last = true}));
        }
        websocket_link_close(bench->fixture.pipeline, link);
        bench_finish(bench);
        char wanted[1024];
        snprintf(wanted, sizeof(wanted), "%s%s", calls_client, calls_server);
        assert_string_equal(bench->calls, wanted);
        assert_int_equal(bench->fixture.pipeline->carries.used_count, 0);
        assert_int_equal(bench->fixture.pipeline->websockets.used_count, 0);
        assert_int_equal(bench->fixture.pipeline->exchanges.used_count, 0);
        bench_free(bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_gives_the_same_messages),
        cmocka_unit_test(leaving_the_protocol_is_told),
        cmocka_unit_test(compressed_messages_behind_a_hole),
        cmocka_unit_test(a_link_needs_no_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
