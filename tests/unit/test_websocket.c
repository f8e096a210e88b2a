/* SPDX-License-Identifier: Apache-2.0 */

/*
 * proto: WebSocket frames. Frames are those of RFC 6455 5.7 or written by hand; cuts at every pair of places and holes
 * at every place check the parser contract.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "websocket_trace.h"

#include "proto/websocket_chain.h"

#define STREAM_MAX 70000u

struct stream {
    uint32_t size;
    uint8_t bytes[STREAM_MAX];
};

static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d}; /* of RFC 6455 5.7 */

static void put(struct stream *stream, const void *bytes, uint32_t size)
{
    assert_true(stream->size + size <= STREAM_MAX);
    memcpy(stream->bytes + stream->size, bytes, size);
    stream->size += size;
}

/* A frame as RFC 6455 5.2 draws it. */
static void put_frame(struct stream *stream, uint8_t first, const uint8_t *mask, const char *payload, uint32_t size)
{
    uint8_t header[4] = {first, (uint8_t)((mask ? 0x80 : 0) | (size < 126 ? size : 126)), (uint8_t)(size >> 8),
                         (uint8_t)size};
    put(stream, header, size < 126 ? 2 : 4);
    if (mask)
        put(stream, mask, 4);
    for (uint32_t i = 0; i < size; i++) {
        uint8_t c = (uint8_t)payload[i] ^ (mask ? mask[i % 4] : 0);
        put(stream, &c, 1);
    }
}

static void put_text(struct stream *stream, uint8_t first, const uint8_t *mask, const char *text)
{
    put_frame(stream, first, mask, text, (uint32_t)strlen(text));
}

static void run(struct websocket_trace *trace, enum websocket_sender sender, enum websocket_deflate deflate,
                const void *bytes, uint32_t size)
{
    struct trace_segment all = {size, false};
    websocket_trace_init(trace, sender, deflate);
    websocket_trace_run(trace, bytes, size, &all, 1);
}

static void expect(enum websocket_sender sender, enum websocket_deflate deflate, const void *bytes, uint32_t size,
                   const char *text)
{
    struct websocket_trace trace;
    run(&trace, sender, deflate, bytes, size);
    assert_string_equal(trace.lines.text, text);
    websocket_trace_free(&trace);
}

#define SERVER(bytes, text) expect(WEBSOCKET_SERVER, WEBSOCKET_DEFLATE_NONE, bytes, (uint32_t)sizeof(bytes) - 1, text)
#define CLIENT(bytes, text) expect(WEBSOCKET_CLIENT, WEBSOCKET_DEFLATE_NONE, bytes, (uint32_t)sizeof(bytes) - 1, text)

