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
    ANOMALY_BARE_LF,              /* line ended by LF alone (RFC 9112 2.2) */
    ANOMALY_BARE_CR,              /* CR not followed by LF */
    ANOMALY_NUL,                  /* NUL byte in a head */
    ANOMALY_OBS_FOLD,             /* header value continued on the next line (RFC 9112 5.2) */
    ANOMALY_SPACE_BEFORE_COLON,   /* "Name : value" (RFC 9112 5.1) */
    ANOMALY_HEADER_NAME,          /* a header name with characters that are no token, or an empty one */
    ANOMALY_HEADER_VALUE,         /* control characters in a header value */
    ANOMALY_HEADER_LINE,          /* a header line without a colon */
    ANOMALY_REQUEST_LINE,         /* request line of another shape than method SP target SP version */
    ANOMALY_STATUS_LINE,          /* status line of another shape than version SP 3 digits SP reason */
    ANOMALY_VERSION,              /* a version other than HTTP/1.0 or HTTP/1.1 */
    ANOMALY_LENGTH_MALFORMED,     /* Content-Length that is not plain digits, or too large */
    ANOMALY_LENGTH_REPEATED,      /* the same Content-Length more than once */
    ANOMALY_LENGTH_CONFLICT,      /* different Content-Lengths */
    ANOMALY_LENGTH_AND_CHUNKED,   /* Content-Length and Transfer-Encoding together (RFC 9112 6.3) */
    ANOMALY_ENCODING_OBFUSCATED,  /* Transfer-Encoding that some will read as chunked and some will not */
    ANOMALY_ENCODING_NOT_FINAL,   /* chunked is not the last transfer coding */
    ANOMALY_ENCODING_IN_1_0,      /* Transfer-Encoding in HTTP/1.0 */
    ANOMALY_CHUNK_SIZE,           /* chunk size with sign, blanks, prefix, leading zeros beyond reason, or overflow */
    ANOMALY_CHUNK_EXTENSION,      /* chunk extension present */
    ANOMALY_CHUNK_END,            /* chunk data not followed by CR LF */
    ANOMALY_HOST_MISSING,         /* HTTP/1.1 request without Host (RFC 9112 3.2) */
    ANOMALY_HOST_REPEATED,        /* more than one Host */
    ANOMALY_HOST_INVALID,         /* Host that is no host[:port] */
    ANOMALY_HOST_MISMATCH,        /* absolute-form target names another authority than Host */
    ANOMALY_TARGET,               /* bytes in the request target that RFC 3986 does not allow */
    ANOMALY_BODY_ON_BODILESS,     /* content signalled where none may be (GET with body is no anomaly; 204, 304 is) */
    ANOMALY_LINE_OVERSIZED,       /* a line longer than HTTP1_LINE_MAX */
    ANOMALY_HEADERS_TOO_MANY,     /* more header lines than HTTP1_HEADERS_MAX */
    ANOMALY_LEADING_BYTES,        /* bytes before the first line that belong to no message */
    ANOMALY_HIDDEN_REQUEST,       /* a request line at the beginning of a body, or in one whose framing is ambiguous */
    ANOMALY_EXTRA_RESPONSE,       /* a response nobody asked for, or bytes behind the last one (response splitting) */
    ANOMALY_CONTENT_BOMB,         /* a compressed body that unpacks to more than any real one */
    ANOMALY_CONTENT_MALFORMED,    /* a body that is not in the content coding it says */
    ANOMALY_AFTER_LOSS,           /* begins behind a hole in the stream */
    ANOMALY_COUNT
};

static_assert(ANOMALY_COUNT <= 64, "anomalies are a set in 64 bits");

#define ANOMALY_BIT(anomaly) (UINT64_C(1) << (anomaly))

/* Two receivers may see different messages: the classic ingredients of request smuggling. */
#define ANOMALIES_AMBIGUOUS                                                                                            \
    (ANOMALY_BIT(ANOMALY_BARE_CR) | ANOMALY_BIT(ANOMALY_NUL) | ANOMALY_BIT(ANOMALY_SPACE_BEFORE_COLON) |               \
     ANOMALY_BIT(ANOMALY_LENGTH_MALFORMED) | ANOMALY_BIT(ANOMALY_LENGTH_CONFLICT) |                                    \
     ANOMALY_BIT(ANOMALY_LENGTH_AND_CHUNKED) | ANOMALY_BIT(ANOMALY_ENCODING_OBFUSCATED) |                              \
     ANOMALY_BIT(ANOMALY_ENCODING_NOT_FINAL) | ANOMALY_BIT(ANOMALY_CHUNK_SIZE) | ANOMALY_BIT(ANOMALY_CHUNK_END) |          \
     ANOMALY_BIT(ANOMALY_HIDDEN_REQUEST))

/* Stable lower-case name for evidence: "bare_lf". Never NULL. */
const char *anomaly_name(enum anomaly anomaly);
