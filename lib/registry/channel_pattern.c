/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Channel pattern: two nested walks, over words and over the bytes of a word. Each goes back only to the latest mark
 * that can take more: what an earlier one took is never worth another try, as the latest may take the rest of it.
 */

#include "registry/channel_pattern.h"

struct words {
    struct span text;
    uint8_t separator;
    uint32_t position; /* of the next word; beyond text.size: none left */
};

/* A text without bytes has no words, as brokers see it. */
static struct words words_of(struct span text, uint8_t separator)
{
    return (struct words){text, separator, text.size ? 0 : 1};
}

static bool words_left(const struct words *words)
{
    return words->position <= words->text.size;
}

static struct span words_peek(const struct words *words)
{
    struct span rest = span_from(words->text, words->position);
    const uint8_t *end = words->separator && rest.size ? memchr(rest.data, words->separator, rest.size) : NULL;
    return end ? span_first(rest, (uint32_t)(end - rest.data)) : rest;
}

static void words_skip(struct words *words)
{
    words->position += words_peek(words).size + 1;
}

static bool is_mark(struct span word, char mark)
{
    return word.size == 1 && word.data[0] == (uint8_t)mark;
}

static bool word_fits(struct span shape, struct span word)
{
    if (is_mark(shape, CHANNEL_MARK_WORD))
        return true;
    uint32_t at = 0, in = 0, retry_at = 0, retry_in = 0;
    bool retry = false;
    while (in < word.size) {
        bool mark = at < shape.size && shape.data[at] == CHANNEL_MARK_PARAMETER;
        if (mark) {
            retry = true;
            retry_at = ++at;
            retry_in = ++in; /* one byte at least */
        } else if (at < shape.size && shape.data[at] == word.data[in]) {
            at++;
            in++;
        } else if (retry) {
            at = retry_at;
            in = ++retry_in;
        } else {
            return false;
        }
    }
    return at == shape.size;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool channel_pattern_fits(const struct channel_pattern *pattern, struct span text)
{
    struct words shape = words_of(pattern->shape, pattern->separator);
    struct words words = words_of(text, pattern->separator);
    struct words retry_shape = {0}, retry_words = {0};
    bool retry = false;
    while (words_left(&words)) {
        if (words_left(&shape) && is_mark(words_peek(&shape), CHANNEL_MARK_WORDS)) {
            words_skip(&shape);
            retry = true;
            retry_shape = shape;
            retry_words = words;
        } else if (words_left(&shape) && word_fits(words_peek(&shape), words_peek(&words))) {
            words_skip(&shape);
            words_skip(&words);
        } else if (retry) {
            words_skip(&retry_words);
            shape = retry_shape;
            words = retry_words;
        } else {
            return false;
        }
    }
    while (words_left(&shape) && is_mark(words_peek(&shape), CHANNEL_MARK_WORDS))
        words_skip(&shape);
    return !words_left(&shape);
}

uint32_t channel_name_decode(struct span text, uint8_t *buffer_out)
{
    uint32_t size = 0;
    for (uint32_t i = 0; i < text.size; i++) {
        int high = text.data[i] == '%' && i + 2 < text.size ? hex_digit(text.data[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text.data[i + 2]) : -1;
        buffer_out[size] = text.data[i];
        if (low >= 0) {
            buffer_out[size] = (uint8_t)((uint32_t)high << 4 | (uint32_t)low);
            i += 2;
        }
        size++;
    }
    return size;
}
