/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Channel table, searching: the hot path. A name is tried as a literal of its exchange, then among its exchange's
 * patterns, then the same for channels that name no exchange.
 */

#include "registry/channel_inside.h"
#include "registry/request_path.h"

struct search {
    const struct channel_table *table;
    const struct registry_message *message;
    uint32_t preferred;       /* enum registry_action */
    struct span host;         /* without port; size 0: not known */
    uint32_t port;            /* 0: not known */
    struct span virtual_host; /* data NULL: not known */
    uint32_t operation;
};

static bool same_name(const struct channel_entry *entry, const struct channel_name *name)
{
    return entry->kind == name->kind && entry->any_exchange == name->any_exchange && entry->literal == name->literal &&
           span_equal(entry->exchange, name->exchange) &&
           (!name->literal || span_equal(entry->pattern.shape, name->text));
}

uint32_t channel_slot(const struct channel_table *table, const struct channel_name *name)
{
    uint64_t hash = hash_bytes(&table->hash_key, name->text.data, name->text.size);
    uint64_t exchange =
        name->exchange.size ? hash_bytes(&table->hash_key, name->exchange.data, name->exchange.size) : 0;
    /* An odd factor keeps (a, b) and (b, a) apart; the low bits tell the kinds apart. */
    hash += exchange * UINT64_C(0x9e3779b97f4a7c15) + name->kind * 4u + name->any_exchange * 2u + name->literal;
    uint32_t slot = (uint32_t)(hash ^ hash >> 32) & table->slot_mask;
    while (table->slots[slot] && !same_name(&table->entries[table->slots[slot]], name))
        slot = (slot + 1) & table->slot_mask;
    return slot;
}

/* "name:port" or "[address]:port" taken apart; what is no number is no port. */
static void split_host(struct search *search, struct span host)
{
    uint32_t end = host.size;
    while (end > 0 && host.data[end - 1] >= '0' && host.data[end - 1] <= '9' && host.size - end < 6)
        end--;
    if (end > 0 && end < host.size && host.data[end - 1] == ':') {
        for (uint32_t i = end; i < host.size; i++)
            search->port = search->port * 10 + host.data[i] - '0';
        host.size = end - 1;
    }
    if (host.size && host.data[host.size - 1] == '.')
        host.size--;
    search->host = host;
}

/*
 * AMQP 1.0 has the one field `hostname` for both (2.7.1): a host, or, as RabbitMQ has it, a virtual host behind
 * "vhost:". Which virtual host another broker takes for a host is its own affair.
 */
static void read_place(struct search *search)
{
    struct span host = search->message->host, prefix = SPAN_LITERAL("vhost:");
    bool named = search->message->protocol == CALL_AMQP10 && span_starts_with(host, prefix);
    if (named)
        search->virtual_host = span_from(host, prefix.size);
    else if (search->message->protocol != CALL_AMQP10)
        search->virtual_host = search->message->message->virtual_host;
    if (!named)
        split_host(search, host);
}

static bool broker_fits(const struct search *search, const struct channel_broker *broker)
{
    struct span virtual_host = search->virtual_host;
    if (broker->host.size && search->host.size && !span_equal_nocase(broker->host, search->host))
        return false;
    if (broker->port && search->port && broker->port != search->port)
        return false;
    return broker->any_virtual_host || !virtual_host.data || span_equal(broker->virtual_host, virtual_host);
}

static uint32_t choose(const uint32_t operations[REGISTRY_ACTION_COUNT], uint32_t preferred)
{
    if (operations[preferred] != ROUTE_OPERATION_NONE)
        return operations[preferred];
    for (uint32_t i = REGISTRY_ACTION_COUNT; i-- > 0;)
        if (operations[i] != ROUTE_OPERATION_NONE)
            return operations[i];
    return ROUTE_OPERATION_NONE;
}

