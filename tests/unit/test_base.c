/* SPDX-License-Identifier: Apache-2.0 */

/* base: arena, pool, keyed hash, diagnostics, JSON writer, ledger, base64, hex. */

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/diagnostics.h"
#include "base/hash.h"
#include "base/hex.h"
#include "base/json_writer.h"
#include "base/ledger.h"
#include "base/pool.h"
#include "base/stage.h"

static void arena_hands_out_aligned_zeroed_memory_until_full(void **state)
{
    (void)state;
    struct arena *arena = arena_new(4096);
    assert_non_null(arena);
    uint8_t *first = arena_take(arena, 3, 1);
    uint64_t *second = arena_take(arena, 8, 64);
    assert_non_null(first);
    assert_int_equal((uintptr_t)second % 64, 0);
    assert_int_equal(*second, 0);
    assert_null(arena_take(arena, 8192, 8));
    assert_non_null(arena_take(arena, 100, 8));
    arena_free(arena);
}

static void growing_arena_takes_more_than_a_block(void **state)
{
    (void)state;
    struct arena *arena = arena_new_growing();
    for (int i = 0; i < 100; i++) {
        char *text = arena_copy_text(arena, "0123456789", 10);
        assert_string_equal(text, "0123456789");
        memset(arena_take(arena, 100000, 16), 1, 100000);
    }
    arena_free(arena);
}

static void pool_gives_back_what_it_took(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 16);
    struct pool pool;
    assert_int_equal(pool_init(&pool, arena, 100, 3), 0);
    void *a = pool_take(&pool), *b = pool_take(&pool), *c = pool_take(&pool);
    assert_non_null(c);
    assert_int_equal((uintptr_t)b % CACHE_LINE, 0);
    assert_null(pool_take(&pool));
    pool_give(&pool, a);
    assert_ptr_equal(pool_take(&pool), a);
    assert_int_equal(pool.used_count, 3);
    struct pool too_large;
    assert_int_not_equal(pool_init(&too_large, arena, 100, 100000), 0);
    arena_free(arena);
}

static void hash_depends_on_key_and_every_byte(void **state)
{
    (void)state;
    struct hash_key key = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)}, other = key;
    other.k1++;
    uint8_t text[40];
    for (uint8_t i = 0; i < sizeof(text); i++)
        text[i] = i;
    for (size_t size = 1; size <= sizeof(text); size++) {
        uint64_t hash = hash_bytes(&key, text, size);
        assert_int_equal(hash, hash_bytes(&key, text, size));
        assert_true(hash != hash_bytes(&other, text, size));
        assert_true(hash != hash_bytes(&key, text, size - 1));
        for (size_t i = 0; i < size; i++) {
            text[i] ^= 0x80;
            assert_true(hash != hash_bytes(&key, text, size));
            text[i] ^= 0x80;
        }
    }
    struct hash_key drawn = {0}, again = {0};
    assert_int_equal(hash_key_init(&drawn), 0);
    assert_int_equal(hash_key_init(&again), 0);
    assert_memory_not_equal(&drawn, &again, sizeof(drawn));
}

static void diagnostics_print_as_compilers_do(void **state)
{
    (void)state;
    struct diagnostics list;
    diagnostics_init(&list);
    struct diagnostic_place place = {.file = "rules/http.yaml", .line = 3, .column = 7};
    diagnostics_add(&list, DIAGNOSTIC_ERROR, &place, "unknown key '%s'", "sevrity");
    diagnostics_add(&list, DIAGNOSTIC_WARNING, NULL, "no huge pages");
    for (int i = 0; i < DIAGNOSTICS_MAX + 10; i++)
        diagnostics_add(&list, DIAGNOSTIC_ERROR, &place, "x");
    assert_int_equal(list.errors, DIAGNOSTICS_MAX + 11);
    assert_int_equal(list.count, DIAGNOSTICS_MAX);
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    diagnostics_print(&list, stream);
    fclose(stream);
    const char *first = "error: rules/http.yaml:3:7: unknown key 'sevrity'\nwarning: no huge pages\n";
    assert_memory_equal(text, first, strlen(first));
    assert_non_null(strstr(text, "12 more"));
    free(text);
    diagnostics_deinit(&list);
}

