/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Decryption: recorded connections with keys that come late or never, with records lost anywhere, with altered bytes;
 * that nothing is allocated on the way and nothing is left in memory. What each record opens to is compared with the
 * run over the whole connection, which tests/tls compares with tshark.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "allocations.h"
#include "memory_search.h"
#include "tls_case.h"

/* Every kind of suite and version there is a recording of. */
static const char *const kinds[] = {
    "tls10_many_records",
    "tls10_rc4_md5_gnutls",
    "tls11_AES256-SHA",
    "tls12_AES128-GCM-SHA256",
    "tls12_AES256-CCM8",
    "tls12_CHACHA20-POLY1305",
    "tls12_AES128-SHA256",
    "tls12_camellia128_gcm",
    "tls12_many_records",
    "tls12_renegotiation",
    "tls13_TLS_AES_128_CCM_SHA256",
    "tls13_TLS_AES_256_GCM_SHA384",
    "tls13_early_data",
    "tls13_key_update",
    "tls13_many_records",
    "tls13_padding",
};

struct bench {
    struct arena *arena;
    struct tls_key_store *store;
    struct tls_stream stream;
    struct tls_case taken;
    uint64_t seen[TLS_CASE_RECORDS_MAX];  /* a checksum of what each record opened to; 0: closed */
    uint8_t causes[TLS_CASE_RECORDS_MAX]; /* of those that stayed closed */
    bool protection[TLS_CASE_RECORDS_MAX];
    uint32_t current, keys_used;
};

static void key_used(void *context, const uint8_t client_random[TLS_RANDOM_SIZE], enum tls_secret_kind kind)
{
    struct bench *bench = context;
    assert_memory_equal(client_random, bench->stream.facts.client_random, TLS_RANDOM_SIZE);
    bench->keys_used |= 1u << kind;
}

static void note(struct tls_stream *stream, enum tls_direction direction, const struct tls_decrypt_input *input,
                 enum tls_decrypt_status status, const struct tls_plain *plain)
{
    struct bench *bench = stream->context;
    (void)direction;
    (void)input;
    uint64_t sum = 14695981039346656037u ^ plain->type;
    for (uint32_t i = 0; i < plain->data.size; i++)
        sum = (sum ^ plain->data.data[i]) * 1099511628211u;
    bench->seen[bench->current] = status == TLS_DECRYPT_PLAIN ? sum | 1 : 0;
    bench->causes[bench->current] = (uint8_t)plain->cause;
    bench->protection[bench->current] = plain->protection;
}

static struct bench *bench_new(const char *name)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    assert_non_null(bench);
    if (!tls_case_load(name, &bench->taken)) {
        free(bench);
        return NULL;
    }
    bench->arena = arena_new(1u << 20);
    assert_non_null(bench->arena);
    assert_int_equal(tls_key_store_new(&bench->store, &(struct tls_key_store_options){.entries = 64}, &diagnostics), 0);
    struct tls_decrypt_options options = {
        .store = bench->store, .connections = 2, .contexts = 2, .context = bench, .key_used = key_used};
    assert_int_equal(tls_decrypt_engine_new(&bench->stream.engine, bench->arena, &options, &diagnostics), 0);
    bench->stream.told = note;
    bench->stream.context = bench;
    bench->stream.decrypter = tls_decrypt_begin(bench->stream.engine);
    diagnostics_deinit(&diagnostics);
    return bench;
}

static void bench_free(struct bench *bench)
{
    if (bench->stream.decrypter)
        tls_decrypt_end(bench->stream.engine, bench->stream.decrypter);
    tls_decrypt_engine_free(bench->stream.engine);
    tls_key_store_free(bench->store);
    arena_free(bench->arena);
    tls_case_free(&bench->taken);
    free(bench);
}

/* One record; false: it waits. */
static bool take(struct bench *bench, uint32_t index)
{
    const struct tls_case_record *record = &bench->taken.records[index];
    bench->current = index;
    return tls_stream_take(&bench->stream, record->direction, &record->input);
}

static void take_all(struct bench *bench)
{
    for (uint32_t i = 0; i < bench->taken.record_count; i++)
        assert_true(take(bench, i));
}

