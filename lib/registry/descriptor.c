/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Descriptors, first half: sets into proto files, and those into lists of messages and extensions. Messages within
 * messages are put behind the list that is being walked, so there is no recursion however deep a hostile file nests.
 */

#include "registry/descriptor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "proto/protobuf_wire.h"

/* Field numbers of descriptor.proto. */
enum { SET_FILE = 1 };
enum {
    FILE_NAME = 1,
    FILE_PACKAGE = 2,
    FILE_MESSAGE = 4,
    FILE_EXTENSION = 7,
    FILE_OPTIONS = 8,
    FILE_SOURCE_INFO = 9,
    FILE_SYNTAX = 12,
    FILE_OPTION_DEPRECATED = 23
};
enum { MESSAGE_NAME = 1, MESSAGE_NESTED = 3, MESSAGE_EXTENSION = 6 };
enum {
    METHOD_NAME = 1,
    METHOD_INPUT = 2,
    METHOD_OUTPUT = 3,
    METHOD_OPTIONS = 4,
    METHOD_REQUEST_STREAM = 5,
    METHOD_RESPONSE_STREAM = 6,
    METHOD_OPTION_DEPRECATED = 33
};

void descriptor_complain(struct descriptor_pool *pool, uint32_t file, const char *format, ...)
{
    char *message = NULL;
    va_list arguments;
    va_start(arguments, format);
    int size = vasprintf(&message, format, arguments);
    va_end(arguments);
    if (size < 0) {
        pool->loader->status = -ENOMEM;
        return;
    }
    const struct descriptor_file *in = &pool->files[file];
    diagnostics_add(pool->loader->diagnostics, DIAGNOSTIC_ERROR,
                    &(struct diagnostic_place){.file = in->file->source.name}, "%.*s: %s", (int)in->name.size,
                    in->name.data, message);
    free(message);
}

void descriptor_miss(struct descriptor_pool *pool, uint32_t file, struct span owner, struct span type)
{
    const struct descriptor_file *in = &pool->files[file];
    if (protobuf_guess(type, true) != PROTOBUF_GUESS_TEXT)
        type = SPAN_LITERAL("(no name)");
    diagnostics_add(pool->loader->diagnostics, DIAGNOSTIC_WARNING,
                    &(struct diagnostic_place){.file = in->file->source.name},
                    "%.*s: %.*s uses %.*s, which is in no file: its fields have no names; make the set with protoc "
                    "--include_imports",
                    (int)in->name.size, in->name.data, (int)owner.size, owner.data, (int)type.size, type.data);
}

/* Room for one more; the arena keeps the old list, so doubling wastes half at most. */
static bool grow(struct loader *loader, void **list, uint32_t count, uint32_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    uint32_t larger = *capacity ? *capacity * 2 : 64;
    void *copy = loader_take(loader, loader->scratch, larger * size);
    if (!copy)
        return false;
    if (count)
        memcpy(copy, *list, count * size);
    *list = copy;
    *capacity = larger;
    return true;
}

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Identifiers with dots between them. */
static bool is_name(struct span name)
{
    bool begin = true;
    for (uint32_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        if (begin ? !is_letter(c) : !is_letter(c) && c != '.' && (c < '0' || c > '9'))
            return false;
        begin = c == '.';
    }
    return !begin;
}

struct span descriptor_join(struct descriptor_pool *pool, uint32_t file, struct span package, struct span name)
{
    char text[DESCRIPTOR_NAME_MAX];
    uint32_t size = package.size ? package.size + 1 : 0;
    if (!is_name(name) || memchr(name.data, '.', name.size) || (package.size && !is_name(package)) ||
        size + name.size > sizeof(text)) {
        descriptor_complain(pool, file, "a name in it is no identifier, or longer than %u; the file is damaged",
                            DESCRIPTOR_NAME_MAX);
        return (struct span){0};
    }
    if (size) {
        memcpy(text, package.data, package.size);
        text[size - 1] = '.';
    }
    memcpy(text + size, name.data, name.size);
    return loader_intern(pool->loader, span_of(text, size + name.size));
}

