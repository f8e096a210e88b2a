/* SPDX-License-Identifier: Apache-2.0 */

/* Certificates: messages, names, SPIFFE ids, and the cache with its budget. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "certificate/cache.h"
#include "certificate/spiffe.h"
#include "unit/certificate_files.h"

#define SECOND UINT64_C(1000000000)

static void fault_is(const char *id, enum spiffe_fault wanted)
{
    enum spiffe_fault fault = spiffe_id_check(span_from_text(id));
    if (fault != wanted)
        print_message("%.80s: %s\n", id, spiffe_fault_text(fault));
    assert_int_equal(fault, wanted);
}

/* SPIFFE-ID 2.1 to 2.3; several of them are examples of the specification. */
static void test_spiffe_ids(void **state)
{
    (void)state;
    static const char *const good[] = {
        "spiffe://staging.example.com/payments/mysql",
        "spiffe://k8s-west.example.com/ns/staging/sa/default",
        "spiffe://example.com/9eebccd2-12bf-40a6-b262-65fe0487d453",
        "spiffe://example.com",
        "spiffe://a_b.c-d/A.b_C-9/...",
    };
    for (uint32_t i = 0; i < ARRAY_COUNT(good); i++)
        fault_is(good[i], SPIFFE_GOOD);
    fault_is("spiffe://example.org/%41", SPIFFE_PERCENT);
    fault_is("SPIFFE://example.org/a", SPIFFE_SCHEME);
    fault_is("spiffe:example.org/a", SPIFFE_SCHEME);
    fault_is("https://example.org/a", SPIFFE_SCHEME);
    fault_is("", SPIFFE_SCHEME);
    fault_is("spiffe://user@example.org/a", SPIFFE_USER);
    fault_is("spiffe://example.org:443/a", SPIFFE_PORT);
    fault_is("spiffe://example.org/a?b=c", SPIFFE_QUERY);
    fault_is("spiffe://example.org/a#b", SPIFFE_FRAGMENT);
    fault_is("spiffe://", SPIFFE_DOMAIN_EMPTY);
    fault_is("spiffe:///a", SPIFFE_DOMAIN_EMPTY);
    fault_is("spiffe://Example.org/a", SPIFFE_DOMAIN_CHARACTER);
    fault_is("spiffe://ex ample/a", SPIFFE_DOMAIN_CHARACTER);
    fault_is("spiffe://example.org/", SPIFFE_SEGMENT_EMPTY);
    fault_is("spiffe://example.org/a/", SPIFFE_SEGMENT_EMPTY);
    fault_is("spiffe://example.org/a//b", SPIFFE_SEGMENT_EMPTY);
    fault_is("spiffe://example.org/./b", SPIFFE_SEGMENT_DOTS);
    fault_is("spiffe://example.org/a/..", SPIFFE_SEGMENT_DOTS);
    fault_is("spiffe://example.org/a b", SPIFFE_PATH_CHARACTER);
    fault_is("spiffe://example.org/a@b", SPIFFE_PATH_CHARACTER);
    fault_is("spiffe://example.org/a:b", SPIFFE_PATH_CHARACTER);
    fault_is("spiffe://example.org/\xc3\xa4", SPIFFE_PATH_CHARACTER);
}

static void test_spiffe_lengths_and_parts(void **state)
{
    (void)state;
    char text[SPIFFE_ID_SIZE_MAX + 2] = "spiffe://";
    memset(text + 9, 'a', 255);
    fault_is(text, SPIFFE_GOOD);
    text[9 + 255] = 'a';
    fault_is(text, SPIFFE_DOMAIN_TOO_LONG);
    memset(text + 9, 'a', sizeof(text) - 9);
    text[12] = '/';
    text[SPIFFE_ID_SIZE_MAX] = '\0';
    fault_is(text, SPIFFE_GOOD);
    text[SPIFFE_ID_SIZE_MAX] = 'a';
    text[SPIFFE_ID_SIZE_MAX + 1] = '\0';
    fault_is(text, SPIFFE_TOO_LONG);
    struct span id = SPAN_LITERAL("spiffe://example.org/a/b");
    assert_true(span_equal(spiffe_id_domain(id), SPAN_LITERAL("example.org")));
    assert_true(span_equal(spiffe_id_path(id), SPAN_LITERAL("/a/b")));
    assert_int_equal(spiffe_id_path(SPAN_LITERAL("spiffe://example.org")).size, 0);
    assert_true(spiffe_id_is(SPAN_LITERAL("Spiffe:x")));
    assert_false(spiffe_id_is(SPAN_LITERAL("spiff")));
}

static void test_messages(void **state)
{
    (void)state;
    struct certificate_chain chain;
    static const uint8_t two[] = {0, 0, 9, 0, 0, 2, 'a', 'b', 0, 0, 1, 'c'};
    assert_true(certificate_chain_parse(span_of(two, sizeof(two)), false, &chain));
    assert_int_equal(chain.count, 2);
    assert_true(span_equal(chain.certificates[0], SPAN_LITERAL("ab")));
    assert_true(span_equal(chain.certificates[1], SPAN_LITERAL("c")));
    static const uint8_t tls13[] = {1, 7, 0, 0, 13, 0, 0, 2, 'a', 'b', 0, 1, 9, 0, 0, 0, 'c', 0, 0};
    assert_false(certificate_chain_parse(span_of(tls13, sizeof(tls13)), true, &chain)); /* an empty certificate */
    static const uint8_t right13[] = {1, 7, 0, 0, 14, 0, 0, 2, 'a', 'b', 0, 1, 9, 0, 0, 1, 'c', 0, 0};
    assert_true(certificate_chain_parse(span_of(right13, sizeof(right13)), true, &chain));
    assert_int_equal(chain.count, 2);
    for (uint32_t size = 0; size < sizeof(right13); size++)
        assert_false(certificate_chain_parse(span_of(right13, size), true, &chain));
    static const uint8_t none[] = {0, 0, 0};
    assert_false(certificate_chain_parse(span_of(none, sizeof(none)), false, &chain));
    uint8_t many[3 + 4 * (CERTIFICATE_CHAIN_MAX + 2)] = {0, 0, 4 * (CERTIFICATE_CHAIN_MAX + 2)};
    for (uint32_t i = 0; i < CERTIFICATE_CHAIN_MAX + 2; i++)
        many[3 + 4 * i + 2] = 1;
    assert_true(certificate_chain_parse(span_of(many, sizeof(many)), false, &chain));
    assert_int_equal(chain.count, CERTIFICATE_CHAIN_MAX);
    assert_true(chain.cut);
}

