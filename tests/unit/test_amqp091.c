/* SPDX-License-Identifier: Apache-2.0 */

/* AMQP 0-9-1: streams that pika encoded, every cut, every hole, and frames that are wrong. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../amqp_trace.h"
#include "../amqp_vectors.h"

static void trace_whole(struct amqp_trace *trace, bool from_client, bool midstream, const void *data, size_t size)
{
    struct trace_segment all = {(uint32_t)size, false};
    amqp_trace_init(trace, AMQP_TRACE_091, from_client, midstream);
    amqp_trace_run(trace, data, &all, 1);
}

/* Whether the text has the line; arguments are binary, so lines are compared by how they begin. */
static const char *line_find(const struct amqp_trace *trace, const char *begin)
{
    size_t size = strlen(begin);
    const char *at = trace->lines.text, *end = trace->lines.text + trace->lines.size;
    while (at && at < end) {
        if ((size_t)(end - at) >= size && memcmp(at, begin, size) == 0)
            return at;
        at = memchr(at, '\n', (size_t)(end - at));
        at = at ? at + 1 : NULL;
    }
    return NULL;
}

static void assert_lines(const struct amqp_trace *trace, const char *const *lines, uint32_t count)
{
    const char *last = trace->lines.text;
    for (uint32_t i = 0; i < count; i++) {
        const char *found = line_find(trace, lines[i]);
        if (!found || found < last)
            fail_msg("missing or out of order: %s", lines[i]);
        last = found;
    }
}

static void test_client_stream(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "PROTOCOL 0 9",
        "connection.start-ok 0 ",
        "connection.tune-ok 0 ",
        "connection.open 0 ",
        "channel.open 1 ",
        "queue.declare 1 ",
        "queue.bind 1 ",
        "basic.publish 1 ",
        "CONTENT 1 28 content-type=application/json content-encoding=identity "
        "+authorization=Bearer made-up-token-0001 +count=7 +big=4111111111111111 +low=-5 +yes=true "
        "+nested=4111111111111111 +list=one +list=2 +none= delivery-mode=2 priority=4 correlation-id=c-1 "
        "reply-to=answers expiration=60000 message-id=m-1 timestamp=1795186800 type=order.created user-id=shop "
        "app-id=till",
        "basic.publish 2 ",
        "BODY {\"card\": ",
        "HEARTBEAT",
        "CONTENT 2 4",
        "BODY more",
        "BODY \"4111111111111111\"}",
        "basic.ack 1 ",
        "connection.close 0 ",
    };
    struct amqp_trace trace;
    trace_whole(&trace, true, false, amqp091_client_vector, sizeof(amqp091_client_vector));
    assert_lines(&trace, lines, ARRAY_COUNT(lines));
    assert_int_equal(trace.items, ARRAY_COUNT(lines));
    assert_int_equal(trace.anomalies, 0);
    assert_null(strstr(trace.lines.text, " ? "));
    amqp_trace_free(&trace);
}

static void test_server_stream(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "connection.start 0 ",
        "connection.tune 0 ",
        "connection.open-ok 0 ",
        "channel.open-ok 1 ",
        "queue.declare-ok 1 ",
        "basic.deliver 1 ",
        "CONTENT 1 5 content-type=text/plain",
        "BODY hello",
        "basic.return 1 ",
        "CONTENT 1 0",
        "channel.close 1 ",
    };
    struct amqp_trace trace;
    trace_whole(&trace, false, false, amqp091_server_vector, sizeof(amqp091_server_vector));
    assert_lines(&trace, lines, ARRAY_COUNT(lines));
    assert_int_equal(trace.items, ARRAY_COUNT(lines));
    amqp_trace_free(&trace);
}

static struct amqp091_arguments arguments_of(uint16_t class_number, uint16_t method_number, const void *data,
                                             size_t size)
{
    struct amqp091_arguments arguments;
    const struct amqp091_method_info *method = amqp091_method_find(class_number, method_number);
    assert_non_null(method);
    amqp091_arguments_read(method, span_of(data, size), &arguments);
    return arguments;
}

static void assert_span(struct span span, const char *text)
{
    assert_int_equal(span.size, strlen(text));
    assert_memory_equal(span.data, text, span.size);
}

