/* SPDX-License-Identifier: Apache-2.0 */

/* Descriptors, second half: fields into tables, sorted by number, each with the message its type names. */

#include <stdlib.h>

#include "proto/protobuf_wire.h"
#include "registry/descriptor.h"

/* Field numbers of descriptor.proto. */
enum { MESSAGE_FIELD = 2, MESSAGE_EXTENSION_RANGE = 5, MESSAGE_OPTIONS = 7, MESSAGE_OPTION_MAP_ENTRY = 7 };
enum {
    FIELD_NAME = 1,
    FIELD_EXTENDEE = 2,
    FIELD_NUMBER = 3,
    FIELD_LABEL = 4,
    FIELD_TYPE = 5,
    FIELD_TYPE_NAME = 6,
    FIELD_OPTIONS = 8,
    FIELD_OPTION_DEPRECATED = 3
};
enum { LABEL_REPEATED = 3 };

struct field_text {
    struct span name, extendee, type_name;
    uint64_t number, label, type;
    bool deprecated;
    bool broken;
};

static int compare_entries(const void *left, const void *right)
{
    const struct descriptor_entry *a = left, *b = right;
    int order = span_compare(a->name, b->name);
    return order ? order : (a->file > b->file) - (a->file < b->file);
}

static int compare_fields(const void *left, const void *right)
{
    const struct protobuf_field *a = left, *b = right;
    return (a->number > b->number) - (a->number < b->number);
}

static struct descriptor_entry *find_entry(const struct descriptor_pool *pool, struct span type)
{
    if (type.size == 0 || type.data[0] != '.')
        return NULL;
    const struct protobuf_message *found = protobuf_types_find(pool->types, span_from(type, 1));
    return found ? &pool->entries[found - pool->types->messages] : NULL;
}

static struct field_text read_field(struct span body)
{
    struct protobuf_reader reader = protobuf_reader_of(body);
    struct protobuf_value value;
    struct field_text field = {0};
    while (protobuf_reader_next(&reader, &value)) {
        switch (value.number) {
        case FIELD_NAME:
            field.name = value.text;
            break;
        case FIELD_EXTENDEE:
            field.extendee = value.text;
            break;
        case FIELD_NUMBER:
            field.number = value.integer;
            break;
        case FIELD_LABEL:
            field.label = value.integer;
            break;
        case FIELD_TYPE:
            field.type = value.integer;
            break;
        case FIELD_TYPE_NAME:
            field.type_name = value.text;
            break;
        case FIELD_OPTIONS:
            field.deprecated = descriptor_option(value.text, FIELD_OPTION_DEPRECATED);
            break;
        default:
            break;
        }
    }
    field.broken = reader.broken;
    return field;
}

static bool field_valid(const struct field_text *text)
{
    return !text->broken && text->number >= 1 && text->number <= PROTOBUF_NUMBER_MAX && text->type > PROTOBUF_UNTYPED &&
           text->type < PROTOBUF_TYPE_COUNT;
}

static struct span bracketed(struct descriptor_pool *pool, struct span name)
{
    char text[DESCRIPTOR_NAME_MAX + 2];
    text[0] = '[';
    if (name.size)
        memcpy(text + 1, name.data, name.size);
    text[name.size + 1] = ']';
    return name.size ? loader_intern(pool->loader, span_of(text, name.size + 2)) : name;
}

/* `scope` without data: a field of the message itself, otherwise an extension of it. */
static void add_field(struct descriptor_pool *pool, struct descriptor_entry *entry, uint32_t file, struct span body,
                      const struct span *scope)
{
    struct field_text text = read_field(body);
    struct span name = {0};
    if (!field_valid(&text))
        descriptor_complain(pool, file, "a field of message %.*s is damaged; make the file again",
                            (int)entry->name.size, entry->name.data);
    else
        name = descriptor_join(pool, file, scope ? *scope : (struct span){0}, text.name);
    if (!name.size)
        return;
    bool message = text.type == PROTOBUF_MESSAGE || text.type == PROTOBUF_GROUP;
    const struct descriptor_entry *type = message ? find_entry(pool, text.type_name) : NULL;
    if (message && !type)
        descriptor_miss(pool, file, entry->name, text.type_name);
    entry->fields[entry->filled++] = (struct protobuf_field){
        .number = (uint32_t)text.number,
        .type = (uint8_t)text.type,
        .repeated = text.label == LABEL_REPEATED,
        .utf8 = text.type == PROTOBUF_STRING && pool->files[file].proto3,
        .deprecated = text.deprecated,
        .name = scope ? bracketed(pool, name) : name,
        .message = type ? type->message : NULL,
    };
}

static struct protobuf_range read_range(struct span body)
{
    struct protobuf_reader reader = protobuf_reader_of(body);
    struct protobuf_value value;
    struct protobuf_range range = {0};
    while (protobuf_reader_next(&reader, &value)) {
        uint32_t number = (uint32_t)min_u64(value.integer, PROTOBUF_NUMBER_MAX + 1);
        if (value.number == 1)
            range.begin = number;
        else if (value.number == 2)
            range.end = number;
    }
    return range;
}

