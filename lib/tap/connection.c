/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Connection. Three stories look alike for a moment and differ in what follows an acknowledgement of unseen bytes: they
 * come late (the tap's ports run apart), they never come (the tap lost them), or nothing of that side ever comes (the
 * direction is missing). A network's own losses and disorder are over before the receiver acknowledges.
 */

#include "tap/connection.h"

/* No receiver offers more: what is farther away belongs to another connection or to nobody (largest usual buffers). */
#define NEAR_BYTES (64u << 20)

#define HOLE_FLAGS   (TAP_SIDE_HOLE | TAP_SIDE_HOLE_ACKED | TAP_SIDE_HOLE_BEFORE)
#define BEYOND_FLAGS (TAP_SIDE_BEYOND | TAP_SIDE_BEYOND_TOLD)

/* How late a packet may be and still count as late: buffers hold less, and a retransmission timer starts here. */
#define LATE_NS UINT64_C(1000000000)

/* Checksums seen from a side before it is judged, and how nearly all of them are bad when a card fills them in. */
#define SUMS_MIN     3u
#define SUMS_PERCENT 90u

static bool before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static bool near(uint32_t a, uint32_t b)
{
    return a - b < NEAR_BYTES || b - a < NEAR_BYTES;
}

static bool has(const struct net_packet *packet, uint32_t flag)
{
    return (packet->tcp_flags & flag) != 0;
}

static void clear(struct tap_side *side, uint32_t flags)
{
    side->flags &= (uint16_t)~flags;
}

static void count_up(uint16_t *count)
{
    if (*count < UINT16_MAX)
        (*count)++;
}

/* --- beginning -------------------------------------------------------------------------------------------------- */

uint32_t tap_connection_tags(const struct net_packet *packet)
{
    uint32_t tags = 0;
    for (uint32_t i = 0; i < packet->endpoints.tunnel_count; i++)
        if (packet->endpoints.tunnels[i].kind == TUNNEL_VLAN) /* id 0 carries a priority only: no tag (802.1Q 9.6) */
            tags = packet->endpoints.tunnels[i].id ? tags << 12 ^ packet->endpoints.tunnels[i].id : tags;
    return tags;
}

void tap_connection_open(struct tap_connection *connection, const struct net_packet *packet, uint32_t side,
                         const uint64_t server_hashes[2], uint64_t hash)
{
    /* A SYN comes from the client, a SYN-ACK from the server; else the lower port is taken for the server's. */
    bool from_client = packet->endpoints.source_port >= packet->endpoints.destination_port;
    if (has(packet, NET_TCP_SYN))
        from_client = !has(packet, NET_TCP_ACK);
    uint32_t client = from_client ? side : !side;
    *connection = (struct tap_connection){
        .hash = hash, .server_hash = server_hashes[!client], .last_ns = packet->time_ns, .client = (uint8_t)client};
}

bool tap_connection_reused(const struct tap_connection *connection, const struct net_packet *packet, uint32_t side)
{
    const struct tap_side *own = &connection->sides[side];
    if (!has(packet, NET_TCP_SYN) || !(own->flags & TAP_SIDE_STARTED))
        return false;
    return !(own->flags & TAP_SIDE_SYN) || own->initial != packet->sequence;
}

void tap_connection_copied(struct tap_connection *connection, const struct net_packet *packet, uint32_t side,
                           bool other_tags)
{
    struct tap_side *own = &connection->sides[side];
    if (other_tags)
        own->flags |= TAP_SIDE_TAGS_VARY;
    if (own->queue != packet->packet->queue)
        own->flags |= TAP_SIDE_QUEUE_VARIES;
}

/* --- directions -------------------------------------------------------------------------------------------------- */

static enum tap_role role_of(const struct tap_connection *connection, uint32_t side)
{
    return side == connection->client ? TAP_CLIENT : TAP_SERVER;
}

/* The side acknowledges what its peer sent while we looked on, and saw nothing of it. */
static void direction_missing(struct tap_context *context, struct tap_connection *connection, uint32_t side)
{
    if (connection->one_way)
        return;
    connection->one_way = true;
    context->tally.one_way++;
    tap_server_count(context->servers, connection->server_hash, role_of(connection, side), 1);
}

/* The first packet of this side, and the other was seen before. */
static void direction_found(struct tap_context *context, struct tap_connection *connection, uint32_t side)
{
    context->tally.two_way++;
    if (!connection->one_way)
        return;
    connection->one_way = false;
    context->tally.one_way--;
    tap_server_count(context->servers, connection->server_hash, role_of(connection, !side), -1);
}

