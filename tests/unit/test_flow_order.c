/* SPDX-License-Identifier: Apache-2.0 */

/* flow: order between the directions, holes, budgets and deadlines. */

#include "flow_tap.h"

static void response_before_its_request_waits_for_it(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_handshake(tap);
    tap_data_from(tap, SERVER, 1, 4, "answer");
    assert_int_equal(tap->ledger.pending.packets, 1);
    tap_data_from(tap, CLIENT, 1, 1, "ask");
    assert_int_equal(tap->ledger.pending.packets, 0);
    tap_expect(tap, "C:ask S:answer ");
}

static void port_of_the_server_may_be_first_from_the_start(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_send(tap, SERVER, NET_TCP_SYN | NET_TCP_ACK, 0, 1, "");
    tap_data_from(tap, SERVER, 1, 4, "answer");
    tap_send(tap, SERVER, NET_TCP_ACK | NET_TCP_FIN, 7, 4, "");
    tap_send(tap, CLIENT, NET_TCP_SYN, 0, 0, "");
    tap_ack(tap, CLIENT, 1, 1);
    tap_data_from(tap, CLIENT, 1, 1, "ask");
    tap_send(tap, CLIENT, NET_TCP_ACK | NET_TCP_FIN, 4, 8, "");
    assert_int_equal(tap->flows[0].ends, 1);
    assert_int_equal(tap->flows[0].reason, FLOW_END_FIN);
    assert_int_equal(tap->flows[0].flags & FLOW_MIDSTREAM, 0);
    tap_expect(tap, "C:ask S:answer S. C. ");
}

static void data_before_its_syn_is_of_that_connection(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap->client_port = 22; /* even where the port suggests the other direction */
    tap_ack(tap, CLIENT, 1, 1);
    tap_data_from(tap, CLIENT, 1, 1, "ask");
    tap_send(tap, CLIENT, NET_TCP_SYN, 0, 0, "");
    tap_send(tap, SERVER, NET_TCP_SYN | NET_TCP_ACK, 0, 1, "");
    tap_data_from(tap, SERVER, 1, 4, "answer");
    tap_flush(tap);
    assert_int_equal(tap->flow_count, 1);
    assert_int_equal(tap->flows[0].flags & FLOW_MIDSTREAM, 0);
    assert_int_equal(tap->flows[0].endpoints.source_port, 22);
    assert_int_equal(tap->flows[0].streams[FLOW_TO_SERVER].size, 3);
    assert_int_equal(tap->flows[0].streams[FLOW_TO_CLIENT].size, 6);
    assert_int_equal(tap->flows[0].ambiguity, 0);
    tap_free(tap);
}

/* Nothing says where a side begins that was there before us: what comes within the skew window is put in order. */
static void first_segments_of_a_late_capture_are_put_in_order(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_data_from(tap, CLIENT, 2007, 3004, "defg");
    tap_data_from(tap, CLIENT, 2004, 3001, "abc");
    tap_data_from(tap, SERVER, 3001, 2011, "answer");
    tap_data_from(tap, SERVER, 2996, 2004, "late.");
    tap_wait(tap, tap->settings.skew_window_ns);
    tap_data_from(tap, SERVER, 3007, 2011, "more");
    assert_int_equal(tap->ledger.pending.packets, 0);
    tap_data_from(tap, SERVER, 2990, 2004, "lost");
    assert_int_equal(tap_settled(tap, LEDGER_OUT_OF_WINDOW), 1);
    tap_expect(tap, "S:late. C:abc C:defg S:answer S:more ");
}

static void many_calls_interleave_as_acknowledged(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_handshake(tap);
    for (uint32_t i = 0; i < 5; i++)
        tap_data_from(tap, SERVER, 1 + i * 2, 1 + (i + 1) * 3, "ok");
    for (uint32_t i = 0; i < 5; i++)
        tap_data_from(tap, CLIENT, 1 + i * 3, 1 + i * 2, "get");
    tap_expect(tap, "C:get S:ok C:get S:ok C:get S:ok C:get S:ok C:get S:ok ");
}

