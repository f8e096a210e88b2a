/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Multipart bodies
 *
 * Preamble, delimiters and part headers are lines and go through one line reader; contents are searched for a line end
 * with a delimiter behind it. The line end in front of a delimiter belongs to the delimiter (RFC 2046 5.1.1). A bare LF
 * is taken for a line end too, as servers do.
 */

#include "proto/multipart.h"

static_assert(MULTIPART_PART_MAX + 2 + BODY_BOUNDARY_MAX + 3 < MULTIPART_HELD_MAX, "a content and a delimiter");
static_assert(MULTIPART_LINE_MAX < MULTIPART_HELD_MAX, "a header line");

#define PARAMETERS_MAX 8 /* of a Content-Disposition; real ones have two */

enum multipart_state { MULTIPART_PREAMBLE, MULTIPART_HEADERS, MULTIPART_CONTENT, MULTIPART_EPILOGUE };

enum match { MATCH_NO, MATCH_YES, MATCH_CUT };

void multipart_init(struct multipart *multipart, struct span boundary)
{
    memset(multipart, 0, offsetof(struct multipart, boundary));
    boundary = span_first(boundary, BODY_BOUNDARY_MAX);
    memcpy(multipart->boundary, "--", 2);
    if (boundary.size)
        memcpy(multipart->boundary + 2, boundary.data, boundary.size);
    multipart->boundary_size = (uint8_t)(boundary.size ? boundary.size + 2 : 0);
    multipart->state = boundary.size ? MULTIPART_PREAMBLE : MULTIPART_CONTENT;
}

/* Whether a line that begins at s is a delimiter: two dashes, the boundary, and nothing that makes it a longer word. */
static enum match match_line(const struct multipart *multipart, struct span s, bool last)
{
    uint32_t size = multipart->boundary_size;
    if (!size || (s.size && memcmp(s.data, multipart->boundary, min_u32(s.size, size)) != 0))
        return MATCH_NO;
    if (s.size <= size)
        return !last ? MATCH_CUT : s.size == size ? MATCH_YES : MATCH_NO;
    uint8_t c = s.data[size];
    return c == '-' || c == ' ' || c == '\t' || c == '\r' || c == '\n' ? MATCH_YES : MATCH_NO;
}

/* Whether a line end with a delimiter behind it begins at s.data[0], which is CR or LF. */
static enum match match_line_end(const struct multipart *multipart, struct span s, bool last, uint32_t *end_size_out)
{
    uint32_t at = s.data[0] == '\r';
    *end_size_out = at + 1;
    if (at == s.size)
        return last ? MATCH_NO : MATCH_CUT;
    return s.data[at] == '\n' ? match_line(multipart, span_from(s, at + 1), last) : MATCH_NO;
}

static struct parse_step answer(struct multipart *multipart, enum parse_status status, uint32_t consumed, uint32_t size)
{
    multipart->offset += consumed;
    multipart->held = status == PARSE_MORE ? size - consumed : 0;
    return parse_step_of(status, consumed, 0);
}

/* Ends of a parameter: its ';' outside quotes, or the end. */
static uint32_t find_parameter_end(struct span s, uint32_t from)
{
    bool quoted = false;
    for (uint32_t i = from; i < s.size; i++) {
        if (s.data[i] == '\\' && quoted)
            i++;
        else if (s.data[i] == '"')
            quoted = !quoted;
        else if (s.data[i] == ';' && !quoted)
            return i;
    }
    return s.size;
}

/* Keeps the name, its backslashes removed (RFC 9110 5.6.4). */
static void keep_name(struct multipart *multipart, struct span value)
{
    bool quoted = value.size >= 2 && value.data[0] == '"';
    if (quoted)
        value = span_first(span_from(value, 1), value.size - 1 - (value.data[value.size - 1] == '"'));
    multipart->name_size = 0;
    for (uint32_t i = 0; i < value.size; i++) {
        if (quoted && value.data[i] == '\\' && i + 1 < value.size)
            i++;
        if (multipart->name_size == MULTIPART_NAME_MAX) {
            multipart->name_cut = true;
            return;
        }
        multipart->name[multipart->name_size++] = value.data[i];
    }
}

