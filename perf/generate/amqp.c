/* SPDX-License-Identifier: Apache-2.0 */

/*
 * AMQP 0-9-1: a client that publishes events of orders and is delivered others, each with a JSON body, which it
 * acknowledges. It logs in by EXTERNAL, so that no password is there to find.
 */

#include "generate/amqp.h"

#include <errno.h>

#include "generate/body.h"
#include "generate/message.h"
#include "generate/value.h"

#define FRAME_HEAD     7u
#define FRAME_END      0xce
#define FRAME_MAX_SIZE 131072u /* agreed on by tune; RabbitMQ's own */
#define METHOD_ROOM    512u
#define CHANNEL        1u
#define CORRELATION    16u /* characters of an id */
#define CONSUMER       "ctag1.shop"

enum frame_type { METHOD = 1, HEADER = 2, BODY = 3 };

/* class-id and method-id of the specification's section 1. */
#define CONNECTION_START    10, 10
#define CONNECTION_START_OK 10, 11
#define CONNECTION_TUNE     10, 30
#define CONNECTION_TUNE_OK  10, 31
#define CONNECTION_OPEN     10, 40
#define CONNECTION_OPEN_OK  10, 41
#define CONNECTION_CLOSE    10, 50
#define CONNECTION_CLOSE_OK 10, 51
#define CHANNEL_OPEN        20, 10
#define CHANNEL_OPEN_OK     20, 11
#define BASIC_CONSUME       60, 20
#define BASIC_CONSUME_OK    60, 21
#define BASIC_PUBLISH       60, 40
#define BASIC_DELIVER       60, 60
#define BASIC_ACK           60, 80
#define BASIC_CLASS         60

/* Properties that are there: content-type, delivery-mode, correlation-id. */
#define PROPERTY_FLAGS (1u << 15 | 1u << 12 | 1u << 10)

const char *const amqp_keys[] = {"order.placed", "order.paid", "order.shipped", "order.cancelled"};
const uint32_t amqp_keys_count = ARRAY_COUNT(amqp_keys);

static uint32_t frame_begin(struct text *text, enum frame_type type, uint32_t channel)
{
    uint32_t begin = text->size;
    text_add_number(text, type, 1);
    text_add_number(text, channel, 2);
    text_add_number(text, 0, 4);
    return begin;
}

static void frame_end(struct text *text, uint32_t begin)
{
    struct text size = {text->data + begin + 3, 0, 4};
    text_add_number(&size, text->size - begin - FRAME_HEAD, 4);
    text_add_number(text, FRAME_END, 1);
}

static uint32_t method_begin(struct text *text, uint32_t channel, uint32_t class, uint32_t method)
{
    uint32_t begin = frame_begin(text, METHOD, channel);
    text_add_number(text, class, 2);
    text_add_number(text, method, 2);
    return begin;
}

static void short_add(struct text *text, const char *value)
{
    text_add_number(text, strlen(value), 1);
    text_add_bytes(text, span_from_text(value));
}

static void long_add(struct text *text, const char *value)
{
    text_add_number(text, strlen(value), 4);
    text_add_bytes(text, span_from_text(value));
}

/* A table with one text. */
static void table_add(struct text *text, const char *name, const char *value)
{
    text_add_number(text, 1 + strlen(name) + 1 + 4 + strlen(value), 4);
    short_add(text, name);
    text_add(text, "S");
    long_add(text, value);
}

static void tune_add(struct text *text)
{
    text_add_number(text, 2047, 2);
    text_add_number(text, FRAME_MAX_SIZE, 4);
    text_add_number(text, 60, 2);
}

/* One method in a write of its own. */
struct step {
    bool to_client;
    uint32_t channel, class, method;
    void (*arguments)(struct text *text);
    bool told; /* an auditor counts it: login, virtual host, consumer */
};

