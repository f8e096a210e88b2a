/* SPDX-License-Identifier: Apache-2.0 */

/* HTTP texts: every reader over any bytes; what they hand out lies inside the text, and the loops end. */

#include <stdlib.h>

#include "proto/http_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
    if (!good)
        abort();
}

static void check_inside(struct span part, struct span text)
{
    if (part.size > 0)
        check(part.data >= text.data && part.data + part.size <= text.data + text.size);
}

typedef bool (*pair_function)(struct span *rest, struct http_pair *pair_out);

static void check_pairs(pair_function next, struct span text)
{
    struct span rest = text;
    struct http_pair pair;
    uint32_t count = 0;
    while (next(&rest, &pair)) {
        check(++count <= text.size);
        check_inside(pair.name, text);
        check_inside(pair.value, text);
    }
    check(rest.size == 0);
}

static void check_decode(struct span text, bool plus)
{
    uint8_t *buffer = malloc(text.size + 1u);
    check(buffer != NULL);
    struct http_decoded all = http_percent_decode(text, plus, buffer, text.size);
    check(!all.truncated && all.text.size <= text.size);
    struct http_decoded half = http_percent_decode(text, plus, buffer, all.text.size / 2);
    check(half.text.size == all.text.size / 2);
    check(half.truncated == (half.text.size < all.text.size));
    free(buffer);
}

static void check_target(struct span text, bool connect)
{
    struct http_target target = http_target_parse(text, connect);
    check_inside(target.scheme, text);
    check_inside(target.authority, text);
    check_inside(target.path, text);
    check_inside(target.query, text);
    if (target.form == HTTP_TARGET_ORIGIN)
        check(target.path.data == text.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    check(copy != NULL);
    if (size)
        memcpy(copy, data, size);
    struct span text = span_of(copy, size), rest = text, element;
    struct http_media_type media;
    if (http_media_type_parse(text, &media)) {
        check(media.type.size > 0 && media.subtype.size > 0);
        check_inside(media.charset, text);
        check_inside(media.boundary, text);
        check_inside(media.suffix, text);
    }
    while (http_list_next(&rest, &element)) {
        check(element.size > 0);
        check_inside(element, text);
    }
    check_pairs(http_parameter_next, text);
    check_pairs(http_cookie_next, text);
    check_pairs(http_query_next, text);
    check_decode(text, false);
    check_decode(text, true);
    check_target(text, false);
    check_target(text, true);
    struct http_authority authority = http_authority_parse(text);
    check_inside(authority.host, text);
    check(authority.port == HTTP_PORT_NONE || (authority.port >= 0 && authority.port <= 65535));
    check(http_authority_equal(text, text, SPAN_LITERAL("http")));
    free(copy);
    return 0;
}
