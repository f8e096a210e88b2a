/* SPDX-License-Identifier: Apache-2.0 */

/* Sessions of HTTP/2 (RFC 9113): frames around header blocks and bodies. */

#include "generate/http2.h"

#include <errno.h>

#include "generate/block.h"

#define PREFACE        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define FRAME_HEAD     9u
#define FRAME_MAX_SIZE 16384u     /* what every receiver takes */
#define WINDOW         (1u << 30) /* more than any connection carries */
#define WINDOW_START   65535u     /* before anybody opens it */
#define OPENING_ROOM   128u
#define STREAM_FIRST   1u

enum frame_type { DATA = 0, HEADERS = 1, SETTINGS = 4, GOAWAY = 7, WINDOW_UPDATE = 8 };
enum frame_flags { NO_FLAGS = 0, ACK = 1, END_STREAM = 1, END_HEADERS = 4 };
enum setting { MAX_CONCURRENT_STREAMS = 3, INITIAL_WINDOW_SIZE = 4 };

struct session {
    struct traffic_author *author;
    struct block_writer *sides[2]; /* client, server */
    uint32_t stream;
};

static void frame_add(struct text *text, enum frame_type type, uint32_t flags, uint32_t stream, struct span payload)
{
    text_add_number(text, payload.size, 3);
    text_add_number(text, type, 1);
    text_add_number(text, flags, 1);
    text_add_number(text, stream, 4);
    text_add_bytes(text, payload);
}

/* What either side says of itself at the beginning: one setting, and a wide window for the connection. */
static void greeting_add(struct text *text, enum setting setting, uint32_t value)
{
    char buffer[16];
    struct text payload = {buffer, 0, sizeof(buffer)};
    text_add_number(&payload, setting, 2);
    text_add_number(&payload, value, 4);
    text_add_number(&payload, INITIAL_WINDOW_SIZE, 2);
    text_add_number(&payload, WINDOW, 4);
    frame_add(text, SETTINGS, NO_FLAGS, 0, text_span(&payload));
    payload.size = 0;
    text_add_number(&payload, WINDOW - WINDOW_START, 4);
    frame_add(text, WINDOW_UPDATE, NO_FLAGS, 0, text_span(&payload));
}

static int opening_write(struct session *session, struct traffic_script *script)
{
    struct text client, server, ack;
    if (message_text_new(&client, session->author, OPENING_ROOM) ||
        message_text_new(&server, session->author, OPENING_ROOM) ||
        message_text_new(&ack, session->author, OPENING_ROOM))
        return -ENOMEM;
    text_add(&client, PREFACE);
    greeting_add(&client, MAX_CONCURRENT_STREAMS, 100);
    greeting_add(&server, MAX_CONCURRENT_STREAMS, 128);
    frame_add(&server, SETTINGS, ACK, 0, (struct span){0});
    frame_add(&ack, SETTINGS, ACK, 0, (struct span){0});
    script->writes[0] = (struct traffic_write){text_span(&client), false, 0};
    script->writes[1] = (struct traffic_write){text_span(&server), true, 0};
    script->writes[2] = (struct traffic_write){text_span(&ack), false, 0};
    script->count = 3;
    script->role = TRAFFIC_OPENING;
    return 0;
}

static int closing_write(struct session *session, struct traffic_script *script)
{
    struct text text;
    char buffer[8];
    struct text payload = {buffer, 0, sizeof(buffer)};
    if (message_text_new(&text, session->author, OPENING_ROOM))
        return -ENOMEM;
    text_add_number(&payload, 0, 8); /* no stream of the server's, no error */
    frame_add(&text, GOAWAY, NO_FLAGS, 0, text_span(&payload));
    script->writes[0] = (struct traffic_write){text_span(&text), false, 0};
    script->count = 1;
    script->role = TRAFFIC_CLOSING;
    return 0;
}

/* A message in the making: which write of which script it is. */
struct place {
    struct traffic_script *script;
    uint8_t write;
    uint32_t call;
};

static int pseudo_add(struct session *session, const struct place *place, const char *name, struct span value,
                      struct text *text)
{
    struct message_header header = {.name = name, .value = value};
    return block_field_add(session->sides[place->write], &header, place->call, place->script, place->write, text);
}

static int pseudos_add(struct session *session, const struct place *place, const struct message *message,
                       struct text *text)
{
    if (message->status)
        return pseudo_add(session, place, ":status", span_of(message->status, 3), text);
    const struct message_header *host = &message->headers[0];
    require(strcmp(host->name, "Host") == 0);
    int result = pseudo_add(session, place, ":method", message->method, text);
    if (result == 0)
        result = pseudo_add(session, place, ":scheme", SPAN_LITERAL("http"), text);
    if (result == 0)
        result = pseudo_add(session, place, ":authority", host->value, text);
    return result == 0 ? pseudo_add(session, place, ":path", message->path, text) : result;
}

