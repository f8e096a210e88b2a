/* SPDX-License-Identifier: Apache-2.0 */

/* JSON writer: see the header. */

#include "base/json_writer.h"

#include <stdio.h>
#include <time.h>

#include "base/cpu.h"

#ifdef CPU_SSSE3
#include <emmintrin.h>
#endif

void json_writer_init(struct json_writer *writer, char *buffer, size_t capacity)
{
    *writer = (struct json_writer){.buffer = buffer, .capacity = capacity};
}

static void put(struct json_writer *writer, const char *text, size_t size)
{
    if (writer->overflow || size > writer->capacity - writer->size) {
        writer->overflow = true;
        return;
    }
    memcpy(writer->buffer + writer->size, text, size);
    writer->size += size;
}

static void item_begin(struct json_writer *writer)
{
    uint32_t level = 1u << writer->depth;
    if (!writer->after_key && (writer->has_items & level))
        put(writer, ",", 1);
    writer->after_key = false;
    writer->has_items |= level;
}

static void nest(struct json_writer *writer, const char *bracket)
{
    item_begin(writer);
    put(writer, bracket, 1);
    require(writer->depth + 1 < JSON_WRITER_DEPTH_MAX);
    writer->depth++;
    writer->has_items &= ~(1u << writer->depth);
}

static void unnest(struct json_writer *writer, const char *bracket)
{
    require(writer->depth > 0);
    writer->depth--;
    put(writer, bracket, 1);
}

void json_write_object_begin(struct json_writer *writer)
{
    nest(writer, "{");
}

void json_write_object_end(struct json_writer *writer)
{
    unnest(writer, "}");
}

void json_write_array_begin(struct json_writer *writer)
{
    nest(writer, "[");
}

void json_write_array_end(struct json_writer *writer)
{
    unnest(writer, "]");
}

/* Length of the well-formed UTF-8 sequence at `s` (RFC 3629), 0 when there is none. */
static uint32_t utf8_size(const uint8_t *s, uint32_t left)
{
    if (s[0] < 0x80)
        return 1;
    uint32_t size = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || size > left)
        return 0;
    for (uint32_t i = 1; i < size; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool surrogate = s[0] == 0xed && s[1] > 0x9f;
    bool too_high = s[0] == 0xf4 && s[1] > 0x8f;
    return overlong || surrogate || too_high ? 0 : size;
}

static void put_escape(struct json_writer *writer, uint8_t c)
{
    static const char *const short_forms[0x20] = {
        ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r"};
    if (c == '"' || c == '\\') {
        put(writer, (const char[]){'\\', (char)c}, 2);
    } else if (c < 0x20 && short_forms[c]) {
        put(writer, short_forms[c], 2);
    } else {
        char text[8];
        int size = snprintf(text, sizeof(text), "\\u%04x", c);
        put(writer, text, (size_t)size);
    }
}

static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Where what can be written as it is ends. Most texts are all of that, and findings hold thousands of bytes of them. */
static uint32_t plain_end(struct span value, uint32_t at)
{
#ifdef CPU_SSSE3
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
    const __m128i blank = _mm_set1_epi8(' '), delete = _mm_set1_epi8(0x7f);
    for (; value.size - at >= 16; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(value.data + at));
        /* As signed numbers the control characters and everything over 0x7f are below the blank. */
        __m128i low = _mm_or_si128(_mm_cmplt_epi8(bytes, blank), _mm_cmpeq_epi8(bytes, delete));
        __m128i escaped = _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash));
        uint32_t mask = (uint32_t)_mm_movemask_epi8(_mm_or_si128(low, escaped));
        if (mask)
            return at + (uint32_t)__builtin_ctz(mask);
    }
#endif
    while (at < value.size && is_plain(value.data[at]))
        at++;
    return at;
}

static void put_string(struct json_writer *writer, struct span value)
{
    put(writer, "\"", 1);
    uint32_t at = 0;
    while (at < value.size && !writer->overflow) {
        uint32_t plain = plain_end(value, at);
        if (plain > at)
            put(writer, (const char *)value.data + at, plain - at);
        at = plain;
        if (at == value.size)
            break;
        uint32_t size = utf8_size(value.data + at, value.size - at);
        if (size > 1)
            put(writer, (const char *)value.data + at, size);
        else if (size == 1)
            put_escape(writer, value.data[at]);
        else
            put(writer, "\xef\xbf\xbd", 3);
        at += size ? size : 1;
    }
    put(writer, "\"", 1);
}

void json_write_key(struct json_writer *writer, const char *key)
{
    item_begin(writer);
    put_string(writer, span_from_text(key));
    put(writer, ":", 1);
    writer->after_key = true;
}

void json_write_string(struct json_writer *writer, struct span value)
{
    item_begin(writer);
    put_string(writer, value);
}

void json_write_text(struct json_writer *writer, const char *value)
{
    if (value)
        json_write_string(writer, span_from_text(value));
    else
        json_write_null(writer);
}

void json_write_unsigned(struct json_writer *writer, uint64_t value)
{
    char text[24];
    item_begin(writer);
    int size = snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    put(writer, text, (size_t)size);
}

void json_write_signed(struct json_writer *writer, int64_t value)
{
    char text[24];
    item_begin(writer);
    int size = snprintf(text, sizeof(text), "%lld", (long long)value);
    put(writer, text, (size_t)size);
}

void json_write_double(struct json_writer *writer, double value)
{
    char text[352]; /* the largest double has 309 digits before the point */
    item_begin(writer);
    int size = snprintf(text, sizeof(text), "%.3f", value);
    put(writer, text, (size_t)size);
}

void json_write_boolean(struct json_writer *writer, bool value)
{
    item_begin(writer);
    put(writer, value ? "true" : "false", value ? 4 : 5);
}

void json_write_null(struct json_writer *writer)
{
    item_begin(writer);
    put(writer, "null", 4);
}

void json_time_print(uint64_t time_ns, char *text_out, size_t size)
{
    time_t seconds = (time_t)(time_ns / 1000000000u);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    char date[40];
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text_out, size, "%s.%09uZ", date, (unsigned)(time_ns % 1000000000u));
}

void json_write_time(struct json_writer *writer, uint64_t time_ns)
{
    char text[64];
    json_time_print(time_ns, text, sizeof(text));
    json_write_text(writer, text);
}
