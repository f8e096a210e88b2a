/* SPDX-License-Identifier: Apache-2.0 */

/* gRPC: the prefix of five bytes is collected, what follows it goes through by reference. */

#include "proto/grpc.h"

#define STATUS_DIGITS_MAX 5u

enum state { STATE_PREFIX, STATE_MESSAGE, STATE_ENDED };

/* -------------------------------------------------------------- content type */

static uint8_t codec_of(struct span name)
{
    if (span_equal_nocase(name, SPAN_LITERAL("proto")))
        return GRPC_PROTOBUF;
    return span_equal_nocase(name, SPAN_LITERAL("json")) ? GRPC_JSON : GRPC_CODEC_OTHER;
}

struct grpc_content grpc_content_find(struct span content_type)
{
    static const struct {
        struct span type;
        uint8_t wrapping;
    } types[] = {
        {{(const uint8_t *)"application/grpc-web-text", 25}, GRPC_WEB_TEXT},
        {{(const uint8_t *)"application/grpc-web", 20}, GRPC_WEB},
        {{(const uint8_t *)"application/grpc", 16}, GRPC_PLAIN},
    };
    struct grpc_content content = {.codec = GRPC_PROTOBUF};
    const uint8_t *end = content_type.size ? memchr(content_type.data, ';', content_type.size) : NULL;
    if (end)
        content_type.size = (uint32_t)(end - content_type.data);
    struct span type = span_trim(content_type);
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        if (!span_equal_nocase(span_first(type, types[i].type.size), types[i].type))
            continue;
        struct span rest = span_from(type, types[i].type.size);
        if (rest.size && rest.data[0] != '+')
            continue;
        content.wrapping = types[i].wrapping;
        content.codec_named = rest.size > 1;
        if (content.codec_named)
            content.codec = codec_of(span_from(rest, 1));
        return content;
    }
    return content;
}

/* --------------------------------------------------------------------- frames */

void grpc_frames_init(struct grpc_frames *frames, bool web)
{
    *frames = (struct grpc_frames){.web = web};
}

static struct parse_step end(struct grpc_frames *frames, enum grpc_outcome outcome, uint32_t consumed)
{
    frames->outcome = (uint8_t)outcome;
    frames->state = STATE_ENDED;
    return parse_step_of(PARSE_STOP, consumed, 0);
}

static struct parse_step message_end(struct grpc_frames *frames, struct grpc_item *item, uint32_t consumed)
{
    *item = (struct grpc_item){.kind = GRPC_FRAME_END, .flags = frames->flags, .length = frames->length};
    frames->state = STATE_PREFIX;
    frames->prefix_size = 0;
    return parse_step_of(PARSE_ITEM, consumed, 0);
}

static struct parse_step prefix_parse(struct grpc_frames *frames, const struct parse_input *input,
                                      struct grpc_item *item)
{
    uint32_t size = min_u32(GRPC_PREFIX_SIZE - frames->prefix_size, input->size);
    if (size)
        memcpy(frames->prefix + frames->prefix_size, input->data, size);
    frames->prefix_size = (uint8_t)(frames->prefix_size + size);
    const uint8_t known = (uint8_t)(GRPC_FRAME_COMPRESSED | (frames->web ? GRPC_FRAME_TRAILERS : 0));
    if (frames->prefix_size && (frames->prefix[0] & ~known))
        return end(frames, GRPC_MALFORMED, size);
    if (frames->prefix_size < GRPC_PREFIX_SIZE) {
        if (input->last)
            return end(frames, frames->prefix_size ? GRPC_TRUNCATED : GRPC_COMPLETE, size);
        return parse_step_of(PARSE_MORE, size, 0);
    }
    const uint8_t *p = frames->prefix;
    frames->flags = p[0];
    frames->length = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
    frames->left = frames->length;
    frames->state = STATE_MESSAGE;
    *item = (struct grpc_item){.kind = GRPC_FRAME_BEGIN, .flags = frames->flags, .length = frames->length};
    return parse_step_of(PARSE_ITEM, size, 0);
}

static struct parse_step lost_parse(struct grpc_frames *frames, uint32_t lost, struct grpc_item *item)
{
    if (frames->state == STATE_ENDED)
        return parse_step_of(PARSE_STOP, 0, 0);
    if (frames->state == STATE_MESSAGE && frames->left == 0)
        return message_end(frames, item, 0);
    if (lost == 0)
        return parse_step_of(PARSE_MORE, 0, 0);
    if (frames->state == STATE_PREFIX)
        return end(frames, GRPC_LOST, 0);
    uint32_t size = min_u32(lost, frames->left);
    frames->left -= size;
    *item = (struct grpc_item){.kind = GRPC_FRAME_DATA, .flags = frames->flags, .length = frames->length, .lost = size};
    return parse_step_of(PARSE_ITEM, size, 0);
}

