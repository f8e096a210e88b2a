/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Git
 *
 * Which commit last touched each file of a folder. Asks the `git` program, without a shell; reading the repository
 * ourselves would mean pack files, worktrees and history simplification.
 *
 * Memory:  commits in the arena given.
 * Threads: one owner; slow path.
 * Limits:  GIT_TIME_MAX_MS for all questions together.
 * Errors:  no git, no work tree, an unborn branch: files keep no commit, which is no mistake. Out of time: a warning.
 */

#include "base/arena.h"
#include "registry/registry.h"

#define GIT_TIME_MAX_MS 20000 /* 1,000 files take about 5 s; a reload should not hang on a network file system */

void git_find_commits(const char *folder, struct registry_file *files, uint32_t count, struct arena *arena,
                      struct diagnostics *diagnostics);
