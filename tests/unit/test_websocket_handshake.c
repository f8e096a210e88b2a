/* SPDX-License-Identifier: Apache-2.0 */

/*
 * proto: WebSocket handshake. The first accept value is that of RFC 6455 1.3, the others were made with Python's
 * hashlib; the headers follow RFC 6455 4 and RFC 7692 7.1.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/websocket_handshake.h"

static struct transaction handshake;

static void begin(enum call_protocol protocol)
{
    transaction_init(&handshake);
    handshake.call.protocol = protocol;
    handshake.request.seen = handshake.response.seen = true;
}

static void add(struct transaction_side *side, const char *name, const char *value)
{
    transaction_add_header(&handshake, side, span_from_text(name), span_from_text(value));
}

static void asks(const char *name, const char *value)
{
    add(&handshake.request, name, value);
}

static void answers(const char *name, const char *value)
{
    add(&handshake.response, name, value);
}

/* RFC 6455 1.3, without the extras. */
static void begin_plain(void)
{
    begin(CALL_HTTP1);
    asks("Host", "server.example.com");
    asks("Upgrade", "websocket");
    asks("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    asks("Sec-WebSocket-Version", "13");
    answers("Upgrade", "websocket");
    answers("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static struct websocket_agreement check(void)
{
    struct websocket_agreement agreement;
    websocket_handshake_check(&handshake, &agreement);
    return agreement;
}

#define WRONG_ACCEPT    ANOMALY_BIT(ANOMALY_WEBSOCKET_ACCEPT)
#define WRONG_AGREEMENT ANOMALY_BIT(ANOMALY_WEBSOCKET_AGREEMENT)

static void test_accept_values(void **state)
{
    (void)state;
    static const struct {
        char letter;
        uint32_t size;
        const char *accept;
    } values[] = {
        {'x', 1, "JVxkmtKFjDcI/Pm/AGPEKSN6wT8="},  {'a', 19, "yzaGyu0mcUukN7CdsSwa30tnCpc="},
        {'a', 20, "dUYRM7bOMwDmbriNIPr11x+r3E0="}, {'b', 27, "BGusvZD8TvynWGofwbeE9B1m+vA="},
        {'b', 28, "+xx72V7gQaJVVgqZNUziCZgc0KQ="}, {'c', 83, "svFbS4Hj/TonYQew1SFVAt2BjuA="},
    };
    char accept[WEBSOCKET_ACCEPT_SIZE], key[84];
    assert_true(websocket_accept_write(SPAN_LITERAL("dGhlIHNhbXBsZSBub25jZQ=="), accept));
    assert_memory_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", WEBSOCKET_ACCEPT_SIZE);
    for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
        memset(key, values[i].letter, sizeof(key));
        assert_true(websocket_accept_write(span_of(key, values[i].size), accept));
        assert_memory_equal(accept, values[i].accept, WEBSOCKET_ACCEPT_SIZE);
    }
    assert_false(websocket_accept_write(span_of(key, 84), accept));
    assert_false(websocket_accept_write(span_of(key, 0), accept));
}

static void test_accept(void **state)
{
    (void)state;
    begin_plain();
    assert_int_equal(check().anomalies, 0);
    assert_int_equal(check().deflate, WEBSOCKET_DEFLATE_NONE);
    begin(CALL_HTTP1);
    asks("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    answers("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOO=");
    assert_int_equal(check().anomalies, WRONG_ACCEPT);
    begin(CALL_HTTP1);
    asks("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    assert_int_equal(check().anomalies, WRONG_ACCEPT);
    /* A head that was not kept whole may have had it. */
    handshake.response.header_count_wire++;
    assert_int_equal(check().anomalies, 0);
    begin(CALL_HTTP1);
    asks("Sec-WebSocket-Key", "************************");
    answers("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_int_equal(check().anomalies, 0);
    begin(CALL_HTTP2);
    asks("Sec-WebSocket-Version", "13");
    assert_int_equal(check().anomalies, 0);
    begin_plain();
    handshake.request.seen = false;
    handshake.request.header_count = handshake.request.header_count_wire = 0;
    assert_int_equal(check().anomalies, 0);
}

static void test_protocol_and_version(void **state)
{
    (void)state;
    begin_plain();
    asks("Sec-WebSocket-Protocol", "chat, superchat");
    asks("Sec-WebSocket-Protocol", "third");
    answers("Sec-WebSocket-Protocol", "third");
    assert_int_equal(check().anomalies, 0);
    begin_plain();
    asks("Sec-WebSocket-Protocol", "chat, superchat");
    answers("Sec-WebSocket-Protocol", "Chat");
    assert_int_equal(check().anomalies, WRONG_AGREEMENT);
    begin_plain();
    answers("Sec-WebSocket-Protocol", "chat");
    assert_int_equal(check().anomalies, WRONG_AGREEMENT);
    begin(CALL_HTTP2);
    asks("Sec-WebSocket-Version", "8");
    assert_int_equal(check().anomalies, WRONG_AGREEMENT);
}

static void test_deflate(void **state)
{
    (void)state;
    begin_plain();
    asks("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits");
    answers("Sec-WebSocket-Extensions",
            "permessage-deflate; server_max_window_bits=12; client_max_window_bits=\"9\"; server_no_context_takeover");
    struct websocket_agreement agreement = check();
    assert_int_equal(agreement.anomalies, 0);
    assert_int_equal(agreement.deflate, WEBSOCKET_DEFLATE_AGREED);
    assert_int_equal(agreement.compression[WEBSOCKET_SERVER].window_bits, 12);
    assert_int_equal(agreement.compression[WEBSOCKET_CLIENT].window_bits, 9);
    assert_false(agreement.compression[WEBSOCKET_SERVER].takeover);
    assert_true(agreement.compression[WEBSOCKET_CLIENT].takeover);
    assert_false(agreement.foreign);
    begin_plain();
    asks("Sec-WebSocket-Extensions", "x-other, permessage-deflate; server_no_context_takeover");
    asks("Sec-WebSocket-Extensions", "permessage-deflate");
    answers("Sec-WebSocket-Extensions", "permessage-deflate");
    agreement = check();
    assert_int_equal(agreement.anomalies, 0);
    assert_int_equal(agreement.compression[WEBSOCKET_CLIENT].window_bits, 15);
    assert_true(agreement.compression[WEBSOCKET_SERVER].takeover);
}

static void test_extensions_not_offered(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "permessage-deflate; client_max_window_bits=10",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=08",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; unknown",
        "permessage-deflate, permessage-deflate",
        "permessage-bzip2",
    };
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        begin_plain();
        asks("Sec-WebSocket-Extensions", "permessage-deflate");
        answers("Sec-WebSocket-Extensions", wrong[i]);
        struct websocket_agreement agreement = check();
        assert_int_equal(agreement.anomalies, WRONG_AGREEMENT);
        assert_int_equal(agreement.foreign, i == ARRAY_COUNT(wrong) - 1);
    }
    begin_plain();
    answers("Sec-WebSocket-Extensions", "permessage-deflate");
    assert_int_equal(check().anomalies, WRONG_AGREEMENT);
    assert_int_equal(check().deflate, WEBSOCKET_DEFLATE_AGREED);
}

static void test_upgrade(void **state)
{
    (void)state;
    assert_true(websocket_upgrade_asked(SPAN_LITERAL("websocket")));
    assert_true(websocket_upgrade_asked(SPAN_LITERAL("h2c, WebSocket")));
    assert_false(websocket_upgrade_asked(SPAN_LITERAL("h2c")));
    assert_false(websocket_upgrade_asked(SPAN_LITERAL("websockets")));
    assert_false(websocket_upgrade_asked((struct span){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accept_values),          cmocka_unit_test(test_accept),
        cmocka_unit_test(test_protocol_and_version),   cmocka_unit_test(test_deflate),
        cmocka_unit_test(test_extensions_not_offered), cmocka_unit_test(test_upgrade),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
