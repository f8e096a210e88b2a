/* SPDX-License-Identifier: Apache-2.0 */

/*
 * TLS records, handshake messages and facts, from hellos put together by hand after RFC 8446 and RFC 5246: cut
 * anywhere, with holes anywhere, and with what real captures seldom show.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tls/handshake.h"
#include "tls/suite.h"

#define STREAM_MAX 65536u

/* ----------------------------------------------------------------- writing */

struct writer {
    uint8_t bytes[STREAM_MAX];
    uint32_t size;
};

static void put(struct writer *writer, const void *bytes, uint32_t size)
{
    assert_true(writer->size + size <= STREAM_MAX);
    memcpy(writer->bytes + writer->size, bytes, size);
    writer->size += size;
}

static void put_number(struct writer *writer, uint32_t number, uint32_t size)
{
    for (uint32_t i = size; i-- > 0;) {
        uint8_t byte = (uint8_t)(number >> (8 * i));
        put(writer, &byte, 1);
    }
}

static void put_vector(struct writer *writer, const struct writer *content, uint32_t length_size)
{
    put_number(writer, content->size, length_size);
    put(writer, content->bytes, content->size);
}

static void put_record(struct writer *writer, uint8_t type, const void *bytes, uint32_t size)
{
    put_number(writer, type, 1);
    put_number(writer, 0x0303, 2);
    put_number(writer, size, 2);
    put(writer, bytes, size);
}

static void put_message(struct writer *writer, uint8_t type, const struct writer *body)
{
    put_number(writer, type, 1);
    put_vector(writer, body, 3);
}

static void put_empty_message(struct writer *writer, uint8_t type)
{
    put_number(writer, (uint32_t)type << 24, 4);
}

static void put_extension(struct writer *writer, uint16_t type, const char *content, uint32_t size)
{
    put_number(writer, type, 2);
    put_number(writer, size, 2);
    put(writer, content, size);
}

struct hello {
    uint16_t versions[4]; /* of supported_versions; 0 ends */
    uint16_t suites[8];
    const char *name;
    bool master_secret, renegotiation, fallback, early, ech;
    uint8_t session_id_size;
    uint8_t tail[8]; /* of a server's random */
    uint16_t group;  /* key share of a server */
    bool psk;
};

static void put_random(struct writer *writer, uint8_t fill, const uint8_t tail[8])
{
    uint8_t random[32];
    memset(random, fill, sizeof(random));
    if (tail)
        memcpy(random + 24, tail, 8);
    put(writer, random, sizeof(random));
}

static void put_session_id(struct writer *writer, uint32_t size)
{
    put_number(writer, size, 1);
    for (uint32_t i = 0; i < size; i++)
        put_number(writer, 0x50 + i, 1);
}

static void client_hello(struct writer *message, const struct hello *hello)
{
    static struct writer body, extensions, list;
    body.size = extensions.size = list.size = 0;
    put_number(&body, 0x0303, 2);
    put_random(&body, 0xc1, NULL);
    put_session_id(&body, hello->session_id_size);
    for (uint32_t i = 0; i < 8 && hello->suites[i]; i++)
        put_number(&list, hello->suites[i], 2);
    if (hello->fallback)
        put_number(&list, 0x5600, 2);
    put_vector(&body, &list, 2);
    put_number(&body, 0x0100, 2);
    if (hello->name) {
        uint32_t size = (uint32_t)strlen(hello->name);
        put_number(&extensions, 0, 2);
        put_number(&extensions, size + 5, 2);
        put_number(&extensions, size + 3, 2);
        put_number(&extensions, 0, 1);
        put_number(&extensions, size, 2);
        put(&extensions, hello->name, size);
    }
    put_extension(&extensions, 0x2a2a, "", 0); /* GREASE */
    put_extension(&extensions, 16, "\x00\x0c\x02h2\x08http/1.1", 14);
    put_extension(&extensions, 10, "\x00\x04\x1a\x1a\x00\x1d", 6); /* GREASE and x25519 */
    if (hello->master_secret)
        put_extension(&extensions, 23, "", 0);
    if (hello->renegotiation)
        put_extension(&extensions, 0xff01, "\0", 1);
    if (hello->early)
        put_extension(&extensions, 42, "", 0);
    if (hello->ech)
        put_extension(&extensions, 0xfe0d, "\x00\x00\x01\x00\x01\x07\x00\x00\x00\x00", 10);
    if (hello->versions[0]) {
        list.size = 0;
        for (uint32_t i = 0; i < 4 && hello->versions[i]; i++)
            put_number(&list, hello->versions[i], 2);
        put_number(&extensions, 43, 2);
        put_number(&extensions, list.size + 1, 2);
        put_vector(&extensions, &list, 1);
    }
    put_vector(&body, &extensions, 2);
    put_message(message, TLS_CLIENT_HELLO, &body);
}

