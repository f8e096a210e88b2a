/* SPDX-License-Identifier: Apache-2.0 */

/* Transaction: the store is filled from the front and never compacted; it lives as long as the call. */

#include "transaction/transaction.h"

static_assert(TRANSACTION_STORE_SIZE <= UINT16_MAX + 1u, "store offsets fit 16 bits");

static void side_init(struct transaction_side *side)
{
    memset(side, 0, offsetof(struct transaction_side, headers));
}

void transaction_init(struct transaction *transaction)
{
    transaction->call = (struct call){.status = CALL_STATUS_NONE};
    transaction->epoch = NULL;
    transaction->path = (struct span){0};
    transaction->query = (struct span){0};
    transaction->graphql = (struct transaction_graphql){0};
    transaction->message = (struct message){0};
    transaction->grant = TRANSACTION_GRANT_NONE;
    transaction->method_field = false;
    transaction->login = (struct login){0};
    transaction->one_way = false;
    side_init(&transaction->request);
    side_init(&transaction->response);
    transaction->detection_count = 0;
    transaction->detections_lost = 0;
    transaction->store_used = 0;
}

/* Copies without the check for room. */
static struct span store_put(struct transaction *transaction, struct span text)
{
    uint8_t *copy = transaction->store + transaction->store_used;
    if (text.size)
        memcpy(copy, text.data, text.size);
    transaction->store_used += text.size;
    return (struct span){copy, text.size};
}

struct span transaction_keep(struct transaction *transaction, struct span text)
{
    if (text.size > TRANSACTION_STORE_SIZE - transaction->store_used) {
        transaction->call.flags |= CALL_TRUNCATED;
        return (struct span){0};
    }
    return store_put(transaction, text);
}

struct span transaction_keep_line(struct transaction *transaction, struct span text)
{
    if ((uint64_t)text.size + 1 > TRANSACTION_STORE_SIZE - transaction->store_used) {
        transaction->call.flags |= CALL_TRUNCATED;
        return (struct span){0};
    }
    struct span kept = store_put(transaction, text);
    store_put(transaction, SPAN_LITERAL("\n"));
    return kept;
}

/* "Name: value" as nearly all send it: what is kept is what lies there. */
static inline bool line_is_kept_form(struct span name, struct span value)
{
    return name.size && value.size && value.data == name.data + name.size + 2 && value.data[-2] == ':' &&
           value.data[-1] == ' ';
}

static inline void line_put(uint8_t *line, struct span name, struct span value)
{
    if (likely(line_is_kept_form(name, value))) {
        memcpy(line, name.data, name.size + value.size + 2);
        return;
    }
    if (name.size)
        memcpy(line, name.data, name.size);
    memcpy(line + name.size, ": ", 2);
    if (value.size)
        memcpy(line + name.size + 2, value.data, value.size);
}

void transaction_add_header(struct transaction *transaction, struct transaction_side *side, struct span name,
                            struct span value)
{
    transaction_add_known_header(transaction, side, header_id_find(name), name, value);
}

void transaction_add_known_header(struct transaction *transaction, struct transaction_side *side, enum header_id id,
                                  struct span name, struct span value)
{
    uint64_t line_size = (uint64_t)name.size + value.size + 3; /* ": " and the line end */
    side->header_count_wire++;
    side->headers_seen |= HEADER_BIT(id);
    if (side->header_count == TRANSACTION_HEADERS_MAX || line_size > TRANSACTION_STORE_SIZE - transaction->store_used) {
        transaction->call.flags |= CALL_TRUNCATED;
        return;
    }
    uint32_t name_offset = transaction->store_used, value_offset = name_offset + name.size + 2;
    uint8_t *line = transaction->store + name_offset;
    line_put(line, name, value);
    line[line_size - 1] = '\n';
    transaction->store_used += (uint32_t)line_size;
    side->headers[side->header_count++] = (struct transaction_header){
        .name_offset = (uint16_t)name_offset,
        .name_size = (uint16_t)name.size,
        .value_offset = (uint16_t)value_offset,
        .value_size = (uint16_t)value.size,
        .id = (uint16_t)id,
    };
}

