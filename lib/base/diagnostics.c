/* SPDX-License-Identifier: Apache-2.0 */

/* Diagnostics: a growing list of texts; when even memory for a text is missing the error is still counted. */

#include "base/diagnostics.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void diagnostics_init(struct diagnostics *list)
{
    *list = (struct diagnostics){0};
}

void diagnostics_deinit(struct diagnostics *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        free(list->entries[i].file);
        free(list->entries[i].pointer);
        free(list->entries[i].message);
    }
    free(list->entries);
    *list = (struct diagnostics){0};
}

static bool list_make_room(struct diagnostics *list)
{
    if (list->count >= DIAGNOSTICS_MAX)
        return false;
    if (list->count < list->capacity)
        return true;
    uint32_t capacity = list->capacity ? list->capacity * 2 : 16;
    struct diagnostic *entries = realloc(list->entries, capacity * sizeof(*entries));
    if (!entries)
        return false;
    list->entries = entries;
    list->capacity = capacity;
    return true;
}

static char *text_copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

void diagnostics_add(struct diagnostics *list, enum diagnostic_level level, const struct diagnostic_place *place,
                     const char *format, ...)
{
    list->errors += level == DIAGNOSTIC_ERROR;
    list->warnings += level == DIAGNOSTIC_WARNING;
    if (!list_make_room(list))
        return;
    char *message = NULL;
    va_list arguments;
    va_start(arguments, format);
    int size = vasprintf(&message, format, arguments);
    va_end(arguments);
    struct diagnostic *entry = &list->entries[list->count++];
    *entry = (struct diagnostic){.level = level, .message = size < 0 ? NULL : message};
    if (place) {
        entry->file = text_copy(place->file);
        entry->pointer = text_copy(place->pointer);
        entry->line = place->line;
        entry->column = place->column;
    }
}

static void entry_print(const struct diagnostic *entry, FILE *stream)
{
    static const char *const names[] = {
        [DIAGNOSTIC_ERROR] = "error", [DIAGNOSTIC_WARNING] = "warning", [DIAGNOSTIC_NOTE] = "note"};
    fprintf(stream, "%s: ", names[entry->level]);
    if (entry->file) {
        fprintf(stream, "%s:", entry->file);
        if (entry->line)
            fprintf(stream, "%u:%u:", entry->line, entry->column);
        fputc(' ', stream);
    }
    fputs(entry->message ? entry->message : "(out of memory for the message)", stream);
    if (entry->pointer)
        fprintf(stream, " (at %s)", *entry->pointer ? entry->pointer : "the document's root");
    fputc('\n', stream);
}

void diagnostics_print(const struct diagnostics *list, FILE *stream)
{
    for (uint32_t i = 0; i < list->count; i++)
        entry_print(&list->entries[i], stream);
    uint32_t said = list->errors + list->warnings;
    if (said > list->count)
        fprintf(stream, "note: %u more of the same kind are not shown\n", said - list->count);
}
