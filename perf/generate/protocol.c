/* SPDX-License-Identifier: Apache-2.0 */

/* The list of protocols. */

#include "generate/protocol.h"

#include <string.h>

static const struct traffic_protocol *const protocols[] = {
    &traffic_http1, &traffic_http2, &traffic_grpc, &traffic_websocket, &traffic_amqp, &traffic_tls, &traffic_tls_http2,
};

const struct traffic_protocol *traffic_protocol_at(uint32_t index)
{
    return index < ARRAY_COUNT(protocols) ? protocols[index] : NULL;
}

const struct traffic_protocol *traffic_protocol_find(const char *name)
{
    for (uint32_t i = 0; i < ARRAY_COUNT(protocols); i++)
        if (strcmp(protocols[i]->name, name) == 0)
            return protocols[i];
    return NULL;
}
