/* SPDX-License-Identifier: Apache-2.0 */

/* Channel: carries what parsers leave, and hands both directions from one protocol to the next. */

#include "pipeline/channel.h"

/* Changes of protocol inside one chunk: an upgrade behind a CONNECT is the most that real clients do. */
#define CHANGES_MAX 4u

void channel_carry_drop(struct pipeline *worker, struct channel *channel, uint32_t direction)
{
    if (!channel->carry[direction])
        return;
    pool_give(&worker->carries, channel->carry[direction]);
    channel->carry[direction] = NULL;
    channel->carry_size[direction] = 0;
}

/* Keeps what was not consumed. */
static bool carry_keep(struct pipeline *worker, struct channel *channel, uint32_t direction, const uint8_t *data,
                       uint32_t size)
{
    if (size == 0)
        return true;
    require(size <= CHANNEL_CARRY_SIZE);
    if (!channel->carry[direction]) {
        channel->carry[direction] = pool_take(&worker->carries);
        if (!channel->carry[direction])
            return false;
    }
    memmove(channel->carry[direction], data, size);
    channel->carry_size[direction] = size;
    return true;
}

bool channel_carry(struct pipeline *worker, struct channel *channel, uint32_t direction, struct span bytes)
{
    uint32_t old = channel->carry_size[direction];
    if (!channel->carry[direction])
        return carry_keep(worker, channel, direction, bytes.data, bytes.size);
    if (bytes.size > CHANNEL_CARRY_SIZE - old)
        return false;
    memcpy(channel->carry[direction] + old, bytes.data, bytes.size);
    channel->carry_size[direction] = old + bytes.size;
    return true;
}

void channel_close(struct channel *channel, enum ledger_reason reason)
{
    channel->stage = CHANNEL_CLOSED;
    channel->reason = (uint8_t)reason;
}

void channel_give_up(struct pipeline *worker, struct channel *channel)
{
    ledger_transaction_open(&worker->ledger);
    ledger_transaction_settle(&worker->ledger, LEDGER_TRANSACTION_BUDGET);
    service_table_settle(worker->services, (struct span){NULL, 0}, LEDGER_TRANSACTION_BUDGET);
    channel_close(channel, LEDGER_BUFFER_BUDGET);
}

/* ------------------------------------------------------------------- services */

/* A hole belongs to the host that the connection speaks to, or to the one it will name first. */
void channel_count_gap(struct pipeline *worker, struct channel *channel, uint32_t bytes)
{
    if (bytes == CHANNEL_HOLE_UNKNOWN)
        return; /* the connection around it has counted what it lacks */
    if (channel->service) {
        service_table_gap(worker->services, channel->service, 1, bytes);
        return;
    }
    channel->gaps++;
    channel->gap_bytes += bytes;
}

/* Holes from before are those of the host that is named first behind them. */
void channel_name_service(struct pipeline *worker, struct channel *channel, struct span host)
{
    channel->service = service_table_mark(worker->services, host);
    if (!channel->service || !channel->gaps)
        return;
    service_table_gap(worker->services, channel->service, channel->gaps, channel->gap_bytes);
    channel->gaps = 0;
    channel->gap_bytes = 0;
}

static bool begin(struct pipeline *worker, const struct channel_feed *feed, const struct channel_protocol *protocol,
                  const struct exchange *upgrade)
{
    if (protocol->begin(worker, feed, upgrade))
        return true;
    channel_close(feed->channel, LEDGER_BUFFER_BUDGET);
    return false;
}

bool channel_begin(struct pipeline *worker, const struct channel_feed *feed, const struct channel_protocol *protocol)
{
    return channel_begin_upgraded(worker, feed, protocol, NULL);
}

