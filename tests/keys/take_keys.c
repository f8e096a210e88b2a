/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Runs the key inputs of a configuration: `take_keys CONFIG SECONDS`. Writes what went wrong as it happens, and in the
 * end the counts, as JSON.
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "keys/inputs.h"

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    if (argc != 3 || settings_load(argv[1], &diagnostics, &settings) < 0) {
        diagnostics_print(&diagnostics, stderr);
        diagnostics_deinit(&diagnostics);
        return 2;
    }
    struct key_inputs *inputs;
    struct key_inputs_options options = {.settings = &settings.keys, .worker_count = 1};
    require(key_inputs_new(&inputs, &options, &diagnostics) == 0);
    diagnostics_deinit(&diagnostics);
    char trouble[KEY_VAULT_TROUBLE_SIZE];
    for (uint64_t end = now_ns() + strtoull(argv[2], NULL, 10) * UINT64_C(1000000000); now_ns() < end;) {
        key_inputs_turn(inputs, now_ns(), 50);
        if (key_inputs_trouble(inputs, trouble))
            fprintf(stderr, "%s\n", trouble);
    }
    struct key_inputs_counts counts;
    key_inputs_count(inputs, &counts);
    printf("{\"secrets\":%llu,\"live\":%llu,\"refused\":%llu,\"requests\":%llu,\"failures\":%llu,\"log_ins\":%llu,"
           "\"renewals\":%llu,\"versions\":%llu}\n",
           (unsigned long long)counts.lines.secrets, (unsigned long long)counts.store.live,
           (unsigned long long)counts.lines.refused, (unsigned long long)counts.vault.requests,
           (unsigned long long)counts.vault.failures, (unsigned long long)counts.vault.log_ins,
           (unsigned long long)counts.vault.renewals, (unsigned long long)counts.vault.versions);
    key_inputs_free(inputs);
    settings_deinit(&settings);
    return 0;
}
