/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fuzz target: flow table. The input is a script: four bytes of settings, then eight bytes a packet. Checked are the
 * promises to sinks (offsets join, an end comes once and last), the ledger after every packet, empty pools at the end,
 * and that looking at the table often or never makes no difference to what is told.
 */

#include <stdlib.h>
#include <string.h>

#include "flow/flow_table.h"
#include "net/net_packet.h"

#define SETTINGS_SIZE 4u
#define STEP_SIZE     8u
#define STEPS_MAX     400u
#define SESSIONS_MAX  (STEPS_MAX + 1)
#define SKEW_NS       UINT64_C(20000000)
#define SEGMENT_BYTES 1536u /* hold budget counts whole segments */

struct session {
    uint64_t offset[2];
    bool last[2];
    bool ended;
};

struct run {
    struct arena *arena;
    struct ledger ledger;
    struct flow_table *table;
    struct session sessions[SESSIONS_MAX];
    uint32_t session_count;
    uint64_t digest[4]; /* by connection: the flows of one come one after the other */
    uint32_t calls;
    uint8_t mood;
};

/* What one end of a connection sends next. */
struct sender {
    uint32_t sequence;
};

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void digest_add(struct run *run, const struct flow *flow, uint64_t fact)
{
    uint32_t connection = (flow->ends.source_port ^ flow->ends.destination_port) & 3;
    run->digest[connection] = (run->digest[connection] ^ fact) * UINT64_C(0x100000001b3);
    run->digest[connection] ^= run->digest[connection] >> 31;
}

static enum ledger_reason on_data(void *context, struct flow *flow, const struct flow_chunk *chunk)
{
    struct run *run = context;
    if (!flow->session) {
        check(run->session_count < SESSIONS_MAX);
        flow->session = &run->sessions[run->session_count++];
    }
    struct session *session = flow->session;
    enum flow_direction direction = chunk->direction;
    check(!session->ended && !session->last[direction]);
    check(chunk->offset == session->offset[direction]);
    check(!chunk->data == !chunk->size && !(chunk->size && chunk->lost));
    check(chunk->size || chunk->lost || chunk->last);
    session->offset[direction] += (uint64_t)chunk->size + chunk->lost;
    session->last[direction] = chunk->last;
    check(flow_side(flow, direction)->offset == session->offset[direction]);
    digest_add(run, flow, chunk->offset * 4 + direction * 2u + chunk->last);
    digest_add(run, flow, ((uint64_t)chunk->lost << 32) + chunk->size);
    digest_add(run, flow, chunk->time_ns);
    for (uint32_t i = 0; i < chunk->size; i++)
        digest_add(run, flow, chunk->data[i]);
    if ((run->mood & 1) && chunk->offset == 0 && (flow->flags & FLOW_MIDSTREAM)) {
        flow_swap_direction(flow);
        const struct session old = *session;
        for (int i = 0; i < 2; i++) {
            session->offset[i] = old.offset[!i];
            session->last[i] = old.last[!i];
        }
    }
    static const enum ledger_reason answers[] = {LEDGER_AUDITED, FLOW_UNDECIDED, LEDGER_ENCRYPTED, FLOW_UNDECIDED};
    return answers[(chunk->offset + (run->mood >> 1)) & 3];
}

static void on_end(void *context, struct flow *flow, enum flow_end reason)
{
    struct run *run = context;
    struct session *session = flow->session;
    check(session && !session->ended && reason < FLOW_END_COUNT);
    session->ended = true;
    /* Whoever looks at the table before its end finds a silent flow, whoever does not flushes it. */
    digest_add(run, flow, 1000 + (reason == FLOW_END_FLUSH ? FLOW_END_TIMEOUT : reason));
    digest_add(run, flow, flow->ambiguity);
}

static struct flow_settings settings_of(const uint8_t *bytes, bool pressed)
{
    struct flow_settings settings = flow_settings_default(pressed ? 3 : 16);
    settings.hold_flow_bytes = (1u + bytes[1] % 16) * SEGMENT_BYTES;
    settings.keep_flow_bytes = (bytes[1] / 16) * SEGMENT_BYTES;
    settings.hold_bytes = pressed ? 20 * SEGMENT_BYTES : (uint64_t)32 * settings.hold_flow_bytes;
    settings.keep_bytes = pressed ? 10 * SEGMENT_BYTES : (uint64_t)32 * settings.keep_flow_bytes;
    settings.skew_window_ns = SKEW_NS;
    settings.checksum_policy = (enum flow_checksum_policy)(bytes[2] % 3);
    settings.overlap_policy = (bytes[2] & 4) ? FLOW_OVERLAP_LAST : FLOW_OVERLAP_FIRST;
    settings.midstream = (bytes[2] & 8) == 0;
    settings.evict_idle_ns = SKEW_NS;
    return settings;
}

static void run_start(struct run *run, const uint8_t *bytes, bool pressed)
{
    memset(run, 0, sizeof(*run));
    struct flow_settings settings = settings_of(bytes, pressed);
    const struct hash_key key = {5, 6};
    const struct flow_sink sink = {run, on_data, on_end};
    run->mood = bytes[3];
    run->arena = arena_new(flow_table_size(&settings));
    check(run->arena && flow_table_new(&run->table, run->arena, &settings, &run->ledger, &key, &sink) == 0);
}

