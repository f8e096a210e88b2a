/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Shipped files: looked for upward from the program itself, first as in a source tree (rules/), then as in an installed
 * prefix (share/assay/rules), so that a tree or a prefix may be moved as a whole. A program that stands in neither, as
 * one from a build folder elsewhere does, takes the sources it was configured from.
 */

#include "config/shipped.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shipped_folders.h"

#define SHIPPED_FOLDERS_MAX                                                                                            \
    5 /* build/app/assay and build/lib/test lie two below the sources, PREFIX/libexec/assay/x two */

static bool path_exists(const char *folder, const char *below, const char *name, char path_out[SHIPPED_PATH_SIZE])
{
    int size = snprintf(path_out, SHIPPED_PATH_SIZE, "%s/%s%s", folder, below, name);
    return size > 0 && size < SHIPPED_PATH_SIZE && access(path_out, R_OK) == 0;
}

/* drivers-config beside rules tells our source tree from another one that has a folder of that name. */
static bool is_source_tree(const char *folder)
{
    char path[SHIPPED_PATH_SIZE];
    return path_exists(folder, "rules", "", path) && path_exists(folder, "drivers-config", "", path);
}

int shipped_path_find(const char *name, char path_out[SHIPPED_PATH_SIZE])
{
    char folder[SHIPPED_PATH_SIZE];
    ssize_t size = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
    if (size < 0)
        size = 0;
    folder[size] = '\0';
    for (uint32_t i = 0; i < SHIPPED_FOLDERS_MAX; i++) {
        char *slash = strrchr(folder, '/');
        if (!slash)
            break;
        *slash = '\0';
        if (is_source_tree(folder) && path_exists(folder, "", name, path_out))
            return 0;
        if (path_exists(folder, "share/assay/", name, path_out))
            return 0;
    }
    if (is_source_tree(SHIPPED_SOURCE) && path_exists(SHIPPED_SOURCE, "", name, path_out))
        return 0;
    return path_exists(SHIPPED_INSTALLED, "", name, path_out) ? 0 : -ENOENT;
}