/* The whole connection with its keys, as measure of the others. NULL: skipped. */
static struct bench *reference(const char *name)
{
    struct bench *bench = bench_new(name);
    if (!bench)
        return NULL;
    tls_case_put_keys(&bench->taken, bench->store);
    take_all(bench);
    uint32_t opened = 0;
    for (uint32_t i = 0; i < bench->taken.record_count; i++) {
        assert_true(bench->seen[i] != 0);
        opened += bench->protection[i];
    }
    assert_true(opened >= bench->taken.plain_count);
    return bench;
}

static void test_whole(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < ARRAY_COUNT(kinds); kind++) {
        struct bench *bench = reference(kinds[kind]);
        if (!bench)
            skip();
        assert_true(bench->keys_used != 0);
        bench_free(bench);
    }
}

/* Keys that come when everything else has: each direction waits at its first protected record, and then goes on. */
static void test_late_keys(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < ARRAY_COUNT(kinds); kind++) {
        struct bench *whole = reference(kinds[kind]), *bench = bench_new(kinds[kind]);
        if (!whole)
            skip();
        bool waits[TLS_DIRECTION_COUNT] = {false};
        for (uint32_t i = 0; i < bench->taken.record_count; i++) {
            enum tls_direction direction = bench->taken.records[i].direction;
            waits[direction] = waits[direction] || !take(bench, i);
        }
        assert_true(waits[TLS_FROM_CLIENT] && waits[TLS_FROM_SERVER]);
        assert_false(tls_decrypt_key_may_have_come(bench->stream.engine, bench->stream.decrypter));
        tls_case_put_keys(&bench->taken, bench->store);
        assert_true(tls_decrypt_key_may_have_come(bench->stream.engine, bench->stream.decrypter));
        for (uint32_t i = 0; i < bench->taken.record_count; i++)
            if (!bench->seen[i])
                assert_true(take(bench, i));
        assert_memory_equal(bench->seen, whole->seen, sizeof(whole->seen));
        bench_free(bench);
        bench_free(whole);
    }
}

static void test_no_keys(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < ARRAY_COUNT(kinds); kind++) {
        struct bench *whole = reference(kinds[kind]), *bench = bench_new(kinds[kind]);
        if (!whole)
            skip();
        tls_decrypt_give_up(bench->stream.decrypter, TLS_DECRYPT_CAUSE_NO_KEY);
        take_all(bench);
        for (uint32_t i = 0; i < bench->taken.record_count; i++) {
            if (whole->protection[i])
                assert_int_equal(bench->causes[i], TLS_DECRYPT_CAUSE_NO_KEY);
            assert_int_equal(bench->seen[i] == 0, whole->protection[i]);
        }
        bench_free(bench);
        bench_free(whole);
    }
}

static uint32_t hole_size(const struct bench *bench, uint32_t from, uint32_t count, enum tls_direction direction)
{
    uint32_t size = 0;
    for (uint32_t i = from; i < from + count; i++)
        if (bench->taken.records[i].direction == direction)
            size += 5 + bench->taken.records[i].input.fragment.size;
    return size;
}

/* Without the records from `from` on; what was not lost must open to the same. */
static void lose(const char *name, const struct bench *whole, uint32_t from, uint32_t count, uint32_t lost_after)
{
    struct bench *bench = bench_new(name);
    tls_case_put_keys(&bench->taken, bench->store);
    uint32_t closed = 0;
    for (uint32_t i = 0; i < bench->taken.record_count; i++) {
        if (i == from)
            for (uint32_t direction = 0; direction < TLS_DIRECTION_COUNT; direction++) {
                uint32_t size = hole_size(bench, from, count, direction);
                if (size)
                    tls_decrypt_lost(bench->stream.decrypter, direction, size);
            }
        if (i >= from && i < from + count)
            continue;
        if (!take(bench, i))
            continue;
        if (bench->seen[i] && bench->seen[i] != whole->seen[i])
            print_message("%s: record %u opens to something else behind a loss of %u at %u\n", name, i, count, from);
        assert_true(!bench->seen[i] || bench->seen[i] == whole->seen[i]);
        closed += !bench->seen[i];
    }
    if (closed > lost_after)
        print_message("%s: %u records closed behind a loss of %u at %u\n", name, closed, count, from);
    assert_true(closed <= lost_after);
    bench_free(bench);
}

