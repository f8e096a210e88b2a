/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Anomalies
 *
 * What was odd about the framing of a message, as a set of bits. Parsers set them, rules judge them, nobody fails
 * because of them. AMBIGUOUS ones are those on which two receivers are known to disagree about where the message ends.
 */

#include "base/base.h"

enum anomaly {
    ANOMALY_BARE_LF,             /* line ended by LF alone (RFC 9112 2.2) */
    ANOMALY_BARE_CR,             /* CR not followed by LF */
    ANOMALY_NUL,                 /* NUL byte in a head */
    ANOMALY_OBS_FOLD,            /* header value continued on the next line (RFC 9112 5.2) */
    ANOMALY_SPACE_BEFORE_COLON,  /* "Name : value" (RFC 9112 5.1) */
    ANOMALY_HEADER_NAME,         /* a header name with characters that are no token, or an empty one */
    ANOMALY_HEADER_VALUE,        /* control characters in a header value, or an Expect that is none (RFC 9110 10.1.1) */
    ANOMALY_HEADER_LINE,         /* a header line without a colon */
    ANOMALY_REQUEST_LINE,        /* request line of another shape than method SP target SP version */
    ANOMALY_STATUS_LINE,         /* status line of another shape than version SP 3 digits SP reason */
    ANOMALY_VERSION,             /* a version other than HTTP/1.0 or HTTP/1.1 */
    ANOMALY_LENGTH_MALFORMED,    /* Content-Length that is not plain digits, or too large */
    ANOMALY_LENGTH_REPEATED,     /* the same Content-Length more than once */
    ANOMALY_LENGTH_CONFLICT,     /* different Content-Lengths */
    ANOMALY_LENGTH_AND_CHUNKED,  /* Content-Length and Transfer-Encoding together (RFC 9112 6.3) */
    ANOMALY_ENCODING_OBFUSCATED, /* Transfer-Encoding that some will read as chunked and some will not */
    ANOMALY_ENCODING_NOT_FINAL,  /* chunked is not the last transfer coding */
    ANOMALY_ENCODING_IN_1_0,     /* Transfer-Encoding in HTTP/1.0 */
    ANOMALY_CHUNK_SIZE,          /* chunk size with sign, blanks, prefix, overflow, or an extension that is none */
    ANOMALY_CHUNK_EXTENSION,     /* chunk extension present */
    ANOMALY_CHUNK_END,           /* chunk data not followed by CR LF */
    ANOMALY_HOST_MISSING,        /* HTTP/1.1 request without Host (RFC 9112 3.2) */
    ANOMALY_HOST_REPEATED,       /* more than one Host */
    ANOMALY_HOST_INVALID,        /* Host that is no host[:port] */
    ANOMALY_HOST_MISMATCH,       /* absolute-form target names another authority than Host */
    ANOMALY_TARGET,              /* bytes in the request target that RFC 3986 does not allow */
    ANOMALY_BODY_ON_BODILESS,    /* content signalled where none may be (GET with body is no anomaly; 204, 304 is) */
    ANOMALY_LINE_OVERSIZED,      /* a line longer than HTTP1_LINE_MAX */
    ANOMALY_HEADERS_TOO_MANY,    /* more header lines than HTTP1_HEADERS_MAX */
    ANOMALY_LEADING_BYTES,       /* bytes before the first line that belong to no message */
    ANOMALY_HIDDEN_REQUEST,      /* a request line at the beginning of a body, or in one whose framing is ambiguous */
    ANOMALY_EXTRA_RESPONSE,      /* a response nobody asked for, or bytes behind the last one (response splitting) */
    ANOMALY_CONTENT_BOMB,        /* a compressed body that unpacks to more than any real one */
    ANOMALY_CONTENT_MALFORMED,   /* a body that is not in the content coding it says */
    ANOMALY_GRPC_FRAMING,        /* a gRPC body that is not made of length-prefixed messages */
    ANOMALY_PROTOBUF_MALFORMED,  /* a message that is no protobuf, or has strings that are no UTF-8 */
    ANOMALY_PROTOBUF_UNKNOWN_FIELD, /* a field that the descriptor does not have, or with another type */
    ANOMALY_WEBSOCKET_ACCEPT,       /* Sec-WebSocket-Accept that does not answer the key (RFC 6455 4.1) */
    ANOMALY_WEBSOCKET_AGREEMENT,    /* a version, subprotocol or extension answered that was not offered */
    ANOMALY_WEBSOCKET_MASKING,      /* client frame not masked, or server frame masked (RFC 6455 5.1) */
    ANOMALY_WEBSOCKET_RESERVED,     /* reserved bits or opcodes (RFC 6455 5.2) */
    ANOMALY_WEBSOCKET_LENGTH,       /* a length not in its shortest form, or over 63 bits (RFC 6455 5.2) */
    ANOMALY_WEBSOCKET_CONTROL,      /* a control frame in fragments or over 125 bytes, or a close that is none (5.5) */
    ANOMALY_WEBSOCKET_ORDER,        /* fragments out of order, or frames behind a close (RFC 6455 5.4, 5.5.1) */
    ANOMALY_TEXT_ENCODING,          /* a text that is not in the encoding it has to be in (RFC 6455 5.6) */
    ANOMALY_LENGTH_MISMATCH,        /* content that is not as long as its Content-Length (RFC 9113 8.1.1) */
    ANOMALY_HTTP2_FRAME,            /* a frame that is malformed, or where it may not be (RFC 9113 4 to 6) */
    ANOMALY_HTTP2_PSEUDO_HEADER,    /* one that is unknown, repeated, missing, or behind a header (RFC 9113 8.3) */
    ANOMALY_HTTP2_NAME_CASE,        /* upper case in a header name (RFC 9113 8.2.1) */
    ANOMALY_HTTP2_LINE_BREAK,       /* CR, LF or NUL in a header (RFC 9113 8.2.1) */
    ANOMALY_HTTP2_CONNECTION,       /* Connection, Transfer-Encoding and the like (RFC 9113 8.2.2) */
    ANOMALY_HPACK_MALFORMED,        /* a header block that cannot be decoded (RFC 7541) */
    ANOMALY_HPACK_BOMB,             /* few bytes that become a head larger than any real one, or of more fields */
    ANOMALY_CONTINUATION_FLOOD,     /* a header block in more CONTINUATION frames than any real one */
    ANOMALY_RAPID_RESET,            /* streams opened and reset at a rate no client has */
    ANOMALY_SETTINGS_FLOOD,         /* SETTINGS that have to be answered, at such a rate */
    ANOMALY_PING_FLOOD,             /* PING, the same */
    ANOMALY_HEADERS_UNKNOWN,        /* headers whose name or value was told in bytes that were not seen */
    ANOMALY_FRAME_SIZE,             /* AMQP: a frame longer than was agreed, or than any can be */
    ANOMALY_FRAME_END,              /* AMQP: no frame begins where the one before ends */
    ANOMALY_FRAME_ORDER,            /* AMQP: a frame that may not stand where it does */
    ANOMALY_FRAME_FIELDS, /* AMQP: fields or a message that are not of their types, or do not fill their frame */
    ANOMALY_AFTER_LOSS,   /* begins behind a hole in the stream */
    ANOMALY_HEADER_MISPLACED,    /* a field of routing, credentials or content behind the body (RFC 9110 6.5.1) */
    ANOMALY_COUNT
};

