/* SPDX-License-Identifier: Apache-2.0 */

/*
 * proto: permessage-deflate. Messages are those of RFC 7692 7.2.3, or made by zlib's own compressor as 7.2.1 says.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define ZLIB_CONST
#include <zlib.h>

#include "proto/content_decoder.h"
#include "proto/websocket_inflate.h"

#define OUTPUT_MAX (1u << 20)

struct output {
    uint32_t size;
    uint64_t total;
    enum content_outcome outcome;
    uint8_t bytes[OUTPUT_MAX];
};

static struct arena *arena;
static struct websocket_inflaters inflaters;
static struct output output, again;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(websocket_inflaters_size(2, 2));
    return arena ? websocket_inflaters_init(&inflaters, arena, 2, 2) : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* Offers one piece. False: the message is done with. */
static bool offer(struct websocket_inflater *inflater, struct parse_input input, struct output *out)
{
    uint64_t calls_max = 2 * (uint64_t)input.size + 8, calls = 0;
    for (;;) {
        struct websocket_view view;
        struct parse_step step = websocket_inflater_next(inflater, &input, &view);
        assert_true(step.consumed <= input.size);
        input.data = input.data ? input.data + step.consumed : NULL;
        input.size -= step.consumed;
        if (step.status != PARSE_ITEM) {
            assert_true(step.status == PARSE_STOP || (input.size == 0 && !input.last));
            assert_int_equal(step.status == PARSE_STOP, websocket_inflater_outcome(inflater) != CONTENT_OPEN);
            return step.status == PARSE_MORE;
        }
        assert_true(view.size > 0 && view.size <= WEBSOCKET_VIEW_SIZE);
        assert_true(++calls <= calls_max + out->total / WEBSOCKET_VIEW_SIZE + 1);
        uint32_t kept = min_u32(view.size, OUTPUT_MAX - out->size);
        memcpy(out->bytes + out->size, view.data, kept);
        out->size += kept;
        out->total += view.size;
    }
}

/* One message in pieces of `piece` bytes; a hole of ten bytes in front of `hole`, when that is in it. */
static void inflate_message(struct websocket_inflater *inflater, const void *data, uint32_t size, uint32_t piece,
                            uint32_t hole, struct output *out)
{
    const uint8_t *bytes = data;
    out->size = 0;
    out->total = 0;
    websocket_inflater_begin(inflater);
    bool on = true;
    for (uint32_t at = 0; on && (at < size || at == 0); at += piece) {
        if (at <= hole && hole < at + piece && hole < size) {
            on = offer(inflater, (struct parse_input){.data = bytes + at, .size = hole - at}, out);
            on = on && offer(inflater, (struct parse_input){.lost = 10}, out);
            break;
        }
        uint32_t count = min_u32(piece, size - at);
        on = offer(inflater, (struct parse_input){.data = bytes + at, .size = count, .last = at + count == size}, out);
    }
    assert_false(on);
    out->outcome = websocket_inflater_outcome(inflater);
}

static void expect(struct websocket_inflater *inflater, const char *bytes, uint32_t size, const char *text)
{
    inflate_message(inflater, bytes, size, size, UINT32_MAX, &output);
    assert_int_equal(output.outcome, CONTENT_COMPLETE);
    assert_int_equal(output.size, strlen(text));
    assert_memory_equal(output.bytes, text, output.size);
}

#define EXPECT(inflater, bytes, text) expect(inflater, bytes, (uint32_t)sizeof(bytes) - 1, text)

