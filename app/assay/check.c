/* SPDX-License-Identifier: Apache-2.0 */

/* assay check: every mistake in configuration, rules, registry and host, before anything starts. */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "host.h"
#include "keys/inputs.h"
#include "options.h"
#include "pipeline/epoch.h"

static const char help_check[] =
    "usage: assay check [-c FILE]\n"
    "Reads configuration, driver file, rules, detectors and registry and says every mistake with file, line, column "
    "and\n"
    "what to do; then checks the host. Exit status: 0 fine, 1 the host lacks something, 2 a mistake in a file.\n";

/* False: wrong usage. */
static bool parse(int argc, char **argv, const char **config_out, bool *help_out)
{
    enum { HELP = 256 };
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, HELP}, {0}};
    *config_out = NULL;
    *help_out = false;
    for (int option; (option = getopt_long(argc, argv, "c:", options, NULL)) != -1;) {
        if (option == HELP) {
            fputs(help_check, stdout);
            *help_out = true;
            return true;
        }
        if (option != 'c')
            return false;
        *config_out = optarg;
    }
    if (optind != argc)
        fprintf(stderr, "assay %s: '%s' is one word too many; --help explains\n", argv[0], argv[optind]);
    return optind == argc;
}

static void describe(const struct epoch *epoch)
{
    printf("rules:     %u enabled, digest %s\n", policy_rule_count(epoch->policy), epoch->rules_digest);
    printf("detectors: %u\n", detect_set_count(epoch->detectors));
    if (epoch->registry)
        printf("registry:  %u operations in %u documents, %u channels, digest %s\n",
               registry_operation_count(epoch->registry), registry_document_count(epoch->registry),
               registry_channel_count(epoch->registry), epoch->registry_digest);
    else
        puts("registry:  none; rules that need one answer unknown");
    printf("loaded in %.0f ms\n", (double)epoch->build_ns / 1e6);
}

static bool check_files(const struct settings *settings, const char *config, struct driver_file *driver)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct digest_key key;
    struct epoch *epoch = NULL;
    int result = settings->capture.driver ? driver_file_load(settings->capture.driver, &diagnostics, driver) : 0;
    struct epoch_sources sources = {
        .settings = settings, .settings_path = config, .number = 1, .worker_count = 1, .key = &key};
    if (epoch_prepare(settings, &diagnostics) < 0)
        result = -1;
    if (key_inputs_check(&settings->keys, &diagnostics) < 0)
        result = -1;
    if (digest_key_init_random(&key) < 0 || epoch_build(&sources, &diagnostics, &epoch) < 0)
        result = -1;
    diagnostics_print(&diagnostics, stderr);
    if (diagnostics.errors)
        fprintf(stderr, "%u mistakes\n", diagnostics.errors);
    diagnostics_deinit(&diagnostics);
    if (epoch)
        describe(epoch);
    epoch_free(epoch);
    digest_key_deinit(&key);
    return result == 0;
}

int command_check(int argc, char **argv)
{
    const char *config;
    bool help;
    if (!parse(argc, argv, &config, &help))
        return EXIT_WRONG;
    if (help)
        return EXIT_FINE;
    struct settings settings;
    struct driver_file driver = {0};
    int status = EXIT_WRONG;
    if (options_load_settings(config, &settings) && check_files(&settings, config, &driver))
        status =
            host_check(&settings, settings.capture.driver ? &driver : NULL, HOST_TEXT, stdout) ? EXIT_FOUND : EXIT_FINE;
    driver_file_deinit(&driver);
    settings_deinit(&settings);
    return status;
}
