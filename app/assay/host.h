/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Host checks
 *
 * Does this machine offer what a driver file and the settings ask for? Reads /proc and /sys only; changes nothing.
 */

#include <stdio.h>

#include "config/driver_file.h"
#include "config/settings.h"

/*
 * Prints a line for each check: "ok", "warn" (works, but slower or less safe) or "FAIL" (will not start or will lose
 * packets), with what to do. `driver` may be NULL. Returns the number of FAIL lines.
 */
uint32_t host_check(const struct settings *settings, const struct driver_file *driver, FILE *stream);
