/* SPDX-License-Identifier: Apache-2.0 */

/*
 * OpenAPI: path templates, cut into the shapes the route table compares.
 */

#include "registry/openapi.h"

struct reader {
    struct loader *loader;
    struct document_node path;
    struct openapi_template *template;
    uint8_t *shape; /* of the segment being read */
    uint32_t size;
};

static bool add_name(struct reader *reader, struct span name)
{
    struct openapi_template *template = reader->template;
    if (name.size == 0) {
        loader_complain(reader->loader, reader->path, "a parameter in this path has no name between its braces");
        return false;
    }
    for (uint32_t i = 0; i < template->name_count; i++) {
        if (span_equal(template->names[i], name)) {
            loader_complain(reader->loader, reader->path, "{%.*s} stands twice in this path; rename one",
                            (int)name.size, name.data);
            return false;
        }
    }
    if (template->name_count == REGISTRY_SEGMENTS_MAX) {
        loader_complain(reader->loader, reader->path, "more than %u parameters in this path", REGISTRY_SEGMENTS_MAX);
        return false;
    }
    template->names[template->name_count++] = name;
    return true;
}

/* One parameter or one run of literal bytes. Returns the bytes used, 0 after an error. */
static uint32_t read_piece(struct reader *reader, struct span text)
{
    if (text.data[0] == '{') {
        const uint8_t *close = memchr(text.data, '}', text.size);
        if (!close) {
            loader_complain(reader->loader, reader->path, "'{' without '}' in one segment of this path; close it");
            return 0;
        }
        uint32_t size = (uint32_t)(close - text.data) + 1;
        if (!add_name(reader, span_of(text.data + 1, size - 2)))
            return 0;
        reader->shape[reader->size++] = ROUTE_PARAMETER;
        return size;
    }
    uint32_t size = 0;
    while (size < text.size && text.data[size] != '{' && text.data[size] != '}')
        size++;
    if (size == 0) {
        loader_complain(reader->loader, reader->path, "'}' without '{' in this path; escape it as %%7D or open it");
        return 0;
    }
    reader->size += request_path_decode(span_first(text, size), reader->shape + reader->size);
    return size;
}

static bool read_segment(struct reader *reader, struct span text)
{
    struct openapi_template *template = reader->template;
    if (text.size == 0 || template->segment_count == REGISTRY_SEGMENTS_MAX) {
        loader_complain(reader->loader, reader->path,
                        text.size ? "too many segments in this path" : "an empty segment (//) in this path; remove it");
        return false;
    }
    reader->shape = loader_take(reader->loader, reader->loader->scratch, text.size);
    reader->size = 0;
    if (!reader->shape)
        return false;
    while (text.size) {
        uint32_t used = read_piece(reader, text);
        if (!used)
            return false;
        text = span_from(text, used);
    }
    template->segments[template->segment_count++] = span_of(reader->shape, reader->size);
    return true;
}

bool openapi_read_template_text(struct loader *loader, struct document_node path, struct span text,
                                struct openapi_template *template_out)
{
    struct reader reader = {.loader = loader, .path = path, .template = template_out};
    template_out->segment_count = template_out->name_count = 0;
    if (text.size == 0 || text.data[0] != '/') {
        loader_complain(loader, path, "a path must begin with '/'");
        return false;
    }
    if (memchr(text.data, '?', text.size) || memchr(text.data, '#', text.size)) {
        loader_complain(loader, path, "a path ends before '?' and '#'; describe the query under `parameters`");
        return false;
    }
    text = span_from(text, 1);
    template_out->trailing_slash = text.size == 0 || text.data[text.size - 1] == '/';
    if (text.size && template_out->trailing_slash)
        text.size--;
    bool good = true;
    while (good && text.data && text.size) {
        const uint8_t *slash = memchr(text.data, '/', text.size);
        uint32_t size = slash ? (uint32_t)(slash - text.data) : text.size;
        good = read_segment(&reader, span_first(text, size));
        text = span_from(text, size + (slash ? 1 : 0));
    }
    return good;
}

bool openapi_read_template(struct loader *loader, struct document_node path, struct openapi_template *template_out)
{
    return openapi_read_template_text(loader, path, document_key(path), template_out);
}
