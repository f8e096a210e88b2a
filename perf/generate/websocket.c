/* SPDX-License-Identifier: Apache-2.0 */

/*
 * WebSocket (RFC 6455): a connection that is upgraded, and text messages with JSON back and forth, one frame each.
 */

#include <errno.h>

#include <openssl/evp.h>

#include "generate/body.h"
#include "generate/message.h"
#include "generate/websocket.h"

#define KEY_SIZE      16u
#define KEY_TEXT_SIZE 25u                                    /* in base64, terminated */
#define ACCEPT_SIZE   29u                                    /* a SHA-1 in base64, terminated */
#define ACCEPT_SUFFIX "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455 1.3 */
#define FRAME_ROOM    14u
#define FINAL         0x80u
#define MASKED        0x80u
#define MASK_SIZE     4u
#define NORMAL        1000u /* status of a close, RFC 6455 7.4.1 */

enum opcode { TEXT = 1, CLOSE = 8 };

static void frame_add(struct text *text, struct random *random, enum opcode opcode, struct span payload, bool masked)
{
    text_add_number(text, FINAL | opcode, 1);
    uint32_t bit = masked ? MASKED : 0;
    if (payload.size < 126) {
        text_add_number(text, bit | payload.size, 1);
    } else {
        bool wide = payload.size > UINT16_MAX;
        text_add_number(text, bit | (wide ? 127 : 126), 1);
        text_add_number(text, payload.size, wide ? 8 : 2);
    }
    uint32_t begin = text->size + (masked ? MASK_SIZE : 0);
    uint8_t mask[MASK_SIZE] = {0};
    if (masked) {
        uint64_t drawn = random_next(random);
        memcpy(mask, &drawn, MASK_SIZE);
        text_add_bytes(text, span_of(mask, MASK_SIZE));
    }
    text_add_bytes(text, payload);
    for (uint32_t i = 0; i < payload.size; i++)
        text->data[begin + i] = (char)((uint8_t)text->data[begin + i] ^ mask[i % MASK_SIZE]);
}

static int frame_write(struct traffic_author *author, enum opcode opcode, struct span payload, bool to_client,
                       struct traffic_script *script)
{
    struct text text;
    int result = message_text_new(&text, author, FRAME_ROOM + payload.size);
    if (result < 0)
        return result;
    frame_add(&text, &author->random, opcode, payload, !to_client);
    script->writes[script->count++] = (struct traffic_write){text_span(&text), to_client, 1};
    return 0;
}

static int accept_write(const char *key, char accept_out[ACCEPT_SIZE])
{
    char both[KEY_TEXT_SIZE + sizeof(ACCEPT_SUFFIX)];
    int size = snprintf(both, sizeof(both), "%s" ACCEPT_SUFFIX, key);
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned int digest_size;
    if (!EVP_Digest(both, (size_t)size, digest, &digest_size, EVP_sha1(), NULL))
        return -EIO;
    EVP_EncodeBlock((uint8_t *)accept_out, digest, (int)digest_size);
    return 0;
}

static int request_turn(struct traffic_author *author, struct message *request, const char *key)
{
    static const char *const others[] = {"Connection", "Content-Type", "Content-Length", "Accept"};
    for (uint32_t i = 0; i < ARRAY_COUNT(others); i++)
        message_header_remove(request, others[i]);
    request->method = SPAN_LITERAL("GET");
    request->path = SPAN_LITERAL(WEBSOCKET_PATH);
    request->body = (struct span){0};
    return message_header_add(author, request, "Connection", "Upgrade") &&
                   message_header_add(author, request, "Upgrade", "websocket") &&
                   message_header_add(author, request, "Sec-WebSocket-Version", "13") &&
                   message_header_add(author, request, "Sec-WebSocket-Key", "%s", key)
               ? 0
               : -ENOMEM;
}

static int response_turn(struct traffic_author *author, struct message *response, const char *key)
{
    char accept[ACCEPT_SIZE];
    int result = accept_write(key, accept);
    if (result < 0)
        return result;
    static const char *const others[] = {"Connection", "Content-Type", "Content-Length"};
    for (uint32_t i = 0; i < ARRAY_COUNT(others); i++)
        message_header_remove(response, others[i]);
    response->status = "101 Switching Protocols";
    response->body = (struct span){0};
    return message_header_add(author, response, "Connection", "Upgrade") &&
                   message_header_add(author, response, "Upgrade", "websocket") &&
                   message_header_add(author, response, "Sec-WebSocket-Accept", "%s", accept)
               ? 0
               : -ENOMEM;
}

static int opening_write(struct traffic_author *author, struct traffic_script *script)
{
    uint8_t drawn[KEY_SIZE];
    char key[KEY_TEXT_SIZE];
    for (uint32_t i = 0; i < KEY_SIZE; i++)
        drawn[i] = (uint8_t)random_next(&author->random);
    EVP_EncodeBlock((uint8_t *)key, drawn, KEY_SIZE);
    struct message_call call;
    int result = message_call_write(author, 0, &call);
    if (result == 0)
        result = request_turn(author, &call.request, key);
    if (result == 0)
        result = response_turn(author, &call.response, key);
    if (result == 0)
        result = http1_call_write(author, &call, script);
    script->role = TRAFFIC_OPENING;
    return result;
}

static int message_write(struct traffic_author *author, uint32_t size, uint32_t values, bool to_client,
                         struct traffic_script *script)
{
    struct text body;
    uint32_t drawn = message_size_vary(&author->random, size);
    int result = message_text_new(&body, author, traffic_body_room(drawn, values));
    if (result < 0)
        return result;
    traffic_body_add(&body, &author->random, drawn, values);
    return frame_write(author, TEXT, text_span(&body), to_client, script);
}

static int closing_write(struct traffic_author *author, struct traffic_script *script)
{
    char buffer[2];
    struct text reason = {buffer, 0, sizeof(buffer)};
    text_add_number(&reason, NORMAL, 2);
    int result = frame_write(author, CLOSE, text_span(&reason), false, script);
    if (result == 0)
        result = frame_write(author, CLOSE, text_span(&reason), true, script);
    script->role = TRAFFIC_CLOSING;
    return result;
}

static int websocket_write_session(struct traffic_author *author, const uint8_t *kinds, uint32_t calls,
                                   struct traffic_script *scripts_out)
{
    const struct traffic_settings *settings = author->settings;
    int result = opening_write(author, &scripts_out[0]);
    for (uint32_t i = 0; i < calls && result == 0; i++) {
        struct traffic_script *script = &scripts_out[1 + i];
        /* A message has no headers, and its connection's path is a documented one. */
        script->kind = kinds[i] & TRAFFIC_SENSITIVE;
        result = message_write(author, settings->request_body_bytes, 0, false, script);
        if (result == 0)
            result = message_write(author, settings->response_body_bytes, script->kind ? settings->sensitive_values : 0,
                                   true, script);
    }
    return result == 0 ? closing_write(author, &scripts_out[1 + calls]) : result;
}

const struct traffic_protocol traffic_websocket = {
    .name = "websocket",
    .help = "messages of JSON behind an upgrade of HTTP/1.1",
    .server_port = 80,
    .write_session = websocket_write_session,
};
