/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tap doctor: the way of a burst. Frames and packets are taken in their common order, so that it makes no difference
 * how they are cut into bursts. The domain of a packet is left out of the identity of its connection: that the two
 * directions carry different tags is a fault to be found, not a reason to take them apart.
 */

#include "tap/doctor.h"

#include <errno.h>

#include "tap/doctor_private.h"

/* Copies and connections of another purpose, drawn from the same key. */
#define SERVER_KEY UINT64_C(0x736572766572)

struct connection_key {
    struct address low, high;
    uint16_t low_port, high_port;
    uint32_t zero;
};

struct server_key {
    struct address address;
    uint64_t port;
};

static_assert(sizeof(struct connection_key) == 40 && sizeof(struct server_key) == 24, "hashed as bytes: no padding");

/* --- memory ------------------------------------------------------------------------------------------------------ */

void tap_settings_default(struct tap_settings *settings_out)
{
    *settings_out = (struct tap_settings){.connections = 8192};
}

size_t tap_doctor_size(const struct tap_settings *settings)
{
    return sizeof(struct tap_doctor) + tap_table_size(settings->connections) +
           RECENT_PACKETS * sizeof(struct tap_recent) + SERVERS_MAX * sizeof(struct tap_server) + 4 * CACHE_LINE;
}

int tap_doctor_new(struct tap_doctor **doctor_out, struct arena *arena, const struct tap_settings *settings)
{
    if (settings->connections == 0 || settings->connections > TAP_CONNECTIONS_MAX)
        return -EINVAL;
    struct tap_doctor *doctor = arena_take(arena, sizeof(*doctor), CACHE_LINE);
    if (!doctor)
        return -ENOMEM;
    doctor->key = settings->key;
    doctor->context.servers = arena_take_array(arena, struct tap_server, SERVERS_MAX);
    if (!doctor->context.servers)
        return -ENOMEM;
    int result = tap_recents_init(&doctor->recents, arena);
    if (result == 0)
        result = tap_table_init(&doctor->table, arena, settings->connections);
    if (result == 0)
        *doctor_out = doctor;
    return result;
}

/* --- packets ----------------------------------------------------------------------------------------------------- */

/* Which side sent it: the one whose end compares lower is side 0. */
static uint32_t side_of(const struct endpoints *ends)
{
    int order = memcmp(&ends->source, &ends->destination, sizeof(ends->source));
    return order > 0 || (order == 0 && ends->source_port > ends->destination_port);
}

static uint64_t connection_hash(const struct tap_doctor *doctor, const struct endpoints *ends)
{
    bool forward = side_of(ends) == 0;
    struct connection_key key = {.low = forward ? ends->source : ends->destination,
                                 .high = forward ? ends->destination : ends->source,
                                 .low_port = forward ? ends->source_port : ends->destination_port,
                                 .high_port = forward ? ends->destination_port : ends->source_port};
    return hash_bytes(&doctor->key, &key, sizeof(key));
}

static uint64_t server_hash(const struct tap_doctor *doctor, const struct address *address, uint16_t port)
{
    struct hash_key own = {doctor->key.k0 ^ SERVER_KEY, doctor->key.k1};
    struct server_key key = {.address = *address, .port = port};
    return hash_bytes(&own, &key, sizeof(key));
}

static void open_connection(struct tap_doctor *doctor, struct tap_connection *connection,
                            const struct net_packet *packet, uint32_t side, uint64_t hash)
{
    const struct endpoints *ends = &packet->endpoints;
    uint64_t servers[2];
    servers[side] = server_hash(doctor, &ends->source, ends->source_port);
    servers[!side] = server_hash(doctor, &ends->destination, ends->destination_port);
    tap_connection_open(connection, packet, side, servers, hash);
}

/* The connection of the packet, made or made anew where needed. */
static struct tap_connection *connection_of(struct tap_doctor *doctor, struct tap_connection *found,
                                            const struct net_packet *packet, uint32_t side, uint64_t hash)
{
    struct tap_tally *tally = &doctor->context.tally;
    struct tap_connection *connection = found;
    bool taken = found != NULL;
    if (found && likely(!tap_connection_reused(found, packet, side)))
        return found;
    if (!found) {
        connection = tap_table_make(&doctor->table, hash, &taken);
        tally->crowded_out += taken;
    }
    if (taken)
        tap_connection_judge(connection, doctor->context.clock.last_ns, tally);
    open_connection(doctor, connection, packet, side, hash);
    return connection;
}

