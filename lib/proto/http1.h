/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HTTP/1.x messages
 *
 * Turns one direction of a connection into heads, bodies and message ends, under the contract of base/parse.h.
 *
 * Order of the items of one message:
 *   REQUEST_LINE | STATUS_LINE, HEADER*, HEAD_END, BODY*, TRAILER*, MESSAGE_END
 * A message that showed its first line always shows its MESSAGE_END; the items between are left out when it is cut.
 *
 * Reading:  RFC 9112 where it is clear. Where two receivers may disagree the anomaly is set and this is done:
 *           - Transfer-Encoding with chunked as last coding wins over Content-Length, also in HTTP/1.0
 *           - chunked, but not last: a request is read as chunked, a response until close
 *           - Transfer-Encoding without a readable chunked: as if it was not there
 *           - several Content-Lengths: the first one that can be read; a malformed one as strtoull(3) would, so "+5"
 * and "5x" are 5; "-5", "" and more than 2^63-1 are not there
 *           - chunk size: blanks, '+' and "0x" in front of it are skipped; no digits or more than 2^63-1: message cut
 *           - chunk data without CR LF behind it: the next chunk begins there
 *           - LF ends a line; a bare CR is a byte of its element; a space before the colon belongs to nothing
 *           - a CONNECT request has no body; what follows is for the tunnel
 *           - a request line in a body is content, and an anomaly where the body begins with it or is ambiguous
 *           - a status line where the body of an answer begins whose request was not seen: that was HEAD, no body
 *           - a line that begins with a blank continues the header before it; before the first header it is a nameless
 * one Not HTTP: RTSP, SIP, ICY and the like, and the preface of HTTP/2: PARSE_STOP. "GET /path" alone is a request of
 * HTTP/0.9; answers of that are skipped. Loss: an input with data NULL; `consumed` then counts lost bytes. Call until
 * the answer is not PARSE_ITEM. What was not consumed before the hole is given up: do not offer it again. In a body of
 * known rest the body goes on behind it, anywhere else the message is cut and the next first line is searched: at the
 * beginnings of lines, and behind a body without line end where a known method or a status line is plain. That message
 * carries ANOMALY_AFTER_LOSS. End: `last` with the rest of the bytes; answers PARSE_STOP when all is said. Memory: the
 * parser itself, HTTP1_SIZE_MAX bytes. Threads:  one owner. Limits:   below. At most HTTP1_LINE_MAX bytes stay
 * unconsumed.
 */

#include "base/parse.h"
#include "transaction/anomaly.h"
#include "transaction/header.h"

#define HTTP1_LINE_MAX    16384u /* a line with its continuations; common servers refuse more than 8-16 KB */
#define HTTP1_HEADERS_MAX 100u   /* beyond it ANOMALY_HEADERS_TOO_MANY; every one is delivered all the same */
#define HTTP1_RESYNC_MAX  4096u  /* longest first line found behind a hole: bounds what a search has to hold back */
#define HTTP1_SIZE_MAX    96u    /* two for each flow, so they have to stay small */

enum http1_kind { HTTP1_REQUESTS, HTTP1_RESPONSES };

/* What a method means for the framing of the response. UNKNOWN: the request was not seen. */
enum http1_method { HTTP1_METHOD_OTHER, HTTP1_METHOD_HEAD, HTTP1_METHOD_CONNECT, HTTP1_METHOD_UNKNOWN };

enum http1_item_kind {
    HTTP1_REQUEST_LINE,
    HTTP1_STATUS_LINE,
    HTTP1_HEADER,
    HTTP1_HEAD_END,
    HTTP1_BODY,
    HTTP1_TRAILER,
    HTTP1_MESSAGE_END,
};

enum http1_framing {
    HTTP1_FRAMING_NONE,   /* no body */
    HTTP1_FRAMING_LENGTH, /* head_end.length bytes; may be 0 */
    HTTP1_FRAMING_CHUNKED,
    HTTP1_FRAMING_UNTIL_CLOSE,
    HTTP1_FRAMING_TUNNEL, /* 101, or 2xx to CONNECT: another protocol begins; PARSE_STOP follows */
};

