/* SPDX-License-Identifier: Apache-2.0 */

/* flow: benign connections, whole and in pieces. What is told follows from the packets by RFC 9293; nothing is marked.
 */

#include "flow_tap.h"

#define REQUEST  "GET / HTTP/1.1"
#define RESPONSE "HTTP/1.1 200 OK"

static void plain_connection_is_told_in_order_and_ends_with_fin(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_handshake(tap);
    tap_data_from(tap, CLIENT, 1, 1, REQUEST);
    tap_ack(tap, SERVER, 1, 15);
    tap_data_from(tap, SERVER, 1, 15, RESPONSE);
    tap_ack(tap, CLIENT, 15, 16);
    tap_close(tap, 14, 15);
    assert_int_equal(tap->flow_count, 1);
    assert_int_equal(tap->flows[0].ends, 1);
    assert_int_equal(tap->flows[0].reason, FLOW_END_FIN);
    assert_int_equal(tap->flows[0].endpoints.source_port, 40000);
    assert_int_equal(tap->flows[0].flags & FLOW_MIDSTREAM, 0);
    assert_int_equal(tap->ledger.settled[LEDGER_AUDITED].packets, 10);
    assert_int_equal(tap->ledger.settled[LEDGER_AUDITED].bytes, 10 * TAP_HEADERS + 14 + 15);
    tap_expect(tap, "C:" REQUEST " S:" RESPONSE " C. S. ");
}

static void fin_with_data_is_the_last_chunk(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_handshake(tap);
    tap_data_from(tap, CLIENT, 1, 1, "ask");
    tap_send(tap, SERVER, NET_TCP_ACK | NET_TCP_FIN, 1, 4, "answer");
    assert_int_equal(tap->flows[0].streams[FLOW_TO_CLIENT].chunks, 1);
    assert_true(tap->flows[0].streams[FLOW_TO_CLIENT].last);
    tap_send(tap, CLIENT, NET_TCP_ACK | NET_TCP_FIN, 4, 8, "");
    tap_ack(tap, SERVER, 8, 5);
    tap_expect(tap, "C:ask S:answer S. C. ");
}

static void answer_settles_the_undecided_weight(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_handshake(tap);
    tap->answer = FLOW_UNDECIDED;
    tap_data_from(tap, CLIENT, 1, 1, "ab");
    tap_data_from(tap, CLIENT, 3, 1, "cd");
    assert_int_equal(tap->ledger.pending.packets, 2);
    assert_int_equal(tap->ledger.pending.bytes, 2 * TAP_HEADERS + 4);
    tap->answer = LEDGER_ENCRYPTED;
    tap_data_from(tap, CLIENT, 5, 1, "ef");
    assert_int_equal(tap_settled(tap, LEDGER_ENCRYPTED), 3);
    tap->answer = FLOW_UNDECIDED;
    tap_data_from(tap, CLIENT, 7, 1, "gh");
    assert_int_equal(tap->ledger.pending.packets, 1);
    tap_flush(tap);
    assert_int_equal(tap_settled(tap, LEDGER_UNCLASSIFIED), 1);
    tap_free(tap);
}

static void segments_out_of_order_are_told_in_order(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_handshake(tap);
    tap_data_from(tap, CLIENT, 7, 1, "ghi");
    tap_data_from(tap, CLIENT, 4, 1, "def");
    assert_int_equal(tap->ledger.pending.packets, 2);
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    assert_int_equal(tap->ledger.pending.packets, 0);
    tap_expect(tap, "C:abc C:def C:ghi ");
}

static void retransmissions_and_copies_are_duplicates(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_handshake(tap);
    tap_send(tap, CLIENT, NET_TCP_SYN, 0, 0, "");
    tap_data_from(tap, CLIENT, 1, 1, "abcdef");
    tap_data_from(tap, CLIENT, 1, 1, "abcdef");
    tap_data_from(tap, CLIENT, 3, 1, "cd");
    tap_data_from(tap, CLIENT, 12, 1, "lmn");
    tap_data_from(tap, CLIENT, 12, 1, "lmn");
    tap_data_from(tap, CLIENT, 13, 1, "m");
    assert_int_equal(tap_settled(tap, LEDGER_DUPLICATE), 4);
    tap_data_from(tap, CLIENT, 7, 1, "ghijk");
    tap_data_from(tap, CLIENT, 1, 1, "abcdefghijklmn");
    assert_int_equal(tap_settled(tap, LEDGER_DUPLICATE), 5);
    assert_int_equal(tap_statistics(tap).uncompared_bytes, 0);
    tap_expect(tap, "C:abcdef C:ghijk C:lmn ");
}