/* --- streams ----------------------------------------------------------------------------------------------------- */

/*
 * Since when: of all the bytes that are acknowledged and not seen, that is known of the first ones only. `told` says
 * that those came before.
 */
static void count_late(struct tap_context *context, const struct tap_connection *connection, uint32_t side,
                       uint64_t since_ns, uint64_t now_ns, bool told)
{
    struct tap_tally *tally = &context->tally;
    uint64_t late_ns = now_ns > since_ns ? now_ns - since_ns : 0;
    if (late_ns > LATE_NS)
        return;
    tally->late[role_of(connection, side)]++;
    if (told)
        return;
    tally->late_measured++;
    tally->late_sum_ns += late_ns;
    if (late_ns > tally->late_max_ns)
        tally->late_max_ns = late_ns;
}

static void count_hole(struct tap_tally *tally, uint32_t bytes)
{
    tally->holes++;
    tally->hole_bytes += bytes;
}

static void stream_start(struct tap_side *side, uint32_t start, uint32_t end)
{
    side->flags |= TAP_SIDE_STARTED;
    clear(side, HOLE_FLAGS | BEYOND_FLAGS);
    side->end = end;
    if ((side->flags & TAP_SIDE_ACKED) && !near(side->acked, start))
        clear(side, TAP_SIDE_ACKED);
    if ((side->flags & TAP_SIDE_ACKED) && before(end, side->acked))
        side->flags |= TAP_SIDE_BEYOND;
}

static void stream_end(struct tap_side *side, uint32_t end)
{
    side->end = end;
    if (!before(end, side->acked))
        clear(side, BEYOND_FLAGS);
}

/* Bytes before `start` are missing. The hole before this one will not be filled any more. */
static void stream_jump(struct tap_context *context, struct tap_side *side, uint32_t start, uint32_t end)
{
    if (side->flags & TAP_SIDE_HOLE_ACKED)
        count_hole(&context->tally, side->hole_end - side->hole_start);
    clear(side, HOLE_FLAGS);
    side->flags |= TAP_SIDE_HOLE;
    side->hole_start = side->end;
    side->hole_end = start;
    if ((side->flags & TAP_SIDE_BEYOND) && !before(side->acked, start)) {
        side->flags |= TAP_SIDE_HOLE_ACKED | TAP_SIDE_HOLE_BEFORE;
        side->hole_acked_ns = side->beyond_ns;
    }
    if (side->flags & TAP_SIDE_BEYOND)
        side->flags |= TAP_SIDE_BEYOND_TOLD;
    stream_end(side, end);
}

/* Returns whether the bytes fill the hole, or a part of it. */
static bool stream_fill(struct tap_side *side, uint32_t start, uint32_t end)
{
    if (!(side->flags & TAP_SIDE_HOLE) || !before(start, side->hole_end) || !before(side->hole_start, end))
        return false;
    if (before(side->hole_start, start))
        side->hole_end = start;
    else
        side->hole_start = before(end, side->hole_end) ? end : side->hole_end;
    return true;
}

static void stream_packet(struct tap_context *context, struct tap_connection *connection, uint32_t index,
                          const struct net_packet *packet)
{
    struct tap_side *side = &connection->sides[index];
    uint32_t size = packet->payload.size + packet->payload_missing + (has(packet, NET_TCP_SYN) ? 1 : 0) +
                    (has(packet, NET_TCP_FIN) ? 1 : 0);
    uint32_t start = packet->sequence, end = start + size;
    if (size == 0)
        return;
    bool known = (side->flags & TAP_SIDE_STARTED) && near(side->end, start);
    if (!known) {
        bool late = (side->flags & TAP_SIDE_ACKED) && near(side->acked, start) && before(start, side->acked);
        stream_start(side, start, end);
        context->tally.segments++;
        if (late)
            count_late(context, connection, index, side->beyond_ns, packet->time_ns, false);
        if (side->flags & TAP_SIDE_BEYOND)
            side->flags |= TAP_SIDE_BEYOND_TOLD;
        return;
    }
    uint16_t flags = side->flags;
    if (before(side->end, start)) {
        context->tally.segments++;
        stream_jump(context, side, start, end);
        return;
    }
    if (stream_fill(side, start, end)) {
        context->tally.segments++;
        if (flags & TAP_SIDE_HOLE_ACKED)
            count_late(context, connection, index, side->hole_acked_ns, packet->time_ns, flags & TAP_SIDE_HOLE_BEFORE);
        if (side->hole_start == side->hole_end)
            clear(side, HOLE_FLAGS);
    }
    if (!before(side->end, end))
        return;
    context->tally.segments++;
    if ((flags & TAP_SIDE_BEYOND) && before(start, side->acked)) {
        count_late(context, connection, index, side->beyond_ns, packet->time_ns, flags & TAP_SIDE_BEYOND_TOLD);
        side->flags |= TAP_SIDE_BEYOND_TOLD;
    }
    stream_end(side, end);
}