/* Wherever in a text of any length a byte stands, it is written as RFC 8259 section 7 wants it. */
static void json_writer_escapes_in_every_place(void **state)
{
    (void)state;
    for (uint32_t size = 1; size <= 40; size++)
        for (uint32_t at = 0; at < size; at++)
            for (uint32_t c = 0; c < 0x80; c++) {
                char text[48], buffer[96], wanted[96], escape[8];
                memset(text, 'a', sizeof(text));
                text[at] = (char)c;
                if (c == '"' || c == '\\')
                    snprintf(escape, sizeof(escape), "\\%c", (char)c);
                else if (c == '\b' || c == '\t' || c == '\n' || c == '\f' || c == '\r')
                    snprintf(escape, sizeof(escape), "\\%c", "btn?fr"[c - '\b']);
                else if (c < 0x20)
                    snprintf(escape, sizeof(escape), "\\u%04x", c);
                else
                    snprintf(escape, sizeof(escape), "%c", (char)c);
                snprintf(wanted, sizeof(wanted), "\"%.*s%s%.*s\"", (int)at, text, escape, (int)(size - at - 1),
                         text + at + 1);
                struct json_writer w;
                json_writer_init(&w, buffer, sizeof(buffer));
                json_write_string(&w, span_of(text, size));
                if (c == 0x7f) /* plain or escaped, both are allowed */
                    continue;
                assert_int_equal(w.size, strlen(wanted));
                assert_memory_equal(buffer, wanted, w.size);
            }
}

static void json_writer_writes_valid_json(void **state)
{
    (void)state;
    char buffer[512];
    struct json_writer w;
    json_writer_init(&w, buffer, sizeof(buffer));
    json_write_object_begin(&w);
    json_write_key(&w, "a\"b");
    json_write_string(&w, SPAN_LITERAL("x\n\x01\xff\xc3\xa9\xed\xa0\x80"));
    json_write_key(&w, "list");
    json_write_array_begin(&w);
    json_write_unsigned(&w, UINT64_MAX);
    json_write_signed(&w, -1);
    json_write_boolean(&w, true);
    json_write_null(&w);
    json_write_object_begin(&w);
    json_write_object_end(&w);
    json_write_array_end(&w);
    json_write_key(&w, "t");
    json_write_time(&w, UINT64_C(4102444800000000001)); /* 2100-01-01: beyond 2038 */
    json_write_object_end(&w);
    assert_false(w.overflow);
    const char *expected = "{\"a\\\"b\":\"x\\n\\u0001\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\","
                           "\"list\":[18446744073709551615,-1,true,null,{}],\"t\":\"2100-01-01T00:00:00.000000001Z\"}";
    assert_int_equal(w.size, strlen(expected));
    assert_memory_equal(buffer, expected, w.size);
    json_writer_init(&w, buffer, 3);
    json_write_text(&w, "long");
    assert_true(w.overflow);
}

static void ledger_balances_only_when_everything_is_settled_once(void **state)
{
    (void)state;
    struct ledger ledger = {0}, copy;
    ledger_receive(&ledger, 2, 300);
    assert_true(ledger_balanced(&ledger));
    ledger_settle(&ledger, LEDGER_AUDITED, 1, 100);
    ledger_settle(&ledger, LEDGER_NOT_IP, 1, 200);
    ledger_transaction_open(&ledger);
    assert_true(ledger_balanced(&ledger));
    assert_int_equal(ledger.pending.packets, 0);
    ledger_read(&ledger, &copy);
    ledger_add(&copy, &ledger);
    assert_int_equal(copy.received.bytes, 600);
    ledger.settled[LEDGER_DUPLICATE].bytes++;
    assert_false(ledger_balanced(&ledger));
    for (int i = 0; i < LEDGER_REASON_COUNT; i++)
        assert_non_null(ledger_reason_help((enum ledger_reason)i));
}

/* Word by word and byte by byte are the same, for every byte at every place of every size. */
static void case_is_that_of_ascii_letters_only(void **state)
{
    (void)state;
    uint8_t a[20], b[20];
    for (uint32_t size = 0; size <= sizeof(a); size++)
        for (uint32_t at = 0; at < size; at++)
            for (uint32_t pair = 0; pair < 256 * 256; pair += size < 12 ? 1 : 7) {
                memset(a, 'x', sizeof(a));
                memset(b, 'X', sizeof(b));
                a[at] = (uint8_t)pair;
                b[at] = (uint8_t)(pair >> 8);
                bool same = tolower(a[at]) == tolower(b[at]); /* of the C locale */
                if (span_equal_nocase(span_of(a, size), span_of(b, size)) != same)
                    fail_msg("size %u, place %u, bytes %02x and %02x", size, at, a[at], b[at]);
            }
    assert_true(span_equal_nocase((struct span){0}, (struct span){0}));
}

