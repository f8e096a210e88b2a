/* SPDX-License-Identifier: Apache-2.0 */

/* detect: the shipped detectors, the scan, what surrounds a value, overlaps, masks, digests, mistakes in settings. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "detect/detect_scan.h"
#include "detect_texts.h"

#define HITS_MAX 256
#define TEXT_MAX 4096

struct fixture {
    struct detector_file *file; /* all enabled */
    struct detect_set *set;
    struct detect_scratch *scratch;
    struct digest_key key;
    struct diagnostics diagnostics;
    struct detect_hit hits[HITS_MAX];
    uint32_t count;
};

static struct detector_file *load_rules(struct diagnostics *diagnostics)
{
    char path[4096];
    struct detector_file *file = NULL;
    snprintf(path, sizeof(path), "%s/rules/detectors.yaml", getenv("ASSAY_SOURCE"));
    if (detector_file_load(path, diagnostics, &file))
        diagnostics_print(diagnostics, stderr);
    assert_non_null(file);
    for (uint32_t i = 0; i < file->count; i++)
        file->settings[i].disabled = false;
    return file;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    diagnostics_init(&fixture->diagnostics);
    fixture->file = load_rules(&fixture->diagnostics);
    fixture->set = detect_set_new(&(struct detect_set_source){.settings = fixture->file->settings,
                                                              .count = fixture->file->count,
                                                              .file = "rules"},
                                  &fixture->diagnostics);
    diagnostics_print(&fixture->diagnostics, stderr);
    assert_non_null(fixture->set);
    assert_int_equal(digest_key_init_random(&fixture->key), 0);
    fixture->scratch = detect_scratch_new(fixture->set, &fixture->key);
    assert_non_null(fixture->scratch);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    detect_scratch_free(fixture->scratch);
    detect_set_free(fixture->set);
    detector_file_free(fixture->file);
    diagnostics_deinit(&fixture->diagnostics);
    free(fixture);
    return 0;
}

static void scan_named(struct fixture *fixture, const char *text, const char *context)
{
    struct detect_text view = detect_text_whole(text, (uint32_t)strlen(text), span_from_text(context));
    fixture->count = detect_scan(fixture->set, fixture->scratch, &view, fixture->hits, HITS_MAX);
}

/* The hit of that detector, or NULL. */
static const struct detect_hit *find_hit(struct fixture *fixture, const char *text, const char *context, const char *id)
{
    uint32_t wanted = detect_set_find(fixture->set, id);
    scan_named(fixture, text, context);
    for (uint32_t i = 0; i < fixture->count; i++)
        if (fixture->hits[i].detector == wanted)
            return &fixture->hits[i];
    return NULL;
}

static void all_samples_are_judged_right(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(fixture->file->count, 60);
    assert_int_equal(detect_set_count(fixture->set), 60);
    for (uint32_t i = 0; i < fixture->file->count; i++) {
        const struct detector_setting *setting = &fixture->file->settings[i];
        assert_non_null(find_hit(fixture, setting->found[0], setting->sample_context, setting->id));
        assert_null(find_hit(fixture, setting->ignored[0], setting->sample_context, setting->id));
        assert_string_equal(detect_set_detector(fixture->set, i)->id, setting->id);
    }
    assert_int_equal(fixture->diagnostics.warnings, 0); /* no shipped pattern is too slow */
}

static void places_are_exact(void **state)
{
    struct fixture *fixture = *state;
    const struct detect_hit *hit = find_hit(fixture, "{\"pan\":\"4111-1111-1111-1111\"}", NULL, "D01");
    assert_non_null(hit);
    assert_int_equal(hit->offset, 8);
    assert_int_equal(hit->size, 19);
    hit = find_hit(fixture, "a=1&password=hunter2go&b=2", NULL, "D57");
    assert_non_null(hit);
    assert_int_equal(hit->offset, 13);
    assert_int_equal(hit->size, 9);
    hit = find_hit(fixture, "mail jane.doe@example.com now", NULL, "D39");
    assert_non_null(hit);
    assert_int_equal(hit->offset, 5);
    assert_int_equal(hit->size, 20);
    hit = find_hit(fixture, "qty 2 4111111111111111 end", NULL, "D01");
    assert_non_null(hit);
    assert_int_equal(hit->offset, 6);
    assert_int_equal(hit->size, 16);
}