static void every_packet_twice_marks_nothing(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    const struct {
        enum tap_sender sender;
        uint8_t flags;
        uint32_t sequence, acknowledgement;
        const char *payload;
    } story[] = {
        {CLIENT, NET_TCP_SYN, 0, 0, ""},
        {SERVER, NET_TCP_SYN | NET_TCP_ACK, 0, 1, ""},
        {CLIENT, NET_TCP_ACK, 1, 1, ""},
        {CLIENT, NET_TCP_ACK, 1, 1, "ask"},
        {SERVER, NET_TCP_ACK, 1, 4, "answer"},
        {CLIENT, NET_TCP_ACK, 4, 7, ""},
        {SERVER, NET_TCP_ACK | NET_TCP_FIN, 7, 4, ""},
        {CLIENT, NET_TCP_ACK | NET_TCP_FIN, 4, 8, ""},
        {SERVER, NET_TCP_ACK, 8, 5, ""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(story); i++)
        for (int copy = 0; copy < 2; copy++)
            tap_send(tap, story[i].sender, story[i].flags, story[i].sequence, story[i].acknowledgement,
                     story[i].payload);
    assert_int_equal(tap_settled(tap, LEDGER_DUPLICATE), 2);
    tap_expect(tap, "C:ask S:answer S. C. ");
}

static void partial_overlap_counts_with_its_new_part(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_handshake(tap);
    tap_data_from(tap, CLIENT, 1, 1, "abcd");
    tap_data_from(tap, CLIENT, 3, 1, "cdef");
    tap_data_from(tap, CLIENT, 9, 1, "ijkl");
    tap_data_from(tap, CLIENT, 7, 1, "ghij");
    tap_data_from(tap, CLIENT, 17, 1, "qr");
    tap_data_from(tap, CLIENT, 11, 1, "klmnopqrst");
    assert_int_equal(tap_settled(tap, LEDGER_AUDITED), 3 + 6);
    assert_int_equal(tap_settled(tap, LEDGER_DUPLICATE), 0);
    tap_flush(tap);
    assert_memory_equal(tap->flows[0].streams[FLOW_TO_SERVER].bytes, "abcdefghijklmnopqrst", 20);
    assert_int_equal(tap->flows[0].streams[FLOW_TO_SERVER].size, 20);
    assert_int_equal(tap->flows[0].ambiguity, 0);
    tap_free(tap);
}

static void sequence_numbers_wrap(void **state)
{
    (void)state;
    for (uint32_t before = 0; before < 12; before++) {
        struct tap *tap = tap_default();
        tap->initial[CLIENT] = 0u - before;
        tap->initial[SERVER] = 0u - before / 2;
        tap_handshake(tap);
        tap_data_from(tap, CLIENT, 4, 1, "def");
        tap_data_from(tap, CLIENT, 1, 1, "abc");
        tap_data_from(tap, SERVER, 1, 7, "uvw");
        tap_data_from(tap, CLIENT, 2, 1, "bcdef");
        tap_data_from(tap, CLIENT, 7, 4, "ghi");
        tap_close(tap, 9, 3);
        tap_expect(tap, "C:abc C:def S:uvw C:ghi C. S. ");
    }
}

static void keep_alive_probes_are_no_data(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_handshake(tap);
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap_ack(tap, SERVER, 1, 4);
    tap_wait(tap, 60 * SECOND_NS);
    tap_ack(tap, CLIENT, 3, 1);
    tap_ack(tap, SERVER, 1, 4);
    tap_wait(tap, 60 * SECOND_NS);
    tap_data_from(tap, CLIENT, 3, 1, "\xff"); /* RFC 9293 3.8.4: may carry one garbage byte */
    tap_ack(tap, SERVER, 1, 4);
    tap_data_from(tap, SERVER, 0, 4, "\xff"); /* before the first byte was sent */
    tap_data_from(tap, CLIENT, 4, 1, "def");
    assert_int_equal(tap_settled(tap, LEDGER_DUPLICATE), 2);
    tap_expect(tap, "C:abc C:def ");
}

static void zero_window_probe_is_the_next_byte(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_handshake(tap);
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap->next.window = 0;
    tap_ack(tap, SERVER, 1, 4);
    tap_data_from(tap, CLIENT, 4, 1, "d");
    tap->next.window = 0;
    tap_ack(tap, SERVER, 1, 4);
    tap_ack(tap, SERVER, 1, 4); /* window opens */
    tap_data_from(tap, CLIENT, 4, 1, "def");
    tap_expect(tap, "C:abc C:d C:ef ");
}

static void data_in_the_syn_is_data(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_send(tap, CLIENT, NET_TCP_SYN, 0, 0, "early"); /* RFC 7413 */
    tap_send(tap, SERVER, NET_TCP_SYN | NET_TCP_ACK, 0, 6, "reply");
    tap_data_from(tap, CLIENT, 6, 6, "late");
    tap_expect(tap, "C:early S:reply C:late ");

    tap = tap_default();
    tap_send(tap, CLIENT, NET_TCP_SYN, 0, 0, "early");
    tap_send(tap, SERVER, NET_TCP_SYN | NET_TCP_ACK, 0, 1, ""); /* not taken: sent again */
    tap_data_from(tap, CLIENT, 1, 1, "early");
    tap_expect(tap, "C:early ");
}

static void segment_of_64_kb_is_taken_whole_in_and_out_of_order(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    static uint8_t bytes[3 * 65495];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 31 + i / 997);
    tap_handshake(tap);
    tap_send_bytes(tap, SERVER, NET_TCP_ACK, 1 + 65495, 1, bytes + 65495, 65495);
    tap_send_bytes(tap, SERVER, NET_TCP_ACK, 1, 1, bytes, 65495);
    tap_send_bytes(tap, SERVER, NET_TCP_ACK, 1 + 2 * 65495, 1, bytes + 2 * 65495, 65495);
    tap_send_bytes(tap, SERVER, NET_TCP_ACK, 1 + 100, 1, bytes + 100, 65000);
    tap_flush(tap);
    struct tap_stream *stream = &tap->flows[0].streams[FLOW_TO_CLIENT];
    assert_int_equal(stream->size, sizeof(bytes));
    assert_memory_equal(stream->bytes, bytes, sizeof(bytes));
    assert_int_equal(tap->flows[0].ambiguity, 0);
    assert_int_equal(tap_settled(tap, LEDGER_AUDITED), 3 + 3);
    assert_int_equal(tap_settled(tap, LEDGER_DUPLICATE), 1);
    tap_free(tap);
}

