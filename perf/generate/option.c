/* SPDX-License-Identifier: Apache-2.0 */

/* Traffic options. */

#include "generate/option.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generate/protocol.h"

enum choice {
    OPTION_PROFILE = TRAFFIC_OPTION_FIRST,
    OPTION_TRANSACTIONS,
    OPTION_CONNECTIONS,
    OPTION_CONCURRENCY,
    OPTION_SENSITIVE_PERCENT,
    OPTION_SENSITIVE_VALUES,
    OPTION_SHADOW_PERCENT,
    OPTION_MISSING_HEADER_PERCENT,
    OPTION_SEED,
    OPTION_VARIANTS,
    OPTION_ACTIVE,
    OPTION_PROTOCOL,
    OPTION_END
};

bool option_number(const char *value, uint64_t max, uint64_t *number_out)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    if (end == value || *end != '\0' || value[0] == '-' || errno || number > max)
        return false;
    *number_out = number;
    return true;
}

bool traffic_option_known(int option)
{
    return option >= OPTION_PROFILE && option < OPTION_END;
}

static int protocol_apply(const char *name, struct traffic_settings *settings)
{
    const struct traffic_protocol *protocol = traffic_protocol_find(name);
    if (!protocol) {
        fprintf(stderr, "there is no protocol \"%s\"; there are:\n", name);
        for (uint32_t i = 0; (protocol = traffic_protocol_at(i)) != NULL; i++)
            fprintf(stderr, "  %-16s %s\n", protocol->name, protocol->help);
        return -EINVAL;
    }
    settings->protocol = protocol;
    return 0;
}

int traffic_option_apply(int option, const char *value, struct traffic_settings *settings)
{
    if (option == OPTION_PROFILE)
        return 0;
    if (option == OPTION_PROTOCOL)
        return protocol_apply(value, settings);
    bool wide = option == OPTION_TRANSACTIONS || option == OPTION_CONNECTIONS || option == OPTION_SEED;
    uint64_t number;
    if (!option_number(value, wide ? UINT64_MAX : UINT32_MAX, &number)) {
        fprintf(stderr, "\"%s\" is no number this option can take\n", value);
        return -EINVAL;
    }
    switch (option) {
    case OPTION_TRANSACTIONS:
        settings->transactions = number;
        break;
    case OPTION_CONNECTIONS:
        settings->connections = number;
        break;
    case OPTION_CONCURRENCY:
        settings->concurrency = (uint32_t)number;
        break;
    case OPTION_SENSITIVE_PERCENT:
        settings->sensitive_percent = (uint32_t)number;
        break;
    case OPTION_SENSITIVE_VALUES:
        settings->sensitive_values = (uint32_t)number;
        break;
    case OPTION_SHADOW_PERCENT:
        settings->shadow_percent = (uint32_t)number;
        break;
    case OPTION_MISSING_HEADER_PERCENT:
        settings->missing_header_percent = (uint32_t)number;
        break;
    case OPTION_SEED:
        settings->seed = number;
        break;
    case OPTION_ACTIVE:
        settings->active = (uint32_t)number;
        break;
    default:
        settings->variants = (uint32_t)number;
        break;
    }
    return 0;
}

/* Both "--profile NAME" and "--profile=NAME". NULL: not there. */
static const char *profile_name(int argc, char **argv)
{
    static const char prefix[] = "--profile=";
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--profile") == 0 && i + 1 < argc)
            return argv[i + 1];
        if (strncmp(argv[i], prefix, sizeof(prefix) - 1) == 0)
            return argv[i] + sizeof(prefix) - 1;
    }
    return NULL;
}

int traffic_options_profile(int argc, char **argv, const char *fallback, struct traffic_settings *settings_out)
{
    const char *name = profile_name(argc, argv);
    const struct traffic_profile *profile = traffic_profile_find(name ? name : fallback);
    if (!profile) {
        fprintf(stderr, "there is no profile \"%s\"; there are:\n", name ? name : fallback);
        for (uint32_t i = 0; (profile = traffic_profile_at(i)) != NULL; i++)
            fprintf(stderr, "  %-16s %s\n", profile->name, profile->help);
        return -EINVAL;
    }
    *settings_out = profile->settings;
    return 0;
}