static void server_hello(struct writer *message, const struct hello *hello)
{
    static struct writer body, extensions;
    body.size = extensions.size = 0;
    put_number(&body, 0x0303, 2);
    put_random(&body, 0x51, hello->tail[0] ? hello->tail : NULL);
    put_session_id(&body, hello->session_id_size);
    put_number(&body, hello->suites[0], 2);
    put_number(&body, 0, 1);
    if (hello->versions[0]) {
        put_number(&extensions, 43, 2);
        put_number(&extensions, 2, 2);
        put_number(&extensions, hello->versions[0], 2);
    }
    if (hello->group) {
        put_number(&extensions, 51, 2);
        put_number(&extensions, 6, 2);
        put_number(&extensions, hello->group, 2);
        put_number(&extensions, 0x000200aa, 4);
    }
    if (hello->psk)
        put_extension(&extensions, 41, "\0\0", 2);
    if (hello->master_secret)
        put_extension(&extensions, 23, "", 0);
    if (hello->renegotiation)
        put_extension(&extensions, 0xff01, "\0", 1);
    put_vector(&body, &extensions, 2);
    put_message(message, TLS_SERVER_HELLO, &body);
}

/* A certificate list with one entry of so many bytes; 0: an empty list. */
static void certificate(struct writer *message, uint32_t size)
{
    static struct writer body, entry;
    body.size = entry.size = 0;
    if (size) {
        put_number(&entry, size, 3);
        for (uint32_t i = 0; i < size; i++)
            put_number(&entry, i, 1);
    }
    put_vector(&body, &entry, 3);
    put_message(message, TLS_CERTIFICATE, &body);
}

/* Messages as records of at most `limit` bytes each. */
static void put_records(struct writer *stream, uint8_t type, const struct writer *content, uint32_t limit)
{
    for (uint32_t at = 0; at < content->size; at += limit)
        put_record(stream, type, content->bytes + at, min_u32(limit, content->size - at));
}

static void put_encrypted(struct writer *stream, uint8_t type, uint32_t size)
{
    static uint8_t noise[STREAM_MAX];
    uint32_t state = size * 2654435761u + type;
    for (uint32_t i = 0; i < size; i++) {
        state = state * 1664525u + 1013904223u;
        noise[i] = (uint8_t)(state >> 24);
    }
    put_record(stream, type, noise, size);
}

/* ----------------------------------------------------------------- reading */

struct reader {
    struct tls_record_reader records[2];
    struct tls_handshake handshake;
    uint8_t buffers[2][TLS_MESSAGE_SIZE_MAX];
    uint64_t body_bytes[2], lost[2];
    char types[2][256];
    uint32_t certificate_size;
    bool certificate_truncated;
};

static struct reader *reader_new(bool midstream)
{
    struct reader *reader = calloc(1, sizeof(*reader));
    assert_non_null(reader);
    tls_handshake_init(&reader->handshake, midstream);
    for (uint32_t i = 0; i < 2; i++) {
        reader->handshake.readers[i].buffer = reader->buffers[i];
        if (midstream)
            tls_record_init_midstream(&reader->records[i]);
    }
    return reader;
}

static void take_part(struct reader *reader, uint32_t direction, const struct tls_record_part *part)
{
    struct tls_message message;
    assert_true(part->offset + part->data.size + part->lost <= part->size);
    assert_int_equal(part->first, part->offset == 0);
    assert_int_equal(part->last, part->offset + part->data.size + part->lost == part->size);
    reader->body_bytes[direction] += part->data.size;
    reader->lost[direction] += part->lost;
    tls_handshake_part(&reader->handshake, direction, part);
    while (tls_handshake_next(&reader->handshake, direction, &message)) {
        char *text = reader->types[direction];
        size_t used = strlen(text);
        snprintf(text + used, sizeof(reader->types[direction]) - used, "%u ", message.type);
        if (message.type == TLS_CERTIFICATE) {
            reader->certificate_size = message.body.size;
            reader->certificate_truncated = message.truncated;
        }
    }
}

static void feed_input(struct reader *reader, uint32_t direction, struct parse_input input)
{
    uint32_t calls = 0, bound = 2 * input.size + 8;
    for (;;) {
        struct tls_record_part part;
        struct parse_step step = tls_record_parse(&reader->records[direction], &input, &part);
        assert_true(++calls <= bound);
        if (input.data) {
            assert_true(step.consumed <= input.size);
            input.data += step.consumed;
            input.size -= step.consumed;
        } else {
            input.lost -= step.consumed;
        }
        if (step.status != PARSE_ITEM)
            break;
        take_part(reader, direction, &part);
        if (!input.data && input.lost == 0)
            return;
    }
    assert_true(input.data ? input.size == 0 : input.lost == 0);
}

