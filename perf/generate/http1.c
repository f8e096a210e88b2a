/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HTTP/1.1 calls: what a client library behind a browser sends, what a gateway answers. Requests have 12 header lines
 * and 600 bytes without their body, responses 10 lines; the head of a response and its body are two writes, as most
 * servers do it (RFC 9112).
 */

#include <errno.h>

#include "generate/body.h"
#include "generate/operation.h"
#include "generate/protocol.h"
#include "generate/value.h"

#define HEAD_ROOM 1536u /* the longest head has 700 bytes */

/* Bodies vary between three and five quarters of what the settings say. */
static uint32_t vary(struct random *random, uint32_t size)
{
    return size / 4 * 3 + random_below(random, size / 2 + 1);
}

static const struct traffic_operation *choose(struct random *random, bool shadow)
{
    return shadow ? &traffic_shadow_operations[random_below(random, traffic_shadow_operations_count)]
                  : &traffic_operations[random_below(random, traffic_operations_count)];
}

/* The template with a number in place of each {parameter}. */
static void path_add(struct text *text, struct random *random, const char *template)
{
    while (*template) {
        size_t literal = strcspn(template, "{");
        text_add(text, "%.*s", (int)literal, template);
        template += literal;
        if (*template == '{') {
            text_add(text, "%u", random_below(random, 1000000));
            template = strchr(template, '}') + 1;
        }
    }
}

static void request_line_add(struct text *text, struct random *random, const struct traffic_operation *operation)
{
    text_add(text, "%s ", operation->method);
    path_add(text, random, operation->template);
    if (operation->query)
        text_add(text, "?%s", operation->query);
    text_add(text, " HTTP/1.1\r\n");
}

static void request_id_add(struct text *text, uint64_t high, uint64_t low)
{
    text_add(text, "X-Request-ID: %08x-%04x-4%03x-a%03x-%012llx\r\n", (uint32_t)(high >> 32), (uint32_t)(high & 0xffff),
             (uint32_t)(high >> 16 & 0xfff), (uint32_t)(low >> 48 & 0xfff), (unsigned long long)(low & 0xffffffffffff));
}

enum stream { STREAM_ID, STREAM_TRACE, STREAM_TOKEN, STREAM_VISIT };

#define ID_FRESH    13u /* characters in front of the version digit */
#define TRACE_FRESH 32u /* the trace id */
#define SIGNATURE   86u /* of a token: ES256 in base64url */
#define VISIT       16u

struct call {
    const struct traffic_operation *operation;
    struct traffic_script *script;
    uint64_t id_high, id_low;
    bool identified; /* has an X-Request-ID, which the response repeats */
    bool authorized;
    uint32_t values;
};

/* The last `size` characters of the text, `behind` in front of its end, are drawn when the script is played. */
static void patch_add(const struct call *call, const struct text *text, uint8_t write, enum traffic_fresh fresh,
                      enum stream stream, uint32_t size, uint32_t behind)
{
    struct traffic_script *script = call->script;
    require(script->patch_count < TRAFFIC_PATCHES_MAX);
    script->patches[script->patch_count++] = (struct traffic_patch){
        .offset = (uint16_t)(text->size - behind - size),
        .size = (uint8_t)size,
        .write = write,
        .fresh = (uint8_t)fresh,
        .stream = (uint8_t)stream,
        .base64 = stream == STREAM_TOKEN,
    };
}

static void id_add(struct text *text, const struct call *call, uint8_t write)
{
    request_id_add(text, call->id_high, call->id_low);
    patch_add(call, text, write, TRAFFIC_FRESH_CALL, STREAM_ID, ID_FRESH, 36 - ID_FRESH + 2);
}

