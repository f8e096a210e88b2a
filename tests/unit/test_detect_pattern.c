/* SPDX-License-Identifier: Apache-2.0 */

/* detect: facts about patterns, and the shape finder with its variants. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/detector_file.h"
#include "detect/pattern.h"
#include "detect/shape.h"

static struct pattern_facts study(const char *text, bool caseless)
{
    struct pattern_facts facts;
    assert_int_equal(pattern_study(text, caseless, &facts), 0);
    return facts;
}

static void assert_set(const struct byte_set *set, const char *members)
{
    for (uint32_t byte = 1; byte < 256; byte++)
        if (byte_set_has(set, (uint8_t)byte) != (strchr(members, (int)byte) != NULL))
            fail_msg("byte 0x%02x is %s the set", byte, byte_set_has(set, (uint8_t)byte) ? "in" : "not in");
}

static void heads_follow_the_expression(void **state)
{
    (void)state;
    struct pattern_facts facts = study("\\b(?:ab|c)[x-z]?\\d{2}-", false);
    assert_true(facts.understood);
    assert_true(facts.starts_word);
    assert_set(&facts.head[0], "ac");
    assert_set(&facts.head[1], "bxyz0123456789");
    assert_set(&facts.head[2], "xyz0123456789");
    assert_set(&facts.alphabet, "abcxyz0123456789-");
    assert_true(byte_set_has(&facts.head[5], '!')); /* the shortest match has ended */
    facts = study("A{3}B", true);
    assert_set(&facts.head[2], "Aa");
    assert_set(&facts.head[3], "Bb");
    assert_false(facts.starts_word);
    facts = study("x{2,4}y", false);
    assert_set(&facts.head[1], "x");
    assert_set(&facts.head[2], "xy");
    assert_true(byte_set_has(&facts.head[4], 'q')); /* "xxy" has three */
}

static void alternatives_and_groups_repeat(void **state)
{
    (void)state;
    struct pattern_facts facts = study("(?:a|bc){2}d", false);
    assert_set(&facts.head[0], "ab");
    assert_set(&facts.head[1], "abc");
    assert_set(&facts.head[2], "abcd");
    facts = study("(?:a|b)*c", false);
    assert_set(&facts.head[0], "abc");
    facts = study("\\bfoo|bar", false);
    assert_false(facts.starts_word);
    facts = study("\\bfoo|\\bbar", false);
    assert_true(facts.starts_word);
    facts = study("[^\\x00-\\x1f\"]z", false);
    assert_false(byte_set_has(&facts.head[0], '\n'));
    assert_false(byte_set_has(&facts.head[0], '"'));
    assert_true(byte_set_has(&facts.head[0], 0xff));
}

static void needed_bytes_are_in_every_match(void **state)
{
    (void)state;
    struct pattern_facts facts = study("(?:AKIA|ASIA)[A-Z2-7]{16}", false);
    assert_set(&facts.needed, "A");
    facts = study("(?:passwd|pwd)\\s{0,3}[:=][^ ]{4,}", true);
    assert_set(&facts.needed, ":=");
    facts = study("(?:Q|\\|)", false);
    assert_set(&facts.needed, "Q|");
    facts = study("K?[a-z]", false);
    assert_true(byte_set_has(&facts.needed, 'm')); /* nothing is needed: every byte says "perhaps" */
}

static void open_ends_are_cut(void **state)
{
    (void)state;
    struct pattern_facts facts = study("ab[c-e]{4,}", false);
    assert_string_equal(facts.trimmed, "ab[c-e]{4}");
    assert_set(&facts.tail, "cde");
    assert_int_equal(facts.tail_max, UINT32_MAX);
    facts = study("ab[c-e]*", false);
    assert_string_equal(facts.trimmed, "ab");
    facts = study("ab[c-e]{2,7}", false);
    assert_string_equal(facts.trimmed, "ab[c-e]{2}");
    assert_int_equal(facts.tail_max, 5);
    facts = study("abc\\d+", false);
    assert_string_equal(facts.trimmed, "abc\\d{1}");
    static const char *const whole[] = {"abc", "ab{4}", "a|b{2,}", "(?:ab){2,}", "b{2,}c", "(?:a|b+)", "[c]*"};
    for (size_t i = 0; i < ARRAY_COUNT(whole); i++) {
        facts = study(whole[i], false);
        assert_string_equal(facts.trimmed, whole[i]);
        assert_int_equal(facts.tail_max, 0);
    }
}