static void test_numbers_are_marked(void **state)
{
    struct fixture *fixture = *state;
    const struct detect_hit *hit = find_hit(fixture, "4111111111111111", NULL, "D01");
    assert_non_null(hit);
    assert_int_equal(hit->flags & DETECT_TEST_NUMBER, DETECT_TEST_NUMBER);
    hit = find_hit(fixture, "4539148803436467", NULL, "D01");
    assert_non_null(hit);
    assert_int_equal(hit->flags & DETECT_TEST_NUMBER, 0);
}

static void neighbours_make_it_no_number(void **state)
{
    struct fixture *fixture = *state;
    static const char *const none[] = {
        "0.4111111111111111", "4111111111111111.5", "550e8400-e29b-41d4-a716-4111111111111111",
        "94111111111111111",  "x4111111111111111",  "4111111111111111-e29b4",
        "4111111111111111_1"};
    for (size_t i = 0; i < ARRAY_COUNT(none); i++)
        if (find_hit(fixture, none[i], "card", "D01"))
            fail_msg("found in %s", none[i]);
    assert_non_null(find_hit(fixture, "card-4111111111111111", NULL, "D01"));
    assert_non_null(find_hit(fixture, "paid with 4111111111111111.", NULL, "D01"));
}

/* 2341 2341 2346 is a number that could have been given out; so many of the random groups of ids look like one. */
static void groups_of_a_uuid_are_no_number(void **state)
{
    struct fixture *fixture = *state;
    static const char *const uuids[] = {"23412341-2346-4875-8875-417592846153", "e7a1b0c2-2341-2341-2346-417592846153",
                                        "id-23412341-2346-4875-8875-417592846153",
                                        "/v1/23412341-2346-4875-8875-417592846153/x"};
    for (size_t i = 0; i < ARRAY_COUNT(uuids); i++)
        if (find_hit(fixture, uuids[i], NULL, "D18"))
            fail_msg("found in %s", uuids[i]);
    assert_non_null(find_hit(fixture, "23412341-2346", NULL, "D18"));
    assert_non_null(find_hit(fixture, "23412341-2346-4875-8875-4175928461530", NULL, "D18"));
}

/* A keyword counts from a name, and within 64 bytes on either side, as a part of a name. */
static void keywords_are_looked_for_near(void **state)
{
    struct fixture *fixture = *state;
    char text[256];
    for (int gap = 60; gap <= 68; gap++) {
        snprintf(text, sizeof(text), "routing%*s021000021", gap, "");
        bool near = 7 + gap <= 64;
        assert_int_equal(find_hit(fixture, text, NULL, "D09") != NULL, near);
        snprintf(text, sizeof(text), "021000021%*srouting", gap, "");
        assert_int_equal(find_hit(fixture, text, NULL, "D09") != NULL, near);
    }
    assert_null(find_hit(fixture, "021000021", NULL, "D09"));
    assert_non_null(find_hit(fixture, "021000021", "x-routing-number", "D09"));
    assert_non_null(find_hit(fixture, "8.8.8.8", "clientIp", "D43"));
    assert_non_null(find_hit(fixture, "8.8.8.8", "ip_address", "D43"));
    assert_null(find_hit(fixture, "8.8.8.8", "shipping", "D43"));
    assert_non_null(find_hit(fixture, "{\"sortCode\":\"20-00-00\",\"account\":\"55779911\"}", NULL, "D10"));
    assert_non_null(find_hit(fixture, "sort_code 20-00-00 account 55779911", NULL, "D10"));
    assert_null(find_hit(fixture, "the sort 20-00-00 account 55779911", NULL, "D10"));
    assert_non_null(find_hit(fixture, "BIC: DEUTDEFF500", NULL, "D08"));
    assert_null(find_hit(fixture, "bicycle: DEUTDEFF500", NULL, "D08"));
    assert_null(find_hit(fixture, "536904399", NULL, "D12"));
}