static void waiting_ends_with_the_skew_window(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_handshake(tap);
    tap_ack(tap, SERVER, 1, 2); /* one byte: might be a FIN, so no hole is told for it */
    tap_data_from(tap, SERVER, 1, 2, "answer");
    tap_wait(tap, tap->settings.skew_window_ns / 2);
    tap_advance(tap);
    assert_int_equal(tap->flow_count, 0);
    tap_wait(tap, 2 * tap->settings.skew_window_ns);
    tap_advance(tap);
    assert_string_equal(tap->flows[0].log, "S:answer ");
    tap_expect(tap, "S:answer ");
}

static void lost_request_is_a_hole_before_its_response(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_handshake(tap);
    tap_data_from(tap, SERVER, 1, 101, "answer");
    tap_wait(tap, tap->settings.skew_window_ns);
    tap_data_from(tap, CLIENT, 101, 7, "next");
    assert_int_equal(tap->ledger.missing[LEDGER_MISSING_TCP_GAPS], 1);
    assert_int_equal(tap->ledger.missing[LEDGER_MISSING_TCP_GAP_BYTES], 100);
    tap_expect(tap, "C-100 S:answer C:next ");
}

static void hole_waits_for_a_retransmission_until_acknowledged(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_handshake(tap);
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap_data_from(tap, CLIENT, 7, 1, "ghi"); /* "def" is lost before the tap and before the receiver */
    for (int i = 0; i < 20; i++) {
        tap_wait(tap, 100 * MILLISECOND_NS);
        tap_ack(tap, SERVER, 1, 4);
        tap_advance(tap);
    }
    tap_data_from(tap, CLIENT, 4, 1, "def");
    assert_int_equal(tap->ledger.missing[LEDGER_MISSING_TCP_GAPS], 0);
    tap_expect(tap, "C:abc C:def C:ghi ");
}

/* The client's port is late as a whole: the server has spoken, refused and reset before its SYN comes by. */
static void reset_ahead_of_the_late_port_refuses_nobody(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_send(tap, SERVER, NET_TCP_SYN | NET_TCP_ACK, 0, 1, "");
    tap_data_from(tap, SERVER, 1, 4, "welcome");
    tap_data_from(tap, SERVER, 8, 9, "refused");
    tap_send(tap, SERVER, NET_TCP_RST | NET_TCP_ACK, 15, 9, "");
    tap_wait(tap, tap->settings.skew_window_ns / 2);
    tap_send(tap, CLIENT, NET_TCP_SYN, 0, 0, "");
    tap_data_from(tap, CLIENT, 1, 1, "ask");
    tap_data_from(tap, CLIENT, 4, 8, "login");
    assert_int_equal(tap_statistics(tap).created, 1);
    tap_expect(tap, "C:ask S:welcome C:login S:refused ");
}

static void acknowledged_hole_is_told_after_the_skew_window(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_handshake(tap);
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap_data_from(tap, CLIENT, 7, 1, "ghi");
    tap_ack(tap, SERVER, 1, 10);
    tap_wait(tap, tap->settings.skew_window_ns / 2);
    tap_data_from(tap, CLIENT, 10, 1, "jkl");
    assert_string_equal(tap->flows[0].log, "C:abc ");
    tap_wait(tap, tap->settings.skew_window_ns);
    tap_ack(tap, SERVER, 1, 13);
    assert_string_equal(tap->flows[0].log, "C:abc C-3 C:ghi C:jkl ");
    tap_data_from(tap, CLIENT, 4, 1, "def"); /* too late */
    assert_int_equal(tap_settled(tap, LEDGER_OUT_OF_WINDOW), 1);
    tap_expect(tap, "C:abc C-3 C:ghi C:jkl ");
}

/* Acknowledgements on one port are ahead of the data on the other all the time: that is no loss. */
static void steady_skew_makes_no_holes(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_handshake(tap);
    const uint32_t ahead = 8;
    for (uint32_t i = 0; i < 200; i++) {
        tap_ack(tap, SERVER, 1, 1 + (i + ahead) * 4);
        tap_wait(tap, tap->settings.skew_window_ns / (ahead + 2));
        tap_data_from(tap, CLIENT, 1 + i * 4, 1, "data");
        tap_advance(tap);
    }
    assert_int_equal(tap->flows[0].streams[FLOW_TO_SERVER].lost, 0);
    assert_int_equal(tap->flows[0].streams[FLOW_TO_SERVER].size, 800);
    tap_flush(tap);
    assert_int_equal(tap->flows[0].ambiguity, 0);
    tap_free(tap);
}

