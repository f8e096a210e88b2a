/* SPDX-License-Identifier: Apache-2.0 */

/* Options: see the header. */

#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool options_load_settings(const char *path, struct settings *settings_out)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    *settings_out = (struct settings){0};
    int result = path ? settings_load(path, &diagnostics, settings_out) : settings_default(&diagnostics, settings_out);
    diagnostics_print(&diagnostics, stderr);
    diagnostics_deinit(&diagnostics);
    return result == 0;
}

bool options_number(const char *command, const char *option, const char *text, uint32_t min, uint32_t max,
                    uint32_t *number_out)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (errno || end == text || *end || text[0] == '-' || number < min || number > max) {
        fprintf(stderr, "assay %s: %s wants a number from %u to %u, not '%s'\n", command, option, min, max, text);
        return false;
    }
    *number_out = (uint32_t)number;
    return true;
}

bool options_format(const char *command, const char *text, bool *json_out)
{
    *json_out = strcmp(text, "json") == 0;
    if (*json_out || strcmp(text, "text") == 0)
        return true;
    fprintf(stderr, "assay %s: --format is 'text' or 'json', not '%s'\n", command, text);
    return false;
}

bool options_queue_name(const char *config, const char *name, char *name_out, size_t size)
{
    struct settings settings = {0};
    if (!name && config && !options_load_settings(config, &settings))
        return false;
    snprintf(name_out, size, "%s", name ? name : settings.queue.name ? settings.queue.name : "assay");
    settings_deinit(&settings);
    return true;
}
