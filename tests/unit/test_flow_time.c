/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Flow and time: packets carry the time they are stamped with and how far that is off a clock nobody sets. Deadlines go
 * by the clock; without the offset the same stamps are a silence, and end the connection.
 */

#include "flow_tap.h"

#define YEAR_NS (31556952 * SECOND_NS)

/* A handshake and a request; then the answer, stamped `step_ns` later, of which `offset_ns` is the clock's doing. */
static struct tap *exchange(uint64_t step_ns, uint64_t offset_ns)
{
    struct tap *tap = tap_default();
    tap_handshake(tap);
    tap_data_from(tap, CLIENT, 1, 1, "ask");
    tap_wait(tap, step_ns);
    tap->next.clock_offset_ns = offset_ns;
    tap_data_from(tap, SERVER, 1, 4, "answer");
    tap->next.clock_offset_ns = offset_ns;
    tap_data_from(tap, CLIENT, 4, 7, "thanks");
    return tap;
}

static void test_step_is_no_silence(void **state)
{
    (void)state;
    const uint64_t steps[] = {7200 * SECOND_NS, 60 * YEAR_NS, 0 - 7200 * SECOND_NS, 0 - 20 * YEAR_NS};
    for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
        struct tap *tap = exchange(steps[i], steps[i]);
        assert_int_equal(tap_statistics(tap).created, 1);
        assert_int_equal(tap_statistics(tap).midstream, 0);
        tap_expect(tap, "C:ask S:answer C:thanks ");
    }
}

static void test_silence_ends(void **state)
{
    (void)state;
    struct tap *tap = exchange(7200 * SECOND_NS, 0);
    assert_int_equal(tap_statistics(tap).created, 2);
    assert_int_equal(tap_statistics(tap).ended[FLOW_END_TIMEOUT], 1);
    tap_finish(tap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_is_no_silence),
        cmocka_unit_test(test_silence_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
