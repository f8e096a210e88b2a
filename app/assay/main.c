/* SPDX-License-Identifier: Apache-2.0 */

/* assay: the command people type. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "commands.h"
#include "version.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
};

static const struct command commands[] = {
    {"run", command_run, "audit a tap port: start worker and reporter and watch over them"},
    {"replay", command_replay, "audit capture files, without privileges"},
    {"check", command_check, "check configuration, rules, registry and host before anything starts"},
    {"reload", command_reload, "make a running worker read its rules and registry again"},
    {"status", command_status, "how worker and reporter are, and what was not seen"},
    {"top", command_top, "the same, live"},
    {"findings", command_findings, "show the findings in the log, or as they appear"},
    {"report", command_report, "tables of the log: by rule, by operation, coverage"},
    {"doctor", command_doctor, "what is wrong with the tap (from captures), or with this machine"},
};

static void usage(FILE *stream)
{
    fputs("usage: assay COMMAND [OPTION]...\n\nPassive API compliance auditor.\n\n", stream);
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
        fprintf(stream, "  %-10s %s\n", commands[i].name, commands[i].help);
    fputs(
        "\n`assay COMMAND --help` explains each. Exit status: 0 fine, 1 findings or a failed check, 2 wrong usage or\n"
        "configuration.\n",
        stream);
}

/* A result that nobody got is no result: a full disk behind standard output has to show in the exit status. */
static int finish(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fprintf(stderr, "assay: standard output could not be written whole: %s\n", strerror(errno));
    return EXIT_WRONG;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return EXIT_WRONG;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return EXIT_FINE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("assay " ASSAY_VERSION);
        return EXIT_FINE;
    }
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return finish(commands[i].run(argc - 1, argv + 1));
    fprintf(stderr, "assay: there is no command '%s'\n", argv[1]);
    usage(stderr);
    return EXIT_WRONG;
}
