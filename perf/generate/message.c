/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Messages: what a client library behind a browser sends, what a gateway answers. Requests have 12 headers, responses
 * ten (RFC 9110).
 */

#include "generate/message.h"

#include <errno.h>
#include <stdarg.h>

#include "generate/body.h"
#include "generate/operation.h"
#include "generate/value.h"

#define VALUE_MAX 512u /* the longest value is a token */

enum stream { STREAM_ID, STREAM_ID_REST, STREAM_TRACE, STREAM_TOKEN, STREAM_VISIT };

#define ID_FRESH      8u /* characters in front of the first hyphen, and behind it */
#define ID_REST_FRESH 4u
#define TRACE_BEGIN   3u /* behind the version */
#define TRACE_FRESH   32u
#define SIGNATURE     86u /* of a token: ES256 in base64url */
#define VISIT         16u

/* A call being written. */
struct draft {
    const struct traffic_operation *operation;
    struct traffic_author *author;
    struct random *random;
    uint64_t id_high, id_low;
    bool identified; /* has an X-Request-ID, which the response repeats */
    bool authorized;
};

uint32_t message_size_vary(struct random *random, uint32_t size)
{
    return size / 4 * 3 + random_below(random, size / 2 + 1);
}

int message_text_new(struct text *text, struct traffic_author *author, uint32_t capacity)
{
    *text = (struct text){arena_take(author->arena, capacity, 1), 0, capacity};
    return text->data ? 0 : -ENOMEM;
}

struct message_header *message_header_add(struct traffic_author *author, struct message *message, const char *name,
                                          const char *format, ...)
{
    char value[VALUE_MAX];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(value, sizeof(value), format, arguments);
    va_end(arguments);
    require(size >= 0 && (size_t)size < sizeof(value) && message->header_count < MESSAGE_HEADERS_MAX);
    const char *copy = arena_copy_text(author->arena, value, (size_t)size);
    if (!copy)
        return NULL;
    struct message_header *header = &message->headers[message->header_count++];
    *header = (struct message_header){.name = name, .value = span_of(copy, (size_t)size)};
    return header;
}

struct message_header *message_header_find(struct message *message, const char *name)
{
    for (uint32_t i = 0; i < message->header_count; i++)
        if (strcmp(message->headers[i].name, name) == 0)
            return &message->headers[i];
    return NULL;
}

void message_header_remove(struct message *message, const char *name)
{
    struct message_header *header = message_header_find(message, name);
    if (!header)
        return;
    uint32_t behind = (uint32_t)(message->headers + message->header_count - header) - 1;
    memmove(header, header + 1, behind * sizeof(*header));
    message->header_count--;
}

static int fresh_add(struct message_header *header, uint32_t offset, uint32_t size, enum traffic_fresh fresh,
                     enum stream stream)
{
    if (!header)
        return -ENOMEM;
    require(header->fresh_count < MESSAGE_FRESH_MAX && offset + size <= header->value.size);
    header->fresh[header->fresh_count++] = (struct message_fresh){(uint16_t)offset, (uint8_t)size, (uint8_t)fresh,
                                                                  (uint8_t)stream, stream == STREAM_TOKEN};
    return 0;
}

/* Headers that are the same in every call. */
static int plain_add(struct traffic_author *author, struct message *message, const char *const (*lines)[2],
                     uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!message_header_add(author, message, lines[i][0], "%s", lines[i][1]))
            return -ENOMEM;
    return 0;
}

static int connection_add(struct traffic_author *author, struct message *message)
{
    struct message_header *header = message_header_add(author, message, "Connection", "keep-alive");
    if (!header)
        return -ENOMEM;
    header->hop = true;
    return 0;
}

static int id_add(struct draft *draft, struct message *message)
{
    uint64_t high = draft->id_high, low = draft->id_low;
    struct message_header *header =
        message_header_add(draft->author, message, "X-Request-ID", "%08x-%04x-4%03x-a%03x-%012llx",
                           (uint32_t)(high >> 32), (uint32_t)(high & 0xffff), (uint32_t)(high >> 16 & 0xfff),
                           (uint32_t)(low >> 48 & 0xfff), (unsigned long long)(low & 0xffffffffffff));
    int result = fresh_add(header, 0, ID_FRESH, TRAFFIC_FRESH_CALL, STREAM_ID);
    return result == 0 ? fresh_add(header, ID_FRESH + 1, ID_REST_FRESH, TRAFFIC_FRESH_CALL, STREAM_ID_REST) : result;
}

static int token_add(struct draft *draft, struct message *message)
{
    char buffer[VALUE_MAX];
    struct text token = {buffer, 0, sizeof(buffer)};
    traffic_token_add(&token, draft->random);
    struct message_header *header =
        message_header_add(draft->author, message, "Authorization", "Bearer %.*s", (int)token.size, token.data);
    return fresh_add(header, header ? header->value.size - SIGNATURE : 0, SIGNATURE, TRAFFIC_FRESH_CONNECTION,
                     STREAM_TOKEN);
}

static int trace_add(struct draft *draft, struct message *message)
{
    struct message_header *header = message_header_add(
        draft->author, message, "traceparent", "00-%016llx%016llx-%016llx-01", (unsigned long long)draft->id_low,
        (unsigned long long)draft->id_high, (unsigned long long)(draft->id_low ^ draft->id_high) | 1);
    return fresh_add(header, TRACE_BEGIN, TRACE_FRESH, TRAFFIC_FRESH_CALL, STREAM_TRACE);
}