/* In pieces of `cut` bytes, each in memory of its own size. */
static void feed(struct reader *reader, uint32_t direction, const uint8_t *bytes, uint32_t size, uint32_t cut)
{
    for (uint32_t at = 0; at < size;) {
        uint32_t piece = min_u32(cut, size - at);
        uint8_t *copy = malloc(piece);
        assert_non_null(copy);
        memcpy(copy, bytes + at, piece);
        feed_input(reader, direction, (struct parse_input){.data = copy, .size = piece});
        free(copy);
        at += piece;
    }
}

static void feed_all(struct reader *reader, uint32_t direction, const struct writer *stream)
{
    feed(reader, direction, stream->bytes, stream->size, UINT32_MAX);
}

static void hole(struct reader *reader, uint32_t direction, uint32_t lost)
{
    tls_handshake_lost(&reader->handshake, direction);
    feed_input(reader, direction, (struct parse_input){.lost = lost});
}

/* ------------------------------------------------------------ whole stories */

struct story {
    struct writer to_server, to_client, to_server_end, to_client_end;
};

static const struct hello usual_client = {.versions = {0x3a3a, 0x0304, 0x0303},
                                          .suites = {0x1a1a, 0x1301, 0xc02f, 0x000a, 0x00ff},
                                          .name = "api.example",
                                          .master_secret = true,
                                          .renegotiation = true,
                                          .session_id_size = 32};

/* A full TLS 1.2 handshake with client certificate, all messages of a flight in records of `limit` bytes. */
static struct story *full_12(uint32_t limit)
{
    struct story *story = calloc(1, sizeof(*story));
    assert_non_null(story);
    static struct writer flight, body;
    flight.size = body.size = 0;
    client_hello(&flight, &usual_client);
    put_records(&story->to_server, TLS_HANDSHAKE, &flight, limit);
    flight.size = 0;
    struct hello server = {
        .suites = {0xc02f}, .master_secret = true, .renegotiation = true, .tail = "DOWNGRD\x01", .session_id_size = 7};
    server_hello(&flight, &server);
    certificate(&flight, 3000);
    put_number(&body, 0x03, 1); /* ECDHE: named curve secp256r1, a point, rsa_pss_rsae_sha256 */
    put_number(&body, 0x0017, 2);
    put_number(&body, 0x02aabb, 3);
    put_number(&body, 0x0804, 2);
    put_number(&body, 0x0001cc, 3);
    put_message(&flight, TLS_SERVER_KEY_EXCHANGE, &body);
    body.size = 0;
    put_number(&body, 0x01010000, 4);
    put_number(&body, 0x0000, 2);
    put_message(&flight, TLS_CERTIFICATE_REQUEST, &body);
    put_empty_message(&flight, TLS_SERVER_HELLO_DONE);
    put_records(&story->to_client, TLS_HANDSHAKE, &flight, limit);
    flight.size = 0;
    certificate(&flight, 900);
    body.size = 0;
    put_number(&body, 0x01aa, 2);
    put_message(&flight, TLS_CLIENT_KEY_EXCHANGE, &body);
    put_records(&story->to_server_end, TLS_HANDSHAKE, &flight, limit);
    put_record(&story->to_server_end, TLS_CHANGE_CIPHER_SPEC, "\x01", 1);
    put_encrypted(&story->to_server_end, TLS_HANDSHAKE, 40);
    put_record(&story->to_client_end, TLS_CHANGE_CIPHER_SPEC, "\x01", 1);
    put_encrypted(&story->to_client_end, TLS_HANDSHAKE, 40);
    put_encrypted(&story->to_client_end, TLS_APPLICATION_DATA, 500);
    return story;
}