static void request_add(struct text *text, struct traffic_author *author, const struct call *call,
                        const struct text *body)
{
    struct random *random = &author->random;
    request_line_add(text, random, call->operation);
    text_add(text, "Host: " TRAFFIC_HOST "\r\n"
                   "User-Agent: shop-client/4.12.1 (Linux; x86_64) http-core/9.3\r\n"
                   "Accept: application/json\r\n"
                   "Accept-Encoding: identity\r\n"
                   "Accept-Language: en-GB,en;q=0.8\r\n");
    if (call->authorized) {
        text_add(text, "Authorization: Bearer ");
        traffic_token_add(text, random);
        patch_add(call, text, 0, TRAFFIC_FRESH_CONNECTION, STREAM_TOKEN, SIGNATURE, 0);
        text_add(text, "\r\n");
    }
    if (call->identified)
        id_add(text, call, 0);
    text_add(text, "traceparent: 00-%016llx%016llx-%016llx-01\r\n", (unsigned long long)call->id_low,
             (unsigned long long)call->id_high, (unsigned long long)(call->id_low ^ call->id_high) | 1);
    patch_add(call, text, 0, TRAFFIC_FRESH_CALL, STREAM_TRACE, TRACE_FRESH, 1 + 16 + 3 + 2);
    text_add(text, "Cookie: theme=light; lang=en; visit=");
    traffic_characters_add(text, random, TRAFFIC_HEX, VISIT);
    patch_add(call, text, 0, TRAFFIC_FRESH_CONNECTION, STREAM_VISIT, VISIT, 0);
    text_add(text, "\r\nX-Client-Version: 4.12.1\r\nConnection: keep-alive\r\n");
    if (call->operation->has_body)
        text_add(text, "Content-Type: application/json\r\nContent-Length: %u\r\n", body->size);
    else
        text_add(text, "Cache-Control: no-cache\r\n");
    text_add(text, "\r\n%.*s", (int)body->size, body->data);
}

static void response_head_add(struct text *text, struct random *random, const struct call *call, uint32_t body_size)
{
    text_add(text,
             "HTTP/1.1 %s\r\n"
             "Date: Thu, 01 Jan 2026 00:00:%02u GMT\r\n"
             "Content-Type: application/json\r\n"
             "Content-Length: %u\r\n",
             strcmp(call->operation->method, "POST") == 0 ? "201 Created" : "200 OK", random_below(random, 60),
             body_size);
    if (call->identified)
        id_add(text, call, 1);
    text_add(text,
             "Cache-Control: no-store\r\n"
             "Vary: Accept-Encoding, Origin\r\n"
             "X-Content-Type-Options: nosniff\r\n"
             "X-RateLimit-Remaining: %u\r\n"
             "Server: gateway\r\n"
             "Connection: keep-alive\r\n\r\n",
             random_below(random, 1000));
}

static MUST_USE int text_new(struct text *text, struct arena *arena, uint32_t capacity)
{
    *text = (struct text){arena_take(arena, capacity, 1), 0, capacity};
    return text->data ? 0 : -ENOMEM;
}

static int http1_write_call(struct traffic_author *author, uint32_t kind, struct traffic_script *script_out)
{
    const struct traffic_settings *settings = author->settings;
    struct random *random = &author->random;
    bool missing = kind & TRAFFIC_MISSING_HEADER;
    bool missing_id = missing && random_below(random, 2);
    struct call call = {
        .operation = choose(random, kind & TRAFFIC_SHADOW),
        .id_high = random_next(random),
        .id_low = random_next(random),
        .identified = !missing_id,
        .authorized = !missing || missing_id,
        .values = kind & TRAFFIC_SENSITIVE ? settings->sensitive_values : 0,
        .script = script_out,
    };
    uint32_t request_size = call.operation->has_body ? vary(random, settings->request_body_bytes) : 0;
    uint32_t response_size = vary(random, settings->response_body_bytes);
    struct text request_body, request, head, body;
    if (text_new(&request_body, author->arena, traffic_body_room(request_size, 0)) ||
        text_new(&request, author->arena, traffic_body_room(request_size, 0) + HEAD_ROOM) ||
        text_new(&head, author->arena, HEAD_ROOM) ||
        text_new(&body, author->arena, traffic_body_room(response_size, call.values)))
        return -ENOMEM;
    if (call.operation->has_body)
        traffic_body_add(&request_body, random, request_size, 0);
    request_add(&request, author, &call, &request_body);
    traffic_body_add(&body, random, response_size, call.values);
    response_head_add(&head, random, &call, body.size);
    script_out->writes[0] = (struct traffic_write){text_span(&request), false};
    script_out->writes[1] = (struct traffic_write){text_span(&head), true};
    script_out->writes[2] = (struct traffic_write){text_span(&body), true};
    script_out->count = 3;
    return 0;
}

const struct traffic_protocol traffic_http1 = {"http1", 80, http1_write_call};