static void stages_that_lie_in_each_other_share_nothing(void **state)
{
    (void)state;
    struct stage_cycles stages = {0};
    uint64_t begin = __builtin_ia32_rdtsc();
    stage_change(&stages, STAGE_PARSE);
    for (int i = 0; i < 100; i++) {
        stage_change(&stages, STAGE_SCAN);
        stage_change(&stages, STAGE_PARSE);
    }
    stage_change(&stages, STAGE_IDLE);
    uint64_t end = __builtin_ia32_rdtsc();
    assert_int_equal(stages.cycles[STAGE_IDLE], 0); /* nothing before the first change, the last goes on */
    assert_true(stages.cycles[STAGE_PARSE] && stages.cycles[STAGE_SCAN]);
    assert_true(stages.cycles[STAGE_PARSE] + stages.cycles[STAGE_SCAN] <= end - begin);
    struct stage_cycles off = {0};
    stage_leave(&off, stage_enter(&off, STAGE_SCAN));
    assert_int_equal(off.entered[STAGE_SCAN], STAGE_CYCLES_ON);
    stage_leave(NULL, stage_enter(NULL, STAGE_SCAN));
    for (int stage = 0; stage < STAGE_COUNT; stage++)
        assert_string_not_equal(stage_name((enum stage)stage), "unknown");
}

/* RFC 4648 section 10. */
static void decodes_base64(void **state)
{
    (void)state;
    uint8_t bytes[16];
    assert_int_equal(base64_decode(span_from_text("Zm9vYmFy"), bytes, sizeof(bytes)), 6);
    assert_memory_equal(bytes, "foobar", 6);
    assert_int_equal(base64_decode(span_from_text("Zm9vYg=="), bytes, sizeof(bytes)), 4);
    assert_memory_equal(bytes, "foob", 4);
    assert_int_equal(base64_decode(span_from_text("Zm9vYmFy"), bytes, 2), 2);
}

static void base64url_takes_nothing_else(void **state)
{
    (void)state;
    uint8_t out[8];
    uint32_t size;
    assert_true(base64url_decode(SPAN_LITERAL("A-z_4ME"), out, sizeof(out), &size)); /* RFC 7515 appendix C */
    assert_int_equal(size, 5);
    assert_memory_equal(out, ((uint8_t[]){3, 236, 255, 224, 193}), 5);
    assert_false(base64url_decode(SPAN_LITERAL("A+z/4ME"), out, sizeof(out), &size));
    assert_false(base64url_decode(SPAN_LITERAL("A-z_4ME="), out, sizeof(out), &size));
    assert_false(base64url_decode(SPAN_LITERAL("A"), out, sizeof(out), &size));
    assert_false(base64url_decode(SPAN_LITERAL("A-z_4ME"), out, 4, &size));
    assert_true(base64url_decode((struct span){0}, out, 0, &size));
    assert_int_equal(size, 0);
}

static void hex_digits_are_lower_case(void **state)
{
    (void)state;
    char text[9] = "--------";
    assert_ptr_equal(hex_write((const uint8_t[]){0x00, 0x9a, 0xff}, 3, text), text + 6);
    assert_string_equal(text, "009aff--");
    assert_ptr_equal(hex_write(NULL, 0, text), text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_hands_out_aligned_zeroed_memory_until_full),
        cmocka_unit_test(growing_arena_takes_more_than_a_block),
        cmocka_unit_test(pool_gives_back_what_it_took),
        cmocka_unit_test(hash_depends_on_key_and_every_byte),
        cmocka_unit_test(diagnostics_print_as_compilers_do),
        cmocka_unit_test(json_writer_escapes_in_every_place),
        cmocka_unit_test(json_writer_writes_valid_json),
        cmocka_unit_test(ledger_balances_only_when_everything_is_settled_once),
        cmocka_unit_test(case_is_that_of_ascii_letters_only),
        cmocka_unit_test(decodes_base64),
        cmocka_unit_test(base64url_takes_nothing_else),
        cmocka_unit_test(hex_digits_are_lower_case),
        cmocka_unit_test(stages_that_lie_in_each_other_share_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
