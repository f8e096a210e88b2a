/* SPDX-License-Identifier: Apache-2.0 */

/* flow: packets from which two receivers may read two streams mark the flow, and those that only look odd do not. */

#include "flow_tap.h"

static uint32_t bit(enum flow_ambiguity reason)
{
    return FLOW_AMBIGUITY_BIT(reason);
}

static struct tap *tap_started(void)
{
    struct tap *tap = tap_default();
    tap_handshake(tap);
    return tap;
}

static void retransmission_with_other_bytes_marks(void **state)
{
    (void)state;
    struct tap *tap = tap_started();
    tap_data_from(tap, CLIENT, 1, 1, "GET /good");
    tap_data_from(tap, CLIENT, 1, 1, "GET /evil");
    tap_expect_ambiguous(tap, "C:GET /good ", bit(FLOW_AMBIGUOUS_OVERLAP));
}

static void other_cut_does_not_hide_other_bytes(void **state)
{
    (void)state;
    struct tap *tap = tap_started();
    tap_data_from(tap, CLIENT, 1, 1, "GET /good ");
    tap_data_from(tap, CLIENT, 11, 1, "HTTP/1.1");
    tap_data_from(tap, CLIENT, 8, 1, "id HT");
    tap_expect_ambiguous(tap, "C:GET /good  C:HTTP/1.1 ", bit(FLOW_AMBIGUOUS_OVERLAP));
    /* And in the middle of a long row of segments not yet acknowledged. */
    tap = tap_started();
    for (uint32_t i = 0; i < 500; i++)
        tap_data_from(tap, CLIENT, 1 + i * 10, 1, "0123456789");
    tap_data_from(tap, CLIENT, 1 + 2505, 1, "5x");
    tap_flush(tap);
    assert_int_equal(tap->flows[0].ambiguity, bit(FLOW_AMBIGUOUS_OVERLAP));
    tap_free(tap);
}

static void acknowledged_bytes_cannot_be_replaced(void **state)
{
    (void)state;
    struct tap *tap = tap_started();
    tap_data_from(tap, CLIENT, 1, 1, "good");
    tap_data_from(tap, CLIENT, 5, 1, "more");
    tap_ack(tap, SERVER, 1, 5);
    tap_data_from(tap, CLIENT, 1, 1, "evil");
    tap_expect(tap, "C:good C:more ");
}

static void overlap_among_waiting_segments_marks_and_follows_the_policy(void **state)
{
    (void)state;
    for (int policy = 0; policy < 2; policy++) {
        struct flow_settings settings = tap_settings();
        settings.overlap_policy = policy ? FLOW_OVERLAP_LAST : FLOW_OVERLAP_FIRST;
        struct tap *tap = tap_new(&settings);
        tap_handshake(tap);
        tap_data_from(tap, CLIENT, 5, 1, "good");
        tap_data_from(tap, CLIENT, 3, 1, "??evil??");
        tap_data_from(tap, CLIENT, 1, 1, "0123");
        tap_flush(tap);
        struct tap_flow *flow = &tap->flows[0];
        assert_memory_equal(flow->streams[FLOW_TO_SERVER].bytes, policy ? "0123evil??" : "01??good??", 10);
        assert_int_equal(flow->streams[FLOW_TO_SERVER].size, 10);
        assert_int_equal(flow->ambiguity, bit(FLOW_AMBIGUOUS_OVERLAP));
        tap_free(tap);
    }
}

static void in_order_segment_over_a_waiting_one_marks(void **state)
{
    (void)state;
    struct tap *tap = tap_started();
    tap_data_from(tap, CLIENT, 4, 1, "def");
    tap_data_from(tap, CLIENT, 1, 1, "abcdEf");
    tap_expect_ambiguous(tap, "C:abc C:def ", bit(FLOW_AMBIGUOUS_OVERLAP));
}

static void data_behind_a_reset_of_the_same_side_marks(void **state)
{
    (void)state;
    struct tap *tap = tap_started();
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap_send(tap, CLIENT, NET_TCP_RST, 4, 0, "");
    tap_data_from(tap, CLIENT, 4, 1, "def");
    tap_data_from(tap, SERVER, 1, 7, "still here");
    tap_expect_ambiguous(tap, "C:abc C:def S:still here ", bit(FLOW_AMBIGUOUS_RST));
    /* In the window but not the next number: RFC 5961 asks back, RFC 793 resets. */
    tap = tap_started();
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap_send(tap, CLIENT, NET_TCP_RST, 20, 0, "");
    tap_data_from(tap, CLIENT, 4, 1, "0123456789abcdefghij");
    tap_expect_ambiguous(tap, "C:abc C:0123456789abcdefghij ", bit(FLOW_AMBIGUOUS_RST));
}

