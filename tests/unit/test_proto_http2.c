/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HTTP/2 frames and connections: against the published frame cases (ASSAY_TESTDATA/http2-frames), against frames built
 * here by RFC 9113, however they are cut, and with every stretch of them missing.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>

#include "http2_run.h"

#define STREAM_MAX_SIZE (1u << 20)

struct stream {
    uint8_t data[STREAM_MAX_SIZE];
    uint32_t size;
};

static struct stream wire;
static struct http2_run run;

static void put(const void *data, size_t size)
{
    assert_true(wire.size + size <= sizeof(wire.data));
    memcpy(wire.data + wire.size, data, size);
    wire.size += (uint32_t)size;
}

static void frame(uint32_t type, uint32_t flags, uint32_t stream, const void *payload, size_t size)
{
    const uint8_t header[9] = {(uint8_t)(size >> 16),   (uint8_t)(size >> 8),   (uint8_t)size,
                               (uint8_t)type,           (uint8_t)flags,         (uint8_t)(stream >> 24),
                               (uint8_t)(stream >> 16), (uint8_t)(stream >> 8), (uint8_t)stream};
    put(header, sizeof(header));
    put(payload, size);
}

#define FRAME(type, flags, stream, text) frame(HTTP2_TYPE_##type, flags, stream, text, sizeof(text) - 1)
#define PREFACE                          "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

/* :method GET, :scheme http, :path /, and :authority, put into the table by the first and taken out of it by others. */
#define REQUEST_FIRST                                                                                                  \
    "\x82\x86\x84\x41\x0f"                                                                                             \
    "www.example.com"
#define REQUEST_AGAIN "\x82\x86\x84\xbe"

static void start(void)
{
    wire.size = 0;
}

/* The whole of `wire` in pieces of that size. */
static const char *read_wire(enum http2_side side, uint32_t piece)
{
    http2_run_init(&run, side, false);
    for (uint32_t at = 0; at < wire.size; at += piece)
        http2_run_bytes(&run, wire.data + at, min_u32(piece, wire.size - at), wire.size - at <= piece);
    assert_true(run.stopped);
    return run.text;
}

static void expect_text(enum http2_side side, const char *text)
{
    for (uint32_t piece = 1; piece < 40; piece++) {
        assert_string_equal(read_wire(side, piece), text);
        http2_run_free(&run);
    }
    assert_string_equal(read_wire(side, wire.size), text);
    http2_run_free(&run);
}

static void test_request(void **state)
{
    (void)state;
    start();
    put(PREFACE, 24);
    FRAME(SETTINGS, 0, 0, "\0\3\0\0\0\x64\0\4\0\1\0\0");
    FRAME(WINDOW_UPDATE, 0, 0, "\0\0\x10\0");
    FRAME(HEADERS, 0x4, 1, REQUEST_FIRST);
    FRAME(DATA, 0, 1, "");
    FRAME(DATA, 0, 1, "hello");
    FRAME(PING, 0, 0, "12345678");
    FRAME(HEADERS, 0x5, 3, REQUEST_AGAIN);
    FRAME(DATA, 0x9, 1, "\2xy\0\0");
    FRAME(SETTINGS, 1, 0, "");
    FRAME(PRIORITY, 0, 5, "\0\0\0\0\7");
    frame(0xbad & 0xff, 0x55, 7, "extension", 9);
    FRAME(RST_STREAM, 0, 3, "\0\0\0\x8");
    FRAME(GOAWAY, 0, 0, "\0\0\0\3\0\0\0\0bye");
    expect_text(HTTP2_CLIENT,
                "setting 3 64\nsetting 4 10000\nsettings\nwindow 0 4096\n"
                "head 1 promised 0\nfield 1 :method GET\nfield 1 :scheme http\nfield 1 :path /\n"
                "field 1 :authority www.example.com\nhead_end 1 flags 0 fields 4 wire 20\n"
                "data 1 size 5 lost 0 hash 5a0d15131ec7a1\nping\n"
                "head 3 promised 0 end\nfield 3 :method GET\nfield 3 :scheme http\nfield 3 :path /\n"
                "field 3 :authority www.example.com\nhead_end 3 flags 0 fields 4 wire 4\nend 3\n"
                "data 1 size 2 lost 0 hash 9c015a00c6a3fe68\nend 1\nsettings ack\nreset 3 8\ngoaway 3 0\n");
}