static bool find_in_chain(struct search *search, const struct channel_name *name, struct span text)
{
    const struct channel_table *table = search->table;
    uint32_t number = table->slots[channel_slot(table, name)];
    for (uint32_t steps = 0; number && steps < REGISTRY_PATTERNS_MAX; steps++) {
        const struct channel_entry *entry = &table->entries[number];
        bool fits = entry->literal || channel_pattern_fits(&entry->pattern, text);
        if (fits && broker_fits(search, &table->brokers[entry->broker])) {
            search->operation = choose(entry->operations, search->preferred);
            return true;
        }
        number = entry->next;
    }
    return false;
}

static bool find_name(struct search *search, enum channel_kind kind, const struct span *exchange, struct span text)
{
    struct channel_name name = {.kind = (uint8_t)kind, .any_exchange = exchange == NULL, .literal = true, .text = text};
    if (exchange)
        name.exchange = *exchange;
    if (find_in_chain(search, &name, text))
        return true;
    name.literal = false;
    name.text = (struct span){0};
    return find_in_chain(search, &name, text);
}

static bool find_exchange(struct search *search, struct span exchange, struct span key)
{
    if (find_name(search, CHANNEL_ROUTING_KEY, &exchange, key) ||
        find_name(search, CHANNEL_EXCHANGE, &exchange, (struct span){0}) ||
        find_name(search, CHANNEL_ROUTING_KEY, NULL, key))
        return true;
    /* The default exchange hands a message to the queue that its key names (AMQP 0-9-1 3.1.3.1). */
    return exchange.size == 0 && find_name(search, CHANNEL_QUEUE, NULL, key);
}

/* Names that brokers make up: server-named queues and direct replies. */
static bool made_up(struct span queue)
{
    return span_starts_with(queue, SPAN_LITERAL("amq.gen-")) ||
           span_starts_with(queue, SPAN_LITERAL("amq.rabbitmq.reply-to"));
}

/* Takes one segment of an address off its front, decoded. */
static struct span take_segment(struct span *rest, uint8_t *buffer)
{
    const uint8_t *slash = rest->size ? memchr(rest->data, '/', rest->size) : NULL;
    struct span segment = span_first(*rest, slash ? (uint32_t)(slash - rest->data) : rest->size);
    *rest = span_from(*rest, segment.size + (slash ? 1 : 0));
    return span_of(buffer, channel_name_decode(segment, buffer));
}

/*
 * RabbitMQ's addresses: "/queues/Q", "/exchanges/E[/K]" (4.0), "/queue/Q", "/amq/queue/Q", "/exchange/E[/K]",
 * "/topic/K" (earlier). Returns -1 when it is none of them.
 */
static int find_rabbitmq_address(struct search *search, struct span address)
{
    const struct span queues[] = {SPAN_LITERAL("/queues/"), SPAN_LITERAL("/queue/"), SPAN_LITERAL("/amq/queue/")};
    const struct span exchanges[] = {SPAN_LITERAL("/exchanges/"), SPAN_LITERAL("/exchange/")};
    uint8_t first[REGISTRY_ADDRESS_MAX], second[REGISTRY_ADDRESS_MAX];
    for (uint32_t i = 0; i < ARRAY_COUNT(queues); i++) {
        if (!span_starts_with(address, queues[i]))
            continue;
        struct span rest = span_from(address, queues[i].size);
        struct span queue = take_segment(&rest, first);
        return made_up(queue) ? REGISTRY_TEMPORARY : find_exchange(search, (struct span){0}, queue);
    }
    for (uint32_t i = 0; i < ARRAY_COUNT(exchanges); i++) {
        if (!span_starts_with(address, exchanges[i]))
            continue;
        struct span rest = span_from(address, exchanges[i].size);
        struct span exchange = take_segment(&rest, first);
        return find_exchange(search, exchange, take_segment(&rest, second));
    }
    if (!span_starts_with(address, SPAN_LITERAL("/topic/")))
        return -1;
    return find_exchange(search, SPAN_LITERAL("amq.topic"), span_from(address, 7));
}

