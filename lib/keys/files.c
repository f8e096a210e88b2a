/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Key log files
 *
 * inotify only wakes: it tells of changes, but its events can be lost and say nothing about files of other hosts. What
 * is to be done is found out each time by looking at the files, which is cheap at a few looks a second.
 */

#include "keys/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads of one file in one turn: 16 MiB, so that one file cannot keep others waiting for long. */
#define READS_MAX   1024u
#define EVENT_BYTES 4096u
#define WATCHED     (IN_CREATE | IN_MODIFY | IN_MOVED_TO | IN_ATTRIB | IN_CLOSE_WRITE)

struct key_file {
    char *path;
    bool in_folder; /* given up when it is gone */
    int descriptor; /* -1: not there */
    dev_t device;
    ino_t node;
    off_t offset;
    struct key_stream stream;
};

struct key_files {
    int notify;
    char **folders;
    uint32_t folder_count;
    struct key_file *files[KEY_FILES_MAX];
    uint32_t count;
    uint32_t refused;
};

static struct key_file *find(const struct key_files *files, const char *path)
{
    for (uint32_t i = 0; i < files->count; i++)
        if (strcmp(files->files[i]->path, path) == 0)
            return files->files[i];
    return NULL;
}

static int add(struct key_files *files, const char *path, bool in_folder)
{
    if (find(files, path))
        return 0;
    if (files->count == KEY_FILES_MAX) {
        files->refused++;
        return -ENOSPC;
    }
    struct key_file *file = calloc(1, sizeof(*file));
    char *copy = strdup(path);
    if (!file || !copy) {
        free(copy);
        free(file);
        return -ENOMEM;
    }
    file->path = copy;
    file->in_folder = in_folder;
    file->descriptor = -1;
    files->files[files->count++] = file;
    return 0;
}

static void file_free(struct key_file *file)
{
    if (file->descriptor >= 0)
        close(file->descriptor);
    key_stream_deinit(&file->stream);
    free(file->path);
    free(file);
}

/* Watches the folder a path lies in, so that a file that is made later, or replaced, wakes as well. */
static void watch_parent(struct key_files *files, const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(folder, sizeof(folder), ".");
    else
        snprintf(folder, sizeof(folder), "%.*s", slash == path ? 1 : (int)(slash - path), path);
    (void)inotify_add_watch(files->notify, folder, WATCHED);
}

static void scan_folder(struct key_files *files, const char *folder)
{
    DIR *listing = opendir(folder);
    struct dirent *entry;
    files->refused = 0;
    while (listing && (entry = readdir(listing))) {
        char path[PATH_MAX];
        struct stat status;
        int size = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.' || size < 0 || size >= (int)sizeof(path))
            continue;
        if (stat(path, &status) == 0 && S_ISREG(status.st_mode))
            (void)add(files, path, true);
    }
    if (listing)
        closedir(listing);
}

static int begin(struct key_files *files, const char *path, struct diagnostics *diagnostics)
{
    struct diagnostic_place place = {.file = path};
    struct stat status;
    bool there = stat(path, &status) == 0;
    if (!there)
        diagnostics_add(diagnostics, DIAGNOSTIC_WARNING, &place, "key log: %s; it is waited for", strerror(errno));
    if (there && S_ISDIR(status.st_mode)) {
        files->folders[files->folder_count++] = strdup(path);
        (void)inotify_add_watch(files->notify, path, WATCHED);
        return files->folders[files->folder_count - 1] ? 0 : -ENOMEM;
    }
    if (there && (status.st_mode & S_IROTH))
        diagnostics_add(diagnostics, DIAGNOSTIC_WARNING, &place,
                        "the key log can be read by everybody on this host; make it 0600");
    watch_parent(files, path);
    return add(files, path, false);
}

