/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * OpenAPI
 *
 * Reads one OpenAPI 3.0 or 3.1 document into operations and routes. The parts (servers, templates, parameters,
 * responses, security, extensions) have a file each.
 *
 * Source:  OpenAPI 3.0.4 and 3.1.1.
 */

#include "registry/loader.h"

#define OPENAPI_EXPANSIONS_MAX 256u /* server URLs from one server's enums; beyond, nobody can have meant it */
#define OPENAPI_VARIABLES_MAX  16u  /* of one server URL */
#define OPENAPI_PARAMETERS_MAX 512u /* of one operation; compared pairwise */

/* Server URLs of one `servers` list, expanded: keys without path template. */
struct openapi_servers {
    struct route_key *keys;
    uint32_t count, capacity;
};

/* One server by its URL. */
struct openapi_server_text {
    struct document_node place; /* what mistakes are told of */
    struct span url;
    struct document_node variables;
    bool defaults_optional; /* OpenAPI demands a `default` of each variable, AsyncAPI does not */
};

/* A path template: its segments' shapes, and the names in it. */
struct openapi_template {
    uint32_t segment_count;
    uint32_t name_count;
    bool trailing_slash;
    struct span segments[REGISTRY_SEGMENTS_MAX];
    struct span names[REGISTRY_SEGMENTS_MAX];
};

struct openapi_parameters {
    struct registry_parameter *list;
    uint32_t count;
};

/* The compiled form of one `security` list. */
struct openapi_security {
    const struct registry_scheme *schemes;
    const struct registry_alternative *alternatives;
    uint32_t scheme_count;
    uint32_t alternative_count;
    bool declared;
};

/* Nearest first: operation, path item, root, info. */
struct openapi_levels {
    struct document_node nodes[4];
};

/* A file with a top-level `openapi`. */
void openapi_read(struct loader *loader, const struct loader_file *file);

/* `list` may be nothing: then the one server "/" it stands for. The keys live until openapi_servers_free(). */
void openapi_read_servers(struct loader *loader, struct document_node list, struct openapi_servers *servers_out);
void openapi_add_server(struct loader *loader, const struct openapi_server_text *text, struct openapi_servers *servers);
void openapi_servers_free(struct openapi_servers *servers);

/* False after an error. The second form reads `text`, which stands at `path`. */
bool openapi_read_template(struct loader *loader, struct document_node path, struct openapi_template *template_out);
bool openapi_read_template_text(struct loader *loader, struct document_node path, struct span text,
                                struct openapi_template *template_out);

/* One `parameters` list. */
void openapi_read_parameters(struct loader *loader, struct document_node list, struct openapi_parameters *list_out);

/* The operation's own list and what the path item adds to it. */
void openapi_merge_parameters(struct loader *loader, const struct openapi_parameters *own,
                              const struct openapi_parameters *shared, struct registry_operation *operation);

void openapi_read_body(struct loader *loader, struct document_node node, struct registry_operation *operation);
void openapi_read_responses(struct loader *loader, struct document_node node, struct registry_operation *operation);

/* Scheme names mean `document`'s components. */
void openapi_read_security(struct loader *loader, struct document_node list, const struct document *document,
                           struct openapi_security *security_out);

void openapi_read_extensions(struct loader *loader, const struct openapi_levels *levels,
                             struct registry_operation *operation);
