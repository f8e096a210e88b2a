/* SPDX-License-Identifier: Apache-2.0 */

/* JSON outline: brackets are counted, texts are decoded where somebody may want them. */

#include "proto/json_outline.h"

void json_outline_init(struct json_outline *outline)
{
    memset(outline, 0, offsetof(struct json_outline, key));
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Members of level 0 and 1 are told. */
static bool is_told(const struct json_outline *outline)
{
    return outline->base && outline->depth >= outline->base && outline->depth <= outline->base + 1u;
}

static enum json_outline_event add_decoded(struct json_outline *outline, uint8_t c)
{
    if (!is_told(outline))
        return JSON_OUTLINE_NOTHING;
    if (outline->in_key) {
        if (outline->key_size < JSON_OUTLINE_KEY_MAX)
            outline->key[outline->key_size++] = (char)c;
        return JSON_OUTLINE_NOTHING;
    }
    outline->byte = c;
    return JSON_OUTLINE_TEXT;
}

static uint8_t unescape(uint8_t c)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    for (uint32_t i = 0; i < sizeof(from) - 1; i++)
        if (c == (uint8_t)from[i])
            return (uint8_t)to[i];
    return c;
}

static uint16_t hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return (uint16_t)(c - '0');
    return (uint16_t)(ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f' ? ascii_lower(c) - 'a' + 10 : 0);
}

/* escape: 1 behind the backslash, 2 to 5 for the digits of a \u. */
static enum json_outline_event add_escape(struct json_outline *outline, uint8_t c)
{
    if (outline->escape == 1 && c == 'u') {
        outline->escape = 2;
        outline->code = 0;
        return JSON_OUTLINE_NOTHING;
    }
    if (outline->escape == 1) {
        outline->escape = 0;
        return add_decoded(outline, unescape(c));
    }
    outline->code = (uint16_t)(outline->code << 4 | hex_value(c));
    if (outline->escape++ < 5)
        return JSON_OUTLINE_NOTHING;
    outline->escape = 0;
    return add_decoded(outline, outline->code < 0x80 ? (uint8_t)outline->code : JSON_OUTLINE_BEYOND);
}

static enum json_outline_event end_text(struct json_outline *outline)
{
    bool key = outline->in_key;
    outline->in_text = outline->in_key = false;
    outline->value_next = outline->value_next && !key;
    if (!is_told(outline))
        return JSON_OUTLINE_NOTHING;
    outline->level = (uint8_t)(outline->depth - outline->base);
    return key ? JSON_OUTLINE_KEY : JSON_OUTLINE_TEXT_END;
}

static enum json_outline_event add_in_text(struct json_outline *outline, uint8_t c)
{
    if (outline->escape)
        return add_escape(outline, c);
    if (c == '\\') {
        outline->escape = 1;
        return JSON_OUTLINE_NOTHING;
    }
    return c == '"' ? end_text(outline) : add_decoded(outline, c);
}

/* The first byte of the whole text decides where the members of level 0 are. */
static void find_base(struct json_outline *outline, uint8_t c)
{
    if (c == '{')
        outline->base = (uint8_t)(outline->depth + 1);
    else if (c != '[' || outline->depth > 0)
        outline->other = true;
}

static enum json_outline_event close(struct json_outline *outline, uint8_t c)
{
    bool end = c == '}' && outline->depth == outline->base && outline->base;
    if (outline->depth)
        outline->depth--;
    outline->key_next = false;
    return end ? JSON_OUTLINE_OBJECT_END : JSON_OUTLINE_NOTHING;
}

enum json_outline_event json_outline_add(struct json_outline *outline, uint8_t c)
{
    if (outline->in_text)
        return add_in_text(outline, c);
    if (is_blank(c) || outline->other)
        return JSON_OUTLINE_NOTHING;
    if (!outline->base)
        find_base(outline, c);
    bool value = outline->value_next && is_told(outline) && c != ':';
    uint8_t level = (uint8_t)(outline->depth - outline->base);
    if (value) {
        outline->value_next = false;
        outline->level = level;
        outline->byte = c;
    }
    switch (c) {
    case '{':
    case '[':
        outline->other |= outline->depth == JSON_OUTLINE_DEPTH_MAX - 1;
        outline->depth++;
        outline->key_next = c == '{';
        break;
    case '}':
    case ']':
        return close(outline, c);
    case '"':
        outline->in_text = true;
        outline->in_key = outline->key_next;
        outline->key_size = outline->in_key ? 0 : outline->key_size;
        break;
    case ':':
        outline->key_next = false;
        outline->value_next = is_told(outline);
        break;
    case ',':
        outline->key_next = true;
        break;
    default:
        break;
    }
    return value ? JSON_OUTLINE_VALUE : JSON_OUTLINE_NOTHING;
}
