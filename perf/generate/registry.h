/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The registry that fits the generated traffic
 *
 * Writes an OpenAPI document of every operation that generated calls use (but the shadow ones), and as many further
 * operations of the same kind as asked for, to measure how look-ups and start-up depend on the size of a registry.
 *
 * Memory:  none kept.
 * Errors:  0 or -errno of writing.
 */

#include <stdio.h>

#include "base/base.h"

#define TRAFFIC_REGISTRY_DOCUMENT_OPERATIONS 500u /* of further documents: as large as the larger real ones */

/* Makes the folder where it is missing. */
MUST_USE int traffic_registry_write(const char *folder, uint32_t further_operations);