static void run_finish(struct run *run)
{
    flow_table_flush(run->table);
    struct flow_statistics statistics;
    flow_table_statistics(run->table, &statistics);
    check(statistics.flows == 0 && statistics.hold_segments == 0 && statistics.keep_segments == 0);
    check(ledger_balanced(&run->ledger) && run->ledger.pending.packets == 0 && run->ledger.pending.bytes == 0);
    for (uint32_t i = 0; i < run->session_count; i++)
        check(run->sessions[i].ended);
    arena_free(run->arena);
}

static uint32_t step_sequence(const struct sender *sender, uint8_t code)
{
    uint32_t offset = (uint32_t)(int8_t)code;
    if ((code & 0x0f) == 0x0f) /* now and then far away */
        offset <<= (code >> 4) + 8;
    return sender->sequence + offset;
}

static uint32_t step_size(uint8_t code)
{
    return code < 200 ? code % 50 : (uint32_t)(code - 199) * 200;
}

/* A packet from eight bytes; the senders move on with what they send unless the step says it is extra. */
static void step_packet(const uint8_t *step, struct sender senders[4][2], const uint8_t *payload,
                        struct net_packet *packet_out)
{
    uint32_t connection = step[0] & 3, from = (step[0] >> 2) & 1;
    struct sender *sender = &senders[connection][from];
    uint32_t size = step_size(step[4]);
    *packet_out = (struct net_packet){.packets = 1, .bytes = 60 + size, .window = (uint16_t)(step[6] * 257)};
    struct endpoints *ends = &packet_out->endpoints;
    ends->source_port = (uint16_t)(from ? 80 : 40000 + connection);
    ends->destination_port = (uint16_t)(from ? 40000 + connection : 80);
    ends->source.bytes[15] = (uint8_t)(1 + from);
    ends->destination.bytes[15] = (uint8_t)(2 - from);
    packet_out->tcp_flags = (step[1] & 0x40) ? (step[1] & 0x37) : NET_TCP_ACK;
    packet_out->sequence = step_sequence(sender, step[2]);
    packet_out->acknowledgement = step_sequence(&senders[connection][!from], step[3]);
    packet_out->payload = (struct span){size ? payload : NULL, size};
    packet_out->payload_missing = (step[7] & 0x80) ? step[7] & 15 : 0;
    packet_out->checksum = (step[7] >> 4) & 3 ? NET_CHECKSUM_GOOD : (step[7] & 1) ? NET_CHECKSUM_BAD : 0;
    packet_out->options = (step[7] & 8) ? NET_OPTION_TIMESTAMPS | NET_OPTION_WINDOW_SCALE : step[7] & 0x10;
    packet_out->timestamp_value = step[6];
    packet_out->window_scale = step[6] & 15;
    if (!(step[0] & 0x80))
        sender->sequence += size + ((packet_out->tcp_flags & (NET_TCP_SYN | NET_TCP_FIN)) ? 1 : 0);
}

static void run_script(struct run *run, const uint8_t *data, size_t size, bool watchful)
{
    struct sender senders[4][2];
    for (uint32_t i = 0; i < 8; i++)
        senders[i / 2][i % 2].sequence = (i & 2) ? 0u - 100 * i : 1000 * i;
    uint64_t time_ns = 1000 * SKEW_NS;
    for (uint32_t step = 0; step < STEPS_MAX && size >= STEP_SIZE; step++, data += STEP_SIZE, size -= STEP_SIZE) {
        uint8_t code = data[5];
        /* Mostly within the skew window, sometimes seconds or hours. */
        time_ns += code < 240 ? (uint64_t)code * 100000 : UINT64_C(1000000000) << (code - 240);
        uint32_t payload_size = step_size(data[4]);
        uint8_t *payload = malloc(payload_size ? payload_size : 1);
        check(payload != NULL);
        memset(payload, 'a' + (data[6] & 1), payload_size ? payload_size : 1);
        struct net_packet packet;
        step_packet(data, senders, payload, &packet);
        packet.time_ns = time_ns - (data[0] >> 3 & 15) * (SKEW_NS / 16); /* the other port is behind */
        ledger_receive(&run->ledger, packet.packets, packet.bytes);
        flow_table_packets(run->table, &packet, 1);
        free(payload);
        check(ledger_balanced(&run->ledger));
        for (int i = 0; watchful && i < 3; i++)
            flow_table_advance(run->table, time_ns);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct run first, second;
    if (size < SETTINGS_SIZE)
        return 0;
    bool pressed = (data[0] & 1) != 0;
    run_start(&first, data, pressed);
    run_script(&first, data + SETTINGS_SIZE, size - SETTINGS_SIZE, true);
    run_finish(&first);
    run_start(&second, data, pressed);
    run_script(&second, data + SETTINGS_SIZE, size - SETTINGS_SIZE, false);
    run_finish(&second);
    /* With room for all, a flow's story is its own. */
    check(pressed || memcmp(first.digest, second.digest, sizeof(first.digest)) == 0);
    return 0;
}
