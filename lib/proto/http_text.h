/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Texts inside HTTP heads and forms
 *
 * Splits header values, targets and form bodies into spans. Used for every HTTP version.
 *
 * Memory:  none; every span points into the text given.
 * Threads: pure functions.
 * Limits:  each is linear in the size of its text.
 * Errors:  none; what cannot be read is left out (size 0) and, where it matters, said by the result.
 * Source:  RFC 9110 (5.6, 7.2, 8.3), RFC 9112 3.2, RFC 3986, RFC 6265, WHATWG URL (application/x-www-form-urlencoded).
 */

#include "base/span.h"

struct http_pair {
    struct span name;
    struct span value; /* data NULL: there was no '=' */
};

struct http_media_type {
    struct span type, subtype; /* "application", "json" as sent; compare without case */
    struct span suffix;        /* behind the last '+' of the subtype: "json" of "problem+json"; size 0: none */
    struct span charset;       /* without quotes; size 0: none */
    struct span boundary;
};

/* False when there is no "type/subtype"; *media_type_out is then empty. */
bool http_media_type_parse(struct span value, struct http_media_type *media_type_out);

/* Next element of a comma-separated list, trimmed; empty ones are left out, commas in quoted strings do not count. */
bool http_list_next(struct span *rest, struct span *element_out);

/* Next parameter of ";name=value;..." as in Content-Type or Forwarded; quotes are taken off, escapes stay. */
bool http_parameter_next(struct span *rest, struct http_pair *pair_out);

/*
 * Next "name=value" of a Cookie header. For Set-Cookie the first one is the cookie, the further ones its attributes
 * ("Secure" has no value).
 */
bool http_cookie_next(struct span *rest, struct http_pair *pair_out);

/* Next "name=value" of a query or form, still encoded. Empty parts ("&&") are left out. */
bool http_query_next(struct span *rest, struct http_pair *pair_out);

struct http_decoded {
    struct span text; /* in the caller's buffer */
    bool invalid;     /* a '%' without two hex digits; kept as it was */
    bool truncated;   /* the buffer was too small */
};

/* `plus` reads '+' as a space, as forms and queries do. `capacity` = text.size is always enough. */
struct http_decoded http_percent_decode(struct span text, bool plus, uint8_t *buffer, uint32_t capacity);

#define HTTP_PORT_NONE (-1)

struct http_authority {
    struct span userinfo; /* data NULL: none */
    struct span host;     /* an IPv6 literal without its brackets */
    int32_t port;         /* HTTP_PORT_NONE: none, empty or no number up to 65535 */
    bool ip_literal;      /* it was in brackets */
    bool valid;           /* RFC 3986 3.2, and as RFC 9110 7.2 asks of Host: no userinfo */
};

struct http_authority http_authority_parse(struct span text);

/* Do both name the same host and port? Case and the default port of `scheme` ("http", "https") do not matter. */
bool http_authority_equal(struct span a, struct span b, struct span scheme);

enum http_target_form {
    HTTP_TARGET_ORIGIN,    /* "/path?query" */
    HTTP_TARGET_ABSOLUTE,  /* "http://host/path?query" */
    HTTP_TARGET_AUTHORITY, /* "host:port", CONNECT only */
    HTTP_TARGET_ASTERISK,  /* "*" */
    HTTP_TARGET_OTHER,     /* none of these; the whole is taken as path and query */
};

struct http_target {
    enum http_target_form form;
    struct span scheme, authority; /* size 0: none */
    struct span path;              /* still encoded; size 0 possible in absolute form */
    struct span query;             /* behind the '?', up to a '#'; data NULL: no '?' */
};

/* `connect`: the method is CONNECT. */
struct http_target http_target_parse(struct span target, bool connect);
