/* SPDX-License-Identifier: Apache-2.0 */

/*
 * gRPC over HTTP/2 (PROTOCOL-HTTP2.md of gRPC): unary calls with protobuf messages of the size that the settings give
 * JSON bodies. Sensitive values travel in a string, as free text does.
 */

#include "generate/grpc.h"

#include <errno.h>
#include <stdio.h>

#include "generate/http2.h"
#include "generate/operation.h"
#include "generate/protobuf.h"
#include "generate/value.h"

#define SHADOW_SERVICE "Audit"
#define PATH_ROOM      128u
#define PREFIX_SIZE    5u /* of a message: compressed or not, length */
#define ITEM_ROOM      256u
#define MESSAGE_SLACK  1024u /* last item, values */
#define SET_ROOM       8192u

const char *const grpc_methods[] = {"GetOrder", "ListOrders", "PlaceOrder", "CancelOrder"};
const uint32_t grpc_methods_count = ARRAY_COUNT(grpc_methods);

/* Fields of Order and Item; the descriptors are written from the same numbers. */
enum order_field { ORDER_ID = 1, ORDER_STATUS, ORDER_TOTAL, ORDER_CREATED, ORDER_ITEMS, ORDER_NOTE };
enum item_field { ITEM_SKU = 1, ITEM_NAME, ITEM_QUANTITY, ITEM_PRICE };

static void item_add(struct text *order, struct random *random)
{
    char buffer[ITEM_ROOM], sku[32], name[64];
    struct text item = {buffer, 0, sizeof(buffer)};
    snprintf(sku, sizeof(sku), "%c%c-%04u", 'A' + (int)random_below(random, 26), 'A' + (int)random_below(random, 26),
             random_below(random, 10000));
    snprintf(name, sizeof(name), "%s number %u", random_below(random, 2) ? "oak table" : "blue lamp",
             random_below(random, 1000));
    protobuf_text_add(&item, ITEM_SKU, sku);
    protobuf_text_add(&item, ITEM_NAME, name);
    protobuf_number_add(&item, ITEM_QUANTITY, 1 + random_below(random, 5));
    protobuf_double_add(&item, ITEM_PRICE, random_below(random, 30000) / 100.0);
    protobuf_bytes_add(order, ORDER_ITEMS, text_span(&item));
}

static void order_add(struct text *order, struct random *random, uint32_t size, uint32_t values)
{
    char id[32];
    snprintf(id, sizeof(id), "ord-%u", random_below(random, 1000000));
    protobuf_text_add(order, ORDER_ID, id);
    protobuf_number_add(order, ORDER_STATUS, 1 + random_below(random, 5));
    protobuf_double_add(order, ORDER_TOTAL, random_below(random, 200000) / 100.0);
    protobuf_number_add(order, ORDER_CREATED, 1767225600u + random_below(random, 86400));
    while (order->size < size)
        item_add(order, random);
    uint32_t kind = random_below(random, 3);
    for (uint32_t i = 0; i < values; i++) {
        char buffer[TRAFFIC_VALUE_SIZE_MAX];
        struct text note = {buffer, 0, sizeof(buffer)};
        traffic_value_add(&note, random, kind + i);
        protobuf_bytes_add(order, ORDER_NOTE, text_span(&note));
    }
}

static int body_write(struct traffic_author *author, uint32_t size, uint32_t values, struct message *message)
{
    struct text text;
    uint32_t room = size + MESSAGE_SLACK + values * TRAFFIC_VALUE_SIZE_MAX;
    int result = message_text_new(&text, author, PREFIX_SIZE + room);
    if (result < 0)
        return result;
    text_add_number(&text, 0, PREFIX_SIZE);
    struct text order = {text.data + PREFIX_SIZE, 0, room};
    order_add(&order, &author->random, size, values);
    struct text length = {text.data + 1, 0, PREFIX_SIZE - 1};
    text_add_number(&length, order.size, PREFIX_SIZE - 1);
    message->body = span_of(text.data, PREFIX_SIZE + order.size);
    return 0;
}