static void test_messages_of_the_standard(void **state)
{
    (void)state;
    struct websocket_inflater *inflater = websocket_inflater_take(&inflaters, 15, true);
    EXPECT(inflater, "\xf2\x48\xcd\xc9\xc9\x07\x00", "Hello");
    EXPECT(inflater, "\xf2\x00\x11\x00\x00", "Hello"); /* 7.2.3.2: refers to the first */
    EXPECT(inflater, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", "Hello");
    EXPECT(inflater, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "Hello"); /* 7.2.3.4: BFINAL */
    EXPECT(inflater, "\xf2\x00\x11\x00\x00", "Hello");
    EXPECT(inflater, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", "Hello");
    EXPECT(inflater, "\x00", ""); /* 7.2.3.6 */
    EXPECT(inflater, "\xf2\x00\x11\x00\x00", "Hello");
    websocket_inflater_give(inflater);
    assert_int_equal(inflaters.wide.used_count + inflaters.narrow.used_count, 0);
}

/* A message that refers to what is not known is never shown as if it were right; one that does not is. */
static void test_history_not_known(void **state)
{
    (void)state;
    struct websocket_inflater *inflater = websocket_inflater_take(&inflaters, 15, false);
    inflate_message(inflater, "\xf2\x00\x11\x00\x00", 5, 5, UINT32_MAX, &output);
    assert_int_equal(output.outcome, CONTENT_LOST);
    EXPECT(inflater, "\xf2\x48\xcd\xc9\xc9\x07\x00", "Hello");
    EXPECT(inflater, "\xf2\x00\x11\x00\x00", "Hello");
    websocket_inflater_forget(inflater);
    inflate_message(inflater, "\xf2\x00\x11\x00\x00", 5, 5, UINT32_MAX, &output);
    assert_int_equal(output.outcome, CONTENT_LOST);
    websocket_inflater_give(inflater);
    inflater = websocket_inflater_take(&inflaters, 15, true);
    inflate_message(inflater, "\xf2\x00\x11\x00\x00", 5, 5, UINT32_MAX, &output);
    assert_int_equal(output.outcome, CONTENT_MALFORMED); /* nothing was ever said that it could refer to */
    websocket_inflater_give(inflater);
}

struct sender {
    z_stream stream;
    uint8_t bytes[OUTPUT_MAX];
    uint32_t size;
};

static struct sender sender;

static void sender_begin(int window_bits)
{
    memset(&sender.stream, 0, sizeof(sender.stream));
    assert_int_equal(deflateInit2(&sender.stream, 6, Z_DEFLATED, -window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
}

/* RFC 7692 7.2.1: flushed, and the last four bytes taken off. */
static void sender_compress(const void *data, uint32_t size)
{
    sender.stream.next_in = data;
    sender.stream.avail_in = size;
    sender.stream.next_out = sender.bytes;
    sender.stream.avail_out = OUTPUT_MAX;
    assert_int_equal(deflate(&sender.stream, Z_SYNC_FLUSH), Z_OK);
    sender.size = OUTPUT_MAX - sender.stream.avail_out - 4;
}

static uint32_t draw(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33);
}

static uint32_t make_text(uint64_t *seed, uint8_t *text)
{
    uint32_t size = 0, items = 1 + draw(seed) % (draw(seed) % 8 ? 20 : 3000);
    for (uint32_t i = 0; i < items; i++)
        size += (uint32_t)sprintf((char *)text + size, "{\"id\":%u,\"state\":\"%s\",\"sum\":%u.%02u},", i,
                                  draw(seed) & 1 ? "open" : "closed", draw(seed) % 5000, draw(seed) % 100);
    return size;
}

/* All window sizes, with and without takeover, in pieces of several sizes. */
static void test_what_zlib_sends(void **state)
{
    (void)state;
    static uint8_t text[200000];
    static const uint32_t pieces[] = {1, 7, 511, 512, 513, UINT32_MAX / 2};
    uint64_t seed = 4;
    for (int bits = 9; bits <= 15; bits++) {
        for (uint32_t i = 0; i < ARRAY_COUNT(pieces); i++) {
            sender_begin(bits);
            struct websocket_inflater *inflater = websocket_inflater_take(&inflaters, (uint32_t)bits, true);
            for (uint32_t message = 0; message < 12; message++) {
                uint32_t size = make_text(&seed, text);
                sender_compress(text, size);
                inflate_message(inflater, sender.bytes, sender.size, pieces[i], UINT32_MAX, &output);
                assert_int_equal(output.outcome, CONTENT_COMPLETE);
                assert_int_equal(output.total, size);
                assert_memory_equal(output.bytes, text, size);
            }
            websocket_inflater_give(inflater);
            deflateEnd(&sender.stream);
        }
    }
    assert_int_equal(inflaters.wide.used_count + inflaters.narrow.used_count, 0);
}

/* Behind a hole: every message is either what was sent or not shown as complete, and in the end all are right again. */
static void test_hole_and_recovery(void **state)
{
    (void)state;
    static uint8_t text[200000];
    uint64_t seed = 9;
    uint32_t lost = 0, right = 0;
    for (uint32_t turn = 0; turn < 20; turn++) {
        sender_begin(12);
        struct websocket_inflater *inflater = websocket_inflater_take(&inflaters, 12, true);
        for (uint32_t message = 0; message < 30; message++) {
            uint32_t size = make_text(&seed, text);
            for (uint32_t i = 0; message > 15 && i < 6000; i++)
                text[size++] = (uint8_t)draw(&seed); /* fills the window with what nothing refers to */
            sender_compress(text, size);
            uint32_t hole = message == 3 ? sender.size / 2 : UINT32_MAX;
            inflate_message(inflater, sender.bytes, sender.size, 100, hole, &output);
            assert_memory_equal(output.bytes, text, min_u32(output.size, size));
            if (message == 3)
                assert_int_equal(output.outcome, CONTENT_LOST);
            else if (output.outcome == CONTENT_COMPLETE)
                assert_int_equal(output.total, size);
            lost += output.outcome == CONTENT_LOST;
            right += message > 20 && output.outcome == CONTENT_COMPLETE;
        }
        websocket_inflater_give(inflater);
        deflateEnd(&sender.stream);
    }
    assert_true(lost > 20);
    assert_int_equal(right, 20 * 9);
}

/* Broken messages give the same for every cut. */
static void test_broken_messages_in_pieces(void **state)
{
    (void)state;
    static uint8_t text[200000];
    uint64_t seed = 31;
    uint32_t malformed = 0;
    for (uint32_t turn = 0; turn < 300; turn++) {
        uint32_t size = make_text(&seed, text);
        sender_begin(15);
        sender_compress(text, size);
        sender.bytes[draw(&seed) % sender.size] ^= (uint8_t)(1u << draw(&seed) % 8);
        struct websocket_inflater *inflater = websocket_inflater_take(&inflaters, 15, true);
        inflate_message(inflater, sender.bytes, sender.size, sender.size, UINT32_MAX, &output);
        websocket_inflater_give(inflater);
        inflater = websocket_inflater_take(&inflaters, 15, true);
        inflate_message(inflater, sender.bytes, sender.size, 1 + draw(&seed) % 700, UINT32_MAX, &again);
        websocket_inflater_give(inflater);
        assert_int_equal(output.outcome, again.outcome);
        assert_int_equal(output.total, again.total);
        assert_memory_equal(output.bytes, again.bytes, output.size);
        malformed += output.outcome == CONTENT_MALFORMED;
        deflateEnd(&sender.stream);
    }
    assert_true(malformed > 100);
}

static void test_bombs(void **state)
{
    (void)state;
    static uint8_t zeros[1u << 20];
    sender_begin(15);
    sender_compress(zeros, sizeof(zeros));
    struct websocket_inflater *inflater = websocket_inflater_take(&inflaters, 15, true);
    inflate_message(inflater, sender.bytes, sender.size, 50, UINT32_MAX, &output);
    assert_int_equal(output.outcome, CONTENT_BOMB_RATIO);
    assert_true(output.total <= CONTENT_RATIO_FREE + WEBSOCKET_SLICE_SIZE * UINT64_C(1032) + WEBSOCKET_VIEW_SIZE);
    EXPECT(inflater, "\xf2\x48\xcd\xc9\xc9\x07\x00", "Hello");
    websocket_inflater_give(inflater);
    deflateEnd(&sender.stream);
}

/* Stored blocks without content (RFC 1951 3.2.4), one behind the other: work that gives nothing is stopped. */
static void test_work_without_content(void **state)
{
    (void)state;
    static uint8_t blocks[2 * CONTENT_WASTE_FREE];
    for (uint32_t i = 0; i + 5 <= sizeof(blocks); i += 5)
        memcpy(blocks + i, "\x00\x00\x00\xff\xff", 5);
    struct websocket_inflater *inflater = websocket_inflater_take(&inflaters, 15, true);
    uint64_t before = inflaters.outcomes[CONTENT_BOMB_TIME];
    inflate_message(inflater, blocks, CONTENT_WASTE_FREE / 5 * 5 - 4, CONTENT_WASTE_FREE, UINT32_MAX, &output);
    assert_int_equal(output.outcome, CONTENT_COMPLETE);
    for (uint32_t cut = 50; cut < 3000; cut += 700) {
        inflate_message(inflater, blocks, sizeof(blocks), cut, UINT32_MAX, &output);
        assert_int_equal(output.outcome, CONTENT_BOMB_TIME);
        assert_int_equal(output.total, 0);
    }
    assert_int_equal(inflaters.outcomes[CONTENT_BOMB_TIME], before + 5);
    EXPECT(inflater, "\xf2\x48\xcd\xc9\xc9\x07\x00", "Hello");
    websocket_inflater_give(inflater);
}

static void test_no_inflater_free(void **state)
{
    (void)state;
    struct websocket_inflater *held[4];
    uint64_t before = inflaters.outcomes[CONTENT_NO_DECODER];
    for (uint32_t i = 0; i < 4; i++)
        assert_non_null(held[i] = websocket_inflater_take(&inflaters, 10, true)); /* two of them wide ones */
    assert_null(websocket_inflater_take(&inflaters, 10, true));
    assert_null(websocket_inflater_take(&inflaters, 15, true));
    assert_int_equal(inflaters.outcomes[CONTENT_NO_DECODER], before + 2);
    for (uint32_t i = 0; i < 4; i++)
        websocket_inflater_give(held[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_of_the_standard),  cmocka_unit_test(test_history_not_known),
        cmocka_unit_test(test_what_zlib_sends),           cmocka_unit_test(test_hole_and_recovery),
        cmocka_unit_test(test_broken_messages_in_pieces), cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_work_without_content),      cmocka_unit_test(test_no_inflater_free),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
