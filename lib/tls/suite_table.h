/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Table of cipher suites, sorted by id. Private to the module; tls/suite.h finds in it.
 */

#include "tls/suite.h"

#define TLS_SUITE_COUNT 364u /* what scripts/tls_suites reads from the registry */

extern const struct tls_suite tls_suite_table[TLS_SUITE_COUNT];
