/* SPDX-License-Identifier: Apache-2.0 */

/* Content codings: the list syntax of RFC 9110 5.6.1, read leniently: parameters and unknown words are unknown codings.
 */

#include "proto/content_coding.h"

static const struct {
    struct span name;
    enum content_coding coding;
} known[] = {
    {{(const uint8_t *)"gzip", 4}, CONTENT_GZIP},       {{(const uint8_t *)"x-gzip", 6}, CONTENT_GZIP},
    {{(const uint8_t *)"deflate", 7}, CONTENT_DEFLATE}, {{(const uint8_t *)"br", 2}, CONTENT_BROTLI},
    {{(const uint8_t *)"zstd", 4}, CONTENT_ZSTD},
};

static void add(struct span name, struct content_codings *codings)
{
    if (!name.size || span_equal_nocase(name, SPAN_LITERAL("identity")))
        return;
    for (uint32_t i = 0; i < ARRAY_COUNT(known); i++) {
        if (!span_equal_nocase(name, known[i].name))
            continue;
        if (codings->count < CONTENT_LAYERS_MAX)
            codings->list[codings->count++] = (uint8_t)known[i].coding;
        else if (codings->outcome == CONTENT_OPEN)
            codings->outcome = CONTENT_LAYERS;
        return;
    }
    codings->outcome = CONTENT_UNSUPPORTED;
}

void content_coding_parse(struct span value, struct content_codings *codings)
{
    while (value.size) {
        const uint8_t *comma = memchr(value.data, ',', value.size);
        uint32_t size = comma ? (uint32_t)(comma - value.data) : value.size;
        add(span_trim(span_first(value, size)), codings);
        value = span_from(value, comma ? size + 1 : size);
    }
}

const char *content_coding_name(enum content_coding coding)
{
    static const char *const names[CONTENT_CODING_COUNT] = {
        [CONTENT_GZIP] = "gzip",
        [CONTENT_DEFLATE] = "deflate",
        [CONTENT_BROTLI] = "br",
        [CONTENT_ZSTD] = "zstd",
    };
    require(coding < CONTENT_CODING_COUNT);
    return names[coding];
}

const char *content_outcome_name(enum content_outcome outcome)
{
    static const char *const names[CONTENT_OUTCOME_COUNT] = {
        [CONTENT_OPEN] = "open",
        [CONTENT_COMPLETE] = "complete",
        [CONTENT_TRUNCATED] = "truncated",
        [CONTENT_MALFORMED] = "malformed",
        [CONTENT_LOST] = "lost",
        [CONTENT_BOMB_SIZE] = "bomb_size",
        [CONTENT_BOMB_RATIO] = "bomb_ratio",
        [CONTENT_BOMB_TIME] = "bomb_time",
        [CONTENT_WINDOW] = "window",
        [CONTENT_DICTIONARY] = "dictionary",
        [CONTENT_UNSUPPORTED] = "unsupported",
        [CONTENT_LAYERS] = "layers",
        [CONTENT_NO_DECODER] = "no_decoder",
    };
    require(outcome < CONTENT_OUTCOME_COUNT);
    return names[outcome];
}
