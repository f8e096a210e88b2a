/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Generated traffic
 *
 * Every concurrent connection is a slot with a small state machine. Those that are in the middle of a call (or of a
 * handshake) are active: a turn goes over them once, in an order that is another permutation each time, and each shows
 * its next frame or its next flight of segments. Between two calls a connection rests at the end of a queue; the next
 * active one is drawn from the front part of that queue, so that nobody is forgotten and memory is still visited as at
 * random.
 */

#include "generate/traffic.h"

#include <errno.h>
#include <stdlib.h>

#include "generate/book.h"
#include "generate/frame.h"
#include "generate/value.h"

static_assert(TRAFFIC_FRAME_MAX == FRAME_MAX, "the header promises it");

/* Segments sent back to back; the initial window of current systems is ten (RFC 6928). */
#define FLIGHT_SEGMENTS TRAFFIC_FLIGHT_MAX

/* The first connections begin spread over so many turns, so that their calls are not in step. */
#define BEGIN_TURNS 16u

/* The part of the resting ones, from the front, of which the next one is drawn. */
#define DRAW_DIVISOR 4u

#define SLOT_NONE UINT32_MAX

#define SERVER_COUNT   16u
#define SERVER_ADDRESS 0x0a010000u /* 10.1.0.0 */
#define CLIENT_ADDRESS 0x0a800000u /* 10.128.0.0, 21 bits of hosts */
#define CLIENT_PORT    32768u      /* and 15 bits of ports: 2^36 connections before one comes again */

enum phase {
    PHASE_NEW, /* its first connection has not begun */
    PHASE_SYN,
    PHASE_SYN_ACK,
    PHASE_ESTABLISH,
    PHASE_DATA,
    PHASE_DATA_ACK,
    PHASE_FIN,
    PHASE_FIN_ANSWER,
    PHASE_LAST_ACK,
    PHASE_OVER, /* nothing more to do */
};

struct connection {
    uint64_t serial;
    uint64_t call; /* number of the current one, openings and closings included */
    uint32_t client_address, server_address;
    uint32_t next[2];      /* sequence numbers of client and server */
    uint32_t acked[2];     /* of them acknowledged by the other */
    uint32_t timestamp[2]; /* last sent */
    uint32_t rest;         /* calls to come, the current one included */
    uint32_t script;
    uint32_t offset; /* into the current write */
    uint16_t client_port;
    uint16_t wait; /* turns */
    uint8_t write; /* of the script */
    uint8_t phase;
    uint8_t identification;
};

static_assert(sizeof(struct connection) <= TRAFFIC_CONNECTION_BYTES_MAX, "a promise");

struct traffic {
    struct traffic_settings settings;
    struct book book;
    struct random random;
    struct connection *connections;
    uint32_t *active; /* slots; SLOT_NONE where there is nothing left to do */
    uint32_t active_count;
    uint32_t live; /* active entries that are not SLOT_NONE */
    uint32_t turn_mask, turn_step, turn_factor, turn_offset;
    uint32_t *resting; /* a ring of slots */
    uint32_t resting_mask, resting_first, resting_count;
    uint32_t open;
    uint64_t begun;    /* connections */
    uint64_t assigned; /* calls */
    uint64_t calls;    /* begun, each number once */
    uint64_t played;   /* scripts */
    uint64_t time_ns;
    struct traffic_counts counts;
};

/* ---------------------------------------------------------------- connections */

/* Where the next connection begins, and how many calls it makes; 0: there is no next one. */
static uint32_t next_length(struct traffic *traffic, uint32_t *script_out)
{
    const struct traffic_settings *settings = &traffic->settings;
    uint64_t length;
    if (settings->connections) {
        if (traffic->begun == settings->connections)
            return 0;
        return (uint32_t)((traffic->begun + 1) * settings->transactions / settings->connections - traffic->assigned);
    }
    if (traffic->book.sessions) {
        struct book_shelf session = book_choose_session(&traffic->book, &traffic->random);
        *script_out = session.first;
        length = session.count - TRAFFIC_SESSION_ENDS;
    } else {
        length = 1 + random_below(&traffic->random, 2 * settings->transactions_per_connection - 1);
    }
    if (settings->transactions)
        length = min_u64(length, settings->transactions - traffic->assigned);
    return (uint32_t)length;
}