static void read_disposition(struct multipart *multipart, struct span value)
{
    const struct span name = SPAN_LITERAL("name=");
    uint32_t at = find_parameter_end(value, 0);
    for (uint32_t count = 0; count < PARAMETERS_MAX && at < value.size; count++) {
        uint32_t end = find_parameter_end(value, at + 1);
        struct span parameter = span_trim(span_first(span_from(value, at + 1), end > at ? end - at - 1 : 0));
        at = end;
        if (parameter.size >= name.size && span_equal_nocase(span_first(parameter, name.size), name)) {
            keep_name(multipart, span_from(parameter, name.size));
            return;
        }
    }
}

static void keep_type(struct multipart *multipart, struct span type)
{
    if (!type.size || type.size > MULTIPART_TYPE_MAX)
        return;
    memcpy(multipart->type, type.data, type.size);
    multipart->type_size = (uint8_t)type.size;
}

static void read_header(struct multipart *multipart, struct span line)
{
    const uint8_t *colon = line.size ? memchr(line.data, ':', line.size) : NULL;
    if (!colon)
        return;
    struct span name = span_first(line, (uint32_t)(colon - line.data));
    struct span value = span_trim(span_from(line, name.size + 1));
    if (span_equal_nocase(name, SPAN_LITERAL("content-disposition")))
        read_disposition(multipart, value);
    else if (span_equal_nocase(name, SPAN_LITERAL("content-type")))
        keep_type(multipart, value);
    else if (span_equal_nocase(name, SPAN_LITERAL("content-transfer-encoding")))
        multipart->base64 = span_equal_nocase(value, SPAN_LITERAL("base64"));
}

static void forget_headers(struct multipart *multipart)
{
    multipart->name_size = multipart->type_size = 0;
    multipart->name_cut = multipart->base64 = false;
}

/* A whole line of preamble or headers, without its end. */
static void take_line(struct multipart *multipart, struct span line)
{
    if (line.size && line.data[line.size - 1] == '\r')
        line.size--;
    if (match_line(multipart, line, true) == MATCH_YES) {
        struct span rest = span_from(line, multipart->boundary_size);
        bool closing = span_starts_with(rest, SPAN_LITERAL("--"));
        multipart->state = closing ? MULTIPART_EPILOGUE : MULTIPART_HEADERS;
        forget_headers(multipart);
        multipart->lost = false;
    } else if (multipart->state == MULTIPART_HEADERS && !line.size) {
        multipart->state = MULTIPART_CONTENT;
    } else if (multipart->state == MULTIPART_HEADERS) {
        read_header(multipart, line);
    }
}

/* Reads one line from `from`. True: it is over, *next_out is behind it. */
static bool read_line(struct multipart *multipart, const struct parse_input *input, uint32_t from, uint32_t *next_out)
{
    const uint8_t *text = input->data + from;
    uint32_t size = input->size - from;
    uint32_t end = multipart->line_skip ? size : min_u32(size, MULTIPART_LINE_MAX);
    uint32_t looked = min_u32(multipart->looked, end);
    const uint8_t *feed = end > looked ? memchr(text + looked, '\n', end - looked) : NULL;
    uint32_t line = feed ? (uint32_t)(feed - text) : end;
    bool whole = feed || end == MULTIPART_LINE_MAX;
    multipart->looked = whole || multipart->line_skip ? 0 : line;
    *next_out = from + line + (feed != NULL);
    if (!multipart->line_skip && whole)
        take_line(multipart, (struct span){text, line});
    else if (!multipart->line_skip)
        *next_out = from;
    bool over = whole || multipart->line_skip;
    multipart->line_skip = !feed && over;
    return over && *next_out > from;
}

