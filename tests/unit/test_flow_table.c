/* SPDX-License-Identifier: Apache-2.0 */

/* flow: many flows. Finding them, making room, ending them in time, and settings. */

#include <errno.h>

#include "flow_tap.h"

/* A sink that keeps what it needs in the session pointer alone: number of chunks, plus one. */
struct crowd {
    struct arena *arena;
    struct ledger ledger;
    struct flow_table *table;
    uint64_t ends[FLOW_END_COUNT];
    uint64_t ends_with_session;
    uint64_t time_ns;
    bool sessions;
};

static enum ledger_reason crowd_data(void *context, struct flow *flow, const struct flow_chunk *chunk)
{
    struct crowd *crowd = context;
    assert_true(chunk->size || chunk->last);
    if (crowd->sessions)
        flow->session = crowd;
    return LEDGER_AUDITED;
}

static void crowd_end(void *context, struct flow *flow, enum flow_end reason)
{
    struct crowd *crowd = context;
    crowd->ends[reason]++;
    crowd->ends_with_session += flow->session != NULL;
}

static struct crowd *crowd_new(const struct flow_settings *settings)
{
    struct crowd *crowd = calloc(1, sizeof(*crowd));
    assert_non_null(crowd);
    crowd->arena = arena_new(flow_table_size(settings));
    assert_non_null(crowd->arena);
    const struct hash_key key = {3, 4};
    const struct flow_sink sink = {crowd, crowd_data, crowd_end};
    assert_int_equal(flow_table_new(&crowd->table, crowd->arena, settings, &crowd->ledger, &key, &sink), 0);
    crowd->time_ns = 1000 * SECOND_NS;
    crowd->sessions = true;
    return crowd;
}

static void crowd_free(struct crowd *crowd)
{
    flow_table_flush(crowd->table);
    assert_true(ledger_balanced(&crowd->ledger));
    assert_int_equal(crowd->ledger.pending.packets, 0);
    struct flow_statistics statistics;
    flow_table_statistics(crowd->table, &statistics);
    assert_int_equal(statistics.flows, 0);
    assert_int_equal(statistics.hold_segments + statistics.keep_segments, 0);
    arena_free(crowd->arena);
    free(crowd);
}

static struct flow_statistics crowd_statistics(const struct crowd *crowd)
{
    struct flow_statistics statistics;
    flow_table_statistics(crowd->table, &statistics);
    return statistics;
}

static struct net_packet crowd_packet(const struct crowd *crowd, uint32_t client, enum tap_sender sender, uint8_t flags,
                                      uint32_t sequence, const char *payload)
{
    struct net_packet packet = {.time_ns = crowd->time_ns, .packets = 1, .bytes = 60, .window = 1000};
    struct endpoints *ends = &packet.endpoints;
    struct address *from = sender == CLIENT ? &ends->source : &ends->destination;
    struct address *to = sender == CLIENT ? &ends->destination : &ends->source;
    tap_address(from, 1);
    tap_address(to, 2);
    memcpy(from->bytes + 11, &client, sizeof(client)); /* all of a client's number is in its address */
    *(sender == CLIENT ? &ends->source_port : &ends->destination_port) = 1024;
    *(sender == CLIENT ? &ends->destination_port : &ends->source_port) = 443;
    packet.tcp_flags = flags;
    packet.sequence = sequence;
    packet.acknowledgement = (flags & NET_TCP_ACK) ? 101 : 0;
    packet.payload = span_from_text(payload);
    return packet;
}

static void crowd_put(struct crowd *crowd, const struct net_packet *packets, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        ledger_receive(&crowd->ledger, packets[i].packets, packets[i].bytes);
    flow_table_packets(crowd->table, packets, count);
}

static void crowd_send(struct crowd *crowd, uint32_t client, enum tap_sender sender, uint8_t flags, uint32_t sequence,
                       const char *payload)
{
    struct net_packet packet = crowd_packet(crowd, client, sender, flags, sequence, payload);
    crowd_put(crowd, &packet, 1);
}

