/* SPDX-License-Identifier: Apache-2.0 */

/*
 * assay-reporter
 *
 * Drains the event queue into files. All the work is in lib/reporter; here are options, signals and messages.
 */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reporter/reporter.h"
#include "tls/fips.h"
#include "version.h"

enum exit_code { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

enum option_id {
    OPTION_QUEUE = 256,
    OPTION_FOLDER,
    OPTION_SENSOR,
    OPTION_BATCH,
    OPTION_ROTATE,
    OPTION_HEARTBEAT,
    OPTION_ONCE,
    OPTION_FIPS
};

static const char usage[] =
    "usage: assay-reporter --folder DIR [options]\n"
    "\n"
    "Drains the event queue of assay-worker into one file of JSON lines a day.\n"
    "\n"
    "  --queue NAME         name of the event queue (default: assay)\n"
    "  --folder DIR         where the files go; must exist\n"
    "  --sensor NAME        name of this sensor in every line (default: the host's name)\n"
    "  --batch-ms MS        how long a record waits before it is written (default: 50)\n"
    "  --rotate-bytes N     begin another file when one has grown to this size (default: 1073741824)\n"
    "  --heartbeat-s S      write a heartbeat line when idle for so long; 0: never (default: 60)\n"
    "  --fips               use OpenSSL's FIPS provider; do not start without it\n"
    "  --once               write what is in the queue now, then exit\n"
    "  --help               this text\n"
    "\n"
    "SIGTERM and SIGINT write what is in the queue, then exit. Exit status: 0 all is on disk, 1 it is not (it stays "
    "in\n"
    "the queue), 2 wrong usage or unusable folder or queue.\n";

/* The one that the signal handler stops; set before the handler is. */
static struct reporter *volatile running;

static void stop_running(int signal_number)
{
    (void)signal_number;
    reporter_stop(running);
}

static void print_notice(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "assay-reporter: %s\n", text);
}

/* Plain digits only. */
static bool read_number(const char *text, uint64_t *value_out)
{
    char *end;
    errno = 0;
    *value_out = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

static bool take_option(struct reporter_options *options, int option, const char *argument)
{
    uint64_t number = 0;
    switch (option) {
    case OPTION_QUEUE:
        options->queue = argument;
        return true;
    case OPTION_FOLDER:
        options->folder = argument;
        return true;
    case OPTION_SENSOR:
        options->sensor = argument;
        return true;
    case OPTION_ONCE:
        options->once = true;
        return true;
    case OPTION_ROTATE:
        return read_number(argument, &options->rotate_bytes) && options->rotate_bytes > 0;
    case OPTION_BATCH:
        if (!read_number(argument, &number) || number == 0 || number > REPORTER_BATCH_MS_MAX)
            return false;
        options->batch_ms = (uint32_t)number;
        return true;
    case OPTION_HEARTBEAT:
        if (!read_number(argument, &number) || number > UINT32_MAX)
            return false;
        options->heartbeat_s = (uint32_t)number;
        return true;
    default:
        return false;
    }
}

static int read_options(int argc, char **argv, struct reporter_options *options, bool *fips_out)
{
    static const struct option long_options[] = {{"queue", required_argument, NULL, OPTION_QUEUE},
                                                 {"folder", required_argument, NULL, OPTION_FOLDER},
                                                 {"sensor", required_argument, NULL, OPTION_SENSOR},
                                                 {"batch-ms", required_argument, NULL, OPTION_BATCH},
                                                 {"rotate-bytes", required_argument, NULL, OPTION_ROTATE},
                                                 {"heartbeat-s", required_argument, NULL, OPTION_HEARTBEAT},
                                                 {"once", no_argument, NULL, OPTION_ONCE},
                                                 {"fips", no_argument, NULL, OPTION_FIPS},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {NULL, 0, NULL, 0}};
    int option, index = 0;
    while ((option = getopt_long(argc, argv, "h", long_options, &index)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            exit(EXIT_FINE);
        }
        if (option == '?')
            return EXIT_USAGE;
        *fips_out = *fips_out || option == OPTION_FIPS;
        if (option == OPTION_FIPS)
            continue;
        if (!take_option(options, option, optarg)) {
            fprintf(stderr, "assay-reporter: --%s %s: not a value it can have; see --help\n", long_options[index].name,
                    optarg);
            return EXIT_USAGE;
        }
    }
    if (optind < argc || !options->folder) {
        fprintf(stderr, "assay-reporter: %s; see --help\n",
                options->folder ? "takes no arguments but options" : "--folder is needed");
        return EXIT_USAGE;
    }
    return EXIT_FINE;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = stop_running};
    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
}

int main(int argc, char **argv)
{
    char host[128] = "sensor";
    (void)gethostname(host, sizeof(host) - 1);
    struct reporter_options options = {.queue = "assay",
                                       .sensor = host,
                                       .version = ASSAY_VERSION,
                                       .batch_ms = REPORTER_BATCH_MS,
                                       .rotate_bytes = REPORTER_ROTATE_BYTES,
                                       .heartbeat_s = REPORTER_HEARTBEAT_S,
                                       .notice = print_notice};
    bool fips = false;
    int code = read_options(argc, argv, &options, &fips);
    if (code)
        return code;
    struct diagnostics diagnostics;
    struct reporter *reporter = NULL;
    diagnostics_init(&diagnostics);
    /* Before anything is hashed or signed. */
    int status = fips ? fips_enable(&(struct diagnostic_place){.file = "--fips"}, &diagnostics) : 0;
    if (status == 0)
        status = reporter_new(&options, &diagnostics, &reporter);
    if (status) {
        code = EXIT_USAGE;
    } else {
        running = reporter;
        catch_signals();
        status = reporter_run(reporter, &diagnostics);
        bool unusable = status == -EBUSY || status == -EPROTO || status == -EINVAL;
        code = status == 0 ? EXIT_FINE : unusable ? EXIT_USAGE : EXIT_FAILED;
    }
    diagnostics_print(&diagnostics, stderr);
    diagnostics_deinit(&diagnostics);
    /* Signals may still come: the reporter goes away with the process. */
    return code;
}
