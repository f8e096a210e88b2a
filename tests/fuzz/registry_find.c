/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fuzz target: requests against a fixed registry. Input: port (2 bytes), method number, then host, NUL, path. Whatever
 * a request looks like, the answer is consistent, and respelling the path (escaping each letter) does not change it.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "registry/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PATH_MAX_TRIED 1024u

static const char document[] = "openapi: 3.1.0\ninfo: {title: t, version: '1'}\n"
                               "servers:\n"
                               "  - url: 'https://{tenant}.example.com/v1'\n    variables: {tenant: {default: a}}\n"
                               "  - url: 'http://api.example.com:8080/v1'\n"
                               "  - url: 'http://[2001:db8::1]/v1'\n"
                               "  - url: 'http://api-{x}.example.com:{p}/{base}'\n"
                               "    variables: {x: {default: a}, p: {default: '80'}, base: {default: b}}\n"
                               "  - url: /any/x%2Fy\n"
                               "paths:\n"
                               "  /: {get: {}}\n"
                               "  /users/{id}: {get: {}, delete: {}}\n"
                               "  /users/me: {get: {}}\n"
                               "  /files/{name}.json: {get: {}}\n"
                               "  /files/{name}.{kind}.json/: {get: {}, put: {}}\n"
                               "  /range/{a}-{b}-x{c}{d}: {post: {}}\n"
                               "  /{a}/me/{b}/x: {get: {}}\n"
                               "  /a-literal-segment-that-is-longer-than-a-node-of-the-table/caf\xc3\xa9: {get: {}}\n";

static void check(const struct registry_match *match)
{
    bool known = match->outcome == REGISTRY_MATCH || match->outcome == REGISTRY_NO_METHOD;
    require(known == (match->operation != NULL) && known == (match->methods != 0));
    if (match->outcome == REGISTRY_MATCH)
        require(match->methods >> match->operation->method & 1);
}

/* Escapes letters and digits, which never changes what a path means, unless they belong to an escape already. */
static void check_respelled(const struct registry *registry, struct registry_request request,
                            const struct registry_match *match)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t respelled[3 * PATH_MAX_TRIED];
    uint32_t size = 0;
    if (request.path.size > PATH_MAX_TRIED || (request.path.size && memchr(request.path.data, '%', request.path.size)))
        return;
    for (uint32_t i = 0; i < request.path.size; i++) {
        uint8_t c = request.path.data[i];
        bool letter = ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
        respelled[size++] = letter ? '%' : c;
        if (letter) {
            respelled[size++] = (uint8_t)digits[c >> 4];
            respelled[size++] = (uint8_t)digits[c & 15];
        }
    }
    struct registry_match other;
    request.path = span_of(respelled, size);
    registry_find(registry, &request, &other);
    require(other.outcome == match->outcome && other.operation == match->operation && other.methods == match->methods);
    require(other.trailing_slash_differs == match->trailing_slash_differs && other.less_literal == match->less_literal);
}

static struct registry *load(void)
{
    struct diagnostics diagnostics;
    struct registry *registry = NULL;
    diagnostics_init(&diagnostics);
    require(registry_load_text("api.yaml", document, sizeof(document) - 1, &diagnostics, &registry) == 0);
    diagnostics_deinit(&diagnostics);
    return registry;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct registry *registry;
    if (!registry)
        registry = load();
    if (size < 3)
        return 0;
    const uint8_t *host = data + 3;
    const uint8_t *end = size > 3 ? memchr(host, 0, size - 3) : NULL;
    size_t host_size = end ? (size_t)(end - host) : size - 3;
    struct registry_request request = {
        .host = span_of(host, host_size),
        .port = (uint16_t)(data[0] << 8 | data[1]),
        .method = span_from_text(registry_method_name((enum registry_method)(data[2] % REGISTRY_METHOD_COUNT))),
        .path = end ? span_of(end + 1, size - 3 - host_size - 1) : (struct span){0},
    };
    struct registry_match match;
    require(registry_find(registry, &request, &match) == match.outcome);
    check(&match);
    check_respelled(registry, request, &match);
    return 0;
}