static void confidence_follows_the_evidence(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(find_hit(fixture, "4111111111111111", NULL, "D01")->confidence, DETECTION_MEDIUM);
    assert_int_equal(find_hit(fixture, "card 4111111111111111", NULL, "D01")->confidence, DETECTION_HIGH);
    assert_int_equal(find_hit(fixture, "4111111111111111", "cardNumber", "D01")->flags & DETECT_KEYWORD,
                     DETECT_KEYWORD);
    assert_int_equal(find_hit(fixture, "\"cvv\":\"123\"", NULL, "D02")->confidence, DETECTION_MEDIUM);
    assert_int_equal(find_hit(fixture, "\"cvv\":\"123\",\"n\":\"4111111111111111\"", NULL, "D02")->confidence,
                     DETECTION_HIGH);
    assert_null(find_hit(fixture, "{\"lat\":48.85837,\"note\":\"no other half\"}", NULL, "D42"));
    assert_null(find_hit(fixture, "\"acid\":\"123\"", NULL, "D02"));
}

static void the_better_reading_wins(void **state)
{
    struct fixture *fixture = *state;
    /* Track data holds a card number; a JWT behind "access_token" is a secret, too. */
    scan_named(fixture, "card %B4111111111111111^DOE/JOHN^29121010000000000000? routing", NULL);
    assert_int_equal(fixture->count, 1);
    assert_int_equal(fixture->hits[0].detector, detect_set_find(fixture->set, "D03"));
    scan_named(fixture, "access_token=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", NULL);
    assert_int_equal(fixture->count, 1);
    assert_int_equal(fixture->hits[0].detector, detect_set_find(fixture->set, "D49"));
    /* 111222333 has the check digits of a BSN, a SIN has not; both need their word. */
    scan_named(fixture, "bsn 111222333 sin", NULL);
    assert_int_equal(fixture->count, 1);
    assert_int_equal(fixture->hits[0].detector, detect_set_find(fixture->set, "D22"));
}

static void hits_never_overlap(void **state)
{
    struct fixture *fixture = *state;
    char text[TEXT_MAX];
    uint64_t random = 1;
    for (int i = 0; i < 2000; i++) {
        struct detect_text view =
            detect_text_whole(text, text_make(fixture->file, &random, text, TEXT_MAX), span_from_text(NULL));
        uint32_t count = detect_scan(fixture->set, fixture->scratch, &view, fixture->hits, HITS_MAX);
        for (uint32_t k = 1; k < count; k++)
            assert_true(fixture->hits[k].offset >= fixture->hits[k - 1].offset + fixture->hits[k - 1].size);
    }
}

static void compare_hits(const struct detect_hit *left, uint32_t left_count, const struct detect_hit *right,
                         uint32_t right_count)
{
    assert_int_equal(left_count, right_count);
    for (uint32_t i = 0; i < left_count; i++) {
        assert_int_equal(left[i].offset, right[i].offset);
        assert_int_equal(left[i].size, right[i].size);
        assert_int_equal(left[i].detector, right[i].detector);
        assert_int_equal(left[i].confidence, right[i].confidence);
    }
}

#define PROBE_LINES 40u

/* Texts side by side: each in which a search of it alone finds something is named. */
static void a_probe_misses_no_line(void **state)
{
    struct fixture *fixture = *state;
    static char text[PROBE_LINES * (TEXT_MAX + 1)];
    uint64_t random = 11;
    uint32_t found = 0, named = 0;
    for (int round = 0; round < 150; round++) {
        uint32_t ends[PROBE_LINES], size = 0;
        bool maybe[PROBE_LINES];
        struct span name = span_from_text(round % 3 ? "client.ip" : NULL);
        for (uint32_t i = 0; i < PROBE_LINES; i++) {
            size += text_make(fixture->file, &random, text + size, 1 + text_draw(&random, TEXT_MAX));
            text[size++] = '\n';
            ends[i] = size;
        }
        detect_probe(fixture->set, fixture->scratch, &(struct detect_lines){(const uint8_t *)text, ends, PROBE_LINES},
                     maybe);
        for (uint32_t i = 0; i < PROBE_LINES; i++) {
            uint32_t begin = i ? ends[i - 1] : 0;
            struct detect_text line = detect_text_whole(text + begin, ends[i] - 1 - begin, name);
            uint32_t hits = detect_scan(fixture->set, fixture->scratch, &line, fixture->hits, HITS_MAX);
            assert_true(hits == 0 || maybe[i] || detect_name_counts(fixture->set, name));
            line.context = (struct span){0};
            hits = detect_scan(fixture->set, fixture->scratch, &line, fixture->hits, HITS_MAX);
            assert_true(hits == 0 || maybe[i]);
            found += hits > 0;
            named += maybe[i];
        }
    }
    print_message("%u lines with values, %u named, of %u\n", found, named, 150 * PROBE_LINES);
    assert_true(found > 500 && named < 150 * PROBE_LINES);
}