static void simultaneous_open_is_one_connection(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_send(tap, CLIENT, NET_TCP_SYN, 0, 0, "");
    tap_send(tap, SERVER, NET_TCP_SYN, 0, 0, "");
    tap_send(tap, CLIENT, NET_TCP_SYN | NET_TCP_ACK, 0, 1, "");
    tap_send(tap, SERVER, NET_TCP_SYN | NET_TCP_ACK, 0, 1, "");
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap_data_from(tap, SERVER, 1, 4, "def");
    tap_expect(tap, "C:abc S:def ");
}

static void offsets_go_beyond_32_bits(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    static uint8_t bytes[65000];
    tap_handshake(tap);
    uint64_t sent = 0;
    for (; sent < (UINT64_C(1) << 32) + 100000; sent += sizeof(bytes)) {
        tap_send_bytes(tap, SERVER, NET_TCP_ACK, (uint32_t)(1 + sent), 1, bytes, sizeof(bytes));
        tap_ack(tap, CLIENT, 1, (uint32_t)(1 + sent + sizeof(bytes)));
    }
    assert_int_equal(tap->flows[0].streams[FLOW_TO_CLIENT].size, sent);
    tap_flush(tap);
    assert_int_equal(tap->flows[0].streams[FLOW_TO_CLIENT].lost, 0);
    assert_int_equal(tap->flows[0].ambiguity, 0);
    tap_free(tap);
}

static void midstream_guesses_the_server_by_port(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_data_from(tap, SERVER, 500, 900, "answer");
    tap_data_from(tap, CLIENT, 900, 506, "ask");
    tap_flush(tap);
    assert_string_equal(tap->flows[0].log, "S:answer C:ask ");
    assert_int_equal(tap->flows[0].flags & FLOW_MIDSTREAM, FLOW_MIDSTREAM);
    assert_int_equal(tap->flows[0].endpoints.source_port, 40000);
    assert_int_equal(tap->flows[0].ambiguity, 0);
    tap_free(tap);
}

