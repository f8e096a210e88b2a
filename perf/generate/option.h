/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Traffic options
 *
 * The command-line options that change a profile, for every program that makes traffic.
 *
 * Errors:  -EINVAL after a sentence on standard error.
 */

#include <getopt.h>

#include "generate/profile.h"

/* For getopt_long(): a table of these, followed by the program's own. Their values begin at TRAFFIC_OPTION_FIRST. */
#define TRAFFIC_OPTION_FIRST 1000

/* clang-format off */
#define TRAFFIC_OPTIONS                                                                                                \
    {"profile", required_argument, NULL, TRAFFIC_OPTION_FIRST + 0},                                                    \
    {"transactions", required_argument, NULL, TRAFFIC_OPTION_FIRST + 1},                                               \
    {"connections", required_argument, NULL, TRAFFIC_OPTION_FIRST + 2},                                                \
    {"concurrency", required_argument, NULL, TRAFFIC_OPTION_FIRST + 3},                                                \
    {"active", required_argument, NULL, TRAFFIC_OPTION_FIRST + 10},                                                    \
    {"sensitive-percent", required_argument, NULL, TRAFFIC_OPTION_FIRST + 4},                                          \
    {"sensitive-values", required_argument, NULL, TRAFFIC_OPTION_FIRST + 5},                                           \
    {"shadow-percent", required_argument, NULL, TRAFFIC_OPTION_FIRST + 6},                                             \
    {"missing-header-percent", required_argument, NULL, TRAFFIC_OPTION_FIRST + 7},                                     \
    {"seed", required_argument, NULL, TRAFFIC_OPTION_FIRST + 8},                                                       \
    {"variants", required_argument, NULL, TRAFFIC_OPTION_FIRST + 9},                                                   \
    {"protocol", required_argument, NULL, TRAFFIC_OPTION_FIRST + 11}
/* clang-format on */

#define TRAFFIC_OPTIONS_HELP                                                                                           \
    "  --profile NAME              api-small, api-large, handshake-heavy, flows-1m, findings\n"                        \
    "  --protocol NAME             http1, http2, grpc, websocket, amqp, tls, tls-http2\n"                              \
    "  --transactions N            calls in all; 0: without end\n"                                                     \
    "  --connections N             spread them evenly over so many connections\n"                                      \
    "  --concurrency N             connections open at a time\n"                                                       \
    "  --active N                  of them in the middle of a call\n"                                                  \
    "  --sensitive-percent N       share of responses with sensitive values\n"                                         \
    "  --sensitive-values N        how many each of those has\n"                                                       \
    "  --shadow-percent N          share of calls to undocumented operations\n"                                        \
    "  --missing-header-percent N  share of calls without X-Request-ID or Authorization\n"                             \
    "  --seed N                    other seeds make other traffic of the same kind\n"                                  \
    "  --variants N                different messages kept ready\n"

/*
 * True when `option` is one of the above. --profile replaces all settings, so it is looked for first, over the whole
 * command line, by traffic_options_profile().
 */
MUST_USE bool traffic_option_known(int option);
MUST_USE int traffic_option_apply(int option, const char *value, struct traffic_settings *settings);

/* Fills the settings of the profile that the command line names, else of `fallback`. */
MUST_USE int traffic_options_profile(int argc, char **argv, const char *fallback,
                                     struct traffic_settings *settings_out);

/* A whole number in `value`; false when it is none or larger than `max`. */
MUST_USE bool option_number(const char *value, uint64_t max, uint64_t *number_out);