/* A pattern that asks for the edge of a text matches in none that is put between others. */
static void a_probe_says_maybe_where_patterns_ask_for_edges(void **state)
{
    (void)state;
    char *found[] = {(char[]){"key-12345"}}, *ignored[] = {(char[]){"key-1"}};
    struct detector_setting edge = {.id = (char[]){"EDGE1"},
                                    .name = (char[]){"edge"},
                                    .class = (char[]){"secret"},
                                    .pattern = (char[]){"key-[0-9]{5}$"},
                                    .candidate = DETECTOR_LITERAL,
                                    .found = found,
                                    .found_count = 1,
                                    .ignored = ignored,
                                    .ignored_count = 1,
                                    .line = 7};
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct detect_set *set =
        detect_set_new(&(struct detect_set_source){.settings = &edge, .count = 1, .file = "own.yaml"}, &diagnostics);
    diagnostics_print(&diagnostics, stderr);
    assert_non_null(set);
    static const uint8_t secret[DIGEST_KEY_SIZE];
    struct digest_key key;
    digest_key_init(&key, secret);
    struct detect_scratch *scratch = detect_scratch_new(set, &key);
    static const char text[] = "key-12345\nother text\n";
    const uint32_t ends[] = {10, 21};
    bool maybe[2] = {false, false};
    detect_probe(set, scratch, &(struct detect_lines){(const uint8_t *)text, ends, 2}, maybe);
    assert_true(maybe[0]);
    detect_scratch_free(scratch);
    detect_set_free(set);
    diagnostics_deinit(&diagnostics);
}

static void shapes_miss_nothing(void **state)
{
    struct fixture *fixture = *state;
    static struct detect_hit full[HITS_MAX];
    char text[TEXT_MAX];
    uint64_t random = 2;
    uint32_t found = 0;
    for (int i = 0; i < 5000; i++) {
        struct detect_text view = detect_text_whole(text, text_make(fixture->file, &random, text, TEXT_MAX),
                                                    span_from_text(i % 3 ? "ip" : NULL));
        uint32_t count = detect_scan(fixture->set, fixture->scratch, &view, fixture->hits, HITS_MAX);
        uint32_t full_count = detect_scan_full(fixture->set, fixture->scratch, &view, full, HITS_MAX);
        compare_hits(fixture->hits, count, full, full_count);
        found += count;
    }
    assert_true(found > 5000);
    assert_int_equal(detect_scratch_lost(fixture->scratch), 0);
}

/*
 * Against Hyperscan with every pattern unbound, over the whole text: what it finds, we find, or something that claims
 * the same bytes. (Not the other way round: it reports one start for an end, the tiers all of them.)
 */
static void tiers_miss_nothing_hyperscan_finds(void **state)
{
    struct fixture *fixture = *state;
    static struct detect_hit always[HITS_MAX];
    char text[TEXT_MAX];
    uint64_t random = 3;
    for (uint32_t i = 0; i < fixture->file->count; i++)
        fixture->file->settings[i].candidate = DETECTOR_ALWAYS;
    struct detect_set *set = detect_set_new(&(struct detect_set_source){.settings = fixture->file->settings,
                                                                        .count = fixture->file->count,
                                                                        .file = "rules"},
                                            &fixture->diagnostics);
    assert_non_null(set);
    struct detect_scratch *scratch = detect_scratch_new(set, &fixture->key);
    for (int i = 0; i < 3000; i++) {
        struct detect_text view =
            detect_text_whole(text, text_make(fixture->file, &random, text, TEXT_MAX), span_from_text(NULL));
        uint32_t count = detect_scan(fixture->set, fixture->scratch, &view, fixture->hits, HITS_MAX);
        uint32_t always_count = detect_scan(set, scratch, &view, always, HITS_MAX);
        uint32_t k = 0;
        for (uint32_t n = 0; n < always_count; n++) {
            while (k < count && fixture->hits[k].offset + fixture->hits[k].size <= always[n].offset)
                k++;
            assert_true(k < count && fixture->hits[k].offset < always[n].offset + always[n].size);
        }
    }
    detect_scratch_free(scratch);
    detect_set_free(set);
}

