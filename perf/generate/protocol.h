/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Protocols of generated traffic
 *
 * A protocol writes scripts: what the two ends of a connection say to each other for one call, write by write. How that
 * becomes segments is not its business. All scripts are made before the first frame, some thousand of each kind, and
 * connections play them; so making frames costs little more than copying.
 *
 * Where calls stand for themselves (HTTP/1) they are played in random order. Where what is said depends on what was
 * said before (HPACK tables, record numbers, stream ids), a protocol writes sessions: an opening, some calls, a
 * closing, played from the first to the last on one connection.
 *
 * Memory:  scripts lie in the author's arena.
 * Threads: one owner.
 */

#include <stdio.h>

#include "base/arena.h"
#include "base/span.h"
#include "generate/profile.h"
#include "generate/random.h"

#define TRAFFIC_WRITES_MAX  16u /* the opening of AMQP goes back and forth so often */
#define TRAFFIC_PATCHES_MAX 8u  /* the numbers of a call, a token, a cookie */

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
    uint8_t transactions; /* that begin with it, as an auditor counts: each message is one */
};

/* What a patch's characters come from. */
enum traffic_fresh {
    TRAFFIC_FRESH_CALL,       /* others in each call: its numbers */
    TRAFFIC_FRESH_CONNECTION, /* the same on one connection: the client's token, its cookie */
};

/*
 * Characters that are put in when the script is played: a script comes again and again, the numbers of a call do not.
 * Patches of one `stream` and `fresh` have the same characters.
 */
struct traffic_patch {
    uint16_t offset; /* in the write */
    uint8_t bit;     /* of that byte, from its most significant one: Huffman codes begin anywhere */
    uint8_t size;    /* in characters */
    uint8_t write;
    uint8_t fresh; /* enum traffic_fresh */
    uint8_t stream;
    bool base64;  /* base64url; otherwise hexadecimal */
    bool huffman; /* by the code of RFC 7541: then only characters with the ten shortest codes, all of five bits */
};

enum traffic_role { TRAFFIC_CALL, TRAFFIC_OPENING, TRAFFIC_CLOSING };

struct traffic_script {
    struct traffic_write writes[TRAFFIC_WRITES_MAX];
    uint32_t count;
    struct traffic_patch patches[TRAFFIC_PATCHES_MAX];
    uint32_t patch_count;
    uint8_t role; /* enum traffic_role */
    uint8_t kind; /* set of enum traffic_kind, as it came out */
};

struct traffic_author {
    const struct traffic_settings *settings;
    struct arena *arena;
    struct random random;
    FILE *keylog;  /* secrets of TLS connections, in the form of SSLKEYLOGFILE */
    void *context; /* of the protocol, between begin() and end() */
    bool secure;   /* what is written travels inside TLS */
};

#define TRAFFIC_SESSION_ENDS 2u /* the scripts of a session beside its calls: opening and closing */

struct traffic_protocol {
    const char *name;
    const char *help;
    uint16_t server_port;
    /* Writes one call of the kind (a set of enum traffic_kind). Returns 0 or -errno. NULL: the other one. */
    int (*write_call)(struct traffic_author *author, uint32_t kind, struct traffic_script *script_out);
    /* Writes an opening, a call for each of `kinds`, and a closing (which may be empty). Returns 0 or -errno. */
    int (*write_session)(struct traffic_author *author, const uint8_t *kinds, uint32_t calls,
                         struct traffic_script *scripts_out);
    /* Before the first session and behind the last one, where a protocol keeps something. NULL: nothing. */
    int (*begin)(struct traffic_author *author);
    void (*end)(struct traffic_author *author);
};

extern const struct traffic_protocol traffic_http1;
extern const struct traffic_protocol traffic_http2;
extern const struct traffic_protocol traffic_grpc;
extern const struct traffic_protocol traffic_websocket;
extern const struct traffic_protocol traffic_amqp;
extern const struct traffic_protocol traffic_tls;       /* HTTP/1.1 inside TLS 1.3 */
extern const struct traffic_protocol traffic_tls_http2; /* HTTP/2 inside TLS 1.3 */

/* NULL when there is none of that name. */
const struct traffic_protocol *traffic_protocol_find(const char *name);

/* In order; NULL behind the last. */
const struct traffic_protocol *traffic_protocol_at(uint32_t index);