static void expect_full_12(const struct reader *reader)
{
    const struct tls_facts *facts = &reader->handshake.facts;
    assert_string_equal(reader->types[0], "1 11 16 ");
    assert_string_equal(reader->types[1], "2 11 12 13 14 ");
    assert_int_equal(facts->version, 0x0303);
    assert_int_equal(facts->suite, 0xc02f);
    assert_int_equal(facts->group, 0x0017);
    assert_int_equal(facts->signature_scheme, 0x0804);
    assert_int_equal(facts->version_offered_max, 0x0304);
    assert_int_equal(facts->version_offered_min, 0x0303);
    assert_int_equal(facts->downgrade_to, 0x0303);
    assert_int_equal(facts->resumption, TLS_RESUMED_NO);
    assert_int_equal(facts->completed, TLS_YES);
    assert_int_equal(facts->extended_master_secret, TLS_YES);
    assert_int_equal(facts->secure_renegotiation, TLS_YES);
    assert_int_equal(facts->encrypt_then_mac, TLS_NO);
    assert_int_equal(facts->client_certificate_requested, TLS_YES);
    assert_int_equal(facts->client_certificate, TLS_YES);
    assert_int_equal(facts->staple, TLS_NO);
    assert_int_equal(facts->ech, TLS_ECH_NONE);
    assert_true(facts->grease);
    assert_int_equal(facts->suite_count, 4); /* without GREASE */
    assert_int_equal(facts->suites[0], 0x1301);
    assert_true(facts->offered_flags & TLS_SUITE_3DES);
    assert_int_equal(facts->group_count, 1);
    assert_int_equal(facts->sni_size, 11);
    assert_memory_equal(facts->sni, "api.example", 11);
    assert_int_equal(facts->alpn_offered_size, 2);
    assert_int_equal(facts->seen & (TLS_SEEN_DAMAGED | TLS_SEEN_MALFORMED | TLS_SEEN_RENEGOTIATION), 0);
    assert_int_equal(strlen(facts->ja3), 32);
    assert_memory_equal(facts->ja4, "t13d0406h2_", 11);
}

static void tell(struct reader *reader, const struct story *story, uint32_t cut)
{
    feed(reader, TLS_TO_SERVER, story->to_server.bytes, story->to_server.size, cut);
    feed(reader, TLS_TO_CLIENT, story->to_client.bytes, story->to_client.size, cut);
    feed(reader, TLS_TO_SERVER, story->to_server_end.bytes, story->to_server_end.size, cut);
    feed(reader, TLS_TO_CLIENT, story->to_client_end.bytes, story->to_client_end.size, cut);
}

static void test_any_cut_gives_the_same_facts(void **state)
{
    (void)state;
    static const uint32_t limits[] = {16384, 100, 3, 1}, cuts[] = {UINT32_MAX, 1, 2, 3, 5, 64, 1460};
    for (uint32_t limit = 0; limit < ARRAY_COUNT(limits); limit++) {
        struct story *story = full_12(limits[limit]);
        for (uint32_t cut = 0; cut < ARRAY_COUNT(cuts); cut++) {
            struct reader *reader = reader_new(false);
            tell(reader, story, cuts[cut]);
            expect_full_12(reader);
            assert_int_equal(reader->certificate_size, 900 + 6);
            free(reader);
        }
        free(story);
    }
}

/* Every place of every length lost: what is not "unknown" must be what the whole story says. */
static void test_a_hole_never_makes_a_no(void **state)
{
    (void)state;
    static const uint32_t holes[] = {1, 7, 150, 1460, 2500};
    struct story *story = full_12(16384);
    for (uint32_t h = 0; h < ARRAY_COUNT(holes); h++) {
        for (uint32_t at = 0; at < story->to_client.size; at += h < 2 ? 1 : 97) {
            uint32_t lost = min_u32(holes[h], story->to_client.size - at);
            struct reader *reader = reader_new(false);
            feed_all(reader, TLS_TO_SERVER, &story->to_server);
            feed(reader, TLS_TO_CLIENT, story->to_client.bytes, at, UINT32_MAX);
            hole(reader, TLS_TO_CLIENT, lost);
            feed(reader, TLS_TO_CLIENT, story->to_client.bytes + at + lost, story->to_client.size - at - lost, 700);
            feed_all(reader, TLS_TO_CLIENT, &story->to_client_end);
            const struct tls_facts *facts = &reader->handshake.facts;
            assert_true(facts->client_certificate_requested != TLS_NO);
            assert_true(facts->client_certificate != TLS_NO);
            assert_true(facts->staple == TLS_UNKNOWN);
            assert_true(facts->completed != TLS_NO);
            assert_true(facts->version == 0 || facts->version == 0x0303);
            assert_true(facts->group == 0 || facts->group == 0x0017);
            assert_true(facts->resumption == TLS_RESUMED_UNKNOWN || facts->resumption == TLS_RESUMED_NO);
            assert_true(facts->seen & TLS_SEEN_DAMAGED);
            free(reader);
        }
    }
    free(story);
}

