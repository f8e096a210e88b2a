/* SPDX-License-Identifier: Apache-2.0 */

/* WebSocket handshake: lists of either head may be spread over several header lines (RFC 9110 5.3). */

#include "proto/websocket_handshake.h"

#include "proto/http_text.h"

struct heads {
    const struct transaction *transaction;
    bool whole; /* both were kept whole: what is not there was not sent */
};

static const struct span name_extensions = {(const uint8_t *)"sec-websocket-extensions", 24};
static const struct span name_protocol = {(const uint8_t *)"sec-websocket-protocol", 22};

static bool side_whole(const struct transaction_side *side)
{
    return side->seen && side->header_count == side->header_count_wire;
}

static struct span value_of(const struct transaction *transaction, const struct transaction_side *side,
                            struct span name)
{
    const struct transaction_header *header = transaction_find_header_named(transaction, side, name, NULL);
    return header ? span_trim(transaction_header_value(transaction, header)) : (struct span){0};
}

/* A value that holds sensitive data is overwritten in the store; no such value is compared with anything. */
static bool readable(struct span value)
{
    return value.size == 0 || !memchr(value.data, '*', value.size);
}

/* The next element of a list that may be spread over header lines; *header_io NULL and *rest_io empty to begin. */
static bool list_next(const struct transaction *transaction, const struct transaction_side *side, struct span name,
                      const struct transaction_header **header_io, struct span *rest_io, struct span *element_out)
{
    for (uint32_t i = 0; i <= TRANSACTION_HEADERS_MAX; i++) {
        if (http_list_next(rest_io, element_out))
            return true;
        *header_io = transaction_find_header_named(transaction, side, name, *header_io);
        if (!*header_io)
            return false;
        *rest_io = transaction_header_value(transaction, *header_io);
    }
    return false;
}

bool websocket_upgrade_asked(struct span upgrade)
{
    struct span element;
    while (http_list_next(&upgrade, &element))
        if (span_equal_nocase(element, SPAN_LITERAL("websocket")))
            return true;
    return false;
}

/* ------------------------------------------------------------ key and protocol */

static bool accept_wrong(const struct heads *heads)
{
    const struct transaction *transaction = heads->transaction;
    struct span key = value_of(transaction, &transaction->request, SPAN_LITERAL("sec-websocket-key"));
    struct span accept = value_of(transaction, &transaction->response, SPAN_LITERAL("sec-websocket-accept"));
    char expected[WEBSOCKET_ACCEPT_SIZE];
    if (!readable(key) || !readable(accept) || !websocket_accept_write(key, expected))
        return false;
    if (accept.size == 0)
        return heads->whole;
    return !span_equal(accept, span_of(expected, sizeof(expected)));
}

static bool version_wrong(const struct heads *heads)
{
    const struct transaction *transaction = heads->transaction;
    struct span version = value_of(transaction, &transaction->request, SPAN_LITERAL("sec-websocket-version"));
    return version.size != 0 && !span_equal(version, SPAN_LITERAL(WEBSOCKET_VERSION));
}

static bool protocol_wrong(const struct heads *heads)
{
    const struct transaction *transaction = heads->transaction;
    struct span chosen = value_of(transaction, &transaction->response, name_protocol), rest = {0}, offered;
    const struct transaction_header *header = NULL;
    if (chosen.size == 0 || !readable(chosen))
        return false;
    while (list_next(transaction, &transaction->request, name_protocol, &header, &rest, &offered))
        if (span_equal(offered, chosen) || !readable(offered))
            return false;
    return heads->whole;
}

/* ------------------------------------------------------------------ extensions */

/* Offered, and (when not empty) with that parameter in one of its offers. */
static bool extension_offered(const struct heads *heads, struct span wanted, struct span parameter)
{
    const struct transaction *transaction = heads->transaction;
    const struct transaction_header *header = NULL;
    struct span rest = {0}, element;
    for (uint32_t i = 0; i < WEBSOCKET_EXTENSIONS_MAX; i++) {
        struct http_pair pair;
        if (!list_next(transaction, &transaction->request, name_extensions, &header, &rest, &element))
            return !heads->whole;
        if (!http_parameter_next(&element, &pair) || !span_equal(pair.name, wanted))
            continue;
        if (parameter.size == 0)
            return true;
        for (uint32_t j = 0; j < WEBSOCKET_PARAMETERS_MAX && http_parameter_next(&element, &pair); j++)
            if (span_equal(pair.name, parameter))
                return true;
    }
    return !heads->whole || transaction_find_header_named(transaction, &transaction->request, name_extensions, header);
}

/* 8 to 15, without leading zeros (RFC 7692 7.1.2); 0 otherwise. */
static uint8_t read_window_bits(struct span value)
{
    if (value.size == 1 && (value.data[0] == '8' || value.data[0] == '9'))
        return (uint8_t)(value.data[0] - '0');
    if (value.size == 2 && value.data[0] == '1' && value.data[1] >= '0' && value.data[1] <= '5')
        return (uint8_t)(10 + value.data[1] - '0');
    return 0;
}

