/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Folder
 *
 * Reads the documents below a folder into memory.
 *
 * Memory:  names and texts in the arena given.
 * Threads: one owner; slow path.
 * Limits:  REGISTRY_FILES_MAX, REGISTRY_FILE_SIZE_MAX, REGISTRY_TOTAL_SIZE_MAX, REGISTRY_FOLDER_DEPTH_MAX.
 * Errors:  limits, unreadable files and links that lead out of the folder go to the diagnostics.
 */

#include "base/arena.h"
#include "registry/registry.h"

/*
 * Sources in no particular order. A link to a file that is read anyway is left out, with a note; other links inside the
 * folder are followed to files, not to folders. Returns 0, REGISTRY_E_INVALID or -errno.
 */
MUST_USE int folder_read(const char *folder, struct arena *arena, struct diagnostics *diagnostics,
                         struct registry_source **sources_out, uint32_t *count_out);
