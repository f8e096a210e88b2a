/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Folder: listed first, read second, so that links can be compared with all files. Folders wait in a list instead of
 * being visited by recursion.
 */

#include "registry/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry/grpc_table.h"

struct entry {
    const char *name; /* relative to the folder */
    dev_t device;
    ino_t inode;
    size_t size;
    uint32_t depth; /* of a folder */
    bool link;
};

struct entries {
    struct entry *list;
    uint32_t count, capacity;
};

struct reader {
    const char *folder;
    char real[PATH_MAX]; /* the folder without links */
    struct arena *arena;
    struct diagnostics *diagnostics;
    struct entries files;
    struct entries folders;
    size_t total_size;
    int status; /* first -errno */
};

static void complain(struct reader *reader, enum diagnostic_level level, const char *name, const char *message)
{
    diagnostics_add(reader->diagnostics, level, &(struct diagnostic_place){.file = name}, "%s", message);
}

static void add(struct reader *reader, struct entries *entries, const struct entry *entry)
{
    if (entries->count == entries->capacity) {
        uint32_t capacity = entries->capacity ? entries->capacity * 2 : 32;
        struct entry *list = realloc(entries->list, capacity * sizeof(*list));
        if (!list) {
            reader->status = -ENOMEM;
            return;
        }
        entries->list = list;
        entries->capacity = capacity;
    }
    entries->list[entries->count++] = *entry;
}

static bool is_document_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml") || !strcmp(dot, ".json") || grpc_file_name(name));
}

/* sha256sum escapes such names, and they spoil every listing. */
static bool is_plain_name(const char *name)
{
    for (; *name; name++)
        if ((unsigned char)*name < ' ' || *name == '\\' || *name == 127)
            return false;
    return true;
}

static bool leads_out(const struct reader *reader, const char *path)
{
    char *real = realpath(path, NULL);
    size_t size = strlen(reader->real);
    bool inside = real && !strncmp(real, reader->real, size) && (real[size] == '/' || !real[size] || size == 1);
    free(real);
    return !inside;
}

static void list_file(struct reader *reader, const char *name, const struct stat *about, bool link)
{
    if (!is_plain_name(name)) {
        complain(reader, DIAGNOSTIC_ERROR, name, "rename this file: its name has control characters or backslashes");
        return;
    }
    if ((size_t)about->st_size > REGISTRY_FILE_SIZE_MAX) {
        complain(reader, DIAGNOSTIC_ERROR, name,
                 "larger than 64 MB; split it, or move it out if it is no API document");
        return;
    }
    struct entry entry = {.name = name, .device = about->st_dev, .inode = about->st_ino, .link = link};
    entry.size = (size_t)about->st_size;
    add(reader, &reader->files, &entry);
}

static void list_entry(struct reader *reader, const struct entry *folder, const char *base)
{
    char path[PATH_MAX];
    char relative[PATH_MAX];
    struct stat about;
    int size = snprintf(relative, sizeof(relative), "%s%s%s", folder->name, *folder->name ? "/" : "", base);
    int path_size = snprintf(path, sizeof(path), "%s/%s", reader->folder, relative);
    if (size >= PATH_MAX || path_size >= PATH_MAX || lstat(path, &about))
        return;
    bool link = S_ISLNK(about.st_mode);
    if (link && leads_out(reader, path)) {
        complain(reader, DIAGNOSTIC_ERROR, relative,
                 "this link leads out of the registry's folder or nowhere; copy what it means into the folder");
        return;
    }
    if (link && stat(path, &about))
        return;
    char *name = arena_copy_text(reader->arena, relative, (size_t)size);
    if (!name)
        reader->status = -ENOMEM;
    else if (S_ISREG(about.st_mode) && is_document_name(base))
        list_file(reader, name, &about, link);
    else if (S_ISDIR(about.st_mode) && link)
        complain(reader, DIAGNOSTIC_NOTE, relative, "links to folders are not followed");
    else if (S_ISDIR(about.st_mode))
        add(reader, &reader->folders, &(struct entry){.name = name, .depth = folder->depth + 1});
}

