/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Protobuf without descriptors: guesses, UTF-8, limits, holes. With descriptors it is tested in test_registry_grpc.c,
 * against what Python's protobuf wrote.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protobuf_run.h"

static struct protobuf_run run;

static uint32_t read_hex(const char *text, uint8_t *out)
{
    uint32_t size = 0;
    for (unsigned byte; sscanf(text + 2 * size, "%2x", &byte) == 1; size++)
        out[size] = (uint8_t)byte;
    return size;
}

/* The expectations are read by hand from the encoding guide. */
static void test_guesses(void **state)
{
    (void)state;
    static const struct {
        const char *hex, *items;
    } cases[] = {
        {"08ac02", "/1=300 "},                        /* the guide's own examples */
        {"120774657374696e67", "/2:74657374696e67 "}, /* "testing" */
        {"1a03089601", "/3/1=150 "},                  /* a message within */
        {"3206038e029ea705", "/6:038e029ea705 "},     /* packed numbers: neither text nor message */
        {"0a00", ""},                                 /* an empty value says nothing */
        {"0a0361c3a4", "/1:61c3a4 "},                 /* UTF-8 */
        {"0a0261c3", "/1:61c3 "},                     /* bytes: UTF-8 that is cut */
        {"0a060a04676f6f64", "/1/1:676f6f64 "},       /* a message that holds a text */
        {"0a020a0a", "/1:0a0a "},                     /* two line ends are no message */
        {"0a0a4142434445464748494a",
         "/1:4142434445464748494a "}, /* letters are a text, though a message to the letter */
        {"0d01000000110200000000000000", "/1=1 /2=2 "},
        {"0b08011001140c", "/1/1=1 /1/2=1 "}, /* a group: the end of number 2 in it is another one's */
        {"0b08011a0278790c1005", "/1/1=1 /1/3:7879 /2=5 "},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint8_t data[64];
        uint32_t size = read_hex(cases[i].hex, data);
        for (uint32_t a = 0; a <= size; a++) {
            for (uint32_t b = a; b <= size; b++) {
                uint32_t cuts[] = {a, b};
                protobuf_run_cut(&run, NULL, data, size, cuts, 2);
                assert_string_equal(run.log, cases[i].items);
                assert_int_equal(run.walker.outcome, i == 11 ? PROTOBUF_MALFORMED : PROTOBUF_COMPLETE);
                assert_int_equal(run.walker.flags, 0);
            }
        }
    }
}

/* What was guessed to be a message and is none in its depth is a value of bytes after all, and nothing else suffers. */
static void test_wrong_guess(void **state)
{
    (void)state;
    /* /1 is a group that ends with another number, which the guess does not look at. */
    const uint8_t data[] = {0x0a, 0x04, 0x0b, 0x08, 0x05, 0x14, 0x10, 0x07};
    protobuf_run_cut(&run, NULL, data, sizeof(data), NULL, 0);
    assert_int_equal(run.walker.outcome, PROTOBUF_COMPLETE);
    assert_non_null(strstr(run.log, "/1/1/1=5 "));
    assert_string_equal(run.log + strlen(run.log) - 5, "/2=7 ");
}

static uint32_t put_varint(uint8_t *out, uint64_t value)
{
    uint32_t size = 0;
    for (; value >= 0x80; value >>= 7)
        out[size++] = (uint8_t)(value | 0x80);
    out[size++] = (uint8_t)value;
    return size;
}

/* A value longer than PROTOBUF_GUESS_MAX is guessed by its beginning. */
static void test_long_values(void **state)
{
    (void)state;
    static uint8_t data[20000], inner[16000];
    for (uint32_t kind = 0; kind < 3; kind++) {
        uint32_t inner_size = 9000;
        memset(inner, kind == 2 ? 0xff : 'x', sizeof(inner));
        if (kind == 1) {
            inner[0] = 0x0a;
            inner_size = 1 + put_varint(inner + 1, 9000) + 9000;
        }
        data[0] = 0x0a;
        uint32_t head = 1 + put_varint(data + 1, inner_size);
        memcpy(data + head, inner, inner_size);
        for (uint32_t cut = 1; cut < head + inner_size; cut += 997) {
            protobuf_run_cut(&run, NULL, data, head + inner_size, &cut, 1);
            assert_int_equal(run.walker.outcome, PROTOBUF_COMPLETE);
            const char *path = kind == 1 ? "/1/1:" : "/1:";
            assert_int_equal(run.used, strlen(path) + 2 * 9000 + 1);
            assert_memory_equal(run.log, path, strlen(path));
        }
    }
}

static void test_depth(void **state)
{
    (void)state;
    static uint8_t data[4096], copy[4096];
    uint32_t size = 0;
    data[size++] = 0x08;
    data[size++] = 0x01;
    for (uint32_t depth = 0; depth < 150; depth++) {
        uint32_t head = 1 + put_varint(copy + 1, size);
        copy[0] = 0x0a;
        memcpy(copy + head, data, size);
        size += head;
        memcpy(data, copy, size);
    }
    protobuf_run_cut(&run, NULL, data, size, NULL, 0);
    assert_int_equal(run.walker.outcome, PROTOBUF_COMPLETE);
    assert_int_equal(run.walker.flags, PROTOBUF_FLAG_TOO_DEEP);
    /* Groups have no length to leave them by. */
    memset(data, 0x0b, 200);
    protobuf_run_cut(&run, NULL, data, 200, NULL, 0);
    assert_int_equal(run.walker.outcome, PROTOBUF_LIMIT);
}

