/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HTTP/2 on a channel: feeds the parsers, and what concerns the connection rather than one stream. Floods are counted
 * by the second and told once for each connection.
 */

#include "pipeline/http2.h"

/* ------------------------------------------------------------------------ floods */

static void tell_once(const struct http2_feed *feed, enum anomaly anomaly)
{
    struct http2_channel *http2 = feed->http2;
    if (http2->told & ANOMALY_BIT(anomaly))
        return;
    http2->told |= ANOMALY_BIT(anomaly);
    struct endpoints endpoints = flow_endpoints(feed->channel->flow);
    struct connection_anomaly told = {
        .endpoints = &endpoints,
        .protocol = CALL_HTTP2,
        .time_ns = feed->channel->time_ns,
        .anomalies = ANOMALY_BIT(anomaly),
        .swapped = http2->swapped,
    };
    judge_anomaly(feed->worker, &told);
}

static void window_turn(const struct http2_feed *feed)
{
    struct http2_channel *http2 = feed->http2;
    if (feed->channel->time_ns - http2->window_ns < HTTP2_RATE_WINDOW_NS)
        return;
    http2->window_ns = feed->channel->time_ns;
    http2->resets = http2->frames = 0;
    for (uint32_t direction = 0; direction < 2; direction++)
        http2->settings[direction] = http2->pings[direction] = 0;
}

static void count_ping(const struct http2_feed *feed, bool ack)
{
    struct http2_channel *http2 = feed->http2;
    uint32_t pings = ack ? 0 : ++http2->pings[feed->response];
    if (pings > HTTP2_PINGS_MAX && pings > HTTP2_PINGS_FOR_FRAME * http2->frames)
        tell_once(feed, ANOMALY_PING_FLOOD);
}

static void count_settings(const struct http2_feed *feed, bool ack)
{
    if (!ack && ++feed->http2->settings[feed->response] > HTTP2_SETTINGS_MAX)
        tell_once(feed, ANOMALY_SETTINGS_FLOOD);
}

/* --------------------------------------------------------------------- connection */

static void reset_item(const struct http2_feed *feed, uint32_t id)
{
    struct http2_channel *http2 = feed->http2;
    if (!feed->response && ++http2->resets > HTTP2_RESETS_MAX)
        tell_once(feed, ANOMALY_RAPID_RESET);
    struct http2_stream *stream = http2_stream_find(http2, id);
    if (stream)
        http2_stream_close(feed->worker, http2, stream);
}

/* Any open stream may have had one of the frames lost, and a tunnel in it any number of bytes. */
static void gap_item(const struct http2_feed *feed)
{
    struct http2_channel *http2 = feed->http2;
    http2->gap[feed->response] = true;
    for (struct http2_stream *stream = http2->oldest; stream; stream = stream->newer)
        if (!stream->ended[feed->response]) {
            stream->gap[feed->response] = true;
            if (stream->tunnel)
                http2_tunnel_data(feed, stream, (struct span){0}, CHANNEL_HOLE_UNKNOWN, false);
        }
}

static void handle_item(const struct http2_feed *feed, const struct http2_item *item)
{
    struct http2 *other = &feed->http2->parsers[feed->channel->direction ^ 1];
    switch (item->kind) {
    case HTTP2_SETTING:
        http2_peer_setting(other, item->setting.id, item->setting.value);
        break;
    case HTTP2_SETTINGS_END:
        count_settings(feed, item->settings_end.ack);
        break;
    case HTTP2_PING:
        count_ping(feed, item->ping.ack);
        break;
    case HTTP2_RESET:
        reset_item(feed, item->stream);
        break;
    case HTTP2_GAP:
        gap_item(feed);
        break;
    case HTTP2_HEAD:
        http2_peer_stream(other, item->stream);
        feed->http2->frames++;
        http2_message_item(feed, item);
        break;
    case HTTP2_DATA:
        feed->http2->frames++;
        http2_message_item(feed, item);
        break;
    default:
        http2_message_item(feed, item);
        break;
    }
}

/* ------------------------------------------------------------------------- driver */

static bool begin(struct pipeline *worker, const struct channel_feed *feed, const struct exchange *upgrade)
{
    (void)upgrade;
    struct http2_channel *http2 = pool_take(&worker->connections);
    if (!http2)
        return false;
    memset(http2, 0, offsetof(struct http2_channel, parsers));
    http2->flow = feed->flow;
    http2->midstream = feed->channel->midstream;
    http2->roles_known = !http2->midstream;
    for (uint32_t direction = 0; direction < 2; direction++) {
        if (http2->midstream)
            http2_init_midstream(&http2->parsers[direction], &worker->http2_memory);
        else
            http2_init(&http2->parsers[direction], direction ? HTTP2_SERVER : HTTP2_CLIENT, &worker->http2_memory);
    }
    feed->channel->state = http2;
    return true;
}

static uint32_t parse(struct pipeline *worker, const struct channel_feed *channel_feed, struct parse_input input)
{
    struct http2_channel *http2 = channel_feed->channel->state;
    struct http2 *parser = &http2->parsers[channel_feed->direction];
    struct http2_feed feed = {.worker = worker, .channel = channel_feed, .http2 = http2};
    uint32_t consumed = 0;
    window_turn(&feed);
    /* The parser's own promise bounds this loop: at most 2 * size + 2 answers for one input. */
    for (;;) {
        struct http2_item item;
        struct parse_step step = http2_parse(parser, &input, &item);
        consumed += step.consumed;
        parse_input_advance(&input, step.consumed);
        if (step.status == PARSE_STOP)
            channel_feed->channel->stopped[channel_feed->direction] = true;
        if (step.status != PARSE_ITEM)
            return consumed;
        feed.response = (channel_feed->direction == 1) != http2->swapped;
        handle_item(&feed, &item);
    }
}

static void end(struct pipeline *worker, struct channel *channel)
{
    struct http2_channel *http2 = channel->state;
    if (!http2)
        return;
    while (http2->oldest)
        http2_stream_close(worker, http2, http2->oldest);
    for (uint32_t direction = 0; direction < 2; direction++)
        http2_release(&http2->parsers[direction]);
    pool_give(&worker->connections, http2);
    channel->state = NULL;
}

static void move(struct channel *channel, struct flow *flow)
{
    struct http2_channel *http2 = channel->state;
    http2->flow = flow;
}

const struct channel_protocol channel_http2 = {begin, parse, end, move};

/* ------------------------------------------------------------------------ upgrade */

/* The 101 was an interim answer; the real one comes on stream 1 (RFC 7540 3.2). */
static void forget_response(struct transaction *transaction)
{
    memset(&transaction->response, 0, offsetof(struct transaction_side, headers));
    transaction->call.status = CALL_STATUS_NONE;
    transaction->call.protocol = CALL_HTTP2;
}

bool http2_adopt_upgrade(struct pipeline *worker, const struct channel_feed *feed, struct exchange *exchange)
{
    struct http2_channel *http2 = feed->channel->state;
    struct http2_stream *stream = http2_stream_adopt(worker, http2, exchange, feed->time_ns);
    if (!stream)
        return false;
    forget_response(&exchange->transaction);
    http2_peer_stream(&http2->parsers[0], stream->id);
    http2_peer_stream(&http2->parsers[1], stream->id);
    return true;
}