static void list_folder(struct reader *reader, struct entry folder)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/%s", reader->folder, folder.name) >= PATH_MAX)
        return;
    DIR *directory = opendir(path);
    if (!directory) {
        complain(reader, DIAGNOSTIC_ERROR, folder.name, "this folder cannot be read; check its permissions");
        return;
    }
    if (folder.depth > REGISTRY_FOLDER_DEPTH_MAX)
        complain(reader, DIAGNOSTIC_ERROR, folder.name, "folders are nested more than 32 deep; move them up");
    for (struct dirent *entry = NULL; folder.depth <= REGISTRY_FOLDER_DEPTH_MAX && (entry = readdir(directory));) {
        if (reader->files.count > REGISTRY_FILES_MAX || reader->folders.count > REGISTRY_FILES_MAX)
            break;
        if (entry->d_name[0] != '.')
            list_entry(reader, &folder, entry->d_name);
    }
    closedir(directory);
}

/* Files of one inode side by side, the real name first. */
static int compare_inode(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    if (a->device != b->device)
        return a->device > b->device ? 1 : -1;
    if (a->inode != b->inode)
        return a->inode > b->inode ? 1 : -1;
    if (a->link != b->link)
        return a->link ? 1 : -1;
    return strcmp(a->name, b->name);
}

static void drop_known_links(struct reader *reader)
{
    struct entries *files = &reader->files;
    uint32_t kept = 0;
    if (files->count)
        qsort(files->list, files->count, sizeof(*files->list), compare_inode);
    for (uint32_t i = 0; i < files->count; i++) {
        const struct entry *entry = &files->list[i];
        const struct entry *last = kept ? &files->list[kept - 1] : NULL;
        if (entry->link && last && last->device == entry->device && last->inode == entry->inode)
            complain(reader, DIAGNOSTIC_NOTE, entry->name, "a link to a file that is read under another name");
        else
            files->list[kept++] = *entry;
    }
    files->count = kept;
}

static size_t read_all(int file, char *text, size_t size)
{
    size_t used = 0;
    while (used < size) {
        ssize_t count = read(file, text + used, size - used);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            break;
        used += (size_t)count;
    }
    return used;
}

static void read_file(struct reader *reader, const struct entry *entry, struct registry_source *source)
{
    char path[PATH_MAX];
    *source = (struct registry_source){.name = entry->name, .text = "", .size = 0};
    reader->total_size += entry->size;
    if (reader->total_size > REGISTRY_TOTAL_SIZE_MAX) {
        complain(reader, DIAGNOSTIC_ERROR, entry->name, "all files together are larger than 512 MB; move some out");
        reader->status = REGISTRY_E_INVALID;
        return;
    }
    char *text = arena_take(reader->arena, entry->size + 1, 1);
    if (!text) {
        reader->status = -ENOMEM;
        return;
    }
    snprintf(path, sizeof(path), "%s/%s", reader->folder, entry->name);
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0) {
        complain(reader, DIAGNOSTIC_ERROR, entry->name, "this file cannot be read; check its permissions");
        return;
    }
    source->size = read_all(file, text, entry->size);
    source->text = text;
    close(file);
}

static int list_all(struct reader *reader)
{
    struct stat about;
    if (!realpath(reader->folder, reader->real))
        return -errno;
    if (stat(reader->folder, &about))
        return -errno;
    if (!S_ISDIR(about.st_mode))
        return -ENOTDIR;
    list_folder(reader, (struct entry){.name = ""});
    while (reader->folders.count && !reader->status)
        list_folder(reader, reader->folders.list[--reader->folders.count]);
    if (reader->files.count > REGISTRY_FILES_MAX) {
        complain(reader, DIAGNOSTIC_ERROR, NULL, "more than 20000 files in the registry's folder; move some out");
        return REGISTRY_E_INVALID;
    }
    drop_known_links(reader);
    return reader->status;
}

int folder_read(const char *folder, struct arena *arena, struct diagnostics *diagnostics,
                struct registry_source **sources_out, uint32_t *count_out)
{
    struct reader *reader = calloc(1, sizeof(*reader));
    if (!reader)
        return -ENOMEM;
    uint32_t errors = diagnostics->errors;
    reader->folder = folder;
    reader->arena = arena;
    reader->diagnostics = diagnostics;
    int status = list_all(reader);
    struct registry_source *sources = arena_take_array(arena, struct registry_source, reader->files.count + 1);
    if (!status && !sources)
        status = -ENOMEM;
    uint32_t count = 0;
    for (; !status && count < reader->files.count; count++) {
        read_file(reader, &reader->files.list[count], &sources[count]);
        status = reader->status;
    }
    *sources_out = sources;
    *count_out = count;
    free(reader->files.list);
    free(reader->folders.list);
    free(reader);
    return status ? status : diagnostics->errors > errors ? REGISTRY_E_INVALID : 0;
}