/* Padding, priority, CONTINUATION in the middle of a string and empty, trailers, a push. */
static void test_server(void **state)
{
    (void)state;
    start();
    FRAME(SETTINGS, 0, 0, "");
    FRAME(PUSH_PROMISE, 0xc, 1,
          "\3\0\0\0\2\x82\x86\x84\x41\x01"
          "a"
          "\0\0\0");
    FRAME(HEADERS, 0x28, 1,
          "\2\x80\0\0\0\xff\x88\x40\x06"
          "x-l\0\0");
    FRAME(CONTINUATION, 0, 1, "");
    FRAME(CONTINUATION, 0, 1,
          "ong\x04"
          "va");
    FRAME(CONTINUATION, 4, 1, "lu\xbe\xbf");
    FRAME(DATA, 0, 1, "12");
    FRAME(HEADERS, 0x5, 1, "\xbe");
    expect_text(HTTP2_SERVER,
                "settings\nhead 1 promised 2\nfield 1 :method GET\nfield 1 :scheme http\nfield 1 :path /\n"
                "field 1 :authority a\nhead_end 1 flags 0 fields 4 wire 6\n"
                "head 1 promised 0\nfield 1 :status 200\nfield 1 x-long valu\nfield 1 x-long valu\n"
                "field 1 :authority a\nhead_end 1 flags 0 fields 4 wire 16\n"
                "data 1 size 2 lost 0 hash 9b089b00c5d0188c\n"
                "head 1 promised 0 end\nfield 1 x-long valu\nhead_end 1 flags 0 fields 1 wire 1\nend 1\n");
}

static void test_malformed(void **state)
{
    (void)state;
    start();
    FRAME(DATA, 0, 0, "x");               /* no stream */
    FRAME(HEADERS, 0xc, 1, "\4\x88\x88"); /* more padding than there is */
    FRAME(HEADERS, 0x4, 3, "\x88\xbe");   /* behind it the table is unknown */
    FRAME(HEADERS, 0x0, 5,
          "\x88\x40\x01"
          "a"); /* interrupted */
    FRAME(PING, 0, 0, "12345678");
    FRAME(HEADERS, 0x5, 7, "\x88\x80\x88");      /* no HPACK */
    FRAME(CONTINUATION, 0x4, 7, "\x88");         /* of nothing */
    FRAME(PUSH_PROMISE, 0x4, 1, "\0\0\0\3\x82"); /* a client's stream */
    FRAME(WINDOW_UPDATE, 0, 0, "\0\0\0\0");
    FRAME(PING, 0, 0, "1234567");
    FRAME(HEADERS, 0x5, 9, "\x88");
    expect_text(HTTP2_SERVER,
                "bad 0 type 0 error 1\nbad 1 type 1 error 1\n"
                "head 3 promised 0\nfield 3 :status 200\nfield 3 ? ?\nhead_end 3 flags 2 fields 2 wire 2\n"
                "head 5 promised 0\nfield 5 :status 200\nhead_end 5 flags 4 fields 1 wire 4\nping\n"
                "head 7 promised 0 end\nfield 7 :status 200\nhead_end 7 flags 4 fields 1 wire 3\nend 7\n"
                "bad 7 type 9 error 1\nbad 1 type 5 error 1\nbad 0 type 8 error 1\nbad 0 type 6 error 6\n"
                "head 9 promised 0 end\nfield 9 :status 200\nhead_end 9 flags 0 fields 1 wire 1\nend 9\n");
}

/* What the other side allows: larger frames, a larger table. */
static void test_limits(void **state)
{
    (void)state;
    static uint8_t large[HTTP2_FRAME_SIZE_DEFAULT + 1];
    for (int allowed = 0; allowed < 2; allowed++) {
        start();
        frame(HTTP2_TYPE_DATA, 0, 1, large, sizeof(large));
        FRAME(HEADERS, 0x5, 1, "\x3f\xe1\x3f\x88");
        http2_run_init(&run, HTTP2_SERVER, false);
        if (allowed) {
            http2_peer_setting(&run.parser, HTTP2_SETTINGS_MAX_FRAME_SIZE, HTTP2_FRAME_SIZE_DEFAULT + 1);
            http2_peer_setting(&run.parser, HTTP2_SETTINGS_HEADER_TABLE_SIZE, 8192);
        }
        http2_run_bytes(&run, wire.data, wire.size, true);
        assert_int_equal(strstr(run.text, "bad 1 type 0 error 6") != NULL, !allowed);
        assert_non_null(strstr(run.text, "data 1 size 16385"));
        assert_non_null(strstr(run.text, allowed ? "head_end 1 flags 0 " : "head_end 1 flags 80 "));
        http2_run_free(&run);
    }
}