/* What side `index` has received, by its own word. */
static void stream_acknowledged(struct tap_context *context, struct tap_connection *connection, uint32_t index,
                                const struct net_packet *packet)
{
    struct tap_side *peer = &connection->sides[!index];
    uint32_t acked = packet->acknowledgement;
    bool known = (peer->flags & TAP_SIDE_ACKED) != 0;
    if (!(peer->flags & TAP_SIDE_STARTED)) {
        bool more = known && before(peer->acked, acked) && near(peer->acked, acked);
        bool answered = (connection->sides[index].flags & TAP_SIDE_SYN) && !has(packet, NET_TCP_SYN);
        if (peer->packets == 0 && (more || answered))
            direction_missing(context, connection, index);
        if (!known || more) {
            peer->acked = acked;
            peer->beyond_ns = packet->time_ns;
        }
        peer->flags |= TAP_SIDE_ACKED;
        return;
    }
    if (!near(peer->end, acked))
        return;
    if (before(peer->end, acked) && !(peer->flags & TAP_SIDE_BEYOND)) {
        peer->flags |= TAP_SIDE_BEYOND;
        peer->beyond_ns = packet->time_ns;
    }
    if (!known || before(peer->acked, acked))
        peer->acked = acked;
    peer->flags |= TAP_SIDE_ACKED;
    if ((peer->flags & (TAP_SIDE_HOLE | TAP_SIDE_HOLE_ACKED)) == TAP_SIDE_HOLE && !before(acked, peer->hole_end)) {
        peer->flags |= TAP_SIDE_HOLE_ACKED;
        peer->hole_acked_ns = packet->time_ns;
    }
}

/* --- time -------------------------------------------------------------------------------------------------------- */

/* How much time passed between two timestamps of a side, by its own clock: one tick is a millisecond to a second. */
static enum tap_witness timestamps_say(const struct tap_side *side, const struct net_packet *packet)
{
    uint16_t wanted = TAP_SIDE_TIMESTAMP | TAP_SIDE_TIMESTAMP_MOVES;
    int32_t ticks = (int32_t)(packet->timestamp_value - side->timestamp);
    if (!(packet->options & NET_OPTION_TIMESTAMPS) || (side->flags & wanted) != wanted || ticks < 0)
        return TAP_WITNESS_SILENT;
    uint64_t elapsed_ms = (packet->time_ns - side->last_ns) / 1000000;
    if ((uint64_t)ticks < elapsed_ms / 2000) /* the slowest clock would have made twice as many */
        return TAP_WITNESS_FOR;
    return (uint64_t)ticks > elapsed_ms / 20 ? TAP_WITNESS_AGAINST : TAP_WITNESS_SILENT; /* 100 Hz, halved */
}

/*
 * The first thing heard behind a step forward is the acknowledgement of the last bytes before it. Had there been a
 * silence, their sender would have repeated them.
 */
static bool answers_at_once(const struct tap_side *peer, const struct net_packet *packet)
{
    bool waiting = (peer->flags & TAP_SIDE_STARTED) && !(peer->flags & (TAP_SIDE_BEYOND | TAP_SIDE_HOLE)) &&
                   (!(peer->flags & TAP_SIDE_ACKED) || before(peer->acked, peer->end));
    return waiting && has(packet, NET_TCP_ACK) && packet->acknowledgement == peer->end;
}

static void witness(struct tap_context *context, const struct tap_connection *connection,
                    const struct net_packet *packet, uint32_t index)
{
    const struct tap_side *side = &connection->sides[index];
    if (side->packets && tap_clock_asks(&context->clock, side->last_ns, packet->time_ns))
        tap_clock_witness(&context->clock, timestamps_say(side, packet));
    if (connection->sides[!index].packets && tap_clock_asks(&context->clock, connection->last_ns, packet->time_ns) &&
        answers_at_once(&connection->sides[!index], packet))
        tap_clock_witness(&context->clock, TAP_WITNESS_FOR);
}