static enum registry_outcome find_address(struct search *search, struct span address)
{
    if (!address.data)
        return search->message->message->kind == MESSAGE_REPLY ? REGISTRY_TEMPORARY : REGISTRY_UNDECIDED;
    if (address.size > REGISTRY_ADDRESS_MAX)
        return REGISTRY_UNDECIDED;
    if (find_name(search, CHANNEL_ADDRESS, NULL, address))
        return REGISTRY_MATCH;
    int found = find_rabbitmq_address(search, address);
    if (found == REGISTRY_TEMPORARY || made_up(address))
        return REGISTRY_TEMPORARY;
    if (found < 0)
        found = find_exchange(search, (struct span){0}, address);
    return found ? REGISTRY_MATCH : REGISTRY_NO_PATH;
}

static enum registry_outcome find_routing_key(struct search *search)
{
    const struct message *message = search->message->message;
    struct span exchange = message->exchange, key = message->routing_key, queue = message->queue;
    bool keyed = exchange.data && key.data;
    if (!keyed && !queue.data)
        return REGISTRY_UNDECIDED;
    if (key.size > REGISTRY_ADDRESS_MAX || queue.size > REGISTRY_ADDRESS_MAX || exchange.size > REGISTRY_ADDRESS_MAX)
        return REGISTRY_UNDECIDED;
    if (keyed && find_exchange(search, exchange, key))
        return REGISTRY_MATCH;
    if (queue.size && find_name(search, CHANNEL_QUEUE, NULL, queue))
        return REGISTRY_MATCH;
    bool temporary = keyed ? exchange.size == 0 && made_up(key) : made_up(queue);
    return temporary ? REGISTRY_TEMPORARY : REGISTRY_NO_PATH;
}

static enum registry_outcome find_path(struct search *search)
{
    struct registry_request request = {
        .host = search->message->host, .method = SPAN_LITERAL("GET"), .path = search->message->path};
    struct route_match match;
    if (!request.path.data)
        return REGISTRY_UNDECIDED;
    route_table_find(search->table->paths, &request, &match);
    if (match.outcome == REGISTRY_MATCH)
        search->operation = choose(search->table->path_list[match.operation].operations, search->preferred);
    bool unknown_host = match.outcome == REGISTRY_NO_HOST;
    if (match.outcome == REGISTRY_MATCH || match.outcome == REGISTRY_UNDECIDED || unknown_host)
        return match.outcome;
    return REGISTRY_NO_PATH;
}

bool channel_table_covers(const struct channel_table *table, enum call_protocol protocol)
{
    if (protocol == CALL_WEBSOCKET)
        return table->path_count > 0;
    return (protocol == CALL_AMQP091 || protocol == CALL_AMQP10) && table->entry_count > 1;
}

/* Nothing at that place: is at least the broker a known one? */
static enum registry_outcome judge_missing(const struct search *search)
{
    for (uint32_t i = 0; i < search->table->broker_count && i < REGISTRY_BROKERS_MAX; i++)
        if (broker_fits(search, &search->table->brokers[i]))
            return REGISTRY_NO_PATH;
    return REGISTRY_NO_HOST;
}

enum registry_outcome channel_table_find(const struct channel_table *table, const struct registry_message *message,
                                         uint32_t *operation_out)
{
    struct search search = {.table = table, .message = message, .operation = ROUTE_OPERATION_NONE};
    bool web_socket = message->protocol == CALL_WEBSOCKET;
    /* A document of a WebSocket API is mostly the server's, one that names a broker the client's. */
    bool sent = web_socket ? message->message->from_server : message->message->kind == MESSAGE_PUBLISH;
    search.preferred = sent ? REGISTRY_ACTION_SEND : REGISTRY_ACTION_RECEIVE;
    read_place(&search);
    enum registry_outcome outcome = web_socket ? find_path(&search)
                                    : message->protocol == CALL_AMQP10
                                        ? find_address(&search, message->message->address)
                                        : find_routing_key(&search);
    if (outcome == REGISTRY_NO_PATH && message->message->kind == MESSAGE_REPLY)
        outcome = REGISTRY_TEMPORARY;
    if (outcome == REGISTRY_NO_PATH && !web_socket)
        outcome = judge_missing(&search);
    *operation_out = search.operation;
    return outcome;
}