/* How many of what the message holds, and room for them. */
static void prepare(struct descriptor_pool *pool, struct descriptor_entry *entry)
{
    struct protobuf_reader reader = protobuf_reader_of(entry->body);
    struct protobuf_value value;
    uint32_t ranges = 0;
    while (protobuf_reader_next(&reader, &value)) {
        entry->field_count += value.number == MESSAGE_FIELD && value.wire == PROTOBUF_WIRE_SIZED;
        ranges += value.number == MESSAGE_EXTENSION_RANGE;
    }
    if (entry->field_count > DESCRIPTOR_FIELDS_MAX) {
        descriptor_complain(pool, entry->file, "message %.*s has more than %u fields", (int)entry->name.size,
                            entry->name.data, DESCRIPTOR_FIELDS_MAX);
        entry->field_count = 0;
    }
    struct loader *loader = pool->loader;
    entry->fields = loader_take_array(loader, loader->arena, struct protobuf_field, entry->field_count + 1);
    struct protobuf_range *list = loader_take_array(loader, loader->arena, struct protobuf_range, ranges + 1);
    if (!entry->fields || !list)
        return;
    reader = protobuf_reader_of(entry->body);
    ranges = 0;
    while (protobuf_reader_next(&reader, &value)) {
        if (value.number == MESSAGE_EXTENSION_RANGE)
            list[ranges++] = read_range(value.text);
        else if (value.number == MESSAGE_OPTIONS)
            entry->message->map_entry = descriptor_option(value.text, MESSAGE_OPTION_MAP_ENTRY);
    }
    entry->message->extensions = list;
    entry->message->extension_count = ranges;
}

static void fill(struct descriptor_pool *pool, struct descriptor_entry *entry)
{
    struct protobuf_reader reader = protobuf_reader_of(entry->body);
    struct protobuf_value value;
    while (protobuf_reader_next(&reader, &value) && entry->filled < entry->field_count)
        if (value.number == MESSAGE_FIELD && value.wire == PROTOBUF_WIRE_SIZED)
            add_field(pool, entry, entry->file, value.text, NULL);
}

static void finish(struct descriptor_pool *pool, struct descriptor_entry *entry)
{
    struct protobuf_message *message = entry->message;
    if (entry->filled)
        qsort(entry->fields, entry->filled, sizeof(*entry->fields), compare_fields);
    for (uint32_t i = 1; i < entry->filled; i++)
        if (entry->fields[i].number == entry->fields[i - 1].number)
            descriptor_complain(pool, entry->file, "message %.*s has two fields with the number %u",
                                (int)entry->name.size, entry->name.data, entry->fields[i].number);
    message->fields = entry->fields;
    message->field_count = entry->filled;
    message->any = span_equal(entry->name, SPAN_LITERAL("google.protobuf.Any")) ? pool->types : NULL;
    while (message->dense < entry->filled && entry->fields[message->dense].number == message->dense + 1)
        message->dense++;
}

static bool take_messages(struct descriptor_pool *pool)
{
    struct loader *loader = pool->loader;
    struct protobuf_message *messages =
        loader_take_array(loader, loader->arena, struct protobuf_message, pool->entry_count + 1);
    struct protobuf_types *types = loader_take(loader, loader->arena, sizeof(*types));
    if (!messages || !types)
        return false;
    *types = (struct protobuf_types){messages, pool->entry_count};
    pool->types = types;
    if (pool->entry_count)
        qsort(pool->entries, pool->entry_count, sizeof(*pool->entries), compare_entries);
    for (uint32_t i = 0; i < pool->entry_count; i++) {
        struct descriptor_entry *entry = &pool->entries[i];
        entry->message = &messages[i];
        entry->message->name = entry->name;
        if (i && span_equal(entry->name, entry[-1].name))
            descriptor_complain(pool, entry->file, "message %.*s is also in %.*s; remove one", (int)entry->name.size,
                                entry->name.data, (int)pool->files[entry[-1].file].name.size,
                                pool->files[entry[-1].file].name.data);
    }
    return true;
}

void descriptor_pool_link(struct descriptor_pool *pool)
{
    struct loader *loader = pool->loader;
    if (!take_messages(pool))
        return;
    for (uint32_t i = 0; i < pool->extension_count; i++) {
        struct descriptor_entry *extended = find_entry(pool, read_field(pool->extensions[i].body).extendee);
        if (extended)
            extended->field_count++;
    }
    for (uint32_t i = 0; i < pool->entry_count && !loader->status; i++)
        prepare(pool, &pool->entries[i]);
    for (uint32_t i = 0; i < pool->entry_count && !loader->status; i++)
        fill(pool, &pool->entries[i]);
    for (uint32_t i = 0; i < pool->extension_count && !loader->status; i++) {
        const struct descriptor_extension *extension = &pool->extensions[i];
        struct descriptor_entry *extended = find_entry(pool, read_field(extension->body).extendee);
        if (extended && extended->filled < extended->field_count)
            add_field(pool, extended, extension->file, extension->body, &extension->scope);
    }
    for (uint32_t i = 0; i < pool->entry_count && !loader->status; i++)
        finish(pool, &pool->entries[i]);
}

const struct protobuf_message *descriptor_pool_find(const struct descriptor_pool *pool, struct span type)
{
    const struct descriptor_entry *entry = find_entry(pool, type);
    return entry ? entry->message : NULL;
}