bool channel_begin_upgraded(struct pipeline *worker, const struct channel_feed *feed,
                            const struct channel_protocol *protocol, const struct exchange *upgrade)
{
    struct channel *channel = feed->channel;
    channel->stage = CHANNEL_PARSED;
    channel->parsed = true;
    channel->protocols[0] = channel->protocols[1] = protocol;
    for (uint32_t direction = 0; direction < 2; direction++)
        channel->crossed[direction] = channel->stopped[direction] = channel->paused[direction] = false;
    channel->changing = false;
    return begin(worker, feed, protocol, upgrade);
}

/* ------------------------------------------------------------------- changing */

bool channel_change(struct pipeline *worker, const struct channel_feed *feed, const struct channel_protocol *next,
                    const struct exchange *upgrade)
{
    struct channel *channel = feed->channel;
    channel->changing = true;
    channel->next = next;
    channel->paused[0] = channel->paused[1] = false;
    return !next || begin(worker, feed, next, upgrade);
}

void channel_cross(struct channel *channel, uint32_t direction)
{
    channel->crossed[direction] = true;
    channel->stopped[direction] = false;
    if (channel->next)
        channel->protocols[direction] = channel->next;
    else
        channel->paused[direction] = true;
}

/* Both directions have crossed: the old protocol ends. */
static void change_finish(struct pipeline *worker, struct channel *channel, const struct channel_protocol *old)
{
    if (!channel->changing || !channel->crossed[0] || !channel->crossed[1])
        return;
    old->end(worker, channel);
    channel->changing = channel->crossed[0] = channel->crossed[1] = false;
    channel->paused[0] = channel->paused[1] = false;
    if (channel->next)
        return;
    channel->protocols[0] = channel->protocols[1] = NULL;
    channel->stage = CHANNEL_CLASSIFYING;
    /* The new protocol begins in sight, unless bytes that had to wait found no room. */
    channel->midstream = channel->carry_lost[0] || channel->carry_lost[1];
    channel->carry_lost[0] = channel->carry_lost[1] = 0;
}

/* -------------------------------------------------------------------- feeding */

static uint32_t parse(struct pipeline *worker, const struct channel_feed *feed, struct parse_input input)
{
    return feed->channel->protocols[feed->direction]->parse(worker, feed, input);
}

/* The direction reads on, by the protocol that it had before. */
static bool goes_on(const struct channel *channel, uint32_t direction, const struct channel_protocol *protocol)
{
    return channel->stage == CHANNEL_PARSED && !channel->stopped[direction] && !channel->paused[direction] &&
           channel->protocols[direction] == protocol;
}

/*
 * Bytes carried from before and new ones become one input until the parser has passed the old ones. False: it is done
 * with this protocol, or all bytes are in the carry; *rest_io is what was neither consumed nor carried.
 */
static bool carried_bytes(struct pipeline *worker, const struct channel_feed *feed, struct span *rest_io, bool last)
{
    struct channel *channel = feed->channel;
    uint32_t direction = feed->direction;
    const struct channel_protocol *protocol = channel->protocols[direction];
    while (channel->carry_size[direction]) {
        uint8_t *carry = channel->carry[direction];
        uint32_t old = channel->carry_size[direction];
        uint32_t take = min_u32(rest_io->size, CHANNEL_CARRY_SIZE - old);
        if (take)
            memcpy(carry + old, rest_io->data, take);
        struct parse_input input = {.data = carry, .size = old + take, .last = last && take == rest_io->size};
        uint32_t consumed = parse(worker, feed, input);
        bool on = goes_on(channel, direction, protocol);
        if (consumed >= old) {
            *rest_io = span_from(*rest_io, consumed - old);
            channel_carry_drop(worker, channel, direction);
            return on;
        }
        memmove(carry, carry + consumed, old + take - consumed);
        channel->carry_size[direction] = old + take - consumed;
        *rest_io = span_from(*rest_io, take);
        /* Nothing consumed and no room left would break the parser's promise about what it leaves. */
        require(consumed || take || !on || rest_io->size == 0);
        if (!on || rest_io->size == 0)
            return false;
    }
    return true;
}

/* Reads by one protocol. Leaves in *rest_io what comes behind a change of it; no memory for a rest closes the channel.
 */
