/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Text check: one pass, character by character.
 */

#include "registry/text_check.h"

/* Size of the well-formed sequence at the front (RFC 3629 4), 0 when there is none. */
static uint32_t sequence_size(struct span text)
{
    static const struct {
        uint8_t first_low, first_high, second_low, second_high, size;
    } forms[] = {
        {0x00, 0x7F, 0x00, 0x00, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    uint32_t i = 0;
    while (i < ARRAY_COUNT(forms) && (text.data[0] < forms[i].first_low || text.data[0] > forms[i].first_high))
        i++;
    if (i == ARRAY_COUNT(forms) || forms[i].size > text.size)
        return 0;
    if (forms[i].size > 1 && (text.data[1] < forms[i].second_low || text.data[1] > forms[i].second_high))
        return 0;
    for (uint32_t k = 2; k < forms[i].size; k++)
        if ((text.data[k] & 0xC0) != 0x80)
            return 0;
    return forms[i].size;
}

static bool is_control(uint8_t c)
{
    return c < ' ' && c != '\t' && c != '\n' && c != '\r';
}

struct text_flaw text_check(struct span text)
{
    struct text_flaw flaw = {.line = 1, .column = 1};
    while (text.size) {
        uint8_t c = text.data[0];
        uint32_t size = sequence_size(text);
        if (!size || is_control(c)) {
            flaw.message = size ? "a control character, which neither YAML nor JSON allows; remove or escape it"
                                : "not valid UTF-8; save the file in this encoding";
            return flaw;
        }
        flaw.line += c == '\n';
        flaw.column = c == '\n' ? 1 : flaw.column + 1;
        text = span_from(text, size);
    }
    return flaw;
}