static int step_write(struct traffic_author *author, const struct step *step, struct traffic_script *script)
{
    struct text text;
    int result = message_text_new(&text, author, METHOD_ROOM);
    if (result < 0)
        return result;
    uint32_t begin = method_begin(&text, step->channel, step->class, step->method);
    if (step->arguments)
        step->arguments(&text);
    frame_end(&text, begin);
    require(script->count < TRAFFIC_WRITES_MAX);
    script->writes[script->count++] = (struct traffic_write){text_span(&text), step->to_client, step->told};
    return 0;
}

static void start_arguments(struct text *text)
{
    text_add_number(text, 0, 1);
    text_add_number(text, 9, 1);
    table_add(text, "product", "broker");
    long_add(text, "EXTERNAL");
    long_add(text, "en_US");
}

static void start_ok_arguments(struct text *text)
{
    table_add(text, "product", "shop-client");
    short_add(text, "EXTERNAL");
    long_add(text, "");
    short_add(text, "en_US");
}

static void open_arguments(struct text *text)
{
    short_add(text, "/");
    short_add(text, "");
    text_add_number(text, 0, 1);
}

static void reserved_short(struct text *text)
{
    short_add(text, "");
}

static void reserved_long(struct text *text)
{
    long_add(text, "");
}

static void consume_arguments(struct text *text)
{
    text_add_number(text, 0, 2);
    short_add(text, AMQP_QUEUE);
    short_add(text, CONSUMER);
    text_add_number(text, 0, 1);
    text_add_number(text, 0, 4);
}

static void consume_ok_arguments(struct text *text)
{
    short_add(text, CONSUMER);
}

static void close_arguments(struct text *text)
{
    text_add_number(text, 200, 2);
    short_add(text, "bye");
    text_add_number(text, 0, 4);
}

static int steps_write(struct traffic_author *author, const struct step *steps, uint32_t count,
                       struct traffic_script *script)
{
    int result = 0;
    for (uint32_t i = 0; i < count && result == 0; i++)
        result = step_write(author, &steps[i], script);
    return result;
}

static int opening_write(struct traffic_author *author, struct traffic_script *script)
{
    static const struct step steps[] = {
        {true, 0, CONNECTION_START, start_arguments, false},
        {false, 0, CONNECTION_START_OK, start_ok_arguments, true},
        {true, 0, CONNECTION_TUNE, tune_add, false},
        {false, 0, CONNECTION_TUNE_OK, tune_add, false},
        {false, 0, CONNECTION_OPEN, open_arguments, true},
        {true, 0, CONNECTION_OPEN_OK, reserved_short, false},
        {false, CHANNEL, CHANNEL_OPEN, reserved_short, false},
        {true, CHANNEL, CHANNEL_OPEN_OK, reserved_long, false},
        {false, CHANNEL, BASIC_CONSUME, consume_arguments, true},
        {true, CHANNEL, BASIC_CONSUME_OK, consume_ok_arguments, false},
    };
    static const char greeting[8] = {'A', 'M', 'Q', 'P', 0, 0, 9, 1};
    script->writes[script->count++] = (struct traffic_write){span_of(greeting, sizeof(greeting)), false, 0};
    script->role = TRAFFIC_OPENING;
    return steps_write(author, steps, ARRAY_COUNT(steps), script);
}

static int closing_write(struct traffic_author *author, struct traffic_script *script)
{
    static const struct step steps[] = {
        {false, 0, CONNECTION_CLOSE, close_arguments, false},
        {true, 0, CONNECTION_CLOSE_OK, NULL, false},
    };
    script->role = TRAFFIC_CLOSING;
    return steps_write(author, steps, ARRAY_COUNT(steps), script);
}