static void sink_may_correct_the_direction(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap->client_port = 22; /* lower than 80: the guess is wrong */
    tap->swap_first = true;
    tap_data_from(tap, CLIENT, 900, 500, "ask");
    tap_data_from(tap, SERVER, 500, 903, "answer");
    tap_data_from(tap, CLIENT, 903, 506, "more");
    tap_flush(tap);
    assert_int_equal(tap->flow_count, 1);
    /* The chunk in hand keeps its direction; a stream continues under the other name. */
    assert_string_equal(tap->flows[0].log, "S:ask S:answer C:more ");
    assert_int_equal(tap->flows[0].endpoints.source_port, 22);
    tap_free(tap);
}

static void midstream_may_be_switched_off(void **state)
{
    (void)state;
    struct flow_settings settings = tap_settings();
    settings.midstream = false;
    struct tap *tap = tap_new(&settings);
    tap_data_from(tap, CLIENT, 900, 500, "ask");
    tap_ack(tap, SERVER, 500, 903);
    assert_int_equal(tap_settled(tap, LEDGER_UNCLASSIFIED), 1);
    assert_int_equal(tap_settled(tap, LEDGER_AUDITED), 1);
    assert_int_equal(tap_statistics(tap).created, 0);
    tap_finish(tap);
}

static void stray_acks_and_resets_make_no_flow(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_ack(tap, CLIENT, 5, 5);
    tap_send(tap, CLIENT, NET_TCP_RST, 5, 0, "");
    tap_send(tap, CLIENT, NET_TCP_RST | NET_TCP_ACK, 5, 0, "go away");
    tap_send(tap, SERVER, NET_TCP_FIN | NET_TCP_ACK, 5, 5, "");
    assert_int_equal(tap_statistics(tap).created, 0);
    assert_int_equal(tap_settled(tap, LEDGER_AUDITED), 3);
    tap_finish(tap);
}

/* Only in the first moments the other port might still be coming. */
static void one_way_flows_are_told_without_waiting(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_send(tap, CLIENT, NET_TCP_SYN, 0, 0, "");
    tap_ack(tap, CLIENT, 1, 1);
    tap_data_from(tap, CLIENT, 1, 1, "first");
    assert_int_equal(tap->ledger.pending.packets, 0);
    tap_data_from(tap, CLIENT, 6, 500, "second");
    assert_int_equal(tap->ledger.pending.packets, 1);
    tap_wait(tap, tap->settings.skew_window_ns);
    tap_data_from(tap, CLIENT, 12, 900, "third");
    assert_int_equal(tap->ledger.pending.packets, 0);
    tap_data_from(tap, CLIENT, 17, 1900, "fourth");
    assert_int_equal(tap->ledger.pending.packets, 0);
    assert_int_equal(tap->ledger.missing[LEDGER_MISSING_TCP_GAPS], 0);
    tap_expect(tap, "C:first C:second C:third C:fourth ");
    tap = tap_default();
    tap_data_from(tap, SERVER, 1, 500, "first");
    tap_wait(tap, tap->settings.skew_window_ns);
    tap_data_from(tap, SERVER, 6, 900, "second");
    assert_int_equal(tap->ledger.pending.packets, 0);
    tap_expect(tap, "S:first S:second ");
}

static void server_that_speaks_first_is_heard_from_its_first_byte(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_send(tap, CLIENT, NET_TCP_SYN, 0, 0, "");
    tap_data_from(tap, CLIENT, 1, 8, "login"); /* the bare ACK before it came later */
    tap_ack(tap, CLIENT, 1, 1);
    tap_send(tap, SERVER, NET_TCP_SYN | NET_TCP_ACK, 0, 1, "");
    tap_data_from(tap, SERVER, 1, 1, "welcome");
    tap_expect(tap, "C:login S:welcome ");
}

static void reset_ends_after_the_closing_time(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_handshake(tap);
    tap_data_from(tap, CLIENT, 1, 1, "ask");
    tap_data_from(tap, SERVER, 1, 4, "answer");
    tap_send(tap, CLIENT, NET_TCP_RST, 4, 0, "");
    tap_data_from(tap, SERVER, 7, 4, "crossed"); /* was under way */
    assert_int_equal(tap->flows[0].ends, 0);
    tap_wait(tap, 6 * SECOND_NS);
    tap_advance(tap);
    assert_int_equal(tap->flows[0].ends, 1);
    assert_int_equal(tap->flows[0].reason, FLOW_END_RST);
    tap_expect(tap, "C:ask S:answer S:crossed ");
}

