/* SPDX-License-Identifier: Apache-2.0 */

/* GraphQL over HTTP: members of JSON objects, and the document in one of them. */

#include "proto/graphql_request.h"

enum member { MEMBER_OTHER, MEMBER_QUERY, MEMBER_NAME, MEMBER_EXTENSIONS, MEMBER_KNOWN };

/* ------------------------------------------------------------------ id of a message */

static void id_key(struct graphql_id *id, const struct json_outline *outline)
{
    id->reading = outline->level == 0 && json_outline_key_is(outline, "id");
}

static void id_value(struct graphql_id *id, const struct json_outline *outline)
{
    id->reading = id->reading && outline->level == 0 && outline->byte == '"';
    if (id->reading)
        id->size = 0;
}

/* One that is too long is none: two of them might differ behind the limit. */
static void id_byte(struct graphql_id *id, uint8_t byte)
{
    if (!id->reading)
        return;
    id->reading = id->size < GRAPHQL_ID_MAX;
    if (id->reading)
        id->text[id->size++] = (char)byte;
    else
        id->size = 0;
}

/* ------------------------------------------------------------------------- request */

static void begin_operation(struct graphql_request *request)
{
    graphql_init(&request->document);
    request->member = MEMBER_OTHER;
    request->name_size = 0;
    request->reading = request->has_query = request->persisted = request->in_payload = false;
}

void graphql_request_init(struct graphql_request *request, enum graphql_body body)
{
    request->body = (uint8_t)body;
    request->unknown_keys = 0;
    request->stopped = false;
    request->id.size = 0;
    request->id.reading = false;
    json_outline_init(&request->outline);
    memset(&request->result, 0, offsetof(struct graphql_result, name));
    begin_operation(request);
}

/* Of one object: what it adds to the result. */
static void end_operation(struct graphql_request *request)
{
    struct graphql_result *result = &request->result;
    graphql_end(&request->document);
    struct span asked = span_of(request->name, request->name_size);
    const struct graphql_operation *operation = graphql_find(&request->document, asked);
    bool persisted = request->persisted && !request->has_query;
    if (!operation && !persisted)
        return;
    if (result->operations++ == 0) {
        struct span name = operation ? span_of(operation->name, operation->name_size) : asked;
        result->type = operation ? operation->type : CALL_GRAPHQL_UNKNOWN;
        result->name_size = (uint8_t)name.size;
        memcpy(result->name, name.data, name.size);
    }
    result->aliases += request->document.aliases;
    result->introspection |= operation && (operation->introspection || request->document.fragment_introspection);
}

static enum member member_of(const struct json_outline *outline)
{
    static const struct {
        const char *name;
        enum member member;
    } members[] = {
        {"query", MEMBER_QUERY},     {"operationName", MEMBER_NAME}, {"extensions", MEMBER_EXTENSIONS},
        {"variables", MEMBER_KNOWN}, {"id", MEMBER_KNOWN},           {"type", MEMBER_KNOWN},
        {"payload", MEMBER_KNOWN},   {"documentId", MEMBER_KNOWN},
    };
    for (size_t i = 0; i < ARRAY_COUNT(members); i++)
        if (json_outline_key_is(outline, members[i].name))
            return members[i].member;
    return MEMBER_OTHER;
}

static void read_key(struct graphql_request *request)
{
    const struct json_outline *outline = &request->outline;
    request->reading = false;
    id_key(&request->id, outline);
    if (outline->level == 1 && !request->in_payload) {
        request->persisted |= request->member == MEMBER_EXTENSIONS && json_outline_key_is(outline, "persistedQuery");
        return;
    }
    request->member = (uint8_t)member_of(outline);
    if (outline->level == 0) {
        request->in_payload = json_outline_key_is(outline, "payload");
        request->stopped |= request->member == MEMBER_OTHER && request->unknown_keys++ == GRAPHQL_KEYS_MAX;
    } else {
        request->persisted |= json_outline_key_is(outline, "extensions");
    }
}

static void begin_value(struct graphql_request *request)
{
    bool text = request->outline.byte == '"' && (request->outline.level == 0 || request->in_payload);
    id_value(&request->id, &request->outline);
    request->reading = text && (request->member == MEMBER_QUERY || request->member == MEMBER_NAME);
    if (request->reading && request->member == MEMBER_QUERY) {
        /* Given twice, the last one counts, as JSON parsers have it. */
        graphql_init(&request->document);
        request->has_query = true;
    } else if (request->reading) {
        request->name_size = 0;
    }
}

