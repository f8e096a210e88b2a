/* SPDX-License-Identifier: Apache-2.0 */

/*
 * flow: properties. Random conversations are sent as a tap might show them: cut anywhere, delayed, reordered, repeated,
 * with a packet missing. What was sent is known, so what must be told is known.
 */

#include "flow_tap.h"

#define PLAN_PACKETS_MAX 600u
#define STREAM_MAX       40000u
#define ROUNDS_MAX       6u

struct plan_packet {
    enum tap_sender sender;
    uint8_t flags;
    uint32_t sequence, acknowledgement, size; /* relative; the payload is the sender's stream at sequence - 1 */
    uint64_t time_ns;                         /* when the tap shows it, from the start */
};

/* A conversation: strictly one message after the other, as HTTP/1.1 does. */
struct plan {
    struct plan_packet packets[PLAN_PACKETS_MAX];
    uint32_t count;
    uint32_t sent[2]; /* stream bytes by sender */
    uint32_t rounds;
    uint32_t message_end[2][ROUNDS_MAX]; /* stream offset behind each message */
    uint32_t initial[2];
    uint8_t streams[2][STREAM_MAX];
    uint64_t random;
    uint64_t time_ns;
};

static uint32_t plan_random(struct plan *plan, uint32_t below)
{
    plan->random = plan->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(plan->random >> 33) % below;
}

static struct plan_packet *plan_add(struct plan *plan, enum tap_sender sender, uint8_t flags, uint32_t size)
{
    assert_true(plan->count < PLAN_PACKETS_MAX);
    struct plan_packet *packet = &plan->packets[plan->count++];
    *packet = (struct plan_packet){.sender = sender,
                                   .flags = flags,
                                   .sequence = 1 + plan->sent[sender],
                                   .acknowledgement = 1 + plan->sent[!sender],
                                   .size = size,
                                   .time_ns = plan->time_ns};
    plan->time_ns += 10000;
    return packet;
}

static void plan_message(struct plan *plan, enum tap_sender sender)
{
    uint32_t left = 1 + plan_random(plan, plan_random(plan, 3) ? 400 : 6000);
    while (left) {
        uint32_t most = plan_random(plan, 8) ? 1460 : 5000; /* now and then a card has put segments together */
        uint32_t size = 1 + plan_random(plan, most);
        size = size < left ? size : left;
        plan_add(plan, sender, NET_TCP_ACK | NET_TCP_PSH, size);
        plan->sent[sender] += size;
        left -= size;
        if (plan_random(plan, 3) == 0)
            plan_add(plan, (enum tap_sender) !sender, NET_TCP_ACK, 0);
    }
}

static struct plan *plan_new(uint64_t seed)
{
    struct plan *plan = calloc(1, sizeof(*plan));
    assert_non_null(plan);
    plan->random = seed * 0x9e3779b97f4a7c15u + 1;
    for (int sender = 0; sender < 2; sender++) {
        for (uint32_t i = 0; i < STREAM_MAX; i++)
            plan->streams[sender][i] = (uint8_t)plan_random(plan, 256);
        plan->initial[sender] = plan_random(plan, 2) ? 0u - plan_random(plan, 9000) : plan_random(plan, 1u << 30);
    }
    plan_add(plan, CLIENT, NET_TCP_SYN, 0)->sequence = 0;
    plan_add(plan, SERVER, NET_TCP_SYN | NET_TCP_ACK, 0)->sequence = 0;
    plan_add(plan, CLIENT, NET_TCP_ACK, 0);
    plan->rounds = 1 + plan_random(plan, ROUNDS_MAX);
    for (uint32_t round = 0; round < plan->rounds; round++) {
        plan_message(plan, CLIENT);
        plan->message_end[CLIENT][round] = plan->sent[CLIENT];
        plan_message(plan, SERVER);
        plan->message_end[SERVER][round] = plan->sent[SERVER];
    }
    plan_add(plan, CLIENT, NET_TCP_ACK, 0);
    plan_add(plan, CLIENT, NET_TCP_ACK | NET_TCP_FIN, 0);
    plan_add(plan, SERVER, NET_TCP_ACK | NET_TCP_FIN, 0)->acknowledgement++;
    struct plan_packet *last = plan_add(plan, CLIENT, NET_TCP_ACK, 0);
    last->sequence++;
    last->acknowledgement++;
    return plan;
}

/* Repeats stretches of packets already sent, whole or in part, up to three milliseconds later. */
static void plan_repeat(struct plan *plan, uint32_t copies)
{
    uint32_t original_count = plan->count;
    for (uint32_t i = 0; i < copies; i++) {
        struct plan_packet packet = plan->packets[plan_random(plan, original_count)];
        packet.time_ns += plan_random(plan, 3000000);
        if (packet.size && plan_random(plan, 2)) {
            uint32_t cut = plan_random(plan, packet.size);
            packet.sequence += cut;
            packet.size = 1 + plan_random(plan, packet.size - cut);
        }
        assert_true(plan->count < PLAN_PACKETS_MAX);
        plan->packets[plan->count++] = packet;
    }
}