static void what_is_not_understood_says_nothing(void **state)
{
    (void)state;
    static const char *const odd[] = {"a(?=b)",          "(a", "a)", "[a", "\\p{L}", "a{1000}", "(?i)a", "a*?",
                                      "(?:a{300}){300}", "a\\"};
    for (size_t i = 0; i < ARRAY_COUNT(odd); i++) {
        struct pattern_facts facts = study(odd[i], false);
        assert_false(facts.understood);
        assert_true(byte_set_has(&facts.head[0], 'z') && byte_set_has(&facts.needed, 'z'));
        assert_string_equal(facts.trimmed, odd[i]);
    }
    char longer[PATTERN_TEXT_MAX + 1];
    memset(longer, 'a', PATTERN_TEXT_MAX);
    longer[PATTERN_TEXT_MAX] = '\0';
    struct pattern_facts facts;
    assert_int_equal(pattern_study(longer, false, &facts), -E2BIG);
}

static void kernels_agree_with_the_scalar_one(void **state)
{
    (void)state;
    static uint8_t bytes[SHAPE_BLOCK * 64];
    struct shape_masks expected[64], masks[64];
    uint64_t random = 9;
    uint32_t variants = 0;
    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < sizeof(bytes); i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            bytes[i] = round == 0 ? (uint8_t)i : (uint8_t)(random >> 56);
        }
        shape_kernel_scalar(bytes, 64, expected);
        for (uint32_t n = 1; shape_kernel_variant(n).kernel; n++, variants++) {
            shape_kernel_variant(n).kernel(bytes, 64, masks);
            assert_memory_equal(masks, expected, sizeof(masks));
        }
    }
    print_message("%u variants compared\n", variants / 200);
}

static void classes_are_the_documented_ones(void **state)
{
    (void)state;
    uint8_t block[SHAPE_BLOCK];
    struct shape_masks masks;
    for (uint32_t start = 0; start < 256; start += SHAPE_BLOCK) {
        for (uint32_t i = 0; i < SHAPE_BLOCK; i++)
            block[i] = (uint8_t)(start + i);
        shape_kernel_scalar(block, 1, &masks);
        for (uint32_t i = 0; i < SHAPE_BLOCK; i++) {
            uint8_t c = block[i];
            assert_int_equal(masks.digit >> i & 1, c >= '0' && c <= '9');
            assert_int_equal(masks.letter >> i & 1, (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
            assert_int_equal(masks.separator >> i & 1, c && strchr(" .-+/", c) != NULL);
            assert_int_equal(masks.symbol >> i & 1, c && strchr("@^<+", c) != NULL);
        }
    }
}

#define PLACE_BLOCKS 7u /* no multiple of SHAPE_LANES */
#define PLACE_BYTES  ((PLACE_BLOCKS + 2) * SHAPE_BLOCK)

static bool is_sign(uint8_t c)
{
    return c == ' ' || c == '.' || c == '-' || c == '+' || c == '/';
}

/* `byte` goes on a group of digits: one itself, or a separator behind one. Blanks of other kinds are '"' here. */
static bool in_group(const uint8_t *byte)
{
    return isdigit(*byte) || (is_sign(*byte) && isdigit(byte[-1]));
}

static bool is_border(const uint8_t *byte)
{
    const uint8_t *other = byte - 1 - is_sign(byte[-1]);
    return (isalpha(*byte) && isdigit(*other)) || (isdigit(*byte) && isalpha(*other));
}

/* The definition, byte by byte. */
static void expect_places(const uint8_t *byte, bool *digits_out, bool *word_out)
{
    bool group = true, body = true, border = false;
    for (uint32_t i = 0; i < 9; i++) {
        group = group && in_group(byte + i);
        body = body && (isalnum(byte[i]) || is_sign(byte[i]));
    }
    for (uint32_t i = 0; i <= SHAPE_BORDER_MAX; i++)
        border = border || is_border(byte + i);
    *digits_out = group;
    *word_out = isalnum(*byte) && !isalnum(byte[-1]) && body && border;
}

/* Bytes that make numbers and identifiers likely, with room in front and behind that nothing can begin in. */
static void make_places(uint8_t *bytes, uint64_t *random)
{
    static const char letters[] = "1234567890123456789012abcXYZ -./\"";
    for (uint32_t i = 0; i < PLACE_BYTES + 64; i++) {
        *random = *random * 6364136223846793005u + 1442695040888963407u;
        bytes[i] = (uint8_t)letters[(*random >> 40) % (sizeof(letters) - 1)];
    }
    memset(bytes, '"', 4);
}

static void places_are_the_documented_ones(void **state)
{
    (void)state;
    static uint8_t bytes[PLACE_BYTES + 64];
    static struct shape_masks masks[PLACE_BLOCKS + 2 + 2 * SHAPE_LANES];
    static struct shape_places places[PLACE_BLOCKS + SHAPE_LANES];
    uint64_t random = 11;
    uint32_t found[2] = {0, 0};
    for (uint32_t round = 0; round < 400; round++) {
        make_places(bytes, &random);
        memset(masks, 0xff, sizeof(masks)); /* what lies behind is of any value */
        shape_kernel_scalar(bytes, PLACE_BLOCKS + 2, masks);
        for (uint32_t n = 0; shape_place_variant(n).finder; n++) {
            shape_place_variant(n).finder(masks, PLACE_BLOCKS, places);
            for (uint32_t i = 0; i < PLACE_BLOCKS * SHAPE_BLOCK; i++) {
                bool digits, word;
                expect_places(bytes + SHAPE_BLOCK + i, &digits, &word);
                assert_int_equal(places[i / SHAPE_BLOCK].digits >> i % SHAPE_BLOCK & 1, digits);
                assert_int_equal(places[i / SHAPE_BLOCK].words >> i % SHAPE_BLOCK & 1, word);
                found[0] += digits;
                found[1] += word;
            }
        }
    }
    assert_true(found[0] > 1000 && found[1] > 1000);
}

/* Every head is possible, so only the shape decides. */
static struct shape_plan *open_plan(void)
{
    struct shape_plan *plan = calloc(1, sizeof(*plan));
    plan->kernel = shape_kernel_best();
    plan->finder = shape_place_best();
    plan->wanted = DETECTOR_DIGITS | DETECTOR_LETTERS | DETECTOR_AT | DETECTOR_PLUS | DETECTOR_CARET | DETECTOR_ANGLE;
    memset(plan->heads, 0xff, sizeof(plan->heads));
    shape_plan_finish(plan);
    return plan;
}

static bool has_spot(const char *text, uint32_t size, uint32_t kind, uint32_t start)
{
    static struct shape_spot spots[SHAPE_SPOTS_MAX];
    struct shape_plan *plan = open_plan();
    struct shape_state state = {0};
    bool found = false;
    while (state.position < size) {
        uint32_t count = shape_find(plan, &state, (const uint8_t *)text, size, spots);
        for (uint32_t i = 0; i < count; i++)
            found |= (spots[i].kinds & kind) && spots[i].start == start;
    }
    free(plan);
    return found;
}

/* The same piece at every place around the borders of blocks and chunks. */
static void shapes_are_found_wherever_they_lie(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t kind;
        bool found;
    } cases[] = {
        {"123456789", DETECTOR_DIGITS, true},
        {"12345678", DETECTOR_DIGITS, false},
        {"4111 1111 1111 1111", DETECTOR_DIGITS, true},
        {"12-34-56-789", DETECTOR_DIGITS, true},
        {"2026-11-20", DETECTOR_DIGITS, false},
        {"1234  56789", DETECTOR_DIGITS, false},
        {"AB123456C", DETECTOR_LETTERS, true},
        {"AB 12 34 56 C", DETECTOR_LETTERS, true},
        {"54362315-K", DETECTOR_LETTERS, true},
        {"AB12", DETECTOR_LETTERS, false},
        {"abcdefghijkl", DETECTOR_LETTERS, false},
        {"@", DETECTOR_AT, true},
        {"+4", DETECTOR_PLUS, true},
        {"+x", DETECTOR_PLUS, false},
        {"^", DETECTOR_CARET, true},
        {"<", DETECTOR_ANGLE, true},
    };
    static char text[SHAPE_CHUNK * 2];
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint32_t size = (uint32_t)strlen(cases[i].text);
        for (uint32_t at = 0; at < SHAPE_CHUNK + 140; at += at == 140 ? SHAPE_CHUNK - 280 : 1) {
            memset(text, '"', sizeof(text));
            memcpy(text + at, cases[i].text, size);
            if (has_spot(text, sizeof(text), cases[i].kind, at) != cases[i].found)
                fail_msg("%s at %u", cases[i].text, at);
        }
    }
}