static void reset_outside_the_window_is_nothing(void **state)
{
    (void)state;
    struct tap *tap = tap_started();
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap_send(tap, CLIENT, NET_TCP_RST, 500000000, 0, "");
    tap_send(tap, CLIENT, NET_TCP_RST, 0u - 100000, 0, "");
    tap_data_from(tap, CLIENT, 4, 1, "def");
    tap_expect(tap, "C:abc C:def ");
}

static void data_behind_a_fin_of_the_same_side_marks(void **state)
{
    (void)state;
    struct tap *tap = tap_started();
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap_send(tap, CLIENT, NET_TCP_FIN | NET_TCP_ACK, 4, 1, "");
    tap_data_from(tap, CLIENT, 4, 1, "def");
    assert_int_equal(tap_settled(tap, LEDGER_OUT_OF_WINDOW), 1);
    tap_data_from(tap, SERVER, 1, 4, "answer");
    tap_expect_ambiguous(tap, "C:abc C. S:answer ", bit(FLOW_AMBIGUOUS_AFTER_CLOSE));
}

static void two_ends_of_a_stream_mark(void **state)
{
    (void)state;
    struct tap *tap = tap_started();
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap_send(tap, CLIENT, NET_TCP_FIN | NET_TCP_ACK, 7, 1, "");
    tap_send(tap, CLIENT, NET_TCP_FIN | NET_TCP_ACK, 5, 1, "");
    tap_data_from(tap, CLIENT, 4, 1, "def");
    tap_expect_ambiguous(tap, "C:abc C:def C. ", bit(FLOW_AMBIGUOUS_FIN));
    tap = tap_started();
    tap_data_from(tap, CLIENT, 1, 1, "abcdef");
    tap_send(tap, CLIENT, NET_TCP_FIN | NET_TCP_ACK, 3, 1, "");
    tap_data_from(tap, CLIENT, 7, 1, "ghi");
    tap_expect_ambiguous(tap, "C:abcdef C:ghi ", bit(FLOW_AMBIGUOUS_FIN));
}

static void syn_in_the_window_marks(void **state)
{
    (void)state;
    struct tap *tap = tap_started();
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap_send(tap, CLIENT, NET_TCP_SYN, 100, 0, "");
    tap_data_from(tap, CLIENT, 4, 1, "def");
    tap_expect_ambiguous(tap, "C:abc C:def ", bit(FLOW_AMBIGUOUS_SYN));
    /* Two answers to one SYN. */
    tap = tap_default();
    tap_send(tap, CLIENT, NET_TCP_SYN, 0, 0, "");
    tap_send(tap, SERVER, NET_TCP_SYN | NET_TCP_ACK, 0, 1, "");
    tap_send(tap, SERVER, NET_TCP_SYN | NET_TCP_ACK, 5000, 1, "");
    tap_ack(tap, CLIENT, 1, 1);
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap_expect_ambiguous(tap, "C:abc ", bit(FLOW_AMBIGUOUS_SYN));
}

/* A forged SYN far away ends the old flow; the old connection goes on under the new one, and is marked. */
static void forged_syn_does_not_hide_what_follows(void **state)
{
    (void)state;
    struct tap *tap = tap_started();
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap_send(tap, CLIENT, NET_TCP_SYN, 2000000000, 0, "");
    tap_data_from(tap, CLIENT, 4, 1, "def");
    tap_data_from(tap, SERVER, 1, 7, "answer");
    tap_flush(tap);
    assert_int_equal(tap->flow_count, 2);
    assert_string_equal(tap->flows[1].log, "C:def S:answer ");
    assert_int_equal(tap->flows[1].ambiguity, bit(FLOW_AMBIGUOUS_SYN));
    tap_free(tap);
}

/* The client says where the server begins, and the server's own SYN says otherwise. */
static void first_acknowledgement_that_was_false_is_put_right(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_send(tap, CLIENT, NET_TCP_SYN, 0, 0, "");
    tap_ack(tap, CLIENT, 1, 50000);
    tap_send(tap, SERVER, NET_TCP_SYN | NET_TCP_ACK, 0, 1, "");
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap_data_from(tap, SERVER, 1, 4, "answer");
    tap_expect_ambiguous(tap, "C:abc S:answer ", bit(FLOW_AMBIGUOUS_ACK));
}