static void test_arguments(void **state)
{
    (void)state;
    /* basic.publish: reserved short, exchange, routing key, bits (AMQP 0-9-1 1.8.3.7) */
    struct amqp091_arguments publish = arguments_of(60, 40, "\0\0\4shop\5order\1", 14);
    assert_true(publish.complete);
    assert_span(publish.exchange, "shop");
    assert_span(publish.routing_key, "order");
    assert_int_equal(publish.bits, 1);
    assert_null(publish.queue.data);
    /* The default exchange is there, and empty. */
    struct amqp091_arguments plain = arguments_of(60, 40, "\0\0\0\4work\0", 9);
    assert_true(plain.complete);
    assert_non_null(plain.exchange.data);
    assert_int_equal(plain.exchange.size, 0);
    /* basic.deliver: consumer tag, delivery tag, redelivered, exchange, routing key */
    struct amqp091_arguments deliver = arguments_of(60, 60, "\2t1\0\0\0\0\0\0\1\2\1\4shop\1k", 19);
    assert_true(deliver.complete);
    assert_span(deliver.consumer_tag, "t1");
    assert_int_equal(deliver.delivery_tag, 258);
    assert_int_equal(deliver.bits, 1);
    assert_span(deliver.exchange, "shop");
    assert_span(deliver.routing_key, "k");
    /* channel.close: code, text, class, method */
    struct amqp091_arguments close = arguments_of(20, 40, "\1\x94\2no\0\x32\0\x0a", 9);
    assert_true(close.complete);
    assert_int_equal(close.reply_code, 404);
    assert_span(close.reply_text, "no");
    assert_int_equal(close.failed_class, 50);
    assert_int_equal(close.failed_method, 10);
    /* One byte too few, one too many. */
    assert_false(arguments_of(60, 40, "\0\0\4shop\5order", 13).complete);
    assert_false(arguments_of(60, 40, "\0\0\4shop\5order\1\0", 15).complete);
    assert_false(arguments_of(60, 40, "\0\0\xffshop", 7).complete);
}

static void test_no_wait(void **state)
{
    (void)state;
    /* queue.declare: passive, durable, exclusive, auto-delete, no-wait from the lowest bit (4.2.5.2) */
    const struct amqp091_method_info *declare = amqp091_method_find(50, 10);
    struct amqp091_arguments with = arguments_of(50, 10, "\0\0\1q\x10\0\0\0\0", 9);
    struct amqp091_arguments without = arguments_of(50, 10, "\0\0\1q\x0f\0\0\0\0", 9);
    assert_true(with.complete && without.complete);
    assert_true(amqp091_no_wait(declare, &with));
    assert_false(amqp091_no_wait(declare, &without));
    assert_int_equal(declare->answer, AMQP091_METHOD_ID(50, 11));
    assert_null(amqp091_method_find(50, 12));
}

static void test_all_cuts(void **state)
{
    (void)state;
    struct amqp_trace whole, cut;
    uint32_t size = sizeof(amqp091_client_vector);
    trace_whole(&whole, true, false, amqp091_client_vector, size);
    for (uint32_t first = 0; first <= size; first += 1)
        for (uint32_t second = first; second <= size; second += 7) {
            struct trace_segment segments[] = {{first, false}, {second, false}, {size, false}};
            amqp_trace_init(&cut, AMQP_TRACE_091, true, false);
            amqp_trace_run(&cut, amqp091_client_vector, segments, 3);
            assert_int_equal(cut.lines.size, whole.lines.size);
            assert_memory_equal(cut.lines.text, whole.lines.text, whole.lines.size);
            amqp_trace_free(&cut);
        }
    amqp_trace_free(&whole);
}

/* Every line behind a hole is one of the lines without it: nothing is invented. Bodies may be shorter. */
static void assert_subset(const struct amqp_trace *whole, const struct amqp_trace *cut)
{
    const char *at = cut->lines.text, *end = cut->lines.text + cut->lines.size;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        size_t size = (size_t)((line_end ? line_end : end) - at);
        bool own = size >= 4 && (memcmp(at, "LOST", 4) == 0 || memcmp(at, "BODY", 4) == 0);
        if (!own && !memmem(whole->lines.text, whole->lines.size, at, size))
            fail_msg("invented: %.*s", (int)size, at);
        at += size + 1;
    }
}

