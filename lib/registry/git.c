/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Git: a child process a question, with a clean environment, no input and a deadline.
 *
 * The repository's own configuration may name programs to run; those that `log` and `status` would run are switched
 * off.
 */

#include "registry/git.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OUTPUT_SIZE_MAX  (1u << 20) /* of `git status`: 10,000 changed files */
#define ARGUMENTS_MAX    24u
#define COMMIT_SIZE_SHA1 40u
#define COMMIT_SIZE_MAX  64u /* SHA-256 repositories */

struct git {
    const char *folder;
    int64_t deadline_ms;
    char *output;
    size_t output_size;
    char home[PATH_MAX];
    char path[PATH_MAX];
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static pid_t start(struct git *git, const char *const *question, int output)
{
    const char *arguments[ARGUMENTS_MAX] = {"git",
                                            "-C",
                                            git->folder,
                                            "--no-pager",
                                            "--literal-pathspecs",
                                            "-c",
                                            "core.fsmonitor=false",
                                            "-c",
                                            "core.hooksPath=/dev/null",
                                            "-c",
                                            "log.showSignature=false"};
    uint32_t count = 11;
    while (*question && count < ARGUMENTS_MAX - 1)
        arguments[count++] = *question++;
    char *environment[] = {
        git->path, git->home, (char[]){"LC_ALL=C"}, (char[]){"GIT_OPTIONAL_LOCKS=0"}, (char[]){"GIT_TERMINAL_PROMPT=0"},
        NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    pid_t child = -1;
    if (posix_spawn_file_actions_init(&actions))
        return -1;
    if (posix_spawnattr_init(&attributes) == 0) {
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
        /* posix_spawn wants char *const[], and changes nothing. */
        char *const *list = (char *const *)(uintptr_t)arguments;
        if (posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0) ||
            posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO) ||
            posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0) ||
            posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1) ||
            posix_spawnp(&child, "git", &actions, &attributes, list, environment))
            child = -1;
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

/* Returns false at the deadline, or when there is more than fits. */
static bool collect(struct git *git, int input)
{
    git->output_size = 0;
    for (;;) {
        int64_t left_ms = git->deadline_ms - now_ms();
        struct pollfd waiting = {.fd = input, .events = POLLIN};
        int ready = left_ms > 0 ? poll(&waiting, 1, (int)left_ms) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0 || git->output_size == OUTPUT_SIZE_MAX)
            return false;
        ssize_t count = read(input, git->output + git->output_size, OUTPUT_SIZE_MAX - git->output_size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return false;
        if (count == 0)
            return true;
        git->output_size += (size_t)count;
    }
}

/* True when git answered with success; its answer is in `output`. */
static bool ask(struct git *git, const char *const *question)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return false;
    pid_t child = start(git, question, ends[1]);
    close(ends[1]);
    bool whole = child > 0 && collect(git, ends[0]);
    close(ends[0]);
    if (child <= 0)
        return false;
    if (!whole)
        kill(child, SIGKILL);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return whole && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static struct registry_file *find_file(struct registry_file *files, uint32_t count, struct span name)
{
    for (uint32_t i = 0; i < count; i++)
        if (span_equal(files[i].name, name))
            return &files[i];
    return NULL;
}

/* "XY PATH" NUL, paths from the work tree's root; a rename adds the old PATH NUL. */
static void mark_modified(struct git *git, struct span prefix, struct registry_file *files, uint32_t count)
{
    struct span rest = span_of(git->output, git->output_size);
    while (rest.size > 3) {
        const uint8_t *end = memchr(rest.data, 0, rest.size);
        if (!end)
            return;
        struct span entry = span_first(rest, (uint32_t)(end - rest.data));
        struct span path = span_from(entry, min_u32(3, entry.size));
        bool renamed = entry.data[0] == 'R' || entry.data[0] == 'C';
        struct registry_file *file =
            span_starts_with(path, prefix) ? find_file(files, count, span_from(path, prefix.size)) : NULL;
        if (file)
            file->modified = true;
        rest = span_from(rest, entry.size + 1);
        end = renamed && rest.size ? memchr(rest.data, 0, rest.size) : NULL;
        if (end)
            rest = span_from(rest, (uint32_t)(end - rest.data) + 1);
    }
}

static void find_commit(struct git *git, struct registry_file *file, struct arena *arena)
{
    char name[PATH_MAX];
    snprintf(name, sizeof(name), "%.*s", (int)file->name.size, file->name.data);
    if (!ask(git, (const char *const[]){"log", "-1", "--format=%H", "--", name, NULL}))
        return;
    size_t size = strspn(git->output, "0123456789abcdef");
    if (size == COMMIT_SIZE_SHA1 || size == COMMIT_SIZE_MAX)
        file->commit = span_of(arena_copy_text(arena, git->output, size), size);
    /* In a work tree, yet in no commit: what is judged by it cannot be found again in the history. */
    if (!file->commit.data) {
        file->commit.size = 0;
        file->modified = true;
    }
}

static void ask_all(struct git *git, struct registry_file *files, uint32_t count, struct arena *arena,
                    struct diagnostics *diagnostics)
{
    if (!ask(git, (const char *const[]){"rev-parse", "--show-prefix", NULL}) || git->output_size == 0)
        return;
    char prefix[PATH_MAX];
    int size = snprintf(prefix, sizeof(prefix), "%.*s", (int)git->output_size - 1, git->output);
    if (size < 0 || size >= PATH_MAX)
        return;
    bool known =
        ask(git, (const char *const[]){"status", "--porcelain", "-z", "--untracked-files=all", "--", ".", NULL});
    if (known)
        mark_modified(git, span_of(prefix, (size_t)size), files, count);
    for (uint32_t i = 0; i < count && now_ms() < git->deadline_ms; i++) {
        memset(git->output, 0, COMMIT_SIZE_MAX + 1);
        find_commit(git, &files[i], arena);
    }
    if (!known || now_ms() >= git->deadline_ms)
        diagnostics_add(diagnostics, DIAGNOSTIC_WARNING, NULL,
                        "git did not answer in time: some documents are cited without their commit");
}

void git_find_commits(const char *folder, struct registry_file *files, uint32_t count, struct arena *arena,
                      struct diagnostics *diagnostics)
{
    struct git *git = calloc(1, sizeof(*git));
    char *output = malloc(OUTPUT_SIZE_MAX + 1);
    if (git && output && count) {
        git->folder = folder;
        git->output = output;
        git->deadline_ms = now_ms() + GIT_TIME_MAX_MS;
        const char *path = getenv("PATH");
        const char *home = getenv("HOME");
        snprintf(git->path, sizeof(git->path), "PATH=%s", path ? path : "/usr/bin:/bin");
        snprintf(git->home, sizeof(git->home), "HOME=%s", home ? home : "/");
        ask_all(git, files, count, arena, diagnostics);
    }
    free(output);
    free(git);
}