bool descriptor_option(struct span options, uint32_t number)
{
    struct protobuf_reader reader = protobuf_reader_of(options);
    struct protobuf_value value;
    bool set = false;
    while (protobuf_reader_next(&reader, &value))
        if (value.number == number && value.wire == PROTOBUF_WIRE_VARINT)
            set = value.integer != 0;
    return set;
}

bool descriptor_read_method(struct span body, struct descriptor_method *method_out)
{
    struct protobuf_reader reader = protobuf_reader_of(body);
    struct protobuf_value value;
    *method_out = (struct descriptor_method){0};
    while (protobuf_reader_next(&reader, &value)) {
        if (value.number == METHOD_NAME)
            method_out->name = value.text;
        else if (value.number == METHOD_INPUT)
            method_out->input = value.text;
        else if (value.number == METHOD_OUTPUT)
            method_out->output = value.text;
        else if (value.number == METHOD_OPTIONS)
            method_out->deprecated = descriptor_option(value.text, METHOD_OPTION_DEPRECATED);
        else if (value.number == METHOD_REQUEST_STREAM)
            method_out->request_stream = value.integer != 0;
        else if (value.number == METHOD_RESPONSE_STREAM)
            method_out->response_stream = value.integer != 0;
    }
    return !reader.broken && method_out->name.size;
}

/* ----------------------------------------------------------------- one file */

static void add_extension(struct descriptor_pool *pool, uint32_t file, struct span scope, struct span body)
{
    void *list = pool->extensions;
    if (!grow(pool->loader, &list, pool->extension_count, &pool->extension_capacity, sizeof(*pool->extensions)))
        return;
    pool->extensions = list;
    pool->extensions[pool->extension_count++] = (struct descriptor_extension){body, scope, file};
}

static void add_message(struct descriptor_pool *pool, uint32_t file, struct span scope, struct span body,
                        uint32_t depth)
{
    struct protobuf_reader reader = protobuf_reader_of(body);
    struct protobuf_value value;
    struct span name = {0};
    while (protobuf_reader_next(&reader, &value))
        if (value.number == MESSAGE_NAME)
            name = value.text;
    if (reader.broken || pool->entry_count == DESCRIPTOR_MESSAGES_MAX || depth > DESCRIPTOR_DEPTH_MAX) {
        descriptor_complain(pool, file,
                            reader.broken ? "a message in it is damaged; make the file again"
                                          : "too many messages, or too deep within each other; split it");
        return;
    }
    name = descriptor_join(pool, file, scope, name);
    void *list = pool->entries;
    if (!name.size || !grow(pool->loader, &list, pool->entry_count, &pool->entry_capacity, sizeof(*pool->entries)))
        return;
    pool->entries = list;
    pool->entries[pool->entry_count++] =
        (struct descriptor_entry){.name = name, .body = body, .file = file, .depth = depth};
}

/* What lies within the messages from `index` on, which is put behind them. */
static void add_nested(struct descriptor_pool *pool, uint32_t index)
{
    for (; index < pool->entry_count && !pool->loader->status; index++) {
        struct descriptor_entry entry = pool->entries[index];
        struct protobuf_reader reader = protobuf_reader_of(entry.body);
        struct protobuf_value value;
        while (protobuf_reader_next(&reader, &value)) {
            if (value.number == MESSAGE_NESTED && value.wire == PROTOBUF_WIRE_SIZED)
                add_message(pool, entry.file, entry.name, value.text, entry.depth + 1);
            else if (value.number == MESSAGE_EXTENSION && value.wire == PROTOBUF_WIRE_SIZED)
                add_extension(pool, entry.file, entry.name, value.text);
        }
    }
}

