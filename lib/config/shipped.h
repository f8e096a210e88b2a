/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Shipped files
 *
 * Where the rule packs and driver files that come with the program lie: beside the sources when it runs from a build
 * tree wherever that lies, below share/assay of the prefix it is installed in otherwise.
 *
 * Memory:  none kept.
 * Errors:  -ENOENT when neither has the entry.
 */

#include "base/base.h"

#define SHIPPED_PATH_SIZE 4096 /* PATH_MAX */

/* `name` is relative: "rules", "rules/detectors.yaml", "drivers-config/pcap.yaml". The path is absolute and exists. */
MUST_USE int shipped_path_find(const char *name, char path_out[SHIPPED_PATH_SIZE]);