static void test_records_are_found_again_behind_a_hole(void **state)
{
    (void)state;
    static struct writer stream;
    stream.size = 0;
    for (uint32_t i = 0; i < 6; i++)
        put_encrypted(&stream, TLS_APPLICATION_DATA, 1000 + i);
    for (uint32_t lost = 1; lost < 2500; lost += 13) {
        struct reader *reader = reader_new(false);
        feed(reader, TLS_TO_SERVER, stream.bytes, 500, UINT32_MAX);
        hole(reader, TLS_TO_SERVER, lost);
        feed(reader, TLS_TO_SERVER, stream.bytes + 500 + lost, stream.size - 500 - lost, 100);
        const struct tls_record_reader *records = &reader->records[0];
        assert_false(records->searching);
        /* Every byte is a header's, a body's, lost in a body or skipped. */
        assert_int_equal(records->position, stream.size);
        assert_int_equal(reader->body_bytes[0] + reader->lost[0] + records->skipped + 5 * records->records,
                         stream.size);
        assert_true(records->records >= 3);
        free(reader);
    }
}

static void test_midstream_finds_a_chain(void **state)
{
    (void)state;
    static struct writer stream;
    stream.size = 0;
    for (uint32_t i = 0; i < 4; i++)
        put_encrypted(&stream, TLS_APPLICATION_DATA, 300);
    struct reader *reader = reader_new(true);
    feed(reader, TLS_TO_CLIENT, stream.bytes + 100, stream.size - 100, 1);
    assert_int_equal(reader->records[1].records, 2); /* the first one whose predecessor was seen to end */
    assert_int_equal(reader->handshake.facts.completed, TLS_UNKNOWN);
    assert_int_equal(reader->handshake.facts.seen & ~(uint32_t)TLS_SEEN_DAMAGED, TLS_SEEN_MIDSTREAM);
    free(reader);
    /* What is no TLS at all never becomes a record. */
    reader = reader_new(true);
    static uint8_t text[5000];
    memset(text, 'a', sizeof(text));
    feed(reader, TLS_TO_CLIENT, text, sizeof(text), 1000);
    assert_int_equal(reader->records[1].records, 0);
    assert_int_equal(reader->records[1].skipped, sizeof(text));
    free(reader);
}

static void test_13_hides_and_says_so(void **state)
{
    (void)state;
    static struct writer stream;
    struct hello server = {.suites = {0x1301}, .versions = {0x0304}, .group = 0x11ec, .session_id_size = 32};
    struct reader *reader = reader_new(false);
    const struct tls_facts *facts = &reader->handshake.facts;
    static struct writer message;
    stream.size = message.size = 0;
    client_hello(&message, &usual_client);
    put_records(&stream, TLS_HANDSHAKE, &message, 16384);
    put_record(&stream, TLS_CHANGE_CIPHER_SPEC, "\x01", 1);
    feed_all(reader, TLS_TO_SERVER, &stream);
    stream.size = message.size = 0;
    server_hello(&message, &server);
    put_records(&stream, TLS_HANDSHAKE, &message, 16384);
    put_record(&stream, TLS_CHANGE_CIPHER_SPEC, "\x01", 1);
    put_encrypted(&stream, TLS_APPLICATION_DATA, 2000);
    feed_all(reader, TLS_TO_CLIENT, &stream);
    assert_int_equal(facts->completed, TLS_UNKNOWN);
    stream.size = 0;
    put_encrypted(&stream, TLS_APPLICATION_DATA, 53);
    feed_all(reader, TLS_TO_SERVER, &stream);
    assert_int_equal(facts->completed, TLS_UNKNOWN); /* the server may still refuse */
    stream.size = 0;
    put_encrypted(&stream, TLS_APPLICATION_DATA, 19);
    feed_all(reader, TLS_TO_CLIENT, &stream);
    assert_int_equal(facts->completed, TLS_UNKNOWN); /* as large as an alert */
    stream.size = 0;
    put_encrypted(&stream, TLS_APPLICATION_DATA, 200);
    feed_all(reader, TLS_TO_CLIENT, &stream);
    assert_int_equal(facts->completed, TLS_YES);
    assert_int_equal(facts->version, 0x0304);
    assert_int_equal(facts->group, 0x11ec);
    assert_int_equal(facts->resumption, TLS_RESUMED_NO);
    assert_int_equal(facts->client_certificate_requested, TLS_UNKNOWN);
    assert_int_equal(facts->client_certificate, TLS_UNKNOWN);
    assert_int_equal(facts->staple, TLS_UNKNOWN);
    assert_int_equal(facts->alpn_size, 0);
    free(reader);
}

