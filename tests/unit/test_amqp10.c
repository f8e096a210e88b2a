/* SPDX-License-Identifier: Apache-2.0 */

/* AMQP 1.0: streams that Qpid Proton encoded, every cut, every hole, and values that are wrong. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../amqp_trace.h"
#include "../amqp_vectors.h"

static void trace_whole(struct amqp_trace *trace, enum amqp_trace_kind kind, bool midstream, const void *data,
                        size_t size)
{
    struct trace_segment all = {(uint32_t)size, false};
    amqp_trace_init(trace, kind, true, midstream);
    amqp_trace_run(trace, data, &all, 1);
}

static void assert_words(const uint8_t *data, uint32_t size, const struct trace_segment *segments, uint32_t count,
                         const char *words)
{
    struct trace_segment all = {size, false};
    struct amqp_trace trace;
    amqp_trace_init(&trace, AMQP_TRACE_10, true, false);
    trace.bare = true;
    amqp_trace_run(&trace, data, segments ? segments : &all, segments ? count : 1);
    for (char *c = trace.lines.text; *c; c++)
        *c = *c == '\n' ? ' ' : *c;
    assert_string_equal(trace.lines.text, words);
    amqp_trace_free(&trace);
}

static const char client_words[] =
    "PROTOCOL 3 1 sasl-init PROTOCOL 0 1 open begin attach attach flow transfer PAYLOAD  END transfer PAYLOAD  END "
    "transfer PAYLOAD  END disposition detach close";

static void test_streams(void **state)
{
    (void)state;
    assert_words(amqp10_client_vector, sizeof(amqp10_client_vector), NULL, 0, client_words);
    assert_words(amqp10_server_vector, sizeof(amqp10_server_vector), NULL, 0,
                 "PROTOCOL 3 1 sasl-mechanisms sasl-outcome PROTOCOL 0 1 open begin attach attach flow transfer "
                 "PAYLOAD  END disposition");
    struct amqp_trace trace;
    trace_whole(&trace, AMQP_TRACE_10, false, amqp10_client_vector, sizeof(amqp10_client_vector));
    assert_int_equal(trace.anomalies, 0);
    assert_null(memmem(trace.lines.text, trace.lines.size, " ? ", 3));
    amqp_trace_free(&trace);
}

/* The performatives of one kind in a stream, read. */
static uint32_t performatives_of(const uint8_t *data, uint32_t size, uint8_t code, struct amqp10_performative *out,
                                 uint32_t capacity)
{
    struct amqp10 parser;
    struct amqp10_item item;
    uint32_t count = 0;
    amqp10_init(&parser);
    for (;;) {
        struct parse_input input = {.data = data, .size = size};
        struct parse_step step = amqp10_parse(&parser, &input, &item);
        data += step.consumed;
        size -= step.consumed;
        if (step.status != PARSE_ITEM)
            return count;
        if (item.kind == AMQP10_PERFORMATIVE && item.performative.code == code && count < capacity)
            assert_true(
                amqp10_performative_read(code, item.performative.fields, item.performative.count, &out[count++]));
    }
}

static void assert_span(struct span span, const char *text)
{
    assert_non_null(span.data);
    assert_int_equal(span.size, strlen(text));
    assert_memory_equal(span.data, text, span.size);
}