static void fill(struct multipart *multipart, const struct parse_input *input, uint32_t from, uint32_t size, bool whole,
                 struct multipart_item *item_out)
{
    *item_out = (struct multipart_item){
        .text = {input->data + from, size},
        .offset = multipart->offset + from,
        .first = !multipart->part_next,
        .last = whole,
        .place_unknown = multipart->lost,
    };
    multipart->part_next = !whole;
    multipart->looked = 0;
}

/* Looks for the end of the content that begins at s. MATCH_YES: it has *size_out bytes, then a line end. */
static enum match look(struct multipart *multipart, struct span s, bool last, uint32_t *size_out,
                       uint32_t *end_size_out)
{
    uint32_t at = multipart->looked, end = min_u32(s.size, MULTIPART_PART_MAX);
    enum match match = MATCH_NO;
    *end_size_out = 0;
    if (at == 0 && !multipart->part_next)
        match = match_line(multipart, s, last); /* no content at all: the blank line was the delimiter's */
    while (match == MATCH_NO && at < end) {
        if (s.data[at] == '\r' || s.data[at] == '\n')
            match = match_line_end(multipart, span_from(s, at), last, end_size_out);
        at += match == MATCH_NO;
    }
    multipart->looked = *size_out = at;
    return match == MATCH_NO && at == s.size && !last ? MATCH_CUT : match;
}

/* Content from `from` on. True: *item_out is filled; otherwise *next_out tells whether anything was consumed. */
static bool read_content(struct multipart *multipart, const struct parse_input *input, uint32_t from,
                         struct multipart_item *item_out, uint32_t *next_out)
{
    uint32_t size = 0, end_size = 0;
    struct span s = {input->data + from, input->size - from};
    enum match match = look(multipart, s, input->last, &size, &end_size);
    *next_out = from;
    if (match == MATCH_CUT)
        return false;
    bool ended = match == MATCH_NO && input->last && size == s.size;
    bool some = size > 0 || multipart->part_next;
    fill(multipart, input, from, size, match == MATCH_YES || ended, item_out);
    *next_out = from + size;
    if (match == MATCH_YES) {
        *next_out += end_size;
        multipart->state = MULTIPART_HEADERS;
    } else if (ended) {
        multipart->state = MULTIPART_EPILOGUE;
    }
    return some;
}

static struct parse_step lose(struct multipart *multipart, const struct parse_input *input)
{
    multipart->offset += (uint64_t)multipart->held + input->lost;
    multipart->looked = multipart->held = 0;
    multipart->part_next = multipart->line_skip = false;
    forget_headers(multipart);
    multipart->lost = true;
    multipart->state = input->last ? MULTIPART_EPILOGUE : MULTIPART_CONTENT;
    return parse_step_of(input->last ? PARSE_STOP : PARSE_MORE, 0, 0);
}

struct parse_step multipart_parse(struct multipart *multipart, const struct parse_input *input,
                                  struct multipart_item *item_out)
{
    if (!input->data && input->lost)
        return lose(multipart, input);
    const struct parse_input empty = {.data = (const uint8_t *)"", .last = input->last};
    if (!input->data)
        input = &empty;
    uint32_t at = 0;
    bool moved = true;
    while (moved && multipart->state != MULTIPART_EPILOGUE) {
        uint32_t next = at;
        bool content = multipart->state == MULTIPART_CONTENT;
        if (content && read_content(multipart, input, at, item_out, &next))
            return answer(multipart, PARSE_ITEM, next, input->size);
        moved = content ? multipart->state != MULTIPART_CONTENT : read_line(multipart, input, at, &next);
        at = next;
    }
    if (multipart->state == MULTIPART_EPILOGUE || input->last)
        return answer(multipart, PARSE_STOP, input->size, input->size);
    return answer(multipart, PARSE_MORE, at, input->size);
}

struct span multipart_name(const struct multipart *multipart)
{
    return (struct span){multipart->name, multipart->name_size};
}

struct span multipart_type(const struct multipart *multipart)
{
    return (struct span){multipart->type, multipart->type_size};
}
