/* SPDX-License-Identifier: Apache-2.0 */

/* Spread: what is given is taken once, in order and unchanged, or refused; meetings of two workers show. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "spread/spread.h"

#define WORKERS 3u
#define PACKETS 200000u

static struct spread *make(uint32_t workers, bool hand_over)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct spread_options options = {workers, SPREAD_RING_BYTES_MIN, hand_over};
    struct spread *spread;
    assert_int_equal(spread_new(&options, &diagnostics, &spread), 0);
    diagnostics_deinit(&diagnostics);
    return spread;
}

/* Payload of a size and content that follow from its number. */
static uint32_t payload_of(uint32_t number, uint8_t *payload)
{
    uint32_t size = number % 7 == 0 ? 0 : number * 2654435761u % (number % 1000 == 1 ? 65535 : 1500);
    for (uint32_t i = 0; i < size; i++)
        payload[i] = (uint8_t)(number + i * 31);
    return size;
}

static bool give(struct spread *spread, uint32_t from, uint32_t to, uint32_t number)
{
    uint8_t payload[65536];
    struct packet frame = {0};
    struct net_packet packet = {.packet = &frame, .sequence = number, .acknowledgement = from, .packets = 1};
    packet.payload = (struct span){payload, payload_of(number, payload)};
    packet.bytes = packet.payload.size + 54;
    return spread_give(spread, from, to, &packet);
}

static void check(const struct net_packet *packet, uint32_t from, uint32_t number)
{
    uint8_t payload[65536];
    uint32_t size = payload_of(number, payload);
    assert_null(packet->packet);
    assert_int_equal(packet->acknowledgement, from);
    assert_int_equal(packet->sequence, number);
    assert_int_equal(packet->payload.size, size);
    assert_int_equal(packet->bytes, size + 54);
    if (size)
        assert_memory_equal(packet->payload.data, payload, size);
}

static void what_is_given_is_taken_once(void **state)
{
    (void)state;
    struct spread *spread = make(2, true);
    struct net_packet packets[SPREAD_TAKE_MAX];
    assert_int_equal(spread_take(spread, 1, packets), 0);
    assert_true(give(spread, 0, 1, 5));
    assert_int_equal(spread_take(spread, 1, packets), 0);
    spread_publish(spread, 0);
    for (uint32_t again = 0; again < 2; again++) {
        assert_int_equal(spread_take(spread, 1, packets), 1);
        check(&packets[0], 0, 5);
    }
    spread_release(spread, 1);
    assert_int_equal(spread_take(spread, 1, packets), 0);
    assert_int_equal(spread_take(spread, 0, packets), 0);
    spread_free(spread);
}

static void a_full_ring_refuses_and_recovers(void **state)
{
    (void)state;
    struct spread *spread = make(2, true);
    struct net_packet packets[SPREAD_TAKE_MAX];
    uint32_t next = 0, taken = 0;
    for (uint32_t round = 0; round < 50; round++) {
        uint32_t given = 0;
        while (give(spread, 1, 0, next)) {
            next++;
            given++;
        }
        /* Even with the largest packets it holds some, and never more bytes than it has. */
        assert_in_range(given, 2, SPREAD_RING_BYTES_MIN / 256);
        spread_publish(spread, 1);
        for (uint32_t count; (count = spread_take(spread, 0, packets)) != 0; spread_release(spread, 0))
            for (uint32_t i = 0; i < count; i++)
                check(&packets[i], 1, taken++);
        assert_int_equal(taken, next);
    }
    spread_free(spread);
}

/* ---------------------------------------------------------------------- threads */

struct worker {
    struct spread *spread;
    uint32_t self;
    uint32_t *giving;
    uint64_t taken, sum;
};

/* Gives to each of the others in turn while it takes what they give. */
static void *work(void *argument)
{
    struct worker *worker = argument;
    uint32_t next[WORKERS] = {0}, seen[WORKERS] = {0};
    struct net_packet packets[SPREAD_TAKE_MAX];
    bool done = false;
    for (uint32_t given = 0;;) {
        for (uint32_t burst = 0; burst < 32 && given < PACKETS; burst++) {
            uint32_t to = (worker->self + 1 + given % (WORKERS - 1)) % WORKERS;
            if (!give(worker->spread, worker->self, to, next[to]))
                break;
            next[to]++;
            given++;
        }
        spread_publish(worker->spread, worker->self);
        if (given == PACKETS && !done) {
            done = true;
            __atomic_fetch_sub(worker->giving, 1, __ATOMIC_RELEASE);
        }
        bool last = __atomic_load_n(worker->giving, __ATOMIC_ACQUIRE) == 0;
        uint32_t count = spread_take(worker->spread, worker->self, packets);
        for (uint32_t i = 0; i < count; i++) {
            check(&packets[i], packets[i].acknowledgement, seen[packets[i].acknowledgement]);
            seen[packets[i].acknowledgement]++;
        }
        spread_release(worker->spread, worker->self);
        worker->taken += count;
        if (last && count == 0)
            return NULL;
        if (count == 0)
            sched_yield();
    }
}

static void workers_exchange_without_loss(void **state)
{
    (void)state;
    struct spread *spread = make(WORKERS, true);
    uint32_t giving = WORKERS;
    struct worker workers[WORKERS];
    pthread_t threads[WORKERS];
    for (uint32_t i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.spread = spread, .self = i, .giving = &giving};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    uint64_t taken = 0;
    for (uint32_t i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
        taken += workers[i].taken;
    }
    assert_int_equal(taken, (uint64_t)WORKERS * PACKETS);
    spread_free(spread);
}

/* --------------------------------------------------------------------- meetings */

static void a_connection_met_by_two_workers_shows(void **state)
{
    (void)state;
    struct spread *spread = make(2, false);
    assert_false(spread_hands_over(spread));
    const uint64_t hash = UINT64_C(0x123456789abcdef0);
    assert_true(spread_meet(spread, 0, hash));
    assert_true(spread_meet(spread, 0, hash));
    assert_false(spread_meet(spread, 1, hash));
    /* Another connection in the same place of the table is no meeting. */
    assert_true(spread_meet(spread, 0, hash ^ UINT64_C(1) << 40));
    assert_true(spread_meet(spread, 1, hash));
    spread_free(spread);
}

static void homes_are_shared_out(void **state)
{
    (void)state;
    struct spread *spread = make(4, true);
    uint32_t homes[4] = {0};
    for (uint64_t i = 0; i < 4000; i++)
        homes[spread_home(spread, i * UINT64_C(0x9e3779b97f4a7c15) >> 7)]++;
    for (uint32_t i = 0; i < 4; i++)
        assert_in_range(homes[i], 900, 1100);
    spread_free(spread);
    spread = make(1, true);
    assert_false(spread_hands_over(spread));
    spread_free(spread);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_is_taken_once),   cmocka_unit_test(a_full_ring_refuses_and_recovers),
        cmocka_unit_test(workers_exchange_without_loss), cmocka_unit_test(a_connection_met_by_two_workers_shows),
        cmocka_unit_test(homes_are_shared_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
