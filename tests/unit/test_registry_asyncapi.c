/* SPDX-License-Identifier: Apache-2.0 */

/* registry: AsyncAPI documents of both versions, what their channels match, mistakes, published documents. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "registry/channel_pattern.h"
#include "unit/registry_fixture.h"

#define HEAD3 "asyncapi: 3.0.0\ninfo: {title: t, version: '1'}\n"
#define HEAD2 "asyncapi: 2.6.0\ninfo: {title: t, version: '1'}\n"

static const char *outcome_text(enum registry_outcome outcome, const struct registry_match *match)
{
    static char id[256];
    switch (outcome) {
    case REGISTRY_MATCH:
        assert_non_null(match->operation);
        snprintf(id, sizeof(id), "%.*s", (int)match->operation->id.size, match->operation->id.data);
        return id;
    case REGISTRY_NO_HOST:
        return "(no host)";
    case REGISTRY_NO_PATH:
        return "(no channel)";
    case REGISTRY_TEMPORARY:
        return "(temporary)";
    case REGISTRY_UNDECIDED:
        return "(undecided)";
    default:
        return "(other)";
    }
}

static const char *ask_for(const struct registry *registry, enum call_protocol protocol, const char *host,
                           const char *path, const struct message *message)
{
    struct registry_message question = {
        .protocol = protocol, .host = span_from_text(host), .path = span_from_text(path), .message = message};
    struct registry_match match;
    enum registry_outcome outcome = registry_find_message(registry, &question, &match);
    assert_true(match.message);
    assert_int_equal(outcome, match.outcome);
    assert_true((outcome == REGISTRY_MATCH) == (match.operation != NULL));
    return outcome_text(outcome, &match);
}

static const char *publish(const struct registry *registry, const char *exchange, const char *key)
{
    struct message message = {
        .kind = MESSAGE_PUBLISH, .exchange = span_from_text(exchange), .routing_key = span_from_text(key)};
    return ask_for(registry, CALL_AMQP091, NULL, NULL, &message);
}

static const char *deliver(const struct registry *registry, const char *exchange, const char *key, const char *queue)
{
    struct message message = {.kind = MESSAGE_DELIVER,
                              .from_server = true,
                              .exchange = span_from_text(exchange),
                              .routing_key = span_from_text(key),
                              .queue = span_from_text(queue)};
    return ask_for(registry, CALL_AMQP091, NULL, NULL, &message);
}

static const char *at_host(const struct registry *registry, const char *host, const char *virtual_host, const char *key)
{
    struct message message = {.kind = MESSAGE_PUBLISH,
                              .exchange = SPAN_LITERAL(""),
                              .routing_key = span_from_text(key),
                              .virtual_host = span_from_text(virtual_host)};
    return ask_for(registry, CALL_AMQP091, host, NULL, &message);
}

static const char *at_address(const struct registry *registry, const char *address)
{
    struct message message = {.kind = MESSAGE_PUBLISH, .address = span_from_text(address)};
    return ask_for(registry, CALL_AMQP10, NULL, NULL, &message);
}

static const char *at_open(const struct registry *registry, const char *hostname, const char *address)
{
    struct message message = {
        .kind = MESSAGE_PUBLISH, .address = span_from_text(address), .virtual_host = span_from_text(hostname)};
    return ask_for(registry, CALL_AMQP10, hostname, NULL, &message);
}

static const char *web_socket(const struct registry *registry, const char *host, const char *path, bool from_server)
{
    struct message message = {.kind = from_server ? MESSAGE_DELIVER : MESSAGE_PUBLISH, .from_server = from_server};
    return ask_for(registry, CALL_WEBSOCKET, host, path, &message);
}

/* ------------------------------------------------------------------- patterns */

static bool fits(const char *shape, char separator, const char *text)
{
    struct channel_pattern pattern = {span_from_text(shape), (uint8_t)separator};
    return channel_pattern_fits(&pattern, span_from_text(text));
}

