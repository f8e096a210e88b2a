/* SPDX-License-Identifier: Apache-2.0 */

/* gRPC: content types, frames over every cut and hole, base64 with padding in the middle, status, trailers. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "proto/grpc.h"
#include "proto/grpc_text.h"
#include "unit/guarded.h"

#define LOG_MAX 65536u

static struct guarded pages;

static void test_content_types(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        enum grpc_wrapping wrapping;
        enum grpc_codec codec;
        bool named;
    } cases[] = {
        {"application/grpc", GRPC_PLAIN, GRPC_PROTOBUF, false},
        {"application/grpc+proto", GRPC_PLAIN, GRPC_PROTOBUF, true},
        {"Application/GRPC+JSON; charset=utf-8", GRPC_PLAIN, GRPC_JSON, true},
        {"application/grpc+thrift", GRPC_PLAIN, GRPC_CODEC_OTHER, true},
        {"application/grpc ; a=b", GRPC_PLAIN, GRPC_PROTOBUF, false},
        {"application/grpc-web", GRPC_WEB, GRPC_PROTOBUF, false},
        {"application/grpc-web+proto", GRPC_WEB, GRPC_PROTOBUF, true},
        {"application/grpc-web-text", GRPC_WEB_TEXT, GRPC_PROTOBUF, false},
        {"application/grpc-web-text+proto", GRPC_WEB_TEXT, GRPC_PROTOBUF, true},
        {"application/grpcx", GRPC_NONE, GRPC_PROTOBUF, false},
        {"application/grpc-websocket", GRPC_NONE, GRPC_PROTOBUF, false},
        {"application/json", GRPC_NONE, GRPC_PROTOBUF, false},
        {"application/grp", GRPC_NONE, GRPC_PROTOBUF, false},
        {"", GRPC_NONE, GRPC_PROTOBUF, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct grpc_content content = grpc_content_find(span_from_text(cases[i].type));
        assert_int_equal(content.wrapping, cases[i].wrapping);
        assert_int_equal(content.codec, cases[i].codec);
        assert_int_equal(content.codec_named, cases[i].named);
    }
}

/* Appends "<flags:length", the bytes, a ~ for each lost one, and ">". */
static void log_item(const struct grpc_item *item, char *log)
{
    size_t used = strlen(log);
    if (item->kind == GRPC_FRAME_BEGIN) {
        snprintf(log + used, LOG_MAX - used, "<%02x:%u ", item->flags, (unsigned)item->length);
    } else if (item->kind == GRPC_FRAME_END) {
        snprintf(log + used, LOG_MAX - used, ">");
    } else if (item->data.data) {
        snprintf(log + used, LOG_MAX - used, "%.*s", (int)item->data.size, (const char *)item->data.data);
    } else {
        for (uint32_t i = 0; i < item->lost; i++)
            snprintf(log + used + i, LOG_MAX - used - i, "~");
    }
}

static void offer(struct grpc_frames *frames, const struct parse_input *piece, char *log)
{
    struct parse_input input = *piece;
    uint32_t total = input.data ? input.size : input.lost;
    if (input.data)
        input.data = guarded_put(&pages, input.data, input.size);
    for (uint32_t calls = 0;; calls++) {
        assert_true(calls <= 2 * total + 2);
        struct grpc_item item;
        struct parse_step step = grpc_frames_parse(frames, &input, &item);
        parse_input_advance(&input, step.consumed);
        if (step.status == PARSE_STOP)
            return;
        if (step.status == PARSE_MORE) {
            assert_int_equal(input.data ? input.size : input.lost, 0);
            return;
        }
        log_item(&item, log);
    }
}

static enum grpc_outcome run_cut(const char *data, uint32_t size, uint32_t a, uint32_t b, bool web, char *log)
{
    struct grpc_frames frames;
    const uint8_t *bytes = (const uint8_t *)data;
    grpc_frames_init(&frames, web);
    log[0] = '\0';
    offer(&frames, &(struct parse_input){.data = bytes, .size = a}, log);
    offer(&frames, &(struct parse_input){.data = bytes + a, .size = b - a}, log);
    offer(&frames, &(struct parse_input){.data = bytes + b, .size = size - b, .last = true}, log);
    return (enum grpc_outcome)frames.outcome;
}

