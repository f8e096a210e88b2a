/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Known header names
 *
 * Names that rules, parsers and checks ask for by number, so that "was Authorization sent?" is a bit test. The name is
 * looked up once, when the header arrives.
 */

#include "base/span.h"

enum header_id {
    HEADER_OTHER,
    HEADER_ACCEPT,
    HEADER_ACCESS_CONTROL_ALLOW_CREDENTIALS,
    HEADER_ACCESS_CONTROL_ALLOW_ORIGIN,
    HEADER_API_KEY, /* "Api-Key" */
    HEADER_AUTHORIZATION,
    HEADER_CACHE_CONTROL,
    HEADER_CONNECTION,
    HEADER_CONTENT_ENCODING,
    HEADER_CONTENT_LENGTH,
    HEADER_CONTENT_TYPE,
    HEADER_COOKIE,
    HEADER_DEPRECATION,
    HEADER_EXPECT,
    HEADER_FORWARDED,
    HEADER_HOST,
    HEADER_LOCATION,
    HEADER_ORIGIN,
    HEADER_PROXY_AUTHORIZATION,
    HEADER_REFERER,
    HEADER_SERVER,
    HEADER_SET_COOKIE,
    HEADER_STRICT_TRANSPORT_SECURITY,
    HEADER_SUNSET,
    HEADER_TRACEPARENT,
    HEADER_TRANSFER_ENCODING,
    HEADER_UPGRADE,
    HEADER_USER_AGENT,
    HEADER_VIA,
    HEADER_WWW_AUTHENTICATE,
    HEADER_X_API_KEY,
    HEADER_X_CORRELATION_ID,
    HEADER_X_FORWARDED_CLIENT_CERT,
    HEADER_X_FORWARDED_FOR,
    HEADER_X_FORWARDED_HOST,
    HEADER_X_FORWARDED_PROTO,
    HEADER_X_HTTP_METHOD_OVERRIDE,
    HEADER_X_POWERED_BY,
    HEADER_X_REAL_IP,
    HEADER_X_REQUEST_ID,
    HEADER_ID_COUNT
};

static_assert(HEADER_ID_COUNT <= 64, "the headers seen are a set in 64 bits");

#define HEADER_BIT(id) (UINT64_C(1) << (id))

/* HEADER_OTHER for any name not listed. ASCII case is ignored. */
enum header_id header_id_find(struct span name);

/* The name in lower case; "" for HEADER_OTHER. */
const char *header_id_name(enum header_id id);