/* Expectations from AMQP 0-9-1 3.1.3.3: "*" one word, "#" zero or more words. */
static void topics_are_compared_by_words(void **state)
{
    (void)state;
    assert_true(fits("\2.stock.\3", '.', "usd.stock"));
    assert_true(fits("\2.stock.\3", '.', "eur.stock.db"));
    assert_false(fits("\2.stock.\3", '.', "stock.nasdaq"));
    assert_true(fits("\3", '.', ""));
    assert_true(fits("\3", '.', "a.b.c"));
    assert_false(fits("\2", '.', ""));
    assert_false(fits("\2", '.', "a.b"));
    assert_true(fits("a.\3.b.\3.c", '.', "a.x.b.y.b.z.c"));
    assert_false(fits("a.\3.b.\3.c", '.', "a.x.y.z.c"));
    assert_true(fits("\3.\3.c", '.', "c"));
    assert_true(fits("\2.\2", '.', "."));
    assert_false(fits("a.b", '.', "a.b."));
}

static void parameters_stay_within_a_word(void **state)
{
    (void)state;
    assert_true(fits("user/\1/signedup", '/', "user/42/signedup"));
    assert_true(fits("user/\1/signedup", '/', "user/a.b/signedup"));
    assert_false(fits("user/\1/signedup", '/', "user//signedup"));
    assert_false(fits("user/\1/signedup", '/', "user/1/2/signedup"));
    assert_true(fits("a-\1-b-\1", 0, "a-1-b-b-b-2"));
    assert_true(fits("\1x", 0, "xx"));
    assert_false(fits("\1x", 0, "x"));
    assert_false(fits("\1", 0, ""));
    assert_true(fits("\1", 0, "a.b/c"));
    assert_false(fits("v\1", 0, "w1"));
}

#define TEXT_MAX 12u

/* By tables of all beginnings instead of going back: slow and plain. `any` bytes of a word, or words, at a mark. */
static bool word_oracle(const char *shape, size_t shape_size, const char *word, size_t size)
{
    bool fit[TEXT_MAX + 2][TEXT_MAX + 2] = {{false}};
    if (shape_size == 1 && shape[0] == '\2')
        return true;
    fit[0][0] = true;
    for (size_t i = 1; i <= shape_size; i++)
        for (size_t j = 1; j <= size; j++)
            fit[i][j] = shape[i - 1] == '\1' ? fit[i - 1][j - 1] || fit[i][j - 1]
                                             : fit[i - 1][j - 1] && shape[i - 1] == word[j - 1];
    return fit[shape_size][size];
}

static size_t cut(const char *text, const char *words[TEXT_MAX + 1], size_t sizes[TEXT_MAX + 1])
{
    size_t count = 0;
    while (*text || count) {
        words[count] = text;
        sizes[count] = strcspn(text, ".");
        text += sizes[count++];
        if (!*text++)
            break;
    }
    return count;
}

static bool oracle(const char *shape, const char *text)
{
    const char *shapes[TEXT_MAX + 1], *words[TEXT_MAX + 1];
    size_t shape_sizes[TEXT_MAX + 1], sizes[TEXT_MAX + 1];
    size_t shape_count = cut(shape, shapes, shape_sizes), count = cut(text, words, sizes);
    bool fit[TEXT_MAX + 2][TEXT_MAX + 2] = {{false}};
    fit[0][0] = true;
    for (size_t i = 1; i <= shape_count; i++) {
        bool many = shape_sizes[i - 1] == 1 && shapes[i - 1][0] == '\3';
        fit[i][0] = many && fit[i - 1][0];
        for (size_t j = 1; j <= count; j++)
            fit[i][j] =
                many ? fit[i - 1][j] || fit[i][j - 1]
                     : fit[i - 1][j - 1] && word_oracle(shapes[i - 1], shape_sizes[i - 1], words[j - 1], sizes[j - 1]);
    }
    return fit[shape_count][count];
}