bool transaction_extend_header(struct transaction *transaction, struct transaction_side *side, enum header_id id,
                               struct span separator, struct span value)
{
    struct transaction_header *last = side->header_count ? &side->headers[side->header_count - 1] : NULL;
    uint64_t more = (uint64_t)separator.size + value.size;
    if (!last || last->id != id || more > TRANSACTION_STORE_SIZE - transaction->store_used ||
        last->value_offset + last->value_size + 1u != transaction->store_used)
        return false;
    transaction->store_used--; /* the line end moves */
    store_put(transaction, separator);
    store_put(transaction, value);
    store_put(transaction, SPAN_LITERAL("\n"));
    last->value_size = (uint16_t)(last->value_size + more);
    return true;
}

const struct transaction_header *transaction_find_header(const struct transaction_side *side, enum header_id id,
                                                         const struct transaction_header *after)
{
    if (!transaction_side_has(side, id))
        return NULL;
    const struct transaction_header *end = side->headers + side->header_count;
    for (const struct transaction_header *header = after ? after + 1 : side->headers; header < end; header++)
        if (header->id == id)
            return header;
    return NULL;
}

const struct transaction_header *transaction_find_header_named(const struct transaction *transaction,
                                                               const struct transaction_side *side, struct span name,
                                                               const struct transaction_header *after)
{
    const struct transaction_header *end = side->headers + side->header_count;
    for (const struct transaction_header *header = after ? after + 1 : side->headers; header < end; header++)
        if (span_equal_nocase(transaction_header_name(transaction, header), name))
            return header;
    return NULL;
}

bool transaction_asks_websocket(const struct transaction *transaction)
{
    const struct transaction_side *request = &transaction->request;
    const struct transaction_header *asked =
        span_equal(transaction->call.method, SPAN_LITERAL("CONNECT"))
            ? transaction_find_header_named(transaction, request, SPAN_LITERAL(":protocol"), NULL)
            : transaction_find_header(request, HEADER_UPGRADE, NULL);
    return asked && span_equal_nocase(transaction_header_value(transaction, asked), SPAN_LITERAL("websocket"));
}

static bool digits_only(struct span s)
{
    for (uint32_t i = 0; i < s.size; i++)
        if (s.data[i] < '0' || s.data[i] > '9')
            return false;
    return s.size > 0;
}

/* Takes the segment up to the next '/' off the front of *rest. */
static struct span next_segment(struct span *rest)
{
    uint32_t size = 0;
    while (size < rest->size && (size == 0 || rest->data[size] != '/'))
        size++;
    struct span segment = span_first(*rest, size);
    *rest = span_from(*rest, size);
    return segment;
}

/* JSON pointers that differ in array indices only name the same place: a list of a hundred customers is one finding. */
static bool same_place_name(struct span a, struct span b)
{
    if (span_equal(a, b))
        return true;
    while (a.size && b.size && a.data[0] == '/' && b.data[0] == '/') {
        struct span left = next_segment(&a), right = next_segment(&b);
        if (!span_equal(left, right) && !(digits_only(span_from(left, 1)) && digits_only(span_from(right, 1))))
            return false;
    }
    return a.size == 0 && b.size == 0;
}

void transaction_add_detection(struct transaction *transaction, const struct detection *detection)
{
    for (uint32_t i = 0; i < transaction->detection_count; i++) {
        struct detection *known = &transaction->detections[i];
        if (known->detector != detection->detector || known->place != detection->place ||
            known->in_response != detection->in_response || !same_place_name(known->name, detection->name))
            continue;
        known->count += detection->count;
        if (detection->confidence > known->confidence)
            known->confidence = detection->confidence;
        return;
    }
    if (transaction->detection_count == TRANSACTION_DETECTIONS_MAX) {
        transaction->detections_lost++;
        return;
    }
    struct detection *added = &transaction->detections[transaction->detection_count++];
    *added = *detection;
    added->name = transaction_keep(transaction, detection->name);
}