static void look_at_packet(struct tap_doctor *doctor, const struct net_packet *packet, uint64_t hash)
{
    struct tap_tally *tally = &doctor->context.tally;
    uint32_t side = side_of(&packet->endpoints);
    uint32_t tags = tap_connection_tags(packet);
    bool other_tags = false;
    tally->packets++;
    struct tap_connection *found = tap_table_find(&doctor->table, hash);
    if (tap_recents_seen(&doctor->recents, tally, packet, hash + side, tags, &other_tags)) {
        /* All that it says was said before, except which way it came. */
        if (found)
            tap_connection_copied(found, packet, side, other_tags);
        return;
    }
    struct tap_connection *connection = connection_of(doctor, found, packet, side, hash);
    tap_connection_packet(&doctor->context, connection, packet, side, tags);
}

static void look_at_length(struct tap_tally *tally, const struct net_packet *packet)
{
    const struct packet *frame = packet->packet;
    if (packet->flags & NET_REASSEMBLED || frame->wire_size > frame->size)
        return;
    tally->complete++;
    if (packet->payload_missing == 0)
        return;
    tally->short_packets++;
    if (frame->size > tally->short_size_max)
        tally->short_size_max = frame->size;
}

static void look_at_frame(struct tap_doctor *doctor, const struct packet *frame)
{
    struct tap_tally *tally = &doctor->context.tally;
    tally->frames++;
    tap_clock_frame(&doctor->context.clock, tally, frame->time_ns);
    if (likely(frame->wire_size <= frame->size))
        return;
    tally->cut_frames++;
    if (frame->size > tally->cut_size_max)
        tally->cut_size_max = frame->size;
}

void tap_doctor_burst(struct tap_doctor *doctor, const struct packet *frames, uint32_t frame_count,
                      const struct net_packet *packets, uint32_t packet_count)
{
    uint64_t hashes[PACKET_BURST_MAX];
    require(frame_count <= PACKET_BURST_MAX && packet_count <= frame_count);
    for (uint32_t i = 0; i < packet_count; i++) {
        hashes[i] = connection_hash(doctor, &packets[i].endpoints);
        __builtin_prefetch(tap_table_set(&doctor->table, hashes[i]), 1);
    }
    uint32_t next = 0;
    for (uint32_t i = 0; i < frame_count; i++) {
        look_at_frame(doctor, &frames[i]);
        for (; next < packet_count && packets[next].packet == &frames[i]; next++) {
            look_at_length(&doctor->context.tally, &packets[next]);
            look_at_packet(doctor, &packets[next], hashes[next]);
        }
    }
    require(next == packet_count);
}

/* --- ends -------------------------------------------------------------------------------------------------------- */

void tap_doctor_tally(const struct tap_doctor *doctor, struct tap_tally *tally_out)
{
    *tally_out = doctor->context.tally;
    for (uint32_t i = 0; i < tap_table_count(&doctor->table); i++) {
        const struct tap_connection *connection = tap_table_at(&doctor->table, i);
        if (connection)
            tap_connection_judge(connection, doctor->context.clock.last_ns, tally_out);
    }
    struct tap_clock clock = doctor->context.clock;
    tap_clock_close(&clock, tally_out);
}

void tap_doctor_cut(struct tap_doctor *doctor)
{
    struct tap_tally tally;
    tap_doctor_tally(doctor, &tally);
    doctor->context.tally = tally;
    doctor->context.clock = (struct tap_clock){0};
    tap_table_clear(&doctor->table);
    tap_recents_clear(&doctor->recents);
}

void tap_doctor_counts(const struct tap_doctor *doctor, struct tap_counts *counts_out)
{
    struct tap_tally tally;
    tap_doctor_tally(doctor, &tally);
    *counts_out = (struct tap_counts){.frames = tally.frames,
                                      .packets = tally.packets,
                                      .connections = tally.connections,
                                      .crowded_out = tally.crowded_out};
}
