/* SPDX-License-Identifier: Apache-2.0 */

/*
 * assay run: starts reporter and worker, watches over them, and stops them in the order in which nothing is lost: the
 * worker first, then the reporter, which drains what is left. Either is started again when it dies; what the other one
 * had is kept in the queue.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "options.h"

/* A child that dies this often within a minute will not live at the next try either. */
#define RESTARTS_MAX   5u
#define RESTART_WINDOW 60
#define STOP_SECONDS   20 /* for the worker to decide what waits, and for the reporter to drain a full queue */

struct child {
    const char *name;
    char path[4096];
    const char *arguments[16];
    pid_t pid; /* 0: not running */
    uint32_t restarts;
    time_t window_start;
};

static volatile sig_atomic_t stop_asked, reload_asked;

static void on_signal(int number)
{
    if (number == SIGHUP)
        reload_asked = 1;
    else if (number != SIGCHLD)
        stop_asked = 1;
}

static const char help[] =
    "usage: assay run -c FILE [OPTION]...\n"
    "Starts reporter and worker and watches over them until it is stopped (TERM, INT); HUP reloads.\n\n"
    "  -c, --config FILE   assay.yaml\n"
    "      --help\n\n"
    "An appliance starts the two as services instead: assay-reporter and assay-worker.\n";

static void child_execute(const struct child *child, const sigset_t *mask)
{
    static const int caught[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
    for (size_t i = 0; i < ARRAY_COUNT(caught); i++)
        signal(caught[i], SIG_DFL);
    sigprocmask(SIG_SETMASK, mask, NULL);
    execv(child->path, (char *const *)(uintptr_t)child->arguments);
    fprintf(stderr, "assay run: %s cannot be executed: %s; build it, or install it beside `assay`\n", child->path,
            strerror(errno));
    _exit(EXIT_WRONG);
}

static bool child_start(struct child *child)
{
    /* A signal that comes between fork and exec must not end in our handler's copy, where nobody would look at it. */
    sigset_t all, mask;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &mask);
    pid_t pid = fork();
    if (pid == 0)
        child_execute(child, &mask);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    if (pid < 0) {
        fprintf(stderr, "assay run: %s cannot be started: %s\n", child->name, strerror(errno));
        return false;
    }
    child->pid = pid;
    return true;
}

static void child_path(struct child *child)
{
    ssize_t size = readlink("/proc/self/exe", child->path, sizeof(child->path) - 64);
    if (size < 0)
        size = 0;
    child->path[size] = 0;
    char *slash = strrchr(child->path, '/');
    snprintf(slash ? slash + 1 : child->path, 64, "%s", child->name);
    child->arguments[0] = child->path;
}

static void child_describe(const struct child *child, int status)
{
    if (WIFSIGNALED(status))
        fprintf(stderr, "assay run: %s was ended by signal %d (%s)\n", child->name, WTERMSIG(status),
                strsignal(WTERMSIG(status)));
    else
        fprintf(stderr, "assay run: %s ended with status %d\n", child->name, WEXITSTATUS(status));
}

/* False: it ended in a way that another start will not mend. */
static bool child_ended(struct child *child, int status)
{
    child->pid = 0;
    child_describe(child, status);
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_WRONG)
        return false;
    time_t now = time(NULL);
    if (now - child->window_start > RESTART_WINDOW) {
        child->window_start = now;
        child->restarts = 0;
    }
    if (++child->restarts > RESTARTS_MAX) {
        fprintf(stderr, "assay run: %s died %u times within %d seconds; giving up\n", child->name, child->restarts,
                RESTART_WINDOW);
        return false;
    }
    fprintf(stderr, "assay run: starting %s again\n", child->name);
    return child_start(child);
}

static void child_stop(struct child *child)
{
    if (child->pid == 0)
        return;
    kill(child->pid, SIGTERM);
    const struct timespec nap = {.tv_nsec = 20000000};
    int status;
    for (int i = 0; i < STOP_SECONDS * 50; i++) {
        if (waitpid(child->pid, &status, WNOHANG) == child->pid) {
            child->pid = 0;
            return;
        }
        nanosleep(&nap, NULL);
    }
    fprintf(stderr, "assay run: %s does not stop; killing it (what it had not finished stays in the queue)\n",
            child->name);
    kill(child->pid, SIGKILL);
    waitpid(child->pid, &status, 0);
    child->pid = 0;
}

/* False when a child is gone for good. */
static bool watch(struct child *children, size_t count)
{
    const struct timespec nap = {.tv_nsec = 100000000};
    while (!stop_asked) {
        if (reload_asked && children[1].pid) {
            reload_asked = 0;
            kill(children[1].pid, SIGHUP);
        }
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        for (size_t i = 0; pid > 0 && i < count; i++)
            if (children[i].pid == pid && !child_ended(&children[i], status))
                return false;
        if (pid <= 0)
            nanosleep(&nap, NULL);
    }
    return true;
}

static bool make_folder(const char *folder)
{
    if (mkdir(folder, 0750) < 0 && errno != EEXIST) {
        fprintf(stderr, "assay run: the log folder %s cannot be made: %s\n", folder, strerror(errno));
        return false;
    }
    int opened = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool fine = opened >= 0 && faccessat(opened, ".", W_OK | X_OK, 0) == 0;
    int error = errno;
    if (opened >= 0)
        close(opened);
    if (fine)
        return true;
    /* Once it runs, a disk that takes nothing is waited for; at the start it is a mistake that somebody can mend. */
    fprintf(stderr,
            "assay run: the log folder %s cannot be written to: %s; mend it, or choose another with log.folder\n",
            folder, strerror(error));
    return false;
}

static int run(const char *config, const struct settings *settings)
{
    char rotate[32], flush[32];
    snprintf(rotate, sizeof(rotate), "%llu", (unsigned long long)settings->log.rotate_mib << 20);
    snprintf(flush, sizeof(flush), "%u", settings->reporter.flush_ms);
    struct child children[] = {
        {.name = "assay-reporter",
         .arguments = {NULL, "--queue", settings->queue.name, "--folder", settings->log.folder, "--sensor",
                       settings->sensor.name, "--batch-ms", flush, "--rotate-bytes", rotate,
                       settings->fips ? "--fips" : NULL}},
        {.name = "assay-worker", .arguments = {NULL, "-c", config}},
    };
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    sigaction(SIGCHLD, &action, NULL);
    bool fine = true;
    for (size_t i = 0; i < ARRAY_COUNT(children) && fine; i++) {
        child_path(&children[i]);
        fine = child_start(&children[i]);
    }
    fine = fine && watch(children, ARRAY_COUNT(children));
    child_stop(&children[1]);
    child_stop(&children[0]);
    return fine ? EXIT_FINE : EXIT_WRONG;
}

int command_run(int argc, char **argv)
{
    enum { HELP = 256 };
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, HELP}, {0}};
    const char *config = NULL;
    for (int option; (option = getopt_long(argc, argv, "c:", options, NULL)) != -1;) {
        if (option == HELP) {
            fputs(help, stdout);
            return EXIT_FINE;
        }
        if (option != 'c')
            return EXIT_WRONG;
        config = optarg;
    }
    if (!config || optind != argc) {
        fputs("assay run: name the configuration with -c FILE; --help explains\n", stderr);
        return EXIT_WRONG;
    }
    struct settings settings;
    int status = EXIT_WRONG;
    if (options_load_settings(config, &settings) && make_folder(settings.log.folder))
        status = run(config, &settings);
    settings_deinit(&settings);
    return status;
}
