/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Traffic settings and profiles
 *
 * A profile is a named set of settings that stands for one kind of load; each of them can be changed afterwards.
 */

#include "base/base.h"

struct traffic_protocol;

#define TRAFFIC_CONCURRENCY_MAX (1u << 22) /* four times the largest flow table we measure */
#define TRAFFIC_BODY_BYTES_MAX  (4u << 20) /* texts are kept in memory, several of each size */
#define TRAFFIC_VALUES_MAX      16u        /* sensitive values of one body */

struct traffic_settings {
    const struct traffic_protocol *protocol;
    uint64_t seed;
    uint64_t transactions;                /* 0: without end */
    uint64_t connections;                 /* the transactions are spread evenly over so many; 0: as the next one says */
    uint32_t transactions_per_connection; /* on average; lengths vary from 1 to twice this */
    uint32_t concurrency;                 /* connections open at a time */
    uint32_t active;                      /* of them in the middle of a call; the others rest between two calls */
    uint32_t request_body_bytes;          /* of calls that have one */
    uint32_t response_body_bytes;
    uint32_t sensitive_percent; /* share of transactions with sensitive values in the response */
    uint32_t sensitive_values;  /* how many of them each has */
    uint32_t shadow_percent;    /* share of calls to undocumented operations */
    uint32_t missing_header_percent;
    uint32_t variants;  /* different messages of each kind */
    uint64_t start_ns;  /* time of the first packet */
    uint64_t packet_ns; /* time from one packet to the next */
};

struct traffic_profile {
    const char *name;
    const char *help;
    struct traffic_settings settings;
};

/* NULL when there is none of that name. */
const struct traffic_profile *traffic_profile_find(const char *name);

/* In order; NULL behind the last. */
const struct traffic_profile *traffic_profile_at(uint32_t index);