/* Of two SYNs the server answers the first: what was forged is the second. */
static void answered_syn_is_the_one_that_was_read(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap_send(tap, CLIENT, NET_TCP_SYN, 0, 0, "");
    tap_send(tap, CLIENT, NET_TCP_SYN, 1, 0, "");
    tap_send(tap, SERVER, NET_TCP_SYN | NET_TCP_ACK, 0, 1, "");
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap_expect_ambiguous(tap, "C:abc ", bit(FLOW_AMBIGUOUS_SYN));
}

static void data_that_begins_before_its_syn_marks(void **state)
{
    (void)state;
    struct tap *tap = tap_started();
    tap_data_from(tap, CLIENT, 0u - 2, 1, "xyzabc");
    tap_expect_ambiguous(tap, "C:abc ", bit(FLOW_AMBIGUOUS_SYN));
    /* A SYN that nobody answered, and data before it or far behind. */
    const uint32_t places[] = {0u - 5000, 3u << 20};
    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        tap = tap_default();
        tap_send(tap, CLIENT, NET_TCP_SYN, 0, 0, "");
        tap_data_from(tap, CLIENT, places[i], 1, "abc");
        tap_expect_ambiguous(tap, "C:abc ", bit(FLOW_AMBIGUOUS_SYN));
    }
    /* A keep-alive probe is one byte before the first. */
    tap = tap_started();
    tap_data_from(tap, CLIENT, 0, 1, "x");
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap_expect(tap, "C:abc ");
}

static void acknowledgement_of_the_unsent_marks(void **state)
{
    (void)state;
    struct tap *tap = tap_started();
    tap_data_from(tap, CLIENT, 1, 0x70000000, "abc");
    tap_expect_ambiguous(tap, "C:abc ", bit(FLOW_AMBIGUOUS_ACK));
    /* Of what was before the connection. */
    tap = tap_started();
    tap_data_from(tap, CLIENT, 1, 0u - 5000, "abc");
    tap_expect_ambiguous(tap, "C:abc ", bit(FLOW_AMBIGUOUS_ACK));
    /* None at all: RFC 9293 3.10.7.4 drops it. */
    tap = tap_started();
    tap_send(tap, CLIENT, NET_TCP_PSH, 1, 0, "abc");
    tap_expect_ambiguous(tap, "C:abc ", bit(FLOW_AMBIGUOUS_ACK));
}

static void acknowledgement_proven_false_by_its_sender_marks(void **state)
{
    (void)state;
    struct tap *tap = tap_started();
    tap_data_from(tap, CLIENT, 1, 501, "abc");
    tap_wait(tap, 2 * tap->settings.skew_window_ns);
    tap_ack(tap, SERVER, 1, 1); /* still stands at its first byte */
    tap_data_from(tap, SERVER, 1, 4, "answer");
    tap_expect_ambiguous(tap, "S-500 C:abc ", bit(FLOW_AMBIGUOUS_ACK));
}

static void new_data_under_an_old_timestamp_marks(void **state)
{
    (void)state;
    struct tap *tap = tap_started();
    const struct {
        uint32_t time, sequence;
        const char *payload;
    } benign[] = {{100, 1, "abc"}, {101, 4, "def"}, {100, 1, "abc"}, {103, 10, "jkl"}, {102, 7, "ghi"}, {103, 13, "m"}};
    for (size_t i = 0; i < ARRAY_COUNT(benign); i++) {
        tap->next.options = NET_OPTION_TIMESTAMPS;
        tap->next.timestamp_value = benign[i].time;
        tap_data_from(tap, CLIENT, benign[i].sequence, 1, benign[i].payload);
    }
    tap_flush(tap);
    assert_int_equal(tap->flows[0].ambiguity, 0);
    tap_free(tap);

    tap = tap_started();
    tap->next.options = NET_OPTION_TIMESTAMPS;
    tap->next.timestamp_value = 0xfffffff0;
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap->next.options = NET_OPTION_TIMESTAMPS;
    tap->next.timestamp_value = 5; /* wrapped */
    tap_data_from(tap, CLIENT, 4, 1, "def");
    tap->next.options = NET_OPTION_TIMESTAMPS;
    tap->next.timestamp_value = 0xfffffff8;
    tap_data_from(tap, CLIENT, 7, 1, "old");
    tap_expect_ambiguous(tap, "C:abc C:def C:old ", bit(FLOW_AMBIGUOUS_TIMESTAMP));
}