/* One byte names four kilobytes; a thousand fields; frames without end. */
static void test_bombs(void **state)
{
    (void)state;
    static uint8_t block[16000];
    start();
    uint32_t size = 0;
    memcpy(block, "\x40\x01n\x7f\xd1\x1e", 6);
    size = 6;
    memset(block + size, 'x', 4000 - 16);
    size += 4000 - 16 + 0;
    /* The length is 127 + 0x51 + (0x1e << 7) = 4048. */
    memset(block + size, 'x', 64);
    size += 64;
    memset(block + size, 0xbe, 100);
    size += 100;
    frame(HTTP2_TYPE_HEADERS, 0x5, 1, block, size);
    memset(block, 0x82, 1500);
    frame(HTTP2_TYPE_HEADERS, 0x5, 3, block, 1500);
    frame(HTTP2_TYPE_HEADERS, 0x1, 5, "\x82", 1);
    for (uint32_t i = 0; i < 40; i++)
        frame(HTTP2_TYPE_CONTINUATION, i == 39 ? 4 : 0, 5, "\x86", 1);
    const char *text = read_wire(HTTP2_SERVER, 1000);
    assert_non_null(strstr(text, "head_end 1 flags 10 fields 101 wire 4154"));
    assert_non_null(strstr(text, "head_end 3 flags 8 fields 1500 wire 1500"));
    assert_non_null(strstr(text, "bad 5 type 9 error b\n"));
    assert_non_null(strstr(text, "head_end 5 flags 20 fields 41 wire 41"));
    uint32_t fields = 0;
    for (const char *at = text; (at = strstr(at, "field 3 ")) != NULL; at++)
        fields++;
    assert_int_equal(fields, HTTP2_FIELDS_MAX);
    http2_run_free(&run);
}

/* ----------------------------------------------------------------------- loss */

/* A connection of many streams whose fields all go through the table, with bodies of their own pattern. */
static void build_long(uint32_t streams)
{
    static uint8_t body[700];
    start();
    FRAME(SETTINGS, 0, 0, "");
    for (uint32_t i = 0; i < streams; i++) {
        uint8_t first[] = {0x88, 0x40, 1, 'a', 3, 'v', (uint8_t)('a' + i % 26), (uint8_t)('a' + i / 26)};
        uint8_t again[] = {0xbe, (uint8_t)(0xbe + i % 5), 0x7e, 2, 'w', (uint8_t)('a' + i % 26)};
        frame(HTTP2_TYPE_HEADERS, 0x4, 2 * i + 1, first, sizeof(first));
        memset(body, (int)(i * 37), sizeof(body));
        memcpy(body, "\0\0\4\1\4\0\0\0", i % 2 ? 8 : 0);
        frame(HTTP2_TYPE_DATA, 0, 2 * i + 1, body, 20 + i * 61 % 680);
        frame(HTTP2_TYPE_HEADERS, 0x5, 2 * i + 1, again, sizeof(again));
    }
    FRAME(PING, 0, 0, "12345678");
    FRAME(PING, 0, 0, "12345678");
}

/* Every field told is one that was sent on that stream, at its place or behind it; a "?" stands for anything. */
static void check_told(const char *told, const char *truth)
{
    char line[256], stream[32];
    for (; *told; told += strcspn(told, "\n") + 1) {
        if (strncmp(told, "field ", 6) != 0 || memchr(told, '?', strcspn(told, "\n")))
            continue;
        snprintf(line, sizeof(line), "\n%.*s\n", (int)strcspn(told, "\n"), told);
        snprintf(stream, sizeof(stream), "%.*s", (int)strcspn(told + 6, " "), told + 6);
        if (!strstr(truth, line))
            fail_msg("stream %s: told %s", stream, line);
    }
}