/* Makes a call of the shop's HTTP API one of its gRPC API: the same client, token and numbers. */
static int request_turn(struct traffic_author *author, uint32_t kind, struct message *request)
{
    char path[PATH_ROOM];
    int size =
        snprintf(path, sizeof(path), "/" GRPC_PACKAGE ".%s/%s", kind & TRAFFIC_SHADOW ? SHADOW_SERVICE : GRPC_SERVICE,
                 grpc_methods[random_below(&author->random, grpc_methods_count)]);
    static const char *const others[] = {"Accept",       "Accept-Encoding", "Accept-Language", "Cookie",
                                         "Content-Type", "Content-Length",  "Cache-Control"};
    for (uint32_t i = 0; i < ARRAY_COUNT(others); i++)
        message_header_remove(request, others[i]);
    request->method = SPAN_LITERAL("POST");
    request->path = span_of(arena_copy_text(author->arena, path, (size_t)size), (size_t)size);
    if (!request->path.data || !message_header_add(author, request, "content-type", "application/grpc") ||
        !message_header_add(author, request, "te", "trailers") ||
        !message_header_add(author, request, "grpc-timeout", "%s", "2S"))
        return -ENOMEM;
    return body_write(author, message_size_vary(&author->random, author->settings->request_body_bytes), 0, request);
}

static int response_turn(struct traffic_author *author, uint32_t kind, struct message *response)
{
    static const char *const others[] = {"Content-Type", "Content-Length", "Vary", "Cache-Control",
                                         "X-Content-Type-Options"};
    for (uint32_t i = 0; i < ARRAY_COUNT(others); i++)
        message_header_remove(response, others[i]);
    if (!message_header_add(author, response, "content-type", "application/grpc"))
        return -ENOMEM;
    response->status = "200 OK";
    response->grpc_status = "0";
    return body_write(author, message_size_vary(&author->random, author->settings->response_body_bytes),
                      kind & TRAFFIC_SENSITIVE ? author->settings->sensitive_values : 0, response);
}

static int grpc_call(struct traffic_author *author, uint32_t kind, struct message_call *call_out)
{
    int result = message_call_write(author, kind, call_out);
    if (result == 0)
        result = request_turn(author, kind, &call_out->request);
    return result == 0 ? response_turn(author, kind, &call_out->response) : result;
}

static int grpc_write_session(struct traffic_author *author, const uint8_t *kinds, uint32_t calls,
                              struct traffic_script *scripts_out)
{
    return http2_session_write(author, kinds, calls, grpc_call, scripts_out);
}

const struct traffic_protocol traffic_grpc = {
    .name = "grpc",
    .help = "gRPC over HTTP/2 with prior knowledge",
    .server_port = 80,
    .write_session = grpc_write_session,
};

/* ------------------------------------------------------------------ descriptors */

/* Numbers of descriptor.proto. */
enum file_field { FILE_NAME = 1, FILE_PACKAGE = 2, FILE_MESSAGE = 4, FILE_SERVICE = 6, FILE_SYNTAX = 12 };
enum message_field { MESSAGE_NAME = 1, MESSAGE_FIELD = 2 };
enum field_field { FIELD_NAME = 1, FIELD_NUMBER = 3, FIELD_LABEL = 4, FIELD_TYPE = 5, FIELD_TYPE_NAME = 6 };
enum field_label { OPTIONAL = 1, REPEATED = 3 };
enum field_type { TYPE_DOUBLE = 1, TYPE_INT64 = 3, TYPE_STRING = 9, TYPE_MESSAGE = 11 };
enum service_field { SERVICE_NAME = 1, SERVICE_METHOD = 2 };
enum method_field { METHOD_NAME = 1, METHOD_INPUT = 2, METHOD_OUTPUT = 3 };

