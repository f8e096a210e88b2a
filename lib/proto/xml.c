/* SPDX-License-Identifier: Apache-2.0 */

/*
 * XML walker
 *
 * Markup is consumed byte by byte; only texts, names and values are looked through to their ends before they are given.
 * References are noted and decoded when somebody asks; parts never end inside one, so each part decodes on its own.
 */

#include "proto/xml.h"

#include "proto/json_text.h"

#define REFERENCE_MAX 12u /* &#x0010FFFF; and what is longer is none of those that are decoded */

enum xml_state {
    XML_TEXT,
    XML_MARKUP, /* at '<' */
    XML_NAME,
    XML_TAG, /* between the attributes */
    XML_ATTRIBUTE,
    XML_VALUE,
    XML_CDATA,
    XML_COMMENT,
    XML_INSTRUCTION,
    XML_DECLARATION,
    XML_END_TAG,
    XML_ENDED,
};

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool ends_name(uint8_t c)
{
    return is_blank(c) || c == '/' || c == '>' || c == '=' || c == '<';
}

/* ---- where it is ---- */

static struct xml_level *level_top(struct xml *xml)
{
    return &xml->levels[xml->depth - 1u];
}

static void level_push(struct xml *xml)
{
    if (xml->depth == XML_DEPTH_MAX) {
        xml->excess++;
        return;
    }
    uint16_t offset = xml->depth ? level_top(xml)->offset + level_top(xml)->size : 0;
    xml->levels[xml->depth++] = (struct xml_level){.offset = offset};
}

static void level_pop(struct xml *xml)
{
    if (xml->excess)
        xml->excess--;
    else if (xml->depth)
        xml->depth--;
}

/* A part of the name of the innermost element, or of its attribute. */
static void keep_name(struct xml *xml, struct span part)
{
    bool attribute = xml->state == XML_ATTRIBUTE;
    if (xml->excess && !attribute)
        return;
    struct xml_level *level = attribute ? &xml->levels[xml->depth] : level_top(xml);
    uint32_t used = level->offset + level->size, size = min_u32(part.size, XML_NAMES_SIZE - used);
    if (size)
        memcpy(xml->names + used, part.data, size);
    level->size += (uint16_t)size;
    xml->name_cut = size < part.size;
}

static void attribute_begin(struct xml *xml)
{
    uint16_t offset = xml->depth ? level_top(xml)->offset + level_top(xml)->size : 0;
    xml->levels[xml->depth] = (struct xml_level){.offset = offset};
    xml->attribute = true;
}

/* ---- texts ---- */

/* Bytes of the unit at s.data[0]: a reference is one, all else single bytes. 0: it may become a reference. */
static uint32_t unit_size(struct span s, bool last)
{
    if (s.data[0] != '&')
        return 1;
    uint32_t end = min_u32(s.size, REFERENCE_MAX);
    const uint8_t *semicolon = memchr(s.data, ';', end);
    if (semicolon)
        return (uint32_t)(semicolon - s.data) + 1;
    return end == REFERENCE_MAX || last ? 1 : 0;
}

/* Whether the text of this state ends at s.data[0]: 1 yes, 0 no, -1 not known yet. */
static int ends_text(const struct xml *xml, struct span s, bool last)
{
    uint8_t c = s.data[0];
    if (xml->state == XML_TEXT)
        return c == '<';
    if (xml->state == XML_VALUE)
        return c == xml->quote;
    if (xml->state == XML_NAME || xml->state == XML_ATTRIBUTE)
        return ends_name(c);
    const struct span end = xml->state == XML_CDATA ? SPAN_LITERAL("]]>") : SPAN_LITERAL("-->");
    if (s.size >= end.size || memcmp(s.data, end.data, s.size) != 0)
        return span_starts_with(s, end);
    return last ? 0 : -1;
}

static bool has_references(const struct xml *xml)
{
    return xml->state == XML_TEXT || xml->state == XML_VALUE;
}

/* Looks for the end of the open text. True: a part of *size_out bytes is there, its last when *whole_out. */
static bool look(struct xml *xml, struct span s, bool last, uint32_t *size_out, bool *whole_out)
{
    uint32_t at = xml->looked;
    *whole_out = false;
    while (at < s.size) {
        struct span rest = span_from(s, at);
        int ends = ends_text(xml, rest, last);
        *whole_out = ends > 0;
        uint32_t size = ends > 0 ? 1 : has_references(xml) ? unit_size(rest, last) : 1;
        if (ends || size == 0 || at + size > XML_PART_MAX) {
            xml->looked = *size_out = at;
            return ends >= 0 && size > 0;
        }
        xml->part_escaped |= size > 1;
        at += size;
    }
    xml->looked = *size_out = at;
    *whole_out = last;
    return last;
}