static void crowd_establish(struct crowd *crowd, uint32_t client)
{
    crowd_send(crowd, client, CLIENT, NET_TCP_SYN, 100, "");
    crowd_send(crowd, client, SERVER, NET_TCP_SYN | NET_TCP_ACK, 100, "");
    crowd_send(crowd, client, CLIENT, NET_TCP_ACK, 101, "hello");
}

static void syn_flood_evicts_no_established_flow(void **state)
{
    (void)state;
    const uint32_t flow_max = 20000, established = 15000, flood = 10000000;
    struct flow_settings settings = flow_settings_default(flow_max);
    struct crowd *crowd = crowd_new(&settings);
    for (uint32_t i = 0; i < established; i++)
        crowd_establish(crowd, i);
    struct net_packet burst[PACKET_BURST_MAX];
    for (uint32_t sent = 0; sent < flood; sent += PACKET_BURST_MAX) {
        crowd->time_ns += 64 * 1000; /* a million a second */
        for (uint32_t i = 0; i < PACKET_BURST_MAX; i++)
            burst[i] = crowd_packet(crowd, 1000000 + sent + i, CLIENT, NET_TCP_SYN, sent, "");
        crowd_put(crowd, burst, PACKET_BURST_MAX);
        flow_table_advance(crowd->table, crowd->time_ns);
    }
    struct flow_statistics statistics = crowd_statistics(crowd);
    assert_int_equal(statistics.evicted_idle, 0);
    assert_int_equal(statistics.flows - statistics.flows_half_open, established);
    assert_true(statistics.evicted_half_open > flood / 2);
    for (int i = 0; i < FLOW_END_COUNT; i++)
        assert_int_equal(crowd->ends[i], 0);
    /* They still work. */
    for (uint32_t i = 0; i < established; i++)
        crowd_send(crowd, i, CLIENT, NET_TCP_ACK, 106, "again");
    assert_int_equal(crowd_statistics(crowd).midstream, 0);
    crowd_free(crowd);
}

static void full_table_of_sessions_refuses_half_open_ones(void **state)
{
    (void)state;
    struct flow_settings settings = flow_settings_default(100);
    struct crowd *crowd = crowd_new(&settings);
    for (uint32_t i = 0; i < 100; i++)
        crowd_establish(crowd, i);
    crowd->time_ns += 2 * settings.evict_idle_ns;
    crowd_send(crowd, 500, CLIENT, NET_TCP_SYN, 1, "");
    assert_int_equal(crowd->ledger.settled[LEDGER_FLOW_BUDGET].packets, 1);
    assert_int_equal(crowd_statistics(crowd).refused, 1);
    /* One that shows data takes the place of one long silent. */
    crowd_send(crowd, 500, CLIENT, NET_TCP_ACK, 2, "data");
    assert_int_equal(crowd_statistics(crowd).evicted_idle, 1);
    assert_int_equal(crowd->ends[FLOW_END_EVICTED], 1);
    crowd_free(crowd);
}

static void active_flows_are_not_evicted(void **state)
{
    (void)state;
    struct flow_settings settings = flow_settings_default(100);
    struct crowd *crowd = crowd_new(&settings);
    for (uint32_t i = 0; i < 100; i++)
        crowd_establish(crowd, i);
    crowd->time_ns += settings.evict_idle_ns / 2;
    crowd_send(crowd, 500, CLIENT, NET_TCP_ACK, 2, "data");
    assert_int_equal(crowd->ledger.settled[LEDGER_FLOW_BUDGET].packets, 1);
    assert_int_equal(crowd_statistics(crowd).evicted_idle, 0);
    crowd_free(crowd);
}

