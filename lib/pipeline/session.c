/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Session: the flow table's sink. The first bytes decide the protocol (a port never does); from then on each chunk goes
 * to the channel. A channel that changes to a protocol nobody named is classified again.
 */

#include "pipeline/session.h"

#include "classify/classify.h"
#include "pipeline/amqp091.h"
#include "pipeline/amqp10.h"
#include "pipeline/http2.h"
#include "pipeline/tls.h"
#include "pipeline/websocket.h"
#include "proto/websocket_chain.h"

/* Protocols found one behind the other in one chunk: a tunnel in a tunnel is the most that was ever seen. */
#define TURNS_MAX 4u

/* Both directions of a connection belong to one worker; where the NIC parted them, that must not stay unknown. */
static void watch_split(struct pipeline *worker, const struct flow *flow)
{
    uint64_t hash = (uint64_t)flow->hash << 32 | (flow->hash ^ flow->hash >> 16);
    if (worker->options.spread && !spread_meet(worker->options.spread, worker->options.worker, hash))
        ledger_raise(&worker->counts.split, 1);
}

static struct session *session_make(struct pipeline *worker, struct flow *flow)
{
    struct session *session = pool_take(&worker->sessions);
    if (!session)
        return NULL;
    memset(session, 0, sizeof(*session));
    session->channel.midstream = (flow->flags & FLOW_MIDSTREAM) != 0;
    flow->session = session;
    watch_split(worker, flow);
    return session;
}

static enum ledger_reason close_for(struct pipeline *worker, struct channel *channel, enum ledger_reason reason)
{
    channel_close(channel, reason);
    channel_carry_drop(worker, channel, 0);
    channel_carry_drop(worker, channel, 1);
    return reason;
}

/* ------------------------------------------------------------------- classify */

/* What reads a protocol, and which side sends what was recognised. NULL: nothing does. */
static const struct channel_protocol *reader_of(enum classify_protocol protocol, const struct channel *channel,
                                                struct span bytes, bool *from_server_io)
{
    bool direction = *from_server_io;
    if (protocol == CLASSIFY_TLS) {
        *from_server_io = tls_sent_by_server(bytes, *from_server_io);
        return &channel_tls;
    }
    *from_server_io = protocol == CLASSIFY_HTTP1_RESPONSE || protocol == CLASSIFY_HTTP2_SETTINGS;
    switch (protocol) {
    case CLASSIFY_AMQP091:
    case CLASSIFY_AMQP091_SERVER:
        *from_server_io = channel->midstream ? protocol == CLASSIFY_AMQP091_SERVER : direction;
        return &channel_amqp091;
    case CLASSIFY_AMQP10:
    case CLASSIFY_AMQP10_SASL:
    case CLASSIFY_AMQP10_TLS:
        /* Both sides send the same: who is the client only the connection's beginning says. */
        *from_server_io = direction;
        return &channel_amqp10;
    case CLASSIFY_HTTP1_REQUEST:
    case CLASSIFY_HTTP1_RESPONSE:
        return &channel_http1;
    case CLASSIFY_HTTP2_PREFACE:
    case CLASSIFY_HTTP2_SETTINGS:
        return &channel_http2;
    default:
        return NULL;
    }
}

static enum ledger_reason reason_of(enum classify_protocol protocol)
{
    switch (protocol) {
    case CLASSIFY_UNKNOWN:
        return LEDGER_UNCLASSIFIED;
    default:
        return LEDGER_UNPARSED;
    }
}

/* Seen from the middle the guess was wrong: client and server change roles, and so do the bytes kept of them. */
static void swap_direction(struct channel *channel, struct flow *flow)
{
    uint8_t *carry = channel->carry[0];
    uint32_t size = channel->carry_size[0];
    channel->carry[0] = channel->carry[1];
    channel->carry_size[0] = channel->carry_size[1];
    channel->carry[1] = carry;
    channel->carry_size[1] = size;
    flow_swap_direction(flow);
}

/* Bytes of the other direction that came before the ones that decided are parsed first. */
static enum ledger_reason start(struct pipeline *worker, struct session *session, struct flow *flow,
                                const struct channel_protocol *protocol, bool from_server, struct flow_chunk *chunk_io)
{
    struct channel *channel = &session->channel;
    bool direction = chunk_io->direction == FLOW_TO_CLIENT;
    if (direction != from_server && session->inner)
        return close_for(worker, channel, LEDGER_UNPARSED);
    if (direction != from_server) {
        swap_direction(channel, flow);
        chunk_io->direction = from_server ? FLOW_TO_CLIENT : FLOW_TO_SERVER;
    }
    struct channel_feed feed = {channel, flow, from_server, chunk_io->time_ns, NULL};
    if (!channel_begin(worker, &feed, protocol))
        return close_for(worker, channel, LEDGER_BUFFER_BUDGET);
    channel_catch_up(worker, &(struct channel_feed){channel, flow, !from_server, chunk_io->time_ns, NULL});
    return channel_chunk(worker, channel, flow, chunk_io);
}

static enum ledger_reason undecided(struct pipeline *worker, struct session *session, const struct flow_chunk *chunk)
{
    struct channel *channel = &session->channel;
    bool again = channel->midstream && ++session->attempts < SESSION_ATTEMPTS_MAX;
    if (!again)
        return close_for(worker, channel, LEDGER_UNCLASSIFIED);
    channel_carry_drop(worker, channel, chunk->direction == FLOW_TO_CLIENT);
    return LEDGER_UNCLASSIFIED;
}

