/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Loader: $ref.
 *
 * A reference is a relative path to a file of the registry (empty: this one) and a JSON pointer into it,
 * percent-encoded as a URI fragment (RFC 6901 6). Nothing is ever fetched: a registry must not change with somebody
 * else's web server.
 */

#include "registry/loader.h"

#define REFERENCE_SIZE_MAX 4096u /* PATH_MAX; pointers are shorter */

struct reference {
    struct document_node node; /* the $ref member, for messages */
    struct span text;
    char file[REFERENCE_SIZE_MAX];
    char pointer[REFERENCE_SIZE_MAX];
};

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void decode_escapes(struct span text, char *text_out)
{
    for (uint32_t i = 0; i < text.size; i++) {
        int high = text.data[i] == '%' && i + 2 < text.size ? hex_digit(text.data[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text.data[i + 2]) : -1;
        *text_out++ = (char)(low < 0 ? text.data[i] : high << 4 | low);
        i += low < 0 ? 0 : 2;
    }
    *text_out = 0;
}

/* "https:", "urn:" ...; a scheme has two letters at least, so that "c:" of Windows is told to be no such file. */
static bool is_remote(struct span text)
{
    if (span_starts_with(text, SPAN_LITERAL("//")))
        return true;
    uint32_t i = 0;
    while (i < text.size && ascii_lower(text.data[i]) >= 'a' && ascii_lower(text.data[i]) <= 'z')
        i++;
    return i > 1 && i < text.size && text.data[i] == ':';
}

static uint32_t folder_size(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash ? (uint32_t)(slash - name) + 1 : 0;
}

/* Joins and removes "." and "..". Returns false when the result is above the registry's folder or too long. */
static bool join_path(const char *base, const char *relative, char path_out[REFERENCE_SIZE_MAX])
{
    uint32_t size = folder_size(base);
    if (size + strlen(relative) >= REFERENCE_SIZE_MAX || relative[0] == '/')
        return false;
    memcpy(path_out, base, size);
    while (*relative) {
        size_t part = strcspn(relative, "/");
        bool dot = part == 1 && relative[0] == '.';
        bool up = part == 2 && relative[0] == '.' && relative[1] == '.';
        if (up && size == 0)
            return false;
        if (up) {
            path_out[size - 1] = 0;
            size = folder_size(path_out);
        } else if (!dot && part) {
            memcpy(path_out + size, relative, part);
            size += (uint32_t)part;
            if (relative[part] == '/')
                path_out[size++] = '/';
        }
        relative += part + (relative[part] == '/');
    }
    path_out[size] = 0;
    return true;
}

static const struct document *find_document(struct loader *loader, const struct reference *reference)
{
    if (!*reference->file)
        return reference->node.document;
    char path[REFERENCE_SIZE_MAX];
    if (!join_path(document_name(reference->node.document), reference->file, path)) {
        loader_complain(loader, reference->node,
                        "\"%s\" leaves the registry's folder; move the file into it, and refer to it relatively",
                        reference->file);
        return NULL;
    }
    const struct loader_file *file = loader_find_file(loader, span_from_text(path));
    if (!file)
        loader_complain(loader, reference->node,
                        "the registry has no file \"%s\"; correct the path (only .yaml, .yml and .json are read)",
                        path);
    return file ? file->document : NULL;
}

static bool read_index(const char *token, uint32_t *index_out)
{
    *index_out = 0;
    for (const char *c = token; *c; c++) {
        if (*c < '0' || *c > '9' || *index_out > DOCUMENT_ITEMS_MAX)
            return false;
        *index_out = *index_out * 10 + (uint32_t)(*c - '0');
    }
    return *token && (token[0] != '0' || !token[1]);
}

static struct document_node child_of(struct document_node node, const char *token)
{
    uint32_t index;
    if (document_kind(node) == DOCUMENT_SEQUENCE && read_index(token, &index))
        return document_at(node, index);
    return document_find(node, span_from_text(token));
}

/* Unescapes in place; ~1 before ~0 would turn ~01 into a slash. */
static void unescape_token(char *token)
{
    char *out = token;
    for (; *token; token++) {
        bool escape = token[0] == '~' && (token[1] == '0' || token[1] == '1');
        *out++ = (char)(!escape ? *token : token[1] == '0' ? '~' : '/');
        token += escape;
    }
    *out = 0;
}

static struct document_node follow_pointer(struct loader *loader, struct reference *reference,
                                           struct document_node node)
{
    char *token = reference->pointer;
    while (*token == '/' && document_exists(node)) {
        char *end = token + 1 + strcspn(token + 1, "/");
        char kept = *end;
        *end = 0;
        unescape_token(token + 1);
        struct document_node child = child_of(node, token + 1);
        if (!document_exists(child)) {
            char above[DOCUMENT_POINTER_MAX];
            document_pointer(node, above);
            loader_complain(loader, reference->node, "%.*s leads nowhere: %s has no \"%s\" below \"%s\"",
                            (int)reference->text.size, reference->text.data, document_name(node.document), token + 1,
                            above);
        }
        node = child;
        *end = kept;
        token = end;
    }
    return node;
}

static struct document_node find_target(struct loader *loader, struct document_node node)
{
    struct document_node nothing = {node.document, 0};
    struct reference reference = {.node = node, .text = document_text(node)};
    if (reference.text.size == 0 || reference.text.size >= REFERENCE_SIZE_MAX) {
        loader_complain(loader, node, "$ref must be a text: a relative path, a '#' and a JSON pointer");
        return nothing;
    }
    if (is_remote(reference.text)) {
        loader_complain(loader, node,
                        "only local files are read, never \"%.*s\"; copy it into the registry's folder and refer to "
                        "that copy",
                        (int)reference.text.size, reference.text.data);
        return nothing;
    }
    const uint8_t *hash = memchr(reference.text.data, '#', reference.text.size);
    uint32_t file_size = hash ? (uint32_t)(hash - reference.text.data) : reference.text.size;
    decode_escapes(span_first(reference.text, file_size), reference.file);
    decode_escapes(span_from(reference.text, file_size + (hash ? 1 : 0)), reference.pointer);
    if (reference.pointer[0] && reference.pointer[0] != '/') {
        loader_complain(loader, node, "\"#%s\" is no JSON pointer; write it like #/components/parameters/Id",
                        reference.pointer);
        return nothing;
    }
    const struct document *document = find_document(loader, &reference);
    return document ? follow_pointer(loader, &reference, document_root(document)) : nothing;
}

struct document_node loader_resolve(struct loader *loader, struct document_node node)
{
    struct document_node start = node;
    for (uint32_t hops = 0; hops < LOADER_REFERENCE_HOPS_MAX; hops++) {
        struct document_node reference = document_get(node, "$ref");
        if (!document_exists(reference))
            return node;
        node = find_target(loader, reference);
        if (!document_exists(node))
            return node;
    }
    loader_complain(loader, document_get(start, "$ref"), "this $ref leads back to itself; break the circle");
    return (struct document_node){start.document, 0};
}