static void test_frames(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        uint32_t size;
        bool web;
        enum grpc_outcome outcome;
        const char *log;
    } cases[] = {
        {"", 0, false, GRPC_COMPLETE, ""},
        {"\0\0\0\0\0", 5, false, GRPC_COMPLETE, "<00:0 >"},
        {"\0\0\0\0\5hello\1\0\0\0\2hi", 17, false, GRPC_COMPLETE, "<00:5 hello><01:2 hi>"},
        {"\0\0\0\0\2hi\x80\0\0\0\3a:1", 15, true, GRPC_COMPLETE, "<00:2 hi><80:3 a:1>"},
        {"\x81\0\0\0\1x", 6, true, GRPC_COMPLETE, "<81:1 x>"},
        /* without gRPC-Web there are no frames of trailers, and other bits are never right */
        {"\0\0\0\0\2hi\x80\0\0\0\3a:1", 15, false, GRPC_MALFORMED, "<00:2 hi>"},
        {"GET / HTTP/1.1", 14, false, GRPC_MALFORMED, ""},
        {"\2\0\0\0\0", 5, true, GRPC_MALFORMED, ""},
        {"\0\0\0\0\5hel", 8, false, GRPC_TRUNCATED, "<00:5 hel"},
        {"\0\0\0", 3, false, GRPC_TRUNCATED, ""},
        {"\0\xff\xff\xff\xffz", 6, false, GRPC_TRUNCATED, "<00:4294967295 z"},
    };
    static char log[LOG_MAX];
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        for (uint32_t a = 0; a <= cases[i].size; a++) {
            for (uint32_t b = a; b <= cases[i].size; b++) {
                assert_int_equal(run_cut(cases[i].data, cases[i].size, a, b, cases[i].web, log), cases[i].outcome);
                assert_string_equal(log, cases[i].log);
            }
        }
    }
}

static void test_holes(void **state)
{
    (void)state;
    const uint8_t data[] = "\0\0\0\0\5hello\0\0\0\0\2hi";
    static const struct {
        uint32_t at, lost; /* bytes in front of the hole, and in it */
        enum grpc_outcome outcome;
        const char *log;
    } cases[] = {
        {6, 2, GRPC_COMPLETE, "<00:5 h~~lo><00:2 hi>"},
        {5, 5, GRPC_COMPLETE, "<00:5 ~~~~~><00:2 hi>"},
        {15, 2, GRPC_COMPLETE, "<00:5 hello><00:2 ~~>"},
        {6, 5, GRPC_LOST, "<00:5 h~~~~>"}, /* the next prefix is hit */
        {10, 1, GRPC_LOST, "<00:5 hello>"},
        {2, 1, GRPC_LOST, ""},
        {0, 5, GRPC_LOST, ""},
    };
    static char log[LOG_MAX];
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct grpc_frames frames;
        grpc_frames_init(&frames, false);
        log[0] = '\0';
        uint32_t behind = cases[i].at + cases[i].lost;
        offer(&frames, &(struct parse_input){.data = data, .size = cases[i].at}, log);
        offer(&frames, &(struct parse_input){.lost = cases[i].lost}, log);
        offer(&frames, &(struct parse_input){.data = data + behind, .size = 17 - behind, .last = true}, log);
        assert_int_equal(frames.outcome, cases[i].outcome);
        assert_string_equal(log, cases[i].log);
    }
}