static void name_set(struct certificate *certificate, const char *name)
{
    memset(certificate, 0, sizeof(*certificate));
    certificate->name_count = 1;
    certificate->names[0] = (struct certificate_name){0, (uint16_t)strlen(name), CERTIFICATE_NAME_DNS};
    memcpy(certificate->names_text, name, strlen(name));
}

/* RFC 9525 6.3. */
static void test_host_names(void **state)
{
    (void)state;
    static const struct {
        const char *name, *host;
        bool fits;
    } cases[] = {
        {"api.example.com", "api.example.com", true},
        {"API.example.com", "api.EXAMPLE.com", true},
        {"api.example.com", "api.example.com.", true},
        {"*.example.com", "api.example.com", true},
        {"*.example.com", "example.com", false},
        {"*.example.com", "a.b.example.com", false},
        {"*.example.com", ".example.com", false},
        {"a*.example.com", "api.example.com", false},
        {"*", "api", false},
        {"api.example.com", "api.example.org", false},
        {"api.example.com", "", false},
    };
    static struct certificate certificate;
    for (uint32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        name_set(&certificate, cases[i].name);
        assert_int_equal(certificate_matches_host(&certificate, span_from_text(cases[i].host)), cases[i].fits);
    }
}

static void test_a_chain_is_read_once(void **state)
{
    (void)state;
    struct arena *arena = arena_new_growing();
    struct certificate_cache *cache;
    assert_int_equal(certificate_cache_new(&cache, arena, 2), 0);
    struct certificate_files files = {0};
    certificate_files_add(&files, "svid");
    certificate_files_add(&files, "intermediate");
    struct certificate_cache_key key = {1, 0}, later = {2, 0};
    struct certificate_entry *one = certificate_cache_take(cache, NULL, key, &files.chain, SECOND);
    struct certificate_entry *again = certificate_cache_take(cache, NULL, key, &files.chain, 2 * SECOND);
    assert_non_null(one);
    assert_ptr_equal(one, again);
    assert_int_equal(one->count, 2);
    assert_int_equal(one->first_ns, SECOND);
    assert_int_equal(one->last_ns, 2 * SECOND);
    assert_true(one->readable && (one->certificate.flags & CERTIFICATE_SVID));
    assert_true(span_equal(certificate_name_text(&one->certificate, one->certificate.identity),
                           SPAN_LITERAL("spiffe://example.test/payments/api")));
    assert_int_equal(certificate_cache_counts(cache)->reads, 1);
    struct certificate_entry *other = certificate_cache_take(cache, NULL, later, &files.chain, 3 * SECOND);
    assert_ptr_not_equal(other, one);
    files.chain.count = 1; /* another chain: no room, all are in use */
    assert_null(certificate_cache_take(cache, NULL, key, &files.chain, 3 * SECOND));
    assert_int_equal(certificate_cache_counts(cache)->full, 1);
    certificate_cache_give(one);
    certificate_cache_give(again);
    assert_ptr_equal(certificate_cache_take(cache, NULL, key, &files.chain, 3 * SECOND), one);
    files.chain.count = 2;
    assert_true(certificate_entry_fold(other, 7));
    assert_false(certificate_entry_fold(other, 7));
    assert_true(certificate_entry_fold(other, 8));
    certificate_files_deinit(&files);
    arena_free(arena);
}

static void test_hostile_chains_cost_a_counter(void **state)
{
    (void)state;
    struct arena *arena = arena_new_growing();
    struct certificate_cache *cache;
    assert_int_equal(certificate_cache_new(&cache, arena, 64), 0);
    uint32_t number = 0;
    struct certificate_chain chain = {.count = 1, .certificates = {span_of(&number, sizeof(number))}};
    uint32_t read = 0;
    for (; number < 1000; number++) {
        struct certificate_entry *entry =
            certificate_cache_take(cache, NULL, (struct certificate_cache_key){1, 0}, &chain, SECOND);
        if (!entry)
            continue;
        read++;
        assert_false(entry->readable);
        certificate_cache_give(entry);
    }
    assert_int_equal(read, CERTIFICATE_READS_BURST);
    assert_int_equal(certificate_cache_counts(cache)->refused, 1000 - CERTIFICATE_READS_BURST);
    assert_int_equal(certificate_cache_counts(cache)->malformed, CERTIFICATE_READS_BURST);
    read = 0;
    for (; number < 2000; number++)
        read += certificate_cache_take(cache, NULL, (struct certificate_cache_key){1, 0}, &chain, 2 * SECOND) != NULL;
    assert_int_equal(read, CERTIFICATE_READS_PER_SECOND);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spiffe_ids),
        cmocka_unit_test(test_spiffe_lengths_and_parts),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_host_names),
        cmocka_unit_test(test_a_chain_is_read_once),
        cmocka_unit_test(test_hostile_chains_cost_a_counter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