static void test_13_decrypted_says_all(void **state)
{
    (void)state;
    static struct writer stream, message;
    struct reader *reader = reader_new(false);
    const struct tls_facts *facts = &reader->handshake.facts;
    struct hello server = {.suites = {0x1301}, .versions = {0x0304}, .group = 0x001d};
    stream.size = message.size = 0;
    client_hello(&message, &usual_client);
    put_records(&stream, TLS_HANDSHAKE, &message, 16384);
    feed_all(reader, TLS_TO_SERVER, &stream);
    stream.size = message.size = 0;
    server_hello(&message, &server);
    put_records(&stream, TLS_HANDSHAKE, &message, 16384);
    feed_all(reader, TLS_TO_CLIENT, &stream);
    message.size = 0;
    put_number(&message, 0x0800000b, 4); /* EncryptedExtensions: ALPN "h2" */
    put(&message, "\x00\x09\x00\x10\x00\x05\x00\x03\x02h2", 11);
    put(&message, "\x0b\x00\x00\x0e\x00\x00\x00\x0a\x00\x00\x01\xaa\x00\x04\x00\x05\x00\x00", 18);
    put(&message, "\x0f\x00\x00\x05\x08\x04\x00\x01\xcc", 9);
    put(&message, "\x14\x00\x00\x01\xff", 5);
    struct tls_message out;
    uint32_t count = 0;
    for (uint32_t at = 0; at < message.size; at += 10) { /* as if in records of ten bytes */
        tls_handshake_plaintext(&reader->handshake, TLS_TO_CLIENT, TLS_HANDSHAKE,
                                span_of(message.bytes + at, min_u32(10, message.size - at)));
        while (tls_handshake_next(&reader->handshake, TLS_TO_CLIENT, &out))
            count++;
    }
    assert_int_equal(count, 4);
    assert_int_equal(facts->alpn_size, 2);
    assert_int_equal(facts->staple, TLS_YES);
    assert_int_equal(facts->signature_scheme, 0x0804);
    assert_int_equal(facts->client_certificate_requested, TLS_NO);
    assert_int_equal(facts->client_certificate, TLS_NO);
    assert_int_equal(facts->completed, TLS_UNKNOWN);
    tls_handshake_plaintext(&reader->handshake, TLS_TO_SERVER, TLS_HANDSHAKE, span_of("\x14\x00\x00\x01\xff", 5));
    assert_true(tls_handshake_next(&reader->handshake, TLS_TO_SERVER, &out));
    assert_int_equal(facts->completed, TLS_YES);
    free(reader);
}

static void test_retry_request_keeps_the_first_offer(void **state)
{
    (void)state;
    static const uint8_t random[32] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
                                       0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
                                       0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
    static struct writer stream, message;
    struct reader *reader = reader_new(false);
    const struct tls_facts *facts = &reader->handshake.facts;
    struct hello early = usual_client;
    early.early = early.ech = true;
    stream.size = message.size = 0;
    client_hello(&message, &early);
    put_records(&stream, TLS_HANDSHAKE, &message, 16384);
    put_record(&stream, TLS_CHANGE_CIPHER_SPEC, "\x01", 1);
    feed_all(reader, TLS_TO_SERVER, &stream);
    assert_int_equal(facts->early_data_offered, TLS_YES);
    assert_int_equal(facts->ech, TLS_ECH_OFFERED);
    char ja4[TLS_JA4_SIZE];
    memcpy(ja4, facts->ja4, sizeof(ja4));
    stream.size = message.size = 0;
    struct hello server = {.suites = {0x1301}, .versions = {0x0304}};
    server_hello(&message, &server);
    memcpy(message.bytes + 6, random, sizeof(random));
    put_records(&stream, TLS_HANDSHAKE, &message, 16384);
    feed_all(reader, TLS_TO_CLIENT, &stream);
    assert_true(facts->seen & TLS_SEEN_RETRY_REQUEST);
    assert_false(facts->seen & TLS_SEEN_SERVER_HELLO);
    assert_int_equal(facts->early_data_accepted, TLS_NO);
    stream.size = message.size = 0;
    client_hello(&message, &usual_client); /* in the clear behind a change of cipher */
    put_records(&stream, TLS_HANDSHAKE, &message, 16384);
    feed_all(reader, TLS_TO_SERVER, &stream);
    assert_string_equal(reader->types[0], "1 1 ");
    assert_string_equal(facts->ja4, ja4);
    assert_int_equal(facts->seen & TLS_SEEN_MALFORMED, 0);
    free(reader);
}

