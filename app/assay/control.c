/* SPDX-License-Identifier: Apache-2.0 */

/* assay reload, status, top: talk to a running worker through its event queue. */

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "event/status.h"
#include "options.h"

#define RELOAD_SECONDS 60u /* a registry of 100,000 operations takes some seconds to read */

struct control_options {
    const char *config, *queue;
    bool json, help;
    uint32_t interval_ms;
};

static const char help_reload[] = "usage: assay reload [-c FILE | --queue NAME]\n"
                                  "Makes the running worker read configuration, rules and registry again. What is "
                                  "wrong is refused, with its place, and\n"
                                  "the old rules stay. Exit status: 0 accepted, 1 refused, 2 no worker or no answer.\n";
static const char help_status[] =
    "usage: assay status [-c FILE | --queue NAME] [--format text|json] [--interval-ms N]\n"
    "How worker and reporter are, rates over one second, and what was not seen. Exit "
    "status: 0 healthy, 1 not, 2 no queue.\n";
static const char help_top[] = "usage: assay top [-c FILE | --queue NAME] [--interval-ms N]\n"
                               "The status, live. Press q to leave.\n";

static bool parse(int argc, char **argv, const char *help, struct control_options *parsed)
{
    enum { QUEUE = 256, FORMAT, INTERVAL, HELP };
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},    {"queue", required_argument, NULL, QUEUE},
        {"format", required_argument, NULL, FORMAT}, {"interval-ms", required_argument, NULL, INTERVAL},
        {"help", no_argument, NULL, HELP},           {0}};
    *parsed = (struct control_options){.interval_ms = 1000};
    for (int option; (option = getopt_long(argc, argv, "c:", options, NULL)) != -1;) {
        if (option == 'c') {
            parsed->config = optarg;
        } else if (option == QUEUE) {
            parsed->queue = optarg;
        } else if (option == FORMAT) {
            if (!options_format(argv[0], optarg, &parsed->json))
                return false;
        } else if (option == INTERVAL) {
            if (!options_number(argv[0], "--interval-ms", optarg, 50, 60000, &parsed->interval_ms))
                return false;
        } else if (option == HELP) {
            fputs(help, stdout);
            parsed->help = true;
            return true;
        } else {
            fprintf(stderr, "`assay %s --help` explains.\n", argv[0]);
            return false;
        }
    }
    if (optind != argc)
        fprintf(stderr, "assay %s: '%s' is one word too many\n", argv[0], argv[optind]);
    return optind == argc;
}

static struct queue *attach(const char *command, const struct control_options *options, enum queue_access access,
                            char name_out[QUEUE_NAME_MAX])
{
    if (!options_queue_name(options->config, options->queue, name_out, QUEUE_NAME_MAX))
        return NULL;
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct queue *queue = NULL;
    int result = queue_attach(name_out, access, &diagnostics, &queue);
    if (result == -ENOENT)
        fprintf(stderr, "assay %s: there is no queue '%s': is a worker running with that configuration?\n", command,
                name_out);
    else
        diagnostics_print(&diagnostics, stderr);
    diagnostics_deinit(&diagnostics);
    return result < 0 ? NULL : queue;
}

static void sleep_ms(uint32_t ms)
{
    const struct timespec nap = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&nap, NULL);
}

/* -------------------------------------------------------------------- reload */

static int wait_for_reload(struct control_status *control, uint64_t ticket)
{
    char text[CONTROL_TEXT_SIZE];
    int status;
    for (uint32_t waited = 0; waited < RELOAD_SECONDS * 100; waited++) {
        if (control_reload_result(control, ticket, &status, text)) {
            fputs(text, status == 0 ? stdout : stderr);
            if (status != 0)
                fputs("assay reload: refused; the rules in force stay\n", stderr);
            return status == 0 ? EXIT_FINE : EXIT_FOUND;
        }
        sleep_ms(10);
    }
    fprintf(stderr, "assay reload: the worker has not answered within %u seconds\n", RELOAD_SECONDS);
    return EXIT_WRONG;
}