static void connection_begin(struct traffic *traffic, struct connection *connection)
{
    uint32_t script = 0;
    uint32_t length = next_length(traffic, &script);
    if (length == 0) {
        connection->phase = PHASE_OVER;
        return;
    }
    uint64_t serial = traffic->begun++;
    traffic->assigned += length;
    /* An odd factor permutes the 2^36 pairs of host and port. */
    uint64_t place = (serial * UINT64_C(0x9e3779b97f4a7c15)) & ((UINT64_C(1) << 36) - 1);
    uint64_t drawn = random_mix(serial ^ traffic->settings.seed << 40);
    *connection = (struct connection){
        .serial = serial,
        .client_address = CLIENT_ADDRESS | (uint32_t)(place >> 15),
        .server_address = SERVER_ADDRESS | (1u + (uint32_t)(serial % SERVER_COUNT)),
        .client_port = (uint16_t)(CLIENT_PORT | (place & 0x7fff)),
        .next = {(uint32_t)drawn, (uint32_t)(drawn >> 32)},
        .rest = length,
        .script = script,
        .phase = PHASE_SYN,
        .identification = (uint8_t)drawn,
    };
    traffic->open++;
}

/* What a turn's visits write to. */
struct fill {
    uint8_t *next;
    struct packet *packets;
    uint32_t count;
};

/* `from` 0: the client sends. */
static void show(struct traffic *traffic, struct connection *connection, uint32_t from, uint8_t flags,
                 struct span payload, struct fill *fill)
{
    bool client = from == 0;
    uint16_t server_port = traffic->settings.protocol->server_port;
    connection->timestamp[from] = (uint32_t)(traffic->time_ns / 1000000u);
    struct frame frame = {
        .source_address = client ? connection->client_address : connection->server_address,
        .destination_address = client ? connection->server_address : connection->client_address,
        .source_port = client ? connection->client_port : server_port,
        .destination_port = client ? server_port : connection->client_port,
        .sequence = connection->next[from],
        .acknowledgement = flags & FRAME_ACK ? connection->acked[!from] : 0,
        .timestamp = connection->timestamp[from],
        .timestamp_echo = connection->timestamp[!from],
        .identification = (uint16_t)(connection->serial << 8 | connection->identification++),
        .flags = flags,
        .payload = payload,
    };
    uint32_t size = frame_write(&frame, fill->next);
    fill->packets[fill->count++] = (struct packet){
        .data = fill->next, .size = size, .wire_size = size, .time_ns = traffic->time_ns, .link = PACKET_LINK_ETHERNET};
    fill->next += size;
    connection->next[from] += payload.size + (flags & (FRAME_SYN | FRAME_FIN) ? 1 : 0);
    traffic->time_ns += traffic->settings.packet_ns;
    traffic->counts.packets++;
    traffic->counts.bytes += size;
    traffic->counts.payload_bytes += payload.size;
}

/* `from` acknowledges all that the other side has sent. */
static void show_ack(struct traffic *traffic, struct connection *connection, uint32_t from, uint8_t flags,
                     struct fill *fill)
{
    connection->acked[!from] = connection->next[!from];
    show(traffic, connection, from, flags | FRAME_ACK, (struct span){0}, fill);
}

static const struct traffic_script *current_script(const struct traffic *traffic, const struct connection *connection)
{
    return &traffic->book.scripts[connection->script];
}

static void script_begin(struct traffic *traffic, struct connection *connection)
{
    struct traffic_counts *counts = &traffic->counts;
    if (!traffic->book.sessions)
        connection->script =
            book_choose(&traffic->book, book_kind(&traffic->settings, traffic->calls), &traffic->random);
    const struct traffic_script *script = current_script(traffic, connection);
    traffic->calls += script->role == TRAFFIC_CALL;
    connection->call = traffic->played++;
    counts->sensitive += (script->kind & TRAFFIC_SENSITIVE) != 0;
    counts->shadow += (script->kind & TRAFFIC_SHADOW) != 0;
    counts->missing_header += (script->kind & TRAFFIC_MISSING_HEADER) != 0;
}

static const struct traffic_write *current_write(const struct traffic *traffic, const struct connection *connection)
{
    return &current_script(traffic, connection)->writes[connection->write];
}

/* The ten characters with codes of five bits, in the order of their codes (RFC 7541 appendix B): hexadecimal ones
 * first. */
#define HUFFMAN_HEX    6u
#define HUFFMAN_BASE64 10u
#define HUFFMAN_BITS   5u