static void patterns_agree_with_tables(void **state)
{
    (void)state;
    uint32_t random = 20261120, agreed = 0;
    for (uint32_t round = 0; round < 300000; round++) {
        char texts[2][TEXT_MAX] = {"", ""};
        static const char *const letters[2] = {"ab..\1\3\2.", "ab.ab.a."};
        for (uint32_t side = 0; side < 2; side++) {
            uint32_t size = (random = random * 1664525u + 1013904223u) >> 24;
            for (uint32_t i = 0; i < size % TEXT_MAX && i < TEXT_MAX - 1; i++)
                texts[side][i] = letters[side][(random = random * 1664525u + 1013904223u) >> 29];
        }
        bool expected = oracle(texts[0], texts[1]);
        agreed += expected;
        /* A mark for words within a word is none; the loader makes no such shapes. */
        bool odd = false;
        for (char *c = texts[0]; *c; c++)
            odd |= (*c == '\2' || *c == '\3') && ((c > texts[0] && c[-1] != '.') || (c[1] && c[1] != '.'));
        if (!odd)
            assert_int_equal(fits(texts[0], '.', texts[1]), expected);
    }
    assert_true(agreed > 1000);
}

/* ----------------------------------------------------------------------- AMQP */

#define ORDERS                                                                                                         \
    HEAD3 "defaultContentType: application/json\n"                                                                     \
          "servers:\n"                                                                                                 \
          "  main: {host: 'Broker.example.com:5671', protocol: amqps, pathname: /shop}\n"                              \
          "channels:\n"                                                                                                \
          "  created: {address: orders.created, messages: {m: {}, n: {contentType: text/plain}},\n"                    \
          "    bindings: {amqp: {is: routingKey, exchange: {name: orders, type: topic}}}}\n"                           \
          "  state: {address: 'orders.{id}.state', parameters: {id: {}},\n"                                            \
          "    bindings: {amqp: {exchange: {name: orders, type: topic}}}}\n"                                           \
          "  all: {address: 'audit.#', bindings: {amqp: {exchange: {name: orders, type: topic}}}}\n"                   \
          "  literal: {address: 'audit.#', bindings: {amqp: {exchange: {name: plain, type: direct}}}}\n"               \
          "  news: {address: whatever, bindings: {amqp: {exchange: {name: news, type: fanout}}}}\n"                    \
          "  work: {address: work, bindings: {amqp: {is: queue, queue: {name: work-items}}}}\n"                        \
          "  other: {address: far, bindings: {amqp: {is: queue, queue: {vhost: other}}}}\n"                            \
          "  reply: {address: null}\n"                                                                                 \
          "operations:\n"                                                                                              \
          "  orderCreated: {action: send, channel: {$ref: '#/channels/created'}, tags: [{name: Deprecated}]}\n"        \
          "  onOrderCreated: {action: receive, channel: {$ref: '#/channels/created'},\n"                               \
          "    messages: [{$ref: '#/channels/created/messages/n'}]}\n"                                                 \
          "  stateChanged: {action: send, channel: {$ref: '#/channels/state'}, x-data-class: [person],\n"              \
          "    bindings: {amqp: {cc: [copies.state]}}}\n"                                                              \
          "  audited: {action: receive, channel: {$ref: '#/channels/all'}}\n"                                          \
          "  newsSent: {action: send, channel: {$ref: '#/channels/news'}, x-lifecycle: retired}\n"                     \
          "  workDone: {action: receive, channel: {$ref: '#/channels/work'}}\n"                                        \
          "  literalKey: {action: send, channel: {$ref: '#/channels/literal'}}\n"

static void exchanges_and_keys_are_found(void **state)
{
    (void)state;
    struct registry *r = load_good(ORDERS);
    assert_string_equal(publish(r, "orders", "orders.created"), "orderCreated");
    assert_string_equal(deliver(r, "orders", "orders.created", "q1"), "onOrderCreated");
    assert_string_equal(publish(r, "orders", "orders.17.state"), "stateChanged");
    assert_string_equal(publish(r, "orders", "copies.state"), "stateChanged");
    assert_string_equal(publish(r, "orders", "orders.1.2.state"), "(no channel)");
    assert_string_equal(publish(r, "orders", "orders.deleted"), "(no channel)");
    assert_string_equal(publish(r, "Orders", "orders.created"), "(no channel)");
    assert_string_equal(publish(r, "orders", "audit"), "audited");
    assert_string_equal(publish(r, "orders", "audit.a.b"), "audited");
    assert_string_equal(publish(r, "plain", "audit.a"), "(no channel)");
    assert_string_equal(publish(r, "plain", "audit.#"), "literalKey");
    assert_string_equal(publish(r, "news", "anything"), "newsSent");
    registry_free(r);
}