/* A long text in windows: each value once, where the whole text has it. */
static void windows_see_each_value_once(void **state)
{
    struct fixture *fixture = *state;
    static char text[65536];
    static struct detect_hit whole[HITS_MAX];
    uint64_t random = 4;
    for (int i = 0; i < 20; i++) {
        uint32_t size = 0, total = 0;
        while (size < 20000) { /* values whose context is their own, far enough apart for any order */
            size = text_append(text, size, sizeof(text), "\"card\": 4539148803436467, mail jane.doe@example.com; ");
            for (uint32_t fill = text_draw(&random, 400); fill > 0; fill--)
                text[size++] = "abcdef ,;"[text_draw(&random, 9)];
        }
        struct detect_text view = detect_text_whole(text, size, span_from_text(NULL));
        uint32_t count = detect_scan(fixture->set, fixture->scratch, &view, whole, HITS_MAX);
        uint32_t start = 0, window = 1500 + text_draw(&random, 4000), lookbehind = 0;
        for (bool final = false; !final;) {
            uint32_t part = min_u32(window, size - start);
            final = start + part == size;
            view = detect_text_window(text + start, part, lookbehind, final, span_from_text(NULL));
            uint32_t hits = detect_scan(fixture->set, fixture->scratch, &view, fixture->hits, HITS_MAX);
            for (uint32_t k = 0; k < hits; k++, total++) {
                assert_true(total < count);
                assert_int_equal(fixture->hits[k].offset + start, whole[total].offset);
                assert_int_equal(fixture->hits[k].confidence, whole[total].confidence);
            }
            start += part - DETECT_WINDOW_OVERLAP - DETECT_LOOKBEHIND;
            lookbehind = DETECT_LOOKBEHIND;
        }
        assert_int_equal(total, count);
    }
}

/* What may be shown, counted in characters of the value itself. */
static void masks_show_no_more_than_allowed(void **state)
{
    struct fixture *fixture = *state;
    char text[TEXT_MAX];
    uint64_t random = 5;
    for (int i = 0; i < 3000; i++) {
        uint32_t size = text_make(fixture->file, &random, text, TEXT_MAX);
        struct detect_text view = detect_text_whole(text, size, span_from_text("ssn"));
        uint32_t count = detect_scan(fixture->set, fixture->scratch, &view, fixture->hits, HITS_MAX);
        for (uint32_t k = 0; k < count; k++) {
            const struct detect_hit *hit = &fixture->hits[k];
            const struct detector_mask *rule = &fixture->file->settings[hit->detector].mask;
            uint32_t shown = 0;
            for (uint32_t n = 0; n < hit->mask_size; n++) {
                assert_true(isprint((unsigned char)hit->mask[n]));
                shown += hit->mask[n] != '*';
            }
            if (rule->show == DETECTOR_SHOW_NOTHING)
                assert_int_equal(hit->mask_size, 0);
            if (rule->show == DETECTOR_SHOW_ENDS)
                assert_true(shown <= (uint32_t)rule->first + rule->last && 3 * shown <= 2 * hit->size);
        }
    }
}

static void assert_mask(struct fixture *fixture, const char *text, const char *context, const char *id,
                        const char *mask)
{
    const struct detect_hit *hit = find_hit(fixture, text, context, id);
    assert_non_null(hit);
    if (hit->mask_size != strlen(mask) || memcmp(hit->mask, mask, hit->mask_size) != 0)
        fail_msg("%s is masked %.*s, not %s", text, hit->mask_size, hit->mask, mask);
}