static int by_time(const void *a, const void *b)
{
    const struct plan_packet *left = a, *right = b;
    return left->time_ns < right->time_ns ? -1 : left->time_ns > right->time_ns;
}

/* Each port has its delay, each packet its own on top; the handshake keeps its order within a port. */
static void plan_disturb(struct plan *plan, uint64_t port_delay_ns[2], uint32_t jitter_ns)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        struct plan_packet *packet = &plan->packets[i];
        packet->time_ns += port_delay_ns[packet->sender];
        if (!(packet->flags & NET_TCP_SYN) && jitter_ns)
            packet->time_ns += 1 + plan_random(plan, jitter_ns);
    }
    qsort(plan->packets, plan->count, sizeof(plan->packets[0]), by_time);
}

static void plan_send(struct tap *tap, const struct plan *plan, uint32_t index, uint64_t start_ns)
{
    const struct plan_packet *packet = &plan->packets[index];
    tap->time_ns = start_ns + packet->time_ns;
    tap->initial[CLIENT] = plan->initial[CLIENT];
    tap->initial[SERVER] = plan->initial[SERVER];
    struct net_packet made = tap_template(tap);
    const uint8_t *payload = packet->size ? plan->streams[packet->sender] + packet->sequence - 1 : NULL;
    tap_fill(tap, &made, packet->sender, packet->flags, packet->sequence, packet->acknowledgement, payload,
             packet->size);
    tap_put(tap, &made);
}

static void plan_run(struct tap *tap, const struct plan *plan, uint32_t dropped)
{
    uint64_t start_ns = tap->time_ns;
    for (uint32_t i = 0; i < plan->count; i++) {
        if (i == dropped)
            continue;
        plan_send(tap, plan, i, start_ns);
        if (i % 3 == 0)
            flow_table_advance(tap->table, tap->time_ns);
    }
}

static void expect_streams(const struct tap *tap, const struct plan *plan)
{
    assert_int_equal(tap->flow_count, 1);
    const struct tap_flow *flow = &tap->flows[0];
    assert_int_equal(flow->ambiguity, 0);
    for (int sender = 0; sender < 2; sender++) {
        const struct tap_stream *stream = &flow->streams[sender == CLIENT ? FLOW_TO_SERVER : FLOW_TO_CLIENT];
        assert_int_equal(stream->size, plan->sent[sender]);
        assert_int_equal(stream->lost, 0);
        assert_true(stream->last);
        assert_memory_equal(stream->bytes, plan->streams[sender], plan->sent[sender]);
    }
}

static void any_cut_is_told_as_it_was_sent(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct plan *plan = plan_new(seed);
        struct tap *tap = tap_default();
        plan_run(tap, plan, UINT32_MAX);
        tap_flush(tap);
        expect_streams(tap, plan);
        assert_int_equal(tap->flows[0].reason, FLOW_END_FIN);
        assert_int_equal(tap_statistics(tap).held_segments, 0);
        tap_free(tap);
        free(plan);
    }
}

static void reordering_repetition_and_skew_change_no_byte(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 600; seed++) {
        struct plan *plan = plan_new(seed);
        plan_repeat(plan, plan_random(plan, 20));
        uint64_t delays[2] = {plan_random(plan, 9000000), plan_random(plan, 9000000)};
        plan_disturb(plan, delays, plan_random(plan, 2) ? 4000000 : 0);
        struct tap *tap = tap_default();
        plan_run(tap, plan, UINT32_MAX);
        tap_flush(tap);
        expect_streams(tap, plan);
        tap_free(tap);
        free(plan);
    }
}

/* Watches that no response byte is told before its whole request, and no request before the response it follows. */
struct watch {
    const struct plan *plan;
    uint32_t told[2];
};

static enum ledger_reason watch_data(void *context, struct flow *flow, const struct flow_chunk *chunk)
{
    (void)flow;
    struct watch *watch = context;
    enum tap_sender sender = chunk->direction == FLOW_TO_SERVER ? CLIENT : SERVER;
    const struct plan *plan = watch->plan;
    for (uint32_t round = 0; round < plan->rounds && chunk->size; round++) {
        uint32_t begin = round ? plan->message_end[sender][round - 1] : 0;
        if (chunk->offset < begin || chunk->offset >= plan->message_end[sender][round])
            continue;
        if (sender == SERVER)
            assert_int_equal(watch->told[CLIENT], plan->message_end[CLIENT][round]);
        else
            assert_int_equal(watch->told[SERVER], round ? plan->message_end[SERVER][round - 1] : 0);
    }
    watch->told[sender] += chunk->size;
    return LEDGER_AUDITED;
}

static void watch_end(void *context, struct flow *flow, enum flow_end reason)
{
    (void)context;
    (void)flow;
    (void)reason;
}

