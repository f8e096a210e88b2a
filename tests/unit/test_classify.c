/* SPDX-License-Identifier: Apache-2.0 */

/* classify: beginnings written down from the protocols' specifications, each offered byte by byte. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "classify/classify.h"

struct example {
    enum classify_direction direction;
    enum classify_protocol protocol;
    uint32_t decided; /* bytes needed at most */
    struct span data;
};

#define BYTES(text)                                                                                                    \
    {                                                                                                                  \
        (const uint8_t *)(text), sizeof(text) - 1                                                                      \
    }
#define C            CLASSIFY_FROM_CLIENT
#define S            CLASSIFY_FROM_SERVER
#define CLIENT_HELLO "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
#define SERVER_HELLO "\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03"
#define MQTT_311                                                                                                       \
    "\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04"                                                                     \
    "abcd"
#define KAFKA_VERSIONS "\x00\x00\x00\x19\x00\x12\x00\x03\x00\x00\x00\x01\x00\x07rdkafka\x00\x07"

static const struct example examples[] = {
    /* Blanks that servers forgive. */
    {C, CLASSIFY_HTTP1_REQUEST, 6, BYTES("GET  /x HTTP/1.1\r\n")},
    {C, CLASSIFY_HTTP1_REQUEST, 6, BYTES(" GET\t/x\tHTTP/1.1\r\n")},
    {C, CLASSIFY_HTTP1_REQUEST, 5, BYTES("GET /index HTTP/1.1\r\nHost: a\r\n\r\n")},
    {C, CLASSIFY_HTTP1_REQUEST, 6, BYTES("POST / HTTP/1.0\r\n")},
    {C, CLASSIFY_HTTP1_REQUEST, 11, BYTES("GET http://h/ HTTP/1.1\r\n")},
    {C, CLASSIFY_HTTP1_REQUEST, 7, BYTES("\r\nGET / HTTP/1.1\r\n")},
    {C, CLASSIFY_HTTP1_REQUEST, 20, BYTES("OPTIONS * HTTP/1.1\r\n")},
    {C, CLASSIFY_HTTP1_REQUEST, 24, BYTES("CONNECT h:443 HTTP/1.1\r\n")},
    {C, CLASSIFY_HTTP1_REQUEST, 23, BYTES("frobnicate /x HTTP/1.1\n")},
    {C, CLASSIFY_HTTP1_REQUEST, 29, BYTES("VERSION-CONTROL /x HTTP/1.1\r\n")},
    {S, CLASSIFY_HTTP1_RESPONSE, 12, BYTES("HTTP/1.1 200 OK\r\n")},
    {S, CLASSIFY_HTTP1_RESPONSE, 12, BYTES("HTTP/1.0 404\r\n")},
    {C, CLASSIFY_HTTP2_PREFACE, 24, BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")},
    {S, CLASSIFY_HTTP2_SETTINGS, 9, BYTES("\0\0\6\4\0\0\0\0\0\0\3\0\0\0\x64")},
    {S, CLASSIFY_HTTP2_SETTINGS, 9, BYTES("\0\0\0\4\0\0\0\0\0")},
    {C, CLASSIFY_TLS, 11, BYTES(CLIENT_HELLO)},
    {S, CLASSIFY_TLS, 11, BYTES(SERVER_HELLO)},
    {S, CLASSIFY_TLS, 6, BYTES("\x15\x03\x03\x00\x02\x02\x28")},
    {CLASSIFY_FROM_UNKNOWN, CLASSIFY_TLS, 5, BYTES("\x17\x03\x03\x04\x00zzz")},
    {C, CLASSIFY_AMQP091, 8, BYTES("AMQP\0\0\x09\x01")},
    {C, CLASSIFY_AMQP10, 8, BYTES("AMQP\0\1\0\0")},
    {S, CLASSIFY_AMQP10_SASL, 8, BYTES("AMQP\3\1\0\0")},
    {C, CLASSIFY_AMQP10_TLS, 8, BYTES("AMQP\2\1\0\0")},
    {S, CLASSIFY_AMQP091, 11, BYTES("\1\0\0\0\0\1\xf8\0\x0a\0\x0a\0\x09")},
    {C, CLASSIFY_SSH, 8, BYTES("SSH-2.0-OpenSSH_9.2\r\n")},
    {S, CLASSIFY_SSH, 9, BYTES("SSH-1.99-x\r\n")},
    {S, CLASSIFY_SMTP, 64, BYTES("220 mail.example.com ESMTP Postfix\r\n")},
    {C, CLASSIFY_SMTP, 5, BYTES("EHLO client.example\r\n")},
    {S, CLASSIFY_FTP, 64, BYTES("220 (vsFTPd 3.0.3)\r\n")},
    {S, CLASSIFY_TEXT_GREETING, 64, BYTES("220 ready\r\n")},
    {S, CLASSIFY_POP3, 4, BYTES("+OK POP3 ready\r\n")},
    {S, CLASSIFY_IMAP, 5, BYTES("* OK [CAPABILITY IMAP4rev1] ready\r\n")},
    {C, CLASSIFY_MQTT, 9, BYTES(MQTT_311)},
    {C, CLASSIFY_MQTT, 12, BYTES("\x10\x80\x01\x00\x06MQIsdp\x03\x02")},
    {C, CLASSIFY_POSTGRESQL, 9, BYTES("\0\0\0\x15\0\3\0\0user\0alice\0\0")},
    {C, CLASSIFY_POSTGRESQL, 8, BYTES("\0\0\0\x08\x04\xd2\x16\x2f")},
    {S, CLASSIFY_POSTGRESQL, 9, BYTES("R\0\0\0\x08\0\0\0\0")},
    {S, CLASSIFY_MYSQL, 7,
     BYTES("\x4a\0\0\0\x0a"
           "8.0.36\0")},
    {S, CLASSIFY_MYSQL, 7,
     BYTES("\x6c\0\0\0\x0a"
           "11.4.2-MariaDB\0")},
    {C, CLASSIFY_REDIS, 8, BYTES("*1\r\n$4\r\nPING\r\n")},
    {S, CLASSIFY_REDIS, 7, BYTES("+PONG\r\n")},
    {C, CLASSIFY_KAFKA, 21, BYTES(KAFKA_VERSIONS)},
    /* Near misses: none of these is what it resembles. */
    {C, CLASSIFY_UNKNOWN, 40, BYTES("DESCRIBE rtsp://h/x RTSP/1.0\r\n")},
    {C, CLASSIFY_UNKNOWN, 40, BYTES("OPTIONS rtsp://h/x RTSP/1.0\r\n")},
    {C, CLASSIFY_UNKNOWN, 40, BYTES("INVITE sip:bob@example.com SIP/2.0\r\n")},
    {C, CLASSIFY_UNKNOWN, 20, BYTES("GET key\r\n")},
    {C, CLASSIFY_UNKNOWN, 20, BYTES("XGET  /x HTTP/1.1\r\n")},
    {C, CLASSIFY_UNKNOWN, 20, BYTES("GET      /x HTTP/1.1\r\n")},
    {C, CLASSIFY_UNKNOWN, 33, BYTES("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG /x HTTP/1.1\r\n")},
    {C, CLASSIFY_UNKNOWN, 2, BYTES("{\"json\": 1}\n")},
    {S, CLASSIFY_UNKNOWN, 12, BYTES("ICY 200 OK\r\n")},
    {S, CLASSIFY_UNKNOWN, 12, BYTES("RTSP/1.0 200 OK\r\n")},
    {S, CLASSIFY_UNKNOWN, 12, BYTES("HTTP/1.1 2x0 OK\r\n")},
    {C, CLASSIFY_UNKNOWN, 6, BYTES("\x16\x03\x01\x00\x00\x01\x00\x01\xfc\x03\x03")},
    {C, CLASSIFY_UNKNOWN, 11, BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x07\x03")},
    {C, CLASSIFY_UNKNOWN, 8, BYTES("AMQP\1\1\0\x0a")},
    {C, CLASSIFY_UNKNOWN, 11, BYTES("\x10\x10\x00\x04MQTX\x04\x02\x00")},
    {C, CLASSIFY_UNKNOWN, 14, BYTES("\0\0\0\x10\0\x12\0\xff\0\0\0\1\0\7rdkafka")},
    {S, CLASSIFY_UNKNOWN, 12, BYTES("GET / HTTP/1.1\r\n")},
    {C, CLASSIFY_UNKNOWN, 2, BYTES("\x05\x01\x00")},
};

static uint8_t *guard_end; /* what follows cannot be read */

static int make_guard(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + page, page, PROT_NONE))
        return -1;
    guard_end = memory + page;
    return 0;
}