static void queues_are_found(void **state)
{
    (void)state;
    struct registry *r = load_good(ORDERS);
    assert_string_equal(publish(r, "", "work-items"), "workDone");
    assert_string_equal(publish(r, "", "work"), "(no channel)");
    assert_string_equal(deliver(r, "unheard", "of", "work-items"), "workDone");
    assert_string_equal(deliver(r, NULL, NULL, "work-items"), "workDone");
    assert_string_equal(deliver(r, NULL, NULL, "secret"), "(no channel)");
    assert_string_equal(deliver(r, NULL, NULL, NULL), "(undecided)");
    /* Names brokers make up, and answers. */
    assert_string_equal(publish(r, "", "amq.gen-JzTY20BRgKO"), "(temporary)");
    assert_string_equal(publish(r, "", "amq.rabbitmq.reply-to.g1h2"), "(temporary)");
    assert_string_equal(deliver(r, NULL, NULL, "amq.gen-JzTY20BRgKO"), "(temporary)");
    assert_string_equal(deliver(r, "unheard", "of", "amq.gen-JzTY20BRgKO"), "(no channel)");
    struct message reply = {
        .kind = MESSAGE_REPLY, .exchange = SPAN_LITERAL(""), .routing_key = SPAN_LITERAL("replies-7")};
    assert_string_equal(ask_for(r, CALL_AMQP091, NULL, NULL, &reply), "(temporary)");
    registry_free(r);
}

/* `hostname` of AMQP 1.0 is a host; RabbitMQ takes it for a virtual host behind "vhost:". */
static void hostnames_are_hosts_or_virtual_hosts(void **state)
{
    (void)state;
    struct registry *r = load_good(ORDERS);
    assert_string_equal(at_open(r, "vhost:shop", "/queue/work-items"), "workDone");
    assert_string_equal(at_open(r, "vhost:/", "/queue/work-items"), "(no host)");
    assert_string_equal(at_open(r, "broker.example.com", "/queue/work-items"), "workDone");
    assert_string_equal(at_open(r, "rogue.example.com", "/queue/work-items"), "(no host)");
    assert_string_equal(at_open(r, NULL, "/queue/work-items"), "workDone");
    registry_free(r);
}

static void brokers_are_told_apart(void **state)
{
    (void)state;
    struct registry *r = load_good(ORDERS);
    assert_string_equal(at_host(r, NULL, "shop", "work-items"), "workDone");
    assert_string_equal(at_host(r, "broker.EXAMPLE.com.", "shop", "work-items"), "workDone");
    assert_string_equal(at_host(r, "broker.example.com:5671", "shop", "work-items"), "workDone");
    assert_string_equal(at_host(r, "rogue.example.com", "shop", "work-items"), "(no host)");
    assert_string_equal(at_host(r, NULL, "/", "work-items"), "(no host)");
    assert_string_equal(at_host(r, NULL, "other", "far"), "api.yaml#channel other");
    assert_string_equal(at_host(r, NULL, "shop", "far"), "(no channel)");
    registry_free(r);
}