static void requests_come_before_their_responses(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct plan *plan = plan_new(seed);
        uint64_t delays[2] = {plan_random(plan, 9000000), plan_random(plan, 9000000)};
        plan_disturb(plan, delays, 4000000);
        struct tap *tap = tap_default();
        struct watch watch = {.plan = plan};
        const struct flow_sink sink = {&watch, watch_data, watch_end};
        const struct hash_key key = {1, 2};
        struct arena *arena = arena_new(flow_table_size(&tap->settings));
        assert_int_equal(flow_table_new(&tap->table, arena, &tap->settings, &tap->ledger, &key, &sink), 0);
        plan_run(tap, plan, UINT32_MAX);
        tap_flush(tap);
        assert_int_equal(watch.told[CLIENT], plan->sent[CLIENT]);
        assert_int_equal(watch.told[SERVER], plan->sent[SERVER]);
        arena_free(arena);
        tap_free(tap);
        free(plan);
    }
}

static void expect_hole(const struct tap *tap, const struct plan *plan, const struct plan_packet *lost)
{
    const struct tap_flow *flow = &tap->flows[0];
    assert_int_equal(tap->flow_count, 1);
    assert_int_equal(flow->ambiguity, 0);
    for (int sender = 0; sender < 2; sender++) {
        const struct tap_stream *stream = &flow->streams[sender == CLIENT ? FLOW_TO_SERVER : FLOW_TO_CLIENT];
        uint32_t size = sender == (int)lost->sender ? lost->size : 0;
        uint32_t from = lost->sequence - 1;
        assert_int_equal(stream->size, plan->sent[sender]);
        assert_int_equal(stream->lost, size);
        assert_int_equal(stream->holes, size != 0);
        for (uint32_t i = 0; i < plan->sent[sender]; i++)
            assert_int_equal(stream->bytes[i], i - from < size ? 0 : plan->streams[sender][i]);
    }
}

/* Seen by the receiver, not by us: any one packet but the SYNs, with and without skew. */
static void one_lost_packet_is_exactly_that_hole(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct plan *plan = plan_new(seed);
        uint64_t delays[2] = {plan_random(plan, 9000000), plan_random(plan, 9000000)};
        if (seed % 2)
            plan_disturb(plan, delays, 3000000);
        for (uint32_t dropped = 0; dropped < plan->count; dropped++) {
            if (plan->packets[dropped].flags & (NET_TCP_SYN | NET_TCP_FIN))
                continue;
            struct tap *tap = tap_default();
            plan_run(tap, plan, dropped);
            tap_flush(tap);
            expect_hole(tap, plan, &plan->packets[dropped]);
            assert_int_equal(tap->ledger.missing[LEDGER_MISSING_TCP_GAP_BYTES], plan->packets[dropped].size);
            tap_free(tap);
        }
        free(plan);
    }
}

#define CROWD 8

/* One table for all, looked at after every packet, or one for each and never looked at: the same to the last fact. */
static void flows_do_not_influence_each_other(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct plan *plans[CROWD];
        struct tap *together = tap_default();
        uint64_t start_ns = together->time_ns;
        uint64_t alone[CROWD];
        for (uint32_t i = 0; i < CROWD; i++) {
            plans[i] = plan_new(seed * CROWD + i);
            plan_repeat(plans[i], 10);
            uint64_t delays[2] = {plan_random(plans[i], 30000000), plan_random(plans[i], 30000000)};
            plan_disturb(plans[i], delays, 15000000); /* beyond the skew window: holes and all */
            struct tap *tap = tap_default();
            tap->client_port = (uint16_t)(50000 + i);
            for (uint32_t k = 0; k < plans[i]->count; k++)
                plan_send(tap, plans[i], k, start_ns);
            tap_flush(tap);
            assert_int_equal(tap->flow_count, 1);
            alone[i] = tap->flows[0].digest;
            tap_free(tap);
        }
        uint32_t at[CROWD] = {0};
        for (;;) {
            uint32_t next = CROWD;
            for (uint32_t i = 0; i < CROWD; i++)
                if (at[i] < plans[i]->count &&
                    (next == CROWD || plans[i]->packets[at[i]].time_ns < plans[next]->packets[at[next]].time_ns))
                    next = i;
            if (next == CROWD)
                break;
            together->client_port = (uint16_t)(50000 + next);
            plan_send(together, plans[next], at[next]++, start_ns);
            flow_table_advance(together->table, together->time_ns);
        }
        tap_flush(together);
        assert_int_equal(together->flow_count, CROWD);
        for (uint32_t i = 0; i < CROWD; i++)
            assert_int_equal(together->flows[i].digest, alone[together->flows[i].endpoints.source_port - 50000]);
        tap_free(together);
        for (uint32_t i = 0; i < CROWD; i++)
            free(plans[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_cut_is_told_as_it_was_sent),
        cmocka_unit_test(reordering_repetition_and_skew_change_no_byte),
        cmocka_unit_test(requests_come_before_their_responses),
        cmocka_unit_test(one_lost_packet_is_exactly_that_hole),
        cmocka_unit_test(flows_do_not_influence_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
