/* SPDX-License-Identifier: Apache-2.0 */

/* Body kind: see the header. */

#include "proto/body_kind.h"

#define SNIFF_MAX      64 /* white space in front of the first byte that counts */
#define PARAMETERS_MAX 8  /* of a Content-Type; real ones have two */

const char *body_kind_name(enum body_kind kind)
{
    static const char *const names[BODY_KIND_COUNT] = {
        [BODY_BINARY] = "binary", [BODY_JSON] = "json",           [BODY_LINES] = "lines", [BODY_EVENTS] = "events",
        [BODY_FORM] = "form",     [BODY_MULTIPART] = "multipart", [BODY_XML] = "xml",     [BODY_TEXT] = "text",
    };
    return (uint32_t)kind < BODY_KIND_COUNT ? names[kind] : "unknown";
}

static bool starts_with(struct span s, struct span prefix)
{
    return s.size >= prefix.size && span_equal_nocase(span_first(s, prefix.size), prefix);
}

static bool ends_with(struct span s, struct span suffix)
{
    return s.size >= suffix.size && span_equal_nocase(span_from(s, s.size - suffix.size), suffix);
}

/* Index of `wanted` at or behind `from`, or the size. */
static uint32_t find_byte(struct span s, uint32_t from, uint8_t wanted)
{
    const uint8_t *found = from < s.size ? memchr(s.data + from, wanted, s.size - from) : NULL;
    return found ? (uint32_t)(found - s.data) : s.size;
}

struct type_kind {
    const char *name;
    uint32_t size;
    enum body_kind kind;
};

#define TYPE(name, kind)                                                                                               \
    {                                                                                                                  \
        name, sizeof(name) - 1, kind                                                                                   \
    }

static bool find_exact(struct span type, enum body_kind *kind_out)
{
    static const struct type_kind types[] = {
        TYPE("application/json", BODY_JSON),
        TYPE("text/json", BODY_JSON),
        TYPE("application/x-ndjson", BODY_LINES),
        TYPE("application/ndjson", BODY_LINES),
        TYPE("application/jsonl", BODY_LINES),
        TYPE("application/x-jsonlines", BODY_LINES),
        TYPE("application/jsonlines", BODY_LINES),
        TYPE("application/json-seq", BODY_LINES),
        TYPE("text/event-stream", BODY_EVENTS),
        TYPE("application/x-www-form-urlencoded", BODY_FORM),
        TYPE("application/xml", BODY_XML),
        TYPE("text/xml", BODY_XML),
        TYPE("application/graphql", BODY_TEXT),
        TYPE("application/javascript", BODY_TEXT),
        TYPE("application/yaml", BODY_TEXT),
        TYPE("application/x-yaml", BODY_TEXT),
        TYPE("application/sql", BODY_TEXT),
    };
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        if (type.size != types[i].size || !span_equal_nocase(type, span_of(types[i].name, types[i].size)))
            continue;
        *kind_out = types[i].kind;
        return true;
    }
    return false;
}

/* A type says something when it has both halves and is not the one for "just bytes". */
static bool is_telling(struct span type)
{
    uint32_t slash = find_byte(type, 0, '/');
    return slash > 0 && slash + 1 < type.size && !span_equal_nocase(type, SPAN_LITERAL("application/octet-stream"));
}

static enum body_kind sniff(struct span start)
{
    uint32_t end = min_u32(start.size, SNIFF_MAX);
    for (uint32_t i = 0; i < end; i++) {
        uint8_t c = start.data[i];
        if (c == '{' || c == '[')
            return BODY_JSON;
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
            break;
    }
    return BODY_BINARY;
}

enum body_kind body_kind_of_text(struct span start)
{
    if (sniff(start) == BODY_JSON)
        return BODY_JSON;
    uint32_t end = min_u32(start.size, SNIFF_MAX), at = 0;
    while (at < end &&
           (start.data[at] == ' ' || start.data[at] == '\t' || start.data[at] == '\r' || start.data[at] == '\n'))
        at++;
    return at < end && start.data[at] == '<' ? BODY_XML : BODY_TEXT;
}

enum body_kind body_kind_detect(struct span content_type, struct span start)
{
    struct span type = span_trim(span_first(content_type, find_byte(content_type, 0, ';')));
    enum body_kind kind = BODY_BINARY;
    if (!is_telling(type))
        return sniff(start);
    if (find_exact(type, &kind))
        return kind;
    if (ends_with(type, SPAN_LITERAL("+json")))
        return BODY_JSON;
    if (ends_with(type, SPAN_LITERAL("+json-seq")))
        return BODY_LINES;
    if (ends_with(type, SPAN_LITERAL("+xml")))
        return BODY_XML;
    if (starts_with(type, SPAN_LITERAL("multipart/")))
        return BODY_MULTIPART;
    return starts_with(type, SPAN_LITERAL("text/")) ? BODY_TEXT : BODY_BINARY;
}

/* End of a parameter: its ';' outside quotes, or the end. */
static uint32_t find_parameter_end(struct span s, uint32_t from)
{
    bool quoted = false;
    for (uint32_t i = from; i < s.size; i++) {
        if (s.data[i] == '"')
            quoted = !quoted;
        else if (s.data[i] == ';' && !quoted)
            return i;
    }
    return s.size;
}

struct span body_boundary_find(struct span content_type)
{
    uint32_t at = find_parameter_end(content_type, 0);
    for (uint32_t count = 0; count < PARAMETERS_MAX && at < content_type.size; count++) {
        uint32_t end = find_parameter_end(content_type, at + 1);
        struct span parameter = span_trim(span_first(span_from(content_type, at + 1), end - at - 1));
        at = end;
        if (!starts_with(parameter, SPAN_LITERAL("boundary=")))
            continue;
        struct span value = span_from(parameter, sizeof("boundary=") - 1);
        if (value.size >= 2 && value.data[0] == '"' && value.data[value.size - 1] == '"')
            value = span_first(span_from(value, 1), value.size - 2);
        return value.size <= BODY_BOUNDARY_MAX ? value : (struct span){NULL, 0};
    }
    return (struct span){NULL, 0};
}