static void feed_bytes(struct pipeline *worker, const struct channel_feed *feed, struct span *rest_io, bool last)
{
    struct channel *channel = feed->channel;
    const struct channel_protocol *protocol = channel->protocols[feed->direction];
    if (!carried_bytes(worker, feed, rest_io, last) || (rest_io->size == 0 && !last))
        return;
    struct parse_input input = {
        .data = rest_io->data ? rest_io->data : worker->decoded, .size = rest_io->size, .last = last};
    uint32_t consumed = parse(worker, feed, input);
    *rest_io = span_from(*rest_io, consumed);
    if (!goes_on(channel, feed->direction, protocol))
        return;
    if (!carry_keep(worker, channel, feed->direction, rest_io->data, rest_io->size))
        channel_close(channel, LEDGER_BUFFER_BUDGET);
    *rest_io = (struct span){0};
}

static void feed_hole(struct pipeline *worker, const struct channel_feed *feed, uint32_t lost)
{
    channel_carry_drop(worker, feed->channel, feed->direction);
    parse(worker, feed, (struct parse_input){.lost = lost});
}

/* Bytes that wait for the other direction. What finds no room is a hole later on. */
static void pause_bytes(struct pipeline *worker, struct channel *channel, uint32_t direction, struct span *rest_io)
{
    uint32_t room = CHANNEL_CARRY_SIZE - channel->carry_size[direction];
    struct span kept = span_first(*rest_io, channel->carry_lost[direction] ? 0 : min_u32(rest_io->size, room));
    if (kept.size && !channel_carry(worker, channel, direction, kept))
        kept.size = 0;
    channel->carry_lost[direction] += rest_io->size - kept.size;
    *rest_io = (struct span){0};
}

/* All that can be read of one direction, over changes of the protocol. */
static void feed_direction(struct pipeline *worker, const struct channel_feed *feed, struct span *rest_io, bool last)
{
    struct channel *channel = feed->channel;
    uint32_t direction = feed->direction;
    for (uint32_t change = 0; change < CHANGES_MAX; change++) {
        const struct channel_protocol *old = channel->protocols[direction];
        if (channel->stage != CHANNEL_PARSED || channel->stopped[direction] || channel->paused[direction])
            break;
        if (channel->carry_lost[direction]) {
            struct span nothing = {0};
            feed_bytes(worker, feed, &nothing, false);
            if (goes_on(channel, direction, old))
                feed_hole(worker, feed, channel->carry_lost[direction]);
            channel->carry_lost[direction] = 0;
        }
        if (goes_on(channel, direction, old))
            feed_bytes(worker, feed, rest_io, last);
        change_finish(worker, channel, old);
        if (channel->stage != CHANNEL_PARSED || channel->protocols[direction] == old)
            break;
    }
    if (channel->stage == CHANNEL_PARSED && channel->paused[direction])
        pause_bytes(worker, channel, direction, rest_io);
}

void channel_catch_up(struct pipeline *worker, const struct channel_feed *feed)
{
    struct span nothing = {0};
    if (feed->channel->stage == CHANNEL_PARSED && feed->channel->carry_size[feed->direction])
        feed_direction(worker, feed, &nothing, false);
}

/* Of a closed channel. */
static enum ledger_reason closed_for(struct pipeline *worker, const struct channel *channel, struct flow *flow)
{
    return channel->missed ? tls_missed_reason(worker, channel->missed, flow) : (enum ledger_reason)channel->reason;
}

/* `last`: the chunk that ends a stream was read up to there. */
static enum ledger_reason answer(struct pipeline *worker, struct channel *channel, struct flow *flow,
                                 uint32_t direction, bool last)
{
    if (channel->stage == CHANNEL_CLOSED) {
        channel_carry_drop(worker, channel, 0);
        channel_carry_drop(worker, channel, 1);
        return closed_for(worker, channel, flow);
    }
    if (channel->stage == CHANNEL_PARSED && channel->stopped[direction]) {
        channel_carry_drop(worker, channel, direction);
        return last ? LEDGER_AUDITED : LEDGER_PARSER;
    }
    return (enum ledger_reason)channel->fate;
}

