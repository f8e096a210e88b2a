/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Event queue: names.
 *
 * Segments are files in /dev/shm, where shm_open() of the C library puts them; they are opened there by path, because
 * setting one aside needs a rename, and finding those needs a listing, which shm_open() has not.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "event/queue.h"
#include "event/queue_internal.h"

#define ASIDE_SUFFIX      ".aside-"
#define UNREADABLE_SUFFIX ".unreadable-"
#define SUFFIX_SIZE       (sizeof(UNREADABLE_SUFFIX) + 16) /* the longer one and 16 hex digits */

bool queue_name_is_valid(const char *name)
{
    size_t size = name ? strlen(name) : 0;
    return size > 0 && size + SUFFIX_SIZE <= QUEUE_NAME_MAX && name[0] != '.' && !strchr(name, '/');
}

void queue_path(const char *name, char path_out[QUEUE_PATH_SIZE])
{
    snprintf(path_out, QUEUE_PATH_SIZE, QUEUE_FOLDER "/%.*s", (int)QUEUE_NAME_MAX, name);
}

/* Renames to NAME + suffix + time, so that names sort by age. */
static int move(const char *name, size_t stem_size, const char *suffix, char name_out[QUEUE_NAME_MAX])
{
    char from[QUEUE_PATH_SIZE], to[QUEUE_PATH_SIZE];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t now_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    int size =
        snprintf(name_out, QUEUE_NAME_MAX, "%.*s%s%016llx", (int)stem_size, name, suffix, (unsigned long long)now_ns);
    if (size < 0 || size >= (int)QUEUE_NAME_MAX)
        return -ENAMETOOLONG;
    queue_path(name, from);
    queue_path(name_out, to);
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) ? -errno : 0;
}

int queue_set_aside(const char *name, char name_out[QUEUE_NAME_MAX])
{
    return move(name, strlen(name), ASIDE_SUFFIX, name_out);
}

int queue_set_unreadable(const char *name, char name_out[QUEUE_NAME_MAX])
{
    const char *suffix = strstr(name, ASIDE_SUFFIX);
    return move(name, suffix ? (size_t)(suffix - name) : strlen(name), UNREADABLE_SUFFIX, name_out);
}

int queue_find_aside(const char *name, char name_out[QUEUE_NAME_MAX])
{
    char prefix[QUEUE_NAME_MAX];
    int prefix_size = snprintf(prefix, sizeof(prefix), "%s" ASIDE_SUFFIX, name);
    if (!queue_name_is_valid(name) || prefix_size >= (int)sizeof(prefix))
        return -EINVAL;
    DIR *directory = opendir(QUEUE_FOLDER);
    if (!directory)
        return -errno;
    bool found = false;
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        const char *candidate = entry->d_name;
        if (strncmp(candidate, prefix, (size_t)prefix_size) != 0 || strlen(candidate) >= QUEUE_NAME_MAX)
            continue;
        if (found && strcmp(candidate, name_out) >= 0)
            continue;
        snprintf(name_out, QUEUE_NAME_MAX, "%.*s", (int)QUEUE_NAME_MAX - 1, candidate);
        found = true;
    }
    closedir(directory);
    return found ? 0 : -ENOENT;
}

int queue_unlink(const char *name)
{
    char path[QUEUE_PATH_SIZE];
    if (!name || strchr(name, '/') || strlen(name) >= QUEUE_NAME_MAX)
        return -EINVAL;
    queue_path(name, path);
    return unlink(path) ? -errno : 0;
}