/* Puts a code of five bits at bit `position` behind `out`; bytes outside 0 .. `size` are somebody else's. */
static void huffman_put(uint32_t code, int64_t position, uint8_t *out, uint32_t size)
{
    uint32_t shift = 16 - HUFFMAN_BITS - (uint32_t)(position & 7);
    uint32_t mask = ((1u << HUFFMAN_BITS) - 1) << shift, word = code << shift;
    int64_t first = position >> 3;
    if (first >= 0 && first < size)
        out[first] = (uint8_t)((out[first] & ~(mask >> 8)) | word >> 8);
    if (first + 1 >= 0 && first + 1 < size && (mask & 0xff))
        out[first + 1] = (uint8_t)((out[first + 1] & ~(mask & 0xff)) | (word & 0xff));
}

static uint32_t patch_bytes(const struct traffic_patch *patch)
{
    return patch->huffman ? (patch->bit + patch->size * HUFFMAN_BITS + 7) / 8 : patch->size;
}

/* Writes the patch into the `size` bytes of a write that begin at `begin`; eight characters from each number drawn. */
static void patch_write(const struct traffic *traffic, const struct connection *connection,
                        const struct traffic_patch *patch, uint32_t begin, uint8_t *out, uint32_t size)
{
    uint64_t of = patch->fresh == TRAFFIC_FRESH_CALL ? connection->call : connection->serial;
    uint64_t key = random_mix(of << 8 | (uint64_t)patch->fresh << 7 | patch->stream) ^ traffic->settings.seed;
    uint64_t drawn = 0;
    int64_t offset = (int64_t)patch->offset - begin;
    for (uint32_t i = 0; i < patch->size; i++) {
        drawn = i % 8 ? drawn >> 8 : random_mix(key + i);
        uint32_t draw = (uint32_t)(drawn & 0xff);
        if (patch->huffman)
            huffman_put(draw % (patch->base64 ? HUFFMAN_BASE64 : HUFFMAN_HEX),
                        offset * 8 + patch->bit + i * HUFFMAN_BITS, out, size);
        else if (offset + i >= 0 && offset + i < size)
            out[offset + i] = (uint8_t)(patch->base64 ? TRAFFIC_BASE64_URL[draw & 63] : TRAFFIC_HEX[draw & 15]);
    }
}

/* The bytes of the write from connection->offset on, patched. */
static struct span patched(const struct traffic *traffic, const struct connection *connection, struct span payload,
                           uint8_t buffer[FRAME_PAYLOAD_MAX])
{
    const struct traffic_script *script = current_script(traffic, connection);
    uint32_t begin = connection->offset, end = begin + payload.size;
    bool any = false;
    for (uint32_t i = 0; i < script->patch_count; i++) {
        const struct traffic_patch *patch = &script->patches[i];
        if (patch->write != connection->write || patch->offset >= end || patch->offset + patch_bytes(patch) <= begin)
            continue;
        if (!any)
            memcpy(buffer, payload.data, payload.size);
        any = true;
        patch_write(traffic, connection, patch, begin, buffer, payload.size);
    }
    return any ? span_of(buffer, payload.size) : payload;
}

static void show_flight(struct traffic *traffic, struct connection *connection, struct fill *fill)
{
    if (connection->write == 0 && connection->offset == 0)
        script_begin(traffic, connection);
    const struct traffic_write *write = current_write(traffic, connection);
    traffic->counts.transactions += connection->offset == 0 ? write->transactions : 0;
    for (uint32_t i = 0; i < FLIGHT_SEGMENTS && connection->offset < write->bytes.size; i++) {
        struct span rest = span_from(write->bytes, connection->offset);
        uint8_t buffer[FRAME_PAYLOAD_MAX];
        struct span payload = patched(traffic, connection, span_first(rest, FRAME_PAYLOAD_MAX), buffer);
        uint8_t push = payload.size == rest.size ? FRAME_PUSH : 0;
        show(traffic, connection, write->to_client, FRAME_ACK | push, payload, fill);
        connection->offset += payload.size;
    }
    connection->phase = PHASE_DATA_ACK;
}

/* A connection that has made its calls says good-bye where its protocol does so, unless the end of all calls cut it
 * off. */
static void script_end(struct traffic *traffic, struct connection *connection)
{
    const struct traffic_script *script = current_script(traffic, connection);
    connection->rest -= script->role == TRAFFIC_CALL;
    bool session = traffic->book.sessions && script->role != TRAFFIC_CLOSING;
    bool closing = session && script[1].role == TRAFFIC_CLOSING && script[1].count;
    connection->script += session;
    if (connection->rest == 0 && !closing)
        connection->phase = PHASE_FIN;
}