static void add_byte(struct graphql_request *request, uint8_t c)
{
    switch (json_outline_add(&request->outline, c)) {
    case JSON_OUTLINE_KEY:
        read_key(request);
        break;
    case JSON_OUTLINE_VALUE:
        begin_value(request);
        break;
    case JSON_OUTLINE_TEXT:
        id_byte(&request->id, request->outline.byte);
        if (request->reading && request->member == MEMBER_QUERY)
            graphql_add(&request->document, span_of(&request->outline.byte, 1));
        else if (request->reading && request->name_size < GRAPHQL_NAME_MAX)
            request->name[request->name_size++] =
                request->outline.byte == JSON_OUTLINE_BEYOND ? '?' : (char)request->outline.byte;
        break;
    case JSON_OUTLINE_TEXT_END:
        request->reading = request->id.reading = false;
        break;
    case JSON_OUTLINE_OBJECT_END:
        end_operation(request);
        begin_operation(request);
        break;
    default:
        break;
    }
}

void graphql_request_add(struct graphql_request *request, struct span data)
{
    if (request->body == GRAPHQL_BODY_DOCUMENT) {
        graphql_add(&request->document, data);
        return;
    }
    for (uint32_t i = 0; i < data.size && !request->stopped; i++) {
        add_byte(request, data.data[i]);
        request->stopped |= request->outline.other;
    }
}

void graphql_request_add_parameter(struct graphql_request *request, struct span name, struct span value)
{
    if (span_equal(name, SPAN_LITERAL("query"))) {
        graphql_init(&request->document);
        graphql_add(&request->document, value);
        request->has_query = true;
    } else if (span_equal(name, SPAN_LITERAL("operationName"))) {
        request->name_size = (uint8_t)min_u32(value.size, GRAPHQL_NAME_MAX);
        if (request->name_size)
            memcpy(request->name, value.data, request->name_size);
    } else if (span_equal(name, SPAN_LITERAL("extensions")) && value.size) {
        request->persisted = memmem(value.data, value.size, "\"persistedQuery\"", 16) != NULL;
    }
}

const struct graphql_result *graphql_request_end(struct graphql_request *request)
{
    /* An object that was cut says what it said so far. */
    end_operation(request);
    begin_operation(request);
    return &request->result;
}

/* ------------------------------------------------------------------------ response */

void graphql_response_init(struct graphql_response *response, bool message)
{
    memset(response, 0, offsetof(struct graphql_response, outline));
    response->level = message;
    json_outline_init(&response->outline);
}

static void response_key(struct graphql_response *response)
{
    const struct json_outline *outline = &response->outline;
    id_key(&response->id, outline);
    if (outline->level == 0)
        response->in_payload = json_outline_key_is(outline, "payload");
    if (response->events && outline->level == 0)
        response->level = response->in_payload;
    response->data_next = outline->level == response->level && response->in_payload == (response->level == 1) &&
                          json_outline_key_is(outline, "data");
}

static void response_byte(struct graphql_response *response, uint8_t c)
{
    const struct json_outline *outline = &response->outline;
    switch (json_outline_add(&response->outline, c)) {
    case JSON_OUTLINE_KEY:
        response_key(response);
        break;
    case JSON_OUTLINE_VALUE:
        id_value(&response->id, outline);
        if (response->data_next && outline->level == response->level)
            response->has_data |= outline->byte == '{';
        break;
    case JSON_OUTLINE_TEXT:
        id_byte(&response->id, outline->byte);
        break;
    case JSON_OUTLINE_TEXT_END:
        response->id.reading = false;
        break;
    default:
        break;
    }
}

static void answer_byte(struct graphql_response *response, uint8_t c)
{
    if (response->outline.other)
        return;
    response_byte(response, c);
    response->was_object |= response->outline.base > 0;
}

/* Lines of a stream (WHATWG HTML 9.2.5): each "data:" begins a JSON text, no other has one. */
static void stream_byte(struct graphql_response *response, uint8_t c)
{
    static const char field[] = "data:";
    const uint8_t whole = sizeof(field) - 1, other = sizeof(field);
    if (c == '\n' || c == '\r') {
        response->line = 0;
    } else if (response->line == whole) {
        answer_byte(response, c);
    } else if (response->line < whole) {
        response->line = c == (uint8_t)field[response->line] ? response->line + 1 : other;
        response->in_payload = response->data_next = false;
        json_outline_init(&response->outline);
    }
}

void graphql_response_add(struct graphql_response *response, struct span data)
{
    /* Without the id of a message nobody knows whom it answers, and that may stand behind the data. */
    for (uint32_t i = 0; i < data.size; i++) {
        bool known = response->events || response->level == 0 || (response->id.size && !response->id.reading);
        if (response->has_data && known)
            return;
        if (response->events)
            stream_byte(response, data.data[i]);
        else
            answer_byte(response, data.data[i]);
    }
}