static void test_loss(void **state)
{
    (void)state;
    build_long(60);
    char *truth = strdup(read_wire(HTTP2_SERVER, wire.size));
    http2_run_free(&run);
    uint32_t runs = 0, fields = 0, all = 0;
    for (const char *at = truth; (at = strstr(at, "\nfield ")) != NULL; at++)
        all++;
    for (uint32_t size = 1; size < 2000; size = size * 3 + 7) {
        for (uint32_t at = 0; at + size <= wire.size; at += 13) {
            http2_run_init(&run, HTTP2_SERVER, false);
            http2_run_bytes(&run, wire.data, at, false);
            http2_run_lose(&run, size);
            http2_run_bytes(&run, wire.data + at + size, wire.size - at - size, true);
            check_told(run.text, truth);
            for (const char *line = run.text; (line = strstr(line, "\nfield ")) != NULL; line++)
                fields += strcspn(line + 1, "?") > strcspn(line + 1, "\n");
            runs++;
            http2_run_free(&run);
        }
    }
    /* What is missing is a small part: four of five fields come all the same. */
    assert_true(fields / runs > all * 4 / 5);
    free(truth);
}

/* A hole inside one frame of data takes those bytes and nothing else. */
static void test_loss_of_data(void **state)
{
    (void)state;
    start();
    FRAME(HEADERS, 0x4, 1, REQUEST_FIRST);
    uint32_t data = wire.size + 9;
    FRAME(DATA, 0x1, 1, "0123456789");
    FRAME(HEADERS, 0x5, 3, REQUEST_AGAIN);
    for (uint32_t at = 0; at <= 10; at++) {
        for (uint32_t size = 1; at + size <= 10; size++) {
            char expected[64];
            http2_run_init(&run, HTTP2_SERVER, false);
            http2_run_bytes(&run, wire.data, data + at, false);
            http2_run_lose(&run, size);
            http2_run_bytes(&run, wire.data + data + at + size, wire.size - data - at - size, true);
            snprintf(expected, sizeof(expected), "\ndata 1 size %u lost %u ", 10 - size, size);
            assert_non_null(strstr(run.text, expected));
            assert_non_null(strstr(run.text, "\nend 1\n"));
            assert_non_null(strstr(run.text, "field 3 :authority www.example.com\n"));
            assert_null(strstr(run.text, "gap"));
            http2_run_free(&run);
        }
    }
}

/* Entries from before the hole are unknown, those inserted since are exact. */
static void test_window(void **state)
{
    (void)state;
    start();
    FRAME(HEADERS, 0x5, 1,
          "\x88\x40\x01"
          "a"
          "\x01"
          "1");
    FRAME(HEADERS, 0x5, 3,
          "\x88\x40\x01"
          "b"
          "\x01"
          "2");
    uint32_t hole = wire.size;
    FRAME(HEADERS, 0x5, 5,
          "\x88\x40\x01"
          "c"
          "\x01"
          "3");
    uint32_t behind = wire.size;
    FRAME(HEADERS, 0x5, 7,
          "\x88\xbe\x40\x01"
          "d"
          "\x01"
          "4"
          "\xbe\xbf");
    FRAME(HEADERS, 0x5, 9,
          "\x88\x7e\x01"
          "5"
          "\xbe\xbf\xc0");
    FRAME(PING, 0, 0, "12345678");
    http2_run_init(&run, HTTP2_SERVER, false);
    http2_run_bytes(&run, wire.data, hole, false);
    http2_run_lose(&run, behind - hole);
    http2_run_bytes(&run, wire.data + behind, wire.size - behind, true);
    assert_non_null(strstr(run.text, "gap\nhead 7 promised 0 end\nfield 7 :status 200\nfield 7 ? ?\nfield 7 d 4\n"
                                     "field 7 d 4\nfield 7 ? ?\nhead_end 7 flags 2 "));
    assert_non_null(strstr(run.text, "field 9 :status 200\nfield 9 d 5\nfield 9 d 5\nfield 9 d 4\nfield 9 ? ?\n"));
    http2_run_free(&run);
}