static enum classify_protocol classify_guarded(enum classify_direction direction, struct span data)
{
    uint8_t *copy = guard_end - data.size;
    if (data.size)
        memcpy(copy, data.data, data.size);
    return classify_stream(direction, copy, data.size);
}

static void check_example(const struct example *example, enum classify_direction direction)
{
    bool decided = false;
    for (uint32_t size = 0; size <= example->data.size; size++) {
        enum classify_protocol answer = classify_guarded(direction, span_first(example->data, size));
        if (answer != example->protocol && (answer != CLASSIFY_MORE || decided || size >= example->decided))
            fail_msg("example %d, %u bytes: %s", (int)(example - examples), size, classify_protocol_name(answer));
        decided = answer == example->protocol;
    }
    if (!decided)
        fail_msg("example %d is never decided", (int)(example - examples));
}

static void every_beginning_is_known_and_stays_so(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(examples); i++)
        check_example(&examples[i], examples[i].direction);
}

static void the_protocol_is_found_without_the_direction(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(examples); i++) {
        /* What a server of AMQP 0-9-1 says first tells who it is as well. */
        bool start = examples[i].protocol == CLASSIFY_AMQP091 && examples[i].direction == CLASSIFY_FROM_SERVER;
        enum classify_protocol wanted = start ? CLASSIFY_AMQP091_SERVER : examples[i].protocol;
        if (wanted != CLASSIFY_UNKNOWN)
            assert_int_equal(classify_guarded(CLASSIFY_FROM_UNKNOWN, examples[i].data), wanted);
    }
}

