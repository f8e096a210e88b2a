/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Validators of card data
 *
 * Layouts: ISO/IEC 7813 for the tracks, EMV Book 3 for tag 57, ISO 9564-1 for PIN blocks.
 */

#include "detect/card.h"
#include "detect/validator_list.h"

#define EXPIRY_SIZE 4u /* YYMM */
#define TLV_PREFIX  4u /* two hex digits each of tag and length */
#define SHORT_KEY   4u /* "cid", "cvv2": also the end of longer words */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(uint8_t c)
{
    return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}

/* The index of the first `mark` or `other`, or the size. */
static uint32_t find_mark(struct span text, uint8_t mark, uint8_t other)
{
    uint32_t i = 0;
    while (i < text.size && text.data[i] != mark && text.data[i] != other)
        i++;
    return i;
}

static bool expiry_is_right(struct span text)
{
    if (text.size < EXPIRY_SIZE || !is_digit(text.data[2]) || !is_digit(text.data[3]))
        return false;
    uint32_t month = (text.data[2] - '0') * 10u + (text.data[3] - '0');
    return month >= 1 && month <= 12;
}

static bool card_and_expiry(struct span card, struct span expiry, struct validator_answer *answer)
{
    struct digits digits = digits_of(card);
    if (!card_is_number(&digits) || !expiry_is_right(expiry))
        return false;
    answer->confidence = DETECTION_HIGH;
    answer->flags |= card_is_test_number(&digits) ? VALIDATOR_TEST_NUMBER : 0;
    return true;
}

bool validate_pan(const struct validator_case *judged, struct validator_answer *answer)
{
    struct digits digits = digits_of(judged->value);
    if (!card_is_number(&digits))
        return false;
    answer->confidence = DETECTION_MEDIUM; /* one number in ten passes Luhn */
    answer->flags |= card_is_test_number(&digits) ? VALIDATOR_TEST_NUMBER : 0;
    return true;
}

/* %B4111...^NAME^YYMM... */
bool validate_track1(const struct validator_case *judged, struct validator_answer *answer)
{
    uint32_t name = find_mark(judged->value, '^', '^');
    if (name >= judged->value.size)
        return false;
    struct span rest = span_from(judged->value, name + 1);
    uint32_t expiry = find_mark(rest, '^', '^');
    if (expiry >= rest.size)
        return false;
    return card_and_expiry(span_first(judged->value, name), span_from(rest, expiry + 1), answer);
}

/* 4111...=YYMM..., or D for the '=' where the nibbles are written in hex. */
bool validate_track2(const struct validator_case *judged, struct validator_answer *answer)
{
    uint32_t mark = find_mark(judged->value, '=', 'D');
    if (mark >= judged->value.size)
        return false;
    const uint8_t *end = judged->value.data + judged->value.size;
    bool more = end < judged->text.data + judged->text.size && is_hex(*end) && ascii_lower(*end) != 'f';
    if (judged->value.data[mark] == 'D' && more)
        return false; /* a hex dump that goes on */
    return card_and_expiry(span_first(judged->value, mark), span_from(judged->value, mark + 1), answer);
}

/* Tag 57, one byte of length, and track 2 in so many bytes, all in hex. */
bool validate_emv57(const struct validator_case *judged, struct validator_answer *answer)
{
    uint32_t offset = (uint32_t)(judged->value.data - judged->text.data);
    if (judged->value.size < TLV_PREFIX)
        return false;
    uint8_t high = judged->value.data[2], low = ascii_lower(judged->value.data[3]);
    uint32_t bytes = (high - '0') * 16u + (uint32_t)(low <= '9' ? low - '0' : low - 'a' + 10);
    uint32_t size = bytes * 2;
    if (judged->text.size - offset < TLV_PREFIX + size)
        return false;
    struct span track = span_of(judged->value.data + TLV_PREFIX, size);
    for (uint32_t i = 0; i < track.size; i++)
        if (!is_hex(track.data[i]))
            return false;
    uint32_t mark = find_mark(track, 'D', 'd');
    if (mark >= track.size)
        return false;
    answer->value.size = TLV_PREFIX + size;
    return card_and_expiry(span_first(track, mark), span_from(track, mark + 1), answer);
}

bool validate_cvv(const struct validator_case *judged, struct validator_answer *answer)
{
    uint32_t key = 0;
    while (key < judged->match.size && ascii_lower(judged->match.data[key]) >= 'a' && judged->match.data[key] <= 'z')
        key++;
    bool inside = judged->match.data > judged->text.data && key <= SHORT_KEY;
    if (inside && judged->match.data[0] >= 'a') {
        uint8_t before = judged->match.data[-1];
        if (ascii_lower(before) >= 'a' && ascii_lower(before) <= 'z')
            return false; /* "acid": 123 */
    }
    bool ambiguous =
        ascii_lower(judged->match.data[1]) == 'i'; /* "cid": correlation and customer ids are called that */
    answer->confidence = ambiguous ? DETECTION_LOW : DETECTION_MEDIUM;
    return judged->value.size == 3 || judged->value.size == 4;
}

/* ISO 9564-1: formats 0, 1 and 3 begin with their number and the length of the PIN. Encrypted ones show neither. */
bool validate_pin_block(const struct validator_case *judged, struct validator_answer *answer)
{
    if (judged->value.size < 2)
        return false;
    uint8_t format = judged->value.data[0], length = ascii_lower(judged->value.data[1]);
    bool clear = (format == '0' || format == '1' || format == '3') &&
                 ((length >= '4' && length <= '9') || (length >= 'a' && length <= 'c'));
    answer->confidence = clear ? DETECTION_HIGH : DETECTION_MEDIUM;
    return true;
}