static void masks_look_as_documented(void **state)
{
    struct fixture *fixture = *state;
    assert_mask(fixture, "4111 1111 1111 1111", NULL, "D01", "411111******1111");
    assert_mask(fixture, "\"cvv\":\"123\"", NULL, "D02", "");
    assert_mask(fixture, "GB82 WEST 1234 5698 7654 32", NULL, "D07", "GB****************5432");
    assert_mask(fixture, "DEUTDEFF500", "bic", "D08", "DEUTDEFF500");
    assert_mask(fixture, "jane.doe@example.com", NULL, "D39", "j***@example.com");
    assert_mask(fixture, "+14155552671", NULL, "D40", "1********71");
    assert_mask(fixture, "\"dob\":\"1980-02-29\"", NULL, "D41", "1980");
    assert_mask(fixture, "{\"lat\":48.85837,\"lon\":2.29448}", NULL, "D42", "48.8");
    assert_mask(fixture, "8.8.4.4", "ip", "D43", "8.8.4.0/24");
    assert_mask(fixture, "\"diagnosis\":\"F32.1\"", NULL, "D47", "F");
    assert_mask(fixture, "{\"resourceType\": \"Patient\"}", NULL, "D48", "Patient");
    assert_mask(fixture, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2ln", NULL, "D49", "HS256");
    assert_mask(fixture, "Basic dXNlcjpwYXNz", NULL, "D58", "user");
    assert_mask(fixture, "password=hunter2go", NULL, "D57", "");
}

/* RFC 4231 test cases 1 and 2, keys padded with zeros as HMAC pads them. */
static void digest_is_hmac_sha256(void **state)
{
    (void)state;
    static const uint8_t first[16] = {0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53,
                                      0x5c, 0xa8, 0xaf, 0xce, 0xaf, 0x0b, 0xf1, 0x2b};
    static const uint8_t second[16] = {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e,
                                       0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7};
    uint8_t secret[DIGEST_KEY_SIZE] = {0}, digest[DIGEST_SIZE];
    struct digest_key key, zero;
    memset(secret, 0x0b, 20);
    digest_key_init(&key, secret);
    digest_value(&key, span_from_text("Hi There"), digest);
    assert_memory_equal(digest, first, 16);
    memset(secret, 0, sizeof(secret));
    memcpy(secret, "Jefe", 4);
    digest_key_init(&key, secret);
    digest_value(&key, span_from_text("what do ya want for nothing?"), digest);
    assert_memory_equal(digest, second, 16);
    digest_key_deinit(&key);
    memset(&zero, 0, sizeof(zero));
    assert_memory_equal(&key, &zero, sizeof(key));
}

static void digests_know_a_value_again(void **state)
{
    struct fixture *fixture = *state;
    uint8_t first[DIGEST_SIZE], none[DIGEST_SIZE] = {0};
    memcpy(first, find_hit(fixture, "4111 1111 1111 1111", NULL, "D01")->digest, DIGEST_SIZE);
    assert_memory_equal(first, find_hit(fixture, "4111-1111-1111-1111", NULL, "D01")->digest, DIGEST_SIZE);
    assert_memory_not_equal(first, find_hit(fixture, "4539148803436467", NULL, "D01")->digest, DIGEST_SIZE);
    assert_memory_equal(none, find_hit(fixture, "\"cvv\":\"123\"", NULL, "D02")->digest, DIGEST_SIZE);
    memcpy(first, find_hit(fixture, "Jane.Doe@Example.com", NULL, "D39")->digest, DIGEST_SIZE);
    assert_memory_equal(first, find_hit(fixture, "jane.doe@example.com", NULL, "D39")->digest, DIGEST_SIZE);
}

/* The text ends where memory does. */
static void reads_nothing_beyond_the_text(void **state)
{
    struct fixture *fixture = *state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    assert_int_equal(mprotect(memory, page, PROT_NONE), 0);
    assert_int_equal(mprotect(memory + 2 * page, page, PROT_NONE), 0);
    char text[TEXT_MAX];
    uint64_t random = 6;
    for (int i = 0; i < 2000; i++) {
        uint32_t size = text_make(fixture->file, &random, text, 1 + text_draw(&random, i % 4 < 2 ? 80 : TEXT_MAX - 1));
        char *start = i % 2 ? memory + page : memory + 2 * page - size;
        memcpy(start, text, size);
        struct detect_text view = detect_text_whole(start, size, span_from_text(NULL));
        detect_scan(fixture->set, fixture->scratch, &view, fixture->hits, HITS_MAX);
    }
    munmap(memory, 3 * page);
}

static void hostile_floods_are_bounded_and_counted(void **state)
{
    struct fixture *fixture = *state;
    static const char *const units[] = {"2 ", "<",         "@",   "+1", "a@b.cc ", "4111111111111111 ",
                                        "A1", "password=", "eyJ", "0"};
    static char text[65536];
    for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
        uint32_t size = 0;
        while (size + 20 < sizeof(text))
            size = text_append(text, size, sizeof(text), units[i]);
        struct detect_text view = detect_text_whole(text, size, span_from_text(NULL));
        uint32_t count = detect_scan(fixture->set, fixture->scratch, &view, fixture->hits, HITS_MAX);
        assert_true(count <= HITS_MAX);
    }
    assert_true(detect_scratch_lost(fixture->scratch) > 0);
}

