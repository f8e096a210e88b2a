/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The API of the generated traffic
 *
 * A shop: what its clients call, and what its registry documents. One table, so that both agree.
 */

#include "base/base.h"

#define TRAFFIC_HOST "api.shop.example"

struct traffic_operation {
    const char *method;
    const char *template; /* path as an OpenAPI document has it; parameters are written as identifiers */
    const char *query;    /* NULL: none */
    bool has_body;        /* of the request */
};

extern const struct traffic_operation traffic_operations[];
extern const uint32_t traffic_operations_count;

/* Calls that the registry does not know: other paths, another version. */
extern const struct traffic_operation traffic_shadow_operations[];
extern const uint32_t traffic_shadow_operations_count;