static void refused_connection_tells_nothing(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_send(tap, CLIENT, NET_TCP_SYN, 0, 0, "");
    tap->initial[SERVER] = 0;
    tap_send(tap, SERVER, NET_TCP_RST | NET_TCP_ACK, 0, 1, "");
    tap->initial[SERVER] = 5000;
    tap_handshake(tap); /* the same number again, and now it works */
    tap_data_from(tap, CLIENT, 1, 1, "ask");
    tap_data_from(tap, SERVER, 1, 4, "answer");
    assert_int_equal(tap->unknown_ends, 0);
    tap_expect(tap, "C:ask S:answer ");
}

static void ports_used_again_are_a_new_flow(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_handshake(tap);
    tap_data_from(tap, CLIENT, 1, 1, "one");
    tap_close(tap, 3, 0);
    tap->initial[CLIENT] += 100000;
    tap->initial[SERVER] += 9000;
    tap_handshake(tap);
    tap_data_from(tap, CLIENT, 1, 1, "two");
    /* The close was not seen this time; the new number is far from the old window. */
    tap->initial[CLIENT] += 500000000;
    tap->initial[SERVER] += 500000000;
    tap_handshake(tap);
    tap_data_from(tap, CLIENT, 1, 1, "three");
    tap_flush(tap);
    assert_int_equal(tap->flow_count, 3);
    assert_string_equal(tap->flows[0].log, "C:one C. S. ");
    assert_int_equal(tap->flows[0].reason, FLOW_END_FIN);
    assert_string_equal(tap->flows[1].log, "C:two ");
    assert_int_equal(tap->flows[1].reason, FLOW_END_REUSE);
    assert_string_equal(tap->flows[2].log, "C:three ");
    for (int i = 0; i < 3; i++)
        assert_int_equal(tap->flows[i].ambiguity, 0);
    tap_free(tap);
}

static void domains_separate_equal_addresses(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_data_from(tap, CLIENT, 1, 1, "left");
    tap->next.domain = 7;
    tap_data_from(tap, CLIENT, 1, 1, "right");
    tap_flush(tap);
    assert_int_equal(tap->flow_count, 2);
    assert_string_equal(tap->flows[0].log, "C:left ");
    assert_string_equal(tap->flows[1].log, "C:right ");
    tap_free(tap);
}

static void names_are_there_for_all(void **state)
{
    (void)state;
    for (int i = 0; i < FLOW_END_COUNT; i++)
        assert_string_not_equal(flow_end_name((enum flow_end)i), "unknown");
    for (int i = 0; i < FLOW_AMBIGUITY_COUNT; i++)
        assert_string_not_equal(flow_ambiguity_name((enum flow_ambiguity)i), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_connection_is_told_in_order_and_ends_with_fin),
        cmocka_unit_test(fin_with_data_is_the_last_chunk),
        cmocka_unit_test(answer_settles_the_undecided_weight),
        cmocka_unit_test(segments_out_of_order_are_told_in_order),
        cmocka_unit_test(retransmissions_and_copies_are_duplicates),
        cmocka_unit_test(every_packet_twice_marks_nothing),
        cmocka_unit_test(partial_overlap_counts_with_its_new_part),
        cmocka_unit_test(sequence_numbers_wrap),
        cmocka_unit_test(keep_alive_probes_are_no_data),
        cmocka_unit_test(zero_window_probe_is_the_next_byte),
        cmocka_unit_test(data_in_the_syn_is_data),
        cmocka_unit_test(segment_of_64_kb_is_taken_whole_in_and_out_of_order),
        cmocka_unit_test(simultaneous_open_is_one_connection),
        cmocka_unit_test(offsets_go_beyond_32_bits),
        cmocka_unit_test(midstream_guesses_the_server_by_port),
        cmocka_unit_test(sink_may_correct_the_direction),
        cmocka_unit_test(midstream_may_be_switched_off),
        cmocka_unit_test(stray_acks_and_resets_make_no_flow),
        cmocka_unit_test(one_way_flows_are_told_without_waiting),
        cmocka_unit_test(server_that_speaks_first_is_heard_from_its_first_byte),
        cmocka_unit_test(reset_ends_after_the_closing_time),
        cmocka_unit_test(refused_connection_tells_nothing),
        cmocka_unit_test(ports_used_again_are_a_new_flow),
        cmocka_unit_test(domains_separate_equal_addresses),
        cmocka_unit_test(names_are_there_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
