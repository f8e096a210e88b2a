/* SPDX-License-Identifier: Apache-2.0 */

/* Options of assay replay: see the header. */

#include "replay_options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "event/queue.h"
#include "options.h"

static const char help[] =
    "usage: assay replay [OPTION]... CAPTURE...\n"
    "Audits pcap and pcapng files with the capture's own clock. Several files are read as parts of one capture; '-' "
    "is\n"
    "standard input. Without -c: the shipped rules and an empty registry.\n\n"
    "  -c, --config FILE        assay.yaml to take rules, registry and limits from\n"
    "      --findings FILE      findings as JSON lines ('-': standard output)\n"
    "      --transactions FILE  transactions as JSON lines, in order of completion\n"
    "      --summary FILE       coverage ledger and counts as one JSON object\n"
    "      --format text|json   what is shown when none of the three is asked for (default text)\n"
    "      --workers N          share the work out to N threads (default 1); the findings are the same\n"
    "      --keylog FILE        secrets of TLS connections, as SSLKEYLOGFILE makes them (RFC 9850)\n"
    "      --help\n\n"
    "Exit status: 0 no findings, 1 findings, 2 wrong usage or configuration, or a capture that cannot be read.\n";

int replay_options_parse(int argc, char **argv, struct replay_options *options)
{
    enum { FINDINGS = 256, TRANSACTIONS, SUMMARY, WORKERS, KEYLOG, FORMAT, HELP };
    static const struct option long_options[] = {{"config", required_argument, NULL, 'c'},
                                                 {"findings", required_argument, NULL, FINDINGS},
                                                 {"transactions", required_argument, NULL, TRANSACTIONS},
                                                 {"summary", required_argument, NULL, SUMMARY},
                                                 {"workers", required_argument, NULL, WORKERS},
                                                 {"keylog", required_argument, NULL, KEYLOG},
                                                 {"format", required_argument, NULL, FORMAT},
                                                 {"help", no_argument, NULL, HELP},
                                                 {0}};
    *options = (struct replay_options){.workers = 1};
    bool fine = true;
    for (int option; fine && (option = getopt_long(argc, argv, "c:", long_options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            options->config = optarg;
            break;
        case FINDINGS:
            options->findings = optarg;
            break;
        case TRANSACTIONS:
            options->transactions = optarg;
            break;
        case SUMMARY:
            options->summary = optarg;
            break;
        case WORKERS:
            fine = options_number("replay", "--workers", optarg, 1, QUEUE_WORKERS_MAX, &options->workers);
            break;
        case KEYLOG:
            options->keylog = optarg;
            break;
        case FORMAT:
            fine = options_format("replay", optarg, &options->json);
            break;
        case HELP:
            fputs(help, stdout);
            return -1;
        default:
            fine = false;
        }
    }
    options->captures = argv + optind;
    options->capture_count = (uint32_t)(argc - optind);
    if (fine && options->capture_count == 0) {
        fputs("assay replay: name at least one capture file\n", stderr);
        fine = false;
    }
    for (uint32_t i = 0; fine && i < options->capture_count; i++) {
        fine = strcmp(options->captures[i], "-") != 0 || options->workers == 1;
        if (!fine)
            fputs("assay replay: standard input can be read by one worker only; leave --workers out\n", stderr);
    }
    if (!fine)
        fputs("`assay replay --help` explains.\n", stderr);
    return fine ? EXIT_FINE : EXIT_WRONG;
}