static void addresses_of_amqp_1_0_are_found(void **state)
{
    (void)state;
    struct registry *r = load_good(ORDERS);
    assert_string_equal(at_address(r, "orders.created"), "orderCreated");
    assert_string_equal(at_address(r, "/queues/work-items"), "workDone");
    assert_string_equal(at_address(r, "/queues/work%2Ditems"), "workDone");
    assert_string_equal(at_address(r, "/amq/queue/work-items"), "workDone");
    assert_string_equal(at_address(r, "/exchanges/orders/orders.9.state"), "stateChanged");
    assert_string_equal(at_address(r, "/exchange/news"), "newsSent");
    assert_string_equal(at_address(r, "/exchanges/orders/nothing"), "(no channel)");
    assert_string_equal(at_address(r, "work-items"), "workDone");
    assert_string_equal(at_address(r, "elsewhere"), "(no channel)");
    assert_string_equal(at_address(r, "/queues/amq.gen-abc"), "(temporary)");
    assert_string_equal(at_address(r, NULL), "(undecided)");
    registry_free(r);
}

static const struct registry_operation *find_id(const struct registry *r, const char *id)
{
    for (uint32_t i = 0; i < registry_operation_count(r); i++)
        if (span_equal(registry_operation_at(r, i)->id, span_from_text(id)))
            return registry_operation_at(r, i);
    fail_msg("no operation %s", id);
    return NULL;
}

static void operations_hold_what_documents_say(void **state)
{
    (void)state;
    struct registry *r = load_good(ORDERS);
    const struct registry_operation *sent = find_id(r, "orderCreated");
    assert_true(sent->deprecated);
    assert_int_equal(sent->action, REGISTRY_ACTION_SEND);
    assert_span_equal(sent->path, "orders.created");
    assert_span_equal(sent->channel->exchange, "orders");
    assert_int_equal(sent->channel->operation_count, 2);
    assert_int_equal(sent->request_media_types.count, 2);
    assert_span_equal(sent->request_media_types.names[0], "application/json");
    assert_span_equal(sent->request_media_types.names[1], "text/plain");
    assert_int_equal(find_id(r, "onOrderCreated")->request_media_types.count, 1);
    assert_int_equal(find_id(r, "stateChanged")->data_classes.count, 1);
    assert_true(find_id(r, "newsSent")->retired);
    assert_int_equal(registry_channel_count(r), 8);
    assert_span_equal(registry_document_at(r, 0)->asyncapi, "3.0.0");
    assert_true(registry_covers(r, CALL_AMQP091) && registry_covers(r, CALL_AMQP10));
    assert_false(registry_covers(r, CALL_WEBSOCKET) || registry_covers(r, CALL_HTTP1));
    registry_free(r);
}

/* ------------------------------------------------------------------ version 2 */

static void version_2_turns_words_around(void **state)
{
    (void)state;
    struct registry *r = load_good(HEAD2 "servers:\n"
                                         "  a: {url: 'amqp://mq.example.com:5673/%2f', protocol: amqp}\n"
                                         "  w: {url: 'ws.example.com/v1', protocol: wss}\n"
                                         "channels:\n"
                                         "  'user/{userId}/signedup':\n"
                                         "    servers: [a]\n"
                                         "    parameters: {userId: {schema: {type: string}}}\n"
                                         "    publish: {operationId: onSignup, message: {contentType: a/b}}\n"
                                         "    subscribe: {message: {oneOf: [{contentType: c/d}, {contentType: e/f}]}}\n"
                                         "    bindings: {amqp: {is: routingKey, exchange: {name: '', type: default}}}\n"
                                         "  'chat/{room}':\n"
                                         "    servers: [w]\n"
                                         "    parameters: {room: {}}\n"
                                         "    publish: {operationId: say}\n"
                                         "    subscribe: {operationId: hear}\n");
    assert_string_equal(publish(r, "", "user/7/signedup"), "api.yaml#send user/{userId}/signedup");
    assert_string_equal(deliver(r, "", "user/7/signedup", NULL), "onSignup");
    assert_int_equal(find_id(r, "onSignup")->action, REGISTRY_ACTION_RECEIVE);
    assert_int_equal(find_id(r, "api.yaml#send user/{userId}/signedup")->request_media_types.count, 2);
    assert_string_equal(at_host(r, "mq.example.com:5673", "/", "user/7/signedup"),
                        "api.yaml#send user/{userId}/signedup");
    assert_string_equal(at_host(r, "mq.example.com:5674", "/", "user/7/signedup"), "(no host)");
    assert_string_equal(web_socket(r, "ws.example.com", "/v1/chat/lobby?token=1", false), "say");
    assert_string_equal(web_socket(r, "ws.example.com:443", "/v1/chat/lobby", true), "hear");
    assert_string_equal(web_socket(r, "ws.example.com", "/v1/chat", true), "(no channel)");
    assert_string_equal(web_socket(r, "ws.example.com", "/chat/lobby", true), "(no channel)");
    assert_string_equal(web_socket(r, "ws.example.org", "/v1/chat/lobby", true), "(no host)");
    registry_free(r);
}