static void one_way_hole_is_given_up_after_its_time(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap_data_from(tap, CLIENT, 7, 1, "ghi");
    tap_wait(tap, tap->settings.hole_timeout_ns / 2);
    tap_advance(tap);
    assert_string_equal(tap->flows[0].log, "C:abc ");
    tap_wait(tap, tap->settings.hole_timeout_ns);
    tap_advance(tap);
    assert_string_equal(tap->flows[0].log, "C:abc C-3 C:ghi ");
    tap_expect(tap, "C:abc C-3 C:ghi ");
}

static void end_gives_up_what_waits(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_handshake(tap);
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap_data_from(tap, CLIENT, 7, 1, "ghi");
    tap_data_from(tap, CLIENT, 13, 1, "mno");
    tap_expect(tap, "C:abc C-3 C:ghi C-3 C:mno ");
}

static void lost_tail_is_a_hole_at_the_end(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_handshake(tap);
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap_ack(tap, SERVER, 1, 9);
    tap_expect(tap, "C:abc C-5 ");
}

static void lost_fin_is_no_hole(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_handshake(tap);
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap_send(tap, SERVER, NET_TCP_ACK | NET_TCP_FIN, 1, 5, "");
    tap_expect(tap, "C:abc S. ");
}

static void bytes_cut_off_by_the_capture_are_a_hole(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_handshake(tap);
    tap->next.payload_missing = 7;
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap->next.payload_missing = 2;
    tap_data_from(tap, CLIENT, 15, 1, "opq");
    tap_data_from(tap, CLIENT, 11, 1, "klmn");
    tap->next.payload_missing = 5;
    tap_data_from(tap, CLIENT, 20, 1, "");
    assert_int_equal(tap->ledger.missing[LEDGER_MISSING_TCP_GAPS], 3);
    assert_int_equal(tap->ledger.missing[LEDGER_MISSING_TCP_GAP_BYTES], 14);
    assert_int_equal(tap_settled(tap, LEDGER_AUDITED), 3 + 4);
    tap_expect(tap, "C:abc C-7 C:klmn C:opq C-2 C-5 ");
}

static void full_budget_of_the_flow_gives_up_the_hole(void **state)
{
    (void)state;
    struct flow_settings settings = tap_settings();
    settings.hold_flow_bytes = 4 * 1536; /* four small segments */
    struct tap *tap = tap_new(&settings);
    tap_handshake(tap);
    for (uint32_t i = 0; i < 4; i++)
        tap_data_from(tap, CLIENT, 4 + i * 3, 1, "abc");
    assert_int_equal(tap->flow_count, 0);
    tap_data_from(tap, CLIENT, 16, 1, "mno");
    tap_expect(tap, "C-3 C:abc C:abc C:abc C:abc C:mno ");
}

static void segment_larger_than_the_budget_is_counted(void **state)
{
    (void)state;
    struct flow_settings settings = tap_settings();
    settings.hold_flow_bytes = 4 * 1536;
    struct tap *tap = tap_new(&settings);
    static const uint8_t bytes[30000];
    tap_handshake(tap);
    tap_send_bytes(tap, CLIENT, NET_TCP_ACK, 100, 1, bytes, sizeof(bytes));
    assert_int_equal(tap_settled(tap, LEDGER_BUFFER_BUDGET), 1);
    tap_send_bytes(tap, CLIENT, NET_TCP_ACK, 1, 1, bytes, 99);
    /* Held back only for order: in sequence it is told all the same. */
    tap_ack(tap, SERVER, 1, 100);
    tap_send_bytes(tap, SERVER, NET_TCP_ACK, 1, 200, bytes, sizeof(bytes));
    assert_int_equal(tap_settled(tap, LEDGER_BUFFER_BUDGET), 1);
    assert_int_equal(tap->flows[0].streams[FLOW_TO_CLIENT].size, sizeof(bytes));
    tap_finish(tap);
}

