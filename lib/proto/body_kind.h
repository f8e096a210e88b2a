/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Body kind
 *
 * How to read a body, from its media type (RFC 9110 8.3) or, where that says nothing, from its first bytes.
 */

#include "base/span.h"

#define BODY_BOUNDARY_MAX 70 /* RFC 2046 5.1.1 */

enum body_kind {
    BODY_BINARY, /* no text; places have no name */
    BODY_JSON,
    BODY_LINES,  /* NDJSON and JSON text sequences */
    BODY_EVENTS, /* text/event-stream: data lines are read as JSON where they are */
    BODY_FORM,   /* application/x-www-form-urlencoded */
    BODY_MULTIPART,
    BODY_XML,
    BODY_TEXT,
    BODY_KIND_COUNT
};

/* "json", "form" ... never NULL. */
const char *body_kind_name(enum body_kind kind);

/*
 * `content_type`: the header's value, empty when absent. `start`: the first bytes of the body, asked when the type is
 * absent, not of the form type/subtype, or application/octet-stream: '{' or '[' behind white space makes it JSON.
 */
enum body_kind body_kind_detect(struct span content_type, struct span start);

/* The same for what is known to be text and has no type: JSON, XML ('<' first) or plain. */
enum body_kind body_kind_of_text(struct span start);

/* The boundary parameter of a multipart type, quotes removed; empty when absent or longer than allowed. */
struct span body_boundary_find(struct span content_type);