/* RFC 4648 10, put together as senders of several frames do. */
static void test_text(void **state)
{
    (void)state;
    static const struct {
        const char *text, *bytes;
        bool broken, ended;
    } cases[] = {
        {"", "", false, true},
        {"Zg==", "f", false, true},
        {"Zm8=", "fo", false, true},
        {"Zm9vYmFy", "foobar", false, true},
        {"Zg==Zm8=Zm9vZg==", "ffofoof", false, true},
        {"Zm9vYm", "foo", false, false},
        {"Zm9v\nYmFy", "foo", true, true},
        {"Z===", "", true, false},
        {"Zg=a", "", true, false},
        {"====", "", true, true},
        {"Zm9-", "", true, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint32_t size = (uint32_t)strlen(cases[i].text);
        for (uint32_t cut = 0; cut <= size; cut++) {
            for (uint32_t capacity = 3; capacity < 12; capacity++) {
                struct grpc_text decoder = {0};
                uint8_t buffer[12];
                char out[64] = "";
                size_t used = 0;
                struct span parts[] = {span_of(guarded_put(&pages, cases[i].text, cut), cut), {0}};
                for (uint32_t part = 0; part < 2; part++) {
                    if (part)
                        parts[1] = span_of(guarded_put(&pages, cases[i].text + cut, size - cut), size - cut);
                    while (parts[part].size && !decoder.broken) {
                        uint32_t count = grpc_text_decode(&decoder, &parts[part], buffer, capacity);
                        memcpy(out + used, buffer, count);
                        used += count;
                    }
                }
                assert_string_equal(out, cases[i].bytes);
                assert_int_equal(decoder.broken, cases[i].broken);
                assert_int_equal(grpc_text_ended(&decoder), cases[i].ended);
            }
        }
    }
}

static void test_status(void **state)
{
    (void)state;
    assert_int_equal(grpc_status_parse(SPAN_LITERAL("0")), 0);
    assert_int_equal(grpc_status_parse(SPAN_LITERAL(" 16 ")), 16);
    assert_int_equal(grpc_status_parse(SPAN_LITERAL("99999")), 99999);
    static const char *const none[] = {"", "-1", "1x", "0x1", "123456", "OK", "1 2"};
    for (size_t i = 0; i < ARRAY_COUNT(none); i++)
        assert_int_equal(grpc_status_parse(span_from_text(none[i])), GRPC_STATUS_NONE);
    /* google/rpc/code.proto */
    static const int32_t http[] = {200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401};
    for (int32_t i = 0; i < GRPC_STATUS_COUNT; i++)
        assert_int_equal(grpc_status_as_http(i), http[i]);
    assert_int_equal(grpc_status_as_http(17), 500);
    assert_int_equal(grpc_status_as_http(-5), 500);
    /* http-grpc-status-mapping.md */
    static const int32_t from[][2] = {{400, 13}, {401, 16}, {403, 7}, {404, 12}, {429, 14}, {502, 14},
                                      {503, 14}, {504, 14}, {302, 2}, {500, 2},  {200, -1}, {-1, -1}};
    for (size_t i = 0; i < ARRAY_COUNT(from); i++)
        assert_int_equal(grpc_status_from_http(from[i][0]), from[i][1]);
}

static void test_texts(void **state)
{
    (void)state;
    struct span service, method;
    assert_true(grpc_path_split(SPAN_LITERAL("/a.b.C/D"), &service, &method));
    assert_true(span_equal(service, SPAN_LITERAL("a.b.C")) && span_equal(method, SPAN_LITERAL("D")));
    static const char *const paths[] = {"", "/", "//", "/a", "/a/", "//b", "a/b/c", "/a/b/c"};
    for (size_t i = 0; i < ARRAY_COUNT(paths); i++)
        assert_false(grpc_path_split(span_from_text(paths[i]), &service, &method));
    struct span rest = SPAN_LITERAL("grpc-status:0\r\nno line\r\nGrpc-Message : all: good \r\n\r\nx-last:1"), name,
                value;
    static const char *const lines[][2] = {{"grpc-status", "0"}, {"Grpc-Message", "all: good"}, {"x-last", "1"}};
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        assert_true(grpc_trailer_next(&rest, &name, &value));
        assert_true(span_equal(name, span_from_text(lines[i][0])));
        assert_true(span_equal(value, span_from_text(lines[i][1])));
    }
    assert_false(grpc_trailer_next(&rest, &name, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content_types), cmocka_unit_test(test_frames), cmocka_unit_test(test_holes),
        cmocka_unit_test(test_text),          cmocka_unit_test(test_status), cmocka_unit_test(test_texts),
    };
    pages = guarded_new();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    guarded_free(&pages);
    return failed;
}