static void test_performatives(void **state)
{
    (void)state;
    struct amqp10_performative read[8];
    const uint8_t *client = amqp10_client_vector, *server = amqp10_server_vector;
    uint32_t client_size = sizeof(amqp10_client_vector), server_size = sizeof(amqp10_server_vector);
    assert_int_equal(performatives_of(client, client_size, AMQP10_SASL_INIT, read, 8), 1);
    assert_span(read[0].mechanism, "ANONYMOUS");
    assert_int_equal(performatives_of(client, client_size, AMQP10_OPEN, read, 8), 1);
    assert_span(read[0].hostname, "mq.example");
    assert_int_equal(read[0].frame_max, 512);
    assert_int_equal(performatives_of(client, client_size, AMQP10_ATTACH, read, 8), 2);
    assert_span(read[0].link_name, "out");
    assert_false(read[0].receiver);
    assert_span(read[0].target, "orders");
    assert_span(read[1].link_name, "in");
    assert_true(read[1].receiver);
    assert_span(read[1].source, "answers");
    assert_int_not_equal(read[0].handle, read[1].handle);
    assert_int_equal(performatives_of(client, client_size, AMQP10_TRANSFER, read, 8), 3);
    assert_true(read[0].more && read[1].more && !read[2].more);
    assert_true(read[0].has_delivery && !read[0].settled);
    assert_int_equal(performatives_of(client, client_size, AMQP10_DISPOSITION, read, 8), 1);
    assert_int_equal(read[0].outcome, AMQP10_REJECTED);
    assert_true(read[0].receiver && read[0].settled);
    assert_int_equal(performatives_of(server, server_size, AMQP10_DISPOSITION, read, 8), 1);
    assert_int_equal(read[0].outcome, AMQP10_ACCEPTED);
    assert_int_equal(performatives_of(server, server_size, AMQP10_SASL_OUTCOME, read, 8), 1);
    assert_int_equal(read[0].sasl_code, 0);
    assert_int_equal(performatives_of(server, server_size, AMQP10_BEGIN, read, 8), 1);
    assert_true(read[0].has_remote_channel);
}

/* The symbol for each number that the client's stream uses, as 1.3, 2.7 and 5.3.3 of the standard give them. */
static const char *symbol_of(uint8_t number)
{
    static const char *const symbols[] = {
        [0x10] = "amqp:open:list",   [0x11] = "amqp:begin:list",    [0x12] = "amqp:attach:list",
        [0x13] = "amqp:flow:list",   [0x14] = "amqp:transfer:list", [0x15] = "amqp:disposition:list",
        [0x16] = "amqp:detach:list", [0x18] = "amqp:close:list",    [0x41] = "amqp:sasl-init:list",
    };
    return symbols[number];
}

