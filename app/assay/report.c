/* SPDX-License-Identifier: Apache-2.0 */

/* assay findings and assay report: what the reporter has written, for people. */

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "event/json.h"
#include "options.h"
#include "report/certificates.h"
#include "report/log.h"
#include "report/services.h"

#define TABLE_ROWS      40u
#define REPORT_JSON_MAX ((size_t)1 << 25)

struct report_options {
    const char *config, *folder;
    bool follow, json, help;
};

static const char help_findings[] = "usage: assay findings [-c FILE | --folder DIR] [-f]\n"
                                    "The findings in the log, a line each.\n\n"
                                    "  -f, --follow   only those that appear from now on, until interrupted\n";
static const char help_report[] = "usage: assay report [-c FILE | --folder DIR] [--format text|json]\n"
                                  "Findings by rule and by operation, coverage by service, and the coverage ledger of "
                                  "all worker processes of the log.\n"
                                  "Exit status: 0 no findings, 1 findings, 2 no log.\n";

static volatile sig_atomic_t leave;

static void on_leave(int number)
{
    (void)number;
    leave = 1;
}

static bool parse(int argc, char **argv, const char *help, struct report_options *parsed)
{
    enum { FOLDER = 256, FORMAT, HELP };
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"folder", required_argument, NULL, FOLDER},
        {"follow", no_argument, NULL, 'f'},       {"format", required_argument, NULL, FORMAT},
        {"help", no_argument, NULL, HELP},        {0}};
    *parsed = (struct report_options){0};
    for (int option; (option = getopt_long(argc, argv, "c:f", options, NULL)) != -1;) {
        if (option == 'c') {
            parsed->config = optarg;
        } else if (option == FOLDER) {
            parsed->folder = optarg;
        } else if (option == 'f') {
            parsed->follow = true;
        } else if (option == FORMAT) {
            if (!options_format(argv[0], optarg, &parsed->json))
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

static struct report_log *open_log(const struct report_options *options)
{
    struct settings settings = {0};
    if (!options->folder && !options_load_settings(options->config, &settings))
        return NULL;
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct report_log *log = NULL;
    const char *folder = options->folder ? options->folder : settings.log.folder;
    if (report_log_open(folder, options->follow, &diagnostics, &log) < 0)
        log = NULL;
    diagnostics_print(&diagnostics, stderr);
    diagnostics_deinit(&diagnostics);
    settings_deinit(&settings);
    return log;
}

static void say_unreadable(const struct report_log *log)
{
    if (report_log_unreadable(log))
        fprintf(stderr, "warning: %llu lines of the log could not be read\n",
                (unsigned long long)report_log_unreadable(log));
}

int command_findings(int argc, char **argv)
{
    struct report_options options;
    if (!parse(argc, argv, help_findings, &options))
        return EXIT_WRONG;
    if (options.help)
        return EXIT_FINE;
    struct report_log *log = open_log(&options);
    if (!log)
        return EXIT_WRONG;
    struct sigaction action = {.sa_handler = on_leave};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    const struct timespec nap = {.tv_nsec = 100000000};
    struct report_entry entry;
    bool found = false;
    while (!leave && report_log_next(log, &entry) == 0) {
        if (entry.text) {
            puts(entry.text);
            found = found || (entry.kind == REPORT_LINE_FINDING && entry.finding.verdict != VERDICT_PASS);
        } else if (entry.kind == REPORT_LINE_NONE) {
            fflush(stdout);
            if (!options.follow)
                break;
            nanosleep(&nap, NULL);
        }
    }
    say_unreadable(log);
    report_log_close(log);
    return found ? EXIT_FOUND : EXIT_FINE;
}

static void report_json(const struct tally *tally, const struct services *services,
                        const struct certificates *certificates, const struct ledger *ledger)
{
    char *buffer = malloc(REPORT_JSON_MAX);
    require(buffer);
    struct json_writer writer;
    json_writer_init(&writer, buffer, REPORT_JSON_MAX);
    json_write_object_begin(&writer);
    json_write_key(&writer, "type");
    json_write_text(&writer, "report");
    json_write_key(&writer, "findings");
    json_write_object_begin(&writer);
    tally_json(tally, &writer);
    json_write_object_end(&writer);
    json_write_key(&writer, "ledger");
    json_write_object_begin(&writer);
    event_json_ledger(&writer, ledger);
    json_write_object_end(&writer);
    json_write_key(&writer, "services");
    services_json(services, &writer);
    json_write_key(&writer, "certificates");
    certificates_json(certificates, &writer);
    json_write_object_end(&writer);
    require(!writer.overflow);
    fwrite(buffer, 1, writer.size, stdout);
    fputc('\n', stdout);
    free(buffer);
}

int command_report(int argc, char **argv)
{
    struct report_options options;
    if (!parse(argc, argv, help_report, &options))
        return EXIT_WRONG;
    if (options.help)
        return EXIT_FINE;
    struct report_log *log = open_log(&options);
    struct tally *tally = tally_new();
    struct services *services = services_new();
    struct certificates *certificates = certificates_new();
    if (!log || !tally || !services || !certificates) {
        report_log_close(log);
        tally_free(tally);
        services_free(services);
        certificates_free(certificates);
        return EXIT_WRONG;
    }
    struct ledger ledger = {0}, life = {0}; /* of all worker processes of the log, and of the one being read */
    struct report_entry entry;
    while (report_log_next(log, &entry) == 0 && entry.kind != REPORT_LINE_NONE) {
        if (entry.kind == REPORT_LINE_FINDING) {
            require(tally_add(tally, &entry.finding) == 0);
        } else if (entry.kind == REPORT_LINE_LEDGER && entry.ledger_whole) {
            life = entry.ledger;
        } else if (entry.kind == REPORT_LINE_START) {
            ledger_add(&ledger, &life);
            life = (struct ledger){0};
        } else if (entry.kind == REPORT_LINE_SERVICE) {
            require(services_add(services, &entry.service) == 0);
        } else if (entry.kind == REPORT_LINE_CERTIFICATE) {
            require(certificates_add(certificates, &entry.certificate) == 0);
        }
    }
    ledger_add(&ledger, &life);
    if (options.json) {
        report_json(tally, services, certificates, &ledger);
    } else {
        tally_print(tally, TABLE_ROWS, stdout);
        fputc('\n', stdout);
        services_print(services, TABLE_ROWS, stdout);
        fputc('\n', stdout);
        certificates_print(certificates, TABLE_ROWS, stdout);
        fputc('\n', stdout);
        tally_print_ledger(&ledger, stdout);
    }
    say_unreadable(log);
    bool found = tally_failed(tally) > 0;
    tally_free(tally);
    services_free(services);
    certificates_free(certificates);
    report_log_close(log);
    return found ? EXIT_FOUND : EXIT_FINE;
}