static uint32_t terminator_size(const struct xml *xml)
{
    return xml->state == XML_VALUE ? 1 : xml->state == XML_CDATA || xml->state == XML_COMMENT ? 3 : 0;
}

static enum xml_state state_behind(const struct xml *xml)
{
    if (xml->state == XML_TEXT)
        return XML_MARKUP;
    return xml->state == XML_CDATA || xml->state == XML_COMMENT ? XML_TEXT : XML_TAG;
}

/* Reads the open text from `*at_io` on. PARSE_MORE: it goes on; PARSE_ITEM: *item_out is a part; PARSE_STOP: it was
 * empty. */
static enum parse_status read_text(struct xml *xml, const struct parse_input *input, uint32_t *at_io,
                                   struct xml_item *item_out)
{
    struct span s = {input->data + *at_io, input->size - *at_io};
    uint32_t size = 0;
    bool whole = false;
    if (!look(xml, s, input->last, &size, &whole))
        return PARSE_MORE;
    bool ended = whole && size == s.size;
    bool name = xml->state == XML_NAME || xml->state == XML_ATTRIBUTE;
    if (name)
        keep_name(xml, span_first(s, size));
    *item_out = (struct xml_item){
        .text = {s.data, size},
        .offset = xml->offset + *at_io,
        .name = name,
        .first = !xml->part_next,
        .last = whole,
        .escaped = xml->part_escaped,
        .place_unknown = xml->lost,
    };
    bool some = size > 0 || xml->part_next;
    xml->part_next = !whole;
    xml->part_escaped = false;
    xml->looked = 0;
    *at_io += size;
    if (whole && !ended)
        *at_io += terminator_size(xml);
    if (whole)
        xml->state = (uint8_t)(ended ? XML_ENDED : state_behind(xml));
    return some ? PARSE_ITEM : PARSE_STOP;
}

/* ---- markup ---- */

struct opening {
    struct span text;
    enum xml_state state;
};

/* What begins at '<'. False: more bytes are needed to tell. */
static bool read_markup(struct xml *xml, struct span s, bool last, uint32_t *consumed_out)
{
    const struct opening openings[] = {
        {SPAN_LITERAL("<!--"), XML_COMMENT},   {SPAN_LITERAL("<![CDATA["), XML_CDATA},
        {SPAN_LITERAL("<!"), XML_DECLARATION}, {SPAN_LITERAL("<?"), XML_INSTRUCTION},
        {SPAN_LITERAL("</"), XML_END_TAG},
    };
    for (size_t i = 0; i < ARRAY_COUNT(openings); i++) {
        struct span text = openings[i].text;
        if (!last && s.size < text.size && memcmp(s.data, text.data, s.size) == 0)
            return false;
        if (!span_starts_with(s, text))
            continue;
        xml->state = (uint8_t)openings[i].state;
        *consumed_out = text.size;
        return true;
    }
    *consumed_out = 1;
    bool named = s.size > 1 && (ascii_lower(s.data[1]) >= 'a' || s.data[1] == '_' || s.data[1] == ':');
    xml->state = named ? XML_NAME : XML_TEXT; /* a lone '<' is a mistake, and text goes on behind it */
    if (named)
        level_push(xml);
    return true;
}

static void read_tag(struct xml *xml, uint8_t c, uint32_t *at_io)
{
    if (c == '<') {
        xml->state = XML_MARKUP;
        return;
    }
    if (!ends_name(c) && c != '"' && c != '\'') {
        attribute_begin(xml);
        xml->state = XML_ATTRIBUTE;
        return;
    }
    ++*at_io;
    if (c == '"' || c == '\'') {
        xml->quote = c;
        xml->state = XML_VALUE;
    } else if (c == '>') {
        if (xml->slash)
            level_pop(xml);
        xml->state = XML_TEXT;
        xml->attribute = false;
    }
    xml->slash = c == '/';
}

/* A byte of what is read over. */
static void read_over(struct xml *xml, uint8_t c)
{
    if (xml->state == XML_DECLARATION && (c == '[' || c == ']'))
        xml->subset = c == '[';
    if (c != '>' || (xml->state == XML_DECLARATION && xml->subset))
        return;
    if (xml->state == XML_END_TAG)
        level_pop(xml);
    xml->state = XML_TEXT;
}

/* One step that gives no item. False: more bytes are needed. */
static bool read_on(struct xml *xml, const struct parse_input *input, uint32_t *at_io)
{
    struct span s = {input->data + *at_io, input->size - *at_io};
    uint32_t consumed = 0;
    if (xml->state == XML_MARKUP) {
        bool known = read_markup(xml, s, input->last, &consumed);
        *at_io += known ? consumed : 0;
        return known;
    }
    if (xml->state == XML_TAG) {
        read_tag(xml, s.data[0], at_io);
        return true;
    }
    if (xml->state != XML_TEXT)
        read_over(xml, s.data[0]);
    ++*at_io;
    return true;
}