static void offer_all(const uint8_t *data, uint32_t at, uint32_t lost, uint32_t size)
{
    protobuf_init(&run.walker, NULL);
    run.used = 0;
    run.open = false;
    run.log[0] = '\0';
    struct parse_input input = {.data = data, .size = at};
    uint32_t used = protobuf_run_offer(&run, &input);
    if (used < at) {
        protobuf_hurry(&run.walker);
        input = (struct parse_input){.data = data + used, .size = at - used};
        assert_int_equal(protobuf_run_offer(&run, &input), at - used);
    }
    input = (struct parse_input){.lost = lost};
    protobuf_run_offer(&run, &input);
    input = (struct parse_input){.data = data + at + lost, .size = size - at - lost, .last = true};
    if (run.walker.outcome == PROTOBUF_OPEN)
        protobuf_run_offer(&run, &input);
}

static void test_holes(void **state)
{
    (void)state;
    const uint8_t data[] = {0x08, 0x05, 0x12, 0x06, 'a', 'a', 'b', 'b', 'c', 'c', 0x18, 0x07};
    offer_all(data, 6, 2, sizeof(data));
    assert_string_equal(run.log, "/1=5 /2:6161??6363 /3=7 ");
    assert_int_equal(run.walker.outcome, PROTOBUF_COMPLETE);
    offer_all(data, 4, 6, sizeof(data));
    assert_string_equal(run.log, "/1=5 /2:?????? /3=7 ");
    offer_all(data, 1, 1, sizeof(data));
    assert_int_equal(run.walker.outcome, PROTOBUF_LOST);
    offer_all(data, 8, 3, sizeof(data));
    assert_int_equal(run.walker.outcome, PROTOBUF_LOST);
    /* A hole in a message within a message costs the rest of that one. */
    const uint8_t nested[] = {0x0a, 0x06, 0x08, 0x01, 0x10, 0x02, 0x18, 0x03, 0x10, 0x09};
    offer_all(nested, 8, 0, sizeof(nested));
    assert_string_equal(run.log, "/1/1=1 /1/2=2 /1/3=3 /2=9 ");
    offer_all(nested, 5, 1, sizeof(nested));
    assert_string_equal(run.log, "/1:080110?1803 /2=9 ");
}

static void test_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        bool good;
    } cases[] = {
        {"", true},
        {"7f", true},
        {"c280", true},
        {"dfbf", true},
        {"e0a080", true},
        {"ed9fbf", true},
        {"ee8080", true},
        {"f0908080", true},
        {"f48fbfbf", true},
        {"c080", false},
        {"c1bf", false},
        {"e09fbf", false},
        {"eda080", false},
        {"f08fbfbf", false},
        {"f4908080", false},
        {"f5808080", false},
        {"80", false},
        {"c2", false},
        {"e0a0", false},
        {"c2c2", false},
        {"6162636465666768c3", false},
        {"616263646566676869c3a46162636465666768", true},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint8_t data[32];
        uint32_t size = read_hex(cases[i].hex, data);
        for (uint32_t cut = 0; cut <= size; cut++) {
            struct utf8_check check = {0};
            utf8_check_add(&check, data, cut);
            utf8_check_add(&check, data + cut, size - cut);
            assert_int_equal(utf8_check_valid(&check), cases[i].good);
        }
    }
}

static void test_reader(void **state)
{
    (void)state;
    uint8_t data[64];
    uint32_t size = read_hex("0896011a0278790d040302011b10011c210500000000000000", data);
    struct protobuf_reader reader = protobuf_reader_of(span_of(data, size));
    struct protobuf_value value;
    assert_true(protobuf_reader_next(&reader, &value) && value.number == 1 && value.integer == 150);
    assert_true(protobuf_reader_next(&reader, &value) && value.number == 3 && value.text.size == 2);
    assert_true(protobuf_reader_next(&reader, &value) && value.number == 1 && value.integer == 0x01020304);
    assert_true(protobuf_reader_next(&reader, &value) && value.number == 4 && value.integer == 5);
    assert_false(protobuf_reader_next(&reader, &value));
    assert_false(reader.broken);
    for (uint32_t cut = 1; cut < size; cut++) {
        reader = protobuf_reader_of(span_of(data, cut));
        while (protobuf_reader_next(&reader, &value))
            ;
        assert_int_equal(reader.broken, cut != 3 && cut != 7 && cut != 12 && cut != 16);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guesses), cmocka_unit_test(test_wrong_guess), cmocka_unit_test(test_long_values),
        cmocka_unit_test(test_depth),   cmocka_unit_test(test_holes),       cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