static_assert(ANOMALY_COUNT <= 64, "anomalies are a set in 64 bits");

#define ANOMALY_BIT(anomaly) (UINT64_C(1) << (anomaly))

/* Two receivers may see different messages: the classic ingredients of request smuggling. */
#define ANOMALIES_AMBIGUOUS                                                                                            \
    (ANOMALY_BIT(ANOMALY_BARE_CR) | ANOMALY_BIT(ANOMALY_NUL) | ANOMALY_BIT(ANOMALY_SPACE_BEFORE_COLON) |               \
     ANOMALY_BIT(ANOMALY_LENGTH_MALFORMED) | ANOMALY_BIT(ANOMALY_LENGTH_CONFLICT) |                                    \
     ANOMALY_BIT(ANOMALY_LENGTH_AND_CHUNKED) | ANOMALY_BIT(ANOMALY_ENCODING_OBFUSCATED) |                              \
     ANOMALY_BIT(ANOMALY_ENCODING_NOT_FINAL) | ANOMALY_BIT(ANOMALY_CHUNK_SIZE) | ANOMALY_BIT(ANOMALY_CHUNK_END) |      \
     ANOMALY_BIT(ANOMALY_LENGTH_MISMATCH) | ANOMALY_BIT(ANOMALY_HTTP2_PSEUDO_HEADER) |                                 \
     ANOMALY_BIT(ANOMALY_HTTP2_LINE_BREAK) | ANOMALY_BIT(ANOMALY_HTTP2_CONNECTION) |                                   \
     ANOMALY_BIT(ANOMALY_HIDDEN_REQUEST))

/* Stable lower-case name for evidence: "bare_lf". Never NULL. */
const char *anomaly_name(enum anomaly anomaly);
