/* SPDX-License-Identifier: Apache-2.0 */

/*
 * YAML documents: read, compare with the schema, and only then let libcyaml fill the structure, so that its
 * first-mistake stop never decides what the user gets to see. Its own complaint, should it still have one, is passed
 * on.
 */

#include "config/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/yaml_check.h"
#include "config/yaml_tree.h"

struct yaml_document {
    char *file;
    struct yaml_tree tree;
    const struct cyaml_schema_value *schema;
    void *value;
};

struct complaint {
    char text[512]; /* the first line libcyaml logs: what is wrong, without its backtrace */
};

static void complaint_keep(cyaml_log_t level, void *context, const char *format, va_list arguments) PRINTF_LIKE(3, 0);

static void complaint_keep(cyaml_log_t level, void *context, const char *format, va_list arguments)
{
    struct complaint *complaint = context;
    (void)level;
    if (!complaint->text[0])
        vsnprintf(complaint->text, sizeof(complaint->text), format, arguments);
}

static cyaml_config_t loader(struct complaint *complaint)
{
    return (cyaml_config_t){
        .log_fn = complaint_keep,
        .log_ctx = complaint,
        .mem_fn = cyaml_mem,
        .log_level = CYAML_LOG_ERROR,
        .flags = CYAML_CFG_NO_ALIAS,
    };
}

static int document_fill(struct yaml_document *document, const void *text, size_t size, struct diagnostics *diagnostics)
{
    struct complaint complaint = {{0}};
    cyaml_config_t config = loader(&complaint);
    if (document->tree.count == 0) {
        text = "{}";
        size = 2;
    }
    cyaml_err_t result =
        cyaml_load_data(text, size, &config, document->schema, (cyaml_data_t **)&document->value, NULL);
    if (result == CYAML_OK && document->value)
        return 0;
    struct diagnostic_place place = {.file = document->file};
    diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &place, "cannot be read: %s (%s)", cyaml_strerror(result),
                    complaint.text);
    return result == CYAML_ERR_OOM ? -ENOMEM : -EINVAL;
}

int yaml_load_text(const char *name, const void *text, size_t size, const struct cyaml_schema_value *schema,
                   struct diagnostics *diagnostics, struct yaml_document **document_out)
{
    *document_out = NULL;
    struct diagnostic_place place = {.file = name};
    if (size > YAML_FILE_SIZE_MAX) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &place, "larger than %u bytes; split it", YAML_FILE_SIZE_MAX);
        return -EINVAL;
    }
    struct yaml_document *document = calloc(1, sizeof(*document));
    int result = -ENOMEM;
    if (document) {
        document->schema = schema;
        document->file = strdup(name);
        result = document->file ? yaml_tree_init(&document->tree, name, text, size, diagnostics) : -ENOMEM;
    }
    if (result == 0)
        result = yaml_check(&document->tree, name, schema, diagnostics);
    if (result == 0)
        result = document_fill(document, text, size, diagnostics);
    if (result == -ENOMEM)
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &place, "out of memory");
    if (result < 0) {
        yaml_document_free(document);
        return result;
    }
    *document_out = document;
    return 0;
}

/* The whole file on the heap. Returns its size or -errno. */
static ssize_t file_read(const char *path, char **text_out)
{
    *text_out = NULL;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return -errno;
    struct stat status;
    ssize_t size = fstat(file, &status) < 0 ? -errno : 0;
    if (size == 0 && !S_ISREG(status.st_mode))
        size = S_ISDIR(status.st_mode) ? -EISDIR : -EINVAL;
    if (size == 0 && status.st_size > (off_t)YAML_FILE_SIZE_MAX)
        size = -EFBIG;
    char *text = size == 0 ? malloc((size_t)status.st_size + 1) : NULL;
    if (size == 0 && !text)
        size = -ENOMEM;
    while (text && size >= 0 && size < status.st_size) {
        ssize_t count = read(file, text + size, (size_t)(status.st_size - size));
        if (count <= 0) {
            size = count < 0 ? -errno : size;
            break;
        }
        size += count;
    }
    close(file);
    if (size < 0)
        free(text);
    else
        *text_out = text;
    return size;
}