/* Whether a text, name or value is open at c; blanks in front of a text are none. */
static bool in_text(const struct xml *xml, uint8_t c)
{
    switch (xml->state) {
    case XML_TEXT:
        return xml->part_next || xml->looked || !is_blank(c);
    case XML_NAME:
    case XML_ATTRIBUTE:
    case XML_VALUE:
    case XML_CDATA:
    case XML_COMMENT:
        return true;
    default:
        return false;
    }
}

static struct parse_step lose(struct xml *xml, const struct parse_input *input)
{
    xml->offset += (uint64_t)xml->held + input->lost;
    xml->looked = xml->held = 0;
    xml->excess = 0;
    xml->depth = 0;
    xml->part_next = xml->part_escaped = xml->attribute = xml->slash = xml->subset = false;
    xml->lost = true;
    xml->state = input->last ? XML_ENDED : XML_TEXT;
    return parse_step_of(input->last ? PARSE_STOP : PARSE_MORE, 0, 0);
}

static struct parse_step answer(struct xml *xml, enum parse_status status, uint32_t consumed, uint32_t size)
{
    xml->offset += consumed;
    xml->held = status == PARSE_MORE ? size - consumed : 0;
    return parse_step_of(status, consumed, 0);
}

struct parse_step xml_parse(struct xml *xml, const struct parse_input *input, struct xml_item *item_out)
{
    if (!input->data && input->lost)
        return lose(xml, input);
    uint32_t at = 0;
    bool more = false;
    while (at < input->size && xml->state != XML_ENDED && !more) {
        if (!in_text(xml, input->data[at])) {
            more = !read_on(xml, input, &at);
            continue;
        }
        enum parse_status status = read_text(xml, input, &at, item_out);
        if (status == PARSE_ITEM)
            return answer(xml, PARSE_ITEM, at, input->size);
        more = status == PARSE_MORE;
    }
    if (xml->state == XML_ENDED || input->last) {
        xml->state = XML_ENDED;
        return answer(xml, PARSE_STOP, input->size, input->size);
    }
    return answer(xml, PARSE_MORE, at, input->size);
}

/* ---- what is asked of it ---- */

static bool append(char *buffer, uint32_t capacity, uint32_t *size, struct span text)
{
    uint32_t fits = min_u32(text.size, capacity - *size);
    if (fits)
        memcpy(buffer + *size, text.data, fits);
    *size += fits;
    return fits == text.size;
}

uint32_t xml_path(const struct xml *xml, char *buffer, uint32_t capacity, bool *cut_out)
{
    uint32_t size = 0;
    bool fits = true;
    for (uint32_t i = 0; i < xml->depth + (uint32_t)xml->attribute; i++) {
        const struct xml_level *level = &xml->levels[i];
        fits = fits && append(buffer, capacity, &size, i < xml->depth ? SPAN_LITERAL("/") : SPAN_LITERAL("/@")) &&
               append(buffer, capacity, &size, span_of(xml->names + level->offset, level->size));
    }
    *cut_out = !fits || xml->name_cut || xml->excess;
    return size;
}

/* 16: no digit. */
static uint32_t digit_of(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return (uint32_t)c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? (uint32_t)c - 'a' + 10 : 16;
}

/* The code point that a whole reference stands for; 0: none that is known. */
static uint32_t reference_code(struct span s)
{
    static const struct {
        const char *text;
        uint32_t code;
    } names[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (span_equal(s, span_from_text(names[i].text)))
            return names[i].code;
    if (s.size < 4 || s.data[1] != '#')
        return 0;
    bool hex = ascii_lower(s.data[2]) == 'x';
    uint32_t code = 0;
    for (uint32_t i = 2u + hex; i + 1 < s.size; i++) {
        uint32_t digit = digit_of(s.data[i]);
        if (digit >= (hex ? 16 : 10))
            return 0;
        code = code * (hex ? 16 : 10) + digit;
        if (code > 0x10ffff)
            return 0;
    }
    return code >= 0xd800 && code < 0xe000 ? 0 : code;
}

uint32_t xml_unescape(struct span in, uint8_t *out, uint32_t capacity)
{
    uint32_t written = 0;
    while (in.size) {
        struct span unit = span_first(in, unit_size(in, true));
        uint8_t bytes[4];
        uint32_t code = unit.size > 1 ? reference_code(unit) : 0;
        uint32_t size = code ? json_utf8_write(code, bytes) : unit.size;
        if (size > capacity - written)
            break;
        memcpy(out + written, code ? bytes : unit.data, size);
        written += size;
        in = span_from(in, unit.size);
    }
    return written;
}
