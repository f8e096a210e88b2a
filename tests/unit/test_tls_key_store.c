/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Key store: what was put is found, bounded, wiped; and a writer among readers, who must never see half of anything
 * (the thread sanitizer watches). Whether a secret is really gone is looked up in the memory of this process.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory_search.h"
#include "tls/key_store.h"

#define SECOND UINT64_C(1000000000)

static struct tls_key_store *store_new(uint32_t entries, uint64_t expire_ns)
{
    struct tls_key_store *store = NULL;
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct tls_key_store_options options = {.entries = entries, .expire_ns = expire_ns};
    assert_int_equal(tls_key_store_new(&store, &options, &diagnostics), 0);
    assert_int_equal(diagnostics.errors, 0);
    diagnostics_deinit(&diagnostics);
    return store;
}

/* A secret whose bytes all follow from its number. */
static void item_make(struct tls_keylog_item *item_out, uint32_t number, enum tls_secret_kind kind)
{
    *item_out = (struct tls_keylog_item){
        .kind = kind, .by = TLS_KEY_BY_CLIENT_RANDOM, .id_size = TLS_RANDOM_SIZE, .secret_size = 48};
    memcpy(item_out->id, &number, sizeof(number));
    for (uint32_t i = 0; i < 48; i++)
        item_out->secret[i] = (uint8_t)(number * 31 + i + (uint32_t)kind);
}

static struct tls_keylog_item item_of(uint32_t number, enum tls_secret_kind kind)
{
    struct tls_keylog_item item;
    item_make(&item, number, kind);
    return item;
}

static bool find(struct tls_key_store *store, uint32_t number, struct tls_key_set *set_out)
{
    uint8_t id[TLS_RANDOM_SIZE] = {0};
    memcpy(id, &number, sizeof(number));
    return tls_key_store_find(store, TLS_KEY_BY_CLIENT_RANDOM, span_of(id, sizeof(id)), set_out);
}

static void test_put_and_find(void **state)
{
    (void)state;
    struct tls_key_store *store = store_new(64, 0);
    struct tls_key_set set;
    uint64_t version = tls_key_store_version(store);
    assert_false(find(store, 1, &set));
    struct tls_keylog_item item = item_of(1, TLS_SECRET_CLIENT_HANDSHAKE);
    tls_key_store_put(store, &item, 1);
    assert_true(tls_key_store_version(store) != version);
    item = item_of(1, TLS_SECRET_CLIENT_TRAFFIC);
    item.generation = 3;
    tls_key_store_put(store, &item, 1);
    assert_true(find(store, 1, &set));
    assert_int_equal(set.secrets[TLS_SECRET_CLIENT_HANDSHAKE].size, 48);
    assert_int_equal(set.secrets[TLS_SECRET_CLIENT_TRAFFIC].generation, 3);
    assert_int_equal(set.secrets[TLS_SECRET_MASTER].size, 0);
    assert_memory_equal(set.secrets[TLS_SECRET_CLIENT_TRAFFIC].bytes, item.secret, 48);
    item.generation = 4; /* follows from the third */
    tls_key_store_put(store, &item, 1);
    assert_true(find(store, 1, &set));
    assert_int_equal(set.secrets[TLS_SECRET_CLIENT_TRAFFIC].generation, 3);
    assert_false(tls_key_store_find(store, TLS_KEY_BY_SESSION_ID, span_of(item.id, 32), &set));
    tls_key_store_free(store);
}

static void test_limits(void **state)
{
    (void)state;
    struct tls_key_store *store = store_new(256, 0);
    struct tls_key_store_counts counts;
    for (uint32_t i = 1; i <= 10000; i++) {
        struct tls_keylog_item item = item_of(i, TLS_SECRET_MASTER);
        tls_key_store_put(store, &item, i);
    }
    tls_key_store_count(store, &counts);
    assert_int_equal(counts.put, 10000);
    assert_int_equal(counts.live, 256);
    assert_int_equal(counts.evicted, 10000 - 256);
    struct tls_key_set set;
    assert_true(find(store, 10000, &set)); /* the oldest go, never the newest */
    tls_key_store_free(store);
}