/* The same but for comments and places in the source, which are there or not as protoc was called. */
static bool same_file(struct span left, struct span right)
{
    struct protobuf_reader a = protobuf_reader_of(left), b = protobuf_reader_of(right);
    struct protobuf_value x, y;
    for (;;) {
        bool more_a = protobuf_reader_next(&a, &x), more_b = protobuf_reader_next(&b, &y);
        while (more_a && x.number == FILE_SOURCE_INFO)
            more_a = protobuf_reader_next(&a, &x);
        while (more_b && y.number == FILE_SOURCE_INFO)
            more_b = protobuf_reader_next(&b, &y);
        if (!more_a || !more_b)
            return more_a == more_b;
        if (x.number != y.number || x.integer != y.integer || !span_equal(x.text, y.text))
            return false;
    }
}

/* True when the proto file was in an earlier set. */
static bool known_file(struct descriptor_pool *pool, const struct descriptor_file *file)
{
    for (uint32_t i = 0; i < pool->file_count; i++) {
        const struct descriptor_file *other = &pool->files[i];
        if (!span_equal(other->name, file->name))
            continue;
        if (!same_file(other->body, file->body))
            diagnostics_add(pool->loader->diagnostics, DIAGNOSTIC_WARNING,
                            &(struct diagnostic_place){.file = file->file->source.name},
                            "%.*s is another version than in %s, which counts; make both sets from the same sources",
                            (int)file->name.size, file->name.data, other->file->source.name);
        return true;
    }
    return false;
}

static bool read_head(struct span body, struct descriptor_file *file)
{
    struct protobuf_reader reader = protobuf_reader_of(body);
    struct protobuf_value value;
    while (protobuf_reader_next(&reader, &value)) {
        if (value.number == FILE_NAME)
            file->name = value.text;
        else if (value.number == FILE_PACKAGE)
            file->package = value.text;
        else if (value.number == FILE_SYNTAX)
            file->proto3 = span_equal(value.text, SPAN_LITERAL("proto3"));
        else if (value.number == FILE_OPTIONS)
            file->deprecated = descriptor_option(value.text, FILE_OPTION_DEPRECATED);
    }
    file->body = body;
    return !reader.broken && file->name.size && file->name.size <= DESCRIPTOR_NAME_MAX &&
           protobuf_guess(file->name, true) == PROTOBUF_GUESS_TEXT;
}

static void add_file(struct descriptor_pool *pool, const struct descriptor_file *file)
{
    void *list = pool->files;
    if (known_file(pool, file) ||
        !grow(pool->loader, &list, pool->file_count, &pool->file_capacity, sizeof(*pool->files)))
        return;
    pool->files = list;
    uint32_t index = pool->file_count++, first = pool->entry_count;
    pool->files[index] = *file;
    struct protobuf_reader reader = protobuf_reader_of(file->body);
    struct protobuf_value value;
    while (protobuf_reader_next(&reader, &value)) {
        if (value.number == FILE_MESSAGE && value.wire == PROTOBUF_WIRE_SIZED)
            add_message(pool, index, file->package, value.text, 1);
        else if (value.number == FILE_EXTENSION && value.wire == PROTOBUF_WIRE_SIZED)
            add_extension(pool, index, file->package, value.text);
    }
    add_nested(pool, first);
}

void descriptor_pool_add(struct descriptor_pool *pool, const struct loader_file *file)
{
    struct protobuf_reader reader = protobuf_reader_of(span_of(file->source.text, file->source.size));
    struct protobuf_value value;
    uint32_t count = 0;
    bool good = true;
    while (good && protobuf_reader_next(&reader, &value) && !pool->loader->status) {
        struct descriptor_file proto = {.file = file};
        good = value.number == SET_FILE && value.wire == PROTOBUF_WIRE_SIZED && read_head(value.text, &proto) &&
               pool->file_count < DESCRIPTOR_FILES_MAX;
        if (good)
            add_file(pool, &proto);
        count++;
    }
    if (!good || reader.broken || count == 0)
        diagnostics_add(pool->loader->diagnostics, DIAGNOSTIC_ERROR,
                        &(struct diagnostic_place){.file = file->source.name},
                        "this is no set of protobuf descriptors, or a damaged one; make it with protoc "
                        "--include_imports --descriptor_set_out, or move the file out");
}
