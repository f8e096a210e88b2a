/* SPDX-License-Identifier: Apache-2.0 */

/* detect: validators against python-stdnum's verdicts, published examples, and the tables they are made of. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/check_digit.h"
#include "detect/country.h"
#include "detect/validator.h"

static bool judge(const char *name, const char *value, struct validator_answer *answer)
{
    const struct validator *validator = validator_find(name);
    assert_non_null(validator);
    struct span text = span_from_text(value);
    struct validator_case judged = {.text = text, .match = text, .value = text};
    *answer = (struct validator_answer){.value = text, .confidence = DETECTION_MEDIUM};
    return text.size >= validator->size_min && validator->judge(&judged, answer);
}

static bool accepts(const char *name, const char *value)
{
    struct validator_answer answer;
    return judge(name, value, &answer);
}

static void agrees_with_stdnum(void **state)
{
    (void)state;
    char path[4096], line[256];
    snprintf(path, sizeof(path), "%s/tests/unit/stdnum_vectors.tsv", getenv("ASSAY_SOURCE"));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    uint32_t count = 0, wrong = 0;
    while (fgets(line, sizeof(line), file)) {
        char name[64], value[128];
        int valid;
        if (line[0] == '#')
            continue;
        assert_int_equal(sscanf(line, "%63[^\t]\t%127[^\t]\t%d", name, value, &valid), 3);
        bool accepted = accepts(name, value);
        if (accepted != (valid == 1)) {
            print_message("%s %s: %d, stdnum says %d\n", name, value, accepted, valid);
            wrong++;
        }
        count++;
    }
    fclose(file);
    assert_true(count > 300);
    assert_int_equal(wrong, 0);
}

/* Published examples: 45 CFR, DEA's own, ICAO 9303 part 4 appendix A, Singapore's and India's documentation. */
static void knows_published_examples(void **state)
{
    (void)state;
    assert_true(accepts("npi", "1234567893"));
    assert_false(accepts("npi", "1234567894"));
    assert_true(accepts("dea", "AB1234563"));
    assert_false(accepts("dea", "AB1234564"));
    assert_true(accepts("nric", "S1234567D"));
    assert_true(accepts("nric", "F1234567N"));
    assert_true(accepts("nric", "T1234567J"));
    assert_true(accepts("nric", "G1234567X"));
    assert_false(accepts("nric", "G1234567N"));
    assert_true(
        accepts("mrz", "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10"));
    assert_false(
        accepts("mrz", "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<11"));
    assert_true(accepts("bic", "DEUTDEFF500"));
    assert_false(accepts("bic", "DEUTXXFF"));
    assert_true(accepts("public_ipv4", "8.8.8.8"));
    assert_false(accepts("public_ipv4", "172.31.0.1"));
    assert_false(accepts("public_ipv4", "192.0.2.7"));
    assert_true(accepts("public_ipv4", "172.32.0.1"));
    assert_true(accepts("ean", "4006381333931"));
}

static void reads_card_numbers(void **state)
{
    (void)state;
    static const char *const tests[] = {"4111111111111111", "5555555555554444", "378282246310005",  "6011111111111117",
                                        "3530111333300000", "30569309025904",   "5105105105105100", "4222222222222"};
    struct validator_answer answer;
    for (size_t i = 0; i < ARRAY_COUNT(tests); i++) {
        assert_true(judge("pan", tests[i], &answer));
        assert_int_equal(answer.flags & VALIDATOR_TEST_NUMBER, VALIDATOR_TEST_NUMBER);
    }
    assert_true(judge("pan", "4539-1488-0343-6467", &answer)); /* Luhn holds, on nobody's list */
    assert_int_equal(answer.flags & VALIDATOR_TEST_NUMBER, 0);
    assert_false(accepts("pan", "4539148803436468"));
    assert_false(accepts("pan", "490154203237518")); /* IMEI of the GSM documents: Luhn, but no Visa has 15 digits */
    assert_false(accepts("pan", "1732125763120"));   /* epoch */
    assert_false(accepts("pan", "0000000000000000"));
}

/* The tracks of ISO 7813 with the published test number. */
static void reads_tracks(void **state)
{
    (void)state;
    assert_true(accepts("track1", "B4111111111111111^DOE/JOHN^2912101"));
    assert_false(accepts("track1", "B4111111111111111^DOE/JOHN^2913101"));
    assert_true(accepts("track2", "4111111111111111=29121010000"));
    assert_true(accepts("track2", "4111111111111111D29121010000"));
    assert_false(accepts("track2", "4111111111111111=2900101"));
    assert_true(accepts("emv57", "57114111111111111111D29121010000012345"));
    assert_false(accepts("emv57", "57134111111111111111D29121010000012345")); /* two bytes short */
}