/* Frames of AMQP in the middle of a connection, with the next frame behind them. */
static void amqp_is_found_in_the_middle(void **state)
{
    (void)state;
    static const struct {
        enum classify_protocol protocol;
        struct span data;
    } cases[] = {
        /* basic.publish on channel 1, content header behind it */
        {CLASSIFY_AMQP091, BYTES("\1\0\1\0\0\0\x0a\0\x3c\0\x28\0\0\1e\0\0\xce\2\0\1\0\0\0\x0e")},
        /* basic.deliver on channel 2 */
        {CLASSIFY_AMQP091_SERVER, BYTES("\1\0\2\0\0\0\x11\0\x3c\0\x3c\1t\0\0\0\0\0\0\0\1\0\0\0\xce\2\0\2\0\0\0\x0e")},
        /* the same with a content header of another channel, and with no frame end */
        {CLASSIFY_UNKNOWN, BYTES("\1\0\1\0\0\0\x0a\0\x3c\0\x28\0\0\1e\0\0\xce\2\0\2\0\0\0\x0e")},
        {CLASSIFY_UNKNOWN, BYTES("\1\0\1\0\0\0\x0a\0\x3c\0\x28\0\0\1e\0\0\xcd\2\0\1\0\0\0\x0e")},
        /* transfer with a section of data behind it; with something else */
        {CLASSIFY_AMQP10, BYTES("\0\0\0\x30\2\0\0\0\0\x53\x14\xc0\5\3\x43\x43\xa0\0\0\x53\x75")},
        {CLASSIFY_UNKNOWN, BYTES("\0\0\0\x30\2\0\0\0\0\x53\x14\xc0\5\3\x43\x43\xa0\0\0\x53\x7f")},
        /* disposition, and a flow behind it */
        {CLASSIFY_AMQP10, BYTES("\0\0\0\x0f\2\0\0\0\0\x53\x15\xc0\2\1\x41\0\0\0\x20\2\0\0\0\0\x53\x13")},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        assert_int_equal(classify_guarded(CLASSIFY_FROM_UNKNOWN, cases[i].data), cases[i].protocol);
        assert_int_equal(classify_guarded(CLASSIFY_FROM_CLIENT, cases[i].data), CLASSIFY_UNKNOWN);
        /* No shorter beginning says something else. */
        for (uint32_t size = 1; size < cases[i].data.size; size++) {
            enum classify_protocol answer = classify_guarded(CLASSIFY_FROM_UNKNOWN, span_first(cases[i].data, size));
            assert_true(answer == CLASSIFY_MORE || answer == cases[i].protocol);
        }
    }
}

static void nothing_waits_beyond_the_limit(void **state)
{
    (void)state;
    static const char *const beginnings[] = {"FROB /", "220-", "GET ", "A", "PUT x"};
    uint8_t data[CLASSIFY_BYTES_MAX];
    for (size_t i = 0; i < ARRAY_COUNT(beginnings); i++)
        for (int direction = 0; direction < 3; direction++) {
            memset(data, 'x', sizeof(data));
            memcpy(data, beginnings[i], strlen(beginnings[i]));
            assert_int_not_equal(classify_stream((enum classify_direction)direction, data, sizeof(data)),
                                 CLASSIFY_MORE);
        }
}

static void no_bytes_say_nothing(void **state)
{
    (void)state;
    for (int direction = 0; direction < 3; direction++)
        assert_int_equal(classify_stream((enum classify_direction)direction, NULL, 0), CLASSIFY_MORE);
    assert_string_equal(classify_protocol_name(CLASSIFY_AMQP10_SASL), "amqp10_sasl");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_beginning_is_known_and_stays_so),
        cmocka_unit_test(the_protocol_is_found_without_the_direction),
        cmocka_unit_test(amqp_is_found_in_the_middle),
        cmocka_unit_test(nothing_waits_beyond_the_limit),
        cmocka_unit_test(no_bytes_say_nothing),
    };
    return cmocka_run_group_tests(tests, make_guard, NULL);
}
