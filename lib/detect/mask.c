/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Masks
 *
 * Only printable ASCII gets into a mask: it ends in logs and on terminals.
 */

#include "detect/mask.h"

#include <openssl/crypto.h>

#include "base/base64.h"
#include "detect/country.h"

#define MASK_FIRST_MAX 12u /* longest prefix that only names the issuer; leaves room for stars and the last ones */
#define MASK_LAST_MAX  8u

struct writer {
    char *text;
    uint32_t size;
};

static bool is_separator(uint8_t c)
{
    return c == ' ' || c == '-' || c == '.' || c == '+' || c == '/';
}

static void put(struct writer *writer, uint8_t c)
{
    if (writer->size < DETECTION_MASK_SIZE)
        writer->text[writer->size++] = (char)(c >= ' ' && c < 0x7f ? c : '?');
}

static void put_span(struct writer *writer, struct span text)
{
    for (uint32_t i = 0; i < text.size && writer->size < DETECTION_MASK_SIZE; i++)
        put(writer, text.data[i]);
}

/* Separators are left out: where they stand tells nothing, and without them one value has one mask. */
static void put_ends(struct writer *writer, struct span value, uint32_t first, uint32_t last)
{
    uint32_t count = 0, seen = 0;
    first = min_u32(first, MASK_FIRST_MAX);
    last = min_u32(last, MASK_LAST_MAX);
    for (uint32_t i = 0; i < value.size; i++)
        count += !is_separator(value.data[i]);
    uint32_t shown_max = count - (count + 2) / 3;
    if (last > shown_max)
        last = shown_max;
    if (first > shown_max - last)
        first = shown_max - last;
    uint32_t hidden = count - first - last;
    uint32_t stars = min_u32(hidden, DETECTION_MASK_SIZE - first - last);
    for (uint32_t i = 0; i < value.size && seen < count; i++) {
        if (is_separator(value.data[i]))
            continue;
        if (seen < first || seen >= count - last)
            put(writer, value.data[i]);
        else if (seen - first < stars)
            put(writer, '*');
        seen++;
    }
}

/* j***@example.com; a domain that does not fit loses its front, which names the department rather than the company. */
static void put_domain(struct writer *writer, struct span value)
{
    uint32_t at = 0;
    while (at < value.size && value.data[at] != '@')
        at++;
    if (at == 0 || at >= value.size)
        return;
    put(writer, value.data[0]);
    put_span(writer, SPAN_LITERAL("***@"));
    uint32_t start = at + 1, room = DETECTION_MASK_SIZE - writer->size;
    if (value.size - start > room)
        start = value.size - room;
    put_span(writer, span_from(value, start));
}

static void put_country(struct writer *writer, struct span value, uint32_t last)
{
    uint32_t plus = value.size > 0 && value.data[0] == '+';
    uint32_t code = country_calling_code_size(span_from(value, plus));
    put_ends(writer, span_from(value, plus), code, last);
}

/* The algorithm that the header of a JWT names; what else is in the header may be chosen by anybody. */
static void put_algorithm(struct writer *writer, struct span value)
{
    uint8_t header[256]; /* the algorithm comes among the first members */
    uint32_t size = base64_decode(value, header, sizeof(header)), at = 0;
    while (at + 5 < size && memcmp(header + at, "\"alg\"", 5) != 0)
        at++;
    for (at += 5; at < size && (header[at] == ' ' || header[at] == ':' || header[at] == '"'); at++)
        continue;
    while (at < size && header[at] != '"' && writer->size < 16) /* the longest registered name has 14 (RFC 7518) */
        put(writer, header[at++]);
    OPENSSL_cleanse(header, sizeof(header));
}

static void put_user(struct writer *writer, struct span value)
{
    uint8_t text[DETECTION_MASK_SIZE + 1];
    uint32_t skip = min_u32(6, value.size); /* "Basic " */
    uint32_t size = base64_decode(span_from(value, skip), text, sizeof(text)), at = 0;
    while (at < size && text[at] != ':')
        at++;
    if (at < size) /* a user name that fills the buffer might be the password of an empty user */
        put_span(writer, span_of(text, at));
    OPENSSL_cleanse(text, sizeof(text));
}

/* Up to and with the n-th '.', and `more` characters behind it. */
static void put_until_dot(struct writer *writer, struct span value, uint32_t dots, uint32_t more)
{
    uint32_t i = 0;
    for (; i < value.size && dots > 0; i++) {
        dots -= value.data[i] == '.';
        put(writer, value.data[i]);
    }
    put_span(writer, span_first(span_from(value, i), more));
}

uint32_t mask_make(const struct detector_mask *rule, struct span value, char mask_out[DETECTION_MASK_SIZE])
{
    struct writer writer = {.text = mask_out};
    switch (rule->show) {
    case DETECTOR_SHOW_NOTHING:
        break;
    case DETECTOR_SHOW_ENDS:
        put_ends(&writer, value, rule->first, rule->last);
        break;
    case DETECTOR_SHOW_ALL:
    case DETECTOR_SHOW_TYPE:
        put_span(&writer, value);
        break;
    case DETECTOR_SHOW_DOMAIN:
        put_domain(&writer, value);
        break;
    case DETECTOR_SHOW_COUNTRY:
        put_country(&writer, value, rule->last);
        break;
    case DETECTOR_SHOW_YEAR:
        put_span(&writer, span_first(value, 4));
        break;
    case DETECTOR_SHOW_DECIMAL:
        put_until_dot(&writer, value, 1, 1);
        break;
    case DETECTOR_SHOW_NETWORK:
        put_until_dot(&writer, value, 3, 0);
        put_span(&writer, SPAN_LITERAL("0/24"));
        break;
    case DETECTOR_SHOW_LETTER:
        put_span(&writer, span_first(value, 1));
        break;
    case DETECTOR_SHOW_HEADER:
        put_algorithm(&writer, value);
        break;
    case DETECTOR_SHOW_USER:
        put_user(&writer, value);
        break;
    }
    return writer.size;
}