/* The header and body frames behind a method; marks the id, which is another one each time. */
static void content_add(struct text *text, struct random *random, struct span body, struct traffic_script *script)
{
    uint32_t begin = frame_begin(text, HEADER, CHANNEL);
    text_add_number(text, BASIC_CLASS, 2);
    text_add_number(text, 0, 2);
    text_add_number(text, body.size, 8);
    text_add_number(text, PROPERTY_FLAGS, 2);
    short_add(text, "application/json");
    text_add_number(text, 2, 1); /* persistent */
    text_add_number(text, CORRELATION, 1);
    script->patches[script->patch_count++] = (struct traffic_patch){.offset = (uint16_t)text->size,
                                                                    .size = CORRELATION,
                                                                    .write = (uint8_t)script->count,
                                                                    .fresh = TRAFFIC_FRESH_CALL,
                                                                    .stream = (uint8_t)script->count};
    traffic_characters_add(text, random, TRAFFIC_HEX, CORRELATION);
    frame_end(text, begin);
    const uint32_t most = FRAME_MAX_SIZE - FRAME_HEAD - 1;
    for (uint32_t offset = 0; offset < body.size; offset += most) {
        begin = frame_begin(text, BODY, CHANNEL);
        text_add_bytes(text, span_first(span_from(body, offset), most));
        frame_end(text, begin);
    }
}

/* A published or delivered message: its method, header and body in one write. */
static int message_write(struct traffic_author *author, const char *key, uint64_t tag, uint32_t values,
                         struct traffic_script *script)
{
    const struct traffic_settings *settings = author->settings;
    struct random *random = &author->random;
    uint32_t size = message_size_vary(random, tag ? settings->response_body_bytes : settings->request_body_bytes);
    struct text body, text;
    if (message_text_new(&body, author, traffic_body_room(size, values)))
        return -ENOMEM;
    traffic_body_add(&body, random, size, values);
    uint32_t frames = body.size / FRAME_MAX_SIZE + 3;
    if (message_text_new(&text, author, METHOD_ROOM + body.size + frames * (FRAME_HEAD + 1)))
        return -ENOMEM;
    uint32_t begin = tag ? method_begin(&text, CHANNEL, BASIC_DELIVER) : method_begin(&text, CHANNEL, BASIC_PUBLISH);
    if (tag) {
        short_add(&text, CONSUMER);
        text_add_number(&text, tag, 8);
        text_add_number(&text, 0, 1);
    } else {
        text_add_number(&text, 0, 2);
    }
    short_add(&text, AMQP_EXCHANGE);
    short_add(&text, key);
    if (!tag)
        text_add_number(&text, 0, 1);
    frame_end(&text, begin);
    content_add(&text, random, text_span(&body), script);
    script->writes[script->count++] = (struct traffic_write){text_span(&text), tag != 0, 1};
    return 0;
}

static int ack_write(struct traffic_author *author, uint64_t tag, struct traffic_script *script)
{
    struct text text;
    int result = message_text_new(&text, author, METHOD_ROOM);
    if (result < 0)
        return result;
    uint32_t begin = method_begin(&text, CHANNEL, BASIC_ACK);
    text_add_number(&text, tag, 8);
    text_add_number(&text, 0, 1);
    frame_end(&text, begin);
    script->writes[script->count++] = (struct traffic_write){text_span(&text), false, 0};
    return 0;
}

static int call_write(struct traffic_author *author, uint32_t kind, uint64_t tag, struct traffic_script *script)
{
    const char *key = amqp_keys[random_below(&author->random, amqp_keys_count)];
    script->kind = kind & (TRAFFIC_SENSITIVE | TRAFFIC_SHADOW); /* there is no header that all messages need */
    int result = message_write(author, kind & TRAFFIC_SHADOW ? "export.started" : key, 0, 0, script);
    if (result == 0)
        result =
            message_write(author, key, tag, kind & TRAFFIC_SENSITIVE ? author->settings->sensitive_values : 0, script);
    return result == 0 ? ack_write(author, tag, script) : result;
}

static int amqp_write_session(struct traffic_author *author, const uint8_t *kinds, uint32_t calls,
                              struct traffic_script *scripts_out)
{
    int result = opening_write(author, &scripts_out[0]);
    for (uint32_t i = 0; i < calls && result == 0; i++)
        result = call_write(author, kinds[i], i + 1, &scripts_out[1 + i]);
    return result == 0 ? closing_write(author, &scripts_out[1 + calls]) : result;
}

const struct traffic_protocol traffic_amqp = {
    .name = "amqp",
    .help = "AMQP 0-9-1, a message each way",
    .server_port = 5672,
    .write_session = amqp_write_session,
};