struct http1_item {
    enum http1_item_kind kind;
    uint64_t anomalies; /* ANOMALY_BIT()s first known with this item; the message has the union */
    union {
        struct {
            struct span method, target;
            enum http1_method method_class; /* for http1_expect() on the other side */
            uint8_t version_minor;          /* of HTTP/1.x; other majors count as 1, HTTP/0.9 as 0 */
            bool simple;                    /* of HTTP/0.9: without a head, and answered without one */
        } request;
        struct {
            struct span reason;
            uint16_t status;
            uint8_t version_minor;
            bool interim; /* 1xx but 101: the final response follows */
        } status;
        struct {
            struct span name;  /* size 0: the line has none */
            struct span value; /* trimmed; with ANOMALY_OBS_FOLD it holds the line ends as sent */
            enum header_id id;
        } header; /* HEADER and TRAILER */
        struct {
            enum http1_framing framing;
            uint64_t length; /* LENGTH only */
            bool persistent; /* the sender means to go on with this connection (RFC 9112 9.3) */
            bool upgrade;    /* has an Upgrade header */
        } head_end;
        struct {
            struct span data; /* decoded from chunks; data NULL: `lost` bytes of body were not seen */
            uint32_t lost;
        } body;
        struct {
            bool complete; /* false: cut by loss, end of stream or framing beyond repair */
            bool assumed;  /* a status line stands where the body of an answer to METHOD_UNKNOWN would begin */
        } end;
    };
};

/* Members are private but bytes_skipped and bytes_searched. */
struct http1 {
    uint64_t rest;          /* bytes of body or chunk still to come */
    uint64_t length;        /* the Content-Length chosen */
    uint64_t anomalies;     /* found, not yet delivered */
    uint64_t bytes_skipped; /* seen, and part of no message */
    uint64_t
        bytes_searched; /* looked at for line ends: each byte once, twice where a first line had to be searched for */
    uint32_t scanned;   /* unconsumed bytes already searched for a line end */
    uint32_t line_size; /* size of a line whose end is known, while the byte behind it is waited for */
    uint32_t pending;   /* bytes left unconsumed by the last MORE */
    uint16_t status;
    uint16_t header_count;
    uint16_t head; /* what the head said, HEAD_* */
    uint8_t kind;  /* enum http1_kind */
    uint8_t state;
    uint8_t line; /* what the line so far contains, LINE_* */
    uint8_t host_count;
    uint8_t version_minor;
    uint8_t method; /* enum http1_method */
    uint8_t hidden; /* of the search for a request line in a body */
    uint8_t hidden_count;
    uint8_t after_doubt; /* the state that the head asks for */
};

static_assert(sizeof(struct http1) <= HTTP1_SIZE_MAX, "part of every flow");

void http1_init(struct http1 *parser, enum http1_kind kind);

/* Begins in the middle of a connection: the same search as behind a hole. Right after http1_init(). */
void http1_init_midstream(struct http1 *parser, enum http1_kind kind);

/*
 * Responses: the method of the request that the current response answers. Call between the items STATUS_LINE and
 * HEAD_END; holds for that message only. Without it: HTTP1_METHOD_OTHER.
 */
void http1_expect(struct http1 *parser, enum http1_method method);

/*
 * Requests: the other side has accepted a tunnel (HTTP1_FRAMING_TUNNEL seen there). From the end of the current message
 * on the answer is PARSE_STOP. Without it the parser itself stops behind a CONNECT or Upgrade request when what follows
 * is no request.
 */
void http1_set_tunnel(struct http1 *parser);

/*
 * Between two messages, and nothing of those before matters any more: a parser that http1_init() has just made would go
 * on from here in the same way, but for the counts.
 */
bool http1_at_rest(const struct http1 *parser);

struct parse_step http1_parse(struct http1 *parser, const struct parse_input *input, struct http1_item *item_out);