static void expect_mistake_in(const struct detect_set_source *source, const char *words)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    assert_null(detect_set_new(source, &diagnostics));
    assert_true(diagnostics.errors > 0);
    assert_string_equal(diagnostics.entries[0].file, "own.yaml");
    assert_int_equal(diagnostics.entries[0].line, 7);
    if (!strstr(diagnostics.entries[0].message, words))
        fail_msg("'%s' does not say '%s'", diagnostics.entries[0].message, words);
    diagnostics_deinit(&diagnostics);
}

/* Whether patterns are graded or not. */
static void expect_mistake(struct detector_setting *setting, const char *words)
{
    struct detect_set_source source = {.settings = setting, .count = 1, .file = "own.yaml"};
    expect_mistake_in(&source, words);
    source.ungraded = true;
    expect_mistake_in(&source, words);
}

static void mistakes_are_told_with_their_place(void **state)
{
    (void)state;
    char *found[] = {(char[]){"AB-1234567"}}, *ignored[] = {(char[]){"AB-12"}}, *words[] = {(char[]){"badge"}};
    struct detector_setting right = {.id = (char[]){"X1"},
                                     .name = (char[]){"Badge"},
                                     .class = (char[]){"PII"},
                                     .pattern = (char[]){"\\bAB-\\d{7}\\b"},
                                     .candidate = DETECTOR_LITERAL,
                                     .keywords = words,
                                     .keyword_count = 1,
                                     .found = found,
                                     .found_count = 1,
                                     .ignored = ignored,
                                     .ignored_count = 1,
                                     .line = 7,
                                     .column = 5};
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct detect_set *set =
        detect_set_new(&(struct detect_set_source){.settings = &right, .count = 1, .file = "own.yaml"}, &diagnostics);
    assert_non_null(set);
    detect_set_free(set);
    diagnostics_deinit(&diagnostics);

    struct detector_setting wrong = right;
    wrong.validator = (char[]){"lune"};
    expect_mistake(&wrong, "no validator 'lune'");
    wrong = right;
    wrong.pattern = (char[]){"AB(\\d"};
    expect_mistake(&wrong, "does not compile");
    wrong = right;
    wrong.found_count = 0;
    expect_mistake(&wrong, "no samples");
    wrong = right;
    wrong.ignored = found;
    expect_mistake(&wrong, "is found, although");
    wrong = right;
    wrong.candidate = DETECTOR_AT;
    expect_mistake(&wrong, "is not found");
    wrong = right;
    wrong.candidate = DETECTOR_KEYWORD;
    expect_mistake(&wrong, "keyword_required");
    wrong = right;
    wrong.candidate = DETECTOR_DIGITS;
    wrong.pattern = (char[]){"AB-\\d{7}\\b"};
    expect_mistake(&wrong, "begins with \\b");
}

