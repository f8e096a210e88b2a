/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FIPS
 *
 * Makes the process use OpenSSL's FIPS provider for everything that OpenSSL is asked for by name: opening records,
 * signatures of certificates, staples and tokens, keyed digests. What the provider does not have is then not done:
 * suites with ChaCha20, Camellia, ARIA or RC4 stay closed as unsupported. It says nothing about validation, which is
 * the provider's and of the machine it runs on.
 *
 * Memory:  OpenSSL's, until the process ends.
 * Threads: once, before any other thread uses OpenSSL.
 * Errors:  -ENOTSUP with a diagnostic: this OpenSSL has no such provider, or it does not pass its own tests.
 * Source:  fips_module(7) of OpenSSL 3.0.
 */

#include "base/diagnostics.h"

/* `place`: of the setting that asks for it. */
MUST_USE int fips_enable(const struct diagnostic_place *place, struct diagnostics *diagnostics);
