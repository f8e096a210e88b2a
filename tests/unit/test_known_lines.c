/* SPDX-License-Identifier: Apache-2.0 */

/* Known lines: what is known of them is what a search of the whole head finds, in whatever company they come. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/known_lines.h"

#define HITS_MAX  256
#define LINES_MAX 1024u
#define HEAD_MAX  16u
#define FOUND     256u /* fewer than there are: some are pushed out */
#define LINE_SIZE 1024u

struct fixture {
    struct detector_file *file;
    struct detect_set *set;
    struct detect_scratch *scratch;
    struct arena *arena;
    struct known_lines *known;
    struct digest_key key;
    char (*lines)[LINE_SIZE];
    uint32_t line_count;
    uint64_t fresh, clean, found;
};

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void line_add(struct fixture *fixture, const char *name, const char *value)
{
    if (fixture->line_count == LINES_MAX || strlen(value) + strlen(name) + 4 > LINE_SIZE || strchr(value, '\n'))
        return;
    snprintf(fixture->lines[fixture->line_count++], LINE_SIZE, "%s: %s\n", name, value);
}

/* Every detector's own samples, under names with and without its keywords, and what heads are made of. */
static void lines_make(struct fixture *fixture)
{
    static const char *const plain[][2] = {
        {"Host", "api.shop.example"},
        {"Accept", "application/json"},
        {"X-Request-ID", "5560fb87-d886-41d5-a20f-faf230254c3f"},
        {"traceparent", "00-120ffaf230254c3f5560fb8731d5d886-476f017501f094b9-01"},
        {"Date", "Thu, 01 Jan 2026 00:00:33 GMT"},
        {"X-Lat", "52.520008"},
        {"X-Latitude", "52.520008"},
        {"X-Longitude", "13.404954"},
        {"X-Card", "4111111111111111"},
        {"cvv", "737"},
        {"X-Cvc", "123"},
        {"password", ""},
        {"X-Card-Number", ""},
        {"X-Key", "-----BEGIN PRIVATE KEY-----"},
        {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "x"},
        {"X-Digits", "4111 1111 1111"},
        {"1111", "1"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(plain); i++)
        line_add(fixture, plain[i][0], plain[i][1]);
    for (uint32_t i = 0; i < fixture->file->count; i++) {
        const struct detector_setting *setting = &fixture->file->settings[i];
        for (uint32_t k = 0; k < setting->found_count; k++) {
            line_add(fixture, "X-Value", setting->found[k]);
            line_add(fixture, setting->keyword_count ? setting->keywords[0] : "X-Other", setting->found[k]);
        }
    }
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct diagnostics diagnostics;
    char path[4096];
    snprintf(path, sizeof(path), "%s/rules/detectors.yaml", getenv("ASSAY_SOURCE"));
    diagnostics_init(&diagnostics);
    assert_int_equal(detector_file_load(path, &diagnostics, &fixture->file), 0);
    for (uint32_t i = 0; i < fixture->file->count; i++)
        fixture->file->settings[i].disabled = false;
    fixture->set = detect_set_new(&(struct detect_set_source){.settings = fixture->file->settings,
                                                              .count = fixture->file->count,
                                                              .file = "rules"},
                                  &diagnostics);
    assert_non_null(fixture->set);
    assert_int_equal(digest_key_init_random(&fixture->key), 0);
    fixture->scratch = detect_scratch_new(fixture->set, &fixture->key);
    assert_non_null(fixture->scratch);
    fixture->arena = arena_new(known_lines_size(FOUND) + 4096);
    struct hash_key key;
    assert_int_equal(hash_key_init(&key), 0);
    assert_int_equal(known_lines_new(&fixture->known, fixture->arena, &key, FOUND), 0);
    fixture->lines = calloc(LINES_MAX, LINE_SIZE);
    assert_non_null(fixture->lines);
    lines_make(fixture);
    diagnostics_deinit(&diagnostics);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    detect_scratch_free(fixture->scratch);
    detect_set_free(fixture->set);
    detector_file_free(fixture->file);
    arena_free(fixture->arena);
    free(fixture->lines);
    free(fixture);
    return 0;
}

struct head {
    uint32_t count;
    const char *lines[HEAD_MAX];
    uint32_t offsets[HEAD_MAX];
    char text[HEAD_MAX * LINE_SIZE];
    uint32_t size;
};

static void head_add(struct head *head, const char *line)
{
    head->offsets[head->count] = head->size;
    head->lines[head->count++] = line;
    memcpy(head->text + head->size, line, strlen(line));
    head->size += (uint32_t)strlen(line);
}

static uint32_t scan(struct fixture *fixture, const struct head *head, struct detect_hit *hits)
{
    struct detect_text text = detect_text_whole(head->text, head->size, (struct span){0});
    text.lines = true;
    return head->size ? detect_scan(fixture->set, fixture->scratch, &text, hits, HITS_MAX) : 0;
}

/* Searches only lines that are not known, keeps what may be kept. Returns the hits of the head. */
static uint32_t search(struct fixture *fixture, const struct head *head, struct detect_hit *hits)
{
    static struct head fresh;
    static struct detect_hit fresh_hits[HITS_MAX];
    struct text_id ids[HEAD_MAX];
    const struct known_line *found[HEAD_MAX];
    uint32_t places[HEAD_MAX], count = 0;
    fresh.count = fresh.size = 0;
    for (uint32_t i = 0; i < head->count; i++) {
        ids[i] = known_line_id(fixture->known, 7, span_from_text(head->lines[i]));
        places[i] = UINT32_MAX;
        bool clean = known_line_clean(fixture->known, ids[i]);
        found[i] = clean ? NULL : known_line_found(fixture->known, ids[i]);
        fixture->clean += clean;
        fixture->found += found[i] != NULL;
        fixture->fresh += !clean && !found[i];
        if (clean || found[i])
            continue;
        places[i] = fresh.count;
        head_add(&fresh, head->lines[i]);
    }
    uint32_t fresh_count = scan(fixture, &fresh, fresh_hits);
    bool apart = fresh.count && detect_scan_apart(fixture->scratch);
    for (uint32_t i = 0; i < head->count; i++) {
        if (found[i])
            for (uint32_t k = 0; k < found[i]->hit_count; k++) {
                hits[count] = found[i]->hits[k];
                hits[count++].offset += head->offsets[i];
            }
        if (places[i] == UINT32_MAX)
            continue;
        uint32_t begin = fresh.offsets[places[i]], end = begin + (uint32_t)strlen(head->lines[i]), own = 0, first = 0;
        for (uint32_t k = 0; k < fresh_count; k++) {
            if (fresh_hits[k].offset < begin || fresh_hits[k].offset >= end)
                continue;
            first = own++ ? first : k;
            hits[count] = fresh_hits[k];
            hits[count++].offset += head->offsets[i] - begin;
        }
        if (apart && own == 0)
            known_line_keep_clean(fixture->known, ids[i]);
        else if (apart && own <= KNOWN_LINE_HITS && !known_line_found(fixture->known, ids[i]))
            places[i] = first << 8 | own; /* kept behind the loop: found[] stays valid */
        else
            places[i] = UINT32_MAX;
        if (own == 0)
            places[i] = UINT32_MAX;
    }
    for (uint32_t i = 0; i < head->count; i++)
        if (places[i] != UINT32_MAX) {
            uint32_t base = 0;
            for (uint32_t k = 0; k < fresh.count; k++)
                base = fresh.lines[k] == head->lines[i] ? fresh.offsets[k] : base;
            known_line_keep_found(fixture->known, ids[i], fresh_hits + (places[i] >> 8), places[i] & 255, base);
        }
    return count;
}

static void check_head(struct fixture *fixture, const struct head *head)
{
    static struct detect_hit whole[HITS_MAX], hits[HITS_MAX];
    uint32_t count = search(fixture, head, hits);
    uint32_t expected = scan(fixture, head, whole);
    bool same = count == expected;
    for (uint32_t i = 0; i < count && same; i++)
        same = hits[i].offset == whole[i].offset && hits[i].size == whole[i].size &&
               hits[i].detector == whole[i].detector && hits[i].confidence == whole[i].confidence &&
               hits[i].flags == whole[i].flags && hits[i].mask_size == whole[i].mask_size &&
               memcmp(hits[i].mask, whole[i].mask, whole[i].mask_size) == 0 &&
               memcmp(hits[i].digest, whole[i].digest, sizeof(hits[i].digest)) == 0;
    if (!same)
        fail_msg("%u hits instead of %u in\n%.*s", count, expected, (int)head->size, head->text);
}

static void known_lines_give_what_a_search_gives(void **state)
{
    struct fixture *fixture = *state;
    assert_true(fixture->line_count > 100);
    uint32_t random = 20261120;
    static struct head head;
    for (uint32_t round = 0; round < 20000; round++) {
        /* From a part of the lines at a time, so that they come again. */
        uint32_t part = round / 500 * 37 % fixture->line_count;
        head.count = head.size = 0;
        for (uint32_t lines = 1 + next_random(&random) % 6; lines > 0; lines--)
            head_add(&head, fixture->lines[(part + next_random(&random) % 40) % fixture->line_count]);
        bool twice = false;
        for (uint32_t i = 0; i < head.count; i++)
            for (uint32_t k = 0; k < i; k++)
                twice |= head.lines[i] == head.lines[k];
        if (!twice)
            check_head(fixture, &head);
    }
    assert_true(fixture->clean > 1000 && fixture->found > 1000 && fixture->fresh > 1000);
}

static void lines_are_told_apart(void **state)
{
    struct fixture *fixture = *state;
    uint8_t line[KNOWN_LINE_MAX];
    memset(line, 'a', sizeof(line));
    struct text_id first = known_line_id(fixture->known, 1, span_of(line, 100));
    struct text_id again = known_line_id(fixture->known, 1, span_of(line, 100));
    assert_memory_equal(&first, &again, sizeof(first));
    again = known_line_id(fixture->known, 2, span_of(line, 100));
    assert_memory_not_equal(&first, &again, sizeof(first));
    /* Every length, and every bit of every byte of some, makes another line. */
    static struct text_id ids[KNOWN_LINE_MAX];
    for (uint32_t size = 1; size <= KNOWN_LINE_MAX; size++) {
        ids[size - 1] = known_line_id(fixture->known, 1, span_of(line, size));
        for (uint32_t other = size > 40 ? size - 40 : 0; other < size - 1; other++)
            assert_memory_not_equal(&ids[other], &ids[size - 1], sizeof(first));
    }
    static const uint32_t sizes[] = {1, 7, 8, 15, 16, 17, 31, 32, 33, 100, KNOWN_LINE_MAX};
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++)
        for (uint32_t bit = 0; bit < sizes[i] * 8; bit++) {
            line[bit / 8] ^= (uint8_t)(1u << bit % 8);
            struct text_id id = known_line_id(fixture->known, 1, span_of(line, sizes[i]));
            line[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_memory_not_equal(&id, &ids[sizes[i] - 1], sizeof(id));
        }
}

/* A thousand lines that never come again do not push out those that do. */
static void lines_that_never_come_again_push_out_no_other(void **state)
{
    struct fixture *fixture = *state;
    char line[64];
    struct text_id regular[64];
    for (uint32_t i = 0; i < ARRAY_COUNT(regular); i++) {
        int size = snprintf(line, sizeof(line), "regular %u\n", i);
        regular[i] = known_line_id(fixture->known, 3, span_of(line, (uint32_t)size));
        known_line_keep_clean(fixture->known, regular[i]);
        assert_true(known_line_clean(fixture->known, regular[i]));
    }
    uint32_t lost = 0;
    for (uint32_t i = 0; i < 100000; i++) {
        int size = snprintf(line, sizeof(line), "once %u\n", i);
        known_line_keep_clean(fixture->known, known_line_id(fixture->known, 3, span_of(line, (uint32_t)size)));
        if (i % 100 == 0)
            lost += !known_line_clean(fixture->known, regular[i / 100 % ARRAY_COUNT(regular)]);
    }
    assert_int_equal(lost, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_lines_give_what_a_search_gives),
        cmocka_unit_test(lines_are_told_apart),
        cmocka_unit_test(lines_that_never_come_again_push_out_no_other),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
