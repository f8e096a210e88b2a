/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the registry's tests share: loading texts and asking for one request. Include after cmocka.h. */

#include <string.h>

#include "registry/registry.h"

static inline struct registry *load_good_sources(const struct registry_source *sources, uint32_t count)
{
    struct diagnostics diagnostics;
    struct registry *registry = NULL;
    diagnostics_init(&diagnostics);
    int status = registry_load_sources(sources, count, &diagnostics, &registry);
    if (status)
        diagnostics_print(&diagnostics, stderr);
    assert_int_equal(status, 0);
    diagnostics_deinit(&diagnostics);
    return registry;
}

static inline struct registry *load_good(const char *text)
{
    struct registry_source source = {"api.yaml", text, strlen(text)};
    return load_good_sources(&source, 1);
}

/* "HOST METHOD PATH". */
static inline enum registry_outcome ask_match(const struct registry *registry, const char *host, const char *method,
                                              const char *path, struct registry_match *match_out)
{
    struct registry_request request = {
        .host = span_from_text(host), .method = span_from_text(method), .path = span_from_text(path)};
    return registry_find(registry, &request, match_out);
}

/* The operation's id, or the name of the outcome in brackets; valid until the next call. */
static inline const char *ask(const struct registry *registry, const char *host, const char *method, const char *path)
{
    static const char *const outcomes[] = {"(no host)",   "(no base path)", "(no path)",
                                           "(no method)", "(match)",        "(undecided)"};
    static char id[256];
    struct registry_match match;
    if (ask_match(registry, host, method, path, &match) != REGISTRY_MATCH)
        return outcomes[match.outcome];
    snprintf(id, sizeof(id), "%.*s", (int)match.operation->id.size, match.operation->id.data);
    return id;
}

#define assert_span_equal(span, text) assert_true(span_equal((span), span_from_text(text)))