static void bad_checksum_is_refused_once_good_ones_were_seen(void **state)
{
    (void)state;
    struct tap *tap = tap_started();
    tap->next.checksum = NET_CHECKSUM_GOOD;
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap->next.checksum = NET_CHECKSUM_BAD;
    tap_data_from(tap, CLIENT, 4, 1, "xyz");
    assert_int_equal(tap_settled(tap, LEDGER_CHECKSUM), 1);
    tap->next.checksum = NET_CHECKSUM_GOOD;
    tap_data_from(tap, CLIENT, 4, 1, "def");
    tap_expect(tap, "C:abc C:def ");
    /* The bad one repeats a good one with other bytes. */
    tap = tap_started();
    tap->next.checksum = NET_CHECKSUM_GOOD;
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap->next.checksum = NET_CHECKSUM_BAD;
    tap_data_from(tap, CLIENT, 1, 1, "xyz");
    tap_expect_ambiguous(tap, "C:abc ", bit(FLOW_AMBIGUOUS_CHECKSUM));
}

static void offloaded_checksums_are_taken_and_do_not_mark(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    tap->next.checksum = NET_CHECKSUM_GOOD; /* of bare segments some systems make it themselves */
    tap_send(tap, CLIENT, NET_TCP_SYN, 0, 0, "");
    tap_send(tap, SERVER, NET_TCP_SYN | NET_TCP_ACK, 0, 1, "");
    tap->next.checksum = NET_CHECKSUM_GOOD;
    tap_ack(tap, CLIENT, 1, 1);
    for (uint32_t i = 0; i < 3; i++) {
        tap->next.checksum = NET_CHECKSUM_BAD; /* left to the card */
        tap_data_from(tap, CLIENT, 1 + i * 3, 1 + i * 2, "ask");
        tap->next.checksum = NET_CHECKSUM_GOOD;
        tap_data_from(tap, SERVER, 1 + i * 2, 4 + i * 3, "ok");
    }
    tap->next.checksum = NET_CHECKSUM_BAD;
    tap_data_from(tap, CLIENT, 7, 7, "ask");
    tap_expect(tap, "C:ask S:ok C:ask S:ok C:ask S:ok ");
}

static void checksum_policies_are_followed(void **state)
{
    (void)state;
    struct flow_settings settings = tap_settings();
    settings.checksum_policy = FLOW_CHECKSUM_REFUSE;
    struct tap *tap = tap_new(&settings);
    tap->next.checksum = NET_CHECKSUM_BAD;
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    assert_int_equal(tap_settled(tap, LEDGER_CHECKSUM), 1);
    assert_int_equal(tap_statistics(tap).created, 0);
    tap_finish(tap);

    settings.checksum_policy = FLOW_CHECKSUM_ACCEPT;
    tap = tap_new(&settings);
    tap->next.checksum = NET_CHECKSUM_GOOD;
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap->next.checksum = NET_CHECKSUM_BAD;
    tap_data_from(tap, CLIENT, 4, 1, "xyz");
    tap->next.checksum = NET_CHECKSUM_GOOD;
    tap_data_from(tap, CLIENT, 4, 1, "def");
    tap_expect_ambiguous(tap, "C:abc C:xyz ", bit(FLOW_AMBIGUOUS_CHECKSUM) | bit(FLOW_AMBIGUOUS_OVERLAP));
}

static void urgent_data_marks(void **state)
{
    (void)state;
    struct tap *tap = tap_started();
    tap->next.urgent_pointer = 1;
    tap_send(tap, CLIENT, NET_TCP_ACK | NET_TCP_URG, 1, 1, "abc");
    tap_expect_ambiguous(tap, "C:abc ", bit(FLOW_AMBIGUOUS_URGENT));
}

static void signed_and_unsigned_data_marks(void **state)
{
    (void)state;
    struct tap *tap = tap_default();
    for (int i = 0; i < 3; i++) {
        const uint8_t flags[] = {NET_TCP_SYN, NET_TCP_SYN | NET_TCP_ACK, NET_TCP_ACK};
        tap->next.options = NET_OPTION_SIGNATURE;
        tap_send(tap, i == 1 ? SERVER : CLIENT, flags[i], i == 2, i != 0, "");
    }
    tap->next.options = NET_OPTION_SIGNATURE;
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap->next.options = NET_OPTION_SIGNATURE;
    tap_data_from(tap, SERVER, 1, 4, "ok");
    tap_data_from(tap, CLIENT, 4, 3, "def");
    tap_expect_ambiguous(tap, "C:abc S:ok C:def ", bit(FLOW_AMBIGUOUS_MD5));
}