int key_files_new(struct key_files **files_out, char *const *paths, uint32_t count, struct diagnostics *diagnostics)
{
    struct key_files *files = calloc(1, sizeof(*files));
    if (!files)
        return -ENOMEM;
    files->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    files->folders = calloc(count + 1, sizeof(*files->folders));
    int result = files->notify < 0 ? -errno : files->folders ? 0 : -ENOMEM;
    for (uint32_t i = 0; result == 0 && i < count; i++)
        result = begin(files, paths[i], diagnostics);
    if (result < 0) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, NULL, "key logs cannot be followed: %s", strerror(-result));
        key_files_free(files);
        return result;
    }
    *files_out = files;
    return 0;
}

void key_files_free(struct key_files *files)
{
    if (!files)
        return;
    for (uint32_t i = 0; i < files->count; i++)
        file_free(files->files[i]);
    for (uint32_t i = 0; i < files->folder_count; i++)
        free(files->folders[i]);
    free(files->folders);
    if (files->notify >= 0)
        close(files->notify);
    free(files);
}

int key_files_descriptor(const struct key_files *files)
{
    return files->notify;
}

static void file_open(struct key_file *file)
{
    struct stat status;
    int descriptor = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor >= 0 && (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode))) {
        close(descriptor);
        descriptor = -1;
    }
    file->descriptor = descriptor;
    if (descriptor < 0)
        return;
    file->device = status.st_dev;
    file->node = status.st_ino;
    file->offset = 0;
    key_stream_restart(&file->stream);
}

static void file_read(struct key_file *file, struct tls_key_store *store, bool last, uint64_t now_ns,
                      struct key_counts *counts_io)
{
    struct stat status;
    if (fstat(file->descriptor, &status) == 0 && status.st_size < file->offset) {
        file->offset = 0; /* it was cut short: begun anew */
        key_stream_restart(&file->stream);
    }
    ssize_t got = 1;
    for (uint32_t read = 0; read < READS_MAX && got > 0; read++) {
        uint32_t room;
        uint8_t *at = key_stream_room(&file->stream, &room);
        got = pread(file->descriptor, at, room, file->offset);
        if (got > 0) {
            file->offset += got;
            key_stream_take(&file->stream, store, (uint32_t)got, false, now_ns, counts_io);
        }
    }
    if (last)
        key_stream_take(&file->stream, store, 0, true, now_ns, counts_io);
}

/* True: the name stands for another file now, or for none. */
static bool file_replaced(const struct key_file *file, bool *gone_out)
{
    struct stat status;
    *gone_out = stat(file->path, &status) != 0;
    return !*gone_out && (status.st_dev != file->device || status.st_ino != file->node);
}

/* False: it is gone and was only found in a folder. */
static bool file_turn(struct key_file *file, struct tls_key_store *store, bool last, uint64_t now_ns,
                      struct key_counts *counts_io)
{
    bool gone = false;
    if (file->descriptor < 0)
        file_open(file);
    if (file->descriptor < 0)
        return !file->in_folder;
    file_read(file, store, last, now_ns, counts_io);
    bool replaced = file_replaced(file, &gone);
    if (!replaced && !gone)
        return true;
    /* What was written between the read and the look at the name; a line cut by the rotation stays cut. */
    file_read(file, store, true, now_ns, counts_io);
    close(file->descriptor);
    file->descriptor = -1;
    if (replaced) {
        file_open(file);
        if (file->descriptor >= 0)
            file_read(file, store, last, now_ns, counts_io);
    }
    return !(gone && file->in_folder);
}

void key_files_read(struct key_files *files, struct tls_key_store *store, bool last, uint64_t now_ns,
                    struct key_counts *counts_io)
{
    char events[EVENT_BYTES];
    while (read(files->notify, events, sizeof(events)) > 0) {
        /* Only that they came matters. */
    }
    for (uint32_t i = 0; i < files->folder_count; i++)
        scan_folder(files, files->folders[i]);
    for (uint32_t i = 0; i < files->count;) {
        if (file_turn(files->files[i], store, last, now_ns, counts_io)) {
            i++;
            continue;
        }
        file_free(files->files[i]);
        files->files[i] = files->files[--files->count];
    }
}

uint32_t key_files_count(const struct key_files *files, uint32_t *refused_out)
{
    *refused_out = files->refused;
    return files->count;
}
