/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the commands share: loading the settings, and reading numbers and formats in options.
 */

#include "config/settings.h"

/*
 * Loads `path`, or the defaults when it is NULL. Prints every mistake; false when there was one. `settings_out` is then
 * empty.
 */
bool options_load_settings(const char *path, struct settings *settings_out);

/* Reads a plain decimal number in [min, max]. Prints what is wrong and returns false otherwise. */
bool options_number(const char *command, const char *option, const char *text, uint32_t min, uint32_t max,
                    uint32_t *number_out);

/* The queue a command is about: `name` if given, else that of the settings file, else the default. */
bool options_queue_name(const char *config, const char *name, char *name_out, size_t size);

/* Reads `text` or `json`. Prints what is wrong and returns false otherwise. */
bool options_format(const char *command, const char *text, bool *json_out);