int yaml_load_file(const char *path, const struct cyaml_schema_value *schema, struct diagnostics *diagnostics,
                   struct yaml_document **document_out)
{
    *document_out = NULL;
    char *text;
    ssize_t size = file_read(path, &text);
    if (size < 0) {
        struct diagnostic_place place = {.file = path};
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &place, "cannot be read: %s", strerror((int)-size));
        return (int)size;
    }
    int result = yaml_load_text(path, text, (size_t)size, schema, diagnostics, document_out);
    free(text);
    return result;
}

void yaml_document_free(struct yaml_document *document)
{
    if (!document)
        return;
    struct complaint complaint = {{0}};
    cyaml_config_t config = loader(&complaint);
    if (document->value) {
        cyaml_err_t result = cyaml_free(&config, document->schema, document->value, 0);
        require(result == CYAML_OK);
    }
    yaml_tree_deinit(&document->tree);
    free(document->file);
    free(document);
}

void *yaml_document_value(const struct yaml_document *document)
{
    return document->value;
}

const char *yaml_document_file(const struct yaml_document *document)
{
    return document->file;
}

static uint32_t find_formatted(const struct yaml_document *document, const char *format, va_list arguments,
                               bool *found_out) PRINTF_LIKE(2, 0);

static uint32_t find_formatted(const struct yaml_document *document, const char *format, va_list arguments,
                               bool *found_out)
{
    char pointer[YAML_POINTER_SIZE];
    vsnprintf(pointer, sizeof(pointer), format, arguments);
    return yaml_tree_find(&document->tree, pointer, found_out);
}

bool yaml_document_has(const struct yaml_document *document, const char *pointer_format, ...)
{
    bool found;
    va_list arguments;
    va_start(arguments, pointer_format);
    (void)find_formatted(document, pointer_format, arguments, &found);
    va_end(arguments);
    return found;
}

struct diagnostic_place yaml_document_place(const struct yaml_document *document, const char *pointer_format, ...)
{
    bool found;
    va_list arguments;
    va_start(arguments, pointer_format);
    uint32_t index = find_formatted(document, pointer_format, arguments, &found);
    va_end(arguments);
    struct diagnostic_place place = {.file = document->file, .line = 1, .column = 1};
    if (index != YAML_NODE_NONE) {
        place.line = document->tree.nodes[index].line;
        place.column = document->tree.nodes[index].column;
    }
    return place;
}

bool yaml_document_check_range(const struct yaml_document *document, struct diagnostics *diagnostics,
                               const char *pointer, uint64_t value, uint64_t min, uint64_t max)
{
    if (value >= min && value <= max)
        return true;
    struct diagnostic_place place = yaml_document_place(document, "%s", pointer);
    const char *name = strrchr(pointer, '/');
    diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &place, "'%s' must be from %" PRIu64 " to %" PRIu64 ", not %" PRIu64,
                    name ? name + 1 : pointer, min, max, value);
    return false;
}

bool yaml_file_has_root_key(const char *path, const char *key)
{
    char *text;
    ssize_t size = file_read(path, &text);
    if (size < 0)
        return false;
    struct diagnostics unheard;
    diagnostics_init(&unheard);
    struct yaml_tree tree;
    bool found = false;
    if (yaml_tree_init(&tree, path, text, (size_t)size, &unheard) == 0) {
        char pointer[YAML_POINTER_SIZE];
        snprintf(pointer, sizeof(pointer), "/%s", key);
        (void)yaml_tree_find(&tree, pointer, &found);
        yaml_tree_deinit(&tree);
    }
    diagnostics_deinit(&unheard);
    free(text);
    return found;
}