static void tells_secrets_from_words(void **state)
{
    (void)state;
    assert_true(accepts("basic", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")); /* RFC 7617 section 2 */
    assert_false(accepts("basic", "Basic QWxhZGRpbm9wZW5zZXNhbWU="));
    assert_true(accepts("secret", "Zx91kQp0LmT7vB2nRs8d"));
    assert_false(accepts("secret", "aaaaaaaaaaaaaaaaaaaaaaaa"));
    assert_false(accepts("secret", "550e8400-e29b-41d4-a716-446655440000"));
    assert_false(accepts("secret", "da39a3ee5e6b4b0d3255bfef95601890afd80709")); /* SHA-1 of nothing */
    assert_true(accepts("password", "hunter2go"));
    assert_false(accepts("password", "xxxxxxxx"));
    assert_false(accepts("password", "String"));
    assert_false(accepts("password", "${PASSWORD}"));
    /* RFC 7515 appendix A.1 */
    assert_true(
        accepts("jwt", "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQog."));
    assert_false(accepts("jwt", "eyJub3RoaW5nIjoidG8gc2VlIn0.eyJpc3MiOiJqb2UifQ."));
}

/* The tail is zlib's crc32() of thirty zeros, in base 62. */
static void checks_github_tokens(void **state)
{
    (void)state;
    struct validator_answer answer;
    assert_true(judge("github_token", "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", &answer));
    assert_int_equal(answer.confidence, DETECTION_HIGH);
    assert_true(judge("github_token", "ghp_0000000000000000000000000000002C8Gja", &answer));
    assert_int_equal(answer.confidence, DETECTION_LOW);
}

/* The country codes of the time zone database are ISO 3166-1. */
static void knows_the_countries(void **state)
{
    (void)state;
    FILE *file = fopen("/usr/share/zoneinfo/iso3166.tab", "r");
    char line[256];
    uint32_t count = 0, known = 0;
    for (int first = 'A'; first <= 'Z'; first++)
        for (int second = 'A'; second <= 'Z'; second++)
            known += country_is_code((uint8_t)first, (uint8_t)second);
    assert_int_equal(known, 250); /* 249 and XK */
    if (!file) {
        print_message("no time zone database: the list of countries is not compared\n");
        return;
    }
    while (fgets(line, sizeof(line), file)) {
        if (line[0] == '#')
            continue;
        if (!country_is_code((uint8_t)line[0], (uint8_t)line[1]))
            print_message("missing %.2s\n", line);
        assert_true(country_is_code((uint8_t)line[0], (uint8_t)line[1]));
        count++;
    }
    fclose(file);
    assert_int_equal(count, 249);
}

static void reads_calling_codes(void **state)
{
    (void)state;
    assert_int_equal(country_calling_code_size(span_from_text("14155552671")), 1);
    assert_int_equal(country_calling_code_size(span_from_text("4930123456")), 2);
    assert_int_equal(country_calling_code_size(span_from_text("35840123456")), 3);
    assert_int_equal(country_calling_code_size(span_from_text("9991234567")), 0);
    assert_int_equal(country_calling_code_size(span_from_text("2101234567")), 0);
    assert_int_equal(country_domain_rank(span_from_text("com")), 2);
    assert_int_equal(country_domain_rank(span_from_text("de")), 2);
    assert_int_equal(country_domain_rank(span_from_text("zq")), 0);
    assert_int_equal(country_domain_rank(span_from_text("png")), 0);
}

/* Binary logarithms that are exact: 0, 1, 2, 3 bits a byte. */
static void measures_entropy(void **state)
{
    (void)state;
    assert_int_equal(check_entropy(span_from_text("aaaa")), 0);
    assert_int_equal(check_entropy(span_from_text("abab")), 1000);
    assert_int_equal(check_entropy(span_from_text("abcdabcd")), 2000);
    assert_int_equal(check_entropy(span_from_text("abcdefgh")), 3000);
    assert_in_range(check_entropy(span_from_text("aab")), 917, 919); /* log2(3) - 2/3 = 0.91830 */
}

static void every_validator_survives_any_short_value(void **state)
{
    (void)state;
    static const char *const values[] = {"",
                                         "0",
                                         "-",
                                         "A1",
                                         "::::",
                                         "999999999",
                                         "P<<<<",
                                         "@@",
                                         "a@b",
                                         "\"\"\"\"",
                                         "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
                                         "1111111111111111111111111111111111111111111111111111111111111111111111"};
    struct validator_answer answer;
    uint32_t n = 0;
    for (; validator_at(n); n++)
        for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
            char *exact = malloc(strlen(values[i]) + 1);
            strcpy(exact, values[i]);
            (void)judge(validator_at(n)->name, exact, &answer);
            free(exact);
        }
    assert_true(n > 50);
    assert_null(validator_find("nothing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_stdnum),
        cmocka_unit_test(knows_published_examples),
        cmocka_unit_test(reads_card_numbers),
        cmocka_unit_test(reads_tracks),
        cmocka_unit_test(tells_secrets_from_words),
        cmocka_unit_test(checks_github_tokens),
        cmocka_unit_test(knows_the_countries),
        cmocka_unit_test(reads_calling_codes),
        cmocka_unit_test(measures_entropy),
        cmocka_unit_test(every_validator_survives_any_short_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