/* Receivers acknowledge every second full segment, and the last one (RFC 9293 3.8.6.3). */
static void show_flight_acks(struct traffic *traffic, struct connection *connection, struct fill *fill)
{
    const struct traffic_write *write = current_write(traffic, connection);
    uint32_t sender = write->to_client;
    while (connection->next[sender] - connection->acked[sender] > 2 * FRAME_PAYLOAD_MAX) {
        connection->acked[sender] += 2 * FRAME_PAYLOAD_MAX;
        show(traffic, connection, !sender, FRAME_ACK, (struct span){0}, fill);
    }
    show_ack(traffic, connection, !sender, 0, fill);
    connection->phase = PHASE_DATA;
    if (connection->offset < write->bytes.size)
        return;
    connection->offset = 0;
    if (++connection->write < current_script(traffic, connection)->count)
        return;
    connection->write = 0;
    script_end(traffic, connection);
}

static void handshake_visit(struct traffic *traffic, struct connection *connection, struct fill *fill)
{
    switch (connection->phase) {
    case PHASE_SYN:
        traffic->counts.connections++;
        show(traffic, connection, 0, FRAME_SYN, (struct span){0}, fill);
        connection->phase = PHASE_SYN_ACK;
        break;
    case PHASE_SYN_ACK:
        show_ack(traffic, connection, 1, FRAME_SYN, fill);
        connection->phase = PHASE_ESTABLISH;
        break;
    default:
        show_ack(traffic, connection, 0, 0, fill);
        connection->phase = PHASE_DATA;
        break;
    }
}

static void close_visit(struct traffic *traffic, struct connection *connection, struct fill *fill)
{
    switch (connection->phase) {
    case PHASE_FIN:
        show_ack(traffic, connection, 0, FRAME_FIN, fill);
        connection->phase = PHASE_FIN_ANSWER;
        break;
    case PHASE_FIN_ANSWER:
        show_ack(traffic, connection, 1, FRAME_FIN, fill);
        connection->phase = PHASE_LAST_ACK;
        break;
    default:
        show_ack(traffic, connection, 0, 0, fill);
        traffic->open--;
        connection_begin(traffic, connection);
        break;
    }
}

/* True when the connection rests now: a call is complete. */
static bool visit(struct traffic *traffic, struct connection *connection, struct fill *fill)
{
    switch (connection->phase) {
    case PHASE_NEW:
        if (connection->wait)
            connection->wait--;
        else
            connection_begin(traffic, connection);
        return false;
    case PHASE_DATA:
        show_flight(traffic, connection, fill);
        return false;
    case PHASE_DATA_ACK:
        show_flight_acks(traffic, connection, fill);
        return connection->write == 0 && connection->offset == 0;
    case PHASE_FIN:
    case PHASE_FIN_ANSWER:
    case PHASE_LAST_ACK:
        close_visit(traffic, connection, fill);
        return false;
    default:
        handshake_visit(traffic, connection, fill);
        return false;
    }
}

/* ---------------------------------------------------------------------- turns */

static void rest_push(struct traffic *traffic, uint32_t slot)
{
    traffic->resting[(traffic->resting_first + traffic->resting_count++) & traffic->resting_mask] = slot;
}

/* SLOT_NONE when nobody rests. */
static uint32_t rest_draw(struct traffic *traffic)
{
    if (traffic->resting_count == 0)
        return SLOT_NONE;
    uint32_t *ring = traffic->resting;
    uint32_t draw = random_below(&traffic->random, traffic->resting_count / DRAW_DIVISOR + 1);
    uint32_t drawn = (traffic->resting_first + draw) & traffic->resting_mask;
    uint32_t slot = ring[drawn];
    ring[drawn] = ring[traffic->resting_first & traffic->resting_mask];
    traffic->resting_first++;
    traffic->resting_count--;
    return slot;
}

static void entry_visit(struct traffic *traffic, uint32_t *entry, struct fill *fill)
{
    if (*entry == SLOT_NONE)
        return;
    struct connection *connection = &traffic->connections[*entry];
    if (visit(traffic, connection, fill)) {
        rest_push(traffic, *entry);
        *entry = rest_draw(traffic);
    } else if (connection->phase == PHASE_OVER) {
        *entry = rest_draw(traffic);
        traffic->live -= *entry == SLOT_NONE;
    }
}