static void too_many_spots_become_one_wide_one(void **state)
{
    (void)state;
    static char text[SHAPE_CHUNK];
    static struct shape_spot spots[SHAPE_SPOTS_MAX];
    struct shape_plan *plan = open_plan();
    struct shape_state shape = {0};
    memset(text, '@', sizeof(text));
    assert_int_equal(shape_find(plan, &shape, (const uint8_t *)text, sizeof(text), spots), SHAPE_SPOTS_MAX);
    assert_int_equal(spots[SHAPE_SPOTS_MAX - 1].start, SHAPE_SPOTS_MAX - 1);
    assert_int_equal(spots[SHAPE_SPOTS_MAX - 1].end, sizeof(text));
    assert_int_equal(spots[SHAPE_SPOTS_MAX - 1].kinds, plan->wanted);
    free(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_follow_the_expression),         cmocka_unit_test(alternatives_and_groups_repeat),
        cmocka_unit_test(needed_bytes_are_in_every_match),     cmocka_unit_test(open_ends_are_cut),
        cmocka_unit_test(what_is_not_understood_says_nothing), cmocka_unit_test(kernels_agree_with_the_scalar_one),
        cmocka_unit_test(classes_are_the_documented_ones),     cmocka_unit_test(shapes_are_found_wherever_they_lie),
        cmocka_unit_test(too_many_spots_become_one_wide_one),  cmocka_unit_test(places_are_the_documented_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
