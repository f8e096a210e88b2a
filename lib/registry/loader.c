/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Loader: memory, texts, and the reading of simple members.
 *
 * Texts are interned: 100,000 operations say "application/json" and "id" 300,000 times.
 */

#include "registry/loader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

int loader_init(struct loader *loader, struct diagnostics *diagnostics, struct arena *arena)
{
    *loader = (struct loader){.diagnostics = diagnostics, .arena = arena, .interned_slots = 1024};
    loader->scratch = arena_new_growing();
    loader->interned = calloc(loader->interned_slots, sizeof(*loader->interned));
    loader->routes = route_builder_new();
    loader->channels = channel_builder_new();
    if (!loader->scratch || !loader->interned || !loader->routes || !loader->channels ||
        hash_key_init(&loader->hash_key)) {
        loader_deinit(loader);
        return -ENOMEM;
    }
    return 0;
}

void loader_deinit(struct loader *loader)
{
    for (uint32_t i = 0; i < loader->file_count; i++)
        document_free(loader->files[i].document);
    free(loader->files);
    free(loader->operations);
    free(loader->places);
    free(loader->channel_list);
    free(loader->interned);
    route_builder_free(loader->routes);
    channel_builder_free(loader->channels);
    arena_free(loader->scratch);
    *loader = (struct loader){0};
}

static bool said_already(const struct diagnostics *list, struct document_node node, const char *message)
{
    char pointer[DOCUMENT_POINTER_MAX];
    document_pointer(node, pointer);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct diagnostic *entry = &list->entries[i];
        if (entry->file && entry->pointer && entry->message && strcmp(entry->pointer, pointer) == 0 &&
            strcmp(entry->message, message) == 0 && strcmp(entry->file, document_name(node.document)) == 0)
            return true;
    }
    return false;
}

void loader_complain(struct loader *loader, struct document_node node, const char *format, ...)
{
    char *message = NULL;
    va_list arguments;
    va_start(arguments, format);
    int size = vasprintf(&message, format, arguments);
    va_end(arguments);
    if (size < 0) {
        loader->status = -ENOMEM;
        return;
    }
    if (!said_already(loader->diagnostics, node, message))
        document_complain(loader->diagnostics, DIAGNOSTIC_ERROR, node, "%s", message);
    free(message);
}

void *loader_take(struct loader *loader, struct arena *arena, size_t size)
{
    void *memory = arena_take(arena, size, _Alignof(max_align_t));
    if (!memory)
        loader->status = -ENOMEM;
    return memory;
}

static uint32_t intern_slot(const struct loader *loader, struct span text)
{
    uint32_t slot = (uint32_t)hash_bytes(&loader->hash_key, text.data, text.size) & (loader->interned_slots - 1);
    while (loader->interned[slot].data && !span_equal(loader->interned[slot], text))
        slot = (slot + 1) & (loader->interned_slots - 1);
    return slot;
}

static int intern_grow(struct loader *loader)
{
    if (loader->interned_count * 2 < loader->interned_slots)
        return 0;
    struct span *old = loader->interned;
    uint32_t old_slots = loader->interned_slots;
    struct span *larger = calloc((size_t)old_slots * 2, sizeof(*larger));
    if (!larger)
        return -ENOMEM;
    loader->interned = larger;
    loader->interned_slots = old_slots * 2;
    for (uint32_t i = 0; i < old_slots; i++)
        if (old[i].data)
            larger[intern_slot(loader, old[i])] = old[i];
    free(old);
    return 0;
}

struct span loader_intern(struct loader *loader, struct span text)
{
    if (text.size == 0)
        return (struct span){0};
    uint32_t slot = intern_slot(loader, text);
    if (loader->interned[slot].data)
        return loader->interned[slot];
    char *copy = arena_copy_text(loader->arena, (const char *)text.data, text.size);
    if (!copy || intern_grow(loader)) {
        loader->status = -ENOMEM;
        return (struct span){0};
    }
    struct span kept = span_of(copy, text.size);
    loader->interned[intern_slot(loader, kept)] = kept;
    loader->interned_count++;
    return kept;
}