static void test_every_hole(void **state)
{
    (void)state;
    struct amqp_trace whole, cut;
    uint32_t size = sizeof(amqp091_client_vector);
    trace_whole(&whole, true, false, amqp091_client_vector, size);
    for (uint32_t length = 1; length < 120; length += 13)
        for (uint32_t from = 0; from + length <= size; from++) {
            struct trace_segment segments[] = {{from, false}, {from + length, true}, {size, false}};
            amqp_trace_init(&cut, AMQP_TRACE_091, true, false);
            amqp_trace_run(&cut, amqp091_client_vector, segments, 3);
            assert_subset(&whole, &cut);
            /* What is left at the end of the stream is always found again. */
            if (from + length + 200 < size)
                assert_non_null(line_find(&cut, "connection.close 0 "));
            amqp_trace_free(&cut);
        }
    amqp_trace_free(&whole);
}

/* frame header: type, channel, size */
static size_t put_frame(uint8_t *out, uint8_t type, uint16_t channel, const void *payload, uint32_t size)
{
    uint8_t head[7] = {type,
                       (uint8_t)(channel >> 8),
                       (uint8_t)channel,
                       (uint8_t)(size >> 24),
                       (uint8_t)(size >> 16),
                       (uint8_t)(size >> 8),
                       (uint8_t)size};
    memcpy(out, head, 7);
    memcpy(out + 7, payload, size);
    out[7 + size] = 0xce;
    return 8 + size;
}

static void test_hole_in_body(void **state)
{
    (void)state;
    uint8_t stream[4096];
    uint8_t body[1000];
    memset(body, 'b', sizeof(body));
    size_t size = put_frame(stream, 3, 5, body, sizeof(body));
    size += put_frame(stream + size, 8, 0, "", 0);
    /* Ends inside the payload, with it, and with the frame-end octet. */
    static const uint32_t ends[] = {600, 1006, 1007, 1008};
    for (uint32_t i = 0; i < ARRAY_COUNT(ends); i++) {
        struct trace_segment segments[] = {{107, false}, {ends[i], true}, {(uint32_t)size, false}};
        struct amqp_trace trace;
        amqp_trace_init(&trace, AMQP_TRACE_091, true, false);
        amqp_trace_run(&trace, stream, segments, 3);
        assert_int_equal(trace.lost_items, 0);
        assert_int_equal(trace.body_bytes + trace.lost_bytes, 1000);
        assert_int_equal(trace.lost_bytes, (ends[i] > 1007 ? 1007 : ends[i]) - 107);
        assert_non_null(line_find(&trace, "HEARTBEAT"));
        amqp_trace_free(&trace);
    }
}

static void test_midstream(void **state)
{
    (void)state;
    struct amqp_trace trace;
    /* From the middle of connection.open on: the next thing that is certain is channel.open. */
    const uint8_t *open = memmem(amqp091_client_vector, sizeof(amqp091_client_vector), "/orders", 7);
    trace_whole(&trace, true, true, open, sizeof(amqp091_client_vector) - (size_t)(open - amqp091_client_vector));
    assert_memory_equal(trace.lines.text, "channel.open 1 ", 15);
    assert_non_null(line_find(&trace, "connection.close 0 "));
    assert_true(trace.anomalies & ANOMALY_BIT(ANOMALY_AFTER_LOSS));
    amqp_trace_free(&trace);
}

static void test_frame_end_missing(void **state)
{
    (void)state;
    uint8_t stream[256];
    size_t size = put_frame(stream, 1, 1, "\0\x3c\0\x28\0\0\1e\1k\0", 11), first = size;
    size += put_frame(stream + size, 1, 1, "\0\x14\0\x29", 4);
    size += put_frame(stream + size, 8, 0, "", 0);
    stream[first - 1] = 0xcd;
    struct amqp_trace trace;
    trace_whole(&trace, true, false, stream, size);
    assert_string_equal(trace.lines.text, "LOST\nchannel.close-ok 1 \nHEARTBEAT");
    assert_true(trace.anomalies & ANOMALY_BIT(ANOMALY_FRAME_END));
    amqp_trace_free(&trace);
}

