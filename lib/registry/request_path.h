/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Request path
 *
 * A path cut into normalised segments, so that two spellings of one path give the same bytes. Templates go through the
 * same normalisation when they are loaded.
 *
 * Memory:  the caller's; segments point into the path itself unless it had to be rewritten into `buffer`.
 * Threads: one owner.
 * Limits:  REGISTRY_SEGMENTS_MAX; REGISTRY_PATH_SIZE_MAX for paths that have to be rewritten.
 * Source:  RFC 3986 2.3 (unreserved), 5.2.4 (dot segments), 6.2.2 (normalisation).
 */

#include "registry/registry.h"

/* One more than a template can have, so that a longer path is known to be longer. */
#define REQUEST_SEGMENTS_MAX (REGISTRY_SEGMENTS_MAX + 1)

struct request_path {
    uint32_t count;      /* of segments kept; a longer path keeps its first ones */
    bool trailing_slash; /* the path ends with '/'; the last empty segment is not one of `segments` */
    bool too_long;       /* could not be rewritten: nothing else is valid */
    struct span segments[REQUEST_SEGMENTS_MAX];
    uint8_t buffer[REGISTRY_PATH_SIZE_MAX];
};

/* Reads up to a '?' or '#'. Returns false when the path does not begin with '/' (it may be empty: then it is "/"). */
bool request_path_split(struct request_path *path, struct span text);

/*
 * Writes `text` with every escape decoded but those of reserved characters, '%', '{' and '}', which keep theirs with
 * upper-case digits. Never longer than the input. Returns the size written.
 */
uint32_t request_path_decode(struct span text, uint8_t *buffer_out);