static void empty_pool_is_counted_and_mended(void **state)
{
    (void)state;
    struct flow_settings settings = tap_settings();
    settings.hold_bytes = 8 * 1536;
    settings.hold_flow_bytes = 8 * 1536;
    struct tap *tap = tap_new(&settings);
    tap_handshake(tap);
    for (uint32_t i = 0; i < 8; i++)
        tap_data_from(tap, CLIENT, 10 + i, 1, "x");
    tap->client_port++;
    tap_handshake(tap);
    tap_data_from(tap, CLIENT, 4, 1, "def"); /* nothing of its own to give up */
    assert_int_equal(tap_settled(tap, LEDGER_BUFFER_BUDGET), 1);
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap_data_from(tap, CLIENT, 4, 1, "def");
    assert_string_equal(tap->flows[0].log, "C:abc C:def ");
    tap_finish(tap);
}

static void data_far_outside_the_window_is_excused(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_handshake(tap);
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap_data_from(tap, CLIENT, 1 + (100u << 20), 1, "far");
    tap_data_from(tap, CLIENT, 0u - (100u << 20), 1, "old");
    tap_data_from(tap, CLIENT, 1 + (3u << 29), 1, "odd");
    assert_int_equal(tap_settled(tap, LEDGER_OUT_OF_WINDOW), 3);
    tap_data_from(tap, CLIENT, 4, 1, "def");
    tap_expect(tap, "C:abc C:def ");
}

static void scaled_window_allows_what_it_says(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap->next.options = NET_OPTION_WINDOW_SCALE;
    tap->next.window_scale = 14;
    tap_send(tap, CLIENT, NET_TCP_SYN, 0, 0, "");
    tap->next.options = NET_OPTION_WINDOW_SCALE;
    tap->next.window_scale = 12;
    tap_send(tap, SERVER, NET_TCP_SYN | NET_TCP_ACK, 0, 1, "");
    tap_ack(tap, CLIENT, 1, 1);
    tap_ack(tap, SERVER, 1, 1); /* 65535 << 12 = 256 MB */
    tap_data_from(tap, CLIENT, 1 + (200u << 20), 1, "far");
    assert_int_equal(tap_settled(tap, LEDGER_OUT_OF_WINDOW), 0);
    assert_int_equal(tap->ledger.pending.packets, 1);
    tap_data_from(tap, CLIENT, 1 + (700u << 20), 1, "beyond");
    assert_int_equal(tap_settled(tap, LEDGER_OUT_OF_WINDOW), 1);
    tap_finish(tap);
}

/* An outage of the tap: both streams go on far away, and are found again. */
static void outage_is_one_hole(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_handshake(tap);
    tap_data_from(tap, SERVER, 1, 1, "abc");
    tap_ack(tap, CLIENT, 1, 4);
    tap_ack(tap, CLIENT, 1, 4 + (50u << 20));
    tap_data_from(tap, SERVER, 4 + (50u << 20), 1, "xyz");
    tap_wait(tap, 2 * tap->settings.skew_window_ns);
    tap_ack(tap, CLIENT, 1, 7 + (50u << 20));
    tap_expect(tap, "S:abc S-52428800 S:xyz ");
}

/* The same packets, looked at often or never in between: the same story. */
static void advance_changes_nothing_but_the_moment(void **state)
{
    (void)state;
    char logs[2][TAP_LOG_MAX];
    for (int often = 0; often < 2; often++) {
        struct tap *tap = tap_default();
        tap_handshake(tap);
        tap_data_from(tap, SERVER, 1, 101, "a1");
        tap_wait(tap, 7 * MILLISECOND_NS);
        tap_data_from(tap, SERVER, 3, 201, "a2");
        tap_wait(tap, 7 * MILLISECOND_NS);
        tap_data_from(tap, CLIENT, 201, 5, "q3");
        tap_data_from(tap, CLIENT, 301, 5, "q4");
        for (int i = 0; i < 100; i++) {
            tap_wait(tap, MILLISECOND_NS);
            if (often)
                flow_table_advance(tap->table, tap->time_ns);
        }
        tap_data_from(tap, SERVER, 5, 303, "a3");
        tap_flush(tap);
        memcpy(logs[often], tap->flows[0].log, TAP_LOG_MAX);
        tap_free(tap);
    }
    assert_string_equal(logs[0], logs[1]);
    assert_string_equal(logs[0], "C-100 S:a1 C-100 S:a2 C:q3 C-98 C:q4 S:a3 ");
}

