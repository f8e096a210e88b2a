/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Validators of credentials
 *
 * JWT (RFC 7519), Basic credentials (RFC 7617), tokens of the large platforms by the form their makers document. What
 * was decoded is wiped: it is as secret as the value.
 */

#include "base/base64.h"
#include "detect/check_digit.h"
#include "detect/validator_list.h"

#include <openssl/crypto.h>

#define JWT_HEADER_MAX  512u  /* decoded; "alg" and "kid" need a hundred */
#define CREDENTIALS_MAX 256u  /* decoded user and password that are looked at */
#define ENTROPY_SECRET  3800u /* thousandths of a bit a byte: above words and counters */
#define ENTROPY_KEY     4000u
#define ENTROPY_AWS     4300u /* above hex digests, which reach 4 */

static bool find_bytes(struct span text, struct span wanted)
{
    for (uint32_t i = 0; i + wanted.size <= text.size; i++)
        if (memcmp(text.data + i, wanted.data, wanted.size) == 0)
            return true;
    return false;
}

bool validate_jwt(const struct validator_case *judged, struct validator_answer *answer)
{
    uint8_t header[JWT_HEADER_MAX];
    uint32_t size = base64_decode(judged->value, header, sizeof(header));
    bool right = size > 2 && header[0] == '{' && find_bytes(span_of(header, size), SPAN_LITERAL("\"alg\""));
    OPENSSL_cleanse(header, sizeof(header));
    answer->confidence = DETECTION_HIGH;
    return right; /* the payload's "eyJ" says that it is an object */
}

/* The id in Amazon's documentation ends in EXAMPLE. */
bool validate_aws_key(const struct validator_case *judged, struct validator_answer *answer)
{
    struct span tail = span_from(judged->value, judged->value.size - 7);
    bool example = span_equal(tail, SPAN_LITERAL("EXAMPLE"));
    answer->confidence = example ? DETECTION_LOW : DETECTION_HIGH;
    answer->flags |= example ? VALIDATOR_TEST_NUMBER : 0;
    return true;
}

bool validate_aws_secret(const struct validator_case *judged, struct validator_answer *answer)
{
    (void)answer;
    return check_entropy(judged->value) >= ENTROPY_AWS;
}

bool validate_entropy_4(const struct validator_case *judged, struct validator_answer *answer)
{
    answer->confidence = DETECTION_HIGH;
    return check_entropy(judged->value) >= ENTROPY_KEY;
}

static uint32_t crc32_of(struct span text)
{
    uint32_t crc = UINT32_MAX;
    for (uint32_t i = 0; i < text.size; i++) {
        crc ^= text.data[i];
        for (uint32_t bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

/* The last six characters of a classic token are the CRC-32 of the thirty in front of them, in base 62. */
bool validate_github_token(const struct validator_case *judged, struct validator_answer *answer)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    if (judged->value.data[2] == 't') { /* "github_pat_" */
        answer->confidence = DETECTION_HIGH;
        return true;
    }
    if (judged->value.size != 40)
        return false;
    uint32_t crc = crc32_of(span_of(judged->value.data + 4, 30));
    bool right = true;
    for (uint32_t i = 0; i < 6; i++, crc /= 62)
        right &= judged->value.data[39 - i] == (uint8_t)digits[crc % 62];
    answer->confidence = right ? DETECTION_HIGH : DETECTION_LOW;
    return true;
}

/* At least one number or key behind the kind: "xoxb-123-abc". */
bool validate_slack_token(const struct validator_case *judged, struct validator_answer *answer)
{
    uint32_t segments = 0, digit_count = 0;
    for (uint32_t i = 5; i < judged->value.size; i++) {
        segments += judged->value.data[i] == '-';
        digit_count += judged->value.data[i] >= '0' && judged->value.data[i] <= '9';
    }
    answer->confidence = segments > 0 ? DETECTION_HIGH : DETECTION_MEDIUM;
    return digit_count > 0;
}

/* A body in base64 follows, behind a line end that may be written as an escape; without one it may be documentation. */
bool validate_private_key(const struct validator_case *judged, struct validator_answer *answer)
{
    uint32_t offset = (uint32_t)(judged->value.data - judged->text.data) + judged->value.size;
    struct span rest = span_from(judged->text, offset);
    uint32_t skipped = 0, body = 0;
    while (skipped < rest.size && skipped < 4 && strchr("\\nr\r\n", rest.data[skipped]) && rest.data[skipped])
        skipped++;
    for (uint32_t i = skipped; i < rest.size && body < 32 && rest.data[i] > ' ' && rest.data[i] != '"'; i++)
        body++;
    answer->confidence = body >= 32 ? DETECTION_HIGH : DETECTION_MEDIUM;
    return true;
}

/* Not masked, not a word of a schema or a form, not a place to fill in. */
bool validate_password(const struct validator_case *judged, struct validator_answer *answer)
{
    static const char *const words[] = {"string",   "null",     "none",   "true",     "false",  "undefined", "required",
                                        "optional", "password", "passwd", "redacted", "hidden", "masked",    "object",
                                        "integer",  "text",     "input",  "field",    "reset",  "change"};
    struct span value = judged->value;
    while (value.size && strchr(",;})]\\", value.data[value.size - 1]) && value.data[value.size - 1])
        value.size--;
    if (value.size < 4 || strchr("{[$%#", value.data[0]))
        return false;
    bool same = true;
    for (uint32_t i = 1; i < value.size && same; i++)
        same = ascii_lower(value.data[i]) == ascii_lower(value.data[0]);
    uint8_t first = ascii_lower(value.data[0]);
    bool masked =
        same && (first == 'x' || first == '.' || first == '-' || first == '#' || first == '_' || first >= 0x80);
    answer->value = value;
    return !masked && !span_is_one_of(value, words, ARRAY_COUNT(words));
}

/* User, colon, password; printable (RFC 7617 section 2). A password may hold further colons, so one is enough. */
bool validate_basic(const struct validator_case *judged, struct validator_answer *answer)
{
    uint8_t text[CREDENTIALS_MAX];
    struct span encoded = span_from(judged->value, min_u32(6, judged->value.size)); /* behind "Basic " */
    uint32_t size = base64_decode(encoded, text, sizeof(text));
    bool colon = false, printable = true;
    for (uint32_t i = 0; i < size; i++) {
        colon |= text[i] == ':';
        printable &= text[i] >= ' ' && text[i] != 0x7f;
    }
    OPENSSL_cleanse(text, sizeof(text));
    answer->confidence = DETECTION_HIGH;
    return colon && printable;
}

static bool is_hash_or_uuid(struct span value)
{
    uint32_t hex = 0, hyphens = 0;
    for (uint32_t i = 0; i < value.size; i++) {
        uint8_t c = ascii_lower(value.data[i]);
        hex += (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        hyphens += c == '-';
    }
    bool uuid = value.size == 36 && hyphens == 4 && hex == 32;
    bool hash = hex == value.size && (hex == 32 || hex == 40 || hex == 64);
    return uuid || hash;
}

bool validate_secret(const struct validator_case *judged, struct validator_answer *answer)
{
    (void)answer;
    return check_entropy(judged->value) >= ENTROPY_SECRET && !is_hash_or_uuid(judged->value);
}

/* The maker's prefix says it all. */
bool validate_prefix(const struct validator_case *judged, struct validator_answer *answer)
{
    (void)judged;
    answer->confidence = DETECTION_HIGH;
    return true;
}