static void protocols_end(struct pipeline *worker, struct channel *channel)
{
    const struct channel_protocol *first = channel->protocols[0], *second = channel->protocols[1];
    if (first)
        first->end(worker, channel);
    if (second && second != first)
        second->end(worker, channel);
    if (channel->changing && channel->next && channel->next != first && channel->next != second)
        channel->next->end(worker, channel);
    channel->protocols[0] = channel->protocols[1] = channel->next = NULL;
}

void channel_move(struct channel *channel, struct flow *flow)
{
    const struct channel_protocol *protocols[] = {channel->protocols[0], channel->protocols[1],
                                                  channel->changing ? channel->next : NULL};
    for (uint32_t i = 0; i < ARRAY_COUNT(protocols) && channel->state; i++)
        if (protocols[i] && protocols[i]->move)
            protocols[i]->move(channel, flow);
}

void channel_abandon(struct pipeline *worker, struct channel *channel, enum ledger_reason reason)
{
    channel_close(channel, reason);
    protocols_end(worker, channel);
    channel_carry_drop(worker, channel, 0);
    channel_carry_drop(worker, channel, 1);
}

enum ledger_reason channel_chunk(struct pipeline *worker, struct channel *channel, struct flow *flow,
                                 struct flow_chunk *chunk_io)
{
    uint32_t direction = chunk_io->direction == FLOW_TO_CLIENT;
    const struct flow_chunk whole = *chunk_io;
    struct channel_feed feed = {channel, flow, direction, chunk_io->time_ns, &whole};
    struct span rest = {chunk_io->data, chunk_io->size};
    if (channel->stage == CHANNEL_CLOSED)
        return closed_for(worker, channel, flow);
    if (channel->stopped[direction])
        return LEDGER_PARSER;
    if (channel->paused[direction]) {
        bool full = channel->carry_size[direction] + rest.size > CHANNEL_CARRY_SIZE;
        if (chunk_io->lost)
            channel_count_gap(worker, channel, chunk_io->lost);
        channel->carry_lost[direction] += chunk_io->lost;
        pause_bytes(worker, channel, direction, &rest);
        return full ? LEDGER_BUFFER_BUDGET : FLOW_UNDECIDED;
    }
    uint32_t other = direction ^ 1;
    bool held_back = channel->paused[other];
    if (chunk_io->lost)
        channel_count_gap(worker, channel, chunk_io->lost);
    if (chunk_io->lost)
        feed_hole(worker, &feed, chunk_io->lost);
    if (rest.size || chunk_io->last)
        feed_direction(worker, &feed, &rest, chunk_io->last);
    if (held_back && !channel->paused[other])
        channel_catch_up(worker, &(struct channel_feed){channel, flow, other, chunk_io->time_ns, NULL});
    if (channel->stage == CHANNEL_CLOSED)
        protocols_end(worker, channel);
    chunk_io->data = rest.data;
    chunk_io->size = rest.size;
    return answer(worker, channel, flow, direction, chunk_io->last);
}

void channel_end(struct pipeline *worker, struct channel *channel, struct flow *flow)
{
    for (uint32_t direction = 0; direction < 2; direction++) {
        struct channel_feed feed = {channel, flow, direction, flow_time(flow, flow->last_ns), NULL};
        struct span nothing = {0};
        if (channel->stage == CHANNEL_PARSED && !channel->stopped[direction])
            feed_direction(worker, &feed, &nothing, true);
    }
    protocols_end(worker, channel);
    if (channel->parsed && channel->gaps)
        service_table_gap(worker->services, 0, channel->gaps, channel->gap_bytes);
    channel_carry_drop(worker, channel, 0);
    channel_carry_drop(worker, channel, 1);
}
