/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Servers (private to tap)
 *
 * Of every server: how many of its one-way connections show only the clients, and how many only the server. A link of
 * which one direction is missing shows the same half of all; connections shared out by their hash show both kinds.
 *
 * Memory:  arena, 24 KiB.
 * Limits:  a server whose place is taken by another is not counted.
 */

#include "base/arena.h"
#include "tap/tally.h"

#define SERVERS_MAX 2048u /* an estate of APIs has hundreds; a sample of them is enough */

struct tap_server {
    uint32_t mark;       /* 0: empty */
    uint32_t one_way[2]; /* connections of which only this role is seen, by enum tap_role */
};

/* Counts one connection in or, `by` being -1, out again: the other direction came after all. */
static inline void tap_server_count(struct tap_server *servers, uint64_t hash, enum tap_role seen, int by)
{
    struct tap_server *server = &servers[hash % SERVERS_MAX];
    uint32_t mark = (uint32_t)(hash >> 32) | 1;
    if (by > 0 && server->one_way[TAP_CLIENT] + server->one_way[TAP_SERVER] == 0)
        server->mark = mark;
    if (server->mark == mark && (by > 0 || server->one_way[seen]))
        server->one_way[seen] += (uint32_t)by;
}

/* One-way connections of servers that show both kinds, as far as they balance. */
static inline uint64_t tap_server_balanced(const struct tap_server *servers)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < SERVERS_MAX; i++)
        sum += 2 * (uint64_t)min_u32(servers[i].one_way[TAP_CLIENT], servers[i].one_way[TAP_SERVER]);
    return sum;
}