static void test_resumption(void **state)
{
    (void)state;
    static struct writer stream, message;
    for (uint32_t echoed = 0; echoed < 2; echoed++) {
        struct reader *reader = reader_new(false);
        const struct tls_facts *facts = &reader->handshake.facts;
        struct hello client = usual_client, server = {.suites = {0xc02f}};
        client.session_id_size = server.session_id_size = echoed ? 32 : 0;
        client.fallback = true;
        stream.size = message.size = 0;
        client_hello(&message, &client);
        put_records(&stream, TLS_HANDSHAKE, &message, 16384);
        feed_all(reader, TLS_TO_SERVER, &stream);
        stream.size = message.size = 0;
        server_hello(&message, &server);
        put_records(&stream, TLS_HANDSHAKE, &message, 16384);
        put_record(&stream, TLS_CHANGE_CIPHER_SPEC, "\x01", 1);
        put_encrypted(&stream, TLS_HANDSHAKE, 40);
        feed_all(reader, TLS_TO_CLIENT, &stream);
        assert_int_equal(facts->resumption, echoed ? TLS_RESUMED_SESSION_ID : TLS_RESUMED_TICKET);
        assert_int_equal(facts->completed, TLS_UNKNOWN);
        stream.size = 0;
        put_record(&stream, TLS_CHANGE_CIPHER_SPEC, "\x01", 1);
        put_encrypted(&stream, TLS_HANDSHAKE, 40);
        put_encrypted(&stream, TLS_HANDSHAKE, 200); /* another handshake inside */
        feed_all(reader, TLS_TO_SERVER, &stream);
        assert_int_equal(facts->completed, TLS_YES);
        assert_true(facts->seen & TLS_SEEN_RENEGOTIATION);
        assert_int_equal(facts->client_certificate_requested, TLS_UNKNOWN);
        assert_int_equal(facts->client_certificate, TLS_UNKNOWN);
        assert_int_equal(facts->extended_master_secret, TLS_NO);
        assert_int_equal(facts->fallback_scsv, TLS_YES);
        free(reader);
    }
}

static void test_alert_ends_a_handshake(void **state)
{
    (void)state;
    static struct writer stream;
    for (uint32_t cut = 1; cut < 8; cut++) {
        struct reader *reader = reader_new(false);
        stream.size = 0;
        put_record(&stream, TLS_ALERT, "\x02\x28", 2);
        feed(reader, TLS_TO_CLIENT, stream.bytes, stream.size, cut);
        assert_int_equal(reader->handshake.facts.completed, TLS_NO);
        assert_int_equal(reader->handshake.facts.alert_level[1], 2);
        assert_int_equal(reader->handshake.facts.alert[1], 40);
        free(reader);
    }
    assert_string_equal(tls_alert_name(40), "handshake_failure");
    assert_null(tls_alert_name(200));
}