/* Behind the hellos, any records may go missing. What continues a chain of blocks loses one more. */
static void test_loss(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t lost_after;
    } rows[] = {{"tls12_many_records", 0}, {"tls13_many_records", 0},  {"tls13_key_update", 0},
                {"tls10_many_records", 2}, {"tls12_AES128-SHA256", 0}, {"tls12_CHACHA20-POLY1305", 0}};
    for (uint32_t row = 0; row < ARRAY_COUNT(rows); row++) {
        struct bench *whole = reference(rows[row].name);
        if (!whole)
            skip();
        uint32_t first = 0;
        while (!whole->protection[first])
            first++;
        for (uint32_t count = 1; count <= 8; count++)
            for (uint32_t from = first; from + count < whole->taken.record_count; from++)
                lose(rows[row].name, whole, from, count, rows[row].lost_after);
        bench_free(whole);
    }
}

/* A stream cipher cannot be found again; that is said, and nothing wrong comes out. */
static void test_loss_of_a_stream(void **state)
{
    (void)state;
    struct bench *whole = reference("tls10_rc4_md5_gnutls");
    if (!whole)
        skip();
    for (uint32_t from = 0; from < whole->taken.record_count; from++)
        lose("tls10_rc4_md5_gnutls", whole, from, 1, TLS_CASE_RECORDS_MAX);
    bench_free(whole);
}

/* The server hello is lost: in TLS 1.3 the AEAD proves which suite it named. */
static void test_lost_hello(void **state)
{
    (void)state;
    static const char *const names[] = {"tls13_TLS_CHACHA20_POLY1305_SHA256", "tls13_TLS_AES_256_GCM_SHA384",
                                        "tls13_TLS_AES_128_CCM_8_SHA256", "tls13_many_records"};
    for (uint32_t i = 0; i < ARRAY_COUNT(names); i++) {
        struct bench *whole = reference(names[i]);
        if (!whole)
            skip();
        uint32_t hello = 0;
        while (whole->taken.records[hello].direction != TLS_FROM_SERVER)
            hello++;
        lose(names[i], whole, hello, 1, 0);
        bench_free(whole);
    }
}

/* A bit turned over anywhere in a record keeps it closed, and only it. */
static void test_altered(void **state)
{
    (void)state;
    static const char *const names[] = {"tls13_many_records", "tls12_many_records", "tls12_AES128-SHA256",
                                        "tls10_many_records"};
    for (uint32_t row = 0; row < ARRAY_COUNT(names); row++) {
        struct bench *whole = reference(names[row]);
        if (!whole)
            skip();
        for (uint32_t i = 0; i < whole->taken.record_count; i++) {
            if (!whole->protection[i])
                continue;
            struct bench *bench = bench_new(names[row]);
            struct span fragment = bench->taken.records[i].input.fragment;
            bench->taken
                .bytes[bench->taken.records[i].direction]
                      [fragment.data - bench->taken.bytes[bench->taken.records[i].direction] + i % fragment.size] ^=
                (uint8_t)(1u << i % 8);
            tls_case_put_keys(&bench->taken, bench->store);
            for (uint32_t n = 0; n < bench->taken.record_count; n++) {
                bool taken = take(bench, n);
                bool same = !taken || !bench->seen[n] || bench->seen[n] == whole->seen[n];
                if (!same)
                    print_message("%s: record %u opens to something else with record %u altered\n", names[row], n, i);
                assert_true(same);
            }
            assert_int_equal(bench->seen[i], 0);
            bench_free(bench);
        }
        bench_free(whole);
    }
}

