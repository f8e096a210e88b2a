/* SPDX-License-Identifier: Apache-2.0 */

/* event: what status says about a queue, in its three forms. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "event/status.h"

static struct status now, before;
static char text[STATUS_JSON_MAX];

static struct queue *sample_queue(void)
{
    struct queue *queue;
    struct queue_options options = {.worker_count = 2, .ring_bytes = QUEUE_RING_BYTES_MIN, .version = "9.8"};
    assert_int_equal(queue_create_private(&options, &queue), 0);
    struct worker_status worker = {
        .epoch = 4, .packets = 1000, .transactions = 10, .cycles_busy = 30, .cycles_idle = 70};
    worker.certificates = (struct certificate_status){.presented = 70, .read = 6, .unreadable = 2, .no_room = 1};
    worker.ledger.received.packets = 1000;
    worker.ledger.settled[LEDGER_AUDITED].packets = 900;
    worker.ledger.settled[LEDGER_ENCRYPTED].packets = 100;
    worker_status_store(queue_worker_status(queue, 1), &worker);
    control_epoch_store(queue_control_status(queue), &(struct epoch_status){.number = 4, .rules_digest = "abcdef"});
    return queue;
}

static void snapshot(struct queue *queue, struct status *status_out)
{
    status_read(queue, "q", status_out);
}

static const char *rendered(void (*render)(const struct status *, const struct status *, FILE *),
                            const struct status *earlier)
{
    FILE *stream = fmemopen(text, sizeof(text), "w");
    assert_non_null(stream);
    render(&now, earlier, stream);
    fclose(stream);
    return text;
}

static void render_top(const struct status *a, const struct status *b, FILE *stream)
{
    status_render_top(a, b, 100, 12, stream);
}

static void counts_rates_and_losses_are_told(void **state)
{
    (void)state;
    struct queue *queue = sample_queue();
    snapshot(queue, &before);
    struct worker_status worker = before.workers[1];
    worker.packets += 500;
    worker.cycles_busy += 50;
    worker.cycles_idle += 50;
    worker_status_store(queue_worker_status(queue, 1), &worker);
    while (ring_put_heartbeat(queue_producer(queue, 0), &(struct heartbeat){.packets = 1}))
        ;
    ring_publish(queue_producer(queue, 0));
    snapshot(queue, &now);
    now.time_ns = before.time_ns + 2000000000u;
    assert_int_equal(now.ledger.received.packets, 1000);
    assert_true(ledger_balanced(&now.ledger));
    assert_int_equal(now.rings[0].dropped[RECORD_HEARTBEAT], 1);
    assert_int_equal(now.rings[0].published, now.rings[0].written[RECORD_HEARTBEAT]);
    assert_true(now.rings[0].used_bytes > 0);
    assert_false(status_is_healthy(&now));

    assert_non_null(strstr(rendered(status_render_text, &before), "heartbeat 1"));
    assert_non_null(strstr(text, "version 9.8"));
    assert_non_null(strstr(text, "encrypted"));
    assert_non_null(strstr(text, " 50.0%"));
    assert_non_null(strstr(text, " 250 "));
    assert_non_null(strstr(text, "70 certificate chains presented: 6 read, of them 2 unreadable; 1 left unread"));
    assert_null(strstr(text, "OUT OF BALANCE"));
    assert_null(strstr(text, "cycles a call"));

    struct json_writer writer;
    json_writer_init(&writer, text, sizeof(text));
    status_render_json(&now, &before, &writer);
    assert_false(writer.overflow);
    text[writer.size] = '\0';
    assert_non_null(strstr(text, "\"packets_per_second\":250.000"));
    assert_non_null(
        strstr(text, "{\"presented\":70,\"read\":6,\"unreadable\":2,\"staples\":0,\"refused\":0,\"no_room\":1}"));
    assert_non_null(strstr(text, "\"rules_digest\":\"abcdef\""));
    assert_non_null(strstr(text, "\"healthy\":false"));
    queue_free(queue);
}

/* Ours alone, so that a terminal never scrolls: no line beyond the columns, no row beyond the rows. */
static void top_fits_the_screen(void **state)
{
    (void)state;
    struct queue *queue = sample_queue();
    snapshot(queue, &now);
    const char *screen = rendered(render_top, NULL);
    uint32_t rows = 1, column = 0;
    for (const char *c = screen; *c; c++) {
        if (*c == '\033') {
            while (*c && !(*c >= 'A' && *c <= 'Z') && *c != 'm')
                c++;
        } else if (*c == '\n') {
            rows++;
            column = 0;
        } else if (*c != '\r') {
            assert_true(++column <= 100);
        }
    }
    assert_in_range(rows, 5, 12);
    assert_non_null(strstr(screen, "[####"));
    queue_free(queue);
}

/* 200 of 400 cycles went to parsing; waiting is none of them. Ten calls. */
static void stages_share_what_was_not_waited(void **state)
{
    (void)state;
    struct queue *queue = sample_queue();
    struct worker_status *worker = queue_worker_status(queue, 1);
    worker->stage_cycles[STAGE_IDLE] = 1000000;
    worker->stage_cycles[STAGE_DECODE] = 100;
    worker->stage_cycles[STAGE_PARSE] = 200;
    worker->stage_cycles[STAGE_QUEUE] = 100;
    snapshot(queue, &now);
    assert_non_null(
        strstr(rendered(status_render_text, NULL), "parse                     200   50.0%             20\n"));
    assert_null(strstr(text, "idle "));
    struct json_writer writer;
    json_writer_init(&writer, text, sizeof(text));
    status_render_json(&now, NULL, &writer);
    text[writer.size] = '\0';
    assert_non_null(strstr(text, "\"stage_cycles\":{\"idle\":1000000,\"receive\":0,\"decode\":100,"));
    queue_free(queue);
}

static void the_largest_status_fits_its_json(void **state)
{
    (void)state;
    memset(&now, 0xff, sizeof(now));
    now.producer_alive = true;
    now.worker_count = QUEUE_WORKERS_MAX;
    now.ring_count = QUEUE_RINGS_MAX;
    now.reporter.state = REPORTER_RUNNING;
    now.queue[QUEUE_NAME_MAX - 1] = '\0';
    now.reporter.file[SEGMENT_FILE_SIZE - 1] = '\0';
    now.control.program_version[SEGMENT_VERSION_SIZE - 1] = '\0';
    now.control.reload_text[CONTROL_TEXT_SIZE - 1] = '\0';
    memset(now.control.reload_text, 1, CONTROL_TEXT_SIZE - 1);
    memset(&now.control.epoch, 0, sizeof(now.control.epoch));
    now.control.port_count = SEGMENT_PORTS_MAX;
    for (uint32_t i = 0; i < SEGMENT_PORTS_MAX; i++) {
        memset(now.control.ports[i].name, 'x', SEGMENT_NAME_SIZE - 1);
        now.control.ports[i].name[SEGMENT_NAME_SIZE - 1] = '\0';
        now.control.ports[i].queue_count = SEGMENT_QUEUES_MAX;
    }
    memset(&before, 0, sizeof(before));
    struct json_writer writer;
    json_writer_init(&writer, text, sizeof(text));
    status_render_json(&now, &before, &writer);
    assert_false(writer.overflow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_rates_and_losses_are_told),
        cmocka_unit_test(top_fits_the_screen),
        cmocka_unit_test(stages_share_what_was_not_waited),
        cmocka_unit_test(the_largest_status_fits_its_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
