/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * gRPC
 *
 * Length-prefixed messages of a gRPC or gRPC-Web body, under the contract of base/parse.h, and the texts around them:
 * content type, path, status, trailers of gRPC-Web.
 *
 * Memory:  fixed, the caller's.
 * Threads: one owner.
 * Loss:    inside a message: an item without data, the next prefix is found all the same. A hole over a prefix ends it.
 * Errors:  a prefix that is none: PARSE_STOP with `outcome` GRPC_MALFORMED.
 * Source:  grpc/doc/PROTOCOL-HTTP2.md, PROTOCOL-WEB.md, statuscodes.md, http-grpc-status-mapping.md.
 */

#include "base/parse.h"

#define GRPC_PREFIX_SIZE 5u

enum grpc_wrapping {
    GRPC_NONE,     /* no gRPC */
    GRPC_PLAIN,    /* application/grpc */
    GRPC_WEB,      /* application/grpc-web: trailers are a frame of the body */
    GRPC_WEB_TEXT, /* application/grpc-web-text: the same in base64 */
};

enum grpc_codec { GRPC_PROTOBUF, GRPC_JSON, GRPC_CODEC_OTHER };

struct grpc_content {
    uint8_t wrapping; /* enum grpc_wrapping */
    uint8_t codec;    /* enum grpc_codec; without "+..." protobuf, which is the default */
    bool codec_named; /* "+proto": the sender says so */
};

/* Of a Content-Type value; empty is GRPC_NONE. */
struct grpc_content grpc_content_find(struct span content_type);

enum grpc_frame_flag { GRPC_FRAME_COMPRESSED = 1u << 0, GRPC_FRAME_TRAILERS = 1u << 7 };

enum grpc_outcome {
    GRPC_OPEN,
    GRPC_COMPLETE,  /* ended between messages */
    GRPC_TRUNCATED, /* ended inside one */
    GRPC_MALFORMED, /* not a prefix where one must be */
    GRPC_LOST,      /* a prefix is missing */
};

enum grpc_item_kind {
    GRPC_FRAME_BEGIN,
    GRPC_FRAME_DATA, /* a piece of the message */
    GRPC_FRAME_END,  /* the whole message was there, holes included */
};

struct grpc_item {
    enum grpc_item_kind kind;
    uint8_t flags;    /* set of enum grpc_frame_flag */
    uint32_t length;  /* of the message as the prefix says */
    uint32_t lost;    /* of DATA without bytes */
    struct span data; /* of DATA */
};

/* Zero is a valid start. Private but outcome. */
struct grpc_frames {
    uint8_t outcome; /* enum grpc_outcome */
    uint8_t flags;
    uint8_t prefix_size;
    uint8_t state;
    bool web;
    uint32_t length;
    uint32_t left;
    uint8_t prefix[GRPC_PREFIX_SIZE];
};

void grpc_frames_init(struct grpc_frames *frames, bool web);

struct parse_step grpc_frames_parse(struct grpc_frames *frames, const struct parse_input *input,
                                    struct grpc_item *item_out);

#define GRPC_STATUS_NONE  (-1)
#define GRPC_STATUS_COUNT 17 /* OK to UNAUTHENTICATED */

/* The number of a grpc-status value; GRPC_STATUS_NONE when it is no decimal number of up to five digits. */
int32_t grpc_status_parse(struct span value);

/* The HTTP status that means the same (google/rpc/code.proto); 500 for numbers that are no status of gRPC. */
int32_t grpc_status_as_http(int32_t status);

/* What clients take an HTTP answer without grpc-status for; GRPC_STATUS_NONE for 200 and for no status. */
int32_t grpc_status_from_http(int32_t http_status);

/* "/package.Service/Method". False when the path is not of that shape. */
bool grpc_path_split(struct span path, struct span *service_out, struct span *method_out);

/* The next line "name: value" of a frame of trailers. False at the end. */
bool grpc_trailer_next(struct span *rest, struct span *name_out, struct span *value_out);