static void test_expire_and_finish(void **state)
{
    (void)state;
    struct tls_key_store *store = store_new(64, 10 * SECOND);
    struct tls_key_store_counts counts;
    struct tls_key_set set, late;
    struct tls_keylog_item item = item_of(7, TLS_SECRET_MASTER);
    tls_key_store_put(store, &item, SECOND);
    tls_key_store_expire(store, 10 * SECOND);
    assert_true(find(store, 7, &set));
    tls_key_store_expire(store, 12 * SECOND);
    assert_false(find(store, 7, &late));
    tls_key_store_put(store, &item, 12 * SECOND);
    tls_key_store_finish(store, &set); /* of the earlier life: without effect */
    tls_key_store_expire(store, 12 * SECOND);
    assert_true(find(store, 7, &set));
    tls_key_store_finish(store, &set);
    tls_key_store_expire(store, 12 * SECOND);
    assert_false(find(store, 7, &set));
    tls_key_store_count(store, &counts);
    assert_int_equal(counts.expired, 1);
    assert_int_equal(counts.finished, 1);
    assert_int_equal(counts.live, 0);
    tls_key_store_free(store);
}

static void test_wiped(void **state)
{
    (void)state;
    struct tls_key_store *store = store_new(64, 0);
    volatile uint32_t number = 99; /* a compiler that knew it would keep the whole secret among its constants */
    uint8_t needle[48];
    for (uint32_t i = 0; i < 48; i++)
        needle[i] = (uint8_t)(number * 31 + i) ^ 0xff; /* kept the other way round, so as not to find this copy */
    struct tls_keylog_item item;
    item_make(&item, number, TLS_SECRET_MASTER); /* in place: what a function returns may lie on the stack twice */
    tls_key_store_put(store, &item, 1);
    explicit_bzero(&item, sizeof(item));
    assert_int_equal(memory_search(needle, sizeof(needle)), 1);
    struct tls_key_set set;
    assert_true(find(store, 99, &set));
    tls_key_store_finish(store, &set);
    explicit_bzero(&set, sizeof(set));
    tls_key_store_expire(store, 2);
    assert_int_equal(memory_search(needle, sizeof(needle)), 0);
    tls_key_store_free(store);
}

struct reader {
    struct tls_key_store *store;
    const uint32_t *stop;
    uint64_t found;
    uint64_t torn;
    pthread_t thread;
};

static void *reader_run(void *argument)
{
    struct reader *reader = argument;
    struct tls_key_set set;
    for (uint32_t turn = 0; !__atomic_load_n(reader->stop, __ATOMIC_RELAXED); turn++) {
        uint32_t number = turn % 64;
        if (!find(reader->store, number, &set))
            continue;
        __atomic_store_n(&reader->found, reader->found + 1, __ATOMIC_RELAXED);
        for (uint32_t kind = 0; kind <= TLS_SECRET_SERVER_TRAFFIC; kind++) {
            const struct tls_secret *secret = &set.secrets[kind];
            for (uint32_t i = 0; i < secret->size; i++)
                reader->torn += secret->bytes[i] != (uint8_t)(number * 31 + i + kind);
        }
        if (turn % 16 == 0)
            tls_key_store_finish(reader->store, &set);
    }
    return NULL;
}

static void test_writer_among_readers(void **state)
{
    (void)state;
    uint32_t stop = 0;
    struct tls_key_store *store = store_new(32, 50);
    struct reader readers[3];
    memset(readers, 0, sizeof(readers));
    for (uint32_t i = 0; i < 3; i++) {
        readers[i].store = store;
        readers[i].stop = &stop;
        assert_int_equal(pthread_create(&readers[i].thread, NULL, reader_run, &readers[i]), 0);
    }
    /* On a busy machine a reader may get its first turn late; a second of putting is more than any needs. */
    bool all_found = false;
    for (uint32_t i = 0; i < 60000 || (i < 3000000 && !all_found); i++) {
        all_found = true;
        for (uint32_t k = 0; k < 3; k++)
            all_found = all_found && __atomic_load_n(&readers[k].found, __ATOMIC_RELAXED);
        struct tls_keylog_item item = item_of(i * 7 % 64, (enum tls_secret_kind)(i % 7));
        tls_key_store_put(store, &item, i);
        if (i % 100 == 0)
            tls_key_store_expire(store, i);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < 3; i++) {
        pthread_join(readers[i].thread, NULL);
        assert_int_equal(readers[i].torn, 0);
        assert_true(readers[i].found > 0);
    }
    tls_key_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_and_find),         cmocka_unit_test(test_limits),
        cmocka_unit_test(test_expire_and_finish),    cmocka_unit_test(test_wiped),
        cmocka_unit_test(test_writer_among_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
