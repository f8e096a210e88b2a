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