/* The next active entry; NULL where the permutation points behind the last one. */
static uint32_t *entry_next(struct traffic *traffic)
{
    if (traffic->turn_step > traffic->turn_mask) {
        traffic->turn_step = 0;
        traffic->turn_factor = (uint32_t)random_next(&traffic->random) | 1; /* odd: a permutation of 2^n */
        traffic->turn_offset = (uint32_t)random_next(&traffic->random);
    }
    uint32_t index = (traffic->turn_step++ * traffic->turn_factor + traffic->turn_offset) & traffic->turn_mask;
    return index < traffic->active_count ? &traffic->active[index] : NULL;
}

/* ---------------------------------------------------------------------- public */

static bool settings_fit(const struct traffic_settings *settings)
{
    return settings->protocol && settings->concurrency > 0 && settings->concurrency <= TRAFFIC_CONCURRENCY_MAX &&
           settings->active > 0 && settings->transactions_per_connection > 0 &&
           settings->transactions_per_connection <= 1000000 && settings->request_body_bytes <= TRAFFIC_BODY_BYTES_MAX &&
           settings->response_body_bytes <= TRAFFIC_BODY_BYTES_MAX && settings->sensitive_percent <= 100 &&
           settings->sensitive_values <= TRAFFIC_VALUES_MAX && settings->shadow_percent <= 100 &&
           settings->missing_header_percent <= 100 && settings->variants > 0 &&
           settings->connections <= settings->transactions &&
           /* How many calls a session has is written down before. */
           (settings->connections == 0 || settings->protocol->write_call);
}

static uint32_t power_of_two(uint32_t at_least)
{
    uint32_t power = 1;
    while (power < at_least)
        power *= 2;
    return power;
}

static int traffic_init(struct traffic *traffic, const struct traffic_settings *settings)
{
    traffic->settings = *settings;
    traffic->random.state = random_mix(settings->seed + 1);
    traffic->time_ns = settings->start_ns;
    /* No more slots than there will be connections. */
    uint64_t connections = settings->connections ? settings->connections : settings->transactions;
    uint32_t slots = settings->concurrency;
    if (connections)
        slots = (uint32_t)min_u64(slots, connections);
    traffic->active_count = traffic->live = min_u32(settings->active, slots);
    traffic->turn_mask = power_of_two(traffic->active_count) - 1;
    traffic->turn_step = traffic->turn_mask + 1; /* the first visit begins a turn */
    traffic->resting_mask = power_of_two(slots) - 1;
    traffic->connections = calloc(slots, sizeof(struct connection));
    traffic->active = calloc(traffic->active_count, sizeof(uint32_t));
    traffic->resting = calloc((size_t)traffic->resting_mask + 1, sizeof(uint32_t));
    if (!traffic->connections || !traffic->active || !traffic->resting)
        return -ENOMEM;
    for (uint32_t i = 0; i < traffic->active_count; i++) {
        traffic->active[i] = i;
        traffic->connections[i].wait = (uint16_t)random_below(&traffic->random, BEGIN_TURNS);
    }
    for (uint32_t i = traffic->active_count; i < slots; i++)
        rest_push(traffic, i);
    return book_init(&traffic->book, settings);
}

int traffic_new(struct traffic **traffic_out, const struct traffic_settings *settings)
{
    if (!settings_fit(settings))
        return -EINVAL;
    struct traffic *traffic = calloc(1, sizeof(*traffic));
    if (!traffic)
        return -ENOMEM;
    int result = traffic_init(traffic, settings);
    if (result < 0) {
        traffic_free(traffic);
        return result;
    }
    *traffic_out = traffic;
    return 0;
}

void traffic_free(struct traffic *traffic)
{
    if (!traffic)
        return;
    book_deinit(&traffic->book);
    free(traffic->connections);
    free(traffic->active);
    free(traffic->resting);
    free(traffic);
}

uint32_t traffic_fill(struct traffic *traffic, uint8_t *memory, size_t memory_size, struct packet *packets_out,
                      uint32_t packets_max)
{
    struct fill fill = {memory, packets_out, 0};
    const uint8_t *limit = memory + memory_size;
    while (traffic->live && packets_max - fill.count >= TRAFFIC_FLIGHT_MAX &&
           (size_t)(limit - fill.next) >= TRAFFIC_FLIGHT_MAX * (size_t)FRAME_MAX) {
        uint32_t *entry = entry_next(traffic);
        if (entry)
            entry_visit(traffic, entry, &fill);
    }
    return fill.count;
}

const struct traffic_counts *traffic_counts(const struct traffic *traffic)
{
    return &traffic->counts;
}

uint32_t traffic_open(const struct traffic *traffic)
{
    return traffic->open;
}

struct span traffic_keylog(const struct traffic *traffic)
{
    return span_of(traffic->book.keylog, traffic->book.keylog_size);
}