static int cookie_add(struct draft *draft, struct message *message)
{
    char buffer[VISIT + 1];
    struct text visit = {buffer, 0, sizeof(buffer)};
    traffic_characters_add(&visit, draft->random, TRAFFIC_HEX, VISIT);
    struct message_header *header =
        message_header_add(draft->author, message, "Cookie", "theme=light; lang=en; visit=%s", visit.data);
    return fresh_add(header, header ? header->value.size - VISIT : 0, VISIT, TRAFFIC_FRESH_CONNECTION, STREAM_VISIT);
}

static int content_add(struct draft *draft, struct message *message)
{
    struct traffic_author *author = draft->author;
    if (!draft->operation->has_body)
        return message_header_add(author, message, "Cache-Control", "no-cache") ? 0 : -ENOMEM;
    if (!message_header_add(author, message, "Content-Type", "application/json") ||
        !message_header_add(author, message, "Content-Length", "%u", message->body.size))
        return -ENOMEM;
    return 0;
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

static int path_write(struct draft *draft, struct message *message)
{
    char buffer[VALUE_MAX];
    struct text path = {buffer, 0, sizeof(buffer)};
    path_add(&path, draft->random, draft->operation->template);
    if (draft->operation->query)
        text_add(&path, "?%s", draft->operation->query);
    message->method = span_from_text(draft->operation->method);
    message->path = span_of(arena_copy_text(draft->author->arena, path.data, path.size), path.size);
    return message->path.data ? 0 : -ENOMEM;
}

static int request_write(struct draft *draft, struct message *message)
{
    static const char *const lines[][2] = {
        {"Host", TRAFFIC_HOST},
        {"User-Agent", "shop-client/4.12.1 (Linux; x86_64) http-core/9.3"},
        {"Accept", "application/json"},
        {"Accept-Encoding", "identity"},
        {"Accept-Language", "en-GB,en;q=0.8"},
    };
    int result = path_write(draft, message);
    if (result == 0)
        result = plain_add(draft->author, message, lines, ARRAY_COUNT(lines));
    if (result == 0 && draft->authorized)
        result = token_add(draft, message);
    if (result == 0 && draft->identified)
        result = id_add(draft, message);
    if (result == 0)
        result = trace_add(draft, message);
    if (result == 0)
        result = cookie_add(draft, message);
    if (result == 0 && !message_header_add(draft->author, message, "X-Client-Version", "4.12.1"))
        result = -ENOMEM;
    if (result == 0)
        result = connection_add(draft->author, message);
    return result == 0 ? content_add(draft, message) : result;
}

static int response_write(struct draft *draft, struct message *message)
{
    static const char *const lines[][2] = {
        {"Cache-Control", "no-store"},
        {"Vary", "Accept-Encoding, Origin"},
        {"X-Content-Type-Options", "nosniff"},
    };
    struct traffic_author *author = draft->author;
    message->status = strcmp(draft->operation->method, "POST") == 0 ? "201 Created" : "200 OK";
    if (!message_header_add(author, message, "Date", "Thu, 01 Jan 2026 00:00:%02u GMT",
                            random_below(draft->random, 60)) ||
        !message_header_add(author, message, "Content-Type", "application/json") ||
        !message_header_add(author, message, "Content-Length", "%u", message->body.size))
        return -ENOMEM;
    int result = draft->identified ? id_add(draft, message) : 0;
    if (result == 0)
        result = plain_add(author, message, lines, ARRAY_COUNT(lines));
    if (result < 0)
        return result;
    if (!message_header_add(author, message, "X-RateLimit-Remaining", "%u", random_below(draft->random, 1000)) ||
        !message_header_add(author, message, "Server", "gateway") ||
        (author->secure && !message_header_add(author, message, "Strict-Transport-Security", "max-age=31536000")))
        return -ENOMEM;
    return connection_add(author, message);
}

static int body_write(struct draft *draft, uint32_t size, uint32_t values, struct message *message)
{
    struct text text;
    int result = message_text_new(&text, draft->author, traffic_body_room(size, values));
    if (result < 0)
        return result;
    traffic_body_add(&text, draft->random, size, values);
    message->body = text_span(&text);
    return 0;
}

static const struct traffic_operation *choose(struct random *random, bool shadow)
{
    return shadow ? &traffic_shadow_operations[random_below(random, traffic_shadow_operations_count)]
                  : &traffic_operations[random_below(random, traffic_operations_count)];
}

int message_call_write(struct traffic_author *author, uint32_t kind, struct message_call *call_out)
{
    const struct traffic_settings *settings = author->settings;
    struct random *random = &author->random;
    bool missing = kind & TRAFFIC_MISSING_HEADER;
    bool missing_id = missing && random_below(random, 2);
    struct draft draft = {
        .operation = choose(random, kind & TRAFFIC_SHADOW),
        .author = author,
        .random = random,
        .id_high = random_next(random),
        .id_low = random_next(random),
        .identified = !missing_id,
        .authorized = !missing || missing_id,
    };
    uint32_t values = kind & TRAFFIC_SENSITIVE ? settings->sensitive_values : 0;
    uint32_t request_size = draft.operation->has_body ? message_size_vary(random, settings->request_body_bytes) : 0;
    uint32_t response_size = message_size_vary(random, settings->response_body_bytes);
    *call_out = (struct message_call){0};
    int result = draft.operation->has_body ? body_write(&draft, request_size, 0, &call_out->request) : 0;
    if (result == 0)
        result = request_write(&draft, &call_out->request);
    if (result == 0)
        result = body_write(&draft, response_size, values, &call_out->response);
    return result == 0 ? response_write(&draft, &call_out->response) : result;
}
