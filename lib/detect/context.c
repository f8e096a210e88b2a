/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Keywords in context
 *
 * Tried at each place that begins like a keyword. It runs only for values that a validator has accepted, so it has no
 * index.
 */

#include "detect/context.h"

static bool is_lower(uint8_t c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(uint8_t c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_filler(uint8_t c)
{
    return c == '_' || c == '-' || c == ' ';
}

/* A part of a name may begin at `at`. */
static bool part_begins(struct span text, uint32_t at)
{
    if (at == 0)
        return true;
    uint8_t before = text.data[at - 1], here = text.data[at];
    if (!is_lower(before) && !is_upper(before))
        return true;
    return is_lower(before) && is_upper(here);
}

static bool part_ends(struct span text, uint32_t end)
{
    if (end >= text.size)
        return true;
    uint8_t last = text.data[end - 1], next = text.data[end];
    if (!is_lower(next) && !is_upper(next))
        return true;
    return is_lower(last) && is_upper(next);
}

/* Where the keyword that begins at `at` ends, or 0. */
static uint32_t match_word(const char *word, struct span text, uint32_t at, uint32_t end)
{
    for (; *word != '\0'; word++) {
        bool here = at < end;
        if (*word == ' ') {
            at += here && is_filler(text.data[at]);
            continue;
        }
        if (!here || ascii_lower(text.data[at]) != (uint8_t)*word)
            return 0;
        at++;
    }
    return at;
}

bool context_keyword_fold(const char *word, char folded_out[CONTEXT_KEYWORD_MAX])
{
    uint32_t size = 0;
    for (const char *c = word; *c != '\0'; c++) {
        bool filler = is_filler((uint8_t)*c);
        bool parts = filler || (c > word && is_upper((uint8_t)c[0]) && is_lower((uint8_t)c[-1]));
        if (size + 2 >= CONTEXT_KEYWORD_MAX)
            return false;
        if (parts && size > 0 && folded_out[size - 1] != ' ')
            folded_out[size++] = ' ';
        if (!filler)
            folded_out[size++] = (char)ascii_lower((uint8_t)*c);
    }
    if (size > 0 && folded_out[size - 1] == ' ')
        size--;
    folded_out[size] = '\0';
    return size > 0;
}

void context_keywords_init(struct context_keywords *keywords, const char (*words)[CONTEXT_KEYWORD_MAX], uint32_t count)
{
    *keywords = (struct context_keywords){.words = words, .count = count};
    for (uint32_t i = 0; i < count; i++) {
        uint8_t c = (uint8_t)words[i][0];
        keywords->first_bytes[c >> 6] |= UINT64_C(1) << (c & 63);
    }
}

bool context_has_keyword(const struct context_keywords *keywords, struct span text, uint32_t start, uint32_t end)
{
    require(start <= end && end <= text.size);
    for (uint32_t at = start; at < end; at++) {
        uint8_t c = ascii_lower(text.data[at]);
        if (!(keywords->first_bytes[c >> 6] >> (c & 63) & 1) || !part_begins(text, at))
            continue;
        for (uint32_t i = 0; i < keywords->count; i++) {
            const char *word = keywords->words[i];
            uint32_t stop = match_word(word, text, at, end);
            if (stop > 0 && (part_ends(text, stop) || strlen(word) >= CONTEXT_LONG))
                return true;
        }
    }
    return false;
}