static void half_open_go_before_closing_before_idle(void **state)
{
    (void)state;
    struct flow_settings settings = flow_settings_default(30);
    struct crowd *crowd = crowd_new(&settings);
    for (uint32_t i = 0; i < 10; i++)
        crowd_establish(crowd, i); /* idle ones */
    crowd->time_ns += 2 * settings.evict_idle_ns;
    for (uint32_t i = 10; i < 20; i++) {
        crowd_establish(crowd, i);
        crowd_send(crowd, i, CLIENT, NET_TCP_RST, 106, "");
    }
    for (uint32_t i = 20; i < 30; i++)
        crowd_send(crowd, i, CLIENT, NET_TCP_SYN, 100, "");
    for (uint32_t i = 0; i < 30; i++) {
        crowd_send(crowd, 100 + i, CLIENT, NET_TCP_ACK, 5, "data");
        struct flow_statistics statistics = crowd_statistics(crowd);
        assert_int_equal(statistics.evicted_half_open, i < 10 ? i + 1 : 10);
        assert_int_equal(statistics.evicted_closing, i < 10 ? 0 : i < 20 ? i - 9 : 10);
        assert_int_equal(statistics.evicted_idle, i < 20 ? 0 : i - 19);
    }
    assert_int_equal(crowd->ends[FLOW_END_RST], 10); /* closed by reset before they were evicted */
    assert_int_equal(crowd->ends[FLOW_END_EVICTED], 10);
    crowd_free(crowd);
}

static void every_flow_of_a_full_table_is_found(void **state)
{
    (void)state;
    const uint32_t count = 50000;
    struct flow_settings settings = flow_settings_default(count);
    struct crowd *crowd = crowd_new(&settings);
    struct net_packet burst[3 * PACKET_BURST_MAX];
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < count;) {
            uint32_t size = 0;
            for (; size < ARRAY_COUNT(burst) && i < count; size++, i++)
                burst[size] =
                    crowd_packet(crowd, i * 2654435761u, i & 1 ? CLIENT : SERVER, NET_TCP_ACK, 7 + round * 4, "data");
            crowd_put(crowd, burst, size);
        }
    }
    struct flow_statistics statistics = crowd_statistics(crowd);
    assert_int_equal(statistics.created, count);
    assert_int_equal(statistics.flows, count);
    flow_table_flush(crowd->table);
    assert_int_equal(crowd->ledger.settled[LEDGER_AUDITED].packets, 3 * count);
    crowd_free(crowd);
}

/* Flows come and go: places in the table, its chains and its lists are used again. */
static void table_stays_sound_under_change(void **state)
{
    (void)state;
    struct flow_settings settings = flow_settings_default(300);
    struct crowd *crowd = crowd_new(&settings);
    uint32_t random = 12345;
    for (uint32_t i = 0; i < 200000; i++) {
        random = random * 1664525 + 1013904223;
        uint32_t client = (random >> 8) % 1000;
        crowd->time_ns += (random >> 20) * 20000;
        switch (random >> 30) {
        case 0:
            crowd_send(crowd, client, CLIENT, NET_TCP_SYN, random, "");
            break;
        case 1:
            crowd_send(crowd, client, SERVER, NET_TCP_SYN | NET_TCP_ACK, 100, "");
            break;
        case 2:
            crowd_send(crowd, client, CLIENT, NET_TCP_ACK, 101, "data");
            break;
        default:
            crowd_send(crowd, client, (random >> 29) & 1 ? CLIENT : SERVER, NET_TCP_RST | NET_TCP_ACK, 101, "");
            break;
        }
        flow_table_advance(crowd->table, crowd->time_ns);
    }
    struct flow_statistics statistics = crowd_statistics(crowd);
    assert_true(statistics.flows <= 300);
    assert_true(statistics.created > 10000);
    assert_int_equal(statistics.evicted_half_open + statistics.evicted_idle, statistics.ended[FLOW_END_EVICTED]);
    crowd_free(crowd);
}