/* Puts the head of a HEADERS frame in front of the block that follows; its length is known afterwards. */
static void headers_begin(struct session *session, struct text *text, bool last)
{
    frame_add(text, HEADERS, END_HEADERS | (last ? END_STREAM : NO_FLAGS), session->stream, (struct span){0});
}

static void headers_end(struct text *text, uint32_t begin)
{
    struct text length = {text->data + begin, 0, 3};
    uint32_t size = text->size - begin - FRAME_HEAD;
    require(size <= FRAME_MAX_SIZE);
    text_add_number(&length, size, 3);
}

static int head_add(struct session *session, const struct place *place, const struct message *message,
                    struct text *text)
{
    uint32_t begin = text->size;
    headers_begin(session, text, message->body.size == 0 && !message->grpc_status);
    int result = pseudos_add(session, place, message, text);
    for (uint32_t i = 0; i < message->header_count && result == 0; i++) {
        const struct message_header *header = &message->headers[i];
        if (!header->hop && strcmp(header->name, "Host") != 0)
            result =
                block_field_add(session->sides[place->write], header, place->call, place->script, place->write, text);
    }
    headers_end(text, begin);
    return result;
}

static void body_add(struct session *session, const struct message *message, struct text *text)
{
    for (uint32_t offset = 0; offset < message->body.size; offset += FRAME_MAX_SIZE) {
        struct span rest = span_from(message->body, offset);
        bool last = rest.size <= FRAME_MAX_SIZE && !message->grpc_status;
        frame_add(text, DATA, last ? END_STREAM : NO_FLAGS, session->stream, span_first(rest, FRAME_MAX_SIZE));
    }
}

static int trailers_add(struct session *session, const struct place *place, const struct message *message,
                        struct text *text)
{
    if (!message->grpc_status)
        return 0;
    uint32_t begin = text->size;
    headers_begin(session, text, true);
    int result = pseudo_add(session, place, "grpc-status", span_from_text(message->grpc_status), text);
    headers_end(text, begin);
    return result;
}

static int message_add(struct session *session, const struct place *place, const struct message *message)
{
    struct text text;
    uint32_t frames = message->body.size / FRAME_MAX_SIZE + 3; /* head, rest of the body, trailers */
    if (message_text_new(&text, session->author, MESSAGE_HEAD_ROOM + message->body.size + frames * FRAME_HEAD))
        return -ENOMEM;
    int result = head_add(session, place, message, &text);
    if (result < 0)
        return result;
    body_add(session, message, &text);
    result = trailers_add(session, place, message, &text);
    place->script->writes[place->write] =
        (struct traffic_write){text_span(&text), place->write == 1, place->write == 0};
    place->script->count = place->write + 1u;
    return result;
}

static int calls_write(struct session *session, const uint8_t *kinds, uint32_t calls, http2_call write_call,
                       struct traffic_script *scripts)
{
    int result = 0;
    for (uint32_t i = 0; i < calls && result == 0; i++) {
        struct message_call call;
        struct place place = {&scripts[i], 0, i};
        session->stream = STREAM_FIRST + 2 * i;
        result = write_call(session->author, kinds[i], &call);
        if (result == 0)
            result = message_add(session, &place, &call.request);
        place.write = 1;
        if (result == 0)
            result = message_add(session, &place, &call.response);
        scripts[i].kind = kinds[i];
    }
    return result;
}

int http2_session_write(struct traffic_author *author, const uint8_t *kinds, uint32_t calls, http2_call write_call,
                        struct traffic_script *scripts_out)
{
    struct session session = {.author = author};
    uint64_t number = random_next(&author->random);
    int result = block_writer_new(&session.sides[0], number);
    if (result == 0)
        result = block_writer_new(&session.sides[1], number);
    if (result == 0)
        result = opening_write(&session, &scripts_out[0]);
    if (result == 0)
        result = calls_write(&session, kinds, calls, write_call, &scripts_out[1]);
    if (result == 0)
        result = closing_write(&session, &scripts_out[1 + calls]);
    block_writer_free(session.sides[0]);
    block_writer_free(session.sides[1]);
    return result;
}

static int http2_write_session(struct traffic_author *author, const uint8_t *kinds, uint32_t calls,
                               struct traffic_script *scripts_out)
{
    return http2_session_write(author, kinds, calls, message_call_write, scripts_out);
}

const struct traffic_protocol traffic_http2 = {
    .name = "http2",
    .help = "HTTP/2 with prior knowledge",
    .server_port = 80,
    .write_session = http2_write_session,
};