/* The client's stream with the symbol of each performative in place of its number. */
static uint32_t symbolic_stream(uint8_t *out)
{
    const uint8_t *in = amqp10_client_vector, *end = in + sizeof(amqp10_client_vector);
    uint32_t written = 0;
    while (in < end) {
        if (memcmp(in, "AMQP", 4) == 0) {
            memcpy(out + written, in, 8);
            written += 8;
            in += 8;
            continue;
        }
        uint32_t size = (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
        const char *symbol = symbol_of(in[10]);
        uint32_t name = (uint32_t)strlen(symbol), grown = size + name;
        assert_true(in[8] == 0 && in[9] == 0x53);
        const uint8_t head[] = {(uint8_t)(grown >> 24), (uint8_t)(grown >> 16), (uint8_t)(grown >> 8), (uint8_t)grown};
        memcpy(out + written, head, 4);
        memcpy(out + written + 4, in + 4, 5);
        out[written + 9] = 0xa3;
        out[written + 10] = (uint8_t)name;
        memcpy(out + written + 11, symbol, name);
        memcpy(out + written + 11 + name, in + 11, size - 11);
        written += grown;
        in += size;
    }
    return written;
}

static void test_symbolic_descriptors(void **state)
{
    (void)state;
    static uint8_t stream[2 * sizeof(amqp10_client_vector)];
    uint32_t size = symbolic_stream(stream);
    struct amqp10_performative read[8];
    for (uint32_t cut = 0; cut <= size; cut++) {
        const struct trace_segment segments[] = {{cut, false}, {size, false}};
        assert_words(stream, size, segments, 2, client_words);
    }
    assert_int_equal(performatives_of(stream, size, AMQP10_ATTACH, read, 8), 2);
    assert_span(read[0].target, "orders");
    assert_int_equal(performatives_of(stream, size, AMQP10_DISPOSITION, read, 8), 1);
    assert_int_equal(read[0].outcome, AMQP10_REJECTED);
    /* disposition(role=receiver, first=0, last=0, settled, state=released) with the symbol of the state */
    static const uint8_t fields[] = "\x41\x43\x43\x41\x00\xa3\x12"
                                    "amqp:released:list"
                                    "\x45";
    assert_true(amqp10_performative_read(AMQP10_DISPOSITION, span_of(fields, sizeof(fields) - 1), 5, read));
    assert_int_equal(read[0].outcome, AMQP10_RELEASED);
}

static void test_symbolic_sections(void **state)
{
    (void)state;
    static const uint8_t message[] = "\x00\xa3\x14"
                                     "amqp:properties:list"
                                     "\xc0\x05\x01\xa1\x02id"
                                     "\x00\xa3\x10"
                                     "amqp:data:binary"
                                     "\xa0\x04"
                                     "body";
    for (uint32_t cut = 0; cut < sizeof(message); cut++) {
        const struct trace_segment segments[] = {{cut, false}, {sizeof(message) - 1, false}};
        struct amqp_trace trace;
        amqp_trace_init(&trace, AMQP_TRACE_MESSAGE, true, false);
        amqp_trace_run(&trace, message, segments, 2);
        assert_non_null(memmem(trace.lines.text, trace.lines.size, "body", 4));
        assert_int_equal(trace.body_bytes, 4);
        assert_int_equal(trace.message.malformed, false);
        amqp_trace_free(&trace);
    }
}

static void test_all_cuts(void **state)
{
    (void)state;
    struct amqp_trace whole, cut;
    uint32_t size = sizeof(amqp10_client_vector);
    trace_whole(&whole, AMQP_TRACE_10, false, amqp10_client_vector, size);
    for (uint32_t first = 0; first <= size; first++)
        for (uint32_t second = first; second <= size; second += 11) {
            struct trace_segment segments[] = {{first, false}, {second, false}, {size, false}};
            amqp_trace_init(&cut, AMQP_TRACE_10, true, false);
            amqp_trace_run(&cut, amqp10_client_vector, segments, 3);
            assert_int_equal(cut.lines.size, whole.lines.size);
            assert_memory_equal(cut.lines.text, whole.lines.text, whole.lines.size);
            amqp_trace_free(&cut);
        }
    amqp_trace_free(&whole);
}

static void test_every_hole(void **state)
{
    (void)state;
    struct amqp_trace whole, cut;
    uint32_t size = sizeof(amqp10_client_vector);
    trace_whole(&whole, AMQP_TRACE_10, false, amqp10_client_vector, size);
    for (uint32_t length = 1; length < 400; length += 37)
        for (uint32_t from = 0; from + length <= size; from++) {
            struct trace_segment segments[] = {{from, false}, {from + length, true}, {size, false}};
            amqp_trace_init(&cut, AMQP_TRACE_10, true, false);
            amqp_trace_run(&cut, amqp10_client_vector, segments, 3);
            const char *at = cut.lines.text, *end = cut.lines.text + cut.lines.size;
            while (at < end) {
                const char *line_end = memchr(at, '\n', (size_t)(end - at));
                size_t line = (size_t)((line_end ? line_end : end) - at);
                bool own = line >= 4 && (memcmp(at, "LOST", 4) == 0 || memcmp(at, "PAYL", 4) == 0);
                if (!own && !memmem(whole.lines.text, whole.lines.size, at, line))
                    fail_msg("invented: %.*s", (int)line, at);
                at += line + 1;
            }
            /* The end of the connection is found again, from wherever it is still in sight. */
            if (from + length < size - 200)
                assert_non_null(memmem(cut.lines.text, cut.lines.size, "\nclose 0 ", 9));
            amqp_trace_free(&cut);
        }
    amqp_trace_free(&whole);
}

static void test_long_transfer_behind_loss(void **state)
{
    (void)state;
    /* Half a transfer, a whole one of 20,000 bytes, an end: the first two cannot be told, where the third is can. */
    static uint8_t stream[30000];
    static const uint8_t transfer[] = {0,    0,    0x4e, 0x20, 2,    0,    0,    0,    0,   0x53, 0x14,
                                       0xc0, 0x09, 0x04, 0x43, 0x52, 0x01, 0xa0, 0x01, 't', 0x43};
    static const uint8_t end[] = {0, 0, 0, 12, 2, 0, 0, 0, 0, 0x53, 0x17, 0x45};
    memset(stream, 'x', sizeof(stream));
    memcpy(stream + 500, transfer, sizeof(transfer));
    memcpy(stream + 500 + 20000, end, sizeof(end));
    struct amqp_trace trace;
    trace_whole(&trace, AMQP_TRACE_10, true, stream, 500 + 20000 + sizeof(end));
    assert_memory_equal(trace.lines.text, "end 0 ", 6);
    assert_int_equal(trace.items, 1);
    amqp_trace_free(&trace);
    /* Nothing plausible where it ends: it was none. */
    stream[500 + 20000 + 5] = 9;
    trace_whole(&trace, AMQP_TRACE_10, true, stream, 500 + 20000 + sizeof(end));
    assert_int_equal(trace.items, 0);
    amqp_trace_free(&trace);
}

static void test_hole_in_payload(void **state)
{
    (void)state;
    uint32_t size = sizeof(amqp10_client_vector);
    const uint8_t *data = memmem(amqp10_client_vector, size, "xxxxxxxxxx", 10);
    uint32_t at = (uint32_t)(data - amqp10_client_vector);
    struct trace_segment segments[] = {{at, false}, {at + 30, true}, {size, false}};
    assert_words(amqp10_client_vector, size, segments, 3, client_words);
    struct amqp_trace trace;
    amqp_trace_init(&trace, AMQP_TRACE_10, true, false);
    amqp_trace_run(&trace, amqp10_client_vector, segments, 3);
    assert_int_equal(trace.lost_bytes, 30);
    amqp_trace_free(&trace);
}

static void test_tls_header(void **state)
{
    (void)state;
    struct amqp10 parser;
    struct amqp10_item item;
    struct parse_input input = {.data = (const uint8_t *)"AMQP\2\1\0\0\x16\3\1", .size = 11};
    amqp10_init(&parser);
    struct parse_step step = amqp10_parse(&parser, &input, &item);
    assert_int_equal(step.status, PARSE_ITEM);
    assert_int_equal(step.consumed, 8);
    assert_int_equal(item.kind, AMQP10_PROTOCOL_HEADER);
    assert_int_equal(item.header.id, AMQP10_TLS);
    input = (struct parse_input){.data = input.data + 8, .size = 3};
    step = amqp10_parse(&parser, &input, &item);
    assert_int_equal(step.status, PARSE_STOP);
    assert_int_equal(step.consumed, 0);
}

/* ---- messages ---- */

static const char message_text[] =
    "SECTION 112 =true\n"
    "SECTION 114 x-opt=note\n"
    "SECTION 115 =6f9619ff-8b86-4011-b42d-00cf4fc964ff =shop =orders =order.created =answers =c-1 =application/json\n"
    "SECTION 116 authorization=Bearer made-up-token-0001 count=7 low=-5\n"
    "BYTES {\"card\": \"4111111111111111\"}";

static void test_message(void **state)
{
    (void)state;
    struct amqp_trace trace;
    uint32_t size = sizeof(amqp10_message_vector);
    for (uint32_t first = 0; first <= size; first++) {
        struct trace_segment segments[] = {{first, false}, {(first + size) / 2, false}, {size, false}};
        amqp_trace_init(&trace, AMQP_TRACE_MESSAGE, true, false);
        amqp_trace_run(&trace, amqp10_message_vector, segments, 3);
        assert_string_equal(trace.lines.text, message_text);
        assert_true(amqp10_message_whole(&trace.message));
        amqp_trace_free(&trace);
    }
}

static void test_message_values(void **state)
{
    (void)state;
    struct amqp_trace trace;
    trace_whole(&trace, AMQP_TRACE_MESSAGE, false, amqp10_message_text_vector, sizeof(amqp10_message_text_vector));
    assert_non_null(strstr(trace.lines.text, "TEXT card 4111111111111111"));
    amqp_trace_free(&trace);
    trace_whole(&trace, AMQP_TRACE_MESSAGE, false, amqp10_message_value_vector, sizeof(amqp10_message_value_vector));
    assert_non_null(strstr(trace.lines.text, "SECTION 119 "));
    assert_non_null(strstr(trace.lines.text, "name=A. Person"));
    assert_non_null(strstr(trace.lines.text, "card=4111111111111111"));
    assert_non_null(strstr(trace.lines.text, "number=4111111111111111"));
    assert_non_null(strstr(trace.lines.text, "list=one deep=two"));
    amqp_trace_free(&trace);
}

static void test_message_hole(void **state)
{
    (void)state;
    struct amqp_trace trace;
    uint32_t size = sizeof(amqp10_message_vector);
    /* In the data: they are missing there and nothing else is. */
    struct trace_segment segments[] = {{size - 20, false}, {size - 10, true}, {size, false}};
    amqp_trace_init(&trace, AMQP_TRACE_MESSAGE, true, false);
    amqp_trace_run(&trace, amqp10_message_vector, segments, 3);
    assert_int_equal(trace.lost_bytes, 10);
    assert_true(amqp10_message_whole(&trace.message) && !trace.message.malformed);
    amqp_trace_free(&trace);
    /* In a section: the rest is bytes. */
    struct trace_segment early[] = {{20, false}, {30, true}, {size, false}};
    amqp_trace_init(&trace, AMQP_TRACE_MESSAGE, true, false);
    amqp_trace_run(&trace, amqp10_message_vector, early, 3);
    assert_int_equal(trace.body_bytes, size - 30);
    assert_false(amqp10_message_whole(&trace.message));
    amqp_trace_free(&trace);
}

static void test_message_long_section(void **state)
{
    (void)state;
    /* application properties of 70,000 bytes, then data */
    static uint8_t message[80000];
    memcpy(message, "\0\x53\x74\xd1\0\1\x11\x70\0\0\0\2\xb1\0\1\x11\x67", 17);
    memset(message + 17, 'k', 69991);
    memcpy(message + 8 + 70000, "\0\x53\x75\xa0\2hi", 7);
    struct amqp_trace trace;
    struct trace_segment segments[] = {{5, false}, {100, false}, {40000, false}, {8 + 70000 + 7, false}};
    amqp_trace_init(&trace, AMQP_TRACE_MESSAGE, true, false);
    amqp_trace_run(&trace, message, segments, 4);
    assert_string_equal(trace.lines.text, "SECTION 116 cut\nBYTES hi");
    amqp_trace_free(&trace);
}

/* ---- values ---- */

static void test_values(void **state)
{
    (void)state;
    /* part 1, 1.6: one of each width, and what is no type */
    static const struct {
        const char *bytes;
        uint32_t size;
        uint8_t kind;
        uint64_t number;
    } cases[] = {
        {"\x40", 1, AMQP10_NULL, 0},
        {"\x41", 1, AMQP10_BOOLEAN, 1},
        {"\x42", 1, AMQP10_BOOLEAN, 0},
        {"\x56\1", 2, AMQP10_BOOLEAN, 1},
        {"\x50\xff", 2, AMQP10_UNSIGNED, 255},
        {"\x43", 1, AMQP10_UNSIGNED, 0},
        {"\x70\1\0\0\0", 5, AMQP10_UNSIGNED, 1u << 24},
        {"\x80\0\0\0\1\0\0\0\0", 9, AMQP10_UNSIGNED, UINT64_C(1) << 32},
        {"\x54\xfe", 2, AMQP10_SIGNED, (uint64_t)-2},
        {"\x71\xff\xff\xff\xfd", 5, AMQP10_SIGNED, (uint64_t)-3},
        {"\xa1\2hi", 4, AMQP10_STRING, 0},
        {"\xb0\0\0\0\1x", 6, AMQP10_BINARY, 0},
        {"\xa3\1s", 3, AMQP10_SYMBOL, 0},
        {"\x45", 1, AMQP10_LIST, 0},
        {"\xc1\1\0", 3, AMQP10_MAP, 0},
        {"\xe0\2\0\x40", 4, AMQP10_ARRAY, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct amqp10_value value;
        struct span rest = span_of(cases[i].bytes, cases[i].size);
        uint64_t size;
        assert_int_equal(amqp10_value_size(rest, &size), AMQP10_SIZE_KNOWN);
        assert_int_equal(size, cases[i].size);
        assert_true(amqp10_value_read(&rest, &value));
        assert_int_equal(rest.size, 0);
        assert_int_equal(value.kind, cases[i].kind);
        assert_int_equal(value.number, cases[i].number);
        /* Without its last byte there is no value. */
        rest = span_of(cases[i].bytes, cases[i].size - 1);
        assert_false(amqp10_value_read(&rest, &value));
        assert_int_equal(rest.size, cases[i].size - 1);
    }
    static const char *const wrong[] = {"\x39", "\x4f", "\xa2\1x", "\x56\2", "\xc0\0", "\xc2\1\0", "\xe1\2\0\x40"};
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        struct amqp10_value value;
        struct span rest = span_of(wrong[i], 4);
        assert_false(amqp10_value_read(&rest, &value));
    }
}

static void test_descriptors(void **state)
{
    (void)state;
    struct amqp10_value value;
    struct span rest = span_of("\0\x80\0\0\0\0\0\0\0\x24\x45", 11);
    assert_true(amqp10_value_read(&rest, &value));
    assert_true(value.described && value.descriptor_known);
    assert_int_equal(value.descriptor, AMQP10_ACCEPTED);
    rest = span_of("\0\xa3\3foo\x41", 7);
    assert_true(amqp10_value_read(&rest, &value));
    assert_true(value.described && !value.descriptor_known);
    /* More descriptors on one value than anybody sends. */
    rest = span_of("\0\x43\0\x43\0\x43\0\x43\0\x43\0\x43\x41", 13);
    assert_false(amqp10_value_read(&rest, &value));
    uint64_t size;
    assert_int_equal(amqp10_value_size(span_of("\0\x53", 2), &size), AMQP10_SIZE_KNOWN + AMQP10_SIZE_MORE);
}

static void test_deep_lists(void **state)
{
    (void)state;
    /* 40 lists inside each other: each walk ends, and what is too deep is given as it lies. */
    uint8_t bytes[200];
    uint32_t depth = 40, size = 0;
    for (uint32_t i = 0; i < depth; i++) {
        uint32_t rest = (depth - i - 1) * 3 + 4 + 1;
        memcpy(bytes + size, (uint8_t[]){0xc0, (uint8_t)rest, 1}, 3);
        size += 3;
    }
    memcpy(bytes + size, "\xa1\2hi", 4);
    size += 4;
    struct amqp10_value value;
    struct span rest = span_of(bytes, size);
    assert_true(amqp10_value_read(&rest, &value));
    struct amqp10_walk walk;
    struct amqp10_text text;
    amqp10_walk_init(&walk, &value);
    assert_true(amqp10_walk_next(&walk, &text));
    assert_true(text.value.size > 50);
    assert_false(amqp10_walk_next(&walk, &text));
    assert_false(walk.malformed);
}

static void test_array_walk(void **state)
{
    (void)state;
    /* array8 of two str8 */
    struct amqp10_value value;
    struct span rest = span_of("\xe0\x08\2\xa1\2ab\2cd", 10);
    assert_true(amqp10_value_read(&rest, &value));
    struct amqp10_walk walk;
    struct amqp10_text text;
    amqp10_walk_init(&walk, &value);
    assert_true(amqp10_walk_next(&walk, &text));
    assert_span(text.value, "ab");
    assert_true(amqp10_walk_next(&walk, &text));
    assert_span(text.value, "cd");
    assert_false(amqp10_walk_next(&walk, &text));
    /* array8 that claims 255 times "true", which takes no byte, and has one that belongs to nothing */
    rest = span_of("\xe0\3\xff\x41x", 5);
    assert_true(amqp10_value_read(&rest, &value));
    amqp10_walk_init(&walk, &value);
    assert_false(amqp10_walk_next(&walk, &text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_performatives),
        cmocka_unit_test(test_symbolic_descriptors),
        cmocka_unit_test(test_symbolic_sections),
        cmocka_unit_test(test_all_cuts),
        cmocka_unit_test(test_every_hole),
        cmocka_unit_test(test_hole_in_payload),
        cmocka_unit_test(test_long_transfer_behind_loss),
        cmocka_unit_test(test_tls_header),
        cmocka_unit_test(test_message),
        cmocka_unit_test(test_message_values),
        cmocka_unit_test(test_message_hole),
        cmocka_unit_test(test_message_long_section),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_deep_lists),
        cmocka_unit_test(test_array_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