static void test_midstream(void **state)
{
    (void)state;
    build_long(12);
    for (uint32_t at = 0; at < wire.size - 2000; at += 7) {
        http2_run_init(&run, HTTP2_SERVER, true);
        http2_run_bytes(&run, wire.data + at, wire.size - at, true);
        assert_non_null(strstr(run.text, "head_end 23 "));
        assert_non_null(strstr(run.text, "ping\nping\n"));
        http2_run_free(&run);
    }
    static uint8_t zeros[20000];
    http2_run_init(&run, HTTP2_SERVER, true);
    http2_run_bytes(&run, zeros, sizeof(zeros), true);
    assert_string_equal(run.text, "");
    assert_int_equal(run.parser.bytes_skipped, sizeof(zeros));
    http2_run_free(&run);
}

/* ---------------------------------------------------------------------- cases */

static char *value_of(char *text, const char *key)
{
    char quoted[64];
    snprintf(quoted, sizeof(quoted), "\"%s\":", key);
    char *at = strstr(text, quoted);
    if (!at)
        return NULL;
    at += strlen(quoted);
    return at + strspn(at, " \n\t");
}

static uint32_t wire_of(char *text, uint8_t *out)
{
    char *at = value_of(text, "wire");
    assert_non_null(at);
    uint32_t size = 0;
    for (at++; *at != '"'; at += 2) {
        char digits[3] = {at[0], at[1], 0};
        out[size++] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return size;
}

/* What lies between prefix and padding is what the case says. */
static void check_content(char *text, const uint8_t *bytes, const struct http2_frame *header)
{
    char *content = value_of(text, "header_block_fragment");
    if (!content && header->type == HTTP2_TYPE_DATA)
        content = value_of(text, "data");
    if (!content)
        return;
    struct http2_layout layout = http2_frame_layout(header);
    uint32_t padding = layout.padded ? bytes[9] : 0;
    uint32_t size = header->length - layout.prefix - padding;
    assert_int_equal(strcspn(content + 1, "\""), size);
    assert_memory_equal(content + 1, bytes + 9 + layout.prefix, size);
}

static void check_case(const char *path)
{
    static char text[8192];
    uint8_t bytes[2048];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    uint32_t size = wire_of(text, bytes);
    struct http2_frame header = http2_frame_read(bytes);
    char *errors = value_of(text, "error");
    http2_run_init(&run, HTTP2_SERVER, false);
    http2_run_bytes(&run, bytes, size, true);
    const char *bad = strstr(run.text, "bad ");
    if (*errors == '[') {
        assert_non_null(bad);
        char code = *(strstr(bad, "error ") + 6);
        assert_non_null(memchr(errors, code, strcspn(errors, "]")));
    } else {
        assert_int_equal(http2_frame_check(&header), HTTP2_NO_ERROR);
        assert_int_equal(size, 9 + header.length);
        assert_int_equal(header.stream, strtoul(value_of(text, "stream_identifier"), NULL, 10));
        assert_int_equal(header.flags, strtoul(value_of(text, "flags"), NULL, 10));
        check_content(text, bytes, &header);
        if (header.type != HTTP2_TYPE_CONTINUATION)
            assert_null(bad);
    }
    http2_run_free(&run);
}

static void test_cases(void **state)
{
    (void)state;
    char path[4096];
    uint32_t cases = 0;
    if (!getenv("ASSAY_TESTDATA")) {
        print_message("no ASSAY_TESTDATA: the published frames are not read\n");
        skip();
    }
    snprintf(path, sizeof(path), "%s/http2-frames", getenv("ASSAY_TESTDATA"));
    DIR *kinds = opendir(path);
    assert_non_null(kinds);
    for (struct dirent *kind; (kind = readdir(kinds)) != NULL;) {
        snprintf(path, sizeof(path), "%s/http2-frames/%s", getenv("ASSAY_TESTDATA"), kind->d_name);
        DIR *files = kind->d_name[0] == '.' ? NULL : opendir(path);
        for (struct dirent *file; files && (file = readdir(files)) != NULL;) {
            if (!strstr(file->d_name, ".json"))
                continue;
            snprintf(path, sizeof(path), "%s/http2-frames/%s/%s", getenv("ASSAY_TESTDATA"), kind->d_name, file->d_name);
            check_case(path);
            cases++;
        }
        if (files)
            closedir(files);
    }
    closedir(kinds);
    assert_true(cases > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request), cmocka_unit_test(test_server),       cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_limits),  cmocka_unit_test(test_bombs),        cmocka_unit_test(test_loss),
        cmocka_unit_test(test_window),  cmocka_unit_test(test_loss_of_data), cmocka_unit_test(test_midstream),
        cmocka_unit_test(test_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