static void documents_without_server_fit_any(void **state)
{
    (void)state;
    struct registry *r = load_good(HEAD3 "channels:\n  a: {address: /}\n  b: {address: user.signedup}\n"
                                         "  c: {address: /k, bindings: {kafka: {}}}\n"
                                         "operations:\n"
                                         "  ping: {action: receive, channel: {$ref: '#/channels/a'}}\n");
    assert_string_equal(web_socket(r, "any.example", "/", false), "ping");
    assert_string_equal(web_socket(r, "any.example", "/", true), "ping");
    assert_string_equal(web_socket(r, "any.example", "/k", true), "(no channel)");
    assert_string_equal(publish(r, "some", "user.signedup"), "api.yaml#channel b");
    assert_int_equal(registry_channel_at(r, 2)->protocols, 0);
    registry_free(r);
}

/* The same channel described by the two applications at its ends is one place with two operations. */
static void several_documents_share_a_channel(void **state)
{
    (void)state;
    const char *one = HEAD3 "servers: {s: {host: h.example, protocol: ws}}\nchannels: {c: {address: /a}}\n"
                            "operations: {serve: {action: receive, channel: {$ref: '#/channels/c'}}}\n";
    const char *two = HEAD3 "servers: {s: {host: h.example, protocol: ws}}\nchannels: {c: {address: /a}}\n"
                            "operations: {call: {action: send, channel: {$ref: '#/channels/c'}}}\n";
    struct registry_source sources[] = {{"one.yaml", one, strlen(one)}, {"two.yaml", two, strlen(two)}};
    struct registry *r = load_good_sources(sources, 2);
    assert_string_equal(web_socket(r, "h.example", "/a", false), "serve");
    assert_string_equal(web_socket(r, "h.example", "/a", true), "call");
    registry_free(r);
}

/* ------------------------------------------------------------------- mistakes */

/* Line and a piece of the message. */
static void assert_mistake(const char *text, uint32_t line, const char *piece)
{
    struct diagnostics diagnostics;
    struct registry *registry = NULL;
    diagnostics_init(&diagnostics);
    assert_int_equal(registry_load_text("api.yaml", text, strlen(text), &diagnostics, &registry), REGISTRY_E_INVALID);
    assert_null(registry);
    bool found = false;
    for (uint32_t i = 0; i < diagnostics.count; i++)
        found |= diagnostics.entries[i].level == DIAGNOSTIC_ERROR && diagnostics.entries[i].line == line &&
                 strstr(diagnostics.entries[i].message, piece);
    if (!found) {
        diagnostics_print(&diagnostics, stderr);
        fail_msg("no mistake in line %u saying \"%s\"", line, piece);
    }
    diagnostics_deinit(&diagnostics);
}

