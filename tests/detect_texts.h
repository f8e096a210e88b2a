/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Random texts with values in them
 *
 * For the tests that compare two ways of scanning: samples of all detectors, whole and damaged, among what bodies are
 * made of. Deterministic.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/detector_file.h"

static inline uint32_t text_draw(uint64_t *random, uint32_t count)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*random >> 33) % count;
}

static inline uint32_t text_append(char *text, uint32_t size, uint32_t max, const char *piece)
{
    uint32_t more = (uint32_t)strlen(piece);
    more = more < max - size ? more : max - size;
    memcpy(text + size, piece, more);
    return size + more;
}

/* One piece: a sample, a keyword, filler of bodies, or a few characters that patterns are sensitive to. */
static inline const char *text_piece(const struct detector_file *file, uint64_t *random)
{
    static const char *const fillers[] = {
        " ",
        "\"",
        "\":\"",
        ",",
        "-",
        "_",
        ".",
        "+",
        "@",
        "^",
        "<",
        "/",
        "\n",
        ":",
        "=",
        "a",
        "Z",
        "7",
        "0",
        "12",
        "ab12",
        "2026-11-20",
        "550e8400-e29b-41d4-a716-446655440000",
        "{\"id\":",
        "\"status\":\"CONFIRMED\"",
        "1732125763123",
        "3.14159265358979",
        "lorem ipsum dolor sit amet, consectetur adipiscing elit sed do eiusmod tempor",
        "\xc3\xa9",
        "\xff",
        "E",
        "D",
        "=2912"};
    const struct detector_setting *setting = &file->settings[text_draw(random, file->count)];
    switch (text_draw(random, 6)) {
    case 0:
        return setting->found[text_draw(random, setting->found_count)];
    case 1:
        return setting->ignored[text_draw(random, setting->ignored_count)];
    case 2:
        return setting->keyword_count ? setting->keywords[text_draw(random, setting->keyword_count)] : " ";
    default:
        return fillers[text_draw(random, sizeof(fillers) / sizeof(fillers[0]))];
    }
}

static inline uint32_t text_make(const struct detector_file *file, uint64_t *random, char *text, uint32_t max)
{
    uint32_t size = 0, pieces = 1 + text_draw(random, 40);
    for (uint32_t i = 0; i < pieces; i++)
        size = text_append(text, size, max, text_piece(file, random));
    for (uint32_t damage = text_draw(random, 6); damage > 0 && size > 0; damage--)
        text[text_draw(random, size)] = "0123456789 -+.@ABCZabc\"\n"[text_draw(random, 24)];
    return size;
}
