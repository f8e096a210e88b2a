/* SPDX-License-Identifier: Apache-2.0 */

/* assay-bench: measures the pipeline on one or two cores of this machine over generated traffic. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/run.h"
#include "generate/option.h"
#include "perf_paths.h"

#define MEBIBYTE ((size_t)1 << 20)

/* Eight times the cache of the machines we know, so that every portion comes from memory. */
#define PORTION_MIB_DEFAULT 256u
#define PORTION_MIB_MAX     16384u

#define PACKETS_DEFAULT 4000000u
#define WARM_UP_PACKETS 400000u /* caches, branch predictors, pools; connections reach their middle age */
#define FLOW_PACKETS    9u      /* handshake and first call of a connection */
#define FLOWS_CLOSING   65536u  /* room for connections that stay for late copies behind their end */
#define WORKER_MIB      1024u
#define FLOWS_MIB_SHIFT 10 /* 1 KiB for a flow and what hangs on it */

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_WRONG = 2 };

enum choice {
    CHOICE_HELP = 'h',
    CHOICE_WORKERS = 1,
    CHOICE_CORE,
    CHOICE_PACKETS,
    CHOICE_PORTION,
    CHOICE_STAGES,
    CHOICE_PRIMITIVES,
    CHOICE_SETTINGS,
    CHOICE_REGISTRY,
    CHOICE_BODY_SCAN,
    CHOICE_FLOWS,
    CHOICE_MEMORY,
    CHOICE_FORMAT,
};

struct options {
    struct run_options run;
    bool json;
};

static void help(FILE *stream)
{
    fputs("usage: assay-bench [options]\n\n"
          "Measures the pipeline over generated traffic, on cores of its own.\n\n"
          "  --workers N                 1 or 2, each on a core\n"
          "  --core N                    the first of them (default 1)\n"
          "  --packets N                 at least so many are measured (default 4000000)\n"
          "  --portion-mib N             traffic made ahead (default 256: comes from memory; 4: from the cache)\n"
          "  --stages all|NAME,...       measures these as well: touch decode flow parse calls registry rules\n"
          "  --primitives                measures what this machine could do at best\n"
          "  --settings FILE             assay.yaml (default: perf/assay.yaml of the sources)\n"
          "  --registry FOLDER           as assay-generate --registry writes it\n"
          "  --body-scan-kib N           0: bodies are not searched\n"
          "  --flows N                   size of the flow table\n"
          "  --memory-mib N              of a worker (default: room for the connections, and 1024)\n"
          "  --format text|json\n" TRAFFIC_OPTIONS_HELP,
          stream);
}

static const struct option long_options[] = {
    TRAFFIC_OPTIONS,
    {"workers", required_argument, NULL, CHOICE_WORKERS},
    {"core", required_argument, NULL, CHOICE_CORE},
    {"packets", required_argument, NULL, CHOICE_PACKETS},
    {"portion-mib", required_argument, NULL, CHOICE_PORTION},
    {"stages", required_argument, NULL, CHOICE_STAGES},
    {"primitives", no_argument, NULL, CHOICE_PRIMITIVES},
    {"settings", required_argument, NULL, CHOICE_SETTINGS},
    {"registry", required_argument, NULL, CHOICE_REGISTRY},
    {"body-scan-kib", required_argument, NULL, CHOICE_BODY_SCAN},
    {"flows", required_argument, NULL, CHOICE_FLOWS},
    {"memory-mib", required_argument, NULL, CHOICE_MEMORY},
    {"format", required_argument, NULL, CHOICE_FORMAT},
    {"help", no_argument, NULL, CHOICE_HELP},
    {NULL, 0, NULL, 0},
};

static MUST_USE int stages_parse(const char *text, uint32_t *stages_out)
{
    if (strcmp(text, "all") == 0) {
        *stages_out = (1u << SUBJECT_COUNT) - 1;
        return 0;
    }
    while (*text) {
        size_t size = strcspn(text, ",");
        uint32_t kind = 0;
        while (kind < SUBJECT_COUNT &&
               !(strlen(subject_name(kind)) == size && !strncmp(subject_name(kind), text, size)))
            kind++;
        if (kind == SUBJECT_COUNT)
            return -EINVAL;
        *stages_out |= 1u << kind;
        text += size + (text[size] == ',');
    }
    return 0;
}

