/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Validators of personal data
 *
 * Machine-readable passports (ICAO 9303 part 4), e-mail addresses, telephone numbers, dates, places, health records.
 */

#include "detect/check_digit.h"
#include "detect/country.h"
#include "detect/validator_list.h"

#define MRZ_LINE_SIZE  44u
#define LOCAL_PART_MAX 64u  /* RFC 5321 4.5.3.1.1 */
#define DOMAIN_MAX     255u /* RFC 5321 4.5.3.1.2 */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static uint32_t mrz_value(uint8_t c)
{
    if (is_digit(c))
        return c - '0';
    return c >= 'A' && c <= 'Z' ? c - 'A' + 10u : 0;
}

/* Weighted 7-3-1 over the ranges {start, end} of the line, `sum` and `place` going on from call to call. */
static void mrz_add(const uint8_t *line, uint32_t start, uint32_t end, uint32_t *sum, uint32_t *place)
{
    static const uint8_t weights[3] = {7, 3, 1};
    for (uint32_t i = start; i < end; i++)
        *sum += mrz_value(line[i]) * weights[(*place)++ % 3];
}

static bool mrz_field(const uint8_t *line, uint32_t start, uint32_t end)
{
    uint32_t sum = 0, place = 0;
    mrz_add(line, start, end, &sum, &place);
    return sum % 10 == mrz_value(line[end]);
}

bool validate_mrz(const struct validator_case *judged, struct validator_answer *answer)
{
    if (judged->value.size < 2 * MRZ_LINE_SIZE)
        return false;
    const uint8_t *line = judged->value.data + judged->value.size - MRZ_LINE_SIZE;
    uint32_t sum = 0, place = 0;
    mrz_add(line, 0, 10, &sum, &place);
    mrz_add(line, 13, 20, &sum, &place);
    mrz_add(line, 21, 43, &sum, &place);
    bool fields =
        mrz_field(line, 0, 9) && mrz_field(line, 13, 19) && mrz_field(line, 21, 27) && mrz_field(line, 28, 42);
    answer->confidence = DETECTION_HIGH;
    /* A name without a single filler would be 39 letters without a space between them. */
    bool filler = memchr(judged->value.data, '<', MRZ_LINE_SIZE) != NULL;
    return filler && fields && sum % 10 == mrz_value(line[43]);
}

bool validate_email(const struct validator_case *judged, struct validator_answer *answer)
{
    const uint8_t *data = judged->value.data;
    uint32_t size = judged->value.size, at = 0, label = 0;
    while (at < size && data[at] != '@')
        at++;
    if (at == 0 || at > LOCAL_PART_MAX || at >= size || size - at - 1 > DOMAIN_MAX || data[at - 1] == '.')
        return false;
    for (uint32_t i = at + 1; i <= size; i++) {
        bool ends = i == size || data[i] == '.';
        bool bad = ends && (i == at + 1 + label || data[at + 1 + label] == '-' || data[i - 1] == '-');
        if (bad)
            return false;
        label = ends && i < size ? i - at : label;
    }
    uint32_t rank = country_domain_rank(span_from(judged->value, at + 1 + label));
    answer->confidence = rank == 2 ? DETECTION_HIGH : DETECTION_LOW;
    return rank > 0;
}

/* North America: three digits of area and three of exchange, neither beginning with 0 or 1. */
bool validate_phone(const struct validator_case *judged, struct validator_answer *answer)
{
    struct span digits = span_from(judged->value, 1);
    uint32_t code = country_calling_code_size(digits);
    if (code == 0)
        return false;
    bool american = digits.data[0] == '1';
    if (american && (digits.size != 11 || digits.data[1] < '2' || digits.data[4] < '2'))
        return false;
    answer->confidence = american || digits.size >= 10 ? DETECTION_MEDIUM : DETECTION_LOW;
    return true;
}

/* Whether a person born then can be alive is not asked: the same capture has to give the same findings in any year. */
bool validate_birth_date(const struct validator_case *judged, struct validator_answer *answer)
{
    struct digits digits = digits_of(judged->value);
    if (digits.count != 8)
        return false;
    answer->confidence = DETECTION_HIGH;
    return check_date((uint32_t)digits_number(&digits, 0, 4), (uint32_t)digits_number(&digits, 4, 2),
                      (uint32_t)digits_number(&digits, 6, 2));
}

/* The key says which; one coordinate alone is not a place, which the scanner judges over the whole text. */
bool validate_coordinate(const struct validator_case *judged, struct validator_answer *answer)
{
    uint32_t degrees = 0, i = judged->value.size && judged->value.data[0] == '-';
    for (; i < judged->value.size && is_digit(judged->value.data[i]); i++)
        degrees = degrees * 10 + (judged->value.data[i] - '0');
    bool latitude = judged->match.size > 1 && ascii_lower(judged->match.data[1]) == 'a';
    answer->flags |= latitude ? VALIDATOR_LATITUDE : VALIDATOR_LONGITUDE;
    return degrees < (latitude ? 90u : 180u);
}

static uint32_t read_octet(struct span text, uint32_t *position)
{
    uint32_t octet = 0;
    for (; *position < text.size && is_digit(text.data[*position]); (*position)++)
        octet = octet * 10 + (text.data[*position] - '0');
    (*position)++;
    return octet;
}

/* Not private, shared, loopback, link-local, documentation, benchmark, multicast or reserved (RFC 6890). */
bool validate_public_ipv4(const struct validator_case *judged, struct validator_answer *answer)
{
    uint32_t position = 0, first = read_octet(judged->value, &position);
    uint32_t second = read_octet(judged->value, &position), third = read_octet(judged->value, &position);
    bool closed =
        first == 0 || first == 10 || first == 127 || first >= 224 || (first == 100 && (second & 0xc0) == 64) ||
        (first == 169 && second == 254) || (first == 172 && (second & 0xf0) == 16) || (first == 192 && second == 168) ||
        (first == 192 && second == 0 && (third == 0 || third == 2)) || (first == 198 && (second & 0xfe) == 18) ||
        (first == 198 && second == 51 && third == 100) || (first == 203 && second == 0 && third == 113);
    /* One more number behind or in front: a version or an object identifier. */
    const uint8_t *end = judged->value.data + judged->value.size, *text_end = judged->text.data + judged->text.size;
    bool longer = (end + 1 < text_end && end[0] == '.' && is_digit(end[1])) ||
                  (judged->value.data > judged->text.data && judged->value.data[-1] == '.');
    answer->confidence = DETECTION_LOW;
    return !closed && !longer;
}

/* U is for provisional codes; without a chapter the letter says nothing. */
bool validate_icd10(const struct validator_case *judged, struct validator_answer *answer)
{
    answer->confidence = DETECTION_HIGH;
    return judged->value.size >= 3;
}

/* Narrows the value to the type: "Patient" of FHIR, "PID" of HL7 version 2. */
bool validate_health_record(const struct validator_case *judged, struct validator_answer *answer)
{
    answer->confidence = DETECTION_HIGH;
    uint32_t size = judged->match.size, start = size - 1;
    if (judged->match.data[0] != '"') {
        answer->value = span_first(judged->match, 3);
        return true;
    }
    while (start > 0 && judged->match.data[start - 1] != '"')
        start--;
    answer->value = span_of(judged->match.data + start, size - 1 - start);
    return true;
}