/* RFC 6455 5.7. */
static void test_frames_of_the_standard(void **state)
{
    (void)state;
    SERVER("\x81\x05Hello", "text(Hello)\n");
    CLIENT("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "text(Hello)\n");
    SERVER("\x01\x03Hel\x80\x02lo", "text(Hello)\n");
    SERVER("\x89\x05Hello", "ping(Hello)\n");
    CLIENT("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "pong(Hello)\n");
    struct stream stream = {0};
    char bytes[256];
    memset(bytes, 'x', sizeof(bytes));
    put(&stream, "\x82\x7e\x01\x00", 4);
    put(&stream, bytes, 256);
    struct websocket_trace trace;
    run(&trace, WEBSOCKET_SERVER, WEBSOCKET_DEFLATE_NONE, stream.bytes, stream.size);
    assert_int_equal(trace.complete, 1);
    assert_int_equal(trace.data_bytes, 256);
    assert_int_equal(trace.anomalies, 0);
    websocket_trace_free(&trace);
    stream.size = 0;
    put(&stream, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10);
    stream.size += 65536;
    run(&trace, WEBSOCKET_SERVER, WEBSOCKET_DEFLATE_NONE, stream.bytes, stream.size);
    assert_int_equal(trace.complete, 1);
    assert_int_equal(trace.data_bytes, 65536);
    assert_int_equal(trace.anomalies, 0);
    websocket_trace_free(&trace);
}

static void test_control_frames(void **state)
{
    (void)state;
    SERVER("\x01\x03Hel\x89\x01p\x80\x02lo", "text(Hel~ping(p)\nlo)\n");
    SERVER("\x88\x00", "close()\n");
    SERVER("\x88\x05\x03\xe8"
           "bye",
           "close 1000(bye)\n");
    SERVER("\x88\x02\x0f\xa0", "close 4000()\n");
    SERVER("\x88\x01x", "close() websocket_control\n");
    SERVER("\x88\x02\x03\xed", "close 1005() websocket_control\n");
    SERVER("\x88\x02\x07\xd0", "close 2000() websocket_control\n");
    SERVER("\x09\x01p\x81\x01x", "ping(p) websocket_control\ntext(x)\n");
    SERVER("\x88\x00\x81\x01x", "close()\ntext(x) websocket_order\n");
    struct stream stream = {0};
    char bytes[127], wanted[256];
    memset(bytes, 'x', 126);
    bytes[126] = '\0';
    put_frame(&stream, 0x89, NULL, bytes, 126);
    put_text(&stream, 0x81, NULL, "y");
    snprintf(wanted, sizeof(wanted), "ping(%s)- websocket_control\ntext(y)\n", bytes + 1);
    expect(WEBSOCKET_SERVER, WEBSOCKET_DEFLATE_NONE, stream.bytes, stream.size, wanted);
}

static void test_anomalies(void **state)
{
    (void)state;
    CLIENT("\x81\x01x", "text(x) websocket_masking\n");
    SERVER("\x81\x81\0\0\0\0x", "text(x) websocket_masking\n");
    SERVER("\xa1\x01x", "text(x) websocket_reserved\n");
    SERVER("\xc1\x01x", "text(x) websocket_reserved\n");
    SERVER("\x83\x01x\x8b\x01y", "reserved(x) websocket_reserved\nreserved(y) websocket_reserved\n");
    SERVER("\x81\x7e\x00\x01x", "text(x) websocket_length\n");
    SERVER("\x81\x7f\0\0\0\0\0\0\xff\xff", "text()- websocket_length\n");
    SERVER("\x80\x01x", "continuation(x) websocket_order\n");
    SERVER("\x01\x01x\x81\x01y", "text(x)- websocket_order\ntext(y)\n");
    SERVER("\x81\x7f\x80\0\0\0\0\0\0\x01xyz", "text()- websocket_length\n");
    SERVER("\x01\x01x\x80\x7f\xff\0\0\0\0\0\0\x01xyz", "text(x)- websocket_length\n");
    SERVER("\x81\x05Hel", "text(Hel)-\n");
    SERVER("\x81", "");
    expect(WEBSOCKET_SERVER, WEBSOCKET_DEFLATE_AGREED, "\xc1\x01x\x41\x01x\xc0\x01y\xc9\x00", 11,
           "text+(x)\ntext+(xy) websocket_reserved\nping() websocket_reserved\n");
}

/* Every kind of frame, as a client or a server sends it. */
static void make_mixed(struct stream *stream, const uint8_t *mask)
{
    stream->size = 0;
    put_text(stream, 0x81, mask, "{\"first\": 1}");
    put_text(stream, 0x01, mask, "frag");
    put_text(stream, 0x89, mask, "ping");
    put_text(stream, 0x00, mask, "men");
    put_text(stream, 0x80, mask, "ted");
    put_text(stream, 0x82, mask, "");
    put_text(stream, 0x82, mask, "\x81\x05Hello, a frame inside a frame \x80\x02");
    put_text(stream, 0x8a, mask, "");
    put_text(stream, 0x81, mask, "{\"last\": [2, 3]}");
    put_text(stream, 0x88, mask, "\x03\xe8 done");
}

static void run_segments(struct websocket_trace *trace, enum websocket_sender sender, const struct stream *stream,
                         const struct trace_segment *segments, uint32_t count)
{
    websocket_trace_init(trace, sender, WEBSOCKET_DEFLATE_NONE);
    websocket_trace_run(trace, stream->bytes, stream->size, segments, count);
}

static void test_every_pair_of_cuts(void **state)
{
    (void)state;
    static struct stream stream;
    for (uint32_t sender = 0; sender < 2; sender++) {
        make_mixed(&stream, sender == WEBSOCKET_CLIENT ? key : NULL);
        struct websocket_trace whole, cut;
        run(&whole, (enum websocket_sender)sender, WEBSOCKET_DEFLATE_NONE, stream.bytes, stream.size);
        assert_int_equal(whole.complete, 5);
        assert_int_equal(whole.controls, 3);
        assert_int_equal(whole.anomalies, 0);
        for (uint32_t a = 0; a <= stream.size; a++) {
            for (uint32_t b = a; b <= stream.size; b++) {
                struct trace_segment segments[3] = {{a, false}, {b, false}, {stream.size, false}};
                run_segments(&cut, (enum websocket_sender)sender, &stream, segments, 3);
                assert_string_equal(cut.lines.text, whole.lines.text);
                websocket_trace_free(&cut);
            }
        }
        websocket_trace_free(&whole);
    }
}

/* The lines of `part` are all lines of `whole`, but for those that end with a mark of loss. */
static void assert_no_invention(const char *part, const char *whole)
{
    while (*part) {
        size_t size = strcspn(part, "\n") + 1;
        char line[256];
        assert_true(size < sizeof(line));
        memcpy(line, part, size);
        line[size] = '\0';
        char *mark = strstr(line, " after_loss");
        if (mark)
            memcpy(mark, "\n", 2);
        bool cut = strstr(line, ")-") || strchr(line, '<') || strncmp(line, "continuation", 12) == 0;
        if (!cut && !strstr(whole, line))
            fail_msg("not in the stream: %s", line);
        part += size;
    }
}

/* A hole of every size at every place of a long stream: what is told of whole messages was there. */
static void test_every_hole(void **state)
{
    (void)state;
    static struct stream stream;
    for (uint32_t sender = 0; sender < 2; sender++) {
        const uint8_t *mask = sender == WEBSOCKET_CLIENT ? key : NULL;
        stream.size = 0;
        for (uint32_t i = 0; i < 12; i++) {
            char text[64];
            snprintf(text, sizeof(text), "{\"number\": %u, \"name\": \"caf\xc3\xa9\"}", i);
            put_text(&stream, 0x81, mask, text);
        }
        struct websocket_trace whole, cut;
        run(&whole, (enum websocket_sender)sender, WEBSOCKET_DEFLATE_NONE, stream.bytes, stream.size);
        assert_int_equal(whole.complete, 12);
        for (uint32_t a = 0; a < stream.size; a++) {
            for (uint32_t size = 1; size < 90 && a + size < stream.size; size += 7) {
                struct trace_segment segments[3] = {{a, false}, {a + size, true}, {stream.size, false}};
                run_segments(&cut, (enum websocket_sender)sender, &stream, segments, 3);
                assert_no_invention(cut.lines.text, whole.lines.text);
                if (a + size < stream.size / 2)
                    assert_true(cut.complete >= 5);
                websocket_trace_free(&cut);
            }
        }
        websocket_trace_free(&whole);
    }
}

/* A hole inside a payload costs its bytes; the mask stays in place. */
static void test_hole_in_payload(void **state)
{
    (void)state;
    static struct stream stream;
    stream.size = 0;
    put_text(&stream, 0x81, key, "0123456789");
    put_text(&stream, 0x81, key, "next");
    struct websocket_trace trace;
    struct trace_segment inside[3] = {{6 + 3, false}, {6 + 5, true}, {stream.size, false}};
    run_segments(&trace, WEBSOCKET_CLIENT, &stream, inside, 3);
    assert_string_equal(trace.lines.text, "text(012<2>56789)\ntext(next)\n");
    websocket_trace_free(&trace);
    struct trace_segment to_the_end[3] = {{6 + 3, false}, {6 + 10, true}, {stream.size, false}};
    run_segments(&trace, WEBSOCKET_CLIENT, &stream, to_the_end, 3);
    assert_string_equal(trace.lines.text, "text(012<7>)\ntext(next)\n");
    websocket_trace_free(&trace);
    /* One byte more and the next frame's place is not known any more: too little follows to find it. */
    struct trace_segment beyond[3] = {{6 + 3, false}, {6 + 11, true}, {stream.size, false}};
    run_segments(&trace, WEBSOCKET_CLIENT, &stream, beyond, 3);
    assert_string_equal(trace.lines.text, "text(012<7>)\n");
    websocket_trace_free(&trace);
    stream.size = 0;
    put_text(&stream, 0x89, NULL, "ping");
    put_text(&stream, 0x81, NULL, "next");
    struct trace_segment control[3] = {{4, false}, {6, true}, {stream.size, false}};
    run_segments(&trace, WEBSOCKET_SERVER, &stream, control, 3);
    assert_string_equal(trace.lines.text, "ping()-\ntext(next)\n");
    websocket_trace_free(&trace);
}

static uint32_t draw(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33);
}

/* No frames are found where there are none: noise, numbers, text in several scripts, and masked payload. */
static void test_nothing_is_guessed(void **state)
{
    (void)state;
    static struct stream stream;
    static const char *const texts[] = {
        "{\"id\":1234,\"name\":\"Andr\xc3\xa9\",\"list\":[1,2,3]}\n",
        "plain text, with words. ",
        "\xd1\x81\xd1\x82\xd1\x80\xd0\xbe\xd0\xba\xd0\xb0 \xd1\x82\xd0\xb5\xd0\xba\xd1\x81\xd1\x82\xd0\xb0, ",
        "\xe4\xb8\x81\xe4\xb8\x82\xe4\xb8\x89 ",
    };
    uint64_t seed = 20;
    for (uint32_t turn = 0; turn < 256; turn++) {
        stream.size = 0;
        while (stream.size < 60000) {
            uint8_t bytes[4] = {(uint8_t)draw(&seed), (uint8_t)draw(&seed), 0, (uint8_t)draw(&seed)};
            uint32_t kind = turn % 8;
            if (kind < 4)
                put(&stream, texts[kind], (uint32_t)strlen(texts[kind]) - (draw(&seed) & 1));
            else if (kind == 4)
                put(&stream, bytes, 2);
            else if (kind == 5)
                put(&stream, (uint8_t[4]){0, (uint8_t)(stream.size / 4), 0, 0}, 4);
            else if (kind == 6)
                put(&stream, (uint8_t[4]){(uint8_t)(bytes[0] & 3), 0, (uint8_t)(bytes[1] & 7), 0}, 4);
            else
                put(&stream, (uint8_t[2]){bytes[0] % 3 ? 0 : bytes[1], bytes[3]}, 2);
        }
        for (uint32_t i = 0; turn % 16 >= 8 && i < stream.size; i++)
            stream.bytes[i] ^= key[i % 4];
        for (uint32_t sender = 0; sender < 2; sender++) {
            struct websocket_trace trace;
            struct trace_segment all = {stream.size, false};
            websocket_trace_init(&trace, (enum websocket_sender)sender, WEBSOCKET_DEFLATE_UNKNOWN);
            websocket_init_midstream(&trace.parser);
            websocket_trace_run(&trace, stream.bytes, stream.size, &all, 1);
            if (trace.lines.size)
                print_message("turn %u sender %u: %.80s\n", turn, sender, trace.lines.text);
            assert_int_equal(trace.lines.size, 0);
            websocket_trace_free(&trace);
        }
    }
}

static void test_midstream(void **state)
{
    (void)state;
    static struct stream stream;
    for (uint32_t sender = 0; sender < 2; sender++) {
        const uint8_t *mask = sender == WEBSOCKET_CLIENT ? key : NULL;
        stream.size = 0;
        put_text(&stream, 0x81, mask, "this one is cut, its begin was not seen at all");
        for (uint32_t i = 0; i < 6; i++)
            put_text(&stream, 0x81, mask, "{\"temperature\": 21.5, \"unit\": \"C\"}");
        struct websocket_trace trace;
        enum websocket_sender found = WEBSOCKET_CLIENT;
        websocket_trace_init(&trace, (enum websocket_sender)sender, WEBSOCKET_DEFLATE_UNKNOWN);
        websocket_init_midstream(&trace.parser);
        struct trace_segment all = {stream.size - 9, false};
        websocket_trace_run(&trace, stream.bytes + 9, stream.size - 9, &all, 1);
        assert_int_equal(trace.complete, 6);
        assert_non_null(strstr(trace.lines.text, "text({\"temperature\": 21.5, \"unit\": \"C\"}) after_loss\n"));
        websocket_trace_free(&trace);
        uint32_t second = 46 + (mask ? 6 : 2);
        enum websocket_chain chain = websocket_chain_find_sender(stream.bytes + second, stream.size - second, &found);
        assert_int_equal(chain, WEBSOCKET_CHAIN_YES);
        assert_int_equal(found, sender);
        assert_int_equal(websocket_chain_find_sender(stream.bytes + second, 20, &found), WEBSOCKET_CHAIN_MORE);
        assert_int_equal(websocket_chain_find_sender(stream.bytes + second + 3, 40, &found), WEBSOCKET_CHAIN_NO);
    }
}

static void test_unmask(void **state)
{
    (void)state;
    uint8_t data[64], out[64];
    for (uint32_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7);
    for (uint32_t size = 0; size <= sizeof(data); size++) {
        websocket_unmask(data, size, key, out);
        for (uint32_t i = 0; i < size; i++)
            assert_int_equal(out[i], data[i] ^ key[i % 4]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_of_the_standard),
        cmocka_unit_test(test_control_frames),
        cmocka_unit_test(test_anomalies),
        cmocka_unit_test(test_every_pair_of_cuts),
        cmocka_unit_test(test_every_hole),
        cmocka_unit_test(test_hole_in_payload),
        cmocka_unit_test(test_nothing_is_guessed),
        cmocka_unit_test(test_midstream),
        cmocka_unit_test(test_unmask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