static void mistakes_are_told_with_their_place(void **state)
{
    (void)state;
    assert_mistake("asyncapi: 1.2.0\ninfo: {title: t, version: '1'}\n", 1, "AsyncAPI 2 and 3");
    assert_mistake("asyncapi: 3.0.0\n", 1, "`info`");
    assert_mistake(HEAD2, 1, "`channels`");
    assert_mistake(HEAD3 "channels: []\n", 3, "`channels`");
    assert_mistake(HEAD3 "channels:\n  a: 1\n", 4, "object");
    assert_mistake(HEAD3 "channels:\n  a:\n    address: 'x{'\n", 4, "close it");
    assert_mistake(HEAD3 "channels:\n  a:\n    address: 'x}'\n", 4, "'}'");
    assert_mistake(HEAD3 "channels:\n  a:\n    address: [1]\n", 5, "`address`");
    assert_mistake(HEAD3 "channels:\n  a:\n    address: x\n    servers:\n      - $ref: '#/channels/a'\n", 7, "servers");
    assert_mistake(HEAD3 "servers:\n  s:\n    host: h\n", 4, "protocol");
    assert_mistake(HEAD3 "servers:\n  s:\n    protocol: amqp\n", 4, "host");
    assert_mistake(HEAD3 "servers:\n  s:\n    host: 'amqp://h'\n    protocol: amqp\n", 5, "scheme");
    assert_mistake(HEAD3 "servers:\n  s:\n    host: 'h:x'\n    protocol: amqp\n", 5, "port");
    assert_mistake(HEAD3 "channels:\n  a:\n    address: x\n    bindings:\n      amqp:\n        is: topic\n", 8,
                   "queue");
    assert_mistake(HEAD3 "channels:\n  a: {address: x}\noperations:\n  o:\n    action: publish\n"
                         "    channel: {$ref: '#/channels/a'}\n",
                   7, "send or receive");
    assert_mistake(HEAD3 "channels:\n  a: {address: x}\noperations:\n  o:\n    action: send\n", 6, "channel");
    assert_mistake(HEAD3 "channels:\n  a: {address: x}\noperations:\n  o:\n    action: send\n"
                         "    channel: {$ref: '#/info'}\n",
                   8, "no channel");
    assert_mistake(HEAD2 "channels:\n  a:\n    publish: {operationId: o}\n  b:\n    publish: {operationId: o}\n", 7,
                   "used already");
}

/* ---------------------------------------------------------- published documents */

static void published_documents_load(void **state)
{
    (void)state;
    const char *testdata = getenv("ASSAY_TESTDATA");
    if (!testdata) {
        print_message("ASSAY_TESTDATA is not set: published documents are not tried\n");
        skip();
    }
    char folder[4096];
    snprintf(folder, sizeof(folder), "%s/asyncapi", testdata);
    struct diagnostics diagnostics;
    struct registry *r = NULL;
    diagnostics_init(&diagnostics);
    int status = registry_load(folder, &diagnostics, &r);
    if (status)
        diagnostics_print(&diagnostics, stderr);
    assert_int_equal(status, 0);
    diagnostics_deinit(&diagnostics);
    /* grep -rl ^asyncapi: | wc -l */
    assert_int_equal(registry_document_count(r), 24);
    struct message to_server = {.kind = MESSAGE_PUBLISH};
    assert_string_equal(
        ask_for(r, CALL_WEBSOCKET, "api.gemini.com", "/v1/marketdata/btcusd?heartbeat=true", &to_server),
        "sendMarketData");
    assert_string_equal(ask_for(r, CALL_WEBSOCKET, "mycompany.com", "/ws/like/comment", &to_server),
                        "receiveCommentLike");
    assert_string_equal(publish(r, "", "rpc_queue"), "requestSum");
    registry_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_are_compared_by_words),
        cmocka_unit_test(parameters_stay_within_a_word),
        cmocka_unit_test(patterns_agree_with_tables),
        cmocka_unit_test(exchanges_and_keys_are_found),
        cmocka_unit_test(queues_are_found),
        cmocka_unit_test(brokers_are_told_apart),
        cmocka_unit_test(hostnames_are_hosts_or_virtual_hosts),
        cmocka_unit_test(addresses_of_amqp_1_0_are_found),
        cmocka_unit_test(operations_hold_what_documents_say),
        cmocka_unit_test(version_2_turns_words_around),
        cmocka_unit_test(documents_without_server_fit_any),
        cmocka_unit_test(several_documents_share_a_channel),
        cmocka_unit_test(mistakes_are_told_with_their_place),
        cmocka_unit_test(published_documents_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