static void timeouts_depend_on_the_state(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_send(tap, CLIENT, NET_TCP_SYN, 0, 0, "");
    tap_wait(tap, tap->settings.half_open_timeout_ns + SECOND_NS);
    tap_advance(tap);
    assert_int_equal(tap_statistics(tap).flows, 0);
    tap_handshake(tap);
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap_wait(tap, tap->settings.established_timeout_ns - SECOND_NS);
    tap_advance(tap);
    assert_int_equal(tap_statistics(tap).flows, 1);
    tap_wait(tap, 2 * SECOND_NS);
    tap_advance(tap);
    assert_int_equal(tap_statistics(tap).flows, 0);
    assert_int_equal(tap->flows[0].reason, FLOW_END_TIMEOUT);
    tap_handshake(tap);
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap_close(tap, 3, 0);
    assert_int_equal(tap_statistics(tap).flows_closing, 1);
    tap_wait(tap, tap->settings.closing_timeout_ns + SECOND_NS);
    tap_advance(tap);
    assert_int_equal(tap_statistics(tap).flows, 0);
    tap_finish(tap);
}

/* A packet after the timeout begins a new flow whether or not somebody looked in between. */
static void timeout_needs_nobody_to_look(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_handshake(tap);
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap_wait(tap, tap->settings.established_timeout_ns);
    tap_data_from(tap, CLIENT, 4, 1, "def");
    tap_flush(tap);
    assert_int_equal(tap->flow_count, 2);
    assert_int_equal(tap->flows[0].reason, FLOW_END_TIMEOUT);
    assert_int_equal(tap->flows[1].flags & FLOW_MIDSTREAM, FLOW_MIDSTREAM);
    tap_free(tap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(response_before_its_request_waits_for_it),
        cmocka_unit_test(port_of_the_server_may_be_first_from_the_start),
        cmocka_unit_test(data_before_its_syn_is_of_that_connection),
        cmocka_unit_test(first_segments_of_a_late_capture_are_put_in_order),
        cmocka_unit_test(many_calls_interleave_as_acknowledged),
        cmocka_unit_test(waiting_ends_with_the_skew_window),
        cmocka_unit_test(lost_request_is_a_hole_before_its_response),
        cmocka_unit_test(hole_waits_for_a_retransmission_until_acknowledged),
        cmocka_unit_test(reset_ahead_of_the_late_port_refuses_nobody),
        cmocka_unit_test(acknowledged_hole_is_told_after_the_skew_window),
        cmocka_unit_test(steady_skew_makes_no_holes),
        cmocka_unit_test(one_way_hole_is_given_up_after_its_time),
        cmocka_unit_test(end_gives_up_what_waits),
        cmocka_unit_test(lost_tail_is_a_hole_at_the_end),
        cmocka_unit_test(lost_fin_is_no_hole),
        cmocka_unit_test(bytes_cut_off_by_the_capture_are_a_hole),
        cmocka_unit_test(full_budget_of_the_flow_gives_up_the_hole),
        cmocka_unit_test(segment_larger_than_the_budget_is_counted),
        cmocka_unit_test(empty_pool_is_counted_and_mended),
        cmocka_unit_test(data_far_outside_the_window_is_excused),
        cmocka_unit_test(scaled_window_allows_what_it_says),
        cmocka_unit_test(outage_is_one_hole),
        cmocka_unit_test(advance_changes_nothing_but_the_moment),
        cmocka_unit_test(timeouts_depend_on_the_state),
        cmocka_unit_test(timeout_needs_nobody_to_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