struct registry_names loader_read_names(struct loader *loader, struct document_node node, const char *expected)
{
    struct registry_names list = {0};
    if (!document_exists(node))
        return list;
    bool single = document_kind(node) == DOCUMENT_TEXT;
    if (!single && document_kind(node) != DOCUMENT_SEQUENCE) {
        loader_complain(loader, node, "expected %s", expected);
        return list;
    }
    struct span *names = loader_take_array(loader, loader->arena, struct span, single ? 1 : document_count(node));
    struct document_node item = single ? node : document_first(node);
    while (names && document_exists(item)) {
        if (document_kind(item) == DOCUMENT_TEXT)
            names[list.count++] = loader_intern(loader, document_text(item));
        else
            loader_complain(loader, item, "expected %s", expected);
        if (single)
            break;
        item = document_next(item);
    }
    list.names = names;
    return list;
}

bool loader_read_boolean(struct loader *loader, struct document_node mapping, struct span key, bool fallback)
{
    bool value = fallback;
    struct document_node node = document_find(mapping, key);
    if (document_exists(node) && !document_boolean(node, &value))
        loader_complain(loader, node, "%.*s must be true or false, without quotes", (int)key.size, key.data);
    return value;
}

struct span loader_read_text(struct loader *loader, struct document_node mapping, struct span key)
{
    struct document_node node = document_find(mapping, key);
    if (document_text(node).size)
        return document_text(node);
    loader_complain(loader, document_exists(node) ? node : mapping, "%.*s is needed here, as a text that is not empty",
                    (int)key.size, key.data);
    return (struct span){0};
}

const struct loader_file *loader_find_file(const struct loader *loader, struct span name)
{
    uint32_t low = 0, high = loader->file_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct span other = span_from_text(loader->files[middle].source.name);
        int order = memcmp(other.data, name.data, min_u32(other.size, name.size));
        if (order == 0 && other.size == name.size)
            return &loader->files[middle];
        if (order < 0 || (order == 0 && other.size < name.size))
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct registry_file *loader_file_of(const struct loader *loader, struct document_node node)
{
    const struct loader_file *file = loader_find_file(loader, span_from_text(document_name(node.document)));
    return file ? file->file : NULL;
}

struct registry_document *loader_add_document(struct loader *loader, const struct loader_file *file)
{
    struct document_node root = document_root(file->document), info = document_get(root, "info");
    if (document_kind(info) != DOCUMENT_MAPPING)
        loader_complain(loader, root, "`info` with `title` and `version` is needed here");
    struct document_node contact = document_get(info, "contact");
    struct registry_document *document = &loader->documents[loader->document_count++];
    *document = (struct registry_document){
        .file = file->file,
        .title = loader_intern(loader, document_text(document_get(info, "title"))),
        .version = loader_intern(loader, document_text(document_get(info, "version"))),
        .contact_name = loader_intern(loader, document_text(document_get(contact, "name"))),
        .contact_email = loader_intern(loader, document_text(document_get(contact, "email"))),
    };
    return document;
}

struct registry_channel *loader_add_channel(struct loader *loader)
{
    if (loader->channel_count == loader->channel_capacity) {
        uint32_t capacity = loader->channel_capacity ? loader->channel_capacity * 2 : 64;
        struct registry_channel **list = realloc(loader->channel_list, capacity * sizeof(*list));
        if (!list) {
            loader->status = -ENOMEM;
            return NULL;
        }
        loader->channel_list = list;
        loader->channel_capacity = capacity;
    }
    struct registry_channel *channel = loader_take(loader, loader->arena, sizeof(*channel));
    if (channel)
        loader->channel_list[loader->channel_count++] = channel;
    return channel;
}

uint32_t loader_add_operation(struct loader *loader, struct document_node place)
{
    if (loader->operation_count == loader->operation_capacity) {
        uint32_t capacity = loader->operation_capacity ? loader->operation_capacity * 2 : 64;
        struct registry_operation *operations = realloc(loader->operations, capacity * sizeof(*operations));
        if (operations)
            loader->operations = operations;
        struct document_node *places = realloc(loader->places, capacity * sizeof(*places));
        if (places)
            loader->places = places;
        if (!operations || !places) {
            loader->status = -ENOMEM;
            return ROUTE_OPERATION_NONE;
        }
        loader->operation_capacity = capacity;
    }
    loader->places[loader->operation_count] = place;
    loader->operations[loader->operation_count] = (struct registry_operation){0};
    return loader->operation_count++;
}
