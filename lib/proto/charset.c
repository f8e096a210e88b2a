/* SPDX-License-Identifier: Apache-2.0 */

/* Charset: see the header. */

#include "proto/charset.h"

#include "proto/json_text.h"

#define REPLACEMENT 0xfffdu

enum charset charset_find(struct span label, struct span start)
{
    static const char *const little[] = {"utf-16", "utf-16le", "unicode", "ucs-2", "iso-10646-ucs-2"};
    static const char *const big[] = {"utf-16be", "unicodefffe"};
    static const char *const latin[] = {"iso-8859-1", "iso8859-1", "latin1",   "l1",          "us-ascii",
                                        "ascii",      "cp1252",    "x-cp1252", "windows-1252"};
    const uint8_t *bytes = start.data;
    if (start.size >= 2 && bytes[0] == 0xff && bytes[1] == 0xfe)
        return CHARSET_UTF_16_LITTLE;
    if (start.size >= 2 && bytes[0] == 0xfe && bytes[1] == 0xff)
        return CHARSET_UTF_16_BIG;
    if (span_is_one_of(label, little, ARRAY_COUNT(little)))
        return CHARSET_UTF_16_LITTLE;
    if (span_is_one_of(label, big, ARRAY_COUNT(big)))
        return CHARSET_UTF_16_BIG;
    if (span_is_one_of(label, latin, ARRAY_COUNT(latin)))
        return CHARSET_WINDOWS_1252;
    if (label.size || start.size < 2)
        return CHARSET_UTF_8;
    if (bytes[0] >= ' ' && bytes[0] < 0x7f && bytes[1] == 0)
        return CHARSET_UTF_16_LITTLE;
    return bytes[0] == 0 && bytes[1] >= ' ' && bytes[1] < 0x7f ? CHARSET_UTF_16_BIG : CHARSET_UTF_8;
}

/* WHATWG Encoding, index windows-1252; what it leaves open is the control character itself. */
static uint32_t windows_1252(uint8_t c)
{
    static const uint16_t high[32] = {
        0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021, 0x2c6,  0x2030, 0x160,
        0x2039, 0x152,  0x8d,   0x17d,  0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
        0x2013, 0x2014, 0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178,
    };
    return c >= 0x80 && c < 0xa0 ? high[c - 0x80] : c;
}

/* One unit of UTF-16: none, one or two characters come of it. */
static uint32_t unit_write(struct charset_decoder *decoder, uint16_t unit, uint8_t *out)
{
    uint32_t written = 0;
    if (decoder->high && unit >= 0xdc00 && unit <= 0xdfff) {
        uint32_t code = 0x10000u + ((uint32_t)(decoder->high - 0xd800u) << 10) + (unit - 0xdc00u);
        decoder->high = 0;
        return json_utf8_write(code, out);
    }
    if (decoder->high)
        written = json_utf8_write(REPLACEMENT, out);
    decoder->high = unit >= 0xd800 && unit <= 0xdbff ? unit : 0;
    if (decoder->high)
        return written;
    return written + json_utf8_write(unit >= 0xdc00 && unit <= 0xdfff ? REPLACEMENT : unit, out + written);
}

static uint32_t byte_write(struct charset_decoder *decoder, uint8_t c, uint8_t *out)
{
    if (decoder->charset == CHARSET_WINDOWS_1252)
        return json_utf8_write(windows_1252(c), out);
    decoder->has_byte = !decoder->has_byte;
    if (decoder->has_byte) {
        decoder->byte = c;
        return 0;
    }
    bool little = decoder->charset == CHARSET_UTF_16_LITTLE;
    return unit_write(decoder, (uint16_t)(little ? decoder->byte | c << 8 : decoder->byte << 8 | c), out);
}

uint32_t charset_decode(struct charset_decoder *decoder, struct span *in_io, uint8_t *out, uint32_t capacity)
{
    require(decoder->charset != CHARSET_UTF_8 && capacity >= CHARSET_PENDING_MAX + CHARSET_GROWTH_MAX);
    uint32_t at = 0, written = 0;
    for (; at < in_io->size && capacity - written >= CHARSET_PENDING_MAX; at++)
        written += byte_write(decoder, in_io->data[at], out + written);
    *in_io = span_from(*in_io, at);
    return written;
}

uint32_t charset_finish(struct charset_decoder *decoder, uint8_t *out)
{
    bool half = decoder->has_byte || decoder->high;
    decoder->has_byte = false;
    decoder->high = 0;
    return half ? json_utf8_write(REPLACEMENT, out) : 0;
}