int command_reload(int argc, char **argv)
{
    struct control_options options;
    char name[QUEUE_NAME_MAX];
    if (!parse(argc, argv, help_reload, &options))
        return EXIT_WRONG;
    if (options.help)
        return EXIT_FINE;
    struct queue *queue = attach("reload", &options, QUEUE_CONTROL, name);
    if (!queue)
        return EXIT_WRONG;
    int result = EXIT_WRONG;
    if (queue_has_producer(queue)) {
        struct control_status *control = queue_control_status(queue);
        result = wait_for_reload(control, control_reload_request(control, (uint32_t)getpid(), (uint32_t)getuid()));
    } else {
        fprintf(stderr, "assay reload: the worker of queue '%s' is not running\n", name);
    }
    queue_free(queue);
    return result;
}

/* -------------------------------------------------------------------- status */

static int show_status(const struct status *now, const struct status *before, bool json)
{
    if (!json) {
        status_render_text(now, before, stdout);
        return status_is_healthy(now) ? EXIT_FINE : EXIT_FOUND;
    }
    char *buffer = malloc(STATUS_JSON_MAX);
    require(buffer);
    struct json_writer writer;
    json_writer_init(&writer, buffer, STATUS_JSON_MAX);
    status_render_json(now, before, &writer);
    require(!writer.overflow);
    fwrite(buffer, 1, writer.size, stdout);
    fputc('\n', stdout);
    free(buffer);
    return status_is_healthy(now) ? EXIT_FINE : EXIT_FOUND;
}

int command_status(int argc, char **argv)
{
    struct control_options options;
    char name[QUEUE_NAME_MAX];
    if (!parse(argc, argv, help_status, &options))
        return EXIT_WRONG;
    if (options.help)
        return EXIT_FINE;
    struct queue *queue = attach("status", &options, QUEUE_OBSERVE, name);
    if (!queue)
        return EXIT_WRONG;
    struct status *snapshots = calloc(2, sizeof(*snapshots));
    require(snapshots);
    status_read(queue, name, &snapshots[0]);
    sleep_ms(options.interval_ms);
    status_read(queue, name, &snapshots[1]);
    int result = show_status(&snapshots[1], &snapshots[0], options.json);
    free(snapshots);
    queue_free(queue);
    return result;
}

/* ----------------------------------------------------------------------- top */

static volatile sig_atomic_t leave;

static void on_leave(int number)
{
    (void)number;
    leave = 1;
}

/* True when the reader pressed q. */
static bool pressed_quit(uint32_t wait_ms)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char key = 0;
    return poll(&input, 1, (int)wait_ms) > 0 && (read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q');
}

static void top_loop(struct queue *queue, const char *name, uint32_t interval_ms)
{
    struct status *snapshots = calloc(2, sizeof(*snapshots));
    require(snapshots);
    uint32_t turn = 0;
    status_read(queue, name, &snapshots[1]);
    do {
        struct status *now = &snapshots[turn % 2], *before = &snapshots[(turn + 1) % 2];
        struct winsize window = {.ws_col = 80, .ws_row = 24};
        (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &window);
        status_read(queue, name, now);
        status_render_top(now, turn ? before : NULL, window.ws_col ? window.ws_col : 80,
                          window.ws_row ? window.ws_row : 24, stdout);
        fflush(stdout);
        turn++;
    } while (!pressed_quit(interval_ms) && !leave);
    free(snapshots);
}

int command_top(int argc, char **argv)
{
    struct control_options options;
    char name[QUEUE_NAME_MAX];
    if (!parse(argc, argv, help_top, &options))
        return EXIT_WRONG;
    if (options.help)
        return EXIT_FINE;
    struct queue *queue = attach("top", &options, QUEUE_OBSERVE, name);
    if (!queue)
        return EXIT_WRONG;
    struct sigaction action = {.sa_handler = on_leave};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    struct termios saved;
    bool terminal = tcgetattr(STDIN_FILENO, &saved) == 0;
    if (terminal) {
        struct termios raw = saved;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    fputs("\033[?1049h\033[?25l", stdout); /* alternate screen, no cursor */
    top_loop(queue, name, options.interval_ms);
    fputs("\033[?25h\033[?1049l", stdout);
    if (terminal)
        tcsetattr(STDIN_FILENO, TCSANOW, &saved);
    queue_free(queue);
    return EXIT_FINE;
}
