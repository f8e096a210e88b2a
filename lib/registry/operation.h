/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Registered operation
 *
 * What the organisation's documents say about one operation: everything a rule asks for, resolved and expanded, so that
 * no rule knows of $ref, of inheritance from path item or root, or of YAML. registry/registry.h finds them.
 *
 * Memory:  in the registry's arena; valid and unchanging until registry_free().
 * Threads: any number of readers.
 *
 * Extensions read from the documents. Each may stand on an operation, its path item, the root or `info`; the nearest
 * one counts:
 *
 * - x-sunset: RFC 3339 date (00:00 UTC is meant) or date-time from which on the operation must not answer
 * - x-retired: true, or a text saying since which version: the operation was taken away and must not answer
 * - x-lifecycle: active, deprecated or retired: the same as a state; for a whole document usually in `info`
 * - x-data-class: a name or list of names: classes of sensitive data that may appear in the operation
 * - x-zone: a name or list of names: network zones the operation may be reached from
 * - x-callers: a pattern or list of patterns of SPIFFE ids: workloads that may call the operation
 * - x-allow-full-pan: true: showing a full card number here has a documented business need
 * - x-owner: who answers for it; without one the name or e-mail of info.contact
 */

#include "base/pattern.h"
#include "registry/channel.h"
#include "registry/security.h"

enum registry_method {
    REGISTRY_GET,
    REGISTRY_PUT,
    REGISTRY_POST,
    REGISTRY_DELETE,
    REGISTRY_OPTIONS,
    REGISTRY_HEAD,
    REGISTRY_PATCH,
    REGISTRY_TRACE,
    REGISTRY_METHOD_COUNT
};

enum registry_place {
    REGISTRY_IN_PATH,
    REGISTRY_IN_QUERY,
    REGISTRY_IN_HEADER,
    REGISTRY_IN_COOKIE,
    REGISTRY_PLACE_COUNT
};

/* Header parameters named Accept, Content-Type or Authorization are left out, as OpenAPI demands. */
struct registry_parameter {
    struct span name;
    enum registry_place place;
    bool required;
    bool deprecated;
};

#define REGISTRY_STATUS_DEFAULT 0 /* the response named "default" */

struct registry_response {
    uint16_t status;                   /* 100 to 599; 1 to 5 for 1XX to 5XX; REGISTRY_STATUS_DEFAULT */
    struct registry_names media_types; /* lower case, may be ranges; count 0: no body is documented */
};

/* A file of the registry, also one that only serves $refs. */
struct registry_file {
    struct span name;   /* relative to the registry's folder */
    struct span commit; /* hex, of the last commit that touched it; size 0: in no git work tree, or never committed */
    bool modified;      /* differs from that commit */
};

/* One OpenAPI or AsyncAPI document. */
struct registry_document {
    const struct registry_file *file;
    struct span openapi;  /* "3.1.0"; size 0: no OpenAPI document */
    struct span asyncapi; /* the same of AsyncAPI */
    struct span title;
    struct span version;
    struct span contact_name; /* size 0: none; so for the next */
    struct span contact_email;
};

struct registry_operation {
    /* operationId where no other operation of the registry has the same, else "FILE#METHOD PATH" or "FILE#ACTION
     * ADDRESS"; of gRPC "package.Service/Method". */
    struct span id;
    struct span operation_id; /* as documented; size 0: none */
    struct span
        path; /* template as documented, without the base path: "/users/{id}"; of a message its channel's address */
    struct span owner;                        /* size 0: none */
    struct span retired_text;                 /* what x-retired said beyond true; size 0: nothing */
    const struct registry_document *document; /* what it belongs to */
    const struct registry_file *file;         /* where its text lies; another file when the path item came by $ref */
    const struct registry_channel *channel;   /* NULL: an HTTP operation */
    uint32_t line;
    enum registry_method method; /* of an HTTP operation */
    enum registry_action action; /* of a channel's */
    bool deprecated;
    bool retired;
    bool allow_full_pan;
    bool body_required;
    bool has_body;          /* a request body is documented */
    bool security_declared; /* a `security` applies, be it an empty list */
    uint64_t sunset_ns;     /* UNIX time; 0: none */
    struct registry_names tags;
    struct registry_names data_classes;
    struct registry_names zones;
    const struct pattern *callers;             /* of SPIFFE ids that may call it */
    uint32_t caller_count;                     /* 0: any may */
    struct registry_names request_media_types; /* lower case, may be ranges; of a channel: of its messages */
    const struct registry_parameter *parameters;
    uint32_t parameter_count;
    uint32_t response_count;
    const struct registry_response *responses;       /* ascending by status */
    const struct registry_scheme *schemes;           /* all that the alternatives name */
    const struct registry_alternative *alternatives; /* one of them is enough */
    uint32_t scheme_count;
    uint32_t alternative_count; /* 0: none needed */
};

/* "GET" ... never NULL. */
const char *registry_method_name(enum registry_method method);

/* The response documented for a status: exact beats range beats default. NULL: undocumented. */
const struct registry_response *registry_operation_response(const struct registry_operation *operation,
                                                            uint32_t status);

/* True when a Content-Type value (with or without parameters) is one of the types or falls into a range of them. */
bool registry_media_type_listed(const struct registry_names *media_types, struct span content_type);

/* NULL when undocumented. Header names ignore case, all others do not. */
const struct registry_parameter *registry_operation_parameter(const struct registry_operation *operation,
                                                              enum registry_place place, struct span name);
