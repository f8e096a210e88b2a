/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Profiles. What they share: requests of 600 bytes, 2 % of responses with something sensitive, 1 % of calls each
 * undocumented or without a header they should have; packets 3.1 us apart, which is 50,000 calls a second of api-small.
 */

#include "generate/profile.h"

#include <string.h>

#include "generate/protocol.h"

/* 2026-01-01T00:00:00Z: fixed, so that the same settings give the same file. */
#define START_NS (UINT64_C(1767225600) * 1000000000u)

#define COMMON                                                                                                         \
    .protocol = &traffic_http1, .seed = 1, .shadow_percent = 1, .missing_header_percent = 1, .start_ns = START_NS,     \
    .packet_ns = 3100
#define SMALL_BODIES .request_body_bytes = 500, .response_body_bytes = 1024, .variants = 4096
#define FEW_VALUES   .sensitive_percent = 2, .sensitive_values = 1

static const struct traffic_profile profiles[] = {
    {"api-small",
     "1.4 KB responses with 1 KB of JSON, 20 calls a connection",
     {COMMON, SMALL_BODIES, FEW_VALUES, .transactions_per_connection = 20, .concurrency = 10000, .active = 1000}},
    {"api-large",
     "64 KB of JSON a response",
     {COMMON, FEW_VALUES, .transactions_per_connection = 20, .concurrency = 1000, .active = 100,
      .request_body_bytes = 4096, .response_body_bytes = 65536, .variants = 512}},
    {"handshake-heavy",
     "api-small with one call a connection",
     {COMMON, SMALL_BODIES, FEW_VALUES, .transactions_per_connection = 1, .concurrency = 10000, .active = 1000}},
    {"flows-1m",
     "api-small over a million connections at a time",
     {COMMON, SMALL_BODIES, FEW_VALUES, .transactions_per_connection = 20, .concurrency = 1000000, .active = 1000}},
    {"findings",
     "api-small with 11 sensitive values in every response",
     {COMMON, SMALL_BODIES, .sensitive_percent = 100, .sensitive_values = 11, .transactions_per_connection = 20,
      .concurrency = 10000, .active = 1000}},
};

const struct traffic_profile *traffic_profile_at(uint32_t index)
{
    return index < ARRAY_COUNT(profiles) ? &profiles[index] : NULL;
}

const struct traffic_profile *traffic_profile_find(const char *name)
{
    for (uint32_t i = 0; i < ARRAY_COUNT(profiles); i++)
        if (strcmp(profiles[i].name, name) == 0)
            return &profiles[i];
    return NULL;
}