/* Behind the end of a connection its secrets are nowhere: not in the store, not in a context, not on the stack. */
static void test_wiped(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < ARRAY_COUNT(kinds); kind++) {
        struct bench *bench = reference(kinds[kind]);
        if (!bench)
            skip();
        uint8_t inverted[64];
        const char *text = strrchr(bench->taken.keys[bench->taken.key_count - 1], ' ') + 1;
        uint32_t size = tls_stream_unhex(text, inverted, sizeof(inverted));
        for (uint32_t i = 0; i < size; i++)
            inverted[i] ^= 0xff;
        tls_decrypt_end(bench->stream.engine, bench->stream.decrypter);
        bench->stream.decrypter = NULL;
        tls_key_store_expire(bench->store, 2);
        uint32_t left = memory_search(inverted, 16);
        if (left)
            print_message("%s: %u copies of a secret are left\n", kinds[kind], left);
        assert_int_equal(left, 0);
        bench_free(bench);
    }
}

static void test_nothing_is_allocated(void **state)
{
    (void)state;
    if (!HEAP_IS_OURS) {
        print_message("a sanitizer's heap: nothing is counted\n");
        skip();
    }
    for (uint32_t kind = 0; kind < ARRAY_COUNT(kinds); kind++) {
        struct bench *bench = bench_new(kinds[kind]);
        if (!bench)
            skip();
        tls_case_put_keys(&bench->taken, bench->store);
        uint64_t before = allocations;
        take_all(bench);
        tls_decrypt_end(bench->stream.engine, bench->stream.decrypter);
        bench->stream.decrypter = tls_decrypt_begin(bench->stream.engine);
        if (allocations != before)
            print_message("%s: %llu allocations\n", kinds[kind], (unsigned long long)(allocations - before));
        assert_true(allocations == before || strstr(kinds[kind], "CCM"));
        bench_free(bench);
    }
}

/* RFC 8448 3: the client's application data, fifty bytes counting up. */
static void test_rfc_8448(void **state)
{
    (void)state;
    static const char fragment[] = "a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441"
                                   "e2b62974e1f5a6292a2977014bd1e"
                                   "3deae63aeebb21694915e4";
    static const char keys[] = "CLIENT_TRAFFIC_SECRET_0 000000000000000000000000000000000000000000000000000000000000000"
                               "1 9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5";
    struct bench *bench = bench_new(kinds[0]);
    if (!bench)
        skip();
    struct tls_keylog parser = {0};
    struct tls_keylog_item item;
    struct parse_input line = {.data = (const uint8_t *)keys, .size = sizeof(keys) - 1, .last = true};
    assert_int_equal(tls_keylog_parse(&parser, &line, &item).status, PARSE_ITEM);
    tls_key_store_put(bench->store, &item, 1);
    struct tls_decrypt_facts facts = {
        .version = 0x0304, .suite = 0x1301, .client_random_known = true, .server_random_known = true};
    facts.client_random[31] = 1;
    bench->stream.facts = facts;
    tls_decrypt_learn(bench->stream.decrypter, &facts);
    tls_decrypt_lost(bench->stream.decrypter, TLS_FROM_CLIENT, 100); /* the handshake is not part of it */
    uint8_t bytes[128];
    struct tls_decrypt_input input = {.type = 23, .version = 0x0303};
    input.fragment = span_of(bytes, tls_stream_unhex(fragment, bytes, sizeof(bytes)));
    struct tls_plain plain;
    assert_int_equal(tls_decrypt_record(bench->stream.engine, bench->stream.decrypter, TLS_FROM_CLIENT, &input, &plain),
                     TLS_DECRYPT_PLAIN);
    assert_int_equal(plain.type, 23);
    assert_int_equal(plain.data.size, 50);
    for (uint32_t i = 0; i < 50; i++)
        assert_int_equal(plain.data.data[i], i);
    bench_free(bench);
}

static void test_limits(void **state)
{
    (void)state;
    struct bench *bench = bench_new(kinds[0]);
    if (!bench)
        skip();
    assert_non_null(tls_decrypt_begin(bench->stream.engine));
    assert_null(tls_decrypt_begin(bench->stream.engine)); /* two were asked for */
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_late_keys),
        cmocka_unit_test(test_no_keys),
        cmocka_unit_test(test_loss),
        cmocka_unit_test(test_loss_of_a_stream),
        cmocka_unit_test(test_lost_hello),
        cmocka_unit_test(test_altered),
        cmocka_unit_test(test_wiped),
        cmocka_unit_test(test_nothing_is_allocated),
        cmocka_unit_test(test_rfc_8448),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