struct parse_step grpc_frames_parse(struct grpc_frames *frames, const struct parse_input *input,
                                    struct grpc_item *item_out)
{
    if (!input->data)
        return lost_parse(frames, input->lost, item_out);
    if (frames->state == STATE_ENDED)
        return parse_step_of(PARSE_STOP, 0, 0);
    if (frames->state == STATE_PREFIX)
        return prefix_parse(frames, input, item_out);
    if (frames->left == 0)
        return message_end(frames, item_out, 0);
    uint32_t size = min_u32(frames->left, input->size);
    if (size == 0)
        return input->last ? end(frames, GRPC_TRUNCATED, 0) : parse_step_of(PARSE_MORE, 0, 0);
    frames->left -= size;
    *item_out = (struct grpc_item){
        .kind = GRPC_FRAME_DATA, .flags = frames->flags, .length = frames->length, .data = span_of(input->data, size)};
    return parse_step_of(PARSE_ITEM, size, 0);
}

/* --------------------------------------------------------------------- status */

int32_t grpc_status_parse(struct span value)
{
    int32_t status = 0;
    value = span_trim(value);
    if (value.size == 0 || value.size > STATUS_DIGITS_MAX)
        return GRPC_STATUS_NONE;
    for (uint32_t i = 0; i < value.size; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return GRPC_STATUS_NONE;
        status = status * 10 + (value.data[i] - '0');
    }
    return status;
}

int32_t grpc_status_as_http(int32_t status)
{
    static const uint16_t http[GRPC_STATUS_COUNT] = {
        200, /* OK */
        499, /* CANCELLED */
        500, /* UNKNOWN */
        400, /* INVALID_ARGUMENT */
        504, /* DEADLINE_EXCEEDED */
        404, /* NOT_FOUND */
        409, /* ALREADY_EXISTS */
        403, /* PERMISSION_DENIED */
        429, /* RESOURCE_EXHAUSTED */
        400, /* FAILED_PRECONDITION */
        409, /* ABORTED */
        400, /* OUT_OF_RANGE */
        501, /* UNIMPLEMENTED */
        500, /* INTERNAL */
        503, /* UNAVAILABLE */
        500, /* DATA_LOSS */
        401, /* UNAUTHENTICATED */
    };
    return status >= 0 && status < GRPC_STATUS_COUNT ? http[status] : 500;
}

int32_t grpc_status_from_http(int32_t http_status)
{
    enum {
        UNKNOWN = 2,
        PERMISSION_DENIED = 7,
        UNIMPLEMENTED = 12,
        INTERNAL = 13,
        UNAVAILABLE = 14,
        UNAUTHENTICATED = 16
    };
    switch (http_status) {
    case GRPC_STATUS_NONE:
    case 200:
        return GRPC_STATUS_NONE;
    case 400:
        return INTERNAL;
    case 401:
        return UNAUTHENTICATED;
    case 403:
        return PERMISSION_DENIED;
    case 404:
        return UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
        return UNAVAILABLE;
    default:
        return UNKNOWN;
    }
}

/* ---------------------------------------------------------------------- texts */

bool grpc_path_split(struct span path, struct span *service_out, struct span *method_out)
{
    if (path.size < 4 || path.data[0] != '/')
        return false;
    path = span_from(path, 1);
    const uint8_t *slash = memchr(path.data, '/', path.size);
    if (!slash)
        return false;
    uint32_t size = (uint32_t)(slash - path.data);
    *service_out = span_first(path, size);
    *method_out = span_from(path, size + 1);
    return size > 0 && method_out->size > 0 && !memchr(method_out->data, '/', method_out->size);
}

bool grpc_trailer_next(struct span *rest, struct span *name_out, struct span *value_out)
{
    while (rest->size) {
        const uint8_t *line_end = memchr(rest->data, '\n', rest->size);
        uint32_t size = line_end ? (uint32_t)(line_end - rest->data) : rest->size;
        struct span line = span_first(*rest, size);
        *rest = span_from(*rest, line_end ? size + 1 : size);
        if (line.size && line.data[line.size - 1] == '\r')
            line.size--;
        const uint8_t *colon = line.size ? memchr(line.data, ':', line.size) : NULL;
        if (!colon)
            continue;
        *name_out = span_trim(span_first(line, (uint32_t)(colon - line.data)));
        *value_out = span_trim(span_from(line, (uint32_t)(colon - line.data) + 1));
        return true;
    }
    return false;
}
