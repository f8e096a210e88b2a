/* SPDX-License-Identifier: Apache-2.0 */

/* Pattern: first piece at the start, last at the end, those between at their leftmost place, which is always right. */

#include "policy/pattern.h"

bool pattern_init(struct pattern *pattern, const char *text)
{
    *pattern = (struct pattern){0};
    while (pattern->piece_count <= PATTERN_STARS_MAX) {
        size_t size = strcspn(text, "*");
        pattern->pieces[pattern->piece_count++] = span_of(text, size);
        if (text[size] == '\0')
            return true;
        text += size + 1;
    }
    return false;
}

bool pattern_matches(const struct pattern *pattern, struct span text)
{
    struct span first = pattern->pieces[0];
    if (!span_starts_with(text, first))
        return false;
    if (pattern->piece_count == 1)
        return text.size == first.size;
    text = span_from(text, first.size);
    struct span last = pattern->pieces[pattern->piece_count - 1];
    if (text.size < last.size || !span_starts_with(span_from(text, text.size - last.size), last))
        return false;
    text.size -= last.size;
    for (uint32_t i = 1; i + 1 < pattern->piece_count; i++) {
        struct span piece = pattern->pieces[i];
        if (piece.size == 0)
            continue;
        const uint8_t *at = text.size ? memmem(text.data, text.size, piece.data, piece.size) : NULL;
        if (!at)
            return false;
        text = span_from(text, (uint32_t)(at - text.data) + piece.size);
    }
    return true;
}

struct span pattern_text_lower(struct span text, uint8_t buffer[PATTERN_LOWER_MAX])
{
    if (text.size > PATTERN_LOWER_MAX)
        return text;
    for (uint32_t i = 0; i < text.size; i++)
        buffer[i] = ascii_lower(text.data[i]);
    return span_of(buffer, text.size);
}

bool pattern_list_matches(const struct pattern_list *list, struct span text)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (pattern_matches(&list->patterns[i], text))
            return true;
    return false;
}
