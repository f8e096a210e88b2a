/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Request path: one pass over the common path, which has neither escapes nor dot segments and is used where it lies;
 * a second, rewriting pass only for the others.
 */

#include "registry/request_path.h"

enum path_class { PATH_PLAIN, PATH_SLASH, PATH_ESCAPE, PATH_END };

static const uint8_t path_classes[256] = {['/'] = PATH_SLASH, ['%'] = PATH_ESCAPE, ['?'] = PATH_END, ['#'] = PATH_END};

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 3986 2.2, the escape character itself, and the braces by which templates mark parameters. */
static bool keeps_escape(uint8_t c)
{
    static const uint8_t kept[256] = {
        [':'] = 1, ['/'] = 1, ['?'] = 1, ['#'] = 1,  ['['] = 1, [']'] = 1, ['@'] = 1,
        ['!'] = 1, ['$'] = 1, ['&'] = 1, ['\''] = 1, ['('] = 1, [')'] = 1, ['*'] = 1,
        ['+'] = 1, [','] = 1, [';'] = 1, ['='] = 1,  ['%'] = 1, ['{'] = 1, ['}'] = 1,
    };
    return kept[c] != 0;
}

uint32_t request_path_decode(struct span text, uint8_t *buffer_out)
{
    static const char digits[] = "0123456789ABCDEF";
    uint32_t size = 0;
    for (uint32_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        int high = c == '%' && i + 2 < text.size ? hex_value(text.data[i + 1]) : -1;
        int low = high >= 0 ? hex_value(text.data[i + 2]) : -1;
        if (low < 0) {
            buffer_out[size++] = c;
            continue;
        }
        i += 2;
        c = (uint8_t)(high << 4 | low);
        if (keeps_escape(c)) {
            buffer_out[size++] = '%';
            buffer_out[size++] = (uint8_t)digits[high];
            buffer_out[size++] = (uint8_t)digits[low];
        } else {
            buffer_out[size++] = c;
        }
    }
    return size;
}

static bool is_dots(struct span segment)
{
    return segment.size && segment.data[0] == '.' &&
           (segment.size == 1 || (segment.size == 2 && segment.data[1] == '.'));
}

/* RFC 3986 5.2.4 on segments. A dot segment at the end leaves a slash behind. */
static void add_rewritten(struct request_path *path, uint32_t *depth, struct span segment, bool last)
{
    bool dots = is_dots(segment);
    if (dots && segment.size == 2 && *depth)
        (*depth)--;
    if (last)
        path->trailing_slash = dots || segment.size == 0;
    if (dots || (last && segment.size == 0))
        return;
    if (*depth < REQUEST_SEGMENTS_MAX)
        path->segments[*depth] = segment;
    (*depth)++;
}

static void split_rewritten(struct request_path *path, struct span text)
{
    path->too_long = text.size > sizeof(path->buffer);
    if (path->too_long)
        return;
    uint32_t depth = 0;
    uint8_t *place = path->buffer;
    for (uint32_t start = 1; start <= text.size;) {
        uint32_t end = start;
        while (end < text.size && text.data[end] != '/')
            end++;
        struct span segment = {place, request_path_decode(span_of(text.data + start, end - start), place)};
        place += segment.size;
        add_rewritten(path, &depth, segment, end == text.size);
        start = end + 1;
    }
    path->count = min_u32(depth, REQUEST_SEGMENTS_MAX);
}

/* Returns the size up to the end of the path; *plain_out tells whether the segments are right as they are. */
static uint32_t split_plain(struct request_path *path, struct span text, bool *plain_out)
{
    uint32_t i = 1, start = 1, count = 0;
    bool plain = true;
    for (; i < text.size; i++) {
        uint8_t class = path_classes[text.data[i]];
        if (likely(class == PATH_PLAIN))
            continue;
        if (class == PATH_END)
            break;
        if (class == PATH_ESCAPE) {
            plain = false;
            continue;
        }
        struct span segment = {text.data + start, i - start};
        plain = plain && !is_dots(segment);
        if (count < REQUEST_SEGMENTS_MAX)
            path->segments[count++] = segment;
        start = i + 1;
    }
    struct span rest = {text.data + start, i - start};
    path->trailing_slash = rest.size == 0;
    if (rest.size && count < REQUEST_SEGMENTS_MAX)
        path->segments[count++] = rest;
    path->count = count;
    *plain_out = plain && !is_dots(rest);
    return i;
}

bool request_path_split(struct request_path *path, struct span text)
{
    path->count = 0;
    path->trailing_slash = true;
    path->too_long = false;
    if (text.size == 0 || path_classes[text.data[0]] == PATH_END)
        return true;
    if (text.data[0] != '/')
        return false;
    bool plain;
    uint32_t size = split_plain(path, text, &plain);
    if (unlikely(!plain))
        split_rewritten(path, span_first(text, size));
    return true;
}