static void slow_patterns_are_named(void **state)
{
    (void)state;
    char *found[] = {(char[]){"one, two, three"}}, *ignored[] = {(char[]){"no"}};
    struct detector_setting slow = {.id = (char[]){"SLOW1"},
                                    .name = (char[]){"Three words"},
                                    .class = (char[]){"secret"},
                                    .pattern = (char[]){"[a-z]{3,30}[^a-z]{1,9}[a-z]{3,30}[^a-z]{1,9}[a-z]{3,30}"},
                                    .caseless = true,
                                    .candidate = DETECTOR_ALWAYS,
                                    .found = found,
                                    .found_count = 1,
                                    .ignored = ignored,
                                    .ignored_count = 1,
                                    .line = 7};
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct detect_set *set =
        detect_set_new(&(struct detect_set_source){.settings = &slow, .count = 1, .file = "own.yaml"}, &diagnostics);
    diagnostics_print(&diagnostics, stderr);
    assert_non_null(set);
    assert_int_equal(diagnostics.warnings, 1);
    assert_non_null(strstr(diagnostics.entries[0].message, "SLOW1"));
    assert_non_null(strstr(diagnostics.entries[0].message, "cycles a byte"));

    /* The same pattern in the next set is not measured again, and named as well; another one is measured. */
    struct detect_set *same = detect_set_new(
        &(struct detect_set_source){.settings = &slow, .count = 1, .file = "own.yaml", .previous = set}, &diagnostics);
    assert_non_null(same);
    assert_int_equal(diagnostics.warnings, 2);
    assert_string_equal(diagnostics.entries[1].message, diagnostics.entries[0].message);
    slow.pattern = (char[]){"one, two, three"};
    struct detect_set *quick = detect_set_new(
        &(struct detect_set_source){.settings = &slow, .count = 1, .file = "own.yaml", .previous = same}, &diagnostics);
    assert_non_null(quick);
    assert_int_equal(diagnostics.warnings, 2);
    detect_set_free(quick);
    detect_set_free(same);
    detect_set_free(set);
    diagnostics_deinit(&diagnostics);
}

/* Each detector's sample has to be found as its own before a set is given out. */
static void as_many_detectors_as_allowed_are_told_apart(void **state)
{
    (void)state;
    static struct detector_setting settings[DETECTORS_MAX];
    static char texts[DETECTORS_MAX][4][24], *samples[DETECTORS_MAX][2], class[] = "secret";
    for (uint32_t i = 0; i < DETECTORS_MAX; i++) {
        snprintf(texts[i][0], sizeof(texts[i][0]), "K%u", i);
        snprintf(texts[i][1], sizeof(texts[i][1]), "svc%04u_[0-9]{4}", i);
        snprintf(texts[i][2], sizeof(texts[i][2]), "svc%04u_1234", i);
        snprintf(texts[i][3], sizeof(texts[i][3]), "svc%04u_", i);
        samples[i][0] = texts[i][2];
        samples[i][1] = texts[i][3];
        settings[i] = (struct detector_setting){.id = texts[i][0],
                                                .name = texts[i][0],
                                                .class = class,
                                                .pattern = texts[i][1],
                                                .candidate = DETECTOR_LITERAL,
                                                .found = &samples[i][0],
                                                .found_count = 1,
                                                .ignored = &samples[i][1],
                                                .ignored_count = 1};
    }
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct detect_set *set = detect_set_new(
        &(struct detect_set_source){.settings = settings, .count = DETECTORS_MAX, .file = "own.yaml"}, &diagnostics);
    diagnostics_print(&diagnostics, stderr);
    assert_non_null(set);
    assert_int_equal(detect_set_find(set, "K1023"), 1023);
    detect_set_free(set);
    diagnostics_deinit(&diagnostics);
}

#define WITH_SET(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SET(all_samples_are_judged_right),
        WITH_SET(places_are_exact),
        WITH_SET(test_numbers_are_marked),
        WITH_SET(neighbours_make_it_no_number),
        WITH_SET(groups_of_a_uuid_are_no_number),
        WITH_SET(keywords_are_looked_for_near),
        WITH_SET(confidence_follows_the_evidence),
        WITH_SET(the_better_reading_wins),
        WITH_SET(hits_never_overlap),
        WITH_SET(shapes_miss_nothing),
        WITH_SET(tiers_miss_nothing_hyperscan_finds),
        WITH_SET(windows_see_each_value_once),
        WITH_SET(a_probe_misses_no_line),
        cmocka_unit_test(a_probe_says_maybe_where_patterns_ask_for_edges),
        WITH_SET(masks_show_no_more_than_allowed),
        WITH_SET(masks_look_as_documented),
        cmocka_unit_test(digest_is_hmac_sha256),
        WITH_SET(digests_know_a_value_again),
        WITH_SET(reads_nothing_beyond_the_text),
        WITH_SET(hostile_floods_are_bounded_and_counted),
        cmocka_unit_test(mistakes_are_told_with_their_place),
        cmocka_unit_test(slow_patterns_are_named),
        cmocka_unit_test(as_many_detectors_as_allowed_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
