/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Protocols of generated traffic
 *
 * A protocol writes scripts: what the two ends of a connection say to each other for one call, write by write. How that
 * becomes segments is not its business. All scripts are made before the first frame, some thousand of each kind, and
 * connections play them in random order; so making frames costs little more than copying.
 *
 * Memory:  scripts lie in the author's arena.
 * Threads: one owner.
 */

#include "base/arena.h"
#include "base/span.h"
#include "generate/profile.h"
#include "generate/random.h"

#define TRAFFIC_WRITES_MAX  3u /* a request, a head, a body */
#define TRAFFIC_PATCHES_MAX 8u /* the numbers of a call, a token, a cookie */

/* What is special about a call; a set. */
enum traffic_kind {
    TRAFFIC_SENSITIVE = 1 << 0,      /* the response holds values that detectors look for */
    TRAFFIC_SHADOW = 1 << 1,         /* the operation is in no registry */
    TRAFFIC_MISSING_HEADER = 1 << 2, /* without X-Request-ID, or without Authorization */
};
#define TRAFFIC_KINDS 8u

/* One send() of an application: cut into segments, the last of them pushed, and acknowledged. */
struct traffic_write {
    struct span bytes;
    bool to_client;
};

/* What a patch's characters come from. */
enum traffic_fresh {
    TRAFFIC_FRESH_CALL,       /* others in each call: its numbers */
    TRAFFIC_FRESH_CONNECTION, /* the same on one connection: the client's token, its cookie */
};

/*
 * Characters that are put in when the script is played: a script comes again and again, the numbers of a call do not.
 * Patches of one `stream` and `fresh` have the same characters. Hyphens of hexadecimal ones stay where they are.
 */
struct traffic_patch {
    uint16_t offset; /* in the write */
    uint8_t size;
    uint8_t write;
    uint8_t fresh; /* enum traffic_fresh */
    uint8_t stream;
    bool base64; /* base64url; otherwise hexadecimal */
};

struct traffic_script {
    struct traffic_write writes[TRAFFIC_WRITES_MAX];
    uint32_t count;
    struct traffic_patch patches[TRAFFIC_PATCHES_MAX];
    uint32_t patch_count;
};

struct traffic_author {
    const struct traffic_settings *settings;
    struct arena *arena;
    struct random random;
};

struct traffic_protocol {
    const char *name;
    uint16_t server_port;
    /* Writes one call of the kind (a set of enum traffic_kind). Returns 0 or -ENOMEM. */
    int (*write_call)(struct traffic_author *author, uint32_t kind, struct traffic_script *script_out);
};

extern const struct traffic_protocol traffic_http1;
