/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tunnels through HTTP/2: behind a CONNECT that was answered with 2xx the data of the stream is a byte stream of its
 * own (RFC 9113 8.5, RFC 8441). It gets a channel of its own, inside the one of the connection, and whatever can sit on
 * a connection can sit on that.
 */

#include "pipeline/http2.h"
#include "pipeline/session.h"
#include "pipeline/websocket.h"

/*
 * What an extended CONNECT agrees on. NULL: nothing reads it. A plain one carries anything, which its first bytes tell.
 */
static const struct channel_protocol *tunnel_protocol(const struct http2_stream *stream)
{
    struct transaction *handshake = &stream->exchange->transaction;
    if (!stream->extended || !transaction_asks_websocket(handshake))
        return NULL;
    websocket_handshake_note(handshake);
    return &channel_websocket;
}

void http2_tunnel_open(const struct http2_feed *feed, struct http2_stream *stream)
{
    struct pipeline *worker = feed->worker;
    const struct channel_protocol *protocol = tunnel_protocol(stream);
    if (stream->extended && !protocol)
        return;
    struct session *session = pool_take(&worker->sessions);
    if (!session)
        return;
    memset(session, 0, sizeof(*session));
    session->inner = true;
    stream->tunnel = session;
    struct channel_feed inner = *feed->channel;
    inner.channel = &session->channel;
    if (protocol)
        channel_begin_upgraded(worker, &inner, protocol, stream->exchange);
}

void http2_tunnel_data(const struct http2_feed *feed, struct http2_stream *stream, struct span data, uint32_t lost,
                       bool last)
{
    struct flow_chunk chunk = {
        .direction = feed->response ? FLOW_TO_CLIENT : FLOW_TO_SERVER,
        .last = last,
        .data = data.data,
        .size = data.size,
        .lost = lost,
        .time_ns = feed->channel->time_ns,
    };
    /* The packets are settled with the connection's; calls inside the tunnel are accounted for like any. */
    (void)session_chunk(feed->worker, stream->tunnel, feed->http2->flow, &chunk);
}

void http2_tunnel_close(struct pipeline *worker, struct http2_channel *http2, struct http2_stream *stream)
{
    if (!stream->tunnel)
        return;
    channel_end(worker, &stream->tunnel->channel, http2->flow);
    pool_give(&worker->sessions, stream->tunnel);
    stream->tunnel = NULL;
}