static void test_long_method(void **state)
{
    (void)state;
    static uint8_t payload[40000], stream[60000];
    memcpy(payload, "\0\x0a\0\x0b", 4); /* connection.start-ok with a table of 39,000 bytes */
    memcpy(payload + 4, "\0\0\x98\x58", 4);
    size_t size = put_frame(stream, 1, 0, payload, sizeof(payload));
    size += put_frame(stream + size, 8, 0, "", 0);
    struct amqp_trace trace;
    struct trace_segment segments[] = {{100, false}, {9000, false}, {20000, false}, {(uint32_t)size, false}};
    amqp_trace_init(&trace, AMQP_TRACE_091, true, false);
    amqp_trace_run(&trace, stream, segments, 4);
    assert_memory_equal(trace.lines.text, "connection.start-ok 0 ? ", 24);
    assert_int_equal(trace.items, 2);
    assert_memory_equal(trace.lines.text + trace.lines.size - 9, "HEARTBEAT", 9);
    amqp_trace_free(&trace);
}

static void test_frame_max(void **state)
{
    (void)state;
    uint8_t stream[256], body[100] = {0};
    size_t size = put_frame(stream, 3, 1, body, sizeof(body));
    struct amqp091_item item;
    struct parse_input input = {.data = stream, .size = (uint32_t)size};
    struct amqp091 parser;
    /* A frame of 108 bytes: 107 are too few, 108 are enough. */
    for (uint32_t most = 107; most <= 108; most++) {
        amqp091_init(&parser, true);
        amqp091_set_frame_max(&parser, most);
        assert_int_equal(amqp091_parse(&parser, &input, &item).status, PARSE_ITEM);
        assert_int_equal(item.anomalies, most == 107 ? ANOMALY_BIT(ANOMALY_FRAME_SIZE) : 0);
    }
}

static void test_other_version(void **state)
{
    (void)state;
    struct amqp_trace trace;
    trace_whole(&trace, true, false, "AMQP\1\1\0\x09rest", 12);
    assert_string_equal(trace.lines.text, "PROTOCOL 1 0");
    amqp_trace_free(&trace);
}

static void test_deep_table(void **state)
{
    (void)state;
    /* headers only (bit 13); tables inside each other deeper than anything is walked, "a" in each, a text at the end */
    uint8_t properties[512];
    uint32_t depth = 20, size = 0;
    uint32_t inner = 3 + 4 + 2;
    properties[size++] = 0x20;
    properties[size++] = 0;
    for (uint32_t i = 0; i < depth; i++) {
        uint32_t rest = (depth - 1 - i) * 7 + inner;
        memcpy(properties + size, (uint8_t[]){0, 0, 0, (uint8_t)rest}, 4);
        size += 4;
        if (i + 1 < depth) {
            memcpy(properties + size, "\1aF", 3);
            size += 3;
        }
    }
    memcpy(properties + size, "\1aS\0\0\0\2hi", 9);
    size += 9;
    assert_true(amqp091_properties_plausible(span_of(properties, size)));
    struct amqp091_walk walk;
    struct amqp091_field field;
    amqp091_properties_init(&walk, span_of(properties, size));
    assert_true(amqp091_walk_next(&walk, &field));
    assert_span(field.name, "a");
    assert_int_equal(field.value.size, (20 - 1 - 8) * 7 + 9); /* the ninth table, as it lies */
    assert_false(amqp091_walk_next(&walk, &field));
    /* One byte short: malformed, not read beyond. */
    assert_false(amqp091_properties_plausible(span_of(properties, size - 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_stream),     cmocka_unit_test(test_server_stream),
        cmocka_unit_test(test_arguments),         cmocka_unit_test(test_no_wait),
        cmocka_unit_test(test_all_cuts),          cmocka_unit_test(test_every_hole),
        cmocka_unit_test(test_hole_in_body),      cmocka_unit_test(test_midstream),
        cmocka_unit_test(test_frame_end_missing), cmocka_unit_test(test_long_method),
        cmocka_unit_test(test_frame_max),         cmocka_unit_test(test_other_version),
        cmocka_unit_test(test_deep_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
