/* SPDX-License-Identifier: Apache-2.0 */

/* policy: lists of patterns match what at least one of them matches, as a plain matcher with backtracking says. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/pattern.h"

#define PATTERNS_MAX 12u
#define TEXT_MAX     10u

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* From few letters, so that much matches; often with a beginning that all have. */
static void text_make(uint32_t *state, const char *letters, const char *prefix, char text[TEXT_MAX + 1])
{
    size_t size = strlen(prefix);
    memcpy(text, prefix, size);
    for (uint32_t wanted = next_random(state) % 6; wanted > 0; wanted--)
        text[size++] = letters[next_random(state) % strlen(letters)];
    text[size] = '\0';
}

static void lists_match_what_one_of_their_patterns_matches(void **unused)
{
    (void)unused;
    static const char *const prefixes[] = {"", "/", "/a", "/ab/"};
    uint32_t state = 20261121, matched = 0;
    for (uint32_t round = 0; round < 20000; round++) {
        struct arena *arena = arena_new_growing();
        assert_non_null(arena);
        char texts[PATTERNS_MAX][TEXT_MAX + 1], text[TEXT_MAX + 1];
        struct pattern patterns[PATTERNS_MAX];
        struct pattern_list list;
        uint32_t count = next_random(&state) % PATTERNS_MAX;
        const char *prefix = prefixes[round % 4];
        for (uint32_t i = 0; i < count; i++) {
            text_make(&state, "ab/**", next_random(&state) % 8 ? prefix : "", texts[i]);
            while (!pattern_init(&patterns[i], span_of(texts[i], strlen(texts[i])))) /* too many stars */
                text_make(&state, "ab/", prefix, texts[i]);
        }
        assert_int_equal(pattern_list_init(&list, arena, patterns, count), 0);
        for (uint32_t i = 0; i < 20; i++) {
            text_make(&state, "ab/", i % 4 ? prefix : "", text);
            bool wanted = false;
            for (uint32_t k = 0; k < count; k++)
                wanted = wanted || fnmatch(texts[k], text, FNM_NOESCAPE) == 0;
            if (pattern_list_matches(&list, span_from_text(text)) != wanted)
                fail_msg("round %u: '%s' %s", round, text, wanted ? "is not matched" : "is matched");
            matched += wanted;
        }
        arena_free(arena);
    }
    assert_in_range(matched, 10000, 390000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lists_match_what_one_of_their_patterns_matches)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
