/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HTTP/1.1: calls as lines (RFC 9112). The head of a response and its body are two writes, as most servers do it.
 */

#include <errno.h>

#include "generate/message.h"

/* The patches of a header whose value ends at the end of the text. */
static void patches_add(struct traffic_script *script, const struct message_header *header, const struct text *text,
                        uint8_t write)
{
    for (uint32_t i = 0; i < header->fresh_count; i++) {
        const struct message_fresh *fresh = &header->fresh[i];
        require(script->patch_count < TRAFFIC_PATCHES_MAX);
        script->patches[script->patch_count++] = (struct traffic_patch){
            .offset = (uint16_t)(text->size - header->value.size + fresh->offset),
            .size = fresh->size,
            .write = write,
            .fresh = fresh->fresh,
            .stream = fresh->stream,
            .base64 = fresh->base64,
        };
    }
}

static void headers_add(struct traffic_script *script, const struct message *message, struct text *text, uint8_t write)
{
    for (uint32_t i = 0; i < message->header_count; i++) {
        const struct message_header *header = &message->headers[i];
        text_add(text, "%s: %.*s", header->name, (int)header->value.size, header->value.data);
        patches_add(script, header, text, write);
        text_add(text, "\r\n");
    }
    text_add(text, "\r\n");
}

int http1_call_write(struct traffic_author *author, const struct message_call *call, struct traffic_script *script_out)
{
    const struct message *request = &call->request, *response = &call->response;
    struct text asked, head;
    if (message_text_new(&asked, author, MESSAGE_HEAD_ROOM + request->body.size) ||
        message_text_new(&head, author, MESSAGE_HEAD_ROOM))
        return -ENOMEM;
    text_add(&asked, "%.*s %.*s HTTP/1.1\r\n", (int)request->method.size, request->method.data, (int)request->path.size,
             request->path.data);
    headers_add(script_out, request, &asked, 0);
    text_add(&asked, "%.*s", (int)request->body.size, request->body.data);
    text_add(&head, "HTTP/1.1 %s\r\n", response->status);
    headers_add(script_out, response, &head, 1);
    script_out->writes[0] = (struct traffic_write){text_span(&asked), false, 1};
    script_out->writes[1] = (struct traffic_write){text_span(&head), true, 0};
    script_out->writes[2] = (struct traffic_write){response->body, true, 0};
    script_out->count = response->body.size ? 3 : 2;
    return 0;
}

static int http1_write_call(struct traffic_author *author, uint32_t kind, struct traffic_script *script_out)
{
    struct message_call call;
    int result = message_call_write(author, kind, &call);
    script_out->kind = (uint8_t)kind;
    return result == 0 ? http1_call_write(author, &call, script_out) : result;
}

const struct traffic_protocol traffic_http1 = {
    .name = "http1",
    .help = "HTTP/1.1",
    .server_port = 80,
    .write_call = http1_write_call,
};
