/* SPDX-License-Identifier: Apache-2.0 */

/* Text: a thin bound around vsnprintf(); messages are written once, before anything is measured. */

#include "generate/text.h"

#include <stdarg.h>

void text_add(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    uint32_t room = text->capacity - text->size;
    int size = vsnprintf(text->data + text->size, room, format, arguments);
    va_end(arguments);
    require(size >= 0 && (uint32_t)size < room);
    text->size += (uint32_t)size;
}

void text_add_bytes(struct text *text, struct span bytes)
{
    require(bytes.size <= text->capacity - text->size);
    if (bytes.size)
        memcpy(text->data + text->size, bytes.data, bytes.size);
    text->size += bytes.size;
}

void text_add_number(struct text *text, uint64_t value, uint32_t size)
{
    require(size <= 8 && size <= text->capacity - text->size);
    for (uint32_t i = 0; i < size; i++)
        text->data[text->size++] = (char)(uint8_t)(value >> 8 * (size - 1 - i));
}