static MUST_USE int number_apply(enum choice choice, const char *value, struct run_options *run)
{
    static const struct {
        enum choice choice;
        uint64_t min, max;
    } limits[] = {
        {CHOICE_WORKERS, 1, REPORT_WORKERS_MAX}, {CHOICE_CORE, 0, 1023},
        {CHOICE_PACKETS, 1, UINT64_MAX},         {CHOICE_PORTION, 1, PORTION_MIB_MAX},
        {CHOICE_BODY_SCAN, 0, UINT32_MAX - 1},   {CHOICE_FLOWS, 1, 1u << 24},
        {CHOICE_MEMORY, 64, 1u << 20},
    };
    uint64_t number = 0;
    for (uint32_t i = 0; i < ARRAY_COUNT(limits); i++)
        if (limits[i].choice == choice && (!option_number(value, limits[i].max, &number) || number < limits[i].min))
            return -EINVAL;
    if (choice == CHOICE_WORKERS)
        run->workers = (uint32_t)number;
    else if (choice == CHOICE_CORE)
        run->core = (uint32_t)number;
    else if (choice == CHOICE_PACKETS)
        run->packets = number;
    else if (choice == CHOICE_PORTION)
        run->portion_bytes = number * MEBIBYTE;
    else if (choice == CHOICE_BODY_SCAN)
        run->subject.body_scan_kib = (uint32_t)number;
    else if (choice == CHOICE_MEMORY)
        run->subject.memory_mib = (uint32_t)number;
    else
        run->subject.flows = (uint32_t)number;
    return 0;
}

static MUST_USE int choice_apply(int choice, const char *value, struct options *options)
{
    switch (choice) {
    case CHOICE_STAGES:
        return stages_parse(value, &options->run.stages);
    case CHOICE_PRIMITIVES:
        options->run.primitives = true;
        options->run.stages |= 1u << SUBJECT_TOUCH; /* part of the limit */
        return 0;
    case CHOICE_SETTINGS:
        options->run.subject.settings_path = value;
        return 0;
    case CHOICE_REGISTRY:
        options->run.subject.registry_folder = value;
        return 0;
    case CHOICE_FORMAT:
        options->json = strcmp(value, "json") == 0;
        return options->json || strcmp(value, "text") == 0 ? 0 : -EINVAL;
    case '?':
        return -EINVAL;
    default:
        return number_apply((enum choice)choice, value, &options->run);
    }
}

static const char *profile_name(const struct traffic_settings *settings)
{
    const struct traffic_profile *profile;
    for (uint32_t i = 0; (profile = traffic_profile_at(i)) != NULL; i++)
        if (memcmp(&profile->settings, settings, sizeof(*settings)) == 0)
            return profile->name;
    return "";
}

/* 0, -EINVAL after a sentence, or 1 when there is nothing more to do. */
static int options_parse(int argc, char **argv, struct options *options)
{
    struct run_options *run = &options->run;
    *options = (struct options){
        .run = {.subject = {.settings_path = PERF_SETTINGS, .body_scan_kib = UINT32_MAX},
                .portion_bytes = PORTION_MIB_DEFAULT * MEBIBYTE,
                .packets = PACKETS_DEFAULT,
                .workers = 1,
                .core = 1},
    };
    int result = traffic_options_profile(argc, argv, "api-small", &run->traffic);
    run->profile = result == 0 ? profile_name(&run->traffic) : "";
    int choice;
    while (result == 0 && (choice = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        if (choice == CHOICE_HELP) {
            help(stdout);
            return 1;
        }
        result = traffic_option_known(choice) ? traffic_option_apply(choice, optarg, &run->traffic)
                                              : choice_apply(choice, optarg, options);
    }
    if (result == 0 && optind < argc)
        result = -EINVAL;
    if (result < 0)
        fputs("`assay-bench --help` explains.\n", stderr);
    uint32_t concurrency = run->traffic.concurrency;
    if (run->subject.flows == 0)
        run->subject.flows = concurrency + concurrency / 4 + FLOWS_CLOSING;
    if (run->subject.memory_mib == 0)
        run->subject.memory_mib = WORKER_MIB + (run->subject.flows >> FLOWS_MIB_SHIFT);
    run->warm_up_packets = WARM_UP_PACKETS + (uint64_t)concurrency * FLOW_PACKETS;
    return result;
}

int main(int argc, char **argv)
{
    struct options options;
    int result = options_parse(argc, argv, &options);
    if (result != 0)
        return result < 0 ? EXIT_WRONG : EXIT_FINE;
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct report *report = malloc(sizeof(*report));
    require(report);
    result = run_all(&options.run, &diagnostics, report);
    diagnostics_print(&diagnostics, stderr);
    diagnostics_deinit(&diagnostics);
    if (result < 0)
        fprintf(stderr, "assay-bench: %s\n", strerror(-result));
    else if (options.json)
        report_json(report, stdout);
    else
        report_text(report, stdout);
    /* What is not opened, or found no memory, is excused: a rate that leaves something out is none. */
    bool sound = result == 0 && report->balanced && report->settled && report->missed_transactions == 0 &&
                 report->excused_packets == 0;
    free(report);
    return result < 0 ? EXIT_WRONG : sound ? EXIT_FINE : EXIT_FAILED;
}