static void conflicting_fragments_mark(void **state)
{
    (void)state;
    struct tap *tap = tap_started();
    tap->next.flags = NET_AMBIGUOUS | NET_REASSEMBLED;
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    tap_expect_ambiguous(tap, "C:abc ", bit(FLOW_AMBIGUOUS_FRAGMENT));
}

/* After an outage of gigabytes both sides are somewhere else; a few strays are not enough to follow them. */
static void stream_that_goes_on_out_of_the_window_is_followed_and_marked(void **state)
{
    (void)state;
    const uint32_t jump = 5u << 29; /* out of reach in both directions */
    struct tap *tap = tap_started();
    tap_data_from(tap, CLIENT, 1, 1, "abc");
    for (uint32_t i = 0; i < 7; i++)
        tap_data_from(tap, CLIENT, 4 + jump, 1, "stray");
    tap_data_from(tap, CLIENT, 4, 1, "def");
    for (uint32_t i = 0; i < 10; i++)
        tap_data_from(tap, CLIENT, 7 + jump + i, 1 + jump, "x");
    for (uint32_t i = 0; i < 10; i++)
        tap_data_from(tap, SERVER, 1 + jump + i, 17 + jump, "y");
    assert_int_equal(tap_settled(tap, LEDGER_OUT_OF_WINDOW), 7 + 7 + 7);
    tap_flush(tap);
    assert_string_equal(tap->flows[0].log, "C:abc C:def C-2684354567 C:x C:x C:x S-2684354567 S:y S:y S:y ");
    assert_int_equal(tap->flows[0].ambiguity & ~bit(FLOW_AMBIGUOUS_ACK), bit(FLOW_AMBIGUOUS_WINDOW));
    tap_free(tap);
}

static void marks_are_counted_once_a_flow(void **state)
{
    (void)state;
    struct tap *tap = tap_started();
    tap_data_from(tap, CLIENT, 1, 1, "aaaa");
    tap_data_from(tap, CLIENT, 1, 1, "bbbb");
    tap_data_from(tap, CLIENT, 1, 1, "cccc");
    assert_int_equal(tap_statistics(tap).ambiguous[FLOW_AMBIGUOUS_OVERLAP], 1);
    tap_finish(tap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retransmission_with_other_bytes_marks),
        cmocka_unit_test(other_cut_does_not_hide_other_bytes),
        cmocka_unit_test(acknowledged_bytes_cannot_be_replaced),
        cmocka_unit_test(overlap_among_waiting_segments_marks_and_follows_the_policy),
        cmocka_unit_test(in_order_segment_over_a_waiting_one_marks),
        cmocka_unit_test(data_behind_a_reset_of_the_same_side_marks),
        cmocka_unit_test(reset_outside_the_window_is_nothing),
        cmocka_unit_test(data_behind_a_fin_of_the_same_side_marks),
        cmocka_unit_test(two_ends_of_a_stream_mark),
        cmocka_unit_test(syn_in_the_window_marks),
        cmocka_unit_test(forged_syn_does_not_hide_what_follows),
        cmocka_unit_test(first_acknowledgement_that_was_false_is_put_right),
        cmocka_unit_test(answered_syn_is_the_one_that_was_read),
        cmocka_unit_test(data_that_begins_before_its_syn_marks),
        cmocka_unit_test(acknowledgement_of_the_unsent_marks),
        cmocka_unit_test(acknowledgement_proven_false_by_its_sender_marks),
        cmocka_unit_test(new_data_under_an_old_timestamp_marks),
        cmocka_unit_test(bad_checksum_is_refused_once_good_ones_were_seen),
        cmocka_unit_test(offloaded_checksums_are_taken_and_do_not_mark),
        cmocka_unit_test(checksum_policies_are_followed),
        cmocka_unit_test(urgent_data_marks),
        cmocka_unit_test(signed_and_unsigned_data_marks),
        cmocka_unit_test(conflicting_fragments_mark),
        cmocka_unit_test(stream_that_goes_on_out_of_the_window_is_followed_and_marked),
        cmocka_unit_test(marks_are_counted_once_a_flow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