struct field {
    const char *name;
    uint32_t number;
    enum field_label label;
    enum field_type type;
};

static void message_describe(struct text *file, const char *name, const struct field *fields, uint32_t count)
{
    char buffer[1024];
    struct text message = {buffer, 0, sizeof(buffer)};
    protobuf_text_add(&message, MESSAGE_NAME, name);
    for (uint32_t i = 0; i < count; i++) {
        char inner[256];
        struct text field = {inner, 0, sizeof(inner)};
        protobuf_text_add(&field, FIELD_NAME, fields[i].name);
        protobuf_number_add(&field, FIELD_NUMBER, fields[i].number);
        protobuf_number_add(&field, FIELD_LABEL, fields[i].label);
        protobuf_number_add(&field, FIELD_TYPE, fields[i].type);
        if (fields[i].type == TYPE_MESSAGE)
            protobuf_text_add(&field, FIELD_TYPE_NAME, "." GRPC_PACKAGE ".Item");
        protobuf_bytes_add(&message, MESSAGE_FIELD, text_span(&field));
    }
    protobuf_bytes_add(file, FILE_MESSAGE, text_span(&message));
}

static void service_describe(struct text *file)
{
    char buffer[1024];
    struct text service = {buffer, 0, sizeof(buffer)};
    protobuf_text_add(&service, SERVICE_NAME, GRPC_SERVICE);
    for (uint32_t i = 0; i < grpc_methods_count; i++) {
        char inner[256];
        struct text method = {inner, 0, sizeof(inner)};
        protobuf_text_add(&method, METHOD_NAME, grpc_methods[i]);
        protobuf_text_add(&method, METHOD_INPUT, "." GRPC_PACKAGE ".Order");
        protobuf_text_add(&method, METHOD_OUTPUT, "." GRPC_PACKAGE ".Order");
        protobuf_bytes_add(&service, SERVICE_METHOD, text_span(&method));
    }
    protobuf_bytes_add(file, FILE_SERVICE, text_span(&service));
}

int grpc_descriptors_write(const char *path)
{
    static const struct field order[] = {
        {"id", ORDER_ID, OPTIONAL, TYPE_STRING},        {"status", ORDER_STATUS, OPTIONAL, TYPE_INT64},
        {"total", ORDER_TOTAL, OPTIONAL, TYPE_DOUBLE},  {"created", ORDER_CREATED, OPTIONAL, TYPE_INT64},
        {"items", ORDER_ITEMS, REPEATED, TYPE_MESSAGE}, {"note", ORDER_NOTE, REPEATED, TYPE_STRING},
    };
    static const struct field item[] = {
        {"sku", ITEM_SKU, OPTIONAL, TYPE_STRING},
        {"name", ITEM_NAME, OPTIONAL, TYPE_STRING},
        {"quantity", ITEM_QUANTITY, OPTIONAL, TYPE_INT64},
        {"price", ITEM_PRICE, OPTIONAL, TYPE_DOUBLE},
    };
    char inner[SET_ROOM], buffer[SET_ROOM];
    struct text file = {inner, 0, sizeof(inner)}, set = {buffer, 0, sizeof(buffer)};
    protobuf_text_add(&file, FILE_NAME, "shop.proto");
    protobuf_text_add(&file, FILE_PACKAGE, GRPC_PACKAGE);
    message_describe(&file, "Order", order, ARRAY_COUNT(order));
    message_describe(&file, "Item", item, ARRAY_COUNT(item));
    service_describe(&file);
    protobuf_text_add(&file, FILE_SYNTAX, "proto3");
    protobuf_bytes_add(&set, 1, text_span(&file));
    FILE *stream = fopen(path, "we");
    if (!stream)
        return -errno;
    bool fine = fwrite(set.data, 1, set.size, stream) == set.size;
    return fclose(stream) != 0 || !fine ? -EIO : 0;
}