static void test_sslv2_hello(void **state)
{
    (void)state;
    static const uint8_t hello[] = {0x80, 0x2b, 0x01, 0x03, 0x01, 0x00, 0x12, 0x00, 0x00, 0x00, 0x10, 0x01,
                                    0x00, 0x80, 0x00, 0x00, 0x0a, 0x00, 0x00, 0x05, 0x00, 0x00, 0x2f, 0x07,
                                    0x00, 0xc0, 0x00, 0x00, 0xff, 1,    2,    3,    4,    5,    6,    7,
                                    8,    9,    10,   11,   12,   13,   14,   15,   16};
    static const uint8_t random_end[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    for (uint32_t cut = 1; cut <= sizeof(hello); cut++) {
        struct reader *reader = reader_new(false);
        const struct tls_facts *facts = &reader->handshake.facts;
        feed(reader, TLS_TO_SERVER, hello, sizeof(hello), cut);
        assert_true(tls_facts_seen(facts, TLS_SEEN_CLIENT_HELLO | TLS_SEEN_SSLV2_HELLO));
        assert_int_equal(facts->version_offered_max, 0x0301);
        assert_int_equal(facts->suite_count, 4);
        assert_int_equal(facts->suites[1], 0x0005);
        assert_true(facts->renegotiation_offered);
        assert_memory_equal(facts->client_random + 16, random_end, 16);
        assert_int_equal(facts->client_random[0], 0);
        free(reader);
    }
}

static void test_a_huge_chain_is_cut_not_lost(void **state)
{
    (void)state;
    static struct writer stream, message;
    struct reader *reader = reader_new(false);
    const struct tls_facts *facts = &reader->handshake.facts;
    stream.size = message.size = 0;
    struct hello server = {.suites = {0xc02f}};
    server_hello(&message, &server);
    certificate(&message, 40000);
    put_empty_message(&message, TLS_SERVER_HELLO_DONE);
    put_records(&stream, TLS_HANDSHAKE, &message, 16384);
    feed(reader, TLS_TO_CLIENT, stream.bytes, stream.size, 1460);
    assert_string_equal(reader->types[1], "2 11 14 ");
    assert_true(reader->certificate_truncated);
    assert_int_equal(reader->certificate_size, TLS_MESSAGE_SIZE_MAX - 4);
    assert_true(tls_facts_seen(facts, TLS_SEEN_CERTIFICATE | TLS_SEEN_SERVER_HELLO_DONE));
    assert_int_equal(facts->seen & TLS_SEEN_DAMAGED, 0);
    free(reader);
    /* Without buffers a message that is cut is lost, and the facts know it. */
    reader = reader_new(false);
    reader->handshake.readers[1].buffer = NULL;
    feed(reader, TLS_TO_CLIENT, stream.bytes, stream.size, 1);
    assert_true(reader->handshake.facts.seen & TLS_SEEN_DAMAGED);
    assert_int_equal(reader->handshake.facts.version, 0);
    free(reader);
}

static void test_malformed_hellos_say_nothing(void **state)
{
    (void)state;
    static struct writer message, stream, broken;
    message.size = 0;
    client_hello(&message, &usual_client);
    for (uint32_t at = 4; at < message.size; at++) {
        struct reader *reader = reader_new(false);
        broken = message;
        broken.bytes[at] ^= 0xff;
        stream.size = 0;
        put_records(&stream, TLS_HANDSHAKE, &broken, 16384);
        feed_all(reader, TLS_TO_SERVER, &stream);
        const struct tls_facts *facts = &reader->handshake.facts;
        bool read = (facts->seen & TLS_SEEN_CLIENT_HELLO) != 0;
        assert_true(read != ((facts->seen & TLS_SEEN_MALFORMED) != 0));
        assert_true(read || facts->suite_count == 0);
        free(reader);
    }
}

static void test_tables(void **state)
{
    (void)state;
    const struct tls_suite *suite = tls_suite_find(0xc02f);
    assert_non_null(suite);
    assert_string_equal(suite->name, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    assert_int_equal(suite->flags, TLS_SUITE_FORWARD_SECRET | TLS_SUITE_AEAD | TLS_SUITE_FIPS);
    assert_int_equal(tls_suite_find(0xc018)->key_exchange, TLS_KX_ECDHE);
    assert_int_equal(tls_suite_find(0xc018)->flags & TLS_SUITE_WEAK, TLS_SUITE_ANONYMOUS);
    assert_int_equal(tls_suite_find(0x0016)->flags & TLS_SUITE_WEAK, TLS_SUITE_3DES);
    assert_int_equal(tls_suite_find(0x0003)->flags & TLS_SUITE_WEAK, TLS_SUITE_EXPORT | TLS_SUITE_RC4);
    assert_int_equal(tls_suite_find(0xccac)->flags & TLS_SUITE_WEAK, 0);
    assert_null(tls_suite_find(0x1a1a));
    uint32_t fips = 0, previous = 0, count = 0;
    for (uint32_t id = 0; id < 0x10000; id++) {
        suite = tls_suite_find((uint16_t)id);
        if (!suite)
            continue;
        count++;
        fips += (suite->flags & TLS_SUITE_FIPS) != 0;
        assert_true(count == 1 || id > previous);
        previous = id;
        assert_false((suite->flags & TLS_SUITE_FIPS) && (suite->flags & TLS_SUITE_WEAK));
        assert_true(!(suite->flags & TLS_SUITE_AEAD) || suite->mac == TLS_HASH_NULL);
    }
    assert_int_equal(fips, 30);
    assert_int_equal(count, 364);
    assert_string_equal(tls_group_find(0x001d)->name, "x25519");
    assert_null(tls_group_find(0x1a1a));
    assert_string_equal(tls_signature_scheme_name(0x0804), "rsa_pss_rsae_sha256");
    assert_string_equal(tls_version_name(0x0304), "TLSv1.3");
    assert_string_equal(tls_version_name(0xfefd), "DTLSv1.2");
    assert_true(tls_is_grease(0x0a0a) && tls_is_grease(0xfafa) && !tls_is_grease(0x0a1a) && !tls_is_grease(0x1301));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_cut_gives_the_same_facts),
        cmocka_unit_test(test_a_hole_never_makes_a_no),
        cmocka_unit_test(test_records_are_found_again_behind_a_hole),
        cmocka_unit_test(test_midstream_finds_a_chain),
        cmocka_unit_test(test_13_hides_and_says_so),
        cmocka_unit_test(test_13_decrypted_says_all),
        cmocka_unit_test(test_retry_request_keeps_the_first_offer),
        cmocka_unit_test(test_resumption),
        cmocka_unit_test(test_alert_ends_a_handshake),
        cmocka_unit_test(test_sslv2_hello),
        cmocka_unit_test(test_a_huge_chain_is_cut_not_lost),
        cmocka_unit_test(test_malformed_hellos_say_nothing),
        cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
