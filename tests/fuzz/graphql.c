/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fuzz target: GraphQL in bodies. The first byte says JSON or a bare document, the second where the body is cut; what
 * is found must not depend on it. The same bytes are read as an answer.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/graphql_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct graphql_result read_body(enum graphql_body body, struct span text, uint32_t stride)
{
    static struct graphql_request request;
    graphql_request_init(&request, body);
    while (text.size) {
        struct span piece = span_first(text, stride);
        graphql_request_add(&request, piece);
        text = span_from(text, piece.size);
    }
    struct graphql_result result = *graphql_request_end(&request);
    require(result.type < CALL_GRAPHQL_COUNT && result.name_size <= GRAPHQL_NAME_MAX);
    require((result.type == CALL_GRAPHQL_NONE) == (result.operations == 0));
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > UINT32_MAX)
        return 0;
    enum graphql_body body = data[0] & 1 ? GRAPHQL_BODY_DOCUMENT : GRAPHQL_BODY_JSON;
    struct span text = span_of(data + 2, size - 2);
    struct graphql_result whole = read_body(body, text, UINT32_MAX), cut = read_body(body, text, 1u + data[1] % 32);
    require(whole.type == cut.type && whole.operations == cut.operations && whole.aliases == cut.aliases);
    require(whole.introspection == cut.introspection && whole.name_size == cut.name_size);
    require(memcmp(whole.name, cut.name, whole.name_size) == 0);
    /* An answer, one over WebSocket, one in server-sent events. */
    for (uint32_t way = 0; way < 3; way++) {
        struct graphql_response one, two;
        uint32_t cut_at = data[1] % (text.size + 1);
        graphql_response_init(&one, way == 1);
        one.events = way == 2;
        graphql_response_add(&one, text);
        graphql_response_init(&two, way == 1);
        two.events = way == 2;
        graphql_response_add(&two, span_first(text, cut_at));
        graphql_response_add(&two, span_from(text, cut_at));
        require(one.has_data == two.has_data && one.id.size == two.id.size);
        require(memcmp(one.id.text, two.id.text, one.id.size) == 0);
    }
    return 0;
}