/* One parameter of the answer. False: it may not be there. */
static bool read_parameter(const struct heads *heads, const struct http_pair *pair,
                           struct websocket_agreement *agreement)
{
    static const struct {
        struct span name;
        uint8_t sender;
        bool window;
    } parameters[] = {
        {{(const uint8_t *)"client_no_context_takeover", 26}, WEBSOCKET_CLIENT, false},
        {{(const uint8_t *)"server_no_context_takeover", 26}, WEBSOCKET_SERVER, false},
        {{(const uint8_t *)"client_max_window_bits", 22}, WEBSOCKET_CLIENT, true},
        {{(const uint8_t *)"server_max_window_bits", 22}, WEBSOCKET_SERVER, true},
    };
    for (size_t i = 0; i < ARRAY_COUNT(parameters); i++) {
        struct websocket_compression *compression = &agreement->compression[parameters[i].sender];
        if (!span_equal(pair->name, parameters[i].name))
            continue;
        if (!parameters[i].window) {
            compression->takeover = false;
            return pair->value.data == NULL;
        }
        uint8_t bits = read_window_bits(pair->value);
        compression->window_bits = bits ? bits : WEBSOCKET_WINDOW_BITS;
        /* The client's window may be bounded only where the client said that it can do so (RFC 7692 7.1.2.2). */
        return bits && (parameters[i].sender == WEBSOCKET_SERVER ||
                        extension_offered(heads, SPAN_LITERAL("permessage-deflate"), pair->name));
    }
    return false;
}

/* One extension of the answer. False: it was not offered, or is not as it has to be. */
static bool read_extension(const struct heads *heads, struct span element, struct websocket_agreement *agreement)
{
    struct http_pair pair;
    if (!http_parameter_next(&element, &pair))
        return true;
    bool fine = extension_offered(heads, pair.name, (struct span){0});
    if (!span_equal(pair.name, SPAN_LITERAL("permessage-deflate"))) {
        agreement->foreign = true;
        return fine;
    }
    fine = fine && agreement->deflate == WEBSOCKET_DEFLATE_NONE;
    agreement->deflate = WEBSOCKET_DEFLATE_AGREED;
    for (uint32_t i = 0; i < WEBSOCKET_PARAMETERS_MAX && http_parameter_next(&element, &pair); i++)
        fine = read_parameter(heads, &pair, agreement) && fine;
    return fine;
}

static bool extensions_wrong(const struct heads *heads, struct websocket_agreement *agreement)
{
    const struct transaction *transaction = heads->transaction;
    const struct transaction_header *header = NULL;
    struct span rest = {0}, element;
    bool wrong = false;
    for (uint32_t i = 0; i < WEBSOCKET_EXTENSIONS_MAX; i++) {
        if (!list_next(transaction, &transaction->response, name_extensions, &header, &rest, &element))
            break;
        wrong = !read_extension(heads, element, agreement) || wrong;
    }
    return wrong;
}

static void agreement_init(struct websocket_agreement *agreement, enum websocket_deflate deflate)
{
    const struct websocket_compression whole = {.window_bits = WEBSOCKET_WINDOW_BITS, .takeover = true};
    *agreement = (struct websocket_agreement){.deflate = (uint8_t)deflate, .compression = {whole, whole}};
}

void websocket_handshake_check(const struct transaction *handshake, struct websocket_agreement *agreement_out)
{
    struct heads heads = {
        .transaction = handshake,
        .whole = side_whole(&handshake->request) && side_whole(&handshake->response),
    };
    agreement_init(agreement_out, WEBSOCKET_DEFLATE_NONE);
    bool wrong = extensions_wrong(&heads, agreement_out);
    if (!side_whole(&handshake->response) && agreement_out->deflate == WEBSOCKET_DEFLATE_NONE)
        agreement_out->deflate = WEBSOCKET_DEFLATE_UNKNOWN;
    if (!handshake->request.seen)
        return;
    if (wrong || version_wrong(&heads) || protocol_wrong(&heads))
        agreement_out->anomalies |= ANOMALY_BIT(ANOMALY_WEBSOCKET_AGREEMENT);
    /* RFC 8441 5: over HTTP/2 the connection's own framing does what key and accept are for. */
    if (handshake->call.protocol == CALL_HTTP1 && accept_wrong(&heads))
        agreement_out->anomalies |= ANOMALY_BIT(ANOMALY_WEBSOCKET_ACCEPT);
}

void websocket_agreement_unknown(struct websocket_agreement *agreement_out)
{
    agreement_init(agreement_out, WEBSOCKET_DEFLATE_UNKNOWN);
}
