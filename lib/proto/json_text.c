/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Text inside JSON strings
 *
 * One reader for a single character serves the walker, the pointer and the decoder, so that all three agree on where a
 * character ends. A malformed one is stepped over by as little as possible: the bytes behind it are read on their own,
 * so that a broken escape can never hide the closing quote.
 */

#include "proto/json_text.h"

#define REPLACEMENT 0xfffdu

uint32_t json_plain_end_scalar(const uint8_t *data, uint32_t from, uint32_t size)
{
    while (from < size && data[from] >= 0x20 && data[from] < 0x80 && data[from] != '"' && data[from] != '\\')
        from++;
    return from;
}

static struct json_unit unit_good(uint32_t size, uint32_t code)
{
    return (struct json_unit){.size = (uint8_t)size, .code = code};
}

static struct json_unit unit_bad(uint32_t size)
{
    return (struct json_unit){.size = (uint8_t)size, .malformed = true, .code = REPLACEMENT};
}

/* The input ends inside a character, of which `size` bytes may be stepped over when nothing follows. */
static struct json_unit unit_cut(uint32_t size, bool last)
{
    return last ? unit_bad(size) : (struct json_unit){.size = 0};
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum hex_result { HEX_GOOD, HEX_BAD, HEX_CUT };

/* The four digits behind a "\u" that ends at `from`. */
static enum hex_result read_hex(struct span s, uint32_t from, uint32_t *code_out)
{
    uint32_t code = 0;
    for (uint32_t i = from; i < from + 4; i++) {
        if (i >= s.size)
            return HEX_CUT;
        int digit = hex_value(s.data[i]);
        if (digit < 0)
            return HEX_BAD;
        code = code << 4 | (uint32_t)digit;
    }
    *code_out = code;
    return HEX_GOOD;
}

/* Behind a high surrogate, s.data[0] to [5]: the low one that makes it a character, if there is one (RFC 8259 7). */
static struct json_unit read_pair(struct span s, uint32_t high, bool last)
{
    const struct json_unit alone = unit_good(6, REPLACEMENT);
    if ((s.size > 6 && s.data[6] != '\\') || (s.size > 7 && s.data[7] != 'u'))
        return alone;
    uint32_t low = 0;
    enum hex_result hex = s.size > 7 ? read_hex(s, 8, &low) : HEX_CUT;
    if (hex == HEX_CUT && !last)
        return (struct json_unit){.size = 0};
    if (hex != HEX_GOOD || low < 0xdc00 || low > 0xdfff)
        return alone;
    return unit_good(12, 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
}

static struct json_unit read_escape(struct span s, bool last)
{
    static const uint8_t simple[256] = {
        ['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'};
    if (s.size < 2)
        return unit_cut(1, last);
    if (simple[s.data[1]])
        return unit_good(2, simple[s.data[1]]);
    if (s.data[1] != 'u')
        return unit_bad(1);
    uint32_t code = 0;
    enum hex_result hex = read_hex(s, 2, &code);
    if (hex != HEX_GOOD)
        return hex == HEX_CUT ? unit_cut(2, last) : unit_bad(2);
    if (code >= 0xd800 && code <= 0xdbff)
        return read_pair(s, code, last);
    return unit_good(6, code >= 0xdc00 && code <= 0xdfff ? REPLACEMENT : code);
}

/* A sequence of RFC 3629 section 4; of a bad one the bytes that could have begun a good one are stepped over. */
static struct json_unit read_utf8(struct span s, bool last)
{
    uint8_t lead = s.data[0];
    if (lead < 0xc2 || lead > 0xf4)
        return unit_bad(1);
    uint32_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    uint32_t code = lead & (0x7fu >> size);
    /* The second byte's range excludes overlong forms, surrogates and what lies beyond U+10FFFF. */
    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    for (uint32_t i = 1; i < size; i++) {
        if (i >= s.size)
            return unit_cut(i, last);
        if (s.data[i] < low || s.data[i] > high)
            return unit_bad(i);
        code = code << 6 | (s.data[i] & 0x3fu);
        low = 0x80;
        high = 0xbf;
    }
    return unit_good(size, code);
}

struct json_unit json_unit_read(struct span s, bool last)
{
    require(s.size > 0);
    uint8_t c = s.data[0];
    if (c >= 0x80)
        return read_utf8(s, last);
    if (c == '\\')
        return read_escape(s, last);
    return c < 0x20 ? (struct json_unit){.size = 1, .malformed = true, .code = c} : unit_good(1, c);
}

uint32_t json_utf8_write(uint32_t code, uint8_t out[4])
{
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (uint8_t)(0xc0 | code >> 6);
        out[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (uint8_t)(0xe0 | code >> 12);
        out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | code >> 18);
    out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (code & 0x3f));
    return 4;
}

uint32_t json_unescape(struct span in, uint8_t *out, uint32_t capacity)
{
    uint32_t written = 0, at = 0;
    while (at < in.size && written < capacity) {
        /* Everything plain is taken in one go. */
        uint32_t end = json_plain_end(in.data, at, at + min_u32(in.size - at, capacity - written));
        memcpy(out + written, in.data + at, end - at);
        written += end - at;
        at = end;
        if (at == in.size || written == capacity)
            break;
        struct json_unit unit = json_unit_read(span_from(in, at), true);
        uint8_t bytes[4];
        uint32_t size = json_utf8_write(unit.code, bytes);
        if (size > capacity - written)
            break;
        memcpy(out + written, bytes, size);
        written += size;
        at += unit.size;
    }
    return written;
}
