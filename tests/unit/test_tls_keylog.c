/* SPDX-License-Identifier: Apache-2.0 */

/* Key log lines: every label of RFC 9850 and the older forms, damaged lines, every cut. Expected values by hand. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls/keylog.h"

#define RANDOM   "00112233445566778899aAbBcCdDeEfF00112233445566778899aabbccddeeff"
#define SECRET32 "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
#define SECRET48 SECRET32 "2122232425262728292a2b2c2d2e2f30"
#define ITEMS    64u

struct items {
    struct tls_keylog_item items[ITEMS];
    uint32_t count;
    struct tls_keylog parser;
};

/* Offers the text in pieces of `piece` bytes, what was left again in front. */
static void read_text(const char *text, size_t size, size_t piece, struct items *items_out)
{
    size_t consumed = 0, offered = 0;
    memset(items_out, 0, sizeof(*items_out));
    while (offered < size) {
        offered = offered + piece < size ? offered + piece : size;
        for (;;) {
            /* A buffer of exactly this size: reading on would be seen by the sanitizer. */
            uint8_t *copy = malloc(offered - consumed + 1);
            memcpy(copy, text + consumed, offered - consumed);
            struct parse_input input = {.data = copy, .size = (uint32_t)(offered - consumed), .last = offered == size};
            struct parse_step step = tls_keylog_parse(&items_out->parser, &input, &items_out->items[items_out->count]);
            free(copy);
            assert_true(step.consumed <= input.size);
            consumed += step.consumed;
            if (step.status != PARSE_ITEM)
                break;
            assert_true(++items_out->count < ITEMS);
        }
    }
}

static void read_whole(const char *text, struct items *items_out)
{
    read_text(text, strlen(text), strlen(text), items_out);
}

struct expected {
    const char *line;
    enum tls_secret_kind kind;
    enum tls_key_by by;
    uint32_t generation, id_size, secret_size;
};

static void test_labels(void **state)
{
    (void)state;
    static const struct expected table[] = {
        {"CLIENT_RANDOM " RANDOM " " SECRET48, TLS_SECRET_MASTER, TLS_KEY_BY_CLIENT_RANDOM, 0, 32, 48},
        {"PMS_CLIENT_RANDOM " RANDOM " " SECRET48, TLS_SECRET_PREMASTER, TLS_KEY_BY_CLIENT_RANDOM, 0, 32, 48},
        {"RSA 0011223344556677 " SECRET48, TLS_SECRET_PREMASTER, TLS_KEY_BY_PREMASTER_PREFIX, 0, 8, 48},
        {"RSA Session-ID:001122 Master-Key:" SECRET48, TLS_SECRET_MASTER, TLS_KEY_BY_SESSION_ID, 0, 3, 48},
        {"CLIENT_EARLY_TRAFFIC_SECRET " RANDOM " " SECRET32, TLS_SECRET_CLIENT_EARLY, TLS_KEY_BY_CLIENT_RANDOM, 0, 32,
         32},
        {"CLIENT_HANDSHAKE_TRAFFIC_SECRET " RANDOM " " SECRET48, TLS_SECRET_CLIENT_HANDSHAKE, TLS_KEY_BY_CLIENT_RANDOM,
         0, 32, 48},
        {"SERVER_HANDSHAKE_TRAFFIC_SECRET " RANDOM " " SECRET32, TLS_SECRET_SERVER_HANDSHAKE, TLS_KEY_BY_CLIENT_RANDOM,
         0, 32, 32},
        {"CLIENT_TRAFFIC_SECRET_0 " RANDOM " " SECRET32, TLS_SECRET_CLIENT_TRAFFIC, TLS_KEY_BY_CLIENT_RANDOM, 0, 32,
         32},
        {"SERVER_TRAFFIC_SECRET_12 " RANDOM " " SECRET48, TLS_SECRET_SERVER_TRAFFIC, TLS_KEY_BY_CLIENT_RANDOM, 12, 32,
         48},
        {"EXPORTER_SECRET " RANDOM " " SECRET32, TLS_SECRET_EXPORTER, TLS_KEY_BY_CLIENT_RANDOM, 0, 32, 0},
        {"EARLY_EXPORTER_SECRET " RANDOM " " SECRET32, TLS_SECRET_EXPORTER, TLS_KEY_BY_CLIENT_RANDOM, 0, 32, 0},
        {"EARLY_EXPORTER_MASTER_SECRET " RANDOM " " SECRET32, TLS_SECRET_EXPORTER, TLS_KEY_BY_CLIENT_RANDOM, 0, 32, 0},
        {"ECH_SECRET " RANDOM " 00ff", TLS_SECRET_ECH, TLS_KEY_BY_CLIENT_RANDOM, 0, 32, 0},
        {"ECH_CONFIG " RANDOM " " SECRET48 SECRET48, TLS_SECRET_ECH, TLS_KEY_BY_CLIENT_RANDOM, 0, 32, 0},
        {"\tCLIENT_RANDOM   " RANDOM "\t" SECRET48 " ", TLS_SECRET_MASTER, TLS_KEY_BY_CLIENT_RANDOM, 0, 32, 48},
    };
    for (uint32_t i = 0; i < ARRAY_COUNT(table); i++) {
        struct items items;
        read_whole(table[i].line, &items);
        const struct tls_keylog_item *item = &items.items[0];
        assert_int_equal(items.count, 1);
        assert_int_equal(items.parser.refused, 0);
        assert_int_equal(item->kind, table[i].kind);
        assert_int_equal(item->by, table[i].by);
        assert_int_equal(item->generation, table[i].generation);
        assert_int_equal(item->id_size, table[i].id_size);
        assert_int_equal(item->secret_size, table[i].secret_size);
        assert_int_equal(item->id[1], 0x11);
        for (uint32_t byte = 0; byte < item->secret_size; byte++)
            assert_int_equal(item->secret[byte], byte + 1);
    }
}