static void advance_ends_what_is_silent_and_only_that(void **state)
{
    (void)state;
    const uint32_t count = 5000;
    struct flow_settings settings = flow_settings_default(count);
    settings.established_timeout_ns = 2 * 3600 * SECOND_NS; /* further away than the wheel reaches */
    struct crowd *crowd = crowd_new(&settings);
    for (uint32_t i = 0; i < count; i++)
        crowd_establish(crowd, i);
    const uint64_t begin_ns = crowd->time_ns;
    while (crowd->time_ns < begin_ns + settings.established_timeout_ns + 2 * SECOND_NS) {
        crowd->time_ns += SECOND_NS;
        if (crowd->time_ns % (600 * SECOND_NS) == 0)
            for (uint32_t i = 0; i < count; i += 2)
                crowd_send(crowd, i, SERVER, NET_TCP_ACK, 101, "");
        for (int i = 0; i < 40; i++)
            flow_table_advance(crowd->table, crowd->time_ns);
    }
    assert_int_equal(crowd_statistics(crowd).flows, count / 2);
    assert_int_equal(crowd->ends[FLOW_END_TIMEOUT], count / 2);
    assert_int_equal(crowd->ends_with_session, count / 2);
    crowd_free(crowd);
}

static void flow_without_data_ends_unheard(void **state)
{
    (void)state;
    struct flow_settings settings = flow_settings_default(10);
    struct crowd *crowd = crowd_new(&settings);
    crowd_send(crowd, 1, CLIENT, NET_TCP_SYN, 100, "");
    crowd_send(crowd, 1, SERVER, NET_TCP_SYN | NET_TCP_ACK, 100, "");
    flow_table_flush(crowd->table);
    assert_int_equal(crowd->ends[FLOW_END_FLUSH], 0);
    assert_int_equal(crowd_statistics(crowd).ended[FLOW_END_FLUSH], 1);
    crowd_free(crowd);
}

static void settings_out_of_range_are_refused(void **state)
{
    (void)state;
    const struct hash_key key = {1, 2};
    const struct flow_sink sink = {NULL, crowd_data, crowd_end};
    struct ledger ledger = {0};
    struct flow_table *table;
    struct arena *arena = arena_new(1 << 20);
    struct flow_settings settings = flow_settings_default(0);
    assert_int_equal(flow_table_new(&table, arena, &settings, &ledger, &key, &sink), -EINVAL);
    settings = flow_settings_default(FLOW_MAX + 1);
    assert_int_equal(flow_table_new(&table, arena, &settings, &ledger, &key, &sink), -EINVAL);
    settings = flow_settings_default(1000);
    settings.hold_flow_bytes = FLOW_HOLD_FLOW_MAX + 1;
    assert_int_equal(flow_table_new(&table, arena, &settings, &ledger, &key, &sink), -EINVAL);
    settings = flow_settings_default(1000);
    assert_int_equal(flow_table_new(&table, arena, &settings, &ledger, &key, &sink), -ENOMEM);
    arena_free(arena);
}

static void table_fits_what_its_size_says(void **state)
{
    (void)state;
    const uint32_t counts[] = {1, 2, 7, 100, 4096, 100000};
    for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
        struct flow_settings settings = flow_settings_default(counts[i]);
        settings.hold_bytes = settings.keep_bytes = (uint64_t)counts[i] * 100;
        struct crowd *crowd = crowd_new(&settings);
        assert_true(arena_used(crowd->arena) <= flow_table_size(&settings));
        crowd_establish(crowd, 1);
        crowd_free(crowd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syn_flood_evicts_no_established_flow),
        cmocka_unit_test(full_table_of_sessions_refuses_half_open_ones),
        cmocka_unit_test(active_flows_are_not_evicted),
        cmocka_unit_test(half_open_go_before_closing_before_idle),
        cmocka_unit_test(every_flow_of_a_full_table_is_found),
        cmocka_unit_test(table_stays_sound_under_change),
        cmocka_unit_test(advance_ends_what_is_silent_and_only_that),
        cmocka_unit_test(flow_without_data_ends_unheard),
        cmocka_unit_test(settings_out_of_range_are_refused),
        cmocka_unit_test(table_fits_what_its_size_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
