/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Host checks
 *
 * Does this machine offer what a driver file and the settings ask for? Reads /proc, /sys, the state of the kernel's
 * clock and the rings of kernel interfaces; changes nothing and needs no privileges.
 */

#include <stdio.h>

#include "config/driver_file.h"
#include "config/settings.h"

enum host_format { HOST_TEXT, HOST_JSON };

/*
 * Tells each check: "ok", "warn" (works, but slower or less safe) or "FAIL" (will not start or will lose packets), with
 * what to do; as a line of text each, or all as one JSON object. `driver` may be NULL. Returns the number of FAILs.
 */
uint32_t host_check(const struct settings *settings, const struct driver_file *driver, enum host_format format,
                    FILE *stream);