/*
 * A WebSocket whose handshake was missed: segments begin where frames do, most of the time, and a chain of frames says
 * which side sends it.
 */
static enum websocket_chain find_websocket(const struct channel *channel, const uint8_t *data, uint32_t size,
                                           bool *from_server_out)
{
    enum websocket_sender sender = WEBSOCKET_CLIENT;
    enum websocket_chain chain =
        channel->midstream ? websocket_chain_find_sender(data, size, &sender) : WEBSOCKET_CHAIN_NO;
    *from_server_out = sender == WEBSOCKET_SERVER;
    return chain;
}

static enum ledger_reason classify_chunk(struct pipeline *worker, struct session *session, struct flow *flow,
                                         struct flow_chunk *chunk_io)
{
    struct channel *channel = &session->channel;
    uint32_t direction = chunk_io->direction == FLOW_TO_CLIENT;
    if (chunk_io->lost) {
        channel_count_gap(worker, channel, chunk_io->lost);
        channel_carry_drop(worker, channel, direction);
        channel->midstream = true;
    }
    if (chunk_io->size == 0 && !channel->carry_size[direction])
        return FLOW_UNDECIDED;
    enum classify_direction side = channel->midstream ? CLASSIFY_FROM_UNKNOWN
                                   : direction        ? CLASSIFY_FROM_SERVER
                                                      : CLASSIFY_FROM_CLIENT;
    const uint8_t *data = chunk_io->data;
    uint32_t size = chunk_io->size, old = channel->carry_size[direction];
    if (old) {
        uint32_t take = min_u32(size, CHANNEL_CARRY_SIZE - old);
        if (take)
            memcpy(channel->carry[direction] + old, data, take);
        data = channel->carry[direction];
        size = old + take;
    }
    enum stage stage = stage_enter(&worker->stages, STAGE_CLASSIFY);
    enum classify_protocol protocol = classify_stream(side, data, size);
    stage_leave(&worker->stages, stage);
    bool from_server = direction != 0;
    const struct channel_protocol *reader = reader_of(protocol, channel, span_of(data, size), &from_server);
    if (reader)
        return start(worker, session, flow, reader, from_server, chunk_io);
    if (protocol == CLASSIFY_UNKNOWN) {
        enum websocket_chain chain = find_websocket(channel, data, size, &from_server);
        if (chain == WEBSOCKET_CHAIN_YES)
            return start(worker, session, flow, &channel_websocket, from_server, chunk_io);
        /* A frame may be longer than what can be kept of it. */
        bool wait = chain == WEBSOCKET_CHAIN_MORE && size < CHANNEL_CARRY_SIZE;
        protocol = wait ? CLASSIFY_MORE : CLASSIFY_UNKNOWN;
    }
    if (protocol == CLASSIFY_MORE) {
        if (old) {
            channel->carry_size[direction] = size;
            return FLOW_UNDECIDED;
        }
        return channel_carry(worker, channel, direction, span_of(data, size)) ? FLOW_UNDECIDED
                                                                              : undecided(worker, session, chunk_io);
    }
    if (protocol == CLASSIFY_UNKNOWN && channel->midstream && http2_found(span_of(data, size)))
        return start(worker, session, flow, &channel_http2, direction, chunk_io);
    if (protocol == CLASSIFY_UNKNOWN)
        return undecided(worker, session, chunk_io);
    return close_for(worker, channel, reason_of(protocol));
}

/* ----------------------------------------------------------------------- sink */

enum ledger_reason session_chunk(struct pipeline *worker, struct session *session, struct flow *flow,
                                 const struct flow_chunk *chunk)
{
    struct flow_chunk rest = *chunk;
    enum ledger_reason reason = LEDGER_UNPARSED;
    for (uint32_t turn = 0; turn < TURNS_MAX; turn++) {
        enum channel_stage stage = (enum channel_stage)session->channel.stage;
        if (stage == CHANNEL_CLASSIFYING)
            reason = classify_chunk(worker, session, flow, &rest);
        else
            reason = channel_chunk(worker, &session->channel, flow, &rest);
        rest.lost = 0;
        /* Behind a change of protocol the rest of the chunk is the new one's. */
        if (session->channel.stage != CHANNEL_CLASSIFYING || stage == CHANNEL_CLASSIFYING || rest.size == 0)
            return reason;
    }
    return close_for(worker, &session->channel, LEDGER_UNPARSED);
}

enum ledger_reason session_data(void *context, struct flow *flow, const struct flow_chunk *chunk)
{
    struct pipeline *worker = context;
    struct session *session = flow->session;
    if (!session)
        session = session_make(worker, flow);
    if (!session)
        return LEDGER_FLOW_BUDGET;
    enum stage stage = stage_enter(&worker->stages, STAGE_PARSE);
    enum ledger_reason reason = session_chunk(worker, session, flow, chunk);
    stage_leave(&worker->stages, stage);
    return reason;
}

void session_end(void *context, struct flow *flow, enum flow_end reason)
{
    (void)reason;
    struct pipeline *worker = context;
    struct session *session = flow->session;
    if (!session)
        return;
    enum stage stage = stage_enter(&worker->stages, STAGE_PARSE);
    channel_end(worker, &session->channel, flow);
    if (flow->ambiguity)
        session_tell_ambiguity(worker, session, flow);
    stage_leave(&worker->stages, stage);
    pool_give(&worker->sessions, session);
    flow->session = NULL;
}
