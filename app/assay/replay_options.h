/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Options of `assay replay`. The texts are those of argv. */

#include <stdbool.h>
#include <stdint.h>

struct replay_options {
    const char *config;
    const char *findings, *transactions, *summary;
    const char *keylog;
    uint32_t workers;
    bool json;
    char **captures;
    uint32_t capture_count;
};

/* Prints what is wrong, or the help. EXIT_FINE: go on; EXIT_WRONG; -1: help was shown. */
int replay_options_parse(int argc, char **argv, struct replay_options *options);