static void test_hex_case(void **state)
{
    (void)state;
    static const uint8_t random[] = {0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
    struct items items;
    read_whole("CLIENT_RANDOM " RANDOM " " SECRET48 "\n", &items);
    assert_memory_equal(items.items[0].id + 10, random, sizeof(random));
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "CLIENT_RANDOM",
        "CLIENT_RANDOM " RANDOM,
        "CLIENT_RANDOM " RANDOM " " SECRET48 " more",
        "CLIENT_RANDOM " RANDOM " " SECRET32,  /* a master secret has 48 bytes */
        "CLIENT_RANDOM 0011 " SECRET48,        /* a random has 32 */
        "CLIENT_RANDOM " RANDOM "0 " SECRET48, /* an odd digit */
        "CLIENT_RANDOM " RANDOM "00 " SECRET48,
        "CLIENT_RANDOM " RANDOM " " SECRET32 "212223242526272829zz2b2c2d2e2f30",
        "CLIENT_TRAFFIC_SECRET_ " RANDOM " " SECRET32,
        "CLIENT_TRAFFIC_SECRET_x " RANDOM " " SECRET32,
        "CLIENT_TRAFFIC_SECRET_123456 " RANDOM " " SECRET32,
        "SERVER_TRAFFIC_SECRET_0 " RANDOM " " SECRET32 "21",
        "client_random " RANDOM " " SECRET48,
        "RSA Session-ID: Master-Key:" SECRET48,
        "RSA Session-ID:001 Master-Key:" SECRET48,
        "RSA Session-ID:0011 Secret:" SECRET48,
        "RSA 00112233445566 " SECRET48,
        "ECH_SECRET " RANDOM " 0",
        "QUIC_CLIENT_TRAFFIC_SECRET_0 " RANDOM " " SECRET32,
        "{\"json\": 1}",
    };
    for (uint32_t i = 0; i < ARRAY_COUNT(lines); i++) {
        struct items items;
        read_whole(lines[i], &items);
        assert_int_equal(items.count, 0);
        assert_int_equal(items.parser.refused, 1);
        assert_int_equal(items.parser.lines, 1);
    }
}

/* A file as it grows: every way of ending lines, comments, garbage, a line that is too long, one that is cut. */
static const char mixed[] = "# comment\r\nCLIENT_RANDOM " RANDOM " " SECRET48 "\r\n\r\ngarbage\n"
                            "SERVER_TRAFFIC_SECRET_0 " RANDOM " " SECRET32 "\r"
                            "CLIENT_RANDOM " RANDOM " " SECRET32 "\n" /* broken off */
                            "CLIENT_TRAFFIC_SECRET_0 " RANDOM " " SECRET32;

static void check_mixed(const struct items *items)
{
    assert_int_equal(items->count, 3);
    assert_int_equal(items->items[0].kind, TLS_SECRET_MASTER);
    assert_int_equal(items->items[1].kind, TLS_SECRET_SERVER_TRAFFIC);
    assert_int_equal(items->items[2].kind, TLS_SECRET_CLIENT_TRAFFIC);
    assert_int_equal(items->parser.refused, 2);
    assert_int_equal(items->parser.lines, 6);
}

static void test_every_cut(void **state)
{
    (void)state;
    for (size_t piece = 1; piece <= sizeof(mixed) - 1; piece++) {
        struct items items;
        read_text(mixed, sizeof(mixed) - 1, piece, &items);
        check_mixed(&items);
    }
}

static void test_long_line(void **state)
{
    (void)state;
    static char text[3 * TLS_KEYLOG_LINE_MAX];
    const char *secret = "\nCLIENT_RANDOM " RANDOM " " SECRET48 "\n";
    for (uint32_t comment = 0; comment < 2; comment++) {
        size_t size = 2 * TLS_KEYLOG_LINE_MAX;
        memset(text, comment ? '#' : 'x', size);
        memcpy(text + size, secret, strlen(secret));
        size += strlen(secret);
        for (size_t piece = 1; piece <= size; piece += 7) {
            struct items items;
            read_text(text, size, piece, &items);
            assert_int_equal(items.count, 1);
            assert_int_equal(items.parser.lines, 2);
            assert_int_equal(items.parser.refused, comment ? 0 : 1);
        }
    }
}

static void test_loss(void **state)
{
    (void)state;
    struct tls_keylog parser = {0};
    struct tls_keylog_item item;
    struct parse_input hole = {.lost = 10};
    assert_int_equal(tls_keylog_parse(&parser, &hole, &item).consumed, 10);
    static const char rest[] = RANDOM " " SECRET48 "\nCLIENT_RANDOM " RANDOM " " SECRET48 "\n";
    struct parse_input input = {.data = (const uint8_t *)rest, .size = sizeof(rest) - 1};
    assert_int_equal(tls_keylog_parse(&parser, &input, &item).status, PARSE_ITEM);
    assert_int_equal(parser.refused, 0);
    assert_int_equal(parser.lines, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels),    cmocka_unit_test(test_hex_case),  cmocka_unit_test(test_refused),
        cmocka_unit_test(test_every_cut), cmocka_unit_test(test_long_line), cmocka_unit_test(test_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