static void note_timestamp(struct tap_side *side, const struct net_packet *packet)
{
    if (!(packet->options & NET_OPTION_TIMESTAMPS))
        return;
    if ((side->flags & TAP_SIDE_TIMESTAMP) && side->timestamp != packet->timestamp_value)
        side->flags |= TAP_SIDE_TIMESTAMP_MOVES;
    side->flags |= TAP_SIDE_TIMESTAMP;
    side->timestamp = packet->timestamp_value;
}

/* --- a packet ---------------------------------------------------------------------------------------------------- */

static void note_way(struct tap_side *side, const struct net_packet *packet, uint32_t tags)
{
    if (side->packets == 0) {
        side->tags = tags;
        side->queue = packet->packet->queue;
    }
    if (side->tags != tags)
        side->flags |= TAP_SIDE_TAGS_VARY;
    if (side->queue != packet->packet->queue)
        side->flags |= TAP_SIDE_QUEUE_VARIES;
    if (packet->checksum == NET_CHECKSUM_GOOD)
        count_up(&side->sums_good);
    else if (packet->checksum == NET_CHECKSUM_BAD)
        count_up(&side->sums_bad);
}

void tap_connection_packet(struct tap_context *context, struct tap_connection *connection,
                           const struct net_packet *packet, uint32_t side, uint32_t tags)
{
    struct tap_side *own = &connection->sides[side];
    witness(context, connection, packet, side);
    if (own->packets == 0 && connection->sides[!side].packets)
        direction_found(context, connection, side);
    note_way(own, packet, tags);
    count_up(&own->packets);
    if (!has(packet, NET_TCP_RST)) { /* a reset may carry any numbers */
        if (has(packet, NET_TCP_ACK))
            stream_acknowledged(context, connection, side, packet);
        stream_packet(context, connection, side, packet);
    }
    if (has(packet, NET_TCP_SYN)) {
        own->flags |= TAP_SIDE_SYN;
        own->initial = packet->sequence;
    }
    note_timestamp(own, packet);
    own->last_ns = connection->last_ns = packet->time_ns;
}

/* --- the end ----------------------------------------------------------------------------------------------------- */

static bool long_ago(uint64_t time_ns, uint64_t now_ns)
{
    return now_ns > time_ns && now_ns - time_ns > LATE_NS;
}

static void judge_side(const struct tap_side *side, uint64_t now_ns, struct tap_tally *tally)
{
    if ((side->flags & TAP_SIDE_BEYOND) && long_ago(side->beyond_ns, now_ns))
        count_hole(tally, side->acked - side->end);
    if ((side->flags & TAP_SIDE_HOLE_ACKED) && long_ago(side->hole_acked_ns, now_ns))
        count_hole(tally, side->hole_end - side->hole_start);
    uint32_t sums = (uint32_t)side->sums_good + side->sums_bad;
    if (sums < SUMS_MIN)
        return;
    tally->sums_sides++;
    tally->sums_bad_sides += side->sums_bad * 100u >= sums * SUMS_PERCENT;
}

void tap_connection_judge(const struct tap_connection *connection, uint64_t now_ns, struct tap_tally *tally)
{
    const struct tap_side *client = &connection->sides[connection->client];
    const struct tap_side *server = &connection->sides[!connection->client];
    tally->connections++;
    judge_side(client, now_ns, tally);
    judge_side(server, now_ns, tally);
    if (client->packets == 0 || server->packets == 0)
        return;
    uint32_t varies = client->flags | server->flags;
    if (!(varies & TAP_SIDE_TAGS_VARY)) {
        tally->tags_known++;
        tally->tags_differ += client->tags != server->tags;
        if (client->tags != server->tags) {
            tally->tags_example[TAP_CLIENT] = client->tags;
            tally->tags_example[TAP_SERVER] = server->tags;
        }
    }
    if (!(varies & TAP_SIDE_QUEUE_VARIES)) {
        tally->queues_known++;
        tally->queues_differ += client->queue != server->queue;
        if (client->queue != server->queue) {
            tally->queues_example[TAP_CLIENT] = client->queue;
            tally->queues_example[TAP_SERVER] = server->queue;
        }
    }
}
